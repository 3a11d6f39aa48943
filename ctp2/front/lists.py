"""The subscriptions of one link: lists that come in several frames, and how many instruments there may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ctp2.core.backend import Event, Request
from ctp2.core.errors import BadPacket
from ctp2.core.unsupported import refuse

SUBSCRIBE: Final = frozenset({"SubscribeMarketData", "SubscribeForQuoteRsp"})
UNSUBSCRIBE: Final = frozenset({"UnSubscribeMarketData", "UnSubscribeForQuoteRsp"})
MOST_CODES: Final = 200_000
"""Codes of one list, in however many frames."""
TOO_MANY_CODES: Final = 6000


class Lists:
    """Puts lists together, and keeps count of the instruments; ``limit`` 0: as many as one likes."""

    __slots__ = ("_codes", "_limit", "_parts", "_put")

    def __init__(self, limit: int, put: Callable[[Sequence[Event]], None]) -> None:
        self._limit = limit
        self._put = put
        self._codes: set[str] = set()
        self._parts: Request | None = None

    def joined(self, request: Request, is_last: bool) -> Request | None:
        """The whole list when its last frame has come, else None.

        Raises:
            BadPacket: another request before the end of a list, or a list that is too long.
        """
        self.check(request)
        before, self._parts = self._parts, None
        if before is not None:
            request.field = before.field + request.field
        if len(request.field) > MOST_CODES:
            raise BadPacket(f"decode: a list of more than {MOST_CODES} codes")
        if is_last:
            return request
        self._parts = request
        return None

    def check(self, request: Request) -> None:
        """Raise ``BadPacket`` for a request that is not the next part of the list that has begun."""
        begun = self._parts
        if begun is not None and (begun.method is not request.method or begun.request_id != request.request_id):
            raise BadPacket(f"decode: {request.method.name} before the end of a list for {begun.method.name}")

    def admitted(self, request: Request) -> Request | None:
        """What the backend may be asked for; the codes beyond the limit are refused here (6000)."""
        if request.method.name in UNSUBSCRIBE:
            self._codes.difference_update(request.field)
        if not self._limit or request.method.name not in SUBSCRIBE:
            return request
        good: list[str] = []
        bad: list[str] = []
        for code in request.field:
            if code in self._codes or len(self._codes) < self._limit:
                self._codes.add(code)
                good.append(code)
            else:
                bad.append(code)
        if not bad:
            return request
        refused = refuse(Request(request.method, tuple(bad), request.request_id), TOO_MANY_CODES)
        if good:
            # The answer is one: the backend's part of it has the end.
            refused[-1].is_last = False
        self._put(refused)
        return Request(request.method, tuple(good), request.request_id, request.connection) if good else None

    def clear(self) -> None:
        """Nothing is subscribed to, and no list has begun."""
        self._codes.clear()
        self._parts = None
