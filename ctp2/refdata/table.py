"""Reading CSV reference files: every complaint names file, line and column."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from pathlib import Path

#: The facts that are shipped with the package.
DATA_DIR = Path(__file__).with_name("data")


class DataError(ValueError):
    """A reference or replay file that cannot be used; the text names file, line and column where there is one."""


def read_text(path: Path) -> str:
    """The text of a file, gunzipped when its name ends in ``.gz``; ``DataError`` when it cannot be read."""
    try:
        raw = path.read_bytes()
        if path.name.endswith(".gz"):
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); convert the file to UTF-8") from None
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


class Row:
    """One line of a table; the getters convert and complain with file, line and column."""

    __slots__ = ("_cells", "_columns", "line", "path")

    def __init__(self, path: Path, line: int, columns: dict[str, int], cells: Sequence[str]) -> None:
        self.path = path
        self.line = line
        self._columns = columns
        self._cells = cells

    def error(self, column: str, text: str) -> DataError:
        """A complaint about one cell of this line."""
        return DataError(f"{self.path}:{self.line}: column {column}: {text}")

    def text(self, column: str) -> str:
        """The cell without surrounding blanks; ``''`` for an absent optional column."""
        index = self._columns.get(column)
        return "" if index is None else self._cells[index].strip()

    def integer(self, column: str, default: int = 0) -> int:
        """The cell as an integer; ``default`` when empty."""
        text = self.text(column)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise self.error(column, f"{text!r} is not an integer") from None

    def decimal(self, column: str) -> Decimal | None:
        """The cell as an exact decimal; None when empty. NaN and infinities are refused."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise self.error(column, f"{text!r} is not a number")
        return value

    def rate(self, column: str) -> Decimal:
        """The cell as a rate or fee: 0 when empty, never negative."""
        value = self.decimal(column)
        if value is None:
            return Decimal(0)
        if value < 0:
            raise self.error(column, f"{value} is negative")
        return value

    def tick(self, column: str) -> Decimal:
        """The cell as a price tick: required and positive."""
        value = self.decimal(column)
        if value is None or value <= 0:
            raise self.error(column, f"{self.text(column)!r} is not a positive price tick")
        return value

    def date(self, column: str) -> str:
        """The cell as ``YYYYMMDD`` (``YYYY-MM-DD`` is accepted); ``''`` when empty."""
        text = self.text(column).replace("-", "")
        if text and not (len(text) == 8 and text.isascii() and text.isdigit()):
            raise self.error(column, f"{self.text(column)!r} is not a date (YYYYMMDD)")
        return text


def cells(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """The given columns (at least two) of a CSV file without quotes, a tuple per line: for long files read at start."""
    header, *lines = [line.split(",") for line in read_text(path).splitlines() if line]
    missing = [name for name in columns if name not in header]
    if missing:
        raise DataError(f"{path}:1: missing column {', '.join(missing)}")
    for number, line in enumerate(lines, 2):
        if len(line) != len(header):
            raise DataError(f"{path}:{number}: {len(line)} cells, the header has {len(header)}")
    pick = itemgetter(*(header.index(name) for name in columns))
    return [pick(line) for line in lines]


def header_of(path: Path) -> list[str]:
    """The column names of a CSV file."""
    return [name.strip() for name in next(_read(path), (1, []))[1]]


def rows(path: Path, required: Sequence[str]) -> Iterator[Row]:
    """The lines of a CSV file in file order; ``DataError`` for a missing column or a line of the wrong width."""
    reader = _read(path)
    header = [name.strip() for name in next(reader, (1, []))[1]]
    columns = {name: index for index, name in enumerate(header)}
    missing = [name for name in required if name not in columns]
    if missing:
        raise DataError(f"{path}:1: missing column {', '.join(missing)}")
    for line, cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise DataError(f"{path}:{line}: {len(cells)} cells, the header has {len(header)}")
        yield Row(path, line, columns, cells)


def _read(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of a CSV file; ``DataError`` for what the csv module cannot read."""
    reader = csv.reader(read_text(path).splitlines())
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: {error}") from None
