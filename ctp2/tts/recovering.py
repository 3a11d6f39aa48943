"""A counter from its log: the same state, flows, users and place in the market (DESIGN section 5, "The log").

Events are applied, nothing is decided again. Prices come from the market, which goes on where it stood; public flows
are told anew from calendar and record, in the same order, so that their numbers are the same.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ctp2.core.address import parse as parse_address
from ctp2.tts import snapshots
from ctp2.tts.codec import POSITION, RETRY, SESSION, USER, WHERE, CodecError
from ctp2.tts.codec_parts import Known
from ctp2.tts.codec_read import Decoder
from ctp2.tts.config import parse
from ctp2.tts.days import days_of
from ctp2.tts.events import RequestRefused
from ctp2.tts.feed import PhaseChange
from ctp2.tts.flows import PRIVATE
from ctp2.tts.journal import Journal, new_header, told_back, told_out
from ctp2.tts.kept import Told, runs
from ctp2.tts.logfile import Header, LogError, LogReader, LogWriter
from ctp2.tts.resting import Resting
from ctp2.tts.shown_book import quote_of
from ctp2.tts.snapshot import load
from ctp2.tts.snapshots import Snapshot
from ctp2.tts.store import Store, settlement_of, settlements

if TYPE_CHECKING:
    from ctp2.core.clock import Clock
    from ctp2.refdata.ticks import Tick
    from ctp2.tts.backend import TtsBackend
    from ctp2.tts.client import Counter
    from ctp2.tts.contract import Contract
    from ctp2.tts.days import Days
    from ctp2.tts.engine import Engine
    from ctp2.tts.environments import World

log = logging.getLogger("ctp2.tts")

_KEPT: Final[dict[type, Any]] = {**PRIVATE, RequestRefused: None}
"""What private flows hold."""
_UNNOTED_NS: Final = 2_000_000_000
"""The place of a live market is in the log every second."""


def world_of(days: Days, reader: LogReader) -> World:
    """The world of the trading day that a log is of.

    Raises:
        LogError: the counter's data do not have that day, or its first commit is missing.
    """
    header = reader.header
    if header.number == 1:
        world = days.first(header.created_ns)
    else:
        first_of = LogReader(reader.path)
        first = next(first_of.frames(), None)
        first_of.close()
        settlement = None if first is None else settlement_of(first)
        if settlement is None:
            raise LogError(f"db={reader.path}: the settlement that it begins with is missing: restore it from a backup")
        before = days.first(header.created_ns) if header.place else None
        for _ in range(header.place):
            assert before is not None
            before.feed.take()  # only the place in the lap counts: our day begins there at nothing
        world = days.world(header.trading_day, header.created_ns, settlement, before)
    if world.trading_day != header.trading_day:
        raise LogError(
            f"db={reader.path}: is at trading day {header.trading_day}, and the counter's data begin on"
            f" {world.trading_day}: give the data that it was made with, or name another file"
        )
    return world


def begun(backend: TtsBackend, store: Store, clock: Clock) -> Journal:
    """The journal of a counter that has no log yet; its file is there with the first commit."""
    header = new_header(
        backend.config.environment, backend.identity, backend.trading_day, clock.now_ns(), backend.config.text
    )
    writer = store.create(header)
    store.begin(writer)
    journal = _journal(backend, store, header, writer, clock)
    journal.enter(backend.world)
    return journal


def recovered(backend: TtsBackend, store: Store, reader: LogReader, clock: Clock) -> Journal:
    """The journal of a counter that goes on, with everything of the log in the backend's state.

    The market goes to its place, working orders to theirs, and positions are marked.
    """
    recovery = Recovery(backend.engine, reader, lambda name: backend.flow(name).told, backend.users.restore)
    snapshot = snapshots.read(store.path, reader)
    if snapshot is None:
        recovery.run()
    else:
        for name, told in recovery.begin_with(snapshot).items():
            backend.flow(name).told = told
        recovery.run(snapshot.end, snapshot.frame)
    header, torn = reader.header, reader.torn
    reader.close()
    if torn:
        log.warning("db=%s: cut off %d bytes of a commit that was never acknowledged", store.path, torn)
    writer = LogWriter.go_on(store.path, store.level, reader.end, reader.number)
    journal = _journal(backend, store, header, writer, clock)
    journal.last_session = recovery.last_session
    journal.enter(backend.world)
    journal.since_snapshot = recovery.count
    backend.tell_phases()
    _go_to(backend.counter, *recovery.where)
    for contract in backend.engine.state.contracts:
        if contract.holders:
            backend.engine.state.mark(contract)
    recovery.resting.put_back()
    for settlement in settlements(store.path):
        backend.statements.add(settlement)
    log.info("db=%s: took up trading day %s with %d events", store.path, header.trading_day, recovery.count)
    return journal


def _journal(backend: TtsBackend, store: Store, header: Header, writer: LogWriter, clock: Clock) -> Journal:
    journal = Journal(store, header, writer, backend.counter, clock, backend.users.changes, backend.halt)
    backend.users.on_change = journal.note_user
    backend.counter.log = journal
    return journal


class Recovery:
    """One pass over a log: into an engine's empty state, the flows of accounts, and what is known of users."""

    def __init__(
        self,
        engine: Engine,
        reader: LogReader,
        told_of: Callable[[str], Told],
        on_user: Callable[[str, str, Any], None],
    ) -> None:
        self.resting = Resting(engine)
        self.where: tuple[int, int] = (0, 0)
        self.last_session = 0
        self.count = 0
        self._engine = engine
        self._reader = reader
        self._told_of = told_of
        self._on_user = on_user

    def begin_with(self, snapshot: Snapshot) -> dict[str, Told]:
        """Everything up to the snapshot's commit at once; returns the flows."""
        flows = load(self._engine, snapshot.state, Known(self._engine.state, None, told_back))
        self.resting.begin_with(snapshot.state["markets"])
        self.where, self.last_session = snapshot.where, snapshot.session
        for user_id, what, value in snapshot.users:
            self._on_user(user_id, what, value)
        return flows

    def run(self, at: int = 0, number: int = 0, before: int = -1) -> None:
        """Apply the commits (from ``at``, where frame ``number`` begins; up to frame ``before``).

        Raises:
            LogError: damage, a later version's events, or events that do not fit this counter.
        """
        reader = self._reader
        decoder = Decoder(
            self._engine.state,
            told_back,
            reader.header.kinds,
            self._on_note,
            self.resting.on_trade,
            self.resting.on_event,
        )
        try:
            for payload in reader.frames(at, number):
                events = decoder.apply(payload)
                self.count += len(events)
                for run in runs(events, _KEPT):
                    self._told_of(run[0].account_id).extend(run)
                if reader.number == before:
                    break
        except CodecError as error:
            raise LogError(f"db={reader.path}: {error}: use the version and the options it was written with") from None
        except (LookupError, ValueError, TypeError, AttributeError, msgspec.MsgspecError) as error:
            raise LogError(
                f"db={reader.path}: frame {reader.number} at byte {reader.end} does not fit this counter"
                f" ({type(error).__name__}: {error}): open it with the options it was written with"
            ) from error

    def _on_note(self, kind: int, body: bytes) -> None:
        if kind == POSITION:
            self.where = WHERE.unpack_from(body)
        elif kind == RETRY:
            self.resting.on_retry(body)
        elif kind == SESSION:
            self.last_session = msgspec.msgpack.decode(body)[0]
        elif kind == USER:
            user_id, what, value = msgspec.msgpack.decode(body)[:3]
            self._on_user(user_id, what, value)


def write_apart() -> None:
    """In a process of its own (``snapshots.Apart``): the log of ``argv[2]``, day ``argv[4]``, up to frame ``argv[3]``.

    Only behind that frame does the log explain its numbers anew: a state from anywhere else could not go on.
    """
    path, before, number = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    gc.disable()  # nothing here is thrown away before the end
    if hasattr(os, "nice"):
        os.nice(10)
    reader = LogReader(path)
    if reader.header.number != number:
        return  # the day has ended meanwhile
    world = world_of(days_of(parse(parse_address(reader.header.address))), reader)
    flows: dict[str, Told] = {}
    users: dict[tuple[str, str], Any] = {}

    def told_of(account_id: str) -> Told:
        if account_id not in flows:
            flows[account_id] = Told(world.engine.state.orders)
        return flows[account_id]

    def on_user(user_id: str, what: str, value: Any) -> None:
        users[user_id, what] = value

    recovery = Recovery(world.engine, reader, told_of, on_user)
    older = snapshots.read(path, reader)
    if older is not None and older.frame <= before:
        flows.update(recovery.begin_with(older))
        recovery.run(older.end, older.frame, before)
    else:
        recovery.run(before=before)
    if reader.number != before:
        sys.exit(f"the log ends at frame {reader.number}, before frame {before}")
    recovery.resting.put_back()
    snapshots.write(
        path,
        snapshots.snapshot_of(
            reader.header,
            reader.end,
            reader.number,
            recovery.where,
            recovery.last_session,
            [[*key, value] for key, value in users.items()],
            world.engine,
            flows,
            Known(world.engine.state, told_out),
            reader.tail(reader.end),
        ),
    )


# ------------------------------------------------------------------ the market
def _go_to(counter: Counter, taken: int, now_ns: int) -> None:
    """Stand where the market stood when so many entries had been taken: of those only the phases are told."""
    world, feed = counter.world, counter.world.feed.record
    latest: dict[int, Tick] = {}
    until_ns = -1
    while (offset := feed.next_offset) is not None:
        if counter.taken >= taken:
            # A loop ran on while nobody wrote where it stood: no snapshot shows less than one before.
            until_ns = offset + _UNNOTED_NS if until_ns < 0 else until_ns
            if not world.always_trades or not taken or offset > until_ns:
                break
        entry = feed.take()
        if isinstance(entry, PhaseChange):
            counter.set_phase_quietly(entry, feed.base_ns + offset)
            counter.tell_phase(entry, feed.base_ns + offset)
        else:
            latest[entry.instrument] = entry
    for tick in latest.values():
        contract = world.day_contracts[tick.instrument]
        if not contract.is_matched:
            _show(world, contract, tick, counter.now_ns())
    if not world.is_live:
        counter.stand_at(now_ns - feed.base_ns)
    elif feed.next_offset is not None:
        counter.stand_at(feed.next_offset)
        if world.made is not None:
            for tick in world.made.go_on(feed.next_offset, counter.now_ns()):
                _show(world, world.day_contracts[tick.instrument], tick, counter.now_ns())


def _show(world: World, contract: Contract, tick: Tick, now_ns: int) -> None:
    """The last snapshot of an instrument: nothing trades by it, and its positions are marked later."""
    world.show(contract, tick, now_ns)
    world.ticks[contract.index] = tick
    quote = quote_of(contract, tick, 0)
    contract.last, contract.bid, contract.bid_volume = quote.last, quote.bid, quote.bid_volume
    contract.ask, contract.ask_volume = quote.ask, quote.ask_volume
