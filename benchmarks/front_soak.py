"""A market data front offered more than it can send, for minutes: what is conflated, how old what comes is, and memory.

Method: a server in a process of its own, 500 clients made of bytes in another (:mod:`benchmarks.front_readers`), each
subscribed to the same 1,000 instruments. A feed beside the counter has 2 snapshots a second of each instrument,
evenly over time, for five minutes: a million deliveries a second. It gives them to the counter one after the other,
and waits until each was told to all; what has become old meanwhile is replaced by the next of its instrument
(conflated by the feed). Behind it the front conflates for clients that read too slowly. Each snapshot carries the
time at which the feed gave it, and the clients compare it with the clock when they have read it. Figures: delivered
and conflated snapshots per second, all clients together, the age of the oldest, and the server's resident memory.
Checked: no session ended; no snapshot was older than 2 s; what the counter was given is what was delivered and
conflated by the front; in the end every client has the last snapshot of every instrument; resident memory of the last
minute (fifth, when it is shorter than five) is within 5 % of the second. Once per run of the benchmark; ``python
benchmarks/run.py --only front_soak --soak 30`` takes 30 seconds, and the time to connect.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.figures import Plan, Result, figure, require
from benchmarks.front_kit import Fronts, market_address
from benchmarks.front_readers import Readers

SESSIONS: Final = 500
INSTRUMENTS: Final = 1_000
PER_SECOND: Final = 2.0
OLDEST: Final = 2.0
"""Seconds."""
GROWTH: Final = 0.05
FIRST: Final = 1
LAST: Final = 2_000_000_000
"""Marks of the snapshots before and after; no time between has them."""
WAIT_S: Final = 120.0


def measure(
    plan: Plan, sessions: int = SESSIONS, instruments: int = INSTRUMENTS, seconds: float = 0.0
) -> Iterator[Result]:
    """Rates, age and memory."""
    seconds = seconds or plan.soak
    with Fronts(market_address()) as fronts, Readers() as readers:
        codes = fronts.ask("make_contracts", instruments)
        readers.connect(fronts.md, sessions, codes)
        readers.expect(FIRST, instruments)
        fronts.ask("mark_all", FIRST)
        readers.wait(WAIT_S)
        _, conflated_before, _ = fronts.ask("counts")
        start = time.monotonic()
        readers.watch(start)
        offered, memory = fronts.ask("offer", start, seconds, PER_SECOND, seconds=seconds + WAIT_S)
        fronts.ask("wait_out", sessions, WAIT_S)
        counted = readers.stop()
        _, conflated, links = fronts.ask("counts")
        conflated -= conflated_before
        readers.expect(LAST, instruments)
        fronts.ask("mark_all", LAST)
        readers.wait(WAIT_S)
    require(links == sessions and not counted.closed, f"{links} of {sessions} sessions are left")
    total = offered * sessions
    told = counted.snapshots + conflated
    require(told == total, f"{counted.snapshots} delivered and {conflated} conflated of {total} given")
    part = seconds / 5
    second = statistics.fmean(size for at, size in memory if part <= at < 2 * part)
    last = statistics.fmean(size for at, size in memory if at >= 4 * part)
    rates = f"given {total / seconds:,.0f}/s, delivered {counted.snapshots / seconds:,.0f}/s"
    require(counted.oldest <= OLDEST, f"a snapshot was {counted.oldest:.2f} s old; {rates}")
    require(abs(last / second - 1) <= GROWTH, f"memory went from {second:.0f} to {last:.0f} MiB; {rates}")
    offered_all = sessions * instruments * PER_SECOND
    by_feed = max(0.0, offered_all - total / seconds)  # the last slice may come early
    yield f"{sessions} sessions, {instruments:,} instruments, {seconds:.0f} s"
    yield figure("soak: snapshots offered, all sessions together", "/s", [offered_all])
    yield figure("soak: snapshots delivered", "/s", [counted.snapshots / seconds])
    yield figure("soak: snapshots conflated", "/s", [by_feed + conflated / seconds])
    yield figure("soak: of these by the front, for slow readers", "/s", [conflated / seconds])
    yield figure("soak: age of the oldest snapshot delivered", "s", [counted.oldest], f"{OLDEST:g}")
    yield figure("soak: resident memory, last minute ÷ second", "", [last / second], f"{1 + GROWTH:g}")
    yield figure("soak: resident memory of the server", "MiB", [last])
