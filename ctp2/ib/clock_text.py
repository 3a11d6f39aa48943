"""Times of the connection itself as CTP writes them: in New York, where its TradingDay is, or in Beijing (``tz``)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from ctp2.ib.config import Config

_NS: Final = 1_000_000_000
NEW_YORK: Final = "America/New_York"


def time_of_day(now_ns: int, config: Config) -> str:
    """``HH:MM:SS`` of logins and confirmations."""
    zone = ZoneInfo(config.options.tz or NEW_YORK)
    return datetime.fromtimestamp(now_ns // _NS, UTC).astimezone(zone).strftime("%H:%M:%S")
