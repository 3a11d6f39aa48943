"""The day's trades told again for the statement: what each cost, earned and closed (spec ctp-semantics 11.3).

An account keeps of a fill its price, lots and fee; which lots a close took follows from the order of the trades, first
opened first closed. Every amount is rounded to cents by itself, and sums are sums of rounded amounts.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ctp2.refdata.products import find_product
from ctp2.tts.money import round_div
from ctp2.tts.settled import ClosedLine, TradeLine, TransferLine
from ctp2.tts.terms import NO_PRICE, OPEN

if TYPE_CHECKING:
    from ctp2.tts.account import Account, Purse
    from ctp2.tts.contract import Contract
    from ctp2.tts.numbered import Numbered
    from ctp2.tts.orders import Order
    from ctp2.tts.position import Lot, PositionRow

CENT: Final = 10_000
"""Micro-units of a cent."""


def cents(amount: int) -> int:
    """An amount rounded to cents, half away from zero."""
    return round_div(amount, CENT) * CENT


def price_of(contract: Contract, units: int) -> Decimal:
    """Price units as the quoted price; 0 where there is none."""
    return Decimal(0) if units == NO_PRICE else Decimal(units) / contract.price_scale


@lru_cache(maxsize=1024)
def _product_name(exchange: str, product: str) -> str:
    known = find_product(exchange, product)
    return "" if known is None else known.name_cn


def whose(contract: Contract, hedge: str) -> dict[str, Any]:
    """The fields of ``settled.Line``."""
    return {
        "exchange": contract.exchange,
        "product": contract.product,
        "product_name": _product_name(contract.exchange, contract.product) or contract.instrument.name,
        "code": contract.code,
        "hedge": hedge,
        "currency": contract.currency,
    }


# ------------------------------------------------------------------ trades
class _Replay:
    """The lots of one row as the day's trades found them."""

    __slots__ = ("first", "left", "lots", "open")

    def __init__(self, row: PositionRow) -> None:
        self.lots: list[Lot] = row.lots
        self.left: list[int] = [lot.volume + lot.close_volume for lot in row.lots]
        self.open: int = sum(1 for lot in row.lots if not lot.is_today)
        self.first: int = 0

    def taken(self, volume: int) -> list[tuple[Lot, int]]:
        """The lots that a close of ``volume`` took; fewer when the counter ran without position checks."""
        parts: list[tuple[Lot, int]] = []
        while volume and self.first < self.open:
            part = min(volume, self.left[self.first])
            if part:
                parts.append((self.lots[self.first], part))
                self.left[self.first] -= part
                volume -= part
            if not self.left[self.first]:
                self.first += 1
        return parts


def trade_lines(account: Account, orders: Numbered) -> tuple[list[TradeLine], list[ClosedLine]]:
    """The account's trades in their order, and what each closing one took from each lot."""
    trades: list[TradeLine] = []
    closed: list[ClosedLine] = []
    replays: dict[tuple[int, str, str, bool], _Replay] = {}
    for order_id, trade_id, price, volume, _, trading_day, _, fee in account.trades:
        order = orders[order_id]
        row = order.row
        replay = replays.get(row.key)
        if replay is None:
            replay = replays[row.key] = _Replay(row)
        parts: list[ClosedLine] = []
        if order.is_open:
            replay.open += 1
        else:
            parts = [_closed(order, lot, part, price, trading_day) for lot, part in replay.taken(volume)]
            closed.extend(parts)
        contract = row.contract
        turnover = cents(price * volume * contract.notional_micro)
        premium = 0
        if contract.option is not None:
            premium = -turnover if order.is_buy else turnover
        trades.append(
            TradeLine(
                **whose(contract, row.hedge),
                date=trading_day,
                is_buy=order.is_buy,
                price=price_of(contract, price),
                volume=volume,
                turnover=turnover,
                offset=OPEN if order.is_open else order.offset,
                fee=cents(fee),
                close_profit=sum(part.close_profit for part in parts),
                premium=premium,
                trade_id=trade_id,
            )
        )
    return trades, closed


def _closed(order: Order, lot: Lot, volume: int, price: int, trading_day: str) -> ClosedLine:
    """Profit by date; of an option only the premium counts (spec 6)."""
    row, contract = order.row, order.contract
    unit = volume * contract.notional_micro
    is_option = contract.option is not None
    profit = (price - lot.basis) * unit
    premium = price * unit
    settled = contract.pre_settlement if contract.pre_settlement != NO_PRICE or lot.is_today else lot.basis
    return ClosedLine(
        **whose(contract, row.hedge),
        date=trading_day,
        open_date=lot.open_date,
        is_buy=order.is_buy,
        volume=volume,
        open_price=price_of(contract, lot.open_price),
        pre_settlement=price_of(contract, settled),
        price=price_of(contract, price),
        close_profit=0 if is_option else cents(profit if row.is_long else -profit),
        premium=cents(-premium if order.is_buy else premium) if is_option else 0,
    )


# ------------------------------------------------------------------ money in and out
def transfer_lines(account: Account, purse: Purse, trading_day: str) -> list[TransferLine]:
    """Each transfer with the bank; what the broker put in or took out by hand in one line each way."""
    lines: list[TransferLine] = []
    by_hand = {1: purse.deposit, -1: -purse.withdraw}
    for moved in account.transfers:
        if moved.currency == purse.currency:
            sign = 1 if moved.amount > 0 else -1
            by_hand[sign] -= moved.amount
            lines.append(_transfer(trading_day, _BY_BANK[sign], moved.amount, purse.currency, str(moved.serial)))
    lines += [
        _transfer(trading_day, _BY_HAND[sign], amount, purse.currency) for sign, amount in by_hand.items() if amount
    ]
    return lines


_BY_BANK: Final = {1: "银期转入", -1: "银期转出"}
_BY_HAND: Final = {1: "入金", -1: "出金"}


def message_fees(account: Account, currency: str, trading_day: str) -> list[TransferLine]:
    """What the day's orders and cancels cost as messages (申报费): one withdrawal (spec 7.5).

    An order counts when the exchange took it, a cancel when somebody asked for it.
    """
    total = 0
    for order in account.orders:
        rates = order.row.rates
        if rates.currency == currency and order.sys_id > 0:
            total += rates.order_fee
            if order.cancel_ns and order.active_user:
                total += rates.cancel_fee
    return [_transfer(trading_day, _MESSAGES, -cents(total), currency)] if total else []


_MESSAGES: Final = "申报费"


def _transfer(date: str, kind: str, amount: int, currency: str, note: str = "") -> TransferLine:
    return TransferLine(date=date, kind=kind, amount=amount, note=note, currency=currency)
