"""A counter with one fault: a backend around the embedded counter that rewrites, drops or reorders what passes.

``open`` joins one counter that is kept for all faults (each fault trades as a user of its own). A fault is a function
from one event to the events that come instead, a function from one request to what is passed on, or a change of where
a stream starts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from ctp2.core import address as addresses
from ctp2.core.backend import CONTRACT_VERSION, Capabilities, Event, Kind, Request, Session, Sink, Topic
from ctp2.core.clock import LiveClock
from ctp2.tts import backend as tts

if TYPE_CHECKING:
    from ctp2.core.address import Address
    from ctp2.core.clock import Clock

CONTRACT = CONTRACT_VERSION
INNER = "tts://7x24?id=faulty&markets=none&fills=full&speed=50"

Events = Callable[["Link", Event], Iterator[Event]]
Requests = Callable[["Link", Request], Request | None]
Starts = Callable[[int], int]


def passes(link: Link, event: Event) -> Iterator[Event]:
    """No fault."""
    yield event


def taken(link: Link, request: Request) -> Request | None:
    """No fault."""
    return request


def as_asked(after: int) -> int:
    """No fault."""
    return after


class Fault:
    """What goes wrong, and the cards that must find it."""

    def __init__(
        self,
        name: str,
        cards: tuple[int, ...],
        events: Events = passes,
        requests: Requests = taken,
        starts: Starts = as_asked,
    ) -> None:
        self.name = name
        self.cards = cards
        self.events = events
        self.requests = requests
        self.starts = starts
        self.kinds: frozenset[Kind] | None = None
        """The kinds of front declared, if other than the counter's."""
        self.lacks: frozenset[str] = frozenset()
        """Requests that are not declared (and served all the same)."""


NO_FAULT = Fault("none", ())
planted: Fault = NO_FAULT
_kept: list[tts.TtsBackend] = []


def plant(fault: Fault) -> None:
    """Let the next counter have this fault."""
    global planted
    planted = fault


def dispose() -> None:
    """Close the counter that was kept."""
    while _kept:
        _kept.pop().close()


# ------------------------------------------------------------------ the module's part of the contract
def check(address: Address) -> None:
    """Nothing to complain about."""


def identity(address: Address) -> Hashable:
    """Trader and market data share it."""
    return "faulty"


def open(address: Address, clock: Clock) -> FaultyBackend:
    """The counter, with what is planted now."""
    if not _kept:
        inner = tts.open(addresses.parse(INNER), LiveClock())
        inner.counter.call(inner.counter.play)
        _kept.append(inner)
    return FaultyBackend(_kept[0], planted)


class FaultyBackend:
    """The counter and its fault; closing it leaves the counter running."""

    def __init__(self, inner: tts.TtsBackend, fault: Fault) -> None:
        self.inner = inner
        self.fault = fault
        told = inner.capabilities
        self.capabilities = Capabilities(fault.kinds or told.kinds, told.requests - fault.lacks)
        self.shared: dict[str, Any] = {"sessions": 0}

    def session(self, kind: Kind, sink: Sink) -> Link:
        """One client."""
        self.shared["sessions"] += 1
        return Link(self, kind, sink)

    def close(self) -> None:
        """The counter is kept for the next fault."""


class Link:
    """One client's session and sink at once, with the fault on both ways. ``own`` is the fault's memory."""

    def __init__(self, backend: FaultyBackend, kind: Kind, sink: Sink) -> None:
        self.kind = kind
        self.sink = sink
        self.fault = backend.fault
        self.shared = backend.shared
        self.number: int = backend.shared["sessions"]
        self.own: dict[str, Any] = {}
        self.session: Session = backend.inner.session(kind, self)

    # ------------------------------------------------------------------ towards the client
    def put(self, events: Sequence[Event]) -> None:
        """Pass events on, with the fault."""
        self.sink.put([changed for event in events for changed in self.fault.events(self, event)])

    @property
    def depth(self) -> int:
        """The client's."""
        return self.sink.depth

    def when_idle(self, call: Callable[[], None]) -> None:
        """The client's."""
        self.sink.when_idle(call)

    # ------------------------------------------------------------------ towards the counter
    @property
    def flow_identity(self) -> str:
        """The counter's."""
        return str(getattr(self.session, "flow_identity", ""))

    def handle(self, request: Request) -> int:
        """Pass a request on, with the fault."""
        passed = self.fault.requests(self, request)
        return 0 if passed is None else self.session.handle(passed)

    def subscribe_topic(self, topic: Topic, trading_day: str, after: int) -> None:
        """Where a stream starts, with the fault."""
        start = self.fault.starts(after) if topic == "private" else after
        self.session.subscribe_topic(topic, trading_day, start)

    def close(self) -> None:
        """The client is gone."""
        self.session.close()


# ------------------------------------------------------------------ tools for faults
def changed(event: Event, **fields: Any) -> Event:
    """The same event with other members of its struct."""
    struct = copy(event.struct())
    for name, value in fields.items():
        setattr(struct, name, value)
    return Event(event.callback, struct, event.info, event.request_id, event.is_last, event.topic, event.sequence)


def altered(event: Event, **attributes: Any) -> Event:
    """The same event with other arguments of its callback."""
    made = copy_of(event)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def copy_of(event: Event) -> Event:
    """A second event like it."""
    return Event(
        event.callback,
        event.field,
        event.info,
        event.request_id,
        event.is_last,
        event.topic,
        event.sequence,
        event.build,
    )
