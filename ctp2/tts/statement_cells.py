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
def clean(text: str) -> str:
    """A text as it stands in a statement: in one line, and nothing that GBK lacks."""
    return text.translate(_HARMLESS).encode(ENCODING, "replace").decode(ENCODING)


def width_of(text: str) -> int:
    """Bytes of a text that is clean."""
    return len(text) if text.isascii() else len(text.encode(ENCODING))


def cut(text: str, width: int) -> str:
    """At most ``width`` bytes of a clean text: GBK has one byte for ASCII and two for everything else."""
    for end, char in enumerate(text):
        width -= 1 if char.isascii() else 2
        if width < 0:
            return text[:end]
    return text


def centred(text: str, width: int) -> str:
    """In the middle of ``width`` bytes, an odd blank behind it; a longer one as it is."""
    blanks = max(width - width_of(text), 0)
    return f"{' ' * (blanks // 2)}{text}{' ' * (blanks - blanks // 2)}"


def pushed(text: str, width: int) -> str:
    """At the right end of ``width`` bytes."""
    return " " * (width - width_of(text)) + text


@lru_cache(maxsize=4096)
def cell(text: str, width: int, align: Align) -> str:
    """A text in a column. The same few codes, names and flags stand there again and again."""
    shown = cut(clean(text), width)
    return centred(shown, width) if align == "centre" else shown + " " * (width - width_of(shown))


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


def rows(title: str, columns: Sequence[Column], lines: Sequence[Any]) -> Iterable[str]:
    """The lines of a table, from its title to the rule below its total row."""
    texts = [[column.show(column.value(line)) for column in columns] for line in lines]
    totals = [column.show(sum(map(column.value, lines))) if column.add else "" for column in columns]
    totals[0] = f"共{len(lines):4d}条"
    widths = [_width(column, [row[at] for row in (*texts, totals)]) for at, column in enumerate(columns)]
    widths[0] = max(widths[0], width_of(totals[0]))
    rule = "-" * (sum(widths) + len(widths) + 1)
    headers: list[Align] = ["centre"] * len(columns)
    aligns = [column.align for column in columns]
    yield centred(title, len(rule))
    yield rule
    yield _row([column.chinese for column in columns], widths, headers)
    yield _row([column.english for column in columns], widths, headers)
    yield rule
    for row in texts:
        yield _row(row, widths, aligns)
    yield rule
    yield _row(totals, widths, ["left", *aligns[1:]])
    yield rule


def _width(column: Column, texts: Iterable[str]) -> int:
    return max(column.width, *map(len, texts)) if column.is_number else column.width


def _row(texts: Sequence[str], widths: Sequence[int], aligns: Sequence[Align]) -> str:
    cells = [
        text.rjust(width) if align == "right" else cell(text, width, align)
        for text, width, align in zip(texts, widths, aligns, strict=True)
    ]
    return f"|{'|'.join(cells)}|"
