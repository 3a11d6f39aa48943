"""What a counter lists without having made it: looked up a code at a time, made as a whole when somebody walks through.

The recorded instruments come first, then the markets in their order, then the user's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from ctp2.refdata.listing import MARKETS
from ctp2.refdata.loader import Universe
from ctp2.refdata.lookup import ProductKey, find_listed, products_of
from ctp2.refdata.models import Instrument

Key = tuple[str, str]


def lazy_universe(trading_day: str, markets: Iterable[str]) -> Universe:
    """A universe of markets in which a code is found without listing any of them."""
    names = tuple(markets)
    return Universe(
        trading_day,
        listings=[MARKETS[name] for name in names],
        finder=lambda code: chain.from_iterable(find_listed(name, code, trading_day) for name in names),
    )


def product_keys(universe: Universe, markets: Iterable[str]) -> Iterator[ProductKey]:
    """The products of what is there already and of what the markets list."""
    for made in universe.added():
        yield ProductKey(made.exchange, made.product, made.session_id)
    for name in markets:
        yield from products_of(name, universe.trading_day)


class Listed(Mapping[Key, Instrument]):
    """All instruments of a universe by exchange and code, ``first`` in front."""

    def __init__(self, universe: Universe, first: Iterable[Instrument]) -> None:
        self._universe: Final = universe
        self._first: Final = {instrument.key: instrument for instrument in first}

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and self._universe.get(*key) is not None

    def __getitem__(self, key: Key) -> Instrument:
        found = self._universe.get(*key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[Key]:
        yield from self._first
        yield from (made.key for made in self._universe.walk() if made.key not in self._first)

    def instruments(self) -> Iterator[Instrument]:
        """The instruments, in the same order, as they are made."""
        yield from self._first.values()
        yield from (made for made in self._universe.walk() if made.key not in self._first)

    def __len__(self) -> int:
        return len(self._universe)
