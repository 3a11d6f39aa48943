"""Run tests, or any command, on another day: ``python tools/future.py [--date YYYY-MM-DD] [command …]``.

Without a command it runs the part of the tests that lives in the machine's own time: the environments, the command
line, the examples. The date moves for the process and its children, C code included (tools/shifted_clock.c, Linux).
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

DATE: Final = "2027-03-03"
"""A Wednesday past the Chinese calendar that ships with this version."""
_HOUR: Final = 2
"""UTC: ten in the morning in Beijing, when the mainland's markets are open, if it is a trading day."""
TESTS: Final = (
    "tests/test_cli.py",
    "tests/test_examples.py",
    "tests/test_run.py",
    "tests/core",
    "tests/tts/test_days.py",
    "tests/tts/test_markets.py",
    "tests/tts/test_replay.py",
    "tests/tts/test_sim.py",
    "tests/tts/test_specials.py",
    "tests/tts/test_streams.py",
)
"""What lives in the machine's own time. Everything runs there in ``make fuzz``."""


def main(arguments: list[str]) -> int:
    """Run it; the exit code is the command's."""
    sys.path.insert(0, str(ROOT))
    from tools import foreign

    date = DATE
    if arguments[:1] == ["--date"]:
        date, arguments = arguments[1], arguments[2:]
    if not sys.platform.startswith("linux") or not foreign.has_compiler():
        print("ctp2: no C compiler for Linux here, the tests on another day are skipped")
        return 0
    at = datetime.fromisoformat(date).replace(hour=_HOUR, tzinfo=UTC)
    library = foreign.shifted_clock() / "shifted_clock.so"
    preloaded = [str(library), *filter(None, [os.environ.get("LD_PRELOAD")])]
    environment = {
        **os.environ,
        "LD_PRELOAD": ":".join(preloaded),
        "CTP2_SHIFT_SECONDS": str(math.ceil(at.timestamp() - time.time())),
    }
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    marks = ["-m", "not foreign and not slow"]
    command = arguments or [*pytest, "-n", os.environ.get("JOBS", "2"), *marks, *TESTS]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
