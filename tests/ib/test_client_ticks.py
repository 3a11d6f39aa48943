"""Packets of market data as records (spec ib 6.2, 6.5): whatever pieces they come in, and whatever is wrong in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ctp2.ib.records import TickGeneric, TickPrice, TickSize, TickString
from tests.ib.library import needed

needed()

PRICE = TickPrice(7, 1, 199.5, 3.0)
SIZE = TickSize(7, 0, 3.0)
GENERIC = TickGeneric(7, 49, 1.0)
TRADE = TickString(7, 48, "199.5;100;1764000000000;200;199.25;true")
TOLD = [
    ("1", "6", "7", "1", "199.5", "3", "1"),
    ("2", "6", "7", "0", "3"),
    ("45", "6", "7", "49", "1.0"),
    ("46", "6", "7", "48", "199.5;100;1764000000000;200;199.25;true"),
]


def frame(*fields: str) -> bytes:
    payload = "".join(f"{field}\0" for field in fields).encode()
    return len(payload).to_bytes(4, "big") + payload


PACKET = b"".join(frame(*fields) for fields in TOLD)


class _Timers:
    def monotonic(self) -> float:
        return 1.0

    def now_ns(self) -> int:
        return 0


class _Socket:
    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        raise AssertionError("the link was cut")


class Wire:
    """A connection behind its handshake: what is fed, and the records (None: a packet ended)."""

    def __init__(self) -> None:
        from ctp2.ib.client import Connection

        self.told: list[Any] = []
        timers: Any = _Timers()
        self.connection = Connection(timers, 1, "UTC", self.told.append, lambda why: None)
        self.connection._client.conn.transport = _Socket()
        self.feed: Callable[[bytes], None] = self.connection._on_data
        self.feed(frame("176", "20251124 16:00:00 UTC"))
        self.feed(frame("9", "1", "1") + frame("15", "1", "DU1"))
        self.told.clear()

    def ticks(self) -> list[Any]:
        return [record for record in self.told if type(record).__name__.startswith("Tick")]

    def ends(self) -> int:
        return sum(type(record).__name__ == "PacketEnd" for record in self.told)


@pytest.fixture
def wire() -> Iterator[Wire]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield Wire()
    asyncio.set_event_loop(None)
    loop.close()


def test_a_packet_ends_once(wire: Wire) -> None:
    wire.feed(PACKET * 3)
    assert wire.ticks() == [PRICE, SIZE, GENERIC, TRADE] * 3
    assert wire.ends() == 1


@pytest.mark.parametrize("at", range(1, len(PACKET)))
def test_wherever_it_is_cut(wire: Wire, at: int) -> None:
    wire.feed(PACKET[:at])
    wire.feed(PACKET[at:])
    assert wire.ticks() == [PRICE, SIZE, GENERIC, TRADE]


def test_byte_by_byte(wire: Wire) -> None:
    for at in range(len(PACKET)):
        wire.feed(PACKET[at : at + 1])
    assert wire.ticks() == [PRICE, SIZE, GENERIC, TRADE]


def test_empty_numbers_and_what_a_later_version_appends(wire: Wire) -> None:
    wire.feed(frame("1", "6", "7", "1", "199.5", "", "1", "new"))
    wire.feed(frame("2", "6", "7", "8", ""))
    wire.feed(frame("45", "6", "7", "49", ""))
    wire.feed(frame("46", "6", "7", "45", ""))
    wire.feed(frame("1", "6", "7", "1", "", "3", "1"))  # no price: no message
    assert wire.ticks() == [
        TickPrice(7, 1, 199.5, 0.0),
        TickSize(7, 8, 0.0),
        TickGeneric(7, 49, 0.0),
        TickString(7, 45, ""),
    ]


@pytest.mark.parametrize(
    "fields", [("1", "6", "x", "1", "2", "3", "1"), ("2", "6"), ("46", "6", "7"), ("45", "6", "7", "49", "one"), ("2",)]
)
def test_a_tick_that_cannot_be_read_is_left_out(
    wire: Wire, fields: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """The first one is worth a warning: there may be thousands in a second."""
    with caplog.at_level("WARNING", "ctp2.ib"):
        wire.feed(frame(*fields) * 2 + PACKET)
    assert wire.ticks() == [PRICE, SIZE, GENERIC, TRADE]
    assert caplog.text.count(f"a tick of TWS ({','.join(fields)}) cannot be read") == 1


@pytest.mark.parametrize("kind", ["TickSize", "PacketEnd"])
def test_a_fault_of_our_own_costs_no_connection(wire: Wire, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """What leaves the protocol's callback makes asyncio close the socket."""
    told = wire.told

    def tell(record: Any) -> None:
        if type(record).__name__ == kind:
            raise RuntimeError("a fault")
        told.append(record)

    wire.connection.wrapper._tell = tell
    wire.feed(PACKET)
    assert TRADE in wire.ticks()
    assert "a fault" in caplog.text
    caplog.clear()
