"""The pure counter: ``apply(command) → events``. No threads, no files, no clock; time and seed are handed in.

``apply`` decides by stages and lets ``State.evolve`` carry out each event at once, so that a later stage sees what an
earlier one did. The stages of an order, as spec ctp-semantics 3.3 numbers them::

    risk.STAGES        1 session · 2 fields · 3 instrument · 4 position · 5 money      → InsertRefused
    accept             6 freeze, OrderInserted, OrderReport a/0
    exchange.refusal   7 phase, tick, limits, volume                                   → OrderReport 5/4
    Matcher            fills now, or waits
    Reporter           the exchange's sequence of OrderReport and TradeDone
"""

from __future__ import annotations

from ctp2.tts import rejections as error
from ctp2.tts.combining import CombinationDesk
from ctp2.tts.commands import CancelOrder, ConfirmSettlement, InsertOrder, OpenAccount, Quote, SetPhase, Tick
from ctp2.tts.conditional import CONDITION_PREFIX, Conditional
from ctp2.tts.conditions import PRICE_CONDITIONS
from ctp2.tts.contract import Contract
from ctp2.tts.declarations import Declare, Withdraw
from ctp2.tts.events import (
    AccountOpened,
    ActionRefused,
    Event,
    InsertRefused,
    OrderInserted,
    SettlementConfirmed,
)
from ctp2.tts.exchange import refusal
from ctp2.tts.exercise import declare, withdraw
from ctp2.tts.makers import QuoteDesk
from ctp2.tts.matching import MatchingMarket
from ctp2.tts.order_limits import OrderLimits
from ctp2.tts.orders import Order
from ctp2.tts.parking import Parking
from ctp2.tts.quoting import QuotingMarket
from ctp2.tts.reports import Reporter
from ctp2.tts.rights import MoveMoney, Restrict, moved, restricted
from ctp2.tts.risk import STAGES, STAGES_OF_CONDITIONS, STAGES_WITHOUT_CHECKS, Draft, used_ref
from ctp2.tts.state import State
from ctp2.tts.terms import (
    AUCTION_MATCH,
    AUCTION_ORDERING,
    CONTINUOUS,
    DELETE,
    IMMEDIATELY,
    MODIFY,
)


class Settings:
    """Behaviour. ``fills_full``: no random parts; ``resting_opposite``: waiting orders fill at the quote."""

    __slots__ = ("checks", "fills_full", "limits", "resting_opposite", "seed")

    def __init__(
        self,
        seed: int = 0,
        fills_full: bool = False,
        resting_opposite: bool = False,
        checks: bool = True,
        limits: OrderLimits | None = None,
    ) -> None:
        self.seed: int = seed
        self.fills_full: bool = fills_full
        self.resting_opposite: bool = resting_opposite
        self.checks: bool = checks
        self.limits: OrderLimits = OrderLimits() if limits is None else limits


class Engine:
    """The counter for one trading day."""

    def __init__(self, state: State, settings: Settings) -> None:
        self.state: State = state
        self.settings: Settings = settings
        self.reporter: Reporter = Reporter(state)
        self.stages = STAGES if settings.checks else STAGES_WITHOUT_CHECKS
        self.quoting: QuotingMarket = QuotingMarket(
            self.reporter, settings.seed, settings.fills_full, settings.resting_opposite
        )
        self.matching: MatchingMarket = MatchingMarket(self.reporter)
        self.parking: Parking = Parking(
            self.reporter,
            settings.limits,
            self._release,
            self._release_cancel,
            self._check_cancel,
            self._contract_of,
        )
        self.conditional: Conditional = Conditional(self.reporter, settings.limits, self._release, self._enter_market)
        self.quotes: QuoteDesk = QuoteDesk(self)
        self.fault_reason: int = 0
        """The exchange's reason against the next order or cancel, set by fault injection alone."""
        self.combinations: CombinationDesk = CombinationDesk(self)

    # ------------------------------------------------------------------ set-up
    def add_contract(self, contract: Contract) -> None:
        """Make an instrument tradable in market-making or (``is_matched``) price-time mode."""
        self.state.add_contract(contract)
        if contract.is_matched:
            self.matching.add(contract)
        else:
            self.quoting.add(contract)

    # ------------------------------------------------------------------ commands
    def open_account(self, command: OpenAccount) -> list[Event]:
        """Open an account; opening one that exists changes nothing."""
        if command.account_id in self.state.accounts:
            return []
        event = AccountOpened(command.account_id, command.now_ns, command.balances)
        self.state.on_account_opened(event)
        return [event]

    def confirm_settlement(self, command: ConfirmSettlement) -> list[Event]:
        """Confirm the statement; confirming twice is allowed."""
        event = SettlementConfirmed(command.account_id, command.now_ns)
        self.state.on_settlement_confirmed(event)
        return [event]

    def restrict(self, command: Restrict) -> list[Event]:
        """Change what an account may do."""
        return [restricted(self.state, command)]

    def move_money(self, command: MoveMoney) -> list[Event]:
        """Put money in or take it out; the caller has asked ``rights.refusal_of_money``."""
        return [moved(self.state, command)]

    def refuse_order(self, command: InsertOrder, number: int) -> list[Event]:
        """An order that came too soon (116): refused like any other before its fields are looked at."""
        events = self.reporter.begin(command.now_ns)
        self._refuse(events, Draft(command, self.state.accounts[command.account_id]), number)
        return events

    def refuse_cancel(self, command: CancelOrder, number: int) -> list[Event]:
        """A cancel that came too soon (116)."""
        zone = self.state.zone_of(command.exchange, command.instrument)
        return [ActionRefused(command.account_id, command, number, None, zone=zone)]

    def insert_order(self, command: InsertOrder) -> list[Event]:
        """Stages 1 to 7 and the match; events in the order in which clients see them."""
        events = self.reporter.begin(command.now_ns)
        draft = Draft(command, self.state.accounts[command.account_id])
        if command.contingent in PRICE_CONDITIONS:
            return self._insert_conditional(events, draft)
        for stage in self.stages:
            number = stage(self.state, draft)
            if number:
                self._refuse(events, draft, number)
                return events
        contract = self._send(events, draft).contract
        if contract.conditions is not None and contract.is_matched:
            self.conditional.touched(contract, events, command.now_ns)
        return events

    def cancel_order(self, command: CancelOrder) -> list[Event]:
        """Cancel by either identification (spec 4)."""
        return self._cancel(self.reporter.begin(command.now_ns), command)

    def _cancel(self, events: list[Event], command: CancelOrder) -> list[Event]:
        order = None
        number = self._check_cancel(command)
        if not number:
            order = self._find(command)
            if order is None or order.account.account_id != command.account_id:
                order, number = None, error.ORDER_NOT_FOUND
            elif order.is_final():
                number = error.INSUITABLE_ORDER_STATUS
            elif order.quote is not None:
                number = self.quotes.leg_cancel_error(order)
        if number or order is None:
            zone = "" if order is not None else self.state.zone_of(command.exchange, command.instrument)
            events.append(ActionRefused(command.account_id, command, number, order, zone=zone))
        elif order.sys_id < 0:
            self.conditional.cancel(order, command.user_id)
        elif reason := self._cancel_reason(order):
            self.reporter.cancel_refused(order, command.user_id)
            events.append(ActionRefused(command.account_id, command, error.EXCHANGE_RTNERROR, order, reason=reason))
        else:
            self._withdraw(order, command)
        return events

    def declare(self, command: Declare) -> list[Event]:
        """Exercise, abandon, self close (spec 12.3)."""
        return declare(self.state, command, self.settings.checks)

    def withdraw(self, command: Withdraw) -> list[Event]:
        """Cancel a declaration."""
        return withdraw(self.state, command)

    def quote(self, command: Quote) -> list[Event]:
        """A market snapshot: marks positions and fills what it reaches."""
        contract = self.state.contracts[command.contract_index]
        contract.bid = command.bid
        contract.bid_volume = command.bid_volume
        contract.ask = command.ask
        contract.ask_volume = command.ask_volume
        if command.last != contract.last:
            contract.last = command.last
            if contract.holders:
                self.state.mark(contract)
        if contract.is_matched:
            return _NOTHING
        events = self.quoting.on_quote(contract, command.now_ns)
        if contract.conditions is None:
            return events
        return self.conditional.touched(contract, events, command.now_ns)

    def set_phase(self, command: SetPhase) -> list[Event]:
        """An instrument enters a phase: orders collected in the auction are tried, parked ones sent."""
        contract = self.state.contracts[command.contract_index]
        contract.phase = command.phase
        events = _NOTHING
        if command.phase in (CONTINUOUS, AUCTION_MATCH):
            market_has = self.matching.uncross if contract.is_matched else self.quoting.on_quote
            events = market_has(contract, command.now_ns)
        if contract.is_matched:
            self.matching.show(contract)
        if command.phase in (CONTINUOUS, AUCTION_ORDERING):
            events = self.parking.send(contract, events, command.now_ns)
        return self.conditional.touched(contract, events, command.now_ns) if contract.is_matched else events

    def tick(self, command: Tick) -> list[Event]:
        """Do what became due: the second parts of partial fills."""
        return self.quoting.due(command.now_ns)

    def next_due_ns(self) -> int:
        """When ``tick`` has something to do; 0 for never."""
        return self.quoting.next_due_ns()

    # ------------------------------------------------------------------ stages
    def _refuse(self, events: list[Event], draft: Draft, number: int) -> None:
        """CTP's refusal; a valid OrderRef is used up by it (spec 3.1 [SIM]), whichever stage refused."""
        ref_number = draft.ref_number or used_ref(self.state, draft.terms)
        event = InsertRefused(draft.account.account_id, draft.terms, number, "", ref_number)
        self.state.on_insert_refused(event)
        events.append(event)

    def _send(self, events: list[Event], draft: Draft) -> Order:
        """Stages 6 and 7: an order that passed the checks goes to the exchange and its market."""
        order = self.accept(events, draft)
        reason = self.fault_reason or refusal(order, draft.is_on_grid, self.settings.checks)
        if reason:
            self.reporter.rejected(order, reason)
        elif not draft.is_plain and order.terms.contingent != IMMEDIATELY:
            self.conditional.hold(order)
        else:
            self.enter(order)
        return order

    def _release(self, terms: InsertOrder) -> int:
        """An order that the counter itself inserts, within another command; CTP's error number when refused."""
        draft = Draft(terms, self.state.accounts[terms.account_id])
        for stage in self.stages:
            number = stage(self.state, draft)
            if number:
                return number
        self._send(self.reporter.events, draft)
        return 0

    def _release_cancel(self, command: CancelOrder) -> int:
        """A parked cancel, within another command; CTP's error number when refused, which is told to nobody."""
        events = self.reporter.events
        self._cancel(events, command)
        last = events[-1]
        if isinstance(last, ActionRefused) and not last.reason:
            events.pop()
            return last.error_id
        return 0

    def _contract_of(self, command: CancelOrder) -> Contract | None:
        """The instrument that a cancel names, itself or by its order."""
        if not command.instrument:
            order = self._find(command)
            return None if order is None else order.contract
        for contract in self.state.named(command.instrument):
            if command.exchange in ("", contract.exchange):
                return contract
        return None

    def _insert_conditional(self, events: list[Event], draft: Draft) -> list[Event]:
        """CTP keeps the order itself: no exchange, no freeze (spec 3.11)."""
        number = 0
        for stage in STAGES_OF_CONDITIONS:
            number = stage(self.state, draft)
            if number:
                break
        number = number or self.conditional.check(self.state, draft)
        if number:
            self._refuse(events, draft, number)
        else:
            self.conditional.place(draft)
        return events

    def _enter_market(self, order: Order) -> None:
        """A stop order's price came."""
        if order.contract.is_matched:
            self.matching.enter(order)
        else:
            self.quoting.enter(order)

    def accept(self, events: list[Event], draft: Draft) -> Order:
        """Stage 6: number the order, freeze, tell it."""
        order = draft.order(self.state)
        event = OrderInserted(order, draft.ref_number, draft.margin, draft.fee, draft.terms.now_ns)
        self.state.on_order_inserted(event)
        events.append(event)
        self.reporter.submitted(order)
        return order

    def enter(self, order: Order) -> None:
        """The exchange took the order: it goes to its market."""
        if order.contract.is_matched:
            self.matching.arrive(order)
        else:
            self.quoting.arrive(order)

    def leave(self, order: Order) -> None:
        """Take a working order out of its market."""
        if order.contract.is_matched:
            self.matching.withdraw(order)
        else:
            self.quoting.withdraw(order)

    # ------------------------------------------------------------------ cancelling
    def take_out(self, order: Order, now_ns: int) -> None:
        """The counter itself ends an order that works, whatever the phase; its events go to the reporter."""
        if order.sys_id < 0:
            self.conditional.cancel(order, "")
            return
        account_id, contract = order.account.account_id, order.contract
        named = (contract.exchange, contract.code, "", 0, 0, "")
        self._withdraw(order, CancelOrder(now_ns, account_id, account_id, "", *named, DELETE))

    def _check_cancel(self, command: CancelOrder) -> int:
        """Session and fields of a cancel; 0 when it may be looked up."""
        account = self.state.accounts[command.account_id]
        if not account.confirmed_ns:
            return error.SETTLEMENT_INFO_NOT_CONFIRMED
        if account.rights is not None and not account.rights.is_active:
            return error.INVESTOR_NOT_ACTIVE
        if command.action_flag == MODIFY:
            return error.UNSUPPORTED_FUNCTION
        if command.action_flag != DELETE:
            return error.BAD_ORDER_ACTION_FIELD
        if not command.investor_id:
            return error.INVESTOR_ID_IS_MISSING
        if command.investor_id != command.account_id:
            return error.NO_PRIVILEGE if command.investor_id in self.state.accounts else error.INVESTOR_NOT_FOUND
        if not command.order_sys_id.strip() and not command.instrument:
            return error.BAD_ORDER_ACTION_FIELD
        return 0

    def _cancel_reason(self, order: Order) -> int:
        """The exchange's reason against a cancel; 0 when it takes the order out."""
        if self.fault_reason:
            return self.fault_reason
        if order.contract.phase not in (CONTINUOUS, AUCTION_ORDERING):
            return error.PHASE
        return 0 if order.quote is None else self.quotes.leg_cancel_reason(order)

    def _find(self, command: CancelOrder) -> Order | None:
        """By OrderSysID when given (padded or trimmed), else by FrontID + SessionID + OrderRef (spec 3.12)."""
        sys_id = command.order_sys_id.strip()
        if sys_id.startswith(CONDITION_PREFIX):
            return self.conditional.find(sys_id, command)
        if sys_id:
            order = (
                self.state.by_sys_id.get(int(sys_id))
                if sys_id.isascii() and sys_id.isdigit()
                else self.state.quotes.leg_named(sys_id)
            )
            return order if order is not None and command.exchange in ("", order.contract.exchange) else None
        ref = command.order_ref.strip()
        if not (ref.isascii() and ref.isdigit()):
            return None
        refs = self.state.by_ref.get((command.front_id, command.session_id))
        order = refs.get(int(ref)) if refs is not None else None
        if order is None or command.instrument != order.contract.code:
            return None
        return order if command.exchange in ("", order.contract.exchange) else None

    def _withdraw(self, order: Order, command: CancelOrder) -> None:
        """Take the order out of the market and tell it: the last state again, then 5/3."""
        contract = order.contract
        if contract.conditions is not None and self.conditional.drop(order):
            pass  # a stop order that its price did not reach is in no book
        else:
            self.leave(order)
        if contract.profile.repeat_on_cancel:
            self.reporter.repeat(order, command.user_id)
        self.reporter.cancelled(order, command.user_id)
        if contract.conditions is not None and contract.is_matched:
            self.conditional.touched(contract, self.reporter.events, command.now_ns)


_NOTHING: list[Event] = []
"""Returned when nothing happened; never changed."""
