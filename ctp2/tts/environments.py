"""The environments: which instruments a counter has, what its market plays, and what its day is.

``replay`` plays one recorded day in its own time: trading day, phases and clock are the day's. ``7x24`` loops one day
under today's codes and never closes; its trading day is the natural day of its clock, rolled at 04:00 Beijing time.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from ctp2.core.errors import OpenFailed
from ctp2.refdata.calendar import CalendarError
from ctp2.refdata.contracts import current_contract
from ctp2.refdata.instruments import load_special
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.loader import Universe
from ctp2.refdata.models import Instrument
from ctp2.refdata.sessions import instant_ns, phases
from ctp2.refdata.ticks import DBL_MAX, Tick, TickDay, TickInstrument, read_day
from ctp2.refdata.userfiles import load_instrument_file, load_rates_file
from ctp2.tts.contract import Contract
from ctp2.tts.engine import Engine, Settings
from ctp2.tts.feed import Feed, PhaseChange, continuous_rows
from ctp2.tts.order_types import order_types_for
from ctp2.tts.profiles import profile_for
from ctp2.tts.state import State
from ctp2.tts.terms import (
    AUCTION_MATCH,
    AUCTION_ORDERING,
    BEFORE_TRADING,
    CLOSED,
    CONTINUOUS,
    NO_PRICE,
    NO_TRADING,
)

if TYPE_CHECKING:
    from ctp2.tts.config import Config

BEIJING: Final = timezone(timedelta(hours=8))
ROLL_HOUR: Final = 4
"""``7x24`` begins its trading day at 04:00 Beijing time."""
_LOOP_FROM_NS: Final = (9 * 3600 + 29 * 60) * 1_000_000_000
_LOOP_TO_NS: Final = (15 * 3600 + 59) * 1_000_000_000
_ALL: Final = "*"
_AFTER_HOURS: Final = "after_hours"


class World:
    """A counter's instruments, engine and market, ready to run.

    ``ticks`` holds the latest snapshot per contract; ``day_contracts`` maps the recorded day's instrument numbers to
    contracts. ``is_live`` says whether the environment's clock is the machine's.
    """

    def __init__(self, config: Config, universe: Universe, engine: Engine, feed: Feed, is_live: bool) -> None:
        self.config = config
        self.universe = universe
        self.engine = engine
        self.feed = feed
        self.is_live = is_live
        self.ticks: dict[int, Tick] = {}
        self.day_contracts: list[Contract] = []

    @property
    def trading_day(self) -> str:
        """The counter's trading day."""
        return self.engine.state.trading_day


def build(config: Config, now_ns: int) -> World:
    """Make the world of an address; ``now_ns`` decides the day of ``7x24``.

    Raises:
        DataError: the recorded day cannot be read.
        OpenFailed: it holds an instrument that nothing is known about.
    """
    recorded = read_day(config.options.data)
    if config.environment == "replay":
        return _replay(config, recorded)
    return _loop(config, recorded, now_ns)


def universe_of(config: Config, trading_day: str) -> Universe:
    """The instruments and rates that the user's own files give; all others come from the reference data when asked for.

    Raises:
        DataError: a bad row, named by file, line and column.
    """
    universe = Universe(trading_day)
    if config.options.instruments:
        load_instrument_file(config.options.instruments, universe)
    if config.options.rates:
        load_rates_file(config.options.rates, universe)
    return universe


def _replay(config: Config, day: TickDay) -> World:
    universe = universe_of(config, day.trading_day)
    own = list(universe)
    base_ns = instant_ns("Asia/Shanghai", day.trading_day, 0)
    instruments = [_known(universe, item) for item in day.instruments]
    changes: list[tuple[int, PhaseChange]] = []
    for index, instrument in enumerate(instruments):
        changes.extend((start - base_ns, PhaseChange(index, status)) for start, status in _phases_of(instrument, day))
    changes.sort(key=lambda item: item[0])
    feed = Feed(day, range(len(day)), base_ns, changes)
    world = _world(config, universe, feed, is_live=False)
    for instrument in instruments:
        _add(world, instrument, BEFORE_TRADING if instrument.session_id else CONTINUOUS)
    _first_prices(world)
    _add_quiet(world, own)
    return world


def _loop(config: Config, recorded: TickDay, now_ns: int) -> World:
    trading_day = natural_day(now_ns)
    codes = {item: _code_today(item, trading_day) for item in recorded.instruments}
    day = recorded.rebased(trading_day, codes=codes)
    universe = universe_of(config, trading_day)
    own = list(universe)
    feed = Feed(day, continuous_rows(day, _LOOP_FROM_NS, _LOOP_TO_NS), 0, is_loop=True)
    world = _world(config, universe, feed, is_live=True)
    for item in day.instruments:
        _add(world, _known(universe, item), CONTINUOUS)
    _first_prices(world)
    _add_quiet(world, [*(universe.add(instrument) for instrument in load_special()), *own])
    return world


def _add_quiet(world: World, instruments: list[Instrument]) -> None:
    """Instruments that nothing was recorded of (the TEST family, the user's own): always open, quoted by users."""
    known = {contract.instrument.key for contract in world.day_contracts}
    for instrument in instruments:
        if instrument.key not in known:
            contract = _add(world, instrument, CONTINUOUS, is_of_day=False)
            world.ticks[contract.index] = _quiet_tick(contract, world.trading_day)


def natural_day(now_ns: int) -> str:
    """The ``7x24`` trading day of an instant."""
    moment = datetime.fromtimestamp(now_ns // 1_000_000_000, BEIJING) - timedelta(hours=ROLL_HOUR)
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


def _phases_of(instrument: Instrument, day: TickDay) -> list[tuple[int, str]]:
    """(start, status) of the instrument's phases on the recorded day; none without a session (it always trades)."""
    if not instrument.session_id:
        return []
    try:
        found = phases(instrument.session_id, day.trading_day)
    except CalendarError:
        # Before the calendar's first year the record itself tells whether there was a night session.
        found = phases(instrument.session_id, day.trading_day, _recorded_evening(day))
    timeline: list[tuple[int, str]] = []
    for index, phase in enumerate(found):
        if phase.phase.startswith(_AFTER_HOURS):
            # Trading at the closing price is not offered: the day ends with the closing auction (spec 10.1).
            timeline.append((phase.start_ns, CLOSED))
            break
        timeline.append((phase.start_ns, phase.status))
        if phase.matching == "auction" and phase.status == AUCTION_ORDERING:
            timeline.append((phase.end_ns, AUCTION_MATCH))
        follows = found[index + 1].start_ns if index + 1 < len(found) else phase.end_ns
        if phase.end_ns < follows and phase.end_ns > phase.start_ns:
            timeline.append((phase.end_ns, NO_TRADING))
    return timeline


def _recorded_evening(day: TickDay) -> str:
    """The natural day of the record's evening rows; empty when it has none."""
    for row, at in enumerate(day.times):
        if at < 0:
            return day.tick(row).action_day
    return ""


def _world(config: Config, universe: Universe, feed: Feed, is_live: bool) -> World:
    options = config.options
    settings = Settings(
        seed=options.seed,
        fills_full=options.fills == "full",
        resting_opposite=options.resting == "opposite",
        checks=options.checks == "on",
        limits=options.order_limits,
    )
    return World(config, universe, Engine(State(universe.trading_day), settings), feed, is_live)


def _add(world: World, instrument: Instrument, phase: str, is_of_day: bool = True) -> Contract:
    engine, options = world.engine, world.config.options
    matched = options.matched_codes
    contract = Contract(
        len(engine.state.contracts),
        instrument,
        world.universe.margin_rate(instrument),
        world.universe.commission(instrument),
        profile_for(options.profile, instrument.exchange, options.cancel_status == "marked"),
        is_matched=instrument.is_matched or instrument.code in matched or _ALL in matched,
    )
    contract.take_order_types(order_types_for(options.order_types, instrument.exchange))
    contract.phase = phase
    engine.add_contract(contract)
    if is_of_day:
        world.day_contracts.append(contract)
    return contract


def _first_prices(world: World) -> None:
    """Reference prices and limits from each instrument's first snapshot, and a tick without quotes to begin with."""
    for number, first in world.feed.first_ticks().items():
        contract = world.day_contracts[number]
        _set_reference(contract, first)
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


def _set_reference(contract: Contract, tick: Tick) -> None:
    scale = contract.price_scale

    def units(price: float) -> int:
        return NO_PRICE if price == DBL_MAX else round(price * scale)

    contract.pre_settlement = units(tick.pre_settlement if tick.pre_settlement != DBL_MAX else tick.pre_close)
    contract.pre_close = units(tick.pre_close)
    contract.upper_limit = units(tick.upper_limit)
    contract.lower_limit = units(tick.lower_limit)


def _quiet_tick(contract: Contract, trading_day: str) -> Tick:
    """The state in which users find an instrument without a record: its reference price, if it has one, and limits."""
    instrument = contract.instrument
    upper, lower = daily_limits(instrument, instrument.reference_price, instrument.reference_price)
    reference = DBL_MAX if instrument.reference_price is None else float(instrument.reference_price)
    tick = Tick(
        -1,
        0,
        "00:00:00",
        0,
        trading_day,
        instrument.exchange,
        pre_settlement=reference,
        pre_close=reference,
        upper_limit=DBL_MAX if upper is None else float(upper),
        lower_limit=DBL_MAX if lower is None else float(lower),
    )
    _set_reference(contract, tick)
    return tick
