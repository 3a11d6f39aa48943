"""``securities=cash``: the account and its stock rows as a broker's cash account shows them (spec 14.3, alternative).

The same money told in other fields: shares are bought with CashIn and sold for it, working buys freeze FrozenCash,
and Balance is cash without the market value. Available is the same in both models, so no check depends on the choice.
"""

from __future__ import annotations

from ctp2.ctp.structs import CThostFtdcInvestorPositionField, CThostFtdcTradingAccountField
from ctp2.tts.account import Account, Purse
from ctp2.tts.position import PositionRow
from ctp2.tts.values import money_to_ctp


def account_as_cash(record: CThostFtdcTradingAccountField, account: Account, purse: Purse) -> None:
    """Move what securities are out of margin and profits into cash.

    CashIn is what sales brought less what purchases cost: the gain, less what the cost of the holding grew by.
    """
    used = used_exchange = frozen = carried = gained = 0
    for row in account.rows.values():
        if row.purse is purse and row.contract.is_security:
            used += row.margin
            used_exchange += row.exchange_margin
            frozen += row.frozen_margin
            carried += row.pre_margin
            gained += row.close_profit_by_date
    record.PreBalance = money_to_ctp(purse.pre_balance - carried)
    record.PreDeposit = record.PreBalance
    record.PreMargin = money_to_ctp(purse.pre_margin - min(carried, purse.pre_margin))
    record.CurrMargin = money_to_ctp(purse.curr_margin - used)
    record.ExchangeMargin = money_to_ctp(purse.exchange_margin - used_exchange)
    record.FrozenMargin = money_to_ctp(purse.frozen_margin - frozen)
    record.FrozenCash = money_to_ctp(purse.frozen_cash + frozen)
    record.CashIn = money_to_ctp(purse.cash_in + gained - (used - carried))
    record.CloseProfit = money_to_ctp(purse.close_profit - gained)
    record.PositionProfit = money_to_ctp(purse.position_profit)
    record.Balance = money_to_ctp(purse.balance() - purse.security_profit - used)


def position_as_cash(record: CThostFtdcInvestorPositionField, row: PositionRow) -> None:
    """A stock row of a cash account: no margin, what was paid and received in CashIn."""
    if not row.contract.is_security:
        return
    record.UseMargin = record.ExchangeMargin = record.PreMargin = record.FrozenMargin = 0.0
    record.FrozenCash = money_to_ctp(row.frozen_margin)
    record.CashIn = money_to_ctp(row.close_profit_by_date - (row.margin - row.pre_margin))
