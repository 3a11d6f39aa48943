"""Combinations of DCE and CZCE; agreement with the 885 of 2020-06-16."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.table import DATA_DIR, rows

TODAY = "20261123"

# code → exchange, product, sides of the legs, last trading day
COMBINATIONS = [
    ("SP a2701&a2703", "DCE", "SP a&a", ["buy", "sell"], "20270114"),
    ("SPC y2705&p2705", "DCE", "SPC y&p", ["buy", "sell"], "20270514"),
    ("SPD SR701&SR705", "CZCE", "SPD SR&SR", ["buy", "sell"], "20270114"),
    ("IPS SF701&SM701", "CZCE", "IPS SF&SM", ["buy", "sell"], "20270114"),
    ("STD m2701-C-3000&m2701-P-3000", "DCE", "STD m_o&m_o", ["buy", "buy"], "20261216"),
    ("STG SR701C6000&SR701P5800", "CZCE", "STG SRC&SRP", ["buy", "buy"], "20261211"),
]


@pytest.mark.parametrize(("code", "exchange", "product", "sides", "expiry"), COMBINATIONS)
def test_combinations(code: str, exchange: str, product: str, sides: list[str], expiry: str) -> None:
    for hint in ("", exchange):
        made = instrument_for(code, hint, TODAY)
        assert made is not None
        assert (made.exchange, made.code, made.product) == (exchange, code, product)
        assert (made.product_class, made.combination_type) == ("combination", code.split()[0])
        assert (made.expire_date, made.limit_ratio, made.max_market_volume) == (expiry, None, 0)
        assert [leg.side for leg in made.legs] == sides
        assert [leg.code for leg in made.legs] == code.split()[1].split("&")
        assert all(leg.multiple == 1 for leg in made.legs)


NONE = [
    "SP a2701&m2701",  # two products
    "SPC a2701&a2703",  # one product
    "SP SR701&SR703",  # DCE's kind
    "SPD a2701&a2703",  # CZCE's
    "SP a2701&a2701",
    "SP a2701&zz2703",
    "SP a2701",
    "SP  a2701&a2703",
    "XX a2701&a2703",
    "STD m2701-C-3000&m2701-P-3100",
    "STG m2701-C-3000&m2701-P-3000",
    "STD m2701-C-3000&m2701-C-3100",
    "STD m2701-C-3000&m2703-P-3000",
    "SP m2701-C-3000&m2701-P-3000",
    "SPD cu2701&cu2702",
]


@pytest.mark.parametrize("code", NONE)
def test_no_combinations(code: str) -> None:
    assert instrument_for(code, "", TODAY) is None


def test_every_combination_of_2020_is_understood() -> None:
    """All 885: product, multiplier, tick and maximum; the leg that expires first ends it."""
    count = 0
    names = ["ExchangeID", "InstrumentID", "ProductClass", "ProductID", "VolumeMultiple", "PriceTick"]
    for row in rows(DATA_DIR / "cn_futures_options_20200616.csv.gz", [*names, "MaxLimitOrderVolume"]):
        if row.text("ProductClass") == "3":
            made = instrument_for(row.text("InstrumentID"), row.text("ExchangeID"), "20200616")
            assert made is not None, row.text("InstrumentID")
            assert (made.code, made.product) == (row.text("InstrumentID"), row.text("ProductID"))
            assert (made.multiplier, made.price_tick) == (row.integer("VolumeMultiple"), Decimal(row.text("PriceTick")))
            assert made.max_limit_volume == row.integer("MaxLimitOrderVolume")
            count += 1
    assert count == 885
