"""The CTP text statement (结算单) of an account, marked to market by day (spec ctp-semantics 11.3).

One account block with its tables per currency [SIM]: CNY, and any other in which something happened or is held, because
readers of statements know one block. Text in GBK, lines end in CRLF. A month's statement has the same layout [SIM]: the
first day's balance brought forward, the last day's equity and positions, the sums and the movements of all its days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ctp2.tts import values
from ctp2.tts.money import round_div
from ctp2.tts.settled import AccountSettled, PurseSettled
from ctp2.tts.statement_cells import (
    ENCODING,
    HEADER_WIDTH,
    centred,
    clean,
    hundredths_text,
    money,
    pushed,
    rows,
    width_of,
)
from ctp2.tts.statement_tables import TABLES, Row, legends_of

__all__ = ["ENCODING", "chunks", "month_of", "statement"]

BROKER: Final = "ctp2模拟柜台"
"""Who a statement comes from [SIM]."""
CHUNK: Final = 500
"""Bytes of a statement in one ``OnRspQrySettlementInfo``."""
BASE_CURRENCY: Final = "CNY"
CURRENCIES: Final = {"CNY": "人民币", "HKD": "港币", "USD": "美元"}

_CELL: Final = 49
_RULE: Final = "-" * HEADER_WIDTH


def statement(account: AccountSettled, period: str, made_ns: int) -> bytes:
    """The text of an account's statement of a day (``YYYYMMDD``) or a month (``YYYYMM``)."""
    made = values.date_of(made_ns) or period
    lines = [
        centred(BROKER, HEADER_WIDTH),
        pushed(f"制表时间 Creation Date：{made}", HEADER_WIDTH),
        _RULE,
        centred("交易结算单(盯市) Settlement Statement(MTM)", HEADER_WIDTH),
        clean(f"客户号 Client ID：  {account.account_id}          客户名称 Client Name：{_name(account)}"),
        f"日期 Date：{period}",
    ]
    for purse in _purses(account):
        lines += _summary(account, purse)
        lines += _tables(account, purse.currency)
    return "\r\n".join([*lines, "", "", ""]).encode(ENCODING)


def chunks(text: bytes) -> Iterator[bytes]:
    """A statement in the pieces that a query answers; one may end within a character (spec 11.1)."""
    for start in range(0, len(text), CHUNK):
        yield text[start : start + CHUNK]


def _name(account: AccountSettled) -> str:
    return account.name or account.account_id


def _purses(account: AccountSettled) -> list[PurseSettled]:
    """CNY with anything in it, other currencies with more than money that lies there; the first one where none has."""
    moved = {line.currency for table in TABLES for line in table.lines(account)}
    found = [purse for purse in account.purses if purse.currency in moved or not _is_idle(purse)]
    found += [_empty(currency) for currency in sorted(moved.difference(purse.currency for purse in found))]
    return found or account.purses[:1] or [_empty(BASE_CURRENCY)]


def _is_idle(purse: PurseSettled) -> bool:
    lying = 0 if purse.currency == BASE_CURRENCY else purse.balance_bf
    return purse == PurseSettled(currency=purse.currency, balance_bf=lying, balance_cf=lying, available=lying)


def _empty(currency: str) -> PurseSettled:
    return PurseSettled(currency=currency)


# ------------------------------------------------------------------ account
def _margin_ratio(purse: PurseSettled) -> str:
    """风险度: Margin Occupied / Client Equity; 0 where there is no equity to divide by."""
    equity = purse.client_equity
    hundredths = round_div(purse.margin * 10_000, abs(equity)) if equity else 0
    return f"{hundredths_text(hundredths if equity > 0 else -hundredths)}%"


def _nothing(purse: PurseSettled) -> str:
    """The counter has no pledged currencies, and nothing is pledged or taken back."""
    return money(0)


def _amount(name: str) -> Callable[[PurseSettled], str]:
    return lambda purse: money(getattr(purse, name))


class _Entry(NamedTuple):
    """A figure of the account block."""

    label: str
    value: Callable[[PurseSettled], str]


_LEFT: Final = (
    _Entry("期初结存 Balance b/f：", _amount("balance_bf")),
    _Entry("出 入 金 Deposit/Withdrawal：", _amount("deposit_withdrawal")),
    _Entry("平仓盈亏 Realized P/L：", _amount("close_profit")),
    _Entry("持仓盯市盈亏 MTM P/L：", _amount("mtm")),
    _Entry("期权执行盈亏 Exercise P/L：", _amount("exercise_profit")),
    _Entry("手 续 费 Commission：", _amount("commission")),
    _Entry("行权手续费 Exercise Fee：", _amount("exercise_fee")),
    _Entry("交割手续费 Delivery Fee：", _amount("delivery_fee")),
    _Entry("货币质入 New FX Pledge：", _nothing),
    _Entry("货币质出 FX Redemption：", _nothing),
    _Entry("质押变化金额 Chg in Pledge Amt：", _nothing),
    _Entry("权利金收入 Premium received：", _amount("premium_received")),
    _Entry("权利金支出 Premium paid：", _amount("premium_paid")),
    _Entry("交割盈亏 Delivery P/L：", _amount("delivery_profit")),
)
_RIGHT: Final = (
    _Entry("基础保证金 Initial Margin：", _amount("initial_margin")),
    _Entry("期末结存 Balance c/f：", _amount("balance_cf")),
    _Entry("质 押 金 Pledge Amount：", _amount("pledge")),
    _Entry("客户权益 Client Equity：", _amount("client_equity")),
    _Entry("货币质押保证金占用 FX Pledge Occ.：", _nothing),
    _Entry("保证金占用 Margin Occupied：", _amount("margin")),
    _Entry("交割保证金 Delivery Margin：", _amount("delivery_margin")),
    _Entry("多头期权市值 Market value(long)：", _amount("long_option_value")),
    _Entry("空头期权市值 Market value(short)：", _amount("short_option_value")),
    _Entry("市值权益 Market value(equity)：", _amount("market_value_equity")),
    _Entry("可用资金 Fund Avail.：", _amount("available")),
    _Entry("风 险 度 Risk Degree：", _margin_ratio),
    _Entry("应追加资金 Margin Call：", _amount("margin_call")),
    _Entry("货币质押变化金额 Chg in FX Pledge:", _nothing),  # CTP has the ASCII colon here
)


def _summary(account: AccountSettled, purse: PurseSettled) -> list[str]:
    currency = purse.currency
    title = (
        f"资金状况   资金账号：{account.account_id}  币种：{CURRENCIES.get(currency, currency)}  "
        f"Account Summary AccountID：{account.account_id} Currency：{currency}"
    )
    pairs = zip(_figures(_LEFT, purse), _figures(_RIGHT, purse), strict=True)
    return ["", centred(clean(title), HEADER_WIDTH), _RULE, *(f"{left}  {right}" for left, right in pairs)]


def _figures(entries: Sequence[_Entry], purse: PurseSettled) -> list[str]:
    """A column of the block: 49 bytes wide, or as wide as its longest figure needs."""
    shown = [(entry.label, entry.value(purse)) for entry in entries]
    width = max(_CELL, *(width_of(label) + len(value) for label, value in shown))
    return [label + value.rjust(width - width_of(label)) for label, value in shown]


# ------------------------------------------------------------------ tables
def _tables(account: AccountSettled, currency: str) -> Iterator[str]:
    for table in TABLES:
        lines = [line for line in table.lines(account) if line.currency == currency]
        if lines:
            yield ""
            yield from rows(table.title, table.columns, [Row(line, account.account_id) for line in lines])
            yield from legends_of(table, lines)


# ------------------------------------------------------------------ a month
_SUMMED: Final = (
    "deposit_withdrawal",
    "close_profit",
    "mtm",
    "exercise_profit",
    "commission",
    "exercise_fee",
    "delivery_fee",
    "delivery_profit",
    "premium_received",
    "premium_paid",
)
_MOVEMENTS: Final = ("transfers", "trades", "exercises", "delivered", "closed")


def month_of(days: Sequence[AccountSettled]) -> AccountSettled:
    """The days of an account's month, in their order, as one: every identity of a day holds of it too."""
    purses: dict[str, PurseSettled] = {}
    for day in days:
        for purse in day.purses:
            before = purses.get(purse.currency)
            purses[purse.currency] = purse if before is None else _both(before, purse)
    moved: dict[str, list[Any]] = {name: [line for day in days for line in getattr(day, name)] for name in _MOVEMENTS}
    return msgspec.structs.replace(days[-1], purses=list(purses.values()), **moved)


def _both(before: PurseSettled, purse: PurseSettled) -> PurseSettled:
    sums = {name: getattr(before, name) + getattr(purse, name) for name in _SUMMED}
    return msgspec.structs.replace(purse, balance_bf=before.balance_bf, **sums)
