"""The vectors of spec ctp-semantics 5.5 and the check below section 6, exact to the last decimal.

The worked examples of section 17 are scenarios: ``worked_17_1.txt``, ``options_worked_example.txt``,
``worked_17_3.txt``, ``worked_17_4.txt``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ctp2.testing.desk import Desk


def row_of(desk: Desk, **wanted: Any) -> Any:
    return next(r for r in desk.positions("alice") if all(getattr(r, name) == value for name, value in wanted.items()))


# ------------------------------------------------------------------ 5.5
def test_5_5_ag_short_22_opened_today() -> None:
    desk = Desk(fills="full")
    desk.instrument("SHFE", "ag2012", multiplier="15", margin="0.19", settled="5500")
    desk.user("alice", "1000000")
    desk.quote("ag2012", bid="5536x50", ask="5537x50", last="5536")
    desk.insert("alice", "sells", "open", 22, "ag2012", 5536.0)
    desk.quote("ag2012", bid="5531x50", ask="5533x50", last="5532")
    (row,) = desk.positions("alice")
    assert (row.PosiDirection, row.PositionDate, row.Position, row.TodayPosition) == ("3", "1", 22, 22)
    assert (row.PositionCost, row.OpenCost, row.OpenAmount) == (1826880.0, 1826880.0, 1826880.0)
    assert (row.UseMargin, row.PositionProfit) == (347107.20, 1320.0)


def test_5_5_sc_long_6_from_yesterday() -> None:
    desk = Desk(fills="full")
    desk.instrument("INE", "sc2012", multiplier="1000", tick="0.1", margin="0.17", settled="571.8")
    desk.user("alice", "1000000")
    desk.carry("alice", "2", 6, "sc2012", "560.1")
    desk.quote("sc2012", bid="557.3x5", ask="557.5x5", last="557.4")
    (row,) = desk.positions("alice")
    assert (row.PosiDirection, row.PositionDate, row.YdPosition, row.Position) == ("2", "2", 6, 6)
    assert (row.PositionCost, row.UseMargin, row.PositionProfit) == (3430800.0, 583236.0, -86400.0)


def test_5_5_dce_one_row_for_yesterday_and_today() -> None:
    desk = Desk(fills="full")
    desk.instrument("DCE", "m2105", settled="3500")
    desk.user("alice", "1000000")
    desk.carry("alice", "2", 3, "m2105", "3400")
    desk.quote("m2105", bid="3499x10", ask="3500x10", last="3500")
    desk.insert("alice", "buys", "open", 2, "m2105", 3500.0)
    desk.insert("alice", "sells", "close", 4, "m2105", 3510.0)
    (row,) = desk.positions("alice")
    assert (row.YdPosition, row.Position, row.TodayPosition, row.ShortFrozen) == (3, 5, 2, 4)
    desk.quote("m2105", bid="3510x10", ask="3511x10", last="3510")
    (row,) = desk.positions("alice")
    assert (row.YdPosition, row.Position, row.TodayPosition, row.CloseVolume, row.ShortFrozen) == (3, 1, 1, 4, 0)


def test_5_5_shfe_two_rows() -> None:
    desk = Desk(fills="full")
    desk.instrument("SHFE", "rb2105", settled="3500")
    desk.user("alice", "1000000")
    desk.carry("alice", "2", 3, "rb2105", "3400")
    desk.quote("rb2105", bid="3499x10", ask="3500x10", last="3500")
    desk.insert("alice", "buys", "open", 2, "rb2105", 3500.0)
    history, today = row_of(desk, PositionDate="2"), row_of(desk, PositionDate="1")
    assert (history.YdPosition, history.Position, history.TodayPosition) == (3, 3, 0)
    assert (today.YdPosition, today.Position, today.TodayPosition) == (0, 2, 2)


@pytest.mark.proves("5.4 CFFEX, DCE, CZCE, GFEX")
def test_5_4_yesterdays_lots_go_first_also_when_they_were_given_later() -> None:
    """Open 2 and close 1 today; then 3 lots of yesterday arrive (pre-settlement 3500): a close of 3 takes these."""
    desk = Desk(fills="full")
    desk.instrument("DCE", "m2105", settled="3500")
    desk.user("alice", "1000000")
    desk.quote("m2105", bid="3510x10", ask="3511x10", last="3510")
    desk.insert("alice", "buys", "open", 1, "m2105", 3511.0)
    desk.insert("alice", "sells", "close", 1, "m2105", 3510.0)
    desk.insert("alice", "buys", "open", 1, "m2105", 3511.0)
    desk.carry("alice", "2", 3, "m2105", "3400")
    desk.insert("alice", "sells", "close", 3, "m2105", 3510.0)
    (row,) = desk.positions("alice")
    assert (row.Position, row.TodayPosition, row.YdPosition) == (1, 1, 3)
    assert row.CloseProfitByDate == 290.0  # (3510 - 3511) x 10, then (3510 - 3500) x 10 x 3
    assert [(lot.OpenDate, lot.Volume, lot.CloseVolume) for lot in desk.details("alice")] == [
        ("20250305", 0, 3),
        ("20250306", 0, 1),
        ("20250306", 1, 0),
    ]


# ------------------------------------------------------------------ 5.3, SettlementPrice of a detail
@pytest.mark.proves("5.3 SettlementPrice")
def test_5_3_a_detail_is_marked_when_it_changes() -> None:
    """Three lots opened yesterday at 3400, pre-settlement 3500, multiplier 10."""
    desk = Desk(fills="full")
    desk.instrument("DCE", "m2105", settled="3500")
    desk.user("alice", "1000000")
    desk.carry("alice", "2", 3, "m2105", "3400")

    def marked() -> tuple[float, float, float]:
        (lot,) = desk.details("alice")
        return lot.SettlementPrice, lot.PositionProfitByDate, lot.PositionProfitByTrade

    desk.quote("m2105", bid="3519x10", ask="3521x10", last="3520")
    assert marked() == (3500.0, 0.0, 3000.0)  # (3500 - 3400) x 10 x 3: not live
    desk.insert("alice", "sells", "close", 1, "m2105", 3519.0)
    assert marked() == (3520.0, 400.0, 2400.0)  # (3520 - 3500) x 10 x 2, (3520 - 3400) x 10 x 2
    desk.quote("m2105", bid="3599x10", ask="3601x10", last="3600")
    assert marked() == (3520.0, 400.0, 2400.0)


@pytest.mark.proves("5.3 SettlementPrice")
def test_5_3_between_users_the_latest_price_is_the_trade_itself() -> None:
    """The second trade is at 3510, the price before it 3500: nothing is earned by opening."""
    desk = Desk()
    desk.instrument("SHFE", "T", settled="3490", limits="3000..4000", matched="yes")
    for name in ("alice", "bob"):
        desk.user(name, "1000000")
    for price in (3500.0, 3510.0):
        desk.insert("bob", "sells", "open", 1, "T", price)
        desk.insert("alice", "buys", "open", 1, "T", price)
    assert [(lot.SettlementPrice, lot.PositionProfitByDate) for lot in desk.details("alice")] == [
        (3500.0, 0.0),
        (3510.0, 0.0),
    ]


# ------------------------------------------------------------------ 6, the check below its rules
@pytest.mark.proves("6 check")
@pytest.mark.parametrize(
    ("last", "profit", "balance", "available"),
    [
        ("4863", Decimal(-1370), Decimal("9998858.59"), Decimal("9826815.39")),
        ("5137", Decimal(1370), Decimal("10001598.59"), Decimal("9828185.39")),
    ],
)
def test_6_losses_count_and_gains_do_not(last: str, profit: Decimal, balance: Decimal, available: Decimal) -> None:
    """PreBalance 10 000 000, CloseProfit 240, Commission 11.41, CurrMargin 172 043.20."""
    desk = Desk(fills="full")
    # One lot of 10 at 5000 held with a margin of 172 043.20, and a round trip that earned 240 for 11.41 of fees.
    desk.instrument("DCE", "a2105", multiplier="10", margin="3.440864", settled="5000")
    desk.instrument("DCE", "b2105", multiplier="10", margin="0.1", lot_fees="5.41,6,6", settled="3500")
    desk.user("alice", "10000000")
    desk.quote("a2105", bid="4999x5", ask="5000x5", last="5000")
    desk.insert("alice", "buys", "open", 1, "a2105", 5000.0)
    desk.quote("b2105", bid="3499x5", ask="3500x5", last="3500")
    desk.insert("alice", "buys", "open", 1, "b2105", 3500.0)
    desk.quote("b2105", bid="3524x5", ask="3525x5", last="3524")
    desk.insert("alice", "sells", "close", 1, "b2105", 3524.0)
    desk.quote("a2105", bid="4000x5", ask="6000x5", last=last)
    row = desk.account("alice")
    assert (row.CloseProfit, row.Commission, row.CurrMargin) == (240.0, 11.41, 172043.20)
    assert [Decimal(repr(value)) for value in (row.PositionProfit, row.Balance, row.Available)] == [
        profit,
        balance,
        available,
    ]
