"""The rows of an answer on their way to a client: one callback per row, and a long answer a slice at a time.

A list of forty thousand instruments takes a second to tell. Between its slices the counter serves the others: their
orders wait for some rows, not for all (docs/decisions/0101). In lock step an answer is told at once, so that what the
client does upon the first rows comes behind the last.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event, Request
from ctp2.core.session import BUSY
from ctp2.core.unsupported import refuse

if TYPE_CHECKING:
    from ctp2.tts.session import TtsSession

log = logging.getLogger("ctp2.tts")

IN_SLICES: Final = frozenset({"ReqQryInstrument", "ReqQryClassifiedInstrument", "ReqQryDepthMarketData"})
"""Queries of what is listed, which stays the same all day; others look at what a request in between would change."""
_SLICE: Final = 200
_FIRST_ROWS: Final = 100
_MOST_ROWS: Final = 2000


def answer(session: TtsSession, request: Request, rows: Iterable[Any]) -> None:
    """One callback per row, one with nothing when there is none (spec 8.1); many go out while they are made.

    The caller says that instruments are only looked at (``Made.looking``), here as in the slices that follow.
    """
    following = iter(rows)
    row = next(following, None)
    if row is None:
        session.put((Event(request.method.response, None, None, request.request_id),))
    elif request.method.name not in IN_SLICES or session.backend.counter.is_in_step:
        _tell_all(session, request, row, following)
    else:
        _Slices(session, request, row, following).tell(None)


def _tell_all(session: TtsSession, request: Request, row: Any, following: Iterator[Any]) -> None:
    callback, number = request.method.response, request.request_id
    batch: list[Event] = []
    size = _FIRST_ROWS
    for next_row in following:
        batch.append(Event(callback, row, None, number, False))
        row = next_row
        if len(batch) == size:
            session.put(batch)
            batch, size = [], min(2 * size, _MOST_ROWS)
    batch.append(Event(callback, row, None, number, True))
    session.put(batch)


class _Slices:
    """An answer that is told in several jobs of the counter; ``_row`` is made and not told yet."""

    __slots__ = ("_connection", "_following", "_request", "_row", "_session")

    def __init__(self, session: TtsSession, request: Request, row: Any, following: Iterator[Any]) -> None:
        self._session = session
        self._request = request
        self._row = row
        self._following = following
        self._connection = session.machine.connection

    def tell(self, _: object) -> None:
        """The next rows; behind the requests that wait come the rows after them."""
        session = self._session
        machine = session.machine
        if machine.connection != self._connection or not machine.is_logged_in:
            return  # the link broke meanwhile, which was the query's outcome
        try:
            batch = self._next_rows()
        except Exception:
            log.exception("%s failed behind its first rows", self._request.method.name)
            session.put(refuse(self._request, BUSY))
            return
        session.put(batch)
        if not batch[-1].is_last:
            session.backend.counter.worker.put(self.tell, None)

    def _next_rows(self) -> list[Event]:
        callback, number = self._request.method.response, self._request.request_id
        batch: list[Event] = []
        made = self._session.backend.world.made
        with nullcontext() if made is None else made.looking():
            for next_row in islice(self._following, _SLICE):
                batch.append(Event(callback, self._row, None, number, False))
                self._row = next_row
        if len(batch) < _SLICE:
            batch.append(Event(callback, self._row, None, number, True))
        return batch
