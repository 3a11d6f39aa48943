"""Working orders back in their markets after recovery: in the queues, at the places and with the times they had.

Where an order waits follows from events (it is not final, and no stop that waits for its price) but for two things: its
place among equals when it was not queued at its arrival, and when the rest of a partial fill is tried again. The first
is seen from the stop that left, the second is noted in the log (``QuotingMarket.noted``).
"""

from __future__ import annotations

from heapq import heappush
from struct import Struct
from typing import Any, Final

from ctp2.tts.conditions import StopLeft
from ctp2.tts.engine import Engine
from ctp2.tts.events import Event, TradeDone
from ctp2.tts.orders import Order

RETRY_NOTE: Final = Struct("<qqB")
"""A note of kind ``codec.RETRY``: order_id, when it is tried again (0: it waits for a quote again, below 0: never), and
whether it fills at the quote then."""


class Resting:
    """Follows a log that is read, and puts the orders back at its end."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self._late: dict[int, tuple[int, int]] = {}
        """Orders that joined a queue after their arrival: behind which order, and the how manieth of those."""
        self._retries: dict[int, tuple[int, bool]] = {}
        self._joined: int = 0

    # ------------------------------------------------------------------ while the log is read
    def on_event(self, event: Event) -> None:
        """A stop order whose price came queues behind those that are there."""
        if isinstance(event, StopLeft):
            self._join(event.order.order_id)

    def on_trade(self, trade: TradeDone) -> None:
        """A fill between users makes the instrument's market data; both sides of it are told, one counts."""
        if trade.order.is_buy:
            book = self.engine.matching.books[trade.order.row.contract.index]
            book.traded(trade.price, trade.volume)

    def on_retry(self, body: bytes) -> None:
        """A note of the market makers' side."""
        noted: tuple[int, int, int] = RETRY_NOTE.unpack_from(body)
        order_id, due_ns, at_quote = noted
        if due_ns:
            self._retries[order_id] = (due_ns, bool(at_quote))
        else:
            self._retries.pop(order_id, None)
            self._join(order_id)

    def _join(self, order_id: int) -> None:
        self._joined += 1
        self._late[order_id] = (self.engine.state.last_order_id, self._joined)

    def begin_with(self, markets: list[Any]) -> None:
        """What a snapshot has of the markets (``snapshot.dump``); the log goes on behind it."""
        queue, retries, books = markets[:3]
        last = self.engine.state.last_order_id
        for place, order_id in enumerate(queue):
            self._late[order_id] = (last, place + 1)
        self._joined = len(queue)
        for order_id, due_ns, at_quote in retries:
            self._retries[order_id] = (due_ns, bool(at_quote))
        for index, (volume, turnover, first, high, low) in books:
            book = self.engine.matching.books[index]
            book.volume, book.turnover = volume, turnover
            book.open, book.high, book.low = first, high, low

    # ------------------------------------------------------------------ at its end
    def put_back(self) -> None:
        """Every working order into its market; the books between users are shown anew."""
        engine = self.engine
        working: list[tuple[int, int, Order]] = []
        for order_id, order in engine.state.orders.items():
            if order.is_final() or order.sys_id <= 0:
                continue
            conditions = order.row.contract.conditions
            if conditions is not None and order_id in conditions.waiting:
                continue
            behind, count = self._late.get(order_id, (order_id, 0))
            working.append((behind, count, order))
        working.sort(key=_place)
        for _, _, order in working:
            contract = order.row.contract
            retry = self._retries.get(order.order_id)
            if contract.is_matched:
                engine.matching.books[contract.index].own(order).add(order)
            elif retry is not None:
                if retry[0] > 0:  # below 0: never again (fault injection)
                    heappush(engine.quoting.retries, (retry[0], order.order_id, order, retry[1]))
            else:
                engine.quoting.waiting[contract.index].side(order).add(order)
        for book in engine.matching.books.values():
            if book.buys.keys or book.sells.keys or book.volume:
                book.publish()


def _place(one: tuple[int, int, Order]) -> tuple[int, int]:
    return one[0], one[1]
