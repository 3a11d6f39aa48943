"""Text in columns of bytes, as the CTP statement counts them: cells, rows and whole tables (spec ctp-semantics 11.3).

All text is GBK, which GB18030 contains: clients decode a statement with either. What GBK lacks becomes ``?``, a control
character a blank and a ``|`` a ``/``, so that no name can break a row. A text that is too long for its column is cut
between two characters; a number never is: its column becomes as wide as the longest one in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from ctp2.tts.money import round_div

ENCODING: Final = "gbk"
HEADER_WIDTH: Final = 100
"""Bytes of a line above the tables."""

_CENT: Final = 10_000
"""Micro-units in 0.01."""
_THOUSANDTH: Final = Decimal("0.001")
_HARMLESS: Final = {**dict.fromkeys([*range(32), 127], " "), ord("|"): "/"}

Align = Literal["left", "centre", "right"]


# ------------------------------------------------------------------ numbers
def money(micro: int) -> str:
    """Micro-units with two decimals."""
    return hundredths_text(round_div(micro, _CENT))


def hundredths_text(number: int) -> str:
    """A number of hundredths with two decimals."""
    whole, rest = divmod(abs(number), 100)
    return f"{'-' if number < 0 else ''}{whole}.{rest:02d}"


def price(value: Decimal) -> str:
    """A price with three decimals, rounded half away from zero."""
    text = f"{value.quantize(_THOUSANDTH, ROUND_HALF_UP):f}"
    return text if text != "-0.000" else "0.000"


# ------------------------------------------------------------------ cells
def encode(text: str) -> bytes:
    """A text as it stands in a statement, in one line."""
    return text.translate(_HARMLESS).encode(ENCODING, "replace")


def cut(data: bytes, width: int) -> bytes:
    """At most ``width`` bytes of GBK text, cut between two characters."""
    if len(data) <= width:
        return data
    end = 0
    while end < width:
        step = 1 if data[end] < 0x81 else 2
        if end + step > width:
            break
        end += step
    return data[:end]


def centred(data: bytes, width: int) -> bytes:
    """In the middle of ``width`` bytes, an odd blank behind it; a longer one as it is."""
    before = max(width - len(data), 0) // 2
    return (b" " * before + data).ljust(width)


def cell(text: str, width: int, align: Align) -> bytes:
    """A text, or a number that fits, in a column."""
    return text.encode(ENCODING).rjust(width) if align == "right" else _text_cell(text, width, align)


@lru_cache(maxsize=4096)
def _text_cell(text: str, width: int, align: Align) -> bytes:
    """The same few codes, names and flags stand in a column again and again."""
    data = cut(encode(text), width)
    return centred(data, width) if align == "centre" else data.ljust(width)


# ------------------------------------------------------------------ tables
class Column(NamedTuple):
    """A column: both headers, its width in bytes, and how a line of the table fills it.

    ``show`` makes the text of a line's value. ``add`` is true where the total row has the sum of all values.
    """

    chinese: str
    english: str
    width: int
    value: Callable[[Any], Any]
    show: Callable[[Any], str] = str
    align: Align = "left"
    add: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is right aligned and never cut."""
        return self.align == "right"


def rows(title: str, columns: Sequence[Column], lines: Sequence[Any]) -> Iterable[bytes]:
    """The lines of a table, from its title to the rule below its total row."""
    texts = [[column.show(column.value(line)) for column in columns] for line in lines]
    totals = [column.show(sum(map(column.value, lines))) if column.add else "" for column in columns]
    totals[0] = f"共{len(lines):4d}条"
    widths = [_width(column, [row[at] for row in (*texts, totals)]) for at, column in enumerate(columns)]
    widths[0] = max(widths[0], len(encode(totals[0])))
    rule = b"-" * (sum(widths) + len(widths) + 1)
    yield centred(encode(title), len(rule))
    yield rule
    yield _row([column.chinese for column in columns], widths, ["centre"] * len(columns))
    yield _row([column.english for column in columns], widths, ["centre"] * len(columns))
    yield rule
    aligns = [column.align for column in columns]
    for row in texts:
        yield _row(row, widths, aligns)
    yield rule
    yield _row(totals, widths, ["left", *aligns[1:]])
    yield rule


def _width(column: Column, texts: Iterable[str]) -> int:
    return max(column.width, *map(len, texts)) if column.is_number else column.width


def _row(texts: Sequence[str], widths: Sequence[int], aligns: Sequence[Align]) -> bytes:
    return b"|%b|" % b"|".join(map(cell, texts, widths, aligns))
