"""What TWS tells of an account's money: tags with their values, the same for summary, updates and models.

A row is tag, value as text, currency. Money of the whole account is in the base currency; rows of the ledger are told
by currency and once more for ``BASE``, which is all of them in the base currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ctp2.testing.tws.ledger import Totals

BASE: Final = "USD"
"""The base currency of all accounts."""
Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Money:
    """All amounts of an account: ``whole`` in the base currency, ``parts`` by currency with what a unit is worth."""

    whole: Totals
    parts: dict[str, tuple[Totals, Decimal]]
    start: Decimal
    """Net liquidation at the beginning of the day."""


_TEXTS: Final = {
    "AccountReady": "true",
    "AccountType": "INDIVIDUAL",
    "DayTradesRemaining": "-1",
    "LookAheadNextChange": "0",
}

_NUMBERS: Final[dict[str, Callable[[Money], Decimal]]] = {
    "Cushion": lambda money: _part(money.whole.excess, money.whole.net_liquidation),
    "Leverage": lambda money: _part(money.whole.gross, money.whole.net_liquidation),
}

_MONEY: Final[dict[str, Callable[[Money], Decimal]]] = {
    "NetLiquidation": lambda money: money.whole.net_liquidation,
    "EquityWithLoanValue": lambda money: money.whole.net_liquidation,
    "PreviousDayEquityWithLoanValue": lambda money: money.start,
    "TotalCashValue": lambda money: money.whole.cash,
    "SettledCash": lambda money: money.whole.cash,
    "AccruedCash": lambda money: Decimal(0),
    "BuyingPower": lambda money: max(money.whole.available, Decimal(0)) * 4,
    "GrossPositionValue": lambda money: money.whole.gross,
    "RegTEquity": lambda money: money.whole.net_liquidation,
    "RegTMargin": lambda money: money.whole.initial,
    "SMA": lambda money: money.whole.available,
    "InitMarginReq": lambda money: money.whole.initial,
    "MaintMarginReq": lambda money: money.whole.maintenance,
    "FullInitMarginReq": lambda money: money.whole.initial,
    "FullMaintMarginReq": lambda money: money.whole.maintenance,
    "LookAheadInitMarginReq": lambda money: money.whole.initial,
    "LookAheadMaintMarginReq": lambda money: money.whole.maintenance,
    "AvailableFunds": lambda money: money.whole.available,
    "FullAvailableFunds": lambda money: money.whole.available,
    "LookAheadAvailableFunds": lambda money: money.whole.available,
    "ExcessLiquidity": lambda money: money.whole.excess,
    "FullExcessLiquidity": lambda money: money.whole.excess,
    "LookAheadExcessLiquidity": lambda money: money.whole.excess,
}

_LEDGER: Final[dict[str, Callable[[Totals], Decimal]]] = {
    "CashBalance": lambda part: part.cash,
    "TotalCashBalance": lambda part: part.cash,
    "AccruedCash": lambda part: Decimal(0),
    "StockMarketValue": lambda part: part.stock_value,
    "OptionMarketValue": lambda part: part.option_value,
    "FuturesPNL": lambda part: part.futures_pnl,
    "NetLiquidationByCurrency": lambda part: part.net_liquidation,
    "UnrealizedPnL": lambda part: part.unrealized,
    "RealizedPnL": lambda part: part.realized,
}


def _part(value: Decimal, whole: Decimal) -> Decimal:
    return value / whole if whole else Decimal(0)


def money_text(value: Decimal) -> str:
    """To the cent."""
    return f"{value:.2f}"


def account_rows(money: Money) -> list[Row]:
    """All that is not of one currency."""
    rows: list[Row] = [(tag, text, "") for tag, text in _TEXTS.items()]
    rows += [(tag, f"{make(money):.4f}", "") for tag, make in _NUMBERS.items()]
    return rows + [(tag, money_text(make(money)), BASE) for tag, make in _MONEY.items()]


def ledger_rows(money: Money, currencies: Iterable[str] | None = None) -> list[Row]:
    """The ledger of these currencies (``BASE`` is one), None: of all."""
    wanted = [*money.parts, "BASE"] if currencies is None else list(currencies)
    rows: list[Row] = []
    for currency in wanted:
        if currency == "BASE":
            part, rate = money.whole, Decimal(1)
        elif currency in money.parts:
            part, rate = money.parts[currency]
        else:
            continue
        rows.append(("Currency", currency, currency))
        rows += [(tag, money_text(make(part)), currency) for tag, make in _LEDGER.items()]
        rows.append(("ExchangeRate", f"{rate:.7f}", currency))
        rows.append(("RealCurrency", BASE if currency == "BASE" else currency, currency))
    return rows


def summary_rows(money: Money, tags: str) -> list[Row]:
    """The rows of a comma list of tags, with ``$LEDGER`` (the base currency), ``$LEDGER:USD`` and ``$LEDGER:ALL``."""
    rows: list[Row] = []
    known = {row[0]: row for row in account_rows(money)}
    for tag in (word.strip() for word in tags.split(",")):
        if tag.startswith("$LEDGER"):
            currency = tag.partition(":")[2]
            rows += ledger_rows(money, None if currency == "ALL" else [currency or "BASE"])
        elif tag in known:
            rows.append(known[tag])
    return rows
