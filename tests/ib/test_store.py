"""What outlives the process, and the marks of order ids in it (spec ib 3.3)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ctp2.ib.store import Store, StoreFailed, path_of


def test_rows_by_key(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite")
    store.save("x", "2", b"two")
    store.save("x", "1", b"one", durable=True)
    store.save("y", "1", b"other")
    store.save("x", "2", b"zwei")
    assert store.rows("x") == {"1": b"one", "2": b"zwei"}
    store.drop("x", "1")
    assert (store.load("x", "1"), store.load("x", "2")) == (None, b"zwei")
    store.clear("x")
    assert (store.rows("x"), store.load("y", "1")) == ({}, b"other")
    store.close()


def test_a_process_that_is_killed_has_kept_what_it_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom ctp2.ib.store import Store\n"
        "store = Store(Path(sys.argv[1]))\nstore.save('x', '1', b'one')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)
    assert ended.returncode == -9
    store = Store(path)
    assert store.load("x", "1") == b"one"
    store.close()


def test_what_belongs_together_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite")

    def fails_in_the_middle() -> None:
        with store.together():
            store.save("x", "1", b"one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_in_the_middle()
    with store.together():
        store.save("x", "2", b"two")
        store.save("x", "3", b"three")
    assert list(store.rows("x")) == ["2", "3"]
    store.close()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"not a database at all, and longer than a header of one would be" * 20)
    with pytest.raises(StoreFailed, match="move the file away"):
        Store(path)


def test_files_of_different_connections_are_different() -> None:
    names = {path_of(host, port, client).name for host in ("::1", "tws") for port in (1, 2) for client in (0, 1)}
    assert len(names) == 8
    assert not any(set(name) & set(":/ ") for name in names)
