"""Clocks for tests of programs."""

from __future__ import annotations

import pytest

from ctp2.core.clock import LiveClock, process_clock
from ctp2.testing.clocks import HandClock, ShiftedClock, instant_ns, use

NS = 10**9
NOON = 1_768_190_400 * NS
"""2026-01-12 12:00:00 in Beijing: 2026-01-12 00:00 UTC is 1768176000, and noon there is 04:00 UTC."""


def test_instants_are_of_beijing() -> None:
    assert instant_ns("2026-01-12 12:00:00") == NOON
    assert instant_ns("2026-01-12 12:00:00.25") == NOON + NS // 4
    with pytest.raises(ValueError, match="noon"):
        instant_ns("noon")


def test_a_clock_that_is_moved_by_hand() -> None:
    clock = HandClock("2026-01-12 12:00:00")
    assert (clock.now_ns(), clock.pace) == (NOON, 0.0)
    clock.move("12:00:05")
    assert clock.now_ns() == NOON + 5 * NS
    clock.advance(0.5)
    assert clock.now_ns() == NOON + 5 * NS + NS // 2
    clock.move("09:00:00")
    assert clock.now_ns() == NOON + 21 * 3600 * NS, "the next time that it is nine"
    clock.move("2026-01-12 13:00:00")
    assert clock.now_ns() == NOON + 21 * 3600 * NS, "time never goes back"


def test_who_waits_for_a_moment_is_told() -> None:
    clock, told = HandClock("2026-01-12 12:00:00"), list[int]()

    def note() -> None:
        told.append(clock.now_ns() - NOON)

    clock.watch(note)
    clock.advance(1)
    clock.advance(0)
    clock.unwatch(note)
    clock.unwatch(note)
    clock.advance(1)
    assert told == [NS], "not when nothing moved"


def test_a_clock_that_runs_on_in_another_time() -> None:
    clock, told = ShiftedClock("2026-01-12 12:00:00", speed=1000), list[int]()
    first = clock.now_ns()
    assert NOON <= first < NOON + 3600 * NS
    while clock.now_ns() == first:
        pass
    clock.watch(lambda: told.append(1))
    clock.jump("2026-01-13 12:00:00")
    assert clock.now_ns() >= NOON + 86400 * NS
    clock.jump(NOON)
    assert clock.now_ns() >= NOON + 86400 * NS, "time never goes back"
    assert (told, clock.pace) == ([1, 1], 1000)
    with pytest.raises(ValueError, match="above 0"):
        ShiftedClock(NOON, speed=0)


def test_the_clock_of_the_process_is_replaced_for_a_block() -> None:
    with use(HandClock("2026-01-12 12:00:00")) as outer:
        with use(ShiftedClock(NOON)) as inner:
            assert process_clock() is inner
        assert process_clock() is outer
    assert isinstance(process_clock(), LiveClock)
