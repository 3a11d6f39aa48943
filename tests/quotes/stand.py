"""A stand-in web server and a clock that the test drives: after a move everything that was due has happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ctp2.core.clock import put_in_place, take_away
from ctp2.quotes import client, hub
from ctp2.testing.clients import MdClient
from ctp2.testing.clocks import HandClock
from ctp2.testing.quotehost import QuoteHost

LIMIT_S = 30.0


class Stand:
    """One server, one clock, and the clients of a test."""

    def __init__(self, start: str, seed: int = 7) -> None:
        self.clock = HandClock(start)
        self.host = QuoteHost(seed, self.clock)
        self.clients: list[MdClient] = []

    def make(self, scheme: str = "sina", **options: object) -> MdClient:
        """A client that has yet to start."""
        made = MdClient(self.host.address(scheme, **options))
        self.clients.append(made)
        return made

    def client(self, scheme: str = "sina", *codes: str, **options: object) -> MdClient:
        """A client that is logged in, and has the first tick of each code."""
        made = self.make(scheme, **options).start()
        if codes:
            made.subscribe(*codes)
            self.settle()
            # Each market is a request of its own, and a host takes five in a second.
            for _ in range(4 * len(codes) + 10):
                if all(made.ticks(code) for code in codes):
                    break
                self.run(0.25, 0.25)
            for code in codes:
                made.wait_for(is_tick(code), 1.0)
        return made

    def settle(self, limit_s: float = LIMIT_S) -> None:
        """Until everything that is due has been asked, answered and given to the clients."""
        loop = client.join_loop()
        try:
            loop.run(_settled(limit_s), limit_s + 5)
        finally:
            client.leave_loop()
        deadline = time.monotonic() + limit_s
        for made in self.clients:
            dispatcher = made.api._dispatcher
            while dispatcher.queued != dispatcher.done and time.monotonic() < deadline:
                dispatcher.stopping.wait(0.002)

    def run(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time pass, as the pollers see it."""
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            self.settle()

    def requests(self, source: str = "") -> int:
        """Requests so far, of one source or of all."""
        return len(self.host.requests(source))

    def asked(self, first: int = 0, source: str = "") -> list[str]:
        """The keys of all requests from the first on."""
        return [key for seen in self.host.requests(source)[first:] for key in seen.keys]


async def _settled(limit_s: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while loop.time() < deadline:
        if all(poller.is_idle for poller, _ in hub._pollers.values()):
            # Ticks of the last reply are handed over behind it.
            await asyncio.sleep(0)
            return
        await asyncio.sleep(0.001)
    raise TimeoutError("the pollers did not come to rest")


@contextmanager
def stand(start: str = "2026-09-28 10:00:00", seed: int = 7) -> Iterator[Stand]:
    """A server of a seeded day, and a clock that stands at a moment of Beijing time."""
    made = Stand(start, seed)
    put_in_place(made.clock)
    try:
        with made.host:
            try:
                yield made
            finally:
                for opened in made.clients:
                    opened.close()
    finally:
        take_away(made.clock)


def is_tick(code: str, **values: Any) -> Any:
    """Whether a call is a tick of a code, with these values."""

    def fits(call: Any) -> bool:
        return (
            call.name == "OnRtnDepthMarketData"
            and call.field.InstrumentID == code
            and all(getattr(call.field, name) == value for name, value in values.items())
        )

    return fits
