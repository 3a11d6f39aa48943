"""Streams and snapshots of market data on the wire, and the walk of the quotes behind them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from ctp2.testing.tws import Listed, Script, StandIn, VirtualClock, documented
from ctp2.testing.tws.contracts import Contracts
from ctp2.testing.tws.quotes import BAND, Quotes
from tests.testing.tws.conftest import MONDAY_NS
from tests.testing.tws.wire_client import AAPL, Client, Fields

Connect = Callable[..., Client]
WHOLE = {
    "bid": 199.5,
    "bid_size": 300,
    "ask": 199.75,
    "ask_size": 100,
    "last": 199.6,
    "last_size": 50,
    "volume": 1000,
    "turnover": 199_600.0,
    "open": 199.0,
    "high": 200.0,
    "low": 198.5,
    "close": 198.0,
}


def ask(
    client: Client, number: int, contract: tuple[object, ...] = AAPL, generic: str = "", *, snapshot: bool = False
) -> list[Fields]:
    """Request a stream or a snapshot; what it begins with."""
    client.send(1, 11, number, *contract, 0, generic, snapshot, 0, "")
    return client.settle()


def by_id(tws: StandIn, sec_type: str, right: str = "") -> tuple[object, ...]:
    """The fields of a listed contract, by its number alone."""
    listed = next(one for one in tws.world.contracts if (one.sec_type, one.right) == (sec_type, right))
    return (listed.con_id, "", "", "", 0, "", "", listed.exchange, "", "", "", "")


# ------------------------------------------------------------------ what a stream tells
def test_stream_begins_with_everything(tws: StandIn, connect: Connect) -> None:
    tws.control.set_quote("AAPL", **WHOLE)
    assert ask(connect(), 10, generic="233") == [
        ("81", "10", "0.01", "9c0001", "3"),
        ("58", "1", "10", "1"),
        ("1", "6", "10", "1", "199.5", "300", "1"),
        ("2", "6", "10", "0", "300"),
        ("1", "6", "10", "2", "199.75", "100", "1"),
        ("2", "6", "10", "3", "100"),
        ("1", "6", "10", "4", "199.6", "50", "0"),
        ("2", "6", "10", "5", "50"),
        ("2", "6", "10", "8", "1000"),
        ("1", "6", "10", "6", "200", "0", "0"),
        ("1", "6", "10", "7", "198.5", "0", "0"),
        ("1", "6", "10", "14", "199", "0", "0"),
        ("1", "6", "10", "9", "198", "0", "0"),
        ("46", "6", "10", "45", "1764000000"),
        ("45", "6", "10", "49", "0"),
        ("46", "6", "10", "48", "199.6;50;1764000000000;1000;199.6;true"),
    ]


def test_only_what_changed_is_told(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.set_quote("AAPL", **WHOLE)
    ask(client, 10)
    tws.control.set_quote("AAPL", bid_size=400)
    assert client.settle() == [("2", "6", "10", "0", "400")]
    tws.control.set_quote("AAPL", bid_size=400)
    assert client.settle() == []
    tws.control.set_quote("AAPL", last=199.6, last_size=25)  # a trade at the same price
    assert ("2", "6", "10", "8", "1025") in client.settle()
    client.send(2, 2, 10)
    assert client.settle() == []
    tws.control.set_quote("AAPL", bid=1)
    assert client.settle() == []


def test_snapshot_ends(tws: StandIn, connect: Connect) -> None:
    client = connect()
    assert ask(client, 10, snapshot=True)[-1] == ("57", "1", "10")
    assert tws.control.streams() == []
    assert ask(client, 11, generic="233", snapshot=True)[0][3] == "414"


def test_sizes_are_whole_below_163(tws: StandIn, connect: Connect) -> None:
    tws.control.set_quote("AAPL", bid=199.5, bid_size=2.5)
    assert ("2", "6", "10", "0", "2") in ask(connect(), 10)
    tws.control.change(version=176)
    assert ("2", "6", "10", "0", "2.5") in ask(connect(2), 10)


def test_forex_has_no_trades(tws: StandIn, connect: Connect) -> None:
    client = connect()
    told = ask(client, 10, by_id(tws, "CASH"))
    assert {one[3] for one in told if one[0] in ("1", "2", "46")} == {"0", "1", "2", "3", "9"}
    refused = ask(client, 11, by_id(tws, "CASH"), "233")[0]
    assert refused[3] == "321"
    assert refused[4].endswith("Legal ones for (CASH) are: 221,232")


def test_open_interest(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.set_quote("ESZ5", open_interest=1234)
    assert ("2", "6", "10", "86", "1234") in ask(client, 10, by_id(tws, "FUT"), "588")
    assert not [one for one in ask(client, 11, by_id(tws, "FUT")) if one[3] == "86"]
    call, put = ask(client, 12, by_id(tws, "OPT", "C"), "101"), ask(client, 13, by_id(tws, "OPT", "P"), "101")
    assert [one[3] for one in call if one[3] in ("27", "28") and one[4] != "0"] == ["27"]
    assert [one[3] for one in put if one[3] in ("27", "28") and one[4] != "0"] == ["28"]


def test_option_follows_its_underlying(tws: StandIn, connect: Connect) -> None:
    client = connect()
    told = ask(client, 10, by_id(tws, "OPT", "C"))
    bid = next(float(one[4]) for one in told if one[:4] == ("1", "6", "10", "1"))
    (model,) = [one for one in told if one[:3] == ("21", "10", "13")]
    (at_bid,) = [one for one in told if one[:3] == ("21", "10", "10")]
    assert len(model) == 12
    volatility, delta, price = (float(one) for one in model[4:7])
    assert volatility == 0.25
    assert 0.5 < delta < 0.6  # at the money
    assert float(model[11]) == tws.control.quote("AAPL")["last"]
    assert abs(bid - price) < 0.03
    assert float(at_bid[6]) == bid
    assert float(at_bid[4]) < 0.25  # cheaper than the model


def test_frozen_data_of_a_halted_contract(tws: StandIn, connect: Connect) -> None:
    client = connect()
    client.send(59, 1, 2)
    assert ask(client, 10)[1] == ("58", "1", "10", "1")
    tws.control.set_halted("AAPL")
    assert ("58", "1", "11", "2") in ask(client, 11)
    client.send(59, 1, 9)
    assert client.error(-1)[0] == 321


# ------------------------------------------------------------------ what is refused
def test_refusals(tws: StandIn, connect: Connect) -> None:
    client = connect()
    assert ask(client, 10, (0, "NOPE", *AAPL[2:]))[0][3] == "200"
    assert ask(client, 11, (0, "AAPL", "OPT", "", 0, "", "", "SMART", "", "USD", "", ""))[0][4].startswith(
        "The contract description specified for AAPL is ambiguous"
    )
    ask(client, 12)
    assert ask(client, 12)[0][3] == "322"
    client.send(2, 2, 99)
    assert client.error(99) == (300, "Can't find EId with tickerId:99")


def test_hundred_streams_and_no_more(tws: StandIn, connect: Connect) -> None:
    tws.control.change_limits(messages=1000)
    client = connect()
    for number in range(100):
        client.send(1, 11, 1000 + number, *AAPL, 0, "", 0, 0, "")
    assert not [one for one in client.settle() if one[0] == "4"]
    assert ask(client, 2000) == [("4", "2", "2000", "101", "Max number of tickers has been reached")]
    client.send(2, 2, 1000)
    assert ask(client, 2001)[0][0] == "81"


def test_streams_end_with_their_client(tws: StandIn, connect: Connect) -> None:
    client = connect()
    ask(client, 10)
    client.close()
    tws.control.wait(lambda: not tws.control.streams())


def test_too_many_messages(tws: StandIn, connect: Connect) -> None:
    tws.control.change_limits(messages=5)
    client = connect()
    for _ in range(5 + 1 + 5 + 1 + 5 + 1):
        client.send(49, 1)
    assert client.is_cut()
    codes = [one[3] for one in client.seen if one[0] == "4" and one[2] == "-1"]
    assert codes[-3:] == ["100"] * 3


# ------------------------------------------------------------------ the walk
def quotes(listed: list[Listed], seed: int = 1) -> Quotes:
    return Quotes(Contracts(listed), seed, MONDAY_NS)


def test_walk_follows_from_seed_and_contract_alone() -> None:
    every = documented(dt.date(2025, 11, 24))
    apple = next(one for one in every if one.symbol == "AAPL")
    one, other, third = quotes(every), quotes([apple]), quotes([apple], 2)
    for made in (one, other, third):
        made.catch_up(MONDAY_NS + 600 * 10**9)
    assert asdict(one.of(apple)) == asdict(other.of(apple))
    assert asdict(one.of(apple)) != asdict(third.of(apple))


def test_walk_stays_near_its_beginning_and_on_ticks() -> None:
    future = next(one for one in documented(dt.date(2025, 11, 24)) if one.symbol == "ES")
    made = quotes([replace(future, price=1.0)])
    seen: list[float] = []
    made.listen(lambda listed, names: seen.append(made.of(listed).bid or 0.0))
    made.catch_up(MONDAY_NS + 1000 * 10**9)
    assert len(seen) > 1000
    assert all(0 < one <= 1.0 + (BAND + 1) * 0.25 and one % 0.25 == 0 for one in seen)


def test_average_price_of_the_day() -> None:
    (apple,) = [one for one in documented(dt.date(2025, 11, 24)) if (one.symbol, one.sec_type) == ("AAPL", "STK")]
    made = quotes([apple])
    made.put(apple, volume=0, turnover=0.0)
    made.put(apple, last=200.0, last_size=100)
    made.put(apple, last=203.0, last_size=50)
    assert made.of(apple).volume == 150
    assert made.of(apple).vwap == 201.0  # (200 x 100 + 203 x 50) / 150
    with pytest.raises(ValueError, match="a quote has no colour"):
        made.put(apple, colour=1)


def test_two_instances_share_nothing() -> None:
    script = Script(seed=5)
    script.market.walks = False
    with StandIn(script=script, clock=VirtualClock(MONDAY_NS, 0)) as one, StandIn() as two:
        one.control.set_quote("AAPL", bid=1.0)
        assert two.control.quote("AAPL")["bid"] != 1.0
        assert one.port != two.port
