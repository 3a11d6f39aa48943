"""A recorded day as a stream of snapshots and phase changes, with the time at which each is due."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ctp2.refdata.ticks import DBL_MAX, NS_PER_DAY, Tick, TickDay

LOOP_GAP_NS: Final = 3_000_000_000
"""A loop shortens every pause to this, the one at its end too (reference-data 5)."""


class Reference(NamedTuple):
    """What a trading day takes over of an instrument from our day before: prices of the quoted unit, lots."""

    settlement: float
    close: float
    open_interest: float


class PhaseChange:
    """All that follows a schedule enters a phase: ``status`` is what clients are told, ``market`` what orders meet."""

    __slots__ = ("market", "schedule", "status")

    def __init__(self, schedule: str, status: str, market: str) -> None:
        self.schedule: str = schedule
        self.status: str = status
        self.market: str = market


class Feed:
    """Rows of a day in order, each with an offset (nanoseconds of feed time); plays once, or for ever.

    Feed time is the day's own time (``base_ns`` + offset is UTC) when played once. A loop takes the rows of
    ``rows`` only and shortens pauses, so its offsets are time since the start of the loop. ``instants`` are the rows'
    UTC times; left out, ``base_ns`` is the midnight that they count from. ``begins`` is the offset at which it begins
    where that is not the first row's.
    """

    def __init__(
        self,
        day: TickDay,
        rows: Sequence[int],
        base_ns: int,
        phases: Sequence[tuple[int, PhaseChange]] = (),
        is_loop: bool = False,
        instants: Sequence[int] | None = None,
        begins: int | None = None,
    ) -> None:
        self.day = day
        self.base_ns = base_ns
        self.is_loop = is_loop
        self._rows = rows
        self._phases = phases
        self._next_row = 0
        self._next_phase = 0
        self._lap_ns = 0
        self._offsets = _loop_offsets(day, rows) if is_loop else _offsets(day, rows, base_ns, instants)
        self._begins = begins if begins is not None else self._offsets[0] if len(self._offsets) else 0
        self._carry: dict[int, tuple[int, float]] = {}
        self._extremes: dict[int, tuple[float, float, float]] = {}
        self._last: dict[int, Tick] = {}
        self._references: dict[int, Reference] = {}

    @property
    def next_offset(self) -> int | None:
        """When the next entry is due, in feed time; None at the end of a day that is played once."""
        row = self._offsets[self._next_row] + self._lap_ns if self._next_row < len(self._offsets) else None
        phase = self._phases[self._next_phase][0] if self._next_phase < len(self._phases) else None
        if row is None or (phase is not None and phase <= row):
            return phase
        return row

    def take(self) -> Tick | PhaseChange:
        """The next entry. A phase change comes before a snapshot of the same instant."""
        row_at = self._offsets[self._next_row] + self._lap_ns if self._next_row < len(self._offsets) else None
        if self._next_phase < len(self._phases):
            phase_at, change = self._phases[self._next_phase]
            if row_at is None or phase_at <= row_at:
                self._next_phase += 1
                return change
        tick = self.day.tick(self._rows[self._next_row])
        self._next_row += 1
        if self.is_loop:
            self._carry_over(tick)
            if self._next_row == len(self._rows):
                self._wrap()
        return tick

    def first_ticks(self) -> dict[int, Tick]:
        """The day's first snapshot of each instrument: its reference prices."""
        ticks = {index: self.day.first_tick(index) for index in range(len(self.day.instruments))}
        for index, reference in self._references.items():
            ticks[index].pre_settlement, ticks[index].pre_close, ticks[index].pre_open_interest = reference
        return ticks

    def skip_to_start(self, apply: Callable[[PhaseChange, int], None]) -> None:
        """Apply the phase changes up to the beginning, each with its UTC instant: how the day begins."""
        start = self._begins
        while self._next_phase < len(self._phases) and self._phases[self._next_phase][0] <= start:
            offset, change = self._phases[self._next_phase]
            apply(change, self.base_ns + offset)
            self._next_phase += 1

    @property
    def total(self) -> int:
        """How many entries there are; of a loop in one lap."""
        return len(self._rows) + len(self._phases)

    @property
    def done(self) -> int:
        """How many of them were taken; of a loop in this lap."""
        return self._next_row + self._next_phase

    # ------------------------------------------------------------------ the loop
    def next_day(self, day: TickDay, references: Mapping[int, Reference]) -> Feed:
        """The loop of our next trading day: it goes on at the same place, and its totals begin anew."""
        other = Feed(day, self._rows, self.base_ns, is_loop=True)
        other._next_row, other._lap_ns = self._next_row, self._lap_ns
        for index, tick in self._last.items():
            volume, turnover = self._carry.get(index, (0, 0.0))
            other._carry[index] = volume - tick.volume, turnover - tick.turnover
            other._extremes[index] = tick.last, tick.last, tick.last
        other._references = dict(references)
        return other

    def _carry_over(self, tick: Tick) -> None:
        """Totals run on through a wrap, and the day's extremes stay: no client ever sees Volume fall."""
        carried = self._carry.get(tick.instrument)
        if carried is not None:
            tick.volume += carried[0]
            tick.turnover += carried[1]
            tick.open, tick.high, tick.low = self._extremes[tick.instrument]
        reference = self._references.get(tick.instrument)
        if reference is not None:
            tick.pre_settlement, tick.pre_close, tick.pre_open_interest = reference
        self._last[tick.instrument] = tick

    def _wrap(self) -> None:
        for index, tick in self._last.items():
            self._carry[index] = (tick.volume, tick.turnover)
            self._extremes[index] = (tick.open, tick.high, tick.low)
        self._lap_ns += self._offsets[-1] + LOOP_GAP_NS
        self._next_row = 0


def _offsets(day: TickDay, rows: Sequence[int], base_ns: int, instants: Sequence[int] | None) -> array[int]:
    if instants is None:
        return array("q", (day.times[row] for row in rows))
    return array("q", (instants[row] - base_ns for row in rows))


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


def continuous_rows(day: TickDay, first_ns: int, last_ns: int) -> list[int]:
    """Rows between two times of day in which both sides of the book are quoted: what a loop plays."""
    rows = []
    for row, at in enumerate(day.times):
        if first_ns <= at % NS_PER_DAY <= last_ns:
            tick = day.tick(row)
            if tick.last != DBL_MAX:
                rows.append(row)
    return rows
