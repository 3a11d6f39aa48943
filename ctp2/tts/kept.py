"""What is kept of an event once it was told: plain values, no objects.

Every order leaves several events behind for the rest of the day, for sessions that ask for them again and for queries.
Kept as tuples of numbers and text they are a fraction of the objects' size, and the interpreter's collector does not
visit them: its passes would otherwise grow with the number of orders done and stop the counter for longer and longer.
"""

from __future__ import annotations

from typing import Any

from ctp2.tts.events import Event, LotClosed, OrderReport, TradeDone
from ctp2.tts.orders import Order

Kept = tuple[Any, ...]
"""``(order_id, …)``: a report has twelve values behind it, a trade six."""


def keep_report(event: OrderReport) -> Kept:
    """A state of an order, without what it changed."""
    return (
        event.order.order_id,
        event.status,
        event.submit,
        event.traded,
        event.sys_id,
        event.sequence_no,
        event.exchange_ns,
        event.cancel_ns,
        event.active_user,
        event.reason,
        event.price,
        event.announced,
        event.now_ns,
    )


def report_again(kept: Kept, orders: dict[int, Order]) -> OrderReport:
    """The state as it was told."""
    (
        order_id,
        status,
        submit,
        traded,
        sys_id,
        sequence_no,
        exchange_ns,
        cancel_ns,
        user,
        reason,
        price,
        announced,
        now,
    ) = kept
    order = orders[order_id]
    return OrderReport(
        order,
        status,
        submit,
        traded,
        sys_id,
        sequence_no,
        exchange_ns,
        cancel_ns,
        user,
        reason,
        0,
        0,
        0,
        price,
        announced,
        now,
    )


def keep_trade(event: TradeDone) -> Kept:
    """A fill, without what it did to money and position."""
    return (
        event.order.order_id,
        event.trade_id,
        event.price,
        event.volume,
        event.sequence_no,
        event.trading_day,
        event.now_ns,
    )


def trade_again(kept: Kept, orders: dict[int, Order]) -> TradeDone:
    """The fill as it was told; its amounts are 0."""
    order_id, trade_id, price, volume, sequence_no, trading_day, now_ns = kept
    order = orders[order_id]
    return TradeDone(
        order, trade_id, price, volume, 0, 0, 0, 0, 0, 0, 0, _NONE_CLOSED, sequence_no, trading_day, now_ns
    )


def keep(event: Event) -> Kept | Event:
    """The lasting form of an event; refusals are few and stay as they are."""
    if isinstance(event, OrderReport):
        return keep_report(event)
    if isinstance(event, TradeDone):
        return keep_trade(event)
    return event


def again(kept: Kept | Event, orders: dict[int, Order]) -> Event:
    """The event behind a lasting form."""
    if isinstance(kept, Event):
        return kept
    return report_again(kept, orders) if len(kept) > _TRADE_LENGTH else trade_again(kept, orders)


_TRADE_LENGTH = 7
_NONE_CLOSED: list[LotClosed] = []
"""Shared and never changed."""
