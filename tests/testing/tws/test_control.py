"""What a test does to a stand-in while clients are connected, seen by a client on the wire."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from ctp2.testing.tws import StandIn
from ctp2.testing.tws.control import ControlError
from tests.testing.tws.orders import place, plain
from tests.testing.tws.wire_client import AAPL, Client, Fields

Connect = Callable[..., Client]


def subscribe(client: Client, number: int = 10, contract: tuple[object, ...] = AAPL, generic: str = "") -> list[Fields]:
    """A stream; gives what it begins with."""
    client.send(1, 11, number, *contract, 0, generic, 0, 0, "")
    return client.settle()


# ------------------------------------------------------------------ quotes
def test_set_quote_is_ticked(tws: StandIn, connect: Connect) -> None:
    client = connect()
    subscribe(client)
    tws.control.set_quote("AAPL", bid=199.5, bid_size=300, last=199.75, last_size=200)
    told = client.settle()
    assert ("1", "6", "10", "1", "199.5", "300", "1") in told  # the bid with its size, as 1 (bid) and 0 (bid size)
    assert ("2", "6", "10", "0", "300") in told
    assert ("1", "6", "10", "4", "199.75", "200", "0") in told


def test_quote_that_is_missing_or_negative(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.set_quote("ESZ5", bid=-1, bid_size=0, ask=math.nan, last=-37.63)
    es = tws.control.listed("ESZ5")
    told = subscribe(client, contract=(es.con_id, *[""] * 3, 0, "", "", "CME", "", "", "", ""))
    assert ("1", "6", "10", "1", "-1", "0", "1") in told
    assert ("1", "6", "10", "2", "NaN") in [one[:5] for one in told]
    assert ("1", "6", "10", "4", "-37.63") in [one[:5] for one in told]
    assert tws.control.quote("ESZ5")["last"] == -37.63


def test_unknown_names_say_what_there_is(tws: StandIn) -> None:
    with pytest.raises(ControlError, match="no contract NOPE; there are AAPL, MSFT"):
        tws.control.set_quote("NOPE", bid=1)
    with pytest.raises(ControlError, match="a quote has no bidd; it has ask, ask_size"):
        tws.control.set_quote("MSFT", bidd=1)
    with pytest.raises(ControlError, match="no sped; there are version, accounts"):
        tws.control.change(sped=1)
    with pytest.raises(ControlError, match="time_format is one of zone, utc, login, not noon"):
        tws.control.change(time_format="noon")
    with pytest.raises(ControlError, match=r"version is int, not 'high'; it is now 157"):
        tws.control.change(seed=2, version="high")
    assert tws.world.script.seed == 1  # all or none
    with pytest.raises(ControlError, match="zone Mars is not in the time zone database"):
        tws.control.change(zone="Mars")
    with pytest.raises(ControlError, match="no mesages; there are messages"):
        tws.control.change_limits(mesages=1)
    with pytest.raises(ControlError, match="no client 5 is connected"):
        tws.control.cut(5)
    with pytest.raises(ControlError, match="cut later; there are unread, unanswered, acknowledged"):
        tws.control.cut_on_order("later")
    with pytest.raises(ControlError, match="-1 bytes"):
        tws.control.cut_after(-1)
    with pytest.raises(ControlError, match="no permission all"):
        tws.control.permit("AAPL", "all")
    with pytest.raises(ControlError, match="no tick of kind smell"):
        tws.control.tick("AAPL", "smell", 1, 1)


def test_ambiguous_symbol_names_the_candidates(tws: StandIn) -> None:
    assert tws.control.listed("AAPL").sec_type == "STK"  # its local symbol is its alone
    tws.control.listed("EUR.USD")
    assert tws.control.listed("265598").symbol == "AAPL"


def test_walk_moves_by_the_clock_and_stands_when_told(tws: StandIn) -> None:
    tws.control.change_market(walks=True)
    before = tws.control.quote("SPY"), tws.control.quote("MSFT")
    tws.control.stand("MSFT")
    tws.control.advance(60)
    tws.control.wait(lambda: tws.control.quote("SPY") != before[0])
    assert tws.control.quote("MSFT") == before[1]
    tws.control.walk("MSFT")
    tws.control.advance(60)
    tws.control.wait(lambda: tws.control.quote("MSFT") != before[1])


def test_halt(tws: StandIn, connect: Connect) -> None:
    client = connect()
    subscribe(client)
    tws.control.set_halted("AAPL", 2)
    assert client.settle() == [("45", "6", "10", "49", "2")]
    tws.control.set_halted("AAPL", 0)
    assert client.settle() == [("45", "6", "10", "49", "0")]


def test_any_tick(tws: StandIn, connect: Connect) -> None:
    client = connect()
    subscribe(client, generic="233")
    text = ";100;1764000000000;5000;199.9;false"
    assert tws.control.tick("AAPL", "string", 48, text) == 1
    assert client.settle() == [("46", "6", "10", "48", text)]
    tws.control.tick("AAPL", "price", 37, 199.5)
    tws.control.tick("AAPL", "size", 86, 7)
    tws.control.tick("AAPL", "generic", 49, 1)
    assert client.settle() == [
        ("1", "6", "10", "37", "199.5", "0", "0"),
        ("2", "6", "10", "86", "7"),
        ("45", "6", "10", "49", "1"),
    ]
    assert tws.control.streams() == [(1, 10, "AAPL")]


def test_permissions(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.permit("AAPL", "delayed")
    assert subscribe(client)[0][:4] == ("4", "2", "10", "354")
    client.send(59, 1, 3)
    told = subscribe(client, 11)
    assert told[0][:4] == ("4", "2", "11", "10167")
    assert told[2] == ("58", "1", "11", "3")
    kinds = {int(one[3]) for one in told if one[0] in ("1", "2", "46") and one[2] == "11"}
    assert kinds == {66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 88}  # spec ib 6.7
    tws.control.permit("AAPL", "none")
    assert subscribe(client, 12)[0][:4] == ("4", "2", "12", "10168")


def test_depth_that_is_set(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.set_depth("AAPL", bids=[["ARCA", 199.9, 100], ["NASDAQ", 199.9, 200]], asks=[[200.1, 50]])
    client.send(10, 5, 20, *AAPL, 5, 0, "")
    assert client.settle() == [
        ("13", "1", "20", "0", "ARCA", "0", "1", "199.9", "100", "0"),
        ("13", "1", "20", "1", "NASDAQ", "0", "1", "199.9", "200", "0"),
        ("12", "1", "20", "0", "0", "0", "200.1", "50"),
    ]
    tws.control.set_depth("AAPL", bids=[["ARCA", 199.8, 100]], asks=[])
    assert client.settle() == [
        ("13", "1", "20", "0", "ARCA", "1", "1", "199.8", "100", "0"),
        ("13", "1", "20", "1", "NASDAQ", "2", "1", "0", "0", "0"),
        ("12", "1", "20", "0", "2", "0", "0", "0"),
    ]
    assert tws.control.reset_depth("AAPL") == 1
    told = client.settle()
    assert told[0][:4] == ("4", "2", "20", "317")
    assert told[1:] == [("13", "1", "20", "0", "ARCA", "0", "1", "199.8", "100", "0")]
    assert tws.control.halt_depth("AAPL") == 1
    assert client.settle()[0][:4] == ("4", "2", "20", "316")
    assert tws.control.halt_depth("AAPL") == 0  # it is at its end
    tws.control.set_depth("AAPL")
    assert client.settle() == []


# ------------------------------------------------------------------ messages and connections
def test_codes_and_any_message(tws: StandIn, connect: Connect) -> None:
    one, two = connect(1), connect(2)
    tws.control.emit(2103, "Market data farm connection is broken:usfarm")
    assert one.settle() == two.settle() == [("4", "2", "-1", "2103", "Market data farm connection is broken:usfarm")]
    tws.control.emit(399, "订单", number=7, client_id=2)
    assert (one.settle(), two.settle()) == ([], [("4", "2", "7", "399", r"\u8BA2\u5355")])
    tws.control.send([8, 1, "09:30"], client_id=1)
    assert (one.settle(), two.settle()) == ([("8", "1", "09:30")], [])
    assert sorted(tws.control.clients()) == [1, 2]


@pytest.mark.parametrize(("data_kept", "code", "streams"), [(True, 1102, 1), (False, 1101, 0)])
def test_connection_of_tws_to_ib(tws: StandIn, connect: Connect, data_kept: bool, code: int, streams: int) -> None:
    client = connect()
    subscribe(client)
    tws.control.lose_connection()
    assert client.error()[0] == 1100
    tws.control.restore_connection(data_kept=data_kept)
    assert client.error()[0] == code
    tws.control.set_quote("AAPL", bid=150.0, bid_size=100)
    assert len([one for one in client.settle() if one[:4] == ("1", "6", "10", "1")]) == streams


def test_paused_replies_come_later(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.pause()
    client.send(49, 1)
    tws.control.wait_for_frame("reqCurrentTime")
    with pytest.raises(TimeoutError):
        client.receive(0.05)
    tws.control.resume()
    assert client.receive() == ("49", "1", "1764000000")


def test_muted_line_stays_open(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.mute(1)
    client.send(49, 1)
    tws.control.wait_for_frame("reqCurrentTime")
    with pytest.raises(TimeoutError):
        client.receive(0.05)
    assert tws.control.clients() == [1]


def test_cut(tws: StandIn, connect: Connect) -> None:
    one, two = connect(1), connect(2)
    tws.control.cut(1)
    assert one.is_cut()
    assert two.settle() == []


def test_cut_after_bytes_ends_within_a_message(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.cut_after(20 + 10)  # a time is 4 + len("49|1|1764000000|") = 20 bytes
    client.send(49, 1)
    assert client.receive() == ("49", "1", "1764000000")
    client.send(49, 1)
    assert client.is_cut()


def test_down_up_and_restart(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.down()
    assert client.is_cut()
    with pytest.raises(ConnectionRefusedError):
        connect()
    tws.control.up(next_valid_id=900)
    assert ("9", "1", "900") in connect().seen
    tws.control.restart(1, remembers=False)
    assert ("9", "1", "1") in connect().seen


def test_stop_listening_keeps_clients(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        connect(2)
    assert client.settle() == []
    tws.control.listen()
    connect(2)


# ------------------------------------------------------------------ behaviour, time, looking
def test_accounts_and_versions(tws: StandIn, connect: Connect) -> None:
    tws.control.set_accounts({"DU1": 5.0, "DU2": 7.0})
    tws.control.change(version=176)
    client = connect()
    assert client.version == 176
    assert ("15", "1", "DU1,DU2,") in client.seen
    tws.control.change(version=150)
    refused = connect(2, starts=False)
    assert refused.is_cut()


def test_clock(tws: StandIn, connect: Connect) -> None:
    client = connect()
    tws.control.set_clock(1_700_000_000.5)
    assert tws.control.now() == 1_700_000_000.5
    tws.control.advance(1.5)
    client.send(49, 1)
    assert client.receive() == ("49", "1", "1700000002")
    tws.control.set_clock(pace=1000.0)
    tws.control.wait(lambda: tws.control.now() > 1_700_000_010)


def test_limits(tws: StandIn, connect: Connect) -> None:
    tws.control.change_limits(tickers=1)
    client = connect()
    subscribe(client, 10)
    assert subscribe(client, 11)[0][:4] == ("4", "2", "11", "101")


def test_frames(tws: StandIn, connect: Connect) -> None:
    client = connect(3)
    connect(4)
    client.send(62, 1, 5, "All", "NetLiquidation")
    client.settle()
    assert tws.control.frames("reqAccountSummary") == [("62", "1", "5", "All", "NetLiquidation")]
    assert tws.control.frames("62", client_id=4) == []
    assert tws.control.frames("startApi") == [("71", "2", "3", ""), ("71", "2", "4", "")]
    assert tws.control.frames("49", from_client=False) == [("49", "1", "1764000000")]
    assert [one[0] for one in tws.control.frames("49", 3, from_client=None)] == ["49", "49"]
    tws.control.forget_frames()
    assert tws.control.frames(from_client=None) == []
    with pytest.raises(TimeoutError, match="not within 0 s"):
        tws.control.wait_for_frame("placeOrder", timeout_s=0.01)


# ------------------------------------------------------------------ orders that meet a cut
def test_cut_before_an_order_is_read(tws: StandIn, connect: Connect) -> None:
    client, other = connect(1), connect(2)
    tws.control.cut_on_order("unread", 1)
    assert place(other, 5)
    # In one burst: nothing behind the order is read either.
    client.send_all(plain(5), plain(6))
    assert client.is_cut()
    assert [(one["client_id"], one["order_id"]) for one in tws.control.orders()] == [(2, 5)]


def test_cut_of_an_order_that_was_accepted(tws: StandIn, connect: Connect) -> None:
    client = connect()
    client.seen.clear()
    tws.control.cut_on_order("unanswered")
    client.send(*plain(5))
    assert client.is_cut()
    assert client.seen == []
    assert [one["order_id"] for one in tws.control.orders()] == [5]


def test_cut_of_an_order_that_was_acknowledged(tws: StandIn, connect: Connect) -> None:
    client = connect()
    client.seen.clear()
    tws.control.cut_on_order("acknowledged")
    client.send(*plain(5))
    assert client.is_cut()
    assert {one[0] for one in client.seen} >= {"3", "5"}  # orderStatus and openOrder
