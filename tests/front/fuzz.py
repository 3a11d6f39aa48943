"""Hostile links against a front: ``python -m tests.front.fuzz --seed 1 --frames 1000000`` (part of ``make fuzz``).

Each link says a good or a bad hello, then sends frames: right ones, cut ones, ones that are too long, of unknown kinds
and slots, in any order, in any pieces, and ends in order, abruptly, or in the middle of a frame. Whatever comes back
must be whole frames of the protocol. A healthy client asks something after every link and is always answered. In the
end nothing is left of the others: no link, no session, no task; and the third round leaves the process as large as the
first.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.core.backend import Event, Kind, Request, Sink
from ctp2.core.unsupported import answer
from ctp2.ctp import layout, methods, structs
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.dialect import Dialect, dialect
from ctp2.front.limits import Limits
from ctp2.front.server import Config, ServerThread
from tests.front import fake
from tests.front.raw import Raw

TIMEOUT: Final = 20.0
ROUNDS: Final = 3
GROWTH: Final = 1.05
KINDS: Final[tuple[Kind, ...]] = ("trader", "md")


class Session(fake.Session):
    """Answers every request at once: a login, an empty result, or error 27; subscriptions bring a snapshot."""

    def handle(self, request: Request) -> int:
        if request.method.response == "OnRspUserLogin":
            field_ = structs.CThostFtdcRspUserLoginField(TradingDay="20260105")
            self.put(Event("OnRspUserLogin", field_, rsp_info(0), request.request_id))
        elif isinstance(request.field, tuple):
            tick = structs.CThostFtdcDepthMarketDataField(InstrumentID="rb2605", LastPrice=1.0)
            self.put(*answer(request.method, request), Event("OnRtnDepthMarketData", tick))
        else:
            self.put(*answer(request.method, request))
        return 0


class Backend(fake.Backend):
    """Counts its sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.open: set[Session] = set()

    def session(self, kind: Kind, sink: Sink) -> Session:
        session = Session(kind, sink)
        self.open.add(session)
        session.close = lambda: self.open.discard(session)  # type: ignore[method-assign]
        session.put(Event("OnFrontConnected"))
        return session


@dataclass
class Script:
    """What one link says, and whether the front must end it."""

    data: bytearray = field(default_factory=bytearray)
    frames: int = 0
    is_fatal: bool = False

    def add(self, data: bytes) -> None:
        self.data += data
        self.frames += 1


class Author:
    """Writes scripts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kind: Kind = "trader"
        self.here: Dialect = dialect(layout.NEWEST, "trader")

    def script(self) -> Script:
        pick = self.random
        self.kind = pick.choice(KINDS)
        self.here = dialect(pick.choice(layout.versions()), self.kind)
        script = Script()
        self._hello(script)
        for _ in range(pick.randrange(120)):
            if script.is_fatal:
                break
            pick.choices(WRITERS, WEIGHTS)[0](self, script)
        return script

    def _hello(self, script: Script) -> None:
        pick = self.random
        while pick.random() < 0.1:
            script.add(wire.ping(pick.randrange(1000)))
        said = wire.Hello(self.kind, self.here.version, self.here.checksum, pick.choice((2, 3)))
        how = pick.random()
        if how < 0.85:
            script.add(wire.hello(said))
            return
        script.is_fatal = True
        if how < 0.9:
            script.add(pick.randbytes(pick.randrange(16, 200)).replace(b"\0", b"\xff"))
        elif how < 0.95:
            script.add(wire.hello(said._replace(major=pick.randrange(2, 9))))
        else:
            script.add(wire.hello(said._replace(checksum=pick.randrange(1, 2**60))))

    def request(self, script: Script) -> None:
        """A right one, with whatever in it."""
        pick = self.random
        name = pick.choice(sorted(self.here.requests))
        method = (methods.TRADER if self.kind == "trader" else methods.MD)[name]
        if not method.struct:
            codes = tuple("".join(pick.choices("rbIF2605", k=pick.randrange(40))) for _ in range(pick.randrange(9)))
            script.add(b"".join(self.here.encode_request(Request(method, codes, pick.randrange(100)), 1)))
            return
        body = pick.randbytes(self.here.codec.size(method.struct))
        slot = self.here._request_slots[name]
        link = pick.choice((0, 1, 1, 1, 2, -1))
        script.add(wire.frame(wire.REQUEST, body, wire.FIELD | pick.randrange(256), slot, pick.randrange(2**31), link))

    def unknown_slot(self, script: Script) -> None:
        script.add(wire.frame(wire.REQUEST, self.random.randbytes(40), wire.FIELD, self.random.randrange(500, 65_536)))

    def unknown_kind(self, script: Script) -> None:
        pick = self.random
        script.add(wire.frame(pick.randrange(14, 256), pick.randbytes(pick.randrange(400)), pick.randrange(256)))

    def aside(self, script: Script) -> None:
        """Frames that mean something else, or nothing here."""
        pick = self.random
        kinds = (
            wire.HELLO,
            wire.WELCOME,
            wire.CALLBACK,
            wire.HEARTBEAT,
            wire.PING,
            wire.PONG,
            wire.PACKED,
            wire.PASSED,
        )
        script.add(wire.frame(pick.choice(kinds), pick.randbytes(pick.randrange(64)), pick.randrange(256)))

    def topic(self, script: Script) -> None:
        script.add(wire.topic(self.random.choice(("private", "public")), "20260105", self.random.randrange(-2, 99)))

    def cut_request(self, script: Script) -> None:
        """Shorter than its struct."""
        pick = self.random
        name = pick.choice(sorted(self.here.requests - _SUBSCRIPTIONS))
        method = (methods.TRADER if self.kind == "trader" else methods.MD)[name]
        size = self.here.codec.size(method.struct)
        body = pick.randbytes(pick.randrange(max(1, size - 8)))
        script.add(wire.frame(wire.REQUEST, body, wire.FIELD, self.here._request_slots[name]))
        script.is_fatal = True

    def bad_length(self, script: Script) -> None:
        pick = self.random
        length = pick.choice((0, 8, 15, 17, 20, wire.MAX_FRAME + 8, 2**31, 2**32 - 8))
        script.add(length.to_bytes(4, "little") + pick.randbytes(60))
        script.is_fatal = True

    def bad_topic(self, script: Script) -> None:
        script.add(wire.frame(wire.TOPIC, self.random.randbytes(16), slot=self.random.randrange(3, 99)))
        script.is_fatal = True


_SUBSCRIPTIONS: Final = frozenset(name for name, method in methods.MD.items() if not method.struct)
WRITERS: Final = (
    *(Author.request, Author.unknown_slot, Author.unknown_kind, Author.aside, Author.topic),
    *(Author.cut_request, Author.bad_length, Author.bad_topic),
)
WEIGHTS: Final = (60, 5, 8, 10, 5, 0.5, 0.5, 0.5)


class Link:
    """Plays one script: sends in pieces, reads what comes, and leaves in one of several ways."""

    def __init__(self, port: int, here: Dialect, pick: random.Random) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.socket.setblocking(False)
        self.here = here
        self.pick = pick
        self.cutter = wire.Cutter()
        self.unpacker = wire.Unpacker()
        self.is_over = False
        self.pongs: set[int] = set()
        self.got = 0

    def play(self, script: Script) -> None:
        try:
            leaves = self.pick.random()
            data = bytes(script.data)
            if not script.is_fatal and leaves < 0.3 and len(data) > 20:
                data = data[: self.pick.randrange(1, len(data))]  # in the middle of something
                self.exchange(data, until=None)
                return
            if not script.is_fatal:
                data += wire.ping(-7)
            self.exchange(data, until=None if script.is_fatal else -7)
            if script.is_fatal:
                self.wait_for_end()
        finally:
            self.socket.close()

    def exchange(self, data: bytes, until: int | None) -> None:
        """Send everything, and read until the pong ``until`` has come."""
        at = 0
        deadline = time.monotonic() + TIMEOUT
        while not self.is_over and (at < len(data) or (until is not None and until not in self.pongs)):
            assert time.monotonic() < deadline, "the front answers nothing"
            wants = [self.socket] if at < len(data) else []
            readable, writable, _ = select.select([self.socket], wants, [], 1.0)
            if readable:
                self.read()
            if writable and not self.is_over:
                try:
                    at += self.socket.send(data[at : at + self.pick.choice((1, 7, 500, 60_000))])
                except OSError:
                    self.is_over = True

    def wait_for_end(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not self.is_over:
            assert time.monotonic() < deadline, "the front does not end the link"
            if select.select([self.socket], [], [], 1.0)[0]:
                self.read()

    def read(self) -> None:
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionError:
            data = b""
        if not data:
            self.is_over = True
            return
        frames = self.cutter.feed(data)
        self.cutter.check()
        for frame in frames:
            self.take(frame)

    def take(self, frame: wire.Frame) -> None:
        self.got += 1
        assert frame.kind in wire.KINDS, frame
        if frame.kind == wire.PACKED:
            for inner in self.unpacker.unpack(frame):
                self.take(inner)
        elif frame.kind == wire.PONG:
            self.pongs.add(wire.read_pong(frame)[0])
        elif frame.kind == wire.CALLBACK:
            event = self.here.decode_event(frame)
            assert event is not None
            event.struct()


class Game:
    """A front, a healthy client, and any number of hostile links."""

    def __init__(self, seed: int) -> None:
        self.author = Author(seed)
        self.backend = Backend()
        registry._modules["fuzz"] = fake.Module(self.backend)
        self.server = ServerThread(Config("fuzz://x", trade_port=0, md_port=0, limits=Limits(requests_per_second=0)))
        self.server.start()
        self.healthy = Raw(self.server.trade)
        self.healthy.start()
        self.frames = 0
        self.links = 0

    def play(self, frames: int) -> None:
        """Links until so many frames were sent."""
        until = self.frames + frames
        while self.frames < until:
            script = self.author.script()
            front = self.author.random.choice((self.server.trade, self.server.md))
            if self.author.random.random() < 0.05:
                self.flood(front)
            port = int(parse(front).host.rpartition(":")[2])
            Link(port, self.author.here, self.author.random).play(script)
            self.frames += script.frames
            self.links += 1
            self.ask()

    def flood(self, front: str) -> None:
        """Fifty links that say nothing and go."""
        port = int(parse(front).host.rpartition(":")[2])
        links = [socket.create_connection(("127.0.0.1", port), TIMEOUT) for _ in range(50)]
        for link in links:
            link.close()

    def ask(self) -> None:
        """The healthy client is served."""
        number = self.healthy.request("ReqQryOrder")
        assert self.healthy.event("OnRspQryOrder").request_id == number

    def left(self) -> tuple[int, int, int]:
        """Links, sessions and tasks, once the last of the others has gone."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            self.ask()
            found = self.server.call(self._left)
            assert isinstance(found, tuple)
            if found[:2] == (1, 1) or time.monotonic() > deadline:
                return found

    def _left(self) -> tuple[int, int, int]:
        links = sum(len(hub.connections) for hub in self.server.server.hubs.values())
        return links, len(self.backend.open), len(asyncio.all_tasks())

    def close(self) -> None:
        self.healthy.socket.close()
        self.server.stop()
        registry._modules.pop("fuzz", None)


def resident() -> int:
    """Bytes of this process in memory; 0 where that cannot be told."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def run(seed: int, frames: int) -> dict[str, Any]:
    """Three rounds; what was left and how large the process was after each."""
    game = Game(seed)
    sizes = []
    try:
        for _ in range(ROUNDS):
            game.play(frames // ROUNDS)
            left = game.left()
            assert left[:2] == (1, 1), f"left behind: {left}"
            gc.collect()
            sizes.append(resident())
        return {"frames": game.frames, "links": game.links, "left": left, "sizes": sizes}
    finally:
        game.close()


def main() -> int:
    """Play, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=int, default=1_000_000)
    options = parser.parse_args()
    began = time.monotonic()
    found = run(options.seed, options.frames)
    first, *_, last = found["sizes"]
    seconds = time.monotonic() - began
    print(f"{found['frames']} frames over {found['links']} links in {seconds:.0f} s; left {found['left']}")
    print(f"resident {first / 2**20:.1f} MiB after the first round, {last / 2**20:.1f} after the last")
    if last > first * GROWTH:
        print("the process has grown by more than 5 %")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
