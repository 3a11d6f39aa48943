"""Statements and their confirmation (spec ib 3.1): IB has nothing of the kind in its API, and CTP programs expect both.

A confirmation is noted per account and trading day, so that a program that asks first does not confirm twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.ib.zones import NEW_YORK

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ib.parts import Asking, Handler

_TABLE: Final = "confirmed"
_NS: Final = 1_000_000_000


def settlement_info(session: Asking, request: Request) -> None:
    """``ReqQrySettlementInfo``: one empty record: IB's statements do not come through the API."""
    account = session.account_of(request.field.InvestorID)
    row = structs.CThostFtdcSettlementInfoField(
        BrokerID=session.broker_id, InvestorID=account, AccountID=account, TradingDay=session.backend.trading_day
    )
    session.answer(request, [row])


def confirm(session: Asking, request: Request) -> None:
    """``ReqSettlementInfoConfirm``: succeeds at once."""
    account = session.account_of(request.field.InvestorID)
    now_ns = session.backend.timers.now_ns()
    store = session.backend.store_of(session.link)
    store.save(_TABLE, account, f"{session.backend.trading_day} {now_ns}".encode())
    session.put([Event(request.method.response, _record(session, account, now_ns), rsp_info(0), request.request_id)])


def confirmation(session: Asking, request: Request) -> None:
    """``ReqQrySettlementInfoConfirm``: today's confirmation, nothing before it."""
    account = session.account_of(request.field.InvestorID)
    kept = session.backend.store_of(session.link).load(_TABLE, account)
    day, _, now_ns = kept.decode().partition(" ") if kept is not None else ("", "", "")
    is_today = day == session.backend.trading_day
    session.answer(request, [_record(session, account, int(now_ns))] if is_today else [])


def _record(session: Asking, account: str, now_ns: int) -> Any:
    # The clock that login's TradingDay follows (spec ib 5.8), unless the address wants Beijing's.
    zone = ZoneInfo(session.config.options.tz or NEW_YORK)
    moment = datetime.fromtimestamp(now_ns // _NS, UTC).astimezone(zone)
    return structs.CThostFtdcSettlementInfoConfirmField(
        BrokerID=session.broker_id,
        InvestorID=account,
        AccountID=account,
        ConfirmDate=f"{moment:%Y%m%d}",
        ConfirmTime=f"{moment:%H:%M:%S}",
    )


REQUESTS: Final[dict[str, Handler]] = {
    "ReqSettlementInfoConfirm": confirm,
    "ReqQrySettlementInfo": settlement_info,
    "ReqQrySettlementInfoConfirm": confirmation,
}
