"""Contract codes both ways, expiry and listing rules, against the instruments of 2025-03-06."""

from __future__ import annotations

import pytest

from ctp2.refdata.contracts import contract_code, current_contract, expire_date, listed_months, open_date, parse_code
from ctp2.refdata.instruments import load_futures_snapshot, make_future
from ctp2.refdata.table import DataError

# code, trading day → exchange, product, year, month
CODES = [
    ("IF2101", "20210104", "CFFEX", "IF", 2021, 1),
    ("IF2612", "20261123", "CFFEX", "IF", 2026, 12),
    ("T2703", "20261123", "CFFEX", "T", 2027, 3),
    ("rb2405", "20240102", "SHFE", "rb", 2024, 5),
    ("sc2803", "20250306", "INE", "sc", 2028, 3),
    ("m2701", "20261123", "DCE", "m", 2027, 1),
    ("l2701", "20261123", "DCE", "l", 2027, 1),
    ("l2701F", "20261123", "DCE", "l_f", 2027, 1),
    ("pp2701F", "20261123", "DCE", "pp_f", 2027, 1),
    ("lc2612", "20261123", "GFEX", "lc", 2026, 12),
    ("SR701", "20261123", "CZCE", "SR", 2027, 1),  # the year after
    ("SR512", "20260105", "CZCE", "SR", 2025, 12),  # one year behind
    ("SR401", "20260105", "CZCE", "SR", 2034, 1),  # eight years ahead, not two behind
    ("TA001", "20191202", "CZCE", "TA", 2020, 1),  # across the decade
    ("TA909", "20191202", "CZCE", "TA", 2019, 9),
]


@pytest.mark.parametrize(("code", "day", "exchange", "product", "year", "month"), CODES)
def test_code_both_ways(code: str, day: str, exchange: str, product: str, year: int, month: int) -> None:
    contract = parse_code(code, day)
    assert contract is not None
    assert (contract.product.exchange, contract.product.product, contract.year, contract.month) == (
        exchange,
        product,
        year,
        month,
    )
    assert contract_code(contract.product, contract.year, contract.month) == code
    assert parse_code(code, day, exchange) == contract
    assert parse_code(code, day, "SSE") is None


NO_CODES = [
    "",
    "IF",
    "2101",
    "if2101",
    "RB2405",
    "SR2701",
    "rb705",
    "IF2113",
    "IF2100",
    "rb2405F",
    "XX2401",
    "m2701-C-3000",
]


@pytest.mark.parametrize("code", NO_CODES)
def test_no_futures_code(code: str) -> None:
    assert parse_code(code, "20261123") is None


EXPIRIES = [
    ("IF", 2026, 11, "20261120"),  # third Friday
    ("IF", 2026, 2, "20260224"),  # the third Friday lies in the Spring Festival
    ("T", 2026, 12, "20261211"),  # second Friday
    ("rb", 2024, 6, "20240617"),  # the 15th is a Saturday
    ("m", 2026, 11, "20261113"),  # 10th trading day
    ("jd", 2026, 11, "20261125"),  # 4th-last trading day
    ("sc", 2026, 12, "20261130"),  # last trading day of the month before
    ("fu", 2024, 10, "20240930"),
    ("ZC", 2026, 11, "20261106"),  # 5th trading day
    ("l_f", 2026, 11, "20261130"),  # last trading day of the month
    ("ec", 2026, 2, "20260209"),  # last Monday that trades: 16 and 23 February are holidays
    ("IF", 2021, 1, "20210115"),  # before the calendar: weekdays
    ("SR", 2027, 1, "20270114"),  # beyond the calendar: weekdays, provisional
]


@pytest.mark.parametrize(("product", "year", "month", "expected"), EXPIRIES)
def test_expiry(product: str, year: int, month: int, expected: str) -> None:
    assert expire_date(product, year, month) == expected


def test_expiry_agrees_with_the_counter_of_2025_03() -> None:
    """All months of which the holidays were announced; the months of 2026 were provisional then (707 of 789 agree)."""
    agreed, provisional = 0, []
    for instrument in load_futures_snapshot():
        expected = expire_date(instrument.product, instrument.delivery_year, instrument.delivery_month)
        if expected == instrument.expire_date:
            agreed += 1
        else:
            provisional.append(instrument)
    assert agreed == 707
    assert {instrument.expire_date[:6] for instrument in provisional} <= {"202601", "202602"}


CURRENT = [
    ("IF", "20210104", "IF2101"),
    ("IF", "20261120", "IF2611"),  # on the last trading day itself
    ("IF", "20261123", "IF2612"),
    ("rb", "20261123", "rb2612"),
    ("sc", "20261123", "sc2612"),
    ("sc", "20261201", "sc2701"),  # expired the month before
    ("SR", "20261123", "SR701"),
    ("T", "20261123", "T2612"),
    ("l_f", "20261123", "l2611F"),
]


@pytest.mark.parametrize(("product", "day", "expected"), CURRENT)
def test_current_contract(product: str, day: str, expected: str) -> None:
    assert current_contract(product, day) == expected


LISTED = [
    ("IF", "2503 2504 2506 2509"),
    ("T", "2503 2506 2509"),
    ("SR", "503 505 507 509 511 601"),
    ("au", "2503 2504 2505 2506 2508 2510 2512 2602"),
    ("sc", "2504 2505 2506 2507 2508 2509 2510 2511 2512 2601 2602 2603 2606 2609 2612 2703 2706 2709 2712 2803"),
    ("m", "2503 2505 2507 2508 2509 2511 2512 2601"),
]


@pytest.mark.parametrize(("product", "months"), LISTED)
def test_listed_months_of_2025_03_06(product: str, months: str) -> None:
    codes = [contract_code(product, *month) for month in listed_months(product, "20250306")]
    assert codes == [product + month for month in months.split()]


def test_listing_days_agree_with_the_counter_of_2025_03() -> None:
    """The rest are products whose listing rule changed since (bu) or that began with several months (bb, PK, si)."""
    made = [
        (make_future(item.product, item.delivery_year, item.delivery_month, "20250306"), item)
        for item in load_futures_snapshot()
    ]
    other = [item.product for own, item in made if own.open_date != item.open_date]
    assert len(other) <= 30
    assert set(other) <= {"bu", "bb", "PK", "si", "lg", "PR", "ps"}
    assert open_date("IF", 2025, 4) == "20250224"


def test_unknown_product_is_an_error() -> None:
    with pytest.raises(DataError, match="unknown product 'IFF'"):
        current_contract("IFF", "20261123")
