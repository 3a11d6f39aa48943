"""Cards 190–198: what the account pays, may do and has at the bank."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.testing.conformance.cards_connect import expect_error
from ctp2.testing.conformance.cards_query import UNKNOWN_CODE, expect_empty, expect_refused
from ctp2.testing.conformance.client import check_chain
from ctp2.testing.conformance.model import (
    NotSupported,
    card,
    expect,
    expect_fields,
    expect_in,
    expect_money,
    expect_true,
)
from ctp2.testing.conformance.suite import Suite

_USUALLY_EMPTY: Final = (
    "ReqQryNotice",
    "ReqQryTradingNotice",
    "ReqQryTransferBank",
    "ReqQryContractBank",
    "ReqQryAccountregister",
    "ReqQryTransferSerial",
    "ReqQryCFMMCTradingAccountKey",
)
_NOT_CONNECTED: Final = (1002, 1004, 1019, 2000)
"""Answers of a front whose bank is not there, or does not know the account."""


@card(
    190,
    "product group margin: the larger side",
    "查品种组保证金：单向大边",
    "7.2, 8.3",
    "futures",
    needs=("ReqQryInvestorProductGroupMargin",),
)
def product_group_margin(s: Suite) -> None:
    if s.instrument.MaxMarginSideAlgorithm != "1":
        raise NotSupported("the instrument has no larger-side margin")
    s.fill()
    product = s.instrument.ProductID
    rows = s.trader.rows("ReqQryInvestorProductGroupMargin", **s.trader.who, ProductGroupID=product, HedgeFlag="1")
    expect("rows", len(rows), 1)
    expect_fields("row", rows[0], ProductGroupID=product, **s.trader.who)
    expect_true("LongUseMargin", rows[0].LongUseMargin > 0, rows[0].LongUseMargin, "above 0")
    expect_money("UseMargin", rows[0].UseMargin, max(rows[0].LongUseMargin, rows[0].ShortUseMargin))
    nothing = {**s.trader.who, "ProductGroupID": "no-such"}
    expect_empty(s.trader, "ReqQryInvestorProductGroupMargin", **nothing)


@card(
    191,
    "exchange margin rate adjustment: one row",
    "查交易所保证金率调整：一行",
    "8.3",
    "login",
    needs=("ReqQryExchangeMarginRateAdjust",),
)
def exchange_rate_adjust(s: Suite) -> None:
    asked = {"BrokerID": s.entered.broker, "InstrumentID": s.instrument.InstrumentID, "HedgeFlag": "1"}
    rows = s.entered.rows("ReqQryExchangeMarginRateAdjust", **asked)
    expect("rows", len(rows), 1)
    expect_fields("rate", rows[0], InstrumentID=s.instrument.InstrumentID, HedgeFlag="1")


@card(
    192, "broker's algorithms per exchange", "查经纪公司交易算法", "8.3", "login", needs=("ReqQryBrokerTradingAlgos",)
)
def trading_algos(s: Suite) -> None:
    exchange = s.instrument.ExchangeID
    rows = s.entered.rows("ReqQryBrokerTradingAlgos", BrokerID=s.entered.broker, ExchangeID=exchange)
    expect("ExchangeID of the rows", [row.ExchangeID for row in rows], [exchange])
    for name in ("HandlePositionAlgoID", "FindMarginRateAlgoID", "HandleTradingAccountAlgoID"):
        expect_in(name, getattr(rows[0], name), ("1", "2", "3"))


@card(
    193,
    "order fees: a row per rate, or the empty result",
    "查申报费率：有费率才有行",
    "7.5, 8.3",
    "login",
    needs=("ReqQryInstrumentOrderCommRate",),
)
def order_fees(s: Suite) -> None:
    row = s.instrument
    for rate in s.entered.rows("ReqQryInstrumentOrderCommRate", **s.entered.who, InstrumentID=row.InstrumentID):
        expect_in("InstrumentID of the rate", rate.InstrumentID, (row.InstrumentID, row.ProductID))
        fees = (rate.OrderCommByVolume, rate.OrderActionCommByVolume)
        expect_true("fees", min(fees) >= 0, fees, "0 or more")


@card(194, "depth of an unknown instrument: one callback", "查不存在合约的行情：仅一次空回调", "8.1", "login")
def no_depth(s: Suite) -> None:
    if s.differs(Capabilities.REFUSES_UNKNOWN) and s.supports("ReqQryDepthMarketData"):
        expect_refused(s, "ReqQryDepthMarketData", UNKNOWN_CODE, InstrumentID="no-such")
    else:
        expect_empty(s.entered, "ReqQryDepthMarketData", InstrumentID="no-such")


@card(195, "notices and banks: a chain or the empty result", "查通知、银行：逐行或空结果", "8.1, 8.3", "login")
def notices_and_banks(s: Suite) -> None:
    for name in _USUALLY_EMPTY:
        check_chain(name, s.entered.response(name), s.entered.ask(name))


@card(
    196,
    "the monitoring centre's token: data, or error 155",
    "查监控中心令牌：数据或错误 155",
    "8.3, 13",
    "login",
    needs=("ReqQueryCFMMCTradingAccountToken",),
)
def monitoring_token(s: Suite) -> None:
    call = s.entered.ask("ReqQueryCFMMCTradingAccountToken", **s.entered.who)[-1]
    expect("callback", call.name, "OnRspQueryCFMMCTradingAccountToken")
    if call.error_id:
        expect_error(call, 155)


@card(
    197,
    "funds password update refused: wrong old password",
    "资金密码修改被拒：原密码错误",
    "12.1",
    "login",
    needs=("ReqTradingAccountPasswordUpdate",),
)
def wrong_funds_password(s: Suite) -> None:
    trader = s.entered
    passwords = {"OldPassword": s.settings.password + "x", "NewPassword": "Ctp2check!9", "CurrencyID": "CNY"}
    asked = {"BrokerID": trader.broker, "AccountID": trader.user, **passwords}
    call = trader.ask("ReqTradingAccountPasswordUpdate", **asked)[-1]
    expect("callback", call.name, "OnRspTradingAccountPasswordUpdate")
    expect_error(call, 2001, 14)


@card(
    198,
    "a transfer of nothing: own OnRsp and OnErrRtn, no money moves",
    "零金额转账：应答与错误回报，资金不变",
    "12.1",
    "login",
    needs=("ReqFromBankToFutureByFuture",),
)
def transfer_of_nothing(s: Suite) -> None:
    trader = s.new_trader(login=True)
    before = s.account().Deposit
    after = trader.mark()
    asked: dict[str, Any] = {"BrokerID": trader.broker, "BankID": "1", "BankBranchID": "0000", "CurrencyID": "CNY"}
    asked.update(AccountID=trader.user, Password=s.settings.password, TradeAmount=0.0)
    call = trader.ask("ReqFromBankToFutureByFuture", **asked)[-1]
    expect("callback", call.name, "OnRspFromBankToFutureByFuture")
    expect_error(call, 2014, 1021, 2001, *_NOT_CONNECTED)
    told = trader.wait("OnErrRtnBankToFutureByFuture", "OnErrRtnBankToFutureByFuture", after)
    expect("ErrorID of OnErrRtnBankToFutureByFuture", told.error_id, call.error_id)
    expect_money("Deposit", s.account().Deposit, before)
