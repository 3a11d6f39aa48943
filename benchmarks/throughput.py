"""Marketable orders per second, end to end in one process.

Method: one trader on a counter of its own whose market stands (:mod:`benchmarks.desk`). The main thread sends buys that
open and sells that close, in turn, in a tight loop; the figure is orders/s from before the first ``ReqOrderInsert`` to
the last ``OnRtnTrade`` at a Spi that overrides ``OnRtnOrder`` and ``OnRtnTrade`` and reads fields of each record.
Nothing is switched off: checks, money, margin, positions, complete records, the interpreter's collector at its
defaults. Each run is a fresh counter, 1,000 orders of warm-up, then 10,000. The collector's share is timed through
``gc.callbacks``.
Checked: number and turnover of all trades, the Balance identity, fees, profit, nothing left held or frozen.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.desk import WAIT_S, CountingSpi, Desk, Facts
from benchmarks.figures import Figure, Plan, figure, require

WARM_UP: Final = 1_000
ORDERS: Final = 10_000


class Collector:
    """Times the passes of the garbage collector while it is used as a context manager."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.longest = 0.0
        self._begin = 0.0

    def __enter__(self) -> Collector:
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _: dict[str, Any]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._begin = now
        else:
            self.seconds += now - self._begin
            self.longest = max(self.longest, now - self._begin)


def block(desk: Desk, spi: CountingSpi, facts: Facts, number: int) -> float:
    """Send ``number`` marketable orders in a tight loop; seconds until the last trade."""
    pair = desk.marketable(facts)
    spi.expect(spi.trades + number)
    begin = time.perf_counter()
    desk.flood(pair, number)
    require(spi.done.wait(WAIT_S), f"{spi.trades} of {spi.target} trades came")
    return time.perf_counter() - begin


def check(desk: Desk, spi: CountingSpi, facts: Facts) -> None:
    """Every order traded at the quote, and the books say so."""
    pairs = desk.order_ref // 2
    require(spi.trades == 2 * pairs, f"{spi.trades} trades of {2 * pairs} orders")
    bought, sold = pairs * facts.ask, pairs * facts.bid
    require(abs(spi.bought - bought) < 1e-6 * bought and abs(spi.sold - sold) < 1e-6 * sold, "wrong prices")
    desk.check_books(facts, pairs)


def one_run() -> list[float]:
    """Orders/s, the collector's share in per cent, and its longest pass in ms."""
    spi = CountingSpi()
    with Desk(spi) as desk:
        facts = desk.open_market()
        block(desk, spi, facts, WARM_UP)
        with Collector() as collector:
            seconds = block(desk, spi, facts, ORDERS)
        check(desk, spi, facts)
    return [ORDERS / seconds, collector.seconds / seconds * 100, collector.longest * 1e3]


def measure(plan: Plan) -> Iterator[Figure]:
    """Orders/s."""
    runs = plan.repeat(one_run)
    note = "in memory; with a log: durability.py"
    yield figure(
        "marketable orders, tight loop → last OnRtnTrade", "/s", (r[0] for r in runs), "40,000", "100,000", note
    )
    yield figure("share of the garbage collector in that", "%", (r[1] for r in runs))
    yield figure("its longest pass", "ms", (r[2] for r in runs))
