"""When a market's quotes can change, from the calendar: how often to ask, and when an old row is a fault.

Beyond the calendar every weekday counts as a trading day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from ctp2.quotes.codes import ZONE_OF_MARKET, Market
from ctp2.refdata.calendar import NS_PER_SECOND, calendar, plus_days, to_date, to_day, zone_info

_DAY_S: Final = 86_400
_FRIDAY: Final = 4

#: Local hours in which rows change: opening auctions to the last late row.
_OPEN: Final[dict[Market, tuple[tuple[str, str], ...]]] = {
    "cn": (("09:10", "11:32"), ("12:58", "15:06")),
    "hk": (("08:58", "12:06"), ("12:58", "16:14")),
    "us": (("09:25", "16:10"),),
    "nf": (("08:55", "11:32"), ("12:58", "15:18")),
}
_EXTENDED_US: Final = (("04:00", "20:01"),)
#: Local hours of continuous trading, in which most rows move within a minute.
_MOVING: Final[dict[Market, tuple[tuple[str, str], ...]]] = {
    "cn": (("09:32", "11:30"), ("13:02", "14:57")),
    "hk": (("09:32", "12:00"), ("13:02", "15:59")),
    "us": (("09:32", "15:59"),),
    "nf": (("09:02", "10:15"), ("10:32", "11:30"), ("13:32", "15:00")),
}
#: Where the day is short: nothing after this.
_HALF_DAY_ENDS: Final[dict[Market, str]] = {"hk": "12:06", "us": "13:10"}
_NIGHT: Final = ("20:55", "26:32")
"""Domestic futures; beyond 24:00 is the next morning."""
_CALENDAR: Final[dict[Market, str]] = {"cn": "CN", "hk": "HK", "us": "US", "nf": "CN"}


def state(market: Market, now_ns: int, *, is_extended: bool = False) -> tuple[bool, int]:
    """Whether a market's rows change now, and the instant (UTC ns) until which that holds."""
    now_s = now_ns // NS_PER_SECOND
    for begin, end in _windows(market, _local_day(market, now_s), is_extended):
        if now_s < begin:
            return False, begin * NS_PER_SECOND
        if now_s < end:
            return True, end * NS_PER_SECOND
    return False, (now_s + _DAY_S // 2) * NS_PER_SECOND


def is_moving(market: Market, now_ns: int) -> bool:
    """Whether continuous trading has gone on for a minute or more."""
    if market not in _MOVING:
        return False
    now_s = now_ns // NS_PER_SECOND
    day = _local_day(market, now_s)
    return _trades(market, day) and any(
        begin <= now_s < end for begin, end in _instants(market, day, _shortened(market, day, _MOVING[market]))
    )


def _local_day(market: Market, now_s: int) -> str:
    return to_day(datetime.fromtimestamp(now_s, UTC).astimezone(zone_info(ZONE_OF_MARKET[market])).date())


@lru_cache(maxsize=64)
def _windows(market: Market, day: str, is_extended: bool) -> tuple[tuple[int, int], ...]:
    """The open hours from the evening before to the end of a local day, as seconds since 1970."""
    found: list[tuple[int, int]] = []
    for which in (plus_days(day, -1), day):
        if market == "hf":
            # Monday 06:00 to Saturday 06:00 of Beijing.
            if to_date(which).weekday() <= _FRIDAY:
                found += _instants(market, which, (("06:00", "30:00"),))
            continue
        if _trades(market, which):
            hours = _EXTENDED_US if market == "us" and is_extended else _OPEN[market]
            found += _instants(market, which, _shortened(market, which, hours))
            if market == "nf" and _has_night(which):
                found += _instants(market, which, (_NIGHT,))
    return tuple(sorted(found))


def _shortened(market: Market, day: str, hours: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    ends = _HALF_DAY_ENDS.get(market)
    if ends is None or not calendar().is_half_day(_CALENDAR[market], day):
        return hours
    return tuple((begin, min(end, ends)) for begin, end in hours if begin < ends)


def _trades(market: Market, day: str) -> bool:
    name = _CALENDAR[market]
    if calendar().covers(name, day):
        return calendar().is_trading_day(name, day)
    return to_date(day).weekday() <= _FRIDAY


def _has_night(day: str) -> bool:
    return calendar().night_starts(day) if calendar().covers("CN", day) and calendar().horizon("CN")[1] > day else True


def _instants(market: Market, day: str, hours: tuple[tuple[str, str], ...]) -> list[tuple[int, int]]:
    return [(_instant(market, day, begin), _instant(market, day, end)) for begin, end in hours]


def _instant(market: Market, day: str, clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    date = to_date(day)
    local = datetime(date.year, date.month, date.day) + timedelta(hours=int(hours), minutes=int(minutes))
    return int(local.replace(tzinfo=zone_info(ZONE_OF_MARKET[market])).timestamp())
