"""Decisions about parked orders and cancels: keeping, sending, taking back (spec ctp-semantics 10.3, 12.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ctp2.tts import rejections as error
from ctp2.tts.commands import CancelOrder, InsertOrder
from ctp2.tts.conditional import released
from ctp2.tts.parked import (
    DELETED,
    NOT_SENT,
    Parked,
    ParkedPut,
    ParkedRemoved,
    ParkedSent,
    ParkingRefused,
    on_parked_put,
    on_parked_removed,
    on_parked_sent,
)
from ctp2.tts.risk import STAGES_OF_CONDITIONS, Draft
from ctp2.tts.terms import CONTINGENT_CONDITIONS, CONTINUOUS, IMMEDIATELY, PARKED

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.events import Event
    from ctp2.tts.order_limits import OrderLimits
    from ctp2.tts.reports import Reporter

COMBINATION: Final = "combination"


class Parking:
    """The counter's parked orders.

    ``release`` and ``release_cancel`` send what was parked as if a client had just sent it; they answer with CTP's
    error number. ``check_cancel`` looks at a cancel's fields, ``contract_of`` at the instrument that it is about.
    """

    def __init__(
        self,
        reporter: Reporter,
        limits: OrderLimits,
        release: Callable[[InsertOrder], int],
        release_cancel: Callable[[CancelOrder], int],
        check_cancel: Callable[[CancelOrder], int],
        contract_of: Callable[[CancelOrder], Contract | None],
    ) -> None:
        self.reporter: Reporter = reporter
        self.limits: OrderLimits = limits
        self.release = release
        self.release_cancel = release_cancel
        self.check_cancel = check_cancel
        self.contract_of = contract_of

    # ------------------------------------------------------------------ keeping
    def put_order(self, terms: InsertOrder) -> list[Event]:
        """Keep an order; its OrderRef is not read. Money and position are looked at when it is sent."""
        state = self.reporter.state
        draft = Draft(self._as_sent(terms), state.accounts[terms.account_id])
        number = 0
        for stage in STAGES_OF_CONDITIONS:
            number = stage(state, draft)
            if number:
                break
        contract = draft.contract
        if not number and terms.contingent not in (IMMEDIATELY, PARKED):
            number = error.PARKED_WRONG_TYPE
        if number or contract is None:
            return self._refused(terms.account_id, number, terms.now_ns)
        return self._put(Parked(terms.account_id, len(state.parked.orders) + 1, contract, terms, None), terms.now_ns)

    def put_cancel(self, command: CancelOrder) -> list[Event]:
        """Keep a cancel; whether there is such an order is looked at when it is sent."""
        number = self.check_cancel(command)
        contract = None if number else self.contract_of(command)
        if contract is None:
            missing = error.INSTRUMENT_NOT_FOUND if command.instrument else error.ORDER_NOT_FOUND
            return self._refused(command.account_id, number or missing, command.now_ns)
        count = len(self.reporter.state.parked.cancels) + 1
        return self._put(Parked(command.account_id, count, contract, None, command), command.now_ns)

    def _put(self, parked: Parked, now_ns: int) -> list[Event]:
        number = self._refusal(parked)
        if number:
            return self._refused(parked.account_id, number, now_ns)
        event = ParkedPut(parked, now_ns)
        on_parked_put(self.reporter.state, event)
        return [event]

    def _refusal(self, parked: Parked) -> int:
        """Combinations 27, a product that trades 44, the investor's room 159, the counter's 160."""
        limits, book = self.limits, self.reporter.state.parked
        if parked.contract.instrument.product_class == COMBINATION:
            return error.UNSUPPORTED_FUNCTION
        if parked.contract.phase == CONTINUOUS:
            return error.EXCHANGE_TRADING
        if 0 < limits.parked_per_user <= book.waiting_of.get(parked.account_id, 0):
            return error.OVER_INVESTOR_PARKED
        if 0 < limits.parked_total <= sum(book.waiting_of.values()):
            return error.OVER_BROKER_PARKED
        return 0

    @staticmethod
    def _as_sent(terms: InsertOrder) -> InsertOrder:
        """What the checks see: the order that will be sent; a condition that is none stays, to be refused (15)."""
        is_legal = len(terms.contingent) == 1 and terms.contingent in CONTINGENT_CONDITIONS
        return released(terms, terms.now_ns, "", IMMEDIATELY if is_legal else terms.contingent)

    # ------------------------------------------------------------------ taking back
    def remove(self, account_id: str, investor_id: str, text: str, is_cancel: bool, now_ns: int) -> list[Event]:
        """Take back what ``text`` (ParkedOrderID or ParkedOrderActionID) names."""
        book = self.reporter.state.parked
        number = self._not_own(account_id, investor_id)
        if number:
            return self._refused(account_id, number, now_ns)
        key = text.strip()
        known = book.cancels if is_cancel else book.orders
        parked = known.get(int(key)) if key.isascii() and key.isdigit() else None
        if parked is None or parked.account_id != account_id:
            return self._refused(account_id, error.PARKED_NOT_FOUND, now_ns)
        if parked.status != NOT_SENT:
            gone = error.PARKED_DELETED if parked.status == DELETED else error.PARKED_SENT
            return self._refused(account_id, gone, now_ns)
        event = ParkedRemoved(parked, now_ns)
        on_parked_removed(self.reporter.state, event)
        return [event]

    def _not_own(self, account_id: str, investor_id: str) -> int:
        if investor_id == account_id:
            return 0
        if not investor_id:
            return error.INVESTOR_ID_IS_MISSING
        known = investor_id in self.reporter.state.accounts
        return error.NO_PRIVILEGE if known else error.INVESTOR_NOT_FOUND

    @staticmethod
    def _refused(account_id: str, number: int, now_ns: int) -> list[Event]:
        return [ParkingRefused(account_id, number, now_ns)]

    # ------------------------------------------------------------------ sending
    def send(self, contract: Contract, events: list[Event], now_ns: int) -> list[Event]:
        """The instrument takes orders now: send what waits for it, oldest first; the whole list is returned."""
        state = self.reporter.state
        waiting = state.parked.waiting.get(contract.index)
        if not waiting:
            return events
        if events is not self.reporter.events:
            events = self.reporter.begin(now_ns)
        for parked in list(waiting):
            if parked.order is not None:
                number = self.release(released(parked.order, now_ns))
            else:
                assert parked.cancel is not None
                number = self.release_cancel(_at(parked.cancel, now_ns))
            sent = ParkedSent(parked, number, now_ns)
            on_parked_sent(state, sent)
            events.append(sent)
        return events


def _at(command: CancelOrder, now_ns: int) -> CancelOrder:
    """The same cancel, sent now."""
    return CancelOrder(
        now_ns,
        command.account_id,
        command.investor_id,
        command.user_id,
        command.exchange,
        command.instrument,
        command.order_sys_id,
        command.front_id,
        command.session_id,
        command.order_ref,
        command.action_flag,
        command.action_ref,
        command.request_id,
        command.echo,
    )
