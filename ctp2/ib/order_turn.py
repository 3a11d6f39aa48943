"""What every happening at an order may lead to: telling, waiting, ending, and the fate of an action (spec ib 5.2, 5.4).

The steps that :mod:`ctp2.ib.orders` is made of.
"""

from __future__ import annotations

from typing import Literal

from ctp2.ib import codes_orders as codes
from ctp2.ib import errors
from ctp2.ib import order_state as s
from ctp2.ib.order_state import Order, Report, Shown, Terms
from ctp2.ib.records import OrderSpec


def terms_of(spec: OrderSpec, order: Order) -> Terms:
    """What TWS shows of the terms; what it does not tell of this type of order stays as it is."""
    volume = order.lots(spec.quantity) or order.terms.volume
    price, stop = order.terms.price, order.terms.stop
    if spec.order_type in codes.LIMIT_TYPES and spec.lmt_price is not None:
        price = spec.lmt_price
    if spec.order_type in codes.CONDITIONAL_TYPES and spec.aux_price is not None:
        stop = spec.aux_price
    return Terms(volume, price, stop)


def shown(order: Order) -> Shown:
    """What an ``OnRtnOrder`` tells of it now."""
    status = _status(order)
    if order.end in ("cancelled", "rejected", "silent", "unknown"):
        text = order.end_text or codes.STATUS_TEXT[status]
    elif order.is_held and status != codes.FILLED:
        text = codes.LOCATING_TEXT
    else:
        text = codes.STATUS_TEXT[status] + codes.SUBMIT_TEXT.get(order.submit, "")
    return Shown(status, order.submit, order.traded, order.terms, text, order.perm_id)


def _status(order: Order) -> str:
    if order.end == "filled":
        return codes.FILLED
    if order.end in ("cancelled", "rejected", "silent"):
        return codes.CANCELLED
    if order.end == "unknown":
        return codes.UNKNOWN
    if order.traded:
        return codes.PART_FILLED
    if not order.is_working:
        return codes.UNKNOWN
    return codes.NOT_TOUCHED if order.is_conditional and not order.is_triggered else codes.WORKING


class Turn:
    """One happening at one order: what it changes, and what is to be done."""

    def __init__(self, order: Order, now_ns: int) -> None:
        self.order = order
        self.now_ns = now_ns
        self.out: list[Report] = []

    def remark(self, text: str, *, grave: bool = False) -> None:
        """A line for the log."""
        self.out.append(s.Remark(grave, text))

    def show(self) -> None:
        """Tell the order's state, unless that was told."""
        order = self.order
        if order.is_refused:
            return
        now = shown(order)
        told = order.told
        if now == told:
            return
        if told is not None and now.perm_id and not order.is_sys_id_told and now.traded > told.traded:
            self._tell(told._replace(perm_id=now.perm_id))  # its OrderSysID is known before its first trade (3.3)
        self._tell(now)

    def _tell(self, now: Shown) -> None:
        order = self.order
        before = order.told.status if order.told else ""
        if (before, now.status) not in codes.ALLOWED:
            self.remark(f"status {before} was told and is {now.status} now: the broker's word counts", grave=True)
        order.update_ns = self.now_ns
        order.told = now
        order.is_sys_id_told = order.is_sys_id_told or now.perm_id != 0
        self.out.append(s.Changed(now))

    def announce(self) -> None:
        """Tell ``a``, if nothing was told yet: the counter has it."""
        order = self.order
        if order.told is None and not order.is_refused:
            text = codes.STATUS_TEXT[codes.UNKNOWN]
            self._tell(Shown(codes.UNKNOWN, codes.INSERT_SUBMITTED, 0, order.terms, text, order.perm_id))

    def acknowledge(self) -> None:
        """TWS knows it."""
        if not self.order.is_acknowledged:
            self.order.is_acknowledged = True
            self.stop("ack")
            self.stop("missing")
            self.announce()

    def wait(self, timer: s.Timer, seconds: float) -> None:
        """Have ``Elapsed`` told; an earlier wait of this kind is void."""
        order = self.order
        order.timers += 1
        order.waits[timer] = order.timers
        self.out.append(s.Wait(timer, order.timers, seconds))

    def stop(self, timer: s.Timer) -> None:
        """Wait no more."""
        self.order.waits.pop(timer, None)

    def send_held(self) -> None:
        """Send the action that waited for the acknowledgement."""
        order = self.order
        action = order.action
        if action is None or action.is_sent:
            return
        if order.is_final:
            self.fail_action(errors.UNSUITABLE_ORDER_STATUS, None)
            return
        if "held" in order.waits and not order.is_acknowledged:
            return
        self.stop("held")
        action.is_sent = True
        if action.kind == "cancel":
            order.submit = codes.CANCEL_SUBMITTED
            self.out.append(s.SendCancel())
        else:
            assert action.spec is not None
            order.submit = codes.MODIFY_SUBMITTED
            self.out.append(s.SendModify(action.spec))
        self.show()
        self.wait("reply", s.REPLY_S)

    def attach(self, perm_id: int) -> None:
        """TWS's number of it."""
        if perm_id and not self.order.perm_id:
            self.order.perm_id = perm_id

    def revive(self, why: str) -> None:
        """The end was none."""
        order = self.order
        order.end, order.end_text, order.closing, order.cancel_ns = "", "", "", 0
        order.is_refused = False
        order.rejection = None
        order.cancel_text = ""
        if order.submit == codes.INSERT_REJECTED:
            order.submit = codes.ACCEPTED
        self.remark(f"the order lives: {why}", grave=True)

    def fill_up(self) -> None:
        """Everything is traded: that is its end, whatever else was under way."""
        order = self.order
        if order.end == "filled" or not order.terms.volume or order.traded < order.terms.volume:
            return
        order.end, order.end_text, order.closing = "filled", "", ""
        order.cancel_ns = 0
        order.submit = codes.ACCEPTED
        for timer in ("fills", "reason", "text", "missing"):
            order.waits.pop(timer, None)

    def expect_fills(self) -> None:
        """orderStatus.filled ran ahead: the change waits for the executions (5.4)."""
        order = self.order
        if order.owes_fills and "fills" not in order.waits:
            self.wait("fills", s.FILLS_S)

    @property
    def is_cancel_asked(self) -> bool:
        """Whether a cancel of ours is under way."""
        action = self.order.action
        return action is not None and action.kind == "cancel" and action.is_sent

    def close_if_ready(self) -> None:
        """End it, when nothing is waited for any more."""
        order = self.order
        if order.closing != "cancelled" or order.owes_fills:
            return
        if order.rejection or order.cancel_text or self.is_cancel_asked or "text" not in order.waits:
            self.close()

    def close(self) -> None:
        """The end that was waited for."""
        order = self.order
        if order.rejection is not None:
            self.finish("rejected", errors.message(*order.rejection))
        elif order.closing == "inactive":
            self.finish("silent", codes.INACTIVE_TEXT)
        else:
            asked = self.is_cancel_asked
            text = errors.message(errors.CANCELLED, order.cancel_text) if order.cancel_text and not asked else ""
            self.finish("cancelled", text)

    def finish(self, end: Literal["cancelled", "rejected", "silent"], text: str) -> None:
        """It ends without being filled."""
        order = self.order
        if not order.is_acknowledged:
            self.announce()
        order.end, order.end_text, order.closing = end, text, ""
        order.submit = codes.ACCEPTED if end == "cancelled" else codes.INSERT_REJECTED
        order.cancel_ns = self.now_ns
        order.waits.clear()
        self.show()
        action = order.action
        if action is None:
            return
        if action.kind == "modify" or not action.is_sent:
            self.fail_action(errors.UNSUITABLE_ORDER_STATUS, None)
        order.action = None  # the end is the outcome of a cancel

    def settle_action(self, submit: str) -> None:
        """The action has its outcome."""
        self.order.action = None
        self.order.submit = submit
        self.stop("reply")
        self.stop("held")

    def fail_action(self, error_id: int, text: str | None) -> None:
        """The action failed; the order is as it was."""
        order = self.order
        action = order.action
        assert action is not None
        submit = order.submit
        if action.is_sent and not order.is_final:
            submit = codes.CANCEL_REJECTED if action.kind == "cancel" else codes.MODIFY_REJECTED
        self.settle_action(submit)
        self.out.append(s.ActionRefused(action, error_id, text))
        if action.is_sent and not order.is_final:
            self.show()
