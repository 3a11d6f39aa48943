"""Hostile links against a front: ``python -m tests.front.fuzz --seed 1 --frames 1000000`` (part of ``make fuzz``).

Each link says a good or a bad hello, then sends frames: right ones, cut ones, ones that are too long, of unknown kinds
and slots, in any order, in any pieces, and ends in order, abruptly, or in the middle of a frame. Others only drip
(slow-loris), or come in floods, also beyond what one address may have. Whatever comes back must be whole frames of the
protocol. A healthy client asks something after every link and is always answered; a witness in a process of its own
asks every millisecond and waits at most three times as long (p99) as it would in quiet: as another does at the same
time at another server, which nobody attacks. (What it waited before the game is printed too; but then nobody wanted the
processors.) After each round nothing is left of the others: no link, no session, no task, no file; and the third leaves
the server's process as large as the first.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import multiprocessing
import random
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
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
SLOWER: Final = 3.0
QUIET_S: Final = 10.0
PAUSE_S: Final = 0.001
LINKS: Final = 200
"""What one address may have."""
FLOOD: Final = 50
LORISES: Final = 30
HANDSHAKE_S: Final = 2.0
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


class Fronts:
    """A server in a process of its own, so that what grows is the server and nothing of the players."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        self.trade, self.md = self._answer()

    def ask(self, name: str) -> Any:
        """A figure of :class:`House`."""
        self._pipe.send(name)
        return self._answer()

    def _answer(self) -> Any:
        assert self._pipe.poll(3 * TIMEOUT), "the server's process does not answer"
        return self._pipe.recv()

    def close(self) -> int:
        """Stop it; returns its exit code."""
        self._pipe.close()
        self._process.join(TIMEOUT)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        return int(self._process.exitcode or 0)


class House:
    """What the players want to know of the server's process."""

    def __init__(self, server: ServerThread, backend: Backend, errors: Errors) -> None:
        self.server = server
        self.backend = backend
        self.log = errors

    def left(self) -> tuple[int, int, int, int]:
        """Links, sessions, tasks and open files."""
        found = self.server.call(self._left)
        assert isinstance(found, tuple)
        return found

    def _left(self) -> tuple[int, int, int, int]:
        links = sum(len(hub.connections) for hub in self.server.server.hubs.values())
        files = Path("/proc/self/fd")
        number = len(list(files.iterdir())) if files.is_dir() else 0
        return links, len(self.backend.open), len(asyncio.all_tasks()), number

    def size(self) -> int:
        """Bytes in memory; 0 where that cannot be told."""
        gc.collect()
        status = Path("/proc/self/status")
        if not status.is_file():
            return 0
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def errors(self) -> list[str]:
        """What was logged as an error."""
        return self.log.told


class Errors(logging.Handler):
    """Keeps what is logged as an error; the warnings of a million bad frames go nowhere."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


def _serve(pipe: Pipe) -> None:
    errors = Errors()
    logging.getLogger("ctp2").addHandler(errors)
    logging.getLogger("asyncio").addHandler(errors)
    backend = Backend()
    registry._modules["fuzz"] = fake.Module(backend)
    limits = Limits(per_address=LINKS, handshake=HANDSHAKE_S)
    with ServerThread(Config("fuzz://x", trade_port=0, md_port=0, limits=limits)) as server:
        house = House(server, backend, errors)
        pipe.send((server.trade, server.md))
        while True:
            try:
                name = pipe.recv()
            except (EOFError, OSError):
                return
            pipe.send(getattr(house, name)())


class Witness:
    """Another client, in a process of its own, which asks something every millisecond and looks at the clock."""

    def __init__(self, front: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_watch, args=(there, front), daemon=True)
        self._process.start()
        assert self._pipe.poll(3 * TIMEOUT), "the witness does not come"
        self._pipe.recv()

    def begin(self) -> None:
        """Measure from now on."""
        self._pipe.send("begin")

    def end(self) -> list[float]:
        """Seconds of each answer since then, sorted."""
        self._pipe.send("end")
        assert self._pipe.poll(3 * TIMEOUT), "the witness does not answer"
        times: list[float] = self._pipe.recv()
        return times

    def close(self) -> None:
        """It goes."""
        self._pipe.close()
        self._process.join(TIMEOUT)


def _watch(pipe: Pipe, front: str) -> None:
    client = Raw(front)
    client.start()
    times: list[float] = []
    try:
        pipe.send("ready")
        while True:
            if pipe.poll(PAUSE_S):
                if pipe.recv() == "end":
                    pipe.send(sorted(times))
                times = []
            began = time.perf_counter()
            number = client.request("ReqQryOrder")
            assert client.event("OnRspQryOrder").request_id == number
            times.append(time.perf_counter() - began)
    except (EOFError, OSError):
        client.socket.close()


class Loris:
    """Links that are there and say as good as nothing: no word, a hello that never ends, a frame that never ends."""

    def __init__(self, author: Author, fronts: Fronts) -> None:
        self.author = author
        self.fronts = fronts
        self.links: list[tuple[socket.socket, bytes]] = []

    def drip(self) -> None:
        """A few more bytes of a few links; who was cut is replaced."""
        pick = self.author.random
        while len(self.links) < LORISES:
            self.links.append(self._new())
        for place in pick.sample(range(LORISES), 5):
            link, data = self.links[place]
            try:
                sent = link.send(data[: pick.randrange(3)])
                self.links[place] = (link, data[sent:])
                while link.recv(1 << 18):
                    pass
                raise ConnectionError
            except BlockingIOError:
                continue
            except ConnectionError:
                link.close()
                self.links[place] = self._new()

    def _new(self) -> tuple[socket.socket, bytes]:
        pick = self.author.random
        front = pick.choice((self.fronts.trade, self.fronts.md))
        link = socket.create_connection(("127.0.0.1", port_of(front)), TIMEOUT)
        here = dialect(layout.NEWEST, "trader" if front is self.fronts.trade else "md")
        hello = wire.hello(wire.Hello(here.kind, here.version, here.checksum, 3))
        longest = (wire.MAX_FRAME).to_bytes(4, "little") + bytes((wire.REQUEST, 3)) + bytes(wire.MAX_FRAME)
        how = pick.randrange(3)
        link.sendall((b"", b"", hello)[how])
        link.setblocking(False)
        return link, (b"", hello, longest)[how]

    def close(self) -> None:
        """All go."""
        for link, _ in self.links:
            link.close()
        self.links.clear()


def port_of(front: str) -> int:
    """The port of an address."""
    return int(parse(front).host.rpartition(":")[2])


class Game:
    """Fronts, a healthy client, and any number of hostile links."""

    def __init__(self, seed: int) -> None:
        self.author = Author(seed)
        self.fronts = Fronts()
        self.healthy = Raw(self.fronts.trade)
        self.healthy.start()
        self.witness = Witness(self.fronts.trade)
        self.aside = Fronts()
        self.at_peace = Witness(self.aside.trade)
        self.loris = Loris(self.author, self.fronts)
        self.frames = 0
        self.links = 0

    def play(self, frames: int) -> tuple[list[float], list[float]]:
        """Links until so many frames were sent; what the two witnesses had to wait meanwhile: here, and in peace."""
        until = self.frames + frames
        self.witness.begin()
        self.at_peace.begin()
        while self.frames < until:
            script = self.author.script()
            front = self.author.random.choice((self.fronts.trade, self.fronts.md))
            if self.author.random.random() < 0.05:
                self.flood(front, FLOOD)
            if self.author.random.random() < 0.001:
                self.flood(front, LINKS + FLOOD)
            self.loris.drip()
            Link(port_of(front), self.author.here, self.author.random).play(script)
            self.frames += script.frames
            self.links += 1
            self.ask()
        times = self.witness.end(), self.at_peace.end()
        self.loris.close()
        return times

    def flood(self, front: str, number: int) -> None:
        """So many links at once that say nothing and go; those beyond the limit of an address are told so."""
        links = [socket.create_connection(("127.0.0.1", port_of(front)), TIMEOUT) for _ in range(number)]
        self.links += number
        for link in links:
            link.close()

    def ask(self) -> None:
        """The healthy client is served."""
        number = self.healthy.request("ReqQryOrder")
        assert self.healthy.event("OnRspQryOrder").request_id == number

    def left(self) -> tuple[int, int, int, int]:
        """Links, sessions, tasks and files, once the last of the others has gone."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            self.ask()
            found: tuple[int, int, int, int] = self.fronts.ask("left")
            if found[:2] == (2, 2) or time.monotonic() > deadline:
                return found

    def close(self) -> None:
        """Everybody goes; the server's process ends well."""
        self.loris.close()
        self.healthy.socket.close()
        self.witness.close()
        self.at_peace.close()
        assert self.fronts.close() == self.aside.close() == 0, "a server's process did not end well"


@dataclass
class Found:
    """How a game went: by round what was left (links, sessions, tasks, files), and bytes in memory; seconds."""

    frames: int = 0
    links: int = 0
    left: list[tuple[int, int, int, int]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    loud: list[float] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What must not be; of memory and time only a long game says something."""
        found = [f"logged: {text}" for text in self.errors]
        if set(self.left) != {self.left[0]} or self.left[0][:2] != (2, 2):
            found.append(f"links, sessions, tasks, files after the rounds: {self.left}")
        if self.sizes[-1] > self.sizes[0] * GROWTH:
            found.append(f"the process has grown by more than {GROWTH - 1:.0%}")
        if p99(self.loud) > SLOWER * p99(self.quiet):
            found.append(f"the witness waited {p99(self.loud) / p99(self.quiet):.1f} times as long as in peace")
        return found


def p99(times: list[float]) -> float:
    """Of sorted times."""
    return times[len(times) * 99 // 100]


def run(seed: int, frames: int, quiet_s: float = 0.2) -> Found:
    """Three rounds, after a quiet time of so many seconds."""
    game = Game(seed)
    found = Found()
    try:
        game.witness.begin()
        time.sleep(quiet_s)
        found.before = game.witness.end()
        for _ in range(ROUNDS):
            here, in_peace = game.play(frames // ROUNDS)
            found.loud += here
            found.quiet += in_peace
            found.left.append(game.left())
            found.sizes.append(game.fronts.ask("size"))
        found.loud.sort()
        found.quiet.sort()
        found.frames, found.links, found.errors = game.frames, game.links, game.fronts.ask("errors")
    finally:
        game.close()
    return found


def main() -> int:
    """Play, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=int, default=1_000_000)
    options = parser.parse_args()
    began = time.monotonic()
    found = run(options.seed, options.frames, QUIET_S)
    print(f"{found.frames} frames over {found.links} links in {time.monotonic() - began:.0f} s")
    print(f"left of links, sessions, tasks, files after each round: {found.left}")
    print(f"resident MiB after each round: {', '.join(f'{size / 2**20:.1f}' for size in found.sizes)}")
    for name, times in (("before", found.before), ("in peace", found.quiet), ("meanwhile", found.loud)):
        print(f"another client, {name}: p50 {times[len(times) // 2] * 1e6:.0f} µs, p99 {p99(times) * 1e6:.0f} µs")
    faults = found.faults()
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
