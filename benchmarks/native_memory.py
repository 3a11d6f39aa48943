"""What an Api object of a native client costs: memory, and the time until it is connected.

Method: memory: 100 TraderApi objects of one process, all connected to a front that only welcomes them, each with a flow
path of its own; what the process has grown by since the first of them was connected (which also brings the library),
divided by their number. Resident memory as the system counts it, so without what nothing has been written to yet of
each object's 256 KiB for what arrives and of its thread's stack. Start: a fresh process each; from before ``dlopen``
over the factory, ``RegisterSpi``, ``RegisterFront`` and ``Init`` to the first line of ``OnFrontConnected``, at a front
that welcomes at once; the median of fifteen in each run. Nothing is drawn. Checked: all are connected.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks import native_kit
from benchmarks.figures import Plan, Result, figure

OBJECTS = 100
STARTS = 15


def one_run(objects: int, starts: int) -> list[float]:
    """KiB per object, and ms."""
    with native_kit.Feed("trader") as feed:
        kib = float(native_kit.client("memory", feed.front, "flow-", objects)["kib"])
        times = [float(native_kit.client("start", feed.front, "flow-")["ms"]) for _ in range(starts)]
    return [kib, statistics.median(times)]


def measure(plan: Plan, objects: int = OBJECTS, starts: int = STARTS) -> Iterator[Result]:
    """Both."""
    if why := native_kit.why_not():
        yield f"left out: {why}"
        return
    runs = plan.repeat(lambda: one_run(objects, starts))
    yield figure("memory per native Api object", "KiB", (found[0] for found in runs))
    yield figure("start of a native client, dlopen → OnFrontConnected", "ms", (found[1] for found in runs))
