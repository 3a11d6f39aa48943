"""A client that speaks the wire alone, field by field."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from typing import Final, Self

from ctp2.testing.tws.wire import HELLO, fields_of, frame

DEADLINE_S: Final = 30.0
AAPL: Final = (265598, "AAPL", "STK", "", 0.0, "", "", "SMART", "", "USD", "", "")
"""The twelve fields of a contract."""

Fields = tuple[str, ...]


class Client:
    """Connected to a stand-in and past START_API. ``seen`` holds every message, oldest first."""

    def __init__(self, port: int, client_id: int = 1, versions: str = "157..176", *, starts: bool = True) -> None:
        self.seen: list[Fields] = []
        self._bytes = b""
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        hello = f"v{versions}".encode()
        self._socket.sendall(HELLO + len(hello).to_bytes(4, "big") + hello)
        self.version = int(self.receive()[0]) if starts else 0
        if starts:
            self.send(71, 2, client_id, "")
            self.until(lambda one: "2158" in one)  # the last notice of a bare stand-in

    def send(self, *fields: object) -> None:
        """A request."""
        self._socket.sendall(frame(fields))

    def send_all(self, *requests: Iterable[object]) -> None:
        """Requests in one burst."""
        self._socket.sendall(b"".join(map(frame, requests)))

    def send_bytes(self, data: bytes) -> None:
        """Anything."""
        self._socket.sendall(data)

    def receive(self, timeout_s: float = DEADLINE_S) -> Fields:
        """The next message.

        Raises:
            TimeoutError: none comes.
            ConnectionError: the stand-in has closed the connection.
        """
        deadline = time.monotonic() + timeout_s
        while len(self._bytes) < 4 or len(self._bytes) < 4 + int.from_bytes(self._bytes[:4], "big"):
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("closed")
            self._bytes += data
        size = 4 + int.from_bytes(self._bytes[:4], "big")
        fields = tuple(fields_of(self._bytes[4:size]))
        self._bytes = self._bytes[size:]
        self.seen.append(fields)
        return fields

    def until(self, is_wanted: Callable[[Fields], bool]) -> Fields:
        """The next message of that kind; the others stay in ``seen``."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_wanted(fields := self.receive(max(deadline - time.monotonic(), 0.001))):
            pass
        return fields

    def error(self, number: int = -1) -> tuple[int, str]:
        """Code and text of the next error of a request (-1: of the connection)."""
        fields = self.until(lambda one: one[0] == "4" and one[2] == str(number))
        return int(fields[3]), fields[4]

    def settle(self) -> list[Fields]:
        """What came before the answer to a question that is asked now."""
        start = len(self.seen)
        self.send(49, 1)
        self.until(lambda one: one[0] == "49")
        return self.seen[start:-1]

    def is_cut(self) -> bool:
        """Whether the stand-in ends the connection, after whatever it still says."""
        try:
            while True:
                self.receive()
        except ConnectionError:
            return True

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
