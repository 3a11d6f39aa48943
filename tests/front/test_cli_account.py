"""``ctp2 account`` as a user types it, beside a server that runs and without one."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2.cli import account as verbs
from ctp2.cli.app import run
from ctp2.front.server import Config, ServerThread
from ctp2.tts import counter, directory
from tests.front.conftest import Make
from tests.front.house import GOOD, House, login
from tests.tts.programs import FIRST

Type = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_COST", 4)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """One owner, one account."""
    made = House(tmp_path)
    made.new("a1", "amy")
    return made


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """Runs ``ctp2 account`` with ``--json`` and returns what it says, or exit code and error."""
    monkeypatch.setenv("LC_ALL", "C")

    def typed(*words: str, stdin: str = "", data: Path | None = None) -> Any:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(["account", *words, "--data", str(data or house.folder.path), "--json"])
        said = capsys.readouterr()
        return json.loads(said.out) if not code else (code, said.err.strip())

    return typed


@pytest.fixture
def server(house: House) -> Iterator[ServerThread]:
    """A server of the house."""
    with ServerThread(Config(house.address(), trade_port=0, md_port=0)) as started:
        yield started


# ------------------------------------------------------------------ the directory alone
def test_new_and_list(command: Type, tmp_path: Path) -> None:
    data = tmp_path / "other"
    made = command("new", "--owner", "zoe", "--password-stdin", stdin=f"{GOOD}\n", data=data)
    assert made == {
        "environment": "7x24",
        "user": "100001",
        "owner": "zoe",
        "balance": "",
        "is_operator": False,
        "is_locked": False,
    }
    assert command("new", "--owner", "zoe", "--env", "sim", data=data)["user"] == "100002"  # no password: she has one
    assert command("new", "watch", "--operator", "--password-stdin", stdin=f"{GOOD}\n", data=data)["is_operator"]
    listed = command("list", "--owner", "zoe", data=data)["accounts"]
    assert [(row["environment"], row["user"]) for row in listed] == [("7x24", "100001"), ("sim", "100002")]


REFUSED = [
    (["new", "a1", "--env", "replay", "--owner", "amy"], "", 1, "a1: is an account of replay already"),
    (["new", "a1", "--env", "sim", "--owner", "ben", "--password-stdin"], GOOD, 1, "a1: belongs to amy"),
    (["new", "b1", "--password-stdin"], "weak", 1, "a password has six or more characters"),
    (["new", "b1", "--password-stdin"], "weak", 1, "(131)"),
    (["new", "b1", "--password-stdin"], "G00d-" * 9, 1, "a password has at most 40 bytes"),
    (["new", "b1"], "", 2, "no terminal to ask for the password: give it by --password-stdin"),
    (["new", "a1", "--owner", "amy", "--password-stdin"], GOOD, 2, "amy has a password already"),
    (["new", "x" * 13, "--password-stdin"], GOOD, 1, "a user is 1 to 12 characters"),
    (["new", "b1", "--balance", "EUR:5", "--password-stdin"], GOOD, 1, "'EUR:5': write CURRENCY:AMOUNT"),
    (["new", "b1", "--env", "moon"], "", 2, "unknown environment moon: 7x24, sim, vip, replay"),
    (["password", "b1", "--password-stdin"], GOOD, 1, "b1: no such account (13)"),
    (["password", "a1", "--password-stdin"], "weak", 1, "(131)"),
    (["lock", "b1"], "", 1, "b1: no such account (13)"),
    (["lock", "a1", "--env", "sim"], "", 1, "a1: no such account of sim (13)"),
    (["deposit", "b1", "5", "--env", "replay"], "", 3, "b1: no such account of replay"),
    (["export", "a1", "--env", "replay", "--format", "xml"], "", 2, "unknown format xml"),
]


@pytest.mark.parametrize(("words", "stdin", "code", "why"), REFUSED)
def test_refused(command: Type, words: list[str], stdin: str, code: int, why: str) -> None:
    said = command(*words, stdin=stdin)
    assert said[0] == code
    assert why in said[1]
    assert GOOD not in said[1]


def test_no_directory(command: Type, tmp_path: Path) -> None:
    code, why = command("list", data=tmp_path)
    assert (code, "is no directory of accounts: make one with ctp2 account new" in why) == (1, True)
    (tmp_path / "accounts.db").write_bytes(b"SQLite format 3\0" + b"\0" * 100)
    assert command("list", data=tmp_path)[0] == 1


def test_limit(command: Type) -> None:
    assert command("limit", "--env", "replay") == {"environment": "replay", "limit": 3}
    assert command("limit", "1", "--env", "replay")["limit"] == 1
    code, why = command("new", "a2", "--env", "replay", "--owner", "amy")
    assert (code, why) == (1, "ctp2: amy: has 1 accounts of replay, the most that an owner may have (1)")


def test_in_words(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for language, wanted in (("C", "a1 is locked"), ("zh_CN.UTF-8", "a1 已锁定")):
        monkeypatch.setenv("LC_ALL", language)
        assert run(["account", "lock", "a1", "--data", str(house.folder.path)]) == 0
        assert capsys.readouterr().out.strip() == wanted
    assert run(["account", "list", "--data", str(house.folder.path)]) == 0
    assert "锁定" in capsys.readouterr().out


# ------------------------------------------------------------------ money
MONEY = [
    (["deposit", "a1", "250.50"], 10_000_250.5, ""),
    (["deposit", "a1", "7", "--currency", "USD"], 1_000_007.0, ""),
    (["withdraw", "a1", "1000"], 9_999_000.0, ""),
    (["withdraw", "a1", "9000000"], 0, "CTP:资金不足 (31)"),  # WithdrawQuota is 0.8 of 10,000,000
    (["deposit", "a1", "0"], 0, "the amount must be above 0"),
    (["deposit", "a1", "1.005"], 0, "has more than two decimals"),
    (["deposit", "a1", "5", "--currency", "EUR"], 0, "currency 'EUR'"),
]


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize(("words", "balance", "why"), MONEY)
def test_money(house: House, command: Type, words: list[str], balance: float, why: str, is_running: bool) -> None:
    house.directory.note_served("replay", house.address())
    if is_running:
        with ServerThread(Config(house.address(), trade_port=0, md_port=0)):
            said = command(*words, "--env", "replay")
    else:
        said = command(*words, "--env", "replay")
    if why:
        assert said[0] == 1 and why in said[1]
    else:
        assert said["Balance"] == balance


def test_what_was_done_without_a_server_is_there_when_it_comes(house: House, command: Type, trader: Make) -> None:
    house.directory.note_served("replay", house.address())
    command("deposit", "a1", "100", "--env", "replay")
    with ServerThread(Config(house.address(), trade_port=0, md_port=0)) as server:
        client = trader(server.trade, "a1").connect()
        assert login(client) == 0
        assert [row.Deposit for row in client.rows("ReqQryTradingAccount")] == [100.0]
        command("deposit", "a1", "11", "--env", "replay")
        assert [row.Deposit for row in client.rows("ReqQryTradingAccount")] == [111.0]
        (shown,) = command("list", "--money")["accounts"]
        assert shown["money"][0]["Balance"] == 10_000_111.0
        command("reset", "a1", "--env", "replay")
        assert [row.Balance for row in client.rows("ReqQryTradingAccount")] == [10_000_000.0]


def test_a_new_password_works_at_once(house: House, command: Type, server: ServerThread, trader: Make) -> None:
    client = trader(server.trade, "a1").connect()
    for _ in range(10):
        assert login(client, "wrong") == 3
    assert login(client) == 75
    assert command("password", "a1", "--password-stdin", stdin="Fresh-Pass3\n")["owner"] == "amy"
    assert login(client, GOOD) == 3
    assert login(client, "Fresh-Pass3") == 0


def test_export(house: House, command: Type, server: ServerThread, trader: Make, tmp_path: Path) -> None:
    client = trader(server.trade, "a1").connect()
    assert login(client) == 0
    client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="a1")
    market = counter(house.address())
    market.step(FIRST)
    client.fill()
    market.settle()
    document = command("export", "a1", "--env", "replay")
    assert document["today"]["trading_day"] == "20210105"
    assert [row["Position"] for row in document["today"]["positions"]] == [1]
    (statement,) = document["statements"]["statements"]
    assert statement["period"] == "20210104"
    out = tmp_path / "out"
    files = command("export", "a1", "--env", "replay", "--format", "csv", "--out", str(out))["files"]
    assert {Path(file).name for file in files} >= {"today_positions.csv", "today_accounts.csv", "trades.csv"}
    assert ",rb2105," in (out / "today_positions.csv").read_text("utf-8")


def test_a_server_that_does_not_answer(
    house: House, command: Type, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr("ctp2.tts.directory.Directory.take", lambda *_: None)
    code, why = command("deposit", "a1", "5", "--env", "replay")
    assert (code, why) == (3, "ctp2: the server does not answer; nothing was changed")


# ------------------------------------------------------------------ ctp2 serve --data
SERVE_REFUSED = [
    (["--backend", "tts://7x24?db=x.db"], "the data folder decides db: leave it out"),
    (["--backend", "tcp://127.0.0.1:1"], "a data folder is for the embedded counter"),
    (["--backend", "tts://moon"], "no such environment"),
    (["--open", "--host", "0.0.0.0"], "--open on 0.0.0.0 would let everybody on the network in"),
    (["--host", "0.0.0.0"], "give --tls-cert"),
]


@pytest.mark.parametrize(("options", "why"), SERVE_REFUSED)
def test_serve_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], why: str) -> None:
    assert run(["serve", "--data", str(tmp_path / "data"), *options]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM there")
def test_served_from_a_folder_and_again(root: Path, house: House, command: Type, trader: Make) -> None:
    """As two processes: the server is told to stop, and the next one knows what the first did."""
    backend = house.address().split("&db=")[0]
    words = ["serve", "--data", str(house.folder.path), "--backend", backend, "--trade-port", "0", "--md-port", "0"]
    deposits = []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "ctp2", *words, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        try:
            assert process.stdout is not None
            fronts = json.loads(process.stdout.readline())
            client = trader(fronts["trader"], "a1").connect()
            assert login(client) == 0
            deposits.append(command("deposit", "a1", "50", "--env", "replay")["Deposit"])
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 0, log
        assert GOOD not in log
    assert deposits == [50.0, 100.0]
