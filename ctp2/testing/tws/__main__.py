"""``python -m ctp2.testing.tws --port 7497``: a stand-in TWS until it is interrupted. Guide: docs/zh/tws.md."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from typing import Final

from ctp2.testing.tws.control_port import carry_out
from ctp2.testing.tws.options import BadOption, lines_of, parse, stand_in
from ctp2.testing.tws.server import StandIn

_LOOK_S: Final = 0.5
"""A wait without an end cannot be interrupted on every system."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit code: 0, or 2 for options that cannot be, 1 for a port that cannot be had."""
    options = parse(arguments)
    try:
        made = stand_in(options)
        lines = lines_of(options.script)
    except BadOption as bad:
        print(f"ctp2: {bad}", file=sys.stderr)
        return 2
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        made.start()
    except OSError as bad:
        print(f"ctp2: no port for the stand-in TWS: {bad}; name another with --port", file=sys.stderr)
        return 1
    try:
        return _run(made, lines, ended)
    finally:
        made.stop()


def _run(made: StandIn, lines: list[tuple[int, str]], ended: threading.Event) -> int:
    for number, line in lines:
        answer = carry_out(made.control, line)
        if not answer.startswith("ok"):
            print(f"ctp2: line {number} of the script: {line}: {answer}", file=sys.stderr)
            return 2
    print(greeting(made), flush=True)
    while not ended.wait(_LOOK_S):
        pass
    return 0


def greeting(made: StandIn) -> str:
    """What is printed when it listens."""
    script = made.world.script
    control = f", control 127.0.0.1:{made.control_port}" if made.control_port else ""
    contracts = ", ".join(one.local_symbol for one in made.world.contracts)
    return (
        f"stand-in TWS on 127.0.0.1:{made.port}{control}; server version {script.version}; "
        f"accounts {', '.join(script.accounts)}; contracts {contracts}"
    )


if __name__ == "__main__":
    sys.exit(main())
