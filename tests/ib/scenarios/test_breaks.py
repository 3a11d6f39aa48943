"""Scenarios 14 to 22 of spec ib 7: connections that break, and what is known afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.ib import links, order_state
from ctp2.testing.clients import Order, TraderClient
from tests.ib.scenarios.told import APPLE, life, of
from tests.ib.stand import ACCOUNT, LIMIT_S, Stand


def known(client: TraderClient) -> Order:
    """An order that rests: the contract is known from now on."""
    return client.order(APPLE, "buy", "open", 1, 149.0).working(LIMIT_S)


def test_14_cut_after_the_order_was_read(tws: Stand) -> None:
    client = tws.trader().start()
    known(client)
    tws.tws.control.stop_listening()
    tws.tws.control.cut_on_order("unanswered")
    order = client.order(APPLE, "buy", "open", 10, 150.0)
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    with pytest.raises(ConnectionError, match="-1"):
        client.order(APPLE, "buy", "open", 10, 150.0, ExchangeID="SMART")
    tws.tws.control.listen()
    session = client.session_id
    client.relogin(LIMIT_S)
    assert [call.number for call in client.spi.of("OnFrontDisconnected")] == [4097]
    (row,) = [one for one in client.rows("ReqQryOrder") if one.OrderRef == order.ref]
    assert (row.OrderStatus, row.SessionID) == ("3", session)
    assert row.OrderSysID.strip() == str(tws.tws.control.orders()[-1]["perm_id"])
    assert len(tws.tws.control.frames("placeOrder")) == 2


def test_15_cut_before_the_order_was_read(tws: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_state, "REPLY_S", 1.0)  # ten seconds after the order was sent
    client = tws.trader().start()
    known(client)
    tws.tws.control.cut_on_order("unread")
    order = client.order(APPLE, "buy", "open", 10, 150.0)
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    client.relogin(LIMIT_S)
    client.spi.wait_for(
        lambda call: call.name == "OnRtnOrder" and (call.field.OrderRef, call.field.OrderStatus) == (order.ref, "5"),
        LIMIT_S,
    )
    last = [one for one in of(client, "OnRtnOrder") if one.OrderRef == order.ref][-1]
    assert last.OrderSubmitStatus == "4"
    assert "not found" in last.StatusMsg
    lost = tws.tws.control.frames("placeOrder")[-1][1]
    known(client)
    assert int(tws.tws.control.frames("placeOrder")[-1][1]) > int(lost)  # the id is not used again


def test_16_fill_during_the_outage(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    tws.tws.control.down()
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    tws.tws.control.fill_order(tws.tws.control.orders()[-1]["perm_id"])
    tws.tws.control.up()
    before = len(client.spi.calls)
    client.relogin(LIMIT_S)
    client.spi.wait_for("OnRtnTrade", LIMIT_S, after=before)
    client.account()
    assert life_of(client, order) == ["a0 0", "33 0", "03 10", "T 10"]


def life_of(client: TraderClient, order: Order) -> list[str]:
    """The life of an order of the session before."""
    mine = [one.SessionID for one in of(client, "OnRtnOrder") if one.OrderRef == order.ref]
    client.session_id, now = mine[0], client.session_id
    try:
        return life(order)
    finally:
        client.session_id = now


def test_17_restart_with_ids_from_one_and_no_memory(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 150.0).working(LIMIT_S)
    old = int(tws.tws.control.frames("placeOrder")[-1][1])
    tws.tws.control.restart(1, remembers=False)
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    client.relogin(LIMIT_S)
    again = client.order(APPLE, "buy", "open", 20, 150.0).working(LIMIT_S)
    assert int(tws.tws.control.frames("placeOrder")[-1][1]) > old
    rows = {row.OrderRef: row for row in client.rows("ReqQryOrder")}
    assert rows[order.ref].VolumeTotalOriginal == 10
    assert rows[again.ref].VolumeTotalOriginal == 20
    assert rows[order.ref].OrderSysID != rows[again.ref].OrderSysID


def test_18_restart_of_the_adapter_with_an_open_order(tws: Stand, tmp_path: Path) -> None:
    flow = str(tmp_path / "me")
    first = tws.trader(flow=flow).start()
    order = first.order(APPLE, "buy", "open", 10, 150.0, TimeCondition="5").working(LIMIT_S)
    kept = order.returns[-1]
    first.close()
    second = tws.trader(flow=flow).start()
    (row,) = second.rows("ReqQryOrder")
    assert (row.FrontID, row.SessionID, row.OrderRef) == (kept.FrontID, kept.SessionID, order.ref)
    assert (row.CombOffsetFlag, row.OrderStatus, row.TimeCondition) == ("0", "3", "5")
    second.send(
        "ReqOrderAction",
        InvestorID=ACCOUNT,
        ExchangeID=row.ExchangeID,
        InstrumentID=APPLE,
        FrontID=row.FrontID,
        SessionID=row.SessionID,
        OrderRef=row.OrderRef,
        ActionFlag="0",
    )
    second.spi.wait_for(lambda call: call.name == "OnRtnOrder" and call.field.OrderStatus == "5", LIMIT_S)


def test_19_short_loss_of_ib(tws: Stand) -> None:
    client = tws.trader().start()
    asked = len(tws.tws.control.frames("reqPositions"))
    tws.tws.control.lose_connection()
    tws.tws.control.restore_connection(data_kept=True)
    tws.tws.control.wait(lambda: len(tws.tws.control.frames("reqPositions")) > asked)  # reconciled
    assert client.spi.of("OnFrontDisconnected") == []


def test_19_long_loss_of_ib(tws: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "TIMES", links.Times(retry=(0.1,), cut_off=0.1))
    client, market = tws.trader().start(), tws.md().start()
    market.subscribe(APPLE)
    market.wait_for("OnRtnDepthMarketData", LIMIT_S)
    tws.tws.control.lose_connection()
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    market.wait_for("OnFrontDisconnected", LIMIT_S)
    asked = len(tws.tws.control.frames("reqMktData"))
    tws.tws.control.restore_connection(data_kept=False)
    client.relogin(LIMIT_S)
    market.wait_for("OnFrontConnected", LIMIT_S, count=2)
    market.login()
    tws.tws.control.wait_for_frame("reqMktData", asked + 1)
    before = len(market.spi.calls)
    tws.tws.control.set_quote("AAPL", last=201.25)
    tick = market.wait_for(
        lambda call: call.name == "OnRtnDepthMarketData" and call.field.LastPrice == 201.25, LIMIT_S, after=before
    )
    assert tick.field.InstrumentID == APPLE


def test_20_silence_with_an_open_socket(tws: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "TIMES", links.Times(retry=(0.1,), silence=0.3, answer=0.2, cut=0.3))
    client = tws.trader().start()
    tws.tws.control.mute()
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    names = [call.name for call in client.spi.calls if call.name in ("OnHeartBeatWarning", "OnFrontDisconnected")]
    assert names == ["OnHeartBeatWarning", "OnFrontDisconnected"]
    assert [call.number for call in client.spi.of("OnFrontDisconnected")] == [8193]
    client.relogin(LIMIT_S)


def test_21_client_id_in_use(tws: Stand) -> None:
    first = tws.trader("client_id=31").start()
    second = tws.trader("client_id=31", "eager_ack=1")  # a backend of its own
    second.api.Init()
    tws.tws.control.wait(lambda: any(one[3] == "326" for one in tws.tws.control.frames("4", from_client=False)))
    known(first)
    assert (first.spi.of("OnFrontDisconnected"), second.spi.of("OnFrontConnected")) == ([], [])


def test_22_read_only_server(tws: Stand) -> None:
    tws.tws.control.change(is_read_only=True)
    client = tws.trader("readonly=1").start()
    assert client.order(APPLE, "buy", "open", 1, 150.0).refused(LIMIT_S).error == 9
