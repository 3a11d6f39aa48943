"""``ReqQryOrder`` and ``ReqQryTrade``: what was told of the day's orders and trades (spec ib 5.4, 5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ctp2.ib.identity import perm_id_of

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.desk import Orders
    from ctp2.ib.order_state import Order
    from ctp2.ib.parts import Asking, Handler


def orders(session: Asking, request: Request) -> None:
    """``ReqQryOrder``: the last state of each order of the day, and of older ones that still work."""
    field = request.field
    account = session.account_of(field.InvestorID)
    desk: Orders = session.backend.orders_of(session.link)
    desk.roll()
    rows = []
    for order in desk.all():
        row = desk.effects.rows.get(order.seq)
        if row is None or order.account != account or not _is_asked(session, field, order):
            continue
        if field.OrderSysID.strip() and perm_id_of(field.OrderSysID) != order.perm_id:
            continue
        if _within(row.InsertTime, field.InsertTimeStart, field.InsertTimeEnd):
            rows.append(_named(session, order, row))
    session.answer(request, rows)


def trades(session: Asking, request: Request) -> None:
    """``ReqQryTrade``: the trades of the day."""
    field = request.field
    account = session.account_of(field.InvestorID)
    desk: Orders = session.backend.orders_of(session.link)
    desk.roll()
    wanted = field.TradeID.strip()
    rows = []
    for order, _, row in desk.effects.done:
        if order.account != account or not _is_asked(session, field, order):
            continue
        if (not wanted or wanted == row.TradeID) and _within(row.TradeTime, field.TradeTimeStart, field.TradeTimeEnd):
            rows.append(_named(session, order, row))
    session.answer(request, rows)


def _is_asked(session: Asking, field: Any, order: Order) -> bool:
    if field.ExchangeID not in ("", order.listing.exchange_id):
        return False
    text = field.InstrumentID
    if not text or text == order.request.InstrumentID:
        return True
    known = session.backend.directory.known(text)
    return known is not None and known.con_id == order.contract.con_id


def _within(time: str, start: str, end: str) -> bool:
    return (not start or time >= start) and (not end or time <= end)


def _named(session: Asking, order: Order, row: Any) -> Any:
    """The row with the instrument's name as this client spells it; its own orders keep what they were sent with."""
    copy = row.__copy__()
    if (order.key.front_id, order.key.session_id) != (session.front_id, session.session_id):
        copy.InstrumentID = session.backend.directory.names_of(session).text(order.listing)
    return copy


REQUESTS: Final[dict[str, Handler]] = {"ReqQryOrder": orders, "ReqQryTrade": trades}
