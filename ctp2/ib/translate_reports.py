"""Orders, trades and refused actions as CTP's records (spec ib 5.3–5.5). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ctp2.core.unsupported import convert
from ctp2.ctp import structs
from ctp2.ib import codes_orders as codes
from ctp2.ib.hours import trading_day
from ctp2.ib.identity import sys_id
from ctp2.ib.zones import wall, zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ctp2.ib.order_state import Order, Shown
    from ctp2.ib.records import Execution
    from ctp2.ib.resolved import Resolved

_NS: Final = 1_000_000_000
_CLIENT_BYTES: Final = 10
_SETTLEMENT: Final = 1
_INSTALL: Final = 1
_PARTICIPANT: Final = "0"
_ACTION_REJECTED: Final = "c"
_BROKER_ROLE: Final = "1"
_COMMON: Final = "0"


def clock_of(resolved: Resolved, tz: str) -> ZoneInfo:
    """The zone of an instrument's times: its exchange's, or the one of the option ``tz``."""
    return zone_of(tz) if tz else resolved.zone


def day_of(resolved: Resolved, instant_ns: int) -> str:
    """TradingDay of an order or a trade (5.8)."""
    return trading_day(resolved.trading, resolved.zone, instant_ns)[0]


def order_to_ctp(order: Order, shown: Shown, zone: ZoneInfo, sequence: int) -> Any:
    """``OnRtnOrder``: the client's own words, and what became of them."""
    resolved: Resolved = order.listing
    field = convert(order.request, "CThostFtdcOrderField")
    field.InvestorID = field.AccountID = order.account
    field.OrderRef = field.OrderRef or order.key.order_ref
    field.FrontID, field.SessionID = order.key.front_id, order.key.session_id
    field.LimitPrice, field.StopPrice = shown.terms.price, shown.terms.stop
    field.VolumeTotalOriginal = shown.terms.volume
    field.VolumeTraded = shown.traded
    field.VolumeTotal = max(shown.terms.volume - shown.traded, 0)
    field.OrderStatus, field.OrderSubmitStatus, field.StatusMsg = shown.status, shown.submit, shown.text
    field.OrderSysID = sys_id(shown.perm_id)
    field.OrderLocalID = local_id(order)
    field.OrderType = codes.CONDITIONAL_ORDER if order.is_conditional else codes.NORMAL_ORDER
    field.OrderSource = _PARTICIPANT
    field.ExchangeID = resolved.exchange_id
    field.ExchangeInstID = resolved.contract.local_symbol
    field.ParticipantID = field.BrokerID
    field.ClientID = order.account[:_CLIENT_BYTES]
    field.InstallID, field.SettlementID = _INSTALL, _SETTLEMENT
    field.TradingDay = order.trading_day
    field.InsertDate, field.InsertTime = wall(zone, order.sent_ns // _NS)
    field.UpdateTime = wall(zone, order.update_ns // _NS)[1]
    if shown.status == codes.CANCELLED and order.cancel_ns:
        field.CancelTime = wall(zone, order.cancel_ns // _NS)[1]
    field.BrokerOrderSeq = order.seq
    field.SequenceNo = field.NotifySequence = sequence
    return field


def local_id(order: Order) -> str:
    """OrderLocalID: TWS's order id; empty for what has none."""
    return str(order.order_id)[-12:] if order.order_id else ""


def trade_to_ctp(
    order: Order, execution: Execution, zone: ZoneInfo, *, trade_id: str, offset: str, volume: int, sequence: int
) -> Any:
    """``OnRtnTrade``: an execution, or the closing or opening part of one."""
    resolved: Resolved = order.listing
    request = order.request
    day, time = wall(zone, execution.time_ns // _NS)
    return structs.CThostFtdcTradeField(
        BrokerID=request.BrokerID,
        InvestorID=order.account,
        OrderRef=request.OrderRef or order.key.order_ref,
        UserID=request.UserID,
        ExchangeID=resolved.exchange_id,
        TradeID=trade_id,
        Direction=codes.DIRECTION_OF_SIDE.get(execution.side, order.direction),
        OrderSysID=sys_id(order.perm_id),
        ParticipantID=request.BrokerID,
        ClientID=order.account[:_CLIENT_BYTES],
        TradingRole=_BROKER_ROLE,
        OffsetFlag=offset,
        HedgeFlag=order.hedge,
        Price=execution.price,
        Volume=volume,
        TradeDate=day,
        TradeTime=time,
        TradeType=_COMMON,
        PriceSource=_COMMON,
        OrderLocalID=local_id(order),
        BusinessUnit=request.BusinessUnit,
        SequenceNo=sequence,
        TradingDay=day_of(resolved, execution.time_ns),
        SettlementID=_SETTLEMENT,
        BrokerOrderSeq=order.seq,
        TradeSource=_COMMON,
        InvestUnitID=request.InvestUnitID,
        InstrumentID=request.InstrumentID,
        ExchangeInstID=resolved.contract.local_symbol,
    )


def action_to_ctp(field: Any, order: Order, zone: ZoneInfo, now_ns: int, text: str) -> Any:
    """``OnErrRtnOrderAction``: a refused action, with what is known of its order."""
    made = convert(field, "CThostFtdcOrderActionField")
    made.ActionDate, made.ActionTime = wall(zone, now_ns // _NS)
    made.InstallID = _INSTALL
    made.OrderActionStatus = _ACTION_REJECTED
    made.OrderLocalID = local_id(order)
    made.OrderSysID = sys_id(order.perm_id) or made.OrderSysID
    made.OrderRef = made.OrderRef or order.key.order_ref
    made.ExchangeID = order.listing.exchange_id
    made.ParticipantID = made.BrokerID
    made.ClientID = order.account[:_CLIENT_BYTES]
    made.StatusMsg = text
    return made
