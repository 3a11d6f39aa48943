"""What must outlive the process, per host, port and client id: the highest order id, trade ids, first positions.

One SQLite file per connection in the user's data folder. A row that :meth:`Store.save` has taken outlives the process
however it ends; a ``durable`` one the machine, too. What belongs together is saved in one :meth:`Store.together`. A
file that another process has open is not shared: its orders are the other's, and TWS refuses the second connection of
a client id anyway (326).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ctp2.core import paths

SCHEMA: Final = 1
"""Version of the file; another one is refused."""
_SAFE: Final = re.compile(r"[^A-Za-z0-9.]")


class StoreFailed(Exception):
    """The file cannot be used; the text says which and why."""


def path_of(host: str, port: int, client_id: int) -> Path:
    """Where the file of a connection lies."""
    return paths.data_dir() / "ib" / f"{_SAFE.sub('_', host)}-{port}-{client_id}.sqlite"


class Store:
    """Small tables of text → bytes. On the loop's thread alone; a path of None keeps everything in memory."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Autocommit; the one thread that uses it is not the one that opens it.
            self._file = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=5.0)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise StoreFailed(f"{path}: {error}: close the other program, or move the file away") from error

    def _prepare(self) -> None:
        run = self._file.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")
        (version,) = run("PRAGMA user_version").fetchone()
        if version not in (0, SCHEMA):
            raise StoreFailed(f"{self.path}: made by another version of ctp2 (schema {version}): move it away")
        run("CREATE TABLE IF NOT EXISTS kept (name TEXT, key TEXT, value BLOB, PRIMARY KEY (name, key)) WITHOUT ROWID")
        run(f"PRAGMA user_version={SCHEMA}")
        if self.path is not None:
            self.path.chmod(0o600)

    def load(self, name: str, key: str) -> bytes | None:
        """A row of table ``name``."""
        row = self._file.execute("SELECT value FROM kept WHERE name=? AND key=?", (name, key)).fetchone()
        return None if row is None else bytes(row[0])

    def save(self, name: str, key: str, value: bytes, *, durable: bool = False) -> None:
        """Keep a row, in place of the one with its key. ``durable``: on the disk before this returns."""
        if durable:
            self._file.execute("PRAGMA synchronous=FULL")
        self._file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (name, key, value))
        if durable:
            self._file.execute("PRAGMA synchronous=NORMAL")

    def drop(self, name: str, key: str) -> None:
        """Forget a row."""
        self._file.execute("DELETE FROM kept WHERE name=? AND key=?", (name, key))

    def rows(self, name: str) -> Mapping[str, bytes]:
        """All rows of a table, by key."""
        found = self._file.execute("SELECT key, value FROM kept WHERE name=? ORDER BY key", (name,))
        return {key: bytes(value) for key, value in found}

    def clear(self, name: str) -> None:
        """Forget a table."""
        self._file.execute("DELETE FROM kept WHERE name=?", (name,))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is saved inside is kept whole, or not at all when the block raises."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
