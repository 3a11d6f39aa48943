"""What the benchmarks of the fronts share: a server in a process of its own, and clients made of bytes.

A :class:`Line` speaks docs/protocol.md over a plain socket, as a native client would: frames are counted and a few
members are read in place, no struct is built. So what is measured is the server (and the network), not a Python
client.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from functools import cache
from itertools import count, islice
from multiprocessing.connection import Connection
from typing import Any, Final, Self

from benchmarks.desk import BROKER, EXCHANGE, INSTRUMENT, WAIT_S, Facts, stand
from benchmarks.figures import require
from benchmarks.memory import resident_mib
from ctp2.core.address import parse
from ctp2.core.backend import Kind, Request
from ctp2.ctp import layout, methods, structs
from ctp2.front import wire
from ctp2.front.dialect import Dialect, dialect

VERSION: Final = layout.NEWEST
NO_BEAT_S: Final = 3600.0
SNAPSHOT: Final = "CThostFtdcDepthMarketDataField"
_numbers = count(1)


def market_address() -> str:
    """A counter that lists all futures and their options and plays nothing by itself."""
    number = f"{os.getpid()}-{next(_numbers)}"
    return f"tts://7x24?markets=futures,options&synthetic=off&speed=0.001&id=bench-front-{number}"


# --- the server's process --------------------------------------------------------------------------------------------


class Fronts:
    """A server in a process of its own. Use as a context manager."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.trade = ""
        self.md = ""
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, backend), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.trade, self.md = self._answer(WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(WAIT_S)
        if self._process.is_alive():
            self._process.kill()

    def ask(self, name: str, *arguments: Any, seconds: float = WAIT_S) -> Any:
        """Run a method of :class:`_House` in the server's process."""
        self._pipe.send((name, arguments))
        return self._answer(seconds)

    def begin(self, name: str, *arguments: Any) -> Callable[[float], Any]:
        """The same without waiting; what comes back waits, at most so many seconds."""
        self._pipe.send((name, arguments))
        return self._answer

    def _answer(self, seconds: float) -> Any:
        require(self._pipe.poll(seconds), "the server did not answer")
        value = self._pipe.recv()
        if isinstance(value, Exception):
            raise value
        return value


def _serve(pipe: Connection, backend: str) -> None:
    from ctp2.front.limits import Limits
    from ctp2.front.server import Config, ServerThread

    # The readers cut their stream into snapshots by size: while a slow machine connects hundreds of them, no
    # heartbeat may come in between.
    limits = Limits(heartbeat=NO_BEAT_S)
    with ServerThread(Config(backend, trade_port=0, md_port=0, limits=limits)) as server:
        house = _House(server, backend)
        pipe.send((server.trade, server.md))
        while True:
            try:
                name, arguments = pipe.recv()
            except (EOFError, OSError):
                return
            try:
                pipe.send(getattr(house, name)(*arguments))
            except Exception as error:
                pipe.send(error)


class _House:
    """What a benchmark asks of the server's process."""

    def __init__(self, server: Any, backend: str) -> None:
        from ctp2 import tts

        self.server = server
        self.control = tts.counter(backend)
        self.counter: Any = self.control._counter
        self.contracts: list[Any] = []
        self.bids: list[float] = []
        self.asks: list[float] = []

    def stand(self) -> None:
        """Open the market of a recorded day, and let it stand."""
        stand(self.control)

    def memory(self) -> float:
        """Resident MiB, the collector run before, and what is free given back to the system where that can be asked."""
        import ctypes
        import gc

        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        if trim is not None:
            trim(0)
        return resident_mib()

    def processor(self) -> float:
        """Seconds of processor time that the process has used: what its clients or others use is not in it."""
        return time.process_time()

    def counts(self) -> tuple[int, int, int]:
        """Events handed to the network, snapshots conflated, links, of the market data front."""
        hub = self.server.server.hubs["md"]
        return hub.delivered, hub.conflated, len(hub.connections)

    def make_contracts(self, number: int) -> list[str]:
        """Make contracts of so many instruments; their codes."""
        world = self.counter.world
        listed = list(islice((item for item in world.listed.values() if not item.is_matched), number))
        self.contracts = self.counter.call(lambda: [world.engine.state.named(item.code)[0] for item in listed])
        require(len({contract.index for contract in self.contracts}) == number, "an instrument is there twice")
        for contract in self.contracts:
            tick = float(contract.instrument.price_tick)
            self.bids.append(round(100 * tick, 6))
            self.asks.append(round(102 * tick, 6))
        return [contract.code for contract in self.contracts]

    def play(self, begin: int, end: int, mark: int) -> None:
        """One snapshot of each of these instruments, with ``mark`` as BidVolume1, as a venue's feed would bring it."""
        from ctp2.refdata.ticks import Tick

        counter = self.counter
        now_ns = counter.now_ns()
        for place in range(begin, end):
            bid = self.bids[place]
            tick = Tick(
                -1, 0, "10:00:00", 0, "20261123", self.contracts[place].exchange, bid1=bid, bid_volume1=mark,
                ask1=self.asks[place], ask_volume1=5, last=bid,
            )  # fmt: skip
            counter.take_quote(self.contracts[place], tick, now_ns)

    def mark_all(self, mark: int) -> None:
        """One snapshot of every instrument."""
        for begin in range(0, len(self.contracts), 50):
            self.counter.call(lambda begin=begin: self.play(begin, min(begin + 50, len(self.contracts)), mark))

    def flood(self, rounds: int, clients: int, most: int) -> float:
        """So many snapshots of every instrument, while at most ``most`` deliveries wait; seconds until all are out."""
        total = len(self.contracts)
        had = self.counts()[0]
        begin = time.perf_counter()
        for number in range(1, rounds + 1):
            self.counter.call(lambda mark=number + 1: self.play(0, total, mark))
            while number * total * clients - (self.counts()[0] - had) > most:
                time.sleep(0.0002)
        while rounds * total * clients > self.counts()[0] - had:
            time.sleep(0.0002)
        return time.perf_counter() - begin

    def wait_out(self, clients: int, seconds: float) -> None:
        """Until nothing waits for any client, at most so long."""
        hub = self.server.server.hubs["md"]
        end = time.monotonic() + seconds
        while self.server.call(lambda: max(connection.outbox.depth for connection in hub.connections)):
            require(time.monotonic() < end, f"something waits for one of {clients} clients")
            time.sleep(0.05)
        time.sleep(1.0)  # what is in the network

    def offer(self, start: float, seconds: float, per_second: float) -> tuple[int, list[tuple[float, float]]]:
        """Each instrument so often for so long; how many snapshots were given, and (second, resident MiB) each second.

        In slices of a fortieth of the instruments, evenly over time. The mark is the time since ``start`` in ms. While
        the counter cannot keep the pace the feed waits for it: each snapshot is then the newest of its instrument.
        """
        total = len(self.contracts)
        slices = 40
        size = -(-total // slices)
        step = 1 / per_second / slices
        offered, place = 0, 0
        memory: list[tuple[float, float]] = []
        due = time.monotonic()
        end = due + seconds
        looked = due - 1.0
        while (now := time.monotonic()) < end:
            if now < due:
                time.sleep(due - now)
            elif now - due > 1:
                due = now  # never caught up with: what was due then is old
            begin, until = place * size, min((place + 1) * size, total)
            mark = round((time.monotonic() - start) * 1000)
            self.counter.call(lambda begin=begin, until=until, mark=mark: self.play(begin, until, mark))
            offered += until - begin
            place = (place + 1) % slices
            due += step
            if now - looked >= 1:
                looked = now
                memory.append((seconds - (end - now), resident_mib()))
        return offered, memory


# --- clients ---------------------------------------------------------------------------------------------------------


class Line:
    """One link that says hello, logs in and asks; frames come as they are."""

    def __init__(self, address: str, kind: Kind, user: str) -> None:
        host, _, port = parse(address).host.rpartition(":")
        self.user = user
        self.kind: Kind = kind
        self.dialect = dialect(VERSION, kind)
        self.socket = socket.create_connection((host, int(port)), WAIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.cutter = wire.Cutter()
        self.waiting: list[wire.Frame] = []
        self.request_id = 0
        said = wire.Hello(kind, VERSION, self.dialect.checksum, wire.TEXT_GB18030)
        self.socket.sendall(wire.hello(said))
        self.until("OnFrontConnected")
        login = structs.CThostFtdcReqUserLoginField(BrokerID=BROKER, UserID=user, Password="bench")
        self.ask("ReqUserLogin", login)
        if kind == "trader":
            confirm = structs.CThostFtdcSettlementInfoConfirmField(BrokerID=BROKER, InvestorID=user)
            self.ask("ReqSettlementInfoConfirm", confirm)

    def close(self) -> None:
        self.socket.close()

    def frame(self) -> wire.Frame:
        """The next frame."""
        while not self.waiting:
            data = self.socket.recv(262_144)
            require(data, "the front closed the link")
            self.waiting += self.cutter.feed(data)
        return self.waiting.pop(0)

    def until(self, callback: str, request_id: int = 0) -> Any:
        """The struct of the next such callback."""
        while True:
            frame = self.frame()
            event = self.dialect.decode_event(frame) if frame.kind == wire.CALLBACK else None
            if event is not None and event.callback == callback and event.request_id == request_id:
                info = event.info
                require(info is None or info.ErrorID == 0, f"refused: {info}")
                return event.struct()

    def encode(self, name: str, field: Any) -> list[bytes]:
        """The frames of a request, with the next number."""
        self.request_id += 1
        method = (methods.TRADER if self.kind == "trader" else methods.MD)[name]
        return self.dialect.encode_request(Request(method, field, self.request_id), 1)

    def ask(self, name: str, field: Any) -> Any:
        """The (first) answer to a request."""
        for data in self.encode(name, field):
            self.socket.sendall(data)
        method = (methods.TRADER if self.kind == "trader" else methods.MD)[name]
        return self.until(method.response, self.request_id)

    def account(self) -> Any:
        """The user's account."""
        field = structs.CThostFtdcQryTradingAccountField(BrokerID=BROKER, InvestorID=self.user)
        return self.ask("ReqQryTradingAccount", field)

    def subscribe(self, codes: list[str]) -> None:
        """Subscribe; returns when it is sent."""
        for data in self.encode("SubscribeMarketData", tuple(codes)):
            self.socket.sendall(data)


class OrderFrames:
    """Marketable orders as bytes: a buy that opens and a sell that closes, in turn."""

    def __init__(self, line: Line, facts: Facts) -> None:
        field = next(item for item in line.dialect.codec.fields("CThostFtdcInputOrderField") if item.name == "OrderRef")
        self._at = wire.HEADER_SIZE + field.offset
        self._length = field.length
        self._frames = [
            line.encode("ReqOrderInsert", self._order(line.user, *values))[0]
            for values in (("0", "0", facts.upper_limit), ("1", "1", facts.lower_limit))
        ]

    @staticmethod
    def _order(user: str, direction: str, offset: str, price: float) -> structs.CThostFtdcInputOrderField:
        return structs.CThostFtdcInputOrderField(
            BrokerID=BROKER, InvestorID=user, UserID=user, InstrumentID=INSTRUMENT, ExchangeID=EXCHANGE,
            OrderPriceType="2", Direction=direction, CombOffsetFlag=offset, CombHedgeFlag="1", LimitPrice=price,
            VolumeTotalOriginal=1, TimeCondition="3", VolumeCondition="1", MinVolume=1, ContingentCondition="1",
            ForceCloseReason="0",
        )  # fmt: skip

    def frame(self, number: int) -> bytes:
        """The ``number``-th order, from 1; its OrderRef is its number."""
        template = self._frames[(number - 1) % 2]
        reference = str(number).encode().ljust(self._length, b"\0")
        return template[: self._at] + reference + template[self._at + self._length :]


class Returns:
    """Reads order returns and trades out of frames in place."""

    def __init__(self, line: Line) -> None:
        spi = line.dialect
        slots = slots_of(spi)
        self.order, self.trade = slots["OnRtnOrder"], slots["OnRtnTrade"]
        offsets = {item.name: item.offset for item in spi.codec.fields("CThostFtdcTradeField")}
        self._price = struct.Struct("<d")
        self._at, self._side = offsets["Price"], offsets["Direction"]

    def is_trade(self, frame: wire.Frame) -> bool:
        """Whether a frame is an OnRtnTrade."""
        return frame.kind == wire.CALLBACK and frame.slot == self.trade

    def is_order(self, frame: wire.Frame) -> bool:
        """Whether a frame is an OnRtnOrder."""
        return frame.kind == wire.CALLBACK and frame.slot == self.order

    def price(self, frame: wire.Frame) -> tuple[bool, float]:
        """Whether a trade is a buy, and its price."""
        body = frame.body
        return body[self._side] == ord("0"), float(self._price.unpack_from(body, self._at)[0])


@cache
def slots_of(spoken: Dialect) -> dict[str, int]:
    """The number of each callback on the wire."""
    entries = ((slot, spoken._callback(slot)) for slot in range(len(spoken._spi)))
    return {entry.name: slot for slot, entry in entries if entry is not None}


def facts_of(front: str) -> Facts:
    """What decides the books, asked by an ordinary client."""
    from benchmarks.desk import CountingSpi, Desk

    with Desk(CountingSpi(), front=front) as desk:
        return desk.facts()
