"""Mainland securities: every code of the full list, boards, lots, T+0, the first days of a listing."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from decimal import Decimal

import pytest

from ctp2.refdata.instruments import instrument_for, load_securities
from ctp2.refdata.limits import limit_free_days
from ctp2.refdata.securities import limit_ratio_on
from tests.shared_data import shared

TODAY = "20261123"
CLASSES = {"E": "stock", "D": "fund", "B": "bond"}


def test_every_security_of_the_list() -> None:
    """All 27,422: class and board; all ticks but nine: reverse repos of SSE move by 0.005, as the source had it."""
    text = gzip.decompress(shared("data/instruments/cn_securities.csv.gz").read_bytes()).decode("utf-8")
    listed = {(item.exchange, item.code): item for item in load_securities(TODAY, everything=True)}
    agree: Counter[str] = Counter()
    for line in csv.DictReader(text.splitlines()):
        made = listed[line["ExchangeID"], line["InstrumentID"]]
        is_repo = made.board == "REPO"
        assert made.product_class == CLASSES[line["Class"]]
        assert made.board == line["SubType"] or is_repo
        assert made.name == (line["InstrumentName"].strip() or made.code)
        agree["all"] += 1
        agree["repo"] += is_repo
        agree["tick"] += made.price_tick == Decimal(line["TickRule"])
        assert made.price_tick == Decimal(line["TickRule"]) or made.price_tick == Decimal(line["PriceTickSource"])
    assert len(listed) == 27422
    assert agree == {"all": 27422, "repo": 18, "tick": 27413}


# code, exchange → board, lot_min, lot_step, T+0, largest limit and market order
CASES = [
    ("600519", "SSE", "MAIN", 100, 100, False, 1000000, 1000000),
    ("688981", "SSE", "STAR", 200, 1, False, 100000, 50000),
    ("689009", "SSE", "STAR", 200, 1, False, 100000, 50000),
    ("300750", "SZSE", "CHINEXT", 100, 100, False, 300000, 150000),
    ("920002", "BSE", "BSE", 100, 1, False, 1000000, 1000000),
    ("113001", "SSE", "CONVERTIBLE", 10, 10, True, 1000000, 1000000),
    ("128001", "SZSE", "CONVERTIBLE", 10, 10, True, 1000000, 1000000),
    ("204001", "SSE", "REPO", 10, 10, True, 1000000, 0),
    ("131810", "SZSE", "REPO", 10, 10, True, 1000000, 0),
    ("510300", "SSE", "FUND", 100, 100, False, 1000000, 1000000),
    ("510900", "SSE", "FUND", 100, 100, True, 1000000, 1000000),  # H shares
    ("511880", "SSE", "FUND", 100, 100, True, 1000000, 1000000),  # money
    ("511010", "SSE", "FUND", 100, 100, True, 1000000, 1000000),  # government bonds
    ("513100", "SSE", "FUND", 100, 100, True, 1000000, 1000000),  # Nasdaq
    ("518880", "SSE", "FUND", 100, 100, True, 1000000, 1000000),  # gold
    ("159915", "SZSE", "FUND", 100, 100, False, 1000000, 1000000),
    ("159934", "SZSE", "FUND", 100, 100, True, 1000000, 1000000),  # gold, by code
    ("159926", "SZSE", "FUND", 100, 100, True, 1000000, 1000000),  # government bonds, by name
    ("159816", "SZSE", "FUND", 100, 100, True, 1000000, 1000000),  # local government bonds, by name
    ("159003", "SZSE", "FUND", 100, 100, True, 1000000, 1000000),  # money, by prefix
    ("159920", "SZSE", "FUND", 100, 100, True, 1000000, 1000000),  # Hang Seng
    ("159980", "SZSE", "FUND", 100, 100, True, 1000000, 1000000),  # commodity futures
]


@pytest.mark.parametrize(("code", "exchange", "board", "least", "step", "is_t0", "limit", "market"), CASES)
def test_boards(
    code: str, exchange: str, board: str, least: int, step: int, is_t0: bool, limit: int, market: int
) -> None:
    made = instrument_for(code, "", TODAY)
    assert made is not None
    assert (made.exchange, made.board, made.lot_min, made.lot_step) == (exchange, board, least, step)
    assert (made.is_t0, made.max_limit_volume, made.max_market_volume) == (is_t0, limit, market)


# A name comes from the core, from the other shares, from the bonds, or is the code.
@pytest.mark.parametrize(
    ("code", "name"), [("600519", "贵州茅台"), ("600001", "600001"), ("000005", "ST星源"), ("204001", "GC001")]
)
def test_names(code: str, name: str) -> None:
    made = instrument_for(code, "", TODAY)
    assert made is not None
    assert made.name == name


# class, listed → days without limits
FREE = [
    ("MAIN", "20230407", 0),
    ("MAIN", "20230410", 5),
    ("STAR", "20200716", 5),
    ("CHINEXT", "20200821", 0),
    ("CHINEXT", "20200824", 5),
    ("BSE", "20211115", 1),
    ("CONVERTIBLE", "20230101", 0),
    ("STAR", "", 0),  # not known
]


@pytest.mark.parametrize(("limit_class", "listed", "days"), FREE)
def test_days_without_limits(limit_class: str, listed: str, days: int) -> None:
    assert limit_free_days(limit_class, listed) == days


# Listed on Wednesday 2026-09-23: free until the fifth trading day, with 25 September (a holiday) and a weekend between.
@pytest.mark.parametrize(
    ("day", "ratio"),
    [("20260923", None), ("20260924", None), ("20260929", None), ("20260930", None), ("20261008", Decimal("0.20"))],
)
def test_first_days(day: str, ratio: Decimal | None) -> None:
    assert limit_ratio_on("STAR", day, "20260923") == ratio


def test_a_known_listing() -> None:
    before, first, later = (instrument_for("688981", "", day) for day in ("20200715", "20200716", "20200723"))
    assert before is not None
    assert first is not None
    assert later is not None
    assert (before.is_trading, first.is_trading, first.open_date) == (False, True, "20200716")
    assert (first.limit_ratio, later.limit_ratio) == (None, Decimal("0.20"))
