"""Links of a native program: refusals, silence, breaks, several fronts, frames that are none."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from queue import Empty
from typing import Any

import pytest

from ctp2.ctp import structs
from ctp2.front import wire
from tests.shim.caller import Api
from tests.shim.conftest import Start
from tests.shim.scripted import Front

pytestmark = pytest.mark.foreign


def said(capfd: Any) -> list[str]:
    """What stands on standard error."""
    return list(capfd.readouterr().err.splitlines())


def test_a_refusal_is_told_once_and_tried_again(program: Start, capfd: Any) -> None:
    _, spi, front = program()
    why = wire.Refusal(4040, "CTP:API Front shake hand err : version err", "this front speaks protocol 9")
    for _ in range(2):
        link = front.accept()
        link.frame()
        link.send(wire.refused(why)).close()
    front.start()
    assert spi.next().name == "OnFrontConnected"
    (line,) = said(capfd)
    assert line.startswith(f"ctp2: {front.address}: refuses this program: CTP:API Front shake hand err : version err")
    assert line.endswith("(4040): this front speaks protocol 9; trying again")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (wire.heartbeat() + wire.frame(wire.CAPABILITIES, b"{}"), "is no ctp2 front: its first frame is no welcome"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no ctp2 front: it does not send frames"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "expects TLS: write ssl:// instead of tcp://"),
        (b"", "closed the link without a word"),
    ],
)
def test_what_is_no_front(program: Start, capfd: Any, answer: bytes, words: str) -> None:
    _, spi, front = program()
    link = front.accept()
    link.frame()
    link.send(answer).close()
    front.start()
    assert spi.next().name == "OnFrontConnected"
    (line,) = said(capfd)
    assert words in line


def test_a_refusal_in_chinese_is_told_by_its_number(program: Start, capfd: Any) -> None:
    _, spi, front = program()
    link = front.accept()
    link.frame()
    link.send(wire.refused(wire.Refusal(5002, "CTP:系统忙", "too many links, 连接太多"))).close()
    front.start()
    assert spi.next().name == "OnFrontConnected"
    assert said(capfd) == [
        f"ctp2: {front.address}: refuses this program (5002): too many links, 连接太多; trying again"
    ]


def test_a_front_of_another_major_version(program: Start, capfd: Any) -> None:
    _, spi, front = program()
    front.accept().greet(major=2)
    front.start()
    assert spi.next().name == "OnFrontConnected"
    assert "speaks protocol 2, this library 1" in said(capfd)[0]


def test_a_front_of_the_other_kind_is_told(program: Start, capfd: Any) -> None:
    api, spi, front = program()
    front.start(side="md")
    spi.next("OnFrontConnected")
    assert api.request("ReqQryOrder", 1) == 0
    assert "the front is one of the other kind (market data)" in said(capfd)[0]


@pytest.mark.parametrize("length", [15, 0, 20, 65_544, 0xFFFF_FFF8])
def test_a_length_that_no_frame_has_ends_the_link(program: Start, length: int) -> None:
    _, spi, front = program()
    front.start().send(struct.pack("<IBBHii", length, wire.CALLBACK, 1, 0, 0, 0))
    spi.next("OnFrontConnected")
    assert spi.next().number == 8195
    front.start()
    assert spi.next().name == "OnFrontConnected"


@pytest.mark.parametrize(
    ("name", "flags", "size"),
    [
        ("OnRtnTrade", wire.LAST, 0),  # no struct
        ("OnRtnTrade", wire.LAST | wire.FIELD, 64),  # a part of it
        ("OnErrRtnOrderInsert", wire.LAST | wire.FIELD, 408),  # no RspInfo
        ("OnErrRtnOrderInsert", wire.LAST | wire.FIELD | wire.INFO, 408 + 80),  # a part of it
        ("OnRspError", wire.LAST, 0),
    ],
)
def test_a_callback_without_its_parts_ends_the_link(program: Start, name: str, flags: int, size: int) -> None:
    _, spi, front = program()
    link = front.start()
    link.send(wire.frame(wire.CALLBACK, bytes(size), flags, link.dialect._spi.index(name)))
    spi.next("OnFrontConnected")
    assert spi.next().number == 8195


def test_a_slot_that_the_revision_has_not(program: Start, capfd: Any) -> None:
    _, spi, front = program()
    link = front.start()
    for slot in (0xFFFF, len(link.dialect._spi)):
        link.send(wire.frame(wire.CALLBACK, bytes(64), wire.LAST | wire.FIELD, slot))
    link.call("OnRtnTrade", structs.CThostFtdcTradeField(TradeID="T"))
    spi.next("OnFrontConnected")
    assert spi.next().name == "OnRtnTrade"
    (line,) = said(capfd)
    assert line == f"ctp2: a callback of slot 65535 is left out: revision 6.7.11 has {len(link.dialect._spi)}"


def test_what_later_versions_may_send_is_skipped(program: Start) -> None:
    _, spi, front = program()
    link = front.start()
    link.send(wire.frame(99, b"anything"), wire.frame(wire.CAPABILITIES, b"{}"), wire.frame(wire.PACKED, b"?"))
    slot = link.dialect._spi.index("OnRtnTrade")
    trade = link.dialect.codec.pack(structs.CThostFtdcTradeField(TradeID="T"))
    # A flag of later versions, and a body that has grown.
    link.send(wire.frame(wire.CALLBACK, trade + bytes(64), wire.LAST | wire.FIELD | 128, slot))
    spi.next("OnFrontConnected")
    assert spi.struct(spi.next(), "CThostFtdcTradeField").TradeID == "T"


def test_ping_and_goodbye(program: Start, capfd: Any) -> None:
    _, spi, front = program()
    link = front.start().send(wire.ping(5))
    pong = link.read(wire.PONG)
    assert wire.read_pong(pong) == (5, 0)
    link.send(wire.goodbye(4097, "the front closes")).close()
    spi.next("OnFrontConnected")
    assert spi.next().number == 4097
    assert said(capfd) == [f"ctp2: {front.address} ends the link: the front closes"]


def test_heartbeats_of_the_client(program: Start) -> None:
    _, _, front = program()
    link = front.start(client_heartbeat_ms=50)
    for _ in range(3):
        assert link.frame().kind == wire.HEARTBEAT


def test_times_and_limits_beyond_all_measure(program: Start) -> None:
    api, spi, front = program()
    most = 0xFFFF_FFFF
    numbers = ("client_heartbeat_ms", "warning_ms", "silence_ms", "queries_in_flight", "queries_per_second")
    link = front.start(flow_identity="i" * 39, trading_day="d" * 15, **dict.fromkeys(numbers, most))
    spi.next("OnFrontConnected")
    assert [api.request("ReqQryOrder", number) for number in range(300)] == [0] * 300
    link.call("OnRspQryOrder", request_id=299)
    assert spi.next("OnRspQryOrder").number == 299


def test_silence_is_warned_of_and_ends_the_link(program: Start) -> None:
    _, spi, front = program()
    link = front.start(warning_ms=600, silence_ms=1200)
    spi.next("OnFrontConnected")
    assert spi.next()[:4] == ("OnHeartBeatWarning", None, None, 1)
    assert spi.next()[:4] == ("OnFrontDisconnected", None, None, 8193)
    assert link.ends()


@pytest.mark.parametrize(("version", "kind"), [("6.6.1", "trader"), ("6.7.11", "md")])
def test_who_does_not_warn(program: Start, version: str, kind: Any) -> None:
    _, spi, front = program(version, kind)
    front.start(warning_ms=100, silence_ms=400)
    assert [spi.next().name for _ in range(2)] == ["OnFrontConnected", "OnFrontDisconnected"]


def test_a_front_that_reads_nothing(program: Start) -> None:
    api, spi, front = program()
    front.start()
    spi.next("OnFrontConnected")
    results = [api.request("ReqOrderInsert", number) for number in range(40_000)]
    # 424 bytes each: more than the network and the 4 MiB behind it take.
    refused = results.index(-1)
    assert refused * 424 > 4 << 20
    assert set(results[:refused]) == {0}


@pytest.mark.slow
def test_what_cannot_be_sent_for_40_seconds_ends_the_link(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    while api.request("ReqOrderInsert", 1) == 0:
        pass
    began = time.monotonic()
    # The front goes on talking: it is not silence that ends the link.
    call = None
    while call is None and time.monotonic() - began < 120:
        link.send(wire.heartbeat())
        with suppress(Empty):
            call = spi.calls.get(timeout=0.5)
    assert call is not None
    assert call[:4] == ("OnFrontDisconnected", None, None, 8194)
    assert time.monotonic() - began >= 39


def test_the_pause_between_attempts_grows(program: Start) -> None:
    _, spi, front = program()
    times: list[float] = []
    for _ in range(3):
        front.accept().close()
        times.append(time.monotonic())
    assert times[1] - times[0] >= 0.9
    assert times[2] - times[1] >= 1.9
    # An open link ends the series.
    front.start().close()
    assert [spi.next().name for _ in range(2)] == ["OnFrontConnected", "OnFrontDisconnected"]
    front.start()
    assert spi.next().name == "OnFrontConnected"


def test_what_waits_is_sent_when_the_front_reads_again(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    count = 12_000
    assert {api.request("ReqOrderInsert", number) for number in range(count)} == {0}
    assert [link.read(wire.REQUEST).request_id for _ in range(count)] == list(range(count))


def test_a_server_that_is_killed_within_a_frame(program: Start) -> None:
    _, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.send(wire.frame(wire.CALLBACK, bytes(64), wire.FIELD, 3)[:40]).close()
    assert spi.next().number == 4097
    front.start()
    assert spi.next().name == "OnFrontConnected"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_several_fronts(program: Start, capfd: Any) -> None:
    other = Front("6.7.11")
    nobody = f"tcp://127.0.0.1:{closed_port()}"

    def register(api: Api) -> None:
        # The fixture has registered the first; the same again is no other.
        api.call("RegisterFront", nobody.encode())
        api.call("RegisterFront", nobody.encode())
        api.call("RegisterFront", other.address.encode())

    _, spi, front = program(before=register)
    link = front.start()
    spi.next("OnFrontConnected")
    link.close()
    assert spi.next().number == 4097
    link = other.start()  # the second is not there, so the third
    assert spi.next().name == "OnFrontConnected"
    # Cut off by the front, though the link stays: choose again, from the first on.
    link.call("OnFrontDisconnected", request_id=4097).call("OnFrontConnected")
    assert spi.next().number == 4097
    assert link.read(wire.GOODBYE).aux == 0
    front.start()
    assert spi.next().name == "OnFrontConnected"
    assert said(capfd) == [
        f"ctp2: {nobody}: nobody listens there: is the server running, and is this its port?; trying again"
    ]
    other.close()


def test_a_front_by_its_name(program: Start) -> None:
    named = Front("6.7.11")
    address = f"tcp://localhost:{named.port}".encode()
    _, spi, _ = program(before=lambda api: api.call("RegisterNameServer", address))
    named.start()
    assert spi.next().name == "OnFrontConnected"
    named.close()


def test_name_servers_come_before_fronts(program: Start) -> None:
    named = Front("6.7.11")
    _, spi, _ = program(before=lambda api: api.call("RegisterNameServer", named.address.encode()))
    named.start()
    assert spi.next().name == "OnFrontConnected"
    named.close()


@pytest.mark.parametrize(
    "address", [b"", b"tcp://", b"tcp://host", b"127.0.0.1:20002", b"tcp://127.0.0.1:0", b"x" * 5000]
)
def test_addresses_that_are_none(program: Start, address: bytes, capfd: Any) -> None:
    front = Front("6.7.11")

    def register(api: Api) -> None:
        api.call("RegisterFront", address)
        api.call("RegisterFront", None)

    _, spi, _ = program(before=register, front=front)
    front.start().close()
    spi.next("OnFrontConnected")
    spi.next("OnFrontDisconnected")
    front.start()
    assert spi.next().name == "OnFrontConnected"
    assert len(said(capfd)) == 1
    front.close()


def test_a_front_registered_after_init(program: Start, tmp_path: Any) -> None:
    first = Front("6.7.11")
    first.close()
    second = Front("6.7.11")
    api, spi, _ = program(front=first)
    api.call("RegisterFront", second.address.encode())
    second.start()
    assert spi.next().name == "OnFrontConnected"
    second.close()
