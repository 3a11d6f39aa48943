"""The days of a recording: which there are, which of them are wanted, and one after the other."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ctp2.refdata.calendar import market_of, to_date
from ctp2.refdata.partitions import partition_day
from ctp2.refdata.table import DataError
from ctp2.refdata.ticks import TickDay, TickFileError, read_day, read_days, tick_files


def recorded_days(source: str | Path, first: str = "", last: str = "") -> list[str]:
    """The trading days of a source from ``first`` to ``last`` (inclusive, ``''`` is open), oldest first.

    A recording of ``ctp2 record`` tells them by its folders and no file is opened; other files are read for it.
    ``TickFileError``: no such source, ``first`` after ``last``, no day between them, or a text that is no day.
    """
    return _chosen(source, None, first, last)


def _chosen(source: str | Path, known: list[str] | None, first: str, last: str) -> list[str]:
    begin, end = _bound(first), _bound(last)
    if begin and end and begin > end:
        raise TickFileError(f"from={first} is after to={last}")
    days = _all_days(source) if known is None else known
    chosen = [day for day in days if (not begin or begin <= day) and (not end or day <= end)]
    if not chosen:
        raise TickFileError(f"{source}: no recorded day from {first or '…'} to {last or '…'}; it has {_range(days)}")
    return chosen


class Recording:
    """The days of a source, read one at a time: what is not asked for any more can go.

    ``TickFileError`` as :func:`recorded_days`. ``market`` is the calendar's market of what was recorded.
    """

    def __init__(self, source: str | Path, first: str = "", last: str = "") -> None:
        self._source = source
        self._ready: dict[str, TickDay] = {}
        files = tick_files(source)
        if len(files) == 1 and not partition_day(files[0]):
            # One file is read as a whole in any case: its days wait here, each until it is asked for.
            ready = {day.trading_day: day for day in read_days(source)}
            self.days = _chosen(source, sorted(ready), first, last)
            self._ready = {day: ready[day] for day in self.days}
        else:
            self.days = recorded_days(source, first, last)
        self._market = ""

    @property
    def market(self) -> str:
        """The calendar's market of the first instrument of what was read last."""
        return self._market or "CN"

    def read(self, trading_day: str) -> TickDay:
        """The snapshots of a day."""
        day = self._ready.pop(trading_day, None)
        if day is None:
            paths = None if _are_told_by_folders(self._source) else self._files_of(trading_day)
            day = read_day(self._source, trading_day, paths=paths)
        if day.instruments:
            self._market = market_of(day.instruments[0].exchange)
        return day

    def _files_of(self, trading_day: str) -> list[Path]:
        files = tick_files(self._source)
        return [path for path in files if trading_day in _days_of_file(path, path.stat().st_mtime_ns)]


def _bound(text: str) -> str:
    day = text.replace("-", "")
    if day:
        try:
            to_date(day)
        except DataError:
            raise TickFileError(f"{text!r} is not a day (YYYYMMDD)") from None
    return day


def _range(days: list[str]) -> str:
    return days[0] if len(days) == 1 else f"{len(days)} days, {days[0]} to {days[-1]}"


def _are_told_by_folders(source: str | Path) -> bool:
    return all(partition_day(path) for path in tick_files(source))


def _all_days(source: str | Path) -> list[str]:
    files = tick_files(source)
    days = [partition_day(path) for path in files]
    if all(days):
        return sorted(set(days))
    found: set[str] = set()
    for path in files:
        found.update(_days_of_file(path, path.stat().st_mtime_ns))
    return sorted(found)


@lru_cache(maxsize=1024)
def _days_of_file(path: Path, _changed_ns: int) -> frozenset[str]:
    """The trading days of one file; kept while the file is not changed."""
    return frozenset(day.trading_day for day in read_days(path, is_checked=False))
