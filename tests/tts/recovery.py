"""A state made of recorded events by ``State.evolve`` alone, as recovery from a log will do it, checked after each.

In the process events refer to the objects they are about. A log will hold ids instead: an order's ``order_id``, an
account's id, an instrument's index, and for a closed lot its row and its place among the row's lots. This module puts
the fresh state's own objects in their place, so that nothing of the old state is touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ctp2.tts.contract import Contract
from ctp2.tts.events import Event, OrderInserted, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.position import Lot
from ctp2.tts.state import State
from tests.tts.invariants import Invariants


class Replica:
    """A morning's state that follows the events of a counter, one by one, with the invariants looked at after each."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.invariants = Invariants(state)
        self._rebound = _Rebound(state)

    def follow(self, events: Iterable[Event]) -> None:
        """Apply events."""
        for event in events:
            with self._rebound.lent(event) as fresh_event:
                self.state.evolve(fresh_event)
                self.invariants.after(fresh_event)
        self.invariants.after_all()

    def mark(self, live: State) -> None:
        """Take the last prices of now: market data are no events."""
        for fresh, now in zip(self.state.contracts, live.contracts, strict=True):
            if fresh.last != now.last:
                fresh.last = now.last
            self.state.mark(fresh)

    def compare(self, live: State, user: str) -> None:
        """The account's sums are those of the counter."""
        mine, theirs = sums(self.state.accounts[user]), sums(live.accounts[user])
        assert mine == theirs, f"the events alone make another account of {user}:\n  {mine}\n  {theirs}"

    def digest(self) -> str:
        """The fingerprint of the state."""
        return fingerprint(self.state)


class _Rebound:
    """Events about the old state's objects as events about the fresh state's."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._orders: dict[int, Order] = {}

    @contextmanager
    def lent(self, event: Any) -> Iterator[Any]:
        """The event, for as long as it is applied about the fresh state's objects.

        Not a copy: a compiled class cannot be made without its constructor's arguments.
        """
        order: Any = getattr(event, "order", None)
        lots = [part.lot for part in event.closed] if isinstance(event, TradeDone) else []
        if isinstance(event, OrderInserted):
            event.order = self._orders[event.order.order_id] = self._order(event.order)
        elif isinstance(event, OrderReport | TradeDone):
            event.order = self._orders[event.order.order_id]
        for part, lot in zip(event.closed if lots else (), lots, strict=True):
            part.lot = event.order.row.lots[_place(order.row.lots, lot)]
        yield event
        if order is not None:
            event.order = order
        for part, lot in zip(event.closed if lots else (), lots, strict=True):
            part.lot = lot

    def _order(self, old: Order) -> Order:
        """The order as it was when it was accepted: terms, and what the checks made of them."""
        account = self.state.accounts[old.account.account_id]
        contract: Contract = self.state.contracts[old.contract.index]
        row = self.state.row_for(account, contract, old.is_buy, old.offset, old.hedge)
        return Order(
            old.order_id,
            old.terms,
            account,
            contract,
            row,
            old.order_ref,
            old.offset,
            old.hedge,
            old.price,
            old.freeze_price,
            old.trading_day,
            old.premium,
        )


def _place(lots: list[Lot], wanted: Lot) -> int:
    return next(index for index, lot in enumerate(lots) if lot is wanted)


def sums(account: Any) -> Any:
    """What orders and fills add up to in an account, quickly made."""
    purse = account.purse("CNY")
    rows = [
        (
            key,
            row.position,
            row.today_position,
            row.frozen_close,
            row.frozen_open,
            row.frozen_open_amount,
            row.frozen_margin,
            row.frozen_commission,
            row.position_cost,
            row.open_cost,
            row.margin,
            row.commission,
            row.profit,
            row.close_profit_by_date,
            row.close_profit_by_trade,
        )
        for key, row in account.rows.items()
    ]
    return purse.balance(), purse.available(), purse.curr_margin, purse.frozen_margin, purse.frozen_commission, rows


def fingerprint(state: State) -> str:
    """A hash of everything that events decide."""
    return hashlib.sha256(repr(totals(state)).encode()).hexdigest()


def totals(state: State) -> Any:
    """Everything of a state that events decide, as plain values."""
    return {
        "sequences": (state.last_order_id, state.last_sys_id, state.last_trade_id, state.last_sequence_no),
        "refs": state.last_refs,
        "accounts": {name: _account(account) for name, account in state.accounts.items()},
        "orders": {number: _order(order) for number, order in state.orders.items()},
        "by_sys_id": {number: order.order_id for number, order in state.by_sys_id.items()},
    }


def _plain(record: Any, names: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names.split()}


def _account(account: Any) -> Any:
    purse = account.purse("CNY")
    return {
        "purse": _plain(
            purse,
            "pre_balance close_profit position_profit commission cash_in curr_margin exchange_margin frozen_margin"
            " frozen_commission frozen_cash deposit withdraw",
        ),
        "balance": purse.balance(),
        "available": purse.available(),
        "rows": {
            key: {
                **_plain(
                    row,
                    "position today_position yd_position frozen_close frozen_open frozen_open_amount open_volume"
                    " close_volume open_amount close_amount open_cost position_cost commission close_profit_by_date"
                    " close_profit_by_trade margin exchange_margin frozen_margin frozen_commission profit"
                    " charged_close_today",
                ),
                "lots": [
                    _plain(lot, "trade_id open_date open_price basis volume margin close_volume close_amount is_today")
                    for lot in row.lots
                ],
            }
            for key, row in account.rows.items()
        },
        "orders": [order.order_id for order in account.orders],
        "trades": list(account.trades),
    }


def _order(order: Any) -> Any:
    return _plain(
        order,
        "status submit traded sys_id sequence_no exchange_ns cancel_ns active_user reason frozen_margin frozen_fee"
        " frozen_volume price",
    )
