"""Seeded games with options: every amount agrees with the judge's after every action, and with the log's."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ctp2.testing.desk import Desk
from ctp2.testing.optiondesk import declarations
from tests.tts.option_game import USERS, OptionGame

SEEDS = range(1, 13)
STEPS = 150


def rows(desk: Desk, user: str) -> list[Any]:
    """The position rows without SettlementPrice, the last price at a row's last change: prices are not in the log."""
    found = desk.positions(user)
    for row in found:
        row.SettlementPrice = 0.0
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_the_counter_agrees_with_the_judge(seed: int) -> None:
    OptionGame(seed).play(STEPS)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_events_alone_make_the_same_state(seed: int) -> None:
    game = OptionGame(seed)
    game.play(STEPS)
    fresh = game.recovered()
    for user in USERS:
        assert fresh.account(user) == game.desk.account(user)
        assert rows(fresh, user) == rows(game.desk, user)
        assert len(declarations(fresh, user)) == len(declarations(game.desk, user))


def test_the_games_are_not_empty() -> None:
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        game = OptionGame(seed)
        game.play(STEPS)
        kinds += game.kinds
    assert kinds["TradeDone"] > 150 and kinds["ExerciseReported"] > 50 and kinds["DeclarationRefused"] > 100
    assert kinds["InsertRefused"] > 100
