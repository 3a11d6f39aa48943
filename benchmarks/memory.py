"""Memory per 100,000 orders, traded and resting.

Method: a fresh process each. 1,000 orders of warm-up, then 100,000 through ``tdapi`` in blocks of 2,000, each delivered
before the next is sent, so that no queue adds to it. The figure is the growth of the process's resident memory, the
collector run before both readings. It counts all that a counter in this process keeps: orders, trades, position, the
private flow. Once per run of the benchmark. Checked: as in throughput and resting. Linux only (``/proc``).
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.desk import CountingSpi, Desk
from benchmarks.figures import Plan, Result, figure, require
from benchmarks.resting import insert
from benchmarks.throughput import block, check

ORDERS: Final = 100_000
BLOCK: Final = 2_000
WARM_UP: Final = 1_000


def resident_mib() -> float:
    """Resident memory of this process."""
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def grow(kind: str) -> float:
    """MiB that 100,000 orders add."""
    spi = CountingSpi()
    with Desk(spi) as desk:
        facts = desk.open_market()
        far = desk.far_away(facts)

        def send(number: int) -> None:
            if kind == "traded":
                block(desk, spi, facts, number)
            else:
                insert(desk, spi, far, number)

        send(WARM_UP)
        gc.collect()
        before = resident_mib()
        for _ in range(ORDERS // BLOCK):
            send(BLOCK)
        gc.collect()
        growth = resident_mib() - before
        if kind == "traded":
            check(desk, spi, facts)
        else:
            require(spi.resting == WARM_UP + ORDERS, f"{spi.resting} orders rest")
            require(desk.account().FrozenMargin > 0, "nothing is frozen")
    return growth


def measure(plan: Plan) -> Iterator[Result]:
    """MiB per 100,000 orders."""
    if not Path("/proc/self/statm").exists():
        yield "left out: this system has no /proc"
        return
    spawn = multiprocessing.get_context("spawn")
    for kind, target, goal in (("resting", "60", "40"), ("traded", "120", "80")):
        with spawn.Pool(1) as pool:
            yield figure(f"memory per 100,000 {kind} orders", "MiB", [pool.apply(grow, (kind,))], target, goal)
