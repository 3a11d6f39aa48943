"""The depth of a book between users as a snapshot, and what the engine needs of a snapshot."""

from __future__ import annotations

from ctp2.refdata.ticks import DBL_MAX, Tick
from ctp2.refdata.tradingday import action_day
from ctp2.tts.commands import Quote
from ctp2.tts.contract import Contract
from ctp2.tts.matching import DEPTH, Book
from ctp2.tts.terms import NO_PRICE
from ctp2.tts.values import date_of, price_to_ctp, time_of


def book_tick(book: Book, before: Tick, now_ns: int, trading_day: str) -> Tick:
    """A book as it is now; ``before`` is its last snapshot, whose reference prices stay."""
    contract = book.contract
    scale = contract.price_scale
    tick = Tick(
        before.instrument,
        now_ns,
        time_of(now_ns, contract.home),
        now_ns // 1_000_000 % 1000,
        action_day(contract.exchange, trading_day, date_of(now_ns, contract.home)),
        before.exchange,
        before.exchange_code,
        pre_settlement=before.pre_settlement,
        pre_close=before.pre_close,
        pre_open_interest=before.pre_open_interest,
        upper_limit=before.upper_limit,
        lower_limit=before.lower_limit,
        last=price_to_ctp(contract.last, scale),
        open=price_to_ctp(book.open, scale),
        high=price_to_ctp(book.high, scale),
        low=price_to_ctp(book.low, scale),
        volume=book.volume,
        turnover=book.turnover / 1e6,
    )
    bids, asks = book.shown(DEPTH)
    for name, side in (("bid", bids), ("ask", asks)):
        for level, (price, volume) in enumerate(side, 1):
            setattr(tick, f"{name}{level}", price / scale)
            setattr(tick, f"{name}_volume{level}", volume)
    return tick


def quote_of(contract: Contract, tick: Tick, now_ns: int, fills: bool = True) -> Quote:
    """Last price and best quote of a snapshot in the instrument's units; ``fills`` False: nobody may trade by it."""
    scale = contract.price_scale
    return Quote(
        now_ns,
        contract.index,
        NO_PRICE if tick.last == DBL_MAX else round(tick.last * scale),
        NO_PRICE if tick.bid1 == DBL_MAX or not fills else round(tick.bid1 * scale),
        tick.bid_volume1,
        NO_PRICE if tick.ask1 == DBL_MAX or not fills else round(tick.ask1 * scale),
        tick.ask_volume1,
    )
