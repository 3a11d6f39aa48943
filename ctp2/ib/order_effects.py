"""What an order's decisions lead to: callbacks, messages to TWS, timers, lines in the log (spec ib 5.2–5.5)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from ctp2.core.backend import Event
from ctp2.ctp.errors import rsp_info
from ctp2.ib import order_state as s
from ctp2.ib import translate_reports as translate
from ctp2.ib.hours import login_trading_day
from ctp2.ib.identity import split_revision, trade_id
from ctp2.ib.records import LinkLost

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.desk import Orders
    from ctp2.ib.order_state import Order
    from ctp2.ib.parts import Asking
    from ctp2.ib.records import Execution
    from ctp2.ib.store import Store

log = logging.getLogger("ctp2.ib")

_KEPT_DAYS: Final = 10
"""So many trading days of executions are remembered on disk; TWS tells those of one day."""
_TABLE: Final = "executions"


class Origin(NamedTuple):
    """Who asked, and on which of its connections: another one has its outcome already."""

    session: Asking
    request: Request
    connection: int

    @classmethod
    def of(cls, session: Asking, request: Request) -> Origin:
        """The client as it is now."""
        return cls(session, request, session.machine.connection)

    @property
    def is_there(self) -> bool:
        """Whether it still waits for an outcome."""
        machine = self.session.machine
        return machine.is_connected and machine.connection == self.connection


class Trades:
    """Which execution a TradeID was made of: kept on disk, as a correction must not make another one (5.3, 5.5)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = {base: value.decode().partition(" ") for base, value in store.rows(_TABLE).items()}

    def exec_id(self, base: str) -> str | None:
        """The execution as it was first told, of any of its revisions."""
        found = self._known.get(base)
        return found[2] if found else None

    def first(self, exec_id: str, day: str) -> str:
        """The execution that TradeID is made of: this one, unless another revision was told before."""
        base = split_revision(exec_id)[0]
        found = self._known.get(base)
        if found is None:
            found = self._known[base] = (day, " ", exec_id)
            self._store.save(_TABLE, base, f"{day} {exec_id}".encode())
        return found[2]

    def roll(self, day: str) -> None:
        """Forget the oldest days."""
        days = sorted({day, *(found[0] for found in self._known.values())})[-_KEPT_DAYS:]
        old = [base for base, found in self._known.items() if found[0] < days[0]]
        with self._store.together():
            for base in old:
                del self._known[base]
                self._store.drop(_TABLE, base)


class Effects:
    """Does what reports say."""

    def __init__(self, desk: Orders) -> None:
        self._desk = desk
        self.trades = Trades(desk.backend.store_of(desk.link))
        self.rows: dict[int, Any] = {}
        """``OnRtnOrder`` as it was last told, by the order's number."""
        self.done: list[tuple[Order, Execution, Any]] = []
        """Every ``OnRtnTrade`` of the day."""
        self._sequence = 0
        self._do: Final[dict[type, Callable[[Order, Any], None]]] = {
            s.Changed: self._changed,
            s.Traded: self._traded,
            s.InsertRefused: self._insert_refused,
            s.ActionRefused: self._action_refused,
            s.Remark: self._remark,
            s.Wait: self._wait,
            s.SendCancel: self._send_cancel,
            s.SendModify: self._send_modify,
            s.Resend: self._resend,
            s.AskFills: self._ask_fills,
            s.Inquire: self._inquire,
        }

    def do(self, order: Order, reports: list[s.Report]) -> None:
        """All of them, in their order."""
        for report in reports:
            self._do[type(report)](order, report)

    def roll(self, day: str) -> None:
        """Another trading day has begun."""
        self.done = [row for row in self.done if login_trading_day(row[1].time_ns) >= day]
        known = {order.seq for order in self._desk.all()}
        self.rows = {number: row for number, row in self.rows.items() if number in known}
        self.trades.roll(day)

    # ------------------------------------------------------------------ callbacks
    def _changed(self, order: Order, report: s.Changed) -> None:
        self._sequence += 1
        zone = translate.clock_of(order.listing, self._desk.options.tz)
        row = translate.order_to_ctp(order, report.shown, zone, self._sequence)
        self.rows[order.seq] = row
        self._desk.publish(order.account, Event("OnRtnOrder", row))

    def _traded(self, order: Order, report: s.Traded) -> None:
        execution = report.execution
        exec_id = self.trades.first(execution.exec_id, login_trading_day(execution.time_ns))
        log.info("%s: %g at %g on %s", exec_id, execution.shares, execution.price, execution.exchange)
        zone = translate.clock_of(order.listing, self._desk.options.tz)
        for offset, volume, suffix in self._parts(order, report):
            self._sequence += 1
            row = translate.trade_to_ctp(
                order,
                execution,
                zone,
                trade_id=trade_id(exec_id, suffix),
                offset=offset,
                volume=volume,
                sequence=self._sequence,
            )
            self.done.append((order, execution, row))
            self._desk.publish(order.account, Event("OnRtnTrade", row))

    def _parts(self, order: Order, report: s.Traded) -> list[tuple[str, int, str]]:
        """(offset, volume, what TradeID adds): the flag that was asked for, else what it did to the position (5.7)."""
        if order.is_tagged:
            return [(order.offset, report.volume, "")]
        parts = self._desk.backend.ledger.parts(report.execution)
        found: list[tuple[str, int, str]] = []
        left = report.volume
        for part in parts[:-1]:
            volume = min(order.lots(float(part.quantity)), left)
            left -= volume
            found.append((part.offset, volume, part.suffix))
        found.append((parts[-1].offset, left, parts[-1].suffix))
        return [part for part in found if part[1]]

    def _insert_refused(self, order: Order, report: s.InsertRefused) -> None:
        origin: Origin | None = order.origin
        if origin is not None and origin.is_there:
            origin.session.refuse(origin.request, report.error_id, report.text)
        else:
            log.warning("order %s was refused: %s", order.key.order_ref, report.text)

    def _action_refused(self, order: Order, report: s.ActionRefused) -> None:
        origin: Origin = report.action.origin
        info = rsp_info(report.error_id, report.text)
        if not origin.is_there:
            log.warning("an action on order %s was refused: %s", order.key.order_ref, info.ErrorMsg)
            return
        request = origin.request
        zone = translate.clock_of(order.listing, self._desk.options.tz)
        now_ns = self._desk.timers.now_ns()
        echo = translate.action_to_ctp(request.field, order, zone, now_ns, info.ErrorMsg)
        origin.session.put([Event("OnRspOrderAction", request.field.__copy__(), info, request.request_id)])
        origin.session.tell_all(order.account, Event("OnErrRtnOrderAction", echo, info))

    def _remark(self, order: Order, report: s.Remark) -> None:
        log.log(logging.ERROR if report.is_grave else logging.INFO, "order %s: %s", order.key, report.text)

    # ------------------------------------------------------------------ time
    def _wait(self, order: Order, report: s.Wait) -> None:
        happening = s.Elapsed(report.timer, report.number)
        self._desk.timers.later(report.seconds, lambda: self._desk.apply(order, happening))

    # ------------------------------------------------------------------ TWS
    def _send(self, what: str, order: Order, send: Callable[[], None]) -> None:
        try:
            send()
        except LinkLost as lost:
            # LinkDown tells every order so; what became of it is seen after reconnecting.
            log.warning("%s of order %d was not sent: %s", what, order.order_id, lost)

    def _send_cancel(self, order: Order, report: s.SendCancel) -> None:
        self._send("cancel", order, lambda: self._desk.link.cancel(order.order_id))

    def _send_modify(self, order: Order, report: s.SendModify) -> None:
        self._send("modification", order, lambda: self._desk.link.place(report.spec, order.contract))

    def _resend(self, order: Order, report: s.Resend) -> None:
        assert order.spec is not None
        self._desk.move(order, self._desk.link.next_order_id())
        order.spec = msgspec.structs.replace(order.spec, order_id=order.order_id)
        spec = order.spec
        self._send("repetition", order, lambda: self._desk.link.place(spec, order.contract))

    def _ask_fills(self, order: Order, report: s.AskFills) -> None:
        self._desk.timers.start(self._desk.inquiries.ask_fills())

    def _inquire(self, order: Order, report: s.Inquire) -> None:
        self._desk.inquiries.inquire(order)
