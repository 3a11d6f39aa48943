"""Positions that an account has from earlier days: what a day roll leaves, or a test or a user gives by hand."""

from __future__ import annotations

from ctp2.tts.account import Account
from ctp2.tts.contract import Contract
from ctp2.tts.events import PositionCarried
from ctp2.tts.state import State
from ctp2.tts.terms import CLOSE_YESTERDAY, NO_PRICE, SPECULATION


def carried(
    state: State,
    account: Account,
    contract: Contract,
    is_long: bool,
    volume: int,
    open_price: int,
    open_date: str,
    now_ns: int,
    trade_id: int,
    adds_value: bool = False,
) -> PositionCarried:
    """``volume`` lots opened at ``open_price`` (price units) on an earlier day.

    They are valued at the previous settlement price, without one at what they were opened at (spec 5.6, 7.1).
    ``adds_value``: their margin is added to yesterday's balance, so that the account can spend as much as before.
    """
    row = state.row_for(account, contract, not is_long, CLOSE_YESTERDAY, SPECULATION)
    basis = contract.pre_settlement if contract.pre_settlement != NO_PRICE else open_price
    margin = row.rates.margin(is_long, basis, volume)
    exchange_margin = row.rates.exchange_margin(is_long, basis, volume)
    return PositionCarried(
        account,
        row,
        trade_id,
        open_date,
        open_price,
        basis,
        volume,
        margin,
        exchange_margin,
        margin if adds_value else 0,
        now_ns,
    )
