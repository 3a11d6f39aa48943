"""The life of a native Api object: Release, Join, threads, copies by fork, the end of the process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ctp2.ctp import structs
from ctp2.front import wire
from tests.shim.caller import TIMEOUT, Api, Spi
from tests.shim.conftest import Start
from tests.shim.native import compiler, headers, libraries, run
from tests.shim.scripted import Front, Link

pytestmark = pytest.mark.foreign

ROOT = Path(__file__).resolve().parents[2]


def test_release_says_goodbye_and_ends_everything(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    before = time.monotonic()
    api.call("Release")
    assert time.monotonic() - before < 1
    goodbye = link.read(wire.GOODBYE)
    assert (goodbye.aux, wire.read_text(goodbye)) == (0, "released")
    assert link.ends()
    assert api.request("ReqQryOrder", 1) == -1
    assert api.call("GetTradingDay") == b""
    api.call("RegisterSpi", spi.address)
    api.call("RegisterFront", b"tcp://127.0.0.1:1")
    api.call("Init")
    assert api.call("Join") == 0
    api.call("Release")
    assert spi.calls.empty()


def test_release_before_init(program: Start, tmp_path: Path) -> None:
    api = Api(libraries("6.7.11")["trader"], "6.7.11", "trader", f"{tmp_path}/")
    assert api.call("Join") == 0
    api.call("Release")
    api.call("Init")
    assert api.request("ReqQryOrder", 1) == -1


def test_release_while_nobody_answers(tmp_path: Path) -> None:
    front = Front("6.7.11")
    for address in (front.address, "tcp://127.0.0.1:1", "tcp://no-such-host.invalid:20002"):
        api = Api(libraries("6.7.11")["trader"], "6.7.11", "trader", f"{tmp_path}/")
        api.call("RegisterFront", address.encode())
        api.call("Init")
        if address == front.address:
            front.accept().frame()  # in the middle of the handshake
        before = time.monotonic()
        api.call("Release")
        assert time.monotonic() - before < 1
    front.close()


def test_release_inside_a_callback(program: Start) -> None:
    api, spi, front = program()
    spi.hooks["OnFrontConnected"] = lambda call: api.call("Release")
    link = front.start()
    with suppress(OSError):  # the client may be gone first
        for _ in range(10):
            link.call("OnRtnTrade", structs.CThostFtdcTradeField())
    assert link.ends()
    assert spi.next().name == "OnFrontConnected"
    assert api.call("Join") == 0
    assert spi.calls.empty()


def test_release_waits_one_second_for_a_callback(program: Start) -> None:
    api, spi, front = program()
    entered, leave = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        entered.set()
        leave.wait(TIMEOUT)

    spi.hooks["OnFrontConnected"] = hold
    link = front.start()
    assert entered.wait(TIMEOUT)
    before = time.monotonic()
    api.call("Release")
    took = time.monotonic() - before
    assert 1 <= took < 10
    with suppress(OSError):
        link.call("OnRtnTrade", structs.CThostFtdcTradeField())
    leave.set()
    assert api.call("Join") == 0
    assert link.ends()
    assert spi.next().name == "OnFrontConnected"
    assert spi.calls.empty()


def test_join_ends_with_release(program: Start) -> None:
    api, spi, front = program()
    front.start()
    spi.next("OnFrontConnected")
    results: list[int] = []
    waiting = threading.Thread(target=lambda: results.append(api.call("Join")))
    waiting.start()
    api.call("Release")
    waiting.join(TIMEOUT)
    assert results == [0]


def test_join_inside_a_callback_does_not_wait(program: Start) -> None:
    api, spi, front = program()
    results: list[int] = []
    spi.hooks["OnFrontConnected"] = lambda call: results.append(api.call("Join"))
    front.start()
    spi.next("OnFrontConnected")
    assert results == [0]


def test_another_spi_and_none(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    api.call("RegisterSpi", None)
    link.call("OnRtnTrade", structs.CThostFtdcTradeField(TradeID="unheard")).send(wire.ping(1))
    link.read(wire.PONG)
    other = Spi("6.7.11", "trader")
    api.call("RegisterSpi", other.address)
    link.call("OnRtnTrade", structs.CThostFtdcTradeField(TradeID="heard"))
    assert other.struct(other.next(), "CThostFtdcTradeField").TradeID == "heard"
    assert spi.calls.empty()


def test_callbacks_come_on_one_thread_that_is_not_the_programs(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.hooks["OnRtnTrade"] = lambda call: api.request("ReqQryOrder", 1)
    for _ in range(20):
        link.call("OnRtnTrade", structs.CThostFtdcTradeField())
    threads = {spi.next().thread for _ in range(21)}
    assert len(threads) == 1
    assert threading.get_native_id() not in threads


def test_signals_and_other_programs_get_nothing_of_the_worker(program: Start) -> None:
    before = set(os.listdir("/proc/self/fd"))
    _, spi, front = program()
    masks: list[int] = []

    def look(_: Any) -> None:
        status = Path(f"/proc/self/task/{threading.get_native_id()}/status").read_text()
        masks.append(int(status.split("SigBlk:")[1].split()[0], 16))

    spi.hooks["OnFrontConnected"] = look
    front.start()
    spi.next("OnFrontConnected")
    # SIGKILL and SIGSTOP cannot be blocked, 32 to 34 are the C library's own.
    free = {9, 19, 32, 33, 34}
    assert all(masks[0] >> (number - 1) & 1 for number in range(1, 65) if number not in free)
    mine = set(os.listdir("/proc/self/fd")) - before
    native = []
    for name in mine:
        with suppress(OSError):
            native.append(os.get_inheritable(int(name)))
    assert native
    assert not any(native)


def test_nobody_reads_standard_error(tmp_path: Path) -> None:
    front = Front("6.7.11")
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n" + CHILD]
    arguments = [str(libraries("6.7.11")["trader"]), f"{tmp_path}/missing/", front.address]
    child = subprocess.Popen(
        [*command, *arguments], env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, stderr=write
    )
    os.close(write)
    front.start()
    assert child.wait(TIMEOUT) == 0
    front.close()


def test_requests_from_many_threads(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")

    def send(first: int) -> None:
        for number in range(first, first + 200):
            assert api.request("ReqOrderInsert", number) == 0

    senders = [threading.Thread(target=send, args=(first,)) for first in range(0, 1600, 200)]
    for sender in senders:
        sender.start()
    numbers = [link.read(wire.REQUEST).request_id for _ in range(1600)]
    for sender in senders:
        sender.join(TIMEOUT)
    assert sorted(numbers) == list(range(1600))
    for first in range(0, 1600, 200):
        mine = [number for number in numbers if first <= number < first + 200]
        assert mine == sorted(mine)


def test_rounds_leave_nothing_behind(tmp_path: Path) -> None:
    front = Front("6.7.11")
    library = libraries("6.7.11")["trader"]

    def one() -> None:
        api = Api(library, "6.7.11", "trader", f"{tmp_path}/")
        spi = Spi("6.7.11", "trader")
        api.call("RegisterSpi", spi.address)
        api.call("RegisterFront", front.address.encode())
        api.call("Init")
        link = front.start()
        spi.next("OnFrontConnected")
        api.call("Release")
        assert link.ends()
        link.close()

    one()
    before, threads = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    for _ in range(100):
        one()
    assert len(os.listdir("/proc/self/fd")) == before
    deadline = time.monotonic() + TIMEOUT
    while len(os.listdir("/proc/self/task")) > threads and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert len(os.listdir("/proc/self/task")) <= threads
    front.close()


# --- processes -------------------------------------------------------------------------------------------------------

CHILD = """
import os, sys, threading
from pathlib import Path
from tests.shim.caller import Api, Spi
api = Api(Path(sys.argv[1]), "6.7.11", "trader", sys.argv[2])
spi = Spi("6.7.11", "trader")
api.call("RegisterSpi", spi.address)
api.call("RegisterFront", sys.argv[3].encode())
api.call("Init")
spi.next("OnFrontConnected")
"""


def started(code: str, tmp_path: Path, front: Front) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD + code, str(libraries("6.7.11")["trader"]), f"{tmp_path}/", front.address]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code, and what was said on standard error."""
    errors = child.communicate(timeout=TIMEOUT)[1]
    return child.returncode, errors


def stream(link: Link) -> None:
    """Trades until the client is gone."""
    trade = structs.CThostFtdcTradeField(TradeID="T")
    try:
        while True:
            link.call("OnRtnTrade", trade)
    except OSError:
        return


@pytest.mark.parametrize(
    "code", ["", "sys.exit(0)", "spi.hooks['OnRtnTrade'] = lambda c: None; spi.next('OnRtnTrade')"]
)
def test_a_program_that_ends_while_callbacks_run(tmp_path: Path, code: str) -> None:
    front = Front("6.7.11")
    child = started(code, tmp_path, front)
    link = front.start()
    stream(link)
    assert ended(child) == (0, "")
    front.close()


def test_a_copy_by_fork(tmp_path: Path) -> None:
    front = Front("6.7.11")
    code = """
pid = os.fork()
if pid == 0:
    ok = [api.request("ReqQryOrder", 1), api.call("Join"), api.call("GetTradingDay")] == [-1, 0, b""]
    api.call("Init")
    api.call("RegisterSpi", None)
    api.call("Release")
    api.call("Release")
    other = Api(Path(sys.argv[1]), "6.7.11", "trader", sys.argv[2] + "child")
    heard = Spi("6.7.11", "trader")
    other.call("RegisterSpi", heard.address)
    other.call("RegisterFront", sys.argv[3].encode())
    other.call("Init")
    heard.next("OnFrontConnected")
    other.call("Release")
    sys.exit(0 if ok else 1)
assert os.waitpid(pid, 0)[1] == 0
assert api.request("ReqQryOrder", 2) == 0
spi.next("OnRspQryOrder")
api.call("Release")
"""
    child = started(code, tmp_path, front)
    link = front.start()
    front.start()
    assert link.request("ReqQryOrder").request_id == 2
    link.call("OnRspQryOrder", request_id=2)
    assert ended(child) == (0, "")
    front.close()


def test_a_copy_by_fork_does_not_hold_the_flow_path(tmp_path: Path) -> None:
    front = Front("6.7.11")
    code = """
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(write)
    os.read(read, 1)
    os._exit(0)
api.call("Release")
Api(Path(sys.argv[1]), "6.7.11", "trader", sys.argv[2]).call("Release")
os.close(write)
assert os.waitpid(pid, 0)[1] == 0
"""
    child = started(code, tmp_path, front)
    front.start()
    assert ended(child) == (0, "")
    front.close()


PROGRAM = """
#include "ThostFtdcTraderApi.h"
#include <pthread.h>
#include <stdexcept>
#include <stdlib.h>
#include <string.h>
#include <typeinfo>
#include <unistd.h>

struct Spi : CThostFtdcTraderSpi {
    CThostFtdcTraderApi *api;
    const char *what;
    void OnFrontConnected() override {
        CThostFtdcQryOrderField query = {};
        api->ReqQryOrder(&query, 1);
    }
    void OnRtnTrade(CThostFtdcTradeField *trade) override {
        if (!strcmp(what, "throw")) throw std::runtime_error(trade->TradeID);
        if (!strcmp(what, "throw-int")) throw 3;
        if (!strcmp(what, "exit")) exit(7);
        if (!strcmp(what, "thread")) pthread_exit(nullptr);
        if (!strcmp(what, "release")) api->Release();
    }
    void OnRtnOrder(CThostFtdcOrderField *) override { exit(5); }
};

int main(int, char **argv) {
    Spi spi;
    spi.what = argv[3];
    spi.api = CThostFtdcTraderApi::CreateFtdcTraderApi(argv[1]);
    if (!strstr(typeid(*spi.api).name(), "Impl") || strncmp(spi.api->GetApiVersion(), "v6.7.11", 7)) return 1;
    spi.api->RegisterSpi(&spi);
    spi.api->RegisterFront(argv[2]);
    spi.api->Init();
    return spi.api->Join() ? 2 : 4;
}
"""


CALLBACKS = (
    ("throw", 5, "ctp2: an exception left OnRtnTrade: T1\n"),
    ("throw-int", 5, "ctp2: an exception left OnRtnTrade\n"),
    ("exit", 7, ""),
    ("thread", 4, ""),
    ("release", 4, ""),
)
"""What the callback does, the program's exit code, what stands on its standard error."""


@pytest.mark.parametrize(("what", "code", "words"), CALLBACKS)
def test_what_a_callback_of_cpp_may_do(tmp_path: Path, what: str, code: int, words: str) -> None:
    ends_as(tmp_path, libraries("6.7.11")["trader"], what, code, words)


def ends_as(tmp_path: Path, library: Path, what: str, code: int, words: str) -> None:
    """A C++ program with ``library`` does ``what`` in a callback and ends with ``code``, having said ``words``."""
    front = Front("6.7.11")
    source, binary = tmp_path / "program.cpp", tmp_path / "program"
    source.write_text(PROGRAM)
    include = ("-I", headers("6.7.11"), "-L", library.parent, "-lthosttraderapi_se", f"-Wl,-rpath,{library.parent}")
    run(compiler(), "-std=c++17", "-pthread", source, *include, "-o", binary)
    child = subprocess.Popen(
        [str(binary), f"{tmp_path}/", front.address, what], text=True, stderr=subprocess.PIPE, env={"LC_ALL": "C"}
    )
    link = front.start()
    assert link.request("ReqQryOrder").request_id == 1
    link.call("OnRtnTrade", structs.CThostFtdcTradeField(TradeID="T1"))
    if code == 5:
        link.call("OnRtnOrder", structs.CThostFtdcOrderField())
    assert ended(child) == (code, words)
    front.close()
