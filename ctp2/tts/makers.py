"""What the counter decides about quotes and quote requests (spec ctp-semantics 12.4); the rules are in ``quotes.py``.

The checks of a quote are those of two orders, stage by stage, with the quote's own checks between them; a quote of
which one leg is refused, by CTP or by the exchange, is refused whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts import rejections as error
from ctp2.tts.commands import InsertOrder
from ctp2.tts.events import Event
from ctp2.tts.exchange import refusal
from ctp2.tts.orders import Order
from ctp2.tts.quotes import (
    HEDGE_FLAGS,
    LAST_QUOTE,
    QUOTE_HEDGES,
    RULES,
    AskForQuote,
    CancelQuote,
    ForQuoteAsked,
    ForQuoteRefused,
    InsertQuote,
    MakerQuote,
    QuoteActionRefused,
    QuoteInserted,
    QuoteRefused,
    QuoteReport,
    has_quotes,
)
from ctp2.tts.risk import (
    Draft,
    check_exchange,
    check_instrument,
    check_investor,
    check_money,
    check_session,
    used_ref,
)
from ctp2.tts.terms import (
    ACCEPTED,
    ALL_TRADED,
    AUCTION_ORDERING,
    BUY,
    CANCELED,
    CONTINUOUS,
    DELETE,
    GFD,
    INSERT_REJECTED,
    INSERT_SUBMITTED,
    MODIFY,
    NO_PRICE,
    NO_TRADE_QUEUEING,
    OPEN,
    SELL,
    UNKNOWN,
)

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.contract import Contract
    from ctp2.tts.engine import Engine
    from ctp2.tts.reports import Reporter
    from ctp2.tts.state import State

_MAX_REF: Final = (1 << 63) - 1
FOR_QUOTE_PAUSE_NS: Final = 60_000_000_000
"""An investor may ask for quotes on an instrument once in 60 seconds."""
NARROW_TICKS: Final = 5
"""A quoted spread of so many ticks or less needs no quote request (docs/decisions/0061)."""


class QuoteDraft:
    """A quote on its way through the checks: a draft per leg that is quoted."""

    __slots__ = ("account", "ask", "bid", "quote_ref", "ref_number", "replaces", "terms")

    def __init__(self, terms: InsertQuote, account: Account) -> None:
        self.terms: InsertQuote = terms
        self.account: Account = account
        self.ask: Draft | None = None
        self.bid: Draft | None = None
        self.quote_ref: str = ""
        self.ref_number: int = 0
        self.replaces: list[MakerQuote] = []

    def legs(self) -> list[Draft]:
        """The legs that are quoted, the ask first."""
        return [leg for leg in (self.ask, self.bid) if leg is not None]


# ------------------------------------------------------------------ checks
def _check_fields(state: State, draft: QuoteDraft) -> int:
    """Volumes that a quote can have, its hedge flags, and its time condition (empty or for the day)."""
    terms = draft.terms
    if terms.ask_volume < 0 or terms.bid_volume < 0 or not (terms.ask_volume or terms.bid_volume):
        return error.BAD_FIELD
    if terms.time_condition not in ("", GFD):
        return error.BAD_FIELD
    flags = [leg.terms.comb_hedge[:1] for leg in draft.legs()]
    for flag in flags:
        if not flag or flag not in HEDGE_FLAGS:
            return error.BAD_FIELD
    for flag in flags:
        if flag not in QUOTE_HEDGES:
            return error.QUOTE_WRONG_HEDGE_TYPE
    return 0


def _check_volumes(state: State, draft: QuoteDraft) -> int:
    """Which volumes the exchange takes; one without quotes has no rule here and is error 85 later."""
    terms = draft.terms
    contract = draft.legs()[0].contract
    rules = None if contract is None else RULES.get(contract.exchange)
    if rules is None:
        return 0
    if not (terms.ask_volume and terms.bid_volume):
        return 0 if rules.one_sided else error.BAD_FIELD
    return error.BAD_FIELD if rules.equal_volumes and terms.ask_volume != terms.bid_volume else 0


def _check_refs(state: State, draft: QuoteDraft) -> int:
    """AskOrderRef below BidOrderRef; QuoteRef greater than the session's last one, given by the counter when empty."""
    terms = draft.terms
    if draft.ask is not None and draft.bid is not None:
        ask, bid = _number(draft.ask.terms.order_ref), _number(draft.bid.terms.order_ref)
        if ask >= bid:
            return error.DUPLICATE_ORDER_REF
    last = state.quotes.last_refs.get((terms.front_id, terms.session_id), 0)
    text = terms.quote_ref.strip(" ")
    if not text:
        draft.ref_number = last + 1
        draft.quote_ref = str(last + 1).rjust(12)
        return 0
    number = _number(text)
    if not last < number <= _MAX_REF:
        return error.DUPLICATE_ORDER_REF
    draft.ref_number = number
    draft.quote_ref = terms.quote_ref
    return 0


def _number(text: str) -> int:
    """A reference as a number; -1 for what is none."""
    text = text.strip(" ")
    return int(text) if text.isascii() and text.isdigit() else -1


def _check_support(state: State, draft: QuoteDraft) -> int:
    """The instrument can be quoted; the quote that ReplaceSysID names is one that can be replaced."""
    contract = draft.legs()[0].contract
    assert contract is not None
    if not has_quotes(contract):
        return error.INSTR_NOTSUPPORT_QUOTE
    standing = state.quotes.standing(draft.account, contract)
    named = draft.terms.replace_sys_id.strip()
    if not RULES[contract.exchange].replaces_named:
        draft.replaces = standing
    elif named == LAST_QUOTE:
        draft.replaces = standing[-1:]
    elif named:
        draft.replaces = [quote for quote in standing if str(quote.sys_id) == named]
        if not draft.replaces:
            return error.QUOTE_WRONG_REPALACE_SYSID
    return 0


def _check_whole_money(state: State, draft: QuoteDraft) -> int:
    """What both legs freeze together must be there; each alone was looked at before."""
    opening = [leg for leg in draft.legs() if leg.offset == OPEN]
    if len(opening) < 2:
        return 0
    contract = opening[0].contract
    assert contract is not None
    purse = draft.account.purse(contract.currency)
    group = purse.group_of(contract)
    long, short = opening[1].margin, opening[0].margin
    if group.larger_side:
        frozen = max(group.long + group.long_frozen + long, group.short + group.short_frozen + short) - group.used
    else:
        frozen = group.frozen + long + short
    needed = frozen - group.frozen + opening[0].fee + opening[1].fee
    needed += opening[1].premium * opening[1].terms.volume
    return error.INSUFFICIENT_MONEY if needed > purse.available() else 0


class QuoteDesk:
    """Quotes and quote requests of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.state: State = engine.state
        self.reporter: Reporter = engine.reporter

    # -------------------------------------------------------------- quotes
    def insert(self, terms: InsertQuote) -> list[Event]:
        """Check both legs, enter them, and tell the exchange's answer."""
        events = self.reporter.begin(terms.now_ns)
        draft = QuoteDraft(terms, self.state.accounts[terms.account_id])
        draft.ask, draft.bid = self._drafts(terms, draft.account)
        number = self._check(draft)
        if number:
            self._refuse(events, draft, number)
            return events
        quote = self._accept(events, draft)
        reason = self._refusal(draft, quote)
        if reason:
            self._reject(quote, reason)
            return events
        for old in draft.replaces:
            self._withdraw(old, "")
        self._acknowledge(quote)
        for leg in quote.legs():
            self.engine.enter(leg)
        self._look_at_conditions(quote.contract, events, terms.now_ns)
        return events

    def _look_at_conditions(self, contract: Contract, events: list[Event], now_ns: int) -> None:
        """Between users a quote changes the prices that conditional orders wait for."""
        if contract.conditions is not None and contract.is_matched:
            self.engine.conditional.touched(contract, events, now_ns)

    def _drafts(self, terms: InsertQuote, account: Account) -> tuple[Draft | None, Draft | None]:
        """The legs as orders. Without references the counter gives them, and they belong to no session."""
        front_id, session_id = terms.front_id, terms.session_id
        ask_ref, bid_ref = terms.ask_ref, terms.bid_ref
        if not ask_ref.strip(" ") and not bid_ref.strip(" "):
            front_id = session_id = 0
            last = self.state.last_refs.get((0, 0), 0)
            ask_ref, bid_ref = str(last + 1).rjust(12), str(last + 2).rjust(12)
        ask = bid = None
        if terms.ask_volume or not terms.bid_volume:
            ask = Draft(
                _leg(terms, front_id, session_id, ask_ref, SELL, terms.ask_offset, terms.ask_hedge),
                account,
            )
        if terms.bid_volume:
            bid = Draft(
                _leg(terms, front_id, session_id, bid_ref, BUY, terms.bid_offset, terms.bid_hedge),
                account,
            )
        return ask, bid

    def _check(self, draft: QuoteDraft) -> int:
        """The stages of an order for both legs, each followed by what a quote adds to it; 0 when all agree."""
        for stage in self.engine.stages:
            for leg in draft.legs():
                number = stage(self.state, leg)
                if number:
                    return number
            number = 0
            if stage is check_session:
                number = _check_fields(self.state, draft)
            elif stage is check_exchange:
                number = _check_volumes(self.state, draft) or _check_refs(self.state, draft)
            elif stage is check_instrument:
                number = _check_support(self.state, draft)
            elif stage is check_money:
                number = _check_whole_money(self.state, draft)
            if number:
                return number
        return 0

    def _refuse(self, events: list[Event], draft: QuoteDraft, number: int) -> None:
        """CTP's refusal; valid references are used up by it, as an order's are (spec 3.1 [SIM])."""
        terms = draft.terms
        order_ref = 0
        for leg in draft.legs():
            if leg.terms.session_id:
                order_ref = max(order_ref, used_ref(self.state, leg.terms))
        quote_ref = _number(terms.quote_ref)
        last = self.state.quotes.last_refs.get((terms.front_id, terms.session_id), 0)
        event = QuoteRefused(
            draft.account.account_id, terms, number, order_ref, quote_ref if last < quote_ref <= _MAX_REF else 0
        )
        self.state.evolve(event)
        events.append(event)

    def _accept(self, events: list[Event], draft: QuoteDraft) -> MakerQuote:
        """Freeze both legs and tell them, then the quote."""
        contract = draft.legs()[0].contract
        assert contract is not None
        ask = None if draft.ask is None else self.engine.accept(events, draft.ask)
        bid = None if draft.bid is None else self.engine.accept(events, draft.bid)
        quote = MakerQuote(
            self.state.quotes.last_id + 1,
            draft.terms,
            draft.account,
            contract,
            draft.quote_ref,
            ask,
            bid,
            self.state.trading_day,
        )
        event = QuoteInserted(quote, draft.ref_number, draft.terms.now_ns)
        self.state.evolve(event)
        events.append(event)
        _report(self.reporter, quote, UNKNOWN, INSERT_SUBMITTED, is_answer=False)
        return quote

    def _refusal(self, draft: QuoteDraft, quote: MakerQuote) -> int:
        """Why the exchange refuses the quote: a leg, or an ask that is not above the bid; 0 when it takes it."""
        checks = self.engine.settings.checks
        for leg, order in ((draft.ask, quote.ask), (draft.bid, quote.bid)):
            if leg is not None and order is not None:
                reason = refusal(order, leg.is_on_grid, checks)
                if reason:
                    return reason
        if quote.ask is not None and quote.bid is not None and quote.ask.price <= quote.bid.price:
            return error.QUOTE_PRICES
        return 0

    def _reject(self, quote: MakerQuote, reason: int) -> None:
        if quote.telling.quote_first:
            _report(self.reporter, quote, CANCELED, INSERT_REJECTED, reason=reason, is_answer=False)
        for leg in quote.legs():
            self.reporter.rejected(leg, reason)
        if not quote.telling.quote_first:
            _report(self.reporter, quote, CANCELED, INSERT_REJECTED, reason=reason, is_answer=False)

    def _acknowledge(self, quote: MakerQuote) -> None:
        """The exchange has it: 3 for the quote and for each leg, with the ids that the exchange gives."""
        sys_id = self.state.last_sys_id + 1
        bid_id, ask_id = (sys_id, sys_id + 1) if quote.telling.bid_has_quotes_id else (sys_id + 2, sys_id + 1)
        if quote.telling.quote_first:
            _report(self.reporter, quote, NO_TRADE_QUEUEING, ACCEPTED, sys_id=sys_id, ask_id=ask_id, bid_id=bid_id)
        if quote.ask is not None:
            self.reporter.acknowledged(quote.ask, ask_id)
        if quote.bid is not None:
            self.reporter.acknowledged(quote.bid, bid_id)
        if not quote.telling.quote_first:
            _report(self.reporter, quote, NO_TRADE_QUEUEING, ACCEPTED, sys_id=sys_id, ask_id=ask_id, bid_id=bid_id)

    # -------------------------------------------------------------- withdrawing
    def cancel(self, command: CancelQuote) -> list[Event]:
        """Withdraw a quote by either identification."""
        events = self.reporter.begin(command.now_ns)
        quote = None
        number = self._check_cancel(command)
        if not number:
            quote = self._find(command)
            if quote is None or quote.account.account_id != command.account_id:
                quote, number = None, error.QUOTE_NOT_FOUND
            elif not quote.stands() and not (quote.telling.cancels_done and quote.status == ALL_TRADED):
                number = error.INSUITABLE_ORDER_STATUS
        if number or quote is None:
            zone = "" if quote is not None else self.state.zone_of(command.exchange, command.instrument)
            events.append(QuoteActionRefused(command.account_id, command, number, quote, zone=zone))
        elif quote.contract.phase not in (CONTINUOUS, AUCTION_ORDERING):
            _report(self.reporter, quote, quote.status, quote.submit, active_user=command.user_id)
            events.append(
                QuoteActionRefused(command.account_id, command, error.EXCHANGE_RTNERROR, quote, reason=error.PHASE)
            )
        else:
            self._withdraw(quote, command.user_id)
            self._look_at_conditions(quote.contract, events, command.now_ns)
        return events

    def _check_cancel(self, command: CancelQuote) -> int:
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
        if not command.quote_sys_id.strip() and not command.instrument:
            return error.BAD_ORDER_ACTION_FIELD
        return 0

    def _find(self, command: CancelQuote) -> MakerQuote | None:
        """By QuoteSysID when given (padded or trimmed), else by FrontID + SessionID + QuoteRef."""
        book = self.state.quotes
        quote = None
        if command.quote_sys_id.strip():
            quote = book.by_sys_id.get(_number(command.quote_sys_id))
        else:
            refs = book.by_ref.get((command.front_id, command.session_id))
            quote = None if refs is None else refs.get(_number(command.quote_ref))
            if quote is not None and quote.contract.code != command.instrument:
                return None
        return quote if quote is not None and command.exchange in ("", quote.contract.exchange) else None

    def _withdraw(self, quote: MakerQuote, user_id: str) -> None:
        """Take the legs that still work out of the market. ``user_id`` is empty when a newer quote replaces it."""
        telling = quote.telling
        legs = [leg for leg in quote.legs() if not leg.is_final()]
        if telling.repeats_on_cancel and user_id:
            for leg in legs:
                self.reporter.repeat(leg, user_id)
            _report(self.reporter, quote, quote.status, quote.submit, active_user=user_id)
        if telling.tells_end and telling.quote_first:
            _report(self.reporter, quote, CANCELED, quote.submit, active_user=user_id, cancels=True)
        for leg in legs:
            self.engine.leave(leg)
            self.reporter.cancelled(leg, user_id)
        if telling.tells_end and not telling.quote_first:
            _report(self.reporter, quote, CANCELED, quote.submit, active_user=user_id, cancels=True)

    def take_out(self, quote: MakerQuote) -> None:
        """The counter itself withdraws a quote that stands."""
        self._withdraw(quote, "")

    def leg_cancel_error(self, leg: Order) -> int:
        """CTP's number for the cancel of a leg alone: 92 before the exchange answered; 0 when it may be sent."""
        return error.QUOTE_DERIVEDORDER_ACTIONERROR if leg.status == UNKNOWN else 0

    def leg_cancel_reason(self, leg: Order) -> int:
        """The exchange's reason against the cancel of a leg alone; 0 when it allows it."""
        return 0 if RULES[leg.contract.exchange].leg_cancel else error.QUOTE_LEG

    # -------------------------------------------------------------- quote requests
    def ask(self, terms: AskForQuote) -> list[Event]:
        """A quote request: silent when it is taken, the market hears of it."""
        account = self.state.accounts[terms.account_id]
        draft = Draft(_asking(terms), account)
        number = self._check_asking(draft)
        event: Event
        if number or draft.contract is None:
            event = ForQuoteRefused(terms.account_id, terms, number)
        else:
            event = ForQuoteAsked(terms.account_id, terms, draft.contract, self.state.quotes.last_asked + 1)
        self.state.evolve(event)
        return [event]

    def _check_asking(self, draft: Draft) -> int:
        for stage in (check_session, check_investor, check_exchange):
            number = stage(self.state, draft)
            if number:
                return number
        contract = draft.contract
        if contract is None:
            return error.INSTRUMENT_NOT_FOUND
        if not contract.is_tradable:
            return error.INSTRUMENT_NOT_TRADING
        rights = draft.account.rights
        number = 0 if rights is None else rights.refusal_in(contract, False)
        if number:
            return number
        if not has_quotes(contract):
            return error.INSTR_NOTSUPPORT_FORQUOTE
        before = self.state.quotes.asked_at.get((draft.account.account_id, contract.index), 0)
        too_soon = before and draft.terms.now_ns < before + FOR_QUOTE_PAUSE_NS
        if contract.phase != CONTINUOUS or too_soon:
            return error.OUT_OF_TIMEINTERVAL
        return error.OUT_OF_PRICEINTERVAL if _is_narrow(contract) else 0


def _is_narrow(contract: Contract) -> bool:
    """Whether both sides are quoted, and close to each other."""
    if contract.bid == NO_PRICE or contract.ask == NO_PRICE or not contract.bid_volume or not contract.ask_volume:
        return False
    return contract.ask - contract.bid <= NARROW_TICKS * contract.tick_units


def _leg(
    terms: InsertQuote, front_id: int, session_id: int, order_ref: str, direction: str, offset: str, hedge: str
) -> InsertOrder:
    """One side of a quote as the order that it is."""
    is_ask = direction == SELL
    return InsertOrder(
        terms.now_ns,
        front_id,
        session_id,
        terms.account_id,
        terms.investor_id,
        terms.user_id,
        terms.exchange,
        terms.instrument,
        order_ref,
        direction,
        offset,
        terms.ask_price if is_ask else terms.bid_price,
        terms.ask_volume if is_ask else terms.bid_volume,
        comb_hedge=hedge,
        session_req_seq=terms.session_req_seq,
        request_id=terms.request_id,
        echo=terms.echo,
    )


def _asking(terms: AskForQuote) -> InsertOrder:
    """A quote request in the shape that the checks of session, investor and exchange read."""
    return InsertOrder(
        terms.now_ns,
        terms.front_id,
        terms.session_id,
        terms.account_id,
        terms.investor_id,
        terms.user_id,
        terms.exchange,
        terms.instrument,
        "",
        BUY,
        OPEN,
        0.0,
        0,
    )


# ------------------------------------------------------------------ telling
def _report(
    reporter: Reporter,
    quote: MakerQuote,
    status: str,
    submit: str,
    active_user: str = "",
    reason: int = 0,
    cancels: bool = False,
    is_answer: bool = True,
    sys_id: int = 0,
    ask_id: int = 0,
    bid_id: int = 0,
) -> None:
    """One OnRtnQuote; the exchange's first answer brings the ids, SequenceNo and the exchange's time."""
    state = reporter.state
    sequence_no, exchange_ns = quote.sequence_no, quote.exchange_ns
    if is_answer and not quote.sys_id:
        sequence_no = state.last_sequence_no + 1
        exchange_ns = reporter.now_ns
    elif quote.sys_id:
        sys_id = quote.sys_id
        ask_id = 0 if quote.ask is None else quote.ask.sys_id
        bid_id = 0 if quote.bid is None else quote.bid.sys_id
    event = QuoteReport(
        quote,
        status,
        submit,
        sys_id,
        sequence_no,
        exchange_ns,
        reporter.now_ns if cancels or reason else quote.cancel_ns,
        active_user,
        reason,
        0 if quote.ask is None else ask_id,
        0 if quote.bid is None else bid_id,
        reporter.now_ns,
    )
    state.evolve(event)
    reporter.events.append(event)


def leg_filled(reporter: Reporter, leg: Order) -> None:
    """A leg traded: the quote is told again when nothing of it is left, where the exchange does that."""
    quote = leg.quote
    if quote is None or not quote.telling.tells_end:
        return
    for other in quote.legs():
        if other.status != ALL_TRADED:
            return
    _report(reporter, quote, ALL_TRADED, quote.submit)
