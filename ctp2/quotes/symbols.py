"""What an InstrumentID means, and what the sources call it (spec quotes 2).

CTP's subscription carries no ExchangeID, so everything is in the text. It is read in this order: a source's own key
(``sh600000``, ``rt_hk00700``, ``gb_aapl``, ``nf_RB2610``); a qualified code (``SSE.600000``, ``600000.SH``); the user's
list of names; inference from the bare code, where 000001 is the share in Shenzhen and CL the US ticker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from ctp2.quotes import codes
from ctp2.quotes.codes import Kind, Market
from ctp2.refdata.products import products


@dataclass(frozen=True, slots=True)
class Symbol:
    """One instrument. ``code`` is the bare code (ExchangeInstID), ``place`` the key's prefix for mainland securities.

    ``is_late`` asks for the source's delayed row (``hk00700`` as written); ``is_ambiguous`` says that the bare code has
    another reading, so that the choice is worth a line in the log.
    """

    market: Market
    kind: Kind
    code: str
    exchange: str
    place: str = ""
    product: str = ""
    multiplier: int = 0
    is_late: bool = False
    is_ambiguous: bool = field(default=False, compare=False)


class NoSymbol(ValueError):
    """A text that no rule turns into an instrument; says why."""


_CN: Final = re.compile(r"(sh|sz|bj|SH|SZ|BJ)([0-9]{6})")
_HK: Final = re.compile(r"(rt_|r_)?hk([0-9]{5}|[A-Z][A-Za-z0-9_]*)")
_HK_CODE: Final = re.compile(r"[0-9]{5}|[A-Z][A-Z0-9_]*")
_US: Final = re.compile(r"us([A-Z.][A-Za-z0-9.]*)")
_TICKER: Final = re.compile(r"[A-Z]{1,5}([.\-/][A-Z]{1,2})?")
_GB: Final = re.compile(r"(gb|usr)_(\$?[A-Za-z][A-Za-z0-9$]*)")
_FUTURE: Final = re.compile(r"([A-Z]{1,2})([0-9]{3,4}|0)")
_CFF: Final = re.compile(r"(nf|CFF_RE|CFF)_(.+)")
_HF: Final = re.compile(r"[A-Z][A-Z0-9]{0,11}")
_SIX: Final = re.compile(r"[0-9]{6}")
_OPTION: Final = re.compile(r"[A-Za-z]{1,3}[0-9]{3,4}-?[CP]-?[0-9]+")


def read(text: str, today: str, names: dict[str, str] | None = None) -> Symbol:
    """The instrument that ``text`` means on ``today`` (YYYYMMDD, for the decade of CZCE's three digits).

    Raises:
        NoSymbol: no rule fits.
    """
    found = native(text, today)
    if found is None:
        found = _qualified(text, today)
    if found is None and names and text in names:
        found = native(names[text], today)
    return found if found is not None else _inferred(text, today)


# ------------------------------------------------------------------ a source's own key
def native(text: str, today: str) -> Symbol | None:
    """The instrument of a key of either source; None when it is none."""
    match = _CN.fullmatch(text)
    if match:
        return security(match[1].lower(), match[2])
    match = _HK.fullmatch(text)
    if match:
        return hong_kong(match[2], is_late=match[1] is None)
    match = _GB.fullmatch(text)
    if match:
        return _united_states(match[2].upper().replace("$", "."))
    match = _US.fullmatch(text)
    if match:
        code, _, exchange = match[1].rpartition(".")
        # Tencent's replies say usAAPL.OQ, but it answers usAAPL alone (spec 1.3).
        return _united_states((code if code and exchange in codes.US_EXCHANGE_OF_SUFFIX else match[1]).upper())
    match = _CFF.fullmatch(text)
    if match:
        return future(match[2], today)
    if text.startswith("hf_"):
        return overseas(text[3:])
    return None


def security(place: str, code: str, *, is_ambiguous: bool = False) -> Symbol:
    """A mainland security whose place is known; an unknown range counts as a share."""
    kind = codes.KIND_OF_RANGE.get((place, code[:3])) or codes.KIND_OF_RANGE.get((place, code[:2])) or "stock"
    return Symbol("cn", kind, code, codes.EXCHANGE_OF_PLACE[place], place, is_ambiguous=is_ambiguous)


def hong_kong(code: str, *, is_late: bool = False) -> Symbol:
    """A Hong Kong security (five digits) or index (letters)."""
    kind: Kind = "stock" if code.isdigit() else "index"
    return Symbol("hk", kind, code, codes.HONG_KONG, is_late=is_late)


def _united_states(code: str) -> Symbol:
    bare = code.removeprefix(".")
    if code.startswith(".") or bare in codes.US_INDEXES:
        return Symbol("us", "index", f".{bare}", codes.UNITED_STATES)
    return Symbol("us", "stock", code, codes.UNITED_STATES)


def overseas(code: str) -> Symbol:
    """An overseas future or a spot metal."""
    code = code.upper()
    if not _HF.fullmatch(code):
        raise NoSymbol(f"{code!r} is no code of an overseas future: letters and digits, as in hf_CL")
    return Symbol("hf", "overseas", code, codes.OVERSEAS)


def future(text: str, today: str) -> Symbol:
    """A domestic future: ``RB2610``, ``TA609`` (CZCE), the continuous ``RB0``."""
    if _OPTION.fullmatch(text):
        raise NoSymbol(f"{text!r} is an option: the sources have none")
    match = _FUTURE.fullmatch(text.upper())
    if not match:
        raise NoSymbol(f"{text!r} is no code of a domestic future: product and month, as in rb2610")
    product, month = match[1], match[2]
    exchange, multiplier = _products().get(product, ("", 0))
    if len(month) == 3:
        if exchange != "CZCE":
            raise NoSymbol(f"{text!r}: three digits are CZCE's; write year and month in four")
        month = _with_decade(month, today)
    kind: Kind = "cffex" if product in codes.CFFEX_MULTIPLIERS else "future"
    multiplier = codes.CFFEX_MULTIPLIERS.get(product, multiplier)
    return Symbol("nf", kind, product + month, exchange, product=product, multiplier=multiplier)


@lru_cache(maxsize=1)
def _products() -> dict[str, tuple[str, int]]:
    """Upper-case product → exchange and multiplier; no two futures share one (tests)."""
    return {
        product.product.upper(): (product.exchange, int(product.multiplier))
        for product in products().all()
        if product.product_class == "future"
    }


def _with_decade(month: str, today: str) -> str:
    """``609`` → ``2609``: of the years that end so, the nearest to today (a tie goes ahead)."""
    year = int(today[:4])
    nearest = min((year + 5 - step for step in range(11)), key=lambda y: (y % 10 != int(month[0]), abs(y - year)))
    return f"{nearest % 100:02d}{month[1:]}"


# ------------------------------------------------------------------ a qualified code
def _qualified(text: str, today: str) -> Symbol | None:
    head, dot, tail = text.partition(".")
    if dot and head.upper() in codes.QUALIFIERS and tail:
        return _placed(head.upper(), tail, today)
    head, dot, tail = text.rpartition(".")
    if dot and head and tail.upper() in codes.QUALIFIERS:
        return _placed(tail.upper(), head, today)
    return None


def _placed(exchange: str, code: str, today: str) -> Symbol:
    place = codes.QUALIFIERS[exchange]
    if place == "nf":
        found = future(code, today)
        if found.exchange not in ("", exchange):
            raise NoSymbol(f"{code!r} is listed on {found.exchange}, not on {exchange}")
        return found
    if place == "hf":
        return overseas(code)
    if place == "us":
        return _ticker(code)
    if place == "hk":
        if not _HK_CODE.fullmatch(code.upper()):
            raise NoSymbol(f"{code!r} is no Hong Kong code: five digits with their zeros, or the name of an index")
        return hong_kong(code.upper())
    if not _SIX.fullmatch(code):
        raise NoSymbol(f"{code!r} is no code of {exchange}: six digits")
    return security(place, code)


def _ticker(code: str) -> Symbol:
    upper = code.upper()
    if upper.removeprefix(".") in codes.US_INDEXES:
        return _united_states(upper)
    if not _TICKER.fullmatch(upper):
        raise NoSymbol(f"{code!r} is no US ticker: up to five letters, as in AAPL or BRK.B")
    return _united_states(re.sub(r"[-/]", ".", upper))


# ------------------------------------------------------------------ a bare code
def _inferred(text: str, today: str) -> Symbol:
    if _FUTURE.fullmatch(text.upper()) or _OPTION.fullmatch(text):
        return future(text, today)
    if text.isascii() and text.isdigit():
        return _digits(text)
    if text.upper().removeprefix(".") in codes.US_INDEXES or _TICKER.fullmatch(text.upper()):
        return _ticker(text)
    raise NoSymbol(f"{text!r} fits no rule: write the exchange before or behind it, as in SSE.600000 or 00700.HK")


def _digits(text: str) -> Symbol:
    if len(text) == 5:
        return hong_kong(text)
    if len(text) != 6:
        raise NoSymbol(f"{text!r}: codes have six digits on the mainland and five in Hong Kong; zeros are not added")
    if text[:3] in codes.REJECTED_RANGES:
        raise NoSymbol(f"{text!r} has no quote: a code for subscriptions, or a vendor's own")
    found = codes.RANGES.get(text[:3]) or codes.RANGES.get(text[:2])
    if found is None:
        raise NoSymbol(f"{text!r} is in no known range: write sh, sz or bj before it")
    place, _, is_ambiguous = found
    return security(place, text, is_ambiguous=is_ambiguous)


# ------------------------------------------------------------------ the user's list
def load_names(path: Path) -> dict[str, str]:
    """A file of lines ``InstrumentID = key``; ``#`` begins a comment.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: a line is not of this form, or its right side is no key of a source.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        name, equals, key = (part.strip() for part in text.partition("="))
        if not equals or not name or native(key, "20260101") is None:
            raise ValueError(f"{path}:{number}: {line!r}: write InstrumentID = key, as in GOLD = hf_GC")
        found[name] = key
    return found
