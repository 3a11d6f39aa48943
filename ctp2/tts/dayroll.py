"""``DaySettled`` applied: a settlement becomes the morning of the next day (spec ctp-semantics 5.6, 6 rule 7, 10.2).

The state is the next day's, still empty: orders, trades, references and numbers begin anew. Every amount is in the
record; instruments are made as they are needed (``State.named``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.refdata.combinations import Pair, make_combination
from ctp2.tts.account import Account, Purse
from ctp2.tts.combos import CombPair, combination_of
from ctp2.tts.contract import Contract
from ctp2.tts.position import Lot, PositionRow
from ctp2.tts.rights import Rights
from ctp2.tts.settled import AccountSettled, CarriedLot, CarriedPair, CarriedRights, PurseSettled, Settlement
from ctp2.tts.terms import LONG, SHORT

if TYPE_CHECKING:
    from ctp2.tts.events import DaySettled
    from ctp2.tts.rights import AccountReset
    from ctp2.tts.state import State


def on_day_settled(state: State, event: DaySettled) -> None:
    """Make the accounts with what they carry; positions are marked where there is a price already."""
    settlement: Settlement = event.settlement
    touched: dict[int, Contract] = {}
    for settled in settlement.accounts:
        account = _account(state, settled)
        for contract in _carry_all(state, account, settled):
            touched[contract.index] = contract
    for contract in touched.values():
        state.mark(contract)


def _account(state: State, settled: AccountSettled) -> Account:
    account = Account(settled.account_id, {})
    state.accounts[settled.account_id] = account
    for purse in settled.purses:
        account.purses[purse.currency] = _purse(purse)
    if settled.rights is not None:
        account.rights = _rights(settled.rights)
    return account


def _purse(settled: PurseSettled) -> Purse:
    purse = Purse(settled.currency, settled.balance_cf)
    purse.pre_margin = settled.margin
    return purse


def _rights(carried: CarriedRights) -> Rights:
    return Rights(
        carried.is_active,
        dict(carried.trading),
        dict(carried.position_limits),
        tuple(carried.no_code),
        carried.conditional_orders,
        carried.bank_transfers,
        carried.password,
    )


def _carry_all(state: State, account: Account, settled: AccountSettled) -> list[Contract]:
    placed = [_carry(state, account, lot) for lot in settled.carried]
    for pair in settled.pairs:
        first, second = pair.lots
        _pair(state, account, pair, placed[first], placed[second])
    return [row.contract for row, _ in placed]


def _carry(state: State, account: Account, carried: CarriedLot) -> tuple[PositionRow, Lot]:
    """A lot of an earlier day: yesterday's in every field, valued at the settlement price."""
    contract = _contract(state, carried.exchange, carried.code)
    row = _row(state, account, contract, carried)
    purse = row.purse
    assert purse is not None
    lot = Lot(
        carried.trade_id,
        carried.open_date,
        carried.open_price,
        carried.volume,
        carried.margin,
        carried.exchange_margin,
    )
    lot.basis = lot.last_mark = carried.basis  # nothing happened to it today (spec 5.3)
    lot.is_today = False
    lot.combined, lot.lag = carried.combined, carried.lag
    row.lots.append(lot)
    if row.position == 0 and carried.volume:
        contract.holders.append(row)
    unit = carried.volume * contract.notional_micro
    row.yd_position += carried.volume
    row.position += carried.volume
    row.position_cost += carried.basis * unit
    row.open_cost += carried.open_price * unit
    row.margin += carried.margin
    row.exchange_margin += carried.exchange_margin
    row.pre_margin += carried.margin
    row.comb_position += carried.combined
    row.has_pairs = row.has_pairs or carried.combined != 0 or carried.lag != 0
    group = purse.group_of(contract, carried.hedge)
    purse.change_margin(group, row.is_long, carried.margin, carried.exchange_margin)
    return row, lot


def _row(state: State, account: Account, contract: Contract, carried: CarriedLot) -> PositionRow:
    """The row of a carried lot: on SHFE and INE the history row (spec 5.1)."""
    key = (contract.index, LONG if carried.is_long else SHORT, carried.hedge, contract.uses_history)
    row = account.rows.get(key)
    if row is None:
        row = account.rows[key] = PositionRow(contract, key[1], carried.hedge, contract.uses_history)
        if state.rates_of is not None:
            row.rates = state.rates_of(account.account_id, contract)
        row.purse = account.purse(contract.currency)
    return row


def _contract(state: State, exchange: str, code: str) -> Contract:
    state.named(code)
    contract = state.by_key.get((exchange, code))
    if contract is None:
        raise LookupError(f"{exchange} {code} is held from {state.trading_day}'s eve and not listed that day")
    return contract


def _pair(
    state: State,
    account: Account,
    carried: CarriedPair,
    first: tuple[PositionRow, Lot],
    second: tuple[PositionRow, Lot],
) -> None:
    """Lots of two legs that stay combined: the pair, and its place in the combination's row."""
    book = state.combos
    combination = book.known.get((carried.exchange, carried.code))
    if combination is None:
        kind = carried.code.partition(" ")[0]
        legs = first[0].contract, second[0].contract
        instrument = make_combination(Pair(kind, legs[0].instrument, legs[1].instrument), state.trading_day)
        combination = combination_of(instrument, legs)
        book.known[carried.exchange, carried.code] = combination
    book.last_pair += 1
    pair = CombPair(
        book.last_pair,
        0,
        combination,
        carried.direction,
        carried.hedge,
        (first[0], second[0]),
        (first[1], second[1]),
        carried.volume,
    )
    pair.volume = carried.volume
    pair.margin, pair.exchange_margin = carried.margin, carried.exchange_margin
    book.pairs.setdefault(account.account_id, []).append(pair)
    row = book.row(account.account_id, pair)
    row.yd_position += carried.volume
    row.position += carried.volume
    row.margin += carried.margin
    row.exchange_margin += carried.exchange_margin
    leg = pair.rows[0]
    assert leg.purse is not None
    leg.purse.change_margin(leg.purse.group_of(leg.contract), leg.is_long, carried.margin, carried.exchange_margin)


def on_account_reset(state: State, event: AccountReset) -> None:
    """Money and positions are exchanged in place: whoever holds the account holds the new one."""
    account = state.accounts[event.account_id]
    for row in account.rows.values():
        holders = row.contract.holders
        if row in holders:
            holders.remove(row)
    for action in state.combos.actions:
        if action.account is account:
            action.made = []
    state.combos.pairs.pop(event.account_id, None)
    state.combos.rows.pop(event.account_id, None)
    fresh = Account(event.account_id, event.balances)
    for currency in account.purses:
        fresh.purse(currency)
    account.purses = fresh.purses
    account.rows = fresh.rows
    account.orders = fresh.orders
    account.trades = fresh.trades
    account.transfers = fresh.transfers
