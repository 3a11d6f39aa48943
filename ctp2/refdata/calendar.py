"""Trading days from ``data/trading_days.csv``: which days trade, which evenings have a night session.

Beyond the days that the file knows every question raises ``CalendarError``: Chinese holidays are announced a year at a
time and must not be guessed (reference-data 4). Days are ``YYYYMMDD`` text.
"""

from __future__ import annotations

import bisect
import re
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ctp2.refdata.table import DATA_DIR, DataError, cells

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NS_PER_SECOND = 1_000_000_000

#: market → (column of the file, time zone, seconds after local midnight at which the next trading day begins).
#: China: ctp-semantics 10.2 (20:30); New York: end of the late session; Chicago: pre-open of the next trade date.
_MARKETS: dict[str, tuple[str, str, int]] = {
    "CN": ("cn_trading", "Asia/Shanghai", 73800),
    "HK": ("hk_trading", "Asia/Hong_Kong", 73800),
    "US": ("us_trading", "America/New_York", 72000),
    "CME": ("cme_session", "America/Chicago", 60300),
}

#: market → the column that marks its short days.
_HALF_DAYS = {"HK": "hk_half_day", "US": "us_early_close", "CME": "cme_early_close"}

_COLUMNS = ["date", "cn_night_starts_this_evening", *(spec[0] for spec in _MARKETS.values()), *_HALF_DAYS.values()]

_EXCHANGE_MARKETS = {"HKEX": "HK", "NASD": "US", "NYSE": "US", "BATS": "US", "CME": "CME"}


class CalendarError(DataError):
    """A day outside the calendar file, or a market it does not know."""


class CalendarEnded(CalendarError):
    """A day after the last one that this version knows: the calendar needs an update, nothing is guessed."""


def market_of(exchange: str) -> str:
    """The calendar's market of an exchange: ``CN`` unless it is HKEX, NASD, NYSE, BATS or CME."""
    return _EXCHANGE_MARKETS.get(exchange, "CN")


def to_date(day: str) -> date:
    """``YYYYMMDD`` as a date; ``CalendarError`` when it is none."""
    try:
        if len(day) != 8:
            raise ValueError(day)
        return date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        raise CalendarError(f"{day!r} is not a day (YYYYMMDD)") from None


def to_day(value: date) -> str:
    """A date as ``YYYYMMDD``."""
    return f"{value.year:04d}{value.month:02d}{value.day:02d}"


def plus_days(day: str, count: int) -> str:
    """The calendar day ``count`` days later."""
    return to_day(to_date(day) + timedelta(days=count))


class Calendar:
    """The trading days of one calendar file."""

    __slots__ = ("_days", "_known", "_lines", "_nights", "path")

    def __init__(self, path: Path = DATA_DIR / "trading_days.csv") -> None:
        self.path = path
        self._lines = [(line[0].replace("-", ""), line) for line in cells(path, _COLUMNS)]
        self._days: dict[str, list[str]] = {}
        self._known: dict[str, list[str]] = {}
        self._nights: dict[str, bool] = {}

    def covers(self, market: str, day: str) -> bool:
        """Whether the file knows this day of this market."""
        known = self._known_days(market)
        return bool(known) and known[0] <= day <= known[-1]

    def horizon(self, market: str) -> tuple[str, str]:
        """First and last day that the file knows."""
        known = self._known_days(market)
        if not known:
            raise CalendarError(f"{self.path}: no days of market {market}")
        return known[0], known[-1]

    def is_trading_day(self, market: str, day: str) -> bool:
        """Whether the market trades on this day."""
        self._check(market, day)
        days = self._days[market]
        at = bisect.bisect_left(days, day)
        return at < len(days) and days[at] == day

    def trading_days(self, market: str, first: str, last: str) -> list[str]:
        """The trading days from ``first`` to ``last``, inclusive."""
        self._check(market, first)
        self._check(market, last)
        days = self._days[market]
        return days[bisect.bisect_left(days, first) : bisect.bisect_right(days, last)]

    def is_half_day(self, market: str, day: str) -> bool:
        """Whether the market closes early: HK half days, US and CME early closes; False beyond the file."""
        column = _HALF_DAYS.get(market)
        if column is None or not self.covers(market, day):
            return False
        at = bisect.bisect_left(self._lines, day, key=lambda line: line[0])
        return self._lines[at][1][_COLUMNS.index(column)] == "1"

    def next_trading_day(self, market: str, day: str) -> str:
        """The first trading day after ``day``; ``CalendarError`` when it lies beyond the file."""
        self._check(market, day)
        days = self._days[market]
        at = bisect.bisect_right(days, day)
        if at == len(days):
            raise self._beyond(market, f"the trading day after {day}")
        return days[at]

    def previous_trading_day(self, market: str, day: str) -> str:
        """The last trading day before ``day``; ``CalendarError`` when it lies before the file."""
        self._check(market, day)
        at = bisect.bisect_left(self._days[market], day)
        if at == 0:
            raise self._beyond(market, f"the trading day before {day}")
        return self._days[market][at - 1]

    def night_starts(self, day: str) -> bool:
        """Whether a Chinese futures night session begins on the evening of ``day``."""
        self._check("CN", day)
        if not self._nights:
            self._nights = {known: line[1] == "1" for known, line in self._lines if line[1]}
        if day not in self._nights:
            raise self._beyond("CN", f"the night session of {day}")
        return self._nights[day]

    def has_night(self, trading_day: str) -> bool:
        """Whether the Chinese futures trading day began with a night session on the evening before.

        It did if every day strictly between the previous trading day and it is a Saturday or a Sunday.
        """
        return self.night_starts(self.previous_trading_day("CN", trading_day))

    def trading_day_at(self, market: str, now_ns: int) -> str:
        """The trading day to which an instant (UTC ns) belongs; an evening belongs to the next trading day."""
        _, zone, roll = self._market(market)
        seconds, _ = divmod(now_ns, NS_PER_SECOND)
        local = datetime.fromtimestamp(seconds, tz=UTC).astimezone(zone_info(zone))
        day = local.date()
        if local.hour * 3600 + local.minute * 60 + local.second >= roll:
            day += timedelta(days=1)
        text = to_day(day)
        return text if self.is_trading_day(market, text) else self.next_trading_day(market, text)

    @staticmethod
    def _market(market: str) -> tuple[str, str, int]:
        try:
            return _MARKETS[market]
        except KeyError:
            raise CalendarError(f"unknown market {market!r}; known: {', '.join(_MARKETS)}") from None

    def _known_days(self, market: str) -> list[str]:
        """The days that the file knows of a market; reads the market's column on first use."""
        known = self._known.get(market)
        if known is None:
            index = _COLUMNS.index(self._market(market)[0])
            known = self._known[market] = [day for day, line in self._lines if line[index]]
            self._days[market] = [day for day, line in self._lines if line[index] == "1"]
        return known

    def _check(self, market: str, day: str) -> None:
        to_date(day)
        if not self.covers(market, day):
            raise self._beyond(market, day)

    def _beyond(self, market: str, what: str) -> CalendarError:
        first, last = self.horizon(market)
        where = f"{what} is outside the {market} calendar ({first}..{last})"
        if max(re.findall(r"\d{8}", what), default="") < last:
            return CalendarError(where)
        return CalendarEnded(
            f"{where}: holidays are announced a year at a time; update ctp2, or add the announced days to {self.path}"
        )


@cache
def zone_info(name: str) -> ZoneInfo:
    """A time zone; ``CalendarError`` names the package to install where the host has no zone data (Windows)."""
    from zoneinfo import ZoneInfo  # 5 ms of import that a replay of a recorded day does not need

    try:
        return ZoneInfo(name)
    except (KeyError, OSError):
        raise CalendarError(f"time zone {name} not found; install the package tzdata") from None


@lru_cache(maxsize=1)
def calendar() -> Calendar:
    """The shipped calendar, read once."""
    return Calendar()


def open_days(market: str, first: str, last: str) -> list[str]:
    """The trading days from ``first`` to ``last``, inclusive; where the calendar does not reach, the weekdays.

    Only for dates that are provisional by nature, such as the expiry of a far month (in CTP, ExpireDate beyond the
    announced holidays is provisional too and moves later). Never use it to decide whether a market trades.
    """
    known = calendar()
    begin, end = known.horizon(market)
    if begin <= first and last <= end:
        return known.trading_days(market, first, last)
    result: list[str] = []
    at, stop = to_date(first), to_date(last)
    while at <= stop:
        day = to_day(at)
        if known.is_trading_day(market, day) if begin <= day <= end else at.weekday() < 5:
            result.append(day)
        at += timedelta(days=1)
    return result


def open_day_from(market: str, day: str) -> str:
    """The first trading day on or after ``day``, by the same provisional rule as ``open_days``."""
    found: list[str] = []
    while not found:
        last = plus_days(day, 3)
        found, day = open_days(market, day, last), plus_days(last, 1)
    return found[0]
