"""Commission (spec ctp-semantics 7.5, 14.3): futures by offset, securities in a file of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts.securities import working_fee
from ctp2.tts.terms import CLOSE_TODAY, OPEN

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.position import Lot, PositionRow

_LEDGER_EXCHANGES: Final = ("CFFEX",)
"""Exchanges that always charge close-today by a fee ledger of its own, apart from the lots consumed."""


def frozen_fee(contract: Contract, direction: str, offset: str, price: int, volume: int) -> int:
    """What a working order freezes: a close freezes the pair of its flag on SHFE/INE, else the Close pair."""
    if contract.is_security:
        return working_fee(contract, direction, price, volume, volume)
    if offset == OPEN:
        return contract.open_fee.amount(price, volume)
    if offset == CLOSE_TODAY and contract.uses_history:
        return contract.close_today_fee.amount(price, volume)
    return contract.close_fee.amount(price, volume)


def uses_ledger(contract: Contract) -> bool:
    """Whether close-today fees follow the fee ledger: CFFEX, and DCE, CZCE, GFEX products with a reduced rate."""
    today, close = contract.close_today_fee, contract.close_fee
    return (
        contract.exchange in _LEDGER_EXCHANGES or today.by_money < close.by_money or today.by_volume < close.by_volume
    )


def trade_fee(
    contract: Contract,
    direction: str,
    offset: str,
    price: int,
    volume: int,
    row: PositionRow | None,
    taken: list[tuple[Lot, int]],
) -> tuple[int, int]:
    """Fee of one trade (no security's), and how many of its lots were charged at the close-today rate.

    ``row`` and ``taken`` are the position row and the lots that a closing trade consumes.
    """
    if offset == OPEN or row is None:
        return contract.open_fee.amount(price, volume), 0
    if contract.uses_history:
        today = volume if offset == CLOSE_TODAY else 0
    elif uses_ledger(contract):
        today = min(volume, row.open_volume - row.charged_close_today)
    else:
        today = sum(part for lot, part in taken if lot.is_today)
    fee = contract.close_today_fee.amount(price, today) if today else 0
    if volume > today:
        fee += contract.close_fee.amount(price, volume - today)
    return fee, today
