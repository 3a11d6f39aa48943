"""``tts``: the counter behind the ``Backend`` contract: identity, what it tells, subscriptions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import CONTRACT_VERSION, NONE, QUICK, Capabilities, Event, Host, Kind, Sink, Topic
from ctp2.core.clock import process_clock
from ctp2.core.errors import READ_FAILED
from ctp2.ctp import structs
from ctp2.tts import rows, translate, values
from ctp2.tts.abilities import MARKETS, ORDER_KINDS
from ctp2.tts.client import Counter
from ctp2.tts.commands import OpenAccount
from ctp2.tts.config import Config, balances_of
from ctp2.tts.config import check_join as _check_join
from ctp2.tts.config import located as _located
from ctp2.tts.config import parse as _parse
from ctp2.tts.contract import Contract
from ctp2.tts.days import days_of
from ctp2.tts.environments import World, natural_day, universe_of
from ctp2.tts.events import DaySettled, RequestRefused
from ctp2.tts.events import Event as Happening
from ctp2.tts.flows import PRIVATE, PrivateFlow
from ctp2.tts.journal import Journal
from ctp2.tts.kept import runs
from ctp2.tts.live import check_calendar
from ctp2.tts.queries import QUERIES
from ctp2.tts.quote_requests import tell_market
from ctp2.tts.quotes import ForQuoteAsked
from ctp2.tts.recovering import begun, recovered, world_of
from ctp2.tts.session import REQUESTS, TtsSession
from ctp2.tts.settlement import settle
from ctp2.tts.settlement_prices import DayFigures, figures_of
from ctp2.tts.source import QuoteSource, check_source, located_source, source_address
from ctp2.tts.statements import Statements
from ctp2.tts.store import Store
from ctp2.tts.users import OPEN_TO_ALL, OrderPace, Users, is_directory, load_accounts

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.backend import Session
    from ctp2.core.clock import Clock
    from ctp2.refdata.ticks import Tick
    from ctp2.tts.faults import Faults
    from ctp2.tts.settled import Settlement

CONTRACT: Final = CONTRACT_VERSION
CAPABILITIES: Final = Capabilities(
    frozenset(("trader", "md")),
    frozenset(QUERIES) | frozenset(REQUESTS),
    frozenset(kind.name for kind in ORDER_KINDS),
    MARKETS,
)
"""What this counter serves; the table in the READMEs is made of it (tools/gen_capabilities.py)."""
_OF_VIP: Final = Capabilities(
    CAPABILITIES.kinds,
    CAPABILITIES.requests,
    CAPABILITIES.order_kinds,
    CAPABILITIES.markets,
    served=frozenset(("trader",)),
)
"""VIP has no market data front of its own: in this process a client of it gets the source's (spec 14.1)."""


# ------------------------------------------------------------------ the module's part of the contract
def check(address: Address) -> None:
    """Raise ``ValueError`` or ``FileNotFoundError`` for an address that can never work, a bad row of its files too."""
    config = _parse(address)
    now_ns = process_clock().now_ns()
    if config.follows_sessions:
        check_source(address, config, (address.scheme, identity(address)))
        check_calendar(address.text, config.listed_markets, now_ns)
    if config.options.instruments or config.options.rates:
        universe_of(config, natural_day(now_ns))
    if is_directory(config.options.accounts):
        from ctp2.tts.directory import Directory

        Directory(config.options.accounts)
    elif config.options.accounts != OPEN_TO_ALL:
        load_accounts(config.options.accounts)


def located(address: Address) -> Address:
    """The address with its files named so that they are the same from every folder, those of its source too."""
    return _located(located_source(address))


def open(address: Address, clock: Clock) -> TtsBackend:
    """Build the counter of ``address`` and start it."""
    backend = TtsBackend(_parse(address), clock)
    _running[backend.config.identity] = backend
    return backend


def running(address: Address) -> TtsBackend | None:
    """The open counter of ``address`` in this process."""
    return _running.get(_parse(address).identity)


def identity(address: Address) -> Hashable:
    """Equal for addresses that share one counter: environment and ``id`` (DESIGN section 5)."""
    return _parse(address).identity


def check_join(address: Address, opened_with: Address) -> None:
    """Raise ``ValueError`` when an option of ``address`` differs from the running counter's."""
    _check_join(_parse(located(address)), _parse(located(opened_with)))


_running: Final[dict[Hashable, TtsBackend]] = {}
"""Open counters, for Python programs that hold one of their Api objects (``ctp2.tts.counter``)."""


# ------------------------------------------------------------------ backend
class TtsBackend:
    """One embedded counter. All methods but ``session`` and ``close`` run on the counter's thread."""

    recipes = translate.RECIPES

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.capabilities = _OF_VIP if config.environment == "vip" else CAPABILITIES
        self.source: QuoteSource | None = None
        if config.follows_sessions:
            self.source = QuoteSource(source_address(config), clock, config.options.stale)
        self.days = days_of(config)
        self.balances = balances_of(config.options.balance)
        self.logins: dict[str, set[TtsSession]] = {}
        self.statements = Statements()
        options = config.options
        self.users = _users_of(config, clock)
        self.pace = OrderPace(options.order_rate) if options.order_rate else None
        self._last_session = 0
        self.journal: Journal | None = None
        store = Store(config.db, options.durability) if config.db else None
        try:
            self._begin(clock, store)
        except BaseException:
            if store is not None:
                store.close()
            if self.source is not None:
                self.source.close()
            self.users.close()
            raise
        self.faults: Faults | None = _faults_of(self) if options.faults else None
        """What goes wrong on purpose; None while nothing is to."""
        self.counter.start()
        self.users.start(self)

    def _begin(self, clock: Clock, store: Store | None) -> None:
        """The first world, or the one that the log leads to."""
        reader = store.read(self.config.environment) if store is not None else None
        world = self.days.first(clock.now_ns()) if reader is None else world_of(self.days, reader)
        self.identity = secrets.token_hex(8) if reader is None else reader.header.identity
        """Names this counter's flows, so that a client's kept position of another counter is not mistaken for ours."""
        self.counter = Counter(world, clock, self)
        self._take(world)
        if store is not None and reader is not None:
            self.journal = recovered(self, store, reader, clock)
            self._last_session = self.journal.last_session
        else:
            if store is not None:
                self.journal = begun(self, store, clock)
            self.tell_phases()
        for user_id in self.users.accounts():
            self.open_account(user_id)
        if self.source is not None:
            self.source.start(self.counter)

    def _take(self, world: World) -> None:
        """A trading day begins: its state, and flows and subscriptions that are empty."""
        self.world = world
        self.engine = world.engine
        self.flows: dict[str, PrivateFlow] = {}
        self.subscribers: dict[int, dict[TtsSession, None]] = {}
        self.for_quote_subscribers: dict[int, dict[TtsSession, None]] = {}
        self.public: list[structs.CThostFtdcInstrumentStatusField] = []
        self.public_followers: dict[TtsSession, int] = {}
        self.statuses: dict[tuple[str, str], structs.CThostFtdcInstrumentStatusField] = {}
        self.counter.ends_ns = self.days.ends_ns(world.trading_day)
        if self.source is not None:
            self.source.attach(world)

    def tell_phases(self) -> None:
        """The public flow of a day begins with the statuses so far."""
        for change, at_ns in self.counter.past:
            self.counter.tell_phase(change, at_ns)
        for (exchange, product), (schedule, _) in self.world.products.items():
            self.on_phase(exchange, product, self.world.status_of(schedule), self.counter.now_ns())

    def session(self, kind: Kind, sink: Sink) -> Session:
        """A session for one client; ``OnFrontConnected`` follows at once."""
        if kind == "md" and self.source is not None and self.config.environment == "vip":
            return self.source.session(sink)
        session = TtsSession(self, kind, sink)
        self.counter.submit(session.open, None)
        return session

    def work_on(self, host: Host) -> bool:
        """Work on a server's event loop instead of on a thread of its own; False when it does so on another one."""
        return self.counter.worker.work_on(host)

    def work_alone(self) -> None:
        """Work on a thread of its own again. On the loop's thread."""
        self.counter.worker.work_alone()

    def close(self) -> None:
        """Stop the counter."""
        _running.pop(self.config.identity, None)
        self.users.close()
        self.counter.stop()
        if self.source is not None:
            self.source.close()
        if self.journal is not None:
            self.journal.close({name: flow.told for name, flow in self.flows.items()})

    def carry_out(self, function: Callable[[], Any]) -> Any:
        """Do something to the counter from another thread; when this returns it is in the log.

        Raises:
            LogError: the log cannot be written: it is not done, or lost with the counter.
        """
        journal = self.journal
        if journal is None:
            return self.counter.call(function)

        def job() -> Any:
            journal.check()
            return function()

        result = self.counter.call(job)
        journal.check()
        return result

    def halt(self) -> None:
        """The log cannot be written: everybody is cut off, and nothing is told any more."""
        if not self.world.follows_sessions:
            self.counter.pause()
        for session in self.sessions:
            session.machine.disconnect(READ_FAILED)

    @property
    def fault(self) -> str:
        """Why the counter serves no more; empty while it does."""
        return "its log cannot be written" if self.journal is not None and self.journal.has_failed else ""

    def figures(self) -> dict[str, float]:
        """Numbers for whoever watches the counter. From any thread."""
        state = self.engine.state
        found: dict[str, float] = {"requests_waiting": self.counter.worker.depth, "accounts": len(state.accounts)}
        return found if self.journal is None else {**found, **self.journal.figures()}

    def backlog(self) -> int:
        """Requests that wait for the counter. From any thread."""
        return self.counter.worker.depth

    @property
    def trading_day(self) -> str:
        """The counter's trading day."""
        return self.world.trading_day

    def next_session_id(self) -> int:
        """A number for a login."""
        self._last_session += 1
        if self.journal is not None:
            self.journal.note_session(self._last_session)
        return self._last_session

    def open_account(self, user_id: str) -> None:
        """Make sure that a user's account is there."""
        balances = self.users.balances(user_id, self.balances)
        self.counter.publish(self.engine.open_account(OpenAccount(self.counter.now_ns(), user_id, balances)))

    def flow(self, account_id: str) -> PrivateFlow:
        """The private flow of an account."""
        flow = self.flows.get(account_id)
        if flow is None:
            flow = self.flows[account_id] = PrivateFlow(self.engine.state.orders)
        return flow

    # ------------------------------------------------------------------ the roll of the trading day
    def on_day_end(self) -> bool:
        """The recorded day is over, or the clock ended the day: begin the next; False when the recording has no more.

        Of a recording the days after its last one come by ``Control.settle`` only.
        """
        day = self.world.trading_day
        if not self.counter.ends_ns and not self.days.plays_on(day):
            return False
        self.roll()
        return True

    def roll(self) -> str:
        """Settle the trading day and begin the next one (spec 10.2, 11.2); returns it.

        All that can fail comes first. The event is published, and so logged, before anybody is told; then every client
        is cut off (4097) and connected to the new day, which knows no session, order or subscription of the old one.
        """
        counter = self.counter
        now_ns = counter.now_ns()
        next_day = self.days.after(self.world.trading_day, now_ns)
        settlement = self._settle(next_day, now_ns)
        world = self.days.world(next_day, now_ns, settlement, self.world)
        event = DaySettled(settlement, now_ns)
        world.engine.state.evolve(event)
        counter.publish([event])
        self.statements.add(settlement)
        sessions = [session for session in self.sessions if session.machine.is_connected]
        for session in sessions:
            session.machine.disconnect(READ_FAILED)
        counter.enter(world)
        self._take(world)
        if self.journal is not None:
            self.journal.enter(world)
        self.tell_phases()
        for session in sessions:
            session.machine.connect()
        return next_day

    def _settle(self, next_day: str, now_ns: int) -> Settlement:
        """The settlement of the present day, by the last snapshots of its instruments."""
        state = self.engine.state
        figures: dict[tuple[str, str], DayFigures] = {}
        for index, tick in self.days.closing(self.world, next_day).items():
            contract = state.contracts[index]
            figures[contract.instrument.key] = figures_of(contract, tick)
        settlement = settle(state, next_day, now_ns, figures)
        for account in settlement.accounts:
            account.name = self.users.name(account.account_id)
        return settlement

    @property
    def sessions(self) -> list[TtsSession]:
        """The clients, in the order in which they came."""
        return [reader for reader in self.counter.readers if isinstance(reader, TtsSession)]

    # ------------------------------------------------------------------ what the counter tells
    def on_events(self, events: Sequence[Happening]) -> None:
        """Put a command's events into the private flows of the accounts they belong to, in runs of one account."""
        journal = self.journal
        if journal is not None:
            if journal.has_failed:
                return
            journal.add(events)
        for run in runs(events, PRIVATE):
            self.flow(run[0].account_id).extend(run)
        for event in events:
            if type(event) is ForQuoteAsked:
                tell_market(self, event)

    def tell(self, happening: RequestRefused) -> None:
        """Put what only the edge knows into the private flow of its account."""
        journal = self.journal
        if journal is not None:
            if journal.has_failed:
                return
            journal.add((happening,))
        self.flow(happening.account_id).extend((happening,))

    def on_tick(self, contract: Contract, tick: Tick) -> None:
        """Send a snapshot to whoever subscribed to it."""
        sessions = self.subscribers.get(contract.index)
        if sessions:
            event = (self.tick_event(contract, tick),)
            for session in sessions:
                session.put(event)

    def tick_event(self, contract: Contract, tick: Tick) -> Event:
        """A snapshot as the callback it is; its record is built for each client that reads it."""
        return Event("OnRtnDepthMarketData", (tick, contract, self.trading_day), build=_build_tick)

    def on_phase(self, exchange: str, product: str, phase: str, at_ns: int) -> None:
        """Send a product's new status on the public flow (once per product and change, spec 10.1)."""
        key = (exchange, product)
        before = self.statuses.get(key)
        if before is not None and before.InstrumentStatus == phase:
            return  # the market changed and the exchange's letter did not
        status = structs.CThostFtdcInstrumentStatusField(
            ExchangeID=exchange,
            InstrumentStatus=phase,
            TradingSegmentSN=before.TradingSegmentSN + 1 if before is not None else 1,
            EnterTime=values.time_of(at_ns, self.world.products[key][1]),
            EnterReason="1",
            ExchangeInstID=product,
            InstrumentID=product,
        )
        self.statuses[key] = status
        self.public.append(status)
        number = len(self.public)
        for session, after in self.public_followers.items():
            if number > after:
                session.put((_status_event(status, number),))

    def follow_public(self, session: TtsSession, after: int) -> list[Event]:
        """Start the public flow of a session: the day's changes, or (QUICK) each product's present state."""
        if after == NONE:
            return []
        if after == QUICK:
            self.public_followers[session] = 0
            return [_status_event(status, 0) for status in self.statuses.values()]
        self.public_followers[session] = after
        return [_status_event(status, number) for number, status in enumerate(self.public[after:], after + 1)]


def _users_of(config: Config, clock: Clock) -> Users:
    accounts, forces = config.options.accounts, config.options.auth == "on"
    if not is_directory(accounts):
        return Users(accounts, forces)
    from ctp2.tts.members import Members  # SQLite is imported only for who uses it

    lets_all_in = config.options.new_accounts == "on"
    return Members(accounts, config.environment, clock, lets_all_in=lets_all_in, forces=forces)


def _faults_of(backend: TtsBackend) -> Faults:
    from ctp2.tts.faults import Faults  # a counter without faults does not even import them

    return Faults(backend, backend.config.options.faults)


def _status_event(status: structs.CThostFtdcInstrumentStatusField, sequence: int) -> Event:
    topic: Topic | None = "public" if sequence else None
    return Event("OnRtnInstrumentStatus", status, topic=topic, sequence=sequence, build=copy)


def _build_tick(snapshot: tuple[Tick, Contract, str]) -> structs.CThostFtdcDepthMarketDataField:
    tick, contract, trading_day = snapshot
    return rows.tick_to_ctp(tick, contract, trading_day)
