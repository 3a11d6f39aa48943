"""The control, line by line over its port."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ctp2.testing.tws import StandIn
from ctp2.testing.tws.control_port import LONGEST_LINE, VERBS, carry_out
from tests.testing.tws.wire_client import DEADLINE_S, Client

Say = Callable[[str], str]


@pytest.fixture
def say(tws: StandIn) -> Iterator[Say]:
    """Says a line to the port; gives the answer."""
    with socket.create_connection(("127.0.0.1", tws.control_port), DEADLINE_S) as line, line.makefile("rw") as file:

        def say(text: str) -> str:
            file.write(f"{text}\n")
            file.flush()
            return file.readline().rstrip("\n")

        yield say


def result(answer: str) -> Any:
    assert answer.startswith("ok "), answer
    return json.loads(answer[3:])


def test_verbs_do_what_the_methods_do(tws: StandIn, connect: Callable[..., Client], say: Say) -> None:
    client = connect()
    assert say("set_quote AAPL bid=199.5 bid_size=300") == "ok null"
    assert result(say("quote AAPL"))["bid"] == 199.5
    assert say('set_depth AAPL "bids=[[199.9, 100]]" "asks=[]"') == "ok null"
    assert say("emit 2104 'all is well' client_id=1") == "ok null"
    assert client.until(lambda one: one[-1] == "all is well") == ("4", "2", "-1", "2104", "all is well")
    assert result(say("clients")) == [1]
    assert result(say("frames startApi")) == [["71", "2", "1", ""]]
    assert say("restart next_valid_id=7 remembers=false") == "ok null"
    assert ("9", "1", "7") in connect().seen


def test_text_arguments_stay_text(say: Say) -> None:
    assert result(say("quote 700"))["halted"] == 0  # a symbol, not a number
    assert result(say("quote contract=700"))["halted"] == 0


def test_help_lists_every_verb(say: Say) -> None:
    told = result(say("help"))
    assert sorted(told) == sorted(VERBS)
    assert "cut_after" in told
    assert told["emit"] == "(code: 'int', text: 'str', number: 'int' = -1, client_id: 'int | None' = None)"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "error an empty line; help lists the verbs"),
        ("dance", "error no verb dance; there are advance, "),
        ("_do", "error no verb _do; there are"),
        ("wait", "error no verb wait; there are"),
        ("quote", "error quote(contract: 'str'): missing a required argument: 'contract'"),
        ("quote AAPL MSFT", "error quote(contract: 'str'): too many positional arguments"),
        ("quote NOPE", "error no contract NOPE; there are AAPL, "),
        ("emit 1 'open", 'error "emit 1 \'open" cannot be cut into words'),
        ("advance noon", "error advance(seconds: 'float'): 'noon' is no float"),
        (
            "set_clock noon",
            "error set_clock(now: 'float | None' = None, pace: 'float | None' = None): 'noon' is no float",
        ),
        ('set_accounts \'{"DU1": "much"}\'', "error set_accounts(accounts: 'dict[str, float]'): "),
        ("change version=high", "error version is int, not 'high'"),
        ("cut_after true", "error cut_after(count: 'int', client_id: 'int | None' = None): 'true' is no int"),
        ("set_quote AAPL bid=much", "error numbers are wanted, not bid=much"),
    ],
)
def test_errors_say_why(say: Say, line: str, why: str) -> None:
    assert say(line).startswith(why)
    assert say("clients") == "ok []"  # and the line goes on


def test_line_without_end_closes_only_itself(tws: StandIn) -> None:
    with socket.create_connection(("127.0.0.1", tws.control_port), DEADLINE_S) as line:
        line.sendall(b"x" * (LONGEST_LINE + 2))
        assert line.makefile().readline().startswith("error ")
    assert carry_out(tws.control, "clients") == "ok []"


def test_no_port_unless_asked() -> None:
    with StandIn() as tws:
        assert tws.control_port == 0
