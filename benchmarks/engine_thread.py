"""The engine on the counter's own thread, or on the thread that makes the request.

Method: both variants run the same full path (``tdapi`` → counter → ``OnRtnTrade`` at a Python Spi) in one process,
each on a counter of its own whose market stands. *Own thread* is the counter as it is: ``Counter.submit`` queues the
request and the counter's thread runs the engine. *Requester* replaces ``submit`` of the running counter by a function
that takes a lock and runs the request right there; the callback thread is the same in both. (In a real design the
counter's thread would also take that lock for the market and its timers, and be woken for new ones; with the market
standing it sleeps, so this variant is shown at its best.)

The variants alternate in short blocks, so that drift of the machine hits both; the first block of each is discarded and
ratios are formed per pair of blocks. One at a time: a buy that opens and a sell that closes in turn, each sent when the
last one's ``OnRtnTrade`` arrived; times from before ``ReqOrderInsert`` to the first line of the callback, and to the
return of ``ReqOrderInsert``; p50 and p99 within a block. Tight loop: one sender, no pause; orders/s from the first
request to the last ``OnRtnTrade``, and the sender's own rate. Checked: number and price of all trades, the Balance
identity, fees, profit, and that nothing is left held or frozen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from benchmarks.desk import WAIT_S, CountingSpi, Desk, Facts
from benchmarks.figures import Figure, Plan, figure, percentile, require
from benchmarks.latency import Pacer

VARIANTS: Final = ("own thread", "requester")
BLOCKS_PER_RUN: Final = 5
ONE_BY_ONE: Final = 500
TIGHT: Final = 4_000

LATENCIES: Final = tuple(
    f"one at a time → {what}, {share}"
    for what in ("first OnRtnOrder", "OnRtnTrade", "return")
    for share in ("p50", "p99")
)
RATES: Final = ("tight loop → last OnRtnTrade", "tight loop, the sender alone")


def run_inline(desk: Desk) -> None:
    """Let the requesting thread run the engine, under a lock."""
    counter: Any = desk.control._counter
    lock = threading.Lock()

    def submit(job: Callable[[Any], None], argument: Any) -> bool:
        with lock:
            job(argument)
        return True

    counter.submit = submit


def latencies(pacer: Pacer) -> list[float]:
    """p50 and p99 of a block of orders, one at a time."""
    return [percentile(column, share) for column in pacer.send(ONE_BY_ONE) for share in (0.5, 0.99)]


def rates(desk: Desk, facts: Facts) -> list[float]:
    """Orders/s up to the last trade, and requests/s of the sender, of a block of orders in a tight loop."""
    spi = desk.spi
    assert isinstance(spi, CountingSpi)
    pair = desk.marketable(facts)
    spi.expect(spi.trades + TIGHT)
    begin = time.perf_counter()
    desk.flood(pair, TIGHT)
    sent = time.perf_counter()
    require(spi.done.wait(WAIT_S), f"{spi.trades} trades came")
    end = time.perf_counter()
    return [TIGHT / (end - begin), TIGHT / (sent - begin)]


def measure(plan: Plan) -> Iterator[Figure]:
    """Both variants, alternating, and for each pair of blocks the second divided by the first."""
    blocks = plan.runs * BLOCKS_PER_RUN
    with Pacer() as own, Pacer() as inline:
        run_inline(inline.desk)
        for pacer in (own, inline):
            pacer.send(ONE_BY_ONE)
        runs = Plan(blocks, plan.seconds).repeat(lambda: latencies(own) + latencies(inline))
    yield from _side_by_side(LATENCIES, "µs", runs)
    with Desk(CountingSpi()) as one, Desk(CountingSpi()) as two:
        facts = one.open_market()
        require(two.open_market() == facts, "the two counters stand at different quotes")
        run_inline(two)
        for desk in (one, two):
            rates(desk, facts)
        runs = Plan(blocks, plan.seconds).repeat(lambda: rates(one, facts) + rates(two, facts))
        for desk in (one, two):
            desk.check_books(facts, (len(runs) + 1) * TIGHT // 2)
            require(
                isinstance(desk.spi, CountingSpi) and desk.spi.trades == (len(runs) + 1) * TIGHT, "trades are missing"
            )
    yield from _side_by_side(RATES, "/s", runs)


def _side_by_side(labels: Sequence[str], unit: str, runs: Sequence[Sequence[float]]) -> Iterator[Figure]:
    for place, label in enumerate(labels):
        own = [run[place] for run in runs]
        inline = [run[place + len(labels)] for run in runs]
        yield figure(f"{VARIANTS[0]}: {label}", unit, own)
        yield figure(f"{VARIANTS[1]}: {label}", unit, inline)
        ratios = [second / first for first, second in zip(own, inline, strict=True)]
        yield figure(f"requester ÷ own thread: {label}", "×", ratios)
