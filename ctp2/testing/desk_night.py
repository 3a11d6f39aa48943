"""The end of a day at the desk of scenarios: prices, settlement, and the next day with what was carried.

``settles rb2105 3540 ag2106 5000`` gives settlement prices as the exchange would (closes with ``closes CODE PRICE``,
the day's figures with ``day CODE VOLUME TURNOVER``); ``next day`` settles, and opens the next weekday (or ``next day
20250310``) with the same instruments but those that have expired. Everybody confirms the statement. Tables of the last
settlement are ``statement USER [CURRENCY]``, ``settled-trades``, ``closed``, ``held``, ``summary``, ``exercised``,
``delivered`` and ``transfers``; their columns are the fields of ``ctp2.tts.settled``, money in currency units.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ctp2.tts.engine import Engine
from ctp2.tts.events import DaySettled, Event
from ctp2.tts.money import MICRO
from ctp2.tts.settled import AccountSettled, Settlement, pack, unpack
from ctp2.tts.settlement import settle
from ctp2.tts.settlement_prices import DayFigures
from ctp2.tts.state import State
from ctp2.tts.terms import NO_PRICE

if TYPE_CHECKING:
    from ctp2.testing.desk import Desk

_DAY_NS: Final = 86_400_000_000_000
_COUNTS: Final = ("volume", "long_volume", "short_volume", "trade_id")
"""Whole numbers of the records that are no money."""


class Night:
    """What was given of the day's end so far, and what the last settlement left."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str], DayFigures] = {}
        self.settlement: Settlement | None = None


# ------------------------------------------------------------------ the roll
def give(desk: Desk, code: str, **figures: Any) -> None:
    """Figures of an instrument's day; prices as text."""
    contract = desk.contract(code)
    known = desk.night.figures.get((contract.exchange, code), DayFigures())
    for name in ("settlement", "close", "last"):
        if name in figures:
            figures[name] = int(Decimal(figures[name]) * contract.price_scale)
    desk.night.figures[contract.exchange, code] = known._replace(**figures)


def next_day(desk: Desk, day: str = "") -> Settlement:
    """Settle, and open the next day: what a counter does, with the settlement on its way through a log."""
    old = desk.state
    day = day or _next_weekday(old.trading_day)
    confirmed = [name for name, account in old.accounts.items() if account.confirmed_ns]
    settlement = settle(old, day, desk.now_ns, desk.night.figures)
    open_day(desk, settlement)
    desk.begin_day(DaySettled(unpack(pack(settlement)), desk.now_ns))
    for name in confirmed:
        desk.confirm(name)
    desk.night.settlement = settlement
    desk.night.figures = {}
    return settlement


def open_day(desk: Desk, settlement: Settlement) -> None:
    """An empty state for the next day with the instruments that are still listed."""
    days = (_date(settlement.next_day) - _date(settlement.trading_day)).days
    desk.now_ns = (desk.now_ns // _DAY_NS + days) * _DAY_NS + _OPENING_NS
    desk.engine = Engine(State(settlement.next_day), desk.settings)
    desk.records.clear()
    prices = {(price.exchange, price.code): price for price in settlement.prices}
    listed, desk.listed = desk.listed, []
    for one in listed:
        instrument = one.instrument
        if instrument.expire_date and instrument.expire_date < settlement.next_day:
            continue
        price = prices.get(instrument.key)
        settled, closed = (NO_PRICE, NO_PRICE) if price is None else (price.settlement, price.close)
        desk.add_listed(one, *(_text(units, instrument.price_scale) for units in (settled, closed)))
    for code in desk.combination_codes:
        if all(leg in desk.state.by_code for leg in code.partition(" ")[2].split("&")):
            add_again(desk, code)


def add_again(desk: Desk, code: str) -> None:
    """A combination of two instruments that are still listed."""
    from ctp2.testing.desk_combos import add_combination  # that module knows desks, and desks know this one

    add_combination(desk, code)


_OPENING_NS: Final = 5_400_000_000_000
"""09:30 in Beijing, counted from midnight UTC."""


def _date(day: str) -> datetime:
    return datetime.strptime(day, "%Y%m%d")


def _next_weekday(day: str) -> str:
    following = _date(day) + timedelta(days=1)
    while following.weekday() > 4:
        following += timedelta(days=1)
    return f"{following:%Y%m%d}"


def _text(units: int, scale: int) -> str:
    return "" if units == NO_PRICE else str(Decimal(units) / scale)


# ------------------------------------------------------------------ tables
class _Shown:
    """A record with money in currency units."""

    def __init__(self, record: Any) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._record, name)
        if isinstance(value, int) and not isinstance(value, bool) and name not in _COUNTS:
            return Decimal(value) / MICRO
        return value

    def __str__(self) -> str:
        return str(self._record)


def settled_account(desk: Desk, user: str) -> AccountSettled:
    """The user's part of the last settlement."""
    settlement = desk.night.settlement
    if settlement is None:
        raise ValueError("no day has been settled yet")
    return next(account for account in settlement.accounts if account.account_id == user)


def _table(name: str) -> Callable[[Desk, str], list[Any]]:
    def rows(desk: Desk, user: str) -> list[Any]:
        return [_Shown(record) for record in getattr(settled_account(desk, user), name)]

    return rows


TABLES: Final[dict[str, Callable[[Desk, str], list[Any]]]] = {
    "statement": _table("purses"),
    "settled-trades": _table("trades"),
    "closed": _table("closed"),
    "held": _table("details"),
    "summary": _table("positions"),
    "exercised": _table("exercises"),
    "delivered": _table("delivered"),
    "transfers": _table("transfers"),
}


# ------------------------------------------------------------------ steps
def _settles_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    words = match["prices"].split()
    name = "settlement" if match["what"] == "settles" else "close"
    for code, price in zip(words[::2], words[1::2], strict=True):
        give(desk, code, **{name: price})
    return []


def _figures_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    give(desk, match["code"], volume=int(match["volume"]), turnover=float(match["turnover"]))
    return []


def _next_step(desk: Desk, match: re.Match[str]) -> list[Event]:
    next_day(desk, match["day"] or "")
    return []


STEPS: Final[tuple[tuple[re.Pattern[str], Callable[[Desk, re.Match[str]], list[Event]]], ...]] = (
    (re.compile(r"(?P<what>settles|closes) (?P<prices>\S+ \S+(?: \S+ \S+)*)$"), _settles_step),
    (re.compile(r"day (?P<code>\S+) (?P<volume>\d+) (?P<turnover>\S+)$"), _figures_step),
    (re.compile(r"next day(?: (?P<day>\d{8}))?$"), _next_step),
)
