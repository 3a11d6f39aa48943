"""Orders that wait for a price: what they wait for, the index that finds them, and the events that say so.

Two kinds share the index: CTP's conditional orders (条件单, spec ctp-semantics 3.11), which the counter keeps and then
releases as new orders, and exchanges' stop orders (止损, 止盈, spec 3.2), which rest untouched at the exchange.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Final

from ctp2.tts.events import Event, OrderReport
from ctp2.tts.native import mypyc_attr
from ctp2.tts.numbered import Referenced
from ctp2.tts.terms import BUY, NO_PRICE, TOUCH, TOUCH_PROFIT

if TYPE_CHECKING:
    from ctp2.tts.commands import InsertOrder
    from ctp2.tts.contract import Contract
    from ctp2.tts.orders import Order
    from ctp2.tts.state import State

LAST: Final = 0
ASK: Final = 1
BID: Final = 2

PRICE_CONDITIONS: Final[dict[str, tuple[int, bool, bool]]] = {
    "5": (LAST, True, True),
    "6": (LAST, True, False),
    "7": (LAST, False, True),
    "8": (LAST, False, False),
    "9": (ASK, True, True),
    "A": (ASK, True, False),
    "B": (ASK, False, True),
    "C": (ASK, False, False),
    "D": (BID, True, True),
    "E": (BID, True, False),
    "F": (BID, False, True),
    "H": (BID, False, False),
}
"""ContingentCondition → the price looked at, whether it has to rise to StopPrice, and strictly beyond it (spec 0.2)."""

_OFF_GRID: Final = 1e-5
"""A stop this close (in price units) to a whole unit is that unit."""
_LAST_ID: Final = 1 << 62


def watched(terms: InsertOrder) -> tuple[int, bool, bool]:
    """What an order waits for. A stop (``2``) waits for a price worse for its side, a take-profit (``3``) a better."""
    if terms.contingent == TOUCH:
        return LAST, terms.direction == BUY, False
    if terms.contingent == TOUCH_PROFIT:
        return LAST, terms.direction != BUY, False
    return PRICE_CONDITIONS[terms.contingent]


def threshold(stop_price: float, price_scale: int, rises: bool, strictly: bool) -> int:
    """The first price (price units) that meets the condition, coming from the other side."""
    scaled = stop_price * price_scale
    units = round(scaled)
    if abs(scaled - units) > _OFF_GRID:
        return math.ceil(scaled) if rises else math.floor(scaled)
    beyond = 1 if strictly else 0
    return units + beyond if rises else units - beyond


class Conditions:
    """The waiting orders of one instrument, by the price that each waits for.

    Six sorted lists of (key, order id): last price, best ask, best bid, each rising and falling. A key is the price to
    reach, turned (``-price``) for falling, so that a list's head is always what is touched next.
    """

    __slots__ = ("lists", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[int, Order] = {}
        self.lists: list[list[tuple[int, int]]] = [[], [], [], [], [], []]

    def add(self, order: Order) -> None:
        """Wait from the next quote on."""
        self.waiting[order.order_id] = order
        index, key = _place(order)
        insort(self.lists[index], (key, order.order_id))

    def remove(self, order: Order) -> None:
        """Touched, or cancelled; an order that is not here changes nothing."""
        if self.waiting.pop(order.order_id, None) is not None:
            index, key = _place(order)
            entries = self.lists[index]
            entries.pop(bisect_left(entries, (key, order.order_id)))

    def touched(self, contract: Contract) -> list[Order]:
        """What the instrument's present prices touch, oldest first; an empty side touches nothing."""
        ask = contract.ask if contract.ask_volume > 0 else NO_PRICE
        bid = contract.bid if contract.bid_volume > 0 else NO_PRICE
        found: list[int] = []
        for source, price in enumerate((contract.last, ask, bid)):
            if price == NO_PRICE:
                continue
            for index, value in ((2 * source, price), (2 * source + 1, -price)):
                entries = self.lists[index]
                if entries and entries[0][0] <= value:
                    found.extend(entry[1] for entry in entries[: bisect_right(entries, (value, _LAST_ID))])
        found.sort()
        return [self.waiting[number] for number in found]


def _place(order: Order) -> tuple[int, int]:
    """The order's list and key."""
    source, rises, strictly = watched(order.terms)
    price = threshold(order.terms.stop_price, order.contract.price_scale, rises, strictly)
    return (2 * source, price) if rises else (2 * source + 1, -price)


# ------------------------------------------------------------------ events, and what they do to the state
@mypyc_attr(acyclic=True)
class ConditionPlaced(Event):
    """CTP keeps a conditional order; ``number`` makes its OrderSysID ``TJBD_n``, counted per exchange and day."""

    __slots__ = ("number", "order", "ref_number")

    def __init__(self, order: Order, number: int, ref_number: int, now_ns: int) -> None:
        self.account_id = order.account.account_id
        self.now_ns = now_ns
        self.order: Order = order
        self.number: int = number
        self.ref_number: int = ref_number


@mypyc_attr(acyclic=True)
class ConditionReport(OrderReport):
    """One state of a conditional order: ``b`` waiting, ``c`` touched, ``5`` cancelled."""

    __slots__ = ()


@mypyc_attr(acyclic=True)
class ConditionFailed(Event):
    """A touched condition's order was refused by CTP: ``OnRtnErrorConditionalOrder``."""

    __slots__ = ("error_id", "order")

    def __init__(self, order: Order, error_id: int, now_ns: int) -> None:
        self.account_id = order.account.account_id
        self.now_ns = now_ns
        self.order: Order = order
        self.error_id: int = error_id


@mypyc_attr(acyclic=True)
class StopPlaced(Event):
    """An exchange's stop order begins to wait for its price; not told, the order's own states are."""

    __slots__ = ("order",)

    def __init__(self, order: Order, now_ns: int) -> None:
        self.account_id = order.account.account_id
        self.now_ns = now_ns
        self.order: Order = order


@mypyc_attr(acyclic=True)
class StopLeft(StopPlaced):
    """An exchange's stop order waits no more: touched or cancelled."""

    __slots__ = ()


def on_condition_placed(state: State, event: ConditionPlaced) -> None:
    """The order exists and waits; nothing is frozen (spec 3.11 [SIM])."""
    order = event.order
    terms = order.terms
    session = (terms.front_id, terms.session_id)
    order.sys_id = -event.number
    state.last_refs[session] = event.ref_number
    refs = state.by_ref.get(session)
    if refs is None:
        refs = state.by_ref[session] = Referenced()
    refs[event.ref_number] = order
    state.orders[order.order_id] = order
    state.last_order_id = order.order_id
    order.account.orders.append(order)
    exchange = order.contract.exchange
    state.last_conditions[exchange] = event.number
    state.conditions[(exchange, event.number)] = order
    _wait(order)
    state.waiting_conditions[order.account.account_id] = waiting_of(state, order.account.account_id) + 1


def on_condition_report(state: State, event: ConditionReport) -> None:
    """A state of a conditional order; a final one waits no more."""
    state.on_order_report(event)
    if event.order.is_final():
        _leave(event.order)
        state.waiting_conditions[event.account_id] -= 1


def on_condition_failed(state: State, event: ConditionFailed) -> None:
    """A refusal changes nothing."""


def on_stop_placed(state: State, event: StopPlaced) -> None:
    """The exchange watches the price for an order."""
    _wait(event.order)


def on_stop_left(state: State, event: StopLeft) -> None:
    """It watches no more."""
    _leave(event.order)


def waiting_of(state: State, account_id: str) -> int:
    """How many conditional orders of an investor wait."""
    return state.waiting_conditions.get(account_id, 0)


def _wait(order: Order) -> None:
    contract = order.contract
    if contract.conditions is None:
        contract.conditions = Conditions()
    contract.conditions.add(order)


def _leave(order: Order) -> None:
    contract = order.contract
    conditions = contract.conditions
    if conditions is not None:
        conditions.remove(order)
        if not conditions.waiting:
            contract.conditions = None  # a quote of this instrument costs one test again
