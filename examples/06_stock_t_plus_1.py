"""06 · T+1: shares bought today can be sold tomorrow at the earliest, yesterday's today.

An account with 500 shares from yesterday buys 200 more, tries to sell them at once (error 30), and sells old ones.
"""

from __future__ import annotations

import queue
import sys
from typing import Any

from ctp2 import tdapi
from ctp2.tts import counter

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tts://7x24?id=example06&fills=full&speed=200"
CODE, EXCHANGE = "600519", "SSE"
WHO: Any = {"BrokerID": "9999", "InvestorID": "demo"}

inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()


class Trader(tdapi.CThostFtdcTraderSpi):
    """Callbacks come on the api's own thread: they only hand over."""

    def OnFrontConnected(self) -> None:
        inbox.put(("connected", None))

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("login", pRspUserLogin))

    def OnRspSettlementInfoConfirm(self, pConfirm: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("confirmed", pConfirm))

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("refused", pRspInfo))

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        if pOrder.OrderStatus == tdapi.THOST_FTDC_OST_Canceled:
            inbox.put(("cancelled", pOrder))

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        inbox.put(("trade", pTrade))

    def OnRspQryDepthMarketData(self, pDepth: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("depth", pDepth))

    def OnRspQryInvestorPosition(self, pPosition: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("position", pPosition))

    def OnRspQryTradingAccount(self, pAccount: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        inbox.put(("account", pAccount))


def wait_for(*names: str) -> tuple[str, Any]:
    """The next message of one of these names; a counter that stays silent for ten seconds ends the program."""
    while True:
        arrived, content = inbox.get(timeout=10)
        if arrived in names:
            return arrived, content


def send(direction: str, offset: str, volume: int, price: float, order_ref: int) -> None:
    """A limit order at the best price the exchange allows: it takes the other side of the quote."""
    order = tdapi.CThostFtdcInputOrderField(**WHO, InstrumentID=CODE, ExchangeID=EXCHANGE, OrderRef=str(order_ref))
    order.Direction = direction
    order.CombOffsetFlag = offset
    order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
    order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
    order.LimitPrice = price
    order.VolumeTotalOriginal = volume
    order.TimeCondition = tdapi.THOST_FTDC_TC_GFD
    order.VolumeCondition = tdapi.THOST_FTDC_VC_AV
    order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
    order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
    trader.ReqOrderInsert(order, order_ref)


def outcome() -> str:
    """What became of the order."""
    arrived, content = wait_for("trade", "refused", "cancelled")
    if arrived == "refused":
        return f"refused: {content.ErrorID} {content.ErrorMsg}"
    if arrived == "cancelled":
        return f"cancelled: {content.StatusMsg}"
    return f"{content.Volume} at {content.Price:g}"


def show_position(request_id: int) -> None:
    """YdPosition never changes during the day; what may be sold is Position - TodayPosition - ShortFrozen."""
    trader.ReqQryInvestorPosition(tdapi.CThostFtdcQryInvestorPositionField(**WHO, InstrumentID=CODE), request_id)
    _, row = wait_for("position")
    print(f"   yesterday {row.YdPosition}, now {row.Position}, of them bought today {row.TodayPosition}")


trader_spi = Trader()
trader = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
trader.RegisterSpi(trader_spi)
trader.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
trader.RegisterFront(ADDRESS)
trader.Init()
wait_for("connected")
trader.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="demo", Password="demo"), 1)
wait_for("login")
trader.ReqSettlementInfoConfirm(tdapi.CThostFtdcSettlementInfoConfirmField(**WHO), 2)
wait_for("confirmed")

# A real account has these from an earlier day; this counter lives for one day only, so its owner gives them.
control = counter(ADDRESS)
control.carry("demo", EXCHANGE, CODE, 500, 1700.0)
control.step(20)  # until the share has a quote
print("500 shares from yesterday")
show_position(3)

# The record's first snapshot of the day gives the limits; between them the quote decides.
trader.ReqQryDepthMarketData(tdapi.CThostFtdcQryDepthMarketDataField(InstrumentID=CODE, ExchangeID=EXCHANGE), 4)
_, depth = wait_for("depth")
buy_price, sell_price = depth.UpperLimitPrice, depth.LowerLimitPrice

send(tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open, 200, buy_price, 1)
print("buy 200:", outcome())
show_position(5)

send(tdapi.THOST_FTDC_D_Sell, tdapi.THOST_FTDC_OF_Close, 700, sell_price, 2)
print("sell all 700:", outcome())

send(tdapi.THOST_FTDC_D_Sell, tdapi.THOST_FTDC_OF_Close, 500, sell_price, 3)
print("sell yesterday's 500:", outcome())
show_position(6)

send(tdapi.THOST_FTDC_D_Sell, tdapi.THOST_FTDC_OF_Close, 200, sell_price, 4)
print("sell today's 200:", outcome())

trader.ReqQryTradingAccount(tdapi.CThostFtdcQryTradingAccountField(**WHO), 7)
_, account = wait_for("account")
print(f"fees {account.Commission:.2f}: the commission of each order, transfer fee, and stamp duty on the sale")
print(f"to spend {account.Available:,.2f}, to withdraw today {account.WithdrawQuota:,.2f}")
trader.Release()
