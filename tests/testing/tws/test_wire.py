"""Frames, greeting and versions of the stand-in TWS (spec ib 6.1, 6.2), and requests that cannot be read (320)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from decimal import Decimal

import pytest

from ctp2.testing.tws import StandIn
from ctp2.testing.tws.requests import TABLE
from ctp2.testing.tws.wire import Framer, Hello, WireError, fields_of, frame, negotiated, parse_hello, text_of
from tests.testing.tws.orders import place, plain, short
from tests.testing.tws.wire_client import DEADLINE_S, Client

Connect = Callable[..., Client]


# ------------------------------------------------------------------ texts and frames
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "1"),
        (False, "0"),
        (7, "7"),
        (100.0, "100"),
        (0.00005, "0.00005"),
        (-0.0, "0"),
        (1e16, "10000000000000000"),
        (Decimal("2.50"), "2.5"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (float("nan"), "NaN"),
        ("\u8d44\u91d1", r"\u8D44\u91D1"),
        ("\U0001f600", r"\uD83D\uDE00"),
    ],
)
def test_text_of_a_field(value: object, text: str) -> None:
    assert text_of(value) == text


def test_frame_is_length_and_fields() -> None:
    assert frame((9, 1, 5)) == b"\x00\x00\x00\x069\x001\x005\x00"
    assert fields_of(b"9\x001\x00\x00") == ["9", "1", ""]
    with pytest.raises(WireError, match="without its last NUL"):
        fields_of(b"9")
    with pytest.raises(WireError, match="no UTF-8"):
        fields_of(b"\xff\x00")


def test_framer_takes_any_pieces() -> None:
    framer = Framer()
    data = b"API\0" + frame((1,)) + frame(("", "x"))
    found = [payload for at in range(len(data)) for payload in framer.feed(data[at : at + 1])]
    assert found == [b"1\x00", b"\x00x\x00"]
    with pytest.raises(WireError, match="largest has 16777216"):
        framer.feed(b"\x01\x00\x00\x01")
    with pytest.raises(WireError, match="not with API"):
        Framer().feed(b"GET / HTTP/1.1")


@pytest.mark.parametrize(
    ("text", "hello"),
    [("v157..176", (157, 176)), ("v157", (157, 157)), ("v100..151 +PACEAPI", (100, 151)), ("v157..178\0", (157, 178))],
)
def test_hello(text: str, hello: tuple[int, int]) -> None:
    assert parse_hello(text.encode()) == Hello(*hello)


@pytest.mark.parametrize("text", ["157", "v", "v1..", "v1..x", ""])
def test_bad_hello(text: str) -> None:
    with pytest.raises(WireError):
        parse_hello(text.encode())


@pytest.mark.parametrize(
    ("own", "hello", "version"),
    [
        (157, (157, 176), 157),
        (176, (157, 176), 176),
        (176, (100, 157), 157),
        (178, (157, 187), 178),
        (157, (163, 176), 0),
        (176, (100, 158), 157),  # the clients disagree about openOrder at 158
        (176, (158, 158), 0),
    ],
)
def test_version_is_the_smaller_maximum(own: int, hello: tuple[int, int], version: int) -> None:
    assert negotiated(own, Hello(*hello)) == version


# ------------------------------------------------------------------ the connection
def test_greeting_tells_version_and_time_and_nothing_else(tws: StandIn) -> None:
    client = Client(tws.port, starts=False)
    with client:
        assert client.receive() == ("157", "20251124 11:00:00 EST")
        client.send(49, 1)  # before START_API
        assert client.receive()[:4] == ("4", "2", "-1", "504")
        client.send(71, 2, 3, "")
        told = [client.receive() for _ in range(5)]
        assert told[:2] == [("15", "1", "DU1000001"), ("9", "1", "1")]
        assert [one[3] for one in told[2:]] == ["2104", "2106", "2158"]


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"API\0\0\0\0\x05hello", b"API\0\0\0\0\x09v900..901", b"API\0\xff\xff\xff\xff"]
)
def test_what_is_no_client_is_cut(tws: StandIn, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", tws.port), DEADLINE_S) as other:
        other.settimeout(DEADLINE_S)
        other.sendall(data)
        assert other.recv(100) == b""


def test_client_id_in_use(tws: StandIn, connect: Connect) -> None:
    first = connect(4)
    with Client(tws.port, starts=False) as second:
        second.receive()
        second.send(71, 2, 4, "")
        assert second.receive()[:4] == ("4", "2", "-1", "326")
        assert second.is_cut()
    assert first.settle() == []
    first.close()
    tws.control.wait(lambda: not tws.world.sessions)
    connect(4)


def test_no_burst_is_a_multiple_of_a_page(tws: StandIn, connect: Connect) -> None:
    """The official clients would lose it: its last byte follows by itself (spec ib 6.2)."""
    client = connect()
    # An error of 4096 bytes: four of length, "4", "2", "-1", "1" with their NULs are 9, and the text with its NUL.
    tws.control.emit(1, "x" * (4096 - 4 - 9 - 1))
    assert client.error() == (1, "x" * 4082)
    assert client.settle() == []


def test_every_request_is_answered_by_a_part(tws: StandIn) -> None:
    assert {spec.split()[0] for spec in TABLE.values()} == set(tws.handlers)


# ------------------------------------------------------------------ requests that cannot be read
@pytest.mark.parametrize(
    ("fields", "number", "text"),
    [
        ((4711, 1), "-1", "does not know message 4711"),
        (("x",), "-1", "a message of id 'x'"),
        ((4, 1), "-1", "ends after 2 fields, before orderId"),
        ((9, 8, 5, "many"), "5", "conId cannot be 'many'"),
        ((62, 1, 6, "All"), "6", "before tags"),
        ((61,), "-1", "before version"),
    ],
)
def test_unreadable_request_is_an_error_of_its_own(
    connect: Connect, fields: tuple[object, ...], number: str, text: str
) -> None:
    client = connect()
    client.send(*fields)
    told = client.settle()
    assert [one[:4] for one in told] == [("4", "2", number, "320")]
    assert text in told[0][4]


LEGS = [2, 1, 1, "BUY", "SMART", 0, 0, "", -1, 2, 1, "SELL", "SMART", 0, 0, "", -1, 2, 1.5, "", 1, "NonGuaranteed", "1"]


@pytest.mark.parametrize(
    ("place_at", "fields", "what"),
    [
        (36, LEGS, "a combination"),
        (67, ["OTHER", 1.5, 1, "", "", "", "", 0, 0, ""], "delta neutral"),
        (75, [0.5, "", "", "", 0, "", "", 0], "scale"),
        (78, ["B", "1"], "hedge"),
        (84, ["Adaptive", 1, "adaptivePriority", "Normal"], "algorithm"),
        (91, [1, 1, "a", 1, 200.5, 265598, "SMART", 0, 0, 0], "conditions"),
        (91, [2, 3, "o", 1, "20251124 12:00:00", 5, "a", "STK", "SMART", "AAPL", 0, 1], "conditions"),
    ],
)
def test_what_is_not_supported_is_read_to_the_end(
    connect: Connect, place_at: int, fields: list[object], what: str
) -> None:
    """Orders with parts that the stand-in refuses; the next message is still understood (spec ib 6.4)."""
    client = connect()
    message = plain(1)
    if place_at == 36:
        message[4] = "BAG"
        message[35:35] = fields
    elif place_at == 67:
        message[65:67] = fields
    else:
        # Numbers of fields count from 1; the part stands in the place of the field that announces it.
        first = {75: 73, 78: 77, 84: 83, 91: 90}[place_at]
        message[first : first + 1] = fields
    client.send(*message)
    told = client.settle()
    assert short(told) == ["error 1 321"]
    assert what in told[0][4]
    assert short(place(client, 1, limit=190))[-1] == "status 1 Submitted 0 100 0"
