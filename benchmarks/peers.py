"""Yardsticks run in the same run as ours, for ratios that the machine's drift does not spoil.

Method: the scripts of the folder ``shared/bench`` beside the checkout, each in a process of its own, as their own
docstrings describe: what Python calls cost (``limits.py``), a bare loopback TCP round trip in C (``tcp_pingpong.c``,
needs gcc), filling a 19-field request with plain Python objects (``peer_binding.py``), and the core of TqSim driven
directly (``peer_tqsim.py``; tqsdk is installed into ``.cache/bench-venv`` once). A yardstick that cannot run here is
left out with one line.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, Plan, Result, figure

ROOT: Final = Path(__file__).resolve().parents[1]
YARDSTICKS: Final = ROOT.parent / "shared" / "bench"
VENV: Final = ROOT / ".cache" / "bench-venv"
INSTALL_S: Final = 180
RUN_S: Final = 120
RUNS: Final = 3

TQSIM: Final = {
    "trades_per_s": ("TqSim core: marketable orders", "/s"),
    "inserts_per_s": ("TqSim core: resting orders inserted", "/s"),
    "cancels_per_s": ("TqSim core: resting orders cancelled", "/s"),
    "ticks_per_s_0_resting": ("TqSim core: quotes, idle", "/s"),
    "ticks_per_s_1000_resting": ("TqSim core: quotes, 1,000 resting orders", "/s"),
}
BESIDE: Final = (
    ("marketable orders, tight loop → last OnRtnTrade", "TqSim core: marketable orders"),
    ("resting orders inserted, full path", "TqSim core: resting orders inserted"),
    ("resting orders cancelled, full path", "TqSim core: resting orders cancelled"),
    ("quotes into the engine, idle", "TqSim core: quotes, idle"),
    ("quotes into the engine, 1,000 resting orders", "TqSim core: quotes, 1,000 resting orders"),
    ("one order at a time, request → OnRtnTrade, p50", "loopback TCP round trip of 500 bytes in C, p50"),
    (
        "C++ client over loopback, durable, request → OnRtnTrade, p50",
        "loopback TCP round trip of 500 bytes in C, p50",
    ),
    ("create an InputOrder and set 19 fields", "plain Python: a class with slots, 19 fields"),
)
"""Figures that are put beside each other: ours, and the yardstick's."""


def measure(plan: Plan) -> Iterator[Result]:
    """Whatever can run here."""
    if not YARDSTICKS.is_dir():
        yield f"no yardsticks: {YARDSTICKS.name} is not beside this checkout"
        return
    for name, part in (("limits", calls), ("tcp_pingpong", tcp), ("peer_binding", plain), ("peer_tqsim", tqsim)):
        yield from _guarded(name, part)


def _guarded(name: str, part: Callable[[], Iterator[Result]]) -> Iterator[Result]:
    try:
        yield from part()
    except subprocess.TimeoutExpired:
        yield f"{name} left out: it takes too long"
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "").strip().splitlines()
        yield f"{name} left out: {lines[-1] if lines else error}"
    except OSError as error:
        yield f"{name} left out: {error}"


def _output(*command: object, seconds: float = RUN_S) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=seconds).stdout


def calls() -> Iterator[Result]:
    """``limits.py --only calls``."""
    text = _output(sys.executable, YARDSTICKS / "limits.py", "--only", "calls", "--runs", RUNS)
    for line in text.splitlines():
        found = re.match(r"(.+?)\s+([\d,.]+) (\w+)\s+\(([\d,.]+) - ([\d,.]+)\)$", line)
        if found:
            name, unit = found[1], found[3]
            median, low, high = (float(found[place].replace(",", "")) for place in (2, 4, 5))
            yield Figure(f"Python: {name}", unit, median, low, high, RUNS)


def tcp() -> Iterator[Result]:
    """``tcp_pingpong.c``."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        yield "tcp_pingpong left out: no C compiler"
        return
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
        program = Path(folder) / "tcp_pingpong"
        _output(compiler, "-O2", YARDSTICKS / "tcp_pingpong.c", "-o", program)
        runs = [json.loads(_output(program, 10_000)) for _ in range(RUNS)]
    for share in ("p50", "p99"):
        name = f"loopback TCP round trip of 500 bytes in C, {share}"
        yield figure(name, "µs", (run[f"{share}_us"] for run in runs))


def plain() -> Iterator[Result]:
    """``peer_binding.py plain``."""
    first = json.loads(_output(sys.executable, YARDSTICKS / "peer_binding.py", "plain").splitlines()[0])
    median, low, high = first["us [median,min,max]"]
    yield Figure("plain Python: a class with slots, 19 fields", "µs", median, low, high, 7)


def tqsim() -> Iterator[Result]:
    """``peer_tqsim.py``."""
    python = VENV / "bin" / "python"
    if not python.exists():
        _output(sys.executable, "-m", "venv", VENV)
    try:
        _output(python, "-c", "import tqsdk")
    except subprocess.CalledProcessError:
        _output(python, "-m", "pip", "install", "--quiet", "tqsdk", seconds=INSTALL_S)
    text = _output(python, YARDSTICKS / "peer_tqsim.py", "--runs", RUNS)
    for line in text.splitlines():
        if line.startswith("{"):
            case = json.loads(line)
            for key, (name, unit) in TQSIM.items():
                if key in case:
                    median, low, high = case[key]
                    yield Figure(name, unit, median, low, high, RUNS)
