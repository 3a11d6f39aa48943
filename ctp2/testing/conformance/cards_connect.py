"""Cards 1–29: connecting, authentication, login, confirmation of the statement."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

import re
import threading
from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.ctp import errors
from ctp2.testing.conformance.model import NotSupported, card, expect, expect_fields, expect_in, expect_true
from ctp2.testing.conformance.suite import CONFIRMATION, Suite
from ctp2.testing.recorder import Call

TIME: Final = re.compile(r"(\d\d:\d\d:\d\d|--:--:--)\Z")
DAY: Final = re.compile(r"20\d{6}\Z")
OK_TEXTS: Final = ("正确", "CTP:正确")
NOT_LOGGED_IN: Final = 6
NOT_CONFIRMED: Final = 42
WRONG_FRONT: Final = 77
_FILLED_BY_LOGIN: Final = ("TradingDay", "LoginTime", "FrontID", "SessionID", "MaxOrderRef", "SystemName")


def expect_ok(call: Call) -> None:
    """A success: data, RspInfo with 0 and its text, last."""
    expect_true(f"{call.name}: data", call.field is not None, "NULL", "non-NULL")
    expect_true(f"{call.name}: pRspInfo", call.info is not None, "NULL", "non-NULL")
    expect(f"{call.name}: ErrorID", call.error_id, 0)
    expect_in(f"{call.name}: ErrorMsg", call.info.ErrorMsg, OK_TEXTS)
    expect(f"{call.name}: bIsLast", call.is_last, True)


def expect_error(call: Call, *numbers: int, own_text: bool = False) -> None:
    """A refusal with one of CTP's numbers and its text (``own_text``: or another one behind a prefix), last."""
    expect_true(f"{call.name}: pRspInfo", call.info is not None, "NULL", "non-NULL")
    expect_in(f"{call.name}: ErrorID", call.error_id, numbers)
    prompt, text = errors.prompt(call.error_id), call.info.ErrorMsg
    is_own = own_text and all(part.strip() for part in text.partition(":"))
    expect_true(f"{call.name}: ErrorMsg", is_own or text.startswith(prompt), text, prompt)
    expect(f"{call.name}: bIsLast", call.is_last, True)


# ------------------------------------------------------------------ life cycle
@card(1, "Init leads to one OnFrontConnected", "Init 之后一次 OnFrontConnected", "1.1, 1.5", "nothing", essential=True)
def connected_once(s: Suite) -> None:
    trader = s.new_trader()
    trader.ask("ReqAuthenticate", BrokerID=s.settings.broker, UserID=s.user or "check")
    names = [call.name for call in trader.calls]
    expect("callbacks before an answer", names[:-1], ["OnFrontConnected"])


@card(2, "a request before Init returns −1", "Init 之前的请求返回 −1", "1.3", "nothing", essential=True)
def not_connected(s: Suite) -> None:
    trader = s.unconnected_trader()
    for name in ("ReqUserLogin", "ReqQryInstrument", "ReqOrderInsert"):
        expect(f"{name} returns", trader.call(name, trader.build(name, {}), 1), -1)
    expect("callbacks", trader.calls, [])


@card(3, "after Release: −1, no callback, Join returns", "Release 之后返回 −1、无回调、Join 返回", "1.2", "connected")
def released(s: Suite) -> None:
    trader = s.new_trader(login=True)
    ended = threading.Event()

    def join() -> None:
        trader.api.Join()
        ended.set()

    threading.Thread(target=join, daemon=True).start()
    trader.api.RegisterSpi(None)
    trader.api.Release()
    after = trader.mark()
    expect("Join returns within the time-out", ended.wait(s.timeout), True)
    expect("ReqQryOrder returns", trader.call("ReqQryOrder", trader.build("ReqQryOrder", {}), 1), -1)
    trader.api.Release()
    expect("callbacks after Release", trader.calls[after:], [])


@card(4, "all callbacks come on one thread of the Api's own", "所有回调都在 Api 自己的一个线程上", "1.4", "login")
def one_thread(s: Suite) -> None:
    trader = s.new_trader(login=True)
    trader.barrier()
    threads = trader.spi.threads
    expect("threads that called back", len(threads), 1)
    expect("callbacks on the caller's thread", threading.get_ident() in threads, False)


@card(5, "a request in a callback returns before its answer comes", "回调中发请求，返回之前不会回调", "1.4", "login")
def never_inside(s: Suite) -> None:
    trader = s.new_trader(login=True)
    seen: list[tuple[int, int, int]] = []

    def ask_again(call: Call) -> None:
        if call.name == "OnRspQryOrder" and not seen:
            before = len(trader.spi.calls)
            taken = trader.call("ReqQryTrade", trader.build("ReqQryTrade", trader.who), 77001)
            seen.append((taken, before, len(trader.spi.calls)))

    trader.hook = ask_again
    trader.barrier()
    trader.wait("the answer to the request of the callback", lambda call: call.request_id == 77001)
    taken, before, behind = seen[0]
    expect("the request in the callback returns", taken, 0)
    expect("callbacks while it was being sent", behind - before, 0)


@card(6, "GetTradingDay is the login's; GetApiVersion is told", "GetTradingDay 与登录一致，有版本号", "1.2", "login")
def trading_day(s: Suite) -> None:
    trader = s.new_trader()
    answer = s.log_in(trader)
    expect("GetTradingDay after login", trader.api.GetTradingDay(), answer.field.TradingDay)
    expect_true("GetApiVersion", str(trader.api.GetApiVersion()).startswith("v"), trader.api.GetApiVersion(), "v…")


@card(7, "a front of the wrong kind answers 77", "连错前置类型时应答 77", "1.5", "connected")
def wrong_front(s: Suite) -> None:
    if s.kinds == {"trader", "md"} and s.settings.address == s.settings.md_address:
        raise NotSupported("this front serves trading and market data")
    if "trader" not in s.kinds:
        trader = s.new_trader()
        expect_error(trader.ask("ReqUserLogin", UserID="check")[-1], WRONG_FRONT)
        return
    market = s.wrong_md()
    expect_error(market.ask("ReqUserLogin", UserID="check")[-1], WRONG_FRONT)


# ------------------------------------------------------------------ authentication and login
@card(8, "ReqAuthenticate is answered with an echo", "认证应答并回显", "1.6", "connected")
def authenticate(s: Suite) -> None:
    trader = s.new_trader()
    user = s.entered.user
    wanted = {"BrokerID": s.settings.broker, "UserID": user, "UserProductInfo": "check", "AppID": "ctp2_check_1"}
    answer = trader.ask("ReqAuthenticate", **wanted, AuthCode="0000000000000000")[-1]
    expect_true("OnRspAuthenticate: data", answer.field is not None, "NULL", "non-NULL")
    expect_true("OnRspAuthenticate: pRspInfo", answer.info is not None, "NULL", "non-NULL")
    expect_in("OnRspAuthenticate: ErrorID", answer.error_id, (0, 63, 4042, 4043))
    if answer.error_id == 0:
        expect_ok(answer)
        expect_fields("OnRspAuthenticate", answer.field, **wanted)


@card(
    9, "an order before login: own OnRsp with 6", "登录前报单：自己的应答，错误 6", "1.11", "connected", essential=True
)
def order_before_login(s: Suite) -> None:
    trader = s.new_trader()
    calls = trader.ask("ReqOrderInsert", BrokerID="9999", InvestorID="check", InstrumentID="none", OrderRef="1")
    expect_in("callback of error 6", calls[-1].name, ("OnRspOrderInsert", "OnRspError"))
    expect_error(calls[-1], NOT_LOGGED_IN)
    if calls[-1].name == "OnRspOrderInsert":
        expect_fields("OnRspOrderInsert", calls[-1].field, InstrumentID="none", OrderRef="1")


@card(
    10, "a query before login: NULL data and 6", "登录前查询：数据为 NULL，错误 6", "1.11", "connected", essential=True
)
def query_before_login(s: Suite) -> None:
    calls = s.new_trader().ask("ReqQryTradingAccount")
    expect("callbacks", len(calls), 1)
    expect("data", calls[0].field, None)
    expect_error(calls[0], NOT_LOGGED_IN)


@card(11, "the login's answer is complete", "登录应答字段完整", "1.7", "connected", essential=True)
def login_fields(s: Suite) -> None:
    trader = s.new_trader()
    answer = s.log_in(trader)
    expect_ok(answer)
    field = answer.field
    expect_fields("OnRspUserLogin", field, BrokerID=s.settings.broker, UserID=s.user)
    expect_true("TradingDay", DAY.match(field.TradingDay), field.TradingDay, "YYYYMMDD")
    expect_true("FrontID", field.FrontID > 0, field.FrontID, "above 0")
    expect_true("SessionID", field.SessionID != 0, field.SessionID, "not 0")
    expect_true("MaxOrderRef", field.MaxOrderRef.strip().isdigit(), field.MaxOrderRef, "a number")
    expect_true("SystemName", field.SystemName, field.SystemName, "a name")


@card(12, "the login's times are HH:MM:SS or --:--:--", "登录应答中的时间格式", "1.7", "connected")
def login_times(s: Suite) -> None:
    field = s.log_in(s.new_trader()).field
    for name in ("LoginTime", "SHFETime", "DCETime", "CZCETime", "FFEXTime", "INETime"):
        value = getattr(field, name)
        expect_true(name, TIME.match(value), value, "HH:MM:SS or --:--:--")


@card(
    13,
    "a refused login echoes broker and user, nothing else",
    "登录失败回显经纪公司与用户",
    "1.7",
    "connected",
    essential=True,
)
def login_refused(s: Suite) -> None:
    answer = s.new_trader().ask("ReqUserLogin", BrokerID=s.settings.broker, UserID="", Password="wrong")[-1]
    expect("callback", answer.name, "OnRspUserLogin")
    if s.differs(Capabilities.ANY_USER):
        expect_ok(answer)
        expect_fields("OnRspUserLogin", answer.field, BrokerID=s.settings.broker, UserID="")
        return
    expect_error(answer, 3, 4, 11)
    expect_fields("OnRspUserLogin", answer.field, BrokerID=s.settings.broker, UserID="")
    for name in _FILLED_BY_LOGIN:
        expect_in(f"OnRspUserLogin.{name}", getattr(answer.field, name), ("", 0))


@card(14, "after a refused login the connection can log in", "登录失败后同一连接可再登录", "1.7", "connected")
def login_after_refusal(s: Suite) -> None:
    if s.differs(Capabilities.ANY_USER):
        raise NotSupported("every login is let in")
    trader = s.new_trader()
    trader.ask("ReqUserLogin", BrokerID=s.settings.broker, UserID="", Password="wrong")
    s.log_in(trader)
    expect("disconnections", [call for call in trader.calls if call.name == "OnFrontDisconnected"], [])


@card(15, "a second login on one session is not answered", "同一会话重复登录无应答", "1.7", "login")
def double_login(s: Suite) -> None:
    trader = s.new_trader(login=True)
    again = {"BrokerID": trader.broker, "UserID": s.user, "Password": s.settings.password}
    request_id = trader.send("ReqUserLogin", **again)
    trader.barrier()
    answers = [call for call in trader.calls if call.name == "OnRspUserLogin" and call.request_id == request_id]
    expect_true("answers to it (error 5 in a race)", all(call.error_id == 5 for call in answers), answers, "none")


@card(
    16,
    "every login of a user has its own SessionID",
    "同一用户每次登录的 SessionID 各不相同",
    "1.7",
    "login",
    essential=True,
)
def own_sessions(s: Suite) -> None:
    traders = [s.entered, s.new_trader(login=True), s.new_trader(login=True)]
    numbers = [(trader.front_id, trader.session_id) for trader in traders]
    expect_true("FrontID and SessionID", len(set(numbers)) == len(numbers), numbers, "all different")


# ------------------------------------------------------------------ confirmation of the statement
def _unconfirmed(s: Suite) -> Any:
    """The run's trader as long as it has not confirmed."""
    trader = s.entered
    if s.has_begun():
        raise NotSupported("the statement was confirmed already by this run")
    if s.supports("ReqQrySettlementInfoConfirm") and s.is_confirmed():
        raise NotSupported("the user has confirmed today already: run it with one who has not")
    return trader


@card(
    17,
    "before the confirmation its query is empty",
    "确认前查询确认信息为空",
    "1.9, 8.3",
    "unconfirmed",
    needs=("ReqQrySettlementInfoConfirm",),
)
def no_confirmation(s: Suite) -> None:
    trader = _unconfirmed(s)
    expect("rows", trader.rows("ReqQrySettlementInfoConfirm", **trader.who), [])


@card(18, "before the confirmation queries are answered", "确认前可以查询", "1.11", "unconfirmed")
def queries_before_confirmation(s: Suite) -> None:
    trader = _unconfirmed(s)
    trader.rows("ReqQryTradingAccount", **trader.who)
    trader.rows("ReqQryInvestorPosition", **trader.who)


@card(19, "an order before the confirmation: 42", "确认前报单：错误 42", "1.9", "unconfirmed", needs=(CONFIRMATION,))
def order_before_confirmation(s: Suite) -> None:
    trader = _unconfirmed(s)
    field = s.order_field(trader, LimitPrice=1.0)
    after = trader.mark()
    request_id = trader.send("ReqOrderInsert", field)

    def outcome(call: Call) -> bool:
        mine = call.name == "OnRspOrderInsert" and call.request_id == request_id
        return mine or (call.name == "OnRtnOrder" and call.field.OrderRef == field.OrderRef)

    call = trader.wait("OnRspOrderInsert", outcome, after)
    expect("callback", call.name, "OnRspOrderInsert")
    expect_error(call, NOT_CONFIRMED)
    expect_fields("OnRspOrderInsert", call.field, OrderRef=field.OrderRef, InstrumentID=field.InstrumentID)
    trader.wait("OnErrRtnOrderInsert", lambda call: call.name == "OnErrRtnOrderInsert" and call.error_id == 42, after)


@card(20, "a cancel before the confirmation: 42", "确认前撤单：错误 42", "1.9", "unconfirmed", needs=(CONFIRMATION,))
def cancel_before_confirmation(s: Suite) -> None:
    trader = _unconfirmed(s)
    who = {**trader.who, "UserID": trader.user}
    call = trader.ask("ReqOrderAction", **who, ExchangeID=s.instrument.ExchangeID, OrderSysID="1", ActionFlag="0")[-1]
    expect("callback", call.name, "OnRspOrderAction")
    expect_error(call, NOT_CONFIRMED)


@card(21, "the confirmation is answered", "结算单确认应答", "1.9", "login", needs=(CONFIRMATION,))
def confirmation(s: Suite) -> None:
    answer = s.trader.confirm()
    expect_ok(answer)
    field = answer.field
    expect_fields("OnRspSettlementInfoConfirm", field, **s.trader.who, SettlementID=0, AccountID="", CurrencyID="")
    expect_true("ConfirmDate", DAY.match(field.ConfirmDate), field.ConfirmDate, "YYYYMMDD")
    expect_true("ConfirmTime", TIME.match(field.ConfirmTime), field.ConfirmTime, "HH:MM:SS")


@card(
    22,
    "the query shows the confirmation of today",
    "查询可见当日确认",
    "1.9, 8.3",
    needs=("ReqQrySettlementInfoConfirm",),
)
def confirmation_shown(s: Suite) -> None:
    rows = s.trader.rows("ReqQrySettlementInfoConfirm", **s.trader.who)
    expect("rows", len(rows), 1)
    expect_fields("OnRspQrySettlementInfoConfirm", rows[0], **s.trader.who)
    expect_true("ConfirmDate", DAY.match(rows[0].ConfirmDate), rows[0].ConfirmDate, "YYYYMMDD")


@card(
    23,
    "the confirmation holds for all sessions of the user",
    "确认对该用户所有会话有效",
    "1.9",
    "market",
    needs=(CONFIRMATION,),
)
def confirmation_for_all(s: Suite) -> None:
    order = s.rest(s.new_trader(login=True))
    order.cancel()


@card(
    24,
    "the login tells SysVersion and data centre (from 6.6.7)",
    "登录应答含 SysVersion 与数据中心",
    "1.7",
    "connected",
)
def login_version(s: Suite) -> None:
    field = s.log_in(s.new_trader()).field
    centre = s.known("CThostFtdcRspUserLoginField", SysVersion="v", LoginDRIdentityID=1, UserDRIdentityID=1)
    is_own = s.differs(Capabilities.OWN_IDS)
    if centre.pop("SysVersion", ""):
        is_told = field.SysVersion.startswith("" if is_own else "v") and field.SysVersion
        expect_true("SysVersion", is_told, repr(field.SysVersion), "filled" if is_own else "v…")
    if is_own:
        return
    expect_fields("OnRspUserLogin", field, **centre)
