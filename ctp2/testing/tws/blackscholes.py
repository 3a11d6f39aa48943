"""Prices and greeks of European options without dividends and interest: what tick 21 tells."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

_HIGHEST: Final = 5.0
_ROUNDS: Final = 60


@dataclass(frozen=True, slots=True)
class Option:
    """``years`` to expiry; ``volatility`` is a year's, as a fraction."""

    spot: float
    strike: float
    years: float
    is_call: bool
    volatility: float

    def price(self) -> float:
        """The value."""
        d1, d2 = self._d()
        if self.is_call:
            return self.spot * _normal(d1) - self.strike * _normal(d2)
        return self.strike * _normal(-d2) - self.spot * _normal(-d1)

    def delta(self) -> float:
        """Change of the value per unit of the underlying."""
        d1, _ = self._d()
        return _normal(d1) if self.is_call else _normal(d1) - 1

    def gamma(self) -> float:
        """Change of delta per unit of the underlying."""
        d1, _ = self._d()
        return _density(d1) / (self.spot * self.volatility * math.sqrt(self.years))

    def vega(self) -> float:
        """Change of the value per point (0.01) of volatility, as TWS tells it."""
        d1, _ = self._d()
        return self.spot * _density(d1) * math.sqrt(self.years) / 100

    def theta(self) -> float:
        """Change of the value per day."""
        d1, _ = self._d()
        return -self.spot * _density(d1) * self.volatility / (2 * math.sqrt(self.years)) / 365

    def at_price(self, price: float) -> Option | None:
        """The same option with the volatility at which it is worth ``price``; None where there is none."""
        low, high = 1e-4, _HIGHEST
        if not replace(self, volatility=low).price() <= price <= replace(self, volatility=high).price():
            return None
        for _ in range(_ROUNDS):
            middle = (low + high) / 2
            if replace(self, volatility=middle).price() < price:
                low = middle
            else:
                high = middle
        return replace(self, volatility=(low + high) / 2)

    def _d(self) -> tuple[float, float]:
        spread = self.volatility * math.sqrt(self.years)
        d1 = (math.log(self.spot / self.strike) + self.volatility**2 / 2 * self.years) / spread
        return d1, d1 - spread


def _normal(value: float) -> float:
    return (1 + math.erf(value / math.sqrt(2))) / 2


def _density(value: float) -> float:
    return math.exp(-(value**2) / 2) / math.sqrt(2 * math.pi)
