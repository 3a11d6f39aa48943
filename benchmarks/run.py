"""The benchmarks: ``python benchmarks/run.py``; ``--help`` lists the options.

Each one runs in a fresh process, which first measures what the machine gives at that moment. What is measured, and how,
stands at the top of each module and in benchmarks/README.md. Every benchmark checks its own result; one whose check
fails gives no figure and makes the exit code 1. No figure does.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
if "benchmarks" not in sys.modules:
    # This folder as a package, whatever else has its name; ctp2 from where it is installed, else from beside it.
    _package = ModuleType("benchmarks")
    _package.__path__ = [str(ROOT / "benchmarks")]
    sys.modules["benchmarks"] = _package
    if sys.path and Path(sys.path[0]).resolve() == ROOT / "benchmarks":
        del sys.path[0]
    sys.path.append(str(ROOT))

from benchmarks import machine, peers, report  # noqa: E402
from benchmarks.figures import Figure, Plan, WrongResult  # noqa: E402

SECONDS: Final = 210.0
SOAK: Final = 300.0
RUNS: Final = 5
GRACE_S: Final = 120.0
"""What a benchmark may take beyond its share: setting up, and the run that it was in."""
BUSY: Final = 0.5
"""Load beforehand above which the figures are not worth much."""
CHILD: Final = "--child"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module here, and its share of the time."""

    module: str
    share: float
    is_default: bool = True
    soaks: bool = False
    """Whether it takes the seconds of ``--soak`` besides."""


BENCHMARKS: Final = (
    Benchmark("imports", 10),
    Benchmark("records", 15),
    Benchmark("latency", 10),
    Benchmark("throughput", 12),
    Benchmark("stages", 8),
    Benchmark("growth", 30),
    Benchmark("durability", 30),
    Benchmark("recovery", 30),
    Benchmark("resting", 12),
    Benchmark("ticks", 10),
    Benchmark("lockstep", 25),
    Benchmark("front", 40),
    Benchmark("engine", 14),
    Benchmark("quotes", 5),
    Benchmark("market", 8),
    Benchmark("memory", 28),
    Benchmark("front_latency", 12),
    Benchmark("front_throughput", 12),
    Benchmark("front_fanout", 12),
    Benchmark("native_latency", 12),
    Benchmark("native_throughput", 12),
    Benchmark("native_memory", 6),
    Benchmark("web_quotes", 5),
    Benchmark("ib", 6),
    Benchmark("ib_streams", 14),
    Benchmark("front_soak", 1, soaks=True),
    Benchmark("engine_thread", 40, is_default=False),
    Benchmark("peers", 60, is_default=False),
)


def main() -> int:
    """Measure, print, and write where asked."""
    options = _options()
    if options.child:
        if options.pin:
            machine.pin()
        return _child(options.child, options.runs, options.seconds, options.soak)
    if options.profile:
        return _profile()
    wanted = [item for item in BENCHMARKS if _is_wanted(item, options)]
    if options.write and options.pin:
        raise SystemExit("--write and --pin: the figures of the READMEs are those of the machine as it is")
    if options.write and not all(item in wanted for item in BENCHMARKS if item.is_default):
        raise SystemExit("--write needs all figures: leave out --only")
    description = machine.description()
    print(
        f"ctp2 {description['ctp2']} · Python {description['python']} · {description['cores']} cores, "
        f"{description['system']}; empty call and hand-off where the targets were set: {machine.REFERENCE}"
    )
    print("median (min - max) of the runs   [target: not worse than / goal, as set for that other machine]")
    if options.pin:
        print("pinned to one core")
    if machine.load() > BUSY:
        print(f"the machine is busy with something else (load {machine.load():.1f}): measure again when it is not")
    begin = time.monotonic()
    whole = sum(item.share for item in wanted)
    figures: list[tuple[str, Figure]] = []
    calibrations: dict[str, list[machine.Calibration]] = {}
    failed: dict[str, str] = {}
    for item in wanted:
        _run_one(item, options, options.seconds * item.share / whole, figures, calibrations, failed)
    ratios = report.ratio_lines((item for _, item in figures), peers.BESIDE)
    if ratios:
        print("\n== side by side in this run: ours divided by the yardstick's")
        print("\n".join(ratios))
    print(f"\n{time.monotonic() - begin:.0f} s; failed: {', '.join(failed) or 'none'}")
    if options.json:
        _write_json(options.json, description, calibrations, figures, failed)
    if options.write and not failed:
        texts = report.blocks(
            (item for _, item in figures), description, [at for known in calibrations.values() for at in known]
        )
        for name, text in zip(("README.md", "README.zh-CN.md"), texts, strict=True):
            report.replace(ROOT / name, text)
            print(f"written: {name}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the figures of ctp2, measured and checked")
    names = [item.module for item in BENCHMARKS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs per benchmark, at most (default {RUNS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all together; fewer runs when it is short")
    parser.add_argument("--soak", type=float, default=SOAK, help="seconds of front_soak (default %(default).0f)")
    parser.add_argument("--json", metavar="FILE", help="all figures for programs; - is standard output")
    parser.add_argument("--write", action="store_true", help="put the figures into both READMEs")
    parser.add_argument("--peers", action="store_true", help="also run the yardsticks, and print ratios")
    parser.add_argument("--pin", action="store_true", help="keep each benchmark on one core, for steadier comparisons")
    parser.add_argument("--profile", action="store_true", help="only print what an order costs, by thread and function")
    parser.add_argument(CHILD, choices=names, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.runs < 1 or options.seconds <= 0 or options.soak <= 0:
        parser.error("--runs, --seconds and --soak must be above 0")
    return options


def _is_wanted(item: Benchmark, options: argparse.Namespace) -> bool:
    if options.peers and item.module == "peers":
        return True
    return item.module in options.only if options.only else item.is_default


# --- the processes ---------------------------------------------------------------------------------------------------


def _run_one(
    item: Benchmark,
    options: argparse.Namespace,
    seconds: float,
    figures: list[tuple[str, Figure]],
    calibrations: dict[str, list[machine.Calibration]],
    failed: dict[str, str],
) -> None:
    """Run a benchmark in a process of its own and print what it says as it comes."""
    name = item.module
    limit = seconds + GRACE_S + (options.soak + GRACE_S if item.soaks else 0)
    command = [sys.executable, __file__, CHILD, name, "--runs", str(options.runs), "--seconds", f"{seconds:.1f}"]
    command += ["--soak", str(options.soak)]
    command += ["--pin"] if options.pin else []
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as home:
        environment = {**os.environ, "CTP2_HOME": home, "PYTHONUTF8": "1"}
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, encoding="utf-8", timeout=limit, env=environment
            )
            output, problem = done.stdout, f"ended with {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            output, problem = "", "did not end"
    for text in output.splitlines():
        kind, value = json.loads(text)
        if kind == "machine":
            now = machine.Calibration(**value)
            known = calibrations.setdefault(name, [])
            print(f"   machine afterwards: {now}" if known else f"\n== {name} · machine before: {now}", flush=True)
            known.append(now)
        elif kind == "figure":
            found = Figure(**value)
            figures.append((name, found))
            print(report.line(found), flush=True)
        elif kind == "wrong":
            failed[name] = value
        else:
            print(f"   {value}", flush=True)
    if problem:
        failed.setdefault(name, problem)
    if name in failed:
        print(f"   FAILED: {failed[name]}", flush=True)


def _child(name: str, runs: int, seconds: float, soak: float) -> int:
    """One benchmark: a JSON line per result."""

    def tell(kind: str, value: Any) -> None:
        print(json.dumps([kind, value], ensure_ascii=False), flush=True)

    tell("machine", asdict(machine.calibrate()))
    module = importlib.import_module(f"benchmarks.{name}")
    try:
        for result in module.measure(Plan(runs, seconds, soak)):
            if isinstance(result, Figure):
                tell("figure", result.as_dict())
            else:
                tell("remark", result)
    except WrongResult as error:
        tell("wrong", str(error))
        return 1
    tell("machine", asdict(machine.calibrate()))
    return 0


def _profile() -> int:
    from benchmarks import stages

    print(f"ctp2 {machine.variant()}; {machine.calibrate()}\n")
    print(stages.profile())
    return 0


def _write_json(
    where: str,
    description: dict[str, Any],
    calibrations: dict[str, list[machine.Calibration]],
    figures: list[tuple[str, Figure]],
    failed: dict[str, str],
) -> None:
    found = {
        "machine": description,
        "calibration": {name: [asdict(at) for at in known] for name, known in calibrations.items()},
        "figures": [{"benchmark": name, **item.as_dict()} for name, item in figures],
        "failed": failed,
    }
    text = json.dumps(found, ensure_ascii=False, indent=1)
    if where == "-":
        print(text)
    else:
        Path(where).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
