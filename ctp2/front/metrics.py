"""What a server shows to Prometheus: counts of its fronts and backends, and the process's own (memory, processor)."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ctp2 import __version__
from ctp2.front.hub import Hub
from ctp2.front.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_FRONT: Final = ("environment", "side")

Value = tuple[tuple[str, ...], float]

GAUGES: Final[dict[str, tuple[str, Callable[[Hub], float]]]] = {
    "ctp2_links": ("Links that are open.", lambda hub: len(hub.connections)),
    "ctp2_users": ("Users that are logged in.", lambda hub: hub.users),
    "ctp2_events_waiting": ("Callbacks that wait for clients.", lambda hub: hub.waiting[0]),
    "ctp2_events_waiting_most": ("Callbacks that wait for the client with the most.", lambda hub: hub.waiting[1]),
}
COUNTERS: Final[dict[str, tuple[str, Callable[[Hub], float]]]] = {
    "ctp2_links_opened": ("Links so far, refused ones included.", lambda hub: hub.stats.links),
    "ctp2_links_cut": ("Clients cut because they were silent or read too slowly.", lambda hub: hub.cut),
    "ctp2_events_delivered": ("Callbacks handed to the network.", lambda hub: hub.delivered),
    "ctp2_ticks_delivered": ("Of these, snapshots.", lambda hub: hub.ticks),
    "ctp2_ticks_conflated": ("Snapshots that a newer one replaced for a slow client.", lambda hub: hub.conflated),
}
BY_KEY: Final[dict[str, tuple[str, str, Callable[[Hub], Mapping[str, float]]]]] = {
    "ctp2_logins": (
        "Answers to logins.",
        "result",
        lambda hub: {"accepted": hub.stats.logins, "refused": hub.stats.refused_logins},
    ),
    "ctp2_requests": ("Requests taken, by method.", "method", lambda hub: hub.stats.requests),
    "ctp2_errors": (
        "Callbacks with an error, by CTP's ErrorID.",
        "error",
        lambda hub: {str(number): times for number, times in hub.stats.errors.items()},
    ),
}


class Fronts(Collector):
    """Reads the counts when they are asked for. On the event loop."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers

    def collect(self) -> Iterator[Metric]:
        """All but the process's own."""
        yield InfoMetricFamily("ctp2", "This server.", {"version": __version__, "python": platform.python_version()})
        fronts = [((server.label, kind), hub) for server in self._servers for kind, hub in server.hubs.items()]
        for name, (text, read) in GAUGES.items():
            yield _filled(GaugeMetricFamily(name, text, labels=_FRONT), ((at, read(hub)) for at, hub in fronts))
        for name, (text, read) in COUNTERS.items():
            yield _filled(CounterMetricFamily(name, text, labels=_FRONT), ((at, read(hub)) for at, hub in fronts))
        for name, (text, key, read_all) in BY_KEY.items():
            values = (((*at, what), number) for at, hub in fronts for what, number in sorted(read_all(hub).items()))
            yield _filled(CounterMetricFamily(name, text, labels=(*_FRONT, key)), values)
        latency = HistogramMetricFamily(
            "ctp2_order_latency_seconds",
            "From an order's request to its first callback of a kind, inside the front; a sample.",
            labels=(*_FRONT, "callback"),
        )
        for at, hub in fronts:
            if hub.kind == "trader":
                for callback, histogram in hub.stats.latency.items():
                    latency.add_metric((*at, callback), histogram.cumulative(), histogram.total)
        yield latency
        yield from self._backends()

    def _backends(self) -> Iterator[Metric]:
        """What the backends tell of themselves (``Backend.figures``)."""
        found: dict[str, list[Value]] = {}
        for server in self._servers:
            for name, number in server.figures().items():
                found.setdefault(name, []).append(((server.label,), number))
        for name, values in sorted(found.items()):
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            text = "Of the backend (docs/operations.md)."
            yield _filled(family(f"ctp2_backend_{name}", text, labels=("environment",)), values)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Iterable[Value]
) -> GaugeMetricFamily | CounterMetricFamily:
    for labels, number in values:
        family.add_metric(labels, number)
    return family


def registry_of(servers: Sequence[Server]) -> CollectorRegistry:
    """What ``/metrics`` shows."""
    registry = CollectorRegistry()
    registry.register(Fronts(servers))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def shown(registry: CollectorRegistry) -> bytes:
    """As Prometheus reads it."""
    return generate_latest(registry)
