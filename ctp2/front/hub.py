"""What the clients of one front share: the backend, who is there, and snapshots that are encoded once for all."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from ctp2 import __version__
from ctp2.core.backend import Backend, Event, Kind, Session
from ctp2.core.clock import Clock
from ctp2.front import wire
from ctp2.front.connection import Connection
from ctp2.front.dialect import Dialect
from ctp2.front.limits import Limits
from ctp2.front.logs import log
from ctp2.front.outbox import SNAPSHOT, Keys
from ctp2.front.patterns import Frames
from ctp2.front.stats import Stats

TURN: Final = 64
"""Requests of one link that are handed over before the others' turn."""
_PAUSE: Final = 0.001
"""Seconds between two looks at a backend for which too many requests wait."""
_CACHED: Final = 1024
"""Encoded snapshots kept per version; when full, and once a second, all go: they are of no use a moment later."""


class Hub:
    """One front. All methods but :meth:`wake` run on the event loop."""

    def __init__(
        self,
        kind: Kind,
        backend: Backend,
        limits: Limits,
        clock: Clock,
        executor: Executor,
        next_number: Callable[[], int],
        token: str = "",
        is_host: bool = False,
    ) -> None:
        """With ``token`` only clients that present it may come; ``is_host``: the backend works on this loop."""
        self.kind: Kind = kind
        self.backend = backend
        self.limits = limits
        self.clock = clock
        self.next_number = next_number
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self._home = threading.get_ident()
        self.keys = Keys()
        self.stats = Stats()
        self.connections: set[Connection] = set()
        self.delivered = 0
        """Events sent."""
        self.ticks = 0
        """Snapshots among them."""
        self.cut = 0
        """Clients that were cut."""
        self.conflated_before = 0
        """Snapshots conflated for clients that have gone."""
        self._executor = executor
        self._token = token.encode()
        self._is_host = is_host
        self._addresses: Counter[str] = Counter()
        self._arrivals: dict[str, tuple[float, int]] = {}
        """By address: when its present second began, and links since then."""
        self._backlog: Callable[[], int] | None = getattr(backend, "backlog", None)
        self._waiting: deque[Connection] = deque()
        """Links with requests whose turn has not come."""
        self._is_turn_due = False
        self._users: dict[str, set[Connection]] = {}
        self._dirty: deque[Connection] = deque()
        self._woken = False
        self._frames: dict[Dialect, Frames] = {}
        self._encoded: dict[Dialect, dict[int, tuple[Event, bytes]]] = {}
        self._burst: dict[Dialect, tuple[list[Event], bytes]] = {}
        """The snapshots that were encoded together last."""
        self.is_closing = False
        told = backend.capabilities
        self.capabilities_frame = capabilities_frame(
            {
                "kinds": [kind],
                "requests": sorted(told.requests),
                "order_kinds": sorted(told.order_kinds),
                "differs": sorted(told.differs),
                "markets": {exchange: list(classes) for exchange, classes in told.markets.items()},
            }
        )

    def connection(self) -> Connection:
        """A new client."""
        return Connection(self)

    # ------------------------------------------------------------------ who is there
    def enter(self, connection: Connection) -> str:
        """Count a client in; returns why it may not stay, if so."""
        self.connections.add(connection)
        self.stats.links += 1
        address = connection.peer.rpartition(":")[0]
        self._addresses[address] += 1
        if self.is_closing:
            return "this front closes"
        if len(self.connections) > self.limits.connections:
            return f"this front has {self.limits.connections} links already: come back later"
        if self._addresses[address] > self.limits.per_address:
            return f"there are {self.limits.per_address} links from {address} already: close one"
        if self._comes_too_often(address):
            return f"{address} has made {self.limits.links_per_second} links within a second: wait"
        return ""

    def opens_to(self, token: str) -> bool:
        """Whether a client with this token may come."""
        return not self._token or hmac.compare_digest(self._token, token.encode())

    def _comes_too_often(self, address: str) -> bool:
        limit = self.limits.links_per_second
        if not limit:
            return False
        now = self.now()
        began, number = self._arrivals.get(address, (now, 0))
        if now - began >= 1.0:
            began, number = now, 0
        self._arrivals[address] = (began, number + 1)
        return number >= limit

    def leave(self, connection: Connection) -> None:
        """Count a client out."""
        self.connections.discard(connection)
        self.conflated_before += connection.outbox.conflated
        address = connection.peer.rpartition(":")[0]
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]
        self.log_out(connection)

    @property
    def users(self) -> int:
        """Users that are logged in."""
        return len(self._users)

    @property
    def waiting(self) -> tuple[int, int]:
        """Events that wait for clients: of all, and of the one with the most."""
        depths = [connection.outbox.depth for connection in self.connections]
        return sum(depths), max(depths, default=0)

    @property
    def conflated(self) -> int:
        """Snapshots that a newer one replaced, of all clients so far."""
        return self.conflated_before + sum(connection.outbox.conflated for connection in self.connections)

    def log_in(self, connection: Connection, user: str) -> bool:
        """Count a login; False when the user has too many."""
        limit = self.limits.per_user
        if limit and len(self._users.get(user, ())) >= limit:
            return False
        self.count_user(connection, user)
        return True

    def count_user(self, connection: Connection, user: str) -> None:
        """A user is logged in at a link."""
        self._users.setdefault(user, set()).add(connection)

    def log_out(self, connection: Connection) -> None:
        """The user of a link is gone."""
        there = self._users.get(connection.user)
        if there is not None:
            there.discard(connection)
            if not there:
                del self._users[connection.user]

    # ------------------------------------------------------------------ sessions
    def open_session(self, connection: Connection, hello: wire.Hello, features: int) -> None:
        """Let the backend make a session: on a thread, as it may take its time, unless it works here itself."""
        wrong = connection.wrong_side(hello)
        if wrong is not None:
            connection.opened(wrong, features)
            return
        if self._is_host:
            connection.opened(self._own_session(connection), features)
            return

        def done(future: asyncio.Future[Session]) -> None:
            if future.cancelled() or future.exception() is not None:
                log.error(
                    "link=%d no session: %r", connection.number, None if future.cancelled() else future.exception()
                )
                connection.opened(None, features)
            else:
                connection.opened(future.result(), features)

        future = self.loop.run_in_executor(self._executor, self.backend.session, self.kind, connection.outbox)
        future.add_done_callback(done)

    def _own_session(self, connection: Connection) -> Session | None:
        try:
            return self.backend.session(self.kind, connection.outbox)
        except Exception as error:
            log.error("link=%d no session: %r", connection.number, error)
            return None

    def close_session(self, session: Session) -> None:
        """End a session: on a thread, as it may wait for the backend, unless that works here itself."""
        if self._is_host:
            _close(session)
            return
        try:
            self._executor.submit(_close, session)
        except RuntimeError:
            # The server has ended, and this link was the last to notice.
            _close(session)

    def welcome(self, connection: Connection, session: Session, features: int) -> bytes:
        """The frame that accepts a client."""
        limits = self.limits
        said = wire.Welcome(
            self.kind,
            features,
            round(limits.heartbeat * 1000),
            round(limits.client_heartbeat * 1000),
            round(limits.warning * 1000),
            round(limits.silence * 1000),
            self.clock.now_ns(),
            connection.number,
            str(getattr(self.backend, "trading_day", "")),
            str(getattr(session, "flow_identity", "")),
            f"ctp2 {__version__}",
            requests_per_second=limits.requests_per_second,
            subscriptions=limits.subscriptions,
        )
        return wire.welcome(said)

    # ------------------------------------------------------------------ what comes in
    @property
    def room(self) -> int:
        """How many requests a link may hand to the backend now."""
        most = self.limits.waiting_requests
        return TURN if self._backlog is None or not most else min(TURN, most - self._backlog())

    def queue(self, connection: Connection) -> None:
        """A link has more requests than it may hand over now: it is served again when those before it were."""
        if not connection.is_queued:
            connection.is_queued = True
            self._waiting.append(connection)
        self._schedule()

    def _schedule(self) -> None:
        if self._is_turn_due:
            return
        self._is_turn_due = True
        if self.room > 0:
            self.loop.call_soon(self._serve_waiting)
        else:
            self.loop.call_later(_PAUSE, self._serve_waiting)

    def _serve_waiting(self) -> None:
        self._is_turn_due = False
        waiting = self._waiting
        for _ in range(len(waiting)):
            if self.room <= 0:
                break
            connection = waiting.popleft()
            connection.is_queued = False
            connection.serve()
        if waiting:
            self._schedule()

    # ------------------------------------------------------------------ what goes out
    def wake(self, connection: Connection) -> None:
        """Something waits for a client. From any thread; one call of the loop serves all that were woken before it."""
        self._dirty.append(connection)
        if self._woken:
            return
        self._woken = True
        if threading.get_ident() == self._home:
            self.loop.call_soon(self._drain)
            return
        try:
            self.loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            # The loop has ended: nobody is there any more.
            self._dirty.clear()

    def _drain(self) -> None:
        # In this order, so that a client woken meanwhile is either in the list or wakes the loop again.
        self._woken = False
        dirty = self._dirty
        for _ in range(len(dirty)):
            dirty.popleft().drain()
        if dirty and not self._woken:
            self._woken = True
            self.loop.call_soon(self._drain)

    def frames(self, spoken: Dialect) -> Frames:
        """What makes the frames of a version."""
        found = self._frames.get(spoken)
        if found is None:
            found = self._frames[spoken] = Frames(spoken, getattr(self.backend, "recipes", {}))
        return found

    def snapshot(self, spoken: Dialect, event: Event) -> bytes:
        """The frame of a snapshot, which goes to many."""
        self.ticks += 1
        encoded = self._encoded.get(spoken)
        if encoded is None:
            encoded = self._encoded[spoken] = {}
        known = encoded.get(id(event))
        if known is not None:
            return known[1]
        if len(encoded) >= _CACHED:
            encoded.clear()
        data = spoken.encode_event(event)
        # The event is kept with its bytes, so that its id is not given to another meanwhile.
        encoded[id(event)] = (event, data)
        return data

    def burst(self, spoken: Dialect, events: list[Event]) -> bytes | None:
        """The frames of snapshots alone, else None. Clients with the same subscriptions get the same bytes."""
        last = self._burst.get(spoken)
        if last is not None and last[0] == events:
            self.ticks += len(events)
            return last[1]
        for event in events:
            if event.callback != SNAPSHOT:
                return None
        data = b"".join([self.snapshot(spoken, event) for event in events])
        self._burst[spoken] = (events, data)
        return data

    # ------------------------------------------------------------------ time and the end
    def look(self) -> None:
        """What is due: heartbeats, silent and stalled clients."""
        self._encoded.clear()
        self._burst.clear()
        now = self.now()
        for address in [address for address, (began, _) in self._arrivals.items() if now - began >= 1.0]:
            del self._arrivals[address]
        for connection in list(self.connections):
            connection.look(now)

    def close(self, why: str) -> None:
        """Tell every client and end its link."""
        self.is_closing = True
        for connection in list(self.connections):
            connection.finish(why)

    def abort(self) -> None:
        """End every link that is still there at once."""
        for connection in list(self.connections):
            connection.abort()


def capabilities_frame(told: dict[str, object]) -> bytes:
    """What a front serves, for clients that want to know beforehand."""
    return wire.frame(wire.CAPABILITIES, json.dumps(told, separators=(",", ":")).encode())


def _close(session: Session) -> None:
    try:
        session.close()
    except Exception:
        log.exception("closing a session failed")
