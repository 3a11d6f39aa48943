"""The captured replies of ../shared/data/quotes, and what CTP record each row is to become."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from ctp2.quotes import sources, symbols, translate
from ctp2.quotes.sources import Reply, sina, sina_push, tencent
from ctp2.quotes.symbols import Symbol
from ctp2.quotes.translate import Reading
from ctp2.refdata.ticks import DBL_MAX
from tests.shared_data import shared

TODAY = "20260930"


@cache
def expected() -> Any:
    return json.loads(shared("data", "quotes", "expected.json").read_text(encoding="utf-8"))


@cache
def index() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shared("data", "quotes", "index.json").read_text(encoding="utf-8"))[
        "files"
    ]
    return found


def body(file: str) -> bytes:
    return shared("data", "quotes", file).read_bytes()


def parse(file: str, content: bytes) -> Reply:
    text = sources.decoded(content)
    if file.startswith("tencent"):
        return tencent.parse(text)
    return sina_push.parse(text) if file.startswith("sina_ws") else sina.parse(text)


def statements(file: str) -> list[tuple[str, str]]:
    """Every row of a file in its order, also those with an equal key (some files hold several captures)."""
    found: list[tuple[str, str]] = []
    text = sources.decoded(body(file))
    pieces = text.replace("; v_", ";\nv_").split("\n")
    for piece in pieces:
        found += parse(file, piece.encode()).rows.items()
    return found


def layout(file: str) -> sources.Layout:
    return "tencent" if file.startswith("tencent") else "sina"


def symbol_of(key: str) -> Symbol:
    found = symbols.native(key, TODAY)
    assert found is not None, key
    return found


def read(file: str, key: str, row: str) -> Reading | None:
    return translate.tick_to_ctp(layout(file), symbol_of(key), row)


def shown(field: Any) -> dict[str, Any]:
    """A record as expected.json writes it."""

    def value(name: str) -> Any:
        found = getattr(field, name)
        return None if found == DBL_MAX else found

    names = (
        *("TradingDay", "ActionDay", "UpdateTime", "UpdateMillisec", "ExchangeID", "LastPrice", "PreClosePrice"),
        *("PreSettlementPrice", "PreOpenInterest", "OpenPrice", "HighestPrice", "LowestPrice", "Volume", "Turnover"),
        *("OpenInterest", "ClosePrice", "SettlementPrice", "UpperLimitPrice", "LowerLimitPrice", "AveragePrice"),
    )
    found = {name: value(name) for name in names}
    found["InstrumentID"] = field.ExchangeInstID
    for side in ("Bid", "Ask"):
        found[side] = [[value(f"{side}Price{level}"), value(f"{side}Volume{level}")] for level in range(1, 6)]
    return found
