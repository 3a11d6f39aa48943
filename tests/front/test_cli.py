"""``ctp2 serve`` and ``ctp2 ping`` as a user types them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ctp2.cli.app import run
from ctp2.cli.ping import ping_all
from ctp2.cli.serve import is_loopback
from ctp2.front.ping import Login
from tests.front import fake
from tests.front.conftest import Make, Serve
from tests.front.raw import Raw

ROOT = Path(__file__).resolve().parents[2]
TLS = ROOT / "tests" / "data" / "tls"

Start = Callable[..., tuple["subprocess.Popen[str]", dict[str, str]]]


@pytest.fixture
def started(root: Path) -> Iterator[Start]:
    """Starts ``ctp2 serve``; returns the process and what it told when clients may come."""
    with ExitStack() as stack:

        def start(*options: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
            ports = ("--trade-port", "0", "--md-port", "0", "--web-port", "off")
            command = [sys.executable, "-m", "ctp2", "serve", *ports, "--json", *options]
            env = {**os.environ, "PYTHONPATH": str(root)}
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root, env=env
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            return process, json.loads(line)

        yield start


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM there")
def test_serve_until_sigterm(started: Start, trader: Make) -> None:
    process, fronts = started("--open")
    alice = trader(fronts["trader"]).start()
    assert alice.rows("ReqQryTradingAccount")
    before = len(alice.spi.calls)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert alice.spi.wait_for("OnFrontDisconnected", after=before).number == 4097
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [re.sub(r"^\S+ \S+ ", "", line) for line in log.splitlines()]
    assert f"INFO ctp2.front listening side=trader address={fronts['trader']} backend=tts://7x24" in lines
    assert any(line.startswith("INFO ctp2.front login link=1 user=alice session=1 request=1") for line in lines)
    assert lines[-1] == "INFO ctp2.front stopped"
    assert "secret" not in log


REFUSED = [
    ([], "accounts=FILE in --backend, or let all in with --open"),
    (["--open", "--host", "0.0.0.0"], "--open on 0.0.0.0 would let everybody on the network in"),
    (["--backend", "tts://7x24?accounts=users.csv", "--host", "0.0.0.0"], "give --tls-cert"),
    (["--backend", "tts://7x24?accounts=users.csv", "--open"], "one of the two"),
    (["--open", "--tls-cert", "nowhere.pem"], "no such file: nowhere.pem"),
    (["--backend", "7x24"], "has no scheme"),
]


@pytest.mark.parametrize(("options", "why"), REFUSED)
def test_serve_refuses_to_start_unprotected(
    options: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert run(["serve", *options]) == 2
    assert why in capsys.readouterr().err


def test_serve_says_what_is_wrong_with_the_backend(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["serve", "--backend", "nowhere://x"]) == 3
    assert "unknown scheme nowhere://" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "is_so"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)],
)
def test_loopback(host: str, is_so: bool) -> None:
    assert is_loopback(host) is is_so


# --- ping ------------------------------------------------------------------------------------------------------------


def pinged(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    code = run(["ping", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_ping(serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve("fake://x")
    code, (trade, market) = pinged(capsys, server.trade, server.md, "--user", "alice", "--password", "secret")
    assert code == 0
    assert (trade["kind"], trade["trading_day"], trade["fault"]) == ("trader", "20260105", "")
    assert market["kind"] == "md" and market["login_ms"] is None
    for name in ("connect_ms", "handshake_ms", "login_ms", "typical_ms"):
        assert 0 < trade[name] < 10_000
    assert len(trade["round_ms"]) == 9 and abs(trade["clock_ms"]) < 10_000


def test_ping_says_what_is_wrong(serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve("fake://x")
    with_tls = serve("fake://x", tls_cert=str(TLS / "server.crt"), tls_key=str(TLS / "server.key"))
    wrong = [
        ("tcp://127.0.0.1:1", "nobody listens at 127.0.0.1:1"),
        (server.trade.replace("tcp", "ssl"), "write tcp:// instead of ssl://"),
        (with_tls.trade.replace("ssl", "tcp"), "expect"),  # by an alert, or by closing
        (with_tls.trade, "is not trusted"),
        (server.md, "is a md front, not a trader front: use the other port"),
    ]
    code, results = pinged(capsys, "--kind", "trader", *(address for address, _ in wrong))
    assert code == 3
    for result, (_, why) in zip(results, wrong, strict=True):
        assert why in result["fault"]


def test_ping_shows_a_line_in_the_users_language(
    serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve("fake://x")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run(["ping", server.trade, "tcp://127.0.0.1:1"]) == 3
    well, fault = capsys.readouterr().out.splitlines()
    assert well.startswith(f"{server.trade}  交易  连接 ") and "时钟差" in well
    assert fault.startswith("tcp://127.0.0.1:1  故障  ")


def test_ping_again_and_again(serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve("fake://x")
    assert ping_all([server.trade], "trader", ("", "", ""), watches=True, as_json=False, most=2) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3  # two rounds and the summary


def test_ping_a_refused_login(serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user,password\nalice,right1\n", encoding="utf-8")
    server = serve(f"tts://7x24?id=ping&accounts={users}")
    code, (result,) = pinged(capsys, server.trade, "--user", "alice", "--password", "wrong")
    assert code == 3
    assert result["fault"].startswith("login refused: 3 ")
    assert pinged(capsys, server.trade, "--user", "alice", "--password", "right1")[0] == 0


@pytest.mark.parametrize("address", ["tts://7x24", "tcp://host", "127.0.0.1:1"])
def test_ping_of_what_is_no_front(address: str) -> None:
    assert run(["ping", address]) == 3


def test_a_ping_leaves_nothing_behind(serve: Serve, backend: fake.Backend, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve("fake://x")
    for _ in range(3):
        pinged(capsys, server.trade)
        assert backend.next().closed.wait(fake.TIMEOUT)
    with Raw(server.trade) as client:
        assert client.start().connection == 4
    assert "secret" not in repr(Login("9999", "alice", "secret"))
