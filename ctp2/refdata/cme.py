"""Futures of CME, CBOT, NYMEX and COMEX: codes such as ``ESZ6`` both ways, last trading days, listed months.

Products come from cme_products.csv. Dates are counted in days with a CME session where the calendar reaches and in
weekdays beyond it (provisional). Products whose multiplier is no whole number (MYM, MBT, MET) cannot be CTP instruments
and are left out (docs/decisions/0025).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from ctp2.refdata.calendar import open_days, plus_days, to_date
from ctp2.refdata.contracts import Month, nearest_year, nth_weekday, plus_months
from ctp2.refdata.models import FUTURE, Instrument
from ctp2.refdata.table import DATA_DIR, DataError, Row, rows

CME = "CME"
VENUES = ("CME", "CBOT", "NYMEX", "COMEX")
_LETTERS = "FGHJKMNQUVXZ"
_CODE = re.compile(rf"([A-Z0-9]{{1,3}})([{_LETTERS}])([0-9])")
_WEDNESDAY, _THURSDAY, _FRIDAY = 2, 3, 4
_SERIALS = " (+ nearest serials)"
_MAX_VOLUME = 1000


class CmeProduct(NamedTuple):
    """One line of cme_products.csv."""

    venue: str
    product: str
    name: str
    multiplier: int
    price_tick: Decimal
    months: tuple[int, ...]
    has_serials: bool  # the nearest months are listed too
    last_trade: str
    session_id: str
    initial_margin: Decimal  # USD per lot, 0 when not known


class CmeContract(NamedTuple):
    """A product and its delivery month."""

    product: CmeProduct
    year: int
    month: int


@cache
def _lines() -> dict[str, Row]:
    columns = "Venue ProductID Name Multiplier PriceTick ContractMonths LastTrade SessionID InitialMarginUSD"
    table = rows(DATA_DIR / "cme_products.csv", columns.split())
    return {row.text("ProductID"): row for row in table if (row.decimal("Multiplier") or 0) % 1 == 0}


def cme_products() -> list[CmeProduct]:
    """Every product whose multiplier CTP can express, in file order."""
    return [made for product in _lines() if (made := find_cme_product(product)) is not None]


@cache
def find_cme_product(product: str) -> CmeProduct | None:
    """The product of an id such as ``ES``; None when there is none."""
    row = _lines().get(product)
    if row is None:
        return None
    letters = row.text("ContractMonths")
    return CmeProduct(
        venue=row.text("Venue"),
        product=product,
        name=row.text("Name"),
        multiplier=row.integer("Multiplier"),
        price_tick=row.tick("PriceTick"),
        months=tuple(_LETTERS.index(letter) + 1 for letter in letters.removesuffix(_SERIALS).split(",")),
        has_serials=letters.endswith(_SERIALS),
        last_trade=row.text("LastTrade"),
        session_id=row.text("SessionID"),
        initial_margin=row.rate("InitialMarginUSD"),
    )


# ---------------------------------------------------------------------------------------------------------- codes


def parse_code(code: str, trading_day: str, exchange: str = "") -> CmeContract | None:
    """The contract of a code: product, month letter, last digit of the year (one back to eight ahead)."""
    match = _CODE.fullmatch(code)
    if match is None or exchange not in ("", *VENUES):
        return None
    product = find_cme_product(match[1])
    if product is None or exchange not in ("", CME, product.venue):
        return None
    return CmeContract(product, nearest_year(int(match[3]), int(trading_day[:4])), _LETTERS.index(match[2]) + 1)


def contract_code(product: CmeProduct, year: int, month: int) -> str:
    """The inverse of ``parse_code``."""
    return f"{product.product}{_LETTERS[month - 1]}{year % 10}"


def make_future(contract: CmeContract, trading_day: str) -> Instrument:
    """The contract as seen on a day. Its margin is an amount per lot: see ``rates``."""
    product, year, month = contract
    expire = expire_date(product, year, month)
    return Instrument(
        exchange=CME,
        venue=product.venue,
        code=contract_code(product, year, month),
        product=product.product,
        product_class=FUTURE,
        name=f"{product.name} {year % 100:02d}{month:02d}",
        currency="USD",
        multiplier=product.multiplier,
        price_tick=product.price_tick,
        delivery_year=year,
        delivery_month=month,
        max_limit_volume=_MAX_VOLUME,
        max_market_volume=_MAX_VOLUME,
        expire_date=expire,
        start_deliv_date=expire,
        end_deliv_date=expire,
        is_trading=trading_day <= expire,
        underlying=product.product,
        session_id=product.session_id,
    )


def listed_months(product: CmeProduct, trading_day: str) -> list[Month]:
    """The months that are listed here: one year of the product's cycle, at least four, and the nearest serials."""
    front = int(trading_day[:4]), int(trading_day[4:6])
    while expire_date(product, *front) < trading_day:
        front = plus_months(*front, 1)
    following = [plus_months(*front, count) for count in range(36)]
    cycle = [item for item in following if item[1] in product.months][: max(4, len(product.months))]
    serials = following[:3] if product.has_serials else []
    return sorted({*serials, *cycle})


# --------------------------------------------------------------------------------------------------------- expiry


def expire_date(product: CmeProduct, year: int, month: int) -> str:
    """The last trading day of a contract month; ``DataError`` for a rule that this module does not know."""
    for words, rule in _RULES:
        if product.last_trade.startswith(words):
            return rule(product.product, year, month)
    raise DataError(f"CME {product.product}: unknown rule {product.last_trade!r}")


@cache
def _days(year: int, month: int) -> tuple[str, ...]:
    """The days with a session in a month."""
    after = "{:04d}{:02d}01".format(*plus_months(year, month, 1))
    return tuple(open_days("CME", f"{year:04d}{month:02d}01", plus_days(after, -1)))


def _before(day: str, count: int) -> str:
    """The n-th day with a session before a day."""
    return open_days("CME", plus_days(day, -(count * 2 + 14)), plus_days(day, -1))[-count]


_Rule = Callable[[str, int, int], str]


def _nth(number: int, months: int = 0) -> _Rule:
    """The n-th session of the contract month, or of one before it, from its end when negative."""
    return lambda _, year, month: _days(*plus_months(year, month, months))[number]


def _weekday(weekday: int, number: int) -> _Rule:
    """The n-th of a weekday, or the session before it; number 0 is the last of the month."""

    def rule(_: str, year: int, month: int) -> str:
        if number:
            return _before(plus_days(nth_weekday(year, month, weekday, number), 1), 1)
        return [day for day in _days(year, month) if to_date(day).weekday() == weekday][-1]

    return rule


def _before_third_wednesday(count: int, months: int = 0) -> _Rule:
    return lambda _, year, month: _before(nth_weekday(*plus_months(year, month, months), _WEDNESDAY, 3), count)


def _before_the_25th(_: str, year: int, month: int) -> str:
    """Three sessions before the 25th of the month before; one more when the 25th has none."""
    day = "{:04d}{:02d}25".format(*plus_months(year, month, -1))
    return _before(day, 3 if open_days("CME", day, day) else 4)


def _treasury(product: str, year: int, month: int) -> str:
    """ZT and ZF: the last session of the month; the others seven before it."""
    return _days(year, month)[-1 if product in ("ZT", "ZF") else -8]


_RULES: tuple[tuple[str, _Rule], ...] = (
    ("third Friday of the contract month", _weekday(_FRIDAY, 3)),
    ("second business day before the third Wednesday", _before_third_wednesday(2)),
    ("3 business days before the 25th of the month before", _before_the_25th),
    ("3 business days before the first day of the contract", _nth(-3, -1)),
    ("last business day of the month before the contract", _nth(-1, -1)),
    ("last business day of the second month before", _nth(-1, -2)),
    ("third-last business day of the contract month", _nth(-3)),
    ("ZN/TN/ZB/UB: 7 business days before month end; ZT/ZF", _treasury),
    ("business day before the 15th of the contract month", lambda _, y, m: _before(f"{y:04d}{m:02d}15", 1)),
    ("10th business day of the contract month", _nth(9)),
    ("last business day of the contract month", _nth(-1)),
    ("last Thursday of the contract month", _weekday(_THURSDAY, 0)),
    ("last Friday of the contract month", _weekday(_FRIDAY, 0)),
    # SR3 is named by the month in which its quarter begins; it is delivered three months later.
    ("business day before the third Wednesday of the delivery", _before_third_wednesday(1, 3)),
)
