"""Quotes through MdApi into one Python Spi.

Method: the recorded day of IF2101 that ships with ctp2 (27,955 snapshots, about two a second; the other instruments of
the file left out) is replayed with ``speed=max`` to one MdApi without a trader. Its Spi keeps time, millisecond, last
price and volume of every snapshot. Snapshots/s from before ``SubscribeMarketData`` to the last callback. Each run is a
fresh counter. Checked: what arrived is, in order and number, what the file holds.
"""

from __future__ import annotations

import gzip
import os
import queue
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from benchmarks.desk import BROKER, INSTRUMENT, USER, WAIT_S, counter_address
from benchmarks.figures import Figure, Plan, figure, require
from ctp2 import mdapi
from ctp2.refdata.ticks import read_day, tick_files

Seen = tuple[str, int, float, int]
"""Time, millisecond, last price and volume of a snapshot."""
CODE_COLUMN: Final = 1


class Day:
    """The instrument's day as a file of its own, and what it holds."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / f"{INSTRUMENT}.csv"
        (source,) = tick_files("sample")
        with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
            kept = [
                line for number, line in enumerate(lines) if not number or line.split(",")[CODE_COLUMN] == INSTRUMENT
            ]
        self.path.write_text("".join(kept), encoding="utf-8", newline="")
        day = read_day(self.path)
        rows = (day.tick(row) for row in range(len(day)))
        self.seen: list[Seen] = [(tick.time_of_day, tick.millisec, tick.last, tick.volume) for tick in rows]
        require(len(self.seen) > 20_000, f"the sample has {len(self.seen)} snapshots of {INSTRUMENT}")


class QuoteSpi(mdapi.CThostFtdcMdSpi):
    """Keeps what it sees of each snapshot; wakes at the last one."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self.ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.seen: list[Seen] = []
        self.expected = expected
        self.done = threading.Event()

    def OnFrontConnected(self) -> None:
        self.ready.put("connected")

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.ready.put("logged in")

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        quote = pDepthMarketData
        self.seen.append((quote.UpdateTime, quote.UpdateMillisec, quote.LastPrice, quote.Volume))
        if len(self.seen) == self.expected:
            self.done.set()


class Quotes:
    """A logged-in MdApi. Use as a context manager."""

    def __init__(self, spi: QuoteSpi, address: str) -> None:
        self.spi = spi
        self._folder = tempfile.TemporaryDirectory(prefix="ctp2-bench-")
        self.api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi(os.path.join(self._folder.name, "flow-"))
        self.api.RegisterSpi(spi)
        self.api.RegisterFront(address)

    def __enter__(self) -> Self:
        self.api.Init()
        self.spi.ready.get(timeout=WAIT_S)
        self.api.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(BrokerID=BROKER, UserID=USER), 1)
        self.spi.ready.get(timeout=WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.api.Release()
        self._folder.cleanup()

    def play(self) -> float:
        """Subscribe, which starts the day; seconds until its last snapshot."""
        begin = time.perf_counter()
        require(self.api.SubscribeMarketData([INSTRUMENT], 1) == 0, "the subscription was not sent")
        require(self.spi.done.wait(WAIT_S), f"{len(self.spi.seen)} of {self.spi.expected} snapshots came")
        return time.perf_counter() - begin

    def check(self, day: Day) -> None:
        """The state at the subscription, then every snapshot of the day, in its order."""
        require(self.spi.seen[1:] == day.seen, "not the snapshots of the file in their order")


def measure(plan: Plan) -> Iterator[Figure]:
    """Snapshots/s."""
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
        day = Day(folder)

        def one_run() -> list[float]:
            with Quotes(QuoteSpi(len(day.seen) + 1), counter_address(str(day.path), "max")) as quotes:
                seconds = quotes.play()
                quotes.check(day)
            return [len(day.seen) / seconds]

        runs = plan.repeat(one_run)
    yield figure("snapshots through MdApi to one Spi", "/s", (run[0] for run in runs), "100,000", "300,000")
