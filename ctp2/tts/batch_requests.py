"""``ReqBatchOrderAction`` at the edge: all orders of a session on an exchange (spec ctp-semantics 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ctp2.core.unsupported import refuse
from ctp2.tts import rejections as error

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.tts.session import TtsSession


def cancel_batch(session: TtsSession, request: Request) -> None:
    """Refused as a real counter refuses an investor: only DCE's market makers may (103)."""
    session.tell_refusal(refuse(request, _refusal(session, request), with_err_rtn=True))


def _refusal(session: TtsSession, request: Request) -> int:
    field, state = request.field, session.backend.engine.state
    if not state.accounts[session.account_id].confirmed_ns:
        return error.SETTLEMENT_INFO_NOT_CONFIRMED
    if not field.InvestorID:
        return error.INVESTOR_ID_IS_MISSING
    if field.InvestorID != session.account_id:
        return error.NO_PRIVILEGE if field.InvestorID in state.accounts else error.INVESTOR_NOT_FOUND
    if not field.ExchangeID:
        return error.EXCHANGE_ID_IS_MISSING
    if field.ExchangeID not in state.exchanges:
        return error.EXCHANGE_ID_IS_INVALID
    return error.BATCH_ACTION_UNSUPPORTED


BATCH_REQUESTS: Final[dict[str, Callable[[TtsSession, Request], None]]] = {"ReqBatchOrderAction": cancel_batch}
