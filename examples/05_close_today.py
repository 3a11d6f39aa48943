"""05 · Close today on SHFE: today's lots and yesterday's are two rows, and an order says which of them it closes.

TEST follows SHFE's rules. `3` CloseToday works on today's lots only (error 50 when they are too few), `1` Close and `4`
CloseYesterday on yesterday's only (51). Lots that a waiting order wants to close are frozen and cannot be closed twice.
"""

from __future__ import annotations

import queue
import sys
from typing import Any

from ctp2 import tdapi

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tts://7x24"
CODE = "TEST"
BUY, SELL = tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_D_Sell
OPEN, CLOSE = tdapi.THOST_FTDC_OF_Open, tdapi.THOST_FTDC_OF_Close
CLOSE_TODAY, CLOSE_YESTERDAY = tdapi.THOST_FTDC_OF_CloseToday, tdapi.THOST_FTDC_OF_CloseYesterday
NAMES = {OPEN: "open", CLOSE: "Close", CLOSE_TODAY: "CloseToday", CLOSE_YESTERDAY: "CloseYesterday"}


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

    def OnRspQryInvestorPosition(self, pPosition: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("position", pPosition, bIsLast))

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

    def send(self, direction: str, offset: str, price: float, volume: int) -> str:
        """A limit order for the day; returns what became of it: its last status, or the refusal."""
        self.last_ref += 1
        order = tdapi.CThostFtdcInputOrderField(**self.who, InstrumentID=CODE, ExchangeID="SHFE")
        order.OrderRef = str(self.last_ref)
        order.Direction = direction
        order.CombOffsetFlag = offset
        order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
        order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
        order.LimitPrice = price
        order.VolumeTotalOriginal = volume
        order.TimeCondition = tdapi.THOST_FTDC_TC_GFD
        order.VolumeCondition = tdapi.THOST_FTDC_VC_AV
        order.MinVolume = 1
        order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
        order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
        self.api.ReqOrderInsert(order, self.last_ref)
        name, record, info = self.wait_for("order 3", "order 0", "refused")
        word = "buy" if direction == BUY else "sell"
        text = f"{info.ErrorID} {info.ErrorMsg}" if name == "refused" else record.StatusMsg
        print(f"{self.who['InvestorID']:6} {word} {volume} {NAMES[offset]}: {text}")
        return text

    def show_position(self) -> None:
        """The rows: PositionDate 1 is today's, 2 yesterday's."""
        self.api.ReqQryInvestorPosition(tdapi.CThostFtdcQryInvestorPositionField(**self.who), 800)
        while True:
            _, row, is_last = self.wait_for("position")
            if row is not None:
                day = "today" if row.PositionDate == "1" else "yesterday"
                free = row.Position - row.ShortFrozen
                print(f"       {day}: {row.Position} long, {row.ShortFrozen} frozen, {free} can be closed")
            if is_last:
                return

    def balance(self) -> Any:
        """The account's money."""
        self.api.ReqQryTradingAccount(tdapi.CThostFtdcQryTradingAccountField(**self.who), 900)
        return self.wait_for("account")[1]


trader, other = Account("trader"), Account("other")
other.send(SELL, OPEN, 100, 3)
opened = trader.send(BUY, OPEN, 100, 3)
trader.wait_for("trade")
trader.show_position()

results = [
    trader.send(SELL, CLOSE, 101, 1),  # yesterday's lots: there are none
    trader.send(SELL, CLOSE_YESTERDAY, 101, 1),
    trader.send(SELL, CLOSE_TODAY, 101, 4),  # three were bought
    trader.send(SELL, CLOSE_TODAY, 101, 2),  # waits, and freezes two
    trader.send(SELL, CLOSE_TODAY, 102, 2),  # one is left
]
trader.show_position()
other.send(BUY, CLOSE_TODAY, 101, 2)
trader.wait_for("trade")
trader.show_position()
if [text.split()[0] for text in results] != ["51", "51", "50", "未成交", "50"]:
    sys.exit(f"SHFE answers otherwise: {results}")

# Two lots bought at 100 and sold at 101, 10 per point: 20; fees 1 a lot for opening 3 and closing 2: 5.
account = trader.balance()
print(
    f"close profit {account.CloseProfit:g}, fees {account.Commission:g}, margin of the lot left {account.CurrMargin:g}"
)
other.api.Release()
trader.api.Release()
