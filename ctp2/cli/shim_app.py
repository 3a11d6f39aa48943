"""The verbs of ``ctp2 shim`` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctp2.cli.messages import text

app = typer.Typer(help=text("help.shim"), epilog=text("help.shim.examples"), no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help=text("help.json"))]
Where = Annotated[str, typer.Argument(metavar="PACKAGE|DIR", help=text("help.shim.where"))]
Python = Annotated[str, typer.Option("--python", metavar="INTERPRETER", help=text("help.shim.python"))]


@app.command("list", help=text("help.shim.list"))
def _list(as_json: Json = False) -> None:
    from ctp2.cli.shim import show

    raise typer.Exit(show(as_json))


@app.command("build", help=text("help.shim.build"))
def _build(
    version: Annotated[str | None, typer.Option(metavar="V", help=text("help.shim.version"))] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help=text("help.shim.out"))] = None,
    target: Annotated[str, typer.Option(metavar="T", help=text("help.shim.target"))] = "",
    with_headers: Annotated[bool, typer.Option("--headers", help=text("help.shim.headers"))] = False,
    as_json: Json = False,
) -> None:
    from ctp2.cli.shim import build_all

    raise typer.Exit(build_all(version, out, target, with_headers, as_json))


@app.command("install", help=text("help.shim.install"), epilog=text("help.shim.examples"))
def _install(
    where: Where,
    python: Python = "",
    fronts: Annotated[
        list[str] | None, typer.Option("--front", metavar="ADDRESS", help=text("help.shim.front"))
    ] = None,
    md_fronts: Annotated[
        list[str] | None, typer.Option("--md-front", metavar="ADDRESS", help=text("help.shim.md_front"))
    ] = None,
    as_json: Json = False,
) -> None:
    from ctp2.cli.shim import install

    raise typer.Exit(install(where, python, fronts or [], md_fronts or [], as_json))


@app.command("restore", help=text("help.shim.restore"))
def _restore(where: Where, python: Python = "", as_json: Json = False) -> None:
    from ctp2.cli.shim import restore

    raise typer.Exit(restore(where, python, as_json))
