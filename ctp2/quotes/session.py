"""One client: its login, its subscriptions, and the ticks that wait for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ctp2 import __version__
from ctp2.core.backend import Event, Request, Sink, Topic
from ctp2.core.session import LoginResult, SessionMachine
from ctp2.core.unsupported import answer as unsupported
from ctp2.core.unsupported import convert
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info

if TYPE_CHECKING:
    from ctp2.quotes.backend import QuotesBackend

log = logging.getLogger("ctp2.quotes")

OK: Final = "CTP:No Error"
"""ErrorMsg of ErrorID 0 on a market data front (ctp-semantics 1.7)."""
INSTRUMENT_NOT_FOUND: Final = 16
FRONT_ID: Final = 1
SYS_VERSION: Final = f"v6.7.13_ctp2-{__version__}.quotes"
_CLOSE_S: Final = 10.0


class QuoteMachine(SessionMachine):
    """Subscriptions are taken before the login, too (spec quotes 9); ticks flow after it."""

    def __init__(self, session: QuoteSession, sink: Sink) -> None:
        super().__init__("md", sink, session)
        self._session = session

    def put(self, events: Sequence[Event]) -> None:
        """Send events, behind the ticks that wait."""
        self._session.flush()
        super().put(events)

    def handle(self, request: Request) -> None:
        """Serve one request."""
        is_current = not request.connection or request.connection == self.connection
        if is_current and self.is_connected and not self.is_logged_in and request.method.name in SUBSCRIPTIONS:
            self._session.request(self, request)
        else:
            super().handle(request)


class QuoteSession:
    """One client of a quotes backend. ``handle`` and ``close`` from any thread, all else on the loop."""

    def __init__(self, backend: QuotesBackend, sink: Sink) -> None:
        self.backend = backend
        self.sink = sink
        self.machine = QuoteMachine(self, sink)
        self.texts: dict[str, None] = {}
        """The InstrumentIDs that it subscribed, in the client's own spelling."""
        self._pending: list[Event] = []
        self._is_closed = False

    # ------------------------------------------------------------------ contract (any thread)
    def handle(self, request: Request) -> int:
        """Take a request; its outcome follows through the sink."""
        self.backend.loop.post(self._handle, request)
        return 0

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """There are no flows here."""

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
        if self._is_closed:
            return
        self._is_closed = True
        self._pending.clear()
        self.machine.close()
        self.backend.leave(self)

    def add_tick(self, event: Event) -> bool:
        """A tick waits for the end of the reply that it came in; True for the first that does."""
        self._pending.append(event)
        return len(self._pending) == 1

    def flush(self) -> None:
        """Send the ticks that wait."""
        if self._pending and not self._is_closed:
            pending, self._pending = self._pending, []
            self.sink.put(pending)

    # ------------------------------------------------------------------ port of the session machine
    def authenticate(self, request: Request) -> tuple[Any, int]:
        """Every terminal is accepted."""
        return None, 0

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        """Anybody; what is subscribed already begins with what is known of it."""
        field, backend = request.field, self.backend
        answer = structs.CThostFtdcRspUserLoginField(
            TradingDay=backend.trading_day,
            LoginTime=backend.time_of_day,
            BrokerID=field.BrokerID,
            UserID=field.UserID,
            SystemName=backend.system_name,
            SysVersion=SYS_VERSION,
            FrontID=FRONT_ID,
            SessionID=backend.next_session_id(),
        )
        return LoginResult(answer, message=OK, flow=backend.known_ticks(self.texts))

    def logout(self, machine: SessionMachine) -> None:
        """The link is down or the client is gone; its subscriptions are kept for the next login (spec quotes 8.4)."""
        self._pending.clear()

    def request(self, machine: SessionMachine, request: Request) -> None:
        """Serve a request."""
        handler = SUBSCRIPTIONS.get(request.method.name)
        if handler is None:
            self.machine.put(unsupported(request.method, request))
        else:
            handler(self, request)

    def _subscribe(self, request: Request) -> None:
        codes: tuple[str, ...] = request.field
        refused = self.backend.subscribe(self, codes)
        self.machine.put(_answers(request, codes, refused))
        self.backend.tell_first(self, codes)

    def _unsubscribe(self, request: Request) -> None:
        codes: tuple[str, ...] = request.field
        self.backend.unsubscribe(self, codes)
        # What came before this is still in front of the answer, and nothing comes after it.
        self.machine.put(_answers(request, codes, frozenset()))

    def _accept(self, request: Request) -> None:
        """Requests for quotes: taken, and never heard of again, as the sources have none."""
        self.machine.put(_answers(request, request.field, frozenset()))


def _answers(request: Request, codes: Sequence[str], refused: frozenset[str]) -> list[Event]:
    last = len(codes) - 1
    return [
        Event(
            request.method.response,
            convert(structs.CThostFtdcSpecificInstrumentField(InstrumentID=code), request.method.response_struct),
            rsp_info(INSTRUMENT_NOT_FOUND) if code in refused else rsp_info(0, OK),
            request.request_id,
            is_last=number == last,
        )
        for number, code in enumerate(codes)
    ]


def not_found(code: str) -> Event:
    """A subscription that was taken turns out to be of nothing that the host knows."""
    field = structs.CThostFtdcSpecificInstrumentField(InstrumentID=code)
    return Event("OnRspSubMarketData", field, rsp_info(INSTRUMENT_NOT_FOUND))


SUBSCRIPTIONS: Final[dict[str, Callable[[QuoteSession, Request], None]]] = {
    "SubscribeMarketData": QuoteSession._subscribe,
    "UnSubscribeMarketData": QuoteSession._unsubscribe,
    "SubscribeForQuoteRsp": QuoteSession._accept,
    "UnSubscribeForQuoteRsp": QuoteSession._accept,
}
