"""What a log costs: the same work in memory and at each level of ``durability``, side by side.

Method: as :mod:`benchmarks.throughput` and :mod:`benchmarks.latency`, on counters with ``db=`` in a temporary folder
(its disk is measured with it). In each run the levels take turns, so that a bad spell of the machine hits all. Each
ends with the log read again: it must hold every trade. The yardsticks are one commit of 500 bytes, about what an
order with its trade takes: appended to a file as the log does, and inserted into SQLite in WAL mode.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.desk import CountingSpi, Desk
from benchmarks.figures import Figure, Plan, figure, percentile, require
from benchmarks.latency import Pacer
from benchmarks.throughput import block
from ctp2.tts.codec import SCHEMA
from ctp2.tts.codec_read import Decoder
from ctp2.tts.config import parse
from ctp2.tts.days import days_of
from ctp2.tts.journal import told_back
from ctp2.tts.logfile import Header, LogReader, LogWriter

LEVELS: Final = ("", "none", "normal", "full")
ORDERS: Final = 4_000
SINGLE: Final = 1_000
WARM_UP: Final = 300
COMMITS: Final = 2_000
PAYLOAD: Final = bytes(500)


def options_of(folder: str, level: str) -> str:
    """The address's options for a level; none in memory."""
    return f"&db={folder}/{level}.db&durability={level}" if level else ""


def check_log(folder: str, level: str, orders: int, address: str) -> None:
    """The log alone has every trade."""
    if not level:
        return
    from ctp2.core.address import parse as parse_address

    reader = LogReader(f"{folder}/{level}.db")
    state = days_of(parse(parse_address(address))).first(reader.header.created_ns).engine.state
    decoder = Decoder(state, told_back, reader.header.kinds)
    for payload in reader.frames():
        decoder.apply(payload)
    reader.close()
    traded = sum(len(account.trades) for account in state.accounts.values())
    require(traded == orders, f"the log has {traded} of {orders} trades")


def flood(folder: str, level: str) -> float:
    """Marketable orders/s in a tight loop."""
    spi = CountingSpi()
    with Desk(spi, options=options_of(folder, level)) as desk:
        facts = desk.open_market()
        block(desk, spi, facts, WARM_UP)
        seconds = block(desk, spi, facts, ORDERS)
        desk.check_books(facts, desk.order_ref // 2)
    check_log(folder, level, WARM_UP + ORDERS, desk.address)
    return ORDERS / seconds


def single(folder: str, level: str) -> float:
    """µs from a request to its trade, one order at a time, p50."""
    with Pacer(options_of(folder, level)) as pacer:
        pacer.send(WARM_UP)
        return percentile(pacer.send(SINGLE)[1], 0.5)


def by_level(measure: Callable[[str, str], float]) -> list[float]:
    """One run of each level, each in a folder of its own."""
    found = []
    for level in LEVELS:
        with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
            found.append(measure(folder, level))
    return found


def commits() -> list[float]:
    """µs of one commit of 500 bytes: file normal and full, SQLite NORMAL and FULL."""
    found: list[float] = []
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
        for level in ("normal", "full"):
            header = Header(schema=SCHEMA, writer="", environment="", identity="", trading_day="", created_ns=0)
            writer = LogWriter.create(str(Path(folder) / level), header, "full" if level == "full" else "normal")
            begin = time.perf_counter()
            for _ in range(COMMITS):
                writer.append(PAYLOAD)
            found.append((time.perf_counter() - begin) / COMMITS * 1e6)
            writer.publish()
            writer.close()
            reader = LogReader(str(Path(folder) / level))
            require(sum(1 for _ in reader.frames()) == COMMITS, "frames are missing")
            reader.close()
        for synchronous in ("NORMAL", "FULL"):
            base = sqlite3.connect(os.path.join(folder, f"{synchronous}.sqlite"), isolation_level=None)
            base.execute("PRAGMA journal_mode=WAL")
            base.execute(f"PRAGMA synchronous={synchronous}")
            base.execute("CREATE TABLE log (number INTEGER PRIMARY KEY, payload BLOB)")
            begin = time.perf_counter()
            for number in range(COMMITS):
                base.execute("INSERT INTO log VALUES (?, ?)", (number, PAYLOAD))
            found.append((time.perf_counter() - begin) / COMMITS * 1e6)
            (count,) = base.execute("SELECT count(*) FROM log").fetchone()
            require(count == COMMITS, "rows are missing")
            base.close()
    return found


def measure(plan: Plan) -> Iterator[Figure]:
    """Orders/s and µs by level, and the yardsticks."""
    runs = plan.repeat(lambda: [*by_level(flood), *by_level(single), *commits()])
    for place, level in enumerate(LEVELS):
        name = f"durability={level}" if level else "in memory"
        target, goal = ("40,000", "100,000") if level == "normal" else ("", "")
        yield figure(f"marketable orders, tight loop, {name}", "/s", (run[place] for run in runs), target, goal)
    for place, level in enumerate(LEVELS, len(LEVELS)):
        name = f"durability={level}" if level else "in memory"
        yield figure(f"one order at a time → OnRtnTrade, p50, {name}", "µs", (run[place] for run in runs))
    names = ("our file, normal", "our file, full", "SQLite WAL, NORMAL", "SQLite WAL, FULL")
    for place, name in enumerate(names, 2 * len(LEVELS)):
        yield figure(f"one commit of 500 bytes: {name}", "µs", (run[place] for run in runs))
