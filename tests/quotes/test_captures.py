"""All captured files: rows that give no tick, rows of both sources side by side, and every other row read."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest

from ctp2.quotes.numbers import Damaged
from ctp2.refdata.ticks import DBL_MAX
from tests.quotes import payloads

#: Rows that give no record: file, key, and how that is noticed.
NO_TICK = [
    ("tencent_cn_bond.txt", "sh113050", "none"),
    ("sina_cn_no_trade.txt", "sz160923", "none"),
    ("sina_missing.txt", "sh999999", "none"),
    ("sina_missing.txt", "nf_WH0", "none"),
    ("sina_us_batch_raw.txt", "gb_brk.b", "no symbol"),
    ("sina_us_batch_raw.txt", "gb_brkb", "none"),
    ("sina_fut_legacy.txt", "CFF_RE_IF1307", "damaged"),
]
NEVER_QUOTES = ("s_", "int_")


@pytest.mark.parametrize(("file", "key", "how"), NO_TICK)
def test_rows_without_a_tick(file: str, key: str, how: str) -> None:
    row = dict(payloads.statements(file))[key]
    if how == "no symbol":
        from ctp2.quotes import symbols

        assert symbols.native(key, payloads.TODAY) is None
    elif how == "damaged":
        with pytest.raises(Damaged):
            payloads.read(file, key, row)
    else:
        assert payloads.read(file, key, row) is None


def test_the_shifted_row_comes_without_its_book() -> None:
    ((key, row),) = payloads.statements("sina_cn_shifted_row.txt")
    reading = payloads.read("sina_cn_shifted_row.txt", key, row)
    assert reading is not None
    assert reading.field.PreClosePrice == 8.375
    assert reading.field.BidPrice1 == reading.field.AskPrice1 == DBL_MAX
    assert reading.field.BidVolume1 == reading.field.BidVolume5 == 0


def test_the_older_shape_of_commodities_has_prices_and_no_average() -> None:
    row = dict(payloads.statements("sina_fut_legacy.txt"))["nf_SC0"]
    reading = payloads.read("sina_fut_legacy.txt", "nf_SC0", row)
    assert reading is not None
    assert (reading.field.LastPrice, reading.field.AveragePrice, reading.field.Turnover) == (514.4, 0.0, 0.0)


def test_short_forms_of_sina_are_no_instruments_of_ours() -> None:
    from ctp2.quotes import symbols

    for file in ("sina_cn_short_form.txt", "sina_int_indices_stale_raw.txt"):
        for key, _ in payloads.statements(file):
            assert key.startswith(NEVER_QUOTES)
            assert symbols.native(key, payloads.TODAY) is None


def test_short_forms_of_tencent_mean_throttling() -> None:
    reply = payloads.parse("tencent_short_form.txt", payloads.body("tencent_short_form.txt"))
    assert reply.is_throttled
    assert not reply.rows


def test_every_row_of_every_file_is_read_or_known_not_to_be() -> None:
    known = {(file, key) for file, key, _ in NO_TICK}
    read = 0
    for entry in payloads.index():
        file = entry["file"]
        assert hashlib.sha256(payloads.body(file)).hexdigest() == entry["sha256"], file
        for key, row in payloads.statements(file):
            if (file, key) in known or key.startswith(NEVER_QUOTES) or key == "gb_brk.b":
                continue
            reading = payloads.read(file, key, row)
            assert reading is not None, (file, key)
            assert reading.field.PreClosePrice != DBL_MAX or reading.field.PreSettlementPrice != DBL_MAX
            # A captured row is of one unit: none is corrected.
            assert reading.remark == "" or file in ("sina_cn_bond.txt", "sina_cn_shifted_row.txt")
            read += 1
    assert read == 197


def _pair(number: int) -> list[Any]:
    pair = payloads.expected()["cross_source_pairs"][number]
    found = []
    for file, key in (pair["a"], pair["b"]):
        row = dict(payloads.statements(file))[key]
        reading = payloads.read(file, key, row)
        assert reading is not None
        found.append(reading.field)
    return found


def test_both_sources_agree_on_a_share_at_its_limit() -> None:
    ours, theirs = _pair(0)
    prices = [f"{side}Price{level}" for side in ("Bid", "Ask") for level in range(1, 6)]
    names = ["LastPrice", "OpenPrice", "HighestPrice", "LowestPrice", "PreClosePrice", "Turnover", *prices]
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]
    for name in ["Volume", *(f"BidVolume{level}" for level in range(1, 6))]:
        assert abs(getattr(ours, name) - getattr(theirs, name)) < 50
    assert ours.AskPrice1 == DBL_MAX


def test_both_sources_agree_on_a_hong_kong_share() -> None:
    ours, theirs = _pair(1)
    names = (
        *("LastPrice", "OpenPrice", "HighestPrice", "LowestPrice", "PreClosePrice", "Volume", "Turnover"),
        *("ActionDay", "UpdateTime"),
    )
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]
    assert (ours.BidPrice1, ours.AskPrice1) == (418.8, 419.0)
    assert (theirs.BidPrice1, theirs.AskPrice1) == (DBL_MAX, DBL_MAX)


@pytest.mark.parametrize(("number", "last"), [(2, (309.26, 309.0)), (3, (313.39, 313.39))])
def test_both_sources_agree_on_a_us_share(number: int, last: tuple[float, float]) -> None:
    ours, theirs = _pair(number)
    assert (ours.LastPrice, theirs.LastPrice) == last
    assert ours.OpenPrice == theirs.OpenPrice
    assert ours.PreClosePrice == theirs.PreClosePrice
    assert math.isclose(ours.HighestPrice, theirs.HighestPrice, abs_tol=0.011)
