"""``python -m ctp2.testing.tws``: its options, and the stand-in that they describe."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ctp2.testing.tws.clock import NS, VirtualClock
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.control import TIME_FORMATS
from ctp2.testing.tws.documented import documented
from ctp2.testing.tws.market_script import DELAYED_ONLY, ENTITLED, NOTHING
from ctp2.testing.tws.server import StandIn
from ctp2.testing.tws.world import FIRST_VERSION, LAST_VERSION, Script

PORT: Final = 7497
"""TWS's own for paper accounts."""
CASH: Final = 1_000_000.0


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
    add("--permission", choices=(ENTITLED, DELAYED_ONLY, NOTHING), default=ENTITLED, help="market data of the login")
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
    zone = _zone(options.zone)
    script = Script(
        version=options.version,
        zone=options.zone,
        time_format=options.time_format,
        is_read_only=options.read_only,
        first_order_id=options.next_id,
        seed=options.seed,
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
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as bad:
        raise BadOption(f"--zone {name}: not in the time zone database") from bad


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
    """A row as a contract: the members of :class:`Listed`, each of the kind that its default has."""
    known = {one.name: str(one.type) for one in dataclasses.fields(Listed)}
    needed = {one.name for one in dataclasses.fields(Listed) if one.default is one.default_factory}
    if not isinstance(row, dict):
        raise BadOption(f"{where}: an object of {', '.join(known)}")
    if unknown := sorted(set(row) - set(known)):
        raise BadOption(f"{where} has {', '.join(unknown)}; it may have {', '.join(known)}")
    if missing := sorted(needed - set(row)):
        raise BadOption(f"{where} has no {', '.join(missing)}")
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
    for name, value in row.items():
        wanted = kinds.get(known[name])
        if wanted is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise BadOption(f"{where}: {name} is {known[name]}, not {value!r}")
    made: dict[str, Any] = {name: _deep(value) for name, value in row.items()}
    return Listed(**made)


def _deep(value: Any) -> Any:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


def _set(script: Script, text: str) -> None:
    """``market.limits.tickers=5``: the member, which keeps the kind that it has."""
    path, is_given, word = text.partition("=")
    target: Any = script
    *ways, name = path.split(".")
    for step, way in enumerate([*ways, name]):
        if not dataclasses.is_dataclass(target) or way not in target.__dataclass_fields__:
            there = ", ".join(target.__dataclass_fields__) if dataclasses.is_dataclass(target) else "nothing below"
            raise BadOption(f"--set {text}: no {'.'.join([*ways, name][: step + 1])}; there are {there}")
        if way is not name or step < len(ways):
            target = getattr(target, way)
    try:
        value = json.loads(word)
    except ValueError:
        value = word
    before = getattr(target, name)
    if not is_given or not _is_like(value, before):
        raise BadOption(f"--set {text}: {path} is now {before!r}; another value of that kind")
    setattr(target, name, _deep(value) if isinstance(before, tuple) else value)


def _is_like(value: Any, before: Any) -> bool:
    if before is None:
        return value is None or isinstance(value, (int, float, str))
    if isinstance(before, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(before, tuple):
        return isinstance(value, list)
    return type(value) is type(before)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; ends the program where argparse does."""
    return parser().parse_args(arguments)
