"""How a recording lies on disk: ``exchange=…/trading_day=…/part-N``, and the format number beside it.

``recording.json`` at the top says which format the parts have. The same major number is read, columns that are not
known are ignored; another one is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from ctp2.refdata.table import DataError

FORMAT: Final = 1
HEADER_FILE: Final = "recording.json"
FORMAT_KEY: Final = "ctp2.format"
"""The same number in the metadata of a Parquet part."""
EXCHANGE: Final = "exchange="
TRADING_DAY: Final = "trading_day="
UNKNOWN_EXCHANGE: Final = "unknown"
JOURNAL_SUFFIX: Final = ".journal"
"""A part that is still written, or was when its writer died: lines as in a CSV part."""
_PART = re.compile(r"part-([0-9]+)\.(?:parquet|csv|journal)")


def folder_of(root: Path, exchange: str, trading_day: str) -> Path:
    """The folder of an exchange's trading day."""
    return root / f"{EXCHANGE}{exchange or UNKNOWN_EXCHANGE}" / f"{TRADING_DAY}{trading_day}"


def part_number(name: str) -> int:
    """The number of a part or journal by its file name; 0 for any other file."""
    found = _PART.fullmatch(name)
    return int(found[1]) if found else 0


def is_partitioned(folder: Path) -> bool:
    """Whether a folder holds partitions instead of files."""
    return any(item.is_dir() and item.name.startswith((EXCHANGE, TRADING_DAY)) for item in folder.iterdir())


def partition_day(path: Path) -> str:
    """The trading day that a file's folder names; ``''`` if it names none."""
    name = path.parent.name
    return name.removeprefix(TRADING_DAY) if name.startswith(TRADING_DAY) else ""


def day_folders(folder: Path) -> list[Path]:
    """The folders of single trading days below a folder, oldest first, exchanges in order of name."""
    if folder.name.startswith(TRADING_DAY):
        return [folder]
    days: list[Path] = []
    for item in folder.iterdir():
        if item.is_dir() and item.name.startswith((EXCHANGE, TRADING_DAY)):
            days.extend(day_folders(item))
    return sorted(days, key=lambda day: (day.name, str(day)))


def check_format(folder: Path) -> None:
    """Refuse a recording of another format; ``DataError`` says what to do. Without a header it is taken as ours."""
    for place in (folder, *list(folder.parents)[:2]):
        header = place / HEADER_FILE
        if not header.is_file():
            continue
        try:
            number = json.loads(header.read_text(encoding="utf-8"))["format"]
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{header}: cannot be read; it should say {{'format': {FORMAT}}}") from None
        if number != FORMAT:
            raise DataError(f"{header}: format {number}, this version of ctp2 reads {FORMAT}: update ctp2")
        return
