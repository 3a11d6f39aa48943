"""Logs that earlier versions wrote are still read: tests/data/log-1 is form 1, written by the version that began it.

``python -m tests.tts.test_golden_log FOLDER`` writes such files; a new form gets a folder of its own, old ones stay.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.tts import counter, snapshots
from ctp2.tts.codec import SCHEMA
from ctp2.tts.codec_table import NAMES
from ctp2.tts.logfile import Header, LogError, LogReader, LogWriter
from ctp2.tts.snapshot import FORM
from ctp2.tts.store import settlements
from tests.tts.programs import DAY, FIRST, Trader

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "log-1"
PASSWORD = "chang3d"


def address(folder: Path) -> str:
    """The counter of the golden files."""
    data, path = folder / "day_20210104.csv", folder / "golden.db"
    return f"tts://replay?id=golden&speed=0.001&fills=full&data={data}&db={path}"


def make(folder: Path) -> None:
    """A settled day and the one after, whose state is in the log and in a snapshot, with more of it behind that."""
    (folder / "day_20210104.csv").write_text(DAY, encoding="utf-8")
    place = address(folder)
    trader = Trader(place, "alice").start()
    counter(place).step(FIRST)
    trader.fill("rb2105", 4310.0, 2)  # at the ask, 4301
    counter(place).settle()
    trader.spi.wait_for("OnFrontConnected", count=2)
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    change = {"BrokerID": "9999", "UserID": "alice", "OldPassword": "secret", "NewPassword": PASSWORD}
    assert trader.ask("ReqUserPasswordUpdate", **change)[0].error_id == 0
    trader.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
    counter(place).deposit("alice", 500)
    snapshots.AT_CLOSE = 1  # type: ignore[misc]
    trader.api.Release()
    snapshots.AT_CLOSE = 1_000_000  # type: ignore[misc]
    trader = Trader(place, "alice").connect()
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password=PASSWORD)
    counter(place).deposit("alice", 70)
    trader.api.Release()
    (folder / "golden.db.lock").unlink()


@pytest.mark.parametrize("with_snapshot", [True, False])
def test_form_1_is_read(tmp_path: Path, with_snapshot: bool, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "golden"
    shutil.copytree(GOLDEN, folder)
    if not with_snapshot:
        (folder / "golden.db.snapshot").unlink()
    place = address(folder)
    (settled,) = settlements(str(folder / "golden.db"))
    assert (settled.trading_day, settled.next_day) == ("20210104", "20210105")
    trader = Trader(place, "alice").connect()
    try:
        login = trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password=PASSWORD)[0]
        assert (login.error_id, login.field.TradingDay, login.field.SessionID) == (0, "20210105", 4)
        (account,) = trader.rows("ReqQryTradingAccount", BrokerID="9999", InvestorID="alice")
        (bought,) = settled.accounts[0].trades
        assert (bought.volume, str(bought.price), bought.turnover) == (2, "4301", 2 * 10 * 4301 * 1_000_000)
        # PreBalance of the second day: 10,000,000 less the fee, and two lots of 10 t from 4301 to the settlement price.
        mark = settled.accounts[0].details[0].settlement
        assert account.PreBalance == pytest.approx(10_000_000 - bought.fee / 1e6 + 20 * float(mark - 4301))
        assert (account.Deposit, account.Balance) == (570, account.PreBalance + 570)
        (position,) = trader.rows("ReqQryInvestorPosition", BrokerID="9999", InvestorID="alice")
        assert (position.InstrumentID, position.YdPosition, position.Position) == ("rb2105", 2, 2)
        if with_snapshot:
            assert "read from its beginning" not in caplog.text
    finally:
        trader.api.Release()


def test_every_kind_of_form_1_still_has_its_number() -> None:
    reader = LogReader(str(GOLDEN / "golden.db"))
    try:
        assert reader.header.schema == SCHEMA == 1 and FORM == 1
        assert {number: NAMES.get(number) for number in reader.header.kinds} == reader.header.kinds
    finally:
        reader.close()


@pytest.mark.parametrize(("schema", "says"), [(SCHEMA + 1, "a newer ctp2"), (0, "an older ctp2")])
def test_another_form_is_refused_with_what_wrote_it(tmp_path: Path, schema: int, says: str) -> None:
    path = tmp_path / "a.db"
    header = Header(
        schema=schema, writer="9.1", environment="replay", identity="x", trading_day="20210104", created_ns=1
    )
    writer = LogWriter.create(str(path), header, "normal")
    writer.publish()
    writer.close()
    with pytest.raises(LogError, match=rf"{says} \(9\.1, form {schema}"):
        registry.acquire(parse(f"tts://replay?id=other&db={path}"))


def test_a_later_versions_header_and_snapshot_may_hold_more() -> None:
    packed = msgspec.msgpack.encode(
        {
            **msgspec.to_builtins(
                Header(schema=1, writer="", environment="", identity="", trading_day="", created_ns=0)
            ),
            "more": [1],
        }
    )
    assert msgspec.msgpack.decode(packed, type=Header).schema == 1


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True)
    make(Path(sys.argv[1]))
