"""Lists of instruments: in several frames, beyond the limit, and always with one answer that ends."""

from __future__ import annotations

from typing import Any

import pytest

from ctp2.core.backend import Event
from ctp2.front import lists, wire
from ctp2.front.limits import Limits
from tests.front import fake
from tests.front.conftest import Serve
from tests.front.raw import Raw
from tests.tts.programs import Watcher

LONG = tuple(f"code-{number:040d}" for number in range(3000))
"""46 bytes each: three frames."""


def refused(event: Event) -> tuple[str, int, bool]:
    assert event.info is not None
    return event.struct().InstrumentID, event.info.ErrorID, event.is_last


def part(client: Raw, name: str, codes: tuple[str, ...], number: int, is_last: bool, link: int = 1) -> None:
    """One frame of a list."""
    body = len(codes).to_bytes(4, "little") + b"".join(code.encode() + b"\0" for code in codes)
    slot = client.dialect._request_slots[name]
    client.send(wire.frame(wire.REQUEST, body, wire.FIELD | (wire.LAST if is_last else 0), slot, number, link))


@pytest.mark.parametrize("name", sorted(lists.SUBSCRIBE | lists.UNSUBSCRIBE))
def test_a_long_list_is_one_request(serve: Serve, backend: fake.Backend, name: str) -> None:
    server = serve("fake://x")
    with Raw(server.md, "md") as client:
        client.start()
        session = backend.next()
        client.request(name, LONG)
        client.request(name, ("a",))
        assert session.next(name).field == LONG
        assert session.next(name).field == ("a",)
        assert server.server.hubs["md"].stats.requests[name] == 2


def test_one_call_of_a_program_has_one_end(serve: Serve, counter_address: str, watcher: Any) -> None:
    """Through MdApi, with a limit in its way: 3,000 codes, 2,999 of them refused, and one last answer."""
    front = serve(counter_address, Limits(subscriptions=1))
    client: Watcher = watcher(front.md).login()
    client.subscribe("IF2101", *LONG[1:])
    answers = [call for call in client.spi.calls if call.name == "OnRspSubMarketData"]
    assert [call.is_last for call in answers] == [False] * 2999 + [True]
    assert [call.error_id for call in answers] == [6000] * 2999 + [0]
    assert answers[-1].field.InstrumentID == "IF2101"


def test_beyond_the_limit(serve: Serve, backend: fake.Backend) -> None:
    """The refused come first; the end is the backend's, or the last refusal where nothing is left for it."""
    server = serve("fake://x", Limits(subscriptions=2))
    with Raw(server.md, "md") as client:
        client.start()
        session = backend.next()
        client.request("SubscribeMarketData", ("a", "b", "c", "d"))
        assert [refused(client.event("OnRspSubMarketData")) for _ in range(2)] == [
            ("c", 6000, False),
            ("d", 6000, False),
        ]
        assert session.next("SubscribeMarketData").field == ("a", "b")
        client.request("SubscribeMarketData", ("e", "f"))
        assert [refused(client.event("OnRspSubMarketData")) for _ in range(2)] == [
            ("e", 6000, False),
            ("f", 6000, True),
        ]
        client.request("UnSubscribeMarketData", ("a",))
        client.request("SubscribeMarketData", ("b", "e"))
        assert session.next("SubscribeMarketData").field == ("b", "e")
        session.put(Event("OnFrontDisconnected", request_id=4097), Event("OnFrontConnected"))
        client.event("OnFrontConnected")
        client.request("SubscribeMarketData", ("x", "y"), link=2)
        assert session.next("SubscribeMarketData").field == ("x", "y")


def test_what_a_list_may_not_be(serve: Serve, backend: fake.Backend) -> None:
    """Another request before its end, one of another number, or more codes than anybody has."""
    server = serve("fake://x")
    codes = tuple("" for _ in range(65_000))

    def other_number(client: Raw) -> None:
        part(client, "SubscribeMarketData", ("b",), 2, is_last=True)

    def other_list(client: Raw) -> None:
        part(client, "UnSubscribeMarketData", ("b",), 1, is_last=True)

    def other_request(client: Raw) -> None:
        client.request("ReqQryMulticastInstrument")

    def too_long(client: Raw) -> None:
        for _ in range(4):
            part(client, "SubscribeMarketData", codes, 1, is_last=False)

    for bad in (other_number, other_list, other_request, too_long):
        with Raw(server.md, "md") as client:
            client.start()
            session = backend.next()
            part(client, "SubscribeMarketData", ("a",), 1, is_last=False)
            client.send(wire.ping(1) + wire.heartbeat())
            client.read(lambda frame: frame.kind == wire.PONG)  # no request: it may come in between
            bad(client)
            event = client.event("OnRspError")
            assert event.info is not None
            assert event.info.ErrorID == 4040
            assert client.ends()
            assert session.requests.empty()


def test_a_list_that_a_disconnect_meets_is_dropped(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x")
    with Raw(server.md, "md") as client:
        client.start()
        session = backend.next()
        part(client, "SubscribeMarketData", ("a",), 1, is_last=False)
        client.send(wire.ping(1))
        client.read(lambda frame: frame.kind == wire.PONG)
        session.put(Event("OnFrontDisconnected", request_id=4097), Event("OnFrontConnected"))
        client.event("OnFrontConnected")
        # The client had not seen it yet.
        part(client, "SubscribeMarketData", ("b",), 1, is_last=True)
        part(client, "SubscribeMarketData", ("c",), 2, is_last=True, link=2)
        assert session.next("SubscribeMarketData").field == ("c",)
