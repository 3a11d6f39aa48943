"""Over loopback, one order at a time: from the request to its returns, at a server in another process.

Method: as :mod:`benchmarks.latency`, the counter behind a trading front in a process of its own. First a Python
program through ``tdapi`` at ``tcp://``; then a client made of bytes (:class:`benchmarks.front_kit.Line`), which does
what a native client does, on a counter in memory and on one with ``db=`` (``durability=normal``). Beside them, in the
same run: a bare TCP ping-pong of 500 bytes between two Python processes, and the protocol's own ``ping``, which the
front answers without the counter. 300 orders of warm-up each. p50 and p99 of each run; the figure is their median
over the runs. Checked: prices, reports before trades, profit, fees, the Balance identity, nothing left held or
frozen.
"""

from __future__ import annotations

import multiprocessing
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from benchmarks.desk import WAIT_S, Facts, check_account, check_balance, counter_address
from benchmarks.figures import Figure, Plan, figure, percentile, require
from benchmarks.front_kit import Fronts, Line, OrderFrames, Returns, facts_of
from benchmarks.latency import Pacer
from ctp2.front import wire

ORDERS: Final = 2_000
WARM_UP: Final = 300
SIZE: Final = 500


class NativePacer:
    """Sends one order at a time over a bare link."""

    def __init__(self, front: str, facts: Facts) -> None:
        self.line = Line(front, "trader", "native")
        self.facts = facts
        self.orders = OrderFrames(self.line, facts)
        self.returns = Returns(self.line)
        self.sent = 0

    def send(self, number: int) -> tuple[list[float], list[float]]:
        """µs to the first OnRtnOrder and to OnRtnTrade of each of ``number`` orders."""
        line, returns, clock = self.line, self.returns, time.perf_counter_ns
        firsts, trades = [], []
        for _ in range(number):
            self.sent += 1
            data = self.orders.frame(self.sent)
            first = 0
            begin = clock()
            line.socket.sendall(data)
            while True:
                frame = line.frame()
                if returns.is_order(frame):
                    first = first or clock()
                elif returns.is_trade(frame):
                    break
            traded = clock()
            require(first, "the trade came before the order's report")
            is_buy, price = returns.price(frame)
            require(is_buy == bool(self.sent % 2), "another order traded")
            require(price == (self.facts.ask if is_buy else self.facts.bid), f"traded at {price}")
            firsts.append((first - begin) / 1e3)
            trades.append((traded - begin) / 1e3)
        return firsts, trades

    def ping(self, number: int) -> list[float]:
        """µs from ping to pong."""
        times = []
        for item in range(number):
            begin = time.perf_counter_ns()
            self.line.socket.sendall(wire.ping(item))
            while self.line.frame().kind != wire.PONG:
                pass
            times.append((time.perf_counter_ns() - begin) / 1e3)
        return times

    def finish(self) -> None:
        """Check the books and leave."""
        account = self.line.account()
        check_balance(account)
        check_account(account, self.facts, self.sent // 2)
        self.line.close()


def _echo(pipe: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe.send(server.getsockname()[1])
        link, _ = server.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := link.recv(65_536):
            link.sendall(data)


class Bare:
    """Two sockets in two processes, and nothing else."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._process = context.Process(target=_echo, args=(there,), daemon=True)
        self._process.start()
        require(here.poll(WAIT_S), "no echo")
        self._link = socket.create_connection(("127.0.0.1", here.recv()), WAIT_S)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, number: int) -> list[float]:
        """µs there and back, of each."""
        data, times = bytes(SIZE), []
        for _ in range(number):
            begin = time.perf_counter_ns()
            self._link.sendall(data)
            left = SIZE
            while left:
                left -= len(self._link.recv(left))
            times.append((time.perf_counter_ns() - begin) / 1e3)
        return times

    def close(self) -> None:
        self._link.close()
        self._process.join(WAIT_S)


def spread(times: Sequence[float]) -> list[float]:
    """p50 and p99."""
    return [percentile(times, 0.5), percentile(times, 0.99)]


def measure(plan: Plan, orders: int = ORDERS, warm_up: int = WARM_UP) -> Iterator[Figure]:
    """p50 and p99 of each kind of round trip."""
    bare = Bare()
    bare.send(warm_up)
    with (
        tempfile.TemporaryDirectory(prefix="ctp2-bench-") as folder,
        Fronts(counter_address()) as memory,
        Fronts(counter_address(options=f"&db={folder}/native.db&durability=normal")) as kept,
    ):
        memory.ask("stand")
        kept.ask("stand")
        facts = facts_of(memory.trade)
        with Pacer(front=memory.trade) as program:
            native, durable = NativePacer(memory.trade, facts), NativePacer(kept.trade, facts)
            senders: list[Callable[[int], Any]] = [program.send, native.send, durable.send]
            for send in senders:
                send(warm_up)

            def run() -> list[float]:
                found = [time for send in senders for times in send(orders)[:2] for time in spread(times)]
                return [*found, *spread(native.ping(orders)), *spread(bare.send(orders))]

            runs = plan.repeat(run)
            native.finish()
            durable.finish()
    bare.close()
    labels = [
        f"{who}, request → {what}, {share}"
        for who in (
            "Python client over loopback",
            "native client over loopback",
            "native client over loopback, durable",
        )
        for what in ("first OnRtnOrder", "OnRtnTrade")
        for share in ("p50", "p99")
    ]
    labels += [
        f"{what}, {share}" for what in ("ping of the protocol", "bare TCP ping-pong") for share in ("p50", "p99")
    ]
    for place, label in enumerate(labels):
        is_aimed = label == "native client over loopback, durable, request → OnRtnTrade, p50"
        yield figure(label, "µs", (found[place] for found in runs), *(("169", "100") if is_aimed else ()))
