"""A reader of statements, written from the layout in spec 11.3 alone: titles, colon labels and rows beginning with |.

It knows neither the program that writes them nor a column's width. One title, 交割明细, is not in the specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

TITLES = (
    "出入金明细 Deposit/Withdrawal",
    "成交记录 Transaction Record",
    "行权明细 Exercise Statement",
    "交割明细 Delivery Statement",
    "平仓明细 Position Closed",
    "持仓明细 Positions Detail",
    "持仓汇总 Positions",
)
# 期初结存 Balance b/f：  10000000.00: Chinese (with blanks inside), English, either colon, a number, maybe per cent.
FIGURE = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fff ]* ([A-Z][A-Za-z/.() ]*)[：:] *(-?[0-9]+\.[0-9]{2})(%?)")


@dataclass
class Section:
    """A table: its header in two languages, its rows, its total row."""

    chinese: list[str]
    english: list[str]
    rows: list[list[str]]
    total: list[str]

    def column(self, english: str) -> list[str]:
        """A column by its English name."""
        return [row[self.english.index(english)] for row in self.rows]

    def numbers(self, english: str) -> list[Decimal]:
        """The same as numbers."""
        return [Decimal(text) for text in self.column(english)]

    def sum(self, english: str) -> Decimal:
        """What the total row says of a column."""
        return Decimal(self.total[self.english.index(english)])


@dataclass
class Block:
    """An account in one currency."""

    account_id: str
    currency: str
    figures: dict[str, Decimal] = field(default_factory=dict)
    tables: dict[str, Section] = field(default_factory=dict)


@dataclass
class Read:
    """A whole statement."""

    broker: str
    created: str
    client_id: str
    client_name: str
    date: str
    blocks: list[Block]


def read(text: str) -> Read:
    """Take a statement apart."""
    lines = [line.strip() for line in text.split("\r\n")]
    client = re.fullmatch(r"客户号 Client ID： *(.*?) +客户名称 Client Name：(.*)", _only(lines, "客户号"))
    assert client is not None
    blocks: list[Block] = []
    section: list[list[str]] = []
    for line in lines:
        if line.startswith("资金状况"):
            account = re.fullmatch(r".*AccountID：(.*) Currency：([A-Z]{3})", line)
            assert account is not None
            blocks.append(Block(account[1], account[2]))
        elif line in TITLES:
            section = []
            blocks[-1].tables[line] = Section([], [], section, [])
        elif line.startswith("|"):
            section.append([cell.strip() for cell in line[1:-1].split("|")])
        else:
            for name, number, percent in FIGURE.findall(line):
                assert bool(percent) == (name == "Risk Degree"), line
                blocks[-1].figures[name] = Decimal(number)
    for block in blocks:
        for title, table in block.tables.items():
            block.tables[title] = _whole(table.rows)
    return Read(
        broker=lines[0],
        created=_only(lines, "制表时间").partition("：")[2],
        client_id=client[1],
        client_name=client[2],
        date=_only(lines, "日期").partition("：")[2],
        blocks=blocks,
    )


def _only(lines: list[str], start: str) -> str:
    return next(line for line in lines if line.startswith(start))


def _whole(rows: list[list[str]]) -> Section:
    chinese, english, *details, total = rows
    assert {len(row) for row in rows} == {len(english)}
    assert re.fullmatch(r"共 *[0-9]+条", total[0])
    assert int(total[0][1:-1]) == len(details)
    return Section(chinese, english, details, total)
