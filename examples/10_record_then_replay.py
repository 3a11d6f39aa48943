"""10 · Record, then replay: market data of a front go to disk, and a strategy trades what was recorded.

The first half does what `ctp2 record ADDRESS --codes … --dir DIR` does; any market data front will do. The second half
plays the folder: `speed=max` takes the next snapshot when the strategy has finished with the last one.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from ctp2 import mdapi, tdapi
from ctp2.core.clock import LiveClock
from ctp2.recording.parts import PartWriter
from ctp2.recording.recorder import Recorder
from ctp2.tts import counter

SOURCE = sys.argv[1] if len(sys.argv) > 1 else "tts://replay?data=sample&speed=max"
CODES = ["600519", "688293"]
ROWS = 400
WHO: Any = {"BrokerID": "9999", "InvestorID": "demo"}
DIP = 0.001  # buy when the price is so far below the mean of what was seen


def record(folder: Path) -> None:
    """Until `ROWS` snapshots are on disk."""
    writer = PartWriter(folder)
    Recorder(SOURCE, CODES, writer, LiveClock(), max_rows=ROWS).run()
    print(f"recorded {writer.rows} snapshots of {', '.join(CODES)} in {writer.parts} parts")


class Orders(tdapi.CThostFtdcTraderSpi):
    """Logs in and confirms; keeps what was bought."""

    def __init__(self, api: tdapi.CThostFtdcTraderApi) -> None:
        super().__init__()
        self.api = api
        self.ready = threading.Event()
        self.bought: dict[str, int] = dict.fromkeys(CODES, 0)
        self.paid = 0.0

    def OnFrontConnected(self) -> None:
        self.api.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="demo", Password="x"), 1)

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.api.ReqSettlementInfoConfirm(tdapi.CThostFtdcSettlementInfoConfirmField(**WHO), 2)

    def OnRspSettlementInfoConfirm(self, pConfirm: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.ready.set()

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        self.bought[pTrade.InstrumentID] += pTrade.Volume
        self.paid += pTrade.Price * pTrade.Volume
        print(f"  {pTrade.TradeTime} {pTrade.InstrumentID}: {pTrade.Volume} at {pTrade.Price:g}")


class Signals(mdapi.CThostFtdcMdSpi):
    """Buys the smallest lot of each share once, when it has dipped."""

    def __init__(self, api: mdapi.CThostFtdcMdApi, orders: Orders) -> None:
        super().__init__()
        self.api = api
        self.orders = orders
        self.seen: dict[str, list[float]] = {code: [] for code in CODES}
        self.asked: set[str] = set()

    def OnFrontConnected(self) -> None:
        self.api.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(), 1)

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.api.SubscribeMarketData(CODES, len(CODES))

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        tick = pDepthMarketData
        if not tick.BidVolume1 or not tick.AskVolume1:
            return
        prices = self.seen[tick.InstrumentID]
        prices.append(tick.LastPrice)
        if tick.InstrumentID not in self.asked and tick.LastPrice < sum(prices) / len(prices) * (1 - DIP):
            self.asked.add(tick.InstrumentID)
            self.buy(tick)

    def buy(self, tick: Any) -> None:
        volume = 200 if tick.InstrumentID.startswith("688") else 100
        order = tdapi.CThostFtdcInputOrderField(**WHO, InstrumentID=tick.InstrumentID, VolumeTotalOriginal=volume)
        order.Direction, order.CombOffsetFlag = tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open
        order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
        order.OrderPriceType, order.LimitPrice = tdapi.THOST_FTDC_OPT_LimitPrice, tick.AskPrice1
        order.TimeCondition, order.VolumeCondition = tdapi.THOST_FTDC_TC_GFD, tdapi.THOST_FTDC_VC_AV
        order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
        order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
        self.orders.api.ReqOrderInsert(order, 3)


def replay(folder: Path) -> None:
    """The recording, as fast as the strategy can."""
    address = f"tts://replay?data={folder}&speed=max&fills=full"
    trader = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    market = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
    orders = Orders(trader)
    signals = Signals(market, orders)
    trader.RegisterSpi(orders)
    trader.RegisterFront(address)
    trader.Init()
    if not orders.ready.wait(20):
        sys.exit("no login within 20 seconds")
    market.RegisterSpi(signals)
    market.RegisterFront(address)
    market.Init()  # its subscription starts the market
    if not counter(address).wait(60):
        sys.exit("the recording is not over after a minute")
    market.Release()
    trader.Release()
    shown = ", ".join(f"{volume} of {code}" for code, volume in orders.bought.items())
    print(
        f"replayed {sum(map(len, signals.seen.values()))} snapshots with quotes; bought {shown} for {orders.paid:,.2f}"
    )


with tempfile.TemporaryDirectory() as place:
    record(Path(place) / "recording")
    replay(Path(place) / "recording")
