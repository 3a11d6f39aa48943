"""The worked examples of spec ctp-semantics 17 and the vectors of 5.5 and 6, exact to the last decimal.

17.1 ends here with step 6: step 7 settles the day, which this counter cannot yet. 17.2 needs options. 17.4 is
``scenarios/larger_side.txt``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ctp2.testing.desk import Desk
from ctp2.tts.events import InsertRefused

COLUMNS = (
    "FrozenMargin",
    "FrozenCommission",
    "Commission",
    "CurrMargin",
    "CloseProfit",
    "PositionProfit",
    "Balance",
    "Available",
)


def money(desk: Desk) -> list[Decimal]:
    """The columns of the spec's tables; every double is the nearest to a decimal of six places."""
    row = desk.account("alice")
    return [Decimal(repr(getattr(row, name))) for name in COLUMNS]


def line(text: str) -> list[Decimal]:
    """A line of the spec's table: FM FCom Com CM CP PP Balance Available, thousands set apart by ``_``."""
    return [Decimal(cell.replace("_", "")) for cell in text.split()]


def identities(desk: Desk) -> None:
    """What every row obeys, whatever its numbers."""
    row = desk.account("alice")
    exact = {name: Decimal(repr(getattr(row, name))) for name in (*COLUMNS, "PreBalance", "CashIn", "FrozenCash")}
    assert exact["Balance"] == (
        exact["PreBalance"] + exact["CloseProfit"] + exact["PositionProfit"] + exact["CashIn"] - exact["Commission"]
    )
    assert exact["Available"] == (
        exact["Balance"]
        - max(exact["PositionProfit"], Decimal(0))
        - exact["CurrMargin"]
        - exact["FrozenMargin"]
        - exact["FrozenCash"]
        - exact["FrozenCommission"]
    )


def row_of(desk: Desk, **wanted: Any) -> Any:
    return next(r for r in desk.positions("alice") if all(getattr(r, name) == value for name, value in wanted.items()))


# ------------------------------------------------------------------ 17.1
class Rebar:
    """17.1: SHFE rb, and each step of its first day."""

    def __init__(self) -> None:
        self.desk = Desk(fills="full")
        self.desk.instrument(
            "SHFE", "rb2105", multiplier="10", margin="0.1", fees="0.0001,0.0001,0.0002", settled="3500"
        )
        self.desk.user("alice", "1000000")
        self.market("3509")

    def market(self, last: str) -> None:
        """A last price; a quote that no order of the example reaches."""
        self.desk.quote("rb2105", bid="3000x100", ask="4000x100", last=last)

    def step(self, number: int) -> list[Decimal]:
        """Do the steps up to ``number``; the table's line after it."""
        for index in range(1, number + 1):
            getattr(self, f"step_{index}")()
        identities(self.desk)
        return money(self.desk)

    def step_1(self) -> None:
        self.desk.insert("alice", "buys", "open", 2, "rb2105", 3510.0)

    def step_2(self) -> None:
        # The fill at 3508 is better than the limit: sent at 3510 into a market that asks 3508.
        self.desk.cancel("alice", "1")
        self.desk.quote("rb2105", bid="3507x100", ask="3508x100", last="3508")
        self.desk.insert("alice", "buys", "open", 2, "rb2105", 3510.0)

    def step_3(self) -> None:
        self.market("3520")

    def step_4(self) -> None:
        self.market("3500")

    def step_5(self) -> None:
        self.market("3530")
        self.desk.insert("alice", "sells", "close-today", 1, "rb2105", 3530.0)

    def step_6(self) -> None:
        self.desk.quote("rb2105", bid="3530x100", ask="4000x100", last="3530")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (1, "7020 7.02 0     0    0   0    1_000_000     992_972.98"),
        (2, "0    0    7.016 7016 0   0      999_992.984 992_976.984"),
        (3, "0    0    7.016 7016 0   240  1_000_232.984 992_976.984"),
        (4, "0    0    7.016 7016 0   -160   999_832.984 992_816.984"),
        (5, "0    7.06 7.016 7016 0   440  1_000_432.984 992_969.924"),
        (6, "0    0   14.076 3508 220 220  1_000_425.924 996_697.924"),
    ],
)
def test_17_1_rb_open_two_close_one_today(step: int, expected: str) -> None:
    assert Rebar().step(step) == line(expected)


def test_17_1_step_6_in_detail() -> None:
    example = Rebar()
    example.step(6)
    account, row = example.desk.account("alice"), row_of(example.desk, PositionDate="1")
    assert (account.MortgageableFund, account.WithdrawQuota) == (996477.924, 797182.3392)
    assert (row.YdPosition, row.Position, row.TodayPosition, row.OpenVolume, row.CloseVolume) == (0, 1, 1, 2, 1)
    assert (row.OpenAmount, row.CloseAmount, row.PositionCost, row.OpenCost) == (70160.0, 35300.0, 35080.0, 35080.0)
    assert (row.UseMargin, row.Commission, row.CloseProfit, row.PositionProfit) == (3508.0, 14.076, 220.0, 220.0)


@pytest.mark.parametrize(
    ("offset", "volume", "error"), [("close", 1, 51), ("close-yesterday", 1, 51), ("close-today", 2, 50)]
)
def test_17_1_step_6_refuses_further_closes(offset: str, volume: int, error: int) -> None:
    example = Rebar()
    example.step(6)
    events = example.desk.insert("alice", "sells", offset, volume, "rb2105", 3530.0)
    assert isinstance(events[0], InsertRefused) and events[0].error_id == error


# ------------------------------------------------------------------ 17.3
class IndexFuture:
    """17.3: CFFEX IF with two long lots carried over."""

    def __init__(self) -> None:
        self.desk = Desk(fills="full")
        self.desk.instrument(
            "CFFEX", "IF2103", multiplier="300", tick="0.2", margin="0.12", settled="3900",
            fees="0.000023,0.000023,0.00023",
        )  # fmt: skip
        self.desk.user("alice", "2000000")
        self.desk.carry("alice", "2", 2, "IF2103", "3850")

    def market(self, last: str, bid: str = "3000x10", ask: str = "4500x10") -> None:
        self.desk.quote("IF2103", bid=bid, ask=ask, last=last)

    def step(self, number: int) -> list[Decimal]:
        """Do the steps up to ``number``; the table's line after it."""
        for index in range(1, number + 1):
            getattr(self, f"step_{index}")()
        identities(self.desk)
        return money(self.desk)

    def step_1(self) -> None:
        self.market("3900")

    def step_2(self) -> None:
        self.desk.insert("alice", "buys", "open", 1, "IF2103", 3910.0)

    def step_3(self) -> None:
        self.market("3910", ask="3910x10")

    def step_4(self) -> None:
        self.market("3920")
        self.desk.insert("alice", "sells", "close-today", 1, "IF2103", 3920.0)

    def step_5(self) -> None:
        self.market("3920", bid="3920x10")

    def step_6(self) -> None:
        self.market("3925", bid="3925x10")
        self.desk.insert("alice", "sells", "close", 1, "IF2103", 3925.0)

    def step_7(self) -> None:
        self.desk.insert("alice", "sells", "close", 1, "IF2103", 3925.0)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (1, "0       0      0        280_800 0      0      2_000_000      1_719_200"),
        (2, "140_760 26.979 0        280_800 0      0      2_000_000      1_578_413.021"),
        (3, "0       0      26.979   421_560 0      6000   2_005_973.021  1_578_413.021"),
        (4, "0       27.048 26.979   421_560 0      15_000 2_014_973.021  1_578_385.973"),
        (5, "0       0      297.459  281_160 6000   9000   2_014_702.541  1_724_542.541"),
        (6, "0       0      324.5415 140_760 13_500 4500   2_017_675.4585 1_872_415.4585"),
        (7, "0       0      351.624  0       18_000 0      2_017_648.376  2_017_648.376"),
    ],
)
def test_17_3_if_close_today_fee_with_fifo_lots(step: int, expected: str) -> None:
    assert IndexFuture().step(step) == line(expected)


@pytest.mark.parametrize(("step", "expected"), [(5, (2, 2, 1)), (6, (2, 1, 1)), (7, (2, 0, 0))])
def test_17_3_the_row_stays(step: int, expected: tuple[int, int, int]) -> None:
    example = IndexFuture()
    example.step(step)
    (row,) = example.desk.positions("alice")
    assert (row.YdPosition, row.Position, row.TodayPosition) == expected


def test_17_3_step_4_shows_the_converted_flag() -> None:
    example = IndexFuture()
    example.step(4)
    assert example.desk.orders("alice")[-1].CombOffsetFlag == "1"


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
