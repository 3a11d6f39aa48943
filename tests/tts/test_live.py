"""The days of a counter that follows real sessions: every instant, judged by rules written out by hand (spec 10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctp2.refdata import cme
from ctp2.refdata.calendar import CalendarEnded, CalendarError, calendar, to_day
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.models import Instrument
from ctp2.refdata.overseas import hk_security, us_security
from ctp2.tts.feed import PhaseChange
from ctp2.tts.live import calendar_market, day_begins_ns, next_trading_day, roll_ns, session_changes, trading_day_at

BEIJING = ZoneInfo("Asia/Shanghai")
NS = 10**9


def ns(text: str) -> int:
    """UTC nanoseconds of Beijing time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp()) * NS


# when → the trading day of a counter with mainland instruments
INSTANTS = [
    ("2026-01-09 16:59:59", "20260109"),
    ("2026-01-09 17:00:00", "20260112"),  # a Friday evening is Monday
    ("2026-01-10 12:00:00", "20260112"),
    ("2026-01-12 00:00:00", "20260112"),
    ("2026-02-13 17:00:00", "20260224"),  # Spring Festival
    ("2026-02-20 10:00:00", "20260224"),
    ("2026-09-30 17:00:00", "20261008"),
]


@pytest.mark.parametrize(("when", "day"), INSTANTS)
def test_the_trading_day_of_an_instant(when: str, day: str) -> None:
    assert trading_day_at("CN", ns(when)) == day


def test_past_the_calendar_nothing_is_guessed() -> None:
    assert trading_day_at("CN", ns("2026-12-31 16:59:59")) == "20261231"
    for when in ("2026-12-31 17:00:00", "2027-01-04 10:00:00", "2027-07-01 10:00:00", "2031-07-01 10:00:00"):
        with pytest.raises(CalendarEnded, match="update ctp2"):
            trading_day_at("CN", ns(when))
    with pytest.raises(CalendarEnded):
        next_trading_day("CN", "20261231")


@pytest.mark.parametrize(
    ("listed", "market"),
    [((), "CN"), (("hk",), "HK"), (("us", "hk"), "US"), (("cme",), "CME"), (("us", "futures"), "CN")],
)
def test_whose_calendar(listed: tuple[str, ...], market: str) -> None:
    assert calendar_market(listed) == market


# ------------------------------------------------------------------------------------------ every instant of the years


def seconds(text: str) -> int:
    """Seconds after midnight."""
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def within(second: int, *spans: tuple[str, str]) -> bool:
    """Whether a time of day lies in one of the spans."""
    return any(seconds(begin) <= second < seconds(end) for begin, end in spans)


MAINLAND_DAY = (("09:00", "10:15"), ("10:30", "11:30"), ("13:30", "15:00"))


def rb_trades(day: str, second: int) -> bool:
    """Day session, and a night session to 23:00 on evenings before a working day (10.1, 10.2)."""
    if not calendar().is_trading_day("CN", day):
        return False
    return within(second, *MAINLAND_DAY) or (within(second, ("21:00", "23:00")) and calendar().night_starts(day))


def if_trades(day: str, second: int) -> bool:
    """An index future has no night."""
    return calendar().is_trading_day("CN", day) and within(second, ("09:30", "11:30"), ("13:00", "15:00"))


def hong_kong_trades(day: str, second: int) -> bool:
    """Mornings only on half days."""
    if not calendar().is_trading_day("HK", day):
        return False
    return within(second, ("09:30", "12:00")) or (
        within(second, ("13:00", "16:00")) and not calendar().is_half_day("HK", day)
    )


def new_york_trades(day: str, second: int) -> bool:
    """Until 13:00 on short days."""
    close = "13:00" if calendar().is_half_day("US", day) else "16:00"
    return calendar().is_trading_day("US", day) and within(second, ("09:30", close))


def chicago_trades(day: str, second: int) -> bool:
    """From 17:00 on the calendar day before to 16:00, noon on short days."""
    following = to_day(datetime.strptime(day, "%Y%m%d").date() + timedelta(days=1))
    if within(second, ("17:00", "24:00")):
        return calendar().is_trading_day("CME", following)
    close = "12:00" if calendar().is_half_day("CME", day) else "16:00"
    return calendar().is_trading_day("CME", day) and within(second, ("00:00", close))


@cache
def sample(code: str, exchange: str) -> Instrument:
    """An instrument of a market; which one does not matter to its sessions."""
    if exchange == "HKEX":
        made = hk_security(code, "20260105")
    elif exchange == "NASD":
        made = us_security(code, "", "20260105")
    elif exchange == "CME":
        contract = cme.parse_code(code, "20260105")
        assert contract is not None, code
        made = cme.make_future(contract, "20260105")
    else:
        made = instrument_for(code, exchange, "20260105")
    assert made is not None, code
    return made


RULES = {
    ("rb2605", "SHFE"): ("Asia/Shanghai", rb_trades),
    ("IF2603", "CFFEX"): ("Asia/Shanghai", if_trades),
    ("00700", "HKEX"): ("Asia/Hong_Kong", hong_kong_trades),
    ("AAPL", "NASD"): ("America/New_York", new_york_trades),
    ("ESH6", "CME"): ("America/Chicago", chicago_trades),
}


@cache
def changes_of(market: str, trading_day: str, which: tuple[str, str]) -> tuple[tuple[int, PhaseChange], ...]:
    """What ``session_changes`` says of one instrument."""
    return tuple(session_changes([sample(*which)], market, trading_day))


def status_at(market: str, now_ns: int, which: tuple[str, str]) -> str:
    """The status told of an instrument at an instant."""
    changes = changes_of(market, trading_day_at(market, now_ns), which)
    return [change.status for at_ns, change in changes if at_ns <= now_ns][-1]


def judge(market: str, now_ns: int, which: tuple[str, str]) -> None:
    """Continuous trading exactly when the rules written by hand say so."""
    zone, trades = RULES[which]
    local = datetime.fromtimestamp(now_ns // NS, ZoneInfo(zone))
    expected = trades(to_day(local.date()), local.hour * 3600 + local.minute * 60 + local.second)
    assert (status_at(market, now_ns, which) == "2") == expected, (market, which, local)


INSTANT = st.integers(ns("2024-01-10 00:00:00") // NS, ns("2026-12-31 16:59:59") // NS)


@given(INSTANT, st.sampled_from(list(RULES)))
@example(ns("2026-10-02 10:00:00") // NS, ("00700", "HKEX"))  # a Chinese holiday
@example(ns("2026-03-09 21:30:00") // NS, ("AAPL", "NASD"))  # summer time began the day before
@example(ns("2026-01-09 17:00:00") // NS, ("ESH6", "CME"))  # the counter rolls while Chicago trades
def test_every_market_of_a_mainland_counter_trades_when_its_rules_say(second: int, which: tuple[str, str]) -> None:
    judge("CN", second * NS, which)


@given(
    st.integers(ns("2024-01-20 00:00:00") // NS, ns("2027-12-20 00:00:00") // NS),
    st.sampled_from([("HK", ("00700", "HKEX")), ("US", ("AAPL", "NASD")), ("CME", ("ESH6", "CME"))]),
)
def test_a_counter_of_one_other_market_does_so_to_the_end_of_2027(
    second: int, where: tuple[str, tuple[str, str]]
) -> None:
    judge(where[0], second * NS, where[1])


@given(st.sampled_from(["CN", "HK", "US", "CME"]), INSTANT)
def test_the_days_follow_each_other_without_a_gap(market: str, second: int) -> None:
    day = trading_day_at(market, second * NS)
    assert day_begins_ns(market, day) <= second * NS < roll_ns(market, day)
    try:
        following = next_trading_day(market, day)
    except CalendarError:
        return
    assert day_begins_ns(market, following) == roll_ns(market, day)
    assert trading_day_at(market, roll_ns(market, day)) == following
