"""A counter with a log: what it knows after a restart, what clients are told again, and what goes wrong with files."""

from __future__ import annotations

import difflib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.core.clock import ManualClock
from ctp2.tts import counter
from ctp2.tts.backend import running
from ctp2.tts.config import parse as config_of
from ctp2.tts.logfile import LogError, LogReader
from ctp2.tts.store import settlements
from tests.tts.programs import FIRST, Trader, Watcher, address_of, is_order
from tests.tts.wholestate import everything

RESTART, RESUME, QUICK = 0, 1, 2


def stored(folder: Path, options: str = "") -> str:
    """An address of a counter that keeps a log in the folder."""
    return address_of(folder, f"&db={folder / 'a.db'}{options}")


@contextmanager
def trading(address: str, **options: Any) -> Iterator[Trader]:
    """A confirmed trader at a market that has quotes."""
    trader = Trader(address, **options).start()
    try:
        if not counter(address)._counter.taken:
            counter(address).step(FIRST)
        yield trader
    finally:
        trader.api.Release()


def state_of(address: str) -> list[str]:
    """Everything in the counter's state, and what its flows have told."""
    backend = running(parse(address))
    assert backend is not None

    def look() -> list[str]:
        lines = everything(backend.engine.state)
        for name, flow in backend.flows.items():
            told = [flow.told.again(place) for place in range(len(flow.told))]
            lines += [f"told {name} {type(one).__name__} {one.account_id} {one.now_ns}" for one in told]
        for contract in backend.engine.state.contracts:
            market = (contract.bid, contract.bid_volume, contract.ask, contract.ask_volume, contract.phase)
            lines.append(f"market {contract.code} {market}")
        quoting, books = backend.engine.quoting, backend.engine.matching.books
        for index, waiting in quoting.waiting.items():
            for side in (waiting.buys, waiting.sells):
                lines.append(f"waiting {index} {[[one.order_id for one in side.levels[key]] for key in side.keys]}")
        for index, book in books.items():
            for side in (book.buys, book.sells):
                lines.append(f"book {index} {[[one.order_id for one in side.levels[key]] for key in side.keys]}")
            lines.append(f"book {index} {(book.volume, book.turnover, book.open, book.high, book.low)}")
        lines.append(f"retries {[(due, number, at) for due, number, _, at in sorted(quoting.retries)]}")
        lines.append(f"public {backend.public}")
        return lines

    return backend.counter.call(look)  # type: ignore[no-any-return]


def same(came: list[str], wanted: list[str]) -> None:
    """Fail with the lines that differ."""
    if came != wanted:
        pytest.fail("\n".join(list(difflib.unified_diff(wanted, came, "before", "after", n=0, lineterm=""))[:40]))


@contextmanager
def looking(address: str) -> Iterator[Trader]:
    """Somebody who opens the counter and does not log in."""
    trader = Trader(address).connect()
    try:
        yield trader
    finally:
        trader.api.Release()


def crashed(folder: Path) -> str:
    """A copy of the files as they are now: what a process that is killed leaves behind; returns its db."""
    other = folder / f"crashed{len(list(folder.iterdir()))}"
    other.mkdir()
    for file in folder.glob("a.db*"):
        if not file.name.endswith(".lock"):
            (other / file.name).write_bytes(file.read_bytes())
    return str(other / "a.db")


def busy(trader: Trader, address: str) -> None:
    """Something of everything: fills, partial fills, resting, cancelled, refused, conditional and parked orders."""
    trader.fill("rb2105", 4310.0, 3)
    trader.fill("rb2105", 4290.0, 1, Direction="1", CombOffsetFlag="3")
    trader.cancel(trader.rest(price=4280.0))
    trader.spi.wait_for(is_order("5"))
    trader.rest("rb2105", 4270.0)
    trader.rest("rb2105", 4270.0, 2)
    trader.rest("IF2101", 5100.0)
    before = trader.insert("rb2105", 4280.0, 0)
    trader.spi.wait_for("OnErrRtnOrderInsert", after=before)
    before = trader.insert("rb2105", 4310.0, 1, ContingentCondition="5", StopPrice=4400.0)
    trader.spi.wait_for("OnRtnOrder", after=before, count=1)
    counter(address).deposit(trader.user, 1000)


# ------------------------------------------------------------------ the same counter again
def test_a_restart_brings_back_state_flows_and_market(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address) as trader, trading(address, user="bob") as other:
        busy(trader, address)
        counter(address).step(2)
        other.fill("IF2101", 5240.0, 1)
        before = state_of(address)
        left = crashed(tmp_path)
    for path in (left, str(tmp_path / "a.db")):
        again = address_of(tmp_path, f"&db={path}")
        with looking(again):
            same(state_of(again), before)


def test_orders_between_users_keep_their_place_in_the_queue(tmp_path: Path) -> None:
    address = stored(tmp_path, "&match=rb2105")
    with trading(address) as trader, trading(address, user="bob") as other:
        first = trader.rest("rb2105", 4280.0, 1)
        other.rest("rb2105", 4280.0, 1)
        trader.rest("rb2105", 4281.0, 2)
        other.fill("rb2105", 4281.0, 1, Direction="1")
        before = state_of(address)
    with looking(address):
        same(state_of(address), before)
    with trading(address, user="bob") as other:
        other.insert("rb2105", 4280.0, 2, Direction="1")
        other.spi.wait_for("OnRtnTrade", count=2)
        filled = {row.OrderSysID: row.VolumeTraded for row in other.rows("ReqQryOrder")}
        assert list(filled.values()) == [0, 1, 2]
    with trading(address) as trader:
        filled = {row.OrderSysID: row.VolumeTraded for row in trader.rows("ReqQryOrder")}
        assert filled[first.OrderSysID] == 1, "the oldest of the price"


def test_the_rest_of_a_partial_fill_comes_when_it_would_have_come(tmp_path: Path) -> None:
    address = stored(tmp_path).replace("fills=full", "fills=random&seed=3")
    with trading(address) as trader:
        for _ in range(8):
            trader.fill("rb2105", 4310.0, 7)
        before = state_of(address)
        assert any(line.startswith("retries [(") for line in before), "some are filled in part"
    with looking(address):
        same(state_of(address), before)


def told_to(trader: Trader) -> list[str]:
    """What private callbacks said, in a form that can be compared; an answer comes after all that was before it."""
    trader.rows("ReqQryTradingAccount", BrokerID="9999", InvestorID=trader.user)
    return [f"{call.name} {call.field}" for call in trader.private()]


def test_flows_go_on_across_a_restart_in_every_mode(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address, flow=str(tmp_path / "f"), resume=RESUME) as trader:
        busy(trader, address)
        told = told_to(trader)
        session = trader.login_field.SessionID
    with trading(address, flow=str(tmp_path / "f"), resume=RESUME) as trader:
        assert trader.private() == [], "each return exactly once"
        assert trader.login_field.SessionID > session
        resting = trader.rest(price=4260.0)
        more = told_to(trader)
        assert resting.OrderSysID and more
    with trading(address, resume=RESTART) as trader:
        assert told_to(trader) == told + more, "byte for byte as they were"
    with trading(address, resume=QUICK) as trader:
        assert trader.private() == []


def test_a_program_that_keeps_the_numbers_resumes_from_one_across_a_restart(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address) as trader:
        busy(trader, address)
        told = told_to(trader)
    late = Trader(address)
    late.api.SubscribePrivateTopic(4, 5)
    late.login()
    try:
        assert told_to(late) == told[4:], "from the fifth return on"
        counted = [call.number for call in late.spi.of("OnRtnPrivateSeqNo")]
        assert counted == list(range(5, len(told) + 1))
    finally:
        late.api.Release()


def test_users_keep_what_they_changed(tmp_path: Path) -> None:
    address = stored(tmp_path)
    change = {"BrokerID": "9999", "UserID": "alice", "OldPassword": "secret", "NewPassword": "another"}
    with trading(address) as trader:
        assert trader.ask("ReqUserPasswordUpdate", **change)[0].error_id == 0
    content = (tmp_path / "a.db").read_bytes()
    assert b"another" not in content and b"secret" not in content
    with looking(address) as late:
        login = {"BrokerID": "9999", "UserID": "alice"}
        assert late.ask("ReqUserLogin", **login, Password="secret")[0].error_id == 3
        assert late.ask("ReqUserLogin", **login, Password="another")[0].error_id == 0


def test_a_market_goes_on_where_it_stood(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address) as trader:
        counter(address).step(2)
        trader.fill()
        now_ns = counter(address).now_ns
        taken = counter(address)._counter.taken
    fresh = address_of(tmp_path)
    with looking(fresh):
        total = counter(fresh).step(1000)
    watcher = Watcher(address).login()
    try:
        watcher.subscribe("rb2105")
        assert watcher.ticks()[0].Volume == 1010, "the snapshot of 09:30:01"
        assert counter(address).now_ns >= now_ns
        assert counter(address).step(1000) == total - taken, "the rest of the day"
    finally:
        watcher.api.Release()


def test_volume_never_falls_in_7x24_whatever_was_lost(tmp_path: Path) -> None:
    """The log says once a second where the loop stands; after a crash it is taken up behind the last that was seen."""
    address = f"tts://7x24?id=volume&db={tmp_path / 'a.db'}"
    clock = ManualClock(MONDAY_NS)
    backend: Any = registry.acquire(parse(address), clock)
    watcher = Watcher(address).login()
    code = backend.world.day_contracts[0].code
    watcher.subscribe(code)
    counter(address).step(500)
    seen = watcher.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.Volume > 0).field
    backend.counter.call(lambda: backend.journal.passed(0))  # as a second later
    counter(address).step(3)
    highest = max(tick.Volume for tick in watcher.ticks(code))
    left = crashed(tmp_path)
    watcher.api.Release()
    registry.release(backend)
    again = f"tts://7x24?id=volume&db={left}"
    backend = registry.acquire(parse(again), clock)
    try:
        watcher = Watcher(again).login()
        watcher.subscribe(code)
        watcher.spi.wait_for("OnRtnDepthMarketData")
        assert watcher.ticks(code)[0].Volume >= highest >= seen.Volume
        watcher.api.Release()
    finally:
        registry.release(backend)


# ------------------------------------------------------------------ snapshots
@pytest.mark.parametrize("durability", ["none", "normal", "full"])
def test_a_counter_that_closes_leaves_a_snapshot_and_opens_from_it(
    tmp_path: Path, durability: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ctp2.tts.snapshots.AT_CLOSE", 1)
    address = stored(tmp_path, f"&match=IF2101&durability={durability}").replace("fills=full", "fills=random&seed=3")
    with trading(address) as trader, trading(address, user="bob") as other:
        busy(trader, address)
        other.fill("IF2101", 5100.0, 1, Direction="1")
        told = told_to(trader)
        before = state_of(address)
    assert (tmp_path / "a.db.snapshot").exists()
    with caplog.at_level(logging.INFO), looking(address):
        assert "with 0 events" in caplog.text, "the log has nothing behind it"
        assert "cut off" not in caplog.text
        same(state_of(address), before)
    with trading(address, resume=RESTART) as trader:
        assert told_to(trader) == told
        trader.fill("rb2105", 4310.0, 1)
        before = state_of(address)
        left = crashed(tmp_path)
    if durability == "none":
        return  # what a crash leaves is no promise
    again = address_of(tmp_path, f"&db={left}&match=IF2101").replace("fills=full", "fills=random&seed=3")
    with looking(again):
        same(state_of(again), before)


@pytest.mark.parametrize("what", ["cut", "flipped", "nonsense", "of another form"])
def test_a_snapshot_that_cannot_be_used_is_left_alone(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ctp2.tts.snapshots.AT_CLOSE", 1)
    address = stored(tmp_path)
    with trading(address) as trader:
        trader.fill()
        trader.rest()
        before = state_of(address)
    path = tmp_path / "a.db.snapshot"
    whole = path.read_bytes()
    bad = {
        "cut": whole[:-9],
        "flipped": whole[:200] + bytes([whole[200] ^ 1]) + whole[201:],
        "nonsense": b"nonsense",
        "of another form": whole.replace(b"ctp2 snap\r\n\x01", b"ctp2 snap\r\n\x02"),
    }
    path.write_bytes(bad[what])
    with caplog.at_level(logging.WARNING), looking(address):
        assert "the log is read from its beginning" in caplog.text
        same(state_of(address), before)


def test_snapshots_are_written_by_a_process_of_their_own_while_the_counter_trades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctp2.tts.snapshots.EVERY", 25)
    address = stored(tmp_path)
    with trading(address) as trader:
        busy(trader, address)
        backend: Any = running(parse(address))
        backend.journal.apart.wait()
        first = (tmp_path / "a.db.snapshot").stat().st_ino
        for _ in range(8):
            trader.fill()
        backend.journal.apart.wait()
        assert (tmp_path / "a.db.snapshot").stat().st_ino != first, "made anew, from the one before"
        trader.rest()
        before = state_of(address)
        left = crashed(tmp_path)
    again = address_of(tmp_path, f"&db={left}")
    with looking(again):
        same(state_of(again), before)


# ------------------------------------------------------------------ days
def test_a_roll_begins_a_new_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address) as trader:
        trader.fill("rb2105", 4310.0, 2)
        counter(address).settle()
        day = counter(address).trading_day
        trader.spi.wait_for("OnFrontConnected", count=2)
        before = state_of(address)
        left = crashed(tmp_path)
    assert sorted(one.name for one in tmp_path.glob("a.db*")) == ["a.db", "a.db.20210104", "a.db.lock"]
    for path in (str(tmp_path / "a.db"), left):
        again = address_of(tmp_path, f"&db={path}")
        late = Trader(again).login()
        try:
            assert late.login_field.TradingDay == day
            positions = late.rows("ReqQryInvestorPosition")
            assert [(row.InstrumentID, row.YdPosition, row.TodayPosition) for row in positions] == [("rb2105", 2, 0)]
            assert [line for line in state_of(again) if "accounts" in line] == [
                line for line in before if "accounts" in line
            ]
            (settled,) = settlements(path)
            assert (settled.trading_day, settled.next_day) == ("20210104", day)
            assert late.rows("ReqQrySettlementInfo", BrokerID="9999", InvestorID="alice", TradingDay="20210104")
        finally:
            late.api.Release()


def test_a_roll_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address) as trader:
        trader.fill("rb2105", 4310.0, 2)
        counter(address).settle()
        day = counter(address).trading_day
    os.rename(tmp_path / "a.db", tmp_path / "a.db.new")  # the step between the two renamings
    with trading(address) as trader:
        assert trader.login_field.TradingDay == day


MONDAY_NS = 1_795_420_800_000_000_000  # 2026-11-23 16:00:00 Beijing time


def test_7x24_that_was_down_at_four_rolls_when_it_opens(tmp_path: Path) -> None:
    address = f"tts://7x24?id=down&speed=0.001&fills=full&db={tmp_path / 'a.db'}"
    backend = registry.acquire(parse(address), ManualClock(MONDAY_NS))
    trader = Trader(address).start()
    trader.rest("TEST", 100.0)
    assert trader.login_field.TradingDay == "20261123"
    trader.api.Release()
    registry.release(backend)
    backend = registry.acquire(parse(address), ManualClock(MONDAY_NS + 86_400_000_000_000))
    try:
        trader = Trader(address).login()
        assert trader.login_field.TradingDay == "20261124"
        assert trader.rows("ReqQryOrder") == []
        trader.api.Release()
        assert [one.trading_day for one in settlements(str(tmp_path / "a.db"))] == ["20261123"]
    finally:
        registry.release(backend)


# ------------------------------------------------------------------ which file
def test_the_default_file_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path / "home"))
    assert config_of(parse("tts://7x24?db=default")).db == str(tmp_path / "home" / "7x24.db")
    assert config_of(parse("tts://sim?id=a b/c&db=default")).db == str(tmp_path / "home" / "sim-a_b_c.db")
    assert config_of(parse("tts://7x24")).db == ""
    address = f"tts://replay?id=home&db=default&data={tmp_path / 'day_20210104.csv'}"
    address_of(tmp_path)
    with looking(address):
        assert (tmp_path / "home" / "replay-home.db").is_file(), "its folder is made"


def test_counters_with_different_files_are_different_counters(tmp_path: Path) -> None:
    one = address_of(tmp_path, f"&db={tmp_path / 'one.db'}")
    other = one.replace("one.db", "other.db")
    with trading(one) as trader, trading(other) as second:
        trader.fill()
        assert len(trader.rows("ReqQryTrade")) == 1 and second.rows("ReqQryTrade") == []


# ------------------------------------------------------------------ what goes wrong
def refused(address: str) -> str:
    """Why a counter cannot be opened, in one line."""
    with pytest.raises((LogError, ValueError, FileNotFoundError)) as failure:
        registry.release(registry.acquire(parse(address), ManualClock(MONDAY_NS)))
    text = str(failure.value)
    assert "\n" not in text
    return text


def test_two_counters_cannot_share_a_log(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address):
        assert "in use by another counter" in refused(address_of(tmp_path, f"&db={tmp_path / 'a.db'}"))
        script = (
            "import sys; from ctp2.tts.store import Store\n"
            "try:\n    Store(sys.argv[1], 'normal')\nexcept Exception as error:\n    print(error)\n"
        )
        run = [sys.executable, "-c", script, str(tmp_path / "a.db")]
        said = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True).stdout
        assert "in use by another counter" in said


def test_a_log_of_another_environment_or_day_is_refused(tmp_path: Path) -> None:
    address = stored(tmp_path)
    with trading(address):
        pass
    path = tmp_path / "a.db"
    assert "of tts://replay, not of tts://7x24" in refused(f"tts://7x24?id=x&db={path}")
    assert "trading day 20210104" in refused(
        address_of(
            tmp_path, f"&db={path}", day=(tmp_path / "day_20210104.csv").read_text().replace("20210104", "20210105")
        )
    )


def test_files_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no log\n" * 9)
    assert "is a folder" in refused(address_of(tmp_path, f"&db={tmp_path / 'folder'}"))
    assert "does not exist" in refused(address_of(tmp_path, f"&db={tmp_path / 'none' / 'a.db'}"))
    assert "is not a log" in refused(address_of(tmp_path, f"&db={tmp_path / 'text'}"))
    if os.geteuid():
        (tmp_path / "text").chmod(0o400)
        assert "no permission" in refused(address_of(tmp_path, f"&db={tmp_path / 'text'}"))


def test_damage_in_the_middle_is_refused_and_a_torn_end_is_cut_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    address = stored(tmp_path)
    with trading(address) as trader:
        busy(trader, address)
    path = tmp_path / "a.db"
    whole = path.read_bytes()
    reader = LogReader(str(path))
    frames = list(reader.frames())
    reader.close()
    middle = whole.index(frames[len(frames) // 2])
    path.write_bytes(whole[:middle] + b"\xff" + whole[middle + 1 :])
    assert "is damaged at byte" in refused(address_of(tmp_path, f"&db={path}"))
    path.write_bytes(whole[:-3])
    with caplog.at_level(logging.WARNING), trading(address):
        assert "cut off" in caplog.text and "never acknowledged" in caplog.text


def test_when_the_log_cannot_be_written_nothing_more_is_acknowledged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = stored(tmp_path)
    with trading(address) as trader:
        trader.fill()
        told = len(trader.private())
        rows = len(trader.rows("ReqQryOrder"))

        def full(self: Any, data: bytes) -> None:
            raise OSError(28, "No space left on device")

        with caplog.at_level(logging.ERROR):
            monkeypatch.setattr("ctp2.tts.logfile.LogWriter._write", full)
            trader.insert()
            trader.spi.wait_for("OnFrontDisconnected")
            monkeypatch.undo()
        assert len(trader.private()) == told
        assert "the disk is full" in caplog.text and "the counter stops" in caplog.text
        assert trader.api.ReqOrderInsert(trader.order(), 99) == -1, "not connected"
        late = Trader(address, "bob")
        late.api.Init()
        backend: Any = running(parse(address))
        backend.counter.call(lambda: None)
        assert late.spi.calls == [], "nobody comes in any more"
        late.api.Release()
    with trading(address) as trader:
        assert len(trader.rows("ReqQryOrder")) == rows


def test_what_only_the_edge_refuses_is_told_again(tmp_path: Path) -> None:
    """A refused transfer, a refused cancel of a declaration: events that change nothing, and are in the log."""
    address = stored(tmp_path)
    with trading(address) as alice:
        alice.send("ReqFromBankToFutureByFuture", BrokerID="9999", AccountID="alice", TradeAmount=5.0)
        alice.spi.wait_for("OnErrRtnBankToFutureByFuture")
        alice.send("ReqExecOrderAction", BrokerID="9999", InvestorID="alice", ActionFlag="0", ExecOrderSysID="1")
        alice.spi.wait_for("OnErrRtnExecOrderAction")
        alice.rest()
        before = [(call.name, call.error_id) for call in alice.private()]
    with trading(address, resume=RESTART) as alice:
        alice.spi.wait_for(lambda _: len(alice.private()) >= len(before))
        assert [(call.name, call.error_id) for call in alice.private()] == before
