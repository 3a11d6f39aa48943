"""What the counter is to do later: delays, reconnects, times of day. Made only when somebody asks for it.

Two clocks. A *delay* passes on the monotonic clock, except in lock step (a replay with ``speed=max``) while the market
runs: there it passes in market time, so that two runs are equal, and while that market stands still there is nothing to
wait for, so it passes at once. A *time of day* is the counter's own (docs/decisions/0115-fault-clocks.md).

All methods but ``soon`` run on the counter's turn.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

log = logging.getLogger("ctp2.tts")

Call = Callable[[], object]


class Timed(Protocol):
    """What timers need of a counter."""

    def now_ns(self) -> int:
        """The counter's time."""

    def monotonic_ns(self) -> int:
        """The monotonic clock."""

    def wake(self) -> None:
        """Have the counter's thread look again."""

    @property
    def is_lock_step(self) -> bool:
        """Whether the market waits for its readers, and the counter's time is the market's."""

    @property
    def is_playing(self) -> bool:
        """Whether the market runs."""

    @property
    def pace(self) -> float:
        """Nanoseconds of the counter's time per nanosecond that passes; 0 while it stands or goes by steps."""


class Timer:
    """Something to be done once; ``cancel`` forgets it."""

    __slots__ = ("call", "due_ns")

    def __init__(self, due_ns: int, call: Call | None) -> None:
        self.due_ns = due_ns
        self.call = call

    def cancel(self) -> None:
        """Do not do it."""
        self.call = None


class Timers:
    """What is to be done later."""

    __slots__ = ("_clock", "_counter", "_delays", "_numbers")

    def __init__(self, counter: Timed) -> None:
        self._counter = counter
        self._delays: list[tuple[int, int, Timer]] = []
        """Due on the monotonic clock."""
        self._clock: list[tuple[int, int, Timer]] = []
        """Due by the counter's time."""
        self._numbers = count()

    def soon(self, call: Call) -> Timer:
        """Do it as soon as the present job is done, before any waiting request."""
        return self._add(self._delays, 0, call)

    def later(self, delay_ns: int, call: Call) -> Timer:
        """Do it after a time."""
        counter = self._counter
        if not counter.is_lock_step:
            return self._add(self._delays, counter.monotonic_ns() + delay_ns, call)
        if counter.is_playing:
            return self._add(self._clock, counter.now_ns() + delay_ns, call)
        return self._add(self._delays, 0, call)

    def at(self, instant_ns: int, call: Call) -> Timer:
        """Do it when the counter's time is ``instant_ns`` or later."""
        return self._add(self._clock, instant_ns, call)

    def _add(self, heap: list[tuple[int, int, Timer]], due_ns: int, call: Call) -> Timer:
        timer = Timer(due_ns, call)
        heappush(heap, (due_ns, next(self._numbers), timer))
        self._counter.wake()
        return timer

    # ------------------------------------------------------------------ for the counter
    def work(self) -> int:
        """Do what is due; returns how long nothing will be (ns), -1 for nothing to wait for."""
        counter = self._counter
        _run(self._delays, counter.monotonic_ns())
        if self._clock and not counter.is_lock_step:
            _run(self._clock, counter.now_ns())
        waits = []
        if self._delays:
            waits.append(max(self._delays[0][0] - counter.monotonic_ns(), 0))
        if self._clock and counter.pace:
            waits.append(int(max(self._clock[0][0] - counter.now_ns(), 0) / counter.pace) + 1)
        return min(waits, default=-1)

    def due_until(self, instant_ns: int) -> int:
        """When the first timer by the counter's time is due, if that is not after ``instant_ns``; else 0."""
        while self._clock and self._clock[0][2].call is None:
            heappop(self._clock)
        return self._clock[0][0] if self._clock and self._clock[0][0] <= instant_ns else 0

    def reach(self, instant_ns: int) -> None:
        """Do what is due by the counter's time at ``instant_ns``: lock step comes by it."""
        _run(self._clock, instant_ns)


def _run(heap: list[tuple[int, int, Timer]], now_ns: int) -> None:
    while heap and heap[0][0] <= now_ns:
        call = heappop(heap)[2].call
        if call is None:
            continue
        try:
            call()
        except Exception:
            log.exception("the counter failed on what was to be done later")
