"""Contract codes, listed months and expiry of futures, by the rules in words of products.csv (reference-data 2).

Expiry days are counted in trading days where the calendar reaches and in weekdays beyond it (provisional, as in CTP).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from ctp2.refdata.calendar import open_day_from, open_days, plus_days, to_date
from ctp2.refdata.models import FUTURE, Product
from ctp2.refdata.products import products, require_product
from ctp2.refdata.table import DataError

_CODE = re.compile(r"([A-Za-z]+)([0-9]{3,4})(F?)")
_QUARTERS = (3, 6, 9, 12)
_FRIDAY = 4
_NEAREST_THREE = "nearest three of "

#: (year, month) of a delivery month.
Month = tuple[int, int]
_MonthRule = Callable[[list[Month]], list[Month]]


class Contract(NamedTuple):
    """A futures contract: the product and its delivery month."""

    product: Product
    year: int
    month: int


# ---------------------------------------------------------------------------------------------------------- codes


def parse_code(code: str, trading_day: str, exchange: str = "") -> Contract | None:
    """The contract that a futures code means on a trading day; None when it is no futures code of a known product.

    Product letters are case-sensitive. CZCE writes one digit for the year: the year from one before to eight after the
    trading day's. All others write two. ``l2701F`` is a month-average contract, product ``l_f``.
    """
    match = _CODE.fullmatch(code)
    if match is None:
        return None
    letters, digits, average = match.groups()
    month = int(digits[-2:])
    if not 1 <= month <= 12:
        return None
    for product in products().find(letters + ("_f" if average else "")):
        is_short = product.exchange == "CZCE"
        if product.product_class == FUTURE and exchange in ("", product.exchange) and is_short == (len(digits) == 3):
            year = _nearest_year(int(digits[0]), int(trading_day[:4])) if is_short else 2000 + int(digits[:2])
            return Contract(product, year, month)
    return None


def _nearest_year(digit: int, current: int) -> int:
    first = current - 1
    return first + (digit - first) % 10


def contract_code(product: Product | str, year: int, month: int) -> str:
    """The code of a contract, the inverse of ``parse_code``."""
    product = require_product(product)
    if product.exchange == "CZCE":
        return f"{product.product}{year % 10}{month:02d}"
    if product.product.endswith("_f"):
        return f"{product.product[:-2]}{year % 100:02d}{month:02d}F"
    return f"{product.product}{year % 100:02d}{month:02d}"


# --------------------------------------------------------------------------------------------------------- expiry


def expire_date(product: Product | str, year: int, month: int) -> str:
    """The last trading day of a contract; ``DataError`` when the product's rule is not one that this module knows."""
    product = require_product(product)
    for words, rule in _EXPIRY_RULES:
        if product.last_trading_day.startswith(words):
            return rule(year, month)
    raise DataError(f"{product.exchange} {product.product}: unknown rule {product.last_trading_day!r}")


def _nth_day(number: int) -> Callable[[int, int], str]:
    """The n-th trading day of the delivery month, from its end when negative."""

    def rule(year: int, month: int) -> str:
        return month_days(year, month)[number]

    return rule


def _fifteenth(year: int, month: int) -> str:
    return open_day_from("CN", f"{year:04d}{month:02d}15")


def _nth_friday(number: int) -> Callable[[int, int], str]:
    def rule(year: int, month: int) -> str:
        first = to_date(f"{year:04d}{month:02d}01")
        day = 1 + (_FRIDAY - first.weekday()) % 7 + 7 * (number - 1)
        return open_day_from("CN", f"{year:04d}{month:02d}{day:02d}")

    return rule


def _end_of_month_before(year: int, month: int) -> str:
    return month_days(*_plus_months(year, month, -1))[-1]


def _last_monday(year: int, month: int) -> str:
    return [day for day in month_days(year, month) if to_date(day).weekday() == 0][-1]


_EXPIRY_RULES: tuple[tuple[str, Callable[[int, int], str]], ...] = (
    ("10th trading day of the delivery month", _nth_day(9)),
    ("5th trading day of the delivery month", _nth_day(4)),
    ("4th-last trading day of the delivery month", _nth_day(-4)),
    ("15th of the delivery month", _fifteenth),
    ("third Friday of the contract month", _nth_friday(3)),
    ("second Friday of the contract month", _nth_friday(2)),
    ("last trading day of the month before the delivery month", _end_of_month_before),
    ("last trading day of the contract month", _nth_day(-1)),
    ("last Monday with a trading session in the delivery month", _last_monday),
)


@cache
def month_days(year: int, month: int) -> tuple[str, ...]:
    """The trading days of a month, weekdays where the calendar does not reach."""
    first = f"{year:04d}{month:02d}01"
    after = "{:04d}{:02d}01".format(*_plus_months(year, month, 1))
    return tuple(open_days("CN", first, plus_days(after, -1)))


def _plus_months(year: int, month: int, count: int) -> tuple[int, int]:
    years, zero_based = divmod(year * 12 + month - 1 + count, 12)
    return years, zero_based + 1


def open_day_after(day: str, count: int = 1) -> str:
    """The ``count``-th trading day after ``day``, by the same provisional rule as ``month_days``."""
    for _ in range(count):
        day = open_day_from("CN", plus_days(day, 1))
    return day


# -------------------------------------------------------------------------------------------------- listed months


def listed_months(product: Product | str, trading_day: str) -> list[Month]:
    """The delivery months (year, month) that trade on a day, nearest first.

    ``DataError`` when the product's rule is not one that this module knows.
    """
    product = require_product(product)
    return _months_from(product, *_front_month(product, trading_day))


def current_contract(product: Product | str, trading_day: str) -> str:
    """The code of the nearest listed month that has not expired: ``IF`` on 20261123 is ``IF2612``."""
    product = require_product(product)
    return contract_code(product, *listed_months(product, trading_day)[0])


def open_date(product: Product | str, year: int, month: int) -> str:
    """The first trading day of a contract: the day after the expiry of the month that it replaces."""
    product = require_product(product)
    front = (year, month)
    while (year, month) in _months_from(product, *(before := _month_before(product, *front))):
        front = before
    return open_day_after(expire_date(product, *before))


def _front_month(product: Product, trading_day: str) -> tuple[int, int]:
    """The nearest delivery month of the product whose expiry is not before the day."""
    year, month = int(trading_day[:4]), int(trading_day[4:6])
    while month not in _months_of(product) or expire_date(product, year, month) < trading_day:
        year, month = _plus_months(year, month, 1)
    return year, month


def _month_before(product: Product, year: int, month: int) -> tuple[int, int]:
    year, month = _plus_months(year, month, -1)
    while month not in _months_of(product):
        year, month = _plus_months(year, month, -1)
    return year, month


def _months_of(product: Product) -> frozenset[int]:
    """The calendar months that can be the nearest one of the product."""
    try:
        return _month_set(product.contract_months)
    except ValueError:
        raise DataError(
            f"{product.exchange} {product.product}: unknown contract months {product.contract_months!r}"
        ) from None


@cache
def _month_set(text: str) -> frozenset[int]:
    if text in _MIXED_RULES or text == "1-12":
        return frozenset(range(1, 13))
    return frozenset(int(number) for number in text.removeprefix(_NEAREST_THREE).split(","))


def _months_from(product: Product, year: int, month: int) -> list[Month]:
    """The listed months when (year, month) is the nearest."""
    rule = _MIXED_RULES.get(product.contract_months)
    following = [_plus_months(year, month, count) for count in range(40)]
    if rule is not None:
        return rule(following)
    months = _months_of(product)
    count = 3 if product.contract_months.startswith(_NEAREST_THREE) else len(months)
    return [item for item in following if item[1] in months][:count]


def _then(consecutive: int, months: tuple[int, ...], count: int) -> _MonthRule:
    """So many consecutive months, then so many of the given calendar months."""

    def rule(following: list[Month]) -> list[Month]:
        later = [item for item in following[consecutive:] if item[1] in months]
        return following[:consecutive] + later[:count]

    return rule


def _within(consecutive: int, months: tuple[int, ...], total: int) -> _MonthRule:
    """So many consecutive months, then the given calendar months up to so many months from the nearest."""

    def rule(following: list[Month]) -> list[Month]:
        later = [item for item in following[consecutive:total] if item[1] in months]
        return following[:consecutive] + later

    return rule


_MIXED_RULES = {
    "current month, next month, next two quarterly months": _then(2, _QUARTERS, 2),
    "nearest 3 consecutive months + even months within 13 months": _within(3, (2, 4, 6, 8, 10, 12), 13),
    "nearest 6 consecutive months + quarterly months within 24 months": _within(6, _QUARTERS, 24),
    "nearest 12 consecutive months + following 8 quarterly months": _then(12, _QUARTERS, 8),
}
