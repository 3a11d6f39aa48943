"""04 · Market making with negative prices: two accounts meet in MINUS, one quotes both sides, the other takes.

MINUS (in `tts://7x24`) has no quotes but those of its users: price-time priority, prices from -500 to 500, 1000 per
point, margin and fee by the lot. The maker follows a fair value through zero and back, leans against what it holds, and
both are flat at the end. What one gains the other loses, apart from the fees.
"""

from __future__ import annotations

import queue
import sys
from typing import Any

from ctp2 import tdapi

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tts://7x24"
CODE, TICK = "MINUS", 0.01
HALF_SPREAD, LEAN, SIZE = 0.05, 0.02, 2
BUY, SELL = tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_D_Sell
OPEN, CLOSE_TODAY = tdapi.THOST_FTDC_OF_Open, tdapi.THOST_FTDC_OF_CloseToday
GFD, IOC = tdapi.THOST_FTDC_TC_GFD, tdapi.THOST_FTDC_TC_IOC

# The fair value of each round, and what the taker does then.
ROUNDS = [
    (-37.63, BUY),
    (-37.61, SELL),
    (-0.02, SELL),
    (0.01, BUY),
    (-12.34, BUY),
    (-12.35, BUY),
    (-12.38, SELL),
    (-12.36, SELL),
]


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

    def OnRspQryTradingAccount(self, pAccount: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("account", pAccount, None))

    def wait_for(self, *names: str) -> tuple[str, Any, Any]:
        """The next message of one of these names; ten seconds of silence end the program."""
        while True:
            try:
                message = self.inbox.get(timeout=10)
            except queue.Empty:
                sys.exit(f"{self.who['InvestorID']}: no {' or '.join(names)} within 10 seconds")
            if message[0] in names:
                return message

    def send(self, direction: str, offset: str, price: float, volume: int, time_condition: str = GFD) -> str:
        """A limit order; returns its OrderRef."""
        self.last_ref += 1
        order = tdapi.CThostFtdcInputOrderField(**self.who, InstrumentID=CODE, ExchangeID="SHFE")
        order.OrderRef = str(self.last_ref)
        order.Direction = direction
        order.CombOffsetFlag = offset
        order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
        order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
        order.LimitPrice = round(price, 2)
        order.VolumeTotalOriginal = volume
        order.TimeCondition = time_condition
        order.VolumeCondition = tdapi.THOST_FTDC_VC_AV
        order.MinVolume = 1
        order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
        order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
        self.api.ReqOrderInsert(order, self.last_ref)
        return order.OrderRef

    def rest(self, direction: str, offset: str, price: float, volume: int) -> Any:
        """A limit order that waits in the book; returns its record."""
        self.send(direction, offset, price, volume)
        name, record, info = self.wait_for("order 3", "refused")
        if name == "refused":
            sys.exit(f"refused: {info.ErrorID} {info.ErrorMsg}")
        return record

    def cancel(self, order: Any) -> None:
        """Take an order out of the book."""
        action = tdapi.CThostFtdcInputOrderActionField(**self.who, ExchangeID="SHFE", ActionFlag="0")
        action.OrderSysID = order.OrderSysID
        self.api.ReqOrderAction(action, 0)
        self.wait_for("order 5")

    def balance(self) -> Any:
        """The account's money."""
        self.api.ReqQryTradingAccount(tdapi.CThostFtdcQryTradingAccountField(**self.who), 900)
        return self.wait_for("account")[1]


maker, taker = Account("maker"), Account("taker")
held = 0  # by the maker; the taker holds the opposite
for fair, side in ROUNDS:
    middle = fair - LEAN * held
    quotes = {
        BUY: maker.rest(BUY, OPEN if held >= 0 else CLOSE_TODAY, middle - HALF_SPREAD, min(SIZE, abs(held) or SIZE)),
        SELL: maker.rest(SELL, OPEN if held <= 0 else CLOSE_TODAY, middle + HALF_SPREAD, min(SIZE, abs(held) or SIZE)),
    }
    hit = quotes[SELL if side == BUY else BUY]
    volume = hit.VolumeTotalOriginal
    is_close = held > 0 if side == BUY else held < 0  # the taker's position is the other sign
    taker.send(side, CLOSE_TODAY if is_close else OPEN, hit.LimitPrice, volume, IOC)
    trade = maker.wait_for("trade")[1]
    taker.wait_for("trade")
    held += -volume if side == BUY else volume
    maker.cancel(quotes[side])
    bid, ask = quotes[BUY].LimitPrice, quotes[SELL].LimitPrice
    word = "buys" if side == BUY else "sells"
    print(
        f"fair {fair:7.2f}: {bid:7.2f} / {ask:7.2f}, taker {word} {volume} at {trade.Price:.2f}, maker holds {held:+d}"
    )

accounts = {"maker": maker.balance(), "taker": taker.balance()}
for name, account in accounts.items():
    gain, profit, fees = account.Balance - account.PreBalance, account.CloseProfit, account.Commission
    print(f"{name}: {gain:+,.2f} = {profit:+,.2f} {-fees:+,.2f} fees, margin {account.CurrMargin:g}")
if held or sum(account.CloseProfit for account in accounts.values()):
    sys.exit("what one gains the other loses, and both end flat")
taker.api.Release()
maker.api.Release()
