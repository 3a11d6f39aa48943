"""Daily settlement (spec ctp-semantics 11.2): a day's state becomes one record, and nothing of the state changes.

``settle`` decides everything: prices, exercise, delivery, profit, margin, the money carried on, each line of each
statement. Applying the record to the next day's empty state is ``dayroll.py``. Working, parked and conditional orders
and quotes are not in the record: they vanish without a word, and what they froze with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.tts.settled import AccountSettled, CarriedRights, PurseSettled, Settlement, TradeLine
from ctp2.tts.settlement_expiry import Ended, Expiry
from ctp2.tts.settlement_held import Held
from ctp2.tts.settlement_lines import cents, message_fees, trade_lines, transfer_lines
from ctp2.tts.settlement_positions import Positions
from ctp2.tts.settlement_prices import Figures, SettlementPrices

if TYPE_CHECKING:
    from ctp2.tts.account import Purse
    from ctp2.tts.rights import Rights
    from ctp2.tts.state import State


def settle(state: State, next_day: str, now_ns: int, figures: Figures | None = None) -> Settlement:
    """What the trading day of ``state`` leaves behind.

    ``figures``: what the last snapshot of each instrument says (``settlement_prices.figures_of``); without them
    settlement prices are last prices.
    """
    prices = SettlementPrices(figures)
    all_held = [Held(state, account) for account in state.accounts.values()]
    expiry = Expiry(state, next_day, prices, all_held)
    expiry.carry_out()
    return Settlement(
        trading_day=state.trading_day,
        next_day=next_day,
        made_ns=now_ns,
        prices=prices.all_of(state),
        accounts=[_settle_account(held, expiry.ended[held.account.account_id], prices) for held in all_held],
    )


def _settle_account(held: Held, ended: Ended, prices: SettlementPrices) -> AccountSettled:
    state, account = held.state, held.account
    trades, closed = trade_lines(account, state.orders)
    positions = Positions(held, prices)
    settled = AccountSettled(
        account_id=account.account_id,
        trades=trades,
        closed=closed + ended.closed,
        exercises=ended.exercises,
        delivered=ended.delivered,
        details=positions.details,
        positions=positions.lines,
        carried=positions.carried,
        pairs=positions.pairs,
        rights=_rights(account.rights),
    )
    for purse in list(account.purses.values()):
        settled.transfers += transfer_lines(account, purse, state.trading_day)
        settled.transfers += message_fees(account, purse.currency, state.trading_day)
        settled.purses.append(_settle_purse(purse, settled, positions))
    return settled


def _settle_purse(purse: Purse, settled: AccountSettled, positions: Positions) -> PurseSettled:
    """资金状况 of one currency: sums of the lines, then what is carried forward (spec 11.3)."""
    currency = purse.currency
    trades = [line for line in settled.trades if line.currency == currency]
    exercises = [line for line in settled.exercises if line.currency == currency]
    delivered = [line for line in settled.delivered if line.currency == currency]
    totals = positions.total(currency)
    made = PurseSettled(
        currency=currency,
        balance_bf=cents(purse.pre_balance),
        deposit_withdrawal=sum(line.amount for line in settled.transfers if line.currency == currency),
        close_profit=sum(line.close_profit for line in settled.closed if line.currency == currency),
        mtm=totals.mtm,
        exercise_profit=sum(line.profit for line in exercises),
        commission=sum(line.fee for line in trades),
        exercise_fee=sum(line.fee for line in exercises),
        delivery_fee=sum(line.fee for line in delivered),
        delivery_profit=sum(line.profit for line in delivered),
        premium_received=_premiums(trades, 1),
        premium_paid=_premiums(trades, -1),
        margin=cents(positions.margin(currency)),
        long_option_value=totals.long_option_value,
        short_option_value=totals.short_option_value,
        security_value=totals.security_value,
    )
    made.balance_cf = (
        made.balance_bf
        + made.deposit_withdrawal
        + made.close_profit
        + made.mtm
        + made.exercise_profit
        + made.delivery_profit
        - made.commission
        - made.exercise_fee
        - made.delivery_fee
        + made.premium_received
        - made.premium_paid
    )
    made.available = made.client_equity - made.margin - made.delivery_margin
    return made


def _premiums(trades: list[TradeLine], sign: int) -> int:
    return sum(max(sign * line.premium, 0) for line in trades)


def _rights(rights: Rights | None) -> CarriedRights | None:
    if rights is None:
        return None
    return CarriedRights(
        is_active=rights.is_active,
        trading=dict(rights.trading),
        position_limits=dict(rights.position_limits),
        no_code=rights.no_code,
        conditional_orders=rights.conditional_orders,
        bank_transfers=rights.bank_transfers,
        password=rights.password,
    )
