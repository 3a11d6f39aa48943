"""An account that begins anew: what worked is cancelled, money and positions are fresh, the log says so too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ctp2.core.address import parse
from ctp2.testing.desk_night import open_day
from ctp2.testing.scenario import Scenario
from ctp2.tts import counter
from ctp2.tts.backend import running
from ctp2.tts.codec_parts import Known
from ctp2.tts.codec_read import Decoder
from ctp2.tts.events import TradeDone
from ctp2.tts.resetting import reset
from ctp2.tts.snapshot import dump, load
from ctp2.tts.statehash import state_hash
from tests.tts.programs import FIRST, Trader, address_of, is_order
from tests.tts.test_codec import _SET_UP, SCENARIOS, played
from tests.tts.test_parked import DAY as BEFORE_TRADING
from tests.tts.test_parked import parked_order
from tests.tts.wholestate import everything


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A counter with a log."""
    return address_of(tmp_path, f"&db={tmp_path / 'log.db'}")


@pytest.fixture
def alice(address: str) -> Iterator[Any]:
    """Her, when the market trades."""
    client = Trader(address).start()
    counter(address).step(FIRST)
    yield client
    client.api.Release()


def state_of(address: str) -> Any:
    """The counter's state."""
    backend = running(parse(address))
    assert backend is not None
    return backend.engine.state


def test_money_positions_and_orders(alice: Any, address: str) -> None:
    alice.fill()
    alice.fill("IF2101", 5300.0)
    resting = alice.rest()
    waiting = alice.insert("rb2105", 4500.0, ContingentCondition="5", StopPrice=4500.0, TimeCondition="3")
    alice.spi.wait_for(is_order("b"), after=waiting)
    bob = Trader(address, "bob").start()
    bob.fill()
    market = counter(address)
    market.deposit("alice", 100)
    before = len(alice.spi.calls)
    market.reset("alice")
    # Both orders are told as cancelled: the one that rests, and the condition that was not touched.
    cancelled = [alice.spi.wait_for(is_order("5"), after=before, count=number).field for number in (1, 2)]
    assert {order.OrderRef for order in cancelled} >= {resting.OrderRef}
    (money,) = alice.rows("ReqQryTradingAccount")
    assert (money.Balance, money.Available, money.PreBalance) == (10_000_000.0,) * 3
    assert (money.Deposit, money.CurrMargin, money.Commission, money.PositionProfit) == (0.0,) * 4
    for query in ("ReqQryInvestorPosition", "ReqQryInvestorPositionDetail", "ReqQryOrder", "ReqQryTrade"):
        assert alice.rows(query) == [], query
    market.step(2)  # rb2105 at 4303: nobody of hers is marked any more
    assert alice.rows("ReqQryTradingAccount")[0].Balance == 10_000_000.0
    assert [row.Position for row in bob.rows("ReqQryInvestorPosition")] == [1]
    assert alice.fill().Volume == 1  # she is confirmed still, and trades
    bob.api.Release()


def test_the_log_brings_it_back(alice: Any, address: str) -> None:
    alice.fill()
    alice.rest()
    counter(address).reset("alice")
    alice.fill("IF2101", 5300.0)
    state = state_of(address)
    kept, told = state_hash(state, with_marks=False), len(alice.private())
    alice.api.Release()
    again = Trader(address, resume=0).login()  # RESTART
    assert state_hash(state_of(address), with_marks=False) == kept
    again.spi.wait_for(lambda call: len(again.private()) == told)
    assert [row.InstrumentID for row in again.rows("ReqQryInvestorPosition")] == ["IF2101"]
    again.api.Release()


def test_the_next_day_begins_with_it(alice: Any, address: str) -> None:
    alice.fill()
    market = counter(address)
    market.reset("alice")
    market.settle()
    account = state_of(address).accounts["alice"]
    assert (account.purses["CNY"].pre_balance, account.rows) == (10_000_000 * 10**6, {})
    assert "rb2105" not in market.statement("alice")


def test_what_is_parked_goes(tmp_path: Path) -> None:
    address = address_of(tmp_path, day=BEFORE_TRADING)
    client = Trader(address).start()
    counter(address).pause()
    counter(address).step(1)
    client.ask("ReqParkedOrderInsert", **parked_order(client))
    counter(address).reset("alice")
    assert [row.Status for row in client.rows("ReqQryParkedOrder")] == ["3"]
    client.api.Release()


def test_nobody_is_nobody(tmp_path: Path) -> None:
    accounts = tmp_path / "users.csv"
    accounts.write_text("user,password\nalice,secret\n", encoding="utf-8")
    address = address_of(tmp_path, f"&accounts={accounts}")
    client = Trader(address).start()
    with pytest.raises(LookupError, match="no account 'bob'"):
        counter(address).reset("bob")
    client.api.Release()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whatever_a_scenario_leaves(scenario: Scenario) -> None:
    """Quotes, combinations, declarations, conditions, lots: all of it goes, one account after the other."""
    desk, fresh = played(scenario), played(scenario, _SET_UP)
    if desk.night.settlement is not None:
        open_day(fresh, desk.night.settlement)
    state = desk.state
    for user, account in state.accounts.items():
        others = {name: state_of_one(other) for name, other in state.accounts.items() if name != user}
        orders, before = list(account.orders), len(desk.commits)
        events = reset(engine_of(desk), user, {"CNY": 5_000_000}, desk.now_ns)
        desk._note(events)
        assert len(desk.commits) == before + 1
        money, lots, count = state_of_one(account)
        assert (money.pop("CNY"), lots, count) == ((5_000_000, 5_000_000, 0), [], 0)
        assert set(money.values()) <= {(0, 0, 0)}  # a currency that it had and does not begin with
        assert all(order.is_final() for order in orders)
        assert not any(quote.stands() for quote in state.quotes.by_id.values() if quote.account is account)
        assert not any(record.is_standing() for record in state.declared.records if record.account is account)
        assert not state.parked.waiting_of.get(user)
        assert not state.combos.standing(user)
        if not any(isinstance(event, TradeDone) for event in events):  # a stop of another's may have been set off
            assert others == {name: state_of_one(other) for name, other in state.accounts.items() if name != user}
    for contract in state.contracts:
        assert contract.holders == []
        state.mark(contract)
    decoder = Decoder(fresh.state)
    for records in desk.commits:
        decoder.apply(records)
    for mine, theirs in zip(fresh.state.contracts, state.contracts, strict=True):
        mine.last = theirs.last
        fresh.state.mark(mine)
    assert living(fresh.state) == living(state)
    restored = played(scenario, _SET_UP)
    if desk.night.settlement is not None:
        open_day(restored, desk.night.settlement)
    snapshot = msgspec.msgpack.encode(dump(engine_of(desk), {}, Known(state)))
    load(engine_of(restored), msgspec.msgpack.decode(snapshot), Known(restored.state))
    assert living(restored.state) == living(state)


def engine_of(desk: Any) -> Any:
    """Without what writes its events down."""
    return getattr(desk.engine, "_engine", desk.engine)


def living(state: Any) -> list[str]:
    """Everything but the old money and rows that finished orders still know, with the marks that they had."""
    return [line for line in everything(state) if not re.search(r"\.(purse|row|group)\b", line)]


def state_of_one(account: Any) -> tuple[dict[str, tuple[int, int, int]], list[int], int]:
    """Money, lots and the number of orders."""
    money = {
        purse.currency: (purse.balance(), purse.available(), purse.curr_margin) for purse in account.purses.values()
    }
    return money, [row.position for row in account.rows.values()], len(account.orders)
