"""Pure translation between CTP structs and the counter's domain: no state, no clock, no I/O.

Records are built when somebody reads them: each return is a copy of the record that all orders of its kind share
(``shown.Pattern``), with the members of its order and event. This file is not compiled: the interpreter sets members of
structs faster than compiled code does (docs/decisions/0081-returns.md).
"""

from __future__ import annotations

from typing import Any, Final

from ctp2.core.backend import Builder, Recipe
from ctp2.ctp.errors import prompt
from ctp2.ctp.structs import (
    CThostFtdcErrorConditionalOrderField,
    CThostFtdcInputOrderActionField,
    CThostFtdcInputOrderField,
    CThostFtdcOrderActionField,
    CThostFtdcOrderField,
    CThostFtdcTradeField,
)
from ctp2.tts import codes
from ctp2.tts.commands import CancelOrder, InsertOrder, ReleasedOrder
from ctp2.tts.conditions import ConditionFailed
from ctp2.tts.events import ActionRefused, InsertRefused, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.shown import Pattern, keep_pattern, order_values, seat_of, sys_id_of, trade_values
from ctp2.tts.terms import INSERT_SUBMITTED, UNKNOWN
from ctp2.tts.values import BEIJING, date_of, number_to_ctp, time_of

SETTLEMENT_ID: Final = 1
INSTALL_ID: Final = 1

ORDER_MEMBERS: Final = (
    *("OrderRef", "LimitPrice", "VolumeTotalOriginal", "RequestID", "OrderLocalID", "TradingDay", "BrokerOrderSeq"),
    *("SessionReqSeq", "OrderStatus", "OrderSubmitStatus", "VolumeTraded", "VolumeTotal", "OrderSysID", "SequenceNo"),
    *("NotifySequence", "InsertDate", "InsertTime", "ActiveTraderID", "OrderSource", "OrderType"),
    *("ZCETotalTradedVolume", "CancelTime", "ActiveUserID", "StatusMsg"),
)
"""Members of ``OnRtnOrder`` that are the order's and the event's own, in the order of ``shown.order_values``."""
TRADE_MEMBERS: Final = (
    *("OrderRef", "TradeID", "OrderSysID", "Price", "Volume", "TradeDate", "TradeTime", "OrderLocalID", "SequenceNo"),
    *("TradingDay", "BrokerOrderSeq"),
)
"""The same of ``OnRtnTrade`` and ``shown.trade_values``."""

_BROKER: Final = codes.ECHO_FIELDS.index("BrokerID")
_CLIENT: Final = codes.ECHO_FIELDS.index("ClientID")
_UNIT: Final = codes.ECHO_FIELDS.index("InvestUnitID")


# ------------------------------------------------------------------ orders
def order_from_ctp(
    field: CThostFtdcInputOrderField,
    now_ns: int,
    front_id: int,
    session_id: int,
    account_id: str,
    product_info: str = "",
) -> InsertOrder:
    """``ReqOrderInsert`` as a command of the session's account; UserID is the login's, whatever was sent (spec 3.7)."""
    return InsertOrder(
        now_ns,
        front_id,
        session_id,
        account_id,
        field.InvestorID,
        account_id,
        field.ExchangeID,
        field.InstrumentID,
        field.OrderRef,
        field.Direction,
        field.CombOffsetFlag,
        field.LimitPrice,
        field.VolumeTotalOriginal,
        field.OrderPriceType,
        field.TimeCondition,
        field.VolumeCondition,
        field.MinVolume,
        field.ContingentCondition,
        field.StopPrice,
        field.CombHedgeFlag,
        field.ForceCloseReason,
        field.IsAutoSuspend,
        field.IsSwapOrder,
        field.UserForceClose,
        field.SessionReqSeq,
        field.RequestID,
        (
            field.BrokerID,
            field.GTDDate,
            field.InvestUnitID,
            field.AccountID,
            field.CurrencyID,
            field.ClientID,
            field.MacAddress,
            field.IPAddress,
            field.OrderMemo,
            field.BusinessUnit,
            product_info,
        ),
    )


def cancel_from_ctp(field: CThostFtdcInputOrderActionField, now_ns: int, account_id: str) -> CancelOrder:
    """``ReqOrderAction`` as a command of the session's account."""
    return CancelOrder(
        now_ns,
        account_id,
        field.InvestorID,
        account_id,
        field.ExchangeID,
        field.InstrumentID,
        field.OrderSysID,
        field.FrontID,
        field.SessionID,
        field.OrderRef,
        field.ActionFlag,
        field.OrderActionRef,
        field.RequestID,
        (
            field.BrokerID,
            "",
            field.InvestUnitID,
            "",
            "",
            "",
            field.MacAddress,
            field.IPAddress,
            field.OrderMemo,
            "",
            "",
        ),
    )


def input_order_to_ctp(event: InsertRefused) -> CThostFtdcInputOrderField:
    """The refused order as it was sent: the echo of ``OnErrRtnOrderInsert``."""
    terms = event.terms
    echo = dict(zip(codes.ECHO_FIELDS[:-1], terms.echo, strict=False))
    record = CThostFtdcInputOrderField()
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
    record.IsSwapOrder = terms.is_swap
    record.ExchangeID = terms.exchange
    record.InstrumentID = terms.instrument
    record.SessionReqSeq = terms.session_req_seq
    for name, value in echo.items():
        setattr(record, name, value)
    return record


def _order_pattern(order: Order) -> CThostFtdcOrderField:
    """The part of a record that all orders of one kind share (spec 3.7)."""
    terms = order.terms
    contract = order.contract
    broker, gtd, unit, account, currency, client, mac, address, memo, _, product_info = terms.echo
    seat = seat_of(broker)
    # The flag that was converted for the exchange shows in the returns; what was sent in longer flags stays (spec 3.1).
    sent = terms.comb_offset
    offset = sent if contract.profile.echoes_offset or contract.is_security else order.offset + sent[1:]
    record = CThostFtdcOrderField()
    record.BrokerID = broker
    record.InvestorID = order.account.account_id
    record.UserID = terms.user_id
    record.OrderPriceType = terms.price_type
    record.Direction = terms.direction
    record.CombOffsetFlag = offset
    record.CombHedgeFlag = terms.comb_hedge
    record.TimeCondition = terms.time_condition
    record.GTDDate = gtd
    record.VolumeCondition = terms.volume_condition
    record.MinVolume = terms.min_volume
    record.ContingentCondition = terms.contingent
    record.StopPrice = terms.stop_price
    record.ForceCloseReason = terms.force_close_reason
    record.IsAutoSuspend = terms.is_auto_suspend
    record.BusinessUnit = seat
    record.ExchangeID = contract.exchange
    record.ParticipantID = broker
    record.ClientID = client or order.account.account_id[:10]
    record.TraderID = seat
    record.InstallID = INSTALL_ID
    record.SettlementID = SETTLEMENT_ID
    record.FrontID = terms.front_id
    record.SessionID = terms.session_id
    record.UserProductInfo = product_info
    record.UserForceClose = terms.user_force_close
    record.IsSwapOrder = terms.is_swap
    record.InvestUnitID = unit
    record.AccountID = account
    record.CurrencyID = currency or contract.currency
    record.MacAddress = mac
    record.InstrumentID = contract.code
    record.ExchangeInstID = contract.instrument.exchange_code
    record.IPAddress = address
    record.OrderMemo = memo
    return record


def _trade_pattern(order: Order) -> CThostFtdcTradeField:
    """The part of a record that the fills of all orders of one kind share (spec 3.9)."""
    terms, contract = order.terms, order.contract
    profile = contract.profile
    broker = terms.echo[_BROKER]
    record = CThostFtdcTradeField()
    record.BrokerID = broker
    record.InvestorID = order.account.account_id
    record.UserID = terms.user_id
    record.ExchangeID = contract.exchange
    record.Direction = terms.direction
    record.ParticipantID = broker
    record.ClientID = terms.echo[_CLIENT] or order.account.account_id[:10]
    record.TradingRole = "" if profile.empty_codes else "1"
    record.OffsetFlag = terms.comb_offset[:1] if profile.echoes_offset or contract.is_security else order.offset
    record.HedgeFlag = order.hedge
    record.TradeType = "" if profile.empty_codes else "0"
    record.PriceSource = "" if profile.empty_codes else "0"
    record.TraderID = seat_of(broker)
    record.ClearingPartID = broker
    record.SettlementID = SETTLEMENT_ID
    record.TradeSource = "0"
    record.InvestUnitID = terms.echo[_UNIT]
    record.InstrumentID = contract.code
    record.ExchangeInstID = contract.instrument.exchange_code
    return record


def _new_pattern(order: Order) -> Pattern:
    return keep_pattern(order, _order_pattern(order), _trade_pattern(order))


def order_to_ctp(event: OrderReport) -> CThostFtdcOrderField:
    """One state of an order as ``OnRtnOrder`` shows it (spec 3.7)."""
    (
        pattern,
        order_ref,
        price,
        volume,
        request_id,
        local_id,
        trading_day,
        order_id,
        req_seq,
        status,
        submit,
        traded,
        left,
        sys_id,
        sequence_no,
        notify,
        insert_date,
        insert_time,
        active_seat,
        order_code,
        order_type,
        announced,
        cancel_time,
        active_user,
        reason,
        is_rare,
    ) = order_values(event)
    if pattern is None:
        pattern = _new_pattern(event.order)
    record: CThostFtdcOrderField = pattern.order.__copy__()
    record.OrderRef = order_ref
    record.LimitPrice = price
    record.VolumeTotalOriginal = volume
    record.RequestID = request_id
    record.OrderLocalID = local_id
    record.TradingDay = trading_day
    record.BrokerOrderSeq = order_id
    record.SessionReqSeq = req_seq
    record.OrderStatus = status
    record.OrderSubmitStatus = submit
    record.VolumeTraded = traded
    record.VolumeTotal = left
    record.OrderSysID = sys_id
    record.SequenceNo = sequence_no
    record.NotifySequence = notify
    record.InsertDate = insert_date
    record.InsertTime = insert_time
    record.ActiveTraderID = active_seat
    record.OrderSource = order_code
    record.OrderType = order_type
    record.ZCETotalTradedVolume = announced
    record.CancelTime = cancel_time
    record.ActiveUserID = active_user
    if status == UNKNOWN:
        record.StatusMsg = codes.SUBMIT_TEXT[INSERT_SUBMITTED]
    elif reason:
        record.StatusMsg = status_message(event.order, status, submit, reason)
    else:
        record.StatusMsg = codes.STATUS_TEXT[status] + codes.SUBMIT_TEXT[submit]
    if is_rare:
        _show_rare(record, event.order)
    return record


def order_parts(event: OrderReport) -> tuple[CThostFtdcOrderField, tuple[Any, ...]] | None:
    """What :func:`order_to_ctp` makes a record of: the pattern, and the values of ``ORDER_MEMBERS``; None: not all."""
    values = order_values(event)
    pattern, reason = values[0], values[24]
    if values[25]:
        return None
    if pattern is None:
        pattern = _new_pattern(event.order)
    status, submit = values[9], values[10]
    if status == UNKNOWN:
        message = codes.SUBMIT_TEXT[INSERT_SUBMITTED]
    else:
        message = status_message(event.order, status, submit, reason)
    return pattern.order, (*values[1:24], message)


def _show_rare(record: CThostFtdcOrderField, order: Order) -> None:
    """What conditional orders (3.11), orders that the counter released and swaps show beyond an ordinary one."""
    terms = order.terms
    if order.sys_id < 0:
        record.OrderType = codes.CONDITIONAL_ORDER
    elif terms.is_swap and record.OrderType:
        record.OrderType = codes.SWAP_ORDER
    if isinstance(terms, ReleasedOrder):
        record.RelativeOrderSysID = terms.origin


def status_message(order: Order, status: str, submit: str, reason: int) -> str:
    """StatusMsg: status text + submit text + the exchange's message (spec 3.8)."""
    text = codes.STATUS_TEXT[status] + codes.SUBMIT_TEXT[submit]
    return text + exchange_message(order.contract.exchange, reason) if reason else text


def exchange_message(exchange: str, reason: int) -> str:
    """An exchange's reason in its words, such as ``SHFE:价格跌破跌停板``."""
    text = codes.EXCHANGE_TEXT_OF.get((exchange, reason)) or codes.EXCHANGE_TEXT.get(reason)
    return f"{exchange}:{text or codes.FAULT_TEXT.get(reason, '')}"


def order_now(order: Order) -> OrderReport:
    """The order's last state as an event, for ``ReqQryOrder``."""
    return OrderReport(
        order,
        order.status,
        order.submit,
        order.traded,
        order.sys_id,
        order.sequence_no,
        order.exchange_ns,
        order.cancel_ns,
        order.active_user,
        order.reason,
        0,
        0,
        0,
        order.price,
        order.traded,
        order.insert_ns,
    )


def failed_condition_to_ctp(event: ConditionFailed) -> CThostFtdcErrorConditionalOrderField:
    """A touched condition whose order CTP refused: its last state, and why (spec 3.11)."""
    shown = order_to_ctp(order_now(event.order))
    record = CThostFtdcErrorConditionalOrderField()
    for name in record.__struct_fields__:
        if hasattr(shown, name):
            setattr(record, name, getattr(shown, name))
    record.ErrorID = event.error_id
    record.ErrorMsg = prompt(event.error_id)
    return record


def trade_to_ctp(event: TradeDone) -> CThostFtdcTradeField:
    """A fill as ``OnRtnTrade`` shows it (spec 3.9)."""
    (
        pattern,
        order_ref,
        trade_id,
        sys_id,
        price,
        volume,
        date,
        time,
        local_id,
        sequence_no,
        trading_day,
        order_id,
    ) = trade_values(event)
    if pattern is None:
        pattern = _new_pattern(event.order)
    record: CThostFtdcTradeField = pattern.trade.__copy__()
    record.OrderRef = order_ref
    record.TradeID = trade_id
    record.OrderSysID = sys_id
    record.Price = price
    record.Volume = volume
    record.TradeDate = date
    record.TradeTime = time
    record.OrderLocalID = local_id
    record.SequenceNo = sequence_no
    record.TradingDay = trading_day
    record.BrokerOrderSeq = order_id
    return record


def trade_parts(event: TradeDone) -> tuple[CThostFtdcTradeField, tuple[Any, ...]]:
    """What :func:`trade_to_ctp` makes a record of: the pattern, and the values of ``TRADE_MEMBERS``."""
    values = trade_values(event)
    pattern = values[0]
    if pattern is None:
        pattern = _new_pattern(event.order)
    return pattern.trade, values[1:]


def order_action_to_ctp(event: ActionRefused) -> CThostFtdcOrderActionField:
    """A refused cancel as ``OnErrRtnOrderAction`` shows it (spec 4)."""
    command, order = event.command, event.order
    field = CThostFtdcOrderActionField()
    field.BrokerID = command.echo[_BROKER]
    field.InvestorID = command.investor_id
    field.OrderActionRef = command.action_ref
    field.OrderRef = command.order_ref
    field.RequestID = command.request_id
    field.FrontID = command.front_id
    field.SessionID = command.session_id
    field.ExchangeID = command.exchange
    field.OrderSysID = command.order_sys_id
    field.ActionFlag = command.action_flag
    zone = order.contract.zone if order is not None else event.zone or BEIJING
    field.ActionDate = date_of(command.now_ns, zone)
    field.ActionTime = time_of(command.now_ns, zone)
    field.InstallID = INSTALL_ID
    field.OrderActionStatus = "c" if event.reason else "a"
    field.UserID = command.user_id
    field.InvestUnitID = command.echo[2]
    field.MacAddress = command.echo[6]
    field.IPAddress = command.echo[7]
    field.OrderMemo = command.echo[8]
    field.InstrumentID = command.instrument
    if order is not None:
        field.OrderLocalID = number_to_ctp(order.order_id)
        field.TraderID = seat_of(order.terms.echo[_BROKER])
        field.BusinessUnit = field.TraderID
        field.ParticipantID = order.terms.echo[_BROKER]
        field.ClientID = order.terms.echo[_CLIENT] or order.account.account_id[:10]
        field.OrderSysID = sys_id_of(order)
    if event.reason and order is not None:
        field.ActionLocalID = number_to_ctp(order.order_id)
        field.StatusMsg = exchange_message(order.contract.exchange, event.reason)
    return field


_OWN: Final = frozenset(("OrderRef", "OrderLocalID", "OrderSysID", "TradeID"))
RECIPES: Final[dict[Builder, Recipe]] = {
    order_to_ctp: Recipe("OnRtnOrder", ORDER_MEMBERS, _OWN, order_parts),
    trade_to_ctp: Recipe("OnRtnTrade", TRADE_MEMBERS, _OWN, trade_parts),
}
"""How a server packs the returns of orders."""
