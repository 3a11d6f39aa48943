"""09 · A backtest in lock step: the callbacks that trade live, over recorded days, as fast as they can.

With `speed=max` the next snapshot comes when every Api object has finished with the last one and nothing that it asked
is waiting, so each order meets the market of the snapshot that it was sent for, and two runs give the same trades.
Between recorded days the counter settles: the front disconnects (4097) and connects again, the strategy logs in as it
does every morning.

    python 09_backtest.py                       the day that ships with ctp2
    python 09_backtest.py "tts://replay?data=FOLDER&from=20210104&to=20210106&speed=max"
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Any

from ctp2 import mdapi, tdapi
from ctp2.tts import counter

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tts://replay?data=sample&speed=max"
CODE = "IF2101"
WHO: Any = {"BrokerID": "9999", "InvestorID": "backtest"}
FLAT_AFTER = "14:50:00"
WINDOW = 600  # snapshots of the channel that the price has to leave

trader = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
market = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
ready = threading.Event()  # the trader is logged in and confirmed
settled = threading.Event()  # the statement of the last day has come
held = 0  # lots, below zero short
asked = 0  # lots of orders on their way
trades = 0
statement: list[bytes] = []


class Orders(tdapi.CThostFtdcTraderSpi):
    """Logs in at every connection: at the start, and each morning after a settlement."""

    def OnFrontConnected(self) -> None:
        global held, asked
        held = asked = 0  # flat overnight
        trader.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="backtest", Password="x"), 1)

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("trading day", pRspUserLogin.TradingDay)
        trader.ReqSettlementInfoConfirm(tdapi.CThostFtdcSettlementInfoConfirmField(**WHO), 2)

    def OnRspSettlementInfoConfirm(self, pConfirm: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        if not ready.is_set():
            ready.set()
        else:
            statement.clear()
            trader.ReqQrySettlementInfo(tdapi.CThostFtdcQrySettlementInfoField(**WHO), 3)

    def OnRspQrySettlementInfo(self, pSettlementInfo: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        statement.append(pSettlementInfo.Content)
        if bIsLast:
            show(b"".join(statement).decode("gbk"))
            settled.set()

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        global held, asked, trades
        sign = 1 if pTrade.Direction == tdapi.THOST_FTDC_D_Buy else -1
        held += sign * pTrade.Volume
        asked -= pTrade.Volume
        trades += 1


class Signals(mdapi.CThostFtdcMdSpi):
    """Buys above the channel of the last snapshots, sells below it, is flat at the end of the day."""

    def __init__(self) -> None:
        super().__init__()
        self.prices: deque[float] = deque(maxlen=WINDOW)

    def OnFrontConnected(self) -> None:
        self.prices.clear()
        market.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(), 1)

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        market.SubscribeMarketData([CODE], 1)

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        tick = pDepthMarketData
        if asked or not tick.BidVolume1 or not tick.AskVolume1:
            return
        wanted = held
        if tick.UpdateTime >= FLAT_AFTER:
            wanted = 0
        elif len(self.prices) == WINDOW:
            wanted = 1 if tick.LastPrice > max(self.prices) else -1 if tick.LastPrice < min(self.prices) else held
        self.prices.append(tick.LastPrice)
        if wanted != held:
            send(tick, tdapi.THOST_FTDC_OF_Close if held else tdapi.THOST_FTDC_OF_Open, wanted > held)


def send(tick: Any, offset: str, is_buy: bool) -> None:
    """One lot at the opposite quote: it trades at once or not at all."""
    global asked
    asked += 1
    order = tdapi.CThostFtdcInputOrderField(**WHO, InstrumentID=CODE, ExchangeID="CFFEX", VolumeTotalOriginal=1)
    order.Direction = tdapi.THOST_FTDC_D_Buy if is_buy else tdapi.THOST_FTDC_D_Sell
    order.CombOffsetFlag, order.CombHedgeFlag = offset, tdapi.THOST_FTDC_HF_Speculation
    order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
    order.LimitPrice = tick.AskPrice1 if is_buy else tick.BidPrice1
    order.TimeCondition, order.VolumeCondition = tdapi.THOST_FTDC_TC_GFD, tdapi.THOST_FTDC_VC_AV
    order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
    order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
    trader.ReqOrderInsert(order, 4)


def show(text: str) -> None:
    """The head of a statement: its day and the account's figures."""
    lines = text.splitlines()
    print(f"  {trades} trades so far")
    for label in ("Date", "Balance b/f", "Realized P/L", "Commission", "Balance c/f", "Client Equity"):
        line = next((line for line in lines if f"{label}：" in line), "")
        figure = line.split(f"{label}：", 1)[-1].split()[0] if line else "-"
        print(f"  {label:<14}{figure:>16}")


orders, signals = Orders(), Signals()
trader.RegisterSpi(orders)
trader.RegisterFront(ADDRESS)
trader.Init()
if not ready.wait(10):
    sys.exit("no login within 10 seconds")
control = counter(ADDRESS)
market.RegisterSpi(signals)
market.RegisterFront(ADDRESS)
market.Init()  # its subscription starts the market
with control.show_progress():  # a bar, where the standard error output is a terminal
    if not control.wait(600):
        sys.exit("the recording is not over after ten minutes")
settled.clear()
control.settle()  # the last day too
if not settled.wait(10):
    sys.exit("no statement within 10 seconds")
market.Release()
trader.Release()
