"""A counter's log in trouble: full disks, snapshots of another past, rolls that meet both, files by other names."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctp2.core.address import parse
from ctp2.core.errors import OpenFailed
from ctp2.tts import counter, recovering
from ctp2.tts.backend import running
from ctp2.tts.codec_table import ENTRIES
from ctp2.tts.logfile import LogWriter
from ctp2.tts.state import _EVOLVE
from tests.tts.programs import Trader, address_of
from tests.tts.sessions import session_counter
from tests.tts.test_combinations import DAY as COMBINED
from tests.tts.test_combinations import act, is_action
from tests.tts.test_journal import busy, crashed, looking, refused, same, state_of, stored, trading
from tests.tts.test_logfile import PAYLOADS, header, read
from tests.tts.test_quotes import is_quote, quote_fields
from tests.tts.test_sim import recorded


def full(self: Any, data: bytes) -> None:
    """Instead of a write: the disk has no room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ------------------------------------------------------------------ when nothing can be written
def test_sim_cuts_its_clients_off_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock cannot be paused by hand; the disconnection must not depend on that."""
    with session_counter(tmp_path, "2026-01-12 10:00:00", recorded("rb2605"), f"&db={tmp_path / 'sim.db'}") as sim:
        trader = sim.trader()
        sim.watcher("rb2605")
        sim.show("2026-01-12 09:00:01")
        before = len(trader.spi.calls)
        monkeypatch.setattr(LogWriter, "_write", full)
        trader.insert("rb2605", 2995.0)
        trader.spi.wait_for("OnFrontDisconnected", after=before)
        assert [call.name for call in trader.spi.calls[before:]] == ["OnFrontDisconnected"]


def test_a_control_says_that_nothing_was_done_when_it_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = stored(tmp_path)
    with trading(address) as trader:
        control = counter(address)
        monkeypatch.setattr(LogWriter, "_write", full)
        with pytest.raises(OpenFailed, match="the counter has stopped"):
            control.deposit(trader.user, 1000)
        monkeypatch.undo()
        with pytest.raises(OpenFailed, match="the counter has stopped"):
            control.deposit(trader.user, 1000)
        with pytest.raises(OpenFailed, match="the counter has stopped"):
            control.settle()
    with trading(address) as trader:
        (account,) = trader.rows("ReqQryTradingAccount", BrokerID="9999", InvestorID=trader.user)
        assert account.Deposit == 0


def test_a_roll_that_cannot_be_written_leaves_the_day_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt meets a full disk, the second one room: one settlement, nothing left over."""
    address = stored(tmp_path)
    with trading(address) as trader:
        trader.fill()
        with monkeypatch.context() as patch:
            patch.setattr(LogWriter, "create", classmethod(lambda *_: full(None, b"")))
            with pytest.raises((OSError, OpenFailed)):
                counter(address).settle()
        before = len(trader.spi.calls)
        counter(address).settle()
        trader.spi.wait_for("OnFrontConnected", after=before)
        after = [line for line in state_of(address) if not line.startswith(("market", "public"))]
        left = crashed(tmp_path)
    assert sorted(file.name for file in tmp_path.glob("a.db*")) == ["a.db", "a.db.20210104", "a.db.lock"]
    again = address_of(tmp_path, f"&db={left}")
    with looking(again):
        same([line for line in state_of(again) if not line.startswith(("market", "public"))], after)


def test_a_folder_that_went_away_does_not_keep_a_counter_from_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ctp2.tts.snapshots.AT_CLOSE", 1)
    folder = tmp_path / "went"
    folder.mkdir()
    with trading(address_of(tmp_path, f"&db={folder / 'a.db'}")) as trader:
        trader.fill()
        shutil.rmtree(folder)
    assert "its folder does not exist" in caplog.text
    assert "closing a backend failed" not in caplog.text


# ------------------------------------------------------------------ snapshots of another past
def test_a_snapshot_newer_than_its_log_is_not_taken_up_when_the_log_has_grown_past_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup put back without removing the snapshot: first the log is shorter than that, later it is not."""
    address = stored(tmp_path)
    with trading(address) as trader:
        trader.fill()
    backup = (tmp_path / "a.db").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("ctp2.tts.snapshots.AT_CLOSE", 1)
        with trading(address) as trader:
            trader.fill("IF2101", 5240.0)
    assert (tmp_path / "a.db.snapshot").exists()
    (tmp_path / "a.db").write_bytes(backup)
    with trading(address) as trader:
        for _ in range(6):
            trader.fill("m2105", 3410.0)
        before = state_of(address)
        left = crashed(tmp_path)
    again = address_of(tmp_path, f"&db={left}")
    with looking(again):
        same(state_of(again), before)


def test_a_snapshot_of_the_same_log_with_another_end_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two futures of one backup: the snapshot of one beside the log of the other, which is longer."""
    monkeypatch.setattr("ctp2.tts.snapshots.AT_CLOSE", 1)
    address = stored(tmp_path)
    with trading(address) as trader:
        trader.fill()
    backup = (tmp_path / "a.db").read_bytes()
    with trading(address) as trader:
        trader.fill("IF2101", 5240.0)
    snapshot = (tmp_path / "a.db.snapshot").read_bytes()
    (tmp_path / "a.db").write_bytes(backup)
    with trading(address) as trader:
        for _ in range(6):
            trader.fill("m2105", 3410.0)
        before = state_of(address)
    (tmp_path / "a.db.snapshot").write_bytes(snapshot)
    with looking(address):
        assert "the log is read from its beginning" in caplog.text
        same(state_of(address), before)


def test_a_process_for_a_snapshot_that_comes_late_writes_none_of_the_next_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was begun for a commit of yesterday and finds today's file: there no encoder begins at that commit."""
    address = stored(tmp_path)
    with trading(address) as trader:
        busy(trader, address)
        backend: Any = running(parse(address))
        begun: list[list[str]] = []
        backend.journal.apart._run = lambda *given: begun.append([*map(str, given)])
        backend.counter.call(backend.journal._snapshot_apart)
        backend.journal.apart.wait()
        counter(address).settle()
        trader.spi.wait_for("OnFrontConnected", count=2)
        trader.ask("ReqUserLogin", BrokerID="9999", UserID=trader.user, Password="secret")
        for _ in range(3):
            counter(address).deposit(trader.user, 1)
        path = str(tmp_path / "a.db")
        monkeypatch.setattr(sys, "argv", ["", "", path, *begun[0]])
        monkeypatch.setattr(os, "nice", lambda _: 0)
        with contextlib.suppress(SystemExit):
            recovering.write_apart()
        assert not (tmp_path / "a.db.snapshot").exists()


# ------------------------------------------------------------------ the file itself
def test_a_write_that_the_system_cuts_in_pieces_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may take less than it was given (a signal, a network file system): the rest follows."""
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data[: len(data) // 2 + 1])))
    writer = LogWriter.create(str(tmp_path / "a.db"), header(), "normal")
    writer.publish()
    for payload in PAYLOADS:
        writer.append(payload)
    writer.close()
    assert read(tmp_path / "a.db") == (PAYLOADS, 0)


def test_a_new_days_file_is_on_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a power cut leaves a day without the settlement that it begins with."""
    done: list[str] = []

    def noted(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            done.append(name)
            return real(*given)

        return call

    for name in ("fsync", "fdatasync", "replace", "write"):
        if hasattr(os, name):
            monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    writer = LogWriter.create(str(tmp_path / "a.db"), header(), "normal")
    writer.append(b"the settlement")
    writer.publish()
    writer.close()
    before = done[: done.index("replace")]
    assert any(name.endswith("sync") for name in before[len(before) - before[::-1].index("write") :]), done


def test_a_log_by_two_names_is_one_log(tmp_path: Path) -> None:
    """A link to the file: the lock is that of the file, and a roll leaves the link as it is."""
    address = stored(tmp_path)
    link = tmp_path / "link.db"
    with trading(address):
        link.symlink_to(tmp_path / "a.db")
        assert "in use by another counter" in refused(address_of(tmp_path, f"&db={link}"))
    linked = address_of(tmp_path, f"&db={link}")
    with trading(linked) as trader:
        counter(linked).settle()
        trader.spi.wait_for("OnFrontConnected", count=2)
    assert link.is_symlink() and (tmp_path / "a.db.20210104").exists()


# ------------------------------------------------------------------ everything that a log can hold
def test_every_kind_of_event_can_be_applied() -> None:
    """An event that the log holds and the state does not know makes a log that never opens again."""
    assert set(ENTRIES) <= set(_EVOLVE)


def test_refusals_of_the_edge_do_not_keep_a_log_from_opening(tmp_path: Path) -> None:
    """OnErrRtn of requests that no event of the engine stands for: a bank transfer, an exercise of no option."""
    options = "&bank=on"
    address = stored(tmp_path, options)
    with trading(address) as trader:
        money = {"BankID": "1", "BankBranchID": "0000", "Password": "wrong", "TradeAmount": 1.0, "CurrencyID": "CNY"}
        trader.send("ReqFromBankToFutureByFuture", BrokerID="9999", AccountID=trader.user, **money)
        trader.spi.wait_for("OnErrRtnBankToFutureByFuture")
        names = {"BrokerID": "9999", "InvestorID": trader.user, "ExchangeID": "SHFE", "InstrumentID": "rb2105"}
        trader.send("ReqExecOrderInsert", **names, Volume=1, ActionType="1", PosiDirection="2", HedgeFlag="1")
        trader.spi.wait_for("OnErrRtnExecOrderInsert")
        before = state_of(address)
        left = crashed(tmp_path)
    again = address_of(tmp_path, f"&db={left}{options}")
    with looking(again):
        same(state_of(again), before)


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_a_combination_made_by_its_name_is_there_again(
    tmp_path: Path, with_snapshot: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody lists it: the action named it first, and the log names it only."""
    monkeypatch.setattr("ctp2.tts.snapshots.AT_CLOSE", 1 if with_snapshot else 1_000_000)
    address = address_of(tmp_path, f"&db={tmp_path / 'a.db'}", day=COMBINED)
    trader = Trader(address).start()
    counter(address).step(2)
    trader.fill("m2105", 3400.0, 2, Direction="0")
    trader.fill("m2109", 3500.0, 2, Direction="1", ExchangeID="DCE")
    act(trader)
    trader.spi.wait_for(is_action("b"))
    before = state_of(address)
    trader.api.Release()
    assert (tmp_path / "a.db.snapshot").exists() == with_snapshot
    with looking(address):
        same(state_of(address), before)


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_an_account_that_was_reset_does_not_get_its_orders_back(
    tmp_path: Path, with_snapshot: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctp2.tts.snapshots.AT_CLOSE", 1 if with_snapshot else 1_000_000)
    address = stored(tmp_path)
    with trading(address) as trader:
        busy(trader, address)
        counter(address).reset(trader.user)
        assert trader.rows("ReqQryOrder") == [], "and the returns of the cancelled ones have come"
        kept = trader.rest("rb2105", 4270.0)
        orders = [row.OrderSysID for row in trader.rows("ReqQryOrder")]
        assert orders == [kept.OrderSysID]
    with trading(address) as trader:
        assert [row.OrderSysID for row in trader.rows("ReqQryOrder")] == orders


def test_both_legs_of_a_quote_work_on_one_row_as_they_do_in_the_log(tmp_path: Path) -> None:
    """Without checks one leg may open the row that the other closes, when there is none yet."""
    options = "&checks=off"
    address = stored(tmp_path, options)
    with trading(address) as trader:
        trader.send("ReqQuoteInsert", **quote_fields(AskOffsetFlag="1"))
        trader.spi.wait_for(is_quote("3"))
        before = state_of(address)
        left = crashed(tmp_path)
    again = address_of(tmp_path, f"&db={left}{options}")
    with looking(again):
        same(state_of(again), before)
