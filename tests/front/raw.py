"""A client made of bytes: says what a test wants said, and reads frames."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Self

from ctp2.core.address import parse
from ctp2.core.backend import Event, Kind, Request
from ctp2.ctp import methods, structs
from ctp2.front import wire
from ctp2.front.dialect import dialect

TIMEOUT = 10.0


class Raw:
    """One TCP link."""

    def __init__(self, address: str, kind: Kind = "trader", version: str = "6.7.13", *, receive: int = 0) -> None:
        host, _, port = parse(address).host.rpartition(":")
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect((host, int(port)))
        self.kind: Kind = kind
        self.dialect = dialect(version, kind)
        self.version = version
        self.cutter = wire.Cutter()
        self.frames: list[wire.Frame] = []
        self.request_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def hello(self, **changes: Any) -> Self:
        said = wire.Hello(self.kind, self.version, self.dialect.checksum, wire.TEXT_GB18030)
        return self.send(wire.hello(said._replace(**changes)))

    def start(self, **changes: Any) -> wire.Welcome:
        """Hello, welcome, OnFrontConnected."""
        welcome = wire.read_welcome(self.hello(**changes).read(lambda frame: frame.kind == wire.WELCOME))
        self.event("OnFrontConnected")
        return welcome

    def read(self, fits: Callable[[wire.Frame], bool]) -> wire.Frame:
        """The next frame that fits; those before it are forgotten. EOFError when the front closes."""
        while True:
            while self.frames:
                frame = self.frames.pop(0)
                if fits(frame):
                    return frame
            data = self.socket.recv(65_536)
            if not data:
                raise EOFError
            self.frames += self.cutter.feed(data)

    def event(self, callback: str) -> Event:
        """The next call of ``callback``."""
        found: list[Event] = []

        def fits(frame: wire.Frame) -> bool:
            event = self.dialect.decode_event(frame) if frame.kind == wire.CALLBACK else None
            if event is not None and event.callback == callback:
                found.append(event)
            return bool(found)

        self.read(fits)
        return found[0]

    def ends(self) -> bool:
        """Whether the front closes the link, within the time-out."""
        try:
            self.read(lambda frame: False)
        except (EOFError, ConnectionError):
            return True
        return False

    def request(self, name: str, field: Any = None, link: int = 1, **members: Any) -> int:
        """Send a request; returns its number."""
        method = (methods.TRADER if self.kind == "trader" else methods.MD)[name]
        if field is None:
            field = getattr(structs, method.struct)(**members)
        self.request_id += 1
        for data in self.dialect.encode_request(Request(method, field, self.request_id), link):
            self.send(data)
        return self.request_id

    def login(self, user: str = "alice") -> Event:
        """Log in; returns the answer."""
        self.request("ReqUserLogin", BrokerID="9999", UserID=user, Password="secret")
        return self.event("OnRspUserLogin")
