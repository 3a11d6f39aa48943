"""A statement query as written for openctp_ctp: the chunks are bytes, joined, then decoded.

Usage: statement_demo.py FRONT USER FILE
"""

import sys
import threading

from openctp_ctp import tdapi


class StatementDemo(tdapi.CThostFtdcTraderSpi):
    def __init__(self, front, user):
        super().__init__()
        self.user = user
        self.content = b""
        self.done = threading.Event()
        self.api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        self.api.RegisterSpi(self)
        self.api.RegisterFront(front)
        self.api.Init()

    def OnFrontConnected(self):
        req = tdapi.CThostFtdcReqUserLoginField()
        req.BrokerID = "9999"
        req.UserID = self.user
        req.Password = "secret"
        self.api.ReqUserLogin(req, 1)

    def OnRspUserLogin(self, pRspUserLogin, pRspInfo, nRequestID, bIsLast):
        req = tdapi.CThostFtdcQrySettlementInfoField()
        req.BrokerID = "9999"
        req.InvestorID = self.user
        self.api.ReqQrySettlementInfo(req, 2)

    def OnRspQrySettlementInfo(self, pSettlementInfo, pRspInfo, nRequestID, bIsLast):
        if pSettlementInfo is not None:
            self.content += pSettlementInfo.Content
        if bIsLast:
            self.done.set()


if __name__ == "__main__":
    demo = StatementDemo(sys.argv[1], sys.argv[2])
    if not demo.done.wait(30):
        sys.exit(1)
    with open(sys.argv[3], "w", encoding="utf-8", newline="") as file:
        file.write(demo.content.decode("gbk"))
    demo.api.Release()
