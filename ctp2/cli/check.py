"""``ctp2 check ADDRESS``: the conformance suite of :mod:`ctp2.testing.conformance`, card by card."""

from __future__ import annotations

import json
from typing import Final

from rich.console import Console
from rich.text import Text

from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, CliError
from ctp2.cli.messages import language, text
from ctp2.core.errors import Ctp2Error
from ctp2.testing import conformance
from ctp2.testing.conformance import GIVEN, NotReachable, Report, Result

PASSWORD: Final = "ctp2check"
"""Where none is given; a counter with open accounts takes any."""
_COLOURS: Final = {"pass": "green", "fail": "bold red", "not supported": "yellow"}
_MARK_WIDTH: Final = 14
_TITLE_WIDTH: Final = 64


def check(address: str, md: str, user: str, password: str, instrument: str, as_json: bool) -> int:
    """Run the suite and show it; the exit code is 0 only if nothing failed."""
    console = Console()
    try:
        report = conformance.check(
            address,
            md=md,
            user=user,
            password=password or PASSWORD,
            instrument=instrument,
            on_result=None if as_json else lambda result: show(console, result),
        )
    except (Ctp2Error, NotReachable, ValueError, OSError) as error:
        raise CliError(str(error), NOT_REACHABLE) from error
    if as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=1))
    else:
        console.print(summary(report), style="bold", highlight=False, soft_wrap=True)
    return DONE if report.ok else FAILED


def show(console: Console, result: Result) -> None:
    """One card: number, outcome, title, section of the specification, precondition; and why it failed."""
    card = result.card
    is_chinese = language() == "zh"
    title = card.title_zh if is_chinese else card.title
    line = Text(f"{card.number:4d}  ")
    mark = Text(text(f"cards.{result.outcome}"), style=_COLOURS[result.outcome])
    mark.pad_right(max(0, _MARK_WIDTH - mark.cell_len))
    name = Text(title)
    name.pad_right(max(0, _TITLE_WIDTH - name.cell_len))
    given = GIVEN[card.given][is_chinese]
    where = Text(f"  {text('cards.spec')} {card.spec} · {text('cards.given')} {given}", style="dim")
    console.print(line + mark + name + where, soft_wrap=True, highlight=False)
    details = [("cards.expected", result.expected), ("cards.got", result.got)] if result.outcome == "fail" else []
    if result.reason:
        details.append(("cards.not supported", result.reason))
    for key, value in details:
        console.print(Text(f"{'':{_MARK_WIDTH}}{text(key)}  {value}"), soft_wrap=True, highlight=False)


def summary(report: Report) -> str:
    """The last line."""
    return text(
        "cards.summary",
        passed=len(report.of("pass")),
        failed=len(report.of("fail")),
        missing=len(report.of("not supported")),
        seconds=report.seconds,
        address=report.address,
        user=report.user,
        instrument=report.instrument,
    )
