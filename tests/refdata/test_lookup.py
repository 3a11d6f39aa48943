"""``lookup`` against ``listing``: one code at a time, and the products, are what the whole list has."""

from __future__ import annotations

import random

import pytest

from ctp2.refdata.listing import MARKETS
from ctp2.refdata.lookup import ProductKey, find_listed, products_of

DAYS = ["20261123", "20270615", "20250306"]
ODD = [
    "",
    "none",
    "IF2001",
    "rb9912",
    "cu2701C81234",
    "IO2612-C-1",
    "999999",
    "99999",
    "ZZZZZ",
    "ESZ1",
    "10009999",
    "600519",
]


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("market", MARKETS)
def test_a_code_is_found_exactly_where_it_is_listed(market: str, day: str) -> None:
    listed = list(MARKETS[market](day))
    by_code: dict[str, set[tuple[str, str]]] = {}
    for made in listed:
        by_code.setdefault(made.code, set()).add(made.key)
    codes = random.Random(4).sample(sorted(by_code), min(150, len(by_code)))
    for code in [*codes, *ODD]:
        found = find_listed(market, code, day)
        assert {made.key for made in found} == by_code.get(code, set()), code
    example = next(made for made in listed if made.code == codes[0])
    assert example in find_listed(market, codes[0], day), "the same record"


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("market", MARKETS)
def test_products_are_those_of_the_list(market: str, day: str) -> None:
    listed = {(made.exchange, made.product) for made in MARKETS[market](day)}
    told = list(products_of(market, day))
    assert len({key[:2] for key in told}) == len(told)
    assert {key[:2] for key in told} == listed
    assert all(type(key) is ProductKey for key in told)
