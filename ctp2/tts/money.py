"""Exact money: 64-bit integers of 10⁻⁶ of the currency unit, rates as integers of 10⁻⁸.

Each amount is rounded half away from zero when it arises (DESIGN section 5); cents come in only at settlement.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

MICRO: Final = 1_000_000
"""Micro-units of money in one currency unit."""
RATE: Final = 100_000_000
"""Steps of a rate in 1.0."""
MAX_MONEY: Final = (1 << 63) - 1
"""A larger amount is refused with error 15, it never wraps."""


def round_div(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` rounded half away from zero; ``denominator`` > 0."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((2 * -numerator + denominator) // (2 * denominator))


def share(amount: int, rate: int) -> int:
    """``amount`` (micro) times ``rate`` (10⁻⁸), rounded."""
    return round_div(amount * rate, RATE)


def rate_from_decimal(value: Decimal) -> int:
    """A rate such as 0.000023 as an integer of 10⁻⁸.

    Raises:
        ValueError: the rate has more than eight decimals (it would no longer be exact).
    """
    scaled = value * RATE
    if scaled != int(scaled):
        raise ValueError(f"rate {value} has more than eight decimals; round it in the rates file")
    return int(scaled)


def micro_from_decimal(value: Decimal) -> int:
    """An amount such as 3.01 as micro-units, rounded half away from zero."""
    ratio = value.as_integer_ratio()
    return round_div(ratio[0] * MICRO, ratio[1])
