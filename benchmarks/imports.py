"""How long the import takes.

Method: a fresh interpreter per import, which times the one ``import`` statement itself; compiled files are present (one
run beforehand writes them). Median of fifteen, with ``import msgspec`` alone and a standard package for scale: they are
part of ours. Checked: the module's names are there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import ctp2
from benchmarks.figures import Figure, Plan, figure, require

RUNS: Final = 15
IMPORTS: Final = {
    "import ctp2.tdapi": ("import ctp2.tdapi as m", "CThostFtdcTraderApi", "150", "80"),
    "import ctp2.mdapi": ("import ctp2.mdapi as m", "CThostFtdcMdApi", "", ""),
    "import msgspec, for scale": ("import msgspec as m", "Struct", "", ""),
    "import asyncio, for scale": ("import asyncio as m", "run", "", ""),
}
SCRIPT: Final = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t, hasattr(m, {!r}))"


def measure(plan: Plan) -> Iterator[Figure]:
    """ms per import."""
    # The same ctp2 as in this process, without this folder on the path of the fresh one.
    environment = {**os.environ, "PYTHONPATH": str(Path(ctp2.__file__).parents[1])}
    runs = Plan(RUNS + 1, plan.seconds).repeat(
        lambda: [_import_ms(*IMPORTS[name][:2], environment) for name in IMPORTS]
    )
    for place, (name, (_, _, target, goal)) in enumerate(IMPORTS.items()):
        yield figure(name, "ms", (run[place] for run in runs[1:]), target, goal)


def _import_ms(statement: str, member: str, environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", SCRIPT.format(statement, member)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    seconds, has_member = done.stdout.split()
    require(has_member == "True", f"{statement}: no {member}")
    return float(seconds) * 1e3
