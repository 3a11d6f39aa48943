"""08 · A call auction: orders are collected in status 3 and trade at one price in status 5.

A recorded day of two snapshots gives the phases (CFFEX: 09:25 collection, 09:29 match, 09:30 trading), `match=` has the
users trade with each other. The price is one with the most volume, among these one with the least left over, and when
buyers are left over at all of them the highest.

    price   buyers at it or above   sellers at it or below   volume   left over
    5240      3                       10                       3        7 sellers
    5236      5                       10                       5        5 sellers
    5230      9                        5                       5        4 buyers     this one
    5228      9                        5                       5        4 buyers
    5220      9                        2                       2        7 buyers
"""

from __future__ import annotations

import queue
import sys
import tempfile
from pathlib import Path
from typing import Any

from ctp2 import tdapi
from ctp2.tts import counter

CODE = "IF2101"
DAY = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,Volume,\
Turnover,OpenInterest,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
20210104,IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,0,0,90767,09:20:00,0,5229.8,5,5230.2,5,20210104
20210104,IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,0,0,90767,09:30:01,0,5229.8,5,5230.2,5,20210104
"""
BUY, SELL = tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_D_Sell
STATUS = {"1": "not trading", "2": "trading", "3": "collecting orders", "5": "matching"}

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "day_20210104.csv"
path.write_text(DAY, encoding="utf-8")
ADDRESS = f"tts://replay?data={path}&match={CODE}&balance=CNY:100000000"


class Account(tdapi.CThostFtdcTraderSpi):
    """One user: sends a request, waits for what answers it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.who: Any = {"BrokerID": "9999", "InvestorID": name}
        self.inbox: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self.last_ref = 0
        self.api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        self.api.RegisterSpi(self)
        self.api.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
        self.api.RegisterFront(ADDRESS)
        self.api.Init()
        self.wait_for("connected")
        self.api.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID=name, Password="x"), 1)
        self.wait_for("login")
        self.api.ReqSettlementInfoConfirm(tdapi.CThostFtdcSettlementInfoConfirmField(**self.who), 2)
        self.wait_for("confirmed")

    # Callbacks come on the api's own thread: they only hand over.
    def OnFrontConnected(self) -> None:
        self.inbox.put(("connected", None, None))

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("login", pRspUserLogin, pRspInfo))

    def OnRspSettlementInfoConfirm(self, pConfirm: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("confirmed", pConfirm, pRspInfo))

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("refused", pInputOrder, pRspInfo))

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        self.inbox.put((f"order {pOrder.OrderStatus}", pOrder, None))

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        self.inbox.put(("trade", pTrade, None))

    def wait_for(self, *names: str) -> tuple[str, Any, Any]:
        """The next message of one of these names; ten seconds of silence end the program."""
        while True:
            try:
                message = self.inbox.get(timeout=10)
            except queue.Empty:
                sys.exit(f"{self.who['InvestorID']}: no {' or '.join(names)} within 10 seconds")
            if message[0] in names:
                return message

    def OnRtnInstrumentStatus(self, pStatus: tdapi.CThostFtdcInstrumentStatusField) -> None:
        self.inbox.put((f"status {pStatus.InstrumentStatus}", pStatus, None))

    def send(self, direction: str, price: float, volume: int, time_condition: str = tdapi.THOST_FTDC_TC_GFD) -> str:
        """A limit order; returns what the exchange says of it."""
        self.last_ref += 1
        order = tdapi.CThostFtdcInputOrderField(**self.who, InstrumentID=CODE, ExchangeID="CFFEX")
        order.OrderRef = str(self.last_ref)
        order.Direction = direction
        order.CombOffsetFlag = tdapi.THOST_FTDC_OF_Open
        order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
        order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
        order.LimitPrice = price
        order.VolumeTotalOriginal = volume
        order.TimeCondition = time_condition
        order.VolumeCondition = tdapi.THOST_FTDC_VC_AV
        order.MinVolume = 1
        order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
        order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
        self.api.ReqOrderInsert(order, self.last_ref)
        name, record, info = self.wait_for("order 3", "order 5", "refused")
        return f"{info.ErrorID} {info.ErrorMsg}" if name == "refused" else record.StatusMsg


buyer, seller = Account("buyer"), Account("seller")
market = counter(ADDRESS)
market.pause()  # the day's first snapshot is played by hand, and so is each phase


def go_to(status: str) -> None:
    """Play the day until the product enters a phase."""
    market.step()
    buyer.wait_for(f"status {status}")
    print(f"— {STATUS[status]}")


market.step()
go_to("3")
for price, volume in ((5240, 3), (5236, 2), (5230, 4)):
    print(f"buy  {volume} at {price}: {buyer.send(BUY, price, volume)}")
for price, volume in ((5236, 5), (5228, 3), (5220, 2)):
    print(f"sell {volume} at {price}: {seller.send(SELL, price, volume)}")
print(f"FAK in the auction: {buyer.send(BUY, 5240, 1, tdapi.THOST_FTDC_TC_IOC)}")

go_to("5")
traded = 0
while traded < 5:
    trade = buyer.wait_for("trade")[1]
    traded += trade.Volume
    print(f"trade: {trade.Volume} at {trade.Price:g}, order {trade.OrderRef}")
    if trade.Price != 5230:
        sys.exit("an auction has one price: 5230")

go_to("2")
# The buyers' rest, 4 at 5230, waits on: an order that reaches it trades at once.
seller.send(SELL, 5230, 1)
trade = buyer.wait_for("trade")[1]
print(f"trade: {trade.Volume} at {trade.Price:g}, order {trade.OrderRef}")
seller.api.Release()
buyer.api.Release()
folder.cleanup()
