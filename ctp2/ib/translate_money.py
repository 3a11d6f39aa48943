"""Positions, money and what belongs to them as CTP's records (spec ib 5.6). Pure; one function per record."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from ctp2.ctp import enums as e
from ctp2.ctp import structs

if TYPE_CHECKING:
    from ctp2.ib.account import Funds
    from ctp2.ib.holdings import Day, Holding, Lot

log = logging.getLogger("ctp2.ib")

LONG: Final = e.THOST_FTDC_PD_Long
SHORT: Final = e.THOST_FTDC_PD_Short
"""Not the net direction ``1``, which common clients do not know (spec ib 5.6)."""
SPECULATION: Final = e.THOST_FTDC_HF_Speculation
TODAY: Final = e.THOST_FTDC_PSD_Today
SETTLEMENT: Final = 1
DBL_MAX: Final = 1.7976931348623157e308
_INT_MAX: Final = 2**31 - 1


class Terms(NamedTuple):
    """What is needed of a contract to show sizes and amounts of it."""

    instrument_id: str
    exchange_id: str
    multiplier: float = 1.0
    magnifier: int = 1
    """priceMagnifier: prices are so many times what money is computed with (100 for pence at LSE)."""
    scale: int = 1
    """CTP volume 1 is 1/scale of a unit."""

    @property
    def unit(self) -> float:
        """Money per unit of price × size."""
        return self.multiplier / self.magnifier


class Marks(NamedTuple):
    """What TWS's portfolio says of a position; None: not told."""

    price: float | None = None
    profit: float | None = None


class Opening(NamedTuple):
    """The trade that opened a lot, as it was told."""

    trade_id: str
    trading_day: str


class Owner(NamedTuple):
    """Whose record it is."""

    broker_id: str
    account: str
    trading_day: str


def volume(quantity: Decimal, terms: Terms) -> int:
    """A size as CTP's integer: truncated toward zero, which is logged, and held within 32 bits."""
    scaled = quantity * terms.scale
    whole = int(scaled)
    if whole != scaled:
        log.info("%s: size %s is shown as %d", terms.instrument_id, scaled, whole)
    if abs(whole) > _INT_MAX:
        log.warning("%s: size %d does not fit into a CTP volume", terms.instrument_id, whole)
        return _INT_MAX if whole > 0 else -_INT_MAX
    return whole


def position_to_ctp(
    owner: Owner, terms: Terms, holding: Holding, day: Day, marks: Marks, frozen: Decimal
) -> structs.CThostFtdcInvestorPositionField:
    """A position; ``frozen`` is the remaining size of working orders that close it."""
    net = holding.shown
    is_long = net > 0
    held = volume(abs(net), terms)
    began = holding.yesterday if holding.yesterday is not None else holding.start
    began = began if (began > 0) == is_long else Decimal(0)
    of_yesterday = min(volume(min(abs(began), day.of_yesterday), terms), held)
    side = day.side(is_long=is_long)
    cost = abs(float(net)) * holding.average_cost / terms.magnifier
    bound = volume(frozen, terms)
    return structs.CThostFtdcInvestorPositionField(
        InstrumentID=terms.instrument_id,
        ExchangeID=terms.exchange_id,
        BrokerID=owner.broker_id,
        InvestorID=owner.account,
        TradingDay=owner.trading_day,
        SettlementID=SETTLEMENT,
        PosiDirection=LONG if is_long else SHORT,
        HedgeFlag=SPECULATION,
        PositionDate=TODAY,
        Position=held,
        YdPosition=volume(abs(began), terms),
        TodayPosition=held - of_yesterday,
        # CTP counts in these by the direction of the order: what closes a long position is sold.
        LongFrozen=0 if is_long else bound,
        ShortFrozen=bound if is_long else 0,
        PositionCost=cost,
        OpenCost=cost,
        OpenVolume=volume(side.opened, terms),
        CloseVolume=volume(side.closed, terms),
        OpenAmount=side.open_amount * terms.unit,
        CloseAmount=side.close_amount * terms.unit,
        Commission=side.commission,
        CloseProfit=side.close_profit,
        CloseProfitByDate=side.close_profit,
        CloseProfitByTrade=side.close_profit,
        PositionProfit=marks.profit or 0.0,
        SettlementPrice=DBL_MAX if marks.price is None else marks.price,
        PreSettlementPrice=DBL_MAX,
    )


def position_details_to_ctp(
    owner: Owner, terms: Terms, holding: Holding, day: Day, marks: Marks, openings: Mapping[int, Opening]
) -> list[structs.CThostFtdcInvestorPositionDetailField]:
    """What is left of today's openings, and one line for the rest at the average cost.

    ``openings``: by the identity of a fill. The volumes add up to the position.
    """
    net = holding.shown
    held = volume(abs(net), terms)
    rows = []
    for lot in day.lots:
        if lot.fill is not None and lot.quantity:
            row = _detail(owner, terms, marks, is_long=net > 0)
            row.TradeID, row.OpenDate = openings.get(id(lot.fill), Opening("", owner.trading_day))
            row.Volume = min(volume(lot.quantity, terms), held)
            row.OpenPrice = lot.fill.price
            _add_profit(row, lot.quantity, marks, terms)
            _add_closed(row, lot, terms)
            held -= row.Volume
            rows.append(row)
    if held:
        row = _detail(owner, terms, marks, is_long=net > 0)
        row.Volume = held
        row.OpenPrice = holding.average_cost / terms.multiplier
        _add_profit(row, Decimal(held) / terms.scale, marks, terms)
        rest = next((lot for lot in day.lots if lot.fill is None), None)
        if rest is not None:
            _add_closed(row, rest, terms)
        rows.insert(0, row)
    return rows


def _detail(
    owner: Owner, terms: Terms, marks: Marks, *, is_long: bool
) -> structs.CThostFtdcInvestorPositionDetailField:
    return structs.CThostFtdcInvestorPositionDetailField(
        InstrumentID=terms.instrument_id,
        ExchangeID=terms.exchange_id,
        BrokerID=owner.broker_id,
        InvestorID=owner.account,
        TradingDay=owner.trading_day,
        SettlementID=SETTLEMENT,
        HedgeFlag=SPECULATION,
        Direction=e.THOST_FTDC_D_Buy if is_long else e.THOST_FTDC_D_Sell,
        TradeType=e.THOST_FTDC_TRDT_Common,
        SettlementPrice=DBL_MAX if marks.price is None else marks.price,
        LastSettlementPrice=DBL_MAX,
    )


def _add_profit(
    row: structs.CThostFtdcInvestorPositionDetailField, quantity: Decimal, marks: Marks, terms: Terms
) -> None:
    """Against the mark; 0 where there is none."""
    if marks.price is not None:
        sign = 1 if row.Direction == e.THOST_FTDC_D_Buy else -1
        profit = sign * (marks.price - row.OpenPrice) * float(quantity) * terms.unit + 0.0  # never -0.0
        row.PositionProfitByDate = row.PositionProfitByTrade = profit


def _add_closed(row: structs.CThostFtdcInvestorPositionDetailField, lot: Lot, terms: Terms) -> None:
    row.CloseVolume = volume(lot.closed, terms)
    row.CloseAmount = lot.close_amount * terms.unit


def account_to_ctp(owner: Owner, funds: Funds, biz_type: str) -> structs.CThostFtdcTradingAccountField:
    """Money in one currency; ``biz_type`` is the query's, echoed."""
    return structs.CThostFtdcTradingAccountField(
        BrokerID=owner.broker_id,
        AccountID=owner.account,
        TradingDay=owner.trading_day,
        SettlementID=SETTLEMENT,
        CurrencyID=funds.currency,
        BizType=biz_type,
        PreBalance=funds.previous,
        PreDeposit=funds.previous,
        Balance=funds.balance,
        Available=funds.available,
        WithdrawQuota=funds.withdrawable,
        CurrMargin=funds.initial_margin,
        ExchangeMargin=funds.maintenance_margin,
        PositionProfit=funds.open_profit,
        CloseProfit=funds.close_profit,
        Interest=funds.interest,
        Commission=funds.commission,
        CashIn=0.0,
    )


def investor_to_ctp(broker_id: str, account: str) -> structs.CThostFtdcInvestorField:
    """An account as an investor."""
    return structs.CThostFtdcInvestorField(
        InvestorID=account,
        BrokerID=broker_id,
        InvestorName=account,
        IdentifiedCardType=e.THOST_FTDC_ICT_OtherCard,
        IdentifiedCardNo=account,
        IsActive=1,
    )


def trading_code_to_ctp(
    broker_id: str, account: str, exchange_id: str, biz_type: str
) -> structs.CThostFtdcTradingCodeField:
    """IB has one code for all exchanges: the account."""
    return structs.CThostFtdcTradingCodeField(
        InvestorID=account,
        BrokerID=broker_id,
        ExchangeID=exchange_id,
        ClientID=account[:10],
        IsActive=1,
        ClientIDType=e.THOST_FTDC_CIDT_Speculation,
        BizType=biz_type,
    )
