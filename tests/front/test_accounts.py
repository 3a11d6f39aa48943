"""Owners and accounts of a server, over real sockets (spec ctp-semantics 1.6, 1.7, 1.11, 12.1, 14.1)."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ctp2.core.clock import ManualClock
from ctp2.ctp import methods, structs
from ctp2.front.server import Config, ServerThread
from ctp2.tts import counter, directory
from ctp2.tts.backend import running
from ctp2.tts.directory import ADDRESS_FAILURES, LOCKED_NS
from ctp2.tts.logfile import LogWriter
from ctp2.tts.statehash import state_hash
from ctp2.tts.users import Refused
from tests.front.conftest import Make
from tests.front.house import GOOD, House, change, login
from tests.tts.programs import FIRST, Trader, Watcher, is_order, struct_of

NEW = "Other-Pass2"
START_NS = 1_800_000_000_000_000_000

Start = Callable[..., ServerThread]


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """scrypt is slow on purpose; here it need not be."""
    monkeypatch.setattr(directory, "_COST", 4)
    monkeypatch.setattr("ctp2.tts.members._NOBODY", directory.scrypt_text("nobody"))


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Two owners; the first has two accounts."""
    made = House(tmp_path)
    made.new("a1", "amy")
    made.new("a2", "amy")
    made.new("b1", "ben")
    return made


@pytest.fixture
def clock() -> ManualClock:
    """The server's clock, which stands."""
    return ManualClock(START_NS)


@pytest.fixture
def start(house: House, clock: ManualClock) -> Iterator[Start]:
    """Starts servers of the house; they stop with the test."""
    with ExitStack() as stack:

        def serve(address: str = "", **options: Any) -> ServerThread:
            config = Config(address or house.address(**options), trade_port=0, md_port=0)
            return stack.enter_context(ServerThread(config, clock))

        yield serve


# ------------------------------------------------------------------ logins
LOGINS = [
    ("a1", GOOD, 0),
    ("a2", GOOD, 0),  # the owner's one password
    ("a1", "wrong", 3),
    ("a1", "", 3),
    ("b1", NEW, 3),
    ("nobody", GOOD, 3),
    ("", GOOD, 3),
    ("elsewhere", GOOD, 3),  # an account, but of another environment
    ("shut", GOOD, 4),
    ("shut", "wrong", 3),  # whether it is locked is told to its owner only
]


@pytest.mark.parametrize(("user", "password", "number"), LOGINS)
def test_logins(house: House, start: Start, trader: Make, user: str, password: str, number: int) -> None:
    house.new("elsewhere", "amy", environment="sim")
    house.new("shut", "ben")
    house.directory.set_locked("shut", "", True)
    client = trader(start().trade, user).connect()
    assert login(client, password, BrokerID="anything") == number
    (answer,) = client.spi.of("OnRspUserLogin")
    assert (answer.field.BrokerID, answer.field.UserID) == ("anything", user)


def test_terminals_and_brokers_are_echoed(start: Start, trader: Make) -> None:
    client = trader(start(options="&auth=on").trade, "a1").connect()
    assert login(client) == 64  # forced authentication, and there was none
    (answer,) = client.ask("ReqAuthenticate", BrokerID="x", UserID="a1", AppID="any", AuthCode="thing")
    assert (answer.error_id, answer.field.BrokerID, answer.field.AppID) == (0, "x", "any")
    assert login(client) == 0


def test_one_user_many_sessions(start: Start, trader: Make) -> None:
    server = start()
    clients = [trader(server.trade, "a1").connect() for _ in range(3)]
    assert [login(client) for client in clients] == [0, 0, 0]
    assert len({client.login_field.SessionID for client in clients}) == 3
    first, *others = clients
    first.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="a1")
    order = first.rest()
    for client in others:
        assert client.spi.wait_for(is_order("3")).field.OrderRef == order.OrderRef


def test_what_comes_behind_a_login_waits_for_it(start: Start, trader: Make) -> None:
    client = trader(start().trade, "a1").connect()
    sent = [
        client.send("ReqUserLogin", BrokerID="9999", UserID="a1", Password=GOOD),
        client.send("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="a1"),
        client.send("ReqQryInvestor", BrokerID="9999", InvestorID="a1"),
        client.send("ReqUserLogin", BrokerID="9999", UserID="a1", Password="wrong"),  # ignored: logged in already
        client.send("ReqParkedOrderAction", BrokerID="9999", InvestorID="a1"),
    ]
    answers = [client.spi.answer(number)[0] for number in (*sent[:3], sent[4])]
    assert [answer.error_id for answer in answers[:3]] == [0, 0, 0]
    assert answers[3].name == "OnRspParkedOrderAction"
    assert [call.name for call in client.spi.calls if call.name.startswith("OnRsp")] == [a.name for a in answers]
    assert len(client.spi.of("OnRspUserLogin")) == 1


def test_market_data_asks_no_password(start: Start) -> None:
    watcher = Watcher(start().md).login()
    watcher.subscribe("rb2105")
    watcher.api.Release()


# ------------------------------------------------------------------ lock-out
def test_locked_out_after_ten_and_in_again_after_a_while(
    start: Start, clock: ManualClock, trader: Make, house: House
) -> None:
    server = start()
    client, other = trader(server.trade, "a1").connect(), trader(server.trade, "a2").connect()
    for _ in range(10):
        assert login(client, "wrong") == 3
    assert login(client) == 75
    assert login(other) == 0  # the lock is the user's, not the owner's
    clock.set_ns(START_NS + LOCKED_NS - 1)
    assert login(client) == 75
    clock.set_ns(START_NS + LOCKED_NS)
    assert login(client) == 0


def test_a_right_password_begins_the_count_anew(start: Start, trader: Make) -> None:
    server = start()
    for _ in range(2):
        client = trader(server.trade, "a1").connect()
        for _ in range(9):
            assert login(client, "wrong") == 3
        assert login(client) == 0


def test_unlocking_forgets_failures(start: Start, trader: Make, house: House) -> None:
    client = trader(start().trade, "a1").connect()
    for _ in range(10):
        login(client, "wrong")
    assert login(client) == 75
    house.directory.set_locked("a1", "", False)
    assert login(client) == 0


def test_an_address_that_guesses_is_shut_out(start: Start, trader: Make, house: House) -> None:
    server = start()
    for number in range(ADDRESS_FAILURES):
        house.directory.note_failure("127.0.0.1", f"guess{number}", START_NS)
    client = trader(server.trade, "b1").connect()
    assert login(client) == 143
    assert house.directory.failure_error("127.0.0.2", "b1", START_NS) == 0


# ------------------------------------------------------------------ passwords
CHANGES = [
    (GOOD, NEW, {}, 0),
    ("wrong", NEW, {}, 14),
    (GOOD, GOOD, {}, 142),
    (GOOD, "short", {}, 131),
    (GOOD, "12345678", {}, 131),
    (GOOD, "abcdefgh", {}, 131),
    (GOOD, NEW, {"UserID": "b1"}, 10),
    (GOOD, NEW, {"UserID": "a2"}, 10),  # another account, though of the same owner
]


@pytest.mark.parametrize(("old", "new", "members", "number"), CHANGES)
def test_changes(start: Start, trader: Make, old: str, new: str, members: dict[str, str], number: int) -> None:
    server = start()
    client = trader(server.trade, "a1").connect()
    assert login(client) == 0
    assert change(client, old, new, **members) == number
    right, wrong = (NEW, GOOD) if not number else (GOOD, NEW)
    again = trader(server.trade, "a2").connect()
    assert login(again, wrong) == 3
    assert login(again, right) == 0


def test_nothing_is_changed_before_login(start: Start, trader: Make) -> None:
    client = trader(start().trade, "a1").connect()
    assert change(client, GOOD, NEW) == 6
    assert login(client, NEW) == 3
    assert login(client) == 0


@pytest.mark.proves("14.1 accounts")
def test_one_password_for_all_accounts_in_all_environments(house: House, start: Start, trader: Make) -> None:
    house.new("a9", "amy", environment="7x24")
    here, there = start(), start(house.folder.address("tts://7x24"))
    client, other = trader(here.trade, "a1").connect(), trader(there.trade, "a9").connect()
    assert login(other) == login(client) == 0
    assert change(other, GOOD, NEW) == 0
    later = trader(here.trade, "a2").connect()
    assert login(later, GOOD) == 3
    assert login(later, NEW) == 0
    for number in range(3):  # three in each environment, at once
        user = f"c{number}"
        house.new(user, "cat")
        assert login(trader(here.trade, user).connect()) == 0
    with pytest.raises(Refused, match=r"has 3 accounts of replay, the most that an owner may have \(3\)"):
        house.new("c3", "cat")
    assert house.new("c3", "cat", environment="sim")
    house.directory.set_limit("replay", 4)
    assert house.new("c4", "cat")


def test_of_many_changes_at_once_one_wins(start: Start, trader: Make, house: House) -> None:
    server = start()
    clients = [trader(server.trade, user).connect() for user in ("a1", "a2") * 4]
    assert [login(client) for client in clients] == [0] * 8
    together = threading.Barrier(len(clients))
    results: dict[int, int] = {}

    def run(number: int, client: Trader) -> None:
        together.wait()
        results[number] = change(client, GOOD, f"Winner-{number}")

    threads = [threading.Thread(target=run, args=item) for item in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results.values()) == [0] + [14] * 7
    (winner,) = [number for number, result in results.items() if not result]
    assert login(trader(server.trade, "a1").connect(), f"Winner-{winner}") == 0


def test_the_password_of_money(start: Start, trader: Make) -> None:
    client = trader(start(options="&bank=on").trade, "a1").connect()
    assert login(client) == 0
    (answer,) = client.ask(
        "ReqTradingAccountPasswordUpdate", BrokerID="9", AccountID="a1", OldPassword=GOOD, NewPassword=NEW
    )
    assert answer.error_id == 0
    for password, number in ((GOOD, 2001), (NEW, 0)):
        members = {"AccountID": "a1", "Password": password, "TradeAmount": 5.0, "CurrencyID": "CNY"}
        before = len(client.spi.calls)
        client.send("ReqFromBankToFutureByFuture", BrokerID="9", **members)
        name = "OnRspFromBankToFutureByFuture" if number else "OnRtnFromBankToFutureByFuture"
        assert client.spi.wait_for(name, after=before).error_id == number


# ------------------------------------------------------------------ what persists
def test_a_server_that_starts_again_knows_everything(house: House, start: Start, trader: Make) -> None:
    address = house.address()
    with ServerThread(Config(address, trade_port=0, md_port=0), ManualClock(START_NS)) as server:
        client = trader(server.trade, "a1").connect()
        assert login(client) == 0
        client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="a1")
        counter(address).step(FIRST)
        client.fill()
        before = client.rows("ReqQryTradingAccount")
        assert change(client, GOOD, NEW) == 0
        guess = trader(server.trade, "b1").connect()
        for _ in range(10):
            assert login(guess, "wrong") == 3
    again = start(address)
    client = trader(again.trade, "a1").connect()
    assert login(client, GOOD) == 3
    assert login(client, NEW) == 0
    assert client.rows("ReqQryTradingAccount") == before
    assert [row.Volume for row in client.rows("ReqQryTrade")] == [1]
    assert login(trader(again.trade, "b1").connect()) == 75


def test_an_account_made_and_locked_while_the_server_runs(house: House, start: Start, trader: Make) -> None:
    server = start()
    house.new("d1", "dan", balance="CNY:5000")
    client = trader(server.trade, "d1").connect()
    assert login(client) == 0
    assert [row.Balance for row in client.rows("ReqQryTradingAccount")] == [5000.0]
    client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="d1")
    house.directory.set_locked("d1", "replay", True)
    backend = running_of(house.address())
    wait_until(lambda: backend.engine.state.accounts["d1"].rights is not None)
    before = client.insert()
    assert client.spi.wait_for("OnRspOrderInsert", after=before).error_id == 19
    assert login(trader(server.trade, "d1").connect()) == 4
    house.directory.set_locked("d1", "replay", False)
    wait_until(lambda: backend.engine.state.accounts["d1"].rights is None)
    assert login(trader(server.trade, "d1").connect()) == 0


def test_open_to_all_makes_accounts(house: House, start: Start, trader: Make) -> None:
    server = start(lets_all_in=True)
    assert login(trader(server.trade, "eve").connect(), "any") == 0
    assert login(trader(server.trade, "eve").connect(), "other") == 3  # from now on it is the password
    assert login(trader(server.trade, "a1").connect(), "any") == 3
    assert login(trader(server.trade, "x" * 13).connect(), "any") == 3  # no InvestorID is so long
    assert [member.owner for member in house.directory.members() if member.user == "eve"] == ["eve"]


# ------------------------------------------------------------------ operators
NOT_OF_THIS_LAYOUT = frozenset(("ReqQueryMaxOrderVolume",))
"""Requests of another interface version than the client speaks: the front answers."""


def test_an_operator_sees_all_and_touches_nothing(house: House, start: Start, trader: Make) -> None:
    house.new("op", "olga", is_operator=True)
    address = house.address("&bank=on")
    server = start(address)
    clients = {user: trader(server.trade, user).connect() for user in ("a1", "b1")}
    counter(address).step(FIRST)
    for client in clients.values():
        assert login(client) == 0
        client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID=client.user)
        client.fill()
    operator = trader(server.trade, "op").connect()
    assert login(operator) == 0
    assert [row.AccountID for row in operator.rows("ReqQryTradingAccount")] == ["a1", "a2", "b1"]
    assert [row.InvestorID for row in operator.rows("ReqQryTrade")] == ["a1", "b1"]
    assert [row.InvestorID for row in operator.rows("ReqQryTrade", InvestorID="b1")] == ["b1"]
    assert operator.rows("ReqQryTrade", InvestorID="nobody") == []
    assert len(operator.rows("ReqQryInstrument")) == 4
    assert [row.InvestorName for row in operator.rows("ReqQryInvestor", InvestorID="a2")] == ["amy"]
    assert clients["a1"].rows("ReqQryTrade", InvestorID="b1") == []  # an investor does not

    state = running_of(address).engine.state
    before = state_hash(state)
    mine = frozenset(("ReqUserLogin", "ReqUserLogout", "ReqAuthenticate", "ReqUserPasswordUpdate"))
    asked = 0
    for name, method in methods.TRADER.items():
        if not method.struct or method.is_query or name in mine or "UserLogin" in name:
            continue
        field = getattr(structs, struct_of(name))
        members = {known: "a1" for known in ("InvestorID", "AccountID", "UserID") if hasattr(field(), known)}
        (number,) = [call.error_id for call in operator.ask(name, **members)]
        assert number == 9 or (name in NOT_OF_THIS_LAYOUT and number == 27), name
        asked += 1
    assert asked > 30
    assert state_hash(state) == before
    with pytest.raises(LookupError, match="no account 'op'"):
        counter(address).deposit("op", 5)
    assert "op" not in state.accounts
    assert change(operator, GOOD, NEW) == 0
    assert login(trader(server.trade, "op").connect(), NEW) == 0


# ------------------------------------------------------------------ secrets
def test_no_password_is_in_a_log_or_a_file(
    house: House, start: Start, trader: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = start(lets_all_in=True)
    client = trader(server.trade, "a1").connect()
    secrets = [GOOD, NEW, "Wrong-Guess9", "Eve-Secret3"]
    assert login(client, "Wrong-Guess9") == 3
    assert login(client) == 0
    assert change(client, GOOD, NEW) == 0
    assert login(trader(server.trade, "eve").connect(), "Eve-Secret3") == 0
    written = caplog.text + repr(house.directory) + repr(house.directory.member("replay", "a1"))
    for secret in secrets:
        assert secret not in written
        for path in house.folder.path.iterdir():
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.skipif(sys.platform == "win32", reason="no modes there")
def test_the_files_are_for_their_user_alone(house: House, start: Start, trader: Make) -> None:
    client = trader(start().trade, "a1").connect()
    assert login(client, "wrong") == 3  # SQLite's helper files are there now
    assert house.folder.path.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o077 for path in house.folder.path.glob("accounts.db*")}
    assert modes.keys() >= {"accounts.db", "accounts.db-wal"}
    assert set(modes.values()) == {0}


# ------------------------------------------------------------------ helpers
def running_of(address: str) -> Any:
    """The counter itself."""
    from ctp2.core.address import parse

    backend = running(parse(address))
    assert backend is not None
    return backend


def wait_until(holds: Callable[[], bool]) -> None:
    """The directory is looked at several times a second."""
    ready = threading.Event()
    for _ in range(1000):
        if holds():
            return
        ready.wait(0.01)
    raise AssertionError("it never came")


def test_an_errand_is_answered_when_the_log_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new account cannot be written; who then asks for money is told so, instead of waiting for nobody."""

    def full(self: Any, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    house = House(tmp_path)
    house.new("1001", "amy")
    client = Trader(house.address(), "1001")
    client.connect()
    try:
        assert login(client) == 0
        monkeypatch.setattr(LogWriter, "_write", full)
        house.new("1002", "bob")
        number = house.directory.send("replay", "deposit", {"user": "1001", "amount": "5", "currency": "CNY"})
        deadline = time.monotonic() + 10
        while (answer := house.directory.collect(number)) is None:
            assert time.monotonic() < deadline, "nobody answers"
            threading.Event().wait(0.02)  # the directory is a file: there is nothing to wait on but another look
        assert "the counter has stopped" in answer["error"]
    finally:
        client.api.Release()
