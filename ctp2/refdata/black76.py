"""Options on a forward price: Black's formula of 1976 without interest, which also serves for funds and indices."""

from __future__ import annotations

from math import erf, log, sqrt

_ROOT_TWO = sqrt(2.0)


def _normal(x: float) -> float:
    return 0.5 * (1.0 + erf(x / _ROOT_TWO))


def value_and_delta(
    forward: float, strike: float, volatility: float, years: float, is_call: bool
) -> tuple[float, float]:
    """Value and delta of an option; at or after expiry, or without volatility, what exercising is worth.

    ``volatility`` is a fraction per year. A forward that is not positive has no logarithm: the value is then intrinsic.
    """
    width = volatility * sqrt(years) if years > 0 else 0.0
    if width <= 0 or forward <= 0 or strike <= 0:
        inside = forward - strike if is_call else strike - forward
        return max(inside, 0.0), (float(inside > 0) if is_call else -float(inside > 0))
    d1 = log(forward / strike) / width + width / 2
    up, down = _normal(d1), _normal(d1 - width)
    if is_call:
        return forward * up - strike * down, up
    return strike * (1 - down) - forward * (1 - up), up - 1
