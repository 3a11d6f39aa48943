"""``ctp2 serve --private``: one server per user and address, found by its lock file, ended when nobody needs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from ctp2.cli.app import run
from ctp2.core.backend import Event
from ctp2.core.errors import OpenFailed
from ctp2.front import private, wire
from ctp2.front.backend import RemoteBackend
from ctp2.front.handshake import Target
from ctp2.front.private import Found, Place, Seat, canonical, find, place_of
from ctp2.front.private_server import LOG_BYTES, open_log
from tests.front import fake
from tests.front.conftest import Serve
from tests.front.raw import Raw

WAIT = 60.0
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, signals and open files are others there")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a runtime folder of its own."""
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# --- which addresses are one -----------------------------------------------------------------------------------------

SAME = [
    ("tts://", "tts://7x24"),
    ("tcp://tts://7x24", "tts://7x24"),
    ("TTS://7x24", "tts://7x24"),
    ("tts://7x24?seed=1&id=a", "tts://7x24?id=a&seed=1"),
    ("tts://7x24?balance=CNY%3A5", "tts://7x24?balance=CNY:5"),
    ("sina://", "sina://"),
    ("tts://replay?to=20260105&from=20260104", "tts://replay?from=20260104&to=20260105"),
]
OTHERS = [
    ("tts://7x24", "tts://7x24?id=a"),
    ("tts://7x24?db=a.db", "tts://7x24?db=b.db"),
    ("tts://7x24?seed=1", "tts://7x24?seed=2"),
    ("tts://7x24", "tts://sim"),
    ("ib://h:1", "ib://h:2"),
    ("sina://", "tencent://"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_server(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)
    assert canonical(canonical(one)) == canonical(one)
    assert place_of(canonical(one)) == place_of(canonical(other))


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_two_servers(one: str, other: str) -> None:
    assert place_of(canonical(one)).lock != place_of(canonical(other)).lock


def test_a_file_is_the_same_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    here = canonical("tts://7x24?db=run.db")
    assert canonical(f"tts://7x24?db={tmp_path / 'a' / 'run.db'}") == here
    monkeypatch.chdir(tmp_path / "b")
    assert canonical("tts://7x24?db=run.db") != here
    # Also one within the address of its quotes.
    assert f"ca%3D{tmp_path}/b/own.crt" in canonical("tts://sim?quotes=ssl://h:1?ca%3Down.crt").replace("%2F", "/")
    # Words are no files.
    assert canonical("tts://7x24?db=default&data=sample") == "tts://7x24?data=sample&db=default"


# --- the lock --------------------------------------------------------------------------------------------------------


@pytest.fixture
def place() -> Place:
    return place_of("tts://test")


def taken(place: Place) -> Seat:
    seat = find(place.lock)
    assert isinstance(seat, Seat)
    return seat


def test_the_second_waits_for_the_first(place: Place) -> None:
    seat = taken(place)
    with pytest.raises(OpenFailed, match="serves nothing"):
        find(place.lock, wait=0.1)
    seat.leave()
    assert not place.lock.exists()
    taken(place).leave()


def test_the_second_is_told_of_the_first(place: Place, serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x")
    ports = server.server.ports
    seat = taken(place)
    told = Found(1, ports["trader"], ports["md"], "t0ken")
    seat.tell(told, "tts://test")
    assert find(place.lock) == told
    seat.tell(told._replace(trade=0), "tts://test")
    assert find(place.lock) == told._replace(trade=0), "a server without a trading front"
    seat.retire()
    with pytest.raises(OpenFailed):
        find(place.lock, wait=0.1)
    seat.leave()


def test_a_file_whose_server_is_gone_counts_for_nothing(place: Place) -> None:
    # Its pid lives (it is this process), and is no server: pids are used again.
    place.lock.write_bytes(f"ready {os.getpid()} 1 1 t0ken\ntts://test\n".encode())
    place.lock.chmod(0o600)
    seat = taken(place)
    assert place.lock.read_bytes() == b""
    seat.leave()


@posix
def test_a_server_that_does_not_answer_is_replaced(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        hung = taken(place)
        hung.tell(Found(1, deaf.getsockname()[1], 0, "t0ken"), "tts://test")
        after = find(place.lock, answer=0.1)
        assert isinstance(after, Seat)
        # It comes round, and takes nothing away from its successor.
        hung.leave()
        assert place.lock.exists()
        with pytest.raises(OpenFailed):
            find(place.lock, wait=0.1)
        after.leave()
        assert not place.lock.exists()


@posix
@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
def test_a_file_that_others_may_read_is_refused(place: Place, mode: int) -> None:
    place.lock.touch()
    place.lock.chmod(mode)
    with pytest.raises(OpenFailed, match="others may read it: remove it"):
        find(place.lock)


@posix
def test_what_another_user_left_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(place).leave()
    place.lock.touch(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(OpenFailed, match="is another user's"):
        find(place.lock)
    with pytest.raises(OpenFailed, match="belongs to another user"):
        place_of("tts://test")


@posix
def test_a_link_in_its_place_is_not_followed(place: Place, tmp_path: Path) -> None:
    place.lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        find(place.lock)
    assert not (tmp_path / "elsewhere").exists()


@posix
def test_files_are_their_users_alone(place: Place, home: Path) -> None:
    (home / "runtime").chmod(0o755)
    place_of("tts://test")
    assert (home / "runtime").stat().st_mode & 0o777 == 0o700
    seat = taken(place)
    with open_log(place.log):
        assert [path.stat().st_mode & 0o777 for path in place] == [0o600, 0o600]
    seat.leave()


def test_a_log_that_has_grown_begins_anew(place: Place) -> None:
    with open_log(place.log) as log:
        log.write("x" * LOG_BYTES)
    with open_log(place.log) as log:
        log.write("y")
    assert place.log.stat().st_size == LOG_BYTES + 1
    open_log(place.log).close()
    assert place.log.stat().st_size == 0


def test_answers_that_nobody_read_are_removed(start: Callable[..., Starter], home: Path) -> None:
    folder = place_of("tts://7x24").lock.parent
    old, new = folder / "start-1-1.txt", folder / "start-1-2.txt"
    for path in (old, new):
        path.touch()
    os.utime(old, (1.0, 1.0))
    server = start(CTP2_PRIVATE_FIRST="0.2")
    assert server.found.pid == server.process.pid
    assert server.end() == 0
    assert new.exists() and not old.exists()


@pytest.mark.parametrize("line", ["", "ready", "ready 1 2 3", "ready 1 2 x t", "ready 1 2 3 t u", "wrong 1 2 3 t"])
def test_half_a_line_says_nothing(line: str) -> None:
    assert Found.read(line) is None


def test_a_token_is_shown_nowhere() -> None:
    told = Found(1, 2, 3, private.new_token())
    assert told.token not in repr(told) and len(told.token) == 32
    assert told.token not in repr(Target("h", 1, "6.7.13", token=told.token))
    assert told.token not in repr(wire.Hello("md", "6.7.13", token=told.token))
    assert Found.read(told.line()) == told


# --- the token at a front --------------------------------------------------------------------------------------------


def test_a_private_front_wants_its_token(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", token="t0ken")
    for token in ("", "t0ke", "t0ken2", "T0KEN"):
        with Raw(server.trade) as client:
            refusal = wire.read_refused(client.hello(token=token).read(lambda frame: frame.kind == wire.REFUSED))
            assert (refusal.error_id, refusal.message) == (63, "CTP:客户端认证失败")
            assert "run ctp2 serve" in refusal.detail
            assert client.ends()
    for kind, address in (("trader", server.trade), ("md", server.md)):
        with Raw(address, kind) as client:  # type: ignore[arg-type]
            client.start(token="t0ken")


def test_a_public_front_does_not_look_at_it(serve: Serve, backend: fake.Backend) -> None:
    with Raw(serve("fake://x").trade) as client:
        client.start(token="anything")


def test_the_python_client_can_present_it(serve: Serve, backend: fake.Backend) -> None:
    server = serve("fake://x", token="t0ken").server
    target = Target("127.0.0.1", server.ports["trader"], "6.7.13")
    with pytest.raises(OpenFailed, match="private server") as refused:
        RemoteBackend(target).session("trader", _Sink())
    assert refused.value.why == "refused"
    RemoteBackend(target._replace(token="t0ken")).session("trader", _Sink()).close()


class _Sink:
    """Nobody reads what comes."""

    depth = 0

    def put(self, events: Sequence[Event]) -> None:
        """Forget it."""

    def when_idle(self, call: Callable[[], None]) -> None:
        """It always is."""
        call()


# --- as a process ----------------------------------------------------------------------------------------------------


class Starter:
    """A running ``ctp2 serve --private``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.out: IO[str] = process.stdout
        self._found: Found | None = None

    @property
    def found(self) -> Found:
        """What it says first."""
        if self._found is None:
            line = self.out.readline().rstrip("\n")
            self._found = Found.read(line)
            assert self._found is not None, line
        return self._found

    def end(self) -> int:
        """Wait for its end."""
        return self.process.wait(WAIT)


@pytest.fixture
def start(root: Path, tmp_path: Path) -> Iterator[Callable[..., Starter]]:
    """Starts servers; they end with the test."""
    with ExitStack() as stack:

        def begin(address: str = "tts://7x24", **environment: str) -> Starter:
            command = [sys.executable, "-P", "-m", "ctp2", "serve", "--private", address]
            env = {**os.environ, "PYTHONPATH": str(root), **environment}
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return Starter(process)

        yield begin


def client_of(found: Found) -> Raw:
    client = Raw(f"tcp://127.0.0.1:{found.trade}")
    client.start(token=found.token)
    return client


def test_two_starters_end_with_one_server(start: Callable[..., Starter], home: Path) -> None:
    starters = [start("tts://7x24", CTP2_PRIVATE_LINGER="0.2"), start("tts://", CTP2_PRIVATE_LINGER="0.2")]
    one, other = (starter.found for starter in starters)
    assert one == other
    server, finder = sorted(starters, key=lambda starter: starter.process.pid != one.pid)
    assert (server.process.pid, finder.end()) == (one.pid, 0)
    assert server.out.read() == "", "whoever started it need not read on"
    with client_of(one) as client, Raw(f"tcp://127.0.0.1:{one.md}", "md") as watcher:
        login: Event = client.login("anybody")
        assert login.info is not None and login.info.ErrorID == 0
        watcher.start(token=one.token)
        # As long as a client is there it stays, whatever the time.
        assert start().found == one
    assert server.end() == 0
    (log,) = (home / "runtime").iterdir()
    text = log.read_text(encoding="utf-8")
    assert "idle seconds=0.2" in text and "user=anybody" in text and one.token not in text


def test_it_ends_when_nobody_comes(start: Callable[..., Starter]) -> None:
    first = start(CTP2_PRIVATE_FIRST="0.5", CTP2_PRIVATE_LINGER="60")
    assert first.found
    assert first.end() == 0


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_after_its_end_the_next_one_starts(start: Callable[..., Starter], number: signal.Signals) -> None:
    first = start()
    with client_of(first.found) as client:
        first.process.send_signal(number)
        assert client.ends()
    assert first.end() == (0 if number == signal.SIGTERM else -number)
    second = start()
    assert second.found.pid == second.process.pid
    assert second.found.token != first.found.token
    client_of(second.found).socket.close()


@posix
def test_a_stopped_server_does_not_hold_up_the_next(start: Callable[..., Starter]) -> None:
    first = start()
    assert first.found
    first.process.send_signal(signal.SIGSTOP)
    place = place_of(canonical("tts://7x24"))
    began = time.monotonic()
    after = find(place.lock, answer=0.2)
    assert time.monotonic() - began < WAIT
    assert isinstance(after, Seat)
    after.leave()


WRONG = [
    ("tts://nowhere", 2, "no such environment"),
    ("tts://7x24?speeed=2", 2, "speeed"),
    ("7x24", 2, "has no scheme"),
    ("tcp://127.0.0.1:20002", 2, "is the address of a front already"),
    ("tcp6://[::1]:20002", 2, "is the address of a front already"),
    ("nowhere://x", 3, "unknown scheme nowhere://"),
]


@pytest.mark.parametrize(("address", "code", "why"), WRONG)
def test_a_senseless_address_is_one_line(
    address: str, code: int, why: str, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run(["serve", "--private", address]) == code
    line = capsys.readouterr().err
    assert line.startswith("ctp2: ") and line.count("\n") == 1 and why in line
    assert not list(home.rglob("private-*")), "it leaves nothing"


def test_its_settings_are_checked(
    start: Callable[..., Starter], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("CTP2_PRIVATE_LINGER", "-1")
    assert run(["serve", "--private", "tts://7x24"]) == 2
    assert "private.linger" in capsys.readouterr().err
    assert not list(home.rglob("*.lock"))


def test_it_takes_no_other_option(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert run(["serve", "--private", "tts://7x24", "--trade-port", "0"]) == 2
    assert "takes no other option" in capsys.readouterr().err
