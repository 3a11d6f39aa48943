"""Market data and statuses through the public interface, at a stand-in TWS (spec ib 5.8; scenarios 19, 23, 24, 25)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ctp2.refdata.ticks import DBL_MAX
from ctp2.testing.clients import MdClient
from ctp2.testing.tws import Script
from tests.ib.stand import LIMIT_S, Stand, stand

APPLE = "AAPL-USD-STK"


@pytest.fixture
def tws() -> Iterator[Stand]:
    script = Script()
    script.market.walks = False
    with stand(script) as made:
        yield made


def tick(client: MdClient, holds: Any) -> Any:
    """The first tick of which that is so."""
    return client.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and holds(call.field), LIMIT_S).field


def test_a_stream_begins_changes_and_ends(tws: Stand) -> None:
    control = tws.tws.control
    control.set_quote("AAPL", bid=200.0, bid_size=300, ask=200.02, ask_size=500, last=200.01, last_size=100)
    client = tws.md().start().subscribe("AAPL", APPLE, "ZZZZ")
    answers = client.spi.of("OnRspSubMarketData")
    assert [(call.field.InstrumentID, call.error_id, call.is_last) for call in answers] == [
        ("AAPL", 0, False),
        (APPLE, 0, False),
        ("ZZZZ", 16, True),
    ]
    assert answers[2].info.ErrorMsg.startswith("IB200:")
    first = tick(client, lambda field: field.InstrumentID == "AAPL" and field.AskPrice1 != DBL_MAX)
    assert (first.BidPrice1, first.BidVolume1, first.AskPrice1, first.AskVolume1) == (200.0, 300, 200.02, 500)
    assert (first.ExchangeID, first.ClosePrice, first.BidPrice2) == ("NASD", DBL_MAX, DBL_MAX)
    # One subscription at TWS for both texts.
    assert len(control.streams()) == 1
    control.set_quote("AAPL", bid=200.01, bid_size=700)
    for text in ("AAPL", APPLE):
        moved = tick(client, lambda field, text=text: field.InstrumentID == text and field.BidPrice1 == 200.01)
        assert moved.BidVolume1 == 700
    client.api.UnSubscribeMarketData(["AAPL", APPLE], 2)
    client.wait_for("OnRspUnSubMarketData", LIMIT_S, count=2)
    control.wait(lambda: not tws.tws.world.parts["market"].streams(), LIMIT_S)


def test_missing_and_negative_values(tws: Stand) -> None:
    control = tws.tws.control
    control.set_quote("CL", bid=-37.63, bid_size=2, ask=None, last=-37.5, last_size=1)
    control.set_quote("AAPL", bid=200.0, bid_size=300)
    crude = tws.trader().start().rows("ReqQryInstrument", ProductID="CL")[0].InstrumentID
    client = tws.md().start().subscribe(crude, "AAPL")
    found = tick(client, lambda field: field.InstrumentID == crude and field.BidPrice1 == -37.63)
    assert (found.AskPrice1, found.AskVolume1) == (DBL_MAX, 0)
    tick(client, lambda field: field.InstrumentID == "AAPL" and field.BidPrice1 == 200.0)
    control.tick("AAPL", "price", 1, -1.0, 0)
    gone = tick(client, lambda field: field.InstrumentID == "AAPL" and field.BidPrice1 == DBL_MAX)
    assert gone.BidVolume1 == 0
    control.tick("AAPL", "string", 48, ";0;1764000000500;987654321;200.25;false")
    traded = tick(client, lambda field: field.InstrumentID == "AAPL" and field.Volume == 987_654_321)
    assert traded.AveragePrice == pytest.approx(200.25)


def test_no_permission_then_delayed(tws: Stand) -> None:
    control = tws.tws.control
    control.set_quote("AAPL", bid=200.0, bid_size=300, ask=200.02, ask_size=500, last=200.01, last_size=100)
    control.permit("AAPL", "delayed")
    live = tws.md().start().subscribe("AAPL")
    (answer,) = live.spi.of("OnRspSubMarketData")
    assert (answer.error_id, answer.info.ErrorMsg[:6]) == (9, "IB354:")
    late = tws.md("data=delayed", "md_client_id=3").start().subscribe("AAPL")
    (answer,) = late.spi.of("OnRspSubMarketData")
    assert answer.error_id == 0
    found = tick(late, lambda field: field.BidPrice1 == 200.0)
    assert found.ExchangeInstID == "DELAYED"
    control.permit("MSFT", "none")
    late.subscribe("MSFT")
    assert late.spi.of("OnRspSubMarketData")[-1].error_id == 9


def test_depth(tws: Stand) -> None:
    control = tws.tws.control
    control.set_quote("AAPL", bid=99.0, bid_size=7, ask=100.5, ask_size=8)
    bids = [["ARCA", 100.0, 300], ["NASDAQ", 100.0, 200], ["ARCA", 99.5, 50]]
    control.set_depth("AAPL", bids=bids, asks=[["ARCA", 100.2, 10]])
    client = tws.md("depth=1").start().subscribe("AAPL")
    found = tick(client, lambda field: field.BidPrice2 == 99.5 and field.AskPrice1 == 100.2)
    assert (found.BidPrice1, found.BidVolume1, found.BidVolume2, found.BidPrice3) == (100.0, 500, 50, DBL_MAX)
    before = len(client.ticks())
    assert control.reset_depth("AAPL") == 1
    client.wait_for(
        lambda call: call.name == "OnRtnDepthMarketData" and call.field.BidVolume1 == 500, LIMIT_S, after=before
    )


def test_halts_and_phases(tws: Stand) -> None:
    trader = tws.trader().start()
    client = tws.md().start()
    client.subscribe("AAPL")
    trader.wait_for(lambda call: call.name == "OnRtnInstrumentStatus" and call.field.InstrumentStatus == "2", LIMIT_S)
    tws.tws.control.set_halted("AAPL", 2)
    halted = trader.wait_for(
        lambda call: call.name == "OnRtnInstrumentStatus" and call.field.InstrumentStatus == "1", LIMIT_S
    ).field
    assert (halted.InstrumentID, halted.EnterReason) == (APPLE, "3")
    tws.tws.control.set_halted("AAPL", 0)
    trader.wait_for(
        lambda call: call.name == "OnRtnInstrumentStatus" and call.field.InstrumentStatus == "2", LIMIT_S, count=2
    )
    # Who logs in later is told with the login.
    other = tws.trader().start()
    other.wait_for(lambda call: call.name == "OnRtnInstrumentStatus" and call.field.InstrumentID == APPLE, LIMIT_S)


def test_streams_outlive_the_connection(tws: Stand) -> None:
    control = tws.tws.control
    control.set_quote("AAPL", bid=200.0, bid_size=300)
    client = tws.md().start().subscribe("AAPL")
    tick(client, lambda field: field.BidPrice1 == 200.0)
    before = len(client.spi.calls)
    control.cut()
    client.wait_for("OnFrontDisconnected", LIMIT_S, after=before)
    client.wait_for("OnFrontConnected", LIMIT_S, after=before)
    client.login()
    control.set_quote("AAPL", bid=201.0, bid_size=300)
    assert tick(client, lambda field: field.BidPrice1 == 201.0).InstrumentID == "AAPL"
    # IB lost and back without its data: asked for again under another number.
    numbers = {number for _, number, _ in control.streams()}
    control.lose_connection()
    control.restore_connection(data_kept=False)
    control.wait(lambda: {number for _, number, _ in tws.tws.world.parts["market"].streams()} - numbers, LIMIT_S)
    control.set_quote("AAPL", bid=202.0, bid_size=300)
    tick(client, lambda field: field.BidPrice1 == 202.0)


def test_a_quote_that_is_asked_for(tws: Stand) -> None:
    tws.tws.control.set_quote("MSFT", bid=400.0, bid_size=10, ask=400.5, ask_size=20, last=400.25, last_size=1)
    trader = tws.trader().start()
    (row,) = trader.rows("ReqQryDepthMarketData", InstrumentID="MSFT")
    assert (row.InstrumentID, row.BidPrice1, row.AskPrice1, row.LastPrice) == ("MSFT", 400.0, 400.5, 400.25)
    assert tws.tws.control.streams() == []
    (event,) = trader.ask("ReqQryDepthMarketData", InstrumentID="ZZZZ")
    assert event.error_id == 16
