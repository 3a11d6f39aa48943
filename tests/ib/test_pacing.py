"""Messages on their way to TWS: at most 45 in 1.25 s, cancels first (spec ib 2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctp2.ib.pacing import RATE, WINDOW_S, Pacer, Priority
from tests.ib.fakelink import FakeTimers


class Desk:
    """A pacer, and when which message went out."""

    def __init__(self) -> None:
        self.timers = FakeTimers()
        self.pacer = Pacer(self.timers)
        self.sent: list[tuple[float, str]] = []

    def put(self, name: str, priority: Priority = Priority.QUERY, key: object = None) -> None:
        self.pacer.put(priority, lambda: self.sent.append((self.timers.monotonic(), name)), key)

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.sent]


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.timers.close()


def test_what_may_go_goes_at_once_in_order(desk: Desk) -> None:
    for name in "abc":
        desk.put(name)
    assert desk.sent == [(0.0, "a"), (0.0, "b"), (0.0, "c")]


def test_never_more_than_the_rate_in_any_second(desk: Desk) -> None:
    for number in range(200):
        desk.put(str(number), Priority.SUBSCRIBE)
        if number % 10 == 0:
            desk.timers.advance(0.07)
    desk.timers.advance(10)
    times = [at for at, _ in desk.sent]
    assert len(times) == 200
    assert all(later - first >= WINDOW_S - 1e-9 for first, later in zip(times, times[RATE:], strict=False))


def test_the_urgent_overtake(desk: Desk) -> None:
    for number in range(RATE):
        desk.put(f"first {number}")
    desk.put("subscribe", Priority.SUBSCRIBE)
    desk.put("query", Priority.QUERY)
    desk.put("insert", Priority.INSERT)
    desk.put("cancel", Priority.CANCEL)
    assert desk.names[RATE:] == []
    desk.timers.advance(WINDOW_S)
    assert desk.names[RATE:] == ["cancel", "insert", "query", "subscribe"]


def test_a_message_that_waits_can_be_taken_back(desk: Desk) -> None:
    for number in range(RATE):
        desk.put(f"first {number}")
    desk.put("wanted no more", key="k")
    assert desk.pacer.is_waiting("k")
    assert desk.pacer.discard("k")
    assert not desk.pacer.discard("k")
    desk.timers.advance(2.0)
    assert len(desk.names) == RATE


def test_after_a_complaint_nothing_goes_for_a_second(desk: Desk) -> None:
    desk.pacer.back_off()
    desk.put("a")
    desk.timers.advance(0.9)
    assert desk.names == []
    desk.timers.advance(0.2)
    assert desk.names == ["a"]


def test_what_waits_when_the_link_breaks_is_never_sent(desk: Desk) -> None:
    for number in range(RATE + 5):
        desk.put(str(number))
    desk.pacer.clear()
    desk.timers.advance(5.0)
    assert len(desk.names) == RATE
    desk.put("of the next link")
    assert desk.names[-1] == "of the next link"
