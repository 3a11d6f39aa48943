"""07 · An ETF option between two accounts: premium, the seller's margin, buying back, exercise too early.

The instruments come from a file, as your own would (docs/reference-data.md): a fund and a call on it that users trade
among themselves. Every amount is worked out beside the counter's; the program ends with 0 only if they are the same.
"""

from __future__ import annotations

import queue
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ctp2 import tdapi

CALL = "510050C3100"
STRIKE, SPOT, SETTLED, UNITS, FEE = 3.1, 3.0, 0.05, 10000, 1.6
EXPIRES = f"{date.today() + timedelta(days=60):%Y%m%d}"
INSTRUMENTS = f"""\
exchange,code,product,product_class,multiplier,price_tick,reference_price,underlying,strike,option_type,exercise_style,\
is_spot_option,expire_date,is_matched
SSE,510050,,,,,{SPOT},,,,,,,
SSE,{CALL},510050,option,{UNITS},0.0001,{SETTLED},510050,{STRIKE},call,european,1,{EXPIRES},1
"""
RATES = f"""\
exchange,instrument,open_by_volume,close_by_volume,close_today_by_volume
SSE,{CALL},{FEE},{FEE},{FEE}
"""


class Account(tdapi.CThostFtdcTraderSpi):
    """One user: sends a request, waits for what answers it."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__()
        self.name = name
        self.who: Any = {"BrokerID": "9999", "InvestorID": name}
        self.inbox: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self.refs = 0
        self.api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        self.api.RegisterSpi(self)
        self.api.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
        self.api.RegisterFront(address)
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

    def OnRspQryOptionInstrTradeCost(self, pCost: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("cost", pCost, pRspInfo))

    def OnRspQryTradingAccount(self, pAccount: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("account", pAccount, pRspInfo))

    def OnRspOrderInsert(self, pInputOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("refused", pInputOrder, pRspInfo))

    def OnRspExecOrderInsert(self, pInputExecOrder: Any, pRspInfo: Any, nRequestID: int, bIsLast: bool) -> None:
        self.inbox.put(("refused", pInputExecOrder, pRspInfo))

    def OnRtnOrder(self, pOrder: tdapi.CThostFtdcOrderField) -> None:
        if pOrder.OrderStatus == tdapi.THOST_FTDC_OST_NoTradeQueueing:
            self.inbox.put(("working", pOrder, None))

    def OnRtnTrade(self, pTrade: tdapi.CThostFtdcTradeField) -> None:
        self.inbox.put(("trade", pTrade, None))

    def OnRtnExecOrder(self, pExecOrder: tdapi.CThostFtdcExecOrderField) -> None:
        if pExecOrder.OrderSubmitStatus != tdapi.THOST_FTDC_OSS_InsertSubmitted:
            self.inbox.put(("exercise", pExecOrder, None))

    def wait_for(self, name: str) -> Any:
        """The next message of that name; a refusal, or ten seconds of silence, ends the program."""
        while True:
            arrived, content, info = self.inbox.get(timeout=10)
            if arrived == "refused":
                sys.exit(f"{self.name} refused: {info.ErrorID} {info.ErrorMsg}")
            if arrived == name:
                return content

    def order(self, direction: str, offset: str, volume: int, price: float) -> None:
        """A limit order for the day."""
        self.refs += 1
        order = tdapi.CThostFtdcInputOrderField(**self.who, InstrumentID=CALL, ExchangeID="SSE")
        order.OrderRef = str(self.refs)
        order.Direction = direction
        order.CombOffsetFlag = offset
        order.CombHedgeFlag = tdapi.THOST_FTDC_HF_Speculation
        order.OrderPriceType = tdapi.THOST_FTDC_OPT_LimitPrice
        order.LimitPrice = price
        order.VolumeTotalOriginal = volume
        order.MinVolume = 1
        order.TimeCondition = tdapi.THOST_FTDC_TC_GFD
        order.VolumeCondition = tdapi.THOST_FTDC_VC_AV
        order.ContingentCondition = tdapi.THOST_FTDC_CC_Immediately
        order.ForceCloseReason = tdapi.THOST_FTDC_FCC_NotForceClose
        self.api.ReqOrderInsert(order, self.refs)

    def money(self) -> Any:
        """The account's row."""
        self.api.ReqQryTradingAccount(tdapi.CThostFtdcQryTradingAccountField(**self.who), 100)
        return self.wait_for("account")


def check(what: str, came: float, worked_out: float) -> None:
    """Print an amount; end the program when it is not what was worked out."""
    print(f"  {what:<34}{came:>14,.2f}")
    if abs(came - worked_out) > 1e-6:
        sys.exit(f"{what}: {came}, but worked out {worked_out}")


folder = tempfile.TemporaryDirectory()
instruments, rates = Path(folder.name, "instruments.csv"), Path(folder.name, "rates.csv")
instruments.write_text(INSTRUMENTS, encoding="utf-8")
rates.write_text(RATES, encoding="utf-8")
address = f"tts://7x24?id=etf-option&instruments={instruments}&rates={rates}"
seller, buyer = Account("seller", address), Account("buyer", address)
BUY, SELL = tdapi.THOST_FTDC_D_Buy, tdapi.THOST_FTDC_D_Sell
OPEN, CLOSE = tdapi.THOST_FTDC_OF_Open, tdapi.THOST_FTDC_OF_Close
start = seller.money().Balance

# What selling one lot costs: 12 % of the fund less what the call is out of the money, at least 7 %; and the royalty.
fixed = max(0.12 * SPOT - (STRIKE - SPOT), 0.07 * SPOT) * UNITS
ask = tdapi.CThostFtdcQryOptionInstrTradeCostField(**seller.who, InstrumentID=CALL, HedgeFlag="1", InputPrice=0.052)
seller.api.ReqQryOptionInstrTradeCost(ask, 3)
cost = seller.wait_for("cost")
print(f"{CALL}: strike {STRIKE}, fund {SPOT}, expires {EXPIRES}")
check("fixed margin of a lot", cost.FixedMargin, fixed)
check("royalty of a lot at 0.052", cost.Royalty, 0.052 * UNITS)

print("seller offers 2 at 0.0520, buyer takes them")
seller.order(SELL, OPEN, 2, 0.052)
seller.wait_for("working")
check("seller's frozen margin", seller.money().FrozenMargin, 2 * (SETTLED * UNITS + fixed))
buyer.order(BUY, OPEN, 2, 0.053)
buyer.wait_for("trade")
seller.wait_for("trade")
sold, bought = seller.money(), buyer.money()
check("seller's premium", sold.CashIn, 2 * 0.052 * UNITS)
check("seller's margin", sold.CurrMargin, 2 * (0.052 * UNITS + fixed))
check("buyer's premium", bought.CashIn, -2 * 0.052 * UNITS)
check("buyer's margin", bought.CurrMargin, 0)

print("the price rises: seller buys 1 back at 0.0600")
buyer.order(SELL, CLOSE, 1, 0.06)
buyer.wait_for("working")
seller.order(BUY, CLOSE, 1, 0.06)
seller.wait_for("trade")
buyer.wait_for("trade")
sold, bought = seller.money(), buyer.money()
check("seller's premium", sold.CashIn, (2 * 0.052 - 0.06) * UNITS)
check("seller's margin, royalty at 0.0600", sold.CurrMargin, 0.06 * UNITS + fixed)
check("buyer's premium", bought.CashIn, -(2 * 0.052 - 0.06) * UNITS)

print("buyer wants to exercise before the last day")
exercise = tdapi.CThostFtdcInputExecOrderField(**buyer.who, InstrumentID=CALL, ExchangeID="SSE", Volume=1)
exercise.ActionType = tdapi.THOST_FTDC_ACTP_Exec
exercise.OffsetFlag = CLOSE
exercise.HedgeFlag = tdapi.THOST_FTDC_HF_Speculation
buyer.api.ReqExecOrderInsert(exercise, 4)
answer = buyer.wait_for("exercise")
print(f"  {answer.StatusMsg}")
if answer.OrderSubmitStatus != tdapi.THOST_FTDC_OSS_InsertRejected:
    sys.exit("a European option was exercised before its last day")

print("the books")
fees = sold.Commission + bought.Commission
check("fees of both", fees, 2 * (2 + 1) * FEE)
check("money of both, fees added", sold.Balance + bought.Balance + fees, 2 * start)
seller.api.Release()
buyer.api.Release()
folder.cleanup()
