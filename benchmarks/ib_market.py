"""What a tick of Interactive Brokers costs from its records to the client's ``OnRtnDepthMarketData``.

Method: a hundred subscribed shares on the market data part of ``ctp2.ib``, without a connection; packets of one share
each that move bid and ask (four records and the packet's end), the record that the client gets is built as well. CPU
time of one thread. Checked: one snapshot per packet, each share's last one with the prices that were sent.
"""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, Final

from benchmarks.figures import Figure, Plan, figure, require
from ctp2.core.address import parse as parse_address
from ctp2.core.backend import Event, Request
from ctp2.ctp.methods import MD
from ctp2.ib.config import parse
from ctp2.ib.market import Market, subscribe
from ctp2.ib.records import Contract, Details, PacketEnd, Record, TickPrice, TickSize
from ctp2.ib.resolved import Resolved

SHARES: Final = 100
PACKETS: Final = 10_000
NAME: Final = "IB ticks: a packet's records to a snapshot"
_DAYS: Final = range(20251123, 20251129)


def measure(plan: Plan) -> Figure:
    """Microseconds per packet."""
    return figure(NAME, "µs", [found[0] for found in plan.repeat(lambda: [asyncio.run(_run())])])


def _share(number: int) -> Resolved:
    contract = Contract(
        number, f"S{number}", "STK", exchange="SMART", primary_exchange="NASDAQ", currency="USD", local_symbol="S"
    )
    hours = ";".join(f"{day}:0400-{day}:2000" for day in _DAYS)
    return Resolved(contract, Details(contract, time_zone_id="US/Eastern", trading_hours=hours), f"S{number}-USD-STK")


class _Link:
    server_version = 176
    is_up = True

    def __init__(self) -> None:
        self.asked = 0

    def market_data(self, contract: Contract, generic: str, snapshot: bool) -> int:
        self.asked += 1
        return contract.con_id

    def is_unsent(self, req_id: int) -> bool:
        return False


async def _subscribed() -> tuple[Market, Any, list[Event]]:
    loop = asyncio.get_running_loop()
    shares = {f"S{number}": _share(number) for number in range(1, SHARES + 1)}

    async def resolve(link: Any, text: str) -> Resolved:
        return shares[text]

    timers = SimpleNamespace(
        now_ns=lambda: 1_764_000_000_000_000_000,
        monotonic=time.monotonic,
        later=lambda s, call: loop.call_later(s, call),
    )
    backend: Any = SimpleNamespace(
        config=parse(parse_address("ib://127.0.0.1:7497")),
        timers=timers,
        directory=SimpleNamespace(resolve=resolve),
        sessions=lambda kind: [],
    )
    market = backend.market = Market(backend)
    link: Any = _Link()
    got: list[Event] = []
    machine = SimpleNamespace(is_logged_in=True, is_connected=True, connection=1)
    session: Any = _Session(backend=backend, link=link, machine=machine, put=got.extend)
    work = asyncio.ensure_future(subscribe(session, Request(MD["SubscribeMarketData"], tuple(shares), 1)))
    while link.asked < SHARES:
        await asyncio.sleep(0)
    for number in range(1, SHARES + 1):
        market.on_record(link, TickPrice(number, 1, 100.0, 1.0))
    await work
    market.on_record(link, PacketEnd())
    return market, link, got


class _Session:
    """A client of the market data part, with what it asks of one. A key of dictionaries, unlike ``SimpleNamespace``."""

    def __init__(self, **members: Any) -> None:
        vars(self).update(members)


def _packet(number: int) -> tuple[Record, ...]:
    share, step = number % SHARES + 1, number // SHARES
    bid, size = 100.0 + step * 0.01, 5.0 + step
    return (
        TickPrice(share, 1, bid, size),
        TickSize(share, 0, size),
        TickPrice(share, 2, bid + 0.01, size),
        TickSize(share, 3, size),
        PacketEnd(),
    )


async def _run() -> float:
    market, link, got = await _subscribed()
    packets = [_packet(number) for number in range(PACKETS)]
    got.clear()
    begin = time.thread_time()
    for packet in packets:
        for record in packet:
            market.on_record(link, record)
    fields = [event.struct() for event in got]
    seconds = time.thread_time() - begin
    require(len(fields) == PACKETS, f"{len(fields)} snapshots of {PACKETS} packets")
    last = 100.0 + (PACKETS // SHARES - 1) * 0.01
    for number, field in enumerate(fields[-SHARES:], 1):
        found = (field.InstrumentID, field.BidPrice1, field.AskVolume1)
        require(found == (f"S{number}", last, PACKETS // SHARES + 4), f"the last snapshot of a share is {found}")
    return seconds / PACKETS * 1e6
