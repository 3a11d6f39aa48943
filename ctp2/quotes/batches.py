"""Which keys are asked together, and when: the stable batches of one host and its token bucket (spec quotes 8.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ctp2.quotes.codes import Market

_NS: Final = 1_000_000_000
LINE_LIMIT: Final = 6000
"""Bytes of keys in one request line."""
_STEP: Final = 10
HOLES: Final = 0.25
"""Share of empty places from which on the batches are made anew."""


class Bucket:
    """At most ``per_second`` requests, two of them at once."""

    __slots__ = ("_at_ns", "_tokens", "burst", "per_second")

    def __init__(self, per_second: float, burst: float = 2.0) -> None:
        self.per_second = per_second
        self.burst = burst
        self._tokens = burst
        self._at_ns = 0

    def take(self, now_ns: int) -> int:
        """0 when a request may go now, else the instant from which on one may."""
        passed_s = max(0, now_ns - self._at_ns) / _NS if self._at_ns else 0.0
        self._tokens = min(self.burst, self._tokens + passed_s * self.per_second)
        self._at_ns = now_ns
        # A billionth of a token is lost in rounding now and then.
        if self._tokens >= 1.0 - 1e-6:
            self._tokens -= 1.0
            return 0
        return now_ns + int((1.0 - self._tokens) / self.per_second * _NS) + 1


class Batch:
    """Keys of one market that are asked together, again and again; an extra one is asked once."""

    __slots__ = ("due_ns", "is_alone", "is_extra", "is_in_flight", "keys", "live", "market", "nominal_ns", "size_bytes")

    def __init__(self, market: Market, due_ns: int, keys: list[str] | None = None, *, is_extra: bool = False) -> None:
        self.market = market
        self.keys: list[str] = []
        """An empty text is a hole."""
        self.live = 0
        self.size_bytes = 0
        self.nominal_ns = due_ns
        self.due_ns = due_ns
        """When to ask: around ``nominal_ns``, so that the jitter of one round does not move the next."""
        self.is_in_flight = False
        self.is_extra = is_extra
        self.is_alone = False
        """Nothing else is to be asked with it."""
        for key in keys or ():
            self.add(key)

    def has_room(self, key: str, size: int) -> bool:
        """Whether a key fits in."""
        return self.live < size and len(self.keys) < size and self.size_bytes + len(key) + 1 <= LINE_LIMIT

    def add(self, key: str) -> None:
        """Append a key."""
        self.keys.append(key)
        self.live += 1
        self.size_bytes += len(key) + 1

    def remove(self, key: str) -> None:
        """Leave a hole where the key was."""
        self.keys[self.keys.index(key)] = ""
        self.live -= 1
        self.size_bytes -= len(key) + 1


class Batches:
    """All batches of one host."""

    def __init__(self) -> None:
        self.regular: list[Batch] = []
        self.extra: list[Batch] = []
        self._place: dict[str, Batch] = {}
        self._counts: Counter[Market] = Counter()

    def __iter__(self) -> Iterator[Batch]:
        yield from self.extra
        yield from self.regular

    def __contains__(self, key: str) -> bool:
        return key in self._place

    @property
    def places(self) -> int:
        """Keys that are asked regularly."""
        return len(self._place)

    def add(self, key: str, market: Market, size: int, now_ns: int) -> Batch | None:
        """Place a key: in a batch with room (None: it wants an extra one to be asked at once), or in a new one."""
        self._counts[market] += 1
        for batch in reversed(self.regular):
            if batch.market == market and batch.has_room(key, size):
                batch.add(key)
                self._place[key] = batch
                return batch if not batch.is_in_flight and batch.due_ns <= now_ns else None
        batch = Batch(market, now_ns, [key])
        self.regular.append(batch)
        self._place[key] = batch
        return batch

    def remove(self, key: str) -> None:
        """Take a key out."""
        batch = self._place.pop(key, None)
        if batch is None:
            return
        batch.remove(key)
        self._counts[batch.market] -= 1
        if not batch.live:
            self.regular.remove(batch)

    def size_for(self, requests: int, smallest: int, largest: int) -> int:
        """Keys per batch so that all of them are asked with so many requests; markets do not share one."""
        size = max(smallest, -(-self.places // max(1, requests)))
        while size < largest and sum(-(-count // size) for count in self._counts.values()) > requests:
            size += _STEP
        return min(size, largest)

    @property
    def is_holed(self) -> bool:
        """Whether more than a quarter of the places are empty."""
        places = sum(len(batch.keys) for batch in self.regular)
        return places > len(self._place) and (places - len(self._place)) / places > HOLES

    def rebuild(self, markets: dict[str, Market], size: int, now_ns: int, interval_ns: int) -> None:
        """Make all batches anew, spread evenly over the interval."""
        keys, self.regular, self._place = list(self._place), [], {}
        self._counts.clear()
        for key in keys:
            self.add(key, markets[key], size, now_ns)
        self.spread(now_ns, interval_ns)

    def spread(self, now_ns: int, interval_ns: int) -> None:
        """Ask the batches one after the other over the interval from now on."""
        for number, batch in enumerate(self.regular):
            batch.nominal_ns = batch.due_ns = now_ns + number * interval_ns // max(1, len(self.regular))

    def ask_once(self, market: Market, keys: list[str], due_ns: int, size: int, *, alone: bool = False) -> None:
        """Ask some keys once more than regularly: along with others wanted at about the same time, or alone."""
        batch = None if alone else self._joinable(market, due_ns)
        for key in keys:
            if batch is None or not batch.has_room(key, size):
                batch = Batch(market, due_ns, is_extra=True)
                batch.is_alone = alone
                self.extra.append(batch)
            batch.add(key)

    def _joinable(self, market: Market, due_ns: int) -> Batch | None:
        for batch in reversed(self.extra):
            if batch.market == market and not batch.is_alone and abs(batch.due_ns - due_ns) < _NS:
                return batch
        return None
