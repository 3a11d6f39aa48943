"""Orders by number, without a hash table's entry and a number object for each (docs/decisions/0080-memory.md)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ctp2.tts.orders import Order

_GAP: Final = 64
"""Numbers left out by what is no order (a quote's own number) cost a place each; a larger gap goes into the table."""


class Numbered:
    """Orders by a number that counts up from 1, such as OrderSysID; any other number works too, at a table's cost."""

    __slots__ = ("_others", "_row")

    def __init__(self) -> None:
        self._row: list[Order | None] = [None]
        self._others: dict[int, Order] = {}

    def __setitem__(self, number: int, order: Order) -> None:
        row = self._row
        count = len(row)
        if number == count:
            row.append(order)
        elif 0 < number < count:
            row[number] = order
            self._others.pop(number, None)
        elif count < number <= count + _GAP:
            row.extend([None] * (number - count))
            row.append(order)
        else:
            self._others[number] = order

    def get(self, number: int) -> Order | None:
        """The order, None when there is none."""
        row = self._row
        if 0 < number < len(row):
            order = row[number]
            if order is not None:
                return order
        return self._others.get(number) if self._others else None

    def __getitem__(self, number: int) -> Order:
        order = self.get(number)
        if order is None:
            raise KeyError(number)
        return order

    def __len__(self) -> int:
        return sum(1 for order in self._row if order is not None) + len(self._others)

    def items(self) -> Iterator[tuple[int, Order]]:
        """Numbers and orders: those that count up first."""
        for number, order in enumerate(self._row):
            if order is not None:
                yield number, order
        yield from self._others.items()


class Referenced:
    """A session's orders by OrderRef, a number that nearly always grows from order to order."""

    __slots__ = ("_orders", "_refs")

    def __init__(self) -> None:
        self._refs: array[int] = array("q")
        self._orders: list[Order] = []

    def __setitem__(self, ref: int, order: Order) -> None:
        refs = self._refs
        if not refs or ref > refs[-1]:
            refs.append(ref)
            self._orders.append(order)
            return
        place = bisect_left(refs, ref)
        if refs[place] == ref:
            self._orders[place] = order
        else:
            refs.insert(place, ref)
            self._orders.insert(place, order)

    def get(self, ref: int) -> Order | None:
        """The order, None when there is none."""
        place = bisect_left(self._refs, ref)
        return self._orders[place] if place < len(self._refs) and self._refs[place] == ref else None

    def items(self) -> Iterator[tuple[int, Order]]:
        """References and orders, by reference."""
        return zip(self._refs, self._orders, strict=True)
