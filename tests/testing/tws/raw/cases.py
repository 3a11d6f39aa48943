"""The libraries and versions that the stand-in TWS is proved with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.testing.tws.raw.program import Program
from tools import foreign_ib

Start = Callable[..., Program]
AAPL: Final = {"conId": 265598, "symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD"}
ES: Final = {"symbol": "ES", "secType": "FUT", "exchange": "CME", "lastTradeDateOrContractMonth": "202512"}
EUR: Final = {"symbol": "EUR", "secType": "CASH", "exchange": "IDEALPRO", "currency": "USD"}


class Case(NamedTuple):
    """A library, and the version that the stand-in offers."""

    library: str
    offered: int

    @property
    def version(self) -> int:
        """What they agree on."""
        return min(self.offered, foreign_ib.LIBRARIES[self.library].versions[1])


CASES: Final = [
    Case(name, offered)
    for name, library in foreign_ib.LIBRARIES.items()
    for offered in (157, 176)
    if offered <= library.versions[1]
]
BEYOND: Final = [Case("ibapi", 176), Case("ib_async", 178), Case("ib_insync", 178)]
"""Offered more than some of them speak."""


def members(given: dict[str, Any], *names: str) -> list[Any]:
    """Those members, empty text for what is not there."""
    return [given.get(name, "") for name in names]
