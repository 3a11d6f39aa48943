"""What a client watches of accounts until it takes it back: positions, values, profit. Each tells only what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from ctp2.testing.tws.account_values import Row
from ctp2.testing.tws.ledger import Holding

T = TypeVar("T")


class Watch:
    """One subscription."""

    def moved(self, account: str, holding: Holding) -> None:
        """A position changed."""

    def refresh(self) -> None:
        """Values may have changed: after a fill, and every three minutes."""

    def second(self) -> None:
        """A second has passed."""


class PositionWatch(Watch):
    """Positions of ``account`` (empty: of all) go to ``send``."""

    def __init__(self, account: str, send: Callable[[str, Holding], None]) -> None:
        self._account = account
        self._send = send

    def moved(self, account: str, holding: Holding) -> None:
        """Tell it."""
        if self._account in ("", account):
            self._send(account, holding)


class ValueWatch(Watch):
    """Rows of accounts; ``send`` gets account and row."""

    def __init__(self, make: Callable[[], Iterable[tuple[str, Row]]], send: Callable[[str, Row], None]) -> None:
        self._make = make
        self._send = send
        self._told: dict[tuple[str, str, str], str] = {}
        self.refresh()

    def refresh(self) -> None:
        """Tell the rows whose value is another one than was told."""
        for account, row in self._make():
            key = (account, row[0], row[2])
            if self._told.get(key) != row[1]:
                self._told[key] = row[1]
                self._send(account, row)


class UpdateWatch(ValueWatch):
    """Account updates: values, portfolio, then the time and the end of each round (``finish``)."""

    def __init__(
        self,
        account: str,
        make: Callable[[], Iterable[tuple[str, Row]]],
        send: Callable[[str, Row], None],
        portfolio: Callable[[Holding], None],
        finish: Callable[[], None],
    ) -> None:
        self._account = account
        self._portfolio = portfolio
        self._finish = finish
        super().__init__(make, send)

    def moved(self, account: str, holding: Holding) -> None:
        """Tell what the position is worth."""
        if account == self._account:
            self._portfolio(holding)

    def refresh(self) -> None:
        """Values, then the time."""
        super().refresh()
        self._finish()


class ProfitWatch(Watch, Generic[T]):
    """Profit, once a second when it changed."""

    def __init__(self, make: Callable[[], T], send: Callable[[T], None]) -> None:
        self._make = make
        self._send = send
        self._told: T | None = None
        self.second()

    def second(self) -> None:
        """Tell it if it is another one."""
        profit = self._make()
        if profit != self._told:
            self._told = profit
            self._send(profit)
