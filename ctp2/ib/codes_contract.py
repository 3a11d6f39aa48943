"""Two-way tables of contracts: exchanges, product classes, option rights (spec ib 4.2, 4.3). Functions only look up."""

from __future__ import annotations

from typing import Final

EXCHANGE_ID_LIMIT: Final = 8
"""CTP's ExchangeID holds as many characters."""

_NASDAQ: Final = ("NASDAQ", "ISLAND")
_SAME: Final = ("NYSE", "ARCA", "AMEX", "BATS", "CME", "CBOT", "NYMEX", "COMEX", "LSE")

EXCHANGE_ID_OF: Final[dict[str, str]] = {
    **dict.fromkeys(_NASDAQ, "NASD"),
    **{code: code for code in _SAME},
    "SEHK": "HKEX",
    "HKFE": "HKEX",
    "SEHKNTL": "SSE",
    "SEHKSZSE": "SZSE",
    "GLOBEX": "CME",
    "ECBOT": "CBOT",
    "LSEETF": "LSE",
    "LMEOTC": "LME",
}
"""IB's exchange → CTP's ExchangeID as openctp extends it; others keep their own text, cut to 8 characters."""

IB_EXCHANGE_OF: Final[dict[str, str]] = {
    "NASD": "NASDAQ",
    "SSE": "SEHKNTL",
    "SZSE": "SEHKSZSE",
    "LME": "LMEOTC",
    **{code: code for code in _SAME},
}
"""CTP's ExchangeID → IB's exchange, for queries; HKEX is answered by security type."""

_HONG_KONG: Final = {"FUT": "HKFE", "OPT": "HKFE", "IND": "HKFE"}

EXCHANGE_NAMES: Final[dict[str, str]] = {
    "SSE": "上海证券交易所",
    "SZSE": "深圳证券交易所",
    "HKEX": "香港交易所",
    "CME": "芝加哥商业交易所",
    "CBOT": "芝加哥期货交易所",
    "NYMEX": "纽约商业交易所",
    "COMEX": "纽约商品交易所",
    "CBOE": "芝加哥期权交易所",
    "NASD": "纳斯达克交易所",
    "NYSE": "纽约证券交易所",
    "ARCA": "NYSE Arca",
    "AMEX": "NYSE American",
    "BATS": "Cboe BZX",
    "LME": "伦敦金属交易所",
    "LSE": "伦敦证券交易所",
    "EUREX": "欧洲期货交易所",
    "SGX": "新加坡交易所",
    "IDEALPRO": "IDEALPRO",
    "PAXOS": "PAXOS",
    "SMART": "SMART",
}
"""ExchangeID → name, for ReqQryExchange; an exchange that is not here has its code for a name."""

FUTURE: Final = "1"
OPTION: Final = "2"
COMBINATION: Final = "3"
SPOT: Final = "4"
STOCK: Final = "E"
FUND: Final = "D"
BOND: Final = "B"
INDEX: Final = "I"

PRODUCT_CLASS_OF: Final[dict[str, str]] = {
    "FUT": FUTURE,
    "OPT": OPTION,
    "FOP": OPTION,
    "WAR": OPTION,
    "BAG": COMBINATION,
    "CASH": SPOT,
    "CMDTY": SPOT,
    "CRYPTO": SPOT,
    "CFD": SPOT,
    "STK": STOCK,
    "BOND": BOND,
    "IND": INDEX,
}
"""secType → ProductClass; E, D, B and I are openctp's (6.7 itself calls I MI). Others: STK's."""

OPTIONS_TYPE_OF: Final = {"C": "1", "CALL": "1", "P": "2", "PUT": "2"}
RIGHT_OF: Final = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}
"""TWS writes a right as one letter or as a word."""

CLASS_TYPES: Final[dict[str, frozenset[str]]] = {
    "1": frozenset({FUTURE}),
    "2": frozenset({OPTION}),
    "3": frozenset({COMBINATION}),
}
"""ClassType of ReqQryClassifiedInstrument → product classes; empty and 0 are all."""


def exchange_id(exchange: str) -> str:
    """CTP's ExchangeID of an IB exchange."""
    if exchange.startswith("NASDAQ."):
        exchange = "NASDAQ"
    return EXCHANGE_ID_OF.get(exchange, exchange[:EXCHANGE_ID_LIMIT])


def exchange_of_contract(sec_type: str, exchange: str, primary: str) -> str:
    """CTP's ExchangeID of a contract: the listing exchange where there is one, else where it is routed to."""
    listing = primary if sec_type in ("STK", "WAR", "BOND") and primary else exchange
    return exchange_id(listing or primary)


def ib_exchange(exchange_id_: str, sec_type: str) -> str:
    """The IB exchange to ask about an ExchangeID; an unknown one is IB's own text."""
    if exchange_id_ == "HKEX":
        return _HONG_KONG.get(sec_type, "SEHK")
    return IB_EXCHANGE_OF.get(exchange_id_, exchange_id_)


def product_class(sec_type: str, stock_type: str) -> str:
    """CTP's ProductClass."""
    if sec_type == "STK" and stock_type.upper() == "ETF":
        return FUND
    return PRODUCT_CLASS_OF.get(sec_type, STOCK)
