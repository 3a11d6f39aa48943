"""Recorded days: real files, the order of rows, derived limits, and what is refused."""

from __future__ import annotations

import gzip
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from ctp2.refdata.ticks import DBL_MAX, NS_PER_DAY, TickDay, TickFileError, TickInstrument, read_day, read_days
from tests.shared_data import shared

HOUR = 3600 * 10**9
HEADER = "TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,Volume,UpdateTime,UpdateMillisec,ActionDay"


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


# ---------------------------------------------------------------------------------------------------- real files

REAL = [
    ("cffex_IF2101_20210104.csv.gz", 27955),
    ("sse_30stocks_20211201_am.csv.gz", 32972),
    ("sse_600519_20230201.csv.gz", 5109),
    ("sse_688293_20230323.csv.gz", 2386),
    ("shfe_au1812_20180914_partial.csv.gz", 3475),
    ("shfe_cu1909_20190916_l5_tail.csv.gz", 200),
    ("szse_127080_20230619.csv.gz", 4830),
    ("us_IBM_20131008.csv.gz", 14351),
    ("cme_ESH4_20231226_open_utc.csv.gz", 4728),
]


@pytest.mark.parametrize(("name", "rows"), REAL)
def test_real_files(name: str, rows: int) -> None:
    folder = shared("data/ticks")
    entry = next(
        item for item in json.loads((folder / "index.json").read_text("utf-8"))["files"] if item["file"] == name
    )
    day = read_day(folder / name)
    assert len(day) == rows == entry["rows"]
    assert day.trading_day == entry["trading_day"]
    assert sorted(item.code for item in day.instruments) == entry["instruments"]
    assert day.tick(0).time_of_day == entry["first_time"]
    assert day.tick(rows - 1).time_of_day == entry["last_time"]
    assert list(day.times) == sorted(day.times)


def test_a_row_of_the_future() -> None:
    tick = read_day(shared("data/ticks/cffex_IF2101_20210104.csv.gz")).tick(0)
    assert (tick.time_of_day, tick.millisec, tick.action_day, tick.exchange) == ("09:29:00", 400, "20210104", "CFFEX")
    assert tick.time_ns == 9 * HOUR + 29 * 60 * 10**9 + 400_000_000
    assert (tick.last, tick.volume, tick.turnover, tick.open_interest) == (5230.0, 240, 376560000.0, 90767.0)
    assert (tick.bid1, tick.bid_volume1, tick.ask1, tick.ask_volume1) == (5230.0, 1, 5230.8, 2)
    assert (tick.bid2, tick.bid_volume2, tick.settlement, tick.pre_delta) == (DBL_MAX, 0, DBL_MAX, DBL_MAX)
    assert (tick.upper_limit, tick.lower_limit, tick.average_price) == (5737.8, 4694.6, 1569000.0)


def test_the_night_comes_before_the_day() -> None:
    day = read_day(shared("data/ticks/shfe_au1812_20180914_partial.csv.gz"))
    first, last = day.tick(0), day.tick(len(day) - 1)
    assert (first.time_of_day, first.action_day) == ("18:32:02", "20180913")
    assert first.time_ns < 0
    assert (last.time_of_day, last.action_day) == ("09:23:57", "20180914")


def test_limits_left_empty_are_derived() -> None:
    path = shared("data/ticks/sse_600519_20230207.csv.gz")
    tick = read_day(path).tick(2000)
    assert (tick.upper_limit, tick.lower_limit) == (1974.5, 1615.5)
    tick = read_day(path, instrument_of=None).tick(2000)
    assert (tick.upper_limit, tick.lower_limit) == (DBL_MAX, DBL_MAX)


def test_derived_limits_of_star_stocks_are_those_of_the_board() -> None:
    day = read_day(shared("data/ticks/sse_30stocks_20211201_am.csv.gz"))
    star = [day.first_tick(number) for number, item in enumerate(day.instruments) if item.code.startswith("688")]
    assert len(star) == 4
    for tick in star:
        assert tick.upper_limit == pytest.approx(tick.pre_close * 1.2, abs=0.00501)


def test_new_york_has_no_limits() -> None:
    tick = read_day(shared("data/ticks/us_IBM_20131008.csv.gz")).tick(5000)
    assert (tick.upper_limit, tick.lower_limit) == (DBL_MAX, DBL_MAX)


def test_a_folder_with_other_files_names_the_one_it_cannot_read() -> None:
    with pytest.raises(TickFileError, match=r"ctp_raw_rows\.csv:2: SettlementPrice: 'N/A' is not a number"):
        read_days(shared("data/ticks/ctp_raw_rows.csv"))


# ---------------------------------------------------------------------------------------------------- the sample


def test_sample() -> None:
    day = read_day("sample")
    assert len(day) == 27955 + 5146 + 2386
    assert day.trading_day == "20210104"
    assert set(day.instruments) == {
        TickInstrument("CFFEX", "IF2101"),
        TickInstrument("SSE", "600519"),
        TickInstrument("SSE", "688293"),
    }
    assert {tick.action_day for tick in day} == {"20210104"}
    assert list(day.times) == sorted(day.times)
    assert all(tick.upper_limit != DBL_MAX for tick in day)


def test_the_sample_is_read_once_and_stays_as_it_is() -> None:
    """Its rows are the same for all; what one user makes of the list, or of a tick, is his own."""
    days = read_days("sample")
    first = days[0].tick(0)
    first.last = 1.0
    days.clear()
    (day,) = read_days("sample")
    assert day is read_day("sample") is read_day("sample", day.trading_day)
    assert day.tick(0).last != 1.0
    assert day.rebased("20260105").trading_day == "20260105" != day.trading_day
    with pytest.raises(TickFileError, match="sample: no rows of trading day 20260105"):
        read_day("sample", "20260105")


def test_sample_under_current_codes() -> None:
    day = read_day("sample")
    current = day.rebased("20261123", codes={TickInstrument("CFFEX", "IF2101"): "IF2612"})
    assert TickInstrument("CFFEX", "IF2612") in current.instruments
    assert TickInstrument("CFFEX", "IF2101") in day.instruments
    assert (current.trading_day, current.tick(20000).action_day) == ("20261123", "20261123")
    assert (day.trading_day, day.tick(20000).action_day) == ("20210104", "20210104")


# ----------------------------------------------------------------------------------------------------- small files


def test_any_order_and_subset_of_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", "09:30:00,IF2101,20210104,5200", header="UpdateTime,InstrumentID,ActionDay,LastPrice"
    )
    day = read_day(path)
    tick = day.tick(0)
    assert (day.trading_day, day.instruments) == ("20210104", [TickInstrument("CFFEX", "IF2101")])
    assert (tick.last, tick.volume, tick.millisec, tick.exchange, tick.upper_limit) == (5200.0, 0, 0, "CFFEX", DBL_MAX)


def test_files_merge_by_time_and_keep_order_of_equal_times(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", "20210104,B,XX,2,,0,09:30:00,0,20210104", "20210104,B,XX,3,,0,09:30:01,0,20210104")
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write(f"{HEADER}\n20210104,A,XX,1,,0,09:30:00,0,20210104\n20210104,A,XX,4,,0,09:30:00,500,20210104\n")
    (tmp_path / "notes.txt").write_text("not a replay file")
    day = read_day(tmp_path)
    assert [tick.last for tick in day] == [1.0, 2.0, 4.0, 3.0]
    assert [day.instruments[tick.instrument].code for tick in day] == ["A", "B", "A", "B"]
    assert list(day.owners) == [0, 1, 0, 1]


def test_night_rows(tmp_path: Path) -> None:
    """Evening, after midnight, day; DCE puts the trading day into ActionDay at night, so the time decides."""
    path = write(
        tmp_path / "a.csv",
        "20261123,m2701,DCE,3,3000,0,09:00:00,0,20261123",
        "20261123,ag2612,SHFE,1,8000,0,20:59:00,500,20261120",
        "20261123,m2701,DCE,2,3000,0,21:00:00,0,20261123",
        "20261123,ag2612,SHFE,2,8000,0,01:00:00,0,20261121",
    )
    day = read_day(path)
    assert [(tick.time_of_day, tick.last) for tick in day] == [
        ("20:59:00", 1.0),
        ("21:00:00", 2.0),
        ("01:00:00", 2.0),
        ("09:00:00", 3.0),
    ]
    assert day.times[0] == 20 * HOUR + 59 * 60 * 10**9 + 500_000_000 - NS_PER_DAY
    moved = day.rebased("20261130", evening="20261127")
    assert [tick.action_day for tick in moved] == ["20261127", "20261130", "20261128", "20261130"]


def test_several_days(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "20210105,IF2101,CFFEX,2,,5,09:30:00,0,20210105",
        "20210104,IF2101,CFFEX,1,,9,09:30:00,0,20210104",
    )
    assert [day.trading_day for day in read_days(path)] == ["20210104", "20210105"]
    assert read_day(path, "20210105").tick(0).last == 2.0
    with pytest.raises(TickFileError, match=r"holds 2 trading days \(20210104, 20210105\); choose one"):
        read_day(path)
    with pytest.raises(TickFileError, match="no rows of trading day 20210106"):
        read_day(path, "20210106")


def test_quotes_marks_blanks_and_foreign_columns(tmp_path: Path) -> None:
    header = "TradingDay,InstrumentID,LastPrice,Volume,UpdateTime,Note"
    path = tmp_path / "a.csv"
    path.write_bytes(f'\ufeff{header}\r\n20210104,IF2101, 5200 ,3.0,09:30:00,"a, b"\r\n'.encode())
    day = read_day(path)
    assert (day.tick(0).last, day.tick(0).volume, day.ignored_columns) == (5200.0, 3, ["Note"])


def test_dbl_max_in_text_is_absent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "20210104,A,XX,1.7976931348623157e+308,,0,09:30:00,0,20210104")
    assert read_day(path).tick(0).last == DBL_MAX


def test_negative_prices_are_legal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "20210104,MINUS,SHFE,-37.63,-37.63,0,09:30:00,0,20210104")
    assert read_day(path).tick(0).last == -37.63


# ---------------------------------------------------------------------------------------------------- bad files

GOOD = "20210104,IF2101,CFFEX,5200,5200,1,09:30:00,0,20210104"
BAD_ROWS = [
    ("20210104,IF2101,CFFEX,52x0,5200,1,09:30:00,0,20210104", r"a\.csv:3: LastPrice: '52x0' is not a number"),
    ("20210104,IF2101,CFFEX,nan,5200,1,09:30:00,0,20210104", r"a\.csv:3: LastPrice: 'nan' is not a finite number"),
    ("20210104,IF2101,CFFEX,inf,5200,1,09:30:00,0,20210104", r"a\.csv:3: LastPrice: 'inf' is not a finite number"),
    ("20210104,IF2101,CFFEX,5200,5200,1.5,09:30:00,0,20210104", r"a\.csv:3: Volume: '1.5' is not a whole number"),
    ("20210104,IF2101,CFFEX,5200,5200,-1,09:30:00,0,20210104", r"a\.csv:3: Volume: '-1' is negative"),
    ("20210104,IF2101,CFFEX,5200,5200,x,09:30:00,0,20210104", r"a\.csv:3: Volume: 'x' is not a number"),
    (
        "20210104,IF2101,CFFEX,5200,5200,1,9:30:00,0,20210104",
        r"a\.csv:3: UpdateTime: '9:30:00' is not a time \(HH:MM:SS\)",
    ),
    ("20210104,IF2101,CFFEX,5200,5200,1,25:30:00,0,20210104", r"a\.csv:3: UpdateTime: '25:30:00' is not a time of day"),
    ("20210104,IF2101,CFFEX,5200,5200,1,,0,20210104", r"a\.csv:3: UpdateTime: '' is not a time"),
    (
        "20210104,IF2101,CFFEX,5200,5200,1,09:30:00,1000,20210104",
        r"a\.csv:3: UpdateMillisec: '1000' is not within 0..999",
    ),
    ("2021-01-04,IF2101,CFFEX,5200,5200,1,09:30:00,0,", r"a\.csv:3: TradingDay: '2021-01-04' is not a day"),
    (",IF2101,CFFEX,5200,5200,1,09:30:00,0,", r"a\.csv:3: TradingDay: is empty and there is no ActionDay"),
    ("20210104,,CFFEX,5200,5200,1,09:30:00,0,20210104", r"a\.csv:3: InstrumentID: is empty"),
    ("20210104,IF2101,CFFEX,5200", r"a\.csv:3: 4 cells, the header has 9"),
    (GOOD + ",1", r"a\.csv:3: 10 cells, the header has 9"),
    (
        "20210104,IF2101,CFFEX,5200,5200,0,09:30:01,0,20210104",
        r"a\.csv:3: Volume: IF2101 falls from 1 to 0 at 09:30:01",
    ),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
def test_bad_rows_name_file_and_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TickFileError, match=message):
        read_day(write(tmp_path / "a.csv", GOOD, row))


def test_the_line_is_right_far_down_a_file(tmp_path: Path) -> None:
    bad = GOOD.replace("5200", "oops", 1)
    with pytest.raises(TickFileError, match=r"a\.csv:1402: LastPrice: 'oops' is not a number"):
        read_day(write(tmp_path / "a.csv", *[GOOD] * 1400, bad, GOOD))


BAD_FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("none.csv", lambda path: None, r"none\.csv: no such file or folder"),
    ("a.csv", lambda path: path.write_text(""), r"a\.csv: empty file"),
    ("a.csv", lambda path: path.write_text(HEADER + "\n"), r"a\.csv: no rows after the header"),
    (
        "a.csv",
        lambda path: path.write_text(GOOD + "\n"),
        r"a\.csv:1: missing column InstrumentID, UpdateTime, LastPrice",
    ),
    (
        "a.csv",
        lambda path: path.write_text("InstrumentID,UpdateTime\nA,09:00:00\n"),
        r"a\.csv:1: missing column LastPrice",
    ),
    ("a.csv", lambda path: write(path, GOOD + ",1", header=HEADER + ",Volume"), r"a\.csv:1: a column is there twice"),
    ("a.csv", lambda path: path.write_bytes("合约".encode("gb18030")), r"a\.csv: not UTF-8 text"),
    ("a.csv.gz", lambda path: path.write_text(HEADER), r"a\.csv\.gz: cannot be read: Not a gzipped file"),
    ("a.csv.gz", lambda path: path.write_bytes(gzip.compress(b"x" * 999)[:20]), r"a\.csv\.gz: cannot be read: "),
    ("folder", lambda path: path.mkdir(), r"folder: no replay file in this folder \(\.csv, \.csv\.gz, \.parquet\)"),
]


@pytest.mark.parametrize(("name", "prepare", "message"), BAD_FILES)
def test_bad_files(tmp_path: Path, name: str, prepare: Callable[[Path], object], message: str) -> None:
    prepare(tmp_path / name)
    with pytest.raises(TickFileError, match=message):
        read_day(tmp_path / name)


# ------------------------------------------------------------------------------------------------------- parquet


class FakeTable:
    """What the reader asks of a pyarrow table."""

    def __init__(self, columns: dict[str, list[object]]) -> None:
        self.columns = columns
        self.column_names = list(columns)

    def column(self, name: str) -> types.SimpleNamespace:
        return types.SimpleNamespace(to_pylist=lambda: self.columns[name])


def with_pyarrow(monkeypatch: pytest.MonkeyPatch, read_table: Callable[[Path], FakeTable]) -> None:
    package, module = types.ModuleType("pyarrow"), types.ModuleType("pyarrow.parquet")
    monkeypatch.setattr(module, "read_table", read_table, raising=False)
    monkeypatch.setattr(package, "parquet", module, raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", package)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", module)


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(TickFileError, match=r"a\.parquet: reading Parquet needs the package pyarrow: pip install"):
        read_day(tmp_path / "a.parquet")


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns: dict[str, list[object]] = {
        "TradingDay": [20210104, 20210104],
        "InstrumentID": ["IF2101", "IF2101"],
        "UpdateTime": ["09:30:00", "09:30:01"],
        "LastPrice": [5200.2, None],
        "SettlementPrice": [float("nan"), 5201.0],
        "Volume": [1.0, 2.0],
    }
    with_pyarrow(monkeypatch, lambda path: FakeTable(columns))
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    day: TickDay = read_day(tmp_path / "a.parquet")
    assert [(tick.last, tick.settlement, tick.volume) for tick in day] == [(5200.2, DBL_MAX, 1), (DBL_MAX, 5201.0, 2)]


def test_broken_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> FakeTable:
        raise RuntimeError("magic bytes not found")

    with_pyarrow(monkeypatch, refuse)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(TickFileError, match=r"a\.parquet: cannot be read: magic bytes not found"):
        read_day(tmp_path / "a.parquet")
