"""What clients are told of orders and fills, and which of them (spec ib 6.7)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ctp2.testing.tws import replies
from ctp2.testing.tws.clock import NS
from ctp2.testing.tws.order_fields import completed_order, open_order
from ctp2.testing.tws.placed import CANCELLED, FILLED, INACTIVE

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession
    from ctp2.testing.tws.placed import Fill, Placed
    from ctp2.testing.tws.world import World

_ENDS: Final = {FILLED: "Filled Size: {filled}", CANCELLED: "Cancelled by Trader", INACTIVE: "Rejected"}
"""completedStatus of each final state, where nothing else is known."""


class Teller:
    """Writes to clients."""

    def __init__(self, world: World) -> None:
        self.world = world

    def hearers(self, placed: Placed) -> list[ClientSession]:
        """The client of the order, and the master client."""
        wanted = (placed.client_id, self.world.script.master_client_id)
        return [one for one in self.world.ready_sessions() if one.client_id in wanted]

    # ------------------------------------------------------------------ orders
    def order(self, placed: Placed) -> None:
        """openOrder, then orderStatus."""
        for session in self.hearers(placed):
            self.order_to(session, placed)

    def order_to(self, session: ClientSession, placed: Placed) -> None:
        """The same to one client."""
        session.send(open_order(session.version, told(placed)))
        if not (self.world.script.life.skips_market_status and placed.kind == "MKT"):
            self._status_to(session, placed)

    def status(self, placed: Placed) -> None:
        """OrderStatus alone."""
        for session in self.hearers(placed):
            self._status_to(session, placed)

    def _status_to(self, session: ClientSession, placed: Placed) -> None:
        fields = replies.order_status(
            placed.order_id,
            placed.status,
            placed.filled,
            placed.remaining,
            placed.average,
            placed.perm_id,
            placed.last_price,
            placed.client_id,
            placed.why_held,
        )
        session.send(fields)
        if self.world.script.life.repeats_status:
            session.send(fields)

    def error(self, placed: Placed, code: int, text: str) -> None:
        """An error of the order."""
        for session in self.hearers(placed):
            session.error(placed.order_id, code, text)

    def completed_to(self, session: ClientSession, placed: Placed) -> None:
        """CompletedOrder."""
        local = self._local(placed.ended_ns)
        values = {
            **told(placed),
            "filledQuantity": placed.filled,
            "autoCancelDate": "",
            "completedTime": f"{local:%Y%m%d %H:%M:%S} {self.world.script.zone}",
            "completedStatus": placed.reason or _ENDS.get(placed.status, "").format(filled=placed.filled),
        }
        session.send(completed_order(session.version, values))

    # ------------------------------------------------------------------ fills
    def fill(self, fill: Fill) -> None:
        """ExecDetails that nobody asked for."""
        for session in self.hearers(fill.order):
            self.fill_to(session, fill)

    def fill_to(self, session: ClientSession, fill: Fill, req_id: int = -1) -> None:
        """ExecDetails."""
        placed = fill.order
        session.send(
            replies.execution(
                session.version,
                req_id,
                placed.order_id,
                placed.listed,
                placed.exchange,
                fill.exec_id,
                self.time_of(fill.at_ns),
                placed.account,
                fill.venue,
                "BOT" if placed.is_buy else "SLD",
                fill.quantity,
                fill.price,
                placed.perm_id,
                placed.client_id,
                fill.cumulative,
                fill.average,
                str(placed.fields["orderRef"]),
                fill.liquidity,
            )
        )

    def commission(self, fill: Fill) -> None:
        """commissionReport, at once or later or never, as the script says."""
        life = self.world.script.life
        if life.skips_commission:
            return
        if life.commission_delay_s > 0:
            self.world.timers.after(life.commission_delay_s, lambda: self._commission(fill))
        else:
            self._commission(fill)

    def _commission(self, fill: Fill) -> None:
        for session in self.hearers(fill.order):
            self.commission_to(session, fill)

    def commission_to(self, session: ClientSession, fill: Fill) -> None:
        """CommissionReport."""
        realized = None if fill.realized is None else float(fill.realized)
        session.send(replies.commission_report(fill.exec_id, float(fill.commission), fill.currency, realized))

    # ------------------------------------------------------------------ times
    def time_of(self, at_ns: int) -> str:
        """The time of an execution in the form that the script wants."""
        form = self.world.script.time_format
        if form == "utc":
            return f"{dt.datetime.fromtimestamp(at_ns // NS, dt.UTC):%Y%m%d-%H:%M:%S}"
        local = self._local(at_ns)
        if form == "login":
            return f"{local:%Y%m%d  %H:%M:%S}"
        return f"{local:%Y%m%d %H:%M:%S} {self.world.script.zone}"

    def _local(self, at_ns: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(at_ns // NS, dt.UTC).astimezone(ZoneInfo(self.world.script.zone))


def told(placed: Placed) -> dict[str, Any]:
    """The members of an order as the long messages name them."""
    return {
        **placed.fields,
        "listed": placed.listed,
        "exchange": placed.exchange,
        "orderId": placed.order_id,
        "clientId": placed.client_id,
        "permId": placed.perm_id,
        "status": placed.status,
        "tif": placed.tif,
    }
