"""Contract details, search, market rules, time (spec ib 6.3, 6.5), and the documented list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from ctp2.testing.tws import StandIn
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.documented import cl_front, documented, es_front, option_expiry
from tests.testing.tws.wire_client import Client, Fields

Connect = Callable[..., Client]


def ask(client: Client, *, sec_id: tuple[str, str] = ("", ""), **contract: object) -> list[Fields]:
    """Contract details of the fields of a contract by name; ends and errors too."""
    names = "con_id symbol sec_type date strike right multiplier exchange primary currency local trading_class".split()
    given = {"con_id": 0, "strike": 0.0, **contract}
    assert not set(given) - set(names)
    client.send(9, 8, 5, *(given.get(name, "") for name in names), 0, *sec_id, *([""] if client.version >= 176 else []))
    return client.settle()


def symbols(told: list[Fields]) -> list[str]:
    """Local symbols of details at version 157."""
    return [one[10] for one in told if one[0] == "10"]


# ------------------------------------------------------------------ details
def test_details_of_a_stock(connect: Connect) -> None:
    told = ask(connect(), symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD")
    details, end = told
    assert end == ("52", "1", "5")
    # Fields of spec 6.5, counted from 1: 4 symbol, 13 trading class … 14 conId, 15 minTick, 16 mdSizeMultiplier.
    assert details[:4] == ("10", "8", "5", "AAPL")
    assert details[12:16] == ("NMS", "265598", "0.01", "1")
    assert details[20] == "0"  # underConId
    assert details[21:23] == ("APPLE INC", "NASDAQ")
    assert details[27] == "US/Eastern"
    assert details[28].startswith("20251124:0000-20251125:0000;20251125:0000-")
    assert details[32:35] == ("1", "ISIN", "US0378331005")
    assert len(details) == 39 + 2
    assert details[-1] == "COMMON"


def test_details_of_later_versions(tws: StandIn, connect: Connect) -> None:
    tws.control.change(version=176)
    details = ask(connect(), symbol="700", sec_type="STK", exchange="SEHK", currency="HKD")[0]
    # Without version and mdSizeMultiplier; minSize, sizeIncrement and suggestedSizeIncrement at the end.
    assert len(details) == 39 - 2 + 3
    assert details[1] == "5"
    assert details[-3:] == ("100", "100", "100")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"con_id": 265598}, ["AAPL"]),
        ({"con_id": 265598, "exchange": "NYSE"}, ["AAPL"]),
        ({"con_id": 265598, "exchange": "SEHK"}, []),
        ({"symbol": "ES", "sec_type": "FUT", "date": "202512", "exchange": "CME"}, ["ESZ5"]),
        ({"symbol": "ES", "sec_type": "FUT", "date": "20251219"}, ["ESZ5"]),
        ({"symbol": "ES", "sec_type": "FUT", "date": "202603"}, []),
        ({"local": "CLF6"}, ["CLF6"]),
        ({"symbol": "EUR", "sec_type": "CASH", "currency": "USD", "exchange": "IDEALPRO"}, ["EUR.USD"]),
        ({"symbol": "AAPL", "sec_type": "OPT"}, ["AAPL  260116C00200000", "AAPL  260116P00200000"]),
        ({"symbol": "AAPL", "sec_type": "OPT", "right": "PUT", "strike": 200.0}, ["AAPL  260116P00200000"]),
        ({"symbol": "AAPL", "sec_type": "OPT", "strike": 201.0}, []),
        ({"symbol": "AAPL", "sec_type": "STK", "primary": "NYSE"}, []),
        ({"sec_type": "STK", "sec_id": ("ISIN", "US5949181045"), "symbol": "MSFT"}, ["MSFT"]),
        ({"sec_type": "STK", "sec_id": ("ISIN", "US5949181045"), "symbol": "AAPL"}, []),
        ({"sec_type": "STK"}, []),
    ],
)
def test_what_finds_a_contract(connect: Connect, asked: dict[str, object], found: list[str]) -> None:
    told = ask(connect(), **asked)  # type: ignore[arg-type]
    assert symbols(told) == found
    assert told[-1][:4] == (("52", "1", "5") if found else ("4", "2", "5", "200"))


def test_details_of_a_bond(tws: StandIn, connect: Connect) -> None:
    bond = replace(
        tws.control.listed("AAPL"),
        con_id=15960357,
        sec_type="BOND",
        symbol="IBCID15960357",
        sec_ids=(),
        bond={"cusip": "037833AK6", "coupon": 2, "maturity": "20430504", "bondType": "CORP", "callable": True},
    )
    tws.call(tws.world.contracts.add, bond)
    told = ask(connect(), con_id=15960357)[0]
    assert told[:5] == ("18", "6", "5", "IBCID15960357", "BOND")
    assert told[5:16] == ("037833AK6", "2", "20430504", "", "", "CORP", "", "0", "1", "0", "")
    assert len(told) == 35


# ------------------------------------------------------------------ the other lists
def test_search(connect: Connect) -> None:
    client = connect()
    client.send(81, 6, "apple")
    told = client.settle()[0]
    assert told == ("79", "6", "1", "265598", "AAPL", "STK", "NASDAQ", "USD", "3", "CFD", "OPT", "WAR")
    client.send(81, 7, "nothing")
    assert client.settle() == [("79", "7", "0")]


def test_market_rules(connect: Connect) -> None:
    client = connect()
    client.send(91, 109)
    client.send(91, 9999)
    assert [one[:6] for one in client.settle()] == [
        ("93", "109", "2", "0", "0.01", "3"),
        ("4", "2", "-1", "321", "Error validating request: market rule 9999 is unknown"),
    ]


def test_time_accounts_and_log_level(tws: StandIn, connect: Connect) -> None:
    client = connect()
    client.send(17, 1)
    client.send(14, 1, 5)
    assert client.settle() == [("15", "1", "DU1000001")]
    assert client.seen[-1] == ("49", "1", "1764000000")
    tws.control.advance(1.5)
    client.settle()
    assert client.seen[-1] == ("49", "1", "1764000001")


# ------------------------------------------------------------------ the documented list
@pytest.mark.parametrize(
    ("day", "es", "cl", "option"),
    [
        # Third Friday of December: the 19th. CL January ends three weekdays before Dec 24 (the 25th is a holiday).
        ("20251124", ("202512", "20251219"), ("202601", "20251219"), "20260116"),
        ("20251219", ("202512", "20251219"), ("202601", "20251219"), "20260220"),
        ("20251220", ("202603", "20260320"), ("202602", "20260120"), "20260220"),
    ],
)
def test_front_months(day: str, es: tuple[str, str], cl: tuple[str, str], option: str) -> None:
    date = dt.date.fromisoformat(day)
    for front, (month, last) in ((es_front, es), (cl_front, cl)):
        assert front(date) == (month, dt.date.fromisoformat(last))
    assert option_expiry(date) == dt.date.fromisoformat(option)


def test_documented_list() -> None:
    listed: list[Listed] = documented(dt.date(2025, 11, 24))
    assert [one.local_symbol for one in listed] == [
        "AAPL",
        "MSFT",
        "SPY",
        "AAPL  260116C00200000",
        "AAPL  260116P00200000",
        "ESZ5",
        "CLF6",
        "EUR.USD",
        "700",
    ]
    assert len({one.con_id for one in listed}) == len(listed)
