"""Private and public flow: numbered events, and how far a client has received them.

Client side: :class:`Flow` keeps the count of received events, in memory and in CTP's five ``.con`` files, and turns the
resume modes into positions for ``Session.subscribe_topic``. Counter side: :class:`FlowLog` is the numbered log that a
counter keeps per user (private) and once for all (public).

A position is written to a mapped file after each callback: a process that is killed has delivered at most the one event
whose callback had not returned, and gets that one again. (Only a crash of the machine itself can lose written counts.)
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
import threading
from copy import copy
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, Final

from ctp2.core.backend import NONE, QUICK, Event
from ctp2.core.errors import FlowInUse
from ctp2.core.filelock import lock_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctp2.core.backend import Sink, Topic

log = logging.getLogger("ctp2.flow")


class Resume(IntEnum):
    """``THOST_TE_RESUME_TYPE``."""

    RESTART = 0
    RESUME = 1
    QUICK = 2
    NONE = 3
    RESUME_FROM_SEQ_NO = 4


TOPICS: Final[tuple[Topic, Topic]] = ("private", "public")
TRADER_FILES: Final = ("DialogRsp.con", "QueryRsp.con", "TradingDay.con", "Public.con", "Private.con")
MD_FILES: Final = TRADER_FILES[:3]
_LOCKED: Final = "DialogRsp.con"

_MAGIC: Final = b"CTP2FLW1"
_HEADER: Final = struct.Struct("<8sq8s40s")
"""Magic, received count, trading day, identity of the counter's log."""
_COUNT: Final = struct.Struct("<q")
_COUNT_AT: Final = 8
_write_count = _COUNT.pack_into


class Position:
    """How far one flow has been received: 64 bytes in memory or in a file."""

    __slots__ = ("_buffer", "_count", "identity", "trading_day")

    def __init__(self, buffer: bytearray | mmap.mmap) -> None:
        self._buffer = buffer
        magic, count, trading_day, identity = _HEADER.unpack_from(buffer, 0)
        if magic != _MAGIC:
            # New, or written by another library under the same name: nothing is known.
            count, trading_day, identity = 0, b"", b""
        self._count: int = count
        self.trading_day: str = trading_day.rstrip(b"\0").decode("utf-8", "replace")
        """The day whose events are counted; empty when nothing was received yet."""
        self.identity: str = identity.rstrip(b"\0").decode("utf-8", "replace")
        """Name of the logs that were received; empty when the counter does not name them."""

    @property
    def count(self) -> int:
        """Sequence of the last event received."""
        return self._count

    def receive(self, count: int) -> None:
        """The event of sequence ``count`` was received: eight bytes are written."""
        self._count = count
        _write_count(self._buffer, _COUNT_AT, count)

    def move(self, trading_day: str, identity: str, count: int = 0) -> None:
        """Count from ``count`` in the log ``identity`` of ``trading_day``."""
        if (trading_day, identity, count) == (self.trading_day, self.identity, self._count):
            return
        self.trading_day, self.identity, self._count = trading_day, identity, count
        _HEADER.pack_into(self._buffer, 0, _MAGIC, count, trading_day.encode(), identity.encode())

    def is_of(self, trading_day: str, identity: str) -> bool:
        """Whether the count belongs to ``trading_day`` of the counter whose logs are ``identity`` (empty: unknown)."""
        return self.trading_day == trading_day and not self.is_foreign(identity)

    def is_foreign(self, identity: str) -> bool:
        """Whether the count certainly belongs to other logs than ``identity``."""
        return bool(identity and self.identity and identity != self.identity)


def _memory() -> Position:
    return Position(bytearray(_HEADER.size))


def _copied(old: Position) -> Position:
    new = _memory()
    new.move(old.trading_day, old.identity, old.count)
    return new


# --- files -----------------------------------------------------------------------------------------------------------

_prefixes: set[str] = set()
"""Flow prefixes in use in this process: not every platform's lock refuses a second use by the same process."""
_prefixes_lock = threading.Lock()


class FlowFiles:
    """The ``.con`` files of one prefix, locked until :meth:`close`.

    Raises:
        FileNotFoundError: the folder of the prefix does not exist.
        FlowInUse: another live Api object, here or in another process, uses the prefix.
    """

    def __init__(self, prefix: str, names: Sequence[str]) -> None:
        folder = os.path.dirname(prefix) or os.curdir
        if not os.path.isdir(folder):
            raise FileNotFoundError(2, "the folder of the flow path does not exist: create it first", folder)
        self._key = os.path.join(os.path.realpath(folder), os.path.basename(prefix))
        self._files: dict[str, BinaryIO] = {}
        self._maps: dict[str, mmap.mmap] = {}
        self._closed = False
        self._reserve()
        try:
            for name in names:
                self._open(prefix, name)
        except BaseException:
            self.close()
            raise

    def position(self, name: str) -> Position:
        """The position kept in file ``name``."""
        return Position(self._maps[name])

    def close(self) -> None:
        """Unlock and close; harmless when repeated."""
        with _prefixes_lock:
            if self._closed:
                return
            self._closed = True
            _prefixes.discard(self._key)
        for mapped in self._maps.values():
            mapped.close()
        for file in self._files.values():
            file.close()

    def _reserve(self) -> None:
        with _prefixes_lock:
            if self._key in _prefixes:
                self._closed = True
                raise self._in_use("another Api object of this program")
            _prefixes.add(self._key)

    def _open(self, prefix: str, name: str) -> None:
        # Created without being cut, which must not happen before the lock is held.
        descriptor = os.open(prefix + name, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        file = self._files[name] = os.fdopen(descriptor, "r+b")
        if name == _LOCKED and not lock_file(file):
            raise self._in_use("another process")
        file.seek(0, os.SEEK_END)
        if file.tell() < _HEADER.size:
            file.truncate(_HEADER.size)
        self._maps[name] = mmap.mmap(file.fileno(), _HEADER.size)

    def _in_use(self, by: str) -> FlowInUse:
        return FlowInUse(f"flow path {self._key!r} is in use by {by}: give every Api object a flow path of its own")


# --- the client's side -----------------------------------------------------------------------------------------------


class Flow:
    """What one Api object knows of its flows. Positions change on its callback thread only."""

    def __init__(self, prefix: str, names: Sequence[str]) -> None:
        """``prefix`` may be empty: then positions live in memory until :meth:`use` names the files."""
        self._names = names
        self._files: FlowFiles | None = None
        self._prefix = ""
        self._resume: dict[Topic, tuple[Resume, int]] = dict.fromkeys(TOPICS, (Resume.RESTART, 1))
        self._seen_login = False
        self._day = _memory()
        self._positions: dict[Topic, Position] = {topic: _memory() for topic in TOPICS}
        if prefix:
            self._open(prefix)

    def _open(self, prefix: str) -> None:
        files = FlowFiles(prefix, self._names)
        self.close()
        self._files, self._prefix = files, prefix
        self._day = files.position("TradingDay.con")
        for topic in TOPICS:
            name = f"{topic.capitalize()}.con"
            if name in self._names:
                self._positions[topic] = files.position(name)

    def use(self, prefix: str) -> None:
        """Keep positions under ``prefix`` (of a user known only now); in memory when that is not possible."""
        if prefix == self._prefix:
            return
        try:
            os.makedirs(os.path.dirname(prefix), exist_ok=True)
            self._open(prefix)
        except (FlowInUse, OSError) as error:
            log.info("flow positions are not kept beyond this process: %s", error)
            self.close()
            self._day = _memory()
            self._positions = {topic: _memory() for topic in TOPICS}
            self._prefix = prefix
        self._seen_login = False

    @property
    def trading_day(self) -> str:
        """The day of the last login, also of an earlier process; empty when there was none."""
        return self._day.trading_day

    def set_resume(self, topic: Topic, mode: Resume, sequence: int = 1) -> None:
        """Choose the resume mode of ``topic``; ``sequence`` is the first wanted with ``RESUME_FROM_SEQ_NO``."""
        self._resume[topic] = (mode, sequence)

    def starts(self, identity: str) -> Iterator[tuple[Topic, str, int]]:
        """Arguments of ``Session.subscribe_topic`` for the next login to a counter whose logs are ``identity``."""
        for topic in TOPICS:
            yield (topic, *self._start(topic, identity))

    def _start(self, topic: Topic, identity: str) -> tuple[str, int]:
        mode, sequence = self._resume[topic]
        position = self._positions[topic]
        if mode is Resume.QUICK:
            return "", QUICK
        if mode is Resume.NONE:
            return "", NONE
        if not self._seen_login and mode is not Resume.RESUME:
            return "", self._first_count(mode, sequence)
        if position.is_foreign(identity):
            return "", 0
        # The position's day is empty when nothing was ever received: then the count is 0 as well.
        return position.trading_day, position.count

    @staticmethod
    def _first_count(mode: Resume, sequence: int) -> int:
        return max(sequence - 1, 0) if mode is Resume.RESUME_FROM_SEQ_NO else 0

    def logged_in(self, trading_day: str, identity: str) -> None:
        """A login succeeded: positions of another day or log are void."""
        self._day.move(trading_day, identity)
        for topic, position in self._positions.items():
            mode, sequence = self._resume[topic]
            count = position.count if position.is_of(trading_day, identity) else 0
            if not self._seen_login and mode in (Resume.RESTART, Resume.RESUME_FROM_SEQ_NO):
                count = self._first_count(mode, sequence)
            position.move(trading_day, identity, count)
        self._seen_login = True

    def received(self, event: Event) -> None:
        """The callback of an event of a flow returned."""
        if event.topic is not None:
            self._positions[event.topic].receive(event.sequence)

    def close(self) -> None:
        """Close the files; positions go on in memory."""
        files, self._files = self._files, None
        if files is None:
            return
        for topic, old in list(self._positions.items()):
            self._positions[topic] = _copied(old)
        self._day = _copied(self._day)
        self._prefix = ""
        files.close()


# --- the counter's side ----------------------------------------------------------------------------------------------


class FlowLog:
    """The numbered events of one flow and trading day, and the sinks that follow it. Used on one thread."""

    __slots__ = ("_events", "_followers", "topic", "trading_day")

    def __init__(self, topic: Topic, trading_day: str) -> None:
        self.topic: Topic = topic
        self.trading_day = trading_day
        self._events: list[Event] = []
        self._followers: dict[Sink, int] = {}

    def __len__(self) -> int:
        return len(self._events)

    def append(self, event: Event) -> None:
        """Number ``event``, keep it, and send it to the followers.

        A field that is built already is copied for every client, now and in replays.
        """
        if event.build is None and event.field is not None:
            event.build = copy
        self._events.append(event)
        event.topic = self.topic
        event.sequence = len(self._events)
        for sink, after in self._followers.items():
            if event.sequence > after:
                sink.put((event,))

    def follow(self, sink: Sink, after: int) -> Sequence[Event]:
        """Send what comes from now on to ``sink``; returns what it has to get first.

        ``after`` as in ``Session.subscribe_topic``. A client that claims more than the log holds (the log was cleared
        within the day) hears nothing until the log has grown past it, as at a CTP counter.
        """
        if after == NONE:
            return ()
        if after == QUICK:
            self._followers[sink] = 0
            return ()
        self._followers[sink] = after
        return self._events[after:]

    def leave(self, sink: Sink) -> None:
        """Send nothing more to ``sink``."""
        self._followers.pop(sink, None)

    def restart(self, trading_day: str) -> None:
        """Begin an empty log of another day; the followers stay and get it from its start."""
        self.trading_day = trading_day
        self._events = []
        self._followers = dict.fromkeys(self._followers, 0)
