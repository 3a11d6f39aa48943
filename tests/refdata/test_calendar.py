"""Trading days, nights, and the trading day of an instant (reference-data 4)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ctp2.refdata.calendar import Calendar, CalendarError, calendar, open_day_from, plus_days, to_date

# The evenings of 2024-2026 on which no night session begins although the day trades.
CANCELLED = """
20240208 20240403 20240430 20240607 20240913 20240930 20241231
20250127 20250403 20250430 20250530 20250930 20251231
20260213 20260403 20260430 20260618 20260924 20260930
""".split()


def trading_days(first: str, last: str) -> list[str]:
    days, day = [], first
    while day <= last:
        if calendar().is_trading_day("CN", day):
            days.append(day)
        day = plus_days(day, 1)
    return days


def test_nineteen_evenings_fall_out() -> None:
    days = trading_days("20240101", "20261230")
    assert [day for day in days if not calendar().night_starts(day)] == CANCELLED


def test_nights_follow_the_rule() -> None:
    """A night is held if only Saturdays and Sundays lie between its evening and its trading day."""
    days = trading_days("20240101", "20261231")
    for previous, day in zip(days, days[1:], strict=False):
        between = [plus_days(previous, n) for n in range(1, (to_date(day) - to_date(previous)).days)]
        assert calendar().has_night(day) == all(to_date(item).weekday() >= 5 for item in between), day


NEIGHBOURS = [
    ("CN", "20260213", "20260212", "20260224"),  # Spring Festival
    ("CN", "20261123", "20261120", "20261124"),
    ("CN", "20261122", "20261120", "20261123"),  # from a Sunday
    ("HK", "20240906", "20240905", "20240909"),  # typhoon
    ("US", "20261126", "20261125", "20261127"),  # Thanksgiving
]


@pytest.mark.parametrize(("market", "day", "previous", "following"), NEIGHBOURS)
def test_neighbours(market: str, day: str, previous: str, following: str) -> None:
    assert calendar().previous_trading_day(market, day) == previous
    assert calendar().next_trading_day(market, day) == following


INSTANTS = [
    ("CN", "2026-11-20 14:59:59", "20261120"),
    ("CN", "2026-11-20 20:29:59", "20261120"),
    ("CN", "2026-11-20 20:30:00", "20261123"),  # Friday night is Monday
    ("CN", "2026-11-21 01:30:00", "20261123"),
    ("CN", "2026-11-24 01:30:00", "20261124"),
    ("CN", "2026-02-13 21:00:00", "20260224"),  # no night, still the next day's evening
    ("US", "2026-11-20 20:00:00", "20261123"),
    ("US", "2026-11-20 19:59:59", "20261120"),
    ("CME", "2026-11-22 17:00:00", "20261123"),  # Sunday afternoon
]


@pytest.mark.parametrize(("market", "local", "expected"), INSTANTS)
def test_trading_day_of_an_instant(market: str, local: str, expected: str) -> None:
    zones = {"CN": "Asia/Shanghai", "US": "America/New_York", "CME": "America/Chicago"}
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zones[market]))
    assert calendar().trading_day_at(market, int(moment.timestamp()) * 10**9) == expected


BEYOND = [
    (lambda known: known.is_trading_day("CN", "20270104"), "20270104 is outside the CN calendar"),
    (lambda known: known.is_trading_day("CN", "20231229"), "20231229 is outside the CN calendar"),
    (lambda known: known.next_trading_day("CN", "20261231"), "the trading day after 20261231"),
    (lambda known: known.night_starts("20261231"), "the night session of 20261231"),
    (lambda known: known.is_trading_day("MARS", "20260105"), "unknown market 'MARS'"),
    (lambda known: known.is_trading_day("CN", "20260230"), "'20260230' is not a day"),
    (lambda known: known.is_trading_day("CN", "2026-01-05"), "is not a day"),
]


@pytest.mark.parametrize(("ask", "message"), BEYOND, ids=[message for _, message in BEYOND])
def test_never_guesses(ask: object, message: str) -> None:
    assert callable(ask)
    with pytest.raises(CalendarError, match=message):
        ask(calendar())


def test_other_markets_are_known_for_2027() -> None:
    assert calendar().is_trading_day("HK", "20270104")
    assert isinstance(calendar(), Calendar)


# market, day → closes early
@pytest.mark.parametrize(
    ("market", "day", "early"),
    [
        ("HK", "20261224", True),
        ("HK", "20261223", False),
        ("US", "20261127", True),
        ("US", "20261126", False),
        ("CME", "20261127", True),
        ("CN", "20261224", False),
        ("US", "20131129", False),  # beyond the file
        ("XX", "20261127", False),
    ],
)
def test_half_days(market: str, day: str, early: bool) -> None:
    assert calendar().is_half_day(market, day) is early


def test_trading_days_of_a_range() -> None:
    assert calendar().trading_days("CN", "20260930", "20261009") == ["20260930", "20261008", "20261009"]
    assert calendar().trading_days("CN", "20261001", "20261007") == []
    with pytest.raises(CalendarError, match="20270104 is outside the CN calendar"):
        calendar().trading_days("CN", "20261231", "20270104")
    assert open_day_from("CN", "20261001") == "20261008"
    assert open_day_from("CN", "20270101") == "20270101"  # beyond the file: a Friday
