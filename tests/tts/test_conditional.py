"""Conditional orders through the public face (spec ctp-semantics 3.11), and the index that finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2.testing.desk import Desk
from ctp2.tts import counter
from ctp2.tts.conditions import PRICE_CONDITIONS, threshold
from tests.tts.programs import FIRST, Trader, address_of, is_order


@pytest.fixture
def alice(tmp_path: Path) -> Iterator[Any]:
    """A trader of a counter whose market is stepped; rb2105 stands at 4299/4301, last 4300, and goes to 4303."""
    address = address_of(tmp_path)
    client: Any = Trader(address).start()
    counter(address).step(FIRST)
    client.market, client.address = counter(address), address
    yield client
    client.api.Release()


def condition(client: Trader, stop: float, **members: Any) -> Any:
    """Leave a buy at 4290 for when the last price reaches ``stop``; returns its record."""
    before = client.insert("rb2105", 4290.0, ContingentCondition="6", StopPrice=stop, **members)
    return client.spi.wait_for(is_order("b"), after=before).field


def test_it_waits_is_touched_and_becomes_an_order(alice: Any) -> None:
    waiting = condition(alice, 4303.0, RequestID=77, OrderRef="5")
    assert (waiting.OrderSysID, waiting.OrderType, waiting.OrderSubmitStatus) == ("TJBD_1", "4", "3")
    assert (waiting.StatusMsg, waiting.OrderRef, waiting.ContingentCondition) == ("尚未触发", "5", "6")
    assert (waiting.SequenceNo, waiting.ActiveTraderID, waiting.RelativeOrderSysID) == (0, "", "")
    alice.market.step(2)  # IF2101, then rb2105 at 4303
    order = alice.spi.wait_for(is_order("3")).field
    states = [call.field for call in alice.spi.of("OnRtnOrder")]
    assert [record.OrderStatus for record in states] == ["b", "c", "a", "3"]
    assert (states[1].OrderSysID, states[1].StatusMsg, states[1].OrderType) == ("TJBD_1", "已触发", "4")
    assert (order.RelativeOrderSysID, order.ContingentCondition, order.RequestID) == ("TJBD_1", "1", 77)
    assert (order.FrontID, order.SessionID, order.OrderRef) == (0, 0, "           1")
    assert order.OrderSysID == "           1"
    assert [row.OrderStatus for row in alice.rows("ReqQryOrder")] == ["c", "3"]
    (row,) = alice.rows("ReqQryOrder", OrderSysID="TJBD_1")
    assert row.OrderStatus == "c"


def test_the_client_may_go_on_counting_its_own_references(alice: Any) -> None:
    condition(alice, 4303.0, OrderRef="1")
    alice.market.step(2)
    alice.spi.wait_for(is_order("3"))
    assert alice.rest(OrderRef="2").OrderRef == "2"


def test_what_it_releases_can_be_cancelled_by_front_session_and_reference(alice: Any) -> None:
    condition(alice, 4303.0)
    alice.market.step(2)
    order = alice.spi.wait_for(is_order("3")).field
    before = alice.cancel(order)
    assert alice.spi.wait_for(is_order("5"), after=before).field.OrderSysID == order.OrderSysID


def test_cancelled_by_its_number_without_an_exchange(alice: Any) -> None:
    waiting = condition(alice, 4303.0)
    before = len(alice.spi.calls)
    alice.send(
        "ReqOrderAction",
        BrokerID="9999",
        InvestorID="alice",
        UserID="alice",
        OrderSysID=waiting.OrderSysID,
        ActionFlag="0",
    )
    assert alice.spi.wait_for(is_order("5"), after=before).field.StatusMsg == "已撤单"


@pytest.mark.parametrize("number", ["TJBD_2", "TJBD_", "TJBD_x", "TJBD_-1"])
def test_a_number_that_is_not_there_is_error_25(alice: Any, number: str) -> None:
    condition(alice, 4303.0)
    (answer,) = alice.ask(
        "ReqOrderAction",
        BrokerID="9999",
        InvestorID="alice",
        UserID="alice",
        ExchangeID="SHFE",
        OrderSysID=number,
        ActionFlag="0",
    )
    assert answer.error_id == 25


def test_a_refusal_when_touched_is_told_with_the_whole_order(alice: Any) -> None:
    before = condition(alice, 4303.0, VolumeTotalOriginal=500, Direction="1", CombOffsetFlag="3")
    alice.market.step(2)
    failed = alice.spi.wait_for("OnRtnErrorConditionalOrder").field
    assert (failed.ErrorID, failed.ErrorMsg) == (50, "CTP:平今仓位不足")
    assert (failed.OrderSysID, failed.OrderStatus, failed.OrderRef) == ("TJBD_1", "c", before.OrderRef)
    assert (failed.VolumeTotalOriginal, failed.InstrumentID, failed.StopPrice) == (500, "rb2105", 4303.0)


def test_a_later_session_is_told_all_of_it_again(alice: Any, tmp_path: Path) -> None:
    condition(alice, 4303.0, VolumeTotalOriginal=500, Direction="1", CombOffsetFlag="3")
    alice.market.step(2)
    alice.spi.wait_for("OnRtnErrorConditionalOrder")
    second = Trader(alice.address, resume=0)
    second.login()
    second.spi.wait_for("OnRtnErrorConditionalOrder")
    assert [call.field for call in second.private()] == [call.field for call in alice.private()]
    second.api.Release()


# ------------------------------------------------------------------ the index
@pytest.mark.parametrize(
    ("stop", "rises", "strictly", "first"),
    [
        (3500.0, True, False, 35000),
        (3500.0, True, True, 35001),
        (3500.0, False, False, 35000),
        (3500.0, False, True, 34999),
        (3500.04, True, False, 35001),  # between two units the next one beyond meets it, strictly or not
        (3500.04, True, True, 35001),
        (3500.04, False, False, 35000),
        (3500.04, False, True, 35000),
        (-37.6, True, True, -375),
        (-37.6, False, False, -376),
    ],
)
def test_the_first_price_that_meets_a_condition(stop: float, rises: bool, strictly: bool, first: int) -> None:
    assert threshold(stop, 10, rises, strictly) == first


def test_every_condition_of_the_interface_is_known() -> None:
    """Spec 0.2: 5 to H without G."""
    assert "".join(PRICE_CONDITIONS) == "56789ABCDEFH"


def test_an_instrument_without_waiting_orders_has_no_index_again() -> None:
    desk = Desk(fills="full")
    contract = desk.instrument("SHFE", "X", limits="3000..4000", settled="3500")
    desk.user("alice", "100000")
    assert contract.conditions is None
    for name, stop in (("low", 3400.0), ("high", 3600.0)):
        desk.insert("alice", "buys", "open", 1, "X", 3300.0, name=name, contingent="6", stop_price=stop)
    desk.quote("X", "3399x1", "3401x1", "3400")
    assert contract.conditions is not None
    assert [order.terms.stop_price for order in contract.conditions.waiting.values()] == [3600.0]
    desk.cancel("alice", "high")
    assert contract.conditions is None
    assert desk.state.waiting_conditions == {"alice": 0}
