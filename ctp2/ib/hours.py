"""``tradingHours`` and ``liquidHours`` → spans, trading days and phases (spec ib 4.3, 5.8). Pure functions.

A day's text is ``YYYYMMDD:HHMM-YYYYMMDD:HHMM`` or ``YYYYMMDD:CLOSED``, days joined with ``;``, sessions of one day with
``,``. The older form leaves out the second date: its date is the trade date, so an end that is not after its begin
means a begin on the evening before (``20140821:1700-1515,1530-1615``; docs/decisions/0194).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ctp2.ib.zones import NEW_YORK, zone_of
from ctp2.refdata.calendar import to_date, to_day

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

BEFORE: Final = "0"
PAUSE: Final = "1"
CONTINUOUS: Final = "2"
CLOSED: Final = "6"

_NS: Final = 1_000_000_000
_NEW: Final = re.compile(r"(\d{8}):(\d{4})-(\d{8}):(\d{4})")
_OLD: Final = re.compile(r"(\d{8}):(\d{4})-(\d{4})")
_MORE: Final = re.compile(r"(\d{4})-(\d{4})")
_CLOSED: Final = re.compile(r"(\d{8}):CLOSED")
_BEFORE_S: Final = 1_800
"""Where two sessions share a date, the later one counts as about to begin this long before."""
_LOGIN_ROLL_S: Final = 17 * 3600


class BadHours(ValueError):
    """A text that is no list of trading hours; says which part."""


class Span(NamedTuple):
    """One session: ``begin_ns <= now < end_ns`` in UTC ns; ``day`` is its trading day, the date on which it ends."""

    begin_ns: int
    end_ns: int
    day: str


@lru_cache(maxsize=1024)
def spans(text: str, zone_name: str) -> tuple[Span, ...]:
    """The sessions of an hours text, earliest first; those that overlap are one.

    A session that ends at midnight ends on the day before it: its last moment is there.

    Raises:
        BadHours: a part is in neither form, or its times are none.
        UnknownZone: the zone is in no table.
    """
    zone = zone_of(zone_name)
    found: list[Span] = []
    for part in text.replace(" ", "").split(";"):
        if part and not _CLOSED.fullmatch(part):
            found.extend(_day(part, zone))
    return tuple(_apart(sorted(found)))


def _apart(found: list[Span]) -> list[Span]:
    result: list[Span] = []
    for span in found:
        if result and span.begin_ns < result[-1].end_ns:
            earlier = result.pop()
            last = max(earlier, span, key=_end)
            span = Span(earlier.begin_ns, last.end_ns, last.day)
        result.append(span)
    return result


def _day(part: str, zone: ZoneInfo) -> list[Span]:
    result = []
    date = ""
    for piece in part.split(","):
        if match := _NEW.fullmatch(piece):
            date = match[1]
            begin, end = _instant(zone, match[1], match[2]), _instant(zone, match[3], match[4])
        elif match := _OLD.fullmatch(piece):
            date = match[1]
            begin, end = _of_date(zone, date, match[2], match[3])
        elif date and (match := _MORE.fullmatch(piece)):
            begin, end = _of_date(zone, date, match[1], match[2])
        elif match := _CLOSED.fullmatch(piece):
            continue
        else:
            raise BadHours(f"{piece[:60]!r} is no session of trading hours")
        if end <= begin:
            raise BadHours(f"the session {piece!r} ends before it begins")
        result.append(Span(begin, end, date_of(zone, end - _NS)))
    return result


def _of_date(zone: ZoneInfo, date: str, begin: str, end: str) -> tuple[int, int]:
    """The older form: both times belong to the trade date, whose session may begin on the evening before."""
    end_ns = _instant(zone, date, end)
    begin_ns = _instant(zone, date, begin)
    if begin_ns >= end_ns:
        begin_ns = _instant(zone, to_day(to_date(date) - timedelta(days=1)), begin)
    return begin_ns, end_ns


def _instant(zone: ZoneInfo, day: str, time: str) -> int:
    hour, minute = int(time[:2]), int(time[2:])
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise BadHours(f"{time!r} is no time of day")
    try:
        local = datetime(int(day[:4]), int(day[4:6]), int(day[6:]), tzinfo=zone)
    except ValueError as error:
        raise BadHours(f"{day!r} is no day: {error}") from error
    local = local + timedelta(hours=hour, minutes=minute)  # wall time: the zone is applied by timestamp()
    return int(local.timestamp()) * _NS


def date_of(zone: ZoneInfo, instant_ns: int) -> str:
    """The date of an instant in a zone."""
    moment = datetime.fromtimestamp(instant_ns // _NS, zone)
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}"


def weekday_on_or_after(day: str) -> str:
    """``day``, or the Monday after a weekend."""
    date = to_date(day)
    return to_day(date + timedelta(days=max(0, 7 - date.weekday()))) if date.weekday() > 4 else day


def trading_day(known: tuple[Span, ...], zone: ZoneInfo, now_ns: int) -> tuple[str, int]:
    """The trading day of an instant and the instant until which that holds.

    It is the date on which the current or next session ends. Behind the last session that is known it is the
    weekday of the exchange's own date.
    """
    at = _next(known, now_ns)
    if at < len(known):
        return known[at].day, known[at].end_ns
    today = date_of(zone, now_ns)
    return weekday_on_or_after(today), _instant(zone, today, "2400")


def _next(known: tuple[Span, ...], now_ns: int) -> int:
    """The index of the first session that has not ended."""
    return bisect_right(known, now_ns, key=_end)


def _end(span: Span) -> int:
    return span.end_ns


def phase(known: tuple[Span, ...], zone: ZoneInfo, now_ns: int) -> tuple[str, int, int]:
    """CTP's instrument status at an instant, since when it holds, and until when (0: not known).

    ``2`` in a session, ``1`` between two sessions of one trading day, ``6`` behind the last one of a day, ``0`` from
    midnight of the date on which the next one begins; where that is the date on which the day before ended, from half
    an hour before (docs/decisions/0194).
    """
    at = _next(known, now_ns)
    before = known[at - 1] if at else None
    if at == len(known):
        return CLOSED, before.end_ns if before else 0, 0
    span = known[at]
    if now_ns >= span.begin_ns:
        return CONTINUOUS, span.begin_ns, span.end_ns
    if before and before.day == span.day:
        return PAUSE, before.end_ns, span.begin_ns
    announced = _announced(zone, span, before)
    if now_ns >= announced:
        return BEFORE, announced, span.begin_ns
    return CLOSED, before.end_ns if before else 0, announced


def _announced(zone: ZoneInfo, span: Span, before: Span | None) -> int:
    midnight_ns = _instant(zone, date_of(zone, span.begin_ns), "0000")
    if before is None or before.end_ns <= midnight_ns:
        return midnight_ns
    return max(before.end_ns, span.begin_ns - _BEFORE_S * _NS)


def segment(known: tuple[Span, ...], now_ns: int) -> int:
    """Which session of its trading day is current or next, from 1 (TradingSegmentSN); 0 behind all that are known."""
    at = _next(known, now_ns)
    if at == len(known):
        return 0
    return sum(span.day == known[at].day for span in known[: at + 1])


def is_open(known: tuple[Span, ...], now_ns: int) -> bool:
    """Whether an instant is within a session: an order that is held outside waits for the open."""
    at = _next(known, now_ns)
    return at < len(known) and known[at].begin_ns <= now_ns


def login_trading_day(now_ns: int) -> str:
    """TradingDay of a login: New York's date, from 17:00 on the next one, and never a weekend (spec ib 5.8)."""
    zone = zone_of(NEW_YORK)
    moment = datetime.fromtimestamp(now_ns // _NS, zone)
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    date = moment.date() + timedelta(days=seconds >= _LOGIN_ROLL_S)
    return weekday_on_or_after(to_day(date))


def last_begun(known: tuple[Span, ...], zone: ZoneInfo, now_ns: int) -> tuple[str, int]:
    """The trading day of the session that began last (empty: none yet), and the instant until which that holds.

    What a day counts (volume, high, low) starts again when its first session begins, not when the one before ends.
    Without sessions it is the exchange's date.
    """
    at = bisect_right(known, now_ns, key=_begin)
    if at < len(known):
        return known[at - 1].day if at else "", known[at].begin_ns
    if known and now_ns < known[-1].end_ns:
        return known[-1].day, known[-1].end_ns
    today = date_of(zone, now_ns)
    return today, _instant(zone, today, "2400")


def _begin(span: Span) -> int:
    return span.begin_ns
