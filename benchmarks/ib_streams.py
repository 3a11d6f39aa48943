"""What a program on ``ib://`` costs: 100 instruments that stream at 50 updates/s each, and orders that fill.

Method: a stand-in TWS in a process of its own; here a program's ``MdApi`` and ``TraderApi`` of ``ctp2``, with the
client library on its thread and a Spi that keeps the last tick of each instrument. *Ticks*: for two seconds every 20 ms
a packet of each instrument (bid and ask, every other one with a trade). *Orders*: one share at a time, bought at the
market; states and a trade answer, and some fifty figures of the account, as TWS tells them with each fill. CPU time of
this process: sockets, decoding, translation, what is kept on disk, callbacks and all. Checked:
most updates became ticks of their own (two that come in one read become one; what is told is the cost of a tick, and of
5,000 of them a second), the last tick of each instrument is that of the last packet; every order is filled and told.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, Plan, Result, figure, require
from ctp2 import mdapi, tdapi
from ctp2.core.errors import MissingExtra
from ctp2.ib.client import check_library

SECONDS: Final = 2
RATE: Final = 50
ORDERS: Final = 30
MOST_LOST: Final = 0.9
"""Share of updates that may have come together with the next one, as they do on a machine that is busy otherwise."""
WAIT_S: Final = 60.0
ACCOUNT: Final = "DU1000001"
BROKER: Final = "9999"
MICRO: Final = 1e6
LAST: Final = 200.0
"""Of :func:`benchmarks.ib_kit.quote` with the last number of a run, 100: the trade of number 99 was at its ask."""


class _Waiting:
    """Waits for what callbacks bring."""

    def __init__(self) -> None:
        self.changed = threading.Condition()

    def told(self) -> None:
        """Something came."""
        with self.changed:
            self.changed.notify_all()

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait."""
        with self.changed:
            require(self.changed.wait_for(holds, WAIT_S), f"{what} did not come")


class MarketSpi(mdapi.CThostFtdcMdSpi):
    """Keeps the last tick of each instrument."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = _Waiting()
        self.is_connected = self.is_logged_in = False
        self.answers = 0
        self.ticks = 0
        self.last: dict[str, float] = {}

    def OnFrontConnected(self) -> None:
        self.is_connected = True
        self.waiting.told()

    def OnRspUserLogin(self, field: Any, info: Any, request_id: int, is_last: bool) -> None:
        self.is_logged_in = True
        self.waiting.told()

    def OnRspSubMarketData(self, field: Any, info: Any, request_id: int, is_last: bool) -> None:
        self.answers += 1
        self.waiting.told()

    def OnRtnDepthMarketData(self, field: Any) -> None:
        self.ticks += 1
        self.last[field.InstrumentID] = field.LastPrice


class TradeSpi(tdapi.CThostFtdcTraderSpi):
    """Counts what becomes of orders."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = _Waiting()
        self.is_connected = self.is_logged_in = False
        self.events = self.trades = self.refusals = 0

    def OnFrontConnected(self) -> None:
        self.is_connected = True
        self.waiting.told()

    def OnRspUserLogin(self, field: Any, info: Any, request_id: int, is_last: bool) -> None:
        self.is_logged_in = True
        self.waiting.told()

    def OnRspOrderInsert(self, field: Any, info: Any, request_id: int, is_last: bool) -> None:
        self.refusals += 1
        self.waiting.told()

    def has_answered(self, wanted: int) -> bool:
        """Whether so many trades were told, or an order was refused."""
        return self.refusals > 0 or self.trades >= wanted

    def OnRtnOrder(self, field: Any) -> None:
        self.events += 1

    def OnRtnTrade(self, field: Any) -> None:
        self.events += 1
        self.trades += 1
        self.waiting.told()


def measure(plan: Plan) -> Iterator[Result]:
    """The share of a core, and microseconds."""
    try:
        check_library()
    except MissingExtra as error:
        yield f"left out: {error}"
        return
    script = str(Path(__file__).with_name("ib_feeder.py"))
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as feeder:
        assert feeder.stdin is not None and feeder.stdout is not None
        try:
            address = f"ib://127.0.0.1:{int(feeder.stdout.readline())}"
            yield from _ticks(plan, address, feeder)
            yield from _orders(plan, address)
        finally:
            feeder.stdin.close()
            feeder.wait(WAIT_S)


def _started(api: Any, spi: Any, address: str) -> None:
    api.RegisterSpi(spi)
    api.RegisterFront(address)
    api.Init()
    spi.waiting.until("OnFrontConnected", lambda: spi.is_connected)
    api.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(BrokerID=BROKER, UserID=ACCOUNT), 1)
    spi.waiting.until("OnRspUserLogin", lambda: spi.is_logged_in)


def _ticks(plan: Plan, address: str, feeder: subprocess.Popen[str]) -> Iterator[Figure]:
    from benchmarks.ib_feeder import names

    codes = names()
    spi = MarketSpi()
    api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
    try:
        _started(api, spi, address)
        api.SubscribeMarketData(codes, len(codes))
        spi.waiting.until(f"{len(codes)} OnRspSubMarketData", lambda: spi.answers == len(codes))
        runs = plan.repeat(lambda: _stream(spi, feeder, len(codes)))
        require(set(spi.last.values()) == {LAST} and len(spi.last) == len(codes), f"the last ticks are {spi.last}")
    finally:
        api.Release()
    yield figure("IB: 100 instruments at 50 updates/s, of a core", "%", [run[0] for run in runs], "50")
    yield figure("IB: an update from the socket to the callback", "µs", [run[1] for run in runs])


def _stream(spi: MarketSpi, feeder: subprocess.Popen[str], instruments: int) -> Sequence[float]:
    assert feeder.stdin is not None and feeder.stdout is not None
    before, begin_s, begin_cpu = spi.ticks, time.perf_counter(), time.process_time()
    feeder.stdin.write(f"{SECONDS} {RATE}\n")
    feeder.stdin.flush()
    sent = int(feeder.stdout.readline()) * instruments
    wanted = sent * (1 - MOST_LOST)
    deadline = time.monotonic() + WAIT_S
    while spi.ticks - before < wanted or set(spi.last.values()) != {LAST}:
        require(time.monotonic() < deadline, f"{spi.ticks - before} ticks of {sent} updates")
        time.sleep(0.01)
    cpu = time.process_time() - begin_cpu
    require(time.perf_counter() - begin_s >= SECONDS * 0.9, "the updates came faster than they were asked for")
    each = cpu / (spi.ticks - before)
    return [each * RATE * instruments * 100, each * MICRO]


def _orders(plan: Plan, address: str) -> Iterator[Figure]:
    spi = TradeSpi()
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    try:
        _started(api, spi, address)
        runs = plan.repeat(lambda: _buy(api, spi))
    finally:
        api.Release()
    yield figure("IB: an order from the request to its trade", "µs", [run[0] for run in runs])
    yield figure("IB: an order event, as a part of that", "µs", [run[1] for run in runs])


def _buy(api: Any, spi: TradeSpi) -> Sequence[float]:
    trades, events, begin = spi.trades, spi.events, time.process_time()
    for number in range(1, ORDERS + 1):
        field = tdapi.CThostFtdcInputOrderField(
            BrokerID=BROKER,
            InvestorID=ACCOUNT,
            InstrumentID="S000-USD-STK",
            OrderPriceType="1",
            Direction="0",
            CombOffsetFlag="0",
            CombHedgeFlag="1",
            VolumeTotalOriginal=1,
            TimeCondition="3",
            VolumeCondition="1",
            ContingentCondition="1",
        )
        require(api.ReqOrderInsert(field, number) == 0, "an order was not taken")
        spi.waiting.until("a trade", partial(spi.has_answered, trades + number))
    cpu = time.process_time() - begin
    require(
        spi.trades - trades == ORDERS and not spi.refusals, f"{spi.trades - trades} trades, {spi.refusals} refusals"
    )
    told = spi.events - events
    require(told >= 2 * ORDERS, f"{told} events of {ORDERS} orders")
    return [cpu / ORDERS * MICRO, cpu / told * MICRO]
