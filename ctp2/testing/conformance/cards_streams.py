"""Cards 150–169: private and public stream, several sessions, reconnecting, and the sum of the whole run."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.core.flow import Resume
from ctp2.testing.conformance.cards_connect import expect_error, expect_ok
from ctp2.testing.conformance.cards_refusals import refused
from ctp2.testing.conformance.client import PRIVATE_STREAM, Trader, packed
from ctp2.testing.conformance.model import Mismatch, card, expect, expect_fields, expect_in, expect_true
from ctp2.testing.conformance.orders import CANCELED, FINAL, Order
from ctp2.testing.conformance.suite import Suite
from ctp2.testing.recorder import Call

READ_FAILED: Final = 4097
NOT_LOGGED_IN: Final = 6
IN_FLIGHT: Final = -2
"""What a query returns while another one is not answered."""


def _stream(trader: Trader) -> list[tuple[str, bytes, bytes]]:
    return [packed(call) for call in trader.private()]


def _complete(trader: Trader, wanted: int) -> None:
    """Wait until so many private events came, and look whether more follow."""
    if len(trader.private()) < wanted:
        trader.wait(f"{wanted} private events", lambda _: len(trader.private()) >= wanted)
    trader.barrier()


def _expect_same(what: str, got: list[Any], wanted: list[Any]) -> None:
    """Two streams of bytes; the first difference is shown."""
    for number, (here, there) in enumerate(zip(got, wanted, strict=False), 1):
        if here != there:
            raise Mismatch(
                f"{what}: event {number} of {len(wanted)}", f"{there[0]} byte for byte", f"another {here[0]}"
            )
    expect(f"{what}: number of events", len(got), len(wanted))


def _reconnect(trader: Trader) -> int:
    """Log out and wait for the new connection; returns the mark from before."""
    after = trader.mark()
    trader.ask("ReqUserLogout", BrokerID=trader.broker, UserID=trader.user)
    trader.wait("OnFrontConnected after the logout", "OnFrontConnected", after)
    return after


# ------------------------------------------------------------------ several sessions
@card(
    150,
    "a second session sees orders, trades, byte for byte",
    "第二会话收到相同的报单与成交",
    "2.1",
    "market",
    essential=True,
)
def second_session(s: Suite) -> None:
    other = s.new_trader(login=True)
    after = len(s.trader.private())
    s.rest().cancel()
    s.fill()
    live = _stream(s.trader)[after:]
    _complete(other, len(_stream(s.trader)))
    _expect_same("private stream of the second session", _stream(other)[after:][: len(live)], live)


@card(151, "a second session sees refusals: OnErrRtn, not OnRsp", "第二会话收到错误回报而非应答", "2.1, 3.4", "market")
def second_session_refusals(s: Suite) -> None:
    other = s.new_trader(login=True)
    other.barrier()
    after = other.mark()
    order = refused(s, (15,), VolumeTotalOriginal=0)
    ref = order.field.OrderRef
    call = other.wait("OnErrRtnOrderInsert at the second session", "OnErrRtnOrderInsert", after)
    expect("ErrorID", call.error_id, 15)
    expect("OrderRef", call.field.OrderRef, ref)
    other.barrier()
    expect("OnRspOrderInsert at the second session", other.spi.of("OnRspOrderInsert"), [])


@card(152, "a refused cancel is told to the second session", "第二会话收到撤单错误回报", "2.1, 4", "market")
def second_session_action(s: Suite) -> None:
    order = s.rest()
    order.cancel()
    other = s.new_trader(login=True)
    other.barrier()
    after = other.mark()
    s.trader.ask("ReqOrderAction", **order.cancel_fields("sys"))
    call = other.wait("OnErrRtnOrderAction at the second session", "OnErrRtnOrderAction", after)
    expect("ErrorID", call.error_id, 26)


# ------------------------------------------------------------------ replay
@card(153, "RESTART replays the day byte for byte", "RESTART 逐字节重放当日", "2.2", "market", essential=True)
def restart(s: Suite) -> None:
    s.rest().cancel()
    refused(s, (15,), VolumeTotalOriginal=0)
    s.fill()
    live = _stream(s.trader)
    replayed = s.new_trader(Resume.RESTART, login=True)
    _complete(replayed, len(live))
    _expect_same("replay", _stream(replayed)[: len(live)], live)


@card(
    154,
    "RESUME with a new Api object: no gap, no duplicate",
    "RESUME：新对象续传，无缺口无重复",
    "2.2, 2.3",
    "market",
    essential=True,
)
def resume(s: Suite) -> None:
    flow = s.new_flow()
    first = s.new_trader(Resume.RESUME, flow, login=True)
    s.rest().cancel()
    _complete(first, len(_stream(s.trader)))
    seen = _stream(first)
    first.release()
    s.rest().cancel()
    wanted = _stream(s.trader)
    second = s.new_trader(Resume.RESUME, flow, login=True)
    if len(wanted) > len(seen):
        second.wait("the private events of meanwhile", lambda call: call.name in PRIVATE_STREAM)
    _complete(second, len(wanted) - len(seen))
    _expect_same("before and after together", (seen + _stream(second))[: len(wanted)], wanted)
    expect("events in all", len(seen) + len(_stream(second)) >= len(wanted), True)
    second.barrier()
    late = len(_stream(s.trader))
    expect("events in all", len(seen) + len(_stream(second)), late)


@card(155, "QUICK has no history and goes on live", "QUICK 无历史，只有之后的", "2.2", "market", essential=True)
def quick(s: Suite) -> None:
    s.rest().cancel()
    trader = s.new_trader(Resume.QUICK, login=True)
    trader.barrier()
    expect("private events of before the login", [call.name for call in trader.private()], [])
    order = s.rest()
    trader.wait("OnRtnOrder 3 of a new order", lambda call: order.is_mine(call) and call.field.OrderStatus == "3")


# ------------------------------------------------------------------ reconnecting
@card(156, "logout: answer, 4097, connected again", "登出：应答、4097、重新连接", "1.8", "login", essential=True)
def logout(s: Suite) -> None:
    trader = s.new_trader(login=True)
    trader.barrier()
    after = trader.mark()
    answer = trader.ask("ReqUserLogout", BrokerID=trader.broker, UserID=trader.user)[-1]
    expect_ok(answer)
    expect_fields("OnRspUserLogout", answer.field, BrokerID=trader.broker, UserID=trader.user)
    trader.wait("OnFrontConnected", "OnFrontConnected", after)
    came = [(call.name, call.number) for call in trader.calls[after:] if not call.name.startswith("OnRtn")]
    wanted = [("OnRspUserLogout", 0), ("OnFrontDisconnected", READ_FAILED), ("OnFrontConnected", 0)]
    expect("callbacks", came, wanted)


@card(
    157,
    "reconnected: error 6 until login, then a new SessionID",
    "重连后：登录前错误 6，登录得新 SessionID",
    "1.5",
    "login",
    essential=True,
)
def new_session(s: Suite) -> None:
    trader = s.new_trader(login=True)
    before = (trader.front_id, trader.session_id)
    _reconnect(trader)
    expect_error(trader.ask("ReqQryTradingAccount", **trader.who)[-1], NOT_LOGGED_IN)
    s.log_in(trader)
    expect_true("FrontID, SessionID", (trader.front_id, trader.session_id) != before, before, f"not {before}")
    trader.rows("ReqQryTradingAccount", **trader.who)


@card(
    158,
    "RESTART goes on behind a reconnect without duplicates",
    "同一进程重连后续传，无重复",
    "2.2",
    "market",
    essential=True,
)
def reconnect_continues(s: Suite) -> None:
    trader = s.new_trader(Resume.RESTART, login=True)
    _complete(trader, len(_stream(s.trader)))
    _reconnect(trader)
    s.rest().cancel()
    s.log_in(trader)
    wanted = _stream(s.trader)
    _complete(trader, len(wanted))
    _expect_same("both connections together", _stream(trader)[: len(wanted)], wanted)


@card(159, "a lost connection frees the query slot", "断线后查询可立即再发", "1.3, 8.2", "login")
def slot_is_freed(s: Suite) -> None:
    trader = s.new_trader(login=True)
    user = trader.build("ReqUserLogout", {"BrokerID": trader.broker, "UserID": trader.user})
    after = trader.mark()
    trader.call("ReqUserLogout", user, 77031)
    trader.call("ReqQryOrder", trader.build("ReqQryOrder", trader.who), 77032)
    trader.wait("OnFrontConnected", "OnFrontConnected", after)
    asked = trader.build("ReqQryOrder", trader.who)
    taken = trader.call("ReqQryOrder", asked, 77033)
    if taken == IN_FLIGHT:
        # A quick front was there again before the query was sent: then it is answered on the new connection.
        trader.wait("the answer to the query that holds the slot", lambda call: call.request_id == 77032, after)
        taken = trader.call("ReqQryOrder", asked, 77034)
    expect("the next query returns", taken, 0)


@card(160, "orders outlive the session that sent them", "报单不随会话结束", "3.12, 4", "market")
def orders_outlive(s: Suite) -> None:
    trader = s.new_trader(login=True)
    order = s.rest(trader)
    _reconnect(trader)
    who = {**s.trader.who, "OrderSysID": order.sys_id, "ExchangeID": order.last.ExchangeID}
    expect("OrderStatus in ReqQryOrder", [row.OrderStatus for row in s.trader.rows("ReqQryOrder", **who)], ["3"])
    order.cancel("ref", s.trader)


# ------------------------------------------------------------------ public stream
def _statuses(trader: Trader) -> list[Call]:
    return [call for call in trader.calls if call.name == "OnRtnInstrumentStatus"]


@card(161, "instrument status comes per product after login", "登录后按品种推送合约状态", "10.1", "market")
def instrument_status(s: Suite) -> None:
    trader = s.new_trader(login=True)
    product = s.instrument.ProductID

    def own(call: Call) -> bool:
        return call.name == "OnRtnInstrumentStatus" and call.field.InstrumentID in (product, s.instrument.InstrumentID)

    call = trader.wait("OnRtnInstrumentStatus of the instrument's product", own)
    code = s.instrument.InstrumentID if s.differs(Capabilities.STATUS_BY_CODE) else product
    expect_fields("OnRtnInstrumentStatus", call.field, InstrumentID=code, ExchangeID=s.instrument.ExchangeID)
    expect_in("InstrumentStatus", call.field.InstrumentStatus, tuple("01234567"))
    expect_true("EnterTime", call.field.EnterTime, "empty", "HH:MM:SS")


@card(162, "QUICK shows each product's present status once", "公有流 QUICK：每品种一次当前状态", "10.1, 2.2", "market")
def quick_status(s: Suite) -> None:
    trader = s.new_trader(Resume.QUICK, public=Resume.QUICK, login=True)
    trader.barrier()
    keys = [(call.field.ExchangeID, call.field.InstrumentID, call.field.TradingSegmentSN) for call in _statuses(trader)]
    expect("statuses that come twice", len(keys) - len(set(keys)), 0)


@card(163, "NONE: no public stream", "公有流 NONE：不推送", "2.2", "login")
def no_status(s: Suite) -> None:
    trader = s.new_trader(public=Resume.NONE, login=True)
    trader.barrier()
    expect("statuses", _statuses(trader), [])


# ------------------------------------------------------------------ the whole run
def _make_history(s: Suite) -> list[Any]:
    """Something of every kind, and then all that the run's session was told."""
    s.rest().cancel()
    s.fill()
    s.trader.barrier()
    return [call for call in s.trader.calls if call.name in ("OnRtnOrder", "OnRtnTrade")]


@card(
    164,
    "VolumeTraded + VolumeTotal is the order's volume, always",
    "VolumeTraded+VolumeTotal 恒等",
    "3.6 (3)",
    "market",
    essential=True,
)
def volumes_add_up(s: Suite) -> None:
    for call in _make_history(s):
        if call.name == "OnRtnOrder":
            field = call.field
            what = f"VolumeTraded+VolumeTotal of {field.OrderSysID.strip() or field.OrderRef} {field.OrderStatus}"
            expect(what, field.VolumeTraded + field.VolumeTotal, field.VolumeTotalOriginal)


@card(
    165,
    "a state that shows the fill precedes its trade",
    "成交之前必有体现该成交的报单回报",
    "3.6 (1, 2)",
    "market",
    essential=True,
)
def state_before_trade(s: Suite) -> None:
    told: dict[str, int] = {}
    traded: dict[str, int] = {}
    for call in _make_history(s):
        sys_id = call.field.OrderSysID.strip()
        if call.name == "OnRtnOrder":
            if sys_id:
                told[sys_id] = call.field.VolumeTraded
            continue
        expect_true(f"OnRtnOrder with OrderSysID {sys_id} before its trade", sys_id in told, "a trade first")
        traded[sys_id] = traded.get(sys_id, 0) + call.field.Volume
        what = f"VolumeTraded of {sys_id} told before the trade"
        expect_true(what, told[sys_id] >= traded[sys_id], told[sys_id], f"at least {traded[sys_id]}")


@card(
    166,
    "trades add up to VolumeTraded, each TradeID once",
    "成交合计等于 VolumeTraded，编号不重复",
    "3.6 (4), 3.9",
    "market",
    essential=True,
)
def trades_add_up(s: Suite) -> None:
    final: dict[str, int] = {}
    traded: dict[str, int] = {}
    seen: set[tuple[str, str, str]] = set()
    for call in _make_history(s):
        field = call.field
        sys_id = field.OrderSysID.strip()
        if call.name == "OnRtnOrder":
            if sys_id:
                final[sys_id] = field.VolumeTraded
            continue
        key = (field.ExchangeID, field.TradeID, field.Direction)
        expect_true(f"TradeID {field.TradeID.strip()}", key not in seen, "told twice", "told once")
        seen.add(key)
        traded[sys_id] = traded.get(sys_id, 0) + field.Volume
    for sys_id, volume in final.items():
        expect(f"lots traded of OrderSysID {sys_id}", traded.get(sys_id, 0), volume)


@card(
    167,
    "nothing but late trades follows a final state",
    "终态之后只可能有迟到的成交",
    "3.6 (5)",
    "market",
    essential=True,
)
def final_is_final(s: Suite) -> None:
    ended: dict[tuple[int, int, str], Any] = {}
    for call in _make_history(s):
        if call.name != "OnRtnOrder":
            continue
        field = call.field
        key = (field.FrontID, field.SessionID, field.OrderRef)
        if key in ended:
            # A cancelled rest comes before its trades at some exchanges, each with the state again (row F).
            again = field.OrderStatus == CANCELED and ended[key] == field
            expect_true("OnRtnOrder behind a final state", again, f"{field.OrderStatus} {field.StatusMsg}", "none")
        elif field.OrderStatus in FINAL:
            ended[key] = field


@card(168, "every request had one outcome", "每个请求只有一个结局", "1.10, DESIGN 4", "confirmed", essential=True)
def one_outcome(s: Suite) -> None:
    trader = s.trader
    for name in ("ReqQryTradingAccount", "ReqQryInvestorPosition", "ReqQryOrder", "ReqQryTrade"):
        trader.rows(name, **trader.who)
    trader.barrier()
    ends: dict[int, int] = {}
    for call in trader.calls:
        if call.name.startswith("OnRsp") and call.is_last:
            ends[call.request_id] = ends.get(call.request_id, 0) + 1
    silent = {"ReqOrderInsert", "ReqOrderAction"}
    for request_id, name in trader.sent:
        got = ends.get(request_id, 0)
        if name in silent:
            expect_true(f"answers to {name} {request_id}", got <= 1, got, "at most one")
        else:
            expect(f"answers to {name} {request_id}", got, 1)


@card(169, "an order's identity is the same in all its returns", "同一报单各回报标识一致", "3.7, 3.12", "market")
def identity(s: Suite) -> None:
    order: Order = s.rest()
    order.cancel()
    for name in ("OrderLocalID", "BrokerOrderSeq", "TraderID", "TradingDay", "ClientID", "ParticipantID"):
        values = {getattr(state, name) for state in order.states()}
        expect(f"values of {name}", len(values), 1)
    numbers = [state.OrderSysID for state in order.states() if state.OrderSysID]
    expect("values of OrderSysID", len(set(numbers)), 1)
