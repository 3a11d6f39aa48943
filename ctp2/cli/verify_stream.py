"""``ctp2 verify-stream``: an exchange's order stream through the matching engine, trade by trade."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, CliError
from ctp2.cli.messages import text
from ctp2.testing.stream import Report, StreamError, Trade, read_stream, verify


def verify_stream(orders: Path, trades: Path, reference: float | None, as_json: bool) -> int:
    """Feed the stream, print the agreement; 0 when every trade is identical."""
    try:
        stream = read_stream(orders, trades)
    except (OSError, StreamError) as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    console = Console(stderr=True)
    with Progress(console=console, disable=as_json, transient=True) as bar:
        task = bar.add_task(text("stream.progress"), total=len(stream.steps))
        report = verify(stream, reference, lambda done: bar.update(task, completed=done))
    print(json.dumps(_as_json(report)) if as_json else _as_text(report))
    return DONE if report.agrees else FAILED


def _as_json(report: Report) -> dict[str, object]:
    place, ours, theirs = report.first_difference or (None, None, None)
    return {
        "identical": report.identical,
        "ours": report.ours,
        "theirs": report.theirs,
        "refused": report.refused,
        "first_difference": None
        if place is None
        else {"place": place + 1, "ours": _trade(ours, report), "theirs": _trade(theirs, report)},
    }


def _as_text(report: Report) -> str:
    lines = [text("stream.result", identical=report.identical, theirs=report.theirs, ours=report.ours)]
    if report.refused:
        lines.append(text("stream.refused", count=len(report.refused), first=report.refused[0]))
    if report.first_difference is not None:
        place, ours, theirs = report.first_difference
        lines.append(
            text("stream.difference", place=place + 1, ours=_trade(ours, report), theirs=_trade(theirs, report))
        )
    return "\n".join(lines)


def _trade(trade: Trade | None, report: Report) -> str:
    if trade is None:
        return "-"
    return f"{trade.bid_order}×{trade.ask_order} {trade.volume}@{trade.price / report.price_scale}"
