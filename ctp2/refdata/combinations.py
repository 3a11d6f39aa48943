"""Combinations of DCE and CZCE, made on demand from their code: ``SP a2701&a2703``, ``SPD SR701&SR703``, ``STD …``.

Multiplier and tick are the first leg's, as in the 885 combinations of 2020-06-16; they trade until the first of their
legs expires.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.models import COMBINATION, FUTURE, OPTION, Instrument, Leg

_CODE = re.compile(r"([A-Z]{2,3}) ([A-Za-z0-9.-]+)&([A-Za-z0-9.-]+)")
#: kind → (exchanges, class of the legs, what buying it does with each leg). The exchange's maximum per order.
_KINDS: dict[str, tuple[tuple[str, ...], str, tuple[str, str]]] = {
    "SP": (("DCE",), FUTURE, ("buy", "sell")),  # months of one product
    "SPC": (("DCE",), FUTURE, ("buy", "sell")),  # two products
    "SPD": (("CZCE",), FUTURE, ("buy", "sell")),  # months of one product
    "IPS": (("CZCE",), FUTURE, ("buy", "sell")),  # two products
    "STD": (("DCE", "CZCE"), OPTION, ("buy", "buy")),  # call and put of one strike
    "STG": (("DCE", "CZCE"), OPTION, ("buy", "buy")),  # call and put of two strikes
}
_SAME_PRODUCT = ("SP", "SPD")
_MAX_VOLUME = {"DCE": 500, "CZCE": 1000}


class Pair(NamedTuple):
    """A combination: its kind and its legs."""

    kind: str
    first: Instrument
    second: Instrument


def parse_combination(code: str, trading_day: str, exchange: str = "") -> Pair | None:
    """What a combination's code means; None when it is none, or its legs do not belong together."""
    match = _CODE.fullmatch(code)
    if match is None or match[1] not in _KINDS:
        return None
    kind = match[1]
    exchanges, leg_class, _ = _KINDS[kind]
    first, second = (instrument_for(leg, exchange, trading_day) for leg in (match[2], match[3]))
    if first is None or second is None or first.exchange != second.exchange or first.exchange not in exchanges:
        return None
    if first.product_class != leg_class or second.product_class != leg_class:
        return None
    return Pair(kind, first, second) if _belong_together(kind, first, second) else None


def _belong_together(kind: str, first: Instrument, second: Instrument) -> bool:
    if kind in ("STD", "STG"):
        types = {first.option_type, second.option_type}
        return (
            first.underlying == second.underlying
            and types == {"call", "put"}
            and (first.strike == second.strike) == (kind == "STD")
        )
    return first.code != second.code and (first.product == second.product) == (kind in _SAME_PRODUCT)


def make_combination(pair: Pair, trading_day: str) -> Instrument:
    """The combination as an instrument; its legs say what buying one lot of it does."""
    kind, first, second = pair
    exchanges, _, sides = _KINDS[kind]
    assert first.exchange in exchanges
    code = f"{kind} {first.code}&{second.code}"
    expire = min(first.expire_date, second.expire_date)
    return Instrument(
        exchange=first.exchange,
        code=code,
        product=f"{kind} {first.product}&{second.product}",
        product_class=COMBINATION,
        multiplier=first.multiplier,
        price_tick=first.price_tick,
        max_limit_volume=_MAX_VOLUME[first.exchange],
        open_date=max(first.open_date, second.open_date),
        create_date=max(first.open_date, second.open_date),
        expire_date=expire,
        is_trading=first.is_trading and second.is_trading and trading_day <= expire,
        underlying=first.underlying,
        underlying_multiple=Decimal(1),
        session_id=first.session_id,
        combination_type=kind,
        legs=(Leg(first.code, sides[0]), Leg(second.code, sides[1])),
    )
