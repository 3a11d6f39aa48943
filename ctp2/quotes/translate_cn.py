"""Rows of the mainland: shares, funds, bonds, repos and indexes of Shanghai, Shenzhen and Beijing."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ctp2.quotes import codes, numbers
from ctp2.quotes.numbers import INT32_MAX, PRICE_LIMIT, Damaged
from ctp2.quotes.translate import Reading, begin, put_prices, put_volume
from ctp2.refdata.ticks import DBL_MAX

if TYPE_CHECKING:
    from ctp2.quotes.symbols import Symbol
    from ctp2.quotes.translate import Field

_SLACK: Final = 0.02
"""How far the average price may lie outside low and high before the unit of the volume is doubted (spec 3.9)."""
_UNITS: Final = (1.0, 100.0, 0.01)
_BOND_UNITS: Final = (*_UNITS, 10.0, 0.1)
"""A lot of bonds is ten, not a hundred; the sources' unit for them is not proven (spec 4.7 d)."""
_REPO_UNIT: Final = 10
"""Repos are published in units of 10 张, 1,000 yuan (spec 3.7)."""
_LOT: Final = 100

#: The levels of a record, best first: names of price and size.
BIDS: Final = tuple((f"BidPrice{level}", f"BidVolume{level}") for level in range(1, 6))
ASKS: Final = tuple((f"AskPrice{level}", f"AskVolume{level}") for level in range(1, 6))


# ------------------------------------------------------------------ Sina
def sina(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.1: 32 fields and more; sizes in shares, volume in the unit of :func:`_sina_unit`."""
    if len(fields) < 32:
        raise Damaged(f"{len(fields)} fields, 32 are needed")
    values = numbers.floats(fields[1:30])
    if min(values) < 0:
        raise Damaged("a negative figure")
    opening, previous, last, high, low, bid, ask, volume, turnover = values[:9]
    is_blank = not bid and not ask
    if not previous and not last:
        return None
    if is_blank and len(fields) > 32 and fields[32] in codes.DELISTED:
        return None
    action_day, update_time = numbers.day(fields[30]), numbers.time(fields[31])
    field = begin(symbol, action_day, action_day, update_time)
    put_prices(field, last, opening, high, low, previous)
    reading = Reading(field, numbers.moment(action_day, update_time), 0, fields[0])
    if symbol.kind == "index":
        put_index_volume(reading, volume if symbol.place == "sh" else volume // _LOT, turnover)
    elif symbol.kind == "repo":
        put_index_volume(reading, volume // _REPO_UNIT, turnover)
    else:
        put_spot_volume(reading, symbol, volume, turnover, 0)
    if is_blank and len(fields) > 32:
        reading.remark = reading.remark or _state_remark(fields[32])
    if not is_blank:
        bids, asks = values[9:19], values[19:29]
        if bid == bids[1] and ask == asks[1] and _falls(bids[1::2]) and _rises(asks[1::2]):
            unit = 1 / _REPO_UNIT if symbol.kind == "repo" else 1
            put_book(field, bids[1::2], bids[::2], asks[1::2], asks[::2], unit)
        else:
            reading.remark = "its book contradicts itself: published without"
    return reading


def _state_remark(status: str) -> str:
    """No captured row of Sina is of a suspended share: the first one is told in full (spec 12)."""
    state = codes.STATES.get(status, f"in a state unknown to us, {status[:10]!r}")
    return "" if state == "normal" else f"status: {state}"


# ------------------------------------------------------------------ Tencent
def tencent(symbol: Symbol, fields: list[str]) -> Reading | None:
    """Table 4.7: 38 fields and more, sizes in lots; STAR counts volume, but not sizes, in shares."""
    count = len(fields)
    if count < 38:
        raise Damaged(f"{count} fields, 38 are needed")
    if fields[2] != symbol.code:
        raise Damaged(f"it is of {fields[2][:20]!r}")
    last, previous, opening, lots = numbers.floats(fields[3:7])
    book = numbers.floats(fields[9:29])
    high, low = numbers.floats(fields[33:35])
    if min(last, previous, opening, high, low, lots, *book) < 0:
        raise Damaged("a negative figure")
    if not previous and not last:
        return None
    if count > 40 and fields[40] in codes.DELISTED:
        return None
    stamp = fields[30]
    action_day, update_time = numbers.compact_day(stamp[:8]), numbers.compact_time(stamp[8:])
    field = begin(symbol, action_day, action_day, update_time)
    put_prices(field, last, opening, high, low, previous)
    reading = Reading(field, numbers.moment(action_day, update_time), 0, fields[1])
    turnover = _tencent_turnover(fields, lots)
    if symbol.kind in ("index", "repo"):
        # A lot of repo is ten 张: the unit in which they are published.
        put_index_volume(reading, lots, turnover)
    else:
        unit = 1 if _counts_shares(symbol, fields) else _LOT
        put_spot_volume(reading, symbol, lots * unit, turnover, unit)
    if symbol.kind != "index":
        put_book(field, book[0:10:2], book[1:10:2], book[10::2], book[11::2], 1 if symbol.kind == "repo" else _LOT)
    if count > 48:
        upper, lower = numbers.floats(fields[47:49])
        numbers.checked(upper, PRICE_LIMIT)
        numbers.checked(lower, PRICE_LIMIT)
        field.UpperLimitPrice = upper if upper > 0 else DBL_MAX
        field.LowerLimitPrice = lower if lower > 0 else DBL_MAX
    return reading


def _counts_shares(symbol: Symbol, fields: list[str]) -> bool:
    """STAR: by type or marker, and by the code where the row is too short to say."""
    if len(fields) > 61:
        return fields[61] == "GP-A-KCB" or (len(fields) > 87 and fields[87] == "100")
    return symbol.kind == "star"


def _tencent_turnover(fields: list[str], lots: float) -> float:
    """Yuan: exact from column 35 when that is of the same volume, else the columns in 万 (spec 4.7)."""
    parts = fields[35].split("/")
    if len(parts) == 3:
        volume, amount = numbers.floats(parts[1:])
        if volume == lots:
            return amount
    if len(fields) > 57 and fields[57].strip():
        return numbers.scaled(fields[57], 10_000)
    return numbers.scaled(fields[37], 10_000)


# ------------------------------------------------------------------ what both share
def put_index_volume(reading: Reading, volume: float, turnover: float) -> None:
    """Volume and turnover of what has no average price (indexes and repos)."""
    reading.volume = put_volume(reading.field, volume, turnover)


def put_spot_volume(reading: Reading, symbol: Symbol, volume: float, turnover: float, rounding: int) -> None:
    """Volume in shares and turnover, if the average price that follows from them is possible (spec 3.9, 3.10).

    ``rounding`` is by how many shares the source's figure may be off.
    """
    field = reading.field
    if not volume or not turnover:
        if volume:
            reading.remark = "volume without turnover: published as 0"
        put_volume(field, 0, 0)
        return
    high, low = field.HighestPrice, field.LowestPrice
    if high != DBL_MAX and low != DBL_MAX:
        unit = _unit_that_fits(volume, turnover, high, low, rounding, symbol)
        if not unit:
            reading.keeps_volume = True
            reading.remark = f"no unit fits: turnover {turnover:.0f} over volume {volume:.0f} is outside low and high"
            return
        if unit != 1:
            volume *= unit
            reading.remark = f"another unit: its volume is {unit:g} times what was assumed"
    reading.volume = put_volume(field, volume, turnover)
    field.AveragePrice = numbers.average(turnover, volume)


def _unit_that_fits(volume: float, turnover: float, high: float, low: float, rounding: int, symbol: Symbol) -> float:
    lowest, highest = low * (1 - _SLACK), high * (1 + _SLACK)
    for unit in _BOND_UNITS if symbol.kind == "bond" else _UNITS:
        shares, off = volume * unit, rounding * unit
        if turnover <= highest * (shares + off) and turnover >= lowest * max(shares - off, 0.0):
            return unit
    return 0.0


def put_book(
    field: Field, bids: list[float], bid_sizes: list[float], asks: list[float], ask_sizes: list[float], unit: float
) -> None:
    """Five levels. A level without price has no size, but the second of a call auction: its size is what is left over.

    In an auction both first levels show the price at which it would match (spec 6.2).
    """
    if max(bids) >= PRICE_LIMIT or max(asks) >= PRICE_LIMIT:
        raise Damaged("a price of the book is beyond all reason")
    if max(bid_sizes) >= numbers.AMOUNT_LIMIT or max(ask_sizes) >= numbers.AMOUNT_LIMIT:
        raise Damaged("a size of the book is beyond all reason")
    if unit >= 1 and all(bids) and all(asks):
        if unit != 1:
            bid_sizes = [size * unit for size in bid_sizes]
            ask_sizes = [size * unit for size in ask_sizes]
        _put_full_book(field, bids, list(map(int, bid_sizes)), asks, list(map(int, ask_sizes)))
        return
    is_auction = bids[0] == asks[0] != 0
    for names, prices, sizes in ((BIDS, bids, bid_sizes), (ASKS, asks, ask_sizes)):
        for level in range(5):
            level_price, size = prices[level], sizes[level]
            if level_price:
                setattr(field, names[level][0], level_price)
            elif level != 1 or not is_auction:
                continue
            if size:
                shares = int(size * unit + 0.5) if unit != 1 else int(size)
                setattr(field, names[level][1], shares if shares <= INT32_MAX else INT32_MAX)


def _put_full_book(
    field: Field, bids: list[float], bid_sizes: list[int], asks: list[float], ask_sizes: list[int]
) -> None:
    """The ordinary case, written out: it is nearly every row of a trading day."""
    if max(bid_sizes) > INT32_MAX or max(ask_sizes) > INT32_MAX:
        bid_sizes = [min(size, INT32_MAX) for size in bid_sizes]
        ask_sizes = [min(size, INT32_MAX) for size in ask_sizes]
    field.BidPrice1, field.BidPrice2, field.BidPrice3, field.BidPrice4, field.BidPrice5 = bids
    field.AskPrice1, field.AskPrice2, field.AskPrice3, field.AskPrice4, field.AskPrice5 = asks
    field.BidVolume1, field.BidVolume2, field.BidVolume3, field.BidVolume4, field.BidVolume5 = bid_sizes
    field.AskVolume1, field.AskVolume2, field.AskVolume3, field.AskVolume4, field.AskVolume5 = ask_sizes


def _falls(prices: list[float]) -> bool:
    first, second, third, fourth, fifth = prices
    if first > second > third > fourth > fifth:
        return True
    known = [price for price in prices if price]
    return all(higher > lower for higher, lower in pairwise(known))


def _rises(prices: list[float]) -> bool:
    first, second, third, fourth, fifth = prices
    if 0 < first < second < third < fourth < fifth:
        return True
    known = [price for price in prices if price]
    return all(lower < higher for lower, higher in pairwise(known))
