"""What waits for one client: the sink of its session, bounded, with snapshots conflated while the client is behind.

Events come from the backend's threads and leave on the event loop, which takes them in slices. The rule for a client
that reads too slowly is in docs/protocol.md (Slow readers): of each instrument only the newest snapshot waits, in the
place of the oldest one that it replaces; everything else waits, up to a limit, and is never dropped.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from ctp2.core.backend import Event
from ctp2.front.limits import Limits

SNAPSHOT: Final = "OnRtnDepthMarketData"


class Held:
    """A snapshot that may still be replaced by a newer one."""

    __slots__ = ("event", "key")

    def __init__(self, event: Event, key: str) -> None:
        self.event = event
        self.key = key


class Keys:
    """The instrument of a snapshot. One snapshot goes to many clients, and its record is made once for all."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[Event | None, str] = (None, "")

    def of(self, event: Event) -> str:
        """From any thread."""
        last = self._last
        if last[0] is event:
            return last[1]
        key: str = event.struct().InstrumentID
        self._last = (event, key)
        return key


class Outbox:
    """The sink of one client's session. ``wake`` is told, from any thread, that there is something to take."""

    __slots__ = (
        *("_done", "_held", "_keys", "_limits", "_lock", "_on_idle", "_open", "_queue", "_queued", "_roomy", "_wake"),
        *("_woken", "address", "conflated", "is_blocked", "overflowed"),
    )

    def __init__(self, limits: Limits, keys: Keys, wake: Callable[[], None]) -> None:
        self._limits = limits
        self._roomy = min(limits.behind_events, limits.waiting_events + 1)
        """Fewer waiting events than this are nothing to look at twice."""
        self._keys = keys
        self._wake = wake
        self._lock = threading.Lock()
        self._queue: deque[Event | Held] = deque()
        self._held: dict[str, Held] = {}
        self._queued = 0
        self._done = 0
        self._open = True
        self._woken = False
        self._on_idle: Callable[[], None] | None = None
        self.address = ""
        """Where the client comes from: failed logins are counted by it."""
        self.is_blocked = False
        """Whether the network takes nothing more; set by the event loop."""
        self.conflated = 0
        """Snapshots that a newer one replaced."""
        self.overflowed = False
        """Whether more waited than may: the client must be cut."""

    # ------------------------------------------------------------------ from any thread
    def put(self, events: Sequence[Event]) -> None:
        """Queue events in order."""
        with self._lock:
            if not self._open or not events:
                return
            queue = self._queue
            waiting = len(queue)
            if waiting < self._roomy and not self.is_blocked:
                queue.extend(events)
                self._queued += len(events)
            elif waiting > self._limits.waiting_events:
                self._overflow()
                self._woken = False  # whoever waits for the network must hear of it
            else:
                self._hold(events)
            if self._woken:
                return
            self._woken = True
        self._wake()

    def _hold(self, events: Sequence[Event]) -> None:
        queue, held = self._queue, self._held
        for event in events:
            if event.callback != SNAPSHOT:
                queue.append(event)
                self._queued += 1
                continue
            key = self._keys.of(event)
            older = held.get(key)
            if older is not None:
                older.event = event
                self.conflated += 1
                continue
            held[key] = newest = Held(event, key)
            queue.append(newest)
            self._queued += 1

    def _overflow(self) -> None:
        """Nothing of what waits will be sent: the client gets it anew when it has logged in again."""
        self._open = False
        self.overflowed = True
        self._queue.clear()
        self._held.clear()
        self._done = self._queued

    @property
    def depth(self) -> int:
        """Events that were not handed to the network yet."""
        return self._queued - self._done

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once when nothing waits: at once if so, else on the event loop."""
        with self._lock:
            if self._queued != self._done and self._open:
                self._on_idle = call
                return
        call()

    # ------------------------------------------------------------------ on the event loop
    @property
    def is_behind(self) -> bool:
        """Whether the client is behind."""
        return self.is_blocked or len(self._queue) >= self._limits.behind_events

    def take(self, most: int) -> tuple[list[Event], bool]:
        """Take at most ``most`` events, and whether more wait; if not, ``wake`` will be told of the next.

        :meth:`finish` them when they are written.
        """
        with self._lock:
            queue = self._queue
            if not self._held and len(queue) <= most:
                taken: list[Event] = list(queue)  # type: ignore[arg-type]  # none of them is held
                queue.clear()
            else:
                taken = [self._released(queue.popleft()) for _ in range(min(most, len(queue)))]
            self._woken = bool(queue)
            return taken, self._woken

    def _released(self, entry: Event | Held) -> Event:
        if not isinstance(entry, Held):
            return entry
        del self._held[entry.key]
        return entry.event

    def finish(self, number: int) -> None:
        """So many taken events were handed to the network."""
        with self._lock:
            if not self._open:
                return
            self._done += number
            if self._queued != self._done:
                return
            call, self._on_idle = self._on_idle, None
        if call is not None:
            call()

    def close(self) -> None:
        """Ignore what comes from now on, and forget what waits."""
        with self._lock:
            self._open = False
            self._queue.clear()
            self._held.clear()
            self._done = self._queued
            call, self._on_idle = self._on_idle, None
        if call is not None:
            # A market at full speed waits for its readers: this one is no more.
            call()
