"""The seam between what knows TWS (``client``) and what knows CTP (every other part). All on the loop's thread."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import asyncio

    from ctp2.core.backend import Alarm
    from ctp2.ib.records import (
        Candidate,
        CompletedOrder,
        Contract,
        Details,
        Execution,
        OpenOrder,
        OptionChain,
        OrderSpec,
        PositionRow,
        PriceIncrement,
        Record,
        SummaryRow,
    )

Role = Literal["trader", "md"]


class Timers(Protocol):
    """Time on the loop; tests hand in one that they move themselves."""

    def now_ns(self) -> int:
        """The wall clock, UTC nanoseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that only go forward, for time-outs."""

    def later(self, seconds: float, call: Callable[[], object]) -> Alarm:
        """Have ``call`` made after so long; ``cancel()`` of what is returned prevents it."""

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let some work run by itself; what it raises is logged as an error of ours."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Listener(Protocol):
    """Who hears what a link tells."""

    def on_record(self, link: Link, record: Record) -> None:
        """Something came. Never raises, never waits; requests may be sent from here (they are queued)."""


class Link(Protocol):
    """One connection to TWS under one client id. On the loop's thread.

    The plain calls put a message into the queue of :mod:`ctp2.ib.pacing` and return; they raise
    :class:`~ctp2.ib.records.LinkLost` when the link is down. What TWS answers to them comes as records to the listener,
    a refusal as a :class:`~ctp2.ib.records.Problem` with the request's id.

    The ``async`` calls wait for their answer (30 s unless said otherwise) and raise
    :class:`~ctp2.ib.records.Refused` with TWS's code and text (code 0: no answer came in time), or ``LinkLost``.
    Those of one kind without a number of their own (positions, open orders, executions …) are served one after the
    other. What they return has been told to the listener as records, too, except what ``details``, ``matching``,
    ``option_params`` and ``market_rule`` return.
    """

    role: Role
    client_id: int
    is_up: bool
    """Whether requests can be sent now."""
    is_cut_off: bool
    """TWS has lost IB (1100): orders are refused with error 8 (FRONT_NOT_ACTIVE)."""
    server_version: int
    accounts: tuple[str, ...]
    """The managed accounts that TWS told last; kept while the link is down."""

    def next_order_id(self) -> int:
        """A fresh id, above every one that was ever used with this host, port and client id; noted on disk first."""

    def owns_order_id(self, order_id: int) -> bool:
        """Whether :meth:`next_order_id` gave this id for an order (data requests use the same counter, spec 5.9)."""

    def own_order_id(self, order_id: int) -> None:
        """An open order of this client was restored: what is said of its id is said of an order."""

    def place(self, spec: OrderSpec, contract: Contract) -> None:
        """``placeOrder`` with ``spec.order_id``; one that is live already is modified."""

    def cancel(self, order_id: int) -> None:
        """``cancelOrder``; overtakes everything that waits in the queue."""

    def market_data(self, contract: Contract, generic: str = "", snapshot: bool = False) -> int:
        """``reqMktData`` → its id. ``generic`` is a comma-separated list of generic tick types."""

    def cancel_market_data(self, req_id: int) -> None:
        """``cancelMktData``. A request that still waits in the queue is taken out of it, and nothing is sent."""

    def is_unsent(self, req_id: int) -> bool:
        """Whether a subscription waits for its turn still."""

    def depth(self, contract: Contract, rows: int = 20, smart: bool = False) -> int:
        """``reqMktDepth`` → its id."""

    def cancel_depth(self, req_id: int, smart: bool = False) -> None:
        """``cancelMktDepth``."""

    def data_type(self, number: int) -> None:
        """``reqMarketDataType``: 1 live, 3 delayed, 4 delayed frozen."""

    async def details(self, contract: Contract) -> list[Details]:
        """``reqContractDetails``. An unknown contract is ``Refused(200, …)``."""

    async def matching(self, pattern: str) -> list[Candidate]:
        """``reqMatchingSymbols``."""

    async def option_params(self, symbol: str, exchange: str, sec_type: str, con_id: int) -> list[OptionChain]:
        """``reqSecDefOptParams`` of an underlying; ``exchange`` empty: all."""

    async def market_rule(self, rule_id: int) -> list[PriceIncrement]:
        """``reqMarketRule``."""

    async def open_orders(self) -> list[OpenOrder]:
        """``reqOpenOrders``: this client's. Their ``orderStatus`` came as records in between."""

    async def all_open_orders(self) -> list[OpenOrder]:
        """``reqAllOpenOrders``: every client's, without binding them."""

    async def completed_orders(self) -> list[CompletedOrder]:
        """``reqCompletedOrders(apiOnly=False)``."""

    async def executions(self, account: str = "") -> list[Execution]:
        """``reqExecutions`` of the day, of all clients; commission reports come as records."""

    async def positions(self) -> list[PositionRow]:
        """``reqPositions``; TWS goes on telling changes as records until :meth:`cancel_positions`."""

    def cancel_positions(self) -> None:
        """``cancelPositions``."""

    async def summary(self, tags: str, group: str = "All") -> tuple[int, list[SummaryRow]]:
        """``reqAccountSummary`` → its id and the first rows; changes follow as records until it is cancelled."""

    def cancel_summary(self, req_id: int) -> None:
        """``cancelAccountSummary``."""

    async def account_updates(self, account: str) -> None:
        """``reqAccountUpdates`` of one account, until its download has ended; updates follow as records."""

    def cancel_account_updates(self, account: str) -> None:
        """End :meth:`account_updates`."""

    async def what_if(self, spec: OrderSpec, contract: Contract) -> OpenOrder:
        """``placeOrder`` with ``whatIf`` under a fresh id → the ``openOrder`` with margins and commission."""

    async def server_time(self) -> int:
        """``reqCurrentTime`` → seconds since 1970."""


Rows = Sequence[Any]
