"""What a stand-in lists that is started bare: AAPL, MSFT, SPY, an AAPL call and put, ES, CL, EUR.USD, 700 of SEHK."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any, Final

from ctp2.testing.tws.contracts import Listed


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


_STOCKS: Final = (
    _us_stock(
        265598,
        "AAPL",
        "APPLE INC",
        200.0,
        "NMS",
        industry="Technology",
        category="Computers",
        subcategory="Computers",
        sec_ids=(("ISIN", "US0378331005"),),
    ),
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
)
_EURO: Final = Listed(
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
)
_TENCENT: Final = Listed(
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
)


def _options(expiry: dt.date) -> list[Listed]:
    """A call and a put of AAPL at 200."""
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
    return [call, put]


def _futures(day: dt.date) -> list[Listed]:
    """The front months."""
    return [
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
    ]


def documented(day: dt.date) -> list[Listed]:
    """The list, with the front months and expiry of ``day``."""
    return [*_STOCKS, *_options(option_expiry(day)), *_futures(day), _EURO, _TENCENT]
