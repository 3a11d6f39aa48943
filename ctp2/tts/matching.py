"""Matching between users (撮合): one book per instrument, price then time priority (spec 3.10).

A match trades at the middle one of buy price, sell price and last price. The instrument's last price and quote are
those of this book.
"""

from __future__ import annotations

from ctp2.tts.book import Side
from ctp2.tts.contract import Contract
from ctp2.tts.events import Event
from ctp2.tts.orders import Order
from ctp2.tts.quoting import rest_price
from ctp2.tts.reports import Fill, Reporter
from ctp2.tts.terms import (
    BEST_PRICE,
    COMPLETE_VOLUME,
    CONTINUOUS,
    FIVE_LEVEL_PRICE,
    IOC,
    MIN_VOLUME,
    NO_PRICE,
)

_LEVELS = {BEST_PRICE: 1, FIVE_LEVEL_PRICE: 5}
"""How many price levels of the other side an order type may take; others take all that its price allows."""
DEPTH = 5


class Match:
    """A maker and how much of it is taken, decided before anything is told."""

    __slots__ = ("maker", "price", "volume")

    def __init__(self, maker: Order, price: int, volume: int) -> None:
        self.maker: Order = maker
        self.price: int = price
        self.volume: int = volume


class Book:
    """Both sides of one instrument, and what its market data need: the day's volume, turnover and extremes."""

    __slots__ = ("buys", "contract", "high", "low", "open", "sells", "turnover", "version", "volume")

    def __init__(self, contract: Contract) -> None:
        self.contract: Contract = contract
        self.buys: Side = Side(is_buy=True)
        self.sells: Side = Side(is_buy=False)
        self.volume: int = 0
        self.turnover: int = 0
        self.open: int = NO_PRICE
        self.high: int = NO_PRICE
        self.low: int = NO_PRICE
        self.version: int = 0

    def own(self, order: Order) -> Side:
        """The side that ``order`` rests on."""
        return self.buys if order.is_buy else self.sells

    def other(self, order: Order) -> Side:
        """The side that ``order`` trades with."""
        return self.sells if order.is_buy else self.buys

    def publish(self) -> None:
        """Carry the best prices into the contract's quote and mark the book as changed."""
        bids, asks = self.buys.depth(1), self.sells.depth(1)
        self.contract.bid, self.contract.bid_volume = bids[0] if bids else (NO_PRICE, 0)
        self.contract.ask, self.contract.ask_volume = asks[0] if asks else (NO_PRICE, 0)
        self.version += 1

    def traded(self, price: int, volume: int) -> None:
        """One match happened."""
        self.volume += volume
        self.turnover += price * volume * self.contract.notional_micro
        self.contract.last = price
        if self.open == NO_PRICE:
            self.open = self.high = self.low = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)


class MatchingMarket:
    """All instruments in which users trade with each other."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter: Reporter = reporter
        self.books: dict[int, Book] = {}

    def add(self, contract: Contract) -> None:
        """Serve an instrument."""
        self.books[contract.index] = Book(contract)

    def arrive(self, order: Order) -> None:
        """A new order takes what it may, then rests or is cancelled."""
        book = self.books[order.contract.index]
        matches = self._matches(book, order) if order.contract.phase == CONTINUOUS else []
        self._carry_out(book, order, matches)
        book.publish()
        self.reporter.state.mark(order.contract)

    def withdraw(self, order: Order) -> None:
        """Take a resting order out."""
        book = self.books[order.contract.index]
        book.own(order).remove(order)
        book.publish()

    def open(self, contract: Contract, now_ns: int) -> list[Event]:
        """Continuous trading begins: orders that crossed while they were collected trade now."""
        book = self.books[contract.index]
        events = self.reporter.begin(now_ns)
        while True:
            buy, sell = book.buys.first(), book.sells.first()
            if buy is None or sell is None or not buy.reaches(NO_PRICE, sell.price):
                break
            taker, maker = (buy, sell) if buy.order_id > sell.order_id else (sell, buy)
            volume = min(buy.volume - buy.traded, sell.volume - sell.traded)
            self._tell(book, taker, Match(maker, _middle(book, taker, maker), volume))
            if taker.is_final():
                book.own(taker).remove(taker)
        book.publish()
        self.reporter.state.mark(contract)
        return events

    # ------------------------------------------------------------------ inside
    def _matches(self, book: Book, order: Order) -> list[Match]:
        """What the order would take now: nothing when its volume condition cannot be met."""
        matches: list[Match] = []
        left = order.volume
        levels = _LEVELS.get(order.terms.price_type, 0)
        other = book.other(order)
        for count, key in enumerate(reversed(other.keys)):
            if left == 0 or (levels and count == levels):
                break
            for maker in other.levels[key].values():
                if left == 0 or not _crosses(order, maker):
                    break
                volume = min(left, maker.volume - maker.traded)
                matches.append(Match(maker, _middle(book, order, maker), volume))
                left -= volume
        taken = order.volume - left
        condition = order.terms.volume_condition
        if condition == COMPLETE_VOLUME and left and order.terms.time_condition == IOC:
            return []
        if condition == MIN_VOLUME and taken < max(order.terms.min_volume, 1):
            return []
        return matches

    def _carry_out(self, book: Book, order: Order, matches: list[Match]) -> None:
        """Tell the taker's whole sequence, each maker's fill right after the taker's trade; rest what is left."""
        taken = sum(match.volume for match in matches)
        has_rest = taken < order.volume
        price = rest_price(order, matches[-1].price if matches else NO_PRICE)
        cancels = order.terms.time_condition == IOC or (has_rest and price == NO_PRICE)
        first_trade = self.reporter.state.last_trade_id + 1
        fills = [Fill(match.price, match.volume, first_trade + index) for index, match in enumerate(matches)]
        self.reporter.arrived(order, fills, cancels, price)
        for match, fill in zip(matches, fills, strict=True):
            self._fill_maker(book, match.maker, fill)
        if not order.is_final():
            book.own(order).add(order)

    def _tell(self, book: Book, taker: Order, match: Match) -> None:
        fill = Fill(match.price, match.volume, self.reporter.state.last_trade_id + 1)
        self.reporter.filled(taker, fill)
        self._fill_maker(book, match.maker, fill)

    def _fill_maker(self, book: Book, maker: Order, fill: Fill) -> None:
        self.reporter.filled(maker, fill)
        if maker.is_final():
            book.own(maker).remove(maker)
        book.traded(fill.price, fill.volume)


def _crosses(order: Order, maker: Order) -> bool:
    """Whether two opposite orders can trade (a resting order always has a price)."""
    return order.reaches(maker.price, maker.price)


def _middle(book: Book, taker: Order, maker: Order) -> int:
    """The middle one of buy price, sell price and last price (spec 3.9); a market order takes the other's price."""
    if taker.price == NO_PRICE or book.contract.last == NO_PRICE:
        return maker.price
    return sorted((taker.price, maker.price, book.contract.last))[1]
