"""Rows of market data as parts of a minute, so that a killed writer loses nothing that it was given.

A row is first a line of a journal, written with one call to the system before the next row is taken: killing the
process loses no complete line (a power cut may lose what the system had not put on disk). Closing a part turns the
journal into a Parquet or CSV file, under a temporary name until it is complete. A journal that is found at the next
start belongs to a writer that died: its last line may be torn and is cut off, the rest becomes a part.
"""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from ctp2.core.errors import Ctp2Error
from ctp2.core.filelock import lock_file
from ctp2.ctp import structs
from ctp2.refdata.partitions import (
    EXCHANGE,
    FORMAT,
    FORMAT_KEY,
    HEADER_FILE,
    JOURNAL_SUFFIX,
    check_format,
    day_folders,
    folder_of,
    part_number,
)
from ctp2.refdata.table import DataError
from ctp2.refdata.tickfile import DBL_MAX

RECEIVE_TIME: Final = "ReceiveTime"
"""UTC nanoseconds at which the record came in."""

#: Field of CTP's record → its kind in the struct ('d' double, 'i' integer, a number for text).
_KINDS: Final = dict(pair.split(":") for pair in structs.FIELDS["CThostFtdcDepthMarketDataField"].split())
#: The union of all versions' fields; the reserved ones repeat InstrumentID and ExchangeInstID in an old length.
FIELDS: Final = tuple(name for name in _KINDS if not name.startswith("reserve"))
COLUMNS: Final = (*FIELDS, RECEIVE_TIME)
FLOATS: Final = frozenset(name for name in FIELDS if _KINDS[name] == "d")
INTEGERS: Final = frozenset(name for name in FIELDS if _KINDS[name] == "i") | {RECEIVE_TIME}
_VALUES: Final[Callable[[Any], tuple[Any, ...]]] = attrgetter(*FIELDS)
_SPECIAL: Final = frozenset(',"\r\n')
_LOCK_FILE: Final = ".lock"


class RecordingFailed(Ctp2Error):
    """A recording that cannot go on: the disk, the folder, or another writer; one line."""


class Recovered(NamedTuple):
    """What was made of a journal that a dead writer left."""

    path: Path  # the part, or the journal where nothing was in it
    rows: int
    lost_bytes: int  # of the torn last line


def has_parquet() -> bool:
    """Whether the extra ``ctp2[record]`` is installed."""
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def line_of(record: Any, receive_ns: int) -> str:
    """A record as a line of CSV: an absent price is empty, numbers are exact."""
    cells = [_cell(value) for value in _VALUES(record)]
    cells.append(str(receive_ns))
    return ",".join(cells)


def _cell(value: Any) -> str:
    if value == DBL_MAX:
        return ""
    text = str(value)
    if _SPECIAL.isdisjoint(text):
        return text
    return '"' + text.replace("\r", " ").replace("\n", " ").replace('"', '""') + '"'


class _Open(NamedTuple):
    """A part that is being written."""

    descriptor: int
    journal: Path


class PartWriter:
    """Writes rows below a folder; ``close_parts`` ends the minute. Any thread may write, one at a time.

    Opening takes the folder for this process, writes its header and recovers what a dead writer left (``recovered``).

    Raises:
        RecordingFailed: another process writes there, another format is there, or the folder cannot be written.
    """

    def __init__(self, root: Path, is_parquet: bool | None = None) -> None:
        self.root = root
        self.is_parquet = has_parquet() if is_parquet is None else is_parquet
        self.rows = 0
        self.parts = 0
        self._open: dict[tuple[str, str], _Open] = {}
        self._guard = threading.Lock()
        self._is_closed = False
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(root)
        except OSError as error:
            raise RecordingFailed(f"{root}: {error.strerror or error}") from None
        try:
            check_format(root)
            header = {"format": FORMAT, "columns": COLUMNS}
            (root / HEADER_FILE).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
            self.recovered = [self._recover(journal) for journal in _journals(root)]
        except (OSError, DataError) as error:
            self._lock.close()
            raise RecordingFailed(f"{root}: {error}") from None

    def write(self, record: Any, exchange: str, trading_day: str, receive_ns: int) -> None:
        """Add a row to the open part of its exchange and day.

        Raises:
            RecordingFailed: it could not be written whole (disk full); what came before is safe.
        """
        line = (line_of(record, receive_ns) + "\n").encode("utf-8")
        key = exchange, trading_day
        with self._guard:
            if self._is_closed:
                return
            try:
                part = self._open.get(key)
                if part is None:
                    part = self._open[key] = self._begin(key)
                if os.write(part.descriptor, line) != len(line):
                    raise OSError("no space left for a whole row")
            except OSError as error:
                raise RecordingFailed(f"{self.root}: {error}") from None
            self.rows += 1

    def close_parts(self) -> list[Path]:
        """End all open parts; rows that come meanwhile begin the next ones.

        Raises:
            RecordingFailed: a part could not be made; its journal stays and is recovered at the next start.
        """
        with self._guard:
            ended, self._open = list(self._open.values()), {}
        made: list[Path] = []
        try:
            for part in ended:
                os.fsync(part.descriptor)
                os.close(part.descriptor)
            for part in ended:
                made.append(self._finished(part.journal).path)
        except OSError as error:
            raise RecordingFailed(f"{self.root}: {error}") from None
        self.parts += len(made)
        return made

    def close(self) -> None:
        """End all parts and give the folder back; harmless when repeated."""
        with self._guard:
            was_closed, self._is_closed = self._is_closed, True
        if not was_closed:
            try:
                self.close_parts()
            finally:
                self._lock.close()

    def _begin(self, key: tuple[str, str]) -> _Open:
        folder = folder_of(self.root, *key)
        folder.mkdir(parents=True, exist_ok=True)
        number = max((part_number(item.name) for item in folder.iterdir()), default=0) + 1
        journal = folder / f"part-{number:05d}{JOURNAL_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(journal, flags, 0o644)
        os.write(descriptor, (",".join(COLUMNS) + "\n").encode())
        return _Open(descriptor, journal)

    # ------------------------------------------------------------------ journals become parts
    def _recover(self, journal: Path) -> Recovered:
        """A dead writer's journal: cut the torn line off, make a part of the rest."""
        for suffix in (".parquet", ".csv"):
            done = journal.with_suffix(suffix)
            if done.exists():  # it died between finishing the part and removing the journal
                journal.unlink()
                return Recovered(done, 0, 0)
        raw = journal.read_bytes()
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            os.truncate(journal, whole)
        return self._finished(journal)._replace(lost_bytes=len(raw) - whole)

    def _finished(self, journal: Path) -> Recovered:
        header, *lines = list(csv.reader(journal.read_text(encoding="utf-8").splitlines())) or [[]]
        if not lines:
            journal.unlink()
            return Recovered(journal, 0, 0)
        if not self.is_parquet:
            part = journal.with_suffix(".csv")
            os.replace(journal, part)
        else:
            part = journal.with_suffix(".parquet")
            scratch = part.with_name(part.name + ".tmp")
            write_parquet(scratch, header, lines)
            os.replace(scratch, part)
            journal.unlink()
        return Recovered(part, len(lines), 0)


def write_parquet(path: Path, names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Lines of CSV as a Parquet file: typed columns, absent prices null, the format number in the metadata."""
    import pyarrow
    import pyarrow.parquet as parquet

    columns = list(zip(*lines, strict=True))
    arrays = [_array(pyarrow, name, cells) for name, cells in zip(names, columns, strict=True)]
    table = pyarrow.table(arrays, names=list(names)).replace_schema_metadata({FORMAT_KEY: str(FORMAT)})
    with path.open("wb") as file:
        parquet.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())


def _array(pyarrow: Any, name: str, cells: Sequence[str]) -> Any:
    if name in FLOATS:
        return pyarrow.array([float(cell) if cell else None for cell in cells], pyarrow.float64())
    if name in INTEGERS:
        return pyarrow.array([int(cell) if cell else None for cell in cells], pyarrow.int64())
    return pyarrow.array(list(cells), pyarrow.string())


def _journals(root: Path) -> list[Path]:
    folders = day_folders(root) if any(item.name.startswith(EXCHANGE) for item in root.iterdir()) else []
    return [item for folder in folders for item in sorted(folder.iterdir()) if item.suffix == JOURNAL_SUFFIX]


def _locked(root: Path) -> BinaryIO:
    descriptor = os.open(root / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(descriptor, "r+b")
    if not lock_file(file):
        file.close()
        raise OSError("another process records here; give another folder")
    return file
