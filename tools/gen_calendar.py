"""Make ``ctp2/refdata/data/trading_days.csv`` anew from exchange_calendars (once a year: ``make calendar``).

    python tools/gen_calendar.py generate [LAST_YEAR]     write the file; default: one year more than it has
    python tools/gen_calendar.py check                    compare the shipped file with the package, day by day

The package is fetched into ``.cache`` for this (tools/foreign.py); nothing at run time needs it. Days that the package
refuses (Chinese holidays are announced a year at a time) stay empty: unknown, never guessed.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "ctp2" / "refdata" / "data" / "trading_days.csv"
FIRST_YEAR = 2024
HEADER = (
    "date,iso_weekday,cn_trading,cn_night_starts_this_evening,hk_trading,hk_half_day,"
    "us_trading,us_early_close,cme_session,cme_early_close"
)
#: The package's calendars, in the order of the columns.
CHINA, HONG_KONG, NEW_YORK, CHICAGO = "XSHG", "XHKG", "XNYS", "CMES"
_FRIDAY = 4

Days = dict[datetime.date, bool]
"""A trading day → whether it closes early."""


def build(last_year: int) -> str:
    """The file's text."""
    first, last = datetime.date(FIRST_YEAR, 1, 1), datetime.date(last_year, 12, 31)
    markets = [market_days(name, first, last) for name in (CHINA, HONG_KONG, NEW_YORK, CHICAGO)]
    lines = [HEADER]
    at = first
    while at <= last:
        lines.append(",".join(_cells(at, markets)))
        at += datetime.timedelta(days=1)
    return "\n".join(lines) + "\n"


def _cells(day: datetime.date, markets: list[tuple[Days, datetime.date]]) -> Iterator[str]:
    yield day.isoformat()
    yield str(day.isoweekday())
    for number, (days, known_to) in enumerate(markets):
        is_known = day <= known_to
        yield _flag(is_known, day in days)
        if number == 0:
            yield _night(day, days, known_to)
        else:
            yield _flag(is_known, days.get(day, False))


def _flag(is_known: bool, value: bool) -> str:
    return "" if not is_known else str(int(value))


def _night(day: datetime.date, days: Days, known_to: datetime.date) -> str:
    """Whether a night session begins this evening: only Saturdays and Sundays until the next trading day."""
    if day > known_to:
        return ""
    if day not in days:
        return "0"
    at = day + datetime.timedelta(days=1)
    while at <= known_to:
        if at in days:
            return "1"
        if at.weekday() <= _FRIDAY:
            return "0"
        at += datetime.timedelta(days=1)
    return ""


def market_days(name: str, first: datetime.date, last: datetime.date) -> tuple[Days, datetime.date]:
    """The trading days of one of the package's calendars, and up to which day it knows them."""
    package = _package()
    bound = package.calendar_utils._default_calendar_factories[name].bound_max()
    known_to = min(last, bound.date()) if bound is not None else last
    calendar = package.get_calendar(name, start=first.isoformat(), end=known_to.isoformat())
    early = {moment.date() for moment in calendar.early_closes}
    return {moment.date(): moment.date() in early for moment in calendar.sessions}, known_to


def _package() -> Any:
    sys.path[:0] = [str(ROOT)]
    from tools.foreign import calendars

    folder = str(calendars())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import exchange_calendars

    return exchange_calendars


def differences(shipped: str, made: str) -> list[str]:
    """The lines of the shipped file that the package contradicts; an empty cell contradicts nothing."""
    theirs = {line.split(",")[0]: line for line in made.splitlines()}
    found = []
    for line in shipped.splitlines():
        other = theirs.get(line.split(",")[0], "")
        if any(ours and its and ours != its for ours, its in zip(line.split(","), other.split(","), strict=False)):
            found.append(f"shipped {line}\npackage {other}")
    return found


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    shipped = TARGET.read_text(encoding="utf-8")
    last_year = int(shipped.splitlines()[-1][:4])
    match arguments:
        case ["check"]:
            found = differences(shipped, build(last_year))
            print("\n".join(found) or f"{TARGET.name}: {len(shipped.splitlines()) - 1} days agree with the package")
            return 1 if found else 0
        case ["generate", *year]:
            TARGET.write_text(build(int(year[0]) if year else last_year + 1), encoding="utf-8", newline="\n")
            print(f"{TARGET.name}: read the difference before committing it")
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
