"""A recorded day as a stream of snapshots and phase changes, with the time at which each is due.

``Feed`` plays it once; ``loop.LoopFeed`` plays one for ever.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ctp2.refdata.ticks import Tick, TickDay


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
    """Rows of a day in order, each with an offset (nanoseconds of feed time); plays once.

    Feed time is the day's own time: ``base_ns`` + offset is UTC. ``instants`` are the rows' UTC times; left out,
    ``base_ns`` is the midnight that they count from. ``begins`` is the offset at which it begins where that is not the
    first row's.
    """

    def __init__(
        self,
        day: TickDay,
        rows: Sequence[int],
        base_ns: int,
        phases: Sequence[tuple[int, PhaseChange]] = (),
        instants: Sequence[int] | None = None,
        begins: int | None = None,
    ) -> None:
        self.day = day
        self.base_ns = base_ns
        self._rows = rows
        self._phases = phases
        self._next_row = 0
        self._next_phase = 0
        self.taken = 0
        """Entries taken; those that the day began behind are none."""
        self._offsets = _offsets(day, rows, base_ns, instants)
        self._begins = begins if begins is not None else self._offsets[0] if len(self._offsets) else 0

    @property
    def next_offset(self) -> int | None:
        """When the next entry is due, in feed time; None at the end of a day that is played once."""
        row = self._offsets[self._next_row] if self._next_row < len(self._offsets) else None
        phase = self._phases[self._next_phase][0] if self._next_phase < len(self._phases) else None
        if row is None or (phase is not None and phase <= row):
            return phase
        return row

    def take(self) -> Tick | PhaseChange:
        """The next entry. A phase change comes before a snapshot of the same instant."""
        self.taken += 1
        row_at = self._offsets[self._next_row] if self._next_row < len(self._offsets) else None
        if self._next_phase < len(self._phases):
            phase_at, change = self._phases[self._next_phase]
            if row_at is None or phase_at <= row_at:
                self._next_phase += 1
                return change
        tick = self.day.tick(self._rows[self._next_row])
        self._next_row += 1
        return tick

    def first_ticks(self) -> dict[int, Tick]:
        """The day's first snapshot of each instrument: its reference prices."""
        return {index: self.day.first_tick(index) for index in range(len(self.day.instruments))}

    def skip_to_start(self, apply: Callable[[PhaseChange, int], None]) -> None:
        """Apply the phase changes up to the beginning, each with its UTC instant: how the day begins."""
        start = self._begins
        while self._next_phase < len(self._phases) and self._phases[self._next_phase][0] <= start:
            offset, change = self._phases[self._next_phase]
            apply(change, self.base_ns + offset)
            self._next_phase += 1

    @property
    def record(self) -> Feed:
        """What is recorded of it: all."""
        return self

    @property
    def total(self) -> int:
        """How many entries there are."""
        return len(self._rows) + len(self._phases)

    @property
    def done(self) -> int:
        """How many of them were taken."""
        return self._next_row + self._next_phase


def _offsets(day: TickDay, rows: Sequence[int], base_ns: int, instants: Sequence[int] | None) -> array[int]:
    if instants is None:
        return array("q", (day.times[row] for row in rows))
    return array("q", (instants[row] - base_ns for row in rows))
