"""Recorded days for replay: CSV, gzipped CSV, Parquet, a folder of such files, or the shipped ``sample``.

Columns are the names of CTP's market-data record, in any order and any subset that holds the mandatory three; unknown
columns are ignored. An empty price is absent: ``DBL_MAX`` here. Cells are kept as typed columns per file and joined
into one sequence by time of day (reference-data 5). Limits that a file leaves empty are derived.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from operator import le
from pathlib import Path
from typing import Any, Final, NamedTuple

from ctp2.refdata.calendar import plus_days
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.partitions import check_format, day_folders, is_partitioned, partition_day
from ctp2.refdata.table import DATA_DIR, DataError
from ctp2.refdata.tickfile import DBL_MAX, NS_PER_DAY, Block, InstrumentFinder, TickFileError, read_blocks

__all__ = [
    "DBL_MAX",
    "NS_PER_DAY",
    "InstrumentFinder",
    "Tick",
    "TickDay",
    "TickFileError",
    "TickInstrument",
    "read_day",
    "read_days",
    "tick_files",
]

SAMPLE: Final = "sample"
"""The source that ships with the package."""
_SAMPLE = DATA_DIR / "sample"
_SUFFIXES = (".csv", ".csv.gz", ".parquet")


class TickInstrument(NamedTuple):
    """An instrument of a recorded day; ``exchange`` is ``''`` when neither the file nor the reference data know it.

    ``is_synthetic``: nothing was recorded, its ticks are made (``synthetic``).
    """

    exchange: str
    code: str
    is_synthetic: bool = False


@dataclass(slots=True)
class Tick:
    """One snapshot. Prices are floats, ``DBL_MAX`` when absent; volumes and turnover are cumulative for the day.

    ``instrument`` is the index into ``TickDay.instruments``; ``time_ns`` counts from the local midnight of the trading
    day (negative in the evening before, whatever the calendar distance) and is what the day is ordered by.
    """

    instrument: int
    time_ns: int
    time_of_day: str
    millisec: int
    action_day: str
    exchange: str
    exchange_code: str = ""
    last: float = DBL_MAX
    pre_settlement: float = DBL_MAX
    pre_close: float = DBL_MAX
    pre_open_interest: float = 0.0
    open: float = DBL_MAX
    high: float = DBL_MAX
    low: float = DBL_MAX
    volume: int = 0
    turnover: float = 0.0
    open_interest: float = 0.0
    close: float = DBL_MAX
    settlement: float = DBL_MAX
    upper_limit: float = DBL_MAX
    lower_limit: float = DBL_MAX
    pre_delta: float = DBL_MAX
    curr_delta: float = DBL_MAX
    average_price: float = 0.0
    bid1: float = DBL_MAX
    bid_volume1: int = 0
    ask1: float = DBL_MAX
    ask_volume1: int = 0
    bid2: float = DBL_MAX
    bid_volume2: int = 0
    ask2: float = DBL_MAX
    ask_volume2: int = 0
    bid3: float = DBL_MAX
    bid_volume3: int = 0
    ask3: float = DBL_MAX
    ask_volume3: int = 0
    bid4: float = DBL_MAX
    bid_volume4: int = 0
    ask4: float = DBL_MAX
    ask_volume4: int = 0
    bid5: float = DBL_MAX
    bid_volume5: int = 0
    ask5: float = DBL_MAX
    ask_volume5: int = 0


class TickDay:
    """The snapshots of one trading day over all its files, ordered by time of day.

    ``times[i]`` and ``owners[i]`` are ``time_ns`` and the instrument index of row ``i`` without making the tick;
    rows of equal time keep their order, files by name.
    """

    __slots__ = ("_blocks", "_evening", "_order", "_recorded_day", "instruments", "owners", "times", "trading_day")

    def __init__(
        self, trading_day: str, instruments: Sequence[TickInstrument], blocks: list[Block], order: array[int]
    ) -> None:
        self.trading_day = trading_day
        self.instruments = list(instruments)
        self._recorded_day = trading_day
        self._evening = ""
        self._blocks = blocks
        self._order = order
        self.times: array[int] = array("q", self._gather("time_ns"))
        self.owners: array[int] = array("l", self._gather("instrument"))

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Tick]:
        return map(self.tick, range(len(self._order)))

    def tick(self, index: int) -> Tick:
        """The snapshot at a place of the day's order."""
        packed = self._order[index]
        tick = Tick(*self._blocks[packed >> 32].arguments(packed & 0xFFFFFFFF))
        if self.trading_day is not self._recorded_day:
            tick.action_day = self._action_day(tick)
        return tick

    def column(self, name: str) -> list[Any]:
        """One value of every snapshot in the day's order, without making the ticks."""
        return list(self._gather(name))

    @property
    def ignored_columns(self) -> list[str]:
        """Columns of the files that are not market-data fields, each once."""
        return list(dict.fromkeys(name for block in self._blocks for name in block.ignored))

    def first_tick(self, instrument: int) -> Tick:
        """The first snapshot of an instrument: its reference prices."""
        return self.tick(self.owners.index(instrument))

    def rebased(
        self, trading_day: str, evening: str = "", codes: Mapping[TickInstrument, str] | None = None
    ) -> TickDay:
        """The same day as if it were ``trading_day``, its rows shared, its instruments under other codes.

        ``evening`` is the trading day before, on whose evening the night session was held; action days that differed
        from the recorded trading day become that evening and the day after it.
        """
        other = TickDay.__new__(TickDay)
        other.trading_day = trading_day
        other.instruments = [item._replace(code=(codes or {}).get(item, item.code)) for item in self.instruments]
        other._recorded_day = self._recorded_day
        other._evening = evening or plus_days(trading_day, -1)
        other._blocks = self._blocks
        other._order = self._order
        other.times = self.times
        other.owners = self.owners
        return other

    def _action_day(self, tick: Tick) -> str:
        if tick.action_day == self._recorded_day:
            return self.trading_day
        return self._evening if tick.time_ns < 0 else plus_days(self._evening, 1)

    def _gather(self, name: str) -> Iterable[Any]:
        """A column in the day's order."""
        if len(self._blocks) == 1 and all(map(le, self._order, islice(self._order, 1, None))):
            return self._blocks[0].column(name)
        columns = [list(block.column(name)) for block in self._blocks]
        return [columns[packed >> 32][packed & 0xFFFFFFFF] for packed in self._order]


def read_day(
    source: str | Path,
    trading_day: str = "",
    instrument_of: InstrumentFinder | None = instrument_for,
    paths: Iterable[Path] | None = None,
) -> TickDay:
    """The one day of a source, or the chosen one; ``TickFileError`` when it has several and none is chosen.

    ``paths``: those of the source's files that are known to hold it.
    """
    days = read_days(source, instrument_of, trading_day=trading_day, paths=paths)
    if trading_day:
        days = [day for day in days if day.trading_day == trading_day]
        if not days:
            raise TickFileError(f"{source}: no rows of trading day {trading_day}")
    if len(days) > 1:
        raise TickFileError(f"{source}: holds {len(days)} trading days ({_listed(days)}); choose one")
    return days[0]


def _listed(days: list[TickDay]) -> str:
    names = [day.trading_day for day in days]
    return ", ".join(names if len(names) <= 4 else [*names[:3], "…", names[-1]])


def read_days(
    source: str | Path,
    instrument_of: InstrumentFinder | None = instrument_for,
    *,
    trading_day: str = "",
    is_checked: bool = True,
    paths: Iterable[Path] | None = None,
) -> list[TickDay]:
    """Every trading day of a file, a folder or ``'sample'``, oldest first.

    ``instrument_of`` finds the instruments whose exchange or limits the files leave open; None leaves them as they are.
    ``trading_day`` leaves out the files that are known, by their folder, to be of other days. ``is_checked`` False
    takes a volume that falls during a day as it is. ``paths``: read only these of the source's files.
    ``TickFileError`` for an unreadable file, a missing column, a broken cell, or a volume that falls during a day.
    """
    if str(source) == SAMPLE and instrument_of is instrument_for:
        return list(_sample_days())
    by_day: dict[str, list[Block]] = {}
    for path in tick_files(source) if paths is None else paths:
        if trading_day and partition_day(path) not in ("", trading_day):
            continue
        for block in read_blocks(path, instrument_of):
            by_day.setdefault(block.constants["trading_day"], []).append(block)
    return [_build_day(day, by_day[day], is_checked) for day in sorted(by_day)]


@cache
def _sample_days() -> tuple[TickDay, ...]:
    """The shipped day, read once in a process: nobody changes a day, and counters come and go."""
    return tuple(read_days(_SAMPLE))


def tick_files(source: str | Path) -> list[Path]:
    """The files of a source in order of name, of a recording day by day; ``TickFileError`` when there is none."""
    path = _SAMPLE if str(source) == SAMPLE else Path(source)
    if not path.is_dir():
        if not path.exists():
            raise TickFileError(f"{path}: no such file or folder")
        return [path]
    if is_partitioned(path) or path.name.startswith("trading_day="):
        files = _recorded_files(path)
    else:
        files = sorted(item for item in path.iterdir() if item.name.endswith(_SUFFIXES))
    if not files:
        raise TickFileError(f"{path}: no replay file in this folder ({', '.join(_SUFFIXES)})")
    return files


def _recorded_files(path: Path) -> list[Path]:
    try:
        check_format(path)
    except DataError as error:
        raise TickFileError(str(error)) from None
    folders = day_folders(path)
    return [item for folder in folders for item in sorted(folder.iterdir()) if item.name.endswith(_SUFFIXES)]


# ---------------------------------------------------------------------------------------------------------- joining


def _number_instruments(blocks: list[Block]) -> dict[TickInstrument, int]:
    """Number the instruments in order of appearance and give every block its column of numbers."""
    numbers: dict[TickInstrument, int] = {}
    for block in blocks:
        pairs = [TickInstrument(*pair) for pair in zip(block.column("listed_on"), block.column("code"), strict=True)]
        block.set_column("instrument", array("l", (numbers.setdefault(pair, len(numbers)) for pair in pairs)))
        block.freeze()
    return numbers


def _build_day(day: str, blocks: list[Block], is_checked: bool) -> TickDay:
    """One day of its blocks, merged by time of day; rows of equal time stay in order of file and row."""
    instruments = _number_instruments(blocks)
    times = array("q", chain.from_iterable(block.column("time_ns") for block in blocks))
    order = array("q", chain.from_iterable(range(at << 32, (at << 32) + block.rows) for at, block in enumerate(blocks)))
    if not all(map(le, times, islice(times, 1, None))):
        order = array("q", [order[at] for at in sorted(range(len(times)), key=times.__getitem__)])
    result = TickDay(day, list(instruments), blocks, order)
    if is_checked:
        _check_volumes(result)
    return result


def _check_volumes(day: TickDay) -> None:
    """Refuse a day whose cumulative volume falls."""
    volumes = list(day._gather("volume"))
    if len(day.instruments) == 1 and all(map(le, volumes, islice(volumes, 1, None))):
        return
    last = [0] * len(day.instruments)
    for index, (owner, volume) in enumerate(zip(day.owners, volumes, strict=True)):
        if volume < last[owner]:
            packed = day._order[index]
            raise day._blocks[packed >> 32].error(
                packed & 0xFFFFFFFF,
                "Volume",
                f"{day.instruments[owner].code} falls from {last[owner]} to {volume} at {day.tick(index).time_of_day}",
            )
        last[owner] = volume
