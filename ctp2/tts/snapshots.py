"""The snapshot beside a log: written when the counter closes, and now and then by a process of its own.

That process reads the log up to a commit and writes the state it leads to (``python -c`` with :func:`write_apart`), so
the running counter never stops for it. A snapshot that is missing, damaged, of another form or not of this log is left
alone: the log itself says everything (docs/decisions/0112).
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

import ctp2
from ctp2.tts.codec_parts import Known
from ctp2.tts.codec_table import NAMES
from ctp2.tts.kept import Told
from ctp2.tts.logfile import Header, LogReader
from ctp2.tts.snapshot import FORM, dump

if TYPE_CHECKING:
    from ctp2.tts.engine import Engine

log = logging.getLogger("ctp2.tts")

MAGIC: Final = b"ctp2 snap\r\n\x01"
_FRAME: Final = Struct("<QI")
"""Length and checksum of what follows."""
EVERY: Final = 250_000
"""Events between two snapshots that a process of its own writes."""
AT_CLOSE: Final = 5_000
"""A shorter log is read as fast as a snapshot."""
_SCRIPT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from ctp2.tts.recovering import write_apart; write_apart()"
)
_TROUBLE: Final = (OSError, ValueError, LookupError, TypeError, msgspec.MsgspecError)


class Snapshot(msgspec.Struct, kw_only=True):
    """A state, and the place in the log behind which it goes on (``end``, where frame ``frame`` begins)."""

    form: int
    identity: str
    number: int
    trading_day: str
    end: int
    frame: int
    where: tuple[int, int]
    session: int
    users: list[list[Any]]
    state: dict[str, Any]
    kinds: dict[int, str] = {}
    tail: int = -1
    """``LogReader.tail`` of ``end``: the log may have been put back and gone another way; -1: not known."""


def snapshot_of(
    header: Header,
    end: int,
    frame: int,
    where: tuple[int, int],
    session: int,
    users: list[list[Any]],
    engine: Engine,
    flows: dict[str, Told],
    known: Known,
    tail: int,
) -> Snapshot:
    """The snapshot of a state behind a commit."""
    return Snapshot(
        form=FORM,
        identity=header.identity,
        number=header.number,
        trading_day=header.trading_day,
        end=end,
        frame=frame,
        where=where,
        session=session,
        users=users,
        state=dump(engine, flows, known),
        kinds=NAMES,
        tail=tail,
    )


def write(path: str, snapshot: Snapshot) -> None:
    """Write it beside the log; it is there whole or not at all."""
    packed = msgspec.msgpack.encode(snapshot)
    scratch = f"{path}.snapshot.{os.getpid()}"
    try:
        with open(scratch, "wb") as file:
            file.write(MAGIC + _FRAME.pack(len(packed), zlib.crc32(packed)))
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, f"{path}.snapshot")
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(scratch)
        raise


def read(path: str, reader: LogReader) -> Snapshot | None:
    """The snapshot of the log that is read; None when there is none that fits."""
    name = f"{path}.snapshot"
    try:
        data = Path(name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s: %s; the log is read from its beginning", name, error.strerror)
        return None
    try:
        if not data.startswith(MAGIC):
            raise ValueError("no snapshot, or of another form")
        size, checksum = _FRAME.unpack_from(data, len(MAGIC))
        packed = data[len(MAGIC) + _FRAME.size :]
        if len(packed) != size or zlib.crc32(packed) != checksum:
            raise ValueError("it is damaged")
        snapshot = msgspec.msgpack.decode(packed, type=Snapshot)
        if snapshot.form != FORM:
            raise ValueError(f"of form {snapshot.form}, and this version reads {FORM}")
        if (snapshot.identity, snapshot.number) != (reader.header.identity, reader.header.number):
            raise ValueError("it is of another day or log")
        if snapshot.end > reader.size:
            raise ValueError("the log is shorter")
        if snapshot.tail not in (-1, reader.tail(snapshot.end)):
            raise ValueError("the log says something else before its place")
    except _TROUBLE as error:
        log.warning("%s: %s; the log is read from its beginning", name, error)
        return None
    return snapshot


# ------------------------------------------------------------------ a process of its own
class Apart:
    """Has another process write a snapshot, one at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._is_over = False

    @property
    def is_busy(self) -> bool:
        """Whether one is being written."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, frame: int, number: int) -> None:
        """Write the state that the frames before ``frame`` of day ``number``'s log lead to.

        Starting a process costs milliseconds. A program that was frozen into one file cannot start an interpreter.
        """
        if sys.executable and not getattr(sys, "frozen", False) and not self.is_busy:
            self._thread = threading.Thread(target=self._run, args=(frame, number), name="ctp2-snapshot", daemon=True)
            self._thread.start()

    def _run(self, frame: int, number: int) -> None:
        place = str(Path(ctp2.__file__).resolve().parents[1])
        words = [sys.executable, "-c", _SCRIPT, place, self._path, str(frame), str(number)]
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            if self._is_over:
                self._process.kill()
            _, said = self._process.communicate()
        except OSError as error:
            log.warning("db=%s: no process for a snapshot: %s", self._path, error)
            return
        if self._process.returncode and not self._is_over:
            lines = said.decode(errors="replace").strip().splitlines() or ["it was ended"]
            log.warning("db=%s: no snapshot was written: %s", self._path, lines[-1])

    def wait(self) -> None:
        """Until what was begun is done."""
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """End it."""
        self._is_over = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self.wait()
