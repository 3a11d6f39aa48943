"""Money: one purse per currency, margin by product group (spec ctp-semantics 6, 7.2).

All amounts are micro-units (10⁻⁶ of the currency). A purse keeps running sums; nothing here loops over positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts.kept import Trades
from ctp2.tts.money import round_div
from ctp2.tts.terms import SPECULATION

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.orders import Order
    from ctp2.tts.position import PositionRow
    from ctp2.tts.rights import MoneyMoved, Rights

_PER_TRADING_CODE: Final = "CFFEX"
WITHDRAW_NUMERATOR: Final = 8
"""WithdrawQuota is 0.8 of the mortgageable fund (spec 6 [SIM])."""


class MarginGroup:
    """Margin of one product in one purse: on exchanges with larger-side margin only the larger side counts.

    Larger side (SHFE, INE, CFFEX): used = max(long, short), frozen = max(long + long_frozen, short + short_frozen) -
    used (spec 7.2, 7.4). Elsewhere both are plain sums.
    """

    __slots__ = (
        "exchange_long",
        "exchange_short",
        "frozen",
        "larger_side",
        "long",
        "long_frozen",
        "short",
        "short_frozen",
        "used",
        "used_exchange",
    )

    def __init__(self, larger_side: bool) -> None:
        self.larger_side: bool = larger_side
        self.long: int = 0
        self.short: int = 0
        self.long_frozen: int = 0
        self.short_frozen: int = 0
        self.exchange_long: int = 0
        self.exchange_short: int = 0
        self.used: int = 0
        self.used_exchange: int = 0
        self.frozen: int = 0

    def frozen_with(self, is_long: bool, amount: int) -> int:
        """What ``frozen`` would be with ``amount`` more frozen on one side."""
        if not self.larger_side:
            return self.frozen + amount
        long = self.long + self.long_frozen
        short = self.short + self.short_frozen
        if is_long:
            long += amount
        else:
            short += amount
        return max(long, short) - self.used


class Purse:
    """A trading account's money in one currency; fields as spec 6 names them.

    ``security_profit`` is the part of the position profit that belongs to stocks, funds and bonds: it counts in the
    balance and never in the available money (spec 14.3). ``unsettled`` is what today's sales of them brought and no
    purchase has used: it can be spent and not yet withdrawn.
    """

    __slots__ = (
        "cash_in",
        "close_profit",
        "commission",
        "currency",
        "curr_margin",
        "deposit",
        "exchange_margin",
        "frozen_cash",
        "frozen_commission",
        "frozen_margin",
        "groups",
        "position_profit",
        "pre_balance",
        "pre_margin",
        "security_profit",
        "unsettled",
        "withdraw",
    )

    def __init__(self, currency: str, pre_balance: int) -> None:
        self.currency: str = currency
        self.pre_balance: int = pre_balance
        self.pre_margin: int = 0
        self.deposit: int = 0
        self.withdraw: int = 0
        self.close_profit: int = 0
        self.position_profit: int = 0
        self.security_profit: int = 0
        self.unsettled: int = 0
        self.commission: int = 0
        self.cash_in: int = 0
        self.curr_margin: int = 0
        self.exchange_margin: int = 0
        self.frozen_margin: int = 0
        self.frozen_commission: int = 0
        self.frozen_cash: int = 0
        self.groups: dict[tuple[str, str], MarginGroup] = {}

    def group_of(self, contract: Contract, hedge: str = SPECULATION) -> MarginGroup:
        """The margin group of ``contract``, made when first asked for.

        On CFFEX the larger side is taken within one trading code, that is one hedge flag (spec 7.2): flags other than
        speculation have groups of their own, ``IF 3``.
        """
        key = (contract.exchange, contract.product if contract.option is None else f"{contract.product} option")
        if hedge != SPECULATION and contract.exchange == _PER_TRADING_CODE:
            key = (contract.exchange, f"{key[1]} {hedge}")
        group = self.groups.get(key)
        if group is None:
            group = MarginGroup(contract.larger_side)
            self.groups[key] = group
        return group

    def change_margin(
        self, group: MarginGroup, is_long: bool, used: int = 0, used_exchange: int = 0, frozen: int = 0
    ) -> None:
        """Add to one side of a group and carry the difference into the purse's sums: the only place that does."""
        if is_long:
            group.long += used
            group.exchange_long += used_exchange
            group.long_frozen += frozen
        else:
            group.short += used
            group.exchange_short += used_exchange
            group.short_frozen += frozen
        long, short = group.long, group.short
        exchange_long, exchange_short = group.exchange_long, group.exchange_short
        if group.larger_side:
            new_used = long if long > short else short
            new_exchange = exchange_long if exchange_long > exchange_short else exchange_short
            long += group.long_frozen
            short += group.short_frozen
            new_frozen = (long if long > short else short) - new_used
        else:
            new_used = long + short
            new_exchange = exchange_long + exchange_short
            new_frozen = group.long_frozen + group.short_frozen
        self.curr_margin += new_used - group.used
        self.exchange_margin += new_exchange - group.used_exchange
        self.frozen_margin += new_frozen - group.frozen
        group.used = new_used
        group.used_exchange = new_exchange
        group.frozen = new_frozen

    def balance(self) -> int:
        """Equity (spec 6, Balance)."""
        return (
            self.pre_balance
            + self.deposit
            - self.withdraw
            + self.close_profit
            + self.position_profit
            + self.security_profit
            + self.cash_in
            - self.commission
        )

    def available(self) -> int:
        """Money for new orders (spec 6, Available; Algorithm 2: losses count, gains do not)."""
        gain = self.position_profit if self.position_profit > 0 else 0
        return (
            self.balance()
            - gain
            - self.security_profit
            - self.curr_margin
            - self.frozen_margin
            - self.frozen_cash
            - self.frozen_commission
        )

    def pay_later(self, amount: int) -> None:
        """A sale of securities brings money that is settled later; purchases use it up first."""
        self.unsettled = max(self.unsettled + amount, 0)

    def withdraw_quota(self) -> int:
        """What may be withdrawn: 0.8 of available without today's close profit and unsettled sales."""
        fund = self.available() - max(self.close_profit, 0) - self.unsettled
        return round_div(max(fund, 0) * WITHDRAW_NUMERATOR, 10)


class Account:
    """One investor: purses, position rows, and the day's orders and (in their lasting form) trades, in their order.

    ``rights`` is None for an account that may do everything; ``transfers`` are the day's movements with the bank.
    """

    __slots__ = ("account_id", "confirmed_ns", "orders", "purses", "rights", "rows", "trades", "transfers")

    def __init__(self, account_id: str, balances: dict[str, int]) -> None:
        self.account_id: str = account_id
        self.purses: dict[str, Purse] = {name: Purse(name, amount) for name, amount in balances.items()}
        self.rows: dict[tuple[int, str, str, bool], PositionRow] = {}
        self.orders: list[Order] = []
        self.trades: Trades = Trades()
        self.confirmed_ns: int = 0
        self.rights: Rights | None = None
        self.transfers: list[MoneyMoved] = []

    def purse(self, currency: str) -> Purse:
        """The purse of ``currency``; one without money when the account was opened without it."""
        purse = self.purses.get(currency)
        if purse is None:
            purse = Purse(currency, 0)
            self.purses[currency] = purse
        return purse
