"""Orders of the unmodified clients in the stand-in TWS: placed, filled, changed, cancelled, refused, found again."""

from __future__ import annotations

from typing import Any, Final

import pytest

from ctp2.testing.tws import StandIn
from tests.testing.tws.raw.cases import AAPL, Case, Start, members
from tests.testing.tws.raw.program import Program, Refused

pytestmark = pytest.mark.foreign

BUY: Final = {"action": "BUY", "totalQuantity": 200, "orderType": "LMT", "lmtPrice": 199.75, "tif": "DAY"}
FAR: Final = {**BUY, "lmtPrice": 190.0}
"""Rests: the best ask is at 199.75."""


@pytest.fixture(autouse=True)
def quoted(tws: StandIn) -> None:
    """199.50 x 300 to 199.75 x 100."""
    tws.control.set_quote("AAPL", bid=199.5, bid_size=300, ask=199.75, ask_size=100)


def placed(program: Program, order: dict[str, Any], status: str = "Submitted") -> int:
    """An order that has that status."""
    number: int = program.ask("place", contract=AAPL, order=order)
    program.wait_for("orderStatus", number, status)
    return number


def commissions(program: Program) -> list[float]:
    return [one[0]["commission"] for one in program.of("commissionReport")]


def test_order_that_fills_in_two(tws: StandIn, start: Start) -> None:
    """Scenario 3: 100 at the quote, 100 when it is there again."""
    program = start()
    number = placed(program, BUY)
    program.wait_for("execDetails", -1)
    tws.control.set_quote("AAPL", ask_size=0)
    tws.control.set_quote("AAPL", ask_size=100)
    status = program.wait_for("orderStatus", number, "Filled")
    assert status[2:5] == [200, 0, 199.75]
    fills = [one[2] for one in program.of("execDetails", -1)]
    assert [members(one, "side", "shares", "price", "cumQty") for one in fills] == [
        ["BOT", 100, 199.75, 100],
        ["BOT", 100, 199.75, 200],
    ]
    assert len({one["execId"] for one in fills}) == 2
    program.wait_for("commissionReport", count=2)
    assert all(one > 0 for one in commissions(program))
    if program.library != "ibapi":
        trade = program.ask("trade", number=number)
        assert trade == {"status": "Filled", "filled": 200, "remaining": 0, "fills": 2}
    assert [one[1:] for one in program.ask("open_orders")] == []


def test_position_account_and_executions(tws: StandIn, start: Start) -> None:
    program = start()
    number = placed(program, {**BUY, "totalQuantity": 100}, "Filled")
    program.wait_for("commissionReport")
    (fee,) = commissions(program)
    ((account, contract, held, cost),) = program.ask("positions")
    assert (account, contract["conId"], held) == ("DU1000001", 265598, 100)
    assert cost == 199.75
    rows = program.ask("executions")
    assert [members(one[1], "orderId", "shares", "price") for one in rows] == [[number, 100, 199.75]]
    summary = {tag: (value, currency) for _, tag, value, currency in program.ask("summary")}
    assert summary["NetLiquidation"][1] == "USD"
    # Bought at 199.75 what is worth its mark now; the mark lies between bid and ask.
    assert 1_000_000 - 100 * 0.25 - fee <= float(summary["NetLiquidation"][0]) <= 1_000_000
    values = {row[0]: row[1] for row in program.ask("updates", account="DU1000001") if row[2] in ("USD", "")}
    assert float(values["TotalCashBalance"]) == pytest.approx(1_000_000 - 19_975 - fee, abs=0.01)
    portfolio = program.wait_for("updatePortfolio")
    assert (portfolio[0]["conId"], portfolio[1]) == (265598, 100)


def test_cancel(tws: StandIn, start: Start) -> None:
    """Scenarios 7 and 8: a resting order, then a filled one."""
    program = start()
    resting = placed(program, FAR)
    program.ask("cancel", number=resting)
    program.error(resting, 202)
    assert program.wait_for("orderStatus", resting, "Cancelled")[2] == 0
    filled = placed(program, {**BUY, "totalQuantity": 100}, "Filled")
    program.ask("cancel", number=filled)
    program.error(filled, 10148)
    program.ask("cancel", number=4711)
    program.error(4711, 10147)
    done = program.ask("completed_orders")
    assert sorted(one[-1]["status"] for one in done) == ["Cancelled", "Filled"]


def test_change(tws: StandIn, start: Start) -> None:
    program = start()
    number = placed(program, FAR)
    program.ask("modify", number=number, changes={"lmtPrice": 195.0, "totalQuantity": 100})
    program.wait_until(
        lambda: any(one[2].get("lmtPrice") == 195.0 for one in program.of("openOrder", number)), "the new price"
    )
    ((_, order, state),) = program.ask("open_orders")
    assert members(order, "orderId", "lmtPrice", "totalQuantity") == [number, 195.0, 100]
    assert state["status"] in ("Submitted", "PreSubmitted")
    program.ask("modify", number=number, changes={"lmtPrice": 199.75})
    program.wait_for("orderStatus", number, "Filled")


def test_market_stop_and_what_if(tws: StandIn, start: Start) -> None:
    program = start()
    placed(program, {"action": "BUY", "totalQuantity": 100, "orderType": "MKT", "tif": "DAY"}, "Filled")
    stop = placed(
        program,
        {"action": "SELL", "totalQuantity": 100, "orderType": "STP", "auxPrice": 199.0, "tif": "GTC"},
        "PreSubmitted",
    )
    tws.control.set_quote("AAPL", bid=198.75, ask=199.0, last=199.0, last_size=100)
    program.wait_for("orderStatus", stop, "Filled")
    state = program.ask("what_if", contract=AAPL, order=FAR)
    assert float(state["initMarginChange"]) > 0
    assert program.ask("positions") == []


def test_refusals(case: Case, tws: StandIn, start: Start) -> None:
    program = start()
    off_tick = program.ask("place", contract=AAPL, order={**FAR, "lmtPrice": 190.001})
    program.error(off_tick, 110)
    dear = program.ask("place", contract=AAPL, order={**FAR, "totalQuantity": 1_000_000})
    assert program.error(dear, 201)
    program.wait_for("orderStatus", dear, "Inactive")  # scenario 11: it comes after the error
    unknown = program.ask("place", contract=AAPL, order={**FAR, "account": "DU9"})
    program.error(unknown, 321)
    assert program.ask("open_orders") == []
    assert program.ask("time") > 0


def test_read_only(tws: StandIn, start: Start) -> None:
    tws.control.change(is_read_only=True)
    program = start(connects=False)
    if program.library == "ibapi":
        program.ask("connect", port=tws.port, client_id=7)
        program.error(program.ask("place", contract=AAPL, order=FAR), 321)
        return
    # The asyncio libraries ask for open orders while they connect; ``readonly`` is how they are told not to.
    program.ask("connect", port=tws.port, client_id=7, readonly=True)
    program.error(program.ask("place", contract=AAPL, order=FAR), 321)


def test_orders_of_others(tws: StandIn, start: Start) -> None:
    one, two = start(7), start(8)
    number = placed(one, {**FAR, "orderRef": "mine"})
    assert two.ask("open_orders") == []
    ((_, order, _),) = two.ask("all_open_orders")
    assert members(order, "clientId", "orderId", "orderRef") == [7, number, "mine"]
    two.ask("cancel", number=number)
    two.error(number, 10147)
    placed(one, {**BUY, "totalQuantity": 100}, "Filled")
    assert [row[1]["clientId"] for row in two.ask("executions")] == [7]
    assert two.of("execDetails", -1) == []


@pytest.mark.parametrize("remembers", [True, False], ids=["memory", "none"])
def test_restart(tws: StandIn, start: Start, remembers: bool) -> None:
    """Scenario 17: the next id is 1 again; with memory the order of before is still open."""
    one = start()
    number = placed(one, {**FAR, "tif": "GTC", "orderRef": "kept"})
    tws.control.restart(1, remembers=remembers)
    one.wait_for("connectionClosed")
    again = start()
    assert again.of("nextValidId")[0] == [1]
    found = [members(row[1], "orderId", "orderRef") for row in again.ask("open_orders")]
    assert found == ([[number, "kept"]] if remembers else [])


def test_cut_at_an_order(tws: StandIn, start: Start) -> None:
    """Scenarios 14 and 15: accepted but never answered, and never read."""
    one = start()
    tws.control.cut_on_order("unanswered")
    number = one.ask("place", contract=AAPL, order={**FAR, "orderRef": "answered by nobody"})
    one.wait_for("connectionClosed")
    assert one.of("orderStatus", number) == []
    two = start()
    assert [row[1]["orderRef"] for row in two.ask("open_orders")] == ["answered by nobody"]
    assert two.of("nextValidId")[0][0] > number
    tws.control.cut_on_order("unread")
    two.ask("place", contract=AAPL, order={**FAR, "orderRef": "never read"})
    two.wait_for("connectionClosed")
    three = start()
    assert [row[1]["orderRef"] for row in three.ask("open_orders")] == ["answered by nobody"]
    tws.control.cut_on_order("acknowledged")
    number = three.ask("place", contract=AAPL, order=FAR)
    three.wait_for("connectionClosed")
    assert three.of("orderStatus", number)
    assert three.ask("connected") is False


def test_execution_told_twice_and_corrected(tws: StandIn, start: Start) -> None:
    """Scenarios 5 and 6."""
    program = start()
    number = placed(program, FAR)
    tws.control.fill_order(number, quantity=50, price=190.0)
    first = program.wait_for("execDetails", -1)[2]["execId"]
    tws.control.repeat_execution(number)
    assert program.wait_for("execDetails", -1, count=2)[2]["execId"] == first
    assert [row[1]["execId"] for row in program.ask("executions")] == [first]
    tws.control.correct_execution(number, quantity=40)
    corrected = program.wait_for("execDetails", -1, count=3)[2]
    assert corrected["execId"] == f"{first[:-2]}02"
    assert corrected["shares"] == 40
    ((_, _, held, _),) = program.ask("positions")
    assert held == 40


def test_late_answers(tws: StandIn, start: Start) -> None:
    """Scenario 8 with the older reply, and an order of TWS itself."""
    program = start()
    tws.control.change_life(answers_161=True)
    number = placed(program, {**BUY, "totalQuantity": 100}, "Filled")
    program.ask("cancel", number=number)
    program.error(number, 161)
    tws.control.tell_status(number, "Inactive")
    program.wait_for("orderStatus", number, "Inactive")
    tws.control.emit(399, "Order Message: held", number=number)
    program.error(number, 399)
    tws.control.manual_order("AAPL", "BUY", 10, price=180.0)
    assert program.ask("open_orders") == []
    assert [row[1].get("orderId", 0) for row in program.ask("all_open_orders")] == [0]


def test_refused_after_it_was_taken(tws: StandIn, start: Start) -> None:
    program = start()
    number = placed(program, FAR)
    tws.control.reject_order(number, text="Order rejected - reason:保证金不足")
    # The official client decodes what is not ASCII, the others leave it as it travels.
    text = "保证金不足" if program.library == "ibapi" else r"\u4FDD\u8BC1\u91D1\u4E0D\u8DB3"
    assert program.error(number, 201) == f"Order rejected - reason:{text}"
    program.wait_for("orderStatus", number, "Inactive")
    assert program.ask("open_orders") == []


def test_too_many_summaries(tws: StandIn, start: Start) -> None:
    """Scenario 27."""
    program = start()
    tws.control.change_limits(summaries=1)
    program.ask("summary", tags="NetLiquidation")
    with pytest.raises(Refused, match=r"322: .*Maximum number of account summary requests exceeded"):
        program.ask("summary", tags="BuyingPower")
    assert program.ask("time") > 0


def test_times_of_executions(tws: StandIn, start: Start) -> None:
    """Scenario 28: 16:00 UTC, as TWS in New York writes it."""
    program = start()
    for at, (form, text) in enumerate(
        [
            ("zone", "20251124 11:00:00 US/Eastern"),
            ("utc", "20251124-16:00:00"),
            ("login", "20251124  11:00:00"),
        ],
        1,
    ):
        tws.control.change(time_format=form)
        number = placed(program, FAR)
        tws.control.fill_order(number)
        told = program.wait_for("execDetails", -1, count=at)[2]["time"]
        if program.library == "ibapi":
            assert told == text
    assert len(program.ask("executions")) == 3
