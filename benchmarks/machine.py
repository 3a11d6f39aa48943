"""What the machine gives at this moment: printed beside every figure, because it drifts by tens of per cent.

Method: in the same process as the benchmark that follows. *Empty
call*: 500,000 calls of an empty Python function in a ``for``, the empty loop taken off. *Hand-off*: an integer put
into a ``queue.SimpleQueue``, taken by another thread and put into a second one, 1,500 times, p50. The figure is the
median of five runs each. It is measured before and after each benchmark: the operating system may let two threads of a
process share a core, where a hand-off costs a quarter of one between cores, and change its mind at any time.
"""

from __future__ import annotations

import os
import platform
import queue
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import percentile

CALLS: Final = 500_000
ROUNDS: Final = 1_500
RUNS: Final = 5
REFERENCE: Final = "12–17 ns, 46–50 µs"
"""The same two on the machine where the targets were set."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Two costs that everything here consists of."""

    call_ns: float
    hand_off_us: float

    def __str__(self) -> str:
        return f"empty call {self.call_ns:.0f} ns, thread hand-off round trip {self.hand_off_us:.0f} µs"


def pin() -> None:
    """Keep this process and its children on one core: slower with much to do, but without the drift between cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def calibrate() -> Calibration:
    """Measure now."""
    return Calibration(
        statistics.median(_call_ns() for _ in range(RUNS)), statistics.median(_hand_off_us() for _ in range(RUNS))
    )


def _call_ns() -> float:
    def nothing() -> None:
        pass

    clock = time.perf_counter_ns
    begin = clock()
    for _ in range(CALLS):
        nothing()
    middle = clock()
    for _ in range(CALLS):
        pass
    return (2 * middle - begin - clock()) / CALLS


def _hand_off_us() -> float:
    there: queue.SimpleQueue[int] = queue.SimpleQueue()
    back: queue.SimpleQueue[int] = queue.SimpleQueue()

    def answer() -> None:
        for _ in range(ROUNDS):
            back.put(there.get())

    thread = threading.Thread(target=answer)
    thread.start()
    times = []
    for number in range(ROUNDS):
        begin = time.perf_counter_ns()
        there.put(number)
        back.get()
        times.append(time.perf_counter_ns() - begin)
    thread.join()
    return percentile(times, 0.5) / 1e3


def load() -> float:
    """How many processes ran or waited in the last minute; 0 where that is not told."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def variant() -> str:
    """``compiled`` when the engine's modules are, else ``pure``."""
    from ctp2.tts import engine

    return "compiled" if str(engine.__file__).endswith((".so", ".pyd")) else "pure"


def description() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "ctp2": variant(),
    }
