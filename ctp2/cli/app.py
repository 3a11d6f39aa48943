"""The verbs and their options; the work itself is imported when a verb runs."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ctp2 import __version__
from ctp2.cli.account_app import app as account_app
from ctp2.cli.errors import DONE, INTERRUPTED, NOT_REACHABLE, CliError
from ctp2.cli.messages import text
from ctp2.cli.shim_app import app as shim_app
from ctp2.cli.version import version_line

app = typer.Typer(
    name="ctp2",
    help=text("help"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(account_app, name="account")
app.add_typer(shim_app, name="shim")

Json = Annotated[bool, typer.Option("--json", help=text("help.json"))]


@app.callback()
def _options(
    show_version: Annotated[bool, typer.Option("--version", help=text("help.version"), is_eager=True)] = False,
) -> None:
    if show_version:
        typer.echo(version_line())
        raise typer.Exit


@app.command("version", help=text("help.version"))
def _version(as_json: Json = False) -> None:
    if as_json:
        typer.echo(json.dumps({"ctp2": __version__, "python": platform.python_version()}))
    else:
        typer.echo(version_line())


@app.command("demo", help=text("help.demo"))
def _demo(
    speed: Annotated[int, typer.Option(min=1, help=text("help.demo.speed"))] = 240,
    as_json: Json = False,
) -> None:
    from ctp2.cli.demo import demo

    raise typer.Exit(demo(speed, as_json))


@app.command("check", help=text("help.check"))
def _check(
    address: Annotated[str, typer.Argument(help=text("help.check.address"))],
    md: Annotated[str, typer.Option(help=text("help.check.md"))] = "",
    user: Annotated[str, typer.Option(help=text("help.check.user"))] = "",
    password: Annotated[str, typer.Option(help=text("help.check.password"))] = "",
    instrument: Annotated[str, typer.Option(help=text("help.check.instrument"))] = "",
    as_json: Json = False,
) -> None:
    from ctp2.cli.check import check

    raise typer.Exit(check(address, md, user, password, instrument, as_json))


@app.command(
    "run",
    help=text("help.run"),
    # What stands behind the script's name is the script's, options too.
    context_settings={"allow_interspersed_args": False},
)
def _run(
    script: Annotated[Path, typer.Argument(help=text("help.run.script"))],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="ARGS", help=text("help.run.args"))] = None,
    front: Annotated[str | None, typer.Option(metavar="ADDRESS", help=text("help.run.front"))] = None,
    md_front: Annotated[str | None, typer.Option(metavar="ADDRESS", help=text("help.run.md_front"))] = None,
) -> None:
    if not script.is_file():
        raise CliError(text("run.missing", path=script), NOT_REACHABLE)
    arguments = list(arguments or [])
    if front is None:
        front, arguments = _take("--front", arguments)
    if md_front is None:
        md_front, arguments = _take("--md-front", arguments)
    from ctp2.run import main

    raise typer.Exit(main(str(script), arguments, front, md_front))


@app.command("record", help=text("help.record"))
def _record(
    address: Annotated[str, typer.Argument(help=text("help.record.address"))],
    codes: Annotated[str, typer.Option(help=text("help.record.codes"))],
    folder: Annotated[Path, typer.Option("--dir", help=text("help.record.dir"))],
    file_format: Annotated[str, typer.Option("--format", metavar="parquet|csv", help=text("help.record.format"))] = "",
    broker: Annotated[str, typer.Option(help=text("help.record.login"))] = "",
    user: Annotated[str, typer.Option(help=text("help.record.login"))] = "",
    password: Annotated[str, typer.Option(help=text("help.record.login"))] = "",
    seconds: Annotated[float, typer.Option(min=0, help=text("help.record.seconds"))] = 0.0,
    rows: Annotated[int, typer.Option(min=0, help=text("help.record.rows"))] = 0,
    as_json: Json = False,
) -> None:
    from ctp2.cli.record import record

    raise typer.Exit(record(address, codes, folder, file_format, (broker, user, password), (seconds, rows), as_json))


@app.command("quote", help=text("help.quote"))
def _quote(
    codes: Annotated[list[str], typer.Argument(metavar="CODES", help=text("help.quote.codes"))],
    source: Annotated[str, typer.Option(metavar="ADDRESS", help=text("help.quote.source"))] = "quotes://",
    depth: Annotated[str, typer.Option(metavar="CODE", help=text("help.quote.depth"))] = "",
    seconds: Annotated[float, typer.Option(min=0, help=text("help.quote.seconds"))] = 0.0,
    ticks: Annotated[int, typer.Option(min=0, help=text("help.quote.ticks"))] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=text("help.quote.json"))] = False,
) -> None:
    from ctp2.cli.quote import quote

    raise typer.Exit(quote(codes, source, depth, (seconds, ticks), as_json))


@app.command("replay", help=text("help.replay"))
def _replay(
    source: Annotated[str, typer.Argument(metavar="PATH", help=text("help.replay.path"))],
    first: Annotated[str, typer.Option("--from", metavar="YYYYMMDD", help=text("help.replay.from"))] = "",
    last: Annotated[str, typer.Option("--to", metavar="YYYYMMDD", help=text("help.replay.to"))] = "",
    codes: Annotated[str, typer.Option(help=text("help.replay.codes"))] = "",
    play: Annotated[bool, typer.Option("--play", help=text("help.replay.play"))] = False,
    speed: Annotated[float, typer.Option(min=0, help=text("help.replay.speed"))] = 0.0,
    as_json: Json = False,
) -> None:
    from ctp2.cli.replay import replay

    raise typer.Exit(replay(source, first, last, codes, play, speed, as_json))


@app.command("settle", help=text("help.settle"))
def _settle(
    source: Annotated[Path | None, typer.Argument(metavar="FILE.json", help=text("help.settle.file"))] = None,
    database: Annotated[str, typer.Option("--db", metavar="PATH", help=text("help.settle.db"))] = "",
    account: Annotated[str, typer.Option(help=text("help.settle.account"))] = "",
    day: Annotated[str, typer.Option(metavar="YYYYMMDD|YYYYMM|all", help=text("help.settle.day"))] = "",
    file_format: Annotated[
        str, typer.Option("--format", metavar="text|csv|json", help=text("help.settle.format"))
    ] = "",
    folder: Annotated[Path | None, typer.Option("--out", metavar="DIR", help=text("help.settle.out"))] = None,
    as_json: Json = False,
) -> None:
    from ctp2.cli.settle import settle

    raise typer.Exit(settle(source, database, (account, day), file_format, folder, as_json))


@app.command("serve", help=text("help.serve"))
def _serve(
    backend: Annotated[str | None, typer.Option(metavar="ADDRESS", help=text("help.serve.backend"))] = None,
    host: Annotated[str | None, typer.Option(help=text("help.serve.host"))] = None,
    trade_port: Annotated[int | None, typer.Option(min=0, max=65535, help=text("help.serve.trade_port"))] = None,
    md_port: Annotated[int | None, typer.Option(min=0, max=65535, help=text("help.serve.md_port"))] = None,
    web_port: Annotated[str | None, typer.Option(metavar="PORT|off", help=text("help.serve.web_port"))] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="DIR", help=text("help.serve.data"))] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help=text("help.serve.config"))] = None,
    is_open: Annotated[bool, typer.Option("--open", help=text("help.serve.open"))] = False,
    tls_cert: Annotated[str | None, typer.Option(metavar="FILE", help=text("help.serve.cert"))] = None,
    tls_key: Annotated[str | None, typer.Option(metavar="FILE", help=text("help.serve.key"))] = None,
    makes_cert: Annotated[bool, typer.Option("--make-cert", help=text("help.serve.make_cert"))] = False,
    cert_names: Annotated[
        list[str] | None, typer.Option("--cert-name", metavar="NAME", help=text("help.serve.cert_name"))
    ] = None,
    is_insecure: Annotated[bool, typer.Option("--insecure", help=text("help.serve.insecure"))] = False,
    private: Annotated[str | None, typer.Option(metavar="ADDRESS", help=text("help.serve.private"))] = None,
    log: Annotated[str | None, typer.Option(metavar="LEVEL", help=text("help.serve.log"))] = None,
    log_format: Annotated[str | None, typer.Option(metavar="text|json", help=text("help.serve.log_format"))] = None,
    as_json: Json = False,
) -> None:
    from ctp2.cli.serve import make_cert, serve

    given = {"backend": backend, "host": host, "trade_port": trade_port, "md_port": md_port, "web_port": web_port}
    given |= {"tls_cert": tls_cert, "tls_key": tls_key, "log": log, "log_format": log_format}
    given |= {"data": data, "open": is_open or None, "insecure": is_insecure or None}
    if private is not None:
        from ctp2.cli.private import serve_private

        has_more = makes_cert or any(value is not None for value in given.values())
        raise typer.Exit(serve_private(private, has_more))
    if makes_cert:
        raise typer.Exit(make_cert(given, config, cert_names or (), as_json))
    raise typer.Exit(serve(given, config, as_json))


@app.command("ping", help=text("help.ping"))
def _ping(
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help=text("help.ping.address"))],
    kind: Annotated[str, typer.Option(metavar="trader|md", help=text("help.ping.kind"))] = "",
    broker: Annotated[str, typer.Option(help=text("help.ping.login"))] = "",
    user: Annotated[str, typer.Option(help=text("help.ping.login"))] = "",
    password: Annotated[str, typer.Option(help=text("help.ping.login"))] = "",
    watch: Annotated[bool, typer.Option("--watch", help=text("help.ping.watch"))] = False,
    as_json: Json = False,
) -> None:
    from ctp2.cli.ping import ping_all

    raise typer.Exit(ping_all(addresses, kind, (broker, user, password), watch, as_json))


@app.command("verify-stream", help=text("help.stream"))
def _verify_stream(
    orders: Annotated[Path, typer.Argument(help=text("help.stream.orders"))],
    trades: Annotated[Path, typer.Argument(help=text("help.stream.trades"))],
    reference: Annotated[float | None, typer.Option(help=text("help.stream.reference"))] = None,
    as_json: Json = False,
) -> None:
    from ctp2.cli.verify_stream import verify_stream

    raise typer.Exit(verify_stream(orders, trades, reference, as_json))


def _take(option: str, arguments: list[str]) -> tuple[str | None, list[str]]:
    """``--front ADDRESS`` directly behind the script is ours too; further back it is the script's own."""
    match arguments:
        case [first, address, *others] if first == option:
            return address, others
        case [first, *others] if first.startswith(f"{option}="):
            return first.removeprefix(f"{option}="), others
    return None, arguments


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        result = app(list(arguments), standalone_mode=False)
    except CliError as error:
        print(f"ctp2: {error}", file=sys.stderr)
        return error.code
    except typer.Abort:
        result = INTERRUPTED
    except typer.Exit as exit_:
        result = exit_.exit_code
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):
            # Wrong use: the parser says what and where.
            error.show()
            return int(error.exit_code)
        raise
    if result == INTERRUPTED:
        print(f"ctp2: {text('aborted')}", file=sys.stderr)
    return result if isinstance(result, int) else DONE
