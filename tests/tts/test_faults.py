"""Faults on purpose, as a client sees them: exact callbacks, through the public face (spec ctp-semantics 1.5, 2, 8)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.core.address import parse
from ctp2.ctp import structs as s
from ctp2.testing import Call
from ctp2.testing.clocks import HandClock, use
from ctp2.tts import counter
from ctp2.tts.backend import running
from ctp2.tts.fault_control import NEVER
from ctp2.tts.fault_rules import FAULTS, SUBJECTS, WHEN
from ctp2.tts.fault_rules import shown as shown_value
from tests.tts.programs import FIRST, Trader, Watcher, address_of, is_order

RESTART, RESUME, QUICK = tdapi.THOST_TERT_RESTART, tdapi.THOST_TERT_RESUME, tdapi.THOST_TERT_QUICK
Made = Callable[..., Trader]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Made]:
    """Makes a trader of a new counter with ``faults``; a second call with the same ``faults`` joins it."""
    made: list[Trader] = []
    addresses: dict[str, str] = {}

    def build(faults: str = "", user: str = "alice", options: str = "", **more: Any) -> Trader:
        if faults not in addresses:
            addresses[faults] = address_of(tmp_path, options + (f"&faults={faults}" if faults else ""))
        made.append(Trader(addresses[faults], user, **more))
        made[-1].address = addresses[faults]  # type: ignore[attr-defined]
        return made[-1]

    yield build
    for client in made:
        client.api.Release()


def control_of(client: Trader) -> Any:
    return counter(client.address)  # type: ignore[attr-defined]


def begin(client: Trader) -> Trader:
    """Logged in, confirmed, and a quote for every instrument."""
    client.start()
    control_of(client).step(FIRST)
    return client


def again(client: Trader, after: int) -> int:
    """Log in after a break; returns the number of callbacks that had come up to the connect."""
    client.spi.wait_for("OnFrontConnected", after=after)
    before = len(client.spi.calls)
    assert client.ask("ReqUserLogin", BrokerID="9999", UserID=client.user, Password="secret")[-1].error_id == 0
    return before


def shown(call: Call) -> str:
    """A callback in a word: its name without On, and what matters of it."""
    name = call.name.removeprefix("On")
    if call.name == "OnRtnOrder":
        return f"RtnOrder {call.field.OrderStatus}/{call.field.OrderSubmitStatus}"
    if call.name == "OnRtnTrade":
        return f"RtnTrade {call.field.Volume}"
    if call.number:
        return f"{name} {call.number}"
    return f"{name} {call.error_id}" if call.info is not None else name


def told(client: Trader, after: int = 0) -> list[str]:
    """What came, without the public flow and the rows of ``barrier``."""
    noise = ("OnRtnInstrumentStatus", "OnRspQryExchange")
    return [shown(call) for call in client.spi.calls[after:] if call.name not in noise]


def barrier(client: Trader) -> None:
    """Everything that was on its way in any flow is here."""
    client.rows("ReqQryExchange")


CUT = "FrontDisconnected 4097"
UP = "FrontConnected"
RESTS = ["RtnOrder a/0", "RtnOrder 3/3"]
"""Row A of spec 3.6 at SHFE, before its fill."""
FILLS = ["RtnOrder a/0", "RtnOrder a/0", "RtnOrder 0/0", "RtnTrade 1"]
"""Row B of spec 3.6 at SHFE."""
LOGIN = "RspUserLogin 0"


# ------------------------------------------------------------------ the link breaks
# faults · what is sent · what comes on the old link · what the private flow brings behind the next login · orders there
BREAKS: list[tuple[str, str, list[str], list[str], int]] = [
    ("drop:order=2,reconnect=0", "rest rest", [*RESTS, CUT], RESTS, 2),
    ("drop:order=2,reconnect=0,requests=lost", "rest rest", [*RESTS, CUT], [], 1),
    ("drop:return=1,reconnect=0", "rest", ["RtnOrder a/0", CUT], ["RtnOrder 3/3"], 1),
    ("drop:trade=1,reconnect=0", "fill", [*FILLS, CUT], [], 1),
    ("drop:return=3,reconnect=0", "fill", [*FILLS[:3], CUT], ["RtnTrade 1"], 1),
    ("drop:request=2,reconnect=0,reason=8193", "fill", ["FrontDisconnected 8193"], FILLS, 1),
    ("drop:order=1,reconnect=0,reason=4098", "fill", ["FrontDisconnected 4098"], FILLS, 1),
    ("drop:order=1,reconnect=0,reason=8194", "fill", ["FrontDisconnected 8194"], FILLS, 1),
    ("drop:order=1,reconnect=0,reason=8195", "fill", ["FrontDisconnected 8195"], FILLS, 1),
    ("drop:order=1,reconnect=20ms", "fill", [CUT], FILLS, 1),
    ("drop:order=1..2,times=1,reconnect=0", "fill", [CUT], FILLS, 1),
    ("half_dead:order=1,timeout=30ms,reconnect=0", "fill", ["FrontDisconnected 8193"], FILLS, 1),
    (
        "half_dead:order=1,timeout=30ms,warning=10ms,reconnect=0,reason=4097",
        "fill",
        ["HeartBeatWarning", CUT],
        FILLS,
        1,
    ),
    (
        "half_dead:return=1,timeout=400ms,requests=lost,reconnect=0",
        "fill rest",
        [FILLS[0], "FrontDisconnected 8193"],
        FILLS[1:],
        1,
    ),
]


@pytest.mark.parametrize(("faults", "sends", "old", "new", "orders"), BREAKS, ids=[row[0] for row in BREAKS])
def test_the_link_breaks(make: Made, faults: str, sends: str, old: list[str], new: list[str], orders: int) -> None:
    client = begin(make(faults))
    before = len(client.spi.calls)
    for what in sends.split():
        client.insert(price={"rest": 4280.0, "fill": 4310.0}[what])
        if len(sends.split()) > 1 and "half" not in faults:
            client.spi.wait_for(lambda call: call.name == "OnFrontDisconnected" or is_order("3")(call), after=before)
    client.spi.wait_for("OnFrontConnected", after=before)
    assert told(client, before) == [*old, UP]
    login = again(client, before)
    barrier(client)
    assert told(client, login) == [LOGIN, *new]
    assert len(client.rows("ReqQryOrder")) == orders


def test_the_answer_to_a_query_is_lost_with_the_link_and_the_slot_is_free(make: Made) -> None:
    client = begin(make("drop:query=1,reconnect=0"))
    before = len(client.spi.calls)
    client.send("ReqQryTradingAccount", BrokerID="9999")
    client.spi.wait_for("OnFrontConnected", after=before)
    assert told(client, before) == [CUT, UP]
    again(client, before)
    assert len(client.rows("ReqQryTradingAccount", BrokerID="9999")) == 1


def test_a_login_and_a_confirmation_are_lost(make: Made) -> None:
    client = make("drop:login=1,reconnect=0;drop:answer=2,reconnect=0").connect()
    client.send("ReqUserLogin", BrokerID="9999", UserID="alice")
    client.spi.wait_for("OnFrontConnected", count=2)
    assert told(client) == [UP, CUT, UP]
    again(client, 2)
    client.send("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
    client.spi.wait_for("OnFrontConnected", count=3)
    # The confirmation reached the counter: its answer was the second one, it arrived, and then the link broke.
    assert told(client) == [UP, CUT, UP, LOGIN, "RspSettlementInfoConfirm 0", CUT, UP]
    again(client, len(client.spi.calls) - 1)
    assert client.rest().OrderStatus == "3"


def test_a_link_breaks_a_while_after_the_login_and_at_a_time_of_day(make: Made) -> None:
    client = make("drop:after=20ms,times=1,reconnect=0;drop:at=09:30:01,reconnect=0").login()
    client.spi.wait_for("OnFrontConnected", count=2)
    assert told(client) == [UP, LOGIN, CUT, UP]
    before = again(client, 2)
    control_of(client).step(5)  # to 09:30:00.900
    barrier(client)
    assert told(client, before) == [LOGIN]
    control_of(client).step()  # 09:30:01
    client.spi.wait_for("OnFrontConnected", after=before)
    assert told(client, before) == [LOGIN, CUT, UP]


def test_a_link_that_never_comes_back_until_it_is_told(make: Made) -> None:
    client = begin(make())
    faults = control_of(client).faults
    before = len(client.spi.calls)
    faults.drop_link(8193, user="alice", reconnect=NEVER)
    client.spi.wait_for("OnFrontDisconnected", after=before)
    assert client.api.ReqOrderInsert(client.order(), 9) == -1
    faults.reconnect()
    again(client, before)
    assert told(client, before) == ["FrontDisconnected 8193", UP, LOGIN]
    with pytest.raises(LookupError, match="no trader link of bob"):
        faults.drop_link(user="bob")
    with pytest.raises(ValueError, match="reason 5: one of 4097, 4098, 8193, 8194, 8195"):
        faults.drop_link(5)


def test_only_the_user_that_is_meant_is_cut_and_each_is_counted_apart(make: Made) -> None:
    faults = "drop:order=2,user=bob,reconnect=0"
    alice, bob = begin(make(faults)), make(faults, "bob").start()
    for client in (alice, bob):
        client.rest()
    alice.rest()
    before = bob.insert()
    bob.spi.wait_for("OnFrontConnected", after=before)
    assert alice.spi.of("OnFrontDisconnected") == []
    assert told(bob, before) == [CUT, UP]


def test_market_data_break_by_themselves(make: Made) -> None:
    faults = "drop:tick=2,reconnect=0"
    client = begin(make(faults))
    quotes = Watcher(client.address).login()  # type: ignore[attr-defined]
    try:
        quotes.subscribe("rb2105")
        quotes.spi.wait_for("OnRtnDepthMarketData")
        control_of(client).step(2)  # the second one is rb2105's
        quotes.spi.wait_for("OnFrontConnected", count=2)
        assert [c.name for c in quotes.spi.calls][-4:] == [
            "OnRtnDepthMarketData",
            "OnRtnDepthMarketData",
            "OnFrontDisconnected",
            "OnFrontConnected",
        ]
        assert client.spi.of("OnFrontDisconnected") == []
    finally:
        quotes.api.Release()


# ------------------------------------------------------------------ refusals
@pytest.mark.proves("8.2 core busy")
def test_queries_are_refused_with_the_number_that_was_asked_for(make: Made) -> None:
    client = begin(
        make("query_error:query=1;query_error:query=2,error=154;query_code:query=4;query_code:query=5,code=-2")
    )
    wanted = {"BrokerID": "9999", "InvestorID": "alice"}
    (answer,) = client.ask("ReqQryTradingAccount", **wanted)
    assert (answer.name, answer.error_id, answer.is_last) == ("OnRspError", 90, True)
    (answer,) = client.ask("ReqQryTradingAccount", **wanted)
    assert (answer.name, answer.error_id, answer.field) == ("OnRspQryTradingAccount", 154, None)
    assert len(client.rows("ReqQryTradingAccount", **wanted)) == 1
    field = s.CThostFtdcQryTradingAccountField(**wanted)
    assert [client.api.ReqQryTradingAccount(field, 100 + n) for n in range(3)] == [-3, -2, 0]
    assert client.spi.answer(102)[0].error_id == 0


# faults · what comes of it
ORDERS: list[tuple[str, list[str]]] = [
    ("refuse:order=1", ["RspOrderInsert 31", "ErrRtnOrderInsert 31"]),
    ("refuse:order=1,error=50", ["RspOrderInsert 50", "ErrRtnOrderInsert 50"]),
    ("reject:order=1,text=席位未登录", ["RtnOrder a/0", "RtnOrder 5/4"]),
    # Row J: what fills at once, then the rest waits.
    ("partial:order=1,lots=2,rest=never", [*RESTS, "RtnOrder 3/3", "RtnOrder 1/3", "RtnTrade 2"]),
    # The second pass fills the rest a little later: the state again, then the new one (row D).
    (
        "partial:order=1,lots=2,rest=1ms",
        [*RESTS, "RtnOrder 3/3", "RtnOrder 1/3", "RtnTrade 2", "RtnOrder 1/3", "RtnOrder 0/3", "RtnTrade 3"],
    ),
    # Nothing at first: the order is acknowledged as one that rests, then filled as one (row A).
    ("partial:order=1,lots=0,rest=1ms", [*RESTS, "RtnOrder 3/3", "RtnOrder 0/3", "RtnTrade 5"]),
    ("swap:order=1;refuse:order=1", ["ErrRtnOrderInsert 31", "RspOrderInsert 31"]),
    ("repeat:return=2", [*FILLS[:2], FILLS[1], "RtnOrder 0/0", "RtnTrade 5"]),
    ("repeat:chance=100%", ["RtnOrder a/0"] * 4 + ["RtnOrder 0/0"] * 2 + ["RtnTrade 5"]),
]


@pytest.mark.parametrize(("faults", "expected"), ORDERS, ids=[row[0] for row in ORDERS])
def test_an_order_of_five_lots_at_the_market(make: Made, faults: str, expected: list[str]) -> None:
    client = begin(make(faults))
    before = client.insert(price=4310.0, volume=5)
    control = control_of(client)
    if "1ms" in faults:
        control.set_speed(1)  # the second pass comes in the market's time
    client.spi.wait_for(lambda call: True, after=before, count=len(expected))
    control.pause()
    barrier(client)
    assert told(client, before) == expected
    if faults.startswith("reject"):
        assert client.rows("ReqQryOrder")[0].StatusMsg == "已撤单报单被拒绝SHFE:席位未登录"
    # The fault is over: the next order is an ordinary one.
    if "chance" not in faults:
        assert client.fill().Volume == 1


def test_cancels_are_refused_by_ctp_and_by_the_exchange(make: Made) -> None:
    client = begin(make("refuse_cancel:cancel=1;reject_cancel:cancel=2,text=系统忙"))
    order = client.rest()
    before = client.cancel(order)
    client.spi.wait_for("OnErrRtnOrderAction", after=before)
    assert told(client, before) == ["RspOrderAction 26", "ErrRtnOrderAction 26"]
    before = client.cancel(order)
    refused = client.spi.wait_for("OnErrRtnOrderAction", after=before)
    assert told(client, before) == ["RtnOrder 3/3", "ErrRtnOrderAction 91"]
    assert refused.info.ErrorMsg == "SHFE:系统忙"
    before = client.cancel(order)
    client.spi.wait_for(is_order("5"), after=before)


def test_logins_fail_and_then_succeed(make: Made) -> None:
    client = make("login:login=1..2;login:login=2,error=60").connect()
    members = {"BrokerID": "9999", "UserID": "alice", "Password": "x"}
    answers = [client.ask("ReqUserLogin", **members)[0] for _ in range(3)]
    assert [answer.error_id for answer in answers] == [3, 3, 0]
    assert (answers[0].field.UserID, answers[0].field.TradingDay) == ("alice", "")


def test_a_password_that_must_be_changed_can_be(make: Made) -> None:
    client = make("login:login=1,error=140").connect()
    members = {"BrokerID": "9999", "UserID": "alice", "Password": "x"}
    assert client.ask("ReqUserLogin", **members)[0].error_id == 140
    (changed,) = client.ask("ReqUserPasswordUpdate", BrokerID="9999", UserID="alice", OldPassword="x", NewPassword="y")
    assert changed.error_id in (0, 14)  # who never logged in here has no old password yet
    assert client.ask("ReqUserLogin", **members)[0].error_id in (0, 3)


def test_a_user_is_locked_out(make: Made) -> None:
    client, other = begin(make()), make(user="bob").start()
    faults = control_of(client).faults
    before = len(client.spi.calls)
    faults.lock_out("alice", reconnect=0)
    client.spi.wait_for("OnFrontConnected", after=before)
    members = {"BrokerID": "9999", "UserID": "alice"}
    assert client.ask("ReqUserLogin", **members)[0].error_id == 75
    faults.unlock("alice")
    assert client.ask("ReqUserLogin", **members)[0].error_id == 0
    assert other.spi.of("OnFrontDisconnected") == []
    assert [(one.fault, one.user) for one in faults.happened] == []


# ------------------------------------------------------------------ late, twice, out of order
def test_a_late_fill_is_done_and_not_told(make: Made) -> None:
    client = begin(make("late_fills:time=60s,trade=1"))
    before = client.insert(price=4310.0)
    client.spi.wait_for(is_order("a"), after=before, count=2)
    # The counter knows better than the client: the order is filled, it cannot be cancelled any more.
    (order,) = client.rows("ReqQryOrder")
    assert (order.OrderStatus, order.VolumeTraded) == ("0", 1)
    refused = client.cancel(order)
    assert client.spi.wait_for("OnRspOrderAction", after=refused).error_id == 26
    assert "OnRtnTrade" not in client.spi.names
    control_of(client).faults.clear()  # what is held comes now, the refusal of the cancel behind it
    client.spi.wait_for("OnErrRtnOrderAction", after=before)
    assert told(client, before)[-3:] == ["RtnOrder 0/0", "RtnTrade 1", "ErrRtnOrderAction 26"]


def test_a_late_trade_comes_behind_the_order_that_shows_it(make: Made) -> None:
    client = begin(make("late_trades:time=20ms"))
    before = client.insert(price=4310.0)
    client.spi.wait_for(is_order("0"), after=before)
    client.spi.wait_for("OnRtnTrade", after=before)
    assert told(client, before) == FILLS


def test_a_delay_keeps_the_order_within_a_flow_and_not_between_flows(make: Made) -> None:
    client = begin(make("delay:time=400ms..500ms,flow=private"))
    before = len(client.spi.calls)
    for _ in range(5):
        client.insert(price=4310.0)
    number = client.send("ReqQryTradingAccount", BrokerID="9999", InvestorID="alice")
    client.spi.wait_for("OnRtnTrade", after=before, count=5)
    client.spi.answer(number)
    seen = told(client, before)
    assert [name for name in seen if name.startswith("Rtn")] == FILLS * 5
    assert seen[0] == "RspQryTradingAccount"  # overtook what had been sent before it


def test_nothing_overtakes_a_login_that_is_late(make: Made) -> None:
    faults = "delay:time=30ms,flow=dialog"
    first = begin(make(faults))
    first.fill()
    second = make(faults, resume=RESTART).login()
    barrier(second)
    assert told(second)[:2] == [UP, LOGIN]
    assert [name for name in told(second) if name.startswith("Rtn")] == FILLS


def test_what_is_held_is_lost_with_the_link_and_the_private_flow_comes_again(make: Made) -> None:
    client = begin(make("delay:time=60s,flow=private"))
    faults = control_of(client).faults
    before = client.insert(price=4310.0)
    barrier(client)
    faults.drop_link(reconnect=0)
    client.spi.wait_for("OnFrontConnected", after=before)
    assert told(client, before) == [CUT, UP]
    faults.clear()
    login = again(client, before)
    client.spi.wait_for("OnRtnTrade", after=login)
    assert told(client, login) == [LOGIN, *FILLS]


def test_the_last_returns_come_again_after_a_login(make: Made) -> None:
    client = begin(make("resend:count=2,login=2"))
    before = client.insert(price=4310.0)
    client.spi.wait_for("OnRtnTrade", after=before)
    control_of(client).faults.drop_link(reconnect=0)
    login = again(client, before)
    client.spi.wait_for("OnRtnTrade", after=login)
    first, second = client.spi.of("OnRtnTrade")
    assert told(client, login) == [LOGIN, *FILLS[2:]] and first.field.TradeID == second.field.TradeID
    # Counting goes on where it was: a further break brings nothing twice.
    before = len(client.spi.calls)
    control_of(client).faults.drop_link(reconnect=0)
    login = again(client, before)
    barrier(client)
    assert told(client, login) == [LOGIN]


def test_snapshots_are_lost(make: Made) -> None:
    client = begin(make("lose:tick=2"))
    quotes = Watcher(client.address).login()  # type: ignore[attr-defined]
    try:
        quotes.subscribe("rb2105")
        control_of(client).step(100)
        quotes.spi.wait_for("OnRtnDepthMarketData", count=2)
        # Of 4300 (at the subscription), 4303 and 4296 the second one is lost.
        assert [tick.LastPrice for tick in quotes.ticks()] == [4300.0, 4296.0]
    finally:
        quotes.api.Release()


# ------------------------------------------------------------------ the counter restarts within the day
def test_the_resume_trap(make: Made, tmp_path: Path) -> None:
    """Spec 2.2: with a count larger than the log nothing comes until the log has grown past it."""
    client = begin(make())
    client.fill()  # 4 returns
    client.fill()  # 8
    before = len(client.spi.calls)
    control_of(client).faults.reset_flows(reconnect=0)
    login = again(client, before)
    # The new log holds the two orders as the exchange knows them, a state and a trade each: 4 returns. The client has
    # counted 8: the 5th to the 8th return, those of the next order, do not reach it; the 9th does.
    client.insert(price=4310.0)
    barrier(client)
    assert told(client, login) == [LOGIN]
    fill = client.fill()
    assert told(client, login) == [LOGIN, *FILLS]
    assert fill.TradeID.strip() == "4"


def test_what_a_restarted_counter_tells_of_orders_that_it_did_not_take_itself(make: Made) -> None:
    client = begin(make())
    before = client.insert(price=4310.0, OrderRef="77", RequestID=5)
    client.spi.wait_for("OnRtnTrade", after=before)
    old = client.spi.of(is_order("0"))[0].field
    other = make(resume=RESTART).login()
    control_of(client).faults.reset_flows(reconnect=0)
    fresh = make(resume=RESTART).login()
    barrier(fresh)
    assert told(fresh) == [UP, LOGIN, "RtnOrder 0/0", "RtnTrade 1"]
    order, trade = fresh.spi.of("OnRtnOrder")[0].field, fresh.spi.of("OnRtnTrade")[0].field
    assert (order.OrderLocalID, order.OrderSysID, trade.TradeID) == (old.OrderLocalID, old.OrderSysID, "           1")
    assert (order.SessionID, order.RequestID, order.RelativeOrderSysID) == (3, 0, "")
    assert order.OrderRef == trade.OrderRef == "           1" and old.OrderRef == "77"
    assert other.user == "alice"


# ------------------------------------------------------------------ combinations, from Python
def test_faults_of_one_counter_do_not_get_in_each_others_way(make: Made) -> None:
    client = begin(make("refuse:order=1;drop:order=2,reconnect=0;reject:order=3;swap;delay:time=1ms"))
    before = client.insert(price=4310.0)
    client.spi.wait_for("OnRspOrderInsert", after=before)
    assert told(client, before) == ["ErrRtnOrderInsert 31", "RspOrderInsert 31"]
    before = client.insert(price=4310.0)
    client.spi.wait_for("OnFrontConnected", after=before)
    login = again(client, before)
    client.spi.wait_for("OnRtnTrade", after=login)
    # The second order was carried out while the link broke, so the third that the counter gets is the one rejected.
    before = client.insert(price=4310.0)
    client.spi.wait_for(is_order("5"), after=before)
    happened = [
        (one.fault, one.user) for one in control_of(client).faults.happened if one.fault not in ("delay", "swap")
    ]
    assert happened == [("refuse", "alice"), ("drop", "alice"), ("reject", "alice")]


def test_next_orders_from_python(make: Made) -> None:
    client = begin(make())
    faults = control_of(client).faults
    faults.refuse_next_order(22)
    faults.reject_next_order("暂停交易", count=2)
    faults.fill_next_order(1, NEVER)
    faults.fail_next_query(154)
    assert faults.rules[0] == "refuse:order=1..1,error=22"
    before = client.insert(price=4310.0, volume=2)
    client.spi.wait_for("OnErrRtnOrderInsert", after=before)
    assert client.ask("ReqQryTrade")[0].error_id == 154
    before = client.insert(price=4310.0, volume=2)
    client.spi.wait_for(is_order("5"), after=before)
    faults.clear()
    assert faults.rules == []
    assert client.fill(volume=2).Volume == 2


# ------------------------------------------------------------------ no fault, no wrapper
def test_without_faults_there_is_nothing_between_session_and_client(make: Made) -> None:
    client = begin(make())
    backend = running(parse(client.address))  # type: ignore[attr-defined]
    assert backend is not None
    (session,) = backend.sessions
    plain = (session.machine.sink, session.machine.port, session.put, session.receive, session.early)
    assert backend.faults is None and backend.counter.timers is None
    assert plain == (session.sink, session, session.sink.put, session.machine.handle, None)
    faults = control_of(client).faults
    faults.late_fills(10)
    assert session.machine.sink is not session.sink
    faults.clear()
    assert plain == (session.machine.sink, session.machine.port, session.put, session.receive, session.early)


def test_all_is_well_again_after_clear(make: Made) -> None:
    client = begin(make("lock_out:order=3,reconnect=never"))
    faults = control_of(client).faults
    # Half dead: what was asked meanwhile was carried out and never answered, so the link breaks and is there again.
    faults.half_dead()
    before = client.insert(price=4310.0)
    faults.clear()
    client.spi.wait_for("OnFrontConnected", after=before)
    assert told(client, before) == [CUT, UP]
    assert told(client, again(client, before)) == [LOGIN, *FILLS]
    # Down for ever: up.
    before = len(client.spi.calls)
    faults.drop_link(reconnect=NEVER)
    client.spi.wait_for("OnFrontDisconnected", after=before)
    faults.clear()
    again(client, before)
    # Locked out: let in. The rule of the address is gone as well.
    before = len(client.spi.calls)
    faults.lock_out("alice", reconnect=0)
    client.spi.wait_for("OnFrontConnected", after=before)
    assert client.ask("ReqUserLogin", BrokerID="9999", UserID="alice")[0].error_id == 75
    faults.clear()
    assert client.ask("ReqUserLogin", BrokerID="9999", UserID="alice")[0].error_id == 0
    for _ in range(4):
        client.fill()
    assert len(client.spi.of("OnFrontDisconnected")) == 3


def test_a_time_of_day_of_a_clock_that_is_moved_by_hand(tmp_path: Path) -> None:
    with use(HandClock("2026-03-02 10:00:00")) as clock:
        address = "tts://7x24?id=hand&faults=drop:at=14:30,reconnect=0"
        client = Trader(address).start()
        try:
            clock.move("14:29:59")
            barrier(client)
            assert client.spi.of("OnFrontDisconnected") == []
            clock.move("14:30:00")
            client.spi.wait_for("OnFrontConnected", count=2)
            (happened,) = counter(address).faults.happened
            assert happened.now_ns == clock.now_ns()
        finally:
            client.api.Release()


# ------------------------------------------------------------------ a client that looks after itself
def test_a_client_that_only_reconnects_when_it_is_told_survives_a_half_dead_link(make: Made) -> None:
    """As vn.py's gateway does it: log in again in OnFrontConnected, trust the private flow, keep trades by their id."""
    trades: dict[str, int] = {}
    clients: list[Trader] = []

    def act(call: Call) -> None:
        if call.name == "OnFrontConnected" and clients:
            clients[0].send("ReqUserLogin", BrokerID="9999", UserID="alice")
        elif call.name == "OnRtnTrade":
            trades[call.field.TradeID] = call.field.Volume

    client = begin(make(on_call=act))
    clients.append(client)
    faults = control_of(client).faults
    for expected in (3, 6, 9):
        before = len(client.spi.calls)
        faults.half_dead(timeout=0.4, warning=0.1, reconnect=0.005)
        for _ in range(2):
            client.insert(price=4310.0)  # 0: it cannot know; carried out, told to nobody
        client.spi.wait_for("OnRspUserLogin", after=before)
        client.fill()
        assert sum(trades.values()) == expected == len(trades)
        assert [call.number for call in client.spi.of("OnFrontDisconnected")] == [8193] * (expected // 3)


# ------------------------------------------------------------------ the same seed, the same faults
SEEDED = "refuse:chance=30%;drop:chance=5%,reconnect=0;repeat:chance=20%;query_error:chance=0.5"


def play(make: Callable[[str, str], Trader], options: str) -> list[str]:
    """A day of one order after the other."""
    client = begin(make(SEEDED, options))
    for number in range(30):
        before = len(client.spi.calls)
        client.api.ReqOrderInsert(client.order(price=4310.0, OrderRef=str(number + 1)), number + 100)

        def ends(call: Call) -> bool:
            return call.name in ("OnRtnTrade", "OnErrRtnOrderInsert", "OnFrontConnected")

        if client.spi.wait_for(ends, after=before).name == "OnFrontConnected":
            again(client, before)
    return told(client)


def test_two_runs_with_one_seed_are_equal_and_another_seed_is_another_day(tmp_path: Path) -> None:
    days = []
    for seed in (1, 1, 2):
        made: list[Trader] = []

        def build(faults: str, options: str, made: list[Trader] = made) -> Trader:
            address = address_of(tmp_path, f"{options}&faults={faults}")
            made.append(Trader(address))
            made[-1].address = address  # type: ignore[attr-defined]
            return made[-1]

        try:
            days.append(play(build, f"&seed={seed}"))
        finally:
            for client in made:
                client.api.Release()
    assert days[0] == days[1] != days[2]
    assert {"RspOrderInsert 31", CUT} <= set(days[0])


# ------------------------------------------------------------------ lock step
def played_at_full_speed(tmp_path: Path, faults: str, price: float = 4310.0) -> list[str]:
    """A strategy that sends an order at the first snapshot of rb2105, and what its two Api objects saw, in order."""
    address = address_of(tmp_path, f"&faults={faults}").replace("speed=0.001", "speed=max")
    seen: list[str] = []
    ended = threading.Event()
    acts: list[Trader] = []

    def on_quote(call: Call) -> None:
        if call.name == "OnRtnDepthMarketData" and call.field.BidVolume1:  # not what a subscription begins with
            tick = call.field
            seen.append(f"{tick.InstrumentID} {tick.UpdateTime[-2:]}.{tick.UpdateMillisec // 100}")
            if seen[-1] == "rb2105 00.5":
                acts[0].insert(price=price)
            if tick.InstrumentID == "IF2101" and tick.UpdateTime == "15:00:01":
                ended.set()

    def on_return(call: Call) -> None:
        if call.name not in ("OnRtnInstrumentStatus", "OnRspUserLogin", "OnRspSettlementInfoConfirm"):
            seen.append(shown(call))
        if call.name == "OnFrontConnected" and "FrontDisconnected 4097" in seen:
            acts[0].send("ReqUserLogin", BrokerID="9999", UserID="alice")

    trader = Trader(address, on_call=on_return)
    quotes = Watcher(address, on_call=on_quote)
    acts.append(trader)
    try:
        trader.start()
        quotes.login()
        with counter(address).hold():
            quotes.subscribe("rb2105", "m2105", "IF2101")
        assert ended.wait(20)
        return seen
    finally:
        trader.api.Release()
        quotes.api.Release()


def test_in_lock_step_delays_pass_in_market_time(tmp_path: Path) -> None:
    # The order is sent at 09:30:00.5, so its returns are due at 00.8: before the snapshot of 00.9, on any machine.
    seen = played_at_full_speed(tmp_path, "delay:time=300ms,flow=private")
    at = seen.index("RtnOrder a/0")
    assert seen[at : at + 5] == [*FILLS, "IF2101 00.9"]
    assert seen[at - 1] == "m2105 00.5"
    # The link is away for a second: from 00.5 to 01.5, between the snapshots of 01.4 and 02.0.
    seen = played_at_full_speed(tmp_path, "drop:order=1,reconnect=1s")
    at = seen.index(UP, 1)
    assert (seen[at - 1], seen[at + 1 :][: len(FILLS)]) == ("IF2101 01.4", FILLS)
    assert seen[at + 1 + len(FILLS)] == "m2105 02.0"
    assert seen[seen.index(CUT) - 1] == "rb2105 00.5"


def test_two_runs_in_lock_step_are_equal(tmp_path: Path) -> None:
    faults = "delay:time=1ms..2s;repeat:chance=50%;drop:trade=1,reconnect=300ms"
    first, second = (played_at_full_speed(tmp_path, faults) for _ in range(2))
    assert first == second
    assert CUT in first


def test_in_lock_step_an_answer_that_is_late_before_the_market_runs_comes_at_once(tmp_path: Path) -> None:
    # played_at_full_speed logs in and confirms before anybody has subscribed: an hour would never pass.
    assert "RtnTrade 1" in played_at_full_speed(tmp_path, "delay:time=1h,flow=dialog")


def test_a_link_that_is_down_stays_down_over_the_roll_and_comes_up_on_the_new_day(make: Made) -> None:
    client = begin(make())
    control = control_of(client)
    client.fill()
    before = len(client.spi.calls)
    control.faults.drop_link(reconnect=NEVER)
    control.faults.add("refuse:order=1")
    client.spi.wait_for("OnFrontDisconnected", after=before)
    day = control.settle()
    assert client.api.ReqOrderInsert(client.order(), 9) == -1
    control.faults.reconnect()
    login = again(client, before)
    assert client.spi.of("OnRspUserLogin")[-1].field.TradingDay == day
    assert client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")[0].error_id == 0
    control.step(FIRST)
    sent = client.insert(price=4310.0)
    client.spi.wait_for("OnErrRtnOrderInsert", after=sent)
    assert told(client, login)[:2] == [LOGIN, "RspSettlementInfoConfirm 0"]


@pytest.mark.parametrize("durability", ["none", "normal", "full"])
def test_a_counter_that_writes_first_tells_the_same(make: Made, tmp_path: Path, durability: str) -> None:
    """What a link swallows is in the log all the same, and comes behind the next login."""
    faults = "drop:order=2,reconnect=0;swap:order=3;refuse:order=3;reject:order=4,text=席位未登录;late_fills:time=1ms"
    client = begin(make(faults, options=f"&db={tmp_path / 'counter.db'}&durability={durability}"))
    before = client.insert(price=4310.0)
    client.spi.wait_for("OnRtnTrade", after=before)
    assert told(client, before) == FILLS
    before = client.insert(price=4310.0)
    login = again(client, before)
    client.spi.wait_for("OnRtnTrade", after=login)
    assert (told(client, before)[:2], told(client, login)) == ([CUT, UP], [LOGIN, *FILLS])
    before = client.insert(price=4310.0)
    client.spi.wait_for("OnRspOrderInsert", after=before)
    assert told(client, before) == ["ErrRtnOrderInsert 31", "RspOrderInsert 31"]
    before = client.insert(price=4310.0)
    order = client.spi.wait_for(is_order("5"), after=before).field
    assert order.StatusMsg == "已撤单报单被拒绝SHFE:席位未登录"


# ------------------------------------------------------------------ the grammar
FAULTY: list[tuple[str, str]] = [
    ("dorp:order=3", "unknown fault 'dorp'; known: drop, half_dead, delay"),
    ("drop", "drop: say when, by request, query, order, cancel, login, answer, return, trade, tick, chance, at, after"),
    ("drop:order=0", "drop: order=0: a number such as 3, or a range such as 2..4 or 5.."),
    ("drop:order=3..2", "drop: order=3..2: a number such as 3"),
    ("drop:order=x", "drop: order=x: a number such as 3"),
    ("drop:order", "drop: 'order' is no setting: write setting=value"),
    ("drop:order=1,reason=5", "drop: reason=5: one of 4097, 4098, 8193, 8194, 8195"),
    ("drop:order=1,reconnect=soon", "drop: reconnect=soon: a time such as 200ms, 2s, 3m or 1h, or 'never'"),
    ("drop:order=1,trade=2", "drop: order and trade: one of them, or two faults"),
    ("drop:at=25:00", "drop: at=25:00: a time of day such as 14:30 or 14:30:05"),
    ("delay", "delay: time= is missing, such as time=200ms"),
    ("delay:time=2s..1s", "delay: time=2s..1s: a time such as 200ms, or two such as 50ms..200ms"),
    ("delay:time=1s,flow=side", "delay: flow=side: one of all, dialog, query, private, public, md"),
    ("delay:time=1s,at=10:00", "delay has no setting 'at'; it has: time, flow, answer, return, trade, tick, chance"),
    ("refuse:order=1,error=77777", "refuse: error=77777: a number of CTP's list of errors"),
    ("refuse:chance=120%", "refuse: chance=120%: a probability such as 5% or 0.05"),
    ("refuse:trade=1", "refuse has no setting 'trade'; it has: error, order, chance, times, user, kind"),
    ("query_code:query=1,code=-1", "query_code: code=-1: one of -2, -3"),
    ("partial:order=1,lots=-1", "partial: lots=-1: a whole number"),
    ("reject:order=1,text=", "reject: text=: a text"),
]


@pytest.mark.parametrize(("faults", "message"), FAULTY, ids=[row[0] for row in FAULTY])
def test_a_fault_that_cannot_be_is_refused_in_one_line(faults: str, message: str) -> None:
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    with pytest.raises(ValueError, match="faults=") as raised:
        api.RegisterFront(f"tts://7x24?id=faulty&faults={faults}")
    text = str(raised.value)
    assert message in text and "\n" not in text
    api.Release()


def test_the_guide_lists_every_fault_with_its_settings(root: Path) -> None:
    text = (root / "docs" / "zh" / "testing.md").read_text(encoding="utf-8")
    table = text.split("| 故障 | 设置")[1].split("\n\n")[0]
    rows = {row[0]: set(re.findall(r"`(\w+)`", row[1])) for row in re.findall(r"^\| `(\w+)` \|([^|]*)\|", table, re.M)}
    assert rows == {name: set(kind.settings) for name, kind in FAULTS.items()}
    defaults = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \|([^|]*)\|", table, re.M)}
    for name, kind in FAULTS.items():
        for setting, value in kind.settings.items():
            shown_default = shown_value(setting, value)
            assert shown_default == "…" or f"`{setting}`（{shown_default}）" in defaults[name], (name, setting)
    when = text.split("### 什么时候出错")[1]
    for word in (*SUBJECTS, *WHEN):
        assert f"`{word}" in when, word
