"""The requests and queries about declarations: exercise, abandonment, self close (spec ctp-semantics 8.3, 12.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.unsupported import refuse
from ctp2.tts import declared_rows
from ctp2.tts.declarations import EXERCISE, SELF_CLOSE, DeclarationRefused
from ctp2.tts.events import RequestRefused
from ctp2.tts.values import time_of

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.tts.asker import Asker
    from ctp2.tts.session import TtsSession


def _insert(kind: int) -> Callable[[TtsSession, Request], None]:
    def request_insert(session: TtsSession, request: Request) -> None:
        counter = session.backend.counter
        counter.begin()
        command = declared_rows.declaration_from_ctp(
            kind,
            request.field,
            counter.now_ns(),
            session.front_id,
            session.session_id,
            session.account_id,
            session.product_info,
        )
        events = session.backend.engine.declare(command)
        refused = events[-1]
        if isinstance(refused, DeclarationRefused):
            _refuse(session, request, refused, {})
        counter.publish(events)

    return request_insert


def _withdraw(kind: int) -> Callable[[TtsSession, Request], None]:
    def request_action(session: TtsSession, request: Request) -> None:
        counter = session.backend.counter
        command = declared_rows.withdrawal_from_ctp(kind, request.field, counter.now_ns(), session.account_id)
        events = session.backend.engine.withdraw(command)
        refused = events[-1]
        if isinstance(refused, DeclarationRefused):
            zone = session.backend.engine.state.zone_of(command.exchange, command.instrument)
            members = declared_rows.action_members(kind, command.now_ns, refused.declaration, zone)
            _refuse(session, request, refused, members)
        counter.publish(events)

    return request_action


def _refuse(session: TtsSession, request: Request, refused: DeclarationRefused, members: dict[str, Any]) -> None:
    """The ``OnRsp`` to the requester, the ``OnErrRtn`` to every session of the user (spec 3.4)."""
    answer, *told = refuse(request, refused.error_id, with_err_rtn=True)
    session.put([answer])
    for event in told:
        for name, value in members.items():
            setattr(event.field, name, value)
        happening = RequestRefused(session.account_id, refused.now_ns, event)
        session.backend.tell(happening)


def _query(kind: int, sys_id: str, build: Callable[[Any], Any]) -> Callable[[Asker, Any], Iterable[Any]]:
    def rows(asker: Asker, field: Any) -> Iterable[Any]:
        """The day's declarations of one kind in their order."""
        wanted = getattr(field, sys_id).strip()
        for record in asker.state.declared.records if asker.is_own(field) else ():
            time = time_of(record.insert_ns, record.contract.zone)
            if (
                record.terms.kind == kind
                and record.account is asker.account
                and field.InstrumentID in ("", record.contract.code)
                and field.ExchangeID in ("", record.contract.exchange)
                and wanted in ("", str(record.sys_id))
                and (not field.InsertTimeStart or time >= field.InsertTimeStart)
                and (not field.InsertTimeEnd or time <= field.InsertTimeEnd)
            ):
                yield build(declared_rows.declaration_now(record))

    return rows


DECLARATION_REQUESTS: Final[dict[str, Callable[[TtsSession, Request], None]]] = {
    "ReqExecOrderInsert": _insert(EXERCISE),
    "ReqExecOrderAction": _withdraw(EXERCISE),
    "ReqOptionSelfCloseInsert": _insert(SELF_CLOSE),
    "ReqOptionSelfCloseAction": _withdraw(SELF_CLOSE),
}
"""Served requests."""

DECLARATION_QUERIES: Final[dict[str, Callable[[Asker, Any], Iterable[Any]]]] = {
    "ReqQryExecOrder": _query(EXERCISE, "ExecOrderSysID", declared_rows.exercise_to_ctp),
    "ReqQryOptionSelfClose": _query(SELF_CLOSE, "OptionSelfCloseSysID", declared_rows.self_close_to_ctp),
}
"""Served queries."""
