"""What ``7x24`` plays of instruments that nothing was recorded of: made by a seeded generator from their first use.

An instrument that nobody uses costs nothing: its previous prices and limits are worked out when somebody looks, its
snapshots from its first subscription or order on. Everything that is made says so: in InstrumentName, in the log, and
by ``Control.source_of`` (docs/decisions/0101).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ctp2.refdata.models import BOND, FUND, FUTURE, OPTION, STOCK, Instrument
from ctp2.refdata.sessions import instant_ns
from ctp2.refdata.synthetic import Maker, SyntheticDay
from ctp2.refdata.ticks import Tick, TickInstrument
from ctp2.refdata.walks import Underlying, price_of, underlying_instrument, underlying_of
from ctp2.tts.contract import Contract
from ctp2.tts.live_feed import LiveFeed
from ctp2.tts.loop import begin_day
from ctp2.tts.terms import NO_PRICE
from ctp2.tts.values import BEIJING, price_from_ctp

if TYPE_CHECKING:
    from ctp2.tts.environments import World

log = logging.getLogger("ctp2.tts")

_MADE_CLASSES: Final = frozenset((FUTURE, OPTION, STOCK, FUND, BOND))
_LABEL: Final = "(合成)"
_NAME_BYTES: Final = 20


class MadeMarket:
    """The made instruments of one trading day of a world; ``recorded`` are the record's under their own codes."""

    def __init__(self, world: World, feed: LiveFeed, recorded: list[TickInstrument], recorded_day: str) -> None:
        self._world = world
        self._feed = feed
        self._numbers: dict[int, int] = {}
        """Contract index → number in the feed, of those that play."""
        self.idle: dict[str, list[Contract]] = {}
        """Contracts that were looked at and never used, by code."""
        self.is_asked = False
        """Whether a query is being answered: what it looks at is not used by that."""
        self.now: Callable[[], tuple[int, int]] = lambda: (feed.next_offset or 0, 0)
        """The present offset of the feed and UTC time; the counter's, once it runs."""
        self._prices: dict[tuple[str, str], tuple[float, Underlying]] = {}
        self._items_under: dict[tuple[str, str, int], Instrument | None] = {}
        self._records: dict[tuple[str, str], TickInstrument] = {}
        self._recorded = recorded
        self.recorded_day = recorded_day

    def take_record(self, contracts: list[Contract]) -> None:
        """The record plays under these contracts."""
        for number, (contract, item) in enumerate(zip(contracts, self._recorded, strict=True)):
            self._numbers[contract.index] = number
            self._records[contract.instrument.key] = item
            log.info("%s plays %s of %s", contract.code, item.code, self.recorded_day)

    # ------------------------------------------------------------------ which, and what they are called
    def makes(self, contract: Contract) -> bool:
        """Whether an instrument is one to be made: not recorded, not the users' own, and of a kind that has a price."""
        instrument = contract.instrument
        is_priced = instrument.product_class in _MADE_CLASSES and instrument.key not in self._records
        is_whole = instrument.product_class != OPTION or (instrument.strike is not None and instrument.underlying != "")
        return is_priced and is_whole and not contract.is_matched and self._world.config.options.synthetic == "on"

    def source_of(self, instrument: Instrument) -> str:
        """``recorded IF2101 20210104``, ``synthetic``, ``users`` (they make its market) or ``none``."""
        item = self._records.get(instrument.key)
        if item is not None:
            return f"recorded {item.code} {self.recorded_day}"
        contract = self._world.snapshot(instrument)[0]
        return "users" if contract.is_matched else "synthetic" if self.makes(contract) else "none"

    @property
    def mapping(self) -> dict[str, str]:
        """Present code → the code under which its day was recorded."""
        return {code: item.code for (_, code), item in self._records.items()}

    def name_of(self, instrument: Instrument) -> str:
        """InstrumentName: where the prices come from stands behind the name."""
        item = self._records.get(instrument.key)
        if item is not None:
            return instrument.name if item.code == instrument.code else _labelled(instrument.name, f"({item.code})")
        is_users = instrument.is_matched or self._world.is_matched(instrument)
        is_made = instrument.product_class in _MADE_CLASSES and self._world.config.options.synthetic == "on"
        return instrument.name if is_users or not is_made else _labelled(instrument.name, _LABEL)

    # ------------------------------------------------------------------ before use
    def quiet_tick(self, contract: Contract) -> Tick:
        """The state before the first snapshot: previous prices, limits, open interest."""
        maker = Maker(self._day_of(contract, -1))
        reference = float(maker.reference)
        tick = Tick(
            -1,
            0,
            "",
            0,
            "",
            contract.exchange,
            pre_settlement=reference,
            pre_close=reference,
            pre_open_interest=maker.pre_interest,
            open_interest=maker.pre_interest,
            upper_limit=maker.upper,
            lower_limit=maker.lower,
        )
        begin_day(tick, contract.home, self._world.trading_day)
        settled = self._world.settled.get(contract.instrument.key)
        if settled is not None:
            tick.pre_close = settled.close / contract.price_scale
            tick.pre_open_interest = tick.open_interest = settled.open_interest
        return tick

    @contextmanager
    def looking(self) -> Iterator[None]:
        """What is opened within is only looked at."""
        self.is_asked = True
        try:
            yield
        finally:
            self.is_asked = False

    def opened(self, contract: Contract) -> None:
        """A contract was made: it starts if that is because it is used, else when it is."""
        if not self.makes(contract):
            return
        if self.is_asked:
            self.idle.setdefault(contract.code, []).append(contract)
        else:
            self.start(contract)

    def wake(self, field: Any) -> None:
        """A request uses instruments that were only looked at before."""
        codes = field if isinstance(field, (list, tuple)) else (getattr(field, "InstrumentID", ""),)
        for code in codes:
            for contract in self.idle.pop(code, ()):
                if contract.option is not None and contract.option.underlying is not None:
                    self.wake([contract.option.underlying.code])  # exercise and settlement look at its price
                self.start(contract)

    # ------------------------------------------------------------------ from the first use on
    def start(self, contract: Contract) -> None:
        """Begin an instrument's snapshots, once; its present one is there at once, for the order that asked for it."""
        if contract.index in self._numbers:
            return
        world = self._world
        number = self._numbers[contract.index] = len(world.day_contracts)
        world.day_contracts.append(contract)
        offset, now_ns = self.now()
        tick = self._feed.start(self._day_of(contract, number), offset)
        self._settle_in(contract, tick)
        if now_ns and world.stamps is not None:
            world.stamps.put(tick, contract.exchange, contract.home, now_ns)
        else:
            begin_day(tick, contract.home, world.trading_day)
        world.ticks[contract.index] = tick
        scale = contract.price_scale
        contract.bid, contract.bid_volume = price_from_ctp(tick.bid1, scale), tick.bid_volume1
        contract.ask, contract.ask_volume = price_from_ctp(tick.ask1, scale), tick.ask_volume1
        contract.last = price_from_ctp(tick.last, scale)
        if contract.holders:
            world.engine.state.mark(contract)
        log.info("%s %s: nothing was recorded, its market is synthetic", contract.exchange, contract.code)

    def go_on(self, offset: int, now_ns: int) -> list[Tick]:
        """The market was taken to another place of the record; the present snapshots of what plays."""
        return self._feed.go_on(offset, now_ns - instant_ns(BEIJING, self._world.trading_day, 0))

    def _settle_in(self, contract: Contract, tick: Tick) -> None:
        """Our own close and open interest of the day before are not the generator's."""
        settled = self._world.settled.get(contract.instrument.key)
        if settled is not None:
            self._world.own_prices[contract.index] = self._world.ticks[contract.index]
            self._world.show_own(contract, tick)

    def _day_of(self, contract: Contract, number: int) -> SyntheticDay:
        world, instrument = self._world, contract.instrument
        before: float | None = None
        follow: Underlying | None = None
        if instrument.product_class == OPTION:
            before, follow = self._underlying_of(instrument)
        return SyntheticDay(
            instrument,
            world.trading_day,
            world.config.options.seed,
            number=number,
            pre_settlement=self._known(instrument),
            is_round_the_clock=True,
            underlying=follow,
            underlying_before=before,
        )

    def _known(self, instrument: Instrument) -> Decimal | None:
        """Our own last settlement."""
        settled = self._world.settled.get(instrument.key)
        return None if settled is None else Decimal(settled.settlement) / instrument.price_scale

    # ------------------------------------------------------------------ what options are priced from
    def _underlying_of(self, option: Instrument) -> tuple[float, Underlying]:
        """The price of an option's underlying before the day, and as a function of time.

        What is recorded, or what users make the market of, is followed as it trades; what is made by its walk.
        """
        world, day = self._world, self._world.trading_day
        item = self._item_under(option)
        if item is None:
            return self._cached(("", option.underlying), lambda: underlying_of(option, day, self._seed, True))
        contract = world.engine.state.by_key.get(item.key)
        if contract is not None and not self.makes(contract) and contract.pre_settlement != NO_PRICE:
            return contract.pre_settlement / contract.price_scale, lambda _: _price_now(contract)
        return self._cached(item.key, lambda: price_of(item, day, self._seed, self._known(item), True))

    def _item_under(self, option: Instrument) -> Instrument | None:
        """The instrument that an option is priced from; None: an index that has no futures, or nothing known."""
        key = (option.exchange, option.underlying, option.delivery_month if option.is_spot_option else 0)
        if key not in self._items_under:
            universe = self._world.universe
            made = underlying_instrument(option, self._world.trading_day)
            if made is not None:
                made = universe.known(made.code, made.exchange)
            else:
                own = [item for item in universe.find(option.underlying) if item.product_class in _MADE_CLASSES]
                made = own[0] if own else None
            self._items_under[key] = made
        return self._items_under[key]

    def _cached(self, key: tuple[str, str], make: Callable[[], tuple[float, Underlying]]) -> tuple[float, Underlying]:
        found = self._prices.get(key)
        if found is None:
            found = self._prices[key] = make()
        return found

    @property
    def _seed(self) -> int:
        return self._world.config.options.seed


def _price_now(contract: Contract) -> float:
    """Between best bid and ask, else the last price, else the previous settlement."""
    if contract.bid != NO_PRICE and contract.ask != NO_PRICE and contract.bid_volume and contract.ask_volume:
        return (contract.bid + contract.ask) / 2 / contract.price_scale
    return contract.reference_price() / contract.price_scale


def _labelled(name: str, label: str) -> str:
    """A name cut so that it fits into InstrumentName with its label."""
    room = _NAME_BYTES - len(label.encode("gb18030"))
    while len(name.encode("gb18030")) > room:
        name = name[:-1]
    return name + label
