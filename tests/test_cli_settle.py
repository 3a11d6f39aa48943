"""``ctp2 settle``: what it prints and writes, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ctp2.cli.app import run
from ctp2.tts import counter, store
from ctp2.tts.settled import Settlement
from ctp2.tts.statement import statement
from tests.tts import settlements as given_by_hand
from tests.tts.programs import FIRST, Trader, address_of, released
from tests.tts.settlements import DAY, MADE_NS, settlement

DAYS = [
    settlement(given_by_hand.option(), given_by_hand.hong_kong(), day="20230414"),
    settlement(msgspec.structs.replace(given_by_hand.vector(), account_id="alice"), given_by_hand.hong_kong()),
]
"""Two days of two accounts."""


@pytest.fixture(autouse=True)
def language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> str:
    """A counter's log; reading a real one is the journal's business."""

    def settlements(path: str) -> Iterator[Settlement]:
        if path != "counter.db":
            raise FileNotFoundError(f"{path}: no such log")
        yield from DAYS

    monkeypatch.setattr(store, "settlements", settlements)
    return "counter.db"


def test_reads_the_log_of_a_counter_while_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named by its file, and by the counter's address."""
    database = tmp_path / "counter.db"
    address = address_of(tmp_path, f"&db={database}")
    client = Trader(address).start()
    with released(client):
        control = counter(address)
        control.step(FIRST)
        client.fill()
        control.settle()
        wanted = control.statement("alice")
        for place in (str(database), address):
            assert run(["settle", "--db", place, "--account", "alice"]) == 0
            assert capsys.readouterr().out == wanted.replace("\r\n", "\n")
    assert run(["settle", "--db", str(database), "--account", "alice", "--day", "20210104"]) == 0
    assert "|rb2105" in capsys.readouterr().out.replace(" ", "")


def test_prints_the_last_day_of_everybody(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settle", "--db", log]) == 0
    told = capsys.readouterr().out
    assert "\r" not in told
    assert told.count("交易结算单(盯市)") == 2
    assert told.count("日期 Date：20230417") == 2
    assert "客户号 Client ID：  alice" in told
    assert "客户号 Client ID：  hk01" in told


@pytest.mark.parametrize(
    ("day", "dates"),
    [("20230414", ["20230414"]), ("202304", ["202304"]), ("all", ["20230414", "20230417"]), ("", ["20230417"])],
)
def test_one_account_and_a_period(log: str, capsys: pytest.CaptureFixture[str], day: str, dates: list[str]) -> None:
    assert run(["settle", "--db", log, "--account", "alice", "--day", day]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition("：")[2] for line in told if line.startswith("日期 Date：")] == dates


def test_a_terminal_that_cannot_show_chinese(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, encoding="ascii", newline="\n"))
    assert run(["settle", "--db", log, "--account", "hk01"]) == 0
    sys.stdout.flush()
    assert b"?? Date?20230417\n" in terminal.getvalue()


def test_text_files_are_what_a_client_gets(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "out"
    assert run(["settle", "--db", log, "--day", "all", "--out", str(out), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [Path(name).name for name in files] == [
        "alice-20230414.txt",
        "alice-20230417.txt",
        "hk01-20230414.txt",
        "hk01-20230417.txt",
    ]
    assert (out / "hk01-20230417.txt").read_bytes() == statement(given_by_hand.hong_kong(), DAY, MADE_NS)


def test_a_file_name_holds_any_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [settlement(msgspec.structs.replace(given_by_hand.option(), account_id="../一"))]
    monkeypatch.setattr(store, "settlements", lambda _: iter(odd))
    out = tmp_path / "out"
    assert run(["settle", "--db", "x", "--out", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["..%2F%E4%B8%80-20230417.txt"]
    assert list(tmp_path.iterdir()) == [out]


def test_csv_is_a_file_per_table(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settle", "--db", log, "--day", "all", "--format", "csv", "--out", str(tmp_path)]) == 0
    names = ["purses", "transfers", "trades", "exercises", "delivered", "closed", "details", "positions"]
    assert capsys.readouterr().out.splitlines() == [f"written {tmp_path / name}.csv" for name in names]
    with (tmp_path / "purses.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["period"], row["account_id"], row["currency"], row["balance_cf"]) for row in rows] == [
        ("20230414", "alice", "CNY", "201693.00"),
        ("20230417", "alice", "CNY", "9998858.59"),
        ("20230414", "hk01", "CNY", "0.00"),
        ("20230414", "hk01", "HKD", "1000164.60"),
        ("20230417", "hk01", "CNY", "0.00"),
        ("20230417", "hk01", "HKD", "1000164.60"),
    ]


def test_json_can_be_given_again(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settle", "--db", log, "--day", "all", "--format", "json", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    exported = tmp_path / "statements.json"
    assert run(["settle", str(exported), "--account", "alice", "--day", "202304"]) == 0
    printed = capsys.readouterr().out
    assert run(["settle", "--db", log, "--account", "alice", "--day", "202304"]) == 0
    assert capsys.readouterr().out == printed
    assert run(["settle", str(exported), "--day", "all", "--json"]) == 0
    assert capsys.readouterr().out == exported.read_text("utf-8")


def test_a_month_can_be_given_again(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["--account", "alice", "--day", "202304"]
    assert run(["settle", "--db", log, *wanted, "--format", "json", "--out", str(tmp_path)]) == 0
    assert run(["settle", "--db", log, *wanted, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["statements"][0]["period"] == "202304"
    assert run(["settle", str(tmp_path / "statements.json"), *wanted]) == 0
    assert "日期 Date：202304\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "give either FILE.json or --db PATH"),
        (["x.json", "--db", "counter.db"], 2, "give either FILE.json or --db PATH"),
        (["--db", "counter.db", "--format", "xml"], 2, "unknown format xml"),
        (["--db", "counter.db", "--format", "csv"], 2, "name a folder with --out"),
        (["--db", "other.db"], 3, "other.db: no such log"),
        (["--db", "tts://nowhere?db=x.db"], 3, "nowhere"),
        (["--db", "tts://7x24"], 2, "tts://7x24 keeps no log: name its option db="),
        (["nothing.json"], 3, "nothing.json: No such file or directory"),
        (["--db", "counter.db", "--account", "carol"], 3, "accounts with statements: alice, hk01"),
        (["--db", "counter.db", "--day", "20230415"], 3, "no such statement"),
    ],
)
def test_wrong_use_and_nothing_found(
    log: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    assert run(["settle", *arguments]) == code
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_log_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its folder is there: to create that would not help."""
    assert run(["settle", "--db", str(tmp_path / "other.db")]) == 3
    assert capsys.readouterr().err == f"ctp2: db={tmp_path / 'other.db'}: no such log\n"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 9}', b"\xff\xfe"])
def test_a_file_that_is_no_export(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert run(["settle", str(path)]) == 1
    assert str(path) in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    assert run(["settle", "--db", log, "--out", str(tmp_path / "taken")]) == 1
    assert "taken" in capsys.readouterr().err
