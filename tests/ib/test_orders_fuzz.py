"""Seeded days of orders at a broker that repeats itself, mixes up, leaves out and is cut off; a judge reads what comes.

The broker knows the truth and nothing of the adapter; the judge knows CTP's rules and the truth, and nothing of the
state machine: it sees what a client sees.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ctp2.core.backend import Event
from ctp2.ib import records
from ctp2.ib.records import OrderSpec
from tests.ib.orderdesk import OrderDesk, ended, fill, listing, problem, status

SEEDS = range(120)
STEPS = 60
LIVE = "Submitted"


class Held(msgspec.Struct):
    """An order as the broker has it."""

    spec: OrderSpec
    state: str
    filled: int = 0
    is_listed: bool = True


class Broker:
    """Plays TWS: reads what the adapter sends when it likes, and tells what happened in batches."""

    def __init__(self, desk: OrderDesk, chance: random.Random) -> None:
        self.desk = desk
        self.chance = chance
        self.held: dict[int, Held] = {}
        self.fills: list[records.Execution] = []
        self.refused: set[int] = set()
        self._read = 0
        self._outbox: list[list[records.Record]] = []
        answers = desk.link.answers
        answers["open_orders"], answers["completed_orders"] = self._open_orders, self._completed
        answers["executions"] = self._executions

    # --- answers
    def _catch_up(self) -> None:
        """One connection carries all: what was sent before a question is read before it, and told before its answer."""
        while self.is_unread:
            self.read()
        self.flush()

    def _executions(self, account: str) -> list[records.Execution]:
        self._catch_up()
        return [msgspec.structs.replace(row, req_id=9) for row in self.fills]

    def _open_orders(self) -> list[records.OpenOrder]:
        self._catch_up()
        rows = [listing(LIVE, held.spec) for held in self.held.values() if held.state == LIVE]
        for row in rows:
            self.desk.link.tell(row, self._status(row.order_id))
        return rows

    def _completed(self) -> list[records.CompletedOrder]:
        self._catch_up()
        done = [held for held in self.held.values() if held.state != LIVE and held.is_listed]
        return [ended(held.state, held.spec, held.filled) for held in done]

    def _status(self, number: int) -> records.OrderStatus:
        held = self.held[number]
        return status(held.state, held.filled, number, held.spec.quantity)

    # --- the wire
    def read(self) -> None:
        """Take one message of the adapter."""
        calls = self.desk.link.calls
        while self._read < len(calls):
            name, *args = calls[self._read]
            self._read += 1
            if name == "place":
                self._placed(args[0])
                return
            if name == "cancel":
                self._cancel(args[0])
                return

    def skip(self) -> None:
        """What was not read when the connection broke never came."""
        self._read = len(self.desk.link.calls)
        self._outbox.clear()

    @property
    def is_unread(self) -> bool:
        return any(call[0] in ("place", "cancel") for call in self.desk.link.calls[self._read :])

    @property
    def is_behind(self) -> bool:
        return bool(self._outbox) or self.is_unread

    def tell(self) -> None:
        """Send one batch: mixed up, some of it twice."""
        if self._outbox:
            batch = self._outbox.pop(0)
            batch += [record for record in batch if self.chance.random() < 0.2]
            self.chance.shuffle(batch)
            self.desk.tell(*batch)

    def flush(self) -> None:
        while self._outbox:
            self.desk.link.tell(*self._outbox.pop(0))

    def _say(self, *batch: records.Record, least: int = 1) -> None:
        """Queue a batch; all but ``least`` of it may be left out."""
        kept = list(batch)
        while len(kept) > least and self.chance.random() < 0.3:
            kept.pop(self.chance.randrange(len(kept)))
        self._outbox.append(kept)

    # --- what happens
    def _placed(self, spec: OrderSpec) -> None:
        number = spec.order_id
        held = self.held.get(number)
        if held is not None:
            self._modified(held, spec)
        elif self.chance.random() < 0.15:
            self.refused.add(number)
            self._outbox.append([problem(201, "rejected", number)])
        else:
            held = self.held[number] = Held(spec, LIVE)
            self._say(listing(LIVE, spec), self._status(number))

    def _modified(self, held: Held, spec: OrderSpec) -> None:
        number = spec.order_id
        if held.state != LIVE or spec.quantity <= held.filled:
            self._outbox.append([problem(104, "filled", number)])
        elif self.chance.random() < 0.3:
            self._outbox.append([problem(110, "tick", number)])
        else:
            held.spec = spec
            self._outbox.append([listing(LIVE, spec)])

    def _cancel(self, number: int) -> None:
        held = self.held.get(number)
        if held is None:
            self._outbox.append([problem(10147, "unknown", number)])
        elif held.state != LIVE:
            self._outbox.append([problem(10148, "final", number)])
        else:
            self._end(held)

    def _end(self, held: Held) -> None:
        held.state = "Cancelled"
        number = held.spec.order_id
        self._say(self._status(number), problem(202, "Order Canceled", number))

    def happen(self) -> None:
        """Something at the exchange."""
        live = [held for held in self.held.values() if held.state == LIVE]
        if not live:
            return
        held = self.chance.choice(live)
        number, left = held.spec.order_id, int(held.spec.quantity) - held.filled
        if self.chance.random() < 0.15:
            self._end(held)
            return
        volume = self.chance.randint(1, left)
        held.filled += volume
        execution = fill(len(self.fills) + 1, volume, number, cum_qty=held.filled, order_ref=held.spec.order_ref)
        self.fills.append(execution)
        if held.filled == held.spec.quantity:
            held.state = "Filled"
        batch: list[records.Record] = [listing(held.state, held.spec), self._status(number)]
        while batch and self.chance.random() < 0.3:
            batch.pop(self.chance.randrange(len(batch)))
        self._outbox.append([execution, *batch])


class Day:
    """The client, the broker, and what the client saw."""

    def __init__(self, desk: OrderDesk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)
        self.broker = Broker(desk, self.chance)
        self.seen: list[Event] = []
        self.refs: list[str] = []
        self.never: set[int] = set()

    def run(self) -> None:
        doings = [self.insert] * 3 + [self.cancel, self.modify, self.cut] + [self.broker.happen] * 4
        doings += [self.broker.read] * 5 + [self.broker.tell] * 6 + [self.wait] * 2
        for _ in range(STEPS):
            self.chance.choice(doings)()
            self.seen += self.desk.events()
        while self.broker.is_behind:
            self.broker.read()
            self.broker.tell()
        for _ in range(10):
            self.desk.advance(15)
            while self.broker.is_behind:
                self.broker.read()
                self.broker.tell()
        self.seen += self.desk.events()

    def insert(self) -> None:
        self.refs.append(str(len(self.refs) + 1))
        self.desk.insert(self.refs[-1], VolumeTotalOriginal=self.chance.randint(1, 9))

    def cancel(self) -> None:
        if self.refs:
            self.desk.action(self.chance.choice(self.refs))

    def modify(self) -> None:
        if self.refs:
            price = self.chance.choice((0.0, 10.5, 11.0))
            self.desk.action(
                self.chance.choice(self.refs), "3", LimitPrice=price, VolumeChange=self.chance.randint(-2, 3)
            )

    def wait(self) -> None:
        self.desk.advance(self.chance.choice((0.1, 0.5, 1.5, 4.0, 12.0)))

    def cut(self) -> None:
        for _ in range(self.chance.randint(0, 3)):
            self.broker.read()
        self.desk.cut()
        self.broker.skip()
        if self.chance.random() < 0.5:
            self.broker.happen()
            self.broker.skip()  # nobody is there to hear it
        self.desk.advance(self.chance.choice((0.5, 20.0)))
        self.desk.reconcile()


# ------------------------------------------------------------------ the judge
FOLLOWS = {"a": "a3105", "3": "310 5a", "1": "105a", "0": "0", "5": "5"}
"""OrderStatus → what may follow (a fill may come behind a refusal that was none: not here)."""


def judge(day: Day) -> list[str]:
    """What a client could complain of."""
    complaints: list[str] = []
    placed = {spec.order_ref.split(":")[3]: spec.order_id for spec, _ in day.desk.link.placed}
    for ref in day.refs:
        number = placed.get(ref)
        rows = [event.field for event in day.seen if event.callback == "OnRtnOrder" and event.field.OrderRef == ref]
        refusals = [event for event in day.seen if event.callback == "OnRspOrderInsert" and event.field.OrderRef == ref]
        trades = [event.field for event in day.seen if event.callback == "OnRtnTrade" and event.field.OrderRef == ref]
        complaints += [f"{ref}: {text}" for text in _of_order(day, number, rows, len(refusals), trades)]
    ids = [event.field.TradeID for event in day.seen if event.callback == "OnRtnTrade"]
    if len(ids) != len(set(ids)):
        complaints.append("a TradeID was told twice")
    if len(ids) != len(day.broker.fills):
        complaints.append(f"{len(day.broker.fills)} executions, {len(ids)} trades")
    complaints += _precedence(day)
    return complaints


def _of_order(day: Day, number: int | None, rows: list[Any], refusals: int, trades: list[Any]) -> Iterator[str]:
    held = day.broker.held.get(number or 0)
    if held is None:
        if rows and (rows[-1].OrderStatus, rows[-1].OrderSubmitStatus) != ("5", "4"):
            yield f"not at the broker, but shown as {rows[-1].OrderStatus}"
        if not rows and refusals != 1:
            yield f"neither shown nor refused once, but {refusals} times"
        return
    if refusals:
        yield "refused, but it is at the broker"
    wanted = {LIVE: "1" if held.filled else "3", "Filled": "0", "Cancelled": "5"}[held.state]
    last = rows[-1]
    if last.OrderStatus != wanted:
        yield f"{held} is shown as {last.OrderStatus}"
    if last.VolumeTraded != held.filled or sum(row.Volume for row in trades) != held.filled:
        yield f"{held}: {last.VolumeTraded} traded, trades of {sum(row.Volume for row in trades)}"
    if last.VolumeTotalOriginal != held.spec.quantity or last.LimitPrice != held.spec.lmt_price:
        yield f"{held}: shown with {last.VolumeTotalOriginal} at {last.LimitPrice}"
    if last.OrderSubmitStatus in "12":
        yield f"an action has no outcome: {last.OrderSubmitStatus}"
    if rows[0].OrderStatus != "a":
        yield f"begins with {rows[0].OrderStatus}"
    for before, after in zip(rows, rows[1:], strict=False):
        if after.OrderStatus not in FOLLOWS[before.OrderStatus]:
            yield f"{before.OrderStatus} is followed by {after.OrderStatus}"
        if after.VolumeTraded < before.VolumeTraded:
            yield "VolumeTraded falls"
        if _picture(before) == _picture(after):
            yield "the same is told twice"
    if sum(row.OrderStatus in "05" for row in rows) > 1:
        yield "it ends more than once"


def _picture(row: Any) -> tuple[Any, ...]:
    return (
        *(row.OrderStatus, row.OrderSubmitStatus, row.VolumeTraded, row.VolumeTotalOriginal, row.LimitPrice),
        *(row.OrderSysID, row.StatusMsg),
    )


def _precedence(day: Day) -> Iterator[str]:
    """The order that shows a fill precedes its trade, and bears its OrderSysID."""
    shown: dict[str, Any] = {}
    traded: dict[str, int] = {}
    for event in day.seen:
        if event.callback == "OnRtnOrder":
            shown[event.field.OrderRef] = event.field
        elif event.callback == "OnRtnTrade":
            ref = event.field.OrderRef
            traded[ref] = traded.get(ref, 0) + event.field.Volume
            row = shown.get(ref)
            if row is None or row.VolumeTraded < traded[ref] or row.OrderSysID != event.field.OrderSysID:
                yield f"{ref}: a trade without the order that shows it"


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day(seed: int) -> None:
    desk = OrderDesk("ib://127.0.0.1:7497?enforce_close=0")
    try:
        day = Day(desk, seed)
        day.run()
        assert judge(day) == []
    finally:
        desk.close()
