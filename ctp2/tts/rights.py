"""What an account may do, and money that comes and goes without a trade (spec ctp-semantics 1.7, 3.3, 12.1, 13).

A :class:`Rights` record belongs to an account that is restricted in anything; an account without one may do all. Both
subjects are events like all else, so that a log rebuilds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.tts import rejections as error
from ctp2.tts.events import Event
from ctp2.tts.money import MAX_MONEY
from ctp2.tts.terms import BUY, LONG, SHORT

if TYPE_CHECKING:
    from ctp2.tts.account import Account, Purse
    from ctp2.tts.commands import InsertOrder
    from ctp2.tts.contract import Contract
    from ctp2.tts.state import State

ALL: Final = "*"
"""Key of what holds for every instrument."""
MAY_ALL: Final = "all"
MAY_CLOSE: Final = "close"
MAY_NOTHING: Final = "none"

PASSWORD_ERRORS: Final = {
    "": 0,
    "weak": error.WEAK_PASSWORD,
    "first": error.FIRST_LOGIN,
    "expired": error.PWD_OUT_OF_DATE,
}
"""State of a login password → what a login with it is answered."""

CTP_CONDITIONS: Final = "56789ABCDEFH"
"""ContingentConditions that CTP itself watches (spec 3.11); the exchange's own are no matter of this right."""

BANK_MONEY: Final = 100_000_000_000_000
"""What the customer's account at the simulated bank holds in the morning, per currency, in micro-units [SIM]."""
MIN_TRANSFER: Final = 10_000
"""The smallest transfer is one cent; a transfer is a whole number of them."""


class Rights:
    """What an account may not do.

    ``trading``: instrument, product, exchange or ``*`` → ``all``, ``close`` or ``none``, the most particular key wins.
    ``position_limits``: the same keys → lots per instrument and side, working opening orders included (a product's or
    exchange's limit counts all its instruments together). ``no_code``: exchanges without a trading code.
    """

    __slots__ = (
        "bank_transfers",
        "conditional_orders",
        "is_active",
        "no_code",
        "password",
        "position_limits",
        "trading",
    )

    def __init__(
        self,
        is_active: bool = True,
        trading: dict[str, str] | None = None,
        position_limits: dict[str, int] | None = None,
        no_code: tuple[str, ...] = (),
        conditional_orders: bool = True,
        bank_transfers: bool = True,
        password: str = "",
    ) -> None:
        self.is_active: bool = is_active
        self.trading: dict[str, str] = {} if trading is None else trading
        self.position_limits: dict[str, int] = {} if position_limits is None else position_limits
        self.no_code: tuple[str, ...] = no_code
        self.conditional_orders: bool = conditional_orders
        self.bank_transfers: bool = bank_transfers
        self.password: str = password

    def with_password(self, password: str) -> Rights:
        """The same with another state of the password."""
        return Rights(
            self.is_active,
            self.trading,
            self.position_limits,
            self.no_code,
            self.conditional_orders,
            self.bank_transfers,
            password,
        )

    def with_active(self, is_active: bool) -> Rights:
        """The same for an account that is active, or is not."""
        return Rights(
            is_active,
            self.trading,
            self.position_limits,
            self.no_code,
            self.conditional_orders,
            self.bank_transfers,
            self.password,
        )

    def is_all(self) -> bool:
        """Whether nothing is restricted."""
        return (
            self.is_active
            and not self.trading
            and not self.position_limits
            and not self.no_code
            and self.conditional_orders
            and self.bank_transfers
            and not self.password
        )

    def trading_of(self, contract: Contract) -> str:
        """What may be done in an instrument."""
        for key in (contract.code, contract.product, contract.exchange, ALL):
            if key in self.trading:
                return self.trading[key]
        return MAY_ALL

    def refusal(self, contract: Contract, terms: InsertOrder, is_open: bool) -> int:
        """Step 3 of the checks: what ``refusal_in`` says; no right for conditional orders 62."""
        number = self.refusal_in(contract, is_open)
        if not number and not self.conditional_orders and terms.contingent in CTP_CONDITIONS:
            return error.NO_CONDITIONAL_ORDER_RIGHT
        return number

    def refusal_in(self, contract: Contract, is_open: bool) -> int:
        """Investor frozen 19, no trading code 20, no right 28, close only 29."""
        if not self.is_active:
            return error.INVESTOR_NOT_ACTIVE
        if contract.exchange in self.no_code:
            return error.NOT_EXCHANGE_CLIENT
        may = self.trading_of(contract)
        if may == MAY_NOTHING:
            return error.NO_TRADING_RIGHT
        return error.CLOSE_ONLY if may == MAY_CLOSE and is_open else 0

    def over_limit(self, account: Account, contract: Contract, terms: InsertOrder) -> int:
        """End of step 4: error 106 when an opening order would lead beyond a position limit."""
        if not self.position_limits:
            return 0
        side = LONG if terms.direction == BUY else SHORT
        for key in (contract.code, contract.product, contract.exchange, ALL):
            limit = self.position_limits.get(key, -1)
            if limit >= 0 and _held(account, contract, key, side) + terms.volume > limit:
                return error.POSI_LIMIT
        return 0


def _held(account: Account, contract: Contract, key: str, side: str) -> int:
    """Lots on one side that a limit with this key counts: held, and working to be."""
    total = 0
    for row in account.rows.values():
        other = row.contract
        if row.side != side:
            continue
        if key == contract.product and key != contract.code:
            counts = other.product == contract.product and other.exchange == contract.exchange
        elif key == contract.exchange:
            counts = other.exchange == contract.exchange
        else:
            counts = other is contract
        if counts:
            total += row.position + row.frozen_open
    return total


# ------------------------------------------------------------------ commands
class Restrict:
    """The broker changes what an account may do; the record replaces the one before."""

    __slots__ = ("account_id", "now_ns", "rights")

    def __init__(self, now_ns: int, account_id: str, rights: Rights) -> None:
        self.now_ns: int = now_ns
        self.account_id: str = account_id
        self.rights: Rights = rights


class MoveMoney:
    """Money comes in (``amount`` above 0) or goes out, in micro-units; ``is_bank``: as a transfer with the bank.

    ``echo`` are the texts of the request that the return hands back (``bank.py`` knows their order).
    """

    __slots__ = ("account_id", "amount", "currency", "echo", "is_bank", "now_ns")

    def __init__(
        self,
        now_ns: int,
        account_id: str,
        currency: str,
        amount: int,
        is_bank: bool = False,
        echo: tuple[str, ...] = (),
    ) -> None:
        self.now_ns: int = now_ns
        self.account_id: str = account_id
        self.currency: str = currency
        self.amount: int = amount
        self.is_bank: bool = is_bank
        self.echo: tuple[str, ...] = echo


# ------------------------------------------------------------------ events
class AccountRestricted(Event):
    """What an account may do from now on."""

    __slots__ = ("rights",)

    def __init__(self, account_id: str, now_ns: int, rights: Rights) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.rights: Rights = rights


class AccountReset(Event):
    """An account begins anew: this money (micro-units per currency), no position, none of the day's orders and trades.

    Everything that worked was taken out before; what it may do, and its confirmation, stay.
    """

    __slots__ = ("balances",)

    def __init__(self, account_id: str, now_ns: int, balances: dict[str, int]) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.balances: dict[str, int] = balances


class MoneyMoved(Event):
    """Money that the broker put in or took out by hand (出入金): Deposit or Withdraw changes, nothing is told.

    ``zone``: whose time it shows (empty: Beijing's).
    """

    __slots__ = ("amount", "currency", "echo", "serial", "trading_day", "zone")

    def __init__(
        self,
        account_id: str,
        now_ns: int,
        currency: str,
        amount: int,
        serial: int,
        echo: tuple[str, ...],
        trading_day: str,
        zone: str,
    ) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.currency: str = currency
        self.amount: int = amount
        self.serial: int = serial
        """Number of the bank transfer; 0 for none."""
        self.echo: tuple[str, ...] = echo
        self.trading_day: str = trading_day
        self.zone: str = zone


class BankToFuture(MoneyMoved):
    """A transfer from the bank: ``OnRtnFromBankToFutureByFuture``."""

    __slots__ = ()


class FutureToBank(MoneyMoved):
    """A transfer to the bank: ``OnRtnFromFutureToBankByFuture``."""

    __slots__ = ()


# ------------------------------------------------------------------ decide
def restricted(state: State, command: Restrict) -> AccountRestricted:
    """Carry out a restriction."""
    event = AccountRestricted(command.account_id, command.now_ns, command.rights)
    on_account_restricted(state, event)
    return event


def moved(state: State, command: MoveMoney) -> MoneyMoved:
    """Carry out a movement that :func:`refusal_of_money` lets pass."""
    kind: type[MoneyMoved] = MoneyMoved
    serial = 0
    if command.is_bank:
        kind, serial = (BankToFuture if command.amount > 0 else FutureToBank), state.last_transfer + 1
    made = kind(
        command.account_id,
        command.now_ns,
        command.currency,
        command.amount,
        serial,
        command.echo,
        state.trading_day,
        state.zone,
    )
    on_money_moved(state, made)
    return made


def refusal_of_money(account: Account, command: MoveMoney) -> int:
    """Why money cannot move: 2014 amount, 1022 no transfers now, 1021 more than the bank has, 31 above the quota."""
    amount = command.amount
    if amount == 0 or amount % MIN_TRANSFER:
        return error.AMOUNT_OUTOFTHEWAY
    purse = account.purse(command.currency)
    if command.is_bank:
        rights = account.rights
        if rights is not None and not rights.bank_transfers:
            return error.NOT_IN_TRANSFER_TIME
        if amount > bank_money(account, command.currency):
            return error.AMOUNT_OR_TIMES_OVER
    if purse.balance() + amount > MAX_MONEY or abs(amount) > MAX_MONEY:
        return error.AMOUNT_OR_TIMES_OVER
    return error.INSUFFICIENT_MONEY if amount < 0 and -amount > withdrawable(purse) else 0


def withdrawable(purse: Purse) -> int:
    """What may be taken out: the WithdrawQuota (spec 6)."""
    return purse.withdraw_quota()


def bank_money(account: Account, currency: str) -> int:
    """What the customer's account at the bank holds now (micro-units)."""
    return BANK_MONEY - sum(moved.amount for moved in account.transfers if moved.currency == currency)


# ------------------------------------------------------------------ evolve
def on_account_restricted(state: State, event: AccountRestricted) -> None:
    """The record becomes the account's; one that restricts nothing is none."""
    state.accounts[event.account_id].rights = None if event.rights.is_all() else event.rights


def on_money_moved(state: State, event: MoneyMoved) -> None:
    """Deposit or Withdraw grows."""
    account = state.accounts[event.account_id]
    purse = account.purse(event.currency)
    if event.amount > 0:
        purse.deposit += event.amount
    else:
        purse.withdraw -= event.amount
    if event.serial:
        state.last_transfer = event.serial
        account.transfers.append(event)
