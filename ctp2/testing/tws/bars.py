"""Bars of the past: every figure follows from seed, conId and time alone, so any two requests agree (spec ib 6.7)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ctp2.testing.tws.kinds import zone_or_utc
from ctp2.testing.tws.quotes import in_ticks

if TYPE_CHECKING:
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.replies import Bar

SIZES: Final[dict[str, dt.timedelta]] = {
    "1 secs": dt.timedelta(seconds=1),
    "5 secs": dt.timedelta(seconds=5),
    "10 secs": dt.timedelta(seconds=10),
    "15 secs": dt.timedelta(seconds=15),
    "30 secs": dt.timedelta(seconds=30),
    "1 min": dt.timedelta(minutes=1),
    "2 mins": dt.timedelta(minutes=2),
    "3 mins": dt.timedelta(minutes=3),
    "5 mins": dt.timedelta(minutes=5),
    "10 mins": dt.timedelta(minutes=10),
    "15 mins": dt.timedelta(minutes=15),
    "20 mins": dt.timedelta(minutes=20),
    "30 mins": dt.timedelta(minutes=30),
    "1 hour": dt.timedelta(hours=1),
    "2 hours": dt.timedelta(hours=2),
    "3 hours": dt.timedelta(hours=3),
    "4 hours": dt.timedelta(hours=4),
    "8 hours": dt.timedelta(hours=8),
    "1 day": dt.timedelta(days=1),
    "1 week": dt.timedelta(weeks=1),
    "1 month": dt.timedelta(days=30),
}
KINDS: Final = ("TRADES", "MIDPOINT", "BID", "ASK", "ADJUSTED_LAST")
MOST_BARS: Final = 20_000
_DAYS: Final = {"D": 1, "W": 7, "M": 30, "Y": 365}
_DURATION: Final = re.compile(r"(\d+) ([SDWMY])")
_END: Final = re.compile(r"(\d{8})[ -](\d{2}:\d{2}:\d{2})(?: (\S+))?")
_SHIFT: Final = {"BID": -1, "ASK": 1}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class BadBars(ValueError):
    """A request whose period, size or kind cannot be read; the text says which."""


def ending(text: str, zone: str, now: dt.datetime) -> dt.datetime:
    """The end of a request: empty is now; with a dash it is UTC, with a space in the zone that follows or in ``zone``.

    Raises:
        BadBars: another form, or an unknown zone.
    """
    if not text.strip():
        return now
    found = _END.fullmatch(text.strip())
    if found is None:
        raise BadBars(f"end date and time {text!r}; use yyyymmdd hh:mm:ss and a zone, or yyyymmdd-hh:mm:ss in UTC")
    try:
        naive = dt.datetime.strptime(f"{found[1]} {found[2]}", "%Y%m%d %H:%M:%S")
    except ValueError as bad:
        raise BadBars(f"end date and time {text!r}: {bad}") from bad
    if text.strip()[8] == "-":
        return naive.replace(tzinfo=dt.UTC)
    try:
        return naive.replace(tzinfo=ZoneInfo(found[3] or zone)).astimezone(dt.UTC)
    except (KeyError, ValueError, OSError) as unknown:
        raise BadBars(f"time zone {found[3]!r} is unknown") from unknown


def count_of(duration: str, size: str) -> tuple[int, dt.timedelta]:
    """How many bars a duration holds, and how long one is. Days hold weekdays' bars alone.

    Raises:
        BadBars: an unknown duration or bar size.
    """
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise BadBars(f"duration {duration!r}; use a number and one of S D W M Y")
    length = SIZES.get(size)
    if length is None:
        raise BadBars(f"bar size setting {size!r}; legal ones are: {', '.join(SIZES)}")
    number, unit = int(found[1]), found[2]
    if number == 0:
        raise BadBars(f"duration {duration!r} is empty")
    if unit == "S":
        count = max(int(number / length.total_seconds()), 1)
    elif length >= dt.timedelta(days=1):
        days = number if unit == "D" else number * _DAYS[unit] * 5 // 7
        count = max(days // max(length.days * 5 // 7, 1), 1)
    else:
        count = int(dt.timedelta(days=number * _DAYS[unit]) / length)
    if count > MOST_BARS:
        raise BadBars(f"{count} bars; at most {MOST_BARS} at once")
    return count, length


def before(listed: Listed, seed: int, end: dt.datetime, count: int, length: dt.timedelta, kind: str) -> list[Bar]:
    """``count`` bars, the last one beginning before ``end``; their dates are still epoch seconds or days.

    Days run by the calendar of the contract's zone, weekends left out; shorter bars stand every day of the week.
    """
    starts = list(_starts(end, zone_or_utc(listed.time_zone), count, length))
    return [_bar(listed, seed, start, length, kind) for start in reversed(starts)]


def _starts(end: dt.datetime, zone: ZoneInfo, count: int, length: dt.timedelta) -> Iterator[dt.datetime]:
    if length >= dt.timedelta(days=1):
        day = (end.astimezone(zone) - dt.timedelta(microseconds=1)).date()
        while count:
            if day.weekday() < 5:
                yield dt.datetime.combine(day, dt.time(), dt.UTC)
                count -= 1
                day -= dt.timedelta(days=length.days - 1)
            day -= dt.timedelta(days=1)
        return
    start = end - ((end - _EPOCH) % length or length)
    for number in range(count):
        yield start - number * length


def _bar(listed: Listed, seed: int, start: dt.datetime, length: dt.timedelta, kind: str) -> Bar:
    """Open of a bar is the close of the one before it: both follow from the instant between them."""
    stamp = int(start.timestamp())
    random = Random(f"{seed}/{listed.con_id}/{stamp}/{length}")
    tick = listed.min_tick
    open_, close = (_at(listed, seed, one) for one in (start, start + length))
    high = max(open_, close) + random.randrange(4) * tick
    low = min(open_, close) - random.randrange(4) * tick
    shift = _SHIFT.get(kind, 0) * tick
    prices = tuple(in_ticks(one + shift, tick) for one in (open_, high, low, close))
    text = f"{start:%Y%m%d}" if length >= dt.timedelta(days=1) else str(stamp)
    if kind in ("TRADES", "ADJUSTED_LAST") and listed.sec_type != "CASH":
        volume = 100 * (1 + random.randrange(1000))
        return text, prices[0], prices[1], prices[2], prices[3], volume, round(sum(prices) / 4, 8), 1 + volume // 250
    return text, prices[0], prices[1], prices[2], prices[3], -1, -1.0, -1


def _at(listed: Listed, seed: int, at: dt.datetime) -> float:
    """The price at an instant, within two hundred ticks of where the contract began."""
    away = Random(f"{seed}/{listed.con_id}/{int(at.timestamp())}").randrange(-100, 101)
    return max(listed.price + away * listed.min_tick, listed.min_tick * 5)


def shown_date(text: str, format_date: int, zone: ZoneInfo) -> str:
    """A bar's date as it was asked: 1 text in the contract's zone, 2 epoch seconds; days are text in both."""
    if len(text) == 8 or format_date == 2:
        return text
    return f"{dt.datetime.fromtimestamp(int(text), zone):%Y%m%d %H:%M:%S} {zone.key}"
