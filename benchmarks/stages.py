"""What one marketable order costs each of the three threads on its way, without their waiting for each other.

Method: a real session on a counter whose market stands; but the three steps run one after another on one thread, each
for the whole block of orders, with the real code of each. *Sender*: ``ReqOrderInsert``, its requests collected instead
of queued for the counter. *Counter*: the collected requests through the session and the engine, the batches of events
put into the client's inbox, whose thread does not see them. *Callback*: the batches delivered to a Python Spi that
counts, which builds every record. Times are the thread's own processor time, so that other work on the machine counts
less. CPython runs one thread at a time, so the sum is what an order costs at least, and hand-offs between threads come
on top. Blocks of 5,000 orders, the first discarded. Checked as everywhere: number and price of all trades, the Balance
identity, fees, profit, nothing left held or frozen.

``python benchmarks/run.py --profile`` runs the same under cProfile and writes the costs per function. cProfile itself
makes small functions look dearer than they are.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Final

from benchmarks.desk import CountingSpi, Desk, Facts
from benchmarks.figures import Figure, Plan, figure, require

STAGES: Final = ("sender", "counter", "callback")
BLOCK: Final = 5_000
LINES: Final = 45


class Bench:
    """A desk whose three steps can be run by hand."""

    def __init__(self, desk: Desk, facts: Facts) -> None:
        self.desk = desk
        self.pair = desk.marketable(facts)
        self.jobs: list[tuple[Callable[[Any], None], Any]] = []
        counter: Any = desk.control._counter
        self.own_submit = counter.submit
        counter.submit = self._submit
        self.dispatcher: Any = desk.api._dispatcher
        self.own_queue = self.dispatcher.queue

    def _submit(self, job: Callable[[Any], None], argument: Any) -> bool:
        self.jobs.append((job, argument))
        return True

    def hold(self) -> None:
        """From now on the callback thread sees nothing."""
        self.dispatcher.queue = SimpleQueue()

    def let_go(self) -> None:
        """Both threads do their own work again."""
        counter: Any = self.desk.control._counter
        counter.submit = self.own_submit
        self.dispatcher.queue = self.own_queue

    def send(self) -> None:
        """The sender's part of a block."""
        self.desk.flood(self.pair, BLOCK)

    def decide(self) -> None:
        """The counter's part."""
        for job, argument in self.jobs:
            job(argument)
        self.jobs.clear()

    def deliver(self) -> None:
        """The callback thread's part."""
        dispatcher = self.dispatcher
        while not dispatcher.queue.empty():
            batch = dispatcher._batch = dispatcher.queue.get()
            dispatcher._deliver_all(batch)

    @property
    def stages(self) -> tuple[Callable[[], None], ...]:
        """The parts in order."""
        return self.send, self.decide, self.deliver

    def timed(self) -> list[float]:
        """µs per order of each part of one block."""
        costs = []
        for stage in self.stages:
            begin = time.thread_time()
            stage()
            costs.append((time.thread_time() - begin) / BLOCK * 1e6)
        return costs


def _with_bench(work: Callable[[Bench], int]) -> None:
    """``work`` returns how many blocks it ran."""
    spi = CountingSpi()
    with Desk(spi) as desk:
        facts = desk.open_market()
        bench = Bench(desk, facts)
        bench.hold()
        try:
            blocks = work(bench)
        finally:
            bench.let_go()
        require(spi.trades == blocks * BLOCK, f"{spi.trades} trades")
        desk.check_books(facts, blocks * BLOCK // 2)


def measure(plan: Plan) -> Iterator[Figure]:
    """µs per order and thread, and the sum."""
    runs: list[Any] = []

    def work(bench: Bench) -> int:
        bench.timed()
        runs.extend(plan.repeat(bench.timed))
        return len(runs) + 1

    _with_bench(work)
    for place, stage in enumerate(STAGES):
        yield figure(f"an order's cost on the {stage}'s thread", "µs", (run[place] for run in runs))
    yield figure("an order's cost, all three threads", "µs", (sum(run) for run in runs))


def profile() -> str:
    """The costs per function of each thread, by the function's own time and with what it calls."""
    texts: list[str] = []

    def work(bench: Bench) -> int:
        bench.timed()
        costs = bench.timed()
        for name, stage, cost in zip(STAGES, bench.stages, costs, strict=True):
            profiler = cProfile.Profile()
            profiler.runcall(stage)
            texts.append(f"== {name}: {cost:.1f} µs per order without the profiler\n{_table(profiler)}")
        return 3

    _with_bench(work)
    return "\n".join(texts)


def _table(profiler: cProfile.Profile) -> str:
    """µs per order: own, and with callees."""
    stats: Any = pstats.Stats(profiler, stream=io.StringIO())
    rows = []
    for (file, line, function), (_, calls, own, total, _) in stats.stats.items():
        place = f"{'/'.join(file.split('/')[-2:])}:{line} " if line else ""
        rows.append((own / BLOCK * 1e6, total / BLOCK * 1e6, calls / BLOCK, f"{place}{function}"))
    rows.sort(reverse=True)
    lines = [f"{'own µs':>8} {'total µs':>8} {'calls':>6}  (per order, under the profiler)"]
    lines += [f"{own:8.2f} {total:8.2f} {calls:6.2f}  {name}" for own, total, calls, name in rows[:LINES]]
    return "\n".join(lines) + "\n"
