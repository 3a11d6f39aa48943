"""The stand-in TWS against the clients that users have: the official one, ib_async and ib_insync, unmodified.

Each library is in an environment and a process of its own (tools/foreign_ib.py), and knows nothing of ctp2; it connects
at the smallest version that all of them speak and at the largest that the stand-in offers them (spec ib 6.1, 7).
"""

from __future__ import annotations

import pytest

from ctp2.testing.tws import StandIn
from tests.testing.tws.conftest import MONDAY_NS
from tests.testing.tws.raw.cases import AAPL, BEYOND, ES, EUR, Case, Start, members
from tests.testing.tws.raw.program import Refused

pytestmark = pytest.mark.foreign


# ------------------------------------------------------------------ connection
def test_connect_and_disconnect(case: Case, tws: StandIn, start: Start) -> None:
    program = start(connects=False)
    told = program.ask("connect", port=tws.port, client_id=7)
    assert (told["version"], told["accounts"]) == (case.version, ["DU1000001"])
    assert program.of("nextValidId")[0] == [1]
    for code in (2104, 2106, 2158):
        program.error(-1, code)
    assert program.ask("time") == MONDAY_NS // 10**9
    assert program.ask("connected") is True
    assert program.ask("disconnect") is False
    tws.control.wait(lambda: not tws.control.clients())
    assert program.end() == 0


def test_client_id_in_use(tws: StandIn, start: Start) -> None:
    first, second = start(7), start(connects=False)
    with pytest.raises(Refused):
        second.ask("connect", port=tws.port, client_id=7)
    assert "already in use" in second.error(-1, 326)
    assert first.ask("time") > 0
    assert tws.control.clients() == [7]


def test_stand_in_that_is_too_old(case: Case, tws: StandIn, start: Start) -> None:
    """Limited to 150 the asyncio libraries, which begin at 157, are refused; the official client speaks 150."""
    tws.control.change(version=150)
    program = start(connects=False)
    if case.library == "ibapi":
        assert program.ask("connect", port=tws.port, client_id=7)["version"] == 150
        assert program.ask("time") > 0
        return
    with pytest.raises(Refused):
        program.ask("connect", port=tws.port, client_id=7)
    assert program.ask("connected") is False


def test_drop_and_reconnect(tws: StandIn, start: Start) -> None:
    program = start()
    tws.control.down()
    program.wait_for("connectionClosed")
    assert program.ask("connected") is False
    tws.control.up(next_valid_id=40)
    again = start(8)
    assert again.of("nextValidId")[0] == [40]


def test_lost_and_restored(tws: StandIn, start: Start) -> None:
    program = start()
    tws.control.lose_connection()
    program.error(-1, 1100)
    tws.control.restore_connection(data_kept=True)
    program.error(-1, 1102)
    assert program.ask("time") > 0


@pytest.mark.parametrize("case", BEYOND, ids="{0.library}-{0.offered}".format, indirect=True)
def test_largest_version(case: Case, tws: StandIn, start: Start) -> None:
    program = start(connects=False)
    assert program.ask("connect", port=tws.port, client_id=7)["version"] == case.version
    (apple,) = program.ask("details", contract=AAPL)
    assert apple["longName"] == "APPLE INC"


# ------------------------------------------------------------------ contracts
def test_contracts(tws: StandIn, start: Start) -> None:
    program = start()
    (apple,) = program.ask("details", contract={**AAPL, "conId": 0})
    assert members(apple["contract"], "conId", "primaryExchange", "tradingClass") == [265598, "NASDAQ", "NMS"]
    assert members(apple, "minTick", "longName", "timeZoneId") == [0.01, "APPLE INC", "US/Eastern"]
    assert apple["tradingHours"].startswith("20251124:0000-20251125:0000;")
    (future,) = program.ask("details", contract=ES)
    assert members(future["contract"], "conId", "multiplier", "localSymbol") == [495512563, "50", "ESZ5"]
    assert future["contract"]["lastTradeDateOrContractMonth"] == "20251219"
    assert future["minTick"] == 0.25
    call = {"symbol": "AAPL", "secType": "OPT", "exchange": "SMART", "currency": "USD", "strike": 200.0, "right": "C"}
    (option,) = program.ask("details", contract=call)
    assert members(option["contract"], "right", "strike", "multiplier") == ["C", 200.0, "100"]
    assert option["contract"]["lastTradeDateOrContractMonth"] == "20260116"
    (euro,) = program.ask("details", contract=EUR)
    assert members(euro["contract"], "conId", "localSymbol") == [12087792, "EUR.USD"]
    with pytest.raises(Refused, match="200: No security definition"):
        program.ask("details", contract={**AAPL, "conId": 0, "symbol": "NOPE"})
    found = [one["contract"]["symbol"] for one in program.ask("matching", pattern="AAP")]
    assert found == ["AAPL"]
    assert program.ask("rule", number=67) == [{"increment": 0.25}]
    rows = program.ask("chain", symbol="AAPL", exchange="", sec_type="STK", con_id=265598)
    assert ["SMART", 265598, "AAPL", "100", ["20260116"], [200.0]] in rows


# ------------------------------------------------------------------ market data
def test_market_data(tws: StandIn, start: Start) -> None:
    program = start()
    tws.control.set_quote("AAPL", bid=199.5, bid_size=300, ask=199.75, ask_size=100)
    number = program.ask("market", contract=AAPL, generic="233")
    assert program.wait_for("marketDataType", number) == [number, 1]
    assert program.wait_for("tickPrice", number, 1)[2] == 199.5
    assert program.wait_for("tickSize", number, 0)[2] == 300
    assert program.wait_for("tickPrice", number, 2)[2] == 199.75
    tws.control.set_quote("AAPL", last=199.5, last_size=100, volume=5000)
    program.wait_for("tickPrice", number, 4, 199.5)
    assert program.wait_for("tickSize", number, 8, 5000)
    # Of the 5000 only the first trade, 600 at 200, was seen to have a price: 600 x 200 / 5000.
    assert program.wait_for("tickString", number, 48, count=2)[2] == "199.5;100;1764000000000;5000;24;true"
    tws.control.set_halted("AAPL")
    program.wait_for("tickGeneric", number, 49, 1)
    program.ask("stop_market", number=number)
    tws.control.wait_for_frame("cancelMktData")
    assert tws.control.streams() == []
    snapshot = program.ask("market", contract=AAPL, snapshot=True)
    program.wait_for("tickSnapshotEnd", snapshot)
    assert program.of("tickPrice", snapshot, 1) == [[snapshot, 1, 199.5]]


def test_option_is_computed(tws: StandIn, start: Start) -> None:
    program = start()
    option = next(one for one in tws.world.contracts if one.sec_type == "OPT" and one.right == "C")
    contract = {"conId": option.con_id, "symbol": "AAPL", "secType": "OPT", "exchange": "SMART", "currency": "USD"}
    number = program.ask("market", contract=contract, generic="101")
    model = program.wait_for("tickOptionComputation", number, 13)
    assert any(one is not None and 0.3 < one < 0.8 for one in model[3:6])  # delta of a call at the money
    assert program.wait_for("tickSize", number, 27)[2] > 0


def test_delayed_data(case: Case, tws: StandIn, start: Start) -> None:
    tws.control.permit("AAPL", "delayed")
    program = start()
    number = program.ask("market", contract=AAPL)
    program.error(number, 354)
    program.ask("data_type", number=3)
    again = program.ask("market", contract={**AAPL, "exchange": "NASDAQ"})
    program.error(again, 10167)
    program.wait_for("marketDataType", again, 3)
    program.wait_for("tickPrice", again, 66)
    program.wait_for("tickSize", again, 74)
    program.wait_for("tickString", again, 88)
    assert {one[1] for one in program.of("tickPrice", again)} <= {66, 67, 68, 72, 73, 75, 76}


@pytest.mark.parametrize("smart", [False, True], ids=["venue", "smart"])
def test_depth(tws: StandIn, start: Start, smart: bool) -> None:
    program = start()
    tws.control.set_depth("AAPL", bids=[[199.5, 300], [199.25, 100]], asks=[[199.75, 200]])
    number = program.ask("depth", contract=AAPL, rows=4, smart=smart)
    name = "updateMktDepthL2" if smart else "updateMktDepth"
    side, venues = (4, 2) if smart else (3, 1)  # a smart depth has each row at each of two venues
    program.wait_for(name, number, count=3 * venues)
    rows = [one[side : side + 3] for one in program.of(name, number)]
    assert rows == [[1, 199.5, 300]] * venues + [[1, 199.25, 100]] * venues + [[0, 199.75, 200]] * venues
    tws.control.reset_depth("AAPL")
    program.error(number, 317)
    program.ask("stop_depth", number=number, smart=smart)
    tws.control.wait_for_frame("cancelMktDepth")
    assert program.ask("time") > 0


def test_too_many_tickers_and_depths(tws: StandIn, start: Start) -> None:
    tws.control.change_limits(tickers=1, depths=1)
    program = start()
    program.ask("market", contract=AAPL)
    program.error(program.ask("market", contract={**AAPL, "exchange": "NASDAQ"}), 101)
    program.ask("depth", contract=AAPL)
    program.error(program.ask("depth", contract={**AAPL, "exchange": "NASDAQ"}), 309)


# ------------------------------------------------------------------ history
def test_history_and_its_pacing(tws: StandIn, start: Start) -> None:
    program = start()
    bars = program.ask("history", contract=AAPL)
    assert [one["date"].replace("-", "") for one in bars] == [
        "20251118",
        "20251119",
        "20251120",
        "20251121",
        "20251124",
    ]
    assert all(one["low"] <= min(one["open"], one["close"]) for one in bars)
    with pytest.raises(Refused, match=r"162: .*pacing violation"):
        program.ask("history", contract=AAPL)
    assert program.ask("time") > 0


def test_five_second_bars(tws: StandIn, start: Start) -> None:
    program = start()
    number = program.ask("bars", contract=AAPL)
    tws.control.wait_for_frame("reqRealTimeBars")
    tws.control.set_quote("AAPL", last=200.5, last_size=100)
    tws.control.advance(5)
    bar = program.wait_for("realtimeBar", number)
    assert bar[1] == MONDAY_NS // 10**9
    assert bar[3] == 200.5  # the highest
    program.ask("stop_bars", number=number)
