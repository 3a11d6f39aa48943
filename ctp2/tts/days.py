"""The trading days of an environment: which one follows, when the clock ends one, and the world of each.

``replay`` has the recorded days, then the calendar's, on which nothing is played. ``7x24`` makes every natural day a
trading day and plays the same record on, in its place. ``sim`` and ``vip`` have the calendar's (``live_days``). Worlds
are made one at a time: of a long recording one day is held in memory (docs/decisions/0096-many-days.md).
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from ctp2.refdata.calendar import CalendarEnded, CalendarError, calendar, plus_days, to_date
from ctp2.refdata.recorded import Recording
from ctp2.refdata.ticks import DBL_MAX, Tick, TickDay, read_day
from ctp2.tts.environments import BEIJING_TIME, World, loop_world, natural_day, replay_world
from ctp2.tts.live_days import LiveDays
from ctp2.tts.loop import ROLL_HOUR

if TYPE_CHECKING:
    from ctp2.tts.config import Config
    from ctp2.tts.settled import Settlement

_FRIDAY: Final = 4


class Days(Protocol):
    """The days of an environment. ``number``: the latest day among ``total`` recorded ones (0: without end)."""

    number: int
    total: int

    def first(self, now_ns: int) -> World:
        """The world in which a counter begins."""

    def plays_on(self, trading_day: str) -> bool:
        """Whether a recorded day follows, to which the end of this one leads."""

    def ends_ns(self, trading_day: str) -> int:
        """The instant at which the clock ends a trading day; 0: it does not."""

    def after(self, trading_day: str, now_ns: int) -> str:
        """The trading day that follows; ``CalendarEnded`` where that is not known yet."""

    def closing(self, world: World, next_day: str) -> dict[int, Tick]:
        """What the market says at the end of the world's day, for its settlement: snapshots by contract index."""

    def world(self, trading_day: str, now_ns: int, settlement: Settlement, before: World | None = None) -> World:
        """The world of a day that follows ``settlement``; ``before`` is the world of the day before, if it lives."""


class ReplayDays:
    """Recorded days, one after the other, then the calendar's."""

    def __init__(self, config: Config) -> None:
        options = config.options
        self._config = config
        self._recording = Recording(options.data, options.first_day, options.last_day)
        self._ahead: TickDay | None = None
        """The next day, read for the settlement of the one before."""
        self.number = 0
        self.total = len(self._recording.days)

    def first(self, now_ns: int) -> World:
        """The first recorded day."""
        self.number = 1
        return replay_world(self._config, self._recording.read(self._recording.days[0]))

    def plays_on(self, trading_day: str) -> bool:
        """Whether there is a recorded day after it."""
        return trading_day < self._recording.days[-1]

    def ends_ns(self, trading_day: str) -> int:
        """A recorded day ends with its last snapshot."""
        return 0

    def after(self, trading_day: str, now_ns: int) -> str:
        """The next recorded day, else the calendar's; in the years before the calendar begins the next weekday."""
        recorded = next((day for day in self._recording.days if day > trading_day), "")
        return recorded or _next_trading_day(self._recording.market, trading_day)

    def closing(self, world: World, next_day: str) -> dict[int, Tick]:
        """The last snapshots; where the next recorded day follows at once, its PreSettlementPrice is the exchange's."""
        closing = dict(world.ticks)
        follows = next_day == _next_trading_day(self._recording.market, world.trading_day)
        if not follows or next_day not in self._recording.days:
            return closing
        day = self._ahead = self._recording.read(next_day)
        before = {contract.code: contract for contract in world.day_contracts if not contract.is_security}
        for index, item in enumerate(day.instruments):
            contract, price = before.get(item.code), day.first_tick(index).pre_settlement
            if contract is not None and price not in (0.0, DBL_MAX):
                closing[contract.index] = replace(closing[contract.index], settlement=price)
        return closing

    def world(self, trading_day: str, now_ns: int, settlement: Settlement, before: World | None = None) -> World:
        """A recorded day, or one on which nothing is played."""
        ahead, self._ahead = self._ahead, None
        self.number = sum(day <= trading_day for day in self._recording.days)
        if ahead is not None and ahead.trading_day == trading_day:
            return replay_world(self._config, ahead, settlement)
        if trading_day in self._recording.days:
            return replay_world(self._config, self._recording.read(trading_day), settlement)
        used = [(price.exchange, price.code) for price in settlement.prices]
        recorded = [contract.instrument.key for contract in before.day_contracts] if before is not None else []
        return replay_world(self._config, TickDay(trading_day, [], [], array("q")), settlement, [*recorded, *used])


class LoopDays:
    """``7x24``: every natural day, from 04:00 Beijing time to the next, whatever calendars say."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._recorded = read_day(config.options.data)
        self.number = 0
        self.total = 0

    def first(self, now_ns: int) -> World:
        """The day of the clock."""
        self.number = 1
        return loop_world(self._config, self._recorded, natural_day(now_ns), now_ns)

    def plays_on(self, trading_day: str) -> bool:
        """The record has no end."""
        return False

    def ends_ns(self, trading_day: str) -> int:
        """04:00 of the next natural day."""
        day = datetime.combine(to_date(trading_day), datetime.min.time(), BEIJING_TIME)
        return int((day + timedelta(days=1, hours=ROLL_HOUR)).timestamp()) * 1_000_000_000

    def after(self, trading_day: str, now_ns: int) -> str:
        """The clock's day; a clock that was not looked at for several days leaves those between out."""
        return max(natural_day(now_ns), plus_days(trading_day, 1))

    def closing(self, world: World, next_day: str) -> dict[int, Tick]:
        """The last snapshots."""
        return dict(world.ticks)

    def world(self, trading_day: str, now_ns: int, settlement: Settlement, before: World | None = None) -> World:
        """The record goes on at the same place."""
        self.number += 1
        return loop_world(self._config, self._recorded, trading_day, now_ns, settlement, before)


def days_of(config: Config) -> Days:
    """The days of an environment.

    Raises:
        DataError: the recording cannot be read, or has no day between ``from`` and ``to``.
    """
    if config.follows_sessions:
        return LiveDays(config)
    return ReplayDays(config) if config.environment == "replay" else LoopDays(config)


def _next_trading_day(market: str, trading_day: str) -> str:
    try:
        return calendar().next_trading_day(market, trading_day)
    except CalendarEnded:
        raise
    except CalendarError:
        day = plus_days(trading_day, 1)
        while to_date(day).weekday() > _FRIDAY:
            day = plus_days(day, 1)
        return day


__all__ = ["Days", "LoopDays", "ReplayDays", "days_of"]
