"""The web port: ``/metrics`` for Prometheus, ``/healthz`` for whoever restarts what is ill, and pages of others.

The application runs in uvicorn on the servers' event loop, so what it reads needs no lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator, Sequence
from logging import ERROR, INFO
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ctp2 import __version__
from ctp2.front.logs import say
from ctp2.front.metrics import CONTENT_TYPE, registry_of, shown
from ctp2.front.server import listener, place_of, tls_context

if TYPE_CHECKING:
    import ssl

    from ctp2.front.service import Service

_GRACE: Final = 2
"""Seconds that a request may go on after the stop."""


def application(service: Service, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The web application of a service; ``routes`` come behind its own."""
    registry = registry_of(service.servers)

    async def metrics(_: Request) -> Response:
        return Response(shown(registry), media_type=CONTENT_TYPE)

    async def healthz(_: Request) -> Response:
        told = health(service)
        return JSONResponse(told, 200 if told["status"] == "ok" else 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz), *routes])


def health(service: Service) -> dict[str, Any]:
    """Whether everything serves: ``ok``, ``failed`` (an environment says why) or ``stopping``."""
    environments = [
        {
            "name": server.label,
            "trading_day": server.trading_day,
            "fault": server.fault,
            "links": {kind: len(hub.connections) for kind, hub in server.hubs.items()},
        }
        for server in service.servers
    ]
    has_failed = any(server.fault for server in service.servers)
    status = "stopping" if service.is_stopping else "failed" if has_failed else "ok"
    return {"status": status, "version": __version__, "environments": environments}


class Web:
    """The web port of a service."""

    def __init__(self, service: Service, routes: Sequence[BaseRoute] = ()) -> None:
        self._settings = service.settings
        self._application = application(service, routes)
        self._tls: ssl.SSLContext | None = None
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.address = ""

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when the port is taken or the certificate cannot be read."""
        settings = self._settings
        assert settings.web_port is not None
        tls = self._tls = tls_context(settings.tls_cert, settings.tls_key) if settings.tls_cert else None
        host = settings.web_host or settings.host
        bound = listener(host, settings.web_port)
        # It shall follow the house's log lines, not make its own.
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        config = uvicorn.Config(
            self._application,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        config.load()
        config.ssl = tls
        self._server = server = _Server(config)
        self._task = task = asyncio.create_task(server.serve([bound]))
        ready = asyncio.create_task(server.is_ready.wait())
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            ready.cancel()
            task.result()
        port = bound.getsockname()[1]
        self.address = f"{'https' if tls else 'http'}://{place_of(host)}:{port}"
        say(INFO, "listening", side="web", address=self.address)

    def reload(self) -> None:
        """Read the certificate again, for links that come from now on; a bad one changes nothing."""
        if self._tls is None:
            return
        try:
            tls_context(self._settings.tls_cert, self._settings.tls_key)
            self._tls.load_cert_chain(self._settings.tls_cert, self._settings.tls_key or None)
        except OSError as error:
            say(ERROR, "certificate", why=error)

    async def stop(self) -> None:
        """Let what is being answered end, and close."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task


class _Server(uvicorn.Server):
    """Signals are the service's business; and whoever starts it is told when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()
