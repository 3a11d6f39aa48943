"""Orders that this process did not place, made of what TWS first tells of them (spec ib 3.3, 5.3). No effects."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ctp2.ib import codes_orders as codes
from ctp2.ib import translate_orders as translate
from ctp2.ib.codes_orders import CLOSE, OPEN, SPECULATION
from ctp2.ib.identity import Key, Tag, foreign_key, read_tag
from ctp2.ib.order_state import Order, Terms
from ctp2.ib.records import CompletedOrder, Execution, OpenOrder, OrderSpec
from ctp2.ib.translate_reports import day_of

if TYPE_CHECKING:
    import asyncio

    from ctp2.ib.desk import Orders
    from ctp2.ib.resolved import Resolved

log = logging.getLogger("ctp2.ib")

Told = OpenOrder | Execution | CompletedOrder
"""What an order is made of."""
_NOBODY: Final = -1
"""The client id of completed orders: TWS does not tell it."""
_REF_WIDTH: Final = 12


class Queue:
    """Records of an order whose contract is being looked for; ``con_id`` 0: of the order as a whole."""

    def __init__(self, perm_id: int, ident: tuple[int, int], con_id: int, first: list[Any]) -> None:
        self.perm_id = perm_id
        self.ident = ident
        self.con_id = con_id
        self.records = first
        self.task: asyncio.Task[Any] | None = None

    def is_of(self, perm_id: int, ident: tuple[int, int], con_id: int) -> bool:
        """Whether a record is about the same order."""
        if con_id != self.con_id:
            return False
        if perm_id and self.perm_id:
            return perm_id == self.perm_id
        return ident[1] != 0 and ident == self.ident


def ident_of(record: Told) -> tuple[int, int]:
    """(client id, order id); a completed order has none."""
    if isinstance(record, CompletedOrder):
        return _NOBODY, 0
    return record.client_id, record.order_id


def leg_of(record: Execution) -> tuple[int, int]:
    """What a leg of a combination is known by."""
    return record.perm_id or record.order_id, record.contract.con_id


def adopted(desk: Orders, queue: Queue, resolved: Resolved) -> Order:
    """The order, with nothing applied to it yet."""
    record: Told = queue.records[0]
    spec = _spec_of(record)
    client_id, order_id = ident_of(record)
    account = record.account if isinstance(record, Execution) else record.spec.account
    tag = None if queue.con_id else read_tag(record.order_ref if isinstance(record, Execution) else spec.order_ref)
    is_own = client_id == desk.link.client_id and order_id != 0 and not queue.con_id
    if tag is not None and desk.of_key(Key(*tag[:3])) is not None:
        # A modification during an outage can leave two live ones (3.3, 6): only one of them can bear the name.
        log.error("order %d with permId %d has the tag of another order: shown as foreign", order_id, record.perm_id)
        tag, is_own = None, False
    if tag is not None and client_id == _NOBODY:
        client_id = desk.link.client_id
    direction = _direction_of(record, spec)
    offset, hedge = (tag.offset, tag.hedge) if tag else (_offset_of(desk, resolved, account, direction), SPECULATION)
    key = _key_of(desk, tag, queue, order_id, client_id, record.perm_id)
    terms = _terms_of(record, spec, resolved)
    now_ns = desk.timers.now_ns()
    return Order(
        key=key,
        account=account,
        contract=resolved.contract,
        terms=terms,
        client_id=client_id,
        order_id=order_id,
        direction=direction,
        offset=offset,
        hedge=hedge,
        scale=resolved.scale,
        perm_id=record.perm_id,
        spec=None if isinstance(record, Execution) else spec,
        request=translate.request_of(spec, key, resolved, terms, offset + hedge),
        listing=resolved,
        is_own=is_own,
        is_tagged=tag is not None,
        is_guess=isinstance(record, Execution),
        sent_ns=now_ns,
        update_ns=now_ns,
        trading_day=day_of(resolved, now_ns),
    )


def _key_of(desk: Orders, tag: Tag | None, queue: Queue, order_id: int, client_id: int, perm_id: int) -> Key:
    if tag is not None:
        return Key(*tag[:3])
    key = foreign_key(order_id, client_id, perm_id)
    if queue.con_id:
        key = key._replace(order_ref=f"{key.order_ref}.{queue.con_id}"[-_REF_WIDTH:])
    if desk.of_key(key) is not None:
        key = foreign_key(0, client_id, perm_id)
    return key


def _spec_of(record: Told) -> OrderSpec:
    if isinstance(record, Execution):
        action = codes.ACTION_FROM_CTP[codes.DIRECTION_OF_SIDE.get(record.side, codes.BUY)]
        return OrderSpec(action=action, quantity=record.cum_qty, order_ref=record.order_ref, account=record.account)
    return record.spec


def _direction_of(record: Told, spec: OrderSpec) -> str:
    if isinstance(record, Execution):
        return codes.DIRECTION_OF_SIDE.get(record.side, codes.BUY)
    return codes.DIRECTION_OF_ACTION.get(spec.action, codes.BUY)


def _offset_of(desk: Orders, resolved: Resolved, account: str, direction: str) -> str:
    """What an order without our tag would do to the position as it is now; its trades are worked out one by one."""
    net = desk.backend.ledger.net(account, resolved.con_id)
    return CLOSE if (net < 0 if direction == codes.BUY else net > 0) else OPEN


def _terms_of(record: Told, spec: OrderSpec, resolved: Resolved) -> Terms:
    if isinstance(record, Execution):
        # What it was is told by nobody: its executions say the least.
        return Terms(resolved.volume(max(record.cum_qty, record.shares)), 0.0, 0.0)
    quantity = spec.quantity
    if isinstance(record, CompletedOrder):
        quantity = max(quantity, record.filled_quantity or 0.0)
    price = spec.lmt_price if spec.order_type in codes.LIMIT_TYPES else None
    stop = spec.aux_price if spec.order_type in codes.CONDITIONAL_TYPES else None
    return Terms(resolved.volume(quantity), price or 0.0, stop or 0.0)
