"""``ctp2 settle``: statements of a counter's log, or of a file exported before, as text, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.cli.messages import text
from ctp2.core.address import parse
from ctp2.core.errors import Ctp2Error
from ctp2.tts import store
from ctp2.tts.config import parse as parse_options
from ctp2.tts.settled import Settlement
from ctp2.tts.statement import ENCODING
from ctp2.tts.statement_export import from_plain, to_plain, to_tables
from ctp2.tts.statements import Statement, Statements

FORMATS: Final = ("text", "csv", "json")
JSON_FILE: Final = "statements.json"


def settle(
    source: Path | None,
    database: str,
    wanted: tuple[str, str],
    file_format: str,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Print what is wanted (account and period), or write it into a folder."""
    if file_format not in ("", *FORMATS):
        raise CliError(text("settle.format", value=file_format), WRONG_USE)
    if (source is None) == (not database):
        raise CliError(text("settle.source"), WRONG_USE)
    if folder is None and file_format == "csv":
        raise CliError(text("settle.csv"), WRONG_USE)
    statements = _of_file(source) if source is not None else _of_log(database)
    found = list(statements.find(*wanted))
    if not found:
        accounts = ", ".join(statements.accounts()) or "-"
        raise CliError(text("settle.nothing", accounts=accounts), NOT_REACHABLE)
    if folder is not None:
        _tell(_write(found, file_format or "text", folder), as_json)
    elif as_json or file_format == "json":
        print(_json_text(found))
    else:
        _print(found)
    return DONE


# ------------------------------------------------------------------ reading
def _of_file(path: Path) -> Statements:
    """A file that was exported as JSON."""
    statements = Statements()
    try:
        for item in from_plain(json.loads(path.read_text("utf-8"))):
            statements.add(_settlement(item))
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", NOT_REACHABLE) from None
    except ValueError as error:  # JSON and UTF-8 that are none are one as well
        raise CliError(f"{path}: {error}", FAILED) from None
    return statements


def _settlement(item: Statement) -> Settlement:
    return Settlement(
        trading_day=item.period, next_day="", made_ns=item.made_ns, number=item.number, accounts=[item.account]
    )


def _of_log(database: str) -> Statements:
    """The settlements in a counter's log: a file, or an address of which the option ``db`` says where it is."""
    statements = Statements()
    try:
        path = parse_options(parse(database)).db if "://" in database else database
        if not path:
            raise CliError(text("settle.no_db", address=database), WRONG_USE)
        for settlement in store.settlements(path):
            statements.add(settlement)
    except (Ctp2Error, OSError, ValueError) as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    return statements


# ------------------------------------------------------------------ writing
def _json_text(found: Iterable[Statement]) -> str:
    return json.dumps(to_plain(found), ensure_ascii=False, indent=1)


def _print(found: Iterable[Statement]) -> None:
    """In the terminal's own encoding; what it cannot show becomes a question mark."""
    encoding = sys.stdout.encoding or "utf-8"
    for item in found:
        shown = item.text().decode(ENCODING).replace("\r\n", "\n")
        print(shown.encode(encoding, "replace").decode(encoding), end="")


def _write(found: list[Statement], file_format: str, folder: Path) -> list[Path]:
    """The files written, in their order."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file_format == "text":
            return [_write_text(item, folder) for item in found]
        if file_format == "json":
            path = folder / JSON_FILE
            path.write_text(_json_text(found) + "\n", "utf-8")
            return [path]
        return [_write_table(name, rows, folder) for name, rows in to_tables(found).items()]
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}", FAILED) from None


def _write_text(item: Statement, folder: Path) -> Path:
    """Byte for byte what a client gets. An account's name may hold anything, a file's may not."""
    path = folder / f"{quote(item.account.account_id, safe='')}-{item.period}.txt"
    path.write_bytes(item.text())
    return path


def _write_table(name: str, rows: list[list[Any]], folder: Path) -> Path:
    path = folder / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def _tell(files: list[Path], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"files": [str(path) for path in files]}, ensure_ascii=False, indent=1))
    else:
        for path in files:
            print(text("settle.written", path=path))
