"""A backend under the test's control: what arrives is recorded, what is answered the test puts itself."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

from ctp2.core.address import Address
from ctp2.core.backend import Capabilities, Event, Kind, Request, Sink, Topic
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info

TIMEOUT = 10.0


class FakeSession:
    def __init__(self, backend: FakeBackend, kind: Kind, sink: Sink) -> None:
        self.backend = backend
        self.kind = kind
        self.sink = sink
        self.requests: list[Request] = []
        self.topics: list[tuple[Topic, str, int]] = []
        self.result = 0
        self.closed = False
        self.flow_identity = ""

    def handle(self, request: Request) -> int:
        self.requests.append(request)
        return self.result

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        self.topics.append((topic, trading_day, after))

    def close(self) -> None:
        self.closed = True

    def put(self, *events: Event) -> None:
        self.sink.put(events)

    def connect(self) -> None:
        self.put(Event("OnFrontConnected"))

    def disconnect(self, reason: int = 4097) -> None:
        self.put(Event("OnFrontDisconnected", request_id=reason))

    def accept_login(self, trading_day: str = "20260105", request_id: int = 0) -> None:
        field = structs.CThostFtdcRspUserLoginField(TradingDay=trading_day)
        self.put(Event("OnRspUserLogin", field, rsp_info(0), request_id))


class FakeBackend:
    def __init__(self, kinds: Sequence[Kind] = ("trader", "md"), connects: bool = True) -> None:
        self.capabilities = Capabilities(frozenset(kinds), frozenset())
        self.connects = connects
        self.sessions: list[FakeSession] = []
        self.opened = threading.Semaphore(0)
        self.closed = False

    @property
    def last(self) -> FakeSession:
        return self.sessions[-1]

    def session(self, kind: Kind, sink: Sink) -> FakeSession:
        session = FakeSession(self, kind, sink)
        self.sessions.append(session)
        if self.connects:
            session.connect()
        self.opened.release()
        return session

    def close(self) -> None:
        self.closed = True

    def wait_for_session(self) -> FakeSession:
        assert self.opened.acquire(timeout=TIMEOUT)
        return self.last


class FakeRegistry:
    """Backends by the host of the address; an exception in their place is raised by ``acquire``."""

    def __init__(self, **backends: Any) -> None:
        self.backends = backends
        self.acquired: list[str] = []
        self.released: list[FakeBackend] = []
        self.tried = threading.Semaphore(0)

    def check(self, address: Address, /) -> None:
        if address.host not in self.backends:
            raise ValueError(f"unknown host {address.host}")

    def acquire(self, address: Address, /) -> Any:
        self.acquired.append(address.host)
        self.tried.release()
        found = self.backends[address.host]
        if isinstance(found, Exception):
            raise found
        return found

    def release(self, backend: Any, /) -> None:
        self.released.append(backend)

    def located(self, address: Address, /) -> Address:
        return address

    def identity(self, address: Address, /) -> Hashable:
        return address.key
