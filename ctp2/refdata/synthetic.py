"""Seeded days of instruments that nothing was recorded of: snapshots like a recording's, and labelled as synthetic.

A day depends on the instrument, the trading day, the seed and the price it starts from, and on nothing else: the same
ticks on every machine. Nothing is computed before the first tick is asked for. The price follows a walk that is a
function of time (``Walk``): an option follows the walk of its underlying without knowing its snapshots, whenever either
was started.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from math import log
from random import Random
from typing import Final

from ctp2.refdata.black76 import value_and_delta
from ctp2.refdata.calendar import NS_PER_SECOND, plus_days, to_date
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.models import FUND, FUTURE, OPTION, STOCK, Instrument
from ctp2.refdata.styles import OPTION_STYLE, Style, number, start_price, style_of, volatility_of
from ctp2.refdata.ticks import DBL_MAX, NS_PER_DAY, Tick, TickInstrument
from ctp2.refdata.tradingday import action_day
from ctp2.refdata.walks import (
    MINUTE_NS,
    Grid,
    Underlying,
    bounds_of,
    session_marks,
    spans_of,
    underlying_of,
    walk_of,
)

_TABLE: Final = 256
_AUCTION_SHARE: Final = {FUTURE: 0.002, OPTION: 0.0}
_OTHER_AUCTION_SHARE: Final = 0.01
_LEVELS: Final = tuple((f"bid{n}", f"bid_volume{n}", f"ask{n}", f"ask_volume{n}") for n in range(2, 6))

#: Volume by equal parts of the trading time, percent (reference-data 6): IF, 600519, four of New York.
_FUTURES_PARTS: Final = (25.5, 12.5, 11.5, 11.2, 10.3, 9.4, 8.1, 11.5)
_SHARE_PARTS: Final = (24.5, 14.6, 13.1, 6.9, 9.9, 9.4, 10.7, 10.9)
_US_PARTS: Final = (12.0, 7.5, 9.0, 6.5, 8.0, 5.0, 5.0, 5.0, 5.5, 8.0, 7.0, 8.0, 15.0)


@lru_cache(maxsize=256)
def _table(median: float, ninety: float, unit: int) -> list[int]:
    """256 values of a log-logistic distribution through two quantiles, in multiples of a unit, none above 4 × p90."""
    power = log(max(ninety / median, 1.0001)) / log(9.0)
    values = []
    for place in range(_TABLE):
        part = (place + 0.5) / _TABLE
        value = min(median * (part / (1 - part)) ** power, 4 * ninety)
        values.append(max(unit, round(value / unit) * unit))
    return values


@lru_cache(maxsize=64)
def _intervals(style: Style) -> list[int]:
    """256 intervals in ns through three quantiles, on the style's grid."""
    p50, p90, p99 = style.interval_s
    values = []
    for place in range(_TABLE):
        part = (place + 0.5) / _TABLE
        if part < 0.5:
            value = style.grid_s + (p50 - style.grid_s) * part / 0.5
        elif part < 0.9:
            value = p50 + (p90 - p50) * (part - 0.5) / 0.4
        else:
            value = p90 + (p99 - p90) * (part - 0.9) / 0.09
        values.append(round(max(1, round(value / style.grid_s)) * style.grid_s * NS_PER_SECOND))
    return values


@lru_cache(maxsize=64)
def _spreads(style: Style) -> list[int]:
    """256 spreads in ticks: one tick as often as measured, the rest so that the mean comes out."""
    ones = round(_TABLE * style.one_tick)
    wide = _TABLE - ones
    if not wide:
        return [1] * _TABLE
    extra = max(0.0, (style.spread * _TABLE - ones) / wide - 2)
    return [1] * ones + [2 + round(-extra * log(1 - (place + 0.5) / wide)) for place in range(wide)]


class SyntheticDay:
    """One instrument's day; iterate over its ticks.

    ``number`` is what the ticks carry as ``instrument``. ``pre_settlement`` is the price before the day (the
    instrument's own last settlement or close), else ``start_price``. ``start_ns`` leaves out what lies before it.
    An option follows ``underlying`` where it is given (a live quote, ``underlying_before`` its price before the day),
    else the walk of its underlying, same seed.
    """

    def __init__(
        self,
        instrument: Instrument,
        trading_day: str,
        seed: int = 0,
        *,
        number: int = 0,
        pre_settlement: Decimal | None = None,
        start_ns: int | None = None,
        is_round_the_clock: bool = False,
        underlying: Underlying | None = None,
        underlying_before: float | None = None,
    ) -> None:
        self.instrument = instrument
        self.trading_day = trading_day
        self.seed = seed
        self.number = number
        self.item = TickInstrument(instrument.exchange, instrument.code, True)
        self.start_ns = start_ns
        self.is_round_the_clock = is_round_the_clock
        self.known = pre_settlement
        self.underlying = underlying
        self.underlying_before = underlying_before

    def __iter__(self) -> Iterator[Tick]:
        return Maker(self).ticks()


class Maker:
    """The state of one day while its ticks are made."""

    def __init__(self, day: SyntheticDay) -> None:
        self.day = day
        self.instrument = instrument = day.instrument
        self.grid = Grid(instrument)
        self.spans = spans_of(instrument, day.trading_day, day.is_round_the_clock)
        self.underlying = day.underlying
        self.years = 0.0
        self.delta = DBL_MAX
        self.reference = self._reference(day.known)
        self.style = style_of(instrument, float(self.reference), day.trading_day)
        self.random = Random(number(day.seed, *instrument.key, day.trading_day, "book")).random
        self.low, self.high = self._limit_indices()
        self.walk = self._walk()
        is_share = instrument.product_class in (STOCK, FUND)
        self.unit = unit = max(1, instrument.lot if is_share else instrument.lot_step)
        self.sizes = _table(*self.style.size, unit)
        self.volumes = _table(*self.style.volume, unit)
        self.intervals = _intervals(self.style)
        self.spreads = _spreads(self.style)
        self.parts = (
            _US_PARTS
            if instrument.exchange in ("NASD", "NYSE", "BATS")
            else _SHARE_PARTS
            if is_share
            else _FUTURES_PARTS
        )
        self.volume = 0
        self.turnover_units = 0
        self.open = self.highest = self.lowest = DBL_MAX
        self.last = round(self.grid.index(float(self.reference)))
        self.is_buy = True
        self.bid = self.last
        self.spread = 1
        self.pre_interest = float(self._day_volume() // 2) if instrument.product_class in (FUTURE, OPTION) else 0.0
        self.interest = self.pre_interest
        self.exchange = instrument.exchange
        self.reference_price = float(self.reference)
        self.second = -(1 << 60)
        self.time_of_day = self.action_day = ""

    # ------------------------------------------------------------------ before the first tick
    def _reference(self, known: Decimal | None) -> Decimal:
        option = self.instrument
        if option.product_class != OPTION:
            return start_price(option, known, self.day.seed)
        day, expiry = to_date(self.day.trading_day), to_date(option.expire_date or self.day.trading_day)
        self.years = max((expiry - day).days, 0.5) / 365
        if self.underlying is None:
            self.before, self.underlying = underlying_of(
                option, self.day.trading_day, self.day.seed, self.day.is_round_the_clock
            )
        else:
            before = self.day.underlying_before
            self.before = before if before is not None else self.underlying(self.spans[0][0])
        if known is not None:
            return known
        ticks = max(1, round(self.grid.index(self._option_value(self.before))))
        return Decimal(self.grid.units(ticks)) / self.grid.scale

    def _option_value(self, forward: float) -> float:
        option = self.instrument
        is_call = option.option_type == "call"
        value, delta = value_and_delta(forward, float(option.strike or 0), volatility_of(option), self.years, is_call)
        self.delta = round(delta, 6)
        return value

    def _limit_indices(self) -> tuple[int, int]:
        option = self.instrument
        base = Decimal(repr(self.before)) if option.product_class == OPTION else None
        upper, lower = daily_limits(option, self.reference, self.reference, base)
        self.upper = DBL_MAX if upper is None else float(upper)
        self.lower = DBL_MAX if lower is None else float(lower)
        if upper is None or lower is None:
            bounds = bounds_of(option, self.reference, self.grid) if base is None else (1.0, 1e12)
            return int(bounds[0]), int(bounds[1])
        return round(self.grid.index(self.lower)), round(self.grid.index(self.upper))

    def _walk(self) -> Callable[[int], float]:
        if self.instrument.product_class != OPTION:
            bounds = float(self.low), float(self.high)
            day, always = self.day, self.day.is_round_the_clock
            walk = walk_of(self.instrument, day.trading_day, day.seed, self.reference, self.spans, bounds, always)
            return walk.at
        follow, index = self.underlying, self.grid.index
        assert follow is not None
        return lambda time_ns: index(self._option_value(follow(time_ns)))

    def _day_volume(self) -> int:
        """About what a day trades, for the auction and the open interest."""
        seconds = sum(end - start for start, end in self.spans) / NS_PER_SECOND
        snapshots = seconds / (sum(self.intervals) / _TABLE / NS_PER_SECOND)
        return round(snapshots * (1 - self.style.no_trade) * sum(self.volumes) / _TABLE)

    # ------------------------------------------------------------------ the ticks
    def ticks(self) -> Iterator[Tick]:
        """All ticks of the day, in order."""
        start_ns = self.day.start_ns
        opening = self._opening_ns()
        if opening is not None and (start_ns is None or opening >= start_ns):
            yield self._auction(opening)
        total = sum(end - start for start, end in self.spans)
        parts, before = self.parts, 0
        offset = self._offset_ns()
        random, intervals = self.random, self.intervals
        for start, end in self.spans:
            time = start + offset
            if start_ns is not None and start_ns > time:
                time += -((time - start_ns) // intervals[0]) * intervals[0]
            while time < end:
                part = parts[(before + time - start) * len(parts) // total] * len(parts) / 100
                yield self._next(time, 1.0 if self.day.is_round_the_clock else part)
                time += intervals[int(random() * _TABLE)]
            before += end - start
        if not self.day.is_round_the_clock and self.instrument.session_id:
            yield from self._closing()

    def _opening_ns(self) -> int | None:
        """When the opening auction is told; None without one."""
        if self.day.is_round_the_clock or not self.instrument.session_id:
            return None
        kind, start, _ = next(session_marks(self.instrument, self.day.trading_day))
        if kind != "match" or start == self.spans[0][0]:
            return None
        return start + (self._offset_ns() or NS_PER_SECOND // 2 if self.style.grid_s < 1 else NS_PER_SECOND)

    def _offset_ns(self) -> int:
        """CFFEX's milliseconds have a phase of the day: 0/500, 200/700, 400/900."""
        if self.instrument.exchange != "CFFEX":
            return 0
        day = self.day
        return number(day.seed, day.trading_day, "phase") % 3 * 200_000_000

    def _auction(self, time: int) -> Tick:
        share = _AUCTION_SHARE.get(self.instrument.product_class, _OTHER_AUCTION_SHARE)
        volume = round(self._day_volume() * share / self.unit) * self.unit
        self._quote(self.walk(self.spans[0][0]), True)
        if volume:
            self._trade(self.bid, volume)
        return self._tick(time, True)

    def _next(self, time: int, part: float) -> Tick:
        random = self.random
        x = self.walk(time)
        style = self.style
        if style is OPTION_STYLE:
            self._option_quote(x)
        else:
            self._quote(x, random() >= style.sticky)
        if random() >= style.no_trade:
            if random() < style.switch:
                self.is_buy = not self.is_buy
            volume = int(self.volumes[int(random() * _TABLE)] * part / self.unit + random()) * self.unit
            price = self.bid + self.spread if self.is_buy else self.bid
            self._trade(min(max(price, self.low), self.high), volume or self.unit)
        return self._tick(time, True)

    def _quote(self, x: float, is_moved: bool) -> None:
        """Quotes around the walk; a book of one tick stays until the walk has left it by half a tick."""
        spread = self.spreads[int(self.random() * _TABLE)]
        off = x - self.bid - self.spread / 2
        if not is_moved and -self.spread < off < self.spread:
            return
        if spread == 1 and self.spread == 1 and -1.0 < off < 1.0:
            return
        self.spread = spread
        bid = int(x - spread / 2 + 0.5)
        self.bid = min(max(bid, self.low - 1), self.high)

    def _option_quote(self, x: float) -> None:
        """3 to 10 percent of the premium, at least a tick."""
        spread = max(1, round(x * (0.03 + 0.07 * self.random())))
        self.spread = spread
        self.bid = min(max(int(x - spread / 2 + 0.5), self.low - 1, 0), self.high)

    def _trade(self, index: int, volume: int) -> None:
        index = min(max(index, self.low, 1 if self.style is OPTION_STYLE else self.low), self.high)
        self.last = index
        self.volume += volume
        self.turnover_units += self.grid.units(index) * volume
        price = self.grid.price(index)
        if self.open == DBL_MAX:
            self.open = self.highest = self.lowest = price
        elif price > self.highest:
            self.highest = price
        elif price < self.lowest:
            self.lowest = price
        if self.pre_interest:
            self.interest = max(0.0, self.interest + int((self.random() - 0.5) * volume * 0.4))

    def _closing(self) -> Iterator[Tick]:
        """After the close: futures settle at the day's average price, told 28 minutes later; shares close at once."""
        instrument = self.instrument
        end = self.spans[-1][1]
        *_, (kind, start, _) = session_marks(instrument, self.day.trading_day)
        if kind == "match":
            end = start
            volume = round(self._day_volume() * _OTHER_AUCTION_SHARE / self.unit) * self.unit
            if volume and instrument.product_class != OPTION:
                self._trade(self.bid, volume)
        yield self._tick(end, True)
        tick = self._tick(
            end + (28 * MINUTE_NS if instrument.product_class in (FUTURE, OPTION) else NS_PER_SECOND), False
        )
        if self.volume:
            tick.close = self.grid.price(self.last)
        if instrument.product_class == FUTURE and self.volume:
            average = self.turnover_units / self.volume / self.grid.scale
            tick.settlement = self.grid.price(round(self.grid.index(average)))
        elif instrument.product_class == OPTION:
            tick.settlement = self.grid.price(self.last)
        yield tick

    # ------------------------------------------------------------------ the record
    def _tick(self, time: int, with_book: bool) -> Tick:
        instrument, grid = self.instrument, self.grid
        millisec = time // 1_000_000 % 1000
        if self.exchange == "CZCE":
            time -= millisec * 1_000_000
            millisec = 0
        elif with_book and self.exchange in ("DCE", "GFEX") and not self.day.is_round_the_clock:
            jitter = int(self.random() * 400)
            time += jitter * 1_000_000
            millisec += jitter
        second = time // NS_PER_SECOND
        if second != self.second:
            self._enter(second)
        turnover = self.turnover_units * instrument.multiplier / grid.scale
        average = turnover / self.volume if self.volume else 0.0
        if self.exchange == "CZCE":
            average /= instrument.multiplier
        reference = self.reference_price
        tick = Tick(
            self.day.number,
            time,
            self.time_of_day,
            millisec,
            self.action_day,
            self.exchange,
            "",
            grid.price(self.last) if self.volume else DBL_MAX,
            reference,
            reference,
            self.pre_interest,
            self.open,
            self.highest,
            self.lowest,
            self.volume,
            turnover,
            self.interest,
            DBL_MAX,
            DBL_MAX,
            self.upper,
            self.lower,
            DBL_MAX,
            self.delta,
            average,
        )
        if with_book:
            self._book(tick)
        return tick

    def _enter(self, second: int) -> None:
        """Wall time and natural day of a second."""
        self.second = second
        of_day = second % 86400
        self.time_of_day = f"{of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}"
        self.action_day = self._action_day(second * NS_PER_SECOND)

    def _book(self, tick: Tick) -> None:
        """Best prices; four more levels for securities. A side that would lie beyond the limit is absent."""
        random, sizes, price = self.random, self.sizes, self.grid.price
        bid, ask = self.bid, self.bid + self.spread
        lowest = max(self.low, 1) if self.low >= 0 else self.low
        if bid >= lowest:
            tick.bid1, tick.bid_volume1 = price(bid), sizes[int(random() * _TABLE)]
        if ask <= self.high:
            tick.ask1, tick.ask_volume1 = price(ask), sizes[int(random() * _TABLE)]
        if self.style.levels == 1:
            return
        unit, gap = self.unit, 2 * (self.style.gap - 1)
        for names, depth in zip(_LEVELS, self.style.depth[1:], strict=True):
            bid -= 1 + int(gap * random() + 0.5)
            ask += 1 + int(gap * random() + 0.5)
            if bid >= lowest:
                setattr(tick, names[0], price(bid))
                setattr(tick, names[1], int(sizes[int(random() * _TABLE)] * depth / unit + 0.5) * unit or unit)
            if ask <= self.high:
                setattr(tick, names[2], price(ask))
                setattr(tick, names[3], int(sizes[int(random() * _TABLE)] * depth / unit + 0.5) * unit or unit)

    def _action_day(self, time: int) -> str:
        """The natural day, or what the exchange shows for it (ctp-semantics 9.3)."""
        if 0 <= time < NS_PER_DAY and not self._has_evening:
            return self.day.trading_day
        return self._shown(time)

    @property
    def _has_evening(self) -> bool:
        return self.spans[0][0] < 0

    def _shown(self, time: int) -> str:
        day = self.day.trading_day
        if time >= NS_PER_DAY:
            return plus_days(day, time // NS_PER_DAY)
        if time >= self.spans[0][1] and time > 0:
            return day
        return action_day(self.instrument.exchange, day, self._evening(time))

    def _evening(self, time: int) -> str:
        day = self.day.trading_day
        if self.instrument.exchange == "CME":
            before = plus_days(day, -1)
        else:
            before = plus_days(day, -3 if to_date(day).weekday() == 0 else -1)
        return before if time < 0 else plus_days(before, 1)


class SyntheticMarket:
    """Many instruments' days as one stream in order of time; an instrument is started when somebody wants it."""

    def __init__(self, trading_day: str, seed: int = 0, *, is_round_the_clock: bool = False) -> None:
        self.trading_day = trading_day
        self.seed = seed
        self.is_round_the_clock = is_round_the_clock
        self.instruments: list[TickInstrument] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._due: list[tuple[int, int, Tick, Iterator[Tick]]] = []

    def start(
        self,
        instrument: Instrument,
        start_ns: int | None = None,
        pre_settlement: Decimal | None = None,
        underlying: Underlying | None = None,
    ) -> int:
        """Begin an instrument's day at a time, once; returns its number."""
        known = self._numbers.get(instrument.key)
        if known is not None:
            return known
        place = self._numbers[instrument.key] = len(self.instruments)
        day = SyntheticDay(
            instrument,
            self.trading_day,
            self.seed,
            number=place,
            pre_settlement=pre_settlement,
            start_ns=start_ns,
            is_round_the_clock=self.is_round_the_clock,
            underlying=underlying,
        )
        self.instruments.append(day.item)
        self._push(place, iter(day))
        return place

    @property
    def next_ns(self) -> int | None:
        """When the next tick is due (``Tick.time_ns``); None at the end of the day."""
        return self._due[0][0] if self._due else None

    def take(self) -> Tick:
        """The next tick."""
        _, place, tick, rest = heapq.heappop(self._due)
        self._push(place, rest)
        return tick

    def _push(self, place: int, rest: Iterator[Tick]) -> None:
        tick = next(rest, None)
        if tick is not None:
            heapq.heappush(self._due, (tick.time_ns, place, tick, rest))
