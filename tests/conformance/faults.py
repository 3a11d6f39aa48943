"""The faults: each a small function, with the cards that must turn red."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

from ctp2.core.backend import QUICK, Event, Request
from ctp2.ctp import methods, structs
from ctp2.ctp.errors import rsp_info
from tests.conformance.faulty import Events, Fault, Link, Requests, altered, changed, copy_of

FAULTS: list[Fault] = []


def _events(name: str, *cards: int) -> Callable[[Events], Events]:
    def enter(function: Events) -> Events:
        FAULTS.append(Fault(name, cards, events=function))
        return function

    return enter


def _requests(name: str, *cards: int) -> Callable[[Requests], Requests]:
    def enter(function: Requests) -> Requests:
        FAULTS.append(Fault(name, cards, requests=function))
        return function

    return enter


# ------------------------------------------------------------------ orders and trades
@_events("order after trade", 165)
def order_after_trade(link: Link, event: Event) -> Iterator[Event]:
    if event.callback == "OnRtnOrder" and event.struct().OrderStatus == "0":
        link.own["held"] = event
        return
    yield event
    if event.callback == "OnRtnTrade" and "held" in link.own:
        yield link.own.pop("held")


@_events("trade told twice", 166)
def trade_twice(link: Link, event: Event) -> Iterator[Event]:
    yield event
    if event.callback == "OnRtnTrade":
        yield copy_of(event)


@_events("trade lost", 73)
def trade_lost(link: Link, event: Event) -> Iterator[Event]:
    if event.callback != "OnRtnTrade":
        yield event


@_events("trade above the limit price", 74)
def trade_too_dear(link: Link, event: Event) -> Iterator[Event]:
    yield changed(event, Price=event.struct().Price * 2) if event.callback == "OnRtnTrade" else event


@_events("VolumeTotal 0 after a cancel", 67, 164)
def wrong_volume_total(link: Link, event: Event) -> Iterator[Event]:
    is_cancel = event.callback == "OnRtnOrder" and event.struct().OrderStatus == "5"
    yield changed(event, VolumeTotal=0) if is_cancel else event


@_events("OrderSysID not right aligned", 62)
def left_aligned(link: Link, event: Event) -> Iterator[Event]:
    if event.callback in ("OnRtnOrder", "OnRtnTrade"):
        event = changed(event, OrderSysID=event.struct().OrderSysID.strip())
    yield event


@_events("OrderRef of the returns padded", 63)
def padded_ref(link: Link, event: Event) -> Iterator[Event]:
    yield changed(event, OrderRef=event.struct().OrderRef.rjust(12)) if event.callback == "OnRtnOrder" else event


@_events("the return a/0 is missing", 60)
def no_first_return(link: Link, event: Event) -> Iterator[Event]:
    if not (event.callback == "OnRtnOrder" and event.struct().OrderStatus == "a"):
        yield event


@_events("OnRspOrderInsert on success", 64)
def answer_on_success(link: Link, event: Event) -> Iterator[Event]:
    yield event
    if event.callback == "OnRtnOrder" and event.struct().OrderStatus == "3" and link.number == 1:
        echo = structs.CThostFtdcInputOrderField(OrderRef=event.struct().OrderRef)
        yield Event("OnRspOrderInsert", echo, rsp_info(0), 1)


@_events("status 3 again behind status 5", 167)
def alive_again(link: Link, event: Event) -> Iterator[Event]:
    yield event
    if event.callback == "OnRtnOrder" and event.struct().OrderStatus == "5":
        yield changed(event, OrderStatus="3")


@_events("an exchange rejection with OrderSysID", 123)
def rejected_with_id(link: Link, event: Event) -> Iterator[Event]:
    is_rejection = event.callback == "OnRtnOrder" and event.struct().OrderSubmitStatus == "4"
    yield changed(event, OrderSysID="1".rjust(12)) if is_rejection else event


# ------------------------------------------------------------------ refusals
@_events("OnErrRtnOrderInsert missing", 92, 113, 151)
def no_err_rtn(link: Link, event: Event) -> Iterator[Event]:
    if event.callback != "OnErrRtnOrderInsert":
        yield event


@_events("OnErrRtn before OnRsp", 113)
def err_rtn_first(link: Link, event: Event) -> Iterator[Event]:
    if event.callback == "OnRspOrderInsert":
        link.own["held"] = event
        return
    yield event
    if event.callback == "OnErrRtnOrderInsert" and "held" in link.own:
        yield link.own.pop("held")


@_events("error 15 instead of 16", 98)
def wrong_number(link: Link, event: Event) -> Iterator[Event]:
    is_16 = event.info is not None and event.info.ErrorID == 16
    yield altered(event, info=rsp_info(15)) if is_16 else event


@_events("an error with another text", 98)
def wrong_text(link: Link, event: Event) -> Iterator[Event]:
    is_16 = event.info is not None and event.info.ErrorID == 16
    yield altered(event, info=rsp_info(16, "instrument not found")) if is_16 else event


@_events("a refused order is told as a return too", 113)
def refusal_with_return(link: Link, event: Event) -> Iterator[Event]:
    yield event
    if event.callback == "OnErrRtnOrderInsert":
        order = structs.CThostFtdcOrderField(OrderRef=event.struct().OrderRef, OrderStatus="5", OrderSubmitStatus="4")
        yield Event("OnRtnOrder", order)


@_events("a refused cancel is not answered", 115)
def silent_action(link: Link, event: Event) -> Iterator[Event]:
    if event.callback != "OnRspOrderAction":
        yield event


@_requests("42 is not raised", 19)
def confirms_for_me(link: Link, request: Request) -> Request | None:
    if request.method.name == "ReqOrderInsert" and not link.shared.get("confirmed"):
        link.shared["confirmed"] = True
        who = structs.CThostFtdcSettlementInfoConfirmField(InvestorID=request.field.InvestorID)
        link.session.handle(Request(methods.TRADER["ReqSettlementInfoConfirm"], who, 0))
    return request


@_requests("a request before login is not answered", 9, 10)
def silent_before_login(link: Link, request: Request) -> Request | None:
    if request.method.name == "ReqUserLogin":
        link.own["login"] = True
    return request if "login" in link.own else None


# ------------------------------------------------------------------ queries
@_events("last flag lost", 41)
def lost_last_flag(link: Link, event: Event) -> Iterator[Event]:
    yield altered(event, is_last=False) if event.callback == "OnRspQryOrder" else event


@_events("last flag on every row", 30)
def always_last(link: Link, event: Event) -> Iterator[Event]:
    yield altered(event, is_last=True) if event.callback == "OnRspQryInstrument" else event


@_events("RspInfo on a good row", 38)
def info_on_row(link: Link, event: Event) -> Iterator[Event]:
    yield altered(event, info=rsp_info(0)) if event.callback == "OnRspQryTradingAccount" else event


@_events("an empty record instead of NULL", 39)
def record_for_null(link: Link, event: Event) -> Iterator[Event]:
    if event.callback == "OnRspQryTradingAccount" and event.field is None:
        event = altered(event, field=structs.CThostFtdcTradingAccountField())
    yield event


@_events("NULL instead of a row", 38)
def null_for_row(link: Link, event: Event) -> Iterator[Event]:
    yield altered(event, field=None, build=None) if event.callback == "OnRspQryTradingAccount" else event


@_events("a query answered twice", 40, 168)
def answered_twice(link: Link, event: Event) -> Iterator[Event]:
    yield event
    if event.callback == "OnRspQryInvestorPosition" and event.is_last:
        yield copy_of(event)


@_events("a query not answered", 42)
def silence(link: Link, event: Event) -> Iterator[Event]:
    if event.callback != "OnRspQryTrade":
        yield event


@_requests("a filter ignored", 66)
def no_filter(link: Link, request: Request) -> Request | None:
    if request.method.name == "ReqQryOrder":
        request.field.OrderSysID = request.field.ExchangeID = ""
    return request


@_events("the queried order is an old state", 65)
def stale_query(link: Link, event: Event) -> Iterator[Event]:
    if event.callback == "OnRspQryOrder" and event.field is not None:
        event = changed(event, OrderStatus="a", StatusMsg="报单已提交")
    yield event


@_requests("an unsupported request not answered", 57)
def silent_unsupported(link: Link, request: Request) -> Request | None:
    return None if request.method.name == "ReqOffsetSetting" else request


# ------------------------------------------------------------------ money and positions
def _account(link: Link, event: Event, **change: Callable[[Any], float]) -> Event:
    if event.callback != "OnRspQryTradingAccount" or event.field is None:
        return event
    struct = event.struct()
    return changed(event, **{name: value(struct) for name, value in change.items()})


@_events("wrong FrozenMargin", 133)
def wrong_frozen(link: Link, event: Event) -> Iterator[Event]:
    yield _account(link, event, FrozenMargin=lambda row: row.FrozenMargin and row.FrozenMargin + 1)


@_events("frozen margin not given back", 134)
def never_released(link: Link, event: Event) -> Iterator[Event]:
    def most(row: Any) -> float:
        link.own["most"] = max(link.own.get("most", 0.0), row.FrozenMargin)
        return float(link.own["most"])

    yield _account(link, event, FrozenMargin=most)


@_events("Available wrong by a cent", 131)
def wrong_available(link: Link, event: Event) -> Iterator[Event]:
    yield _account(link, event, Available=lambda row: row.Available + 0.01)


@_events("Balance wrong by a cent", 130)
def wrong_balance(link: Link, event: Event) -> Iterator[Event]:
    yield _account(link, event, Balance=lambda row: row.Balance + 0.01)


def _position(event: Event, **change: Callable[[Any], Any]) -> Event:
    if event.callback != "OnRspQryInvestorPosition" or event.field is None:
        return event
    struct = event.struct()
    return changed(event, **{name: value(struct) for name, value in change.items()})


@_events("today's lots not counted", 137)
def no_today(link: Link, event: Event) -> Iterator[Event]:
    yield _position(event, TodayPosition=lambda row: 0)


@_events("today's lots counted as yesterday's", 137)
def all_yesterday(link: Link, event: Event) -> Iterator[Event]:
    yield _position(event, YdPosition=lambda row: row.Position)


@_events("a working close freezes no lots", 143)
def close_not_frozen(link: Link, event: Event) -> Iterator[Event]:
    yield _position(event, ShortFrozen=lambda row: 0)


@_events("the row of a closed position disappears", 145)
def row_gone(link: Link, event: Event) -> Iterator[Event]:
    is_row = event.callback == "OnRspQryInvestorPosition" and event.field is not None
    yield altered(event, field=None, build=None) if is_row and not event.struct().Position else event


@_events("a working opening order does not show in its row", 136)
def opening_not_shown(link: Link, event: Event) -> Iterator[Event]:
    yield _position(event, LongFrozen=lambda row: 0, LongFrozenAmount=lambda row: 0.0)


@_events("a fill costs no commission", 138)
def no_commission(link: Link, event: Event) -> Iterator[Event]:
    yield _account(link, event, Commission=lambda row: 0.0, Balance=lambda row: row.Balance + row.Commission)


@_events("margin of a closed position is kept", 146)
def margin_kept(link: Link, event: Event) -> Iterator[Event]:
    def most(row: Any) -> float:
        link.own["used"] = max(link.own.get("used", 0.0), row.CurrMargin)
        return float(link.own["used"])

    yield _account(link, event, CurrMargin=most)


@_events("WithdrawQuota above the available money", 132)
def generous_quota(link: Link, event: Event) -> Iterator[Event]:
    yield _account(link, event, WithdrawQuota=lambda row: row.Balance + 1)


@_events("PositionProfit wrong by a cent", 139)
def wrong_profit(link: Link, event: Event) -> Iterator[Event]:
    yield _position(event, PositionProfit=lambda row: row.PositionProfit + 0.01)


def _detail(event: Event, **fields: Any) -> Event:
    is_row = event.callback == "OnRspQryInvestorPositionDetail" and event.field is not None
    return changed(event, **fields) if is_row else event


@_events("a detail with another opening price", 140)
def wrong_detail(link: Link, event: Event) -> Iterator[Event]:
    yield _detail(event, OpenPrice=1.0)


@_events("a detail without its lots", 141)
def empty_detail(link: Link, event: Event) -> Iterator[Event]:
    yield _detail(event, Volume=0)


# ------------------------------------------------------------------ statements
def _statement(event: Event, *chunks: tuple[int, bytes]) -> Iterator[Event]:
    """A statement in the place of any other."""
    if event.callback != "OnRspQrySettlementInfo":
        yield event
        return
    for number, content in chunks:
        row = structs.CThostFtdcSettlementInfoField(SequenceNo=number, Content=content)
        yield Event(event.callback, row, None, event.request_id, is_last=number == chunks[-1][0])


@_events("a statement with a chunk missing", 53)
def statement_with_a_gap(link: Link, event: Event) -> Iterator[Event]:
    yield from _statement(event, (1, b"x"), (3, b"y"))


@_events("a character lost between two chunks", 53)
def broken_character(link: Link, event: Event) -> Iterator[Event]:
    yield from _statement(event, (1, b"\xbd"), (2, b"\n"))


# ------------------------------------------------------------------ sessions and streams
FAULTS.append(Fault("QUICK with history", (155,), starts=lambda after: 0 if after == QUICK else after))
FAULTS.append(Fault("RESUME with a gap", (154,), starts=lambda after: after + 1 if after > 0 else after))
FAULTS.append(Fault("RESUME with a duplicate", (154, 158), starts=lambda after: after - 1 if after > 0 else after))
FAULTS.append(Fault("RESTART without history", (153,), starts=lambda after: QUICK if after == 0 else after))


@_events("a second session is deaf", 150)
def second_session_deaf(link: Link, event: Event) -> Iterator[Event]:
    if link.number == 1 or event.callback not in ("OnRtnOrder", "OnRtnTrade"):
        yield event


@_events("the replay is not byte for byte", 153)
def replay_differs(link: Link, event: Event) -> Iterator[Event]:
    is_order = event.callback == "OnRtnOrder"
    yield changed(event, UserProductInfo="replay") if is_order and link.number > 1 else event


@_events("a new session with the same SessionID", 16, 157)
def same_session(link: Link, event: Event) -> Iterator[Event]:
    yield changed(event, SessionID=1) if event.callback == "OnRspUserLogin" and link.kind == "trader" else event


@_events("a refused login tells the trading day", 13)
def talkative_refusal(link: Link, event: Event) -> Iterator[Event]:
    is_refusal = event.callback == "OnRspUserLogin" and event.info is not None and event.info.ErrorID
    yield changed(event, TradingDay="20260105") if is_refusal else event


@_requests("a second login is answered", 15)
def second_login(link: Link, request: Request) -> Request | None:
    if request.method.name == "ReqUserLogin" and link.own.setdefault("login", request) is not request:
        link.sink.put([Event("OnRspUserLogin", structs.CThostFtdcRspUserLoginField(), rsp_info(0), request.request_id)])
    return request


@_events("a wrong reason for the disconnection", 156)
def wrong_reason(link: Link, event: Event) -> Iterator[Event]:
    yield altered(event, request_id=0) if event.callback == "OnFrontDisconnected" else event


# ------------------------------------------------------------------ market data
@_events("the snapshot after subscribing is missing", 173)
def no_first_snapshot(link: Link, event: Event) -> Iterator[Event]:
    if event.callback == "OnRspSubMarketData":
        link.own["skip"] = True
    if event.callback == "OnRtnDepthMarketData" and link.number > 2 and link.own.pop("skip", False):
        return
    yield event


@_events("a subscription is not answered", 172)
def silent_subscription(link: Link, event: Event) -> Iterator[Event]:
    if event.callback != "OnRspSubMarketData":
        yield event


@_requests("unsubscribing has no effect", 175)
def goes_on(link: Link, request: Request) -> Request | None:
    if request.method.name != "UnSubscribeMarketData":
        return request
    for code in request.field:
        field = structs.CThostFtdcSpecificInstrumentField(InstrumentID=code)
        link.sink.put([Event("OnRspUnSubMarketData", field, rsp_info(0, "CTP:No Error"), 0)])
    return None


@_events("volume falls", 186)
def volume_falls(link: Link, event: Event) -> Iterator[Event]:
    if event.callback == "OnRtnDepthMarketData":
        link.own["count"] = link.own.get("count", 0) + 1
        event = changed(event, Volume=max(0, 1_000_000 - link.own["count"]))
    yield event


@_events("an absent price is 0", 185)
def absent_is_zero(link: Link, event: Event) -> Iterator[Event]:
    yield changed(event, BidPrice5=0.0, BidVolume5=0) if event.callback == "OnRtnDepthMarketData" else event


@_events("an unknown code has quotes", 174)
def invented_quote(link: Link, event: Event) -> Iterator[Event]:
    yield event
    if event.callback == "OnRspSubMarketData" and event.field.InstrumentID == "nosuch99":
        yield Event("OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID="nosuch99"))


@_events("market data login with another text", 170)
def md_text(link: Link, event: Event) -> Iterator[Event]:
    is_login = event.callback == "OnRspUserLogin" and link.kind == "md"
    yield altered(event, info=copy(rsp_info(0))) if is_login else event
