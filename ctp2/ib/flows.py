"""The private flow of a client id: what was told to its users, in order; each sees all of it, or one account.

It begins anew with every TradingDay. A session that may see one account alone has a numbering of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ctp2.core.backend import Event
from ctp2.core.flow import FlowLog

if TYPE_CHECKING:
    from ctp2.core.backend import Sink

ALL: Final = ""
"""The scope of a session that may see every account."""


class PrivateFlow:
    """The flow of one client id. On the loop."""

    def __init__(self, today: Callable[[], str]) -> None:
        self._today = today
        self._day = today()
        self._told: list[tuple[str, Event]] = []
        """(account, event) of the day."""
        self._logs: dict[str, FlowLog] = {}

    def append(self, account: str, event: Event) -> None:
        """Number an event and send it to all sessions that may see ``account``."""
        self._roll()
        self._told.append((account, event))
        for scope, log in self._logs.items():
            if scope in (ALL, account):
                log.append(_copied(event))

    def follow(self, sink: Sink, scope: str, after: int) -> Sequence[Event]:
        """Send ``sink`` what comes from now on; returns what it has to get first. ``scope``: an account, or ``ALL``."""
        self._roll()
        log = self._logs.get(scope)
        if log is None:
            log = self._logs[scope] = FlowLog("private", self._day)
            for account, event in self._told:
                if scope in (ALL, account):
                    log.append(_copied(event))
        return log.follow(sink, after)

    def leave(self, sink: Sink) -> None:
        """Send nothing more to ``sink``."""
        for log in self._logs.values():
            log.leave(sink)

    def _roll(self) -> None:
        today = self._today()
        if today != self._day:
            self._day = today
            self._told = []
            for log in self._logs.values():
                log.restart(today)


def _copied(event: Event) -> Event:
    # A log numbers what it is given.
    return Event(event.callback, event.field, event.info, event.request_id, event.is_last, build=event.build)
