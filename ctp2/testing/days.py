"""Days of market data for tests: a few lines of text, or a seeded synthetic day, as a file that ``data=`` plays."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Final

from ctp2.refdata.limits import daily_limits
from ctp2.refdata.loader import Universe
from ctp2.refdata.models import Instrument
from ctp2.refdata.synthetic import SyntheticMarket
from ctp2.refdata.ticks import DBL_MAX, Tick

TRADING_DAY: Final = "20260302"
"""The trading day of what is written without saying which: an ordinary Monday."""

DEFAULT_DAY: Final = """
09:30:00.500  IF2603  5229.8  5230.2
09:30:00.500  rb2605    4299    4301
09:30:00.500  m2605     3399    3401
09:30:00.500  TA605     3798    3802
09:30:00.500  600519 1800.00 1800.10
09:30:01.500  rb2605    4302    4304
09:30:02      IF2603  5230.8  5231.2
09:30:03      600519 1801.00 1801.20
09:30:04      m2605     3394    3396
09:30:04      TA605     3792    3796
09:31:00      IF2603  5224.8  5225.2
09:31:00      rb2605    4295    4297
10:00:00      600519 1795.00 1795.50
14:59:59      rb2605    4290    4292
14:59:59      IF2603  5226.0  5226.4
"""
"""What a counter of a test plays when it is not told otherwise."""

_COLUMNS: Final = (
    *("TradingDay", "ActionDay", "UpdateTime", "UpdateMillisec", "ExchangeID", "InstrumentID", "LastPrice"),
    *("PreSettlementPrice", "PreClosePrice", "UpperLimitPrice", "LowerLimitPrice", "Volume", "Turnover"),
    *("OpenInterest", "BidPrice1", "BidVolume1", "AskPrice1", "AskVolume1"),
)
_QUOTED: Final = 10
"""Lots at the best price of a line that does not say."""
_ABSENT: Final = "-"

_numbers = count(1)


class Days:
    """Writes days into a folder; each method returns the path for ``data=``."""

    sample: Final = "sample"
    """The recorded day that ships with ctp2."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, lines: str = DEFAULT_DAY, trading_day: str = TRADING_DAY) -> Path:
        """A day of lines ``TIME CODE BID ASK [LAST [BIDVOLUME ASKVOLUME]]``, ``-`` for a price that is not there.

        Exchanges, limits and previous prices follow from the reference data and each instrument's first line.

        Raises:
            ValueError: a line that cannot be read, or a code that nothing is known about.
        """
        universe = Universe(trading_day)
        opened: dict[str, _Opened] = {}
        rows = []
        for line in lines.splitlines():
            words = line.split()
            if words and not words[0].startswith("#"):
                rows.append(_row(words, trading_day, universe, opened))
        return self._write(trading_day, rows)

    def synthetic(
        self, *codes: str, trading_day: str = TRADING_DAY, seed: int = 0, start: str = "09:30:00", minutes: float = 5
    ) -> Path:
        """A seeded synthetic day of instruments, or the ``minutes`` of it from ``start`` on.

        Raises:
            ValueError: a code that nothing is known about.
        """
        universe = Universe(trading_day)
        market = SyntheticMarket(trading_day, seed)
        hour, minute, second = map(int, start.split(":"))
        start_ns = (hour * 3600 + minute * 60 + second) * 1_000_000_000
        for code in codes:
            market.start(_known(universe, code), start_ns)
        return self._write(trading_day, _rows_of(market, start_ns + int(minutes * 60e9), trading_day))

    def _write(self, trading_day: str, rows: Iterable[list[object]]) -> Path:
        path = self._folder / f"day{next(_numbers)}_{trading_day}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows(rows)
        return path


class _Opened:
    """What an instrument's first line says of its day, and its volume so far."""

    __slots__ = ("instrument", "lower", "pre", "upper", "volume")

    def __init__(self, instrument: Instrument, first: float) -> None:
        self.instrument = instrument
        self.pre = first
        upper, lower = daily_limits(instrument, Decimal(str(first)), Decimal(str(first)))
        self.upper = "" if upper is None else upper
        self.lower = "" if lower is None else lower
        self.volume = 0


def _known(universe: Universe, code: str) -> Instrument:
    instrument = universe.resolve(code)
    if instrument is None:
        raise ValueError(f"{code}: nothing is known about this instrument on {universe.trading_day}")
    return instrument


def _row(words: list[str], trading_day: str, universe: Universe, opened: dict[str, _Opened]) -> list[object]:
    try:
        time, code, bid, ask, *more = words
        prices = [DBL_MAX if word == _ABSENT else float(word) for word in (bid, ask, *more[:1])]
        bid_volume, ask_volume = map(int, more[1:]) if len(more) > 1 else (_QUOTED, _QUOTED)
        clock, _, part = time.partition(".")
        clock = clock if clock.count(":") == 2 else f"{clock}:00"
        millisec = int(part.ljust(3, "0")) if part else 0
    except ValueError:
        raise ValueError(
            f"{' '.join(words)!r}: write TIME CODE BID ASK [LAST [BIDVOLUME ASKVOLUME]], such as 09:30 rb2605 4299 4301"
        ) from None
    last = next((price for price in (*prices[2:], *prices[:2]) if price != DBL_MAX), 0.0)
    of_day = opened.get(code)
    if of_day is None:
        of_day = opened[code] = _Opened(_known(universe, code), last)
    of_day.volume += 10
    instrument = of_day.instrument
    turnover = of_day.volume * last * float(instrument.multiplier)
    return [
        *(trading_day, trading_day, clock, millisec, instrument.exchange, code, last),
        *(of_day.pre, of_day.pre, of_day.upper, of_day.lower, of_day.volume, turnover, 100_000),
        *(_shown(prices[0]), 0 if prices[0] == DBL_MAX else bid_volume),
        *(_shown(prices[1]), 0 if prices[1] == DBL_MAX else ask_volume),
    ]


def _rows_of(market: SyntheticMarket, end_ns: int, trading_day: str) -> Iterator[list[object]]:
    while (due := market.next_ns) is not None and due <= end_ns:
        tick = market.take()
        yield _row_of(tick, market.instruments[tick.instrument].code, trading_day)


def _row_of(tick: Tick, code: str, trading_day: str) -> list[object]:
    prices = (tick.last, tick.pre_settlement, tick.pre_close, tick.upper_limit, tick.lower_limit)
    return [
        *(trading_day, tick.action_day, tick.time_of_day, tick.millisec, tick.exchange, code),
        *map(_shown, prices),
        *(tick.volume, tick.turnover, tick.open_interest),
        *(_shown(tick.bid1), tick.bid_volume1, _shown(tick.ask1), tick.ask_volume1),
    ]


def _shown(price: float) -> object:
    return "" if price == DBL_MAX else price
