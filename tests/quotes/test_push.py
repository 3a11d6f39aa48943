"""Sina's push (``sina://?push=1``) over a real WebSocket: frames, heartbeats, silence, changes of the subscription."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from ctp2.quotes import sources, symbols, translate
from ctp2.quotes.client import Socket
from ctp2.quotes.sources import sina, sina_push
from tests.quotes import rows
from tests.quotes.rows import changed, statement
from tests.quotes.stand import LIMIT_S, Stand, is_tick, stand


@pytest.fixture
def standing() -> Iterator[Stand]:
    with stand() as made:
        yield made


def pushed(standing: Stand, *codes: str) -> Any:
    """A client whose codes come by push."""
    made = standing.client("sina", *codes, push="1")
    standing.run(1)
    standing.host.wait(lambda: any(set(codes) <= set(_codes(keys)) for keys in standing.host.sockets))
    return made


def _codes(keys: tuple[str, ...]) -> list[str]:
    return [key[2:] for key in keys]


def push_until(standing: Stand, made: Any, condition: Any) -> Any:
    """Send what has changed until the client has it."""
    for _ in range(300):
        standing.host.push_now()
        if made.spi.of(condition):
            break
        made.api._dispatcher.stopping.wait(0.05)
    return made.wait_for(condition, LIMIT_S)


def test_a_frame_is_a_tick_at_once_and_http_only_checks(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    made = pushed(standing, "600000")
    push_until(standing, made, is_tick("600000"))
    standing.run(4)
    first = standing.requests("sina")
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:06", f10="700")
    push_until(standing, made, is_tick("600000", BidVolume1=700))
    standing.run(20)
    assert standing.asked(first, "sina").count("sh600000") <= 1


def test_the_same_rows_make_the_same_ticks(standing: Stand) -> None:
    row = changed(rows.SINA_CN, f31="10:15:06", f10="700")
    by_http = sina.parse(sources.decoded(statement("sina", "sh600000", row).encode("gb18030"))).rows["sh600000"]
    by_push = sina_push.parse(f"sys_ver=1\nsh600000={row}\n").rows["sh600000"]
    symbol = symbols.read("600000", "20260928")
    ticks = [translate.tick_to_ctp("sina", symbol, text) for text in (by_http, by_push)]
    assert ticks[0] is not None and ticks[1] is not None
    assert ticks[0].field == ticks[1].field


def test_the_handshake_names_its_origin_and_a_heartbeat_goes_out(standing: Stand) -> None:
    pushed(standing, "600000")
    (seen, *_) = standing.host.requests("push")
    assert seen.headers["Origin"] == "https://finance.sina.com.cn"
    for _ in range(2_000):
        if standing.host.beats >= 2:
            break
        standing.clock.advance(0.5)
        standing.settle()
    standing.host.wait(lambda: standing.host.beats >= 2)
    assert standing.clock.now_ns() - seen.at_ns >= 59 * 1_000_000_000


def test_silence_in_a_session_opens_a_new_socket(standing: Stand) -> None:
    pushed(standing, "600000")
    before = standing.requests("push")
    standing.host.faults.silent = True
    standing.run(120, 2)
    standing.host.wait(lambda: standing.requests("push") > before)


def test_a_cut_socket_is_opened_again_later_each_time(standing: Stand) -> None:
    made = pushed(standing, "600000")
    standing.host.faults.refuses_push = True
    before = standing.requests("push")
    standing.host.cut_pushes()
    for _ in range(60):
        standing.clock.advance(0.5)
        standing.settle()
        made.api._dispatcher.stopping.wait(0.02)
    # 1, 2, 4, 8 and 16 s after one another: about five attempts in 30 s.
    assert 2 <= standing.requests("push") - before <= 7
    count = len(made.ticks("600000"))
    standing.run(10)
    assert len(made.ticks("600000")) > count, "HTTP goes on"
    standing.host.faults.refuses_push = False
    standing.run(35, 1)
    standing.host.wait(lambda: bool(standing.host.sockets))


def test_an_older_snapshot_after_a_reconnect_is_no_tick(standing: Stand) -> None:
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:06", f10="700")
    made = pushed(standing, "600000")
    standing.host.rows["sh600000"] = rows.SINA_CN
    before = standing.requests("push")
    standing.host.cut_pushes()
    standing.host.wait(lambda: not standing.host.sockets)
    while not standing.requests("push") > before:
        # About a second after the cut is noticed; fewer HTTP requests than the row would have to come to be believed.
        standing.run(0.1, 0.1)
        made.api._dispatcher.stopping.wait(0.02)
    standing.host.wait(lambda: standing.requests("push") > before)
    standing.settle()
    assert [tick.UpdateTime for tick in made.ticks("600000")] == ["10:15:06"]


def test_a_change_of_subscriptions_is_a_new_socket_before_the_old_one_closes(standing: Stand) -> None:
    made = pushed(standing, "600000")
    made.subscribe("600001")
    standing.run(3)
    standing.host.wait(lambda: any(set(keys) == {"sh600000", "sh600001"} for keys in standing.host.sockets))
    standing.host.wait(lambda: len(standing.host.sockets) == 1)
    made.api.UnSubscribeMarketData(["600000"], 1)
    made.wait_for("OnRspUnSubMarketData", LIMIT_S)
    standing.run(3)
    standing.host.wait(lambda: [set(keys) for keys in standing.host.sockets] == [{"sh600001"}])


@pytest.mark.parametrize("steps", range(4))
def test_a_socket_that_is_closed_while_a_frame_arrives_is_closed(steps: int) -> None:
    class Connection:
        def __init__(self) -> None:
            self.frame: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def recv(self) -> str:
            return await self.frame

    async def is_closed() -> bool:
        connection: Any = Connection()
        task = asyncio.ensure_future(Socket(connection).frame(60.0))
        for _ in range(3):
            await asyncio.sleep(0)
        connection.frame.set_result("sys_ver=1")
        for _ in range(steps):
            await asyncio.sleep(0)
        if not task.cancel():
            return True  # the frame was there before
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(is_closed())


def test_many_keys_are_spread_over_sockets_of_sixty(standing: Stand) -> None:
    codes = [f"sh{600_000 + number}" for number in range(150)]
    made = standing.client("sina", push="1")
    made.api.SubscribeMarketData(codes, len(codes))
    standing.run(3)
    standing.host.wait(lambda: sum(map(len, standing.host.sockets)) == 150)
    assert sorted(map(len, standing.host.sockets)) == [30, 60, 60]


def test_more_than_push_takes_is_left_to_http(standing: Stand, caplog: pytest.LogCaptureFixture) -> None:
    codes = [f"sh{600_000 + number}" for number in range(500)]
    made = standing.client("sina", push="1")
    made.api.SubscribeMarketData(codes, len(codes))
    standing.run(6)
    first = standing.requests("sina")
    standing.run(9)
    assert standing.asked(first, "sina").count("sh600499") >= 2
    assert any("HTTP goes on" in record.message for record in caplog.records)
