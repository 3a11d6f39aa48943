"""The time zones that IB names: today's IANA names, the old ones, and the abbreviations of still older TWS versions.

They stand in contracts and behind times. An abbreviation is never left to the host's zone data: there ``EST`` is a
place without summer time, while IB means New York's clock (spec ib 4.3).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ctp2.refdata.calendar import CalendarError, zone_info

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NEW_YORK: Final = "America/New_York"

IANA_OF: Final[dict[str, str]] = {
    "EST": NEW_YORK,
    "EDT": NEW_YORK,
    "EST5EDT": NEW_YORK,
    "US/Eastern": NEW_YORK,
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "CST6CDT": "America/Chicago",
    "US/Central": "America/Chicago",
    "MST": "America/Denver",
    "MST7MDT": "America/Denver",
    "US/Mountain": "America/Denver",
    "PST": "America/Los_Angeles",
    "PST8PDT": "America/Los_Angeles",
    "US/Pacific": "America/Los_Angeles",
    "Canada/Eastern": "America/Toronto",
    "Mexico/General": "America/Mexico_City",
    "Brazil/East": "America/Sao_Paulo",
    "GB": "Europe/London",
    "GB-Eire": "Europe/London",
    "BST": "Europe/London",
    "Eire": "Europe/Dublin",
    "MET": "Europe/Berlin",
    "MEZ": "Europe/Berlin",
    "CET": "Europe/Berlin",
    "CEST": "Europe/Berlin",
    "EET": "Europe/Helsinki",
    "Poland": "Europe/Warsaw",
    "Turkey": "Europe/Istanbul",
    "W-SU": "Europe/Moscow",
    "MSK": "Europe/Moscow",
    "SAST": "Africa/Johannesburg",
    "Israel": "Asia/Jerusalem",
    "JST": "Asia/Tokyo",
    "Japan": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "ROK": "Asia/Seoul",
    "ROC": "Asia/Taipei",
    "PRC": "Asia/Shanghai",
    "CTT": "Asia/Shanghai",
    "China Standard Time": "Asia/Shanghai",
    "HKT": "Asia/Hong_Kong",
    "Hongkong": "Asia/Hong_Kong",
    "SGT": "Asia/Singapore",
    "Singapore": "Asia/Singapore",
    "IST": "Asia/Kolkata",
    "Asia/Calcutta": "Asia/Kolkata",
    "Australia/NSW": "Australia/Sydney",
    "Australia/ACT": "Australia/Sydney",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "AET": "Australia/Sydney",
    "NZ": "Pacific/Auckland",
    "GMT": "Etc/UTC",
    "UTC": "Etc/UTC",
    "Zulu": "Etc/UTC",
    "Z": "Etc/UTC",
}
"""IB's name → IANA. What is not here is taken for an IANA name."""


class UnknownZone(ValueError):
    """IB named a time zone that is in no table."""


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """The zone that IB calls ``name``; a remark in brackets (``EST (Eastern Standard Time)``) is left out.

    Raises:
        UnknownZone: neither this table nor the host's zone data know it.
    """
    bare = name.partition("(")[0].strip()
    try:
        return zone_info(IANA_OF.get(bare, bare) or NEW_YORK)
    except (CalendarError, ValueError) as error:
        raise UnknownZone(f"time zone {name!r} is unknown: {error}") from error


@lru_cache(maxsize=4096)
def _offset(zone: ZoneInfo, hour: int) -> int:
    # Zones change their offset on the hour or half hour of UTC; a quarter of an hour is finer than any.
    shown = datetime.fromtimestamp(hour * 900, zone)
    return int(shown.replace(tzinfo=UTC).timestamp()) - hour * 900


def wall_seconds(zone: ZoneInfo, epoch_s: int) -> int:
    """The zone's wall time at an instant, as seconds since 1970 in that wall time."""
    return epoch_s + _offset(zone, epoch_s // 900)


@lru_cache(maxsize=64)
def day_text(wall_day: int) -> str:
    """Days since 1970 in wall time → ``YYYYMMDD``."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=wall_day)
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}"


def wall(zone: ZoneInfo, epoch_s: int) -> tuple[str, str]:
    """``(YYYYMMDD, HH:MM:SS)`` of an instant in a zone."""
    day, second = divmod(wall_seconds(zone, epoch_s), 86_400)
    return day_text(day), clock_text(second)


@lru_cache(maxsize=4096)
def clock_text(second: int) -> str:
    """Seconds after midnight → ``HH:MM:SS``."""
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
