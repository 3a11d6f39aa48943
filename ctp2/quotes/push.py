"""Sina's push beside the polling: sockets of some keys each, renewed when the keys change (spec quotes 1.2, 8.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from ctp2.quotes import hours
from ctp2.quotes.client import WebFailed, socket
from ctp2.quotes.config import is_loopback
from ctp2.quotes.sources import AGENT, sina_push

if TYPE_CHECKING:
    from ctp2.core.clock import Clock
    from ctp2.core.loop import Loop
    from ctp2.quotes.client import Socket
    from ctp2.quotes.codes import Market
    from ctp2.quotes.poller import Poller

log = logging.getLogger("ctp2.quotes")

_NS: Final = 1_000_000_000
_FRAME_S: Final = 3600.0
"""How long one wait for a frame lasts; the clock that is handed in decides about silence."""
_GOODBYE_S: Final = 2.0
"""How long closing waits for the other side's goodbye."""
_LIMIT: Final = sina_push.MAX_KEYS * sina_push.MAX_SOCKETS


class _Line:
    """One socket and the keys that it was opened for."""

    def __init__(self, pusher: Pusher, keys: dict[str, Market]) -> None:
        self.keys = keys
        self.is_live = False
        self.retry_ns = 0
        """When a lost one is opened again; 0: it is open or being opened."""
        self.frame_ns = self.beat_ns = pusher.clock.now_ns()
        self._attempts = 0
        self._pusher = pusher
        self._socket: Socket | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self, now_ns: int) -> None:
        """Connect, anew if it was connected."""
        self.close()
        self.retry_ns = 0
        self.frame_ns = self.beat_ns = now_ns
        self._task = self._pusher.started(self._serve())

    def close(self) -> None:
        """End the connection."""
        self.is_live = False
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _serve(self) -> None:
        pusher = self._pusher
        url = sina_push.url(pusher.base, list(self.keys))
        try:
            is_local = is_loopback(pusher.base.partition("://")[2])
            async with socket(url, sina_push.ORIGIN, {"User-Agent": AGENT}, is_local=is_local) as opened:
                self._socket = opened
                while True:
                    frame = await opened.frame(_FRAME_S)
                    if frame is not None:
                        self._take(frame)
        except WebFailed as error:
            self._lost(str(error))
        finally:
            self._socket = None

    def _take(self, frame: str) -> None:
        reply = sina_push.parse(frame)
        if reply.is_refused:
            raise WebFailed("sys_auth: the keys are refused")
        self.frame_ns = self._pusher.clock.now_ns()
        self._attempts = 0
        if not self.is_live:
            self.is_live = True
            self._pusher.opened(self)
        self._pusher.poller.take_frame(reply)

    def _lost(self, text: str) -> None:
        """Wait longer each time; HTTP goes on meanwhile."""
        self.is_live = False
        delays = sina_push.DELAYS_S
        delay_s = delays[min(self._attempts, len(delays) - 1)] * (1 + self._pusher.jitter() * 0.2)
        self._attempts += 1
        self.retry_ns = self._pusher.clock.now_ns() + round(delay_s * _NS)
        log.warning("sina push: %s; opened again in %.1f s, HTTP goes on", text, delay_s)
        self._pusher.poller.wake()

    def look(self, now_ns: int) -> int:
        """Do what is due; returns when to look again."""
        if self.retry_ns:
            if now_ns >= self.retry_ns:
                self.open(now_ns)
            return self.retry_ns or now_ns + sina_push.HEARTBEAT_S * _NS
        server_ns = now_ns + self._pusher.poller.trouble.offset_ns
        is_open = any(hours.state(market, server_ns)[0] for market in set(self.keys.values()))
        if is_open and now_ns - self.frame_ns >= sina_push.SILENCE_S * _NS:
            log.warning("sina push: no frame for %d s: opened anew", sina_push.SILENCE_S)
            self.open(now_ns)
        if now_ns - self.beat_ns >= sina_push.HEARTBEAT_S * _NS and self._socket is not None:
            self.beat_ns = now_ns
            self._pusher.started(self._beat(self._socket))
        return max(self.beat_ns + sina_push.HEARTBEAT_S * _NS, now_ns + _NS)

    async def _beat(self, opened: Socket) -> None:
        try:
            await opened.beat()
        except WebFailed as error:
            log.debug("sina push: no heartbeat: %s", error)  # whoever reads it notices, and opens it again


class Pusher:
    """All sockets of one host. On the loop."""

    def __init__(self, poller: Poller, base: str, clock: Clock, loop: Loop, jitter: Callable[[], float]) -> None:
        self.poller = poller
        self.base = base
        self.clock = clock
        self.loop = loop
        self.jitter = jitter
        self._lines: list[_Line] = []
        self._leaving: list[_Line] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._settle_ns = 0
        self._is_over = False

    @property
    def is_whole(self) -> bool:
        """Whether every key comes by push, so that HTTP need only check."""
        return bool(self._lines) and not self._is_over and all(line.is_live for line in self._lines)

    def changed(self) -> None:
        """Other keys are wanted: new sockets when no more changes have come for a while."""
        self._settle_ns = self.clock.now_ns() + round(sina_push.SETTLE_S * _NS)

    def look(self, now_ns: int) -> int | None:
        """Do what is due; returns when to look again."""
        if self._settle_ns and now_ns >= self._settle_ns:
            self._settle_ns = 0
            self._regroup(now_ns)
        due = [line.look(now_ns) for line in self._lines]
        if self._settle_ns:
            due.append(self._settle_ns)
        return min(due, default=None)

    def _regroup(self, now_ns: int) -> None:
        """Keep the sockets whose keys are all still wanted; new ones for the rest, before any old one closes."""
        wanted = dict(self.poller.regular_keys())
        if len(wanted) > _LIMIT and not self._is_over:
            log.warning("sina push takes %d instruments, %d are wanted: HTTP goes on for all", _LIMIT, len(wanted))
        self._is_over = len(wanted) > _LIMIT
        kept = [line for line in self._lines if line.keys.keys() <= wanted.keys()]
        covered = {key for line in kept for key in line.keys}
        missing = [key for key in wanted if key not in covered]
        # A socket with room is replaced by one that has the new keys too.
        while missing and kept and len(kept[-1].keys) < sina_push.MAX_KEYS:
            missing = [*kept.pop().keys, *missing]
        self._leaving += [line for line in self._lines if line not in kept]
        self._lines = kept
        room = sina_push.MAX_SOCKETS - len(kept)
        for number in range(min(room, -(-len(missing) // sina_push.MAX_KEYS))):
            keys = missing[number * sina_push.MAX_KEYS : (number + 1) * sina_push.MAX_KEYS]
            line = _Line(self, {key: wanted[key] for key in keys})
            self._lines.append(line)
            line.open(now_ns)
        if all(line.is_live for line in self._lines):
            self._close_leaving()

    def opened(self, line: _Line) -> None:
        """A socket has sent its snapshot; when all have, those that they replace close."""
        if all(other.is_live for other in self._lines):
            self._close_leaving()
        self.poller.wake()

    def _close_leaving(self) -> None:
        leaving, self._leaving = self._leaving, []
        for line in leaving:
            line.close()

    def started(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let some work of a socket run; closing waits for its end."""
        task = self.loop.start(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """End all connections, each with its goodbye."""
        for line in [*self._lines, *self._leaving]:
            line.close()
        self._lines, self._leaving = [], []
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=_GOODBYE_S)
