"""The requests and queries of market makers: quotes, quote requests, and who hears of the latter on market data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event, Request
from ctp2.core.unsupported import refuse
from ctp2.tts import quote_records as records
from ctp2.tts.events import Event as Happening
from ctp2.tts.quotes import ForQuoteAsked, ForQuoteRefused, QuoteActionRefused, QuoteRefused, QuoteReport
from ctp2.tts.values import time_of

if TYPE_CHECKING:
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.contract import Contract
    from ctp2.tts.queries import Asker
    from ctp2.tts.session import TtsSession

_FRONT_ID: Final = 1


# ------------------------------------------------------------------ requests
def insert_quote(session: TtsSession, request: Request) -> None:
    """``ReqQuoteInsert``."""
    counter = session.backend.counter
    counter.begin()
    command = records.quote_from_ctp(
        request.field, counter.now_ns(), _FRONT_ID, session.session_id, session.account_id, session.product_info
    )
    carry_out(session, request, session.backend.engine.quotes.insert(command))


def cancel_quote(session: TtsSession, request: Request) -> None:
    """``ReqQuoteAction``."""
    now_ns = session.backend.counter.now_ns()
    command = records.quote_action_from_ctp(request.field, now_ns, session.account_id)
    carry_out(session, request, session.backend.engine.quotes.cancel(command))


def ask_for_quote(session: TtsSession, request: Request) -> None:
    """``ReqForQuoteInsert``: no answer when it is taken (spec 12.4)."""
    now_ns = session.backend.counter.now_ns()
    command = records.for_quote_from_ctp(request.field, now_ns, _FRONT_ID, session.session_id, session.account_id)
    carry_out(session, request, session.backend.engine.quotes.ask(command))


def carry_out(session: TtsSession, request: Request, events: Sequence[Happening]) -> None:
    """CTP's refusal goes to the requester first, then everything to the flows; an exchange's has no OnRsp."""
    refused = events[-1]
    error_id = getattr(refused, "error_id", 0)
    if error_id and not getattr(refused, "reason", 0):
        session.put(refuse(request, error_id))
    session.backend.counter.publish(events)


def subscribe_for_quotes(session: TtsSession, request: Request) -> None:
    """``SubscribeForQuoteRsp``: quote requests on these instruments from now on."""
    for code in request.field:
        for contract in session.backend.engine.state.named(code):
            session.backend.for_quote_subscribers.setdefault(contract.index, {})[session] = None
    session.answer_codes(request)


def unsubscribe_for_quotes(session: TtsSession, request: Request) -> None:
    """``UnSubscribeForQuoteRsp``: stops at once."""
    for code in request.field:
        for contract in session.backend.engine.state.by_code.get(code, ()):
            session.backend.for_quote_subscribers.get(contract.index, {}).pop(session, None)
    session.answer_codes(request)


def tell_market(backend: TtsBackend, happening: ForQuoteAsked) -> None:
    """Send a quote request to the market-data sessions that subscribed to them."""
    told = records.for_quote_rsp_to_ctp(happening, backend.trading_day)
    for session in backend.for_quote_subscribers.get(happening.contract.index, ()):
        session.put((Event("OnRtnForQuoteRsp", told, build=copy),))


# ------------------------------------------------------------------ queries
def quotes(asker: Asker, field: Any) -> Iterable[Any]:
    """``ReqQryQuote``: the last state of each quote of the day."""
    wanted = field.QuoteSysID.strip()
    for quote in asker.state.quotes.by_id.values() if asker.is_own(field) else ():
        if (
            quote.account is asker.account
            and _is_asked(field, quote.contract, quote.terms.now_ns)
            and (not wanted or wanted == str(quote.sys_id))
        ):
            yield records.quote_to_ctp(records.quote_now(quote))


def for_quotes(asker: Asker, field: Any) -> Iterable[Any]:
    """``ReqQryForQuote``: the day's quote requests."""
    for event in asker.state.quotes.asked if asker.is_own(field) else ():
        own = event.account_id == asker.account.account_id
        if own and _is_asked(field, event.contract, event.now_ns):
            yield records.for_quote_to_ctp(event)


def _is_asked(field: Any, contract: Contract, insert_ns: int) -> bool:
    time = time_of(insert_ns, contract.zone)
    return (
        field.ExchangeID in ("", contract.exchange)
        and field.InstrumentID in ("", contract.code)
        and (not field.InsertTimeStart or time >= field.InsertTimeStart)
        and (not field.InsertTimeEnd or time <= field.InsertTimeEnd)
    )


# ------------------------------------------------------------------ tables
REQUESTS: Final[dict[str, Callable[[TtsSession, Request], None]]] = {
    "ReqQuoteInsert": insert_quote,
    "ReqQuoteAction": cancel_quote,
    "ReqForQuoteInsert": ask_for_quote,
    "SubscribeForQuoteRsp": subscribe_for_quotes,
    "UnSubscribeForQuoteRsp": unsubscribe_for_quotes,
}
QUERIES: Final[dict[str, Callable[[Asker, Any], Iterable[Any]]]] = {
    "ReqQryQuote": quotes,
    "ReqQryForQuote": for_quotes,
}
PRIVATE: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    QuoteReport: ("OnRtnQuote", records.quote_to_ctp),
    QuoteRefused: ("OnErrRtnQuoteInsert", records.input_quote_to_ctp),
    QuoteActionRefused: ("OnErrRtnQuoteAction", records.quote_action_to_ctp),
    ForQuoteRefused: ("OnErrRtnForQuoteInsert", records.input_for_quote_to_ctp),
}
"""Entered into the tables of ``session``, ``queries`` and ``flows``."""
