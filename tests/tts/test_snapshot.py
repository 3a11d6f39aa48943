"""Snapshots: a state as plain values and back is the same state, and trades on like it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ctp2.testing.desk_night import open_day
from ctp2.testing.scenario import Scenario
from ctp2.tts.codec_parts import Known
from ctp2.tts.kept import Told
from ctp2.tts.snapshot import dump, load
from tests.tts.option_game import OptionGame
from tests.tts.referee import Referee, open_desk
from tests.tts.test_codec import _SET_UP, SCENARIOS, EmptyDesk, LoggedDesk, played, same_state


def through_a_snapshot(live: Any, fresh: Any, flows: dict[str, Told]) -> dict[str, Told]:
    """Dump, carry as bytes, and load; the states are compared attribute by attribute."""
    live, fresh = (getattr(engine, "_engine", engine) for engine in (live, fresh))
    data = msgspec.msgpack.decode(msgspec.msgpack.encode(dump(live, flows, Known(live.state))))
    told = load(fresh, data, Known(fresh.state))
    same_state(fresh.state, live.state)
    return told


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_snapshot_after_a_scenario_holds_everything(scenario: Scenario) -> None:
    desk, fresh = played(scenario), played(scenario, _SET_UP)
    if desk.night.settlement is not None:
        open_day(fresh, desk.night.settlement)
    told = {name: Told(desk.state.orders) for name in desk.state.accounts}
    again = through_a_snapshot(desk.engine, fresh.engine, told)
    assert again.keys() == told.keys()


@pytest.mark.parametrize("seed", range(3_000, 3_006))
def test_a_snapshot_of_a_game_holds_everything(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tts.referee.Desk", LoggedDesk)
    referee = Referee(seed)
    referee.play(150)
    desk: Any = referee.desk
    monkeypatch.setattr("tests.tts.referee.Desk", EmptyDesk)
    fresh: Any = open_desk(referee.game)
    through_a_snapshot(desk.engine, fresh.engine, {})


@pytest.mark.parametrize("seed", range(11, 15))
def test_a_snapshot_of_a_game_with_options_holds_everything(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tts.option_game.Desk", LoggedDesk)
    game = OptionGame(seed)
    game.play(120)
    desk: Any = game.desk
    monkeypatch.setattr("tests.tts.option_game.Desk", EmptyDesk)
    fresh: Any = game.open_desk()
    through_a_snapshot(desk.engine, fresh.engine, {})
