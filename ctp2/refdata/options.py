"""Options: codes both ways, expiry, strikes and whole chains; on futures, on indices (CFFEX) and on funds (SSE, SZSE).

Products and their rules in words come from products.csv, strike steps, exercise styles and what deviates from
option_rules.csv. Chains are what an exchange would list around a reference price; the real ones of 2020-06-16 are their
shape (docs/decisions/0022).
"""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, Decimal
from functools import cache
from typing import Any, NamedTuple

from ctp2.refdata.changes import changed_fields
from ctp2.refdata.contracts import (
    Month,
    contract_code,
    expire_by_rule,
    listed_months,
    nearest_year,
    open_date,
    open_day_after,
    parse_code,
    plus_months,
)
from ctp2.refdata.models import OPTION, Instrument, OptionMargin, Product, price_scale_of
from ctp2.refdata.products import find_product, margin_of
from ctp2.refdata.table import DATA_DIR, DataError, Row, rows

CALL = "call"
PUT = "put"

_CODE = re.compile(r"([A-Za-z]+)([0-9]{3,4})(-?)([CP])\3([0-9]+(?:\.[0-9]+)?)")
_TYPES = {"C": CALL, "P": PUT}
_LETTERS = {CALL: "C", PUT: "P"}
_DASHED = ("DCE", "GFEX", "CFFEX")
#: Fund options: the first four digits of their codes, and how many strikes each (product, month, type) has room for.
_FUND_PREFIXES = {"SSE": "1000", "SZSE": "9000"}
_FUND_SLOTS = 83
_FUND_MONTHS_AHEAD = 9
_FUND_RATIO = Decimal("0.10")
_INDEX_RATIO = Decimal("0.10")
_HALF_PERCENT = Decimal("0.005")


class Ladder(NamedTuple):
    """Steps between strikes by price: (price up to and including, step), the last without a bound."""

    bands: tuple[tuple[Decimal | None, Decimal], ...]

    def strikes(self, low: Decimal, high: Decimal) -> list[Decimal]:
        """All strikes from ``low`` to ``high``, inclusive."""
        result: list[Decimal] = []
        start = Decimal(0)
        for bound, step in self.bands:
            top = high if bound is None else min(high, bound)
            first = max(start, ((low - step) / step).to_integral_value(ROUND_FLOOR) * step)
            count = int((top - first) / step) if top > first else 0
            result.extend(strike for n in range(1, count + 1) if (strike := first + n * step) >= low)
            start = start if bound is None else bound
        return result


class OptionRules(NamedTuple):
    """One line of option_rules.csv with the product that it is about."""

    product: Product
    underlying: str  # a futures product, or the code of an index or a fund
    style: str
    is_spot: bool
    months: int  # of so many underlying months at most; 0: all
    near: Ladder
    far_after: int  # from this month on ``far`` holds; 0: never
    far: Ladder
    span: Decimal  # half the width of a chain as a fraction of the reference price
    strikes: int  # fund options: so many strikes, around the money
    first_strike: Decimal
    reference_price: Decimal | None  # order of magnitude, where products.csv has none for the underlying
    last_trading_day: str
    old_last_trading_day: str
    old_until_month: str  # YYYYMM of the last underlying month under the old rule
    margin: OptionMargin | None

    @property
    def is_fund(self) -> bool:
        """An option on a fund of SSE or SZSE, whose code is a number."""
        return self.product.exchange in _FUND_PREFIXES


class OptionTerms(NamedTuple):
    """What an option code means; the month is that of the underlying future or of the expiry."""

    rules: OptionRules
    year: int
    month: int
    option_type: str  # 'call' or 'put'
    strike: Decimal


# ---------------------------------------------------------------------------------------------------------- rules


@cache
def _lines() -> dict[tuple[str, str], Row]:
    """The lines of option_rules.csv by exchange and underlying, unread until one is asked for."""
    columns = "exchange product underlying style is_spot months strike_steps far_after far_strike_steps span strikes"
    columns += " first_strike reference_price last_trading_day old_last_trading_day old_until_month"
    table = rows(DATA_DIR / "option_rules.csv", [*columns.split(), "margin_adjust", "margin_floor"])
    return {(row.text("exchange"), row.text("underlying")): row for row in table}


@cache
def all_rules() -> tuple[OptionRules, ...]:
    """Every class of options, in file order."""
    return tuple(_rules(*key) for key in _lines())


@cache
def _rules(exchange: str, underlying: str) -> OptionRules:
    row = _lines()[exchange, underlying]
    product = find_product(exchange, row.text("product").split(";")[0])
    if product is None or product.product_class != OPTION:
        raise row.error("product", f"{row.text('product')!r} is no option product of {exchange} in products.csv")
    adjust, floor = row.decimal("margin_adjust"), row.decimal("margin_floor")
    near = _ladder(row, "strike_steps")
    return OptionRules(
        product=product,
        underlying=underlying,
        style=row.text("style"),
        is_spot=row.text("is_spot") == "1",
        months=row.integer("months"),
        near=near,
        far_after=row.integer("far_after"),
        far=_ladder(row, "far_strike_steps") if row.text("far_strike_steps") else near,
        span=row.rate("span"),
        strikes=row.integer("strikes"),
        first_strike=row.rate("first_strike"),
        reference_price=row.decimal("reference_price"),
        last_trading_day=row.text("last_trading_day") or product.last_trading_day,
        old_last_trading_day=row.text("old_last_trading_day"),
        old_until_month=row.text("old_until_month"),
        margin=OptionMargin(adjust=adjust, floor=floor) if adjust is not None and floor is not None else None,
    )


def _ladder(row: Row, column: str) -> Ladder:
    """``40000:500;80000:1000;:2000`` as bands; only the last may, and must, be without a bound."""
    bands: list[tuple[Decimal | None, Decimal]] = []
    try:
        for part in row.text(column).split(";"):
            bound, step = part.split(":")
            bands.append((Decimal(bound) if bound else None, Decimal(step)))
        if [bound is None for bound, _ in bands] != [False] * (len(bands) - 1) + [True]:
            raise ValueError
    except (ValueError, ArithmeticError):
        raise row.error(column, f"{row.text(column)!r} is no list of bound:step") from None
    return Ladder(tuple(bands))


def rules_of(underlying: str, exchange: str = "") -> OptionRules | None:
    """The options on a futures product, index or fund; None when there are none."""
    for listed_on, code in _lines():
        if code == underlying and exchange in ("", listed_on):
            return _rules(listed_on, code)
    return None


def rules_of_product(exchange: str, product: str) -> OptionRules | None:
    """The rules of an option product, ``cu_o``, ``SRC``, ``IO`` or ``510050``."""
    found = find_product(exchange, product)
    for (listed_on, underlying), row in _lines().items():
        if found is not None and listed_on == exchange and row.text("product") == found.product:
            return _rules(listed_on, underlying)
    return None


def option_expire_date(rules: OptionRules, year: int, month: int) -> str:
    """The last trading day of the options on a month, by the rule that held for it."""
    old = rules.old_until_month and f"{year:04d}{month:02d}" <= rules.old_until_month
    return expire_by_rule(rules.old_last_trading_day if old else rules.last_trading_day, year, month)


# ---------------------------------------------------------------------------------------------------------- codes


def parse_option(code: str, trading_day: str, exchange: str = "") -> OptionTerms | None:
    """What an option code means on a trading day; None when it is none of a known product."""
    match = _CODE.fullmatch(code)
    if match is None:
        return _parse_fund_code(code, trading_day, exchange)
    letters, digits, dash, letter, number = match.groups()
    month, strike = int(digits[-2:]), Decimal(number)
    rules = _rules_of_letters(letters, exchange)
    if rules is None or not 1 <= month <= 12 or strike <= 0 or _plain(strike) != number:
        return None
    listed_on = rules.product.exchange
    if bool(dash) != (listed_on in _DASHED) or (len(digits) == 3) != (listed_on == "CZCE"):
        return None
    year = nearest_year(int(digits[0]), int(trading_day[:4])) if len(digits) == 3 else 2000 + int(digits[:2])
    return OptionTerms(rules, year, month, _TYPES[letter], strike)


@cache
def _rules_of_letters(letters: str, exchange: str) -> OptionRules | None:
    """The options whose codes begin with these letters: the underlying product's, or of an index option its own."""
    for (listed_on, underlying), row in _lines().items():
        if exchange in ("", listed_on) and letters == (row.text("product") if listed_on == "CFFEX" else underlying):
            return _rules(listed_on, underlying)
    return None


def option_code(rules: OptionRules, year: int, month: int, option_type: str, strike: Decimal) -> str:
    """The code of an option, the inverse of ``parse_option``; ``DataError`` where a fund option has none."""
    if rules.is_fund:
        return _fund_code(rules, month, option_type, strike)
    return _code_stem(rules, year, month, option_type) + _plain(strike)


def _code_stem(rules: OptionRules, year: int, month: int, option_type: str) -> str:
    letter = _LETTERS[option_type]
    if rules.product.exchange in _DASHED:
        return f"{_underlying_code(rules, year, month, of_code=True)}-{letter}-"
    return f"{_underlying_code(rules, year, month)}{letter}"


def _underlying_code(rules: OptionRules, year: int, month: int, of_code: bool = False) -> str:
    """The code of what the option is on; ``of_code``: as the option's own code has it (``IO2612``)."""
    if not rules.is_spot:
        return contract_code(_underlying_product(rules), year, month)
    return f"{rules.product.product}{year % 100:02d}{month:02d}" if of_code else rules.underlying


def _underlying_product(rules: OptionRules) -> Product:
    found = find_product(rules.product.exchange, rules.underlying)
    assert found is not None, f"option_rules.csv: {rules.underlying} is no product of {rules.product.exchange}"
    return found


@cache
def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")


# Exchanges number fund options as they list them. Here a number is (product, month of expiry, type, place of the strike
# in the product's ladder), so that a contract keeps its code from day to day without a list.


def _fund_code(rules: OptionRules, month: int, option_type: str, strike: Decimal) -> str:
    ladder = _fund_ladder(rules)
    if strike not in ladder:
        raise DataError(f"{rules.underlying}: no option with strike {strike}; {ladder[0]}..{ladder[-1]} in steps")
    place = _fund_products(rules.product.exchange).index(rules.underlying)
    series = (place * 12 + month - 1) * 2 + (option_type == PUT)
    return f"{_FUND_PREFIXES[rules.product.exchange]}{series * _FUND_SLOTS + ladder.index(strike):04d}"


def _parse_fund_code(code: str, trading_day: str, exchange: str) -> OptionTerms | None:
    if len(code) != 8 or not (code.isascii() and code.isdigit()):
        return None
    for listed_on, prefix in _FUND_PREFIXES.items():
        if not code.startswith(prefix) or exchange not in ("", listed_on):
            continue
        series, place = divmod(int(code[4:]), _FUND_SLOTS)
        series, is_put = divmod(series, 2)
        product, month = divmod(series, 12)
        if product < len(_fund_products(listed_on)):
            rules = _rules(listed_on, _fund_products(listed_on)[product])
            year = _fund_year(month + 1, trading_day)
            return OptionTerms(rules, year, month + 1, PUT if is_put else CALL, _fund_ladder(rules)[place])
    return None


def _fund_year(month: int, trading_day: str) -> int:
    """The year whose month is at most nine months ahead and two back: no fund option is listed for longer."""
    year, now = int(trading_day[:4]), int(trading_day[4:6])
    ahead = (month - now + 2) % 12 - 2
    return plus_months(year, now, ahead)[0]


@cache
def _fund_products(exchange: str) -> tuple[str, ...]:
    return tuple(underlying for listed_on, underlying in _lines() if listed_on == exchange)


@cache
def _fund_ladder(rules: OptionRules) -> tuple[Decimal, ...]:
    return tuple(rules.near.strikes(rules.first_strike, Decimal(500))[:_FUND_SLOTS])


# --------------------------------------------------------------------------------------------------------- chains


def option_months(rules: OptionRules, trading_day: str) -> list[Month]:
    """The months with options on a day, nearest first."""
    listed_by = rules.product if rules.is_spot else _underlying_product(rules)
    months = listed_months(listed_by, trading_day)
    months = [month for month in months if option_expire_date(rules, *month) >= trading_day]
    return months[: rules.months] if rules.months else months


def strikes_around(rules: OptionRules, price: Decimal, is_far: bool = False) -> list[Decimal]:
    """The strikes that a chain has around a price of the underlying, ascending."""
    if rules.strikes:
        ladder = _fund_ladder(rules)
        middle = min(range(len(ladder)), key=lambda place: abs(ladder[place] - price))
        first = min(max(middle - rules.strikes // 2, 0), len(ladder) - rules.strikes)
        return list(ladder[first : first + rules.strikes])
    return (rules.far if is_far else rules.near).strikes(price * (1 - rules.span), price * (1 + rules.span))


def chain(underlying: str, trading_day: str, reference_price: Decimal | None = None) -> list[Instrument]:
    """All options on a future (``cu2612``), an index (``000300``, ``IO``, one month ``IO2612``) or a fund (``510050``).

    Months in order, calls before puts, strikes ascending; around ``reference_price``, else around the approximate one
    of the files. Empty when there are no options on it that day.
    """
    contract = parse_code(underlying, trading_day)
    month = (contract.year, contract.month) if contract is not None else None
    rules = rules_of(contract.product.product, contract.product.exchange) if contract is not None else None
    if contract is None:
        rules, month = _spot_chain(underlying)
    if rules is None:
        return []
    result: list[Instrument] = []
    for place, listed in enumerate(option_months(rules, trading_day)):
        if month in (None, listed):
            result.extend(_month_chain(rules, place, listed, trading_day, reference_price))
    return result


def _spot_chain(underlying: str) -> tuple[OptionRules | None, Month | None]:
    """Rules and month of ``000300``, ``510050``, ``IO`` or ``IO2612``."""
    letters = underlying.rstrip("0123456789")
    digits = underlying[len(letters) :]
    if not letters:
        return rules_of(underlying), None
    rules = _rules_of_letters(letters, "CFFEX")
    if len(digits) not in (0, 4):
        return None, None
    return rules, (2000 + int(digits[:2]), int(digits[2:])) if digits else None


def full_chain(rules: OptionRules, trading_day: str) -> list[Instrument]:
    """Every listed option of a product."""
    result: list[Instrument] = []
    for place, month in enumerate(option_months(rules, trading_day)):
        result.extend(_month_chain(rules, place, month, trading_day, None))
    return result


def _month_chain(
    rules: OptionRules, place: int, month: Month, trading_day: str, price: Decimal | None
) -> list[Instrument]:
    if price is None:
        price = rules.reference_price
    if price is None:
        price = _underlying_product(rules).reference_price
    if price is None:
        raise DataError(f"{rules.underlying}: no reference price in products.csv; give one")
    is_far = bool(rules.far_after) and place >= rules.far_after
    strikes = _strikes(rules, price, is_far)
    result: list[Instrument] = []
    for option_type in (CALL, PUT):
        shared = _shared_fields(rules, *month, option_type, trading_day)
        if rules.is_fund:
            terms = [OptionTerms(rules, *month, option_type, strike) for strike in strikes]
            result.extend(make_option(item, trading_day) for item in terms)
            continue
        stem = _code_stem(rules, *month, option_type)
        for strike in strikes:
            code = stem + _plain(strike)
            result.append(Instrument(code=code, exchange_code=code, name=code, strike=strike, **shared))
    return result


@cache
def _strikes(rules: OptionRules, price: Decimal, is_far: bool) -> tuple[Decimal, ...]:
    return tuple(strikes_around(rules, price, is_far))


def make_option(terms: OptionTerms, trading_day: str) -> Instrument:
    """The option as seen on a trading day."""
    rules, year, month, option_type, strike = terms
    code = option_code(rules, year, month, option_type, strike)
    name = exchange_code = code
    if rules.is_fund:
        letter = _LETTERS[option_type]
        exchange_code = f"{rules.underlying}{letter}{year % 100:02d}{month:02d}M{int(strike * 1000):05d}"
        kind = "购" if option_type == CALL else "沽"
        name = f"{rules.product.name_cn.split('期权')[0]}{kind}{month}月{int(strike * 1000)}"
    shared = _shared_fields(rules, year, month, option_type, trading_day)
    return Instrument(code=code, exchange_code=exchange_code, name=name, strike=strike, **shared)


@cache
def _shared_fields(rules: OptionRules, year: int, month: int, option_type: str, trading_day: str) -> dict[str, Any]:
    """What all options of one month and type have in common."""
    product = rules.product
    expire = option_expire_date(rules, year, month)
    opened = max(_open_date(rules, year, month), product.listed_since)
    calls_and_puts = product.product.split(";")
    fields: dict[str, Any] = {
        "exchange": product.exchange,
        "product": calls_and_puts[-1 if option_type == PUT else 0],
        "product_class": OPTION,
        "multiplier": product.multiplier,
        "price_tick": product.price_tick,
        "delivery_year": year,
        "delivery_month": month,
        "min_limit_volume": product.min_limit_volume,
        "max_limit_volume": product.max_limit_volume,
        "min_market_volume": product.min_market_volume or 1,
        "max_market_volume": product.max_market_volume,
        "create_date": opened,
        "open_date": opened,
        "expire_date": expire,
        "start_deliv_date": expire,
        "end_deliv_date": expire,
        "is_trading": trading_day <= expire and product.is_listed_on(trading_day),
        "uses_history": product.exchange in ("SHFE", "INE"),
        "underlying": _underlying_code(rules, year, month),
        "underlying_multiple": Decimal(1),
        "option_type": option_type,
        "exercise_style": rules.style,
        "is_spot_option": rules.is_spot,
        "session_id": product.session_id,
        "limit_ratio": _limit_ratio(rules),
    }
    fields.update(changed_fields(product.exchange, product.product, year, month, trading_day))
    fields["price_scale"], fields["tick_units"] = price_scale_of(fields["price_tick"])
    return fields


def _open_date(rules: OptionRules, year: int, month: int) -> str:
    """Listing: the day after the expiry that made room (spot), the day after the underlying's first (futures)."""
    if rules.is_spot:
        return open_date(rules.product, year, month)
    return open_day_after(open_date(_underlying_product(rules), year, month))


def _limit_ratio(rules: OptionRules) -> Decimal | None:
    """The daily limit as a fraction of the *underlying's* price."""
    if rules.is_fund:
        return _FUND_RATIO
    return _INDEX_RATIO if rules.is_spot else _underlying_product(rules).limit_ratio


# ------------------------------------------------------------------------------------------------ limits and margin


def option_limits(
    option: Instrument, pre_settlement: Decimal, underlying_price: Decimal
) -> tuple[Decimal | None, Decimal | None]:
    """``(upper, lower)`` of a day; ``underlying_price`` is its previous settlement (index, fund: close).

    Futures options move by the same amount as their underlying; index options by a tenth of the index; fund options by
    the exchanges' formula, which gives less to what is far out of the money. Never below one tick.
    """
    if option.limit_ratio is None or option.strike is None:
        return None, None
    up = down = underlying_price * option.limit_ratio
    rules = rules_of_product(option.exchange, option.product)
    if rules is not None and not rules.is_spot:
        grid = _underlying_product(rules).price_tick
        up = down = (up / grid).to_integral_value(ROUND_FLOOR) * grid
    elif rules is not None and rules.is_fund:
        spot, strike = underlying_price, option.strike
        inside = 2 * spot - strike if option.option_type == CALL else 2 * strike - spot
        base = spot if option.option_type == CALL else strike
        up = max(base * _HALF_PERCENT, min(inside, spot) * option.limit_ratio)
    tick = option.price_tick
    upper = ((pre_settlement + up) / tick).to_integral_value(ROUND_FLOOR) * tick
    lower = -((down - pre_settlement) / tick).to_integral_value(ROUND_FLOOR) * tick
    return max(upper, tick), max(lower, tick)


def option_margin(option: Instrument) -> OptionMargin | None:
    """The rates of the seller's margin of an option on an index or fund; None for options on futures."""
    rules = rules_of_product(option.exchange, option.product)
    return rules.margin if rules is not None else None


def underlying_reference(option: Instrument) -> tuple[Decimal | None, Decimal]:
    """``(price, margin ratio)`` of what an option is on, as far as the files know; for a counter that does not list it.

    The price is approximate; the ratio is 0 for an index or a fund, and where the product is not known.
    """
    rules = rules_of_product(option.exchange, option.product)
    if rules is None:
        return None, Decimal(0)
    if rules.is_spot:
        return rules.reference_price, Decimal(0)
    product = _underlying_product(rules)
    return product.reference_price, margin_of(product)
