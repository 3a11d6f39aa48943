"""What an account holds at the close, apart from its rows, so that a settlement can work on it and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.combos import Combination
    from ctp2.tts.contract import Contract
    from ctp2.tts.position import Lot
    from ctp2.tts.state import State

HoldingKey = tuple[int, bool, str]
"""Index of the instrument, long, hedge flag."""


class HeldLot:
    """A lot as ``position.Lot`` has it; ``volume`` may become less."""

    __slots__ = ("basis", "combined", "lag", "open_date", "open_price", "trade_id", "volume")

    def __init__(
        self, trade_id: int, open_date: str, open_price: int, basis: int, volume: int, combined: int = 0, lag: int = 0
    ) -> None:
        self.trade_id = trade_id
        self.open_date = open_date
        self.open_price = open_price
        self.basis = basis
        self.volume = volume
        self.combined = combined
        self.lag = lag

    @property
    def single(self) -> int:
        """Lots that stand alone and need their own margin."""
        return self.volume + self.lag - self.combined


class Holding:
    """One side of an instrument with one hedge flag: yesterday's and today's lots together, first opened first.

    ``rates`` is the instrument with the account's margin and fees.
    """

    __slots__ = ("contract", "hedge", "is_long", "lots", "rates")

    def __init__(self, contract: Contract, rates: Contract, is_long: bool, hedge: str) -> None:
        self.contract = contract
        self.rates = rates
        self.is_long = is_long
        self.hedge = hedge
        self.lots: list[HeldLot] = []

    @property
    def volume(self) -> int:
        """Lots held."""
        return sum(lot.volume for lot in self.lots)


class HeldPair:
    """Lots of two holdings in a combination."""

    __slots__ = ("combination", "direction", "hedge", "holdings", "lots", "volume")

    def __init__(
        self,
        combination: Combination,
        direction: str,
        hedge: str,
        holdings: tuple[Holding, Holding],
        lots: tuple[HeldLot, HeldLot],
        volume: int,
    ) -> None:
        self.combination = combination
        self.direction = direction
        self.hedge = hedge
        self.holdings = holdings
        self.lots = lots
        self.volume = volume


class Held:
    """All that one account holds."""

    def __init__(self, state: State, account: Account) -> None:
        self.state = state
        self.account = account
        self.holdings: dict[HoldingKey, Holding] = {}
        known: dict[int, tuple[Holding, HeldLot]] = {}
        for row in sorted(account.rows.values(), key=lambda row: not row.is_history):
            for lot in row.lots:
                if lot.volume or lot.lag or lot.combined:
                    holding = self.holding(row.contract, row.is_long, row.hedge, row.rates)
                    copied = _copy(lot)
                    holding.lots.append(copied)
                    known[id(lot)] = (holding, copied)
        self.pairs: list[HeldPair] = []
        for pair in state.combos.standing(account.account_id):
            (one, first), (two, second) = (known[id(lot)] for lot in pair.lots)
            self.pairs.append(
                HeldPair(pair.combination, pair.direction, pair.hedge, (one, two), (first, second), pair.volume)
            )

    def holding(self, contract: Contract, is_long: bool, hedge: str, rates: Contract | None = None) -> Holding:
        """A holding, made when first asked for."""
        key = (contract.index, is_long, hedge)
        holding = self.holdings.get(key)
        if holding is None:
            rates_of = self.state.rates_of
            if rates is None:
                rates = contract if rates_of is None else rates_of(self.account.account_id, contract)
            holding = self.holdings[key] = Holding(contract, rates, is_long, hedge)
        return holding

    def find(self, contract: Contract, is_long: bool, hedge: str) -> Holding | None:
        """A holding if there is one."""
        return self.holdings.get((contract.index, is_long, hedge))

    def in_order(self) -> Iterator[Holding]:
        """Holdings with lots, by instrument, long before short."""
        for key in sorted(self.holdings, key=lambda key: (key[0], not key[1], key[2])):
            holding = self.holdings[key]
            if any(lot.volume or lot.lag or lot.combined for lot in holding.lots):
                yield holding

    def take(self, holding: Holding, volume: int) -> list[tuple[HeldLot, int]]:
        """Take lots out, first opened first; of combined ones the single lots go first, then pairs of lowest rank.

        As for a close (spec 5.4): a lot that lost its place here and its margin there is left behind with a lag.
        """
        taken: list[tuple[HeldLot, int]] = []
        left = min(volume, holding.volume)
        released = left
        for lot in holding.lots:
            part = min(left, lot.volume)
            if part:
                taken.append((lot, part))
                lot.volume -= part
                lot.lag += part
                left -= part
        for lot in holding.lots:
            part = min(released, lot.single)
            if part > 0:
                lot.lag -= part
                released -= part
        for pair in sorted(self.pairs, key=lambda pair: pair.combination.rule.rank):
            if released and holding in pair.holdings:
                part = min(released, pair.volume)
                pair.volume -= part
                for leg in (0, 1):
                    pair.lots[leg].combined -= part
                pair.lots[pair.holdings.index(holding)].lag -= part
                released -= part
        self.pairs = [pair for pair in self.pairs if pair.volume]
        return taken


def _copy(lot: Lot) -> HeldLot:
    return HeldLot(lot.trade_id, lot.open_date, lot.open_price, lot.basis, lot.volume, lot.combined, lot.lag)
