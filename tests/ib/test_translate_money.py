"""Positions and money as CTP's records (spec ib 5.6): what is held on the left, the record on the right, by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ctp2.ib.account import Funds
from ctp2.ib.holdings import Fill, Holding
from ctp2.ib.translate_money import (
    DBL_MAX,
    Marks,
    Opening,
    Owner,
    Terms,
    account_to_ctp,
    position_details_to_ctp,
    position_to_ctp,
    volume,
)

OWNER = Owner("9999", "DU1000001", "20251124")
STOCK = Terms("AAPL-USD-STK", "NASD")
FUTURE = Terms("ES-202512-USD-FUT@CME", "CME", multiplier=50.0)
PENCE = Terms("VOD-GBP-STK@LSE", "LSE", magnifier=100)
UNMARKED = Marks()
COIN = Terms("BTC-USD-CRYPTO", "PAXOS", scale=100_000_000)


def held(start: str, *fills: tuple[str, float], cost: float = 0.0, yesterday: str = "") -> Holding:
    holding = Holding()
    holding.report(Decimal(start), 0)
    for number, (change, price) in enumerate(fills, 1):
        holding.fill(Fill(f"0001f4e8.65aa0001.{number:02}.01", number, Decimal(change), price))
    holding.average_cost = cost
    if yesterday:
        holding.yesterday = Decimal(yesterday)
    return holding


def shown(terms: Terms, holding: Holding, marks: Marks = UNMARKED, frozen: str = "0") -> Any:
    return position_to_ctp(OWNER, terms, holding, holding.day(), marks, Decimal(frozen))


def test_a_long_future() -> None:
    """Held 3; bought 2 @ 6000, sold 1 @ 6010 (one of yesterday's): 4, of them 2 of yesterday; cost 4 × 299,500."""
    row = shown(FUTURE, held("3", ("2", 6000.0), ("-1", 6010.0), cost=299_500.0), Marks(6005.0, 3_000.0), "1")
    wanted = {
        "InstrumentID": "ES-202512-USD-FUT@CME",
        "ExchangeID": "CME",
        "BrokerID": "9999",
        "InvestorID": "DU1000001",
        "TradingDay": "20251124",
        "SettlementID": 1,
        "PosiDirection": "2",
        "HedgeFlag": "1",
        "PositionDate": "1",
        "Position": 4,
        "YdPosition": 3,
        "TodayPosition": 2,
        "LongFrozen": 0,
        "ShortFrozen": 1,
        "OpenVolume": 2,
        "CloseVolume": 1,
        "OpenAmount": 600_000.0,  # 2 × 6000 × 50
        "CloseAmount": 300_500.0,  # 1 × 6010 × 50
        "PositionCost": 1_198_000.0,
        "OpenCost": 1_198_000.0,
        "PositionProfit": 3_000.0,
        "SettlementPrice": 6005.0,
        "UseMargin": 0.0,
    }
    assert {name: getattr(row, name) for name in wanted} == wanted


def test_a_short_stock() -> None:
    row = shown(STOCK, held("0", ("-300", 200.5), cost=200.49), frozen="100")
    found = (row.PosiDirection, row.Position, row.YdPosition, row.TodayPosition, row.LongFrozen, row.ShortFrozen)
    assert found == ("3", 300, 0, 300, 100, 0)
    assert (row.OpenVolume, row.OpenAmount, row.SettlementPrice) == (300, 60_150.0, DBL_MAX)


def test_pence_are_divided_wherever_money_is_computed() -> None:
    """200 at an average of 71.5 pence; 100 of them bought today at 72 pence: 143 and 72 pounds."""
    row = shown(PENCE, held("100", ("100", 72.0), cost=71.5))
    assert (row.PositionCost, row.OpenAmount) == (143.0, 72.0)


def test_fractions_are_volumes_by_scale() -> None:
    row = shown(COIN, held("0.5", ("0.00000001", 60_000.0), cost=50_000.0))
    assert (row.Position, row.YdPosition, row.TodayPosition) == (50_000_001, 50_000_000, 1)
    assert row.OpenAmount == pytest.approx(0.0006)


def test_a_fraction_of_a_share_is_cut_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "ctp2.ib"):
        assert volume(Decimal("10.75"), STOCK) == 10
    assert "10.75 is shown as 10" in caplog.text


def test_what_does_not_fit_into_32_bits_is_held_there(caplog: pytest.LogCaptureFixture) -> None:
    assert volume(Decimal(30), COIN) == 2**31 - 1
    assert "does not fit" in caplog.text


# snapshot of the morning, position before today's fills, fills, Position, YdPosition, TodayPosition
YESTERDAYS = [
    ("5", "5", [("-2", 1.0)], 3, 5, 0),  # reduced never, and what is left of it is 3
    ("5", "5", [("-5", 1.0), ("4", 1.0)], 4, 5, 4),
    ("5", "5", [("-8", 1.0)], 3, 0, 3),  # the other direction had nothing yesterday
    ("-5", "-5", [("2", 1.0), ("-1", 1.0)], 4, 5, 1),
    ("5", "7", [], 7, 5, 2),  # transferred in behind the snapshot
    ("0", "0", [("1", 1.0)], 1, 0, 1),
]


@pytest.mark.parametrize(("snapshot", "start", "fills", "position", "yesterday", "today"), YESTERDAYS)
def test_yesterday_and_today(
    snapshot: str, start: str, fills: list[tuple[str, float]], position: int, yesterday: int, today: int
) -> None:
    row = shown(STOCK, held(start, *fills, yesterday=snapshot))
    assert (row.Position, row.YdPosition, row.TodayPosition) == (position, yesterday, today)


# ------------------------------------------------------------------ details
def test_details_are_todays_openings_and_one_line_for_the_rest() -> None:
    """Held 3 at 5,990; bought 2 @ 6000 and 1 @ 6020; sold 1 @ 6010: of the 3 two are left. Mark 6005."""
    holding = held("3", ("2", 6000.0), ("1", 6020.0), ("-1", 6010.0), cost=299_500.0)
    ids = {id(fill): Opening(f"T{number}", "20251124") for number, fill in enumerate(holding.fills, 1)}
    rows = position_details_to_ctp(OWNER, FUTURE, holding, holding.day(), Marks(6005.0), ids)
    found = [(row.TradeID, row.Volume, row.OpenPrice, row.OpenDate, row.PositionProfitByTrade) for row in rows]
    assert found == [
        ("", 2, 5_990.0, "", 1_500.0),  # 15 × 2 × 50
        ("T1", 2, 6_000.0, "20251124", 500.0),
        ("T2", 1, 6_020.0, "20251124", -750.0),
    ]
    assert [(row.CloseVolume, row.CloseAmount) for row in rows] == [(1, 300_500.0), (0, 0.0), (0, 0.0)]
    assert {row.Direction for row in rows} == {"0"}


def test_details_of_a_short_position_add_up_to_it() -> None:
    holding = held("2", ("-5", 10.0), cost=10.0)
    rows = position_details_to_ctp(OWNER, STOCK, holding, holding.day(), Marks(11.0), {})
    assert [(row.Direction, row.Volume, row.PositionProfitByTrade) for row in rows] == [("1", 3, -3.0)]


# ------------------------------------------------------------------ money
def test_the_account_record() -> None:
    funds = Funds("USD", 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0)
    row = account_to_ctp(OWNER, funds, "1")
    wanted = {
        "BrokerID": "9999",
        "AccountID": "DU1000001",
        "TradingDay": "20251124",
        "CurrencyID": "USD",
        "Balance": 10.0,
        "Available": 9.0,
        "WithdrawQuota": 8.0,
        "PreBalance": 7.0,
        "PreDeposit": 7.0,
        "CurrMargin": 6.0,
        "ExchangeMargin": 5.0,
        "PositionProfit": 4.0,
        "CloseProfit": 3.0,
        "Interest": 2.0,
        "Commission": 1.0,
        "CashIn": 0.0,
        "SettlementID": 1,
        "BizType": "1",
        "FrozenMargin": 0.0,
        "Deposit": 0.0,
    }
    assert {name: getattr(row, name) for name in wanted} == wanted
