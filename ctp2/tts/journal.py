"""The log of a running counter: what happened is written before any client is told (docs/decisions/0110).

While the counter works on a request, or on a piece of market, everything that trading clients are to be sent is held;
:meth:`Journal.commit` writes the events as one frame and then lets it go. Requests that wait in the queue meanwhile are
committed together. When writing fails nothing more is acknowledged: what is held is dropped, clients are cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ctp2 import __version__
from ctp2.core.backend import Event as Callback
from ctp2.core.backend import Sink
from ctp2.ctp import structs
from ctp2.ctp.base import SECRETS
from ctp2.ctp.errors import rsp_info
from ctp2.tts import snapshots
from ctp2.tts.codec import POSITION, RETRY, SCHEMA, SESSION, USER, WHERE
from ctp2.tts.codec_parts import Known
from ctp2.tts.codec_table import NAMES
from ctp2.tts.codec_write import Encoder
from ctp2.tts.events import DaySettled, Event
from ctp2.tts.kept import Told
from ctp2.tts.logfile import Header, LogError, LogReader, LogWriter, hint
from ctp2.tts.resting import RETRY_NOTE
from ctp2.tts.snapshots import Apart
from ctp2.tts.state import State

if TYPE_CHECKING:
    from ctp2.core.clock import Clock
    from ctp2.tts.environments import World
    from ctp2.tts.store import Store

log = logging.getLogger("ctp2.tts")

MOST_TOGETHER: Final = 64
"""Requests that are committed together at most: the first of them is answered after the last."""
NOTED_EVERY_NS: Final = 1_000_000_000
"""How often the place of a live market is written when nothing else is."""


class Market(Protocol):
    """Where the market stands: the counter."""

    @property
    def taken(self) -> int:
        """Recorded entries of the market taken this trading day."""

    def now_ns(self) -> int:
        """The environment's time."""


def new_header(
    environment: str, identity: str, trading_day: str, now_ns: int, address: str, number: int = 1, place: int = 0
) -> Header:
    """The header of a new file."""
    return Header(
        schema=SCHEMA,
        writer=__version__,
        environment=environment,
        identity=identity,
        trading_day=trading_day,
        created_ns=now_ns,
        number=number,
        address=address,
        place=place,
        kinds=NAMES,
    )


class Journal:
    """Writes a counter's log. Used by whoever has the counter's turn.

    ``users`` says all that has to stand in each day's file of them, ``on_failure`` cuts everybody off.
    """

    def __init__(
        self,
        store: Store,
        header: Header,
        writer: LogWriter,
        market: Market,
        clock: Clock,
        users: Callable[[], list[list[Any]]],
        on_failure: Callable[[], None],
    ) -> None:
        self.store = store
        self.header = header
        self.has_failed = False
        self.is_serving = False
        """A request is being carried out: what it brings is committed when it, or the last one waiting, is done."""
        self.last_session = 0
        self.since_snapshot = 0
        """Events behind the last snapshot."""
        self.apart = Apart(store.path)
        self._writer = writer
        self._market = market
        self._clock = clock
        self._world: World | None = None
        self._users = users
        self._on_failure = on_failure
        self._holds = store.level != "none"
        self._is_over = False
        self._held: list[tuple[Sink, Sequence[Callback]]] = []
        self._together = 0
        self._encoder: Encoder | None = None
        self._noted: list[tuple[int, int, bool]] = []
        self._noted_ns = 0
        """When the place of the market was written last."""

    # ------------------------------------------------------------------ what happens
    def enter(self, world: World, encoder: Encoder | None = None) -> None:
        """The events from now on are about this world's state; ``encoder`` has written of it before."""
        self._world = world
        self._encoder = Encoder(world.engine.state, told_out) if encoder is None else encoder
        self._noted = world.engine.quoting.noted = []

    def add(self, events: Sequence[Event]) -> None:
        """Events, applied and not told yet."""
        encoder = self._encoder
        assert encoder is not None
        self.since_snapshot += len(events)
        if type(events[0]) is DaySettled:
            self._roll(events[0])
            return
        if self._noted:
            self._note_rests(encoder)
        encoder.add(events)

    def note_session(self, number: int) -> None:
        """A SessionID was given."""
        self.last_session = number
        self._note(SESSION, [number])

    def note_user(self, user_id: str, what: str, value: Any) -> None:
        """Something about a user that is no account's."""
        self._note(USER, [user_id, what, value])

    def _note(self, kind: int, values: list[Any]) -> None:
        assert self._encoder is not None
        self._encoder.note(kind, msgspec.msgpack.encode(values))

    def _note_rests(self, encoder: Encoder) -> None:
        """What commands did to the rests of partial fills; of an order of these events too: it is named by its id."""
        for order_id, due_ns, at_quote in self._noted:
            encoder.note(RETRY, RETRY_NOTE.pack(order_id, due_ns, at_quote))
        self._noted.clear()

    # ------------------------------------------------------------------ clients
    def holding(self, sink: Sink) -> Sink:
        """What a trading session has to send through."""
        return Held(self, sink)

    def put(self, sink: Sink, events: Sequence[Callback]) -> None:
        """Send when everything before is written; nothing after that failed."""
        if self._is_over:
            return
        if not self._holds:
            sink.put(events)
            return
        self._held.append((sink, events))
        if not self.is_serving:
            self.commit()

    def served(self, waiting: int) -> None:
        """A request was carried out and ``waiting`` more are there: commit, or take them along."""
        self._together += 1
        if not waiting or self._together >= MOST_TOGETHER:
            self.commit()

    def commit(self) -> None:
        """Write what happened, then tell it."""
        self._together = 0
        encoder = self._encoder
        if encoder is not None and encoder.out and not self.has_failed:
            self._note_position(encoder)
            try:
                self._writer.append(encoder.take())
                if self.since_snapshot >= snapshots.EVERY and not self.apart.is_busy:
                    self._snapshot_apart()
            except OSError as error:
                self._fail(error)
                return
        if self._held:
            held, self._held = self._held, []
            for sink, events in held:
                sink.put(events)

    def _snapshot_apart(self) -> None:
        """Have the state as it is after this commit written elsewhere: what follows explains its numbers anew."""
        assert self._world is not None
        self._writer.flush()
        self._encoder = Encoder(self._world.engine.state, told_out)
        self.since_snapshot = 0
        self.apart.begin(self._writer.number, self.header.number)

    def passed(self, every_ns: int = NOTED_EVERY_NS) -> None:
        """The market of a live environment moved on: say where it stands, now and then, though nobody traded."""
        encoder = self._encoder
        now_ns = self._clock.now_ns()
        if encoder is not None and abs(now_ns - self._noted_ns) >= every_ns:
            self._note_position(encoder)  # and once more by the commit, which writes it whenever there is something
            if not self.is_serving:
                self.commit()

    def _note_position(self, encoder: Encoder) -> None:
        market = self._market
        self._noted_ns = self._clock.now_ns()
        encoder.note(POSITION, WHERE.pack(market.taken, market.now_ns()))

    def _fail(self, error: OSError) -> None:
        """Nothing more is acknowledged."""
        log.error(
            "db=%s: %s; the counter stops here: its clients are disconnected, what was not acknowledged is lost",
            self.store.path,
            hint(error),
        )
        self.has_failed = True
        self._held.clear()
        self._on_failure()
        held, self._held = self._held, []
        for sink, events in held:
            sink.put(events)  # only the disconnections
        self._is_over = True

    def check(self) -> None:
        """Say that nothing is done any more.

        Raises:
            LogError: the log could not be written.
        """
        if self.has_failed:
            raise LogError(f"db={self.store.path}: could not be written, and the counter has stopped: nothing was done")

    # ------------------------------------------------------------------ days
    def _roll(self, event: DaySettled) -> None:
        """The old day's file is complete, the new one begins with the settlement and what is known of users."""
        self.commit()
        self.check()
        self._noted.clear()
        settlement, before = event.settlement, self.header
        header = new_header(
            before.environment,
            before.identity,
            settlement.next_day,
            self._clock.now_ns(),
            before.address,
            before.number + 1,
            0 if self._world is None else self._world.feed.done,
        )
        encoder = Encoder(State(settlement.next_day), told_out)
        encoder.add([event])
        encoder.note(SESSION, msgspec.msgpack.encode([self.last_session]))
        for values in self._users():
            encoder.note(USER, msgspec.msgpack.encode(values))
        writer = self.store.create(header)
        try:
            writer.append(encoder.take())
            writer.flush()
        except OSError:
            writer.discard()
            raise
        self._writer.close()
        self.store.begin(writer, settlement.trading_day)
        self.header, self._writer, self._encoder = header, writer, None
        self.since_snapshot = 0

    def figures(self) -> dict[str, float]:
        """The present day's file: its commits (its header is the first frame) and its size."""
        return {"log_commits_total": self._writer.number - 1, "log_bytes": self._writer.size}

    def close(self, told: dict[str, Told]) -> None:
        """Write what waits, where the market stands, and of a long day a snapshot with what flows told; unlock."""
        is_due = self.apart.is_busy or self.since_snapshot >= snapshots.AT_CLOSE
        self.apart.stop()
        if not self.has_failed:
            encoder = self._encoder
            if encoder is not None:
                self._note_position(encoder)
            self.commit()
        try:
            self._writer.close()
            if not self.has_failed and is_due:
                self._snapshot(told)
        except OSError as error:
            log.error("db=%s: %s", self.store.path, hint(error))
        except LogError as error:
            log.error("%s", error)
        self.store.close()

    def _snapshot(self, told: dict[str, Told]) -> None:
        assert self._world is not None
        engine = self._world.engine
        reader = LogReader(self.store.path)
        tail = reader.tail(self._writer.size)
        reader.close()
        snapshots.write(
            self.store.path,
            snapshots.snapshot_of(
                self.header,
                self._writer.size,
                self._writer.number,
                (self._market.taken, self._market.now_ns()),
                self.last_session,
                self._users(),
                engine,
                told,
                Known(engine.state, told_out),
                tail,
            ),
        )


class Held:
    """A client's sink as its session sees it: what is put waits for the log."""

    __slots__ = ("_journal", "_sink")

    def __init__(self, journal: Journal, sink: Sink) -> None:
        self._journal = journal
        self._sink = sink

    def put(self, events: Sequence[Callback]) -> None:
        """Queue events in order."""
        self._journal.put(self._sink, events)

    @property
    def depth(self) -> int:
        """Events queued and not yet finished."""
        return self._sink.depth

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once when the client has nothing left to do."""
        self._sink.when_idle(call)


# ------------------------------------------------------------------ the edge's own events
def told_out(told: Callback) -> list[Any]:
    """A callback that the edge alone knows, as plain values; never a password."""
    field = told.field
    values = {
        name: value
        for name, value, default in zip(
            field.__struct_fields__, msgspec.structs.astuple(field), field.__struct_defaults__, strict=True
        )
        if value != default and name not in SECRETS
    }
    info = told.info
    return [told.callback, type(field).__name__, values, None if info is None else [info.ErrorID, info.ErrorMsg]]


def told_back(values: list[Any]) -> Callback:
    """The callback again."""
    callback, name, members, info = values[:4]
    known = set(getattr(structs, name).__struct_fields__)
    field = getattr(structs, name)(**{member: value for member, value in members.items() if member in known})
    return Callback(callback, field, None if info is None else rsp_info(info[0], info[1]))
