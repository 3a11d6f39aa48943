"""The private server of a front address, from its first client to ten seconds after its last one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from logging import INFO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ctp2.front import logs
from ctp2.front.logs import say
from ctp2.front.private import HOST, Found, Seat, new_token
from ctp2.front.server import Config, Server, new_loop
from ctp2.front.service import on_signal

if TYPE_CHECKING:
    from typing import TextIO

    from ctp2.settings import Private

LOG_BYTES: Final = 1 << 20
"""A log that has grown beyond this begins anew with the next server."""
ANSWERS: Final = "start-*.txt"
"""Files of ``ctp2/shim/runtime/launch.cpp``."""
ANSWER_AGE: Final = 86_400.0
_LOOKS: Final = 0.5


def open_log(path: Path) -> TextIO:
    """The log of a private server, for adding to it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    file = os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8")
    if os.fstat(file.fileno()).st_size > LOG_BYTES:
        file.truncate(0)
    return file


def run(seat: Seat, address: str, path: Path, settings: Private, ready: Callable[[Found], None]) -> None:
    """Serve ``address`` until nobody needs it any more, or SIGTERM or SIGINT; its caller then leaves ``seat``.

    ``ready`` is told when clients may come. From then on nothing is written but to the log at ``path``: who started
    this process need not read what it says, and can end.

    Raises:
        ValueError: the address can never work.
        Ctp2Error: its backend cannot be opened now.
        OSError: there is no port.
    """
    config = Config(address, HOST, trade_port=0, md_port=0, token=new_token())

    def tell(server: Server) -> None:
        found = Found(os.getpid(), server.ports.get("trader", 0), server.ports.get("md", 0), config.token)
        seat.tell(found, address)
        ready(found)
        _write_only_to(log)
        _sweep(path)

    try:
        with (
            open_log(path) as log,
            logs.Written(settings.log, "text", log),
            asyncio.Runner(loop_factory=new_loop) as runner,
        ):
            runner.run(_serve(Server(config), seat, settings, tell))
    finally:
        # An address that could not be served leaves nothing. Windows keeps a file that is still open as our output.
        with suppress(PermissionError):
            if not path.stat().st_size:
                path.unlink()


def _sweep(log: Path) -> None:
    """Remove the answers that native programs asked for and did not live to read; each removes its own otherwise."""
    for path in log.parent.glob(ANSWERS):
        with suppress(FileNotFoundError, PermissionError):  # its program lives after all
            if log.stat().st_mtime - path.stat().st_mtime > ANSWER_AGE:
                path.unlink()


def _write_only_to(log: TextIO) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log.fileno(), stream.fileno())


async def _serve(server: Server, seat: Seat, settings: Private, tell: Callable[[Server], None]) -> None:
    stop = asyncio.Event()
    for name in ("SIGTERM", "SIGINT"):
        on_signal(name, stop.set)
    await server.start()
    tell(server)
    watch = asyncio.create_task(_until_idle(server, settings, stop))
    await stop.wait()
    watch.cancel()
    # Whoever looks for this server from now on waits for its end and starts the next one.
    seat.retire()
    say(INFO, "stopping")
    await server.stop()


async def _until_idle(server: Server, settings: Private, stop: asyncio.Event) -> None:
    """Set ``stop`` when no link has been there for long enough. A ping is one: its sender is about to come."""
    hubs = list(server.hubs.values())
    now = asyncio.get_running_loop().time
    since, seen, limit = now(), 0, settings.first
    while now() - since < limit:
        await asyncio.sleep(min(_LOOKS, limit / 8))
        links = sum(hub.stats.links for hub in hubs)
        if links > seen or any(hub.connections for hub in hubs):
            since, seen, limit = now(), links, settings.linger
    say(INFO, "idle", seconds=limit)
    stop.set()
