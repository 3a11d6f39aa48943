"""A recorded day goes through the phases of spec 10.1: what each product is told, what orders meet, which dates."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctp2.core.address import parse
from ctp2.tts import counter
from ctp2.tts.backend import running
from tests.tts.programs import Trader, Watcher, address_of, is_order, released

HEADER = (
    "TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,"
    "UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay\n"
)


def row(code: str, exchange: str, trading: str, action: str, time: str, price: int = 3000) -> str:
    """A snapshot: bid one below, ask one above ``price``, ten lots each."""
    prices = f"{price},3000,3000,3300,2700"
    return f"{trading},{code},{exchange},{prices},{time},0,{price - 1},10,{price + 1},10,{action}\n"


# ------------------------------------------------------------------------------------------------- what is told

# What a replay tells of a product from the first to the last status: 'HH:MM status' at the exchange's clock (10.1).
TOLD = [
    (
        "SHFE with its night on a Monday",
        ("rb2605", "SHFE", "20260112"),
        "20:30 1 | 20:55 3 | 20:59 5 | 21:00 2 | 23:00 1 | 08:55 3 | 08:59 5 | 09:00 2 | "
        "10:15 1 | 10:30 2 | 11:30 1 | 13:30 2 | 15:00 6",
    ),
    (
        "no night before the Spring Festival",
        ("rb2605", "SHFE", "20260224"),
        "20:30 1 | 08:55 3 | 08:59 5 | 09:00 2 | 10:15 1 | 10:30 2 | 11:30 1 | 13:30 2 | 15:00 6",
    ),
    (
        "CZCE with its night: 0 in breaks, no second auction",
        ("SR605", "CZCE", "20260112"),
        "20:30 0 | 20:55 3 | 20:59 0 | 21:00 2 | 23:00 0 | 09:00 2 | 10:15 0 | 10:30 2 | 11:30 0 | 13:30 2 | 15:00 6",
    ),
    (
        "CZCE by day only",
        ("AP605", "CZCE", "20260112"),
        "20:30 0 | 08:55 3 | 08:59 0 | 09:00 2 | 10:15 0 | 10:30 2 | 11:30 0 | 13:30 2 | 15:00 6",
    ),
    (
        "index future",
        ("IF2603", "CFFEX", "20260112"),
        "20:30 0 | 09:25 3 | 09:29 5 | 09:30 2 | 11:30 1 | 13:00 2 | 15:00 6",
    ),
    (
        "index option: a closing auction",
        ("IO2603-C-3000", "CFFEX", "20260112"),
        "20:30 0 | 09:25 3 | 09:29 5 | 09:30 2 | 11:30 1 | 13:00 2 | 14:57 3 | 15:00 5 | 15:00 6",
    ),
    (
        "treasury future whose contract ends at 11:30 today: the product goes on",
        ("T2603", "CFFEX", "20260313"),
        "20:30 0 | 09:25 3 | 09:29 5 | 09:30 2 | 11:30 1 | 13:00 2 | 15:15 6",
    ),
    (
        "share",
        ("600519", "SSE", "20260112"),
        "20:30 1 | 09:15 3 | 09:25 5 | 09:25 1 | 09:30 2 | 11:30 1 | 13:00 2 | 14:57 3 | 15:00 5 | 15:00 6",
    ),
    ("Hong Kong", ("00700", "HKEX", "20260112"), "00:00 1 | 09:30 2 | 12:00 1 | 13:00 2 | 16:00 6"),
    ("Hong Kong on Christmas Eve", ("00700", "HKEX", "20261224"), "00:00 1 | 09:30 2 | 12:00 6"),
    ("New York", ("AAPL", "NASD", "20260112"), "00:00 1 | 09:30 2 | 16:00 6"),
    ("New York after Thanksgiving", ("AAPL", "NASD", "20261127"), "00:00 1 | 09:30 2 | 13:00 6"),
    # days that the calendar does not reach: nothing is known of their holidays, so they are normal days
    (
        "CFFEX in 2021",
        ("IF2101", "CFFEX", "20210104"),
        "20:30 0 | 09:25 3 | 09:29 5 | 09:30 2 | 11:30 1 | 13:00 2 | 15:00 6",
    ),
    (
        "SHFE in 2018, a Friday, night to 02:30",
        ("au1812", "SHFE", "20180914"),
        "20:30 1 | 20:55 3 | 20:59 5 | 21:00 2 | 02:30 1 | 08:55 3 | 08:59 5 | 09:00 2 | "
        "10:15 1 | 10:30 2 | 11:30 1 | 13:30 2 | 15:00 6",
    ),
    ("New York in 2013", ("IBM", "NYSE", "20131008"), "00:00 1 | 09:30 2 | 16:00 6"),
]


@pytest.mark.parametrize(("what", "which", "expected"), TOLD, ids=[what for what, _, _ in TOLD])
@pytest.mark.proves("10.1 OnRtnInstrumentStatus")
def test_told(what: str, which: tuple[str, str, str], expected: str, tmp_path: Path) -> None:
    code, exchange, day = which
    address = address_of(tmp_path, day=HEADER + row(code, exchange, day, day, "09:30:01"))
    trader = Trader(address).login()
    with released(trader):
        control = counter(address)
        while control.step():
            pass
        trader.rows("ReqQryExchange")  # what was played has been delivered
        told = [call.field for call in trader.spi.of("OnRtnInstrumentStatus")]
        assert " | ".join(f"{field.EnterTime[:5]} {field.InstrumentStatus}" for field in told) == expected
        assert {field.EnterTime[5:] for field in told} == {":00"}
        assert [field.TradingSegmentSN for field in told] == list(range(1, len(told) + 1))


def test_what_a_client_finds_before_a_market_has_begun_its_day(tmp_path: Path) -> None:
    """At 09:30 in Shanghai it is the evening before in New York: US shows its first status, from the first snapshot."""
    day = HEADER + row("rb2605", "SHFE", "20260112", "20260112", "09:30:01")
    day += row("AAPL", "NASD", "20260112", "20260112", "09:30:00")
    trader = Trader(address_of(tmp_path, day=day)).login()
    with released(trader):
        trader.rows("ReqQryExchange")
        told = [call.field for call in trader.spi.of("OnRtnInstrumentStatus") if call.field.ExchangeID == "NASD"]
        # 09:30:01 in Shanghai (UTC+8) is 20:30:01 of the day before in New York (UTC-5)
        assert [(field.EnterTime, field.InstrumentStatus) for field in told] == [("20:30:01", "1")]


# ------------------------------------------------------------------------------------ a Monday and its night

# Monday 2026-01-12 began on Friday evening, the 9th. The dates are those that each exchange sends (9.3).
NIGHT = HEADER + "".join(
    row(code, exchange, trading, action, time, price)
    for time, price in (("20:50:00", 3000), ("21:00:01", 3010), ("22:59:59", 3000))
    for code, exchange, trading, action in (
        ("rb2605", "SHFE", "20260112", "20260109"),
        ("m2605", "DCE", "20260112", "20260112"),
        ("SR605", "CZCE", "20260109", "20260109"),
    )
)
MONDAY = "".join(
    row(code, exchange, "20260112", "20260112", "09:00:01")
    for code, exchange in (("rb2605", "SHFE"), ("m2605", "DCE"), ("SR605", "CZCE"))
)
EXCHANGES = {"rb2605": "SHFE", "m2605": "DCE", "SR605": "CZCE"}


def play_to(address: str, day: str, time: str) -> None:
    """Play up to a moment of the exchange's clock, what happens at it included."""
    control, backend = counter(address), running(parse(address))
    assert backend is not None
    control.pause()
    days = {"Fri": 1_767_888_000, "Mon": 1_768_147_200}  # 2026-01-09 and 2026-01-12, 00:00 in Beijing
    hours, minutes, seconds = (int(part) for part in time.split(":"))
    at = (days[day] + hours * 3600 + minutes * 60 + seconds) * 10**9
    while True:
        offset = backend.world.feed.next_offset
        if offset is None or backend.world.feed.base_ns + offset > at:
            return
        control.step()


# moment → what a limit order, a FAK order, and a cancel of an order that works meet there (10.1, orders by phase)
MEETS = [
    # moment           SHFE                 DCE                  CZCE           (order FAK cancel; y taken, n refused)
    ("Fri 20:54:59", "n n n", "n n n", "n n n"),  # before: SHFE, DCE 1; CZCE 0
    ("Fri 20:55:00", "y n y", "y n y", "y n y"),  # the auction collects
    ("Fri 20:59:00", "n n n", "n n n", "n n n"),  # it is matched: 5, at CZCE 0
    ("Fri 21:00:00", "y y y", "y y y", "y y y"),
    ("Fri 23:00:00", "n n n", "n n n", "n n n"),  # the night is over
    ("Mon 08:55:00", "y n y", "y n y", "n n n"),  # a second auction, but not at CZCE
    ("Mon 08:59:00", "n n n", "n n n", "n n n"),
    ("Mon 09:00:00", "y y y", "y y y", "y y y"),
    ("Mon 10:15:00", "n n n", "n n n", "n n n"),  # a break: 1, at CZCE 0
    ("Mon 10:30:00", "y y y", "y y y", "y y y"),
    ("Mon 15:00:00", "n n n", "n n n", "n n n"),
]


def meets(trader: Trader, code: str, working: object) -> str:
    """y or n for: an order far from the market, a FAK order there, a cancel of an order that works."""
    answers = []
    for time_condition in "31":
        after = trader.insert(code, 2800.0, ExchangeID=EXCHANGES[code], TimeCondition=time_condition)
        told = trader.spi.wait_for(
            lambda call: call.name == "OnRtnOrder" and call.field.OrderStatus in "35", after=after
        )
        answers.append("n" if told.field.OrderSubmitStatus == "4" else "y")
    after = trader.cancel(working)
    told = trader.spi.wait_for(
        lambda call: (
            call.name == "OnErrRtnOrderAction" or (call.name == "OnRtnOrder" and call.field.OrderStatus == "5")
        ),
        after=after,
    )
    answers.append("n" if told.name == "OnErrRtnOrderAction" else "y")
    return " ".join(answers)


@pytest.mark.proves("10.1 OnRtnInstrumentStatus")
@pytest.mark.parametrize(("moment", "shfe", "dce", "czce"), MEETS, ids=[line[0] for line in MEETS])
def test_orders_by_phase(moment: str, shfe: str, dce: str, czce: str, tmp_path: Path) -> None:
    address = address_of(tmp_path, day=NIGHT + MONDAY)
    trader = Trader(address).start()
    with released(trader):
        play_to(address, "Fri", "20:55:00" if moment > "Fri 20:55" or moment[0] == "M" else "20:50:00")
        codes = {"rb2605": shfe, "m2605": dce, "SR605": czce}
        working = {code: place_or_wait(trader, code, moment) for code in codes}
        play_to(address, *moment.split())
        assert {code: meets(trader, code, working[code]) for code in codes} == codes


def place_or_wait(trader: Trader, code: str, moment: str) -> object:
    """An order that works since the auction; before it none can, so a cancel there is of a refused order."""
    if moment == "Fri 20:54:59":
        after = trader.insert(code, 2790.0, ExchangeID=EXCHANGES[code])
        return trader.spi.wait_for(is_order("5"), after=after).field
    return trader.rest(code, 2790.0, ExchangeID=EXCHANGES[code])


# The order 3005 of the auction: the ask is 3001, so it trades when the auction is matched, at its own price (3.10).
# exchange: InsertDate of the order once acknowledged, TradeDate (3.5); TradingDay, ActionDay of a snapshot (9.3)
DATES = [
    ("rb2605", "20260109", "20260109", "20260112", "20260109"),
    ("m2605", "20260112", "20260112", "20260112", "20260112"),
    ("SR605", "20260109", "20260112", "20260109", "20260109"),
]


@pytest.mark.proves("9.3 TradingDay / ActionDay in the night session", "3.5 InsertDate of acknowledged order")
@pytest.mark.parametrize(("code", "insert", "trade", "trading", "action"), DATES, ids=[line[0] for line in DATES])
def test_the_auction_and_the_dates_of_a_night(
    code: str, insert: str, trade: str, trading: str, action: str, tmp_path: Path
) -> None:
    address = address_of(tmp_path, day=NIGHT + MONDAY)
    trader, watcher = Trader(address).start(), Watcher(address).login().subscribe(code)
    with released(trader, watcher):
        play_to(address, "Fri", "20:55:00")
        trader.rest(code, 3005.0, ExchangeID=EXCHANGES[code])
        play_to(address, "Fri", "20:58:59")
        assert trader.rows("ReqQryTrade") == [], "collected, not matched"
        play_to(address, "Fri", "20:59:00")
        done = trader.spi.wait_for("OnRtnTrade").field
        assert (done.Price, done.TradeTime, done.TradeDate, done.TradingDay) == (3005.0, "20:59:00", trade, "20260112")
        order = [call.field for call in trader.spi.of("OnRtnOrder")][-1]
        assert (order.InsertTime, order.InsertDate, order.TradingDay) == ("20:55:00", insert, "20260112")
        play_to(address, "Mon", "09:00:01")
        watcher.subscribe("none")  # everything before has been delivered
        shown = {tick.UpdateTime: (tick.TradingDay, tick.ActionDay) for tick in watcher.ticks(code)}
        assert shown == {
            **dict.fromkeys(("20:50:00", "21:00:01", "22:59:59"), (trading, action)),
            "09:00:01": ("20260112", "20260112"),
        }


def test_a_file_with_natural_days_shows_what_the_exchange_would(tmp_path: Path) -> None:
    """Some recorders write the natural day as DCE's ActionDay; DCE sends the trading day (9.3)."""
    day = HEADER + row("m2605", "DCE", "20260112", "20260109", "21:00:01") + row("m2605", *_DCE_MONDAY)
    address = address_of(tmp_path, day=day)
    watcher = Watcher(address).login().subscribe("m2605")
    with released(watcher):
        control = counter(address)
        while control.step():
            pass
        watcher.subscribe("none")
        assert {(tick.TradingDay, tick.ActionDay) for tick in watcher.ticks("m2605")} == {("20260112", "20260112")}


_DCE_MONDAY = ("DCE", "20260112", "20260112", "09:00:01")


def test_a_treasury_contract_ends_at_noon_of_its_last_day_and_its_product_does_not(tmp_path: Path) -> None:
    """T2603's last day is 2026-03-13: no order after 11:30, while T2606 trades on (10.1, per product)."""
    day = HEADER + "".join(row(code, "CFFEX", "20260313", "20260313", "13:00:01", 3000) for code in ("T2603", "T2606"))
    address = address_of(tmp_path, day=day)
    trader = Trader(address).start()
    with released(trader):
        counter(address).step(2)
        after = trader.insert("T2603", 2800.0, ExchangeID="CFFEX")
        assert "当前状态禁止此项操作" in trader.spi.wait_for(is_order("5"), after=after).field.StatusMsg
        trader.rest("T2606", 2800.0, ExchangeID="CFFEX")
