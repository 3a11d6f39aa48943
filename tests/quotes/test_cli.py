"""``ctp2 quote`` against the stand-in: the board, five levels, JSON lines, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctp2.testing.quotehost import QuoteHost
from tests.quotes import rows

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def host() -> Iterator[QuoteHost]:
    with QuoteHost(7) as made:
        made.rows["sh600000"] = rows.SINA_CN
        made.rows["tencent/sh600000"] = rows.TENCENT_CN
        yield made


def run(*arguments: str, timeout: float = 120, columns: int = 200) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "ctp2", "quote", *arguments]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, timeout=timeout, cwd=ROOT, check=False
    )


def test_json_lines(host: QuoteHost) -> None:
    result = run("600000", "hf_CL", "--source", host.address("sina"), "--json", "--ticks", "2")
    assert result.returncode == 0, result.stderr
    ticks = {record["InstrumentID"]: record for record in map(json.loads, result.stdout.splitlines())}
    share = ticks["600000"]
    assert (share["Name"], share["LastPrice"], share["Volume"], share["AskVolume5"]) == (
        "甲乙股份",
        10.2,
        1_000_000,
        1000,
    )
    assert share["PreSettlementPrice"] is None
    assert ticks["hf_CL"]["ExchangeID"] == "OVERSEAS"


def test_the_board_and_five_levels(host: QuoteHost) -> None:
    result = run("600000", "--depth", "600000", "--source", host.address("sina"), "--ticks", "1")
    assert result.returncode == 0, result.stderr
    for shown in (
        "甲乙股份",
        "10.2",
        "+2.00%",
        "1,000,000",
        "five levels of 600000",
        "ask 5",
        "10.24",
        "bid 5",
        "10.15",
    ):
        assert shown in result.stdout, shown


@pytest.mark.parametrize("columns", [80, 50])
def test_a_narrow_screen_shows_fewer_columns_and_no_half_figures(host: QuoteHost, columns: int) -> None:
    result = run("600000", "hf_CL", "--source", host.address("sina"), "--ticks", "2", columns=columns)
    assert result.returncode == 0, result.stderr
    assert "…" not in result.stdout
    assert ("1,000,000" in result.stdout) == (columns == 80)
    for shown in ("600000", "10.2", "+2.00%", "10:15:03"):
        assert shown in result.stdout
    assert result.stdout.endswith("\n")


@pytest.mark.skipif(os.name == "nt", reason="a reader that goes away is told by a signal or EPIPE elsewhere")
def test_a_reader_that_has_seen_enough_ends_it_in_order(host: QuoteHost) -> None:
    command = [sys.executable, "-m", "ctp2", "quote", "hf_CL", "600000", "--source", host.address("sina"), "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "LastPrice" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


def test_codes_without_a_quote(host: QuoteHost) -> None:
    result = run("m2609-C-3000", "7", "--source", host.address("sina"), "--json")
    assert result.returncode == 1
    errors = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(error["InstrumentID"], error["ErrorID"]) for error in errors] == [("m2609-C-3000", 16), ("7", 16)]
    assert result.stderr.count("\n") == 1


def test_an_address_that_cannot_be() -> None:
    result = run("600000", "--source", "sina://?nonsense=1")
    assert result.returncode == 3
    assert "nonsense" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="no SIGTERM to catch on Windows")
def test_sigterm_ends_it_in_order(host: QuoteHost) -> None:
    command = [sys.executable, "-m", "ctp2", "quote", "600000", "--source", host.address("sina"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT) as process:
        assert process.stdout is not None
        assert "600000" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
