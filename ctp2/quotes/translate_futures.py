"""Rows of futures: domestic commodities, CFFEX, and overseas futures with spot metals."""

from __future__ import annotations

import logging
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ctp2.quotes import numbers
from ctp2.quotes.numbers import PRICE_LIMIT, Damaged, price
from ctp2.quotes.translate import Reading, begin, put_level_1, put_prices, put_volume, size_of
from ctp2.refdata.calendar import calendar, open_day_from, plus_days, to_date
from ctp2.refdata.sessions import instant_ns
from ctp2.refdata.ticks import DBL_MAX

if TYPE_CHECKING:
    from ctp2.quotes.symbols import Symbol

log = logging.getLogger("ctp2.quotes")

_EVENING: Final = "18:00:00"
_MORNING: Final = "06:00:00"
_FRIDAY: Final = 4
_TRUE_AVERAGE: Final = frozenset(("CZCE",))
"""Exchanges whose average price is per unit; elsewhere it includes the multiplier (ctp-semantics 9.3)."""


# ------------------------------------------------------------------ domestic
def commodity(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.4: 18 fields and more; five levels were never seen filled, so one is read."""
    if len(fields) < 18:
        raise Damaged(f"{len(fields)} fields, 18 are needed")
    values = numbers.floats(fields[2:15])
    opening, high, low, close, bid, ask, last, settlement, previous, bid_size, ask_size, interest, volume = values
    if not previous and not last:
        return None
    action_day, update_time = numbers.day(fields[17]), numbers.compact_time(fields[1].strip())
    field = begin(symbol, night_day(action_day, update_time), action_day, update_time)
    put_prices(field, last, opening, high, low, 0.0)
    numbers.checked(max(close, settlement, previous), PRICE_LIMIT)
    numbers.checked(min(close, settlement, previous), PRICE_LIMIT)
    field.ClosePrice, field.SettlementPrice = price(close), price(settlement)
    field.PreSettlementPrice = price(previous)
    field.PreOpenInterest = DBL_MAX
    field.OpenInterest = numbers.amount(interest)
    put_level_1(field, bid, bid_size, ask, ask_size)
    average = _commodity_average(fields, high, low)
    turnover = numbers.scaled(average, symbol.multiplier, Decimal(int(volume))) if average else 0.0
    reading = Reading(field, numbers.moment(action_day, update_time), 0, fields[0])
    reading.volume = put_volume(field, volume, max(turnover, 0.0))
    if turnover:
        factor = 1 if symbol.exchange in _TRUE_AVERAGE else symbol.multiplier
        field.AveragePrice = round(numbers.scaled(average, factor), 6)
    return reading


def _commodity_average(fields: list[str], high: float, low: float) -> str:
    """Field 27, in the shape of today: in the older one of 28 fields another number stands there."""
    if len(fields) <= 27 or any(text.strip() for text in fields[19:27]):
        return ""
    value = numbers.number(fields[27])
    return fields[27] if value and low <= value <= high else ""


def cffex(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.5: 50 fields. The older 39 (``CFF_RE_``) are refused: their turnover is of another unit."""
    if len(fields) < 50:
        raise Damaged(f"{len(fields)} fields, 50 are needed")
    opening, high, low, last, volume, _, interest, close, settlement, upper, lower = numbers.floats(fields[:11])
    previous_close, previous, previous_interest = numbers.floats(fields[13:16])
    bids, asks = numbers.floats(fields[16:26]), numbers.floats(fields[26:36])
    if not previous and not last:
        return None
    action_day, update_time = numbers.day(fields[36]), numbers.time(fields[37])
    millisec = int(numbers.number(fields[38]))
    if not 0 <= millisec < 1000:
        raise Damaged(f"{millisec} milliseconds")
    field = begin(symbol, action_day, action_day, update_time, millisec)
    put_prices(field, last, opening, high, low, previous_close)
    for value in (close, settlement, upper, lower, previous, *bids[::2], *asks[::2]):
        numbers.checked(value, PRICE_LIMIT)
    field.ClosePrice, field.SettlementPrice = price(close), price(settlement)
    field.UpperLimitPrice, field.LowerLimitPrice = price(upper), price(lower)
    field.PreSettlementPrice = price(previous)
    field.OpenInterest = numbers.amount(interest)
    field.PreOpenInterest = numbers.amount(previous_interest)
    for side, pairs in (("Bid", bids), ("Ask", asks)):
        for level in range(5):
            if pairs[2 * level]:
                setattr(field, f"{side}Price{level + 1}", pairs[2 * level])
                setattr(field, f"{side}Volume{level + 1}", size_of(pairs[2 * level + 1]))
    reading = Reading(field, numbers.moment(action_day, update_time, millisec), 0, fields[49])
    turnover = numbers.scaled(fields[5], symbol.multiplier)
    reading.volume = put_volume(field, volume, turnover)
    field.AveragePrice = numbers.average(turnover, volume)
    return reading


@lru_cache(maxsize=256)
def night_day(action_day: str, update_time: str) -> str:
    """The trading day of a domestic futures row (spec 5.2); beyond the calendar only weekends are skipped."""
    if _MORNING <= update_time < _EVENING:
        return action_day
    first = plus_days(action_day, 1) if update_time >= _EVENING else action_day
    begins, ends = calendar().horizon("CN")
    if not begins <= first <= ends:
        _tell_beyond(ends)
    return open_day_from("CN", first)


@lru_cache(maxsize=1)
def _tell_beyond(ends: str) -> None:
    log.warning("the calendar ends on %s: trading days of night rows skip weekends only; update ctp2", ends)


# ------------------------------------------------------------------ overseas
def overseas(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.6: 13 fields and more, the same columns at both sources, Beijing time."""
    if len(fields) < 13:
        raise Damaged(f"{len(fields)} fields, 13 are needed")
    last, bid, ask, high, low = numbers.floats([fields[0], *fields[2:6]])
    previous, opening, interest, bid_size, ask_size = numbers.floats(fields[7:12])
    if not previous and not last:
        return None
    action_day, update_time = numbers.day(fields[12]), numbers.time(fields[6])
    field = begin(symbol, overseas_day(action_day, update_time), action_day, update_time)
    put_prices(field, last, opening, high, low, 0.0)
    field.PreSettlementPrice = price(numbers.checked(previous, PRICE_LIMIT))
    field.PreOpenInterest = DBL_MAX
    field.OpenInterest = numbers.amount(interest)
    put_level_1(field, bid, bid_size, ask, ask_size)
    name = fields[13] if len(fields) > 13 else ""
    reading = Reading(field, numbers.moment(action_day, update_time), 0, name)
    reading.volume = put_volume(field, numbers.number(fields[14]) if len(fields) > 14 else 0.0, 0.0)
    return reading


@lru_cache(maxsize=256)
def overseas_day(action_day: str, update_time: str) -> str:
    """The trading day of an overseas row (spec 5.4): it ends at six in the morning, at seven in the US winter."""
    ends = _MORNING if _is_us_summer(action_day) else "07:00:00"
    day = plus_days(action_day, -1) if update_time < ends else action_day
    while to_date(day).weekday() > _FRIDAY:
        day = plus_days(day, -1)
    return day


def _is_us_summer(day: str) -> bool:
    """Whether New York is four hours behind UTC at noon."""
    return instant_ns("America/New_York", day, 43_200) - instant_ns("Etc/UTC", day, 43_200) == 4 * 3600 * 1_000_000_000
