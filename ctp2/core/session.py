"""The conversation of one client with a counter: connected, logged in, closed.

One small class per state; each handler returns the next state, and :meth:`SessionMachine.handle` is the only place that
assigns it. A backend implements :class:`Port`, the four things that differ between venues, and calls ``handle`` on its
own thread; everything that CTP fixes about logins, refusals and logouts is here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ctp2.core.backend import NONE, QUICK, Event
from ctp2.core.errors import READ_FAILED
from ctp2.core.throttle import QueryRate
from ctp2.core.unsupported import NOT_LOGGED_IN, WRONG_FRONT, convert, refuse, wrong_front
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info

if TYPE_CHECKING:
    from ctp2.core.backend import Kind, Request, Sink, Topic
    from ctp2.ctp.structs import CThostFtdcRspInfoField, CThostFtdcRspUserLoginField

log = logging.getLogger("ctp2.session")

BUSY: Final = 5002
"""``CTP:系统忙``: the answer when the backend itself fails on a request."""
QUERY_TOO_SOON: Final = 90
MUST_CHANGE_PASSWORD: Final = frozenset({131, 140, 141, 142})
"""Refused logins after which the password can be changed on the same connection."""
BEFORE_LOGIN: Final = frozenset({"ReqUserAuthMethod", "ReqGenUserCaptcha", "ReqGenUserText", "ReqGenSMSCode"})
"""Requests besides authentication and login that a counter takes before login."""


@dataclass(frozen=True, slots=True)
class LoginResult:
    """What a login led to.

    ``error_id`` 0: ``field`` is the ``RspUserLogin``, and ``flow`` (replayed events of the private and public flow)
    follows it at once. Otherwise the machine echoes broker and user, and ``field`` is not used.
    """

    field: CThostFtdcRspUserLoginField | None = None
    error_id: int = 0
    message: str | None = None
    flow: Sequence[Event] = ()


class Port(Protocol):
    """What a backend does for a session; all of it on the thread that calls :meth:`SessionMachine.handle`."""

    def authenticate(self, request: Request) -> tuple[Any, int]:
        """The ``RspAuthenticate`` (None: echoed from the request) and an error number."""

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        """Log in; on success the machine may from now on be given events of the flows."""

    def logout(self, machine: SessionMachine) -> None:
        """The user is gone (logged out, or the session closed while logged in)."""

    def request(self, machine: SessionMachine, request: Request) -> None:
        """Serve a request of a logged-in client; answers go to ``machine.put``."""


class State:
    """A state: what happens to a request, and which state follows."""

    def handle(self, machine: SessionMachine, request: Request) -> State:
        """Serve ``request``; return the next state."""
        return self


class Closed(State):
    """The client is gone: nothing is answered."""


class Connected(State):
    """The link is up and nobody is logged in."""

    def handle(self, machine: SessionMachine, request: Request) -> State:
        """Authentication, login, and the few requests allowed before; all else is refused with error 6."""
        method = request.method
        if method.name == "ReqAuthenticate":
            machine.authenticate(request)
        elif method.response == "OnRspUserLogin":
            return machine.login(request)
        elif self.allows(method.name):
            machine.port.request(machine, request)
        else:
            machine.put(refuse(request, NOT_LOGGED_IN))
        return self

    def allows(self, name: str) -> bool:
        """Whether the backend may be asked for ``name`` before login."""
        return name in BEFORE_LOGIN


class PasswordMustChange(Connected):
    """The login was refused because of the password's age or weakness: it may be changed now."""

    def allows(self, name: str) -> bool:
        """Also the change of the password."""
        return name == "ReqUserPasswordUpdate" or name in BEFORE_LOGIN


class LoggedIn(State):
    """A user is logged in."""

    def handle(self, machine: SessionMachine, request: Request) -> State:
        """Everything; a second login is filtered out silently, as CTP's front does."""
        method = request.method
        if method.response == "OnRspUserLogin":
            log.info("%s: second login on one session ignored", machine.kind)
        elif method.name == "ReqUserLogout":
            return machine.logout(request)
        elif method.name == "ReqAuthenticate":
            machine.authenticate(request)
        elif method.is_query and not machine.admits_query():
            machine.put([Event("OnRspError", None, rsp_info(QUERY_TOO_SOON), request.request_id)])
        else:
            machine.port.request(machine, request)
        return self


class SessionMachine:
    """One client's session. All methods but :meth:`subscribe_topic` are called on the backend's one thread."""

    def __init__(
        self,
        kind: Kind,
        sink: Sink,
        port: Port,
        query_rate: int = 0,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.kind = kind
        self.sink = sink
        self.port = port
        self.state: State = Closed()
        self.connection = 0
        """How often ``OnFrontConnected`` was announced."""
        self._topics: dict[Topic, tuple[str, int]] = {}
        self._query_rate = QueryRate(query_rate)
        self.monotonic_ns = monotonic_ns

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return not isinstance(self.state, Closed)

    @property
    def is_logged_in(self) -> bool:
        """Whether a user is logged in."""
        return isinstance(self.state, LoggedIn)

    def put(self, events: Sequence[Event]) -> None:
        """Send events to the client."""
        self.sink.put(events)

    def connect(self) -> None:
        """The link is up: announce it and wait for the login."""
        self.state = self._connect(())

    def disconnect(self, reason: int = READ_FAILED) -> None:
        """The link broke: ends the login and all pending requests; :meth:`connect` may follow."""
        if isinstance(self.state, Closed):
            return
        self._leave()
        self.state = Closed()
        self.put([Event("OnFrontDisconnected", request_id=reason)])

    def reconnect(self, reason: int = READ_FAILED) -> None:
        """Cut the link and set it up again at once, as a counter does at the roll of its trading day."""
        self.disconnect(reason)
        self.connect()

    def close(self) -> None:
        """The client is gone; nothing more is sent."""
        self._leave()
        self.state = Closed()

    def handle(self, request: Request) -> None:
        """Serve one request. A failure of the backend is logged and answered: no request stays without outcome."""
        if request.connection and request.connection != self.connection:
            # Sent on a link that was cut meanwhile: the OnFrontDisconnected on its way is its outcome.
            return
        if request.method.kind != self.kind:
            if not isinstance(self.state, Closed):
                self.put(wrong_front(request))
            return
        try:
            self.state = self.state.handle(self, request)
        except Exception:
            log.exception("%s failed", request.method.name)
            self.put(refuse(request, BUSY))

    # --- flows -------------------------------------------------------------------------------------------------------

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """Remember where ``topic`` starts at the next login. From any thread."""
        self._topics[topic] = (trading_day, after)

    def start_of(self, topic: Topic, trading_day: str) -> int:
        """The sequence behind which ``topic`` starts in a login of ``trading_day``; may be ``QUICK`` or ``NONE``."""
        known_day, after = self._topics.get(topic, ("", QUICK))
        if after in (QUICK, NONE) or known_day in ("", trading_day):
            return after
        return 0

    # --- steps of the states -----------------------------------------------------------------------------------------

    def authenticate(self, request: Request) -> None:
        """Answer ``ReqAuthenticate``."""
        field, error_id = self.port.authenticate(request)
        if field is None:
            field = convert(request.field, request.method.response_struct)
        self._answer(request, field, rsp_info(error_id))

    def login(self, request: Request) -> State:
        """Answer a login; on success the flows follow in the same batch."""
        result = self.port.login(self, request)
        info = rsp_info(result.error_id, result.message)
        if result.error_id == 0:
            answer = Event(request.method.response, result.field, info, request.request_id)
            self.put([answer, *result.flow])
            return LoggedIn()
        self._answer(request, _login_echo(request.field), info)
        return PasswordMustChange() if result.error_id in MUST_CHANGE_PASSWORD else Connected()

    def logout(self, request: Request) -> State:
        """Answer ``ReqUserLogout``: the counter cuts the link, and the client connects again."""
        if self.kind == "md":
            # Market data fronts know no logout.
            self.put(refuse(request, WRONG_FRONT))
            return self.state
        self.port.logout(self)
        field = convert(request.field, request.method.response_struct)
        answer = Event(request.method.response, field, rsp_info(0), request.request_id)
        return self._connect((answer, Event("OnFrontDisconnected", request_id=READ_FAILED)))

    def admits_query(self) -> bool:
        """Whether the rate of queries is within the limit."""
        return self._query_rate.admit(self.monotonic_ns())

    def _connect(self, before: Sequence[Event]) -> State:
        self.connection += 1
        self.put([*before, Event("OnFrontConnected")])
        return Connected()

    def _leave(self) -> None:
        if self.is_logged_in:
            self.port.logout(self)

    def _answer(self, request: Request, field: Any, info: CThostFtdcRspInfoField) -> None:
        self.put([Event(request.method.response, field, info, request.request_id)])


def _login_echo(field: Any) -> CThostFtdcRspUserLoginField:
    return structs.CThostFtdcRspUserLoginField(BrokerID=field.BrokerID, UserID=field.UserID)
