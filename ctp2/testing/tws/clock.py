"""The stand-in's own time: with the machine's or standing still, set to any instant; and what is due by it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Final

from ctp2.core.clock import Clock, LiveClock

NS: Final = 1_000_000_000


class VirtualClock:
    """Another clock's time, moved. ``pace`` 0 stands; then :meth:`advance` alone moves it."""

    def __init__(self, start_ns: int | None = None, pace: float = 1.0, base: Clock | None = None) -> None:
        self._base: Clock = base or LiveClock()
        self._from_ns = self._base.now_ns()
        self._at_ns = self._from_ns if start_ns is None else start_ns
        self._pace = pace
        self._watchers: list[Callable[[], None]] = []

    @property
    def pace(self) -> float:
        """Seconds of this clock per second of the machine."""
        return self._pace

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self._at_ns + int((self._base.now_ns() - self._from_ns) * self._pace)

    def set(self, now_ns: int | None = None, pace: float | None = None) -> None:
        """Go on at ``now_ns`` (also back) and at ``pace``."""
        at_ns = self.now_ns() if now_ns is None else now_ns
        self._from_ns = self._base.now_ns()
        self._at_ns = at_ns
        self._pace = self._pace if pace is None else pace
        for call in list(self._watchers):
            call()

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.set(self.now_ns() + int(seconds * NS))

    def watch(self, call: Callable[[], None]) -> None:
        """Call ``call`` after each setting."""
        self._watchers.append(call)

    def unwatch(self, call: Callable[[], None]) -> None:
        """Call it no more."""
        if call in self._watchers:
            self._watchers.remove(call)


class Timer:
    """Something that is due; :meth:`cancel` takes it back."""

    __slots__ = ("call", "due_ns", "is_cancelled")

    def __init__(self, due_ns: int, call: Callable[[], None]) -> None:
        self.due_ns = due_ns
        self.call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        """It will not be called."""
        self.is_cancelled = True


class Timers:
    """What is due by the stand-in's clock, called on its loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[tuple[int, int, Timer]] = []
        self._numbers = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on what is due is called, on this loop."""
        self._loop = loop
        self.clock.watch(self._moved)
        self._plan()

    def stop(self) -> None:
        """Nothing is called any more."""
        self.clock.unwatch(self._moved)
        if self._handle is not None:
            self._handle.cancel()
        self._loop = self._handle = None

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` when so many seconds of the clock have passed."""
        return self.at(self.clock.now_ns() + int(seconds * NS), call)

    def at(self, due_ns: int, call: Callable[[], None]) -> Timer:
        """Call ``call`` at an instant of the clock."""
        timer = Timer(due_ns, call)
        heapq.heappush(self._heap, (due_ns, next(self._numbers), timer))
        if self._heap[0][2] is timer:
            self._plan()
        return timer

    def _moved(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        now_ns = self.clock.now_ns()
        while self._heap and self._heap[0][0] <= now_ns:
            timer = heapq.heappop(self._heap)[2]
            if not timer.is_cancelled:
                timer.call()
        self._plan()

    def _plan(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._loop is None or not self._heap:
            return
        wait_ns = self._heap[0][0] - self.clock.now_ns()
        if wait_ns <= 0:
            self._handle = self._loop.call_later(0, self._run)
        elif self.clock.pace > 0:
            self._handle = self._loop.call_later(wait_ns / NS / self.clock.pace, self._run)
