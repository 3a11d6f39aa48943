"""One TCP link of a Python client to a front: the session behind ``tcp://`` and ``ssl://``.

The constructor connects, with deadlines, on the thread that opens the session. Then one thread reads: it cuts frames,
makes events, keeps the heartbeats. Requests are sent by the threads that make them, without waiting: what the network
does not take at once waits in a bounded buffer that the reading thread empties. A link that ends tells the client and
asks for another session (``REOPEN``); trying again and choosing among several fronts is the Api object's work.
"""

from __future__ import annotations

import json
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from ctp2.core.backend import Capabilities, Event, Kind, Request, Sink, Topic
from ctp2.core.dispatch import REOPEN
from ctp2.core.errors import (
    BadPacket,
    HeartbeatSendFailed,
    HeartbeatTimeout,
    LinkLost,
    ReadFailed,
    WriteFailed,
    reason_of,
)
from ctp2.core.unsupported import answer
from ctp2.front import wire
from ctp2.front.dialect import dialect
from ctp2.front.handshake import Target, connect, greet

log = logging.getLogger("ctp2.front")

SEND_LIMIT: Final = 4 << 20
"""Bytes that may wait to be sent; a request beyond them is told -1."""
RETRY_SECONDS: Final = 1.0
"""A front that cuts the link at once is not asked again sooner than this after the last time."""
CLOSE_SECONDS: Final = 5.0
SKIP: Final = "~passed"
"""Not a callback: only its number in the flow counts."""
_READ: Final = 262_144
_NOT_CONNECTED: Final = -1
_WARNS_FROM: Final = (6, 6, 7)
"""The first revision that warns of a missing heartbeat (spec ctp-semantics 1.5)."""


class Link:
    """A session at a remote front. The constructor raises ``OpenFailed`` when there is none."""

    def __init__(self, target: Target, kind: Kind, sink: Sink, tell: Callable[[Capabilities], None]) -> None:
        """``tell`` is given what the front says that it serves."""
        self._target = target
        self._sink = sink
        self._tell = tell
        self._dialect = dialect(target.revision, kind)
        link = connect(target)
        try:
            greeted = greet(link, target, kind)
        except BaseException:
            link.close()
            raise
        link.setblocking(False)
        welcome = greeted.welcome
        if welcome.side != kind:
            log.warning("%s is a front of the other kind (%s): it refuses every request", target.place, welcome.side)
        log.info("connected to %s: link %d of %s", target.place, welcome.connection, welcome.server)
        self.welcome = welcome
        self.flow_identity = welcome.flow_identity
        self._warning_s = welcome.warning_ms / 1000 if kind == "trader" and _warns(target.revision) else 0.0
        self._beat_s = welcome.client_heartbeat_ms / 1000 or wire.HEARTBEAT_OF_CLIENT
        self._silence_s = welcome.silence_ms / 1000 or wire.SILENCE_LIMIT
        self._link = link
        self._cutter = greeted.cutter
        self._unpacker: wire.Unpacker | None = None
        self._lock = threading.Lock()
        """Guards sending, and with TLS reading too: one end of TLS is one state."""
        self._pending = bytearray()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._up = True
        self._closing = threading.Event()
        self._is_connected = False
        self._began = self._heard = self._sent = self._moved = time.monotonic()
        self._warned = False
        self._thread = threading.Thread(
            target=self._run, args=(greeted.frames,), name=f"ctp2-link-{kind}-{welcome.connection}", daemon=True
        )
        self._thread.start()

    # ------------------------------------------------------------------ contract (any thread)
    def handle(self, request: Request) -> int:
        """Send a request; -1 when the link is down, or so slow that too much waits to be sent."""
        if not self._up:
            return _NOT_CONNECTED
        try:
            frames = self._dialect.encode_request(request, request.connection)
        except ValueError:
            # This version of the interface has no such request, so the front cannot be asked.
            self._sink.put(answer(request.method, request))
            return 0
        return 0 if self._send(frames[0] if len(frames) == 1 else b"".join(frames)) else _NOT_CONNECTED

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """Say where a flow starts at the next login."""
        self._send(wire.topic(topic, trading_day, after))

    def close(self) -> None:
        """End the link; nothing is put into the sink after this returns."""
        self._closing.set()
        self._send(wire.goodbye(0, "released"))
        self._up = False
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS)

    # ------------------------------------------------------------------ sending
    def _send(self, data: bytes) -> bool:
        with self._lock:
            if not self._up:
                return False
            pending = self._pending
            if pending:
                if len(pending) + len(data) > SEND_LIMIT:
                    return False
                pending += data
                return True
            try:
                sent = self._send_some(data)
            except OSError:
                # The reading thread notices too, and tells.
                self._up = False
                sent = len(data)
            self._sent = now = time.monotonic()
            if sent < len(data):
                self._moved = now
                pending += data[sent:]
        if pending:
            self._wake()
        return self._up

    def _send_some(self, data: bytes | bytearray) -> int:
        """How many bytes the network took; 0 when it takes none now."""
        try:
            return self._link.send(data)
        except OSError as error:
            if _must_wait(error):
                return 0
            raise

    def _flush(self) -> None:
        with self._lock:
            try:
                sent = self._send_some(self._pending) if self._pending else 0
            except OSError as error:
                raise WriteFailed(str(error)) from error
            if sent:
                self._moved = self._sent = time.monotonic()
                del self._pending[:sent]

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except OSError:
            # Full: the thread is about to wake anyway. Closed: it has ended.
            return

    # ------------------------------------------------------------------ the reading thread
    def _run(self, frames: list[wire.Frame]) -> None:
        reason = 0
        try:
            self._deliver(frames)
            self._cutter.check()
            self._read_on()
        except (LinkLost, OSError) as error:
            reason = reason_of(error)
            if not self._closing.is_set():
                log.info("link to %s lost (%d): %s", self._target.place, reason, error)
        except Exception:
            reason = reason_of(BadPacket())
            log.exception("reading from %s failed", self._target.place)
        with self._lock:
            self._up = False
        if not self._closing.is_set():
            self._ask_for_another(reason)
        for end in (self._link, self._woken, self._waker):
            end.close()

    def _ask_for_another(self, reason: int) -> None:
        if self._is_connected:
            self._sink.put([Event("OnFrontDisconnected", request_id=reason)])
        self._closing.wait(self._began + RETRY_SECONDS - time.monotonic())
        if not self._closing.is_set():
            self._sink.put([Event(REOPEN)])

    def _read_on(self) -> None:
        with selectors.DefaultSelector() as selector:
            key = selector.register(self._link, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._closing.is_set():
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._pending else 0)
                if events != key.events:
                    key = selector.modify(self._link, events)
                for ready, mask in selector.select(self._seconds_left()):
                    if ready.fileobj is self._woken:
                        self._woken.recv(_READ)
                    else:
                        if mask & selectors.EVENT_READ:
                            self._read()
                        if mask & selectors.EVENT_WRITE:
                            self._flush()
                self._look()

    def _read(self) -> None:
        """Everything that is there, in one batch as far as it came together."""
        while True:
            try:
                data = self._receive()
            except OSError as error:
                if _must_wait(error):
                    return
                raise ReadFailed(str(error)) from error
            if not data:
                raise ReadFailed("the front closed the link")
            self._heard = time.monotonic()
            self._warned = False
            self._deliver(self._cutter.feed(data))
            self._cutter.check()
            if len(data) < _READ and not self._target.tls:
                return

    def _receive(self) -> bytes:
        if not self._target.tls:
            return self._link.recv(_READ)
        with self._lock:
            return self._link.recv(_READ)

    def _deliver(self, frames: Sequence[wire.Frame]) -> None:
        events: list[Event] = []
        for frame in frames:
            if frame.kind == wire.CALLBACK:
                event = self._dialect.decode_event(frame)
                if event is not None:
                    events.append(event)
                    if frame.slot < 2:
                        self._is_connected = event.callback == "OnFrontConnected"
            else:
                self._aside(frame, events)
        if events and not self._closing.is_set():
            self._sink.put(events)

    def _aside(self, frame: wire.Frame, events: list[Event]) -> None:
        """The frames that are no callback; those of later versions are skipped."""
        kind = frame.kind
        if kind == wire.PACKED:
            if self._unpacker is None:
                self._unpacker = wire.Unpacker()
            for inner in self._unpacker.unpack(frame):
                event = self._dialect.decode_event(inner) if inner.kind == wire.CALLBACK else None
                if event is not None:
                    events.append(event)
        elif kind == wire.PASSED:
            topic = wire.TOPIC_OF_FLAG.get(frame.flags & (wire.PRIVATE | wire.PUBLIC))
            events.append(Event(SKIP, topic=topic, sequence=frame.aux))
        elif kind == wire.PING:
            # The clock of a client is its own business.
            self._send(wire.pong(frame, 0))
        elif kind == wire.CAPABILITIES:
            self._take_capabilities(frame)
        elif kind == wire.GOODBYE:
            log.info("%s ends the link: %s", self._target.place, wire.read_text(frame))

    def _take_capabilities(self, frame: wire.Frame) -> None:
        try:
            self._tell(read_capabilities(wire.read_text(frame), self._dialect.requests))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadPacket(f"capabilities that cannot be read: {error}") from None

    # ------------------------------------------------------------------ time
    def _seconds_left(self) -> float:
        now = time.monotonic()
        due = min(self._sent + self._beat_s, self._heard + self._silence_s)
        if self._warning_s and not self._warned:
            due = min(due, self._heard + self._warning_s)
        if self._pending:
            due = min(due, self._moved + wire.SEND_LIMIT)
        return max(0.0, due - now)

    def _look(self) -> None:
        """Heartbeats, and what their absence means."""
        now = time.monotonic()
        silent = now - self._heard
        if silent >= self._silence_s:
            raise HeartbeatTimeout(f"nothing came for {silent:.0f} s")
        if self._pending:
            if now - self._moved >= wire.SEND_LIMIT:
                raise HeartbeatSendFailed(f"nothing could be sent for {now - self._moved:.0f} s")
        elif now - self._sent >= self._beat_s:
            self._send(wire.heartbeat())
        if self._warning_s and not self._warned and silent >= self._warning_s:
            self._warned = True
            self._sink.put([Event("OnHeartBeatWarning", request_id=round(silent))])


def _warns(revision: str) -> bool:
    numbers = tuple(int(part) for part in revision.partition("_")[0].split("."))
    return numbers >= _WARNS_FROM


def _must_wait(error: OSError) -> bool:
    """Whether a socket that does not block only has nothing to do now."""
    if isinstance(error, BlockingIOError | InterruptedError):
        return True
    # ssl.SSLWantReadError and its sibling, without importing ssl for plain links.
    return type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")


def read_capabilities(text: str, known: frozenset[str]) -> Capabilities:
    """What a front says that it serves, as far as a client that knows the requests ``known`` can ask for it."""
    told: dict[str, Any] = json.loads(text)
    kinds: dict[str, Kind] = {"trader": "trader", "md": "md"}
    return Capabilities(
        frozenset(kinds[kind] for kind in told["kinds"] if kind in kinds),
        known.intersection(told["requests"]),
        frozenset(told.get("order_kinds", ())),
        {str(exchange): tuple(classes) for exchange, classes in told.get("markets", {}).items()},
        differs=frozenset(told.get("differs", ())),
    )
