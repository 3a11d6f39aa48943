"""``sina://``, ``tencent://`` and ``quotes://``: web quotes behind the ``Backend`` contract.

A backend owns subscriptions and the records that clients are shown; the pollers of :mod:`ctp2.quotes.hub` own the
requests and are shared with every other backend that asks the same host. All of it runs on the package's loop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ctp2.core import opening
from ctp2.core.address import Address
from ctp2.core.backend import CONTRACT_VERSION, Capabilities, Event, Kind, Sink
from ctp2.core.errors import OpenFailed
from ctp2.quotes import client, hub, symbols
from ctp2.quotes.config import Config
from ctp2.quotes.config import parse as _parse
from ctp2.quotes.limits import Limits
from ctp2.quotes.poller import PROBE, Outcome, Poller
from ctp2.quotes.session import SUBSCRIPTIONS, QuoteSession, not_found
from ctp2.quotes.tracks import Track
from ctp2.refdata.calendar import NS_PER_SECOND, zone_info

if TYPE_CHECKING:
    from ctp2.core.clock import Clock
    from ctp2.quotes.codes import Market
    from ctp2.quotes.sources import Layout
    from ctp2.quotes.translate import Field

log = logging.getLogger("ctp2.quotes")

CONTRACT: Final = CONTRACT_VERSION
CAPABILITIES: Final = Capabilities(
    frozenset(("md",)),
    frozenset(("ReqUserLogin", "ReqQryMulticastInstrument", *SUBSCRIPTIONS)),
    differs=frozenset(
        (
            Capabilities.NAMES_LOGIN,
            Capabilities.REFUSES_UNKNOWN,
            Capabilities.KEEPS_EARLY,
            Capabilities.SPOT_HAS_CLOSE,
        )
    ),
)
"""Market data only. A multicast query has no rows, as on every front that sends no multicasts."""
_CONNECT_S: Final = 8.0
"""How long opening waits for the first good reply, or for every source to have failed."""
_CLOSE_S: Final = 10.0


def check(address: Address) -> None:
    """Raise for an address that can never work."""
    _parse(address)


def located(address: Address) -> Address:
    """The address with its file of names as a whole path."""
    names = address.options.get("names")
    if not names:
        return address
    options = {**address.options, "names": str(Path(names).absolute())}
    return Address(address.scheme, address.host, address.path, options, address.text)


def open(address: Address, clock: Clock) -> QuotesBackend:
    """A backend whose source has answered.

    Raises:
        OpenFailed: none does now, or aiohttp is not installed.
    """
    backend = QuotesBackend(_parse(address), clock)
    try:
        backend.wait()
    except BaseException:
        backend.close()
        raise
    return backend


_Keys = tuple[tuple[str, str], ...]
"""(source, key) of every source that has an instrument: what makes two spellings the same."""


class _Spelling:
    """An InstrumentID as some clients write it, and who subscribed it so."""

    __slots__ = ("build", "keys", "sessions", "text", "track")

    def __init__(self, text: str, track: Track, keys: _Keys) -> None:
        self.text = text
        self.track = track
        self.keys = keys
        self.sessions: dict[QuoteSession, None] = {}

        def build(field: Field) -> Field:
            shown: Field = field.__copy__()
            shown.InstrumentID = text
            return shown

        self.build: Callable[[Field], Field] = build

    def tick(self, field: Field) -> Event:
        """An event for every client that spells it so; each gets a record of its own."""
        return Event("OnRtnDepthMarketData", field, build=self.build)


class QuotesBackend:
    """Web quotes. ``session``, ``wait`` and ``close`` from any thread, all else on the loop."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.capabilities = CAPABILITIES
        self.wants_all = config.options.emit == "all"
        self.wants_extended = config.options.us_extended == "on"
        self.loop = client.join_loop()
        self._clock = clock
        self._names = symbols.load_names(Path(config.options.names)) if config.options.names else None
        self._pollers: dict[Layout, Poller] = {}
        self._up: set[str] = set()
        self._failed: set[str] = set()
        self._settled = threading.Event()
        self._sessions: dict[QuoteSession, None] = {}
        self._spellings: dict[str, _Spelling] = {}
        self._spellings_of: dict[_Keys, dict[str, _Spelling]] = {}
        self._by_key: dict[tuple[str, str], list[Track]] = {}
        """Nearly always one; Tencent has one key for Sina's two (late and real-time) of a Hong Kong index."""
        self._keys_of: dict[Track, _Keys] = {}
        self._unknown: set[tuple[str, str]] = set()
        self._with_ticks: list[QuoteSession] = []
        self._last_session = 0
        self._limits: Limits | None = None
        self.ticks = 0
        try:
            self.loop.run(self._begin(), _CLOSE_S)
        except BaseException:
            client.leave_loop()
            raise

    async def _begin(self) -> None:
        config, options = self.config, self.config.options
        probe = Track(symbols.security("sh", PROBE[2:]))
        self._probe = probe
        for name in config.sources:
            source = cast("Layout", name)
            push = options.push == "1" and name == "sina"
            poller = hub.acquire(name, config.hosts.get(name, ""), options.tls, self._clock, self.loop, push=push)
            self._pollers[source] = poller
            self._by_key[name, PROBE] = [probe]
            if poller.trouble.hold_ns > self._clock.now_ns():
                self.on_trouble(name)
            poller.join(self, options.interval)
        if options.limits_from:
            poller = hub.acquire("tencent", config.limits_host, options.tls, self._clock, self.loop)
            self._limits = Limits(poller, self._tell)

    def wait(self) -> None:
        """Until a source has answered.

        Raises:
            OpenFailed: every source has failed, none has answered in time, or nobody waits for it any more.
        """
        opening.wait(self._settled, _CONNECT_S)
        if opening.is_given_up():
            raise OpenFailed(f"{self.config.text}: released before it was open")
        if self._up:
            return
        told = [f"{name}: {poller.trouble.text or 'no answer'}" for name, poller in self._pollers.items()]
        raise OpenFailed(f"{self.config.text}: no quotes now: {'; '.join(told)}")

    def session(self, kind: Kind, sink: Sink) -> QuoteSession:
        """A session for one client; ``OnFrontConnected`` follows while a source answers."""
        session = QuoteSession(self, sink)
        self.loop.post(self._welcome, session)
        return session

    def _welcome(self, session: QuoteSession) -> None:
        self._sessions[session] = None
        if self._up:
            session.machine.connect()

    def figures(self) -> Mapping[str, float]:
        """Numbers for whoever watches."""
        pollers = list(self._pollers.values())
        return {
            "quotes_instruments": len(self._spellings_of),
            "quotes_requests_total": sum(poller.requests for poller in pollers),
            "quotes_rows_total": sum(poller.rows for poller in pollers),
            "quotes_ticks_total": self.ticks,
        }

    @property
    def names_of_instruments(self) -> dict[str, str]:
        """InstrumentID → the name that the source gives it, for people."""
        return {text: spelling.track.name for text, spelling in list(self._spellings.items())}

    def close(self) -> None:
        """Leave the hosts."""
        try:
            self.loop.run(self._end(), _CLOSE_S)
        finally:
            client.leave_loop()

    async def _end(self) -> None:
        if self._limits is not None:
            self._limits.close()
            await hub.release(self._limits.poller)
        for name, poller in self._pollers.items():
            poller.unwatch(self, [key for source, key in self._by_key if source == name])
            poller.leave(self)
            await hub.release(poller)

    # ------------------------------------------------------------------ what a login tells
    @property
    def trading_day(self) -> str:
        """The date of the probe's row; before it the date in Beijing."""
        field = self._probe.field
        return field.TradingDay if field is not None else self._beijing().strftime("%Y%m%d")

    @property
    def time_of_day(self) -> str:
        """Beijing time."""
        return self._beijing().strftime("%H:%M:%S")

    @property
    def system_name(self) -> str:
        """``SINA``, ``QQ``, or both."""
        return "+".join(poller.source.system_name for poller in self._pollers.values())

    def next_session_id(self) -> int:
        """Counts the logins."""
        self._last_session += 1
        return self._last_session

    def _beijing(self) -> datetime:
        seconds = self._clock.now_ns() // NS_PER_SECOND
        return datetime.fromtimestamp(seconds, UTC).astimezone(zone_info("Asia/Shanghai"))

    # ------------------------------------------------------------------ subscriptions
    def subscribe(self, session: QuoteSession, codes: Sequence[str]) -> frozenset[str]:
        """Add subscriptions; returns the codes that no rule turns into an instrument of these sources."""
        today = self._beijing().strftime("%Y%m%d")
        refused: set[str] = set()
        wanted: dict[Layout, list[tuple[str, Market]]] = {name: [] for name in self._pollers}
        for code in codes:
            spelling = self._spellings.get(code) or self._spell(code, today, wanted)
            if spelling is None:
                refused.add(code)
            else:
                spelling.sessions[session] = None
        for name, keys in wanted.items():
            if keys:
                self._pollers[name].watch(self, keys)
        return frozenset(refused)

    def _spell(self, code: str, today: str, wanted: dict[Layout, list[tuple[str, Market]]]) -> _Spelling | None:
        try:
            symbol = symbols.read(code, today, self._names)
        except symbols.NoSymbol as error:
            log.info("%s: no subscription: %s", self.config.text, error)
            return None
        found = [(name, poller.source.key_of(symbol)) for name, poller in self._pollers.items()]
        keys = tuple((name, key) for name, key in found if key)
        if not keys:
            log.info("%s: no subscription of %r: this source does not have it", self.config.text, code)
            return None
        if symbol.is_ambiguous:
            log.info("%s is taken as %s%s; write the exchange for another reading", code, symbol.place, symbol.code)
        listed = self._spellings_of.get(keys)
        if listed is None:
            listed = self._spellings_of[keys] = {}
            track = self._probe if keys[0][1] == PROBE else Track(symbol)
            self._keys_of[track] = keys
            for name, key in found:
                if key:
                    wanted[name].append((key, symbol.market))
                    if track is not self._probe:
                        self._by_key.setdefault((name, key), []).append(track)
        else:
            track = next(iter(listed.values())).track
        spelling = self._spellings[code] = listed[code] = _Spelling(code, track, keys)
        return spelling

    def unsubscribe(self, session: QuoteSession, codes: Iterable[str]) -> None:
        """End subscriptions; a code that was never subscribed is no fault."""
        left: dict[Layout, list[str]] = {name: [] for name in self._pollers}
        for code in codes:
            session.texts.pop(code, None)
            spelling = self._spellings.get(code)
            if spelling is None:
                continue
            spelling.sessions.pop(session, None)
            if not spelling.sessions:
                self._strike(spelling, left)
        for name, keys in left.items():
            if keys:
                self._pollers[name].unwatch(self, keys)

    def _strike(self, spelling: _Spelling, left: dict[Layout, list[str]]) -> None:
        keys, track = spelling.keys, spelling.track
        listed = self._spellings_of[keys]
        del self._spellings[spelling.text], listed[spelling.text]
        if listed:
            return
        del self._spellings_of[keys], self._keys_of[track]
        if self._limits is not None:
            self._limits.forget(track.symbol)
        for name, key in keys:
            tracks = self._by_key[name, key]
            if track is not self._probe:
                tracks.remove(track)
            if track is self._probe or not tracks:
                left[cast("Layout", name)].append(key)
                self._unknown.discard((name, key))
            if not tracks:
                del self._by_key[name, key]

    def leave(self, session: QuoteSession) -> None:
        """A client is gone."""
        self._sessions.pop(session, None)
        self.unsubscribe(session, list(session.texts))

    # ------------------------------------------------------------------ ticks
    def tell_first(self, session: QuoteSession, codes: Iterable[str]) -> None:
        """What is known of new subscriptions already: the last record, or that there is none."""
        fresh = [code for code in codes if code in self._spellings and code not in session.texts]
        session.texts.update(dict.fromkeys(fresh))
        events = self.known_ticks(fresh) if session.machine.is_logged_in else []
        if self.config.options.report_unknown == "1":
            events += [not_found(code) for code in fresh if self._is_unknown(self._spellings[code])]
        if events:
            session.machine.put(events)

    def known_ticks(self, texts: Iterable[str]) -> list[Event]:
        """The last records of some subscriptions."""
        known = [self._spellings[text] for text in texts if text in self._spellings]
        return [spelling.tick(spelling.track.field) for spelling in known if spelling.track.field is not None]

    def _tell(self, track: Track) -> None:
        """Show a record to everybody who subscribed it."""
        field = track.field
        if field is None:
            return
        for spelling in self._spellings_of.get(self._keys_of.get(track, ()), {}).values():
            event = spelling.tick(field)
            for session in spelling.sessions:
                # Who is not logged in gets the last record at the login; who is being answered, behind the answer.
                if session.machine.is_logged_in and spelling.text in session.texts:
                    self.ticks += 1
                    if session.add_tick(event):
                        if not self._with_ticks:
                            self.loop.loop.call_soon(self._flush)
                        self._with_ticks.append(session)

    def _flush(self) -> None:
        sessions, self._with_ticks = self._with_ticks, []
        for session in sessions:
            session.flush()

    # ------------------------------------------------------------------ what the pollers tell
    def on_row(self, source: str, key: str, row: str) -> Outcome:
        """A row: a tick if it is news."""
        outcomes = [
            self._take(cast("Layout", source), key, row, track) for track in self._by_key.get((source, key), ())
        ]
        # None: unsubscribed while the request was on its way.
        return next((outcome for outcome in Outcome if outcome in outcomes), Outcome.READ)

    def _take(self, source: Layout, key: str, row: str, track: Track) -> Outcome:
        outcome = track.take(source, row, self.config, self._clock.now_ns())
        if outcome is Outcome.READ:
            self._unknown.discard((source, key))
            if track.is_news:
                self._tell(track)
            if self._limits is not None:
                self._limits.want(track)
            if track is self._probe and self._up:
                self._settled.set()
        return outcome

    def on_unknown(self, source: str, key: str) -> None:
        """A host does not know a key: who subscribed it hears so when no source has it."""
        self._unknown.add((source, key))
        if self.config.options.report_unknown == "0":
            return
        for track in self._by_key.get((source, key), ()):
            for spelling in self._spellings_of.get(self._keys_of.get(track, ()), {}).values():
                if self._is_unknown(spelling):
                    for session in spelling.sessions:
                        session.machine.put([not_found(spelling.text)])

    def _is_unknown(self, spelling: _Spelling) -> bool:
        return all(key in self._unknown for key in spelling.keys)

    def on_up(self, source: str) -> None:
        """A source answers: the front is up with the first."""
        self._failed.discard(source)
        is_first = not self._up
        self._up.add(source)
        if self._probe.field is not None:
            self._settled.set()
        if is_first:
            for session in list(self._sessions):
                if not session.machine.is_connected:
                    session.machine.connect()

    def on_down(self, source: str, reason: int) -> None:
        """A source does not answer any more: the front is down with the last."""
        self._up.discard(source)
        if not self._up:
            for session in list(self._sessions):
                session.machine.disconnect(reason)

    def on_trouble(self, source: str) -> None:
        """A request failed: opening need not wait when all have."""
        self._failed.add(source)
        if not self._up and len(self._failed) == len(self._pollers) == len(self.config.sources):
            self._settled.set()

    def row_ns(self, source: str, key: str) -> int:
        """The instant that the last row of a key bears."""
        tracks = self._by_key.get((source, key))
        return tracks[0].row_ns(cast("Layout", source)) if tracks else 0
