"""Values of tags as the figures of CTP's account record (spec ib 5.6): a table per rule, worked out by hand."""

from __future__ import annotations

import pytest

from ctp2.ib.account import Funds, Values

BASE_ROWS = [
    ("AccountType", "INDIVIDUAL", ""),
    ("NetLiquidation", "1000500.25", "USD"),
    ("TotalCashValue", "900000", "USD"),
    ("AvailableFunds", "950000.5", "USD"),
    ("PreviousDayEquityWithLoanValue", "1000000", "USD"),
    ("InitMarginReq", "50000", "USD"),
    ("FullInitMarginReq", "60000", "USD"),
    ("MaintMarginReq", "45000", "USD"),
    ("AccruedCash", "12.5", "USD"),
    ("UnrealizedPnL", "480", "USD"),
    ("UnrealizedPnL", "500", "BASE"),
    ("RealizedPnL", "-20", "BASE"),
    ("ExchangeRate", "0.128", "HKD"),
    ("NetLiquidation", "77", ""),  # no currency: ignored
]
HKD_ROWS = [
    ("CashBalance", "78000", "HKD"),
    ("NetLiquidationByCurrency", "80000", "HKD"),
    ("UnrealizedPnL", "2000", "HKD"),
    ("RealizedPnL", "-100", "HKD"),
    ("AccruedCash", "3", "HKD"),
]


def values(*rows: tuple[str, str, str]) -> Values:
    made = Values()
    for row in rows:
        made.take(*row)
    return made


@pytest.mark.parametrize("asked", ["", "USD"])
def test_the_base_currency(asked: str) -> None:
    funds = values(*BASE_ROWS).funds(asked, {"USD": 2.0, "HKD": 100.0})
    assert funds == Funds(
        currency="USD",
        balance=1_000_500.25,
        available=950_000.5,
        withdrawable=900_000.0,  # the smaller of available and cash
        previous=1_000_000.0,
        initial_margin=50_000.0,
        maintenance_margin=45_000.0,
        open_profit=500.0,  # BASE is the total; USD its part
        close_profit=-20.0,
        interest=12.5,
        commission=14.8,  # 2 + 100 × 0.128
    )


def test_a_currency_of_the_ledger() -> None:
    funds = values(*BASE_ROWS, *HKD_ROWS).funds("HKD", {"USD": 2.0, "HKD": 100.0})
    assert funds == Funds(
        currency="HKD",
        balance=80_000.0,
        available=78_000.0,
        withdrawable=78_000.0,
        open_profit=2_000.0,
        close_profit=-100.0,
        interest=3.0,
        commission=100.0,
    )


def test_a_currency_that_is_not_there() -> None:
    assert values(*BASE_ROWS).funds("JPY", {}) is None


def test_nothing_known_yet() -> None:
    assert values(("AccountType", "INDIVIDUAL", "")).funds("", {}) is None


@pytest.mark.parametrize(("available", "cash", "quota"), [("100", "300", 100.0), ("100", "-5", 0.0), ("-9", "50", 0.0)])
def test_what_can_be_withdrawn(available: str, cash: str, quota: float) -> None:
    funds = values(
        ("NetLiquidation", "1", "EUR"), ("AvailableFunds", available, "EUR"), ("TotalCashValue", cash, "EUR")
    ).funds("", {})
    assert funds is not None
    assert funds.withdrawable == quota


def test_the_full_margin_where_the_current_one_is_absent() -> None:
    rows = [row for row in BASE_ROWS if row[0] != "InitMarginReq"]
    funds = values(*rows).funds("", {})
    assert funds is not None
    assert funds.initial_margin == 60_000.0


def test_the_newest_value_counts_and_texts_are_no_amounts(caplog: pytest.LogCaptureFixture) -> None:
    made = values(("NetLiquidation", "1", "USD"), ("NetLiquidation", "2", "USD"), ("AccountType", "IRA", "USD"))
    assert (made.amount("NetLiquidation", "USD"), made.account_type, made.base) == (2.0, "IRA", "USD")
    assert made.take("AvailableFunds", "n/a", "USD") is False
    assert "n/a" in caplog.text
    assert made.amount("AvailableFunds", "USD") is None
    assert made.take("AvailableFunds", "1.7976931348623157E308", "USD") is False  # not set
    assert made.amount("AvailableFunds", "USD") is None


def test_commission_without_a_rate_is_told(caplog: pytest.LogCaptureFixture) -> None:
    funds = values(("NetLiquidation", "1", "USD")).funds("", {"USD": 1.0, "JPY": 500.0})
    assert funds is not None
    assert funds.commission == 1.0
    assert "JPY" in caplog.text
