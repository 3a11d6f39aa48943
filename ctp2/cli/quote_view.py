"""The price board of ``ctp2 quote``: a table that redraws, five levels of one instrument, and the last news."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ctp2.cli.messages import text
from ctp2.refdata.ticks import DBL_MAX

_COLUMNS: Final = (
    ("code", "left"),
    ("name", "left"),
    ("last", "right"),
    ("change", "right"),
    ("bid", "right"),
    ("bid_volume", "right"),
    ("ask", "right"),
    ("ask_volume", "right"),
    ("high", "right"),
    ("low", "right"),
    ("volume", "right"),
    ("turnover", "right"),
    ("time", "right"),
)
_DISPENSABLE: Final = ("low", "high", "turnover", "ask_volume", "bid_volume", "volume", "name", "ask", "bid")
"""What is left out, one after the other, where the screen is too narrow: half a figure is worse than none."""
_NEWS: Final = 5
_REFRESH: Final = 4
_WIDEST: Final = 1000
_HUNDRED_MILLION: Final = 1e8


class Board:
    """Codes in the order in which they were asked for."""

    def __init__(self, codes: list[str], depth: str, source: str) -> None:
        self._codes = list(dict.fromkeys(codes))
        self._depth = depth
        self._fields: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._news: list[str] = [text("quote.waiting", address=source)]
        self._console = Console()
        self._live = Live(self.render(), console=self._console, refresh_per_second=_REFRESH)
        self._is_changed = True

    def __enter__(self) -> Board:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update(self.render())
        self._live.stop()
        if not self._console.is_terminal:
            self._console.line()

    def tick(self, field: Any, name: str) -> None:
        """A tick."""
        self._fields[field.InstrumentID] = field
        self._names[field.InstrumentID] = name
        self._is_changed = True

    def tell(self, line: str) -> None:
        """A line below the table; the last few are kept."""
        self._news = [*self._news, line][-_NEWS:]
        self._is_changed = True

    def refuse(self, code: str, error: int, message: str) -> None:
        """There is no quote of a code."""
        self.tell(text("quote.refused", code=code, error=error, message=message))

    def refresh(self) -> None:
        """Redraw if something changed."""
        if self._is_changed:
            self._is_changed = False
            self._live.update(self.render())

    def render(self) -> Group:
        """What is on the screen."""
        rows = [self._row(code) for code in self._codes]
        parts: list[Any] = [self._fitting(rows)]
        if self._depth in self._fields:
            parts.append(self._levels(self._fields[self._depth]))
        # The first line is "waiting" and means nothing once something came.
        parts += [Text(line, style="dim") for line in (self._news[1:] if self._fields else self._news)]
        return Group(*parts)

    def _fitting(self, rows: list[list[Text]]) -> Table:
        """The table, with as many columns as there is room for."""
        console = self._console
        for left_out in range(len(_DISPENSABLE) + 1):
            table = _table(rows, _DISPENSABLE[:left_out])
            if Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum <= console.width:
                break
        return table

    def _row(self, code: str) -> list[Text]:
        field = self._fields.get(code)
        if field is None:
            return [Text(code), *[Text("")] * (len(_COLUMNS) - 1)]
        base = field.PreSettlementPrice if field.PreSettlementPrice != DBL_MAX else field.PreClosePrice
        style = _style(field.LastPrice, base)
        return [
            Text(code),
            Text(self._names.get(code, "")),
            Text(price(field.LastPrice), style=style),
            Text(change(field.LastPrice, base), style=style),
            Text(price(field.BidPrice1)),
            Text(size(field.BidVolume1)),
            Text(price(field.AskPrice1)),
            Text(size(field.AskVolume1)),
            Text(price(field.HighestPrice)),
            Text(price(field.LowestPrice)),
            Text(size(field.Volume)),
            Text(amount(field.Turnover)),
            Text(field.UpdateTime),
        ]

    def _levels(self, field: Any) -> Table:
        table = Table(title=text("quote.depth", code=field.InstrumentID), box=None, title_justify="left")
        for side in ("left", "right", "right"):
            table.add_column(justify="right" if side == "right" else "left")
        for name, side, order in (("ask", "Ask", range(5, 0, -1)), ("bid", "Bid", range(1, 6))):
            for level in order:
                values = getattr(field, f"{side}Price{level}"), getattr(field, f"{side}Volume{level}")
                table.add_row(text(f"quote.{name}", level=level), price(values[0]), size(values[1]))
        return table


def _table(rows: list[list[Text]], left_out: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    shown = [number for number, (name, _) in enumerate(_COLUMNS) if name not in left_out]
    for name, side in (_COLUMNS[number] for number in shown):
        table.add_column(text(f"quote.column.{name}"), justify="right" if side == "right" else "left", no_wrap=True)
    for row in rows:
        table.add_row(*[row[number] for number in shown])
    return table


def price(value: float) -> str:
    """A price without the zeros behind it; ``-`` when there is none."""
    return "-" if value == DBL_MAX else f"{value:.4f}".rstrip("0").rstrip(".")


def change(last: float, base: float) -> str:
    """Percent against the previous settlement or close."""
    return "" if DBL_MAX in (last, base) or not base else f"{(last - base) / abs(base):+.2%}"


def size(value: int) -> str:
    """A size; nothing for 0."""
    return f"{value:,}" if value else ""


def amount(value: float) -> str:
    """A turnover in hundreds of millions where it is that large."""
    if not value:
        return ""
    return f"{value / _HUNDRED_MILLION:,.2f}e8" if value >= _HUNDRED_MILLION else f"{value:,.0f}"


def _style(last: float, base: float) -> str:
    """Red is up and green is down, as on every board in China."""
    if DBL_MAX in (last, base) or last == base:
        return ""
    return "red" if last > base else "green"
