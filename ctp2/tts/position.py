"""Positions: lots (the primary data) and the rows that sum them (spec ctp-semantics 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctp2.tts.native import mypyc_attr
from ctp2.tts.terms import LONG, NO_PRICE

if TYPE_CHECKING:
    from ctp2.tts.account import Purse
    from ctp2.tts.contract import Contract


@mypyc_attr(acyclic=True)
class Lot:
    """What is left of one opening trade; one row of InvestorPositionDetail.

    ``basis`` is the price that by-date profits start from: the opening price today, yesterday's settlement for a lot
    that was carried over. ``last_mark`` is the latest price when this lot last changed (spec 5.3). ``margin`` is that
    of the lots outside combinations: ``combined`` are inside; ``lag`` more hold margin than count for profit.
    """

    __slots__ = (
        "basis",
        "close_amount",
        "close_profit_by_date",
        "close_profit_by_trade",
        "close_volume",
        "combined",
        "exchange_margin",
        "is_today",
        "lag",
        "last_mark",
        "margin",
        "open_date",
        "open_price",
        "trade_id",
        "volume",
    )

    def __init__(
        self, trade_id: int, open_date: str, open_price: int, volume: int, margin: int, exchange_margin: int
    ) -> None:
        self.trade_id: int = trade_id
        self.open_date: str = open_date
        self.open_price: int = open_price
        self.basis: int = open_price
        self.volume: int = volume
        self.margin: int = margin
        self.exchange_margin: int = exchange_margin
        self.is_today: bool = True
        self.last_mark: int = NO_PRICE
        self.close_volume: int = 0
        self.close_amount: int = 0
        self.close_profit_by_date: int = 0
        self.close_profit_by_trade: int = 0
        self.combined: int = 0
        self.lag: int = 0


class PositionRow:
    """One row of InvestorPosition: instrument, side and hedge flag, and on SHFE and INE today's or yesterday's lots.

    Amounts are micro-units, volumes lots. ``frozen_close`` are lots held by working close orders (ShortFrozen of a long
    row, LongFrozen of a short row), ``frozen_open`` those of working opening orders. ``charged_close_today`` counts the
    lots already charged at the close-today fee (spec 7.5, CFFEX). Of options only: ``margin_mark`` is what the last
    price adds to the margin of short lots opened today, ``last_mark`` the last price when the row last changed,
    ``strike_…`` and ``abandon_frozen`` what working exercises and abandonments hold (spec 5.2, 12.3).
    ``rates`` is the instrument with the account's margin and fees: the contract itself unless the account has its own.
    ``comb_position`` counts lots in combinations; ``has_pairs``: there have been some today.
    """

    __slots__ = (
        "abandon_frozen",
        "cash_in",
        "charged_close_today",
        "close_amount",
        "close_profit_by_date",
        "close_profit_by_trade",
        "close_volume",
        "comb_position",
        "commission",
        "contract",
        "exchange_margin",
        "exchange_mark",
        "first_lot",
        "frozen_cash",
        "frozen_close",
        "frozen_commission",
        "frozen_margin",
        "frozen_open",
        "frozen_open_amount",
        "has_pairs",
        "hedge",
        "is_history",
        "is_long",
        "key",
        "last_mark",
        "lots",
        "margin",
        "margin_mark",
        "open_amount",
        "open_cost",
        "open_volume",
        "position",
        "position_cost",
        "pre_margin",
        "profit",
        "purse",
        "rates",
        "side",
        "strike_frozen",
        "strike_frozen_amount",
        "today_position",
        "yd_position",
    )

    def __init__(self, contract: Contract, side: str, hedge: str, is_history: bool) -> None:
        self.contract: Contract = contract
        self.side: str = side
        self.is_long: bool = side == LONG
        self.hedge: str = hedge
        self.is_history: bool = is_history
        self.key: tuple[int, str, str, bool] = (contract.index, side, hedge, is_history)
        self.lots: list[Lot] = []
        self.first_lot: int = 0  # lots before this index are used up
        self.yd_position: int = 0
        self.position: int = 0
        self.today_position: int = 0
        self.frozen_close: int = 0
        self.frozen_open: int = 0
        self.frozen_open_amount: int = 0
        self.open_volume: int = 0
        self.close_volume: int = 0
        self.open_amount: int = 0
        self.close_amount: int = 0
        self.open_cost: int = 0
        self.position_cost: int = 0
        self.commission: int = 0
        self.close_profit_by_date: int = 0
        self.close_profit_by_trade: int = 0
        self.cash_in: int = 0
        self.margin: int = 0
        self.exchange_margin: int = 0
        self.pre_margin: int = 0
        self.frozen_margin: int = 0
        self.frozen_commission: int = 0
        self.charged_close_today: int = 0
        self.frozen_cash: int = 0
        self.margin_mark: int = 0
        self.exchange_mark: int = 0
        self.last_mark: int = NO_PRICE
        self.strike_frozen: int = 0
        self.strike_frozen_amount: int = 0
        self.abandon_frozen: int = 0
        self.profit: int = 0
        self.comb_position: int = 0
        self.has_pairs: bool = False
        self.purse: Purse | None = None
        self.rates: Contract = contract

    def closable(self) -> int:
        """Lots that a new close order may still take; shares bought today do not count on T+1 (spec 5.2, 14.3)."""
        free = self.position - self.frozen_close - self.strike_frozen - self.abandon_frozen
        return free if self.contract.is_t0 else free - self.today_position

    def profit_at(self, price: int) -> int:
        """Position profit if the instrument is marked at ``price``: dir x (price x lots - cost)."""
        value = price * self.position * self.contract.notional_micro - self.position_cost
        return value if self.is_long else -value

    def consumption(self, volume: int) -> list[tuple[Lot, int]]:
        """Which lots ``volume`` lots of closing take: first opened, first closed (spec 5.4).

        Fewer than ``volume`` come back only when the counter runs without position checks.
        """
        taken: list[tuple[Lot, int]] = []
        index = self.first_lot
        left = volume
        while left > 0 and index < len(self.lots):
            lot = self.lots[index]
            part = lot.volume if lot.volume < left else left
            if part > 0:
                taken.append((lot, part))
                left -= part
            index += 1
        return taken
