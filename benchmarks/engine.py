"""The engine alone: orders in, trades and cancels out, with up to 100,000 orders in one book.

Method: the engine of a counter that has no thread and no clients, called directly with commands made beforehand in
blocks of 1,000, outside the time; events are checked and dropped, outside it too. Once in market-making mode (orders
wait for the quote), once in matching mode (``match=``, users trade with each other). One user's buys rest at 1,000
prices far from the market, drawn with a fixed seed; another one trades: buys that open and sells that close at the
quote, or sells that take the best resting buy. Then all that still rests is cancelled by OrderSysID in drawn order.
Orders/s with a few thousand and with 100,000 resting, and the second divided by the first: what a book holds must not
matter. The collector is at its defaults.
Checked: every order rests, trades or is cancelled as it must, and nothing is frozen at the end.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from benchmarks.desk import BALANCE, EXCHANGE, INSTRUMENT
from benchmarks.figures import Figure, Plan, figure, require
from ctp2.core import address
from ctp2.tts.commands import CancelOrder, ConfirmSettlement, InsertOrder, OpenAccount, Quote, SetPhase
from ctp2.tts.config import parse
from ctp2.tts.environments import build
from ctp2.tts.events import OrderReport, TradeDone
from ctp2.tts.terms import ALL_TRADED, CANCELED, CONTINUOUS, NO_TRADE_QUEUEING

FEW: Final = 1_000
MANY: Final = 100_000
TRADES: Final = 5_000
BLOCK: Final = 1_000
NOW_NS: Final = 1_609_723_860_000_000_000
"""2021-01-04 09:31 in Beijing."""
MODES: Final = {"market making": "", "between users": f"&match={INSTRUMENT}"}


class Bench:
    """An engine with a user whose orders rest and one who trades."""

    def __init__(self, mode: str) -> None:
        text = f"tts://replay?data=sample&fills=full&seed=1&id=engine{MODES[mode]}"
        self.engine: Any = build(parse(address.parse(text)), NOW_NS).engine
        self.is_matched = bool(MODES[mode])
        self.draw = random.Random(1)
        self.refs = {"rest": 0, "trade": 0}
        for account_id in self.refs:
            self.engine.open_account(OpenAccount(NOW_NS, account_id, {"CNY": BALANCE * 1_000_000}))
            self.engine.confirm_settlement(ConfirmSettlement(NOW_NS, account_id))
        contract = self.contract = self.engine.state.by_key[(EXCHANGE, INSTRUMENT)]
        self.engine.set_phase(SetPhase(NOW_NS, contract.index, CONTINUOUS))
        middle = (contract.lower_limit + contract.upper_limit) // 2 // contract.tick_units * contract.tick_units
        self.engine.quote(Quote(NOW_NS, contract.index, middle, middle, 9, middle + contract.tick_units, 9))
        self.resting: list[int] = []

    def order(self, account_id: str, direction: str, offset: str, units: int) -> InsertOrder:
        """A limit order of one lot."""
        self.refs[account_id] += 1
        return InsertOrder(
            NOW_NS,
            1,
            1 if account_id == "rest" else 2,
            account_id,
            account_id,
            account_id,
            EXCHANGE,
            INSTRUMENT,
            str(self.refs[account_id]),
            direction,
            offset,
            units / self.contract.price_scale,
            1,
        )

    def timed(self, number: int, make: Callable[[int], Any], take: Callable[[Any], Any], status: str) -> float:
        """Seconds in which ``take`` carries out ``number`` commands; each must end with an order in ``status``."""
        seconds = 0.0
        for begin in range(0, number, BLOCK):
            commands = [make(begin + place) for place in range(min(BLOCK, number - begin))]
            start = time.perf_counter()
            told = [take(command) for command in commands]
            seconds += time.perf_counter() - start
            for events in told:
                reports = [event for event in events if isinstance(event, OrderReport)]
                require(bool(reports) and reports[-1].status == status, f"an order is not in state {status}")
                if status == ALL_TRADED:
                    require(any(isinstance(event, TradeDone) for event in events), "an order did not trade")
                if status == NO_TRADE_QUEUEING:
                    self.resting.append(reports[-1].sys_id)
        return seconds

    def rest(self, number: int) -> float:
        """Seconds until ``number`` more orders rest."""
        low, tick = self.contract.lower_limit, self.contract.tick_units

        def make(_: int) -> InsertOrder:
            return self.order("rest", "0", "0", low + self.draw.randrange(1000) * tick)

        return self.timed(number, make, self.engine.insert_order, NO_TRADE_QUEUEING)

    def trade(self) -> float:
        """Seconds for the trades of another user."""

        def make(place: int) -> InsertOrder:
            if self.is_matched:
                return self.order("trade", "1", "0", self.contract.lower_limit)
            is_buy = place % 2 == 0
            units = self.contract.upper_limit if is_buy else self.contract.lower_limit
            return self.order("trade", "0" if is_buy else "1", "0" if is_buy else "3", units)

        return self.timed(TRADES, make, self.engine.insert_order, ALL_TRADED)

    def cancel(self) -> tuple[int, float]:
        """How many still rested, and the seconds until all are cancelled."""
        state = self.engine.state
        left = [number for number in self.resting if not state.by_sys_id[number].is_final()]
        self.draw.shuffle(left)

        def make(place: int) -> CancelOrder:
            sys_id = str(left[place]).rjust(12)
            return CancelOrder(NOW_NS, "rest", "rest", "rest", EXCHANGE, INSTRUMENT, sys_id, 0, 0, "", "0")

        seconds = self.timed(len(left), make, self.engine.cancel_order, CANCELED)
        require(state.accounts["rest"].purse("CNY").frozen_margin == 0, "money is still frozen")
        return len(left), seconds


def one_run(mode: str) -> list[float]:
    """Rates: inserts and trades with few and with many orders there, cancels."""
    bench = Bench(mode)
    bench.rest(FEW + TRADES)
    few_trades = TRADES / bench.trade()
    few = 10_000 / bench.rest(10_000)
    bench.rest(MANY - 20_000)
    many = 10_000 / bench.rest(10_000)
    many_trades = TRADES / bench.trade()
    number, seconds = bench.cancel()
    return [few, many, few_trades, many_trades, number / seconds]


def measure(plan: Plan) -> Iterator[Figure]:
    """Orders/s of each kind, in both modes."""
    for place, mode in enumerate(MODES, 1):
        share = Plan(plan.runs, plan.seconds * place / len(MODES), plan.started)
        runs = share.repeat(partial(one_run, mode))
        yield figure(f"engine alone, {mode}: resting orders, a few thousand there", "/s", (run[0] for run in runs))
        yield figure(f"engine alone, {mode}: resting orders, 100,000 there", "/s", (run[1] for run in runs))
        yield figure(f"engine alone, {mode}: trades, a few thousand resting", "/s", (run[2] for run in runs))
        yield figure(f"engine alone, {mode}: trades, 100,000 resting", "/s", (run[3] for run in runs))
        yield figure(f"engine alone, {mode}: trades, the second divided by the first", "×", (r[3] / r[2] for r in runs))
        yield figure(f"engine alone, {mode}: cancels, from 100,000 down to none", "/s", (run[4] for run in runs))
