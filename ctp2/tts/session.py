"""One client of the counter: its login, and a handler per request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from ctp2 import __version__
from ctp2.core.backend import Event, Kind, Request, Sink, Topic
from ctp2.core.session import LoginResult, SessionMachine
from ctp2.core.throttle import QueryRate
from ctp2.core.unsupported import answer as unsupported
from ctp2.core.unsupported import refuse
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.tts import combo_requests, operators, quote_requests, translate, values
from ctp2.tts import rejections as error
from ctp2.tts.answering import answer
from ctp2.tts.bank import BANK_REQUESTS
from ctp2.tts.batch_requests import BATCH_REQUESTS
from ctp2.tts.commands import CancelOrder, ConfirmSettlement, InsertOrder
from ctp2.tts.contract import Contract
from ctp2.tts.declaring import DECLARATION_REQUESTS
from ctp2.tts.events import ActionRefused, InsertRefused, RequestRefused
from ctp2.tts.events import Event as Happening
from ctp2.tts.parked_requests import PARKED_REQUESTS
from ctp2.tts.queries import QUERIES, Asker, max_order_volume
from ctp2.tts.rights import PASSWORD_ERRORS, Restrict

if TYPE_CHECKING:
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.members import Judged

FRONT_ID: Final = 1
SYS_VERSION: Final = f"v6.7.13_ctp2-{__version__}.tts"
"""SysVersion of the login: the interface version, and this counter (spec 1.7)."""
MD_OK: Final = "CTP:No Error"
"""ErrorMsg of ErrorID 0 on a market-data front (spec 1.7)."""


class TtsSession:
    """One client of the counter: its login, and the requests it makes."""

    def __init__(self, backend: TtsBackend, kind: Kind, sink: Sink) -> None:
        self.backend = backend
        self.kind = kind
        self.sink = sink
        self.outlet = sink
        """What leads to the client, the last before it."""
        self._detour: Sink | None = None
        self.put = sink.put
        self._is_held = kind == "trader" and backend.journal is not None
        options = backend.config.options
        self._early_rate = QueryRate(options.query_rate) if options.query_excess == "-3" else None
        self.machine = SessionMachine(kind, sink, self, 0 if self._early_rate else options.query_rate)
        self.receive: Callable[[Request], None] = self.machine.handle
        """What takes a request on the counter's thread."""
        self.early: Callable[[Request], int] | None = None if self._early_rate is None else self._too_soon
        """What a call may return at once."""
        self.address: str = getattr(sink, "address", "")
        """Where the client comes from, when it came over a network."""
        self.judged: Judged | None = None
        self._door = backend.users.door(self)
        self.account_id = ""
        self.broker_id = ""
        self.product_info = ""
        self.is_operator = False
        self.session_id = 0
        self.front_id = FRONT_ID
        self._authenticated_on = 0
        """The connection that the terminal was accepted on."""
        self._subscribed: set[str] = set()
        """Codes subscribed to, kept only where their number is limited."""

    # ------------------------------------------------------------------ contract (any thread)
    @property
    def flow_identity(self) -> str:
        """Names the counter's logs."""
        return self.backend.identity

    def handle(self, request: Request) -> int:
        """Queue the request for the counter; -2 when too many wait there, -3 for a query that came too soon."""
        if self.early is not None:
            number = self.early(request)
            if number:
                return number
        if self._door is not None:
            return self._door.handle(request)
        return 0 if self.backend.counter.submit(self.receive, request) else -2

    def _too_soon(self, request: Request) -> int:
        """-3 for what ``query_excess=-3`` refuses. No lock: the Api object lets one query at a time through."""
        rate = self._early_rate
        if rate is None or not request.method.is_query or not self.machine.is_logged_in:
            return 0
        return 0 if rate.admit(self.machine.monotonic_ns()) else -3

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """Where ``topic`` starts at the next login."""
        self.machine.subscribe_topic(topic, trading_day, after)

    def close(self) -> None:
        """Leave the counter."""
        self.backend.counter.call(self._leave)

    # ------------------------------------------------------------------ on the counter's thread
    def open(self, _: object) -> None:
        """The link is up; never again at a counter that cannot write its log."""
        if self.backend.journal is not None and self.backend.journal.has_failed:
            return
        self.use(self.sink)
        self.backend.counter.join(self)
        if self.backend.faults is not None:
            self.backend.faults.join(self)
        self.machine.connect()

    def use(self, sink: Sink) -> None:
        """Send everything through ``sink`` from now on."""
        journal = self.backend.journal
        self.outlet = journal.holding(sink) if self._is_held and journal is not None else sink
        self._route()

    def detour(self, sink: Sink | None) -> None:
        """Send everything through ``sink`` before it comes to the outlet; None: no detour."""
        self._detour = sink
        self._route()

    def _route(self) -> None:
        sink = self.outlet if self._detour is None else self._detour
        self.put = sink.put
        self.machine.sink = sink

    def _leave(self) -> None:
        self.machine.close()
        self.backend.counter.leave(self)
        if self.backend.faults is not None:
            self.backend.faults.leave(self)
        self._unsubscribe_all()

    def _unsubscribe_all(self) -> None:
        self._subscribed.clear()
        for sessions in self.backend.subscribers.values():
            sessions.pop(self, None)
        for sessions in self.backend.for_quote_subscribers.values():
            sessions.pop(self, None)

    # ------------------------------------------------------------------ port of the session machine
    def authenticate(self, request: Request) -> tuple[Any, int]:
        """Every terminal is accepted and echoed (spec 1.6, the simulated counter) unless ``auth=on`` asks for more."""
        field = request.field
        number = self.backend.users.authenticate(field.UserID, field.AppID, field.AuthCode)
        self._authenticated_on = 0 if number else self.machine.connection
        self.product_info = field.UserProductInfo
        answer = structs.CThostFtdcRspAuthenticateField(
            BrokerID=field.BrokerID,
            UserID=field.UserID,
            UserProductInfo=field.UserProductInfo,
            AppID=field.AppID,
            AppType="1",
        )
        return answer, number

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        """Market data: anybody. Trading: any user; the account is opened at its first login (``accounts open``)."""
        if self.kind == "md":
            day = self.backend.trading_day
            return LoginResult(structs.CThostFtdcRspUserLoginField(TradingDay=day), message=MD_OK)
        field = request.field
        self.account_id = ""
        if request.method.name != "ReqUserLogin":
            return LoginResult(error_id=error.UNSUPPORTED_FUNCTION)  # captcha, text, token: not in CTP itself (8.3)
        number = self._check_login(request)
        if number:
            return LoginResult(error_id=number)
        self._enter(field)
        return LoginResult(self._login_answer(), flow=self._flows(machine))

    def _check_login(self, request: Request) -> int:
        """Terminal 64, failures 75, password 3, user disabled 4, password to be changed 131/140/141, sessions 60."""
        backend, user_id = self.backend, request.field.UserID
        users = backend.users
        if users.forces_authentication and self._authenticated_on != self.machine.connection:
            return error.NOT_AUTHENT
        judged, self.judged = self.judged, None
        if judged is not None and judged.request is request:
            number = judged.number
        else:
            number = users.check_login(user_id, request.field.Password, self.address)
        if number:
            return number
        account = backend.engine.state.accounts.get(user_id)
        rights = account.rights if account is not None else None
        if rights is not None and not rights.is_active:
            return error.USER_NOT_ACTIVE
        if rights is not None and rights.password:
            self.account_id = user_id  # may change the password on this connection, and nothing else
            return PASSWORD_ERRORS[rights.password]
        if len(backend.logins.get(user_id, ())) >= backend.config.options.sessions:
            return error.SINGLEUSERSESSION_EXCEED_LIMIT
        return 0

    def logout(self, machine: SessionMachine) -> None:
        """The user is gone: no flow reaches this session any more."""
        backend = self.backend
        if self.kind == "md":
            self._unsubscribe_all()
            return
        backend.logins[self.account_id].discard(self)
        backend.flow(self.account_id).followers.pop(self, None)
        backend.public_followers.pop(self, None)
        self.account_id = ""
        self.is_operator = False

    def request(self, machine: SessionMachine, request: Request) -> None:
        """Serve a logged-in client."""
        name = request.method.name
        if self.is_operator:
            operators.serve(self, request)
            return
        query = QUERIES.get(name)
        made = self.backend.world.made
        if query is not None:
            with nullcontext() if made is None else made.looking():
                self.answer_query(request, query(self._asker(request), request.field))
            return
        handler = REQUESTS.get(name)
        if handler is not None:
            if made is not None and made.idle:
                made.wake(request.field)
            handler(self, request)
        else:
            self._refuse_unsupported(request)

    def _refuse_unsupported(self, request: Request) -> None:
        """The house's answer."""
        self.tell_refusal(unsupported(request.method, request))

    def tell_refusal(self, events: Sequence[Event]) -> None:
        """A refusal: its ``OnRsp`` to the requester, its ``OnErrRtn`` to every session of the user (spec 2.1)."""
        self.put([event for event in events if not event.callback.startswith("OnErrRtn")])
        for event in events:
            if event.callback.startswith("OnErrRtn"):
                told = RequestRefused(self.account_id, self.backend.counter.now_ns(), event)
                self.backend.tell(told)

    # ------------------------------------------------------------------ inside
    def _enter(self, field: structs.CThostFtdcReqUserLoginField) -> None:
        backend = self.backend
        self.account_id = field.UserID
        self.broker_id = field.BrokerID
        self.product_info = field.UserProductInfo or self.product_info
        self.session_id = backend.next_session_id()
        backend.logins.setdefault(field.UserID, set()).add(self)
        self.is_operator = backend.users.is_operator(self.account_id)
        if not self.is_operator:
            backend.open_account(self.account_id)

    def _login_answer(self) -> structs.CThostFtdcRspUserLoginField:
        now = values.time_of(self.backend.counter.now_ns(), self.backend.world.zone)
        return structs.CThostFtdcRspUserLoginField(
            TradingDay=self.backend.trading_day,
            LoginTime=now,
            BrokerID=self.broker_id,
            UserID=self.account_id,
            SystemName="ctp2 TTS",
            SysVersion=SYS_VERSION,
            FrontID=FRONT_ID,
            SessionID=self.session_id,
            MaxOrderRef="1",
            SHFETime=now,
            DCETime=now,
            CZCETime=now,
            FFEXTime=now,
            INETime=now,
            GFEXTime=now,
            LoginDRIdentityID=1,
            UserDRIdentityID=1,
        )

    def _flows(self, machine: SessionMachine) -> list[Event]:
        day = self.backend.trading_day
        private = self.backend.flow(self.account_id).follow(self, machine.start_of("private", day))
        return private + self.backend.follow_public(self, machine.start_of("public", day))

    def _asker(self, request: Request) -> Asker:
        account = self.backend.engine.state.accounts[self.account_id]
        broker_id = getattr(request.field, "BrokerID", "") or self.broker_id
        backend = self.backend
        return Asker(backend.world, account, broker_id, backend.users.name(self.account_id), backend.statements)

    def answer_query(self, request: Request, rows: Iterable[Any]) -> None:
        """One callback per row, one with nothing when there is none (spec 8.1)."""
        answer(self, request, rows)

    # ------------------------------------------------------------------ requests
    def insert_order(self, request: Request) -> None:
        """``ReqOrderInsert``."""
        self.backend.counter.begin()
        command = self.order_of(request)
        engine, pace = self.backend.engine, self.backend.pace
        if pace is not None and self._is_confirmed() and not pace.admits_insert(self.account_id):
            self.carry_out(request, engine.refuse_order(command, error.ORDER_FREQ_LIMIT))
            return
        self.carry_out(request, engine.insert_order(command))

    def cancel_order(self, request: Request) -> None:
        """``ReqOrderAction``."""
        command = self.cancel_of(request)
        engine, pace = self.backend.engine, self.backend.pace
        if pace is not None and self._is_confirmed() and not pace.admits_cancel(self.account_id):
            self.carry_out(request, engine.refuse_cancel(command, error.ORDER_FREQ_LIMIT))
            return
        self.carry_out(request, engine.cancel_order(command))

    def order_of(self, request: Request) -> InsertOrder:
        """The counter's command of a ``ReqOrderInsert``."""
        now_ns = self.backend.counter.now_ns()
        return translate.order_from_ctp(
            request.field, now_ns, FRONT_ID, self.session_id, self.account_id, self.product_info
        )

    def cancel_of(self, request: Request) -> CancelOrder:
        """The counter's command of a ``ReqOrderAction``."""
        return translate.cancel_from_ctp(request.field, self.backend.counter.now_ns(), self.account_id)

    def _is_confirmed(self) -> bool:
        return bool(self.backend.engine.state.accounts[self.account_id].confirmed_ns)

    def carry_out(self, request: Request, events: list[Happening]) -> None:
        """CTP's refusal goes to the requester first, then everything to the flows (spec 3.4)."""
        refused = events[-1]
        if isinstance(refused, InsertRefused) or (isinstance(refused, ActionRefused) and not refused.reason):
            self.put(refuse(request, refused.error_id))
        self.backend.counter.publish(events)

    def confirm_settlement(self, request: Request) -> None:
        """``ReqSettlementInfoConfirm`` (spec 1.9)."""
        field = request.field
        refusal = self._not_own(field.InvestorID)
        if refusal:
            self.put(refuse(request, refusal))
            return
        now_ns = self.backend.counter.now_ns()
        counter = self.backend.counter
        counter.publish(self.backend.engine.confirm_settlement(ConfirmSettlement(now_ns, self.account_id)))
        answer = structs.CThostFtdcSettlementInfoConfirmField(
            BrokerID=field.BrokerID,
            InvestorID=self.account_id,
            ConfirmDate=values.date_of(now_ns, self.backend.world.zone),
            ConfirmTime=values.time_of(now_ns, self.backend.world.zone),
        )
        self.put((Event(request.method.response, answer, rsp_info(0), request.request_id),))

    def _not_own(self, investor_id: str) -> int:
        """Error number for an InvestorID that is not the login's; an empty one is."""
        if investor_id in ("", self.account_id):
            return 0
        known = investor_id in self.backend.engine.state.accounts
        return error.NO_PRIVILEGE if known else error.INVESTOR_NOT_FOUND

    def update_password(self, request: Request) -> None:
        """``ReqUserPasswordUpdate`` (spec 12.1)."""
        user_id = self.account_id
        if request.field.UserID == user_id:
            self.change_password("password", request, lambda: self._password_is_new(user_id))
        else:
            self._answer_change(request, error.CHANGE_OTHER_PASSWORD)

    def change_password(self, what: str, request: Request, then: Callable[[], None] | None = None) -> None:
        """Have the users' keeper change a password, and answer when it has: at once, or on this connection later."""
        field, connection = request.field, self.machine.connection

        def done(number: int) -> None:
            if not number and then is not None:
                then()
            if self.machine.is_connected and self.machine.connection == connection:
                self._answer_change(request, number)

        texts = (field.OldPassword, field.NewPassword)
        self.backend.users.change(what, self.account_id, self.address, texts, done)

    def _answer_change(self, request: Request, number: int) -> None:
        self.put((Event(request.method.response, request.field, rsp_info(number), request.request_id),))

    def _password_is_new(self, user_id: str) -> None:
        """Whatever was wrong with the password's age or strength is so no more."""
        backend = self.backend
        account = backend.engine.state.accounts.get(user_id)
        rights = account.rights if account is not None else None
        if rights is not None and rights.password:
            command = Restrict(backend.counter.now_ns(), user_id, rights.with_password(""))
            backend.counter.publish(backend.engine.restrict(command))

    def cfmmc_token(self, request: Request) -> None:
        """``ReqQueryCFMMCTradingAccountToken``: there is no monitoring centre to ask (spec 8.3)."""
        self.put(refuse(request, error.CFMMC_NO_CONNECTION))

    def max_order_volume(self, request: Request) -> None:
        """``ReqQryMaxOrderVolume``: one row with an RspInfo (spec 1.10)."""
        row = max_order_volume(self._asker(request), request.field)
        self.put((Event(request.method.response, row, rsp_info(0), request.request_id),))

    def subscribe_market_data(self, request: Request) -> None:
        """``SubscribeMarketData``: an answer per code, then the latest snapshot of each that exists (spec 9.2)."""
        found: list[Contract] = []
        refused = self._beyond_limit(request.field)
        for code in request.field:
            for contract in self.backend.engine.state.named(code) if code not in refused else ():
                self.backend.subscribers.setdefault(contract.index, {})[self] = None
                found.append(contract)
        self.answer_codes(request, refused)
        world = self.backend.world
        for contract in found:
            if world.has_snapshot(contract):
                self.put((self.backend.tick_event(contract, world.ticks[contract.index]),))
        self.backend.counter.begin()

    def _beyond_limit(self, codes: Sequence[str]) -> set[str]:
        """The codes that ``md_limit`` does not allow any more (spec 1.12)."""
        limit = self.backend.config.options.md_limit
        refused: set[str] = set()
        for code in codes if limit else ():
            if code not in self._subscribed and len(self._subscribed) >= limit:
                refused.add(code)
            else:
                self._subscribed.add(code)
        return refused

    def unsubscribe_market_data(self, request: Request) -> None:
        """``UnSubscribeMarketData``: stops at once."""
        for code in request.field:
            for contract in self.backend.engine.state.named(code):
                self.backend.subscribers.get(contract.index, {}).pop(self, None)
            self._subscribed.discard(code)
        self.answer_codes(request)

    def answer_codes(self, request: Request, refused: Collection[str] = ()) -> None:
        """One answer per instrument code (spec 9.2)."""
        last = len(request.field) - 1
        self.put(
            [
                Event(
                    request.method.response,
                    structs.CThostFtdcSpecificInstrumentField(InstrumentID=code),
                    rsp_info(error.OVER_SUB_INST_LIMIT) if code in refused else rsp_info(0, MD_OK),
                    request.request_id,
                    index == last,
                )
                for index, code in enumerate(request.field)
            ]
        )


REQUESTS: Final[dict[str, Callable[[TtsSession, Request], None]]] = {
    "ReqOrderInsert": TtsSession.insert_order,
    "ReqOrderAction": TtsSession.cancel_order,
    "ReqSettlementInfoConfirm": TtsSession.confirm_settlement,
    "ReqUserPasswordUpdate": TtsSession.update_password,
    "ReqQryMaxOrderVolume": TtsSession.max_order_volume,
    "ReqQueryMaxOrderVolume": TtsSession.max_order_volume,
    "ReqQueryCFMMCTradingAccountToken": TtsSession.cfmmc_token,
    **BANK_REQUESTS,
    "SubscribeMarketData": TtsSession.subscribe_market_data,
    "UnSubscribeMarketData": TtsSession.unsubscribe_market_data,
    **quote_requests.REQUESTS,
    **combo_requests.REQUESTS,
    **DECLARATION_REQUESTS,
    **PARKED_REQUESTS,
    **BATCH_REQUESTS,
}
"""Served requests besides login, logout and the queries; everything else is error 27."""
