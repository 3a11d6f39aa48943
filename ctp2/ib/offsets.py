"""Open or close: what CTP's offset flags mean at a broker that nets positions (spec ib 5.7). Pure.

Orders of ours keep the flag that was asked for. This file says what a fill of an order without our tag was, how much a
closing order may still close, and what of a working order is bound to close.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from ctp2.ctp import enums as e

OPEN: Final = e.THOST_FTDC_OF_Open
CLOSE: Final = e.THOST_FTDC_OF_Close
OVER_CLOSE_POSITION: Final = 30
CLOSING_PART: Final = "C"
"""Behind the execId when TradeID is made for the closing part of a fill that crosses zero (spec ib 5.7)."""
OPENING_PART: Final = "O"
ZERO: Final = Decimal(0)


class Part(NamedTuple):
    """A fill, or one of the two parts of one that crosses zero."""

    offset: str
    quantity: Decimal
    """Above 0."""
    suffix: str
    """What is added to the execId before the TradeID is made of it; empty for a fill that is not split."""


class Working(NamedTuple):
    """What is left of a working order."""

    is_buy: bool
    remaining: Decimal
    offset: str
    """The flag of our tag; empty for an order without it."""


def derive(before: Decimal, change: Decimal) -> tuple[Part, ...]:
    """What a fill of ``change`` (bought above 0, sold below) does to a net position of ``before``.

    Against the position it closes, up to the position; the remainder opens. The closing part comes first.
    """
    quantity = abs(change)
    if not before or (before > 0) == (change > 0):
        return (Part(OPEN, quantity, ""),)
    held = abs(before)
    if quantity <= held:
        return (Part(CLOSE, quantity, ""),)
    return Part(CLOSE, held, CLOSING_PART), Part(OPEN, quantity - held, OPENING_PART)


def closable(net: Decimal, working: Iterable[Working], *, is_buy: bool) -> Decimal:
    """How much an order of this direction could close now: the opposite net position less what is bound already."""
    held = max(-net if is_buy else net, ZERO)
    return max(held - frozen(net, working, is_buy=is_buy), ZERO)


def frozen(net: Decimal, working: Iterable[Working], *, is_buy: bool) -> Decimal:
    """The remaining quantity of working orders of this direction that close the opposite net position.

    An order without our tag closes what of the position the tagged ones leave. Never more than the position.
    """
    held = max(-net if is_buy else net, ZERO)
    tagged = untagged = ZERO
    for order in working:
        if order.is_buy == is_buy:
            if not order.offset:
                untagged += order.remaining
            elif order.offset != OPEN:
                tagged += order.remaining
    return min(tagged + untagged, held)


def refusal(offset: str, quantity: Decimal, net: Decimal, working: Iterable[Working], *, is_buy: bool) -> int:
    """Error number of an order under ``enforce_close``: 30 for a close that would open a reverse position, else 0."""
    if offset == OPEN:
        return 0
    return OVER_CLOSE_POSITION if quantity > closable(net, working, is_buy=is_buy) else 0


def closes_by_opening(offset: str, net: Decimal, *, is_buy: bool) -> bool:
    """Whether an order that asks to open meets an opposite position, which it will close at the broker."""
    return offset == OPEN and (net < 0 if is_buy else net > 0)
