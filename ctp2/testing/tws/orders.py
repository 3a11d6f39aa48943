"""Orders of all clients (spec ib 6.7): ids, placing, changing, cancelling, and the lists that clients ask for."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ctp2.testing.tws import checks, replies
from ctp2.testing.tws.checks import Asked, Refusal
from ctp2.testing.tws.clock import NS
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.order_fields import open_order
from ctp2.testing.tws.placed import INACTIVE, Fill, Placed
from ctp2.testing.tws.telling import told
from ctp2.testing.tws.trading import Trading

if TYPE_CHECKING:
    from ctp2.testing.tws.accounts import Accounts
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

_OTHER_ORDER: Final = "Order being modified does not match original order"
_SAME: Final = ("action", "orderType")
"""What a change of an order leaves as it was, with contract and account (105)."""
_MANUAL: Final[dict[str, Any]] = {
    "orderType": "LMT",
    "lmtPrice": None,
    "auxPrice": None,
    "tif": "DAY",
    "orderRef": "",
    "minQty": None,
    "allOrNone": False,
    "goodTillDate": "",
}


class Orders:
    """Orders and executions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.trading = Trading(world)
        self._accounts: Accounts = world.parts["accounts"]
        self._by_id: dict[tuple[int, int], Placed] = {}
        self._all: list[Placed] = []
        self._highest: dict[int, int] = {}
        self._first_id: int | None = None
        self._perm_id = world.script.first_perm_id - 1
        self._bound = 0

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "placeOrder": self.place,
            "cancelOrder": self.cancel,
            "reqGlobalCancel": self.global_cancel,
            "reqIds": self.ids,
            "reqAutoOpenOrders": self.bind,
            "reqOpenOrders": self.open_orders,
            "reqAllOpenOrders": self.all_open_orders,
            "reqCompletedOrders": self.completed_orders,
            "reqExecutions": self.executions,
        }

    # ------------------------------------------------------------------ ids
    def next_valid_id(self, client_id: int) -> int:
        """The smallest order id that the client may use."""
        first = self.world.script.first_order_id if self._first_id is None else self._first_id
        return max(self._highest.get(client_id, 0) + 1, first)

    def ids(self, session: ClientSession, request: Request) -> None:
        """nextValidId; what the client wants to reserve is ignored, as TWS does."""
        assert session.client_id is not None
        session.send(replies.next_valid_id(self.next_valid_id(session.client_id)))

    def bind(self, session: ClientSession, request: Request) -> None:
        """Orders of TWS itself belong to client 0 from now on, by negative ids (orderBound)."""
        if session.client_id != 0:
            session.error(-1, 321, "Error validating request.-'bF' : cause - Only the default client can auto bind.")
            return
        for placed in self._all if request.flag("autoBind") else ():
            if placed.is_live and placed.order_id == 0:
                self._bound -= 1
                placed.order_id = self._bound
                self._by_id[0, placed.order_id] = placed
                session.send(replies.order_bound(placed.perm_id, 0, placed.order_id))
                self.trading.teller.order_to(session, placed)

    # ------------------------------------------------------------------ placing
    def place(self, session: ClientSession, request: Request) -> None:
        """A new order, other terms of a live one, or the question what one would cost."""
        assert session.client_id is not None
        order_id = request.req_id
        if self._is_read_only(session, order_id):
            return
        known = self._by_id.get((session.client_id, order_id))
        if known is None or not known.is_live:
            refusal = self._id_refusal(session.client_id, order_id, request)
            if refusal is not None:
                session.error(order_id, refusal.code, refusal.text)
                return
            known = None
        made = self._made(session.client_id, order_id, request)
        if isinstance(made, Refusal):
            session.error(order_id, made.code, made.text)
        elif request.flag("whatIf"):
            self._what_if(session, made)
        elif known is not None:
            self._change(session, known, made)
        else:
            self._begin(session, made)

    def _id_refusal(self, client_id: int, order_id: int, request: Request) -> Refusal | None:
        if order_id <= 0:
            return checks.invalid(f"Invalid order id {order_id}")
        if order_id <= self._highest.get(client_id, 0) and not request.flag("whatIf"):
            return Refusal(103, "Duplicate order id")
        return None

    def _made(self, client_id: int, order_id: int, request: Request) -> Placed | Refusal:
        """The order that a request means, without a permId."""
        fields = dict(request.values)
        refusal = checks.unsupported(fields)
        if refusal is not None:
            return refusal
        listed = checks.contract_of(self.world, request)
        account = checks.account_of(self.world, fields["account"])
        if isinstance(listed, Refusal):
            return listed
        if isinstance(account, Refusal):
            return account
        fields["account"] = account
        return Placed(order_id, client_id, 0, listed, str(fields["exchange"]), fields)

    def _refusal(self, placed: Placed, filled: Decimal = Decimal(0)) -> Refusal | None:
        refusal = checks.refusal_of(Asked(self.world, placed.listed, placed.fields))
        if refusal is None and self.world.script.checks_margin:
            left = placed.quantity - filled
            shortage = self._accounts.shortage(
                placed.account, placed.listed, left if placed.is_buy else -left, price_of(placed)
            )
            if shortage is not None:
                return Refusal(201, f"Order rejected - reason:{shortage}", True)
        return refusal

    def _begin(self, session: ClientSession, placed: Placed) -> None:
        refusal = self._refusal(placed)
        if refusal is not None:
            session.error(placed.order_id, refusal.code, refusal.text)
            if not refusal.is_inactive:
                return
        self._register(placed)
        if refusal is None:
            self.trading.begin(placed)
            return
        self.trading.end(placed, INACTIVE, refusal.text)
        self.trading.teller.order(placed)

    def _register(self, placed: Placed) -> None:
        self._perm_id += 1
        placed.perm_id = self._perm_id
        self._all.append(placed)
        if placed.order_id > 0:
            self._by_id[placed.client_id, placed.order_id] = placed
            self._highest[placed.client_id] = max(self._highest.get(placed.client_id, 0), placed.order_id)

    def _change(self, session: ClientSession, known: Placed, wanted: Placed) -> None:
        is_same = wanted.listed.con_id == known.listed.con_id and wanted.account == known.account
        if not is_same or any(wanted.fields[name] != known.fields[name] for name in _SAME):
            session.error(known.order_id, 105, _OTHER_ORDER)
            return
        refusal = self._refusal(wanted, known.filled)
        if refusal is not None:
            session.error(known.order_id, refusal.code, refusal.text)
            return
        if wanted.quantity <= known.filled:
            session.error(known.order_id, 104, "Cannot modify a filled order.")
            return
        self.trading.change(known, wanted.fields)

    def _what_if(self, session: ClientSession, placed: Placed) -> None:
        """One openOrder with margins and commission; nothing enters the book."""
        refusal = checks.refusal_of(Asked(self.world, placed.listed, placed.fields))
        if refusal is not None:
            session.error(placed.order_id, refusal.code, refusal.text)
            return
        signed = placed.quantity if placed.is_buy else -placed.quantity
        margins = self._accounts.what_if(placed.account, placed.listed, signed, price_of(placed))
        session.send(open_order(session.version, {**told(placed), **margins}))

    # ------------------------------------------------------------------ cancelling
    def cancel(self, session: ClientSession, request: Request) -> None:
        """A live order ends; 10148 (or 161) for one that has ended, 10147 for any other."""
        assert session.client_id is not None
        order_id = request.req_id
        if self._is_read_only(session, order_id):
            return
        placed = self._by_id.get((session.client_id, order_id))
        if placed is None:
            session.error(order_id, 10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        elif placed.is_live:
            self.trading.ask_cancel(placed, lambda: self._too_late(session, placed))
        else:
            self._too_late(session, placed)

    def _too_late(self, session: ClientSession, placed: Placed) -> None:
        if self.world.script.life.answers_161:
            text = "Cancel attempted when order is not in a cancellable state.  Order permId ="
            session.error(placed.order_id, 161, f"{text}{placed.perm_id}")
            return
        text = f"OrderId {placed.order_id} that needs to be cancelled cannot be cancelled, state: {placed.status}."
        session.error(placed.order_id, 10148, text)

    def global_cancel(self, session: ClientSession, request: Request) -> None:
        """All live orders end, those of other clients and of TWS too."""
        if self._is_read_only(session, -1):
            return
        for placed in list(self.trading.live):
            self.trading.ask_cancel(placed, lambda: None)

    # ------------------------------------------------------------------ lists
    def open_orders(self, session: ClientSession, request: Request) -> None:
        """Live orders of this client, for client 0 those of TWS too, then the end."""
        if not self._is_read_only(session, -1):
            self._tell_open(session, [one for one in self.trading.live if one.client_id == session.client_id])

    def all_open_orders(self, session: ClientSession, request: Request) -> None:
        """Live orders of all clients, then the end."""
        self._tell_open(session, self.trading.live)

    def _tell_open(self, session: ClientSession, orders: list[Placed]) -> None:
        for placed in orders:
            self.trading.teller.order_to(session, placed)
        session.send(replies.open_order_end())

    def completed_orders(self, session: ClientSession, request: Request) -> None:
        """Orders that ended today, with ``apiOnly`` without those of TWS, then the end."""
        if self._is_read_only(session, -1):
            return
        for placed in self._all:
            is_wanted = not placed.is_live and self._is_today(placed.ended_ns)
            if is_wanted and not (request.flag("apiOnly") and placed.is_manual):
                self.trading.teller.completed_to(session, placed)
        session.send(replies.completed_orders_end())

    def executions(self, session: ClientSession, request: Request) -> None:
        """Today's fills of all clients that the filter lets pass, each with its commission, then the end."""
        since_ns = 0
        if request.text("time"):
            since = checks.expiry_of(self.world, request.text("time"))
            if since is None:
                session.error(request.req_id, 321, f"Error validating request.-'bE' : cause - {checks.BAD_DATE}")
                return
            since_ns = int(since.timestamp()) * NS
        for fill in self.trading.fills:
            if self._is_today(fill.at_ns) and fill.at_ns >= since_ns and _passes(fill, request):
                self.trading.teller.fill_to(session, fill, request.req_id)
                if not self.world.script.life.skips_commission:
                    self.trading.teller.commission_to(session, fill)
        session.send(replies.executions_end(request.req_id))

    def _is_today(self, at_ns: int) -> bool:
        zone = ZoneInfo(self.world.script.zone)
        return dt.datetime.fromtimestamp(at_ns // NS, zone).date() == self.world.local().date()

    def _is_read_only(self, session: ClientSession, number: int) -> bool:
        if self.world.script.is_read_only:
            session.error(number, 321, checks.READ_ONLY)
        return self.world.script.is_read_only

    # ------------------------------------------------------------------ for the control
    def all(self) -> list[Placed]:
        """All orders, oldest first."""
        return list(self._all)

    def find(self, order_id: int, client_id: int | None = None) -> Placed | None:
        """The order of a client; without a client the newest of that id, or of that permId."""
        if client_id is not None:
            return self._by_id.get((client_id, order_id))
        found = [one for one in self._all if order_id in (one.order_id, one.perm_id)]
        return found[-1] if found else None

    def fill(self, placed: Placed, quantity: float | None = None, price: float | None = None) -> None:
        """Fill a live order by hand: all that is left, at its own price, unless told otherwise."""
        amount = placed.remaining if quantity is None else Decimal(repr(quantity))
        at = price_of(placed) if price is None else price
        self.trading.fill_by_hand(placed, amount, self._accounts.mark(placed.listed) if at is None else at)

    def tell_status(self, placed: Placed, status: str, why_held: str = "") -> None:
        """Send an orderStatus that is not so."""
        told_before = placed.status, placed.why_held
        placed.status, placed.why_held = status, why_held
        self.trading.teller.status(placed)
        placed.status, placed.why_held = told_before

    def repeat(self, placed: Placed, number: int = -1) -> Fill:
        """Tell a fill of the order once more, with the same execId."""
        fill = placed.fills[number]
        self.trading.tell_fill(fill)
        return fill

    def correct(self, placed: Placed, quantity: float, price: float | None = None, number: int = -1) -> Fill:
        """Correct a fill: told anew under the next number behind the last dot, also in executions.

        Positions, cash and the order's totals follow.
        """
        old = placed.fills[number]
        head, _, last = old.exec_id.rpartition(".")
        amount = Decimal(repr(quantity))
        at = old.price if price is None else price
        placed.filled += amount - old.quantity
        placed.paid += amount * Decimal(repr(at)) - old.quantity * Decimal(repr(old.price))
        sign = 1 if placed.is_buy else -1
        self._accounts.fill(placed.account, placed.listed, -sign * old.quantity, old.price)
        commission, currency, realized = self._accounts.fill(placed.account, placed.listed, sign * amount, at)
        new = replace(
            old,
            exec_id=f"{head}.{int(last) + 1:02d}",
            quantity=amount,
            price=at,
            cumulative=placed.filled,
            average=placed.average,
            commission=commission,
            currency=currency,
            realized=realized,
        )
        placed.fills.append(new)
        self.trading.fills.append(new)
        self.trading.tell_fill(new)
        self._accounts.changed(placed.account, placed.listed)
        return new

    def manual(self, listed: Listed, action: str, quantity: float, **fields: Any) -> Placed:
        """An order that somebody makes in TWS itself. ``fields`` are those of placeOrder by name.

        Raises:
            ValueError: it would be refused; the text says why.
        """
        members = {**_MANUAL, "account": next(iter(self.world.script.accounts)), **fields}
        members |= {"action": action, "totalQuantity": float(quantity), "exchange": listed.exchange}
        placed = Placed(0, 0, 0, listed, listed.exchange, members)
        refusal = self._refusal(placed)
        if refusal is not None:
            raise ValueError(f"{refusal.code} {refusal.text}")
        self._register(placed)
        self.trading.begin(placed)
        return placed

    def forget(self) -> None:
        """Know no order and no fill of before; positions stay."""
        for placed in list(self.trading.live):
            self.trading.end(placed, INACTIVE, "forgotten")
        self.trading.fills.clear()
        self._by_id.clear()
        self._all.clear()
        self._highest.clear()

    def reset_ids(self, first: int) -> None:
        """NextValidId of every client begins here, whatever was used before."""
        self._highest.clear()
        self._first_id = first


def price_of(placed: Placed) -> float | None:
    """What an order trades at by its own terms; None: at the market's."""
    price = placed.fields["lmtPrice"] if "LMT" in placed.kind or placed.kind == "LIT" else placed.fields["auxPrice"]
    return None if price is None or placed.kind in ("MKT", "MTL") else float(price)


_SIDES: Final = {"BUY": True, "BOT": True, "SELL": False, "SLD": False}


def _passes(fill: Fill, request: Request) -> bool:
    """Whether an execution filter lets a fill pass; clientId 0 means any."""
    placed = fill.order
    client_id, side = request.integer("clientId"), request.text("side")
    if client_id and client_id != placed.client_id:
        return False
    if side and _SIDES.get(side.upper()) is not placed.is_buy:
        return False
    pairs = (
        (request.text("account"), (placed.account,)),
        (request.text("symbol"), (placed.listed.symbol,)),
        (request.text("secType"), (placed.listed.sec_type,)),
        (request.text("exchange"), (placed.exchange, fill.venue)),
    )
    return all(not wanted or wanted in own for wanted, own in pairs)
