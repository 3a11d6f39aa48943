from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ctp2.core.backend import NONE, QUICK, Event
from ctp2.core.errors import FlowInUse
from ctp2.core.flow import MD_FILES, TRADER_FILES, Flow, FlowLog, Resume
from ctp2.ctp import structs as s
from tests.core.conftest import Maker

DAY, NEXT_DAY = "20260105", "20260106"


def start(flow: Flow, identity: str = "") -> tuple[str, int]:
    """Where the private flow starts at the next login."""
    return {topic: (day, after) for topic, day, after in flow.starts(identity)}["private"]


def live(flow: Flow, last: int, day: str = DAY, identity: str = "") -> None:
    """A login, and events up to ``last``."""
    flow.logged_in(day, identity)
    for sequence in range(1, last + 1):
        flow.received(Event("OnRtnOrder", topic="private", sequence=sequence))


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    return f"{tmp_path}/td"


# --- modes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "first", "reconnected"),
    [
        (Resume.RESTART, ("", 0), (DAY, 3)),
        (Resume.RESUME, ("", 0), (DAY, 3)),
        (Resume.QUICK, ("", QUICK), ("", QUICK)),
        (Resume.NONE, ("", NONE), ("", NONE)),
        (Resume.RESUME_FROM_SEQ_NO, ("", 6), (DAY, 3)),
    ],
)
def test_modes_of_a_new_client(mode: Resume, first: tuple[str, int], reconnected: tuple[str, int]) -> None:
    flow = Flow("", TRADER_FILES)
    flow.set_resume("private", mode, 7)
    assert start(flow) == first
    live(flow, 3)
    assert start(flow) == reconnected


@pytest.mark.parametrize(
    ("mode", "identity", "expected"),
    [
        (Resume.RESUME, "A", (DAY, 3)),
        (Resume.RESUME, "", (DAY, 3)),
        (Resume.RESUME, "B", ("", 0)),
        (Resume.RESTART, "A", ("", 0)),
        (Resume.QUICK, "A", ("", QUICK)),
        (Resume.RESUME_FROM_SEQ_NO, "A", ("", 0)),
    ],
)
def test_modes_after_a_restart_of_the_client(
    prefix: str, mode: Resume, identity: str, expected: tuple[str, int]
) -> None:
    before = Flow(prefix, TRADER_FILES)
    live(before, 3, identity="A")
    before.close()
    after = Flow(prefix, TRADER_FILES)
    after.set_resume("private", mode)
    assert after.trading_day == DAY
    assert start(after, identity) == expected
    after.close()


def test_a_reconnection_to_cleared_logs_starts_anew() -> None:
    flow = Flow("", TRADER_FILES)
    live(flow, 3, identity="A")
    assert start(flow, "B") == ("", 0)
    flow.logged_in(DAY, "B")
    assert start(flow, "B") == (DAY, 0)


def test_the_next_day_counts_from_zero(prefix: str) -> None:
    flow = Flow(prefix, TRADER_FILES)
    flow.set_resume("private", Resume.RESUME)
    live(flow, 3)
    flow.logged_in(NEXT_DAY, "")
    assert start(flow) == (NEXT_DAY, 0)
    flow.close()
    assert flow.trading_day == NEXT_DAY, "still known after the files are closed"


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [TRADER_FILES, MD_FILES])
def test_files_have_ctps_names(tmp_path: Path, names: Sequence[str]) -> None:
    flow = Flow(f"{tmp_path}/x_", names)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f"x_{name}" for name in names)
    flow.close()
    flow.close()


@pytest.mark.parametrize("content", [b"", b"short", b"another library's flow file" * 10])
def test_foreign_content_means_nothing_is_known(tmp_path: Path, content: bytes) -> None:
    for name in TRADER_FILES:
        (tmp_path / name).write_bytes(content)
    flow = Flow(f"{tmp_path}/", TRADER_FILES)
    flow.set_resume("private", Resume.RESUME)
    assert start(flow) == ("", 0)
    live(flow, 2)
    assert start(flow) == (DAY, 2)
    flow.close()


HOLD = """
import sys
from ctp2.core.flow import TRADER_FILES, Flow, Event
flow = Flow(sys.argv[1], TRADER_FILES)
flow.logged_in("20260105", "")
for sequence in range(1, 1001):
    flow.received(Event("OnRtnOrder", topic="private", sequence=sequence))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(prefix: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, prefix]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_another_process_is_refused_and_its_death_loses_nothing(
    prefix: str, other_process: subprocess.Popen[str]
) -> None:
    pytest.importorskip("fcntl")
    with pytest.raises(FlowInUse, match="another process"):
        Flow(prefix, TRADER_FILES)
    other_process.kill()
    other_process.wait()
    flow = Flow(prefix, TRADER_FILES)
    flow.set_resume("private", Resume.RESUME)
    assert start(flow) == (DAY, 1000)
    flow.close()


# --- through an Api --------------------------------------------------------------------------------------------------


def order(sequence: int) -> Event:
    return Event("OnRtnOrder", s.CThostFtdcOrderField(), topic="private", sequence=sequence)


def test_an_api_subscribes_before_each_login_and_resumes_after_a_restart(client: Maker, prefix: str) -> None:
    c = client(flow=prefix)
    c.api.SubscribePrivateTopic(1)
    c.api.SubscribePublicTopic(3)
    session = c.connect()
    c.login()
    assert session.topics == [("private", "", 0), ("public", "", NONE)]
    session.put(order(1), order(2))
    c.spi.wait_for("OnRtnOrder", count=2)
    session.disconnect()
    session.connect()
    c.spi.wait_for("OnFrontConnected", count=2)
    c.login()
    assert session.topics[2:] == [("private", DAY, 2), ("public", "", NONE)]
    c.api.Release()

    again = client(flow=prefix)
    again.api.SubscribePrivateTopic(1)
    assert again.api.GetTradingDay() == DAY
    session = again.connect()
    again.login()
    assert session.topics[0] == ("private", DAY, 2)


def test_an_empty_flow_path_is_kept_by_address_and_user(client: Maker) -> None:
    for user, expected in (("a", ("", 0)), ("b", ("", 0)), ("a", (DAY, 1))):
        c = client()
        c.api.SubscribePrivateTopic(1)
        session = c.connect()
        c.login(user)
        assert session.topics[0] == ("private", *expected)
        session.put(order(1))
        c.spi.wait_for("OnRtnOrder")
        c.api.Release()


def test_a_second_object_of_one_user_works_without_files(client: Maker) -> None:
    for _ in range(2):
        c = client()
        c.connect()
        c.login("a")
        c.session.put(order(1))
        c.spi.wait_for("OnRtnOrder")


def test_a_second_login_does_not_move_the_flows(client: Maker) -> None:
    c = client()
    session = c.connect()
    c.login()
    topics = list(session.topics)
    c.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(UserID="other"), 2)
    assert session.topics == topics


# --- the counter's log -----------------------------------------------------------------------------------------------


class Sink:
    depth = 0

    def __init__(self) -> None:
        self.events: list[Event] = []

    def put(self, events: Sequence[Event]) -> None:
        self.events.extend(events)

    def when_idle(self, call: Callable[[], None]) -> None:
        call()

    @property
    def sequences(self) -> list[int]:
        return [event.sequence for event in self.events]


def filled(count: int) -> FlowLog:
    log = FlowLog("private", DAY)
    for _ in range(count):
        log.append(Event("OnRtnOrder", s.CThostFtdcOrderField()))
    return log


@pytest.mark.parametrize(
    ("after", "replayed", "lives"),
    [(0, [1, 2, 3], [4]), (2, [3], [4]), (3, [], [4]), (QUICK, [], [4]), (NONE, [], []), (9, [], [])],
)
def test_following_a_log(after: int, replayed: list[int], lives: list[int]) -> None:
    log, sink = filled(3), Sink()
    assert [event.sequence for event in log.follow(sink, after)] == replayed
    log.append(Event("OnRtnTrade"))
    assert sink.sequences == lives
    log.leave(sink)
    log.append(Event("OnRtnTrade"))
    assert sink.sequences == lives
    assert len(log) == 5


def test_a_claim_beyond_the_log_waits_until_the_log_has_grown() -> None:
    log, sink = filled(1), Sink()
    log.follow(sink, 3)
    for _ in range(4):
        log.append(Event("OnRtnOrder"))
    assert sink.sequences == [4, 5]


def test_a_new_day_restarts_the_numbers() -> None:
    log, sink = filled(2), Sink()
    log.follow(sink, 2)
    log.restart(NEXT_DAY)
    log.append(Event("OnRtnOrder"))
    assert (log.trading_day, sink.sequences) == (NEXT_DAY, [1])


def test_every_client_gets_its_own_struct() -> None:
    log, sink = FlowLog("private", DAY), Sink()
    log.follow(sink, 0)
    given = s.CThostFtdcOrderField(OrderRef="1")
    log.append(Event("OnRtnOrder", given))
    structs: list[Any] = [sink.events[0].struct(), log.follow(Sink(), 0)[0].struct()]
    assert structs == [given, given]
    assert structs[0] is not structs[1]


def test_who_resumes_by_numbers_is_told_the_number_of_each_private_return(client: Maker) -> None:
    """6.7.13: a program that keeps the numbers itself starts from one of them, and is told each."""
    c = client()
    c.api.SubscribePrivateTopic(4, 7)
    session = c.connect()
    c.login()
    assert session.topics[0] == ("private", "", 6)
    public = Event("OnRtnInstrumentStatus", s.CThostFtdcInstrumentStatusField(), topic="public", sequence=1)
    session.put(order(7), public, order(8))
    c.spi.wait_for("OnRtnPrivateSeqNo", count=2)
    told = [(call.name, call.number) for call in c.spi.calls[-5:]]
    assert told == [
        ("OnRtnOrder", 0),
        ("OnRtnPrivateSeqNo", 7),
        ("OnRtnInstrumentStatus", 0),
        ("OnRtnOrder", 0),
        ("OnRtnPrivateSeqNo", 8),
    ]


def test_a_fault_in_the_callback_with_the_number_ends_nothing(client: Maker, caplog: pytest.LogCaptureFixture) -> None:
    c = client()
    c.spi.OnRtnPrivateSeqNo = None  # calling it fails
    c.api.SubscribePrivateTopic(4, 1)
    session = c.connect()
    c.login()
    c.spi.OnRtnPrivateSeqNo = 5
    session.put(order(1), order(2))
    c.spi.wait_for("OnRtnOrder", count=2)
    assert "exception in OnRtnPrivateSeqNo" in caplog.text
