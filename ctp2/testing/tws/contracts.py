"""What the stand-in lists: contracts with all that ``contractDetails`` tells, and how a client finds them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

_TYPES: Final = "ACTIVETIM,AON,DAY,FOK,GTC,GTD,HID,IOC,LIT,LMT,MIT,MKT,MTL,STP,STPLMT,WHATIF"
"""What the stand-in can do, in the words of ``orderTypes``."""
HOUR_DAYS: Final = 6
"""Days of trading hours that contract details show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A contract of the list.

    ``exchange`` is where details show it by default (SMART, CME, …), ``hours`` and ``liquid_hours`` are TWS's text;
    empty means open always. ``price`` is where its quotes begin. Sizes below 1 make it fractional (spec ib 4.3).
    """

    con_id: int
    symbol: str
    sec_type: str
    exchange: str
    currency: str
    price: float
    min_tick: float
    date: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    primary_exchange: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    market_name: str = ""
    order_types: str = _TYPES
    valid_exchanges: str = ""
    price_magnifier: int = 1
    under_con_id: int = 0
    long_name: str = ""
    contract_month: str = ""
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    time_zone: str = "US/Eastern"
    hours: str = ""
    liquid_hours: str = ""
    last_trade_time: str = ""
    sec_ids: tuple[tuple[str, str], ...] = ()
    agg_group: int = 1
    under_symbol: str = ""
    under_sec_type: str = ""
    market_rules: str = ""
    real_expiration: str = ""
    stock_type: str = ""
    min_size: str = "1"
    size_increment: str = "1"
    suggested_size_increment: str = "1"
    md_size_multiplier: int = 1
    derivative_types: tuple[str, ...] = ()
    bond: Mapping[str, Any] = field(default_factory=dict)
    """What message 18 tells of a bond: coupon, maturity, issueDate, ratings, bondType and so on, by the names there."""

    @property
    def exchanges(self) -> tuple[str, ...]:
        """All that may be named as the exchange of an order."""
        return tuple(self.valid_exchanges.split(","))

    @property
    def multiplier_number(self) -> float:
        """What a point is worth; 1 where nothing is said."""
        return float(self.multiplier or 1)

    def hours_on(self, day: dt.date, is_liquid: bool = False) -> str:
        """The hours as contract details tell them on a day."""
        text = self.liquid_hours if is_liquid else self.hours
        if text:
            return text
        days = (day + dt.timedelta(days=count) for count in range(HOUR_DAYS))
        return ";".join(f"{one:%Y%m%d}:0000-{one:%Y%m%d}:2359" for one in days)


class Contracts:
    """The list. Contracts are found as TWS finds them: by conId, else by every field that the client filled."""

    def __init__(self, listed: Iterable[Listed]) -> None:
        self.by_id: dict[int, Listed] = {}
        for contract in listed:
            self.add(contract)

    def add(self, contract: Listed) -> None:
        """List one more, or another one under its conId."""
        self.by_id[contract.con_id] = contract

    def __iter__(self) -> Any:
        return iter(self.by_id.values())

    def find(self, asked: Mapping[str, Any], sec_id_type: str = "", sec_id: str = "") -> list[Listed]:
        """All contracts that ``asked`` (the fields of C12 by name) can mean."""
        con_id = asked.get("conId") or 0
        if con_id:
            known = self.by_id.get(con_id)
            return [known] if known is not None and _routes(known, asked.get("exchange") or "") else []
        return [one for one in self.by_id.values() if _is_meant(one, asked) and _has_sec_id(one, sec_id_type, sec_id)]

    def matching(self, pattern: str) -> list[Listed]:
        """What a search for text finds: symbols that begin with it, names that contain it."""
        text = pattern.upper()
        found = [
            one
            for one in self.by_id.values()
            if one.sec_type in ("STK", "IND", "CASH", "CRYPTO", "BOND")
            and (one.symbol.upper().startswith(text) or text in one.long_name.upper())
        ]
        return sorted(found, key=lambda one: (one.symbol.upper() != text, one.symbol, one.con_id))[:16]


def _routes(contract: Listed, exchange: str) -> bool:
    return not exchange or exchange in contract.exchanges or exchange in (contract.exchange, contract.primary_exchange)


def _is_meant(contract: Listed, asked: Mapping[str, Any]) -> bool:
    if (asked.get("secType") or contract.sec_type) != contract.sec_type:
        return False
    if not asked.get("symbol") and not asked.get("localSymbol") and not asked.get("tradingClass"):
        return contract.sec_type == "BOND" and bool(asked.get("secType"))
    pairs = (
        (asked.get("symbol"), contract.symbol),
        (asked.get("currency"), contract.currency),
        (asked.get("localSymbol"), contract.local_symbol),
        (asked.get("tradingClass"), contract.trading_class),
        (asked.get("multiplier"), contract.multiplier),
        ((asked.get("right") or "")[:1], contract.right),
        (asked.get("strike"), contract.strike),
        (asked.get("primaryExchange"), contract.primary_exchange),
    )
    if any(given and given != own for given, own in pairs):
        return False
    date = asked.get("lastTradeDate") or ""
    is_date = not date or date == contract.date or (len(date) == 6 and date == contract.contract_month)
    return is_date and _routes(contract, asked.get("exchange") or "")


def _has_sec_id(contract: Listed, sec_id_type: str, sec_id: str) -> bool:
    return not sec_id_type or (sec_id_type, sec_id) in contract.sec_ids


# ---------------------------------------------------------------------- the documented list
def third_friday(year: int, month: int) -> dt.date:
    """When US stock options and index futures end."""
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(4 - first.weekday()) % 7 + 14)


def es_front(day: dt.date) -> tuple[str, dt.date]:
    """The month of the quarterly cycle that still trades, and its last day."""
    year, month = day.year, day.month
    while True:
        if month % 3 == 0 and third_friday(year, month) >= day:
            return f"{year}{month:02d}", third_friday(year, month)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def cl_front(day: dt.date) -> tuple[str, dt.date]:
    """Crude oil ends three weekdays before the last weekday up to the 25th of the month before its own."""
    year, month = day.year, day.month
    while True:
        last = _weekdays_before(_weekday_until(dt.date(year, month, 25)), 3)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        if last >= day:
            return f"{year}{month:02d}", last


def option_expiry(day: dt.date) -> dt.date:
    """The first monthly expiry that is at least thirty days away."""
    year, month = day.year, day.month
    while (expiry := third_friday(year, month)) < day + dt.timedelta(days=30):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return expiry


def _weekday_until(day: dt.date) -> dt.date:
    while day.weekday() > 4 or (day.month, day.day) == (12, 25):
        day -= dt.timedelta(days=1)
    return day


def _weekdays_before(day: dt.date, count: int) -> dt.date:
    for _ in range(count):
        day = _weekday_until(day - dt.timedelta(days=1))
    return day


_US: Final = "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,ISLAND,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX,NASDAQ"
_MONTHS: Final = "FGHJKMNQUVXZ"
_KNOWN_FUTURES: Final = {("ES", "202512"): 495512563}


def _us_stock(con_id: int, symbol: str, name: str, price: float, market: str, **more: Any) -> Listed:
    return Listed(
        con_id=con_id,
        symbol=symbol,
        sec_type="STK",
        exchange="SMART",
        currency="USD",
        price=price,
        min_tick=0.01,
        primary_exchange=more.pop("primary", "NASDAQ"),
        local_symbol=symbol,
        trading_class=more.pop("trading_class", "NMS"),
        market_name=market,
        valid_exchanges=_US,
        long_name=name,
        stock_type=more.pop("stock_type", "COMMON"),
        market_rules=",".join("26" for _ in _US.split(",")),
        derivative_types=("CFD", "OPT", "WAR"),
        **more,
    )


def _future(root: str, front: tuple[str, dt.date], base: int, **more: Any) -> Listed:
    month, last = front
    return Listed(
        con_id=_KNOWN_FUTURES.get((root, month), base + int(month)),
        symbol=root,
        sec_type="FUT",
        currency="USD",
        date=f"{last:%Y%m%d}",
        real_expiration=f"{last:%Y%m%d}",
        contract_month=month,
        local_symbol=f"{root}{_MONTHS[int(month[4:]) - 1]}{month[3]}",
        trading_class=root,
        market_name=root,
        under_symbol=root,
        under_sec_type="IND",
        valid_exchanges=str(more["exchange"]),
        agg_group=2147483647,
        **more,
    )


def documented(day: dt.date) -> list[Listed]:
    """The list of a stand-in that is started bare, with the front months and expiry of ``day``."""
    expiry = option_expiry(day)
    apple = _us_stock(
        265598,
        "AAPL",
        "APPLE INC",
        200.0,
        "NMS",
        industry="Technology",
        category="Computers",
        subcategory="Computers",
        sec_ids=(("ISIN", "US0378331005"),),
    )
    call = Listed(
        con_id=700_000_000 + int(f"{expiry:%y%m%d}"),
        symbol="AAPL",
        sec_type="OPT",
        exchange="SMART",
        currency="USD",
        price=12.5,
        min_tick=0.01,
        date=f"{expiry:%Y%m%d}",
        real_expiration=f"{expiry:%Y%m%d}",
        contract_month=f"{expiry:%Y%m}",
        strike=200.0,
        right="C",
        multiplier="100",
        local_symbol=f"AAPL  {expiry:%y%m%d}C00200000",
        trading_class="AAPL",
        market_name="AAPL",
        valid_exchanges="SMART,AMEX,CBOE,PHLX,PSE,ISE,BOX,BATS,NASDAQOM,CBOE2",
        under_con_id=265598,
        under_symbol="AAPL",
        under_sec_type="STK",
        long_name="APPLE INC",
        market_rules="32,109,109,109,109,109,109,32,109,32",
        agg_group=2,
    )
    put = replace(
        call, con_id=call.con_id + 1_000_000, right="P", price=9.5, local_symbol=f"AAPL  {expiry:%y%m%d}P00200000"
    )
    return [
        apple,
        _us_stock(
            272093,
            "MSFT",
            "MICROSOFT CORP",
            420.0,
            "NMS",
            industry="Technology",
            category="Software",
            subcategory="Applications Software",
            sec_ids=(("ISIN", "US5949181045"),),
        ),
        _us_stock(
            756733,
            "SPY",
            "SPDR S&P 500 ETF TRUST",
            600.0,
            "SPY",
            primary="ARCA",
            trading_class="SPY",
            stock_type="ETF",
            industry="Funds",
            category="Equity Fund",
            subcategory="Growth&Income",
        ),
        call,
        put,
        _future(
            "ES",
            es_front(day),
            495_000_000,
            exchange="CME",
            price=6000.0,
            min_tick=0.25,
            multiplier="50",
            time_zone="US/Central",
            long_name="E-mini S&P 500",
            market_rules="67",
            under_con_id=11004968,
        ),
        _future(
            "CL",
            cl_front(day),
            174_000_000,
            exchange="NYMEX",
            price=60.0,
            min_tick=0.01,
            multiplier="1000",
            time_zone="US/Eastern",
            long_name="Light Sweet Crude Oil",
            market_rules="32",
            under_con_id=17340715,
        ),
        Listed(
            con_id=12087792,
            symbol="EUR",
            sec_type="CASH",
            exchange="IDEALPRO",
            currency="USD",
            price=1.15,
            min_tick=0.00005,
            local_symbol="EUR.USD",
            trading_class="EUR.USD",
            market_name="EUR.USD",
            valid_exchanges="IDEALPRO",
            long_name="European Monetary Union Euro",
            market_rules="239",
            agg_group=4,
        ),
        Listed(
            con_id=151_113_120,
            symbol="700",
            sec_type="STK",
            exchange="SEHK",
            currency="HKD",
            price=600.0,
            min_tick=0.2,
            primary_exchange="SEHK",
            local_symbol="700",
            trading_class="700",
            market_name="700",
            valid_exchanges="SMART,SEHK",
            long_name="TENCENT HOLDINGS LTD",
            industry="Communications",
            category="Internet",
            subcategory="Web Portals/ISP",
            time_zone="Asia/Hong_Kong",
            stock_type="COMMON",
            min_size="100",
            size_increment="100",
            suggested_size_increment="100",
            market_rules="100,100",
            derivative_types=("OPT", "WAR", "IOPT"),
        ),
    ]
