"""Scenarios 23, 24, 25 and 27 of spec ib 7: permissions, values that are missing, depth, limits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ctp2.refdata.ticks import DBL_MAX
from ctp2.testing.clients import MdClient
from tests.ib.scenarios.told import APPLE
from tests.ib.stand import LIMIT_S, Stand


def tick_of(market: MdClient, **members: object) -> Any:
    """Wait for a tick with these members."""
    return market.wait_for(
        lambda call: (
            call.name == "OnRtnDepthMarketData"
            and all(getattr(call.field, name) == value for name, value in members.items())
        ),
        LIMIT_S,
    ).field


def test_23_not_subscribed(tws: Stand) -> None:
    tws.tws.control.permit("AAPL", "delayed")
    market = tws.md().start()
    market.api.SubscribeMarketData([APPLE], 1)
    answer = market.wait_for("OnRspSubMarketData", LIMIT_S)
    assert answer.error_id == 9
    assert answer.info.ErrorMsg.startswith("IB354:")
    assert market.ticks() == []


def test_23_delayed(tws: Stand) -> None:
    tws.tws.control.permit("AAPL", "delayed")
    market = tws.md("data=delayed").start().subscribe(APPLE)
    assert market.spi.of("OnRspSubMarketData")[0].error_id == 0
    tick = tick_of(market, BidPrice1=199.99)
    assert (tick.AskPrice1, tick.AskVolume1, tick.LastPrice) == (200.01, 1000, 200.0)
    kinds = {int(one[2]) for one in tws.tws.control.frames("1", from_client=False) if len(one) == 7}
    assert [one[3] for one in tws.tws.control.frames("4", from_client=False)].count("10167") == 1
    assert kinds  # prices came
    assert {int(one[3]) for one in tws.tws.control.frames("1", from_client=False)} <= set(range(66, 77))
    assert market.spi.of("OnRspError") == []


def test_24_values_that_are_missing_and_that_only_look_so(tws: Stand) -> None:
    control = tws.tws.control
    control.set_quote("AAPL", bid=-1, bid_size=0, ask=math.nan, ask_size=0, last=200.0)
    market = tws.md().start().subscribe(APPLE)
    tick = tick_of(market, LastPrice=200.0)
    assert (tick.BidPrice1, tick.BidVolume1, tick.AskPrice1, tick.AskVolume1) == (DBL_MAX, 0, DBL_MAX, 0)
    # A price of −1 with a size is one, and so are negative ones.
    control.set_quote("AAPL", bid=-1.5, bid_size=7, last=-37.63)
    control.set_quote("AAPL", bid=-1, bid_size=5)
    tick = tick_of(market, BidVolume1=5)
    assert (tick.BidPrice1, tick.LastPrice) == (-1.0, -37.63)
    # A trade report without a price: its volume counts, the last price stays.
    control.tick("AAPL", "string", 48, ";0;1764000000000;777000;199.9;false")
    tick = tick_of(market, Volume=777000)
    assert tick.LastPrice == -37.63


def test_25_depth_of_several_venues(tws: Stand) -> None:
    control = tws.tws.control
    control.set_depth(
        "AAPL",
        bids=[["ARCA", 199.99, 100], ["BATS", 199.99, 200], ["NASDAQ", 199.98, 50]],
        asks=[["ARCA", 200.02, 70], ["IEX", 200.01, 30]],
    )
    market = tws.md("depth=1").start().subscribe(APPLE)
    tick = tick_of(market, BidVolume1=300, BidVolume2=50, AskVolume2=70)
    assert (tick.BidPrice1, tick.BidPrice2, tick.BidPrice3) == (199.99, 199.98, DBL_MAX)
    assert (tick.AskPrice1, tick.AskVolume1, tick.AskPrice2) == (200.01, 30, 200.02)
    control.set_depth("AAPL", bids=[["ARCA", 199.5, 10]], asks=[["ARCA", 200.5, 20]])
    control.reset_depth("AAPL")  # 317
    tick = tick_of(market, BidPrice1=199.5, AskPrice1=200.5)
    assert (tick.BidPrice2, tick.BidVolume2) == (DBL_MAX, 0)
    (row,) = control.frames("reqMktDepth")
    market.api.UnSubscribeMarketData([APPLE], 1)
    control.wait_for_frame("cancelMktDepth")
    seen = len(market.ticks())
    control.send([12, 1, row[2], 0, 0, 1, 150.0, 9])  # a late row
    market.api.SubscribeMarketData(["MSFT-USD-STK"], 1)
    market.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.InstrumentID != APPLE, LIMIT_S)
    assert len(market.ticks(APPLE)) == seen


def test_27_one_summary_too_many(tws: Stand) -> None:
    tws.tws.control.change_limits(summaries=0)
    client = tws.trader().start()
    assert "322" in [one[3] for one in tws.tws.control.frames("4", from_client=False)]
    # The connection goes on, and the account is known from its updates instead.
    assert client.account().Balance == 1_000_000
    client.order(APPLE, "buy", "open", 1).filled(LIMIT_S)


@pytest.mark.parametrize(
    ("tick", "value"),
    [(8, "1e999"), (8, "1.7976931348623157E308"), (8, "nan"), (0, "inf"), (86, "-inf")],
)
def test_24_sizes_that_are_no_numbers_cost_no_connection(tws: Stand, tick: int, value: str) -> None:
    market = tws.md().start().subscribe(APPLE)
    market.wait_for("OnRtnDepthMarketData", LIMIT_S)
    number = int(tws.seen(1)[-1][2])
    tws.on_clients(lambda session: session.send((2, 6, number, tick, value)))
    tws.on_clients(lambda session: session.send((46, 6, number, 45, "9" * 20)))
    tws.tws.control.set_quote("AAPL", last=207.0)
    tick_of(market, LastPrice=207.0)
    assert not market.spi.of("OnFrontDisconnected")
