"""Parked orders through the public face (spec ctp-semantics 12.2): a recorded day whose products open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2.tts import counter
from tests.tts.programs import Trader, address_of, is_order

DAY = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,Volume,\
Turnover,OpenInterest,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
20210104,IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,0,0,90767,09:20:00,0,5229.8,5,5230.2,5,20210104
20210104,IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,0,0,90767,09:30:01,0,5229.8,5,5230.2,5,20210104
"""
"""09:20 BeforeTrading; the collection at 09:25, its match at 09:29, trading at 09:30 come as phases."""


@pytest.fixture
def alice(tmp_path: Path) -> Iterator[Any]:
    """A trader of a counter that stands before the day's auction."""
    address = address_of(tmp_path, day=DAY)
    client: Any = Trader(address).start()
    counter(address).pause()
    client.market = counter(address)
    client.market.step(1)
    yield client
    client.api.Release()


def parked_order(client: Trader, **members: Any) -> dict[str, Any]:
    """Members of a limit buy of one IF2101."""
    field = client.order("IF2101", 5200.0, 1, ExchangeID="CFFEX")
    names = ("OrderMemo", "SessionReqSeq")
    return {
        **{name: getattr(field, name) for name in field.__struct_fields__ if name not in names},
        "RequestID": 7,
        **members,
    }


@pytest.mark.proves("8.3 ParkedOrder")
def test_kept_sent_and_shown(alice: Any) -> None:
    (answer,) = alice.ask("ReqParkedOrderInsert", **parked_order(alice, OrderRef="99", MacAddress="m"))
    kept = answer.field
    assert (answer.name, answer.error_id, answer.is_last) == ("OnRspParkedOrderInsert", 0, True)
    assert (kept.ParkedOrderID, kept.Status, kept.UserType, kept.ErrorID) == ("           1", "1", "0", 0)
    assert (kept.OrderRef, kept.MacAddress, kept.InstrumentID, kept.BrokerID) == ("99", "m", "IF2101", "9999")
    assert alice.rows("ReqQryOrder") == []
    assert alice.rows("ReqQryParkedOrder") == [kept]
    alice.market.step(1)  # 09:25: the auction
    order = alice.spi.wait_for(is_order("3")).field
    assert (order.FrontID, order.SessionID, order.OrderRef, order.RequestID) == (0, 0, "           1", 7)
    assert (order.MacAddress, order.ContingentCondition, order.LimitPrice) == ("m", "1", 5200.0)
    (row,) = alice.rows("ReqQryParkedOrder", InstrumentID="IF2101", ExchangeID="CFFEX")
    assert (row.ParkedOrderID, row.Status) == ("           1", "2")
    assert alice.rows("ReqQryParkedOrder", InstrumentID="rb2105") == []
    assert alice.rows("ReqQryParkedOrder", InvestorID="bob") == []
    assert not [call for call in alice.spi.calls if "Parked" in call.name and "Qry" not in call.name][1:], "not pushed"


def test_taken_back(alice: Any) -> None:
    alice.ask("ReqParkedOrderInsert", **parked_order(alice))
    for error_id in (0, 47):
        (answer,) = alice.ask("ReqRemoveParkedOrder", BrokerID="9999", InvestorID="alice", ParkedOrderID="1")
        assert (answer.name, answer.error_id) == ("OnRspRemoveParkedOrder", error_id)
        assert answer.field.ParkedOrderID == "1"
    assert [row.Status for row in alice.rows("ReqQryParkedOrder")] == ["3"]
    alice.market.step(3)
    assert alice.rows("ReqQryOrder") == []


@pytest.mark.parametrize(
    ("members", "error_id"),
    [
        ({"InvestorID": ""}, 146),
        ({"InvestorID": "nobody"}, 13),
        ({"InvestorID": "alice", "ParkedOrderID": "2"}, 45),
        ({"InvestorID": "alice", "ParkedOrderID": "x"}, 45),
        ({"InvestorID": "alice"}, 45),
    ],
)
def test_not_taken_back(alice: Any, members: dict[str, Any], error_id: int) -> None:
    for request in ("ReqRemoveParkedOrder", "ReqRemoveParkedOrderAction"):
        asked = {
            name.replace("OrderID", "OrderActionID") if "Action" in request else name: members[name] for name in members
        }
        (answer,) = alice.ask(request, BrokerID="9999", **asked)
        assert answer.error_id == error_id


def test_a_parked_cancel(alice: Any) -> None:
    alice.market.step(1)  # the auction takes the order
    order = alice.rest("IF2101", 5200.0, ExchangeID="CFFEX")
    (answer,) = alice.ask(
        "ReqParkedOrderAction",
        BrokerID="9999",
        InvestorID="alice",
        UserID="alice",
        ExchangeID="CFFEX",
        InstrumentID="IF2101",
        OrderSysID=order.OrderSysID,
        ActionFlag="0",
        MacAddress="m",
    )
    assert (answer.name, answer.error_id) == ("OnRspParkedOrderAction", 0)
    assert (answer.field.ParkedOrderActionID, answer.field.Status, answer.field.MacAddress) == (
        "           1",
        "1",
        "m",
    )
    alice.market.step(2)  # the match, and trading
    cancelled = alice.spi.wait_for(is_order("5")).field
    assert cancelled.OrderSysID == order.OrderSysID
    (row,) = alice.rows("ReqQryParkedOrderAction")
    assert (row.Status, row.ErrorID, row.OrderSysID) == ("2", 0, order.OrderSysID)


@pytest.mark.parametrize(
    ("members", "error_id"),
    [
        ({"ActionFlag": "3"}, 27),
        ({"ActionFlag": "1"}, 23),
        ({"InvestorID": ""}, 146),
        ({"InstrumentID": "", "OrderSysID": ""}, 23),
        ({"InstrumentID": "", "OrderSysID": "5"}, 25),
        ({"InstrumentID": "zz"}, 16),
    ],
)
def test_a_cancel_that_cannot_be_parked(alice: Any, members: dict[str, Any], error_id: int) -> None:
    asked = {
        "BrokerID": "9999",
        "InvestorID": "alice",
        "UserID": "alice",
        "ExchangeID": "CFFEX",
        "InstrumentID": "IF2101",
        "ActionFlag": "0",
    }
    (answer,) = alice.ask("ReqParkedOrderAction", **{**asked, **members})
    assert answer.error_id == error_id
    assert alice.rows("ReqQryParkedOrderAction") == []


def test_where_it_always_trades_nothing_is_parked() -> None:
    client = Trader("tts://7x24?id=parked").start()
    (answer,) = client.ask(
        "ReqParkedOrderInsert", **parked_order(client, InstrumentID="TEST", ExchangeID="SHFE", LimitPrice=100.0)
    )
    assert (answer.name, answer.error_id) == ("OnRspParkedOrderInsert", 44)
    assert answer.info.ErrorMsg == "CTP:交易所已经进入连续交易状态"
    client.api.Release()
