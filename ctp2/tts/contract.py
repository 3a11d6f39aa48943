"""What the engine keeps of one instrument: its terms in integers, its quote, its phase."""

from __future__ import annotations

from decimal import Decimal
from math import gcd
from typing import TYPE_CHECKING, Final

from ctp2.refdata.models import REPO, SECURITY_CLASSES, Commission, Instrument, MarginRate
from ctp2.refdata.sessions import zone_of
from ctp2.tts.money import MICRO, RATE, micro_from_decimal, rate_from_decimal, round_div
from ctp2.tts.order_types import NARROWED, TTS_ORDER_TYPES, OrderTypes, is_ioc_only
from ctp2.tts.profiles import Profile
from ctp2.tts.securities import MAINLAND
from ctp2.tts.terms import CONTINUOUS, NO_PRICE

if TYPE_CHECKING:
    from ctp2.tts.commands import Common
    from ctp2.tts.conditions import Conditions
    from ctp2.tts.options import OptionTerms
    from ctp2.tts.position import PositionRow

_ZERO: Final = Decimal(0)


class Rate:
    """A margin or fee rate of one instrument: a part of the notional plus an amount per lot.

    ``by_money`` is in 10⁻⁸, ``by_volume`` in micro-units. What one price unit of one lot costs is kept as a reduced
    fraction, so that most amounts come out exact by one multiplication.
    """

    __slots__ = ("by_money", "by_volume", "denominator", "numerator")

    def __init__(self, by_money: int, by_volume: int, notional_micro: int) -> None:
        self.by_money: int = by_money
        self.by_volume: int = by_volume
        common = gcd(notional_micro * by_money, RATE)
        self.numerator: int = notional_micro * by_money // common
        self.denominator: int = RATE // common

    def amount(self, price: int, volume: int) -> int:
        """Micro-units for ``volume`` lots at ``price`` (price units; a negative price counts by its size)."""
        value = (price if price >= 0 else -price) * volume * self.numerator
        if self.denominator != 1:
            value = round_div(value, self.denominator)
        return value + volume * self.by_volume


class Contract:
    """An instrument as the engine sees it.

    Prices are price units (``price_scale`` units are 1.0 of the quoted price). ``notional_micro`` is what one
    price unit of one lot is worth in 10⁻⁶ of the currency. Limits and quotes that are absent are ``NO_PRICE``.
    ``patterns`` is a cache of the translation (``shown.py``), no state.
    ``home`` is the zone of the exchange's clock, ``zone`` the one in which clients see its times (option ``tz``).
    ``is_narrow``: a security that has the kinds of order of its own exchange only (``order_types=exchange``).
    A market order takes five levels where ``takes_five``. The price of a repo is a rate: it is worth nothing by itself,
    a lot is paid by the margin per lot (spec 14.3).
    """

    __slots__ = (
        "ask",
        "ask_volume",
        "bid",
        "bid_volume",
        "cancel_fee",
        "close_fee",
        "close_today_fee",
        "code",
        "conditions",
        "currency",
        "exchange",
        "exchange_long",
        "exchange_short",
        "has_tick_bands",
        "holders",
        "home",
        "index",
        "instrument",
        "is_ioc_only",
        "is_matched",
        "is_narrow",
        "is_repo",
        "is_security",
        "is_t0",
        "is_tradable",
        "larger_side",
        "last",
        "long_rate",
        "lower_limit",
        "min_fee",
        "notional_micro",
        "open_fee",
        "option",
        "order_fee",
        "order_types",
        "patterns",
        "phase",
        "pre_close",
        "pre_settlement",
        "price_scale",
        "product",
        "profile",
        "short_rate",
        "stamp_rate",
        "strike_by_money",
        "strike_by_volume",
        "takes_five",
        "tick_units",
        "transfer_rate",
        "upper_limit",
        "uses_history",
        "zone",
    )

    def __init__(
        self,
        index: int,
        instrument: Instrument,
        margin: MarginRate,
        commission: Commission,
        profile: Profile,
        is_matched: bool,
    ) -> None:
        self.index: int = index
        self.instrument: Instrument = instrument
        self.exchange: str = instrument.exchange
        self.code: str = instrument.code
        self.product: str = instrument.product
        self.currency: str = instrument.currency
        self.price_scale: int = instrument.price_scale
        self.tick_units: int = _finest_tick(instrument)
        self.is_repo: bool = instrument.board == REPO
        self.notional_micro: int = 0 if self.is_repo else _notional_of_one_unit(instrument)
        self.has_tick_bands: bool = bool(instrument.tick_bands)
        self.uses_history: bool = instrument.uses_history
        self.larger_side: bool = instrument.larger_side
        self.is_security: bool = instrument.product_class in SECURITY_CLASSES
        self.is_t0: bool = instrument.is_t0
        self.is_tradable: bool = instrument.is_trading  # False also when it has expired (``State.add_contract``)
        self.option: OptionTerms | None = None  # set by ``State.add_contract``
        self.takes_five: bool = self.is_security and instrument.exchange in MAINLAND
        self.is_matched: bool = is_matched
        self.profile: Profile = profile
        self.order_types: OrderTypes = TTS_ORDER_TYPES
        self.is_ioc_only: bool = False
        self.is_narrow: bool = False
        self.home: str = zone_of(instrument.exchange, instrument.session_id)
        self.zone: str = self.home

        self.long_rate: Rate = self._rate(margin.long_by_money, margin.long_by_volume)
        self.short_rate: Rate = self._rate(margin.short_by_money, margin.short_by_volume)
        self.exchange_long: Rate = self._rate(instrument.long_margin_ratio)
        self.exchange_short: Rate = self._rate(instrument.short_margin_ratio) if not self.is_repo else self.short_rate
        self.open_fee: Rate = self._rate(commission.open_by_money, commission.open_by_volume)
        self.close_fee: Rate = self._rate(commission.close_by_money, commission.close_by_volume)
        self.close_today_fee: Rate = self._rate(commission.close_today_by_money, commission.close_today_by_volume)
        self.min_fee: int = micro_from_decimal(commission.minimum)
        self.stamp_rate: int = rate_from_decimal(commission.stamp_duty_sell_by_money)
        self.transfer_rate: int = rate_from_decimal(commission.transfer_by_money)
        self.order_fee: int = micro_from_decimal(commission.order_by_volume)
        self.cancel_fee: int = micro_from_decimal(commission.cancel_by_volume)
        self.strike_by_money: int = rate_from_decimal(commission.strike_by_money)
        self.strike_by_volume: int = micro_from_decimal(commission.strike_by_volume)

        self.pre_settlement: int = NO_PRICE
        self.pre_close: int = NO_PRICE
        self.upper_limit: int = NO_PRICE
        self.lower_limit: int = NO_PRICE
        self.last: int = NO_PRICE
        self.bid: int = NO_PRICE
        self.bid_volume: int = 0
        self.ask: int = NO_PRICE
        self.ask_volume: int = 0
        self.phase: str = CONTINUOUS
        self.holders: list[PositionRow] = []
        self.patterns: dict[Common, object] | None = None
        self.conditions: Conditions | None = None  # orders that wait for a price of this instrument

    def take_order_types(self, order_types: OrderTypes) -> None:
        """The kinds of order that the instrument's exchange takes (spec 3.2)."""
        self.order_types = order_types
        self.is_narrow = self.is_security and order_types is NARROWED
        self.is_ioc_only = is_ioc_only(order_types, self.instrument.product_class, self.code)

    def reference_price(self) -> int:
        """The last price, else the previous settlement price: what a position is marked at (else ``NO_PRICE``)."""
        return self.last if self.last != NO_PRICE else self.pre_settlement

    def margin(self, is_long: bool, price: int, volume: int) -> int:
        """Investor's margin in micro-units of ``volume`` lots at ``price`` (spec 7.1)."""
        return (self.long_rate if is_long else self.short_rate).amount(price, volume)

    def exchange_margin(self, is_long: bool, price: int, volume: int) -> int:
        """The same at the exchange's rates."""
        return (self.exchange_long if is_long else self.exchange_short).amount(price, volume)

    def _rate(self, by_money: Decimal, by_volume: Decimal = _ZERO) -> Rate:
        return Rate(rate_from_decimal(by_money), micro_from_decimal(by_volume), self.notional_micro)


def _finest_tick(instrument: Instrument) -> int:
    """The ordinary tick in price units; the smallest one where it depends on the price."""
    if not instrument.tick_bands:
        return instrument.tick_units
    return min(int(tick * instrument.price_scale) for _, tick in instrument.tick_bands)


def _notional_of_one_unit(instrument: Instrument) -> int:
    """Micro-units that one price unit of one lot is worth; refused when that is no whole number."""
    worth, rest = divmod(MICRO * instrument.multiplier, instrument.price_scale)
    if rest:
        raise ValueError(f"{instrument.code}: a price step of {instrument.price_tick} is worth less than 0.000001")
    return worth
