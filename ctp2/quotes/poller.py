"""The polling of one host: what is asked when, and what its answers and failures lead to (spec quotes 8).

One poller per host and process, on the package's loop; every backend that asks this host watches keys of it. A row that
says what the row before said goes no further. Times are those of the clock that is handed in, limits of time on the
network are the machine's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from ctp2.core.errors import BAD_PACKET, READ_FAILED
from ctp2.quotes import hours
from ctp2.quotes.batches import Batch, Batches, Bucket
from ctp2.quotes.client import CONNECTIONS, Answer, Web, WebFailed
from ctp2.quotes.codes import MARKETS, Market
from ctp2.quotes.config import is_loopback
from ctp2.quotes.freshness import Freshness
from ctp2.quotes.push import Pusher
from ctp2.quotes.sources import Reply, Source, decoded
from ctp2.quotes.sources.tencent import MARKET_STAT, NONE_MATCH

if TYPE_CHECKING:
    from ctp2.core.clock import Clock
    from ctp2.core.loop import Loop
    from ctp2.quotes.trouble import Trouble

log = logging.getLogger("ctp2.quotes")

_NS: Final = 1_000_000_000
RATE: Final = 5.0
"""Requests per second to one host."""
SLOW_S: Final = 30.0
"""Interval while a market is closed, of the probe, and of the check beside a push."""
JITTER: Final = 0.1
MISSES: Final = 3
"""Rounds without a row after which a key counts as unknown."""
RETRY_UNKNOWN_S: Final = 60
QUARANTINE_S: Final = 600
PROBE: Final = "sh000001"
"""Asked even when nobody subscribed anything: both hosts have it, and its row says the date."""
_STAT_S: Final = 60
_SEARCH_S: Final = 60
"""Refusals within so long are one search."""
_LOCKED_BATCH_S: Final = 15
"""How long a batch waits while its keys are searched for the one that the host refuses."""


class Outcome(Enum):
    """What a watcher made of a row."""

    READ = "read"
    HELD = "held"
    """Older than what is known: looked at again when it comes again."""
    MISSING = "missing"
    """No quote in it."""
    DAMAGED = "damaged"


class Watcher(Protocol):
    """Who wants to know what a host says."""

    wants_all: bool
    """Whether also rows that say what the row before said."""
    wants_extended: bool
    """Whether New York's hours before and after the regular session count as open."""

    def on_row(self, source: str, key: str, row: str) -> Outcome:
        """A row that differs from the one before."""

    def on_unknown(self, source: str, key: str) -> None:
        """The host does not know a key."""

    def on_up(self, source: str) -> None:
        """The host answers."""

    def on_down(self, source: str, reason: int) -> None:
        """It does not any more."""

    def on_trouble(self, source: str) -> None:
        """A request failed."""

    def row_ns(self, source: str, key: str) -> int:
        """The instant that the last row of a key bears, 0 for none."""


class _Key:
    """What is known of a key."""

    __slots__ = ("answered", "applied", "is_told", "market", "misses", "not_before_ns", "raw", "regular", "watchers")

    def __init__(self, market: Market) -> None:
        self.market = market
        self.watchers: list[Watcher] = []
        """Who is shown its rows."""
        self.regular: list[Watcher] = []
        """Who wants it asked regularly; of the probe only those who subscribed it."""
        self.raw = ""
        self.answered = False
        self.misses = 0
        self.not_before_ns = 0
        self.applied = 0
        """The number of the request that its row came from: a late answer does not overtake."""
        self.is_told = False


class Poller:
    """All that asks one host. Made and closed by whoever opens it; everything else happens on the loop."""

    def __init__(
        self, source: Source, trouble: Trouble, clock: Clock, loop: Loop, jitter: Callable[[], float], *, push: str = ""
    ) -> None:
        self.source = source
        self.name = source.name
        self._clock = clock
        self._loop = loop
        self._jitter = jitter
        self._web = Web(source.headers, is_local=is_loopback(trouble.base.partition("://")[2]))
        self._keys: dict[str, _Key] = {}
        self._batches = Batches()
        self._bucket = Bucket(RATE)
        self._watchers: list[Watcher] = []
        self._intervals: dict[Watcher, float] = {}
        self._interval_s = SLOW_S
        self._size = source.batch
        self._number = 0
        self._in_flight = 0
        self._fetches: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stat_ns = 0
        self._probe = Batch("cn", 0)
        self._is_stretched = False
        self._refused_ns = self._refused_number = self._good_number = 0
        self.trouble = trouble
        self.freshness = Freshness(self.name)
        self.pusher: Pusher | None = None
        self.requests = 0
        self.rows = 0
        if push:
            self.pusher = Pusher(self, push, clock, loop, jitter)
        clock.watch(self._moved)
        self._task = loop.start(self._run())

    # ------------------------------------------------------------------ who wants what
    def join(self, watcher: Watcher, interval_s: float) -> None:
        """Tell ``watcher`` about the host, and ask at least as often as it wants."""
        self._watchers.append(watcher)
        self._intervals[watcher] = interval_s
        self._set_interval()
        probe = self._key(PROBE, "cn")
        probe.watchers.append(watcher)
        if not self._probe.live:
            self._probe.add(PROBE)
        if probe.raw:
            watcher.on_row(self.name, PROBE, probe.raw)
        if self.trouble.is_up:
            watcher.on_up(self.name)
        self._wake.set()

    def leave(self, watcher: Watcher) -> None:
        """Tell ``watcher`` nothing any more; it has unwatched its keys."""
        self._watchers.remove(watcher)
        del self._intervals[watcher]
        self._keys[PROBE].watchers.remove(watcher)
        if self._watchers:
            self._set_interval()

    def _set_interval(self) -> None:
        self._interval_s = min(self._intervals.values())

    def watch(self, watcher: Watcher, keys: list[tuple[str, Market]]) -> None:
        """Ask for keys, the first time at once."""
        now_ns = self._clock.now_ns()
        fresh: dict[Market, list[str]] = {}
        for name, market in keys:
            key = self._key(name, market)
            if watcher in key.regular:
                continue
            key.regular.append(watcher)
            if watcher not in key.watchers:
                key.watchers.append(watcher)
            is_asked = name in self._batches
            if not is_asked:
                is_asked = self._batches.add(name, market, self._size, now_ns) is not None
            if key.raw:
                watcher.on_row(self.name, name, key.raw)  # the newcomer has yet to see it
            elif not is_asked or key.answered:
                fresh.setdefault(market, []).append(name)
        for market, names in fresh.items():
            self._batches.ask_once(market, names, now_ns, self._size)
        self._resize(now_ns)
        if self.pusher is not None:
            self.pusher.changed()
        self._wake.set()

    def unwatch(self, watcher: Watcher, keys: list[str]) -> None:
        """Ask for keys no more, as far as this watcher is concerned."""
        for name in keys:
            key = self._keys.get(name)
            if key is None or watcher not in key.regular:
                continue
            key.regular.remove(watcher)
            if name != PROBE:
                key.watchers.remove(watcher)
            if not key.regular:
                self._batches.remove(name)
            if not key.watchers:
                del self._keys[name]
        if self.pusher is not None:
            self.pusher.changed()
        if self._batches.is_holed:
            self._rebuild(self._clock.now_ns())

    def _key(self, name: str, market: Market) -> _Key:
        return self._keys.setdefault(name, _Key(market))

    def _resize(self, now_ns: int) -> None:
        """Larger batches when the host's rate would not suffice, and a longer interval when even that does not."""
        count = self._batches.places
        requests = max(1.0, self._rate * self._interval_s)
        cap = self.trouble.batch_cap
        size = self._batches.size_for(int(requests), min(self.source.batch, cap), cap)
        if size != self._size:
            self._size = size
            self._rebuild(now_ns)
        is_stretched = len(self._batches.regular) > requests
        if is_stretched and not self._is_stretched:
            seconds = len(self._batches.regular) / self._rate
            log.warning("%s: %d instruments are asked every %.1f s only", self.name, count, seconds)
        self._is_stretched = is_stretched

    def _rebuild(self, now_ns: int) -> None:
        markets = {name: key.market for name, key in self._keys.items()}
        self._batches.rebuild(markets, self._size, now_ns, round(self._interval_s * _NS))

    @property
    def _rate(self) -> float:
        return RATE / 2 if self.trouble.is_throttled(self._clock.now_ns()) else RATE

    # ------------------------------------------------------------------ the schedule
    def _moved(self) -> None:
        """Somebody moved the clock."""
        self._loop.post(self._wake.set)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now_ns = self._clock.now_ns()
            self._look_down(now_ns)
            due_ns = self._step(now_ns)
            if self.pusher is not None:
                pushed_ns = self.pusher.look(now_ns)
                due_ns = min(due_ns, pushed_ns) if due_ns and pushed_ns else due_ns or pushed_ns
            pace = self._clock.pace
            timeout = None if due_ns is None or pace <= 0 else max(0.0, (due_ns - now_ns) / _NS / pace)
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                continue  # the next request is due

    def _step(self, now_ns: int) -> int | None:
        """Send what is due; returns the next instant at which something will be (None: an answer comes first)."""
        if self.trouble.hold_ns > now_ns:
            silent_ns = self.trouble.silent_ns(now_ns)
            return min(self.trouble.hold_ns, silent_ns) if silent_ns else self.trouble.hold_ns
        self._bucket.per_second = self._rate
        waiting = sorted((batch for batch in self._all() if not batch.is_in_flight), key=lambda batch: batch.due_ns)
        # While the host is in trouble one request at a time shows whether it still is.
        limit = 1 if self.trouble.failures else CONNECTIONS
        for batch in waiting:
            if batch.due_ns > now_ns:
                return batch.due_ns
            if self._in_flight >= limit:
                return None
            keys = self._asked(batch, now_ns)
            if keys:
                free_ns = self._bucket.take(now_ns)
                if free_ns:
                    return free_ns
                self._send(batch, keys)
            self._plan(batch, now_ns)
        return min((batch.due_ns for batch in self._all() if not batch.is_in_flight), default=None)

    def _all(self) -> list[Batch]:
        return [*self._batches, self._probe] if self._probe.live else list(self._batches)

    def _asked(self, batch: Batch, now_ns: int) -> list[str]:
        """The keys of a batch that may be asked now: no holes, nothing in quarantine, nothing unknown too often."""
        found = []
        for name in batch.keys:
            key = self._keys.get(name)
            if key is not None and key.not_before_ns <= now_ns:
                found.append(name)
        return found

    def _plan(self, batch: Batch, now_ns: int) -> None:
        """When a batch comes next: its market's interval after it should have come."""
        if batch.is_extra:
            if batch in self._batches.extra:
                self._batches.extra.remove(batch)
            return
        server_ns = now_ns + self.trouble.offset_ns
        is_extended = any(watcher.wants_extended for watcher in self._watchers)
        is_open, until_ns = hours.state(batch.market, server_ns, is_extended=is_extended)
        is_fast = is_open and batch is not self._probe and not (self.pusher is not None and self.pusher.is_whole)
        is_fast = is_fast and not self.freshness.is_said_closed(batch.market, server_ns)
        seconds = self._effective_s if is_fast else SLOW_S
        batch.nominal_ns += round(seconds * _NS)
        if batch.nominal_ns < now_ns:
            batch.nominal_ns = now_ns + round(seconds * _NS)
        batch.due_ns = batch.nominal_ns + round(self._jitter() * JITTER * seconds * _NS)
        if not is_open:
            batch.due_ns = min(batch.due_ns, max(now_ns + _NS, until_ns - self.trouble.offset_ns))

    @property
    def _effective_s(self) -> float:
        """The interval, longer when there are more batches than the rate allows."""
        wanted = self._interval_s * (RATE / self._rate)
        return max(wanted, len(self._batches.regular) / self._rate)

    def _send(self, batch: Batch, keys: list[str]) -> None:
        batch.is_in_flight = True
        self._in_flight += 1
        self._number += 1
        self.requests += 1
        task = self._loop.start(self._fetch(batch, keys, self._number))
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)

    # ------------------------------------------------------------------ answers
    async def _fetch(self, batch: Batch, keys: list[str], number: int) -> None:
        try:
            answer = await self._web.get(self.source.url(self.trouble.base, self._with_stat(keys)))
        except WebFailed as error:
            self.trouble.failed(self._clock.now_ns(), READ_FAILED, str(error), self.name)
        else:
            self._take_answer(answer, batch, keys, number)
        finally:
            batch.is_in_flight = False
            self._in_flight -= 1
            self._wake.set()
            if self.trouble.failures:
                for watcher in list(self._watchers):
                    watcher.on_trouble(self.name)

    def _with_stat(self, keys: list[str]) -> list[str]:
        """Once a minute Tencent is asked, along with the rest, which markets are open (spec 6.3)."""
        now_ns = self._clock.now_ns()
        if self.name != "tencent" or now_ns < self._stat_ns:
            return keys
        self._stat_ns = now_ns + _STAT_S * _NS
        return [MARKET_STAT, *keys]

    def _take_answer(self, answer: Answer, batch: Batch, keys: list[str], number: int) -> None:
        now_ns = self._clock.now_ns()
        if answer.server_s:
            self.trouble.tell_time(now_ns, answer.server_s)
        if answer.status != 200:
            if self.trouble.refused(now_ns, answer.status, len(keys), self.name):
                self._resize(now_ns)
            return
        reply = self.source.parse(decoded(answer.body))
        reply.is_whole = reply.is_whole and answer.is_whole
        if reply.is_throttled:
            self.trouble.throttled(now_ns, self.name)
        if reply.is_empty:
            text = f"a body of {len(answer.body)} bytes without a row: {answer.body[:60]!r}"
            self.trouble.failed(now_ns, BAD_PACKET, text, self.name)
        elif reply.is_refused or (NONE_MATCH in reply.control and self._used_to_answer(keys)):
            if now_ns - self._refused_ns > _SEARCH_S * _NS:
                self._refused_ns, self._refused_number = now_ns, number
            # Counted as a failure: a host that refuses everything is down, and any good half ends it.
            self.trouble.failed(now_ns, READ_FAILED, "a batch is refused: one of its keys is not liked", self.name)
            self._search(batch, keys, now_ns)
        else:
            self._take_rows(reply, keys, number)

    def take_frame(self, reply: Reply) -> None:
        """Rows that came by push: only what changed, so nothing is missing."""
        self._number += 1
        self._take_rows(reply, [name for name in reply.rows if name in self._keys], self._number)

    def regular_keys(self) -> list[tuple[str, Market]]:
        """What is asked for, in the order in which it was."""
        return [(name, key.market) for name, key in self._keys.items() if key.regular]

    @property
    def is_idle(self) -> bool:
        """Whether everything that is due now has been asked and answered."""
        return not self._in_flight and not self._wake.is_set()

    def later(self, call: Callable[[], None]) -> None:
        """Make a call when the answer at hand is through."""
        self._loop.loop.call_soon(call)

    def wake(self) -> None:
        """Look at the schedule again."""
        self._wake.set()

    def _take_rows(self, reply: Reply, keys: list[str], number: int) -> None:
        """Rows of a body or a frame."""
        now_ns = self._clock.now_ns()
        if MARKET_STAT in reply.control:
            self.freshness.tell_stat(reply.control[MARKET_STAT], now_ns + self.trouble.offset_ns)
        understood = damaged = 0
        for name in keys:
            key = self._keys.get(name)
            if key is None or number < key.applied:
                continue
            key.applied = number
            row = reply.rows.get(name, "")
            if not row:
                understood += 1
                if reply.is_whole:
                    self._missed(name, key, now_ns)
                continue
            outcome = self._offer(name, key, row)
            understood += outcome is not Outcome.DAMAGED
            damaged += outcome is Outcome.DAMAGED
            if outcome is Outcome.MISSING:
                self._missed(name, key, now_ns)
            elif outcome is not Outcome.DAMAGED:
                key.answered, key.misses, key.not_before_ns = True, 0, 0
        self.rows += understood
        if understood:
            self._good_number = max(self._good_number, number)
        if damaged and not understood:
            self.trouble.failed(now_ns, BAD_PACKET, f"none of {damaged} rows can be read", self.name)
        elif self._is_stale(now_ns):
            self.trouble.stale(now_ns, self.name)
        else:
            self._good()

    def _offer(self, name: str, key: _Key, row: str) -> Outcome:
        """Show a row to whoever watches it; the outcome is the best of theirs."""
        is_same = row == key.raw
        outcomes = [
            watcher.on_row(self.name, name, row) for watcher in key.watchers if not is_same or watcher.wants_all
        ]
        if is_same and not outcomes:
            return Outcome.READ
        # What was not taken is shown again when it comes again.
        key.raw = row if all(outcome is Outcome.READ for outcome in outcomes) else ""
        return next((outcome for outcome in Outcome if outcome in outcomes), Outcome.READ)

    def _good(self) -> None:
        was_up = self.trouble.is_up
        self.trouble.good(self.name)
        if not was_up:
            for watcher in list(self._watchers):
                watcher.on_up(self.name)

    def _look_down(self, now_ns: int) -> None:
        """Tell the watchers when there has been no good answer for too long while a market is open (spec 8.4)."""
        if self.trouble.is_silent(now_ns) and self._is_any_open(now_ns):
            self.trouble.is_up = False
            log.warning("%s does not answer: %s", self.name, self.trouble.text)
            for watcher in list(self._watchers):
                watcher.on_down(self.name, self.trouble.reason)

    def _is_any_open(self, now_ns: int) -> bool:
        markets = {batch.market for batch in self._batches.regular} or {"cn"}
        return any(hours.state(market, now_ns + self.trouble.offset_ns)[0] for market in MARKETS if market in markets)

    # ------------------------------------------------------------------ keys that the host does not have
    def _missed(self, name: str, key: _Key, now_ns: int) -> None:
        key.misses += 1
        if key.misses < MISSES:
            if not key.answered:
                # Who subscribes wants to know soon, also while the market is closed.
                self._batches.ask_once(key.market, [name], now_ns + round(self._interval_s * _NS), self._size)
            return
        key.not_before_ns = now_ns + RETRY_UNKNOWN_S * _NS
        if not key.is_told:
            key.is_told = True
            log.warning("%s has no quote of %s: asked again every %d s", self.name, name, RETRY_UNKNOWN_S)
            if not key.answered:
                for watcher in list(key.watchers):
                    watcher.on_unknown(self.name, name)

    def _used_to_answer(self, keys: list[str]) -> bool:
        return any(name in self._keys and self._keys[name].answered for name in keys)

    def _search(self, batch: Batch, keys: list[str], now_ns: int) -> None:
        """One of these spoils the batch: ask halves until it is alone (spec 8.4)."""
        if len(keys) == 1:
            key = self._keys.get(keys[0])
            # A host that has answered nothing since refuses everything, not this key.
            if key is not None and self._good_number > self._refused_number:
                key.not_before_ns = now_ns + QUARANTINE_S * _NS
                log.warning("%s refuses %s: left out for %d min", self.name, keys[0], QUARANTINE_S // 60)
            return
        if not batch.is_extra:
            batch.nominal_ns = batch.due_ns = now_ns + _LOCKED_BATCH_S * _NS
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            self._batches.ask_once(batch.market, half, now_ns, self._size, alone=True)

    # ------------------------------------------------------------------ rows that do not move
    def _is_stale(self, now_ns: int) -> bool:
        """Whether most rows of a market are too old for the hour (spec 8.6)."""

        def probe_ns() -> int:
            return max((watcher.row_ns(self.name, PROBE) for watcher in self._watchers), default=0)

        def ages() -> dict[Market, list[tuple[str, int]]]:
            found: dict[Market, list[tuple[str, int]]] = {}
            for name, key in self._keys.items():
                if key.watchers and key.answered and name in self._batches:
                    found.setdefault(key.market, []).append((name, key.watchers[0].row_ns(self.name, name)))
            return found

        return self.freshness.is_stale(now_ns, now_ns + self.trouble.offset_ns, ages, probe_ns)

    # ------------------------------------------------------------------ the end
    async def close(self) -> None:
        """Ask nothing more, and close the connections."""
        self._clock.unwatch(self._moved)
        self._task.cancel()
        for fetch in list(self._fetches):
            fetch.cancel()  # a host that does not answer holds up nobody's end
        await asyncio.gather(*self._fetches, return_exceptions=True)
        if self.pusher is not None:
            await self.pusher.close()
        await self._web.close()
