"""The orders of one client id: every order that is known, what happens to it, and who is told (spec ib 5.1–5.5).

:mod:`ctp2.ib.orders` decides what an order does; this file finds the order that a record is about, adopts the ones that
it did not place itself, and does what the decisions say. On the loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event
from ctp2.ib import adopting, orders, records
from ctp2.ib import codes_orders as codes
from ctp2.ib import order_state as s
from ctp2.ib.hours import login_trading_day
from ctp2.ib.identity import OWN_FRONT, Key, Tag, read_tag, split_revision
from ctp2.ib.offsets import Working
from ctp2.ib.order_effects import Effects
from ctp2.ib.parts import Refusal
from ctp2.ib.reconcile import Reconciler

if TYPE_CHECKING:
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link
    from ctp2.ib.order_state import Order
    from ctp2.ib.records import Contract
    from ctp2.ib.resolved import Resolved

log = logging.getLogger("ctp2.ib")

COMBINATION: Final = "BAG"
Ident = tuple[int, int]
"""(client id, order id)."""


class Orders:
    """The orders of a link; made by the backend, one per client id."""

    def __init__(self, backend: IbBackend, link: Link) -> None:
        self.backend = backend
        self.link = link
        self.timers = backend.timers
        self.options = backend.config.options
        self.effects = Effects(self)
        self.inquiries = Reconciler(self)
        self.live: dict[Key, Order] = {}
        """Those that have not ended, in the order of their coming."""
        self._by_key: dict[Key, Order] = {}
        self._by_perm: dict[int, Order] = {}
        self._by_id: dict[Ident, Order] = {}
        self._legs: dict[tuple[int, int], Order] = {}
        """(permId or order id, conId) of executions of a combination's legs, which are orders of their own here."""
        self._waiting: list[adopting.Queue] = []
        self._preparing: dict[Key, list[asyncio.Future[None]]] = {}
        self._numbers = 0
        self._day = ""
        self._take: Final[dict[type, Callable[[Any], None]]] = {
            records.OpenOrder: self._on_open_order,
            records.OrderStatus: self._on_status,
            records.Execution: self._on_execution,
            records.Problem: self._on_problem,
            records.LinkDown: self._on_down,
        }

    # ------------------------------------------------------------------ what the link tells
    def on_record(self, link: Link, record: records.Record) -> None:
        """A record of this link. What only comes by request (completed orders, lists of executions) is taken there."""
        take = self._take.get(type(record))
        if take is not None and link is self.link:
            take(record)

    async def reconcile(self, link: Link) -> Sequence[str]:
        """Look at everything anew after a link came up, or TWS has IB again (3.3); the names of what is missing."""
        self.roll()
        return await self.inquiries.reconcile()

    def _on_open_order(self, record: records.OpenOrder) -> None:
        if record.spec.what_if or record.contract.sec_type == COMBINATION:
            return
        order = self.find(record.perm_id, read_tag(record.spec.order_ref), (record.client_id, record.order_id))
        if order is not None:
            self.apply(order, record)
        elif self.is_shown(record.client_id):
            self.adopt(record)

    def _on_status(self, record: records.OrderStatus) -> None:
        ident = record.client_id, record.order_id
        order = self.find(record.perm_id, None, ident)
        if order is not None:
            self.apply(order, record)
            return
        queue = self._queue(record.perm_id, ident)
        if queue is not None:
            queue.records.append(record)
        else:
            log.debug("status %s of order %s that is not known (yet)", record.status, ident)

    def _on_execution(self, record: records.Execution) -> None:
        if record.req_id < 0:  # the others are sorted first, by whoever asked
            self.take_execution(record)

    def _on_problem(self, record: records.Problem) -> None:
        ident = self.link.client_id, record.req_id
        order = self._by_id.get(ident)
        if order is not None:
            self.apply(order, record)
            return
        queue = self._queue(0, ident)
        if queue is not None:
            queue.records.append(record)
        else:
            log.warning("IB%d:%s, of order %d that is not known", record.code, record.text, record.req_id)

    def _on_down(self, record: records.LinkDown) -> None:
        self.inquiries.forget()
        for order in list(self.live.values()):
            self.apply(order, s.Lost())

    def take_execution(self, record: records.Execution) -> None:
        """An execution, from wherever it comes; each counts once for ever (5.5)."""
        if record.contract.sec_type == COMBINATION:
            return  # its legs come as executions of their own
        tag = read_tag(record.order_ref)
        order = self.find(record.perm_id, tag, (record.client_id, record.order_id))
        if order is not None and order.contract.con_id not in (0, record.contract.con_id):
            order = self._legs.get(adopting.leg_of(record))
            if order is None:
                self.adopt(record, is_leg=True)
                return
        if order is not None:
            self.apply(order, record)
        elif self.is_shown(record.client_id) and not self.is_of_the_past(record):
            self.adopt(record)

    def is_of_the_past(self, record: records.Execution) -> bool:
        """Whether it was told on another day, and its order is forgotten."""
        known = self.effects.trades.exec_id(split_revision(record.exec_id)[0])
        return known is not None and login_trading_day(record.time_ns) < self.backend.trading_day

    # ------------------------------------------------------------------ finding
    def is_shown(self, client_id: int) -> bool:
        """Whether orders of a client id are shown: our own, and all where the option says so."""
        return client_id == self.link.client_id or self.options.foreign_orders == "1"

    def find(self, perm_id: int, tag: Tag | None, ident: Ident) -> Order | None:
        """By permId, then by tag, then by order id (3.3). An order with another permId is another order (3.3, 6)."""
        order = self._by_perm.get(perm_id) if perm_id else None
        if order is not None and not self._is_of_a_younger(order, tag, ident):
            return order
        tagged = self._by_key.get(Key(*tag[:3])) if tag is not None else None
        for found in (tagged, self._by_id.get(ident) if ident[1] else None):
            if found is not None and not (perm_id and found.perm_id):
                return found
        return None

    def _is_of_a_younger(self, holder: Order, tag: Tag | None, ident: Ident) -> bool:
        """Whether a record is about a later order than the one that has its permId.

        A TWS that was started without memory may count its permIds from where it began before; tags and order ids of
        ours do not come again.
        """
        if not holder.is_tagged:
            return False
        other = self._by_key.get(Key(*tag[:3])) if tag is not None else self._by_id.get(ident)
        return other is not None and other.is_tagged and other.seq > holder.seq

    def of_key(self, key: Key) -> Order | None:
        """The order that a client names."""
        return self._by_key.get(key)

    def of_perm_id(self, perm_id: int) -> Order | None:
        """The order that an OrderSysID names."""
        return self._by_perm.get(perm_id)

    def all(self) -> Iterator[Order]:
        """Every order of the day."""
        return iter(self._by_key.values())

    def working(self, account: str, con_id: int) -> Iterator[Working]:
        """What is left of the working orders of a contract, in IB's unit."""
        for order in self.live.values():
            if order.account == account and order.contract.con_id == con_id and order.remaining:
                remaining = Decimal(order.remaining) / order.scale
                yield Working(order.direction == codes.BUY, remaining, order.offset if order.is_tagged else "")

    def has_session(self, session_id: int) -> bool:
        """Whether a login of ours with this SessionID has orders."""
        return any(key.session_id == session_id and key.front_id == OWN_FRONT for key in self._by_key)

    @property
    def largest_ref(self) -> int:
        """The largest OrderRef in use that is a number: a login tells it (3.1)."""
        return max((int(key.order_ref) for key in self._by_key if _is_number(key.order_ref)), default=0)

    def next_ref(self) -> int:
        """An OrderRef for an order that came without one."""
        taken = (int(key.order_ref) for key in self._preparing if _is_number(key.order_ref))
        return max((self.largest_ref, *taken)) + 1

    # ------------------------------------------------------------------ adopting
    def adopt(self, record: adopting.Told, *, is_leg: bool = False) -> None:
        """An order that this process did not place: of an earlier one, of another client, or made in TWS."""
        ident = adopting.ident_of(record)
        queue = self._queue(record.perm_id, ident, record.contract.con_id if is_leg else 0)
        if queue is not None:
            queue.records.append(record)
            return
        queue = adopting.Queue(record.perm_id, ident, record.contract.con_id if is_leg else 0, [record])
        resolved = self._known(record.contract)
        if resolved is not None:
            self._enter(queue, resolved)
            return
        self._waiting.append(queue)
        queue.task = self.timers.start(self._resolve(queue, record.contract))

    def _known(self, contract: Contract) -> Resolved | None:
        found: Resolved | None = self.backend.directory.of_con_id(contract.con_id, contract.exchange)
        return found

    async def _resolve(self, queue: adopting.Queue, contract: Contract) -> None:
        try:
            resolved = await self.backend.directory.of_contract(self.link, contract)
        except (Refusal, records.Refused, records.LinkLost) as failure:
            # After the next connection it is told again.
            log.warning("order %s in contract %d cannot be shown: %s", queue.ident, contract.con_id, failure)
            return
        finally:
            self._waiting.remove(queue)
        self._enter(queue, resolved)

    def _enter(self, queue: adopting.Queue, resolved: Resolved) -> None:
        order = adopting.adopted(self, queue, resolved)
        self.enter(order)
        if queue.con_id:
            self._legs[adopting.leg_of(queue.records[0])] = order
        if order.is_own and order.order_id:
            self.link.own_order_id(order.order_id)
        for record in queue.records:
            if not isinstance(record, records.CompletedOrder):  # told when its executions are in
                self.apply(order, record)

    def _queue(self, perm_id: int, ident: Ident, con_id: int = 0) -> adopting.Queue | None:
        return next((queue for queue in self._waiting if queue.is_of(perm_id, ident, con_id)), None)

    async def settled(self) -> None:
        """Wait until all orders that were told so far are entered."""
        while self._waiting:
            await asyncio.wait([queue.task for queue in self._waiting if queue.task is not None])

    # ------------------------------------------------------------------ entering
    def enter(self, order: Order) -> None:
        """Know an order."""
        self._numbers += 1
        order.seq = self._numbers
        self._by_key[order.key] = order
        self.live[order.key] = order
        self._index(order)

    def move(self, order: Order, order_id: int) -> None:
        """The order has another id at TWS now."""
        self._by_id.pop((order.client_id, order.order_id), None)
        order.order_id = order_id
        self._index(order)

    def _index(self, order: Order) -> None:
        if order.order_id:
            self._by_id.setdefault((order.client_id, order.order_id), order)
        if order.perm_id:
            holder = self._by_perm.setdefault(order.perm_id, order)
            if holder.is_tagged and order.is_tagged and holder.seq < order.seq:
                self._by_perm[order.perm_id] = order

    def apply(self, order: Order, happening: object) -> None:
        """Something happened to an order: have it decide, and do what it says."""
        reports = orders.apply(order, happening, self.timers.now_ns())
        self._index(order)
        if order.is_final:
            self.live.pop(order.key, None)
        else:
            self.live.setdefault(order.key, order)
        self.effects.do(order, reports)

    # ------------------------------------------------------------------ orders that are being looked at
    def is_used(self, key: Key) -> bool:
        """Whether a client's order of this name is known, or is being looked at."""
        return key in self._by_key or key in self._preparing

    def prepare(self, key: Key) -> None:
        """A request for this order is being looked at."""
        self._preparing[key] = []

    def prepared(self, key: Key) -> None:
        """It is placed, or refused."""
        for waiting in self._preparing.pop(key):
            if not waiting.done():
                waiting.set_result(None)

    def is_preparing(self, key: Key) -> bool:
        """Whether a request for this order is being looked at."""
        return key in self._preparing

    async def until_prepared(self, key: Key) -> None:
        """Wait until the order is placed or refused."""
        if key in self._preparing:
            waiting = asyncio.get_running_loop().create_future()
            self._preparing[key].append(waiting)
            await waiting

    # ------------------------------------------------------------------ the day
    def roll(self) -> None:
        """Forget what ended on an earlier trading day."""
        day = self.backend.trading_day
        if day == self._day:
            return
        self._day = day
        for order in [order for order in self._by_key.values() if self._is_over(order, day)]:
            self._forget(order)
        self.effects.roll(day)

    def _is_over(self, order: Order, day: str) -> bool:
        return order.is_final and login_trading_day(order.update_ns or order.sent_ns) < day

    def _forget(self, order: Order) -> None:
        for table, key in _entries(self, order):
            if table.get(key) is order:
                del table[key]
        self._legs = {key: leg for key, leg in self._legs.items() if leg is not order}

    # ------------------------------------------------------------------ telling
    def publish(self, account: str, event: Event) -> None:
        """Put an event into the private flow of the account."""
        self.backend.publish(self.link, account, event)


def _entries(desk: Orders, order: Order) -> Iterable[tuple[dict[Any, Order], Any]]:
    yield desk._by_key, order.key
    yield desk._by_perm, order.perm_id
    yield desk._by_id, (order.client_id, order.order_id)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
