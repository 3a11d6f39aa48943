"""11 · A test with faults: a strategy meets broken links and lost orders, and must hold exactly what it wants.

Run it with `python` or with `pytest`: the fixture `ctp2_counter` comes with ctp2. The faults are those of
docs/zh/testing.md; the strategy knows nothing of them.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from ctp2 import tdapi

WHO: Any = {"BrokerID": "9999", "InvestorID": "demo"}


class Holder(tdapi.CThostFtdcTraderSpi):
    """Buys one lot after the other until it holds `wanted`.

    What it learns from breaks: trades are counted once, by TradeID; after a login the private flow brings what was
    missed, and an order that ReqQryOrder does not know never arrived, so it is sent again.
    """

    def __init__(self, address: str, code: str, exchange: str, wanted: int) -> None:
        super().__init__()
        self.code, self.exchange, self.wanted = code, exchange, wanted
        self.trades: dict[str, int] = {}
        self.pending = ""  # OrderRef of the order whose end is not known yet
        self.known: set[str] = set()  # what ReqQryOrder has shown
        self.last_ref = 0
        self.session = 0
        self.done = threading.Event()
        self.api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        self.api.RegisterSpi(self)
        self.api.RegisterFront(address)
        self.api.Init()

    # Logging in, at the start and after every break.
    def OnFrontConnected(self) -> None:
        self.api.ReqUserLogin(tdapi.CThostFtdcReqUserLoginField(BrokerID="9999", UserID="demo", Password="x"), 1)

    def OnRspUserLogin(self, pRspUserLogin: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        if pRspInfo.ErrorID:
            self.OnFrontConnected()  # refused: again
            return
        self.api.ReqSettlementInfoConfirm(tdapi.CThostFtdcSettlementInfoConfirmField(**WHO), 2)

    def OnRspSettlementInfoConfirm(self, pConfirm: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.ask_orders()

    def ask_orders(self) -> None:
        self.known.clear()
        self.api.ReqQryOrder(tdapi.CThostFtdcQryOrderField(**WHO), 3)

    def OnRspQryOrder(self, pOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        if pOrder is not None:
            self.known.add(pOrder.OrderRef)
        if bIsLast and pRspInfo is None:
            if self.pending not in self.known:
                self.pending = ""  # it never arrived
            self.trade()

    def OnRspError(self, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.ask_orders()  # 90: the query came too soon

    # Trading.
    def trade(self) -> None:
        held = sum(self.trades.values())
        if held >= self.wanted:
            self.done.set()
        elif not self.pending:
            self.last_ref += 1
            self.pending = str(self.last_ref)
            order = tdapi.CThostFtdcInputOrderField(**WHO, InstrumentID=self.code, ExchangeID=self.exchange)
            order.OrderRef, order.VolumeTotalOriginal, order.LimitPrice = self.pending, 1, 4310.0
            order.Direction, order.CombOffsetFlag = tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_OF_Open
            order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
            order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
            order.TimeCondition, order.VolumeCondition = tdapi.THOST_FTDC_TC_GFD, tdapi.THOST_FTDC_VC_AV
            order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
            order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
            self.api.ReqOrderInsert(order, 4)  # -1 while the link is down: the next login finds out

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        if pTrade.TradeID not in self.trades:
            self.trades[pTrade.TradeID] = pTrade.Volume
            if pTrade.OrderRef == self.pending:
                self.pending = ""
            self.trade()

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.pending = ""  # CTP refused it
        self.trade()

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        if pOrder.OrderRef == self.pending and pOrder.OrderStatus == tdapi.THOST_FTDC_OST_Canceled:
            self.pending = ""  # the exchange rejected it
            self.trade()


FAULTS = [
    "",  # an ordinary day
    "drop:order=2,reconnect=50ms",  # the second order is carried out, and the link breaks before its return
    "drop:order=2,requests=lost,reconnect=50ms",  # the second order never arrives
    "drop:trade=1,reconnect=50ms;login:login=2",  # a break behind a trade, and the first login after it fails
    "half_dead:order=2,timeout=100ms,reconnect=50ms",  # the order goes out, nothing comes back, 8193
    "late_fills:time=50ms;repeat:chance=50%",
    "drop:trade=2,reconnect=50ms;resend:count=4",  # the break brings the last returns once more
    "refuse:order=1;reject:order=2;query_error:query=1",
    "drop:chance=10%,reconnect=10ms;delay:time=1ms..20ms",  # a bad day
]


@pytest.mark.parametrize("faults", FAULTS)
def test_it_holds_three_lots_whatever_happens(ctp2_counter: Any, faults: str) -> None:
    """The strategy's own count and the counter's agree."""
    counter = ctp2_counter(faults=faults, seed=7)
    strategy = Holder(counter.address, "rb2605", "SHFE", wanted=3)
    try:
        assert strategy.done.wait(20), f"holds {sum(strategy.trades.values())}, waits for {strategy.pending!r}"
    finally:
        strategy.api.Release()
    counter.faults.clear()
    # What it believes is what the counter has.
    assert sum(strategy.trades.values()) == counter.trader().position("rb2605")["long"] == 3


if __name__ == "__main__":
    # A process of its own: there pytest is the first to import ctp2, and its asserts explain themselves.
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]))
