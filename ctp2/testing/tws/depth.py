"""Market depth (spec ib 6.5, 6.7): rows of one venue, or of several side by side when a smart depth is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ctp2.testing.tws import replies
from ctp2.testing.tws.lists import NO_DEFINITION
from ctp2.testing.tws.market import NO_TICKER, NOT_SUBSCRIBED
from ctp2.testing.tws.market_script import ENTITLED
from ctp2.testing.tws.quotes import Quote, Quotes, in_ticks
from ctp2.testing.tws.ticks import size_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

TOO_MANY: Final = "Max number ({}) of market depth requests has been reached"
RESET: Final = "Market depth data has been RESET. Please empty deep book contents before applying any new entries."
HALTED: Final = "Market depth data has been HALTED. Please re-subscribe."
VENUES_NOTICE: Final = "Exchanges - Depth: {}; Top: ; "
NO_DEPTH: Final = "Deep market data is not supported for this combination of security type/exchange"
INSERT, UPDATE, DELETE = 0, 1, 2
BID, ASK = 1, 0
FEWEST_ROWS: Final = 1

Row = tuple[str, float, float]
"""Venue (empty where a single one is shown), price, size."""
Side = list[Row]


@dataclass(slots=True)
class Book:
    """A stream of depth and the rows that its client has."""

    session: ClientSession
    req_id: int
    listed: Listed
    rows: int
    is_smart: bool
    shown: dict[int, Side] = field(default_factory=lambda: {BID: [], ASK: []})


class Depth:
    """Requests 10, 11 and 82."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.quotes: Quotes = world.parts["quotes"].quotes
        self.quotes.listen(self._changed)
        self._books: dict[tuple[int, int], Book] = {}
        self._given: dict[int, dict[int, Side]] = {}
        """What a test has set: conId → side → rows."""
        world.on_close.append(self._closed)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "reqMktDepth": self.subscribe,
            "cancelMktDepth": self.cancel,
            "reqMktDepthExchanges": self.exchanges,
        }

    # ------------------------------------------------------------------ requests
    def subscribe(self, session: ClientSession, request: Request) -> None:
        """A stream of rows."""
        req_id = request.req_id
        found = self.world.contracts.find(request.values)
        if len(found) != 1:
            session.error(req_id, 200, NO_DEFINITION)
            return
        listed = found[0]
        limit = self.world.script.market.limits.depths
        if sum(key[0] == session.number for key in self._books) >= limit:
            session.error(req_id, 309, TOO_MANY.format(limit))
            return
        if listed.sec_type == "IND":
            session.error(req_id, 10092, NO_DEPTH)
            return
        if self.world.script.market.permission_for(listed.symbol, listed.con_id) != ENTITLED:
            session.error(req_id, 354, NOT_SUBSCRIBED)
            return
        is_smart = request.flag("isSmart")
        book = Book(session, req_id, listed, max(request.integer("rows"), FEWEST_ROWS), is_smart)
        self._books[session.number, req_id] = book
        if is_smart:
            venues = ", ".join(self.world.script.market.venues)
            session.error(req_id, 2152, VENUES_NOTICE.format(venues))
        self._update(book)

    def cancel(self, session: ClientSession, request: Request) -> None:
        """The end of a stream; 310 if there is none."""
        if self._books.pop((session.number, request.req_id), None) is None:
            session.error(request.req_id, 310, NO_TICKER.format(request.req_id))

    def exchanges(self, session: ClientSession, request: Request) -> None:
        """Which venues have depth of which contracts."""
        pairs = sorted({(one.primary_exchange or one.exchange, one.sec_type) for one in self.world.contracts})
        session.send(replies.depth_exchanges([(venue, sec_type, "", "Deep2", 0) for venue, sec_type in pairs]))

    # ------------------------------------------------------------------ for the control
    def set(self, listed: Listed, bids: Iterable[Row] | None, asks: Iterable[Row] | None) -> None:
        """Show these rows; ``None`` for both: what the quote makes again."""
        if bids is None and asks is None:
            self._given.pop(listed.con_id, None)
        else:
            self._given[listed.con_id] = {BID: list(bids or ()), ASK: list(asks or ())}
        self._changed(listed, frozenset({"depth"}))

    def reset(self, listed: Listed) -> int:
        """Error 317 to every stream of a contract, whose rows then come anew; their number."""
        return self._stop(listed, 317, RESET, goes_on=True)

    def halt(self, listed: Listed) -> int:
        """Error 316 to every stream of a contract, which then ends; their number."""
        return self._stop(listed, 316, HALTED, goes_on=False)

    def _stop(self, listed: Listed, code: int, text: str, *, goes_on: bool) -> int:
        keys = [key for key, book in self._books.items() if book.listed is listed]
        for key in keys:
            book = self._books[key]
            book.session.error(book.req_id, code, text)
            book.shown = {BID: [], ASK: []}
            if goes_on:
                self._update(book)
            else:
                del self._books[key]
        return len(keys)

    # ------------------------------------------------------------------ inside
    def _changed(self, listed: Listed, names: frozenset[str]) -> None:
        if names & {"bid", "bid_size", "ask", "ask_size", "depth"}:
            for book in list(self._books.values()):
                if book.listed is listed:
                    self._update(book)

    def _update(self, book: Book) -> None:
        for side in (BID, ASK):
            rows = self._rows(book, side)
            for operation, position, row in changes(book.shown[side], rows):
                self._send(book, position, operation, side, row)
            book.shown[side] = rows

    def _rows(self, book: Book, side: int) -> Side:
        given = self._given.get(book.listed.con_id)
        quote = self.quotes.of(book.listed)
        rows = given[side] if given else made_rows(book.listed, quote, side, self.world.script.market.depth_rows)
        if not book.is_smart:
            return rows[: book.rows]
        venues = self.world.script.market.venues
        # Rows that a test has set with a venue stay as they are; others stand at each venue.
        spread = [row if row[0] else (venue, *row[1:]) for row in rows for venue in (venues if not row[0] else ("",))]
        return spread[: book.rows]

    def _send(self, book: Book, position: int, operation: int, side: int, row: Row) -> None:
        venue, price, size = row
        amount = size_for(book.session.version, size)
        if book.is_smart or venue:
            fields = replies.depth_l2(book.req_id, position, venue, operation, side, price, amount, book.is_smart)
        else:
            fields = replies.depth(book.req_id, position, operation, side, price, amount)
        book.session.send(fields)

    def _closed(self, session: ClientSession) -> None:
        for key in [key for key in self._books if key[0] == session.number]:
            del self._books[key]


def changes(before: Side, after: Side) -> Iterator[tuple[int, int, Row]]:
    """What turns ``before`` into ``after``: operation, position, row. What is too much goes from the end."""
    for position, row in enumerate(after):
        if position >= len(before):
            yield INSERT, position, row
        elif row != before[position]:
            yield UPDATE, position, row
    for position in range(len(before) - 1, len(after) - 1, -1):
        venue, _, _ = before[position]
        yield DELETE, position, (venue, 0.0, 0.0)


def made_rows(listed: Listed, quote: Quote, side: int, count: int) -> Side:
    """Rows at the quote and behind it, a tick apart, each one larger by the first one's size."""
    best, size = (quote.bid, quote.bid_size) if side == BID else (quote.ask, quote.ask_size)
    if best is None or not size:
        return []
    step = -listed.min_tick if side == BID else listed.min_tick
    prices = (in_ticks(best + number * step, listed.min_tick) for number in range(count))
    return [("", price, size * (number + 1)) for number, price in enumerate(prices)]
