"""A state made of recorded events by ``State.evolve`` alone, as recovery from a log will do it.

In the process events refer to the objects they are about. A log will hold ids instead: an order's ``order_id``, an
account's id, an instrument's index, and for a closed lot its row and its place among the row's lots. This module puts
the fresh state's own objects in their place, so that nothing of the old state is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ctp2.tts.contract import Contract
from ctp2.tts.events import OrderInserted, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.position import Lot
from ctp2.tts.state import State
from tests.tts.referee import Referee, open_desk


def recover(referee: Referee) -> State:
    """The morning's state, the game's events applied to it, and the last prices of now."""
    state = open_desk(referee.game).state
    for fresh, now in zip(state.contracts, referee.desk.state.contracts, strict=True):
        fresh.last = now.last
    rebound = _Rebound(state)
    for event in referee.events:
        with rebound.lent(event) as fresh_event:
            state.evolve(fresh_event)
    for contract in state.contracts:
        state.mark(contract)
    return state


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
        )


def _place(lots: list[Lot], wanted: Lot) -> int:
    return next(index for index, lot in enumerate(lots) if lot is wanted)


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
