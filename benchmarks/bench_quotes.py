"""How fast rows of Sina and Tencent become CTP records: ``python benchmarks/bench_quotes.py``.

A body of 400 rows of every layout that matters is decoded and cut into rows, then every row is read into a record.
CPU time of one thread, best of several runs, because the machine has other work.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ctp2.quotes import sources, symbols, translate
from ctp2.quotes.sources import sina, tencent
from tests.quotes import rows

ROWS = 400
RUNS = 15


def best(work: Callable[[], int]) -> float:
    """Rows per second of CPU time."""
    found = 0.0
    for _ in range(RUNS):
        begin = time.process_time()
        count = work()
        found = max(found, count / (time.process_time() - begin))
    return found


def main() -> None:
    for layout, parse, key in (("sina", sina.parse, "sh600000"), ("tencent", tencent.parse, "sh600000")):
        row = rows.ROWS[layout, key]  # type: ignore[index]
        body = "".join(
            rows.statement(layout, f"sh{600_000 + number}", row)  # type: ignore[arg-type]
            for number in range(ROWS)
        ).encode("gb18030")
        symbol = symbols.read(key, "20260928")

        def cut(body: bytes = body, parse: Callable[[str], sources.Reply] = parse) -> int:
            count = 0
            for _ in range(20):
                count += len(parse(sources.decoded(body)).rows)
            return count

        def convert(layout: str = layout, symbol: symbols.Symbol = symbol, row: str = row) -> int:
            for _ in range(4_000):
                translate.tick_to_ctp(layout, symbol, row)  # type: ignore[arg-type]
            return 4_000

        print(f"{layout}: bytes to rows {best(cut):,.0f} rows/s, rows to records {best(convert):,.0f} rows/s")


if __name__ == "__main__":
    main()
