"""Opening a counter that finds a log: 100,000 orders and trades, and a million events.

Method: orders are given to a counter's engine on its thread (``durability=none``, so the log is as a busy day leaves
it, many orders to a commit). Buys that open and sells that close in turn, all traded. Then the counter is closed and
opened again, timed from ``registry.acquire`` to its return, the recorded day included: once from the log alone, once
from the snapshot that closing left. Checked: number of trades, balance, and what the flow has told.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.desk import INSTRUMENT, counter_address
from benchmarks.figures import Figure, Plan, figure, require
from ctp2 import registry
from ctp2.core.address import parse
from ctp2.tts.commands import ConfirmSettlement, InsertOrder, Quote, SetPhase

ORDERS: Final = 100_000
EVENTS: Final = 1_000_000
PER_ORDER: Final = 4.5
"""OrderInserted, its states and its trade; CFFEX tells an order that trades at once a state less."""
_ECHO: Final = ("9999", *("",) * 10)
_USER: Final = "bench"


def trade(backend: Any, orders: int) -> tuple[int, int, int]:
    """Buy and sell in turn; returns trades, balance (micro-units) and how much was told."""
    engine, counter = backend.engine, backend.counter
    backend.open_account(_USER)
    counter.publish(engine.confirm_settlement(ConfirmSettlement(1, _USER)))
    contract = next(one for one in backend.world.day_contracts if one.code == INSTRUMENT)
    engine.set_phase(SetPhase(1, contract.index, "2"))
    bid = contract.pre_settlement // contract.tick_units * contract.tick_units
    engine.quote(Quote(1, contract.index, bid, bid, 10, bid + contract.tick_units, 10))
    high, low = (limit / contract.price_scale for limit in (contract.upper_limit, contract.lower_limit))
    for number in range(1, orders + 1):
        sells = number % 2 == 0
        side, offset, price = ("1", "1", low) if sells else ("0", "0", high)
        command = InsertOrder(
            1, 1, 1, _USER, _USER, _USER, contract.exchange, contract.code, str(number), side, offset, price, 1,
            echo=_ECHO,
        )  # fmt: skip
        counter.publish(engine.insert_order(command))
    return facts(backend)


def facts(backend: Any) -> tuple[int, int, int]:
    """What must be there again."""
    account = backend.engine.state.accounts[_USER]
    return len(account.trades), account.purse("CNY").balance(), len(backend.flow(_USER).told)


def opened(address: str, expected: tuple[int, int, int]) -> float:
    """Seconds that opening takes."""
    begin = time.perf_counter()
    backend: Any = registry.acquire(parse(address))
    seconds = time.perf_counter() - begin
    try:
        found = backend.counter.call(lambda: facts(backend))
        require(found == expected, f"{found} instead of {expected} are there")
    finally:
        registry.release(backend)
    return seconds


def one_run(orders: int) -> list[float]:
    """Seconds from the log alone, and with the snapshot."""
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
        path = os.path.join(folder, "a.db")
        address = counter_address(options=f"&db={path}&durability=none")
        backend: Any = registry.acquire(parse(address))
        expected = backend.counter.call(lambda: trade(backend, orders))
        registry.release(backend)
        require(expected[0] == orders, f"{expected[0]} of {orders} orders traded")
        with_snapshot = opened(address, expected)
        os.unlink(f"{path}.snapshot")
        return [opened(address, expected), with_snapshot]


def measure(plan: Plan) -> Iterator[Figure]:
    """Seconds to open."""
    runs = plan.repeat(lambda: [*one_run(ORDERS), *one_run(round(EVENTS / PER_ORDER))])
    yield figure("restart with 100,000 orders and trades, from the log", "s", (r[0] for r in runs), "1.5", "0.5")
    yield figure("restart with 100,000 orders and trades, from the snapshot", "s", (r[1] for r in runs), "1.5", "0.5")
    yield figure("restart with a million events, from the log", "s", (r[2] for r in runs), "10", "3")
    yield figure("restart with a million events, from the snapshot", "s", (r[3] for r in runs), "10", "3")
