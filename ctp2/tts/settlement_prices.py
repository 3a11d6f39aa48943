"""The settlement price of every instrument of the day (spec ctp-semantics 11.2 step 1), in its price units.

In order: the exchange's own, the volume-weighted average of the day, the last price, the previous settlement. What is
settled at its close (securities, indices) takes the close in place of the average. Market data are no part of the
state, so the day's figures are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from ctp2.refdata.models import INDEX, SECURITY_CLASSES
from ctp2.refdata.ticks import Tick
from ctp2.tts.contract import Contract
from ctp2.tts.money import round_div
from ctp2.tts.settled import PriceSettled
from ctp2.tts.terms import NO_PRICE
from ctp2.tts.values import price_from_ctp

if TYPE_CHECKING:
    from ctp2.tts.state import State

_AT_CLOSE: Final = SECURITY_CLASSES | {INDEX}
"""Classes whose settlement price is the close (docs/decisions/0088)."""
_TURNOVER_VARIES: Final = ("CZCE",)
"""Exchanges whose Turnover may lack the multiplier (spec 9.3)."""


class DayFigures(NamedTuple):
    """What the last snapshot of an instrument says of its day; prices in price units, ``NO_PRICE`` when absent.

    ``turnover`` is that of Turnover: price x lots x multiplier, at CZCE of old counters without the multiplier.
    """

    volume: int = 0
    turnover: float = 0.0
    settlement: int = NO_PRICE
    close: int = NO_PRICE
    last: int = NO_PRICE
    open_interest: float = 0.0


Figures = Mapping[tuple[str, str], DayFigures]
"""(exchange, code) → the day's figures; an instrument that is left out has none."""


def figures_of(contract: Contract, tick: Tick) -> DayFigures:
    """The figures of a snapshot; a settlement or close of 0 is none (cascaded fronts send that)."""
    scale = contract.price_scale
    return DayFigures(
        tick.volume,
        tick.turnover,
        price_from_ctp(tick.settlement, scale) if tick.settlement else NO_PRICE,
        price_from_ctp(tick.close, scale) if tick.close else NO_PRICE,
        price_from_ctp(tick.last, scale),
        tick.open_interest,
    )


class SettlementPrices:
    """The settlement prices of one day, each worked out once."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures: Figures = {} if figures is None else figures
        self._known: dict[int, int] = {}

    def of(self, contract: Contract) -> int:
        """The settlement price; ``NO_PRICE`` when nothing is known of the instrument."""
        price = self._known.get(contract.index)
        if price is None:
            price = self._known[contract.index] = self._worked_out(contract)
        return price

    def close_of(self, contract: Contract) -> int:
        """The close: the exchange's, else the last price, else the settlement price."""
        figures = self.figures(contract)
        return _first(figures.close, figures.last, contract.last, self.of(contract))

    def figures(self, contract: Contract) -> DayFigures:
        """What was handed in of the instrument."""
        return self._figures.get((contract.exchange, contract.code), _NOTHING)

    def all_of(self, state: State) -> list[PriceSettled]:
        """Every instrument that was used and has a price."""
        return [
            PriceSettled(
                exchange=contract.exchange,
                code=contract.code,
                settlement=self.of(contract),
                close=self.close_of(contract),
                open_interest=self.figures(contract).open_interest,
            )
            for contract in state.contracts
            if self.of(contract) != NO_PRICE
        ]

    def _worked_out(self, contract: Contract) -> int:
        figures = self.figures(contract)
        traded = figures.close if contract.instrument.product_class in _AT_CLOSE else _average(contract, figures)
        return _first(figures.settlement, traded, figures.last, contract.last, contract.pre_settlement)


_NOTHING: Final = DayFigures()


def _first(*prices: int) -> int:
    return next((price for price in prices if price != NO_PRICE), NO_PRICE)


def _average(contract: Contract, figures: DayFigures) -> int:
    """The volume-weighted average price, rounded to the tick; ``NO_PRICE`` when nothing was traded.

    Where Turnover may lack the multiplier, the reading that comes nearer to the last price is meant.
    """
    if figures.volume <= 0 or abs(figures.turnover) > _TURNOVER_LIMIT:
        return NO_PRICE
    units = Fraction(figures.turnover) * contract.price_scale / figures.volume
    average = units / contract.instrument.multiplier
    near = _first(figures.last, contract.last, contract.pre_settlement)
    if contract.exchange in _TURNOVER_VARIES and near != NO_PRICE and abs(units - near) < abs(average - near):
        average = units
    rough = round_div(average.numerator, average.denominator)
    tick = contract.instrument.tick_units_at(rough)
    return round_div(average.numerator, average.denominator * tick) * tick


_TURNOVER_LIMIT: Final = 1e300
"""DBL_MAX says that there is no turnover."""
