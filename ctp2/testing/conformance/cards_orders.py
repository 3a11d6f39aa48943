"""Cards 60–89: orders that are accepted, from insert to fill or cancel."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

import re
from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.testing.conformance.client import packed
from ctp2.testing.conformance.model import NotSupported, card, expect, expect_fields, expect_in, expect_true
from ctp2.testing.conformance.orders import ALL_TRADED, BUY, CANCELED, FINAL, IOC, MARKET, UNKNOWN, Order
from ctp2.testing.conformance.suite import Suite, on_grid

SYS_ID: Final = re.compile(r" *[1-9]\d*\Z")
_WIDTH: Final = 12
_ECHOED: Final = (
    "BrokerID InvestorID UserID InstrumentID OrderRef OrderPriceType Direction CombHedgeFlag LimitPrice "
    "VolumeTotalOriginal TimeCondition VolumeCondition MinVolume ContingentCondition ForceCloseReason ExchangeID"
).split()

IMMEDIATE_FILL: Final = (
    ("a/0", "a/0", "0/0", "T"),
    ("a/0", "3/3", "3/3", "0/3", "T"),
    ("a/0", "3/3", "0/3", "T"),
)
"""Row B of spec 3.6; the last also fits adapters, which need no repeats (spec 14.4)."""
CANCEL: Final = (
    ("a/0", "3/3", "3/3", "5/3"),
    ("a/0", "3/3", "5/3"),
    ("a/0", "3/3", "1/3", "5/3"),
    ("a/0", "3/3", "3/1", "5/3"),
)
"""Row C, without the repeat (adapters), with the repeat of open point 1, with the cancel on its way (spec ib 5.2)."""
IOC_NOTHING: Final = (("a/0", "5/0"), ("a/0", "3/3", "5/3"))
"""Row G."""


def expect_id(what: str, value: str) -> None:
    """Ids of exchange and seat are decimal numbers, 12 wide, right aligned (spec 3.7)."""
    expect_true(what, len(value) == _WIDTH and SYS_ID.match(value), repr(value), "a number right aligned in 12")


def query_order(s: Suite, order: Order) -> list[Any]:
    """The rows of an order in ``ReqQryOrder``."""
    trader = s.trader
    rows = trader.rows("ReqQryOrder", **trader.who, InstrumentID=order.field.InstrumentID)
    mine = (order.trader.front_id, order.trader.session_id, order.field.OrderRef)
    return [row for row in rows if (row.FrontID, row.SessionID, row.OrderRef) == mine]


# ------------------------------------------------------------------ resting
@card(60, "a limit order rests: a/0, then 3/3", "限价单挂单：a/0 后 3/3", "3.4, 3.6", "market", essential=True)
def rests(s: Suite) -> None:
    order = s.rest()
    expect("sequence", order.sequence(), ["a/0", "3/3"])
    expect_fields("OnRtnOrder 3", order.last, VolumeTraded=0, VolumeTotal=s.lots, StatusMsg="未成交")


@card(61, "the first return: no OrderSysID, 报单已提交", "首个回报：无 OrderSysID，报单已提交", "3.7, 3.8", "market")
def first_return(s: Suite) -> None:
    order = s.rest()
    first = order.states()[0]
    wanted = {"OrderStatus": UNKNOWN, "OrderSysID": "", "StatusMsg": "报单已提交", "SequenceNo": 0}
    if s.differs(Capabilities.OWN_IDS):
        del wanted["OrderSysID"], wanted["SequenceNo"]
    expect_fields("OnRtnOrder a", first, **wanted, OrderSource="0", OrderType="0", CancelTime="", ActiveUserID="")
    expect_true("BrokerOrderSeq", first.BrokerOrderSeq > 0, first.BrokerOrderSeq, "above 0")
    names = ["InsertDate", "InsertTime", "TradingDay", "ParticipantID", "ClientID", "ExchangeInstID"]
    for name in names if s.differs(Capabilities.OWN_IDS) else [*names, "TraderID"]:
        expect_true(f"OnRtnOrder a: {name}", getattr(first, name), "empty", "filled")


@card(
    62,
    "OrderSysID and OrderLocalID are right aligned in 12",
    "OrderSysID 与 OrderLocalID 右对齐 12 位",
    "3.7",
    "market",
)
def aligned_ids(s: Suite) -> None:
    order = s.rest()
    expect_id("OrderSysID", order.last.OrderSysID)
    for state in order.states():
        if s.differs(Capabilities.OWN_IDS):
            expect_true("OrderLocalID", state.OrderLocalID, "empty", "filled")
        else:
            expect_id("OrderLocalID", state.OrderLocalID)
    expect_true("SequenceNo after the reply", order.last.SequenceNo > 0, order.last.SequenceNo, "above 0")


@card(63, "every return echoes the order as it was sent", "每个回报原样回显报单", "3.1, 3.7", "market", essential=True)
def echoed(s: Suite) -> None:
    order = s.insert(RequestID=4711, OrderMemo="memo")
    order.rests()
    wanted = {name: getattr(order.field, name) for name in _ECHOED}
    wanted.update(FrontID=s.trader.front_id, SessionID=s.trader.session_id, RequestID=4711)
    wanted.update(s.known("CThostFtdcOrderField", OrderMemo="memo"))
    for state in order.states():
        expect_fields("OnRtnOrder", state, **wanted)


@card(64, "an accepted order has no OnRspOrderInsert", "报单被接受时没有 OnRspOrderInsert", "3.4, 1.10", "market")
def no_answer_on_success(s: Suite) -> None:
    order = s.rest()
    s.trader.barrier()
    names = {call.name for call in s.trader.calls[order.after :]}
    expect("answers and error returns", sorted(names & {"OnRspOrderInsert", "OnErrRtnOrderInsert", "OnRspError"}), [])


@card(65, "ReqQryOrder shows the order as its last return", "查报单与最后一次回报一致", "8.3", "market", essential=True)
def queried(s: Suite) -> None:
    order = s.rest()
    rows = query_order(s, order)
    expect("rows of the order", len(rows), 1)
    last = order.last
    for name in last.__struct_fields__:
        expect(f"ReqQryOrder {name}", getattr(rows[0], name), getattr(last, name))


@card(66, "order filters: OrderSysID, exchange, time", "查报单：按编号、交易所、时间筛选", "8.3", "market")
def order_filters(s: Suite) -> None:
    order, trader = s.rest(), s.trader
    last = order.last
    own = trader.rows("ReqQryOrder", **trader.who, ExchangeID=last.ExchangeID, OrderSysID=last.OrderSysID)
    expect("rows by OrderSysID", [row.OrderRef for row in own], [order.field.OrderRef])
    expect("rows of another exchange", trader.rows("ReqQryOrder", **trader.who, ExchangeID="NONE"), [])
    early = trader.rows("ReqQryOrder", **trader.who, InsertTimeEnd="00:00:00")
    expect("rows until 00:00:00", [row.OrderSysID for row in early if row.InsertTime > "00:00:00"], [])


# ------------------------------------------------------------------ cancelling
def _expect_cancelled(s: Suite, order: Order) -> None:
    last = order.last
    expect_fields("OnRtnOrder 5", last, OrderStatus=CANCELED, OrderSubmitStatus="3", StatusMsg="已撤单")
    expect_fields("OnRtnOrder 5", last, VolumeTraded=0, VolumeTotal=s.lots)
    # A venue does not say whose cancel it was.
    users = ("", order.trader.user) if s.differs(Capabilities.OWN_IDS) else (order.trader.user,)
    expect_in("OnRtnOrder 5.ActiveUserID", last.ActiveUserID, users)
    expect_true("CancelTime", last.CancelTime, "empty", "filled")
    expect_in("sequence", tuple(order.sequence()), CANCEL)


@card(
    67, "a cancel by OrderSysID: last state again, then 5/3", "按 OrderSysID 撤单", "3.6 C, 4", "market", essential=True
)
def cancel_by_sys_id(s: Suite) -> None:
    order = s.rest()
    order.cancel("sys")
    _expect_cancelled(s, order)


@card(
    68,
    "a cancel by FrontID, SessionID and OrderRef",
    "按 FrontID+SessionID+OrderRef 撤单",
    "3.12, 4",
    "market",
    essential=True,
)
def cancel_by_ref(s: Suite) -> None:
    order = s.rest()
    order.cancel("ref")
    _expect_cancelled(s, order)


@card(69, "a cancel by the trimmed OrderSysID", "OrderSysID 去空格也可撤单", "4", "market")
def cancel_by_trimmed(s: Suite) -> None:
    s.rest().cancel("trimmed")


@card(70, "a cancel by OrderSysID needs no InstrumentID", "按 OrderSysID 撤单可不填合约", "4", "market")
def cancel_without_instrument(s: Suite) -> None:
    order = s.rest()
    fields = {**order.cancel_fields("sys"), "InstrumentID": ""}
    after = s.trader.mark()
    s.trader.send("ReqOrderAction", **fields)

    def ends(call: Any) -> bool:
        return call.name == "OnRspOrderAction" or (order.is_mine(call) and call.field.OrderStatus in FINAL)

    call = s.trader.wait("OnRtnOrder 5", ends, after)
    expect("callback", call.name, "OnRtnOrder")


@card(71, "another session of the user may cancel", "同一用户的另一会话可以撤单", "4", "market")
def cancel_by_other_session(s: Suite) -> None:
    order = s.rest()
    order.cancel("ref", s.new_trader(login=True))
    expect("OrderStatus at the first session", order.ends().OrderStatus, CANCELED)


@card(72, "a successful cancel has no OnRspOrderAction", "撤单成功没有 OnRspOrderAction", "4, 1.10", "market")
def no_answer_on_cancel(s: Suite) -> None:
    order = s.rest()
    after = s.trader.mark()
    order.cancel()
    s.trader.barrier()
    names = {call.name for call in s.trader.calls[after:]}
    expect("answers and error returns", sorted(names & {"OnRspOrderAction", "OnErrRtnOrderAction", "OnRspError"}), [])


# ------------------------------------------------------------------ filling
@card(
    73,
    "a marketable limit order fills: state first, then trade",
    "可成交限价单：先报单回报后成交",
    "3.6 B",
    "market",
    essential=True,
)
def fills(s: Suite) -> None:
    order = s.fill()
    sequence = tuple(order.sequence())
    if sum(trade.Volume for trade in order.trades()) == s.lots and len(order.trades()) == 1:
        expect_in("sequence", sequence, IMMEDIATE_FILL)
    last = order.last
    expect_fields("OnRtnOrder 0", last, VolumeTraded=s.lots, VolumeTotal=0)
    expect_in("StatusMsg", last.StatusMsg, ("全部成交", "全部成交报单已提交"))


@card(
    74,
    "a trade names its order and comes at its price or better",
    "成交回报字段与价格",
    "3.9",
    "market",
    essential=True,
)
def trade_fields(s: Suite) -> None:
    order = s.fill()
    last = order.last
    for trade in order.trades():
        wanted = {name: getattr(last, name) for name in ("OrderSysID", "OrderLocalID", "ExchangeID", "BrokerOrderSeq")}
        sent = {name: getattr(order.field, name) for name in ("InstrumentID", "OrderRef", "Direction", "UserID")}
        expect_fields("OnRtnTrade", trade, **wanted, **sent, OffsetFlag="0", HedgeFlag="1", **s.trader.who)
        if s.differs(Capabilities.OWN_IDS):
            expect_true("TradeID", trade.TradeID, "empty", "filled")
        else:
            expect_id("TradeID", trade.TradeID)
        expect_true("Price", 0 < trade.Price <= order.field.LimitPrice, trade.Price, f"≤ {order.field.LimitPrice}")
        for name in ("TradeDate", "TradeTime", "TradingDay"):
            expect_true(f"OnRtnTrade {name}", getattr(trade, name), "empty", "filled")


@card(75, "ReqQryTrade shows the trade", "查成交与成交回报一致", "8.3", "market", essential=True)
def trade_queried(s: Suite) -> None:
    order, trader = s.fill(), s.trader
    told = order.trades()[0]
    rows = trader.rows("ReqQryTrade", **trader.who, TradeID=told.TradeID)
    same = [row for row in rows if row.OrderSysID == told.OrderSysID]
    expect("rows by TradeID", len(same), 1)
    for name in told.__struct_fields__:
        if name != "TradeSource":
            expect(f"ReqQryTrade {name}", getattr(same[0], name), getattr(told, name))


def _ioc(s: Suite, *, rests: bool, condition: str, **more: Any) -> Order:
    price = s.price(BUY, rests=rests)
    order = s.insert(TimeCondition=IOC, VolumeCondition=condition, LimitPrice=price, **more)
    order.ends()
    order.settles()
    return order


@card(76, "FAK fills at once", "FAK 立即成交", "3.2, 3.6", "market")
def fak(s: Suite) -> None:
    order = _ioc(s, rests=False, condition="1")
    expect_in("OrderStatus", order.last.OrderStatus, (ALL_TRADED, CANCELED))
    expect_true("VolumeTraded", order.last.VolumeTraded > 0, order.last.VolumeTraded, "above 0")


@card(77, "FAK with nothing to fill is cancelled", "FAK 无可成交则撤销", "3.6 G", "market")
def fak_nothing(s: Suite) -> None:
    order = _ioc(s, rests=True, condition="1")
    expect_in("sequence", tuple(order.sequence()), IOC_NOTHING)
    is_own = s.differs(Capabilities.OWN_TEXTS) and ":" in order.last.StatusMsg
    expect_true("StatusMsg", is_own or order.last.StatusMsg in ("已撤单报单已提交", "已撤单"), order.last.StatusMsg)
    expect_fields("OnRtnOrder 5", order.last, VolumeTraded=0, VolumeTotal=s.lots)


@card(78, "FOK fills completely", "FOK 全部成交", "3.2, 3.10", "market")
def fok(s: Suite) -> None:
    order = _ioc(s, rests=False, condition="3")
    expect_fields("OnRtnOrder", order.last, OrderStatus=ALL_TRADED, VolumeTraded=s.lots, VolumeTotal=0)


@card(79, "FOK that cannot fill completely is cancelled", "FOK 不能全部成交则撤销", "3.6 G", "market")
def fok_nothing(s: Suite) -> None:
    order = _ioc(s, rests=True, condition="3")
    expect_in("sequence", tuple(order.sequence()), IOC_NOTHING)


@card(80, "FAK with a minimum volume", "带最小成交量的 FAK", "3.1, 3.2", "market")
def fak_minimum(s: Suite) -> None:
    order = _ioc(s, rests=False, condition="2", MinVolume=s.lots)
    expect_fields("OnRtnOrder", order.last, OrderStatus=ALL_TRADED, MinVolume=s.lots)
    order = _ioc(s, rests=True, condition="2", MinVolume=s.lots)
    expect("OrderStatus with nothing to fill", order.last.OrderStatus, CANCELED)


@card(81, "a market order fills, or the exchange does not know it", "市价单成交，或交易所不支持", "3.2", "market")
def market_order(s: Suite) -> None:
    if s.instrument.MaxMarketOrderVolume <= 0:
        raise NotSupported("MaxMarketOrderVolume of the instrument is 0")
    order = s.insert(OrderPriceType=MARKET, TimeCondition=IOC, LimitPrice=0.0)
    last = order.ends()
    if last.OrderSubmitStatus == "4":
        expect_true("StatusMsg", "不被支持的报单类型" in last.StatusMsg, last.StatusMsg, "…不被支持的报单类型")
        return
    order.settles()
    expect("OrderStatus", order.last.OrderStatus, ALL_TRADED)
    expect("OrderPriceType in the return", order.last.OrderPriceType, MARKET)


# ------------------------------------------------------------------ identity
@card(82, "an empty OrderRef is assigned, 12 wide", "OrderRef 留空由柜台分配", "3.1", "market")
def assigned_ref(s: Suite) -> None:
    trader = s.new_trader(login=True)
    after = trader.mark()
    trader.send("ReqOrderInsert", s.order_field(trader, OrderRef=""))
    mine = {"FrontID": trader.front_id, "SessionID": trader.session_id}

    def rests_or_refused(call: Any) -> bool:
        if call.name == "OnRspOrderInsert":
            return True
        is_mine = call.name == "OnRtnOrder" and call.field.SessionID == mine["SessionID"]
        return is_mine and bool(call.field.OrderStatus == "3")

    call = trader.wait("OnRtnOrder 3", rests_or_refused, after)
    expect("callback", call.name, "OnRtnOrder")
    ref = call.field.OrderRef
    who = {**trader.who, "UserID": trader.user, "InstrumentID": call.field.InstrumentID}
    trader.send("ReqOrderAction", **who, **mine, OrderRef=ref, ExchangeID=call.field.ExchangeID, ActionFlag="0")
    trader.wait("OnRtnOrder 5", lambda call: call.name == "OnRtnOrder" and call.field.OrderStatus == CANCELED, after)
    if s.differs(Capabilities.FREE_REFS):
        expect_true("OrderRef", ref, "empty", "filled")
    else:
        expect_id("OrderRef", ref)


@card(83, "OrderRef right aligned, with gaps, echoed verbatim", "OrderRef 右对齐、可跳号、原样返回", "3.1", "market")
def spaced_ref(s: Suite) -> None:
    trader = s.new_trader(login=True)
    for number in (5, 500, 100000000001):
        ref = str(number).rjust(12)
        order = s.rest(trader, OrderRef=ref)
        expect("OrderRef in the return", order.last.OrderRef, ref)
        order.cancel("ref")


@card(84, "the first OrderRef may be MaxOrderRef itself", "首个 OrderRef 可等于 MaxOrderRef", "1.7", "market")
def first_ref(s: Suite) -> None:
    trader = s.new_trader()
    maximum = s.log_in(trader).field.MaxOrderRef
    s.rest(trader, OrderRef=maximum).cancel()


@card(85, "an empty ExchangeID is filled in, or 147", "ExchangeID 留空：补全，或错误 147", "3.1", "market")
def filled_exchange(s: Suite) -> None:
    order = s.insert(ExchangeID="")
    call = s.trader.wait(
        "OnRtnOrder 3 or OnRspOrderInsert",
        lambda call: order.is_refusal(call) or (order.is_mine(call) and call.field.OrderStatus == "3"),
        order.after,
    )
    if call.name == "OnRspOrderInsert":
        expect("ErrorID", call.error_id, 147)
        return
    expect("ExchangeID in the return", call.field.ExchangeID, s.instrument.ExchangeID)
    order.cancel()


@card(86, "a conditional order waits untouched, or 54, 62", "条件单等待触发，或错误 54、62", "3.11", "futures")
def conditional(s: Suite) -> None:
    price = s.price(BUY, rests=False)
    first = UNKNOWN if s.differs(Capabilities.OWN_IDS) else ""  # a venue's order is told before it is known there
    stop = on_grid(price * 1.05, s.instrument.PriceTick)
    order = s.insert(ContingentCondition="5", StopPrice=stop, LimitPrice=price)
    call = s.trader.wait(
        "OnRtnOrder b or OnRspOrderInsert",
        lambda call: order.is_refusal(call) or (order.is_mine(call) and call.field.OrderStatus != first),
        order.after,
    )
    if call.name == "OnRspOrderInsert":
        expect_in("ErrorID", call.error_id, (54, 62))
        return
    expect("OrderStatus", call.field.OrderStatus, "b")
    if not s.differs(Capabilities.OWN_IDS):
        expect_true("OrderSysID", call.field.OrderSysID.startswith("TJBD_"), call.field.OrderSysID, "TJBD_…")
    order.cancel()


@card(87, "OrderSysIDs grow and never repeat", "OrderSysID 递增且不重复", "3.7", "market", essential=True)
def growing_ids(s: Suite) -> None:
    orders = [s.rest() for _ in range(3)]
    numbers = [order.last.OrderSysID for order in orders]
    expect_true("OrderSysID", len(set(numbers)) == 3 and numbers == sorted(numbers), numbers, "growing")
    local = [order.last.OrderLocalID for order in orders]
    expect_true("OrderLocalID", len(set(local)) == 3 and local == sorted(local), local, "growing")


@card(88, "a return is one record: two sessions get the same bytes", "同一回报在两个会话字节相同", "2.1", "market")
def same_bytes(s: Suite) -> None:
    other = s.new_trader(login=True)
    order = s.rest()
    order.cancel()
    here = [packed(call) for call in s.trader.calls[order.after :] if order.is_mine(call)]
    other.wait("OnRtnOrder 5", lambda call: order.is_mine(call) and call.field.OrderStatus == CANCELED)
    expect("bytes of the returns", [packed(call) for call in other.calls if order.is_mine(call)] == here, True)
