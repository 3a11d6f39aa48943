"""The statements of a counter: what each settlement left of each account, kept small, made to text when asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from ctp2.tts.settled import AccountSettled, Settlement
from ctp2.tts.statement import month_of, statement

ALL: Final = "all"
_MONTH: Final = 6
"""Characters of ``YYYYMM``, and of a day where its month ends."""
_FAST: Final = 1

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
            shown = msgspec.structs.replace(account, carried=[])
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
        if period and len(period) != _MONTH:
            days = [day for day in days if day == period]
        elif period:
            days = [day for day in days if day[:_MONTH] == period]
        if not days:
            return None
        last = self._day(account_id, days[-1])
        if len(period) != _MONTH:
            return last
        month = month_of([self._day(account_id, day).account for day in days])
        return last._replace(period=period, account=month)

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
