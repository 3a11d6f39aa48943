"""Time, handed in. Inside everything is UTC nanoseconds; nothing else in the project reads a wall clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of time."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""


class LiveClock:
    """The machine's clock."""

    __slots__ = ()

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()


class ManualClock:
    """A clock that stands until it is moved: replays and tests."""

    __slots__ = ("_now_ns",)

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self._now_ns

    def set_ns(self, now_ns: int) -> None:
        """Move to ``now_ns``; time never goes back (an earlier time is ignored)."""
        if now_ns > self._now_ns:
            self._now_ns = now_ns
