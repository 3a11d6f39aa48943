"""tts:// and the like in native programs: how the private server is started or found, and what may go wrong then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctp2.core.paths import runtime_dir
from ctp2.front.private import Found, canonical, place_of
from tests.front.raw import Raw
from tests.shim.probing import probe, program

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(sys.platform != "linux", reason="it looks at processes in /proc"),
]

ADDRESS = "tts://7x24"
HINT = "set CTP2_PYTHON to a Python (3.11 or later) in which ctp2 is installed"
Script = Callable[[str], str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[Path]:
    """A runtime folder of its own, which has to be made; no server of it outlives the test."""
    home = tmp_path / "some" / "home"
    monkeypatch.setenv("CTP2_HOME", str(home))
    monkeypatch.setenv("CTP2_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(root))
    yield home
    for file in runtime_dir().glob("private-*.lock"):
        found = Found.read(file.read_text().partition("\n")[0])
        if found is not None:
            os.kill(found.pid, signal.SIGKILL)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Makes a program that stands for Python; what it writes to standard error is what matters."""

    def make(body: str) -> str:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CTP2_PYTHON", str(path))
        return str(path)

    return make


def launch(side: str = "td", address: str = ADDRESS, seconds: int = 60, stop_ms: int = 0) -> str:
    """What the worker of a native Api object gets: ``HOST PORT TOKEN``, or ``why: …``."""
    return launch_timed(side, address, seconds, stop_ms)[0]


def launch_timed(side: str, address: str, seconds: int, stop_ms: int) -> tuple[str, int]:
    line, took = probe("launch", side, address, str(seconds), str(stop_ms))
    return line, int(took.removesuffix(" ms"))


def test_it_is_started_and_then_found(home: Path) -> None:
    host, port, token = launch().split()
    assert host == "127.0.0.1"
    md = launch("md").split()
    assert (md[0], md[2]) == (host, token) and md[1] != port
    with Raw(f"tcp://127.0.0.1:{port}") as client:
        client.start(token=token)
    assert not list((home / "runtime").glob("start-*")), "answers are removed when they are read"


def test_two_at_once_get_one(home: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda address: launch("td", address), ["tts://7x24", "tts://", "tcp://tts://7x24"]))
    assert len(set(answers)) == 1 and answers[0].startswith("127.0.0.1 ")


def test_the_server_stands_alone() -> None:
    """It holds nothing of the program that started it, and no signal for that one reaches it."""
    read, write = os.pipe()
    probe("launch", "td", ADDRESS, "60", "0", passed=(write,))
    os.close(write)
    assert os.read(read, 1) == b"", "the program has ended, and nobody has what it had open"
    os.close(read)
    (file,) = runtime_dir().glob("private-*.lock")
    found = Found.read(file.read_text().partition("\n")[0])
    assert found is not None
    proc = Path("/proc", str(found.pid))
    session = int((proc / "stat").read_text().rpartition(")")[2].split()[3])
    assert session not in (os.getsid(0), found.pid), "a session of its own, in which it can get no terminal"
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    assert int(status["SigBlk"], 16) == 0
    assert int(status["PPid"]) != os.getpid()
    opened = {link.name: os.readlink(link) for link in (proc / "fd").iterdir()}
    assert opened["0"] == "/dev/null"
    assert opened["1"] == opened["2"] == str(file.with_suffix(".log"))
    assert not [path for path in opened.values() if "start-" in path]


def wrapped(tmp_path: Path, how: str) -> Path:
    """The probe, run by a shell that changes something before."""
    path = tmp_path / "wrapped"
    path.write_text(f'#!/bin/sh\n{how}\nexec {program()} "$@"\n')
    path.chmod(0o755)
    return path


def test_signals_that_the_program_ignores_are_not_the_servers(tmp_path: Path) -> None:
    line, _ = probe("launch", "td", ADDRESS, "60", "0", at=wrapped(tmp_path, "trap '' INT HUP CHLD TERM"))
    assert line.startswith("127.0.0.1 ")
    (file,) = runtime_dir().glob("private-*.lock")
    found = Found.read(file.read_text().partition("\n")[0])
    assert found is not None
    status = Path("/proc", str(found.pid), "status").read_text()
    ignored = int(status.partition("SigIgn:\t")[2].split()[0], 16)
    assert not [number for number in (1, 2, 15, 17) if ignored >> (number - 1) & 1]


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- >&- 2>&-"])
def test_a_program_that_has_closed_its_standard_files(tmp_path: Path, closed: str) -> None:
    """What is opened next gets their numbers."""
    at = wrapped(tmp_path, f"exec {closed}")
    command = [str(at), "launch", "td", ADDRESS, "60", "0"]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, timeout=120, check=False).returncode == 0
    assert launch().startswith("127.0.0.1 ")


def test_a_file_that_others_may_read_is_refused(home: Path) -> None:
    launch("td", "tts://7x24?id=other")
    place = place_of(canonical(ADDRESS))
    place.lock.touch(0o644)
    assert launch() == f"why: {place.lock} is another user's, or others may read it: remove it"


WRONG = [
    ("tts://nowhere", "tts://nowhere: no such environment; known: tts://7x24, tts://sim, tts://vip, tts://replay"),
    ("nowhere://x", "unknown scheme nowhere:// in a front address; known: "),
    ("tts://7x24?db=/nowhere/x.db", "tts://7x24?db=/nowhere/x.db: db=/nowhere/x.db: its folder does not exist"),
]


@pytest.mark.parametrize(("address", "why"), WRONG)
def test_what_is_wrong_with_an_address_is_told(address: str, why: str) -> None:
    assert launch("td", address).startswith(f"why: {why}")


def test_no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_PYTHON", "/nowhere/python")
    assert launch() == f"why: {ADDRESS}: cannot run /nowhere/python (no such file or folder): {HINT}"
    monkeypatch.setenv("CTP2_PYTHON", "/")
    assert launch().startswith(f"why: {ADDRESS}: cannot run / (")
    monkeypatch.setenv("CTP2_PYTHON", "")
    assert launch() == f"why: {ADDRESS}: no Python is known that could serve it: {HINT}"


def test_a_python_without_ctp2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PYTHONPATH")
    bare = Path(sys.base_prefix, "bin", "python3")
    monkeypatch.setenv("CTP2_PYTHON", str(bare))
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    line = launch()
    assert line == f"why: {ADDRESS}: no server was started by {bare}: {bare}: No module named ctp2: {HINT}"


def test_another_program(script: Script) -> None:
    path = script("exit 0")
    assert launch() == f"why: {ADDRESS}: no server was started by {path}: it said nothing: {HINT}"
    script("printf 'first\\nlast line' >&2; exit 7")
    assert launch() == f"why: {ADDRESS}: no server was started by {path}: last line: {HINT}"
    script("printf 'Traceback\\n\\001\\377 error\\n\\n' >&2")
    assert launch().startswith(f"why: {ADDRESS}: no server was started by {path}: ?")


NOBODY_REAPS = """
import ctypes, subprocess, sys
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def test_a_container_in_which_nobody_asks_for_ended_processes(script: Script) -> None:
    """What has ended stays as a zombie there; it is not waited for."""
    path = script("exit 0")
    words = [str(program()), "launch", "td", ADDRESS, "600", "0"]
    result = subprocess.run(
        [sys.executable, "-c", NOBODY_REAPS, *words], capture_output=True, text=True, timeout=120, check=False
    )
    line = f"why: {ADDRESS}: no server was started by {path}: it said nothing: {HINT}"
    assert result.stdout.splitlines()[0] == line, result


@pytest.mark.parametrize(
    "line",
    ["ready", "ready 1 2", "ready 1 70000 5 t", "ready 1 2 x t", "ready 99999999999999999999 2 3 t", "ready  1 2 3"],
)
def test_half_an_answer_is_none(script: Script, line: str) -> None:
    path = script(f"echo '{line}' >&2")
    assert launch() == f"why: {ADDRESS}: no server was started by {path}: {line}: {HINT}"


def test_an_answer_comes_in_pieces(script: Script) -> None:
    script("echo a warning >&2; printf 'ready 1 20' >&2; sleep 0.2; printf '002 20004 t0ken' >&2; sleep 0.2; echo >&2")
    assert launch() == "127.0.0.1 20002 t0ken"


def test_a_front_that_is_not_offered(script: Script) -> None:
    script("echo ready 1 0 20004 t0ken >&2")
    assert launch("td", "sina://") == "why: sina://: there is no trading there"
    assert launch("md", "sina://") == "127.0.0.1 20004 t0ken"
    script("echo ready 1 20002 0 t0ken >&2")
    assert launch("md", "tts://vip") == "why: tts://vip: it has no market data there"


def test_the_address_is_one_word(script: Script, tmp_path: Path) -> None:
    path = script(f'for word; do echo "$word"; done > {tmp_path / "words"}; echo ready 1 2 3 t >&2')
    address = "tts://7x24?id='$(exit)\"*;&balance=CNY:1"
    assert launch("td", address) == "127.0.0.1 2 t"
    words = (tmp_path / "words").read_text().splitlines()
    assert words == ["-P", "-m", "ctp2", "serve", "--private", address], path


def test_waiting_ends(script: Script, home: Path) -> None:
    path = script("echo one moment >&2; exec sleep 30")
    line, took = launch_timed("td", ADDRESS, 1, 0)
    assert line == f"why: {ADDRESS}: the server that {path} starts is not ready in time; its last line: one moment"
    assert took >= 1000
    # Release ends it at once, and says nothing.
    line, took = launch_timed("td", ADDRESS, 600, 100)
    assert line == "why: " and took < 60_000
    assert not list((home / "runtime").glob("start-*"))


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "file"))
    line = launch()
    assert line.startswith(f"why: cannot make the folder {tmp_path}/file/runtime (") and line.endswith("to another")


def test_after_kill_the_next_one_starts() -> None:
    first = launch().split()
    (file,) = runtime_dir().glob("private-*.lock")
    found = Found.read(file.read_text().partition("\n")[0])
    assert found is not None
    with Raw(f"tcp://127.0.0.1:{first[1]}") as client:
        client.start(token=first[2])
        os.kill(found.pid, signal.SIGKILL)
        assert client.ends()
    began = time.monotonic()
    second = launch().split()
    assert second[2] != first[2] and time.monotonic() - began < 60
