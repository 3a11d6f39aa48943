"""Nothing that a client was told is lost: at kill -9 (``killing.py``), and by a power cut anywhere in the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctp2.tts.codec_read import Decoder
from ctp2.tts.logfile import LogReader, LogWriter
from tests.tts.killing import Killing, Rolling
from tests.tts.test_codec import desk_with_trades, fresh_desk
from tests.tts.test_logfile import header
from tests.tts.wholestate import everything

KILLS = 5


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "posix_spawn"), reason="needs kill -9 and pipes between processes")
@pytest.mark.parametrize(("seed", "durability"), [(1, "normal"), (2, "normal"), (3, "normal"), (4, "full")])
def test_a_killed_counter_keeps_what_it_acknowledged(tmp_path: Path, seed: int, durability: str) -> None:
    """Four times five kills; ``make fuzz`` makes two hundred."""
    killing = Killing(tmp_path, seed, durability)
    for _ in range(KILLS):
        killing.round()
    assert killing.told > 20 * KILLS
    assert killing.repeated <= 3 * KILLS, "at most one per client and kill"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "posix_spawn"), reason="needs kill -9 and pipes between processes")
def test_a_counter_killed_while_it_ends_a_day_has_ended_it_or_not(tmp_path: Path) -> None:
    """Money and the chain of settlements are whole, whichever step of the roll the kill met."""
    rolling = Rolling(tmp_path, 1)
    for _ in range(4):
        rolling.round()


def test_a_power_cut_at_any_byte_leaves_a_state_that_was_there(tmp_path: Path) -> None:
    """The file cut at every byte of its last records, and bytes of the last flipped: always some commit's state."""
    desk = desk_with_trades()
    desk.insert("ann", "sells", "close-today", 1, "rb", 3499.0)
    desk.cancel("ann", desk.last_name)
    path, cut = tmp_path / "a.db", tmp_path / "cut.db"
    writer = LogWriter.create(str(path), header(), "normal")
    writer.publish()
    ends = [writer.size]
    for records in desk.commits:
        writer.append(records)
        ends.append(writer.size)
    writer.close()
    states = []
    for count in range(len(desk.commits) + 1):
        fresh = fresh_desk().state
        decoder = Decoder(fresh)
        for records in desk.commits[:count]:
            decoder.apply(records)
        states.append(everything(fresh))
    assert states[-1] == everything(desk.state)
    whole = path.read_bytes()
    for size in range(ends[-4], len(whole) + 1):
        cut.write_bytes(whole[:size])
        assert read(cut) == states[max(n for n, end in enumerate(ends) if end <= size)]
    for place in range(ends[-2], len(whole), 3):
        cut.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read(cut) == states[-2]


def read(path: Path) -> list[str]:
    """The state that a file leads to."""
    reader = LogReader(str(path))
    try:
        fresh = fresh_desk().state
        decoder = Decoder(fresh, None, reader.header.kinds)
        for records in reader.frames():
            decoder.apply(records)
        return everything(fresh)
    finally:
        reader.close()
