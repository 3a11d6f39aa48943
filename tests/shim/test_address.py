"""Front addresses in native programs: what is read, what is refused and how, what overrides them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.shim.probing import probe, program

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(sys.platform == "win32", reason="the probe is compiled for POSIX"),
]

# Address → scheme|host|port|ca|text.
READ = {
    "tcp://127.0.0.1:20002": "plain|127.0.0.1|20002||tcp://127.0.0.1:20002",
    "  tcp://127.0.0.1:20002 \r\n": "plain|127.0.0.1|20002||tcp://127.0.0.1:20002",
    "TCP://counter.example:1/": "plain|counter.example|1||TCP://counter.example:1/",
    "tcp://[::1]:65535": "plain|::1|65535||tcp://[::1]:65535",
    "tcp://::1:20002": "plain|::1|20002||tcp://::1:20002",
    "tcp6://[::1]:20002": "plain6|::1|20002||tcp6://[::1]:20002",
    "tcp://tcp6://h:1": "plain6|h|1||tcp6://h:1",
    "tcp://[fe80::1%eth0]:20002": "plain|fe80::1%eth0|20002||tcp://[fe80::1%eth0]:20002",
    "ssl://[::1]:20002": "tls|::1|20002||ssl://[::1]:20002",
    "ssl://h:1?ca=/etc/own.crt": "tls|h|1|/etc/own.crt|ssl://h:1?ca=/etc/own.crt",
    "ssl://h:1?ca=a%20b%2Fc+d.crt": "tls|h|1|a b/c d.crt|ssl://h:1?ca=a%20b%2Fc+d.crt",
    "ssl://h:1?": "tls|h|1||ssl://h:1?",
    "tts://7x24": "launched||0||tts://7x24",
    "tts://": "launched||0||tts://",
    "ib://127.0.0.1:7497?client_id=1&account=DU1": "launched||0||ib://127.0.0.1:7497?client_id=1&account=DU1",
    "ctp+tcp://h:1": "launched||0||ctp+tcp://h:1",
    "tts://sim?quotes=tcp://h:1": "launched||0||tts://sim?quotes=tcp://h:1",
    # vn.py puts tcp:// before a scheme that it does not know.
    "tcp://tts://7x24": "launched||0||tts://7x24",
    "tcp://ssl://h:1": "tls|h|1||ssl://h:1",
}
PLACE = "HOST:PORT, for example 127.0.0.1:20002"
# Address → how the line ends.
REFUSED = {
    "": f"a front address is empty: write tcp://{PLACE}",
    "7x24": "7x24: it has no scheme: write tcp://HOST:PORT, or for example tts://7x24",
    "127.0.0.1:20002": "it has no scheme: write tcp://HOST:PORT, or for example tts://7x24",
    "://x": "it has no scheme: write tcp://HOST:PORT, or for example tts://7x24",
    "tcp://": f"tcp://: write tcp://{PLACE}",
    "tcp://host": f": write tcp://{PLACE}",
    "tcp://:20002": f": write tcp://{PLACE}",
    "tcp://[]:20002": f": write tcp://{PLACE}",
    "tcp://[::1:20002": f": write tcp://{PLACE}",
    "tcp6://[::1]": f": write tcp://{PLACE}",
    "ssl://h:": f": write ssl://{PLACE}",
    "ssl://h:0": f": write ssl://{PLACE}",
    "ssl://h:65536": f": write ssl://{PLACE}",
    "ssl://h:4294967297": f": write ssl://{PLACE}",
    "ssl://h:+1": f": write ssl://{PLACE}",
    "tcp://h:1/x": f": write tcp://{PLACE}",
    "tcp://u:p@h:1": ": passwords never go into an address",
    "tcp://h:1?layout=6.7.2": ": unknown option layout=6.7.2; known: none",
    "ssl://h:1?compress=on": ": unknown option compress=on; known: ca=FILE",
    "ssl://h:1?ca=": ": unknown option ca=; known: ca=FILE",
    "ssl://h:1?ca=a&ca=b": ": option ca is given twice",
    "ssl://h:1?ca=a%00b": ": the file of ca has no name that can be",
    "tts://7x24 x": ": blanks and control characters are no part of one",
    "tcp://h\x01:1": "tcp://h?:1: blanks and control characters are no part of one",
    f"tcp://{'h' * 300}:1": f": write tcp://{PLACE}",
    "tcp://" + "x" * 5000: "...: at most 1000 characters are possible",
    f"ssl://h:1?ca={'c' * 800}": ": the file of ca has no name that can be",
}


def test_addresses_are_read() -> None:
    assert probe("parse", *READ) == list(READ.values())


def test_senseless_ones_are_one_line_each() -> None:
    lines = probe("parse", *REFUSED)
    assert len(lines) == len(REFUSED)
    for line, end in zip(lines, REFUSED.values(), strict=True):
        assert line.startswith(("why: front address ", "why: a front address ")) and line.endswith(end)


def test_an_address_of_the_longest_kind() -> None:
    longest = "tts://" + "x" * 994
    assert probe("parse", longest, longest + "x") == [
        f"launched||0||{longest}",
        f"why: front address {longest[:40]}...: at most 1000 characters are possible",
    ]


# --- overriding ------------------------------------------------------------------------------------------------------

ONE, TWO, THREE = "tcp://127.0.0.1:20002", "ssl://h:1?ca=x", "tts://7x24"
OVERRIDES = [
    ("", [], []),
    (" \n", [], []),
    (THREE, [THREE], [THREE]),
    (f"{ONE} {TWO}", [ONE, TWO], [ONE, TWO]),
    (f"td {ONE} md {TWO}", [ONE], [TWO]),
    (f"TD {ONE}\nmd {TWO}\n{THREE}\n", [ONE, THREE], [TWO, THREE]),
    (f"md {TWO}", [], [TWO]),
    (f"# a comment\r\n{ONE}  # md {TWO}\r\n\r\n", [ONE], [ONE]),
    ("td md", [], []),
    ("tdx", ["tdx"], ["tdx"]),  # refused when it is parsed
]


@pytest.mark.parametrize(("text", "trader", "md"), OVERRIDES)
def test_the_environment_overrides(text: str, trader: list[str], md: list[str]) -> None:
    assert probe("override", "td", CTP2_FRONT=text) == trader
    assert probe("override", "md", CTP2_FRONT=text) == md


@pytest.mark.parametrize(("text", "trader", "md"), OVERRIDES)
def test_a_file_beside_the_library_overrides(text: str, trader: list[str], md: list[str], tmp_path: Path) -> None:
    # The probe stands for the library: the file lies beside the file that holds the runtime.
    at = Path(shutil.copy(program(), tmp_path))
    (tmp_path / "ctp2_front.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert probe("override", "td", at=at, cwd=tmp_path.parent, CTP2_FRONT="") == trader
    assert probe("override", "md", at=at, cwd=tmp_path.parent, CTP2_FRONT="") == md
    assert probe("override", "md", at=at, CTP2_FRONT="tts://sim") == ["tts://sim"], "the environment comes first"


def test_without_either_nothing_is_overridden(tmp_path: Path) -> None:
    at = Path(shutil.copy(program(), tmp_path))
    assert probe("override", "td", at=at, CTP2_FRONT="") == []
    (tmp_path / "ctp2_front.txt").mkdir()
    assert probe("override", "td", at=at, CTP2_FRONT="") == []


def test_what_is_too_long_is_cut_and_then_refused() -> None:
    (line,) = probe("override", "td", CTP2_FRONT="tcp://" + "x" * 3000)
    assert len(line) == 1001
    assert probe("parse", line)[0].endswith("at most 1000 characters are possible")
