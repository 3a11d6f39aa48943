"""Snapshots fanned out by a market data front, all clients together, and what a session costs.

Method: a server in a process of its own; 100 clients made of bytes in another (:mod:`benchmarks.front_readers`), each
subscribed to the same 100 instruments. On the counter's thread each instrument gets 200 snapshots, as a venue's feed
would bring them; the feed waits while more than 200 snapshots per client have not left the server, so that none is
conflated. The figure is deliveries/s from the first snapshot until every client has the last. Checked: every client
has every snapshot, none was conflated, no link ended.
Memory: the growth of the server's resident memory by 200 market data sessions that are subscribed to 1,000
instruments each, and by 800 trading sessions of users of their own, logged in and confirmed. Once per run of the
benchmark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.desk import counter_address
from benchmarks.figures import Plan, Result, figure, require
from benchmarks.front_kit import Fronts, Line, market_address
from benchmarks.front_readers import Readers

CLIENTS: Final = 100
INSTRUMENTS: Final = 100
ROUNDS: Final = 200
WAITING: Final = 200
"""Snapshots of one client that may be on their way out of the server."""
SESSIONS: Final = 200
CODES: Final = 1_000
TIMES: Final = 4
"""A trading session is small: so many times more of them."""
WARM_UP: Final = 100
"""Sessions before the first reading: what all share is there then, and what the start left free is used."""
FIRST: Final = 1
"""The mark of the snapshots that a run begins with."""


def fan_out(plan: Plan, clients: int, instruments: int, rounds: int) -> list[Sequence[float]]:
    """Deliveries/s, and µs of the server's processor time per delivery, by run."""
    with Fronts(market_address()) as fronts, Readers() as readers:
        codes = fronts.ask("make_contracts", instruments)
        readers.connect(fronts.md, clients, codes)
        readers.expect(FIRST, instruments)
        fronts.ask("mark_all", FIRST)
        readers.wait()

        def run() -> list[float]:
            _, conflated, _ = fronts.ask("counts")
            # The last round's mark; the others are counted by their number.
            readers.expect(rounds + 1, instruments)
            before = fronts.ask("processor")
            seconds = fronts.ask("flood", rounds, clients, WAITING * clients, seconds=600.0)
            used = fronts.ask("processor") - before
            counted = readers.wait()
            total = rounds * instruments * clients
            require(counted.snapshots == total, f"{counted.snapshots} snapshots came of {total}")
            require(fronts.ask("counts")[1:] == (conflated, clients), "conflated, or a link ended")
            return [total / seconds, used / total * 1e6]

        return plan.repeat(run)


def session_memory(sessions: int, codes: int) -> tuple[float, float]:
    """KiB of a market data session and of a trading session."""
    with Fronts(market_address()) as fronts, Readers() as readers:
        names = fronts.ask("make_contracts", codes)
        readers.connect(fronts.md, WARM_UP // 2, names)
        before = fronts.ask("memory")
        readers.connect(fronts.md, sessions, names)
        market = fronts.ask("memory") - before
    with Fronts(counter_address()) as fronts:
        lines = [Line(fronts.trade, "trader", f"first{number}") for number in range(WARM_UP)]
        before = fronts.ask("memory")
        lines += [Line(fronts.trade, "trader", f"u{number}") for number in range(TIMES * sessions)]
        trading = (fronts.ask("memory") - before) / TIMES
        for line in lines:
            line.close()
    return market / sessions * 1024, trading / sessions * 1024


def measure(
    plan: Plan,
    clients: int = CLIENTS,
    instruments: int = INSTRUMENTS,
    rounds: int = ROUNDS,
    sessions: int = SESSIONS,
    codes: int = CODES,
) -> Iterator[Result]:
    """Deliveries/s and KiB per session."""
    runs = fan_out(plan, clients, instruments, rounds)
    aims = ("200,000", "1,000,000")
    yield figure(f"snapshots delivered to {clients} clients together", "/s", (found[0] for found in runs), *aims)
    yield figure("processor time of the server per snapshot delivered", "µs", (found[1] for found in runs))
    market, trading = session_memory(sessions, codes)
    yield figure(f"memory per market data session, {codes:,} instruments", "KiB", [market])
    yield figure("memory per trading session with an account", "KiB", [trading])
