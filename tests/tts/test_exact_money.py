"""Fees and margins are exact decimals, rounded half away from zero to 10⁻⁶ when they arise (DESIGN section 5)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.testing.desk import Desk

MICRO = Decimal("0.000001")

rates = st.integers(0, 20_000_000).map(lambda number: Decimal(number) / 100_000_000)
"""Rates of up to eight decimals, up to 20 %."""
lot_rates = st.integers(0, 50_000_000).map(lambda number: Decimal(number) / 1_000_000)
ticks = st.sampled_from(["1", "0.2", "0.01", "0.005", "5", "0.0001"])


def rounded(amount: Decimal) -> Decimal:
    """To a micro-unit, half away from zero."""
    return amount.quantize(MICRO, ROUND_HALF_UP)


@settings(max_examples=150, deadline=None)
@given(
    tick=ticks,
    steps=st.integers(1, 200_000),
    volume=st.integers(1, 500),
    multiplier=st.sampled_from([1, 5, 10, 300, 1000]),
    margin=rates,
    fee=rates,
    lot_fee=lot_rates,
)
def test_what_an_order_freezes_and_a_fill_costs(
    tick: str, steps: int, volume: int, multiplier: int, margin: Decimal, fee: Decimal, lot_fee: Decimal
) -> None:
    desk = Desk(profile="clean", fills="full")
    price = Decimal(tick) * steps
    desk.instrument(
        "DCE",
        "x2105",
        tick=tick,
        multiplier=str(multiplier),
        margin=f"{margin:f}",
        fees=f"{fee:f},0,0",
        lot_fees=f"{lot_fee:f},0,0",
        settled=str(price),
    )
    desk.user("alice", "1000000000000")
    desk.insert("alice", "buys", "open", volume, "x2105", float(price))
    turnover = price * volume * multiplier
    purse = desk.state.accounts["alice"].purse("CNY")
    assert Decimal(purse.frozen_margin) * MICRO == rounded(turnover * margin)
    assert Decimal(purse.frozen_commission) * MICRO == rounded(turnover * fee) + volume * lot_fee
    desk.quote("x2105", bid="-", ask=f"{price}x1000", last=str(price))
    assert Decimal(purse.curr_margin) * MICRO == rounded(turnover * margin)
    assert Decimal(purse.commission) * MICRO == rounded(turnover * fee) + volume * lot_fee
    assert (purse.frozen_margin, purse.frozen_commission) == (0, 0)


@settings(max_examples=60, deadline=None)
@given(
    orders=st.lists(
        st.tuples(st.sampled_from(["buys", "sells"]), st.integers(1, 9), st.integers(-20, 20)), max_size=25
    ),
    margin=rates,
    fee=rates,
)
def test_cancelling_everything_restores_the_money(
    orders: list[tuple[str, int, int]], margin: Decimal, fee: Decimal
) -> None:
    """Spec 6 rule 1: freezing never changes Balance, cancelling restores Available to the cent."""
    desk = Desk(profile="clean", fills="full")
    desk.instrument("SHFE", "x2105", margin=f"{margin:f}", fees=f"{fee:f},{fee:f},{fee:f}", settled="3500")
    desk.user("alice", "10000000")
    before = desk.account("alice")
    for direction, volume, away in orders:
        desk.insert("alice", direction, "open", volume, "x2105", 3500.0 + away)
        assert desk.account("alice").Balance == before.Balance
    for name in list(desk.records):
        desk.cancel("alice", name)
    assert desk.account("alice") == before
