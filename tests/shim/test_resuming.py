"""Flows of a native program: where they start, what is kept, and that Python and native programs share the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ctp2.core.api import _flow_identity
from ctp2.core.backend import Event
from ctp2.core.flow import TRADER_FILES, Flow, FlowFiles, Resume
from ctp2.front import wire
from tests.shim.caller import Api, Spi
from tests.shim.conftest import Program, Start
from tests.shim.native import libraries
from tests.shim.scripted import DAY, Front, Link

pytestmark = pytest.mark.foreign

RESTART, RESUME, QUICK, NONE, FROM_NUMBER = range(5)
USER = "alice"


class Logs:
    """What the Python side asks of a session."""

    flow_identity = "logs"


IDENTITY = _flow_identity(Logs(), USER)  # type: ignore[arg-type]


def modes(private: int, public: int, *more: int) -> Any:
    def register(api: Api) -> None:
        api.call("SubscribePrivateTopic", private, *more)
        api.call("SubscribePublicTopic", public)

    return register


def login(program: Program, link: Link, day: str = DAY) -> list[tuple[str, str, int]]:
    """Log in; returns the topics that the client names."""
    program.spi.next("OnFrontConnected")
    assert program.api.request("ReqUserLogin", 1, UserID=USER) == 0
    topics = [wire.read_topic(link.read(wire.TOPIC)) for _ in range(2)]
    link.login(day)
    program.spi.next("OnRspUserLogin")
    return [(topic, day, after) for topic, day, after in topics]


def again(program: Program) -> Link:
    """Cut the link and accept the next one."""
    program.front.links[-1].close()
    program.spi.next("OnFrontDisconnected")
    return program.front.start()


@pytest.mark.parametrize(
    ("mode", "first", "second"),
    [
        (RESTART, ("", 0), (DAY, 2)),
        (RESUME, ("", 0), (DAY, 2)),
        (QUICK, ("", -1), ("", -1)),
        (NONE, ("", -2), ("", -2)),
    ],
)
def test_modes(program: Start, mode: int, first: tuple[str, int], second: tuple[str, int]) -> None:
    running = program(before=modes(mode, mode))
    link = running.front.start()
    assert login(running, link) == [("private", *first), ("public", *first)]
    link.flow("private", 1).flow("private", 2).flow("public", 1).flow("public", 2)
    for name in ("OnRtnTrade", "OnRtnTrade", "OnRtnInstrumentStatus", "OnRtnInstrumentStatus"):
        assert running.spi.next().name == name
    assert login(running, again(running)) == [("private", *second), ("public", *second)]


def test_no_mode_is_restart(program: Start) -> None:
    running = program()
    assert login(running, running.front.start()) == [("private", "", 0), ("public", "", 0)]


def test_from_a_number(program: Start) -> None:
    running = program("6.7.13", before=modes(FROM_NUMBER, RESTART, 6))
    link = running.front.start()
    assert login(running, link) == [("private", "", 5), ("public", "", 0)]
    link.flow("private", 6).flow("public", 1)
    calls = [running.spi.next() for _ in range(3)]
    assert [call.name for call in calls] == ["OnRtnTrade", "OnRtnPrivateSeqNo", "OnRtnInstrumentStatus"]
    assert calls[1].number == 6
    assert login(running, again(running)) == [("private", DAY, 6), ("public", DAY, 1)]


def test_an_unknown_mode_is_restart(program: Start) -> None:
    running = program(before=modes(99, -5))
    assert login(running, running.front.start()) == [("private", "", 0), ("public", "", 0)]


def test_a_number_that_has_no_event_for_this_client(program: Start) -> None:
    running = program()
    link = running.front.start()
    login(running, link)
    link.flow("private", 1).send(wire.passed("private", 2), wire.passed("public", 9)).flow("private", 3)
    assert [running.spi.next().name for _ in range(2)] == ["OnRtnTrade"] * 2
    assert login(running, again(running)) == [("private", DAY, 3), ("public", DAY, 9)]


def test_a_second_login_names_no_topics(program: Start) -> None:
    running = program()
    link = running.front.start()
    login(running, link)
    assert running.api.request("ReqUserLogin", 2, UserID=USER) == 0
    assert link.frame().kind == wire.REQUEST


def test_another_day_and_other_logs(program: Start) -> None:
    running = program(before=modes(RESUME, RESUME))
    link = running.front.start()
    login(running, link)
    link.flow("private", 7)
    running.spi.next("OnRtnTrade")
    link = again(running)
    assert login(running, link, "20260106") == [("private", DAY, 7), ("public", DAY, 0)]
    link.flow("private", 1)
    running.spi.next("OnRtnTrade")
    running.front.links[-1].close()
    running.spi.next("OnFrontDisconnected")
    # A counter that has begun anew: what was counted belongs to logs that are no more.
    assert login(running, running.front.start(flow_identity="others"), "20260106")[0] == ("private", "", 0)


def start_again(folder: Path, front: Front, mode: int) -> Program:
    api, spi = Api(libraries("6.7.11")["trader"], "6.7.11", "trader", f"{folder}/"), Spi("6.7.11", "trader")
    api.call("RegisterSpi", spi.address)
    modes(mode, mode)(api)
    api.call("RegisterFront", front.address.encode())
    api.call("Init")
    return Program(api, spi, front)


def test_the_files_outlive_the_program_and_python_reads_them(program: Start, tmp_path: Path) -> None:
    running = program(flow=f"{tmp_path}/")
    link = running.front.start()
    login(running, link)
    link.flow("private", 41).flow("public", 12)
    running.spi.next("OnRtnInstrumentStatus")
    running.api.call("Release")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(TRADER_FILES)
    assert {path.stat().st_size for path in tmp_path.iterdir()} == {64}
    files = FlowFiles(f"{tmp_path}/", TRADER_FILES)
    for name, count in (("Private.con", 41), ("Public.con", 12), ("TradingDay.con", 0)):
        position = files.position(name)
        assert (position.trading_day, position.count, position.identity) == (DAY, count, IDENTITY)
    files.close()
    later = start_again(tmp_path, running.front, RESUME)
    assert later.api.call("GetTradingDay") == DAY.encode()
    assert login(later, running.front.start()) == [("private", DAY, 41), ("public", DAY, 12)]
    later.api.call("Release")


def test_what_python_has_received_a_native_program_resumes(program: Start, tmp_path: Path) -> None:
    flow = Flow(f"{tmp_path}/", TRADER_FILES)
    flow.set_resume("private", Resume.RESUME)
    flow.logged_in(DAY, IDENTITY)
    flow.received(Event("OnRtnTrade", topic="private", sequence=5))
    flow.close()
    front = Front("6.7.11")
    later = start_again(tmp_path, front, RESUME)
    assert login(later, front.start()) == [("private", DAY, 5), ("public", DAY, 0)]
    later.api.call("Release")
    front.close()


def test_files_of_another_library_and_broken_ones_count_as_new(program: Start, tmp_path: Path) -> None:
    (tmp_path / "Private.con").write_bytes(b"\x01" * 200)
    (tmp_path / "Public.con").write_bytes(b"CTP2FLW1" + b"\xff" * 56)
    (tmp_path / "TradingDay.con").write_bytes(b"x")
    running = program(flow=f"{tmp_path}/", before=modes(RESUME, RESUME))
    link = running.front.start()
    assert login(running, link) == [("private", "", 0), ("public", "", 0)]
    link.flow("private", 3)
    running.spi.next("OnRtnTrade")
    running.api.call("Release")
    assert (tmp_path / "Private.con").read_bytes()[:16] == b"CTP2FLW1" + (3).to_bytes(8, "little")


def test_a_flow_path_in_use_or_without_a_folder(program: Start, tmp_path: Path, capfd: Any) -> None:
    running = program(flow=f"{tmp_path}/", before=modes(RESUME, RESUME))
    login(running, running.front.start())
    second = start_again(tmp_path, running.front, RESUME)
    third = start_again(tmp_path / "missing", running.front, RESUME)
    for other in (second, third):
        assert login(other, running.front.start()) == [("private", "", 0), ("public", "", 0)]
        other.api.call("Release")
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].startswith(f"ctp2: flow path '{tmp_path}/' is in use by another Api object")
    assert said[1].startswith(f"ctp2: flow file {tmp_path}/missing/DialogRsp.con: no such file or folder")


def test_market_data_shares_a_prefix(program: Start, tmp_path: Path, capfd: Any) -> None:
    trader = program(flow=f"{tmp_path}/")
    trader.front.start()
    market = program("6.7.11", "md", flow=f"{tmp_path}/")
    link = market.front.start()
    market.spi.next("OnFrontConnected")
    assert market.api.request("ReqUserLogin", 1) == 0
    assert link.frame().kind == wire.REQUEST  # market data has no flows
    assert capfd.readouterr().err == ""


def test_an_event_counts_when_its_callback_has_returned(program: Start, tmp_path: Path) -> None:
    running = program(flow=f"{tmp_path}/")
    link = running.front.start()
    login(running, link)
    seen: list[bytes] = []
    running.spi.hooks["OnRtnTrade"] = lambda call: seen.append((tmp_path / "Private.con").read_bytes()[8:16])
    link.flow("private", 1).flow("private", 2)
    running.spi.next("OnRtnTrade")
    running.spi.next("OnRtnTrade")
    assert [int.from_bytes(count, "little") for count in seen] == [0, 1]
    # Released inside a callback: that one counts all the same.
    running.spi.hooks["OnRtnTrade"] = lambda call: running.api.call("Release")
    link.flow("private", 3)
    running.spi.next("OnRtnTrade")
    assert link.ends()
    assert (tmp_path / "Private.con").read_bytes()[8:16] == (3).to_bytes(8, "little")
