"""Seeded random games until the time is over: ``python -m tests.tts.fuzz SEED [--games N] [--steps N] [--seconds N]``.

Game number n of ``SEED`` is played with the seed ``SEED * 1000000 + n``; a failure names it, and
``python -m tests.tts.fuzz --only SEED`` plays that one game again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.tts.recovery import recover, totals
from tests.tts.referee import Referee


def play(seed: int, steps: int) -> Referee:
    """One game: the judge agrees after every action, and the events alone make the same state."""
    referee = Referee(seed)
    referee.play(steps)
    if totals(recover(referee)) != totals(referee.desk.state):
        raise AssertionError(f"seed {seed}: the events alone make another state")
    return referee


def main() -> int:
    """Play; 1 when the judge disagrees."""
    parser = argparse.ArgumentParser(description="random order flow with an independent judge")
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--games", type=int, default=100000)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", type=int, help="play this one game")
    arguments = parser.parse_args()
    if arguments.only is not None:
        arguments.seed, arguments.games = 0, 1
    started = time.monotonic()
    kinds: Counter[str] = Counter()
    played = 0
    for number in range(arguments.games):
        if played and time.monotonic() - started > arguments.seconds:
            break
        seed = arguments.only if arguments.only is not None else arguments.seed * 1_000_000 + number
        try:
            kinds += play(seed, arguments.steps).kinds
        except AssertionError as error:
            print(f"{error}\nagain: python -m tests.tts.fuzz --only {seed} --steps {arguments.steps}", file=sys.stderr)
            return 1
        played += 1
    counts = ", ".join(f"{count} {name}" for name, count in sorted(kinds.items()))
    print(f"seed {arguments.seed}: {played} games of {arguments.steps} actions agree ({counts})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
