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
_WEDNESDAY = 2
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
            year = nearest_year(int(digits[0]), int(trading_day[:4])) if is_short else 2000 + int(digits[:2])
            return Contract(product, year, month)
    return None


def nearest_year(digit: int, current: int) -> int:
    """The year that ends in a digit, from one before the current one to eight after it."""
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
    """The last trading day of a contract; ``DataError`` when the product's rule is not one that this module knows.

    For options the month is that of the underlying future, or of the expiry where the underlying is an index or fund.
    """
    product = require_product(product)
    try:
        return expire_by_rule(product.last_trading_day, year, month)
    except ValueError:
        raise DataError(f"{product.exchange} {product.product}: unknown rule {product.last_trading_day!r}") from None


@cache
def expire_by_rule(words: str, year: int, month: int) -> str:
    """The last trading day by a rule in words; ``ValueError`` for an unknown one."""
    for start, rule in _EXPIRY_RULES:
        if words.startswith(start):
            return rule(year, month)
    raise ValueError(words)


def _nth_day(number: int) -> Callable[[int, int], str]:
    """The n-th trading day of the delivery month, from its end when negative."""

    def rule(year: int, month: int) -> str:
        return month_days(year, month)[number]

    return rule


def _fifteenth(year: int, month: int) -> str:
    return open_day_from("CN", f"{year:04d}{month:02d}15")


def _nth_weekday(weekday: int, number: int) -> Callable[[int, int], str]:
    def rule(year: int, month: int) -> str:
        return open_day_from("CN", nth_weekday(year, month, weekday, number))

    return rule


def nth_weekday(year: int, month: int, weekday: int, number: int) -> str:
    """The n-th Monday (0) … Sunday (6) of a month, whether it trades or not."""
    first = to_date(f"{year:04d}{month:02d}01")
    day = 1 + (weekday - first.weekday()) % 7 + 7 * (number - 1)
    return f"{year:04d}{month:02d}{day:02d}"


def _in_month_before(number: int) -> Callable[[int, int], str]:
    """The n-th trading day of the month before the delivery month, from its end when negative."""

    def rule(year: int, month: int) -> str:
        return month_days(*plus_months(year, month, -1))[number]

    return rule


def _third_last_to_15th(year: int, month: int) -> str:
    year, month = plus_months(year, month, -1)
    return [day for day in month_days(year, month) if day <= f"{year:04d}{month:02d}15"][-3]


def _last_monday(year: int, month: int) -> str:
    return [day for day in month_days(year, month) if to_date(day).weekday() == 0][-1]


_EXPIRY_RULES: tuple[tuple[str, Callable[[int, int], str]], ...] = (
    ("10th trading day of the delivery month", _nth_day(9)),
    ("5th trading day of the delivery month", _nth_day(4)),
    ("4th-last trading day of the delivery month", _nth_day(-4)),
    ("15th of the delivery month", _fifteenth),
    ("third Friday of the contract month", _nth_weekday(_FRIDAY, 3)),
    ("second Friday of the contract month", _nth_weekday(_FRIDAY, 2)),
    ("last trading day of the month before the delivery month", _in_month_before(-1)),
    ("last trading day of the contract month", _nth_day(-1)),
    ("last Monday with a trading session in the delivery month", _last_monday),
    # Options
    ("3rd trading day of the month before the underlying delivery month", _in_month_before(2)),
    ("5th trading day of the month before", _in_month_before(4)),
    ("12th trading day of the month before the underlying delivery month", _in_month_before(11)),
    ("5th-last trading day of the month before the underlying delivery month", _in_month_before(-5)),
    ("13th-last trading day of the month before the underlying delivery month", _in_month_before(-13)),
    ("3rd-last trading day on or before the 15th calendar day of the month before delivery", _third_last_to_15th),
    ("fourth Wednesday of the expiry month", _nth_weekday(_WEDNESDAY, 4)),
)


@cache
def month_days(year: int, month: int) -> tuple[str, ...]:
    """The trading days of a month, weekdays where the calendar does not reach."""
    first = f"{year:04d}{month:02d}01"
    after = "{:04d}{:02d}01".format(*plus_months(year, month, 1))
    return tuple(open_days("CN", first, plus_days(after, -1)))


def plus_months(year: int, month: int, count: int) -> tuple[int, int]:
    """The month so many months later."""
    years, zero_based = divmod(year * 12 + month - 1 + count, 12)
    return years, zero_based + 1


@cache
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
    _check_rules(product)
    return list(_listed(product.contract_months, product.last_trading_day, trading_day))


def current_contract(product: Product | str, trading_day: str) -> str:
    """The code of the nearest listed month that has not expired: ``IF`` on 20261123 is ``IF2612``."""
    product = require_product(product)
    return contract_code(product, *listed_months(product, trading_day)[0])


def open_date(product: Product | str, year: int, month: int) -> str:
    """The first trading day of a contract: the day after the expiry of the month that it replaces."""
    product = require_product(product)
    _check_rules(product)
    return _open_date(product.contract_months, product.last_trading_day, year, month)


def _check_rules(product: Product) -> None:
    expire_date(product, 2026, 1)
    try:
        _month_set(product.contract_months)
    except ValueError:
        raise DataError(
            f"{product.exchange} {product.product}: unknown contract months {product.contract_months!r}"
        ) from None


# The rules in words are the same for many products, so their answers are kept by their texts.


@cache
def _listed(months: str, expiry: str, trading_day: str) -> tuple[Month, ...]:
    front = int(trading_day[:4]), int(trading_day[4:6])
    while front[1] not in _month_set(months) or expire_by_rule(expiry, *front) < trading_day:
        front = plus_months(*front, 1)
    return _months_from(months, *front)


@cache
def _open_date(months: str, expiry: str, year: int, month: int) -> str:
    front = (year, month)
    while (year, month) in _months_from(months, *(before := _month_before(months, *front))):
        front = before
    return open_day_after(expire_by_rule(expiry, *before))


def _month_before(months: str, year: int, month: int) -> Month:
    year, month = plus_months(year, month, -1)
    while month not in _month_set(months):
        year, month = plus_months(year, month, -1)
    return year, month


@cache
def _month_set(text: str) -> frozenset[int]:
    """The calendar months that can be the nearest one."""
    if text in _MIXED_RULES or text == "1-12":
        return frozenset(range(1, 13))
    return frozenset(int(number) for number in text.removeprefix(_NEAREST_THREE).split(","))


@cache
def _months_from(text: str, year: int, month: int) -> tuple[Month, ...]:
    """The listed months when (year, month) is the nearest."""
    rule = _MIXED_RULES.get(text)
    following = [plus_months(year, month, count) for count in range(40)]
    if rule is not None:
        return tuple(rule(following))
    months = _month_set(text)
    count = 3 if text.startswith(_NEAREST_THREE) else len(months)
    return tuple([item for item in following if item[1] in months][:count])


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
    "current, next two, and next three quarterly months": _then(3, _QUARTERS, 3),
    "current, next, and next two quarterly months": _then(2, _QUARTERS, 2),
    "current month, next month, next two quarterly months": _then(2, _QUARTERS, 2),
    "nearest 3 consecutive months + even months within 13 months": _within(3, (2, 4, 6, 8, 10, 12), 13),
    "nearest 6 consecutive months + quarterly months within 24 months": _within(6, _QUARTERS, 24),
    "nearest 12 consecutive months + following 8 quarterly months": _then(12, _QUARTERS, 8),
}
