"""The private streams of accounts: what happened, numbered, and which sessions follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import NONE, QUICK, Event
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.tts import combo_requests, declared_rows, quote_requests, translate
from ctp2.tts.bank import BANK_RETURNS
from ctp2.tts.conditions import ConditionFailed, ConditionReport
from ctp2.tts.declarations import ExerciseReported, SelfCloseReported
from ctp2.tts.events import ActionRefused, InsertRefused, OrderReport, RequestRefused, TradeDone
from ctp2.tts.events import Event as Happening
from ctp2.tts.kept import Told
from ctp2.tts.numbered import Numbered

if TYPE_CHECKING:
    from ctp2.tts.session import TtsSession


class PrivateFlow:
    """The numbered private stream of one account: what happened, and which sessions follow it.

    The counter's own events are kept, in their lasting form; the CTP records are built when a session receives them.
    """

    __slots__ = ("followers", "told")

    def __init__(self, orders: Numbered) -> None:
        self.told = Told(orders)
        self.followers: dict[TtsSession, int] = {}

    def extend(self, events: Sequence[Happening]) -> None:
        """Append, and send to every follower that has everything before (spec 2.2, the RESUME trap)."""
        number = len(self.told)
        first = number + 1
        self.told.extend(events)
        if not self.followers:
            return
        ready: list[Event] = []
        for event in events:
            number += 1
            plain = _PLAIN.get(type(event))
            if plain is None:
                ready.append(_to_event(event, number))
            else:
                ready.append(Event(plain[0], event, None, 0, True, "private", number, plain[1]))
        for session, after in self.followers.items():
            if after < first:
                session.put(ready)
            elif after < first + len(ready) - 1:
                session.put(ready[after - first + 1 :])

    def follow(self, session: TtsSession, after: int) -> list[Event]:
        """Send ``session`` what comes; returns what it has to get first."""
        if after == NONE:
            return []
        if after == QUICK:
            self.followers[session] = 0
            return []
        self.followers[session] = after
        again = self.told.again
        return [_to_event(again(number - 1), number) for number in range(after + 1, len(self.told) + 1)]


def _to_event(happening: Happening, sequence: int) -> Event:
    """A private event as the callback it is; one for all followers, its record is built for each."""
    if isinstance(happening, RequestRefused):
        told = happening.told
        return Event(told.callback, told.field, told.info, 0, True, "private", sequence, copy)
    callback, build = PRIVATE[type(happening)]
    info = None
    if callback in _REFUSALS:
        info = _refusal_info(happening)
    return Event(callback, happening, info, 0, True, "private", sequence, build)


def _refusal_info(happening: Any) -> structs.CThostFtdcRspInfoField:
    """CTP's number with its prompt, or 91 with the text of the exchange that refused an action (spec 4)."""
    message = None
    if reason := getattr(happening, "reason", 0):
        subject = getattr(happening, "order", None) or getattr(happening, "quote", None)
        message = translate.exchange_message(subject.contract.exchange, reason) if subject is not None else None
    return rsp_info(happening.error_id, message)


PRIVATE: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    OrderReport: ("OnRtnOrder", translate.order_to_ctp),
    TradeDone: ("OnRtnTrade", translate.trade_to_ctp),
    InsertRefused: ("OnErrRtnOrderInsert", translate.input_order_to_ctp),
    ConditionReport: ("OnRtnOrder", translate.order_to_ctp),
    ConditionFailed: ("OnRtnErrorConditionalOrder", translate.failed_condition_to_ctp),
    ActionRefused: ("OnErrRtnOrderAction", translate.order_action_to_ctp),
    ExerciseReported: ("OnRtnExecOrder", declared_rows.exercise_to_ctp),
    SelfCloseReported: ("OnRtnOptionSelfClose", declared_rows.self_close_to_ctp),
    **BANK_RETURNS,
    **quote_requests.PRIVATE,
    **combo_requests.PRIVATE,
}
"""What of the counter's events the private stream shows."""
_PLAIN: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {kind: PRIVATE[kind] for kind in (OrderReport, TradeDone)}
"""Those that nearly all events are: nothing but their record is shown."""
_REFUSALS: Final = frozenset(name for name, _ in PRIVATE.values() if name.startswith("OnErrRtn"))
