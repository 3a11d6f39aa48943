"""A link that is fed by hand, time that is moved by hand, and a backend that holds parts together: for tests of parts.

``FakeLink`` notes every call in ``calls`` and answers async calls from ``answers`` (by method name; an exception in it
is raised; a callable is called with the arguments). ``FakeTimers.advance`` runs what is due. ``FakeBackend`` has the
attributes of :class:`ctp2.ib.backend.IbBackend` that parts use; a test sets the parts it needs.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Iterable
from itertools import count
from typing import Any

from ctp2.core.address import parse as parse_address
from ctp2.core.backend import Event, Kind, Request
from ctp2.ctp.methods import MD, TRADER
from ctp2.ib import config
from ctp2.ib.flows import PrivateFlow
from ctp2.ib.link import Role
from ctp2.ib.parts import Refusal
from ctp2.ib.records import Contract, LinkLost, OrderSpec, Record
from ctp2.ib.session import IbSession
from ctp2.ib.store import Store

NOON_NS = 1_764_000_000 * 1_000_000_000
"""2025-11-24 16:00:00 UTC, a Monday, 11:00 in New York."""


class _Alarm:
    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class FakeTimers:
    """Time that a test moves. Coroutines run when they are started, as far as they get without waiting."""

    def __init__(self, now_ns: int = NOON_NS) -> None:
        self._now_ns = now_ns
        self._elapsed = 0.0
        self._due: list[tuple[float, int, _Alarm]] = []
        self._numbers = count()
        self.loop = asyncio.new_event_loop()
        self.is_current = True

    def now_ns(self) -> int:
        return self._now_ns + round(self._elapsed * 1e9)

    def monotonic(self) -> float:
        return self._elapsed

    def later(self, seconds: float, call: Callable[[], object]) -> _Alarm:
        alarm = _Alarm(call)
        heapq.heappush(self._due, (self._elapsed + seconds, next(self._numbers), alarm))
        return alarm

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self.loop.create_task(work)
        self.settle()
        return task

    def post(self, call: Callable[..., object], *args: object) -> None:
        call(*args)

    async def sleep(self, seconds: float) -> None:
        woken = self.loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        self.later(seconds, wake)
        await woken

    def settle(self) -> None:
        """Let everything run that waits for nothing."""

        async def turns() -> None:
            for _ in range(50):
                await asyncio.sleep(0)

        if not self.loop.is_running():
            self.loop.run_until_complete(turns())

    def advance(self, seconds: float) -> None:
        """Let so long pass, with everything that is due in between."""
        until = self._elapsed + seconds
        while self._due and self._due[0][0] <= until + 1e-9:
            self._elapsed, _, alarm = heapq.heappop(self._due)
            if alarm.call is not None:
                alarm.call()
            self.settle()
        self._elapsed = until
        self.settle()

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.settle()
        self.loop.close()


class FakeLink:
    """A :class:`ctp2.ib.link.Link` of which everything is noted."""

    def __init__(self, role: Role = "trader", client_id: int = 1, accounts: tuple[str, ...] = ("DU1000001",)) -> None:
        self.role = role
        self.client_id = client_id
        self.is_up = True
        self.is_cut_off = False
        self.server_version = 176
        self.accounts = accounts
        self.listener: Any = None
        self.calls: list[tuple[Any, ...]] = []
        self.placed: list[tuple[OrderSpec, Contract]] = []
        self.answers: dict[str, Any] = {}
        self.unsent: set[int] = set()
        """Subscriptions that wait for their turn."""
        self._ids = count(1)
        self._order_ids: set[int] = set()

    # --- what a test does
    def tell(self, *records: Record) -> None:
        """Hand records to the listener."""
        for record in records:
            self.listener.on_record(self, record)

    def calls_of(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of that name."""
        return [call[1:] for call in self.calls if call[0] == name]

    # --- Link
    def _note(self, name: str, *args: Any) -> None:
        if not self.is_up:
            raise LinkLost("the link is down")
        self.calls.append((name, *args))

    async def _ask(self, name: str, *args: Any) -> Any:
        self._note(name, *args)
        answer = self.answers.get(name, [])
        if callable(answer):
            answer = answer(*args)
        if isinstance(answer, asyncio.Future):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def next_order_id(self) -> int:
        number = next(self._ids)
        self._order_ids.add(number)
        return number

    def owns_order_id(self, order_id: int) -> bool:
        return order_id in self._order_ids

    def own_order_id(self, order_id: int) -> None:
        self._order_ids.add(order_id)

    def place(self, spec: OrderSpec, contract: Contract) -> None:
        self._note("place", spec, contract)
        self.placed.append((spec, contract))

    def cancel(self, order_id: int) -> None:
        self._note("cancel", order_id)

    def market_data(self, contract: Contract, generic: str = "", snapshot: bool = False) -> int:
        number = next(self._ids)
        self._note("market_data", contract, generic, snapshot, number)
        return number

    def cancel_market_data(self, req_id: int) -> None:
        self._note("cancel_market_data", req_id)

    def is_unsent(self, req_id: int) -> bool:
        return req_id in self.unsent

    def depth(self, contract: Contract, rows: int = 20, smart: bool = False) -> int:
        number = next(self._ids)
        self._note("depth", contract, rows, smart, number)
        return number

    def cancel_depth(self, req_id: int, smart: bool = False) -> None:
        self._note("cancel_depth", req_id, smart)

    def data_type(self, number: int) -> None:
        self._note("data_type", number)

    async def details(self, contract: Contract) -> Any:
        return await self._ask("details", contract)

    async def matching(self, pattern: str) -> Any:
        return await self._ask("matching", pattern)

    async def option_params(self, symbol: str, exchange: str, sec_type: str, con_id: int) -> Any:
        return await self._ask("option_params", symbol, exchange, sec_type, con_id)

    async def market_rule(self, rule_id: int) -> Any:
        return await self._ask("market_rule", rule_id)

    async def open_orders(self) -> Any:
        return await self._ask("open_orders")

    async def all_open_orders(self) -> Any:
        return await self._ask("all_open_orders")

    async def completed_orders(self) -> Any:
        return await self._ask("completed_orders")

    async def executions(self, account: str = "") -> Any:
        return await self._ask("executions", account)

    async def positions(self) -> Any:
        return await self._ask("positions")

    def cancel_positions(self) -> None:
        self._note("cancel_positions")

    async def summary(self, tags: str, group: str = "All") -> Any:
        rows = await self._ask("summary", tags, group)
        return (next(self._ids), rows) if isinstance(rows, list) else rows

    def cancel_summary(self, req_id: int) -> None:
        self._note("cancel_summary", req_id)

    async def account_updates(self, account: str) -> Any:
        return await self._ask("account_updates", account)

    def cancel_account_updates(self, account: str) -> None:
        self._note("cancel_account_updates", account)

    async def what_if(self, spec: OrderSpec, contract: Contract) -> Any:
        return await self._ask("what_if", spec, contract)

    async def server_time(self) -> Any:
        return await self._ask("server_time")


class FakeSink:
    """A client that notes what it gets."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.depth = 0

    def put(self, events: Iterable[Event]) -> None:
        self.events += events

    def when_idle(self, call: Callable[[], None]) -> None:
        call()

    def take(self) -> list[Event]:
        """What came since the last call."""
        taken, self.events = self.events, []
        return taken


class FakeBackend:
    """What parts use of a backend."""

    def __init__(self, address: str = "ib://127.0.0.1:7497", *accounts: str) -> None:
        self.config = config.parse(parse_address(address))
        self.timers = FakeTimers()
        self.loop = self.timers
        self.accounts = accounts or ("DU1000001",)
        self.links: dict[str, FakeLink] = {
            "trader": FakeLink("trader", self.config.options.client_id, self.accounts),
            "md": FakeLink("md", self.config.options.md_client_id, self.accounts),
        }
        for link in self.links.values():
            link.listener = self
        self.directory: Any = None
        self.market: Any = None
        self.ledger: Any = None
        self.orders: Any = None
        self.requests: dict[str, Any] = {}
        self.published: list[tuple[str, Event]] = []
        self.trading_day = "20251124"
        self.parts: list[Any] = []
        """Every record goes to each of these."""
        self._store = Store(None)
        self._flow = PrivateFlow(self._store, lambda: self.trading_day)
        self._sessions: list[IbSession] = []

    def on_record(self, link: FakeLink, record: Record) -> None:
        for part in self.parts:
            part.on_record(link, record)

    def link_of(self, kind: Kind) -> FakeLink:
        return self.links[kind]

    def link_for(self, session: IbSession) -> FakeLink:
        return self.links[session.kind]

    def orders_of(self, link: Any) -> Any:
        return self.orders

    def store_of(self, link: Any) -> Store:
        return self._store

    def flow_of(self, link: Any) -> PrivateFlow:
        return self._flow

    def sessions(self, kind: Kind) -> list[IbSession]:
        return [session for session in self._sessions if session.kind == kind]

    def publish(self, link: Any, account: str, event: Event) -> None:
        self.published.append((account, event))

    def error_of(self, refused: Any, request: Request) -> tuple[int, str]:
        return 91, f"IB{refused.code}:{refused.text}"

    def leave(self, session: IbSession) -> None:
        self._sessions.remove(session)

    def open(self, kind: Kind = "trader", account: str = "") -> tuple[IbSession, FakeSink]:
        """A session that is logged in, and its client."""
        sink = FakeSink()
        session = IbSession(self, kind, sink)  # type: ignore[arg-type]
        self._sessions.append(session)
        session.account = account or (self.accounts[0] if len(self.accounts) == 1 else "")
        session.session_id = len(self._sessions)
        session.machine.connect()
        session.machine.state = _logged_in()
        sink.take()
        return session, sink

    def ask(self, session: IbSession, name: str, field: Any, request_id: int = 1) -> None:
        """Make a request as a client does."""
        session.request(
            session.machine,
            Request((TRADER | MD)[name] if session.kind == "trader" else (MD | TRADER)[name], field, request_id),
        )
        self.timers.settle()

    def close(self) -> None:
        self._store.close()
        self.timers.close()


def _logged_in() -> Any:
    from ctp2.core.session import LoggedIn

    return LoggedIn()


__all__ = ["NOON_NS", "FakeBackend", "FakeLink", "FakeSink", "FakeTimers", "Refusal"]
