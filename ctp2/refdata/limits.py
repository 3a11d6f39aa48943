"""Daily price limits: the ratio in force, and the two prices (reference-data 5).

Mainland securities: from the previous close and the board's ratio, rounded half up to the tick. Mainland futures: from
the previous settlement and the product's ratio, rounded inward. HK, US and CME have none.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache

from ctp2.refdata.models import FUTURE, OPTION, SECURITY_CLASSES, Instrument
from ctp2.refdata.table import DATA_DIR, rows


def board_limit_ratio(limit_class: str, trading_day: str) -> Decimal | None:
    """The ratio of a class of boards (board_limits.csv) on a day; None when it has no daily limit."""
    ratio: Decimal | None = None
    for since, value, _ in _board_limits().get(limit_class, ()):
        if since <= trading_day:
            ratio = value
    return ratio


def limit_free_days(limit_class: str, open_date: str) -> int:
    """On how many trading days from its listing on a security has no limits; 0 when the day is not known."""
    days = 0
    for since, _, free in _board_limits().get(limit_class, ()):
        if open_date and since <= open_date:
            days = free
    return days


@lru_cache(maxsize=1)
def _board_limits() -> dict[str, list[tuple[str, Decimal | None, int]]]:
    result: dict[str, list[tuple[str, Decimal | None, int]]] = {}
    for row in rows(DATA_DIR / "board_limits.csv", ["limit_class", "effective_from", "ratio", "free_days"]):
        step = row.date("effective_from"), row.decimal("ratio"), row.integer("free_days")
        result.setdefault(row.text("limit_class"), []).append(step)
    for steps in result.values():
        steps.sort(key=lambda step: step[0])
    return result


def daily_limits(
    instrument: Instrument,
    pre_settlement: Decimal | None,
    pre_close: Decimal | None = None,
    underlying_price: Decimal | None = None,
) -> tuple[Decimal | None, Decimal | None]:
    """``(upper, lower)`` of a day; None where there is no limit or no reference price.

    Fixed limits of the instrument win. Securities count from ``pre_close`` (``pre_settlement`` when that is missing),
    everything else from ``pre_settlement``. Options move with their underlying: they need ``underlying_price``, its
    previous settlement price (index and fund: previous close), and have no limits without it.
    """
    if instrument.upper_limit is not None or instrument.lower_limit is not None:
        return instrument.upper_limit, instrument.lower_limit
    if instrument.product_class == OPTION:
        if pre_settlement is None or underlying_price is None:
            return None, None
        from ctp2.refdata.options import option_limits

        return option_limits(instrument, pre_settlement, underlying_price)
    is_security = instrument.product_class in SECURITY_CLASSES
    reference = (pre_close if pre_close is not None else pre_settlement) if is_security else pre_settlement
    if instrument.limit_ratio is None or reference is None:
        return None, None
    width = abs(reference) * instrument.limit_ratio
    inward = instrument.product_class == FUTURE
    return (
        _to_tick(reference + width, instrument.price_tick, ROUND_FLOOR if inward else ROUND_HALF_UP),
        _to_tick(reference - width, instrument.price_tick, ROUND_CEILING if inward else ROUND_HALF_UP),
    )


def _to_tick(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).quantize(Decimal(1), rounding) * tick
