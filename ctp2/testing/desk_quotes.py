"""Market makers at the desk of scenarios: quotes, their withdrawal, quote requests, and how these are worded.

``alice quotes X bid 2@3498 ask 2@3502 as q`` makes the quote ``q`` with the legs ``q.ask`` and ``q.bid`` (``-`` for a
side that is not quoted); ``alice pulls q`` and ``alice asks X for quotes as r`` are the other steps. Lines::

    quote q 3/3 #1 2/3 未成交      status/submit, QuoteSysID, AskOrderSysID/BidOrderSysID, StatusMsg
    asked r #1                     the market hears of a quote request
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ctp2.ctp.errors import prompt
from ctp2.tts import quote_records as records
from ctp2.tts.events import Event
from ctp2.tts.quotes import (
    AskForQuote,
    CancelQuote,
    ForQuoteAsked,
    ForQuoteRefused,
    InsertQuote,
    QuoteActionRefused,
    QuoteRefused,
    QuoteReport,
)

if TYPE_CHECKING:
    from ctp2.testing.desk import Desk

_ECHO: Final = ("9999", *("",) * 10)
_INTEGERS: Final = ("ask_volume", "bid_volume", "front_id", "session_id")


def insert_quote(
    desk: Desk, user: str, code: str, bid: str, ask: str, *, name: str = "", session: int = 0, **members: Any
) -> list[Event]:
    """Send a quote; sides as ``VOLUME@PRICE``, ``-`` for none; ``members`` are arguments of ``InsertQuote``."""
    number = desk.request(name or f"q{len(desk.owners) + 1}")
    name = desk.names[number]
    for own in (name, f"{name}.ask", f"{name}.bid"):
        desk.owners[own] = user
    known = desk.state.by_code.get(code)
    asked: dict[str, Any] = {
        "now_ns": desk.now_ns,
        "front_id": 1,
        "session_id": session or desk.session_of(user),
        "account_id": user,
        "investor_id": user,
        "user_id": user,
        "exchange": known[0].exchange if known else "",
        "instrument": code,
        **_side("ask", ask),
        **_side("bid", bid),
        "request_id": number,
        "echo": _ECHO,
    }
    return _remember(desk, desk.engine.quotes.insert(InsertQuote(**{**asked, **_typed(members)})))


def _side(name: str, text: str) -> dict[str, Any]:
    volume, _, price = text.partition("@")
    return {f"{name}_volume": 0 if text == "-" else int(volume), f"{name}_price": float(price or 0)}


def _typed(members: dict[str, Any]) -> dict[str, Any]:
    return {name: int(value) if name in _INTEGERS else value for name, value in members.items()}


def withdraw_quote(desk: Desk, user: str, name: str, by: str = "ref", **members: Any) -> list[Event]:
    """Withdraw a quote by FrontID + SessionID + QuoteRef (``ref``), or by QuoteSysID (``sysid``, ``trimmed``)."""
    record = desk.records.get(name)
    by_ref = by == "ref" or record is None
    asked: dict[str, Any] = {
        "now_ns": desk.now_ns,
        "account_id": user,
        "investor_id": user,
        "user_id": user,
        "exchange": record.ExchangeID if record is not None else "",
        "instrument": record.InstrumentID if record is not None else "none",
        "quote_sys_id": "" if by_ref or record is None else record.QuoteSysID,
        "front_id": record.FrontID if by_ref and record is not None else 0,
        "session_id": record.SessionID if by_ref and record is not None else 0,
        "quote_ref": record.QuoteRef if by_ref and record is not None else "",
        "action_flag": "0",
        "request_id": desk.request(name),
        "echo": _ECHO,
    }
    if by == "trimmed":
        asked["quote_sys_id"] = asked["quote_sys_id"].strip()
    return _remember(desk, desk.engine.quotes.cancel(CancelQuote(**{**asked, **members})))


def ask_for_quote(desk: Desk, user: str, code: str, *, name: str = "", **members: Any) -> list[Event]:
    """Ask the market to quote an instrument."""
    number = desk.request(name or f"r{len(desk.owners) + 1}")
    desk.owners[desk.names[number]] = user
    known = desk.state.by_code.get(code)
    asked: dict[str, Any] = {
        "now_ns": desk.now_ns,
        "front_id": 1,
        "session_id": desk.session_of(user),
        "account_id": user,
        "investor_id": user,
        "user_id": user,
        "exchange": known[0].exchange if known else "",
        "instrument": code,
        "for_quote_ref": str(number),
        "echo": _ECHO,
    }
    return desk.engine.quotes.ask(AskForQuote(**{**asked, **members}))


def _remember(desk: Desk, events: Sequence[Event]) -> list[Event]:
    """Keep the last record of each leg and quote."""
    for event in events:
        if isinstance(event, QuoteReport):
            record = records.quote_to_ctp(event)
            desk.records[desk.names[record.RequestID]] = record
    return desk.remember(events)


def quote_rows(desk: Desk, user: str) -> list[Any]:
    """The account's ``Quote`` rows, as ``ReqQryQuote`` shows them."""
    return [
        records.quote_to_ctp(records.quote_now(quote))
        for quote in desk.state.quotes.by_id.values()
        if quote.account.account_id == user
    ]


def line_of(desk: Desk, event: Event) -> str:
    """The event as scenarios word it; empty for those of other subjects."""
    if isinstance(event, QuoteReport):
        return _quote_line(desk, records.quote_to_ctp(event))
    if isinstance(event, QuoteRefused):
        return f"refused {desk.names[event.terms.request_id]} {event.error_id} {prompt(event.error_id)}"
    if isinstance(event, QuoteActionRefused):
        action = records.quote_action_to_ctp(event)
        text = action.StatusMsg if event.reason else prompt(event.error_id)
        return f"not cancelled {desk.names[action.RequestID]} {event.error_id} {text}"
    if isinstance(event, ForQuoteRefused):
        return f"refused {desk.names[int(event.terms.for_quote_ref)]} {event.error_id} {prompt(event.error_id)}"
    if isinstance(event, ForQuoteAsked):
        return f"asked {desk.names[int(event.terms.for_quote_ref)]} #{event.number}"
    return ""


def _quote_line(desk: Desk, record: Any) -> str:
    number = f"#{record.QuoteSysID.strip()}" if record.QuoteSysID else "-"
    legs = f"{record.AskOrderSysID.strip() or '-'}/{record.BidOrderSysID.strip() or '-'}"
    actor = f" by {record.ActiveUserID}" if record.ActiveUserID else ""
    state = f"{record.QuoteStatus}/{record.OrderSubmitStatus}"
    return f"quote {desk.names[record.RequestID]} {state} {number} {legs} {record.StatusMsg}{actor}"


# ------------------------------------------------------------------ steps of scenarios
def _quote_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    members = dict(word.split("=", 1) for word in match["rest"].split())
    return insert_quote(
        desk,
        match["user"],
        match["code"],
        match["bid"],
        match["ask"],
        name=match["name"] or "",
        session=int(match["session"] or 0),
        **members,
    )


def _withdraw_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    return withdraw_quote(desk, match["user"], match["name"], match["by"] or "ref")


def _ask_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    return ask_for_quote(desk, match["user"], match["code"], name=match["name"] or "")


STEPS: Final[tuple[tuple[re.Pattern[str], Callable[[Desk, re.Match[str]], list[Event]]], ...]] = (
    (
        re.compile(
            r"(?P<user>\w+)(?:/(?P<session>\d+))? quotes (?P<code>\S+) bid (?P<bid>\S+) ask (?P<ask>\S+)"
            r"(?P<rest>(?: \S+=\S*)*)(?: as (?P<name>\S+))?$"
        ),
        _quote_step,
    ),
    (re.compile(r"(?P<user>\w+) pulls (?P<name>\S+)(?: by (?P<by>sysid|trimmed|ref))?$"), _withdraw_step),
    (re.compile(r"(?P<user>\w+) asks (?P<code>\S+) for quotes(?: as (?P<name>\S+))?$"), _ask_step),
)
"""Further steps of scenarios: what they look like, and what they do."""
TABLES: Final[dict[str, Callable[[Desk, str], list[Any]]]] = {"quotes": quote_rows}
"""Further tables of scenarios."""
