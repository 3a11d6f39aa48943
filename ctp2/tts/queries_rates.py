"""Queries about what trading costs: margin and commission rates, the broker's parameters (spec ctp-semantics 7, 8.3).

Of the filters only those that spec 8.3 lists count; an unknown hedge flag has the empty result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ctp2.ctp import structs
from ctp2.refdata.models import Commission, MarginRate
from ctp2.tts import codes, values
from ctp2.tts.account import MarginGroup, Purse
from ctp2.tts.asker import Asker, Query, Rows, matches, named
from ctp2.tts.contract import Contract
from ctp2.tts.money import RATE, micro_from_decimal
from ctp2.tts.option_queries import cost_of_a_lot
from ctp2.tts.position import PositionRow
from ctp2.tts.risk import market_freeze_price
from ctp2.tts.terms import BUY, CLOSE, CLOSE_TODAY, CLOSE_YESTERDAY, INVESTOR_HEDGE_FLAGS, NO_PRICE, OPEN, SPECULATION

_HEDGE_FLAGS: Final = ("", *INVESTOR_HEDGE_FLAGS)
_ALL_INVESTORS: Final = "1"
_THIS_INVESTOR: Final = "3"
"""InvestorRange: rates are everybody's, or a line of the user's file gives an account its own."""


def margin_rates(asker: Asker, field: Any) -> Rows:
    """``ReqQryInstrumentMarginRate``: final rates; a blank InstrumentID means what is held (spec 7.5)."""
    if field.HedgeFlag not in _HEDGE_FLAGS:
        return
    for contract in _asked_or_held(asker, field):
        if contract.option is not None:
            continue  # an option's own queries: ReqQryOptionInstrCommRate, ReqQryOptionInstrTradeCost
        scope, code = _level(asker, contract, MarginRate, contract.code)
        rates = own_rates(asker, contract)
        yield structs.CThostFtdcInstrumentMarginRateField(
            InvestorRange=scope,
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            HedgeFlag=field.HedgeFlag or SPECULATION,
            LongMarginRatioByMoney=rates.long_rate.by_money / RATE,
            LongMarginRatioByVolume=values.money_to_ctp(rates.long_rate.by_volume),
            ShortMarginRatioByMoney=rates.short_rate.by_money / RATE,
            ShortMarginRatioByVolume=values.money_to_ctp(rates.short_rate.by_volume),
            IsRelative=0,
            ExchangeID=contract.exchange,
            InstrumentID=code,
        )


def exchange_margin_rates(asker: Asker, field: Any) -> Rows:
    """``ReqQryExchangeMarginRate``: the exchange's own rates."""
    if field.HedgeFlag not in _HEDGE_FLAGS:
        return
    for contract in named(asker, field.InstrumentID, field.ExchangeID):
        if contract.option is not None:
            continue  # an option's own queries: ReqQryOptionInstrCommRate, ReqQryOptionInstrTradeCost
        yield structs.CThostFtdcExchangeMarginRateField(
            BrokerID=asker.broker_id,
            HedgeFlag=field.HedgeFlag or SPECULATION,
            LongMarginRatioByMoney=contract.exchange_long.by_money / RATE,
            LongMarginRatioByVolume=values.money_to_ctp(contract.exchange_long.by_volume),
            ShortMarginRatioByMoney=contract.exchange_short.by_money / RATE,
            ShortMarginRatioByVolume=values.money_to_ctp(contract.exchange_short.by_volume),
            ExchangeID=contract.exchange,
            InstrumentID=contract.code,
        )


def exchange_margin_rate_adjusts(asker: Asker, field: Any) -> Rows:
    """``ReqQryExchangeMarginRateAdjust``: what the broker asks, whether or not an investor follows the exchange."""
    if field.HedgeFlag not in _HEDGE_FLAGS:
        return
    for contract in named(asker, field.InstrumentID, ""):
        if contract.option is not None:
            continue  # an option's own queries: ReqQryOptionInstrCommRate, ReqQryOptionInstrTradeCost
        row = structs.CThostFtdcExchangeMarginRateAdjustField(
            BrokerID=asker.broker_id, HedgeFlag=field.HedgeFlag or SPECULATION, InstrumentID=contract.code
        )
        for prefix, long, short in (
            ("", contract.long_rate, contract.short_rate),
            ("Exch", contract.exchange_long, contract.exchange_short),
            ("No", contract.long_rate, contract.short_rate),
        ):
            for side, rate in (("Long", long), ("Short", short)):
                setattr(row, f"{prefix}{side}MarginRatioByMoney", rate.by_money / RATE)
                setattr(row, f"{prefix}{side}MarginRatioByVolume", values.money_to_ctp(rate.by_volume))
        yield row


def commission_rates(asker: Asker, field: Any) -> Rows:
    """``ReqQryInstrumentCommissionRate``: the row names the product unless the instrument has its own rate (7.5)."""
    seen: set[tuple[str, str]] = set()
    for contract in _asked_or_held(asker, field):
        if contract.option is not None:
            continue  # an option's own queries: ReqQryOptionInstrCommRate, ReqQryOptionInstrTradeCost
        scope, code = _level_of(asker, contract)
        if (contract.exchange, code) in seen:
            continue
        seen.add((contract.exchange, code))
        rates = own_rates(asker, contract)
        yield structs.CThostFtdcInstrumentCommissionRateField(
            InvestorRange=scope,
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            OpenRatioByMoney=rates.open_fee.by_money / RATE,
            OpenRatioByVolume=values.money_to_ctp(rates.open_fee.by_volume),
            CloseRatioByMoney=rates.close_fee.by_money / RATE,
            CloseRatioByVolume=values.money_to_ctp(rates.close_fee.by_volume),
            CloseTodayRatioByMoney=rates.close_today_fee.by_money / RATE,
            CloseTodayRatioByVolume=values.money_to_ctp(rates.close_today_fee.by_volume),
            ExchangeID=contract.exchange,
            BizType="2" if contract.is_security else "1",
            InstrumentID=code,
        )


def order_commission_rates(asker: Asker, field: Any) -> Rows:
    """``ReqQryInstrumentOrderCommRate``: fees per order and cancel; no row where there are none (spec 7.5)."""
    for contract in _asked_or_held(asker, field):
        fees = asker.world.universe.commission(contract.instrument, asker.account.account_id)
        if not fees.order_by_volume and not fees.cancel_by_volume:
            continue
        scope, code = _level_of(asker, contract)
        yield structs.CThostFtdcInstrumentOrderCommRateField(
            InvestorRange=scope,
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            HedgeFlag=SPECULATION,
            OrderCommByVolume=values.money_to_ctp(micro_from_decimal(fees.order_by_volume)),
            OrderActionCommByVolume=values.money_to_ctp(micro_from_decimal(fees.cancel_by_volume)),
            ExchangeID=contract.exchange,
            InstrumentID=code,
        )


def own_rates(asker: Asker, contract: Contract) -> Contract:
    """The instrument with the asker's own rates."""
    return contract if asker.state.rates_of is None else asker.state.rates_of(asker.account.account_id, contract)


def _level(
    asker: Asker, contract: Contract, kind: type[MarginRate] | type[Commission], default: str
) -> tuple[str, str]:
    """InvestorRange (1 all, 3 this investor), and the product or instrument that the rate is set for (spec 7.5)."""
    line = asker.world.universe.rate_level(contract.instrument, asker.account.account_id, kind)
    if line is None:
        return _ALL_INVESTORS, default
    return _THIS_INVESTOR if line.account else _ALL_INVESTORS, line.code or line.product


def _level_of(asker: Asker, contract: Contract) -> tuple[str, str]:
    """What a commission row names: the product of a future whose rate is the product's, else the instrument."""
    is_own = contract.is_security or asker.world.universe.has_own_commission(contract.instrument)
    return _level(asker, contract, Commission, contract.code if is_own else contract.product)


def _asked_or_held(asker: Asker, field: Any) -> Iterable[Contract]:
    if not asker.is_own(field):
        return ()
    if field.InstrumentID:
        return named(asker, field.InstrumentID, getattr(field, "ExchangeID", ""))
    held = {row.contract.index: row.contract for row in asker.account.rows.values() if row.position}
    return held.values()


def product_group_margins(asker: Asker, field: Any) -> Rows:
    """``ReqQryInvestorProductGroupMargin``: the products with larger-side margin, after the larger side (spec 7.2)."""
    if not asker.is_own(field):
        return
    for purse in asker.account.purses.values():
        for (exchange, name), group in purse.groups.items():
            product, _, code = name.partition(" ")  # CFFEX: a trading code of its own (``Purse.group_of``)
            hedge = code or SPECULATION
            if group.larger_side and matches(field.ProductGroupID, product) and matches(field.HedgeFlag, hedge):
                yield _product_group_margin(asker, purse, group, exchange, product, hedge)


def _product_group_margin(
    asker: Asker, purse: Purse, group: MarginGroup, exchange: str, product: str, hedge: str
) -> Any:
    """The group's margins, and what its position rows sum up to."""
    members = [
        row
        for row in asker.account.rows.values()
        if _is_of(row.contract, exchange, product, purse.currency) and purse.group_of(row.contract, row.hedge) is group
    ]
    money = values.money_to_ctp
    return structs.CThostFtdcInvestorProductGroupMarginField(
        BrokerID=asker.broker_id,
        InvestorID=asker.account.account_id,
        TradingDay=asker.world.trading_day,
        SettlementID=1,
        FrozenMargin=money(group.frozen),
        LongFrozenMargin=money(group.long_frozen),
        ShortFrozenMargin=money(group.short_frozen),
        UseMargin=money(group.used),
        LongUseMargin=money(group.long),
        ShortUseMargin=money(group.short),
        ExchMargin=money(group.used_exchange),
        LongExchMargin=money(group.exchange_long),
        ShortExchMargin=money(group.exchange_short),
        CloseProfit=money(sum(row.close_profit_by_date for row in members)),
        FrozenCommission=money(sum(row.frozen_commission for row in members)),
        Commission=money(sum(row.commission for row in members)),
        CashIn=money(sum(row.cash_in for row in members)),
        PositionProfit=money(sum(row.profit for row in members)),
        HedgeFlag=hedge,
        ExchangeID=exchange,
        ProductGroupID=product,
    )


def _is_of(contract: Contract, exchange: str, product: str, currency: str) -> bool:
    return contract.exchange == exchange and contract.product == product and contract.currency == currency


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


_ALGORITHMS: Final = {"DCE": "2", "CZCE": "3"}
"""Exchanges with algorithms of their own for positions, margin rates and the account; all others ``1`` (base)."""


def broker_trading_algos(asker: Asker, field: Any) -> Rows:
    """``ReqQryBrokerTradingAlgos``: one row per exchange that the counter has instruments of."""
    for exchange in traded_exchanges(asker):
        if matches(field.ExchangeID, exchange):
            algorithm = _ALGORITHMS.get(exchange, "1")
            yield structs.CThostFtdcBrokerTradingAlgosField(
                BrokerID=asker.broker_id,
                ExchangeID=exchange,
                HandlePositionAlgoID=algorithm,
                FindMarginRateAlgoID=algorithm,
                HandleTradingAccountAlgoID=algorithm,
            )


def traded_exchanges(asker: Asker) -> Iterator[str]:
    """The exchanges of the counter's instruments, each once, in the order of the instruments."""
    yield from dict.fromkeys(exchange for exchange, _ in asker.world.products)


def max_order_volume(asker: Asker, field: Any) -> Any:
    """``ReqQryMaxOrderVolume``: what could be opened with the money there is, or closed of what is held (spec 8.3)."""
    answer = field.__copy__()
    answer.MaxVolume = 0
    contract = next(iter(named(asker, field.InstrumentID, field.ExchangeID)), None) if field.InstrumentID else None
    if contract is None or not asker.is_own(field):
        return answer
    is_buy = field.Direction == BUY
    row = _row(asker, contract, is_buy, field.OffsetFlag or OPEN, field.HedgeFlag or SPECULATION)
    if field.OffsetFlag in ("", OPEN):
        answer.MaxVolume = min(_affordable(asker, contract, row), contract.instrument.max_limit_volume)
    else:
        answer.MaxVolume = max(row.closable(), 0)
    return answer


def _row(asker: Asker, contract: Contract, is_buy: bool, offset: str, hedge: str) -> PositionRow:
    if not contract.uses_history and offset in (CLOSE_TODAY, CLOSE_YESTERDAY):
        offset = CLOSE
    return asker.state.row_for(asker.account, contract, is_buy, offset, hedge)


def _affordable(asker: Asker, contract: Contract, row: PositionRow) -> int:
    price = contract.pre_settlement if contract.pre_settlement != NO_PRICE else market_freeze_price(contract)
    margin = row.rates.margin(row.is_long, price, 1)
    if row.rates.option is not None:
        margin = cost_of_a_lot(row.rates.option, row.is_long, price)
    available = asker.account.purse(contract.currency).available()
    return max(available, 0) // margin if margin > 0 else contract.instrument.max_limit_volume


RATE_QUERIES: Final[dict[str, Query]] = {
    "ReqQryInstrumentMarginRate": margin_rates,
    "ReqQryInstrumentCommissionRate": commission_rates,
    "ReqQryInstrumentOrderCommRate": order_commission_rates,
    "ReqQryExchangeMarginRate": exchange_margin_rates,
    "ReqQryExchangeMarginRateAdjust": exchange_margin_rate_adjusts,
    "ReqQryInvestorProductGroupMargin": product_group_margins,
    "ReqQryBrokerTradingParams": broker_trading_params,
    "ReqQryBrokerTradingAlgos": broker_trading_algos,
}
