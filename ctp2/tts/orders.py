"""A working (or finished) order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.tts.terms import BUY, INSERT_SUBMITTED, NO_PRICE, OPEN, UNKNOWN

if TYPE_CHECKING:
    from ctp2.tts.account import Account, MarginGroup, Purse
    from ctp2.tts.commands import InsertOrder
    from ctp2.tts.contract import Contract
    from ctp2.tts.position import PositionRow
    from ctp2.tts.quotes import MakerQuote

FINAL_STATUSES = "05c"
"""AllTraded, Canceled, a conditional order's Touched; an exchange's rejection is Canceled, submit InsertRejected."""


class Order:
    """An order that CTP accepted: immutable terms and the state that the exchange gave it.

    ``price`` is the working limit in price units, ``NO_PRICE`` for a market order. ``freeze_price`` is what margin is
    frozen at (spec 7.4). ``frozen_volume`` lots are still frozen. ``premium`` is the cash that a lot of an option's buy
    holds (micro-units; 0 for all others). ``done_volume`` and ``done_turnover`` are what a security's order has traded:
    its least commission is charged once. ``quote`` is the quote whose leg it is.
    """

    __slots__ = (
        "account",
        "active_user",
        "cancel_ns",
        "contract",
        "done_turnover",
        "done_volume",
        "exchange_ns",
        "freeze_price",
        "frozen_fee",
        "frozen_margin",
        "frozen_volume",
        "group",
        "hedge",
        "insert_ns",
        "is_buy",
        "is_open",
        "offset",
        "order_id",
        "order_ref",
        "premium",
        "price",
        "purse",
        "quote",
        "reason",
        "row",
        "sequence_no",
        "status",
        "submit",
        "sys_id",
        "terms",
        "traded",
        "trading_day",
        "volume",
    )

    def __init__(
        self,
        order_id: int,
        terms: InsertOrder,
        account: Account,
        contract: Contract,
        row: PositionRow,
        order_ref: str,
        offset: str,
        hedge: str,
        price: int,
        freeze_price: int,
        trading_day: str,
        premium: int = 0,
    ) -> None:
        self.order_id: int = order_id
        self.terms: InsertOrder = terms
        self.account: Account = account
        self.contract: Contract = contract
        self.row: PositionRow = row
        self.purse: Purse = account.purse(contract.currency)
        self.group: MarginGroup = self.purse.group_of(contract, hedge)
        self.order_ref: str = order_ref
        self.offset: str = offset
        self.hedge: str = hedge
        self.is_open: bool = offset == OPEN
        self.is_buy: bool = terms.direction == BUY
        self.price: int = price
        self.freeze_price: int = freeze_price
        self.premium: int = premium
        self.trading_day: str = trading_day
        self.volume: int = terms.volume
        self.traded: int = 0
        self.status: str = UNKNOWN
        self.submit: str = INSERT_SUBMITTED
        self.sys_id: int = 0
        self.sequence_no: int = 0
        self.insert_ns: int = terms.now_ns
        self.exchange_ns: int = 0
        self.cancel_ns: int = 0
        self.active_user: str = ""
        self.reason: int = 0
        self.done_volume: int = 0
        self.done_turnover: int = 0
        self.frozen_margin: int = 0
        self.frozen_fee: int = 0
        self.frozen_volume: int = 0
        self.quote: MakerQuote | None = None

    def is_final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in FINAL_STATUSES

    def reaches(self, bid: int, ask: int) -> bool:
        """Whether it would trade against ``bid``/``ask`` (``NO_PRICE`` for an empty side)."""
        if self.is_buy:
            return ask != NO_PRICE and (self.price == NO_PRICE or self.price >= ask)
        return bid != NO_PRICE and (self.price == NO_PRICE or self.price <= bid)
