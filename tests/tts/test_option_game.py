"""Seeded games with options: every amount agrees with the judge's after every action, and with the log's."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.tts.option_game import OptionGame

SEEDS = range(1, 13)
STEPS = 150


@pytest.mark.parametrize("seed", SEEDS)
def test_the_counter_agrees_with_the_judge(seed: int) -> None:
    OptionGame(seed).play(STEPS)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_events_alone_make_the_same_state(seed: int) -> None:
    game = OptionGame(seed)
    game.play(STEPS)
    game.check_log()


def test_the_games_are_not_empty() -> None:
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        game = OptionGame(seed)
        game.play(STEPS)
        kinds += game.kinds
    assert kinds["TradeDone"] > 150 and kinds["ExerciseReported"] > 50 and kinds["DeclarationRefused"] > 100
    assert kinds["InsertRefused"] > 100
