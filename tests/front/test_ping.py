"""What ``ctp2 ping`` says of fronts that are ill, and of what is none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ctp2.cli.messages import TEXTS
from ctp2.cli.ping import ping_all
from ctp2.front import handshake, wire
from ctp2.front.limits import Limits
from ctp2.front.ping import LOGIN, LOST, WRONG_KIND
from tests.front import fake
from tests.front.conftest import Serve
from tests.front.raw import Raw

Peer = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Listens and does what a test wants with the first link; returns its address."""
    with ExitStack() as stack:

        def listen(serve: Callable[[socket.socket], None]) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                link, _ = listener.accept()
                with link:
                    serve(link)

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join)
            return f"tcp://127.0.0.1:{listener.getsockname()[1]}"

        yield listen


def tried(capsys: pytest.CaptureFixture[str], address: str, kind: str = "") -> dict[str, Any]:
    """The result for one address that is not well."""
    assert ping_all([address], kind, ("", "", ""), False, True) == 3
    (result,) = json.loads(capsys.readouterr().out)
    assert isinstance(result, dict)
    return result


def answers(data: bytes) -> Callable[[socket.socket], None]:
    """Reads a hello, says something, and waits for the other side to close."""

    def serve(link: socket.socket) -> None:
        link.recv(65_536)
        link.sendall(data)
        while link.recv(65_536):
            pass

    return serve


def test_what_is_no_front(peer: Peer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "CONNECT_SECONDS", 0.2)
    alert = bytes((0x15, 3, 1, 0, 2, 2, 70))  # TLS: fatal, protocol version
    cases = [
        (answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "no_front", "is no ctp2 front"),
        (answers(alert), "tls_expected", "write ssl:// instead of tcp://"),
        (answers(b""), "silent", "does not answer the handshake"),
        (lambda link: None, "closed", "is reached by ctp+tcp://"),
        (answers(wire.refused(wire.Refusal(5002, "busy", "come back later"))), "busy", "come back later"),
        (answers(wire.refused(wire.Refusal(3, "no", "not you"))), "refused", "not you"),
        (answers(wire.refused(wire.Refusal(wire.VERSION_ERROR, "version", "old"))), "version", "old"),
    ]
    for serve, why, text in cases:
        result = tried(capsys, peer(serve))
        assert (result["why"], text in result["fault"]) == (why, True), result["fault"]
        assert result["connect_ms"] > 0 and result["round_ms"] == []


def test_a_front_that_is_full(serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve("fake://x", Limits(per_address=1))
    with Raw(server.trade) as first:
        first.start()
        result = tried(capsys, server.trade)
    assert (result["why"], result["detail"]) == ("busy", "there are 1 links from 127.0.0.1 already: close one")


def test_a_front_that_goes_away(peer: Peer, capsys: pytest.CaptureFixture[str]) -> None:
    def serve(link: socket.socket) -> None:
        link.recv(65_536)
        link.sendall(wire.welcome(wire.Welcome("trader", 0, 1000, 1000, 1000, 1000, 0, 1, "", "", "x")))
        link.recv(65_536)

    result = tried(capsys, peer(serve))
    assert (result["why"], result["kind"]) == ("lost", "trader") and result["handshake_ms"] > 0


def test_every_fault_has_its_words_in_both_languages() -> None:
    for why in (*handshake.WHYS, WRONG_KIND, LOGIN, LOST):
        _, chinese = TEXTS[f"ping.{why}"]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


def test_faults_in_chinese(
    serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    server = serve("fake://x")
    assert ping_all([server.md, "tcp://127.0.0.1:1"], "trader", ("", "", ""), False, False) == 3
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("是另一类前置（md）：请改用另一个端口")
    assert second == "tcp://127.0.0.1:1  故障  127.0.0.1:1 无人监听：服务器在运行吗？端口对吗？"


def test_watching_sums_up(
    serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.setattr("ctp2.cli.ping._PAUSE", 0.0)
    server = serve("fake://x")
    assert ping_all([server.trade, "tcp://127.0.0.1:1"], "", ("", "", ""), True, False, most=3) == 3
    *lines, well, ill = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert well.startswith(f"{server.trade}  3 tries, 0 with a fault  round trip min 0.")
    assert ill == "tcp://127.0.0.1:1  3 tries, 3 with a fault  round trip min -  median -  max - ms"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one process there")
def test_ctrl_c_ends_watching(serve: Serve, backend: fake.Backend, root: Path) -> None:
    server = serve("fake://x")
    command = [sys.executable, "-m", "ctp2", "ping", "--watch", server.trade]
    env = {**os.environ, "PYTHONPATH": str(root), "LC_ALL": "en_US.UTF-8"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"{server.trade}  trading  connect ")
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0
    assert " tries, 0 with a fault " in rest[-1]
