"""What a session answers by itself: there are no settlement statements at IB, so none needs a confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.ib import clock_text

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.parts import Asking, Handler


def _confirmed(session: Asking, field: Any) -> structs.CThostFtdcSettlementInfoConfirmField:
    now_ns = session.backend.timers.now_ns()
    return structs.CThostFtdcSettlementInfoConfirmField(
        BrokerID=field.BrokerID or session.broker_id,
        InvestorID=field.InvestorID or session.account,
        ConfirmDate=session.backend.trading_day,
        ConfirmTime=clock_text.time_of_day(now_ns, session.config),
        AccountID=field.AccountID,
        CurrencyID=field.CurrencyID,
    )


def confirm(session: Asking, request: Request) -> None:
    """``ReqSettlementInfoConfirm``: succeeds at once (spec ib 3.1)."""
    answer = _confirmed(session, request.field)
    session.put([Event(request.method.response, answer, rsp_info(0), request.request_id)])


def confirmed(session: Asking, request: Request) -> None:
    """``ReqQrySettlementInfoConfirm``: always, today."""
    session.answer(request, [_confirmed(session, request.field)])


REQUESTS: Final[dict[str, Handler]] = {
    "ReqSettlementInfoConfirm": confirm,
    "ReqQrySettlementInfoConfirm": confirmed,
}
