"""The market in which orders really trade: the embedded counter's matching, with the quoted sizes as the other side.

Orders of clients rest in one book per contract by price, then time, and trade with one another. What market data quote
stands behind them as *the house*: it enters the book only when somebody can trade with it, so that quotes cost nothing
while nobody trades. A trade happens at the price of the order that was there first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ctp2.core.clock import Clock
from ctp2.refdata.models import FUTURE, Commission, Instrument, MarginRate
from ctp2.testing.tws.contracts import Listed
from ctp2.tts import terms
from ctp2.tts.commands import ConfirmSettlement, InsertOrder, OpenAccount
from ctp2.tts.contract import Contract
from ctp2.tts.engine import Engine, Settings
from ctp2.tts.events import Event, InsertRefused, OrderInserted, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.profiles import profile_for
from ctp2.tts.state import State

Level = tuple[float, float]
"""Price and size."""

_VENUE: Final = "IB"
_HOUSE: Final = "house"
_CLIENTS: Final = "clients"
_LOWEST: Final = -(1 << 60)
_LARGEST_SCALE: Final = 1_000_000
_FREE: Final = MarginRate()


@dataclass(frozen=True, slots=True)
class How:
    """What kind of order it is, in the counter's letters."""

    price_type: str = terms.LIMIT_PRICE
    time: str = terms.GFD
    volume: str = terms.ANY_VOLUME


LIMIT: Final = How()
MARKET: Final = How(terms.ANY_PRICE)
TO_LIMIT: Final = How(terms.BEST_PRICE)
"""Takes the best price, and what is left waits there."""
IOC: Final = How(time=terms.IOC)
FOK: Final = How(time=terms.IOC, volume=terms.COMPLETE_VOLUME)
IOC_MINIMUM: Final = How(time=terms.IOC, volume=terms.MIN_VOLUME)


class RefusedByMatching(Exception):
    """The counter takes no such order; the text says why."""


class Ticket:
    """An order in the market. ``is_working``: it may trade later."""

    __slots__ = ("_order", "key", "place")

    def __init__(self, key: object, place: _Place, order: Order) -> None:
        self.key = key
        self.place = place
        self._order = order

    @property
    def order(self) -> Order:
        """The counter's own."""
        return self._order

    @property
    def is_working(self) -> bool:
        """Whether it waits in the book."""
        return not self._order.is_final()

    @property
    def price(self) -> float | None:
        """What it works at; None for a market order."""
        return None if self._order.price == terms.NO_PRICE else self._order.price / self.place.contract.price_scale


class _Place:
    """A contract in the counter, with what is quoted."""

    def __init__(self, listed: Listed, contract: Contract) -> None:
        self.listed = listed
        self.contract = contract
        increment = Decimal(listed.size_increment)
        self.unit = increment if increment < 1 else Decimal(1)
        self.bids: list[Level] = []
        self.asks: list[Level] = []
        self.last: float | None = None
        self.prints: list[Level] = []
        """Price and size of each trade that nobody asked for yet."""


Filled = Callable[[Ticket, Decimal, float, bool], None]
"""An order of a client traded: how much, at which price, and whether it took (else it waited)."""


class Exchange:
    """All books. ``on_fill`` hears every fill of a client's order, the taker's first."""

    def __init__(self, clock: Clock, on_fill: Filled) -> None:
        self._clock = clock
        self._on_fill = on_fill
        self._places: dict[int, _Place] = {}
        self._tickets: dict[int, Ticket] = {}
        self._engine = Engine(State("20000101"), Settings(checks=False))
        for account in (_HOUSE, _CLIENTS):
            self._engine.open_account(OpenAccount(1, account, {"CNY": 0}))
            self._engine.confirm_settlement(ConfirmSettlement(1, account))

    # ------------------------------------------------------------------ quotes
    def knows(self, listed: Listed) -> bool:
        """Whether the contract was quoted or traded."""
        return listed.con_id in self._places

    def take_prints(self, listed: Listed) -> list[Level]:
        """Price and size of each trade since the last call, oldest first."""
        place = self._place(listed)
        prints, place.prints = place.prints, []
        return prints

    def quoted(self, listed: Listed) -> tuple[list[Level], list[Level], float | None]:
        """Bids, asks and the last price, as they stand after what clients took."""
        place = self._place(listed)
        return list(place.bids), list(place.asks), place.last

    def quote(self, listed: Listed, bids: Sequence[Level], asks: Sequence[Level], last: float | None = None) -> None:
        """What is quoted from now on, best level first; orders that it reaches trade. ``last`` None: as before."""
        place = self._place(listed)
        place.bids, place.asks = list(bids), list(asks)
        if last is not None:
            place.last = last
        book = self._engine.matching.books[place.contract.index]
        if book.buys.keys:
            self._cross(place, is_buy=False)
        if book.sells.keys:
            self._cross(place, is_buy=True)

    def trade_at(self, listed: Listed, is_buy: bool, quantity: Decimal, price: float) -> Decimal:
        """Somebody comes to buy (sell) so much at ``price`` or better, and goes; how much it got.

        Resting orders trade by price, then time.
        """
        place = self._place(listed)
        return self._house(place, is_buy, price, float(quantity), IOC).order.traded * place.unit

    # ------------------------------------------------------------------ orders
    def enter(
        self,
        key: object,
        listed: Listed,
        is_buy: bool,
        quantity: Decimal,
        price: float | None,
        how: How,
        minimum: int = 0,
    ) -> Ticket:
        """An order arrives: it trades with what is there, and waits with the rest where its kind says so.

        Raises:
            RefusedByMatching: the counter takes no such order.
        """
        place = self._place(listed)
        house = self._stand_behind(place, not is_buy)
        try:
            ticket, events = self._insert(key, place, _CLIENTS, is_buy, quantity, price, how, minimum)
            self._tickets[ticket.order.order_id] = ticket
            self._tell(events, ticket)
        finally:
            self._leave(place, not is_buy, house)
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Take an order that waits out of the book."""
        if ticket.is_working:
            self._engine.reporter.begin(self._clock.now_ns())
            self._engine.take_out(ticket.order, self._clock.now_ns())
        self._tickets.pop(ticket.order.order_id, None)

    # ------------------------------------------------------------------ the house
    def _stand_behind(self, place: _Place, is_buy: bool) -> list[Ticket]:
        """Put the quoted levels of one side into the book."""
        levels = place.bids if is_buy else place.asks
        return [self._house(place, is_buy, price, size, LIMIT) for price, size in levels if size > 0]

    def _leave(self, place: _Place, is_buy: bool, house: Sequence[Ticket]) -> None:
        """Take what nobody wanted out again; it is what is quoted from now on."""
        left: list[Level] = []
        for ticket in house:
            order = ticket.order
            rest = (order.volume - order.traded) * place.unit
            if rest > 0:
                price = ticket.price
                assert price is not None
                left.append((price, float(rest)))
                self.withdraw(ticket)
        if is_buy:
            place.bids = left
        else:
            place.asks = left

    def _cross(self, place: _Place, is_buy: bool) -> None:
        """The quoted levels of one side trade with the orders that they reach."""
        levels = place.bids if is_buy else place.asks
        left: list[Level] = []
        for price, size in levels:
            taken = Decimal(0)
            if size > 0 and self._reaches(place, is_buy, price):
                order = self._house(place, is_buy, price, size, IOC).order
                taken = order.traded * place.unit
            if size > float(taken):
                left.append((price, size - float(taken)))
        if is_buy:
            place.bids = left
        else:
            place.asks = left

    def _reaches(self, place: _Place, is_buy: bool, price: float) -> bool:
        book = self._engine.matching.books[place.contract.index]
        side = book.sells if is_buy else book.buys
        units = round(price * place.contract.price_scale)
        return bool(side.reached_by(units))

    def _house(self, place: _Place, is_buy: bool, price: float, size: float, how: How) -> Ticket:
        ticket, events = self._insert(None, place, _HOUSE, is_buy, Decimal(repr(size)), price, how, 0)
        self._tell(events)
        return ticket

    # ------------------------------------------------------------------ the counter
    def _place(self, listed: Listed) -> _Place:
        place = self._places.get(listed.con_id)
        if place is None:
            contract = _contract(len(self._places), listed)
            self._engine.add_contract(contract)
            place = self._places[listed.con_id] = _Place(listed, contract)
        return place

    def _insert(
        self,
        key: object,
        place: _Place,
        account: str,
        is_buy: bool,
        quantity: Decimal,
        price: float | None,
        how: How,
        minimum: int,
    ) -> tuple[Ticket, list[Event]]:
        place.contract.last = terms.NO_PRICE  # so that the counter trades at the price of the order that was there
        events = self._engine.insert_order(
            InsertOrder(
                now_ns=self._clock.now_ns(),
                front_id=1,
                session_id=1 if account == _CLIENTS else 2,
                account_id=account,
                investor_id=account,
                user_id=account,
                exchange=_VENUE,
                instrument=place.contract.code,
                order_ref="",
                direction=terms.BUY if is_buy else terms.SELL,
                comb_offset=terms.OPEN,
                price=0.0 if price is None else price,
                volume=int(quantity / place.unit),
                price_type=how.price_type,
                time_condition=how.time,
                volume_condition=how.volume,
                min_volume=minimum,
            )
        )
        order: Order | None = None
        for event in events:
            if isinstance(event, OrderInserted):
                order = event.order
            elif isinstance(event, InsertRefused):
                raise RefusedByMatching(f"the matching refuses it with error {event.error_id}")
            elif isinstance(event, OrderReport) and event.order is order and event.reason:
                raise RefusedByMatching(f"the matching refuses it for reason {event.reason}")
        assert order is not None
        return Ticket(key, place, order), events

    def _tell(self, events: Sequence[Event], taker: Ticket | None = None) -> None:
        """Hand the fills of clients' orders on. The two sides of a trade are two events, one print."""
        fills: list[tuple[Ticket, TradeDone]] = []
        for event in events:
            if not isinstance(event, TradeDone):
                continue
            ticket = self._tickets.get(event.order.order_id)
            if ticket is not None:
                fills.append((ticket, event))
        for ticket, event in fills:
            place = ticket.place
            price = event.price / place.contract.price_scale
            size = event.volume * place.unit
            place.last = price
            if taker is None or ticket is taker:
                place.prints.append((price, float(size)))
            self._on_fill(ticket, size, price, ticket is taker)
            if not ticket.is_working:
                self._tickets.pop(event.order.order_id, None)


def _contract(index: int, listed: Listed) -> Contract:
    """The contract with one decimal more than its tick, so that quotes may lie between."""
    tick = Decimal(repr(listed.min_tick)).normalize()
    exponent = tick.as_tuple().exponent
    assert isinstance(exponent, int)
    scale = 10 ** min(max(1 - exponent, 0), 9)
    instrument = Instrument(
        exchange=_VENUE,
        code=str(listed.con_id),
        product=str(listed.con_id),
        product_class=FUTURE,
        multiplier=max(scale // _LARGEST_SCALE, 1),
        price_tick=Decimal(1) / scale,
        max_limit_volume=0,
    )
    contract = Contract(index, instrument, _FREE, Commission(), profile_for("clean", _VENUE), is_matched=True)
    contract.lower_limit = _LOWEST  # prices may be negative
    return contract
