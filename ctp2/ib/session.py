"""One client: its login, its account, and which part serves which request."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event, Kind, Request, Sink, Topic
from ctp2.core.session import BUSY, LoginResult, SessionMachine
from ctp2.core.unsupported import answer as unsupported
from ctp2.core.unsupported import refuse
from ctp2.ctp import structs
from ctp2.ib.parts import Handler, Refusal
from ctp2.ib.records import LinkLost, Refused

if TYPE_CHECKING:
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link

log = logging.getLogger("ctp2.ib")

FRONT_ID: Final = 1
INVESTOR_NOT_FOUND: Final = 13
NEED_RETRY: Final = 90
_CLOSE_S: Final = 10.0


class IbSession:
    """One client of an IB backend. ``handle`` and ``close`` from any thread, all else on the loop."""

    def __init__(self, backend: IbBackend, kind: Kind, sink: Sink) -> None:
        self.backend = backend
        self.config = backend.config
        self.kind = kind
        self.sink = sink
        self.machine = SessionMachine(kind, sink, self)
        self.broker_id = ""
        self.user_id = ""
        self.front_id = FRONT_ID
        self.session_id = 0
        self.account = ""
        self._is_closed = False

    @property
    def link(self) -> Link:
        """The connection that this session works on."""
        return self.backend.link_of(self.kind)

    # ------------------------------------------------------------------ contract (any thread)
    def handle(self, request: Request) -> int:
        """Take a request; its outcome follows through the sink."""
        self.backend.loop.post(self._handle, request)
        return 0

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """Where the private flow starts at the next login."""
        self.machine.subscribe_topic(topic, trading_day, after)

    def close(self) -> None:
        """Leave; nothing is put into the sink after this returns."""
        if self.backend.loop.is_current:
            self._leave()
        else:
            self.backend.loop.run(self._left(), _CLOSE_S)

    # ------------------------------------------------------------------ on the loop
    def _handle(self, request: Request) -> None:
        if not self._is_closed:
            self.machine.handle(request)

    async def _left(self) -> None:
        self._leave()

    def _leave(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.machine.close()
            self.backend.leave(self)

    # ------------------------------------------------------------------ what handlers use
    def put(self, events: Iterable[Event]) -> None:
        """Send events to this client alone."""
        self.machine.put(list(events))

    def answer(self, request: Request, rows: Iterable[Any]) -> None:
        """The rows of a query; none: the empty result."""
        fields = list(rows) or [None]
        callback, number = request.method.response, request.request_id
        last = len(fields) - 1
        self.put(Event(callback, field, None, number, place == last) for place, field in enumerate(fields))

    def refuse(self, request: Request, error_id: int, message: str | None = None) -> None:
        """Refuse through ``OnRsp`` and, where CTP has one, ``OnErrRtn``."""
        self.put(refuse(request, error_id, message, with_err_rtn=True))

    def can_use(self, account: str) -> bool:
        """Whether this client may see and use an account."""
        return account in self.link.accounts

    def account_of(self, investor_id: str) -> str:
        """The IB account that an InvestorID means.

        Raises:
            Refusal: 13.
        """
        account = investor_id or self.account
        if not account:
            names = ", ".join(self.link.accounts)
            raise Refusal(INVESTOR_NOT_FOUND, f"CTP:InvestorID? {names}")
        if not self.can_use(account):
            raise Refusal(INVESTOR_NOT_FOUND)
        return account

    # ------------------------------------------------------------------ port of the session machine
    def authenticate(self, request: Request) -> tuple[Any, int]:
        """Every terminal is accepted (spec ib 3.1)."""
        return None, 0

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        """Log in: reconciliation is over when this is called."""
        field = request.field
        self.broker_id, self.user_id = field.BrokerID, field.UserID
        answer = structs.CThostFtdcRspUserLoginField(
            BrokerID=field.BrokerID, UserID=field.UserID, FrontID=self.front_id, SessionID=self.session_id
        )
        return LoginResult(answer)

    def logout(self, machine: SessionMachine) -> None:
        """The link is down or the client is gone."""

    def request(self, machine: SessionMachine, request: Request) -> None:
        """Serve a request of a logged-in client by the part that has it."""
        handler = self.backend.requests.get(request.method.name)
        if handler is None:
            self.put(unsupported(request.method, request))
            return
        try:
            work = handler(self, request)
        except Refusal as refusal:
            self.refuse(request, refusal.error_id, refusal.message)
            return
        except LinkLost:
            self.refuse(request, NEED_RETRY)
            return
        if work is not None:
            self.backend.loop.start(self._run(request, work))

    async def _run(self, request: Request, work: Coroutine[Any, Any, None]) -> None:
        """Have a handler end the request; one outcome, unless the link broke, which was its outcome."""
        connection = self.machine.connection
        try:
            await work
            return
        except Refusal as refusal:
            error_id, message = refusal.error_id, refusal.message
        except Refused as refused:
            error_id, message = self.backend.error_of(refused, request)
        except LinkLost:
            error_id, message = NEED_RETRY, None
        except Exception:
            log.exception("%s failed", request.method.name)
            error_id, message = BUSY, None
        if self.machine.is_connected and self.machine.connection == connection:
            self.refuse(request, error_id, message)


def names(handlers: Sequence[dict[str, Handler]]) -> dict[str, Handler]:
    """The requests of several parts in one table; a name that two have is an error of ours."""
    found: dict[str, Handler] = {}
    for table in handlers:
        twice = found.keys() & table.keys()
        assert not twice, f"served by two parts: {', '.join(sorted(twice))}"
        found |= table
    return found
