"""Decides declarations: exercise, abandonment and self close of options (spec ctp-semantics 12.3, 13).

As for orders the first failing check wins: session, fields, investor, exchange, reference, instrument, the kind's own
rules, then lots and money. After CTP the exchange has its say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ctp2.tts import rejections as error
from ctp2.tts.declarations import (
    ABANDON,
    EXECUTE,
    EXERCISE,
    PENDING,
    SELF_CLOSE,
    WITHDRAWN,
    Declaration,
    DeclarationInserted,
    DeclarationRefused,
    DeclarationReported,
    Declare,
    ExerciseReported,
    SelfCloseReported,
    Withdraw,
)
from ctp2.tts.events import Event
from ctp2.tts.money import share
from ctp2.tts.options import ON_FUND, ON_FUTURE, OptionTerms
from ctp2.tts.terms import (
    ACCEPTED,
    AUCTION_ORDERING,
    BEFORE_TRADING,
    CLOSE,
    CLOSE_TODAY,
    CLOSE_YESTERDAY,
    CONTINUOUS,
    DELETE,
    INSERT_REJECTED,
    INSERT_SUBMITTED,
    INVESTOR_HEDGE_FLAGS,
    SPECULATION,
)

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.contract import Contract
    from ctp2.tts.position import PositionRow
    from ctp2.tts.state import State

_MAX_REF: Final = (1 << 63) - 1

# Who offers what (spec 12.3; docs/decisions/0052)
_NO_REQUEST: Final = ("CFFEX",)
"""Exercise by itself on the last day, no request for it: error 27."""
_EXERCISES: Final = ("SHFE", "INE", "DCE", "CZCE", "GFEX", "SSE", "SZSE")
_NO_ABANDON: Final = ("DCE",)
_ZERO_CANCELS: Final = ("DCE",)
"""Volume 0 cancels the exercise that would come by itself."""
_KEEPS_FUTURES: Final = ("CZCE",)
"""CloseFlag must be 1, NotToClose."""
_SELF_CLOSES: Final = ("SHFE", "INE", "DCE", "CZCE", "GFEX")
_SETTINGS: Final = ("DCE", "GFEX")
"""A self close is a setting of the instrument there, and is made once; elsewhere a new one replaces the old."""

_BAD_FIELD: Final = (error.BAD_FIELD, error.OPTION_SELF_CLOSE_BAD_FIELD)
_DUPLICATE_REF: Final = (error.DUPLICATE_EXECORDER_REF, error.OPTION_SELF_CLOSE_DUPLICATE_REF)
_NOT_OPTION: Final = (error.EXECORDER_NOTOPTIONS, error.OPTION_SELF_CLOSE_NOT_OPTION)
_BAD_ACTION: Final = (error.BAD_EXECORDER_ACTION_FIELD, error.OPTION_SELF_CLOSE_BAD_FIELD)
_NOT_FOUND: Final = (error.EXECORDER_NOT_FOUND, error.OPTION_SELF_CLOSE_REC_NOT_FOUND)
_WITHDRAWN: Final = (error.DUPLICATE_EXECORDER_ACTION_REF, error.OPTION_SELF_CLOSE_STATUS_ERR)
"""Error numbers of the two kinds, by kind."""


class Draft:
    """A declaration on its way through the checks; ``checks`` False (``checks=off``): not of lots and money."""

    __slots__ = (
        "account",
        "cash",
        "checks",
        "contract",
        "fee",
        "lots",
        "margin",
        "offset",
        "option",
        "ref",
        "ref_number",
        "row",
        "terms",
    )

    def __init__(self, terms: Declare, account: Account, checks: bool = True) -> None:
        self.terms: Declare = terms
        self.account: Account = account
        self.checks: bool = checks
        self.contract: Contract | None = None
        self.option: OptionTerms | None = None
        self.row: PositionRow | None = None
        self.offset: str = ""
        self.ref: str = ""
        self.ref_number: int = 0
        self.lots: int = 0
        self.margin: int = 0
        self.cash: int = 0
        self.fee: int = 0


# ------------------------------------------------------------------ the two commands
def declare(state: State, command: Declare, checks: bool = True) -> list[Event]:
    """A new declaration: refused, or told submitted and then accepted or rejected."""
    draft = Draft(command, state.accounts[command.account_id], checks)
    for stage in _STAGES[command.kind]:
        number = stage(state, draft)
        if number:
            ref_number = draft.ref_number or _number_of(command.ref, _last_ref(state, command))
            refused = DeclarationRefused(
                command.account_id,
                command.now_ns,
                command.kind,
                number,
                command.front_id,
                command.session_id,
                ref_number,
            )
            state.evolve(refused)
            return [refused]
    events: list[Event] = []
    if command.kind == SELF_CLOSE:
        _replace(state, draft, events)
    declaration = _accept(state, draft, events)
    reason = _exchange_reason(state, draft)
    if reason:
        _report(state, events, declaration, INSERT_REJECTED, PENDING, reason=reason)
    else:
        _report(state, events, declaration, ACCEPTED, PENDING)
    return events


def withdraw(state: State, command: Withdraw) -> list[Event]:
    """Cancel a declaration: told with ExecResult ``c``, and what it held is free."""
    number, declaration = _withdrawable(state, command)
    if number or declaration is None:
        refused = DeclarationRefused(command.account_id, command.now_ns, command.kind, number, declaration=declaration)
        return [refused]
    events: list[Event] = []
    _report(state, events, declaration, declaration.submit, WITHDRAWN, command.now_ns, command.user_id)
    return events


def take_back(state: State, declaration: Declaration, now_ns: int) -> list[Event]:
    """The counter itself ends a declaration that stands."""
    events: list[Event] = []
    _report(state, events, declaration, declaration.submit, WITHDRAWN, now_ns)
    return events


def exercise_cost(option: OptionTerms) -> tuple[int, int, int]:
    """(margin, cash, fee) that exercising one lot needs, in micro-units (docs/decisions/0052).

    On a future: the margin of the future that comes of it, and what the option is out of the money (its loss at once).
    A call on a fund: the strike. A put on a fund needs the fund, an index option nothing.
    """
    rates = option.rates
    fee = share(option.strike_value, rates.strike_by_money) + rates.strike_by_volume
    if option.kind == ON_FUTURE:
        value = option.underlying_value()
        return option.future_margin(option.is_call, value) + option.out_of_the_money(value), 0, fee
    if option.kind == ON_FUND and option.is_call:
        return 0, option.strike_value, fee
    return 0, 0, fee


# ------------------------------------------------------------------ checks of both kinds
def _check_session(state: State, draft: Draft) -> int:
    return 0 if draft.account.confirmed_ns else error.SETTLEMENT_INFO_NOT_CONFIRMED


def _check_investor(state: State, draft: Draft) -> int:
    return _not_own(state, draft.terms.account_id, draft.terms.investor_id)


def _not_own(state: State, account_id: str, investor_id: str) -> int:
    if investor_id == account_id:
        return 0
    if not investor_id:
        return error.INVESTOR_ID_IS_MISSING
    return error.NO_PRIVILEGE if investor_id in state.accounts else error.INVESTOR_NOT_FOUND


def _check_exchange(state: State, draft: Draft) -> int:
    """As for orders: the exchange may be left out when the code is unique."""
    terms = draft.terms
    draft.contract = state.by_key.get((terms.exchange, terms.instrument))
    if draft.contract is not None:
        return 0
    known = state.named(terms.instrument)
    draft.contract = state.by_key.get((terms.exchange, terms.instrument))
    if draft.contract is not None:
        return 0
    if not terms.exchange:
        if len(known) > 1:
            return error.EXCHANGE_ID_IS_MISSING
        draft.contract = known[0] if known else None
        return 0
    if terms.exchange not in state.exchanges:
        return error.EXCHANGE_ID_IS_INVALID
    return error.EXCHANGE_ID_IS_WRONG if known else 0


def _check_ref(state: State, draft: Draft) -> int:
    """A number greater than the session's last one of the kind; an empty one is given by the counter."""
    text = draft.terms.ref.strip(" ")
    last = _last_ref(state, draft.terms)
    if not text:
        draft.ref_number = last + 1
        draft.ref = str(last + 1).rjust(12)
        return 0
    draft.ref_number = _number_of(text, last)
    draft.ref = draft.terms.ref
    return 0 if draft.ref_number else _DUPLICATE_REF[draft.terms.kind]


def _last_ref(state: State, terms: Declare) -> int:
    return state.declared.last_ref(terms.kind, terms.front_id, terms.session_id)


def _number_of(text: str, last: int) -> int:
    """The reference as a number greater than ``last``; 0 when it is none."""
    text = text.strip(" ")
    if not (text.isascii() and text.isdigit()):
        return 0
    number = int(text)
    return number if last < number <= _MAX_REF else 0


def _check_instrument(state: State, draft: Draft) -> int:
    contract = draft.contract
    if contract is None:
        return error.INSTRUMENT_NOT_FOUND
    if not contract.is_tradable:
        return error.INSTRUMENT_NOT_TRADING
    if contract.option is None:
        return _NOT_OPTION[draft.terms.kind]
    draft.option = contract.option
    if draft.terms.hedge != SPECULATION and contract.option.only_speculation:
        return error.OPTIONS_ONLY_SUPPORT_SPEC
    rights = draft.account.rights
    return 0 if rights is None else rights.refusal_in(contract, False)


# ------------------------------------------------------------------ exercise and abandonment
def _check_exercise_fields(state: State, draft: Draft) -> int:
    terms = draft.terms
    if terms.action_type not in (EXECUTE, ABANDON):
        return error.BAD_EXECUTE_TYPE
    legal = (
        terms.volume >= 0
        and terms.offset in (CLOSE, CLOSE_TODAY, CLOSE_YESTERDAY)
        and terms.hedge in INVESTOR_HEDGE_FLAGS
        and terms.posi_direction in ("", "1", "2", "3")
        and terms.reserve_flag in ("", "0", "1")
        and terms.close_flag in ("", "0", "1")
    )
    return 0 if legal else _BAD_FIELD[EXERCISE]


def _check_exercise_offer(state: State, draft: Draft) -> int:
    """What the exchange offers for this option, and when."""
    terms, contract = draft.terms, draft.contract
    assert contract is not None
    exchange = contract.exchange
    if exchange in _NO_REQUEST:
        return error.UNSUPPORTED_FUNCTION
    if terms.action_type == ABANDON and exchange in _NO_ABANDON:
        return error.OPTIONS_NOT_SUPPORT_ABANDON
    if exchange not in _EXERCISES:
        return error.OPTIONS_NOT_SUPPORT_EXEC if terms.action_type == EXECUTE else error.OPTIONS_NOT_SUPPORT_ABANDON
    if terms.volume == 0 and exchange not in _ZERO_CANCELS:
        return error.BAD_FIELD
    if exchange in _KEEPS_FUTURES and terms.close_flag != "1":
        return error.BAD_FIELD
    if contract.phase in (CONTINUOUS, AUCTION_ORDERING):
        return 0
    # On the last day the exchanges take declarations for half an hour after the close.
    return 0 if _is_last_day(state, contract) and contract.phase != BEFORE_TRADING else error.EXEC_FORBIDDEN_TIME


def _check_exercise_lots(state: State, draft: Draft) -> int:
    """Free long lots, and money for them: what cannot be afforded is not there (74)."""
    terms, contract = draft.terms, draft.contract
    assert contract is not None
    offset = terms.offset
    if not contract.uses_history:
        offset = CLOSE
    draft.offset = offset
    if terms.volume == 0:
        return 0
    row = state.row_for(draft.account, contract, False, offset, terms.hedge)
    if draft.checks and terms.volume > row.closable():
        return error.OVER_EXECUTE_POSITION
    draft.row = row
    draft.lots = terms.volume
    if terms.action_type == ABANDON:
        return 0
    assert row.rates.option is not None
    margin, cash, fee = exercise_cost(row.rates.option)
    draft.margin, draft.cash, draft.fee = margin * draft.lots, cash * draft.lots, fee * draft.lots
    needed = draft.margin + draft.cash + draft.fee
    is_short = draft.checks and needed > draft.account.purse(contract.currency).available()
    return error.OVER_EXECUTE_POSITION if is_short else 0


def _exchange_reason(state: State, draft: Draft) -> int:
    """A European option is exercised on its last day only; the exchange's reason, 0 when it takes the declaration."""
    terms, contract, option = draft.terms, draft.contract, draft.option
    assert contract is not None and option is not None
    is_exercise = terms.kind == EXERCISE and terms.action_type == EXECUTE and terms.volume > 0
    if is_exercise and option.is_european and not _is_last_day(state, contract):
        return error.EXERCISE_DAY
    return 0


def _is_last_day(state: State, contract: Contract) -> bool:
    return contract.instrument.expire_date == state.trading_day


# ------------------------------------------------------------------ self close
def _check_self_close_fields(state: State, draft: Draft) -> int:
    terms = draft.terms
    legal = (
        terms.volume >= 0
        and terms.hedge in INVESTOR_HEDGE_FLAGS
        and len(terms.self_close_flag) == 1
        and terms.self_close_flag in "1234"
    )
    return 0 if legal else _BAD_FIELD[SELF_CLOSE]


def _check_self_close_offer(state: State, draft: Draft) -> int:
    """No position and no money is looked at; where it is a setting it needs no volume, and is made once."""
    contract = draft.contract
    assert contract is not None
    if contract.exchange not in _SELF_CLOSES:
        return error.UNSUPPORTED_FUNCTION
    if contract.exchange in _SETTINGS:
        return error.OPTION_SELF_CLOSE_DOUBLE_SET_ERR if _standing(state, draft) is not None else 0
    return 0 if draft.terms.volume > 0 else error.OPTION_SELF_CLOSE_BAD_FIELD


def _standing(state: State, draft: Draft) -> Declaration | None:
    """The self close that the new one meets: of the instrument where it is a setting, else of the same flag too."""
    contract = draft.contract
    assert contract is not None
    for record in state.declared.records:
        if (
            record.terms.kind == SELF_CLOSE
            and record.contract is contract
            and record.account is draft.account
            and record.is_standing()
            and (contract.exchange in _SETTINGS or record.terms.self_close_flag == draft.terms.self_close_flag)
        ):
            return record
    return None


def _replace(state: State, draft: Draft, events: list[Event]) -> None:
    old = _standing(state, draft)
    if old is not None:
        _report(state, events, old, old.submit, WITHDRAWN, draft.terms.now_ns, draft.terms.user_id)


# ------------------------------------------------------------------ telling
def _accept(state: State, draft: Draft, events: list[Event]) -> Declaration:
    contract = draft.contract
    assert contract is not None
    declaration = Declaration(
        len(state.declared.records) + 1,
        draft.terms,
        draft.account,
        contract,
        draft.row,
        draft.ref,
        draft.ref_number,
        draft.offset,
        state.trading_day,
    )
    event = DeclarationInserted(declaration, draft.lots, draft.margin, draft.cash, draft.fee)
    state.evolve(event)
    events.append(event)
    _report(state, events, declaration, INSERT_SUBMITTED, PENDING)
    return declaration


def _report(
    state: State,
    events: list[Event],
    declaration: Declaration,
    submit: str,
    result: str,
    cancel_ns: int = 0,
    active_user: str = "",
    reason: int = 0,
) -> None:
    """One state; the exchange's acceptance brings SysID, SequenceNo and its time."""
    now_ns = cancel_ns or declaration.terms.now_ns
    sys_id, sequence_no, exchange_ns = declaration.sys_id, declaration.sequence_no, declaration.exchange_ns
    if submit == ACCEPTED and not sys_id:
        sys_id, sequence_no, exchange_ns = declaration.number, state.last_sequence_no + 1, now_ns
    made: type[DeclarationReported] = ExerciseReported if declaration.terms.kind == EXERCISE else SelfCloseReported
    event = made(
        declaration,
        now_ns,
        submit,
        result,
        sys_id,
        sequence_no,
        exchange_ns,
        cancel_ns,
        active_user,
        reason,
        result == WITHDRAWN or submit == INSERT_REJECTED,
    )
    state.evolve(event)
    events.append(event)


# ------------------------------------------------------------------ cancelling
def _withdrawable(state: State, command: Withdraw) -> tuple[int, Declaration | None]:
    """The declaration that a cancel means, or why it is refused."""
    kind = command.kind
    account = state.accounts[command.account_id]
    if not account.confirmed_ns:
        return error.SETTLEMENT_INFO_NOT_CONFIRMED, None
    if account.rights is not None and not account.rights.is_active:
        return error.INVESTOR_NOT_ACTIVE, None
    if command.action_flag != DELETE:
        return _BAD_ACTION[kind], None
    number = _not_own(state, command.account_id, command.investor_id)
    if number:
        return number, None
    by_sys_id = command.sys_id.strip()
    if not by_sys_id and not (command.instrument and command.ref.strip()):
        return _BAD_ACTION[kind], None
    wanted = _number_of(by_sys_id or command.ref, 0)
    for record in state.declared.records:
        if _is_meant(record, command, wanted, bool(by_sys_id)):
            if record.result == WITHDRAWN:
                return _WITHDRAWN[kind], record
            return (0 if record.is_standing() else _NOT_FOUND[kind]), record
    return _NOT_FOUND[kind], None


def _is_meant(record: Declaration, command: Withdraw, wanted: int, by_sys_id: bool) -> bool:
    terms = record.terms
    if terms.kind != command.kind or record.account.account_id != command.account_id:
        return False
    if not wanted or command.exchange not in ("", record.contract.exchange):
        return False
    if by_sys_id:
        return record.sys_id == wanted
    return (
        record.ref_number == wanted
        and (terms.front_id, terms.session_id) == (command.front_id, command.session_id)
        and record.contract.code == command.instrument
    )


Stage = Callable[["State", Draft], int]
_STAGES: Final[tuple[tuple[Stage, ...], ...]] = (
    (
        _check_session,
        _check_exercise_fields,
        _check_investor,
        _check_exchange,
        _check_ref,
        _check_instrument,
        _check_exercise_offer,
        _check_exercise_lots,
    ),
    (
        _check_session,
        _check_self_close_fields,
        _check_investor,
        _check_exchange,
        _check_ref,
        _check_instrument,
        _check_self_close_offer,
    ),
)
"""The precedence of refusals, by kind."""
