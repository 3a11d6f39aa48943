"""Messages on their way to TWS: less than 45 in a second, cancels first (spec ib 2).

The client library has one queue in order of arrival; two hundred subscriptions would delay a cancel by four seconds.
So the library's own limit is off and this queue stands before it.
"""

from __future__ import annotations

import heapq
import logging
from collections import deque
from collections.abc import Callable, Hashable
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ctp2.core.backend import Alarm
    from ctp2.ib.link import Timers

log = logging.getLogger("ctp2.ib")

RATE: Final = 45
"""Messages in a window; TWS complains (100) above 50 in a second, and closes the link at the third complaint."""
WINDOW_S: Final = 1.25
"""Longer than TWS's second: what is sent in two bunches may be read in one, a little late."""
BACK_OFF_S: Final = 1.0


class Priority(IntEnum):
    """Who goes first."""

    CANCEL = 0
    INSERT = 1
    QUERY = 2
    SUBSCRIBE = 3


class _Message:
    __slots__ = ("key", "send")

    def __init__(self, key: Hashable, send: Callable[[], None] | None) -> None:
        self.key = key
        self.send = send
        """None: taken out of the queue."""


class Pacer:
    """The queue of one connection. On the loop."""

    def __init__(self, timers: Timers, rate: int = RATE) -> None:
        self._timers = timers
        self._rate = rate
        self._waiting: list[tuple[int, int, _Message]] = []
        self._by_key: dict[Hashable, _Message] = {}
        self._numbers = count()
        self._sent: deque[float] = deque()
        """When the last messages went out, at most ``rate`` of them."""
        self._held_until = float("-inf")
        self._alarm: Alarm | None = None

    @property
    def depth(self) -> int:
        """How many messages wait."""
        return len(self._by_key)

    def put(self, priority: Priority, send: Callable[[], None], key: Hashable = None) -> None:
        """Have ``send`` called as soon as that is allowed: now, if nothing stands before it.

        ``key`` names the message for :meth:`discard` and :meth:`is_waiting`.
        """
        number = next(self._numbers)
        message = _Message(number if key is None else key, send)
        self._by_key[message.key] = message
        heapq.heappush(self._waiting, (priority, number, message))
        self._pump()

    def is_waiting(self, key: Hashable) -> bool:
        """Whether the message of that key has not been sent yet."""
        return key in self._by_key

    def discard(self, key: Hashable) -> bool:
        """Take a message out of the queue; False when it was sent already."""
        message = self._by_key.pop(key, None)
        if message is None:
            return False
        message.send = None
        return True

    def count_one(self) -> None:
        """A message was sent past this queue (the handshake)."""
        self._note(self._timers.monotonic())

    def back_off(self) -> None:
        """TWS complained about the rate: nothing for a second."""
        log.warning("TWS says that messages come too fast (100): waiting %.0f s", BACK_OFF_S)
        self._held_until = self._timers.monotonic() + BACK_OFF_S

    def clear(self) -> None:
        """The link is gone: nothing of this is sent any more, and the count begins anew."""
        self._waiting.clear()
        self._by_key.clear()
        self._sent.clear()
        self._held_until = float("-inf")
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _note(self, now: float) -> None:
        self._sent.append(now)
        if len(self._sent) > self._rate:
            self._sent.popleft()

    def _pump(self) -> None:
        while self._waiting:
            if self._waiting[0][2].send is None:
                heapq.heappop(self._waiting)
                continue
            now = self._timers.monotonic()
            wait = self._seconds_to_wait(now)
            if wait > 0:
                if self._alarm is None:
                    self._alarm = self._timers.later(wait, self._go_on)
                return
            _, _, message = heapq.heappop(self._waiting)
            if self._by_key.get(message.key) is message:
                del self._by_key[message.key]
            self._note(now)
            send, message.send = message.send, None
            if send is not None:
                send()

    def _seconds_to_wait(self, now: float) -> float:
        full = self._sent[0] + WINDOW_S - now if len(self._sent) >= self._rate else 0.0
        return max(full, self._held_until - now)

    def _go_on(self) -> None:
        self._alarm = None
        self._pump()
