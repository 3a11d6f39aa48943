"""Statements read by a public package that is not ours: shinny-parsing, by the makers of TqSdk.

It knows the account block and four of the six tables, and one currency; tests/tts/statement_reader.py knows the rest.
"""

from __future__ import annotations

import importlib.util
import warnings
from decimal import Decimal
from typing import Any

import pytest

from ctp2.tts.settled import AccountSettled
from ctp2.tts.statement import statement
from tests.tts.settlements import ACCOUNTS, DAY, MADE_NS
from tests.tts.test_statement import COUNTS, FIGURES, NUMBERS, cents, shown
from tools import foreign

pytestmark = pytest.mark.foreign

ONE_CURRENCY = [name for name in ACCOUNTS if name != "everything"]
KNOWN = ("成交记录", "平仓明细", "持仓明细", "持仓汇总")


@pytest.fixture(scope="module")
def parse() -> Any:
    path = foreign.statement_parser()
    spec = importlib.util.spec_from_file_location("shinny_parse_settlement_infos", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its source has an escape that newer Pythons dislike
        spec.loader.exec_module(module)
    return module.parse_settlment


@pytest.mark.parametrize("name", ONE_CURRENCY)
def test_every_number_is_read_back(parse: Any, name: str) -> None:
    account: AccountSettled = ACCOUNTS[name]()
    got = parse(statement(account, DAY, MADE_NS).decode("gbk"))
    assert got["head"]["content"] == {
        "client_id": account.account_id,
        "client_name": account.name or account.account_id,
        "date": DAY,
        "broker_id": "ctp2模拟柜台",
    }
    summary = got["tables"]["资金状况"]
    (figures,) = summary["content"]
    by_name = dict(zip([label.strip() for label in summary["cols_en"]], figures, strict=True))
    assert len(by_name) == 28  # 14 rows of two
    purse = max(account.purses, key=lambda purse: purse.balance_cf)
    for label, field in FIGURES.items():
        assert Decimal(by_name[label]) == cents(getattr(purse, field)), label
    for title, (field, columns) in NUMBERS.items():
        lines = getattr(account, field)
        key = title.partition(" ")[0]
        if key in KNOWN and lines:
            compare(got["tables"][key], lines, columns)


def compare(table: dict[str, Any], lines: list[Any], columns: dict[str, str]) -> None:
    assert len(table["cols_zh"]) == len(table["cols_en"])
    assert len(table["content"]) == len(lines)
    for row, line in zip(table["content"], lines, strict=True):
        cells = dict(zip(table["cols_en"], row, strict=True))
        for label, field in columns.items():
            value = getattr(line, field)
            wanted = shown(value) if isinstance(value, Decimal) or field in COUNTS else cents(value)
            assert Decimal(cells[label]) == wanted, label
        assert cells["Instrument"] == line.code
