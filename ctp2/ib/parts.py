"""What a part of the backend is, and what it may ask of a session (on the loop's thread, like everything here).

A *part* is a class made once per backend with the backend as its only argument. It hears of the records that the table
in :mod:`ctp2.ib.backend` gives it, and its module exports ``REQUESTS``: the name of each request that it serves, with
the handler. A handler answers through the session, raises :class:`Refusal` to refuse, or is a coroutine function: then
the session runs it, and turns what it raises into the request's outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ctp2.core.backend import Event, Kind, Request
    from ctp2.core.session import SessionMachine
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.config import Config
    from ctp2.ib.link import Link
    from ctp2.ib.records import Record
    from ctp2.ib.resolved import Resolved


class Refusal(Exception):
    """A request is refused with a CTP error; ``message`` None: CTP's own text of the number.

    Answered through the request's ``OnRsp`` and, where CTP has one, its ``OnErrRtn``.
    """

    def __init__(self, error_id: int, message: str | None = None) -> None:
        super().__init__(f"error {error_id}: {message or ''}")
        self.error_id = error_id
        self.message = message


class Part(Protocol):
    """A subject of the backend."""

    def on_record(self, link: Link, record: Record) -> None:
        """A record of a type that the backend's table gives to this part."""


class Quotes(Protocol):
    """What orders ask of the market (``backend.market``)."""

    def best(self, resolved: Resolved) -> tuple[float | None, float | None]:
        """The best bid and ask that are known of a contract at its exchange; None: not known."""


class Asking(Protocol):
    """What a handler sees of a session (:class:`ctp2.ib.session.IbSession`)."""

    kind: Kind
    backend: IbBackend
    config: Config
    machine: SessionMachine
    broker_id: str
    user_id: str
    front_id: int
    session_id: int
    account: str
    """The account of requests with an empty InvestorID; empty when there is none."""

    @property
    def link(self) -> Link:
        """The connection that this session works on (its client id)."""

    def put(self, events: Iterable[Event]) -> None:
        """Send events to this client alone."""

    def answer(self, request: Request, rows: Iterable[Any]) -> None:
        """The rows of a query; none: the empty result (NULL, NULL, last)."""

    def refuse(self, request: Request, error_id: int, message: str | None = None) -> None:
        """Refuse through ``OnRsp`` and ``OnErrRtn``, with ``IB<code>:text`` or CTP's own text."""

    def tell_all(self, investor_id: str, event: Event) -> None:
        """Put an event of this client's doing into the private flow: all sessions of the account get it."""

    def account_of(self, investor_id: str) -> str:
        """The IB account that an InvestorID means (spec ib 3.1).

        Raises:
            Refusal: 13, when there is no such account, it is none that this client may use, or it is not told which
                of several is meant.
        """

    def can_use(self, account: str) -> bool:
        """Whether this client may see and use an account."""


Handler = Callable[[Any, Any], Coroutine[Any, Any, None] | None]
"""``handler(session, request)``; the arguments are :class:`Asking` and :class:`ctp2.core.backend.Request`."""
