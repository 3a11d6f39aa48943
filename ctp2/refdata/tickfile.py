"""One recorded file as columns: reading, converting and completing it. ``ticks`` joins files into days.

Cells are converted as they are read, each different text of a column once; a broken one is a ``TickFileError`` with
file, line and column (docs/decisions/0020).
"""

from __future__ import annotations

import csv
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any

from ctp2.refdata.calendar import NS_PER_SECOND, to_date
from ctp2.refdata.dialects import to_ctp
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.models import Instrument
from ctp2.refdata.partitions import partition_day
from ctp2.refdata.table import DataError, read_text
from ctp2.refdata.tradingday import NIGHT_EXCHANGES, night_trading_day

#: CTP's sign of an absent price.
DBL_MAX = sys.float_info.max
NS_PER_DAY = 86_400 * NS_PER_SECOND

#: Finds an instrument by code, exchange (``''`` when the file has none) and trading day.
InstrumentFinder = Callable[[str, str, str], Instrument | None]

_MANDATORY = ("InstrumentID", "UpdateTime", "LastPrice")
#: Where a night session is held a time of day after 17:00 is of the evening before the trading day.
_NIGHT_FROM_NS = 17 * 3600 * NS_PER_SECOND
_CHUNK_LINES = 512


class TickFileError(DataError):
    """A replay file that cannot be used; the text names file, line and column where there is one."""


# -------------------------------------------------------------------------------------------------- cells to values


def _price(text: str) -> float:
    return _number(text) if text else DBL_MAX


def _amount(text: str) -> float:
    return _number(text) if text else 0.0


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not -DBL_MAX <= value <= DBL_MAX:
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _volume(text: str) -> int:
    if not text:
        return 0
    try:
        number = int(text)
    except ValueError:
        value = _number(text)  # '3.0' is how data-frame libraries write an integer column with gaps
        if not value.is_integer():
            raise ValueError(f"{text!r} is not a whole number") from None
        number = int(value)
    if number < 0:
        raise ValueError(f"{text!r} is negative")
    return number


def _millisec(text: str) -> int:
    value = _volume(text)
    if value > 999:
        raise ValueError(f"{text!r} is not within 0..999")
    return value


def _clock_time(text: str) -> int:
    """``HH:MM:SS`` as ns after midnight."""
    digits = text.replace(":", "")
    if len(text) != 8 or text[2] != ":" or text[5] != ":" or len(digits) != 6 or not digits.isdecimal():
        raise ValueError(f"{text!r} is not a time (HH:MM:SS)")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 23 or minutes > 59 or seconds > 60:
        raise ValueError(f"{text!r} is not a time of day")
    return (hours * 3600 + minutes * 60 + seconds) * NS_PER_SECOND


def _day(text: str) -> str:
    if text:
        try:
            to_date(text)
        except DataError:
            raise ValueError(f"{text!r} is not a day (YYYYMMDD)") from None
    return sys.intern(text)


def _code(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return sys.intern(text)


class _Column(dict[str, Any]):
    """The values of one column, with each different text converted once: ``self[text]`` is its value."""

    __slots__ = ("add", "convert", "direct", "is_direct", "name", "output")

    def __init__(self, name: str, convert: Callable[[str], Any], output: array[Any] | list[Any]) -> None:
        super().__init__()
        self.name = name
        self.convert = convert
        self.direct = _DIRECT.get(name)
        self.is_direct = False  # some cells did not go through the cache
        self.output = output
        # fromlist is three times as fast as extend, which asks every value for its type.
        self.add: Callable[[list[Any]], object] = output.fromlist if isinstance(output, array) else output.extend

    def __missing__(self, text: str) -> Any:
        value = self[text] = self.convert(text.strip())
        return value


#: Names of the record → (attribute of Tick, converter, array code; '' for objects).
_FIELDS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "TradingDay": ("trading_day", _day, ""),
    "InstrumentID": ("code", _code, ""),
    "ExchangeID": ("exchange", sys.intern, ""),
    "ExchangeInstID": ("exchange_code", sys.intern, ""),
    "UpdateTime": ("time_ns", _clock_time, "q"),
    "UpdateMillisec": ("millisec", _millisec, "q"),
    "ActionDay": ("action_day", _day, ""),
    "LastPrice": ("last", _price, "d"),
    "PreSettlementPrice": ("pre_settlement", _price, "d"),
    "PreClosePrice": ("pre_close", _price, "d"),
    "PreOpenInterest": ("pre_open_interest", _amount, "d"),
    "OpenPrice": ("open", _price, "d"),
    "HighestPrice": ("high", _price, "d"),
    "LowestPrice": ("low", _price, "d"),
    "Volume": ("volume", _volume, "q"),
    "Turnover": ("turnover", _amount, "d"),
    "OpenInterest": ("open_interest", _amount, "d"),
    "ClosePrice": ("close", _price, "d"),
    "SettlementPrice": ("settlement", _price, "d"),
    "UpperLimitPrice": ("upper_limit", _price, "d"),
    "LowerLimitPrice": ("lower_limit", _price, "d"),
    "PreDelta": ("pre_delta", _price, "d"),
    "CurrDelta": ("curr_delta", _price, "d"),
    "AveragePrice": ("average_price", _amount, "d"),
}
for _level in "12345":
    _FIELDS[f"BidPrice{_level}"] = (f"bid{_level}", _price, "d")
    _FIELDS[f"BidVolume{_level}"] = (f"bid_volume{_level}", _volume, "q")
    _FIELDS[f"AskPrice{_level}"] = (f"ask{_level}", _price, "d")
    _FIELDS[f"AskVolume{_level}"] = (f"ask_volume{_level}", _volume, "q")

#: Columns whose values hardly repeat.
_DIRECT: dict[str, type[int] | type[float]] = {
    "Volume": int,
    "Turnover": float,
    "OpenInterest": float,
    "AveragePrice": float,
}

#: The arguments of Tick in order; each is a column of a block.
_ARGUMENTS = (
    *("instrument", "time_ns", "time_of_day", "millisec", "action_day", "listed_on", "exchange_code"),
    *("last", "pre_settlement", "pre_close", "pre_open_interest", "open", "high", "low", "volume", "turnover"),
    *("open_interest", "close", "settlement", "upper_limit", "lower_limit", "pre_delta", "curr_delta", "average_price"),
    *(f"{side}{level}" for level in "12345" for side in ("bid", "bid_volume", "ask", "ask_volume")),
)
_POSITION = {name: index for index, name in enumerate(_ARGUMENTS)}


# ----------------------------------------------------------------------------------------------------------- columns


class Block:
    """The rows of one file as columns; a column with one value for all rows is kept as that value."""

    __slots__ = ("columns", "constants", "ignored", "lines", "path", "rows", "template", "varying")

    def __init__(self, path: Path, ignored: list[str]) -> None:
        self.path = path
        self.ignored = ignored
        self.rows = 0
        self.lines: Sequence[int] | None = None  # line of each row where it is not row + 2
        self.constants: dict[str, Any] = {}
        self.columns: dict[str, Any] = {}
        self.template: list[Any] = []
        self.varying: list[tuple[int, Any]] = []

    def error(self, row: int, column: str, text: str) -> TickFileError:
        """A complaint about one row (the header is line 1)."""
        line = row + 2 if self.lines is None else self.lines[row]
        return TickFileError(f"{self.path}:{line}: {column}: {text}")

    def set_column(self, name: str, values: Any) -> None:
        """Store a column, as a constant when it is one."""
        self.constants.pop(name, None)
        self.columns.pop(name, None)
        first = values[0] if len(values) else None
        if len(values) and values.count(first) == len(values):
            self.constants[name] = first
        else:
            self.columns[name] = values

    def set_constant(self, name: str, value: Any) -> None:
        """Store one value for all rows."""
        self.columns.pop(name, None)
        self.constants[name] = value

    def column(self, name: str) -> Iterable[Any]:
        """All values of a column, row by row."""
        if name in self.constants:
            return repeat(self.constants[name], self.rows)
        values: Iterable[Any] = self.columns[name]
        return values

    def freeze(self) -> None:
        """Prepare ``arguments``: the constants in place, the varying columns by position."""
        self.template = [self.constants.get(name) for name in _ARGUMENTS]
        self.varying = [(_POSITION[name], self.columns[name]) for name in _ARGUMENTS if name in self.columns]

    def arguments(self, row: int) -> list[Any]:
        """The arguments of Tick for one row."""
        values = self.template[:]
        for position, column in self.varying:
            values[position] = column[row]
        return values


def _read_block(path: Path) -> Block:
    names, chunks = to_ctp(*(_parquet_chunks(path) if path.suffix == ".parquet" else _csv_chunks(path)))
    missing = [name for name in _MANDATORY if name not in names]
    if missing:
        raise TickFileError(
            f"{path}:1: missing column {', '.join(missing)} "
            "(CTP's names, vn.py's or WonderTrader's; a header line is required)"
        )
    if len(set(names)) != len(names):
        raise TickFileError(f"{path}:1: a column is there twice")
    block = Block(path, [name for name in names if name not in _FIELDS])
    readers = [_column_for(name) if name in _FIELDS else None for name in names]
    times: dict[str, str] = {}
    time_texts: list[str] = []
    time_at = names.index("UpdateTime")
    for chunk in chunks:
        _convert_chunk(block, readers, chunk)
        cells = chunk[time_at]
        time_texts.extend(map(times.setdefault, cells, cells))
        block.rows += len(cells)
    if block.rows == 0:
        raise TickFileError(f"{path}: no rows after the header")
    _store(block, [reader for reader in readers if reader is not None], time_texts)
    return block


def _column_for(name: str) -> _Column:
    _, convert, code = _FIELDS[name]
    return _Column(name, convert, array(code) if code else [])


def _convert_chunk(block: Block, readers: list[_Column | None], chunk: Sequence[Sequence[str]]) -> None:
    for reader, cells in zip(readers, chunk, strict=True):
        if reader is None:
            continue
        try:
            # Most columns do not change for a while: convert once what a whole chunk repeats.
            if cells[0] == cells[-1] and cells.count(cells[0]) == len(cells):
                reader.add([reader[cells[0]]] * len(cells))
            elif reader.direct is None or not _extend_direct(reader, cells):
                reader.add(list(map(reader.__getitem__, cells)))
        except (ValueError, OverflowError) as error:
            raise _locate(block, reader, cells, error) from None


def _extend_direct(reader: _Column, cells: Sequence[str]) -> bool:
    """Convert cells that hardly repeat without the cache; False, and nothing done, when one of them is special."""
    assert reader.direct is not None
    try:
        values = list(map(reader.direct, cells))
    except ValueError:
        return False
    if not -DBL_MAX <= sum(values) <= DBL_MAX:  # NaN or infinity, or several DBL_MAX
        return False
    if reader.direct is int and min(values) < 0:
        return False
    reader.add(values)
    reader.is_direct = True
    return True


def _locate(block: Block, reader: _Column, cells: Sequence[str], error: Exception) -> TickFileError:
    """The error of the first cell of a chunk that does not convert."""
    for row, text in enumerate(cells, block.rows):
        try:
            reader.convert(text.strip())
        except ValueError as found:
            return block.error(row, reader.name, str(found))
    return block.error(block.rows, reader.name, str(error))


def _store(block: Block, readers: list[_Column], time_texts: list[str]) -> None:
    """Move the columns into the block and fill in the columns that the file does not have."""
    for reader in readers:
        attribute = _FIELDS[reader.name][0]
        if len(reader) == 1 and not reader.is_direct:
            block.set_constant(attribute, reader.output[0])
        else:
            block.set_column(attribute, reader.output)
        reader.clear()
    block.set_column("time_of_day", time_texts)
    for attribute, convert, _ in _FIELDS.values():
        if attribute not in block.columns and attribute not in block.constants:
            block.set_constant(attribute, convert(""))
    block.set_column("time_ns", _times_of_rows(block))


def _times_of_rows(block: Block) -> array[int]:
    """Clock time plus milliseconds, ns after midnight."""
    millis = block.column("millisec")
    return array("q", (clock + ms * 1_000_000 for clock, ms in zip(block.column("time_ns"), millis, strict=True)))


def _csv_chunks(path: Path) -> tuple[list[str], Iterator[Sequence[Sequence[str]]]]:
    """Header and the rows in transposed chunks: the texts of a whole file are never held at once."""
    try:
        text = read_text(path)
    except TickFileError:
        raise
    except DataError as error:
        raise TickFileError(str(error)) from None
    lines = text.splitlines()
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise TickFileError(f"{path}: empty file")
    chunks = _quoted_chunks(path, lines) if '"' in text else _plain_chunks(path, lines)
    names = [name.strip() for name in next(csv.reader(lines[:1]))]
    return names, chunks


def _plain_chunks(path: Path, lines: list[str]) -> Iterator[Sequence[Sequence[str]]]:
    """Split many lines at once and take each column as a stride: no list per line, a third of the time."""
    commas = lines[0].count(",")
    width = commas + 1
    for start in range(1, len(lines), _CHUNK_LINES):
        chunk = lines[start : start + _CHUNK_LINES]
        for number, line in enumerate(chunk, start + 1):
            if line.count(",") != commas:
                raise _wrong_width(path, number, line.count(",") + 1, width)
        cells = ",".join(chunk).split(",")
        yield [cells[index::width] for index in range(width)]


def _quoted_chunks(path: Path, lines: list[str]) -> Iterator[Sequence[Sequence[str]]]:
    header, *body = csv.reader(lines)
    for number, cells in enumerate(body, 2):
        if len(cells) != len(header):
            raise _wrong_width(path, number, len(cells), len(header))
    if body:
        yield list(zip(*body, strict=True))


def _wrong_width(path: Path, line: int, found: int, width: int) -> TickFileError:
    return TickFileError(f"{path}:{line}: {found} cells, the header has {width}")


def _parquet_chunks(path: Path) -> tuple[list[str], Iterator[Sequence[Sequence[str]]]]:
    try:
        import pyarrow.parquet as parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise TickFileError(f"{path}: reading Parquet needs the package pyarrow: pip install 'ctp2[parquet]'") from None
    try:
        table = parquet.read_table(path)
    except Exception as error:  # pyarrow raises a family of its own besides OSError
        raise TickFileError(f"{path}: cannot be read: {error}") from None
    columns = [[_cell_text(value) for value in table.column(name).to_pylist()] for name in table.column_names]
    return list(table.column_names), iter([columns] if columns and columns[0] else [])


def _cell_text(value: object) -> str:
    """A typed cell as CSV would hold it; a missing value or NaN is empty."""
    return "" if value is None or value != value else str(value)


# ------------------------------------------------------------------------------------------------------- completing


def read_blocks(path: Path, instrument_of: InstrumentFinder | None) -> list[Block]:
    """A file as one block per trading day, with what its rows leave open filled in."""
    whole = _read_block(path)
    _fill_days(whole)
    day = partition_day(path)
    if day:
        whole.set_constant("trading_day", day)
    else:
        _mend_natural_nights(whole, instrument_of)
    blocks = _split_by_day(whole)
    for block in blocks:
        _complete(block, instrument_of)
    return blocks


def _split_by_day(block: Block) -> list[Block]:
    """The block itself when all its rows are of one trading day, else one block per day."""
    if "trading_day" in block.constants:
        return [block]
    rows_of: dict[str, list[int]] = {}
    for row, day in enumerate(block.columns["trading_day"]):
        rows_of.setdefault(day, []).append(row)
    return [_part(block, rows) for rows in rows_of.values()]


def _part(block: Block, rows: list[int]) -> Block:
    part = Block(block.path, block.ignored)
    part.rows = len(rows)
    part.lines = [row + 2 for row in rows]
    part.constants = dict(block.constants)
    for name, values in block.columns.items():
        picked = [values[row] for row in rows]
        part.set_column(name, array(values.typecode, picked) if isinstance(values, array) else picked)
    return part


def _complete(block: Block, instrument_of: InstrumentFinder | None) -> None:
    """Fill what the rows of one day leave open: exchange, place in the night, limits."""
    found = _instruments_of_block(block, instrument_of)
    _fill_exchange(block, found)
    _shift_evenings(block)
    if instrument_of is not None:
        _fill_limits(block, found)


def _fill_days(block: Block) -> None:
    """An empty trading day is the action day, an empty action day the trading day; a row with neither is an error."""
    trading, action = list(block.column("trading_day")), list(block.column("action_day"))
    for row, (first, second) in enumerate(zip(trading, action, strict=True)):
        if not first:
            if not second:
                raise block.error(row, "TradingDay", "is empty and there is no ActionDay")
            trading[row] = second
        elif not second:
            action[row] = first
    block.set_column("trading_day", trading)
    block.set_column("action_day", action)


def _mend_natural_nights(block: Block, instrument_of: InstrumentFinder | None) -> None:
    """CZCE's night records carry the natural day as TradingDay (ctp-semantics 9.3): give them their trading day.

    CZCE sends the last night record again in the morning, with the dates rolled: an evening row that day rows of the
    same date follow is that one, and its date is right.
    """
    times = list(block.column("time_ns"))
    if max(times) < _NIGHT_FROM_NS:
        return
    trading, action = list(block.column("trading_day")), list(block.column("action_day"))
    rows = list(zip(times, trading, action, _keys(block), strict=True))
    is_czce: dict[_Key, bool] = {}
    seen: set[tuple[_Key, str]] = set()
    for row in range(len(rows) - 1, -1, -1):
        time, day, natural, key = rows[row]
        if time < _NIGHT_FROM_NS:
            seen.add((key, day))
        elif day == natural and (key, day) not in seen and _is_of(key, day, is_czce, instrument_of):
            trading[row] = night_trading_day(day, time // NS_PER_SECOND)
    block.set_column("trading_day", trading)


def _is_of(key: _Key, day: str, known: dict[_Key, bool], instrument_of: InstrumentFinder | None) -> bool:
    found = known.get(key)
    if found is None:
        made = instrument_of(*key, day) if instrument_of is not None and not key[1] else None
        found = known[key] = (key[1] or (made.exchange if made is not None else "")) == "CZCE"
    return found


_Key = tuple[str, str]  # code, exchange as in the file


def _keys(block: Block) -> Iterator[_Key]:
    return zip(block.column("code"), block.column("exchange"), strict=True)


def _instruments_of_block(block: Block, instrument_of: InstrumentFinder | None) -> dict[_Key, Instrument | None]:
    day = block.constants["trading_day"]
    keys = dict.fromkeys(_keys(block))
    return {key: instrument_of(*key, day) if instrument_of is not None else None for key in keys}


def _fill_exchange(block: Block, found: dict[_Key, Instrument | None]) -> None:
    """The official API leaves ExchangeID empty: take the instrument's."""
    known = {key: key[1] or (made.exchange if made is not None else "") for key, made in found.items()}
    block.set_column("listed_on", [known[key] for key in _keys(block)])


def _shift_evenings(block: Block) -> None:
    """Put the evening before the trading day in front of it: by time where nights are held, else by the action day."""
    day = block.constants["trading_day"]
    rows = zip(block.column("time_ns"), block.column("listed_on"), block.column("action_day"), strict=True)
    times = [time - NS_PER_DAY if _is_evening(time, exchange, day, on) else time for time, exchange, on in rows]
    block.set_column("time_ns", array("q", times))


def _is_evening(time_ns: int, exchange: str, trading_day: str, action_day: str) -> bool:
    if exchange in NIGHT_EXCHANGES:
        return time_ns >= _NIGHT_FROM_NS
    return action_day < trading_day


def _fill_limits(block: Block, found: dict[_Key, Instrument | None]) -> None:
    """Derive the limits of rows that have none."""
    upper, lower = (block.column(name) for name in ("upper_limit", "lower_limit"))
    if not any(_has_absent(block, name) for name in ("upper_limit", "lower_limit")):
        return
    known: dict[tuple[_Key, float, float], tuple[float, float]] = {}
    ups, downs = array("d"), array("d")
    rows = zip(_keys(block), block.column("pre_settlement"), block.column("pre_close"), upper, lower, strict=True)
    for key, settlement, close, high, low in rows:
        if high == DBL_MAX or low == DBL_MAX:
            limits = known.get((key, settlement, close))
            if limits is None:
                limits = known[key, settlement, close] = _derived_limits(found[key], settlement, close)
            high = limits[0] if high == DBL_MAX else high
            low = limits[1] if low == DBL_MAX else low
        ups.append(high)
        downs.append(low)
    block.set_column("upper_limit", ups)
    block.set_column("lower_limit", downs)


def _has_absent(block: Block, name: str) -> bool:
    return bool(block.constants[name] == DBL_MAX if name in block.constants else DBL_MAX in block.columns[name])


def _derived_limits(instrument: Instrument | None, pre_settlement: float, pre_close: float) -> tuple[float, float]:
    if instrument is None:
        return DBL_MAX, DBL_MAX
    upper, lower = daily_limits(instrument, _exact(pre_settlement), _exact(pre_close))
    return DBL_MAX if upper is None else float(upper), DBL_MAX if lower is None else float(lower)


def _exact(price: float) -> Decimal | None:
    """The decimal that the text of the file had; None for an absent price."""
    return None if price == DBL_MAX else Decimal(repr(price))
