"""How the market data of a stand-in behaves; a member of its :class:`~ctp2.testing.tws.world.Script`."""

from __future__ import annotations

from dataclasses import dataclass, field

from ctp2.testing.tws.limits import Limits

ENTITLED, DELAYED_ONLY, NOTHING = "live", "delayed", "none"
"""What a login may see of a contract."""


@dataclass
class MarketScript:
    """Started bare everything is live, walks, and TWS's own limits hold. Change any of it while it runs."""

    walks: bool = True
    """Quotes move by themselves; else only what a test sets."""
    permission: str = ENTITLED
    """What the login may see: ``live``, ``delayed`` (after error 10167, if it asked for that kind) or ``none``."""
    permissions: dict[str, str] = field(default_factory=dict)
    """Symbol or conId (as text) → permission, where it is another one."""
    depth_rows: int = 10
    """Rows that a venue shows on each side."""
    venues: tuple[str, ...] = ("NASDAQ", "ARCA")
    """Whose books a smart depth brings together."""
    limits: Limits = field(default_factory=Limits)

    def permission_for(self, symbol: str, con_id: int) -> str:
        """The permission of one contract."""
        own = self.permissions.get(str(con_id))
        return own or self.permissions.get(symbol) or self.permission
