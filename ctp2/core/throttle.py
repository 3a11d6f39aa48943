"""How fast a client may ask: the query slot of an Api (-2) and the query rate of a front (error 90)."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ctp2.core.backend import Event

_SECOND_NS: Final = 1_000_000_000


class QuerySlot:
    """One query at a time: taken by any thread, freed just before the last row of its answer is delivered."""

    __slots__ = ("_lock", "_request_id", "_response")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._response = ""
        self._request_id = 0

    def take(self, response: str, request_id: int) -> bool:
        """Take the slot for a query that ``response`` answers; False when another one is pending."""
        if not self._lock.acquire(blocking=False):
            return False
        self._response = response
        self._request_id = request_id
        return True

    def free(self) -> None:
        """Free the slot, whoever has it."""
        try:
            self._lock.release()
        except RuntimeError:
            # It was free. Asking first would race with another thread that frees it.
            return

    def answered(self, event: Event) -> None:
        """Free the slot if ``event`` is the last row of the pending query."""
        if event.is_last and event.callback == self._response:
            self.free()

    def refused(self, event: Event) -> None:
        """Free the slot if ``event`` is an ``OnRspError`` for the pending query."""
        if event.request_id == self._request_id:
            self.free()


class QueryRate:
    """At most ``per_second`` queries in any second; 0 means no limit."""

    __slots__ = ("_admitted", "_per_second")

    def __init__(self, per_second: int = 0) -> None:
        self._per_second = per_second
        self._admitted: deque[int] = deque()

    def admit(self, now_ns: int) -> bool:
        """Whether a query at the monotonic time ``now_ns`` is within the limit; a refused one does not count."""
        if not self._per_second:
            return True
        admitted = self._admitted
        while admitted and now_ns - admitted[0] >= _SECOND_NS:
            admitted.popleft()
        if len(admitted) >= self._per_second:
            return False
        admitted.append(now_ns)
        return True
