"""``ctp2 account``: owners and accounts of a server's data folder, whether the server runs or not."""

from __future__ import annotations

import csv
import getpass
import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ctp2 import registry
from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.cli.messages import text
from ctp2.core import address as addresses
from ctp2.core.clock import process_clock
from ctp2.core.errors import Ctp2Error
from ctp2.tts import store
from ctp2.tts.config import ENVIRONMENTS
from ctp2.tts.datafolder import DataFolder
from ctp2.tts.directory import Directory, Member
from ctp2.tts.errands import carry_out
from ctp2.tts.statement_export import to_plain, to_tables
from ctp2.tts.statements import Statement, Statements
from ctp2.tts.users import Refused

ANSWER_SECONDS: Final = 15.0
"""How long a running server may take."""
_PAUSE: Final = 0.05
_MONEY: Final = ("CurrencyID", "Balance", "Available", "CurrMargin", "Deposit", "Withdraw")
_INTERNAL: Final = ("created_ns",)


# ------------------------------------------------------------------ verbs
def new(data: Path, member: Member, from_stdin: bool, as_json: bool) -> int:
    """Make an account, and its owner if he is new."""
    check_environment(member.environment)
    with _refusals():
        directory = DataFolder(data).make()
        is_known = directory.has_owner(member.owner or member.user)
        if is_known and from_stdin:
            raise CliError(text("account.has_password", owner=member.owner or member.user), WRONG_USE)
        password = "" if is_known else _new_password(from_stdin)
        made = directory.add(member._replace(created_ns=process_clock().now_ns()), password)
    _tell("account.made", as_json, **_plain(made))
    return DONE


def show_all(data: Path, environment: str, owner: str, with_money: bool, as_json: bool) -> int:
    """List accounts."""
    if environment:
        check_environment(environment)
    folder = DataFolder(data)
    with _refusals():
        members = [_plain(member) for member in folder.directory().members(environment, owner)]
    if with_money:
        for one in dict.fromkeys(str(member["environment"]) for member in members):
            users = [member["user"] for member in members if member["environment"] == one]
            found = _ask(folder, one, "money", users=users)["accounts"]
            for member in members:
                if member["environment"] == one:
                    member["money"] = [
                        {name: row.get(name, 0.0) for name in _MONEY}
                        for row in found
                        if row["AccountID"] == member["user"]
                    ]
    if as_json:
        print(json.dumps({"accounts": members}, ensure_ascii=False, indent=1))
    else:
        _print_table(members)
    return DONE


def move(data: Path, verb: str, environment: str, user: str, money: tuple[str, str], as_json: bool) -> int:
    """Put money in or take it out."""
    amount, currency = money
    folder = _folder_of(data, environment, user)
    answer = _ask(folder, environment, verb, user=user, amount=amount, currency=currency)
    row = next(row for row in answer["accounts"] if row["CurrencyID"] == currency)
    _tell("account.moved", as_json, user=user, environment=environment, **{name: row[name] for name in _MONEY})
    return DONE


def reset(data: Path, environment: str, user: str, as_json: bool) -> int:
    """Let an account begin anew."""
    folder = _folder_of(data, environment, user)
    answer = _ask(folder, environment, "reset", user=user)
    money = [{name: row[name] for name in _MONEY} for row in answer["accounts"]]
    _tell("account.reset", as_json, user=user, environment=environment, money=money)
    return DONE


def password(data: Path, user: str, from_stdin: bool, as_json: bool) -> int:
    """Give the owner of an account another password."""
    with _refusals():
        directory = DataFolder(data).directory()
        owner = directory.owner_of(user)
        directory.set_password(owner, _new_password(from_stdin))
    _tell("account.password", as_json, user=user, owner=owner)
    return DONE


def lock(data: Path, user: str, environment: str, locked: bool, as_json: bool) -> int:
    """Lock accounts, or unlock them and forget failed logins."""
    if environment:
        check_environment(environment)
    with _refusals():
        members = DataFolder(data).directory().set_locked(user, environment, locked)
    where = [member.environment for member in members]
    _tell("account.locked" if locked else "account.unlocked", as_json, user=user, environments=where)
    return DONE


def limit(data: Path, environment: str, number: int | None, as_json: bool) -> int:
    """Say, or change, how many accounts an owner may have in an environment."""
    check_environment(environment)
    with _refusals():
        directory = DataFolder(data).make()
        if number is not None:
            directory.set_limit(environment, number)
        _tell("account.limit", as_json, environment=environment, limit=directory.limit(environment))
    return DONE


def export(data: Path, environment: str, user: str, file_format: str, folder: Path | None, as_json: bool) -> int:
    """The trading day and the statements of an account."""
    if file_format not in ("json", "csv"):
        raise CliError(text("account.format", value=file_format), WRONG_USE)
    if file_format == "csv" and folder is None:
        raise CliError(text("settle.csv"), WRONG_USE)
    place = _folder_of(data, environment, user)
    today = _ask(place, environment, "show", user=user)
    found = _statements(place, environment, user)
    document = {"user": user, "environment": environment, "today": today, "statements": to_plain(found)}
    if folder is None:
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return DONE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = _write_tables(folder, today, found) if file_format == "csv" else [folder / f"{user}.json"]
        if file_format == "json":
            files[0].write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}", FAILED) from None
    if as_json:
        print(json.dumps({"files": [str(path) for path in files]}, ensure_ascii=False, indent=1))
    else:
        for path in files:
            print(text("settle.written", path=path))
    return DONE


# ------------------------------------------------------------------ the counter
def _ask(folder: DataFolder, environment: str, verb: str, **arguments: Any) -> dict[str, Any]:
    """Have it done by the server that runs, else by a counter of our own on the same log."""
    with _refusals():
        answer = (
            _send(folder.directory(), environment, verb, arguments)
            if folder.is_running(environment)
            else _do(folder, environment, verb, arguments)
        )
    if "error" in answer:
        number = answer["error_id"]
        raise CliError(f"{answer['error']} ({number})" if number else answer["error"], FAILED)
    return answer


def _send(directory: Directory, environment: str, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    number = directory.send(environment, verb, arguments)
    until = time.monotonic() + ANSWER_SECONDS
    try:
        while time.monotonic() < until and directory.is_pending(number):
            answer = directory.collect(number)
            if answer is not None:
                return answer
            time.sleep(_PAUSE)
    except KeyboardInterrupt:
        directory.recall(number)
        raise
    is_recalled = directory.recall(number)
    raise CliError(text("account.no_answer" if is_recalled else "account.unknown_answer"), NOT_REACHABLE)


def _do(folder: DataFolder, environment: str, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    known = folder.directory().served(environment)
    where = addresses.parse(known or folder.address(f"tts://{environment}"))
    registry.check(where)
    backend: Any = registry.acquire(where, process_clock())
    try:
        return carry_out(backend, verb, arguments)
    finally:
        registry.release(backend)


def _folder_of(data: Path, environment: str, user: str) -> DataFolder:
    check_environment(environment)
    folder = DataFolder(data)
    with _refusals():
        found = folder.directory().member(environment, user)
    if found is None or found[0].is_operator:
        raise CliError(text("account.unknown", user=user, environment=environment), NOT_REACHABLE)
    return folder


def _statements(folder: DataFolder, environment: str, user: str) -> list[Statement]:
    statements = Statements()
    with _refusals():
        if folder.log(environment).exists():
            for settlement in store.settlements(str(folder.log(environment))):
                statements.add(settlement)
    return list(statements.find(user, "all"))


# ------------------------------------------------------------------ asking and telling
def check_environment(environment: str) -> None:
    """Raise for what is no environment."""
    if environment not in ENVIRONMENTS:
        raise CliError(text("account.environment", value=environment, known=", ".join(ENVIRONMENTS)), WRONG_USE)


@contextmanager
def _refusals() -> Iterator[None]:
    """What can be wrong, in one line."""
    try:
        yield
    except Refused as error:
        raise CliError(f"{error} ({error.error_id})" if error.error_id else str(error), FAILED) from None
    except (Ctp2Error, ValueError, sqlite3.Error) as error:
        raise CliError(str(error), FAILED) from None
    except OSError as error:
        raise CliError(f"{error.filename or ''}: {error.strerror or error}", NOT_REACHABLE) from None


def _new_password(from_stdin: bool) -> str:
    """From the first line of the standard input, or asked for twice; never from the command line, which others see."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CliError(text("account.no_terminal"), WRONG_USE)
    first = getpass.getpass(text("account.ask"))
    if first != getpass.getpass(text("account.again")):
        raise CliError(text("account.differ"), WRONG_USE)
    return first


def _plain(member: Member) -> dict[str, Any]:
    return {name: value for name, value in member._asdict().items() if name not in _INTERNAL}


def _tell(key: str, as_json: bool, **said: Any) -> None:
    if as_json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        print(text(key, **said))


def _print_table(members: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("environment", "user", "owner", "kind", "state", "money"):
        table.add_column(text(f"account.column.{name}"))
    for member in members:
        kind = "operator" if member["is_operator"] else "trader"
        state = "locked" if member["is_locked"] else "open"
        money = "  ".join(f"{row['CurrencyID']} {row['Balance']:,.2f}" for row in member.get("money", ()))
        cells = (member["environment"], member["user"], member["owner"])
        table.add_row(*cells, text(f"account.{kind}"), text(f"account.state.{state}"), money)
    Console(markup=False, highlight=False).print(table)


def _write_tables(folder: Path, today: dict[str, Any], found: list[Statement]) -> list[Path]:
    files = []
    tables: dict[str, list[list[Any]]] = {}
    for name, rows in today.items():
        if isinstance(rows, list):
            columns = list(dict.fromkeys(column for row in rows for column in row))
            tables[f"today_{name}"] = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    for name, lines in {**tables, **to_tables(found)}.items():
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
        files.append(path)
    return files
