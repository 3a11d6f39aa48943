"""Money as users write it: ``CNY:10000000,HKD:1000000``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from ctp2.tts.money import MICRO

CURRENCIES: Final = ("CNY", "HKD", "USD")
_MOST: Final = 10**12


def balances_of(text: str) -> dict[str, int]:
    """``CNY:10000000,HKD:1000000`` as micro-units per currency.

    Raises:
        ValueError: an unknown currency, one given twice, or an amount that is no number from 0 up to 10¹².
    """
    balances: dict[str, int] = {}
    for part in text.split(","):
        currency, _, amount = part.strip().partition(":")
        if currency not in CURRENCIES or currency in balances:
            raise ValueError(f"{part.strip()!r}: write CURRENCY:AMOUNT with one of {', '.join(CURRENCIES)} once")
        try:
            number = Decimal(amount)
        except InvalidOperation:
            raise ValueError(f"{part.strip()!r}: the amount is not a number") from None
        if not (number.is_finite() and 0 <= number <= _MOST):
            raise ValueError(f"{part.strip()!r}: the amount must be from 0 to 1000000000000")
        balances[currency] = int(number * MICRO)
    return balances


def micro_of(amount: Decimal | int | float | str) -> int:
    """An amount of money as micro-units.

    Raises:
        ValueError: no number, or one with more than two decimals (money moves in cents).
    """
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        raise ValueError(f"{amount!r} is not an amount of money") from None
    if not number.is_finite() or abs(number) > _MOST:
        raise ValueError(f"{amount!r}: the amount must be at most {_MOST}")
    if number * 100 != int(number * 100):
        raise ValueError(f"{amount!r} has more than two decimals")
    return int(number * MICRO)
