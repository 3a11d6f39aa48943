"""Quotes into the counter's engine, with and without resting orders.

Method: the engine of a running counter whose thread sleeps, called directly: each quote is made as a command (prices
already in the engine's integers) and given to ``Engine.quote``. Bid, ask and last move by one tick from quote to quote.
Idle, and with 1,000 resting buys of one instrument, at prices drawn with a fixed seed, that no quote reaches. Nothing
is sent to anybody. Checked: no quote made an event, the engine holds the last one, and a final quote at the lower limit
fills all 1,000.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.desk import EXCHANGE, INSTRUMENT, WAIT_S, CountingSpi, Desk
from benchmarks.figures import Figure, Plan, figure, require
from ctp2.tts.commands import Quote
from ctp2.tts.events import TradeDone

QUOTES: Final = 50_000
RESTING: Final = 1_000


def feed(engine: Any, contract: Any, now_ns: int) -> float:
    """Quotes/s."""
    index, tick = contract.index, contract.tick_units
    bid, ask = contract.bid, contract.ask
    take = engine.quote
    events = 0
    begin = time.perf_counter()
    for number in range(QUOTES):
        shift = tick * (number & 1)
        if take(Quote(now_ns, index, bid + shift, bid + shift, 3, ask + shift, 3)):
            events += 1
    seconds = time.perf_counter() - begin
    require(events == 0, f"{events} quotes made events")
    require(contract.ask == ask + tick and contract.bid == bid + tick, "the engine does not hold the last quote")
    contract.bid, contract.ask = bid, ask
    return QUOTES / seconds


def measure(plan: Plan) -> Iterator[Figure]:
    """Quotes/s, idle and with resting orders."""
    spi = CountingSpi()
    with Desk(spi) as desk:
        facts = desk.open_market()
        engine: Any = desk.control._counter.engine
        contract = engine.state.by_key[(EXCHANGE, INSTRUMENT)]
        now_ns = desk.control.now_ns
        half = Plan(plan.runs, plan.seconds / 2)
        idle = half.repeat(lambda: [feed(engine, contract, now_ns)])
        spi.expect(resting=RESTING)
        desk.flood(desk.far_away(facts), RESTING)
        require(spi.done.wait(WAIT_S), f"{spi.resting} orders rest")
        busy = Plan(plan.runs, plan.seconds / 2).repeat(lambda: [feed(engine, contract, now_ns)])
        lowest = contract.lower_limit
        events = engine.quote(Quote(now_ns, contract.index, lowest, lowest - 1, 3, lowest, 3))
        filled = sum(isinstance(event, TradeDone) for event in events)
        require(filled == RESTING, f"the last quote filled {filled} of {RESTING} orders")
        desk.account()
    yield figure("quotes into the engine, idle", "/s", (run[0] for run in idle), "330,000", "1,000,000")
    yield figure("quotes into the engine, 1,000 resting orders", "/s", (run[0] for run in busy), "100,000", "400,000")
