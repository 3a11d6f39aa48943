"""TTS, the embedded counter: a CTP counter in this process, for replays, tests and round-the-clock practice.

Addresses: ``tts://7x24`` (``tts://``), ``tts://sim?quotes=ADDRESS``, ``tts://vip?quotes=ADDRESS`` and
``tts://replay?data=FILE&speed=N``; options in :mod:`ctp2.tts.config`.

Beside the files that every backend has (``config codes translate client backend``) there are ``queries`` (the query
table, a subject of its own), ``environments`` and ``feed`` (what the counter's market plays), ``live`` and ``source``
(real sessions, live quotes), and the pure domain: ``engine commands events state orders contract risk exchange quoting
matching book reports profiles margin-and-money in account position fees money draw terms rejections``. The domain
imports only itself and ``refdata`` records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctp2.tts.control import Control

__all__ = ["counter", "hashed_password"]


def hashed_password(password: str) -> str:
    """A password as a file of accounts (``accounts=FILE``) may hold it: salted, not to be turned back."""
    from ctp2.core.passwords import hashed

    return hashed(password)


def counter(address: str = "tts://7x24") -> Control:
    """The running counter of ``address``: its market (run, pause, step, speed) and its accounts (DESIGN section 5).

    Raises:
        LookupError: no Api object of this process has opened it.
    """
    from ctp2.core.address import parse
    from ctp2.tts.backend import running
    from ctp2.tts.control import Control

    backend = running(parse(address))
    if backend is None:
        raise LookupError(f"no counter is open at {address}: Init an Api object on it first")
    return Control(backend)
