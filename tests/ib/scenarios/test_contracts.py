"""Scenarios 1, 28, 29 and 35 of spec ib 7: contracts by name, times of executions, orders of others, fractions."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

import pytest

from ctp2.testing.tws import Listed, Script, VirtualClock, documented
from ctp2.testing.tws.server import StandIn
from tests.ib.scenarios.told import APPLE, of
from tests.ib.stand import LIMIT_S, Stand

MONDAY = dt.datetime(2025, 11, 24, 16, tzinfo=dt.UTC)
BITCOIN = Listed(
    con_id=479624278,
    symbol="BTC",
    sec_type="CRYPTO",
    exchange="PAXOS",
    currency="USD",
    price=90_000.0,
    min_tick=0.25,
    local_symbol="BTC.USD",
    trading_class="BTC",
    market_name="BTC",
    valid_exchanges="PAXOS",
    min_size="0.0001",
    size_increment="0.0001",
    suggested_size_increment="0.0001",
)


@pytest.fixture
def monday(request: pytest.FixtureRequest) -> Callable[..., Stand]:
    """Makes a stand-in on Monday 2025-11-24 at 11:00 in New York; its quotes stand."""

    def make(script: Script | None = None, *more: Listed) -> Stand:
        script = script or Script()
        script.market.walks = False
        clock = VirtualClock(int(MONDAY.timestamp()) * 10**9)
        tws = StandIn(script=script, clock=clock, listed=[*documented(MONDAY.date()), *more]).start()
        request.addfinalizer(tws.stop)
        made = Stand(tws)

        def close() -> None:
            for client in made.clients:
                client.close()

        request.addfinalizer(close)
        return made

    return make


def test_01_contracts_by_name(monday: Callable[..., Stand]) -> None:
    client = monday().trader().start()
    call = "AAPL-20260116-C-200-100-USD-OPT"
    for text, kind, multiple, tick in (
        (APPLE, "E", 1, 0.01),
        ("ES-202512-USD-FUT@CME", "1", 50, 0.25),
        (call, "2", 100, 0.01),
        ("EUR-USD-CASH", "4", 1, 0.00005),
    ):
        (row,) = client.rows("ReqQryInstrument", InstrumentID=text)
        assert (row.InstrumentID, row.ProductClass, row.VolumeMultiple) == (text, kind, multiple)
        assert row.PriceTick == pytest.approx(tick)
    (row,) = client.rows("ReqQryInstrument", InstrumentID=call)
    assert (row.StrikePrice, row.OptionsType, row.ExpireDate) == (200.0, "1", "20260116")
    (answer,) = client.ask("ReqQryInstrument", InstrumentID="NOPE-USD-STK")
    assert answer.error_id == 16
    assert answer.info.ErrorMsg.startswith("IB200:")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of this system cannot be set")
@pytest.mark.parametrize("host", ["Asia/Shanghai", "America/New_York", "UTC"])
def test_28_times_of_executions(monday: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """16:00 UTC however it is written, and wherever this machine stands: 11:00 at the exchange."""
    monkeypatch.setenv("TZ", host)
    time.tzset()
    try:
        tws = monday()
        tws.tws.control.set_clock(MONDAY.timestamp(), 0)
        # What TWS writes without a zone is of its login, which the option tells.
        client = tws.trader("tws_tz=US/Eastern").start()
        for count, form in enumerate(("zone", "utc", "login"), 1):
            tws.tws.control.change(time_format=form)
            client.order(APPLE, "buy", "open", 1).filled(LIMIT_S)
            assert len(of(client, "OnRtnTrade")) == count
        assert {(row.TradeDate, row.TradeTime) for row in of(client, "OnRtnTrade")} == {("20251124", "11:00:00")}
    finally:
        monkeypatch.undo()
        time.tzset()


def test_29_orders_of_others(monday: Callable[..., Stand]) -> None:
    """Made in TWS itself: short 100 becomes long 50, so that the fill is told as a close and an open."""
    tws = monday()
    tws.tws.control.set_position("DU1000001", "AAPL", -100, 200.0)
    client = tws.trader("client_id=0").start()
    tws.tws.control.manual_order("AAPL", "BUY", 150, price=150.0)
    client.wait_for(lambda call: call.name == "OnRtnOrder" and call.field.FrontID == 3, LIMIT_S)
    tws.tws.control.fill_order(tws.tws.control.orders()[-1]["perm_id"])
    client.wait_for("OnRtnTrade", LIMIT_S, count=2)
    close, rest = of(client, "OnRtnTrade")
    assert (close.OffsetFlag, close.Volume, rest.OffsetFlag, rest.Volume) == ("1", 100, "0", 50)
    assert close.TradeID != rest.TradeID
    assert close.TradeID[0] == rest.TradeID[0] == "H"
    order = of(client, "OnRtnOrder")[-1]
    assert (order.FrontID, order.SessionID, order.VolumeTraded) == (3, 0, 150)
    assert order.OrderRef == order.OrderSysID.strip()[-12:]


def test_35_fractions(monday: Callable[..., Stand]) -> None:
    """CTP volume 1 is a ten thousandth of a coin: 2500 are 0.25, and the multiplier is a ten thousandth."""
    tws = monday(Script(version=176), BITCOIN)  # older servers do not tell the increment
    tws.tws.control.set_quote("BTC.USD", bid=89_999.75, bid_size=1, ask=90_000.0, ask_size=1, last=90_000.0)
    client = tws.trader().start()
    text = "BTC-USD-CRYPTO"
    client.order(text, "buy", "open", 2500, 90_000.0).filled(LIMIT_S)
    (execution,) = tws.tws.control.executions()
    assert execution["quantity"] == 0.25
    (trade,) = of(client, "OnRtnTrade")
    assert (trade.Volume, trade.Price) == (2500, 90_000.0)
    assert of(client, "OnRtnOrder")[-1].VolumeTraded == 2500
    assert client.position(text)["long"] == 2500
    (row,) = client.rows("ReqQryInstrument", InstrumentID=text)
    assert row.UnderlyingMultiple == pytest.approx(0.0001)
