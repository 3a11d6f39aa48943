"""A whole market: 20,000 instruments, each quoted twice a second.

Method: a counter lists all futures and their options (``markets=futures,options``); 20,000 of them become contracts,
an MdApi subscribes to 1,000 (every twentieth). On the counter's thread each instrument gets two snapshots, as a venue's
feed would bring them in a second: the latest quote is kept, the subscriber is sent its own, the engine takes it. The
figure is how many seconds of such a market pass in one second of ours (above 1 the counter keeps up), from the first
snapshot until the subscriber's callback has seen the last of its own. Checked: the engine holds the last quote of all
20,000, and the subscriber saw its 2,000 snapshots, each instrument's in their order.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from benchmarks.desk import BROKER, USER, WAIT_S
from benchmarks.figures import Figure, Plan, figure, require
from ctp2 import mdapi, tts
from ctp2.refdata.ticks import Tick

INSTRUMENTS: Final = 20_000
EVERY: Final = 20
"""One instrument of so many is subscribed to."""
ROUNDS: Final = 2
PRICE: Final = 100


class MarketSpi(mdapi.CThostFtdcMdSpi):
    """Keeps each instrument's prices; wakes at the last snapshot of a run."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Semaphore(0)
        self.prices: dict[str, list[float]] = {}
        self.left = 0
        self.done = threading.Event()

    def OnFrontConnected(self) -> None:
        self.ready.release()

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.ready.release()

    def OnRspSubMarketData(self, pSpecificInstrument: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        if bIsLast:
            self.ready.release()

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        if not pDepthMarketData.BidVolume1:
            return  # the quiet snapshot that a subscription begins with
        self.prices.setdefault(pDepthMarketData.InstrumentID, []).append(pDepthMarketData.BidPrice1)
        self.left -= 1
        if not self.left:
            self.done.set()

    def expect(self, count: int) -> None:
        """A run of so many snapshots begins."""
        self.prices.clear()
        self.left = count
        self.done.clear()


def snapshots(contracts: list[Any], number: int) -> list[Tick]:
    """One snapshot of each instrument, two ticks wide, at a price of its own round."""
    made = []
    for contract in contracts:
        tick = float(contract.instrument.price_tick)
        bid = round(PRICE * tick + (number + 1) * tick, 6)
        ask = round(bid + 2 * tick, 6)
        made.append(
            Tick(
                -1, 0, "10:00:00", number * 500, "20261123", contract.exchange, bid1=bid, bid_volume1=5, ask1=ask,
                ask_volume1=5, last=bid,
            )
        )  # fmt: skip
    return made


def play(counter: Any, contracts: list[Any], rounds: list[list[Tick]]) -> None:
    """All snapshots into the counter; runs on its thread."""
    now_ns = counter.now_ns()
    for ticks in rounds:
        for contract, tick in zip(contracts, ticks, strict=True):
            counter.take_quote(contract, tick, now_ns)


def one_run(counter: Any, contracts: list[Any], spi: MarketSpi) -> list[float]:
    """Seconds of market per second."""
    rounds = [snapshots(contracts, number) for number in range(ROUNDS)]
    spi.expect(ROUNDS * len(contracts[::EVERY]))
    begin = time.perf_counter()
    counter.call(lambda: play(counter, contracts, rounds))
    require(spi.done.wait(WAIT_S), f"{spi.left} snapshots did not come")
    seconds = time.perf_counter() - begin
    for contract, tick in zip(contracts, rounds[-1], strict=True):
        require(contract.bid == round(tick.bid1 * contract.price_scale), f"{contract.code}: not the last quote")
    expected = {
        contract.code: [ticks[number * EVERY].bid1 for ticks in rounds]
        for number, contract in enumerate(contracts[::EVERY])
    }
    require(spi.prices == expected, "the subscriber saw other snapshots, or in another order")
    return [1 / seconds]


def measure(plan: Plan) -> Iterator[Figure]:
    """Seconds of a market of 20,000 instruments per second."""
    address = f"tts://7x24?markets=futures,options&synthetic=off&speed=0.001&id=bench-market-{os.getpid()}"
    spi = MarketSpi()
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
        api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi(os.path.join(folder, "flow-"))
        api.RegisterSpi(spi)
        api.RegisterFront(address)
        api.Init()
        require(spi.ready.acquire(timeout=WAIT_S), "no connection")
        api.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(BrokerID=BROKER, UserID=USER), 1)
        require(spi.ready.acquire(timeout=WAIT_S), "no login")
        counter: Any = tts.counter(address)._counter
        world = counter.world
        listed = list(islice((item for item in world.listed.values() if not item.is_matched), INSTRUMENTS))
        contracts = counter.call(lambda: [world.engine.state.named(item.code)[0] for item in listed])
        require(len({contract.index for contract in contracts}) == INSTRUMENTS, "an instrument is there twice")
        codes = [contract.code for contract in contracts[::EVERY]]
        api.SubscribeMarketData(codes, len(codes))
        require(spi.ready.acquire(timeout=WAIT_S), "no answer to the subscription")
        runs = plan.repeat(lambda: one_run(counter, contracts, spi))
        api.Release()
    yield figure("20,000 instruments quoted twice a second: times that pace", "x", (run[0] for run in runs), "1")
