"""A server: a trading front and a market data front of one backend, on one event loop.

``Server`` runs on the loop of its caller, :class:`ServerThread` brings a thread with a loop of its own (tests, Python
programs that offer a front on the side), ``ctp2 serve`` runs several (:mod:`ctp2.front.service`).
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from logging import ERROR, INFO
from typing import TYPE_CHECKING, Final, Self

from ctp2 import registry
from ctp2.core import address as addresses
from ctp2.core.backend import Backend, Kind
from ctp2.core.clock import Clock, process_clock
from ctp2.front.hub import Hub
from ctp2.front.limits import Limits
from ctp2.front.logs import log, say
from ctp2.settings import MD_PORT, TRADE_PORT

if TYPE_CHECKING:
    import ssl

_BACKLOG: Final = 1024
_SEND_BUFFER: Final = 262_144
"""Of a market data link: what the system keeps for a client that reads slowly cannot be conflated any more."""
_GRACE: Final = 3.0
"""Seconds that clients have to take what was written before a stop."""
_LOOKS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Config:
    """What to serve, and where. A port of None is not offered, 0 is any free one."""

    backend: str = "tts://7x24"
    host: str = "127.0.0.1"
    trade_port: int | None = TRADE_PORT
    md_port: int | None = MD_PORT
    tls_cert: str = ""
    tls_key: str = ""
    limits: Limits = field(default_factory=Limits)
    name: str = ""
    """Tells the environments of one process apart."""
    token: str = field(default="", repr=False)
    """What clients must present (a private server's); empty: nothing."""


class Server:
    """The fronts of one backend."""

    def __init__(
        self, config: Config, clock: Clock | None = None, next_number: Callable[[], int] | None = None
    ) -> None:
        """``next_number`` numbers the links, for servers that share a log."""
        self.config = config
        self.clock = clock or process_clock()
        self.hubs: dict[Kind, Hub] = {}
        self.ports: dict[Kind, int] = {}
        self._backend: Backend | None = None
        self._listening: list[asyncio.Server] = []
        self._next_number = next_number or count(1).__next__
        self._executor = ThreadPoolExecutor(4, thread_name_prefix="ctp2-front")
        self._looking: asyncio.Task[None] | None = None
        self._tls: ssl.SSLContext | None = None
        self._hosts = False
        """Whether the backend works on this loop."""

    @property
    def scheme(self) -> str:
        """How clients must connect."""
        return "ssl" if self.config.tls_cert else "tcp"

    def address(self, kind: Kind) -> str:
        """The front address that clients register."""
        return f"{self.scheme}://{place_of(self.config.host)}:{self.ports[kind]}"

    @property
    def label(self) -> str:
        """The environment's name, or what its address says."""
        backend = addresses.parse(self.config.backend)
        return self.config.name or backend.host or backend.scheme

    @property
    def trading_day(self) -> str:
        """The backend's, empty where it has none."""
        return str(getattr(self._backend, "trading_day", ""))

    @property
    def fault(self) -> str:
        """Why the backend serves no more; empty while it does."""
        return "closed" if self._backend is None else str(getattr(self._backend, "fault", ""))

    def figures(self) -> Mapping[str, float]:
        """What the backend tells of itself, if it does."""
        read = getattr(self._backend, "figures", None)
        return {} if read is None else read()

    async def start(self) -> None:
        """Open the backend, then the fronts.

        Raises:
            ValueError: the backend's address can never work.
            Ctp2Error: it cannot be opened now.
            OSError: a port is taken, or a file of the certificate cannot be read.
        """
        loop = asyncio.get_running_loop()
        config = self.config
        tls = self._tls = tls_context(config.tls_cert, config.tls_key) if config.tls_cert else None
        where = addresses.parse(config.backend)
        registry.check(where)
        backend = await loop.run_in_executor(self._executor, registry.acquire, where, self.clock)
        self._backend = backend
        move = getattr(backend, "work_on", None)
        if move is not None:
            self._hosts = await loop.run_in_executor(self._executor, move, LoopHost(loop))
        try:
            for kind, port in self._wanted():
                if kind not in backend.capabilities.served:
                    say(INFO, "skipped", name=config.name, side=kind, why="the backend does not offer it")
                    continue
                number, hosts = self._next_number, self._hosts
                hub = Hub(kind, backend, config.limits, self.clock, self._executor, number, config.token, hosts)
                listening_at = listener(config.host, port, _SEND_BUFFER if kind == "md" else 0)
                listening = await loop.create_server(hub.connection, sock=listening_at, backlog=_BACKLOG, ssl=tls)
                self._listening.append(listening)
                self.hubs[kind] = hub
                self.ports[kind] = listening.sockets[0].getsockname()[1]
                name, address = config.name, self.address(kind)
                say(INFO, "listening", name=name, side=kind, address=address, backend=config.backend)
        except BaseException:
            await self.stop()
            raise
        self._looking = loop.create_task(self._look())

    def _wanted(self) -> list[tuple[Kind, int]]:
        ports: tuple[tuple[Kind, int | None], ...] = (("trader", self.config.trade_port), ("md", self.config.md_port))
        return [(kind, port) for kind, port in ports if port is not None]

    async def _look(self) -> None:
        limits = self.config.limits
        pause = min(_LOOKS, limits.heartbeat / 4, limits.silence / 4, limits.handshake / 4, limits.stalled / 4)
        while True:
            await asyncio.sleep(pause)
            for hub in self.hubs.values():
                try:
                    hub.look()
                except Exception:
                    log.exception("looking after the clients failed")

    def reload(self, limits: Limits | None = None) -> None:
        """For links to come: read the certificate again (a bad one changes nothing) and take ``limits``."""
        if limits is not None:
            for hub in self.hubs.values():
                hub.limits = limits
        if self._tls is None:
            return
        try:
            tls_context(self.config.tls_cert, self.config.tls_key)
            self._tls.load_cert_chain(self.config.tls_cert, self.config.tls_key or None)
        except OSError as error:
            say(ERROR, "certificate", why=error)
        else:
            say(INFO, "reloaded", name=self.config.name, what="certificate")

    async def stop(self) -> None:
        """Tell the clients, end their links, close the backend. Harmless when repeated."""
        for listening in self._listening:
            listening.close()
        self._listening.clear()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        hubs = list(self.hubs.values())
        for hub in hubs:
            hub.close("the front closes")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _GRACE
        while any(hub.connections for hub in hubs) and loop.time() < deadline:
            await asyncio.sleep(0.01)
        for hub in hubs:
            hub.abort()
        while any(hub.connections for hub in hubs) and loop.time() < deadline + _GRACE:
            await asyncio.sleep(0)
        backend, self._backend = self._backend, None
        # Sessions close on this executor, so the backend comes after the last of them.
        await asyncio.to_thread(self._executor.shutdown)
        if backend is not None:
            if self._hosts:
                self._hosts = False
                backend.work_alone()  # type: ignore[attr-defined]  # optional, and there with work_on
            await asyncio.to_thread(registry.release, backend)
            say(INFO, "stopped", name=self.config.name)


class LoopHost:
    """A loop, as a backend sees it that works on it."""

    __slots__ = ("_home", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._home = threading.get_ident()

    def post(self, call: Callable[[], None]) -> None:
        """Soon, on the loop's thread."""
        if threading.get_ident() == self._home:
            self._loop.call_soon(call)
            return
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            log.warning("the event loop has ended: a request of another thread waits")

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """After so long."""
        return self._loop.call_later(seconds, call)


def tls_context(cert: str, key: str) -> ssl.SSLContext:
    """What a server needs for TLS. Raises ``OSError`` when a file cannot be used."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key or None)
    return context


def place_of(host: str) -> str:
    """A host that listens, as clients on this machine write it."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


def listener(host: str, port: int, send_buffer: int = 0) -> socket.socket:
    """A bound socket; what is set on it is inherited by its links."""
    family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if send_buffer:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        bound.bind(where)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop: uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class ServerThread:
    """A server on a thread of its own.

    ::

        with ServerThread(Config("tts://7x24", trade_port=0, md_port=0)) as server:
            api.RegisterFront(server.trade)
    """

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.server = Server(config, clock)
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._run, name="ctp2-server", daemon=True)
        self._started: Future[None] = Future()
        self._stop: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def trade(self) -> str:
        """The address of the trading front."""
        return self.server.address("trader")

    @property
    def md(self) -> str:
        """The address of the market data front."""
        return self.server.address("md")

    def start(self) -> None:
        """Start; returns when clients may come. Raises what :meth:`Server.start` raises."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Stop, and wait for the end."""
        stop = self._stop
        if stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    def call(self, function: Callable[[], object]) -> object:
        """Run ``function`` on the server's loop and return its result."""
        done: Future[object] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            else:
                log.exception("the server failed")
        finally:
            self._loop.close()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        await self.server.start()
        self._started.set_result(None)
        await self._stop.wait()
        await self.server.stop()
