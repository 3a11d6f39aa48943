"""Random order flow with an independent judge, a few fixed seeds; ``make fuzz SEED=n`` plays many more."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.tts.recovery import recover, totals
from tests.tts.referee import Referee

SEEDS = range(1, 25)
STEPS = 250


@pytest.mark.parametrize("seed", SEEDS)
def test_the_counter_agrees_with_the_judge(seed: int) -> None:
    Referee(seed).play(STEPS)


def test_the_games_are_not_empty() -> None:
    """The seeds reach what they are there for."""
    kinds: Counter[str] = Counter()
    profiles, fills = set(), set()
    answers: Counter[str] = Counter()
    for seed in SEEDS:
        referee = Referee(seed)
        profiles.add(referee.game.profile)
        fills.add(referee.game.fills)
        judge = referee.judge
        act = judge.act

        def watched(action: object, act: object = act, judge: object = judge) -> None:
            act(action)  # type: ignore[operator]
            answers[judge.answer] += 1  # type: ignore[attr-defined]

        judge.act = watched  # type: ignore[method-assign]
        referee.play(STEPS // 2)
        kinds += referee.kinds
    assert profiles == {"exchange", "simnow", "clean"} and fills == {"full", "random"}
    assert kinds["TradeDone"] > 150 and kinds["OrderReport"] > 1000
    assert {"15", "25", "26", "30", "31", "50", "51", "91", "accepted", "rejected", "cancelled"} <= answers.keys()


@pytest.mark.parametrize("seed", [3, 8, 12])
def test_the_same_seed_makes_the_same_game(seed: int) -> None:
    first, second = Referee(seed), Referee(seed)
    first.play(STEPS)
    second.play(STEPS)
    assert first.desk.told(first.events) == second.desk.told(second.events)
    assert totals(first.desk.state) == totals(second.desk.state)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_events_alone_make_the_same_state(seed: int) -> None:
    """Recovery: ``State.evolve`` over the recorded events, without the engine."""
    referee = Referee(seed)
    referee.play(STEPS)
    assert totals(recover(referee)) == totals(referee.desk.state)
