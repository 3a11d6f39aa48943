"""Many market data clients in one process, made of bytes: they count snapshots and look at one member of each.

A snapshot's BidVolume1 is its mark (:meth:`benchmarks.front_kit._House.play`), which is read without making a frame
of it: all snapshots have the same length, so a piece of the stream is cut by :func:`struct.iter_unpack`.
"""

from __future__ import annotations

import multiprocessing
import selectors
import struct
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final, Self

from benchmarks.desk import WAIT_S
from benchmarks.figures import require
from benchmarks.front_kit import SNAPSHOT, VERSION, Line, slots_of
from ctp2.ctp import layout
from ctp2.front import wire

_CODEC: Final = layout.codec(VERSION)
SIZE: Final = wire.HEADER_SIZE + _CODEC.size(SNAPSHOT) + -_CODEC.size(SNAPSHOT) % 8
"""Of a frame with a snapshot."""
_OFFSET: Final = wire.HEADER_SIZE + next(item.offset for item in _CODEC.fields(SNAPSHOT) if item.name == "BidVolume1")
_CUT: Final = struct.Struct(f"<I{_OFFSET - 4}xi{SIZE - _OFFSET - 4}x")
"""Length and mark of a frame."""
_RECEIVE: Final = 262_144
_HEARTBEAT_S: Final = 15.0


@dataclass
class Counted:
    """What came between two questions; ages in seconds."""

    snapshots: int = 0
    oldest: float = 0.0
    closed: int = 0
    by_second: list[int] = field(default_factory=list)


class Readers:
    """A process of readers. Use as a context manager."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_read, args=(there,), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(WAIT_S)
        if self._process.is_alive():
            self._process.kill()

    def connect(self, front: str, number: int, codes: list[str]) -> None:
        """So many clients log in and subscribe."""
        self._ask(("connect", front, number, codes), WAIT_S + number)

    def expect(self, mark: int, each: int) -> None:
        """Begin to wait until each client has so many snapshots with this mark; :meth:`wait` says that they came."""
        self._pipe.send(("expect", mark, each))

    def wait(self, seconds: float = WAIT_S) -> Counted:
        """What :meth:`expect` or :meth:`watch` has counted."""
        counted: Counted = self._answer(seconds)
        return counted

    def watch(self, start: float) -> None:
        """Begin to count, and to compare each mark with the clock: ms since ``start``; until :meth:`stop`."""
        self._pipe.send(("watch", start))

    def stop(self) -> Counted:
        """What :meth:`watch` has counted."""
        self._pipe.send(("stop",))
        return self.wait()

    def _ask(self, command: tuple[Any, ...], seconds: float) -> Any:
        self._pipe.send(command)
        return self._answer(seconds)

    def _answer(self, seconds: float) -> Any:
        require(self._pipe.poll(seconds), "the readers did not get what they wait for")
        value = self._pipe.recv()
        if isinstance(value, Exception):
            raise value
        return value


def _read(pipe: Connection) -> None:
    pool = _Pool(pipe)
    while True:
        try:
            name, *arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(getattr(pool, name)(*arguments))
        except Exception as error:
            pipe.send(error)


class _Link:
    __slots__ = ("count", "line", "rest")

    def __init__(self, line: Line) -> None:
        self.line = line
        self.rest = b""
        self.count = 0


class _Pool:
    """The clients, in their process."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.links: list[_Link] = []
        self.selector = selectors.DefaultSelector()
        self.beat = time.monotonic()

    def connect(self, front: str, number: int, codes: list[str]) -> None:
        """Log in and subscribe; nothing but snapshots comes afterwards."""
        for _ in range(number):
            line = Line(front, "md", "")
            line.subscribe(codes)
            # The answers, one for each code, and the snapshots that some begin with.
            left = len(codes)
            answer = slots_of(line.dialect)["OnRspSubMarketData"]
            while left:
                frame = line.frame()
                left -= frame.kind == wire.CALLBACK and frame.slot == answer
            link = _Link(line)
            link.rest = b"".join(
                wire.HEADER.pack(SIZE, frame.kind, frame.flags, frame.slot, frame.request_id, frame.aux)
                + bytes(frame.body)
                for frame in line.waiting
            ) + bytes(line.cutter._rest)
            line.socket.setblocking(False)
            self.selector.register(line.socket, selectors.EVENT_READ, link)
            self.links.append(link)
            self._beat()
            # Whoever does not read what its subscription began with is cut before the last one is there.
            for key, _ in self.selector.select(0):
                require(self._take(key.data)[1], "the front closed a link")

    def _take(self, link: _Link) -> tuple[bytes, bool]:
        """Whole frames of a link; False when it is closed."""
        try:
            data = link.line.socket.recv(_RECEIVE)
        except ConnectionError:
            data = b""
        if not data:
            self.selector.unregister(link.line.socket)
            self.links.remove(link)
            return b"", False
        data = link.rest + data
        whole = len(data) // SIZE * SIZE
        link.rest = data[whole:]
        return data[:whole], True

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self.beat > _HEARTBEAT_S:
            self.beat = now
            for link in self.links:
                link.line.socket.send(wire.heartbeat())

    def expect(self, mark: int, each: int) -> Counted:
        """Until every client has so many with this mark."""
        counted = Counted()
        for link in self.links:
            link.count = 0
        left = len(self.links)
        wanted = (SIZE, mark)
        while left:
            self._beat()
            ready = self.selector.select(WAIT_S)
            require(ready, f"{left} clients do not have their snapshots")
            for key, _ in ready:
                link = key.data
                data, is_open = self._take(link)
                require(is_open, "the front closed a link")
                counted.snapshots += len(data) // SIZE
                if data and link.count < each:
                    link.count += list(_CUT.iter_unpack(data)).count(wanted)
                    left -= link.count >= each
        require(all(link.count == each for link in self.links), "a snapshot came twice")
        return counted

    def watch(self, start: float) -> Counted:
        """Until told to stop."""
        counted = Counted()
        second = time.monotonic()
        in_second = 0
        while True:
            self._beat()
            for key, _ in self.selector.select(0.1):
                data, is_open = self._take(key.data)
                counted.closed += not is_open
                if data:
                    number = len(data) // SIZE
                    in_second += number
                    counted.snapshots += number
                    length, mark = min(_CUT.iter_unpack(data))
                    require(length == SIZE, "a frame that is no snapshot")
                    counted.oldest = max(counted.oldest, time.monotonic() - start - mark / 1000)
            now = time.monotonic()
            if now - second >= 1:
                counted.by_second.append(in_second)
                second, in_second = now, 0
                if self.pipe.poll():
                    self.pipe.recv()
                    return counted
