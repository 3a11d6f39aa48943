"""The messages of market data that come thousands of times a second, decoded without the client library (spec ib 6.5).

The library's own decoder reads the same fields through a generic path that costs three times as much. What is read is
what it reads: empty numbers are 0, what is appended by later versions is not looked at, and a price without text is no
message at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ctp2.ib.records import Record, TickGeneric, TickPrice, TickSize, TickString


def _price(fields: list[str]) -> Record | None:
    _, _, req_id, tick, price, size = fields[:6]
    return TickPrice(int(req_id), int(tick), float(price), float(size or 0)) if price else None


def _size(fields: list[str]) -> Record | None:
    _, _, req_id, tick, size = fields[:5]
    return TickSize(int(req_id), int(tick), float(size or 0))


def _generic(fields: list[str]) -> Record | None:
    _, _, req_id, tick, value = fields[:5]
    return TickGeneric(int(req_id), int(tick), float(value or 0))


def _string(fields: list[str]) -> Record | None:
    _, _, req_id, tick, value = fields[:5]
    return TickString(int(req_id), int(tick), value)


TICKS: Final[dict[str, Callable[[list[str]], Record | None]]] = {
    "1": _price,
    "2": _size,
    "45": _generic,
    "46": _string,
}
"""Message id as it is on the wire → its record; None: it tells nothing. A message that does not fit raises
``ValueError``."""
