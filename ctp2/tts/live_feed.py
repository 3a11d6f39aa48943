"""The market of ``7x24`` in time: a record in a loop and, between its snapshots, those of what was started beside it.

A made instrument goes by the time of the environment's day, so that two counters show the same at the same time of day;
a loop goes by its own offsets. Here both are offsets of one feed.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from ctp2.refdata.endless import EndlessMaker
from ctp2.refdata.synthetic import SyntheticDay
from ctp2.refdata.ticks import Tick, TickDay
from ctp2.tts.feed import PhaseChange, Reference
from ctp2.tts.loop import ROLL_HOUR, LoopFeed

_BEGIN_NS = ROLL_HOUR * 3600 * 1_000_000_000


class LiveFeed:
    """Entries in order of their offsets. ``zero_ns`` is the time of day (``Tick.time_ns``) at offset 0."""

    base_ns = 0

    def __init__(self, loop: LoopFeed, time_ns: int, offset: int = 0) -> None:
        """It is ``time_ns`` of the trading day at ``offset``; no day begins before 04:00."""
        self.loop = loop
        self.zero_ns = max(time_ns, _BEGIN_NS) - offset
        self._due: list[tuple[int, int, EndlessMaker]] = []

    @property
    def next_offset(self) -> int | None:
        """When the next snapshot is due."""
        recorded = self.loop.next_offset
        if not self._due:
            return recorded
        made = self._due[0][0]
        return made if recorded is None or made < recorded else recorded

    def take(self) -> Tick | PhaseChange:
        """The next snapshot."""
        recorded = self.loop.next_offset
        if not self._due or (recorded is not None and recorded <= self._due[0][0]):
            return self.loop.take()
        _, number, maker = self._due[0]
        tick = maker.make()
        heapq.heapreplace(self._due, (maker.due_ns - self.zero_ns, number, maker))
        return tick

    @property
    def record(self) -> LoopFeed:
        """What is recorded of it."""
        return self.loop

    def go_on(self, offset: int, time_ns: int) -> list[Tick]:
        """The record was taken to another place: what is made goes on there, at ``time_ns`` of the day or later.

        Returns its present snapshots.
        """
        self.zero_ns = max(time_ns - offset, self.zero_ns)
        ticks = [maker.begin(offset + self.zero_ns) for _, _, maker in self._due]
        self._due = [(maker.due_ns - self.zero_ns, number, maker) for _, number, maker in self._due]
        heapq.heapify(self._due)
        return ticks

    def start(self, day: SyntheticDay, offset: int) -> Tick:
        """Begin an instrument, whose ticks carry ``day.number``, and its snapshot at an offset."""
        maker = EndlessMaker(day)
        tick = maker.begin(offset + self.zero_ns)
        heapq.heappush(self._due, (maker.due_ns - self.zero_ns, day.number, maker))
        return tick

    @property
    def started(self) -> int:
        """How many instruments are made."""
        return len(self._due)

    def first_ticks(self) -> dict[int, Tick]:
        """The first snapshots of the record."""
        return self.loop.first_ticks()

    def skip_to_start(self, apply: object) -> None:
        """A market that never closes has no phases."""

    @property
    def day(self) -> TickDay:
        """The record."""
        return self.loop.day

    @property
    def total(self) -> int:
        """How many snapshots a lap of the record has."""
        return self.loop.total

    @property
    def done(self) -> int:
        """How many of them were taken in this lap."""
        return self.loop.done

    def next_day(self, day: TickDay, references: Mapping[int, Reference], time_ns: int) -> LiveFeed:
        """The feed of our next trading day, at ``time_ns`` of which it begins: the record goes on, all else is idle."""
        loop = self.loop.next_day(day, references)
        return LiveFeed(loop, time_ns, loop.next_offset or 0)
