"""What the client library calls: each message of TWS becomes a record, or ends a request that waits for it.

The library's own wrapper keeps trades, tickers and futures whose state is wrong after many codes, and loses the second
of two requests of a kind (spec ib 2); so this one stands in its place, which both libraries allow. Names of methods are
the library's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from ctp2.ib import client_records as made
from ctp2.ib import records
from ctp2.ib.records import LinkLost, Problem, Record, Refused
from ctp2.ib.times import time_ns

if TYPE_CHECKING:
    from datetime import tzinfo

log = logging.getLogger("ctp2.ib")

READ_ONLY: Final = 321
"""In a read-only TWS the answer to requests for orders, without their number."""
OPEN_ORDERS: Final = "open orders"
COMPLETED: Final = "completed orders"
POSITIONS: Final = "positions"
TIME: Final = "time"
_ORDERS: Final = (OPEN_ORDERS, COMPLETED)
_PACING: Final = 100
_NOTICES: Final = frozenset((165, 399, 404, 492, 10090, 10167, 10349, *range(2101, 2170)))
"""Codes that end no request (spec ib 5.9)."""

_NOT_COMPUTED: Final = (-1, -2, -1, -1, -2, -2, -2, -1)
"""What TWS writes for a figure of an option that it has not computed."""


class Waiting:
    """A request that waits for its answer."""

    __slots__ = ("answer", "rows")

    def __init__(self, answer: asyncio.Future[list[Any]]) -> None:
        self.answer = answer
        self.rows: list[Any] = []

    def end(self) -> None:
        """The answer is whole."""
        if not self.answer.done():
            self.answer.set_result(self.rows)

    def fail(self, error: Exception) -> None:
        """There is no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class _Zone:
    """What the library's decoder asks of the object it belongs to."""

    def __init__(self, zone: tzinfo) -> None:
        self.TimezoneTWS = zone


class Wrapper:
    """Called by the library on the loop; ``tell`` hears the records."""

    defaultTimezone = UTC

    def __init__(self, login_zone: tzinfo, tell: Callable[[Record], None], now_ns: Callable[[], int]) -> None:
        self.ib = _Zone(login_zone)
        self._login_zone = login_zone
        self._tell = tell
        self._now_ns = now_ns
        self.waiting: dict[Hashable, Waiting] = {}
        """By request id, or by kind for those that have none."""
        self.execution_time = ""
        """The time of the execution that is being decoded, as TWS wrote it."""
        self.heard = 0.0
        """When data came last."""
        self.has_news = False
        self.on_rate: Callable[[], None] = _nothing
        self.on_refused_connection: Callable[[Problem], None] = _ignore
        """A problem of the connection itself (request id -1), before it is told."""
        self.on_closed: Callable[[], None] = _nothing

    # ------------------------------------------------------------------ requests that wait
    def expect(self, key: Hashable) -> Waiting:
        """A request goes out."""
        waiting = self.waiting[key] = Waiting(asyncio.get_running_loop().create_future())
        return waiting

    def forget(self, key: Hashable, waiting: Waiting) -> None:
        """Its answer came, or is not waited for any more."""
        if self.waiting.get(key) is waiting:
            del self.waiting[key]

    def fail_all(self, error: LinkLost) -> None:
        """The link is gone."""
        for waiting in list(self.waiting.values()):
            waiting.fail(error)
        self.waiting.clear()

    def _row(self, key: Hashable, row: Any) -> None:
        waiting = self.waiting.get(key)
        if waiting is not None:
            waiting.rows.append(row)

    def _end(self, key: Hashable) -> None:
        waiting = self.waiting.get(key)
        if waiting is not None:
            waiting.end()

    def tell(self, record: Record) -> None:
        """Pass a record on."""
        self.has_news = True
        self._tell(record)

    # ------------------------------------------------------------------ the connection
    def connectAck(self) -> None:
        """The handshake is over."""

    def setEventsDone(self) -> None:
        """There are no events of the library here."""

    def connectionClosed(self) -> None:
        """The link was up and is gone."""
        self.on_closed()

    def tcpDataProcessed(self) -> None:
        """A packet has been told."""
        if self.has_news:
            self.has_news = False
            self._tell(PACKET_END)

    def nextValidId(self, order_id: int) -> None:
        """The next id that TWS would give."""
        self.tell(records.NextId(order_id))

    def managedAccounts(self, text: str) -> None:
        """The accounts; the list of several ends with a comma."""
        self.tell(records.ManagedAccounts(tuple(name for name in text.split(",") if name)))

    def currentTime(self, seconds: int) -> None:
        """The server's clock."""
        self._row(TIME, seconds)
        self._end(TIME)

    def error(self, req_id: int, code: int, text: str, advanced: str = "") -> None:
        """A refusal, a notice, or a state of the connection."""
        text = made.decoded(text)
        problem = Problem(req_id, code, text, advanced)
        if code == _PACING:
            self.on_rate()
        waiting = self.waiting.get(req_id) if req_id != -1 else None
        if waiting is not None and code not in _NOTICES:
            waiting.fail(Refused(code, text))
            return
        if req_id == -1:
            self.on_refused_connection(problem)
            if code == READ_ONLY:
                for kind in _ORDERS:
                    unanswered = self.waiting.get(kind)
                    if unanswered is not None:
                        unanswered.fail(Refused(code, text))
        self.tell(problem)

    # ------------------------------------------------------------------ contracts
    def contractDetails(self, req_id: int, found: Any) -> None:
        """A row."""
        self._row(req_id, made.details(found))

    def bondContractDetails(self, req_id: int, found: Any) -> None:
        """A row of a bond."""
        self._row(req_id, made.details(found))

    def contractDetailsEnd(self, req_id: int) -> None:
        """All rows are in."""
        self._end(req_id)

    def symbolSamples(self, req_id: int, found: list[Any]) -> None:
        """All candidates at once."""
        for candidate in found:
            self._row(req_id, made.candidate(candidate))
        self._end(req_id)

    def securityDefinitionOptionParameter(
        self, req_id: int, exchange: str, under: Any, trading_class: str, multiplier: str, dates: Any, strikes: Any
    ) -> None:
        """The options of an underlying on one exchange."""
        chain = records.OptionChain(
            exchange, int(under or 0), trading_class, multiplier, tuple(sorted(dates)), tuple(sorted(strikes))
        )
        self._row(req_id, chain)

    def securityDefinitionOptionParameterEnd(self, req_id: int) -> None:
        """All exchanges are in."""
        self._end(req_id)

    def marketRule(self, rule_id: int, increments: list[Any]) -> None:
        """The increments of a market."""
        key = ("market rule", rule_id)
        for step in increments:
            self._row(key, records.PriceIncrement(step.lowEdge, step.increment))
        self._end(key)

    # ------------------------------------------------------------------ orders
    def openOrder(self, order_id: int, contract: Any, order: Any, state: Any) -> None:
        """An open order: asked for, changed, or the answer of a what-if."""
        row = made.open_order(order_id, contract, order, state)
        if row.spec.what_if:
            # Never an order: nobody but who asked may hear of it.
            self._row(order_id, row)
            self._end(order_id)
            return
        self._row(OPEN_ORDERS, row)
        self.tell(row)

    def openOrderEnd(self) -> None:
        """All open orders are in."""
        self._end(OPEN_ORDERS)

    def orderStatus(
        self,
        order_id: int,
        status: str,
        filled: float,
        remaining: float,
        avg_fill_price: float,
        perm_id: int,
        parent_id: int,
        last_fill_price: float,
        client_id: int,
        why_held: str,
        mkt_cap_price: float = 0.0,
    ) -> None:
        """How an order stands."""
        self.tell(
            records.OrderStatus(
                order_id,
                status,
                filled,
                remaining,
                avg_fill_price,
                perm_id,
                parent_id,
                last_fill_price,
                client_id,
                why_held,
                mkt_cap_price,
            )
        )

    def completedOrder(self, contract: Any, order: Any, state: Any) -> None:
        """An order that has ended."""
        row = made.completed_order(contract, order, state)
        self._row(COMPLETED, row)
        self.tell(row)

    def completedOrdersEnd(self) -> None:
        """All of them are in."""
        self._end(COMPLETED)

    def execDetails(self, req_id: int, contract: Any, done: Any) -> None:
        """An execution."""
        row = made.execution(req_id, contract, done, self._time_of_execution())
        self._row(req_id, row)
        self.tell(row)

    def _time_of_execution(self) -> int:
        try:
            return time_ns(self.execution_time, self._login_zone)
        except ValueError as error:
            # A fill must not be lost for its time: it happened about now, or it is in today's list.
            log.warning("an execution's time cannot be read, that of its arrival is taken: %s", error)
            return self._now_ns()

    def execDetailsEnd(self, req_id: int) -> None:
        """All executions are in."""
        self._end(req_id)

    def commissionReport(self, found: Any) -> None:
        """What an execution cost."""
        self.tell(made.commission(found))

    # ------------------------------------------------------------------ positions and money
    def position(self, account: str, contract: Any, position: float, avg_cost: float) -> None:
        """A position."""
        row = records.PositionRow(account, made.contract(contract), position, made.number(avg_cost) or 0.0)
        self._row(POSITIONS, row)
        self.tell(row)

    def positionEnd(self) -> None:
        """All positions are in."""
        self._end(POSITIONS)
        self.tell(records.PositionEnd())

    def updatePortfolio(
        self,
        contract: Any,
        position: float,
        price: float,
        value: float,
        cost: float,
        unrealized: float,
        realized: float,
        account: str,
    ) -> None:
        """A row of the portfolio."""
        self.tell(made.portfolio_row(contract, position, price, value, cost, unrealized, realized, account))

    def updateAccountValue(self, tag: str, value: str, currency: str, account: str) -> None:
        """A figure of an account."""
        self.tell(records.AccountValue(account, tag, value, currency))

    def accountDownloadEnd(self, account: str) -> None:
        """All figures of an account are in."""
        # An alias of several accounts is answered without a name.
        for key in [key for key in self.waiting if isinstance(key, tuple) and key[0] == "account"]:
            if not account or key[1] in ("", account):
                self._end(key)
        self.tell(records.AccountDownloadEnd(account))

    def accountSummary(self, req_id: int, account: str, tag: str, value: str, currency: str) -> None:
        """A figure of the summary."""
        row = records.SummaryRow(req_id, account, tag, value, currency)
        self._row(req_id, row)
        self.tell(row)

    def accountSummaryEnd(self, req_id: int) -> None:
        """The first figures are in."""
        self._end(req_id)

    # ------------------------------------------------------------------ market data (ctp2.ib.client_ticks has the rest)
    def tickOptionComputation(
        self,
        req_id: int,
        tick: int,
        attribute: int,
        implied: float,
        delta: float,
        price: float,
        dividend: float,
        gamma: float,
        vega: float,
        theta: float,
        under: float,
    ) -> None:
        """An option's figures."""
        found = (implied, delta, price, dividend, gamma, vega, theta, under)
        figures = (
            None if value == none else made.number(value) for value, none in zip(found, _NOT_COMPUTED, strict=True)
        )
        self.tell(records.TickOption(req_id, tick, *figures))

    def tickReqParams(self, req_id: int, min_tick: float, exchange: str, permissions: int) -> None:
        """What a subscription is like."""
        self.tell(records.TickParams(req_id, min_tick, exchange, permissions))

    def marketDataType(self, req_id: int, number: int) -> None:
        """Live or delayed."""
        self.tell(records.DataType(req_id, number))

    def updateMktDepth(self, req_id: int, position: int, operation: int, side: int, price: float, size: float) -> None:
        """A row of the depth."""
        self.tell(records.DepthRow(req_id, position, operation, side, price, size))

    def updateMktDepthL2(
        self,
        req_id: int,
        position: int,
        maker: str,
        operation: int,
        side: int,
        price: float,
        size: float,
        is_smart: bool = False,
    ) -> None:
        """A row of the depth, with its venue."""
        self.tell(records.DepthRow(req_id, position, operation, side, price, size, maker, is_smart))

    def tickSnapshotEnd(self, req_id: int) -> None:
        """A snapshot is whole."""
        self.tell(records.SnapshotEnd(req_id))


PACKET_END: Final = records.PacketEnd()


def _nothing() -> None:
    return None


def _ignore(problem: Problem) -> None:
    return None
