"""Orders that wait, at random, beside a judge that looks at each of them at every quote; and from the log alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from ctp2.testing import parkdesk
from ctp2.testing.desk import Desk
from ctp2.testing.orderflow import Dice
from ctp2.tts.conditions import ConditionFailed, ConditionReport, StopLeft, StopPlaced
from ctp2.tts.events import OrderReport
from ctp2.tts.parked import ParkedPut, ParkedSent
from tests.tts.recovery import Replica, fingerprint, totals

HOLDS: dict[str, Callable[..., bool]] = {
    "5": lambda last, ask, bid, stop: last > stop,
    "6": lambda last, ask, bid, stop: last >= stop,
    "7": lambda last, ask, bid, stop: last < stop,
    "8": lambda last, ask, bid, stop: last <= stop,
    "9": lambda last, ask, bid, stop: ask is not None and ask > stop,
    "A": lambda last, ask, bid, stop: ask is not None and ask >= stop,
    "B": lambda last, ask, bid, stop: ask is not None and ask < stop,
    "C": lambda last, ask, bid, stop: ask is not None and ask <= stop,
    "D": lambda last, ask, bid, stop: bid is not None and bid > stop,
    "E": lambda last, ask, bid, stop: bid is not None and bid >= stop,
    "F": lambda last, ask, bid, stop: bid is not None and bid < stop,
    "H": lambda last, ask, bid, stop: bid is not None and bid <= stop,
    "2 buys": lambda last, ask, bid, stop: last >= stop,
    "2 sells": lambda last, ask, bid, stop: last <= stop,
    "3 buys": lambda last, ask, bid, stop: last <= stop,
    "3 sells": lambda last, ask, bid, stop: last >= stop,
}
"""Spec 0.2, read off the table; a stop loses, a take-profit gains."""
CODES = ("X", "Y")


@dataclass
class Waiting:
    """One waiting order as the judge knows it."""

    name: str
    code: str
    rule: str
    stop: Decimal


class Game:
    """A desk, a judge, and the events that the log would hold."""

    def __init__(self, seed: int, money: str = "3000000") -> None:
        self.dice = Dice(seed)
        self.desk = new_desk(money)
        self.replica = Replica(new_desk(money).state)
        self.events: list[Any] = []
        self.waiting: list[Waiting] = []
        self.phase = "trading"
        self.count = 0

    def play(self, steps: int) -> None:
        for _ in range(steps):
            step: Callable[[], None] = self.dice.pick(
                (self.leave, self.leave, self.quote, self.quote, self.cancel, self.turn, self.park)
            )
            step()

    def keep(self, events: Any) -> list[Any]:
        self.events.extend(events)
        self.replica.follow(events)
        return list(events)

    def name(self) -> str:
        self.count += 1
        return f"o{self.count}"

    def leave(self) -> None:
        """A conditional order, or a stop order of the exchange."""
        name, code, side = self.name(), self.dice.pick(CODES), self.dice.pick(("buys", "sells"))
        contingent = self.dice.pick("56789ABCDEFH23")
        stop = Decimal(3500) + Decimal(self.dice.roll(41) - 20) / 2  # between two ticks as often as on one
        members: dict[str, Any] = {"name": name, "contingent": contingent, "stop_price": float(stop)}
        price = 3000.0 if side == "buys" else 4000.0  # what is released rests
        events = self.keep(self.desk.insert("alice", side, "open", 1, code, price, **members))
        rule = f"{contingent} {side}" if contingent in "23" else contingent
        if any(isinstance(event, ConditionReport | StopPlaced) for event in events):
            self.waiting.append(Waiting(name, code, rule, stop))

    def quote(self) -> None:
        code, last = self.dice.pick(CODES), 3490 + self.dice.roll(21)
        bid = None if self.dice.roll(8) == 0 else last - self.dice.roll(3)
        ask = None if self.dice.roll(8) == 0 else last + self.dice.roll(3)
        sides = [f"{price}x5" if price is not None else "-" for price in (bid, ask)]
        events = self.keep(self.desk.quote(code, sides[0], sides[1], str(last)))
        touched = [w for w in self.waiting if w.code == code and HOLDS[w.rule](last, ask, bid, w.stop)]
        assert [self.named(event) for event in events if self.is_touch(event)] == [w.name for w in touched]
        self.waiting = [w for w in self.waiting if w not in touched]

    def cancel(self) -> None:
        if self.waiting:
            gone = self.dice.pick(self.waiting)
            self.keep(self.desk.cancel("alice", gone.name, self.dice.pick(("ref", "sysid"))))
            if self.desk.records[gone.name].OrderStatus == "5":
                self.waiting.remove(gone)
            else:
                assert gone.rule[0] in "23" and self.phase == "break", "the exchange refuses a cancel in a break"

    def turn(self) -> None:
        self.phase = "break" if self.phase == "trading" else "trading"
        for code in CODES:
            self.keep(self.desk.phase(code, self.phase))

    def park(self) -> None:
        name = self.name()
        events = self.keep(self.desk.insert("alice", "buys", "open", 1, "X", 3000.0, name=name, parks=True))
        assert isinstance(events[0], ParkedPut) == (self.phase == "break")
        if self.phase == "break" and self.dice.roll(3) == 0:
            self.keep(parkdesk.take_back(self.desk, "alice", name, is_cancel=False))

    @staticmethod
    def is_touch(event: Any) -> bool:
        return isinstance(event, StopLeft) or (isinstance(event, ConditionReport) and event.status == "c")

    def named(self, event: Any) -> str:
        return self.desk.names[event.order.terms.request_id]


def new_desk(money: str) -> Desk:
    desk = Desk(fills="full", order_types="exchange")
    for code in CODES:
        desk.instrument("DCE", code, limits="3000..4000", settled="3500")
        desk.quote(code, "3499x5", "3501x5", "3500")
    desk.user("alice", money)
    return desk


@pytest.mark.parametrize("seed", range(1, 9))
def test_what_a_quote_touches_is_what_the_judge_says(seed: int) -> None:
    game = Game(seed)
    game.play(300)
    assert len([event for event in game.events if game.is_touch(event)]) > 20
    assert any(isinstance(event, ParkedSent) for event in game.events)
    left = {name for contract in game.desk.state.contracts for name in names_in(game.desk, contract)}
    assert left == {waiting.name for waiting in game.waiting}


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_log_alone_makes_the_same_state(seed: int) -> None:
    game = Game(seed)
    game.play(300)
    game.replica.mark(game.desk.state)
    assert totals(game.replica.state) == totals(game.desk.state)
    assert fingerprint(game.replica.state) == fingerprint(game.desk.state)


def test_money_runs_out_at_last_and_is_said() -> None:
    """The game reaches OnRtnErrorConditionalOrder too."""
    game = Game(3, money="30000")
    game.play(300)
    assert any(isinstance(event, ConditionFailed) for event in game.events)
    assert not [event for event in game.events if isinstance(event, OrderReport) and event.order.frozen_volume < 0]


def names_in(desk: Desk, contract: Any) -> list[str]:
    waiting = contract.conditions.waiting.values() if contract.conditions is not None else ()
    return [desk.names[order.terms.request_id] for order in waiting]
