"""Synthetic days: what each obeys, the figures of reference-data 6, options on their underlying, one seed one day."""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from decimal import Decimal
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.refdata import synthetic
from ctp2.refdata.black76 import value_and_delta
from ctp2.refdata.calendar import calendar
from ctp2.refdata.instruments import instrument_for, load_special
from ctp2.refdata.models import FUTURE, OPTION, Instrument
from ctp2.refdata.styles import start_price, style_of
from ctp2.refdata.synthetic import SyntheticDay, SyntheticMarket
from ctp2.refdata.ticks import DBL_MAX, Tick, TickInstrument
from ctp2.refdata.walks import Grid, spans_of

DAY = "20261123"
HOUR = 3600 * 10**9
CODES = [
    *((code, "") for code in ("IF2612", "T2612", "rb2612", "rb2705", "au2612", "m2701", "SR701", "lc2701")),
    *((code, "SSE") for code in ("600519", "600000", "688981", "510050", "204001", "10001707")),
    *(("920000", "BSE"), ("127080", "SZSE"), ("00700", "HKEX"), ("00001", "HKEX"), ("AAPL", "NASD"), ("SPY", "BATS")),
    *(("ESZ6", "CME"), ("GCZ6", "CME"), ("IO2612-C-4600", ""), ("cu2701P80000", "")),
]
WHICH = [("IF2703", ""), ("rb2705", ""), ("SR705", ""), ("600000", "SSE"), ("00700", "HKEX"), ("AAPL", "NASD")]


def instrument(code: str, exchange: str = "", day: str = DAY) -> Instrument:
    found = instrument_for(code, exchange, day)
    assert found is not None
    return found


def ticks_of(code: str, exchange: str = "", seed: int = 1, day: str = DAY) -> list[Tick]:
    return list(SyntheticDay(instrument(code, exchange, day), day, seed))


def check(made: Instrument, ticks: list[Tick]) -> None:
    """What holds of every day: order, grid, limits, lots, running totals, extremes, averages, levels."""
    before = ticks[0]
    highest, lowest = -math.inf, math.inf
    unit = made.lot if made.product_class in ("stock", "fund") else made.lot_step
    for tick in ticks:
        assert tick.time_ns >= before.time_ns
        assert tick.volume >= before.volume
        assert tick.turnover >= before.turnover
        assert tick.volume % unit == 0
        prices = [price for price in (tick.last, tick.bid1, tick.ask1, tick.bid5, tick.ask5) if price != DBL_MAX]
        for price in prices:
            units = round(price * made.price_scale)
            assert units / made.price_scale == price, "a price is the nearest double of its decimal"
            assert units % made.tick_units_at(units) == 0
            if tick.upper_limit != DBL_MAX:
                assert tick.lower_limit <= price <= tick.upper_limit
        if tick.volume:
            highest, lowest = max(highest, tick.last), min(lowest, tick.last)
            assert (tick.high, tick.low) == (highest, lowest)
            assert tick.low <= tick.open <= tick.high
            average = tick.turnover / tick.volume
            if made.exchange == "CZCE":
                average /= made.multiplier
            assert tick.average_price == pytest.approx(average, rel=1e-12)
            whole = made.multiplier if made.exchange != "CZCE" else 1
            assert lowest * whole * (1 - 1e-12) <= tick.average_price <= highest * whole * (1 + 1e-12)
        else:
            assert (tick.last, tick.open, tick.high, tick.low) == (DBL_MAX,) * 4
            assert tick.turnover == tick.average_price == 0.0
        for level in range(1, 6):
            bid, ask = getattr(tick, f"bid{level}"), getattr(tick, f"ask{level}")
            assert (bid == DBL_MAX) == (getattr(tick, f"bid_volume{level}") == 0)
            assert (ask == DBL_MAX) == (getattr(tick, f"ask_volume{level}") == 0)
            assert bid == DBL_MAX or ask == DBL_MAX or bid < ask
            if made.product_class in (FUTURE, OPTION) and level > 1:
                assert bid == ask == DBL_MAX
        assert tick.open_interest >= 0
        before = tick


@pytest.mark.parametrize(("code", "exchange"), CODES, ids=[code for code, _ in CODES])
def test_every_day_obeys_the_rules(code: str, exchange: str) -> None:
    made = instrument(code, exchange)
    ticks = ticks_of(code, exchange)
    check(made, ticks[:5000])
    spans = spans_of(made, DAY)
    assert ticks[-1].volume > 0
    assert ticks[-1].close == ticks[-2].last
    inside = [tick for tick in ticks if any(start <= tick.time_ns < end for start, end in spans)]
    assert len(ticks) - 4 <= len(inside), "the opening auction, the close and the record after it"
    if made.product_class in (FUTURE, OPTION):
        assert ticks[-1].settlement != DBL_MAX
        assert ticks[-1].open_interest > 0
    else:
        assert ticks[-1].settlement == DBL_MAX
        assert inside[100].bid5 < inside[100].bid1


@given(
    st.sampled_from(WHICH),
    st.integers(0, 2**63),
    st.sampled_from(calendar().trading_days("CN", "20260105", "20261229")),
)
@settings(max_examples=12, deadline=None)
def test_any_seed_any_day(which: tuple[str, str], seed: int, day: str) -> None:
    made = instrument(*which, day)
    check(made, list(islice(SyntheticDay(made, day, seed), 3000)))


@given(st.integers(0, 1000), st.sampled_from(["0.02", "0.99", "1.00", "250"]))
@settings(max_examples=10, deadline=None)
def test_a_price_may_cross_the_bounds_of_its_ticks(seed: int, price: str) -> None:
    made = instrument("AAPL", "NASD")
    check(made, list(islice(SyntheticDay(made, DAY, seed, pre_settlement=Decimal(price)), 3000)))


def test_negative_prices_and_fixed_limits() -> None:
    """MINUS starts at -37.63 within ±500 and never closes."""
    (made,) = [item for item in load_special(include_disabled=True) if item.code == "MINUS"]
    day = iter(SyntheticDay(made, DAY, 3))
    ticks = [next(day) for _ in range(3000)]
    assert ticks[0].pre_settlement == -37.63
    assert (ticks[0].upper_limit, ticks[0].lower_limit) == (500.0, -500.0)
    assert all(tick.last < 0 for tick in ticks if tick.volume)
    assert all(tick.bid1 < tick.ask1 for tick in ticks)


# ---------------------------------------------------------------------------------------------- calibration

# code, exchange, price before the day → the row of reference-data 6 that its class has: interval p50/p90, mean spread
# and share of one tick, size p50, share without trade, volume p50/p90, one-minute move in bp. The moves of the four
# classes of shares are those of the day's first hour divided by 1.7 (styles); IF 6.6-9.2, so 8; 600519 7-10, so 8.5.
FIGURES = [
    ("IF2612", "", "5200", (0.5, 0.5), 2.9, 0.26, 2, 0.22, (3, 9), 8.0),
    ("T2612", "", "108", (0.5, 2.5), 1.33, 0.69, 4, 0.73, (2, 5), 0.2),
    ("600519", "SSE", "1800", (3, 3), 60.0, 0.08, 200, 0.10, (350, 1300), 8.5),
    ("600000", "SSE", "10", (3, 4), 1.2, 0.83, 5500, 0.43, (1100, 7900), 16 / 1.7),
    ("600000", "SSE", "30", (3, 4), 2.1, 0.55, 1700, 0.37, (600, 3700), 20 / 1.7),
    ("600000", "SSE", "80", (3, 3), 9.8, 0.16, 500, 0.14, (900, 4100), 35 / 1.7),
    ("600000", "SSE", "4", (3, 6), 1.0, 1.00, 285000, 0.41, (16400, 144000), 40 / 1.7),
    ("127080", "SZSE", "130", (3, 3), 86.0, 0.00, 60, 0.00, (2270, 9700), 44.0),
    ("AAPL", "NASD", "180", (1, 3), 4.0, 0.11, 200, 0.42, (300, 1400), 3.7),
    ("AAPL", "NASD", "48", (1, 2), 1.0, 0.98, 900, 0.59, (400, 2467), 6.4),
    ("ESZ6", "CME", "4800", (0.5, 1.5), 1.07, 0.93, 25, 0.74, (3, 23), 1.0),
    ("GCZ6", "CME", "1320", (1.5, 10), 1.8, 0.57, 3, 0.06, (2, 7), 2.8),
    # Large-tick commodities: trades and spread of au, size 50-1500, snapshots each half second, ag's moves of 4 bp.
    ("rb2612", "", "3150", (0.5, 0.5), 1.02, 0.98, 270, 0.58, (6, 52), 4.0),
]


@pytest.mark.parametrize("row", FIGURES, ids=[f"{row[0]} at {row[2]}" for row in FIGURES])
def test_figures(row: tuple) -> None:
    """A day, within a tenth (intervals, quotes), a quarter (volumes), a third or a fifth of a tick (moves)."""
    code, exchange, price, interval, spread, one_tick, size, no_trade, volume, move = row
    made = instrument(code, exchange)
    ticks = list(SyntheticDay(made, DAY, 1, pre_settlement=Decimal(price)))
    means = statistics_of(made, ticks[1:-2], float(price))
    expected = [*interval, spread, one_tick, size, no_trade, *volume, move]
    allowed = [0.1, 0.25, 0.1, 0.1, 0.1, 0.1, 0.25, 0.25, 0.34]
    names = "interval p50, interval p90, spread, one tick, size, no trade, volume p50, volume p90, move".split(", ")
    tick_bp = float(made.tick_at(Decimal(price))) / float(price) * 1e4
    least = [0.05] * 8 + [tick_bp / 5]
    for name, ours, theirs, part, slack in zip(names, means, expected, allowed, least, strict=True):
        assert ours == pytest.approx(theirs, rel=part, abs=slack), f"{name}: {ours:.3g}, measured {theirs:.3g}"


def statistics_of(made: Instrument, ticks: list[Tick], price: float) -> tuple[float, ...]:
    tick_size = float(made.tick_at(Decimal(str(price))))
    gaps = sorted((two.time_ns - one.time_ns) / 1e9 for one, two in pairwise(ticks))
    spreads = [round((tick.ask1 - tick.bid1) / tick_size) for tick in ticks if DBL_MAX not in (tick.ask1, tick.bid1)]
    sizes = sorted(tick.bid_volume1 for tick in ticks)
    volumes = sorted(two.volume - one.volume for one, two in pairwise(ticks))
    traded = [volume for volume in volumes if volume]
    minutes = {tick.time_ns // (60 * 10**9): (tick.bid1 + tick.ask1) / 2 for tick in ticks if tick.ask1 != DBL_MAX}
    moves = [(minutes[minute] / minutes[minute - 1] - 1) * 1e4 for minute in minutes if minute - 1 in minutes]
    return (
        quantile(gaps, 0.5),
        quantile(gaps, 0.89),
        statistics.mean(spreads),
        spreads.count(1) / len(spreads),
        quantile(sizes, 0.5),
        1 - len(traded) / len(volumes),
        quantile(traded, 0.5),
        quantile(traded, 0.9),
        statistics.pstdev(moves),
    )


def quantile(values: list[float] | list[int], part: float) -> float:
    return values[int(len(values) * part)]


def test_volume_by_half_hour_is_that_of_the_index_future() -> None:
    """25.5 12.5 11.5 11.2 | 10.3 9.4 8.1 11.5 percent; the mean of two seeds, to within a point and a half."""
    measured = [25.5, 12.5, 11.5, 11.2, 10.3, 9.4, 8.1, 11.5]
    starts = [19, 20, 21, 22, 26, 27, 28, 29]  # half hours after midnight
    shares = [0.0] * 8
    for seed in range(2):
        ticks = ticks_of("IF2612", seed=seed)[:-2]
        for one, two in pairwise(ticks):
            shares[starts.index(two.time_ns // (HOUR // 2))] += (two.volume - one.volume) / ticks[-1].volume * 50
    assert shares == pytest.approx(measured, abs=1.5)


def test_an_option_is_quiet_and_three_to_ten_percent_wide() -> None:
    ticks = ticks_of("IO2612-C-4600")[1:-2]
    widths = [(tick.ask1 - tick.bid1) / ((tick.ask1 + tick.bid1) / 2) for tick in ticks]
    assert 0.025 < min(widths) < max(widths) < 0.11
    still = sum(one.volume == two.volume for one, two in pairwise(ticks)) / len(ticks)
    assert still == pytest.approx(0.8, abs=0.03)


# ------------------------------------------------------------------------------------------------- dates and times


@pytest.mark.parametrize(
    ("code", "evening", "first"),
    [
        ("au2612", "20261120", "20:59:00.500"),  # SHFE: the natural day
        ("m2701", "20261123", "20:59:00."),  # DCE: the trading day
        ("SR701", "20261120", "20:59:00.000"),  # CZCE: the natural day, no milliseconds
    ],
)
def test_a_night_shows_its_exchange_s_dates(code: str, evening: str, first: str) -> None:
    ticks = ticks_of(code)
    assert f"{ticks[0].time_of_day}.{ticks[0].millisec:03d}".startswith(first)
    assert {tick.action_day for tick in ticks if tick.time_ns < 0} == {evening}
    assert {tick.action_day for tick in ticks if tick.time_ns > 8 * HOUR} == {DAY}
    if code == "au2612":
        assert {tick.action_day for tick in ticks if 0 <= tick.time_ns < 3 * HOUR} == {"20261121"}
    if code == "SR701":
        assert {tick.millisec for tick in ticks} == {0}


def test_a_cancelled_night_is_left_out() -> None:
    ticks = ticks_of("au2606", day="20260224")
    assert ticks[0].time_of_day == "08:59:00"


def test_milliseconds_of_cffex_have_a_phase() -> None:
    phases = {
        frozenset(tick.millisec % 500 for tick in islice(SyntheticDay(instrument("IF2612"), DAY, seed), 100))
        for seed in range(8)
    }
    assert phases == {frozenset({0}), frozenset({200}), frozenset({400})}


def test_a_day_that_never_closes_begins_at_four() -> None:
    made = instrument("IF2612")
    day = SyntheticDay(made, DAY, 1, is_round_the_clock=True, start_ns=27 * HOUR)
    ticks = list(day)
    assert (ticks[0].time_of_day, ticks[0].action_day) == ("03:00:00", "20261124")
    assert ticks[-1].time_ns < 28 * HOUR
    check(made, ticks)


def test_a_late_start_is_on_the_same_walk() -> None:
    """Started at noon, an instrument is where it would be had it been started in the morning."""
    made = instrument("IF2612")
    whole = [tick for tick in SyntheticDay(made, DAY, 1) if tick.time_ns >= 13 * HOUR]
    late = list(SyntheticDay(made, DAY, 1, start_ns=13 * HOUR))
    assert late[0].time_ns == whole[0].time_ns
    assert late[0].bid1 == pytest.approx(whole[0].bid1, abs=3)
    assert late[0].volume < 100


# ------------------------------------------------------------------------------------------------------- options


def test_black_76() -> None:
    """At the money F = K = 100, 20 %, one year: 2 × 100 × (N(0.1) - 1/2) = 7.965567; N(0.1) = 0.539828."""
    value, delta = value_and_delta(100, 100, 0.2, 1, True)
    assert value == pytest.approx(7.965567, abs=1e-5)
    assert delta == pytest.approx(0.539828, abs=1e-6)
    assert value_and_delta(100, 100, 0.2, 1, False)[1] == pytest.approx(-0.460172, abs=1e-6)
    assert value_and_delta(110, 100, 0.2, 0, True) == (10, 1.0)
    assert value_and_delta(-5, 10, 0.2, 1, False) == (15, -1.0)


@given(st.floats(50, 150), st.floats(50, 150), st.floats(0.05, 1), st.floats(0.01, 2))
def test_put_call_parity(forward: float, strike: float, volatility: float, years: float) -> None:
    call, up = value_and_delta(forward, strike, volatility, years, True)
    put, down = value_and_delta(forward, strike, volatility, years, False)
    assert call - put == pytest.approx(forward - strike, abs=1e-9)
    assert up - down == pytest.approx(1)


def test_call_and_put_follow_one_walk() -> None:
    """Call minus put is underlying minus strike at every time, to within the two spreads."""
    call = iter(SyntheticDay(instrument("cu2701C80000"), DAY, 5))
    future = ticks_of("cu2701", seed=5)
    puts = ticks_of("cu2701P80000", seed=5)
    calls = list(call)

    def mids(ticks: list[Tick]) -> dict[int, float]:
        quoted = [tick for tick in ticks if tick.bid1 < DBL_MAX > tick.ask1]
        return {tick.time_ns // (60 * 10**9): (tick.bid1 + tick.ask1) / 2 for tick in quoted}

    one, two, under = mids(calls), mids(puts), mids(future)
    common = [minute for minute in one if minute in two and minute in under]
    assert len(common) > 200
    errors = [abs(one[minute] - two[minute] - (under[minute] - 80000)) for minute in common]
    assert statistics.median(errors) < 120
    assert all(0 < tick.curr_delta < 1 for tick in calls)
    assert all(-1 < tick.curr_delta < 0 for tick in puts)


def test_an_option_on_a_live_quote() -> None:
    """A call that is deep in the money moves with the price that is handed in."""
    made = instrument("IO2612-C-3800")
    ticks = list(SyntheticDay(made, DAY, 1, underlying=lambda time_ns: 4600.0 if time_ns < 11 * HOUR else 4650.0))
    early = statistics.mean(tick.bid1 for tick in ticks if tick.time_ns < 11 * HOUR)
    late = statistics.mean(tick.bid1 for tick in ticks if 13 * HOUR < tick.time_ns < 14 * HOUR)
    assert late - early == pytest.approx(50, abs=5)


# -------------------------------------------------------------------------------------------------- start prices

STARTS = [
    # code, exchange, seed → lowest and highest start
    ("TEST", "SHFE", "100", "100"),  # its own reference price
    ("rb2612", "", "3118", "3182"),  # ref_price_approx 3150 ± 1 %
    ("510050", "SSE", "2", "4"),  # the list's close of 2022
    ("ESZ6", "CME", "4752", "4752"),  # 11880 / 0.05 / 50
    ("00700", "HKEX", "5", "300"),
    ("AAPL", "NASD", "20", "400"),
]


@pytest.mark.parametrize(("code", "exchange", "low", "high"), STARTS)
def test_start_price(code: str, exchange: str, low: str, high: str) -> None:
    special = {item.code: item for item in load_special()}
    made = special.get(code) or instrument(code, exchange)
    price = start_price(made, None, 4)
    assert Decimal(low) <= price <= Decimal(high)
    assert price % made.tick_at(price) == 0
    assert start_price(made, price + made.tick_at(price), 4) == price + made.tick_at(price), "its own settlement wins"


def test_classes() -> None:
    names = {
        code: style_of(instrument(code, exchange), price, DAY).name
        for code, exchange, price in [
            ("IF2612", "", 4600),
            ("IF2703", "", 4600),
            ("ni2612", "", 122000),
            ("TL2612", "", 115),
            ("920000", "BSE", 10),
            ("SPY", "BATS", 600),
        ]
    }
    assert list(names.values()) == [
        "index future",
        "inactive month",
        "small-tick commodity",
        "treasury future",
        "quiet share",
        "US fund",
    ]


# ------------------------------------------------------------------------------------------------ one seed, one day


@pytest.mark.parametrize("code", ["IF2612", "m2701", "600519", "cu2701C80000"])
def test_a_seed_is_a_day_byte_by_byte(code: str) -> None:
    assert repr(ticks_of(code, seed=9)[-1000:]) == repr(ticks_of(code, seed=9)[-1000:])
    assert repr(ticks_of(code, seed=9)[:50]) != repr(ticks_of(code, seed=10)[:50])


def test_the_day_is_the_same_on_every_machine() -> None:
    """The numbers of this day, kept: a change of them changes users' runs with a seed."""
    ticks = ticks_of("rb2612")[:2000]
    rows = [(tick.time_ns, tick.last, tick.bid1, tick.bid_volume1, tick.ask1, tick.volume) for tick in ticks]
    assert hashlib.sha256(repr(rows).encode()).hexdigest()[:16] == KEPT


KEPT = "8c7de24efbc72a1e"


def test_nothing_is_computed_before_the_first_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(synthetic, "Maker", never)
    day = SyntheticDay(instrument("IF2612"), DAY, 1)
    assert day.item == TickInstrument("CFFEX", "IF2612", True)
    assert day.item.is_synthetic
    with pytest.raises(AssertionError, match="computed"):
        next(iter(day))


def test_a_market_of_several_in_order_of_time() -> None:
    market = SyntheticMarket(DAY, 3)
    assert market.next_ns is None
    first = market.start(instrument("IF2612"))
    assert market.start(instrument("IF2612")) == first == 0
    assert market.start(instrument("600000", "SSE"), start_ns=10 * HOUR) == 1
    assert [item.code for item in market.instruments] == ["IF2612", "600000"]
    assert all(item.is_synthetic for item in market.instruments)
    seen: list[Tick] = []
    while market.next_ns is not None and len(seen) < 20000:
        due = market.next_ns
        tick = market.take()
        assert tick.time_ns == due
        assert not seen or due >= seen[-1].time_ns
        seen.append(tick)
    assert {tick.instrument for tick in seen} == {0, 1}
    assert min(tick.time_ns for tick in seen if tick.instrument == 1) >= 10 * HOUR


def test_a_tick_is_cheap() -> None:
    """Target: 20 microseconds on a free core; the bound leaves room for a loaded machine."""
    start = time.process_time()
    count = len(ticks_of("IF2612"))
    assert (time.process_time() - start) / count < 60e-6


def test_grid_of_bands() -> None:
    grid = Grid(instrument("AAPL", "NASD"))  # 0.0001 up to 0.9999, then 0.01
    assert [grid.price(index) for index in (9998, 9999, 10000, 10001)] == [0.9998, 0.9999, 1.0, 1.01]
    assert round(grid.index(1.0)) == 10000
    assert grid.index(grid.price(12345)) == 12345
