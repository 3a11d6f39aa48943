"""Clocks for tests of programs: the embedded counters that are opened meanwhile live in another time.

::

    with use(ShiftedClock("2026-07-20 20:54:58")):  # Beijing time; goes on at the machine's pace
        api.RegisterFront("tts://sim?quotes=...")
        api.Init()

    with use(HandClock("2026-07-20 20:54:58")) as clock:  # stands
        ...
        clock.move("21:00:00")  # the next time it is nine in the evening; what is due in between happens in its order

What the counter does because of a move has been queued before ``move`` returns: a request sent after it meets the new
time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Final, TypeVar

from ctp2.core.clock import Clock, ManualClock, put_in_place, take_away

__all__ = ["HandClock", "ManualClock", "ShiftedClock", "instant_ns", "use"]

_BEIJING: Final = timezone(timedelta(hours=8))
_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS

C = TypeVar("C", bound=Clock)


def instant_ns(text: str) -> int:
    """UTC nanoseconds of ``YYYY-MM-DD HH:MM:SS`` in Beijing time.

    Raises:
        ValueError: it is none.
    """
    return round(datetime.fromisoformat(text).replace(tzinfo=_BEIJING).timestamp() * 1e6) * 1000


class ShiftedClock:
    """A clock that was set to another time and runs on, ``speed`` times as fast as the machine's."""

    def __init__(self, start: str | int, speed: float = 1.0) -> None:
        """``start``: UTC nanoseconds, or ``YYYY-MM-DD HH:MM:SS`` of Beijing."""
        if speed <= 0:
            raise ValueError(f"speed {speed}: a number above 0 (a clock that stands is a HandClock)")
        self._start_ns = start if isinstance(start, int) else instant_ns(start)
        self._speed = speed
        self._began_ns = time.monotonic_ns()
        self._watchers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def pace(self) -> float:
        """Its speed."""
        return self._speed

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        with self._lock:
            return self._now_ns()

    def _now_ns(self) -> int:
        return self._start_ns + int((time.monotonic_ns() - self._began_ns) * self._speed)

    def jump(self, to: str | int) -> None:
        """Set it forward; it runs on from there. An earlier time is ignored."""
        to_ns = to if isinstance(to, int) else instant_ns(to)
        with self._lock:
            self._start_ns, self._began_ns = max(self._now_ns(), to_ns), time.monotonic_ns()
        for call in list(self._watchers):
            call()

    def watch(self, call: Callable[[], None]) -> None:
        """Call ``call`` after each jump."""
        self._watchers.append(call)

    def unwatch(self, call: Callable[[], None]) -> None:
        """Call it no more."""
        if call in self._watchers:
            self._watchers.remove(call)


class HandClock(ManualClock):
    """A clock that stands at a moment of Beijing time until it is moved."""

    __slots__ = ()

    def __init__(self, start: str) -> None:
        super().__init__(instant_ns(start))

    def move(self, to: str) -> None:
        """Set it forward: ``YYYY-MM-DD HH:MM:SS``, or ``HH:MM:SS`` for the next time that it is so late in Beijing."""
        if " " in to:
            self.set_ns(instant_ns(to))
            return
        today = datetime.fromtimestamp(self.now_ns() // _NS, _BEIJING).strftime("%Y-%m-%d")
        at_ns = instant_ns(f"{today} {to}")
        self.set_ns(at_ns if at_ns >= self.now_ns() else at_ns + _DAY_NS)

    def advance(self, seconds: float) -> None:
        """Set it forward by so many seconds."""
        self.set_ns(self.now_ns() + round(seconds * _NS))


@contextmanager
def use(clock: C) -> Iterator[C]:
    """Embedded counters that this process opens inside the block get ``clock``."""
    put_in_place(clock)
    try:
        yield clock
    finally:
        take_away(clock)
