"""Where ``tts://sim`` and ``tts://vip`` take their quotes: an ordinary market data session of the ``quotes=`` backend.

Whatever the source's thread puts is handed to the counter's thread and served there: login, subscription of what
somebody uses, snapshots. How a lost link comes back is the source's own matter; here it only means that quotes are old.

**Old quotes fill nothing** [SIM]. A quote is old when the link is down, and when it is older than ``stale`` seconds:
its age counts from the time that the exchange wrote on it (from its arrival if that time is still to come). Clients
are shown every snapshot, old or not; to orders, an old one is an empty book until a younger one comes.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from ctp2.core import address as addresses
from ctp2.core.backend import Event, Request, Sink
from ctp2.core.errors import AddressError
from ctp2.ctp import methods, structs
from ctp2.refdata.calendar import plus_days
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.ticks import DBL_MAX, Tick
from ctp2.refdata.tradingday import action_day
from ctp2.tts.terms import NO_PRICE
from ctp2.tts.values import date_of, price_from_ctp, time_of

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.backend import Backend, Session
    from ctp2.core.clock import Clock
    from ctp2.tts.client import Counter
    from ctp2.tts.config import Config
    from ctp2.tts.contract import Contract
    from ctp2.tts.environments import World

log = logging.getLogger("ctp2.tts")

_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400
_AHEAD_S: Final = 300
"""How far the exchange's clock may be ahead of ours; a time beyond that is of the day before."""
_BATCH: Final = 500
"""Codes per subscription (spec 9.2: at most 1000 are advised)."""
_RETRY_NS: Final = _NS
"""Pause before a refused subscription is tried again."""
_QUEUE_LIMIT: Final = 500_000
"""Events of the source that may wait for the counter; snapshots beyond it are dropped, which is logged."""


# ------------------------------------------------------------------ addresses
def source_address(config: Config) -> Address:
    """The address of ``quotes=``."""
    return addresses.parse(config.options.quotes)


def located_source(address: Address) -> Address:
    """The counter's address, with the files of its source's named so that they are the same from every folder."""
    from ctp2 import registry  # late: the registry imports this package by name

    quotes = address.options.get("quotes", "")
    if not quotes:
        return address
    source = addresses.parse(quotes)
    there = registry.located(source)
    return address if there is source else address.having({"quotes": there.rendered()})


def check_source(address: Address, config: Config, identity: Hashable) -> None:
    """Raise for a source that can never work, with the address of the counter that asks for it.

    Raises:
        AddressError: unknown scheme, a source without market data, or the counter itself.
        ValueError, FileNotFoundError: what the source says.
    """
    from ctp2 import registry  # late: the registry imports this package by name

    try:
        source = source_address(config)
        seen = {identity}
        inner = source
        while inner.scheme == address.scheme:
            if registry.identity(inner) in seen:
                raise AddressError("a counter cannot be its own source of quotes")
            seen.add(registry.identity(inner))
            if "quotes" not in inner.options:
                break
            inner = addresses.parse(inner.options["quotes"])
        registry.check(source)
    except AddressError as error:
        raise AddressError(_told(address, config, error)) from None
    except (ValueError, FileNotFoundError) as error:
        raise type(error)(_told(address, config, error)) from None


def _told(address: Address, config: Config, error: Exception) -> str:
    is_given = "quotes" in config.options.model_fields_set
    asked = f"quotes={config.options.quotes}" if is_given else f"without quotes= it asks {config.options.quotes}"
    return f"{address.text}: {asked}: {error}"


# ------------------------------------------------------------------ the sink
class SourceSink:
    """What the source's session puts into: it waits here for the counter's thread."""

    def __init__(self, submit: Callable[[Callable[[Any], None], Any], bool], take: Callable[[Event], None]) -> None:
        self._submit = submit
        self._take = take
        self._lock = threading.Lock()
        self._queue: deque[Event] = deque()
        self._is_scheduled = False
        self._is_open = True
        self._on_idle: Callable[[], None] | None = None
        self.dropped = 0

    def put(self, events: Sequence[Event]) -> None:
        """Queue events in order."""
        with self._lock:
            if not self._is_open:
                return
            if len(self._queue) < _QUEUE_LIMIT:
                self._queue.extend(events)
            else:
                if not self.dropped:
                    log.error("the counter cannot keep up with its quote source: snapshots are dropped")
                kept = [event for event in events if event.callback != "OnRtnDepthMarketData"]
                self.dropped += len(events) - len(kept)
                self._queue.extend(kept)
            if self._is_scheduled:
                return
            self._is_scheduled = True
        if not self._submit(self._drain, None):
            with self._lock:
                self._is_scheduled = False  # the counter is flooded: the next batch tries again

    def close(self) -> None:
        """Ignore what comes from now on."""
        with self._lock:
            self._is_open = self._is_scheduled = False
            self._queue.clear()

    @property
    def depth(self) -> int:
        """Events that the counter has not finished."""
        return len(self._queue) + self._is_scheduled

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once when the counter has finished with everything: now, or on its thread."""
        with self._lock:
            self._on_idle = call
        self._tell_idle()

    def _tell_idle(self) -> None:
        with self._lock:
            call = None
            if not self._queue and not self._is_scheduled:
                call, self._on_idle = self._on_idle, None
        if call is not None:
            call()

    def _drain(self, _: Any) -> None:
        """On the counter's thread: everything that waits now."""
        while True:
            with self._lock:
                if not self._queue:
                    self._is_scheduled = False
                    break
                event = self._queue.popleft()
            try:
                self._take(event)
            except Exception:
                log.exception("a snapshot of the quote source failed")
        self._tell_idle()


# ------------------------------------------------------------------ the session
class QuoteSource:
    """The quotes of a counter. Made and closed by whoever opens it; all else happens on the counter's thread."""

    def __init__(self, address: Address, clock: Clock, stale_s: int) -> None:
        """Open ``address`` (this may block).

        Raises:
            Ctp2Error, OSError, ValueError: it cannot be opened now.
        """
        from ctp2 import registry  # late: the registry imports this package by name

        self.address = address
        self._clock = clock
        self._stale_ns = stale_s * _NS
        self._give_back = registry.release
        self.backend: Backend = registry.acquire(address, clock)
        if "md" not in self.backend.capabilities.kinds:
            registry.release(self.backend)
            raise AddressError(f"quotes={address.text}: this front has no market data")
        self._session: Session | None = None
        self._sink: SourceSink | None = None
        self._counter: Counter | None = None
        self._world: World | None = None
        self._connection = 0
        self._request_id = 0
        self.is_logged_in = False
        self._wanted: dict[str, None] = {}
        self._asked: set[str] = set()
        self._retry_ns = 0
        self._quoted: dict[int, int] = {}
        """Contract index → instant from which on the age of its quote counts; absent: none to trade against."""
        self._ages: list[tuple[int, int]] = []
        """(instant, contract index) at which a quote may have become old, one for each index of ``_timed``."""
        self._timed: set[int] = set()
        self._limits: dict[int, tuple[float, float, float, float]] = {}
        """Contract index → previous settlement and close, and the limits that follow from them."""
        self._ambiguous: set[str] = set()

    def start(self, counter: Counter) -> None:
        """Begin: from now on every instrument that the counter uses is subscribed."""
        self._counter = counter
        counter.before_work = self.look_at_ages
        counter.submit(self._connect, None)

    def attach(self, world: World) -> None:
        """Serve a trading day: no quote of the day before counts on it."""
        self._world = world
        for kept in (self._quoted, self._ages, self._timed, self._limits, self._wanted):
            kept.clear()
        world.opened = self.want
        for contract in world.engine.state.contracts:
            self.want(contract)

    def close(self) -> None:
        """Leave the source; the counter's thread has ended."""
        if self._sink is not None:
            self._sink.close()
        if self._session is not None:
            self._session.close()
        self._give_back(self.backend)

    def session(self, sink: Sink) -> Session:
        """A market data session of the source itself, for a client (``tts://vip``)."""
        return self.backend.session("md", sink)

    # ------------------------------------------------------------------ on the counter's thread
    def _connect(self, _: Any) -> None:
        assert self._counter is not None
        self._sink = SourceSink(self._counter.submit, self._take)
        self._session = self.backend.session("md", self._sink)

    def want(self, contract: Contract) -> None:
        """Somebody uses an instrument."""
        if contract.code not in self._wanted:
            self._wanted[contract.code] = None
            self._ask()

    def _ask(self) -> None:
        """Subscribe what is wanted and was not asked for on this connection."""
        if not self.is_logged_in:
            return
        missing = [code for code in self._wanted if code not in self._asked]
        for first in range(0, len(missing), _BATCH):
            codes = tuple(missing[first : first + _BATCH])
            if self._send("SubscribeMarketData", codes):
                self._asked.update(codes)
            else:
                self._retry_ns = self._clock.now_ns() + _RETRY_NS
                return
        self._retry_ns = 0

    def _send(self, name: str, field: Any) -> bool:
        assert self._session is not None
        self._request_id += 1
        request = Request(methods.MD[name], field, self._request_id, self._connection)
        return self._session.handle(request) == 0

    def _take(self, event: Event) -> None:
        handler = _HANDLERS.get(event.callback)
        if handler is not None:
            handler(self, event)

    def _on_connected(self, _: Event) -> None:
        self._connection += 1
        self._send("ReqUserLogin", structs.CThostFtdcReqUserLoginField())

    def _on_login(self, event: Event) -> None:
        if event.info is not None and event.info.ErrorID:
            log.warning("%s refuses the login: %s %s", self.address.text, event.info.ErrorID, event.info.ErrorMsg)
            return
        self.is_logged_in = True
        self._asked.clear()
        self._ask()

    def _on_disconnected(self, event: Event) -> None:
        """Every quote is old at once."""
        log.warning("%s: the link is down (%s): nothing fills until it is back", self.address.text, event.request_id)
        self.is_logged_in = False
        for index in list(self._quoted):
            self._forget(index)

    def _on_subscribed(self, event: Event) -> None:
        if event.info is not None and event.info.ErrorID:
            code = getattr(event.struct(), "InstrumentID", "")
            log.warning("%s: no quotes of %s: %s %s", self.address.text, code, event.info.ErrorID, event.info.ErrorMsg)

    def _on_snapshot(self, event: Event) -> None:
        field = event.struct()
        contract = self._contract_of(field.InstrumentID, field.ExchangeID)
        if contract is None or self._world is None or self._counter is None:
            return
        now_ns = self._clock.now_ns()
        tick, written_ns = tick_from_ctp(field, contract, self._world.trading_day, now_ns)
        self._take_references(contract, tick)
        since_ns = min(written_ns, now_ns)
        is_young = now_ns - since_ns < self._stale_ns
        if is_young:
            self._quoted[contract.index] = since_ns
            self._look_at(contract.index, since_ns)
        else:
            self._quoted.pop(contract.index, None)
        self._counter.take_quote(contract, tick, now_ns, fills=is_young)

    def _take_references(self, contract: Contract, tick: Tick) -> None:
        """The day's reference prices and limits are the source's; limits that it does not know follow from them.

        While somebody holds the instrument its previous settlement price stays what his position was carried at.
        """
        scale = contract.price_scale
        if tick.upper_limit == DBL_MAX and tick.lower_limit == DBL_MAX:
            tick.upper_limit, tick.lower_limit = self._derived_limits(contract, tick)
        contract.upper_limit = price_from_ctp(tick.upper_limit, scale)
        contract.lower_limit = price_from_ctp(tick.lower_limit, scale)
        contract.pre_close = price_from_ctp(tick.pre_close, scale)
        if not contract.holders:
            reference = tick.pre_settlement if tick.pre_settlement != DBL_MAX else tick.pre_close
            contract.pre_settlement = price_from_ctp(reference, scale)

    def _derived_limits(self, contract: Contract, tick: Tick) -> tuple[float, float]:
        """Upper and lower limit by the rules of the instrument's board, worked out once per reference price."""
        known = self._limits.get(contract.index)
        if known is None or known[:2] != (tick.pre_settlement, tick.pre_close):
            found = daily_limits(contract.instrument, _decimal(tick.pre_settlement), _decimal(tick.pre_close))
            upper, lower = (DBL_MAX if limit is None else float(limit) for limit in found)
            known = self._limits[contract.index] = (tick.pre_settlement, tick.pre_close, upper, lower)
        return known[2:]

    def _contract_of(self, code: str, exchange: str) -> Contract | None:
        """The instrument of a snapshot. ExchangeID is empty on the futures front: then the code must be unique."""
        assert self._world is not None
        state = self._world.engine.state
        if exchange:
            return state.by_key.get((exchange, code))
        found = state.by_code.get(code, ())
        if len(found) == 1:
            return found[0]
        if found and code not in self._ambiguous:
            self._ambiguous.add(code)
            log.warning("%s: %s without an ExchangeID means several instruments: not used", self.address.text, code)
        return None

    def look_at_ages(self, now_ns: int) -> int:
        """Quotes that became old fill nothing any more; returns when the next may be (0: never)."""
        if self._retry_ns and self._retry_ns <= now_ns:
            self._ask()
        ages = self._ages
        while ages and ages[0][0] <= now_ns:
            _, index = heappop(ages)
            self._timed.discard(index)
            since_ns = self._quoted.get(index)
            if since_ns is None:
                continue
            if since_ns + self._stale_ns > now_ns:
                self._look_at(index, since_ns)
            else:
                self._forget(index)
        due_ns = ages[0][0] if ages else 0
        return min(due_ns, self._retry_ns) if due_ns and self._retry_ns else due_ns or self._retry_ns

    def _look_at(self, index: int, since_ns: int) -> None:
        """Look at an instrument's quote when it may be old."""
        if index not in self._timed:
            self._timed.add(index)
            heappush(self._ages, (since_ns + self._stale_ns, index))

    def _forget(self, index: int) -> None:
        """A quote is old: its book counts as empty."""
        assert self._world is not None
        del self._quoted[index]
        contract = self._world.engine.state.contracts[index]
        contract.bid = contract.ask = NO_PRICE
        contract.bid_volume = contract.ask_volume = 0


_HANDLERS: Final[dict[str, Callable[[QuoteSource, Event], None]]] = {
    "OnFrontConnected": QuoteSource._on_connected,
    "OnFrontDisconnected": QuoteSource._on_disconnected,
    "OnRspUserLogin": QuoteSource._on_login,
    "OnRspSubMarketData": QuoteSource._on_subscribed,
    "OnRtnDepthMarketData": QuoteSource._on_snapshot,
}


# ------------------------------------------------------------------ snapshots
def tick_from_ctp(
    field: structs.CThostFtdcDepthMarketDataField, contract: Contract, trading_day: str, now_ns: int
) -> tuple[Tick, int]:
    """A source's snapshot on our trading day, and the instant that its UpdateTime means.

    ActionDay is what the exchange shows on that natural day (spec 9.3), whatever day the source plays.
    """
    written_ns, natural_day = _instant(field.UpdateTime, field.UpdateMillisec, contract.home, now_ns)
    tick = Tick(
        -1,
        written_ns,
        field.UpdateTime,
        field.UpdateMillisec,
        action_day(contract.exchange, trading_day, natural_day),
        contract.exchange,
        field.ExchangeInstID,
        last=field.LastPrice,
        pre_settlement=_unless_zero(field.PreSettlementPrice, contract),
        pre_close=_unless_zero(field.PreClosePrice, contract),
        pre_open_interest=field.PreOpenInterest,
        open=field.OpenPrice,
        high=field.HighestPrice,
        low=field.LowestPrice,
        volume=field.Volume,
        turnover=field.Turnover,
        open_interest=field.OpenInterest,
        close=field.ClosePrice,
        settlement=field.SettlementPrice,
        upper_limit=_unless_zero(field.UpperLimitPrice, contract),
        lower_limit=_unless_zero(field.LowerLimitPrice, contract),
        pre_delta=field.PreDelta,
        curr_delta=field.CurrDelta,
        average_price=field.AveragePrice,
    )
    for level in _LEVELS:
        for ours, theirs in level:
            setattr(tick, ours, getattr(field, theirs))
    return tick, written_ns


_LEVELS: Final = tuple(
    (
        (f"bid{level}", f"BidPrice{level}"),
        (f"bid_volume{level}", f"BidVolume{level}"),
        (f"ask{level}", f"AskPrice{level}"),
        (f"ask_volume{level}", f"AskVolume{level}"),
    )
    for level in range(1, 6)
)


def _unless_zero(price: float, contract: Contract) -> float:
    """Some fronts send 0 for what they do not know (spec 9.3); a spread's limit may be 0."""
    return DBL_MAX if price == 0 and contract.instrument.product_class != "combination" else price


def _instant(update_time: str, millisec: int, zone: str, now_ns: int) -> tuple[int, str]:
    """The last instant up to about now at which it was ``update_time`` in ``zone``, and its date there."""
    today = date_of(now_ns, zone)
    if len(update_time) != len("HH:MM:SS"):
        return now_ns, today
    away_s = _seconds(update_time) - _seconds(time_of(now_ns, zone))
    if away_s > _AHEAD_S:
        away_s, today = away_s - _DAY_S, plus_days(today, -1)
    elif away_s <= _AHEAD_S - _DAY_S:
        away_s, today = away_s + _DAY_S, plus_days(today, 1)
    return (now_ns // _NS + away_s) * _NS + millisec * 1_000_000, today


def _seconds(time_of_day: str) -> int:
    hours, minutes, seconds = time_of_day.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _decimal(price: float) -> Decimal | None:
    return None if price == DBL_MAX else Decimal(repr(price))
