"""Answers of the house: what every backend says to requests it cannot or may not serve. Never silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info

if TYPE_CHECKING:
    from ctp2.core.backend import Request, Sink
    from ctp2.ctp.methods import Method
    from ctp2.ctp.structs import CThostFtdcRspInfoField

UNSUPPORTED: Final = 27
NOT_LOGGED_IN: Final = 6
WRONG_FRONT: Final = 77
NOT_IN_CTP: Final = frozenset({"ReqQryInvestUnit"})
"""Queries of the interface that CTP itself does not serve: error 27, not an empty result (spec ctp-semantics 8.3)."""


def convert(field: Any, struct: str) -> Any:
    """``field`` as another struct: fields of the same name are taken over, the others stay empty."""
    if field is not None and type(field).__name__ == struct:
        return field.__copy__()
    made = getattr(structs, struct)()
    for name in made.__struct_fields__:
        if hasattr(field, name):
            setattr(made, name, getattr(field, name))
    return made


def answer(method: Method, request: Request) -> list[Event]:
    """The outcome of a request that the backend does not support.

    A query that CTP knows has an empty result; any other request gets error 27 through its own ``OnRsp`` and, where
    CTP has one, its ``OnErrRtn``.
    """
    if method.is_query and method.name not in NOT_IN_CTP:
        return [Event(method.response, None, None, request.request_id)]
    return refuse(request, UNSUPPORTED, with_err_rtn=True)


def refuse(request: Request, error_id: int, message: str | None = None, *, with_err_rtn: bool = False) -> list[Event]:
    """Refuse ``request`` with a CTP error through its own ``OnRsp``: a query without data, others with an echo."""
    method = request.method
    info = rsp_info(error_id, message)
    if not method.response:
        return [Event("OnRspError", None, info, request.request_id)]
    if isinstance(request.field, tuple):
        return _refuse_codes(method, request.field, info, request.request_id)
    if method.is_query:
        return [Event(method.response, None, info, request.request_id)]
    events = [Event(method.response, convert(request.field, method.response_struct), info, request.request_id)]
    if with_err_rtn and method.err_rtn:
        events.append(Event(method.err_rtn, convert(request.field, method.err_rtn_struct), info))
    return events


def _refuse_codes(method: Method, codes: Sequence[str], info: CThostFtdcRspInfoField, request_id: int) -> list[Event]:
    last = len(codes) - 1
    return [
        Event(
            method.response,
            structs.CThostFtdcSpecificInstrumentField(InstrumentID=code),
            info,
            request_id,
            is_last=index == last,
        )
        for index, code in enumerate(codes)
    ]


def wrong_front(request: Request) -> list[Event]:
    """The outcome of a request that this kind of front does not know: ``OnRspError`` 77."""
    return [Event("OnRspError", None, rsp_info(WRONG_FRONT), request.request_id)]


class WrongFrontSession:
    """The session of a client that came to a front of the other kind: connected, and every request gets error 77."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        sink.put([Event("OnFrontConnected")])

    def handle(self, request: Request) -> int:
        """Refuse."""
        self._sink.put(wrong_front(request))
        return 0

    def subscribe_topic(self, topic: str, trading_day: str, after: int) -> None:
        """There are no flows here."""

    def close(self) -> None:
        """Nothing to end."""
