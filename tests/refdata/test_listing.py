"""``universe_for``: what a counter lists, lazily; dated changes of single contracts."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from ctp2.refdata.changes import changed_fields
from ctp2.refdata.instruments import instrument_for, make_future
from ctp2.refdata.listing import MARKETS, universe_for
from ctp2.refdata.loader import Universe

TODAY = "20261123"

# market → instruments on 2026-11-23
COUNTS = [
    ("futures", 887),
    ("options", 27518),
    ("etf_options", 648),
    ("securities", 1861),
    ("shares", 5764),
    ("all_securities", 27422),
    ("hk", 3153),
    ("us", 546),
    ("cme", 354),
    ("special", None),
]


@pytest.mark.parametrize(("market", "count"), COUNTS)
def test_markets(market: str, count: int | None) -> None:
    universe = universe_for(TODAY, [market])
    assert count in (None, len(universe))
    for made in universe:
        assert instrument_for(made.code, made.exchange, TODAY) == made
        if market in ("futures", "options", "etf_options", "cme"):
            assert made.is_trading
            assert made.expire_date >= TODAY


def test_all_markets_are_counted_here() -> None:
    assert [market for market, _ in COUNTS] == list(MARKETS)


def test_default_universe() -> None:
    universe = universe_for(TODAY)
    assert Counter(item.product_class for item in universe) == Counter(
        future=887, option=28166, stock=816, fund=659, bond=386
    )
    assert {item.exchange for item in universe} == {
        "SHFE",
        "INE",
        "DCE",
        "CZCE",
        "CFFEX",
        "GFEX",
        "SSE",
        "SZSE",
        "BSE",
    }


def test_unknown_market() -> None:
    with pytest.raises(ValueError, match="unknown market 'moon'; known: futures, options, "):
        universe_for(TODAY, ["moon"])


def test_nothing_is_listed_before_somebody_looks() -> None:
    calls: list[str] = []

    def listing(day: str) -> list[object]:
        calls.append(day)
        return []

    universe = Universe(TODAY, listings=[listing])  # type: ignore[list-item]
    future = universe.resolve("IF2612")
    assert universe.resolve("IF2612") is future
    assert universe.get("CFFEX", "IF2612") is future
    assert calls == []
    assert universe.get("CFFEX", "IC2612") is None
    assert len(universe) == 1
    assert calls == [TODAY]


def test_what_was_added_before_stays_and_keeps_its_place_in_the_list() -> None:
    universe = universe_for(TODAY, ["futures"])
    changed = replace(make_future("rb", 2027, 1, TODAY), max_limit_volume=7)
    universe.add(changed)
    option = universe.resolve("cu2701C80000")
    assert universe.get("SHFE", "rb2701") is changed
    codes = [item.code for item in universe]
    assert codes[0] == "cu2612"
    assert codes[-1] == "cu2701C80000"
    assert codes.count("rb2701") == 1
    assert universe.find("cu2701C80000") == [option]
    assert universe.find("rb2701") == [changed]
    assert len(universe) == 888


def test_suspended_and_later_products_are_not_listed() -> None:
    assert "LR" not in {item.product for item in universe_for(TODAY, ["futures"])}
    assert "bz" not in {item.product for item in universe_for("20250707", ["futures"])}
    assert "bz" in {item.product for item in universe_for("20250708", ["futures"])}


def test_importing_the_loader_reads_no_data_and_no_other_kinds() -> None:
    code = (
        "import sys; from ctp2.refdata.loader import Universe; u = Universe('20210104');"
        "[u.resolve(c) for c in ('IF2101', '600519', '688293')];"
        "print(sorted(m for m in sys.modules if m.startswith('ctp2.refdata.')))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    for name in ("options", "combinations", "overseas", "cme", "listing", "userfiles", "sessions", "codes"):
        assert f"ctp2.refdata.{name}'" not in out


# exchange, product, month, day → what is different
CHANGES = [
    ("DCE", "eb", (2026, 4), "20260309", {}),
    ("DCE", "eb", (2026, 4), "20260310", {"min_limit_volume": 8}),
    ("DCE", "eb", (2026, 6), "20260601", {"min_limit_volume": 8}),
    ("DCE", "eb", (2026, 7), "20260601", {}),
    ("DCE", "bz", (2026, 5), "20260410", {"min_limit_volume": 4}),
    ("CZCE", "MA", (2026, 5), "20260410", {"min_limit_volume": 8}),
    ("CZCE", "SH", (2026, 5), "20260410", {"min_limit_volume": 4}),
    ("INE", "ec", (2026, 6), "20260510", {"price_tick": Decimal("0.1")}),
    ("INE", "ec", (2026, 6), "20260511", {}),
    ("GFEX", "lc", (2025, 1), "20241217", {"price_tick": Decimal(50)}),
    ("GFEX", "lc", (2025, 1), "20241218", {}),
    ("SHFE", "rb", (2027, 1), TODAY, {}),
]


@pytest.mark.parametrize(("exchange", "product", "month", "day", "expected"), CHANGES)
def test_changes(
    exchange: str, product: str, month: tuple[int, int], day: str, expected: dict[str, Decimal | int]
) -> None:
    assert changed_fields(exchange, product, *month, day) == expected
    made = make_future(product, *month, day)
    assert {name: getattr(made, name) for name in expected} == expected
    assert made.tick_units == int(made.price_tick * made.price_scale)
