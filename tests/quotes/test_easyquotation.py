"""easyquotation 0.7.7 over the captured rows: where the spec says that it is right, it says what we say."""

from __future__ import annotations

import importlib
import math
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from ctp2.refdata.ticks import DBL_MAX
from tests.quotes import payloads

pytestmark = pytest.mark.foreign

#: Its names → ours; its Sina has volume and turnover the other way round (spec quotes 10.2).
_COMMON = {
    "now": "LastPrice",
    "close": "PreClosePrice",
    "open": "OpenPrice",
    "high": "HighestPrice",
    "low": "LowestPrice",
}
_LEVELS = {
    **{f"{side}{level}": f"{side.title()}Price{level}" for side in ("bid", "ask") for level in range(1, 6)},
    **{f"{side}{level}_volume": f"{side.title()}Volume{level}" for side in ("bid", "ask") for level in range(1, 6)},
}
_NAMES = {
    "sina": {**_COMMON, **_LEVELS, "turnover": "Volume", "volume": "Turnover"},
    "tencent": {**_COMMON, **_LEVELS, "volume": "Volume", "成交额(万)": "Turnover"},
}


@pytest.fixture(scope="module")
def readers() -> Iterator[dict[str, Any]]:
    """Its two parsers, without what it would fetch pages with."""
    from tools.foreign import easyquotation

    before = dict(sys.modules)
    sys.path.insert(0, str(easyquotation()))
    for name in ("requests", "easyutils", "six"):
        sys.modules.setdefault(name, types.ModuleType(name))
    try:
        found = {
            "sina": importlib.import_module("easyquotation.sina").Sina,
            "tencent": importlib.import_module("easyquotation.tencent").Tencent,
        }
        yield {name: object.__new__(reader) for name, reader in found.items()}
    finally:
        sys.path.pop(0)
        for name in set(sys.modules) - set(before):
            if name.partition(".")[0] in ("easyquotation", "requests", "easyutils", "six"):
                del sys.modules[name]


def _cases(result: str) -> list[dict[str, Any]]:
    return [
        case
        for case in payloads.expected()["cases"]
        if case["easyquotation"]["result"] == result and not case["file"].startswith("sina_ws")
    ]


def _both(case: dict[str, Any], readers: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What it says, in our names, and what we say."""
    quotes = [(key, row) for key, row in payloads.statements(case["file"]) if row]
    key, row = quotes[case["position"]]
    source = payloads.layout(case["file"])
    text = f'v_{key}="{row}";' if source == "tencent" else f'var hq_str_{key}="{row}";'
    theirs = readers[source].format_response_data([text], prefix=True)[key]
    reading = payloads.read(case["file"], key, row)
    assert reading is not None
    named = {ours: theirs[name] for name, ours in _NAMES[source].items()}
    return named, {ours: getattr(reading.field, ours) for ours in named}


def _same(theirs: float, ours: float) -> bool:
    return (theirs == 0 and ours == DBL_MAX) or math.isclose(theirs, ours, rel_tol=1e-9)


def test_it_agrees_where_it_is_right(readers: dict[str, Any]) -> None:
    cases = _cases("agrees")
    assert len(cases) >= 15
    for case in cases:
        theirs, ours = _both(case, readers)
        differing = [name for name in theirs if not _same(theirs[name], ours[name])]
        assert differing == [], (case["file"], case["key"])


def test_it_differs_only_where_the_spec_says_so(readers: dict[str, Any]) -> None:
    cases = _cases("differs")
    assert cases
    for case in cases:
        allowed = {difference["field"] for difference in case["easyquotation"]["differences"]}
        theirs, ours = _both(case, readers)
        for name in theirs:
            if not _same(theirs[name], ours[name]):
                assert name in allowed, (case["file"], case["key"], name)
