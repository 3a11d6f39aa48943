"""The environments: which instruments a counter has, what its market plays, and what its day is.

``replay`` plays one recorded day in its own time: trading day, phases and clock are the day's. ``7x24`` loops one day
under today's codes and never closes; its trading day is the natural day of its clock, rolled at 04:00 Beijing time.
``sim`` and ``vip`` follow the real sessions (``live``) and trade against live quotes (``source``).
What ``markets=`` lists becomes a contract of the engine only when somebody orders, subscribes or asks for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ctp2.core.errors import OpenFailed
from ctp2.refdata.contracts import current_contract
from ctp2.refdata.instruments import load_special
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.loader import Universe
from ctp2.refdata.models import OPTION, Instrument
from ctp2.refdata.sessions import instant_ns, zone_of
from ctp2.refdata.ticks import DBL_MAX, Tick, TickDay, TickInstrument
from ctp2.refdata.tradingday import NIGHT_EXCHANGES, product_schedule, schedule_of
from ctp2.refdata.userfiles import load_instrument_file, load_rates_file
from ctp2.refdata.walks import index_future
from ctp2.tts.contract import Contract
from ctp2.tts.engine import Engine, Settings
from ctp2.tts.feed import Feed, PhaseChange, Reference
from ctp2.tts.listed import Listed, lazy_universe, product_keys
from ctp2.tts.live import calendar_market, session_changes
from ctp2.tts.live_feed import LiveFeed
from ctp2.tts.loop import ROLL_HOUR, LoopFeed, Stamps, begin_day, loop_rows
from ctp2.tts.made import MadeMarket
from ctp2.tts.options import OptionTerms, equip_own
from ctp2.tts.order_types import order_types_for
from ctp2.tts.phases import NIGHT_ENDS_NS, night_action_day, phase_changes, row_instants
from ctp2.tts.profiles import profile_for
from ctp2.tts.state import State
from ctp2.tts.terms import BEFORE_TRADING, CONTINUOUS, NO_PRICE
from ctp2.tts.values import BEIJING

if TYPE_CHECKING:
    from ctp2.tts.config import Config
    from ctp2.tts.settled import PriceSettled, Settlement

BEIJING_TIME: Final = timezone(timedelta(hours=8))
_ALL: Final = "*"


class World:
    """A counter's instruments, engine and market, ready to run.

    ``ticks`` holds the latest snapshot per contract; ``day_contracts`` maps the recorded day's instrument numbers to
    contracts. ``listed`` is everything that can be traded, used yet or not; ``phases`` the present phase of each
    schedule, ``products`` which schedule and zone a product follows, ``followers`` the contracts of a schedule.
    ``is_live`` says whether the environment's clock is the machine's, ``follows_sessions`` whether it trades when the
    exchanges do. ``opened`` is told of every contract that is made of a listed instrument.
    """

    def __init__(
        self, config: Config, universe: Universe, engine: Engine, feed: Feed | LiveFeed, is_live: bool
    ) -> None:
        self.config = config
        self.universe = universe
        self.engine = engine
        self.feed = feed
        self.is_live = is_live
        self.follows_sessions = config.follows_sessions
        self.opened: Callable[[Contract], None] | None = None
        self.zone = config.options.tz or BEIJING
        """The zone of logins and accounts."""
        engine.state.zone = self.zone
        self.stamps: Stamps | None = None
        """Gives the snapshots of the feed the clock's time; None where they have their own."""
        self.ticks: dict[int, Tick] = {}
        self.day_contracts: list[Contract] = []
        self.listed: Mapping[tuple[str, str], Instrument] = {}
        self.made: MadeMarket | None = None
        """``7x24``: what is made because nothing was recorded of it."""
        self.phases: dict[str, PhaseChange] = {}
        self.followers: dict[str, list[Contract]] = {}
        self.products: dict[tuple[str, str], tuple[str, str]] = {}
        self.settled: dict[tuple[str, str], PriceSettled] = {}
        """Our own last settlement of the instruments that were used the day before."""
        self.own_prices: dict[int, Tick] = {}
        """Contract index → previous prices and limits of snapshots that were recorded without any."""
        self._own_rates: dict[tuple[str, str, str], Contract] = {}
        if universe.accounts_with_rates:
            engine.state.rates_of = self.rates_of

    @property
    def trading_day(self) -> str:
        """The counter's trading day."""
        return self.engine.state.trading_day

    @property
    def always_trades(self) -> bool:
        """Whether there are no phases: ``7x24``."""
        return self.is_live and not self.follows_sessions

    def status_of(self, schedule: str) -> str:
        """The status told of a schedule; what has none always trades, and so does everything in ``7x24``."""
        if self.always_trades or not schedule:
            return CONTINUOUS
        return self.phases[schedule].status if schedule in self.phases else BEFORE_TRADING

    def _phase_of(self, instrument: Instrument) -> str:
        """What orders in an instrument meet now."""
        schedule = schedule_of(instrument, self.trading_day)
        if self.always_trades or not schedule:
            return CONTINUOUS
        return self.phases[schedule].market if schedule in self.phases else BEFORE_TRADING

    def show_night(self, contract: Contract, tick: Tick) -> None:
        """A snapshot recorded in a night session carries the date that its exchange shows (spec 9.3)."""
        is_night = tick.time_ns < NIGHT_ENDS_NS and contract.exchange in NIGHT_EXCHANGES
        if is_night and not self.config.options.data_tz:
            tick.action_day = night_action_day(tick, contract.exchange, self.trading_day)

    def show_own(self, contract: Contract, tick: Tick) -> None:
        """What a snapshot was recorded without: previous prices and limits, from our own day before."""
        own = self.own_prices.get(contract.index)
        if own is None:
            return
        tick.pre_settlement, tick.pre_close = own.pre_settlement, own.pre_close
        tick.upper_limit, tick.lower_limit = own.upper_limit, own.lower_limit

    def show(self, contract: Contract, tick: Tick, now_ns: int) -> None:
        """What a snapshot of the feed says of times, dates and the day before when it is played at ``now_ns``."""
        if self.stamps is not None:
            self.stamps.put(tick, contract.exchange, contract.home, now_ns)
        elif tick.time_ns < NIGHT_ENDS_NS:
            self.show_night(contract, tick)
        if self.own_prices:
            self.show_own(contract, tick)

    def list_all(self, instruments: Iterable[Instrument]) -> None:
        """Everything that can be traded from now on, in this order."""
        tz = self.config.options.tz
        self.listed = listed = {instrument.key: instrument for instrument in instruments}
        for instrument in listed.values():
            product = (instrument.exchange, instrument.product)
            if product not in self.products:
                zone = tz or zone_of(instrument.exchange, instrument.session_id)
                self.products[product] = product_schedule(instrument), zone
        state = self.engine.state
        state.exchanges.update(exchange for exchange, _ in self.products)
        if len(listed) > len(state.contracts):
            state.opener = self.open_code

    def list_lazily(self, recorded: Iterable[Instrument], markets: Iterable[str]) -> None:
        """The same of the universe and its markets, of which nothing is made before it is asked for."""
        tz = self.config.options.tz
        self.listed = Listed(self.universe, recorded)
        for exchange, product, session_id in product_keys(self.universe, markets):
            self.products.setdefault((exchange, product), ("", tz or zone_of(exchange, session_id)))
        self.engine.state.exchanges.update(exchange for exchange, _ in self.products)
        self.engine.state.opener = self.open_code

    @property
    def mapping(self) -> dict[str, str]:
        """Present code → code in the record."""
        if self.made is not None:
            return self.made.mapping
        return {contract.code: contract.code for contract in self.day_contracts}

    def source_of(self, code: str, exchange: str) -> str:
        """Where an instrument's prices come from (``Control.source_of``)."""
        found = next(self.instruments(exchange, code), None)
        if found is None:
            raise LookupError(f"{code}: no such instrument is listed" + (f" on {exchange}" if exchange else ""))
        if self.made is not None:
            return self.made.source_of(found)
        if any(contract.instrument.key == found.key for contract in self.day_contracts):
            return f"recorded {code} {self.trading_day}"
        return "users" if self.is_matched(found) else "none"

    def instruments(self, exchange: str = "", code: str = "", product: str = "") -> Iterator[Instrument]:
        """What is listed, by filters of which an empty one means all."""
        found: Iterable[Instrument] = self.universe.find(code) if code else self.listed.values()
        if not code and isinstance(self.listed, Listed):
            found = self.listed.instruments()
        for instrument in found:
            if (
                exchange in ("", instrument.exchange)
                and product in ("", instrument.product)
                and (not code or instrument.key in self.listed)
            ):
                yield instrument

    def open_code(self, code: str) -> None:
        """Make contracts of the listed instruments with this code."""
        by_key = self.engine.state.by_key
        for instrument in self.universe.find(code):
            if instrument.key in self.listed and instrument.key not in by_key:
                contract = self.add_quiet(instrument)
                if instrument.product_class == OPTION:
                    self.open_code(instrument.underlying)  # its margin and exercise need the underlying
                if self.made is not None:
                    self.made.opened(contract)

    def add(self, instrument: Instrument) -> Contract:
        """Make an instrument tradable, in the phase that its schedule is in."""
        contract = self._contract(instrument, len(self.engine.state.contracts))
        self.engine.add_contract(contract)
        self.followers.setdefault(schedule_of(instrument, self.trading_day), []).append(contract)
        return contract

    def add_quiet(self, instrument: Instrument) -> Contract:
        """An instrument that nothing was recorded of: users or quotes that arrive make its market."""
        contract = self.add(instrument)
        self.ticks[contract.index] = self._quiet_tick(contract)
        if self.opened is not None:
            self.opened(contract)
        return contract

    def _quiet_tick(self, contract: Contract) -> Tick:
        if self.made is not None and self.made.makes(contract):
            tick = self.made.quiet_tick(contract)
            _set_reference(contract, tick)
            return tick
        return quiet_tick(contract, self.trading_day, self.settled.get(contract.instrument.key))

    def has_snapshot(self, contract: Contract) -> bool:
        """Whether there is one to push to who subscribes: where quotes come from outside, once one has come (9.2)."""
        return not self.follows_sessions or self.ticks[contract.index].time_ns != 0

    def snapshot(self, instrument: Instrument) -> tuple[Contract, Tick]:
        """An instrument and its latest snapshot; looking at one that nobody uses makes no contract of it."""
        contract = self.engine.state.by_key.get(instrument.key)
        if contract is not None:
            return contract, self.ticks[contract.index]
        contract = self._contract(instrument, -1)
        if instrument.product_class == OPTION:
            contract.option = OptionTerms(contract)
        return contract, self._quiet_tick(contract)

    def rates_of(self, account_id: str, contract: Contract) -> Contract:
        """The instrument with the margin and fees of an account; itself when it has none of its own.

        The margin of a sold option follows from its underlying's, so that one's rates count as its own (0051).
        """
        instrument = contract.instrument
        if not self.universe.has_own_rates(account_id, instrument):
            option = contract.option
            if option is None or option.underlying is None:
                return contract
            if not self.universe.has_own_rates(account_id, option.underlying.instrument):
                return contract
        key = (account_id, *instrument.key)
        own = self._own_rates.get(key)
        if own is None:
            own = self._own_rates[key] = self._contract(instrument, -1, account_id)
            if contract.option is not None:
                equip_own(self.engine.state, contract, own, account_id)
        return own

    def is_matched(self, instrument: Instrument) -> bool:
        """Whether users make the instrument's market."""
        matched = self.config.options.matched_codes
        return instrument.is_matched or instrument.code in matched or _ALL in matched

    def _contract(self, instrument: Instrument, index: int, account_id: str = "") -> Contract:
        options = self.config.options
        contract = Contract(
            index,
            instrument,
            self.universe.margin_rate(instrument, account_id),
            self.universe.commission(instrument, account_id),
            profile_for(options.profile, instrument.exchange, options.cancel_status == "marked"),
            is_matched=self.is_matched(instrument),
        )
        contract.take_order_types(order_types_for(options.order_types, instrument.exchange))
        contract.phase = self._phase_of(instrument)
        contract.zone = options.tz or contract.home
        return contract


def build(config: Config, now_ns: int) -> World:
    """Make the first world of an address; ``now_ns`` decides the day of ``7x24``.

    Raises:
        DataError: the recorded day cannot be read, or (CalendarEnded) the day lies past the calendar.
        OpenFailed: it holds an instrument that nothing is known about.
    """
    from ctp2.tts.days import days_of

    return days_of(config).first(now_ns)


def universe_of(config: Config, trading_day: str) -> Universe:
    """What the markets of the address list, with the user's own files; nothing is listed before it is asked for.

    Raises:
        DataError: a bad row, named by file, line and column.
    """
    from ctp2.refdata.listing import MARKETS

    if config.environment == "7x24":
        universe = lazy_universe(trading_day, config.listed_markets)
    else:
        universe = Universe(trading_day, listings=[MARKETS[name] for name in config.listed_markets])
    if config.options.instruments:
        load_instrument_file(config.options.instruments, universe)
    if config.options.rates:
        load_rates_file(config.options.rates, universe)
    return universe


def replay_world(
    config: Config, day: TickDay, settlement: Settlement | None = None, also: Iterable[tuple[str, str]] = ()
) -> World:
    """A day that is played in its own time; ``settlement`` is that of the day before.

    ``also``: instruments that are there without a record, by exchange and code, if they have not expired.
    """
    universe = universe_of(config, day.trading_day)
    own = universe.added()
    instruments = [_known(universe, item) for item in day.instruments]
    own += _held(universe, settlement, also)
    listed = _listing(config, universe, instruments, own)
    first = next(iter(instruments or listed), None)
    zone = BEIJING if first is None else zone_of(first.exchange, first.session_id)
    base_ns = instant_ns(zone, day.trading_day, 0)
    instants = row_instants(day, instruments, config.options.data_tz)
    order = sorted(range(len(day)), key=instants.__getitem__)
    changes = phase_changes(listed, day.trading_day, base_ns, min(instants, default=base_ns))
    world = _world(config, universe, Feed(day, order, base_ns, changes, instants=instants), is_live=False)
    return _populated(world, instruments, own, listed, settlement)


def session_world(config: Config, trading_day: str, now_ns: int, settlement: Settlement | None = None) -> World:
    """A day of ``sim`` or ``vip``: what is listed, and its phases from ``now_ns`` on; quotes come from outside."""
    universe = universe_of(config, trading_day)
    own = [*universe.added(), *_held(universe, settlement)]
    listed = _listing(config, universe, [], own)
    changes = session_changes(listed, calendar_market(config.listed_markets), trading_day)
    feed = Feed(TickDay(trading_day, [], [], array("q")), (), 0, changes, begins=now_ns)
    return _populated(_world(config, universe, feed, is_live=True), [], own, listed, settlement)


def loop_world(
    config: Config,
    recorded: TickDay,
    trading_day: str,
    now_ns: int,
    settlement: Settlement | None = None,
    before: World | None = None,
) -> World:
    """A day of ``7x24``: the record under today's codes; it goes on where it stands in the world ``before``.

    What else is listed is made from its first use on (``made``).
    """
    codes = {item: _code_today(item, trading_day) for item in recorded.instruments}
    day = recorded.rebased(trading_day, codes=codes)
    universe = universe_of(config, trading_day)
    own = [*universe.added(), *(universe.add(instrument) for instrument in load_special())]
    instruments = [_known(universe, item) for item in day.instruments]
    _held(universe, settlement)  # is listed as long as somebody has it
    time_ns = now_ns - instant_ns(BEIJING, trading_day, 0)
    if before is None:
        loop = LoopFeed(day, loop_rows(day, recorded.trading_day, instruments, not config.options.data_tz))
        feed = LiveFeed(loop, time_ns)
    else:
        assert isinstance(before.feed, LiveFeed), "a loop goes on"
        feed = before.feed.next_day(day, _references(instruments, settlement), time_ns)
    world = _world(config, universe, feed, is_live=True)
    world.stamps = Stamps(trading_day)
    world.made = MadeMarket(world, feed, recorded.instruments, recorded.trading_day)
    _populated(world, instruments, [item for item in own if world.is_matched(item)], None, settlement)
    world.made.take_record(world.day_contracts)
    world.list_lazily(instruments, config.listed_markets)
    with world.made.looking():
        for item in own:
            if world.is_matched(item) and item.product_class == OPTION:
                world.open_code(item.underlying)  # its margin and exercise need the underlying
    _resolve_pairs(world, settlement)
    for contract in world.day_contracts:
        begin_day(world.ticks[contract.index], contract.home, trading_day)
    return world


def _held(universe: Universe, settlement: Settlement | None, also: Iterable[tuple[str, str]] = ()) -> list[Instrument]:
    """The instruments that somebody carries over from the day before, and those of ``also``, with their underlyings."""
    keys = dict.fromkeys(also)
    if settlement is not None:
        keys |= {(lot.exchange, lot.code): None for account in settlement.accounts for lot in account.carried}
    found = [universe.resolve(code, exchange) for exchange, code in keys]
    options = [item for item in found if item is not None and item.product_class == OPTION and item.underlying]
    found += [universe.resolve(item.underlying, item.exchange) or universe.resolve(item.underlying) for item in options]
    futures = [(index_future(item, universe.trading_day), item.exchange) for item in options]
    found += [universe.resolve(code, exchange) for code, exchange in futures if code]
    held = {item.key: item for item in found if item is not None}
    return [item for item in held.values() if not "" < item.expire_date < universe.trading_day]


def _references(instruments: list[Instrument], settlement: Settlement | None) -> dict[int, Reference]:
    """Our last settlement of the instruments of a record, by their numbers in it."""
    prices = {} if settlement is None else {(price.exchange, price.code): price for price in settlement.prices}
    result: dict[int, Reference] = {}
    for number, instrument in enumerate(instruments):
        price = prices.get(instrument.key)
        if price is not None:
            scale = instrument.price_scale
            result[number] = Reference(price.settlement / scale, price.close / scale, price.open_interest)
    return result


def _listing(config: Config, universe: Universe, recorded: list[Instrument], own: list[Instrument]) -> list[Instrument]:
    """Everything that the counter lists: its markets first, then what was recorded, then the user's own."""
    if config.listed_markets:
        return list(universe)
    return list({instrument.key: instrument for instrument in (*recorded, *own)}.values())


def _populated(
    world: World,
    recorded: list[Instrument],
    own: list[Instrument],
    listed: list[Instrument] | None,
    settlement: Settlement | None = None,
) -> World:
    """Contracts of what was recorded and of the few that are the user's own; the rest waits until somebody asks.

    ``listed`` None: the caller lists.
    """
    if settlement is not None:
        world.settled = {(price.exchange, price.code): price for price in settlement.prices}
    for instrument in recorded:
        contract = world.add(instrument)
        contract.home = world.config.options.data_tz or contract.home
        world.day_contracts.append(contract)
    _first_prices(world)
    known = {instrument.key for instrument in recorded}
    for instrument in own:
        if instrument.key not in known:
            world.add_quiet(instrument)
    if listed is not None:
        world.list_all(listed)
        _resolve_pairs(world, settlement)
    return world


def _resolve_pairs(world: World, settlement: Settlement | None) -> None:
    """The combinations of positions that are carried over."""
    for account in settlement.accounts if settlement is not None else ():
        for pair in account.pairs:
            world.engine.combinations.resolve(pair.exchange, pair.code)


def natural_day(now_ns: int) -> str:
    """The ``7x24`` trading day of an instant."""
    moment = datetime.fromtimestamp(now_ns // 1_000_000_000, BEIJING_TIME) - timedelta(hours=ROLL_HOUR)
    return moment.strftime("%Y%m%d")


def _code_today(item: TickInstrument, trading_day: str) -> str:
    """The recorded contract's code today: futures move to the product's current month, securities keep theirs."""
    if item.code.isdigit():
        return item.code
    return current_contract(item.code.rstrip("0123456789"), trading_day)


def _known(universe: Universe, item: TickInstrument) -> Instrument:
    instrument = universe.resolve(item.code, item.exchange)
    if instrument is None:
        raise OpenFailed(
            f"{item.code}: no reference data for this instrument"
            + (f" of {item.exchange}" if item.exchange else "; give an ExchangeID column")
        )
    return instrument


def _world(config: Config, universe: Universe, feed: Feed | LiveFeed, is_live: bool) -> World:
    options = config.options
    settings = Settings(
        seed=options.seed,
        fills_full=options.fills == "full",
        resting_opposite=options.resting == "opposite",
        checks=options.checks == "on",
        limits=options.order_limits,
    )
    return World(config, universe, Engine(State(universe.trading_day), settings), feed, is_live)


def _first_prices(world: World) -> None:
    """Reference prices and limits from each instrument's first snapshot, and a tick without quotes to begin with."""
    for number, first in world.feed.first_ticks().items():
        contract = world.day_contracts[number]
        _take_over(world, contract, first)
        world.show_night(contract, first)
        world.ticks[contract.index] = Tick(
            number,
            first.time_ns,
            first.time_of_day,
            first.millisec,
            first.action_day,
            first.exchange,
            first.exchange_code,
            pre_settlement=first.pre_settlement,
            pre_close=first.pre_close,
            pre_open_interest=first.pre_open_interest,
            open_interest=first.pre_open_interest,
            upper_limit=first.upper_limit,
            lower_limit=first.lower_limit,
        )


def _take_over(world: World, contract: Contract, first: Tick) -> None:
    """The references of a recorded day: as recorded, but a position goes on from our own last settlement.

    Where nothing was recorded of the day before, the snapshots show ours, and limits made of it. A previous close alone
    (vn.py) is all that a security needs; the previous settlement of a future is then ours.
    """
    settled = world.settled.get(contract.instrument.key)
    is_unknown = first.pre_settlement == DBL_MAX and (first.pre_close == DBL_MAX or not contract.is_security)
    if settled is not None and is_unknown:
        own = quiet_tick(contract, world.trading_day, settled)
        if first.pre_close != DBL_MAX:
            own.pre_close = first.pre_close
        if first.upper_limit != DBL_MAX or first.lower_limit != DBL_MAX:
            own.upper_limit, own.lower_limit = first.upper_limit, first.lower_limit
        world.own_prices[contract.index] = own
        world.show_own(contract, first)
    _set_reference(contract, first)
    if settled is not None:
        contract.pre_settlement = settled.settlement
        contract.pre_close = settled.close


def _set_reference(contract: Contract, tick: Tick) -> None:
    scale = contract.price_scale

    def units(price: float) -> int:
        return NO_PRICE if price == DBL_MAX else round(price * scale)

    contract.pre_settlement = units(tick.pre_settlement if tick.pre_settlement != DBL_MAX else tick.pre_close)
    contract.pre_close = units(tick.pre_close)
    contract.upper_limit = units(tick.upper_limit)
    contract.lower_limit = units(tick.lower_limit)


def quiet_tick(contract: Contract, trading_day: str, settled: PriceSettled | None = None) -> Tick:
    """The state in which users find an instrument without a record: its previous prices, if it has any, and limits.

    ``settled`` is our own last settlement of it; without one the reference data may know a price.
    """
    instrument = contract.instrument
    pre_settlement = pre_close = instrument.reference_price
    if settled is not None:
        pre_settlement = Decimal(settled.settlement) / contract.price_scale
        pre_close = Decimal(settled.close) / contract.price_scale
    upper, lower = daily_limits(instrument, pre_settlement, pre_close)
    tick = Tick(
        -1,
        0,
        "00:00:00",
        0,
        trading_day,
        instrument.exchange,
        pre_settlement=_double(pre_settlement),
        pre_close=_double(pre_close),
        pre_open_interest=settled.open_interest if settled is not None else 0.0,
        upper_limit=_double(upper),
        lower_limit=_double(lower),
    )
    _set_reference(contract, tick)
    return tick


def _double(price: Decimal | None) -> float:
    return DBL_MAX if price is None else float(price)
