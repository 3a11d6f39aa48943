"""The private flow of a client id: what was told to its users, in order; each sees all of it, or one account.

It begins anew with every TradingDay and outlives the process: a client that resumes gets what it has not had, and what
reconciliation finds again after a restart of the program is not told twice.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ctp2.core.backend import Event
from ctp2.core.flow import FlowLog
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info

if TYPE_CHECKING:
    from ctp2.core.backend import Sink
    from ctp2.ib.store import Store

log = logging.getLogger("ctp2.ib")

ALL: Final = ""
"""The scope of a session that may see every account."""
_EVENTS: Final = "flow"
_HEAD: Final = "flow head"
_DAY: Final = "day"
_NAME: Final = "name"


class _Row(msgspec.Struct, array_like=True, gc=False):
    """An event on the disk."""

    account: str
    callback: str
    struct: str
    """Its class; empty: no field."""
    field: bytes
    error_id: int = -1
    """-1: no ``pRspInfo``."""
    message: str = ""


class PrivateFlow:
    """The flow of one client id. On the loop."""

    def __init__(self, store: Store, today: Callable[[], str]) -> None:
        self._store = store
        self._today = today
        self._day = today()
        self._told: list[tuple[str, Event]] = []
        """(account, event) of the day."""
        self._logs: dict[str, FlowLog] = {}
        self._restored: set[tuple[object, ...]] = set()
        """What an earlier process has told already."""
        name = store.load(_HEAD, _NAME)
        if name is None:
            name = secrets.token_hex(8).encode()
            store.save(_HEAD, _NAME, name)
        self.name = name.decode()
        """Tells this flow from every other one, also of a file that was lost and made anew."""
        self._restore()

    # ------------------------------------------------------------------ telling
    def append(self, account: str, event: Event) -> None:
        """Number an event, keep it, and send it to all sessions that may see ``account``."""
        self._roll()
        if self._restored and _essence(event) in self._restored:
            return
        self._told.append((account, event))
        self._store.save(_EVENTS, f"{len(self._told):09d}", _row_of(account, event))
        for scope, numbered in self._logs.items():
            if scope in (ALL, account):
                numbered.append(_copied(event))

    def follow(self, sink: Sink, scope: str, after: int) -> Sequence[Event]:
        """Send ``sink`` what comes from now on; returns what it has to get first. ``scope``: an account, or ``ALL``."""
        self._roll()
        numbered = self._logs.get(scope)
        if numbered is None:
            numbered = self._logs[scope] = FlowLog("private", self._day)
            for account, event in self._told:
                if scope in (ALL, account):
                    numbered.append(_copied(event))
        return numbered.follow(sink, after)

    def leave(self, sink: Sink) -> None:
        """Send nothing more to ``sink``."""
        for numbered in self._logs.values():
            numbered.leave(sink)

    def settled(self) -> None:
        """Reconciliation is over: an order may come back to a state that it had; a trade is still told once."""
        self._restored = {told for told in self._restored if told[0] == "OnRtnTrade"}

    # ------------------------------------------------------------------ the day
    def _restore(self) -> None:
        if self._store.load(_HEAD, _DAY) != self._day.encode():
            self._begin()
            return
        for row in self._store.rows(_EVENTS).values():
            account, event = _event_of(row)
            self._told.append((account, event))
            self._restored.add(_essence(event))

    def _begin(self) -> None:
        with self._store.together():
            self._store.clear(_EVENTS)
            self._store.save(_HEAD, _DAY, self._day.encode())

    def _roll(self) -> None:
        today = self._today()
        if today != self._day:
            self._day = today
            self._told = []
            self._restored = set()
            self._begin()
            for numbered in self._logs.values():
                numbered.restart(today)


def _copied(event: Event) -> Event:
    # A log numbers what it is given.
    return Event(event.callback, event.field, event.info, event.request_id, event.is_last, build=event.build)


_TELLING: Final[dict[str, tuple[str, ...]]] = {
    "OnRtnOrder": (
        *("FrontID", "SessionID", "OrderRef", "OrderSysID", "OrderStatus", "OrderSubmitStatus", "VolumeTraded"),
        *("VolumeTotalOriginal", "LimitPrice"),
    ),
    "OnRtnTrade": ("InvestorID", "TradeID", "OrderRef", "TradeDate", "TradeTime"),
}
"""What makes an event of a flow the same as another one; of those that are not here, every member.

The execId alone does not make a trade: a TWS of paper, or a stand-in, that was started anew may count from one again.
A correction changes the volume and is the same trade.
"""


def _essence(event: Event) -> tuple[object, ...]:
    field = event.struct()
    names = _TELLING.get(event.callback)
    if names is None:
        error_id = 0 if event.info is None else event.info.ErrorID
        return (event.callback, error_id, *_values(field))
    return (event.callback, *(getattr(field, name) for name in names))


def _values(field: Any) -> Iterator[object]:
    if field is not None:
        for name in field.__struct_fields__:
            yield getattr(field, name)


def _row_of(account: str, event: Event) -> bytes:
    field, info = event.struct(), event.info
    row = _Row(account, event.callback, "", b"")
    if field is not None:
        row.struct, row.field = type(field).__name__, msgspec.msgpack.encode(field)
    if info is not None:
        row.error_id, row.message = info.ErrorID, info.ErrorMsg
    return msgspec.msgpack.encode(row)


def _event_of(data: bytes) -> tuple[str, Event]:
    row = msgspec.msgpack.decode(data, type=_Row)
    field = msgspec.msgpack.decode(row.field, type=getattr(structs, row.struct)) if row.struct else None
    info = None if row.error_id < 0 else rsp_info(row.error_id, row.message)
    return row.account, Event(row.callback, field, info)
