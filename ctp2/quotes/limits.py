"""Price limits for rows of Sina, which have none: one row of Tencent per instrument and day (spec quotes 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ctp2.quotes.poller import SLOW_S, Outcome
from ctp2.quotes.sources.tencent import key_of

if TYPE_CHECKING:
    from ctp2.quotes.poller import Poller
    from ctp2.quotes.symbols import Symbol
    from ctp2.quotes.tracks import Track

_KINDS = frozenset(("stock", "star", "fund", "bond"))


class Limits:
    """Asks for what is missing, once, and shows it."""

    wants_all = False
    wants_extended = False

    def __init__(self, poller: Poller, tell: Callable[[Track], None]) -> None:
        self.poller = poller
        self._tell = tell
        self._asked: dict[str, Track] = {}
        self._days: dict[Symbol, str] = {}
        poller.join(self, SLOW_S)

    def want(self, track: Track) -> None:
        """Ask for the limits of the day that an instrument shows, if they were not asked for."""
        symbol, field = track.symbol, track.field
        if field is None or symbol.kind not in _KINDS or self._days.get(symbol) == field.TradingDay:
            return
        self._days[symbol] = field.TradingDay
        key = key_of(symbol)
        self._asked[key] = track
        self.poller.watch(self, [(key, symbol.market)])

    def forget(self, symbol: Symbol) -> None:
        """Nobody wants it any more."""
        self._days.pop(symbol, None)
        if self._asked.pop(key_of(symbol), None) is not None:
            self.poller.unwatch(self, [key_of(symbol)])

    def close(self) -> None:
        """Ask nothing more."""
        self.poller.unwatch(self, list(self._asked))
        self._asked.clear()
        self.poller.leave(self)

    # ------------------------------------------------------------------ what the poller tells
    def on_row(self, source: str, key: str, row: str) -> Outcome:
        """A row: when it is of the day, it has done its part."""
        track = self._asked.get(key)
        if track is None or not track.take_limits(row):
            return Outcome.HELD
        del self._asked[key]
        # The poller is going through its keys: it forgets this one when it has done so.
        self.poller.later(lambda: self.poller.unwatch(self, [key]))
        if track.is_news:
            self._tell(track)
        return Outcome.READ

    def on_unknown(self, source: str, key: str) -> None:
        """Then there are no limits."""

    def on_up(self, source: str) -> None:
        """Nothing depends on it."""

    def on_down(self, source: str, reason: int) -> None:
        """Nothing depends on it."""

    def on_trouble(self, source: str) -> None:
        """It is asked again."""

    def row_ns(self, source: str, key: str) -> int:
        """No rows are kept."""
        return 0
