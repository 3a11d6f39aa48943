"""Values of products that differ from products.csv for a time or for some months: ``data/contract_changes.csv``.

Old ticks, and the minimum order sizes that exchanges raise for single contracts (reference-data 2).
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import NamedTuple

from ctp2.refdata.table import DATA_DIR, Row, rows

_COLUMNS = "exchange product first_month last_month effective_from effective_to field value".split()
_VOLUMES = ("min_limit_volume", "max_limit_volume", "min_market_volume", "max_market_volume")
_FIELDS = ("price_tick", "limit_ratio", *_VOLUMES)


class Change(NamedTuple):
    """One line: from month to month (``YYYYMM``), from day to day, both inclusive; an empty bound is open."""

    first_month: str
    last_month: str
    effective_from: str
    effective_to: str
    field: str
    value: Decimal | int

    def holds(self, month: str, trading_day: str) -> bool:
        """Whether it is in force for a delivery month on a day."""
        return self.first_month <= month <= (self.last_month or "9") and self.effective_from <= trading_day <= (
            self.effective_to or "9"
        )


@cache
def _changes() -> dict[tuple[str, str], list[Change]]:
    result: dict[tuple[str, str], list[Change]] = {}
    for row in rows(DATA_DIR / "contract_changes.csv", _COLUMNS):
        result.setdefault((row.text("exchange"), row.text("product")), []).append(_from_row(row))
    return result


def _from_row(row: Row) -> Change:
    field = row.text("field")
    if field not in _FIELDS:
        raise row.error("field", f"{field!r} cannot change; known: {', '.join(_FIELDS)}")
    value: Decimal | int = row.integer("value") if field in _VOLUMES else row.rate("value")
    if field == "price_tick":
        value = row.tick("value")
    return Change(
        row.text("first_month"),
        row.text("last_month"),
        row.date("effective_from"),
        row.date("effective_to"),
        field,
        value,
    )


def changed_fields(exchange: str, product: str, year: int, month: int, trading_day: str) -> dict[str, Decimal | int]:
    """What is different for a contract on a day; the last line that fits wins."""
    lines = _changes().get((exchange, product))
    if lines is None:
        return {}
    delivery = f"{year:04d}{month:02d}"
    return {line.field: line.value for line in lines if line.holds(delivery, trading_day)}
