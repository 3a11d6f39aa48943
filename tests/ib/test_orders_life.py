"""Lives of orders as TWS tells them, record by record, and what the client sees: a table (spec ib 5.2, 5.4, 5.5, 5.9).

A step is a record of TWS, a request of the client, or seconds that pass; beside it stands what the client is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ctp2.ib import records
from tests.ib import listed
from tests.ib.orderdesk import OrderDesk, fill, listing, problem, status

Step = Callable[[OrderDesk], None]


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


@pytest.fixture
def desk() -> Iterator[OrderDesk]:
    made = OrderDesk()
    yield made
    made.close()


def insert(**members: Any) -> Step:
    return lambda desk: desk.insert("1", **members)


def cancel(desk: OrderDesk) -> None:
    desk.action()


def modify(**members: Any) -> Step:
    return lambda desk: desk.action(flag="3", **members)


def wait(seconds: float) -> Step:
    return lambda desk: desk.advance(seconds)


def opened(name: str, **more: Any) -> Step:
    """An openOrder that shows the order as it was placed last."""
    return lambda desk: desk.tell(listing(name, desk.spec, **more))


def opened_first(name: str) -> Step:
    """One that shows it as it was placed first."""
    return lambda desk: desk.tell(listing(name, desk.link.placed[0][0]))


def none_open(desk: OrderDesk) -> None:
    """From now on TWS lists nothing."""
    desk.lists()


def all_open(name: str) -> Step:
    """From now on TWS lists the order as it was placed first."""
    return lambda desk: desk.lists(live=(listing(name, desk.link.placed[0][0]),))


def executions(*filled: records.Execution) -> Step:
    return lambda desk: desk.lists(live=(listing("Submitted", desk.spec),), filled=filled)


STOP = {"ContingentCondition": "5", "StopPrice": 11.0, "OrderPriceType": "1"}
CORRECTED = fill(1, 3, exec_id="00018037.6554aa01.01.02")
NEW = ["order a0 0/100", "order 33 0/100"]

LIVES: dict[str, list[tuple[Step | records.Record, list[str]]]] = {
    "3: two partial fills": [
        (insert(VolumeTotalOriginal=200), []),
        (opened("PreSubmitted"), ["order a0 0/200", "order 33 0/200"]),
        (status("PreSubmitted", total=200), []),
        (opened("Submitted"), []),
        (status("Submitted", total=200), []),
        (fill(1, 100), ["order 13 100/200", "trade 0 100@10"]),
        (opened("Submitted"), []),
        (status("Submitted", 100, total=200), []),
        (fill(2, 100), ["order 03 200/200", "trade 0 100@10"]),
        (opened("Filled"), []),
        (status("Filled", 200, total=200), []),
    ],
    "4: a market order of which only executions are told": [
        (insert(OrderPriceType="1", LimitPrice=0.0), []),
        (fill(1, 100), ["order a0 0/100", "order 03 100/100", "trade 0 100@10"]),
        (wait(60), []),
    ],
    "fate unknown after a second, then it works": [
        (insert(), []),
        (wait(0.9), []),
        (wait(0.2), ["order a0 0/100"]),
        (status("Submitted"), ["order 33 0/100"]),
    ],
    "nothing for ten seconds, and TWS lists it nowhere": [
        (insert(), []),
        (none_open, []),
        (wait(9.9), ["order a0 0/100"]),
        (wait(0.2), ["order 54 0/100"]),
        (wait(60), []),
    ],
    "nothing for ten seconds, and TWS lists it": [
        (insert(), []),
        (all_open("Submitted"), []),
        (wait(11), ["order a0 0/100", "order 33 0/100"]),
    ],
    "5: the same execution twice": [
        (insert(), []),
        (fill(1, 100), ["order a0 0/100", "order 03 100/100", "trade 0 100@10"]),
        (fill(1, 100), []),
        (fill(1, 100, req_id=9), []),
    ],
    "6: a correction of 4 to 3": [
        (insert(), []),
        (status("Submitted"), NEW),
        (fill(1, 4), ["order 13 4/100", "trade 0 4@10"]),
        (CORRECTED, ["order 13 3/100"]),
        (fill(1, 4), []),
        (fill(2, 97), ["order 03 100/100", "trade 0 97@10"]),
    ],
    "a correction that takes back the end": [
        (insert(VolumeTotalOriginal=4), []),
        (fill(1, 4), ["order a0 0/4", "order 03 4/4", "trade 0 4@10"]),
        (CORRECTED, ["order 03 3/4"]),
    ],
    "7: a resting order is cancelled": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (status("PendingCancel"), []),
        (status("Cancelled"), ["order 53 0/100"]),
        (problem(202, "Order Canceled - reason:"), []),
    ],
    "a cancel that is told by 202 first": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (problem(202, "Order Canceled - reason:"), []),
        (status("Cancelled"), ["order 53 0/100"]),
    ],
    "a cancel of which only 202 is told": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (problem(202, "Order Canceled - reason:"), []),
        (wait(1.1), ["order 53 0/100"]),
    ],
    "8: a cancel of a filled order, 10148": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
        (
            problem(10148, "OrderId 1 that needs to be cancelled can not be cancelled, state: Filled."),
            ["OnRspOrderAction 26", "OnErrRtnOrderAction 26"],
        ),
    ],
    "8: the older reply 161": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
        (problem(161, "Cancel attempted when order is not in a cancellable state"),
         ["OnRspOrderAction 26", "OnErrRtnOrderAction 26"]),
    ],
    "8: 10148 is told before the fill": [
        (insert(), []),
        (status("Submitted"), NEW),
        (all_open("Submitted"), []),
        (cancel, ["order 31 0/100"]),
        (problem(10148), ["OnRspOrderAction 26", "OnErrRtnOrderAction 26", "order 35 0/100"]),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "9: a cancel in the same millisecond": [
        (insert(), []),
        (cancel, []),
        (opened("PreSubmitted"), ["order a0 0/100", "order 33 0/100", "order 31 0/100"]),
        (status("Cancelled"), ["order 53 0/100"]),
        (problem(202), []),
    ],
    "9: a cancel of an order whose first word is its last fill": [
        (insert(), []),
        (cancel, []),
        (fill(1, 100), ["order a0 0/100", "order 03 100/100", "trade 0 100@10",
                        "OnRspOrderAction 26", "OnErrRtnOrderAction 26"]),
    ],
    "9: a cancel that no acknowledgement releases": [
        (insert(), []),
        (cancel, []),
        (wait(2.9), ["order a0 0/100"]),
        (wait(0.2), ["order a1 0/100"]),
        (status("Cancelled"), ["order 53 0/100"]),
    ],
    "10: a fill crosses the cancel": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (status("PendingCancel"), []),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
        (status("Filled", 100), []),
        (problem(10148), ["OnRspOrderAction 26", "OnErrRtnOrderAction 26"]),
    ],
    "a partial fill before the cancel is done": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (fill(1, 30), ["order 11 30/100", "trade 0 30@10"]),
        (status("Cancelled", 30), ["order 53 30/100"]),
    ],
    "a cancel that runs ahead of its last execution": [
        (insert(), []),
        (status("Submitted"), NEW),
        (cancel, ["order 31 0/100"]),
        (status("Cancelled", 30), []),
        (fill(1, 30), ["order 11 30/100", "trade 0 30@10", "order 53 30/100"]),
    ],
    "a cancel without an answer for ten seconds": [
        (insert(), []),
        (status("Submitted"), NEW),
        (all_open("Submitted"), []),
        (cancel, ["order 31 0/100"]),
        (wait(9.9), []),
        (wait(0.2), ["OnRspOrderAction 79", "OnErrRtnOrderAction 79", "order 35 0/100"]),
    ],
    "11: rejected for margin before anything, then late records": [
        (insert(), []),
        (problem(201, "Order rejected - reason: insufficient margin"),
         ["OnRspOrderInsert 31", "OnErrRtnOrderInsert 31"]),
        (opened("Inactive"), []),
        (status("Inactive"), []),
        (wait(60), []),
    ],
    "11: rejected for margin after it was there": [
        (insert(), []),
        (opened("PreSubmitted"), NEW),
        (problem(201, "Order rejected - reason: margin"), ["order 54 0/100"]),
        (opened("Inactive"), []),
        (status("Inactive"), []),
        (wait(60), []),
    ],
    "inactive, and the error follows": [
        (insert(), []),
        (status("Submitted"), NEW),
        (status("Inactive"), []),
        (problem(203, "The security is not available or allowed for this account"), ["order 54 0/100"]),
    ],
    "inactive without a reason": [
        (insert(), []),
        (status("Submitted"), NEW),
        (status("Inactive"), []),
        (wait(2.9), []),
        (wait(0.2), ["order 54 0/100"]),
        (status("Submitted"), ["order 33 0/100"]),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "inactive while shares are located": [
        (insert(Direction="1"), []),
        (status("Inactive", why_held="locate"), NEW),
        (wait(10), []),
        (status("Submitted"), ["order 33 0/100"]),
    ],
    "404": [
        (insert(Direction="1"), []),
        (problem(404, "Order held while securities are located"), NEW),
    ],
    "12: notices, then a fill": [
        (insert(), []),
        (status("Submitted"), NEW),
        (problem(399, "Order Message: Warning: your order will not be placed at the exchange until ..."), []),
        (problem(10349, "Order TIF was set to DAY based on order preset."), []),
        (problem(2109, "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored"), []),
        (status("ValidationError"), []),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "12: a notice is no acknowledgement": [
        (insert(), []),
        (problem(399, "Order Message"), []),
        (problem(201, "rejected"), ["OnRspOrderInsert 91", "OnErrRtnOrderInsert 91"]),
    ],
    "13: 110 on a new order": [
        (insert(), []),
        (problem(110, "The price does not conform to the minimum price variation"),
         ["OnRspOrderInsert 95", "OnErrRtnOrderInsert 95"]),
    ],
    "13: 110 on a modification": [
        (insert(), []),
        (status("Submitted"), NEW),
        (modify(LimitPrice=10.5), ["order 32 0/100"]),
        (problem(110, "tick"), ["OnRspOrderAction 95", "OnErrRtnOrderAction 95", "order 36 0/100"]),
        (opened_first("Submitted"), []),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "13: 105 on a modification": [
        (insert(), []),
        (status("Submitted"), NEW),
        (modify(VolumeChange=50), ["order 32 0/100"]),
        (problem(105, "Order being modified does not match original order"),
         ["OnRspOrderAction 23", "OnErrRtnOrderAction 23", "order 36 0/100"]),
    ],
    "104: it was filled before it could be modified": [
        (insert(), []),
        (status("Submitted"), NEW),
        (all_open("Submitted"), []),
        (modify(VolumeChange=50), ["order 32 0/100"]),
        (problem(104, "Cannot modify a filled order"),
         ["OnRspOrderAction 26", "OnErrRtnOrderAction 26", "order 36 0/100"]),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "a modification, and an openOrder that is late": [
        (insert(), []),
        (status("Submitted"), NEW),
        (modify(LimitPrice=10.5, VolumeChange=20), ["order 32 0/100"]),
        (opened_first("Submitted"), []),
        (opened("Submitted"), ["order 33 0/120"]),
        (opened_first("Submitted"), []),
    ],
    "a modification to what is filled already": [
        (insert(), []),
        (status("Submitted"), NEW),
        (modify(VolumeChange=-50), ["order 32 0/100"]),
        (fill(1, 50), ["order 12 50/100", "trade 0 50@10"]),
        (opened("Filled"), ["order 03 50/50"]),
    ],
    "a modification that no acknowledgement releases is given up": [
        (insert(), []),
        (modify(LimitPrice=10.5), []),
        (wait(2.9), ["order a0 0/100"]),
        (wait(0.2), ["OnRspOrderAction 26", "OnErrRtnOrderAction 26"]),
        (status("Submitted"), ["order 33 0/100"]),
    ],
    "103: placed once more under a fresh id": [
        (insert(), []),
        (problem(103, "Duplicate order id"), []),
        (status("Submitted", order_id=2), NEW),
    ],
    "103 twice": [
        (insert(), []),
        (problem(103, "Duplicate order id"), []),
        (problem(103, "Duplicate order id", order_id=2), ["OnRspOrderInsert 22", "OnErrRtnOrderInsert 22"]),
    ],
    "a condition that waits": [
        (insert(**STOP), []),
        (opened("PreSubmitted"), ["order a0 0/100", "order b3 0/100"]),
        (status("PreSubmitted", why_held="trigger"), []),
        (status("Submitted"), ["order 33 0/100"]),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "held until the open, after a part was filled": [
        (insert(), []),
        (status("PreSubmitted"), NEW),
        (fill(1, 10), ["order 13 10/100", "trade 0 10@10"]),
        (status("PreSubmitted", 10), []),
    ],
    "pending, and pending again": [
        (insert(), []),
        (status("ApiPending"), ["order a0 0/100"]),
        (status("PendingSubmit"), []),
        (wait(30), []),
        (status("Submitted"), ["order 33 0/100"]),
    ],
    "a day order expires: 202 without a request": [
        (insert(), []),
        (status("Submitted"), NEW),
        (status("Cancelled"), []),
        (problem(202, "Order Canceled - reason:The market is closed"), ["order 53 0/100"]),
    ],
    "cancelled by someone, and nobody says why": [
        (insert(), []),
        (status("Submitted"), NEW),
        (status("ApiCancelled"), []),
        (wait(1.1), ["order 53 0/100"]),
    ],
    "the status is ahead of the executions": [
        (insert(), []),
        (status("Submitted"), NEW),
        (status("Filled", 100), []),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
        (wait(10), []),
    ],
    "executions that are asked for": [
        (insert(), []),
        (status("Submitted"), NEW),
        (executions(fill(1, 100, req_id=5)), []),
        (status("Filled", 100), []),
        (wait(1.9), []),
        (wait(0.2), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "executions that never come": [
        (insert(), []),
        (status("Submitted"), NEW),
        (executions(), []),
        (status("Submitted", 40), []),
        (wait(2.1), []),
        (wait(2.1), ["order 13 40/100"]),
    ],
    "another error of a live order: it is asked for first": [
        (insert(), []),
        (status("Submitted"), NEW),
        (all_open("Submitted"), []),
        (problem(321, "Error validating request"), []),
        (fill(1, 100), ["order 03 100/100", "trade 0 100@10"]),
    ],
    "another error of an order that is listed no more": [
        (insert(), []),
        (status("Submitted"), NEW),
        (none_open, []),
        (problem(321, "Error validating request"), ["order 54 0/100"]),
    ],
    "22: a read-only TWS": [
        (insert(), []),
        (problem(321, "Error validating request. The API interface is currently in Read-Only mode."),
         ["OnRspOrderInsert 9", "OnErrRtnOrderInsert 9"]),
    ],
    "refused, and yet it was filled": [
        (insert(), []),
        (problem(110, "tick"), ["OnRspOrderInsert 95", "OnErrRtnOrderInsert 95"]),
        (fill(1, 100), ["order a0 0/100", "order 03 100/100", "trade 0 100@10"]),
    ],
    "a commission report tells nothing of the order": [
        (insert(), []),
        (records.Commission("00018037.6554aa01.01.01", 1.0, "USD"), []),
    ],
    "an order of what-if is none": [
        (insert(), []),
        (lambda desk: desk.tell(listing("PreSubmitted", records.OrderSpec(order_id=1, what_if=True))), []),
    ],
    "a record that is about nobody": [
        (status("Submitted", order_id=50), []),
        (problem(201, "rejected", order_id=50), []),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LIVES)
def test_a_life(desk: OrderDesk, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ctp2.ib")
    for number, (step, wanted) in enumerate(LIVES[name]):
        if callable(step):
            step(desk)
        else:
            desk.tell(step)
        assert desk.told() == wanted, f"step {number}"


TEXTS: dict[str, tuple[records.Record, str]] = {
    "rejected": (problem(201, "Order rejected - reason: x"), "IB201:Order rejected - reason: x"),
    "located": (status("Inactive", why_held="locate"), "held: locating shares"),
    "part": (fill(1, 10), "部分成交"),
    "escaped": (problem(201, "\\u8ba2\\u5355\\u88ab\\u62d2\\u7edd"), "IB201:订单被拒绝"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_status_messages(desk: OrderDesk, name: str) -> None:
    record, wanted = TEXTS[name]
    desk.insert()
    desk.tell(status("Submitted"), record)
    rows = [event.field for event in desk.events() if event.callback == "OnRtnOrder"]
    assert rows[-1].StatusMsg == wanted


def test_32_a_long_chinese_rejection(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(status("Submitted"), problem(201, "\\u62d2" * 300))
    text = desk.events()[-1].field.StatusMsg
    assert text == "IB201:" + "拒" * 37
    assert len(text.encode("gb18030")) == 80


def test_system_id_is_told_before_the_first_trade(desk: OrderDesk) -> None:
    """3.3, 5: the first OnRtnOrder with the OrderSysID precedes the one that shows the fill, and the trade."""
    desk.insert()
    desk.tell(status("Submitted", perm_id=0))
    desk.events()
    desk.tell(fill(1, 100))
    events = desk.events()
    assert [event.callback for event in events] == ["OnRtnOrder", "OnRtnOrder", "OnRtnTrade"]
    assert [(event.field.OrderSysID, event.field.VolumeTraded) for event in events[:2]] == [
        ("        1001", 0), ("        1001", 100),
    ]  # fmt: skip


def test_trade_ids_differ_and_stay(desk: OrderDesk) -> None:
    desk.insert(VolumeTotalOriginal=200)
    desk.tell(fill(1, 100), fill(2, 100, exec_id="0000e0d5.6554ab.1"))
    ids = [event.field.TradeID for event in desk.events() if event.callback == "OnRtnTrade"]
    # The second form has no 20 characters: "H" and the first 19 of the base-32 SHA-1.
    assert ids[0] == "000180376554aa010101"
    assert len(set(ids)) == 2
    assert ids[1][0] == "H"
    assert len(ids[1]) == 20


def test_resent_orders_have_their_tag(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(problem(103))
    assert [(spec.order_id, spec.order_ref) for spec, _ in desk.link.placed] == [(1, "Q1:1:1:1:01"), (2, "Q1:1:1:1:01")]
    desk.tell(status("Submitted", order_id=2))
    desk.action()
    assert desk.link.calls_of("cancel") == [(2,)]


def test_an_execution_of_less_than_a_volume_is_logged(desk: OrderDesk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ctp2.ib")
    desk.insert()
    desk.tell(fill(1, 0.5), fill(2, 0.7))
    assert desk.told() == ["order a0 0/100", "order 33 0/100", "order 13 1/100", "trade 0 1@10"]
    assert "less than CTP's smallest volume" in caplog.text


def test_legs_of_a_combination(desk: OrderDesk) -> None:
    """Of another program's combination the legs are told, each as an order of its own."""
    bag = records.Contract(con_id=28812380, symbol="AAPL", sec_type="BAG", currency="USD", exchange="SMART")
    desk.tell(
        fill(1, 1, order_id=9, contract=bag),
        fill(2, 1, order_id=9, contract=listed.AAPL_OPTION.contract, cum_qty=1.0),
        fill(3, 1, order_id=9, contract=listed.SPX.contract, side="SLD", cum_qty=1.0),
        fill(3, 1, order_id=9, contract=listed.SPX.contract, side="SLD", cum_qty=1.0),
    )
    trades = [event.field for event in desk.events() if event.callback == "OnRtnTrade"]
    assert [(row.InstrumentID, row.Direction, row.Volume) for row in trades] == [
        ("AAPL-20260116-C-200-100-USD-OPT", "0", 1),
        ("SPX-20251121-P-5000-100-USD-OPT", "1", 1),
    ]
