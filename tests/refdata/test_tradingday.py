"""The whole trading day: its beginning, every status of a product, the dates of its data (ctp-semantics 9.3, 10)."""

from __future__ import annotations

import datetime
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctp2.refdata.calendar import CalendarEnded, CalendarError, calendar, market_of, plus_days, to_date, to_day
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.models import Instrument
from ctp2.refdata.tradingday import (
    Dates,
    action_day,
    dates_shown,
    day_phases,
    day_start_ns,
    natural_day_of,
    night_trading_day,
    status_timeline,
    trading_day_of,
)

ROOT = Path(__file__).resolve().parents[2]
ZONES = {"CN": "Asia/Shanghai", "HK": "Asia/Hong_Kong", "US": "America/New_York", "CME": "America/Chicago"}
HOUR = 3600 * 10**9


def instrument(code: str, exchange: str = "", day: str = "20261123") -> Instrument:
    found = instrument_for(code, exchange, day)
    assert found is not None
    return found


def shown(code: str, exchange: str, day: str) -> str:
    """The timeline on the wall clock of the exchange: 'MM-DD HH:MM status', one space, …"""
    made = instrument(code, exchange, day)
    zone = ZoneInfo(ZONES[market_of(made.exchange)])
    changes = status_timeline(made, day)
    return " | ".join(
        f"{datetime.datetime.fromtimestamp(change.at_ns // 10**9, zone):%m-%d %H:%M} {change.status}"
        for change in changes
    )


# ------------------------------------------------------------------------------------------------- which dates

# exchange, trading day, natural day → TradingDay and ActionDay of its records (9.3, first row)
DATES = [
    ("SHFE", "20261123", "20261120", "20261123", "20261120"),  # Friday night
    ("INE", "20261123", "20261121", "20261123", "20261121"),  # the same night, Saturday 01:00
    ("DCE", "20261123", "20261120", "20261123", "20261123"),
    ("GFEX", "20261123", "20261120", "20261123", "20261123"),
    ("CZCE", "20261123", "20261120", "20261120", "20261120"),
    ("SHFE", "20261123", "20261123", "20261123", "20261123"),  # the day session: all equal
    ("DCE", "20261123", "20261123", "20261123", "20261123"),
    ("CZCE", "20261123", "20261123", "20261123", "20261123"),
    ("CFFEX", "20261123", "20261123", "20261123", "20261123"),
    ("CME", "20261123", "20261122", "20261123", "20261122"),  # Sunday evening in Chicago
]


@pytest.mark.parametrize(("exchange", "trading", "natural", "trading_shown", "action_shown"), DATES)
def test_dates(exchange: str, trading: str, natural: str, trading_shown: str, action_shown: str) -> None:
    assert dates_shown(exchange, trading, natural) == Dates(trading_shown, action_shown)
    assert action_day(exchange, trading, natural) == action_shown


# natural day, time of a record in the night → its trading day
NIGHTS = [
    ("20261119", 21, "20261120"),  # Thursday evening
    ("20261120", 0, "20261120"),  # Friday 00:30
    ("20261120", 21, "20261123"),  # Friday evening
    ("20261121", 1, "20261123"),  # Saturday 01:00
]


@pytest.mark.parametrize(("natural", "hour", "expected"), NIGHTS)
def test_trading_day_of_a_night(natural: str, hour: int, expected: str) -> None:
    assert night_trading_day(natural, hour * 3600) == expected


@given(st.integers(0, 1094))
def test_a_night_needs_no_calendar(number: int) -> None:
    """Wherever the calendar says that a night begins, the rule finds the calendar's trading day."""
    evening = plus_days("20240101", number)
    if evening < "20261231" and calendar().night_starts(evening):
        following = calendar().next_trading_day("CN", evening)
        assert night_trading_day(evening, 21 * 3600) == following
        assert night_trading_day(plus_days(evening, 1), 3600) == following


# ------------------------------------------------------------------------------------------------- the timelines

# What each market does, from the table of ctp-semantics 10.1; the day begins at 20:30 of the trading day before (10.2).
TIMELINES = [
    (
        "rb2701 Monday, night to 23:00",
        ("rb2701", "", "20261123"),
        "11-20 20:30 1 | 11-20 20:55 3 | 11-20 20:59 5 | 11-20 21:00 2 | 11-20 23:00 1 | 11-23 08:55 3 | "
        "11-23 08:59 5 | 11-23 09:00 2 | 11-23 10:15 1 | 11-23 10:30 2 | 11-23 11:30 1 | 11-23 13:30 2 | 11-23 15:00 6",
    ),
    (
        "au to 02:30 of Saturday",
        ("au2612", "", "20261123"),
        "11-20 20:30 1 | 11-20 20:55 3 | 11-20 20:59 5 | 11-20 21:00 2 | 11-21 02:30 1 | 11-23 08:55 3 | "
        "11-23 08:59 5 | 11-23 09:00 2 | 11-23 10:15 1 | 11-23 10:30 2 | 11-23 11:30 1 | 11-23 13:30 2 | 11-23 15:00 6",
    ),
    (
        "no night before the Spring Festival",
        ("rb2605", "", "20260224"),
        "02-13 20:30 1 | 02-24 08:55 3 | 02-24 08:59 5 | 02-24 09:00 2 | 02-24 10:15 1 | 02-24 10:30 2 | "
        "02-24 11:30 1 | 02-24 13:30 2 | 02-24 15:00 6",
    ),
    (
        "CZCE: 0 in breaks, no morning auction",
        ("SR701", "", "20261124"),
        "11-23 20:30 0 | 11-23 20:55 3 | 11-23 20:59 0 | 11-23 21:00 2 | 11-23 23:00 0 | 11-24 09:00 2 | "
        "11-24 10:15 0 | 11-24 10:30 2 | 11-24 11:30 0 | 11-24 13:30 2 | 11-24 15:00 6",
    ),
    (
        "CZCE after a cancelled night: the auction is in the morning",
        ("SR605", "", "20260224"),
        "02-13 20:30 0 | 02-24 08:55 3 | 02-24 08:59 0 | 02-24 09:00 2 | 02-24 10:15 0 | 02-24 10:30 2 | "
        "02-24 11:30 0 | 02-24 13:30 2 | 02-24 15:00 6",
    ),
    (
        "CZCE by day only",
        ("AP701", "", "20261124"),
        "11-23 20:30 0 | 11-24 08:55 3 | 11-24 08:59 0 | 11-24 09:00 2 | 11-24 10:15 0 | 11-24 10:30 2 | "
        "11-24 11:30 0 | 11-24 13:30 2 | 11-24 15:00 6",
    ),
    (
        "index future",
        ("IF2612", "", "20261123"),
        "11-20 20:30 0 | 11-23 09:25 3 | 11-23 09:29 5 | 11-23 09:30 2 | 11-23 11:30 1 | 11-23 13:00 2 | 11-23 15:00 6",
    ),
    (
        "treasury future",
        ("T2703", "", "20261123"),
        "11-20 20:30 0 | 11-23 09:25 3 | 11-23 09:29 5 | 11-23 09:30 2 | 11-23 11:30 1 | 11-23 13:00 2 | 11-23 15:15 6",
    ),
    (
        "treasury future on its last day, the second Friday",
        ("T2612", "", "20261211"),
        "12-10 20:30 0 | 12-11 09:25 3 | 12-11 09:29 5 | 12-11 09:30 2 | 12-11 11:30 6",
    ),
    (
        "index option: closing auction",
        ("IO2612-C-4000", "", "20261123"),
        "11-20 20:30 0 | 11-23 09:25 3 | 11-23 09:29 5 | 11-23 09:30 2 | 11-23 11:30 1 | 11-23 13:00 2 | "
        "11-23 14:57 3 | 11-23 15:00 5 | 11-23 15:00 6",
    ),
    (
        "share",
        ("600519", "SSE", "20261123"),
        "11-20 20:30 1 | 11-23 09:15 3 | 11-23 09:25 5 | 11-23 09:25 1 | 11-23 09:30 2 | 11-23 11:30 1 | "
        "11-23 13:00 2 | 11-23 14:57 3 | 11-23 15:00 5 | 11-23 15:00 6",
    ),
    (
        "Hong Kong on Christmas Eve: the morning only",
        ("00700", "HKEX", "20261224"),
        "12-24 00:00 1 | 12-24 09:00 3 | 12-24 09:20 5 | 12-24 09:22 1 | 12-24 09:30 2 | 12-24 12:00 1 | "
        "12-24 12:01 3 | 12-24 12:08 5 | 12-24 12:10 6",
    ),
    (
        "New York on the day after Thanksgiving: until 13:00",
        ("AAPL", "", "20261127"),
        "11-27 00:00 1 | 11-27 04:00 2 | 11-27 09:30 5 | 11-27 09:30 2 | 11-27 13:00 5 | 11-27 13:00 2 | 11-27 17:00 6",
    ),
    (
        "Chicago on the same day: until noon",
        ("ESZ6", "", "20261127"),
        "11-26 16:00 1 | 11-26 16:45 3 | 11-26 17:00 5 | 11-26 17:00 2 | 11-27 12:00 6",
    ),
]


@pytest.mark.parametrize(("what", "which", "expected"), TIMELINES, ids=[what for what, _, _ in TIMELINES])
def test_timeline(what: str, which: tuple[str, str, str], expected: str) -> None:
    assert shown(*which) == expected


def test_a_recorded_day_before_the_calendar_needs_its_evening() -> None:
    made = instrument("au1812", "SHFE", "20180914")
    with pytest.raises(CalendarError, match="outside the CN calendar"):
        day_phases(made, "20180914")
    assert day_phases(made, "20180914", "20180913")[1].phase == "auction_order"


def test_an_instrument_without_a_session_has_no_phases() -> None:
    made = Instrument(
        exchange="SHFE",
        code="GAME",
        product="GAME",
        product_class="future",
        multiplier=1,
        price_tick=instrument("rb2701").price_tick,
    )
    assert day_phases(made, "20261123") == []


# ------------------------------------------------------------------------------------------- every day of three years

ROUND = [
    *(
        ("CN", code, "")
        for code in ("rb2705", "cu2705", "au2706", "SR705", "AP705", "m2705", "si2705", "IF2703", "T2703")
    ),
    ("CN", "600519", "SSE"),
    ("CN", "510050", "SSE"),
    ("HK", "00700", "HKEX"),
    ("US", "AAPL", "NASD"),
    ("CME", "ESZ6", "CME"),
    ("CME", "ZCZ6", "CME"),
]


def days_of(market: str) -> list[str]:
    return calendar().trading_days(market, "20240103", "20261231" if market == "CN" else "20271231")


@pytest.mark.parametrize(("market", "code", "exchange"), ROUND, ids=[code for _, code, _ in ROUND])
def test_every_day_has_phases_without_gaps_that_belong_to_it(market: str, code: str, exchange: str) -> None:
    """No gap, no overlap; all trading belongs to this trading day; a day begins after the close of the one before."""
    made = instrument(code, exchange)
    close_before = 0
    for day in days_of(market):
        found = day_phases(made, day)
        assert found[0].start_ns == day_start_ns(made.exchange, day) >= close_before
        for one, two in pairwise(found):
            assert one.start_ns <= one.end_ns == two.start_ns, (day, one, two)
        assert found[-1].status == "6"
        close_before = found[-1].start_ns
        for phase in found:
            if phase.matching == "continuous":
                assert trading_day_of(made.exchange, phase.start_ns) == day
                assert trading_day_of(made.exchange, phase.end_ns - 1) == day


@given(st.sampled_from(days_of("CN")), st.sampled_from(["rb2705", "cu2705", "au2706", "SR705"]))
def test_a_night_is_held_as_the_calendar_says(day: str, code: str) -> None:
    evening = calendar().previous_trading_day("CN", day)
    opens = next(phase for phase in day_phases(instrument(code), day) if phase.matching == "continuous").start_ns
    natural, seconds = natural_day_of("Asia/Shanghai", opens)
    if calendar().night_starts(evening):
        assert (natural, seconds) == (evening, 21 * 3600)
        skipped = [plus_days(evening, n) for n in range(1, (to_date(day) - to_date(evening)).days)]
        assert all(to_date(item).weekday() >= 5 for item in skipped), "only a week-end lies between"
    else:
        assert (natural, seconds) == (day, 9 * 3600)


def summer_time(day: datetime.date) -> bool:
    """The American rule since 2007, written without the zone data: second Sunday of March to first of November."""
    march = datetime.date(day.year, 3, 8)
    november = datetime.date(day.year, 11, 1)
    begins = march + datetime.timedelta(days=(6 - march.weekday()) % 7)
    ends = november + datetime.timedelta(days=(6 - november.weekday()) % 7)
    return begins <= day < ends


@given(st.sampled_from(days_of("US")))
def test_new_york_opens_by_summer_time(day: str) -> None:
    """09:30 is 13:30 UTC in summer and 14:30 in winter; a short day closes at 13:00."""
    found = [phase for phase in day_phases(instrument("AAPL"), day) if phase.phase == "continuous"]
    midnight = int(datetime.datetime.combine(to_date(day), datetime.time(), datetime.UTC).timestamp()) * 10**9
    opens = midnight + (13 if summer_time(to_date(day)) else 14) * HOUR + HOUR // 2
    hours = 7 if calendar().is_half_day("US", day) else 13  # halves of an hour
    assert (found[0].start_ns, found[0].end_ns) == (opens, opens + hours * HOUR // 2)


@given(st.sampled_from(days_of("CME")))
def test_chicago_opens_on_the_evening_before_by_summer_time(day: str) -> None:
    """17:00 is 22:00 UTC in summer and 23:00 in winter, of the calendar day before: the change is on a Sunday."""
    first = next(phase for phase in day_phases(instrument("ESZ6"), day) if phase.matching == "continuous")
    before = to_date(day) - datetime.timedelta(days=1)
    midnight = int(datetime.datetime.combine(before, datetime.time(), datetime.UTC).timestamp()) * 10**9
    assert first.start_ns == midnight + (22 if summer_time(before) else 23) * HOUR


@given(st.sampled_from(days_of("HK")))
def test_hong_kong_trades_the_morning_only_on_half_days(day: str) -> None:
    found = [phase for phase in day_phases(instrument("00700", "HKEX"), day) if phase.phase == "continuous"]
    assert len(found) == (1 if calendar().is_half_day("HK", day) else 2)
    assert found[0].end_ns - found[0].start_ns == 5 * HOUR // 2


@given(st.integers(0, 1094), st.integers(0, 86399))
def test_every_instant_belongs_to_one_trading_day(number: int, second: int) -> None:
    """The day of an instant never falls, and the instant lies in it: before 20:30 of that day, after the day before."""
    natural = plus_days("20240103", number)
    now = int(datetime.datetime.combine(to_date(natural), datetime.time(), ZoneInfo("Asia/Shanghai")).timestamp())
    now_ns = (now + second) * 10**9
    try:
        day = trading_day_of("SHFE", now_ns)
    except CalendarEnded:
        assert natural >= "20261231"
        return
    assert calendar().is_trading_day("CN", day)
    assert day_start_ns("SHFE", day) <= now_ns
    if day < "20261231":
        assert now_ns < day_start_ns("SHFE", calendar().next_trading_day("CN", day))


# --------------------------------------------------------------------------------------------------- past the horizon


@pytest.mark.parametrize("code", ["rb2705", "au2706", "SR705", "IF2703"])
def test_china_in_2027_asks_for_an_update_in_one_line(code: str) -> None:
    with pytest.raises(CalendarEnded, match=r"outside the CN calendar .*update ctp2") as caught:
        status_timeline(instrument(code), "20270104")
    assert "\n" not in str(caught.value)


@given(st.integers(0, 3000))
def test_china_is_never_guessed_past_its_horizon(number: int) -> None:
    day = plus_days("20270101", number)
    for ask in (calendar().is_trading_day, calendar().next_trading_day, calendar().previous_trading_day):
        with pytest.raises(CalendarEnded):
            ask("CN", day)
    with pytest.raises(CalendarEnded):
        calendar().night_starts(day)


def test_a_day_before_the_calendar_is_not_a_matter_of_updating() -> None:
    with pytest.raises(CalendarError) as caught:
        calendar().is_trading_day("CN", "20231229")
    assert not isinstance(caught.value, CalendarEnded)


@pytest.mark.foreign
def test_the_shipped_days_are_the_package_s() -> None:
    """Every day of the file against exchange_calendars, by the tool that makes it anew."""
    tool = [sys.executable, str(ROOT / "tools" / "gen_calendar.py"), "check"]
    result = subprocess.run(tool, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1461 days agree" in result.stdout


def test_to_day_is_the_inverse() -> None:
    assert to_day(to_date("20261123")) == "20261123"
