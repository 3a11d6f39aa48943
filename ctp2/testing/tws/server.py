"""The stand-in as a server: a thread with its own loop on loopback, many in one process.

    with StandIn() as tws:
        ib.connect("127.0.0.1", tws.port, clientId=1)

What tests change while it runs goes through :meth:`StandIn.call`, which runs a function on the loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Self, TypeVar

from ctp2.testing.tws.client_session import ClientSession, Handler
from ctp2.testing.tws.clock import VirtualClock
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.control import Control
from ctp2.testing.tws.control_port import ControlPort
from ctp2.testing.tws.parts import build
from ctp2.testing.tws.world import Script, World

_WAIT_S: Final = 30.0
_LOOPBACK: Final = "127.0.0.1"

T = TypeVar("T")


class StandIn:
    """A TWS on loopback. ``port`` 0 takes a free one; :attr:`port` tells which.

    ``control_port``: the port of :mod:`ctp2.testing.tws.control_port`, 0 a free one; None: none.
    """

    def __init__(
        self,
        port: int = 0,
        script: Script | None = None,
        clock: VirtualClock | None = None,
        listed: Sequence[Listed] | None = None,
        control_port: int | None = None,
    ) -> None:
        self.port = port
        self.world = World(script, clock, listed)
        self.handlers: dict[str, Handler] = {}
        self.control = Control(self)
        """What a test does to it while it runs."""
        self._control_port = None if control_port is None else ControlPort(self, control_port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="stand-in-tws", daemon=True)
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._server: asyncio.Server | None = None
        self._stop: asyncio.Event | None = None

    # ------------------------------------------------------------------ for tests
    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Run ``function(*arguments)`` on the stand-in's loop and wait for its result; exceptions come back."""
        if threading.current_thread() is self._thread:
            return function(*arguments)
        result: concurrent.futures.Future[T] = concurrent.futures.Future()

        def run() -> None:
            try:
                result.set_result(function(*arguments))
            except Exception as failed:  # handed to the caller
                result.set_exception(failed)

        self._running.call_soon_threadsafe(run)
        return result.result(_WAIT_S)

    # ------------------------------------------------------------------ life
    def start(self) -> Self:
        """Listen.

        Raises:
            OSError: the port cannot be had.
        """
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self._ready.result(_WAIT_S)
        return self

    def stop(self) -> None:
        """Cut all clients and end."""
        if self._loop is None:
            return
        if self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_WAIT_S)

    def __enter__(self) -> Self:
        """Listen."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Cut all clients and end."""
        self.stop()

    def stop_listening(self) -> None:
        """On the loop: refuse new connections; those that are open stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def relisten(self) -> None:
        """From another thread: accept connections again, at the same port."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._running).result(_WAIT_S)

    @property
    def control_port(self) -> int:
        """Where lines of control are taken; 0: nowhere."""
        return 0 if self._control_port is None else self._control_port.port

    @property
    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the stand-in TWS was not started; call start(), or use it in a with statement")
        return self._loop

    def _run(self) -> None:
        loop = self._running
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve())
        finally:
            loop.close()

    async def _listen(self) -> None:
        if self._server is not None:
            return
        make = partial(ClientSession, self.world, self.handlers)
        self._server = await self._running.create_server(make, _LOOPBACK, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        try:
            self.handlers = build(self.world)
            await self._listen()
            if self._control_port is not None:
                await self._control_port.start()
        except Exception as failed:  # handed to ``start``
            self.stop_listening()
            self._ready.set_exception(failed)
            return
        self.world.timers.start(self._running)
        self._ready.set_result(None)
        await self._stop.wait()
        self.world.timers.stop()
        self.stop_listening()
        if self._control_port is not None:
            self._control_port.stop()
        for session in list(self.world.sessions):
            session.cut()
        await asyncio.sleep(0)
