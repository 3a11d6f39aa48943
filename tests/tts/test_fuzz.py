"""Random order flow with an independent judge, a few fixed seeds; ``make fuzz SEED=n`` plays many more."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ctp2.testing.desk import Desk
from ctp2.tts.events import OrderReport, TradeDone
from tests.tts import fuzz
from tests.tts.invariants import Invariants
from tests.tts.recovery import Replica, fingerprint, totals
from tests.tts.referee import Referee, open_desk

SEEDS = range(1, 25)
STEPS = 250


@pytest.mark.parametrize("seed", SEEDS)
def test_the_counter_agrees_with_the_judge(seed: int) -> None:
    Referee(seed).play(STEPS)


def test_the_games_are_not_empty() -> None:
    """The seeds reach what they are there for."""
    kinds: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    games = []
    for seed in SEEDS:
        referee = Referee(seed)
        referee.play(STEPS)
        games.append(referee.game)
        kinds += referee.kinds
        answers += referee.answers
    assert {game.profile for game in games} == {"exchange", "simnow", "clean"}
    assert {game.fills for game in games} == {"full", "random"}
    traded = [market for game in games for market in game.markets]
    assert {market.exchange for market in traded} == {"SHFE", "CFFEX", "DCE", "CZCE", "INE", "GFEX"}
    assert {market.is_matched for market in traded} == {True, False}
    assert any(market.low < 0 for market in traded) and any(market.lot_margin for market in traded)
    assert kinds["TradeDone"] > 150 and kinds["OrderReport"] > 1000
    refusals = {f"error {number}" for number in (15, 22, 25, 26, 30, 31, 50, 51, 80, 91)}
    assert {*refusals, "accepted", "rejected", "cancelled"} <= answers.keys()


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
    assert totals(referee.recovered()) == totals(referee.desk.state)
    assert fingerprint(referee.recovered()) == fingerprint(referee.desk.state)


# ------------------------------------------------------------------ what the invariants notice
def _more_fee(event: Any) -> None:
    event.fee += 1


def _less_unfrozen_margin(event: Any) -> None:
    event.unfrozen_margin -= 1


def _less_unfrozen_fee(event: Any) -> None:
    event.unfrozen_fee += 1


def _another_price(event: Any) -> None:
    event.price += 1


def _more_volume(event: Any) -> None:
    event.volume += 1


def _more_margin(event: Any) -> None:
    event.margin += 1


CHANGES = [_more_fee, _less_unfrozen_margin, _less_unfrozen_fee, _another_price, _more_volume, _more_margin]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_wrong_amount_in_one_event_is_noticed(change: Any) -> None:
    """A fill that closes nothing, changed by the smallest unit."""
    referee = Referee(1)
    referee.play(STEPS)
    place = next(i for i, e in enumerate(referee.events) if isinstance(e, TradeDone) and not e.closed)
    change(referee.events[place])
    with pytest.raises(AssertionError):
        _follow_again(referee, referee.events[place].account_id)


def _follow_again(referee: Referee, user: str) -> None:
    replica = Replica(open_desk(referee.game).state)
    replica.follow(referee.events)
    replica.mark(referee.desk.state)
    replica.compare(referee.desk.state, user)


def test_a_lost_cancel_is_noticed() -> None:
    """A freeze that is never given back: in the account, if not before."""
    referee = Referee(1)
    referee.play(STEPS)
    lost = next(e for e in referee.events if isinstance(e, OrderReport) and e.released_volume)
    referee.events.remove(lost)
    with pytest.raises(AssertionError):
        _follow_again(referee, lost.account_id)


def test_games_of_a_seed_make_the_commands_asked_for() -> None:
    planned = list(fuzz.games(7, 50_000))
    assert planned[0] == 7_000_000 and len(set(planned)) == len(planned)
    assert 50_000 <= sum(map(fuzz.steps_of, planned)) < 50_000 + fuzz.LONG_STEPS
    played = fuzz.play(planned[0])
    assert not played.error and played.commands >= fuzz.STEPS


@pytest.mark.parametrize("of_row", [True, False])
def test_the_invariants_count_frozen_cash(of_row: bool) -> None:
    """A working buy of an option holds 2 x 12 x 10 of FrozenCash; one micro-unit more is found."""
    desk = Desk(profile="clean", fills="full")
    desk.instrument("DCE", "c", option="call", strike="3500", underlying="none", settled="10", limits="1..100")
    desk.user("ann", "1000")
    check = Invariants(desk.state)
    for event in desk.insert("ann", "buys", "open", 2, "c", 12.0):
        check.after(event)
    account = desk.state.accounts["ann"]
    row, purse = next(iter(account.rows.values())), account.purse("CNY")
    assert row.frozen_cash == purse.frozen_cash == 240_000_000
    if of_row:
        row.frozen_cash += 1
    else:
        purse.frozen_cash += 1
    with pytest.raises(AssertionError, match="frozen cash"):
        check.after(next(event for event in desk.cancel("ann", desk.last_name) if isinstance(event, OrderReport)))
