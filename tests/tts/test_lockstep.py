"""Lock step: several Api objects on one counter, over several days, with holders in other threads."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.shared_data import shared

DAYS = ("20210104", "20210105", "20210106")


@pytest.fixture
def three_days(tmp_path: Path) -> Path:
    """IF2101 on three days, every 40th row and the last ones."""
    folder = tmp_path / "days"
    folder.mkdir()
    for day in DAYS:
        with gzip.open(
            shared("data", "ticks", f"cffex_IF2101_{day}.csv.gz"), "rt", encoding="utf-8", newline=""
        ) as file:
            head, *rows = file.read().splitlines()
        chosen = [*rows[:-3][::40], *rows[-3:]]
        (folder / f"{day}.csv").write_text("\n".join([head, *chosen]) + "\n", encoding="utf-8")
    return folder


def run(folder: Path, hash_seed: str, home: Path, seed: int = 1) -> str:
    """What a backtest in a process of its own logs."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment["CTP2_HOME"] = str(home / hash_seed)
    address = f"tts://replay?data={folder}&speed=max&id=lockstep"
    done = subprocess.run(
        [sys.executable, "-m", "tests.tts.lockstep_program", address, str(seed)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_two_runs_are_equal_to_the_byte(three_days: Path, tmp_path: Path) -> None:
    first, second = run(three_days, "1", tmp_path), run(three_days, "77", tmp_path)
    lines, again = first.splitlines(), second.splitlines()
    for number, (one, other) in enumerate(zip(lines, again, strict=False)):
        assert one == other, f"line {number} of {len(lines)}, {len(again)}: {lines[max(number - 5, 0) : number]}"
    assert first == second
    names = Counter(line.split()[1] for line in lines if not line.startswith(("event", "state")))
    assert names["OnFrontDisconnected"] == 3 * 2 and names["OnRtnTrade"] > 100, names
    assert names["OnRspUserLogin"] == 3 * 3
    assert Counter(line.split()[1] for line in lines if line.startswith("event"))["DaySettled"] == 2
    # Nothing of a day is played before everybody is back: after each cut the logins and confirmations come first.
    order = [line.split()[:2] for line in lines if not line.startswith(("event", "state"))]
    cuts = [at for at, (who, name) in enumerate(order) if (who, name) == ("md", "OnFrontDisconnected")]
    for at in cuts:
        played = next(i for i in range(at, len(order)) if order[i] == ["md", "OnRtnDepthMarketData"])
        before = {tuple(item) for item in order[at:played]}
        assert {("alice", "OnRspSettlementInfoConfirm"), ("bob", "OnRspSettlementInfoConfirm")} <= before


def test_another_seed_is_another_run(three_days: Path, tmp_path: Path) -> None:
    assert run(three_days, "1", tmp_path) != run(three_days, "1", tmp_path, seed=2)
