"""03 · Orders and cancels: a resting limit order and its cancel, a FAK, a FOK, with every callback printed."""

from __future__ import annotations

import sys
import threading
from typing import Any

from ctp2 import tdapi

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tts://7x24?speed=20"
WHO: Any = {"BrokerID": "9999", "InvestorID": "demo"}


class Printer(tdapi.CThostFtdcTraderSpi):
    """Prints each callback; `done` is set by the one that the main thread waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.done = threading.Event()
        self.until: tuple[str, ...] = ()
        self.instrument: Any = None
        self.quote: Any = None
        self.login: Any = None

    def OnFrontConnected(self) -> None:
        print("OnFrontConnected")
        self.done.set()

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("OnRspUserLogin", pRspUserLogin.TradingDay, pRspInfo.ErrorMsg)
        self.login = pRspUserLogin
        self.done.set()

    def OnRspSettlementInfoConfirm(self, pConfirm: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("OnRspSettlementInfoConfirm", pConfirm.ConfirmDate)
        self.done.set()

    def OnRspQryInstrument(self, pInstrument: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("OnRspQryInstrument", pInstrument.InstrumentID, pInstrument.ExchangeID, pInstrument.PriceTick)
        self.instrument = self.instrument or pInstrument
        if bIsLast:
            self.done.set()

    def OnRspQryDepthMarketData(self, pQuote: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("OnRspQryDepthMarketData", pQuote.InstrumentID, pQuote.BidPrice1, pQuote.AskPrice1)
        self.quote = pQuote
        self.done.set()

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("OnRspOrderInsert", pRspInfo.ErrorID, pRspInfo.ErrorMsg)
        self.done.set()

    def OnErrRtnOrderInsert(self, pInputOrder: Any, pRspInfo: Any) -> None:
        print("OnErrRtnOrderInsert", pRspInfo.ErrorID, pRspInfo.ErrorMsg)

    def OnRspOrderAction(self, pInputOrderAction: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("OnRspOrderAction", pRspInfo.ErrorID, pRspInfo.ErrorMsg)
        self.done.set()

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        print(f"OnRtnOrder {pOrder.OrderRef} {pOrder.OrderStatus} {pOrder.StatusMsg} ({pOrder.VolumeTraded} traded)")
        if pOrder.OrderStatus in self.until:
            self.done.set()

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        print(f"OnRtnTrade {pTrade.OrderRef} {pTrade.Volume} at {pTrade.Price:g}")


def step(name: str, request: Any, *until: str) -> None:
    """Send a request and wait for its answer, or until the order reaches one of these statuses."""
    print(f"— {name}")
    spi.done.clear()
    spi.until = until
    code = request()
    if code:
        sys.exit(f"{name}: could not be sent ({code})")
    if not spi.done.wait(timeout=10):
        sys.exit(f"{name}: no answer within 10 seconds")


def connect() -> int:
    """Init says nothing; the answer is OnFrontConnected."""
    api.Init()
    return 0


def insert(order_ref: int, price: float, time_condition: str, volume_condition: str) -> int:
    """Buy one lot to open."""
    order = tdapi.CThostFtdcInputOrderField(
        **WHO,
        InstrumentID=spi.instrument.InstrumentID,
        ExchangeID=spi.instrument.ExchangeID,
        OrderRef=str(order_ref),
        Direction=tdapi.THOST_FTDC_D_Buy,
        CombOffsetFlag=tdapi.THOST_FTDC_OF_Open,
        CombHedgeFlag=tdapi.THOST_FTDC_HF_Speculation,
        OrderPriceType=tdapi.THOST_FTDC_OPT_LimitPrice,
        LimitPrice=price,
        VolumeTotalOriginal=1,
        MinVolume=1,
        TimeCondition=time_condition,
        VolumeCondition=volume_condition,
        ContingentCondition=tdapi.THOST_FTDC_CC_Immediately,
        ForceCloseReason=tdapi.THOST_FTDC_FCC_NotForceClose,
    )
    return api.ReqOrderInsert(order, order_ref)


def cancel(order_ref: int) -> int:
    """Cancel by front, session and reference: CTP's way without waiting for the exchange's number."""
    action = tdapi.CThostFtdcInputOrderActionField(
        **WHO,
        InstrumentID=spi.instrument.InstrumentID,
        ExchangeID=spi.instrument.ExchangeID,
        FrontID=spi.login.FrontID,
        SessionID=spi.login.SessionID,
        OrderRef=str(order_ref),
        ActionFlag=tdapi.THOST_FTDC_AF_Delete,
    )
    return api.ReqOrderAction(action, order_ref)


spi = Printer()
api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
api.RegisterSpi(spi)
api.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
api.RegisterFront(ADDRESS)

GFD, IOC = tdapi.THOST_FTDC_TC_GFD, tdapi.THOST_FTDC_TC_IOC
ANY, ALL = tdapi.THOST_FTDC_VC_AV, tdapi.THOST_FTDC_VC_CV
RESTING, CANCELLED = tdapi.THOST_FTDC_OST_NoTradeQueueing, tdapi.THOST_FTDC_OST_Canceled
FILLED = tdapi.THOST_FTDC_OST_AllTraded

step("connect", connect)
user = tdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="demo", Password="demo")
step("log in", lambda: api.ReqUserLogin(user, 1))
step("confirm", lambda: api.ReqSettlementInfoConfirm(tdapi.CThostFtdcSettlementInfoConfirmField(**WHO), 2))
# The code of a futures contract changes with the months, so ask for the product and take the first.
find = tdapi.CThostFtdcQryInstrumentField(ExchangeID="CFFEX", ProductID="IF")
step("find an instrument", lambda: api.ReqQryInstrument(find, 3))
look = tdapi.CThostFtdcQryDepthMarketDataField(InstrumentID=spi.instrument.InstrumentID)
step("look", lambda: api.ReqQryDepthMarketData(look, 4))
below, above = round(spi.quote.LastPrice - 20, 1), round(spi.quote.LastPrice + 20, 1)
step("limit order far below the market: it rests", lambda: insert(1, below, GFD, ANY), RESTING)
step("cancel it", lambda: cancel(1), CANCELLED)
step("FAK at a good price: fills, any rest is cancelled", lambda: insert(2, above, IOC, ANY), FILLED, CANCELLED)
step("FOK far below: cancelled as a whole", lambda: insert(3, below, IOC, ALL), CANCELLED)
api.Release()
