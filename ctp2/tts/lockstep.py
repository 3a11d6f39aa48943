"""Lock step at full speed: one client at a time has what the counter tells, and any thread may hold the market.

The next snapshot is taken when nobody has anything left to do. That alone makes a replay complete, not repeatable: two
clients that are told something at the same moment act in the order in which the system runs their threads. So the
:class:`Gate` hands out one batch at a time, in the order in which the counter told them, and the next when the client
has finished with it (docs/decisions/0098-lock-step.md).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Final

from ctp2.core.backend import Event, Sink

log = logging.getLogger("ctp2.tts")

PATIENCE_NS: Final = 10_000_000_000
"""How long one callback may keep what others wait for; beyond it they are served side by side."""


class Gate:
    """What clients are told, one client at a time. Used by whoever has the counter's turn."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self.told = 0
        """How many batches were put: a snapshot after which it is the same concerned nobody."""
        self.is_orderly = False
        """Whether at most one client can have something to do: all were seen idle since the gate stood open."""
        self._monotonic_ns = monotonic_ns
        self._waiting: deque[tuple[Sink, Sequence[Event]]] = deque()
        self._current: Sink | None = None
        self._waits_for: Sink | None = None
        self._since_ns = 0
        """Since when the others wait for the client that has something to do."""

    def put(self, sink: Sink, events: Sequence[Event]) -> None:
        """Tell a client, now or when those before it have finished."""
        self.told += 1
        current = self._current
        if not self._waiting and (current is None or current is sink or not current.depth):
            self._current = sink
            sink.put(events)
        else:
            self._waiting.append((sink, events))

    def is_free(self) -> bool:
        """Whether nobody has anything to do."""
        return self.is_orderly and not self._waiting and (self._current is None or not self._current.depth)

    def calls(self, call: Callable[[], None]) -> bool:
        """Have the client that was told last call when it is done; False when others wait behind it."""
        if self._waiting or self._current is None:
            return False
        self._current.when_idle(call)
        return True

    def go_on(self) -> Sink | None:
        """Hand out what can be; returns the client that has something to do now."""
        while True:
            current = self._current
            if current is not None and current.depth:
                return current
            self._waits_for = None
            if not self._waiting:
                return None
            self._hand_out()

    def patience_ns(self) -> int:
        """How long to wait for the client that has something to do; -1: nobody waits behind it."""
        if not self._waiting:
            return -1
        now_ns = self._monotonic_ns()
        if self._waits_for is not self._current:
            self._waits_for, self._since_ns = self._current, now_ns
        left = self._since_ns + PATIENCE_NS - now_ns
        if left > 0:
            return left
        log.warning(
            "lock step: a callback has run for %d s while other Api objects wait for their turn; they are served now,"
            " so this run cannot be repeated exactly (a callback must not wait for another Api's callback)",
            PATIENCE_NS // 1_000_000_000,
        )
        self.open()
        return -1

    def open(self) -> None:
        """Hand out everything at once."""
        self.is_orderly = False
        while self._waiting:
            self._hand_out()

    def forget(self, sink: Sink) -> None:
        """A client has gone."""
        self._waiting = deque(item for item in self._waiting if item[0] is not sink)
        if self._current is sink:
            self._current = None

    def _hand_out(self) -> None:
        sink, events = self._waiting.popleft()
        self._current = sink
        sink.put(events)


class GatedSink:
    """A client's sink as its session sees it while the counter runs in lock step."""

    def __init__(self, gate: Gate, sink: Sink) -> None:
        self._sink = sink
        self.put: Callable[[Sequence[Event]], None] = partial(gate.put, sink)
        """Queue events in order."""

    @property
    def depth(self) -> int:
        """Events queued and not yet finished."""
        return self._sink.depth

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once when the client has nothing left to do."""
        self._sink.when_idle(call)


class Hold:
    """While it is held the market takes no further entry; requests are served on.

    ``with control.hold():`` for a part of a program, or ``acquire`` and ``release`` in different threads: a callback
    acquires it and hands work to another thread, which releases it when it has acted. Several may be held at a time.
    """

    def __init__(self, acquire: Callable[[], None], release: Callable[[], None]) -> None:
        self._acquire = acquire
        self._release = release
        self._count = 0

    def acquire(self) -> Hold:
        """Hold the market: when this returns, no entry is being taken and none will be. May be repeated."""
        self._acquire()
        self._count += 1
        return self

    def release(self) -> None:
        """Let it go on, when all have released it.

        Raises:
            RuntimeError: more often than it was acquired.
        """
        if self._count <= 0:
            raise RuntimeError("release of a hold that is not held")
        self._count -= 1
        self._release()

    def __enter__(self) -> Hold:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
