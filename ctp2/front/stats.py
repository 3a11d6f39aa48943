"""What a front counts of its clients: plain numbers, cheap where requests pass; ``metrics`` shows them."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from functools import cache
from typing import Final

from ctp2.ctp import layout
from ctp2.front.wire import HEADER_SIZE

BOUNDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
"""Upper ends of a histogram's classes, in seconds."""
FORGET_SECONDS: Final = 1.0
"""An order that has rested so long gives its place to the next one."""
INSERT: Final = "ReqOrderInsert"
TIMED: Final = {"OnRtnOrder": "CThostFtdcOrderField", "OnRtnTrade": "CThostFtdcTradeField"}
"""Callbacks whose delay behind an order is measured, and their structs."""


class Histogram:
    """How many values fell into each class; ``counts`` has one more than ``BOUNDS`` for what is larger."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Each upper end with the number of values up to it, as Prometheus takes them."""
        found: list[tuple[str, float]] = []
        number = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            number += count
            found.append((bound, number))
        return found


class Stats:
    """The counts of one front since it was opened."""

    __slots__ = ("errors", "latency", "links", "logins", "refused_logins", "requests")

    def __init__(self) -> None:
        self.links = 0
        self.logins = 0
        self.refused_logins = 0
        self.requests: Counter[str] = Counter()
        """By method."""
        self.errors: Counter[int] = Counter()
        """Callbacks with an error, by its ErrorID."""
        self.latency = {name: Histogram() for name in TIMED}
        """From an order's request to its first callback of each kind."""


class OrderTimer:
    """Times the orders of one link, one after the other: a sample, so that an order in a burst costs nothing.

    Begins when a request is taken from its frame and ends when the callback's frame is made, so the network is not in
    it. The callback is known by its OrderRef, which is read from the frame that is sent anyway.
    """

    __slots__ = ("_places", "_ref", "_since", "_told", "is_running")

    def __init__(self, places: dict[str, int]) -> None:
        self._places = places
        self._ref = b""
        self._since = 0.0
        self._told = False
        self.is_running = False

    def begin(self, order_ref: str) -> None:
        """An order has come."""
        now = time.perf_counter()
        if order_ref and (not self.is_running or now - self._since > FORGET_SECONDS):
            self._ref, self._since, self._told = order_ref.encode("gb18030", "replace") + b"\0", now, False
            self.is_running = True

    def passes(self, callback: str, frame: bytes, stats: Stats) -> None:
        """A frame of one of ``TIMED`` goes out."""
        if not frame.startswith(self._ref, self._places[callback]) or (self._told and callback == "OnRtnOrder"):
            return
        stats.latency[callback].observe(time.perf_counter() - self._since)
        self._told = True
        if callback == "OnRtnTrade":
            self.is_running = False


@cache
def places_of(codec: layout.Codec) -> dict[str, int]:
    """Where in the frame of each timed callback the OrderRef stands."""
    found: dict[str, int] = {}
    for callback, struct in TIMED.items():
        for field in codec.fields(struct):
            if field.name == "OrderRef":
                found[callback] = HEADER_SIZE + field.offset
    return found
