"""The client's side of a link: what it does when the front is silent, wrong, gone, or wants TLS."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ctp2 import mdapi, tdapi
from ctp2.core.address import parse
from ctp2.core.backend import Event
from ctp2.core.errors import AddressError, BadPacket, OpenFailed, VersionRefused
from ctp2.ctp import methods, structs
from ctp2.front import backend, wire
from ctp2.front.dialect import dialect
from ctp2.front.handshake import connect, greet
from ctp2.front.link import read_capabilities
from ctp2.front.server import Config, ServerThread
from ctp2.testing import TraderRecorder
from tests.front import fake
from tests.front.conftest import Make, Serve

TLS = Path(__file__).resolve().parents[1] / "data" / "tls"
WELCOME = wire.Welcome("trader", 0, 53_000, 15_000, 60_000, 120_000, 0, 1, "20260105", "logs", "a test")
CONNECTED = dialect("6.7.13", "trader").encode_event(Event("OnFrontConnected"))

Play = Callable[[socket.socket], None]


class Front:
    """A front that does what a test wants, once per link."""

    def __init__(self, *plays: Play) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.address = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.links: list[socket.socket] = []
        self.thread = threading.Thread(target=self.run, args=(plays,), daemon=True)
        self.thread.start()

    def run(self, plays: tuple[Play, ...]) -> None:
        for play in plays:
            link, _ = self.listener.accept()
            link.settimeout(10)
            self.links.append(link)
            with suppress(OSError):  # the client may be gone first, or the test over
                play(link)

    def close(self) -> None:
        for link in (self.listener, *self.links):
            link.close()
        self.thread.join(10)


@pytest.fixture
def front() -> Iterator[Callable[..., Front]]:
    with ExitStack() as stack:

        def start(*plays: Play) -> Front:
            made = Front(*plays)
            stack.callback(made.close)
            return made

        yield start


@pytest.fixture
def client() -> Iterator[Callable[[str], tuple[Any, TraderRecorder]]]:
    with ExitStack() as stack:

        def start(*addresses: str) -> tuple[Any, TraderRecorder]:
            spi = TraderRecorder()
            api: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
            stack.callback(api.Release)
            api.RegisterSpi(spi)
            for address in addresses:
                api.RegisterFront(address)
            api.Init()
            return api, spi

        yield start


def accept(link: socket.socket, **changes: Any) -> None:
    """Read the hello and accept the client."""
    assert link.recv(65_536)
    link.sendall(wire.welcome(WELCOME._replace(**changes)) + CONNECTED)


# --- how a link ends -------------------------------------------------------------------------------------------------


def test_the_front_closes(front: Callable[..., Front], client: Callable[..., Any]) -> None:
    def play(link: socket.socket) -> None:
        accept(link)
        link.close()

    _, spi = client(front(play, accept).address)
    assert spi.wait_for("OnFrontDisconnected").number == 4097
    spi.wait_for("OnFrontConnected", count=2)


def test_a_frame_that_cannot_be(front: Callable[..., Front], client: Callable[..., Any]) -> None:
    def play(link: socket.socket) -> None:
        accept(link)
        link.sendall(b"\xff" * 16)

    _, spi = client(front(play).address)
    assert spi.wait_for("OnFrontDisconnected").number == 8195


def test_silence(front: Callable[..., Front], client: Callable[..., Any]) -> None:
    beats: list[int] = []

    def play(link: socket.socket) -> None:
        accept(link, client_heartbeat_ms=20, warning_ms=100, silence_ms=200)
        cutter = wire.Cutter()
        try:
            while data := link.recv(65_536):
                beats.extend(frame.kind for frame in cutter.feed(data))
        except OSError:
            return

    _, spi = client(front(play).address)
    spi.wait_for("OnHeartBeatWarning")
    assert spi.wait_for("OnFrontDisconnected").number == 8193
    assert spi.names[:3] == ["OnFrontConnected", "OnHeartBeatWarning", "OnFrontDisconnected"]
    assert set(beats) == {wire.HEARTBEAT}
    assert 2 <= len(beats) <= 10  # every 20 ms in 200 ms


def test_an_old_revision_knows_no_warning(front: Callable[..., Front], client: Callable[..., Any]) -> None:
    _, spi = client(front(lambda link: accept(link, warning_ms=20, silence_ms=60)).address + "?layout=6.6.1")
    assert spi.wait_for("OnFrontDisconnected").number == 8193
    assert spi.names == ["OnFrontConnected", "OnFrontDisconnected"]


def test_a_front_that_takes_nothing(
    front: Callable[..., Front], client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests wait in a bounded buffer, then they are refused, then the link is given up."""
    monkeypatch.setattr(wire, "SEND_LIMIT", 0.2)
    api, spi = client(front(accept).address)
    spi.wait_for("OnFrontConnected")
    field = structs.CThostFtdcInputOrderField(InstrumentID="rb2605")
    results = []
    for number in range(100_000):
        results.append(api.ReqOrderInsert(field, number))
        if results[-1]:
            break
    assert results[-1] == -1
    assert spi.wait_for("OnFrontDisconnected").number == 8194


def test_what_a_later_front_sends_is_skipped(front: Callable[..., Front], client: Callable[..., Any]) -> None:
    def play(link: socket.socket) -> None:
        assert link.recv(65_536)
        longer = wire.frame(wire.WELCOME, wire.welcome(WELCOME)[16:] + b"something new" * 5)
        unknown = wire.frame(99, b"?") + wire.frame(wire.CALLBACK, b"?", slot=9999)
        link.sendall(longer + unknown + wire.ping(7) + CONNECTED)
        cutter = wire.Cutter()
        frames: list[wire.Frame] = []
        while not frames:
            frames = [frame for frame in cutter.feed(link.recv(65_536)) if frame.kind == wire.PONG]
        assert frames[0].request_id == 7
        link.sendall(
            dialect("6.7.13", "trader").encode_event(Event("OnHeartBeatWarning", request_id=frames[0].request_id))
        )

    _, spi = client(front(play).address)
    assert spi.wait_for("OnHeartBeatWarning").number == 7


def test_numbers_that_pass_are_counted(front: Callable[..., Front], client: Callable[..., Any], tmp_path: Path) -> None:
    here = dialect("6.7.13", "trader")
    answer = structs.CThostFtdcRspUserLoginField(TradingDay="20260105")

    def play(link: socket.socket) -> None:
        from ctp2.ctp.errors import rsp_info

        accept(link)
        link.sendall(here.encode_event(Event("OnRspUserLogin", answer, rsp_info(0), 1)) + wire.passed("private", 9))
        link.sendall(here.encode_event(Event("OnRtnPrivateSeqNo", request_id=9)))
        link.recv(1)

    api, spi = client(front(play).address)
    spi.wait_for("OnRtnPrivateSeqNo")
    assert api._flow._positions["private"].count == 9


# --- how it does not begin -------------------------------------------------------------------------------------------


def opening(address: str) -> None:
    target = backend.target_of(parse(address))
    with connect(target) as link:
        greet(link, target, "trader")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OpenFailed, match=f"nobody listens at 127.0.0.1:{port}"):
        opening(f"tcp://127.0.0.1:{port}")


def test_a_host_without_name() -> None:
    with pytest.raises(OpenFailed, match=r"cannot connect to nowhere\.invalid:1"):
        opening("tcp://nowhere.invalid:1")


def test_another_service(front: Callable[..., Front]) -> None:
    with pytest.raises(OpenFailed, match="is no ctp2 front"):
        opening(front(lambda link: link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")).address)


def test_a_service_that_hangs_up(front: Callable[..., Front]) -> None:
    with pytest.raises(OpenFailed, match=r"without a word: does it expect TLS \(ssl://\)\? an original CTP front"):
        opening(front(lambda link: (link.recv(65_536), link.close())).address)


def test_another_major(front: Callable[..., Front]) -> None:
    later = wire.Refusal(4040, "CTP:API Front shake hand err : version err", "this front speaks protocol 2")
    with pytest.raises(VersionRefused, match="this front speaks protocol 2"):
        opening(front(lambda link: link.sendall(wire.refused(later))).address)
    with pytest.raises(VersionRefused, match="speaks protocol 2, this ctp2 speaks 1"):
        opening(front(lambda link: link.sendall(wire.welcome(WELCOME._replace(major=2)))).address)


def test_a_busy_front(front: Callable[..., Front]) -> None:
    busy = wire.Refusal(5002, "CTP:系统忙", "this front has 5 links already")
    with pytest.raises(OpenFailed, match=r"系统忙 \(5002\): this front has 5 links already"):
        opening(front(lambda link: link.sendall(wire.refused(busy))).address)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kinds":3,"requests":[]}'])
def test_capabilities_that_cannot_be_read(front: Callable[..., Front], client: Callable[..., Any], text: str) -> None:
    def play(link: socket.socket) -> None:
        accept(link)
        link.sendall(wire.frame(wire.CAPABILITIES, text.encode()))

    _, spi = client(front(play).address)
    assert spi.wait_for("OnFrontDisconnected").number == 8195


def test_capabilities_of_an_older_layout() -> None:
    text = '{"kinds":["trader","web"],"requests":["ReqQryOrder","ReqQryClassifiedInstrument"],"later":1}'
    told = read_capabilities(text, dialect("6.3.15", "trader").requests)
    assert (sorted(told.kinds), sorted(told.requests)) == (["trader"], ["ReqQryOrder"])
    with pytest.raises(ValueError, match="Expecting"):
        read_capabilities("", frozenset())
    assert issubclass(BadPacket, Exception)


# --- addresses -------------------------------------------------------------------------------------------------------


def test_addresses() -> None:
    target = backend.target_of(parse("tcp://[::1]:20002?layout=6.6.7&compress=on"))
    assert (target.host, target.port, target.revision, target.packs, target.tls) == ("::1", 20002, "6.6.7", True, False)
    assert target.place == "[::1]:20002"
    target = backend.target_of(parse("tcp6://::1:20002"))
    assert (target.host, target.port, target.is_v6, target.tls) == ("::1", 20002, True, False)
    target = backend.target_of(parse(f"ssl://localhost:1?ca={TLS / 'server.crt'}"))
    assert (target.host, target.tls, target.revision) == ("localhost", True, "6.7.13")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("tcp://127.0.0.1", "write tcp://HOST:PORT"),
        ("tcp://:20002", "write tcp://HOST:PORT"),
        ("tcp6://host", "write tcp6://HOST:PORT"),
        ("ssl://host:0", "write ssl://HOST:PORT"),
        ("tcp://host:70000", "write tcp://HOST:PORT"),
        ("tcp://u:p@host:1", "passwords never go into an address"),
        ("tcp://host:1/env/node", "nothing may follow the port"),
        ("tcp://host:1?layout=6.6.5", "layout=6.6.5: one of 6.3.15, "),
        ("tcp://host:1?compress=yes", "compress=yes: one of on, off"),
        ("tcp://host:1?ca=x", "ca is for ssl://"),
        ("tcp://host:1?user=x", "unknown option user; known: layout, compress"),
    ],
)
def test_addresses_that_can_never_work(address: str, why: str) -> None:
    with pytest.raises(AddressError, match=why) as caught:
        tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi().RegisterFront(address)
    assert "u:p" not in str(caught.value)


def test_a_certificate_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        mdapi.CThostFtdcMdApi.CreateFtdcMdApi().RegisterFront("ssl://host:1?ca=/nowhere/x.crt")


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls_server(counter_address: str) -> Iterator[ServerThread]:
    config = Config(counter_address, "127.0.0.1", 0, 0, str(TLS / "server.crt"), str(TLS / "server.key"))
    with ServerThread(config) as server:
        yield server


def test_trading_with_tls(tls_server: ServerThread, counter_address: str, trader: Make) -> None:
    from ctp2.tts import counter

    assert tls_server.trade.startswith("ssl://")
    alice = trader(f"{tls_server.trade}?ca={TLS / 'server.crt'}").start()
    counter(counter_address).step(4)
    for _ in range(20):
        alice.fill()
    assert len(alice.rows("ReqQryTrade")) == 20
    assert len(alice.rows("ReqQryInstrument")) == 4


def test_a_certificate_is_read_again(
    serve: Serve, backend: fake.Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A good one is taken, a bad one is told and changes nothing."""
    caplog.set_level(logging.INFO, "ctp2.front")
    cert, key = tmp_path / "server.crt", tmp_path / "server.key"
    for file in (cert, key):
        file.write_bytes((TLS / file.name).read_bytes())
    server = serve("fake://x", tls_cert=str(cert), tls_key=str(key))
    server.call(server.server.reload)
    assert "certificate why=" not in caplog.text
    cert.write_text("no certificate", encoding="ascii")
    server.call(server.server.reload)
    assert "certificate why=" in caplog.text
    opening(f"{server.trade}?ca={TLS / 'server.crt'}")


def test_a_foreign_certificate(tls_server: ServerThread) -> None:
    with pytest.raises(OpenFailed, match=r"is not trusted .*name the server's certificate with \?ca=FILE"):
        opening(tls_server.trade)


def test_tls_where_there_is_none(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x")
    with pytest.raises(OpenFailed, match="write tcp:// instead of ssl://"):
        opening(server.trade.replace("tcp://", "ssl://"))


def test_no_tls_where_it_is_expected(tls_server: ServerThread) -> None:
    with pytest.raises(OpenFailed, match=r"expects? TLS"):
        opening(tls_server.trade.replace("ssl://", "tcp://"))


# --- requests that a version lacks -----------------------------------------------------------------------------------


def test_a_request_that_the_layout_lacks(front: Callable[..., Front], client: Callable[..., Any]) -> None:
    """A query has an empty result, anything else is error 27; the front is not asked."""
    api, spi = client(front(accept).address + "?layout=6.3.15")
    spi.wait_for("OnFrontConnected")
    assert api.ReqQryClassifiedInstrument(structs.CThostFtdcQryClassifiedInstrumentField(), 1) == 0
    (answer,) = spi.answer(1)
    assert (answer.name, answer.field, answer.info) == ("OnRspQryClassifiedInstrument", None, None)
    assert "ReqOffsetSetting" in methods.TRADER
    assert api.ReqOffsetSetting(structs.CThostFtdcInputOffsetSettingField(), 2) == 0
    assert spi.answer(2)[0].error_id == 27
