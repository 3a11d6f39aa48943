"""One account: cash by currency and net positions, as IB keeps them. Pure; amounts are exact decimals.

A future's profit moves cash when it is closed, an exchange of currencies moves two cash balances, everything else is
paid in full. Average cost and realised profit leave commissions out, which are taken from cash by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from ctp2.testing.tws.contracts import Listed

ZERO: Final = Decimal(0)

PriceOf = Callable[[Listed], Decimal]
"""What a position is marked at."""

MARGINS: Final[dict[str, tuple[Decimal, Decimal]]] = {
    "STK": (Decimal("0.5"), Decimal("0.25")),
    "FUT": (Decimal("0.1"), Decimal("0.08")),
    "CASH": (Decimal("0.03"), Decimal("0.03")),
    "CFD": (Decimal("0.2"), Decimal("0.2")),
    "BOND": (Decimal("0.3"), Decimal("0.3")),
}
"""Initial and maintenance margin as parts of what a position is worth; all other types are margined in full."""
IN_FULL: Final = (Decimal(1), Decimal(1))
_DAILY: Final = ("FUT", "CFD")
"""Types whose worth is not paid: only their profit counts."""


@dataclass(slots=True)
class Holding:
    """A net position; ``average_cost`` is per unit with the multiplier, as IB tells it."""

    listed: Listed
    quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    realized: Decimal = ZERO


@dataclass(slots=True)
class Ledger:
    """An account. ``realized`` is today's by currency."""

    account: str
    cash: dict[str, Decimal]
    holdings: dict[int, Holding] = field(default_factory=dict)
    realized: dict[str, Decimal] = field(default_factory=dict)

    def fill(
        self, listed: Listed, quantity: Decimal, price: Decimal, commission: Decimal, currency: str
    ) -> Decimal | None:
        """A trade of ``quantity`` (negative: sold). Gives the realised profit, None when it only opened."""
        holding = self.holdings.setdefault(listed.con_id, Holding(listed))
        unit = price * Decimal(listed.multiplier or 1) / listed.price_magnifier
        closed = min(abs(quantity), abs(holding.quantity)) if quantity * holding.quantity < 0 else ZERO
        realized: Decimal | None = None
        if closed:
            realized = (unit - holding.average_cost) * closed * (1 if holding.quantity > 0 else -1)
            holding.realized += realized
            self._add(self.realized, listed.currency, realized)
        opened = abs(quantity) - closed
        before = abs(holding.quantity) - closed
        if opened:
            holding.average_cost = (holding.average_cost * before + unit * opened) / (before + opened)
        holding.quantity += quantity
        if not holding.quantity:
            holding.average_cost = ZERO
        self._pay(listed, quantity, unit, realized or ZERO)
        self._add(self.cash, currency, -commission)
        return realized

    def _pay(self, listed: Listed, quantity: Decimal, unit: Decimal, realized: Decimal) -> None:
        if listed.sec_type in _DAILY:
            self._add(self.cash, listed.currency, realized)
            return
        self._add(self.cash, listed.currency, -quantity * unit)
        if listed.sec_type == "CASH":
            self._add(self.cash, listed.symbol, quantity)

    @staticmethod
    def _add(purse: dict[str, Decimal], currency: str, amount: Decimal) -> None:
        purse[currency] = purse.get(currency, ZERO) + amount

    def new_day(self) -> None:
        """Profit that was realised is yesterday's, closed positions are forgotten."""
        self.realized.clear()
        self.holdings = {key: one for key, one in self.holdings.items() if one.quantity}
        for holding in self.holdings.values():
            holding.realized = ZERO

    def currencies(self) -> list[str]:
        """All currencies of cash and positions, in order of appearance."""
        found = dict.fromkeys(self.cash)
        found.update(dict.fromkeys(one.listed.currency for one in self.holdings.values()))
        return list(found)


def unit_value(listed: Listed, price: Decimal) -> Decimal:
    """What one unit is worth at a price."""
    return price * Decimal(listed.multiplier or 1) / listed.price_magnifier


def worth(holding: Holding, price: Decimal) -> Decimal:
    """What a position is worth at a price (marketValue)."""
    return holding.quantity * unit_value(holding.listed, price)


def unrealized(holding: Holding, price: Decimal) -> Decimal:
    """Its profit at a price."""
    return worth(holding, price) - holding.quantity * holding.average_cost


@dataclass(frozen=True, slots=True)
class Totals:
    """An account's amounts in one currency, or all in the base currency."""

    cash: Decimal = ZERO
    stock_value: Decimal = ZERO
    option_value: Decimal = ZERO
    futures_pnl: Decimal = ZERO
    gross: Decimal = ZERO
    unrealized: Decimal = ZERO
    realized: Decimal = ZERO
    initial: Decimal = ZERO
    maintenance: Decimal = ZERO

    @property
    def net_liquidation(self) -> Decimal:
        """What would be left."""
        return self.cash + self.stock_value + self.option_value + self.futures_pnl

    @property
    def available(self) -> Decimal:
        """What new positions may cost."""
        return self.net_liquidation - self.initial

    @property
    def excess(self) -> Decimal:
        """What may be lost before positions are closed."""
        return self.net_liquidation - self.maintenance

    def times(self, rate: Decimal) -> Totals:
        """In another currency."""
        return Totals(*(getattr(self, name) * rate for name in Totals.__slots__))

    def plus(self, other: Totals) -> Totals:
        """Both."""
        return Totals(*(getattr(self, name) + getattr(other, name) for name in Totals.__slots__))


def totals_of(ledger: Ledger, currency: str, price_of: PriceOf) -> Totals:
    """The amounts in one currency."""
    total = Totals(cash=ledger.cash.get(currency, ZERO), realized=ledger.realized.get(currency, ZERO))
    for holding in ledger.holdings.values():
        if holding.listed.currency == currency and holding.quantity:
            total = total.plus(_totals_of_holding(holding, price_of(holding.listed)))
    return total


def _totals_of_holding(holding: Holding, price: Decimal) -> Totals:
    value, profit = worth(holding, price), unrealized(holding, price)
    initial, maintenance = MARGINS.get(holding.listed.sec_type, IN_FULL)
    kind = holding.listed.sec_type
    is_paid = kind not in _DAILY and kind != "CASH"
    is_option = kind in ("OPT", "FOP", "WAR")
    return Totals(
        stock_value=value if is_paid and not is_option else ZERO,
        option_value=value if is_option else ZERO,
        futures_pnl=profit if kind in _DAILY else ZERO,
        gross=abs(value) if is_paid else ZERO,
        unrealized=profit,
        initial=abs(value) * initial,
        maintenance=abs(value) * maintenance,
    )


def in_base(ledger: Ledger, rates: Mapping[str, float], price_of: PriceOf) -> Totals:
    """All currencies in the base currency."""
    total = Totals()
    for currency in ledger.currencies():
        total = total.plus(totals_of(ledger, currency, price_of).times(rate_of(rates, currency)))
    return total


def rate_of(rates: Mapping[str, float], currency: str) -> Decimal:
    """What a unit of a currency is worth in the base currency; 1 when nobody said."""
    return Decimal(repr(rates.get(currency, 1.0)))


def after(ledger: Ledger, fills: Iterable[tuple[Listed, Decimal, Decimal]]) -> Ledger:
    """The account as it would be after these trades, without commissions."""
    copy = Ledger(
        ledger.account,
        dict(ledger.cash),
        {
            key: Holding(one.listed, one.quantity, one.average_cost, one.realized)
            for key, one in ledger.holdings.items()
        },
        dict(ledger.realized),
    )
    for listed, quantity, price in fills:
        copy.fill(listed, quantity, price, ZERO, listed.currency)
    return copy


# ---------------------------------------------------------------------- commissions
@dataclass(frozen=True, slots=True)
class Fee:
    """Commission of an order: so much per unit and part of the value, at least ``minimum``, at most a part of it."""

    per_unit: Decimal = ZERO
    by_value: Decimal = ZERO
    minimum: Decimal = ZERO
    at_most: Decimal | None = None

    def of(self, quantity: Decimal, value: Decimal) -> Decimal:
        """For so many units that are worth so much."""
        amount = max(quantity * self.per_unit + abs(value) * self.by_value, self.minimum)
        if self.at_most is not None:
            amount = min(amount, abs(value) * self.at_most)
        return amount.quantize(Decimal("0.0001"))


FEES: Final[dict[tuple[str, str], Fee]] = {
    ("STK", "USD"): Fee(per_unit=Decimal("0.005"), minimum=Decimal(1), at_most=Decimal("0.01")),
    ("STK", "HKD"): Fee(by_value=Decimal("0.0008"), minimum=Decimal(18)),
    ("OPT", "USD"): Fee(per_unit=Decimal("0.65"), minimum=Decimal(1)),
    ("FUT", "USD"): Fee(per_unit=Decimal("2.25")),
    ("FOP", "USD"): Fee(per_unit=Decimal("2.25")),
    ("CASH", "USD"): Fee(by_value=Decimal("0.00002"), minimum=Decimal(2)),
    ("CRYPTO", "USD"): Fee(by_value=Decimal("0.0018"), at_most=Decimal("0.01")),
}
"""Type and currency → commission of a fill, about IB's own; all others cost nothing."""
FREE: Final = Fee()


def commission_of(listed: Listed, quantity: Decimal, price: Decimal) -> Decimal:
    """The commission of a fill, in the contract's currency."""
    fee = FEES.get((listed.sec_type, listed.currency), FREE)
    return fee.of(quantity, quantity * unit_value(listed, price))
