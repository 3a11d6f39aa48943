"""Cards 90–129: what CTP refuses, what the exchange refuses, and that neither leaves a trace."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.testing.conformance.cards_connect import expect_error
from ctp2.testing.conformance.cards_orders import query_order
from ctp2.testing.conformance.model import (
    Given,
    NotSupported,
    card,
    expect,
    expect_fields,
    expect_in,
    expect_true,
)
from ctp2.testing.conformance.orders import BUY, SELL, Order, number_of
from ctp2.testing.conformance.suite import DBL_MAX, Suite, on_grid, real_price
from ctp2.testing.recorder import Call

_BIG: Final = 100
Changes = Callable[[Suite], dict[str, Any]]


def refused(s: Suite, numbers: tuple[int, ...], **changes: Any) -> Order:
    """Send an order that CTP must refuse: own OnRsp with the echo, then OnErrRtn, no return, no row."""
    order = s.insert(**changes)
    trader = order.trader

    def outcome(call: Call) -> bool:
        return order.is_refusal(call) or order.is_mine(call)

    call = trader.wait("OnRspOrderInsert", outcome, order.after)
    if order.is_mine(call):
        order.wait("a refusal (OnRspOrderInsert) of the order", lambda field: False)
    expect("callback", call.name, "OnRspOrderInsert")
    expect_error(call, *numbers, own_text=s.differs(Capabilities.OWN_TEXTS))
    expect_true("OnRspOrderInsert: data", call.field is not None, "NULL", "the order")
    echoed = ("InstrumentID", "OrderRef", "Direction", "VolumeTotalOriginal")
    expect_fields("OnRspOrderInsert", call.field, **{name: getattr(order.field, name) for name in echoed})
    expect_err_rtn(order, call.error_id)
    return order


def expect_err_rtn(order: Order, number: int) -> None:
    """``OnErrRtnOrderInsert`` with the same echo and number."""
    ref = order.field.OrderRef

    def fits(call: Call) -> bool:
        return call.name == "OnErrRtnOrderInsert" and number_of(call.field.OrderRef) == number_of(ref)

    call = order.trader.wait("OnErrRtnOrderInsert", fits, order.after)
    expect("ErrorID of OnErrRtnOrderInsert", call.error_id, number)
    expect("OnErrRtnOrderInsert.InstrumentID", call.field.InstrumentID, order.field.InstrumentID)


def _refusal_card(
    number: int, title: str, title_zh: str, errors: tuple[int, ...], changes: Changes, given: Given = "market"
) -> None:
    """A card of one reason: the ordinary order with ``changes`` is refused with one of ``errors``."""
    codes = "/".join(map(str, errors))

    @card(number, f"refused, {codes}: {title}", f"拒单 {codes}：{title_zh}", "3.1, 3.3, 13", given)
    def run(s: Suite) -> None:
        if given == "futures":
            s.need_futures()
        rule, other = _OTHER_RULES.get(number, ("", None))
        if not (rule and s.differs(rule)):
            refused(s, errors, **changes(s))
        elif other is None:
            s.rest(**changes(s)).cancel()
        else:
            refused(s, other, **changes(s))


_OTHER_RULES: Final[dict[int, tuple[str, tuple[int, ...] | None]]] = {
    97: (Capabilities.KEEPS_ORDERS, None),
    99: (Capabilities.OWN_ACCOUNT, None),
    101: (Capabilities.ROUTES_BY_CODE, (15,)),
    102: (Capabilities.ROUTES_BY_CODE, (15,)),
    107: (Capabilities.FREE_REFS, None),
}
"""Card → the rule that a front may have instead, and the errors by it; None: the order is taken."""


_REASONS: Final[tuple[tuple[int, str, str, tuple[int, ...], Changes], ...]] = (
    (90, "no price type", "价格类型为空", (15,), lambda s: {"OrderPriceType": ""}),
    (91, "unknown direction", "买卖方向非法", (15,), lambda s: {"Direction": "9", "LimitPrice": 1.0}),
    (92, "volume 0", "数量为 0", (15,), lambda s: {"VolumeTotalOriginal": 0}),
    (93, "negative volume", "数量为负", (15,), lambda s: {"VolumeTotalOriginal": -1}),
    (94, "no time condition", "有效期类型为空", (15,), lambda s: {"TimeCondition": ""}),
    (95, "no offset flag", "开平标志为空", (15,), lambda s: {"CombOffsetFlag": ""}),
    (96, "no hedge flag", "投机套保标志为空", (15, 61, 66), lambda s: {"CombHedgeFlag": ""}),
    (97, "good till cancelled", "GTC 报单", (15, 80), lambda s: {"TimeCondition": "5"}),
    (98, "unknown instrument", "合约不存在", (16,), lambda s: {"InstrumentID": "nosuch99", "LimitPrice": 1.0}),
    (99, "no InvestorID", "投资者代码为空", (146,), lambda s: {"InvestorID": ""}),
    (100, "another InvestorID", "他人投资者代码", (9, 13), lambda s: {"InvestorID": "nobody"}),
    (101, "no such exchange", "交易所代码无效", (148,), lambda s: {"ExchangeID": "NOWHERE"}),
    (102, "the wrong exchange", "交易所与合约不符", (150,), lambda s: {"ExchangeID": _other_exchange(s)}),
    (103, "price is not a number", "价格为 NaN", (95,), lambda s: {"LimitPrice": float("nan")}),
    (104, "price is DBL_MAX", "价格为 DBL_MAX", (95,), lambda s: {"LimitPrice": DBL_MAX}),
    (105, "force close by an investor", "投资者强平", (9,), lambda s: {"CombOffsetFlag": "2"}),
    (106, "not enough money", "资金不足", (31,), lambda s: {"VolumeTotalOriginal": _beyond_funds(s)}),
    (107, "OrderRef is no number", "OrderRef 不是数字", (22,), lambda s: {"OrderRef": "abc"}),
)


def _other_exchange(s: Suite) -> str:
    rows = s.trader.rows("ReqQryInstrument")
    others = sorted({row.ExchangeID for row in rows} - {s.instrument.ExchangeID})
    if not others:
        raise NotSupported("all instruments are of one exchange")
    return str(others[0])


def _beyond_funds(s: Suite) -> int:
    available = s.account().Available
    per_lot = max(s.price(BUY, rests=True) * s.instrument.VolumeMultiple, 1e-6)
    # A margin of no instrument is below one hundredth of its value.
    return min(int(max(available, 0.0) / per_lot * _BIG) + _BIG, 2**31 - 1)


for _number, _title, _title_zh, _errors, _changes in _REASONS:
    _refusal_card(_number, _title, _title_zh, _errors, _changes)


@card(
    108,
    "refused, 22: OrderRef used before, or smaller",
    "拒单 22：OrderRef 重复或变小",
    "3.1, 13",
    "market",
    essential=True,
)
def duplicate_ref(s: Suite) -> None:
    trader = s.new_trader(login=True)
    s.rest(trader, OrderRef="50").cancel("ref")
    refused(s, (22,), trader=trader, OrderRef="50")
    if s.differs(Capabilities.FREE_REFS):
        s.rest(trader, OrderRef="49").cancel("ref")
    else:
        refused(s, (22,), trader=trader, OrderRef="49")


@card(109, "a refused order uses its OrderRef up", "被拒报单的 OrderRef 也算用过", "3.1, 16", "market")
def ref_used_up(s: Suite) -> None:
    trader = s.new_trader(login=True)
    refused(s, (15,), trader=trader, OrderRef="60", VolumeTotalOriginal=0)
    if s.differs(Capabilities.FREE_REFS):
        s.rest(trader, OrderRef="60").cancel("ref")
    else:
        refused(s, (22,), trader=trader, OrderRef="60")


def _over_close(s: Suite) -> tuple[int, int]:
    """Error numbers of closing more than today's, and more than yesterday's lots."""
    return (50, 51) if s.instrument.PositionDateType == "1" else (30, 30)


def _too_many(s: Suite) -> int:
    rows = s.trader.rows("ReqQryInvestorPosition", **s.trader.who, InstrumentID=s.instrument.InstrumentID)
    return int(sum(row.Position for row in rows)) + s.lots


@card(
    110,
    "refused, 30/50: closing more than today's lots",
    "拒单 30/50：平今仓位不足",
    "3.3, 5.4",
    "market",
    essential=True,
)
def over_close_today(s: Suite) -> None:
    refused(s, _over_close(s)[:1], Direction=SELL, CombOffsetFlag=s.close_flag, VolumeTotalOriginal=_too_many(s))


@card(111, "refused, 30/51: closing more than yesterday's lots", "拒单 30/51：平昨仓位不足", "3.3, 5.4", "futures")
def over_close_yesterday(s: Suite) -> None:
    refused(s, _over_close(s)[1:], Direction=SELL, CombOffsetFlag="4", VolumeTotalOriginal=_too_many(s))


@card(112, "over-closing at an illegal price gives the position error", "越价且超仓平仓：报持仓错误", "3.3", "market")
def position_before_price(s: Suite) -> None:
    upper = real_price(s.quote().UpperLimitPrice)
    if upper is None:
        raise NotSupported("the instrument has no price limit")
    price = upper + 10 * s.instrument.PriceTick
    flags = {"Direction": SELL, "CombOffsetFlag": s.close_flag, "VolumeTotalOriginal": _too_many(s)}
    refused(s, _over_close(s)[:1], LimitPrice=price, **flags)


@card(
    113,
    "a refusal: OnRspOrderInsert first, then OnErrRtnOrderInsert",
    "拒单：先 OnRsp 后 OnErrRtn，各一次",
    "2.1, 3.4",
    "market",
    essential=True,
)
def refusal_order(s: Suite) -> None:
    order = refused(s, (15,), VolumeTotalOriginal=0)
    s.trader.barrier()
    names = ("OnRspOrderInsert", "OnErrRtnOrderInsert", "OnRtnOrder", "OnRtnTrade")
    came = [call.name for call in s.trader.calls[order.after :] if call.name in names]
    expect("callbacks of the refused order", came, ["OnRspOrderInsert", "OnErrRtnOrderInsert"])


@card(
    114, "a refused order is in no query and freezes nothing", "被拒报单查不到也不冻结", "3.4", "market", essential=True
)
def refusal_leaves_nothing(s: Suite) -> None:
    before = _frozen(s)
    order = refused(s, (31,), VolumeTotalOriginal=_beyond_funds(s))
    expect("rows in ReqQryOrder", query_order(s, order), [])
    expect("FrozenMargin, FrozenCash, FrozenCommission", _frozen(s), before)


def _frozen(s: Suite) -> tuple[float, float, float]:
    row = s.account()
    return row.FrozenMargin, row.FrozenCash, row.FrozenCommission


# ------------------------------------------------------------------ cancels
def refused_action(s: Suite, numbers: tuple[int, ...], **fields: Any) -> None:
    """Send a cancel that CTP must refuse: own OnRsp with the echo, then OnErrRtn."""
    trader = s.trader
    after = trader.mark()
    call = trader.ask("ReqOrderAction", **fields)[-1]
    expect("callback", call.name, "OnRspOrderAction")
    expect_error(call, *numbers, own_text=s.differs(Capabilities.OWN_TEXTS))
    expect_true("OnRspOrderAction: data", call.field is not None, "NULL", "the action")
    expect("OnRspOrderAction.OrderSysID", call.field.OrderSysID, fields.get("OrderSysID", ""))
    error = trader.wait("OnErrRtnOrderAction", "OnErrRtnOrderAction", after)
    expect("ErrorID of OnErrRtnOrderAction", error.error_id, call.error_id)
    came = [call.name for call in trader.calls[after:] if call.name.endswith("OrderAction")]
    expect("callbacks of the refused cancel", came, ["OnRspOrderAction", "OnErrRtnOrderAction"])


def _action(s: Suite, **more: Any) -> dict[str, Any]:
    row, trader = s.instrument, s.trader
    who = {**trader.who, "UserID": trader.user, "InstrumentID": row.InstrumentID, "ExchangeID": row.ExchangeID}
    return {**who, "ActionFlag": "0", **more}


@card(115, "cancel refused, 25: no such order", "撤单被拒 25：找不到报单", "4", "market", essential=True)
def cancel_unknown(s: Suite) -> None:
    refused_action(s, (25,), **_action(s, OrderSysID="999999999"))
    session = {"FrontID": s.trader.front_id, "SessionID": s.trader.session_id}
    refused_action(s, (25,), **_action(s, **session, OrderRef="999999999"))


@card(116, "cancel refused, 26: cancelled already", "撤单被拒 26：已撤单", "4", "market", essential=True)
def cancel_cancelled(s: Suite) -> None:
    order = s.rest()
    order.cancel()
    refused_action(s, (26,), **order.cancel_fields("sys"))


@card(117, "cancel refused, 26: filled already", "撤单被拒 26：已成交", "4", "market", essential=True)
def cancel_filled(s: Suite) -> None:
    order = s.fill()
    refused_action(s, (26,), **order.cancel_fields("ref"))


@card(118, "cancel refused, 23: unknown ActionFlag", "撤单被拒 23：操作标志非法", "4", "market")
def cancel_bad_flag(s: Suite) -> None:
    order = s.rest()
    refused_action(s, (23,), **{**order.cancel_fields("sys"), "ActionFlag": "x"})


@card(119, "refused, 27: modifying an order", "改单被拒 27", "4", "market")
def modify(s: Suite) -> None:
    order = s.rest()
    changed = {**order.cancel_fields("sys"), "ActionFlag": "3", "LimitPrice": _nearer(s, order)}
    if not s.differs(Capabilities.KEEPS_ORDERS):
        refused_action(s, (27,), **changed)
        return
    after = s.trader.mark()
    s.trader.send("ReqOrderAction", **changed)
    price = changed["LimitPrice"]
    s.trader.wait(
        f"OnRtnOrder with LimitPrice {price}",
        lambda call: order.is_mine(call) and call.field.LimitPrice == price,
        after,
    )
    order.cancel()


def _nearer(s: Suite, order: Order) -> float:
    """A price at which it rests, too."""
    return on_grid(order.field.LimitPrice + s.instrument.PriceTick, s.instrument.PriceTick)


@card(120, "cancel refused, 23: by OrderRef without instrument", "撤单被拒 23：按引用撤单未填合约", "4", "market")
def cancel_without_instrument(s: Suite) -> None:
    order = s.rest()
    fields = {**order.cancel_fields("ref"), "InstrumentID": ""}
    if s.differs(Capabilities.ROUTES_BY_CODE):
        _expect_cancel(s, order, fields)
    else:
        refused_action(s, (23,), **fields)


def _expect_cancel(s: Suite, order: Order, fields: dict[str, Any]) -> None:
    """Send a cancel that a front takes by another rule."""
    s.trader.send("ReqOrderAction", **fields)
    expect("OrderStatus after the cancel", order.ends().OrderStatus, "5")


@card(121, "cancel refused: no InvestorID, another InvestorID", "撤单被拒：投资者代码为空或不符", "4", "market")
def cancel_anothers(s: Suite) -> None:
    order = s.rest()
    fields = order.cancel_fields("sys")
    refused_action(s, (9, 13), **{**fields, "InvestorID": "nobody"})
    if s.differs(Capabilities.OWN_ACCOUNT):
        _expect_cancel(s, order, {**fields, "InvestorID": ""})
    else:
        refused_action(s, (146, 23), **{**fields, "InvestorID": ""})


@card(122, "a refused cancel leaves the order working", "撤单被拒后报单仍有效", "4", "market")
def still_working(s: Suite) -> None:
    order = s.rest()
    refused_action(s, (23,), **{**order.cancel_fields("sys"), "ActionFlag": "x"})
    rows = query_order(s, order)
    expect("OrderStatus in ReqQryOrder", [row.OrderStatus for row in rows], ["3"])
    order.cancel()


# ------------------------------------------------------------------ the exchange
def rejected(s: Suite, reason: str, **changes: Any) -> Order:
    """Send an order that the exchange must reject: a/0, 5/4 with its text, visible, nothing frozen, no error."""
    before = _frozen(s)
    order = s.insert(**changes)
    order.wait("OnRtnOrder 5/4", lambda field: field.OrderSubmitStatus == "4")
    expect("sequence", order.sequence(), ["a/0", "5/4"])
    last = order.last
    expect_fields("OnRtnOrder 5/4", last, OrderStatus="5", OrderSysID="", VolumeTraded=0)
    text = f"已撤单报单被拒绝{last.ExchangeID}:"
    expect_true("StatusMsg", text in last.StatusMsg, last.StatusMsg, f"{text}{reason}")
    expect_true("StatusMsg", reason in last.StatusMsg, last.StatusMsg, f"{text}{reason}")
    s.trader.barrier()
    names = {call.name for call in s.trader.calls[order.after :]}
    expect("error callbacks", sorted(names & {"OnRspOrderInsert", "OnErrRtnOrderInsert"}), [])
    expect("rows in ReqQryOrder", [row.OrderSubmitStatus for row in query_order(s, order)], ["4"])
    expect("FrozenMargin, FrozenCash, FrozenCommission", _frozen(s), before)
    return order


def _limits(s: Suite) -> tuple[float, float]:
    tick = s.quote()
    upper, lower = real_price(tick.UpperLimitPrice), real_price(tick.LowerLimitPrice)
    if upper is None or lower is None:
        raise NotSupported("the instrument has no price limits")
    return upper, lower


@card(123, "exchange rejects above the upper limit: 5/4", "越涨停价：交易所拒单 5/4", "3.4, 3.8", "market")
def above_limit(s: Suite) -> None:
    upper, _ = _limits(s)
    rejected(s, "", LimitPrice=upper + 10 * s.instrument.PriceTick)


@card(124, "exchange rejects below the lower limit: 5/4", "越跌停价：交易所拒单 5/4", "3.4, 3.8", "market")
def below_limit(s: Suite) -> None:
    _, lower = _limits(s)
    rejected(s, "", LimitPrice=lower - 10 * s.instrument.PriceTick)


@card(
    125,
    "exchange rejects a price off the tick (CZCE cuts it)",
    "价格非最小变动价位：拒单（郑商所截断）",
    "3.3, 3.8",
    "market",
)
def off_tick(s: Suite) -> None:
    price = s.price(BUY, rests=True) + s.instrument.PriceTick / 2
    if s.instrument.ExchangeID == "CZCE":
        s.rest(LimitPrice=price).cancel()
        return
    if s.differs(Capabilities.CHECKS_TICK):
        refused(s, (95,), LimitPrice=price)
        return
    rejected(s, "", LimitPrice=price)


@card(126, "exchange rejects more lots than allowed", "超过最大手数：交易所拒单", "3.2, 3.8", "futures")
def too_many_lots(s: Suite) -> None:
    volume = s.instrument.MaxLimitOrderVolume + 1
    row = s.account()
    needed = volume * s.price(BUY, rests=True) * s.instrument.VolumeMultiple
    if needed * 0.3 > row.Available:
        raise NotSupported(f"no money for {volume} lots")
    rejected(s, "", VolumeTotalOriginal=volume)


# ------------------------------------------------------------------ passwords
@card(
    127,
    "password update refused, 14: wrong old password",
    "改密被拒 14：原密码错误",
    "12.1",
    needs=("ReqUserPasswordUpdate",),
)
def wrong_old_password(s: Suite) -> None:
    passwords = {"OldPassword": s.settings.password + "x", "NewPassword": "Ctp2check!9"}
    fields = {"BrokerID": s.trader.broker, "UserID": s.trader.user, **passwords}
    call = s.trader.ask("ReqUserPasswordUpdate", **fields)[-1]
    expect("callback", call.name, "OnRspUserPasswordUpdate")
    expect_error(call, 14)


@card(
    128, "password update refused, 10: another user", "改密被拒 10：他人密码", "12.1", needs=("ReqUserPasswordUpdate",)
)
def anothers_password(s: Suite) -> None:
    passwords = {"OldPassword": s.settings.password, "NewPassword": "Ctp2check!9"}
    call = s.trader.ask("ReqUserPasswordUpdate", BrokerID=s.trader.broker, UserID="nobody", **passwords)[-1]
    expect_error(call, 10)


@card(
    129,
    "password update refused, 142: the same as before",
    "改密被拒 142：新旧相同",
    "12.1",
    needs=("ReqUserPasswordUpdate",),
)
def same_password(s: Suite) -> None:
    password = s.settings.password
    fields = {"BrokerID": s.trader.broker, "UserID": s.trader.user, "OldPassword": password, "NewPassword": password}
    call = s.trader.ask("ReqUserPasswordUpdate", **fields)[-1]
    expect_in("ErrorID", call.error_id, (142,))
