"""docs/protocol.md: its worked examples are what the code sends and reads, its tables are the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ctp2.core.backend import Event, Request
from ctp2.ctp import methods, structs
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.dialect import checksum, dialect

NEW = dialect("6.7.13", "trader")
NEW_MD = dialect("6.7.13", "md")
OLD = dialect("6.3.15", "trader")

HELLO = wire.Hello(
    "trader", "6.7.13", checksum("6.7.13", "trader"), 3, 8, 4, "linux-x86_64", "example 1.0", "f00d", minor=0
)
TOKEN = "0123456789abcdef0123456789abcdef"
HELLO_TOKEN = wire.Hello(
    "md", "6.3.15", checksum("6.3.15", "md"), 2, 8, 0, "linux-x86_64", "example 1.0", "f00d", token=TOKEN
)
WELCOME = wire.Welcome(
    "trader", 0, 53_000, 15_000, 60_000, 120_000, 1_600_000_000_000_000_000, 7, "20260105", "a1b2c3d4", "ctp2 0.1.0"
)
REFUSAL = wire.Refusal(4040, wire.VERSION_TEXT.format(what="version"), "this front speaks protocol 1")
LOGOUT = Request(methods.TRADER["ReqUserLogout"], structs.CThostFtdcUserLogoutField(BrokerID="9999", UserID="alice"), 5)
CODES = Request(methods.MD["SubscribeMarketData"], ("rb2605", "IF2601"), 0)
STATUS = Event(
    "OnRtnInstrumentStatus",
    structs.CThostFtdcInstrumentStatusField(
        ExchangeID="SHFE", InstrumentID="rb", InstrumentStatus="2", TradingSegmentSN=3, EnterTime="09:00:00"
    ),
    topic="public",
    sequence=12,
)
PING = wire.ping(9)

EXAMPLES: dict[str, bytes] = {
    "hello": wire.hello(HELLO),
    "hello_token": wire.hello(HELLO_TOKEN),
    "welcome": wire.welcome(WELCOME),
    "refused": wire.refused(REFUSAL),
    "heartbeat": wire.heartbeat(),
    "topic": wire.topic("private", "20260105", 41),
    "request": NEW.encode_request(LOGOUT, 1)[0],
    "codes": NEW_MD.encode_request(CODES, 1)[0],
    "connected": NEW.encode_event(Event("OnFrontConnected")),
    "disconnected": NEW.encode_event(Event("OnFrontDisconnected", request_id=4097)),
    "empty": NEW.encode_event(Event("OnRspQryOrder", None, None, 6)),
    "error": NEW.encode_event(Event("OnRspError", None, rsp_info(90), 6)),
    "status": OLD.encode_event(STATUS),
    "passed": wire.passed("private", 42),
    "ping": PING,
    "pong": wire.pong(wire.Cutter().feed(PING)[0], 1_600_000_000_000_000_000),
    "goodbye": wire.goodbye(4097, "the front closes"),
}


def page(root: Path) -> str:
    return (root / "docs" / "protocol.md").read_text(encoding="utf-8")


def block(root: Path, name: str) -> bytes:
    """The bytes of an example: hexadecimal numbers up to ``#``; ``00*N`` stands for N zeros."""
    found = re.search(rf"```hex {name}\n(.*?)```", page(root), re.DOTALL)
    assert found, f"no example {name}"
    data = b""
    for line in found[1].splitlines():
        for item in line.partition("#")[0].split():
            byte, _, times = item.partition("*")
            data += bytes.fromhex(byte) * int(times or 1)
    return data


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_what_is_sent(root: Path, name: str) -> None:
    assert block(root, name).hex(" ", 8) == EXAMPLES[name].hex(" ", 8)


def test_every_example_is_checked(root: Path) -> None:
    assert set(re.findall(r"```hex (\w+)", page(root))) == set(EXAMPLES)


def test_the_examples_are_read_as_they_are_written(root: Path) -> None:
    frames = {name: wire.Cutter().feed(block(root, name))[0] for name in EXAMPLES}
    assert wire.read_hello(frames["hello"]) == HELLO
    assert wire.read_hello(frames["hello_token"]) == HELLO_TOKEN
    assert wire.read_welcome(frames["welcome"]) == WELCOME
    assert wire.read_refused(frames["refused"]) == REFUSAL
    assert wire.read_topic(frames["topic"]) == ("private", "20260105", 41)
    assert wire.read_pong(frames["pong"]) == (9, 1_600_000_000_000_000_000)
    assert wire.read_text(frames["goodbye"]) == "the front closes"
    request = NEW.decode_request(frames["request"])
    assert request is not None and (request.method, request.field, request.request_id) == (
        LOGOUT.method,
        LOGOUT.field,
        5,
    )
    codes = NEW_MD.decode_request(frames["codes"])
    assert codes is not None and codes.field == CODES.field
    status = OLD.decode_event(frames["status"])
    assert status is not None and (status.topic, status.sequence) == ("public", 12)
    assert status.struct().InstrumentID == "rb"


def test_the_tables_are_the_codes(root: Path) -> None:
    text = page(root)
    kinds = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE))
    assert kinds == {str(number): name for number, name in wire.KINDS.items()}
    for version in ("6.3.15", "6.7.13"):
        for side in ("trader", "md"):
            value = checksum(version, side)
            assert f"| {version} | {side} | `{value:016x}` |" in text


# --- version 1.0 for ever --------------------------------------------------------------------------------------------

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "wire-1" / "frames.json"
"""Frames as 1.0 sent them. Never made anew: a change that cannot read them any more is a new major version."""


def test_frames_of_the_first_version_are_still_read() -> None:
    stored = json.loads(GOLDEN.read_text(encoding="ascii"))
    frames = {name: wire.Cutter().feed(bytes.fromhex(data))[0] for name, data in stored.items()}
    assert len(frames) == 17
    hello = wire.read_hello(frames["hello"])
    assert (hello.side, hello.revision, hello.checksum) == ("trader", "6.7.13", 0x7834EFC4BAE4B54F)
    assert hello.token == ""
    assert wire.read_hello(frames["hello_token"]).token == TOKEN
    welcome = wire.read_welcome(frames["welcome"])
    assert (welcome.side, welcome.silence_ms, welcome.flow_identity) == ("trader", 120_000, "a1b2c3d4")
    assert wire.read_refused(frames["refused"]).error_id == 4040
    assert wire.read_topic(frames["topic"]) == ("private", "20260105", 41)
    request = NEW.decode_request(frames["request"])
    assert request is not None and (request.method.name, request.field.UserID) == ("ReqUserLogout", "alice")
    codes = NEW_MD.decode_request(frames["codes"])
    assert codes is not None and codes.field == ("rb2605", "IF2601")
    status = OLD.decode_event(frames["status"])
    assert status is not None and status.struct().EnterTime == "09:00:00"
    error = NEW.decode_event(frames["error"])
    assert error is not None and error.info is not None and error.info.ErrorID == 90
