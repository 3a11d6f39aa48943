"""The trading days of ``tts://sim`` and ``tts://vip``: the calendar's, from roll to roll."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ctp2.refdata.calendar import CalendarEnded
from ctp2.tts.environments import World, session_world
from ctp2.tts.live import calendar_market, next_trading_day, roll_ns, trading_day_at

if TYPE_CHECKING:
    from ctp2.refdata.ticks import Tick
    from ctp2.tts.config import Config
    from ctp2.tts.settled import Settlement

log = logging.getLogger("ctp2.tts")


class LiveDays:
    """``sim`` and ``vip``: phases by the clock, quotes from outside."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._market = calendar_market(config.listed_markets)
        self.number = 0
        self.total = 0

    def first(self, now_ns: int) -> World:
        """The day of the clock."""
        return self._world(trading_day_at(self._market, now_ns), now_ns)

    def plays_on(self, trading_day: str) -> bool:
        """The clock ends the days."""
        return False

    def ends_ns(self, trading_day: str) -> int:
        """The roll; of the last day that the calendar knows there is none, it stays closed."""
        try:
            next_trading_day(self._market, trading_day)
        except CalendarEnded as error:
            log.warning("tts://%s stays in its day %s: %s", self._config.environment, trading_day, error)
            return 0
        return roll_ns(self._market, trading_day)

    def after(self, trading_day: str, now_ns: int) -> str:
        """The calendar's next day; a clock that was not looked at for several days leaves those between out."""
        return max(trading_day_at(self._market, now_ns), next_trading_day(self._market, trading_day))

    def closing(self, world: World, next_day: str) -> dict[int, Tick]:
        """The last snapshots of the source."""
        return dict(world.ticks)

    def world(self, trading_day: str, now_ns: int, settlement: Settlement, before: World | None = None) -> World:
        """The next day."""
        return self._world(trading_day, now_ns, settlement)

    def _world(self, trading_day: str, now_ns: int, settlement: Settlement | None = None) -> World:
        self.number += 1
        return session_world(self._config, trading_day, now_ns, settlement)
