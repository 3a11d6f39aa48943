"""Rows of Hong Kong and the United States."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ctp2.quotes import codes, numbers
from ctp2.quotes.numbers import Damaged
from ctp2.quotes.translate import Reading, begin, put_level_1, put_prices, put_volume
from ctp2.refdata.calendar import zone_info

if TYPE_CHECKING:
    from ctp2.quotes.symbols import Symbol
    from ctp2.quotes.translate import Field

_MONTHS: Final = {
    name: month for month, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
_US_STAMP: Final = re.compile(r"([A-Z][a-z]{2}) ([0-9]{2}) ([0-9]{2}):([0-9]{2})(AM|PM) E[SD]T")
_SECONDS_OF_MINUTE: Final = timedelta(seconds=119)
"""How far Sina's clock of last update may be ahead of the minute of the price to give it its seconds (spec 5.3)."""
_KIND_INDEX: Final = "ZS"


def _refuse_negative(*values: float) -> None:
    if min(values) < 0:
        raise Damaged("a negative figure")


def _finish(reading: Reading, volume: float, turnover: float, *, is_index: bool) -> Reading:
    """Volume and turnover in the listing's currency; an index has neither volume nor average."""
    field = reading.field
    reading.volume = put_volume(field, 0.0 if is_index else volume, turnover)
    if not is_index and turnover:
        field.AveragePrice = numbers.average(turnover, volume)
    return reading


# ------------------------------------------------------------------ Hong Kong
def sina_hk(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.2: 19 fields and more; best prices without sizes; 15 and 16 are of 52 weeks, no limits."""
    if len(fields) < 19:
        raise Damaged(f"{len(fields)} fields, 19 are needed")
    opening, previous, high, low, last = numbers.floats(fields[2:7])
    bid, ask, _, volume = numbers.floats(fields[9:13])
    _refuse_negative(opening, previous, high, low, last, bid, ask, volume)
    if not previous and not last:
        return None
    is_index = symbol.kind == "index"
    turnover = numbers.scaled(fields[11], 1000 if is_index else 1)
    field, moment = _at(symbol, numbers.day(fields[17]), numbers.time(fields[18]))
    put_prices(field, last, opening, high, low, previous)
    put_level_1(field, bid, 0, ask, 0)
    return _finish(Reading(field, moment, 0, fields[1]), volume, turnover, is_index=is_index)


def tencent_hk(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.8: a side counts only with a size; 48 and 49 are of 52 weeks, no limits."""
    if len(fields) < 38:
        raise Damaged(f"{len(fields)} fields, 38 are needed")
    if fields[2] != symbol.code:
        raise Damaged(f"it is of {fields[2][:20]!r}")
    last, previous, opening, volume = numbers.floats(fields[3:7])
    high, low = numbers.floats(fields[33:35])
    _refuse_negative(last, previous, opening, volume, high, low)
    if not previous and not last:
        return None
    is_index = symbol.kind == "index"
    turnover = numbers.scaled(fields[37], 10_000 if is_index else 1)
    day, _, time = fields[30].partition(" ")
    field, moment = _at(symbol, numbers.day(day), numbers.time(time))
    put_prices(field, last, opening, high, low, previous)
    if not is_index:
        _put_sized_level(field, fields)
    return _finish(Reading(field, moment, 0, fields[1]), volume, turnover, is_index=is_index)


def _put_sized_level(field: Field, fields: list[str]) -> None:
    """Columns 9, 10 and 19, 20; without a size the price is only the last one repeated."""
    bid, bid_size, ask, ask_size = numbers.floats([*fields[9:11], *fields[19:21]])
    _refuse_negative(bid, ask)
    put_level_1(field, bid if bid_size > 0 else 0.0, bid_size, ask if ask_size > 0 else 0.0, ask_size)


def _at(symbol: Symbol, day: str, time: str) -> tuple[Field, int]:
    return begin(symbol, day, day, time), numbers.moment(day, time)


# ------------------------------------------------------------------ United States
def sina_us(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.3: the regular session; no bid and ask. A row without price and previous close is a dead listing."""
    if len(fields) < 36:
        raise Damaged(f"{len(fields)} fields, 36 are needed")
    last, opening, high, low, volume = numbers.floats([fields[1], *fields[5:8], fields[10]])
    previous, turnover = numbers.floats([fields[26], fields[30]])
    _refuse_negative(last, opening, high, low, volume, previous, turnover)
    if not previous and not last:
        return None
    at = sina_us_time(fields[3], fields[24].strip(), fields[25].strip(), fields[29].strip())
    field, moment = _at(symbol, at.strftime("%Y%m%d"), at.strftime("%H:%M:%S"))
    put_prices(field, last, opening, high, low, previous)
    return _finish(Reading(field, moment, 0, fields[0]), volume, turnover, is_index=symbol.kind == "index")


def extended(reading: Reading, row: str) -> Reading:
    """Option ``us_extended``: Sina's price and time outside the regular session, where the row has one (spec 4.3)."""
    fields = row.split(",")
    stamp = fields[24].strip()
    last = numbers.checked(numbers.number(fields[21]), numbers.PRICE_LIMIT)
    if not stamp or last <= 0:
        return reading
    at = _stamped(stamp, _beijing(fields[3]))
    field = reading.field
    field.LastPrice = last
    field.UpdateTime, field.ActionDay = at.strftime("%H:%M:%S"), at.strftime("%Y%m%d")
    reading.moment = numbers.moment(field.ActionDay, field.UpdateTime)
    return reading


@lru_cache(maxsize=4096)
def sina_us_time(updated: str, extended_stamp: str, stamp: str, year: str) -> datetime:
    """New York's wall time of the regular price (spec 5.3).

    The row has the minute (``Sep 28 01:08PM EDT`` and a year) and Beijing's time of its last change of any kind, which
    gives the seconds while the regular session runs.
    """
    newest = _beijing(updated)
    base = _stamped(stamp, newest)
    if not (year.isascii() and year.isdigit() and abs(int(year) - base.year) <= 1):
        raise Damaged(f"the year {year[:20]!r} beside {updated!r}")
    is_regular = not extended_stamp and timedelta(0) <= newest - base <= _SECONDS_OF_MINUTE
    return newest if is_regular else base


def _beijing(text: str) -> datetime:
    """``2026-09-29 01:08:08`` of Beijing as New York's wall time."""
    day, _, time = text.strip().partition(" ")
    digits = numbers.day(day), numbers.time(time)
    try:
        local = datetime.strptime(" ".join(digits), "%Y%m%d %H:%M:%S").replace(tzinfo=zone_info("Asia/Shanghai"))
        return local.astimezone(zone_info("America/New_York")).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise Damaged(f"{text[:40]!r} is no time: {error}") from error


def _stamped(text: str, near: datetime) -> datetime:
    """``Sep 28 01:08PM EDT`` in the year that brings it nearest to ``near``."""
    match = _US_STAMP.fullmatch(text)
    month = _MONTHS.get(match[1]) if match else None
    if match is None or month is None:
        raise Damaged(f"{text[:40]!r} is no time of New York")
    hour = int(match[3]) % 12 + (12 if match[5] == "PM" else 0)
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(datetime(year, month, int(match[2]), hour, int(match[4])))
        except ValueError:
            continue  # 29 February of another year, or no such day at all
    if not found:
        raise Damaged(f"{text[:40]!r} is no time of New York")
    return min(found, key=lambda at: abs(at - near))


def tencent_us(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.9: column 2 is the ticker with its exchange; column 30 is New York's time."""
    if len(fields) < 38:
        raise Damaged(f"{len(fields)} fields, 38 are needed")
    code, exchange = us_exchange(fields[2])
    if code != symbol.code:
        raise Damaged(f"it is of {fields[2][:20]!r}")
    last, previous, opening, volume = numbers.floats(fields[3:7])
    high, low = numbers.floats(fields[33:35])
    turnover = numbers.number(fields[37])
    _refuse_negative(last, previous, opening, volume, high, low, turnover)
    if not previous and not last:
        return None
    day, _, time = fields[30].partition(" ")
    field, moment = _at(symbol, numbers.day(day), numbers.time(time))
    field.ExchangeID = exchange
    put_prices(field, last, opening, high, low, previous)
    is_index = symbol.kind == "index" or (len(fields) > 56 and fields[56] == _KIND_INDEX)
    if not is_index:
        _put_sized_level(field, fields)
    return _finish(Reading(field, moment, 0, fields[1]), volume, turnover, is_index=is_index)


def us_exchange(text: str) -> tuple[str, str]:
    """``BRK.B.N`` → BRK.B on NYSE; a last segment that names no exchange belongs to the ticker."""
    code, dot, suffix = text.rpartition(".")
    if dot and code and suffix in codes.US_EXCHANGE_OF_SUFFIX:
        return code, codes.US_EXCHANGE_OF_SUFFIX[suffix]
    return text, codes.UNITED_STATES
