"""The life of orders between their acceptance and their end: waiting, trading on the counter's matching, ending.

Told in the sequence of spec ib 6.7. A market order that finds nothing, an all-or-none order that cannot be filled
whole and a market-to-limit order without a market wait for the next quote.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ctp2.testing.tws.checks import expiry_of
from ctp2.testing.tws.clock import NS
from ctp2.testing.tws.exchange import (
    FOK,
    IOC,
    IOC_MINIMUM,
    LIMIT,
    MARKET,
    TO_LIMIT,
    Exchange,
    How,
    Level,
    RefusedByMatching,
    Ticket,
)
from ctp2.testing.tws.placed import (
    CANCELLED,
    FILLED,
    INACTIVE,
    PENDING_CANCEL,
    PRE_SUBMITTED,
    SUBMITTED,
    TRIGGERED,
    Fill,
    Placed,
)
from ctp2.testing.tws.telling import Teller

if TYPE_CHECKING:
    from ctp2.testing.tws.accounts import Accounts
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.quotes import Quotes
    from ctp2.testing.tws.world import World

EXPIRED: Final = "Order Canceled - reason:The order has expired."
CANCELED: Final = "Order Canceled - reason:"
_MARKET: Final = frozenset(("bid", "ask", "bid_size", "ask_size", "last", "halted"))
"""Members of a quote that orders look at."""
_ROUTED: Final = {"SMART": "ISLAND"}
"""Where an order trades that names no venue."""


class Trading:
    """All orders of a world that live, and what happens to them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.teller = Teller(world)
        self.exchange = Exchange(world.clock, self._filled)
        self.live: list[Placed] = []
        """Oldest first."""
        self.fills: list[Fill] = []
        """All, oldest first."""
        self._quotes: Quotes = world.parts["quotes"].quotes
        self._accounts: Accounts = world.parts["accounts"]
        self._quotes.listen(self._quoted)
        self._silent: Placed | None = None
        """The order whose states are told after what it trades at once (``Life.fills_first``)."""
        self._showing = False

    # ------------------------------------------------------------------ beginning
    def begin(self, placed: Placed) -> None:
        """An order that was accepted."""
        self.live.append(placed)
        self._plan_expiry(placed)
        self._hold(placed)
        if self.world.script.life.fills_first and self._is_ready(placed):
            self._silent, placed.status = placed, SUBMITTED
            self._work(placed)
            self._silent = None
            self.teller.order(placed)
            self._after_once(placed)
            return
        self.teller.order(placed)
        self._release(placed)

    def change(self, placed: Placed, fields: dict[str, Any]) -> None:
        """Other terms of a live order; it loses its place in the book."""
        self._leave(placed)
        placed.fields = fields
        placed.is_triggered = False
        self._plan_expiry(placed)
        placed.status = PRE_SUBMITTED
        self._hold(placed)
        if not self._is_ready(placed):
            self.teller.order(placed)
        self._release(placed)

    def open_session(self) -> None:
        """Orders that waited go to the market."""
        self.world.script.is_open = True
        for placed in list(self.live):
            if placed.ticket is None and placed.status == PRE_SUBMITTED:
                self._hold(placed)
                self._release(placed)

    def close_session(self) -> None:
        """DAY orders end, the others wait for :meth:`open_session`."""
        self.world.script.is_open = False
        for placed in list(self.live):
            if placed.tif == "DAY":
                self.cancel(placed, EXPIRED)
            elif placed.status == SUBMITTED:
                self._leave(placed)
                placed.status = PRE_SUBMITTED
                self.teller.order(placed)

    # ------------------------------------------------------------------ ending
    def ask_cancel(self, placed: Placed, too_late: Callable[[], None]) -> None:
        """The client wants it cancelled: now, or later while it may still trade; then it can be ``too_late``."""
        delay_s = self.world.script.life.cancel_delay_s
        if delay_s <= 0:
            self.cancel(placed)
            return
        placed.status = PENDING_CANCEL
        self.teller.status(placed)
        self.world.timers.after(delay_s, lambda: self.cancel(placed) if placed.is_live else too_late())

    def cancel(self, placed: Placed, text: str = CANCELED) -> None:
        """It ends unfilled: orderStatus Cancelled, then 202. Nothing happens to an order that has ended."""
        if placed.is_live:
            self.end(placed, CANCELLED, text.removeprefix(CANCELED))
            self.teller.status(placed)
            self.teller.error(placed, 202, text)

    def reject(self, placed: Placed, code: int, text: str) -> None:
        """It is refused after it was accepted: the error, then openOrder and orderStatus Inactive."""
        if placed.is_live:
            self.end(placed, INACTIVE, text)
            self.teller.error(placed, code, text)
            self.teller.order(placed)

    def end(self, placed: Placed, status: str, reason: str = "") -> None:
        """It trades no more; nobody is told."""
        self._leave(placed)
        placed.status, placed.reason, placed.why_held = status, reason, ""
        placed.ended_ns = self.world.clock.now_ns()
        if placed.expiry is not None:
            placed.expiry.cancel()
        if placed in self.live:
            self.live.remove(placed)

    # ------------------------------------------------------------------ by hand
    def fill_by_hand(self, placed: Placed, quantity: Decimal, price: float) -> None:
        """Fill a live order whatever the market is; the rest goes on as before."""
        self._leave(placed)
        self._book(placed, min(quantity, placed.remaining), price, 1)
        if placed.is_live and self._is_ready(placed):
            self._work(placed)
            self._after_once(placed)

    def come(self, listed: Listed, is_buy: bool, quantity: Decimal, price: float) -> Decimal:
        """Somebody comes to buy (sell) at ``price`` or better; how much of clients' orders traded with it."""
        if not self.exchange.knows(listed):
            self._put(listed)
        traded = self.exchange.trade_at(listed, is_buy, quantity, price)
        self._show(listed)
        return traded

    def tell_fill(self, fill: Fill) -> None:
        """Tell a fill of an order that has its ids already: a repetition, a correction."""
        self.teller.fill(fill)
        self.teller.commission(fill)

    # ------------------------------------------------------------------ the market
    def _quoted(self, listed: Listed, names: frozenset[str]) -> None:
        """Something of a quote changed."""
        if self._showing or not names & _MARKET:
            return
        if self.exchange.knows(listed):
            self._put(listed)
            self._show(listed)
        self._look(listed)

    def _put(self, listed: Listed) -> None:
        quote = self._quotes.of(listed)
        bids = [] if quote.halted else _level(quote.bid, quote.bid_size)
        asks = [] if quote.halted else _level(quote.ask, quote.ask_size)
        self.exchange.quote(listed, bids, asks, quote.last)

    def _show(self, listed: Listed) -> None:
        """Show in the quotes what orders traded and took."""
        prints = self.exchange.take_prints(listed)
        if not prints:
            return
        bids, asks, _ = self.exchange.quoted(listed)
        self._showing = True
        try:
            self._quotes.traded(listed, prints, bids[0][1] if bids else 0.0, asks[0][1] if asks else 0.0)
        finally:
            self._showing = False
        self._look(listed)

    def _look(self, listed: Listed) -> None:
        """Orders of the contract that wait for a price or a market."""
        for placed in list(self.live):
            if placed.listed.con_id != listed.con_id or placed.ticket is not None:
                continue
            if placed.status == PRE_SUBMITTED:
                self._release(placed)
            elif placed.status in (SUBMITTED, PENDING_CANCEL):
                self._work(placed)

    # ------------------------------------------------------------------ one order
    def _hold(self, placed: Placed) -> None:
        """Say why a new order does not go to the market yet."""
        is_held = placed.kind in TRIGGERED and not placed.is_triggered and self._waits(placed)
        placed.why_held = "trigger" if is_held else ""

    def _is_ready(self, placed: Placed) -> bool:
        is_triggered = placed.kind not in TRIGGERED or placed.is_triggered or not self._waits(placed)
        return is_triggered and self.world.script.is_open

    def _waits(self, placed: Placed) -> bool:
        """Whether the price has not come to its trigger: the last one, of contracts without one bid or ask."""
        quote = self._quotes.of(placed.listed)
        price = quote.last
        if price is None:
            price = quote.ask if placed.is_buy else quote.bid
        return price is None or placed.waits_for(price)

    def _release(self, placed: Placed) -> None:
        """An order goes to the market as soon as it is ready."""
        if not self._is_ready(placed):
            return
        placed.is_triggered = True
        placed.status, placed.why_held = SUBMITTED, ""
        self.teller.order(placed)
        self._work(placed)
        self._after_once(placed)

    def _after_once(self, placed: Placed) -> None:
        """IOC and FOK are evaluated once."""
        if placed.is_live and placed.tif in ("IOC", "FOK") and placed.status != PRE_SUBMITTED:
            self.cancel(placed)

    def _work(self, placed: Placed) -> None:
        """Trade with what is there, and wait in the book where the order can."""
        if not self.exchange.knows(placed.listed):
            self._put(placed.listed)
        how, price = _how(placed)
        minimum = int(placed.fields["minQty"] or 0) if how is IOC_MINIMUM else 0
        try:
            ticket = self.exchange.enter(placed, placed.listed, placed.is_buy, placed.remaining, price, how, minimum)
        except RefusedByMatching as refused:
            self.reject(placed, 201, f"Order rejected - reason:{refused}")
            return
        if ticket.is_working and placed.is_live:
            placed.ticket = ticket
        self._show(placed.listed)

    def _leave(self, placed: Placed) -> None:
        if placed.ticket is not None:
            self.exchange.withdraw(placed.ticket)
            placed.ticket = None

    def _plan_expiry(self, placed: Placed) -> None:
        if placed.expiry is not None:
            placed.expiry.cancel()
            placed.expiry = None
        if placed.tif != "GTD":
            return
        until = expiry_of(self.world, str(placed.fields["goodTillDate"]))
        assert until is not None, "checked before"
        placed.expiry = self.world.timers.at(int(until.timestamp()) * NS, lambda: self.cancel(placed, EXPIRED))

    # ------------------------------------------------------------------ fills
    def _filled(self, ticket: Ticket, quantity: Decimal, price: float, is_taker: bool) -> None:
        placed = ticket.key
        assert isinstance(placed, Placed)
        if placed.listed.sec_type != "CASH":
            self._quotes.of(placed.listed).last = price  # positions are marked at it; told with all others (``_show``)
        self._book(placed, quantity, price, 2 if is_taker else 1)

    def _book(self, placed: Placed, quantity: Decimal, price: float, liquidity: int) -> None:
        signed = quantity if placed.is_buy else -quantity
        commission, currency, realized = self._accounts.fill(placed.account, placed.listed, signed, price)
        placed.filled += quantity
        placed.paid += quantity * Decimal(repr(price))
        placed.last_price = price
        if not placed.remaining:
            self.end(placed, FILLED)
        number = len(placed.fills) + 1
        fill = Fill(
            exec_id=f"{self.world.script.seed & 0xFFFFFFFF:08x}.{placed.perm_id & 0xFFFFFFFF:08x}.{number:02d}.01",
            order=placed,
            quantity=quantity,
            price=price,
            at_ns=self.world.clock.now_ns(),
            cumulative=placed.filled,
            average=placed.average,
            venue=_ROUTED.get(placed.exchange, placed.exchange),
            liquidity=liquidity,
            commission=commission,
            currency=currency,
            realized=realized,
        )
        placed.fills.append(fill)
        self.fills.append(fill)
        self.teller.fill(fill)
        if self._silent is not placed:
            self.teller.order(placed)
        self.teller.commission(fill)
        self._accounts.changed(placed.account, placed.listed)


def _how(placed: Placed) -> tuple[How, float | None]:
    """What the order is to the counter."""
    kind = TRIGGERED.get(placed.kind, placed.kind)
    price = placed.fields["lmtPrice"] if kind == "LMT" else None
    if placed.tif == "FOK" or placed.fields["allOrNone"]:
        return (FOK if price is not None else How(MARKET.price_type, FOK.time, FOK.volume)), price
    if placed.tif == "IOC":
        if placed.fields["minQty"]:
            return IOC_MINIMUM, price
        return IOC if price is not None else MARKET, price
    if kind == "MTL":
        return TO_LIMIT, None
    return (LIMIT, price) if price is not None else (MARKET, None)


def _level(price: float | None, size: float | None) -> list[Level]:
    return [(price, size)] if price is not None and price == price and size else []
