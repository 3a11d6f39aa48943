"""Whatever a client sends, the stand-in answers, refuses or cuts; it never breaks, and others go on undisturbed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random

import pytest

from ctp2.testing.tws import StandIn
from ctp2.testing.tws.requests import TABLE
from ctp2.testing.tws.wire import frame
from tests.testing.tws.orders import place, plain, short
from tests.testing.tws.wire_client import AAPL, Client

Connect = Callable[..., Client]

VALUES = (
    "",
    "0",
    "1",
    "-1",
    "7",
    "1.5",
    "-0.01",
    "1e9",
    "1e300",
    "1.7976931348623157e308",
    "Infinity",
    "-inf",
    "nan",
    "2147483647",
    "99999999999999999999",
    "AAPL",
    "SMART",
    "STK",
    "BAG",
    "LMT",
    "DU1000001",
    "20251124 10:00:00 US/Eastern",
    "20251124 10:00:00 No/Zone",
    "1 D",
    "$LEDGER:ALL",
    "\u8d44",
    "x" * 300,
)


MATTERS = (2, 17, 18, 19, 20, 21, 22, 24, 39, 51, 52, 86)
"""Fields of placeOrder that decide most."""


def requests(random: Random) -> list[object]:
    """A request whose fields are partly what they should be."""
    number = 3 if random.random() < 0.5 else random.choice(sorted(TABLE))
    if number == 3:
        fields = plain(random.choice((1, 2, 3)), random.choice((AAPL, ("", *AAPL[1:]))))
        for _ in range(random.choice((1, 1, 2, 8))):
            fields[random.choice((random.randrange(1, len(fields)), *MATTERS)) - 1] = random.choice(VALUES)
    else:
        length = len(TABLE[number].replace("C12", " ".join("x" * 12)).split()) + random.choice((-1, 0, 0, 0, 3))
        fields = [number, *(random.choice(VALUES) for _ in range(max(length - 1, 0)))]
        if random.random() < 0.5 and len(fields) > 15:
            fields[3:15] = AAPL
    return fields


@pytest.mark.parametrize("seed", range(8))
def test_any_fields(tws: StandIn, connect: Connect, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    tws.control.change_limits(messages=1_000_000)
    other = connect(99)
    place(other, 1, limit=190)
    random = Random(seed)
    client = connect(1)
    for _ in range(400):
        client.send(*requests(random))
    client.send(987654)  # the last one: an answer that no other request has
    client.until(lambda one: "987654" in one[-1])
    assert [record.getMessage() for record in caplog.records] == []
    assert short(place(other, 2, limit=190))[-1] == "status 2 Submitted 0 100 0"


@pytest.mark.parametrize("seed", range(8))
def test_any_bytes(tws: StandIn, connect: Connect, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    other = connect(99)
    random = Random(seed)
    for number in range(20):
        with Client(tws.port, 100 + number) as client:
            data = bytearray(frame((9, 8, 5, *AAPL, 0, "", "")) * 3)
            for _ in range(random.choice((1, 3, 20))):
                data[random.randrange(len(data))] = random.randrange(256)
            client.send_bytes(bytes(data))
    assert other.settle() == []
    assert [record.getMessage() for record in caplog.records] == []
