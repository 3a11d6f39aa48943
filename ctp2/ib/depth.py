"""Market depth: rows by position → five levels of each side (spec ib 5.8). Pure."""

from __future__ import annotations

from typing import Final

from ctp2.ib.records import DepthRow

Levels = list[tuple[float, float]]
"""(price, size), the best first."""

ROWS: Final = 20
"""How many rows of a side are asked for."""
LEVELS: Final = 5
ASK: Final = 0
BID: Final = 1
_UNSET: Final = 1e300
_LARGEST: Final = 1e15
_UNSET_INT: Final = 2_147_483_647
_INSERT: Final = 0
_DELETE: Final = 2


def is_set(value: float) -> bool:
    """Whether it is a number: what is not set TWS and its libraries write as the greatest double, infinity or NaN."""
    return -_UNSET < value < _UNSET


def known_size(size: float) -> float:
    """A size; 0 for none, which TWS also writes as the greatest number of one of its types."""
    return size if 0 < size < _LARGEST and size != _UNSET_INT else 0.0


class Book:
    """The rows of one instrument. With smart routing they are per venue: a price may stand in several."""

    __slots__ = ("_sides",)

    def __init__(self) -> None:
        self._sides: tuple[Levels, Levels] = ([], [])

    def apply(self, row: DepthRow) -> bool:
        """Take a row; whether something changed. A row behind the end of what is known is put at the end."""
        if row.side not in (ASK, BID) or row.position < 0:
            return False
        rows = self._sides[row.side]
        if row.operation == _DELETE:
            if row.position >= len(rows):
                return False
            del rows[row.position]
            return True
        entry = (row.price, row.size)
        if row.operation == _INSERT or row.position >= len(rows):
            rows.insert(row.position, entry)
            # TWS tells of no deletion for what an insertion pushes out.
            del rows[ROWS:]
            return True
        if rows[row.position] == entry:
            return False
        rows[row.position] = entry
        return True

    def clear(self) -> bool:
        """Forget all rows (317); whether there were any."""
        had = any(self._sides)
        for rows in self._sides:
            rows.clear()
        return had

    def levels(self, side: int) -> Levels:
        """The best five prices with the sizes of all venues; empty where there is no depth."""
        merged: dict[float, float] = {}
        for price, size in self._sides[side]:
            if known_size(size) and is_set(price):
                merged[price] = merged.get(price, 0.0) + size
        return sorted(merged.items(), reverse=side == BID)[:LEVELS]
