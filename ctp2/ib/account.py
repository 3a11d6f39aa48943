"""Money of IB accounts: the newest value of every tag, and the figures of CTP's account record (spec ib 5.6).

Two streams bring the same tags: the account summary (all accounts, subscribed once) and account updates (one account,
asked for when a query finds the values old). Whichever came last counts. Pure.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Final, NamedTuple

log = logging.getLogger("ctp2.ib")

BASE: Final = "BASE"
"""What TWS writes for the currency of a ledger's total."""
SUMMARY_TAGS: Final = (
    "AccountType,NetLiquidation,TotalCashValue,SettledCash,AccruedCash,EquityWithLoanValue,"
    "PreviousDayEquityWithLoanValue,GrossPositionValue,InitMarginReq,MaintMarginReq,FullInitMarginReq,"
    "FullMaintMarginReq,AvailableFunds,ExcessLiquidity,$LEDGER:ALL"
)
"""What the one summary subscription asks for; ``$LEDGER:ALL`` brings a set of rows per currency."""
TEXT_TAGS: Final = frozenset(
    {"AccountType", "AccountCode", "AccountReady", "AccountOrGroup", "Currency", "RealCurrency"}
)
"""Tags whose value is no amount."""

_UNSET: Final = 1e300
"""The greatest double is how TWS writes that there is no figure."""


class Funds(NamedTuple):
    """One row of CTP's account record, in ``currency``."""

    currency: str
    balance: float = 0.0
    available: float = 0.0
    withdrawable: float = 0.0
    previous: float = 0.0
    initial_margin: float = 0.0
    maintenance_margin: float = 0.0
    open_profit: float = 0.0
    close_profit: float = 0.0
    interest: float = 0.0
    commission: float = 0.0


class Values:
    """What is known of one account's money."""

    __slots__ = ("_amounts", "account_type", "downloaded_ns", "updated_ns")

    def __init__(self) -> None:
        self._amounts: dict[tuple[str, str], float] = {}
        self.account_type = ""
        self.updated_ns = 0
        """When a figure came last, of the summary or of account updates."""
        self.downloaded_ns = 0
        """When account updates came last: they alone tell the marks of positions."""

    def take(self, tag: str, value: str, currency: str) -> bool:
        """Note a value; False: it is none of money (text, or without a currency), and is left out."""
        if tag == "AccountType":
            self.account_type = value
            return False
        if tag in TEXT_TAGS or not currency:
            return False
        try:
            amount = float(value)
        except ValueError:
            log.warning("%s %s is %r, which is no amount: left out", tag, currency, value)
            return False
        if not (math.isfinite(amount) and abs(amount) < _UNSET):
            return False
        self._amounts[tag, currency] = amount
        return True

    @property
    def base(self) -> str:
        """The currency of NetLiquidation; empty before the first values."""
        return next((currency for tag, currency in self._amounts if tag == "NetLiquidation" and currency != BASE), "")

    def amount(self, tag: str, *currencies: str) -> float | None:
        """The value of a tag in the first of ``currencies`` that has one."""
        for currency in currencies:
            found = self._amounts.get((tag, currency))
            if found is not None:
                return found
        return None

    def funds(self, currency: str, commissions: Mapping[str, float]) -> Funds | None:
        """The figures in a currency, empty for the base currency; None when the account has no such row.

        ``commissions``: today's by currency of their reports.
        """
        base = self.base
        if not base:
            return None
        if currency in ("", base):
            return self._base_funds(base, commissions)
        return self._ledger_funds(currency, commissions)

    def _base_funds(self, base: str, commissions: Mapping[str, float]) -> Funds:
        def of(tag: str) -> float:
            return self.amount(tag, base) or 0.0

        def total(tag: str) -> float:
            # A ledger has the sum in BASE beside the part that is held in the base currency itself.
            return self.amount(tag, BASE, base) or 0.0

        initial = self.amount("InitMarginReq", base)
        return Funds(
            currency=base,
            balance=of("NetLiquidation"),
            available=of("AvailableFunds"),
            withdrawable=max(min(of("AvailableFunds"), of("TotalCashValue")), 0.0),
            previous=of("PreviousDayEquityWithLoanValue"),
            initial_margin=of("FullInitMarginReq") if initial is None else initial,
            maintenance_margin=of("MaintMarginReq"),
            open_profit=total("UnrealizedPnL"),
            close_profit=total("RealizedPnL"),
            interest=of("AccruedCash"),
            commission=self.in_base(base, commissions),
        )

    def _ledger_funds(self, currency: str, commissions: Mapping[str, float]) -> Funds | None:
        balance = self.amount("NetLiquidationByCurrency", currency)
        cash = self.amount("CashBalance", currency)
        if balance is None and cash is None:
            return None
        return Funds(
            currency=currency,
            balance=balance or 0.0,
            available=cash or 0.0,
            withdrawable=max(cash or 0.0, 0.0),
            open_profit=self.amount("UnrealizedPnL", currency) or 0.0,
            close_profit=self.amount("RealizedPnL", currency) or 0.0,
            interest=self.amount("AccruedCash", currency) or 0.0,
            commission=commissions.get(currency, 0.0),
        )

    def in_base(self, base: str, commissions: Mapping[str, float]) -> float:
        """Amounts of several currencies in the base currency; what has no rate yet is left out, and logged."""
        total = 0.0
        for currency, amount in commissions.items():
            rate = 1.0 if currency in ("", base) else self.amount("ExchangeRate", currency)
            if rate is None:
                log.warning("no exchange rate of %s yet: its %.2f of commission is not in %s", currency, amount, base)
            else:
                total += amount * rate
        return total
