"""Quotes and quote requests through the public face (spec ctp-semantics 12.4, 2.1, 8.3), and their recovery."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.ctp.layout import codec, versions
from ctp2.testing import Call
from ctp2.testing.desk import Desk
from ctp2.testing.desk_quotes import ask_for_quote, insert_quote, withdraw_quote
from ctp2.tts import counter
from ctp2.tts.commands import CancelOrder
from ctp2.tts.events import ActionRefused
from tests.tts.programs import FIRST, Trader, Watcher, address_of, released
from tests.tts.recovery import Replica, replayed, totals

RESTART = tdapi.THOST_TERT_RESTART


@pytest.fixture
def address(tmp_path: Path) -> str:
    return address_of(tmp_path)


@pytest.fixture
def alice(address: str) -> Iterator[Trader]:
    """Confirmed, with a quote for every instrument."""
    client = Trader(address).start()
    counter(address).step(FIRST)
    with released(client):
        yield client


def quote_fields(**members: Any) -> dict[str, Any]:
    return {
        "BrokerID": "9999",
        "InvestorID": "alice",
        "UserID": "alice",
        "ExchangeID": "DCE",
        "InstrumentID": "m2105",
        "AskPrice": 3405.0,
        "BidPrice": 3395.0,
        "AskVolume": 2,
        "BidVolume": 2,
        "AskOffsetFlag": "0",
        "BidOffsetFlag": "0",
        "AskHedgeFlag": "1",
        "BidHedgeFlag": "1",
        **members,
    }


def quote(client: Trader, **members: Any) -> Any:
    """Send a quote and wait until it works; returns its record."""
    before = len(client.spi.calls)
    client.send("ReqQuoteInsert", **quote_fields(**members))
    return client.spi.wait_for(is_quote("3"), after=before).field


def is_quote(status: str) -> Any:
    return lambda call: call.name == "OnRtnQuote" and call.field.QuoteStatus == status


def packed(calls: list[Call]) -> list[tuple[str, bytes, bytes]]:
    pack = codec(versions()[-1]).pack
    return [(c.name, pack(c.field), pack(c.info) if c.info is not None else b"") for c in calls]


def test_a_quote_reaches_every_session_and_the_replay(alice: Trader, address: str) -> None:
    second = Trader(address).start()
    with released(second):
        told = quote(alice, RequestID=77, OrderMemo="memo")
        assert (told.InstrumentID, told.ExchangeID, told.RequestID, told.OrderMemo) == ("m2105", "DCE", 77, "memo")
        assert (told.FrontID, told.SessionID) == (alice.login_field.FrontID, alice.login_field.SessionID)
        # Without references the counter gives them, and the legs belong to no session.
        assert (told.AskOrderRef.strip(), told.BidOrderRef.strip()) == ("1", "2")
        assert (told.BidOrderSysID, told.AskOrderSysID) == (told.QuoteSysID, str(int(told.QuoteSysID) + 1).rjust(12))
        legs = [call.field for call in alice.spi.of("OnRtnOrder") if call.field.OrderStatus == "3"]
        assert [(leg.Direction, leg.FrontID, leg.SessionID, leg.OrderType) for leg in legs] == [
            ("1", 0, 0, "0"),
            ("0", 0, 0, "0"),
        ]
        before = len(alice.spi.calls)
        members = {"BrokerID": "9999", "InvestorID": "alice", "ExchangeID": "DCE", "ActionFlag": "0"}
        alice.send("ReqQuoteAction", QuoteSysID=told.QuoteSysID, **members)
        for _ in range(2):
            alice.spi.wait_for(lambda c: c.name == "OnRtnOrder" and c.field.OrderStatus == "5", after=before, count=2)
        answer, *_ = alice.ask("ReqQuoteAction", QuoteSysID="12345", **members)
        assert (answer.name, answer.error_id) == ("OnRspQuoteAction", 86)
        answer, *_ = alice.ask("ReqQuoteInsert", **quote_fields(AskHedgeFlag="3"))
        assert (answer.name, answer.error_id, answer.field.AskPrice) == ("OnRspQuoteInsert", 3047, 3405.0)
        second.spi.wait_for("OnErrRtnQuoteInsert")
        alice.spi.wait_for("OnErrRtnQuoteInsert")
        live = packed(alice.private())
        assert [name for name, _, _ in live].count("OnRtnQuote") == 3
        assert packed(second.private()) == live
        third = Trader(address, resume=RESTART).start()
        with released(third):
            third.spi.wait_for("OnErrRtnQuoteInsert")
            assert packed(third.private()) == live


def test_quotes_of_the_day_by_each_filter(alice: Trader) -> None:
    told = quote(alice)
    quote(alice, ExchangeID="CZCE", InstrumentID="TA105", AskPrice=3810.0, BidPrice=3790.0)

    def codes(**members: Any) -> list[str]:
        return [row.InstrumentID for row in alice.rows("ReqQryQuote", **members)]

    assert codes() == ["m2105", "TA105"]
    assert codes(InvestorID="alice", ExchangeID="CZCE") == ["TA105"]
    assert codes(InstrumentID="m2105") == ["m2105"]
    assert codes(QuoteSysID=told.QuoteSysID) == codes(QuoteSysID=told.QuoteSysID.strip()) == ["m2105"]
    assert codes(QuoteSysID="999") == codes(InvestorID="bob") == codes(InsertTimeStart="23:59:59") == []
    assert codes(InsertTimeEnd="23:59:59") == ["m2105", "TA105"]
    # CZCE's legs are found by the id they are told with.
    (leg,) = alice.rows("ReqQryOrder", OrderSysID=alice.rows("ReqQryQuote", InstrumentID="TA105")[0].AskOrderSysID)
    assert (leg.InstrumentID, leg.Direction, leg.OrderSysID.strip()[0]) == ("TA105", "1", "a")


def test_a_quote_request_reaches_those_who_subscribed(tmp_path: Path) -> None:
    day = "\n".join(
        (
            "TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,UpperLimitPrice,LowerLimitPrice,Volume,"
            "UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay",
            "20210104,m2105,DCE,3400,3390,3600,3200,1000,09:30:00,500,3390,10,3410,10,20210104",
            "20210104,m2105,DCE,3400,3390,3600,3200,1010,09:30:01,500,3390,10,3410,10,20210104",
            "20210104,m2105,DCE,3400,3390,3600,3200,1010,09:31:02,500,3390,10,3410,10,20210104",
            "",
        )
    )
    address = address_of(tmp_path, day=day)
    trader, watcher, deaf = Trader(address).start(), Watcher(address).login(), Watcher(address).login()
    with released(trader, watcher, deaf):
        control = counter(address)
        control.step(1)
        assert watcher.api.SubscribeForQuoteRsp(["m2105"], 1) == 0
        watcher.spi.wait_for("OnRspSubForQuoteRsp")
        fields = {"BrokerID": "9999", "InvestorID": "alice", "ExchangeID": "DCE", "InstrumentID": "m2105"}
        before = len(trader.spi.calls)
        trader.send("ReqForQuoteInsert", ForQuoteRef="7", **fields)
        told = watcher.spi.wait_for("OnRtnForQuoteRsp").field
        assert (told.InstrumentID, told.ExchangeID, told.TradingDay) == ("m2105", "DCE", "20210104")
        assert (told.ForQuoteSysID, told.ForQuoteTime, told.ActionDay) == ("1".rjust(12), "09:30:00", "20210104")
        # Silent for who asked; too soon again; and on record.
        answer, *_ = trader.ask("ReqForQuoteInsert", ForQuoteRef="8", **fields)
        assert (answer.name, answer.error_id) == ("OnRspForQuoteInsert", 113)
        assert trader.spi.wait_for("OnErrRtnForQuoteInsert").field.ForQuoteRef == "8"
        assert [c.name for c in trader.spi.calls[before:]] == ["OnRspForQuoteInsert", "OnErrRtnForQuoteInsert"]
        (row,) = trader.rows("ReqQryForQuote", InvestorID="alice")
        assert (row.ForQuoteRef, row.InstrumentID, row.InsertTime) == ("7", "m2105", "09:30:00")
        assert trader.rows("ReqQryForQuote", InstrumentID="rb2105") == []
        # Nobody hears after UnSubscribeForQuoteRsp: the answer to the next request comes, the notice does not.
        assert watcher.api.UnSubscribeForQuoteRsp(["m2105"], 1) == 0
        watcher.spi.wait_for("OnRspUnSubForQuoteRsp")
        control.step(2)
        trader.send("ReqForQuoteInsert", ForQuoteRef="9", **fields)
        assert len(trader.rows("ReqQryForQuote")) == 2
        watcher.subscribe("m2105")
        assert len(watcher.spi.of("OnRtnForQuoteRsp")) == 1
        assert deaf.spi.of("OnRtnForQuoteRsp") == []


@pytest.mark.proves("4 CTP error 92")
def test_a_leg_cannot_be_cancelled_before_the_exchange_answered() -> None:
    """Error 92. The exchange answers at once here, so the moment before it is made by hand."""
    desk = Desk(fills="full")
    desk.instrument("DCE", "m", limits="3000..4000", settled="3500")
    desk.user("alice", "100000")
    insert_quote(desk, "alice", "m", "1@3490", "1@3510", name="q")
    leg = desk.state.orders[1]
    leg.status, leg.submit = "a", "0"
    command = CancelOrder(desk.now_ns, "alice", "alice", "alice", "DCE", "m", "", 0, 0, leg.order_ref, "0")
    (refused,) = desk.engine.cancel_order(command)
    assert isinstance(refused, ActionRefused)
    assert refused.error_id == 92


@pytest.mark.parametrize("exchange", ["SHFE", "INE", "CFFEX", "CZCE", "DCE", "GFEX"])
@pytest.mark.parametrize("matched", ["", "yes"])
def test_the_log_alone_makes_the_same_state(exchange: str, matched: str) -> None:
    def morning() -> Desk:
        desk = Desk(fills="random", seed=5)
        desk.instrument(exchange, "m", limits="3000..4000", settled="3500", matched=matched, fees="0.0001,0.0001,0")
        desk.user("alice", "1000000")
        desk.user("bob", "1000000")
        return desk

    desk = morning()
    events: list[Any] = []
    desk.quote("m", bid="3480x10", ask="3520x10", last="3500")
    events += ask_for_quote(desk, "bob", "m")
    events += ask_for_quote(desk, "bob", "m")
    events += insert_quote(desk, "alice", "m", "7@3490", "7@3510", name="q", replace_sys_id="last")
    events += desk.insert("bob", "buys", "open", 3, "m", 3515)
    events += desk.quote("m", bid="3511x10", ask="3520x10", last="3511")
    events += desk.wait(2)
    events += insert_quote(desk, "alice", "m", "3@3495", "3@3520", name="p", replace_sys_id="last")
    events += insert_quote(desk, "alice", "m", "3@2000", "3@3520", name="r")
    events += insert_quote(desk, "alice", "m", "3@3495", "3@3520", ask_ref="2", bid_ref="2", name="s")
    events += desk.quote("m", bid="3480x10", ask="3490x10", last="3490")
    events += withdraw_quote(desk, "alice", "p")
    events += withdraw_quote(desk, "alice", "q", by="sysid")
    events += insert_quote(desk, "bob", "m", "1@3450", "1@3530", name="t")
    again = replayed(morning().state, desk.state, events)
    assert totals(again) == totals(desk.state)


@pytest.mark.parametrize("exchange", ["SHFE", "CFFEX", "CZCE", "DCE"])
@pytest.mark.parametrize("matched", ["", "yes"])
@pytest.mark.parametrize("seed", range(3))
def test_games_of_quotes(exchange: str, matched: str, seed: int) -> None:
    """Quotes among orders and moving prices: volumes, freezes and money hold after every event, and so does the log."""

    def morning() -> Desk:
        desk = Desk(fills="random", seed=seed)
        desk.instrument(exchange, "m", limits="3000..4000", settled="3500", matched=matched, fees="0.0001,0.0001,0")
        for name, balance in (("alice", "10000000"), ("bob", "10000000"), ("poor", "30000")):
            desk.user(name, balance)
        return desk

    desk = morning()
    replica = Replica(morning().state)
    game = random.Random(f"{exchange}{matched}{seed}")
    names: list[tuple[str, str]] = []
    for number in range(300):
        user, price = game.choice(("alice", "bob", "poor")), game.randint(3480, 3520)
        volume, spread = game.randint(1, 5), game.randint(-1, 8)
        step = game.random()
        if step < 0.4:
            sides = (f"{volume}@{price}", f"{volume}@{price + spread}")
            replace = game.choice(("", "last", "1"))
            names.append((user, f"q{number}"))
            flags: dict[str, Any] = {"ask_offset": game.choice("0001"), "bid_offset": game.choice("0013")}
            events = insert_quote(desk, user, "m", *sides, name=names[-1][1], replace_sys_id=replace, **flags)
        elif step < 0.55 and names:
            user, name = game.choice(names)
            events = withdraw_quote(desk, user, name, by=game.choice(("ref", "sysid")))
        elif step < 0.65 and names:
            user, name = game.choice(names)
            events = desk.cancel(user, f"{name}.{game.choice(('ask', 'bid'))}", by="sysid")
        elif step < 0.85:
            offset = game.choice(("open", "open", "close", "close-today"))
            events = desk.insert(user, game.choice(("buys", "sells")), offset, volume, "m", price)
        else:
            events = desk.wait(0.7)
            events += desk.quote("m", bid=f"{price}x9", ask=f"{price + 2}x9", last=str(price)) if not matched else []
        replica.follow(events)
        replica.mark(desk.state)
    for quote in desk.state.quotes.by_id.values():
        statuses = {leg.status for leg in quote.legs()}
        assert quote.status in ("0", "3", "5")
        if quote.status == "0":
            assert statuses == {"0"}
        if quote.status == "5":
            assert statuses <= {"0", "5"}
    assert totals(replica.state) == totals(desk.state)
