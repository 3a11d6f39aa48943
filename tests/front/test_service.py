"""``ctp2 serve`` as a process: several environments, the web port, log lines, settings read again, the end."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from ctp2.cli.app import run
from ctp2.cli.serve import read
from ctp2.core.address import parse
from ctp2.front.logs import JsonLines, say
from ctp2.front.server import new_loop
from ctp2.front.service import Service
from ctp2.front.web import health
from ctp2.settings import Serve
from tests.front import fake
from tests.front.conftest import Make

WAIT = 60


class Served:
    """A running ``ctp2 serve``; its log lines are JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        self.told: dict[str, Any] = json.loads(line)
        self.lines: list[dict[str, Any]] = []

    def log(self, event: str, **values: object) -> dict[str, Any]:
        """Wait for a log line."""
        assert self.process.stderr is not None
        while True:
            text = self.process.stderr.readline()
            assert text, f"no line {event} {values}: {self.lines}"
            self.lines.append(json.loads(text))
            if self.lines[-1].get("event") == event and values.items() <= self.lines[-1].items():
                return self.lines[-1]

    def get(self, path: str, trust: Path | None = None) -> str:
        """A page of the web port."""
        context = ssl.create_default_context(cafile=str(trust)) if trust is not None else None
        with urllib.request.urlopen(self.told["web"] + path, timeout=WAIT, context=context) as answer:
            text: str = answer.read().decode()
            return text

    def number(self, metric: str, **labels: str) -> float:
        """A value of ``/metrics``."""
        for line in self.get("/metrics").splitlines():
            name, _, value = line.rpartition(" ")
            if name.partition("{")[0] == metric and all(f'{key}="{one}"' in name for key, one in labels.items()):
                return float(value)
        raise AssertionError(f"no {metric} {labels}")

    def end(self) -> list[dict[str, Any]]:
        """SIGTERM; returns all log lines."""
        self.process.send_signal(signal.SIGTERM)
        _, rest = self.process.communicate(timeout=WAIT)
        assert self.process.returncode == 0, rest
        self.lines += [json.loads(line) for line in rest.splitlines()]
        return self.lines


@pytest.fixture
def served(root: Path, tmp_path: Path) -> Iterator[Any]:
    """Starts servers."""
    with ExitStack() as stack:

        def start(*options: str, **environment: str) -> Served:
            command = [sys.executable, "-m", "ctp2", "serve", "--json", "--log-format", "json", *options]
            env = {**os.environ, "PYTHONPATH": str(root), **environment}
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=env
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return Served(process)

        yield start


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process is ended there, not asked to end")

FREE = ("--trade-port", "0", "--md-port", "0", "--web-port", "0")
TWO = """
[serve]
open = true
web_port = 0

[[serve.environments]]
name = "loop"
backend = "tts://7x24"
trade_port = 0
md_port = 0

[[serve.environments]]
name = "vip"
backend = "tts://vip?quotes={md}&balance=CNY:500"
trade_port = 0
"""


def test_two_environments_in_one_process(served: Any, trader: Make, tmp_path: Path) -> None:
    quotes = served("--open", *FREE)
    config = tmp_path / "two.toml"
    config.write_text(TWO.format(md=quotes.told["md"]), encoding="utf-8")
    server = served("--config", str(config))
    loop, vip = server.told["environments"]
    # vip's market data comes from its source's own front.
    assert (loop["name"], "md" in loop, vip["name"], "md" in vip) == ("loop", True, "vip", False)
    server.log("skipped", name="vip", side="md")
    money = [trader(one["trader"]).start().rows("ReqQryTradingAccount")[0].Balance for one in (loop, vip)]
    assert money == [10_000_000, 500]
    for name in ("loop", "vip"):
        assert server.number("ctp2_links", environment=name, side="trader") == 1
        assert server.number("ctp2_requests_total", environment=name, method="ReqQryTradingAccount") == 1
    health = json.loads(server.get("/healthz"))
    assert health["status"] == "ok"
    assert [(one["name"], one["links"], one["fault"]) for one in health["environments"]] == [
        ("loop", {"trader": 1, "md": 0}, ""),
        ("vip", {"trader": 1}, ""),
    ]
    logins = [server.log("login", user="alice")["link"] for _ in range(2)]
    assert len(set(logins)) == 2
    assert sorted(line["name"] for line in server.end() if line.get("event") == "stopped") == ["loop", "vip"]


def test_what_metrics_and_lines_tell_of_a_session(served: Any, trader: Make, tmp_path: Path) -> None:
    server = served("--open", *FREE, "--backend", f"tts://7x24?db={tmp_path / 'own.db'}", "--log", "debug")
    alice, bob = trader(server.told["trader"]).start(), trader(server.told["trader"], "bob").start()
    login = server.log("login", user="alice")
    commits = server.number("ctp2_backend_log_commits_total")
    alice.rest("TEST", 100.0, Direction="1", OrderRef="7")
    bob.fill("TEST", 100.0, OrderRef="8")
    alice.spi.wait_for("OnRtnTrade")
    bob.insert("nothing", 100.0)
    assert bob.spi.wait_for("OnRspOrderInsert").error_id == 16
    asked = server.log("request", name="ReqOrderInsert", link=login["link"])
    assert (asked["user"], asked["session"], asked["request"]) == ("alice", login["session"], 3)
    for metric, labels, number in (
        ("ctp2_requests_total", {"method": "ReqOrderInsert"}, 3),
        ("ctp2_errors_total", {"error": "16"}, 2),  # OnRspOrderInsert and OnErrRtnOrderInsert
        ("ctp2_logins_total", {"result": "accepted"}, 2),
        ("ctp2_users", {}, 2),
        ("ctp2_links_opened_total", {}, 2),
        # Each has one order, and that its trade.
        ("ctp2_order_latency_seconds_count", {"callback": "OnRtnOrder"}, 2),
        ("ctp2_order_latency_seconds_count", {"callback": "OnRtnTrade"}, 2),
        ("ctp2_events_waiting", {}, 0),
    ):
        assert server.number(metric, side="trader", **labels) == number, metric
    assert server.number("ctp2_backend_accounts") == 2
    assert server.number("ctp2_backend_log_commits_total") > commits > 0
    if sys.platform == "linux":
        assert server.number("process_resident_memory_bytes") > 1_000_000
    assert "secret" not in json.dumps(server.end())


def test_programs_in_a_second_terminal(served: Any, root: Path, tmp_path: Path) -> None:
    """What README shows."""
    server = served("--open", *FREE, "--backend", "tts://7x24?speed=200")
    trade, md = server.told["trader"], server.told["md"]
    env = {**os.environ, "PYTHONPATH": str(root)}
    for arguments in (
        [str(root / "examples" / "03_orders_and_cancels.py"), trade],
        ["-m", "ctp2", "run", str(root / "examples" / "01_first_trade.py"), "--front", trade, "--md-front", md],
    ):
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=WAIT, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert server.number("ctp2_requests_total", method="ReqOrderInsert") > 3


def test_settings_read_again(served: Any, trader: Make, tmp_path: Path) -> None:
    config = tmp_path / "ctp2.toml"
    ports = 'open = true\ntrade_port = 0\nmd_port = "off"\nweb_port = "off"\n'
    config.write_text(f"[serve]\n{ports}", encoding="utf-8")
    server = served()
    assert server.told["web"] == "" and "md" not in server.told
    trader(server.told["trader"]).login()

    def again(text: str, event: str, **values: object) -> None:
        config.write_text(text, encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        server.log(event, **values)

    again("[serve", "not-reloaded")
    again(f'[serve]\nlog = "loud"\n{ports}', "not-reloaded")
    again(
        f'[serve]\nlog = "debug"\nhost = "::1"\n{ports}[serve.limits]\nper_user = 1\n', "needs-restart", setting="host"
    )
    server.log("reloaded")
    second = trader(server.told["trader"]).connect()
    assert second.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")[0].error_id == 60
    assert server.log("request", name="ReqUserLogin")["level"] == "debug"


def test_a_certificate_of_its_own(
    served: Any, trader: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cert, key = tmp_path / "tls" / "own.crt", tmp_path / "tls" / "own.key"
    made = ("serve", "--make-cert", "--tls-cert", str(cert), "--tls-key", str(key), "--cert-name", "fronts.example")
    assert run([*made, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["names"][:3] == ["fronts.example", "127.0.0.1", "localhost"] and len(told["sha256"]) == 95
    assert key.stat().st_mode & 0o077 == 0
    assert run(made) == 3
    assert "own.crt: it is there already" in capsys.readouterr().err
    server = served("--open", *FREE, "--tls-cert", str(cert), "--tls-key", str(key))
    front = server.told["trader"]
    assert front.startswith("ssl://") and server.told["web"].startswith("https://")
    trader(f"{front}?ca={cert}").start()
    assert json.loads(server.get("/healthz", cert))["status"] == "ok"
    # By another name it is another server's, and without its file nobody's.
    assert (
        run(["ping", "--json", f"{front}?ca={cert}", f"{front.replace('127.0.0.1', '127.0.0.2')}?ca={cert}", front])
        == 3
    )
    well, *wrong = json.loads(capsys.readouterr().out)
    assert well["fault"] == "" and len(wrong) == 2
    server.end()


def test_a_web_port_that_is_taken(served: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        wanted = ["serve", "--open", "--trade-port", "0", "--md-port", "0", "--web-port", port]
        assert run(wanted) == 3
        assert port in capsys.readouterr().err


def test_without_the_extra(
    backend: fake.Backend,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """Who asked for what it needs is told what to install; the fronts need none of it."""
    monkeypatch.setitem(sys.modules, "ctp2.front.web", None)
    monkeypatch.setitem(sys.modules, "ctp2.front.certificate", None)
    asked = ["serve", "--backend", "fake://x", "--trade-port", "0", "--md-port", "0"]
    for more in (["--web-port", "0"], ["--make-cert", "--tls-cert", str(tmp_path / "own.crt")]):
        assert run([*asked, *more]) == 3
        assert "pip install 'ctp2[server]'" in capsys.readouterr().err

    async def main() -> None:
        service = Service(Serve(backend="fake://x", trade_port=0, md_port=0))
        with caplog.at_level(logging.INFO, "ctp2.front"):
            await service.start()
        await service.stop()

    asyncio.run(main())
    assert "no-web" in caplog.text


def test_a_data_folder_is_for_every_environment(tmp_path: Path) -> None:
    config = tmp_path / "ctp2.toml"
    config.write_text(f"[serve]\ndata = {str(tmp_path / 'data')!r}\n" + TWO.partition("[serve]")[2], encoding="utf-8")
    loop, vip = read({}, config).served
    assert (loop.name, vip.name, loop.trade_port, vip.trade_port) == ("loop", "vip", 0, 0)
    options = [parse(one.backend).options for one in (loop, vip)]
    assert [Path(one["db"]).name for one in options] == ["7x24.db", "vip.db"]
    assert len({one["accounts"] for one in options}) == 1 and options[1]["quotes"] == "{md}"


def test_one_backend_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "twice.toml"
    one = "[[serve.environments]]\nname = '{}'\ntrade_port = 0\nmd_port = 0\n"
    config.write_text(one.format("a") + one.format("b"), encoding="utf-8")
    assert run(["serve", "--open", "--web-port", "off", "--config", str(config)]) == 2
    assert "environments a and b have one backend" in capsys.readouterr().err


def test_health_tells_a_fault(backend: fake.Backend) -> None:
    async def main() -> list[tuple[int, dict[str, Any]]]:
        loop = asyncio.get_running_loop()
        service = Service(Serve(backend="fake://x", trade_port=0, md_port=0, web_port=0))
        await service.start()
        assert service.web is not None
        seen = []
        for fault in ("", "its log cannot be written"):
            backend.fault = fault
            seen.append(await loop.run_in_executor(None, asked, f"{service.web.address}/healthz"))
        await service.stop()
        seen.append((0, health(service)))
        return seen

    (well, first), (ill, second), (_, last) = asyncio.run(main())
    assert (well, first["status"], first["environments"][0]["trading_day"]) == (200, "ok", "20260105")
    assert (ill, second["status"], second["environments"][0]["fault"]) == (503, "failed", "its log cannot be written")
    assert last["status"] == "stopping"


def asked(address: str) -> tuple[int, dict[str, Any]]:
    """The answer to a request."""
    try:
        with urllib.request.urlopen(address, timeout=WAIT) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_pages_of_others_are_beside_ours(backend: fake.Backend) -> None:
    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse("a page")

    async def main() -> str:
        routes = [Mount("/web", routes=[Route("/", page)])]
        service = Service(Serve(backend="fake://x", trade_port=0, md_port=0, web_port=0), routes=routes)
        await service.start()
        assert service.web is not None
        address = f"{service.web.address}/web/"
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(address, timeout=WAIT).read().decode())
        await service.stop()
        return str(text)

    assert asyncio.run(main()) == "a page"


def test_lines_as_json() -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    handler = Kept()
    logging.getLogger("ctp2.front").addHandler(handler)
    try:
        say(logging.WARNING, "cut", link=3, user="two\nlines", peer="", why=None)
        logging.getLogger("ctp2.front").warning("no event, %s", "plain")
    finally:
        logging.getLogger("ctp2.front").removeHandler(handler)
    first, second = (json.loads(line) for line in lines)
    assert {"event": "cut", "link": 3, "user": "two\nlines", "level": "warning"}.items() <= first.items()
    assert "peer" not in first and "why" not in first and second["message"] == "no event, plain"
    assert not any("\n" in line for line in lines)


def test_the_collector_leaves_alone_what_stays(root: Path, tmp_path: Path) -> None:
    """Its full passes would look at all that was there before the first client, and hold up everybody."""
    program = """
import gc, os, signal
from ctp2.front import service
from ctp2.settings import Serve
def ready(service):
    print(gc.get_freeze_count() > 10_000, gc.isenabled())
    os.kill(os.getpid(), signal.SIGTERM)
service.run(Serve(backend="tts://7x24", trade_port=0, md_port=0, web_port=None, open=True), ready)
"""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=WAIT
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_the_quicker_loop_is_taken_where_there_is_one() -> None:
    loop = new_loop()
    loop.close()
    assert type(loop).__module__.startswith("uvloop") == (importlib.util.find_spec("uvloop") is not None)
