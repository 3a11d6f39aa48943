"""Orders indexed by price: one side of a book, best price first, oldest order first.

An order that no quote reaches costs nothing: a quote is compared with the best price alone. Prices lie in a sorted list
(best last) beside a dictionary of levels; a level is a dictionary in order of arrival, so taking an order out costs the
same at any depth.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from ctp2.tts.terms import NO_PRICE

if TYPE_CHECKING:
    from ctp2.tts.orders import Order


class Side:
    """The buying or selling half of a book. Keys are prices turned so that a larger key is a better price."""

    __slots__ = ("is_buy", "keys", "levels", "sign", "volumes")

    def __init__(self, is_buy: bool) -> None:
        self.is_buy: bool = is_buy
        self.sign: int = 1 if is_buy else -1
        self.keys: list[int] = []
        self.levels: dict[int, dict[Order, None]] = {}
        self.volumes: dict[int, int] = {}

    def add(self, order: Order) -> None:
        """Queue behind the orders of the same price. A market order (no price) ranks before every price."""
        key = self._key(order)
        level = self.levels.get(key)
        if level is None:
            self.levels[key] = {order: None}
            self.volumes[key] = order.volume - order.traded
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                self.keys.insert(bisect_left(self.keys, key), key)
        else:
            level[order] = None
            self.volumes[key] += order.volume - order.traded

    def remove(self, order: Order) -> bool:
        """Take an order out; False when it is not here."""
        key = self._key(order)
        level = self.levels.get(key)
        if level is None or order not in level:
            return False
        del level[order]
        if level:
            self.volumes[key] -= order.volume - order.traded
        else:
            del self.levels[key]
            del self.volumes[key]
            self.keys.pop(bisect_left(self.keys, key))
        return True

    def reduce(self, order: Order, volume: int) -> None:
        """An order that stays here traded ``volume`` of what it showed."""
        self.volumes[self._key(order)] -= volume

    def first(self) -> Order | None:
        """The order that trades next."""
        if not self.keys:
            return None
        for order in self.levels[self.keys[-1]]:
            return order
        raise AssertionError("an empty level is never kept")

    def reached_by(self, opposite: int) -> list[Order]:
        """The orders that trade against a quote at ``opposite``, in priority (empty when the best does not)."""
        if not self.keys or opposite == NO_PRICE or self.keys[-1] < opposite * self.sign:
            return []
        reached: list[Order] = []
        limit = opposite * self.sign
        for key in reversed(self.keys):
            if key < limit:
                break
            reached.extend(self.levels[key])
        return reached

    def depth(self, count: int) -> list[tuple[int, int]]:
        """The best ``count`` prices with the volume left at each."""
        result: list[tuple[int, int]] = []
        for key in reversed(self.keys):
            if len(result) == count:
                break
            if key == -NO_PRICE:
                continue  # market orders have no price to show
            result.append((key * self.sign, self.volumes[key]))
        return result

    def __len__(self) -> int:
        return sum(len(level) for level in self.levels.values())

    def _key(self, order: Order) -> int:
        return -NO_PRICE if order.price == NO_PRICE else order.price * self.sign
