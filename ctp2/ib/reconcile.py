"""What TWS knows of orders, compared with what we know: after connecting (spec ib 3.3), and for single doubts.

Answers are read in a fixed order, however they come: open orders, the executions by time, then completed orders, whose
rows say how an order ended and must find its executions told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ctp2.ib import order_state as s
from ctp2.ib.identity import read_tag
from ctp2.ib.records import CompletedOrder, Execution, LinkLost, OpenOrder, Refused

if TYPE_CHECKING:
    from ctp2.ib.desk import Orders
    from ctp2.ib.order_state import Order

log = logging.getLogger("ctp2.ib")

T = TypeVar("T")

STEP_S: Final = 4.5
"""A step that takes longer is left out: some never end (ib_insync #224, #355), and a login waits 15 s (3.1)."""


class Reconciler:
    """The questions of one desk. On the loop's thread."""

    def __init__(self, desk: Orders) -> None:
        self._desk = desk
        self._doubtful: dict[int, Order] = {}
        self._task: asyncio.Task[Any] | None = None

    # ------------------------------------------------------------------ everything
    async def reconcile(self) -> Sequence[str]:
        """Ask for everything and take it; the names of what TWS did not tell.

        Raises:
            LinkLost: there is no answer.
        """
        desk = self._desk
        before = list(desk.live.values())
        missing: list[str] = []
        listed: list[OpenOrder] | None = []
        ended: list[CompletedOrder] | None = []
        # A read-only TWS answers neither, and may not even say so (321).
        if desk.options.readonly == "0":
            listed = await self._step("open orders", self._open_orders(), missing)
            ended = await self._step("completed orders", desk.link.completed_orders(), missing)
        filled = await self._step("executions", desk.link.executions(), missing)
        await desk.settled()
        self._adopt_completed(ended or ())
        await desk.settled()
        self._revise(ended or ())
        self.take_executions(filled or ())
        await desk.settled()
        self._take_completed(ended or ())
        if not missing:
            self._judge(before, listed or ())
        else:
            self._later(before)
        return missing

    async def _step(self, name: str, work: Coroutine[Any, Any, T], missing: list[str]) -> T | None:
        """The answer, if it comes in time; what does not is left out and noted."""
        timers = self._desk.timers
        task = timers.start(_outcome(work))
        limit = timers.start(timers.sleep(STEP_S))
        try:
            await asyncio.wait((task, limit), return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
            if not task.done():
                task.cancel()
        outcome: T | Refused | LinkLost = Refused(0, "no answer in time")
        if task.done() and not task.cancelled():
            outcome = task.result()
        if isinstance(outcome, LinkLost):
            raise outcome
        if isinstance(outcome, Refused):
            log.warning("%s: %s", name, outcome)
            missing.append(name)
            return None
        return outcome

    async def _open_orders(self) -> list[OpenOrder]:
        """Our own, and everybody's where the option says so."""
        desk = self._desk
        rows = await desk.link.open_orders()
        if desk.options.foreign_orders == "1":
            rows = rows + await desk.link.all_open_orders()
        return rows

    def _judge(self, known: Iterable[Order], listed: Iterable[OpenOrder]) -> None:
        """Which of the orders that were live before are still listed, and which are not."""
        rows = self._rows(listed)
        for order in known:
            row = rows.get(id(order))
            if row is not None:
                self._desk.apply(order, s.Found(row))
            elif not order.is_final:
                self._desk.apply(order, s.Missing())

    def _rows(self, listed: Iterable[OpenOrder]) -> dict[int, OpenOrder]:
        found: dict[int, OpenOrder] = {}
        for row in listed:
            order = self._desk.find(row.perm_id, read_tag(row.spec.order_ref), (row.client_id, row.order_id))
            if order is not None:
                found[id(order)] = row
        return found

    # ------------------------------------------------------------------ executions and completed orders
    def take_executions(self, filled: Iterable[Execution]) -> None:
        """Tell those that were not told, by time, then by execId (3.3, 5)."""
        for record in sorted(filled, key=lambda record: (record.time_ns, record.exec_id)):
            self._desk.take_execution(record)

    def _adopt_completed(self, ended: Iterable[CompletedOrder]) -> None:
        """Know the ended orders of earlier sessions by their tags, before their executions come."""
        desk = self._desk
        for row in ended:
            tag = read_tag(row.spec.order_ref)
            is_shown = tag is not None or desk.options.foreign_orders == "1"
            is_known = desk.find(row.perm_id, tag, (0, 0)) is not None
            if is_shown and not is_known and row.contract.sec_type != "BAG":
                desk.adopt(row)

    def _revise(self, ended: Iterable[CompletedOrder]) -> None:
        for row, order in self._of_completed(ended):
            self._desk.apply(order, s.Revised(row.spec))

    def _take_completed(self, ended: Iterable[CompletedOrder]) -> None:
        for row, order in self._of_completed(ended):
            self._desk.apply(order, row)

    def _of_completed(self, ended: Iterable[CompletedOrder]) -> Iterator[tuple[CompletedOrder, Order]]:
        for row in ended:
            order = self._desk.find(row.perm_id, read_tag(row.spec.order_ref), (0, 0))
            if order is not None:
                yield row, order

    async def ask_fills(self) -> None:
        """The executions of the day, as ``orderStatus`` told of some that did not come."""
        try:
            filled = await self._desk.link.executions()
        except (Refused, LinkLost) as failure:
            log.warning("executions that did not come were asked for: %s", failure)
            return
        self.take_executions(filled)

    # ------------------------------------------------------------------ single doubts
    def inquire(self, order: Order) -> None:
        """Look for the order among TWS's; doubts that come meanwhile wait for the next look."""
        self._doubtful[id(order)] = order
        if self._task is None or self._task.done():
            self._task = self._desk.timers.start(self._look())

    def forget(self) -> None:
        """The link broke: everything is asked for after reconnecting."""
        self._doubtful.clear()

    async def _look(self) -> None:
        while self._doubtful:
            doubtful = list(self._doubtful.values())
            self._doubtful.clear()
            try:
                await self._decide(doubtful)
            except LinkLost as lost:
                log.info("open orders were asked for: %s", lost)
                return
            except Refused as refused:
                log.warning("open orders were asked for: %s", refused)
                self._later(doubtful)

    async def _decide(self, doubtful: list[Order]) -> None:
        desk = self._desk
        listed = await self._open_orders()
        rows = self._rows(listed)
        if any(id(order) not in rows for order in doubtful):
            ended = await desk.link.completed_orders()
            filled = await desk.link.executions()
            self._revise(ended)
            self.take_executions(filled)
            self._take_completed(ended)
        self._judge(doubtful, listed)

    def _later(self, doubtful: Iterable[Order]) -> None:
        """Ask again for those that nobody told of."""
        left = [order for order in doubtful if not order.is_final]
        if left:
            self._desk.timers.later(s.AGAIN_S, lambda: self._again(left))

    def _again(self, left: Iterable[Order]) -> None:
        if not self._desk.link.is_up:
            return
        for order in left:
            if not order.is_final:
                self.inquire(order)


async def _outcome(work: Coroutine[Any, Any, T]) -> T | Refused | LinkLost:
    """What went wrong as a result: whoever waits may have gone by then."""
    try:
        return await work
    except (Refused, LinkLost) as failure:
        return failure
