"""Whether a host's rows are as young as the hour demands (spec quotes 6.3, 8.6)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ctp2.quotes import hours
from ctp2.quotes.codes import STAT_MARKETS, Market
from ctp2.quotes.sources.tencent import open_markets

log = logging.getLogger("ctp2.quotes")

_NS: Final = 1_000_000_000
STALE_S: Final = 60
LATE_S: Final = 20 * 60
"""Delayed rows of Hong Kong."""
_LOOK_S: Final = 15
_ENOUGH: Final = 5
"""A market is judged by no fewer instruments; the mainland by any number and by its index, which always moves."""
_STAT_BELIEVED_S: Final = 300
"""marketStat is believed to close a market when it has said so for so long: after lunch it may be late."""
_STAT_OLD_S: Final = 150


class Freshness:
    """What is known of one host."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next_ns = 0
        self._is_stale = False
        self._told: set[str] = set()
        self._closed_since_ns: dict[Market, int] = {}
        self._stat_ns = 0

    # ------------------------------------------------------------------ what the host says
    def tell_stat(self, stat: str, server_ns: int) -> None:
        """A marketStat: a market closes only when all of its tokens say so."""
        _, tokens = open_markets(stat)
        said: dict[Market, bool] = {}
        for token, is_open in tokens.items():
            market = STAT_MARKETS.get(token)
            if market is not None:
                said[market] = said.get(market, False) or is_open
        self._stat_ns = server_ns
        for market, is_open in said.items():
            if is_open:
                self._closed_since_ns.pop(market, None)
            else:
                self._closed_since_ns.setdefault(market, server_ns)

    def is_said_closed(self, market: Market, server_ns: int) -> bool:
        """Whether the host has called a market closed for long, against the calendar."""
        since_ns = self._closed_since_ns.get(market)
        if since_ns is None or server_ns - self._stat_ns > _STAT_OLD_S * _NS:
            return False
        # Of the hours before today's opening nothing follows for the hours after it.
        return server_ns - since_ns >= _STAT_BELIEVED_S * _NS and hours.is_moving(
            market, server_ns - _STAT_BELIEVED_S * _NS
        )

    # ------------------------------------------------------------------ what its rows say
    def is_stale(
        self,
        now_ns: int,
        server_ns: int,
        ages: Callable[[], dict[Market, list[tuple[str, int]]]],
        probe_ns: Callable[[], int],
    ) -> bool:
        """Whether more than half of a market's rows are too old; looked at four times a minute.

        ``ages`` gives key and instant of every row, ``probe_ns`` the instant of the Shanghai index.
        """
        if now_ns < self._next_ns:
            return self._is_stale
        self._next_ns = now_ns + _LOOK_S * _NS
        is_stale = False
        for market, rows in ages().items():
            if not hours.is_moving(market, server_ns) or self.is_said_closed(market, server_ns):
                continue
            old = [key for key, at_ns in rows if at_ns and server_ns - at_ns > _allowed_s(key) * _NS]
            is_most = 2 * len(old) > len(rows)
            is_proven = len(rows) >= _ENOUGH
            if market == "cn":
                # A few shares may be suspended, or nobody may want them; the index moves.
                is_proven = server_ns - probe_ns() > STALE_S * _NS
            if is_most and is_proven:
                is_stale = True
            elif not is_most:
                self._tell(old)
        self._is_stale = is_stale
        return is_stale

    def _tell(self, keys: list[str]) -> None:
        for key in keys:
            if key not in self._told:
                self._told.add(key)
                log.info("%s: the row of %s is stale while others move", self._name, key)


def _allowed_s(key: str) -> int:
    return LATE_S if key.startswith("hk") else STALE_S
