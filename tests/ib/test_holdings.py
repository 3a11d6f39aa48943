"""A position told by two streams in any order, and the day made of its fills (spec ib 5.6, 5.7). By hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ctp2.ib.holdings import SETTLE_NS, Fill, Holding, exact, replay

SECOND = 1_000_000_000


def fill(number: int, change: str, price: float = 100.0, **more: Any) -> Fill:
    return Fill(f"0001f4e8.65aa0001.{number:02}.01", number * SECOND, Decimal(change), price, **more)


def flags(parts: Any) -> list[tuple[str, str]]:
    return [(part.offset, str(part.quantity)) for part in parts]


# ------------------------------------------------------------------ two streams
def test_positions_before_and_behind_their_executions() -> None:
    holding: Any = Holding()
    holding.report(Decimal(5), 0)
    assert flags(holding.fill(fill(1, "-2"))) == [("1", "2")]
    assert flags(holding.fill(fill(2, "-4"))) == [("1", "3"), ("0", "1")]
    assert holding.net == -1
    holding.report(Decimal(3), SECOND)  # of the first fill: behind
    assert (holding.net, holding.shown) == (-1, -1)
    holding.report(Decimal(-1), SECOND)
    holding.report(Decimal(1), SECOND)  # ahead of the next fill
    assert (holding.net, holding.shown) == (-1, 1)
    assert flags(holding.fill(fill(3, "2"))) == [("1", "1"), ("0", "1")]
    assert (holding.net, holding.shown) == (1, 1)


def test_a_position_that_nothing_explains_is_taken_over_after_two_seconds() -> None:
    holding: Any = Holding()
    holding.report(Decimal(5), 0)
    holding.report(Decimal(105), SECOND)  # an option was exercised
    assert holding.settle(SECOND + SETTLE_NS - 1) == 0
    assert holding.shown == 105
    assert holding.settle(SECOND + SETTLE_NS) == 100
    assert (holding.net, holding.start) == (105, 105)
    assert flags(holding.fill(fill(9, "-105"))) == [("1", "105")]


def test_at_the_first_start_the_fills_of_the_day_are_part_of_the_position() -> None:
    holding: Any = Holding()
    holding.report(Decimal(3), 0)
    # held 4; bought 2 (6), sold 8 (-2), bought 5 (3)
    holding.history([fill(1, "2"), fill(2, "-8"), fill(3, "5")])
    assert (holding.start, holding.net) == (4, 3)
    assert [flags(known.parts) for known in holding.fills] == [
        [("0", "2")],
        [("1", "6"), ("0", "2")],
        [("1", "2"), ("0", "3")],
    ]


def test_the_position_may_come_behind_the_history() -> None:
    holding: Any = Holding()
    holding.history([fill(1, "2")])
    holding.report(Decimal(10), 0)
    assert (holding.start, holding.net) == (8, 10)


def test_what_was_filled_while_the_link_was_down() -> None:
    holding: Any = Holding()
    holding.report(Decimal(2), 0)
    holding.fill(fill(1, "1"))
    holding.report(Decimal(3), 0)
    holding.forget_nets()
    holding.report(Decimal(-1), 5 * SECOND)  # after the reconnect, and then the executions
    holding.history([fill(2, "-1"), fill(3, "-3")])
    assert (holding.start, holding.net) == (2, -1)
    # from 3: sold 1 (2), sold 3 (-1)
    assert [flags(known.parts) for known in holding.fills[1:]] == [[("1", "1")], [("1", "2"), ("0", "1")]]


def test_a_correction_changes_the_totals_and_not_the_offset() -> None:
    holding: Any = Holding()
    holding.report(Decimal(0), 0)
    first = fill(1, "4", 10.0)
    holding.fill(first)
    holding.report(Decimal(4), 0)
    assert holding.find("0001f4e8.65aa0001.01.02") is first
    holding.correct(first, 2, Decimal(3), 10.5)
    assert (holding.net, first.revision, flags(first.parts)) == (3, 2, [("0", "4")])
    holding.report(Decimal(3), 0)
    day = holding.day()
    assert (day.long.opened, day.long.open_amount) == (3, 31.5)


def test_the_average_cost_until_tws_tells_its_own() -> None:
    holding: Any = Holding()
    holding.report(Decimal(0), 0)
    holding.fill(fill(1, "2", 6000.0), 50.0)
    assert holding.average_cost == 300_000.0
    holding.fill(fill(2, "2", 6100.0), 50.0)
    assert holding.average_cost == 302_500.0
    holding.fill(fill(3, "-1", 9.0), 50.0)
    assert holding.average_cost == 302_500.0
    holding.fill(fill(4, "-5", 6200.0), 50.0)  # closes 3, opens 2
    assert holding.average_cost == 310_000.0


def test_a_new_day_makes_yesterdays_of_what_is_held() -> None:
    holding: Any = Holding()
    holding.report(Decimal(10), 0)
    holding.fill(fill(1, "2"))
    holding.fill(fill(2, "-5"))
    holding.roll(lambda known: known.time_ns >= 2 * SECOND)
    assert (holding.start, holding.yesterday, holding.net) == (12, 12, 7)
    assert [known.exec_id[-5:-3] for known in holding.fills] == ["02"]
    assert holding.find("0001f4e8.65aa0001.01.01") is None


@pytest.mark.parametrize(
    ("size", "text"), [(0.1, "0.1"), (0.1 + 0.2, "0.3"), (100.0, "1E+2"), (0.0, "0"), (-0.00000001, "-1E-8")]
)
def test_sizes_are_exact(size: float, text: str) -> None:
    assert exact(size) == Decimal(text)


# ------------------------------------------------------------------ the day
def test_the_day_first_in_first_out() -> None:
    """Held 5; buys 3 @ 10 and 2 @ 20; sells 6 @ 30: yesterday's 5, and one of the three."""
    day: Any = replay(
        Decimal(5),
        [
            fill(1, "3", 10.0, commission=1.5),
            fill(2, "2", 20.0, commission=1.0),
            fill(3, "-6", 30.0, commission=3.0, realized=77.0),
        ],
    )
    assert day.net == 4
    assert (day.long.opened, day.long.open_amount) == (5, 70.0)
    assert (day.long.closed, day.long.close_amount) == (6, 180.0)
    assert (day.long.commission, day.long.close_profit) == (5.5, 77.0)
    assert (day.short.opened, day.short.closed, day.short.commission) == (0, 0, 0.0)
    assert day.of_yesterday == 0
    assert [(lot.quantity, lot.closed, lot.close_amount) for lot in day.lots] == [(2, 1, 30.0), (2, 0, 0.0)]


def test_a_fill_across_zero_is_shared_by_both_directions() -> None:
    """Long 4, sells 10 @ 7 for a commission of 5: closes 4 (2.0), opens 6 short (3.0)."""
    day: Any = replay(Decimal(4), [fill(1, "-10", 7.0, commission=5.0, realized=-8.0)])
    assert (day.long.closed, day.long.close_amount, day.long.commission, day.long.close_profit) == (4, 28.0, 2.0, -8.0)
    assert (day.short.opened, day.short.open_amount, day.short.commission, day.short.close_profit) == (6, 42.0, 3.0, 0)
    assert (day.net, day.of_yesterday) == (-6, 0)
    assert [(lot.quantity, lot.fill is not None) for lot in day.lots] == [(6, True)]


def test_what_is_left_of_yesterday() -> None:
    day: Any = replay(Decimal(-5), [fill(1, "2", 7.0), fill(2, "-1", 8.0)])
    assert (day.of_yesterday, day.net) == (3, -4)
    assert (day.short.closed, day.short.opened) == (2, 1)
