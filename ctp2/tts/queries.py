"""The queries: request name → rows (spec ctp-semantics 8.3). Each is a pure look at the counter's state.

Filters: an empty member means all, an unknown value an empty result; members that spec 8.3 does not list are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from ctp2.ctp import structs
from ctp2.refdata.models import Instrument
from ctp2.tts import codes, option_queries, rows, translate, values
from ctp2.tts.account import Account
from ctp2.tts.contract import Contract
from ctp2.tts.declaring import DECLARATION_QUERIES
from ctp2.tts.environments import World
from ctp2.tts.kept import trade_again
from ctp2.tts.money import RATE
from ctp2.tts.position import PositionRow
from ctp2.tts.risk import market_freeze_price
from ctp2.tts.state import State
from ctp2.tts.terms import BUY, CLOSE, CLOSE_TODAY, CLOSE_YESTERDAY, NO_PRICE, OPEN


class Asker:
    """Who asks, and the counter that is asked."""

    __slots__ = ("account", "broker_id", "world")

    def __init__(self, world: World, account: Account, broker_id: str) -> None:
        self.world = world
        self.account = account
        self.broker_id = broker_id

    @property
    def state(self) -> State:
        """The counter's state."""
        return self.world.engine.state

    def is_own(self, field: Any) -> bool:
        """Whether the query is about the asker's own account (an empty InvestorID is)."""
        return field.InvestorID in ("", self.account.account_id)


Rows = Iterable[Any]


def _matches(wanted: str, value: str) -> bool:
    return not wanted or wanted == value


def _contracts(asker: Asker, exchange: str = "", code: str = "", product: str = "") -> Iterator[Contract]:
    for contract in asker.state.contracts:
        if (
            _matches(exchange, contract.exchange)
            and _matches(code, contract.code)
            and _matches(product, contract.product)
        ):
            yield contract


# ------------------------------------------------------------------ instruments and markets
def instruments(asker: Asker, field: Any) -> Rows:
    """``ReqQryInstrument``."""
    for contract in _contracts(asker, field.ExchangeID, field.InstrumentID, field.ProductID):
        if _matches(field.ExchangeInstID, contract.instrument.exchange_code):
            yield rows.instrument_to_ctp(contract.instrument)


_CLASS_TYPES: Final = {"1": ("future",), "2": ("option",), "3": ("combination",)}


def classified_instruments(asker: Asker, field: Any) -> Rows:
    """``ReqQryClassifiedInstrument``: TradingType 1 trading, 2 not; ClassType 1 futures, 2 options, 3 combinations."""
    for contract in _contracts(asker, field.ExchangeID, field.InstrumentID, field.ProductID):
        instrument = contract.instrument
        wanted = _CLASS_TYPES.get(field.ClassType, ())
        is_trading = "1" if instrument.is_trading else "2"
        if (not wanted or instrument.product_class in wanted) and field.TradingType in ("", "0", is_trading):
            yield rows.instrument_to_ctp(instrument)


def depth(asker: Asker, field: Any) -> Rows:
    """``ReqQryDepthMarketData``: the latest snapshot, with ExchangeID."""
    for contract in _contracts(asker, field.ExchangeID, field.InstrumentID):
        if field.ProductClass in ("", codes.product_class_to_ctp(contract.instrument)):
            tick = asker.world.ticks[contract.index]
            yield rows.tick_to_ctp(tick, contract, asker.world.trading_day, with_exchange=True)


def exchanges(asker: Asker, field: Any) -> Rows:
    """``ReqQryExchange``."""
    for exchange, name in codes.EXCHANGE_NAMES.items():
        if _matches(field.ExchangeID, exchange):
            yield structs.CThostFtdcExchangeField(
                ExchangeID=exchange,
                ExchangeName=name,
                ExchangeProperty=codes.EXCHANGE_PROPERTY.get(exchange, "0"),
            )


def products(asker: Asker, field: Any) -> Rows:
    """``ReqQryProduct``: one row per product of the counter's instruments."""
    seen: set[tuple[str, str]] = set()
    for contract in _contracts(asker, field.ExchangeID, "", field.ProductID):
        key = (contract.exchange, contract.product)
        product_class = codes.product_class_to_ctp(contract.instrument)
        if key not in seen and field.ProductClass in ("", product_class):
            seen.add(key)
            yield _product(asker, contract.instrument, product_class)


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
        UnderlyingMultiple=1.0,
        ProductID=instrument.product,
        ExchangeProductID=instrument.product,
    )


# ------------------------------------------------------------------ money and positions
def trading_account(asker: Asker, field: Any) -> Rows:
    """``ReqQryTradingAccount``: the row of the currency asked for, an empty CurrencyID means CNY (DESIGN section 5)."""
    purse = asker.account.purses.get(field.CurrencyID or "CNY")
    if purse is not None and asker.is_own(field):
        yield rows.account_to_ctp(asker.account, purse, asker.broker_id, asker.world.trading_day)


def positions(asker: Asker, field: Any) -> Rows:
    """``ReqQryInvestorPosition``: every row of the day, also those closed down to 0."""
    if asker.is_own(field):
        for row in asker.account.rows.values():
            if _matches(field.InstrumentID, row.contract.code):
                yield rows.position_to_ctp(row, asker.account.account_id, asker.broker_id, asker.world.trading_day)


def position_details(asker: Asker, field: Any) -> Rows:
    """``ReqQryInvestorPositionDetail``: one row per opening trade, in order of opening."""
    if not asker.is_own(field):
        return
    for row in asker.account.rows.values():
        if _matches(field.InstrumentID, row.contract.code):
            for lot in row.lots:
                yield rows.position_detail_to_ctp(
                    row, lot, asker.account.account_id, asker.broker_id, asker.world.trading_day
                )


def orders(asker: Asker, field: Any) -> Rows:
    """``ReqQryOrder``: the last state of each order of the day."""
    wanted = field.OrderSysID.strip()
    for order in asker.account.orders if asker.is_own(field) else ():
        contract = order.contract
        if (
            _matches(field.InstrumentID, contract.code)
            and _matches(field.ExchangeID, contract.exchange)
            and (not wanted or wanted == str(order.sys_id))
            and _within(values.time_of(order.insert_ns), field.InsertTimeStart, field.InsertTimeEnd)
        ):
            yield translate.order_to_ctp(translate.order_now(order))


def trades(asker: Asker, field: Any) -> Rows:
    """``ReqQryTrade``: the trades of the day."""
    wanted = field.TradeID.strip()
    for kept in asker.account.trades if asker.is_own(field) else ():
        trade = trade_again(kept, asker.state.orders)
        contract = trade.order.contract
        if (
            _matches(field.InstrumentID, contract.code)
            and _matches(field.ExchangeID, contract.exchange)
            and (not wanted or wanted == str(trade.trade_id))
            and _within(values.time_of(trade.now_ns), field.TradeTimeStart, field.TradeTimeEnd)
        ):
            yield translate.trade_to_ctp(trade)


def _within(time: str, start: str, end: str) -> bool:
    return (not start or time >= start) and (not end or time <= end)


# ------------------------------------------------------------------ rates and parameters
def margin_rates(asker: Asker, field: Any) -> Rows:
    """``ReqQryInstrumentMarginRate``: a blank InstrumentID means what the asker holds (spec 7.5)."""
    for contract in _asked_or_held(asker, field):
        if contract.option is not None:
            continue  # an option's margin is no rate: ReqQryOptionInstrTradeCost
        yield structs.CThostFtdcInstrumentMarginRateField(
            InvestorRange="1",
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            HedgeFlag=field.HedgeFlag or "1",
            LongMarginRatioByMoney=contract.long_rate.by_money / RATE,
            LongMarginRatioByVolume=values.money_to_ctp(contract.long_rate.by_volume),
            ShortMarginRatioByMoney=contract.short_rate.by_money / RATE,
            ShortMarginRatioByVolume=values.money_to_ctp(contract.short_rate.by_volume),
            IsRelative=0,
            ExchangeID=contract.exchange,
            InstrumentID=contract.code,
        )


def exchange_margin_rates(asker: Asker, field: Any) -> Rows:
    """``ReqQryExchangeMarginRate``."""
    for contract in _contracts(asker, field.ExchangeID, field.InstrumentID):
        if contract.option is not None:
            continue
        yield structs.CThostFtdcExchangeMarginRateField(
            BrokerID=asker.broker_id,
            HedgeFlag=field.HedgeFlag or "1",
            LongMarginRatioByMoney=contract.exchange_long.by_money / RATE,
            ShortMarginRatioByMoney=contract.exchange_short.by_money / RATE,
            ExchangeID=contract.exchange,
            InstrumentID=contract.code,
        )


def commission_rates(asker: Asker, field: Any) -> Rows:
    """``ReqQryInstrumentCommissionRate``: set per product, so the row names the product (spec 7.5)."""
    for contract in _asked_or_held(asker, field):
        if contract.option is not None:
            continue  # ReqQryOptionInstrCommRate
        yield structs.CThostFtdcInstrumentCommissionRateField(
            InvestorRange="1",
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            OpenRatioByMoney=contract.open_fee.by_money / RATE,
            OpenRatioByVolume=values.money_to_ctp(contract.open_fee.by_volume),
            CloseRatioByMoney=contract.close_fee.by_money / RATE,
            CloseRatioByVolume=values.money_to_ctp(contract.close_fee.by_volume),
            CloseTodayRatioByMoney=contract.close_today_fee.by_money / RATE,
            CloseTodayRatioByVolume=values.money_to_ctp(contract.close_today_fee.by_volume),
            ExchangeID=contract.exchange,
            BizType="2" if contract.is_security else "1",
            InstrumentID=contract.code if contract.is_security else contract.product,
        )


def _asked_or_held(asker: Asker, field: Any) -> Iterator[Contract]:
    if not asker.is_own(field):
        return
    if field.InstrumentID:
        yield from _contracts(asker, field.ExchangeID, field.InstrumentID)
        return
    held = {row.contract.index: row.contract for row in asker.account.rows.values() if row.position}
    yield from held.values()


def broker_trading_params(asker: Asker, field: Any) -> Rows:
    """``ReqQryBrokerTradingParams``."""
    if asker.is_own(field):
        yield structs.CThostFtdcBrokerTradingParamsField(
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            MarginPriceType=codes.MARGIN_PRICE_TYPE,
            Algorithm=codes.ALGORITHM,
            AvailIncludeCloseProfit=codes.INCLUDE_CLOSE_PROFIT,
            CurrencyID=field.CurrencyID or "CNY",
            OptionRoyaltyPriceType=codes.OPTION_ROYALTY_PRICE_TYPE,
            AccountID=asker.account.account_id,
        )


# ------------------------------------------------------------------ the investor
def investors(asker: Asker, field: Any) -> Rows:
    """``ReqQryInvestor``."""
    if asker.is_own(field):
        yield structs.CThostFtdcInvestorField(
            InvestorID=asker.account.account_id,
            BrokerID=asker.broker_id,
            InvestorName=asker.account.account_id,
            IsActive=1,
        )


def trading_codes(asker: Asker, field: Any) -> Rows:
    """``ReqQryTradingCode``: one speculation code per exchange."""
    if not asker.is_own(field):
        return
    for exchange in dict.fromkeys(contract.exchange for contract in asker.state.contracts):
        if _matches(field.ExchangeID, exchange):
            yield structs.CThostFtdcTradingCodeField(
                InvestorID=asker.account.account_id,
                BrokerID=asker.broker_id,
                ExchangeID=exchange,
                ClientID=asker.account.account_id[:10],
                IsActive=1,
                ClientIDType="1",
            )


def settlement_confirmations(asker: Asker, field: Any) -> Rows:
    """``ReqQrySettlementInfoConfirm``: today's confirmation, nothing before it."""
    if asker.is_own(field) and asker.account.confirmed_ns:
        yield structs.CThostFtdcSettlementInfoConfirmField(
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            ConfirmDate=values.date_of(asker.account.confirmed_ns),
            ConfirmTime=values.time_of(asker.account.confirmed_ns),
        )


def max_order_volume(asker: Asker, field: Any) -> Any:
    """``ReqQryMaxOrderVolume``: what could be opened with the money there is, or closed of what is held (spec 8.3)."""
    answer = field.__copy__()
    answer.MaxVolume = 0
    contract = next(_contracts(asker, field.ExchangeID, field.InstrumentID), None) if field.InstrumentID else None
    if contract is None or not asker.is_own(field):
        return answer
    is_buy = field.Direction == BUY
    row = _row(asker, contract, is_buy, field.OffsetFlag or OPEN, field.HedgeFlag or "1")
    limit = contract.instrument.max_limit_volume
    if field.OffsetFlag in ("", OPEN):
        answer.MaxVolume = min(_affordable(asker, contract, row), limit)
    else:
        answer.MaxVolume = min(max(row.closable(), 0), limit)
    return answer


def _row(asker: Asker, contract: Contract, is_buy: bool, offset: str, hedge: str) -> PositionRow:
    if not contract.uses_history and offset in (CLOSE_TODAY, CLOSE_YESTERDAY):
        offset = CLOSE
    return asker.state.row_for(asker.account, contract, is_buy, offset, hedge)


def _affordable(asker: Asker, contract: Contract, row: PositionRow) -> int:
    price = contract.pre_settlement if contract.pre_settlement != NO_PRICE else market_freeze_price(contract)
    margin = contract.margin(row.is_long, price, 1)
    if contract.option is not None:
        margin = option_queries.cost_of_a_lot(contract.option, row.is_long, price)
    available = asker.account.purse(contract.currency).available()
    return max(available, 0) // margin if margin > 0 else contract.instrument.max_limit_volume


QUERIES: Final[dict[str, Callable[[Asker, Any], Rows]]] = {
    "ReqQryInstrument": instruments,
    "ReqQryClassifiedInstrument": classified_instruments,
    "ReqQryDepthMarketData": depth,
    "ReqQryExchange": exchanges,
    "ReqQryProduct": products,
    "ReqQryTradingAccount": trading_account,
    "ReqQryInvestorPosition": positions,
    "ReqQryInvestorPositionDetail": position_details,
    "ReqQryOrder": orders,
    "ReqQryTrade": trades,
    "ReqQryInstrumentMarginRate": margin_rates,
    "ReqQryExchangeMarginRate": exchange_margin_rates,
    "ReqQryInstrumentCommissionRate": commission_rates,
    "ReqQryOptionInstrCommRate": option_queries.commission_rates,
    "ReqQryOptionInstrTradeCost": option_queries.trade_costs,
    "ReqQryBrokerTradingParams": broker_trading_params,
    "ReqQryInvestor": investors,
    "ReqQryTradingCode": trading_codes,
    "ReqQrySettlementInfoConfirm": settlement_confirmations,
    **DECLARATION_QUERIES,
}
"""Served queries; every other one has the empty result."""
