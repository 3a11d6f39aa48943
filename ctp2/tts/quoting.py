"""Market making (做市): orders trade against the replayed or live quote, not against each other (spec 3.10).

An order fills when it reaches the quote: everything, or (seeded chance) a part now and the rest about a second later if
the quote still allows. What the quote does not reach waits, indexed by price.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import Final

from ctp2.tts.book import Side
from ctp2.tts.contract import Contract
from ctp2.tts.draw import partial_volume
from ctp2.tts.events import Event
from ctp2.tts.orders import Order
from ctp2.tts.reports import Fill, Reporter
from ctp2.tts.terms import (
    ANY_PRICE,
    AUCTION_MATCH,
    COMPLETE_VOLUME,
    CONTINUOUS,
    IOC,
    LIMIT_PRICE,
    MIN_VOLUME,
    NO_PRICE,
)

RETRY_NS = 1_000_000_000
"""The rest of a partial fill is tried again after a second."""
_OFF_GRID: Final = 1e-5
"""A double this near to a whole price unit is meant to be it."""


class Waiting:
    """The orders of one instrument that no quote reached yet."""

    __slots__ = ("buys", "sells")

    def __init__(self) -> None:
        self.buys: Side = Side(is_buy=True)
        self.sells: Side = Side(is_buy=False)

    def side(self, order: Order) -> Side:
        """The half that ``order`` waits in."""
        return self.buys if order.is_buy else self.sells


class QuotingMarket:
    """All instruments that trade against their quotes."""

    def __init__(self, reporter: Reporter, seed: int, fills_full: bool, resting_opposite: bool) -> None:
        self.reporter: Reporter = reporter
        self.seed: int = seed
        self.fills_full: bool = fills_full
        self.resting_opposite: bool = resting_opposite
        self.waiting: dict[int, Waiting] = {}
        self.retries: list[tuple[int, int, Order, bool]] = []
        self.forced: dict[int, tuple[int, int]] = {}
        """Orders whose first fill is cut short (fault injection): order_id → lots, and how long the rest waits (ns)."""
        self.noted: list[tuple[int, int, bool]] | None = None
        """What a log needs besides events: order_id, when it is tried again (0: it waits for a quote, below: never),
        and whether it fills at the quote then."""

    def add(self, contract: Contract) -> None:
        """Serve an instrument."""
        self.waiting[contract.index] = Waiting()

    def arrive(self, order: Order) -> None:
        """A new order: one pass against the quote, then it waits or its rest is cancelled."""
        contract = order.contract
        bid, ask = _sides(contract)
        cancels_rest = order.terms.time_condition == IOC or (order.price == NO_PRICE and cancels_market_rest(order))
        fills = _NO_FILLS
        last_fill = NO_PRICE
        rest_ns = 0
        if contract.phase == CONTINUOUS and order.reaches(bid, ask):
            volume = self._first_volume(order)
            if self.forced and order.order_id in self.forced:
                volume, rest_ns = self._force(order, volume)
            if volume:
                last_fill = ask if order.is_buy else bid
                fills = [Fill(last_fill, volume)]
        price = rest_price(order, last_fill)
        if contract.takes_five and price == NO_PRICE:
            cancels_rest = True
        self.reporter.arrived(order, fills, cancels_rest, price)
        if order.is_final():
            return
        if fills or rest_ns:
            self._retry_later(order, at_quote=True, rest_ns=rest_ns)
        else:
            self.waiting[contract.index].side(order).add(order)

    def enter(self, order: Order) -> None:
        """A stop order whose price came: it trades as if it arrived now, what the quote does not take waits."""
        contract = order.contract
        bid, ask = _sides(contract)
        if contract.phase == CONTINUOUS and order.reaches(bid, ask):
            self._fill(order, bid, ask, at_quote=True)
        else:
            self.waiting[contract.index].side(order).add(order)

    def withdraw(self, order: Order) -> None:
        """Forget a waiting order; one that waits for its second pass is skipped there."""
        self.waiting[order.contract.index].side(order).remove(order)

    def on_quote(self, contract: Contract, now_ns: int) -> list[Event]:
        """Fill what the present quote reaches, best price and oldest order first."""
        waiting = self.waiting[contract.index]
        if not waiting.buys.keys and not waiting.sells.keys:
            return _NOTHING
        bid, ask = _sides(contract)
        reached = waiting.buys.reached_by(ask)
        reached.extend(waiting.sells.reached_by(bid))
        if not reached or contract.phase not in (CONTINUOUS, AUCTION_MATCH):
            return _NOTHING
        events = self.reporter.begin(now_ns)
        for order in reached:
            waiting.side(order).remove(order)
            self._fill(order, bid, ask, at_quote=False)
        return events

    def due(self, now_ns: int) -> list[Event]:
        """Try the rests of partial fills whose second is over."""
        events = self.reporter.begin(now_ns)
        while self.retries and self.retries[0][0] <= now_ns:
            _, _, order, at_quote = heappop(self.retries)
            if order.is_final():
                continue
            contract = order.contract
            bid, ask = _sides(contract)
            if contract.phase == CONTINUOUS and order.reaches(bid, ask):
                self._fill(order, bid, ask, at_quote)
            else:
                self.waiting[contract.index].side(order).add(order)
                if self.noted is not None:
                    self.noted.append((order.order_id, 0, False))
        return events

    def next_due_ns(self) -> int:
        """When ``due`` has something to do; 0 for never."""
        return self.retries[0][0] if self.retries else 0

    # ------------------------------------------------------------------ inside
    def _fill(self, order: Order, bid: int, ask: int, at_quote: bool) -> None:
        """One pass: an order that trades since its arrival fills at the quote, one that waited at its own price."""
        quote = ask if order.is_buy else bid
        price = quote if at_quote or self.resting_opposite or order.price == NO_PRICE else order.price
        volume = self._volume(order, order.volume - order.traded)
        rest_ns = 0
        if self.forced and order.order_id in self.forced:
            volume, rest_ns = self._force(order, volume)
        if volume:
            self.reporter.filled(order, Fill(price, volume))
        if not order.is_final():
            self._retry_later(order, at_quote, rest_ns)

    def _retry_later(self, order: Order, at_quote: bool, rest_ns: int = 0) -> None:
        """Try again after a second, or after ``rest_ns`` (below 0: never)."""
        due_ns = self.reporter.now_ns + (rest_ns or RETRY_NS) if rest_ns >= 0 else -1
        if due_ns >= 0:
            heappush(self.retries, (due_ns, order.order_id, order, at_quote))
        if self.noted is not None:
            self.noted.append((order.order_id, due_ns, at_quote))

    # ------------------------------------------------------------------ fault injection
    def force(self, order_id: int, lots: int, rest_ns: int) -> None:
        """Let an order to come fill ``lots`` at first, its rest after ``rest_ns`` (below 0: never)."""
        self.forced[order_id] = (lots, rest_ns or 1)

    def forget_forced(self, order_id: int) -> None:
        """The order did not come."""
        if order_id in self.forced:
            del self.forced[order_id]

    def _force(self, order: Order, volume: int) -> tuple[int, int]:
        """How much fills at once, and how long the rest waits; FOK is whole, and no less than a minimum fills."""
        lots, rest_ns = self.forced.pop(order.order_id)
        terms = order.terms
        if terms.volume_condition == COMPLETE_VOLUME:
            return volume, 0
        forced = min(lots, order.volume - order.traded)
        if terms.volume_condition == MIN_VOLUME and terms.time_condition == IOC and forced < max(terms.min_volume, 1):
            return 0, rest_ns
        return forced, rest_ns

    def _volume(self, order: Order, left: int) -> int:
        return left if self.fills_full else partial_volume(self.seed, order.order_id, order.traded, left)

    def _first_volume(self, order: Order) -> int:
        """FOK fills whole or not at all, a minimum volume fills nothing below it."""
        condition = order.terms.volume_condition
        if condition == COMPLETE_VOLUME:
            return order.volume
        volume = self._volume(order, order.volume)
        if condition == MIN_VOLUME and order.terms.time_condition == IOC and volume < max(order.terms.min_volume, 1):
            return 0
        return volume


def _sides(contract: Contract) -> tuple[int, int]:
    """Bid and ask that can be traded against: ``NO_PRICE`` for an empty side (limit board)."""
    bid = contract.bid if contract.bid_volume > 0 else NO_PRICE
    ask = contract.ask if contract.ask_volume > 0 else NO_PRICE
    return bid, ask


def cancels_market_rest(order: Order) -> bool:
    """Whether what a market order for the day leaves is cancelled (spec 3.10: CZCE)."""
    return order.terms.price_type == ANY_PRICE and order.contract.order_types.cancels_market_rest


def rest_price(order: Order, last_fill: int) -> int:
    """What an order works at once it arrived: its limit, or for a market order what its rest waits at (spec 3.10).

    Market GFD: the LimitPrice sent with it, cut to a tick and to the limits that an order may have, ``NO_PRICE`` (still
    a market order) when that is 0. Best price and five level to-limit: the last fill's price, ``NO_PRICE`` without one.
    """
    price_type = order.terms.price_type
    if price_type == LIMIT_PRICE:
        return order.price
    contract = order.contract
    if contract.takes_five and last_fill == NO_PRICE:
        # Best five to limit that found nothing waits at the best price of its own side (SSE and SZSE rules).
        bid, ask = _sides(contract)
        return bid if order.is_buy else ask
    if price_type != ANY_PRICE or contract.takes_five:
        return last_fill
    scaled = order.terms.price * order.contract.price_scale
    is_given = scaled == scaled and 0 < abs(scaled) < float(-NO_PRICE)
    if not is_given:
        return NO_PRICE
    return _legal_price(order, math.floor(scaled + _OFF_GRID) if order.is_buy else math.ceil(scaled - _OFF_GRID))


def _legal_price(order: Order, price: int) -> int:
    """``price`` within the limits and on the tick, never better for the other side than asked."""
    contract = order.contract
    if contract.upper_limit != NO_PRICE and price > contract.upper_limit:
        price = contract.upper_limit
    if contract.lower_limit != NO_PRICE and price < contract.lower_limit:
        price = contract.lower_limit
    tick = contract.instrument.tick_units_at(price) if contract.has_tick_bands else contract.tick_units
    down = price // tick * tick
    return down if order.is_buy or down == price else down + tick


_NO_FILLS: list[Fill] = []
_NOTHING: list[Event] = []
"""Shared empty lists; never changed."""
