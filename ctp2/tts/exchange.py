"""The checks of the exchange, after CTP accepted an order (spec ctp-semantics 3.3 step 7, 3.8).

Each answers with one of the exchange's reasons of ``rejections``, 0 when it has nothing to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.tts import rejections as error
from ctp2.tts.order_types import BY_EXCHANGE
from ctp2.tts.securities import takes_order_type, volume_refusal
from ctp2.tts.terms import (
    AUCTION_ORDERING,
    COMPLETE_VOLUME,
    CONTINUOUS,
    GFD,
    LIMIT_PRICE,
    NO_PRICE,
)

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.orders import Order


def refusal(order: Order, is_on_grid: bool, checks_holding: bool = True) -> int:
    """Why the exchange refuses a new order: phase, tick, limits, type, volume; 0 when it takes it.

    ``checks_holding`` False (``checks=off``): odd lots are not compared with what the seller holds.
    """
    return _phase(order) or _price(order, is_on_grid) or _type(order) or _volume(order, checks_holding)


def _phase(order: Order) -> int:
    phase = order.contract.phase
    if phase == CONTINUOUS:
        return 0
    terms = order.terms
    collects = (
        phase == AUCTION_ORDERING
        and terms.price_type == LIMIT_PRICE
        and terms.time_condition == GFD
        and terms.volume_condition != COMPLETE_VOLUME
    )
    return 0 if collects else error.PHASE


def _price(order: Order, is_on_grid: bool) -> int:
    price, contract = order.price, order.contract
    if price == NO_PRICE:
        return 0
    if not is_on_grid or (contract.has_tick_bands and price % contract.instrument.tick_units_at(price)):
        return error.OPTION_PRICE if _is_below_an_options_tick(order) else error.OFF_TICK
    if contract.upper_limit != NO_PRICE and price > contract.upper_limit:
        return error.ABOVE_UPPER_LIMIT
    if price <= 0 and (contract.lower_limit == NO_PRICE or contract.lower_limit > 0) and not _is_spread(contract):
        return error.OPTION_PRICE if _is_below_an_options_tick(order) else error.PRICE_NOT_POSITIVE
    if contract.lower_limit != NO_PRICE and price < contract.lower_limit:
        return error.BELOW_LOWER_LIMIT
    return 0


def _is_below_an_options_tick(order: Order) -> bool:
    """DCE says of an option below one tick what it says of nothing else (spec 3.8)."""
    contract = order.contract
    return contract.option is not None and contract.exchange == "DCE" and order.price < contract.tick_units


def _is_spread(contract: Contract) -> bool:
    """The price of a combination is a difference: it may be 0 or below (spec 3.10)."""
    return contract.instrument.product_class == "combination"


def _type(order: Order) -> int:
    """A kind that CTP sends on and the exchange does not take, such as a limit order 2/3/3/1 (spec 3.2)."""
    terms = order.terms
    if order.contract.is_narrow and not takes_order_type(order.contract, terms.price_type, terms.time_condition):
        return error.ORDER_TYPE
    if terms.price_type == LIMIT_PRICE and terms.volume_condition != COMPLETE_VOLUME:
        return 0
    return error.ORDER_TYPE if order.contract.order_types.verdict(terms) == BY_EXCHANGE else 0


def _volume(order: Order, checks_holding: bool) -> int:
    instrument = order.contract.instrument
    volume = order.volume
    if order.contract.is_security:
        return volume_refusal(order, checks_holding)
    if order.terms.price_type == LIMIT_PRICE:
        low, high = instrument.min_limit_volume, instrument.max_limit_volume
    else:
        low, high = instrument.min_market_volume, instrument.max_market_volume
    if volume < low or (high > 0 and volume > high):
        return error.VOLUME
    return 0
