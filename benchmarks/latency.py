"""In process, one order at a time: from ``ReqOrderInsert`` to its returns.

Method: one trader on a counter whose market stands (:mod:`benchmarks.desk`). A buy that opens and a sell that closes in
turn, each sent when the last one's ``OnRtnTrade`` has arrived. Times are from before ``ReqOrderInsert`` (called with a
filled struct) to the first line of the callback, which is on another thread: each includes at least one hand-off to the
counter's thread and one to the callback thread. 500 orders of warm-up are discarded. p50 and p99 of each run; the
figure is their median over the runs. Checked: each order has its reports before its trade, prices, fees and profit are
those of the quote, the Balance identity, nothing left held or frozen.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.desk import WAIT_S, Desk, DeskSpi
from benchmarks.figures import Figure, Plan, figure, percentile, require
from ctp2 import tdapi

ORDERS: Final = 3_000
WARM_UP: Final = 500


class StampingSpi(DeskSpi):
    """Notes when an order's first report and its trade come."""

    def __init__(self) -> None:
        super().__init__()
        self.first = 0
        self.traded = 0
        self.reference = ""
        self.price = 0.0
        self.arrived = threading.Semaphore(0)

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        if not self.first:
            self.first = time.perf_counter_ns()

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        self.traded = time.perf_counter_ns()
        self.reference = pTrade.OrderRef
        self.price = pTrade.Price
        self.arrived.release()


class Pacer:
    """Sends one order at a time at a desk. Use as a context manager; leaving it checks the books."""

    def __init__(self, options: str = "", *, front: str = "") -> None:
        """``front``: the address of a front whose market stands already."""
        self.spi = StampingSpi()
        self.desk = Desk(self.spi, options=options, front=front)
        self._is_remote = bool(front)
        self.orders: Iterator[Any] = iter(())

    def __enter__(self) -> Pacer:
        self.desk.__enter__()
        self.facts = self.desk.facts() if self._is_remote else self.desk.open_market()
        self.orders = itertools.cycle(self.desk.marketable(self.facts))
        return self

    def __exit__(self, error: object, *_: object) -> None:
        try:
            if error is None:
                self.desk.check_books(self.facts, self.desk.order_ref // 2)
        finally:
            self.desk.__exit__()

    def send(self, count: int) -> tuple[list[float], list[float], list[float]]:
        """µs to the first OnRtnOrder, to OnRtnTrade and to the return of the request, of each of ``count`` orders."""
        desk, spi, clock = self.desk, self.spi, time.perf_counter_ns
        insert = desk.api.ReqOrderInsert
        firsts, trades, returns = [], [], []
        for order in itertools.islice(self.orders, count):
            desk.order_ref += 1
            order.OrderRef = reference = str(desk.order_ref)
            spi.first = 0
            begin = clock()
            code = insert(order, desk.order_ref)
            returned = clock()
            require(code == 0, f"ReqOrderInsert returned {code}")
            require(spi.arrived.acquire(timeout=WAIT_S), f"order {reference} did not trade")
            require(spi.reference == reference, f"trade of {spi.reference} instead of {reference}")
            require(begin < spi.first < spi.traded, "the trade came before the order's report")
            expected = self.facts.ask if order.Direction == tdapi.THOST_FTDC_D_Buy else self.facts.bid
            require(spi.price == expected, f"traded at {spi.price}, not {expected}")
            firsts.append((spi.first - begin) / 1e3)
            trades.append((spi.traded - begin) / 1e3)
            returns.append((returned - begin) / 1e3)
        return firsts, trades, returns


def measure(plan: Plan) -> Iterator[Figure]:
    """p50 and p99 to the first OnRtnOrder and to OnRtnTrade."""
    with Pacer() as pacer:
        pacer.send(WARM_UP)
        runs = plan.repeat(lambda: [percentile(c, share) for c in pacer.send(ORDERS)[:2] for share in (0.5, 0.99)])
    for place, label in enumerate(
        ("first OnRtnOrder, p50", "first OnRtnOrder, p99", "OnRtnTrade, p50", "OnRtnTrade, p99")
    ):
        target, goal = ("169", "60") if label == "OnRtnTrade, p50" else ("", "")
        yield figure(f"one order at a time, request → {label}", "µs", (run[place] for run in runs), target, goal)
