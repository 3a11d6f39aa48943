"""A connection to TWS of which only the bytes exist: frames go in where the socket would bring them."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from benchmarks.figures import require
from ctp2.ib.client import Connection
from ctp2.ib.records import Record
from ctp2.testing.tws import order_fields, replies
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.documented import documented
from ctp2.testing.tws.ticks import LIVE, TRADE
from ctp2.testing.tws.wire import frame

VERSION: Final = 176
ACCOUNT: Final = "DU1000001"
CLIENT_ID: Final = 1
DAY: Final = dt.date(2025, 11, 24)
EPOCH_MS: Final = 1_764_000_000_000
"""2025-11-24 16:00:00 UTC, 11:00 in New York."""
_TIME: Final = "20251124 16:00:00 UTC"
_BID, _ASK, _LAST = 1, 2, 4
_BID_SIZE, _ASK_SIZE, _LAST_SIZE, _VOLUME = 0, 3, 5, 8


def stock() -> Listed:
    """The first contract that the stand-in documents: AAPL."""
    return documented(DAY)[0]


class _Timers:
    """The clock of a connection that waits for nothing."""

    def now_ns(self) -> int:
        """UTC."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()


class _Socket(asyncio.Transport):
    """Takes what the client sends."""

    def write(self, data: Any) -> None:
        """Dropped."""

    def write_eof(self) -> None:
        """Nothing to end."""

    def close(self) -> None:
        """Nothing to close."""

    def abort(self) -> None:
        """Nothing to cut."""


class Wire:
    """``ctp2.ib``'s connection with its client library, past the handshake; ``tell`` hears the records."""

    def __init__(self, tell: Callable[[Record], None]) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        timers: Any = _Timers()
        self._connection = Connection(timers, CLIENT_ID, "UTC", tell, self._lost)
        self._connection._client.conn.transport = _Socket()
        self.feed: Callable[[bytes], None] = self._connection._on_data
        self.feed(frame((VERSION, "20251124 16:00:00 UTC")))
        self.feed(frame(replies.next_valid_id(1)) + frame(replies.managed_accounts([ACCOUNT])))
        told = tuple(self._connection._client.getAccounts())
        require(told == (ACCOUNT,), f"the handshake told {told}")

    def _lost(self, why: Exception) -> None:
        raise why

    def close(self) -> None:
        """Leave the loop."""
        asyncio.set_event_loop(None)
        self._loop.close()


# ------------------------------------------------------------------ what TWS sends
def _packet(messages: Iterable[Iterable[object]]) -> bytes:
    return b"".join(map(frame, messages))


def began(req_id: int) -> bytes:
    """What TWS tells first of a subscription: live, the day's prices."""
    prices = {6: 201.0, 7: 199.0, 14: 200.0, 9: 199.5}
    return _packet(
        [
            replies.market_data_type(req_id, LIVE),
            replies.tick_parameters(req_id, 0.01, "9c0001", 3),
            *(replies.tick_price(req_id, tick, price, 0) for tick, price in prices.items()),
        ]
    )


def quote(req_id: int, number: int) -> bytes:
    """A packet that moves bid and ask, and every other time a trade: nine and four messages."""
    cents = number % 100
    bid, ask = 199.0 + cents / 100, 199.01 + cents / 100
    messages = [
        replies.tick_price(req_id, _BID, bid, 3 + number % 5, 1),
        replies.tick_size(req_id, _BID_SIZE, 3 + number % 5),
        replies.tick_price(req_id, _ASK, ask, 4 + number % 5, 1),
        replies.tick_size(req_id, _ASK_SIZE, 4 + number % 5),
    ]
    if number & 1:
        volume = 100 * number
        text = f"{ask};100;{EPOCH_MS + 20 * number};{volume};199.5;true"
        messages += [
            replies.tick_price(req_id, _LAST, ask, 100),
            replies.tick_size(req_id, _LAST_SIZE, 100),
            replies.tick_size(req_id, _VOLUME, volume),
            replies.tick_string(req_id, 45, str((EPOCH_MS + 20 * number) // 1000)),
            replies.tick_string(req_id, TRADE, text),
        ]
    return _packet(messages)


LIFE: Final = 8
"""Messages of :func:`life`."""


def life(listed: Listed, order_id: int, order_ref: str, side: str = "BUY") -> bytes:
    """All that TWS sends of an order of 100 that rests and is filled at once (spec ib 6.7)."""
    perm_id = 900_000_000 + order_id
    order: dict[str, Any] = {
        "listed": listed,
        "exchange": "SMART",
        "orderId": order_id,
        "action": side,
        "totalQuantity": 100,
        "orderType": "LMT",
        "lmtPrice": 200.0,
        "account": ACCOUNT,
        "orderRef": order_ref,
        "clientId": CLIENT_ID,
        "permId": perm_id,
    }

    def shown(status: str) -> Iterator[Any]:
        filled = 100 if status == "Filled" else 0
        yield order_fields.open_order(VERSION, {**order, "status": status})
        yield replies.order_status(
            order_id, status, filled, 100 - filled, 200.0 if filled else 0.0, perm_id, 0.0, CLIENT_ID
        )

    exec_id = f"0001f4e8.{order_id:08x}.01.01"
    bought = "BOT" if side == "BUY" else "SLD"
    done = replies.execution(
        VERSION, -1, order_id, listed, "SMART", exec_id, _TIME, ACCOUNT, "ISLAND", bought, 100, 200.0,
        perm_id, CLIENT_ID, 100, 200.0, order_ref,
    )  # fmt: skip
    return _packet(
        [
            *shown("PreSubmitted"),
            *shown("Submitted"),
            done,
            *shown("Filled"),
            replies.commission_report(exec_id, 1.0, "USD", None),
        ]
    )
