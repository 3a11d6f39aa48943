"""A fingerprint of a state: equal for equal states, in any process, compiled or not.

Every record is written as the values of the attributes that a table names; what refers to another record is written as
that one's key, so that nothing depends on identities, on the order of opening or on a hash seed. A type that no table
knows is a ``TypeError``: what is new in the state is put into a table here, or left out here, by decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, Final

from ctp2.tts.account import Account, MarginGroup, Purse
from ctp2.tts.combos import CombAction, Combination, CombPair, CombRow, InsertCombAction
from ctp2.tts.commands import CancelOrder, Common, InsertOrder, ReleasedOrder
from ctp2.tts.contract import Contract
from ctp2.tts.declarations import Declaration, Declare
from ctp2.tts.orders import Order, Rare
from ctp2.tts.parked import Parked
from ctp2.tts.position import Lot, PositionRow
from ctp2.tts.quotes import AskForQuote, ForQuoteAsked, InsertQuote, MakerQuote
from ctp2.tts.rights import BankToFuture, FutureToBank, MoneyMoved, Rights
from ctp2.tts.state import State

TABLES: Final[dict[type, str]] = {
    Purse: "cash_in close_profit commission deposit frozen_cash frozen_commission frozen_margin pre_balance pre_margin"
    " unsettled withdraw groups",
    MarginGroup: "exchange_long exchange_short frozen larger_side long long_frozen short short_frozen used"
    " used_exchange",
    PositionRow: "abandon_frozen cash_in charged_close_today close_amount close_profit_by_date close_profit_by_trade"
    " close_volume comb_position commission exchange_margin first_lot frozen_cash frozen_close frozen_commission"
    " frozen_margin frozen_open frozen_open_amount has_pairs lots margin open_amount open_cost open_volume position"
    " position_cost pre_margin strike_frozen strike_frozen_amount today_position yd_position",
    Lot: "basis close_amount close_profit_by_date close_profit_by_trade close_volume combined exchange_margin is_today"
    " lag margin open_date open_price trade_id volume",
    Order: "exchange_ns freeze_price frozen_fee frozen_margin frozen_volume is_buy offset order_id price rare row"
    " sequence_no status submit sys_id terms traded trading_day account",
    Rare: "active_user cancel_ns done_turnover done_volume order_ref premium quote reason",
    InsertOrder: "common now_ns order_ref price request_id session_req_seq volume",
    ReleasedOrder: "common now_ns order_ref origin price request_id session_req_seq volume",
    Common: "account_id comb_hedge comb_offset contingent direction echo exchange force_close_reason front_id"
    " instrument investor_id is_auto_suspend is_swap min_volume price_type session_id stop_price time_condition"
    " user_force_close user_id volume_condition",
    CancelOrder: "account_id action_flag action_ref echo exchange front_id instrument investor_id now_ns order_ref"
    " order_sys_id request_id session_id user_id",
    Rights: "bank_transfers conditional_orders is_active no_code password position_limits trading",
    MoneyMoved: "account_id now_ns amount currency echo serial trading_day zone",
    BankToFuture: "account_id now_ns amount currency echo serial trading_day zone",
    FutureToBank: "account_id now_ns amount currency echo serial trading_day zone",
    Declaration: "account active_user cancel_ns cash contract exchange_ns fee insert_ns lots margin number offset"
    " reason ref ref_number result row sequence_no submit sys_id terms trading_day",
    Declare: "account_id action_type close_flag echo exchange front_id hedge instrument investor_id kind now_ns offset"
    " posi_direction ref request_id reserve_flag self_close_flag session_id user_id volume",
    Parked: "account_id cancel contract error_id number order status",
    MakerQuote: "account active_user ask bid cancel_ns contract exchange_ns quote_id quote_ref reason sequence_no"
    " status submit sys_id terms trading_day",
    InsertQuote: "account_id ask_hedge ask_offset ask_price ask_ref ask_volume bid_hedge bid_offset bid_price bid_ref"
    " bid_volume echo exchange for_quote_sys_id front_id instrument investor_id now_ns quote_ref replace_sys_id"
    " request_id session_id session_req_seq time_condition user_id",
    ForQuoteAsked: "account_id contract now_ns number terms",
    AskForQuote: "account_id echo exchange for_quote_ref front_id instrument investor_id now_ns session_id user_id",
    CombAction: "account action_id combination made reason status terms trading_day",
    InsertCombAction: "account_id action_ref comb_direction del_front_id del_session_id direction echo exchange"
    " front_id hedge instrument investor_id now_ns session_id user_id volume",
    CombPair: "action_id combination direction exchange_margin hedge lots made_volume margin pair_id rows volume",
    CombRow: "combination exchange_margin hedge margin open_volume position side yd_position",
}
"""What is written of a record."""

MARKS: Final[dict[type, str]] = {
    Purse: "curr_margin exchange_margin position_profit security_profit",
    PositionRow: "exchange_mark last_mark margin_mark profit",
    Lot: "last_mark",
    Contract: "ask ask_volume bid bid_volume last phase",
}
"""What follows from market data, which no log has: written with ``with_marks`` only."""

LEFT_OUT: Final[dict[type, str]] = {
    Purse: "currency",  # its key
    PositionRow: "contract hedge is_history is_long key side purse rates",  # its key, and whom it belongs to
    Order: "group purse",  # follow from account and row
    Declaration: "purse",
    MakerQuote: "telling",  # the exchange's, not the quote's
}
"""What is not written, so that a test can tell it from what was forgotten."""

_KEYS: Final[dict[type, Callable[[Any], object]]] = {
    Contract: lambda contract: (contract.exchange, contract.code),
    Account: lambda account: account.account_id,
    PositionRow: lambda row: _row_key(row),
    Order: lambda order: order.order_id,
    MakerQuote: lambda quote: quote.quote_id,
    CombPair: lambda pair: pair.pair_id,
    CombAction: lambda action: action.action_id,
    Combination: lambda combination: (combination.exchange, combination.code),
    Lot: lambda lot: (lot.trade_id, lot.open_date, lot.open_price),
    Parked: lambda parked: parked.number,
}
"""How a record is named where another one refers to it."""


def state_hash(state: State, with_marks: bool = True) -> str:
    """The fingerprint of everything in a state, as hexadecimal digits.

    ``with_marks`` False leaves out what follows from market data (quotes, phases, and the profits and margins that are
    marked with them): then a state made of the log alone has the fingerprint of the one that wrote it.
    """
    digest = blake2b(digest_size=20)
    for part in parts(state, with_marks):
        digest.update(f"{part}\n".encode())
    return digest.hexdigest()


def parts(state: State, with_marks: bool = True) -> Iterator[str]:
    """What the fingerprint is made of, line by line: compare these to see where two states differ."""
    names = {kind: _names(kind, with_marks) for kind in TABLES}
    yield _line("day", state.trading_day)
    for name in _COUNTERS:
        yield _line(name, getattr(state, name))
    if with_marks:
        for contract in sorted(state.contracts, key=lambda item: (item.exchange, item.code)):
            yield _line("market", contract, [getattr(contract, name) for name in MARKS[Contract].split()])
    for account_id in sorted(state.accounts):
        yield from _account(state.accounts[account_id], names, with_marks)
    for number, order in sorted(state.orders.items()):
        yield _line("order", number, _values(order, names))
    for number, order in sorted(state.by_sys_id.items()):
        yield _line("sys_id", number, order)
    yield from _books(state, names)


def _account(account: Account, names: _Names, with_marks: bool) -> Iterator[str]:
    yield _line("account", account.account_id, account.confirmed_ns, [order.order_id for order in account.orders])
    yield _line("rights", account.account_id, None if account.rights is None else _values(account.rights, names))
    rows = sorted(account.rows.values(), key=_row_key)
    for currency in sorted(account.purses):
        purse = account.purses[currency]
        yield _line("purse", account.account_id, currency, _purse(purse, rows, names, with_marks))
    for row in rows:
        values = [_written(value, names) for value in _attributes(row, names)]
        yield _line("row", account.account_id, row, values)
    for number, trade in enumerate(account.trades):
        yield _line("trade", account.account_id, number, trade)
    for number, moved in enumerate(account.transfers):
        yield _line("transfer", account.account_id, number, _values(moved, names))


def _purse(purse: Purse, rows: list[PositionRow], names: _Names, with_marks: bool) -> list[object]:
    """Its values; without marks the margin groups less what marks added to them."""
    values = [_written(value, names) for value in _attributes(purse, names) if value is not purse.groups]
    marked: dict[int, tuple[int, int]] = {}
    for row in rows:
        if row.purse is purse and (row.margin_mark or row.exchange_mark):
            place = id(purse.group_of(row.contract, row.hedge))
            own, exchange = marked.get(place, (0, 0))
            marked[place] = own + row.margin_mark, exchange + row.exchange_mark
    for key in sorted(purse.groups):
        group = purse.groups[key]
        if with_marks:
            values.append((key, _values(group, names)))
        else:
            own, exchange = marked.get(id(group), (0, 0))
            sides = group.long, group.exchange_long, group.short - own, group.exchange_short - exchange
            values.append((key, group.larger_side, sides, group.long_frozen, group.short_frozen))
    return values


def _books(state: State, names: _Names) -> Iterator[str]:
    """What is kept beside the accounts: conditions, parked orders, quotes, declarations, combinations."""
    for key in sorted(state.conditions):
        yield _line("condition", key, state.conditions[key])
    for contract in sorted(state.contracts, key=lambda item: (item.exchange, item.code)):
        if contract.conditions is not None and contract.conditions.waiting:
            yield _line("waiting", contract, sorted(contract.conditions.waiting))
    yield _line("parked", state.parked.waiting_of)
    for book in (state.parked.orders, state.parked.cancels):
        for number in sorted(book):
            yield _line("parked", _values(book[number], names))
    quotes = state.quotes
    asked_at = {(who, *_contract_key(state, index)): at for (who, index), at in quotes.asked_at.items()}
    yield _line("quotes", quotes.last_id, quotes.last_asked, quotes.last_refs, asked_at, sorted(quotes.by_sys_id))
    for number in sorted(quotes.by_id):
        yield _line("quote", number, _values(quotes.by_id[number], names))
    for event in quotes.asked:
        yield _line("asked", _values(event, names))
    yield _line("declared", state.declared.last_refs)
    for record in state.declared.records:
        yield _line("declaration", _values(record, names))
    combos = state.combos
    yield _line("combos", combos.last_action, combos.last_pair)
    for action in combos.actions:
        yield _line("action", _values(action, names))
    for account_id in sorted(combos.pairs):
        for pair in combos.pairs[account_id]:
            yield _line("pair", account_id, _values(pair, names))
    for account_id in sorted(combos.rows):
        rows = combos.rows[account_id]
        for kind in sorted(rows):
            yield _line("combination row", account_id, kind, _values(rows[kind], names))


_COUNTERS: Final = (
    *("last_order_id", "last_sys_id", "last_trade_id", "last_sequence_no", "last_transfer"),
    *("last_refs", "last_conditions", "waiting_conditions"),
)
_Names = dict[type, tuple[str, ...]]
_WITHOUT_MARKS: Final[dict[type, frozenset[str]]] = {Purse: frozenset(["frozen_margin"])}
"""What else depends on marks: what is frozen beside the used margin of the larger side."""


def _names(kind: type, with_marks: bool) -> tuple[str, ...]:
    names = TABLES[kind].split()
    if with_marks:
        return tuple(sorted(names + MARKS.get(kind, "").split()))
    return tuple(sorted(set(names) - _WITHOUT_MARKS.get(kind, frozenset())))


def _attributes(record: object, names: _Names) -> list[Any]:
    return [getattr(record, name) for name in names[type(record)]]


def _values(record: object, names: _Names) -> list[object]:
    return [_written(value, names) for value in _attributes(record, names)]


def _written(value: Any, names: _Names) -> object:
    """A value in which records have become their keys, or (those that only this one has) their own values."""
    kind = type(value)
    if kind in _OWNED:
        return _values(value, names)
    if kind is list and value and type(value[0]) is Lot:
        return [_values(lot, names) for lot in value]
    return value


_OWNED: Final = (Rare, InsertOrder, Common, CancelOrder, InsertQuote, AskForQuote, InsertCombAction, Declare)


def _row_key(row: PositionRow) -> tuple[str, str, str, str, bool]:
    return row.contract.exchange, row.contract.code, row.side, row.hedge, row.is_history


def _contract_key(state: State, index: int) -> tuple[str, str]:
    contract = state.contracts[index]
    return contract.exchange, contract.code


def _line(*values: object) -> str:
    return _text(values)


def _text(value: Any) -> str:
    """Canonical text: numbers and texts as Python writes them, mappings and sets in order of their keys' texts."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join([_text(item) for item in value])}]"
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{_text(key)}:{_text(item)}' for key, item in value.items()))}}}"
    if isinstance(value, (set, frozenset)):
        return f"{{{','.join(sorted(map(_text, value)))}}}"
    key = _KEYS.get(type(value))
    if key is None:
        raise TypeError(f"{type(value).__name__} is not in the tables of {__name__}")
    return f"<{type(value).__name__} {_text(key(value))}>"
