"""02 · Market data: subscribe and print until twenty quotes have come."""

from __future__ import annotations

import sys
import threading
from typing import Any

from ctp2 import mdapi

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tts://7x24?speed=20"
INSTRUMENTS = ["600519", "688293"]
WANTED = 20


def side(price: float, volume: int) -> str:
    """A side without volume has no price: CTP shows the largest double."""
    return f"{price:g} × {volume}" if volume else "–"


class Printer(mdapi.CThostFtdcMdSpi):
    """Everything happens in callbacks, one after the other, on the api's own thread."""

    def __init__(self, api: mdapi.CThostFtdcMdApi) -> None:
        super().__init__()
        self.api = api
        self.received = 0
        self.finished = threading.Event()

    def OnFrontConnected(self) -> None:
        print("connected")
        self.api.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="demo"), 1)

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("trading day", pRspUserLogin.TradingDay)
        self.api.SubscribeMarketData(INSTRUMENTS, len(INSTRUMENTS))

    def OnRspSubMarketData(self, pSpecificInstrument: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        print("subscribed", pSpecificInstrument.InstrumentID)

    def OnRtnDepthMarketData(self, pDepthMarketData: mdapi.CThostFtdcDepthMarketDataField) -> None:
        quote = pDepthMarketData
        bid = side(quote.BidPrice1, quote.BidVolume1)
        ask = side(quote.AskPrice1, quote.AskVolume1)
        print(f"{quote.UpdateTime} {quote.InstrumentID} {quote.LastPrice:g} bid {bid} ask {ask}")
        self.received += 1
        if self.received == WANTED:
            self.finished.set()


api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
spi = Printer(api)
api.RegisterSpi(spi)
api.RegisterFront(ADDRESS)
api.Init()
ended = spi.finished.wait(timeout=20)
api.Release()
sys.exit(0 if ended else "no market data within 20 seconds")
