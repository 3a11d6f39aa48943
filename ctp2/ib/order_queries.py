"""``ReqQryOrder`` and ``ReqQryTrade``: what was told of the day's orders and trades (spec ib 5.4, 5.5)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ctp2.ib.identity import perm_id_of
from ctp2.ib.parts import Refusal
from ctp2.ib.records import Refused

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.desk import Orders
    from ctp2.ib.order_state import Order
    from ctp2.ib.parts import Asking, Handler
    from ctp2.ib.resolved import Resolved

log = logging.getLogger("ctp2.ib")


async def orders(session: Asking, request: Request) -> None:
    """``ReqQryOrder``: the last state of each order of the day, and of older ones that still work."""
    field = request.field
    account = session.account_of(field.InvestorID)
    desk: Orders = session.backend.orders_of(session.link)
    desk.roll()
    wanted = await _con_id(session, field.InstrumentID)
    rows = []
    for order in desk.all():
        row = desk.effects.rows.get(order.seq)
        if row is None or order.account != account or not _is_asked(field, order, wanted):
            continue
        if field.OrderSysID.strip() and perm_id_of(field.OrderSysID) != order.perm_id:
            continue
        if _within(row.InsertTime, field.InsertTimeStart, field.InsertTimeEnd):
            rows.append(_named(session, order, row))
    session.answer(request, rows)


async def trades(session: Asking, request: Request) -> None:
    """``ReqQryTrade``: the trades of the day."""
    field = request.field
    account = session.account_of(field.InvestorID)
    desk: Orders = session.backend.orders_of(session.link)
    desk.roll()
    wanted = await _con_id(session, field.InstrumentID)
    trade_id = field.TradeID.strip()
    rows = []
    for order, _, row in desk.effects.done:
        if order.account != account or not _is_asked(field, order, wanted):
            continue
        if (not trade_id or trade_id == row.TradeID) and _within(
            row.TradeTime, field.TradeTimeStart, field.TradeTimeEnd
        ):
            rows.append(_named(session, order, row))
    session.answer(request, rows)


async def _con_id(session: Asking, text: str) -> int | None:
    """The contract that a filter names, however it spells it; None: all, 0: none that IB knows."""
    if not text:
        return None
    try:
        resolved: Resolved = await session.backend.directory.resolve(session.link, text)
    except (Refusal, Refused) as failure:
        log.info("no order in %s: %s", text, failure)
        return 0
    return resolved.con_id


def _is_asked(field: Any, order: Order, con_id: int | None) -> bool:
    if field.ExchangeID not in ("", order.listing.exchange_id):
        return False
    return con_id is None or con_id == order.contract.con_id or field.InstrumentID == order.request.InstrumentID


def _within(time: str, start: str, end: str) -> bool:
    return (not start or time >= start) and (not end or time <= end)


def _named(session: Asking, order: Order, row: Any) -> Any:
    """The row with the instrument's name as this client spells it; its own orders keep what they were sent with."""
    copy = row.__copy__()
    if (order.key.front_id, order.key.session_id) != (session.front_id, session.session_id):
        copy.InstrumentID = session.backend.directory.names_of(session).text(order.listing)
    return copy


REQUESTS: Final[dict[str, Handler]] = {"ReqQryOrder": orders, "ReqQryTrade": trades}
