"""A backend under the test's control, behind a front."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, Final

from ctp2.core.address import Address
from ctp2.core.backend import CONTRACT_VERSION, Capabilities, Event, Kind, Request, Sink, Topic
from ctp2.core.clock import Clock
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info

TIMEOUT: Final = 10.0


class Session:
    """What one client asks is in ``requests``; what it gets the test puts."""

    def __init__(self, kind: Kind, sink: Sink) -> None:
        self.kind = kind
        self.sink = sink
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.topics: list[tuple[Topic, str, int]] = []
        self.result = 0
        self.closed = threading.Event()
        self.flow_identity = "logs"

    def handle(self, request: Request) -> int:
        self.requests.put(request)
        if request.method.response == "OnRspUserLogin":
            field = structs.CThostFtdcRspUserLoginField(TradingDay="20260105", UserID=request.field.UserID)
            self.put(Event("OnRspUserLogin", field, rsp_info(0), request.request_id))
        return self.result

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        self.topics.append((topic, trading_day, after))

    def close(self) -> None:
        self.closed.set()

    def put(self, *events: Event) -> None:
        self.sink.put(events)

    def next(self, name: str) -> Request:
        """The next request of this name."""
        while True:
            request = self.requests.get(timeout=TIMEOUT)
            if request.method.name == name:
                return request


class Backend:
    """Made anew for each test."""

    def __init__(self, kinds: Sequence[Kind] = ("trader", "md")) -> None:
        self.capabilities = Capabilities(frozenset(kinds), frozenset(("ReqQryOrder", "ReqOrderInsert")))
        self.made: SimpleQueue[Session] = SimpleQueue()
        self.fails: Exception | None = None
        self.closed = threading.Event()
        self.trading_day = "20260105"
        self.fault = ""

    def session(self, kind: Kind, sink: Sink) -> Session:
        if self.fails is not None:
            raise self.fails
        session = Session(kind, sink)
        session.put(Event("OnFrontConnected"))
        self.made.put(session)
        return session

    def close(self) -> None:
        self.closed.set()

    def next(self) -> Session:
        """The session of the next client."""
        return self.made.get(timeout=TIMEOUT)


class Module:
    """What the registry takes for the module of the scheme ``fake``."""

    CONTRACT = CONTRACT_VERSION

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    def check(self, address: Address) -> None:
        """Every address will do."""

    def open(self, address: Address, clock: Clock) -> Any:
        return self.backend
