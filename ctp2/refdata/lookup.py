"""What a market lists, without listing it: whether it has a code, and its products.

A counter that lists tens of thousands of instruments answers for one of them without making the others, and tells
the status of every product at once. ``listing.MARKETS`` is the whole; the two agree (tests).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from ctp2.refdata.contracts import listed_months, parse_code
from ctp2.refdata.instruments import load_special, make_future
from ctp2.refdata.models import FUTURE, Instrument
from ctp2.refdata.products import products


class ProductKey(NamedTuple):
    """A product of a market, and the session that it follows ordinarily."""

    exchange: str
    product: str
    session_id: str


def find_listed(market: str, code: str, trading_day: str) -> list[Instrument]:
    """The instruments with this code that a market lists on a day; one code can be on two exchanges."""
    return _FINDERS[market](code, trading_day)


def products_of(market: str, trading_day: str) -> Iterator[ProductKey]:
    """The products of what a market lists on a day."""
    return _PRODUCTS[market](trading_day)


# ----------------------------------------------------------------------------------------- futures and options


def _future(code: str, trading_day: str) -> list[Instrument]:
    contract = parse_code(code, trading_day)
    if contract is None:
        return []
    product, month = contract.product, (contract.year, contract.month)
    is_listed = product.listed_since <= trading_day and product.is_listed_on(trading_day)
    if product.product_class != FUTURE or not is_listed or month not in listed_months(product, trading_day):
        return []
    return [make_future(product, *month, trading_day)]


def _future_products(trading_day: str) -> Iterator[ProductKey]:
    for product in products().all():
        is_listed = product.listed_since <= trading_day and product.is_listed_on(trading_day)
        if product.product_class == FUTURE and is_listed:
            yield ProductKey(product.exchange, product.product, product.session_id)


def _option(is_fund: bool) -> Callable[[str, str], list[Instrument]]:
    def find(code: str, trading_day: str) -> list[Instrument]:
        from ctp2.refdata.options import make_option, parse_option

        terms = parse_option(code, trading_day)
        if terms is None or terms.rules.is_fund is not is_fund:
            return []
        place = (terms.rules.product.exchange, terms.rules.underlying)
        if code not in _chain_codes(*place, trading_day):
            return []
        return [make_option(terms, trading_day)]

    return find


@lru_cache(maxsize=256)
def _chain_codes(exchange: str, underlying: str, trading_day: str) -> frozenset[str]:
    """The codes of a product's options."""
    from ctp2.refdata.options import full_chain, rules_of

    rules = rules_of(underlying, exchange)
    if rules is None or not rules.product.is_listed_on(trading_day):
        return frozenset()
    return frozenset(option.code for option in full_chain(rules, trading_day))


def _option_products(is_fund: bool) -> Callable[[str], Iterator[ProductKey]]:
    def list_products(trading_day: str) -> Iterator[ProductKey]:
        from ctp2.refdata.options import all_rules

        for rules in all_rules():
            if rules.is_fund is is_fund and rules.product.is_listed_on(trading_day):
                for product in rules.product.product.split(";"):
                    yield ProductKey(rules.product.exchange, product, rules.product.session_id)

    return list_products


# --------------------------------------------------------------------------------------------------- securities


def _security(lists: int) -> Callable[[str, str], list[Instrument]]:
    def find(code: str, trading_day: str) -> list[Instrument]:
        from ctp2.refdata.securities import find_listed_security

        if len(code) != 6 or not (code.isascii() and code.isdigit()):
            return []
        return find_listed_security(code, trading_day, lists)

    return find


def _security_products(lists: int) -> Callable[[str], Iterator[ProductKey]]:
    def list_products(_: str) -> Iterator[ProductKey]:
        from ctp2.refdata.securities import listed_boards

        for exchange, board, session_id in listed_boards(lists):
            yield ProductKey(exchange, board, session_id)

    return list_products


def _hong_kong(code: str, trading_day: str) -> list[Instrument]:
    from ctp2.refdata.overseas import hk_security

    made = hk_security(code, trading_day) if len(code) == 5 and code.isdigit() else None
    return [] if made is None else [made]


def _united_states(code: str, trading_day: str) -> list[Instrument]:
    from ctp2.refdata.overseas import is_us_code, us_security

    made = us_security(code, "", trading_day) if is_us_code(code) else None
    return [] if made is None else [made]


def _hong_kong_products(_: str) -> Iterator[ProductKey]:
    yield from (ProductKey("HKEX", product, "HK") for product in ("HK", "HKFUND"))


def _us_products(_: str) -> Iterator[ProductKey]:
    from ctp2.refdata.overseas import us_products

    yield from (ProductKey(exchange, product, "US") for exchange, product in us_products())


def _cme(code: str, trading_day: str) -> list[Instrument]:
    from ctp2.refdata import cme

    contract = cme.parse_code(code, trading_day)
    if contract is None or (contract.year, contract.month) not in cme.listed_months(contract.product, trading_day):
        return []
    return [cme.make_future(contract, trading_day)]


def _cme_products(_: str) -> Iterator[ProductKey]:
    from ctp2.refdata import cme

    yield from (ProductKey("CME", product.product, product.session_id) for product in cme.cme_products())


def _special(code: str, _: str) -> list[Instrument]:
    return [made for made in load_special() if made.code == code]


def _special_products(_: str) -> Iterator[ProductKey]:
    yield from (ProductKey(made.exchange, made.product, made.session_id) for made in load_special())


_CORE: Final = 1
_SHARES: Final = 2
_ALL: Final = 3
"""How many lists of mainland securities a market has (``securities``)."""

_FINDERS: Final[dict[str, Callable[[str, str], list[Instrument]]]] = {
    "futures": _future,
    "options": _option(False),
    "etf_options": _option(True),
    "securities": _security(_CORE),
    "shares": _security(_SHARES),
    "all_securities": _security(_ALL),
    "hk": _hong_kong,
    "us": _united_states,
    "cme": _cme,
    "special": _special,
}
_PRODUCTS: Final[dict[str, Callable[[str], Iterator[ProductKey]]]] = {
    "futures": _future_products,
    "options": _option_products(False),
    "etf_options": _option_products(True),
    "securities": _security_products(_CORE),
    "shares": _security_products(_SHARES),
    "all_securities": _security_products(_ALL),
    "hk": _hong_kong_products,
    "us": _us_products,
    "cme": _cme_products,
    "special": _special_products,
}
