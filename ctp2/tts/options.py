"""Options: what the engine knows of one, and the margin of who sold it (spec ctp-semantics 7.3, 14.3).

The seller's margin of a lot is its royalty (price x multiplier) plus a fixed part that follows from the underlying::

    on a future    max(F - half of what it is out of the money, half of F)     F: margin of one underlying future
    on an index    max(adjust x S - out of the money, floor x adjust x (S call / K put))
    on a fund      max(adjust x S - out of the money, floor x (S call / K put)); a put never more than K altogether

S is the underlying's previous settlement (index, fund: close) all day. Where the counter does not list the underlying,
S comes from the reference data, and without it the option counts as at the money (docs/decisions/0050).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.refdata.models import FUTURE, INDEX, OPTION, OptionMargin
from ctp2.refdata.options import CALL, option_margin, underlying_reference
from ctp2.refdata.walks import index_future
from ctp2.tts.contract import Contract, Rate
from ctp2.tts.money import MICRO, RATE, micro_from_decimal, rate_from_decimal, round_div, share
from ctp2.tts.terms import NO_PRICE

if TYPE_CHECKING:
    from ctp2.tts.state import State

ON_FUTURE: Final = 0
ON_INDEX: Final = 1
ON_FUND: Final = 2

_INDEX_EXCHANGES: Final = ("CFFEX",)
_ONLY_SPECULATION: Final = ("CZCE", "SSE", "SZSE")
"""Exchanges whose options take the hedge flag of speculation only: error 66 (docs/decisions/0051)."""
_CARRIED_AT_CLOSE: Final = ("SHFE", "INE")
"""Exchanges where the royalty of carried lots is max(previous close, previous settlement) (spec 7.3, 16.8)."""
_DEFAULT_RATIO: Final = RATE // 10
"""Margin of an underlying future that nothing is known of: a tenth of its value."""
_DEFAULT_ADJUST: Final = RATE * 12 // 100
_DEFAULT_FLOOR: Final = {ON_INDEX: RATE // 2, ON_FUND: RATE * 7 // 100}
_UNPRICED: Final = NO_PRICE - 1
"""No price and not even a look for one."""


class OptionTerms:
    """An option's terms in integers. Values are micro-units per lot; ``underlying`` is None if it is not listed here.

    ``fixed`` and ``exchange_fixed`` are the fixed parts of a sold lot's margin, of the investor and of the exchange.
    ``index_future`` is the code of the future that an option on an index is priced from, empty for others.
    ``rates`` is the option with the margin and fees of ``account_id``: the contract itself for all who have none of
    their own. ``underlying_rates`` is the same of the underlying.
    """

    __slots__ = (
        "_fixed",
        "_exchange_fixed",
        "_priced_at",
        "account_id",
        "adjust",
        "contract",
        "floor",
        "index_future",
        "is_call",
        "is_european",
        "kind",
        "only_speculation",
        "per_lot",
        "rates",
        "strike_value",
        "underlying",
        "underlying_rates",
    )

    def __init__(self, contract: Contract, rates: Contract | None = None, account_id: str = "") -> None:
        instrument = contract.instrument
        assert instrument.strike is not None, f"{instrument.code}: an option without a strike"
        self.contract: Contract = contract
        self.rates: Contract = contract if rates is None else rates
        self.account_id: str = account_id
        self.underlying: Contract | None = None
        self.underlying_rates: Contract | None = None
        self.index_future: str = ""
        self.is_call: bool = instrument.option_type == CALL
        self.is_european: bool = instrument.exercise_style == "european"
        self.strike_value: int = micro_from_decimal(instrument.strike * instrument.multiplier)
        self.only_speculation: bool = instrument.exchange in _ONLY_SPECULATION
        self.kind: int = ON_FUTURE
        if instrument.is_spot_option:
            self.kind = ON_INDEX if instrument.exchange in _INDEX_EXCHANGES else ON_FUND
        # A rates file may give what the broker asks: the part of S, and an amount per lot on top (0051).
        self.adjust: int = self.rates.short_rate.by_money
        self.floor: int = 0
        self.per_lot: int = self.rates.short_rate.by_volume
        self._fixed: int = 0
        self._exchange_fixed: int = 0
        self._priced_at: int = _UNPRICED

    # ------------------------------------------------------------------ the underlying
    def is_on(self, contract: Contract) -> bool:
        """Whether ``contract`` is the underlying: by its code, on the same exchange; an index is on none of its own.

        Where the index is not listed, the future that follows it stands for it (docs/decisions/0144).
        """
        instrument = contract.instrument
        if self.index_future and instrument.code == self.index_future:
            return self.underlying is None and instrument.exchange == self.contract.exchange
        if instrument.code != self.contract.instrument.underlying:
            return False
        if self.kind == ON_INDEX:
            return instrument.product_class == INDEX
        if instrument.exchange != self.contract.exchange:
            return False
        return (instrument.product_class == FUTURE) == (self.kind == ON_FUTURE)

    def attach(self, state: State, contract: Contract) -> None:
        """``contract`` is the underlying from now on."""
        self.underlying = self.underlying_rates = contract
        if self.account_id and state.rates_of is not None:
            self.underlying_rates = state.rates_of(self.account_id, contract)
        self._priced_at = _UNPRICED

    def underlying_value(self) -> int:
        """S: what one lot's underlying is worth at its previous settlement, in micro-units."""
        underlying = self.underlying
        if underlying is not None and underlying.pre_settlement != NO_PRICE:
            worth = underlying.pre_settlement * self.contract.instrument.multiplier * MICRO
            return round_div(worth, underlying.price_scale)
        price = underlying_reference(self.contract.instrument)[0]
        if price is None:
            return self.strike_value
        return micro_from_decimal(price * self.contract.instrument.multiplier)

    def future_margin(self, is_long: bool, value: int, is_exchange: bool = False) -> int:
        """F: the margin of one underlying future worth ``value``, of the side given."""
        underlying = self.underlying_rates
        if underlying is not None:
            rate = underlying.exchange_long if is_exchange else underlying.long_rate
            if not is_long:
                rate = underlying.exchange_short if is_exchange else underlying.short_rate
            return share(value, rate.by_money) + rate.by_volume
        instrument = self.contract.instrument
        ratio = rate_from_decimal(underlying_reference(instrument)[1] or instrument.short_margin_ratio)
        return share(value, ratio or _DEFAULT_RATIO)

    def out_of_the_money(self, value: int) -> int:
        """How far the option is out of the money when its underlying is worth ``value``, in micro-units per lot."""
        out = self.strike_value - value if self.is_call else value - self.strike_value
        return out if out > 0 else 0

    # ------------------------------------------------------------------ the seller's margin
    def fixed_at(self, value: int, is_exchange: bool = False) -> int:
        """The fixed part of a sold lot's margin when the underlying is worth ``value``.

        Who sold a call is short of the future when it is exercised, who sold a put is long: F is that side's (0050).
        """
        out = self.out_of_the_money(value)
        if self.kind == ON_FUTURE:
            future = self.future_margin(not self.is_call, value, is_exchange)
            twice = 2 * future - out
            fixed = round_div(twice if twice > future else future, 2)
        else:
            adjust, floor = self._ratios(is_exchange)
            base = value if self.is_call else self.strike_value
            fixed = share(value, adjust) - out
            if self.kind == ON_INDEX:
                base = share(base, adjust)
            least = share(base, floor)
            fixed = fixed if fixed > least else least
        return fixed if is_exchange else fixed + self.per_lot

    def fixed(self, is_exchange: bool = False) -> int:
        """The fixed part of a sold lot's margin today."""
        underlying = self.underlying
        price = NO_PRICE if underlying is None else underlying.pre_settlement
        if price != self._priced_at:
            value = self.underlying_value()
            self._fixed = self.fixed_at(value)
            self._exchange_fixed = self.fixed_at(value, True)
            self._priced_at = price
        return self._exchange_fixed if is_exchange else self._fixed

    def margin(self, price: int, volume: int, is_exchange: bool = False) -> int:
        """Margin of ``volume`` sold lots with the royalty at ``price`` (price units)."""
        return self.margin_with(price, self.fixed(is_exchange), volume)

    def margin_with(self, price: int, fixed: int, volume: int) -> int:
        """The same with another fixed part, such as that of another price of the underlying."""
        lot = price * self.contract.notional_micro + fixed
        if self.kind == ON_FUND and not self.is_call and lot > self.strike_value:
            lot = self.strike_value
        return lot * volume

    def settled_price(self) -> int:
        """The royalty that margin starts from, the previous settlement; 0 when there is none (a new option)."""
        price = self.contract.pre_settlement
        return 0 if price == NO_PRICE else price

    def mark(self, price: int, today: int, carried: int, is_exchange: bool = False) -> int:
        """What prices add to the margin of sold lots over the one at the previous settlement.

        Lots of today follow the last price (OptionRoyaltyPriceType 5), carried ones the previous close on SHFE and INE.
        """
        added = self._added(price, today, is_exchange)
        if carried and self.contract.exchange in _CARRIED_AT_CLOSE:
            added += self._added(self.contract.pre_close, carried, is_exchange)
        return added

    def _added(self, price: int, volume: int, is_exchange: bool) -> int:
        settled = self.settled_price()
        if price <= settled or volume == 0:
            return 0
        return self.margin(price, volume, is_exchange) - self.margin(settled, volume, is_exchange)

    def _ratios(self, is_exchange: bool) -> tuple[int, int]:
        """(adjust, floor) of an option on an index or a fund: the exchange's formula, or the user's own ``adjust``."""
        if not self.floor:
            known = option_margin(self.contract.instrument)
            self.floor = _DEFAULT_FLOOR[self.kind] if known is None else rate_from_decimal(known.floor)
        if self.adjust and not is_exchange:
            return self.adjust, self.floor
        exchange: OptionMargin | None = option_margin(self.contract.instrument)
        return (_DEFAULT_ADJUST if exchange is None else rate_from_decimal(exchange.adjust)), self.floor


class SoldOptionRate(Rate):
    """The margin rate of sold lots; ``amount`` takes the royalty at the previous settlement, whatever the price.

    Working orders and lots freeze and hold that much; what the last price adds to lots of today is a mark.
    """

    __slots__ = ("is_exchange", "option")

    def __init__(self, option: OptionTerms, is_exchange: bool) -> None:
        super().__init__(0, 0, 1)
        self.option: OptionTerms = option
        self.is_exchange: bool = is_exchange

    def amount(self, price: int, volume: int) -> int:
        """Micro-units for ``volume`` lots."""
        option = self.option
        return option.margin(option.settled_price(), volume, self.is_exchange)


def equip(state: State, contract: Contract) -> None:
    """Give a new contract its option terms, and its place among options and their underlyings.

    The two may come in either order. A bought option has no margin, a sold one the rate above; neither belongs to a
    larger-side group (spec 7.2).
    """
    for option in state.options_on.get(contract.code, ()):
        if option.is_on(contract):
            option.attach(state, contract)
    instrument = contract.instrument
    if instrument.product_class != OPTION:
        return
    contract.larger_side = False
    _take(state, contract, OptionTerms(contract))


def equip_own(state: State, contract: Contract, own: Contract, account_id: str) -> None:
    """Give ``own``, an option with the rates of one account, the terms that follow from them."""
    _take(state, own, OptionTerms(contract, own, account_id))


def _take(state: State, contract: Contract, option: OptionTerms) -> None:
    contract.option = option
    contract.long_rate = contract.exchange_long = Rate(0, 0, 1)
    contract.short_rate = SoldOptionRate(option, False)
    contract.exchange_short = SoldOptionRate(option, True)
    instrument = option.contract.instrument
    if option.kind == ON_INDEX:
        option.index_future = index_future(instrument, state.trading_day)
    for code in (instrument.underlying, option.index_future):
        if not code:
            continue
        state.options_on.setdefault(code, []).append(option)
        for known in state.named(code):
            if option.is_on(known):
                option.attach(state, known)
