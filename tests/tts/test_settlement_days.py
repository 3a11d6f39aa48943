"""Random days, settled one after another, with an independent judge (``days.py``)."""

from __future__ import annotations

import pytest

from tests.tts.days import Days
from tests.tts.option_game import OptionGame
from tests.tts.option_nights import Night

pytestmark = pytest.mark.proves("5.6 carry over", "6 rule 7")


@pytest.mark.parametrize("seed", range(1, 17))
def test_the_counter_and_the_judge_agree_over_days(seed: int) -> None:
    Days(seed).play_days(3, 120)


@pytest.mark.parametrize("seed", range(1, 25))
def test_the_night_after_a_day_of_options(seed: int) -> None:
    """Every third one is the last day of all options."""
    game = OptionGame(seed)
    game.play(200)
    Night(game).check()
