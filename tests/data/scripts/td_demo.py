"""A TraderApi program in the style of openctp's public demos.

Usage: td_demo.py FRONT INSTRUMENT PRICE [USER [PASSWORD]]

Connects, authenticates, logs in, confirms the settlement, asks for instrument, account and position, buys one lot and
waits for the trade, then rests another order far away and cancels it.
"""

import sys
import threading

from openctp_ctp import tdapi

BROKER = "9999"
TIMEOUT = 30


class TdDemo(tdapi.CThostFtdcTraderSpi):
    def __init__(self, front, instrument, price, user="demo", password="demo"):
        super().__init__()
        self.instrument = instrument
        self.price = price
        self.user = user
        self.password = password
        self.exchange = ""
        self.request_id = 0
        self.order_ref = 0
        self.resting = None
        self.done = threading.Semaphore(0)
        self.traded = threading.Semaphore(0)
        self.rested = threading.Semaphore(0)
        self.cancelled = threading.Semaphore(0)
        self.api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        print("ApiVersion:", self.api.GetApiVersion())
        self.api.RegisterSpi(self)
        self.api.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
        self.api.SubscribePublicTopic(tdapi.THOST_TERT_QUICK)
        self.api.RegisterFront(front)
        self.api.Init()

    def next_id(self):
        self.request_id += 1
        return self.request_id

    def wait(self, semaphore, what):
        if not semaphore.acquire(timeout=TIMEOUT):
            print("timeout waiting for", what)
            self.api.Release()
            sys.exit(1)

    def refused(self, what, pRspInfo):
        if pRspInfo is not None and pRspInfo.ErrorID != 0:
            print(what, "refused:", pRspInfo.ErrorID, pRspInfo.ErrorMsg)
            return True
        return False

    # --- connection

    def OnFrontConnected(self):
        print("OnFrontConnected")
        req = tdapi.CThostFtdcReqAuthenticateField()
        req.BrokerID = BROKER
        req.UserID = self.user
        req.AppID = "simnow_client_test"
        req.AuthCode = "0000000000000000"
        self.api.ReqAuthenticate(req, self.next_id())

    def OnFrontDisconnected(self, nReason: int):
        print("OnFrontDisconnected", nReason)

    def OnRspAuthenticate(self, pRspAuthenticateField, pRspInfo, nRequestID, bIsLast):
        print("OnRspAuthenticate", pRspInfo.ErrorID, pRspInfo.ErrorMsg)
        req = tdapi.CThostFtdcReqUserLoginField()
        req.BrokerID = BROKER
        req.UserID = self.user
        req.Password = self.password
        req.UserProductInfo = "td_demo"
        self.api.ReqUserLogin(req, self.next_id())

    def OnRspUserLogin(self, pRspUserLogin, pRspInfo, nRequestID, bIsLast):
        if self.refused("login", pRspInfo):
            return
        print("OnRspUserLogin", pRspUserLogin.TradingDay, self.api.GetTradingDay(), pRspUserLogin.SessionID)
        req = tdapi.CThostFtdcSettlementInfoConfirmField()
        req.BrokerID = BROKER
        req.InvestorID = self.user
        self.api.ReqSettlementInfoConfirm(req, self.next_id())

    def OnRspSettlementInfoConfirm(self, pSettlementInfoConfirm, pRspInfo, nRequestID, bIsLast):
        print("OnRspSettlementInfoConfirm", pRspInfo.ErrorID)
        self.done.release()

    # --- queries

    def OnRspQryInstrument(self, pInstrument, pRspInfo, nRequestID, bIsLast):
        if pInstrument is not None:
            print("Instrument", pInstrument.InstrumentID, pInstrument.ExchangeID, pInstrument.PriceTick)
            self.exchange = pInstrument.ExchangeID
        if bIsLast:
            self.done.release()

    def OnRspQryTradingAccount(self, pTradingAccount, pRspInfo, nRequestID, bIsLast):
        if pTradingAccount is not None:
            print("Account", pTradingAccount.AccountID, pTradingAccount.Available)
        if bIsLast:
            self.done.release()

    def OnRspQryInvestorPosition(self, pInvestorPosition, pRspInfo, nRequestID, bIsLast):
        if pInvestorPosition is not None:
            print("Position", pInvestorPosition.InstrumentID, pInvestorPosition.Position)
        if bIsLast:
            self.done.release()

    # --- orders

    def OnRspOrderInsert(self, pInputOrder, pRspInfo, nRequestID, bIsLast):
        self.refused("order", pRspInfo)

    def OnRspOrderAction(self, pInputOrderAction, pRspInfo, nRequestID, bIsLast):
        if self.refused("cancel", pRspInfo):
            self.cancelled.release()

    def OnRtnOrder(self, pOrder):
        print("OnRtnOrder", pOrder.OrderRef.strip(), pOrder.OrderStatus, pOrder.VolumeTraded, pOrder.StatusMsg)
        if pOrder.OrderRef.strip() != str(self.order_ref):
            return
        self.resting = pOrder
        if pOrder.OrderStatus == tdapi.THOST_FTDC_OST_NoTradeQueueing:
            self.rested.release()
        if pOrder.OrderStatus == tdapi.THOST_FTDC_OST_Canceled:
            self.cancelled.release()

    def OnRtnTrade(self, pTrade):
        print("OnRtnTrade", pTrade.OrderRef.strip(), pTrade.Price, pTrade.Volume)
        self.traded.release()

    # --- the program

    def insert(self, price):
        self.order_ref += 1
        req = tdapi.CThostFtdcInputOrderField()
        req.BrokerID = BROKER
        req.InvestorID = self.user
        req.UserID = self.user
        req.ExchangeID = self.exchange
        req.InstrumentID = self.instrument
        req.OrderRef = str(self.order_ref)
        req.Direction = tdapi.THOST_FTDC_D_Buy
        req.CombOffsetFlag = tdapi.THOST_FTDC_OF_Open
        req.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
        req.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
        req.LimitPrice = price
        req.VolumeTotalOriginal = 1
        req.TimeCondition = tdapi.THOST_FTDC_TC_GFD
        req.VolumeCondition = tdapi.THOST_FTDC_VC_AV
        req.MinVolume = 1
        req.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
        req.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
        return self.api.ReqOrderInsert(req, self.next_id())

    def insert_until(self, semaphore, price, what):
        """Insert, and again when the exchange refuses because its market is not open yet."""
        self.resting = None
        self.insert(price)
        for _ in range(TIMEOUT * 10):
            if semaphore.acquire(timeout=0.1):
                return
            if self.resting is not None and self.resting.OrderStatus == tdapi.THOST_FTDC_OST_Canceled:
                self.resting = None
                self.insert(price)
        self.wait(semaphore, what)

    def cancel(self):
        req = tdapi.CThostFtdcInputOrderActionField()
        req.BrokerID = BROKER
        req.InvestorID = self.user
        req.UserID = self.user
        req.ExchangeID = self.exchange
        req.InstrumentID = self.instrument
        req.FrontID = self.resting.FrontID
        req.SessionID = self.resting.SessionID
        req.OrderRef = self.resting.OrderRef
        req.ActionFlag = tdapi.THOST_FTDC_AF_Delete
        return self.api.ReqOrderAction(req, self.next_id())

    def run(self):
        self.wait(self.done, "login")
        req = tdapi.CThostFtdcQryInstrumentField()
        req.InstrumentID = self.instrument
        self.api.ReqQryInstrument(req, self.next_id())
        self.wait(self.done, "instrument")
        req = tdapi.CThostFtdcQryTradingAccountField()
        req.BrokerID = BROKER
        req.InvestorID = self.user
        self.api.ReqQryTradingAccount(req, self.next_id())
        self.wait(self.done, "account")
        req = tdapi.CThostFtdcQryInvestorPositionField()
        req.BrokerID = BROKER
        req.InvestorID = self.user
        self.api.ReqQryInvestorPosition(req, self.next_id())
        self.wait(self.done, "position")
        self.insert_until(self.traded, self.price, "trade")
        self.rested = threading.Semaphore(0)
        self.insert_until(self.rested, round(self.price * 0.95), "resting order")
        self.cancelled = threading.Semaphore(0)
        self.cancel()
        self.wait(self.cancelled, "cancel")
        self.api.Release()
        print("done")


if __name__ == "__main__":
    demo = TdDemo(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:])
    demo.run()
