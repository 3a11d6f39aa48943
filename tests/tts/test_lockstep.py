"""Lock step: several Api objects on one counter, over several days, with holders in other threads."""

from __future__ import annotations

import gzip
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ctp2.tts import counter, lockstep
from ctp2.tts.lockstep import Hold
from tests.shared_data import shared
from tests.tts.programs import Trader, Watcher, address_of

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


def run(folder: Path, hash_seed: str, home: Path, seed: int = 1, options: str = "") -> str:
    """What a backtest in a process of its own logs."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment["CTP2_HOME"] = str(home / hash_seed)
    address = f"tts://replay?data={folder}&speed=max&id=lockstep{options}"
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


def test_a_log_on_disk_changes_nothing(three_days: Path, tmp_path: Path) -> None:
    """What is written before it is told is told in the same order."""
    assert run(three_days, "1", tmp_path) == run(three_days, "5", tmp_path, options=f"&db={tmp_path / 'log'}")


def test_another_seed_is_another_run(three_days: Path, tmp_path: Path) -> None:
    assert run(three_days, "1", tmp_path) != run(three_days, "1", tmp_path, seed=2)


# ------------------------------------------------------------------ hold
def test_while_it_is_held_no_entry_is_taken(tmp_path: Path) -> None:
    """Another thread trades at the prices that a callback handed to it, although it takes its time."""
    address = address_of(tmp_path).replace("speed=0.001", "speed=max")
    trader = Trader(address).start()
    handed: queue.SimpleQueue[tuple[Any, Hold] | None] = queue.SimpleQueue()
    met: list[tuple[int, int]] = []

    def worker() -> None:
        while (item := handed.get()) is not None:
            tick, hold = item
            trader.rows("ReqQryTradingAccount")  # two journeys to the counter, while the market stands
            now = trader.rows("ReqQryDepthMarketData", InstrumentID=tick.InstrumentID)[0]
            met.append((tick.Volume, now.Volume))
            hold.release()

    def on_call(call: Any) -> None:
        if call.name == "OnRtnDepthMarketData" and call.field.Volume:
            handed.put((call.field, counter(address).hold().acquire()))

    thread = threading.Thread(target=worker)
    watcher = Watcher(address, on_call).login()
    try:
        thread.start()
        watcher.subscribe("IF2101", "rb2105")
        assert counter(address).wait(20)
        handed.put(None)
        thread.join(20)
        assert [volume for volume, _ in met] == [now for _, now in met]
        # DAY has four rows of IF2101 and four of rb2105.
        assert sorted(volume for volume, _ in met) == [240, 260, 300, 310, 1000, 1010, 1050]
    finally:
        watcher.api.Release()
        trader.api.Release()


def test_holders_are_counted(tmp_path: Path) -> None:
    address = address_of(tmp_path).replace("speed=0.001", "speed=max")
    watcher = Watcher(address).login()
    try:
        control = counter(address)
        one, two = control.hold(), control.hold().acquire()
        with one:
            watcher.subscribe("IF2101")
            two.release()
            before = control.progress
            assert control.now_ns and control.progress == before, "one of two still holds it"
            assert not control.wait(0)
        assert control.wait(20)
        with pytest.raises(RuntimeError, match="not held"):
            two.release()
    finally:
        watcher.api.Release()


def test_a_held_market_stands_at_its_time(tmp_path: Path) -> None:
    """At a recorded pace too: what it would have played meanwhile comes afterwards, at its own pace."""
    address = address_of(tmp_path).replace("speed=0.001", "speed=100000")
    watcher = Watcher(address).login()
    try:
        control = counter(address)
        with control.hold():
            watcher.subscribe("IF2101")
            stands = control.now_ns
            assert control.now_ns == stands
        assert control.wait(60)
        assert control.now_ns > stands
    finally:
        watcher.api.Release()


def test_a_callback_that_waits_for_another_is_helped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It works, outside the promise: after a while the others are served side by side, with a warning."""
    monkeypatch.setattr(lockstep, "PATIENCE_NS", 50_000_000)
    address = address_of(tmp_path).replace("speed=0.001", "speed=max")
    trader = Trader(address).start()
    answered: list[float] = []

    def on_call(call: Any) -> None:
        if call.name == "OnRtnDepthMarketData" and not answered:
            answered.append(trader.rows("ReqQryTradingAccount")[0].Balance)

    watcher = Watcher(address, on_call).login()
    try:
        watcher.subscribe("IF2101")
        assert counter(address).wait(20)
        assert answered == [10_000_000.0]
        assert any("a callback has run for" in record.message for record in caplog.records)
    finally:
        watcher.api.Release()
        trader.api.Release()
