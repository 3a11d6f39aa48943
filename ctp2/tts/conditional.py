"""Decisions about orders that wait for a price: taking, touching, cancelling them (spec ctp-semantics 3.2, 3.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ctp2.tts import rejections as error
from ctp2.tts.commands import CancelOrder, InsertOrder, ReleasedOrder
from ctp2.tts.conditions import (
    ConditionFailed,
    ConditionPlaced,
    ConditionReport,
    StopLeft,
    StopPlaced,
    on_condition_placed,
    on_condition_report,
    on_stop_left,
    on_stop_placed,
    waiting_of,
)
from ctp2.tts.orders import Order
from ctp2.tts.terms import ACCEPTED, CANCELED, IMMEDIATELY, NOT_TOUCHED, TOUCHED

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.events import Event
    from ctp2.tts.order_limits import OrderLimits
    from ctp2.tts.reports import Reporter
    from ctp2.tts.risk import Draft
    from ctp2.tts.state import State

COUNTER_SESSION: Final = (0, 0)
"""FrontID and SessionID of orders that the counter itself inserts; their OrderRefs count on their own."""


CONDITION_PREFIX: Final = "TJBD_"


def sys_id_of(order: Order) -> str:
    """OrderSysID of a conditional order."""
    return f"{CONDITION_PREFIX}{-order.sys_id}"


def released(terms: InsertOrder, now_ns: int, origin: str = "", contingent: str = IMMEDIATELY) -> ReleasedOrder:
    """The order that comes of a waiting one: the same terms, at once, under a reference of the counter's own."""
    front_id, session_id = COUNTER_SESSION
    return ReleasedOrder(
        now_ns,
        front_id,
        session_id,
        terms.account_id,
        terms.investor_id,
        terms.user_id,
        terms.exchange,
        terms.instrument,
        "",
        terms.direction,
        terms.comb_offset,
        terms.price,
        terms.volume,
        terms.price_type,
        terms.time_condition,
        terms.volume_condition,
        terms.min_volume,
        contingent,
        terms.stop_price,
        terms.comb_hedge,
        terms.force_close_reason,
        terms.is_auto_suspend,
        terms.is_swap,
        terms.user_force_close,
        terms.session_req_seq,
        terms.request_id,
        terms.echo,
        origin,
    )


class Conditional:
    """The counter's conditional orders, and the stop orders that exchanges hold.

    ``release`` sends an order as if a client had just sent it and answers with CTP's error number; ``enter`` gives a
    touched stop order to its market. Both add to the reporter's events.
    """

    def __init__(
        self,
        reporter: Reporter,
        limits: OrderLimits,
        release: Callable[[InsertOrder], int],
        enter: Callable[[Order], None],
    ) -> None:
        self.reporter: Reporter = reporter
        self.limits: OrderLimits = limits
        self.release = release
        self.enter = enter

    # ------------------------------------------------------------------ CTP's conditional orders
    def check(self, state: State, draft: Draft) -> int:
        """Step 3 of the checks, behind the right (62): the switch 54, the counter's room 52, the investor's 53."""
        limits, account_id = self.limits, draft.account.account_id
        if not limits.conditional:
            return error.BROKER_NOT_SUPPORT_CONDORDER
        if 0 < limits.conditional_total <= sum(state.waiting_conditions.values()):
            return error.BROKER_NOT_ENOUGH_CONDORDER
        if 0 < limits.conditional_per_user <= waiting_of(state, account_id):
            return error.INVESTOR_NOT_ENOUGH_CONDORDER
        return 0

    def place(self, draft: Draft) -> None:
        """Keep it: b/3, OrderSysID ``TJBD_n``."""
        state = self.reporter.state
        order = draft.order(state)
        number = state.last_conditions.get(order.contract.exchange, 0) + 1
        event = ConditionPlaced(order, number, draft.ref_number, draft.terms.now_ns)
        on_condition_placed(state, event)
        self.reporter.events.append(event)
        self._report(order, NOT_TOUCHED)

    def find(self, sys_id: str, command: CancelOrder) -> Order | None:
        """A conditional order by its ``TJBD_n``; without an ExchangeID the investor's first of that number."""
        text = sys_id.removeprefix(CONDITION_PREFIX)
        if not (text.isascii() and text.isdigit()):
            return None
        number = int(text)
        state = self.reporter.state
        for exchange in (command.exchange,) if command.exchange else sorted(state.last_conditions):
            order = state.conditions.get((exchange, number))
            if order is not None and order.account.account_id == command.account_id:
                return order
        return None

    def cancel(self, order: Order, user_id: str) -> None:
        """Before it is touched: the last state again, then 5 (spec 3.11)."""
        self._report(order, NOT_TOUCHED, active_user=user_id)
        self._report(order, CANCELED, active_user=user_id, cancel_ns=self.reporter.now_ns)

    # ------------------------------------------------------------------ exchanges' stop orders
    def hold(self, order: Order) -> None:
        """The exchange takes a stop order, which rests until its price comes."""
        self.reporter.acknowledged(order)
        event = StopPlaced(order, self.reporter.now_ns)
        on_stop_placed(self.reporter.state, event)
        self.reporter.events.append(event)

    def drop(self, order: Order) -> bool:
        """A stop order is cancelled before its price came; False when it waits for none."""
        conditions = order.contract.conditions
        if conditions is None or order.order_id not in conditions.waiting:
            return False
        self._stop_left(order)
        return True

    # ------------------------------------------------------------------ prices
    def touched(self, contract: Contract, events: list[Event], now_ns: int) -> list[Event]:
        """Carry out what the instrument's prices touch; the orders released may move the prices of their own book.

        ``events`` is what the command has brought so far; the whole list is returned.
        """
        while contract.conditions is not None:
            found = contract.conditions.touched(contract)
            if not found:
                break
            if events is not self.reporter.events:
                events = self.reporter.begin(now_ns)
            for order in found:
                if order.sys_id < 0:
                    self._fire(order, now_ns)
                else:
                    self._stop_left(order)
                    self.enter(order)
        return events

    def _fire(self, order: Order, now_ns: int) -> None:
        """c, then a new order (spec 3.11)."""
        self._report(order, TOUCHED)
        number = self.release(released(order.terms, now_ns, sys_id_of(order)))
        if number:
            self.reporter.events.append(ConditionFailed(order, number, now_ns))

    def _stop_left(self, order: Order) -> None:
        event = StopLeft(order, self.reporter.now_ns)
        on_stop_left(self.reporter.state, event)
        self.reporter.events.append(event)

    def _report(self, order: Order, status: str, active_user: str = "", cancel_ns: int = 0) -> None:
        now_ns = self.reporter.now_ns
        event = ConditionReport(
            order, status, ACCEPTED, 0, order.sys_id, 0, 0, cancel_ns, active_user, 0, 0, 0, 0, order.price, 0, now_ns
        )
        on_condition_report(self.reporter.state, event)
        self.reporter.events.append(event)
