"""What must hold after every single event, whatever happened: volumes, freezes, lots and money, in whole micro-units.

Nothing is worked out as the counter does it: sums are taken over all rows, lots and working orders of the account that
an event touched, and money is followed as cash that changes hands at the price of each fill.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from ctp2.tts.events import Event, OrderInserted, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.state import State

LARGER_SIDE = ("SHFE", "INE", "CFFEX")


class Invariants:
    """Looks at a state each time an event was applied to it; an ``AssertionError`` says what does not add up."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._working: dict[int, dict[int, Order]] = defaultdict(dict)
        """Row (its identity) → its orders that still hold something frozen."""
        self._told: Counter[int] = Counter()
        """Order → lots told as trades."""
        self._given_back: Counter[int] = Counter()
        """Order → lots whose freeze a cancel gave back."""
        self._cash: Counter[str] = Counter()
        """Account → what its fills paid (negative) or brought, fees apart."""
        self._fees: Counter[str] = Counter()
        self._net: Counter[tuple[str, int]] = Counter()
        """Account and instrument → lots bought less lots sold."""
        self._in_the_morning: dict[str, int] = {}
        self._matches: dict[int, list[tuple[bool, int, int]]] = {}
        """TradeID → side, price and volume of what each side was told."""
        for name, account in state.accounts.items():
            self._in_the_morning[name] = self._worth(account)
            for row in account.rows.values():
                self._net[name, row.contract.index] += row.position if row.is_long else -row.position

    def after(self, event: Event) -> None:
        """One event was applied."""
        if isinstance(event, OrderInserted):
            self._working[id(event.order.row)][event.order.order_id] = event.order
        elif isinstance(event, TradeDone):
            self._traded(event)
        elif isinstance(event, OrderReport):
            assert 0 <= event.order.traded <= event.order.volume
            if not event.released_volume:
                return  # it changes what is seen of the order and nothing else
            self._given_back[event.order.order_id] += event.released_volume
        else:
            return
        order = event.order
        self._order(order)
        self._row(order.row)
        self._account(order.account)

    def after_all(self) -> None:
        """The events of a command were applied: every match between users has two sides that agree."""
        for trade_id, sides in self._matches.items():
            assert len(sides) == 2, f"trade {trade_id} has {len(sides)} sides"
            (buys, *first), (also_buys, *second) = sides
            assert buys != also_buys and first == second, f"the sides of trade {trade_id} differ"
        self._matches.clear()

    # ------------------------------------------------------------------ volumes and freezes
    def _traded(self, event: TradeDone) -> None:
        order = event.order
        name, contract = order.account.account_id, order.contract
        self._told[order.order_id] += event.volume
        assert event.volume > 0
        signed = event.volume if order.is_buy else -event.volume
        self._cash[name] -= signed * event.price * contract.notional_micro
        self._fees[name] += event.fee
        self._net[name, contract.index] += signed
        if contract.is_matched:
            self._matches.setdefault(event.trade_id, []).append((order.is_buy, event.price, event.volume))

    def _order(self, order: Order) -> None:
        number = order.order_id
        held = order.frozen_volume
        assert held >= 0 and held + self._told[number] + self._given_back[number] == order.volume, "volumes"
        if held == 0:
            assert order.frozen_margin == order.frozen_fee == 0, f"order {number} is over and holds money"
            self._working[id(order.row)].pop(number, None)

    def _row(self, row: Any) -> None:
        frozen_open = frozen_close = margin = fee = cash = 0
        for order in self._working[id(row)].values():
            if order.is_open:
                frozen_open += order.frozen_volume
            else:
                frozen_close += order.frozen_volume
            margin += order.frozen_margin
            fee += order.frozen_fee
            cash += order.premium * order.frozen_volume
        frozen = (row.frozen_open, row.frozen_close, row.frozen_margin, row.frozen_commission)
        assert frozen == (frozen_open, frozen_close, margin, fee), "frozen is the sum over working orders"
        assert row.frozen_cash == cash, "frozen cash is the premium of working buys"
        assert 0 <= row.frozen_close <= row.position, "no more is being closed than there is"
        position = today = cost = open_cost = margin = 0
        for lot in row.lots:
            assert lot.volume >= 0, "a lot below zero"
            position += lot.volume
            today += lot.volume if lot.is_today else 0
            cost += lot.volume * lot.basis
            open_cost += lot.volume * lot.open_price
            margin += lot.margin
        unit = row.contract.notional_micro
        came = (row.position, row.today_position, row.position_cost, row.open_cost, row.margin)
        assert came == (position, today, cost * unit, open_cost * unit, margin), "a row is the sum of its lots"
        assert not (row.is_history and row.today_position), "today's lots in the history row"

    # ------------------------------------------------------------------ money
    def _worth(self, account: Any) -> int:
        """Profit closed, less what the position cost: what fills change by exactly the cash they move."""
        purse = account.purse("CNY")
        cost = sum(row.position_cost if row.is_long else -row.position_cost for row in account.rows.values())
        return int(purse.close_profit - cost)

    def _account(self, account: Any) -> None:
        name, purse = account.account_id, account.purse("CNY")
        rows = account.rows.values()
        assert self._worth(account) - self._in_the_morning[name] == self._cash[name], "cash and profit"
        assert purse.commission == self._fees[name] == sum(row.commission for row in rows), "fees"
        assert purse.frozen_commission == sum(row.frozen_commission for row in rows), "frozen fees"
        declared = sum(record.cash for record in self.state.declared.records if record.account is account)
        assert purse.frozen_cash == sum(row.frozen_cash for row in rows) + declared, "frozen cash"
        assert purse.close_profit == sum(row.close_profit_by_date for row in rows), "closed profit"
        assert purse.position_profit == sum(row.profit for row in rows), "position profit"
        net: Counter[int] = Counter()
        sides: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            contract = row.contract
            net[contract.index] += row.position if row.is_long else -row.position
            code = contract.product + row.hedge if contract.exchange == "CFFEX" else contract.product
            side = sides.setdefault((contract.exchange, code), [0, 0, 0, 0])
            place = 0 if row.is_long else 1
            side[place] += row.margin
            side[place + 2] += row.frozen_margin
        for index, lots in net.items():
            assert lots == self._net[name, index], "lots bought less lots sold"
        used = frozen = 0
        for (exchange, _), (long, short, long_more, short_more) in sides.items():
            if exchange in LARGER_SIDE:
                used += max(long, short)
                frozen += max(long + long_more, short + short_more) - max(long, short)
            else:
                used += long + short
                frozen += long_more + short_more
        assert (purse.curr_margin, purse.frozen_margin) == (used, frozen), "margin is the sum over rows"
        balance = purse.pre_balance + purse.close_profit + purse.position_profit - purse.commission
        gain = max(purse.position_profit, 0)
        assert purse.balance() == balance
        assert purse.available() == balance - gain - used - frozen - purse.frozen_commission - purse.frozen_cash
