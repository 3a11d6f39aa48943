"""``ctp2 replay PATH``: what a recording holds, and playing it."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ctp2.cli.errors import DONE, FAILED, NOT_REACHABLE, WRONG_USE, CliError
from ctp2.cli.messages import text
from ctp2.recording.quality import Contents, Overview, look_through
from ctp2.refdata.calendar import to_date
from ctp2.refdata.recorded import Recording
from ctp2.refdata.table import DataError
from ctp2.refdata.ticks import DBL_MAX, Tick, TickDay


def replay(source: str, first: str, last: str, codes: str, is_played: bool, speed: float, as_json: bool) -> int:
    """Show what is there, 1 if rows are at fault; or print the rows at a speed (0: at once)."""
    wanted = frozenset(code.strip() for code in codes.split(",") if code.strip())
    _check_days(first, last)
    try:
        if is_played:
            _play_all(source, first, last, wanted, speed, as_json)
            return DONE
        found = _look_through(source, first, last)
    except BrokenPipeError:  # the reader has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        raise CliError(f"{error.filename or source}: {error.strerror or error}", NOT_REACHABLE) from None
    except DataError as error:
        raise CliError(str(error), NOT_REACHABLE) from None
    if wanted:
        found.contents = [item for item in found.contents if item.code in wanted]
    if as_json:
        print(json.dumps(_as_json(source, found), ensure_ascii=False, indent=1))
    else:
        _show(source, found)
    return FAILED if any(item.faults for item in found.contents) else DONE


def _check_days(*bounds: str) -> None:
    for bound in filter(None, bounds):
        try:
            to_date(bound.replace("-", ""))
        except DataError:
            raise CliError(f"{bound!r} is not a day (YYYYMMDD)", WRONG_USE) from None


def _look_through(source: str, first: str, last: str) -> Overview:
    """With a bar on a terminal: a long recording takes a while."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("")

        def tell(day: str, number: int, days: int) -> None:
            bar.update(task, description=day, completed=number, total=days)

        return look_through(source, first, last, tell)


def _as_json(source: str, found: Overview) -> dict[str, object]:
    return {
        "days": found.days,
        "contents": [item.as_dict() for item in found.contents],
        "unfinished": found.unfinished,
        "address": _address(source),
    }


def _address(source: str) -> str:
    return f"tts://replay?data={source if source == 'sample' else Path(source)}"


_WIDTH = 110
_TOLD_EVERY = 1000
"""Rows after which the bar moves."""
_COLUMNS = ("day", "exchange", "code", "rows", "first", "last", "volume", "price", "gaps", "faults")


def _show(source: str, found: Overview) -> None:
    console = Console()
    console = Console(width=max(console.width, _WIDTH))
    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(text(f"replay.{name}"), no_wrap=True)
    for item in found.contents:
        table.add_row(*_cells(item))
    console.print(table)
    for item in found.contents:
        for gap in item.gaps[:3]:
            console.print(
                text(
                    "replay.gap",
                    day=item.trading_day,
                    code=item.code,
                    first=gap.first,
                    last=gap.last,
                    seconds=f"{gap.seconds:.0f}",
                ),
                highlight=False,
            )
    for journal in found.unfinished:
        console.print(text("replay.unfinished", path=journal), soft_wrap=True, highlight=False)
    rows = sum(item.rows for item in found.contents)
    console.print(
        text("replay.summary", days=len(found.days), rows=rows, address=_address(source)),
        soft_wrap=True,
        highlight=False,
    )


def _cells(item: Contents) -> list[str]:
    price = "-" if item.last_price is None else f"{item.last_price:.10g}"
    kinds = ("falling_volume", "crossed", "off_tick", "outside_limits")
    faults = " ".join(f"{text('replay.' + kind)}:{getattr(item, kind)}" for kind in kinds if getattr(item, kind))
    return [
        item.trading_day,
        item.exchange or "?",
        item.code,
        str(item.rows),
        item.first,
        item.last,
        str(item.volume),
        price,
        str(len(item.gaps)) if item.gaps else "-",
        faults or "-",
    ]


def _play_all(source: str, first: str, last: str, wanted: frozenset[str], speed: float, as_json: bool) -> None:
    """Print day after day; how far it is shows on a terminal that the rows do not go to."""
    recording = Recording(source, first, last)
    console = Console(stderr=True)
    is_shown = console.is_terminal and not sys.stdout.isatty()
    with Progress(console=console, disable=not is_shown, transient=True) as bar:
        task = bar.add_task("", total=len(recording.days))
        for number, trading_day in enumerate(recording.days):
            bar.update(task, description=trading_day, completed=number)
            advance = partial(bar.advance, task)
            _play(recording.read(trading_day), wanted, speed, as_json, advance)


def _play(
    day: TickDay, wanted: frozenset[str], speed: float, as_json: bool, advance: Callable[[float], object]
) -> None:
    """Print rows in the order of their times, each as long after the one before it as it was, divided by ``speed``."""
    pause = threading.Event()  # never set: a wait that Ctrl-C ends at once
    before: int | None = None
    for number, tick in enumerate(day):
        if number and not number % _TOLD_EVERY:
            advance(_TOLD_EVERY / len(day))
        code = day.instruments[tick.instrument].code
        if wanted and code not in wanted:
            continue
        if speed and before is not None and tick.time_ns > before:
            pause.wait((tick.time_ns - before) / 1e9 / speed)
        before = tick.time_ns
        print(_row_json(day, code, tick) if as_json else _row_text(code, tick), flush=bool(speed))


def _row_text(code: str, tick: Tick) -> str:
    return (
        f"{tick.action_day} {tick.time_of_day}.{tick.millisec:03d} {code:<12} {_price(tick.last):>10} "
        f"{_price(tick.bid1):>10} x {tick.bid_volume1:<6} {_price(tick.ask1):>10} x {tick.ask_volume1:<6} {tick.volume}"
    )


def _row_json(day: TickDay, code: str, tick: Tick) -> str:
    row = {name: getattr(tick, name) for name in Tick.__slots__ if getattr(tick, name) != DBL_MAX}
    return json.dumps({"trading_day": day.trading_day, "code": code, **row}, ensure_ascii=False)


def _price(value: float) -> str:
    return "-" if value == DBL_MAX else f"{value:.10g}"
