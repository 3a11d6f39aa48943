"""The file of the counter's log: frames that are appended, each with a checksum, and never changed.

A frame is one commit: everything that is acknowledged together. The first frame is the header. A file that ends within
a frame lost what was being written when the machine or the process stopped, which nobody was told of: that tail is cut
off. A bad frame with good ones behind it is damage, and the file is refused (docs/decisions/0109).
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Any, Final, Literal

import msgspec

from ctp2.core.errors import OpenFailed

Level = Literal["none", "normal", "full"]

MAGIC: Final = b"ctp2 log\x00\r\n\x01"
"""Begins every file; a transfer that turns line ends breaks it visibly. The last byte is the form of the frames."""
MARK: Final = b"\xc7\x32\x0f\x1e"
_FRAME: Final = Struct("<4sIQI")
"""Mark, length of the payload, number of the frame, checksum of length, number and payload."""
_CHECKED: Final = Struct("<IQ")
MAX_FRAME: Final = 1 << 30
_BUFFER: Final = 1 << 16
"""With ``none`` this much may wait before it is written."""


_TAIL: Final = 4096
"""How much before a place says which past a log has."""


class LogError(OpenFailed):
    """A log that cannot be used; one line that says which, and what to do."""


class Header(msgspec.Struct, kw_only=True):
    """The first frame: whose log this is.

    ``identity`` names the counter's flows to clients, ``number`` counts the trading days in a row, ``address`` is what
    the counter was opened with when the file was made, ``place`` where in its lap a loop stood when the day began.
    """

    schema: int
    writer: str
    environment: str
    identity: str
    trading_day: str
    created_ns: int
    number: int = 1
    address: str = ""
    place: int = 0
    kinds: dict[int, str] = {}


class LogWriter:
    """Appends frames. Not for several threads."""

    def __init__(self, path: str, level: Level, descriptor: int, size: int, number: int) -> None:
        self.path = path
        self.level = level
        self.size = size
        """Where the next frame begins."""
        self.number = number
        """Number of the next frame."""
        self._descriptor = descriptor
        self._buffered: list[bytes] = []
        self._waiting = 0

    @classmethod
    def create(cls, path: str, header: Header, level: Level) -> LogWriter:
        """A new file; it appears under its name with its header on disk, or not at all."""
        scratch = f"{path}.new"
        with _named(path):
            descriptor = _open(scratch, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        writer = cls(path, level, descriptor, 0, 0)
        try:
            with _named(path):
                _write_all(descriptor, MAGIC)
                writer.size = len(MAGIC)
                writer._append(msgspec.msgpack.encode(header))
                os.fsync(descriptor)
        except BaseException:
            writer.discard()
            raise
        return writer

    def discard(self) -> None:
        """Give up a file that was made by :meth:`create` and has no name yet."""
        self._buffered.clear()
        with contextlib.suppress(OSError):
            self.close()
        with contextlib.suppress(OSError):
            os.unlink(f"{self.path}.new")

    def publish(self) -> None:
        """Give a file that was made by :meth:`create` its name. Not all systems rename a file that is open.

        It is on disk before, whatever the level: what stands under the name now is needed until then.
        """
        with _named(self.path):
            self.flush()
            os.fsync(self._descriptor)
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
            os.replace(f"{self.path}.new", self.path)
            sync_folder(self.path)
            self._descriptor = _open(self.path, os.O_RDWR)
            os.lseek(self._descriptor, self.size, os.SEEK_SET)

    @classmethod
    def go_on(cls, path: str, level: Level, size: int, number: int) -> LogWriter:
        """Append to a file that was read up to ``size``; what is behind is cut off."""
        with _named(path):
            descriptor = _open(path, os.O_RDWR)
        writer = cls(path, level, descriptor, size, number)
        try:
            with _named(path):
                os.ftruncate(descriptor, size)
                os.lseek(descriptor, size, os.SEEK_SET)
                os.fsync(descriptor)
        except BaseException:
            writer.close()
            raise
        return writer

    def append(self, payload: bytes) -> None:
        """Write a frame: to the system (``normal``), to the disk (``full``), or soon (``none``).

        Raises:
            OSError: it is not written; what was written of it is cut off again where that is possible.
        """
        if self.level == "none":
            frame = _frame(self.number, payload)
            self._buffered.append(frame)
            self.number += 1
            self._waiting += len(frame)
            if self._waiting >= _BUFFER:
                self.flush()
            return
        self._append(payload)
        if self.level == "full":
            _to_disk(self._descriptor)

    def flush(self) -> None:
        """Write what waits."""
        if self._buffered:
            frames, self._buffered, self._waiting = b"".join(self._buffered), [], 0
            self._write(frames)

    def close(self) -> None:
        """Write what waits, and close."""
        if self._descriptor < 0:
            return  # closed, or its new name was not to be had
        try:
            self.flush()
            if self.level != "none":
                _to_disk(self._descriptor)
        finally:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _append(self, payload: bytes) -> None:
        frame = _frame(self.number, payload)
        self._write(frame)
        self.number += 1

    def _write(self, data: bytes) -> None:
        try:
            _write_all(self._descriptor, data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise
        self.size += len(data)


def _frame(number: int, payload: bytes) -> bytes:
    size = len(payload)
    return _FRAME.pack(MARK, size, number, zlib.crc32(payload, zlib.crc32(_CHECKED.pack(size, number)))) + payload


def _write_all(descriptor: int, data: bytes) -> None:
    """The system may take less than it was given, and says at the next write why."""
    written = os.write(descriptor, data)
    while written < len(data):
        more = os.write(descriptor, data[written:])
        if not more:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += more


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)


def _to_disk(descriptor: int) -> None:
    """Through the system's caches to the disk; on macOS only ``F_FULLFSYNC`` does that."""
    try:
        import fcntl

        # Any: on a platform without it the type checker knows the module and none of its functions.
        module: Any = fcntl
        full = getattr(module, "F_FULLFSYNC", None)
        if full is not None:
            module.fcntl(descriptor, full)
            return
    except (ImportError, OSError):
        pass
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(path: str) -> None:
    """Make a renaming last through a power cut, where the platform can."""
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(path) or os.curdir, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class _Named:
    """Words an ``OSError`` as a :class:`LogError` that names the log."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError):
            raise LogError(f"db={self._path}: {hint(error)}") from None


def _named(path: str) -> _Named:
    return _Named(path)


def hint(error: OSError) -> str:
    """The system's words, and what to do about the usual ones."""
    hints = {
        errno.ENOSPC: "the disk is full: make room and start again; nothing that was acknowledged is lost",
        getattr(
            errno, "EDQUOT", -1
        ): "the quota is used up: make room and start again; nothing that was acknowledged is lost",
        errno.EROFS: "the file system is read-only: a counter must write its log",
        errno.EACCES: "no permission to write it: give this user the right, or name another file",
        errno.EPERM: "no permission to write it: give this user the right, or name another file",
        errno.EISDIR: "is a folder: name a file in it",
        errno.ENOENT: "its folder does not exist: create it first",
    }
    return hints.get(error.errno or 0, error.strerror or str(error))


# ------------------------------------------------------------------ reading
class LogReader:
    """The frames of a file, from its header on; never writes.

    After the last frame ``end`` is where the good part ends and ``torn`` how many bytes are behind it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.torn = 0
        self.end = 0
        self.number = 0
        """Number of the next frame."""
        with _named(path), open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._data: mmap.mmap | bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        self._size = size
        begins = bytes(self._data[: len(MAGIC)])
        if begins != MAGIC:
            self.close()
            if not MAGIC.startswith(begins):
                raise LogError(f"db={path}: is not a log of ctp2: name another file")
            raise LogError(f"db={path}: holds nothing: a file that was never finished; remove it")
        self.end = len(MAGIC)
        self.size = size
        """How long the file was when it was opened."""
        self.header = self._header()

    def _header(self) -> Header:
        first = next(self.frames(), None)
        if first is None:
            raise LogError(
                f"db={self.path}: its header is damaged: restore it from a backup, or remove it to begin anew"
            )
        try:
            return msgspec.msgpack.decode(first, type=Header)
        except msgspec.MsgspecError as error:
            raise LogError(f"db={self.path}: its header cannot be read ({error}): restore it from a backup") from None

    def frames(self, at: int = 0, number: int = 0) -> Iterator[bytes]:
        """The payloads in their order, behind those read before (or from ``at``, where frame ``number`` begins).

        Raises:
            LogError: a bad frame stands before good ones.
        """
        if at:
            self.end, self.number = at, number
        data, size = self._data, self._size
        while True:
            payload = self._payload(self.end, self.number)
            if payload is None:
                break
            self.end += _FRAME.size + len(payload)
            self.number += 1
            yield payload
        self.torn = size - self.end
        if self.torn:
            self._look_behind(data)

    def _payload(self, at: int, number: int) -> bytes | None:
        """The good frame at ``at``; None when there is none. ``number`` below 0 means any."""
        if at + _FRAME.size > self._size:
            return None
        mark, length, found, checksum = _FRAME.unpack_from(self._data, at)
        start = at + _FRAME.size
        if mark != MARK or length > MAX_FRAME or start + length > self._size or (number >= 0 and found != number):
            return None
        payload = self._data[start : start + length]
        return payload if zlib.crc32(payload, zlib.crc32(_CHECKED.pack(length, found))) == checksum else None

    def _look_behind(self, data: mmap.mmap | bytes) -> None:
        """A good frame behind a bad one: this is no torn tail."""
        at = data.find(MARK, self.end + 1)
        while at >= 0:
            if self._payload(at, -1) is not None:
                raise LogError(
                    f"db={self.path}: is damaged at byte {self.end} (frame {self.number}), and later commits are not:"
                    f" restore it from a backup, or cut it to {self.end} bytes and lose what came after"
                )
            at = data.find(MARK, at + 1)

    def tail(self, end: int) -> int:
        """A checksum of what stands before ``end``: a log with another past has another."""
        return zlib.crc32(self._data[max(end - _TAIL, 0) : end])

    def close(self) -> None:
        """Let the file go."""
        if isinstance(self._data, mmap.mmap):
            self._data.close()
        self._data, self._size = b"", 0
