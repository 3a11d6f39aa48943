"""Hostile fronts against a C++ program under the checkers: ``python -m tests.shim.cxx_fuzz --seed 1 --streams 100000``.

Each stream is what a front sends on one link: a welcome, callbacks of every shape with any bytes in their structs, all
other kinds of frames; then mutated: bits flipped, lengths, flags and slots exchanged, pieces cut out, doubled or put
elsewhere, garbage between. It ends in the middle of something or in order. The program reads every member of whatever
is called back, sends requests from inside callbacks, and releases its Api when the link is gone. Nothing may be
reported, no link may stay open, and in between a good front is served as ever.
"""

from __future__ import annotations

import argparse
import random
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.core.backend import Event, Kind
from ctp2.ctp import structs
from ctp2.front import wire
from ctp2.front.dialect import dialect
from ctp2.shim.interface import CLASSES, shape_of, slots
from ctp2.shim.revisions import by_name
from tests.shim import cxx
from tests.shim.child import TIMEOUT, Child

KINDS: Final[tuple[Kind, ...]] = ("trader", "md")
LANES: Final = 4
"""Streams at once."""
GOOD: Final = 25
"""Every so many streams a good front."""
LOGIN: Final = {"struct": "CThostFtdcReqUserLoginField", "set": {"BrokerID": "9999", "UserID": "alice"}}
_LENGTHS: Final = (0, 8, 15, 16, 17, 24, 40, 65_536, 65_544, 2**31, 2**32 - 8)


class Author:
    """Writes streams."""

    def __init__(self, seed: int, kind: Kind) -> None:
        self.pick = random.Random(seed)
        self.kind: Kind = kind
        spi = slots(by_name(cxx.REVISION), CLASSES[kind][1])
        codec = dialect(cxx.REVISION, kind).codec
        self.shapes = [(shape, codec.size(struct) if struct else 0) for shape, struct in map(shape_of, spi)]

    def welcome(self) -> bytes:
        pick = self.pick
        said = wire.Welcome(self.kind, 0, 53_000, 15_000, 60_000, 120_000, 0, 1, "20260105", "logs", "a test")
        if pick.random() < 0.1:
            said = said._replace(queries_in_flight=pick.choice((0, 1, 256, 257, 2**32 - 1)))
        return wire.welcome(said)

    def callback(self) -> bytes:
        pick = self.pick
        slot = pick.randrange(len(self.shapes)) if pick.random() < 0.97 else pick.randrange(65_536)
        shape, size = self.shapes[slot] if slot < len(self.shapes) else ("RESPONSE", 100)
        flags = pick.choice((0, wire.LAST)) | pick.choice((0, 0, wire.PRIVATE, wire.PUBLIC))
        body = b""
        if size and (shape in ("RETURN", "REFUSAL") or pick.random() < 0.8):
            flags |= wire.FIELD
            body += self.content(size) + wire.padding(size)
        if shape in ("ERROR", "REFUSAL") or (shape == "RESPONSE" and pick.random() < 0.7):
            flags |= wire.INFO
            body += pick.choice((bytes(4), pick.randbytes(4))) + self.content(84)
        return wire.frame(
            wire.CALLBACK, body, flags, slot, pick.randrange(-3, 9), pick.choice((0, 1, 7, -1, 2**31 - 1))
        )

    def content(self, size: int) -> bytes:
        """Of a struct: any, all the same, or text to the end."""
        pick = self.pick
        return pick.choice((pick.randbytes(size), bytes([pick.randrange(256)]) * size, b"A" * size, bytes(size)))

    def aside(self) -> bytes:
        pick = self.pick
        kind = pick.choice((*wire.KINDS, 0, 14, 200, 255))
        return wire.frame(kind, pick.randbytes(pick.randrange(200)), pick.randrange(256), pick.randrange(3), 5, 6)

    def stream(self) -> bytes:
        """One, mutated or not."""
        pick = self.pick
        frames = [self.welcome(), wire.frame(wire.CALLBACK, b"", wire.LAST, 0)]
        frames += [
            pick.choice((self.callback, self.callback, self.callback, self.aside))() for _ in range(pick.randrange(16))
        ]
        data = bytearray(b"".join(frames))
        begins = [sum(map(len, frames[:at])) for at in range(len(frames))]
        for _ in range(pick.choice((0, 1, 1, 2, 5))):
            pick.choice(MUTATIONS)(self, data, begins)
        return bytes(data)

    # --- mutations ---------------------------------------------------------------------------------------------------

    def flip(self, data: bytearray, begins: list[int]) -> None:
        for _ in range(self.pick.randrange(1, 9)):
            if data:
                data[self.pick.randrange(len(data))] ^= 1 << self.pick.randrange(8)

    def header(self, data: bytearray, begins: list[int]) -> None:
        at = self.pick.choice(begins) + self.pick.randrange(16)
        if at < len(data):
            data[at] = self.pick.randrange(256)

    def length(self, data: bytearray, begins: list[int]) -> None:
        at = self.pick.choice(begins)
        data[at : at + 4] = self.pick.choice(_LENGTHS).to_bytes(4, "little")

    def cut(self, data: bytearray, begins: list[int]) -> None:
        del data[self.pick.randrange(len(data) + 1) :]

    def cut_out(self, data: bytearray, begins: list[int]) -> None:
        at = self.pick.randrange(len(data) + 1)
        del data[at : at + self.pick.choice((1, 8, 16, 100))]

    def double(self, data: bytearray, begins: list[int]) -> None:
        at = self.pick.randrange(len(data) + 1)
        data[at:at] = data[at : at + self.pick.choice((8, 16, 600))]

    def garbage(self, data: bytearray, begins: list[int]) -> None:
        at = self.pick.choice((0, len(data), self.pick.randrange(len(data) + 1)))
        data[at:at] = self.pick.randbytes(self.pick.choice((1, 8, 64, 70_000)))


MUTATIONS: Final = (
    *(Author.flip, Author.header, Author.length, Author.cut),
    *(Author.cut_out, Author.double, Author.garbage),
)


class Lane(threading.Thread):
    """One front after the other, and an Api object for each."""

    def __init__(self, child: Child, number: int, seed: int, streams: int, folder: Path) -> None:
        super().__init__(daemon=True)
        self.child = child
        self.api = f"lane{number}"
        self.kind: Kind = KINDS[number % 2]
        self.author = Author(seed * 1000 + number, self.kind)
        self.streams = streams
        self.flow = str(folder / f"lane{number}-")
        self.heard: list[str] = []
        self.good = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.settimeout(TIMEOUT)
                for number in range(self.streams):
                    self.play(listener, is_good=number % GOOD == GOOD - 1)
        except BaseException as error:
            self.fault = error

    def play(self, listener: socket.socket, *, is_good: bool) -> None:
        child, api = self.child, self.api
        self.heard = []
        child.register(api, lambda line: self.heard.append(line["callback"]))
        child.send(do="create", api=api, kind=self.kind, arguments=[self.flow])
        child.answer(api)
        port = listener.getsockname()[1]
        self.call("RegisterFront", f"tcp://127.0.0.1:{port}")
        for callback in ("OnFrontConnected", "OnRspUserLogin"):
            child.send(do="when", api=api, callback=callback, name="ReqUserLogin", arguments=[LOGIN, 1])
        self.call("Init")
        link = listener.accept()[0]
        with link:
            link.settimeout(TIMEOUT)
            link.recv(65_536)  # hello
            data = self.healthy() if is_good else self.author.stream()
            self.send(link, data)
            self.drain(link)
        self.call("Release")
        if is_good:
            name = "OnRtnOrder" if self.kind == "trader" else "OnRtnDepthMarketData"
            assert [one for one in self.heard if one == name] == [name] * 2, self.heard
            self.good += 1

    def healthy(self) -> bytes:
        here = dialect(cxx.REVISION, self.kind)
        name, struct = "OnRtnOrder", "CThostFtdcOrderField"
        if self.kind == "md":
            name, struct = "OnRtnDepthMarketData", "CThostFtdcDepthMarketDataField"
        event = Event(name, getattr(structs, struct)(InstrumentID="rb2605"))
        data = [self.author.welcome(), wire.frame(wire.CALLBACK, b"", wire.LAST, 0), *[here.encode_event(event)] * 2]
        return b"".join(data)

    def send(self, link: socket.socket, data: bytes) -> None:
        """In pieces of any size, then no more."""
        pick = self.author.pick
        try:
            while data:
                size = pick.choice((1, 16, 700, 100_000)) if len(data) < 5000 else 100_000
                link.sendall(data[:size])
                data = data[size:]
            link.shutdown(socket.SHUT_WR)
        except (ConnectionError, OSError):
            return  # the program has had enough

    def drain(self, link: socket.socket) -> None:
        """Until the program closes; ``TimeoutError`` if it does not."""
        try:
            while link.recv(65_536):
                pass
        except ConnectionError:
            return

    def call(self, name: str, *arguments: Any) -> None:
        self.child.send(do="call", api=self.api, name=name, arguments=list(arguments))
        while self.child.answer(self.api).get("called") != name:
            pass  # of a request inside a callback


def play(seed: int, streams: int, folder: Path, check: cxx.Check = "address") -> dict[str, int]:
    """So many streams; how many fronts were good ones. ``AssertionError`` on any report of the checker."""
    with ExitStack() as stack:
        child = cxx.start(check, folder, stack)
        lanes = [Lane(child, number, seed, streams // LANES, folder) for number in range(LANES)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        code = child.end() if child.process.poll() is None else child.process.returncode
        assert code == 0, child.stderr[-6000:]
        for lane in lanes:
            if lane.fault is not None:
                raise lane.fault
        return {"streams": sum(lane.streams for lane in lanes), "good": sum(lane.good for lane in lanes)}


def main() -> int:
    """Play, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--streams", type=int, default=100_000)
    parser.add_argument("--check", choices=cxx.Checks, default="address")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ctp2-fuzz-") as folder:
        try:
            found = play(options.seed, options.streams, Path(folder), options.check)
        except pytest.skip.Exception as error:
            print(f"ctp2: no hostile fronts for native programs: {error}")
            return 0
    print(f"{found['streams']} streams, {found['good']} of them good, in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
