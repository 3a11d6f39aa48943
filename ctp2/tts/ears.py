"""Who listens to a counter: its clients, and the backend that hears all it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ctp2.core.backend import Sink
    from ctp2.refdata.ticks import Tick
    from ctp2.tts.contract import Contract
    from ctp2.tts.events import Event


class Reader(Protocol):
    """A client, as the counter sees it."""

    sink: Sink

    def use(self, sink: Sink) -> None:
        """Send everything through ``sink`` from now on."""


class Ears(Protocol):
    """Who hears what the counter does, all on its thread; a backend."""

    def on_events(self, events: Sequence[Event]) -> None:
        """What happened: the one way by which events leave the counter."""

    def on_tick(self, contract: Contract, tick: Tick) -> None:
        """A snapshot."""

    def on_phase(self, exchange: str, product: str, phase: str, at_ns: int) -> None:
        """A product enters a phase."""

    def on_day_end(self) -> bool:
        """The recorded day is over, or the clock has reached the end of the day: roll; False when no day follows."""
