"""A stand-in TWS: Interactive Brokers' wire protocol on loopback, with orders that trade in the embedded counter.

    from ctp2.testing.tws import StandIn

    with StandIn() as tws:
        api.RegisterFront(f"ib://127.0.0.1:{tws.port}")

Unmodified client libraries connect to it (spec ib 6). Started bare it is always open, lists what
:func:`documented` says, and has one account, ``DU1000001`` with 1,000,000 USD.
"""

from __future__ import annotations

from ctp2.testing.tws.clock import VirtualClock
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.documented import documented
from ctp2.testing.tws.server import StandIn
from ctp2.testing.tws.world import Script

__all__ = ["Listed", "Script", "StandIn", "VirtualClock", "documented"]
