"""Statements for programs: nothing of an amount is lost, and what was exported can be read again."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctp2.tts.settled import AccountSettled
from ctp2.tts.statement_export import TABLES, exact, from_plain, micro_of, to_plain, to_tables
from ctp2.tts.statements import SHOWN, Statement
from tests.tts import settlements as given_by_hand
from tests.tts.settlements import ACCOUNTS, DAY, MADE_NS
from tests.tts.test_statement import accounts


def of(account: AccountSettled) -> Statement:
    return Statement(DAY, 1, MADE_NS, account)


def test_all_that_is_shown_is_exported() -> None:
    assert ("account_id", "name", *TABLES) == SHOWN


@pytest.mark.parametrize(
    ("micro", "text"),
    [(0, "0.00"), (11_410_000, "11.41"), (-1_370_000_000, "-1370.00"), (1, "0.000001"), (-2_965_200, "-2.9652")],
)
def test_amounts_are_exact(micro: int, text: str) -> None:
    assert exact(micro) == text
    assert micro_of(text) == micro


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", "0.0000001"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of money"):
        micro_of(text)


def test_json_of_the_vector() -> None:
    document = to_plain([of(given_by_hand.vector())])
    assert document["format"] == 1
    (item,) = document["statements"]
    assert (item["period"], item["number"], item["made_ns"]) == (DAY, 1, MADE_NS)
    account = item["account"]
    assert (account["account_id"], account["name"]) == ("081234", "测试客户")
    assert account["purses"][0]["balance_cf"] == "9998858.59"
    assert account["trades"][0] == {
        "exchange": "SHFE",
        "product": "ag",
        "product_name": "白银",
        "code": "ag2306",
        "hedge": "1",
        "currency": "CNY",
        "date": DAY,
        "is_buy": True,
        "price": "4942",
        "volume": 4,
        "turnover": "296520.00",
        "offset": "0",
        "fee": "2.97",
        "close_profit": "0.00",
        "premium": "0.00",
        "trade_id": 101,
    }


@pytest.mark.parametrize("name", ACCOUNTS)
def test_what_was_exported_is_read_again(name: str) -> None:
    item = of(ACCOUNTS[name]())
    assert list(from_plain(json.loads(json.dumps(to_plain([item]))))) == [item]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(accounts(), max_size=2))
def test_any_account_is_read_again(found: list[AccountSettled]) -> None:
    items = [of(account) for account in found]
    assert list(from_plain(json.loads(json.dumps(to_plain(items))))) == items


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"format": 2, "statements": []},
        {"format": 1},
        {"format": 1, "statements": [1]},
        {"format": 1, "statements": [{"period": DAY, "number": 1, "made_ns": 1, "account": {}}]},
        {
            "format": 1,
            "statements": [
                {"period": DAY, "number": 1, "made_ns": 1, "account": {"account_id": "a", "trades": [{"fee": "1"}]}}
            ],
        },
        {
            "format": 1,
            "statements": [
                {"period": DAY, "number": 1, "made_ns": 1, "account": {"account_id": "a", "purses": [{"mtm": 1.5}]}}
            ],
        },
    ],
)
def test_other_documents_are_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="not "):
        list(from_plain(document))


def test_tables() -> None:
    tables = to_tables([of(given_by_hand.vector()), of(given_by_hand.hong_kong())])
    assert list(tables) == list(TABLES)
    header, *trades = tables["trades"]
    assert header[:4] == ["period", "account_id", "exchange", "product"]
    assert len(trades) == 6
    first = dict(zip(header, trades[0], strict=True))
    assert (first["account_id"], first["code"], first["is_buy"], first["price"]) == ("081234", "ag2306", 1, "4942")
    header, *purses = tables["purses"]
    rows = [dict(zip(header, row, strict=True)) for row in purses]
    assert [(row["account_id"], row["currency"]) for row in rows] == [
        ("081234", "CNY"),
        ("hk01", "CNY"),
        ("hk01", "HKD"),
    ]
    assert (rows[0]["client_equity"], rows[0]["margin_call"]) == ("9998858.59", "0.00")
    assert sum(Decimal(row["commission"]) for row in rows) == Decimal("66.81")  # 11.41 + 55.40
    assert tables["exercises"] == [tables["exercises"][0]]  # a header and no rows
