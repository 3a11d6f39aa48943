"""The log's file: what a cut, a flipped byte or a full disk leaves of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ctp2.tts.codec import SCHEMA
from ctp2.tts.logfile import MAGIC, Header, Level, LogError, LogReader, LogWriter

PAYLOADS = [b"one", b"", b"three" * 50, bytes(range(256)), b"five"]


def header() -> Header:
    """A header."""
    return Header(schema=SCHEMA, writer="0.1", environment="7x24", identity="abc", trading_day="20250306", created_ns=1)


def made(path: Path, level: Level = "normal") -> list[int]:
    """A file with all payloads; returns where each frame ends."""
    writer = LogWriter.create(str(path), header(), level)
    writer.publish()
    ends = [writer.size]
    for payload in PAYLOADS:
        writer.append(payload)
        writer.flush()
        ends.append(writer.size)
    writer.close()
    return ends


def read(path: Path) -> tuple[list[bytes], int]:
    reader = LogReader(str(path))
    try:
        return list(reader.frames()), reader.torn
    finally:
        reader.close()


@pytest.mark.parametrize("level", ["none", "normal", "full"])
def test_what_is_appended_is_read(tmp_path: Path, level: Level) -> None:
    path = tmp_path / "a.db"
    made(path, level)
    assert read(path) == (PAYLOADS, 0)
    reader = LogReader(str(path))
    assert reader.header == header()
    list(reader.frames())
    reader.close()
    writer = LogWriter.go_on(str(path), level, reader.end, reader.number)
    writer.append(b"more")
    writer.close()
    assert read(path) == ([*PAYLOADS, b"more"], 0)
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"]


def test_a_file_cut_anywhere_keeps_the_commits_before_the_cut(tmp_path: Path) -> None:
    path, cut = tmp_path / "a.db", tmp_path / "cut.db"
    ends = made(path)
    whole = path.read_bytes()
    for size in range(ends[0], len(whole)):
        cut.write_bytes(whole[:size])
        count = sum(end <= size for end in ends[1:])
        assert read(cut) == (PAYLOADS[:count], size - ends[count])
    for size in range(ends[0]):
        cut.write_bytes(whole[:size])
        with pytest.raises(LogError, match=r"header is damaged|holds nothing"):
            read(cut)


def test_a_flipped_byte_is_a_torn_tail_or_damage_never_other_data(tmp_path: Path) -> None:
    path, bad = tmp_path / "a.db", tmp_path / "bad.db"
    ends = made(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        if place >= ends[-2]:
            assert read(bad) == (PAYLOADS[:-1], len(whole) - ends[-2]), "the last commit alone"
        else:
            with pytest.raises(LogError) as failure:
                read(bad)
            text = str(failure.value)
            assert text.startswith(f"db={bad}: ") and "\n" not in text
            if place >= ends[0]:
                begin = max(end for end in ends if end <= place)
                assert f"at byte {begin} " in text


def test_what_is_no_log_is_said(tmp_path: Path) -> None:
    for content, says in ((b"", "holds nothing"), (b"SQLite format 3\0" * 9, "is not a log"), (MAGIC, "header")):
        path = tmp_path / "x"
        path.write_bytes(content)
        with pytest.raises(LogError, match=says):
            LogReader(str(path))
    with pytest.raises(LogError, match="is a folder"):
        LogReader(str(tmp_path))
    with pytest.raises(LogError, match="is a folder"):
        LogWriter.create(str(tmp_path), header(), "normal").publish()
    with pytest.raises(LogError, match="folder does not exist"):
        LogWriter.create(str(tmp_path / "no" / "a.db"), header(), "normal")


LIMITED = """
import resource, signal, sys
from ctp2.tts.logfile import LogWriter, LogReader
from tests.tts.test_logfile import header
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = LogWriter.create(sys.argv[1], header(), "normal")
writer.publish()
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
count = 0
try:
    while True:
        writer.append(b"x" * 100)
        count += 1
except OSError as error:
    print(count, error.errno)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no such limit on this platform")
def test_a_frame_that_does_not_fit_leaves_nothing_behind(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "a.db"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    count, _ = (int(word) for word in done.stdout.split())
    assert count > 10
    assert read(path) == ([b"x" * 100] * count, 0)
