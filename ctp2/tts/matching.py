"""Matching between users (撮合): one book per instrument, price then time priority (spec 3.10).

Continuous trading by price, then time; what was collected in a call auction trades at one price. The instrument's last
price and quote are those of this book.
"""

from __future__ import annotations

from ctp2.tts.auction import AuctionResult, auction_price
from ctp2.tts.book import Side
from ctp2.tts.contract import Contract
from ctp2.tts.events import Event
from ctp2.tts.native import mypyc_attr
from ctp2.tts.orders import Order
from ctp2.tts.quoting import cancels_market_rest, rest_price
from ctp2.tts.reports import Fill, Reporter
from ctp2.tts.terms import (
    ANY_PRICE,
    AUCTION_BALANCE,
    AUCTION_ORDERING,
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
_COLLECTS = (AUCTION_ORDERING, AUCTION_BALANCE)
_EMPTY = (NO_PRICE, 0)
"""Price and volume of a side where nothing is shown."""


@mypyc_attr(acyclic=True)
class Match:
    """A maker and how much of it is taken, decided before anything is told."""

    __slots__ = ("maker", "price", "volume")

    def __init__(self, maker: Order, price: int, volume: int) -> None:
        self.maker: Order = maker
        self.price: int = price
        self.volume: int = volume


class Book:
    """Both sides of one instrument, and what its market data need: the day's volume, turnover and extremes."""

    __slots__ = ("buys", "changed", "contract", "high", "low", "open", "sells", "turnover", "volume")

    def __init__(self, contract: Contract, changed: dict[int, Book]) -> None:
        self.contract: Contract = contract
        self.changed: dict[int, Book] = changed
        self.buys: Side = Side(is_buy=True)
        self.sells: Side = Side(is_buy=False)
        self.volume: int = 0
        self.turnover: int = 0
        self.open: int = NO_PRICE
        self.high: int = NO_PRICE
        self.low: int = NO_PRICE

    def own(self, order: Order) -> Side:
        """The side that ``order`` rests on."""
        return self.buys if order.is_buy else self.sells

    def other(self, order: Order) -> Side:
        """The side that ``order`` trades with."""
        return self.sells if order.is_buy else self.buys

    def publish(self) -> None:
        """Carry the best prices into the contract's quote and mark the book as changed."""
        bids, asks = self.shown(1)
        self.contract.bid, self.contract.bid_volume = bids[0] if bids else _EMPTY
        self.contract.ask, self.contract.ask_volume = asks[0] if asks else _EMPTY
        self.changed[self.contract.index] = self

    def shown(self, count: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """What the market sees of both sides, the best ``count`` levels: and never a bid above an ask.

        Orders that an auction collects are seen by nobody on futures exchanges. Stock exchanges show the price and
        volume that the auction would have now on both sides, and the book while there is none (docs/decisions/0082).
        """
        bids, asks = self.buys.depth(count), self.sells.depth(count)
        phase = self.contract.phase
        if phase == CONTINUOUS:
            return bids, asks
        crosses = bool(bids and asks) and bids[0][0] >= asks[0][0]
        if not crosses and (self.contract.is_security or phase not in _COLLECTS):
            return bids, asks
        if not self.contract.is_security:
            return [], []
        result = self.auction()
        return [(result.price, result.volume)], [(result.price, result.volume)]

    def changes_with_phase(self) -> bool:
        """Whether the market does not see the book as it now is to be seen."""
        bids, asks = self.shown(1)
        contract = self.contract
        shown = (contract.bid, contract.bid_volume, contract.ask, contract.ask_volume)
        return shown != (*(bids[0] if bids else _EMPTY), *(asks[0] if asks else _EMPTY))

    def auction(self) -> AuctionResult:
        """What a call auction of the book would have now."""
        buys, sells = self.buys, self.sells
        return auction_price(buys.depth(len(buys.keys)), sells.depth(len(sells.keys)), self.contract.reference_price())

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
        self.changed: dict[int, Book] = {}

    def add(self, contract: Contract) -> None:
        """Serve an instrument."""
        self.books[contract.index] = Book(contract, self.changed)

    def arrive(self, order: Order) -> None:
        """A new order takes what it may, then rests or is cancelled."""
        book = self.books[order.contract.index]
        matches = self._matches(book, order) if order.contract.phase == CONTINUOUS else []
        self._carry_out(book, order, matches)
        book.publish()
        self.reporter.state.mark(order.contract)

    def enter(self, order: Order) -> None:
        """A stop order whose price came: it trades as if it arrived now; a market order's rest is cancelled."""
        book = self.books[order.contract.index]
        matches = self._matches(book, order) if order.contract.phase == CONTINUOUS else []
        for match in matches:
            fill = Fill(match.price, match.volume, self.reporter.state.last_trade_id + 1)
            self.reporter.filled(order, fill)
            self._fill_resting(book, match.maker, fill)
            book.traded(fill.price, fill.volume)
        if not order.is_final() and order.price == NO_PRICE:
            self.reporter.cancelled(order, "")
        elif not order.is_final():
            book.own(order).add(order)
        book.publish()
        self.reporter.state.mark(order.contract)

    def withdraw(self, order: Order) -> None:
        """Take a resting order out."""
        book = self.books[order.contract.index]
        book.own(order).remove(order)
        book.publish()

    def uncross(self, contract: Contract, now_ns: int) -> list[Event]:
        """The call auction: what was collected trades at one price, by price and then time on either side."""
        book = self.books[contract.index]
        events = self.reporter.begin(now_ns)
        result = book.auction()
        left = result.volume
        while left > 0:
            buy, sell = book.buys.first(), book.sells.first()
            assert buy is not None and sell is not None
            volume = min(left, buy.volume - buy.traded, sell.volume - sell.traded)
            fill = Fill(result.price, volume, self.reporter.state.last_trade_id + 1)
            self._fill_resting(book, buy, fill)
            self._fill_resting(book, sell, fill)
            book.traded(result.price, volume)
            left -= volume
        if result.volume:
            book.publish()
            self.reporter.state.mark(contract)
        return events

    def show(self, contract: Contract) -> None:
        """A new phase may show or hide what is in the book."""
        book = self.books[contract.index]
        if book.changes_with_phase():
            book.publish()

    # ------------------------------------------------------------------ inside
    def _matches(self, book: Book, order: Order) -> list[Match]:
        """What the order would take now: nothing when its volume condition cannot be met."""
        matches: list[Match] = []
        left = order.volume
        price_type = order.terms.price_type
        levels = 5 if price_type == ANY_PRICE and order.contract.takes_five else _LEVELS.get(price_type, 0)
        other = book.other(order)
        # A level's key is larger the better its price: what the order may take has at least this key.
        worst = NO_PRICE if order.price == NO_PRICE else order.price * other.sign
        for count, key in enumerate(reversed(other.keys)):
            if left == 0 or key < worst or (levels and count == levels):
                break
            for maker in other.levels[key]:
                if left == 0:
                    break
                volume = min(left, maker.volume - maker.traded)
                matches.append(Match(maker, _price(book, order, maker), volume))
                left -= volume
        taken = order.volume - left
        condition = order.terms.volume_condition
        if order.terms.time_condition != IOC:
            return matches  # volume conditions are read for IOC only (spec 3.1, 3.2)
        if condition == COMPLETE_VOLUME and left:
            return []
        if condition == MIN_VOLUME and taken < max(order.terms.min_volume, 1):
            return []
        return matches

    def _carry_out(self, book: Book, order: Order, matches: list[Match]) -> None:
        """Tell the taker's whole sequence, each maker's fill right after the taker's trade; rest what is left."""
        taken = sum(match.volume for match in matches)
        has_rest = taken < order.volume
        price = rest_price(order, matches[-1].price if matches else NO_PRICE)
        cancels = (
            order.terms.time_condition == IOC
            or (has_rest and price == NO_PRICE)
            or (order.price == NO_PRICE and cancels_market_rest(order))
        )
        first_trade = self.reporter.state.last_trade_id + 1
        fills = [Fill(match.price, match.volume, first_trade + index) for index, match in enumerate(matches)]
        self.reporter.arrived(order, fills, cancels, price)
        for match, fill in zip(matches, fills, strict=True):
            self._fill_resting(book, match.maker, fill)
            book.traded(fill.price, fill.volume)
        if not order.is_final():
            book.own(order).add(order)

    def _fill_resting(self, book: Book, order: Order, fill: Fill) -> None:
        """A fill of an order in the book, which leaves it when nothing is left."""
        side = book.own(order)
        if order.traded + fill.volume == order.volume:
            side.remove(order)
        else:
            side.reduce(order, fill.volume)
        self.reporter.filled(order, fill)


def _price(book: Book, taker: Order, maker: Order) -> int:
    """What a match trades at. A market order takes the other's price.

    Stock exchanges: the resting order's price. Futures exchanges: the middle one of buy price, sell price and last
    price (spec 3.9).
    """
    last = book.contract.last
    if book.contract.is_security or taker.price == NO_PRICE or last == NO_PRICE:
        return maker.price
    low, high = (maker.price, taker.price) if taker.is_buy else (taker.price, maker.price)
    return low if last < low else high if last > high else last
