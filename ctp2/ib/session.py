"""One client: its login, its account, and which part serves which request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event, Kind, Request, Sink, Topic
from ctp2.core.errors import OpenFailed
from ctp2.core.session import BUSY, LoginResult, SessionMachine
from ctp2.core.unsupported import answer as unsupported
from ctp2.core.unsupported import refuse
from ctp2.ctp import structs
from ctp2.ib import errors
from ctp2.ib.clock_text import time_of_day
from ctp2.ib.flows import ALL
from ctp2.ib.parts import Handler, Refusal
from ctp2.ib.records import LinkLost, Refused
from ctp2.ib.users import INVALID_LOGIN

if TYPE_CHECKING:
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link

log = logging.getLogger("ctp2.ib")

FRONT_ID: Final = 1
MD_OK: Final = "CTP:No Error"
"""ErrorMsg of a market data front where nothing is wrong."""
SYSTEM_NAME: Final = "IB TWS"
MAX_ID: Final = 2**31 - 1
DUPLICATE_LOGIN: Final = 5
FRONT_NOT_ACTIVE: Final = 8
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
        self._only = ALL
        """The one account that this client may see; ``ALL``: those of the login of TWS."""
        self._flow_name = ""
        self._held: list[Request] = []
        """A login that waits for reconciliation, and what was sent after it."""
        self._turns: dict[str, asyncio.Future[None]] = {}
        """By instrument, the last order that is being looked at."""
        self._refusal: tuple[int, str | None] | None = None
        """Why the login that is being served cannot be granted."""
        self._is_closed = False

    @property
    def link(self) -> Link:
        """The connection that this session works on."""
        return self.backend.link_for(self)

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

    @property
    def flow_identity(self) -> str:
        """Names the private flow: that of the client id, or of the one account in it that may be seen."""
        return f"{self._flow_name}/{self._only}"

    # ------------------------------------------------------------------ on the loop
    def on_front(self, reason: int) -> None:
        """The connection is up (0) or lost."""
        self._held.clear()
        if reason:
            self.machine.disconnect(reason)
        elif not self.machine.is_connected:
            self.connect()

    def connect(self) -> None:
        """The connection is up: say so."""
        self._note_flow()
        self.machine.connect()

    def _note_flow(self) -> None:
        # Read by the client's thread before it logs in.
        if self.kind == "trader":
            self._flow_name = self.backend.flow_of(self.link).name

    def _handle(self, request: Request) -> None:
        if self._is_closed:
            return
        if self._held:
            self._held.append(request)
        elif self._is_login(request):
            self._held.append(request)
            self.backend.loop.start(self._log_in(request))
        else:
            self.machine.handle(request)

    def _is_login(self, request: Request) -> bool:
        machine = self.machine
        return (
            request.method.response == "OnRspUserLogin"
            and request.method.kind == self.kind
            and machine.is_connected
            and not machine.is_logged_in
            and request.connection in (0, machine.connection)
        )

    async def _log_in(self, request: Request) -> None:
        """Have a login answered when everything that it promises is there (spec ib 3.1)."""
        allowed = self.backend.users.account(request.field.UserID, request.field.Password)
        client_id = self._client_id_of(request.field.UserID)
        if allowed is None:
            self._refusal = INVALID_LOGIN, None
        elif client_id is not None:
            try:
                self._refusal = await self._move(client_id)
            except OpenFailed as error:
                self._refusal = FRONT_NOT_ACTIVE, f"CTP:{error}"
        if self._refusal is None:
            await self.backend.settled(self)
        if allowed:
            self._only = allowed
        if not self._held or self._held[0] is not request:
            return  # the link was lost meanwhile
        held, self._held = self._held, []
        self.machine.handle(held[0])
        self._refusal = None
        for later in held[1:]:
            self._handle(later)

    def _client_id_of(self, user_id: str) -> int | None:
        """A trader's UserID that is a number is a client id (spec ib 3.1).

        Not one of market data: the same user logs in there, and TWS refuses the second connection of a client id.
        """
        if (
            self.kind != "trader"
            or not self.backend.users.is_open
            or not (user_id.isascii() and user_id.isdigit())
            or user_id in self.link.accounts
        ):
            return None
        client_id = int(user_id)
        return client_id if client_id <= MAX_ID else None

    async def _move(self, client_id: int) -> tuple[int, str | None] | None:
        """Work on another client id from now on; what TWS says against it, if it does."""
        if client_id == self.config.options.md_client_id:
            return DUPLICATE_LOGIN, f"CTP:client id {client_id} is that of market data"
        error = await self.backend.move(self, client_id)
        if error is None:
            return None
        if error.why == "in use":
            return DUPLICATE_LOGIN, errors.message(errors.CLIENT_ID_IN_USE, error.detail)
        return FRONT_NOT_ACTIVE, f"CTP:{error}"

    async def _left(self) -> None:
        self._leave()

    def _leave(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._held.clear()
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
        """Refuse through ``OnRsp`` and, where CTP has one, ``OnErrRtn``, which all sessions of the account get."""
        answer, *told = refuse(request, error_id, message, with_err_rtn=True)
        self.put([answer])
        for event in told:
            self.tell_all(getattr(request.field, "InvestorID", ""), event)

    def tell_all(self, investor_id: str, event: Event) -> None:
        """Put an event of this client's doing into the private flow of an account it may use, else of its own."""
        account = investor_id if self.can_use(investor_id) else self.account
        self.backend.publish(self.link, account, event)

    def can_use(self, account: str) -> bool:
        """Whether this client may see and use an account."""
        return self._only in (ALL, account) and account in self.link.accounts

    def account_of(self, investor_id: str) -> str:
        """The IB account that an InvestorID means.

        Raises:
            Refusal: 13.
        """
        account = investor_id or self.account
        if not account:
            told = ", ".join(self.link.accounts)
            raise Refusal(INVESTOR_NOT_FOUND, f"CTP:InvestorID? {told}")
        if not self.can_use(account):
            raise Refusal(INVESTOR_NOT_FOUND)
        return account

    # ------------------------------------------------------------------ port of the session machine
    def authenticate(self, request: Request) -> tuple[Any, int]:
        """Every terminal is accepted (spec ib 3.1)."""
        return None, 0

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        """Log in: reconciliation is over when this is called."""
        if self._refusal is not None:
            return LoginResult(error_id=self._refusal[0], message=self._refusal[1])
        field = request.field
        self.broker_id, self.user_id = field.BrokerID, field.UserID
        self.session_id = self.backend.next_session_id(self.link)
        self.account = self._account_of_login(field.UserID)
        flow: Sequence[Event] = ()
        if self.kind == "trader":
            after = machine.start_of("private", self.backend.trading_day)
            self._note_flow()
            flow = self.backend.flow_of(self.link).follow(self.sink, self._only, after)
            flow = [*flow, *self.backend.market.statuses.current(self)]
        else:
            flow = self.backend.market.known_ticks(self)
        return LoginResult(self._login_answer(), message=MD_OK if self.kind == "md" else None, flow=flow)

    def _account_of_login(self, user_id: str) -> str:
        """The account of requests that name none: the user's own, the configured one, or the only one."""
        if self._only != ALL:
            return self._only
        accounts = self.link.accounts
        if user_id in accounts:
            return user_id
        configured = self.config.options.account
        if configured:
            return configured
        return accounts[0] if len(accounts) == 1 else ""

    def _login_answer(self) -> structs.CThostFtdcRspUserLoginField:
        now = time_of_day(self.backend.timers.now_ns(), self.config)
        link = self.link
        highest = self.backend.highest_order_ref(link) if self.kind == "trader" else 0
        return structs.CThostFtdcRspUserLoginField(
            TradingDay=self.backend.trading_day,
            LoginTime=now,
            BrokerID=self.broker_id,
            UserID=self.user_id,
            SystemName=SYSTEM_NAME,
            SysVersion=f"sv={link.server_version}",
            FrontID=self.front_id,
            SessionID=self.session_id,
            MaxOrderRef=str(highest) if self.kind == "trader" else "",
            SHFETime=now,
            DCETime=now,
            CZCETime=now,
            FFEXTime=now,
            INETime=now,
            GFEXTime=now,
        )

    def logout(self, machine: SessionMachine) -> None:
        """The link is down or the client is gone."""
        if self.kind == "trader":
            self.backend.flow_of(self.link).leave(self.sink)

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
            if request.method.name == "ReqOrderInsert":
                work = self._in_turn(request.field.InstrumentID, work)
            self.backend.loop.start(self._run(request, work))

    async def _in_turn(self, code: str, work: Coroutine[Any, Any, None]) -> None:
        """Orders of one instrument keep their order, though the first of them asks what it is.

        Those of other instruments do not wait for that.
        """
        before, turn = self._turns.get(code), asyncio.get_running_loop().create_future()
        self._turns[code] = turn
        try:
            if before is not None:
                await before
            await work
        finally:
            work.close()  # of a loop that ends; no matter otherwise
            if not turn.done():
                turn.set_result(None)
            if self._turns.get(code) is turn:
                del self._turns[code]

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
