"""A front that says what a test wants said: the server's half of a link, byte by byte."""

from __future__ import annotations

import socket
from typing import Any, Final, Self

from ctp2.core.backend import Event, Kind
from ctp2.ctp import layout, structs
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.dialect import Dialect, dialect

TIMEOUT: Final = 30.0
DAY: Final = "20260105"


class Link:
    """One link to a client."""

    def __init__(self, link: socket.socket, version: str, kind: Kind) -> None:
        link.settimeout(TIMEOUT)
        self.socket = link
        self.dialect: Dialect = dialect(version, kind)
        self.kind: Kind = kind
        self.hello = wire.Hello(kind, "")
        self._cutter = wire.Cutter()
        self._frames: list[wire.Frame] = []

    def frame(self) -> wire.Frame:
        """The next frame; ``EOFError`` when the client has closed."""
        while not self._frames:
            data = self.socket.recv(65_536)
            if not data:
                raise EOFError
            self._frames += self._cutter.feed(data)
            self._cutter.check()
        return self._frames.pop(0)

    def read(self, kind: int) -> wire.Frame:
        """The next frame of a kind; those before it are forgotten."""
        while True:
            frame = self.frame()
            if frame.kind == kind:
                return frame

    def request(self, name: str = "") -> Any:
        """The next request (of ``name``), decoded."""
        while True:
            request = self.dialect.decode_request(self.read(wire.REQUEST))
            assert request is not None
            if not name or request.method.name == name:
                return request

    def send(self, *data: bytes) -> Self:
        self.socket.sendall(b"".join(data))
        return self

    def greet(self, **changes: Any) -> Self:
        """Read hello, send a welcome."""
        self.hello = wire.read_hello(self.frame())
        said = wire.Welcome(self.kind, 0, 53_000, 15_000, 60_000, 120_000, 0, 1, DAY, "logs", "a test")
        return self.send(wire.welcome(said._replace(**changes)))

    def start(self, **changes: Any) -> Self:
        """Hello, welcome, ``OnFrontConnected``."""
        return self.greet(**changes).call("OnFrontConnected")

    def call(self, name: str, field: Any = None, info: Any = None, request_id: int = 0, **more: Any) -> Self:
        """One callback."""
        return self.send(self.dialect.encode_event(Event(name, field, info, request_id, **more)))

    def login(self, day: str = DAY) -> wire.Frame:
        """Answer the client's login; returns its frame."""
        while True:
            frame = self.read(wire.REQUEST)
            request = self.dialect.decode_request(frame)
            if request is not None and request.method.response == "OnRspUserLogin":
                break
        field = structs.CThostFtdcRspUserLoginField(TradingDay=day)
        self.call("OnRspUserLogin", field, rsp_info(0), request.request_id)
        return frame

    def flow(self, topic: Any, sequence: int, **members: Any) -> Self:
        """A trade in the private flow, or a status in the public one."""
        if topic == "private":
            field: Any = structs.CThostFtdcTradeField(**members)
            return self.call("OnRtnTrade", field, topic=topic, sequence=sequence)
        field = structs.CThostFtdcInstrumentStatusField(**members)
        return self.call("OnRtnInstrumentStatus", field, topic=topic, sequence=sequence)

    def close(self) -> None:
        self.socket.close()

    def ends(self) -> bool:
        """Whether the client closes."""
        try:
            while True:
                self.frame()
        except (EOFError, ConnectionError):
            return True


class Front:
    """Listens; the test accepts."""

    def __init__(self, version: str, kind: Kind = "trader") -> None:
        self.version, self.kind = version, kind
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(TIMEOUT)
        self.port = int(self.listener.getsockname()[1])
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.links: list[Link] = []

    def accept(self) -> Link:
        link = Link(self.listener.accept()[0], self.version, self.kind)
        self.links.append(link)
        return link

    def start(self, **changes: Any) -> Link:
        """Accept, hello, welcome, ``OnFrontConnected``."""
        return self.accept().start(**changes)

    def close(self) -> None:
        self.listener.close()
        for link in self.links:
            link.close()


def size(version: str, struct: str) -> int:
    """``sizeof`` a struct."""
    return layout.codec(version).size(struct)
