"""Native programs without a second terminal: private servers, overridden fronts, TLS, with the real libraries."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ctp2.core.clock import LiveClock
from ctp2.core.paths import runtime_dir
from ctp2.front.certificate import make
from ctp2.front.private import Found
from ctp2.front.server import Config, ServerThread
from tests.shim.native_programs import Program, libraries

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(sys.platform != "linux", reason="the libraries are built for Linux here"),
]

ADDRESS = "tts://7x24"
Run = Callable[..., Program]


def served() -> Found:
    """The one private server that there is."""
    (file,) = runtime_dir().glob("private-*.lock")
    found = Found.read(file.read_text().partition("\n")[0])
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[Path]:
    """A runtime folder of its own; no server of it outlives the test."""
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CTP2_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.delenv("CTP2_FRONT", raising=False)
    yield tmp_path / "home"
    for file in runtime_dir().glob("private-*.lock"):
        found = Found.read(file.read_text().partition("\n")[0])
        if found is not None:
            os.kill(found.pid, signal.SIGKILL)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts programs; they end with the test."""
    with ExitStack() as stack:

        def start(trader: str, md: str = "", **options: Any) -> Program:
            # Each in a folder of its own: that is where its flow files are.
            made = Program(trader, md, cwd=Path(tempfile.mkdtemp(dir=tmp_path)), **options)
            stack.callback(made.kill)
            return made

        yield start


def both_connect(program: Program) -> None:
    """Wait for both sides, in whatever order."""
    program.wait_for_all("td connected", "md connected")


def both_log_in(program: Program, user: str) -> None:
    """The same for logins."""
    program.wait_for_all(f"td login {user} 0", "md login 0")


def gone(pid: int) -> None:
    """Wait for the end of a process that is not ours."""
    deadline = time.monotonic() + 90
    state = Path("/proc", str(pid), "stat")
    # One whose new parent takes its time is a zombie: it has ended.
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.02)


def test_a_program_alone(run: Run) -> None:
    """Trading and quotes of one counter, which ends when the program has ended."""
    program = run(ADDRESS, f"tcp://{ADDRESS}", CTP2_PRIVATE_LINGER="0.5")
    both_connect(program)
    program.say("login alice")
    both_log_in(program, "alice")
    program.say("subscribe 600519")
    program.wait_for("md tick 600519")
    server = served()
    program.say("release")
    program.wait_for("released")
    assert program.end() == 0
    assert not [line for line in program.seen if line.startswith("ctp2: ")]
    gone(server.pid)
    assert not list(runtime_dir().glob("private-*.lock"))


def test_two_programs_share_one(run: Run) -> None:
    programs = [run(ADDRESS), run("", "tts://"), run(ADDRESS)]
    programs[0].wait_for("td connected")
    programs[1].wait_for("md connected")
    programs[2].wait_for("td connected")
    server = served()
    for program in programs[:2]:
        assert program.end() == 0
    programs[2].say("login bob")
    programs[2].wait_for("td login bob 0")
    assert served() == server


def test_the_server_is_killed(run: Run) -> None:
    """The program is told, and gets another one."""
    program = run(ADDRESS)
    program.wait_for("td connected")
    first = served()
    os.kill(first.pid, signal.SIGKILL)
    program.wait_for("td disconnected 4097")
    program.wait_for("td connected")
    program.say("login alice")
    program.wait_for("td login alice 0")
    assert served().pid != first.pid
    assert program.end() == 0


def test_ctrl_c_of_the_program_is_not_the_servers(run: Run) -> None:
    one = run(ADDRESS, CTP2_PRIVATE_LINGER="60")
    one.wait_for("td connected")
    server = served()
    one.process.send_signal(signal.SIGINT)
    assert one.process.wait(60) == -signal.SIGINT
    other = run(ADDRESS)
    other.wait_for("td connected")
    assert served() == server


def test_a_senseless_address_is_told_once_and_hangs_nobody(run: Run) -> None:
    program = run("tts://nowhere")
    # Two streams: either may be read first.
    program.wait_for_all("ctp2: ", "td disconnected 4097")
    program.say("login alice")
    program.wait_for("td asks -1")
    program.say("release")
    program.wait_for("released")
    assert program.end() == 0
    assert [line for line in program.seen if line.startswith("ctp2: ")] == [
        "ctp2: tts://nowhere: no such environment; known: tts://7x24, tts://sim, tts://vip, tts://replay; trying again"
    ]


def test_no_python_is_told_and_hangs_nobody(run: Run) -> None:
    program = run(ADDRESS, CTP2_PYTHON="/nowhere/python")
    program.wait_for_all("ctp2: tts://7x24: cannot run /nowhere/python", "td disconnected 4097")
    began = time.monotonic()
    program.say("release")
    program.wait_for("released")
    assert time.monotonic() - began < 30
    assert program.end() == 0


def test_release_while_a_server_starts(run: Run, tmp_path: Path) -> None:
    slow = tmp_path / "python"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path / 'pid'}\nexec sleep 60\n")
    slow.chmod(0o755)
    program = run(ADDRESS, CTP2_PYTHON=str(slow))
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    began = time.monotonic()
    program.say("release")
    program.wait_for("released")
    assert time.monotonic() - began < 30
    assert program.end() == 0
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_a_program_without_the_token_is_refused(run: Run) -> None:
    run(ADDRESS).wait_for("td connected")
    stranger = run(f"tcp://127.0.0.1:{served().trade}")
    line = stranger.wait_for("ctp2: ")
    assert "this is a private server" in line and line.endswith("; trying again")
    assert stranger.end() == 0


# --- fronts that override --------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ServerThread]:
    """A public server on this machine."""
    with ServerThread(Config(ADDRESS, trade_port=0, md_port=0)) as server:
        yield server


NOWHERE = "tcp://127.0.0.1:1"


def test_the_environment_overrides_what_is_registered(run: Run, server: ServerThread) -> None:
    front = f"td {server.trade} md {server.md}"
    program = run(f"{NOWHERE} tcp://192.0.2.1:1", NOWHERE, CTP2_FRONT=front)
    both_connect(program)
    assert program.end() == 0


def test_alternatives_are_tried_in_turn(run: Run, server: ServerThread) -> None:
    program = run(NOWHERE, CTP2_FRONT=f"tcp://127.0.0.1:2 md {server.md} {server.trade}")
    program.wait_for_all("ctp2: tcp://127.0.0.1:2: ", "td connected")
    assert program.end() == 0


def test_a_file_beside_the_library_overrides_too(run: Run, server: ServerThread, tmp_path: Path) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    at = tuple(Path(shutil.copy(library, folder)) for library in libraries())
    (folder / "ctp2_front.txt").write_text(f"# our own counter\ntd {server.trade}\nmd {server.md}\n")
    program = run(NOWHERE, NOWHERE, at=at)
    both_connect(program)
    assert program.end() == 0


def test_one_side_alone_can_be_overridden(run: Run, server: ServerThread) -> None:
    program = run(server.trade, NOWHERE, CTP2_FRONT=f"md {server.md}")
    both_connect(program)
    assert program.end() == 0


# --- IPv6 ------------------------------------------------------------------------------------------------------------


def test_ipv6(run: Run) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with ServerThread(Config(ADDRESS, host="::1", trade_port=0, md_port=0)) as server:
        assert server.trade.startswith("tcp://[::1]:")
        program = run(server.trade, server.md.replace("tcp://", "tcp6://"))
        both_connect(program)
        assert program.end() == 0
    program = run("tcp6://127.0.0.1:1")
    assert "host 127.0.0.1 has no address of IPv6: write tcp:// instead of tcp6://" in program.wait_for("ctp2: ")
    assert program.end() == 0


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_ssl(run: Run, tmp_path: Path) -> None:
    cert, key = tmp_path / "own.crt", tmp_path / "own.key"
    make(cert, key, ["localhost", "127.0.0.1"], LiveClock())
    config = Config(ADDRESS, trade_port=0, md_port=0, tls_cert=str(cert), tls_key=str(key))
    with ServerThread(config) as server:
        program = run(f"{server.trade}?ca={cert}", f"{server.md}?ca={cert}")
        both_connect(program)
        program.say("login alice")
        both_log_in(program, "alice")
        program.say("subscribe 600519")
        program.wait_for("md tick 600519")
        stranger = run(server.trade)
        assert "its certificate is not trusted" in stranger.wait_for("ctp2: ")
        plain = run(server.trade.replace("ssl://", "tcp://"))
        plain.wait_for("ctp2: ")
        for one in (program, stranger, plain):
            assert one.end() == 0
    assert not [line for line in program.seen if line.startswith("ctp2: ")]
