"""An order that a client placed, and its fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ctp2.testing.tws.clock import Timer
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.exchange import Ticket

ZERO: Final = Decimal(0)

PRE_SUBMITTED: Final = "PreSubmitted"
SUBMITTED: Final = "Submitted"
PENDING_CANCEL: Final = "PendingCancel"
FILLED: Final = "Filled"
CANCELLED: Final = "Cancelled"
INACTIVE: Final = "Inactive"
LIVE: Final = (PRE_SUBMITTED, SUBMITTED, PENDING_CANCEL)

TRIGGERED: Final = {"STP": "MKT", "STP LMT": "LMT", "MIT": "MKT", "LIT": "LMT"}
"""Order type that waits for a price → what it becomes."""
ON_THE_WAY_UP: Final = {("STP", True), ("STP LMT", True), ("MIT", False), ("LIT", False)}
"""Type and whether it buys, of orders that wait for a price at or above theirs; the others wait for one below."""


@dataclass(slots=True, eq=False)
class Placed:
    """An order. ``fields`` are those of placeOrder by name; ``order_id`` 0: made in TWS and not bound."""

    order_id: int
    client_id: int
    perm_id: int
    listed: Listed
    exchange: str
    fields: dict[str, Any]
    status: str = PRE_SUBMITTED
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    """Sum of price × quantity of its fills."""
    last_price: float = 0.0
    why_held: str = ""
    is_triggered: bool = False
    ticket: Ticket | None = None
    fills: list[Fill] = field(default_factory=list)
    expiry: Timer | None = None
    ended_ns: int = 0
    reason: str = ""
    """Why it ended."""

    @property
    def account(self) -> str:
        """Where it trades."""
        return str(self.fields["account"])

    @property
    def quantity(self) -> Decimal:
        """What was ordered."""
        return Decimal(repr(self.fields["totalQuantity"] or 0))

    @property
    def remaining(self) -> Decimal:
        """What has not been filled."""
        return self.quantity - self.filled

    @property
    def is_live(self) -> bool:
        """Whether it may still trade."""
        return self.status in LIVE

    @property
    def is_buy(self) -> bool:
        """BUY, else SELL."""
        return bool(self.fields["action"] == "BUY")

    @property
    def kind(self) -> str:
        """LMT, MKT, STP and so on."""
        return str(self.fields["orderType"])

    @property
    def tif(self) -> str:
        """DAY, GTC and so on; a client that leaves it empty means DAY (spec ib 6.2)."""
        return str(self.fields["tif"] or "DAY")

    @property
    def average(self) -> float:
        """Average price of its fills."""
        return float(self.paid / self.filled) if self.filled else 0.0

    @property
    def is_manual(self) -> bool:
        """Whether it was made in TWS itself."""
        return self.order_id <= 0

    def waits_for(self, price: float) -> bool:
        """Whether ``price`` leaves it waiting for its trigger price."""
        trigger = float(self.fields["auxPrice"] or 0.0)
        return price < trigger if (self.kind, self.is_buy) in ON_THE_WAY_UP else price > trigger


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """A trade of an order. ``liquidity`` 1: it waited, 2: it took; ``realized`` None when it only opened."""

    exec_id: str
    order: Placed
    quantity: Decimal
    price: float
    at_ns: int
    cumulative: Decimal
    average: float
    venue: str
    liquidity: int
    commission: Decimal
    currency: str
    realized: Decimal | None
