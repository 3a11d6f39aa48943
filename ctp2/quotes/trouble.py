"""What has gone wrong with one host, and how long to leave it alone (spec quotes 8.4)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ctp2.core.errors import READ_FAILED

log = logging.getLogger("ctp2.quotes")

_NS: Final = 1_000_000_000
BACKOFF_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
BACKOFF_MIN_S: Final = 0.25
"""Nothing is tried again at once, whatever the jitter."""
FORBIDDEN: Final = 3
"""So many refusals in a row open the circuit."""
CIRCUIT_S: Final = 60
CIRCUIT_MAX_S: Final = 900
THROTTLED_S: Final = 300
SILENCE_S: Final = 30
"""Without a good answer for so long, while a market is open, the front is gone."""
_CLOCKS_AGREE_S: Final = 2.0
_MIRROR_AFTER: Final = 3

_FORBIDDEN: Final = 403
_TOO_LONG: Final = 414
_TOO_MANY: Final = frozenset((429, 456))


class Trouble:
    """The state of one host."""

    def __init__(self, bases: list[str], batch_cap: int, jitter: Callable[[], float]) -> None:
        self._bases = bases
        self._mirror = 0
        self._jitter = jitter
        self.batch_cap = batch_cap
        """Keys of one request; halved for good by 414."""
        self.is_up = False
        """Whether the watchers believe that the host answers."""
        self.failures = 0
        """In a row."""
        self.hold_ns = 0
        """Nothing is asked before this."""
        self.offset_ns = 0
        """What the host's clock is ahead of ours, where that matters."""
        self.reason = READ_FAILED
        self.text = ""
        self._first_failure_ns = 0
        self._forbidden = 0
        self._circuit_s = CIRCUIT_S
        self._throttled_ns = 0

    @property
    def base(self) -> str:
        """Where to ask: ``https://HOST``."""
        return self._bases[self._mirror % len(self._bases)]

    def tell_time(self, now_ns: int, server_s: float) -> None:
        """What the host's Date says; its seconds have no fractions, so small differences are none."""
        ahead_s = server_s - now_ns / _NS
        self.offset_ns = round(ahead_s * _NS) if abs(ahead_s) > _CLOCKS_AGREE_S else 0

    def good(self, name: str) -> None:
        """A good answer: everything is as it should be."""
        if self.failures > 1:
            log.info("%s answers again", name)
        self.is_up = True
        self.failures = self._forbidden = 0
        self._first_failure_ns = 0
        self.hold_ns = 0
        self._circuit_s = CIRCUIT_S

    def failed(self, now_ns: int, reason: int, text: str, name: str) -> None:
        """No answer, or none that means anything: wait, longer each time."""
        self._count(now_ns, reason, text, name)
        ceiling = min(BACKOFF_MAX_S, BACKOFF_S * 2 ** min(self.failures, 10))
        wait_s = max(BACKOFF_MIN_S, ceiling * (1 + self._jitter()) / 2)
        self.hold_ns = max(self.hold_ns, now_ns + round(wait_s * _NS))
        if self.failures % _MIRROR_AFTER == 0:
            self.next_mirror(name)

    def refused(self, now_ns: int, status: int, keys: int, name: str) -> bool:
        """Another status than 200; True when the batches must change."""
        if status in _TOO_MANY:
            self.throttled(now_ns, name)
        if status == _TOO_LONG and keys > 1:
            self.batch_cap = max(1, min(self.batch_cap, keys) // 2)
            log.warning(
                "%s: a request for %d instruments is too long: at most %d from now on", name, keys, self.batch_cap
            )
            return True
        self.failed(now_ns, READ_FAILED, f"HTTP {status}", name)
        self._forbidden = self._forbidden + 1 if status == _FORBIDDEN else 0
        if self._forbidden >= FORBIDDEN:
            self.hold_ns = now_ns + self._circuit_s * _NS
            log.warning("%s refuses us (HTTP 403): nothing is asked for %d s", name, self._circuit_s)
            self._circuit_s = min(CIRCUIT_MAX_S, self._circuit_s * 2)
        return False

    def throttled(self, now_ns: int, name: str) -> None:
        """Too fast for the host: half the rate for a while."""
        if not self.is_throttled(now_ns):
            log.warning("%s finds us too fast: half the rate for %d min", name, THROTTLED_S // 60)
        self._throttled_ns = now_ns + THROTTLED_S * _NS

    def is_throttled(self, now_ns: int) -> bool:
        """Whether the rate is halved now."""
        return now_ns < self._throttled_ns

    def stale(self, now_ns: int, name: str) -> None:
        """It answers with rows that do not move: another mirror, and as any failure."""
        self.next_mirror(name)
        self.failed(now_ns, READ_FAILED, "its rows do not move though the market is open", name)

    def next_mirror(self, name: str) -> None:
        """Ask another of the source's hosts from now on."""
        if len(self._bases) > 1:
            self._mirror += 1
            log.warning("%s: asked at %s from now on", name, self.base)

    def is_silent(self, now_ns: int) -> bool:
        """Whether failures have gone on for so long that the front counts as gone."""
        return self.is_up and self.failures > 0 and now_ns - self._first_failure_ns >= SILENCE_S * _NS

    def silent_ns(self, now_ns: int) -> int:
        """The instant from which on it will be silent; 0 when that is past, or nothing is wrong."""
        at_ns = self._first_failure_ns + SILENCE_S * _NS
        return at_ns if self.is_up and self.failures and at_ns > now_ns else 0

    def _count(self, now_ns: int, reason: int, text: str, name: str) -> None:
        if not self.failures:
            self._first_failure_ns = now_ns
            log.warning("%s: %s", name, text)
        self.failures += 1
        self.reason, self.text = reason, text
