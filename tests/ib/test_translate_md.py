"""Ticks of TWS as DepthMarketData (spec ib 5.8); every expected value is worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ctp2.ib.records import Contract, DepthRow, Details, TickOption, TickPrice, TickSize, TickString
from ctp2.ib.resolved import Resolved
from ctp2.ib.translate_md import BadTick, Field, Quote, tick_to_ctp
from ctp2.refdata.ticks import DBL_MAX
from tests.ib import listed

ARRIVAL_NS = 1_764_000_000_250_000_000
"""2025-11-24 16:00:00.250 UTC, 11:00:00.250 in New York."""


def resolved(details: Details, scale: int = 1) -> Resolved:
    return Resolved(details.contract, details, "X", scale)


AAPL = resolved(listed.AAPL)


def quote_of(*ticks: Any, of: Resolved = AAPL, server_version: int = 176, delayed: bool = False) -> Quote:
    quote = Quote(of, server_version)
    quote.is_delayed = delayed
    for tick in ticks:
        feed(quote, tick)
    return quote


def feed(quote: Quote, tick: Any) -> bool:
    if isinstance(tick, TickPrice):
        return quote.on_price(tick)
    if isinstance(tick, TickSize):
        return quote.on_size(tick)
    if isinstance(tick, TickString):
        return quote.on_string(tick)
    if isinstance(tick, DepthRow):
        return quote.book.apply(tick)
    return quote.on_option(tick)


def shown(quote: Quote, of: Resolved = AAPL) -> Field:
    quote.clock(ARRIVAL_NS)
    return tick_to_ctp(quote, of, "20251124", of.zone)


def price(number: int, value: float, size: float = 0.0) -> TickPrice:
    return TickPrice(1, number, value, size)


def size(number: int, value: float) -> TickSize:
    return TickSize(1, number, value)


def text(number: int, value: str) -> TickString:
    return TickString(1, number, value)


def delta(number: int, value: float | None) -> TickOption:
    return TickOption(1, number, 0.2, value, 5.0, None, 0.1, 0.1, 0.1, 100.0)


@pytest.mark.parametrize(
    ("tick", "name", "value"),
    [
        (price(1, 100.5, 300), "BidPrice1", 100.5),
        (price(1, 100.5, 300), "BidVolume1", 300),
        (price(66, 100.5, 300), "BidPrice1", 100.5),
        (price(2, 100.6, 200), "AskPrice1", 100.6),
        (price(2, 100.6, 200), "AskVolume1", 200),
        (price(67, 100.6, 200), "AskVolume1", 200),
        (price(4, 100.55, 100), "LastPrice", 100.55),
        (price(68, 100.55, 100), "LastPrice", 100.55),
        (price(37, 100.56), "LastPrice", 100.56),
        (price(6, 101.0), "HighestPrice", 101.0),
        (price(72, 101.0), "HighestPrice", 101.0),
        (price(7, 99.0), "LowestPrice", 99.0),
        (price(73, 99.0), "LowestPrice", 99.0),
        (price(14, 99.5), "OpenPrice", 99.5),
        (price(76, 99.5), "OpenPrice", 99.5),
        (price(9, 98.0), "PreClosePrice", 98.0),
        (price(75, 98.0), "PreSettlementPrice", 98.0),
        (size(8, 12_345), "Volume", 12_345),
        (size(74, 12_345), "Volume", 12_345),
        (size(22, 7_000), "OpenInterest", 7_000.0),
        (delta(13, 0.55), "CurrDelta", 0.55),
        (delta(83, -0.4), "CurrDelta", -0.4),
        # Missing: -1 without size, NaN; a delta that TWS did not compute.
        (price(1, -1.0), "BidPrice1", DBL_MAX),
        (price(2, math.nan, 5), "AskPrice1", DBL_MAX),
        (price(2, math.nan, 5), "AskVolume1", 0),
        (price(4, -1.0), "LastPrice", DBL_MAX),
        (delta(13, -2.0), "CurrDelta", DBL_MAX),
        (delta(13, None), "CurrDelta", DBL_MAX),
        # Real: -1 with a size, other negative prices, zero.
        (price(1, -1.0, 10), "BidPrice1", -1.0),
        (price(1, -1.0, 10), "BidVolume1", 10),
        (price(4, -37.63, 2), "LastPrice", -37.63),
        (price(2, 0.0, 3), "AskPrice1", 0.0),
        # 2³¹ and more do not fit.
        (size(8, 3e9), "Volume", 2_147_483_647),
        (price(1, 1.0, 3e9), "BidVolume1", 2_147_483_647),
    ],
)
def test_a_tick(tick: Any, name: str, value: float) -> None:
    quote = Quote(AAPL)
    feed(quote, tick)
    assert getattr(shown(quote), name) == value


def test_what_is_never_known() -> None:
    field = shown(quote_of(price(1, 100.0, 1)))
    for name in (
        *("ClosePrice", "SettlementPrice", "UpperLimitPrice", "LowerLimitPrice", "PreDelta"),
        *("BandingUpperPrice", "BandingLowerPrice", "AskPrice1", "BidPrice2", "AskPrice5", "LastPrice", "OpenPrice"),
    ):
        assert getattr(field, name) == DBL_MAX, name
    assert (field.Volume, field.Turnover, field.AveragePrice, field.OpenInterest, field.AskVolume1) == (0, 0, 0, 0, 0)
    assert (field.ExchangeID, field.ExchangeInstID, field.InstrumentID) == ("NASD", "AAPL", "")
    assert (field.TradingDay, field.ActionDay) == ("20251124", "20251124")
    assert (field.UpdateTime, field.UpdateMillisec) == ("11:00:00", 250)


def test_only_changes_are_changes() -> None:
    quote = Quote(AAPL)
    assert feed(quote, price(1, 100.0, 5))
    assert not feed(quote, price(1, 100.0, 5))
    assert not feed(quote, size(0, 5))
    assert feed(quote, size(0, 6))
    assert feed(quote, price(1, -1.0))
    # Its price is gone: a size that comes late belongs to nothing.
    assert not feed(quote, size(0, 6))
    assert not feed(quote, price(99, 1.0, 1))
    assert not feed(quote, size(99, 1.0))
    assert shown(quote).BidVolume1 == 0


def test_volume_never_falls_within_a_day() -> None:
    quote = quote_of(size(8, 500), size(8, 400), text(48, "1;1;;450;1;true"))
    assert shown(quote).Volume == 500
    feed(quote, text(48, "100.5;10;1764000000100;510;100.25;true"))
    assert shown(quote).Volume == 510
    quote.new_session()
    feed(quote, size(8, 3))
    field = shown(quote)
    assert (field.Volume, field.Turnover, field.HighestPrice) == (3, 0.0, DBL_MAX)


def test_turnover_is_vwap_times_volume_times_multiplier() -> None:
    # A share: 100.25 × 510. A future of 50 a point: 6000.5 × 20 × 50. Pence: a hundredth.
    field = shown(quote_of(text(48, "100.5;10;1764000000100;510;100.25;true")))
    assert (field.Turnover, field.AveragePrice) == (51_127.5, 100.25)
    es = resolved(listed.ES)
    field = shown(quote_of(text(48, "6000;1;1764000000100;20;6000.5;true"), of=es), es)
    assert (field.Turnover, field.AveragePrice) == (6_000_500.0, 300_025.0)
    vodafone = resolved(listed.VODAFONE)
    field = shown(quote_of(text(48, "90;1;1764000000100;1000;88.5;true"), of=vodafone), vodafone)
    assert field.Turnover == pytest.approx(885.0)
    assert field.AveragePrice == pytest.approx(0.885)
    # VWAP without volume, and volume without VWAP, are no turnover.
    assert shown(quote_of(text(48, "1;1;1764000000100;;88.5;true"))).Turnover == 0
    assert shown(quote_of(size(8, 5))).Turnover == 0


def test_trades_without_a_price_and_damaged_ones() -> None:
    quote = quote_of(text(48, ";0;1764000000100;510;100.25;false"))
    field = shown(quote)
    assert (field.LastPrice, field.Volume) == (DBL_MAX, 510)
    for broken in ("100", "1;1;yesterday;5;5;true", "1;1;1764000000100;many;5;true"):
        with pytest.raises(BadTick, match="48"):
            quote.on_string(text(48, broken))
    with pytest.raises(BadTick, match="noon"):
        quote.on_string(text(45, "noon"))
    assert not quote.on_string(text(32, "KQ"))


@pytest.mark.parametrize(
    ("details", "number", "is_its"),
    [
        (listed.ES, 86, True),
        (listed.ES, 27, False),
        (listed.AAPL_OPTION, 27, True),
        (listed.AAPL_OPTION, 28, False),
        (listed.SPX, 28, True),
        (listed.SPX, 27, False),
        (listed.SPX, 86, False),
        (listed.AAPL, 27, False),
        (listed.ES, 22, True),
    ],
)
def test_open_interest_by_type_and_right(details: Details, number: int, is_its: bool) -> None:
    of = resolved(details)
    assert shown(quote_of(size(number, 900.0), of=of), of).OpenInterest == (900.0 if is_its else 0.0)


def test_last_price_where_nothing_trades() -> None:
    euro = resolved(listed.EUR)
    quote = quote_of(price(1, 1.25, 1e6), price(2, 1.5, 2e6), price(37, 9.0), of=euro)
    assert shown(quote, euro).LastPrice == 1.375
    feed(quote, price(2, -1.0))
    assert shown(quote, euro).LastPrice == 9.0
    # A share has no midpoint: the mark.
    assert shown(quote_of(price(1, 1.25, 1), price(2, 1.5, 1))).LastPrice == DBL_MAX


def test_lots_of_old_servers() -> None:
    in_lots = resolved(listed.stock(1, "X", md_size_multiplier=100))
    old = quote_of(price(1, 10.0, 3), size(0, 4), size(8, 20), of=in_lots, server_version=158)
    assert (shown(old, in_lots).BidVolume1, shown(old, in_lots).Volume) == (400, 2_000)
    new = quote_of(price(1, 10.0, 300), size(8, 2_000), of=in_lots, server_version=159)
    assert (shown(new, in_lots).BidVolume1, shown(new, in_lots).Volume) == (300, 2_000)
    future = resolved(listed.future(2, "F", "202512", "20251219", "CME", "50", 0.25, md_size_multiplier=100))
    assert shown(quote_of(size(8, 20), of=future, server_version=157), future).Volume == 20


def test_fractions_of_coins() -> None:
    # A hundred thousand volumes are a coin: turnover of 2 coins at 90000 is 180000.
    coin = resolved(listed.BTC, 100_000)
    quote = quote_of(price(1, 90_000.0, 0.5), text(48, "1;1;1764000000100;2;90000;true"), of=coin)
    field = shown(quote, coin)
    assert (field.BidVolume1, field.Volume) == (50_000, 200_000)
    assert field.Turnover == pytest.approx(180_000.0)


def test_times() -> None:
    # 16:00:01.500 UTC by tick 48; the same packet's tick 45 is older.
    quote = quote_of(text(45, "1764000000"), text(48, "1;1;1764000001500;5;1;true"))
    field = shown(quote)
    assert (field.ActionDay, field.UpdateTime, field.UpdateMillisec) == ("20251124", "11:00:01", 500)
    # The next packet tells no time; its arrival, a second before that, does not set the clock back.
    assert quote.clock(ARRIVAL_NS) == 1_764_000_001_500_000_000
    assert quote.clock(ARRIVAL_NS + 5 * 10**9) == ARRIVAL_NS + 5 * 10**9
    # Another zone, where it is the next day.
    quote = quote_of(text(48, "1;1;1764000001500;5;1;true"))
    quote.clock(ARRIVAL_NS)
    tencent = resolved(listed.TENCENT)
    field = tick_to_ctp(quote, AAPL, "20251124", tencent.zone)
    assert (field.TradingDay, field.ActionDay, field.UpdateTime) == ("20251124", "20251125", "00:00:01")


def test_delayed_data_has_its_own_time_and_a_mark() -> None:
    # 15:44:10 UTC; the bid that comes alone is of that time, too, not of its arrival.
    quote = quote_of(price(68, 99.0), text(88, "1763999050"), delayed=True)
    assert shown(quote).UpdateTime == "10:44:10"
    feed(quote, price(66, 98.9, 1))
    field = shown(quote)
    assert (field.UpdateTime, field.ExchangeInstID, field.BidPrice1) == ("10:44:10", "DELAYED", 98.9)


def test_depth_takes_the_place_of_the_best_prices() -> None:
    quote = quote_of(
        price(1, 99.0, 7),
        price(2, 99.5, 8),
        DepthRow(2, 0, 0, 1, 99.1, 3.0, "ARCA", True),
        DepthRow(2, 1, 0, 1, 99.1, 4.0, "BATS", True),
        DepthRow(2, 2, 0, 1, 99.0, 5.0, "BATS", True),
    )
    field = shown(quote)
    assert (field.BidPrice1, field.BidVolume1, field.BidPrice2, field.BidVolume2) == (99.1, 7, 99.0, 5)
    assert (field.BidPrice3, field.BidVolume3) == (DBL_MAX, 0)
    assert (field.AskPrice1, field.AskVolume1, field.AskPrice2) == (99.5, 8, DBL_MAX)


def test_what_is_worth_showing() -> None:
    quote = Quote(AAPL)
    assert quote.is_blank
    feed(quote, price(9, 98.0))
    assert not quote.is_blank
    assert not quote.is_priced
    feed(quote, price(4, 98.0, 1))
    assert quote.is_priced
    quote.forget_book()
    assert quote.last == 98.0


def test_other_contracts_have_no_local_name_for_a_right() -> None:
    bare = resolved(Details(Contract(9, "X", "OPT", right="", exchange="SMART", currency="USD")))
    assert shown(quote_of(size(27, 5.0), of=bare), bare).OpenInterest == 0


UNSET = [1.7976931348623157e308, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("value", UNSET)
def test_numbers_that_are_not_set(value: float) -> None:
    """TWS and its libraries write them so, prices and sizes alike; none of them can be made an integer."""
    ticks = [price(1, value, 3), price(2, 201.0, value), price(4, value, value), price(6, value), size(3, value)]
    rows = [DepthRow(1, 0, 0, 0, 202.0, value), DepthRow(1, 1, 0, 0, value, 5), DepthRow(1, 2, 0, 0, 203.0, 5)]
    field = shown(
        quote_of(*ticks, size(8, value), size(86, value), text(48, f"1;1;1764000000000;{value};{value};true"))
    )
    assert (field.BidPrice1, field.BidVolume1, field.AskPrice1, field.AskVolume1) == (DBL_MAX, 0, 201.0, 0)
    assert (field.LastPrice, field.HighestPrice) == (DBL_MAX, DBL_MAX)
    assert (field.Volume, field.OpenInterest, field.Turnover, field.AveragePrice) == (0, 0.0, 0.0, 0.0)
    field = shown(quote_of(*rows))
    assert (field.AskPrice1, field.AskVolume1, field.AskPrice2) == (203.0, 5, DBL_MAX)


@pytest.mark.parametrize("value", [2_147_483_647, 9_223_372_036_854_775_807, 2**127 - 1])
def test_sizes_that_are_not_set(value: float) -> None:
    field = shown(quote_of(price(1, 200.0, 7), size(0, float(value)), size(8, float(value))))
    assert (field.BidPrice1, field.BidVolume1, field.Volume) == (200.0, 0, 0)


def test_a_size_of_more_than_32_bits_is_cut() -> None:
    assert shown(quote_of(price(1, 200.0, 3e9))).BidVolume1 == 2_147_483_647


@pytest.mark.parametrize("late", ["45", "48"])
def test_times_beyond_all_calendars(late: str) -> None:
    tick = text(45, "99999999999999999") if late == "45" else text(48, "1;1;99999999999999999999;5;1;true")
    with pytest.raises(BadTick):
        quote_of(tick)
