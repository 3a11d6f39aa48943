"""A whole backend in one file: ``toy://`` has one instrument and fills every order at its own price.

Options: ``day=YYYYMMDD`` is its trading day.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import CONTRACT_VERSION, Capabilities, Event, Kind, Request, Sink, Topic
from ctp2.core.flow import FlowLog
from ctp2.core.session import LoginResult, SessionMachine
from ctp2.core.unsupported import answer, refuse
from ctp2.ctp import enums as e
from ctp2.ctp import structs as s
from ctp2.ctp.errors import rsp_info

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.clock import Clock

CONTRACT = CONTRACT_VERSION
CODE: Final = "TOY"
BID, ASK = 100.0, 101.0


def check(address: Address) -> None:
    """Refuse options that do not exist."""
    for name in address.options:
        if name != "day":
            raise ValueError(f"toy:// has no option {name}; it has: day")


def open(address: Address, clock: Clock) -> ToyBackend:
    """Build the venue."""
    return ToyBackend(address.options.get("day", "20260105"), str(clock.now_ns()))


class ToyBackend:
    """One thread serves all sessions; nothing here needs a lock."""

    capabilities = Capabilities(
        frozenset(("trader", "md")), frozenset(("ReqOrderInsert", "ReqQryInstrument", "SubscribeMarketData"))
    )

    def __init__(self, day: str, identity: str) -> None:
        self.day = day
        self.identity = identity
        self.flows: dict[str, FlowLog] = {}
        self.numbers = 0
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="toy", daemon=True)
        self._thread.start()

    def session(self, kind: Kind, sink: Sink) -> ToySession:
        """A session; connected at once."""
        session = ToySession(self, kind, sink)
        self.do(session.machine.connect)
        return session

    def do(self, work: Callable[[], None]) -> None:
        """Do ``work`` on the venue's thread."""
        self._work.put(work)

    def close(self) -> None:
        """End the thread."""
        self._work.put(None)
        self._thread.join()

    def number(self) -> int:
        """The next number of the venue: sessions, orders and trades."""
        self.numbers += 1
        return self.numbers

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


class ToySession:
    """One client."""

    def __init__(self, backend: ToyBackend, kind: Kind, sink: Sink) -> None:
        self._backend = backend
        self._log: FlowLog | None = None
        self._number = 0
        self.flow_identity = backend.identity
        self.machine = SessionMachine(kind, sink, self)

    def handle(self, request: Request) -> int:
        """Take a request; the machine sees it on the venue's thread."""
        self._backend.do(lambda: self.machine.handle(request))
        return 0

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """Where a flow starts."""
        self.machine.subscribe_topic(topic, trading_day, after)

    def close(self) -> None:
        """End, and wait for the venue's thread to have seen it."""
        ended = threading.Event()
        self._backend.do(self.machine.close)
        self._backend.do(ended.set)
        ended.wait()

    # --- what the session machine asks; on the venue's thread --------------------------------------------------------

    def authenticate(self, request: Request) -> tuple[Any, int]:
        """Everybody may come."""
        return None, 0

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        """Any password will do, but a trader needs a name."""
        day, user = self._backend.day, request.field.UserID
        if machine.kind == "md":
            return LoginResult(s.CThostFtdcRspUserLoginField(TradingDay=day))
        if not user:
            return LoginResult(error_id=3)
        self._number = self._backend.number()
        self._log = self._backend.flows.setdefault(user, FlowLog("private", day))
        field = s.CThostFtdcRspUserLoginField(TradingDay=day, BrokerID=request.field.BrokerID, UserID=user, FrontID=1)
        field.SessionID, field.MaxOrderRef = self._number, "1"
        return LoginResult(field, flow=self._log.follow(machine.sink, machine.start_of("private", day)))

    def logout(self, machine: SessionMachine) -> None:
        """Follow the flow no more."""
        if self._log is not None:
            self._log.leave(machine.sink)

    def request(self, machine: SessionMachine, request: Request) -> None:
        """Serve what there is; the rest is answered by the house."""
        serve = {
            "ReqOrderInsert": self._insert,
            "ReqQryInstrument": self._instruments,
            "SubscribeMarketData": self._subscribe,
        }.get(request.method.name)
        machine.put(serve(request) if serve is not None else answer(request.method, request))

    def _insert(self, request: Request) -> list[Event]:
        asked = request.field
        if asked.InstrumentID != CODE:
            return refuse(request, 16, with_err_rtn=True)
        order = s.CThostFtdcOrderField(FrontID=1, SessionID=self._number, OrderSubmitStatus=e.THOST_FTDC_OSS_Accepted)
        for name in ("BrokerID", "InvestorID", "UserID", "InstrumentID", "OrderRef", "Direction", "LimitPrice"):
            setattr(order, name, getattr(asked, name))
        order.VolumeTotalOriginal = order.VolumeTotal = asked.VolumeTotalOriginal
        order.OrderStatus, order.OrderSubmitStatus = e.THOST_FTDC_OST_Unknown, e.THOST_FTDC_OSS_InsertSubmitted
        self._tell("OnRtnOrder", order)
        order.OrderSysID = f"{self._backend.number():12}"
        order.OrderStatus, order.OrderSubmitStatus = e.THOST_FTDC_OST_NoTradeQueueing, e.THOST_FTDC_OSS_Accepted
        self._tell("OnRtnOrder", order)
        order.OrderStatus, order.VolumeTraded, order.VolumeTotal = e.THOST_FTDC_OST_AllTraded, order.VolumeTotal, 0
        self._tell("OnRtnOrder", order)
        trade = s.CThostFtdcTradeField(
            InstrumentID=CODE, OrderRef=order.OrderRef, OrderSysID=order.OrderSysID, Direction=order.Direction
        )
        trade.TradeID, trade.Price, trade.Volume = f"{self._backend.number():12}", order.LimitPrice, order.VolumeTraded
        self._tell("OnRtnTrade", trade)
        return []

    def _tell(self, callback: str, struct: Any) -> None:
        assert self._log is not None
        self._log.append(Event(callback, struct.__copy__()))

    def _instruments(self, request: Request) -> list[Event]:
        found = request.field.InstrumentID in ("", CODE)
        row = s.CThostFtdcInstrumentField(InstrumentID=CODE, PriceTick=1.0, VolumeMultiple=1) if found else None
        return [Event(request.method.response, row, None, request.request_id)]

    def _subscribe(self, request: Request) -> list[Event]:
        last, events = len(request.field) - 1, []
        for index, code in enumerate(request.field):
            field = s.CThostFtdcSpecificInstrumentField(InstrumentID=code)
            info = rsp_info(0, "CTP:No Error")
            events.append(Event(request.method.response, field, info, request.request_id, is_last=index == last))
            if code == CODE:
                tick = s.CThostFtdcDepthMarketDataField(TradingDay=self._backend.day, InstrumentID=CODE, LastPrice=BID)
                tick.BidPrice1, tick.AskPrice1, tick.BidVolume1, tick.AskVolume1 = BID, ASK, 1, 1
                events.append(Event("OnRtnDepthMarketData", tick))
        return events
