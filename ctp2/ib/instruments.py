"""Contracts as CTP's instruments, products, exchanges and statuses (spec ib 4.3). Pure functions."""

from __future__ import annotations

import math
from typing import Final
from zoneinfo import ZoneInfo

from ctp2.ctp.structs import (
    CThostFtdcExchangeField,
    CThostFtdcInstrumentField,
    CThostFtdcInstrumentStatusField,
    CThostFtdcProductField,
)
from ctp2.ctp.text import cut
from ctp2.ib import codes_contract as codes
from ctp2.ib.hours import Span, date_of, segment
from ctp2.ib.records import Details
from ctp2.ib.resolved import INT32_MAX, Resolved, day_of
from ctp2.ib.zones import wall

NAME_BYTES: Final = 20
_DIGITS: Final = 8
NOT_EXPIRED: Final = "1"
EXPIRED: Final = "3"
_NS: Final = 1_000_000_000


def instrument_to_ctp(
    resolved: Resolved, instrument_id: str, underlying_id: str, now_ns: int
) -> CThostFtdcInstrumentField:
    """An instrument's record, under the text by which the client knows it; ``now_ns`` decides whether it expired."""
    details, contract = resolved.details, resolved.contract
    expires = expiry(details)
    is_over = bool(expires) and expires < date_of(resolved.zone, now_ns)
    smallest = least_volume(resolved)
    month = details.contract_month
    return CThostFtdcInstrumentField(
        InstrumentID=instrument_id,
        ExchangeInstID=contract.local_symbol,
        ExchangeID=resolved.exchange_id,
        InstrumentName=cut(details.long_name, NAME_BYTES),
        ProductID=resolved.product_id,
        UnderlyingInstrID=underlying_id,
        ProductClass=resolved.product_class,
        DeliveryYear=int(month[:4]) if len(month) == 6 and month.isdigit() else 0,
        DeliveryMonth=int(month[4:]) if len(month) == 6 and month.isdigit() else 0,
        VolumeMultiple=resolved.volume_multiple,
        UnderlyingMultiple=float(resolved.unit),
        PriceTick=details.min_tick,
        MinMarketOrderVolume=smallest,
        MinLimitOrderVolume=smallest,
        MaxMarketOrderVolume=INT32_MAX,
        MaxLimitOrderVolume=INT32_MAX,
        ExpireDate=expires,
        InstLifePhase=EXPIRED if is_over else NOT_EXPIRED,
        IsTrading=0 if is_over else 1,
        PositionType="1",
        PositionDateType="2",
        LongMarginRatio=0.0,
        ShortMarginRatio=0.0,
        StrikePrice=contract.strike if contract.right else 0.0,
        OptionsType=codes.OPTIONS_TYPE_OF.get(contract.right.upper(), ""),
        CombinationType="0",
    )


def expiry(details: Details) -> str:
    """ExpireDate: realExpirationDate, else the last trading day; empty where a contract has none."""
    for text in (details.real_expiration_date, details.contract.date, details.maturity):
        day = day_of(text)
        if len(day) == _DIGITS and day.isdigit():
            return day
    return ""


def least_volume(resolved: Resolved) -> int:
    """The smallest order in CTP's volume: minSize rounded up, at least 1."""
    size = resolved.details.min_size * resolved.scale
    nearest = round(size)
    whole = nearest if abs(size - nearest) < 1e-9 * max(1.0, abs(size)) else math.ceil(size)
    return min(max(1, whole), INT32_MAX)


def product_to_ctp(resolved: Resolved) -> CThostFtdcProductField:
    """The product of an instrument."""
    smallest = least_volume(resolved)
    details = resolved.details
    return CThostFtdcProductField(
        ProductID=resolved.product_id,
        ExchangeProductID=resolved.product_id,
        ProductName=cut(details.market_name or resolved.product_id, NAME_BYTES),
        ExchangeID=resolved.exchange_id,
        ProductClass=resolved.product_class,
        VolumeMultiple=resolved.volume_multiple,
        UnderlyingMultiple=float(resolved.unit),
        PriceTick=details.min_tick,
        MinMarketOrderVolume=smallest,
        MinLimitOrderVolume=smallest,
        MaxMarketOrderVolume=INT32_MAX,
        MaxLimitOrderVolume=INT32_MAX,
        PositionType="1",
        PositionDateType="2",
        CloseDealType="0",
        TradeCurrencyID=resolved.contract.currency,
        MortgageFundUseRange="0",
        OpenLimitControlLevel="0",
        OrderFreqControlLevel="0",
    )


def exchange_to_ctp(exchange_id: str) -> CThostFtdcExchangeField:
    """An exchange's record."""
    name = codes.EXCHANGE_NAMES.get(exchange_id, exchange_id)
    return CThostFtdcExchangeField(ExchangeID=exchange_id, ExchangeName=name, ExchangeProperty="0")


def status_to_ctp(
    resolved: Resolved, instrument_id: str, status: str, since_ns: int, known: tuple[Span, ...], shown_in: ZoneInfo
) -> CThostFtdcInstrumentStatusField:
    """``OnRtnInstrumentStatus``: ``status`` since an instant, whose wall time is shown in the client's zone."""
    return CThostFtdcInstrumentStatusField(
        ExchangeID=resolved.exchange_id,
        ExchangeInstID=resolved.contract.local_symbol,
        InstrumentID=instrument_id,
        InstrumentStatus=status,
        TradingSegmentSN=segment(known, since_ns),
        EnterTime=wall(shown_in, since_ns // _NS)[1],
        EnterReason="1",
    )
