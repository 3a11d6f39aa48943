"""A native client in C++ over loopback, one order at a time: to its first report, and to its trade.

Method: a counter with ``db=`` (``durability=normal``) behind a trading front in a process of its own, the market
standing (:mod:`benchmarks.desk`). The client (``native_client.cpp``, libraries of ``ctp2 shim build``, plain waiting in
the library) sends the next order from inside ``OnRtnTrade``: a marketable buy that opens and a sell that closes in
turn, each with a struct of its own fields. The time runs from just before ``ReqOrderInsert`` to the first line of the
callback. A fresh client for each run, 300 orders of warm-up each. p50 and p99 of each run; the figure is their median
over the runs. Nothing is drawn: there is no seed but the counter's, 1. Beside it, in the same run, the bare TCP round
trip of the folder ``shared/bench`` where it is there. Checked: each trade's order, side, volume and price, reports
before trades, profit, fees, the Balance identity, nothing left held or frozen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from benchmarks import native_kit, peers
from benchmarks.desk import counter_address
from benchmarks.figures import Plan, Result, figure
from benchmarks.front_kit import Fronts, facts_of

ORDERS = 2_000
WARM_UP = 300


def measure(plan: Plan, orders: int = ORDERS, warm_up: int = WARM_UP) -> Iterator[Result]:
    """p50 and p99 of both."""
    if why := native_kit.why_not():
        yield f"left out: {why}"
        return
    with (
        tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder,
        Fronts(counter_address(options=f"&db={folder}/native.db&durability=normal")) as fronts,
    ):
        fronts.ask("stand")
        facts = facts_of(fronts.trade)
        users = (f"native{number}" for number in range(plan.runs))

        def run() -> list[float]:
            found = native_kit.trade("latency", fronts.trade, facts, orders, warm_up, next(users))
            return [*found["first"], *found["trade"]]

        runs = plan.repeat(run)
    places = [(what, share) for what in ("first OnRtnOrder", "OnRtnTrade") for share in ("p50", "p99")]
    for place, (what, share) in enumerate(places):
        aims = ("169", "100") if (what, share) == ("OnRtnTrade", "p50") else ()
        name = f"C++ client over loopback, durable, request → {what}, {share}"
        yield figure(name, "µs", (found[place] for found in runs), *aims)
    if peers.YARDSTICKS.is_dir():
        yield from peers.tcp()
