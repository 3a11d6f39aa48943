"""``ib://``: TWS or IB Gateway behind the ``Backend`` contract; which part hears what, and serves what."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import CONTRACT_VERSION
from ctp2.ib import records
from ctp2.ib.config import Config
from ctp2.ib.config import parse as _parse

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.backend import Event, Kind, Request
    from ctp2.ib.link import Link, Timers
    from ctp2.ib.parts import Handler
    from ctp2.ib.session import IbSession
    from ctp2.ib.store import Store

log = logging.getLogger("ctp2.ib")

CONTRACT: Final = CONTRACT_VERSION

HEARD_BY: Final[dict[type, tuple[str, ...]]] = {
    records.OpenOrder: ("orders",),
    records.OrderStatus: ("orders",),
    records.Execution: ("orders", "ledger"),
    records.Commission: ("orders", "ledger"),
    records.CompletedOrder: ("orders",),
    records.PositionRow: ("ledger",),
    records.PortfolioRow: ("ledger",),
    records.AccountValue: ("ledger",),
    records.AccountDownloadEnd: ("ledger",),
    records.SummaryRow: ("ledger",),
    records.TickPrice: ("market",),
    records.TickSize: ("market",),
    records.TickString: ("market",),
    records.TickGeneric: ("market",),
    records.TickOption: ("market",),
    records.DataType: ("market",),
    records.DepthRow: ("market",),
    records.SnapshotEnd: ("market",),
    records.PacketEnd: ("market",),
    records.LinkUp: ("orders", "ledger", "market"),
    records.LinkDown: ("orders", "ledger", "market"),
    records.Restored: ("orders", "ledger", "market"),
    records.FarmBack: ("market",),
}
"""Record → the parts that hear it, in this order. A :class:`~ctp2.ib.records.Problem` goes where its id belongs: -1 to
the link's states, an order's to ``orders``, another one's to ``market``."""


def check(address: Address) -> None:
    """Raise for an address that can never work."""
    _parse(address)


class IbBackend:
    """A TWS. Parts reach each other through it, on the loop's thread.

    ``directory`` (contracts), ``market``, ``ledger`` (positions and money) are one each; ``orders_of(link)`` is one per
    client id. A part's optional ``async reconcile(link)`` runs after every LinkUp and Restored, before logins are
    answered (limit 15 s): it returns the names of what is missing, for the log.
    """

    config: Config
    loop: Any
    timers: Timers
    directory: Any
    market: Any
    ledger: Any
    requests: dict[str, Handler]

    def link_of(self, kind: Kind) -> Link:
        """The default connection of a kind of front."""
        raise NotImplementedError

    def orders_of(self, link: Link) -> Any:
        """The orders of a client id."""
        raise NotImplementedError

    def store_of(self, link: Link) -> Store:
        """What is kept of a client id."""
        raise NotImplementedError

    def sessions(self, kind: Kind) -> list[IbSession]:
        """The sessions of a kind that are open."""
        raise NotImplementedError

    def publish(self, link: Link, account: str, event: Event) -> None:
        """Append an event (OnRtnOrder, OnRtnTrade, OnErrRtn…) to the private flow.

        Every trader session of this link that may see ``account`` gets it, numbered, now or when it logs in.
        """
        raise NotImplementedError

    @property
    def trading_day(self) -> str:
        """TradingDay of logins: the date in New York, from 17:00 the next weekday (spec ib 5.8)."""
        raise NotImplementedError

    def error_of(self, refused: records.Refused, request: Request) -> tuple[int, str]:
        """TWS's refusal as a CTP error number and its text (``IB<code>:text``)."""
        raise NotImplementedError

    def leave(self, session: IbSession) -> None:
        """A session has ended."""
        raise NotImplementedError
