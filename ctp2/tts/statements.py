"""The statements of a counter: what each settlement left of each account, kept small, made to text when asked for.

A month that was exported as one is kept like a day.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from ctp2.tts.settled import AccountSettled, Settlement
from ctp2.tts.statement import month_of, statement

ALL: Final = "all"
"""As a period: every day by itself."""
_MONTH: Final = 6
"""Characters of ``YYYYMM``, with which each of its days begins."""
_FAST: Final = 1

SHOWN: Final = (
    "account_id",
    "name",
    "purses",
    "transfers",
    "trades",
    "exercises",
    "delivered",
    "closed",
    "details",
    "positions",
)
"""What a statement shows of an account; all else of a settlement is for the next day."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(AccountSettled).decode


class Statement(NamedTuple):
    """An account's day (``period`` is ``YYYYMMDD``) or month (``YYYYMM``); ``number`` is the SettlementID."""

    period: str
    number: int
    made_ns: int
    account: AccountSettled

    def text(self) -> bytes:
        """The statement as CTP writes it."""
        return statement(self.account, self.period, self.made_ns)


class _Kept(NamedTuple):
    """A day of an account, packed: a busy day has as many records as trades."""

    number: int
    made_ns: int
    packed: bytes


class Statements:
    """Settlements by account and day. What is carried on to the next day is not kept: no statement shows it."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, _Kept]] = {}

    def add(self, settlement: Settlement) -> None:
        """Keep a day; settled once more, it replaces what was known of it."""
        for account in settlement.accounts:
            shown = AccountSettled(**{name: getattr(account, name) for name in SHOWN})
            kept = _Kept(settlement.number, settlement.made_ns, zlib.compress(_encode(shown), _FAST))
            self._accounts.setdefault(account.account_id, {})[settlement.trading_day] = kept

    def accounts(self) -> list[str]:
        """Who has a statement."""
        return sorted(self._accounts)

    def days(self, account_id: str) -> list[str]:
        """The settled days of an account."""
        return sorted(self._accounts.get(account_id, ()))

    def of(self, account_id: str, period: str = "") -> Statement | None:
        """The statement of a day, of a month as far as it is settled, or (empty) of the last settled day."""
        days = self.days(account_id)
        if period in days or (not period and days):
            return self._day(account_id, period or days[-1])
        parts = [self._day(account_id, day) for day in days if len(period) == _MONTH and day[:_MONTH] == period]
        if not parts:
            return None
        return parts[-1]._replace(period=period, account=month_of([part.account for part in parts]))

    def find(self, account_id: str = "", period: str = "") -> Iterator[Statement]:
        """Statements by account (empty: everybody's) and period (as ``of``; ``all``: every day)."""
        for name in [account_id] if account_id else self.accounts():
            for chosen in self.days(name) if period == ALL else [period]:
                found = self.of(name, chosen)
                if found is not None:
                    yield found

    def _day(self, account_id: str, day: str) -> Statement:
        kept = self._accounts[account_id][day]
        return Statement(day, kept.number, kept.made_ns, _decode(zlib.decompress(kept.packed)))
