"""Trading hours, trading days and phases (spec ib 4.3, 5.8); instants are worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ctp2.ib.hours import (
    BadHours,
    Span,
    is_open,
    login_trading_day,
    phase,
    segment,
    spans,
    trading_day,
)
from ctp2.ib.zones import UnknownZone, wall, zone_of


def utc(text: str) -> int:
    """``2025-11-24 14:30`` in UTC as nanoseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


NEW_YORK = zone_of("US/Eastern")
US = "20251124:0930-20251124:1600;20251125:0930-20251125:1600;20251126:CLOSED;20251128:0930-20251128:1300"
CME = "20251123:1700-20251124:1600;20251124:1700-20251125:1600;20251126:CLOSED"
HONG_KONG = "20251124:0930-20251124:1200;20251124:1300-20251124:1600"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("", "US/Eastern", []),
        ("20251127:CLOSED", "US/Eastern", []),
        # New York is 5 hours behind UTC in November, 4 in July.
        ("20251124:0930-20251124:1600", "US/Eastern", [("2025-11-24 14:30", "2025-11-24 21:00", "20251124")]),
        ("20250724:0930-20250724:1600", "EST", [("2025-07-24 13:30", "2025-07-24 20:00", "20250724")]),
        ("20250724:0930-1600", "EST5EDT", [("2025-07-24 13:30", "2025-07-24 20:00", "20250724")]),
        (
            "20251123:1700-20251124:1600",
            "US/Central",
            [("2025-11-23 23:00", "2025-11-24 22:00", "20251124")],
        ),
        # The older form: the date is the trade date, whose session began on the evening before.
        (
            "20251124:1700-1515,1530-1600;20251125:CLOSED",
            "CST",
            [
                ("2025-11-23 23:00", "2025-11-24 21:15", "20251124"),
                ("2025-11-24 21:30", "2025-11-24 22:00", "20251124"),
            ],
        ),
        (
            "20251124:0930-1200,1300-1600",
            "Hongkong",
            [
                ("2025-11-24 01:30", "2025-11-24 04:00", "20251124"),
                ("2025-11-24 05:00", "2025-11-24 08:00", "20251124"),
            ],
        ),
        # Both sessions of a day in the newer form, joined by a comma.
        (
            "20251124:0900-20251124:1130,20251124:1230-20251124:1530",
            "JST",
            [
                ("2025-11-24 00:00", "2025-11-24 02:30", "20251124"),
                ("2025-11-24 03:30", "2025-11-24 06:30", "20251124"),
            ],
        ),
        # London is an hour ahead of UTC in July.
        ("20250724:0800-20250724:1630", "GB-Eire", [("2025-07-24 07:00", "2025-07-24 15:30", "20250724")]),
        # A session that ends at midnight belongs to the day that ends.
        ("20251124:0000-20251125:0000", "UTC", [("2025-11-24 00:00", "2025-11-25 00:00", "20251124")]),
        ("20251124:0000-2400", "UTC", [("2025-11-24 00:00", "2025-11-25 00:00", "20251124")]),
        # The clocks go back on 2 November 2025: this night has 25 hours.
        ("20251101:1700-20251102:1700", "US/Eastern", [("2025-11-01 21:00", "2025-11-02 22:00", "20251102")]),
        # Twice the same, and one within the other.
        (
            "20251124:0930-20251124:1600;20251124:0930-20251124:1600;20251124:1000-20251124:1100",
            "US/Eastern",
            [("2025-11-24 14:30", "2025-11-24 21:00", "20251124")],
        ),
    ],
)
def test_spans(text: str, zone: str, expected: list[tuple[str, str, str]]) -> None:
    assert spans(text, zone) == tuple(Span(utc(begin), utc(end), day) for begin, end, day in expected)


@pytest.mark.parametrize(
    "text",
    [
        "20251124",
        "20251124:0930",
        "20251124:0930-20251124:0930",
        "20251124:2500-20251125:0100",
        "0930-1600",
        "x:CLOSED",
    ],
)
def test_bad_hours(text: str) -> None:
    with pytest.raises(BadHours):
        spans(text, "US/Eastern")


def test_a_day_that_is_none() -> None:
    with pytest.raises(BadHours, match="no day"):
        spans("20251131:0930-20251131:1600", "US/Eastern")


def test_unknown_zone() -> None:
    with pytest.raises(UnknownZone, match="Mars"):
        spans(US, "Mars/Olympus")


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("EST (Eastern Standard Time)", "America/New_York"),
        ("US/Central", "America/Chicago"),
        ("JST", "Asia/Tokyo"),
        ("Japan", "Asia/Tokyo"),
        ("GB-Eire", "Europe/London"),
        ("MET", "Europe/Berlin"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Australia/NSW", "Australia/Sydney"),
        ("Hongkong", "Asia/Hong_Kong"),
        ("Europe/Riga", "Europe/Riga"),
        ("", "America/New_York"),
    ],
)
def test_zones(name: str, iana: str) -> None:
    assert zone_of(name).key == iana


def test_wall_time() -> None:
    instant = utc("2025-11-24 14:30") // 10**9
    assert wall(NEW_YORK, instant) == ("20251124", "09:30:00")
    assert wall(zone_of("Asia/Shanghai"), instant) == ("20251124", "22:30:00")
    assert wall(zone_of("Asia/Calcutta"), instant + 59) == ("20251124", "20:00:59")
    assert wall(zone_of("Asia/Shanghai"), instant + 3 * 3600) == ("20251125", "01:30:00")


@pytest.mark.parametrize(
    ("now", "expected", "until"),
    [
        ("2025-11-24 12:00", "20251124", "2025-11-24 21:00"),
        ("2025-11-24 20:59", "20251124", "2025-11-24 21:00"),
        ("2025-11-24 21:00", "20251125", "2025-11-25 21:00"),
        ("2025-11-26 15:00", "20251128", "2025-11-28 18:00"),
        # Behind all that is known: the exchange's date, Friday until its midnight, then Monday.
        ("2025-11-28 20:00", "20251128", "2025-11-29 05:00"),
        ("2025-11-29 05:00", "20251201", "2025-11-30 05:00"),
    ],
)
def test_trading_day(now: str, expected: str, until: str) -> None:
    assert trading_day(spans(US, "US/Eastern"), NEW_YORK, utc(now)) == (expected, utc(until))


def test_trading_day_of_the_evening() -> None:
    known, zone = spans(CME, "US/Central"), zone_of("US/Central")
    assert trading_day(known, zone, utc("2025-11-23 23:00"))[0] == "20251124"  # Sunday 17:00 in Chicago
    assert trading_day(known, zone, utc("2025-11-24 22:30"))[0] == "20251125"


@pytest.mark.parametrize(
    ("text", "zone", "now", "expected"),
    [
        (US, "US/Eastern", "2025-11-24 14:29", ("0", "2025-11-24 05:00", "2025-11-24 14:30")),
        (US, "US/Eastern", "2025-11-24 14:30", ("2", "2025-11-24 14:30", "2025-11-24 21:00")),
        (US, "US/Eastern", "2025-11-24 21:00", ("6", "2025-11-24 21:00", "2025-11-25 05:00")),
        (US, "US/Eastern", "2025-11-25 05:00", ("0", "2025-11-25 05:00", "2025-11-25 14:30")),
        (US, "US/Eastern", "2025-11-26 15:00", ("6", "2025-11-25 21:00", "2025-11-28 05:00")),
        (US, "US/Eastern", "2025-11-28 18:00", ("6", "2025-11-28 18:00", "")),
        (HONG_KONG, "Hongkong", "2025-11-24 04:00", ("1", "2025-11-24 04:00", "2025-11-24 05:00")),
        (HONG_KONG, "Hongkong", "2025-11-24 05:00", ("2", "2025-11-24 05:00", "2025-11-24 08:00")),
        # Chicago pauses from 16:00 to 17:00 between two trading days: closed, and announced for the last half hour.
        (CME, "US/Central", "2025-11-24 22:00", ("6", "2025-11-24 22:00", "2025-11-24 22:30")),
        (CME, "US/Central", "2025-11-24 22:30", ("0", "2025-11-24 22:30", "2025-11-24 23:00")),
        (CME, "US/Central", "2025-11-24 23:00", ("2", "2025-11-24 23:00", "2025-11-25 22:00")),
    ],
)
def test_phase(text: str, zone: str, now: str, expected: tuple[str, str, str]) -> None:
    status, since, until = expected
    known = spans(text, zone)
    assert phase(known, zone_of(zone), utc(now)) == (status, utc(since), utc(until) if until else 0)


def test_phase_of_nothing_known() -> None:
    assert phase((), NEW_YORK, utc("2025-11-24 15:00")) == ("6", 0, 0)


def test_segments_and_open() -> None:
    known = spans(HONG_KONG, "Hongkong")
    assert [segment(known, utc(f"2025-11-24 {time}")) for time in ("01:00", "02:00", "04:30", "05:00", "08:00")] == [
        *(1, 1, 2, 2, 0)
    ]
    assert not is_open(known, utc("2025-11-24 01:29"))
    assert is_open(known, utc("2025-11-24 01:30"))
    assert not is_open(known, utc("2025-11-24 04:00"))
    assert not is_open(known, utc("2025-11-24 09:00"))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-11-24 14:30", "20251124"),  # Monday morning in New York
        ("2025-11-24 21:59", "20251124"),
        ("2025-11-24 22:00", "20251125"),  # Monday 17:00
        ("2025-11-28 21:59", "20251128"),
        ("2025-11-28 22:00", "20251201"),  # Friday 17:00 → Monday
        ("2025-11-29 15:00", "20251201"),
        ("2025-11-30 23:30", "20251201"),
        ("2025-07-25 20:59", "20250725"),
        ("2025-07-25 21:00", "20250728"),  # summer time
    ],
)
def test_login_trading_day(now: str, expected: str) -> None:
    assert login_trading_day(utc(now)) == expected
