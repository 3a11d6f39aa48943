"""A server: orders over loopback one at a time and pipelined, snapshots fanned out, memory per link.

Method: ``ctp2 serve --open`` in a process of its own, with a log (``durability=normal``) for the orders, which go to
TEST, where users trade with each other. Clients are bytes: they send frames made beforehand and look at the slots of
what comes back, as a native client would, so the figures are the server's and the network's. *One at a time*: an
order that meets a resting one, from before ``send`` to the ``OnRtnOrder`` and to the ``OnRtnTrade`` of it, each sent
when the last one's trade has come. *Pipelined*: orders that rest, all sent at once by each client, until every one's
second ``OnRtnOrder`` is back. *Snapshots*: the recorded day, 28,000 snapshots at 3,000 times its speed, to 100
clients, which read in another process: more than can be sent, so what is late is conflated; deliveries/s from the
first byte to the last. *Memory*: growth of the server's resident memory by 500 logged-in traders, where that can be
told. Checked: number of returns and of trades; every snapshot was delivered or conflated, and the last one was
delivered.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, Plan, figure, percentile, require
from ctp2.core.address import parse
from ctp2.core.backend import Kind, Request
from ctp2.ctp import methods, structs
from ctp2.front import wire
from ctp2.front.dialect import dialect
from ctp2.front.server import Config, ServerThread

WAIT_S: Final = 60.0
WARM: Final = 50
ONE_BY_ONE: Final = 400
PIPELINED: Final = 6_000
CLIENTS: Final = (1, 10)
READERS: Final = 100
SPEED: Final = 3_000
LINKS: Final = 500
USERS: Final = 100
QUIET_S: Final = 5.0
PRICE: Final = 100.0
"""Previous settlement of TEST: orders at it meet, orders below it rest."""
DAY: Final = 27_955
"""Snapshots of IF2101 in the day that ships with ctp2."""
INSTRUMENT: Final = "IF2101"


class Client:
    """One link, in bytes."""

    def __init__(self, address: str, kind: Kind = "trader") -> None:
        host, _, port = parse(address).host.rpartition(":")
        self.dialect = dialect("6.7.13", kind)
        self.socket = socket.create_connection((host, int(port)), WAIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kind = kind
        self.cutter = wire.Cutter()
        self.slots = {name: out.slot for name, out in self.dialect._out.items()}
        self.number = 0
        self.socket.sendall(wire.hello(wire.Hello(kind, "6.7.13", self.dialect.checksum, wire.TEXT_GB18030)))
        self.wait_for("OnFrontConnected")

    def frame(self, name: str, field: Any = None, **members: Any) -> bytes:
        """The bytes of a request."""
        method = (methods.TRADER if self.kind == "trader" else methods.MD)[name]
        self.number += 1
        field = getattr(structs, method.struct)(**members) if field is None else field
        return b"".join(self.dialect.encode_request(Request(method, field, self.number), 1))

    def wait_for(self, *names: str) -> None:
        """Until a frame of each of these callbacks has come."""
        left = {self.slots[name] for name in names}
        while left:
            for said in self.read():
                left.discard(said.slot if said.kind == wire.CALLBACK else -1)

    def read(self) -> list[wire.Frame]:
        """What has come."""
        data = self.socket.recv(1 << 20)
        require(data, "the server has closed a link")
        return self.cutter.feed(data)

    def log_in(self, user: str) -> None:
        """Log in; a trader confirms too."""
        self.socket.sendall(self.frame("ReqUserLogin", BrokerID="9999", UserID=user, Password="secret"))
        self.wait_for("OnRspUserLogin")
        if self.kind == "trader":
            self.socket.sendall(self.frame("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID=user))
            self.wait_for("OnRspSettlementInfoConfirm")
        self.user = user

    def order(self, is_buy: bool, price: float, volume: int = 1) -> bytes:
        """The frame of a limit order."""
        return self.frame(
            "ReqOrderInsert",
            BrokerID="9999",
            InvestorID=self.user,
            UserID=self.user,
            ExchangeID="SHFE",
            InstrumentID="TEST",
            Direction="0" if is_buy else "1",
            CombOffsetFlag="0",
            CombHedgeFlag="1",
            OrderPriceType="2",
            LimitPrice=price,
            VolumeTotalOriginal=volume,
            TimeCondition="3",
            VolumeCondition="1",
            MinVolume=1,
            ContingentCondition="1",
            ForceCloseReason="0",
        )


class Served:
    """``ctp2 serve`` in a process of its own. Use as a context manager."""

    def __init__(self, backend: str) -> None:
        command = [sys.executable, "-m", "ctp2", "serve", "--open", "--trade-port", "0", "--md-port", "0", "--json"]
        command += ["--log", "warning", "--backend", backend]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        require(line, "the server did not start")
        self.fronts: dict[str, str] = json.loads(line)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=WAIT_S)

    def resident(self) -> int:
        """Bytes in memory; 0 where that cannot be told."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.is_file():
            return 0
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


def measure(plan: Plan) -> Iterator[Figure | str]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder:
        runs = plan.repeat(lambda: _orders(folder))
    names = ["order → OnRtnOrder, p50", "order → OnRtnOrder, p99", "order → OnRtnTrade, p50", "order → OnRtnTrade, p99"]
    targets = {"order → OnRtnTrade, p50": ("169", "100")}
    for index, name in enumerate(names):
        yield figure(name, "µs", (run[index] for run in runs), *targets.get(name, ()))
    for index, clients in enumerate(CLIENTS, len(names)):
        target = ("20,000", "60,000") if clients == 1 else ()
        yield figure(f"pipelined orders, {clients} clients", "/s", (run[index] for run in runs), *target)
    fanned = plan.repeat(_snapshots)
    yield figure(f"snapshots to {READERS} clients", "/s", (run[0] for run in fanned), "200,000", "1M")
    yield figure("snapshots conflated meanwhile", "%", (run[1] for run in fanned))
    found = [run[0] for run in plan.repeat(_memory)]
    if any(found):
        yield figure("memory per trader link", "KiB", found)
    else:
        yield "memory per link: left out, this system does not tell"


def _orders(folder: str) -> Sequence[float]:
    database = tempfile.mktemp(dir=folder)
    with Served(f"tts://7x24?db={database}") as served:
        front = served.fronts["trader"]
        maker, taker = Client(front), Client(front)
        maker.log_in("maker")
        taker.log_in("taker")
        for _ in range(3):
            maker.socket.sendall(maker.order(is_buy=False, price=PRICE, volume=(WARM + ONE_BY_ONE) // 3 + 1))
            maker.wait_for("OnRtnOrder")
        orders, trades = _one_by_one(taker)
        rates = [_pipelined(front, clients) for clients in CLIENTS]
    return [
        *(percentile(orders, 0.5), percentile(orders, 0.99), percentile(trades, 0.5), percentile(trades, 0.99)),
        *rates,
    ]


def _one_by_one(taker: Client) -> tuple[list[float], list[float]]:
    frames = [taker.order(is_buy=True, price=PRICE) for _ in range(WARM + ONE_BY_ONE)]
    to_order: list[float] = []
    to_trade: list[float] = []
    order, trade = taker.slots["OnRtnOrder"], taker.slots["OnRtnTrade"]
    for frame in frames:
        began = time.perf_counter()
        taker.socket.sendall(frame)
        first = last = 0.0
        while not last:
            now_read = taker.read()
            now = time.perf_counter()
            for said in now_read:
                if said.slot == order and not first:
                    first = now
                elif said.slot == trade:
                    last = now
        to_order.append((first - began) * 1e6)
        to_trade.append((last - began) * 1e6)
    require(len(to_trade) == WARM + ONE_BY_ONE and min(to_order) > 0, "an order without its return")
    return to_order[WARM:], to_trade[WARM:]


def _pipelined(front: str, clients: int) -> float:
    links = [Client(front) for _ in range(clients)]
    each = PIPELINED // clients
    batches = []
    for index, link in enumerate(links):
        link.log_in(f"sender{clients}-{index}"[:12])
        batches.append(b"".join(link.order(is_buy=True, price=PRICE - 20) for _ in range(each)))
    began = time.perf_counter()
    senders = [
        threading.Thread(target=link.socket.sendall, args=(batch,)) for link, batch in zip(links, batches, strict=True)
    ]
    for sender in senders:
        sender.start()
    left = {link.socket: 2 * each for link in links}
    with selectors.DefaultSelector() as selector:
        for link in links:
            selector.register(link.socket, selectors.EVENT_READ, link)
        while any(left.values()):
            ready = selector.select(WAIT_S)
            require(ready, "the server does not answer")
            for key, _ in ready:
                link = key.data
                slot = link.slots["OnRtnOrder"]
                left[link.socket] -= sum(said.slot == slot for said in link.read())
    took = time.perf_counter() - began
    require(set(left.values()) == {0}, f"returns too many: {left}")
    for sender in senders:
        sender.join()
    for link in links:
        link.socket.close()
    return each * clients / took


# --- snapshots -------------------------------------------------------------------------------------------------------


def _snapshots() -> Sequence[float]:
    """Deliveries per second, and the share that was conflated."""
    from ctp2.tts import counter

    backend = f"tts://replay?id=bench-front&data=sample&speed={SPEED}"
    with ServerThread(Config(backend, trade_port=None, md_port=0)) as server:
        control = counter(backend)
        control.pause()
        ours, theirs = multiprocessing.Pipe()
        reader = multiprocessing.get_context("spawn").Process(target=_read_all, args=(server.md, theirs), daemon=True)
        reader.start()
        require(ours.poll(WAIT_S) and ours.recv() == "ready", "the readers did not start")
        control.run()
        require(ours.poll(2 * WAIT_S), "the readers did not come to an end")
        delivered, took = ours.recv()
        reader.join(WAIT_S)
        conflated = int(str(server.call(lambda: server.server.hubs["md"].conflated)))
    offered = READERS * DAY
    require(delivered + conflated >= offered, f"{delivered} snapshots delivered, {conflated} conflated, of {offered}")
    return [delivered / took, 100 * conflated / offered]


def _read_all(address: str, tell: Any) -> None:
    """In a process of its own: every client reads until nothing comes for a while."""
    clients = [Client(address, "md") for _ in range(READERS)]
    for client in clients:
        client.socket.sendall(client.frame("ReqUserLogin") + client.frame("SubscribeMarketData", (INSTRUMENT,)))
        client.wait_for("OnRspUserLogin", "OnRspSubMarketData")
    tell.send("ready")
    size = wire.HEADER_SIZE + clients[0].dialect.codec.size("CThostFtdcDepthMarketDataField")
    total, first, last = 0, 0.0, 0.0
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ)
        while ready := selector.select(QUIET_S if first else WAIT_S):
            last = time.perf_counter()
            first = first or last
            for key, _ in ready:
                link: Any = key.fileobj
                total += len(link.recv(1 << 20))
    tell.send((total // size, last - first))


def _memory() -> Sequence[float]:
    with Served("tts://7x24") as served:
        front = served.fronts["trader"]
        links: list[Client] = []
        before = 0
        for index in range(LINKS + USERS):
            if index == USERS:
                before = served.resident()  # every user has his account by now
            link = Client(front)
            link.log_in(f"user{index % USERS}")
            links.append(link)
        grown = served.resident() - before
        for link in links:
            link.socket.close()
    return [grown / LINKS / 1024 if before else 0.0]
