"""Snapshots that several clients take together are encoded together; each still gets what it is to get."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.front import wire
from tests.front import fake
from tests.front.conftest import Serve
from tests.front.raw import Raw


def tick(code: str, price: float, build: Any = None) -> Event:
    field = structs.CThostFtdcDepthMarketDataField(InstrumentID=code, LastPrice=price)
    return Event("OnRtnDepthMarketData", field, build=build)


def codes(client: Raw, number: int) -> list[str]:
    """What the next callbacks are: the code of a snapshot, or the callback."""
    found: list[str] = []
    while len(found) < number:
        event = client.dialect.decode_event(client.read(lambda frame: frame.kind == wire.CALLBACK))
        assert event is not None
        found.append(event.struct().InstrumentID if event.callback == "OnRtnDepthMarketData" else event.callback)
    return found


def test_clients_of_the_same_and_of_other_instruments(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x")
    hub = server.server.hubs["md"]
    links = [Raw(server.md, "md", version) for version in ("6.7.13", "6.7.13", "6.3.15", "6.7.13")]
    sessions = []
    for link in links:
        link.start()
        sessions.append(backend.next())
    ticks = [tick(code, 1.0) for code in ("a", "b", "c", "d")]
    built = []

    def build(field: Any) -> Any:
        built.append(field)
        return field

    counted = tick("e", 1.0, build)

    def put() -> None:
        for session in sessions[:3]:
            session.put(*ticks, counted)
        sessions[3].put(ticks[1])
        sessions[3].put(Event("OnRtnForQuoteRsp", structs.CThostFtdcForQuoteRspField()), ticks[2], counted)

    had = hub.delivered
    server.call(put)  # on the loop: all of it waits there before the first of it goes out
    for link in links[:3]:
        assert codes(link, 5) == ["a", "b", "c", "d", "e"]
    assert codes(links[3], 4) == ["b", "OnRtnForQuoteRsp", "c", "e"]
    # Once for each version.
    assert len(built) == 2
    assert server.call(lambda: (hub.ticks, hub.delivered - had)) == (18, 19)
    for link in links:
        link.socket.close()


def test_one_that_cannot_be_sent(serve: Serve, backend: fake.Backend, caplog: pytest.LogCaptureFixture) -> None:
    """It is missing and told in the log; the others come."""
    server = serve("fake://x")

    def fail(field: Any) -> Any:
        raise ArithmeticError("no such price")

    with Raw(server.md, "md") as client:
        client.start()
        session = backend.next()
        with caplog.at_level(logging.ERROR, "ctp2"):
            session.put(tick("a", 1.0), tick("b", 1.0, fail), tick("c", 1.0))
            assert codes(client, 2) == ["a", "c"]
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["no such price"]
