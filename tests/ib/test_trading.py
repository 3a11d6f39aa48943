"""A program trades at the stand-in through the public Api, as it would at any counter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ib.stand import ACCOUNT, LIMIT_S, Stand, stand

APPLE = "AAPL-USD-STK"


@pytest.fixture
def tws() -> Iterator[Stand]:
    with stand() as made:
        yield made


def states(client: Any, ref: str) -> list[tuple[str, str, int]]:
    """(OrderStatus, OrderSubmitStatus, VolumeTraded) of an order's returns."""
    returns = [call.field for call in client.spi.of("OnRtnOrder") if call.field.OrderRef == ref]
    return [(field.OrderStatus, field.OrderSubmitStatus, field.VolumeTraded) for field in returns]


def test_a_day_of_trading(tws: Stand) -> None:
    client = tws.trader().start()
    resting = client.order(APPLE, "buy", "open", 10, 50.0).working(LIMIT_S)
    resting.cancel().cancelled(LIMIT_S)
    assert states(client, "1") == [("a", "0", 0), ("3", "3", 0), ("3", "1", 0), ("5", "3", 0)]

    client.order(APPLE, "buy", "open", 100).filled(LIMIT_S)
    (trade,) = [call.field for call in client.spi.of("OnRtnTrade")]
    assert (trade.InstrumentID, trade.Direction, trade.OffsetFlag, trade.Volume) == (APPLE, "0", "0", 100)
    assert states(client, "2")[-1] == ("0", "3", 100)
    # The return that shows the fill comes before the trade (spec ib 3.3).
    names = [call.name for call in client.spi.calls if call.name in ("OnRtnOrder", "OnRtnTrade")]
    assert names[-2:] == ["OnRtnOrder", "OnRtnTrade"]

    assert client.position(APPLE) == {"long": 100, "short": 0}
    assert [row.OrderRef for row in client.rows("ReqQryOrder")] == ["1", "2"]
    assert [row.TradeID for row in client.rows("ReqQryTrade")] == [trade.TradeID]
    money = client.account()
    # What the position is worth less than it cost, and the commission, are what the account has lost.
    assert money.Balance == pytest.approx(1_000_000 + money.PositionProfit - money.Commission)


def test_an_order_survives_a_break_of_the_link(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 10, 50.0).working(LIMIT_S)
    session = client.session_id
    tws.cut()
    client.relogin(LIMIT_S)
    (row,) = client.rows("ReqQryOrder")
    assert (row.OrderRef, row.SessionID, row.OrderStatus) == ("1", session, "3")
    order.cancel().cancelled(LIMIT_S)


def test_the_private_flow_begins_where_the_client_wants(tws: Stand) -> None:
    first = tws.trader().start()
    first.order(APPLE, "buy", "open", 1).filled(LIMIT_S)
    told = len([call for call in first.spi.calls if call.name in ("OnRtnOrder", "OnRtnTrade")])
    restart, quick = tws.trader(resume=0).start(), tws.trader(resume=2).start()
    restart.spi.wait_for("OnRtnTrade", LIMIT_S)
    assert len([call for call in restart.spi.calls if call.name in ("OnRtnOrder", "OnRtnTrade")]) == told
    assert quick.spi.of("OnRtnOrder") == []
    # What happens from now on all of them hear.
    first.order(APPLE, "sell", "close", 1).filled(LIMIT_S)
    quick.spi.wait_for("OnRtnTrade", LIMIT_S)
    restart.spi.wait_for("OnRtnTrade", LIMIT_S, count=2)


def test_a_program_that_restarts_resumes_its_flow(tws: Stand, tmp_path: Path) -> None:
    flow = f"{tmp_path}/me"
    first = tws.trader(flow=flow, resume=1).start()
    first.order(APPLE, "buy", "open", 100).filled(LIMIT_S)
    resting = first.order(APPLE, "buy", "open", 10, 50.0).working(LIMIT_S)
    session = first.session_id
    first.close()  # the last user of the backend: nothing of it is left but its files
    second = tws.trader(flow=flow, resume=1).start()
    rows = {row.OrderRef: row for row in second.rows("ReqQryOrder")}
    assert {ref: (row.OrderStatus, row.SessionID) for ref, row in rows.items()} == {
        "1": ("0", session),
        "2": ("3", session),
    }
    assert len(second.rows("ReqQryTrade")) == 1
    assert (second.spi.of("OnRtnTrade"), second.spi.of("OnRtnOrder")) == ([], [])
    # It goes on where it was: the order of the process before can be cancelled, and the next reference is free.
    assert int(second.spi.of("OnRspUserLogin")[0].field.MaxOrderRef) >= 2
    last = rows["2"]
    assert last.OrderSysID == resting.returns[-1].OrderSysID
    second.send(
        "ReqOrderAction", InvestorID=ACCOUNT, ExchangeID=last.ExchangeID, OrderSysID=last.OrderSysID, ActionFlag="0"
    )
    second.spi.wait_for(lambda call: call.name == "OnRtnOrder" and call.field.OrderStatus == "5", LIMIT_S)


def test_an_account_that_is_not_ours_is_refused(tws: Stand) -> None:
    client = tws.trader().start()
    order = client.order(APPLE, "buy", "open", 1, 50.0, InvestorID="DU9999999")
    assert order.refused(LIMIT_S).error == 13


def test_a_program_that_is_started_again_within_the_second_has_a_session_of_its_own(tws: Stand) -> None:
    """Or its first order would have the name of the first one before."""
    sessions = []
    for _ in range(3):
        client = tws.trader().start()
        sessions.append(client.session_id)
        client.order(APPLE, "buy", "open", 1, 50.0).working(LIMIT_S)
        client.close()
    assert sorted(set(sessions)) == sessions
