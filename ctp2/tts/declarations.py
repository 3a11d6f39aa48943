"""What the holder of an option declares: to exercise it, to abandon it, how its positions close each other.

Both kinds (spec ctp-semantics 12.3) live alike: refused by CTP, or submitted, then accepted or rejected by the
exchange, then standing until cancelled or until the day's settlement takes them up. This module has the commands, the
record, the events and what they change; ``exercise.py`` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.tts.events import Event
from ctp2.tts.terms import INSERT_REJECTED, INSERT_SUBMITTED

if TYPE_CHECKING:
    from ctp2.tts.account import Account, Purse
    from ctp2.tts.contract import Contract
    from ctp2.tts.position import PositionRow
    from ctp2.tts.state import State

EXERCISE: Final = 0
SELF_CLOSE: Final = 1
"""The kinds; exercise and abandonment are one."""

EXECUTE: Final = "1"
ABANDON: Final = "2"
"""ActionType."""
PENDING: Final = "n"
WITHDRAWN: Final = "c"
"""ExecResult: nothing has been carried out yet; cancelled."""


class Declare:
    """A new declaration as the client sent it; ``echo`` are texts that returns only hand back."""

    __slots__ = (
        "account_id",
        "action_type",
        "close_flag",
        "echo",
        "exchange",
        "front_id",
        "hedge",
        "instrument",
        "investor_id",
        "kind",
        "now_ns",
        "offset",
        "posi_direction",
        "ref",
        "request_id",
        "reserve_flag",
        "self_close_flag",
        "session_id",
        "user_id",
        "volume",
    )

    def __init__(
        self,
        kind: int,
        now_ns: int,
        front_id: int,
        session_id: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        ref: str,
        volume: int,
        hedge: str = "1",
        offset: str = "",
        action_type: str = "",
        posi_direction: str = "",
        reserve_flag: str = "",
        close_flag: str = "",
        self_close_flag: str = "",
        request_id: int = 0,
        echo: tuple[str, ...] = (),
    ) -> None:
        self.kind: int = kind
        self.now_ns: int = now_ns
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.ref: str = ref
        self.volume: int = volume
        self.hedge: str = hedge
        self.offset: str = offset
        self.action_type: str = action_type
        self.posi_direction: str = posi_direction
        self.reserve_flag: str = reserve_flag
        self.close_flag: str = close_flag
        self.self_close_flag: str = self_close_flag
        self.request_id: int = request_id
        self.echo: tuple[str, ...] = echo


class Withdraw:
    """The cancel of a declaration, by SysID or by FrontID + SessionID + reference."""

    __slots__ = (
        "account_id",
        "action_flag",
        "exchange",
        "front_id",
        "instrument",
        "investor_id",
        "kind",
        "now_ns",
        "ref",
        "session_id",
        "sys_id",
        "user_id",
    )

    def __init__(
        self,
        kind: int,
        now_ns: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        sys_id: str,
        front_id: int,
        session_id: int,
        ref: str,
        action_flag: str,
    ) -> None:
        self.kind: int = kind
        self.now_ns: int = now_ns
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.sys_id: str = sys_id
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.ref: str = ref
        self.action_flag: str = action_flag


class Declaration:
    """A declaration that CTP accepted: its terms, and the state that the exchange gave it.

    ``number`` is its local number and, once the exchange answered, its SysID. ``lots`` are held by it on ``row``, with
    ``margin``, ``cash`` and ``fee`` (micro-units); all 0 when it holds nothing, or no more. What stands at the end of
    the day with ``result`` PENDING and an accepted ``submit`` is the settlement's to carry out.
    """

    __slots__ = (
        "account",
        "active_user",
        "cancel_ns",
        "cash",
        "contract",
        "exchange_ns",
        "fee",
        "insert_ns",
        "lots",
        "margin",
        "number",
        "offset",
        "purse",
        "reason",
        "ref",
        "ref_number",
        "result",
        "row",
        "sequence_no",
        "submit",
        "sys_id",
        "terms",
        "trading_day",
    )

    def __init__(
        self,
        number: int,
        terms: Declare,
        account: Account,
        contract: Contract,
        row: PositionRow | None,
        ref: str,
        ref_number: int,
        offset: str,
        trading_day: str,
    ) -> None:
        self.number: int = number
        self.terms: Declare = terms
        self.account: Account = account
        self.contract: Contract = contract
        self.row: PositionRow | None = row
        self.purse: Purse = account.purse(contract.currency)
        self.ref: str = ref
        self.ref_number: int = ref_number
        self.offset: str = offset
        self.trading_day: str = trading_day
        self.submit: str = INSERT_SUBMITTED
        self.result: str = PENDING
        self.sys_id: int = 0
        self.sequence_no: int = 0
        self.insert_ns: int = terms.now_ns
        self.exchange_ns: int = 0
        self.cancel_ns: int = 0
        self.active_user: str = ""
        self.reason: int = 0
        self.lots: int = 0
        self.margin: int = 0
        self.cash: int = 0
        self.fee: int = 0

    def is_standing(self) -> bool:
        """Whether it is neither rejected nor cancelled."""
        return self.result == PENDING and self.submit != INSERT_REJECTED


# ------------------------------------------------------------------ events
class DeclarationInserted(Event):
    """CTP accepted a declaration; what it holds: lots of its row, and money (micro-units)."""

    __slots__ = ("cash", "declaration", "fee", "lots", "margin")

    def __init__(self, declaration: Declaration, lots: int, margin: int, cash: int, fee: int) -> None:
        self.account_id = declaration.account.account_id
        self.now_ns = declaration.terms.now_ns
        self.declaration: Declaration = declaration
        self.lots: int = lots
        self.margin: int = margin
        self.cash: int = cash
        self.fee: int = fee


class DeclarationReported(Event):
    """One state of a declaration as the stream shows it; ``releases``: it gives back what it holds."""

    __slots__ = (
        "active_user",
        "cancel_ns",
        "declaration",
        "exchange_ns",
        "reason",
        "releases",
        "result",
        "sequence_no",
        "submit",
        "sys_id",
    )

    def __init__(
        self,
        declaration: Declaration,
        now_ns: int,
        submit: str,
        result: str,
        sys_id: int,
        sequence_no: int,
        exchange_ns: int,
        cancel_ns: int,
        active_user: str,
        reason: int,
        releases: bool,
    ) -> None:
        self.account_id = declaration.account.account_id
        self.now_ns = now_ns
        self.declaration: Declaration = declaration
        self.submit: str = submit
        self.result: str = result
        self.sys_id: int = sys_id
        self.sequence_no: int = sequence_no
        self.exchange_ns: int = exchange_ns
        self.cancel_ns: int = cancel_ns
        self.active_user: str = active_user
        self.reason: int = reason
        self.releases: bool = releases


class ExerciseReported(DeclarationReported):
    """An ``OnRtnExecOrder``."""

    __slots__ = ()


class SelfCloseReported(DeclarationReported):
    """An ``OnRtnOptionSelfClose``."""

    __slots__ = ()


class DeclarationRefused(Event):
    """CTP refused a declaration, or its cancel; ``ref_number`` is used up all the same (0: none)."""

    __slots__ = ("declaration", "error_id", "front_id", "kind", "ref_number", "session_id")

    def __init__(
        self,
        account_id: str,
        now_ns: int,
        kind: int,
        error_id: int,
        front_id: int = 0,
        session_id: int = 0,
        ref_number: int = 0,
        declaration: Declaration | None = None,
    ) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.kind: int = kind
        self.error_id: int = error_id
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.ref_number: int = ref_number
        self.declaration: Declaration | None = declaration


# ------------------------------------------------------------------ what they change
class Declarations:
    """The day's declarations in their order, of both kinds, and the references used per session."""

    __slots__ = ("last_refs", "records")

    def __init__(self) -> None:
        self.records: list[Declaration] = []
        self.last_refs: dict[tuple[int, int, int], int] = {}

    def last_ref(self, kind: int, front_id: int, session_id: int) -> int:
        """The greatest reference that a session has used for a kind."""
        return self.last_refs.get((kind, front_id, session_id), 0)


def _on_inserted(state: State, event: DeclarationInserted) -> None:
    declaration = event.declaration
    terms = declaration.terms
    state.declared.records.append(declaration)
    state.declared.last_refs[(terms.kind, terms.front_id, terms.session_id)] = declaration.ref_number
    declaration.lots, declaration.margin = event.lots, event.margin
    declaration.cash, declaration.fee = event.cash, event.fee
    _hold(declaration, 1)


def _on_reported(state: State, event: DeclarationReported) -> None:
    declaration = event.declaration
    declaration.submit = event.submit
    declaration.result = event.result
    declaration.sys_id = event.sys_id
    declaration.sequence_no = event.sequence_no
    declaration.exchange_ns = event.exchange_ns
    declaration.cancel_ns = event.cancel_ns
    declaration.active_user = event.active_user
    declaration.reason = event.reason
    state.last_sequence_no = max(state.last_sequence_no, event.sequence_no)
    if event.releases:
        _hold(declaration, -1)
        declaration.lots = declaration.margin = declaration.cash = declaration.fee = 0


def _on_refused(state: State, event: DeclarationRefused) -> None:
    if event.ref_number:
        state.declared.last_refs[(event.kind, event.front_id, event.session_id)] = event.ref_number


def _hold(declaration: Declaration, sign: int) -> None:
    """Hold (1) or give back (-1) the lots and the money of a declaration (spec 5.2, 12.3)."""
    row, purse = declaration.row, declaration.purse
    purse.frozen_margin += sign * declaration.margin
    purse.frozen_cash += sign * declaration.cash
    purse.frozen_commission += sign * declaration.fee
    if row is None:
        return
    row.frozen_commission += sign * declaration.fee
    if declaration.terms.action_type == ABANDON:
        row.abandon_frozen += sign * declaration.lots
    else:
        row.strike_frozen += sign * declaration.lots
        row.strike_frozen_amount += sign * (declaration.margin + declaration.cash)


EVOLVE_DECLARATIONS: Final[dict[type, Callable[[Any, Any], None]]] = {
    DeclarationInserted: _on_inserted,
    ExerciseReported: _on_reported,
    SelfCloseReported: _on_reported,
    DeclarationRefused: _on_refused,
}
"""``State.evolve``'s part about declarations."""
