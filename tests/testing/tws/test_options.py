"""``python -m ctp2.testing.tws``: what its options make of the stand-in, and the program itself."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ctp2.testing.tws import StandIn
from ctp2.testing.tws.__main__ import greeting, main
from ctp2.testing.tws.options import BadOption, lines_of, parse, stand_in
from tests.testing.tws.wire_client import DEADLINE_S, Client


def made(*arguments: str) -> StandIn:
    return stand_in(parse(arguments))


def test_bare_is_what_is_documented() -> None:
    bare = made()
    script = bare.world.script
    assert (bare.port, bare.control_port, script.version) == (7497, 0, 157)
    assert script.accounts == {"DU1000001": 1_000_000.0}
    assert script.market.walks
    symbols = {(one.symbol, one.sec_type) for one in bare.world.contracts}
    assert symbols >= {
        *((name, "STK") for name in ("AAPL", "MSFT", "SPY", "700")),
        ("AAPL", "OPT"),
        ("ES", "FUT"),
        ("CL", "FUT"),
        ("EUR", "CASH"),
    }


def test_every_option() -> None:
    text = "--port 0 --control-port 0 --version 176 --account DU1=5 --account DU2 --seed 3 --still --permission delayed"
    text += (
        " --delayed AAPL --unsubscribed SPY --read-only --next-id 50 --zone Asia/Hong_Kong --time-format utc --pace 0"
    )
    tws = made(*text.split(), "--clock", "2025-11-24 11:00", "--set", "market.limits.tickers=5")
    script = tws.world.script
    assert (script.version, script.seed, script.is_read_only, script.first_order_id) == (176, 3, True, 50)
    assert script.accounts == {"DU1": 5.0, "DU2": 1_000_000.0}
    assert (script.zone, script.time_format) == ("Asia/Hong_Kong", "utc")
    assert not script.market.walks
    assert script.market.permissions == {"AAPL": "delayed", "SPY": "none"}
    assert script.market.permission == "delayed"
    assert script.market.limits.tickers == 5
    assert tws.control.now() == 1_763_953_200  # 11:00 in Hong Kong is 03:00 UTC, and the clock stands


def test_set_keeps_the_kind() -> None:
    tws = made("--set", 'market.venues=["A", "B"]', "--set", 'accounts={"X": 1}', "--set", "quantity_limit=5")
    script = tws.world.script
    assert (script.market.venues, script.accounts, script.quantity_limit) == (("A", "B"), {"X": 1}, 5)


def test_contracts_of_a_file(tmp_path: Path) -> None:
    row = {"con_id": 76792991, "symbol": "TSLA", "sec_type": "STK", "exchange": "SMART", "currency": "USD"}
    row |= {"price": 250, "min_tick": 0.01, "local_symbol": "TSLA", "valid_exchanges": "SMART,NASDAQ"}
    row |= {"sec_ids": [["ISIN", "US88160R1014"]]}
    file = tmp_path / "contracts.json"
    file.write_text(json.dumps([row]))
    assert made("--contracts", str(file)).control.listed("TSLA").sec_ids == (("ISIN", "US88160R1014"),)
    only = made("--contracts", str(file), "--only-contracts")
    assert [one.symbol for one in only.world.contracts] == ["TSLA"]
    for spoiled, why in (
        ([{**row, "colour": 1}], "contract 1 has colour; it may have con_id"),
        ([{"symbol": "X"}], "contract 1 has no con_id, currency, exchange, min_tick, price, sec_type"),
        ([{**row, "price": "much"}], "contract 1: price is float, not 'much'"),
        ([5], "contract 1: an object of con_id"),
        ({}, "a JSON array of contracts"),
    ):
        file.write_text(json.dumps(spoiled))
        with pytest.raises(BadOption, match=why):
            made("--contracts", str(file))
    file.write_text("[")
    with pytest.raises(BadOption, match=r"contracts\.json: Expecting"):
        made("--contracts", str(file))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("--port 99999", "--port 99999: 0 to 65535"),
        ("--control-port -1", "--control-port -1: 0 to 65535"),
        ("--version 150", "--version 150: 157 to 178"),
        ("--account DU1=much", "the cash a number of USD"),
        ("--zone Mars/Olympus", "not in the time zone database"),
        ("--clock noon", "a time such as"),
        ("--only-contracts", "--contracts FILE says which"),
        ("--contracts /nowhere/at/all", "No such file"),
        ("--set sped=1", "no sped; there are version, accounts"),
        ("--set market.limits.sped=1", "no sped; there are messages, "),
        ("--set zone.x=1", "no x; there are no members"),
        ("--set version=high", "version is int, not 'high'; it is now 157"),
        ("--set is_read_only=1", "is_read_only is bool, not 1"),
        ("--set seed", "NAME=VALUE"),
        ("--set time_format=noon", "time_format is one of zone, utc, login, not noon"),
        ("--set market.permission=all", "permission is one of live, delayed, none"),
        ("--set rejections=[1]", "rejections is list[ctp2.testing.tws.world.Rejection], not [1]"),
        ("--set accounts=[]", "accounts is dict[str, float]"),
        ("--set quantity_limit=many", "quantity_limit is float | None, not 'many'"),
        ("--set notices=[[1,2]]", "notices is tuple[tuple[int, str], ...], not"),
    ],
)
def test_options_that_cannot_be(text: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadOption, match=re.escape(why)):
        made(*text.split())
    assert main(text.split()) == 2
    assert why in capsys.readouterr().err


def test_lines_of_a_script(tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_text("# quotes\n\n  set_quote AAPL bid=1\nwalk MSFT\n")
    assert lines_of(file) == [(3, "set_quote AAPL bid=1"), (4, "walk MSFT")]
    assert lines_of(None) == []


def test_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    assert "name another with --port" in capsys.readouterr().err


def test_script_with_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "script"
    file.write_text("walk AAPL\nwalk NOPE\n")
    assert main(["--port", "0", "--script", str(file)]) == 2
    assert "line 2 of the script: walk NOPE: error no contract NOPE" in capsys.readouterr().err


def test_the_program(tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_text("set_quote AAPL bid=123.25\n")
    command = [sys.executable, "-m", "ctp2.testing.tws", "--port", "0", "--control-port", "0", "--script", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as program:
        try:
            assert program.stdout is not None
            words = program.stdout.readline().split()
            port, control = words[3].rstrip(";,").partition(":")[2], words[5].rstrip(";").partition(":")[2]
            with Client(int(port)) as client:
                assert ("15", "1", "DU1000001") in client.seen
            with socket.create_connection(("127.0.0.1", int(control)), DEADLINE_S) as line:
                line.sendall(b"quote AAPL\n")
                assert '"bid": 123.25' in line.makefile().readline()
        finally:
            program.terminate()
        assert program.wait(DEADLINE_S) == 0 or os.name == "nt"


def test_greeting_without_control() -> None:
    with StandIn() as tws:
        assert greeting(tws).startswith(
            f"stand-in TWS on 127.0.0.1:{tws.port}; server version 157; accounts DU1000001;"
        )
