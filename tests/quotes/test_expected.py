"""Every captured row of ../shared/data/quotes becomes the record that expected.json gives for it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ctp2.refdata.ticks import DBL_MAX
from tests.quotes import payloads


def _cases() -> list[Any]:
    from tests.shared_data import SHARED

    if not (SHARED / "data" / "quotes").is_dir():
        return [pytest.param(None, id="no-shared-data")]
    return [
        pytest.param(case, id=f"{case['file']}-{case['key']}-{case['position']}")
        for case in payloads.expected()["cases"]
    ]


def _differences(got: dict[str, Any], wanted: dict[str, Any], path: str = "") -> list[str]:
    found = []
    for name, value in wanted.items():
        mine = got[name]
        if name in ("Bid", "Ask"):
            for level, (pair, other) in enumerate(zip(mine, value, strict=True), 1):
                found += (
                    [] if _same(name, pair[0], other[0]) and pair[1] == other[1] else [f"{name}{level} {pair} {other}"]
                )
        elif not _same(name, mine, value):
            found.append(f"{path}{name}: {mine!r}, expected {value!r}")
    return found


def _same(name: str, mine: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and isinstance(mine, float):
        return math.isclose(mine, wanted, rel_tol=1e-6 if name == "AveragePrice" else 1e-9)
    return bool(mine == wanted)


@pytest.mark.parametrize("case", _cases())
def test_a_captured_row_becomes_the_record(case: dict[str, Any] | None) -> None:
    if case is None:
        payloads.expected()
        return
    quotes = [(key, row) for key, row in payloads.statements(case["file"]) if row]
    key, row = quotes[case["position"]]
    assert key == case["key"]
    reading = payloads.read(case["file"], key, row)
    assert reading is not None
    assert _differences(payloads.shown(reading.field), case["ctp"]) == []
    others = ("PreDelta", "CurrDelta", "BandingUpperPrice", "BandingLowerPrice")
    assert [getattr(reading.field, name) for name in others] == [DBL_MAX] * 4
