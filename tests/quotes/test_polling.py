"""How a host is asked, and what its faults lead to (spec quotes 8), over real sockets and a driven clock."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core import address as addresses
from ctp2.quotes import client, hub
from ctp2.testing import MdClient
from ctp2.testing.quotehost import QuoteHost
from tests.quotes import rows
from tests.quotes.rows import changed
from tests.quotes.stand import LIMIT_S, Stand, is_tick, stand

NS = 1_000_000_000


@pytest.fixture
def standing() -> Iterator[Stand]:
    with stand() as made:
        yield made


def codes_of(count: int) -> list[str]:
    """Codes that exist: main board of Shanghai and Shenzhen."""
    return [f"sh{600_000 + number}" if number < 4000 else f"sz{number - 4000 + 2000:06d}" for number in range(count)]


def subscribed(standing: Stand, codes: list[str], scheme: str = "sina", **options: object) -> MdClient:
    made = standing.client(scheme, **options)
    made.api.SubscribeMarketData(codes, len(codes))
    made.wait_for("OnRspSubMarketData", LIMIT_S, count=len(codes))
    return made


# ------------------------------------------------------------------ requests
def test_what_is_sent(standing: Stand) -> None:
    standing.client("quotes", "600000", "BRK.B")
    for seen in standing.host.requests("sina"):
        assert seen.headers["Referer"].startswith("https://finance.sina.com.cn")
    for seen in standing.host.requests("tencent"):
        assert "Referer" not in seen.headers
    for seen in standing.host.requests():
        assert "gzip" in seen.headers["Accept-Encoding"]
        assert "Mozilla" in seen.headers["User-Agent"]
    assert "gb_brk$b" in standing.asked()
    assert "usBRK.B" in standing.asked()


@pytest.mark.parametrize("count", [1, 199, 200, 201, 1000, pytest.param(3000, marks=pytest.mark.slow)])
def test_every_instrument_is_asked_once_in_an_interval(standing: Stand, count: int) -> None:
    subscribed(standing, codes_of(count))
    standing.run(8, 0.2)
    first, begin = standing.requests(), standing.clock.now_ns()
    standing.run(12, 0.2)
    asked = Counter(standing.asked(first))
    for code in codes_of(count):
        assert 3 <= asked[code] <= 5, code
    seen = standing.host.requests()[first:]
    assert max(seen.line for seen in seen) < 6100
    passed_s = (standing.clock.now_ns() - begin) / NS
    assert len(seen) <= 5 * passed_s + 3
    assert max(len(seen.keys) for seen in seen) <= 400


@pytest.mark.slow
def test_ten_thousand_at_once_stretch_the_interval(standing: Stand, caplog: pytest.LogCaptureFixture) -> None:
    codes = [*codes_of(8000), *(f"sz{300_000 + number}" for number in range(2000))]
    subscribed(standing, codes)
    standing.run(20, 0.2)
    first = standing.requests()
    standing.run(12, 0.2)
    asked = Counter(standing.asked(first))
    assert all(asked[code] >= 2 for code in codes)
    assert any("are asked every" in record.message for record in caplog.records)


def test_no_batch_is_asked_while_it_is_on_its_way(standing: Stand) -> None:
    standing.client("sina", "600000")
    standing.host.faults.hangs = True
    before = standing.requests()
    for _ in range(6):
        standing.clock.advance(1)
    standing.host.wait(lambda: standing.requests() > before)
    assert standing.asked(before).count("sh600000") == 1
    standing.host.faults.hangs = False


def test_a_closed_market_is_asked_slowly_and_the_opening_is_not_missed() -> None:
    with stand("2026-09-28 08:00:00") as standing:
        standing.client("sina", "600000")
        first = standing.requests()
        standing.run(600, 10)
        assert standing.asked(first).count("sh600000") <= 25  # every 30 s
        standing.run(3570, 30)
        first = standing.requests()
        standing.run(40, 1)  # 09:09:40 to 09:10:20
        asked = [seen.at_ns for seen in standing.host.requests()[first:] if "sh600000" in seen.keys]
        assert len(asked) >= 2


def test_markets_have_their_own_hours(standing: Stand) -> None:
    standing.client("sina", "600000", "AAPL")  # 10:00 in Beijing: New York is closed
    first = standing.requests()
    standing.run(29)
    asked = Counter(standing.asked(first))
    assert asked["sh600000"] >= 8
    assert asked["gb_aapl"] <= 2


def test_market_stat_is_asked_once_a_minute_of_tencent_alone(standing: Stand) -> None:
    standing.client("quotes", "600000")
    standing.run(125, 1)
    assert standing.asked(0, "tencent").count("marketStat") in (2, 3)
    assert "marketStat" not in standing.asked(0, "sina")


def test_a_market_that_is_said_to_be_closed_is_asked_slowly(standing: Stand) -> None:
    made = standing.client("tencent", "600000")
    standing.host.rows["marketStat"] = "HK_open_交易中|SH_close_已休市|SZ_close_已休市|US_close_未开盘"
    standing.run(360, 1)  # it is believed after five minutes
    first = standing.requests()
    standing.run(60, 1)
    assert 2 <= standing.requests() - first <= 6  # the share and the probe, every 30 s each
    standing.host.rows["marketStat"] = "HK_open_交易中|SH_open_交易中|SZ_open_交易中|US_close_未开盘"
    standing.run(70, 1)  # it is asked once a minute
    count = len(made.ticks("600000"))
    standing.run(10, 1)
    assert len(made.ticks("600000")) >= count + 2


def test_holes_are_closed_when_there_are_many(standing: Stand) -> None:
    codes = codes_of(600)
    made = subscribed(standing, codes)
    standing.run(4, 0.2)
    gone = codes[:200] + codes[300:400]
    made.api.UnSubscribeMarketData(gone, len(gone))
    made.wait_for("OnRspUnSubMarketData", LIMIT_S, count=len(gone))
    first = standing.requests()
    standing.run(9, 0.2)
    asked = Counter(standing.asked(first))
    assert not set(gone) & set(asked)
    assert all(asked[code] >= 2 for code in set(codes) - set(gone))
    assert max(len(seen.keys) for seen in standing.host.requests()[first:]) == 200


# ------------------------------------------------------------------ faults
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403},
        {"status": 429},
        {"status": 456},
        {"status": 500},
        {"status": 503},
        {"resets": True},
        {"body": b""},
        {"body": b"<html><body>busy</body></html>"},
        {"body": b'{"error": 1}'},
        {"body": bytes(range(256))},
        {"body": b"sys_auth=FAILED"},
    ],
    ids=lambda fault: str(next(iter(fault.items()))),
)
def test_a_fault_is_survived_without_a_tight_loop(standing: Stand, fault: dict[str, Any]) -> None:
    made = standing.client("sina", "600000")
    for name, value in fault.items():
        setattr(standing.host.faults, name, value)
    first = standing.requests()
    standing.run(29, 0.25)
    assert 2 <= standing.requests() - first <= 29
    assert "OnFrontDisconnected" not in made.spi.names
    standing.run(35, 0.25)
    reason = made.wait_for("OnFrontDisconnected", LIMIT_S).number
    assert reason == (8195 if "body" in fault and fault["body"] != b"sys_auth=FAILED" else 4097)
    for name in fault:
        setattr(standing.host.faults, name, None if name == "body" else 0)
    standing.run(130, 0.5)  # the longest pause is 60 s after three times 403
    made.wait_for("OnFrontConnected", LIMIT_S, count=2)
    count = len(made.ticks("600000"))
    made.login()
    standing.run(8)
    assert len(made.ticks("600000")) > count, "subscriptions made before are kept"


def test_a_host_that_never_answers_is_down_after_half_a_minute(
    standing: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TOTAL_S", 0.2)  # five seconds of the machine
    made = standing.client("sina", "600000")
    standing.host.faults.hangs = True
    standing.run(40, 1)
    assert made.wait_for("OnFrontDisconnected", LIMIT_S).number == 4097
    standing.host.faults.hangs = False
    standing.run(40, 1)
    made.wait_for("OnFrontConnected", LIMIT_S, count=2)


def test_a_host_that_is_gone_for_good_is_asked_ever_more_slowly(standing: Stand) -> None:
    with QuoteHost(7, standing.clock) as other:
        made = MdClient(other.address("sina"))
        standing.clients.append(made)
        made.start().subscribe("600000")
        standing.run(2)
    (poller,) = (known for (name, bases, _), (known, _) in hub._pollers.items() if str(other.port) in bases[0])
    standing.run(60, 0.5)
    assert made.wait_for("OnFrontDisconnected", LIMIT_S).number == 4097
    before = poller.requests
    standing.run(600, 2)
    assert 10 <= poller.requests - before <= 60
    assert made.spi.names.count("OnFrontDisconnected") == 1
    assert made.api.SubscribeMarketData(["600001"], 1) == -1


def test_three_times_403_open_the_circuit_for_a_minute_and_then_for_two(standing: Stand) -> None:
    standing.client("sina", "600000")
    standing.host.faults.status = 403
    first = standing.requests()
    standing.run(20, 0.25)
    assert standing.requests() - first == 3
    standing.run(52, 0.5)
    assert standing.requests() - first == 4  # one more after a minute
    standing.run(100, 1)
    assert standing.requests() - first == 4  # and none for two
    standing.run(25, 1)
    assert standing.requests() - first == 5


@pytest.mark.parametrize("status", [429, 456])
def test_too_fast_halves_the_rate_for_five_minutes(standing: Stand, status: int) -> None:
    standing.client("sina", "600000")
    standing.host.faults.status = status
    standing.run(4, 0.25)
    standing.host.faults.status = 0
    standing.run(6, 0.25)
    first = standing.requests()
    standing.run(60, 0.5)
    assert 9 <= standing.asked(first).count("sh600000") <= 11  # every 6 s
    standing.run(260, 5)
    first = standing.requests()
    standing.run(60, 0.5)
    assert 18 <= standing.asked(first).count("sh600000") <= 22


def test_short_rows_for_full_keys_are_throttling(standing: Stand, caplog: pytest.LogCaptureFixture) -> None:
    made = standing.client("tencent", "600000")
    count = len(made.ticks("600000"))
    standing.host.faults.short_rows = True
    standing.run(10)
    assert len(made.ticks("600000")) == count
    assert any("too fast" in record.message for record in caplog.records)


def test_a_line_that_is_too_long_halves_the_batches_for_good(standing: Stand) -> None:
    standing.host.faults.longest_line = 1000  # about 110 keys
    codes = codes_of(300)
    made = subscribed(standing, codes)
    standing.run(8, 0.2)
    assert {tick.InstrumentID for tick in made.ticks()} == set(codes)
    first = standing.requests()
    standing.run(8, 0.2)
    assert max(len(seen.keys) for seen in standing.host.requests()[first:]) <= 100


@pytest.mark.parametrize("scheme", ["sina", "tencent"])
def test_one_key_that_spoils_a_batch_is_found_and_left_out(standing: Stand, scheme: str) -> None:
    codes = codes_of(40)
    made = subscribed(standing, codes, scheme)
    standing.run(4, 0.2)
    assert {tick.InstrumentID for tick in made.ticks()} == set(codes)
    standing.host.faults.illegal = {"sh600017"}
    standing.run(60, 0.25)
    counts = Counter(tick.InstrumentID for tick in made.ticks())
    first = standing.requests()
    standing.run(20, 0.25)
    assert "sh600017" not in standing.asked(first)
    after = Counter(tick.InstrumentID for tick in made.ticks())
    assert all(after[code] > counts[code] for code in codes if code != "sh600017")
    assert "OnFrontDisconnected" not in made.spi.names


def test_a_truncated_body_gives_what_is_whole_of_it(standing: Stand) -> None:
    codes = codes_of(30)
    standing.host.faults.truncated, standing.host.faults.gzip = True, False
    standing.host.faults.truncated = False
    made = subscribed(standing, codes)
    standing.run(2)
    standing.host.faults.truncated = True
    before = Counter(tick.InstrumentID for tick in made.ticks())
    standing.run(10)
    after = Counter(tick.InstrumentID for tick in made.ticks())
    assert all(after[code] > before[code] for code in codes[:13])
    assert all(after[code] == before[code] for code in codes[17:])
    assert not [call for call in made.spi.of("OnRspSubMarketData") if call.error_id]


def test_a_body_that_ends_between_two_rows_makes_no_key_unknown(standing: Stand) -> None:
    for key in ("sh600000", "sh600001"):  # of one length: half of the body is a whole row
        standing.host.rows[key] = rows.SINA_CN
    made = standing.client("sina")
    standing.host.faults.truncated, standing.host.faults.gzip = True, False
    made.api.SubscribeMarketData(["600000", "600001"], 2)
    made.wait_for("OnRspSubMarketData", LIMIT_S, count=2)
    standing.run(15)
    assert made.ticks("600000")
    assert not made.ticks("600001")
    assert not [call for call in made.spi.of("OnRspSubMarketData") if call.error_id]
    standing.host.faults.truncated = False
    standing.run(4)  # it was not put off as unknown either
    assert made.ticks("600001")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
@pytest.mark.parametrize("scheme", ["sina", "tencent"])
def test_packing_and_encodings_make_no_difference(standing: Stand, scheme: str, encoding: str, packed: bool) -> None:
    standing.host.faults.encoding, standing.host.faults.gzip = encoding, packed
    made = standing.client(scheme, *codes_of(5))
    assert len({tick.InstrumentID for tick in made.ticks()}) == 5


def test_many_unknown_codes_cost_few_requests(standing: Stand) -> None:
    codes = [f"sh999{number:03d}" for number in range(300)]
    made = subscribed(standing, codes)
    first = standing.requests()
    standing.run(12, 0.2)
    assert len([call for call in made.spi.of("OnRspSubMarketData") if call.error_id == 16]) == 300
    assert standing.requests() - first <= 16
    assert len(standing.asked(first)) <= 4 * 300


def test_subscribing_one_by_one_costs_few_requests(standing: Stand) -> None:
    made = standing.client("sina")
    first = standing.requests()
    for code in codes_of(150):
        made.api.SubscribeMarketData([code], 1)
    standing.run(3, 0.2)
    assert {tick.InstrumentID for tick in made.ticks()} == set(codes_of(150))
    assert standing.requests() - first <= 8


def test_one_row_missing_leaves_its_neighbours(standing: Stand) -> None:
    standing.host.faults.empty = {"sh600001"}
    made = subscribed(standing, codes_of(3))
    standing.run(4)
    assert {tick.InstrumentID for tick in made.ticks()} == {"sh600000", "sh600002"}


def test_a_slow_host_is_waited_for(standing: Stand) -> None:
    made = standing.client("sina", "600000")
    standing.host.faults.slow_s = 0.3
    standing.run(7)
    assert len(made.ticks("600000")) >= 2


# ------------------------------------------------------------------ rows that stand still
def test_rows_that_stand_while_the_market_moves_are_a_lost_source(standing: Stand) -> None:
    made = standing.client("sina", *codes_of(6))
    standing.host.faults.stopped_ns = standing.clock.now_ns()
    standing.run(55, 0.5)
    assert "OnFrontDisconnected" not in made.spi.names
    standing.run(80, 0.5)
    assert made.wait_for("OnFrontDisconnected", LIMIT_S).number == 4097
    standing.host.faults.stopped_ns = 0
    standing.run(70, 0.5)
    made.wait_for("OnFrontConnected", LIMIT_S, count=2)


def test_one_row_that_stands_is_only_told(standing: Stand, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "ctp2.quotes")
    now = standing.host.day.sina("sh600000", standing.clock.now_ns())
    standing.host.rows["sh600000"] = now
    made = standing.client("sina", *codes_of(6))
    standing.run(180, 1)
    assert "OnFrontDisconnected" not in made.spi.names
    assert [record for record in caplog.records if re.search("sh600000 is stale", record.message)]


def test_a_few_shares_that_nobody_trades_are_no_lost_source(standing: Stand) -> None:
    for code in ("sh600000", "sz000001"):
        standing.host.rows[code] = standing.host.day.sina(code, standing.clock.now_ns())
    made = standing.client("sina", "600000", "000001")
    standing.run(240, 1)
    assert "OnFrontDisconnected" not in made.spi.names


def test_rows_that_stand_at_night_are_as_they_should_be() -> None:
    with stand("2026-09-28 20:00:00") as standing:
        standing.host.faults.stopped_ns = standing.clock.now_ns()
        made = standing.client("sina", *codes_of(6))
        standing.run(600, 10)
        assert "OnFrontDisconnected" not in made.spi.names


def test_a_client_whose_clock_is_wrong_sees_no_old_rows(standing: Stand) -> None:
    """The host's Date is what counts: here it says ten minutes less than our clock."""
    from ctp2.testing.clocks import HandClock

    host_clock = HandClock("2026-09-28 09:50:00")
    standing.host.clock = host_clock
    made = standing.client("sina", *codes_of(6))
    for _ in range(200):
        host_clock.advance(1)
        standing.clock.advance(1)
        standing.settle()
    assert "OnFrontDisconnected" not in made.spi.names
    assert made.ticks()[0].UpdateTime.startswith("09:5")


# ------------------------------------------------------------------ down at the start, down for good, elsewhere
def test_down_at_the_start_is_tried_again_until_it_is_there(standing: Stand) -> None:
    standing.host.faults.status = 500
    made = standing.make("sina")
    made.api.Init()
    standing.host.wait(lambda: standing.requests() >= 1)
    standing.host.faults.status = 0
    for _ in range(200):
        standing.clock.advance(1)
        if "OnFrontConnected" in made.spi.names:
            break
        made.api._dispatcher.stopping.wait(0.1)
    made.wait_for("OnFrontConnected", LIMIT_S)
    made.login().subscribe("600000")
    standing.run(2)
    made.wait_for(is_tick("600000"), LIMIT_S)


def test_opening_again_and_again_does_not_ask_a_host_that_forbade_it(standing: Stand) -> None:
    standing.host.faults.status = 403
    made = standing.make("sina")
    made.api.Init()
    for _ in range(40):
        standing.clock.advance(0.5)
        made.api._dispatcher.stopping.wait(0.1)
    assert standing.requests() <= 3
    assert made.spi.names == []


def test_several_fronts_are_alternatives(standing: Stand) -> None:
    with stand("2026-09-28 10:00:00") as other:
        made = standing.make("sina")
        made.api.RegisterFront(other.host.address("tencent"))
        made.start().subscribe("600000")
        standing.run(2)
        made.wait_for(is_tick("600000"), LIMIT_S)
        standing.host.faults.status = 500
        for _ in range(100):
            standing.clock.advance(0.5)
            other.clock.advance(0.5)
            standing.settle()
            if "OnFrontDisconnected" in made.spi.names:
                break
        assert made.wait_for("OnFrontDisconnected", LIMIT_S).number == 4097
        made.wait_for("OnFrontConnected", LIMIT_S, count=2)
        made.login()
        assert made.spi.of("OnRspUserLogin")[-1].field.SystemName == "QQ"


def test_the_front_that_is_down_at_the_start_is_passed_over(standing: Stand) -> None:
    standing.host.faults.resets = True
    with stand("2026-09-28 10:00:00") as other:
        made = standing.make("sina")
        made.api.RegisterFront(other.host.address("tencent"))
        made.start()
        assert made.spi.of("OnRspUserLogin")[-1].field.SystemName == "QQ"


def test_quotes_lives_on_one_source(standing: Stand) -> None:
    with stand("2026-09-28 10:00:00") as other:
        standing.host.faults.status = 500
        made = standing.make("quotes", tencent=f"127.0.0.1:{other.host.port}")
        made.start().subscribe("600000")
        other.run(3)
        assert made.wait_for(is_tick("600000"), LIMIT_S).field.UpperLimitPrice < 1e9  # Tencent's
        assert "OnFrontDisconnected" not in made.spi.names
        standing.host.faults.status = 0
        made.subscribe("rb2610")
        other.run(90, 0.5)
        made.wait_for(is_tick("rb2610"), LIMIT_S)  # Sina's, when it is there


def test_a_reply_that_comes_late_does_not_overtake(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    made = standing.client("sina", "600000")
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:06", f10="700")
    other = standing.client("sina", "600000", emit="time")
    standing.run(7)
    for one in (made, other):
        assert [tick.UpdateTime for tick in one.ticks("600000")] == ["10:15:03", "10:15:06"][-len(one.ticks()) :]


# ------------------------------------------------------------------ the end
@pytest.mark.parametrize("count", [1, 2])
def test_release_does_not_wait_for_a_host_that_does_not_answer(standing: Stand, count: int) -> None:
    standing.host.faults.hangs = True
    made = [standing.make("sina") for _ in range(count)]  # the second waits for the first to open the same place
    for opened in made:
        opened.api.Init()
    standing.host.wait(lambda: standing.requests() >= 1)
    for opened in reversed(made):
        begin = time.monotonic()
        opened.api.Release()
        # The host would be given five seconds for its answer; the bound leaves room for a machine that is busy.
        assert time.monotonic() - begin < 2.5
    assert not any(call.name == "OnFrontConnected" for opened in made for call in opened.spi.calls)
    assert not registry.running(addresses.parse(standing.host.address("sina")))
    assert not [thread for thread in threading.enumerate() if thread.name == "ctp2-quotes"]
