"""A replay that crashed and went on from its log ends as one that ran through: same state, same market, same flows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ctp2.core.address import parse
from ctp2.tts import counter
from ctp2.tts.backend import running
from ctp2.tts.statehash import state_hash
from tests.tts.programs import Trader

OPENING, STEPS, EVERY = 1_000, 360, 60
CODES = ("IF2101", "600519")


def address(folder: Path, name: str) -> str:
    """A counter that plays the sample day by steps, with partial fills."""
    return f"tts://replay?id={name}&speed=max&seed=7&db={folder / 'a.db'}"


def act(trader: Trader, number: int) -> None:
    """What the strategy does after a step; it waits until the counter has carried it out."""
    if number % 3 == 0:
        code = CODES[number // 3 % 2]
        (tick,) = trader.rows("ReqQryDepthMarketData", InstrumentID=code)
        is_buy = number // 6 % 4 != 3
        price = tick.AskPrice1 if is_buy else tick.BidPrice1
        if 0 < price < 1e6:
            offset = "0" if is_buy else "1"
            volume = (100 if code == "600519" else 1) * (1 + number % 5)
            members = {"Direction": "01"[not is_buy], "CombOffsetFlag": offset, "ExchangeID": tick.ExchangeID}
            trader.insert(code, price - (0.2 if number % 2 else 0), volume, **members)
    trader.rows("ReqQryTradingAccount", BrokerID="9999", InvestorID=trader.user)


def run(folder: Path, name: str, crashes: bool) -> tuple[str, Any]:
    """All steps, with a new login every so often; with ``crashes`` the counter is another one after each of those."""
    place = folder / "0"
    place.mkdir(parents=True)
    where = address(place, name)
    keeper = Trader(where, "keeper").connect()
    counter(where).pause()
    counter(where).step(OPENING)
    trader = Trader(where, "alice").start()
    for number in range(1, STEPS + 1):
        counter(where).step(1)
        act(trader, number)
        if number % EVERY == 0:
            counter(where).deposit("alice", 1)  # what follows the last commit is as if it had not happened
            trader.api.Release()
            if crashes:
                after = folder / str(number)
                after.mkdir()
                for file in place.glob("a.db*"):
                    if not file.name.endswith(".lock"):
                        shutil.copy(file, after / file.name)  # what a process that is killed leaves behind
                keeper.api.Release()
                place, where = after, address(after, name)
                keeper = Trader(where, "keeper").connect()
                counter(where).pause()
            trader = Trader(where, "alice").login()
    backend: Any = running(parse(where))
    market = backend.counter.call(
        lambda: [(tick.instrument, tick.time_ns, tick.volume, tick.last) for tick in backend.world.ticks.values()]
    )
    found = backend.counter.call(lambda: state_hash(backend.engine.state, with_marks=True)), market
    told = [f"{call.name} {call.field}" for call in trader.private()]
    trader.api.Release()
    keeper.api.Release()
    return found[0], (found[1], told)


@pytest.mark.slow
def test_a_run_split_by_crashes_ends_as_one_that_ran_through(tmp_path: Path) -> None:
    through = run(tmp_path / "through", "through", crashes=False)
    split = run(tmp_path / "split", "split", crashes=True)
    assert split[1] == through[1], "the market stands where it stood, and the flow is the same"
    assert len(through[1][1]) > 100
    assert split[0] == through[0]
