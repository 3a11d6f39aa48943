"""Orders per second over loopback with 1, 10 and 100 clients at once.

Method: a trading front in a process of its own, its market standing (:mod:`benchmarks.desk`). Clients are made of
bytes (:class:`benchmarks.front_kit.Line`), each a user with an account, all in one process: each writes its
marketable orders without waiting, a buy that opens and a sell that closes in turn, and reads its returns. The figure
is orders/s of all together, from the first byte sent until the last OnRtnTrade is read; 500 orders of warm-up. A
fresh server in each run. Beside it the processor time that the server used, in which a busy machine shows less.
Checked: each user has exactly its trades, in the order of its orders and at the quote's prices, and each account's
profit, fees and Balance, nothing left held or frozen.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterator

from benchmarks.desk import WAIT_S, Facts, check_account, check_balance, counter_address
from benchmarks.figures import Figure, Plan, figure, require
from benchmarks.front_kit import Fronts, Line, OrderFrames, Returns, facts_of

CLIENTS = (1, 10, 100)
ORDERS = 10_000
WARM_UP = 500
CHUNK = 16_384
"""So many bytes of orders a client has written before the others' turn."""


class Sender:
    """One client: what it has yet to write, and what has come."""

    def __init__(self, front: str, user: str, facts: Facts) -> None:
        self.line = Line(front, "trader", user)
        self.facts = facts
        self.orders = OrderFrames(self.line, facts)
        self.returns = Returns(self.line)
        self.ordered = 0
        self.traded = 0
        self.rest = memoryview(b"")

    def prepare(self, number: int) -> None:
        """Have so many orders ready to be written."""
        begin = self.ordered + 1
        self.ordered += number
        self.rest = memoryview(b"".join([self.orders.frame(item) for item in range(begin, self.ordered + 1)]))
        self.line.socket.setblocking(False)

    def write(self) -> bool:
        """Write a piece; whether there is more."""
        sent = self.line.socket.send(self.rest[:CHUNK])
        self.rest = self.rest[sent:]
        return bool(self.rest)

    def read(self) -> int:
        """Read what is there; how many trades came."""
        data = self.line.socket.recv(262_144)
        require(data, "the front closed the link")
        had = self.traded
        for frame in self.line.cutter.feed(data):
            if self.returns.is_trade(frame):
                self.traded += 1
                is_buy, price = self.returns.price(frame)
                require(is_buy == bool(self.traded % 2), "trades are not in the order of the orders")
                require(price == (self.facts.ask if is_buy else self.facts.bid), f"traded at {price}")
        return self.traded - had

    def finish(self) -> None:
        """Check the books and leave."""
        self.line.socket.settimeout(WAIT_S)
        require(self.traded == self.ordered, f"{self.traded} trades of {self.ordered} orders")
        account = self.line.account()
        check_balance(account)
        check_account(account, self.facts, self.ordered // 2)
        self.line.close()


def exchange(senders: list[Sender], number: int) -> float:
    """``number`` orders of all together, written and traded; seconds."""
    for sender in senders:
        sender.prepare(number // len(senders))
    left = sum(sender.ordered - sender.traded for sender in senders)
    both = selectors.EVENT_READ | selectors.EVENT_WRITE
    with selectors.DefaultSelector() as selector:
        for sender in senders:
            selector.register(sender.line.socket, both, sender)
        begin = time.perf_counter()
        while left:
            ready = selector.select(WAIT_S)
            require(ready, f"{left} trades did not come")
            for key, what in ready:
                sender = key.data
                if what & selectors.EVENT_READ:
                    left -= sender.read()
                if what & selectors.EVENT_WRITE and not sender.write():
                    selector.modify(sender.line.socket, selectors.EVENT_READ, sender)
        return time.perf_counter() - begin


def one_run(clients: int, orders: int, warm_up: int) -> tuple[float, float]:
    """Orders/s, and µs of the server's processor time per order."""
    with Fronts(counter_address()) as fronts:
        fronts.ask("stand")
        facts = facts_of(fronts.trade)
        senders = [Sender(fronts.trade, f"u{number}", facts) for number in range(clients)]
        exchange(senders, max(warm_up, 2 * clients) // (2 * clients) * 2 * clients)
        number = orders // (2 * clients) * 2 * clients
        before = fronts.ask("processor")
        seconds = exchange(senders, number)
        used = fronts.ask("processor") - before
        for sender in senders:
            sender.finish()
    return number / seconds, used / number * 1e6


def measure(plan: Plan, orders: int = ORDERS, warm_up: int = WARM_UP) -> Iterator[Figure]:
    """Orders/s by number of clients."""
    runs = plan.repeat(lambda: [value for clients in CLIENTS for value in one_run(clients, orders, warm_up)])
    for place, clients in enumerate(CLIENTS):
        who = "1 native client" if clients == 1 else f"{clients} native clients"
        aims = ("20,000", "60,000") if clients == 1 else ("", "")
        yield figure(f"pipelined orders over loopback, {who}", "/s", (found[2 * place] for found in runs), *aims)
    yield figure("processor time of the server per order, 1 native client", "µs", (found[1] for found in runs))
