"""Scenarios 1, 28, 29, 33 and 35 of spec ib 7: contracts, times, orders of others, long ids, fractions."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ctp2.testing.tws import Listed, Script, VirtualClock
from ctp2.testing.tws.documented import documented
from tests.ib.scenarios.told import APPLE, of
from tests.ib.stand import ACCOUNT, LIMIT_S, Stand, stand

MONDAY_NS = 1_764_000_000_000_000_000
"""2025-11-24 16:00:00 UTC."""
DAY = dt.date(2025, 11, 24)


def monday(pace: float = 1.0) -> Any:
    """A stand-in on Monday 2025-11-24 at 11:00 in New York, whose quotes stand."""
    script = Script()
    script.market.walks = False
    return stand(script, clock=VirtualClock(MONDAY_NS, pace=pace))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AAPL-USD-STK", {"ExchangeID": "NASD", "InstrumentName": "APPLE INC", "ProductClass": "E", "PriceTick": 0.01}),
        (
            "ES-202512-USD-FUT@CME",
            {
                "ExchangeID": "CME",
                "ProductClass": "1",
                "VolumeMultiple": 50,
                "ExpireDate": "20251219",
                "PriceTick": 0.25,
            },
        ),
        (
            "AAPL-20260116-C-200-100-USD-OPT",
            {"ProductClass": "2", "VolumeMultiple": 100, "StrikePrice": 200.0, "OptionsType": "1"},
        ),
        ("EUR-USD-CASH", {"ExchangeID": "IDEALPRO", "ProductClass": "4", "VolumeMultiple": 1, "PriceTick": 0.00005}),
        ("700-HKD-STK@SEHK", {"ExchangeID": "HKEX", "ProductClass": "E", "PriceTick": 0.2}),
    ],
)
def test_01_contracts_and_their_ids(code: str, told: dict[str, object]) -> None:
    with monday() as tws:
        client = tws.trader().start()
        (row,) = client.rows("ReqQryInstrument", InstrumentID=code)
        assert row.InstrumentID == code
        assert {name: getattr(row, name) for name in told} == told


def test_01_unknown_contract() -> None:
    with monday() as tws:
        client = tws.trader().start()
        (answer,) = client.ask("ReqQryInstrument", InstrumentID="NOPE-USD-STK")
        assert answer.error_id == 16
        assert answer.info.ErrorMsg.startswith("IB200:")


BOND = Listed(
    con_id=900_013,
    symbol="IBCID900013",
    sec_type="BOND",
    exchange="SMART",
    currency="USD",
    price=99.0,
    min_tick=0.001,
    trading_class="US-T",
    valid_exchanges="SMART",
    sec_ids=(("ISIN", "US912828C572"),),
    bond={"cusip": "912828C57", "maturity": "20270331", "coupon": 2.25},
)


@pytest.mark.parametrize("version", [157, 176])
def test_01_a_bond_with_a_fraction_of_a_coupon(version: int) -> None:
    """The libraries read a coupon as an integer."""
    with stand(Script(version=version), listed=[BOND]) as tws:
        client = tws.trader().start()
        (row,) = client.rows("ReqQryInstrument", InstrumentID="US912828C572-USD-BOND")
        assert (row.ExpireDate, row.ProductClass, row.PriceTick) == ("20270331", "B", 0.001)


@pytest.mark.parametrize(
    ("zone", "date"), [("JST", "20251125"), ("Nowhere/Atall", "20251124"), ("EST (Eastern Standard Time)", "20251124")]
)
def test_01_zones_that_no_database_has(zone: str, date: str) -> None:
    """Monday, 16:00 UTC: in Tokyo it is Tuesday; a zone that nobody knows is New York's, and nothing breaks."""
    script = Script()
    script.market.walks = False
    odd = replace(next(one for one in documented(DAY) if one.symbol == "AAPL"), time_zone=zone)
    with stand(script, listed=[odd], clock=VirtualClock(MONDAY_NS)) as tws:
        client = tws.md().start().subscribe(APPLE)
        client.wait_for("OnRtnDepthMarketData", LIMIT_S)
        tick = client.ticks()[-1]
        assert (tick.ActionDay, tick.TradingDay) == (date, date)
        trader = tws.trader().start()
        trader.order(APPLE, "buy", "open", 1).filled(LIMIT_S)


@pytest.fixture(params=["Asia/Shanghai", "America/New_York", "UTC"])
def _host_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="a process cannot change its time zone here")
@pytest.mark.usefixtures("_host_zone")
@pytest.mark.parametrize("form", ["zone", "utc", "login"])
def test_28_times_of_trades(form: str) -> None:
    with monday() as tws:
        tws.tws.control.change(time_format=form)
        client = tws.trader("tws_tz=US/Eastern").start()
        client.order(APPLE, "buy", "open", 1).filled(LIMIT_S)
        (trade,) = of(client, "OnRtnTrade")
        assert (trade.TradeDate, trade.TradeTime[:5]) == ("20251124", "11:00")


def test_29_orders_of_others(tws: Stand) -> None:
    client = tws.trader("client_id=0").start()
    tws.tws.control.set_position(ACCOUNT, "AAPL", 10, 200.0)
    client.spi.wait_for(lambda _: client.position(APPLE)["long"] == 10, LIMIT_S)
    perm_id = tws.tws.control.manual_order("AAPL", "SELL", 15, 250.0)
    client.spi.wait_for(lambda call: call.name == "OnRtnOrder" and call.field.FrontID == 3, LIMIT_S)
    tws.tws.control.fill_order(perm_id)
    client.spi.wait_for("OnRtnTrade", LIMIT_S, count=2)
    told = of(client, "OnRtnOrder")[-1]
    assert (told.FrontID, told.SessionID, told.OrderRef) == (3, 0, str(perm_id)[-12:])
    # Ten of fifteen close what is held, five open: two trades, the closing one first.
    assert [(one.OffsetFlag, one.Volume) for one in of(client, "OnRtnTrade")] == [("1", 10), ("0", 5)]
    assert len({one.TradeID for one in of(client, "OnRtnTrade")}) == 2


def test_33_long_ids() -> None:
    long = replace(
        next(one for one in documented(DAY) if one.right == "C"),
        con_id=790_000_001,
        symbol="LONGNAMEDSYMBOL",
        trading_class="LONGNAMEDSYMBOL",
        local_symbol="LONGN 260116C00200000",
    )
    script = Script()
    script.market.walks = False
    with stand(script, clock=VirtualClock(MONDAY_NS), listed=[*documented(DAY), long]) as tws:
        client = tws.trader().start()
        code = "LONGNAMEDSYMBOL-20260116-C-200-100-USD-OPT"
        (row,) = client.rows("ReqQryInstrument", InstrumentID="#790000001")
        assert row.InstrumentID in (code, "#790000001")
        tws.tws.control.set_quote("790000001", bid=1.0, bid_size=5, ask=1.1, ask_size=5, last=1.0)
        market = tws.md().start()
        market.subscribe("#790000001")
        tick = market.wait_for("OnRtnDepthMarketData", LIMIT_S)
        assert tick.field.InstrumentID == "#790000001"


def test_35_fractional_crypto() -> None:
    bitcoin = Listed(
        con_id=479624278,
        symbol="BTC",
        sec_type="CRYPTO",
        exchange="PAXOS",
        currency="USD",
        price=90000.0,
        min_tick=0.25,
        local_symbol="BTC.USD",
        trading_class="BTC",
        valid_exchanges="PAXOS",
        min_size="0.0001",
        size_increment="0.0001",
        suggested_size_increment="0.0001",
    )
    script = Script(version=176)
    script.market.walks = False
    with stand(script, clock=VirtualClock(MONDAY_NS), listed=[*documented(DAY), bitcoin]) as tws:
        tws.tws.control.set_quote("BTC.USD", bid=89999.75, bid_size=2, ask=90000.0, ask_size=0.02, last=90000.0)
        client = tws.trader().start()
        # 500 increments of 0.0001 are 0.05 BTC, of which 0.02 are there.
        order = client.order("BTC-USD-CRYPTO@PAXOS", "buy", "open", 500, 90000.0).traded(200, LIMIT_S)
        assert tws.tws.control.orders()[-1]["quantity"] == 0.05
        assert (order.returns[-1].VolumeTraded, order.returns[-1].VolumeTotal) == (200, 300)
        assert [trade.Volume for trade in order.trades] == [200]
        client.spi.wait_for(lambda _: client.position("BTC-USD-CRYPTO@PAXOS")["long"] == 200, LIMIT_S)
