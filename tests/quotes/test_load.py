"""What the quotes may cost: CPU time for 5,000 shares, memory over an hour of a clock that the test drives."""

from __future__ import annotations

import gc
import sys
import time

import pytest

from ctp2.quotes import sources
from ctp2.quotes.sources import sina, tencent
from tests.quotes import rows
from tests.quotes.load import measure
from tests.quotes.stand import LIMIT_S, stand


@pytest.mark.slow
def test_five_thousand_shares_every_three_seconds_cost_less_than_a_quarter_of_a_core() -> None:
    share, ticks, moved = measure(5_000, 24.0)
    assert moved == 5_000
    assert ticks >= 5 * 5_000  # eight rounds on a machine with nothing else to do
    assert share < 0.25


@pytest.mark.slow
def test_memory_is_flat_over_twelve_hundred_rounds() -> None:
    codes = [f"sh{600_000 + number}" for number in range(200)]
    with stand("2026-09-28 09:30:00") as standing:
        made = standing.client("sina")
        made.spi.record = lambda call: None  # type: ignore[method-assign]  # it would keep every tick
        made.api.SubscribeMarketData(codes, len(codes))
        blocks: list[int] = []
        rounds = requests = 0
        while rounds < 1_200:
            standing.clock.advance(3.4)  # an interval and its jitter
            standing.settle(LIMIT_S)
            rounds += 1
            requests += len(standing.host.seen)
            standing.host.seen.clear()
            standing.host._connections.clear()
            if rounds % 300 == 0:
                gc.collect()
                blocks.append(sys.getallocatedblocks())
        # 68 minutes, of which all but the lunch break are traded.
        assert requests >= 1_000
        assert blocks[-1] < 1.02 * blocks[0], blocks


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["sina", "tencent"])
def test_a_hundred_thousand_rows_are_cut_out_of_bodies_in_a_second(layout: sources.Layout) -> None:
    row = rows.ROWS[layout, "sh600000"]
    body = "".join(rows.statement(layout, f"sh{600_000 + number}", row) for number in range(400)).encode("gb18030")
    parse = {"sina": sina.parse, "tencent": tencent.parse}[layout]
    best = 0.0
    for _ in range(10):
        begin = time.process_time()
        for _ in range(25):
            assert len(parse(sources.decoded(body)).rows) == 400
        best = max(best, 10_000 / (time.process_time() - begin))
    assert best >= 100_000
