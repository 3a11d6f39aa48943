"""The net position in one contract of one account, and what today's fills made of it (spec ib 5.6, 5.7). Pure.

Two streams tell of it, in no fixed order: executions, and positions. :class:`Holding` follows the executions and lets
the positions correct it: a position that is behind changes nothing, one that is ahead waits for its execution, and one
that no execution explains in time (an exercise, a transfer) is taken over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from ctp2.ib.identity import split_revision
from ctp2.ib.offsets import OPEN, ZERO, Part, derive

SETTLE_NS: Final = 2_000_000_000
"""How long a position may be ahead of its execution, as long as a status may be (spec ib 5.4)."""
_EXACT: Final = Decimal("1e-8")
"""The finest size of any contract."""


def exact(quantity: float) -> Decimal:
    """A size as TWS sends it."""
    return Decimal(repr(quantity)).quantize(_EXACT).normalize() if quantity else ZERO


class Fill(msgspec.Struct, gc=False):
    """One execution, with its latest correction and its commission report."""

    exec_id: str
    """As it was first told."""
    time_ns: int
    change: Decimal
    """Bought above 0, sold below."""
    price: float
    is_own: bool = False
    """Whether the order bears our tag: then its trade was told whole."""
    parts: tuple[Part, ...] = ()
    """As they were told when the fill came; a correction does not change them."""
    commission: float = 0.0
    currency: str = ""
    realized: float = 0.0
    revision: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """In the order of time (spec ib 3.3, 5)."""
        return self.time_ns, self.exec_id


class Side(msgspec.Struct, gc=False):
    """What was done today with one direction of a contract; amounts are price × size, before the multiplier."""

    opened: Decimal = ZERO
    closed: Decimal = ZERO
    open_amount: float = 0.0
    close_amount: float = 0.0
    commission: float = 0.0
    close_profit: float = 0.0


class Lot(msgspec.Struct, gc=False):
    """What is left of an opening fill; without ``fill`` of what was held when the day began."""

    quantity: Decimal
    fill: Fill | None = None
    closed: Decimal = ZERO
    close_amount: float = 0.0


class Day:
    """Today's fills applied to the position that the day began with: first in, first out."""

    __slots__ = ("long", "lots", "net", "short")

    def __init__(self, start: Decimal) -> None:
        self.net = start
        self.long = Side()
        self.short = Side()
        self.lots: deque[Lot] = deque([Lot(abs(start))] if start else ())

    def side(self, *, is_long: bool) -> Side:
        """The figures of one direction."""
        return self.long if is_long else self.short

    def apply(self, fill: Fill) -> None:
        """One fill: its closing part, then its opening part."""
        whole = abs(fill.change)
        if not whole:
            return
        for part in derive(self.net, fill.change):
            share = float(part.quantity / whole)
            side = self.side(is_long=(fill.change > 0) == (part.offset == OPEN))
            side.commission += fill.commission * share
            amount = fill.price * float(part.quantity)
            if part.offset == OPEN:
                side.opened += part.quantity
                side.open_amount += amount
                self.lots.append(Lot(part.quantity, fill))
            else:
                side.closed += part.quantity
                side.close_amount += amount
                side.close_profit += fill.realized
                self._take(part.quantity, fill.price)
        self.net += fill.change

    def _take(self, quantity: Decimal, price: float) -> None:
        while quantity and self.lots:
            lot = self.lots[0]
            taken = min(lot.quantity, quantity)
            quantity -= taken
            lot.quantity -= taken
            lot.closed += taken
            lot.close_amount += price * float(taken)
            if not lot.quantity:
                self.lots.popleft()

    @property
    def of_yesterday(self) -> Decimal:
        """What is left of the position that the day began with."""
        return sum((lot.quantity for lot in self.lots if lot.fill is None), ZERO)


def replay(start: Decimal, fills: Iterable[Fill]) -> Day:
    """The day of a position."""
    day = Day(start)
    for fill in fills:
        day.apply(fill)
    return day


class Holding:
    """One contract of one account. Sizes are exact; nothing here knows a clock."""

    __slots__ = (
        "_ahead",
        "_ahead_ns",
        "_behind",
        "_known",
        "_moved",
        "average_cost",
        "fills",
        "is_reported",
        "start",
        "yesterday",
    )

    def __init__(self) -> None:
        self.start = ZERO
        """What is held without today's fills."""
        self.yesterday: Decimal | None = None
        """What was held when the trading day began, once that is known (signed)."""
        self.fills: list[Fill] = []
        """Today's, in the order of their times."""
        self.is_reported = False
        self.average_cost = 0.0
        self._known: dict[str, Fill] = {}
        self._moved = ZERO
        self._behind: deque[Decimal] = deque()
        """Nets before the latest fills: a position message may still be about one of them."""
        self._ahead: Decimal | None = None
        self._ahead_ns = 0

    @property
    def net(self) -> Decimal:
        """By the executions."""
        return self.start + self._moved

    @property
    def shown(self) -> Decimal:
        """The newest that is known: a position that came before its execution counts already."""
        return self.net if self._ahead is None else self._ahead

    def find(self, exec_id: str) -> Fill | None:
        """The fill of an execution, whichever of its corrections ``exec_id`` names."""
        return self._known.get(split_revision(exec_id)[0])

    def fill(self, fill: Fill, unit: float = 1.0) -> tuple[Part, ...]:
        """An execution that happens now: what it closed and opened. ``unit``: the contract's multiplier."""
        before = self.net
        fill.parts = derive(before, fill.change)
        self._enter(fill)
        if self._ahead is None:
            self._reprice(before, fill, unit)
        self._behind.append(before)
        self._meet()
        return fill.parts

    def _reprice(self, before: Decimal, fill: Fill, unit: float) -> None:
        """The average cost until TWS tells its own, which follows."""
        opening = fill.parts[-1]
        if opening.offset != OPEN:
            return
        held = float(abs(before)) if len(fill.parts) == 1 else 0.0
        added = float(opening.quantity)
        self.average_cost = (held * self.average_cost + added * fill.price * unit) / (held + added)

    def history(self, fills: Sequence[Fill]) -> None:
        """Executions of before, all that were missed: the positions that were reported know them already."""
        change = sum((fill.change for fill in fills), ZERO)
        if self.is_reported:
            self.start = self.shown - change - self._moved
            self._ahead = None
        for fill in fills:
            self._enter(fill)
        self.forget_nets()
        net = self.start
        for known in self.fills:
            known.parts = known.parts or derive(net, known.change)
            net += known.change

    def correct(self, fill: Fill, revision: int, change: Decimal, price: float) -> None:
        """A correction of a fill (spec ib 5.5): totals change by the difference, the offset stays as it was told."""
        before = self.net
        self._moved += change - fill.change
        fill.revision, fill.change, fill.price = revision, change, price
        self._behind.append(before)
        self._meet()

    def report(self, position: Decimal, now_ns: int) -> None:
        """A position message."""
        if not self.is_reported:
            self.is_reported = True
            self.start += position - self.net
            self.forget_nets()
        elif position == self.net:
            self._ahead = None
            self.forget_nets()
        elif position in self._behind:
            while self._behind.popleft() != position:
                pass
        else:
            self._ahead, self._ahead_ns = position, now_ns

    def settle(self, now_ns: int) -> Decimal:
        """Take over a position that no execution has explained in time; returns by how much it changed."""
        if self._ahead is None or now_ns - self._ahead_ns < SETTLE_NS:
            return ZERO
        difference = self._ahead - self.net
        self.start += difference
        self._ahead = None
        self.forget_nets()
        return difference

    def forget_nets(self) -> None:
        """No position message is on its way that is about an earlier net: the link broke, or they agree."""
        self._behind.clear()

    def roll(self, is_today: Callable[[Fill], bool]) -> None:
        """A new trading day: what is held without its fills is yesterday's."""
        kept = [fill for fill in self.fills if is_today(fill)]
        moved = sum((fill.change for fill in kept), ZERO)
        self.start += self._moved - moved
        self._moved = moved
        self.fills = kept
        self._known = {split_revision(fill.exec_id)[0]: fill for fill in kept}
        self.yesterday = self.start

    def day(self) -> Day:
        """Today, worked out anew; a position that is ahead is taken as of before today."""
        return replay(self.start + self.shown - self.net, self.fills)

    def _meet(self) -> None:
        if self._ahead == self.net:
            self._ahead = None
            self.forget_nets()

    def _enter(self, fill: Fill) -> None:
        self.fills.append(fill)
        self._known[split_revision(fill.exec_id)[0]] = fill
        self._moved += fill.change
        if len(self.fills) > 1 and self.fills[-2].key > fill.key:
            self.fills.sort(key=lambda known: known.key)
