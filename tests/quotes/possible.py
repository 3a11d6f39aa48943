"""What no record may ever hold, whatever a source sends."""

from __future__ import annotations

import math
from typing import Any

from ctp2.ctp import layout
from ctp2.quotes.numbers import AMOUNT_LIMIT, INT32_MAX, PRICE_LIMIT
from ctp2.refdata.calendar import to_date
from ctp2.refdata.ticks import DBL_MAX

_LEVELS = [(f"{side}Price{level}", f"{side}Volume{level}") for side in ("Bid", "Ask") for level in range(1, 6)]
_PRICES = (
    *("LastPrice", "PreSettlementPrice", "PreClosePrice", "OpenPrice", "HighestPrice", "LowestPrice", "ClosePrice"),
    *("SettlementPrice", "UpperLimitPrice", "LowerLimitPrice"),
    *(price for price, _ in _LEVELS),
)


def check(field: Any, *, may_be_negative: bool) -> None:
    """Fail for a record that cannot be of any market."""
    layout.check(field)
    for name in _PRICES:
        price = getattr(field, name)
        assert price == DBL_MAX or (math.isfinite(price) and abs(price) < PRICE_LIMIT and price != 0), (name, price)
        assert may_be_negative or price > 0, (name, price)
    for name in ("Volume", *(volume for _, volume in _LEVELS)):
        assert 0 <= getattr(field, name) <= INT32_MAX, name
    for price_name, volume_name in _LEVELS:
        is_left_over = price_name.endswith("2") and field.BidPrice1 == field.AskPrice1
        assert getattr(field, price_name) != DBL_MAX or getattr(field, volume_name) == 0 or is_left_over
    assert 0 <= field.Turnover < AMOUNT_LIMIT
    for name in ("AveragePrice", "OpenInterest", "PreOpenInterest"):
        value = getattr(field, name)
        assert math.isfinite(value), name
        assert value != DBL_MAX or name == "PreOpenInterest"
    to_date(field.TradingDay)
    to_date(field.ActionDay)
    hours, minutes, seconds = field.UpdateTime.split(":")
    assert (len(field.UpdateTime), int(hours) < 24, int(minutes) < 60, int(seconds) < 60) == (8, True, True, True)
    assert 0 <= field.UpdateMillisec < 1000
