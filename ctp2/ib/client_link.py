"""The requests of :class:`ctp2.ib.link.Link`, said in the client library's words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ctp2.core.errors import LinkLost as CoreLinkLost
from ctp2.ib.client import Connection
from ctp2.ib.client_wrapper import COMPLETED, OPEN_ORDERS, POSITIONS, TIME
from ctp2.ib.pacing import Priority
from ctp2.ib.records import (
    Candidate,
    CompletedOrder,
    Contract,
    Details,
    Execution,
    LinkLost,
    ManagedAccounts,
    OpenOrder,
    OptionChain,
    OrderSpec,
    PositionRow,
    PriceIncrement,
    Record,
    SummaryRow,
)

if TYPE_CHECKING:
    from ctp2.ib.link import Listener, Role, Timers
    from ctp2.ib.store import Store

log = logging.getLogger("ctp2.ib")

MAX_ID: Final = 2**31 - 1
_MARK: Final = "order id"
_BLOCK: Final = 64
"""Ids that are noted as used at a time: one write to the disk for so many orders. After a crash some are skipped."""


class TwsLink:
    """A link over the client library. On the loop's thread."""

    def __init__(
        self,
        role: Role,
        client_id: int,
        tws_tz: str,
        timers: Timers,
        store: Store,
        listener: Listener,
        lost: Callable[[CoreLinkLost], None],
    ) -> None:
        self.role: Role = role
        self.client_id = client_id
        self.is_up = False
        self.is_cut_off = False
        self.server_version = 0
        self.accounts: tuple[str, ...] = ()
        self.next_valid_id = 0
        self._store = store
        self._listener = listener
        self._on_lost = lost
        self._connection = Connection(timers, client_id, tws_tz, self.tell, self._lost)
        self._order_ids: set[int] = set()
        self._noted = int(store.load(_MARK, "highest") or b"0")
        """The highest id that the disk says may have been used."""
        self._depths: dict[int, bool] = {}
        self._account = ""
        """The account whose updates were asked for."""

    # ------------------------------------------------------------------ the connection
    async def open(self, host: str, port: int) -> None:
        """Connect.

        Raises:
            OpenFailed: as :meth:`ctp2.ib.client.Connection.open`.
        """
        connection = self._connection
        await connection.open(host, port)
        self.server_version = connection.server_version
        self.next_valid_id = connection.raise_ids(0)
        connection.raise_ids(self._noted + 1)
        self.is_up = True
        if self.client_id == 0:
            # Client 0 alone may also have the orders that are made in TWS itself.
            self._send(Priority.QUERY, lambda client: client.reqAutoOpenOrders(True))

    async def close(self) -> None:
        """Disconnect."""
        self.is_up = False
        await self._connection.close()

    def cut(self, why: CoreLinkLost) -> None:
        """Break the link; ``lost`` hears why."""
        self._connection.cut(why)

    @property
    def heard(self) -> float:
        """When data came last."""
        return self._connection.wrapper.heard

    @property
    def backlog(self) -> int:
        """Messages that wait for their turn."""
        return self._connection.pacer.depth

    def tell(self, record: Record) -> None:
        """Tell the listener."""
        if isinstance(record, ManagedAccounts):
            # An empty list, which TWS sends while it is starting, takes no account away.
            self.accounts = tuple(name for name in record.accounts if not _is_alias(name)) or self.accounts
        self._listener.on_record(self, record)

    def _lost(self, why: CoreLinkLost) -> None:
        self.is_up = False
        self._depths.clear()
        self._account = ""
        self._on_lost(why)

    # ------------------------------------------------------------------ numbers
    def next_order_id(self) -> int:
        """A fresh order id, noted on the disk first.

        Raises:
            LinkLost: the link is down, or there are no ids left.
        """
        number = self._connection.next_id()
        if number > self._noted:
            self._noted = min(number + _BLOCK, MAX_ID)
            self._store.save(_MARK, "highest", str(self._noted).encode(), durable=True)
        if number >= MAX_ID:
            raise LinkLost(f"client id {self.client_id} has used all order ids: choose another client_id")
        self._order_ids.add(number)
        return number

    def owns_order_id(self, order_id: int) -> bool:
        """Whether an id was given for an order, by this process or an earlier one whose order was told."""
        return order_id in self._order_ids

    def own_order_id(self, order_id: int) -> None:
        """An open order of this client was restored: what is said of its id is said of an order."""
        self._order_ids.add(order_id)

    # ------------------------------------------------------------------ messages
    def _send(self, priority: Priority, call: Callable[[Any], object], key: object = None) -> None:
        self._connection.send(priority, call, key)

    def place(self, spec: OrderSpec, contract: Contract) -> None:
        """Place or modify an order."""
        wanted, order = self._connection.contract(contract), self._connection.order(spec)
        number = spec.order_id
        self._send(Priority.INSERT, lambda client: client.placeOrder(number, wanted, order), ("place", number))

    def cancel(self, order_id: int) -> None:
        """Cancel an order; never before its placement has gone out."""
        is_placing = self._connection.pacer.is_waiting(("place", order_id))
        priority = Priority.INSERT if is_placing else Priority.CANCEL
        self._send(priority, lambda client: client.cancelOrder(order_id))

    def market_data(self, contract: Contract, generic: str = "", snapshot: bool = False) -> int:
        """Subscribe."""
        number, wanted = self._connection.next_id(), self._connection.contract(contract)
        self._send(
            Priority.SUBSCRIBE,
            lambda client: client.reqMktData(number, wanted, generic, snapshot, False, []),
            number,
        )
        return number

    def cancel_market_data(self, req_id: int) -> None:
        """Unsubscribe."""
        if not self._connection.pacer.discard(req_id):
            self._send(Priority.SUBSCRIBE, lambda client: client.cancelMktData(req_id))

    def is_unsent(self, req_id: int) -> bool:
        """Whether a subscription waits for its turn still."""
        return self._connection.pacer.is_waiting(req_id)

    def depth(self, contract: Contract, rows: int = 20, smart: bool = False) -> int:
        """Subscribe the depth."""
        number, wanted = self._connection.next_id(), self._connection.contract(contract)
        self._depths[number] = smart
        self._send(Priority.SUBSCRIBE, lambda client: client.reqMktDepth(number, wanted, rows, smart, []), number)
        return number

    def cancel_depth(self, req_id: int, smart: bool = False) -> None:
        """Unsubscribe the depth."""
        is_smart = self._depths.pop(req_id, smart)
        if not self._connection.pacer.discard(req_id):
            self._send(Priority.SUBSCRIBE, lambda client: client.cancelMktDepth(req_id, is_smart))

    def data_type(self, number: int) -> None:
        """Live or delayed. Before the subscriptions that it is for, hence with their priority."""
        self._send(Priority.SUBSCRIBE, lambda client: client.reqMarketDataType(number))

    # ------------------------------------------------------------------ questions
    async def details(self, contract: Contract) -> list[Details]:
        """Contract details."""
        wanted = self._connection.contract(contract)
        _, rows = await self._connection.ask_numbered(lambda client, number: client.reqContractDetails(number, wanted))
        return rows

    async def matching(self, pattern: str) -> list[Candidate]:
        """Matching symbols."""
        _, rows = await self._connection.ask_numbered(lambda client, number: client.reqMatchingSymbols(number, pattern))
        return rows

    async def option_params(self, symbol: str, exchange: str, sec_type: str, con_id: int) -> list[OptionChain]:
        """The options of an underlying."""
        _, rows = await self._connection.ask_numbered(
            lambda client, number: client.reqSecDefOptParams(number, symbol, exchange, sec_type, con_id)
        )
        return rows

    async def market_rule(self, rule_id: int) -> list[PriceIncrement]:
        """The increments of a market."""
        key = ("market rule", rule_id)
        return await self._connection.one(
            f"market rule {rule_id}",
            lambda: self._connection.ask(key, Priority.QUERY, lambda client: client.reqMarketRule(rule_id)),
        )

    async def open_orders(self) -> list[OpenOrder]:
        """This client's open orders."""
        return await self._connection.ask_kind(OPEN_ORDERS, lambda client: client.reqOpenOrders())

    async def all_open_orders(self) -> list[OpenOrder]:
        """Every client's open orders."""
        return await self._connection.ask_kind(OPEN_ORDERS, lambda client: client.reqAllOpenOrders())

    async def completed_orders(self) -> list[CompletedOrder]:
        """The orders that ended today."""
        return await self._connection.ask_kind(COMPLETED, lambda client: client.reqCompletedOrders(False))

    async def executions(self, account: str = "") -> list[Execution]:
        """The executions of the day."""
        wanted = self._connection.library.ExecutionFilter(acctCode=account)
        _, rows = await self._connection.ask_numbered(lambda client, number: client.reqExecutions(number, wanted))
        return rows

    async def positions(self) -> list[PositionRow]:
        """All positions; changes follow."""
        return await self._connection.ask_kind(POSITIONS, lambda client: client.reqPositions())

    def cancel_positions(self) -> None:
        """No more changes of positions."""
        self._send(Priority.QUERY, lambda client: client.cancelPositions())

    async def summary(self, tags: str, group: str = "All") -> tuple[int, list[SummaryRow]]:
        """The summary; changes follow."""
        return await self._connection.ask_numbered(lambda client, number: client.reqAccountSummary(number, group, tags))

    def cancel_summary(self, req_id: int) -> None:
        """No more changes of the summary."""
        self._send(Priority.QUERY, lambda client: client.cancelAccountSummary(req_id))

    async def account_updates(self, account: str) -> None:
        """The figures of an account; changes follow."""
        key = ("account", account)
        self._account = account
        await self._connection.one(
            "account",
            lambda: self._connection.ask(key, Priority.QUERY, lambda client: client.reqAccountUpdates(True, account)),
        )

    def cancel_account_updates(self, account: str) -> None:
        """No more changes of an account."""
        self._account = ""
        self._send(Priority.QUERY, lambda client: client.reqAccountUpdates(False, account))

    def renew_account_updates(self) -> None:
        """Something has ended the updates of the account (2100): ask for them again."""
        account = self._account
        if account and self.is_up:
            self._send(Priority.QUERY, lambda client: client.reqAccountUpdates(True, account))

    async def what_if(self, spec: OrderSpec, contract: Contract) -> OpenOrder:
        """What an order would need, without placing it."""
        number = self.next_order_id()
        self._order_ids.discard(number)  # what is said of it answers this question
        asked = msgspec.structs.replace(spec, order_id=number, what_if=True)
        wanted, order = self._connection.contract(contract), self._connection.order(asked)
        rows = await self._connection.ask(
            number, Priority.QUERY, lambda client: client.placeOrder(number, wanted, order)
        )
        found: OpenOrder = rows[0]
        return found

    async def server_time(self) -> int:
        """The server's clock."""
        (seconds,) = (await self._connection.ask_kind(TIME, lambda client: client.reqCurrentTime()))[:1]
        return int(seconds)


def _is_alias(name: str) -> bool:
    """Whether a managed account is a name for several, which nothing can be traded in (spec ib 3.1)."""
    return name == "All" or name.endswith("A")
