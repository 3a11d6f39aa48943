"""The verbs of ``ctp2 account`` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctp2.cli.messages import text

app = typer.Typer(help=text("help.account"), no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help=text("help.account.data"))]
Env = Annotated[str, typer.Option("--env", metavar="7x24|sim|vip|replay", help=text("help.account.env"))]
AllEnvs = Annotated[str, typer.Option("--env", metavar="7x24|sim|vip|replay", help=text("help.account.all_envs"))]
Json = Annotated[bool, typer.Option("--json", help=text("help.json"))]
User = Annotated[str, typer.Argument(metavar="USER", help=text("help.account.user"))]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help=text("help.account.amount"))]
Currency = Annotated[str, typer.Option(metavar="CNY|HKD|USD", help=text("help.account.currency"))]
Stdin = Annotated[bool, typer.Option("--password-stdin", help=text("help.account.stdin"))]

_ENV = "7x24"


@app.command("new", help=text("help.account.new"))
def _new(
    data: Data,
    user: Annotated[str, typer.Argument(metavar="[USER]", help=text("help.account.new_user"))] = "",
    environment: Env = _ENV,
    owner: Annotated[str, typer.Option(help=text("help.account.owner"))] = "",
    balance: Annotated[str, typer.Option(metavar="CNY:AMOUNT,…", help=text("help.account.balance"))] = "",
    is_operator: Annotated[bool, typer.Option("--operator", help=text("help.account.operator"))] = False,
    from_stdin: Stdin = False,
    as_json: Json = False,
) -> None:
    from ctp2.cli.account import new
    from ctp2.tts.directory import Member

    member = Member(environment, user, owner, balance, is_operator, False, 0)
    raise typer.Exit(new(data, member, from_stdin, as_json))


@app.command("list", help=text("help.account.list"))
def _list(
    data: Data,
    environment: AllEnvs = "",
    owner: Annotated[str, typer.Option(help=text("help.account.of_owner"))] = "",
    with_money: Annotated[bool, typer.Option("--money", help=text("help.account.money"))] = False,
    as_json: Json = False,
) -> None:
    from ctp2.cli.account import show_all

    raise typer.Exit(show_all(data, environment, owner, with_money, as_json))


@app.command("deposit", help=text("help.account.deposit"))
def _deposit(
    user: User, amount: Amount, data: Data, currency: Currency = "CNY", environment: Env = _ENV, as_json: Json = False
) -> None:
    from ctp2.cli.account import move

    raise typer.Exit(move(data, "deposit", environment, user, (amount, currency), as_json))


@app.command("withdraw", help=text("help.account.withdraw"))
def _withdraw(
    user: User, amount: Amount, data: Data, currency: Currency = "CNY", environment: Env = _ENV, as_json: Json = False
) -> None:
    from ctp2.cli.account import move

    raise typer.Exit(move(data, "withdraw", environment, user, (amount, currency), as_json))


@app.command("reset", help=text("help.account.reset"))
def _reset(user: User, data: Data, environment: Env = _ENV, as_json: Json = False) -> None:
    from ctp2.cli.account import reset

    raise typer.Exit(reset(data, environment, user, as_json))


@app.command("password", help=text("help.account.password"))
def _password(user: User, data: Data, from_stdin: Stdin = False, as_json: Json = False) -> None:
    from ctp2.cli.account import password

    raise typer.Exit(password(data, user, from_stdin, as_json))


@app.command("lock", help=text("help.account.lock"))
def _lock(user: User, data: Data, environment: AllEnvs = "", as_json: Json = False) -> None:
    from ctp2.cli.account import lock

    raise typer.Exit(lock(data, user, environment, True, as_json))


@app.command("unlock", help=text("help.account.unlock"))
def _unlock(user: User, data: Data, environment: AllEnvs = "", as_json: Json = False) -> None:
    from ctp2.cli.account import lock

    raise typer.Exit(lock(data, user, environment, False, as_json))


@app.command("limit", help=text("help.account.limit"))
def _limit(
    data: Data,
    number: Annotated[int | None, typer.Argument(metavar="[NUMBER]", min=0, help=text("help.account.number"))] = None,
    environment: Env = _ENV,
    as_json: Json = False,
) -> None:
    from ctp2.cli.account import limit

    raise typer.Exit(limit(data, environment, number, as_json))


@app.command("export", help=text("help.account.export"))
def _export(
    user: User,
    data: Data,
    environment: Env = _ENV,
    file_format: Annotated[
        str, typer.Option("--format", metavar="json|csv", help=text("help.account.format"))
    ] = "json",
    folder: Annotated[Path | None, typer.Option("--out", metavar="DIR", help=text("help.account.out"))] = None,
    as_json: Json = False,
) -> None:
    from ctp2.cli.account import export

    raise typer.Exit(export(data, environment, user, file_format, folder, as_json))
