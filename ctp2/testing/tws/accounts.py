"""Accounts (being written): positions, summary, updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.testing.tws import replies

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World


class Accounts:
    """Positions and money of all accounts."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "reqPositions": self.positions,
            "reqAccountUpdates": self.account_updates,
            "reqAccountUpdatesMulti": self.updates_multi,
        }

    def positions(self, session: ClientSession, request: Request) -> None:
        """Positions, then the end."""
        session.send(replies.position_end())

    def account_updates(self, session: ClientSession, request: Request) -> None:
        """Values, then the end."""
        session.send(replies.account_download_end(request.text("account")))

    def updates_multi(self, session: ClientSession, request: Request) -> None:
        """Values, then the end."""
        session.send(replies.account_multi_end(request.req_id))
