"""One subscription at TWS, and who gets its ticks."""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING

from ctp2.ib.hours import last_begun, trading_day
from ctp2.ib.translate_md import Field, Quote, tick_to_ctp

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ctp2.core.backend import Alarm, Request
    from ctp2.ib.parts import Asking
    from ctp2.ib.records import Refused
    from ctp2.ib.resolved import Resolved
    from ctp2.ib.streams import Streams


class Want:
    """A text that a client subscribed. ``is_answered``: it gets ticks; before, its answer is on its way."""

    __slots__ = ("is_answered", "replaces", "request", "session", "stream", "streams", "text")

    def __init__(self, session: Asking, request: Request, text: str) -> None:
        self.session = session
        self.request = request
        self.text = text
        self.streams: Streams | None = None
        self.stream: Stream | None = None
        self.replaces: Want | None = None
        """An earlier want of the same text, which keeps its stream until this one has one."""
        self.is_answered = False


class Stream:
    """What TWS sends for one contract at one exchange; ``req_id`` and ``depth_id`` are 0 while it sends nothing."""

    __slots__ = (
        *("alarm", "depth_id", "failures", "heard_at", "is_ready", "is_snapshot", "opened", "quote"),
        *("req_id", "resolved", "told", "trouble", "wants", "_begun", "_begun_until", "_day", "_day_until"),
    )

    def __init__(self, resolved: Resolved, server_version: int, opened: Future[None]) -> None:
        self.resolved = resolved
        self.quote = Quote(resolved, server_version)
        self.opened = opened
        """Done when TWS has answered in any way, or for a second in none."""
        self.wants: dict[Want, None] = {}
        self.req_id = 0
        self.depth_id = 0
        self.heard_at = 0.0
        """When TWS sent something last, in monotonic seconds."""
        self.is_ready = False
        """Whether ticks go out although neither bid nor ask nor last are known."""
        self.is_snapshot = False
        self.trouble: Refused | None = None
        """Why it sends nothing now, though it is asked for again and again (10197)."""
        self.alarm: Alarm | None = None
        self.failures = 0
        """Texts that could not be read; only the first one is worth a line in the log."""
        self.told: Field | None = None
        """What went out last; None where what came last went to nobody."""
        self._day = self._begun = ""
        self._day_until = self._begun_until = 0

    def renew(self, resolved: Resolved) -> None:
        """The same contract with the hours of a new day."""
        self.resolved = resolved
        self._day_until = self._begun_until = 0

    def field(self, arrival_ns: int, tz: ZoneInfo | None) -> Field:
        """The record of what is known now, in the exchange's time or in ``tz``."""
        resolved, quote = self.resolved, self.quote
        now_ns = quote.clock(arrival_ns)
        if now_ns >= self._day_until:
            self._day, self._day_until = trading_day(resolved.trading, resolved.zone, now_ns)
        return tick_to_ctp(quote, resolved, self._day, tz or resolved.zone)

    def hear(self, now_ns: int) -> None:
        """TWS sends something, before it is looked at: the first of a new day finds an empty day."""
        if now_ns < self._begun_until:
            return
        begun, self._begun_until = last_begun(self.resolved.trading, self.resolved.zone, now_ns)
        # Before the first session that is known, and at the first look, there is no day to forget.
        if begun and self._begun and begun != self._begun:
            self.quote.new_session()
        self._begun = begun or self._begun
