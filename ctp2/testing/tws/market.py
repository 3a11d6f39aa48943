"""Streams and snapshots of market data (spec ib 6.7): who may see what, live or delayed, and the ticks of each step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ctp2.testing.tws import replies, ticks
from ctp2.testing.tws.lists import NO_DEFINITION
from ctp2.testing.tws.market_script import DELAYED_ONLY, ENTITLED
from ctp2.testing.tws.quotes import NAMES, NS, STEP_NS, Quotes
from ctp2.testing.tws.ticks import DELAYED, DELAYED_FROZEN, FROZEN, LIVE, Shown

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

TOO_MANY: Final = "Max number of tickers has been reached"
NOT_SUBSCRIBED: Final = (
    "Requested market data is not subscribed. Check API status by selecting the Account menu then under Management "
    "choose Market Data Subscription Manager and/or availability of delayed data."
)
SHOWN_DELAYED: Final = "Requested market data is not subscribed. Displaying delayed market data."
NOT_EVEN_DELAYED: Final = "Requested market data is not subscribed. Delayed market data is not enabled."
NO_TICKER: Final = "Can't find EId with tickerId:{}"
NO_GENERIC_SNAPSHOT: Final = (
    "Error validating request: snapshot market data subscription is not applicable to generic ticks"
)


@dataclass(frozen=True, slots=True)
class Stream:
    """A subscription and the connection that it goes to."""

    session: ClientSession
    shown: Shown


class Moving:
    """The quotes of a world, moved by its clock. Other parts find it in ``world.parts`` under ``quotes``."""

    handlers: ClassVar[dict[str, Handler]] = {}

    def __init__(self, world: World) -> None:
        self.world = world
        self.quotes = Quotes(world.contracts, world.script.seed, world.clock.now_ns())
        self._plan()

    def _plan(self) -> None:
        self.world.timers.after(STEP_NS / NS, self._step)

    def _step(self) -> None:
        if self.world.script.market.walks:
            self.quotes.catch_up(self.world.clock.now_ns())
        self._plan()


class Market:
    """Requests 1, 2 and 59."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.quotes: Quotes = world.parts["quotes"].quotes
        self.quotes.listen(self._changed)
        self._streams: dict[tuple[int, int], Stream] = {}
        """By number of the connection and number of the request."""
        self._watched: dict[int, list[Stream]] = {}
        """The same by conId."""
        world.on_close.append(self._closed)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "reqMktData": self.subscribe,
            "cancelMktData": self.cancel,
            "reqMarketDataType": self.data_type,
        }

    # ------------------------------------------------------------------ requests
    def data_type(self, session: ClientSession, request: Request) -> None:
        """The kind of market data that later subscriptions get where they may not see live data."""
        kind = request.integer("type")
        if kind not in (LIVE, FROZEN, DELAYED, DELAYED_FROZEN):
            session.error(-1, 321, f"Error validating request: market data type {kind} is none of 1, 2, 3, 4")
            return
        session.state["data_type"] = kind

    def subscribe(self, session: ClientSession, request: Request) -> None:
        """A stream, or a snapshot of what there is now."""
        req_id = request.req_id
        found = self.world.contracts.find(request.values)
        if len(found) != 1:
            session.error(req_id, 200, NO_DEFINITION if not found else _ambiguous(found))
            return
        listed = found[0]
        generic = _words(request.text("genericTicks"))
        refusal = self._refusal(session, request, listed, generic)
        if refusal is not None:
            session.error(req_id, *refusal)
            return
        kind = self._kind(session, listed)
        if isinstance(kind, tuple):
            session.error(req_id, *kind)
            return
        if kind in (DELAYED, DELAYED_FROZEN):
            session.error(req_id, 10167, SHOWN_DELAYED)
        stream = Stream(session, Shown(req_id, session.version, listed, kind, generic))
        session.send(replies.tick_parameters(req_id, listed.min_tick, _bbo(listed), 3))
        session.send(replies.market_data_type(req_id, kind))
        self._send(stream, NAMES)
        if request.flag("snapshot"):
            session.send(replies.snapshot_end(req_id))
        else:
            self._streams[session.number, req_id] = stream
            self._watched.setdefault(listed.con_id, []).append(stream)

    def cancel(self, session: ClientSession, request: Request) -> None:
        """The end of a stream; 300 if there is none."""
        if not self._drop((session.number, request.req_id)):
            session.error(request.req_id, 300, NO_TICKER.format(request.req_id))

    # ------------------------------------------------------------------ for the control
    def streams(self) -> list[tuple[int | None, int, str]]:
        """Client id, request number and symbol of every stream."""
        return [(one.session.client_id, one.shown.req_id, one.shown.listed.symbol) for one in self._streams.values()]

    def forget(self) -> None:
        """Lose all streams without a word, as TWS does before 1101."""
        self._streams.clear()
        self._watched.clear()

    def tick(self, listed: Listed, make: Any) -> int:
        """Send ``make(req_id)`` to every stream of a contract; the number of streams."""
        told = list(self._watched.get(listed.con_id, ()))
        for one in told:
            one.session.send(make(one.shown.req_id))
        return len(told)

    # ------------------------------------------------------------------ inside
    def _refusal(
        self, session: ClientSession, request: Request, listed: Listed, generic: frozenset[str]
    ) -> tuple[int, str] | None:
        if request.flag("snapshot") and generic:
            return 414, NO_GENERIC_SNAPSHOT
        wrong = sorted(one for one in generic if listed.sec_type not in ticks.GENERIC.get(one, ()))
        if wrong:
            return 321, (
                f"Error validating request:-'bM' : cause - Incorrect generic tick list of {','.join(sorted(generic))}. "
                f"Legal ones for ({listed.sec_type}) are: {','.join(_legal(listed.sec_type))}"
            )
        own = [key for key in self._streams if key[0] == session.number]
        if (session.number, request.req_id) in self._streams:
            return 322, f"Error processing request:-'bM' : cause - Duplicate ticker ID {request.req_id}"
        if len(own) >= self.world.script.market.limits.tickers:
            return 101, TOO_MANY
        return None

    def _kind(self, session: ClientSession, listed: Listed) -> int | tuple[int, str]:
        """The kind of data that the session gets of a contract, or the error."""
        asked = session.state.get("data_type", LIVE)
        permission = self.world.script.market.permission_for(listed.symbol, listed.con_id)
        if permission == ENTITLED:
            return FROZEN if asked in (FROZEN, DELAYED_FROZEN) and self.quotes.of(listed).halted else LIVE
        if asked not in (DELAYED, DELAYED_FROZEN):
            return 354, NOT_SUBSCRIBED
        return DELAYED if permission == DELAYED_ONLY else (10168, NOT_EVEN_DELAYED)

    def _changed(self, listed: Listed, names: frozenset[str]) -> None:
        for stream in self._watched.get(listed.con_id, ()):
            self._send(stream, names)

    def _send(self, stream: Stream, names: frozenset[str]) -> None:
        quote, option = self.quotes.of(stream.shown.listed), self.quotes.option(stream.shown.listed)
        for message in stream.shown.messages(quote, option, names):
            stream.session.send(message)

    def _closed(self, session: ClientSession) -> None:
        for key in [key for key in self._streams if key[0] == session.number]:
            self._drop(key)

    def _drop(self, key: tuple[int, int]) -> bool:
        stream = self._streams.pop(key, None)
        if stream is None:
            return False
        self._watched[stream.shown.listed.con_id].remove(stream)
        return True


def _words(text: str) -> frozenset[str]:
    """Generic ticks, without what stands after a colon (``mdoff``, ``292:BRFG``)."""
    return frozenset(word.partition(":")[0].strip() for word in text.split(",") if word.strip()) - {"mdoff"}


def _legal(sec_type: str) -> Iterable[str]:
    return [number for number, types in ticks.GENERIC.items() if sec_type in types]


def _bbo(listed: Listed) -> str:
    """The code of the map of venues; only its presence matters."""
    return "9c0001" if listed.exchange == "SMART" else ""


def _ambiguous(found: list[Listed]) -> str:
    symbols = ", ".join(one.local_symbol or one.symbol for one in found)
    return f"The contract description specified for {found[0].symbol} is ambiguous: {symbols}"
