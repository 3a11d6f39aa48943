"""One stand-in's whole state: time, contracts, orders, accounts, market, and the clients connected to it.

Everything here belongs to the loop of its server (:mod:`ctp2.testing.tws.server`); nothing is shared between instances.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from ctp2.testing.tws.clock import NS, Timers, VirtualClock
from ctp2.testing.tws.contracts import Contracts, Listed
from ctp2.testing.tws.documented import documented
from ctp2.testing.tws.market_script import MarketScript

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession
    from ctp2.testing.tws.requests import Request

FIRST_VERSION: Final = 157
LAST_VERSION: Final = 178
"""Above it come fields and protobuf that the stand-in does not speak (spec ib 6.1)."""


@dataclass
class Life:
    """How orders and fills are told (spec ib 6.7). Nothing is set at first."""

    fills_first: bool = False
    """A fill that comes at once is told before any status."""
    repeats_status: bool = False
    """Every orderStatus comes twice."""
    commission_delay_s: float = 0.0
    """A commission report comes so much later (seconds of the clock)."""
    skips_commission: bool = False
    """No commission report comes."""
    skips_market_status: bool = False
    """Market orders have no orderStatus, as fast ones at TWS sometimes."""
    cancel_delay_s: float = 0.0
    """A cancel is PendingCancel so long; what trades meanwhile wins."""
    answers_161: bool = False
    """A cancel that comes too late is answered 161 instead of 10148."""


@dataclass(frozen=True)
class Rejection:
    """A rule: orders of ``symbol`` (empty: of all) from ``quantity`` on are answered with an error.

    ``is_inactive``: after the error come openOrder and orderStatus Inactive, as after 201.
    """

    symbol: str = ""
    quantity: float = 0.0
    code: int = 201
    text: str = "Order rejected - reason:rejected by rule"
    is_inactive: bool = True


@dataclass
class Script:
    """How the stand-in behaves. Started bare nothing is set; everything may be changed while it runs."""

    version: int = FIRST_VERSION
    """The largest server version that it answers, up to 178."""
    accounts: dict[str, float] = field(default_factory=lambda: {"DU1000001": 1_000_000.0})
    """Account → cash in USD at the beginning."""
    zone: str = "US/Eastern"
    """TWS's own zone: days of executions, the times that it writes."""
    time_format: str = "zone"
    """Of executions: ``zone`` (20251124 09:30:00 US/Eastern), ``utc`` (20251124-14:30:00), ``login`` (two spaces)."""
    is_read_only: bool = False
    """Orders and what belongs to them are answered with 321."""
    first_order_id: int = 1
    """nextValidId of a client that never sent an order."""
    seed: int = 1
    """Of quotes, ids and everything else that looks random."""
    life: Life = field(default_factory=Life)
    """How orders and fills are told."""
    rejections: list[Rejection] = field(default_factory=list)
    """Orders that are refused, first rule first."""
    quantity_limit: float | None = None
    """A larger order is refused with 201."""
    checks_margin: bool = True
    """An order whose margin is not there is refused with 201."""
    master_client_id: int | None = None
    """Hears of all orders and fills."""
    is_open: bool = True
    """While False, orders wait as PreSubmitted (``Orders.open_session``)."""
    first_perm_id: int = 1_600_000_001
    """Of the first order; the others count on. It may be above 32 bits."""
    rates: dict[str, float] = field(
        default_factory=lambda: {"USD": 1.0, "HKD": 0.1285, "EUR": 1.15, "CNH": 0.14, "GBP": 1.3, "JPY": 0.0067}
    )
    """What a unit of a currency is worth in USD, the currency of all accounts."""
    notices: tuple[tuple[int, str], ...] = (
        (2104, "Market data farm connection is OK:usfarm"),
        (2106, "HMDS data farm connection is OK:ushmds"),
        (2158, "Sec-def data farm connection is OK:secdefil"),
    )
    """What a client is told after it connected."""
    market: MarketScript = field(default_factory=MarketScript)
    """How market data behaves, and the limits of a client."""


class Frame(NamedTuple):
    """A message that the stand-in saw or sent."""

    at_ns: int
    connection: int
    client_id: int
    is_from_client: bool
    fields: tuple[str, ...]


Gate = Callable[["ClientSession", "Request"], bool]
"""Looks at a request before it is carried out; False: it goes no further."""


class World:
    """The state of one stand-in."""

    def __init__(
        self, script: Script | None = None, clock: VirtualClock | None = None, listed: Sequence[Listed] | None = None
    ) -> None:
        self.script = script or Script()
        self.clock = clock or VirtualClock()
        self.timers = Timers(self.clock)
        day = dt.datetime.fromtimestamp(self.clock.now_ns() / NS, dt.UTC).date()
        self.contracts = Contracts(documented(day) if listed is None else listed)
        self.sessions: list[ClientSession] = []
        """Every connection that is open, with or without START_API."""
        self.frames: list[Frame] = []
        """All messages seen and sent, oldest first; only the newest :attr:`most_frames` are kept."""
        self.most_frames = 100_000
        self.gates: list[Gate] = []
        self.on_connect: list[Callable[[ClientSession], None]] = []
        """Called when a client has sent START_API and was told its accounts."""
        self.on_close: list[Callable[[ClientSession], None]] = []
        """Called when a connection ended."""
        self.parts: dict[str, Any] = {}

    # ------------------------------------------------------------------ clients
    def ready_sessions(self) -> list[ClientSession]:
        """The connections that sent START_API."""
        return [one for one in self.sessions if one.client_id is not None]

    def session_of(self, client_id: int) -> ClientSession | None:
        """The connection of a client id."""
        for one in self.sessions:
            if one.client_id == client_id:
                return one
        return None

    def broadcast(self, code: int, text: str) -> None:
        """Tell all clients something about the connection, such as 1100."""
        for one in self.ready_sessions():
            one.error(-1, code, text)

    # ------------------------------------------------------------------ time
    def now(self) -> dt.datetime:
        """The instant, in UTC."""
        return dt.datetime.fromtimestamp(self.clock.now_ns() // NS, dt.UTC)

    def local(self) -> dt.datetime:
        """The instant in TWS's own zone."""
        return self.now().astimezone(ZoneInfo(self.script.zone))

    def note(self, frame: Frame) -> None:
        """Remember a message."""
        self.frames.append(frame)
        if len(self.frames) > self.most_frames:
            del self.frames[: self.most_frames // 2]
