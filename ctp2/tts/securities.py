"""What is different about stocks, funds, bonds and repos (spec ctp-semantics 14.3): fees, lots, order types.

Brokers charge the least commission once per order, however many fills it has: each fill is charged what the order's
commission grew by (docs/decisions/0067). Stamp duty and transfer fee are of each fill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts import rejections as error
from ctp2.tts.money import share
from ctp2.tts.terms import (
    ANY_PRICE,
    BUY,
    FIVE_LEVEL_PRICE,
    GFD,
    IOC,
    LIMIT_PRICE,
    OPEN,
    SELL,
)

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.orders import Order

MAINLAND: Final = ("SSE", "SZSE", "BSE")
ANY_ODD_LOT: Final = ("BSE", "NASD", "NYSE", "BATS")
"""Exchanges where any number of shares may be sold."""
NO_ODD_LOT: Final = ("HKEX",)
"""Exchanges whose order book takes whole board lots only; odd ones are the broker's business."""

_LIMIT: Final = ((LIMIT_PRICE, GFD),)
_MAINLAND_STOCK: Final = (
    (LIMIT_PRICE, GFD),
    (ANY_PRICE, IOC),
    (ANY_PRICE, GFD),
    (FIVE_LEVEL_PRICE, IOC),
    (FIVE_LEVEL_PRICE, GFD),
)
_US: Final = ((LIMIT_PRICE, GFD), (LIMIT_PRICE, IOC), (ANY_PRICE, IOC), (ANY_PRICE, GFD))
ORDER_TYPES: Final[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("SSE", "stock"): _MAINLAND_STOCK,
    ("SSE", "fund"): _MAINLAND_STOCK,
    ("SSE", "bond"): _LIMIT,
    ("SZSE", "stock"): _MAINLAND_STOCK,
    ("SZSE", "fund"): _MAINLAND_STOCK,
    ("SZSE", "bond"): _LIMIT,
    ("BSE", "stock"): _LIMIT,
    ("HKEX", "stock"): _LIMIT,
    ("HKEX", "fund"): _LIMIT,
    ("NASD", "stock"): _US,
    ("NASD", "fund"): _US,
    ("NYSE", "stock"): _US,
    ("NYSE", "fund"): _US,
    ("BATS", "stock"): _US,
    ("BATS", "fund"): _US,
}
"""Exchange, product class → the (OrderPriceType, TimeCondition) that it has; the counter itself takes all kinds.

Market on a mainland stock is best-five-or-cancel (IOC) or best-five-to-limit (GFD)."""


def takes_order_type(contract: Contract, price_type: str, time_condition: str) -> bool:
    """Whether the exchange has this kind of order for the security; True for what the table does not know."""
    known = ORDER_TYPES.get((contract.exchange, contract.instrument.product_class))
    return known is None or (price_type, time_condition) in known


# ------------------------------------------------------------------ fees
def commission(rates: Contract, turnover: int, volume: int) -> int:
    """The broker's commission of one order for what it has traded: at least the minimum, nothing for nothing."""
    if not volume:
        return 0
    fee = share(turnover, rates.open_fee.by_money) + volume * rates.open_fee.by_volume
    return fee if fee > rates.min_fee else rates.min_fee


def _taxes(rates: Contract, direction: str, turnover: int) -> int:
    """Transfer fee on both sides, stamp duty on sales."""
    fee = share(turnover, rates.transfer_rate)
    if direction != BUY:
        fee += share(turnover, rates.stamp_rate)
    return fee


def working_fee(rates: Contract, direction: str, price: int, volume: int, left: int) -> int:
    """What the last ``left`` shares of an order for ``volume`` may still cost, all of it at ``price``."""
    unit = abs(price) * rates.notional_micro
    done = volume - left
    fee = commission(rates, unit * volume, volume) - commission(rates, unit * done, done)
    return fee + _taxes(rates, direction, unit * left)


def fill_fee(order: Order, price: int, volume: int) -> int:
    """What one fill of an order costs: what its commission grows by, and the taxes of the fill."""
    rates = order.row.rates
    turnover = abs(price) * volume * rates.notional_micro
    rare = order.rare
    before, done = (rare.done_turnover, rare.done_volume) if rare is not None else (0, 0)
    fee = commission(rates, before + turnover, done + volume) - commission(rates, before, done)
    return fee + _taxes(rates, order.terms.direction, turnover)


# ------------------------------------------------------------------ checks
def opening_refusal(contract: Contract, direction: str) -> int:
    """CTP's number for an opening order: nobody sells short, a repo is lent (Sell + Open) and not borrowed."""
    if contract.is_repo:
        return 0 if direction == SELL else error.NO_TRADING_RIGHT
    return error.SHORT_SELL if direction == SELL else 0


def volume_refusal(order: Order, checks_holding: bool) -> int:
    """Buys in board lots; an odd remainder is sold whole and only as it is (spec 14.3)."""
    instrument = order.contract.instrument
    volume = order.volume
    if volume > instrument.max_limit_volume:
        return error.VOLUME
    step, least = instrument.lot_step, instrument.lot_min
    is_regular = volume >= least and (volume - least) % step == 0
    if order.offset == OPEN or instrument.exchange in NO_ODD_LOT:
        return 0 if is_regular else error.VOLUME
    if not checks_holding or instrument.exchange in ANY_ODD_LOT:
        return 0
    held = order.row.closable() + volume  # the order's own shares are frozen already
    if step == 1:
        return 0 if is_regular or volume == held else error.VOLUME
    odd = volume % step
    return 0 if odd == 0 or odd == held % step else error.VOLUME
