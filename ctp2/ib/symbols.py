"""What an InstrumentID means to IB, and how a contract is written as one (spec ib 4.1). Pure functions, both ways.

The text alone says which contract it is and where its orders go: ``AAPL-USD-STK``, ``ES-202512-USD-FUT@CME``,
``SPX:SPXW-20251121-P-5000-100-USD-OPT``, ``#265598``. :func:`parse` also takes the short spellings that users know
(``AAPL``, ``00700``, ``EUR.USD``, OCC text, ``ESZ5@CME``); :func:`write` writes the canonical text alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

SMART: Final = "SMART"
CASH_EXCHANGE: Final = "IDEALPRO"
CRYPTO_EXCHANGE: Final = "PAXOS"

DEFAULT_EXCHANGE: Final[dict[str, str]] = {
    "STK": SMART,
    "OPT": SMART,
    "CFD": SMART,
    "CMDTY": SMART,
    "BOND": SMART,
    "CASH": CASH_EXCHANGE,
    "CRYPTO": CRYPTO_EXCHANGE,
}
"""Where a text without ``@`` goes. FUT, FOP and IND have none: a contract query must find exactly one exchange."""
SILENT_DEFAULT: Final = frozenset({"STK", "OPT", "CFD", "CMDTY", "BOND", "CASH"})
"""Types whose canonical text leaves the default exchange out (CRYPTO always names its exchange)."""

CON_ID_LIMIT: Final = 22
"""Longest text of the form ``#CONID@EXCH``; an exchange that does not fit is left out."""


class Symbol(msgspec.Struct, frozen=True, gc=False):
    """What an InstrumentID says; empty is not said.

    ``date`` is a contract month (YYYYMM) or a last trading day (YYYYMMDD); ``strike`` and ``multiplier`` are decimal
    texts in their shortest form; ``con_id`` alone identifies the contract where it is not 0; ``local_symbol`` is the
    exchange's own name. ``trading_class`` is empty where it is the symbol's own.
    """

    sec_type: str
    symbol: str = ""
    currency: str = ""
    exchange: str = ""
    primary: str = ""
    trading_class: str = ""
    date: str = ""
    right: str = ""
    strike: str = ""
    multiplier: str = ""
    con_id: int = 0
    local_symbol: str = ""
    isin: str = ""


class NoSymbol(ValueError):
    """A text that the grammar does not read as a contract; says why."""


# ------------------------------------------------------------------ texts within a field
_MARKED: Final = frozenset("_-@:~")
_HEX: Final = re.compile(r"~([0-9A-Fa-f]{2})")


def encode(text: str, also: str = "") -> str:
    """A symbol, class or exchange as a field: space is ``_``; ``_ - @ : ~``, controls and non-ASCII are ``~XX``."""
    return "".join(_code(char, also) for char in text)


def _code(char: str, also: str) -> str:
    if char == " ":
        return "_"
    if "!" <= char <= "}" and char not in _MARKED and char not in also:
        return char
    return "".join(f"~{byte:02X}" for byte in char.encode())


def decode(text: str) -> str:
    """The symbol, class or exchange that a field means.

    Raises:
        NoSymbol: a ``~`` without two hex digits, bytes that are no UTF-8, or a character that must be written as one.
    """
    if not all("!" <= char <= "~" for char in text):
        raise NoSymbol(f"{text[:40]!r}: spaces are written _, and what is not ASCII as ~ and two hex digits")
    if "~" not in text:
        return text.replace("_", " ")
    if _HEX.sub("", text).count("~"):
        raise NoSymbol(f"{text!r}: behind ~ come two hex digits")
    raw = bytearray()
    for index, piece in enumerate(_HEX.split(text)):
        raw += bytes.fromhex(piece) if index % 2 else piece.replace("_", " ").encode()
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NoSymbol(f"{text!r} is no UTF-8: {error.reason}") from error


def number_text(value: float | str | Decimal) -> str:
    """The shortest decimal text, without exponent and trailing zeros: ``200``, ``12.5``, ``0.0085``.

    Raises:
        NoSymbol: it is no finite number.
    """
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise NoSymbol(f"{value!r} is no number") from None
    if not number.is_finite():
        raise NoSymbol(f"{value!r} is no number")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


# ------------------------------------------------------------------ text → symbol
_CON_ID: Final = re.compile(r"#([1-9][0-9]{0,9})(?:@(.+))?")
_DIGITS: Final = re.compile(r"[0-9]+")
_WORD: Final = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)*")
_PAIR: Final = re.compile(r"([A-Z]{3})\.([A-Z]{3})")
_OCC: Final = re.compile(r"([A-Z][A-Z0-9]{0,5}) *([0-9]{6})([CP])([0-9]{8})")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SIGNED: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_CURRENCY: Final = re.compile(r"[A-Z]{3,5}")
_ISIN: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_MONTH: Final = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])")
_DAY: Final = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_INT32_MAX: Final = 2_147_483_647

STOCK_CONNECT: Final = {"6": "SEHKNTL", "0": "SEHKSZSE", "3": "SEHKSZSE"}
"""First digit of a six digit code → exchange of the Stock Connect."""


def parse(text: str, *, digits_are_con_id: bool = False) -> Symbol:
    """What an InstrumentID means.

    ``digits_are_con_id``: bare digits are a conId, for users of vnpy_ib.

    Raises:
        NoSymbol: neither the grammar nor the list of short spellings reads it.
    """
    if not text:
        raise NoSymbol("the InstrumentID is empty")
    if text.startswith("#") and (match := _CON_ID.fullmatch(text)):
        return Symbol("", con_id=_con_id(match[1]), exchange=decode(match[2] or ""))
    body, at, place = text.partition("@")
    if at and (not place or "@" in place):
        raise NoSymbol(f"{text!r}: one exchange follows the @")
    fields = body.split("-")
    if len(fields) == 1:
        return _short(body, decode(place), digits_are_con_id)
    kind = fields[-1]
    read = _GRAMMAR.get(kind)
    if read is None:
        raise NoSymbol(f"{text!r} ends in {kind!r}: the security types are {', '.join(_GRAMMAR)}")
    exchange, _, primary = place.partition("/")
    symbol = read(_joined(kind, fields), text)
    if primary and kind != "STK":
        raise NoSymbol(f"{text!r}: only a stock names its listing exchange")
    return msgspec.structs.replace(
        symbol, exchange=decode(exchange) or DEFAULT_EXCHANGE.get(kind, ""), primary=decode(primary)
    )


def _con_id(digits: str) -> int:
    number = int(digits)
    if not 0 < number <= _INT32_MAX:
        raise NoSymbol(f"{digits!r} is no conId: it has 31 bits")
    return number


def _joined(kind: str, fields: list[str]) -> list[str]:
    """The minus of a negative strike is no separator: an empty field before a number belongs to it."""
    if kind in ("OPT", "FOP") and len(fields) == 8 and fields[3] == "":
        return [*fields[:3], "-" + fields[4], *fields[5:]]
    return fields


def _count(fields: list[str], text: str, *counts: int) -> None:
    if len(fields) not in counts or not all(fields):
        raise NoSymbol(f"{text!r}: {fields[-1]} has {' or '.join(map(str, counts))} fields, none empty")


def _checked(pattern: re.Pattern[str], value: str, text: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise NoSymbol(f"{text!r}: {value!r} is no {what}")
    return value


def _root(field: str, text: str) -> tuple[str, str]:
    root, colon, trading_class = field.partition(":")
    if not root or (colon and not trading_class) or ":" in trading_class:
        raise NoSymbol(f"{text!r}: the root is SYMBOL or SYMBOL:CLASS")
    symbol, own_class = decode(root), decode(trading_class)
    return symbol, "" if own_class == symbol else own_class


def _named(field: str, text: str) -> str:
    if ":" in field:
        raise NoSymbol(f"{text!r}: only futures and options have a trading class")
    return decode(field)


def _plain(fields: list[str], text: str) -> Symbol:
    """``SYM-CUR-TYPE``: STK, IND, CFD, CMDTY, CRYPTO."""
    _count(fields, text, 3)
    name, currency, kind = fields
    return Symbol(kind, _named(name, text), _checked(_CURRENCY, currency, text, "currency"))


def _cash(fields: list[str], text: str) -> Symbol:
    _count(fields, text, 3)
    base = _checked(_CURRENCY, fields[0], text, "currency")
    return Symbol("CASH", base, _checked(_CURRENCY, fields[1], text, "currency"))


def _bond(fields: list[str], text: str) -> Symbol:
    _count(fields, text, 3)
    isin = _checked(_ISIN, fields[0], text, "ISIN")
    return Symbol("BOND", currency=_checked(_CURRENCY, fields[1], text, "currency"), isin=isin)


def _date(value: str, text: str) -> str:
    return _checked(_MONTH if len(value) == 6 else _DAY, value, text, "contract month (YYYYMM) or day (YYYYMMDD)")


def _positive(value: str, text: str, what: str) -> str:
    number = number_text(_checked(_NUMBER, value, text, what))
    if number == "0":
        raise NoSymbol(f"{text!r}: a {what} of 0")
    return number


def _future(fields: list[str], text: str) -> Symbol:
    """``ROOT[:CLASS]-YYYYMM[-MULT]-CUR-FUT``."""
    _count(fields, text, 4, 5)
    symbol, trading_class = _root(fields[0], text)
    return Symbol(
        "FUT",
        symbol,
        _checked(_CURRENCY, fields[-2], text, "currency"),
        trading_class=trading_class,
        date=_date(fields[1], text),
        multiplier=_positive(fields[2], text, "multiplier") if len(fields) == 5 else "",
    )


def _option(fields: list[str], text: str) -> Symbol:
    """``ROOT[:CLASS]-YYYYMMDD-C-STRIKE-MULT-CUR-OPT``, and the same for FOP."""
    _count(fields, text, 7)
    root, date, right, strike, multiplier, currency, kind = fields
    symbol, trading_class = _root(root, text)
    if right not in ("C", "P"):
        raise NoSymbol(f"{text!r}: the right is C or P, not {right!r}")
    return Symbol(
        kind,
        symbol,
        _checked(_CURRENCY, currency, text, "currency"),
        trading_class=trading_class,
        date=_date(date, text),
        right=right,
        strike=number_text(_checked(_SIGNED, strike, text, "strike")),
        multiplier=_positive(multiplier, text, "multiplier"),
    )


_GRAMMAR: Final[dict[str, Callable[[list[str], str], Symbol]]] = {
    "STK": _plain,
    "CASH": _cash,
    "FUT": _future,
    "OPT": _option,
    "FOP": _option,
    "IND": _plain,
    "CFD": _plain,
    "CMDTY": _plain,
    "CRYPTO": _plain,
    "BOND": _bond,
}


def _short(body: str, exchange: str, digits_are_con_id: bool) -> Symbol:
    """The spellings that are accepted as input only."""
    if exchange:
        if digits_are_con_id and _DIGITS.fullmatch(body):
            return Symbol("", con_id=_con_id(body), exchange=exchange)
        return Symbol("FUT", exchange=exchange, local_symbol=decode(body))
    if _DIGITS.fullmatch(body):
        return _digits(body, digits_are_con_id)
    if match := _PAIR.fullmatch(body):
        return Symbol("CASH", match[1], match[2], CASH_EXCHANGE)
    if match := _OCC.fullmatch(body):
        root, date, right, strike = match.groups()
        _checked(_DAY, "20" + date, body, "day")
        local = f"{root:<6}{date}{right}{strike}"
        price = number_text(Decimal(strike).scaleb(-3))
        # The root is the trading class, of which the symbol may differ (SPXW is SPX): the local symbol finds both.
        return Symbol("OPT", "", "USD", SMART, "", "", "20" + date, right, price, local_symbol=local)
    if _WORD.fullmatch(body):
        return Symbol("STK", decode(body), "USD", SMART)
    raise NoSymbol(f"{body!r} is neither written as the manual says nor a short spelling that it lists")


def _digits(body: str, digits_are_con_id: bool) -> Symbol:
    if digits_are_con_id:
        return Symbol("", con_id=_con_id(body))
    if len(body) == 5 and body.strip("0"):
        return Symbol("STK", body.lstrip("0"), "HKD", "SEHK")
    if len(body) == 6 and body[0] in STOCK_CONNECT:
        return Symbol("STK", body, "CNH", STOCK_CONNECT[body[0]])
    raise NoSymbol(f"{body!r}: five digits are Hong Kong's, six beginning with 6, 0 or 3 the Stock Connect's")


# ------------------------------------------------------------------ symbol → canonical text
def write(symbol: Symbol) -> str:
    """The canonical text; a symbol of a type without grammar, or known by a local symbol alone, has none.

    Raises:
        NoSymbol: nothing can be written for it.
    """
    if symbol.con_id:
        return write_con_id(symbol.con_id, symbol.exchange)
    fields = _fields(symbol)
    if fields is None:
        raise NoSymbol(f"{symbol!r} has no text but its conId's")
    return "-".join((*fields, symbol.sec_type)) + _place(symbol)


def write_con_id(con_id: int, exchange: str = "") -> str:
    """``#CONID@EXCH``, without the exchange where that would pass 22 characters."""
    text = f"#{con_id}@{encode(exchange, '/')}" if exchange else f"#{con_id}"
    return text if len(text) <= CON_ID_LIMIT else f"#{con_id}"


def _fields(symbol: Symbol) -> tuple[str, ...] | None:
    kind, currency = symbol.sec_type, symbol.currency
    if not _CURRENCY.fullmatch(currency):
        return None
    if kind == "BOND":
        return (symbol.isin, currency) if _ISIN.fullmatch(symbol.isin) else None
    if kind not in _GRAMMAR or not symbol.symbol or (kind == "CASH" and not _CURRENCY.fullmatch(symbol.symbol)):
        return None
    if kind not in ("FUT", "OPT", "FOP"):
        return encode(symbol.symbol), currency
    root = encode(symbol.symbol)
    if symbol.trading_class not in ("", symbol.symbol):
        root = f"{root}:{encode(symbol.trading_class)}"
    if kind == "FUT":
        multiplier = (symbol.multiplier,) if symbol.multiplier else ()
        return (root, symbol.date, *multiplier, currency) if symbol.date else None
    if not (symbol.date and symbol.right and symbol.strike and symbol.multiplier):
        return None
    return root, symbol.date, symbol.right, symbol.strike, symbol.multiplier, currency


def _place(symbol: Symbol) -> str:
    if symbol.primary:
        return f"@{encode(symbol.exchange or SMART, '/')}/{encode(symbol.primary, '/')}"
    if not symbol.exchange:
        return ""
    if symbol.sec_type in SILENT_DEFAULT and symbol.exchange == DEFAULT_EXCHANGE[symbol.sec_type]:
        return ""
    return "@" + encode(symbol.exchange, "/")
