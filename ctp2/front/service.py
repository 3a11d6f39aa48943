"""``ctp2 serve``: several backends with their fronts and one web port in one process, from start to end.

SIGTERM and SIGINT end it; SIGHUP reads the settings again (:meth:`Service.reload` says which count
without a restart).
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from itertools import count
from logging import ERROR, INFO, WARNING
from typing import TYPE_CHECKING, Final

from ctp2 import registry
from ctp2.core import address as addresses
from ctp2.core.clock import Clock
from ctp2.core.errors import MissingExtra
from ctp2.front import logs
from ctp2.front.logs import say
from ctp2.front.server import Config, Server, new_loop
from ctp2.settings import Serve, SettingsError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from ctp2.front.web import Web

RELOADED: Final = frozenset(("log", "log_format", "limits", "tls_cert", "tls_key"))
"""Settings that SIGHUP changes. Of the certificate the files are read again; other names of files need a restart."""


def configs_of(settings: Serve) -> list[Config]:
    """What each environment's server needs to know."""
    return [
        Config(
            one.backend,
            settings.host,
            one.trade_port,
            one.md_port,
            settings.tls_cert,
            settings.tls_key,
            settings.limits,
            one.name,
        )
        for one in settings.served
    ]


class Service:
    """The servers and the web port of one process. All methods run on one event loop."""

    def __init__(
        self,
        settings: Serve,
        again: Callable[[], Serve] | None = None,
        routes: Sequence[BaseRoute] = (),
        written: logs.Written | None = None,
        clock: Clock | None = None,
    ) -> None:
        """``again`` reads the settings once more; ``routes`` are pages for the web port beside its own.

        ``written`` is how log lines are written.
        """
        self.settings = settings
        self._written = written
        self._again = again
        self._routes = routes
        numbers = count(1).__next__
        self.servers = [Server(config, clock, numbers) for config in configs_of(settings)]
        self.web: Web | None = None
        self.is_stopping = False

    async def start(self) -> None:
        """Open everything, or nothing. Raises what :meth:`Server.start` raises.

        Raises:
            SettingsError: two environments with one backend.
            MissingExtra: a web port is asked for and the packages for it are not installed.
        """
        self._check_backends()
        try:
            for server in self.servers:
                await server.start()
            await self._start_web()
        except BaseException:
            await self.stop()
            raise

    def _check_backends(self) -> None:
        seen: dict[object, str] = {}
        for server in self.servers:
            address = addresses.parse(server.config.backend)
            identity = registry.identity(address)
            if identity in seen:
                raise SettingsError(
                    f"environments {seen[identity]} and {server.config.name} have one backend: with tts:// give ?id="
                )
            seen[identity] = server.config.name

    async def _start_web(self) -> None:
        """A port that nobody asked for is not worth failing for."""
        settings = self.settings
        if settings.web_port is None:
            return
        is_wanted = "web_port" in settings.model_fields_set
        try:
            from ctp2.front.web import Web
        except ModuleNotFoundError as error:
            if not is_wanted:
                say(INFO, "no-web", why=f"{error.name} is not installed: pip install 'ctp2[server]'")
                return
            raise MissingExtra(
                f"the web port needs the package {error.name}, which is not installed: pip install 'ctp2[server]'"
            ) from error
        web = Web(self, self._routes)
        try:
            await web.start()
        except OSError as error:
            if is_wanted:
                raise
            say(WARNING, "no-web", port=settings.web_port, why=error)
            return
        self.web = web

    def reload(self) -> None:
        """Read the settings again; log level and form, limits (for new links) and certificates count from now on.

        Settings that cannot be read change nothing; those that need a restart are named.
        """
        try:
            settings = self._again() if self._again is not None else self.settings
        except (ValueError, OSError) as error:
            say(ERROR, "not-reloaded", why=error)
            return
        before = self.settings
        for name in sorted(Serve.model_fields):
            is_new = getattr(settings, name) != getattr(before, name)
            if is_new and (name not in RELOADED or name.startswith("tls_")):
                say(WARNING, "needs-restart", setting=name)
        if self._written is not None:
            self._written.change(settings.log, settings.log_format)
        for server in self.servers:
            server.reload(settings.limits)
        if self.web is not None:
            self.web.reload()
        self.settings = before.model_copy(
            update={name: getattr(settings, name) for name in ("log", "log_format", "limits")}
        )
        say(INFO, "reloaded")

    async def stop(self) -> None:
        """Tell the clients, end all, close the backends. Harmless when repeated."""
        self.is_stopping = True
        web, self.web = self.web, None
        ends = [server.stop() for server in self.servers]
        results = await asyncio.gather(*ends, *([web.stop()] if web is not None else []), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


def run(
    settings: Serve,
    ready: Callable[[Service], None],
    again: Callable[[], Serve] | None = None,
    routes: Sequence[BaseRoute] = (),
) -> None:
    """Serve until SIGTERM or SIGINT, then end in order. Raises what :meth:`Service.start` raises.

    ``ready`` is told when clients may come.
    """
    with logs.Written(settings.log, settings.log_format) as written, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(Service(settings, again, routes, written), ready))


async def _serve(service: Service, ready: Callable[[Service], None]) -> None:
    stop = asyncio.Event()
    for name in ("SIGTERM", "SIGINT"):
        on_signal(name, stop.set)
    on_signal("SIGHUP", service.reload)
    await service.start()
    # What is there now stays for good: 40,000 objects that a full pass of the collector need not look at again, which
    # would hold up everybody for 20 ms. This is our own process; a library leaves the collector alone.
    gc.collect()
    gc.freeze()
    ready(service)
    await stop.wait()
    say(INFO, "stopping")
    await service.stop()


def on_signal(name: str, call: Callable[[], None]) -> None:
    """Have the running loop call when the signal ``name`` comes; nothing where there is no such signal."""
    number = getattr(signal, name, None)
    if number is None:
        return
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, call)
    except NotImplementedError:
        # Windows: a handler of Python's wakes the loop.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(call))
