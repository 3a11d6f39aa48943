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


class Rare:
    """What few orders have: cancelled ones, those of options and of securities, the legs of quotes.

    ``premium`` is the cash that a lot of an option's buy holds, ``done_volume`` and ``done_turnover`` what a security's
    order has traded (its least commission is charged once), ``order_ref`` the one that the counter gave, ``quote`` the
    quote whose leg it is.
    """

    __slots__ = ("active_user", "cancel_ns", "done_turnover", "done_volume", "order_ref", "premium", "quote", "reason")

    def __init__(self) -> None:
        self.active_user: str = ""
        self.cancel_ns: int = 0
        self.done_turnover: int = 0
        self.done_volume: int = 0
        self.order_ref: str = ""
        self.premium: int = 0
        self.quote: MakerQuote | None = None
        self.reason: int = 0


class Order:
    """An order that CTP accepted: immutable terms and the state that the exchange gave it.

    ``price`` is the working limit in price units, ``NO_PRICE`` for a market order. ``freeze_price`` is what margin is
    frozen at (spec 7.4). ``frozen_volume`` lots are still frozen. ``rare`` is what few orders have, made when needed.
    """

    __slots__ = (
        "account",
        "exchange_ns",
        "freeze_price",
        "frozen_fee",
        "frozen_margin",
        "frozen_volume",
        "group",
        "is_buy",
        "offset",
        "order_id",
        "price",
        "purse",
        "rare",
        "row",
        "sequence_no",
        "status",
        "submit",
        "sys_id",
        "terms",
        "traded",
        "trading_day",
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
        self.row: PositionRow = row
        self.purse: Purse = account.purse(contract.currency)
        self.group: MarginGroup = self.purse.group_of(contract, hedge)
        self.offset: str = offset
        self.is_buy: bool = terms.direction == BUY
        self.price: int = price
        self.freeze_price: int = freeze_price
        self.trading_day: str = trading_day
        self.traded: int = 0
        self.status: str = UNKNOWN
        self.submit: str = INSERT_SUBMITTED
        self.sys_id: int = 0
        self.sequence_no: int = 0
        self.exchange_ns: int = 0
        self.frozen_margin: int = 0
        self.frozen_fee: int = 0
        self.frozen_volume: int = 0
        self.rare: Rare | None = None
        if premium:
            self.rarely().premium = premium
        if order_ref != terms.order_ref:
            self.rarely().order_ref = order_ref

    @property
    def contract(self) -> Contract:
        """The instrument."""
        return self.row.contract

    @property
    def volume(self) -> int:
        """Lots that were sent."""
        return self.terms.volume

    @property
    def is_open(self) -> bool:
        """Whether it opens a position."""
        return self.offset == OPEN

    @property
    def hedge(self) -> str:
        """CombHedgeFlag, as the row that it works on has it."""
        return self.row.hedge

    @property
    def insert_ns(self) -> int:
        """When CTP took it."""
        return self.terms.now_ns

    @property
    def order_ref(self) -> str:
        """OrderRef: the client's text, or the counter's when none was sent."""
        rare = self.rare
        return self.terms.order_ref if rare is None or not rare.order_ref else rare.order_ref

    @property
    def premium(self) -> int:
        """Cash that a lot of an option's buy holds (micro-units; 0 for all others)."""
        return 0 if self.rare is None else self.rare.premium

    @property
    def quote(self) -> MakerQuote | None:
        """The quote whose leg it is."""
        return None if self.rare is None else self.rare.quote

    @property
    def cancel_ns(self) -> int:
        """When it was cancelled; 0 for not."""
        return 0 if self.rare is None else self.rare.cancel_ns

    @property
    def active_user(self) -> str:
        """Who cancelled it."""
        return "" if self.rare is None else self.rare.active_user

    @property
    def reason(self) -> int:
        """The exchange's reason of a rejection."""
        return 0 if self.rare is None else self.rare.reason

    def rarely(self) -> Rare:
        """What few orders have, to be changed."""
        if self.rare is None:
            self.rare = Rare()
        return self.rare

    def is_final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in FINAL_STATUSES

    def reaches(self, bid: int, ask: int) -> bool:
        """Whether it would trade against ``bid``/``ask`` (``NO_PRICE`` for an empty side)."""
        if self.is_buy:
            return ask != NO_PRICE and (self.price == NO_PRICE or self.price >= ask)
        return bid != NO_PRICE and (self.price == NO_PRICE or self.price <= bid)
