"""Parked orders at the edge: requests, answers and queries in CTP's structs (spec ctp-semantics 8.3, 12.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event, Request
from ctp2.core.unsupported import refuse
from ctp2.ctp.errors import prompt, rsp_info
from ctp2.ctp.structs import CThostFtdcParkedOrderActionField, CThostFtdcParkedOrderField
from ctp2.tts import codes, translate, values
from ctp2.tts.asker import Asker, Query, Rows
from ctp2.tts.conditional import COUNTER_SESSION
from ctp2.tts.parked import Parked, ParkedPut, ParkingRefused

if TYPE_CHECKING:
    from ctp2.tts.commands import CancelOrder
    from ctp2.tts.events import Event as Happening
    from ctp2.tts.session import TtsSession

INVESTOR: Final = "0"
"""UserType: parked by an investor."""


# ------------------------------------------------------------------ requests
def park_order(session: TtsSession, request: Request) -> None:
    """``ReqParkedOrderInsert``."""
    backend = session.backend
    front_id, session_id = COUNTER_SESSION
    field = _as_input_order(request.field)
    terms = translate.order_from_ctp(
        field, backend.counter.now_ns(), front_id, session_id, session.account_id, session.product_info
    )
    _answer_kept(session, request, backend.engine.parking.put_order(terms))


def park_cancel(session: TtsSession, request: Request) -> None:
    """``ReqParkedOrderAction``."""
    field = _as_input_action(request.field)
    command = translate.cancel_from_ctp(field, session.backend.counter.now_ns(), session.account_id)
    _answer_kept(session, request, session.backend.engine.parking.put_cancel(command))


def remove_order(session: TtsSession, request: Request) -> None:
    """``ReqRemoveParkedOrder``."""
    _remove(session, request, request.field.ParkedOrderID, is_cancel=False)


def remove_cancel(session: TtsSession, request: Request) -> None:
    """``ReqRemoveParkedOrderAction``."""
    _remove(session, request, request.field.ParkedOrderActionID, is_cancel=True)


def _remove(session: TtsSession, request: Request, text: str, is_cancel: bool) -> None:
    counter = session.backend.counter
    events = session.backend.engine.parking.remove(
        session.account_id, request.field.InvestorID, text, is_cancel, counter.now_ns()
    )
    if not _refuse(session, request, events):
        session.put((Event(request.method.response, request.field, rsp_info(0), request.request_id),))
    counter.publish(events)


def _answer_kept(session: TtsSession, request: Request, events: list[Happening]) -> None:
    """The record as it is kept, with its number (spec 1.10: with an RspInfo)."""
    if not _refuse(session, request, events):
        kept = events[0]
        assert isinstance(kept, ParkedPut)
        session.put((Event(request.method.response, parked_to_ctp(kept.parked), rsp_info(0), request.request_id),))
    session.backend.counter.publish(events)


def _refuse(session: TtsSession, request: Request, events: list[Happening]) -> bool:
    refused = events[0]
    if isinstance(refused, ParkingRefused):
        session.put(refuse(request, refused.error_id))
        return True
    return False


# ------------------------------------------------------------------ structs
def _as_input_order(field: CThostFtdcParkedOrderField) -> Any:
    """The members that an InputOrder has and a parked order lacks, empty."""
    return _With(field, OrderMemo="", SessionReqSeq=0)


def _as_input_action(field: CThostFtdcParkedOrderActionField) -> Any:
    return _With(field, OrderMemo="")


class _With:
    """A struct with a few members more."""

    def __init__(self, field: Any, **members: Any) -> None:
        self._field = field
        self.__dict__.update(members)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._field, name)


def parked_to_ctp(parked: Parked) -> CThostFtdcParkedOrderField | CThostFtdcParkedOrderActionField:
    """One of either kind, as queries show it."""
    record = _order(parked) if parked.order is not None else _cancel(parked)
    record.UserType = INVESTOR
    record.Status = parked.status
    record.ErrorID = parked.error_id
    record.ErrorMsg = prompt(parked.error_id) if parked.error_id else ""
    return record


def _order(parked: Parked) -> CThostFtdcParkedOrderField:
    terms = parked.order
    assert terms is not None
    record = CThostFtdcParkedOrderField()
    record.ParkedOrderID = values.number_to_ctp(parked.number)
    record.InvestorID = terms.investor_id
    record.OrderRef = terms.order_ref
    record.UserID = terms.user_id
    record.OrderPriceType = terms.price_type
    record.Direction = terms.direction
    record.CombOffsetFlag = terms.comb_offset
    record.CombHedgeFlag = terms.comb_hedge
    record.LimitPrice = terms.price
    record.VolumeTotalOriginal = terms.volume
    record.TimeCondition = terms.time_condition
    record.VolumeCondition = terms.volume_condition
    record.MinVolume = terms.min_volume
    record.ContingentCondition = terms.contingent
    record.StopPrice = terms.stop_price
    record.ForceCloseReason = terms.force_close_reason
    record.IsAutoSuspend = terms.is_auto_suspend
    record.RequestID = terms.request_id
    record.UserForceClose = terms.user_force_close
    record.ExchangeID = parked.contract.exchange
    record.IsSwapOrder = terms.is_swap
    record.InstrumentID = terms.instrument
    for name, value in zip(codes.ECHO_FIELDS, terms.echo, strict=True):
        if name in record.__struct_fields__:
            setattr(record, name, value)
    return record


def _cancel(parked: Parked) -> CThostFtdcParkedOrderActionField:
    command: CancelOrder | None = parked.cancel
    assert command is not None
    echo = dict(zip(codes.ECHO_FIELDS, command.echo, strict=True))
    return CThostFtdcParkedOrderActionField(
        ParkedOrderActionID=values.number_to_ctp(parked.number),
        BrokerID=echo["BrokerID"],
        InvestorID=command.investor_id,
        OrderActionRef=command.action_ref,
        OrderRef=command.order_ref,
        RequestID=command.request_id,
        FrontID=command.front_id,
        SessionID=command.session_id,
        ExchangeID=parked.contract.exchange,
        OrderSysID=command.order_sys_id,
        ActionFlag=command.action_flag,
        UserID=command.user_id,
        InvestUnitID=echo["InvestUnitID"],
        MacAddress=echo["MacAddress"],
        IPAddress=echo["IPAddress"],
        InstrumentID=command.instrument,
    )


# ------------------------------------------------------------------ queries
def parked_orders(asker: Asker, field: Any) -> Rows:
    """``ReqQryParkedOrder``: all of the day, sent and deleted ones too."""
    return _rows(asker, field, asker.state.parked.orders)


def parked_cancels(asker: Asker, field: Any) -> Rows:
    """``ReqQryParkedOrderAction``."""
    return _rows(asker, field, asker.state.parked.cancels)


def _rows(asker: Asker, field: Any, records: dict[int, Parked]) -> Rows:
    if not asker.is_own(field):
        return
    for parked in records.values():
        if (
            parked.account_id == asker.account.account_id
            and field.InstrumentID in ("", parked.contract.code)
            and field.ExchangeID in ("", parked.contract.exchange)
        ):
            yield parked_to_ctp(parked)


PARKED_QUERIES: Final[dict[str, Query]] = {
    "ReqQryParkedOrder": parked_orders,
    "ReqQryParkedOrderAction": parked_cancels,
}
PARKED_REQUESTS: Final[dict[str, Callable[[TtsSession, Request], None]]] = {
    "ReqParkedOrderInsert": park_order,
    "ReqParkedOrderAction": park_cancel,
    "ReqRemoveParkedOrder": remove_order,
    "ReqRemoveParkedOrderAction": remove_cancel,
}
