"""Pure translation between CTP structs and the counter's domain: no state, no clock, no I/O.

Records are built when somebody reads them: the unchanging part of an order's record is kept on the order
(``Order.record``), each return is a copy of it with the fields of its event.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ctp2.ctp.structs import (
    CThostFtdcDepthMarketDataField,
    CThostFtdcInputOrderActionField,
    CThostFtdcInputOrderField,
    CThostFtdcInstrumentField,
    CThostFtdcInvestorPositionDetailField,
    CThostFtdcInvestorPositionField,
    CThostFtdcOrderActionField,
    CThostFtdcOrderField,
    CThostFtdcTradeField,
    CThostFtdcTradingAccountField,
)
from ctp2.refdata.models import Instrument
from ctp2.refdata.ticks import DBL_MAX, Tick
from ctp2.tts import codes
from ctp2.tts.account import Account, Purse
from ctp2.tts.commands import CancelOrder, InsertOrder
from ctp2.tts.contract import Contract
from ctp2.tts.events import ActionRefused, InsertRefused, OrderReport, TradeDone
from ctp2.tts.money import MICRO, RATE
from ctp2.tts.orders import Order
from ctp2.tts.position import Lot, PositionRow
from ctp2.tts.terms import ACCEPTED, INSERT_SUBMITTED, LONG, NO_PRICE, UNKNOWN

SETTLEMENT_ID: Final = 1
INSTALL_ID: Final = 1

_BROKER: Final = codes.ECHO_FIELDS.index("BrokerID")
_CLIENT: Final = codes.ECHO_FIELDS.index("ClientID")
_SHANGHAI_SECONDS: Final = 8 * 3600
"""China and Hong Kong have had no summer time since 1991 and 1979."""


# ------------------------------------------------------------------ single values
@lru_cache(maxsize=4096)
def _stamp(second: int) -> tuple[str, str]:
    """Beijing date ``YYYYMMDD`` and time ``HH:MM:SS`` of a UTC second."""
    days, rest = divmod(second + _SHANGHAI_SECONDS, 86400)
    year, month, day = _civil(days)
    return f"{year:04d}{month:02d}{day:02d}", f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def _civil(days: int) -> tuple[int, int, int]:
    from datetime import date

    found = date.fromordinal(days + 719163)
    return found.year, found.month, found.day


def date_of(now_ns: int) -> str:
    """Beijing date of an instant; empty for 0 (never)."""
    return _stamp(now_ns // 1_000_000_000)[0] if now_ns else ""


def time_of(now_ns: int) -> str:
    """Beijing wall time of an instant; empty for 0 (never)."""
    return _stamp(now_ns // 1_000_000_000)[1] if now_ns else ""


def number_to_ctp(number: int) -> str:
    """OrderSysID, OrderLocalID, TradeID: decimal, width 12, right aligned; empty for 0."""
    return str(number).rjust(12) if number else ""


def price_to_ctp(units: int, price_scale: int) -> float:
    """A price in units as CTP's double; absent is DBL_MAX."""
    return DBL_MAX if units == NO_PRICE else units / price_scale


def price_from_ctp(price: float, price_scale: int) -> int:
    """A double of market data in price units; DBL_MAX is absent."""
    return NO_PRICE if price == DBL_MAX else round(price * price_scale)


def money_to_ctp(micro: int) -> float:
    """Micro-units as CTP's double."""
    return micro / MICRO


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
    return CThostFtdcInputOrderField(
        InvestorID=terms.investor_id,
        OrderRef=terms.order_ref,
        UserID=terms.user_id,
        OrderPriceType=terms.price_type,
        Direction=terms.direction,
        CombOffsetFlag=terms.comb_offset,
        CombHedgeFlag=terms.comb_hedge,
        LimitPrice=terms.price,
        VolumeTotalOriginal=terms.volume,
        TimeCondition=terms.time_condition,
        VolumeCondition=terms.volume_condition,
        MinVolume=terms.min_volume,
        ContingentCondition=terms.contingent,
        StopPrice=terms.stop_price,
        ForceCloseReason=terms.force_close_reason,
        IsAutoSuspend=terms.is_auto_suspend,
        RequestID=terms.request_id,
        UserForceClose=terms.user_force_close,
        IsSwapOrder=terms.is_swap,
        ExchangeID=terms.exchange,
        InstrumentID=terms.instrument,
        SessionReqSeq=terms.session_req_seq,
        **echo,
    )


def _order_base(order: Order) -> CThostFtdcOrderField:
    """The part of an order's record that never changes (spec 3.7)."""
    terms = order.terms
    contract = order.contract
    broker, gtd, unit, account, currency, client, mac, address, memo, _, product_info = terms.echo
    seat = seat_of(terms)
    # The flag that was converted for the exchange shows in the returns; what was sent in longer flags stays (spec 3.1).
    sent = terms.comb_offset
    offset = sent if contract.uses_history or contract.is_security else order.offset + sent[1:]
    return CThostFtdcOrderField(
        BrokerID=broker,
        InvestorID=order.account.account_id,
        OrderRef=order.order_ref,
        UserID=terms.user_id,
        OrderPriceType=terms.price_type,
        Direction=terms.direction,
        CombOffsetFlag=offset,
        CombHedgeFlag=terms.comb_hedge,
        LimitPrice=terms.price,
        VolumeTotalOriginal=terms.volume,
        TimeCondition=terms.time_condition,
        GTDDate=gtd,
        VolumeCondition=terms.volume_condition,
        MinVolume=terms.min_volume,
        ContingentCondition=terms.contingent,
        StopPrice=terms.stop_price,
        ForceCloseReason=terms.force_close_reason,
        IsAutoSuspend=terms.is_auto_suspend,
        BusinessUnit=seat,
        RequestID=terms.request_id,
        OrderLocalID=number_to_ctp(order.order_id),
        ExchangeID=contract.exchange,
        ParticipantID=broker,
        ClientID=client or order.account.account_id[:10],
        TraderID=seat,
        InstallID=INSTALL_ID,
        TradingDay=order.trading_day,
        SettlementID=SETTLEMENT_ID,
        OrderSource="0",
        OrderType="0",
        FrontID=terms.front_id,
        SessionID=terms.session_id,
        UserProductInfo=product_info,
        UserForceClose=terms.user_force_close,
        BrokerOrderSeq=order.order_id,
        IsSwapOrder=terms.is_swap,
        InvestUnitID=unit,
        AccountID=account,
        CurrencyID=currency or contract.currency,
        MacAddress=mac,
        InstrumentID=contract.code,
        ExchangeInstID=contract.instrument.exchange_code,
        IPAddress=address,
        OrderMemo=memo,
        SessionReqSeq=terms.session_req_seq,
        InsertDate=date_of(order.insert_ns),
        InsertTime=time_of(order.insert_ns),
        StatusMsg=codes.SUBMIT_TEXT[INSERT_SUBMITTED],
    )


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
        if event.cancel_ns:
            record.CancelTime = time_of(event.cancel_ns)
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
        record.ZCETotalTradedVolume = order.traded


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
    sent = terms.comb_offset[:1]
    return CThostFtdcTradeField(
        BrokerID=broker,
        InvestorID=order.account.account_id,
        OrderRef=order.order_ref,
        UserID=terms.user_id,
        ExchangeID=contract.exchange,
        TradeID=number_to_ctp(event.trade_id),
        Direction=terms.direction,
        OrderSysID=number_to_ctp(order.sys_id),
        ParticipantID=broker,
        ClientID=terms.echo[_CLIENT] or order.account.account_id[:10],
        TradingRole="" if profile.empty_codes else "1",
        OffsetFlag=sent if contract.uses_history or contract.is_security else order.offset,
        HedgeFlag=order.hedge,
        Price=event.price / contract.price_scale,
        Volume=event.volume,
        TradeDate=event.trading_day if on_trading_day else date_of(event.now_ns),
        TradeTime=time_of(event.now_ns),
        TradeType="" if profile.empty_codes else "0",
        PriceSource="" if profile.empty_codes else "0",
        TraderID=seat,
        OrderLocalID=number_to_ctp(order.order_id),
        ClearingPartID=broker,
        SequenceNo=event.sequence_no,
        TradingDay=event.trading_day,
        SettlementID=SETTLEMENT_ID,
        BrokerOrderSeq=order.order_id,
        TradeSource="0",
        InvestUnitID=terms.echo[2],
        InstrumentID=contract.code,
        ExchangeInstID=contract.instrument.exchange_code,
    )


def order_action_to_ctp(event: ActionRefused) -> CThostFtdcOrderActionField:
    """A refused cancel as ``OnErrRtnOrderAction`` shows it (spec 4)."""
    command, order = event.command, event.order
    field = CThostFtdcOrderActionField(
        BrokerID=command.echo[_BROKER],
        InvestorID=command.investor_id,
        OrderActionRef=command.action_ref,
        OrderRef=command.order_ref,
        RequestID=command.request_id,
        FrontID=command.front_id,
        SessionID=command.session_id,
        ExchangeID=command.exchange,
        OrderSysID=command.order_sys_id,
        ActionFlag=command.action_flag,
        ActionDate=date_of(command.now_ns),
        ActionTime=time_of(command.now_ns),
        InstallID=INSTALL_ID,
        OrderActionStatus="c" if event.reason else "a",
        UserID=command.user_id,
        InvestUnitID=command.echo[2],
        MacAddress=command.echo[6],
        IPAddress=command.echo[7],
        OrderMemo=command.echo[8],
        InstrumentID=command.instrument,
    )
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


# ------------------------------------------------------------------ positions and money
def position_to_ctp(
    row: PositionRow, account_id: str, broker_id: str, trading_day: str
) -> CThostFtdcInvestorPositionField:
    """A position row (spec 5.2)."""
    contract = row.contract
    rate = contract.long_rate if row.is_long else contract.short_rate
    last = contract.reference_price()
    return CThostFtdcInvestorPositionField(
        BrokerID=broker_id,
        InvestorID=account_id,
        PosiDirection=row.side,
        HedgeFlag=row.hedge,
        PositionDate="2" if row.is_history else "1",
        YdPosition=row.yd_position,
        Position=row.position,
        LongFrozen=row.frozen_open if row.is_long else row.frozen_close,
        ShortFrozen=row.frozen_close if row.is_long else row.frozen_open,
        LongFrozenAmount=money_to_ctp(row.frozen_open_amount) if row.is_long else 0.0,
        ShortFrozenAmount=0.0 if row.is_long else money_to_ctp(row.frozen_open_amount),
        OpenVolume=row.open_volume,
        CloseVolume=row.close_volume,
        OpenAmount=money_to_ctp(row.open_amount),
        CloseAmount=money_to_ctp(row.close_amount),
        PositionCost=money_to_ctp(row.position_cost),
        PreMargin=money_to_ctp(row.pre_margin),
        UseMargin=money_to_ctp(row.margin),
        FrozenMargin=money_to_ctp(row.frozen_margin),
        FrozenCommission=money_to_ctp(row.frozen_commission),
        CashIn=money_to_ctp(row.cash_in),
        Commission=money_to_ctp(row.commission),
        CloseProfit=money_to_ctp(row.close_profit_by_date),
        PositionProfit=money_to_ctp(row.profit),
        PreSettlementPrice=price_to_ctp(contract.pre_settlement, contract.price_scale),
        SettlementPrice=price_to_ctp(last, contract.price_scale),
        TradingDay=trading_day,
        SettlementID=SETTLEMENT_ID,
        OpenCost=money_to_ctp(row.open_cost),
        ExchangeMargin=money_to_ctp(row.exchange_margin),
        CloseProfitByDate=money_to_ctp(row.close_profit_by_date),
        CloseProfitByTrade=money_to_ctp(row.close_profit_by_trade),
        TodayPosition=row.today_position,
        MarginRateByMoney=rate.by_money / RATE,
        MarginRateByVolume=money_to_ctp(rate.by_volume),
        ExchangeID=contract.exchange,
        InstrumentID=contract.code,
    )


def position_detail_to_ctp(
    row: PositionRow, lot: Lot, account_id: str, broker_id: str, trading_day: str
) -> CThostFtdcInvestorPositionDetailField:
    """A position detail: what is left of one opening trade (spec 5.3)."""
    contract = row.contract
    rate = contract.long_rate if row.is_long else contract.short_rate
    sign = 1 if row.is_long else -1
    mark = lot.last_mark if lot.last_mark != NO_PRICE else contract.reference_price()
    mark = lot.open_price if mark == NO_PRICE else mark
    unit = sign * lot.volume * contract.notional_micro
    return CThostFtdcInvestorPositionDetailField(
        BrokerID=broker_id,
        InvestorID=account_id,
        HedgeFlag=row.hedge,
        Direction="0" if row.side == LONG else "1",
        OpenDate=lot.open_date,
        TradeID=number_to_ctp(lot.trade_id),
        Volume=lot.volume,
        OpenPrice=lot.open_price / contract.price_scale,
        TradingDay=trading_day,
        SettlementID=SETTLEMENT_ID,
        TradeType="0",
        ExchangeID=contract.exchange,
        CloseProfitByDate=money_to_ctp(lot.close_profit_by_date),
        CloseProfitByTrade=money_to_ctp(lot.close_profit_by_trade),
        PositionProfitByDate=money_to_ctp((mark - lot.basis) * unit),
        PositionProfitByTrade=money_to_ctp((mark - lot.open_price) * unit),
        Margin=money_to_ctp(lot.margin),
        ExchMargin=money_to_ctp(lot.exchange_margin),
        MarginRateByMoney=rate.by_money / RATE,
        MarginRateByVolume=money_to_ctp(rate.by_volume),
        LastSettlementPrice=price_to_ctp(contract.pre_settlement, contract.price_scale),
        SettlementPrice=price_to_ctp(mark, contract.price_scale),
        CloseVolume=lot.close_volume,
        CloseAmount=money_to_ctp(lot.close_amount),
        SpecPosiType="#",
        InstrumentID=contract.code,
    )


def account_to_ctp(account: Account, purse: Purse, broker_id: str, trading_day: str) -> CThostFtdcTradingAccountField:
    """One currency row of the trading account (spec 6)."""
    available = purse.available()
    return CThostFtdcTradingAccountField(
        BrokerID=broker_id,
        AccountID=account.account_id,
        PreDeposit=money_to_ctp(purse.pre_balance),
        PreBalance=money_to_ctp(purse.pre_balance),
        PreMargin=money_to_ctp(purse.pre_margin),
        Deposit=money_to_ctp(purse.deposit),
        Withdraw=money_to_ctp(purse.withdraw),
        FrozenMargin=money_to_ctp(purse.frozen_margin),
        FrozenCash=money_to_ctp(purse.frozen_cash),
        FrozenCommission=money_to_ctp(purse.frozen_commission),
        CurrMargin=money_to_ctp(purse.curr_margin),
        CashIn=money_to_ctp(purse.cash_in),
        Commission=money_to_ctp(purse.commission),
        CloseProfit=money_to_ctp(purse.close_profit),
        PositionProfit=money_to_ctp(purse.position_profit + purse.security_profit),
        Balance=money_to_ctp(purse.balance()),
        Available=money_to_ctp(available),
        WithdrawQuota=money_to_ctp(purse.withdraw_quota()),
        TradingDay=trading_day,
        SettlementID=SETTLEMENT_ID,
        ExchangeMargin=money_to_ctp(purse.exchange_margin),
        CurrencyID=purse.currency,
        MortgageableFund=money_to_ctp(available - max(purse.close_profit, 0)),
    )


# ------------------------------------------------------------------ instruments and market data
def instrument_to_ctp(instrument: Instrument) -> CThostFtdcInstrumentField:
    """An instrument's row (spec 8.4)."""
    return CThostFtdcInstrumentField(
        ExchangeID=instrument.exchange,
        InstrumentName=instrument.name,
        ProductClass=codes.PRODUCT_CLASS_TO_CTP[instrument.product_class],
        DeliveryYear=instrument.delivery_year,
        DeliveryMonth=instrument.delivery_month,
        MaxMarketOrderVolume=instrument.max_market_volume,
        MinMarketOrderVolume=instrument.min_market_volume,
        MaxLimitOrderVolume=instrument.max_limit_volume,
        MinLimitOrderVolume=instrument.min_limit_volume,
        VolumeMultiple=instrument.multiplier,
        PriceTick=float(instrument.price_tick),
        CreateDate=instrument.create_date,
        OpenDate=instrument.open_date,
        ExpireDate=instrument.expire_date,
        StartDelivDate=instrument.start_deliv_date,
        EndDelivDate=instrument.end_deliv_date,
        InstLifePhase="1",
        IsTrading=int(instrument.is_trading),
        PositionType="2",
        PositionDateType="1" if instrument.uses_history else "2",
        LongMarginRatio=float(instrument.long_margin_ratio),
        ShortMarginRatio=float(instrument.short_margin_ratio),
        MaxMarginSideAlgorithm="1" if instrument.larger_side else "0",
        StrikePrice=DBL_MAX if instrument.strike is None else float(instrument.strike),
        OptionsType=codes.OPTION_TYPE_TO_CTP[instrument.option_type],
        UnderlyingMultiple=DBL_MAX if instrument.underlying_multiple is None else float(instrument.underlying_multiple),
        CombinationType="0",
        InstrumentID=instrument.code,
        ExchangeInstID=instrument.exchange_code,
        ProductID=instrument.product,
        UnderlyingInstrID=instrument.underlying,
    )


def tick_to_ctp(
    tick: Tick, contract: Contract, trading_day: str, with_exchange: bool = False
) -> CThostFtdcDepthMarketDataField:
    """A snapshot (spec 9.3). ExchangeID is empty on the futures front and filled for securities and in queries."""
    last = tick.last
    if last == DBL_MAX:
        last = tick.pre_settlement  # before the first trade [SIM]
    return CThostFtdcDepthMarketDataField(
        TradingDay=trading_day,
        ExchangeID=contract.exchange if with_exchange or contract.is_security else "",
        LastPrice=last,
        PreSettlementPrice=tick.pre_settlement,
        PreClosePrice=tick.pre_close,
        PreOpenInterest=tick.pre_open_interest,
        OpenPrice=tick.open,
        HighestPrice=tick.high,
        LowestPrice=tick.low,
        Volume=volume_to_ctp(tick.volume),
        Turnover=tick.turnover,
        OpenInterest=tick.open_interest,
        ClosePrice=tick.close,
        SettlementPrice=tick.settlement,
        UpperLimitPrice=tick.upper_limit,
        LowerLimitPrice=tick.lower_limit,
        PreDelta=tick.pre_delta,
        CurrDelta=tick.curr_delta,
        UpdateTime=tick.time_of_day,
        UpdateMillisec=tick.millisec,
        BidPrice1=tick.bid1,
        BidVolume1=tick.bid_volume1,
        AskPrice1=tick.ask1,
        AskVolume1=tick.ask_volume1,
        BidPrice2=tick.bid2,
        BidVolume2=tick.bid_volume2,
        AskPrice2=tick.ask2,
        AskVolume2=tick.ask_volume2,
        BidPrice3=tick.bid3,
        BidVolume3=tick.bid_volume3,
        AskPrice3=tick.ask3,
        AskVolume3=tick.ask_volume3,
        BidPrice4=tick.bid4,
        BidVolume4=tick.bid_volume4,
        AskPrice4=tick.ask4,
        AskVolume4=tick.ask_volume4,
        BidPrice5=tick.bid5,
        BidVolume5=tick.bid_volume5,
        AskPrice5=tick.ask5,
        AskVolume5=tick.ask_volume5,
        AveragePrice=tick.average_price,
        ActionDay=tick.action_day,
        InstrumentID=contract.code,
        ExchangeInstID=tick.exchange_code,
    )


_INT32_MAX: Final = 2**31 - 1


def volume_to_ctp(volume: int) -> int:
    """Volumes are 64 bits inside and clamped to CTP's int32 (DESIGN section 5)."""
    return volume if volume <= _INT32_MAX else _INT32_MAX
