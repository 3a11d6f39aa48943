"""Marketable orders per second with 100,000 orders already done, divided by the same with 1,000.

Method: two processes, because the collector's work depends on all that a process holds. One keeps a counter that has
done 100,000 orders, the other opens a fresh one and does 1,000; then they measure four blocks of 12,500 orders
(:mod:`benchmarks.throughput`) in turn, never both at once, so that drift of the machine hits both. A full pass of the
collector comes once in several blocks (when a quarter more is alive than after the last), so there are always four and
the ratio is that of all together; its range is that of the pairs.
Checked in each process: as in throughput.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.desk import CountingSpi, Desk
from benchmarks.figures import Figure, Plan, figure
from benchmarks.throughput import Collector, block, check

YOUNG: Final = 1_000
OLD: Final = 100_000
BLOCK: Final = 12_500
PAIRS: Final = 4


def worker(pipe: Any, done: int, is_kept: bool) -> None:
    """Answers each message with orders/s and the longest pass of the collector; None ends it."""
    while True:
        spi = CountingSpi()
        with Desk(spi) as desk:
            facts = desk.open_market()
            for _ in range(done // YOUNG):
                block(desk, spi, facts, YOUNG)
            pipe.send("ready")
            while pipe.recv():
                with Collector() as collector:
                    seconds = block(desk, spi, facts, BLOCK)
                check(desk, spi, facts)
                pipe.send((BLOCK / seconds, collector.longest * 1e3))
                if not is_kept:
                    break
            else:
                return


def measure(plan: Plan) -> Iterator[Figure]:
    """Both rates, and their ratio."""
    spawn = multiprocessing.get_context("spawn")
    pipes: list[Any] = []
    processes = []
    for done, is_kept in ((YOUNG, False), (OLD, True)):
        pipe, other = spawn.Pipe()
        process = spawn.Process(target=worker, args=(other, done, is_kept), daemon=True)
        process.start()
        other.close()
        pipes.append(pipe)
        processes.append(process)
    young, old = pipes
    for pipe in pipes:
        pipe.recv()

    def pair() -> list[float]:
        young.send(True)
        first = young.recv()
        young.recv()  # its next counter is ready: from here it sleeps
        old.send(True)
        second = old.recv()
        return [first[0], second[0], second[0] / first[0], second[1]]

    try:
        runs = [pair() for _ in range(PAIRS)]
        old.send(False)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    yield figure(f"marketable orders, with {YOUNG:,} orders done", "/s", (run[0] for run in runs))
    yield figure(f"marketable orders, with {OLD:,} orders done", "/s", (run[1] for run in runs))
    whole = sum(1 / run[0] for run in runs) / sum(1 / run[1] for run in runs)
    ratios = [run[2] for run in runs]
    name = "the second divided by the first"
    yield Figure(name, "×", whole, min(ratios), max(ratios), len(runs), "0.9", "1.0")
    longest = [run[3] for run in runs]
    name = f"longest pass of the collector in a block, with {OLD:,} orders done"
    yield Figure(name, "ms", max(longest), min(longest), max(longest), len(runs), note="the longest of all")
