"""Many requests at once: whose turn it is, and how many may wait for the backend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.backend import Request
from ctp2.ctp import methods, structs
from ctp2.front import wire
from ctp2.front.hub import TURN
from ctp2.front.limits import Limits
from tests.front import fake
from tests.front.conftest import Serve
from tests.front.raw import Raw


class Busy(fake.Backend):
    """Serves nothing until it is told; notes in which order requests were handed to it."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[tuple[int, int]] = []
        self.done = 0
        self.sessions = 0

    def backlog(self) -> int:
        return len(self.handed) - self.done

    def session(self, kind: Any, sink: Any) -> fake.Session:
        session = super().session(kind, sink)
        number, self.sessions = self.sessions, self.sessions + 1

        def handle(request: Request) -> int:
            self.handed.append((number, request.request_id))
            return 0

        session.handle = handle  # type: ignore[method-assign]
        return session


def orders(client: Raw, first: int, last: int) -> bytes:
    method = methods.TRADER["ReqOrderInsert"]
    field = structs.CThostFtdcInputOrderField()
    return b"".join(
        client.dialect.encode_request(Request(method, field, number), 1)[0] for number in range(first, last + 1)
    )


def until(other: Raw, fits: Callable[[], bool]) -> None:
    """Until it fits; each look is a turn of the server's loop, which answers a ping of another link."""
    deadline = time.monotonic() + 30.0
    while not fits():
        assert time.monotonic() < deadline
        other.send(wire.ping(1))
        other.read(lambda frame: frame.kind == wire.PONG)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Busy:
    made = Busy()
    monkeypatch.setitem(registry._modules, "fake", fake.Module(made))
    return made


def test_what_waits_for_the_backend_is_bounded(serve: Serve, busy: Busy) -> None:
    server = serve("fake://x", Limits(waiting_requests=100))
    with Raw(server.trade) as client, Raw(server.trade) as other:
        client.start()
        other.start()
        sender = threading.Thread(target=client.send, args=(orders(client, 1, 2000),))
        sender.start()
        for done, handed in ((0, 100), (50, 150), (51, 151)):
            busy.done = done
            until(other, lambda handed=handed: len(busy.handed) >= handed)  # type: ignore[misc]
            for _ in range(20):
                until(other, lambda: True)
            assert len(busy.handed) == handed
        busy.done = 10**9
        until(other, lambda: len(busy.handed) >= 2000)
        assert busy.handed == [(0, number) for number in range(1, 2001)]
        sender.join()


def test_links_take_turns(serve: Serve, busy: Busy) -> None:
    """One has sent two thousand orders, one a few more than a turn, one a single one: all of them wait."""
    server = serve("fake://x", Limits(waiting_requests=1000))
    busy.done = -1000
    with ExitStack() as stack:
        first, second, third, other = (stack.enter_context(Raw(server.trade)) for _ in range(4))
        for link in (first, second, third, other):
            link.start()
        sender = threading.Thread(target=first.send, args=(orders(first, 1, 2000),))
        sender.start()
        until(other, lambda: len(server.server.hubs["trader"]._waiting) == 1)
        second.send(orders(second, 1, TURN + 6))
        until(other, lambda: len(server.server.hubs["trader"]._waiting) == 2)
        third.send(orders(third, 1, 1))
        until(other, lambda: len(server.server.hubs["trader"]._waiting) == 3)
        assert busy.handed == []
        busy.done = 10**9
        until(other, lambda: len(busy.handed) == 2000 + TURN + 6 + 1)
        assert busy.handed.index((2, 1)) <= 2 * TURN
        assert busy.handed.index((1, TURN + 6)) <= 4 * TURN
        for number, last in enumerate((2000, TURN + 6, 1)):
            assert [request for link, request in busy.handed if link == number] == list(range(1, last + 1))
        sender.join()


def test_who_is_cut_while_he_waits(serve: Serve, busy: Busy) -> None:
    server = serve("fake://x", Limits(waiting_requests=10))
    with Raw(server.trade) as client, Raw(server.trade) as other:
        client.start()
        other.start()
        client.send(orders(client, 1, 20))
        until(other, lambda: len(busy.handed) == 10)
        hub = server.server.hubs["trader"]
        server.call(lambda: hub._waiting[0].abort())
        until(other, lambda: len(hub.connections) == 1)
        busy.done = 10**9
        other.send(orders(other, 1, 1))
        until(other, lambda: (1, 1) in busy.handed)
        assert len(busy.handed) == 11


def test_a_counter_is_asked_how_much_waits(serve: Serve, counter_address: str) -> None:
    """A queue that is full holds up the links, and nothing is lost or refused."""
    server = serve(counter_address, Limits(waiting_requests=1))
    with Raw(server.trade) as client:
        client.start()
        client.login()
        client.request("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
        client.event("OnRspSettlementInfoConfirm")
        client.send(orders(client, 1, 300))  # without an instrument: refused one by one
        assert [client.event("OnRspOrderInsert").request_id for _ in range(300)] == list(range(1, 301))


def test_new_links_of_one_address(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(links_per_second=3))
    hub = server.server.hubs["trader"]
    now = [hub.now()]
    server.call(lambda: setattr(hub, "now", lambda: now[0]))
    with ExitStack() as stack:
        links = [stack.enter_context(Raw(server.trade)) for _ in range(5)]
        for link in links[:3]:
            link.start()
        for link in links[3:]:
            refusal = wire.read_refused(link.read(lambda frame: frame.kind == wire.REFUSED))
            assert refusal.error_id == 5002
            assert "127.0.0.1 has made 3 links within a second" in refusal.detail
            assert link.ends()
        now[0] += 1.0
        later = stack.enter_context(Raw(server.trade))
        later.start()
        now[0] += 1.0
        server.call(hub.look)
        assert not hub._arrivals
