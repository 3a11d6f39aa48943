"""Opening a backend for somebody who may lose patience: Release must not wait for a host that does not answer.

The callback thread opens; what it opens asks here whether the Api object was released meanwhile. A backend that is
opened by anybody else (a server, a test) is never given up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ctp2.core.errors import OpenFailed

_PIECE_S: Final = 0.05
_mine: Final = threading.local()


@contextmanager
def until(stopping: threading.Event) -> Iterator[None]:
    """What this thread opens inside the block is given up when ``stopping`` is set."""
    _mine.stopping = stopping
    try:
        yield
    finally:
        _mine.stopping = None


def is_given_up() -> bool:
    """Whether nobody wants any more what this thread opens."""
    stopping: threading.Event | None = getattr(_mine, "stopping", None)
    return stopping is not None and stopping.is_set()


def wait(event: threading.Event, seconds: float) -> bool:
    """Wait for ``event`` as long as that is wanted; whether it came."""
    for _ in range(max(1, round(seconds / _PIECE_S))):
        if event.wait(_PIECE_S):
            return True
        if is_given_up():
            return False
    return event.is_set()


def hold(lock: threading.Lock) -> None:
    """Acquire ``lock``, behind whoever is opening or closing the same place.

    Raises:
        OpenFailed: it is not wanted any more.
    """
    while not lock.acquire(timeout=_PIECE_S):
        if is_given_up():
            raise OpenFailed("released while it was being opened")
