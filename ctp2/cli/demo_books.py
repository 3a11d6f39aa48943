"""Do the books balance? The account and positions of the counter against what the strategy itself saw.

Nothing here asks the counter for a sum: commission and close profit are worked out from each trade and the rates that
were queried, the positions from the trades' net, and the account's two identities (Balance and Available, as CTP
defines them) from their parts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ctp2 import tdapi

CENT: Final = 0.005
"""Half a cent: the counter keeps 10⁻⁶, a double of this size holds 10⁻⁹."""


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    expected: float
    found: float
    passed: bool
    at_least: bool = False


@dataclass
class Sums:
    """What the trades of one instrument amount to, lots closed first in, first out."""

    commission: float = 0.0
    close_profit: float = 0.0
    opened: int = 0
    closed: int = 0
    long: deque[float] = field(default_factory=deque)
    short: deque[float] = field(default_factory=deque)


def add_up(trades: Iterable[Any], multiple: int, rate: Any) -> Sums:
    """Replay the trades. All lots were opened today, so each close pays the close-today rate."""
    sums = Sums()
    for trade in trades:
        is_open = trade.OffsetFlag == tdapi.THOST_FTDC_OF_Open
        is_buy = trade.Direction == tdapi.THOST_FTDC_D_Buy
        by_money = rate.OpenRatioByMoney if is_open else rate.CloseTodayRatioByMoney
        by_volume = rate.OpenRatioByVolume if is_open else rate.CloseTodayRatioByVolume
        sums.commission += trade.Volume * (trade.Price * multiple * by_money + by_volume)
        lots = sums.long if is_buy == is_open else sums.short
        if is_open:
            sums.opened += trade.Volume
            lots.extend([trade.Price] * trade.Volume)
            continue
        sums.closed += trade.Volume
        sign = -1 if is_buy else 1
        for _ in range(trade.Volume):
            sums.close_profit += sign * (trade.Price - lots.popleft()) * multiple
    return sums


def _close(name: str, expected: float, found: float, tolerance: float = CENT) -> Check:
    return Check(name, expected, found, abs(expected - found) < tolerance)


def _at_least(name: str, expected: int, found: int) -> Check:
    return Check(name, expected, found, found >= expected, at_least=True)


def check_activity(sums: Sums, cancelled: int, refused: int) -> list[Check]:
    """Orders really filled, one was really cancelled, none was refused."""
    return [
        _at_least("lots opened", 1, sums.opened),
        _at_least("lots closed", 1, sums.closed),
        _at_least("orders cancelled", 1, cancelled),
        _close("orders refused", 0, refused),
    ]


def check_account(account: Any, sums: Sums, algorithm: str) -> list[Check]:
    """Section by section, the account against the trades; ``algorithm`` says which profit may be spent."""
    static = (
        account.PreBalance
        - account.PreCredit
        - account.PreMortgage
        + account.Mortgage
        + account.Deposit
        - account.Withdraw
    )
    balance = static + sums.close_profit + account.PositionProfit + account.CashIn - sums.commission
    profit = account.PositionProfit
    withheld = {"1": 0.0, "2": max(profit, 0.0), "3": min(profit, 0.0), "4": profit}[algorithm or "2"]
    available = (
        balance
        - withheld
        - account.CurrMargin
        - account.FrozenMargin
        - account.FrozenCash
        - account.FrozenCommission
        - account.DeliveryMargin
        - account.Reserve
        + account.Credit
    )
    return [
        _close("Commission", sums.commission, account.Commission),
        _close("CloseProfit", sums.close_profit, account.CloseProfit),
        _close("Balance", balance, account.Balance),
        _close("Available", available, account.Available),
        _close("nothing frozen", 0.0, account.FrozenMargin + account.FrozenCash + account.FrozenCommission),
    ]


def check_positions(rows: Sequence[Any], sums: Sums, multiple: int, margin: Any, account: Any) -> list[Check]:
    """Position rows against the trades' net, their margin against the rates (lots of today at their opening price)."""

    def held(direction: str) -> int:
        return sum(row.Position for row in rows if row.PosiDirection == direction)

    long_margin = sum(p * multiple * margin.LongMarginRatioByMoney + margin.LongMarginRatioByVolume for p in sums.long)
    short_margin = sum(
        p * multiple * margin.ShortMarginRatioByMoney + margin.ShortMarginRatioByVolume for p in sums.short
    )
    return [
        _close("long lots", len(sums.long), held(tdapi.THOST_FTDC_PD_Long)),
        _close("short lots", len(sums.short), held(tdapi.THOST_FTDC_PD_Short)),
        _close("margin of the rows", long_margin + short_margin, sum(row.UseMargin for row in rows)),
        _close("CurrMargin", max(long_margin, short_margin), account.CurrMargin),
    ]


def check_mark(account: Any, sums: Sums, multiple: int, seen_prices: Iterable[float]) -> Check:
    """The open profit is that of a price which the strategy itself received."""
    profits = [
        multiple * (sum(price - lot for lot in sums.long) - sum(price - lot for lot in sums.short))
        for price in seen_prices
    ]
    nearest = min(profits, key=lambda profit: abs(profit - account.PositionProfit), default=0.0)
    return _close("PositionProfit", nearest, account.PositionProfit)
