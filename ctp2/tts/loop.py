"""One recorded day played without end: snapshots whose totals, extremes and averages are those of *our* trading day.

The record is only where quotes and trades come from. What a snapshot says of the day so far is added up here from what
each row adds to the row before it, so that a wrap is seamless and a new trading day begins at nothing wherever in the
record it begins (docs/decisions/0100).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final

from ctp2.refdata.models import Instrument
from ctp2.refdata.sessions import instant_ns
from ctp2.refdata.ticks import DBL_MAX, Tick, TickDay
from ctp2.refdata.walks import spans_of
from ctp2.tts.feed import PhaseChange, Reference
from ctp2.tts.values import BEIJING, date_of, time_of

ROLL_HOUR: Final = 4
"""``7x24`` begins its trading day at 04:00 Beijing time."""
LOOP_GAP_NS: Final = 3_000_000_000
"""A loop shortens every pause to this, the one at its end too (reference-data 5)."""
_CLOSE_NS: Final = 2_000_000_000
"""The snapshot of the last trades comes up to so much after the close."""
_TRUE_SETTLEMENT: Final = "CZCE"
"""Sends a settlement price in the day already, that of the section before (spec 9.3)."""

#: UpdateMillisec by exchange: snapshots are stamped on a grid of so many milliseconds (spec 9.3); others on seconds.
_GRID_MS: Final = {"SHFE": 500, "INE": 500, "CFFEX": 500, "CME": 500, "DCE": 1, "GFEX": 1}


class _Running:
    """Our trading day so far, of one instrument, and the row of the record that it stands at."""

    __slots__ = (
        "average_factor",
        "base",
        "counts",
        "high",
        "last",
        "low",
        "open",
        "reference",
        "row_high",
        "row_low",
        "row_open",
        "row_turnover",
        "row_volume",
        "turnover",
        "turnover_offset",
        "volume",
        "volume_offset",
    )

    def __init__(self, base: Tick, counts: bool) -> None:
        """``base`` is the row that a lap begins at; ``counts``: the record has volumes, a trade shows in them."""
        self.base = base
        self.counts = counts
        self.average_factor = 0.0
        self.reference: Reference | None = None
        # The first day takes over what the record has of the day before its first row: the opening auction.
        self.volume = base.volume
        self.turnover = base.turnover if base.turnover != DBL_MAX else 0.0
        self.open, self.high, self.low = base.open, base.high, base.low
        self.last = base.last if base.volume or not counts else DBL_MAX
        self.begin_lap()

    def begin_lap(self) -> None:
        """Nothing is traded from the last row of a lap to the first of the next."""
        self._stand_at(self.base)

    def begin_day(self, reference: Reference | None) -> None:
        """A new trading day of ours: nothing was traded yet; the place in the record stays."""
        self.reference = reference
        self.volume_offset -= self.volume
        self.turnover_offset -= self.turnover
        self.volume, self.turnover = 0, 0.0
        self.open = self.high = self.low = self.last = DBL_MAX

    def show(self, tick: Tick) -> None:
        """Move to a row, and make its snapshot one of our day."""
        volume = max(tick.volume + self.volume_offset, self.volume)
        is_traded = volume > self.volume or not self.counts
        self.volume = volume
        if is_traded:
            self._trade(tick)
        self._extend(tick)
        self.row_open, self.row_high, self.row_low = tick.open, tick.high, tick.low
        self._show_totals(tick)
        tick.last, tick.open, tick.high, tick.low = self.last, self.open, self.high, self.low
        tick.close = DBL_MAX  # a day that never closes
        if tick.exchange != _TRUE_SETTLEMENT:
            tick.settlement = DBL_MAX
        if self.reference is not None:
            refer(tick, self.reference)

    def _stand_at(self, row: Tick) -> None:
        self.volume_offset = self.volume - row.volume
        self.turnover_offset = self.turnover - row.turnover if row.turnover != DBL_MAX else self.turnover
        self.row_open, self.row_high, self.row_low = row.open, row.high, row.low

    def _trade(self, tick: Tick) -> None:
        self.last = tick.last
        if self.open == DBL_MAX:
            is_first_of_record = self.row_open == DBL_MAX and tick.open != DBL_MAX
            self.open = tick.open if is_first_of_record else tick.last
            self.high, self.low = max(self.open, tick.last), min(self.open, tick.last)
        elif tick.last > self.high:
            self.high = tick.last
        elif tick.last < self.low:
            self.low = tick.last

    def _extend(self, tick: Tick) -> None:
        """A record's high that rises was traded since the row before."""
        if self.open == DBL_MAX:
            return
        if tick.high != DBL_MAX and (self.row_high == DBL_MAX or tick.high > self.row_high):
            self.high = max(self.high, tick.high)
        if tick.low != DBL_MAX and (self.row_low == DBL_MAX or tick.low < self.row_low):
            self.low = min(self.low, tick.low)

    def _show_totals(self, tick: Tick) -> None:
        """The totals, and the average in the record's own unit (left to be worked out where the record has none)."""
        if not self.volume_offset and not self.turnover_offset and tick.turnover != DBL_MAX:
            self.turnover = max(self.turnover, tick.turnover)
            return  # the first lap of the first day is as it was recorded
        if tick.average_price and tick.turnover not in (0.0, DBL_MAX):
            self.average_factor = tick.average_price * tick.volume / tick.turnover
        if tick.turnover != DBL_MAX:
            self.turnover = max(round(tick.turnover + self.turnover_offset, 4), self.turnover)
            tick.turnover = self.turnover
        tick.volume = self.volume
        tick.average_price = self.turnover / self.volume * self.average_factor if self.volume else 0.0


def refer(tick: Tick, reference: Reference) -> None:
    """Our own day before, in the place of the recorded one; limits stay as they are recorded."""
    tick.pre_settlement, tick.pre_close, tick.pre_open_interest = reference


class LoopFeed:
    """Rows of a day, over and over. Its offsets are nanoseconds since the loop began, pauses cut short."""

    base_ns: Final = 0

    def __init__(self, day: TickDay, rows: Sequence[int]) -> None:
        self.day = day
        self._rows = rows
        self._offsets = _loop_offsets(day, rows)
        self._next_row = 0
        self._lap_ns = 0
        self.taken = 0
        """Snapshots taken this trading day."""
        self._runs = _runs_of(day, rows)

    @property
    def next_offset(self) -> int | None:
        """When the next snapshot is due; None only where the record has none at all."""
        return self._offsets[self._next_row] + self._lap_ns if self._offsets else None

    def take(self) -> Tick | PhaseChange:
        """The next snapshot."""
        tick = self.day.tick(self._rows[self._next_row])
        self._runs[tick.instrument].show(tick)
        self._next_row += 1
        self.taken += 1
        if self._next_row == len(self._rows):
            self._next_row = 0
            self._lap_ns += self._offsets[-1] + LOOP_GAP_NS
            for run in self._runs.values():
                run.begin_lap()
        return tick

    def first_ticks(self) -> dict[int, Tick]:
        """The day's first snapshot of each instrument: its reference prices, and its limits."""
        ticks = {index: self.day.first_tick(index) for index in range(len(self.day.instruments))}
        for index, tick in ticks.items():
            run = self._runs.get(index)
            if run is not None and run.reference is not None:
                refer(tick, run.reference)
        return ticks

    def skip_to_start(self, apply: object) -> None:
        """A loop has no phases."""

    @property
    def total(self) -> int:
        """How many snapshots a lap has."""
        return len(self._rows)

    @property
    def done(self) -> int:
        """How many of them were taken in this lap."""
        return self._next_row

    def next_day(self, day: TickDay, references: Mapping[int, Reference] | None = None) -> LoopFeed:
        """The feed of our next trading day: it goes on where this one stands, with a day that begins at nothing.

        ``day`` is the same record rebased to the new trading day. ``references`` are what our day before left behind,
        by instrument number; an instrument without one keeps the recorded previous prices. This feed can go on, too:
        a day that cannot be ended does.
        """
        other = LoopFeed.__new__(LoopFeed)
        other.day = day
        other._rows, other._offsets = self._rows, self._offsets
        other._next_row, other._lap_ns = self._next_row, self._lap_ns
        other.taken = 0
        other._runs = {index: copy(run) for index, run in self._runs.items()}
        for index, run in other._runs.items():
            run.begin_day((references or {}).get(index))
        return other


def _runs_of(day: TickDay, rows: Sequence[int]) -> dict[int, _Running]:
    """The state of each instrument of a loop, before its first row."""
    first: dict[int, int] = {}
    for row in rows:
        first.setdefault(day.owners[row], row)
    before: dict[int, int] = {}
    volumes: dict[int, int] = {}
    for row, (owner, volume) in enumerate(zip(day.owners, day.column("volume"), strict=True)):
        if row < first.get(owner, 0):
            before[owner] = row
        volumes[owner] = volume
    return {
        owner: _Running(day.tick(before.get(owner, row)), counts=volumes[owner] > 0) for owner, row in first.items()
    }


def _loop_offsets(day: TickDay, rows: Sequence[int]) -> array[int]:
    """Time since the start of the loop, every pause cut to ``LOOP_GAP_NS``."""
    offsets = array("q")
    at = 0
    before: int | None = None
    for row in rows:
        now = day.times[row]
        if before is not None:
            at += min(now - before, LOOP_GAP_NS)
        before = now
        offsets.append(at)
    return offsets


def loop_rows(day: TickDay, recorded_day: str, instruments: Sequence[Instrument], knows_zone: bool) -> list[int]:
    """The rows that a loop plays: those with a last price in continuous trading, nights included.

    ``instruments`` are those of the record under their present codes. Where the zone of the recorded times is not the
    exchange's (``knows_zone`` False), and of an instrument recorded outside its hours only, it is every row with a last
    price.
    """
    quoted = [row for row, last in enumerate(day.column("last")) if last != DBL_MAX]
    if not knows_zone:
        return quoted
    spans = [
        [(start, end + _CLOSE_NS) for start, end in spans_of(instrument, recorded_day)] if instrument.session_id else []
        for instrument in instruments
    ]
    times, owners = day.times, day.owners
    inside = {row for row in quoted if _is_inside(times[row], spans[owners[row]])}
    recorded = {owners[row] for row in inside}
    return [row for row in quoted if row in inside or owners[row] not in recorded]


def _is_inside(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    return not spans or any(start <= at <= end for start, end in spans)


# ------------------------------------------------------------------------------------------------------ wall times


class Stamps:
    """Snapshots of a market that goes by the clock: when a record or a generator's tick is shown is when it is *now*.

    ActionDay is the natural day of the exchange for all of them: no exchange has a night session here, so none has
    the dates of one (docs/decisions/0100).
    """

    __slots__ = ("_begins_ns", "_phases")

    def __init__(self, trading_day: str) -> None:
        self._begins_ns = day_begins_ns(trading_day)
        self._phases: dict[int, int] = {}

    def put(self, tick: Tick, exchange: str, zone: str, now_ns: int) -> None:
        """Time and day of a snapshot, on the exchange's grid of milliseconds; never before the one before it."""
        grid = _GRID_MS.get(exchange, 1000)
        phase = self._phases.get(tick.instrument)
        if phase is None:
            # CFFEX has 0/500, 200/700 or 400/900 all day long (reference-data 5).
            phase = self._phases[tick.instrument] = tick.millisec % grid if exchange == "CFFEX" else 0
        at_ns = now_ns - (now_ns - phase * 1_000_000) % (grid * 1_000_000)
        if at_ns < self._begins_ns <= now_ns:
            at_ns = self._begins_ns  # the grid reaches back into the day before; a day begun by hand is early anyway
        _show(tick, at_ns, zone)


def begin_day(tick: Tick, zone: str, trading_day: str) -> None:
    """Time and day of the state before the first snapshot: 04:00 of the trading day, which no snapshot precedes."""
    _show(tick, day_begins_ns(trading_day), zone)


def day_begins_ns(trading_day: str) -> int:
    """The instant at which a trading day of ours begins by the clock."""
    return instant_ns(BEIJING, trading_day, ROLL_HOUR * 3600)


def _show(tick: Tick, at_ns: int, zone: str) -> None:
    tick.time_of_day = time_of(at_ns, zone)
    tick.action_day = date_of(at_ns, zone)
    tick.millisec = at_ns // 1_000_000 % 1000
