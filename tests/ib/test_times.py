"""Instants as TWS writes them (spec ib 5.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ctp2.ib.times import time_ns

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


@pytest.mark.parametrize("text", ["", "20251124", "09:30:00", "20251324 09:30:00", "20251124 09:30:00 Nowhere/Atall"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        time_ns(text, ZoneInfo("UTC"))
