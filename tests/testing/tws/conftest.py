"""A stand-in and clients that speak the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ctp2.testing.tws import Script, StandIn, VirtualClock
from tests.testing.tws.wire_client import Client

MONDAY_NS = 1_764_000_000_000_000_000
"""2025-11-24 16:00:00 UTC, 11:00 in New York."""


@pytest.fixture
def tws() -> Iterator[StandIn]:
    """A stand-in whose quotes stand, on Monday 2025-11-24 at 11:00 in New York; its clock stands too."""
    script = Script()
    script.market.walks = False
    with StandIn(script=script, clock=VirtualClock(MONDAY_NS, pace=0), control_port=0) as standin:
        yield standin


@pytest.fixture
def connect(tws: StandIn) -> Iterator[Callable[..., Client]]:
    """Connects clients to it."""
    with ExitStack() as stack:
        yield lambda *args, **named: stack.enter_context(Client(tws.port, *args, **named))
