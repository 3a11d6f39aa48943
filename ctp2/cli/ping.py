"""``ctp2 ping ADDRESS…``: times of each front, or in one line what is wrong with it."""

from __future__ import annotations

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
    """Try all addresses at once, once or (``watches``) every second until Ctrl-C; ``most`` rounds if it is given."""
    if kind not in ("", "trader", "md"):
        raise CliError(text("ping.kind", value=kind))
    wanted: Kind | None = "md" if kind == "md" else "trader" if kind else None
    targets = [(one, _target(one)) for one in given]
    clock = LiveClock()
    pause = threading.Event()
    results: list[Result] = []
    rounds = 0
    with ThreadPoolExecutor(len(targets)) as pool:
        while True:
            results = list(pool.map(lambda one: ping(one[0], one[1], clock, wanted, Login(*login)), targets))
            _show(results, as_json)
            rounds += 1
            if not watches or rounds == most:
                return NOT_REACHABLE if any(result.fault for result in results) else DONE
            pause.wait(_PAUSE)


def _target(given: str) -> Target:
    try:
        address = addresses.parse(given)
        if address.scheme not in ("tcp", "ssl"):
            raise ValueError(text("ping.scheme", address=given))
        return target_of(address)
    except (ValueError, OSError) as error:
        raise CliError(str(error), NOT_REACHABLE) from None


def _show(results: Sequence[Result], as_json: bool) -> None:
    if as_json:
        print(json.dumps([{**asdict(one), "typical_ms": one.typical_ms} for one in results], ensure_ascii=False))
        return
    for one in results:
        if one.fault:
            print(text("ping.fault", address=one.address, fault=one.fault))
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
            )
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
