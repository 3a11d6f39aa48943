"""Statements for programs: JSON with exact amounts, and a table of each kind for CSV.

Names are those of the records (``ctp2.tts.settled``). Amounts of money are decimal strings with two decimals, more only
where the amount has more; prices are decimal strings as quoted; counts and dates are what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from ctp2.tts.money import MICRO
from ctp2.tts.settled import (
    AccountSettled,
    ClosedLine,
    DeliveryLine,
    DetailLine,
    ExerciseLine,
    PositionLine,
    PurseSettled,
    TradeLine,
    TransferLine,
)
from ctp2.tts.statements import Statement

FORMAT: Final = 1
"""Number of the JSON layout; another one is refused."""
TABLES: Final[dict[str, Any]] = {
    "purses": PurseSettled,
    "transfers": TransferLine,
    "trades": TradeLine,
    "exercises": ExerciseLine,
    "delivered": DeliveryLine,
    "closed": ClosedLine,
    "details": DetailLine,
    "positions": PositionLine,
}
"""List of an account, and CSV file → its records."""
DERIVED: Final = ("client_equity", "market_value_equity", "margin_call")
"""What follows from a purse's other amounts; the CSV shows it, reading back it is worked out again."""

_COUNTS: Final = frozenset(("volume", "long_volume", "short_volume", "trade_id"))
_CENTS: Final = 2


def exact(micro: int) -> str:
    """Micro-units as a decimal number, nothing of it lost."""
    whole, rest = divmod(abs(micro), MICRO)
    decimals = f"{rest:06d}".rstrip("0").ljust(_CENTS, "0")
    return f"{'-' if micro < 0 else ''}{whole}.{decimals}"


def micro_of(text: str) -> int:
    """The reverse.

    Raises:
        ValueError: no number, or one that is finer than a micro-unit.
    """
    try:
        scaled = Decimal(text) * MICRO
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount of money") from None
    if not scaled.is_finite() or scaled != int(scaled):
        raise ValueError(f"{text!r} is not an amount of money")
    return int(scaled)


def _is_money(field: Any) -> bool:
    return field.type is int and field.name not in _COUNTS


# ------------------------------------------------------------------ JSON
def to_plain(found: Iterable[Statement]) -> dict[str, Any]:
    """Statements as what ``json.dumps`` takes."""
    return {"format": FORMAT, "statements": [_statement(item) for item in found]}


def _statement(item: Statement) -> dict[str, Any]:
    account = item.account
    tables = {name: [_record(line) for line in getattr(account, name)] for name in TABLES}
    return {
        "period": item.period,
        "number": item.number,
        "made_ns": item.made_ns,
        "account": {"account_id": account.account_id, "name": account.name, **tables},
    }


def _record(record: Any) -> dict[str, Any]:
    return {field.name: _plain(field, getattr(record, field.name)) for field in msgspec.structs.fields(record)}


def _plain(field: Any, value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return exact(value) if _is_money(field) else value


def from_plain(document: Any) -> Iterator[Statement]:
    """The statements of an exported document.

    Raises:
        ValueError: it is none, or one of another format.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"not statements exported by ctp2 settle, or not of format {FORMAT}")
    try:
        for item in document["statements"]:
            account = dict(item["account"])
            for name, kind in TABLES.items():
                account[name] = [_restored(kind, line) for line in account.get(name, ())]
            period, number, made_ns = str(item["period"]), int(item["number"]), int(item["made_ns"])
            yield Statement(period, number, made_ns, msgspec.convert(account, AccountSettled))
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise ValueError(f"not statements exported by ctp2 settle: {error!r}") from None


def _restored(kind: Any, line: dict[str, Any]) -> dict[str, Any]:
    restored = dict(line)
    for field in msgspec.structs.fields(kind):
        if _is_money(field) and field.name in restored:
            restored[field.name] = micro_of(restored[field.name])
    return restored


# ------------------------------------------------------------------ CSV
def to_tables(found: Iterable[Statement]) -> dict[str, list[list[Any]]]:
    """A table of each kind, its header first: period and account in front of the record's own columns."""
    tables: dict[str, list[list[Any]]] = {
        name: [["period", "account_id", *_columns(name, kind)]] for name, kind in TABLES.items()
    }
    for item in found:
        for name, table in tables.items():
            for line in getattr(item.account, name):
                table.append([item.period, item.account.account_id, *_cells(name, line)])
    return tables


def _columns(name: str, kind: Any) -> list[str]:
    columns = [field.name for field in msgspec.structs.fields(kind)]
    return columns + list(DERIVED) if name == "purses" else columns


def _cells(name: str, line: Any) -> list[Any]:
    cells = [int(value) if isinstance(value, bool) else value for value in _record(line).values()]
    return cells + [exact(getattr(line, derived)) for derived in DERIVED] if name == "purses" else cells
