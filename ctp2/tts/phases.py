"""When what is listed trades on a recorded day: each session's phases as the counter tells them (spec 10.1)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from ctp2.refdata.calendar import CalendarError, plus_days
from ctp2.refdata.models import Instrument
from ctp2.refdata.sessions import Phase, instant_ns, phases, session_lines, session_zone, zone_of
from ctp2.refdata.ticks import NS_PER_DAY, TickDay
from ctp2.tts.feed import PhaseChange
from ctp2.tts.terms import AUCTION_MATCH, AUCTION_ORDERING, CLOSED, NO_TRADING

_AFTER_HOURS: Final = "after_hours"
_REGULAR_HOURS: Final = ("continuous", "pause")
_REGULAR_ONLY: Final = ("HK", "HK_HALF", "US", "US_EARLY")
"""Sessions of which the regular hours count: no auctions, nothing before the opening or after the close (spec 10.1)."""
_NIGHT_ENDS_NS: Final = 6 * 3600 * 1_000_000_000
"""A recorded time before this belongs to the night session that began the evening before."""


def phase_changes(session_ids: Iterable[str], day: TickDay, base_ns: int) -> list[tuple[int, PhaseChange]]:
    """(nanoseconds since ``base_ns``, change) of every session on the recorded day, in order."""
    changes: list[tuple[int, PhaseChange]] = []
    for session_id in dict.fromkeys(session_ids):
        changes.extend((at - base_ns, PhaseChange(session_id, status)) for at, status in timeline(session_id, day))
    changes.sort(key=lambda item: item[0])
    return changes


def timeline(session_id: str, day: TickDay) -> list[tuple[int, str]]:
    """(UTC ns, InstrumentStatus) of a session's phases on the recorded day."""
    found = _phases(session_id, day)
    if session_id in _REGULAR_ONLY:
        found = [phase for phase in found if phase.phase in _REGULAR_HOURS]
        return [*((phase.start_ns, phase.status) for phase in found), (found[-1].end_ns, CLOSED)]
    result: list[tuple[int, str]] = []
    for index, phase in enumerate(found):
        if phase.phase.startswith(_AFTER_HOURS):
            # Trading at the closing price is not offered: the day ends with the closing auction (spec 10.1).
            result.append((phase.start_ns, CLOSED))
            break
        result.append((phase.start_ns, phase.status))
        if phase.matching == "auction" and phase.status == AUCTION_ORDERING:
            result.append((phase.end_ns, AUCTION_MATCH))
        follows = found[index + 1].start_ns if index + 1 < len(found) else phase.end_ns
        if phase.end_ns < follows and phase.end_ns > phase.start_ns:
            result.append((phase.end_ns, NO_TRADING))
    return result


def _phases(session_id: str, day: TickDay) -> list[Phase]:
    try:
        return phases(session_id, day.trading_day)
    except CalendarError:
        # Before the calendar's first year the record itself tells whether there was a night session.
        return phases(session_id, day.trading_day, recorded_evening(day))


def recorded_evening(day: TickDay) -> str:
    """The natural day of the record's evening rows; empty when it has none."""
    for row, at in enumerate(day.times):
        if at < 0:
            return day.tick(row).action_day
    return ""


def row_instants(day: TickDay, instruments: Sequence[Instrument], data_tz: str = "") -> array[int]:
    """The UTC instant of each row: its wall time in ``data_tz``, else in the zone of its instrument's exchange.

    A recorded evening counts from the trading day's midnight; the night session of a Monday was on Friday evening.
    """
    offsets: list[int] = []
    gaps: list[int] = []
    for instrument in instruments:
        zone = data_tz or zone_of(instrument.exchange, instrument.session_id)
        offsets.append(instant_ns(zone, day.trading_day, 0))
        gaps.append(_gap_ns(instrument, day))
    result = array("q")
    for at, owner in zip(day.times, day.owners, strict=True):
        gap = gaps[owner] if at < _NIGHT_ENDS_NS else 0
        result.append(offsets[owner] + at - gap)
    return result


def _gap_ns(instrument: Instrument, day: TickDay) -> int:
    """How much earlier than the calendar day before the night session was held: whole days, mostly 0."""
    if not instrument.session_id or all(line.day_offset == "0" for line in session_lines(instrument.session_id)):
        return 0
    first = _phases(instrument.session_id, day)[0].start_ns
    midnight = instant_ns(session_zone(instrument.session_id), plus_days(day.trading_day, -1), 0)
    return -((first - midnight) // NS_PER_DAY) * NS_PER_DAY if first < midnight else 0
