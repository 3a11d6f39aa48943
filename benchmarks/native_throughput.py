"""What one native client in C++ takes: orders/s over loopback, and snapshots/s into one Spi.

Method: orders: a trading front in a process of its own with a counter in memory, its market standing
(:mod:`benchmarks.desk`); the client (``native_client.cpp``) sends marketable orders in a tight loop on its main thread,
a buy that opens and a sell that closes in turn, from just before the first until the last ``OnRtnTrade`` was called
back; 500 orders of warm-up, a fresh server in each run. Snapshots: a front that sends frames made beforehand as fast
as they are taken, so that the client is measured and not a server; the Spi adds up two members; from its first callback
to the last. Nothing is drawn: there is no seed but the counter's, 1. Checked: each trade's order, side, volume and
price, profit, fees, the Balance identity, nothing left held or frozen; the number of snapshots and both sums.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import native_kit
from benchmarks.desk import counter_address
from benchmarks.figures import Plan, Result, figure, require
from benchmarks.front_kit import Fronts, facts_of

ORDERS = 10_000
WARM_UP = 500
TICKS = 2_000_000
BLOCK = 1_000
"""Snapshots that are sent at once, with volumes 1, 2, 3 …"""
PRICE = 0.5


def orders_per_second(orders: int, warm_up: int) -> float:
    """Of one client."""
    with Fronts(counter_address()) as fronts:
        fronts.ask("stand")
        found = native_kit.trade("pipeline", fronts.trade, facts_of(fronts.trade), orders, warm_up)
    return orders / float(found["seconds"])


def ticks_per_second(ticks: int) -> float:
    """Into one Spi."""
    block = native_kit.snapshots(range(1, BLOCK + 1), PRICE)
    times = ticks // BLOCK
    with native_kit.Feed("md", block, times) as feed:
        found = native_kit.client("ticks", feed.front, times * BLOCK)
    require(found["volume"] == times * BLOCK * (BLOCK + 1) // 2, f"the volumes add up to {found['volume']}")
    require(found["price"] == times * BLOCK * PRICE, f"the prices add up to {found['price']}")
    return times * BLOCK / float(found["seconds"])


def measure(plan: Plan, orders: int = ORDERS, warm_up: int = WARM_UP, ticks: int = TICKS) -> Iterator[Result]:
    """Both."""
    if why := native_kit.why_not():
        yield f"left out: {why}"
        return
    runs = plan.repeat(lambda: [orders_per_second(orders, warm_up), ticks_per_second(ticks)])
    name = "pipelined orders over loopback, 1 C++ client"
    yield figure(name, "/s", (found[0] for found in runs), "20,000", "60,000")
    yield figure("snapshots into one C++ Spi", "/s", (found[1] for found in runs))
