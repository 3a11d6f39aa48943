"""What an order does when something happens to it: ``apply(order, happening, now) → reports`` (spec ib 5.1, 5.2, 5.4).

Pure: no clock, no link, no CTP struct. Whoever calls it does what the reports say, and tells ``Elapsed`` when a timer
that a ``Wait`` asked for runs out. TWS promises no order between openOrder, orderStatus and execDetails, repeats
itself, and may leave each of them out; so every record is read for what it adds, and only what changes the picture is
told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from ctp2.ib import codes_orders as codes
from ctp2.ib import errors
from ctp2.ib import order_state as s
from ctp2.ib.identity import split_revision
from ctp2.ib.order_state import Order, Report
from ctp2.ib.order_turn import Turn, terms_of
from ctp2.ib.records import CompletedOrder, Execution, OpenOrder, OrderSpec, OrderStatus, Problem


def apply(order: Order, happening: object, now_ns: int) -> list[Report]:
    """Change ``order`` by what happened; what is to be done, in this order."""
    turn = _Life(order, now_ns)
    _HANDLERS[type(happening)](turn, happening)
    turn.send_held()
    return turn.out


class _Life(Turn):
    """A handler for each kind of happening."""

    # ------------------------------------------------------------------ our own doings
    def sent(self, happening: s.Sent) -> None:
        """It is on its way."""
        self.order.sent_ns = self.order.sent_ns or self.now_ns
        if happening.eager:
            self.announce()
        self.wait("ack", s.ACK_S)

    def cancel_wanted(self, happening: s.CancelWanted) -> None:
        """A cancel before the first word from TWS would find nothing (10147), and the order would live on."""
        self.order.action = happening.action
        if not self.order.is_acknowledged:
            self.wait("held", s.HELD_S)

    modify_wanted = cancel_wanted

    def lost(self, _: s.Lost) -> None:
        """The link broke: that was the outcome of what was asked for; the order's fate is seen after reconnecting."""
        order = self.order
        order.waits.clear()
        order.is_asked = False
        order.action = None
        if order.submit in (codes.CANCEL_SUBMITTED, codes.MODIFY_SUBMITTED):
            order.submit = codes.ACCEPTED
        if order.is_final:
            return
        self.announce()
        if order.closing == "inactive":
            order.closing = ""
        elif order.closing and not order.owes_fills:
            self.close()

    # ------------------------------------------------------------------ the broker's records
    def open_order(self, record: OpenOrder) -> None:
        """``openOrder``: terms, permId, a status."""
        self.attach(record.perm_id)
        if not self.order.is_final:
            self.acknowledge()
            self.take_terms(record.spec)
        self.take_status(record.status, record.why_held)
        if self.order.told is not None and not self.order.closing:
            self.show()

    def order_status(self, record: OrderStatus) -> None:
        """``orderStatus``: a status, and how much was filled."""
        order = self.order
        self.attach(record.perm_id)
        if not order.is_final and record.status not in codes.IGNORED_STATUSES:
            self.acknowledge()
        order.claimed = max(order.claimed, record.filled)
        self.take_status(record.status, record.why_held)
        self.expect_fills()

    def take_terms(self, spec: OrderSpec) -> None:
        """Terms follow ``openOrder`` (5.4); one that shows those of before a modification is late."""
        order = self.order
        new = terms_of(spec, order)
        action = order.action
        if action is not None and action.is_sent and action.wanted is not None:
            if new == order.terms and new != action.wanted:
                return
            if new == action.wanted:
                order.old_terms = order.terms
                self.settle_action(codes.ACCEPTED)
        elif new == order.old_terms and new != order.terms:
            return
        if new != order.terms or order.is_guess:
            order.is_guess = False
            order.terms = new
            if order.spec is not None:
                order.spec = msgspec.structs.replace(
                    order.spec, quantity=spec.quantity, lmt_price=spec.lmt_price, aux_price=spec.aux_price
                )
        if order.spec is None:
            order.spec = spec
        self.fill_up()

    def take_status(self, name: str, why_held: str) -> None:
        """A status of ``openOrder`` or ``orderStatus``."""
        order = self.order
        if name in codes.IGNORED_STATUSES:
            return
        if order.is_final:
            self.after_the_end(name)
            return
        handler = _STATUSES.get(name)
        if handler is None:
            self.remark(f"unknown status {name!r} of TWS")
            return
        if order.end == "unknown":
            order.end = ""
        handler(self, why_held)

    def working(self, why_held: str, *, triggered: bool) -> None:
        """``PreSubmitted``, ``Submitted``."""
        order = self.order
        if order.closing in ("cancelled", "noted"):
            return  # told late
        order.closing = ""
        self.stop("reason")
        order.is_working = True
        order.is_triggered = order.is_triggered or triggered
        order.is_held = "locate" in why_held
        if order.submit == codes.INSERT_SUBMITTED:
            order.submit = codes.ACCEPTED
        self.show()

    def pre_submitted(self, why_held: str) -> None:
        """Held until the session opens, simulated by IB, or a condition that waits."""
        self.working(why_held, triggered=False)

    def submitted(self, why_held: str) -> None:
        """At the exchange."""
        self.working(why_held, triggered=True)

    def waiting(self, _: str) -> None:
        """``ApiPending``, ``PendingSubmit``: ``a`` has been told."""

    def pending_cancel(self, _: str) -> None:
        """Somebody's cancel is under way; it can still fill."""
        if self.order.submit in (codes.INSERT_SUBMITTED, codes.ACCEPTED):
            self.order.submit = codes.CANCEL_SUBMITTED
            self.show()

    def all_filled(self, _: str) -> None:
        """``Filled``: the executions say so too, or are waited for."""
        order = self.order
        order.claimed = max(order.claimed, order.terms.volume / order.scale)
        self.expect_fills()

    def cancelled(self, _: str) -> None:
        """``Cancelled``, ``ApiCancelled``."""
        order = self.order
        is_noted = order.closing == "noted"
        order.closing = "cancelled"
        self.stop("reason")
        if is_noted:
            self.stop("text")
        self.expect_fills()
        is_explained = is_noted or order.rejection or order.cancel_text
        if not is_explained and not self.is_cancel_asked and "text" not in order.waits:
            self.wait("text", s.TEXT_S)
        self.close_if_ready()

    def inactive(self, why_held: str) -> None:
        """Ambiguous: the borrow is being located, the order was rejected, or nobody knows yet."""
        order = self.order
        if "locate" in why_held:
            self.working(why_held, triggered=False)
        elif order.rejection is not None:
            self.finish("rejected", errors.message(*order.rejection))
        elif order.closing == "":
            order.closing = "inactive"
            self.wait("reason", s.REASON_S)

    def after_the_end(self, name: str) -> None:
        """A status of an order that has ended: late, or the end was none."""
        order = self.order
        if order.end == "filled" or name not in codes.LIVE_STATUSES:
            return
        if order.end == "silent":
            self.revive(f"{name} after an Inactive without a reason")
            _STATUSES[name](self, "")
        elif not order.is_asked:
            order.is_asked = True
            self.remark(f"{name} of an order that has ended: asking for the open orders")
            self.out.append(s.Inquire())

    # ------------------------------------------------------------------ executions
    def execution(self, record: Execution) -> None:
        """``execDetails``: each once for ever; a correction changes the totals alone (5.5)."""
        order = self.order
        self.attach(record.perm_id)
        base, revision = split_revision(record.exec_id)
        known = order.fills.get(base)
        if known is None:
            order.fills[base] = s.Fill(record.exec_id, revision, record.shares)
            self._fill(record)
        elif revision > known.revision:
            self.remark(f"execution {known.exec_id} of {known.shares:g} corrected: {record.exec_id}, {record.shares:g}")
            order.shares += record.shares - known.shares
            order.lowered += max(known.shares - record.shares, 0.0)
            known.exec_id, known.revision, known.shares = record.exec_id, revision, record.shares
            self.fill_up()
            self.show()
        elif revision < known.revision:
            self.remark(f"execution {record.exec_id} came after its correction {known.exec_id}")

    def _fill(self, record: Execution) -> None:
        order = self.order
        if order.is_refused or order.end in ("silent", "unknown"):
            self.revive(f"execution {record.exec_id}")
        self.acknowledge()
        before = order.lots(order.shares)
        order.shares += record.shares
        order.is_working = order.is_triggered = True
        order.is_held = False
        if order.closing == "inactive":
            order.closing = ""
            self.stop("reason")
        if order.submit in (codes.INSERT_SUBMITTED, codes.CANCEL_REJECTED, codes.MODIFY_REJECTED):
            order.submit = codes.ACCEPTED
        if order.is_guess:
            volume = max(order.terms.volume, order.lots(record.cum_qty), order.traded)
            order.terms = order.terms._replace(volume=volume)
        self.fill_up()
        self.show()
        volume = order.lots(order.shares) - before
        if volume:
            self.out.append(s.Traded(record, volume))
        else:
            self.remark(f"execution {record.exec_id} of {record.shares:g}: less than CTP's smallest volume")
        self.close_if_ready()

    # ------------------------------------------------------------------ errors
    def problem(self, record: Problem) -> None:
        """``error`` with the order's id (5.9)."""
        order = self.order
        code, text = record.code, errors.message(record.code, record.text)
        if code == errors.CANCELLED:
            self.noted(record.text)
        elif code == errors.HELD_FOR_LOCATE and not order.is_final:
            self.acknowledge()
            self.working("locate", triggered=False)
        elif order.action is not None and order.action.is_sent and self._answers(order.action, code):
            self._action_problem(record, text)
        elif errors.is_notice(code):
            self.remark(text)
        elif order.is_final:
            self.remark(f"{text}, after the order's end")
        elif code == errors.DUPLICATE_ID and not order.is_acknowledged and not order.resends:
            order.resends += 1
            self.remark(f"{text}: placed once more under a fresh id")
            self.out.append(s.Resend())
        elif order.is_acknowledged or order.told is not None:
            self._known_problem(record, text)
        else:
            self.refuse(errors.error_to_ctp(code, record.text, "i"), text)

    def _answers(self, action: s.Action, code: int) -> bool:
        """Whether an error is the answer to an action that was sent."""
        if errors.is_action_code(code):
            return True
        if action.kind == "modify":
            return not errors.is_notice(code)
        return code in errors.UNREADABLE

    def _action_problem(self, record: Problem, text: str) -> None:
        order = self.order
        assert order.action is not None
        kind = order.action.kind
        use: errors.Use = "a" if errors.is_action_code(record.code) else "i"
        self.fail_action(errors.error_to_ctp(record.code, record.text, use), text)
        if order.is_final:
            return
        if record.code in errors.FINAL_CODES:
            order.rejection = (record.code, record.text)
            self.finish("rejected", text)
        elif kind == "cancel" or record.code not in errors.LIVE_AFTER_MODIFY:
            # It may have ended, or may never have been there: the broker's list says so (5.9).
            self.out.append(s.Inquire())

    def _known_problem(self, record: Problem, text: str) -> None:
        order = self.order
        if errors.is_action_code(record.code):
            self.remark(f"{text}: no action waits for it")
            return
        order.rejection = (record.code, record.text)
        if not order.is_acknowledged or record.code in errors.FINAL_CODES or order.closing == "inactive":
            self.finish("rejected", text)
        elif order.closing:
            self.stop("text")
            order.closing = "cancelled"
            self.close_if_ready()
        elif not order.is_asked:
            order.is_asked = True
            self.remark(f"{text}: asking for the open orders before it counts as dead")
            self.out.append(s.Inquire())

    def refuse(self, error_id: int, text: str) -> None:
        """An error before any acknowledgement: there is no order (5.1)."""
        order = self.order
        order.is_refused = True
        order.waits.clear()
        order.cancel_ns = self.now_ns
        self.out.append(s.InsertRefused(error_id, text))
        if order.action is not None:
            self.fail_action(errors.ORDER_NOT_FOUND, None)

    def noted(self, text: str) -> None:
        """202: the normal end of a cancel or of a day order. With ``Cancelled`` comes how much was filled."""
        order = self.order
        if order.is_final:
            return
        self.acknowledge()
        order.cancel_text = text
        if order.closing == "cancelled":
            self.stop("text")
            self.close_if_ready()
        elif order.closing != "noted":
            order.closing = "noted"
            self.stop("reason")
            self.wait("text", s.TEXT_S)

    # ------------------------------------------------------------------ time
    def elapsed(self, happening: s.Elapsed) -> None:
        """A timer ran out, unless it is void."""
        order = self.order
        if order.waits.get(happening.timer) != happening.number:
            return
        del order.waits[happening.timer]
        _TIMERS[happening.timer](self)

    def no_word(self) -> None:
        """Nothing for a second: fate unknown."""
        self.announce()
        self.wait("missing", s.REPLY_S - s.ACK_S)

    def held_long_enough(self) -> None:
        """Send a cancel without an acknowledgement (``send_held`` does); a modification is given up.

        Of an order that TWS has refused meanwhile, or never read, it would make a new one.
        """
        action = self.order.action
        if action is not None and action.kind == "modify" and not self.order.is_acknowledged:
            self.fail_action(errors.UNSUITABLE_ORDER_STATUS, None)

    def no_reply(self) -> None:
        """An action without an answer."""
        if self.order.is_final:
            self.fail_action(errors.UNSUITABLE_ORDER_STATUS, None)
        else:
            self.out.append(s.Inquire())

    def no_fills(self) -> None:
        """The executions do not come: they are asked for once, then TWS's count is taken."""
        order = self.order
        if not order.owes_fills:
            return
        if not order.is_fills_asked:
            order.is_fills_asked = True
            self.out.append(s.AskFills())
            self.wait("fills", s.FILLS_S)
            return
        order.is_fills_asked = False
        if order.is_refused:
            self.revive("orderStatus says that it was filled")
            self.acknowledge()
        order.adopted = order.claimed - order.lowered
        self.remark(
            f"no executions for {order.claimed:g} that orderStatus says are filled: taken from there", grave=True
        )
        self.fill_up()
        self.show()
        self.close_if_ready()

    def no_reason(self) -> None:
        """Inactive, and nobody says why: as rejected."""
        if self.order.closing == "inactive":
            self.close()

    def no_text(self) -> None:
        """Cancelled, and no text; or a 202, and no status."""
        if self.order.closing:
            self.order.closing = "cancelled"
            self.close_if_ready()

    def ask_again(self) -> None:
        """It was not listed, or not acknowledged."""
        self.out.append(s.Inquire())

    # ------------------------------------------------------------------ inquiries
    def found(self, happening: s.Found) -> None:
        """The broker lists it as open."""
        order, listed = self.order, happening.order
        order.is_asked = False
        order.asks = 0
        self.attach(listed.perm_id)
        if listed.status in codes.LIVE_STATUSES and order.end != "filled":
            if order.is_final:
                self.revive("the broker lists it as open")
                self.acknowledge()
                self.take_terms(listed.spec)
                self.take_status(listed.status, "")
            elif not order.closing:
                order.rejection = None
        action = order.action
        if action is None or not action.is_sent or "reply" in order.waits:
            return
        if action.kind == "cancel" and listed.status == "PendingCancel":
            self.wait("reply", s.REPLY_S)
        else:
            self.fail_action(errors.SEND_ACTION_FAILED, None)

    def missing(self, _: s.Missing) -> None:
        """Neither open, completed nor executed (3.3)."""
        order = self.order
        order.is_asked = False
        if order.is_final:
            return
        if order.closing:
            self.close()
        elif order.rejection is not None:
            self.finish("rejected", errors.message(*order.rejection))
        elif not order.is_acknowledged:
            self._never_arrived()
        elif self.is_cancel_asked:
            self.finish("cancelled", codes.TAKEN_TEXT)
        else:
            if order.action is not None and order.action.is_sent and "reply" not in order.waits:
                self.fail_action(errors.SEND_ACTION_FAILED, None)
            order.asks += 1
            if order.asks == 1:
                self.wait("missing", s.AGAIN_S)
            else:
                self._unknown()

    def _never_arrived(self) -> None:
        rest = self.order.sent_ns / 1e9 + s.REPLY_S - self.now_ns / 1e9
        if rest > 0:
            self.wait("missing", rest)
        else:
            self.finish("rejected", codes.NOT_FOUND_TEXT)

    def _unknown(self) -> None:
        order = self.order
        if order.end != "unknown":
            order.end, order.end_text = "unknown", codes.GONE_TEXT
            self.remark(f"{codes.GONE_TEXT}: told as unknown", grave=True)
            self.show()

    def revised(self, happening: s.Revised) -> None:
        """Its terms as it ended, a while before its end is told."""
        order = self.order
        if not order.is_final:
            terms = terms_of(happening.spec, order)
            order.is_guess = False
            order.terms = terms._replace(volume=max(terms.volume, order.traded))

    def completed(self, record: CompletedOrder) -> None:
        """A row of ``reqCompletedOrders``; the executions were told before."""
        order = self.order
        self.attach(record.perm_id)
        order.claimed = max(order.claimed, record.filled_quantity or 0.0)
        if order.end == "filled":
            return
        if order.is_final:
            self.expect_fills()
            return
        self.acknowledge()
        order.is_working = True
        self.revised(s.Revised(record.spec))
        if record.status == "Filled":
            self.all_filled("")
        elif record.status == "Inactive":
            order.rejection = order.rejection or None
            self.finish("rejected", record.completed_status or codes.INACTIVE_TEXT)
        elif record.status in codes.CANCELLED_STATUSES:
            order.closing = "cancelled"
            order.cancel_text = order.cancel_text or record.completed_status
            self.expect_fills()
            self.close_if_ready()
        else:
            self.remark(f"a completed order with status {record.status!r}")


_STATUSES: Final[dict[str, Callable[[_Life, str], None]]] = {
    "ApiPending": _Life.waiting,
    "PendingSubmit": _Life.waiting,
    "PreSubmitted": _Life.pre_submitted,
    "Submitted": _Life.submitted,
    "PendingCancel": _Life.pending_cancel,
    "ApiCancelled": _Life.cancelled,
    "Cancelled": _Life.cancelled,
    "Filled": _Life.all_filled,
    "Inactive": _Life.inactive,
}
_TIMERS: Final[dict[str, Callable[[_Life], None]]] = {
    "ack": _Life.no_word,
    "held": _Life.held_long_enough,
    "reply": _Life.no_reply,
    "fills": _Life.no_fills,
    "reason": _Life.no_reason,
    "text": _Life.no_text,
    "missing": _Life.ask_again,
}
_HANDLERS: Final[dict[type, Callable[[_Life, Any], None]]] = {
    s.Sent: _Life.sent,
    s.CancelWanted: _Life.cancel_wanted,
    s.ModifyWanted: _Life.modify_wanted,
    s.Lost: _Life.lost,
    s.Elapsed: _Life.elapsed,
    s.Found: _Life.found,
    s.Missing: _Life.missing,
    s.Revised: _Life.revised,
    OpenOrder: _Life.open_order,
    OrderStatus: _Life.order_status,
    Execution: _Life.execution,
    Problem: _Life.problem,
    CompletedOrder: _Life.completed,
}
