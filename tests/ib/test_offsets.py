"""Open and close at a broker that nets positions (spec ib 5.7): every case worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ctp2.ib.offsets import Part, Working, closable, closes_by_opening, derive, frozen, refusal

# position before, bought (+) or sold (-), parts: flag, size, what TradeID is made with besides the execId
FILLS = [
    ("0", "3", [("0", "3", "")]),
    ("0", "-3", [("0", "3", "")]),
    ("5", "3", [("0", "3", "")]),
    ("-5", "-3", [("0", "3", "")]),
    ("5", "-3", [("1", "3", "")]),
    ("5", "-5", [("1", "5", "")]),
    ("-5", "5", [("1", "5", "")]),
    ("5", "-8", [("1", "5", "C"), ("0", "3", "O")]),
    ("-5", "6", [("1", "5", "C"), ("0", "1", "O")]),
    ("0.25", "-0.75", [("1", "0.25", "C"), ("0", "0.50", "O")]),
]


@pytest.mark.parametrize(("before", "change", "parts"), FILLS)
def test_what_a_fill_without_a_tag_was(before: str, change: str, parts: list[tuple[str, str, str]]) -> None:
    wanted = tuple(Part(flag, Decimal(size), suffix) for flag, size, suffix in parts)
    assert derive(Decimal(before), Decimal(change)) == wanted


def working(*orders: tuple[str, int, str]) -> list[Working]:
    return [Working(side == "buy", Decimal(size), flag) for side, size, flag in orders]


# net position, working orders, direction of the next order, bound by the working ones, what it could close
BOUND = [
    (5, [], "sell", 0, 5),
    (5, [], "buy", 0, 0),
    (-5, [], "buy", 0, 5),
    (0, [("sell", 2, "1")], "sell", 0, 0),
    (5, [("sell", 2, "1")], "sell", 2, 3),
    (5, [("sell", 2, "3"), ("sell", 1, "4")], "sell", 3, 2),
    (5, [("sell", 2, "0")], "sell", 0, 5),  # it asks to open
    (5, [("buy", 2, "1")], "sell", 0, 5),  # another direction
    (5, [("sell", 3, "")], "sell", 3, 2),  # of another client: closes what there is
    (5, [("sell", 4, "1"), ("sell", 3, "")], "sell", 5, 0),  # and never more than there is
    (-5, [("buy", 4, "1")], "buy", 4, 1),
]


@pytest.mark.parametrize(("net", "orders", "side", "bound", "left"), BOUND)
def test_what_is_bound_and_what_can_be_closed(
    net: int, orders: list[tuple[str, int, str]], side: str, bound: int, left: int
) -> None:
    is_buy = side == "buy"
    assert frozen(Decimal(net), working(*orders), is_buy=is_buy) == bound
    assert closable(Decimal(net), working(*orders), is_buy=is_buy) == left


# flag, direction, size, net position, bound by working closes, error
ORDERS = [
    ("1", "sell", 5, 5, 0, 0),
    ("1", "sell", 6, 5, 0, 30),
    ("3", "sell", 5, 5, 1, 30),
    ("4", "sell", 4, 5, 1, 0),
    ("1", "buy", 1, 5, 0, 30),
    ("1", "buy", 5, -5, 0, 0),
    ("1", "sell", 1, 0, 0, 30),
    ("0", "sell", 100, 5, 5, 0),
    ("0", "buy", 100, -5, 0, 0),
]


@pytest.mark.parametrize(("flag", "side", "size", "net", "bound", "error"), ORDERS)
def test_a_close_beyond_the_position_is_refused(
    flag: str, side: str, size: int, net: int, bound: int, error: int
) -> None:
    orders = working((side, bound, "1")) if bound else []
    assert refusal(flag, Decimal(size), Decimal(net), orders, is_buy=side == "buy") == error


@pytest.mark.parametrize(
    ("flag", "side", "net", "closes"),
    [
        ("0", "sell", 5, True),
        ("0", "buy", -5, True),
        ("0", "buy", 5, False),
        ("0", "buy", 0, False),
        ("1", "sell", 5, False),
    ],
)
def test_an_open_against_the_position_closes_at_ib(flag: str, side: str, net: int, closes: bool) -> None:
    assert closes_by_opening(flag, Decimal(net), is_buy=side == "buy") is closes
