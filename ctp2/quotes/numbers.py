"""Numbers, days and times of the rows: tolerant of what is missing, strict about what is wrong (spec quotes 3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from ctp2.refdata.ticks import DBL_MAX

INT32_MAX: Final = 2_147_483_647
PRICE_LIMIT: Final = 1e9
"""No price, and no size of a level, is as large as this."""
AMOUNT_LIMIT: Final = 1e17
"""No turnover and no volume is; below it a double still tells every unit that matters."""

_PLAIN: Final = re.compile(r"[-0-9.,]*")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_NONE: Final = frozenset(("", "-", "--"))


class Damaged(ValueError):
    """A row that cannot be what it should be; says where."""


def floats(texts: Sequence[str]) -> list[float]:
    """The numbers of some fields; nothing, ``-`` and ``--`` are 0, which means no value wherever it is read.

    Raises:
        Damaged: another text that is no plain decimal number.
    """
    # float() alone would take nan, inf, 1e308 and 1_000: only plain characters get as far as that.
    if _PLAIN.fullmatch(",".join(texts)):
        try:
            return list(map(float, texts))
        except ValueError:
            pass  # something is missing, or no number: field by field below
    return [number(text) for text in texts]


def number(text: str) -> float:
    """One number, as :func:`floats`."""
    text = text.strip()
    if text in _NONE:
        return 0.0
    if not _NUMBER.fullmatch(text):
        raise Damaged(f"{text[:40]!r} is no number")
    return float(text)


def scaled(text: str, *factors: int | Decimal) -> float:
    """A number times whole factors, exact up to the last conversion."""
    number(text)  # the same texts are refused
    value = Decimal(text.strip()) if text.strip() not in _NONE else Decimal(0)
    for factor in factors:
        value *= factor
    return checked(float(value), AMOUNT_LIMIT)


def checked(value: float, limit: float) -> float:
    """``value`` if its size is possible."""
    if -limit < value < limit:
        return value
    raise Damaged(f"{value!r} is beyond all reason")


def amount(value: float) -> float:
    """``value`` if so much of something is possible."""
    if 0 <= value < AMOUNT_LIMIT:
        return value
    raise Damaged(f"an amount of {value!r}")


def price(value: float) -> float:
    """A price for CTP: 0 is no price."""
    return value or DBL_MAX


def average(turnover: float, volume: float) -> float:
    """Turnover over volume as it is shown: six decimals, 0 without volume."""
    return round(turnover / volume, 6) if volume > 0 else 0.0


# ------------------------------------------------------------------ days and times
@lru_cache(maxsize=512)
def day(text: str) -> str:
    """``2026-08-31`` or ``2026/08/31`` as ``20260831``.

    Raises:
        Damaged: it is no day.
    """
    if len(text) == 10 and text[4] == text[7] and text[4] in "-/":
        return compact_day(text[:4] + text[5:7] + text[8:])
    raise Damaged(f"{text[:40]!r} is no day")


@lru_cache(maxsize=512)
def compact_day(text: str) -> str:
    """``20260831``, if it is a day."""
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            raise Damaged(f"{text!r} is no day") from None
        return text
    raise Damaged(f"{text[:40]!r} is no day")


@lru_cache(maxsize=4096)
def time(text: str) -> str:
    """``HH:MM:SS`` (``HH:MM`` gets its seconds), if it is a time of day.

    Raises:
        Damaged: it is none.
    """
    if len(text) == 5:
        text += ":00"
    if len(text) == 8 and text[2] == text[5] == ":":
        return text if compact_time(text[:2] + text[3:5] + text[6:]) else ""
    raise Damaged(f"{text[:40]!r} is no time")


@lru_cache(maxsize=4096)
def compact_time(text: str) -> str:
    """``HHMMSS`` (leading zeros may be missing) as ``HH:MM:SS``."""
    text = text.zfill(6)
    if len(text) == 6 and text.isascii() and text.isdigit():
        hours, minutes, seconds = text[:2], text[2:4], text[4:]
        if hours < "24" and minutes < "60" and seconds < "60":
            return f"{hours}:{minutes}:{seconds}"
    raise Damaged(f"{text[:40]!r} is no time")


def moment(action_day: str, update_time: str, millisec: int = 0) -> int:
    """A row's time as a number that grows with it: YYYYMMDDHHMMSSmmm."""
    digits = action_day + update_time[:2] + update_time[3:5] + update_time[6:]
    return int(digits) * 1000 + millisec
