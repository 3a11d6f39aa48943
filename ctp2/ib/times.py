"""Times as TWS writes them, as UTC nanoseconds (spec ib 5.5): the client libraries read two of the forms wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

NS_PER_SECOND: Final = 1_000_000_000
_FORM: Final = re.compile(r"(\d{8})([ -]+)(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?(?: +(\S.*))?")
OLD_ZONES: Final = {
    "JST": "Asia/Tokyo",
    "GB-Eire": "Europe/London",
    "EST5EDT": "America/New_York",
    "CST6CDT": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "China Standard Time": "Asia/Shanghai",
    "EST (Eastern Standard Time)": "America/New_York",
}
"""Names that TWS writes, or wrote, and that are in no zone database, or not in every one."""


@cache
def zone_of(name: str) -> tzinfo | None:
    """The zone that TWS names; None: not known."""
    try:
        return ZoneInfo(OLD_ZONES.get(name, name))
    except (KeyError, OSError, ValueError):
        return None


def time_ns(text: str, login_zone: tzinfo) -> int:
    """An instant of TWS.

    ``20251124 09:30:00 US/Eastern`` names its zone; ``20251124-14:30:00`` is UTC; ``20251124  09:30:00`` is in the zone
    of TWS's login; digits alone are seconds since 1970.

    Raises:
        ValueError: none of these, or a zone that nobody knows.
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) > 8:
        return int(text) * NS_PER_SECOND
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of TWS")
    day, between, hour, minute, second, name = found.groups()
    zone: tzinfo | None = UTC if "-" in between else login_zone
    if name:
        zone = zone_of(name)
        if zone is None:
            raise ValueError(f"{text!r}: no time zone {name}")
    moment = datetime(int(day[:4]), int(day[4:6]), int(day[6:]), int(hour), int(minute), int(second), tzinfo=zone)
    return int(moment.timestamp()) * NS_PER_SECOND
