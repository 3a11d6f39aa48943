"""The connection of one client id, kept up: connecting, trying again, watching, and what TWS says of itself (3.2).

A :class:`Keeper` tells its owner when clients are to hear ``OnFrontConnected`` and ``OnFrontDisconnected``, and when a
login can be answered: after reconciliation. How long an address is left alone after failures outlives the keeper, as
the Api object that was refused opens another one a second later.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ctp2.core.errors import READ_FAILED, HeartbeatTimeout, LinkLost, OpenFailed, ReadFailed, reason_of
from ctp2.ib import records
from ctp2.ib.client_link import TwsLink
from ctp2.ib.records import Problem

if TYPE_CHECKING:
    from ctp2.core.backend import Alarm
    from ctp2.ib.link import Link, Role, Timers
    from ctp2.ib.records import Record
    from ctp2.ib.store import Store

log = logging.getLogger("ctp2.ib")


class Times(NamedTuple):
    """Seconds of the rules of spec ib 3.1 and 3.2."""

    retry: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0)
    """Before the next attempt; the last one from then on."""
    jitter: float = 0.2
    """How much of a wait may be added by chance, so that programs do not come back all at once."""
    in_use: float = 30.0
    """How long a client id that somebody has is left alone (326)."""
    silence: float = 30.0
    """Without data before TWS is asked for its time."""
    answer: float = 5.0
    """For that answer."""
    cut: float = 10.0
    """From the warning to the cut."""
    cut_off: float = 5.0
    """How long TWS may be without IB before clients are told (1100)."""
    settle: float = 15.0
    """How long a login waits for reconciliation."""
    competing: float = 60.0
    """Between attempts to have the data back that another session of the user has taken (10197)."""
    account: float = 10.0
    """Between two requests for account updates that something else ended (2100)."""


TIMES: Times = Times()
"""What new keepers go by; tests put others in its place."""

_CUT_OFF: Final = frozenset((1100, 2110))
_RESTORED: Final = {1101: True, 1102: False}
_NEW_PORT: Final = 1300
_FARM_DOWN: Final = frozenset((2103, 2105, 2157))
_FARM_UP: Final = frozenset((2104, 2106, 2158))
_FARM_NEWS: Final = frozenset((2107, 2108, 2119))
_ACCOUNT_ENDED: Final = 2100
COMPETING: Final = 10197
_PORT: Final = re.compile(r"(\d{2,5})\D*$")
_MAX_PORT: Final = 65_535


class Trouble:
    """How an address and client id have failed lately."""

    def __init__(self) -> None:
        self.failures = 0
        self.not_before = 0.0
        self.error: OpenFailed | None = None

    def failed(self, error: OpenFailed, now: float, times: Times) -> None:
        """An attempt did not succeed."""
        wait = times.retry[min(self.failures, len(times.retry) - 1)]
        if error.why == "in use":
            wait = max(wait, times.in_use)
        self.failures += 1
        self.not_before = now + wait * (1 + random.random() * times.jitter)
        if self.error is None or str(error) != str(self.error):
            log.warning("%s", error)
        self.error = error

    def over(self) -> None:
        """An attempt succeeded."""
        self.failures, self.not_before, self.error = 0, 0.0, None


TROUBLES: Final[dict[tuple[str, int, int], Trouble]] = {}
"""By host, port and client id, for the whole process."""


class Owner(Protocol):
    """What a keeper needs of the backend."""

    timers: Timers

    def on_record(self, link: Link, record: Record) -> None:
        """A record for the parts."""

    def reconcilers(self, link: Link) -> dict[str, Callable[[], asyncio.Task[object]]]:
        """What has to run before logins are answered, by name; each starts its work."""

    def on_front(self, keeper: Keeper, reason: int) -> None:
        """Clients are to hear OnFrontConnected (reason 0) or OnFrontDisconnected."""

    def on_settled(self, keeper: Keeper) -> None:
        """Reconciliation is over."""

    def on_warning(self, keeper: Keeper, seconds: int) -> None:
        """Clients are to hear OnHeartBeatWarning."""


class Keeper:
    """A client id's connection. On the loop, but for ``attempted`` and ``error``, which any thread may look at."""

    def __init__(self, owner: Owner, role: Role, place: tuple[str, int, int], tws_tz: str, store: Store) -> None:
        self.host, self.port, self.client_id = place
        self.role = role
        self.store = store
        self.times = TIMES
        self._owner = owner
        self._timers = owner.timers
        self.link = TwsLink(role, self.client_id, tws_tz, owner.timers, store, self, self._on_lost)
        self._trouble = TROUBLES.setdefault(place, Trouble())
        self.attempted = threading.Event()
        """Set when the first attempt has ended."""
        self._attempted = asyncio.Event()
        self.error: OpenFailed | None = None
        """Why there is no connection."""
        self.has_been_up = False
        self.is_reported_up = False
        """What clients were told."""
        self.settled = asyncio.Event()
        """Set when there is a link and reconciliation is over: logins can be answered."""
        self._lost: asyncio.Future[LinkLost] | None = None
        self._running: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._works: list[asyncio.Task[object]] = []
        self._cut_off_alarm: Alarm | None = None
        self._competing_alarm: Alarm | None = None
        self._farms_down: set[str] = set()
        self._account_at = float("-inf")

    @property
    def place(self) -> str:
        """For the log."""
        return f"{self.host}:{self.port} client id {self.client_id}"

    # ------------------------------------------------------------------ life
    def start(self) -> None:
        """Connect and stay connected; nothing if that is under way."""
        if self._running is None:
            self._running = self._timers.start(self._run())

    async def stop(self) -> None:
        """Disconnect for good."""
        self._forget_alarms()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        self._stop_settling()
        await self.link.close()
        if not self.attempted.is_set():
            self.error = OpenFailed(f"{self.place}: released before it was open")
            self._note_attempt()

    async def first_attempt(self) -> OpenFailed | None:
        """Until the first attempt has ended: why it, or the last one, did not succeed."""
        await self._attempted.wait()
        return self.error

    def _note_attempt(self) -> None:
        self._attempted.set()
        self.attempted.set()

    async def _run(self) -> None:
        while True:
            await self._wait_for_turn()
            self._lost = asyncio.get_running_loop().create_future()
            try:
                await self.link.open(self.host, self.port)
            except OpenFailed as error:
                self._trouble.failed(error, self._timers.monotonic(), self.times)
                self.error = error
                self._note_attempt()
                continue
            self._trouble.over()
            self.error = None
            self._up()
            self._note_attempt()
            why = await self._watch(self._lost)
            self._down(why)
            self._trouble.not_before = self._timers.monotonic() + self.times.retry[0]

    async def _wait_for_turn(self) -> None:
        wait = self._trouble.not_before - self._timers.monotonic()
        if wait <= 0:
            return
        if not self.attempted.is_set() and self._trouble.error is not None:
            # Whoever opens this gets the same answer as last time, at once, and does not disturb TWS.
            self.error = self._trouble.error
            self._note_attempt()
        await self._timers.sleep(wait)

    def _on_lost(self, why: LinkLost) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(why)

    def _up(self) -> None:
        link = self.link
        log.info("%s: connected, version %d, accounts %s", self.place, link.server_version, ", ".join(link.accounts))
        self.has_been_up = True
        self._farms_down.clear()
        link.is_cut_off = False
        self._owner.on_record(link, records.LinkUp(link.server_version, link.next_valid_id, link.accounts))
        self._settle()
        self._report(0)

    def _down(self, why: LinkLost) -> None:
        log.warning("%s: the connection is lost: %s", self.place, why)
        self._forget_alarms()
        self._stop_settling()
        self.link.is_cut_off = False
        reason = reason_of(why)
        # Clients first: what parts have to say then is for the next login.
        self._report(reason)
        self._owner.on_record(self.link, records.LinkDown(reason, str(why)))

    def _report(self, reason: int) -> None:
        is_up = reason == 0
        if is_up != self.is_reported_up:
            self.is_reported_up = is_up
            self._owner.on_front(self, reason)

    # ------------------------------------------------------------------ silence
    async def _watch(self, lost: asyncio.Future[LinkLost]) -> LinkLost:
        """Wait until the link is lost; cut it when nothing comes any more."""
        times = self.times
        while not lost.done():
            quiet = self._timers.monotonic() - self.link.heard
            if quiet < times.silence:
                await asyncio.wait({lost}, timeout=times.silence - quiet)
            elif not await self._answers(lost):
                self._owner.on_warning(self, round(times.silence + times.answer))
                before = self.link.heard
                await asyncio.wait({lost}, timeout=times.cut)
                if self.link.heard == before:
                    self.link.cut(HeartbeatTimeout(f"nothing came for {quiet + times.answer + times.cut:.0f} s"))
                    await asyncio.wait({lost})
        return lost.result()

    async def _answers(self, lost: asyncio.Future[LinkLost]) -> bool:
        """Whether TWS says anything when it is asked for its time."""
        before = self.link.heard
        asking = self._timers.start(self._ask_time())
        await asyncio.wait({lost, asking}, timeout=self.times.answer, return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        return self.link.heard != before or lost.done()

    async def _ask_time(self) -> None:
        with suppress(records.Refused, records.LinkLost):
            await self.link.server_time()

    # ------------------------------------------------------------------ reconciliation
    def _settle(self) -> None:
        """Reconcile; logins wait for it."""
        self._stop_settling()
        self._settling = self._timers.start(self._reconcile())

    def _stop_settling(self) -> None:
        self.settled.clear()
        for task in (*self._works, *(() if self._settling is None else (self._settling,))):
            task.cancel()
        self._works = []
        self._settling = None

    async def _reconcile(self) -> None:
        works = {name: start() for name, start in self._owner.reconcilers(self.link).items()}
        self._works = list(works.values())
        if works:
            await asyncio.wait(works.values(), timeout=self.times.settle)
        late = [name for name, work in works.items() if not work.done()]
        if late:
            # They go on: what they find out is told when it is known.
            log.warning(
                "%s: logins are answered without %s, which did not come within %.0f s",
                *(self.place, ", ".join(late), self.times.settle),
            )
        self.settled.set()
        if late:
            await asyncio.wait(works.values())
        self._owner.on_settled(self)

    # ------------------------------------------------------------------ what TWS says
    def on_record(self, link: Link, record: Record) -> None:
        """A record of the link: the connection's own are served here, all others by the parts."""
        if isinstance(record, Problem) and (record.req_id == -1 or record.code == COMPETING):
            self._on_problem(record)
            if record.req_id == -1:
                return
        self._owner.on_record(link, record)

    def _on_problem(self, problem: Problem) -> None:
        code = problem.code
        log.log(_level(code), "%s: IB%d:%s", self.place, code, problem.text)
        if code in _CUT_OFF:
            self._on_cut_off()
        elif code in _RESTORED:
            self._on_restored(_RESTORED[code])
        elif code == _NEW_PORT:
            self._on_new_port(problem.text)
        elif code in _FARM_DOWN:
            self._farms_down.add(_farm(problem.text))
        elif code in _FARM_UP and _farm(problem.text) in self._farms_down:
            self._farms_down.discard(_farm(problem.text))
            self._owner.on_record(self.link, records.FarmBack(_farm(problem.text)))
        elif code == COMPETING and self._competing_alarm is None:
            self._competing_alarm = self._timers.later(self.times.competing, self._ask_for_data)
        elif code == _ACCOUNT_ENDED:
            self._ask_for_account()

    def _on_cut_off(self) -> None:
        self.link.is_cut_off = True
        if self._cut_off_alarm is None:
            self._cut_off_alarm = self._timers.later(self.times.cut_off, self._tell_cut_off)

    def _tell_cut_off(self) -> None:
        self._cut_off_alarm = None
        if self.link.is_cut_off:
            self._report(READ_FAILED)

    def _on_restored(self, is_data_lost: bool) -> None:
        self.link.is_cut_off = False
        if self._cut_off_alarm is not None:
            self._cut_off_alarm.cancel()
            self._cut_off_alarm = None
        self._owner.on_record(self.link, records.Restored(is_data_lost))
        self._settle()
        self._report(0)

    def _on_new_port(self, text: str) -> None:
        found = _PORT.search(text)
        if found is not None and 0 < int(found[1]) <= _MAX_PORT:
            self.port = int(found[1])
        self.link.cut(ReadFailed(text))

    def _ask_for_data(self) -> None:
        self._competing_alarm = None
        if self.link.is_up:
            self._owner.on_record(self.link, records.FarmBack("competing session"))

    def _ask_for_account(self) -> None:
        now = self._timers.monotonic()
        if now - self._account_at >= self.times.account:
            self._account_at = now
            self.link.renew_account_updates()

    def _forget_alarms(self) -> None:
        for alarm in (self._cut_off_alarm, self._competing_alarm):
            if alarm is not None:
                alarm.cancel()
        self._cut_off_alarm = self._competing_alarm = None


def _level(code: int) -> int:
    return logging.INFO if code in _FARM_UP or code in _FARM_NEWS or code == 1102 else logging.WARNING


def _farm(text: str) -> str:
    """The farm's name, behind the last colon."""
    return text.rpartition(":")[2].strip()
