"""Scenarios 3 to 13 and 32 of spec ib 7: the life of an order."""

from __future__ import annotations

import pytest

from tests.ib.scenarios.told import APPLE, errors, life
from tests.ib.stand import LIMIT_S, Stand

FAILED_ACTION = ("OnRspOrderAction", "OnErrRtnOrderAction")


def test_03_limit_order_filled_in_two_parts(tws: Stand) -> None:
    client = tws.trader().start()
    tws.tws.control.set_quote("AAPL", ask=200.0, ask_size=100)
    order = client.order(APPLE, "buy", "open", 200, 200.0).traded(100, LIMIT_S)
    tws.tws.control.set_quote("AAPL", ask=200.0, ask_size=100)
    order.filled(LIMIT_S)
    assert life(order) == ["a0 0", "33 0", "13 100", "T 100", "03 200", "T 100"]
    assert len({trade.TradeID for trade in order.trades}) == 2
    tws.tws.control.wait(lambda: len(tws.tws.world.parts["orders"].trading.fills) == 2)
    # IB's commission: 100 × 0.005, at least 1 — for each fill.
    client.spi.wait_for(lambda _: client.account().Commission == 2.0, LIMIT_S)


def test_04_market_order_without_a_status(tws: Stand) -> None:
    tws.tws.control.change_life(skips_market_status=True)
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 100).filled(LIMIT_S)
    assert life(order)[-2:] == ["03 100", "T 100"]


def test_05_same_execution_twice_and_again_in_a_query(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10).filled(LIMIT_S)
    tws.tws.control.repeat_execution(tws.tws.control.orders()[-1]["perm_id"])
    tws.cut()
    client.relogin(LIMIT_S)
    assert len(client.rows("ReqQryTrade")) == 1
    assert len(order.trades) == 1


def test_06_correction(tws: Stand, caplog: pytest.LogCaptureFixture) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    perm_id = tws.tws.control.orders()[-1]["perm_id"]
    tws.tws.control.fill_order(perm_id, 4)
    order.traded(4, LIMIT_S)
    tws.tws.control.correct_execution(perm_id, 3)
    client.spi.wait_for(lambda call: call.name == "OnRtnOrder" and call.field.VolumeTraded == 3, LIMIT_S)
    assert [trade.Volume for trade in order.trades] == [4]
    (row,) = client.rows("ReqQryOrder")
    assert (row.VolumeTraded, row.VolumeTotal) == (3, 7)
    assert "correct" in caplog.text


def test_07_cancel_of_a_resting_order(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    order.cancel().cancelled(LIMIT_S)
    assert life(order) == ["a0 0", "33 0", "31 0", "53 0"]
    assert errors(client, *FAILED_ACTION, "OnRspError") == []


@pytest.mark.parametrize("is_older", [False, True])
def test_08_cancel_of_a_filled_order(tws: Stand, is_older: bool) -> None:
    tws.tws.control.change_life(answers_161=is_older, cancel_delay_s=0.2)
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    # TWS fills it while the cancel is on its way: the client does not know yet that it is too late.
    tws.tws.control.pause()
    tws.tws.control.fill_order(tws.tws.control.orders()[-1]["perm_id"])
    order.cancel()
    tws.tws.control.wait_for_frame("cancelOrder")
    tws.tws.control.resume()
    client.spi.wait_for("OnErrRtnOrderAction", LIMIT_S)
    assert errors(client, *FAILED_ACTION) == [(name, 26) for name in FAILED_ACTION]
    assert order.status == "0"


def test_09_cancel_in_the_same_moment_as_the_insert(tws: Stand) -> None:
    client = tws.trader().start()
    client.order(APPLE, "buy", "open", 10, 149.0).working(LIMIT_S)  # the contract is known from now on
    tws.tws.control.pause()
    order = client.order(APPLE, "buy", "open", 10, 150.0).cancel()
    tws.tws.control.wait_for_frame("placeOrder", 2)
    assert tws.tws.control.frames("cancelOrder") == []  # held back until the order is known
    tws.tws.control.resume()
    order.cancelled(LIMIT_S)
    assert [one for one in tws.tws.control.frames("4", from_client=False) if one[3] == "10147"] == []


def test_10_fill_crosses_a_cancel(tws: Stand) -> None:
    tws.tws.control.change_life(cancel_delay_s=0.2)
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    order.cancel()
    tws.tws.control.wait_for_frame("cancelOrder")
    tws.tws.control.fill_order(tws.tws.control.orders()[-1]["perm_id"])
    order.filled(LIMIT_S)
    client.spi.wait_for("OnErrRtnOrderAction", LIMIT_S)
    assert [trade.Volume for trade in order.trades] == [10]
    assert order.status == "0"
    assert errors(client, *FAILED_ACTION) == [(name, 26) for name in FAILED_ACTION]


def test_11_rejected_for_margin_and_late_inactives(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 20000, 200.0).ended(LIMIT_S)
    tws.tws.control.tell_status(tws.tws.control.orders()[-1]["perm_id"], "Inactive")
    client.account()
    assert order.error == 31
    (answer,) = [call for call in client.spi.of("OnRspOrderInsert") if call.error_id]
    assert answer.info.ErrorMsg.startswith("IB201:")
    assert [one for one in life(order) if one.startswith("5")] in ([], ["54 0"])
    assert len(errors(client, "OnErrRtnOrderInsert")) == 1


@pytest.mark.parametrize("code", [399, 10349, 2109, 404])
def test_12_notes_about_a_live_order(tws: Stand, code: int) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    number = tws.tws.control.orders()[-1]["order_id"]
    tws.tws.control.emit(code, "Order Message: it is so", number)
    tws.tws.control.fill_order(number)
    order.filled(LIMIT_S)
    told = list(dict.fromkeys(life(order)))  # a note may be told by one more return in the same state
    assert told == ["a0 0", "33 0", "03 10", "T 10"]
    assert errors(client, "OnErrRtnOrderInsert", *FAILED_ACTION) == []


def test_13_price_off_its_tick(tws: Stand) -> None:
    client = tws.trader().start()
    tws.tws.control.refuse(110, "The price does not conform to the minimum price variation for this contract.")
    order = client.order(APPLE, "buy", "open", 10, 150.0).refused(LIMIT_S)
    assert order.error == 95
    tws.tws.control.refuse_none()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    for code, text in ((110, "The price does not conform."), (105, "Order being modified does not match.")):
        tws.tws.control.refuse(code, text)
        before = len(client.spi.calls)
        sent = client.sent[order.ref]
        client.send(
            "ReqOrderAction",
            InvestorID=client.user,
            ExchangeID=sent.ExchangeID,
            InstrumentID=APPLE,
            FrontID=client.front_id,
            SessionID=client.session_id,
            OrderRef=order.ref,
            ActionFlag="3",
            LimitPrice=151.0,
        )
        answer = client.spi.wait_for("OnErrRtnOrderAction", LIMIT_S, after=before)
        assert answer.error_id == {110: 95, 105: 23}[code]
        tws.tws.control.refuse_none()
    (row,) = [one for one in client.rows("ReqQryOrder") if one.OrderRef == order.ref]
    assert (row.OrderStatus, row.LimitPrice) == ("3", 150.0)


def test_32_long_chinese_rejection(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    text = "\u8d44\u91d1\u4e0d\u8db3" * 75
    tws.tws.control.reject_order(tws.tws.control.orders()[-1]["perm_id"], 201, text)
    order.cancelled(LIMIT_S)
    message = order.returns[-1].StatusMsg
    # "IB201:" takes 6 of 80 bytes, a Chinese character two.
    assert message == "IB201:" + text[:37]
    assert len(message.encode("gbk")) == 80
