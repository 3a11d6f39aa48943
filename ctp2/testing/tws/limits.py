"""How much a client may ask: the message rate, and the pacing of historical data (spec 6.7)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

RATE_TEXT: Final = "Max rate of messages per second has been exceeded"
PACING_TEXT: Final = "Historical Market Data Service error message:Historical data request pacing violation"
IDENTICAL_S: Final = 15.0
BURST_S: Final = 2.0
LONG_S: Final = 600.0


@dataclass
class Limits:
    """What one client may have or do. Change it at any time; it holds from the next message on."""

    messages: int = 50
    """In a second; more get error 100."""
    violations: int = 3
    """So many of those close the connection."""
    tickers: int = 100
    """Streams of market data at once; more get 101."""
    depths: int = 3
    """Streams of market depth at once; more get 309."""
    summaries: int = 2
    """Account summaries at once; more get 322."""
    history: int = 60
    """Requests of historical data in ten minutes; more get 162."""
    history_burst: int = 6
    """Of the same contract, exchange and kind within two seconds."""


@dataclass
class MessageRate:
    """The messages of one connection within a second. Times in seconds, of any clock that runs evenly."""

    limits: Limits
    violations: int = 0
    _times: deque[float] = field(default_factory=deque)

    def takes(self, now_s: float) -> bool:
        """Count a message; False if it is one too many.

        After one too many the second begins anew, so that one burst is one violation for each full measure of it.
        """
        while self._times and now_s - self._times[0] >= 1.0:
            self._times.popleft()
        if len(self._times) >= self.limits.messages:
            self._times.clear()
            self.violations += 1
            return False
        self._times.append(now_s)
        return True

    @property
    def exhausted(self) -> bool:
        """Whether the connection is to be closed."""
        return self.violations >= self.limits.violations


@dataclass
class Pacing:
    """The requests of historical data of one connection."""

    limits: Limits
    _asked: deque[tuple[float, Hashable, Hashable]] = field(default_factory=deque)

    def takes(self, now_s: float, request: Hashable, contract: Hashable) -> bool:
        """Count a request; False if it is refused, in which case it does not count.

        ``request`` is equal for identical requests, ``contract`` for those of the same contract, exchange and kind.
        """
        while self._asked and now_s - self._asked[0][0] >= LONG_S:
            self._asked.popleft()
        identical = any(one == request and now_s - at < IDENTICAL_S for at, one, _ in self._asked)
        burst = sum(one == contract and now_s - at < BURST_S for at, _, one in self._asked)
        if identical or burst >= self.limits.history_burst or len(self._asked) >= self.limits.history:
            return False
        self._asked.append((now_s, request, contract))
        return True
