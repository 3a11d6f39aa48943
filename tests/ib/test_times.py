"""Instants as TWS writes them (spec ib 5.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ctp2.ib.times import time_ns
from ctp2.ib.zones import UnknownZone, zone_of

MORNING = int(datetime(2025, 11, 24, 14, 30, tzinfo=UTC).timestamp()) * 10**9
"""Half past nine in New York."""


@pytest.mark.parametrize(
    ("text", "login_zone"),
    [
        ("20251124 09:30:00 US/Eastern", "Asia/Shanghai"),
        ("20251124 09:30:00 America/New_York", "UTC"),
        ("20251124 09:30:00 EST (Eastern Standard Time)", "UTC"),
        ("20251124  23:30:00 JST", "UTC"),
        ("20251124 22:30:00 China Standard Time", "UTC"),
        ("20251124 14:30:00 GB-Eire", "UTC"),
        ("20251124-14:30:00", "Asia/Shanghai"),
        ("20251124  09:30:00", "America/New_York"),
        ("20251124  22:30:00", "Asia/Shanghai"),
        ("20251124 22:30:00.250", "Asia/Shanghai"),
        ("1763994600", "Asia/Shanghai"),
    ],
)
def test_one_instant_in_all_forms(text: str, login_zone: str) -> None:
    assert time_ns(text, ZoneInfo(login_zone)) == MORNING


@pytest.mark.parametrize(
    ("text", "utc_hour"),
    [("09:30:00 EST", 13), ("09:30:00 EST5EDT", 13), ("08:30:00 CST", 13), ("21:30:00 HKT", 13), ("15:30:00 MET", 13)],
)
def test_in_summer_an_abbreviation_is_the_clock_of_its_place(text: str, utc_hour: int) -> None:
    """Zone data take EST for a place without summer time; of contracts and in times the same table counts."""
    expected = datetime(2025, 7, 24, utc_hour, 30, tzinfo=UTC).timestamp()
    assert time_ns(f"20250724 {text}", ZoneInfo("UTC")) == int(expected) * 10**9


@pytest.mark.parametrize("name", ["Nowhere/Atall", "America", "../UTC", "/etc/passwd", "a\0b", "x" * 300, "中文"])
def test_an_unknown_zone_is_an_error_of_ours(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone_of(name)
    with pytest.raises(ValueError, match="no time zone"):
        time_ns(f"20251124 09:30:00 {name}", ZoneInfo("UTC"))


@pytest.mark.parametrize("text", ["", "20251124", "09:30:00", "20251324 09:30:00", "20251124 09:30:00 Nowhere/Atall"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        time_ns(text, ZoneInfo("UTC"))
