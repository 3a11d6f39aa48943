"""Finding the private server of a front address: a server on loopback for one user and one address.

A native program that registers ``tts://7x24`` needs a server, as the counter is Python. Its library runs
``ctp2 serve --private tts://7x24``, which says where that address is served already, or serves it
(:mod:`ctp2.front.private_server`). Which of the two is decided by a lock: whoever holds the lock file
``private-KEY.lock`` in the runtime folder is the server of that address or is about to be, and the system lets go of it
however its process ends. So no pid needs to be trusted, and two starters end with one server.

The file holds, while clients may come, one line ``ready PID TRADE MD TOKEN`` (a port of 0: not offered) and below it
the address. It is its user's alone (mode 0600, folder 0700), as the token in it lets a client in.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

from ctp2.core import address as addresses
from ctp2.core.address import Address
from ctp2.core.errors import AddressError, BadPacket, OpenFailed
from ctp2.core.filelock import lock_file
from ctp2.core.paths import runtime_dir
from ctp2.front import wire

HOST: Final = "127.0.0.1"
WAIT_SECONDS: Final = 60.0
"""How long another process may take to open its backend before this one gives up."""
ANSWER_SECONDS: Final = 10.0
"""How long a server may take to answer a ping before another takes its place."""
_PAUSE: Final = 0.02
_READY: Final = "ready"
_MAX_BYTES: Final = 65_536
_FRONTS: Final = frozenset(("tcp", "tcp6", "ssl"))
_DEFAULT_HOST: Final = {"tts": "7x24"}
"""What a scheme means that is written alone (DESIGN section 2)."""


def canonical(text: str) -> str:
    """The same text for all addresses that share a private server.

    The order of options does not count, nor how a character is escaped; names of files are made absolute, and ``tts://``
    is ``tts://7x24``. Everything else does: another option or value is another server.

    Raises:
        ValueError: no address, or one of a front, which needs no private server.
    """
    address = addresses.parse(text)
    if address.scheme in _FRONTS:
        raise AddressError(f"{address.text!r} is the address of a front already: give that of a backend (tts://7x24)")
    if address.options:
        # Imported late, as it loads the backend: whoever only looks for a server of tts://7x24 needs none.
        from ctp2 import registry

        address = registry.located(address)
    host = address.host or _DEFAULT_HOST.get(address.scheme, "")
    options = dict(sorted(address.options.items()))
    return Address(address.scheme, host, address.path, options, address.text).rendered()


class Place(NamedTuple):
    """The files of a private server."""

    lock: Path
    log: Path


def place_of(address: str) -> Place:
    """Where the server of a canonical address keeps its files; makes the folder.

    Raises:
        OpenFailed: the folder is another user's.
    """
    folder = runtime_dir()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "geteuid"):
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise OpenFailed(f"{folder} belongs to another user: set CTP2_HOME to a folder of your own")
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    name = f"private-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    return Place(folder / f"{name}.lock", folder / f"{name}.log")


class Found(NamedTuple):
    """A private server: its process, its ports (0: not offered), and what lets a client in."""

    pid: int
    trade: int
    md: int
    token: str

    def __repr__(self) -> str:
        return f"<Found {self.pid} {self.trade} {self.md}>"  # a token is a secret

    def line(self) -> str:
        """What the file holds, and what starters are told."""
        return f"{_READY} {self.pid} {self.trade} {self.md} {self.token}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What a line says; None for any other."""
        match text.split(" "):
            case [word, pid, trade, md, token] if word == _READY and all(map(str.isdecimal, (pid, trade, md))):
                return cls(int(pid), int(trade), int(md), token)
        return None


def new_token() -> str:
    """What nobody can guess."""
    return secrets.token_hex(16)


class Seat:
    """The lock of a private server, held by this process."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        file.truncate(0)

    def tell(self, found: Found, address: str) -> None:
        """Clients may come."""
        self._file.seek(0)
        self._file.write(f"{found.line()}\n{address}\n".encode())
        self._file.flush()

    def retire(self) -> None:
        """No client may come any more; those who look for a server wait until this one has ended."""
        self._file.truncate(0)

    def leave(self) -> None:
        """Let go of the lock."""
        self.retire()
        if _is_at(self._file, self._path):
            # Windows removes no file that is open; an empty one that nobody holds says the same.
            with suppress(PermissionError):
                self._path.unlink()
        self._file.close()


def find(path: Path, wait: float = WAIT_SECONDS, answer: float = ANSWER_SECONDS) -> Found | Seat:
    """The server whose lock file ``path`` is, or the right to be it.

    Raises:
        OpenFailed: the file is not this user's alone, or another process has held it for ``wait`` seconds without
            being ready.
    """
    deadline = time.monotonic() + wait
    while True:
        found = _look(path, answer)
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise OpenFailed(f"another process has held {path} for {wait:g} s and serves nothing: end it, or remove it")
        time.sleep(_PAUSE)


def _look(path: Path, answer: float) -> Found | Seat | None:
    """None: it is not decided yet."""
    file = _open(path)
    if lock_file(file):
        if _is_at(file, path):
            return Seat(path, file)
        file.close()
        return None
    with file:
        found = _read(file)
        if found is not None and not answers(found, answer):
            _remove(file, path, found)
            found = None
    return found


def _open(path: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
    except PermissionError:
        raise OpenFailed(f"{path} is another user's: remove it") from None
    found = os.fstat(file.fileno())
    if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077):
        file.close()
        raise OpenFailed(f"{path} is another user's, or others may read it: remove it")
    return file


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _read(file: BinaryIO) -> Found | None:
    file.seek(0)
    first, end, _ = file.read(_MAX_BYTES).partition(b"\n")
    return Found.read(first.decode("ascii", "replace")) if end else None


def _remove(file: BinaryIO, path: Path, found: Found) -> None:
    """Make room for another: the process that holds the lock does not answer."""
    try:
        if _is_at(file, path):
            path.unlink(missing_ok=True)
    except PermissionError:
        raise OpenFailed(f"the private server {found.pid} does not answer: end that process") from None


def answers(found: Found, within: float = ANSWER_SECONDS) -> bool:
    """Whether a front answers a ping there."""
    deadline = time.monotonic() + within
    cutter = wire.Cutter()
    try:
        with socket.create_connection((HOST, found.trade or found.md), within) as link:
            link.sendall(wire.ping(1))
            while (left := deadline - time.monotonic()) > 0:
                link.settimeout(left)
                data = link.recv(_MAX_BYTES)
                if not data:
                    return False
                if any(frame.kind == wire.PONG for frame in cutter.feed(data)):
                    return True
                cutter.check()
    except (OSError, BadPacket):
        return False
    return False
