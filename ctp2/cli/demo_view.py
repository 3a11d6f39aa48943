"""What the demo shows: a live board on a terminal, plain lines elsewhere, one JSON document for programs."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ctp2 import tdapi
from ctp2.cli.demo_books import Check
from ctp2.cli.messages import text

PLAIN_QUOTE_EVERY: Final = 200
"""Of the traded instrument's quotes, one in so many becomes a plain line: about one every two seconds."""


def _side(direction: str) -> str:
    return text("demo.buy" if direction == tdapi.THOST_FTDC_D_Buy else "demo.sell")


def _offset(flag: str) -> str:
    return text("demo.open" if flag == tdapi.THOST_FTDC_OF_Open else "demo.close")


def order_line(order: Any) -> str:
    """An order report in one line."""
    return text(
        "demo.order",
        time=order.UpdateTime or order.InsertTime,
        ref=order.OrderRef,
        side=_side(order.Direction),
        offset=_offset(order.CombOffsetFlag[:1]),
        volume=order.VolumeTotalOriginal,
        price=f"{order.LimitPrice:g}",
        status=order.StatusMsg or order.OrderStatus,
    )


def trade_line(trade: Any) -> str:
    """A trade in one line."""
    return text(
        "demo.trade",
        time=trade.TradeTime,
        ref=trade.OrderRef,
        side=_side(trade.Direction),
        offset=_offset(trade.OffsetFlag),
        volume=trade.Volume,
        price=f"{trade.Price:g}",
    )


class View(Protocol):
    """Receives what happens."""

    def quote(self, quote: Any) -> None:
        """A quote arrived."""

    def order(self, order: Any) -> None:
        """An order report arrived."""

    def trade(self, trade: Any) -> None:
        """A trade arrived."""


class SilentView:
    """For ``--json``: nothing until the end."""

    def quote(self, quote: Any) -> None:
        """Nothing."""

    def order(self, order: Any) -> None:
        """Nothing."""

    def trade(self, trade: Any) -> None:
        """Nothing."""


class PlainView:
    """Lines, for a pipe or a log."""

    def __init__(self, console: Console, instrument: str) -> None:
        self.console = console
        self.instrument = instrument
        self.quotes = 0

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def quote(self, quote: Any) -> None:
        """One line now and then."""
        if quote.InstrumentID != self.instrument:
            return
        if self.quotes % PLAIN_QUOTE_EVERY == 0:
            self._print(
                text(
                    "demo.quote",
                    time=quote.UpdateTime,
                    instrument=quote.InstrumentID,
                    last=f"{quote.LastPrice:g}",
                    bid=_price(quote.BidPrice1, quote.BidVolume1),
                    ask=_price(quote.AskPrice1, quote.AskVolume1),
                )
            )
        self.quotes += 1

    def order(self, order: Any) -> None:
        """A line for each report."""
        self._print(order_line(order))

    def trade(self, trade: Any) -> None:
        """A line for each trade."""
        self._print(trade_line(trade))


class BoardView:
    """A price board above the latest orders and trades, redrawn by rich."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.quotes: dict[str, Any] = {}
        self.lines: deque[Text] = deque(maxlen=12)

    def quote(self, quote: Any) -> None:
        """The board's next state; drawing happens at the display's own pace."""
        self.quotes[quote.InstrumentID] = quote

    def order(self, order: Any) -> None:
        """A line below the board."""
        self.lines.append(Text(order_line(order), style="dim"))

    def trade(self, trade: Any) -> None:
        """A line below the board, in the side's colour (red buys, as Chinese screens have it)."""
        colour = "red" if trade.Direction == tdapi.THOST_FTDC_D_Buy else "green"
        self.lines.append(Text(trade_line(trade), style=colour))

    def __rich__(self) -> Panel:
        board = Table(expand=True)
        for column in ("instrument", "time", "last", "bid", "ask", "volume"):
            board.add_column(text(f"demo.{column}"), justify="left" if column == "instrument" else "right")
        for instrument, quote in sorted(self.quotes.items()):
            rise = quote.LastPrice - quote.PreSettlementPrice
            colour = "red" if rise >= 0 else "green"
            board.add_row(
                instrument,
                f"{quote.UpdateTime}.{quote.UpdateMillisec // 100}",
                f"[{colour}]{quote.LastPrice:.2f}[/{colour}]",
                _price(quote.BidPrice1, quote.BidVolume1),
                _price(quote.AskPrice1, quote.AskVolume1),
                f"{quote.Volume:,}",
            )
        return Panel(Group(board, *self.lines), title=self.title)


def _price(price: float, volume: int) -> str:
    return f"{price:.2f} × {volume}" if volume else "–"


@contextmanager
def open_view(console: Console, as_json: bool, instrument: str, title: str) -> Iterator[View]:
    """The view that fits where the output goes."""
    if as_json:
        yield SilentView()
    elif console.is_terminal:
        board = BoardView(title)
        with Live(board, console=console, refresh_per_second=10):
            yield board
    else:
        console.print(title, markup=False, highlight=False)
        yield PlainView(console, instrument)


def show_result(console: Console, account: Any, positions: Sequence[Any], checks: Sequence[Check]) -> None:
    """The final account, the positions, and what was checked."""
    money = Table(title=text("demo.account"), title_justify="left", show_header=False)
    for name in ("PreBalance", "CloseProfit", "PositionProfit", "Commission", "Balance", "CurrMargin", "Available"):
        money.add_row(name, f"{getattr(account, name):,.2f}")
    console.print(money)
    held = Table(title=text("demo.positions"), title_justify="left")
    for column in ("instrument", "lots", "cost", "margin", "profit"):
        held.add_column(text(f"demo.{column}"), justify="left" if column == "instrument" else "right")
    for row in positions:
        side = text("demo.long" if row.PosiDirection == tdapi.THOST_FTDC_PD_Long else "demo.short")
        held.add_row(
            f"{row.InstrumentID} {side}",
            f"{row.Position}",
            f"{row.OpenCost:,.2f}",
            f"{row.UseMargin:,.2f}",
            f"{row.PositionProfit:,.2f}",
        )
    console.print(held if positions else text("demo.no_positions"))
    table = Table(title=text("demo.checks"), title_justify="left")
    table.add_column("")
    table.add_column(text("demo.expected"), justify="right")
    table.add_column(text("demo.found"), justify="right")
    table.add_column("")
    for check in checks:
        mark = "[green]✓[/green]" if check.passed else "[red]✗[/red]"
        table.add_row(text(f"check.{check.name}"), _expected(check), f"{check.found:,.2f}", mark)
    console.print(table)


def _expected(check: Check) -> str:
    return f"{'≥ ' if check.at_least else ''}{check.expected:,.2f}"


def print_json(
    console: Console, account: Any, positions: Sequence[Any], checks: Sequence[Check], trades: Sequence[Any]
) -> None:
    """The same for programs."""
    names = ("PreBalance", "CloseProfit", "PositionProfit", "Commission", "Balance", "CurrMargin", "Available")
    document = {
        "passed": all(check.passed for check in checks),
        "account": {name: getattr(account, name) for name in names},
        "positions": [
            {
                "InstrumentID": row.InstrumentID,
                "PosiDirection": row.PosiDirection,
                "Position": row.Position,
                "OpenCost": row.OpenCost,
                "UseMargin": row.UseMargin,
                "PositionProfit": row.PositionProfit,
            }
            for row in positions
        ],
        "trades": [
            {
                "Time": t.TradeTime,
                "Direction": t.Direction,
                "OffsetFlag": t.OffsetFlag,
                "Price": t.Price,
                "Volume": t.Volume,
            }
            for t in trades
        ],
        "checks": [{"name": c.name, "expected": c.expected, "found": c.found, "passed": c.passed} for c in checks],
    }
    console.file.write(json.dumps(document, ensure_ascii=False) + "\n")
