"""Synthetic snapshots for a market that never closes: any time of a day can be begun at, and no day ends.

A day is cut into blocks of about ``_SNAPSHOTS`` snapshots. Each begins anew: with a stream of random numbers of its
own, quotes around the walk, and the volume that the day has by then. So the snapshots at a time are the same for
whoever starts the instrument, whenever; only Turnover, OpenInterest, High and Low of the time before the start are
worked out from the prices at the hours (docs/decisions/0101).
"""

from __future__ import annotations

from random import Random
from typing import Final

from ctp2.refdata.calendar import NS_PER_SECOND
from ctp2.refdata.styles import OPTION_STYLE, number, share
from ctp2.refdata.synthetic import Maker, SyntheticDay
from ctp2.refdata.ticks import Tick
from ctp2.refdata.walks import ClockWalk

_SNAPSHOTS: Final = 40
_UNEVEN: Final = 0.3
"""A block trades so much more or less than the mean."""
_PACE: Final = (0.3, 3.0)
"""Trades are made so much smaller or larger to arrive at the block's volume."""


class EndlessMaker(Maker):
    """The snapshots of one instrument from a time on: ``make`` gives the one that is due at ``due_ns``.

    ``due_ns`` is in ``Tick.time_ns`` and goes on beyond the end of the day.
    """

    def __init__(self, day: SyntheticDay) -> None:
        super().__init__(day)
        grid_ns = round(self.style.grid_s * NS_PER_SECOND)
        mean_ns = sum(self.intervals) / len(self.intervals)
        self._block_ns = max(1, round(_SNAPSHOTS * mean_ns / grid_ns)) * grid_ns
        traded = self._block_ns / mean_ns * (1 - self.style.no_trade)
        self._block_volume = max(traded * sum(self.volumes) / len(self.volumes), 2.0 * self.unit)
        # Instruments of one kind do not all begin a block, or quote, at the same instant.
        self._shift = number(day.seed, *self.instrument.key, "block") % (self._block_ns // grid_ns) * grid_ns
        self._begin = self.spans[0][0]
        self._ceiling = 0
        self._key = (*self.instrument.key, day.trading_day)
        self._block = -1
        self.due_ns = 0
        self._enter_block(max((day.start_ns or 0) - self._begin + self._shift, 0) // self._block_ns)

    def begin(self, time_ns: int) -> Tick:
        """The snapshot of a time at which the instrument is started: the last one by then, with the day so far."""
        self._enter_block(max(time_ns - self._begin + self._shift, 0) // self._block_ns)
        self._take_over()
        tick = self.make()
        while self.due_ns <= time_ns:
            tick = self.make()
        return tick

    def make(self) -> Tick:
        """The snapshot that is due; sets ``due_ns`` to the next one's time."""
        time = self.due_ns
        if time == self._start:
            tick = self._first(time)
        else:
            left = self._ceiling - self.volume
            expected = self._block_volume * (self._end - time) / self._block_ns
            low, high = _PACE
            tick = self._next(time, min(max(left / expected, low), high))
        time += self.intervals[int(self.random() * len(self.intervals))]
        if time < self._end:
            self.due_ns = time
        else:
            self._enter_block(self._block + 1)
        return tick

    # ------------------------------------------------------------------ blocks
    def _enter_block(self, block: int) -> None:
        self._block = block
        self._start = self._begin - self._shift + block * self._block_ns
        self._end = self._start + self._block_ns
        self._ceiling = self._volume_at(block + 1)
        self.due_ns = self._start

    def _volume_at(self, block: int) -> int:
        """What the day has traded when a block begins, less the trade that it begins with."""
        if not block:
            return 0
        noise = _UNEVEN * (share(self.day.seed, *self._key, "volume", str(block)) - 0.5)
        return round(self._block_volume * (block + noise) / self.unit) * self.unit

    def _first(self, time: int) -> Tick:
        """A block's first snapshot: quoted anew, with a trade that brings the volume to where it has to be."""
        self.random = Random(number(self.day.seed, *self._key, "block", str(self._block))).random
        self.spread = 0
        x = self.walk(time)
        if self.style is OPTION_STYLE:
            self._option_quote(x)
        else:
            self._quote(x, True)
        self.is_buy = self.random() < 0.5
        volume = self._volume_at(self._block) + self.unit - self.volume
        self._trade_at_best(max(volume, self.unit))
        return self._tick(time, True)

    def _take_over(self) -> None:
        """The day before a block as far as it is known without making it: its volume, and the prices at the hours."""
        volume = self._volume_at(self._block)
        if not volume:
            return
        indices = [round(x) for x in self._hours()]
        indices = [min(max(index, self._least), self.high) for index in indices]
        prices = [self.grid.price(index) for index in indices]
        self.volume = volume
        self.turnover_units = sum(self.grid.units(index) for index in indices) * volume // len(indices)
        self.open, self.highest, self.lowest = prices[0], max(prices), min(prices)
        self.last = indices[-1]

    def _hours(self) -> list[float]:
        """The prices at the hours of the day so far, in ticks."""
        follow = getattr(self.walk, "__self__", None)
        if isinstance(follow, ClockWalk):
            return follow.hours_until(self._start)
        return [self.walk(self._start)]  # an option has been where its underlying took it: only the present is known

    @property
    def _least(self) -> int:
        return max(self.low, 1) if self.style is OPTION_STYLE else self.low

    def _trade(self, index: int, volume: int) -> None:
        """No more than the block's volume."""
        if self.volume + volume <= self._ceiling:
            super()._trade(index, volume)

    def _trade_at_best(self, volume: int) -> None:
        price = self.bid + self.spread if self.is_buy else self.bid
        super()._trade(min(max(price, self.low), self.high), volume)
