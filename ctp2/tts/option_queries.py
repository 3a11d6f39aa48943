"""The queries about options: fees, what selling one costs, how many can be opened (spec ctp-semantics 7.3, 8.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ctp2.ctp import structs
from ctp2.refdata.models import Commission
from ctp2.tts import values
from ctp2.tts.contract import Contract
from ctp2.tts.money import MICRO, RATE
from ctp2.tts.options import OptionTerms
from ctp2.tts.terms import INVESTOR_HEDGE_FLAGS

if TYPE_CHECKING:
    from ctp2.tts.asker import Asker


def commission_rates(asker: Asker, field: Any) -> Iterable[Any]:
    """``ReqQryOptionInstrCommRate``: set per product, so the row names the product (spec 7.5)."""
    for contract, _ in _asked_or_held(asker, field):
        rates = _rates(asker, contract)
        line = asker.world.universe.rate_level(contract.instrument, asker.account.account_id, Commission)
        yield structs.CThostFtdcOptionInstrCommRateField(
            InvestorRange="3" if line is not None and line.account else "1",
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            OpenRatioByMoney=rates.open_fee.by_money / RATE,
            OpenRatioByVolume=values.money_to_ctp(rates.open_fee.by_volume),
            CloseRatioByMoney=rates.close_fee.by_money / RATE,
            CloseRatioByVolume=values.money_to_ctp(rates.close_fee.by_volume),
            CloseTodayRatioByMoney=rates.close_today_fee.by_money / RATE,
            CloseTodayRatioByVolume=values.money_to_ctp(rates.close_today_fee.by_volume),
            StrikeRatioByMoney=rates.strike_by_money / RATE,
            StrikeRatioByVolume=values.money_to_ctp(rates.strike_by_volume),
            ExchangeID=contract.exchange,
            InstrumentID=line.code or line.product if line is not None else contract.product,
        )


def trade_costs(asker: Asker, field: Any) -> Iterable[Any]:
    """``ReqQryOptionInstrTradeCost``: what one lot sold at InputPrice costs; 0 asks for the previous settlement.

    UnderlyingPrice, when given, takes the place of the underlying's previous settlement.
    """
    if field.HedgeFlag not in ("", *INVESTOR_HEDGE_FLAGS):
        return
    for contract, option in _asked_or_held(asker, field):
        scale = contract.price_scale
        price = values.price_from_ctp(field.InputPrice, scale) if field.InputPrice > 0 else option.settled_price()
        own, exchange = option.fixed(), option.fixed(True)
        if field.UnderlyingPrice > 0:
            worth = round(field.UnderlyingPrice * MICRO) * contract.instrument.multiplier
            own, exchange = option.fixed_at(worth), option.fixed_at(worth, True)
        yield structs.CThostFtdcOptionInstrTradeCostField(
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            HedgeFlag=field.HedgeFlag or "1",
            FixedMargin=values.money_to_ctp(own),
            MiniMargin=0.0,
            Royalty=values.money_to_ctp(price * contract.notional_micro),
            ExchFixedMargin=values.money_to_ctp(exchange),
            ExchMiniMargin=0.0,
            ExchangeID=contract.exchange,
            InstrumentID=contract.code,
        )


def cost_of_a_lot(option: OptionTerms, is_long: bool, price: int) -> int:
    """What opening one lot takes at the previous settlement, without fee: premium or margin (spec 8.3)."""
    return price * option.contract.notional_micro if is_long else option.rates.margin(False, price, 1)


def _rates(asker: Asker, contract: Contract) -> Contract:
    return contract if asker.state.rates_of is None else asker.state.rates_of(asker.account.account_id, contract)


def _asked_or_held(asker: Asker, field: Any) -> Iterator[tuple[Contract, OptionTerms]]:
    """The option asked for; a blank InstrumentID means what the asker holds (spec 7.5)."""
    if not asker.is_own(field):
        return
    if field.InstrumentID:
        found = asker.state.named(field.InstrumentID)
    else:
        held = {row.contract.index: row.contract for row in asker.account.rows.values() if row.position}
        found = list(held.values())
    for contract in found:
        option = _rates(asker, contract).option
        if option is not None and field.ExchangeID in ("", contract.exchange):
            yield contract, option


OPTION_QUERIES: Final = {
    "ReqQryOptionInstrCommRate": commission_rates,
    "ReqQryOptionInstrTradeCost": trade_costs,
}
