"""``ib://``: TWS or IB Gateway behind the ``Backend`` contract; which part hears what, and serves what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ctp2.core import opening
from ctp2.core.backend import CONTRACT_VERSION, Capabilities, Event
from ctp2.core.errors import OpenFailed
from ctp2.core.loop import Loop
from ctp2.ib import (
    client,
    contracts,
    entry,
    errors,
    instrument_queries,
    market,
    money_requests,
    order_queries,
    records,
    session_requests,
)
from ctp2.ib.config import Config
from ctp2.ib.config import located as _located
from ctp2.ib.config import parse as _parse
from ctp2.ib.contracts import Directory
from ctp2.ib.desk import Orders
from ctp2.ib.flows import PrivateFlow
from ctp2.ib.hours import login_trading_day
from ctp2.ib.links import Keeper
from ctp2.ib.market import Market
from ctp2.ib.positions import Ledger
from ctp2.ib.session import IbSession, names
from ctp2.ib.store import Store, StoreFailed, path_of
from ctp2.ib.users import Users

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.backend import Kind, Request, Sink
    from ctp2.core.clock import Clock
    from ctp2.ib.errors import Use
    from ctp2.ib.link import Link, Timers
    from ctp2.ib.parts import Handler
    from ctp2.ib.records import Record

log = logging.getLogger("ctp2.ib")

CONTRACT: Final = CONTRACT_VERSION

HEARD_BY: Final[dict[type, tuple[str, ...]]] = {
    records.OpenOrder: ("orders",),
    records.OrderStatus: ("orders",),
    records.Execution: ("orders", "ledger"),
    records.Commission: ("orders", "ledger"),
    records.CompletedOrder: ("orders",),
    records.PositionRow: ("ledger",),
    records.PortfolioRow: ("ledger",),
    records.AccountValue: ("ledger",),
    records.AccountDownloadEnd: ("ledger",),
    records.SummaryRow: ("ledger",),
    records.TickPrice: ("market",),
    records.TickSize: ("market",),
    records.TickString: ("market",),
    records.TickGeneric: ("market",),
    records.TickOption: ("market",),
    records.DataType: ("market",),
    records.DepthRow: ("market",),
    records.SnapshotEnd: ("market",),
    records.PacketEnd: ("market",),
    records.LinkUp: ("directory", "orders", "ledger", "market"),
    records.LinkDown: ("orders", "ledger", "market"),
    records.Restored: ("orders", "ledger", "market"),
    records.FarmBack: ("market",),
}
"""Record → the parts that hear it, in this order. A :class:`~ctp2.ib.records.Problem` goes where its id belongs: -1 to
the link's states, an order's to ``orders``, another one's to ``market``."""

_OF_MARKET: Final = frozenset(kind for kind, heard_by in HEARD_BY.items() if heard_by == ("market",))
"""What comes thousands of times a second is among these."""

REQUESTS: Final[dict[str, Handler]] = names(
    (
        session_requests.REQUESTS,
        instrument_queries.REQUESTS,
        entry.REQUESTS,
        order_queries.REQUESTS,
        money_requests.REQUESTS,
        market.REQUESTS,
    )
)
"""Every request that is served, beside login and logout."""
_USES: Final[dict[str, Use]] = {"ReqOrderInsert": "i", "ReqOrderAction": "a"}
"""What a request's refusal is read as; all others are queries."""
_NEED_RETRY: Final = 90

DIFFERS: Final = frozenset(
    (
        *(Capabilities.NAMES_LOGIN, Capabilities.REFUSES_UNKNOWN, Capabilities.ANY_USER, Capabilities.OWN_ACCOUNT),
        *(Capabilities.OWN_TEXTS, Capabilities.OWN_IDS, Capabilities.FREE_REFS, Capabilities.ROUTES_BY_CODE),
        *(Capabilities.KEEPS_ORDERS, Capabilities.CHECKS_TICK, Capabilities.NETS, Capabilities.OWN_MONEY),
        Capabilities.STATUS_BY_CODE,
    )
)
"""Where IB's rules are not those of a futures front (docs/decisions/0207)."""
CAPABILITIES: Final = Capabilities(
    frozenset(("trader", "md")),
    frozenset(("ReqAuthenticate", "ReqUserLogin", "ReqUserLogout", *REQUESTS)),
    differs=DIFFERS,
)
_2020: Final = 1_577_836_800
_SESSION: Final = "session"
_LAST: Final = "last"
_CLOSE_S: Final = 10.0
_OPEN_S: Final = client.CONNECT_S + 4.0
"""How long opening waits for the first attempt, whose deadline is the client's."""


def check(address: Address) -> None:
    """Raise for an address that can never work."""
    config = _parse(address)
    Users(config.options.accounts)
    client.check_library()


def located(address: Address) -> Address:
    """The address with its file as a whole path."""
    return _located(address)


def open(address: Address, clock: Clock) -> IbBackend:
    """A backend whose connections are made with the first session of their kind."""
    return IbBackend(_parse(address), clock)


class IbBackend:
    """A TWS. Parts reach each other through it, on the loop's thread; ``session`` and ``close`` from any thread.

    ``directory`` (contracts), ``market``, ``ledger`` (positions and money) are one each; ``orders_of(link)`` is one per
    client id. A part's optional ``async reconcile(link)`` runs after every LinkUp and Restored, before logins are
    answered (limit 15 s): it returns the names of what is missing, for the log.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.capabilities = CAPABILITIES
        self.loop = Loop(clock, "ib-loop")
        self.timers: Timers = self.loop
        self.requests = REQUESTS
        self.users = Users(config.options.accounts)
        self._keepers: dict[int, Keeper] = {}
        """By client id."""
        self._closing: dict[int, asyncio.Task[Any]] = {}
        self._orders: dict[int, Orders] = {}
        self._flows: dict[int, PrivateFlow] = {}
        self._sessions: dict[IbSession, Keeper] = {}
        self._last_session = 0
        self._is_closing = False
        try:
            self.loop.run(self._begin(), _CLOSE_S)
        except BaseException:
            self.loop.close()
            raise

    async def _begin(self) -> None:
        self.directory = Directory(self)
        self.market = Market(self)
        self.ledger = Ledger(self)

    # ------------------------------------------------------------------ contract (any thread)
    def session(self, kind: Kind, sink: Sink) -> IbSession:
        """A session for one client.

        Raises:
            OpenFailed: there is no connection, and there was none before: another front may be tried.
        """
        session = IbSession(self, kind, sink)
        keeper: Keeper = self.loop.run(self._join(session), _CLOSE_S)
        opening.wait(keeper.attempted, _OPEN_S)
        error = keeper.error
        if opening.is_given_up():
            error = OpenFailed(f"{self.config.text}: released before it was open")
        if error is not None and not keeper.has_been_up:
            session.close()
            raise OpenFailed(str(error), error.why, error.detail)
        return session

    def close(self) -> None:
        """Disconnect and end the loop."""
        try:
            self.loop.run(self._end(), _CLOSE_S)
        finally:
            self.loop.close()

    def figures(self) -> Mapping[str, float]:
        """Numbers for whoever watches."""
        keepers = list(self._keepers.values())
        return {
            "ib_links": sum(keeper.link.is_up for keeper in keepers),
            "ib_messages_waiting": sum(keeper.link.backlog for keeper in keepers),
        }

    async def _join(self, session: IbSession) -> Keeper:
        keeper = self.keeper(session.kind, self._client_id(session.kind))
        self._sessions[session] = keeper
        keeper.start()
        if keeper.is_reported_up:
            session.connect()
        return keeper

    async def _end(self) -> None:
        self._is_closing = True
        self.market.close()
        for keeper in list(self._keepers.values()):
            await self._drop(keeper)

    async def _drop(self, keeper: Keeper) -> None:
        self._keepers.pop(keeper.client_id, None)
        await keeper.stop()
        self.market.drop(keeper.link)
        self._orders.pop(keeper.client_id, None)
        self._flows.pop(keeper.client_id, None)
        keeper.store.close()

    # ------------------------------------------------------------------ connections
    def _client_id(self, kind: Kind) -> int:
        options = self.config.options
        return options.client_id if kind == "trader" else options.md_client_id

    def keeper(self, kind: Kind, client_id: int) -> Keeper:
        """The connection of a client id, made if there is none; it connects when it is started.

        Raises:
            OpenFailed: what must be kept of it cannot be kept.
        """
        keeper = self._keepers.get(client_id)
        if keeper is None:
            config = self.config
            try:
                store = Store(path_of(config.host, config.port, client_id))
            except StoreFailed as error:
                raise OpenFailed(str(error)) from error
            place = (config.host, config.port, client_id)
            keeper = self._keepers[client_id] = Keeper(self, kind, place, config.options.tws_tz, store)
            self._flows[client_id] = PrivateFlow(store, lambda: self.trading_day)
            if kind == "trader":
                self._orders[client_id] = Orders(self, keeper.link)
        return keeper

    def link_for(self, session: IbSession) -> Link:
        """The connection that a session works on."""
        return self._sessions[session].link

    async def settled(self, session: IbSession) -> None:
        """Until reconciliation is over."""
        await self._sessions[session].settled.wait()

    async def move(self, session: IbSession, client_id: int) -> OpenFailed | None:
        """Have a session work on another client id; returns why that cannot be.

        What it worked on stays open until nobody works on it.
        """
        closing = self._closing.get(client_id)
        if closing is not None:
            await asyncio.wait({closing})  # TWS would say that the client id is in use
        before = self._sessions.get(session)
        if before is None:
            return OpenFailed("released")
        keeper = self.keeper(session.kind, client_id)
        if keeper is before:
            return None
        keeper.start()
        error = await keeper.first_attempt()
        if session not in self._sessions:
            error = OpenFailed("released")
        if error is not None:
            self._tidy(keeper)
            return error
        self._sessions[session] = keeper
        self._tidy(before)
        return None

    def _tidy(self, keeper: Keeper) -> None:
        """Close the connection of a client id that nobody works on and that is not the address's own."""
        options = self.config.options
        is_own = keeper.client_id in (options.client_id, options.md_client_id)
        if not is_own and not self._is_closing and keeper not in self._sessions.values():
            closing = self._closing[keeper.client_id] = self.loop.start(self._drop(keeper))
            closing.add_done_callback(lambda _: self._closing.pop(keeper.client_id, None))

    def link_of(self, kind: Kind) -> Link:
        """The default connection of a kind of front."""
        return self.keeper(kind, self._client_id(kind)).link

    def orders_of(self, link: Link) -> Any:
        """The orders of a trading connection; None for one of market data."""
        return self._orders.get(link.client_id)

    def store_of(self, link: Link) -> Store:
        """What is kept of a client id."""
        return self._keepers[link.client_id].store

    # ------------------------------------------------------------------ what links tell
    def on_record(self, link: Link, record: Record) -> None:
        """Hand a record to the parts that hear it."""
        if type(record) in _OF_MARKET:
            self.market.on_record(link, record)
            return
        if isinstance(record, records.Problem):
            if record.code == contracts.UNKNOWN_CONTRACT:
                self.directory.distrust()
            is_of_order = link.owns_order_id(record.req_id)
            part: Any = self._orders.get(link.client_id) if is_of_order else self.market
            if part is not None:
                part.on_record(link, record)
            return
        for name in HEARD_BY.get(type(record), ()):
            part = self._orders.get(link.client_id) if name == "orders" else getattr(self, name)
            if part is not None:
                part.on_record(link, record)

    def reconcilers(self, link: Link) -> dict[str, Callable[[], asyncio.Task[object]]]:
        """What has to run before logins are answered."""
        parts = {
            "positions and money": self.ledger,
            "orders": self._orders.get(link.client_id),
            "market data": self.market,
        }
        return {
            name: partial(self._start_reconciling, part, link)
            for name, part in parts.items()
            if hasattr(part, "reconcile")
        }

    def _start_reconciling(self, part: object, link: Link) -> asyncio.Task[object]:
        return self.timers.start(_reconcile(part, link))

    def on_front(self, keeper: Keeper, reason: int) -> None:
        """The connection of some clients is up (0) or lost."""
        for session in [session for session, its in self._sessions.items() if its is keeper]:
            session.on_front(reason)

    def on_settled(self, keeper: Keeper) -> None:
        """Reconciliation is over: what is told from now on is new."""
        self._flows[keeper.client_id].settled()

    def on_warning(self, keeper: Keeper, seconds: int) -> None:
        """Nothing comes from TWS."""
        for session, its in self._sessions.items():
            if its is keeper and session.machine.is_connected:
                session.put([Event("OnHeartBeatWarning", request_id=seconds)])

    # ------------------------------------------------------------------ what sessions and parts use
    def sessions(self, kind: Kind) -> list[IbSession]:
        """The sessions of a kind that are open."""
        return [session for session in self._sessions if session.kind == kind]

    def publish(self, link: Link, account: str, event: Event) -> None:
        """Append an event (OnRtnOrder, OnRtnTrade, OnErrRtn…) to the private flow.

        Every trader session of this link that may see ``account`` gets it, numbered, now or when it logs in.
        """
        self._flows[link.client_id].append(account, event)

    def flow_of(self, link: Link) -> PrivateFlow:
        """The private flow of a client id."""
        return self._flows[link.client_id]

    def highest_order_ref(self, link: Link) -> int:
        """MaxOrderRef: no reference that is restored or was used with this client id is above it (spec ib 3.1)."""
        used = self._keepers[link.client_id].link.next_valid_id - 1
        return max(used, self._orders[link.client_id].largest_ref)

    @property
    def trading_day(self) -> str:
        """TradingDay of logins: the date in New York, from 17:00 the next weekday (spec ib 5.8)."""
        return login_trading_day(self.timers.now_ns())

    def next_session_id(self, link: Link) -> int:
        """Seconds since 2020, one more than the last when that is not above it: also than that of an earlier process.

        A program that is started again within the second would otherwise have the names of its orders before.
        """
        store = self.store_of(link)
        now = self.timers.now_ns() // 1_000_000_000 - _2020
        kept = int(store.load(_SESSION, _LAST) or b"0")
        number = max(self._last_session + 1, kept + 1, now)
        desk = self._orders.get(link.client_id)
        while desk is not None and desk.has_session(number):
            number += 1
        self._last_session = number
        store.save(_SESSION, _LAST, str(number).encode(), durable=True)
        return number

    def error_of(self, refused: records.Refused, request: Request) -> tuple[int, str]:
        """TWS's refusal as a CTP error number and its text (``IB<code>:text``)."""
        if refused.code == 0:
            return _NEED_RETRY, f"CTP:{refused.text}"
        use = _USES.get(request.method.name, "q")
        return errors.error_to_ctp(refused.code, refused.text, use), errors.message(refused.code, refused.text)

    def leave(self, session: IbSession) -> None:
        """A session has ended."""
        self.market.forget(session)
        keeper = self._sessions.pop(session, None)
        if keeper is not None:
            self._tidy(keeper)


async def _reconcile(part: Any, link: Link) -> None:
    try:
        missing = await part.reconcile(link)
    except records.LinkLost:
        return  # it runs again when there is a link
    except records.Refused as refused:
        missing = (str(refused),)
    if missing:
        log.warning("client id %d: reconciled without %s", link.client_id, ", ".join(missing))
