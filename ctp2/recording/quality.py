"""A recording looked through: what is in it, where it has holes, what cannot be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from ctp2.refdata.calendar import CalendarError
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.models import Instrument
from ctp2.refdata.partitions import JOURNAL_SUFFIX
from ctp2.refdata.recorded import recorded_days
from ctp2.refdata.sessions import session_lines
from ctp2.refdata.ticks import DBL_MAX, NS_PER_DAY, Tick, TickDay, read_days
from ctp2.refdata.tradingday import session_of_day

_SECOND_NS: Final = 1_000_000_000
_LEAST_GAP_NS: Final = 30 * _SECOND_NS
_GAP_FACTOR: Final = 20
"""A silence in continuous trading is a gap if it is this many times the usual interval, and half a minute at least."""
_MAX_GAPS: Final = 10


@dataclass(slots=True)
class Gap:
    """A silence: the times of day on both sides, and how long it was."""

    first: str
    last: str
    seconds: float


@dataclass(slots=True)
class Contents:
    """One instrument on one day. The counts of faults are of rows."""

    trading_day: str
    exchange: str
    code: str
    rows: int = 0
    first: str = ""
    last: str = ""
    volume: int = 0
    last_price: float | None = None
    gaps: list[Gap] = field(default_factory=list)  # the longest ones
    falling_volume: int = 0
    crossed: int = 0  # bid not below ask in continuous trading
    off_tick: int = 0
    outside_limits: int = 0
    repeated: int = 0  # the same as the row before it

    @property
    def faults(self) -> int:
        """All faults; repeats are none, every front sends some."""
        return self.falling_volume + self.crossed + self.off_tick + self.outside_limits

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "faults": self.faults}


@dataclass(slots=True)
class Overview:
    """A whole recording."""

    contents: list[Contents]
    unfinished: list[str]  # journals: a recorder writes now, or died and was not started again

    @property
    def days(self) -> list[str]:
        """The trading days, oldest first."""
        return sorted({item.trading_day for item in self.contents})


def look_through(
    source: str | Path, first: str = "", last: str = "", tell: Callable[[str, int, int], object] | None = None
) -> Overview:
    """Every instrument of every day of a source; ``TickFileError`` for a file that cannot be read.

    ``tell`` is called with each day, how many were looked through before it, and how many there are.
    """
    contents: list[Contents] = []
    days = recorded_days(source, first, last)
    for number, day in enumerate(days):
        if tell is not None:
            tell(day, number, len(days))
        for found in read_days(source, instrument_for, trading_day=day, is_checked=False):
            if found.trading_day == day:
                contents.extend(_contents(found))
    folder = Path(source)
    journals = sorted(str(path) for path in folder.rglob(f"*{JOURNAL_SUFFIX}")) if folder.is_dir() else []
    return Overview(contents, journals)


def _contents(day: TickDay) -> Iterator[Contents]:
    rows: list[list[Tick]] = [[] for _ in day.instruments]
    for tick in day:
        rows[tick.instrument].append(tick)
    for item, ticks in zip(day.instruments, rows, strict=True):
        made = instrument_for(item.code, item.exchange, day.trading_day)
        spans = _continuous(made, day.trading_day)
        yield _looked_through(Contents(day.trading_day, item.exchange, item.code), ticks, made, spans)


def _looked_through(
    result: Contents, ticks: list[Tick], instrument: Instrument | None, spans: list[tuple[int, int]]
) -> Contents:
    before: Tick | None = None
    for tick in ticks:
        is_open = any(start <= tick.time_ns < end for start, end in spans) if spans else True
        result.falling_volume += before is not None and tick.volume < before.volume
        result.crossed += is_open and DBL_MAX not in (tick.bid1, tick.ask1) and tick.bid1 >= tick.ask1
        result.off_tick += instrument is not None and _is_off_tick(tick.last, instrument)
        result.outside_limits += _is_outside(tick)
        result.repeated += tick == before
        before = tick
    result.rows = len(ticks)
    result.first, result.last = ticks[0].time_of_day, ticks[-1].time_of_day
    result.volume = max(tick.volume for tick in ticks)
    result.last_price = None if ticks[-1].last == DBL_MAX else ticks[-1].last
    result.gaps = _gaps(ticks, spans)
    return result


def _is_off_tick(price: float, instrument: Instrument) -> bool:
    if price == DBL_MAX:
        return False
    units = price * instrument.price_scale
    nearest = round(units)
    return abs(units - nearest) > 1e-6 * max(1.0, abs(units)) or nearest % instrument.tick_units_at(nearest) != 0


def _is_outside(tick: Tick) -> bool:
    if tick.last == DBL_MAX or tick.volume == 0:
        return False
    above = tick.upper_limit not in (DBL_MAX, 0.0) and tick.last > tick.upper_limit
    return above or (tick.lower_limit not in (DBL_MAX, 0.0) and tick.last < tick.lower_limit)


def _gaps(ticks: list[Tick], spans: list[tuple[int, int]]) -> list[Gap]:
    """The longest silences within continuous trading."""
    silences: list[tuple[int, Tick, Tick]] = []
    for one, two in pairwise(ticks):
        silent = two.time_ns - one.time_ns
        if spans:
            silent = sum(max(0, min(two.time_ns, end) - max(one.time_ns, start)) for start, end in spans)
        silences.append((silent, one, two))
    if not silences:
        return []
    usual = sorted(silent for silent, _, _ in silences)[len(silences) // 2]
    least = max(_LEAST_GAP_NS, _GAP_FACTOR * usual)
    longest = sorted((item for item in silences if item[0] >= least), key=lambda item: -item[0])[:_MAX_GAPS]
    return [Gap(one.time_of_day, two.time_of_day, silent / _SECOND_NS) for silent, one, two in longest]


def _continuous(instrument: Instrument | None, trading_day: str) -> list[tuple[int, int]]:
    """Continuous trading in the ticks' own time (``Tick.time_ns``); empty where it is not known."""
    if instrument is None or not instrument.session_id:
        return []
    try:
        session = session_of_day(instrument, trading_day)
    except CalendarError:
        session = instrument.session_id
    spans = []
    for line in session_lines(session):
        if line.matching == "continuous":
            shift = -NS_PER_DAY if line.day_offset == "-1" else 0
            start = line.start_s * _SECOND_NS + shift
            end = line.end_s * _SECOND_NS + shift + (NS_PER_DAY if line.end_s < line.start_s else 0)
            spans.append((start, end))
    return spans
