"""Orders of all clients (being written): ids, and the lists that clients ask for while they connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.testing.tws import replies

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World


class Orders:
    """Orders and executions."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "reqOpenOrders": self.open_orders,
            "reqAllOpenOrders": self.open_orders,
            "reqCompletedOrders": self.completed_orders,
            "reqExecutions": self.executions,
        }

    def next_valid_id(self, client_id: int) -> int:
        """The smallest order id that the client may use."""
        return self.world.script.first_order_id

    def open_orders(self, session: ClientSession, request: Request) -> None:
        """Open orders, then the end."""
        session.send(replies.open_order_end())

    def completed_orders(self, session: ClientSession, request: Request) -> None:
        """Completed orders, then the end."""
        session.send(replies.completed_orders_end())

    def executions(self, session: ClientSession, request: Request) -> None:
        """Executions, then the end."""
        session.send(replies.executions_end(request.req_id))
