"""``7x24``: one recorded day without end. What a trading day of ours says of itself over laps and rolls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.core.clock import ManualClock
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.ticks import DBL_MAX, Tick, TickDay, read_day
from ctp2.tts import counter
from ctp2.tts.feed import Reference
from ctp2.tts.loop import LoopFeed, Stamps, loop_rows
from tests.tts.programs import Trader, Watcher, released

MONDAY_NS = 1_795_420_800_000_000_000  # 2026-11-23 16:00:00 Beijing time
HOUR = 3600 * 10**9

RECORD = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,PreOpenInterest,OpenPrice,HighestPrice,\
LowestPrice,Volume,Turnover,OpenInterest,UpperLimitPrice,LowerLimitPrice,UpdateTime,UpdateMillisec,BidPrice1,\
BidVolume1,AskPrice1,AskVolume1,AveragePrice,ActionDay
20210104,rb2105,SHFE,4290,4280,4285,900,,,,0,0,900,4600,4000,08:58:00,500,4289,5,4291,5,0,20210104
20210104,rb2105,SHFE,4300,4280,4285,900,4300,4300,4300,100,4300000,910,4600,4000,08:59:00,500,4299,5,4301,5,43000,20210104
20210104,rb2105,SHFE,4302,4280,4285,900,4300,4302,4300,110,4730200,915,4600,4000,09:00:00,500,4301,5,4303,5,43001.8,20210104
20210104,rb2105,SHFE,4302,4280,4285,900,4300,4302,4300,110,4730200,915,4600,4000,09:00:01,0,4301,5,4303,5,43001.8,20210104
20210104,rb2105,SHFE,4295,4280,4285,900,4300,4310,4295,130,5590200,912,4600,4000,14:59:59,0,4294,5,4296,5,43001.5,20210104
20210104,rb2105,SHFE,4295,4280,4285,900,4300,4310,4295,130,5590200,912,4600,4000,15:28:00,0,4294,5,4296,5,43001.5,20210104
"""
"""The auction's 100 lots, then 10 at 4302, none, 20 down to 4295 with one at 4310 between; after the close a repeat."""


def record(folder: Path, text: str = RECORD) -> TickDay:
    path = folder / "day_20210104.csv"
    path.write_text(text, encoding="utf-8")
    return read_day(path)


def loop_of(day: TickDay) -> LoopFeed:
    instruments = [instrument_for(item.code, item.exchange, day.trading_day) for item in day.instruments]
    assert None not in instruments
    return LoopFeed(day, loop_rows(day, day.trading_day, [made for made in instruments if made is not None], True))


def taken(feed: LoopFeed, count: int) -> list[Tick]:
    ticks = [feed.take() for _ in range(count)]
    return [tick for tick in ticks if isinstance(tick, Tick)]


def day_of(tick: Tick) -> tuple[Any, ...]:
    return tick.volume, tick.turnover, tick.last, tick.open, tick.high, tick.low


def test_a_wrap_is_seamless(tmp_path: Path) -> None:
    """Worked out by hand from ``RECORD``: the loop has the three rows of continuous trading."""
    feed = loop_of(record(tmp_path))
    first = taken(feed, 3)
    assert [day_of(tick) for tick in first] == [
        (110, 4730200.0, 4302.0, 4300.0, 4302.0, 4300.0),  # as it was recorded, with the auction before it
        (110, 4730200.0, 4302.0, 4300.0, 4302.0, 4300.0),
        (130, 5590200.0, 4295.0, 4300.0, 4310.0, 4295.0),
    ]
    assert [tick.average_price for tick in first] == [43001.8, 43001.8, 43001.5]
    second = taken(feed, 3)
    assert [day_of(tick) for tick in second] == [
        (140, 6020400.0, 4302.0, 4300.0, 4310.0, 4295.0),  # 130 + (110 - 100), 5590200 + (4730200 - 4300000)
        (140, 6020400.0, 4302.0, 4300.0, 4310.0, 4295.0),
        (160, 6880400.0, 4295.0, 4300.0, 4310.0, 4295.0),  # 860000 more
    ]
    # 6020400 / 140 = 43002.857…, 6880400 / 160 = 43002.5; the record's figures are rounded, so to a part in 10^5
    assert [tick.average_price for tick in second] == pytest.approx([43002.857, 43002.857, 43002.5], rel=1e-5)
    assert {(tick.pre_settlement, tick.upper_limit, tick.lower_limit) for tick in first + second} == {
        (4280, 4600, 4000)
    }
    assert {(tick.close, tick.settlement) for tick in first + second} == {(DBL_MAX, DBL_MAX)}
    assert [tick.open_interest for tick in second] == [915, 915, 912]


def test_a_new_day_begins_at_nothing_where_the_record_stands(tmp_path: Path) -> None:
    feed = loop_of(record(tmp_path))
    taken(feed, 1)
    offset = feed.next_offset
    tuesday = feed.day.rebased("20261124")
    feed = feed.next_day(tuesday, {0: Reference(4299.0, 4302.0, 915.0)})
    assert feed.next_offset == offset, "the position in the record goes on"
    before = feed.first_ticks()[0]
    assert (before.pre_settlement, before.pre_close, before.upper_limit) == (4299.0, 4302.0, 4600.0)
    quiet, sold, again = taken(feed, 3)
    assert day_of(quiet) == (0, 0.0, DBL_MAX, DBL_MAX, DBL_MAX, DBL_MAX), "nothing was traded yet"
    assert (quiet.bid1, quiet.action_day, quiet.average_price) == (4301.0, "20261124", 0.0)
    assert day_of(sold) == (20, 860000.0, 4295.0, 4295.0, 4310.0, 4295.0), "20 lots since the roll"
    assert sold.average_price == pytest.approx(43000.0, rel=1e-5)
    assert (sold.pre_settlement, sold.pre_close, sold.pre_open_interest) == (4299.0, 4302.0, 915.0)
    assert day_of(again) == (30, 1290200.0, 4302.0, 4295.0, 4310.0, 4295.0)


def test_a_record_without_volumes_plays_its_prices(tmp_path: Path) -> None:
    text = "TradingDay,InstrumentID,LastPrice,UpdateTime\n" + "".join(
        f"20200618,ag2012,{price},09:00:0{second}\n" for second, price in enumerate((4300, 4305, 4301))
    )
    feed = loop_of(record(tmp_path, text))
    assert [day_of(tick)[2:] for tick in taken(feed, 5)] == [
        (4300.0, 4300.0, 4300.0, 4300.0),
        (4305.0, 4300.0, 4305.0, 4300.0),
        (4301.0, 4300.0, 4305.0, 4300.0),
        (4300.0, 4300.0, 4305.0, 4300.0),
        (4305.0, 4300.0, 4305.0, 4300.0),
    ]


def test_a_night_is_played_and_a_record_outside_the_hours_too(tmp_path: Path) -> None:
    head = "TradingDay,InstrumentID,ExchangeID,LastPrice,Volume,UpdateTime,ActionDay\n"
    night = head + "20210105,rb2105,SHFE,4300,1,21:00:00,20210104\n20210105,rb2105,SHFE,4301,2,09:00:01,20210105\n"
    assert [tick.volume for tick in taken(loop_of(record(tmp_path, night)), 4)] == [1, 2, 2, 3]
    evening = head + "20210105,rb2105,SHFE,4300,1,18:32:00,20210104\n20210105,rb2105,SHFE,4301,2,18:33:00,20210104\n"
    assert [tick.last for tick in taken(loop_of(record(tmp_path, evening)), 3)] == [4300, 4301, 4301]


ROW = st.tuples(st.integers(0, 3), st.integers(4200, 4400), st.integers(0, 3), st.booleans())


def csv_of(rows: list[tuple[int, int, int, bool]]) -> str:
    """A day of ``rb2105`` and ``m2105`` with extremes that may lie between two snapshots."""
    lines = [RECORD.splitlines()[0]]
    days: dict[str, list[int]] = {}
    for second, (lots, price, beyond, is_bean) in enumerate(rows):
        code, exchange = ("m2105", "DCE") if is_bean else ("rb2105", "SHFE")
        day = days.setdefault(code, [price, price, price, price, 0, 0])  # last, open, high, low, volume, turnover
        if lots or not day[4]:
            lots = max(lots, 1)
            day[0], day[2], day[3] = price, max(day[2], price + beyond), min(day[3], price - beyond)
            day[4] += lots
            day[5] += lots * price * 10
        last, first, high, low, volume, turnover = day
        lines.append(
            f"20210104,{code},{exchange},{last},4280,4285,900,{first},{high},{low},{volume},{turnover},900,4600,4000,"
            f"09:{second // 60:02d}:{second % 60:02d},0,{last - 1},5,{last + 1},5,{turnover / volume},20210104"
        )
    return "\n".join(lines) + "\n"


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(ROW, min_size=1, max_size=12), rolls=st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_over_laps_and_rolls(tmp_path_factory: pytest.TempPathFactory, rows: Any, rolls: list[int]) -> None:
    feed = loop_of(record(tmp_path_factory.mktemp("day"), csv_of(rows)))
    for steps in [*rolls, 3 * len(rows)]:
        check_day(taken(feed, steps))
        feed = feed.next_day(feed.day)


def check_day(ticks: list[Tick]) -> None:
    """What must hold of the snapshots of one trading day, instrument by instrument."""
    before: dict[int, Tick] = {}
    for tick in ticks:
        last = before.get(tick.instrument)
        if last is not None:
            assert tick.volume >= last.volume and tick.turnover >= last.turnover
            assert tick.open == last.open or last.open == DBL_MAX
            if last.high != DBL_MAX:
                assert tick.high >= last.high and tick.low <= last.low
        assert (tick.volume == 0) == (tick.last == DBL_MAX) == (tick.open == DBL_MAX)
        if tick.volume:
            assert tick.lower_limit <= tick.low <= min(tick.last, tick.open)
            assert max(tick.last, tick.open) <= tick.high <= tick.upper_limit
            assert tick.low - 1e-6 <= tick.average_price / 10 <= tick.high + 1e-6
            assert tick.average_price == pytest.approx(tick.turnover / tick.volume)
        assert tick.last % 1 == 0 or tick.last == DBL_MAX
        before[tick.instrument] = tick


@pytest.mark.slow
def test_the_sample_over_three_laps_and_two_rolls() -> None:
    day = read_day("sample")
    feed = loop_of(day)
    lap = len(feed._rows)
    for _ in range(2):
        last: dict[int, Tick] = {}
        for tick in taken(feed, 3 * lap // 2 + 777):
            before = last.get(tick.instrument)
            assert before is None or (tick.volume >= before.volume and tick.turnover >= before.turnover)
            assert tick.last == DBL_MAX or tick.low <= tick.last <= tick.high
            last[tick.instrument] = tick
        feed = feed.next_day(day)


# ------------------------------------------------------------------ whose time
@pytest.mark.parametrize(
    ("exchange", "millisec", "shown"),
    [
        ("CFFEX", 400, ["59.400", "59.900", "00.400"]),  # its phase of the day
        ("SHFE", 0, ["59.500", "00.000", "00.500"]),
        ("CZCE", 300, ["59.000", "00.000", "00.000"]),  # never any
        ("DCE", 123, ["59.700", "00.200", "00.700"]),  # real ones
        ("SSE", 0, ["59.000", "00.000", "00.000"]),
    ],
)
def test_stamps_over_midnight(exchange: str, millisec: int, shown: list[str]) -> None:
    """Three snapshots half a second apart from 23:59:59.7 Beijing time on."""
    stamps = Stamps("20261123")
    at = MONDAY_NS + 8 * HOUR - 300_000_000
    seen = []
    for step in range(3):
        tick = Tick(0, 0, "", millisec, "", exchange)
        stamps.put(tick, exchange, "Asia/Shanghai", at + step * 500_000_000)
        seen.append((tick.action_day, f"{tick.time_of_day}.{tick.millisec:03d}"))
    assert [time[6:] for _, time in seen] == shown
    assert [(day, time[:6]) for day, time in seen] == [
        ("20261123", "23:59:") if text.startswith("59") else ("20261124", "00:00:") for text in shown
    ]


def test_no_snapshot_is_stamped_before_its_trading_day() -> None:
    """At 04:00:00.1 the last step of CFFEX's grid (400/900) is 03:59:59.900, of a trading day that is over."""
    stamps = Stamps("20261124")
    seen = []
    for milliseconds in (-60_000, 100, 450):  # a minute before: the day was begun by hand
        tick = Tick(0, 0, "", 400, "", "CFFEX")
        stamps.put(tick, "CFFEX", "Asia/Shanghai", MONDAY_NS + 12 * HOUR + milliseconds * 1_000_000)
        seen.append((tick.action_day, f"{tick.time_of_day}.{tick.millisec:03d}"))
    assert seen == [("20261124", time) for time in ("03:58:59.900", "04:00:00.000", "04:00:00.400")]


def test_a_client_sees_the_clock_of_the_counter_across_wraps_and_midnight(tmp_path: Path) -> None:
    """23:59:50 of the 23rd: the day of the environment stays the 23rd until 04:00, its natural day does not."""
    record(tmp_path)
    address = f"tts://7x24?id=clock{tmp_path.name}&speed=0.001&fills=full&data={tmp_path / 'day_20210104.csv'}"
    clock = ManualClock(MONDAY_NS + 8 * HOUR - 10 * 10**9)
    backend = registry.acquire(parse(address), clock)
    watcher, trader = Watcher(address).login(), Trader(address).login()
    with released(watcher, trader):
        control = counter(address)
        control.pause()
        watcher.subscribe("rb2612")
        for _ in range(12):
            clock.set_ns(clock.now_ns() + 2 * 10**9 - 100_000_000)
            control.step()
        watcher.spi.wait_for("OnRtnDepthMarketData", count=13)
        ticks = watcher.ticks("rb2612")
        times = [(tick.ActionDay, tick.UpdateTime, tick.UpdateMillisec) for tick in ticks]
        assert times[0] == ("20261123", "04:00:00", 0), "before the first snapshot"
        assert times[1] == ("20261123", "23:59:51", 500)  # 51.9 on a grid of half seconds
        assert times == sorted(times) and times[-1] > ("20261124", "00:00:00", 0)
        assert {tick.TradingDay for tick in ticks} == {"20261123"}
        late = Watcher(address).login()
        with released(late):
            late.subscribe("rb2612")
            first = late.spi.wait_for("OnRtnDepthMarketData").field
            assert (first.Volume, first.UpdateTime) == (ticks[-1].Volume, ticks[-1].UpdateTime)
            assert first.Volume == 130 + 3 * 30, "four laps"
    registry.release(backend)


def test_users_trade_test_across_wraps(tmp_path: Path) -> None:
    """TEST has a market of its own: its book, its totals and its last price do not know of the record's wraps."""
    record(tmp_path)
    address = f"tts://7x24?id=test{tmp_path.name}&speed=0.001&fills=full&data={tmp_path / 'day_20210104.csv'}"
    clock = ManualClock(MONDAY_NS)
    backend = registry.acquire(parse(address), clock)
    alice, bob = Trader(address, "alice").start(), Trader(address, "bob").start()
    control = counter(address)
    control.pause()
    watcher = Watcher(address).login().subscribe("TEST", "rb2612")
    with released(alice, bob, watcher):
        alice.rest("TEST", 101.0, 9, Direction="1")
        for lap in range(1, 4):
            control.step(3)
            clock.set_ns(clock.now_ns() + 60 * 10**9)
            assert bob.fill("TEST", 101.0, 2).Price == 101.0
            last = alice.rows("ReqQryDepthMarketData", InstrumentID="TEST")[0]
            assert (last.Volume, last.Turnover, last.AskVolume1) == (2 * lap, 2020.0 * lap, 9 - 2 * lap)
            assert (last.OpenPrice, last.HighestPrice, last.LowestPrice) == (101.0, 101.0, 101.0)
        times = [tick.UpdateTime for tick in watcher.ticks("TEST")[1:]]
        assert times == sorted(times)
    registry.release(backend)
