"""``python -m ctp2.testing.tws``: its options, and the stand-in that they describe."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from ctp2.core.clock import LiveClock
from ctp2.testing.tws.clock import NS, VirtualClock
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.documented import documented
from ctp2.testing.tws.kinds import (
    PERMISSIONS,
    TIME_FORMATS,
    BadMember,
    fits,
    frozen,
    is_zone,
    name_of,
    set_members,
)
from ctp2.testing.tws.market_script import DELAYED_ONLY, ENTITLED, NOTHING
from ctp2.testing.tws.server import StandIn
from ctp2.testing.tws.world import FIRST_VERSION, LAST_VERSION, Script

PORT: Final = 7497
"""TWS's own for paper accounts."""
CASH: Final = 1_000_000.0

_LAST_PORT: Final = 65_535


class BadOption(ValueError):
    """An option that cannot be used; the text names it and says what could be."""


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    made = argparse.ArgumentParser(prog="python -m ctp2.testing.tws", description="A stand-in TWS on 127.0.0.1.")
    add = made.add_argument
    add("--port", type=int, default=PORT, help=f"where clients connect; 0: a free one (default {PORT})")
    add("--control-port", type=int, metavar="PORT", help="where lines of control are taken; 0: a free one; else none")
    add("--version", type=int, default=FIRST_VERSION, help=f"server version, {FIRST_VERSION} to {LAST_VERSION}")
    add("--account", action="append", default=[], metavar="NAME[=CASH]", help="an account and its USD; may be repeated")
    add("--contracts", type=Path, metavar="FILE", help="contracts to list beside the documented ones, JSON")
    add("--only-contracts", action="store_true", help="list those of --contracts alone")
    add("--seed", type=int, default=1, help="of quotes and ids")
    add("--still", action="store_true", help="quotes do not move by themselves")
    add("--permission", choices=PERMISSIONS, default=ENTITLED, help="market data of the login")
    add("--delayed", action="append", default=[], metavar="SYMBOL", help="only delayed data of it; may be repeated")
    add("--unsubscribed", action="append", default=[], metavar="SYMBOL", help="no data of it; may be repeated")
    add("--read-only", action="store_true", help="orders are answered with 321")
    add("--next-id", type=int, default=1, metavar="N", help="nextValidId of a client without orders")
    add("--zone", default="US/Eastern", help="TWS's time zone")
    add("--time-format", choices=TIME_FORMATS, default="zone", help="of executions' times")
    add("--clock", metavar="TIME", help="begin at this time of the zone, '2025-11-24 11:00'")
    add("--pace", type=float, default=1.0, help="seconds of its clock per second; 0 stands")
    add(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any member of Script: market.limits.tickers=5"
    )
    add("--script", type=Path, metavar="FILE", help="lines of control that are carried out first")
    return made


def stand_in(options: argparse.Namespace) -> StandIn:
    """The stand-in, not started yet.

    Raises:
        BadOption: what is said cannot be.
    """
    if not FIRST_VERSION <= options.version <= LAST_VERSION:
        raise BadOption(f"--version {options.version}: {FIRST_VERSION} to {LAST_VERSION}")
    for option, port in (("--port", options.port), ("--control-port", options.control_port or 0)):
        if not 0 <= port <= _LAST_PORT:
            raise BadOption(f"{option} {port}: 0 to {_LAST_PORT}")
    zone = _zone(options.zone)
    script = Script(
        version=options.version,
        zone=options.zone,
        time_format=options.time_format,
        is_read_only=options.read_only,
        first_order_id=options.next_id,
        seed=options.seed,
        first_perm_id=_next_perm_id(),
    )
    if options.account:
        script.accounts = dict(_account(text) for text in options.account)
    script.market.walks = not options.still
    script.market.permission = options.permission
    script.market.permissions = {
        **dict.fromkeys(options.delayed, DELAYED_ONLY),
        **dict.fromkeys(options.unsubscribed, NOTHING),
    }
    for text in options.set:
        _set(script, text)
    clock = VirtualClock(_start_ns(options.clock, zone), options.pace)
    return StandIn(options.port, script, clock, _listed(options, clock), options.control_port)


def _next_perm_id() -> int:
    """A permId that no stand-in of this machine gave lately: TWS never gives one twice, nor the execIds made of it.

    Fifty a second, within 31 bits, which takes a year to come around. ``--set first_perm_id=…`` is for runs that are
    to be the same.
    """
    return LiveClock().now_ns() // 20_000_000 % 2_000_000_000 + 1


def lines_of(path: Path | None) -> list[tuple[int, str]]:
    """The lines of a script with their numbers, without comments and empty ones.

    Raises:
        BadOption: it cannot be read.
    """
    if path is None:
        return []
    numbered = enumerate(_read("--script", path).splitlines(), 1)
    return [(number, line.strip()) for number, line in numbered if line.strip() and not line.lstrip().startswith("#")]


def _read(option: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise BadOption(f"{option} {path}: {bad}") from bad


def _zone(name: str) -> ZoneInfo:
    if not is_zone(name):
        raise BadOption(f"--zone {name}: not in the time zone database")
    return ZoneInfo(name)


def _account(text: str) -> tuple[str, float]:
    name, _, cash = text.partition("=")
    try:
        return name, float(cash) if cash else CASH
    except ValueError:
        raise BadOption(f"--account {text}: NAME=CASH, the cash a number of USD") from None


def _start_ns(text: str | None, zone: ZoneInfo) -> int | None:
    if text is None:
        return None
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadOption(f"--clock {text}: a time such as '2025-11-24 11:00'") from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=zone)).timestamp()) * NS


def _listed(options: argparse.Namespace, clock: VirtualClock) -> list[Listed] | None:
    if options.contracts is None:
        if options.only_contracts:
            raise BadOption("--only-contracts: --contracts FILE says which")
        return None
    try:
        rows = json.loads(_read("--contracts", options.contracts))
    except ValueError as bad:
        raise BadOption(f"--contracts {options.contracts}: {bad}") from bad
    if not isinstance(rows, list):
        raise BadOption(f"--contracts {options.contracts}: a JSON array of contracts")
    own = [_contract(row, f"--contracts {options.contracts}: contract {at}") for at, row in enumerate(rows, 1)]
    day = dt.datetime.fromtimestamp(clock.now_ns() // NS, dt.UTC).date()
    return own if options.only_contracts else [*documented(day), *own]


def _contract(row: Any, where: str) -> Listed:
    """A row as a contract: the members of :class:`Listed`, each of its kind."""
    hints = typing.get_type_hints(Listed)
    needed = {one.name for one in dataclasses.fields(Listed) if one.default is one.default_factory}
    if not isinstance(row, dict):
        raise BadOption(f"{where}: an object of {', '.join(hints)}")
    if unknown := sorted(set(row) - set(hints)):
        raise BadOption(f"{where} has {', '.join(unknown)}; it may have {', '.join(hints)}")
    if missing := sorted(needed - set(row)):
        raise BadOption(f"{where} has no {', '.join(missing)}")
    for name, value in row.items():
        if not fits(hints[name], value):
            raise BadOption(f"{where}: {name} is {name_of(hints[name])}, not {value!r}")
    if not is_zone(row.get("time_zone", "UTC")):
        raise BadOption(f"{where}: time_zone {row['time_zone']} is not in the time zone database")
    made: dict[str, Any] = {name: frozen(value) for name, value in row.items()}
    return Listed(**made)


def _set(script: Script, text: str) -> None:
    """``market.limits.tickers=5``: a member of the script, or of what it holds."""
    path, is_given, word = text.partition("=")
    *ways, name = path.split(".")
    target: Any = script
    try:
        value = json.loads(word)
    except ValueError:
        value = word
    for way in ways:
        target = getattr(target, way, None)
    try:
        if not is_given:
            raise BadMember("NAME=VALUE")
        set_members(target, {name: value})
    except BadMember as bad:
        raise BadOption(f"--set {text}: {bad}") from bad


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; ends the program where argparse does."""
    return parser().parse_args(arguments)
