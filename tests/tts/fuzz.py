"""Seeded random games on all cores: ``python -m tests.tts.fuzz --seed 1 --commands 1000000`` (``make fuzz``).

Game number n of seed S is played with the seed S * 1000000 + n, whatever the number of processes. After every command
the independent judge (``naive.py``) and the counter agree, after every event the invariants (``invariants.py``) hold,
and the events alone make the same state (``recovery.py``). Every twentieth game is one with options and their own judge
(``option_game.py``), and every twentieth goes over several days (``days.py``). A failure names its game;
``--only GAME`` plays it again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.tts.days import Days
from tests.tts.option_game import OptionGame
from tests.tts.option_nights import Night
from tests.tts.recovery import fingerprint
from tests.tts.referee import Referee

STEPS = 400
LONG_STEPS = 4000
"""Every fortieth game is long: books and days fill up."""
DAYS = 4
GAMES_PER_SEED = 1_000_000


@dataclass
class Played:
    """What became of one game; ``error`` is empty when all agreed."""

    seed: int
    commands: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    error: str = ""


def steps_of(seed: int) -> int:
    """How long the game of a seed is."""
    return LONG_STEPS if seed % 40 == 39 else STEPS


def play(seed: int) -> Played:
    """One game: the judge agrees after every command, and the events alone make the same state."""
    if seed % 20 == 7:
        return _play_options(seed)
    if seed % 20 == 13:
        return _play_days(seed)
    referee = Referee(seed)
    played = Played(seed)
    try:
        referee.play(steps_of(seed))
        if fingerprint(referee.recovered()) != fingerprint(referee.desk.state):
            raise AssertionError(f"seed {seed}: the events alone make another state")
    except Exception as error:
        played.error = f"{type(error).__name__}: {error}"
    played.commands = referee.actions
    played.counts = referee.kinds + referee.answers
    return played


def _play_options(seed: int) -> Played:
    """A game with options only, and their own judge, up to the next morning."""
    game, played = OptionGame(seed), Played(seed)
    try:
        game.play(steps_of(seed))
        game.check_log()
        Night(game).check()
    except Exception as error:
        played.error = f"{type(error).__name__}: {error}"
    played.commands = game.actions
    played.counts = game.kinds
    return played


def _play_days(seed: int) -> Played:
    """A game over several days, settled after each."""
    game, played = Days(seed), Played(seed)
    try:
        game.play_days(DAYS, steps_of(seed) // DAYS)
    except Exception as error:
        played.error = f"{type(error).__name__}: {error}"
    played.commands = game.actions
    played.counts = game.kinds + game.answers
    return played


def games(seed: int, commands: int) -> Iterator[int]:
    """The seeds of the games that make so many commands."""
    number, planned = seed * GAMES_PER_SEED, 0
    while planned < commands:
        yield number
        planned += steps_of(number)
        number += 1


def summary(counts: Counter[str]) -> str:
    """What happened how often, the most frequent first."""
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def main() -> int:
    """Play; 1 when the judge disagrees."""
    parser = argparse.ArgumentParser(description="random order flow with an independent judge")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, metavar="GAME", help="play this one game")
    arguments = parser.parse_args()
    seeds = [arguments.only] if arguments.only is not None else list(games(arguments.seed, arguments.commands))
    started = told = time.monotonic()
    counts: Counter[str] = Counter()
    commands = done = 0
    with multiprocessing.get_context("spawn").Pool(min(arguments.jobs, len(seeds))) as pool:
        for played in pool.imap_unordered(play, seeds):
            if played.error:
                print(f"{played.error}\nagain: python -m tests.tts.fuzz --only {played.seed}", file=sys.stderr)
                return 1
            done += 1
            commands += played.commands
            counts += played.counts
            now = time.monotonic()
            if now - told > 10:
                told = now
                rate = commands / (now - started)
                print(f"{done} of {len(seeds)} games, {commands} commands, {rate:.0f} a second", flush=True)
    seconds = time.monotonic() - started
    print(f"seed {arguments.seed}: {done} games, {commands} commands in {seconds:.0f} s, all agree: {summary(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
