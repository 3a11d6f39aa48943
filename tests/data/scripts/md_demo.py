"""An MdApi program in the style of openctp's public demos. Usage: md_demo.py FRONT COUNT INSTRUMENT...

Subscribes the instruments, prints COUNT ticks, releases from inside the callback, and ends when Join returns.
"""

import sys

from openctp_ctp import mdapi


class MdDemo(mdapi.CThostFtdcMdSpi):
    def __init__(self, front, count, instruments):
        super().__init__()
        self.left = count
        self.instruments = instruments
        self.api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
        print("ApiVersion:", self.api.GetApiVersion())
        self.api.RegisterFront(front)
        self.api.RegisterSpi(self)
        self.api.Init()

    def OnFrontConnected(self):
        print("OnFrontConnected")
        self.api.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(), 0)

    def OnFrontDisconnected(self, nReason: int):
        print("OnFrontDisconnected", nReason)

    def OnRspUserLogin(self, pRspUserLogin, pRspInfo, nRequestID, bIsLast):
        if pRspInfo is not None and pRspInfo.ErrorID != 0:
            print("login refused:", pRspInfo.ErrorID, pRspInfo.ErrorMsg)
            return
        print("OnRspUserLogin", pRspUserLogin.TradingDay)
        self.api.SubscribeMarketData([code.encode() for code in self.instruments], len(self.instruments))

    def OnRspSubMarketData(self, pSpecificInstrument, pRspInfo, nRequestID, bIsLast):
        print("OnRspSubMarketData", pSpecificInstrument.InstrumentID, pRspInfo.ErrorID)

    def OnRtnDepthMarketData(self, pDepthMarketData):
        if self.left == 0:
            return
        print(
            pDepthMarketData.InstrumentID,
            pDepthMarketData.UpdateTime,
            pDepthMarketData.LastPrice,
            pDepthMarketData.BidPrice1,
            pDepthMarketData.AskPrice1,
            pDepthMarketData.Volume,
        )
        self.left -= 1
        if self.left == 0:
            self.api.Release()


if __name__ == "__main__":
    demo = MdDemo(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
    demo.api.Join()
    print("done")
