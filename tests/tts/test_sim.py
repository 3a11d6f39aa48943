"""``tts://sim`` and ``tts://vip``: the real sessions, fills against the quotes of a source (spec 10, 14.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.core.backend import Event
from ctp2.ctp import structs as s
from ctp2.ctp.errors import rsp_info
from ctp2.front.server import Config, ServerThread
from ctp2.testing.clocks import HandClock, ShiftedClock, use
from ctp2.tts import counter
from ctp2.tts.backend import running
from tests.core.fake import FakeBackend, FakeSession
from tests.tts.programs import Trader, is_order, is_phase
from tests.tts.sessions import Sim, Source, row, session_counter
from tests.tts.test_phases import EXCHANGES, MEETS, meets

# A Friday night and its Monday: trading day 2026-01-12 began on the evening of the 9th.
NIGHT = [("20:50:00", 3000), ("21:00:01", 3010), ("22:59:59", 3000)]
DAY = [("09:00:01", 3000), ("10:14:59", 3002), ("10:30:01", 2990), ("14:59:59", 3000)]


def recorded(*codes: str) -> str:
    """The snapshots of Friday night and Monday."""
    return "".join(
        row(code, EXCHANGES[code], "20260112", action, time, price)
        for action, shown in (("20260109", NIGHT), ("20260112", DAY))
        for time, price in shown
        for code in codes
    )


def told(trader: Trader, product: str) -> str:
    """``HH:MM status`` of what came of a product since the last roll; ``EXCHANGE/product`` where it is on several."""
    trader.rows("ReqQryExchange")  # what the counter did has been delivered
    exchange, _, code = product.rpartition("/")
    calls = trader.spi.calls
    day = next((place for place in range(len(calls), 0, -1) if calls[place - 1].name == "OnFrontDisconnected"), 0)
    came = [call.field for call in calls[day:] if call.name == "OnRtnInstrumentStatus"]
    statuses = [status for status in came if status.InstrumentID == code and exchange in ("", status.ExchangeID)]
    assert [status.TradingSegmentSN for status in statuses] == list(range(1, len(statuses) + 1))
    return " | ".join(f"{status.EnterTime[:5]} {status.InstrumentStatus}" for status in statuses)


# ------------------------------------------------------------------------------------------------- phases

# From the roll at 17:00 to the last status: product, and what is told of it at its exchange's clock (10.1, 10.2).
DAYS = [
    (
        "a Monday that begins on Friday evening",
        "2026-01-09 17:00:00",
        "2026-01-12 16:59:59",
        "20260112",
        {
            "rb": "17:00 1 | 20:55 3 | 20:59 5 | 21:00 2 | 23:00 1 | 08:55 3 | 08:59 5 | 09:00 2 | "
            "10:15 1 | 10:30 2 | 11:30 1 | 13:30 2 | 15:00 6",
            "au": "17:00 1 | 20:55 3 | 20:59 5 | 21:00 2 | 02:30 1 | 08:55 3 | 08:59 5 | 09:00 2 | "
            "10:15 1 | 10:30 2 | 11:30 1 | 13:30 2 | 15:00 6",
            "SR": "17:00 0 | 20:55 3 | 20:59 0 | 21:00 2 | 23:00 0 | 09:00 2 | 10:15 0 | 10:30 2 | 11:30 0 | "
            "13:30 2 | 15:00 6",
            "IF": "17:00 0 | 09:25 3 | 09:29 5 | 09:30 2 | 11:30 1 | 13:00 2 | 15:00 6",
        },
    ),
    (
        "no night before the Spring Festival, and ten days without trading",
        "2026-02-13 17:00:00",
        "2026-02-24 16:59:59",
        "20260224",
        {
            "rb": "17:00 1 | 08:55 3 | 08:59 5 | 09:00 2 | 10:15 1 | 10:30 2 | 11:30 1 | 13:30 2 | 15:00 6",
        },
    ),
    (
        "Hong Kong trades while China rests: 2, 5, 6, 7 and 8 October 2026",
        "2026-09-30 17:00:00",
        "2026-10-08 16:59:59",
        "20261008",
        {
            # at 17:00 its Wednesday is over; at midnight a day of its own begins
            "HKEX/HK": "17:00 6" + " | 00:00 1 | 09:30 2 | 12:00 1 | 13:00 2 | 16:00 6" * 5,
            "rb": "17:00 1 | 08:55 3 | 08:59 5 | 09:00 2 | 10:15 1 | 10:30 2 | 11:30 1 | 13:30 2 | 15:00 6",
        },
    ),
    (
        "Hong Kong closes at noon on Christmas Eve",
        "2026-12-23 17:00:00",
        "2026-12-24 16:59:59",
        "20261224",
        {"HKEX/HK": "17:00 6 | 00:00 1 | 09:30 2 | 12:00 6"},
    ),
    (
        # 17:00 in Shanghai is 04:00 of the Friday in New York (UTC-5); the next roll is 17:00 on Monday, 05:00 there
        # (UTC-4): between them are the end of nothing, Friday's session, and the first hours of Monday.
        "New York on the weekend of its change to summer time",
        "2026-03-06 17:00:00",
        "2026-03-09 16:59:59",
        "20260309",
        {"NASD/US": "04:00 1 | 09:30 2 | 16:00 6 | 00:00 1"},
    ),
    (
        "New York closes at 13:00 after Thanksgiving",
        "2026-11-27 17:00:00",
        "2026-11-30 16:59:59",
        "20261130",
        {"NASD/US": "04:00 1 | 09:30 2 | 13:00 6 | 00:00 1"},
    ),
]


@pytest.mark.proves("10.1 OnRtnInstrumentStatus", "10.2 night session")
@pytest.mark.parametrize(("what", "start", "end", "day", "expected"), DAYS, ids=[line[0] for line in DAYS])
def test_statuses_of_a_day(
    what: str, start: str, end: str, day: str, expected: dict[str, str], tmp_path: Path, fake: Fake
) -> None:
    with session_counter(tmp_path, start, markets="futures,hk,us", quotes="fake://") as sim:
        trader = sim.trader()
        assert trader.login_field.TradingDay == day
        sim.clock.move(end)
        assert {product: told(trader, product) for product in expected} == expected


@pytest.mark.proves("10.2 night session")
def test_summer_time_in_new_york_moves_its_opening_in_beijing(tmp_path: Path, fake: Fake) -> None:
    """09:30 in New York is 22:30 in Beijing on Friday 2026-03-06 (UTC-5) and 21:30 on Monday the 9th (UTC-4)."""
    for start, before, opening in (
        ("2026-03-06 17:00:00", "22:29:59", "22:30:00"),
        ("2026-03-09 17:00:00", "21:29:59", "21:30:00"),
    ):
        with session_counter(tmp_path, start, markets="us", quotes="fake://") as sim:
            trader = sim.trader()
            sim.clock.move(before)
            assert told(trader, "NASD/US")[-1] == "1"
            sim.clock.move(opening)
            assert told(trader, "NASD/US").endswith("09:30 2")


@pytest.mark.proves("10.1 OnRtnInstrumentStatus")
def test_who_comes_later_gets_the_statuses_of_the_day(tmp_path: Path, fake: Fake) -> None:
    with session_counter(tmp_path, "2026-01-12 10:20:00", quotes="fake://") as sim:
        expected = "17:00 1 | 20:55 3 | 20:59 5 | 21:00 2 | 23:00 1 | 08:55 3 | 08:59 5 | 09:00 2 | 10:15 1"
        assert told(sim.trader(), "rb") == expected


@pytest.mark.proves("10.1 OnRtnInstrumentStatus")
@pytest.mark.parametrize(("moment", "shfe", "dce", "czce"), MEETS, ids=[line[0] for line in MEETS])
def test_orders_by_phase(moment: str, shfe: str, dce: str, czce: str, tmp_path: Path) -> None:
    codes = {"rb2605": shfe, "m2605": dce, "SR605": czce}
    day, time = moment.split()
    date = {"Fri": "2026-01-09", "Mon": "2026-01-12"}[day]
    with session_counter(tmp_path, "2026-01-09 20:50:00", recorded(*codes)) as sim:
        trader = sim.trader()
        sim.watcher(*codes)
        sim.show("2026-01-09 20:50:00")  # limits
        if moment == "Fri 20:54:59":
            working = {code: refused(trader, code) for code in codes}
        else:
            sim.clock.move("20:55:00")
            working = {code: trader.rest(code, 2790.0, ExchangeID=EXCHANGES[code]) for code in codes}
        sim.clock.move(f"{date} {time}")
        assert {code: meets(trader, code, working[code]) for code in codes} == codes


def refused(trader: Trader, code: str) -> Any:
    """An order that its exchange refused."""
    after = trader.insert(code, 2790.0, ExchangeID=EXCHANGES[code])
    return trader.spi.wait_for(is_order("5"), after=after).field


# ------------------------------------------------------------------------------------------------- quotes


def sim_on_monday(folder: Path, time: str, options: str = "") -> Any:
    """A counter on 2026-01-12 with rb2605 to trade."""
    return session_counter(folder, f"2026-01-12 {time}", recorded("rb2605"), options)


@pytest.mark.proves("3.10 Market making 做市", "14.1 simulation environment")
def test_orders_trade_against_the_source(tmp_path: Path) -> None:
    with sim_on_monday(tmp_path, "10:14:00") as sim:
        trader, watcher = sim.trader(), sim.watcher("rb2605")
        sim.show("2026-01-12 09:00:01")
        sim.clock.move("10:14:59")
        sim.show("2026-01-12 10:14:59")  # 3001 to 3003
        assert trader.fill("rb2605", 3010.0).Price == 3003.0, "on arrival at the quote"
        resting = trader.rest("rb2605", 2995.0)
        sim.clock.move("10:30:01")
        after = len(trader.spi.calls)
        sim.show("2026-01-12 10:30:01")  # 2989 to 2991 reaches 2995
        done = trader.spi.wait_for("OnRtnTrade", after=after).field
        assert (done.OrderRef, done.Price) == (resting.OrderRef, 2995.0), "at its own price, after the break"
        shown = [(tick.UpdateTime, tick.TradingDay, tick.ActionDay) for tick in watcher.ticks("rb2605")]
        assert shown[-2:] == [("10:14:59", "20260112", "20260112"), ("10:30:01", "20260112", "20260112")]


def test_an_order_of_the_night_waits_for_monday(tmp_path: Path) -> None:
    """A weekend lies between night and day session; an order for the day survives it (10.1)."""
    with session_counter(tmp_path, "2026-01-09 21:00:01", recorded("rb2605")) as sim:
        trader, watcher = sim.trader(), sim.watcher("rb2605")
        sim.show("2026-01-09 21:00:01")
        trader.rest("rb2605", 3005.0)  # the ask is 3011
        sim.clock.move("2026-01-12 09:00:01")
        sim.show("2026-01-12 09:00:01")  # 3001, and what came before it of the night
        assert trader.spi.wait_for("OnRtnTrade").field.TradeTime == "09:00:01"
        dates = {tick.UpdateTime: (tick.TradingDay, tick.ActionDay) for tick in watcher.ticks("rb2605")}
        assert dates["21:00:01"] == ("20260112", "20260109"), "SHFE shows the natural day in ActionDay (9.3)"
        assert dates["09:00:01"] == ("20260112", "20260112")


def test_an_old_quote_fills_nothing(tmp_path: Path) -> None:
    """``stale`` seconds after the exchange's time on the last snapshot its book counts as empty; the next one fills."""
    with sim_on_monday(tmp_path, "10:14:59", "&stale=5") as sim:
        trader = sim.trader()
        sim.watcher("rb2605")
        sim.show("2026-01-12 10:14:59")
        sim.clock.move("10:30:00")
        trader.rest("rb2605", 3010.0)  # the ask of 10:14:59 is 3003, fifteen minutes old
        after = trader.insert("rb2605", 0.0, OrderPriceType="1", TimeCondition="1")
        trader.spi.wait_for(is_order("5"), after=after)  # the market order found an empty book
        assert trader.rows("ReqQryTrade") == []
        sim.clock.move("10:30:01")
        sim.show("2026-01-12 10:30:01")
        assert trader.spi.wait_for("OnRtnTrade").field.Price == 3010.0
        sim.clock.move("10:30:05.999")
        assert trader.fill("rb2605", 3010.0).Price == 2991.0, "not yet five seconds old"
        sim.clock.move("10:30:06")
        trader.rest("rb2605", 3010.0)


def test_a_snapshot_that_comes_late_fills_nothing(tmp_path: Path) -> None:
    """The first push after a subscription may be of long ago (9.2): shown, and not traded against."""
    with sim_on_monday(tmp_path, "13:30:00") as sim:
        trader, watcher = sim.trader(), sim.watcher("rb2605")
        trader.rest("rb2605", 3010.0)
        sim.show("2026-01-12 10:30:01")
        trader.rest("rb2605", 3010.0)
        assert trader.rows("ReqQryTrade") == []
        assert watcher.ticks("rb2605")[-1].AskPrice1 == 2991.0


def test_without_a_quote_nothing_fills(tmp_path: Path) -> None:
    with sim_on_monday(tmp_path, "10:00:00") as sim:
        trader = sim.trader()
        trader.rest("rb2605", 3010.0)
        assert trader.rows("ReqQryTrade") == []


def test_a_source_at_full_speed_waits_for_the_counter(tmp_path: Path) -> None:
    """A replay with ``speed=max`` hands over its next snapshot when the counter has finished with the last."""
    rows = "".join(
        row("rb2605", "SHFE", "20260112", "20260112", f"09:{second // 60:02d}:{second % 60:02d}", 3000 + second % 7)
        for second in range(3600)
    )
    source = Source(tmp_path, rows)
    source.address = source.address.replace("speed=0.001", "speed=max")
    with session_counter(tmp_path, "2026-01-12 09:59:59", quotes=source.option) as sim:
        watcher = sim.watcher("rb2605")
        last = watcher.spi.wait_for(
            lambda call: call.name == "OnRtnDepthMarketData" and call.field.UpdateTime == "09:59:59"
        )
        assert last.field.LastPrice == 3000 + 3599 % 7
        times = [tick.UpdateTime for tick in watcher.ticks("rb2605") if tick.BidVolume1]
        assert times == sorted(times)
        assert len(times) == 3600


def test_under_a_running_clock_phases_come_by_themselves(tmp_path: Path, fake: Fake) -> None:
    """Twenty seconds before the call auction, at two hundred times the machine's pace."""
    with use(ShiftedClock("2026-01-09 20:54:40", speed=200)):
        trader = Trader("tts://sim?id=running&quotes=fake://&markets=futures")
        try:
            trader.login()
            trader.spi.wait_for(is_phase("rb", "3"))
            trader.spi.wait_for(is_phase("rb", "2"))
            assert told(trader, "rb") == "17:00 1 | 20:55 3 | 20:59 5 | 21:00 2"
        finally:
            trader.api.Release()


def test_clock_and_market_are_not_moved_by_hand(tmp_path: Path) -> None:
    with sim_on_monday(tmp_path, "10:00:00") as sim:
        sim.trader()
        for act in (counter(sim.address).pause, counter(sim.address).step, lambda: counter(sim.address).set_speed(2)):
            with pytest.raises(ValueError, match="follows the exchanges' sessions"):
                act()


# ------------------------------------------------------------------------------------------------- the source


class Fake:
    """A market data front under the test's control, at ``fake://``."""

    CONTRACT = 1

    def __init__(self) -> None:
        self.backend = FakeBackend(kinds=("md",))
        self.opened = 0

    def check(self, address: object) -> None:
        """Any address will do."""

    def open(self, address: object, clock: object) -> FakeBackend:
        """The same backend again."""
        self.opened += 1
        return self.backend

    @property
    def session(self) -> FakeSession:
        """The counter's session."""
        return self.backend.sessions[-1]

    @property
    def subscribed(self) -> list[str]:
        """Every code asked for, in order."""
        return [
            code
            for request in self.session.requests
            if request.method.name == "SubscribeMarketData"
            for code in request.field
        ]

    def quote(self, time: str, price: float, code: str = "rb2605", **members: Any) -> None:
        """A snapshot, bid one below and ask one above."""
        values = {
            "InstrumentID": code,
            "UpdateTime": time,
            "LastPrice": price,
            "PreSettlementPrice": 3000.0,
            "UpperLimitPrice": 3300.0,
            "LowerLimitPrice": 2700.0,
            "BidPrice1": price - 1,
            "BidVolume1": 10,
            "AskPrice1": price + 1,
            "AskVolume1": 10,
        }
        self.session.put(Event("OnRtnDepthMarketData", s.CThostFtdcDepthMarketDataField(**{**values, **members})))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The front at ``fake://``."""
    front = Fake()
    monkeypatch.setitem(registry._modules, "fake", front)
    return front


def trading(sim: Sim, fake: Fake, code: str = "rb2605") -> Trader:
    """A trader of ``code`` on a counter whose source has accepted the login."""
    trader = sim.trader()
    fake.session.accept_login()
    sim.watcher(code)
    return trader


def test_a_source_that_breaks_stops_fills_at_once(tmp_path: Path, fake: Fake) -> None:
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://") as sim:
        trader = trading(sim, fake)
        assert [request.method.name for request in fake.session.requests] == ["ReqUserLogin", "SubscribeMarketData"]
        fake.quote("09:30:00", 3000.0)
        assert trader.fill("rb2605", 3010.0).Price == 3001.0
        fake.session.disconnect(8193)
        trader.rest("rb2605", 3010.0)
        fake.session.connect()
        trader.rest("rb2605", 3010.0)
        fake.session.accept_login()
        sim.settle()
        assert fake.subscribed == ["rb2605", "rb2605"], "subscribed anew"
        trader.rest("rb2605", 3010.0)
        assert len(trader.rows("ReqQryTrade")) == 1
        fake.quote("09:30:00", 3005.0)
        trader.spi.wait_for("OnRtnTrade", count=4)


def test_only_what_is_used_is_subscribed(tmp_path: Path, fake: Fake) -> None:
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://") as sim:
        trader = trading(sim, fake)
        assert fake.subscribed == ["rb2605"]
        trader.rows("ReqQryInstrument")
        trader.rows("ReqQryDepthMarketData", InstrumentID="rb2610")
        sim.settle()
        assert fake.subscribed == ["rb2605"], "looking is not using"
        trader.rest("m2605", 2800.0, ExchangeID="DCE")
        sim.settle()
        assert fake.subscribed == ["rb2605", "m2605"]


def test_a_client_sees_nothing_that_the_source_has_not_sent(tmp_path: Path, fake: Fake) -> None:
    """Who subscribes first gets no snapshot of reference prices; who comes later gets the latest one at once (9.2)."""
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://") as sim:
        trading(sim, fake)
        first = sim.watcher("rb2605")
        fake.quote("09:30:00", 3000.0)
        sim.settle()
        later = sim.watcher("rb2605")
        for watcher in (first, later):
            watcher.subscribe("none")
            assert [tick.LastPrice for tick in watcher.ticks()] == [3000.0]


def test_what_the_source_refuses_is_logged(tmp_path: Path, fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://") as sim:
        trading(sim, fake)
        code = s.CThostFtdcSpecificInstrumentField(InstrumentID="rb2605")
        fake.session.put(Event("OnRspSubMarketData", code, rsp_info(6000), 1))
        sim.settle()
        assert "fake://: no quotes of rb2605: 6000" in caplog.text
        fake.session.disconnect()
        fake.session.connect()
        fake.session.put(Event("OnRspUserLogin", None, rsp_info(3), 1))
        sim.settle()
        assert "fake:// refuses the login: 3" in caplog.text


def test_a_refused_subscription_is_tried_again(tmp_path: Path, fake: Fake) -> None:
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://") as sim:
        trader = sim.trader()
        fake.session.accept_login()
        sim.settle()
        fake.session.result = -2
        sim.watcher("rb2605")
        fake.session.result = 0
        sim.clock.advance(1)
        sim.settle()
        assert fake.subscribed == ["rb2605", "rb2605"]
        fake.quote("09:30:01", 3000.0)
        trader.fill("rb2605", 3010.0)


def test_reference_prices_and_limits_are_the_source_s(tmp_path: Path, fake: Fake) -> None:
    """Limits of 0 are unknown (9.3): they follow from the previous close then, here 10 % of 100 for a share."""
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://", markets="futures,securities") as sim:
        trader = trading(sim, fake)
        fake.quote("09:30:00", 3000.0, UpperLimitPrice=3100.0)
        sim.settle()
        after = trader.insert("rb2605", 3101.0)
        assert "涨停板" in trader.spi.wait_for(is_order("5"), after=after).field.StatusMsg
        watcher = sim.watcher("600519")
        unknown = dict.fromkeys(("PreSettlementPrice", "UpperLimitPrice", "LowerLimitPrice"), 0.0)
        fake.quote("09:30:00", 101.0, "600519", ExchangeID="SSE", PreClosePrice=100.0, **unknown)
        shown = watcher.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.LastPrice == 101.0)
        assert (shown.field.UpperLimitPrice, shown.field.LowerLimitPrice) == (110.0, 90.0)


def test_a_code_of_two_exchanges_needs_its_exchange(tmp_path: Path, fake: Fake) -> None:
    """127006 is a bond in Shanghai and another in Shenzhen; a snapshot that does not say which is nobody's."""
    with session_counter(tmp_path, "2026-01-12 09:30:00", markets="all_securities", quotes="fake://") as sim:
        trader = sim.trader()
        fake.session.accept_login()
        watcher = sim.watcher("127006")
        fake.quote("09:30:00", 101.0, "127006")
        fake.quote("09:30:00", 102.0, "127006", ExchangeID="SZSE")
        trader.rows("ReqQryExchange")
        watcher.subscribe("none")
        shown = {tick.ExchangeID: tick.LastPrice for tick in watcher.ticks("127006") if tick.BidVolume1}
        assert shown == {"SZSE": 102.0}


# zone of the exchange, time now in Beijing, UpdateTime → ActionDay shown on trading day 20260112 (9.3)
MIDNIGHT = [
    ("au2606", "SHFE", "2026-01-10 00:00:01", "23:59:59", "20260109"),
    ("au2606", "SHFE", "2026-01-09 23:59:59", "00:00:00", "20260110"),
    ("au2606", "SHFE", "2026-01-10 00:00:01", "00:00:01", "20260110"),
    ("m2605", "DCE", "2026-01-09 22:00:00", "21:59:59", "20260112"),
    ("SR605", "CZCE", "2026-01-09 22:00:00", "21:59:59", "20260109"),
]


@pytest.mark.parametrize(("code", "exchange", "now", "time", "action"), MIDNIGHT)
@pytest.mark.proves("9.3 TradingDay / ActionDay in the night session")
def test_dates_of_the_night(
    code: str, exchange: str, now: str, time: str, action: str, tmp_path: Path, fake: Fake
) -> None:
    with session_counter(tmp_path, now, quotes="fake://") as sim:
        trading(sim, fake)
        watcher = sim.watcher(code)
        fake.quote(time, 3000.0, code, TradingDay="20200101", ActionDay="20200101")
        shown = watcher.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.BidVolume1 == 10)
        natural = action if exchange == "CZCE" else "20260112"
        assert (shown.field.TradingDay, shown.field.ActionDay) == (natural, action)


# ------------------------------------------------------------------------------------------------- the roll


def log_in_again(trader: Trader) -> str:
    """After a roll: the link breaks with 4097, comes back, and the client logs in; returns the new trading day."""
    assert trader.spi.wait_for("OnFrontDisconnected").number == 4097
    trader.spi.wait_for("OnFrontConnected", count=2)
    (answer,) = trader.ask("ReqUserLogin", BrokerID="9999", UserID=trader.user, Password="secret")
    assert answer.error_id == 0
    trader.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID=trader.user)
    return str(answer.field.TradingDay)


@pytest.mark.proves("10.2 night session", "5.6 carry over")
def test_the_roll_at_five_settles_and_begins_the_next_day(tmp_path: Path, fake: Fake) -> None:
    """One lot of rb2605 bought at 3001, settled at 3005 (multiplier 10): 40 of profit, and a lot of yesterday."""
    with session_counter(tmp_path, "2026-01-12 14:59:00", quotes="fake://") as sim:
        trader = trading(sim, fake)
        fake.quote("14:59:00", 3000.0)
        trader.fill("rb2605", 3010.0)
        trader.rest("rb2605", 2800.0)
        fake.quote("15:00:00", 3000.0, SettlementPrice=3005.0, ClosePrice=2999.0)
        sim.clock.move("16:59:59")
        fee = trader.rows("ReqQryTradingAccount")[0].Commission
        assert fee > 0
        sim.clock.move("17:00:00")
        assert log_in_again(trader) == "20260113"
        assert trader.rows("ReqQryOrder") == []
        (lot,) = trader.rows("ReqQryInvestorPosition", InstrumentID="rb2605")
        assert (lot.Position, lot.YdPosition, lot.PreSettlementPrice) == (1, 1, 3005.0)
        account = trader.rows("ReqQryTradingAccount")[0]
        assert account.PreBalance == pytest.approx(10_000_000 + 40 - fee)
        assert told(trader, "rb") == "17:00 1"
        sim.clock.move("21:00:00")
        assert told(trader, "rb") == "17:00 1 | 20:55 3 | 20:59 5 | 21:00 2"
        trader.rest("rb2605", 2900.0, Direction="1", CombOffsetFlag="1")
        assert trader.rows("ReqQryTrade") == [], "the quote of the day before counts for nothing"
        fake.quote("21:00:00", 2990.0)
        assert trader.spi.wait_for("OnRtnTrade", count=2).field.TradingDay == "20260113"


def test_the_roll_before_a_holiday_leads_behind_it(tmp_path: Path, fake: Fake) -> None:
    """Friday 2026-02-13 is the last day before the Spring Festival; the next trading day is Tuesday the 24th."""
    with session_counter(tmp_path, "2026-02-13 16:59:59", quotes="fake://") as sim:
        trader = sim.trader()
        sim.clock.move("17:00:00")
        assert log_in_again(trader) == "20260224"


def test_a_machine_that_slept_wakes_on_the_day_of_its_clock(tmp_path: Path, fake: Fake) -> None:
    """The clock was not looked at from Monday to Thursday evening: one roll, to Friday."""
    with session_counter(tmp_path, "2026-01-12 14:00:00", quotes="fake://") as sim:
        trader = sim.trader()
        sim.clock.move("2026-01-15 20:57:00")
        assert log_in_again(trader) == "20260116"
        assert told(trader, "rb") == "17:00 1 | 20:55 3"


def test_where_the_calendar_ends_the_counter_stays_closed(
    tmp_path: Path, fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    with session_counter(tmp_path, "2026-12-31 14:59:00", quotes="fake://") as sim:
        trader = sim.trader()
        sim.clock.move("2027-01-04 10:00:00")
        assert told(trader, "rb")[-1] == "6"
        assert trader.spi.of("OnFrontDisconnected") == []
        assert "tts://sim stays in its day 20261231: the trading day after 20261231 is outside the CN calendar" in (
            caplog.text
        )


# ------------------------------------------------------------------------------------------------- the log


def test_a_counter_with_a_log_goes_on_in_its_day_and_rolls_what_ended_meanwhile(tmp_path: Path, fake: Fake) -> None:
    """Stopped at 09:30 on Monday, back at 10:40; stopped again, and back on Tuesday evening, which is Wednesday's."""
    db = f"&db={tmp_path / 'counter.db'}"
    with session_counter(tmp_path, "2026-01-12 09:30:00", options=db, quotes="fake://") as sim:
        trader = trading(sim, fake)
        fake.quote("09:30:00", 3000.0)
        trader.fill("rb2605", 3010.0)
        trader.rest("rb2605", 2990.0)
    with session_counter(tmp_path, "2026-01-12 10:40:00", options=db, quotes="fake://") as sim:
        trader = trading(sim, fake)
        assert told(trader, "rb") == (
            "17:00 1 | 20:55 3 | 20:59 5 | 21:00 2 | 23:00 1 | 08:55 3 | 08:59 5 | 09:00 2 | 10:15 1 | 10:30 2"
        )
        fake.quote("10:40:00", 2985.0)
        trader.spi.wait_for("OnRtnTrade", count=2)  # the morning's again (RESTART), and the order that waited
        assert [row.Position for row in trader.rows("ReqQryInvestorPosition")] == [2]
    with session_counter(tmp_path, "2026-01-13 20:57:00", options=db, quotes="fake://") as sim:
        trader = sim.trader()
        assert trader.login_field.TradingDay == "20260114"
        assert told(trader, "rb") == "17:00 1 | 20:55 3"
        (held,) = trader.rows("ReqQryInvestorPosition")
        assert (held.Position, held.YdPosition) == (2, 2)


# ------------------------------------------------------------------------------------------------- vip


def test_vip_lists_options_on_funds_and_has_accounts_of_its_own(tmp_path: Path, fake: Fake) -> None:
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://", environment="vip", markets="") as vip:
        trader = vip.trader()
        assert trader.rows("ReqQryInstrument", InstrumentID="TEST") == []
        rows = trader.rows("ReqQryInstrument", ExchangeID="SSE")
        assert any(item.ProductClass == "6" for item in rows)
        with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://", markets="") as sim:
            other = sim.trader()
            assert not any(item.ProductClass == "6" for item in other.rows("ReqQryInstrument", ExchangeID="SSE"))
            counter(sim.address).deposit("alice", 1)
            assert other.rows("ReqQryTradingAccount")[0].Deposit == 1.0
            assert trader.rows("ReqQryTradingAccount")[0].Deposit == 0.0


@pytest.mark.proves("14.1 VIP simulation")
def test_market_data_of_vip_is_the_source_s_own(tmp_path: Path) -> None:
    """A client sees the source's trading day and records untouched; the counter trades against them."""
    rows = row("rb2605", "SHFE", "20260112", "20260112", "09:30:00")
    with session_counter(tmp_path, "2026-07-20 09:30:00", rows, environment="vip") as vip:
        trader, watcher = vip.trader(), vip.watcher("rb2605")
        vip.show("2026-01-12 09:30:00")
        trader.insert("rb2610", 3000.0)
        shown = watcher.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.BidVolume1 == 10)
        assert (shown.field.TradingDay, trader.login_field.TradingDay) == ("20260112", "20260720")


# ------------------------------------------------------------------------------------------------- over the network


def test_a_served_vip_has_no_market_data_port(tmp_path: Path, fake: Fake) -> None:
    config = Config("tts://vip?id=served&quotes=fake://&markets=futures", trade_port=0, md_port=0)
    with use(HandClock("2026-01-12 09:30:00")), ServerThread(config) as server:
        assert list(server.server.ports) == ["trader"]


def test_a_served_market_is_a_source_and_its_end_stops_fills(tmp_path: Path) -> None:
    """A recorded day behind ``tcp://``: its snapshots fill orders until the server goes away."""
    day = Source(tmp_path, row("rb2605", "SHFE", "20260112", "20260112", "09:30:00"))
    with (
        ServerThread(Config(day.address, trade_port=0, md_port=0)) as server,
        session_counter(tmp_path, "2026-01-12 09:30:00", quotes=server.md) as sim,
    ):
        trader, watcher = sim.trader(), sim.watcher("rb2605")
        watcher.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.BidVolume1 == 10)
        assert trader.fill("rb2605", 3010.0).Price == 3001.0
        server.stop()
        backend = running(parse(sim.address))
        assert backend is not None
        assert backend.source is not None
        while backend.source.is_logged_in:
            sim.settle()
        trader.rest("rb2605", 3010.0)


# ------------------------------------------------------------------------------------------------- addresses

FAULTS = [
    ("tts://sim?quotes=quotes://%3Fnonsense%3D1", r"quotes=quotes://.*: .*unknown option nonsense"),
    ("tts://sim?quotes=nope://x", r"quotes=nope://x: unknown scheme nope://"),
    ("tts://sim?quotes=tts://7x24%26speed=x", r"quotes=tts://7x24.*no such environment"),
    ("tts://sim?id=a&quotes=tts://sim%3Fid=a", r"a counter cannot be its own source of quotes"),
    ("tts://sim?id=a&quotes=tts://vip?quotes=tts://sim%3Fid=a", r"a counter cannot be its own source of quotes"),
    ("tts://sim?quotes=tts://7x24&match=rb2605", r"tts://sim has no option match"),
    ("tts://sim?quotes=tts://7x24&data=sample", r"tts://sim has no option data"),
    ("tts://sim?quotes=tts://7x24&markets=futures,special", r"tts://sim does not list special"),
    ("tts://sim?quotes=tts://7x24&markets=etf_options", r"tts://sim does not list etf_options"),
    ("tts://vip?quotes=tts://7x24&speed=2", r"tts://vip has no option speed"),
    ("tts://vip?quotes=tts://7x24&stale=0", r"option stale='0'"),
    ("tts://7x24?quotes=tts://replay", r"tts://7x24 has no option quotes"),
    ("tts://replay?stale=3", r"tts://replay has no option stale"),
]


@pytest.mark.parametrize(("address", "message"), FAULTS, ids=[address for address, _ in FAULTS])
def test_addresses_that_can_never_work(address: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Trader(address)


# ------------------------------------------------------------------------------------------------- past the calendar


@pytest.mark.parametrize("moment", ["2026-12-31 17:00:00", "2027-03-03 10:00:00"])
def test_past_the_calendar_one_line_asks_for_an_update(moment: str, fake: Fake) -> None:
    """China's holidays of 2027 are not announced in the shipped calendar; nothing is guessed (reference-data 4)."""
    with use(HandClock(moment)), pytest.raises(ValueError, match="outside the CN calendar") as refused:
        Trader("tts://sim?quotes=fake://")
    text = str(refused.value)
    assert text.startswith("tts://sim?quotes=fake://: ")
    assert "update ctp2" in text
    assert "\n" not in text


def test_the_last_day_of_the_calendar_is_traded(tmp_path: Path, fake: Fake) -> None:
    with session_counter(tmp_path, "2026-12-31 09:00:00", quotes="fake://") as sim:
        trader = trading(sim, fake, "rb2705")
        fake.quote("09:00:00", 3000.0, "rb2705")
        trader.fill("rb2705", 3010.0)


# market → (start in Beijing, trading day) of a counter that lists nothing of China, after China's calendar has ended
ELSEWHERE = [
    ("hk", "HKEX/HK", "2027-03-03 09:30:00", "20270303"),
    ("us", "NASD/US", "2027-03-03 22:30:00", "20270303"),  # 09:30 in New York (UTC-5)
    ("cme", "ES", "2027-03-03 07:00:00", "20270303"),  # 17:00 of the day before in Chicago (UTC-6)
]


@pytest.mark.parametrize(("market", "product", "opening", "day"), ELSEWHERE)
def test_other_markets_work_in_2027(
    market: str, product: str, opening: str, day: str, tmp_path: Path, fake: Fake
) -> None:
    with session_counter(tmp_path, opening, quotes="fake://", markets=market) as sim:
        trader = sim.trader()
        assert trader.login_field.TradingDay == day
        assert told(trader, product)[-1] == "2"


def test_a_recorded_day_of_china_past_the_calendar_is_refused(tmp_path: Path) -> None:
    """Its phases are not known; a day of Hong Kong is played, and so are days before the calendar (test_phases)."""
    from ctp2.refdata.calendar import CalendarEnded

    source = Source(tmp_path, row("rb2705", "SHFE", "20270303", "20270303", "09:30:00"))
    with pytest.raises(CalendarEnded, match=r"20270303 is outside the CN calendar .*update ctp2"):
        registry.acquire(parse(source.address))
    source = Source(tmp_path, row("00700", "HKEX", "20270303", "20270303", "09:30:00", 400).replace("3000,3000,", ",,"))
    registry.release(registry.acquire(parse(source.address)))


# ------------------------------------------------------------------------------------------------- the link


def test_a_source_without_market_data_is_refused(tmp_path: Path, fake: Fake) -> None:
    from ctp2.core.errors import AddressError

    fake.backend = FakeBackend(kinds=("trader",))
    with pytest.raises(AddressError, match="this front has no market data"):
        registry.acquire(parse("tts://sim?id=none&quotes=fake://"))


def test_the_source_is_given_back(tmp_path: Path, fake: Fake) -> None:
    with session_counter(tmp_path, "2026-01-12 09:30:00", quotes="fake://") as sim:
        trader = sim.trader()
        session = fake.session
        assert not fake.backend.closed
        trader.api.Release()
    assert session.closed
    assert fake.backend.closed
