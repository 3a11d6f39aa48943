"""A counter that follows the real sessions, under a clock that a test moves, with a recorded day as its live quotes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ctp2.core.address import parse
from ctp2.testing.clocks import HandClock, instant_ns, use
from ctp2.tts import counter
from ctp2.tts.backend import running
from tests.tts.programs import Trader, Watcher

HEADER = (
    "TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,"
    "UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay\n"
)
_numbers = itertools.count(1)


def row(code: str, exchange: str, trading: str, action: str, time: str, price: int = 3000) -> str:
    """A snapshot: bid one below, ask one above ``price``, ten lots each; limits 2700 and 3300."""
    prices = f"{price},3000,3000,3300,2700"
    return f"{trading},{code},{exchange},{prices},{time},0,{price - 1},10,{price + 1},10,{action}\n"


class Source:
    """A recorded day that shows its snapshots when a test says so."""

    def __init__(self, folder: Path, rows: str) -> None:
        number = next(_numbers)
        path = folder / f"source{number}.csv"
        path.write_text(HEADER + rows, encoding="utf-8")
        self.address = f"tts://replay?id=source{number}&data={path}&speed=0.001"

    @property
    def option(self) -> str:
        """The address as a value of ``quotes=``."""
        return quote(self.address, safe="")

    def show(self, moment: str) -> None:
        """Play up to a moment of Beijing time, its snapshots included."""
        backend = running(parse(self.address))
        assert backend is not None
        at_ns = instant_ns(moment)
        feed = backend.world.feed
        while feed.next_offset is not None and feed.base_ns + feed.next_offset <= at_ns:
            counter(self.address).step()


class Sim:
    """The counter, its clock, its source, and the clients that have come."""

    def __init__(self, address: str, clock: HandClock, source: Source | None) -> None:
        self.address = address
        self.clock = clock
        self.source = source
        self.clients: list[Any] = []

    def trader(self, user: str = "alice", resume: int | None = None) -> Trader:
        """A trader, logged in and confirmed."""
        trader = Trader(self.address, user, resume=resume)
        self.clients.append(trader)
        trader.start()
        if self.source is not None:
            counter(self.source.address).pause()
        return trader

    def watcher(self, *codes: str) -> Watcher:
        """A market data client that has subscribed; what the counter uses is subscribed at the source by then."""
        watcher = Watcher(self.address)
        self.clients.append(watcher)
        watcher.login()
        if codes:
            watcher.subscribe(*codes)
            self.settle()
        return watcher

    def show(self, moment: str) -> None:
        """The source shows what it has up to a moment; the counter has taken it when this returns."""
        assert self.source is not None
        self.source.show(moment)
        self.settle()

    def settle(self) -> None:
        """Until counter and source have nothing to do for each other."""
        here = running(parse(self.address))
        assert here is not None
        there = running(parse(self.source.address)) if self.source is not None else None
        for _ in range(2):
            here.counter.call(lambda: None)
            if there is not None:
                there.counter.call(lambda: None)
        here.counter.call(lambda: None)


@contextmanager
def session_counter(
    folder: Path,
    start: str,
    rows: str = "",
    options: str = "",
    environment: str = "sim",
    quotes: str = "",
    markets: str = "futures",
) -> Iterator[Sim]:
    """A counter of its own at a moment of Beijing time; with ``rows`` it trades against them.

    ``markets``: what it lists, empty for what its environment lists.
    """
    source = Source(folder, rows) if rows else None
    asked = source.option if source is not None else quotes
    with use(HandClock(start)) as clock:
        listed = f"&markets={markets}" if markets else ""
        address = f"tts://{environment}?id=s{next(_numbers)}&fills=full&quotes={asked}{listed}{options}"
        sim = Sim(address, clock, source)
        try:
            yield sim
        finally:
            for client in sim.clients:
                client.api.Release()
