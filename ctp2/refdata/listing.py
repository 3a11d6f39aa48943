"""``universe_for``: everything that a counter would list on a trading day, by market.

Nothing is made before somebody looks: a code is resolved by itself, the whole list is built on the first count, walk or
vain search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctp2.refdata.contracts import listed_months
from ctp2.refdata.instruments import load_securities, load_special, make_future
from ctp2.refdata.loader import Listing, Universe
from ctp2.refdata.models import FUTURE, Instrument
from ctp2.refdata.products import products

#: What a universe has when no markets are named.
DEFAULT_MARKETS = ("futures", "options", "etf_options", "securities")


def universe_for(trading_day: str, markets: Sequence[str] = DEFAULT_MARKETS) -> Universe:
    """A universe of the given markets (``MARKETS``) for a trading day, in their order.

    ``ValueError`` for an unknown market.
    """
    unknown = [market for market in markets if market not in MARKETS]
    if unknown:
        raise ValueError(f"unknown market {unknown[0]!r}; known: {', '.join(MARKETS)}")
    return Universe(trading_day, listings=[MARKETS[market] for market in markets])


def _futures(trading_day: str) -> Iterator[Instrument]:
    for product in products().all():
        if (
            product.product_class == FUTURE
            and product.listed_since <= trading_day
            and product.is_listed_on(trading_day)
        ):
            for year, month in listed_months(product, trading_day):
                yield make_future(product, year, month, trading_day)


def _options(trading_day: str) -> Iterator[Instrument]:
    from ctp2.refdata.options import all_rules, full_chain

    for rules in all_rules():
        if not rules.is_fund and rules.product.is_listed_on(trading_day):
            yield from full_chain(rules, trading_day)


def _fund_options(trading_day: str) -> Iterator[Instrument]:
    from ctp2.refdata.options import all_rules, full_chain

    for rules in all_rules():
        if rules.is_fund and rules.product.is_listed_on(trading_day):
            yield from full_chain(rules, trading_day)


def _securities(trading_day: str) -> Iterable[Instrument]:
    return load_securities(trading_day)


def _shares(trading_day: str) -> Iterable[Instrument]:
    return load_securities(trading_day, shares=True)


def _all_securities(trading_day: str) -> Iterable[Instrument]:
    return load_securities(trading_day, everything=True)


def _hong_kong(trading_day: str) -> Iterator[Instrument]:
    from ctp2.refdata.overseas import hk_codes, hk_security

    for code in hk_codes():
        made = hk_security(code, trading_day)
        if made is not None:
            yield made


def _united_states(trading_day: str) -> Iterator[Instrument]:
    from ctp2.refdata.overseas import us_codes, us_security

    for code in us_codes():
        made = us_security(code, "", trading_day)
        if made is not None:
            yield made


def _cme(trading_day: str) -> Iterator[Instrument]:
    from ctp2.refdata import cme

    for product in cme.cme_products():
        for year, month in cme.listed_months(product, trading_day):
            yield cme.make_future(cme.CmeContract(product, year, month), trading_day)


def _special(trading_day: str) -> Iterable[Instrument]:
    return load_special()


#: Market → what is listed on it. Combinations are made on demand only.
MARKETS: dict[str, Listing] = {
    "futures": _futures,  # SHFE INE DCE CZCE CFFEX GFEX, all listed months
    "options": _options,  # on these futures, and the index options of CFFEX
    "etf_options": _fund_options,  # SSE and SZSE
    "securities": _securities,  # the core of SSE, SZSE, BSE
    "shares": _shares,  # with all other shares
    "all_securities": _all_securities,  # with all bonds
    "hk": _hong_kong,
    "us": _united_states,
    "cme": _cme,
    "special": _special,  # TEST and its like
}
