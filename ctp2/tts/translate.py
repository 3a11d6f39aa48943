"""Pure translation between CTP structs and the counter's domain: no state, no clock, no I/O.

Records are built when somebody reads them: the unchanging part of an order's record is kept on the order
(``Order.record``), each return is a copy of it with the fields of its event.
"""

from __future__ import annotations

from typing import Final

from ctp2.ctp.structs import (
    CThostFtdcInputOrderActionField,
    CThostFtdcInputOrderField,
    CThostFtdcOrderActionField,
    CThostFtdcOrderField,
    CThostFtdcTradeField,
)
from ctp2.tts import codes
from ctp2.tts.commands import CancelOrder, InsertOrder
from ctp2.tts.events import ActionRefused, InsertRefused, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.terms import ACCEPTED, INSERT_SUBMITTED, UNKNOWN
from ctp2.tts.values import (
    date_of,
    number_to_ctp,
    shared_echo,
    time_of,
)

SETTLEMENT_ID: Final = 1
INSTALL_ID: Final = 1

_BROKER: Final = codes.ECHO_FIELDS.index("BrokerID")
_CLIENT: Final = codes.ECHO_FIELDS.index("ClientID")


def seat_of(terms: InsertOrder | CancelOrder) -> str:
    """TraderID: the seat that reports to the exchange."""
    return f"{terms.echo[_BROKER] or 'ctp2'}cac"


# ------------------------------------------------------------------ orders
def order_from_ctp(
    field: CThostFtdcInputOrderField,
    now_ns: int,
    front_id: int,
    session_id: int,
    account_id: str,
    product_info: str = "",
) -> InsertOrder:
    """``ReqOrderInsert`` as a command of the session's account; an empty UserID is the login's (spec 3.1 [SIM])."""
    return InsertOrder(
        now_ns,
        front_id,
        session_id,
        account_id,
        field.InvestorID,
        field.UserID or account_id,
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
        shared_echo(
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
            )
        ),
    )


def cancel_from_ctp(field: CThostFtdcInputOrderActionField, now_ns: int, account_id: str) -> CancelOrder:
    """``ReqOrderAction`` as a command of the session's account."""
    return CancelOrder(
        now_ns,
        account_id,
        field.InvestorID,
        field.UserID or account_id,
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


def _order_base(order: Order) -> CThostFtdcOrderField:
    """The part of an order's record that never changes (spec 3.7)."""
    terms = order.terms
    contract = order.contract
    broker, gtd, unit, account, currency, client, mac, address, memo, _, product_info = terms.echo
    seat = seat_of(terms)
    # The flag that was converted for the exchange shows in the returns; what was sent in longer flags stays (spec 3.1).
    sent = terms.comb_offset
    offset = sent if contract.profile.echoes_offset else order.offset + sent[1:]
    record = CThostFtdcOrderField()
    record.BrokerID = broker
    record.InvestorID = order.account.account_id
    record.OrderRef = order.order_ref
    record.UserID = terms.user_id
    record.OrderPriceType = terms.price_type
    record.Direction = terms.direction
    record.CombOffsetFlag = offset
    record.CombHedgeFlag = terms.comb_hedge
    record.LimitPrice = terms.price
    record.VolumeTotalOriginal = terms.volume
    record.TimeCondition = terms.time_condition
    record.GTDDate = gtd
    record.VolumeCondition = terms.volume_condition
    record.MinVolume = terms.min_volume
    record.ContingentCondition = terms.contingent
    record.StopPrice = terms.stop_price
    record.ForceCloseReason = terms.force_close_reason
    record.IsAutoSuspend = terms.is_auto_suspend
    record.BusinessUnit = seat
    record.RequestID = terms.request_id
    record.OrderLocalID = number_to_ctp(order.order_id)
    record.ExchangeID = contract.exchange
    record.ParticipantID = broker
    record.ClientID = client or order.account.account_id[:10]
    record.TraderID = seat
    record.InstallID = INSTALL_ID
    record.TradingDay = order.trading_day
    record.SettlementID = SETTLEMENT_ID
    record.OrderSource = "0"
    record.OrderType = "0"
    record.FrontID = terms.front_id
    record.SessionID = terms.session_id
    record.UserProductInfo = product_info
    record.UserForceClose = terms.user_force_close
    record.BrokerOrderSeq = order.order_id
    record.IsSwapOrder = terms.is_swap
    record.InvestUnitID = unit
    record.AccountID = account
    record.CurrencyID = currency or contract.currency
    record.MacAddress = mac
    record.InstrumentID = contract.code
    record.ExchangeInstID = contract.instrument.exchange_code
    record.IPAddress = address
    record.OrderMemo = memo
    record.SessionReqSeq = terms.session_req_seq
    record.InsertDate = date_of(order.insert_ns)
    record.InsertTime = time_of(order.insert_ns)
    record.StatusMsg = codes.SUBMIT_TEXT[INSERT_SUBMITTED]
    return record


def order_to_ctp(event: OrderReport) -> CThostFtdcOrderField:
    """One state of an order as ``OnRtnOrder`` shows it (spec 3.7)."""
    order = event.order
    base = order.record
    if base is None:
        base = order.record = _order_base(order)
    assert isinstance(base, CThostFtdcOrderField)
    record = base.__copy__()
    status = event.status
    record.OrderStatus = status
    record.OrderSubmitStatus = event.submit
    record.VolumeTraded = event.traded
    record.VolumeTotal = order.volume - event.traded
    if event.sys_id:
        _show_answer(record, order, event)
    if status != UNKNOWN:
        record.StatusMsg = status_message(order, status, event.submit, event.reason)
        record.CancelTime = time_of(event.cancel_ns)
        order.record = None  # what follows comes later, and orders are many
    if event.active_user:
        record.ActiveUserID = event.active_user
    return record


def _show_answer(record: CThostFtdcOrderField, order: Order, event: OrderReport) -> None:
    """What the exchange's answer fills in, per exchange (spec 3.5)."""
    profile = order.contract.profile
    record.OrderSysID = str(event.sys_id).rjust(12)
    record.SequenceNo = event.sequence_no
    record.NotifySequence = 0 if event.submit == INSERT_SUBMITTED else 1
    record.InsertDate = order.trading_day if profile.trading_day_dates else date_of(event.exchange_ns)
    record.InsertTime = time_of(event.exchange_ns)
    if profile.seat_in_active:
        record.ActiveTraderID = record.TraderID
    if profile.empty_codes and event.submit == ACCEPTED:
        record.OrderSource = ""
        record.OrderType = ""
    if profile.trade_date_only:
        record.ZCETotalTradedVolume = event.announced


def status_message(order: Order, status: str, submit: str, reason: int) -> str:
    """StatusMsg: status text + submit text + the exchange's message (spec 3.8)."""
    text = codes.STATUS_TEXT[status] + codes.SUBMIT_TEXT[submit]
    return text + exchange_message(order.contract.exchange, reason) if reason else text


def exchange_message(exchange: str, reason: int) -> str:
    """An exchange's reason in its words, such as ``SHFE:价格跌破跌停板``."""
    return f"{exchange}:{codes.EXCHANGE_TEXT_OF.get((exchange, reason), codes.EXCHANGE_TEXT[reason])}"


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


def trade_to_ctp(event: TradeDone) -> CThostFtdcTradeField:
    """A fill as ``OnRtnTrade`` shows it (spec 3.9)."""
    order = event.order
    terms, contract = order.terms, order.contract
    profile = contract.profile
    seat = seat_of(terms)
    broker = terms.echo[_BROKER]
    on_trading_day = profile.trading_day_dates or profile.trade_date_only
    record = CThostFtdcTradeField()
    record.BrokerID = broker
    record.InvestorID = order.account.account_id
    record.OrderRef = order.order_ref
    record.UserID = terms.user_id
    record.ExchangeID = contract.exchange
    record.TradeID = number_to_ctp(event.trade_id)
    record.Direction = terms.direction
    record.OrderSysID = number_to_ctp(order.sys_id)
    record.ParticipantID = broker
    record.ClientID = terms.echo[_CLIENT] or order.account.account_id[:10]
    record.TradingRole = "" if profile.empty_codes else "1"
    record.OffsetFlag = terms.comb_offset[:1] if profile.echoes_offset else order.offset
    record.HedgeFlag = order.hedge
    record.Price = event.price / contract.price_scale
    record.Volume = event.volume
    record.TradeDate = event.trading_day if on_trading_day else date_of(event.now_ns)
    record.TradeTime = time_of(event.now_ns)
    record.TradeType = "" if profile.empty_codes else "0"
    record.PriceSource = "" if profile.empty_codes else "0"
    record.TraderID = seat
    record.OrderLocalID = number_to_ctp(order.order_id)
    record.ClearingPartID = broker
    record.SequenceNo = event.sequence_no
    record.TradingDay = event.trading_day
    record.SettlementID = SETTLEMENT_ID
    record.BrokerOrderSeq = order.order_id
    record.TradeSource = "0"
    record.InvestUnitID = terms.echo[2]
    record.InstrumentID = contract.code
    record.ExchangeInstID = contract.instrument.exchange_code
    return record


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
    field.ActionDate = date_of(command.now_ns)
    field.ActionTime = time_of(command.now_ns)
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
        field.TraderID = seat_of(order.terms)
        field.BusinessUnit = field.TraderID
        field.ParticipantID = order.terms.echo[_BROKER]
        field.ClientID = order.terms.echo[_CLIENT] or order.account.account_id[:10]
        field.OrderSysID = number_to_ctp(order.sys_id)
    if event.reason and order is not None:
        field.ActionLocalID = number_to_ctp(order.order_id)
        field.StatusMsg = exchange_message(order.contract.exchange, event.reason)
    return field
