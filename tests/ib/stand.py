"""A stand-in TWS and the clients of ``ib://`` that a test lets loose on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ctp2.testing.clients import MdClient, TraderClient
from ctp2.testing.tws import Script, StandIn
from tests.ib.library import needed

needed()

ACCOUNT = "DU1000001"
LIMIT_S = 30.0


class Stand:
    """A stand-in, and how to reach it."""

    def __init__(self, tws: StandIn) -> None:
        self.tws = tws
        self.clients: list[Any] = []

    def address(self, *options: str) -> str:
        """``ib://`` of the stand-in."""
        query = "&".join(options)
        return f"ib://127.0.0.1:{self.tws.port}" + (f"?{query}" if query else "")

    def trader(self, *options: str, user: str = ACCOUNT, flow: str = "", resume: int | None = None) -> TraderClient:
        """A trader, not connected yet."""
        client = TraderClient(self.address(*options), user, flow=flow, resume=resume)
        self.clients.append(client)
        return client

    def md(self, *options: str) -> MdClient:
        """A client of market data, not connected yet."""
        client = MdClient(self.address(*options))
        self.clients.append(client)
        return client

    def tell(self, code: int, text: str = "") -> None:
        """TWS says something of the connection to everybody."""
        self.tws.call(self.tws.world.broadcast, code, text)

    def on_clients(self, change: Callable[[Any], object]) -> None:
        """Do something with every connection, on the stand-in's loop."""

        def run() -> None:
            for session in list(self.tws.world.sessions):
                change(session)

        self.tws.call(run)

    def cut(self) -> None:
        """Break all connections."""
        self.on_clients(lambda session: session.cut())

    def seen(self, name: int) -> list[tuple[str, ...]]:
        """The messages of a type that clients sent."""
        return [
            frame.fields for frame in self.tws.world.frames if frame.is_from_client and frame.fields[0] == str(name)
        ]


@contextmanager
def stand(script: Script | None = None, **more: Any) -> Iterator[Stand]:
    """A stand-in (``more`` goes to :class:`StandIn`), and the end of every client that was made with it."""
    with StandIn(script=script, **more) as tws:
        made = Stand(tws)
        try:
            yield made
        finally:
            for client in made.clients:
                client.close()
