"""Phases of a trading day as instants."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ctp2.refdata.calendar import CalendarError
from ctp2.refdata.sessions import Phase, phase_at, phases, session_ids, session_zone

ZONES = {"CN": ZoneInfo("Asia/Shanghai"), "CME": ZoneInfo("America/Chicago"), "US": ZoneInfo("America/New_York")}


def ns(text: str, zone: str = "CN") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONES[zone]).timestamp()) * 10**9


# session, trading day, instant → phase and status, '' outside
CASES = [
    ("D0930", "20261123", "2026-11-23 09:26:00", "auction_order", "3"),
    ("D0930", "20261123", "2026-11-23 09:29:30", "auction_match", "5"),
    ("D0930", "20261123", "2026-11-23 09:30:00", "continuous", "2"),
    ("D0930", "20261123", "2026-11-23 11:30:00", "pause", "1"),
    ("D0930", "20261123", "2026-11-23 15:00:00", "closed", "6"),
    ("D0930", "20261123", "2026-11-23 09:24:59", "", ""),
    ("D0930", "20210104", "2021-01-04 10:00:00", "continuous", "2"),  # no calendar needed without a night
    ("N0230", "20261123", "2026-11-20 20:55:00", "auction_order", "3"),  # Monday begins on Friday evening
    ("N0230", "20261123", "2026-11-21 02:29:59", "continuous", "2"),
    ("N0230", "20261123", "2026-11-22 12:00:00", "pause", "1"),  # all weekend
    ("N0230", "20261123", "2026-11-23 08:55:00", "auction_order", "3"),
    ("N0100", "20261124", "2026-11-24 00:59:59", "continuous", "2"),
    ("N2300", "20261124", "2026-11-23 23:00:00", "pause", "1"),
    ("N2300", "20260224", "2026-02-13 21:00:00", "", ""),  # the night before the Spring Festival is cancelled
    ("N2300", "20260224", "2026-02-24 08:55:00", "auction_order", "3"),
    ("STOCK", "20261123", "2026-11-23 14:58:00", "close_auction", "3"),
    ("BOND", "20261123", "2026-11-23 15:10:00", "continuous", "2"),
]


@pytest.mark.parametrize(("session", "day", "moment", "phase", "status"), CASES)
def test_phase_at(session: str, day: str, moment: str, phase: str, status: str) -> None:
    found = phase_at(phases(session, day), ns(moment))
    assert (found.phase, found.status) == (phase, status) if found else phase == ""


def test_chicago_begins_on_the_calendar_day_before() -> None:
    found = phase_at(phases("CME_EQ", "20261123"), ns("2026-11-22 17:00:00", "CME"))
    assert found is not None
    assert found.phase == "continuous"


def test_summer_time_is_the_zone_s() -> None:
    assert phases("US", "20260706")[0].start_ns == ns("2026-07-06 04:00:00", "US")
    assert phases("US", "20261123")[0].start_ns - phases("US", "20260706")[0].start_ns != 140 * 86400 * 10**9


@pytest.mark.parametrize("session", session_ids())
def test_phases_are_in_order(session: str) -> None:
    found = phases(session, "20261123")
    for before, after in zip(found, found[1:], strict=False):
        assert before.start_ns <= before.end_ns <= after.start_ns
    assert isinstance(found[0], Phase)
    assert session_zone(session)


def test_a_recorded_night_needs_its_evening() -> None:
    with pytest.raises(CalendarError, match="outside the CN calendar"):
        phases("N0230", "20180914")
    assert phases("N0230", "20180914", previous_day="20180913")[0].start_ns == ns("2018-09-13 20:55:00")


def test_unknown_session() -> None:
    with pytest.raises(CalendarError, match="unknown session 'N9999'"):
        phases("N9999", "20261123")
