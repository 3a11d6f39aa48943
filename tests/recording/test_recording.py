"""Recording through a real MdApi, parts by the minute, and what is left of a writer that was killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ctp2.core.clock import LiveClock
from ctp2.ctp import structs
from ctp2.recording.parts import COLUMNS, PartWriter, RecordingFailed, line_of
from ctp2.recording.recorder import Recorder, place_of
from ctp2.refdata.partitions import FORMAT, FORMAT_KEY, HEADER_FILE
from ctp2.refdata.recorded import Recording, recorded_days
from ctp2.refdata.ticks import DBL_MAX, Tick, TickFileError, read_day
from tests.tts.programs import address_of

COMMAND = [sys.executable, "-c", "from ctp2.cli import main; main()"]
BOTH = pytest.mark.parametrize("is_parquet", [True, False], ids=["parquet", "csv"])


def record_of(code: str = "rb2701", number: int = 0, **members: Any) -> Any:
    """A record of the futures front: no exchange, absent levels."""
    record = structs.CThostFtdcDepthMarketDataField(
        **{
            "TradingDay": "20261123",
            "ActionDay": "20261123",
            "InstrumentID": code,
            "UpdateTime": f"09:{number // 60 % 60:02d}:{number % 60:02d}",
            "UpdateMillisec": 500,
            "LastPrice": 3000.0 + number % 7,
            "Volume": 100 + number,
            "Turnover": 0.1 + number,
            **members,
        }
    )
    for name in ("ClosePrice", "SettlementPrice", "BidPrice2", "AskPrice2", "OpenPrice"):
        setattr(record, name, DBL_MAX)
    return record


def write(writer: PartWriter, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        writer.write(record_of(number=number), "SHFE", "20261123", 1_000_000_000 + number)


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("part-*"))


def recorded(address: str, folder: Path, codes: list[str], rows: int, is_parquet: bool) -> None:
    """Record a number of rows through an MdApi."""
    with_parts = PartWriter(folder, is_parquet)
    Recorder(address, codes, with_parts, LiveClock(), max_rows=rows).run()
    assert with_parts.rows == rows


# ------------------------------------------------------------------------------------------------- the round trip


@pytest.mark.parametrize(("is_parquet", "code"), [(True, "IF2101"), (False, "600519")])
def test_a_replayed_day_is_recorded_and_replayed_as_it_was(tmp_path: Path, is_parquet: bool, code: str) -> None:
    """The sample through a counter, an MdApi and the disk, and again from there: each row arrives with its values.

    A counter tells the state before the day first (one row more each time).
    """
    day = read_day("sample")
    sample = [tick for tick in day if day.instruments[tick.instrument].code == code]
    first, second = tmp_path / "first", tmp_path / "second"
    name = f"rec-{is_parquet}"
    recorded(f"tts://replay?speed=max&id={name}1", first, [code], len(sample) + 1, is_parquet)
    ours = read_day(first)
    assert comparable(list(ours)[1:]) == comparable(sample)
    recorded(f"tts://replay?speed=max&id={name}2&data={first}", second, [code], len(sample) + 2, is_parquet)
    again = read_day(second)
    assert comparable(list(again)[2:]) == comparable(sample)
    assert again.instruments == ours.instruments
    assert all(name.endswith(".parquet" if is_parquet else ".csv") for name in files(first))


def comparable(ticks: list[Tick]) -> list[tuple[Any, ...]]:
    """All values but the number of the instrument; before the first trade CTP shows the previous settlement."""
    names = [name for name in Tick.__slots__ if name not in ("instrument", "exchange")]
    rows = []
    for tick in ticks:
        if tick.last == DBL_MAX:
            tick.last = tick.pre_settlement
        rows.append(tuple(getattr(tick, name) for name in names))
    return rows


@BOTH
def test_a_part_holds_ctp_s_columns_and_the_time_of_receipt(tmp_path: Path, is_parquet: bool) -> None:
    writer = PartWriter(tmp_path, is_parquet)
    write(writer, 2)
    (part,) = writer.close_parts()
    writer.close()
    assert part.relative_to(tmp_path).parent.as_posix() == "exchange=SHFE/trading_day=20261123"
    assert json.loads((tmp_path / HEADER_FILE).read_text("utf-8"))["format"] == FORMAT == 1
    if is_parquet:
        import pyarrow.parquet as parquet

        table = parquet.ParquetFile(part)
        assert table.schema_arrow.metadata[FORMAT_KEY.encode()] == b"1"
        names, rows = table.schema_arrow.names, table.read().to_pylist()
        assert (rows[0]["LastPrice"], rows[0]["ClosePrice"], rows[1]["ReceiveTime"]) == (3000.0, None, 1_000_000_001)
    else:
        with part.open(encoding="utf-8", newline="") as file:
            cells = list(csv.DictReader(file))
        names = list(cells[0])
        assert (cells[0]["LastPrice"], cells[0]["ClosePrice"], cells[1]["ReceiveTime"]) == ("3000.0", "", "1000000001")
    assert tuple(names) == COLUMNS
    # The union of the versions: the 44 of every one, the price bands of 6.6.1, without the two old short codes.
    assert {"BandingUpperPrice", "ExchangeInstID", "ActionDay", "ReceiveTime"} <= set(names)
    assert len(names) == 47
    assert not [name for name in names if name.startswith("reserve")]


def test_each_minute_that_has_rows_is_a_part(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path, is_parquet=False)
    write(writer, 3)
    writer.write(record_of("IF2612"), "CFFEX", "20261123", 5)
    writer.close_parts()
    assert writer.close_parts() == []  # a minute without rows
    write(writer, 2, first=3)
    writer.close()
    assert files(tmp_path) == [
        "exchange=CFFEX/trading_day=20261123/part-00001.csv",
        "exchange=SHFE/trading_day=20261123/part-00001.csv",
        "exchange=SHFE/trading_day=20261123/part-00002.csv",
    ]
    again = PartWriter(tmp_path, is_parquet=False)  # the next start goes on counting
    write(again, 1, first=5)
    again.close()
    assert files(tmp_path)[-1].endswith("part-00003.csv")
    assert [tick.volume for tick in read_day(tmp_path) if tick.exchange_code == "" and tick.last < 4000] == [
        100,
        100,
        101,
        102,
        103,
        104,
        105,
    ]


def test_a_text_that_csv_could_misread(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path, is_parquet=False)
    writer.write(record_of('a,"b"\n'), "SHFE", "20261123", 1)
    (part,) = writer.close_parts()
    writer.close()
    with part.open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["InstrumentID"] == 'a,"b" '


# ----------------------------------------------------------------------------------------------------- dead writers


def abandoned(root: Path, rows: int) -> Path:
    """A journal as a killed writer leaves it."""
    writer = PartWriter(root, is_parquet=False)
    write(writer, rows)
    (journal,) = root.rglob("*.journal")
    os.close(next(iter(writer._open.values())).descriptor)
    writer._lock.close()
    return journal


@BOTH
def test_a_torn_line_is_cut_off_wherever_it_was_torn(tmp_path: Path, is_parquet: bool) -> None:
    """Cut at every byte of the last row: all rows before it are there, and it itself if it was whole."""
    raw = abandoned(tmp_path / "model", 4).read_bytes()
    start = raw[:-1].rfind(b"\n") + 1
    for size in range(start, len(raw) + 1):
        root = tmp_path / str(size)
        journal = abandoned(root, 4)
        journal.write_bytes(raw[:size])
        writer = PartWriter(root, is_parquet)
        (found,) = writer.recovered
        writer.close()
        expected = 4 if size == len(raw) else 3
        assert (found.rows, found.lost_bytes) == (expected, 0 if size == len(raw) else size - start)
        assert [tick.volume for tick in read_day(root)] == [100, 101, 102, 103][:expected]
        assert not list(root.rglob("*.journal"))


@pytest.mark.parametrize("content", [b"", b"TradingDay,Exch", ",".join(COLUMNS).encode() + b"\n"])
def test_a_journal_without_rows_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    abandoned(tmp_path, 1).write_bytes(content)
    writer = PartWriter(tmp_path, is_parquet=False)
    assert [item.rows for item in writer.recovered] == [0]
    writer.close()
    assert files(tmp_path) == []


def test_a_writer_that_died_between_finishing_a_part_and_removing_its_journal(tmp_path: Path) -> None:
    journal = abandoned(tmp_path, 3)
    raw = journal.read_bytes()
    PartWriter(tmp_path, is_parquet=True).close()
    journal.write_bytes(raw)
    writer = PartWriter(tmp_path, is_parquet=True)
    writer.close()
    assert files(tmp_path) == ["exchange=SHFE/trading_day=20261123/part-00001.parquet"]
    assert len(read_day(tmp_path)) == 3


CHILD = """
import sys
from pathlib import Path
from ctp2.recording.parts import PartWriter
from tests.recording.test_recording import record_of
writer = PartWriter(Path(sys.argv[1]), sys.argv[2] == "parquet")
for number in range(1000000):
    writer.write(record_of(number=number), "SHFE", "20261123", number)
    print(number, flush=True)
    if number % 50 == 49:
        writer.close_parts()
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_no_row_that_was_taken_is_lost_by_a_kill(tmp_path: Path, kind: str) -> None:
    """Killed at ten moments, each of them inside a part or while one is made; the next start has every row told of."""
    told = 0
    for round_number in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), kind],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        last = 0
        for line in process.stdout:
            last = int(line)
            if last >= 35 + 17 * round_number:
                break
        process.kill()
        last = max([last, *(int(line) for line in process.stdout if line.endswith("\n"))])
        process.wait()
        process.stdout.close()
        told += last + 1
    PartWriter(tmp_path, kind == "parquet").close()
    found = len(read_day_unchecked(tmp_path))
    assert told <= found <= told + 10, "a row may be on disk before its writer could say so"


def read_day_unchecked(root: Path) -> list[Tick]:
    from ctp2.refdata.ticks import read_days

    (day,) = read_days(root, is_checked=False)
    return list(day)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path)
    with pytest.raises(RecordingFailed, match="another process records here"):
        PartWriter(tmp_path)
    writer.close()
    PartWriter(tmp_path).close()


def test_a_full_disk_ends_the_recording_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = PartWriter(tmp_path, is_parquet=False)
    write(writer, 5)
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, line: real(descriptor, line[: len(line) // 2]))
        with pytest.raises(RecordingFailed, match="no space left"):
            write(writer, 1, first=5)
    (journal,) = tmp_path.rglob("*.journal")
    os.close(next(iter(writer._open.values())).descriptor)
    writer._lock.close()
    assert journal.exists()
    again = PartWriter(tmp_path, is_parquet=False)
    assert [item.rows for item in again.recovered] == [5]
    again.close()


def test_a_recording_of_another_format_is_refused(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path)
    write(writer, 1)
    writer.close()
    (tmp_path / HEADER_FILE).write_text('{"format": 2}', encoding="utf-8")
    with pytest.raises(TickFileError, match="format 2, this version of ctp2 reads 1: update ctp2"):
        read_day(tmp_path)
    with pytest.raises(RecordingFailed, match="update ctp2"):
        PartWriter(tmp_path)


def test_every_released_format_is_read() -> None:
    """The golden recording of format 1, Parquet and CSV."""
    day = read_day(Path(__file__).parents[1] / "data" / "recording-1")
    assert [(tick.time_of_day, tick.last, tick.volume, tick.bid2) for tick in day] == [
        ("09:00:00", 3000.0, 100, DBL_MAX),
        ("09:00:01", 3001.0, 101, DBL_MAX),
        ("09:00:02", 3002.0, 102, DBL_MAX),
    ]


# ------------------------------------------------------------------------------------------------- where a row goes

#: 2026-11-20 21:00:00 Beijing time, a Friday; 2026-11-23 08:56:00, the Monday.
EVENING_NS = 1_795_179_600 * 10**9
MORNING_NS = 1_795_395_360 * 10**9

PLACES = [
    # what, record, received → exchange and trading day
    ("SHFE night", ("rb2701", "20261123", "20261120", "21:00:00"), EVENING_NS, ("SHFE", "20261123")),
    ("DCE night", ("m2701", "20261123", "20261123", "21:00:00"), EVENING_NS, ("DCE", "20261123")),
    (
        "CZCE night carries the natural day",
        ("SR701", "20261120", "20261120", "21:00:00"),
        EVENING_NS,
        ("CZCE", "20261123"),
    ),
    ("CZCE tells it again", ("SR701", "20261123", "20261123", "22:59:59"), MORNING_NS, ("CZCE", "20261123")),
    ("CZCE by day", ("SR701", "20261123", "20261123", "09:00:00"), MORNING_NS, ("CZCE", "20261123")),
    ("no dates", ("rb2701", "", "", "09:00:00"), MORNING_NS, ("SHFE", "20261123")),
    ("nobody's code", ("XX1", "20261123", "20261123", "09:00:00"), MORNING_NS, ("", "20261123")),
]


@pytest.mark.parametrize(("what", "values", "now_ns", "expected"), PLACES, ids=[what for what, *_ in PLACES])
def test_place(what: str, values: tuple[str, str, str, str], now_ns: int, expected: tuple[str, str]) -> None:
    code, trading_day, action_day, time = values
    record = record_of(code, TradingDay=trading_day, ActionDay=action_day, UpdateTime=time)
    assert place_of(record, now_ns) == expected


def test_a_night_of_czce_is_read_as_its_trading_day(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path, is_parquet=False)
    night = record_of("SR701", TradingDay="20261120", ActionDay="20261120", UpdateTime="21:00:00")
    day = record_of("SR701", number=1)
    for record, now_ns in ((night, EVENING_NS), (day, MORNING_NS)):
        writer.write(record, *place_of(record, now_ns), now_ns)
    writer.close()
    found = read_day(tmp_path)
    assert found.trading_day == "20261123"
    assert [(tick.time_ns < 0, tick.volume) for tick in found] == [(True, 100), (False, 101)]


# -------------------------------------------------------------------------------------------------------- the days


def three_days(root: Path) -> Path:
    writer = PartWriter(root, is_parquet=False)
    for day in ("20261120", "20261123", "20261124"):
        writer.write(record_of(TradingDay=day, ActionDay=day), "SHFE", day, 1)
        writer.write(record_of("IF2612", TradingDay=day, ActionDay=day), "CFFEX", day, 2)
    writer.close()
    return root


RANGES = [
    ("", "", ["20261120", "20261123", "20261124"]),
    ("20261121", "", ["20261123", "20261124"]),
    ("2026-11-23", "2026-11-23", ["20261123"]),
    ("", "20261122", ["20261120"]),
]


@pytest.mark.parametrize(("first", "last", "expected"), RANGES)
def test_days_of_a_recording(tmp_path: Path, first: str, last: str, expected: list[str]) -> None:
    root = three_days(tmp_path)
    assert recorded_days(root, first, last) == expected
    recording = Recording(root, first, last)
    found = [recording.read(day) for day in recording.days]
    assert [day.trading_day for day in found] == expected
    assert all(sorted(item.code for item in day.instruments) == ["IF2612", "rb2701"] for day in found)


def test_days_of_plain_files_are_read_from_their_rows(tmp_path: Path) -> None:
    header = "TradingDay,InstrumentID,LastPrice,UpdateTime"
    (tmp_path / "b.csv").write_text(f"{header}\n20261124,rb2701,1,09:00:00\n20261120,rb2701,1,09:00:00\n", "utf-8")
    (tmp_path / "a.csv").write_text(f"{header}\n20261123,rb2701,1,09:00:00\n", "utf-8")
    assert recorded_days(tmp_path) == ["20261120", "20261123", "20261124"]
    recording = Recording(tmp_path, "20261121")
    assert recording.days == ["20261123", "20261124"]
    assert [recording.read(day).trading_day for day in recording.days] == recording.days


def test_days_of_one_file_are_read_together_and_again_when_asked(tmp_path: Path) -> None:
    header = "TradingDay,InstrumentID,ExchangeID,LastPrice,UpdateTime"
    rows = "".join(f"{day},rb2701,SHFE,1,09:00:00\n" for day in (20261123, 20261120, 20261124))
    (tmp_path / "all.csv").write_text(f"{header}\n{rows}", "utf-8")
    recording = Recording(tmp_path / "all.csv", last="20261123")
    assert recording.days == ["20261120", "20261123"]
    for _ in range(2):
        assert [recording.read(day).trading_day for day in recording.days] == recording.days
    assert recording.market == "CN"


REFUSED_RANGES = [
    ("20261201", "", r"no recorded day from 20261201 to …; it has 3 days, 20261120 to 20261124"),
    ("20261124", "20261120", "from=20261124 is after to=20261120"),
    ("tomorrow", "", "'tomorrow' is not a day"),
]


@pytest.mark.parametrize(("first", "last", "message"), REFUSED_RANGES)
def test_ranges_without_a_day(tmp_path: Path, first: str, last: str, message: str) -> None:
    with pytest.raises(TickFileError, match=message):
        recorded_days(three_days(tmp_path), first, last)


# -------------------------------------------------------------------------------------------------------- the verbs


def ctp2(*arguments: str) -> Any:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_record_then_replay_on_the_command_line(tmp_path: Path) -> None:
    """Eleven rows of a small day and the state before it of each of four instruments."""
    (tmp_path / "in").mkdir()
    address = address_of(tmp_path / "in").replace("speed=0.001", "speed=max")
    out = tmp_path / "out"
    codes = "IF2101,rb2105,m2105,TA105"
    done = ctp2("record", address, "--codes", codes, "--dir", str(out), "--rows", "15", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 15
    shown = ctp2("replay", str(out), "--json")
    report = json.loads(shown.stdout)
    assert shown.returncode == 0, shown.stdout
    assert report["days"] == ["20210104"]
    assert {item["code"]: item["rows"] for item in report["contents"]} == {
        "IF2101": 5,
        "TA105": 3,
        "m2105": 3,
        "rb2105": 4,
    }
    played = ctp2("replay", str(out), "--play", "--codes", "rb2105").stdout.splitlines()
    assert len(played) == 4
    assert "14:59:59" in played[-1]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_sigterm_closes_the_parts(tmp_path: Path) -> None:
    """The day stands after its first rows: one row per code, then the end by signal."""
    process = subprocess.Popen(
        [
            *COMMAND,
            "record",
            "tts://7x24?id=term",
            "--codes",
            "IF2612,600519",
            "--dir",
            str(tmp_path),
            "--format",
            "csv",
        ],
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "connected, 2 instruments subscribed" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "play them with tts://replay?data=" in output
    assert not list(tmp_path.rglob("*.journal"))


WRONG = [
    (["record", "tts://nowhere", "--codes", "IF2612"], 3, "no such environment"),
    (["record", "tts://7x24", "--codes", ","], 2, "no instruments given"),
    (["record", "tts://7x24", "--codes", "@missing.txt"], 3, "ctp2: missing.txt: No such file or directory"),
    (["record", "tts://7x24", "--codes", "IF2612", "--format", "xls"], 2, "unknown format xls"),
    (["record", "tts://7x24", "--codes", "IF2612", "--dir", __file__], 3, "test_recording.py: File exists"),
    (["replay", "missing"], 3, "missing: no such file or folder"),
    (["replay", "sample", "--from", "2030"], 2, "'2030' is not a day (YYYYMMDD)"),
    (["replay", "sample", "--from", "20300101"], 3, "no recorded day from 20300101"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), WRONG, ids=[message for _, _, message in WRONG])
def test_wrong_use_is_one_line_and_an_exit_code(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    """2 for what no file or front could make right, 3 for what is not there."""
    extra = ["--dir", str(tmp_path)] if arguments[0] == "record" and "--dir" not in arguments else []
    result = ctp2(*arguments, *extra)
    assert result.returncode == code, result.stdout
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


FAULTY = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,Volume,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,\
UpperLimitPrice,LowerLimitPrice
20261123,rb2701,SHFE,3000,10,09:00:00,0,2999,1,3001,1,3100,2900
20261123,rb2701,SHFE,3000,10,09:00:00,500,3001,1,3001,1,3100,2900
20261123,rb2701,SHFE,3000.5,12,09:00:01,0,2999,1,3001,1,3100,2900
20261123,rb2701,SHFE,3101,11,09:00:01,500,2999,1,3001,1,3100,2900
20261123,rb2701,SHFE,3001,20,10:20:00,0,2999,1,3001,1,3100,2900
20261123,rb2701,SHFE,3001,21,10:30:00,0,2999,1,3001,1,3100,2900
20261123,rb2701,SHFE,3001,22,10:30:00,500,2999,1,3001,1,3100,2900
"""


def test_faults_and_gaps_are_found(tmp_path: Path) -> None:
    """One row each: crossed, off the tick of 1, over the limit with a lower volume; 74:58.5 of silence up to the break.

    From 09:00:01.5 to the break at 10:15 are 74 minutes 58.5 seconds; the break itself is none.
    """
    path = tmp_path / "faulty.csv"
    path.write_text(FAULTY, encoding="utf-8")
    result = ctp2("replay", str(path), "--json")
    assert result.returncode == 1
    (found,) = json.loads(result.stdout)["contents"]
    assert {name: found[name] for name in ("falling_volume", "crossed", "off_tick", "outside_limits", "faults")} == {
        "falling_volume": 1,
        "crossed": 1,
        "off_tick": 1,
        "outside_limits": 1,
        "faults": 4,
    }
    assert found["gaps"] == [{"first": "09:00:01", "last": "10:20:00", "seconds": 4498.5}]


def test_a_line_is_exact() -> None:
    record = record_of(Turnover=0.1 + 0.2, LastPrice=1e-7)
    cells = dict(zip(COLUMNS, line_of(record, 7).split(","), strict=True))
    assert float(cells["Turnover"]) == 0.1 + 0.2
    assert float(cells["LastPrice"]) == 1e-7
    assert (cells["ClosePrice"], cells["BidVolume1"], cells["ReceiveTime"]) == ("", "0", "7")
