"""Quotes (报价) and quote requests (询价): what they are, the exchanges' rules as data, and how events change them.

A quote is two orders, its legs, that are entered and withdrawn together; each leg trades like any order. The decisions
are in ``makers.py`` (spec ctp-semantics 12.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts.events import Event
from ctp2.tts.terms import INSERT_SUBMITTED, SPECULATION, UNKNOWN

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.contract import Contract
    from ctp2.tts.orders import Order
    from ctp2.tts.state import State


# ------------------------------------------------------------------ rules
class QuoteTelling:
    """How an exchange tells the life of a quote: one column of spec 12.4.

    ``quote_first``: the quote is told before its legs when the exchange answers or withdraws.
    ``tells_end``: the quote is told again when both legs have traded (``0``) or it was withdrawn (``5``).
    ``repeats_on_cancel``: a user's withdrawal first sends the last states of legs and quote again.
    ``cancels_done``: a withdrawal is accepted even after both legs traded.
    ``leg_type``: OrderType of a leg.
    ``bid_has_quotes_id``: the bid leg's OrderSysID is the QuoteSysID, the ask leg's the next one.
    ``letters``: the legs' OrderSysIDs are ``a`` and ``b`` with the QuoteSysID.
    """

    __slots__ = (
        "bid_has_quotes_id",
        "cancels_done",
        "leg_type",
        "letters",
        "quote_first",
        "repeats_on_cancel",
        "tells_end",
    )

    def __init__(
        self,
        leg_type: str,
        quote_first: bool = True,
        tells_end: bool = True,
        repeats_on_cancel: bool = False,
        cancels_done: bool = False,
        bid_has_quotes_id: bool = False,
        letters: bool = False,
    ) -> None:
        self.leg_type: str = leg_type
        self.quote_first: bool = quote_first
        self.tells_end: bool = tells_end
        self.repeats_on_cancel: bool = repeats_on_cancel
        self.cancels_done: bool = cancels_done
        self.bid_has_quotes_id: bool = bid_has_quotes_id
        self.letters: bool = letters


TELLING: Final[dict[str, QuoteTelling]] = {
    "SHFE": QuoteTelling("", cancels_done=True),
    "CFFEX": QuoteTelling("1"),
    "CZCE": QuoteTelling("1", letters=True),
    "DCE": QuoteTelling("0", quote_first=False, tells_end=False, repeats_on_cancel=True, bid_has_quotes_id=True),
    "clean": QuoteTelling("1"),
}
"""By the name of the contract's profile (``profiles.py``)."""


class QuoteRules:
    """What an exchange takes: ``one_sided`` quotes, unequal volumes, and which older quote a new one replaces.

    ``leg_cancel``: a leg may be cancelled alone. ``replaces_named``: only the quote that ReplaceSysID names is replaced
    (else every older one of the investor on the instrument).
    """

    __slots__ = ("equal_volumes", "leg_cancel", "one_sided", "replaces_named")

    def __init__(
        self,
        one_sided: bool = False,
        equal_volumes: bool = False,
        leg_cancel: bool = False,
        replaces_named: bool = False,
    ) -> None:
        self.one_sided: bool = one_sided
        self.equal_volumes: bool = equal_volumes
        self.leg_cancel: bool = leg_cancel
        self.replaces_named: bool = replaces_named


RULES: Final[dict[str, QuoteRules]] = {
    "SHFE": QuoteRules(equal_volumes=True),
    "INE": QuoteRules(equal_volumes=True),
    "CZCE": QuoteRules(equal_volumes=True),
    "CFFEX": QuoteRules(replaces_named=True),
    "DCE": QuoteRules(one_sided=True, leg_cancel=True),
    "GFEX": QuoteRules(leg_cancel=True),
}
"""Exchanges that have quotes; INE follows SHFE and GFEX follows DCE where the specification names only the elder one
(docs/decisions/0060)."""

QUOTED_CLASSES: Final = ("future", "option")
QUOTE_HEDGES: Final = (SPECULATION,)
HEDGE_FLAGS: Final = "123567"
"""Every HedgeFlag there is; those that no quote may have are error 3047."""
LAST_QUOTE: Final = "last"
"""ReplaceSysID: the investor's newest quote on the instrument."""


def has_quotes(contract: Contract) -> bool:
    """Whether an instrument can be quoted, and be asked quotes for."""
    return contract.exchange in RULES and contract.instrument.product_class in QUOTED_CLASSES


# ------------------------------------------------------------------ commands
class InsertQuote:
    """A new quote, as the client sent it; prices are the client's doubles."""

    __slots__ = (
        "account_id",
        "ask_hedge",
        "ask_offset",
        "ask_price",
        "ask_ref",
        "ask_volume",
        "bid_hedge",
        "bid_offset",
        "bid_price",
        "bid_ref",
        "bid_volume",
        "echo",
        "exchange",
        "for_quote_sys_id",
        "front_id",
        "instrument",
        "investor_id",
        "now_ns",
        "quote_ref",
        "replace_sys_id",
        "request_id",
        "session_id",
        "session_req_seq",
        "time_condition",
        "user_id",
    )

    def __init__(
        self,
        now_ns: int,
        front_id: int,
        session_id: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        ask_price: float,
        ask_volume: int,
        bid_price: float,
        bid_volume: int,
        quote_ref: str = "",
        ask_ref: str = "",
        bid_ref: str = "",
        ask_offset: str = "0",
        bid_offset: str = "0",
        ask_hedge: str = SPECULATION,
        bid_hedge: str = SPECULATION,
        time_condition: str = "",
        replace_sys_id: str = "",
        for_quote_sys_id: str = "",
        session_req_seq: int = 0,
        request_id: int = 0,
        echo: tuple[str, ...] = (),
    ) -> None:
        self.now_ns: int = now_ns
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.ask_price: float = ask_price
        self.ask_volume: int = ask_volume
        self.bid_price: float = bid_price
        self.bid_volume: int = bid_volume
        self.quote_ref: str = quote_ref
        self.ask_ref: str = ask_ref
        self.bid_ref: str = bid_ref
        self.ask_offset: str = ask_offset
        self.bid_offset: str = bid_offset
        self.ask_hedge: str = ask_hedge
        self.bid_hedge: str = bid_hedge
        self.time_condition: str = time_condition
        self.replace_sys_id: str = replace_sys_id
        self.for_quote_sys_id: str = for_quote_sys_id
        self.session_req_seq: int = session_req_seq
        self.request_id: int = request_id
        self.echo: tuple[str, ...] = echo


class CancelQuote:
    """A request to withdraw a quote, by QuoteSysID (wins when given) or by FrontID + SessionID + QuoteRef."""

    __slots__ = (
        "account_id",
        "action_flag",
        "action_ref",
        "echo",
        "exchange",
        "front_id",
        "instrument",
        "investor_id",
        "now_ns",
        "quote_ref",
        "quote_sys_id",
        "request_id",
        "session_id",
        "user_id",
    )

    def __init__(
        self,
        now_ns: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        quote_sys_id: str,
        front_id: int,
        session_id: int,
        quote_ref: str,
        action_flag: str,
        action_ref: int = 0,
        request_id: int = 0,
        echo: tuple[str, ...] = (),
    ) -> None:
        self.now_ns: int = now_ns
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.quote_sys_id: str = quote_sys_id
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.quote_ref: str = quote_ref
        self.action_flag: str = action_flag
        self.action_ref: int = action_ref
        self.request_id: int = request_id
        self.echo: tuple[str, ...] = echo


class AskForQuote:
    """A request that market makers quote an instrument (``ReqForQuoteInsert``)."""

    __slots__ = (
        "account_id",
        "echo",
        "exchange",
        "for_quote_ref",
        "front_id",
        "instrument",
        "investor_id",
        "now_ns",
        "session_id",
        "user_id",
    )

    def __init__(
        self,
        now_ns: int,
        front_id: int,
        session_id: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        for_quote_ref: str = "",
        echo: tuple[str, ...] = (),
    ) -> None:
        self.now_ns: int = now_ns
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.for_quote_ref: str = for_quote_ref
        self.echo: tuple[str, ...] = echo


# ------------------------------------------------------------------ state
class MakerQuote:
    """A quote that CTP accepted: immutable terms, its legs (None: that side was not quoted), and its visible state."""

    __slots__ = (
        "account",
        "active_user",
        "ask",
        "bid",
        "cancel_ns",
        "contract",
        "exchange_ns",
        "quote_id",
        "quote_ref",
        "reason",
        "sequence_no",
        "status",
        "submit",
        "sys_id",
        "telling",
        "terms",
        "trading_day",
    )

    def __init__(
        self,
        quote_id: int,
        terms: InsertQuote,
        account: Account,
        contract: Contract,
        quote_ref: str,
        ask: Order | None,
        bid: Order | None,
        trading_day: str,
    ) -> None:
        self.quote_id: int = quote_id
        self.terms: InsertQuote = terms
        self.account: Account = account
        self.contract: Contract = contract
        self.quote_ref: str = quote_ref
        self.ask: Order | None = ask
        self.bid: Order | None = bid
        self.trading_day: str = trading_day
        self.telling: QuoteTelling = TELLING[contract.profile.name]
        self.status: str = UNKNOWN
        self.submit: str = INSERT_SUBMITTED
        self.sys_id: int = 0
        self.sequence_no: int = 0
        self.exchange_ns: int = 0
        self.cancel_ns: int = 0
        self.active_user: str = ""
        self.reason: int = 0

    def legs(self) -> list[Order]:
        """The legs there are, the ask first as the counter tells them."""
        return [leg for leg in (self.ask, self.bid) if leg is not None]

    def stands(self) -> bool:
        """Whether a leg still works."""
        return any(not leg.is_final() for leg in self.legs())


class QuoteBook:
    """The day's quotes and quote requests, and what numbers them."""

    __slots__ = ("asked", "asked_at", "by_id", "by_ref", "by_sys_id", "last_asked", "last_id", "last_refs")

    def __init__(self) -> None:
        self.by_id: dict[int, MakerQuote] = {}
        self.by_sys_id: dict[int, MakerQuote] = {}
        self.by_ref: dict[tuple[int, int], dict[int, MakerQuote]] = {}
        self.last_refs: dict[tuple[int, int], int] = {}
        self.last_id: int = 0
        self.asked: list[ForQuoteAsked] = []
        self.asked_at: dict[tuple[str, int], int] = {}
        self.last_asked: int = 0

    def leg_named(self, sys_id: str) -> Order | None:
        """The leg with an OrderSysID of letter and QuoteSysID (CZCE)."""
        number = sys_id[1:].strip()
        quote = self.by_sys_id.get(int(number)) if number.isascii() and number.isdigit() else None
        if quote is None or not quote.telling.letters:
            return None
        return quote.ask if sys_id[0] == "a" else quote.bid if sys_id[0] == "b" else None

    def standing(self, account: Account, contract: Contract) -> list[MakerQuote]:
        """The account's working quotes on an instrument, oldest first."""
        return [
            quote
            for quote in self.by_id.values()
            if quote.account is account and quote.contract is contract and quote.stands()
        ]


# ------------------------------------------------------------------ events
class QuoteInserted(Event):
    """CTP accepted a quote; its legs' own events came before."""

    __slots__ = ("quote", "ref_number")

    def __init__(self, quote: MakerQuote, ref_number: int, now_ns: int) -> None:
        self.account_id = quote.account.account_id
        self.now_ns = now_ns
        self.quote: MakerQuote = quote
        self.ref_number: int = ref_number


class QuoteReport(Event):
    """One state of a quote as the stream shows it: an ``OnRtnQuote``."""

    __slots__ = (
        "active_user",
        "ask_sys_id",
        "bid_sys_id",
        "cancel_ns",
        "exchange_ns",
        "quote",
        "reason",
        "sequence_no",
        "status",
        "submit",
        "sys_id",
    )

    def __init__(
        self,
        quote: MakerQuote,
        status: str,
        submit: str,
        sys_id: int,
        sequence_no: int,
        exchange_ns: int,
        cancel_ns: int,
        active_user: str,
        reason: int,
        ask_sys_id: int,
        bid_sys_id: int,
        now_ns: int,
    ) -> None:
        self.account_id = quote.account.account_id
        self.now_ns = now_ns
        self.quote: MakerQuote = quote
        self.status: str = status
        self.submit: str = submit
        self.sys_id: int = sys_id
        self.sequence_no: int = sequence_no
        self.exchange_ns: int = exchange_ns
        self.cancel_ns: int = cancel_ns
        self.active_user: str = active_user
        self.reason: int = reason
        self.ask_sys_id: int = ask_sys_id
        self.bid_sys_id: int = bid_sys_id


class QuoteRefused(Event):
    """CTP refused a quote: ``OnRspQuoteInsert`` to the requester, ``OnErrRtnQuoteInsert`` to every session.

    ``order_session``/``order_ref`` and ``quote_ref`` are what it used up all the same (0: none).
    """

    __slots__ = ("error_id", "order_ref", "quote_ref", "terms")

    def __init__(self, account_id: str, terms: InsertQuote, error_id: int, order_ref: int, quote_ref: int) -> None:
        self.account_id = account_id
        self.now_ns = terms.now_ns
        self.terms: InsertQuote = terms
        self.error_id: int = error_id
        self.order_ref: int = order_ref
        self.quote_ref: int = quote_ref


class QuoteActionRefused(Event):
    """A withdrawal was refused by CTP (``error_id``) or, with ``reason``, by the exchange (error 91).

    ``zone``: whose time it shows when there is no quote (empty: Beijing's).
    """

    __slots__ = ("command", "error_id", "quote", "reason", "zone")

    def __init__(
        self,
        account_id: str,
        command: CancelQuote,
        error_id: int,
        quote: MakerQuote | None,
        reason: int = 0,
        zone: str = "",
    ) -> None:
        self.account_id = account_id
        self.now_ns = command.now_ns
        self.command: CancelQuote = command
        self.error_id: int = error_id
        self.quote: MakerQuote | None = quote
        self.reason: int = reason
        self.zone: str = zone


class ForQuoteAsked(Event):
    """A quote request went to the market: nothing on the private stream, ``OnRtnForQuoteRsp`` on market data."""

    __slots__ = ("contract", "number", "terms")

    def __init__(self, account_id: str, terms: AskForQuote, contract: Contract, number: int) -> None:
        self.account_id = account_id
        self.now_ns = terms.now_ns
        self.terms: AskForQuote = terms
        self.contract: Contract = contract
        self.number: int = number


class ForQuoteRefused(Event):
    """CTP refused a quote request."""

    __slots__ = ("error_id", "terms")

    def __init__(self, account_id: str, terms: AskForQuote, error_id: int) -> None:
        self.account_id = account_id
        self.now_ns = terms.now_ns
        self.terms: AskForQuote = terms
        self.error_id: int = error_id


# ------------------------------------------------------------------ what events do
def on_quote_inserted(state: State, event: QuoteInserted) -> None:
    """The quote exists, and its legs know it."""
    quote, book = event.quote, state.quotes
    session = (quote.terms.front_id, quote.terms.session_id)
    book.last_id = quote.quote_id
    book.by_id[quote.quote_id] = quote
    book.last_refs[session] = event.ref_number
    book.by_ref.setdefault(session, {})[event.ref_number] = quote
    for leg in quote.legs():
        leg.rarely().quote = quote


def on_quote_report(state: State, event: QuoteReport) -> None:
    """The quote's visible state; its money is its legs'."""
    quote = event.quote
    quote.status = event.status
    quote.submit = event.submit
    quote.cancel_ns = event.cancel_ns
    quote.active_user = event.active_user
    quote.reason = event.reason
    quote.exchange_ns = event.exchange_ns
    if event.sys_id and not quote.sys_id:
        quote.sys_id = event.sys_id
        quote.sequence_no = event.sequence_no
        state.last_sys_id = max(state.last_sys_id, event.sys_id)
        state.last_sequence_no = max(state.last_sequence_no, event.sequence_no)
        state.quotes.by_sys_id[event.sys_id] = quote


def on_quote_refused(state: State, event: QuoteRefused) -> None:
    """A refusal uses up its references."""
    session = (event.terms.front_id, event.terms.session_id)
    if event.order_ref:
        state.last_refs[session] = event.order_ref
    if event.quote_ref:
        state.quotes.last_refs[session] = event.quote_ref


def on_quote_action_refused(state: State, event: QuoteActionRefused) -> None:
    """A refused withdrawal changes nothing."""


def on_for_quote_asked(state: State, event: ForQuoteAsked) -> None:
    """The request is on record, and the next one has to wait."""
    book = state.quotes
    book.asked.append(event)
    book.last_asked = event.number
    book.asked_at[(event.account_id, event.contract.index)] = event.now_ns


def on_for_quote_refused(state: State, event: ForQuoteRefused) -> None:
    """A refused request changes nothing."""
