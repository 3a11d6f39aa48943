"""What a return shows of an order or a fill, as values in the order in which ``translate.py`` sets them.

Compiled code reads the counter's objects fastest, interpreted code sets the members of a CTP struct fastest (the
interpreter specialises that): so the values are collected here in one tuple and set there
(docs/decisions/0081-returns.md).
"""

from __future__ import annotations

from typing import Any, Final

from ctp2.tts.contract import Contract
from ctp2.tts.events import OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.terms import INSERT_SUBMITTED, UNKNOWN
from ctp2.tts.values import date_of, number_to_ctp, sys_id_to_ctp, time_of

Shown = tuple[Any, ...]

_MOST: Final = 1000
"""Patterns kept per instrument; beyond it they begin anew."""


class Pattern:
    """What is the same in the returns of all orders of one kind: records to copy, opaque here.

    They hold for one instrument, one :class:`~ctp2.tts.commands.Common`, and the offset flag sent to the exchange.
    """

    __slots__ = ("offset", "order", "trade")

    def __init__(self, offset: str, order: object, trade: object) -> None:
        self.offset: str = offset
        self.order: object = order
        self.trade: object = trade


def pattern_of(order: Order) -> Pattern | None:
    """The pattern of an order's returns, None when it is yet to be made."""
    patterns = order.contract.patterns
    found = patterns.get(order.terms.common) if patterns is not None else None
    return found if isinstance(found, Pattern) and found.offset == order.offset else None


def keep_pattern(order: Order, order_record: object, trade_record: object) -> Pattern:
    """Keep records as the pattern of an order's returns."""
    contract: Contract = order.contract
    if contract.patterns is None or len(contract.patterns) >= _MOST:
        contract.patterns = {}
    pattern = Pattern(order.offset, order_record, trade_record)
    contract.patterns[order.terms.common] = pattern
    return pattern


def order_values(event: OrderReport) -> Shown:
    """Of ``OnRtnOrder`` (spec 3.5, 3.7): pattern, then the members as ``order_to_ctp`` names them."""
    order = event.order
    terms = order.terms
    profile, zone = order.contract.profile, order.contract.zone
    sys_id, submit = event.sys_id, event.submit
    order_sys_id = seat = ""
    insert_date = insert_time = ""
    order_code = "0"
    notify = announced = sequence_no = 0
    if sys_id > 0:
        order_sys_id = number_to_ctp(sys_id) if order.quote is None else leg_sys_id(order, sys_id)
        sequence_no = event.sequence_no
        notify = 0 if submit == INSERT_SUBMITTED else 1
        insert_date = order.trading_day if profile.trading_day_dates else date_of(event.exchange_ns, zone)
        insert_time = time_of(event.exchange_ns, zone)
        if profile.empty_codes and submit != INSERT_SUBMITTED:
            order_code = ""
        if profile.trade_date_only:
            announced = event.announced
        if profile.seat_in_active:
            seat = seat_of(terms.echo[0])
    else:
        insert_date, insert_time = date_of(order.insert_ns, zone), time_of(order.insert_ns, zone)
        order_sys_id = sys_id_to_ctp(sys_id)  # a conditional order's: no exchange has seen it
    return (
        pattern_of(order),
        order.order_ref,
        terms.price,
        order.volume,
        terms.request_id,
        number_to_ctp(order.order_id),
        order.trading_day,
        order.order_id,
        terms.session_req_seq,
        event.status,
        submit,
        event.traded,
        order.volume - event.traded,
        order_sys_id,
        sequence_no,
        notify,
        insert_date,
        insert_time,
        seat,
        order_code,
        order_code if order.quote is None else order.quote.telling.leg_type,
        announced,
        "" if event.status == UNKNOWN else time_of(event.cancel_ns, zone),
        event.active_user,
        event.reason,
        sys_id < 0 or terms.front_id == 0 or terms.is_swap != 0,
    )


def trade_values(event: TradeDone) -> Shown:
    """Of ``OnRtnTrade`` (spec 3.9): pattern, then the members as ``trade_to_ctp`` names them."""
    order = event.order
    contract = order.contract
    profile = contract.profile
    on_trading_day = profile.trading_day_dates or profile.trade_date_only
    return (
        pattern_of(order),
        order.order_ref,
        number_to_ctp(event.trade_id),
        number_to_ctp(order.sys_id) if order.quote is None else leg_sys_id(order, order.sys_id),
        event.price / contract.price_scale,
        event.volume,
        event.trading_day if on_trading_day else date_of(event.now_ns, contract.zone),
        time_of(event.now_ns, contract.zone),
        number_to_ctp(order.order_id),
        event.sequence_no,
        event.trading_day,
        order.order_id,
    )


def sys_id_of(order: Order) -> str:
    """OrderSysID of an order; empty before the exchange answered."""
    return sys_id_to_ctp(order.sys_id) if order.quote is None else leg_sys_id(order, order.sys_id)


def leg_sys_id(order: Order, sys_id: int) -> str:
    """A quote leg's OrderSysID; CZCE writes the quote's with a letter (spec 12.4)."""
    quote = order.quote
    if quote is None or not sys_id or not quote.telling.letters:
        return number_to_ctp(sys_id)
    return f"{'b' if order.is_buy else 'a'}{quote.sys_id}".rjust(12)


def seat_of(broker: str) -> str:
    """TraderID: the seat that reports to the exchange."""
    return f"{broker or 'ctp2'}cac"
