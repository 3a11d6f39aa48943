"""Where a counter's log lies: its files, who may use them, and the settlements in them.

``PATH`` holds the present trading day, ``PATH.20261123`` an earlier one, ``PATH.snapshot`` a shorter way to the present
state, ``PATH.lock`` keeps other counters out. The present day's file begins with the settlement of the day before, so
nothing but statements needs the earlier ones.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from ctp2.core.filelock import lock_file
from ctp2.tts.codec import DEFINE_COMMON, HEAD, HEAD_SIZE, SCHEMA, WIDE
from ctp2.tts.codec_parts import Known
from ctp2.tts.codec_table import ENTRIES
from ctp2.tts.events import DaySettled
from ctp2.tts.logfile import Header, Level, LogError, LogReader, LogWriter, hint, sync_folder
from ctp2.tts.settled import Settlement
from ctp2.tts.state import State

_DAY_FILE: Final = re.compile(r"\.(\d{8})(-\d+)?$")


class Store:
    """The files of one log, locked until :meth:`close`."""

    def __init__(self, path: str, level: Level) -> None:
        self.path = path
        self.level = level
        self._lock: BinaryIO | None = None
        if os.path.isdir(path):
            raise LogError(f"db={path}: is a folder: name a file in it")
        try:
            os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
            self._lock = open(f"{path}.lock", "a+b")  # noqa: SIM115  # held until close
        except OSError as error:
            raise LogError(f"db={path}: {hint(error)}") from None
        if not lock_file(self._lock):
            self.close()
            raise LogError(f"db={path}: is in use by another counter, here or in another process: stop that one first")
        try:
            self._finish_roll()
        except BaseException:
            self.close()
            raise

    def read(self, environment: str) -> LogReader | None:
        """The present day's file, checked for its version and its environment; None when there is none yet."""
        if not os.path.exists(self.path):
            return None
        if not os.access(self.path, os.W_OK):
            raise LogError(f"db={self.path}: no permission to write it: give this user the right, or name another file")
        reader = LogReader(self.path)
        try:
            check(reader.header, self.path)
            if reader.header.environment != environment:
                raise LogError(
                    f"db={self.path}: is the log of tts://{reader.header.environment}, not of tts://{environment}:"
                    f" name another file"
                )
        except BaseException:
            reader.close()
            raise
        return reader

    def create(self, header: Header) -> LogWriter:
        """A new file for a trading day; it takes the place of the present one with :meth:`begin`."""
        return LogWriter.create(self.path, header, self.level)

    def begin(self, writer: LogWriter, day_before: str = "") -> None:
        """Make a new file the present one; that of ``day_before`` is kept under its day."""
        try:
            if day_before and os.path.exists(self.path):
                os.replace(self.path, _free(f"{self.path}.{day_before}"))
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self.path}.snapshot")
            writer.publish()
        except OSError as error:
            raise LogError(f"db={self.path}: {hint(error)}") from None

    def _finish_roll(self) -> None:
        """A process that ended between the two steps of a roll left the new day's file under its first name."""
        scratch = f"{self.path}.new"
        if os.path.exists(self.path) or not os.path.exists(scratch):
            return
        if not days_of(self.path):
            os.unlink(scratch)  # the first day: nobody was told anything yet
            return
        reader = LogReader(scratch)
        complete = next(reader.frames(), None) is not None
        reader.close()
        if not complete:
            raise LogError(f"db={self.path}: {scratch} is not complete: rename the newest of the days to {self.path}")
        os.replace(scratch, self.path)
        sync_folder(self.path)

    def close(self) -> None:
        """Unlock."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()


def check(header: Header, path: str) -> None:
    """Refuse what another major form wrote (DESIGN section 5: the same works, another is refused)."""
    if header.schema != SCHEMA:
        who = "a newer" if header.schema > SCHEMA else "an older"
        raise LogError(
            f"db={path}: was written by {who} ctp2 ({header.writer}, form {header.schema}; this one reads {SCHEMA}):"
            f" use that version, or name another file"
        )


def days_of(path: str) -> list[str]:
    """The files of earlier days, oldest first."""
    folder, name = os.path.split(os.path.realpath(path))
    found = []
    with contextlib.suppress(OSError):
        for other in os.listdir(folder or os.curdir):
            if other.startswith(f"{name}.") and _DAY_FILE.fullmatch(other[len(name) :]):
                found.append(os.path.join(folder, other))
    return sorted(found)


def _free(path: str) -> str:
    """``path``, or with a number where a day was played before."""
    number, free = 1, path
    while os.path.exists(free):
        number += 1
        free = f"{path}-{number}"
    return free


def settlements(path: str) -> Iterator[Settlement]:
    """The settlements in a log, oldest first; read-only, also while a counter writes it.

    Raises:
        LogError: no such log, or one that is damaged.
    """
    if not os.path.exists(path):
        raise LogError(f"db={path}: no such log")
    for name in (*days_of(path), path):
        reader = LogReader(name)
        try:
            check(reader.header, name)
            first = next(reader.frames(), None) if reader.header.number > 1 else None
            settlement = None if first is None else settlement_of(first)
        finally:
            reader.close()
        if settlement is not None:
            yield settlement


def settlement_of(records: bytes) -> Settlement | None:
    """The settlement with which a day's first commit begins."""
    import msgspec

    entry = ENTRIES[DaySettled]
    at = 0
    while at < len(records):
        kind, size = HEAD.unpack_from(records, at)
        if kind == entry.number:
            body = records[at + HEAD_SIZE : at + HEAD_SIZE + size]
            event = entry.back(Known(State("")), msgspec.msgpack.decode(body))
            assert isinstance(event, DaySettled)
            found: Settlement = event.settlement
            return found
        if kind != DEFINE_COMMON and not WIDE <= kind <= 255:
            return None
        at += HEAD_SIZE + size
    return None
