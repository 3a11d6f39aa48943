"""Which part answers which request: each part is built once per world and gives its handlers by request name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from ctp2.testing.tws.accounts import Accounts
from ctp2.testing.tws.depth import Depth
from ctp2.testing.tws.gatekeeper import Gatekeeper
from ctp2.testing.tws.history import History
from ctp2.testing.tws.lists import Lists
from ctp2.testing.tws.market import Market, Moving
from ctp2.testing.tws.orders import Orders

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import Handler
    from ctp2.testing.tws.world import World


class Part(Protocol):
    """What a part offers."""

    @property
    def handlers(self) -> dict[str, Handler]:
        """Request name (``requests.TABLE``) → what answers it."""


PARTS: Final[dict[str, Callable[[World], Part]]] = {
    "gatekeeper": Gatekeeper,
    "quotes": Moving,
    "lists": Lists,
    "accounts": Accounts,
    "orders": Orders,
    "market": Market,
    "depth": Depth,
    "history": History,
}
"""In the order in which they are built; a part finds earlier ones in ``world.parts`` by these names."""


def build(world: World) -> dict[str, Handler]:
    """Make all parts of a world; gives who answers what."""
    handlers: dict[str, Handler] = {}
    for name, make in PARTS.items():
        part = make(world)
        world.parts[name] = part
        handlers.update(part.handlers)
    return handlers
