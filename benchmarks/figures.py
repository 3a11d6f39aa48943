"""What every benchmark hands back, and how its runs become one figure."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


class WrongResult(Exception):
    """A benchmark's own check failed: its figure means nothing."""


def require(condition: object, text: str) -> None:
    """Refuse the figure when ``condition`` does not hold (not ``assert``: it must also hold under ``-O``)."""
    if not condition:
        raise WrongResult(text)


@dataclass(slots=True)
class Figure:
    """A median with its range over the runs. ``target`` and ``goal`` are PERFORMANCE.md's, to be read beside it."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    runs: int
    target: str = ""
    goal: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


Result = Figure | str
"""What a benchmark yields: a figure, or a remark about one that it left out."""


@dataclass(slots=True)
class Plan:
    """How often to measure, and how long a benchmark may go on measuring (its last run ends after that)."""

    runs: int = 5
    seconds: float = 20.0
    soak: float = 300.0
    """Seconds for what must be watched for long."""
    started: float = field(default_factory=time.perf_counter)

    def repeat(self, measure: Callable[[], Sequence[float]]) -> list[Sequence[float]]:
        """The results of up to ``runs`` calls of ``measure``: at least one, none that would probably end too late."""
        results: list[Sequence[float]] = []
        longest = 0.0
        while len(results) < self.runs:
            begin = time.perf_counter()
            if results and begin - self.started + longest > self.seconds:
                break
            gc.collect()
            results.append(measure())
            longest = max(longest, time.perf_counter() - begin)
        return results


def figure(name: str, unit: str, values: Iterable[float], target: str = "", goal: str = "", note: str = "") -> Figure:
    """One figure of the values of several runs."""
    found = list(values)
    return Figure(name, unit, statistics.median(found), min(found), max(found), len(found), target, goal, note)


def percentile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))]


def shown(value: float) -> str:
    """A value with three or more significant digits, and thousands apart."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"
