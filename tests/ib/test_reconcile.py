"""After a connection broke, and after a restart: what TWS knows of orders against what we know (spec ib 3.3, 5.3)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ctp2.ib import records
from ctp2.ib.records import OrderSpec, Refused
from tests.ib import listed
from tests.ib.orderdesk import ACCOUNT, OrderDesk, ended, fill, listing, status

NEW = ["order a0 0/100", "order 33 0/100"]


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


@pytest.fixture
def desk() -> Iterator[OrderDesk]:
    made = OrderDesk()
    yield made
    made.close()


@pytest.fixture
def open_desk() -> Iterator[OrderDesk]:
    """One that shows the orders of others, too."""
    made = OrderDesk("ib://127.0.0.1:7497?foreign_orders=1")
    yield made
    made.close()


def spec(order_id: int, ref: str = "", **more: Any) -> OrderSpec:
    values: dict[str, Any] = {
        "order_id": order_id,
        "action": "BUY",
        "quantity": 100.0,
        "order_type": "LMT",
        "lmt_price": 10.0,
        "aux_price": 0.0,
        "tif": "DAY",
        "account": ACCOUNT,
        "order_ref": ref,
    }
    return OrderSpec(**{**values, **more})


# ------------------------------------------------------------------ scenarios 14 to 17
@pytest.mark.parametrize("first", [listing, status])
def test_a_tws_without_memory_counts_its_perm_ids_anew(desk: OrderDesk, first: Any) -> None:
    """Its tags and order ids say whose an order is: nothing of it is told of the one that had the permId before."""
    desk.insert()
    desk.tell(status("Submitted", perm_id=7))
    desk.told()
    desk.cut()
    desk.lists()
    desk.reconcile()
    desk.insert("2")
    second = {"order_id": desk.spec.order_id, "perm_id": 7}
    desk.tell(first("Submitted", desk.spec, perm_id=7) if first is listing else status("Submitted", **second))
    desk.tell(status("Submitted", **second))
    assert [(event.field.OrderRef, event.field.OrderStatus) for event in desk.events()] == [("2", "a"), ("2", "3")]
    desk.tell(fill(1, 100, order_ref=desk.spec.order_ref, **second))
    assert {event.field.OrderRef for event in desk.events()} == {"2"}
    found = desk.orders.of_perm_id(7)
    assert found is not None
    assert found.key.order_ref == "2"


def test_14_accepted_while_the_link_was_down(desk: OrderDesk) -> None:
    desk.insert()
    desk.cut()
    assert desk.told() == ["order a0 0/100"]
    desk.lists(live=(listing("Submitted", desk.spec), status("Submitted")))
    assert desk.reconcile() == []
    events = desk.events()
    assert [(event.field.OrderStatus, event.field.OrderSysID) for event in events] == [("3", "        1001")]
    assert len(desk.link.placed) == 1


def test_15_never_read_by_tws(desk: OrderDesk) -> None:
    desk.insert()
    desk.advance(1)
    desk.cut()
    assert desk.told() == ["order a0 0/100"]
    desk.lists()
    desk.reconcile()
    assert desk.told() == []
    desk.advance(8.9)
    assert desk.told() == []
    desk.advance(0.2)
    (event,) = desk.events()
    assert (event.field.OrderStatus, event.field.OrderSubmitStatus) == ("5", "4")
    assert event.field.StatusMsg == "not found at broker after reconnect"
    assert len(desk.link.placed) == 1
    desk.insert("2")
    assert desk.spec.order_id == 2


def test_16_filled_while_the_link_was_down(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(status("Submitted"))
    desk.told()
    desk.cut()
    desk.lists(ended=(ended("Filled", desk.spec, 100.0),), filled=(fill(2, 60, req_id=5), fill(1, 40, req_id=5)))
    desk.reconcile()
    assert desk.told() == ["order 13 40/100", "trade 0 40@10", "order 03 100/100", "trade 0 60@10"]
    desk.reconcile(up=False)
    assert desk.told() == []


def test_17_tws_remembers_nothing(desk: OrderDesk, caplog: pytest.LogCaptureFixture) -> None:
    """An acknowledged order that is nowhere is asked for again after 30 s, and is unknown then."""
    desk.insert()
    desk.tell(status("Submitted"))
    desk.told()
    desk.cut()
    desk.lists()
    desk.reconcile()
    assert desk.told() == []
    desk.advance(30.1)
    assert desk.told() == ["order a3 0/100"]
    assert "unknown to the broker" in caplog.text
    desk.insert("2")
    assert desk.spec.order_id == 2
    desk.tell(status("Submitted", order_id=2, perm_id=500))
    assert desk.told() == NEW
    assert [row.OrderStatus for row in desk.query("ReqQryOrder")] == ["a", "3"]


# ------------------------------------------------------------------ 18: the process was started anew
def test_18_a_restored_order(desk: OrderDesk) -> None:
    """FrontID, SessionID, OrderRef and the flags come from the tag; it can be cancelled."""
    desk.restart()
    live = spec(40, "Q1:1:4fzyo:17:13", action="SELL", tif="GTC")
    desk.lists(live=(listing("Submitted", live, perm_id=900), status("Submitted", order_id=40, perm_id=900)))
    desk.reconcile()
    row = desk.events()[-1].field
    # 4fzyo in base 36: 4·36⁴ + 15·36³ + 35·36² + 34·36 + 24
    session_id = 4 * 1679616 + 15 * 46656 + 35 * 1296 + 34 * 36 + 24
    wanted = {
        "FrontID": 1, "SessionID": session_id, "OrderRef": "17", "CombOffsetFlag": "1", "CombHedgeFlag": "3",
        "Direction": "1", "TimeCondition": "5", "OrderPriceType": "2", "LimitPrice": 10.0, "OrderStatus": "3",
        "OrderSysID": "         900", "OrderLocalID": "40", "InstrumentID": "AAPL-USD-STK", "ExchangeID": "NASD",
    }  # fmt: skip
    assert {name: getattr(row, name) for name in wanted} == wanted
    assert desk.orders.largest_ref == 17
    assert desk.link.owns_order_id(40)
    desk.action("17", SessionID=session_id)
    assert desk.link.calls_of("cancel") == [(40,)]
    desk.tell(status("Cancelled", order_id=40, perm_id=900))
    assert desk.told() == ["order 31 0/100", "order 53 0/100"]


def test_a_restored_order_is_modified(desk: OrderDesk) -> None:
    """What openOrder shows as 0.0 is not sent back (5.2)."""
    live = spec(40, "Q1:1:1:17:01", min_qty=0, open_close="O")
    desk.lists(live=(listing("Submitted", live, perm_id=900),))
    desk.reconcile()
    desk.action("17", "3", SessionID=1, LimitPrice=10.5)
    assert desk.spec == spec(40, "Q1:1:1:17:01", lmt_price=10.5, aux_price=None, min_qty=None)


def test_ended_orders_of_an_earlier_process(desk: OrderDesk) -> None:
    """A tag in a completed order is the only way back: one that was filled, one cancelled in part, one rejected."""
    rows = (
        ended("Filled", spec(1, "Q1:1:1:1:01"), 100.0),
        ended("Cancelled", spec(2, "Q1:1:1:2:01"), 30.0, completed_status="Cancelled by Trader"),
        ended("Inactive", spec(3, "Q1:1:1:3:01"), 0.0, completed_status="margin"),
        ended("Cancelled", spec(4, "other program"), 0.0),
    )
    filled = (
        fill(2, 30, 2, req_id=5, order_ref="Q1:1:1:2:01"),
        fill(1, 100, 1, req_id=5, order_ref="Q1:1:1:1:01"),
    )
    desk.lists(ended=rows, filled=filled)
    desk.reconcile()
    assert desk.told() == [
        *("order a0 0/100", "order 03 100/100", "trade 0 100@10"),
        *("order a0 0/100", "order 13 30/100", "trade 0 30@10", "order 53 30/100"),
        *("order a0 0/100", "order 54 0/100"),
    ]
    rows_told = desk.query("ReqQryOrder")
    assert [(row.OrderRef, row.StatusMsg) for row in rows_told] == [
        ("1", "全部成交"), ("2", "IB202:Cancelled by Trader"), ("3", "margin"),
    ]  # fmt: skip


def test_a_correction_after_a_restart_keeps_its_trade_id(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(fill(1, 40))
    (trade,) = desk.query("ReqQryTrade")
    desk.restart()
    corrected = fill(1, 30, req_id=5, exec_id="00018037.6554aa01.01.02", order_ref="Q1:1:1:1:01")
    desk.lists(live=(listing("Submitted", desk.spec),), filled=(corrected,))
    desk.reconcile()
    (again,) = desk.query("ReqQryTrade")
    assert (again.TradeID, again.Volume) == (trade.TradeID, 30)


# ------------------------------------------------------------------ orders of others
def test_29_a_manual_order_and_another_client(open_desk: OrderDesk) -> None:
    desk = open_desk
    desk.tell(records.PositionRow(ACCOUNT, listed.AAPL.contract, 100.0, 10.0))
    manual = spec(0, "", action="SELL", quantity=150.0)
    desk.tell(
        listing("Submitted", manual, client_id=0, perm_id=123456789012345),
        fill(1, 150, 0, side="SLD", client_id=0, perm_id=123456789012345),
    )
    other = spec(9, "mine", action="BUY", quantity=20.0)
    desk.tell(
        listing("Submitted", other, client_id=5, perm_id=77), fill(2, 20, 9, client_id=5, perm_id=77, order_ref="mine")
    )
    rows = desk.query("ReqQryOrder")
    assert [(row.FrontID, row.SessionID, row.OrderRef, row.CombOffsetFlag) for row in rows] == [
        (3, 0, "456789012345", "1"), (2, 5, "9", "1"),
    ]  # fmt: skip
    trades = desk.query("ReqQryTrade")
    assert [(row.OffsetFlag, row.Volume, row.Direction) for row in trades] == [
        ("1", 100, "1"), ("0", 50, "1"), ("1", 20, "0"),
    ]  # fmt: skip
    assert len({row.TradeID for row in trades}) == 3
    desk.told()
    desk.action("", OrderSysID="77")
    assert desk.told() == ["OnRspOrderAction 26", "OnErrRtnOrderAction 26"]


def test_orders_of_another_client_cannot_be_cancelled(open_desk: OrderDesk) -> None:
    open_desk.lists(live=(listing("Submitted", spec(9), client_id=5, perm_id=77),))
    open_desk.reconcile()
    assert open_desk.told() == NEW
    open_desk.action("", OrderSysID="77")
    assert open_desk.told() == ["OnRspOrderAction 9", "OnErrRtnOrderAction 9"]
    assert open_desk.link.calls_of("all_open_orders") == [()]


def test_orders_of_others_are_not_shown_unless_asked_for(desk: OrderDesk) -> None:
    other = spec(9)
    desk.lists(live=(listing("Submitted", other, client_id=5, perm_id=77),), filled=(fill(1, 1, 9, client_id=5),))
    desk.reconcile()
    assert desk.told() == []
    assert desk.link.calls_of("all_open_orders") == []


def test_two_live_perm_ids_of_one_order(desk: OrderDesk, caplog: pytest.LogCaptureFixture) -> None:
    """3.3, 6: the second is a foreign order, and an error in the log; fills go to the one that they are of."""
    desk.insert()
    desk.tell(status("Submitted"))
    desk.told()
    desk.cut()
    twin = msgspec.structs.replace(desk.spec, lmt_price=11.0)
    desk.lists(live=(listing("Submitted", desk.spec), listing("Submitted", twin, perm_id=2222)))
    desk.reconcile()
    assert desk.told() == NEW
    assert "has the tag of another order" in caplog.text
    desk.tell(fill(1, 100, perm_id=2222, order_ref="Q1:1:1:1:01"))
    rows = desk.query("ReqQryOrder")
    assert [(row.FrontID, row.OrderStatus, row.LimitPrice) for row in rows] == [(1, "3", 10.0), (2, "0", 11.0)]
    desk.action("", OrderSysID="2222")
    assert desk.told()[-1] == "OnErrRtnOrderAction 26"


def test_records_of_an_order_whose_contract_is_asked_for(desk: OrderDesk) -> None:
    answer = desk.hold("details")
    live = spec(40, "Q1:1:1:17:01")
    desk.tell(listing("Submitted", live), status("Submitted", order_id=40), fill(1, 30, 40))
    assert desk.told() == []
    answer([listed.AAPL])
    assert desk.told() == [*NEW, "order 13 30/100", "trade 0 30@10"]


def test_a_contract_that_cannot_be_found(desk: OrderDesk, caplog: pytest.LogCaptureFixture) -> None:
    desk.link.answers["details"] = Refused(321, "no")
    desk.tell(listing("Submitted", spec(40, "Q1:1:1:17:01")))
    assert desk.told() == []
    assert "cannot be shown" in caplog.text


# ------------------------------------------------------------------ what TWS does not tell
def test_steps_that_never_end(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(status("Submitted"))
    desk.told()
    desk.lists()
    desk.hold("completed_orders")
    assert desk.reconcile() == ["completed orders"]
    assert desk.told() == []  # nothing is concluded from half an answer


def test_a_refused_step(desk: OrderDesk) -> None:
    desk.lists()
    desk.link.answers["open_orders"] = Refused(321, "Read-Only")
    assert desk.reconcile() == ["open orders"]


def test_a_refused_step_is_asked_again(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(status("Submitted"))
    desk.link.answers["open_orders"] = Refused(0, "late")
    desk.reconcile()
    desk.lists(ended=(ended("Cancelled", desk.spec),))
    desk.told()
    desk.advance(31)
    assert desk.told() == ["order 53 0/100"]


def test_readonly_asks_for_executions_alone() -> None:
    desk = OrderDesk("ib://127.0.0.1:7497?readonly=1")
    desk.lists(filled=(fill(1, 10, req_id=5, order_ref="Q1:1:1:1:11", cum_qty=10.0),))
    assert desk.reconcile() == []
    assert desk.told() == ["order a0 0/10", "order 03 10/10", "trade 1 10@10"]
    assert [call[0] for call in desk.link.calls if call[0] != "details"] == ["executions"]
    desk.close()


def test_the_link_breaks_while_everything_is_asked_for(desk: OrderDesk) -> None:
    desk.lists()
    desk.link.answers["executions"] = records.LinkLost("gone")
    with pytest.raises(records.LinkLost):
        desk.reconcile()


def test_a_cancel_under_way_when_the_link_breaks(desk: OrderDesk) -> None:
    """The disconnect was its outcome; the order is as TWS lists it, and can be cancelled again."""
    desk.insert()
    desk.tell(status("Submitted"))
    desk.action()
    desk.told()
    desk.cut()
    desk.lists(live=(listing("Submitted", desk.spec),))
    desk.reconcile()
    assert desk.told() == ["order 33 0/100"]
    desk.action()
    assert desk.link.calls_of("cancel") == [(1,), (1,)]


def test_19_restored_without_loss(desk: OrderDesk) -> None:
    """1102: what happened meanwhile is told, nothing twice."""
    desk.insert()
    desk.tell(status("Submitted"), fill(1, 10))
    desk.told()
    desk.lists(live=(listing("Submitted", desk.spec), status("Submitted", 10)), filled=(fill(1, 10, req_id=5),))
    desk.tell(records.Restored(is_data_lost=False))
    desk.reconcile(up=False)
    assert desk.told() == []


# ------------------------------------------------------------------ the day
def test_a_new_day_forgets_what_ended(desk: OrderDesk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk.insert("1")
    desk.insert("2", TimeCondition="5")
    desk.tell(fill(1, 100), status("Submitted", order_id=2))
    assert [row.OrderRef for row in desk.query("ReqQryOrder")] == ["1", "2"]
    desk.advance(24 * 3600)
    desk.backend.trading_day = "20251125"
    assert [row.OrderRef for row in desk.query("ReqQryOrder")] == ["2"]
    assert desk.query("ReqQryTrade") == [None]
    desk.sink.take()
    desk.tell(fill(1, 100, order_ref="Q1:1:1:1:01", req_id=5))
    desk.orders.inquiries.take_executions([fill(1, 100, order_ref="Q1:1:1:1:01", req_id=5)])
    assert desk.told() == []  # counted for ever
    desk.insert("1")
    assert len(desk.link.placed) == 3


def test_old_executions_are_dropped_from_the_disk(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(fill(1, 1))
    store = desk.backend.store_of(desk.link)
    assert list(store.rows("executions")) == ["00018037.6554aa01.01"]
    for day in range(1, 12):
        desk.orders.effects.trades.first(f"0.0.{day}.1", f"202512{day:02}")
    desk.orders.effects.trades.roll("20251212")
    assert sorted(store.rows("executions")) == sorted(f"0.0.{day}" for day in range(3, 12))
