"""The life of orders at the stand-in TWS, seen by a client on the wire (spec ib 6.7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctp2.testing.tws import StandIn
from ctp2.testing.tws.control import ControlError
from tests.testing.tws.orders import STATUS, cancel, place, plain, short
from tests.testing.tws.wire_client import AAPL, Client

Connect = Callable[..., Client]

ES = ("", "ES", "FUT", "202512", 0.0, "", "", "CME", "", "USD", "", "")


@pytest.fixture
def client(tws: StandIn, connect: Connect) -> Client:
    """A client; AAPL is 199.99 × 300 bid and 200.01 × 100 asked, last 200."""
    tws.control.set_quote("AAPL", bid=199.99, bid_size=300, ask=200.01, ask_size=100, last=200.0)
    connected: Client = connect()
    return connected


def accepted(order_id: int, terms: str, quantity: int) -> list[str]:
    """What a plain order is told before it trades."""
    return [
        f"order {order_id} {terms} PreSubmitted",
        f"status {order_id} PreSubmitted 0 {quantity} 0",
        f"order {order_id} {terms} Submitted",
        f"status {order_id} Submitted 0 {quantity} 0",
    ]


# ------------------------------------------------------------------ fills
def test_limit_order_fills_in_parts(tws: StandIn, client: Client) -> None:
    client.send(61, 1)
    assert short(client.settle()) == ["positions end"]
    told = place(client, 1, quantity=200, limit=200.01, ref="Q1:1:a:7:00")
    terms = "BUY 200 LMT 200.01"
    # 100 of 200 are there. IB's commission: 100 × 0.005 = 0.5, at least 1.
    assert short(told) == [
        *accepted(1, terms, 200),
        "execution -1 1 BOT 100 200.01 100 200.01",
        f"order 1 {terms} Submitted",
        "status 1 Submitted 100 100 200.01",
        "commission 1 USD",
        "position DU1000001 AAPL 100 200.01",
    ]
    assert tws.control.quote("AAPL")["ask_size"] == 0
    assert [one[26] for one in told if one[0] == "11"] == ["Q1:1:a:7:00"]
    tws.control.set_quote("AAPL", ask=200.0, ask_size=250)
    # The order was there first: it trades at its own price, and 150 are left asked.
    assert short(client.settle()) == [
        "execution -1 1 BOT 100 200.01 200 200.01",
        f"order 1 {terms} Filled",
        "status 1 Filled 200 0 200.01",
        "commission 1 USD",
        "position DU1000001 AAPL 200 200.01",
    ]
    assert tws.control.quote("AAPL")["ask_size"] == 150
    assert tws.control.quote("AAPL")["last"] == 200.01


def test_market_order_waits_for_more(tws: StandIn, client: Client) -> None:
    told = short(place(client, 1, quantity=150, type="MKT", limit=""))
    assert told[4:] == [
        "execution -1 1 BOT 100 200.01 100 200.01",
        "order 1 BUY 150 MKT 0.0 Submitted",
        "status 1 Submitted 100 50 200.01",
        "commission 1 USD",
    ]
    tws.control.set_quote("AAPL", ask=200.07, ask_size=500)
    # (100 × 200.01 + 50 × 200.07) / 150 = 200.03
    assert short(client.settle())[:3] == [
        "execution -1 1 BOT 50 200.07 150 200.03",
        "order 1 BUY 150 MKT 0.0 Filled",
        "status 1 Filled 150 0 200.03",
    ]


def test_orders_of_clients_trade_with_one_another(tws: StandIn, client: Client, connect: Connect) -> None:
    other = connect(2)
    place(client, 1, quantity=40, limit=200)
    place(client, 2, quantity=40, limit=200)
    told = short(place(other, 1, action="SELL", quantity=60, limit=200))
    assert told[4] == "execution -1 1 SLD 40 200 40 200"  # the first of both, whole
    assert [one for one in told if one.startswith("execution")] == [
        "execution -1 1 SLD 40 200 40 200",
        "execution -1 1 SLD 20 200 60 200",
    ]
    assert [one for one in short(client.settle()) if one.startswith("status")] == [
        "status 1 Filled 40 0 200",
        "status 2 Submitted 20 20 200",
    ]
    # One waited, one took.
    assert {one[30] for one in client.seen if one[0] == "11"} == {"1"}
    assert {one[30] for one in other.seen if one[0] == "11"} == {"2"}


def test_trade_by_hand_takes_the_best_price_first(tws: StandIn, client: Client) -> None:
    place(client, 1, quantity=100, limit=200)
    place(client, 2, quantity=100, limit=200.01, action="SELL")
    place(client, 3, quantity=100, limit=199.98)
    client.settle()
    assert tws.control.trade("AAPL", "SELL", 130, 199.98) == 130
    told = [one for one in short(client.settle()) if one.startswith("execution")]
    assert told == ["execution -1 1 BOT 100 200 100 200", "execution -1 3 BOT 30 199.98 30 199.98"]


def test_fill_by_hand_repeat_and_correct(tws: StandIn, client: Client) -> None:
    place(client, 1, quantity=10, limit=150)
    tws.control.fill_order(1, 4)
    told = client.settle()
    assert short(told)[0] == "execution -1 1 BOT 4 150 4 150"
    exec_id = told[0][14]
    assert len(exec_id) == 23  # the usual form is 8.8.2.2 (spec ib 5.3)
    tws.control.repeat_execution(1)
    assert client.settle()[0] == told[0]
    tws.control.correct_execution(1, 3)
    corrected = client.settle()[0]
    assert corrected[14] == exec_id[:-2] + "02"
    assert corrected[19] == "3"
    assert tws.control.orders()[0]["filled"] == 3
    tws.control.fill_order(1)
    assert short(client.settle())[2] == "status 1 Filled 10 0 150"


# ------------------------------------------------------------------ time in force
def test_ioc_and_fok_are_evaluated_once(tws: StandIn, client: Client) -> None:
    told = short(place(client, 1, quantity=150, limit=200.01, tif="IOC"))
    assert told[4] == "execution -1 1 BOT 100 200.01 100 200.01"
    assert told[-2:] == ["status 1 Cancelled 100 50 200.01", "error 1 202"]
    tws.control.set_quote("AAPL", ask=200.01, ask_size=100)
    told = short(place(client, 2, quantity=101, limit=200.01, tif="FOK"))
    assert told[4:] == ["status 2 Cancelled 0 101 0", "error 2 202"]
    told = short(place(client, 3, quantity=100, limit=200.01, tif="FOK"))
    assert "status 3 Filled 100 0 200.01" in told
    tws.control.set_quote("AAPL", ask=200.01, ask_size=30)
    told = short(place(client, 4, quantity=100, limit=200.01, tif="IOC", min_quantity=31))
    assert told[4:] == ["status 4 Cancelled 0 100 0", "error 4 202"]


def test_all_or_none_waits_until_all_is_there(tws: StandIn, client: Client) -> None:
    assert short(place(client, 1, quantity=150, limit=200.01, all_or_none=1)) == accepted(1, "BUY 150 LMT 200.01", 150)
    tws.control.set_quote("AAPL", ask=200.01, ask_size=150)
    assert short(client.settle())[0] == "execution -1 1 BOT 150 200.01 150 200.01"


def test_market_to_limit_rests_at_what_it_took(tws: StandIn, client: Client) -> None:
    place(client, 1, quantity=150, type="MTL", limit="")
    tws.control.set_quote("AAPL", ask=200.02, ask_size=500)
    assert [one for one in short(client.settle()) if one.startswith("execution")] == []
    tws.control.set_quote("AAPL", ask=200.01, ask_size=500)
    assert short(client.settle())[0] == "execution -1 1 BOT 50 200.01 150 200.01"


def test_day_orders_end_with_the_session_and_others_wait(tws: StandIn, client: Client) -> None:
    place(client, 1, limit=190)
    place(client, 2, limit=191, tif="GTC")
    tws.control.close_session()
    assert short(client.settle()) == [
        "status 1 Cancelled 0 100 0",
        "error 1 202",
        "order 2 BUY 100 LMT 191 PreSubmitted",
        "status 2 PreSubmitted 0 100 0",
    ]
    assert short(place(client, 3, limit=200.01)) == [
        "order 3 BUY 100 LMT 200.01 PreSubmitted",
        "status 3 PreSubmitted 0 100 0",
    ]
    tws.control.open_session()
    told = short(client.settle())
    assert told[:2] == ["order 2 BUY 100 LMT 191 Submitted", "status 2 Submitted 0 100 0"]
    assert "status 3 Filled 100 0 200.01" in told


def test_good_till_date_ends_by_the_clock(tws: StandIn, client: Client) -> None:
    place(client, 1, limit=190, tif="GTD", good_till="20251124 11:30:00 US/Eastern")
    place(client, 2, limit=190, tif="GTD", good_till="20251124-16:20:00")
    tws.control.advance(19 * 60)
    assert short(client.settle()) == []
    tws.control.advance(60)
    tws.control.wait(lambda: tws.control.orders()[1]["status"] == "Cancelled")
    assert short(client.settle()) == ["status 2 Cancelled 0 100 0", "error 2 202"]
    tws.control.advance(10 * 60)
    tws.control.wait(lambda: tws.control.orders()[0]["status"] == "Cancelled")


# ------------------------------------------------------------------ waiting for a price
@pytest.mark.parametrize(
    ("kind", "action", "aux", "before", "then"),
    [
        ("STP", "BUY", 201, 200.99, 201),
        ("STP", "SELL", 199, 199.01, 199),
        ("MIT", "BUY", 199, 199.01, 199),
        ("MIT", "SELL", 201, 200.99, 201),
    ],
)
def test_triggers(tws: StandIn, client: Client, kind: str, action: str, aux: float, before: float, then: float) -> None:
    told = short(place(client, 1, type=kind, action=action, limit="", aux=aux))
    assert told[1:] == ["status 1 PreSubmitted 0 100 0 trigger"]
    tws.control.set_quote("AAPL", last=before)
    assert short(client.settle()) == []
    tws.control.set_quote("AAPL", last=then)
    told = short(client.settle())
    assert told[1] == "status 1 Submitted 0 100 0"
    price = 200.01 if action == "BUY" else 199.99
    assert f"status 1 Filled 100 0 {price}" in told


def test_triggered_stop_limit_waits_at_its_limit(tws: StandIn, client: Client) -> None:
    place(client, 1, type="STP LMT", aux=201, limit=200)
    tws.control.set_quote("AAPL", last=201.5)
    assert short(client.settle()) == ["order 1 BUY 100 STP LMT 200 Submitted", "status 1 Submitted 0 100 0"]
    tws.control.set_quote("AAPL", ask=200, ask_size=100)
    assert "status 1 Filled 100 0 200" in short(client.settle())


# ------------------------------------------------------------------ ids, changes, cancels
def test_order_ids(tws: StandIn, client: Client, connect: Connect) -> None:
    place(client, 5, limit=190)
    assert short(place(client, 3, limit=190)) == ["error 3 103"]
    cancel(client, 5)
    assert short(place(client, 5, limit=190)) == ["error 5 103"]
    client.send(8, 1, 1)
    assert client.settle() == [("9", "1", "6")]
    other = connect(2)
    assert short(place(other, 1, limit=190))[0].startswith("order 1")  # ids are each client's own
    assert ("9", "1", "1") in other.seen


def test_change(tws: StandIn, client: Client) -> None:
    place(client, 1, quantity=200, limit=200.01)
    assert short(place(client, 1, quantity=180, limit=199.5)) == [
        "order 1 BUY 180 LMT 199.5 Submitted",
        "status 1 Submitted 100 80 200.01",
    ]
    assert short(place(client, 1, quantity=100, limit=199.5)) == ["error 1 104"]
    assert short(place(client, 1, quantity=180, limit=199.501)) == ["error 1 110"]
    assert short(place(client, 1, quantity=180, limit=199.5, action="SELL")) == ["error 1 105"]
    assert tws.control.trade("AAPL", "SELL", 500, 199.5) == 80  # the terms of before hold


def test_cancel(tws: StandIn, client: Client, connect: Connect) -> None:
    place(client, 1, limit=190)
    assert short(cancel(client, 1)) == ["status 1 Cancelled 0 100 0", "error 1 202"]
    assert short(cancel(client, 1)) == ["error 1 10148"]
    assert short(cancel(client, 7)) == ["error 7 10147"]
    other = connect(2)
    place(other, 9, limit=190)
    assert short(cancel(client, 9)) == ["error 9 10147"]
    tws.control.change_life(answers_161=True)
    assert short(cancel(client, 1)) == ["error 1 161"]


def test_fill_crosses_a_cancel(tws: StandIn, client: Client) -> None:
    place(client, 1, limit=190)
    tws.control.change_life(cancel_delay_s=2)
    assert short(cancel(client, 1)) == ["status 1 PendingCancel 0 100 0"]
    tws.control.fill_order(1)
    assert "status 1 Filled 100 0 190" in short(client.settle())
    tws.control.advance(2)
    assert client.error(1)[0] == 10148


def test_global_cancel_reaches_all(tws: StandIn, client: Client, connect: Connect) -> None:
    other = connect(2)
    place(client, 1, limit=190)
    place(other, 1, limit=190)
    tws.control.manual_order("AAPL", "BUY", 10, 180)
    client.send(58, 1)
    client.settle()
    assert {one["status"] for one in tws.control.orders()} == {"Cancelled"}


# ------------------------------------------------------------------ how it is told
def test_fill_before_any_status(tws: StandIn, client: Client) -> None:
    tws.control.change_life(fills_first=True)
    assert short(place(client, 1, limit=200.01)) == [
        "execution -1 1 BOT 100 200.01 100 200.01",
        "commission 1 USD",
        "order 1 BUY 100 LMT 200.01 Filled",
        "status 1 Filled 100 0 200.01",
    ]


def test_statuses_twice_and_market_orders_without(tws: StandIn, client: Client) -> None:
    tws.control.change_life(repeats_status=True, skips_market_status=True)
    told = short(place(client, 1, limit=190))
    assert told[1] == told[2] == "status 1 PreSubmitted 0 100 0"
    told = short(place(client, 2, type="MKT", limit=""))
    assert "execution -1 2 BOT 100 200.01 100 200.01" in told
    assert not [one for one in told if one.startswith("status")]


def test_commissions_late_or_never(tws: StandIn, client: Client) -> None:
    tws.control.change_life(commission_delay_s=5)
    place(client, 1, limit=200.01)
    assert "59" not in {one[0] for one in client.seen}
    tws.control.advance(5)
    assert client.until(lambda one: one[0] == "59")[3:5] == ("1", "USD")
    tws.control.change_life(skips_commission=True)
    assert not [one for one in short(place(client, 2, type="MKT", limit="")) if one.startswith("commission")]


@pytest.mark.parametrize(
    ("form", "told"),
    [("zone", "20251124 11:00:00 US/Eastern"), ("utc", "20251124-16:00:00"), ("login", "20251124  11:00:00")],
)
def test_time_of_executions(tws: StandIn, client: Client, form: str, told: str) -> None:
    tws.control.change(time_format=form)
    place(client, 1, limit=200.01)
    assert {one[15] for one in client.seen if one[0] == "11"} == {told}


# ------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"limit": 200.005}, 110),
        ({"limit": ""}, 321),
        ({"type": "TRAIL"}, 387),
        ({"type": "PEG BEST"}, 321),
        ({"tif": "OPG"}, 113),
        ({"tif": "GTD", "good_till": "tomorrow"}, 337),
        ({"account": "DU9"}, 321),
        ({"quantity": 0}, 434),
        ({"quantity": 1.5}, 10243),
        ({"etrade_only": 1}, 10268),
        ({"oca": "a"}, 321),
        ({"parent": 4}, 321),
        ({"transmit": 0}, 321),
        ({"good_after": "20251125 10:00:00"}, 321),
        ({"action": "SSHORT"}, 321),
        ({"contract": ("", "NOPE", *AAPL[2:])}, 200),
        ({"contract": (265598, *[""] * 3, 0, *[""] * 7)}, 321),
    ],
)
def test_refusals(tws: StandIn, client: Client, changes: dict[str, object], code: int) -> None:
    contract = changes.pop("contract", AAPL)
    assert isinstance(contract, tuple)
    assert short(place(client, 1, contract, **changes)) == [f"error 1 {code}"]
    assert tws.control.orders() == []
    assert short(place(client, 1, limit=190))[-1] == "status 1 Submitted 0 100 0"  # the id is still free


def test_refusals_by_rule_are_inactive(tws: StandIn, client: Client) -> None:
    tws.control.refuse(symbol="AAPL", quantity=100, text="Order rejected - reason:no")
    told = place(client, 1, limit=190)
    assert short(told) == ["error 1 201", "order 1 BUY 100 LMT 190 Inactive", "status 1 Inactive 0 100 0"]
    assert told[0][4] == "Order rejected - reason:no"
    assert short(place(client, 2, quantity=99, limit=190))[-1] == "status 2 Submitted 0 99 0"
    tws.control.refuse_none()
    tws.control.change(quantity_limit=500)
    assert short(place(client, 3, quantity=501, limit=190))[0] == "error 3 201"
    tws.control.refuse(code=203, text="The security is not available or allowed for this account.")
    assert short(place(client, 4, limit=190)) == ["error 4 203"]


def test_margin(tws: StandIn, client: Client) -> None:
    # Half of 10,001 × 200 is more than 1,000,000.
    told = place(client, 1, quantity=10001, limit=200)
    assert short(told)[0] == "error 1 201"
    assert "[1000000.00 USD] MUST EXCEED THE INITIAL MARGIN [1000100.00 USD]" in told[0][4]
    assert short(place(client, 2, quantity=10000, limit=200))[-1] == "status 2 Submitted 0 10000 0"


def test_read_only(tws: StandIn, client: Client) -> None:
    place(client, 1, limit=190)
    tws.control.change(is_read_only=True)
    assert short(place(client, 2, limit=190)) == ["error 2 321"]
    assert short(cancel(client, 1)) == ["error 1 321"]
    client.send(5, 1)
    client.send(99, 0)
    assert short(client.settle()) == ["error -1 321", "error -1 321"]
    assert all("Read-Only" in one[4] for one in client.seen if one[0] == "4" and one[3] == "321")


def test_several_accounts(tws: StandIn, connect: Connect) -> None:
    tws.control.set_accounts({"DU1": 1e6, "DU2": 5000})
    client = connect()
    assert ("15", "1", "DU1,DU2,") in client.seen
    assert short(place(client, 1, limit=190)) == ["error 1 435"]
    assert short(place(client, 1, limit=190, account="DU2"))[0] == "error 1 201"  # 9500 are needed
    assert short(place(client, 2, limit=190, account="DU1"))[-1] == "status 2 Submitted 0 100 0"


def test_what_if(tws: StandIn, client: Client) -> None:
    told = place(client, 1, limit=200, what_if=1)
    assert short(told) == ["order 1 BUY 100 LMT 200 PreSubmitted"]
    order = told[0]
    assert order[STATUS - 1] == "1"
    # Margins are 50 % and 25 % of 20,000; the stock is marked at 200, so the equity stays.
    assert order[STATUS + 1 : STATUS + 4] == ("0.00", "0.00", "1000000.00")
    assert order[STATUS + 4 : STATUS + 7] == ("10000.00", "5000.00", "0.00")
    assert order[STATUS + 7 : STATUS + 10] == ("10000.00", "5000.00", "1000000.00")
    assert (order[STATUS + 10], order[STATUS + 13]) == ("1", "USD")
    assert tws.control.orders() == []


# ------------------------------------------------------------------ lists
def test_lists_of_orders(tws: StandIn, client: Client, connect: Connect) -> None:
    other, master = connect(2), connect(0)
    place(client, 1, limit=190)
    place(client, 2, limit=200.01)
    place(other, 1, limit=191)
    perm_id = tws.control.manual_order("AAPL", "SELL", 10, 250)
    client.send(5, 1)
    assert short(client.settle()) == ["order 1 BUY 100 LMT 190 Submitted", "status 1 Submitted 0 100 0", "orders end"]
    client.send(16, 1)
    assert [one for one in short(client.settle()) if one.startswith("order ")] == [
        "order 1 BUY 100 LMT 190 Submitted",
        "order 1 BUY 100 LMT 191 Submitted",
        "order 0 SELL 10 LMT 250 Submitted",
    ]
    master.settle()
    master.send(5, 1)
    assert short(master.settle())[0] == "order 0 SELL 10 LMT 250 Submitted"
    master.send(15, 1, 1)
    assert ("100", str(perm_id), "0", "-1") in master.settle()
    assert short(cancel(master, -1)) == ["status -1 Cancelled 0 10 0", "error -1 202"]
    client.send(99, 0)
    completed = [one for one in client.settle() if one[0] == "101"]
    assert [(one[2], one[12], one[14]) for one in completed] == [("AAPL", "BUY", "LMT"), ("AAPL", "SELL", "LMT")]
    client.send(99, 1)
    assert len([one for one in client.settle() if one[0] == "101"]) == 1


def test_executions_by_filter(tws: StandIn, client: Client, connect: Connect) -> None:
    other = connect(2)
    place(client, 1, limit=200.01)
    tws.control.advance(3600)
    place(other, 1, action="SELL", limit=199.99)

    def ask(*wanted: object) -> list[str]:
        client.send(7, 3, 9, *wanted)
        return short(client.settle())

    bought, sold = "execution 9 1 BOT 100 200.01 100 200.01", "execution 9 1 SLD 100 199.99 100 199.99"
    # The buy is of one dollar's commission; the sale of 100 × (199.99 − 200.01) = −2 realised.
    assert ask(0, "", "", "", "", "", "") == [bought, "commission 1 USD", sold, "commission 1 USD -2", "executions end"]
    assert ask(1, "", "", "", "", "", "") == [bought, "commission 1 USD", "executions end"]
    assert ask(0, "", "20251124 11:30:00", "", "", "", "")[0] == sold
    assert ask(0, "", "20251124-16:30:00", "", "", "", "")[0] == sold
    assert ask(0, "DU9", "", "", "", "", "") == ["executions end"]
    assert ask(0, "", "", "AAPL", "STK", "SMART", "SELL")[0] == sold
    assert ask(0, "", "", "MSFT", "", "", "") == ["executions end"]
    assert ask(0, "", "noon", "", "", "", "") == ["error 9 321"]
    tws.control.advance(24 * 3600)
    assert ask(0, "", "", "", "", "", "") == ["executions end"]  # yesterday's are not told


def test_restart_with_and_without_memory(tws: StandIn, connect: Connect) -> None:
    client = connect()
    place(client, 41, limit=190)
    tws.control.restart()
    client = connect()
    assert ("9", "1", "42") in client.seen
    client.send(5, 1)
    assert short(client.settle())[0] == "order 41 BUY 100 LMT 190 Submitted"
    tws.control.restart(1, remembers=False)
    client = connect()
    assert ("9", "1", "1") in client.seen
    client.send(16, 1)
    assert short(client.settle()) == ["orders end"]


def test_master_client_hears_of_all(tws: StandIn, client: Client, connect: Connect) -> None:
    tws.control.change(master_client_id=9)
    master = connect(9)
    place(client, 1, limit=200.01)
    assert "execution -1 1 BOT 100 200.01 100 200.01" in short(master.settle())


# ------------------------------------------------------------------ other contracts
def test_future_below_zero(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.set_quote("CLF6", bid=-37.5, bid_size=3, ask=-37.4, ask_size=3, last=-37.4)
    cl = ("", "CL", "FUT", "202601", 0.0, "", "", "NYMEX", "", "USD", "", "")
    told = short(place(client, 1, cl, quantity=2, limit=-37.4))
    assert "status 1 Filled 2 0 -37.4" in told
    assert "commission 4.5 USD" in told  # 2.25 a contract


def test_lots_of_hong_kong(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tencent = ("", "700", "STK", "", 0.0, "", "", "SEHK", "", "HKD", "", "")
    assert short(place(client, 1, tencent, quantity=50, limit=600)) == ["error 1 388"]
    assert short(place(client, 1, tencent, quantity=150, limit=600)) == ["error 1 355"]
    assert short(place(client, 1, tencent, quantity=200, limit=500.1)) == ["error 1 110"]
    assert short(place(client, 1, tencent, quantity=200, limit=500))[-1] == "status 1 Submitted 0 200 0"


def test_halted_contract_does_not_trade(tws: StandIn, client: Client) -> None:
    tws.control.set_halted("AAPL", 1)
    assert short(place(client, 1, limit=200.01)) == accepted(1, "BUY 100 LMT 200.01", 100)
    tws.control.set_halted("AAPL", 0)
    assert "status 1 Filled 100 0 200.01" in short(client.settle())


def test_fields_of_the_long_messages(tws: StandIn, connect: Connect) -> None:
    # The counts of spec ib 6.6, and what follows delta neutral order type None, which TWS always writes.
    for number, (version, order, completed) in enumerate([(157, 120 + 8, 92 + 4), (176, 128 + 8, 97 + 4)], 1):
        tws.control.change(version=version)
        client = connect(number)
        message = [*plain(1, limit=190)]
        if version >= 177:
            del message[42]
        # 176 appends duration, postToAts, autoCancelParent, advancedErrorOverride, manualOrderTime: 115 fields.
        message += ["", "", 0, "", ""] if version == 176 else []
        assert len(message) == {157: 110, 176: 115}[version]
        client.send(*message)
        orders = [one for one in client.settle() if one[0] == "5"]
        assert {len(one) for one in orders} == {order}
        client.send(4, 1, 1, *([""] if version >= 169 else []))
        client.send(99, 0)
        assert {len(one) for one in client.settle() if one[0] == "101"} == {completed}


# ------------------------------------------------------------------ the control's own words
def test_control_says_what_cannot_be(tws: StandIn, client: Client) -> None:
    place(client, 1, limit=190)
    cancel(client, 1)
    for call, text in (
        (lambda: tws.control.fill_order(4), "no order 4; there are 1 of client 1"),
        (lambda: tws.control.fill_order(1), "order 1 has ended: Cancelled"),
        (lambda: tws.control.repeat_execution(1), "order 1 has 0 fills"),
        (lambda: tws.control.trade("AAPL", "HOLD", 1, 1), "no action HOLD"),
        (lambda: tws.control.set_cash("DU9", "USD", 1), "no account DU9; there are DU1000001"),
        (lambda: tws.control.change_life(slow=1), "no slow; there are fills_first"),
        (lambda: tws.control.manual_order("AAPL", "BUY", 10, 1.001), "110 "),
    ):
        with pytest.raises(ControlError, match=text):
            call()
    place(client, 2, limit=190)
    with pytest.raises(ControlError, match=r"101 of order 2, of which 100\.0* are left"):
        tws.control.fill_order(2, 101)
    tws.control.tell_status(2, "Inactive")
    assert short(client.settle()) == ["status 2 Inactive 0 100 0"]
    tws.control.reject_order(2, 201, "Order rejected - reason:\u8d44\u91d1\u4e0d\u8db3")
    told = client.settle()
    assert short(told) == ["error 2 201", "order 2 BUY 100 LMT 190 Inactive", "status 2 Inactive 0 100 0"]
    assert told[0][4] == r"Order rejected - reason:\u8D44\u91D1\u4E0D\u8DB3"
