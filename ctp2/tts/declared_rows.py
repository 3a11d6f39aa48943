"""Declarations between CTP structs and the domain: exercise, abandonment, self close (spec ctp-semantics 12.3)."""

from __future__ import annotations

from typing import Any, Final

from ctp2.ctp import structs
from ctp2.tts import codes
from ctp2.tts.declarations import EXERCISE, SELF_CLOSE, Declaration, DeclarationReported, Declare, Withdraw
from ctp2.tts.terms import ACCEPTED, INSERT_REJECTED, INSERT_SUBMITTED
from ctp2.tts.translate import INSTALL_ID, SETTLEMENT_ID, exchange_message
from ctp2.tts.values import BEIJING, date_of, number_to_ctp, time_of

ECHO_FIELDS: Final = (
    "BrokerID",
    "BusinessUnit",
    "InvestUnitID",
    "AccountID",
    "CurrencyID",
    "ClientID",
    "MacAddress",
    "IPAddress",
)
"""What the engine carries along for returns; behind them the UserProductInfo of the session."""

_STEMS: Final = ("ExecOrder", "OptionSelfClose")
"""How the members of a kind's structs begin, by kind: ExecOrderRef, OptionSelfCloseRef."""

_RESULT_TEXT: Final = {"n": "没有执行", "c": "已经取消"}


def declaration_from_ctp(
    kind: int, field: Any, now_ns: int, front_id: int, session_id: int, account_id: str, product_info: str
) -> Declare:
    """``ReqExecOrderInsert`` or ``ReqOptionSelfCloseInsert`` as a command of the session's account."""
    is_exercise = kind == EXERCISE
    return Declare(
        kind,
        now_ns,
        front_id,
        session_id,
        account_id,
        field.InvestorID,
        account_id,
        field.ExchangeID,
        field.InstrumentID,
        getattr(field, f"{_STEMS[kind]}Ref"),
        field.Volume,
        field.HedgeFlag,
        field.OffsetFlag if is_exercise else "",
        field.ActionType if is_exercise else "",
        field.PosiDirection if is_exercise else "",
        field.ReservePositionFlag if is_exercise else "",
        field.CloseFlag if is_exercise else "",
        "" if is_exercise else field.OptSelfCloseFlag,
        field.RequestID,
        (*(getattr(field, name) for name in ECHO_FIELDS), product_info),
    )


def withdrawal_from_ctp(kind: int, field: Any, now_ns: int, account_id: str) -> Withdraw:
    """``ReqExecOrderAction`` or ``ReqOptionSelfCloseAction`` as a command of the session's account."""
    stem = _STEMS[kind]
    return Withdraw(
        kind,
        now_ns,
        account_id,
        field.InvestorID,
        account_id,
        field.ExchangeID,
        field.InstrumentID,
        getattr(field, f"{stem}SysID"),
        field.FrontID,
        field.SessionID,
        getattr(field, f"{stem}Ref"),
        field.ActionFlag,
    )


def exercise_to_ctp(event: DeclarationReported) -> structs.CThostFtdcExecOrderField:
    """One state of an exercise or abandonment, as ``OnRtnExecOrder`` shows it."""
    record = structs.CThostFtdcExecOrderField()
    terms = event.declaration.terms
    _fill(record, event, _STEMS[EXERCISE])
    record.OffsetFlag = event.declaration.offset
    record.ActionType = terms.action_type
    record.PosiDirection = terms.posi_direction
    record.ReservePositionFlag = terms.reserve_flag
    record.CloseFlag = terms.close_flag
    record.BrokerExecOrderSeq = event.declaration.number
    return record


def self_close_to_ctp(event: DeclarationReported) -> structs.CThostFtdcOptionSelfCloseField:
    """One state of a self close, as ``OnRtnOptionSelfClose`` shows it."""
    record = structs.CThostFtdcOptionSelfCloseField()
    _fill(record, event, _STEMS[SELF_CLOSE])
    record.OptSelfCloseFlag = event.declaration.terms.self_close_flag
    record.BrokerOptionSelfCloseSeq = event.declaration.number
    return record


def declaration_now(declaration: Declaration) -> DeclarationReported:
    """The declaration's last state as an event, for the queries."""
    return DeclarationReported(
        declaration,
        declaration.insert_ns,
        declaration.submit,
        declaration.result,
        declaration.sys_id,
        declaration.sequence_no,
        declaration.exchange_ns,
        declaration.cancel_ns,
        declaration.active_user,
        declaration.reason,
        False,
    )


def action_members(kind: int, now_ns: int, declaration: Declaration | None, zone: str) -> dict[str, Any]:
    """What ``OnErrRtn…Action`` shows besides the request's own members (as for orders, spec 4).

    ``zone``: that of the instrument that the request names, for one without a declaration (empty: Beijing's).
    """
    zone = zone or BEIJING if declaration is None else declaration.contract.zone
    members: dict[str, Any] = {
        "ActionDate": date_of(now_ns, zone),
        "ActionTime": time_of(now_ns, zone),
        "InstallID": INSTALL_ID,
        "OrderActionStatus": "a",
    }
    if declaration is not None:
        stem = _STEMS[kind]
        members[f"{stem}LocalID"] = number_to_ctp(declaration.number)
        members[f"{stem}SysID"] = number_to_ctp(declaration.sys_id)
        members["TraderID"] = members["BusinessUnit"] = _seat(declaration.terms)
        members["ParticipantID"] = declaration.terms.echo[0]
    return members


def _seat(terms: Declare) -> str:
    return f"{terms.echo[0] or 'ctp2'}cac"


def _fill(record: Any, event: DeclarationReported, stem: str) -> None:
    """The members that both kinds have."""
    declaration = event.declaration
    terms, contract = declaration.terms, declaration.contract
    for name, value in zip(ECHO_FIELDS, terms.echo, strict=False):
        setattr(record, name, value)
    setattr(record, f"{stem}Ref", declaration.ref)
    setattr(record, f"{stem}LocalID", number_to_ctp(declaration.number))
    setattr(record, f"{stem}SysID", number_to_ctp(event.sys_id))
    record.InvestorID = declaration.account.account_id
    record.UserID = terms.user_id
    record.Volume = terms.volume
    record.RequestID = terms.request_id
    record.BusinessUnit = record.TraderID = _seat(terms)
    record.HedgeFlag = terms.hedge
    record.ExchangeID = contract.exchange
    record.ParticipantID = record.ClearingPartID = terms.echo[0]
    record.ClientID = record.ClientID or record.InvestorID[:10]
    record.InstallID = INSTALL_ID
    record.OrderSubmitStatus = event.submit
    record.NotifySequence = 0 if event.submit == INSERT_SUBMITTED else 1
    record.TradingDay = declaration.trading_day
    record.SettlementID = SETTLEMENT_ID
    inserted = event.exchange_ns or declaration.insert_ns
    record.InsertDate = (
        declaration.trading_day if contract.profile.trading_day_dates else date_of(inserted, contract.zone)
    )
    record.InsertTime = time_of(inserted, contract.zone)
    record.CancelTime = time_of(event.cancel_ns, contract.zone)
    record.ExecResult = event.result
    record.SequenceNo = event.sequence_no
    record.FrontID = terms.front_id
    record.SessionID = terms.session_id
    record.UserProductInfo = terms.echo[-1]
    record.StatusMsg = _message(event)
    record.ActiveUserID = event.active_user
    record.CurrencyID = record.CurrencyID or contract.currency
    record.InstrumentID = contract.code
    record.ExchangeInstID = contract.instrument.exchange_code


def _message(event: DeclarationReported) -> str:
    """StatusMsg, made as an order's is: the result's text, the submit status' text, the exchange's message."""
    if event.submit == INSERT_SUBMITTED:
        return codes.SUBMIT_TEXT[INSERT_SUBMITTED]
    text = _RESULT_TEXT[event.result]
    if event.submit == INSERT_REJECTED:
        return (
            text
            + codes.SUBMIT_TEXT[INSERT_REJECTED]
            + exchange_message(event.declaration.contract.exchange, event.reason)
        )
    return text + codes.SUBMIT_TEXT[ACCEPTED]
