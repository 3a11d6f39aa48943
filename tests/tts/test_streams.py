"""Flows, sessions and queries through the public face (spec ctp-semantics 1, 2, 3.4, 8; checks 16 b, d-g)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.ctp import methods
from ctp2.ctp import structs as s
from ctp2.ctp.layout import codec, versions
from ctp2.testing import Call
from ctp2.tts import counter
from tests.tts.programs import FIRST, Trader, Watcher, address_of, is_order, is_phase, is_private

RESTART, RESUME, QUICK = tdapi.THOST_TERT_RESTART, tdapi.THOST_TERT_RESUME, tdapi.THOST_TERT_QUICK

Make = Callable[..., Trader]
EXCHANGE_OF = {"rb2105": "SHFE", "IF2101": "CFFEX", "m2105": "DCE", "TA105": "CZCE"}


@pytest.fixture
def address(tmp_path: Path) -> str:
    return address_of(tmp_path)


@pytest.fixture
def trader(address: str) -> Iterator[Make]:
    """Makes traders of one counter."""
    made: list[Trader] = []

    def make(user: str = "alice", **options: Any) -> Trader:
        made.append(Trader(address, user, **options))
        return made[-1]

    yield make
    for client in made:
        client.api.Release()


def begin(client: Trader, address: str) -> Trader:
    """Confirmed, with a quote for every instrument."""
    client.start()
    counter(address).step(FIRST)
    return client


def packed(calls: list[Call]) -> list[tuple[str, bytes, bytes]]:
    """Each callback as the bytes of the C structs."""
    pack = codec(versions()[-1]).pack
    return [(c.name, pack(c.field), pack(c.info) if c.info is not None else b"") for c in calls]


def busy(client: Trader) -> int:
    """One of everything: fill, rest, cancel, refusals by CTP and by the exchange; returns how many private events."""
    client.fill()
    resting = client.rest()
    after = client.cancel(resting)
    client.spi.wait_for(is_order("5"), after=after)
    after = client.insert(volume=0)
    client.spi.wait_for("OnErrRtnOrderInsert", after=after)
    after = client.insert(price=9999.0)
    client.spi.wait_for(is_order("5"), after=after)
    after = client.cancel(resting)
    client.spi.wait_for("OnErrRtnOrderAction", after=after)
    client.fill("m2105", 3410.0, 2)
    return len(client.private())


# ------------------------------------------------------------------ who sees what
@pytest.mark.proves("14.1 streams")
def test_a_second_session_of_the_user_sees_everything_of_the_first(trader: Make, address: str) -> None:
    first, second = begin(trader(), address), trader().login()
    number = busy(first)
    second.spi.wait_for(is_private, count=number)
    assert packed(second.private()) == packed(first.private())
    names = {call.name for call in second.private()}
    assert names == {"OnRtnOrder", "OnRtnTrade", "OnErrRtnOrderInsert", "OnErrRtnOrderAction"}
    assert not second.spi.of("OnRspOrderInsert") and not second.spi.of("OnRspOrderAction"), "the requester's alone"
    sessions = {(c.field.FrontID, c.field.SessionID) for c in second.spi.of("OnRtnOrder")}
    assert sessions == {(first.login_field.FrontID, first.login_field.SessionID)}


def test_two_users_do_not_see_each_other(trader: Make, address: str) -> None:
    alice, bob = begin(trader("alice"), address), trader("bob").start()
    busy(alice)
    bob.fill()
    assert {c.field.InvestorID for c in bob.spi.of("OnRtnOrder")} == {"bob"}
    assert {c.field.InvestorID for c in alice.spi.of("OnRtnOrder")} == {"alice"}
    assert len(bob.rows("ReqQryOrder")) == 1 and len(bob.rows("ReqQryTrade")) == 1
    assert bob.rows("ReqQryOrder", InvestorID="alice") == []
    assert bob.rows("ReqQryInvestorPosition", InvestorID="alice") == []
    assert bob.rows("ReqQryTradingAccount", InvestorID="alice") == []


def test_an_order_can_be_cancelled_by_another_session_of_its_user(trader: Make, address: str) -> None:
    first, second = begin(trader(), address), trader().login()
    by_ref, by_sys_id = first.rest(), first.rest()
    second.cancel(by_ref)
    second.cancel(
        by_sys_id, FrontID=0, SessionID=0, OrderRef="", InstrumentID="", OrderSysID=by_sys_id.OrderSysID.strip()
    )
    first.spi.wait_for(is_order("5"), count=2)
    assert [row.OrderStatus for row in first.rows("ReqQryOrder")] == ["5", "5"]


def test_nobody_can_cancel_another_users_order(trader: Make, address: str) -> None:
    alice, bob = begin(trader("alice"), address), trader("bob").start()
    order = alice.rest()
    for members in ({}, {"OrderSysID": order.OrderSysID}):
        after = bob.cancel(order, **members)
        assert bob.spi.wait_for("OnErrRtnOrderAction", after=after).error_id == 25
    assert alice.rows("ReqQryOrder")[0].OrderStatus == "3"


# ------------------------------------------------------------------ refusals
@pytest.mark.proves("3.4 CTP rejects")
def test_the_refusal_reaches_the_requester_before_the_stream(trader: Make, address: str) -> None:
    client = begin(trader(), address)
    after = client.insert(price=4280.0, volume=0, OrderRef="17")
    client.spi.wait_for("OnErrRtnOrderInsert", after=after)
    answer, err = client.spi.calls[after:]
    assert (answer.name, err.name) == ("OnRspOrderInsert", "OnErrRtnOrderInsert")
    for call in (answer, err):
        assert (call.error_id, call.info.ErrorMsg) == (15, "CTP:报单字段有误")
        assert (call.field.OrderRef, call.field.VolumeTotalOriginal, call.field.InstrumentID) == ("17", 0, "rb2105")
    assert answer.is_last and answer.request_id == client._last_id
    after = client.cancel(client.rest(), OrderRef="999")
    client.spi.wait_for("OnErrRtnOrderAction", after=after)
    answer, err = client.spi.calls[after:]
    assert (answer.name, err.name) == ("OnRspOrderAction", "OnErrRtnOrderAction")
    assert (answer.error_id, answer.info.ErrorMsg, err.error_id) == (25, "CTP:撤单找不到相应报单", 25)
    assert client.rows("ReqQryOrder", InstrumentID="IF2101") == [] and len(client.rows("ReqQryOrder")) == 1


def test_an_exchange_refuses_a_cancel_by_error_91_with_its_words(trader: Make, address: str) -> None:
    client = begin(trader(), address)
    order = client.rest("IF2101", 5000.0)
    control = counter(address)
    while not client.spi.of(is_phase("IF", "1")):
        assert control.step()
        client.rows("ReqQryExchange")  # what was played has been delivered
    after = client.cancel(order)
    err = client.spi.wait_for("OnErrRtnOrderAction", after=after)
    assert (err.error_id, err.info.ErrorMsg) == (91, "CFFEX:当前状态禁止此项操作")
    assert [call.name for call in client.spi.calls[after:]] == ["OnRtnOrder", "OnErrRtnOrderAction"]


def test_settlement_must_be_confirmed_once_a_day(trader: Make, address: str) -> None:
    client = trader().login()
    counter(address).step(FIRST)
    assert client.ask("ReqQrySettlementInfoConfirm")[0].field is None
    after = client.insert()
    assert client.spi.wait_for("OnErrRtnOrderInsert", after=after).error_id == 42
    after = client.cancel(
        s.CThostFtdcOrderField(ExchangeID="SHFE", InstrumentID="rb2105", FrontID=1, SessionID=1, OrderRef="1")
    )
    assert client.spi.wait_for("OnErrRtnOrderAction", after=after).error_id == 42
    (answer,) = client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
    field = answer.field
    assert (answer.error_id, answer.info.ErrorMsg, answer.is_last) == (0, "正确", True)
    assert (field.BrokerID, field.InvestorID, field.SettlementID) == ("9999", "alice", 0)
    assert (field.ConfirmDate, field.ConfirmTime, field.AccountID, field.CurrencyID) == ("20210104", "09:30:00", "", "")
    assert client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")[0].error_id == 0
    assert client.rows("ReqQrySettlementInfoConfirm")[0].ConfirmDate == "20210104"
    client.rest()
    other = trader().login()
    other.rest()


# ------------------------------------------------------------------ resume modes
@pytest.mark.proves("14.1 streams")
def test_restart_replays_the_live_sequence_byte_for_byte(trader: Make, address: str) -> None:
    live = begin(trader(), address)
    number = busy(live)
    late = trader(resume=RESTART).login()
    late.spi.wait_for(is_private, count=number)
    assert packed(late.private()) == packed(live.private())
    statuses = [c.field for c in late.spi.of("OnRtnInstrumentStatus")]
    assert packed([Call("x", field) for field in statuses]) == packed(
        [Call("x", c.field) for c in live.spi.of("OnRtnInstrumentStatus")]
    )
    live.fill()
    late.spi.wait_for("OnRtnTrade", count=len(live.spi.of("OnRtnTrade")))
    assert packed(late.private()) == packed(live.private()), "and then live"


@pytest.mark.parametrize(
    ("code", "price"), [("rb2105", 4298.0), ("m2105", 3396.0), ("TA105", 3796.0), ("IF2101", 5228.0)]
)
def test_what_became_of_an_order_later_does_not_show_in_its_replayed_past(
    trader: Make, address: str, code: str, price: float
) -> None:
    """An order that waited, then filled, told on each kind of exchange."""
    live = begin(trader(), address)
    live.rest(code, price, 2, ExchangeID=EXCHANGE_OF[code])
    control = counter(address)
    control.pause()
    while control.step() and not live.spi.of("OnRtnTrade"):
        live.rows("ReqQryExchange")
    late = trader(resume=RESTART).login()
    late.spi.wait_for("OnRtnTrade")
    assert packed(late.private()) == packed(live.private())


def test_without_a_topic_call_everything_is_replayed(trader: Make, address: str) -> None:
    live = begin(trader(), address)
    number = busy(live)
    late = trader().login()
    late.spi.wait_for(is_private, count=number)


def test_quick_has_no_history(trader: Make, address: str) -> None:
    live = begin(trader(), address)
    number = busy(live)
    late = trader(resume=QUICK).login()
    live.fill()
    late.spi.wait_for("OnRtnTrade")
    assert packed(late.private()) == packed(live.private()[number:])


def test_resume_goes_on_where_the_flow_file_ends(trader: Make, address: str, tmp_path: Path) -> None:
    live = begin(trader(), address)
    follower = trader(resume=RESUME, flow=f"{tmp_path}/f-").login()
    number = busy(live)
    follower.spi.wait_for(is_private, count=number)
    follower.api.Release()
    live.fill()
    live.fill("m2105", 3410.0)
    missed = live.private()[number:]
    again = trader(resume=RESUME, flow=f"{tmp_path}/f-").login()
    again.spi.wait_for(is_private, count=len(missed))
    live.fill()
    again.spi.wait_for("OnRtnTrade", count=3)
    assert packed(again.private()) == packed(live.private()[number:]), "neither gap nor duplicate"
    assert {path.name for path in tmp_path.glob("f-*.con")} >= {
        "f-DialogRsp.con",
        "f-QueryRsp.con",
        "f-TradingDay.con",
        "f-Public.con",
        "f-Private.con",
    }


def test_after_a_logout_the_stream_goes_on_without_gap_or_duplicate(trader: Make, address: str) -> None:
    live, follower = begin(trader(), address), trader().login()
    number = busy(live)
    follower.spi.wait_for(is_private, count=number)
    session = follower.login_field.SessionID
    follower.send("ReqUserLogout", BrokerID="9999", UserID="alice")
    assert follower.spi.wait_for("OnFrontDisconnected").number == 0x1001
    follower.spi.wait_for("OnFrontConnected", count=2)
    assert [n for n in follower.spi.names if n.startswith(("OnRspUserLogout", "OnFront"))] == [
        "OnFrontConnected",
        "OnRspUserLogout",
        "OnFrontDisconnected",
        "OnFrontConnected",
    ]
    live.fill()
    (answer,) = follower.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    assert answer.field.SessionID != session, "a new session"
    follower.spi.wait_for("OnRtnTrade", count=len(live.spi.of("OnRtnTrade")))
    assert packed(follower.private()) == packed(live.private())


def test_a_replay_follows_the_login_and_nothing_comes_before_it(trader: Make, address: str) -> None:
    busy(begin(trader(), address))
    late = trader().login()
    late.spi.wait_for("OnRtnTrade")
    assert late.spi.names[:2] == ["OnFrontConnected", "OnRspUserLogin"]


# ------------------------------------------------------------------ login
@pytest.mark.proves("14.1 Authentication", "3.1 BrokerID")
def test_the_login_answer(trader: Make) -> None:
    client = trader().connect()
    (answer,) = client.ask(
        "ReqAuthenticate", BrokerID="9999", UserID="alice", UserProductInfo="me", AppID="a", AuthCode="b"
    )
    assert (answer.error_id, answer.field.AppID, answer.field.AppType, answer.field.UserProductInfo) == (
        0,
        "a",
        "1",
        "me",
    )
    (answer,) = client.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="x")
    field = answer.field
    assert (answer.error_id, answer.info.ErrorMsg, answer.is_last) == (0, "正确", True)
    assert (field.TradingDay, field.BrokerID, field.UserID, field.MaxOrderRef) == ("20210104", "9999", "alice", "1")
    assert field.FrontID >= 1 and field.SessionID != 0 and field.SystemName
    assert (field.LoginDRIdentityID, field.UserDRIdentityID) == (1, 1)
    times = (
        field.LoginTime,
        field.SHFETime,
        field.DCETime,
        field.CZCETime,
        field.FFEXTime,
        field.INETime,
        field.GFEXTime,
    )
    assert set(times) == {"09:30:00"}
    assert client.api.GetTradingDay() == "20210104"


def test_every_login_is_a_session_of_its_own(trader: Make) -> None:
    sessions = [trader().login().login_field.SessionID for _ in range(3)]
    assert len(set(sessions)) == 3


def test_the_eleventh_session_of_a_user_is_refused(trader: Make) -> None:
    for _ in range(10):
        trader().login()
    (answer,) = trader().connect().ask("ReqUserLogin", BrokerID="9999", UserID="alice")
    assert (answer.error_id, answer.field.UserID, answer.field.TradingDay) == (60, "alice", "")
    assert trader("bob").login().login_field.UserID == "bob"


def test_the_login_answer_of_market_data(address: str) -> None:
    watcher = Watcher(address).login()
    try:
        call = watcher.spi.wait_for("OnRspUserLogin")
        assert (call.info.ErrorMsg, call.field.TradingDay) == ("CTP:No Error", "20210104")
        assert (call.field.BrokerID, call.field.UserID, call.field.FrontID, call.field.SessionID) == ("", "", 0, 0)
    finally:
        watcher.api.Release()


# ------------------------------------------------------------------ queries
@pytest.mark.proves("8.2 in flight", "8.2 clients")
def test_a_second_query_in_flight_is_refused_and_the_first_completes(trader: Make) -> None:
    results: list[int] = []

    def ask(call: Call) -> None:
        if call.name == "OnRspQryInstrument":
            results.append(client.api.ReqQryTradingAccount(s.CThostFtdcQryTradingAccountField(), 77))

    client = trader(on_call=ask).login()
    rows = client.ask("ReqQryInstrument")
    client.spi.answer(77)
    assert [(call.field.InstrumentID, call.is_last) for call in rows] == [
        ("IF2101", False),
        ("rb2105", False),
        ("m2105", False),
        ("TA105", True),
    ]
    assert results == [-2, -2, -2, 0], "the last row has freed the slot"
    assert len(client.spi.of("OnRspQryTradingAccount")) == 1


@pytest.mark.proves("8.1 chain", "8.1 no rows", "8.1 every query")
def test_every_query_is_answered_and_an_empty_one_by_exactly_one_null(trader: Make) -> None:
    client = trader().login()
    with_rows = set()
    for name, method in methods.TRADER.items():
        if not method.is_query or name == "ReqQryInvestUnit":  # CTP itself answers that with 27
            continue
        calls = client.ask(name)
        assert [call.is_last for call in calls] == [False] * (len(calls) - 1) + [True], name
        assert all(call.name == method.response for call in calls), name
        if calls[0].field is None:
            assert len(calls) == 1 and calls[0].info is None, name
        else:
            with_rows.add(name)
            assert all(call.field is not None for call in calls), name
    assert {
        "ReqQryInstrument",
        "ReqQryTradingAccount",
        "ReqQryExchange",
        "ReqQryProduct",
        "ReqQryInvestor",
    } <= with_rows
    assert not {"ReqQryOrder", "ReqQryTrade", "ReqQryInvestorPosition", "ReqQryInvestorPositionDetail"} & with_rows


FILTERS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ReqQryInstrument", {}, ["IF2101", "rb2105", "m2105", "TA105"]),
    ("ReqQryInstrument", {"ExchangeID": "SHFE"}, ["rb2105"]),
    ("ReqQryInstrument", {"InstrumentID": "m2105"}, ["m2105"]),
    ("ReqQryInstrument", {"ProductID": "IF"}, ["IF2101"]),
    ("ReqQryInstrument", {"ExchangeInstID": "IF2101"}, ["IF2101"]),
    ("ReqQryInstrument", {"InstrumentID": "RB2105"}, []),
    ("ReqQryInstrument", {"ExchangeID": "NOWHERE"}, []),
    ("ReqQryInstrument", {"ExchangeID": "SHFE", "InstrumentID": "m2105"}, []),
    ("ReqQryDepthMarketData", {"InstrumentID": "rb2105"}, ["rb2105"]),
    ("ReqQryDepthMarketData", {}, ["IF2101", "rb2105", "m2105", "TA105"]),
    ("ReqQryOrder", {}, ["rb2105", "rb2105", "m2105"]),
    ("ReqQryOrder", {"InstrumentID": "m2105"}, ["m2105"]),
    ("ReqQryOrder", {"ExchangeID": "SHFE"}, ["rb2105", "rb2105"]),
    ("ReqQryOrder", {"InvestorID": "alice"}, ["rb2105", "rb2105", "m2105"]),
    ("ReqQryOrder", {"InvestorID": "nobody"}, []),
    ("ReqQryOrder", {"InsertTimeStart": "09:30:00", "InsertTimeEnd": "09:31:00"}, ["rb2105", "rb2105", "m2105"]),
    ("ReqQryOrder", {"InsertTimeStart": "10:00:00"}, []),
    ("ReqQryOrder", {"InsertTimeEnd": "09:00:00"}, []),
    ("ReqQryTrade", {}, ["rb2105", "m2105"]),
    ("ReqQryTrade", {"InstrumentID": "m2105"}, ["m2105"]),
    ("ReqQryTrade", {"ExchangeID": "SHFE"}, ["rb2105"]),
    ("ReqQryTrade", {"TradeID": "           2"}, ["m2105"]),
    ("ReqQryTrade", {"TradeID": "2"}, ["m2105"]),
    ("ReqQryTrade", {"TradeTimeStart": "09:31:00"}, []),
    ("ReqQryInvestorPosition", {}, ["rb2105", "m2105"]),
    ("ReqQryInvestorPosition", {"InstrumentID": "m2105"}, ["m2105"]),
    ("ReqQryInvestorPosition", {"InstrumentID": "rb2105", "ExchangeID": "DCE"}, ["rb2105"]),
    ("ReqQryInvestorPosition", {"InvestorID": "nobody"}, []),
    ("ReqQryInvestorPositionDetail", {}, ["rb2105", "m2105"]),
    ("ReqQryInvestorPositionDetail", {"InstrumentID": "rb2105"}, ["rb2105"]),
    ("ReqQryInstrumentMarginRate", {}, ["rb2105", "m2105"]),
    ("ReqQryInstrumentMarginRate", {"InstrumentID": "IF2101"}, ["IF2101"]),
    ("ReqQryInstrumentMarginRate", {"InstrumentID": "none"}, []),
    ("ReqQryInstrumentCommissionRate", {"InstrumentID": "IF2101"}, ["IF"]),
]


@pytest.mark.proves(
    "8.1 filters",
    "8.1 row order",
    "8.3 Instrument",
    "8.3 TradingAccount",
    "8.3 InvestorPosition",
    "8.3 InvestorPositionDetail",
    "8.3 Order",
    "8.3 Trade",
    "8.3 DepthMarketData",
    "6 rule 8",
    "8.3 vnpy",
)
def test_query_filters(trader: Make, address: str) -> None:
    client = begin(trader(), address)
    client.fill()
    client.rest()
    client.fill("m2105", 3410.0)
    for name, members, expected in FILTERS:
        found = [row.InstrumentID for row in client.rows(name, **members)]
        assert found == expected, (name, members)
    sys_id = client.rows("ReqQryOrder")[1].OrderSysID
    assert [row.OrderSysID for row in client.rows("ReqQryOrder", OrderSysID=sys_id)] == [sys_id]
    assert [row.CurrencyID for row in client.rows("ReqQryTradingAccount")] == ["CNY"]
    assert [row.CurrencyID for row in client.rows("ReqQryTradingAccount", CurrencyID="USD")] == ["USD"]
    assert client.rows("ReqQryTradingAccount", CurrencyID="EUR") == []


@pytest.mark.proves("8.3 Order", "8.3 Trade")
def test_queries_show_the_last_state_as_the_stream_did(trader: Make, address: str) -> None:
    client = begin(trader(), address)
    busy(client)
    last: dict[int, Any] = {}
    for call in client.spi.of("OnRtnOrder"):
        last[call.field.BrokerOrderSeq] = call.field
    assert packed([Call("x", f) for f in client.rows("ReqQryOrder")]) == packed([Call("x", f) for f in last.values()])
    trades = [call.field for call in client.spi.of("OnRtnTrade")]
    assert packed([Call("x", f) for f in client.rows("ReqQryTrade")]) == packed([Call("x", f) for f in trades])


def test_money_and_positions_are_back_after_insert_and_cancel(trader: Make, address: str) -> None:
    client = begin(trader(), address)
    client.fill()
    before = client.rows("ReqQryTradingAccount"), client.rows("ReqQryInvestorPosition")
    order = client.rest(price=4200.0, volume=5)
    held = client.rows("ReqQryTradingAccount")[0]
    assert held.FrozenMargin > 0 and held.FrozenCommission > 0 and held.Balance == before[0][0].Balance
    assert client.rows("ReqQryInvestorPosition")[0].LongFrozen == 5
    after = client.cancel(order)
    client.spi.wait_for(is_order("5"), after=after)
    assert (client.rows("ReqQryTradingAccount"), client.rows("ReqQryInvestorPosition")) == before


@pytest.mark.proves("3.9 changes first", "6 rule 4")
def test_a_trade_is_told_after_money_and_position_have_changed(trader: Make, address: str) -> None:
    """Spec 3.9, 6 rule 4."""
    client = begin(trader(), address)
    client.fill()
    account = client.rows("ReqQryTradingAccount")[0]
    assert account.CurrMargin > 0 and account.FrozenMargin == 0 and account.Commission > 0
    assert client.rows("ReqQryInvestorPosition")[0].Position == 1


# ------------------------------------------------------------------ the public stream
def test_the_phases_of_a_day(trader: Make, address: str) -> None:
    client = trader().login()
    control = counter(address)
    while control.step():
        pass
    client.rows("ReqQryExchange")
    told: dict[str, list[tuple[str, str]]] = {}
    for call in client.spi.of("OnRtnInstrumentStatus"):
        field = call.field
        told.setdefault(field.InstrumentID, []).append((field.EnterTime, field.InstrumentStatus))
        assert (field.ExchangeInstID, field.EnterReason) == (field.InstrumentID, "1")
    # The counter begins at 09:30; what the day went through before is on the public stream too (10.1, RESTART).
    assert told["IF"] == [
        *(("20:30:00", "0"), ("09:25:00", "3"), ("09:29:00", "5"), ("09:30:00", "2")),
        *(("11:30:00", "1"), ("13:00:00", "2"), ("15:00:00", "6")),
    ]
    assert told["rb"] == [
        *(("20:30:00", "1"), ("20:55:00", "3"), ("20:59:00", "5"), ("21:00:00", "2"), ("23:00:00", "1")),
        *(("08:55:00", "3"), ("08:59:00", "5"), ("09:00:00", "2")),
        ("10:15:00", "1"),
        ("10:30:00", "2"),
        ("11:30:00", "1"),
        ("13:30:00", "2"),
        ("15:00:00", "6"),
    ]
    assert told["m"] == told["rb"]
    # CZCE: 0 while it matches and in its breaks, no auction in the morning
    assert told["TA"] == [
        *(("20:30:00", "0"), ("20:55:00", "3"), ("20:59:00", "0"), ("21:00:00", "2"), ("23:00:00", "0")),
        *(("09:00:00", "2"), ("10:15:00", "0"), ("10:30:00", "2"), ("11:30:00", "0"), ("13:30:00", "2")),
        ("15:00:00", "6"),
    ]
    late = trader(resume=RESTART).login()
    late.rows("ReqQryExchange")
    assert packed(late.spi.of("OnRtnInstrumentStatus")) == packed(client.spi.of("OnRtnInstrumentStatus"))
    quick = trader(resume=QUICK).login()
    quick.rows("ReqQryExchange")
    assert [c.field.InstrumentStatus for c in quick.spi.of("OnRtnInstrumentStatus")] == ["6", "6", "6", "6"]


def test_another_user_on_the_same_object_hears_his_own_stream(trader: Make, address: str, tmp_path: Path) -> None:
    first = begin(trader(flow=str(tmp_path / "td")), address)
    for _ in range(3):
        first.rest(price=4200.0)
    before = len(first.spi.calls)
    first.ask("ReqUserLogout", BrokerID="9999", UserID="alice")
    first.spi.wait_for("OnFrontConnected", after=before)
    first.user = "bob"
    assert first.ask("ReqUserLogin", BrokerID="9999", UserID="bob", Password="secret")[0].error_id == 0
    assert first.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="bob")[0].error_id == 0
    assert first.rest(price=4210.0).InvestorID == "bob"


def test_the_refusal_of_an_unsupported_request_reaches_every_session_and_the_replay(trader: Make, address: str) -> None:
    first, second = begin(trader(), address), trader().start()
    answer, *_ = first.ask("ReqOffsetSetting", InvestorID="alice", InstrumentID="rb2105")
    assert (answer.name, answer.error_id) == ("OnRspOffsetSetting", 27)
    for told in (first.spi.wait_for("OnErrRtnOffsetSetting"), second.spi.wait_for("OnErrRtnOffsetSetting")):
        assert (told.error_id, told.field.InstrumentID) == (27, "rb2105")
    third = trader(resume=RESTART).start()
    assert third.spi.wait_for("OnErrRtnOffsetSetting").error_id == 27
