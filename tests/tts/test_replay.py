"""Replays, the round-the-clock loop, matching in TEST, and the counter in a Python program's hands."""

from __future__ import annotations

import csv
import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ctp2.refdata
from ctp2 import registry, tdapi
from ctp2.core.address import parse
from ctp2.core.clock import ManualClock
from ctp2.tts import counter
from tests.shared_data import shared
from tests.tts.programs import DAY, FIRST, Trader, Watcher, address_of, is_order

DBL_MAX = 1.7976931348623157e308
SAMPLE = Path(ctp2.refdata.__file__).parent / "data" / "sample" / "day_20210104.csv.gz"
MONDAY_NS = 1_795_420_800_000_000_000  # 2026-11-23 16:00:00 Beijing time

PRICES = (
    *("LastPrice", "PreSettlementPrice", "PreClosePrice", "OpenPrice", "HighestPrice", "LowestPrice", "ClosePrice"),
    *("SettlementPrice", "UpperLimitPrice", "LowerLimitPrice"),
    *(f"{side}Price{level}" for side in ("Bid", "Ask") for level in range(1, 6)),
)
AMOUNTS = ("PreOpenInterest", "Turnover", "OpenInterest", "AveragePrice")
VOLUMES = ("Volume", "UpdateMillisec", *(f"{side}Volume{level}" for side in ("Bid", "Ask") for level in range(1, 6)))
TEXTS = ("TradingDay", "InstrumentID", "UpdateTime", "ActionDay")


def recorded(path: Path, code: str) -> list[dict[str, str]]:
    """The rows of an instrument, read without the project's reader."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["InstrumentID"] == code]


def expected(row: dict[str, str], told: Any) -> dict[str, Any]:
    """What a row must arrive as: an empty price absent, a last price before the first trade the settlement."""
    values: dict[str, Any] = {name: row[name] for name in TEXTS}
    values |= {name: int(row[name] or 0) for name in VOLUMES}
    values |= {name: float(row[name] or 0) for name in AMOUNTS}
    values |= {name: float(row[name]) if row[name] else DBL_MAX for name in PRICES}
    if not row["LastPrice"]:
        values["LastPrice"] = values["PreSettlementPrice"]
    for name in ("UpperLimitPrice", "LowerLimitPrice"):
        if not row[name]:
            values[name] = getattr(told, name)  # derived where the file has none
    return values


def replayed(address: str, code: str, count: int) -> list[Any]:
    """What an MdApi is told of an instrument: the state before the day, then ``count`` snapshots."""
    told: list[Any] = []
    all_there = threading.Event()

    def on_call(call: Any) -> None:
        if call.name == "OnRtnDepthMarketData":
            told.append(call.field)
            if len(told) > count:
                all_there.set()

    watcher = Watcher(address, on_call).login()
    try:
        watcher.subscribe(code)
        assert all_there.wait(60), f"{len(told)} of {count + 1}"
        control = counter(address)
        while control.step(1000):
            pass
        return told
    finally:
        watcher.api.Release()


DAYS = [
    ("the shipped sample", "", "IF2101"),
    ("the shipped sample", "", "600519"),
    ("the shipped sample", "", "688293"),
    ("recorded", "cffex_IF2101_20210104.csv.gz", "IF2101"),
    ("recorded", "cffex_IF2101_20210105.csv.gz", "IF2101"),
    ("recorded", "cffex_IF2101_20210106.csv.gz", "IF2101"),
]


@pytest.mark.parametrize(("what", "name", "code"), DAYS, ids=[f"{name or 'sample'} {code}" for _, name, code in DAYS])
def test_every_row_of_a_day_arrives_in_order_with_its_values(what: str, name: str, code: str) -> None:
    path = shared("data", "ticks", name) if name else SAMPLE
    rows = recorded(path, code)
    assert len(rows) > 100
    data = f"data={path}&" if name else ""
    told = replayed(f"tts://replay?{data}id=row-{name}{code}&speed=max", code, len(rows))
    assert len(told) == len(rows) + 1, "the state before the day, then each row once"
    first = told[0]
    assert (first.BidVolume1, first.AskVolume1, first.BidPrice1, first.AskPrice1) == (0, 0, DBL_MAX, DBL_MAX)
    assert first.PreSettlementPrice == told[1].PreSettlementPrice
    for number, (row, field) in enumerate(zip(rows, told[1:], strict=True)):
        wanted = expected(row, field)
        came = {name: getattr(field, name) for name in wanted}
        assert came == wanted, f"row {number}"


def test_a_trader_in_lock_step_misses_no_snapshot() -> None:
    """speed=max waits for its readers: an order sent inside a callback meets the market of that callback."""
    address = "tts://replay?id=lockstep&speed=max&fills=full"
    trader = Trader(address).start()
    sent: list[float] = []
    seen: list[int] = []

    def on_call(call: Any) -> None:
        if call.name == "OnRtnDepthMarketData" and call.field.AskVolume1 and call.field.UpdateTime > "09:30:00":
            seen.append(call.field.Volume)
            if len(seen) <= 50:
                sent.append(call.field.AskPrice1)
                trader.api.ReqOrderInsert(trader.order("IF2101", call.field.AskPrice1), len(seen))

    watcher = Watcher(address, on_call).login()
    try:
        watcher.subscribe("IF2101")
        trader.spi.wait_for("OnRtnTrade", count=30, timeout=60)
        counter(address).pause()
        orders = [call.field for call in trader.spi.of("OnRtnOrder")]
        assert all(order.OrderSubmitStatus != "4" for order in orders)
        fills = [call.field.Price for call in trader.spi.of("OnRtnTrade")]
        assert fills[:30] == sent[: len(fills)][:30], "each at the quote that it was sent for"
    finally:
        watcher.api.Release()
        trader.api.Release()


# ------------------------------------------------------------------ 7x24
def loop(name: str, data: Path | None, now_ns: int = MONDAY_NS) -> tuple[str, Any, ManualClock]:
    """A 7x24 counter with a clock that stands, and its backend to release."""
    address = f"tts://7x24?id={name}&speed=0.001&fills=full&markets=none" + (
        f"&data={data}" if data is not None else ""
    )
    clock = ManualClock(now_ns)
    return address, registry.acquire(parse(address), clock), clock


@pytest.mark.parametrize(
    ("day", "now_ns", "code"),
    [
        ("20261123", MONDAY_NS, "IF2612"),
        ("20261123", MONDAY_NS + 11 * 3600 * 10**9, "IF2612"),  # 03:00 of the next morning: not rolled yet
        ("20261124", MONDAY_NS + 12 * 3600 * 10**9, "IF2612"),
        ("20210104", 1_609_729_200_000_000_000, "IF2101"),
    ],
)
def test_the_loop_shows_todays_codes(tmp_path: Path, day: str, now_ns: int, code: str) -> None:
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address, backend, _ = loop(f"codes{now_ns}", path, now_ns)
    trader = Trader(address).login()
    try:
        codes = [row.InstrumentID for row in trader.rows("ReqQryInstrument")]
        assert codes[0] == code and codes[-3:] == ["TEST", "BTC", "MINUS"]
        assert trader.login_field.TradingDay == day
        assert trader.rows("ReqQryDepthMarketData", InstrumentID=code)[0].TradingDay == day
        statuses = {c.field.InstrumentID: c.field.InstrumentStatus for c in trader.spi.of("OnRtnInstrumentStatus")}
        assert set(statuses.values()) == {"2"}, "always continuous trading"
    finally:
        trader.api.Release()
        registry.release(backend)


@pytest.mark.proves("14.1 7x24 environment")
def test_volume_never_falls_over_a_wrap() -> None:
    address, backend, _ = loop("wrap", None)
    watcher = Watcher(address).login()
    try:
        watcher.subscribe("IF2612", "600519", "688293")
        control = counter(address)
        control.pause()
        one_lap = len(recorded(SAMPLE, "IF2101")) + len(recorded(SAMPLE, "600519")) + len(recorded(SAMPLE, "688293"))
        assert control.step(one_lap + 5000) == one_lap + 5000, "it never ends"
        watcher.subscribe("none")  # everything before has been delivered
        for code in ("IF2612", "600519", "688293"):
            ticks = watcher.ticks(code)
            volumes = [tick.Volume for tick in ticks]
            assert volumes == sorted(volumes), code
            turnovers = [tick.Turnover for tick in ticks]
            assert turnovers == sorted(turnovers), code
            last_of_record = recorded(SAMPLE, "IF2101" if code == "IF2612" else code)[-1]
            assert volumes[-1] > int(last_of_record["Volume"]), f"{code} has wrapped"
            assert {tick.TradingDay for tick in ticks} == {"20261123"}
            highs = [tick.HighestPrice for tick in ticks if tick.HighestPrice != DBL_MAX]
            assert highs == sorted(highs) and highs[-1] == float(last_of_record["HighestPrice"])
    finally:
        watcher.api.Release()
        registry.release(backend)


@pytest.fixture
def test_market(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    address, backend, _ = loop(f"match-{tmp_path.name}", path)
    yield address
    registry.release(backend)


@pytest.mark.proves("14.1 7x24 environment", "14.2 test instruments", "3.10 Price-time")
def test_two_users_trade_test_with_each_other(test_market: str) -> None:
    alice, bob = Trader(test_market, "alice").start(), Trader(test_market, "bob").start()
    watcher = Watcher(test_market).login().subscribe("TEST")
    try:
        before = watcher.spi.wait_for("OnRtnDepthMarketData").field
        assert (before.LastPrice, before.BidPrice1, before.AskPrice1, before.Volume) == (100.0, DBL_MAX, DBL_MAX, 0)
        alice.rest("TEST", 101.0, 3, Direction="1")
        alice.rest("TEST", 103.0, 4, Direction="1")
        bob.rest("TEST", 99.0, 5)
        watcher.spi.wait_for("OnRtnDepthMarketData", count=4)
        book = watcher.ticks()[-1]
        assert (book.BidPrice1, book.BidVolume1) == (99.0, 5)
        assert [(book.AskPrice1, book.AskVolume1), (book.AskPrice2, book.AskVolume2)] == [(101.0, 3), (103.0, 4)]
        assert (book.BidPrice2, book.AskPrice3, book.Volume) == (DBL_MAX, DBL_MAX, 0)
        trade = bob.fill("TEST", 102.0, 2)
        other = alice.spi.wait_for("OnRtnTrade").field
        assert (trade.Price, trade.Volume, other.Price, other.Volume) == (101.0, 2, 101.0, 2)
        assert trade.TradeID == other.TradeID and (trade.Direction, other.Direction) == ("0", "1")
        watcher.spi.wait_for("OnRtnDepthMarketData", count=5)
        book = watcher.ticks()[-1]
        assert (book.LastPrice, book.Volume, book.Turnover, book.AskVolume1) == (101.0, 2, 2020.0, 1)
        assert (book.OpenPrice, book.HighestPrice, book.LowestPrice, book.AveragePrice) == (101.0, 101.0, 101.0, 1010.0)
        assert alice.rows("ReqQryDepthMarketData", InstrumentID="TEST")[0].AskVolume1 == 1
        assert [row.Position for row in bob.rows("ReqQryInvestorPosition")] == [2]
        assert [row.PosiDirection for row in alice.rows("ReqQryInvestorPosition")] == ["3"]
        balances = sum(t.rows("ReqQryTradingAccount")[0].Balance for t in (alice, bob))
        fees = sum(t.rows("ReqQryTradingAccount")[0].Commission for t in (alice, bob))
        assert balances + fees == 20_000_000.0
    finally:
        for client in (alice, bob, watcher):
            client.api.Release()


def test_match_puts_any_instrument_into_matching(tmp_path: Path) -> None:
    address = address_of(tmp_path, "&match=rb2105")
    alice, bob = Trader(address, "alice").start(), Trader(address, "bob").start()
    try:
        counter(address).step(FIRST)
        order = alice.rest(price=4310.0, Direction="1")
        assert order.OrderStatus == "3", "no quote fills it, although the recorded bid is near"
        assert bob.fill(price=4320.0).Price == 4310.0
    finally:
        alice.api.Release()
        bob.api.Release()


# ------------------------------------------------------------------ in a program's hands
def test_step_pause_run_and_speed(tmp_path: Path) -> None:
    address = address_of(tmp_path)
    watcher = Watcher(address).login()
    try:
        control = counter(address)
        assert (control.trading_day, control.is_playing) == ("20210104", False)
        control.pause()
        watcher.subscribe("IF2101", "rb2105")
        watcher.spi.wait_for("OnRtnDepthMarketData", count=2)
        assert not control.is_playing, "paused before it began, it does not begin"
        assert control.step() == 1
        assert watcher.spi.wait_for("OnRtnDepthMarketData", count=3).field.BidPrice1 == 5229.8
        assert control.step(2) == 2
        watcher.spi.wait_for("OnRtnDepthMarketData", count=4)
        at = control.now_ns
        assert control.now_ns == at, "it stands"
        assert at == 1_609_723_800_500_000_000, "09:30:00.5 of the recorded day"
        control.set_speed("max")
        assert len(watcher.ticks()) == 4, "a speed does not end the pause"
        control.run()
        watcher.spi.wait_for("OnRtnDepthMarketData", count=9)
        assert [(tick.InstrumentID[:2], tick.UpdateTime) for tick in watcher.ticks()][2:] == [
            ("IF", "09:30:00"),
            ("rb", "09:30:00"),
            ("IF", "09:30:00"),
            ("rb", "09:30:01"),
            ("IF", "09:30:01"),
            ("rb", "14:59:59"),
            ("IF", "15:00:01"),
        ]
        assert control.step(10) == 0, "the day is over"
    finally:
        watcher.api.Release()


def test_a_step_moves_the_clock_of_a_market_that_runs(tmp_path: Path) -> None:
    """At a thousandth of the speed the eighth snapshot, 1.6 s later, is half an hour away; steps are there at once."""
    address = address_of(tmp_path)
    trader = Trader(address).start()
    market = counter(address)
    market.run()  # the first snapshot is due at once, the ninth is of the eighth's time
    assert market.step(8) == 8
    assert trader.rest().InsertTime == "09:30:02"
    assert market.is_playing
    trader.api.Release()


def test_a_paused_counter_serves_on_and_stays_paused(tmp_path: Path) -> None:
    address = address_of(tmp_path)
    trader = Trader(address).start()
    try:
        control = counter(address)
        control.step(FIRST)
        control.pause()
        control.set_speed("max")
        trader.fill()
        trader.rest()
        assert trader.rows("ReqQryTradingAccount")[0].Commission > 0
        assert not control.is_playing, "only run() ends a pause"
        assert control.step() == 1
    finally:
        trader.api.Release()


@pytest.mark.parametrize("speed", [0, -1, "fast", "0"])
def test_a_speed_that_is_none(tmp_path: Path, speed: Any) -> None:
    address = address_of(tmp_path)
    watcher = Watcher(address).login()
    try:
        with pytest.raises(ValueError, match=r"above 0|could not convert"):
            counter(address).set_speed(speed)
    finally:
        watcher.api.Release()


def test_a_resting_order_fills_when_the_recorded_market_reaches_it(tmp_path: Path) -> None:
    address = address_of(tmp_path)
    trader = Trader(address).start()
    try:
        control = counter(address)
        control.step(FIRST)
        control.pause()
        order = trader.rest("IF2101", 5226.0, 2)
        control.step(2)
        assert trader.rows("ReqQryOrder")[0].OrderStatus == "3", "5231.2 is asked"
        control.step()
        trade = trader.spi.wait_for("OnRtnTrade").field
        assert (trade.Price, trade.Volume, trade.OrderSysID) == (5226.0, 2, order.OrderSysID)
        assert (trade.TradeTime, trade.TradeDate, trade.TradingDay) == ("09:30:01", "20210104", "20210104")
    finally:
        trader.api.Release()


def test_no_counter_is_open(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"no counter is open at tts://replay\?id=nobody"):
        counter("tts://replay?id=nobody")


# ------------------------------------------------------------------ options
OPTIONS: dict[str, tuple[str, str]] = {
    "unknown environment": ("tts://sim2", "no such environment; known: tts://7x24, tts://sim, tts://vip, tts://replay"),
    "a path": ("tts://replay/x", "no such environment"),
    "unknown option": (
        "tts://replay?sped=1",
        "unknown option sped; known: accounts, auth, balance, bank, .*checks, .*data, .*fills",
    ),
    "order_types": ("tts://replay?order_types=all", "option order_types='all': .*'tts' or 'exchange'"),
    "conditional": ("tts://replay?conditional=no", "option conditional='no': .*'on' or 'off'"),
    "conditional_per_user": ("tts://replay?conditional_per_user=-1", ".*greater than or equal to 0"),
    "an option twice": ("tts://replay?seed=1&seed=2", "option seed is given twice"),
    "an option without a value": ("tts://replay?seed", "bad query field"),
    "speed zero": ("tts://replay?speed=0", "option speed='0': .*above 0"),
    "speed negative": ("tts://replay?speed=-1", "option speed='-1': .*above 0"),
    "speed NaN": ("tts://replay?speed=nan", "option speed='nan': .*above 0"),
    "speed infinite": ("tts://replay?speed=inf", "option speed='inf': .*above 0"),
    "speed no number": ("tts://replay?speed=fast", "option speed='fast': .*or 'max'"),
    "seed no number": ("tts://replay?seed=x", "option seed='x': .*integer"),
    "seed a fraction": ("tts://replay?seed=1.5", "option seed='1.5': .*integer"),
    "fills": ("tts://replay?fills=some", "option fills='some': .*'random' or 'full'"),
    "resting": ("tts://replay?resting=here", "option resting='here': .*'own' or 'opposite'"),
    "checks": ("tts://replay?checks=maybe", "option checks='maybe': .*'on' or 'off'"),
    "profile": ("tts://replay?profile=ctp", "option profile='ctp': .*'exchange', 'simnow' or 'clean'"),
    "query_rate negative": ("tts://replay?query_rate=-1", "option query_rate='-1': .*greater than or equal to 0"),
    "query_rate too high": ("tts://replay?query_rate=1001", "option query_rate='1001': .*less than or equal to 1000"),
    "balance of no currency": ("tts://replay?balance=100", "option balance='100': .*CURRENCY:AMOUNT"),
    "balance of an unknown currency": ("tts://replay?balance=EUR:1", "option balance='EUR:1': .*one of CNY, HKD, USD"),
    "balance twice": ("tts://replay?balance=CNY:1,CNY:2", "option balance=.*once"),
    "balance no number": ("tts://replay?balance=CNY:x", "option balance=.*the amount is not a number"),
    "balance negative": ("tts://replay?balance=CNY:-1", "option balance=.*from 0 to 1000000000000"),
    "balance NaN": ("tts://replay?balance=CNY:nan", "option balance=.*from 0 to 1000000000000"),
    "balance infinite": ("tts://replay?balance=CNY:inf", "option balance=.*from 0 to 1000000000000"),
    "id too long": (f"tts://replay?id={'x' * 65}", "option id=.*at most 64"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_that_cannot_be_is_refused_in_register_front(case: str) -> None:
    address, message = OPTIONS[case]
    api: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    with pytest.raises(ValueError, match=message):
        api.RegisterFront(address)
    api.RegisterFront("tts://replay?id=good")
    api.Release()


def test_balance_gives_the_money_of_a_new_account(tmp_path: Path) -> None:
    trader = Trader(address_of(tmp_path, "&balance=CNY:1234.56,USD:7")).login()
    try:
        assert trader.rows("ReqQryTradingAccount")[0].Available == 1234.56
        assert trader.rows("ReqQryTradingAccount", CurrencyID="USD")[0].PreBalance == 7.0
        assert trader.rows("ReqQryTradingAccount", CurrencyID="HKD") == []
    finally:
        trader.api.Release()


@pytest.mark.proves("8.2 per second")
def test_query_rate_answers_with_error_90(tmp_path: Path) -> None:
    trader = Trader(address_of(tmp_path, "&query_rate=2")).login()
    try:
        assert len(trader.rows("ReqQryInstrument")) == 4
        trader.rows("ReqQryOrder")
        (answer,) = trader.ask("ReqQryTrade")
        assert (answer.name, answer.error_id, answer.info.ErrorMsg) == (
            "OnRspError",
            90,
            "CTP：查询未就绪，请稍后重试",
        )
    finally:
        trader.api.Release()


# ------------------------------------------------------------------ sharing
def test_equal_id_shares_a_counter_and_another_id_does_not(tmp_path: Path) -> None:
    address, other = address_of(tmp_path), address_of(tmp_path)
    first, second, apart = Trader(address).start(), Trader(address).start(), Trader(other).start()
    try:
        counter(address).step(FIRST)
        counter(other).step(FIRST)
        first.fill()
        second.spi.wait_for("OnRtnTrade")
        assert apart.rows("ReqQryOrder") == [] and apart.rows("ReqQryInvestorPosition") == []
        assert apart.rows("ReqQryTradingAccount")[0].Commission == 0
        counter(other).step(3)
        assert counter(address).now_ns < counter(other).now_ns - 400_000_000, "each has its own time"
        assert apart.rest().SessionID == first.login_field.SessionID, "and its own numbers"
    finally:
        for client in (first, second, apart):
            client.api.Release()


def test_who_joins_may_leave_options_out_and_not_change_them(tmp_path: Path) -> None:
    address = address_of(tmp_path, "&seed=5")
    name = parse(address).options["id"]
    first = Trader(address).login()
    joined = Trader(f"tts://replay?id={name}").login()
    api: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    try:
        assert joined.login_field.SessionID == first.login_field.SessionID + 1
        api.RegisterFront(f"tts://replay?id={name}&seed=5&fills=full")
        for option, says in (
            ("seed=6", "seed=5, not 6"),
            ("fills=random", "fills=full, not random"),
            ("profile=clean", "profile=exchange, not clean"),
            ("data=sample", "data=.*, not sample"),
            ("balance=CNY:1", "balance=.*, not CNY:1"),
        ):
            with pytest.raises(ValueError, match=f"runs in this process with {says}"):
                api.RegisterFront(f"tts://replay?id={name}&{option}")
    finally:
        for client in (first, joined):
            client.api.Release()
        api.Release()


def test_the_last_release_closes_the_counter(tmp_path: Path) -> None:
    address = address_of(tmp_path)
    first, second = Trader(address).start(), Trader(address).start()
    counter(address).step(FIRST)
    first.fill()
    first.api.Release()
    assert len(second.rows("ReqQryOrder")) == 1, "it runs on for the other"
    second.api.Release()
    with pytest.raises(LookupError):
        counter(address)
    again = Trader(address).start()
    try:
        assert again.rows("ReqQryOrder") == []
        assert again.spi.of(is_order("0")) == []
        assert again.rows("ReqQryTradingAccount")[0].Balance == 10_000_000.0
    finally:
        again.api.Release()


def test_the_phases_of_an_index_future_on_the_sample_day() -> None:
    """Spec 10.1, CFFEX index."""
    address = "tts://replay?id=phases&speed=0.001"
    trader = Trader(address).login()
    try:
        control = counter(address)
        while control.step(1000):
            pass
        trader.rows("ReqQryExchange")  # what was played has been delivered
        told = [call.field for call in trader.spi.of("OnRtnInstrumentStatus") if call.field.InstrumentID == "IF"]
        assert [field.InstrumentStatus for field in told] == ["0", "3", "5", "2", "1", "2", "6"]
        assert [field.EnterTime for field in told] == [
            *("20:30:00", "09:25:00", "09:29:00", "09:30:00", "11:30:00", "13:00:00", "15:00:00")
        ]
        assert [field.TradingSegmentSN for field in told] == [1, 2, 3, 4, 5, 6, 7]
        assert {field.ExchangeID for field in told} == {"CFFEX"}
    finally:
        trader.api.Release()
