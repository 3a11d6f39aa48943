"""Queries about what can be traded: instruments, products, exchanges, quotes (spec ctp-semantics 8.3, 8.4)."""

from __future__ import annotations

from typing import Any, Final

from ctp2.ctp import structs
from ctp2.refdata.models import Instrument
from ctp2.tts import codes, rows
from ctp2.tts.asker import Asker, Query, Rows, matches, nothing
from ctp2.tts.combo_requests import only_for_actions

_CLASS_TYPES: Final = {"": (), "0": (), "1": ("future",), "2": ("option",), "3": ("combination",)}
"""ClassType → the product classes it asks for, all when empty; any other value asks for nothing that exists."""
_TRADING_TYPES: Final = {"": (True, False), "0": (True, False), "1": (True,), "2": (False,)}


def instruments(asker: Asker, field: Any) -> Rows:
    """``ReqQryInstrument``."""
    for instrument in asker.world.instruments(field.ExchangeID, field.InstrumentID, field.ProductID):
        if matches(field.ExchangeInstID, instrument.exchange_code):
            yield _instrument(asker, instrument)


def _instrument(asker: Asker, instrument: Instrument) -> Any:
    row = rows.instrument_to_ctp(instrument)
    if asker.world.made is not None:
        row.InstrumentName = asker.world.made.name_of(instrument)
    return row


def classified_instruments(asker: Asker, field: Any) -> Rows:
    """``ReqQryClassifiedInstrument``: TradingType 1 trading, 2 not; ClassType 1 futures, 2 options, 3 combinations.

    The combinations of DCE that are only for combination actions come when exactly they are asked for (spec 8.3).
    """
    classes = _CLASS_TYPES.get(field.ClassType)
    trading = _TRADING_TYPES.get(field.TradingType)
    if classes is None or trading is None:
        return
    for instrument in asker.world.instruments(field.ExchangeID, field.InstrumentID, field.ProductID):
        if (
            (not classes or instrument.product_class in classes)
            and instrument.is_trading in trading
            and matches(field.ExchangeInstID, instrument.exchange_code)
        ):
            yield _instrument(asker, instrument)
    if (field.ExchangeID, field.TradingType, field.ClassType) == ("DCE", "2", "3"):
        yield from only_for_actions(asker, field)


def depth(asker: Asker, field: Any) -> Rows:
    """``ReqQryDepthMarketData``: the latest snapshot, with ExchangeID."""
    found = list(asker.world.instruments("", field.InstrumentID))
    if field.InstrumentID and len(found) > 1:
        found = [instrument for instrument in found if instrument.exchange == field.ExchangeID] or found
    for instrument in found:
        if matches(field.ProductClass, codes.product_class_to_ctp(instrument)):
            contract, tick = asker.world.snapshot(instrument)
            yield rows.tick_to_ctp(tick, contract, asker.world.trading_day, with_exchange=True)


def exchanges(asker: Asker, field: Any) -> Rows:
    """``ReqQryExchange``: the exchanges of spec 8.3, and what else the counter's instruments belong to."""
    traded = dict.fromkeys((*codes.EXCHANGE_NAMES, *(exchange for exchange, _ in asker.world.products)))
    for exchange in traded:
        if matches(field.ExchangeID, exchange):
            yield structs.CThostFtdcExchangeField(
                ExchangeID=exchange,
                ExchangeName=codes.EXCHANGE_NAMES.get(exchange, exchange),
                ExchangeProperty=codes.EXCHANGE_PROPERTY.get(exchange, "0"),
            )


def products(asker: Asker, field: Any) -> Rows:
    """``ReqQryProduct``: one row per product of the counter's instruments."""
    seen: set[tuple[str, str]] = set()
    for instrument in asker.world.instruments(field.ExchangeID, "", field.ProductID):
        key = (instrument.exchange, instrument.product)
        product_class = codes.product_class_to_ctp(instrument)
        if key not in seen and matches(field.ProductClass, product_class):
            seen.add(key)
            yield _product(asker, instrument, product_class)


def _product(asker: Asker, instrument: Instrument, product_class: str) -> Any:
    product = asker.world.universe.product(instrument.exchange, instrument.product)
    return structs.CThostFtdcProductField(
        ProductName=product.name_cn if product is not None else instrument.product,
        ExchangeID=instrument.exchange,
        ProductClass=product_class,
        VolumeMultiple=instrument.multiplier,
        PriceTick=float(instrument.price_tick),
        MaxMarketOrderVolume=instrument.max_market_volume,
        MinMarketOrderVolume=instrument.min_market_volume,
        MaxLimitOrderVolume=instrument.max_limit_volume,
        MinLimitOrderVolume=instrument.min_limit_volume,
        PositionType="2",
        PositionDateType="1" if instrument.uses_history else "2",
        CloseDealType="0",
        TradeCurrencyID=instrument.currency,
        MortgageFundUseRange="0",
        UnderlyingMultiple=1.0,
        ProductID=instrument.product,
        ExchangeProductID=instrument.product,
        OpenLimitControlLevel="0",
        OrderFreqControlLevel="0",
    )


MARKET_QUERIES: Final[dict[str, Query]] = {
    "ReqQryInstrument": instruments,
    "ReqQryClassifiedInstrument": classified_instruments,
    "ReqQryDepthMarketData": depth,
    "ReqQryExchange": exchanges,
    "ReqQryProduct": products,
    "ReqQryNotice": nothing,
    "ReqQryTradingNotice": nothing,
}
