"""``ctp2 ping ADDRESS…``: times of each front, or in one line what is wrong with it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from ctp2.cli.errors import DONE, NOT_REACHABLE, CliError
from ctp2.cli.messages import text
from ctp2.core import address as addresses
from ctp2.core.backend import Kind
from ctp2.core.clock import LiveClock
from ctp2.front.backend import target_of
from ctp2.front.handshake import Target
from ctp2.front.ping import Login, Result, ping

_PAUSE = 1.0


def ping_all(
    given: Sequence[str], kind: str, login: tuple[str, str, str], watches: bool, as_json: bool, most: int = 0
) -> int:
    """Try all addresses at once, once or (``watches``) every second until Ctrl-C; ``most`` rounds if it is given.

    Done only if every try of every address was well.
    """
    if kind not in ("", "trader", "md"):
        raise CliError(text("ping.kind", value=kind))
    wanted: Kind | None = "md" if kind == "md" else "trader" if kind else None
    targets = [(one, _target(one)) for one in given]
    clock = LiveClock()
    pause = threading.Event()
    seen: list[list[Result]] = []
    with ThreadPoolExecutor(len(targets)) as pool, contextlib.suppress(KeyboardInterrupt):
        while True:
            results = list(pool.map(lambda one: ping(one[0], one[1], clock, wanted, Login(*login)), targets))
            seen.append(results)
            _show(results, [target for _, target in targets], as_json)
            if not watches or len(seen) == most:
                break
            pause.wait(_PAUSE)
    if watches and not as_json:
        _sum_up(seen)
    return NOT_REACHABLE if not seen or any(result.fault for results in seen for result in results) else DONE


def _sum_up(seen: Sequence[Sequence[Result]]) -> None:
    """What watching has shown, a line for each address."""
    for tries in zip(*seen, strict=True):
        rounds = sorted(number for result in tries for number in result.round_ms)
        numbers = {"least": rounds[0], "median": rounds[len(rounds) // 2], "most": rounds[-1]} if rounds else {}
        shown = {name: _number(numbers.get(name)) for name in ("least", "median", "most")}
        faults = sum(bool(result.fault) for result in tries)
        print(text("ping.summary", address=tries[0].address, tries=str(len(tries)), faults=str(faults), **shown))


def _target(given: str) -> Target:
    try:
        address = addresses.parse(given)
        if address.scheme not in ("tcp", "tcp6", "ssl"):
            raise ValueError(text("ping.scheme", address=given))
        return target_of(address)
    except (ValueError, OSError) as error:
        raise CliError(str(error), NOT_REACHABLE) from None


def _show(results: Sequence[Result], targets: Sequence[Target], as_json: bool) -> None:
    if as_json:
        told = [{**asdict(one), "typical_ms": one.typical_ms} for one in results]
        print(json.dumps(told, ensure_ascii=False), flush=True)
        return
    for one, target in zip(results, targets, strict=True):
        if one.fault:
            fault = text(f"ping.{one.why}", place=target.place, detail=one.detail)
            print(text("ping.fault", address=one.address, fault=fault), flush=True)
            continue
        print(
            text(
                "ping.well",
                address=one.address,
                kind=text(f"ping.{one.kind}"),
                server=one.server,
                day=one.trading_day or "-",
                connect=_number(one.connect_ms),
                handshake=_number(one.handshake_ms),
                login=_number(one.login_ms),
                round=_number(one.typical_ms),
                clock=_number(one.clock_ms),
            ),
            flush=True,
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
