"""Time, handed in. Inside everything is UTC nanoseconds; nothing else in the project reads a wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """A source of time.

    ``pace`` is how many of its seconds pass in a second of the machine, for whoever must wait for a moment of it; 0
    stands until somebody moves it.
    """

    @property
    def pace(self) -> float:
        """Seconds of this clock per second of the machine."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""

    def watch(self, call: Callable[[], None]) -> None:
        """Call ``call`` whenever somebody has moved the clock, on his thread."""

    def unwatch(self, call: Callable[[], None]) -> None:
        """Call it no more."""


class LiveClock:
    """The machine's clock."""

    __slots__ = ()

    pace = 1.0

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()

    def watch(self, call: Callable[[], None]) -> None:
        """Nobody moves it."""

    def unwatch(self, call: Callable[[], None]) -> None:
        """Nobody moves it."""


class ManualClock:
    """A clock that stands until it is moved: replays and tests."""

    __slots__ = ("_now_ns", "_watchers")

    pace = 0.0

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._watchers: list[Callable[[], None]] = []

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self._now_ns

    def set_ns(self, now_ns: int) -> None:
        """Move to ``now_ns``; time never goes back (an earlier time is ignored)."""
        if now_ns > self._now_ns:
            self._now_ns = now_ns
            for call in list(self._watchers):
                call()

    def watch(self, call: Callable[[], None]) -> None:
        """Call ``call`` after each move."""
        self._watchers.append(call)

    def unwatch(self, call: Callable[[], None]) -> None:
        """Call it no more."""
        if call in self._watchers:
            self._watchers.remove(call)


_own: list[Clock] = []


def process_clock() -> Clock:
    """The clock of whatever is opened now: the machine's, or the one that tests put in its place."""
    return _own[-1] if _own else LiveClock()


def put_in_place(clock: Clock) -> None:
    """From now on what is opened gets ``clock`` (``ctp2.testing.clocks.use``)."""
    _own.append(clock)


def take_away(clock: Clock) -> None:
    """End of :func:`put_in_place`."""
    _own.remove(clock)
