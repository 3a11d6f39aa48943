"""What waits for one client, without a network: order, conflation, limits, idleness."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.front.limits import Limits
from ctp2.front.outbox import Keys, Outbox

LIMITS = Limits(behind_events=3, waiting_events=10)


def tick(code: str, price: float) -> Event:
    return Event("OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID=code, LastPrice=price))


def order(number: int) -> Event:
    return Event("OnRtnOrder", None, topic="private", sequence=number)


class Box:
    """An outbox, and how often it woke its owner."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.woken = 0
        self.outbox = Outbox(limits, Keys(), self.wake)

    def wake(self) -> None:
        self.woken += 1

    def put(self, *events: Event) -> None:
        self.outbox.put(events)

    def take(self, most: int = 1000) -> list[Any]:
        """What comes out, shown as code and price or as the number."""
        events, _ = self.outbox.take(most)
        self.outbox.finish(len(events))
        return [(e.field.InstrumentID, e.field.LastPrice) if e.field is not None else e.sequence for e in events]


def test_nothing_is_conflated_for_who_keeps_up() -> None:
    box = Box()
    box.put(tick("a", 1.0))
    box.put(tick("a", 2.0))
    box.put(order(1), tick("a", 3.0))
    assert box.take() == [("a", 1.0), ("a", 2.0), 1, ("a", 3.0)]
    assert box.outbox.conflated == 0


def test_the_newest_takes_the_place_of_the_oldest_it_replaces() -> None:
    """Three wait, so the fourth and later are held: a=4 is replaced by a=5 and a=6, before the order and b."""
    box = Box()
    for price in (1.0, 2.0, 3.0, 4.0):
        box.put(tick("a", price))
    box.put(order(1), tick("b", 1.0))
    box.put(tick("a", 5.0), order(2), tick("a", 6.0), tick("b", 2.0))
    assert box.outbox.depth == 7
    assert box.take() == [("a", 1.0), ("a", 2.0), ("a", 3.0), ("a", 6.0), 1, ("b", 2.0), 2]
    assert box.outbox.conflated == 3
    box.put(tick("a", 7.0))
    box.put(tick("a", 8.0))
    assert box.take() == [("a", 7.0), ("a", 8.0)]


def test_a_blocked_network_is_behind_at_once() -> None:
    box = Box()
    box.outbox.is_blocked = True
    box.put(tick("a", 1.0), tick("a", 2.0))
    assert box.outbox.is_behind
    assert box.take() == [("a", 2.0)]


def test_a_slice_leaves_what_is_held_in_place() -> None:
    box = Box()
    box.outbox.is_blocked = True
    box.put(tick("a", 1.0), tick("b", 1.0), tick("c", 1.0))
    assert box.take(1) == [("a", 1.0)]
    box.put(tick("a", 2.0), tick("b", 2.0))
    assert box.take() == [("b", 2.0), ("c", 1.0), ("a", 2.0)]


def test_the_owner_is_woken_once() -> None:
    box = Box()
    box.put(order(1))
    box.put(order(2))
    assert box.woken == 1
    assert box.outbox.take(1)[1]  # more waits: the owner comes again by itself
    box.put(order(3))
    assert box.woken == 1
    assert box.take() == [2, 3]
    box.put(order(4))
    assert box.woken == 2


def test_too_much_waits() -> None:
    """Eleven wait and ten may: the next batch is one too many, and everything is forgotten."""
    box = Box()
    box.put(*(order(number) for number in range(1, 12)))
    assert not box.outbox.overflowed
    box.put(order(12))
    assert box.outbox.overflowed and box.woken == 2
    box.put(order(13))
    assert box.take() == [] and box.outbox.depth == 0


def test_one_long_answer_is_no_reason_to_be_cut() -> None:
    box = Box()
    box.put(*(order(number) for number in range(1, 1000)))
    assert not box.outbox.overflowed
    assert len(box.take()) == 999


def test_idle() -> None:
    box = Box()
    calls: list[str] = []
    box.outbox.when_idle(lambda: calls.append("at once"))
    assert calls == ["at once"]
    box.put(order(1), order(2))
    box.outbox.when_idle(lambda: calls.append("later"))
    events, _ = box.outbox.take(1)
    box.outbox.finish(len(events))
    assert calls == ["at once"]
    box.take()
    assert calls == ["at once", "later"]
    box.put(order(3))
    box.outbox.when_idle(lambda: calls.append("closed"))
    box.outbox.close()
    assert calls[2:] == ["closed"]
    box.put(order(4))
    assert box.outbox.depth == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.sampled_from("abc")),
        st.tuples(st.just("order"), st.just("")),
        st.tuples(st.just("take"), st.integers(1, 4)),
        st.tuples(st.just("block"), st.booleans()),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(steps=STEPS)
def test_whatever_happens(steps: list[tuple[str, Any]]) -> None:
    """Orders come whole and in order; prices of a code rise; what comes last is the newest; the count is right."""
    box = Box(Limits(behind_events=3, waiting_events=10_000))
    newest: dict[str, float] = {}
    got: list[Any] = []
    for number, (what, value) in enumerate(steps, 1):
        if what == "tick":
            newest[value] = float(number)
            box.put(tick(value, number))
        elif what == "order":
            box.put(order(number))
        elif what == "take":
            got += box.take(value)
        else:
            box.outbox.is_blocked = value
    while box.outbox.depth:
        got += box.take(5)
    orders = [entry for entry in got if isinstance(entry, int)]
    assert orders == [place for place, (what, _) in enumerate(steps, 1) if what == "order"]
    for code, price in newest.items():
        prices = [entry[1] for entry in got if isinstance(entry, tuple) and entry[0] == code]
        assert prices == sorted(set(prices)) and prices[-1] == price
    sent = sum(what == "tick" for what, _ in steps)
    assert sent == sum(isinstance(entry, tuple) for entry in got) + box.outbox.conflated


@pytest.mark.parametrize("threads", [4])
def test_several_threads(threads: int) -> None:
    box = Box(Limits(waiting_events=10**9))

    def send(first: int) -> None:
        for number in range(first, first + 2000):
            box.put(order(number))

    workers = [threading.Thread(target=send, args=(1 + index * 10_000,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    got: list[int] = []
    while len(got) < threads * 2000:
        got += box.take(100)
    for worker in workers:
        worker.join()
    for index in range(threads):
        own = [number for number in got if index * 10_000 < number <= (index + 1) * 10_000]
        assert own == sorted(own) and len(own) == 2000
