"""The records of the reference data: what can be traded and at which rates. No CTP struct names, no I/O.

All records are immutable; a changed one is made with ``dataclasses.replace`` and put into a ``Universe`` with ``add``.
Prices, ratios and rates are exact decimals; volumes are lots (shares or units for securities); dates are ``YYYYMMDD``
text, ``''`` when not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

FUTURE = "future"
OPTION = "option"
STOCK = "stock"
FUND = "fund"
BOND = "bond"
INDEX = "index"
COMBINATION = "combination"

#: Every value of ``product_class``.
PRODUCT_CLASSES = (FUTURE, OPTION, STOCK, FUND, BOND, INDEX, COMBINATION)
#: Classes that are paid in full and held long only (ctp-semantics 14.3).
SECURITY_CLASSES = frozenset((STOCK, FUND, BOND))

#: The board of reverse repos: the price is a rate, a lot is 100 CNY lent (ctp-semantics 14.3).
REPO = "REPO"

_ZERO = Decimal(0)


def price_scale_of(tick: Decimal) -> tuple[int, int]:
    """``(price_scale, tick_units)`` of a tick: the smallest power of ten that makes it an integer, and that integer.

    ``0.2`` → ``(10, 2)``, ``0.25`` → ``(100, 25)``, ``5`` → ``(1, 5)``. ``ValueError`` for a tick that is not positive.
    """
    if not tick.is_finite() or tick <= 0:
        raise ValueError(f"price tick must be positive, not {tick}")
    exponent = tick.normalize().as_tuple().exponent
    digits = max(0, -exponent) if isinstance(exponent, int) else 0
    scale = 10**digits
    return scale, int(tick * scale)


class Leg(NamedTuple):
    """One leg of a combination: what buying the combination does with it."""

    code: str
    side: str  # 'buy' or 'sell'
    multiple: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One tradable contract or security.

    ``price_scale`` is the power of ten for which ``price * price_scale`` is an integer at every price the instrument
    may have (the book's finest increment is ``1 / price_scale``), and ``tick_units`` is the ordinary tick in that
    increment; both are derived from ``price_tick`` when left 0. ``max_market_volume`` 0 means that the
    exchange itself takes no market orders (the counter does, like the seed platform: ctp-semantics 3.2, unless
    ``order_types=exchange``). CTP's class letter follows from ``product_class`` and ``is_spot_option``.
    """

    exchange: str
    code: str
    product: str
    product_class: str
    multiplier: int
    price_tick: Decimal
    exchange_code: str = ""  # the exchange's own code; the same as ``code`` when left empty
    name: str = ""  # Chinese or Latin, as the exchange shows it; the code when left empty
    currency: str = "CNY"
    price_scale: int = 0
    tick_units: int = 0
    delivery_year: int = 0
    delivery_month: int = 0
    min_limit_volume: int = 1
    max_limit_volume: int = 1000000
    min_market_volume: int = 1
    max_market_volume: int = 0
    create_date: str = ""
    open_date: str = ""
    expire_date: str = ""  # the last trading day
    start_deliv_date: str = ""
    end_deliv_date: str = ""
    is_trading: bool = True
    uses_history: bool = False  # SHFE, INE: yesterday's lots are a position row of their own
    larger_side: bool = False  # SHFE, INE, CFFEX: margin on the larger side of a product only
    long_margin_ratio: Decimal = _ZERO  # the exchange's, a fraction of turnover; the investor's rate is a MarginRate
    short_margin_ratio: Decimal = _ZERO
    underlying: str = ""  # futures: the product; options: the code of the underlying
    underlying_multiple: Decimal | None = None
    strike: Decimal | None = None
    option_type: str = ""  # '', 'call' or 'put'
    exercise_style: str = ""  # options: 'american' or 'european'
    is_spot_option: bool = False  # on an index or a fund (CTP's class '6'), not on a future ('2')
    combination_type: str = ""  # combinations: SP SPC SPD IPS STD STG
    legs: tuple[Leg, ...] = ()  # combinations only
    session_id: str = ""  # joins sessions.csv
    venue: str = ""  # CME: the exchange of the group, CME CBOT NYMEX COMEX
    limit_ratio: Decimal | None = None  # daily price limit as a fraction of the reference price; None: no daily limit
    #: Where the tick depends on the price: (price up to and including, tick), ascending; the last tick holds above.
    tick_bands: tuple[tuple[Decimal, Decimal], ...] = ()
    lot: int = 1  # a buy must be lot_min + n * lot_step; ``lot`` is the board lot (stocks 100)
    lot_min: int = 1  # STAR 200, BSE 100
    lot_step: int = 1  # stocks and funds 100, STAR and BSE 1
    is_t0: bool = True  # may be sold on the day it was bought
    board: str = ""  # securities: MAIN STAR CHINEXT BSE FUND CONVERTIBLE GOVT LOCALGOVT CORP OTHERBOND
    reference_price: Decimal | None = None  # where a price starts without any market data (the TEST family)
    upper_limit: Decimal | None = None  # fixed limits, whatever the reference price; None: from limit_ratio
    lower_limit: Decimal | None = None
    is_matched: bool = False  # users match each other in it by default (the TEST family)

    def __post_init__(self) -> None:
        """Fill the derived fields that were left empty and refuse an unknown product class."""
        if self.product_class not in PRODUCT_CLASSES:
            raise ValueError(f"{self.code}: unknown product class {self.product_class!r}")
        scale = self.price_scale
        if not scale or self.price_tick <= 0:
            scale = max(price_scale_of(tick)[0] for tick in (self.price_tick, *(band[1] for band in self.tick_bands)))
            object.__setattr__(self, "price_scale", scale)
        object.__setattr__(self, "tick_units", self.tick_units or int(self.price_tick * scale))
        object.__setattr__(self, "exchange_code", self.exchange_code or self.code)
        object.__setattr__(self, "name", self.name or self.code)

    @property
    def key(self) -> tuple[str, str]:
        """``(exchange, code)``: one code can exist on two exchanges (000001 on SSE and SZSE)."""
        return self.exchange, self.code

    def tick_at(self, price: Decimal) -> Decimal:
        """The tick that is in force at a price: ``price_tick`` unless the instrument has bands."""
        for bound, tick in self.tick_bands:
            if abs(price) <= bound:
                return tick
        return self.tick_bands[-1][1] if self.tick_bands else self.price_tick

    def tick_units_at(self, units: int) -> int:
        """The same in the book's finest increments: ``units`` is on the grid if it is a multiple of the answer."""
        if not self.tick_bands:
            return self.tick_units
        return int(self.tick_at(Decimal(units) / self.price_scale) * self.price_scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRate:
    """What an investor pays as margin: a fraction of turnover plus an amount per lot, by side (ctp-semantics 7.1)."""

    long_by_money: Decimal = _ZERO
    long_by_volume: Decimal = _ZERO
    short_by_money: Decimal = _ZERO
    short_by_volume: Decimal = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """Trade fees: fractions of turnover and amounts per lot (ctp-semantics 7.5), and what securities add (14.3).

    ``minimum`` is the least commission of one order (stamp duty and transfer fee come on top of it). ``strike_…`` is
    what exercising costs, ``order_by_volume`` and ``cancel_by_volume`` what an order and its cancel cost per message.
    """

    open_by_money: Decimal = _ZERO
    open_by_volume: Decimal = _ZERO
    close_by_money: Decimal = _ZERO
    close_by_volume: Decimal = _ZERO
    close_today_by_money: Decimal = _ZERO
    close_today_by_volume: Decimal = _ZERO
    minimum: Decimal = _ZERO
    stamp_duty_sell_by_money: Decimal = _ZERO
    transfer_by_money: Decimal = _ZERO
    strike_by_money: Decimal = _ZERO
    strike_by_volume: Decimal = _ZERO
    order_by_volume: Decimal = _ZERO
    cancel_by_volume: Decimal = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionMargin:
    """How the seller of an option on an index or a fund is margined (ctp-semantics 7.3, 14.3).

    Per lot: royalty + max(``adjust`` × S − out of the money, ``floor`` × S for calls or K for puts; on an index that
    times ``adjust``), times the
    multiplier. Options on futures have none: theirs follows from the margin of the underlying.
    """

    adjust: Decimal
    floor: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One line of products.csv: a futures product or a class of options (reference-data 2).

    Texts such as ``contract_months`` are the rule in words as the file has them; the functions of ``contracts`` read
    them. ``None`` stands for a number that is not known.
    """

    exchange: str
    product: str  # exact exchange case; CZCE options are two ids joined, as in 'SRC;SRP'
    product_class: str
    name_cn: str
    name_en: str
    multiplier: int
    price_tick: Decimal
    currency: str = "CNY"
    limit_ratio: Decimal | None = None
    exchange_margin: Decimal | None = None
    broker_margin: Decimal | None = None
    commission: Commission | None = None
    session_id: str = ""
    contract_months: str = ""
    contract_code: str = ""
    last_trading_day: str = ""
    min_limit_volume: int = 1
    max_limit_volume: int = 0
    min_market_volume: int = 0
    max_market_volume: int = 0
    market_order: str = ""  # in words; dated for SHFE and INE
    listed_since: str = ""  # first day of the session history, YYYYMMDD, not always the listing date
    status: str = ""
    reference_price: Decimal | None = None  # order of magnitude only, to seed synthetic prices

    def is_listed_on(self, trading_day: str) -> bool:
        """False from the day on which the status says ``suspended YYYY-MM-DD``."""
        since = self.status.removeprefix("suspended ").replace("-", "")
        return not (self.status.startswith("suspended ") and since <= trading_day)
