"""The sequence in which an exchange tells what happened to an order (spec ctp-semantics 3.5, 3.6)."""

from __future__ import annotations

from ctp2.tts.combining import release_for_close
from ctp2.tts.events import Event, LotClosed, OrderReport, TradeDone
from ctp2.tts.fees import frozen_fee, trade_fee
from ctp2.tts.makers import leg_filled
from ctp2.tts.native import mypyc_attr
from ctp2.tts.orders import Order
from ctp2.tts.position import Lot
from ctp2.tts.securities import fill_fee, working_fee
from ctp2.tts.state import State
from ctp2.tts.terms import (
    ACCEPTED,
    ALL_TRADED,
    CANCEL_REJECTED,
    CANCEL_SUBMITTED,
    CANCELED,
    INSERT_REJECTED,
    INSERT_SUBMITTED,
    NO_TRADE_QUEUEING,
    PART_TRADED_QUEUEING,
    UNKNOWN,
)


@mypyc_attr(acyclic=True)
class Fill:
    """One match of an order, decided and not yet told; ``trade_id`` 0: a new one."""

    __slots__ = ("price", "trade_id", "volume")

    def __init__(self, price: int, volume: int, trade_id: int = 0) -> None:
        self.price: int = price
        self.volume: int = volume
        self.trade_id: int = trade_id


class Reporter:
    """Turns decisions into events, in the exchange's order, and has the state apply each."""

    def __init__(self, state: State) -> None:
        self.state: State = state
        self.events: list[Event] = []
        self.now_ns: int = 0
        self._coming: int = 0  # what the order being told will have traded when all its fills are told

    def begin(self, now_ns: int) -> list[Event]:
        """Start collecting the events of one command; the list fills as the command is carried out."""
        self.events = []
        self.now_ns = now_ns
        return self.events

    # ------------------------------------------------------------------ sequences
    def submitted(self, order: Order) -> None:
        """CTP took the order: a/0, without an OrderSysID."""
        self._report(order, UNKNOWN, INSERT_SUBMITTED, 0, is_answer=False)

    def acknowledged(self, order: Order, sys_id: int = 0) -> None:
        """The exchange took it and does nothing with it yet: 3/3 (a stop order; a quote's leg, with a ``sys_id``)."""
        self._report(order, NO_TRADE_QUEUEING, ACCEPTED, 0, given_sys_id=sys_id)

    def rejected(self, order: Order, reason: int) -> None:
        """The exchange refused it: 5/4, still without an OrderSysID (row E)."""
        self._finish(order, INSERT_REJECTED, 0, "", reason=reason, is_answer=False)

    def arrived(self, order: Order, fills: list[Fill], cancels_rest: bool, rest_price: int) -> None:
        """The exchange's answer to a new order: rows A to G and J of spec 3.6.

        ``rest_price`` is what the order works at from now on (price units): its own limit, or what the rest of a market
        order waits at.
        """
        profile = order.contract.profile
        filled = 0
        for fill in fills:
            filled += fill.volume
        has_rest = filled < order.volume
        self._coming = filled
        if order.quote is None and (profile.ack_immediate or (has_rest and not cancels_rest)):
            self._report(order, NO_TRADE_QUEUEING, ACCEPTED, 0, price=rest_price)
        if has_rest and cancels_rest and profile.cancel_first:
            self._cancelled_before_trades(order, fills, filled)
        else:
            for fill in fills:
                self.filled(order, fill)
            if has_rest and cancels_rest:
                self.cancelled(order, "")
        self._coming = 0

    def filled(self, order: Order, fill: Fill) -> None:
        """One fill: the previous state where the exchange repeats it, the new state, the trade."""
        traded = order.traded + fill.volume
        if self._coming < traded:
            self._coming = traded
        submit = _submit_of(order) if order.contract.profile.marks_cancel else order.submit
        if order.contract.profile.repeat_on_fill and order.quote is None:
            self._report(order, order.status, submit, order.traded)
        self._report(order, ALL_TRADED if traded == order.volume else PART_TRADED_QUEUEING, submit, traded)
        self._trade(order, fill)
        if order.traded == self._coming:
            self._coming = 0
        if order.quote is not None:
            leg_filled(self, order)

    def repeat(self, order: Order, active_user: str) -> None:
        """The last state again, now with the user who acts on it (spec 4)."""
        submit = CANCEL_SUBMITTED if order.contract.profile.marks_cancel else order.submit
        self._report(order, order.status, submit, order.traded, active_user=active_user)

    def cancel_refused(self, order: Order, active_user: str) -> None:
        """The exchange refuses a cancel: the repeat, and only a marking profile shows the refusal (spec 16, row 1)."""
        self.repeat(order, active_user)
        if order.contract.profile.marks_cancel:
            self._report(order, order.status, CANCEL_REJECTED, order.traded, active_user=active_user)

    def cancelled(self, order: Order, active_user: str) -> None:
        """The rest is cancelled: 5, with submit status 3 once the exchange had acknowledged the order."""
        self._finish(order, _submit_of(order), order.traded, active_user)

    def _cancelled_before_trades(self, order: Order, fills: list[Fill], filled: int) -> None:
        """SHFE's FAK: 5 with the final VolumeTraded first, then for each trade 5 again and the trade (rows F, G)."""
        self._finish(order, order.submit, filled, "")
        for fill in fills:
            self._report(order, CANCELED, order.submit, filled, cancel_ns=order.cancel_ns)
            self._trade(order, fill)

    # ------------------------------------------------------------------ single events
    def _finish(
        self, order: Order, submit: str, traded: int, active_user: str, reason: int = 0, is_answer: bool = True
    ) -> None:
        """Status 5: what neither traded nor is about to be told as traded gives back its freeze."""
        left = order.volume - traded
        margin, fee = _freed(order, left)
        self._report(
            order,
            CANCELED,
            submit,
            traded,
            cancel_ns=self.now_ns,
            active_user=active_user,
            reason=reason,
            released_volume=left,
            released_margin=margin,
            released_fee=fee,
            is_answer=is_answer,
        )

    def _report(
        self,
        order: Order,
        status: str,
        submit: str,
        traded: int,
        cancel_ns: int = 0,
        active_user: str = "",
        reason: int = 0,
        released_volume: int = 0,
        released_margin: int = 0,
        released_fee: int = 0,
        is_answer: bool = True,
        price: int | None = None,
        given_sys_id: int = 0,
    ) -> None:
        """One OnRtnOrder. The exchange's first answer brings OrderSysID, SequenceNo and the exchange's time."""
        sys_id, sequence_no, exchange_ns = order.sys_id, order.sequence_no, order.exchange_ns
        if is_answer and not sys_id:
            sys_id = given_sys_id or self.state.last_sys_id + 1
            sequence_no = self.state.last_sequence_no + 1
            exchange_ns = self.now_ns
        event = OrderReport(
            order,
            status,
            submit,
            traded,
            sys_id,
            sequence_no,
            exchange_ns,
            cancel_ns,
            active_user,
            reason,
            released_volume,
            released_margin,
            released_fee,
            order.price if price is None else price,
            self._coming if self._coming > traded else traded,
            self.now_ns,
        )
        self.state.on_order_report(event)
        self.events.append(event)

    def _trade(self, order: Order, fill: Fill) -> None:
        """One OnRtnTrade with everything it does to money and position."""
        state, contract, row = self.state, order.contract, order.row
        volume, price = fill.volume, fill.price
        taken = _NO_LOTS if order.is_open else row.consumption(volume)
        if contract.is_security:
            fee, close_today = fill_fee(order, price, volume), 0
        else:
            fee, close_today = trade_fee(row.rates, order.terms.direction, order.offset, price, volume, row, taken)
        margin = exchange_margin = 0
        closed: list[LotClosed] = _NO_CLOSED
        if order.is_open:
            margin = row.rates.margin(row.is_long, price, volume)
            exchange_margin = row.rates.exchange_margin(row.is_long, price, volume)
        else:
            closed = [_closed_part(order, lot, part, price) for lot, part in taken]
            if row.has_pairs:
                release_for_close(self, order.account.account_id, row, taken)
        unfrozen_margin, unfrozen_fee = _freed(order, volume)
        event = TradeDone(
            order,
            fill.trade_id or state.last_trade_id + 1,
            price,
            volume,
            price * volume * contract.notional_micro,
            fee,
            close_today,
            margin,
            exchange_margin,
            unfrozen_margin,
            unfrozen_fee,
            closed,
            order.sequence_no + 1,
            state.trading_day,
            self.now_ns,
        )
        state.on_trade_done(event)
        self.events.append(event)


def _submit_of(order: Order) -> str:
    """The submit status of what happens next: marks of an earlier cancel are gone."""
    return ACCEPTED if order.submit == CANCEL_SUBMITTED or order.submit == CANCEL_REJECTED else order.submit


_NO_LOTS: list[tuple[Lot, int]] = []
_NO_CLOSED: list[LotClosed] = []
"""Shared empty lists of the opening path; never changed."""


def _freed(order: Order, volume: int) -> tuple[int, int]:
    """Margin and fee that ``volume`` of the order's frozen lots give back; the last lots give back the whole rest."""
    if volume == 0:
        return 0, 0
    left = order.frozen_volume - volume
    if left == 0:
        return order.frozen_margin, order.frozen_fee
    rates = order.row.rates
    if rates.is_security:
        fee = working_fee(rates, order.terms.direction, order.freeze_price, order.volume, left)
    else:
        fee = frozen_fee(rates, order.terms.direction, order.offset, order.freeze_price, left)
    margin = rates.margin(order.row.is_long, order.freeze_price, left) if order.is_open else 0
    return order.frozen_margin - margin, order.frozen_fee - fee


def _closed_part(order: Order, lot: Lot, volume: int, price: int) -> LotClosed:
    """What closing a part of one lot releases and earns: profit by date from ``basis``, by trade from the opening."""
    contract, row = order.contract, order.row
    unit = contract.notional_micro * volume
    sign = 1 if row.is_long else -1
    left = lot.volume - volume
    margin = lot.margin
    exchange_margin = lot.exchange_margin
    if row.has_pairs:
        margin = exchange_margin = 0  # ``release_for_close`` does that
    elif left:
        margin -= row.rates.margin(row.is_long, lot.basis, left)
        exchange_margin -= row.rates.exchange_margin(row.is_long, lot.basis, left)
    return LotClosed(
        lot,
        volume,
        lot.basis * unit,
        lot.open_price * unit,
        sign * (price - lot.basis) * unit,
        sign * (price - lot.open_price) * unit,
        margin,
        exchange_margin,
    )
