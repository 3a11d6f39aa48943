"""What C++ programs do that is rude, or hard, on libraries found by dlopen (spec native 12.4; ``cxx_rude.cpp``).

The program checks what it sees itself and ends with 0 if all of it is as it must be. Two fronts in this process call it
back as fast as it takes it. Under the checkers for addresses and threads a report makes the exit code 97.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.core.backend import Event, Request
from ctp2.core.clock import LiveClock
from ctp2.ctp import structs
from ctp2.front import certificate
from ctp2.front.limits import Limits
from ctp2.front.server import Config, ServerThread
from tests.shim import cxx
from tests.shim.child import TIMEOUT
from tests.shim.front import Backend, Session, installed
from tools import foreign_clients

pytestmark = [pytest.mark.foreign]

RUNS: Final = 10
WAIT: Final = 240.0
TICK: Final = Event(
    "OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID="rb2605", LastPrice=1.5)
)
STATUS: Final = Event(
    "OnRtnInstrumentStatus", structs.CThostFtdcInstrumentStatusField(ExchangeID="SHFE", InstrumentStatus="2")
)
CHECKED: Final[tuple[cxx.Check, ...]] = ("plain", "address", "thread")


class Streaming(Session):
    """Streams as soon as a program has logged in or subscribed."""

    def handle(self, request: Request) -> int:
        result = super().handle(request)
        if request.method.name == "SubscribeMarketData":
            self.stream(*[TICK] * 20)
        elif request.method.name == "ReqUserLogin" and self.kind == "trader":
            self.stream(*[STATUS] * 5)
        return result


class House(Backend):
    """Makes such sessions."""

    def session(self, kind: Any, sink: Any) -> Streaming:
        session = Streaming(kind, sink)
        session.put(Event("OnFrontConnected"))
        self.made.put(session)
        return session


class Program:
    """Starts ``cxx_rude``."""

    def __init__(self, server: ServerThread, backend: House, folder: Path, options: str = "") -> None:
        self.server = server
        self.is_tls = bool(options)
        self.fronts = (f"{server.trade}{options}", f"{server.md}{options}")
        self.backend = backend
        self.folder = folder

    def start(
        self, verb: str, argument: str = "", check: cxx.Check = "plain", other: Path | None = None
    ) -> subprocess.Popen[str]:
        other = other or (cxx.libraries(check, cxx.PARTIES[1]) if verb == "two_versions" else cxx.libraries(check))
        command = [cxx.rude(check), verb, cxx.libraries(check), other, *self.fronts, argument]
        pipe = subprocess.PIPE
        # Without a path of libraries: programs that use dlopen have their own way to find them.
        env = {name: value for name, value in cxx.environment(check).items() if name != "LD_LIBRARY_PATH"}
        if self.is_tls and verb in LINKED_AT_THE_END:
            # What OpenSSL has of a link then is left to the system: it may be taking itself down already.
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        words = [str(word) for word in command]
        return subprocess.Popen(words, cwd=self.folder, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def ended(self, process: subprocess.Popen[str], code: int = 0) -> list[str]:
        """Its lines on stderr, when it has ended as it should."""
        try:
            _, errors = process.communicate(timeout=WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert process.returncode == code, errors[-6000:]
        # The checker of the child of a fork misses the parent's threads.
        return [line for line in errors.splitlines() if "was not suspended. False leaks" not in line]

    def run(self, verb: str, argument: str = "", check: cxx.Check = "plain", code: int = 0) -> list[str]:
        """Start it and wait for its end."""
        return self.ended(self.start(verb, argument, check), code)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    return installed(monkeypatch, House())  # type: ignore[return-value]


@pytest.fixture
def program(house: House, tmp_path: Path) -> Iterator[Program]:
    limits = Limits(requests_per_second=0)
    with ServerThread(Config("fake://x", trade_port=0, md_port=0, limits=limits)) as server:
        yield Program(server, house, tmp_path)


@pytest.fixture
def tls_program(house: House, tmp_path: Path) -> Iterator[Program]:
    """The same over TLS, with a certificate that signs itself."""
    cert, key = tmp_path / "own.crt", tmp_path / "own.key"
    certificate.make(cert, key, ["127.0.0.1"], LiveClock())
    limits = Limits(requests_per_second=0)
    config = Config("fake://x", trade_port=0, md_port=0, limits=limits, tls_cert=str(cert), tls_key=str(key))
    with ServerThread(config) as server:
        yield Program(server, house, tmp_path, f"?ca={cert}")


def nothing(lines: list[str]) -> None:
    assert lines == []


def two_bugs(lines: list[str]) -> None:
    assert set(lines) == {
        "ctp2: an exception left OnRtnDepthMarketData: a bug",
        "ctp2: an exception left OnRtnDepthMarketData",
    }


def one_joined(lines: list[str]) -> None:
    assert lines == ["ctp2: Join inside a callback would wait for itself: it returns at once"]


def flow_in_use(lines: list[str]) -> None:
    """Two traders of one process and one flow path."""
    assert [line for line in lines if "is in use by another Api object" not in line] == []


ALONE: Final[dict[str, Callable[[list[str]], None]]] = {
    "throws": two_bugs,
    "exits_inside": nothing,
    "thread_exits_inside": nothing,
    "releases_inside": nothing,
    "is_slow": nothing,
    "releases_while_hanging": nothing,
    "releases_quickly": nothing,
    "joins": nothing,
    "joins_inside": one_joined,
    "unregisters": nothing,
    "never_starts": nothing,
    "asks_after_release": nothing,
    "forks": nothing,
    "closes_while_connected": nothing,
    "signals": nothing,
}
"""Verb → what it may say."""


@pytest.mark.parametrize("check", CHECKED)
@pytest.mark.parametrize("verb", ALONE)
def test_a_program(program: Program, verb: str, check: cxx.Check) -> None:
    ALONE[verb](program.run(verb, check=check))


def test_a_fork_starts_objects_of_its_own(program: Program) -> None:
    """While another thread makes and releases objects. The checkers are not made for what a child does after that."""
    nothing(program.run("forks_and_starts"))


@pytest.mark.parametrize("check", CHECKED)
@pytest.mark.parametrize("scope", ["local", "global"])
def test_two_versions_at_once(program: Program, scope: str, check: cxx.Check) -> None:
    flow_in_use(program.run("two_versions", scope, check))


@pytest.mark.parametrize("order", ["ours first", "theirs first"])
def test_beside_the_vendors(program: Program, tmp_path: Path, order: str) -> None:
    """Ours of 6.7.11 and the vendor's of 6.3.15, which openctp-ctp brings, under the same names."""
    package = foreign_clients.site(foreign_clients.BINDINGS["openctp-6.3.15"])
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for path in package.glob("*.libs/libthost*.so"):
        theirs.joinpath(f"{path.name.partition('-')[0]}.so").symlink_to(path)
    nothing(program.ended(program.start("beside_the_vendor", order, other=theirs)))


@pytest.mark.parametrize("check", CHECKED)
def test_rounds(program: Program, check: cxx.Check) -> None:
    """No thread and no descriptor is left of 2,000 objects."""
    nothing(program.run("rounds", "2000" if check == "plain" else "300", check))


LINKED_AT_THE_END: Final = ("forks", "closes_while_connected")
OVER_TLS: Final = (
    "throws",
    "thread_exits_inside",
    "releases_inside",
    "is_slow",
    "releases_while_hanging",
    "releases_quickly",
    "joins",
    "unregisters",
    "asks_after_release",
    "forks",
    "closes_while_connected",
    "signals",
)


@pytest.mark.parametrize("check", CHECKED)
@pytest.mark.parametrize("verb", OVER_TLS)
def test_a_program_over_tls(tls_program: Program, verb: str, check: cxx.Check) -> None:
    ALONE[verb](tls_program.run(verb, check=check))


@pytest.mark.parametrize("check", CHECKED)
def test_requests_arrive_over_tls(tls_program: Program, house: House, check: cxx.Check) -> None:
    arrive(tls_program, house, "many_threads", 8000, check)


@pytest.mark.parametrize("check", CHECKED)
@pytest.mark.parametrize(("verb", "number"), [("many_threads", 8000), ("asks_inside", 1000)])
def test_requests_arrive(program: Program, house: House, verb: str, number: int, check: cxx.Check) -> None:
    arrive(program, house, verb, number, check)


def arrive(program: Program, house: House, verb: str, number: int, check: cxx.Check) -> None:
    """Each once and whole, from eight threads at once, or from inside callbacks; from one thread in order."""
    process = program.start(verb, check=check)
    session = house.next()
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == f"{number}\n"
    orders = [session.next("ReqOrderInsert") for _ in range(number)]
    assert all(order.field.OrderRef == str(order.request_id) for order in orders)
    refs = [order.request_id for order in orders]
    assert sorted(refs) == list(range(1, number + 1))
    if verb == "asks_inside":
        assert refs == list(range(1, number + 1))
    process.stdin.write("\n")
    nothing(program.ended(process))


ENDS: Final = {"return": 0, "exit": 0, "_exit": 0, "quick_exit": 0, "thread": 0, "abort": -signal.SIGABRT}


@pytest.mark.parametrize("check", ["plain", "thread"])
@pytest.mark.parametrize("how", ENDS)
def test_ends_while_ticks_flow(program: Program, how: str, check: cxx.Check) -> None:
    """Ten programs, at moments from its start on; every second one when the first tick has come."""
    if check != "plain" and how == "abort":
        pytest.skip("the checker has a signal handler of its own")
    runs = [program.start(f"ends-{how}", str(delay), check) for delay in range(0, 3 * RUNS, 3)]
    for one in runs:
        flow_in_use(program.ended(one, ENDS[how]))


@pytest.mark.parametrize("how", ENDS)
def test_ends_while_ticks_flow_over_tls(tls_program: Program, how: str) -> None:
    """OpenSSL takes itself down at the end too, and nobody may be inside."""
    runs = [tls_program.start(f"ends-{how}", str(delay)) for delay in range(0, 3 * RUNS, 3)]
    for one in runs:
        flow_in_use(tls_program.ended(one, ENDS[how]))


def test_the_front_goes(program: Program, house: House) -> None:
    """A program in the middle of its stream, whose front ends, is told and ends as it likes."""
    process = program.start("ends-thread", "20000")
    house.next()
    program.server.stop()
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT) == -signal.SIGTERM
    process.communicate()
