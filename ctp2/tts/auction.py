"""The price of a call auction (集合竞价): one price at which everything that crosses trades."""

from __future__ import annotations

from ctp2.tts.terms import NO_PRICE


class AuctionResult:
    """``price`` in price units (``NO_PRICE``: nothing crosses), the volume that trades there, and what is left over.

    ``surplus`` is demand less supply at that price.
    """

    __slots__ = ("price", "surplus", "volume")

    def __init__(self, price: int, volume: int, surplus: int) -> None:
        self.price: int = price
        self.volume: int = volume
        self.surplus: int = surplus


def auction_price(buys: list[tuple[int, int]], sells: list[tuple[int, int]], reference: int) -> AuctionResult:
    """The auction price of two sides given as (price, volume), best price first.

    Most volume; among equals the least surplus; among these the highest price when buyers are left over at all of them,
    the lowest when sellers are, else the one nearest to ``reference`` (the higher of two equally near; ``NO_PRICE``:
    the highest). Only prices that somebody asked for are candidates.
    """
    if not buys or not sells or buys[0][0] < sells[0][0]:
        return AuctionResult(NO_PRICE, 0, 0)
    low, high = sells[0][0], buys[0][0]
    prices = sorted({price for price, _ in buys if price >= low} | {price for price, _ in sells if price <= high})
    best: list[tuple[int, int, int]] = []
    rank = (0, 0)
    demand, supply = _demand_and_supply(buys, sells, prices)
    for index, price in enumerate(prices):
        volume = min(demand[index], supply[index])
        surplus = demand[index] - supply[index]
        found = (volume, -abs(surplus))
        if found > rank:
            rank, best = found, []
        if found == rank:
            best.append((price, volume, surplus))
    chosen = _tie(best, reference)
    return AuctionResult(chosen[0], chosen[1], chosen[2])


def _demand_and_supply(
    buys: list[tuple[int, int]], sells: list[tuple[int, int]], prices: list[int]
) -> tuple[list[int], list[int]]:
    """What buyers would take and sellers give at each of the ascending ``prices``."""
    demand = [0] * len(prices)
    supply = [0] * len(prices)
    at, total = 0, 0
    for index in range(len(prices) - 1, -1, -1):
        while at < len(buys) and buys[at][0] >= prices[index]:
            total += buys[at][1]
            at += 1
        demand[index] = total
    at, total = 0, 0
    for index, price in enumerate(prices):
        while at < len(sells) and sells[at][0] <= price:
            total += sells[at][1]
            at += 1
        supply[index] = total
    return demand, supply


def _tie(best: list[tuple[int, int, int]], reference: int) -> tuple[int, int, int]:
    """The choice among prices of equal volume and equal surplus; ``best`` is ascending."""
    if len(best) == 1:
        return best[0]
    if reference == NO_PRICE or all(surplus > 0 for _, _, surplus in best):
        return best[-1]
    if all(surplus < 0 for _, _, surplus in best):
        return best[0]
    return min(best, key=lambda item: (abs(item[0] - reference), -item[0]))
