"""Accounts of the stand-in TWS on the wire: positions, summary, updates, models, profit (spec ib 6.3, 6.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctp2.testing.tws import StandIn
from tests.testing.tws.orders import place, short
from tests.testing.tws.wire_client import Client, Fields

Connect = Callable[..., Client]

EUR = ("", "EUR", "CASH", "", 0.0, "", "", "IDEALPRO", "", "USD", "", "")
ES = ("", "ES", "FUT", "202512", 0.0, "", "", "CME", "", "USD", "", "")
CALL = ("", "AAPL", "OPT", "202601", 200.0, "C", "", "SMART", "", "USD", "", "")
TENCENT = ("", "700", "STK", "", 0.0, "", "", "SEHK", "", "HKD", "", "")


@pytest.fixture
def client(tws: StandIn, connect: Connect) -> Client:
    """A client; AAPL is 199.99 bid, 200.01 asked, 1000 each, last 200."""
    tws.control.set_quote("AAPL", bid=199.99, bid_size=1000, ask=200.01, ask_size=1000, last=200.0)
    connected: Client = connect()
    return connected


def buy_100(client: Client) -> None:
    """Of AAPL at 200.01, commission 1."""
    place(client, 1, limit=200.01)


def values(told: list[Fields], kind: str = "63") -> dict[tuple[str, str], str]:
    """(tag, currency) → value of the summary, account updates (6) or models (73)."""
    tag, value, currency = {"63": (4, 5, 6), "6": (2, 3, 4), "73": (5, 6, 7)}[kind]
    return {(one[tag], one[currency]): one[value] for one in told if one[0] == kind}


def test_positions_end_with_a_last_zero(tws: StandIn, client: Client) -> None:
    buy_100(client)
    client.send(61, 1)
    assert short(client.settle()) == ["position DU1000001 AAPL 100 200.01", "positions end"]
    tws.control.set_quote("AAPL", last=201)
    told = short(place(client, 2, action="SELL", limit=199.99))
    assert told[-1] == "position DU1000001 AAPL 0 0"
    client.send(61, 1)
    assert short(client.settle()) == ["positions end"]
    client.send(64, 1)
    assert not [one for one in short(place(client, 3, limit=200.01)) if one.startswith("position")]


def test_summary(tws: StandIn, client: Client) -> None:
    buy_100(client)
    tws.control.set_quote("AAPL", last=210.0)
    client.send(62, 1, 9, "All", "NetLiquidation,AvailableFunds,AccountType,NoSuchTag,$LEDGER:ALL")
    told = client.settle()
    assert told[-1] == ("64", "1", "9")
    known = values(told)
    # Cash 1,000,000 − 20,001 − 1 = 979,998; the stock is worth 21,000, its margin is half of that.
    assert known["NetLiquidation", "USD"] == "1000998.00"
    assert known["AvailableFunds", "USD"] == "990498.00"
    assert known["AccountType", ""] == "INDIVIDUAL"
    assert known["CashBalance", "USD"] == known["CashBalance", "BASE"] == "979998.00"
    assert known["StockMarketValue", "USD"] == "21000.00"
    assert known["UnrealizedPnL", "BASE"] == "999.00"
    client.send(63, 1, 9)
    client.settle()
    tws.control.set_cash("DU1000001", "USD", 5.0)
    assert not values(client.settle())


def test_summary_tells_what_changed(tws: StandIn, client: Client) -> None:
    client.send(62, 1, 9, "All", "NetLiquidation,BuyingPower")
    assert values(client.settle()) == {("NetLiquidation", "USD"): "1000000.00", ("BuyingPower", "USD"): "4000000.00"}
    tws.control.set_position("DU1000001", "AAPL", 10, 200)
    assert values(client.settle()) == {("NetLiquidation", "USD"): "1002000.00", ("BuyingPower", "USD"): "4004000.00"}
    tws.control.set_quote("AAPL", last=220)
    assert not values(client.settle())
    tws.control.advance(180)  # three minutes
    client.until(lambda one: one[0] == "63" and one[4:6] == ("NetLiquidation", "1002200.00"))


def test_ledger_of_one_currency(tws: StandIn, client: Client) -> None:
    tws.control.set_cash("DU1000001", "HKD", 1000)
    client.send(62, 1, 9, "DU1000001", "NetLiquidation,$LEDGER:HKD")
    known = values(client.settle())
    assert {currency for _, currency in known} == {"USD", "HKD"}
    assert known["CashBalance", "HKD"] == "1000.00"
    assert known["ExchangeRate", "HKD"] == "0.1285000"
    assert known["NetLiquidation", "USD"] == "1000128.50"


def test_account_updates(tws: StandIn, client: Client) -> None:
    buy_100(client)
    client.settle()
    client.send(6, 2, 1, "DU1000001")
    told = client.settle()
    known = values(told, "6")
    assert known["NetLiquidation", "USD"] == "999999.00"  # the last trade was at 200.01: only the commission is gone
    assert known["TotalCashBalance", "BASE"] == "979998.00"
    assert [one[3] for one in told if one[0] == "7"] == ["AAPL"]
    assert ("8", "1", "11:00") in told
    assert told[-1] == ("54", "1", "DU1000001")
    place(client, 2, action="SELL", quantity=40, limit=199.99)
    rows = [one for one in client.seen if one[0] == "7"]
    # position, market price, value, average cost, not realised, realised: 40 × (199.99 − 200.01) = −0.8
    assert rows[-1][13:] == ("60", "199.99", "11999.4", "200.01", "-1.2", "-0.8", "DU1000001")
    client.send(6, 2, 0, "DU1000001")
    client.settle()
    place(client, 3, quantity=1, limit=200.01)
    assert [one for one in client.seen if one[0] == "7"] == rows


def test_account_updates_of_another_account(tws: StandIn, connect: Connect) -> None:
    tws.control.set_accounts({"DU1": 1e6, "DU2": 2e6})
    client = connect()
    client.send(6, 2, 1, "DU1")
    client.settle()
    client.send(6, 2, 1, "DU2")
    told = client.settle()
    assert told[0][:4] == ("4", "2", "-1", "2100")
    assert values(told, "6")["NetLiquidation", "USD"] == "2000000.00"
    client.send(6, 2, 1, "DU9")
    assert short(client.settle()) == ["error -1 321"]


def test_models(tws: StandIn, connect: Connect) -> None:
    tws.control.set_accounts({"DU1": 1e6, "DU2": 2e6})
    client = connect()
    tws.control.set_position("DU2", "AAPL", -5, 210)
    client.send(74, 1, 7, "DU2", "")
    told = client.settle()
    assert [(one[0], one[2], *one[-3:]) for one in told] == [("71", "7", "-5", "210", ""), ("72", "7", "72", "1", "7")]
    client.send(76, 1, 8, "DU2", "", 1)
    told = client.settle()
    known = values(told, "73")
    assert known["NetLiquidation", "USD"] == "1999000.00"  # −5 × 200
    assert ("BuyingPower", "USD") not in known
    assert told[-1] == ("74", "1", "8")
    tws.control.set_position("DU2", "AAPL", -6, 210)
    told = client.settle()
    assert [one[-3] for one in told if one[0] == "71"] == ["-6"]
    client.send(75, 1, 7)
    client.send(77, 1, 8)
    client.settle()
    tws.control.set_position("DU2", "AAPL", -7, 210)
    assert client.settle() == []


def test_profit(tws: StandIn, client: Client) -> None:
    buy_100(client)
    place(client, 2, action="SELL", quantity=40, limit=199.99)
    tws.control.set_quote("AAPL", last=201)
    client.settle()
    client.send(92, 7, "DU1000001", "")
    client.send(94, 8, "DU1000001", "", 265598)
    # 60 × (201 − 200.01) = 59.4 open, −0.8 realised, 2 of commissions: 56.6 of the day.
    assert client.settle() == [
        ("94", "7", "56.6", "59.4", "-0.8"),
        ("95", "8", "60", "58.6", "59.4", "-0.8", "12060"),
    ]
    tws.control.set_quote("AAPL", last=202)
    tws.control.advance(1)
    client.until(lambda one: one == ("94", "7", "116.6", "119.4", "-0.8"))
    client.send(93, 7)
    client.send(95, 8)


def test_new_day_begins_at_midnight_of_the_zone(tws: StandIn, client: Client) -> None:
    buy_100(client)
    place(client, 2, action="SELL", quantity=40, limit=199.99)
    client.settle()
    client.send(92, 7, "DU1000001", "")
    # 60 × (199.99 − 200.01) = −1.2 open, −0.8 realised, 2 of commissions.
    assert client.settle() == [("94", "7", "-4", "-1.2", "-0.8")]
    tws.control.advance(12 * 3600 + 3599)  # 23:59:59 in New York
    client.settle()
    tws.control.advance(1)
    client.until(lambda one: one == ("94", "7", "0", "-1.2", "0"))
    client.send(62, 1, 9, "All", "PreviousDayEquityWithLoanValue,NetLiquidation")
    assert set(values(client.settle()).values()) == {"999996.00"}


# ------------------------------------------------------------------ kinds of contracts
def test_exchange_of_currencies_moves_two_balances(tws: StandIn, connect: Connect) -> None:
    tws.control.set_quote("EUR.USD", bid=1.14995, bid_size=5e6, ask=1.15, ask_size=5e6)
    client = connect()
    place(client, 1, EUR, quantity=20000, limit=1.15)
    client.send(62, 1, 9, "All", "$LEDGER:ALL")
    known = values(client.settle())
    # 20,000 × 1.15 = 23,000; commission 0.00002 of it is 0.46, at least 2.
    assert known["CashBalance", "EUR"] == "20000.00"
    assert known["CashBalance", "USD"] == "976998.00"
    assert known["CashBalance", "BASE"] == "999998.00"


def test_future_moves_cash_by_its_profit_alone(tws: StandIn, connect: Connect) -> None:
    tws.control.set_quote("ESZ5", bid=6000, bid_size=9, ask=6000.25, ask_size=9, last=6000)
    client = connect()
    place(client, 1, ES, quantity=2, limit=6000.25)
    tws.control.set_quote("ESZ5", bid=6010.25, bid_size=9, ask=6010.5, last=6010.25)
    client.send(62, 1, 9, "All", "NetLiquidation,InitMarginReq,$LEDGER:USD")
    known = values(client.settle())
    # Commission 2 × 2.25; open profit 2 × 10 × 50; margin 10 % of 2 × 6010.25 × 50.
    assert known["CashBalance", "USD"] == "999995.50"
    assert known["FuturesPNL", "USD"] == known["UnrealizedPnL", "USD"] == "1000.00"
    assert known["NetLiquidation", "USD"] == "1000995.50"
    assert known["InitMarginReq", "USD"] == "60102.50"
    client.send(61, 1)
    assert "position DU1000001 ES 2 300012.5" in short(client.settle())  # the average cost is with the multiplier
    told = short(place(client, 2, ES, action="SELL", quantity=2, limit=6010.25))
    assert "commission 4.5 USD 1000" in told
    client.send(62, 1, 10, "All", "$LEDGER:USD")
    assert values(client.settle())["CashBalance", "USD"] == "1000991.00"


def test_option_is_paid_with_its_multiplier(tws: StandIn, connect: Connect) -> None:
    call = tws.control.listed("700260116").local_symbol
    tws.control.set_quote(call, bid=12.4, bid_size=10, ask=12.5, ask_size=10, last=12.5)
    client = connect()
    assert "status 1 Filled 3 0 12.5" in short(place(client, 1, CALL, quantity=3, limit=12.5))
    client.send(62, 1, 9, "All", "$LEDGER:USD")
    known = values(client.settle())
    # 3 × 12.5 × 100 = 3750, commission 3 × 0.65
    assert known["CashBalance", "USD"] == "996248.05"
    assert known["OptionMarketValue", "USD"] == "3750.00"


def test_stock_of_another_currency_is_borrowed(tws: StandIn, connect: Connect) -> None:
    tws.control.set_quote("700", bid=599.8, bid_size=1000, ask=600, ask_size=1000, last=600)
    client = connect()
    told = short(place(client, 1, TENCENT, quantity=200, limit=600))
    assert "commission 96 HKD" in told  # 0.08 % of 120,000
    client.send(62, 1, 9, "All", "NetLiquidation,$LEDGER:ALL")
    known = values(client.settle())
    assert known["CashBalance", "HKD"] == "-120096.00"
    assert known["StockMarketValue", "HKD"] == "120000.00"
    assert known["NetLiquidation", "USD"] == "999987.66"  # 96 × 0.1285 = 12.336
