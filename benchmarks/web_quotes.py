"""How fast what Sina and Tencent send becomes CTP records.

Method: a body of 400 shares of a seeded day (:mod:`ctp2.testing.quoteday`) in GB18030. *Rows*: decoded and cut into
rows. *Records*: each row read into a ``CThostFtdcDepthMarketDataField``. CPU time of one thread, as the parsing shares
the machine with a program. Checked: every row is found, and every record has the price and the volume that the day's
own figures have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from benchmarks.figures import Figure, Plan, figure, require
from ctp2.quotes import symbols, translate
from ctp2.quotes.sources import Layout, decoded, sina, tencent
from ctp2.testing.quoteday import QuoteDay

ROWS: Final = 400
BODIES: Final = 20
"""Bodies of a run that cuts rows."""
READINGS: Final = 10
"""Readings of each row in a run."""
SEED: Final = 1
NOW_NS: Final = 1_790_560_800_000_000_000
"""10:00 in Beijing, 28 September 2026."""
DAY: Final = "20260928"
CODES: Final = tuple(f"sh{600_000 + number}" for number in range(ROWS))


class Host(NamedTuple):
    """One source: its words for a day, and how a body is cut."""

    layout: Layout
    row: Callable[[str, int], str]
    form: str
    parse: Callable[[str], object]


def measure(plan: Plan) -> Iterator[Figure]:
    """Rows and records per second of CPU time, of each source."""
    day = QuoteDay(SEED)
    hosts = (
        Host("sina", day.sina, 'var hq_str_{}="{}";\n', lambda text: sina.parse(text).rows),
        Host("tencent", day.tencent, 'v_{}="{}";\n', lambda text: tencent.parse(text).rows),
    )
    for host in hosts:
        rows = {code: host.row(code, NOW_NS) for code in CODES}
        body = "".join(host.form.format(code, row) for code, row in rows.items()).encode("gb18030")
        wanted = [(symbols.read(code, DAY), row) for code, row in rows.items()]
        require(host.parse(decoded(body)) == rows, f"{host.layout}: other rows than were sent")
        _check(day, host, wanted)

        def cut(host: Host = host, body: bytes = body) -> Sequence[float]:
            return [_rate(lambda: host.parse(decoded(body)), BODIES) * ROWS]

        def read(host: Host = host, wanted: list[tuple[symbols.Symbol, str]] = wanted) -> Sequence[float]:
            def all_rows() -> None:
                for symbol, row in wanted:
                    translate.tick_to_ctp(host.layout, symbol, row)

            return [_rate(all_rows, READINGS) * ROWS]

        name = host.layout.capitalize()
        yield figure(f"web quotes of {name}: bytes to rows", "/s", [run[0] for run in plan.repeat(cut)], "100,000")
        yield figure(f"web quotes of {name}: rows to records", "/s", [run[0] for run in plan.repeat(read)])


def _check(day: QuoteDay, host: Host, wanted: list[tuple[symbols.Symbol, str]]) -> None:
    for symbol, row in wanted:
        reading = translate.tick_to_ctp(host.layout, symbol, row)
        figures = day.figures("cn", symbol.place + symbol.code, NOW_NS)
        require(reading is not None, f"{symbol.code}: no record")
        assert reading is not None
        found = (reading.field.LastPrice, reading.field.Volume, reading.field.BidPrice5)
        require(found == (figures.last, figures.volume, figures.bids[4][0]), f"{symbol.code}: {found}")


def _rate(work: Callable[[], object], times: int) -> float:
    """Per second of this thread's processor time."""
    begin = time.thread_time()
    for _ in range(times):
        work()
    return times / (time.thread_time() - begin)
