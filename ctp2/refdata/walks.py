"""Prices as walks: numbers of ticks as a function of time, the same for whoever asks, whenever he was started."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from decimal import Decimal
from math import exp, sqrt
from random import Random
from typing import Final

from ctp2.refdata.calendar import NS_PER_SECOND, CalendarError, calendar, market_of
from ctp2.refdata.contracts import current_contract, listed_months
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.models import FUND, FUTURE, STOCK, Instrument
from ctp2.refdata.options import rules_of_product
from ctp2.refdata.sessions import session_lines
from ctp2.refdata.styles import number, start_price, style_of
from ctp2.refdata.ticks import NS_PER_DAY
from ctp2.refdata.tradingday import session_of_day

MINUTE_NS: Final = 60 * NS_PER_SECOND
Spans = list[tuple[int, int]]
"""Continuous trading, in ``Tick.time_ns``."""
_MOVES_OF_MOVES: Final = 0.3
"""Each minute has a pace of its own: the logarithm's standard deviation; gives one-minute returns heavier tails."""
_OPENING_NS: Final = 300 * NS_PER_SECOND
_OPENING_PACE: Final = 2.0
_OPEN_GAP: Final = 0.3  # of a day's move
_PAUSE_GAP: Final = 0.05
_DAY_MINUTES: Final = 15.0
"""A day's standard deviation is so many times the one-minute one (reference-data 6)."""
_INDEX_MOVE_BP: Final = 4.0
_ROUND_THE_CLOCK_NS: Final = 4 * 3600 * NS_PER_SECOND
"""A 7x24 day lasts from 04:00 to 04:00."""
_HOUR_STRIDE: Final = 0x9E3779B97F4A7C15
_MINUTE_STRIDE: Final = 0xC2B2AE3D27D4EB4F
"""Seeds of hours and minutes lie so far apart that no two of one day are equal."""
Underlying = Callable[[int], float]
"""The price of an option's underlying at a time (``Tick.time_ns``)."""


class Grid:
    """Prices as numbers of ticks, also where the tick depends on the price."""

    __slots__ = ("_firsts", "_prices", "_segments", "scale")

    def __init__(self, instrument: Instrument) -> None:
        self.scale = instrument.price_scale
        self._prices: dict[int, float] = {}
        self._segments: list[tuple[int, int, int]] = []  # first index, its units, tick in units
        index = units = 0
        for bound, tick in instrument.tick_bands:
            step = int(tick * self.scale)
            if self._segments:  # the first price above the bound of the band before that this tick has
                index, units = index + 1, (units // step + 1) * step
            self._segments.append((index, units, step))
            if not bound.is_finite():
                break
            count = (int(bound * self.scale) - units) // step
            index, units = index + count, units + count * step
        if not self._segments:
            self._segments.append((0, 0, instrument.tick_units))
        self._firsts = [segment[0] for segment in self._segments]

    def units(self, index: int) -> int:
        """The price of an index in the instrument's finest increment."""
        first, units, step = self._segments[max(bisect_right(self._firsts, index) - 1, 0)]
        return units + (index - first) * step

    def index(self, price: float) -> float:
        """The index of a price, with a fraction between two ticks."""
        units = price * self.scale
        for first, begin, step in reversed(self._segments):
            if units >= begin or first == 0:
                return first + (units - begin) / step
        raise AssertionError("the first segment begins at 0")

    def price(self, index: int) -> float:
        """The price of an index, as the nearest double."""
        found = self._prices.get(index)
        if found is None:
            found = self._prices[index] = self.units(index) / self.scale
        return found


class Walk:
    """A price in ticks as a function of time: ``at`` must be asked in order of time."""

    __slots__ = (
        "_day_move",
        "_high",
        "_index",
        "_low",
        "_move",
        "_pace",
        "_random",
        "_span",
        "_spans",
        "_step_ns",
        "_time",
        "_x",
    )

    def __init__(
        self, seed: int, start: float, move: float, spans: Spans, step_ns: int, low: float, high: float
    ) -> None:
        """``move`` is the standard deviation of a minute, ``start`` the price before the day, both in ticks."""
        self._random = Random(seed).random
        self._spans = spans
        self._span = 0
        self._time = spans[0][0]
        self._step_ns = step_ns
        self._day_move = move * _DAY_MINUTES
        self._move = move * sqrt(step_ns / MINUTE_NS)
        self._low, self._high = low, high
        self._pace = 1.0
        self._index = -1
        self._x = start + self._day_move * _OPEN_GAP * self._draw()

    def _draw(self) -> float:
        """About normal with variance 1."""
        draw = self._random
        return (draw() + draw() + draw() - 1.5) * 2.0

    def at(self, time_ns: int) -> float:
        """The price at a time; in a pause that of its beginning."""
        step, draw = self._step_ns, self._random
        time, x = self._time, self._x
        start, end = self._spans[self._span]
        while time + step <= time_ns:
            time += step
            if time >= end:
                if self._span + 1 == len(self._spans):
                    time -= step
                    break
                self._span += 1
                start, end = self._spans[self._span]
                time = start
                if start > time_ns:
                    break
                x += self._day_move * _PAUSE_GAP * self._draw()
            minute = time // MINUTE_NS
            if minute != self._index:
                self._index = minute
                pace = exp(_MOVES_OF_MOVES * (self._draw() - _MOVES_OF_MOVES))
                is_opening = time - self._spans[0][0] < _OPENING_NS
                self._pace = self._move * 2.0 * pace * (_OPENING_PACE if is_opening else 1.0)
            x += (draw() + draw() + draw() - 1.5) * self._pace
            if x < self._low:
                x = 2 * self._low - x
            elif x > self._high:
                x = 2 * self._high - x
        self._time, self._x = time, x
        return x


class ClockWalk:
    """A price in ticks as a function of time that never ends and can be asked anywhere, cheaply in order of time.

    Hours are drawn first, minutes between two hours, steps between two minutes (each a walk that is bent so that it
    ends where the next begins), so that a time late in the day costs no more than an early one. What would leave the
    limits is folded back at them.
    """

    __slots__ = (
        "_begin",
        "_high",
        "_hour",
        "_hours",
        "_low",
        "_minute",
        "_minutes",
        "_move",
        "_seed",
        "_step_ns",
        "_steps",
    )

    def __init__(
        self, seed: int, start: float, move: float, begin_ns: int, step_ns: int, low: float, high: float
    ) -> None:
        """``move`` is the standard deviation of a minute, ``start`` the price before the day, both in ticks."""
        self._seed = seed
        self._begin = begin_ns
        self._step_ns = step_ns
        self._move = move
        self._low, self._high = low, high
        draw = Random(seed).random
        gap = (draw() + draw() + draw() - 1.5) * 2.0 * move * _DAY_MINUTES * _OPEN_GAP
        self._hours = [start + gap]
        self._hour = self._minute = -1
        self._minutes: list[float] = []
        self._steps: list[float] = []

    def at(self, time_ns: int) -> float:
        """The price at a time; before the beginning that of the beginning."""
        minute, rest = divmod(max(time_ns - self._begin, 0), MINUTE_NS)
        if minute != self._minute:
            self._enter(minute)
        return self._folded(self._steps[rest // self._step_ns])

    def hours_until(self, time_ns: int) -> list[float]:
        """The prices at the hours up to a time, that of the beginning first."""
        hour = max(time_ns - self._begin, 0) // (60 * MINUTE_NS)
        self._reach(hour)
        return [self._folded(x) for x in self._hours[: hour + 1]]

    def _reach(self, hour: int) -> None:
        hours = self._hours
        while len(hours) <= hour:
            draw = Random(self._seed + len(hours) * _HOUR_STRIDE).random
            hours.append(hours[-1] + _increment(draw) * self._move * sqrt(60))

    def _enter(self, minute: int) -> None:
        self._minute = minute
        hour = minute // 60
        if hour != self._hour:
            self._hour = hour
            self._reach(hour + 1)
            draw = Random(self._seed + 1 + hour * _HOUR_STRIDE).random
            moves = []
            for _ in range(60):
                pace = exp(_MOVES_OF_MOVES * (_increment(draw) - _MOVES_OF_MOVES))
                moves.append(_increment(draw) * self._move * pace)
            self._minutes = _bridge(self._hours[hour], self._hours[hour + 1], moves)
        place = minute % 60
        count = max(1, MINUTE_NS // self._step_ns)
        draw = Random(self._seed + 2 + minute * _MINUTE_STRIDE).random
        part = self._move * sqrt(1 / count)
        moves = [_increment(draw) * part for _ in range(count)]
        self._steps = _bridge(self._minutes[place], self._minutes[place + 1], moves)

    def _folded(self, x: float) -> float:
        low, high = self._low, self._high
        if low <= x <= high:
            return x
        width = high - low
        off = (x - low) % (2 * width) if width > 0 else 0.0
        return low + (off if off <= width else 2 * width - off)


def _increment(draw: Callable[[], float]) -> float:
    """About normal with variance 1."""
    return (draw() + draw() + draw() - 1.5) * 2.0


def _bridge(begin: float, end: float, moves: list[float]) -> list[float]:
    """The points of a walk of these moves from ``begin``, bent so that it arrives at ``end``."""
    missing = (end - begin - sum(moves)) / len(moves)
    points = [begin]
    for move in moves:
        begin += move + missing
        points.append(begin)
    points[-1] = end
    return points


def spans_of(instrument: Instrument, trading_day: str, is_round_the_clock: bool = False) -> Spans:
    """Continuous trading of an instrument on a day in ``Tick.time_ns``; one day from 04:00 if it never closes.

    A night is taken as held where the calendar does not reach.
    """
    if is_round_the_clock or not instrument.session_id:
        return [(_ROUND_THE_CLOCK_NS, _ROUND_THE_CLOCK_NS + NS_PER_DAY)]
    found: Spans = []
    for phase, start, end in session_marks(instrument, trading_day):
        if phase == "continuous":
            found.append((start, end))
    return found


def session_marks(instrument: Instrument, trading_day: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of a session's continuous phases and auction matches in ``Tick.time_ns``."""
    try:
        session = session_of_day(instrument, trading_day)
        has_night = market_of(instrument.exchange) != "CN" or calendar().has_night(trading_day)
    except CalendarError:
        session, has_night = instrument.session_id, True
    for line in session_lines(session):
        if line.day_offset != "0" and not has_night:
            continue
        shift = -NS_PER_DAY if line.day_offset == "-1" else 0
        start, end = line.start_s * NS_PER_SECOND + shift, line.end_s * NS_PER_SECOND + shift
        if line.phase == "continuous":
            yield "continuous", start, end + (NS_PER_DAY if end < start else 0)
        elif line.matching == "auction":
            yield "match", (start if line.status == "5" else end), end  # ordered and matched in one: at its end


def walk_of(
    instrument: Instrument,
    trading_day: str,
    seed: int,
    reference: Decimal,
    spans: Spans,
    bounds: tuple[float, float],
    is_round_the_clock: bool = False,
) -> Walk | ClockWalk:
    """The walk of a future or security from its price before the day."""
    grid = Grid(instrument)
    style = style_of(instrument, float(reference), trading_day)
    start = grid.index(float(reference))
    tick = grid.price(int(start) + 1) - grid.price(int(start))
    move = style.move_bp * 1e-4 * abs(float(reference)) / tick
    chosen = number(seed, *instrument.key, trading_day, "walk")
    step_ns = round(style.grid_s * NS_PER_SECOND)
    if is_round_the_clock:
        return ClockWalk(chosen, start, move, spans[0][0], step_ns, *bounds)
    return Walk(chosen, start, move, spans, step_ns, *bounds)


def underlying_of(
    option: Instrument, trading_day: str, seed: int, is_round_the_clock: bool
) -> tuple[float, Underlying]:
    """The price of an option's underlying before the day, and as a function of time."""
    made = underlying_instrument(option, trading_day)
    if made is not None:
        return price_of(made, trading_day, seed, None, is_round_the_clock)
    rules = rules_of_product(option.exchange, option.product)
    price = rules.reference_price if rules is not None else None
    level = float(price if price is not None else option.strike or 1)
    spans = spans_of(option, trading_day, is_round_the_clock)
    chosen = number(seed, option.underlying, trading_day, "walk")
    move, low, high = level * _INDEX_MOVE_BP * 1e-4, level * 0.9, level * 1.1
    if is_round_the_clock:
        return level, ClockWalk(chosen, level, move, spans[0][0], NS_PER_SECOND, low, high).at
    return level, Walk(chosen, level, move, spans, NS_PER_SECOND, low, high).at


#: Index → the product whose futures are on it: its options are priced from the future of their month.
_INDEX_FUTURES: Final = {"000300": "IF", "000016": "IH", "000852": "IM"}


def index_future(option: Instrument, trading_day: str) -> str:
    """The future that an option on an index follows: of its month, else the main one; empty for other options."""
    product = _INDEX_FUTURES.get(option.underlying, "") if option.is_spot_option else ""
    if not product:
        return ""
    if (option.delivery_year, option.delivery_month) in listed_months(product, trading_day):
        return f"{product}{option.delivery_year % 100:02d}{option.delivery_month:02d}"
    return current_contract(product, trading_day)


def underlying_instrument(option: Instrument, trading_day: str) -> Instrument | None:
    """What an option's price follows: the future or fund that it is on, of an index the future of its month.

    A month that has no future follows the nearest one; None where nothing is known.
    """
    future = index_future(option, trading_day)
    if future:
        return instrument_for(future, option.exchange, trading_day)
    made = instrument_for(option.underlying, "" if not option.is_spot_option else option.exchange, trading_day)
    return made if made is not None and made.product_class in (FUTURE, FUND, STOCK) else None


def price_of(
    made: Instrument, trading_day: str, seed: int, known: Decimal | None, is_round_the_clock: bool
) -> tuple[float, Underlying]:
    """The price of a future or security before the day (``known``: its own last), and as a function of time."""
    reference = start_price(made, known, seed)
    grid = Grid(made)
    spans = spans_of(made, trading_day, is_round_the_clock)
    bounds = bounds_of(made, reference, grid)
    walk = walk_of(made, trading_day, seed, reference, spans, bounds, is_round_the_clock)
    return float(reference), lambda time_ns: _between(grid, walk.at(time_ns))


def _between(grid: Grid, index: float) -> float:
    """The price of an index with a fraction."""
    whole = int(index)
    low = grid.price(whole)
    return low + (grid.price(whole + 1) - low) * (index - whole)


def bounds_of(instrument: Instrument, reference: Decimal, grid: Grid) -> tuple[float, float]:
    """The limits of the day as indices; far away where there are none."""
    upper, lower = daily_limits(instrument, reference, reference)
    if upper is None or lower is None:
        middle = grid.index(float(reference))
        return (middle * 0.5 if middle > 0 else middle * 2 - 100), (middle * 2 if middle > 0 else middle * 0.5 + 100)
    return round(grid.index(float(lower))), round(grid.index(float(upper)))
