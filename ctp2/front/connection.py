"""One client of a front: its handshake, its requests, what waits for it. Everything here runs on the event loop.

States: *greeting* (nothing but a hello counts), *opening* (the backend makes its session), *open*, *closed*. A client's
requests are served one after the other; they wait, unread, while the client is behind with reading, while one of its
queries is being answered and another has come, while its second is used up, and, among many, until it is its turn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from logging import INFO, WARNING
from typing import TYPE_CHECKING, Any, Final, cast

from ctp2.core.backend import Event, Kind, Request, Session
from ctp2.core.dispatch import REOPEN
from ctp2.core.errors import BAD_PACKET, HEARTBEAT_TIMEOUT, READ_FAILED, WRITE_FAILED, BadPacket
from ctp2.core.unsupported import WrongFrontSession, refuse
from ctp2.ctp import layout
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.dialect import Dialect, dialect
from ctp2.front.lists import Lists
from ctp2.front.logs import log, say
from ctp2.front.outbox import SNAPSHOT, Outbox
from ctp2.front.patterns import Frames
from ctp2.front.stats import INSERT, TIMED, OrderTimer, places_of

if TYPE_CHECKING:
    from ctp2.front.hub import Hub

SLICE: Final = 500
"""Events written for one client before the others' turn."""
TURN_SECONDS: Final = 0.0002
"""How long the frames of one link are served before the others' turn; looked at behind every so many frames."""
_LOOK: Final = 8
CLOSING_SECONDS: Final = 5.0
"""How long a link that is being closed may take to send the rest."""
BUSY: Final = 5002
QUERY_TOO_SOON: Final = 90
WRONG_REQUEST: Final = 77
TOO_MANY_SESSIONS: Final = 60
AUTH_FAILED: Final = 63
PRIVATE: Final = (
    "this is a private server: only the program that started it, and others with its token, may come. "
    "Register the address of the backend itself (such as tts://7x24), or run ctp2 serve and register that"
)

GREETING, OPENING, OPEN, CLOSED = "greeting", "opening", "open", "closed"


class Connection(asyncio.Protocol):
    """One TCP link."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.limits = hub.limits
        self.kind: Kind = hub.kind
        self.number = hub.next_number()
        self.peer = ""
        self.state = GREETING
        self.user = ""
        self.since = self.heard = self.told = hub.now()
        self.outbox = Outbox(hub.limits, hub.keys, self._wake)
        self._transport: asyncio.Transport | None = None
        self._cutter = wire.Cutter(wire.MAX_HELLO)
        self._dialect: Dialect | None = None
        self._frames: Frames | None = None
        self._timer_of_orders: OrderTimer | None = None
        self._session_id = 0
        self._is_gb18030 = False
        self._packer: wire.Packer | None = None
        self._session: Session | None = None
        self._waiting: deque[wire.Frame] = deque()
        self._is_reading = True
        self._blocked_since = 0.0
        self._closing_since = 0.0
        self._announced = 0
        """How many ``OnFrontConnected`` were sent."""
        self.is_queued = False
        """Whether it waits for its turn to hand requests over."""
        self._room = 0
        self._query: tuple[str, int] | None = None
        self._lists = Lists(hub.limits.subscriptions, self.outbox.put)
        self._second = 0.0
        self._served = 0
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.number} {self.peer} {self.state}>"

    # ------------------------------------------------------------------ the link
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; whether it may stay is decided at once."""
        # uvloop's transports are no subclass of asyncio's.
        self._transport = transport = cast("asyncio.Transport", transport)
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if address else ""
        self.outbox.address = address[0] if address else ""
        transport.set_write_buffer_limits(high=self.limits.behind_bytes)
        too_many = self.hub.enter(self)
        if too_many:
            self._refuse(BUSY, "", too_many)

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is gone, whoever ended it."""
        was = self.state
        self.state = CLOSED
        self._waiting.clear()
        self.hub.leave(self)
        session, self._session = self._session, None
        self.outbox.close()
        if session is not None:
            self.hub.close_session(session)
        if was != GREETING:
            seconds = round(self.hub.now() - self.since, 3)
            conflated = self.outbox.conflated
            say(INFO, "closed", link=self.number, user=self.user, seconds=seconds, conflated=conflated, why=exc)

    def data_received(self, data: bytes) -> None:
        """Cut into frames and serve them, as long as nothing holds the client up."""
        self.heard = self.hub.now()
        if self.state == CLOSED:
            return
        self._waiting.extend(self._cutter.feed(data))
        self.serve()

    def pause_writing(self) -> None:
        """The network takes no more."""
        self.outbox.is_blocked = True
        self._blocked_since = self.hub.now()

    def resume_writing(self) -> None:
        """It does again."""
        self.outbox.is_blocked = False
        self.hub.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self.drain()
        if self._waiting or not self._is_reading:
            self.serve()

    # ------------------------------------------------------------------ what comes in
    def serve(self) -> None:
        """Serve the frames that wait, up to the first that must wait longer."""
        waiting = self._waiting
        self._room = self.hub.room
        until = time.perf_counter() + TURN_SECONDS
        number = 0
        try:
            while waiting and self.state in (GREETING, OPEN) and self._may_serve(waiting[0]):
                self._serve(waiting.popleft())
                number += 1
                if not number % _LOOK and time.perf_counter() > until and waiting:
                    self.hub.queue(self)
                    break
            if not waiting and self.state != CLOSED:
                self._cutter.check()
        except BadPacket as error:
            self._bad(error)
        self._read_on(not waiting)

    def _may_serve(self, said: wire.Frame) -> bool:
        if self.outbox.is_blocked:
            return False  # also a ping: its answer would wait here
        if said.kind != wire.REQUEST:
            return True
        if self.outbox.is_behind:
            return False
        if self._query is not None and self._is_query(said):
            return False
        if self._room <= 0:
            self.hub.queue(self)
            return False
        limit = self.limits.requests_per_second
        if not limit:
            return True
        now = self.hub.now()
        if now - self._second >= 1.0:
            self._second, self._served = now, 0
        if self._served < limit:
            self._served += 1
            return True
        if self._timer is None:
            self._timer = self.hub.loop.call_later(self._second + 1.0 - now, self._next_second)
        return False

    def _next_second(self) -> None:
        self._timer = None
        self.serve()

    def _is_query(self, said: wire.Frame) -> bool:
        return self._dialect is not None and self._dialect.is_query(said.slot)

    def _read_on(self, wanted: bool) -> None:
        """What cannot be served is not read either: it waits at the client, not here."""
        transport = self._transport
        if transport is None or wanted == self._is_reading or transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _serve(self, said: wire.Frame) -> None:
        kind = said.kind
        if kind == wire.PING:
            self.write(wire.pong(said, self.hub.clock.now_ns()))
        elif self.state == GREETING:
            self._greet(said)
        elif kind == wire.REQUEST:
            self._request(said)
        elif kind == wire.TOPIC:
            session = self._session
            subscribe = getattr(session, "subscribe_topic", None)
            if subscribe is not None:
                subscribe(*wire.read_topic(said))
        elif kind == wire.GOODBYE:
            self.end()
        # Everything else is of no use here, or of a later version: skipped.

    # ------------------------------------------------------------------ handshake
    def _greet(self, said: wire.Frame) -> None:
        hello = wire.read_hello(said)
        if not self.hub.opens_to(hello.token):
            self._refuse(AUTH_FAILED, "", PRIVATE)
            return
        if hello.revision not in layout.versions():
            raise BadPacket(f"version: no layout {hello.revision!r}; there are {', '.join(layout.versions())}")
        spoken = dialect(hello.revision, hello.side)
        if hello.checksum not in (0, spoken.checksum):
            raise BadPacket(f"version: the client's {hello.revision} is not the {hello.revision} of this front")
        self._dialect = spoken
        self._frames = self.hub.frames(spoken)
        self._timer_of_orders = OrderTimer(places_of(spoken.codec)) if hello.side == "trader" else None
        self._is_gb18030 = bool(hello.features & wire.TEXT_GB18030)
        features = hello.features & wire.TEXT_GB18030
        if self.kind == "md" and self.limits.packs and hello.features & wire.PACKING:
            features |= wire.PACKING
            self._packer = wire.Packer()
        self._cutter.limit = wire.MAX_FRAME
        self.state = OPENING
        say(
            INFO,
            "hello",
            link=self.number,
            peer=self.peer,
            side=hello.side,
            revision=hello.revision,
            platform=hello.platform,
            library=hello.library,
            client=hello.client_id,
        )
        self.hub.open_session(self, hello, features)

    def opened(self, session: Session | None, features: int) -> None:
        """The backend has made the session, or could not."""
        if session is None:
            self._refuse(BUSY, "", "the backend of this front cannot be reached now")
            return
        if self.state == CLOSED:
            self.hub.close_session(session)
            return
        self._session = session
        self.state = OPEN
        self.write(self.hub.welcome(self, session, features) + self.hub.capabilities_frame)
        self.drain()
        self.serve()

    def wrong_side(self, hello: wire.Hello) -> Session | None:
        """The session of a client that came to a front of the other kind; None for a right one."""
        return WrongFrontSession(self.outbox) if hello.side != self.kind else None

    # ------------------------------------------------------------------ requests
    def _request(self, said: wire.Frame) -> None:
        assert self._dialect is not None
        self._room -= 1
        request = self._dialect.decode_request(said, self._is_gb18030)
        if request is None:
            self.outbox.put([Event("OnRspError", None, rsp_info(WRONG_REQUEST), said.request_id)])
            return
        method = request.method
        if method.struct:
            self._lists.check(request)
        else:
            whole = self._lists.joined(request, bool(said.flags & wire.LAST))
            if whole is None:
                return  # the rest of the list is on its way
            request = whole
        if request.connection and request.connection != self._announced:
            return  # sent before the client had seen a disconnect: that is its outcome
        if log.isEnabledFor(logging.DEBUG):
            self._say_request(request)
        self.hub.stats.requests[method.name] += 1
        if method.name == INSERT and self._timer_of_orders is not None:
            self._timer_of_orders.begin(request.field.OrderRef)
        if method.is_query:
            self._query = (method.response, request.request_id)
        elif method.response == "OnRspUserLogin" and not self._may_log_in(request):
            self.outbox.put(refuse(request, TOO_MANY_SESSIONS))
            return
        if not method.struct:
            admitted = self._lists.admitted(request)
            if admitted is None:
                return
            request = admitted
        self._hand_over(request)

    def _say_request(self, request: Request) -> None:
        name, number = request.method.name, request.request_id
        session = self._session_id or ""
        say(logging.DEBUG, "request", link=self.number, user=self.user, session=session, name=name, request=number)

    def _hand_over(self, request: Request) -> None:
        session = self._session
        assert session is not None
        try:
            result = session.handle(request)
        except Exception:
            log.exception("link=%d %s failed", self.number, request.method.name)
            result = -2
        if result == -3:
            self.outbox.put([Event("OnRspError", None, rsp_info(QUERY_TOO_SOON), request.request_id)])
        elif result == -2:
            self.outbox.put(refuse(request, BUSY))
        # -1: the backend's link is down; the OnFrontDisconnected on its way is the outcome.

    def _may_log_in(self, request: Request) -> bool:
        if self.kind == "md" or self.user:
            return True  # anybody; or a second login, which the session ignores
        user = getattr(request.field, "UserID", "")
        if not self.hub.log_in(self, user):
            say(WARNING, "refused", link=self.number, user=user, why="too many sessions of this user")
            return False
        self.user = user
        return True

    # ------------------------------------------------------------------ what goes out
    def _wake(self) -> None:
        self.hub.wake(self)

    def drain(self) -> None:
        """Write what waits, a slice at a time."""
        if self.state != OPEN or self._dialect is None:
            return
        outbox = self.outbox
        if outbox.overflowed:
            self._cut("it reads too slowly: too much waits for it")
            return
        if outbox.is_blocked:
            return
        events, has_more = outbox.take(SLICE)
        if events:
            self.write(self._frames_of(events))
            outbox.finish(len(events))
        if has_more:
            self.hub.loop.call_soon(self.drain)
        if self._waiting and not self.is_queued:
            self.serve()

    def _frames_of(self, events: list[Event]) -> bytes:
        if self.kind == "md" and self._packer is None and self._dialect is not None:
            try:
                data = self.hub.burst(self._dialect, events)
            except Exception:
                return self._encode(events)  # tells which of them cannot be encoded, and sends the others
            if data is not None:
                self.hub.delivered += len(events)
                return data
        return self._encode(events)

    def _encode(self, events: list[Event]) -> bytes:
        spoken, frames = self._dialect, self._frames
        assert spoken is not None
        assert frames is not None
        encode, snapshot, stats, timer = frames.encode, self.hub.snapshot, self.hub.stats, self._timer_of_orders
        parts: list[bytes] = []
        for event in events:
            name = event.callback
            try:
                parts.append(snapshot(spoken, event) if name == SNAPSHOT else encode(event))
                if timer is not None and timer.is_running and name in TIMED:
                    timer.passes(name, parts[-1], stats)
            except Exception:
                log.exception("link=%d %r cannot be sent", self.number, event)
            if event.info is not None and event.info.ErrorID:
                stats.errors[event.info.ErrorID] += 1
            if name in _WATCHED or (self._query is not None and event.is_last):
                self._watch(event)
        self.hub.delivered += len(events)
        if self._packer is None:
            return b"".join(parts)
        return self._packed(parts)

    def _packed(self, parts: list[bytes]) -> bytes:
        assert self._packer is not None
        packed: list[bytes] = []
        run: list[bytes] = []
        size = 0
        for part in parts:
            if size + len(part) > wire.MAX_PACKED:
                packed.append(self._packer.pack(b"".join(run)))
                run, size = [], 0
            run.append(part)
            size += len(part)
        if size:
            packed.append(self._packer.pack(b"".join(run)))
        return b"".join(packed)

    def _watch(self, event: Event) -> None:
        """What the front itself must know of the answers."""
        name = event.callback
        query = self._query
        if query is not None and (name == query[0] or (name == "OnRspError" and event.request_id == query[1])):
            self._query = None
        if name == "OnFrontConnected":
            self._announced += 1
        elif name == "OnRspUserLogin":
            if event.info is not None and event.info.ErrorID:
                self._say_refused_login(event)
                self._log_out()
            else:
                self._say_login(event)
        elif name == "OnFrontDisconnected":
            self._query = None
            self._lists.clear()
            self._log_out()
        elif name == REOPEN:
            self.hub.loop.call_soon(self.end)

    def _say_login(self, event: Event) -> None:
        field: Any = event.struct()
        session = getattr(field, "SessionID", 0)
        user = getattr(field, "UserID", "")
        if user != self.user and self.kind == "trader":
            # Two logins were on their way, and the second one succeeded.
            self._log_out()
            self.user = user
            self.hub.count_user(self, user)
        self._session_id = session
        self.hub.stats.logins += 1
        say(INFO, "login", link=self.number, user=self.user, session=session, request=event.request_id)

    def _say_refused_login(self, event: Event) -> None:
        assert event.info is not None
        self.hub.stats.refused_logins += 1
        number, why = event.request_id, event.info.ErrorID
        say(WARNING, "login-refused", link=self.number, peer=self.peer, user=self.user, request=number, error=why)

    def _log_out(self) -> None:
        self._session_id = 0
        self.hub.log_out(self)
        self.user = ""

    def write(self, data: bytes) -> None:
        """Hand bytes to the network."""
        transport = self._transport
        if data and transport is not None and not transport.is_closing():
            transport.write(data)
            self.told = self.hub.now()

    # ------------------------------------------------------------------ time and the end
    def look(self, now: float) -> None:
        """What is due by now: called about once a second."""
        limits = self.limits
        if self.state == CLOSED:
            if self._closing_since and now - self._closing_since > CLOSING_SECONDS and self._transport is not None:
                self._transport.abort()
            return
        if self.state == GREETING and now - self.since > limits.handshake:
            self._abort("it has not said who it is")
        elif self.outbox.overflowed:
            self._cut("it reads too slowly: too much waits for it")
        elif self.outbox.is_blocked and now - self._blocked_since > limits.stalled:
            self._abort("it has stopped reading")
        elif self._is_reading and now - self.heard > limits.silence:
            self._cut("it is silent", HEARTBEAT_TIMEOUT)
        elif self.state == OPEN and now - self.told >= limits.heartbeat:
            self.write(wire.heartbeat())

    def end(self, why: str = "", reason: int = READ_FAILED) -> None:
        """End the link in order: what is written is still sent."""
        if self.state == CLOSED or self._transport is None:
            return
        if why:
            self.write(wire.goodbye(reason, why))
        self.state = CLOSED
        self._closing_since = self.hub.now()
        self._transport.close()

    def finish(self, why: str) -> None:
        """Write what waits, as far as the network takes it, and end the link."""
        while self.state == OPEN and self.outbox.depth and not self.outbox.is_blocked:
            self.drain()
        self.end(why)

    def abort(self) -> None:
        """End the link at once."""
        self.state = CLOSED
        if self._transport is not None:
            self._transport.abort()

    def _cut(self, why: str, reason: int = WRITE_FAILED) -> None:
        say(WARNING, "cut", link=self.number, peer=self.peer, user=self.user, why=why)
        self.hub.cut += 1
        if self.outbox.is_blocked or reason == HEARTBEAT_TIMEOUT:
            self.abort()
        else:
            self.end(why, reason)

    def _abort(self, why: str) -> None:
        say(WARNING, "cut", link=self.number, peer=self.peer, user=self.user, why=why)
        self.hub.cut += 1
        self.abort()

    def _refuse(self, error_id: int, message: str, detail: str) -> None:
        say(WARNING, "refused", link=self.number, peer=self.peer, why=detail)
        text = message or str(rsp_info(error_id).ErrorMsg)
        self.write(wire.refused(wire.Refusal(error_id, text, detail)))
        self.end()

    def _bad(self, error: BadPacket) -> None:
        """Bytes that cannot be read: 4040, then the end (spec ctp-semantics 1.5)."""
        what, _, detail = str(error).partition(": ")
        if self.state == GREETING:
            is_version = what == "version"
            self._refuse(
                wire.VERSION_ERROR,
                wire.VERSION_TEXT.format(what="version" if is_version else "decode"),
                detail if what in ("version", "decode") else str(error),
            )
            return
        say(WARNING, "bad", link=self.number, peer=self.peer, user=self.user, why=error)
        if self.state == OPEN and self._dialect is not None:
            info = rsp_info(wire.VERSION_ERROR, wire.VERSION_TEXT.format(what="decode"))
            self.write(self._dialect.encode_event(Event("OnRspError", None, info)))
        self.end(str(error), BAD_PACKET)


_WATCHED: Final = frozenset({"OnFrontConnected", "OnRspUserLogin", "OnFrontDisconnected", REOPEN})
