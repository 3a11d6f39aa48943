"""A desk of orders before a TWS that a test plays by hand: what clients see, what was sent, records by short names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.ib import entry, order_queries, records
from ctp2.ib.contracts import Directory
from ctp2.ib.desk import Orders
from ctp2.ib.positions import Ledger
from ctp2.ib.records import Contract, OrderSpec
from ctp2.ib.session import IbSession, names
from tests.ib import listed
from tests.ib.fakelink import NOON_NS, FakeBackend, FakeLink, FakeSink

ACCOUNT = "DU1000001"
AAPL = "AAPL-USD-STK"
SECOND = 1_000_000_000


class Quotes:
    """The best prices, as a test sets them."""

    def __init__(self) -> None:
        self.found: tuple[float | None, float | None] = (None, None)

    def best(self, resolved: Any) -> tuple[float | None, float | None]:
        return self.found


class OrderDesk:
    """One client of one link. ``clock`` moves by hand; nothing sleeps."""

    def __init__(self, address: str = "ib://127.0.0.1:7497", *accounts: str) -> None:
        self.backend = FakeBackend(address, *accounts)
        self.backend.directory = Directory(self.backend)  # type: ignore[arg-type]
        self.backend.ledger = self.ledger = Ledger(self.backend)  # type: ignore[arg-type]
        self.backend.market = self.quotes = Quotes()
        self.link: FakeLink = self.backend.links["trader"]
        self.link.answers["details"] = listed.answer
        self.backend.requests = names([entry.REQUESTS, order_queries.REQUESTS])
        self.session, self.sink = self.backend.open(account=self.backend.accounts[0])
        # One list of what is told, in its order: the flow of the account, and what only this client gets.
        self.backend.publish = lambda link, account, event: self.sink.put([event])  # type: ignore[method-assign]
        self.restart()

    def restart(self) -> None:
        """The process was started anew: nothing is in memory, what is on disk is there."""
        self.orders = self.backend.orders = Orders(self.backend, self.link)  # type: ignore[arg-type]
        self.backend.parts = [self.orders, self.ledger]

    def close(self) -> None:
        self.backend.close()

    # ------------------------------------------------------------------ the client
    def insert(self, ref: str = "1", session: IbSession | None = None, **members: Any) -> None:
        self.backend.ask(session or self.session, "ReqOrderInsert", input_order(ref, **members), 7)

    def action(self, ref: str = "1", flag: str = "0", **members: Any) -> None:
        field = structs.CThostFtdcInputOrderActionField(
            InvestorID=ACCOUNT, OrderRef=ref, ActionFlag=flag, FrontID=1, SessionID=1
        )
        for name, value in members.items():
            setattr(field, name, value)
        self.backend.ask(self.session, "ReqOrderAction", field, 8)

    def query(self, name: str, **members: Any) -> list[Any]:
        field = getattr(structs, f"CThostFtdc{name.removeprefix('Req')}Field")(InvestorID=ACCOUNT, **members)
        self.sink.take()
        self.backend.ask(self.session, name, field, 9)
        return [event.field for event in self.sink.take()]

    def told(self) -> list[str]:
        """What came since the last call, in short: ``order a0 0/100``, ``trade 0 100@10``, ``OnRspOrderInsert 95``."""
        return [short(event) for event in self.sink.take()]

    def events(self) -> list[Event]:
        """The same as events."""
        return self.sink.take()

    def advance(self, seconds: float) -> None:
        self.backend.timers.advance(seconds)

    # ------------------------------------------------------------------ TWS
    def tell(self, *told: records.Record) -> None:
        self.link.tell(*told)
        self.backend.timers.settle()

    @property
    def spec(self) -> OrderSpec:
        """The order that was placed last."""
        return self.link.placed[-1][0]

    def reconcile(self, *, up: bool = True) -> list[str]:
        """The link comes up (again), and everything is asked for; what is missing."""
        self.link.is_up = True
        if up:
            self.tell(records.LinkUp(176, 1, self.link.accounts))
        task = self.backend.timers.start(self.orders.reconcile(self.link))
        for _ in range(40):
            if task.done():
                break
            self.advance(0.5)
        return list(task.result())

    def lists(
        self,
        *,
        live: tuple[records.Record, ...] = (),
        ended: tuple[records.Record, ...] = (),
        filled: tuple[records.Record, ...] = (),
    ) -> None:
        """What TWS answers from now on; open orders are told as records, too, as the link does."""

        def open_orders() -> list[records.Record]:
            self.link.tell(*live)
            return [record for record in live if isinstance(record, records.OpenOrder)]

        self.link.answers["open_orders"] = self.link.answers["all_open_orders"] = open_orders
        self.link.answers["completed_orders"] = list(ended)
        self.link.answers["executions"] = list(filled)

    def hold(self, name: str) -> Callable[[Any], None]:
        """Questions of a name wait until what is returned is called with their answer."""
        waiting: list[asyncio.Future[Any]] = []

        def ask(*args: Any) -> asyncio.Future[Any]:
            waiting.append(asyncio.get_running_loop().create_future())
            return waiting[-1]

        def answer(rows: Any) -> None:
            self.link.answers[name] = rows
            for future in waiting:
                future.set_result(rows)
            self.backend.timers.settle()

        self.link.answers[name] = ask
        return answer

    def cut(self) -> None:
        """The link breaks."""
        self.link.is_up = False
        self.link.tell(records.LinkDown(4097, "closed"))
        self.backend.timers.settle()


def input_order(ref: str = "1", **members: Any) -> Any:
    """Buy 100 AAPL at 10, good for the day, unless told otherwise."""
    field = structs.CThostFtdcInputOrderField(
        BrokerID="9999",
        InvestorID=ACCOUNT,
        OrderRef=ref,
        InstrumentID=AAPL,
        Direction="0",
        CombOffsetFlag="0",
        CombHedgeFlag="1",
        OrderPriceType="2",
        LimitPrice=10.0,
        VolumeTotalOriginal=100,
        TimeCondition="3",
        VolumeCondition="1",
        ContingentCondition="1",
        ForceCloseReason="0",
    )
    for name, value in members.items():
        setattr(field, name, value)
    return field


def short(event: Event) -> str:
    """An event in a few words."""
    field = event.field
    if event.callback == "OnRtnOrder":
        return f"order {field.OrderStatus}{field.OrderSubmitStatus} {field.VolumeTraded}/{field.VolumeTotalOriginal}"
    if event.callback == "OnRtnTrade":
        return f"trade {field.OffsetFlag} {field.Volume}@{field.Price:g}"
    return f"{event.callback} {event.info.ErrorID if event.info else 0}"


def status(name: str, filled: float = 0.0, order_id: int = 1, total: float = 100.0, **more: Any) -> records.OrderStatus:
    values: dict[str, Any] = {
        "order_id": order_id,
        "status": name,
        "filled": filled,
        "remaining": total - filled,
        "avg_fill_price": 0.0,
        "perm_id": 1000 + order_id,
        "parent_id": 0,
        "last_fill_price": 0.0,
        "client_id": 1,
    }
    return records.OrderStatus(**{**values, **more})


def listing(name: str, spec: OrderSpec, contract: Contract = listed.AAPL.contract, **more: Any) -> records.OpenOrder:
    values: dict[str, Any] = {
        "order_id": spec.order_id,
        "client_id": 1,
        "perm_id": 1000 + spec.order_id,
        "contract": contract,
        "spec": spec,
        "status": name,
    }
    return records.OpenOrder(**{**values, **more})


def fill(number: int, shares: float, order_id: int = 1, price: float = 10.0, **more: Any) -> records.Execution:
    values: dict[str, Any] = {
        "req_id": -1,
        "contract": listed.AAPL.contract,
        "exec_id": f"00018037.6554aa01.{number:02}.01",
        "time_ns": NOON_NS + number * SECOND,
        "account": ACCOUNT,
        "exchange": "ISLAND",
        "side": "BOT",
        "shares": shares,
        "price": price,
        "perm_id": 1000 + order_id,
        "client_id": 1,
        "order_id": order_id,
    }
    return records.Execution(**{**values, **more})


def problem(code: int, text: str = "", order_id: int = 1) -> records.Problem:
    return records.Problem(order_id, code, text)


def ended(name: str, spec: OrderSpec, filled: float = 0.0, **more: Any) -> records.CompletedOrder:
    values: dict[str, Any] = {
        "perm_id": 1000 + spec.order_id,
        "contract": listed.AAPL.contract,
        "spec": msgspec.structs.replace(spec, order_id=0),
        "status": name,
        "completed_time": "20251124 11:00:00 US/Eastern",
        "completed_status": "",
        "filled_quantity": filled,
    }
    return records.CompletedOrder(**{**values, **more})


__all__ = ["AAPL", "ACCOUNT", "FakeSink", "OrderDesk", "ended", "fill", "input_order", "listing", "problem", "status"]
