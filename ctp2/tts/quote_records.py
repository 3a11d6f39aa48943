"""Quotes and quote requests as CTP structs, both ways (spec ctp-semantics 12.4)."""

from __future__ import annotations

from typing import Any, Final

from ctp2.ctp.structs import (
    CThostFtdcForQuoteField,
    CThostFtdcForQuoteRspField,
    CThostFtdcInputForQuoteField,
    CThostFtdcInputQuoteActionField,
    CThostFtdcInputQuoteField,
    CThostFtdcQuoteActionField,
    CThostFtdcQuoteField,
)
from ctp2.tts import codes
from ctp2.tts.orders import Order
from ctp2.tts.quotes import (
    AskForQuote,
    CancelQuote,
    ForQuoteAsked,
    ForQuoteRefused,
    InsertQuote,
    MakerQuote,
    QuoteActionRefused,
    QuoteRefused,
    QuoteReport,
)
from ctp2.tts.shown import leg_sys_id
from ctp2.tts.terms import INSERT_SUBMITTED, UNKNOWN
from ctp2.tts.translate import exchange_message
from ctp2.tts.values import BEIJING, date_of, number_to_ctp, time_of

_BROKER: Final = 0
_UNIT: Final = 2
_CLIENT: Final = 5
_MAC: Final = 6
_ADDRESS: Final = 7
_MEMO: Final = 8
"""Places in ``codes.ECHO_FIELDS``."""
_SETTLEMENT_ID: Final = 1
_INSTALL_ID: Final = 1
_ACCEPTED: Final = "b"
_REJECTED: Final = "c"
_SUBMITTED: Final = "a"


def _echo_of(field: Any, product_info: str = "") -> tuple[str, ...]:
    """What is only handed back, in the order of ``codes.ECHO_FIELDS``; members that a struct lacks are empty."""
    names = codes.ECHO_FIELDS[:-1]
    return (*(str(getattr(field, name, "")) for name in names), product_info)


# ------------------------------------------------------------------ requests
def quote_from_ctp(
    field: CThostFtdcInputQuoteField,
    now_ns: int,
    front_id: int,
    session_id: int,
    account_id: str,
    product_info: str,
) -> InsertQuote:
    """``ReqQuoteInsert`` as a command of the session's account."""
    return InsertQuote(
        now_ns,
        front_id,
        session_id,
        account_id,
        field.InvestorID,
        account_id,
        field.ExchangeID,
        field.InstrumentID,
        field.AskPrice,
        field.AskVolume,
        field.BidPrice,
        field.BidVolume,
        field.QuoteRef,
        field.AskOrderRef,
        field.BidOrderRef,
        field.AskOffsetFlag,
        field.BidOffsetFlag,
        field.AskHedgeFlag,
        field.BidHedgeFlag,
        field.TimeCondition,
        field.ReplaceSysID,
        field.ForQuoteSysID,
        field.SessionReqSeq,
        field.RequestID,
        _echo_of(field, product_info),
    )


def quote_action_from_ctp(field: CThostFtdcInputQuoteActionField, now_ns: int, account_id: str) -> CancelQuote:
    """``ReqQuoteAction`` as a command of the session's account."""
    return CancelQuote(
        now_ns,
        account_id,
        field.InvestorID,
        account_id,
        field.ExchangeID,
        field.InstrumentID,
        field.QuoteSysID,
        field.FrontID,
        field.SessionID,
        field.QuoteRef,
        field.ActionFlag,
        field.QuoteActionRef,
        field.RequestID,
        _echo_of(field),
    )


def for_quote_from_ctp(
    field: CThostFtdcInputForQuoteField, now_ns: int, front_id: int, session_id: int, account_id: str
) -> AskForQuote:
    """``ReqForQuoteInsert`` as a command of the session's account."""
    return AskForQuote(
        now_ns,
        front_id,
        session_id,
        account_id,
        field.InvestorID,
        account_id,
        field.ExchangeID,
        field.InstrumentID,
        field.ForQuoteRef,
        _echo_of(field),
    )


# ------------------------------------------------------------------ quotes
def quote_to_ctp(event: QuoteReport) -> CThostFtdcQuoteField:
    """One state of a quote as ``OnRtnQuote`` shows it."""
    quote = event.quote
    terms, contract, profile = quote.terms, quote.contract, quote.contract.profile
    record = CThostFtdcQuoteField()
    _copy_terms(record, terms)
    broker = terms.echo[_BROKER]
    record.InvestorID = quote.account.account_id
    record.ExchangeID = contract.exchange
    record.QuoteRef = quote.quote_ref
    record.AskOrderRef = "" if quote.ask is None else quote.ask.order_ref
    record.BidOrderRef = "" if quote.bid is None else quote.bid.order_ref
    record.QuoteLocalID = number_to_ctp(quote.quote_id)
    record.BrokerQuoteSeq = quote.quote_id
    record.ParticipantID = broker
    record.ClientID = terms.echo[_CLIENT] or quote.account.account_id[:10]
    record.TraderID = f"{broker or 'ctp2'}cac"
    record.BusinessUnit = record.TraderID
    record.InstallID = _INSTALL_ID
    record.SettlementID = _SETTLEMENT_ID
    record.TradingDay = quote.trading_day
    record.ExchangeInstID = contract.instrument.exchange_code
    record.FrontID = terms.front_id
    record.SessionID = terms.session_id
    record.UserProductInfo = terms.echo[-1]
    record.CurrencyID = record.CurrencyID or contract.currency
    record.OrderSubmitStatus = event.submit
    record.QuoteStatus = event.status
    record.NotifySequence = 0 if event.submit == INSERT_SUBMITTED else 1
    record.InsertDate = date_of(terms.now_ns, contract.zone)
    record.InsertTime = time_of(terms.now_ns, contract.zone)
    if event.sys_id:
        record.QuoteSysID = number_to_ctp(event.sys_id)
        record.SequenceNo = event.sequence_no
        record.InsertDate = (
            quote.trading_day if profile.trading_day_dates else date_of(event.exchange_ns, contract.zone)
        )
        record.InsertTime = time_of(event.exchange_ns, contract.zone)
        record.AskOrderSysID = _leg_id(quote, quote.ask, event.ask_sys_id)
        record.BidOrderSysID = _leg_id(quote, quote.bid, event.bid_sys_id)
    record.CancelTime = time_of(event.cancel_ns, contract.zone)
    record.ActiveUserID = event.active_user
    record.StatusMsg = quote_message(quote, event.status, event.submit, event.reason)
    return record


def _leg_id(quote: MakerQuote, leg: Order | None, sys_id: int) -> str:
    return "" if leg is None else leg_sys_id(leg, sys_id)


def quote_message(quote: MakerQuote, status: str, submit: str, reason: int) -> str:
    """StatusMsg, worded like an order's (spec 3.8)."""
    if status == UNKNOWN:
        return codes.SUBMIT_TEXT[submit]
    text = codes.STATUS_TEXT[status] + codes.SUBMIT_TEXT[submit]
    return text + exchange_message(quote.contract.exchange, reason) if reason else text


def quote_now(quote: MakerQuote) -> QuoteReport:
    """The quote's last state as an event, for ``ReqQryQuote``."""
    return QuoteReport(
        quote,
        quote.status,
        quote.submit,
        quote.sys_id,
        quote.sequence_no,
        quote.exchange_ns,
        quote.cancel_ns,
        quote.active_user,
        quote.reason,
        0 if quote.ask is None else quote.ask.sys_id,
        0 if quote.bid is None else quote.bid.sys_id,
        quote.terms.now_ns,
    )


def input_quote_to_ctp(event: QuoteRefused) -> CThostFtdcInputQuoteField:
    """The refused quote as it was sent: the echo of ``OnErrRtnQuoteInsert``."""
    record = CThostFtdcInputQuoteField()
    _copy_terms(record, event.terms)
    return record


def _copy_terms(record: CThostFtdcInputQuoteField | CThostFtdcQuoteField, terms: InsertQuote) -> None:
    """What was sent, in the members that input and return share."""
    for name, value in zip(codes.ECHO_FIELDS[:-1], terms.echo, strict=False):
        if hasattr(record, name):
            setattr(record, name, value)
    record.InvestorID = terms.investor_id
    record.UserID = terms.user_id
    record.ExchangeID = terms.exchange
    record.InstrumentID = terms.instrument
    record.QuoteRef = terms.quote_ref
    record.AskPrice = terms.ask_price
    record.BidPrice = terms.bid_price
    record.AskVolume = terms.ask_volume
    record.BidVolume = terms.bid_volume
    record.RequestID = terms.request_id
    record.AskOffsetFlag = terms.ask_offset
    record.BidOffsetFlag = terms.bid_offset
    record.AskHedgeFlag = terms.ask_hedge
    record.BidHedgeFlag = terms.bid_hedge
    record.AskOrderRef = terms.ask_ref
    record.BidOrderRef = terms.bid_ref
    record.ForQuoteSysID = terms.for_quote_sys_id
    record.ReplaceSysID = terms.replace_sys_id
    record.TimeCondition = terms.time_condition
    record.SessionReqSeq = terms.session_req_seq


def quote_action_to_ctp(event: QuoteActionRefused) -> CThostFtdcQuoteActionField:
    """A refused withdrawal as ``OnErrRtnQuoteAction`` shows it."""
    command, quote = event.command, event.quote
    record = CThostFtdcQuoteActionField()
    record.BrokerID = command.echo[_BROKER]
    record.InvestorID = command.investor_id
    record.QuoteActionRef = command.action_ref
    record.QuoteRef = command.quote_ref
    record.RequestID = command.request_id
    record.FrontID = command.front_id
    record.SessionID = command.session_id
    record.ExchangeID = command.exchange
    record.QuoteSysID = command.quote_sys_id
    record.ActionFlag = command.action_flag
    zone = quote.contract.zone if quote is not None else event.zone or BEIJING
    record.ActionDate = date_of(command.now_ns, zone)
    record.ActionTime = time_of(command.now_ns, zone)
    record.InstallID = _INSTALL_ID
    record.OrderActionStatus = _REJECTED if event.reason else _SUBMITTED
    record.UserID = command.user_id
    record.InvestUnitID = command.echo[_UNIT]
    record.MacAddress = command.echo[_MAC]
    record.IPAddress = command.echo[_ADDRESS]
    record.OrderMemo = command.echo[_MEMO]
    record.InstrumentID = command.instrument
    if quote is not None:
        record.QuoteLocalID = number_to_ctp(quote.quote_id)
        record.QuoteSysID = number_to_ctp(quote.sys_id)
        record.TraderID = f"{quote.terms.echo[_BROKER] or 'ctp2'}cac"
        record.BusinessUnit = record.TraderID
        record.ParticipantID = quote.terms.echo[_BROKER]
        record.ClientID = quote.terms.echo[_CLIENT] or quote.account.account_id[:10]
    if event.reason and quote is not None:
        record.ActionLocalID = number_to_ctp(quote.quote_id)
        record.StatusMsg = exchange_message(quote.contract.exchange, event.reason)
    return record


# ------------------------------------------------------------------ quote requests
def input_for_quote_to_ctp(event: ForQuoteRefused) -> CThostFtdcInputForQuoteField:
    """The refused quote request as it was sent."""
    terms = event.terms
    return CThostFtdcInputForQuoteField(
        BrokerID=terms.echo[_BROKER],
        InvestorID=terms.investor_id,
        ForQuoteRef=terms.for_quote_ref,
        UserID=terms.user_id,
        ExchangeID=terms.exchange,
        InvestUnitID=terms.echo[_UNIT],
        MacAddress=terms.echo[_MAC],
        InstrumentID=terms.instrument,
        IPAddress=terms.echo[_ADDRESS],
    )


def for_quote_to_ctp(event: ForQuoteAsked) -> CThostFtdcForQuoteField:
    """A quote request of the day, for ``ReqQryForQuote``."""
    terms, contract = event.terms, event.contract
    broker = terms.echo[_BROKER]
    return CThostFtdcForQuoteField(
        BrokerID=broker,
        InvestorID=event.account_id,
        ForQuoteRef=terms.for_quote_ref,
        UserID=terms.user_id,
        ForQuoteLocalID=number_to_ctp(event.number),
        ExchangeID=contract.exchange,
        ParticipantID=broker,
        ClientID=event.account_id[:10],
        TraderID=f"{broker or 'ctp2'}cac",
        InstallID=_INSTALL_ID,
        InsertDate=date_of(event.now_ns, contract.zone),
        InsertTime=time_of(event.now_ns, contract.zone),
        ForQuoteStatus=_ACCEPTED,
        FrontID=terms.front_id,
        SessionID=terms.session_id,
        BrokerForQutoSeq=event.number,
        InvestUnitID=terms.echo[_UNIT],
        MacAddress=terms.echo[_MAC],
        InstrumentID=contract.code,
        ExchangeInstID=contract.instrument.exchange_code,
        IPAddress=terms.echo[_ADDRESS],
    )


def for_quote_rsp_to_ctp(event: ForQuoteAsked, trading_day: str) -> CThostFtdcForQuoteRspField:
    """A quote request as the market hears of it: ``OnRtnForQuoteRsp``."""
    return CThostFtdcForQuoteRspField(
        TradingDay=trading_day,
        ForQuoteSysID=number_to_ctp(event.number),
        ForQuoteTime=time_of(event.now_ns, event.contract.zone),
        ActionDay=date_of(event.now_ns, event.contract.zone),
        ExchangeID=event.contract.exchange,
        InstrumentID=event.contract.code,
    )
