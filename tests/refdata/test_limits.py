"""Daily price limits (reference-data 5)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ctp2.refdata.instruments import instrument_for, load_special
from ctp2.refdata.limits import daily_limits

# code, exchange, day, previous settlement, previous close → upper, lower
CASES = [
    ("IF2101", "CFFEX", "20210104", "5216.2", "5227", "5737.8", "4694.6"),  # inward; as recorded
    ("600519", "SSE", "20230207", "1795", "1795", "1974.5", "1615.5"),
    ("688293", "SSE", "20230323", "112.3", "112.3", "134.76", "89.84"),  # as recorded
    ("127080", "SZSE", "20230619", "168.998", "168.998", "202.798", "135.198"),  # as recorded
    ("600000", "SSE", "20230207", "", "7.25", "7.98", "6.53"),  # 7.975 and 6.525: half up
    ("rb2612", "SHFE", "20261123", "3151", "", "3308", "2994"),  # 3308.55 and 2993.45: inward
    ("rb2612", "SHFE", "20261123", "", "3151", "", ""),  # no settlement price
    ("TEST", "SHFE", "20261123", "100", "", "10000", "1"),  # fixed
    ("000001", "SSE", "20261123", "3000", "3000", "", ""),  # an index
    ("019547", "SSE", "20261123", "100", "100", "", ""),  # a government bond
]


def price(text: str) -> Decimal | None:
    return Decimal(text) if text else None


@pytest.mark.parametrize(("code", "exchange", "day", "settlement", "close", "upper", "lower"), CASES)
def test_daily_limits(code: str, exchange: str, day: str, settlement: str, close: str, upper: str, lower: str) -> None:
    instrument = instrument_for(code, exchange, day)
    assert instrument is not None
    assert daily_limits(instrument, price(settlement), price(close)) == (price(upper), price(lower))


def test_negative_reference_price_keeps_upper_above_lower() -> None:
    btc = next(item for item in load_special(include_disabled=True) if item.code == "BTC")
    assert daily_limits(btc, Decimal(-100)) == (Decimal(-50), Decimal(-150))
