"""``ReqOrderInsert`` and ``ReqOrderAction`` (spec ib 5.1, 5.2). Handlers of the session, on the loop's thread.

An order whose contract is still asked for is being *prepared*: its name is taken, and a cancel of it waits for it.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from ctp2.ib import codes_orders as codes
from ctp2.ib import errors
from ctp2.ib import order_state as s
from ctp2.ib import translate_orders as translate
from ctp2.ib.holdings import exact
from ctp2.ib.identity import Key, Tag, can_be_ref, perm_id_of
from ctp2.ib.order_effects import Origin
from ctp2.ib.order_state import Action, Order, Terms
from ctp2.ib.parts import Refusal
from ctp2.ib.translate_orders import Quote, Wanted
from ctp2.ib.translate_reports import day_of

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.desk import Orders
    from ctp2.ib.parts import Asking, Handler
    from ctp2.ib.records import OrderSpec
    from ctp2.ib.resolved import Resolved

_MODIFIABLE: Final = codes.LIMIT_TYPES | codes.CONDITIONAL_TYPES | {"MKT", "MTL"}
"""What this adapter places itself: an order of another type has terms that CTP cannot say."""


class Entry(NamedTuple):
    """An insert on its way."""

    desk: Orders
    origin: Origin
    key: Key
    account: str

    @property
    def field(self) -> Any:
        """The client's ``InputOrder``."""
        return self.origin.request.field


def _desk(session: Asking) -> Orders:
    desk: Orders = session.backend.orders_of(session.link)
    return desk


def _check_open(session: Asking) -> None:
    """Whether orders can be sent at all.

    Raises:
        Refusal: 9 for an address with ``readonly=1``, 8 while TWS has lost IB (3.2).
    """
    if session.config.options.readonly == "1":
        raise Refusal(errors.NO_PRIVILEGE, "CTP:readonly=1")
    if session.link.is_cut_off:
        raise Refusal(errors.FRONT_NOT_ACTIVE)


# ------------------------------------------------------------------ insert
def order_insert(session: Asking, request: Request) -> Coroutine[Any, Any, None]:
    """``ReqOrderInsert``: refused at once if it can be; its name is taken before anything is waited for."""
    _check_open(session)
    field = request.field
    account = session.account_of(field.InvestorID)
    translate.check_codes(field)
    desk = _desk(session)
    desk.roll()
    key = _new_key(desk, session, field)
    desk.prepare(key)
    return _insert(Entry(desk, Origin.of(session, request), key, account))


def _new_key(desk: Orders, session: Asking, field: Any) -> Key:
    reference = field.OrderRef.strip()
    if not reference:
        # CTP's counters number such orders themselves.
        reference = field.OrderRef = str(desk.next_ref())
    if not can_be_ref(reference):
        raise Refusal(errors.BAD_FIELD, "CTP:OrderRef: 1-12 ASCII characters without blanks and colons")
    key = Key(session.front_id, session.session_id, reference)
    if desk.is_used(key):
        raise Refusal(errors.DUPLICATE_ORDER_REF)
    return key


async def _insert(entry: Entry) -> None:
    desk, session, field = entry.desk, entry.origin.session, entry.field
    try:
        directory = session.backend.directory
        resolved: Resolved = await directory.resolve(desk.link, field.InstrumentID)
        directory.names_of(session).note(resolved, field.InstrumentID)
        wanted = await _wanted(entry, resolved)
        spec = translate.order_to_ib(
            field, resolved, wanted, entry.account, outside_rth=session.config.options.outside_rth == "1"
        )
        if not entry.origin.is_there:
            return  # the link it was asked on is gone, and that was its outcome
        _check_open(session)
        _check_close(entry, resolved, spec)
        _place(entry, resolved, wanted, spec)
    finally:
        desk.prepared(entry.key)


async def _wanted(entry: Entry, resolved: Resolved) -> Wanted:
    """Type and prices, the prices on their ticks."""
    field = entry.field
    shape = translate.shape_of(field)
    translate.check_contract(field, resolved, shape.order_type)
    price = translate.asked_price(field, shape.order_type, _quote(entry, resolved))
    stop = float(field.StopPrice) if shape.order_type in codes.CONDITIONAL_TYPES else None
    if price is not None:
        price = await _on_tick(entry.desk, resolved, price)
    if stop is not None:
        stop = await _on_tick(entry.desk, resolved, stop)
    return Wanted(shape, price, stop)


async def _on_tick(desk: Orders, resolved: Resolved, price: float) -> float:
    increment = await desk.backend.directory.increment(desk.link, resolved, price)
    return translate.on_tick(price, increment)


def _quote(entry: Entry, resolved: Resolved) -> Quote:
    """The best prices, for the price types that mean them alone."""
    if entry.field.OrderPriceType not in (codes.ASK_PRICE_1, codes.BID_PRICE_1):
        return Quote()
    return Quote(*entry.desk.backend.market.best(resolved))


def _check_close(entry: Entry, resolved: Resolved, spec: OrderSpec) -> None:
    """A Close of more than there is would open a reverse position (5.7).

    Raises:
        Refusal: 30.
    """
    desk, field = entry.desk, entry.field
    error_id = desk.backend.ledger.refusal(
        desk.link,
        entry.account,
        resolved.contract,
        field.CombOffsetFlag[0],
        exact(spec.quantity),
        is_buy=field.Direction == codes.BUY,
    )
    if error_id:
        raise Refusal(error_id)


def _place(entry: Entry, resolved: Resolved, wanted: Wanted, spec: OrderSpec) -> None:
    desk, field, key = entry.desk, entry.field, entry.key
    tag = Tag(*key, field.CombOffsetFlag[0], field.CombHedgeFlag[0])
    spec = msgspec.structs.replace(spec, order_id=desk.link.next_order_id(), order_ref=str(tag))
    desk.link.place(spec, resolved.contract)
    now_ns = desk.timers.now_ns()
    order = Order(
        key=key,
        account=entry.account,
        contract=resolved.contract,
        terms=translate.terms_of_request(field, wanted),
        client_id=desk.link.client_id,
        order_id=spec.order_id,
        direction=field.Direction,
        offset=tag.offset,
        hedge=tag.hedge,
        scale=resolved.scale,
        spec=spec,
        request=field.__copy__(),
        origin=entry.origin,
        listing=resolved,
        trading_day=day_of(resolved, now_ns),
    )
    desk.enter(order)
    desk.apply(order, s.Sent(eager=desk.options.eager_ack == "1"))


# ------------------------------------------------------------------ cancel and modify
def order_action(session: Asking, request: Request) -> Coroutine[Any, Any, None] | None:
    """``ReqOrderAction``: cancel or modify."""
    _check_open(session)
    field = request.field
    if field.ActionFlag not in (codes.DELETE, codes.MODIFY):
        raise Refusal(errors.BAD_ORDER_ACTION_FIELD)
    desk = _desk(session)
    key = _named(session, field)
    if not field.OrderSysID.strip() and desk.is_preparing(key):
        return _act_later(session, request, key)
    return _act(session, request)


def _named(session: Asking, field: Any) -> Key:
    """The name that a client gives; without front and session it means its own."""
    if not field.FrontID and not field.SessionID:
        return Key(session.front_id, session.session_id, field.OrderRef.strip())
    return Key(field.FrontID, field.SessionID, field.OrderRef.strip())


async def _act_later(session: Asking, request: Request, key: Key) -> None:
    """The order is being prepared: it is cancelled when it is placed."""
    await _desk(session).until_prepared(key)
    work = _act(session, request)
    if work is not None:
        await work


def _act(session: Asking, request: Request) -> Coroutine[Any, Any, None] | None:
    order = _target(session, request.field)
    if request.field.ActionFlag == codes.MODIFY:
        return _modify(session, request, order)
    _check_target(order)
    _desk(session).apply(order, s.CancelWanted(Action("cancel", Origin.of(session, request))))
    return None


def _target(session: Asking, field: Any) -> Order:
    """The order of an action: by (ExchangeID, OrderSysID), else by (FrontID, SessionID, OrderRef).

    Raises:
        Refusal: 25; 13 for an InvestorID that is none.
    """
    desk = _desk(session)
    if field.OrderSysID.strip():
        order = desk.of_perm_id(perm_id_of(field.OrderSysID))
        if order is not None and field.ExchangeID not in ("", order.listing.exchange_id):
            order = None
    else:
        order = desk.of_key(_named(session, field))
    if order is None or order.is_refused or not session.can_use(order.account):
        raise Refusal(errors.ORDER_NOT_FOUND)
    if field.InvestorID and session.account_of(field.InvestorID) != order.account:
        raise Refusal(errors.ORDER_NOT_FOUND)
    return order


def _check_target(order: Order) -> None:
    """Whether the order can be acted on.

    Raises:
        Refusal: 26 for one that has ended, 9 for another client's, 24 while an action is under way.
    """
    if order.is_final:
        raise Refusal(errors.UNSUITABLE_ORDER_STATUS)
    if not order.is_own:
        raise Refusal(errors.NO_PRIVILEGE)
    if order.action is not None:
        raise Refusal(errors.DUPLICATE_ORDER_ACTION)


async def _modify(session: Asking, request: Request, order: Order) -> None:
    _check_target(order)
    desk, field = _desk(session), request.field
    if order.spec is None or order.spec.order_type not in _MODIFIABLE:
        raise Refusal(errors.UNSUPPORTED_FUNCTION)
    origin = Origin.of(session, request)
    price = order.terms.price
    if field.LimitPrice:
        if order.spec.order_type not in codes.LIMIT_TYPES:
            raise Refusal(errors.BAD_ORDER_ACTION_FIELD)
        price = await _on_tick(desk, order.listing, field.LimitPrice)
    if not origin.is_there:
        return
    _check_open(session)
    _check_target(order)  # it may have ended meanwhile
    wanted = Terms(order.terms.volume + field.VolumeChange, price, order.terms.stop)
    if wanted == order.terms:
        raise Refusal(errors.BAD_ORDER_ACTION_FIELD)
    if wanted.volume < 1:
        raise Refusal(errors.BAD_FIELD)
    if wanted.volume <= order.traded:
        raise Refusal(errors.UNSUITABLE_ORDER_STATUS)
    spec = translate.modified(order.spec, order.listing.quantity(wanted.volume), price)
    desk.apply(order, s.ModifyWanted(Action("modify", origin, wanted, spec)))


REQUESTS: Final[dict[str, Handler]] = {"ReqOrderInsert": order_insert, "ReqOrderAction": order_action}
"""Parked and batch requests are error 27, as everything that no part serves."""
