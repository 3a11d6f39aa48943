"""Rows → ``CThostFtdcDepthMarketDataField``. Pure functions; what depends on earlier rows is left to the backend.

A row's layout follows from its source and its instrument's kind; each is one function of ``translate_cn``,
``translate_futures`` or ``translate_world``, whose docstring names the table of spec quotes 4. Conventions (spec 3):
0 is no price, and no price is DBL_MAX; sizes, volume, turnover and average price are never DBL_MAX; prices are the
double next to the decimal text; times are those of the exchange (New York for US).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ctp2.ctp.structs import CThostFtdcDepthMarketDataField
from ctp2.quotes import numbers
from ctp2.quotes.numbers import INT32_MAX, PRICE_LIMIT, Damaged, price
from ctp2.refdata.ticks import DBL_MAX

if TYPE_CHECKING:
    from ctp2.quotes.sources import Layout
    from ctp2.quotes.symbols import Symbol

Field = CThostFtdcDepthMarketDataField

_PRICES: Final = (
    *("LastPrice", "PreSettlementPrice", "PreClosePrice", "OpenPrice", "HighestPrice", "LowestPrice", "ClosePrice"),
    *("SettlementPrice", "UpperLimitPrice", "LowerLimitPrice", "PreDelta", "CurrDelta"),
    *(f"{side}Price{level}" for level in range(1, 6) for side in ("Bid", "Ask")),
    *("BandingUpperPrice", "BandingLowerPrice"),
)


def _blank() -> Field:
    field = Field()
    for name in _PRICES:
        setattr(field, name, DBL_MAX)
    return field


BLANK: Final = _blank()
"""A record that knows nothing."""


class Reading:
    """What a row says. ``field`` has no InstrumentID yet; ``volume`` is not clamped to 32 bits.

    ``moment`` orders rows of one instrument (YYYYMMDDHHMMSSmmm of the exchange). ``keeps_volume``: no unit of Volume
    and Turnover fits the prices, so those of the row before stay (spec 3.9). ``remark`` is worth one line in the log.
    """

    __slots__ = ("field", "keeps_volume", "moment", "name", "remark", "volume")

    def __init__(self, field: Field, moment: int, volume: int, name: str) -> None:
        self.field = field
        self.moment = moment
        self.volume = volume
        self.name = name
        self.keeps_volume = False
        self.remark = ""


Read = Callable[["Symbol", list[str]], "Reading | None"]

Side = Sequence[tuple[float, float]]
"""Prices and sizes of one side, level 1 first."""


def tick_to_ctp(layout: Layout, symbol: Symbol, row: str) -> Reading | None:
    """The reading of a row; None when it holds no quote (nothing, a delisted or dead instrument).

    Raises:
        Damaged: it cannot be a row of this instrument.
    """
    if not row:
        return None
    read, separator = _layouts()[layout, symbol.kind if symbol.market in ("cn", "nf") else symbol.market]
    try:
        return read(symbol, row.split(separator))
    except (IndexError, OverflowError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error


_table: dict[tuple[str, str], tuple[Read, str]] = {}


def _layouts() -> dict[tuple[str, str], tuple[Read, str]]:
    """(source, kind or market) → reader and separator. Made late: the readers import this module."""
    if not _table:
        from ctp2.quotes import translate_cn, translate_futures, translate_world

        mainland = ("stock", "star", "fund", "bond", "repo", "index")
        _table.update({("sina", kind): (translate_cn.sina, ",") for kind in mainland})
        _table.update({("tencent", kind): (translate_cn.tencent, "~") for kind in mainland})
        _table.update(
            {
                ("sina", "future"): (translate_futures.commodity, ","),
                ("sina", "cffex"): (translate_futures.cffex, ","),
                ("sina", "hf"): (translate_futures.overseas, ","),
                ("tencent", "hf"): (translate_futures.overseas, ","),
                ("sina", "hk"): (translate_world.sina_hk, ","),
                ("sina", "us"): (translate_world.sina_us, ","),
                ("tencent", "hk"): (translate_world.tencent_hk, "~"),
                ("tencent", "us"): (translate_world.tencent_us, "~"),
            }
        )
    return _table


# ------------------------------------------------------------------ what the readers share
def begin(symbol: Symbol, trading_day: str, action_day: str, update_time: str, millisec: int = 0) -> Field:
    """A record of an instrument at a moment, without figures."""
    field: Field = BLANK.__copy__()
    field.ExchangeID = symbol.exchange
    field.ExchangeInstID = symbol.code
    field.TradingDay = trading_day
    field.ActionDay = action_day
    field.UpdateTime = update_time
    field.UpdateMillisec = millisec
    return field


def put_prices(field: Field, last: float, opening: float, high: float, low: float, previous: float) -> None:
    """The prices that every layout has; the previous one is the close.

    Raises:
        Damaged: one is beyond all reason.
    """
    for value in (last, opening, high, low, previous):
        if not -PRICE_LIMIT < value < PRICE_LIMIT:
            raise Damaged(f"a price of {value!r}")
    field.LastPrice = last or DBL_MAX
    field.OpenPrice = opening or DBL_MAX
    field.HighestPrice = high or DBL_MAX
    field.LowestPrice = low or DBL_MAX
    field.PreClosePrice = previous or DBL_MAX


def put_volume(field: Field, volume: float, turnover: float) -> int:
    """Volume, clamped to CTP's 32 bits, and turnover; returns the whole volume.

    Raises:
        Damaged: one is negative or beyond all reason.
    """
    if not 0 <= volume < numbers.AMOUNT_LIMIT or not 0 <= turnover < numbers.AMOUNT_LIMIT:
        raise Damaged(f"a volume of {volume!r}, a turnover of {turnover!r}")
    whole = int(volume)
    field.Volume = whole if whole <= INT32_MAX else INT32_MAX
    field.Turnover = turnover
    return whole


def put_level_1(field: Field, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
    """The best level; a side without price has no size."""
    numbers.checked(bid, PRICE_LIMIT)
    numbers.checked(ask, PRICE_LIMIT)
    field.BidPrice1 = price(bid)
    field.AskPrice1 = price(ask)
    field.BidVolume1 = size_of(bid_size) if bid else 0
    field.AskVolume1 = size_of(ask_size) if ask else 0


def size_of(size: float) -> int:
    """A size for CTP's 32 bits."""
    if not 0 <= size < numbers.AMOUNT_LIMIT:
        raise Damaged(f"a size of {size!r}")
    return int(min(size, INT32_MAX))
