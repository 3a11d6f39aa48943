"""What Interactive Brokers' messages cost, from the bytes of TWS on.

Method: the connection of ``ctp2.ib`` with its client library, fed with frames of the stand-in TWS where the socket
would bring them (server version 176). *Ticks*: packets of one instrument that move bid and ask, every other one with a
trade: four and nine messages. *Order events*: all eight messages of an order that rests and is filled. *Ledger*:
executions and positions as records, into what positions and offsets are worked out from. CPU time of one thread.
Checked: so many records of each kind, the last with the figures that were sent; the net position is that of the fills.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Final

from benchmarks import ib_market
from benchmarks.figures import Figure, Plan, Result, figure, require
from ctp2.core.errors import MissingExtra
from ctp2.ib import records
from ctp2.ib.client import check_library
from ctp2.ib.positions import Ledger

PACKETS: Final = 10_000
ORDERS: Final = 1_000
FILLS: Final = 5_000
REQ_ID: Final = 5
MICRO: Final = 1e6


class Heard:
    """Counts what a connection tells, and keeps the last of each kind."""

    def __init__(self) -> None:
        self.counts: Counter[type] = Counter()
        self.last: dict[type, Any] = {}

    def tell(self, record: records.Record) -> None:
        """A record."""
        kind = type(record)
        self.counts[kind] += 1
        self.last[kind] = record


def measure(plan: Plan) -> Iterator[Result]:
    """Microseconds of CPU time."""
    try:
        check_library()
    except MissingExtra as error:
        yield f"left out: {error}"
        return
    yield from _wire(plan)
    yield ib_market.measure(plan)
    yield _ledger(plan)


def _wire(plan: Plan) -> Iterator[Figure]:
    from benchmarks import ib_kit as kit

    packets = [kit.quote(REQ_ID, number) for number in range(PACKETS)]
    listed = kit.stock()
    lives = [kit.life(listed, number, f"Q1:1:abc:{number}:01") for number in range(1, ORDERS + 1)]
    heard = Heard()
    wire = kit.Wire(heard.tell)
    try:
        wire.feed(kit.began(REQ_ID))
        heard.counts.clear()
        ticks = plan.repeat(lambda: [_seconds(wire.feed, packets) / PACKETS * MICRO])
        _check_ticks(heard, len(ticks))
        heard.counts.clear()
        events = plan.repeat(lambda: [_seconds(wire.feed, lives) / ORDERS / kit.LIFE * MICRO])
        _check_orders(heard, len(events))
    finally:
        wire.close()
    yield figure("IB ticks: a packet's bytes to records", "µs", [run[0] for run in ticks])
    yield figure("IB orders: a message's bytes to a record", "µs", [run[0] for run in events])


def _seconds(feed: Callable[[bytes], None], packets: Sequence[bytes]) -> float:
    begin = time.thread_time()
    for packet in packets:
        feed(packet)
    return time.thread_time() - begin


def _check_ticks(heard: Heard, runs: int) -> None:
    wanted = {records.TickPrice: PACKETS * 5 // 2, records.TickSize: PACKETS * 3, records.TickString: PACKETS}
    found = {kind: heard.counts[kind] // runs for kind in wanted}
    require(found == wanted, f"{found} records of a run, not {wanted}")
    price = heard.last[records.TickPrice]
    # The last packet moves bid and ask by 99 cents and has a trade at the ask.
    require((price.type, round(price.price, 9)) == (4, 200.0), f"the last price is {price}")


def _check_orders(heard: Heard, runs: int) -> None:
    wanted = {records.OpenOrder: 3, records.OrderStatus: 3, records.Execution: 1, records.Commission: 1}
    found = {kind: heard.counts[kind] / runs / ORDERS for kind in wanted}
    require(found == wanted, f"{found} records of an order, not {wanted}")
    done = heard.last[records.Execution]
    require((done.shares, done.price, done.order_id) == (100.0, 200.0, ORDERS), f"the last execution is {done}")


# ------------------------------------------------------------------ positions
def _ledger(plan: Plan) -> Figure:
    link: Any = SimpleNamespace(role="trader", client_id=1, accounts=("DU1000001",))
    contract = records.Contract(con_id=265598, symbol="AAPL", sec_type="STK", currency="USD", local_symbol="AAPL")
    fills = [_fill(contract, number) for number in range(FILLS)]

    def run() -> Sequence[float]:
        timers = SimpleNamespace(now_ns=time.time_ns, monotonic=time.monotonic)
        backend: Any = SimpleNamespace(timers=timers, trading_day="20251124")
        ledger = Ledger(backend)
        ledger.on_record(link, records.PositionRow("DU1000001", contract, 0.0, 0.0))
        net = 0.0
        begin = time.thread_time()
        for execution in fills:
            ledger.on_record(link, execution)
            ledger.parts(execution)
            net += execution.shares if execution.side == "BOT" else -execution.shares
            ledger.on_record(link, records.PositionRow("DU1000001", contract, net, 200.0))
        seconds = time.thread_time() - begin
        require(float(ledger.net("DU1000001", 265598)) == net != 0, "the net position is not that of the fills")
        return [seconds / FILLS * MICRO]

    return figure("IB fills into positions and offsets", "µs", [found[0] for found in plan.repeat(run)])


def _fill(contract: records.Contract, number: int) -> records.Execution:
    side = "SLD" if number % 3 == 2 else "BOT"
    exec_id = f"0001f4e8.{number:08x}.01.01"
    moment = (1_764_000_000 + number) * 1_000_000_000
    return records.Execution(
        -1, contract, exec_id, moment, "DU1000001", "ISLAND", side, 100.0, 200.0, number, 1, number
    )
