"""What scenarios have in common: a stand-in whose quotes stand still, and what clients were told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ctp2.testing.tws import Script
from tests.ib.stand import LIMIT_S, Stand, stand

APPLE = "AAPL-USD-STK"
LOCAL = "AAPL"
BID, ASK = 199.0, 201.0


@contextmanager
def desk(script: Script | None = None) -> Iterator[Stand]:
    """A stand-in with one price of AAPL, 199 to 201, so that orders rest where they are put."""
    with stand(script) as made:
        made.tws.control.set_quote(LOCAL, bid=BID, ask=ASK, last=200.0)
        yield made


def trades(client: Any) -> list[tuple[str, int, str]]:
    """(OrderRef, Volume, TradeID) of the trades that were told."""
    return [(call.field.OrderRef, call.field.Volume, call.field.TradeID) for call in client.spi.of("OnRtnTrade")]


def wait(condition: Callable[[], object]) -> Any:
    """Until something holds."""
    end = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        pause.wait(0.01)
    raise AssertionError("it did not come in time")
