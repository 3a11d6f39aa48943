"""``OnRtnInstrumentStatus``: the phases of trading hours, and halts (spec ib 4.3, 5.8). On the loop's thread.

Told is what somebody asked for by its own text, or holds or has orders in, never a whole chain
(docs/decisions/0197): its status when it is found, at each login, and at every change.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ctp2.core.backend import NONE, Event
from ctp2.ib.hours import CONTINUOUS, PAUSE, login_trading_day, phase
from ctp2.ib.instruments import status_to_ctp
from ctp2.ib.parts import Refusal
from ctp2.ib.records import LinkLost, Refused

if TYPE_CHECKING:
    from ctp2.core.backend import Alarm
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link
    from ctp2.ib.parts import Asking
    from ctp2.ib.resolved import Resolved

log = logging.getLogger("ctp2.ib")

_NS: Final = 1_000_000_000
_LONGEST_S: Final = 3_600.0
"""The clock is looked at this often at least: it may be set, and hours are asked for anew each day."""
AUTOMATIC: Final = "1"
HALT_REASON: Final[dict[int, str]] = {1: "2", 2: "3"}
"""TWS's kind of halt (1 by the exchange or a regulator, 2 by volatility) → EnterReason (manual, circuit breaker)."""


class _Watched:
    """An instrument whose status is told."""

    __slots__ = ("halt", "link", "reason", "resolved", "since_ns", "status")

    def __init__(self, link: Link, resolved: Resolved) -> None:
        self.link = link
        self.resolved = resolved
        self.status = ""
        self.reason = AUTOMATIC
        self.since_ns = 0
        self.halt = 0


class Statuses:
    """The statuses of the instruments that are in use."""

    def __init__(self, backend: IbBackend) -> None:
        self._backend = backend
        self._watched: dict[tuple[int, str], _Watched] = {}
        self._alarm: Alarm | None = None
        self._day = ""

    def found(self, link: Link, resolved: Resolved) -> None:
        """An instrument was found, or found again with the hours of a new day."""
        watched = self._watched.get(resolved.key)
        if watched is None:
            watched = self._watched[resolved.key] = _Watched(link, resolved)
        watched.link, watched.resolved = link, resolved
        self._day = self._day or login_trading_day(self._backend.timers.now_ns())
        self._look(watched)
        self._arm()

    def halt(self, resolved: Resolved, kind: int) -> None:
        """Trading is halted (1, 2), or not (0)."""
        watched = self._watched.get(resolved.key)
        if watched is None or watched.halt == kind:
            return
        log.info("%s: %s", resolved.canonical, f"halted ({kind})" if kind else "no longer halted")
        watched.halt = kind
        self._look(watched)

    def current(self, session: Asking) -> list[Event]:
        """What a client is told when it logs in."""
        if not self._listens(session):
            return []
        return [self._event(session, watched) for watched in self._watched.values() if watched.status]

    def _listens(self, session: Asking) -> bool:
        """Whether a client takes the public stream."""
        return session.machine.start_of("public", self._backend.trading_day) != NONE

    def close(self) -> None:
        """Nothing more is told."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    # ------------------------------------------------------------------
    def _look(self, watched: _Watched) -> None:
        """Tell the status if it is another than before."""
        now_ns = self._backend.timers.now_ns()
        known = watched.resolved.trading
        status, since_ns, reason = "", now_ns, AUTOMATIC
        if known:
            status, since_ns, _ = phase(known, watched.resolved.zone, now_ns)
        if watched.halt and status in ("", CONTINUOUS):
            status, since_ns, reason = PAUSE, now_ns, HALT_REASON.get(watched.halt, AUTOMATIC)
        elif not known and watched.status:
            status = CONTINUOUS  # no hours are known, but the halt is over
        if status == watched.status:
            return
        if watched.reason != AUTOMATIC and status == CONTINUOUS:
            since_ns = now_ns
        watched.status, watched.since_ns, watched.reason = status, since_ns, reason
        for session in self._backend.sessions("trader"):
            if session.machine.is_logged_in and self._listens(session):
                session.put([self._event(session, watched)])

    def _event(self, session: Asking, watched: _Watched) -> Event:
        resolved = watched.resolved
        text = self._backend.directory.names_of(session).text(resolved)
        tz = self._backend.config.options.tz
        shown_in = ZoneInfo(tz) if tz else resolved.zone
        field = status_to_ctp(resolved, text, watched.status, watched.since_ns, resolved.trading, shown_in)
        field.EnterReason = watched.reason
        return Event("OnRtnInstrumentStatus", field)

    # ------------------------------------------------------------------ time
    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        now_ns = self._backend.timers.now_ns()
        wait_s = _LONGEST_S
        for watched in self._watched.values():
            until_ns = phase(watched.resolved.trading, watched.resolved.zone, now_ns)[2]
            if until_ns:
                wait_s = min(wait_s, (until_ns - now_ns) / _NS)
        self._alarm = self._backend.timers.later(wait_s, self._due)

    def _due(self) -> None:
        self._alarm = None
        for watched in list(self._watched.values()):
            self._look(watched)
        day = login_trading_day(self._backend.timers.now_ns())
        if day != self._day:
            self._day = day
            self._backend.timers.start(self._ask_again())
        self._arm()

    async def _ask_again(self) -> None:
        """Hours are those of some days: a new day's are asked for."""
        for key, watched in list(self._watched.items()):
            resolved = watched.resolved
            try:
                await self._backend.directory.resolve(watched.link, resolved.canonical)
            except (Refusal, Refused) as error:
                log.info("%s: its status is told no longer: %s", resolved.canonical, error)
                self._watched.pop(key, None)
            except LinkLost as error:
                log.info("%s: hours of the new day: %s; asked again later", resolved.canonical, error)
                self._day = "again"
                return
