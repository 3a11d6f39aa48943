"""A front against clients that are wrong, slow, hostile or too many: everybody else goes on undisturbed."""

from __future__ import annotations

import logging
import select
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from ctp2.core.backend import Event
from ctp2.core.errors import OpenFailed
from ctp2.ctp import methods, structs
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.connection import SLICE
from ctp2.front.limits import Limits
from ctp2.front.server import ServerThread
from tests.front import fake
from tests.front.conftest import Serve
from tests.front.raw import Raw

SOON = 0.05
"""Seconds, for limits that a test waits for."""


def tick(code: str, price: float) -> Event:
    return Event("OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID=code, LastPrice=price))


def order(number: int) -> Event:
    field = structs.CThostFtdcOrderField(InstrumentID="rb2605", OrderRef=str(number))
    return Event("OnRtnOrder", field, topic="private", sequence=number)


@pytest.fixture
def server(serve: Serve, backend: fake.Backend) -> ServerThread:
    return serve("fake://x")


# --- handshake -------------------------------------------------------------------------------------------------------


def test_the_welcome(server: ServerThread, backend: fake.Backend) -> None:
    with Raw(server.trade) as client:
        welcome = client.start()
    assert (welcome.side, welcome.major, welcome.trading_day, welcome.flow_identity) == (
        *("trader", 1, "20260105", "logs"),
    )
    assert (welcome.heartbeat_ms, welcome.client_heartbeat_ms) == (53_000, 15_000)
    assert (welcome.warning_ms, welcome.silence_ms) == (60_000, 120_000)
    assert abs(welcome.now_ns - server.server.clock.now_ns()) < 60e9


def test_capabilities_come_before_the_first_callback(server: ServerThread) -> None:
    with Raw(server.trade) as client:
        client.hello()
        kinds = [client.read(lambda frame: True).kind for _ in range(3)]
        assert kinds == [wire.WELCOME, wire.CAPABILITIES, wire.CALLBACK]


@pytest.mark.parametrize(
    ("changes", "what", "detail"),
    [
        ({"major": 2}, "version", "speaks protocol 1.0, the client 2"),
        ({"revision": "6.6.5"}, "version", "no layout '6.6.5'; there are 6.3.15"),
        ({"checksum": 12345}, "version", "the client's 6.7.13 is not the 6.7.13 of this front"),
    ],
)
def test_another_version_is_refused(server: ServerThread, changes: dict[str, Any], what: str, detail: str) -> None:
    with Raw(server.trade) as client:
        refusal = wire.read_refused(client.hello(**changes).read(lambda frame: frame.kind == wire.REFUSED))
        assert (refusal.error_id, refusal.message) == (4040, f"CTP:API Front shake hand err : {what} err")
        assert detail in refusal.detail
        assert client.ends()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        wire.frame(wire.HELLO, b"CTP2WIRE\1\0\0\0"),
        wire.frame(wire.HELLO, bytes(128)),
        wire.frame(wire.REQUEST, bytes(128)),
        struct.pack("<I", wire.MAX_HELLO + 8) + bytes(12),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(16),  # a TLS client
    ],
)
def test_what_is_no_hello_is_refused(server: ServerThread, data: bytes) -> None:
    with Raw(server.trade) as client:
        refusal = wire.read_refused(client.send(data).read(lambda frame: frame.kind == wire.REFUSED))
        assert (refusal.error_id, refusal.message) == (4040, "CTP:API Front shake hand err : decode err")
        assert client.ends()


def test_unknown_things_are_skipped(server: ServerThread, backend: fake.Backend) -> None:
    """A later minor version: a longer hello, more features, kinds and flags that nobody knows here."""
    with Raw(server.trade) as client:
        said = wire.hello(wire.Hello("trader", "6.7.13", client.dialect.checksum, features=0xFFFFFFFF, minor=9))
        longer = wire.frame(wire.HELLO, said[16:] + b"something new" * 9)
        client.send(wire.frame(wire.HEARTBEAT)[:0] + longer)
        welcome = wire.read_welcome(client.read(lambda frame: frame.kind == wire.WELCOME))
        assert welcome.features & ~wire.FEATURES == 0
        client.event("OnFrontConnected")
        client.send(wire.frame(200, b"of the future", flags=0xE0) + wire.frame(wire.TOPIC, b"", slot=1, aux=0)[:0])
        client.request("ReqOrderInsert", OrderRef="1")
        assert backend.next().next("ReqOrderInsert").field.OrderRef == "1"


def test_ping_before_and_after(server: ServerThread) -> None:
    with Raw(server.trade) as client:
        number, now = wire.read_pong(client.send(wire.ping(3)).read(lambda frame: frame.kind == wire.PONG))
        assert number == 3 and abs(now - server.server.clock.now_ns()) < 60e9
        client.start()
        assert wire.read_pong(client.send(wire.ping(4)).read(lambda frame: frame.kind == wire.PONG))[0] == 4


def test_who_says_nothing_has_to_go(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(handshake=SOON))
    with Raw(server.trade) as silent, Raw(server.trade) as slow:
        assert silent.ends()
        slow.send(b"\x90\0\0")
        assert slow.ends()


def test_a_backend_that_fails(server: ServerThread, backend: fake.Backend) -> None:
    backend.fails = OpenFailed("the venue is away")
    with Raw(server.trade) as client:
        refusal = wire.read_refused(client.hello().read(lambda frame: frame.kind == wire.REFUSED))
        assert refusal.error_id == 5002
        assert client.ends()
    backend.fails = None
    with Raw(server.trade) as client:
        client.start()


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_slot_that_is_no_request(server: ServerThread) -> None:
    with Raw(server.trade) as client:
        client.start()
        for slot in (0, 3, 60_000):  # Release, GetTradingDay, nothing
            client.send(wire.frame(wire.REQUEST, bytes(64), wire.FIELD, slot, request_id=slot + 1))
            answer = client.event("OnRspError")
            assert answer.info is not None
            assert (answer.info.ErrorID, answer.request_id, answer.is_last) == (77, slot + 1, True)


@pytest.mark.parametrize(
    "data",
    [
        wire.frame(wire.REQUEST, bytes(8), wire.FIELD, 16),  # a login of eight bytes
        wire.frame(wire.REQUEST, b"", 0, 16),
        wire.frame(wire.TOPIC, bytes(16), slot=9),
        wire.frame(wire.TOPIC, b"", slot=1),
        struct.pack("<I", wire.MAX_FRAME + 8) + bytes(12),
        struct.pack("<I", 3) + bytes(12),
    ],
)
def test_bad_frames_are_4040_and_the_end(server: ServerThread, backend: fake.Backend, data: bytes) -> None:
    with Raw(server.trade) as other, Raw(server.trade) as client:
        other.start()
        backend.next()
        client.start()
        session = backend.next()
        answer = client.send(data).event("OnRspError")
        assert answer.info is not None
        assert (answer.info.ErrorID, answer.info.ErrorMsg) == (4040, "CTP:API Front shake hand err : decode err")
        assert client.ends()
        assert session.closed.wait(fake.TIMEOUT)
        assert other.login().struct().UserID == "alice"


def test_requests_of_an_old_link_are_dropped(server: ServerThread, backend: fake.Backend) -> None:
    with Raw(server.trade) as client:
        client.start()
        session = backend.next()
        session.put(Event("OnFrontDisconnected", request_id=4097), Event("OnFrontConnected"))
        client.event("OnFrontConnected")
        client.request("ReqQryOrder", link=1)  # sent before the client had seen the disconnect
        client.request("ReqQryOrder", link=2)
        assert session.next("ReqQryOrder").request_id == 2


def test_a_second_query_waits_for_the_first(server: ServerThread, backend: fake.Backend) -> None:
    with Raw(server.trade) as client:
        client.start()
        session = backend.next()
        for _ in range(3):
            client.request("ReqQryOrder")
        client.request("ReqOrderInsert")
        for number in (1, 2, 3):
            assert session.next("ReqQryOrder").request_id == number
            assert number == 3 or session.requests.empty()
            session.put(Event("OnRspQryOrder", None, None, number))
        assert session.next("ReqOrderInsert").request_id == 4


@pytest.mark.parametrize("result", [-2, -3])
def test_what_the_backend_does_not_take_is_answered(server: ServerThread, backend: fake.Backend, result: int) -> None:
    with Raw(server.trade) as client:
        client.start()
        backend.next().result = result
        client.request("ReqQryOrder")
        answer = client.event("OnRspQryOrder" if result == -2 else "OnRspError")
        assert answer.info is not None
        assert (answer.info.ErrorID, answer.request_id) == (5002 if result == -2 else 90, 1)


def test_a_rate_of_requests_delays_and_loses_none(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(requests_per_second=50))
    with Raw(server.trade) as client:
        assert client.start().requests_per_second == 50
        session = backend.next()
        for number in range(1, 61):
            client.request("ReqOrderInsert", OrderRef=str(number))
        for number in range(1, 61):
            assert session.next("ReqOrderInsert").field.OrderRef == str(number)


def test_flow_positions_reach_the_backend(server: ServerThread, backend: fake.Backend) -> None:
    with Raw(server.trade) as client:
        client.start()
        session = backend.next()
        client.send(wire.topic("private", "20260105", 41) + wire.topic("public", "", -1))
        client.login()
        assert session.topics == [("private", "20260105", 41), ("public", "", -1)]


# --- limits ----------------------------------------------------------------------------------------------------------


def test_links_of_one_address(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(per_address=2))
    with Raw(server.trade) as first, Raw(server.trade) as second:
        first.start()
        second.start()
        with Raw(server.trade) as third:
            refusal = wire.read_refused(third.read(lambda frame: frame.kind == wire.REFUSED))
            assert refusal.error_id == 5002 and "2 links from 127.0.0.1" in refusal.detail
            assert third.ends()
        session = backend.next()
        first.socket.close()
        assert session.closed.wait(fake.TIMEOUT)
        with Raw(server.trade) as fourth:
            fourth.start()


def test_links_in_all(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(connections=1))
    with Raw(server.trade) as first, Raw(server.trade) as second:
        first.start()
        assert second.ends()


def test_logins_of_one_user(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(per_user=1))
    with Raw(server.trade) as first, Raw(server.trade) as second:
        first.start()
        second.start()
        session = backend.next()
        assert first.login().info.ErrorID == 0  # type: ignore[union-attr]
        assert second.login().info.ErrorID == 60  # type: ignore[union-attr]
        assert second.login("bob").info.ErrorID == 0  # type: ignore[union-attr]
        session.put(Event("OnFrontDisconnected", request_id=4097), Event("OnFrontConnected"))
        first.event("OnFrontConnected")
        with Raw(server.trade) as third:
            third.start()
            assert third.login().info.ErrorID == 0  # type: ignore[union-attr]


# --- silence ---------------------------------------------------------------------------------------------------------


def test_the_front_beats_and_drops_who_does_not(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(heartbeat=SOON, silence=4 * SOON))
    with Raw(server.trade) as client:
        client.start()
        assert client.read(lambda frame: frame.kind == wire.HEARTBEAT)
        assert client.ends()
    assert backend.next().closed.wait(fake.TIMEOUT)


def test_a_client_that_beats_stays(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(heartbeat=SOON, silence=10 * SOON))
    with Raw(server.trade) as client:
        client.start()
        for _ in range(30):
            client.read(lambda frame: frame.kind == wire.HEARTBEAT)
            client.send(wire.heartbeat())
        assert client.login().struct().UserID == "alice"


# --- slow readers ----------------------------------------------------------------------------------------------------

SMALL = 8_192
"""Bytes that the system keeps for a client that does not read."""


def fill(session: fake.Session, send: Callable[[int], Event]) -> int:
    """Send until the network takes no more; returns how many were sent."""
    number = 0
    while not session.sink.is_blocked:  # type: ignore[attr-defined]
        number += 1
        session.put(send(number))
    return number


def test_snapshots_are_conflated_for_who_is_behind(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(behind_events=10**9, behind_bytes=16_384))
    with Raw(server.md, "md", receive=SMALL) as client, Raw(server.md, "md") as other:
        client.start()
        session = backend.next()
        other.start()
        quick = backend.next()
        sent = fill(session, lambda number: tick("rb2605", number))
        for price in range(1, 1001):
            session.put(tick("rb2605", sent + price), tick("IF2601", price), Event("OnRtnForQuoteRsp", None))
        assert session.sink.depth < 60 + 1000 + 2 + sent
        quick.put(tick("rb2605", 7.0))
        assert other.event("OnRtnDepthMarketData").struct().LastPrice == 7.0
        prices: dict[str, list[float]] = {"rb2605": [], "IF2601": []}
        requests = 0
        while requests < 1000 or prices["IF2601"][-1:] != [1000.0] or prices["rb2605"][-1:] != [sent + 1000.0]:
            event = client.dialect.decode_event(client.read(lambda frame: frame.kind == wire.CALLBACK))
            assert event is not None
            if event.callback == "OnRtnForQuoteRsp":
                requests += 1
            elif event.callback == "OnRtnDepthMarketData":
                prices[event.struct().InstrumentID].append(event.struct().LastPrice)
        # What was sent before it was behind came whole and in order; then the newest only.
        # (The last one may have come a moment after the network had filled up.)
        assert prices["rb2605"][: sent - 1] == [float(number) for number in range(1, sent)]
        assert len(prices["rb2605"]) < sent + 900
        assert prices["rb2605"] == sorted(prices["rb2605"])
        assert prices["IF2601"] == sorted(prices["IF2601"])
        conflated = server.call(lambda: server.server.hubs["md"].conflated)
        received = len(prices["rb2605"]) + len(prices["IF2601"])
        assert conflated == sent + 2000 - received > 100


def test_who_stops_reading_is_cut_and_nobody_else_notices(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(behind_bytes=16_384, waiting_events=2_000))
    with Raw(server.trade, receive=SMALL) as client, Raw(server.trade) as other:
        client.start()
        session = backend.next()
        other.start()
        quick = backend.next()
        number = 0
        while not session.closed.is_set():
            number += 1
            session.put(order(number))
            # One more than may wait makes it overflow; a slice may have been taken and not be written yet.
            assert session.sink.depth <= 2_001 + SLICE
        quick.put(order(1))
        assert other.event("OnRtnOrder").sequence == 1
        session.put(order(number + 1))  # nobody is there any more
        assert session.sink.depth == 0
        assert server.server.hubs["trader"].cut == 1


def test_who_takes_nothing_for_too_long_is_cut(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(behind_bytes=16_384, stalled=SOON))
    with Raw(server.trade, receive=SMALL) as client:
        client.start()
        session = backend.next()
        fill(session, order)
        assert session.closed.wait(fake.TIMEOUT)


def test_requests_of_who_is_behind_wait(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", Limits(behind_events=10**9, behind_bytes=16_384))
    with Raw(server.trade, receive=SMALL) as client:
        client.start()
        session = backend.next()
        sent = fill(session, order)
        client.request("ReqOrderInsert")
        client.send(wire.ping(1))
        assert session.requests.empty()
        while client.event("OnRtnOrder").sequence < sent:
            pass
        assert session.next("ReqOrderInsert").request_id == 1


def test_pings_of_who_does_not_read_fill_the_network_only(serve: Serve, backend: fake.Backend) -> None:
    """Before the welcome and after it: what cannot be answered is not read."""
    server = serve("fake://x", Limits(behind_bytes=16_384, stalled=300.0, handshake=300.0))
    for is_welcome in (False, True):
        with Raw(server.trade, receive=SMALL) as client:
            if is_welcome:
                client.start()
            client.socket.setblocking(False)
            pings = b"".join(wire.ping(number) for number in range(1000))
            sent = 0
            while select.select([], [client.socket], [], 0.5)[1]:
                sent += client.socket.send(pings)
                assert sent < 64 << 20, "the front takes everything"
            client.socket.settimeout(10)
            answers = sent // len(wire.ping(1)) * len(wire.pong(wire.Frame(0, 0, 0, 0, 0, memoryview(b"")), 0))
            while answers > 0:
                answers -= len(client.socket.recv(1 << 20))


def test_the_user_who_was_let_in_is_counted(serve: Serve, backend: fake.Backend) -> None:
    """Two logins are on their way and the backend takes the second: bob is in, alice is not."""
    server = serve("fake://x", Limits(per_user=1))
    with Raw(server.trade) as first, Raw(server.trade) as second:
        first.start()
        session = backend.next()
        first.login("alice")
        bob = structs.CThostFtdcRspUserLoginField(UserID="bob")
        session.put(Event("OnRspUserLogin", bob, rsp_info(0), 9))
        first.event("OnRspUserLogin")
        second.start()
        assert second.login("bob").info.ErrorID == 60  # type: ignore[union-attr]
        assert second.login("alice").info.ErrorID == 0  # type: ignore[union-attr]


def test_a_reader_at_full_speed_is_told_when_it_is_idle(server: ServerThread, backend: fake.Backend) -> None:
    import threading

    with Raw(server.md, "md") as client:
        client.start()
        session = backend.next()
        idle = threading.Event()
        session.put(tick("a", 1.0))
        session.sink.when_idle(idle.set)
        client.event("OnRtnDepthMarketData")
        assert idle.wait(fake.TIMEOUT)
        at_once: list[int] = []
        session.sink.when_idle(lambda: at_once.append(1))
        assert at_once == [1] and session.sink.depth == 0


# --- the end ---------------------------------------------------------------------------------------------------------


def test_a_client_that_goes_leaves_nothing(server: ServerThread, backend: fake.Backend) -> None:
    sessions = []
    for _ in range(20):
        with Raw(server.trade) as client:
            client.start()
            sessions.append(backend.next())
            client.login()
    for session in sessions:
        assert session.closed.wait(fake.TIMEOUT)
    hub = server.server.hubs["trader"]
    assert server.call(lambda: (len(hub.connections), dict(hub._addresses), dict(hub._users))) == (0, {}, {})


def test_a_stop_says_goodbye(server: ServerThread, backend: fake.Backend) -> None:
    with Raw(server.trade) as client:
        client.start()
        session = backend.next()
        session.put(order(1))
        server.stop()
        assert client.event("OnRtnOrder").sequence == 1
        assert wire.read_text(client.read(lambda frame: frame.kind == wire.GOODBYE)) == "the front closes"
        assert client.ends()


def test_an_event_that_cannot_be_sent_does_not_end_the_link(
    server: ServerThread, backend: fake.Backend, caplog: pytest.LogCaptureFixture
) -> None:
    with Raw(server.trade) as client:
        client.start()
        session = backend.next()

        def fails(_: Any) -> Any:
            raise RuntimeError("a bug of the backend")

        session.put(Event("OnRtnOrder", 1, build=fails), order(2))
        assert client.event("OnRtnOrder").sequence == 2
    assert "cannot be sent" in caplog.text


def test_a_client_cannot_forge_a_log_line(server: ServerThread, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ctp2.front")
    with Raw(server.trade) as client:
        client.start(library='x"\nlogin user=root')
    lines = [record.getMessage() for record in caplog.records]
    assert any(r'library="x\"\nlogin user=root"' in line for line in lines)
    assert not any(line.startswith("login user=root") for text in lines for line in text.splitlines())


def test_a_port_that_is_taken(serve: Serve, backend: fake.Backend) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            serve("fake://x", trade_port=taken.getsockname()[1])
    assert backend.closed.wait(fake.TIMEOUT)


def test_answers_know_their_error(server: ServerThread, backend: fake.Backend) -> None:
    """An error of the backend travels with its text."""
    with Raw(server.trade, version="6.3.15") as client:
        client.start()
        method = methods.TRADER["ReqOrderInsert"]
        field = structs.CThostFtdcInputOrderField(InstrumentID="rb2605")
        backend.next().put(Event(method.response, field, rsp_info(31), 5))
        answer = client.event("OnRspOrderInsert")
        assert answer.info == rsp_info(31) and answer.struct().InstrumentID == "rb2605"
