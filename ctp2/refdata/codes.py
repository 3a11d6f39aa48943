"""The kinds of instruments beyond mainland futures and securities by their codes, and the exchange of a plain code.

``instruments.instrument_for`` comes here with what it does not know itself.
"""

from __future__ import annotations

import re

from ctp2.refdata import cme, overseas
from ctp2.refdata.combinations import make_combination, parse_combination
from ctp2.refdata.models import Instrument
from ctp2.refdata.options import make_option, parse_option

_SIX_DIGITS = ((("92", "8", "4"), "BSE"), (("5", "6", "9"), "SSE"), (("0", "1", "2", "3"), "SZSE"))
_US_CODE = re.compile(r"[A-Z]{1,5}(\.[A-Z])?")


def instrument_of_other_kind(code: str, exchange_hint: str, trading_day: str) -> Instrument | None:
    """An option, a combination, a CME future, a Hong Kong or a US security; None when the code is none of them."""
    terms = parse_option(code, trading_day, exchange_hint)
    if terms is not None:
        return make_option(terms, trading_day)
    pair = parse_combination(code, trading_day, exchange_hint)
    if pair is not None:
        return make_combination(pair, trading_day)
    contract = cme.parse_code(code, trading_day, exchange_hint)
    if contract is not None:
        return cme.make_future(contract, trading_day)
    if exchange_hint in ("", overseas.HKEX) and len(code) == 5 and code.isascii() and code.isdigit():
        return overseas.hk_security(code, trading_day)
    return overseas.us_security(code, exchange_hint, trading_day) if _US_CODE.fullmatch(code) else None


def exchange_of_plain_code(code: str) -> str:
    """The exchange that a plain security code belongs to (ctp-semantics 14.4); ``''`` when it does not look like one.

    Six digits: first 92, 8, 4 → BSE, then 5, 6, 9 → SSE, 0, 1, 2, 3 → SZSE; five digits → HKEX; letters → the US
    exchange of the list, NASD when it is not listed.
    """
    if code.isascii() and code.isdigit():
        if len(code) == 5:
            return overseas.HKEX
        if len(code) == 6:
            return next((exchange for prefixes, exchange in _SIX_DIGITS if code.startswith(prefixes)), "")
        return ""
    return overseas.us_exchange(code) if _US_CODE.fullmatch(code) else ""
