"""A state made of recorded events by ``State.evolve`` alone, as recovery from a log will do it, checked after each.

In the process events refer to the objects they are about. A log will hold ids instead: an order's ``order_id``, an
account's id, an instrument's index, and for a closed lot its row and its place among the row's lots. This module puts
the fresh state's own objects in their place, so that nothing of the old state is touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ctp2.tts.combos import (
    CombAction,
    CombActionInserted,
    CombActionReport,
    CombinationChanged,
    CombPair,
    LotShift,
    PairShift,
)
from ctp2.tts.conditions import ConditionFailed, ConditionPlaced, StopPlaced
from ctp2.tts.contract import Contract
from ctp2.tts.events import Event, OrderInserted, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.parked import Parked
from ctp2.tts.position import Lot
from ctp2.tts.quotes import ForQuoteAsked, MakerQuote, QuoteInserted, QuoteReport
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


def replayed(state: State, of: State, events: Sequence[Any]) -> State:
    """The fresh ``state`` with what happened in ``of``, and the last prices of now."""
    for fresh, now in zip(state.contracts, of.contracts, strict=True):
        fresh.last = now.last
    rebound = _Rebound(state)
    for event in events:
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
        self._quotes: dict[int, MakerQuote] = {}
        self._actions: dict[int, CombAction] = {}
        self._pairs: dict[int, CombPair] = {}
        self._parked: dict[int, Parked] = {}

    @contextmanager
    def lent(self, event: Any) -> Iterator[Any]:
        """The event, for as long as it is applied about the fresh state's objects.

        Not a copy: a compiled class cannot be made without its constructor's arguments.
        """
        if isinstance(event, CombActionInserted | CombinationChanged | CombActionReport):
            yield self._combination_event(event)
            return
        order: Any = getattr(event, "order", None)
        quote: Any = getattr(event, "quote", None)
        if isinstance(event, QuoteInserted):
            self._quotes[quote.quote_id] = self._quote(quote)
        if isinstance(event, QuoteInserted | QuoteReport):
            event.quote = self._quotes[quote.quote_id]
        if isinstance(event, ForQuoteAsked):
            event.contract = self.state.contracts[event.contract.index]
        lots = [part.lot for part in event.closed] if isinstance(event, TradeDone) else []
        parked: Any = getattr(event, "parked", None)
        if parked is not None:
            event.parked = self._parked_again(parked)
        if isinstance(event, OrderInserted | ConditionPlaced):
            event.order = self._orders[event.order.order_id] = self._order(event.order)
        elif isinstance(event, OrderReport | TradeDone | ConditionFailed | StopPlaced):
            event.order = self._orders[event.order.order_id]
        for part, lot in zip(event.closed if lots else (), lots, strict=True):
            part.lot = event.order.row.lots[_place(order.row.lots, lot)]
        yield event
        if order is not None:
            event.order = order
        if quote is not None:
            event.quote = quote
        if parked is not None:
            event.parked = parked
        for part, lot in zip(event.closed if lots else (), lots, strict=True):
            part.lot = lot

    def _combination_event(self, event: Any) -> Any:
        """An event of combinations, about the fresh state's accounts, rows, lots and pairs."""
        old = event.action
        if isinstance(event, CombActionInserted):
            account = self.state.accounts[old.account.account_id]
            combination = self.state.combos.known[(old.combination.exchange, old.combination.code)]
            made = CombAction(old.action_id, old.terms, account, combination, old.trading_day)
            self._actions[old.action_id] = made
        action = None if old is None else self._actions[old.action_id]
        if isinstance(event, CombinationChanged):
            rows = self.state.accounts[event.account_id].rows
            lots = [
                LotShift(
                    rows[one.row.key],
                    rows[one.row.key].lots[_place(one.row.lots, one.lot)],
                    one.lag,
                    one.combined,
                    one.margin,
                    one.exchange_margin,
                )
                for one in event.lots
            ]
            pairs = [
                PairShift(self._pair(one.pair, rows), one.volume, one.margin, one.exchange_margin)
                for one in event.pairs
            ]
            return CombinationChanged(event.account_id, action, lots, pairs, event.now_ns)
        assert action is not None
        if isinstance(event, CombActionInserted):
            return CombActionInserted(action, event.now_ns)
        return CombActionReport(action, event.status, event.reason, event.now_ns)

    def _pair(self, old: CombPair, rows: Any) -> CombPair:
        pair = self._pairs.get(old.pair_id)
        if pair is None:
            first, second = (rows[row.key] for row in old.rows)
            one, two = (_place(row.lots, lot) for row, lot in zip(old.rows, old.lots, strict=True))
            combination = self.state.combos.known[(old.combination.exchange, old.combination.code)]
            pair = self._pairs[old.pair_id] = CombPair(
                old.pair_id,
                old.action_id,
                combination,
                old.direction,
                old.hedge,
                (first, second),
                (first.lots[one], second.lots[two]),
                old.made_volume,
            )
        return pair

    def _quote(self, old: MakerQuote) -> MakerQuote:
        """The quote as it was when it was accepted, of the fresh state's legs."""
        return MakerQuote(
            old.quote_id,
            old.terms,
            self.state.accounts[old.account.account_id],
            self.state.contracts[old.contract.index],
            old.quote_ref,
            None if old.ask is None else self._orders[old.ask.order_id],
            None if old.bid is None else self._orders[old.bid.order_id],
            old.trading_day,
        )

    def _parked_again(self, old: Parked) -> Parked:
        """The parked order of the fresh state; a new one the first time."""
        known = self._parked.get(id(old))
        if known is None:
            contract = self.state.contracts[old.contract.index]
            known = self._parked[id(old)] = Parked(old.account_id, old.number, contract, old.order, old.cancel)
        return known

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
        "combinations": {
            name: {key: _plain(row, "position open_volume margin exchange_margin") for key, row in rows.items()}
            for name, rows in state.combos.rows.items()
        },
        "pairs": {
            name: [
                (pair.pair_id, pair.volume, pair.margin, [lot.trade_id for lot in pair.lots], pair.made_volume)
                for pair in pairs
            ]
            for name, pairs in state.combos.pairs.items()
        },
        "actions": [
            (one.action_id, one.status, one.reason, [pair.pair_id for pair in one.made]) for one in state.combos.actions
        ],
        "quotes": {
            number: _plain(quote, "status submit sys_id sequence_no exchange_ns cancel_ns active_user reason quote_ref")
            for number, quote in state.quotes.by_id.items()
        },
        "quote_refs": (state.quotes.last_refs, state.quotes.last_id, list(state.quotes.by_sys_id)),
        "for_quotes": (state.quotes.last_asked, state.quotes.asked_at),
        "legs": {number: order.quote.quote_id for number, order in state.orders.items() if order.quote is not None},
        "waiting": _waiting(state),
    }


def _waiting(state: State) -> Any:
    """Orders that wait for a price, and parked ones."""
    return {
        "conditions": {key: order.order_id for key, order in state.conditions.items()},
        "last": state.last_conditions,
        "per account": state.waiting_conditions,
        "indexed": [sorted(c.conditions.waiting) if c.conditions is not None else [] for c in state.contracts],
        "parked": [
            (parked.number, parked.account_id, parked.status, parked.error_id)
            for parked in (*state.parked.orders.values(), *state.parked.cancels.values())
        ],
        "parked per account": state.parked.waiting_of,
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
                    " charged_close_today comb_position",
                ),
                "lots": [
                    _plain(
                        lot,
                        "trade_id open_date open_price basis volume margin close_volume close_amount is_today combined"
                        " lag",
                    )
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
