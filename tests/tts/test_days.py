"""Many trading days in one counter: the roll, recorded days one after the other, 04:00 in the loop."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2 import registry, tdapi
from ctp2.core.address import parse
from ctp2.core.clock import ManualClock
from ctp2.ctp import structs
from ctp2.refdata.calendar import CalendarEnded, calendar
from ctp2.tts import backend as tts_backend
from ctp2.tts import counter
from ctp2.tts.settled import Settlement
from ctp2.tts.settlement import settle
from tests.tts.programs import DAY, Trader, Watcher, address_of

HEAD, *ROWS = DAY.splitlines(keepends=True)
NEXT = (
    HEAD
    + "".join(
        row.replace("20210104", "20210105").replace("5216.2", "5230").replace("4290,4295", "4301,4296") for row in ROWS
    )
).replace("20210104", "20210105")
"""The day after ``DAY``: previous settlements of IF2101 5230 and of rb2105 4301."""
HOUR_NS = 3600 * 10**9
MONDAY_NS = 1_795_420_800_000_000_000  # 2026-11-23 16:00:00 Beijing time


@pytest.fixture
def settles(monkeypatch: pytest.MonkeyPatch) -> list[Settlement]:
    """What is settled."""
    made: list[Settlement] = []

    def noticed(*arguments: Any) -> Settlement:
        made.append(settle(*arguments))
        return made[-1]

    monkeypatch.setattr(tts_backend, "settle", noticed)
    return made


@pytest.fixture
def two_days(tmp_path: Path) -> str:
    """The address of a counter with two recorded days that stands until it is stepped."""
    address = address_of(tmp_path)
    (tmp_path / "day_20210105.csv").write_text(NEXT, encoding="utf-8")
    return address.replace("/day_20210104.csv", "")


@pytest.fixture
def clients() -> Iterator[list[Any]]:
    made: list[Any] = []
    yield made
    for client in made:
        client.api.Release()


def rolled(client: Any) -> None:
    """Until the client has seen the roll."""
    client.spi.wait_for("OnFrontConnected", count=2)


def test_the_roll_cuts_every_session_and_begins_everything_anew(two_days: str, clients: list[Any]) -> None:
    trader, watcher = Trader(two_days, resume=tdapi.THOST_TERT_RESTART), Watcher(two_days)
    clients += [trader.start(), watcher.login().subscribe("rb2105")]
    control = counter(two_days)
    assert control.step(4) == 4
    order = trader.rest("rb2105", 4280.0)
    assert (order.OrderRef.strip(), order.OrderSysID.strip(), order.SessionID) == ("1", "1", 1)
    before = len(trader.spi.calls)
    assert control.settle() == control.trading_day == "20210105"
    for client in (trader, watcher):
        rolled(client)
        cut = client.spi.of("OnFrontDisconnected")
        assert [call.number for call in cut] == [4097]
    assert not [call for call in trader.spi.calls[before:] if call.name == "OnRtnOrder"], "cancelled without a word"
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    login = trader.spi.of("OnRspUserLogin")[-1].field
    assert (login.TradingDay, login.SessionID) == ("20210105", 2)
    assert trader.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")[0].error_id == 0
    assert not trader.rows("ReqQryOrder") and not trader.rows("ReqQryTrade")
    control.step(4)
    seen = len(watcher.ticks())
    again = trader.rest("rb2105", 4281.0)
    assert (again.OrderRef.strip(), again.OrderSysID.strip(), again.TradingDay) == ("1", "1", "20210105")
    assert len(watcher.ticks()) == seen, "the subscription ended with the day"


def test_a_restart_client_gets_the_new_days_stream_only(two_days: str, clients: list[Any]) -> None:
    trader = Trader(two_days, resume=tdapi.THOST_TERT_RESTART).start()
    clients.append(trader)
    control = counter(two_days)
    control.step(4)
    trader.rest("rb2105", 4280.0)
    control.settle()
    rolled(trader)
    before = len(trader.spi.calls)
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    trader.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
    told = trader.spi.calls[before:]
    assert not [call for call in told if call.name == "OnRtnOrder"]
    statuses = [call.field for call in told if call.name == "OnRtnInstrumentStatus"]
    assert [status.TradingSegmentSN for status in statuses if status.InstrumentID == "rb"][:3] == [1, 2, 3]


def test_previous_prices_come_from_the_recording_and_their_day_is_settled_at_them(
    two_days: str, clients: list[Any], settles: list[Settlement]
) -> None:
    watcher = Watcher(two_days).login().subscribe("IF2101", "rb2105")
    clients.append(watcher)
    control = counter(two_days)
    while control.trading_day == "20210104":
        control.step(100)
    rolled(watcher)
    (settlement,) = settles
    # NEXT says IF2101 was settled at 5230 (in tenths) and rb2105 at 4301, and it is the trading day after DAY.
    prices = {price.code: price.settlement for price in settlement.prices}
    assert (settlement.trading_day, prices["IF2101"], prices["rb2105"]) == ("20210104", 52300, 4301)
    assert watcher.api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(), 2) == 0
    watcher.spi.wait_for("OnRspUserLogin", count=2)
    before = len(watcher.ticks())
    watcher.subscribe("IF2101")
    watcher.spi.wait_for("OnRtnDepthMarketData", count=before + 1)
    first = watcher.ticks()[before]
    assert (first.TradingDay, first.PreSettlementPrice) == ("20210105", 5230.0)


def test_steps_go_over_the_end_of_a_day(two_days: str, clients: list[Any], settles: list[Settlement]) -> None:
    trader = Trader(two_days).start()
    clients.append(trader)
    control = counter(two_days)
    while control.trading_day == "20210104":
        assert control.step(7)
    assert [settlement.trading_day for settlement in settles] == ["20210104"]
    rolled(trader)
    while control.step(100):
        assert control.trading_day == "20210105"
    assert len(settles) == 1, "after the last recorded day it stays"
    # The calendar begins in 2024: before it the next weekday follows.
    assert control.settle() == "20210106"
    rows = {row.InstrumentID for row in trader_again(trader).rows("ReqQryInstrument")}
    assert rows == {"IF2101", "rb2105", "m2105", "TA105"}, "what was used is there, quiet"
    tick = trader.rows("ReqQryDepthMarketData", InstrumentID="IF2101")[0]
    # Turnover 486,380,000 / (310 lots x 300) = 5229.89, on the grid of 0.2: 5229.8; limits 10 % of it, inward:
    # 5752.78 -> 5752.6 and 4706.82 -> 4707.
    assert (tick.PreSettlementPrice, tick.PreClosePrice, tick.Volume) == (5229.8, 5226.0, 0)
    assert (tick.UpperLimitPrice, tick.LowerLimitPrice) == (5752.6, 4707.0)


def test_a_position_is_carried_over_and_money_with_it(two_days: str, clients: list[Any]) -> None:
    trader = Trader(two_days + "&balance=CNY:1000000").start()
    clients.append(trader)
    control = counter(two_days)
    control.step(4)
    trade = trader.fill("rb2105", 4310.0, 2)
    assert trade.Price == 4301.0
    fee = trader.rows("ReqQryTradingAccount")[0].Commission
    while control.trading_day == "20210104":
        control.step(100)
    rolled(trader)
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    # Settled at the 4301 of the next day's record: two lots of 10 opened at 4301 gained nothing.
    (money,) = [row for row in trader.rows("ReqQryTradingAccount") if row.CurrencyID == "CNY"]
    assert (money.PreBalance, money.Balance, money.Commission) == (round(1_000_000 - fee, 2),) * 2 + (0.0,)
    (held,) = trader.rows("ReqQryInvestorPosition")
    assert (held.YdPosition, held.Position, held.TodayPosition, held.PositionDate) == (2, 2, 0, "2")
    assert (held.PreSettlementPrice, held.PositionCost) == (4301.0, 4301.0 * 2 * 10)
    (statement, *_) = trader.rows("ReqQrySettlementInfo")
    assert statement.TradingDay == "20210104"


def test_what_is_held_is_listed_tomorrow(two_days: str, clients: list[Any]) -> None:
    """An option of a market that is listed, with its underlying; a future that no recorded day has."""
    trader = Trader(two_days + "&markets=futures,options").start()
    clients.append(trader)
    control = counter(two_days)
    control.carry("alice", "DCE", "m2105-C-3400", 3, 120.0)
    control.carry("alice", "SHFE", "cu2103", 1, 58000.0)
    control.settle()
    rolled(trader)
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    held = {row.InstrumentID: (row.YdPosition, row.PositionCost) for row in trader.rows("ReqQryInvestorPosition")}
    assert {code: lots for code, (lots, _) in held.items()} == {"m2105-C-3400": 3, "cu2103": 1}


def trader_again(trader: Trader) -> Trader:
    """Logged in again after a roll."""
    trader.spi.wait_for("OnFrontConnected", count=3)
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    return trader


def test_the_old_day_is_forgotten(two_days: str, clients: list[Any]) -> None:
    trader, watcher = Trader(two_days).start(), Watcher(two_days).login().subscribe("rb2105")
    clients += [trader, watcher]
    backend: Any = registry.running(parse(two_days))
    old = weakref.ref(backend.world)
    control = counter(two_days)
    control.step(4)
    trader.rest("rb2105", 4280.0)
    control.settle()
    for client in (trader, watcher):
        rolled(client)
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    assert watcher.api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(), 2) == 0
    watcher.spi.wait_for("OnRspUserLogin", count=2)
    gc.collect()
    assert old() is None


# ------------------------------------------------------------------ 7x24
@pytest.mark.parametrize(
    ("hours", "day"),
    [(11, "20261123"), (12, "20261124"), (36, "20261125"), (24 * 87 - 12, "20270218"), (24 * 39 - 12, "20270101")],
)
def test_the_loop_rolls_at_four(
    tmp_path: Path, clients: list[Any], settles: list[Settlement], hours: int, day: str
) -> None:
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address = f"tts://7x24?id=roll{hours}&speed=0.001&data={path}"
    clock = ManualClock(MONDAY_NS)
    backend: Any = registry.acquire(parse(address), clock)
    try:
        trader = Trader(address).start()
        clients.append(trader)
        control = counter(address)
        clock.set_ns(MONDAY_NS + hours * HOUR_NS)
        assert control.now_ns == MONDAY_NS + hours * HOUR_NS  # wakes the counter, that looks at its clock
        if hours > 11:
            rolled(trader)
        assert control.trading_day == day
        assert len(settles) == (hours > 11), "once, however many days went by"
        assert not control.is_playing
    finally:
        registry.release(backend)


def test_the_loop_goes_on_at_its_place(tmp_path: Path, clients: list[Any], settles: list[Settlement]) -> None:
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address = f"tts://7x24?id=place&speed=0.001&data={path}"
    clock = ManualClock(MONDAY_NS)
    backend: Any = registry.acquire(parse(address), clock)
    try:
        watcher = Watcher(address).login().subscribe("rb2610")
        clients.append(watcher)
        control = counter(address)
        control.pause()
        code = next(one.code for one in backend.engine.state.contracts if one.code.startswith("rb"))
        watcher.subscribe(code)
        assert control.step(6) == 6
        last = watcher.spi.wait_for("OnRtnDepthMarketData", count=3).field
        assert last.LastPrice == 4303.0
        clock.set_ns(MONDAY_NS + 12 * HOUR_NS)
        control.now_ns  # noqa: B018
        rolled(watcher)
        assert watcher.api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(), 2) == 0
        watcher.spi.wait_for("OnRspUserLogin", count=2)
        before = len(watcher.ticks())
        watcher.subscribe(code)
        control.step(4)
        watcher.spi.wait_for("OnRtnDepthMarketData", count=before + 2)
        state_now, tick = watcher.ticks()[before:]
        assert (tick.LastPrice, tick.TradingDay) == (4296.0, "20261124"), "the row after the one of yesterday"
        # The record stood at 1010 lots and is at 1050 now: 40 were traded today. Our own settlement was the average
        # 43,430,000 / (1010 lots x 10) = 4300, our close 4303.
        assert (tick.Volume, tick.PreSettlementPrice, tick.PreClosePrice) == (40, 4300.0, 4303.0)
        assert (state_now.Volume, state_now.PreSettlementPrice, state_now.PreClosePrice) == (0, 4300.0, 4303.0)
    finally:
        registry.release(backend)


def test_from_and_to_choose_days(two_days: str, clients: list[Any]) -> None:
    trader = Trader(two_days + "&from=20210105").login()
    clients.append(trader)
    assert trader.login_field.TradingDay == "20210105"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("from=2021", "a day, YYYYMMDD"),
        ("from=20210106&to=20210105", "from=20210106 is after to=20210105"),
    ],
)
def test_days_that_cannot_be(options: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        registry.check(parse(f"tts://replay?{options}"))
    with pytest.raises(ValueError, match="no option from or to"):
        registry.check(parse("tts://7x24?from=20210104"))


def test_days_outside_the_data_are_one_line() -> None:
    with pytest.raises(Exception, match="no recorded day from 20300101 to …; it has 20210104"):
        registry.acquire(parse("tts://replay?from=20300101"))


def test_the_loops_contract_is_delivered_and_the_next_one_plays(tmp_path: Path, clients: list[Any]) -> None:
    """IF2612 trades last on 2026-12-18: at 04:00 of the 19th the record goes on as IF2701."""
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address = f"tts://7x24?id=expiry&speed=0.001&fills=full&data={path}"
    clock = ManualClock(MONDAY_NS + 25 * 24 * HOUR_NS)  # 2026-12-18 16:00
    backend: Any = registry.acquire(parse(address), clock)
    try:
        trader = Trader(address).start()
        clients.append(trader)
        control = counter(address)
        control.step(4)
        assert trader.fill("IF2612", 5240.0, 1, ExchangeID="CFFEX").Price == 5230.2
        clock.set_ns(MONDAY_NS + (25 * 24 + 12) * HOUR_NS)
        assert control.now_ns
        rolled(trader)
        trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
        assert trader.login_field.TradingDay == "20261218" and control.trading_day == "20261219"
        assert not trader.rows("ReqQryInvestorPosition"), "delivered in cash"
        (money,) = [row for row in trader.rows("ReqQryTradingAccount") if row.CurrencyID == "CNY"]
        assert money.PreBalance == money.Balance and money.CurrMargin == 0.0
        codes = {row.InstrumentID for row in trader.rows("ReqQryInstrument")}
        assert "IF2701" in codes and "IF2612" not in codes
    finally:
        registry.release(backend)


def test_an_index_option_is_settled_at_what_it_was_priced_from(tmp_path: Path, clients: list[Any]) -> None:
    """Nobody lists the index: the future of its month stands for it, on the last day of both.

    IF2612 settles at its average of the day, 376 560 000 / 240 / 300 = 5230: a call of 5000 is worth 230 x 100, a put
    of 5200 nothing.
    """
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address = f"tts://7x24?id=index&speed=0.001&fills=full&data={path}"
    clock = ManualClock(MONDAY_NS + 25 * 24 * HOUR_NS)  # 2026-12-18 16:00
    backend: Any = registry.acquire(parse(address), clock)
    try:
        trader = Trader(address).start()
        clients.append(trader)
        control = counter(address)
        control.step(4)
        for code in ("IO2612-C-5000", "IO2612-P-5200"):
            (shown,) = trader.rows("ReqQryDepthMarketData", InstrumentID=code)
            trader.fill(code, shown.UpperLimitPrice, 1, ExchangeID="CFFEX")
        clock.set_ns(MONDAY_NS + (25 * 24 + 12) * HOUR_NS)
        assert control.now_ns
        rolled(trader)
        text = control.statement("alice", "20261218")
        exercised = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if "自动行权" in line]
        assert [(cells[6], cells[13]) for cells in exercised] == [("IO2612-C-5000", "23000.00")]
    finally:
        registry.release(backend)


VNPY = """\
symbol,exchange,datetime,last_price,volume,turnover,pre_close,bid_price_1,ask_price_1,bid_volume_1,ask_volume_1
rb2605,SHFE,2026-03-20 09:00:00.500000,3000,10,300000,2995,2999,3001,5,5
rb2605,SHFE,2026-03-20 14:59:59.500000,3010,20,602000,2995,3009,3011,5,5
rb2605,SHFE,2026-03-20 21:00:00.500000,3020,10,302000,3012,3019,3021,5,5
rb2605,SHFE,2026-03-23 14:59:59.500000,3025,20,604500,3012,3024,3026,5,5
"""


def test_a_record_without_settlement_prices_shows_the_counters_own(tmp_path: Path, clients: list[Any]) -> None:
    """vn.py's ticks know the close before, not the settlement: 602 000 / 20 / 10 = 3010, from which positions go on."""
    path = tmp_path / "vnpy.csv"
    path.write_text(VNPY, encoding="utf-8")
    address = f"tts://replay?id=vnpy&speed=0.001&fills=full&data={path}"
    trader = Trader(address).start()
    clients.append(trader)
    control = counter(address)
    control.pause()
    control.step(100)  # to the roll
    rolled(trader)
    trader.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    shown = trader.rows("ReqQryDepthMarketData", InstrumentID="rb2605")
    control.step(1)
    shown += trader.rows("ReqQryDepthMarketData", InstrumentID="rb2605")
    assert [row.LastPrice for row in shown] == [3010.0, 3020.0], "before the first trade the previous settlement"
    assert {(row.PreSettlementPrice, row.PreClosePrice) for row in shown} == {(3010.0, 3012.0)}


def test_the_loop_is_settled_by_hand(tmp_path: Path, clients: list[Any]) -> None:
    """The next natural day begins early; its 04:00 passes without a second roll, the one after it rolls."""
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address = f"tts://7x24?id=byhand&speed=0.001&data={path}"
    clock = ManualClock(MONDAY_NS)
    backend: Any = registry.acquire(parse(address), clock)
    try:
        trader = Trader(address).start()
        clients.append(trader)
        control = counter(address)
        assert control.settle() == "20261124"
        for hours, day in ((13, "20261124"), (36, "20261125")):
            clock.set_ns(MONDAY_NS + hours * HOUR_NS)
            assert control.now_ns and control.step(0) == 0
            assert control.trading_day == day
        trader.spi.wait_for("OnFrontConnected", count=3)
    finally:
        registry.release(backend)


def test_a_day_that_cannot_be_ended_goes_on(
    tmp_path: Path, clients: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again a minute later."""
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address = f"tts://7x24?id=again&speed=0.001&data={path}"
    clock = ManualClock(MONDAY_NS)
    backend: Any = registry.acquire(parse(address), clock)
    try:
        trader = Trader(address).start()
        clients.append(trader)
        control = counter(address)

        def fails(*_: Any) -> Settlement:
            raise OSError("no room on the device")

        monkeypatch.setattr(tts_backend, "settle", fails)
        clock.set_ns(MONDAY_NS + 12 * HOUR_NS)
        assert control.now_ns and control.step(0) == 0
        assert control.trading_day == "20261123"
        assert "the trading day 20261123 could not be ended" in caplog.text
        assert trader.rows("ReqQryTradingAccount"), "nobody was cut off"
        monkeypatch.setattr(tts_backend, "settle", settle)
        clock.set_ns(MONDAY_NS + 12 * HOUR_NS + 61 * 10**9)
        assert control.now_ns
        rolled(trader)
        assert control.trading_day == "20261124"
    finally:
        registry.release(backend)


def test_a_roll_that_cannot_be_written_leaves_the_market_as_it_was(
    tmp_path: Path, clients: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address = f"tts://7x24?id=unwritten&speed=0.001&data={path}"
    backend: Any = registry.acquire(parse(address), ManualClock(MONDAY_NS))
    try:
        watcher = Watcher(address).login()
        clients.append(watcher)
        control = counter(address)
        control.pause()
        watcher.subscribe("IF2612")
        assert control.step(5) == 5

        def fails(*_: Any) -> None:
            raise OSError("no room on the device")

        monkeypatch.setattr(backend.counter, "publish", fails)
        with pytest.raises(OSError, match="no room"):
            control.settle()
        monkeypatch.undo()
        assert control.trading_day == "20261123"
        assert control.step(2) == 2
        watcher.spi.wait_for("OnRtnDepthMarketData", count=4)
        volumes = [tick.Volume for tick in watcher.ticks()]
        assert volumes == sorted(volumes) and volumes[-1] == 300, "the record's own, nothing began anew"
        assert not watcher.spi.of("OnFrontDisconnected")
    finally:
        registry.release(backend)


@pytest.mark.parametrize("speed", ["100000", "max"])
def test_the_new_day_waits_until_everybody_is_back(two_days: str, clients: list[Any], speed: str) -> None:
    """Who logs in and subscribes in his callbacks misses nothing of the new day, at a recorded pace too."""
    address = two_days.replace("speed=0.001", f"speed={speed}")
    told: list[tuple[str, int]] = []

    def on_call(call: Any) -> None:
        if call.name == "OnFrontConnected":
            watcher.api.ReqUserLogin(structs.CThostFtdcReqUserLoginField(), 1)
        elif call.name == "OnRspUserLogin":
            watcher.api.SubscribeMarketData(["IF2101"], 1)
        elif call.name == "OnRtnDepthMarketData" and call.field.Volume:
            told.append((call.field.TradingDay, call.field.Volume))

    watcher = Watcher(address, on_call)
    clients.append(watcher)
    watcher.connect()
    watcher.spi.wait_for("OnRspUserLogin")
    assert counter(address).wait(30)
    watcher.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.Volume == 310, count=2)
    # DAY and NEXT have these four rows of IF2101 each; the first call of a day may be the state behind its first row.
    assert list(dict.fromkeys(told)) == [
        (day, volume) for day in ("20210104", "20210105") for volume in (240, 260, 300, 310)
    ]


def test_past_the_calendar_no_day_is_guessed(tmp_path: Path, clients: list[Any]) -> None:
    first, last = calendar().horizon("CN")
    final = calendar().trading_days("CN", first, last)[-1]
    day = DAY
    for old, new in (("20210104", final), ("IF2101", "IF2703"), ("2105,", "2705,"), ("TA105", "TA705")):
        day = day.replace(old, new)
    address = address_of(tmp_path, day=day)
    trader = Trader(address).start()
    clients.append(trader)
    control = counter(address)
    with pytest.raises(CalendarEnded, match="holidays are announced a year at a time; update ctp2"):
        control.settle()
    assert control.trading_day == final and trader.rows("ReqQryTradingAccount"), "the day goes on"
    control.set_speed("max")
    control.run()
    assert control.wait(20), "a recording that ends there just ends"


# ------------------------------------------------------------------ progress
def test_progress_counts_days_and_entries(two_days: str, clients: list[Any]) -> None:
    trader = Trader(two_days).start()
    clients.append(trader)
    control = counter(two_days)
    start = control.progress
    assert (start.trading_day, start.number, start.days, start.is_over) == ("20210104", 1, 2, False)
    assert control.step(3) == 3
    assert control.progress.done == start.done + 3
    while control.trading_day == "20210104":
        control.step(100)
    now = control.progress
    assert (now.trading_day, now.number, now.days) == ("20210105", 2, 2)
    assert 0.5 <= now.fraction < 1
    control.set_speed("max")
    control.run()
    assert control.wait(20)
    assert control.progress[3:] == (now.total, now.total, True) and control.progress.fraction == 1.0


def test_a_bar_is_drawn_for_who_asks(
    two_days: str, clients: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(two_days.replace("speed=0.001", "speed=max")).login()
    clients.append(watcher)
    control = counter(two_days)
    with control.show_progress():
        pass
    assert capsys.readouterr() == ("", ""), "no terminal, no bar"
    monkeypatch.setenv("FORCE_COLOR", "1")
    with control.show_progress() as bar:
        watcher.subscribe("IF2101")
        assert control.wait(20)
        bar.stop()
    drawn = capsys.readouterr()
    assert not drawn.out and "20210105 (2/2)" in drawn.err
