"""Subscriptions, ticks and quotes of an IB backend, before a link that is fed by hand (spec ib 3.2, 5.8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ctp2.core.backend import Event
from ctp2.core.session import LoggedIn
from ctp2.ctp import structs
from ctp2.ib import market as market_module
from ctp2.ib.contracts import Directory
from ctp2.ib.market import Market
from ctp2.ib.records import (
    DataType,
    DepthRow,
    FarmBack,
    LinkDown,
    LinkUp,
    PacketEnd,
    Problem,
    Record,
    Refused,
    Restored,
    SnapshotEnd,
    TickGeneric,
    TickPrice,
    TickSize,
    TickString,
)
from ctp2.refdata.ticks import DBL_MAX
from tests.ib import listed
from tests.ib.fakelink import FakeBackend, FakeLink, FakeSink

UP = LinkUp(176, 1, ("DU1000001",))


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


class Place:
    """A backend with a directory and market data, and one market data client."""

    def __init__(self, address: str = "ib://127.0.0.1:7497") -> None:
        self.backend = FakeBackend(address)
        self.timers = self.backend.timers
        for link in self.backend.links.values():
            link.answers["details"] = listed.answer
        self.link: FakeLink = self.backend.link_of("md")
        self.backend.directory = Directory(self.backend)  # type: ignore[arg-type]
        self.market = self.backend.market = Market(self.backend)  # type: ignore[arg-type]
        self.backend.requests = market_module.REQUESTS
        self.backend.parts = [self.market]
        self.session, self.sink = self.backend.open("md")

    def ask(self, name: str, *texts: str, session: Any = None) -> None:
        self.backend.ask(session or self.session, name, texts, 5)

    def packet(self, *records: Record, link: FakeLink | None = None) -> None:
        """What comes in one network packet."""
        (link or self.link).tell(*records, PacketEnd())
        self.timers.settle()

    def subscribe(self, text: str) -> int:
        """Subscribe to a stream that TWS grants without a price → its number."""
        self.ask("SubscribeMarketData", text)
        number = self.number
        self.packet(TickString(number, 45, "1764000000"))
        assert self.answers() == [(text, 0, True)]
        return number

    @property
    def number(self) -> int:
        """The newest request for a stream."""
        return self.link.calls_of("market_data")[-1][-1]  # type: ignore[no-any-return]

    def answers(self, sink: FakeSink | None = None) -> list[tuple[str, int, bool]]:
        """Everything that the client got, which is answers alone."""
        return [(event.field.InstrumentID, error_of(event)[0], event.is_last) for event in self.events(sink)]

    def events(self, sink: FakeSink | None = None) -> list[Event]:
        return (sink or self.sink).take()

    def ticks(self, sink: FakeSink | None = None) -> list[Any]:
        """Everything that the client got, which is ticks alone."""
        events = self.events(sink)
        assert {event.callback for event in events} <= {"OnRtnDepthMarketData"}
        return [event.struct() for event in events]


def error_of(event: Event) -> tuple[int, str]:
    """ErrorID and ErrorMsg of an answer."""
    assert event.info is not None
    return event.info.ErrorID, event.info.ErrorMsg


def _place(address: str) -> Iterator[Place]:
    made = Place(address)
    yield made
    made.market.close()
    made.backend.close()


@pytest.fixture
def place() -> Iterator[Place]:
    yield from _place("ib://127.0.0.1:7497")


@pytest.fixture
def deep() -> Iterator[Place]:
    yield from _place("ib://127.0.0.1:7497?depth=1")


@pytest.fixture
def delayed() -> Iterator[Place]:
    yield from _place("ib://127.0.0.1:7497?data=delayed&tz=Asia/Shanghai")


# ------------------------------------------------------------------ answers


def test_the_second_of_tws_begins_when_the_question_goes_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two hundred subscriptions the last goes out after five seconds; its refusal is its answer."""
    began: float = place.timers.monotonic()
    monkeypatch.setattr(place.link, "is_unsent", lambda req_id: place.timers.monotonic() < began + 5.0)
    place.ask("SubscribeMarketData", "AAPL")
    number = place.number
    place.timers.advance(4.9)
    assert place.events() == []
    place.timers.advance(0.9)
    assert place.events() == []
    place.packet(Problem(number, 354, "not subscribed"))
    assert place.answers() == [("AAPL", 9, True)]

    began = place.timers.monotonic()
    place.ask("SubscribeMarketData", "AAPL")
    place.timers.advance(6.2)
    assert place.answers() == [("AAPL", 0, True)]


def test_each_text_is_answered_in_its_order(place: Place) -> None:
    place.ask("SubscribeMarketData", "AAPL", "ZZZZ", "B2B", "ES-202512-USD-FUT@CME")
    asked = place.link.calls_of("market_data")
    assert [(call[0].con_id, call[1], call[2]) for call in asked] == [
        (265598, "233", False),
        (495512563, "233,588", False),
    ]
    # TWS has not said a word of AAPL; the others wait for their turn.
    assert place.events() == []
    place.packet(TickPrice(asked[0][-1], 1, 100.0, 5), TickPrice(asked[1][-1], 1, 6000.0, 5))
    events = place.events()
    assert [(event.callback, event.struct().InstrumentID) for event in events] == [
        ("OnRspSubMarketData", "AAPL"),
        ("OnRtnDepthMarketData", "AAPL"),
        ("OnRspSubMarketData", "ZZZZ"),
        ("OnRspSubMarketData", "B2B"),
        ("OnRspSubMarketData", "ES-202512-USD-FUT@CME"),
        ("OnRtnDepthMarketData", "ES-202512-USD-FUT@CME"),
    ]
    answers = [event for event in events if event.info is not None]
    assert [(error_of(event)[0], event.is_last, event.request_id) for event in answers] == [
        (0, False, 5),
        (16, False, 5),
        (16, False, 5),
        (0, True, 5),
    ]
    assert error_of(answers[1])[1].startswith("IB200:No security definition")


@pytest.mark.parametrize(
    ("text", "generic"),
    [
        ("AAPL-20260116-C-200-100-USD-OPT", "233,101"),
        ("EUR.USD", ""),
        ("BTC-USD-CRYPTO@PAXOS", ""),
    ],
)
def test_generic_ticks(place: Place, text: str, generic: str) -> None:
    place.ask("SubscribeMarketData", text)
    assert place.link.calls_of("market_data")[0][1] == generic


def test_silence_is_answered_after_a_second(place: Place) -> None:
    place.ask("SubscribeMarketData", "AAPL")
    place.timers.advance(0.9)
    assert place.events() == []
    place.timers.advance(0.2)
    assert place.answers() == [("AAPL", 0, True)]
    # The second is over: what is told now is shown, though it is neither bid nor ask nor last.
    place.packet(TickPrice(place.number, 9, 98.0, 0))
    assert [(tick.PreClosePrice, tick.LastPrice) for tick in place.ticks()] == [(98.0, DBL_MAX)]


def test_the_first_tick_waits_for_a_price_or_a_second(place: Place) -> None:
    number = place.subscribe("AAPL")
    place.packet(TickPrice(number, 9, 98.0, 0), TickSize(number, 8, 500))
    assert place.events() == []
    place.timers.advance(1.1)
    (tick,) = place.ticks()
    assert (tick.PreClosePrice, tick.Volume, tick.BidPrice1) == (98.0, 500, DBL_MAX)
    place.timers.advance(5)
    assert place.events() == []


def test_no_permission_is_error_9_and_no_stream(place: Place) -> None:
    place.ask("SubscribeMarketData", "AAPL")
    place.packet(Problem(place.number, 354, "Requested market data is not subscribed."))
    (event,) = place.events()
    assert error_of(event) == (9, "IB354:Requested market data is not subscribed.")
    # Nothing is kept of it: the next one asks again.
    place.ask("SubscribeMarketData", "AAPL")
    assert len(place.link.calls_of("market_data")) == 2


def test_a_late_refusal_is_a_second_answer(place: Place) -> None:
    number = place.subscribe("AAPL")
    place.packet(Problem(number, 10089, "Requested market data requires additional subscription"))
    assert place.answers() == [("AAPL", 9, True)]
    place.packet(TickPrice(number, 1, 100.0, 5))
    assert place.events() == []
    assert place.link.calls_of("cancel_market_data") == []


@pytest.mark.parametrize("code", [10090, 2152, 399])
def test_notices_end_nothing(place: Place, code: int) -> None:
    number = place.subscribe("AAPL")
    place.packet(Problem(number, code, "a notice"), TickPrice(number, 1, 100.0, 5))
    assert [tick.BidPrice1 for tick in place.ticks()] == [100.0]


# ------------------------------------------------------------------ ticks


def test_one_tick_per_packet_and_only_for_changes(place: Place) -> None:
    number = place.subscribe("AAPL")
    place.packet(
        TickPrice(number, 1, 100.0, 5),
        TickSize(number, 0, 5),
        TickPrice(number, 2, 100.5, 6),
        TickPrice(number, 4, 100.25, 1),
        TickString(number, 48, "100.25;1;1764000000500;700;100.1;true"),
    )
    (tick,) = place.ticks()
    assert (tick.InstrumentID, tick.ExchangeID, tick.TradingDay, tick.ActionDay) == (
        *("AAPL", "NASD", "20251124", "20251124"),
    )
    assert (tick.BidPrice1, tick.BidVolume1, tick.AskPrice1, tick.AskVolume1) == (100.0, 5, 100.5, 6)
    assert (tick.LastPrice, tick.Volume, tick.UpdateTime, tick.UpdateMillisec) == (100.25, 700, "11:00:00", 500)
    place.packet(TickPrice(number, 1, 100.0, 5), TickSize(number, 3, 6))
    place.packet()
    # An unknown type, a text of trades that cannot be read, another request.
    place.packet(TickPrice(number, 999, 1.0, 1), TickString(number, 48, "?"), TickPrice(number + 50, 1, 1.0, 1))
    assert place.events() == []
    place.packet(TickSize(number, 3, 7))
    assert [tick.AskVolume1 for tick in place.ticks()] == [7]


def test_trading_day_in_the_evening(place: Place) -> None:
    # ES trades from 17:00 in Chicago (23:00 UTC) for the next day.
    number = place.subscribe("ES-202512-USD-FUT@CME")
    place.packet(TickPrice(number, 4, 6000.0, 1), TickSize(number, 8, 900), TickPrice(number, 6, 6100.0, 0))
    (tick,) = place.ticks()
    assert (tick.TradingDay, tick.ActionDay, tick.UpdateTime, tick.Volume) == ("20251124", "20251124", "10:00:00", 900)
    # 22:30 UTC: the day is over, its volume stands until the next one begins.
    place.timers.advance(6.5 * 3600)
    place.packet(TickPrice(number, 9, 6001.0, 0), TickSize(number, 8, 5))
    (tick,) = place.ticks()
    assert (tick.TradingDay, tick.ActionDay, tick.UpdateTime, tick.Volume) == ("20251125", "20251124", "16:30:00", 900)
    place.timers.advance(0.5 * 3600)
    place.packet(TickPrice(number, 4, 6002.0, 1), TickSize(number, 8, 5), TickPrice(number, 14, 6002.0, 0))
    (tick,) = place.ticks()
    assert (tick.TradingDay, tick.UpdateTime, tick.Volume) == ("20251125", "17:00:00", 5)
    assert (tick.HighestPrice, tick.OpenPrice) == (DBL_MAX, 6002.0)


def test_two_texts_of_one_contract_share_a_stream(place: Place) -> None:
    number = place.subscribe("AAPL")
    place.packet(TickPrice(number, 1, 100.0, 5))
    place.events()
    place.ask("SubscribeMarketData", "AAPL-USD-STK")
    assert len(place.link.calls_of("market_data")) == 1
    # Answered at once, with what is known.
    assert [(event.callback, event.struct().InstrumentID) for event in place.events()] == [
        ("OnRspSubMarketData", "AAPL-USD-STK"),
        ("OnRtnDepthMarketData", "AAPL-USD-STK"),
    ]
    place.packet(TickPrice(number, 1, 100.1, 5))
    assert [tick.InstrumentID for tick in place.ticks()] == ["AAPL", "AAPL-USD-STK"]
    place.ask("UnSubscribeMarketData", "AAPL")
    assert place.answers() == [("AAPL", 0, True)]
    place.packet(TickPrice(number, 1, 100.2, 5))
    assert [tick.InstrumentID for tick in place.ticks()] == ["AAPL-USD-STK"]
    assert place.link.calls_of("cancel_market_data") == []
    place.ask("UnSubscribeMarketData", "AAPL-USD-STK", "never")
    assert place.link.calls_of("cancel_market_data") == [(number,)]
    assert place.answers() == [("AAPL-USD-STK", 0, False), ("never", 0, True)]
    # What was under way still, and what TWS says of a quick cancel.
    place.packet(TickPrice(number, 1, 100.3, 5), Problem(number, 300, "Can't find EId with tickerId"))
    assert place.events() == []


def test_another_exchange_is_another_stream(place: Place) -> None:
    place.ask("SubscribeMarketData", "AAPL", "AAPL-USD-STK@NASDAQ")
    assert [call[0].exchange for call in place.link.calls_of("market_data")] == ["SMART", "NASDAQ"]


def test_the_same_text_twice(place: Place) -> None:
    number = place.subscribe("AAPL")
    place.packet(TickPrice(number, 1, 100.0, 5))
    place.events()
    place.ask("SubscribeMarketData", "AAPL")
    assert [event.callback for event in place.events()] == ["OnRspSubMarketData", "OnRtnDepthMarketData"]
    place.packet(TickPrice(number, 1, 100.1, 5))
    assert len(place.ticks()) == 1
    place.ask("UnSubscribeMarketData", "AAPL")
    assert place.link.calls_of("cancel_market_data") == [(number,)]


def test_unsubscribed_before_the_answer(place: Place) -> None:
    place.ask("SubscribeMarketData", "AAPL")
    number = place.number
    place.ask("UnSubscribeMarketData", "AAPL")
    assert sorted(event.callback for event in place.events()) == ["OnRspSubMarketData", "OnRspUnSubMarketData"]
    assert place.link.calls_of("cancel_market_data") == [(number,)]
    place.packet(TickPrice(number, 1, 100.0, 5), Problem(number, 354, "Requested market data is not subscribed."))
    assert place.events() == []


def test_two_clients(place: Place) -> None:
    other, sink = place.backend.open("md")
    number = place.subscribe("AAPL")
    place.ask("SubscribeMarketData", "#265598", session=other)
    assert place.answers(sink) == [("#265598", 0, True)]
    place.packet(TickPrice(number, 1, 100.0, 5))
    (mine,), (others,) = place.ticks(), place.ticks(sink)
    assert (mine.InstrumentID, others.InstrumentID) == ("AAPL", "#265598")
    mine.BidPrice1 = 1.0
    assert others.BidPrice1 == 100.0
    place.market.forget(place.session)
    place.packet(TickPrice(number, 1, 100.1, 5))
    assert len(place.ticks(sink)) == 1
    assert place.events() == []
    place.market.forget(other)
    assert place.link.calls_of("cancel_market_data") == [(number,)]


# ------------------------------------------------------------------ depth


def test_depth(deep: Place) -> None:
    deep.ask("SubscribeMarketData", "AAPL")
    ((contract, rows, smart, depth_id),) = deep.link.calls_of("depth")
    assert (contract.con_id, rows, smart) == (265598, 20, True)
    number = deep.number
    deep.packet(
        TickPrice(number, 1, 99.0, 7),
        DepthRow(depth_id, 0, 0, 1, 99.1, 3.0, "ARCA", True),
        DepthRow(depth_id, 0, 0, 1, 99.1, 4.0, "BATS", True),
        DepthRow(depth_id, 2, 0, 1, 99.0, 5.0, "BATS", True),
    )
    tick = deep.events()[-1].struct()
    assert (tick.BidPrice1, tick.BidVolume1, tick.BidPrice2, tick.BidVolume2) == (99.1, 7, 99.0, 5)
    deep.packet(Problem(depth_id, 317, "Market depth data has been RESET."))
    (tick,) = deep.ticks()
    assert (tick.BidPrice1, tick.BidVolume1, tick.BidPrice2) == (99.0, 7, DBL_MAX)
    deep.packet(Problem(depth_id, 316, "Market depth data has been HALTED. Please re-subscribe."))
    again = deep.link.calls_of("depth")[-1][-1]
    assert again != depth_id
    assert deep.link.calls_of("cancel_depth") == [(depth_id, True)]
    deep.events()
    deep.packet(DepthRow(depth_id, 0, 0, 1, 50.0, 3.0), Problem(again, 2152, "Exchanges - Depth: ARCA; Top: BATS"))
    assert deep.events() == []
    deep.packet(DepthRow(again, 0, 0, 1, 99.2, 3.0))
    assert [tick.BidPrice1 for tick in deep.ticks()] == [99.2]
    deep.ask("UnSubscribeMarketData", "AAPL")
    deep.events()
    deep.packet(DepthRow(again, 0, 0, 1, 99.3, 3.0))
    assert deep.events() == []
    assert deep.link.calls_of("cancel_depth")[-1] == (again, True)


def test_a_fourth_depth_is_refused_and_level_1_goes_on(deep: Place) -> None:
    number = deep.subscribe("ES-202512-USD-FUT@CME")
    ((_, _, smart, depth_id),) = deep.link.calls_of("depth")
    assert not smart
    deep.packet(Problem(depth_id, 309, "Max number (3) of market depth requests has been reached"))
    deep.packet(TickPrice(number, 1, 6000.0, 5))
    assert [tick.BidPrice1 for tick in deep.ticks()] == [6000.0]
    deep.ask("UnSubscribeMarketData", "ES-202512-USD-FUT@CME")
    assert deep.link.calls_of("cancel_depth") == []


# ------------------------------------------------------------------ delayed data


def test_delayed_data(delayed: Place) -> None:
    delayed.packet(UP)
    assert delayed.link.calls_of("data_type") == [(3,)]
    delayed.ask("SubscribeMarketData", "AAPL")
    number = delayed.number
    delayed.packet(
        Problem(number, 10167, "Requested market data is not subscribed. Displaying delayed market data."),
        DataType(number, 3),
        TickPrice(number, 68, 99.0, 1),
        TickString(number, 88, "1763999050"),
    )
    answer, tick = delayed.events()
    assert error_of(answer) == (0, "CTP:No Error (delayed 延迟行情)")
    field = tick.struct()
    # 15:44:10 UTC, 23:44:10 in Shanghai.
    assert (field.LastPrice, field.ExchangeInstID, field.UpdateTime) == (99.0, "DELAYED", "23:44:10")
    # The server answers live where it may.
    delayed.packet(DataType(number, 1), TickPrice(number, 4, 99.5, 1))
    assert [(tick.LastPrice, tick.ExchangeInstID) for tick in delayed.ticks()] == [(99.5, "AAPL")]


def test_live_data_is_the_default(place: Place) -> None:
    place.packet(UP)
    assert place.link.calls_of("data_type") == []


# ------------------------------------------------------------------ again


def test_a_new_link_asks_for_everything(place: Place) -> None:
    number = place.subscribe("AAPL")
    place.packet(TickPrice(number, 1, 100.0, 5), TickPrice(number, 4, 100.1, 5))
    place.events()
    place.link.is_up = False
    place.packet(LinkDown(4097, "gone"))
    place.session.machine.disconnect(4097)
    place.link.is_up = True
    place.packet(UP)
    place.session.machine.connect()
    again = place.number
    assert again != number
    assert place.link.calls_of("cancel_market_data") == []
    place.sink.take()
    # Not logged in: nothing comes. Logged in: first what is known; the old bid is known no longer.
    place.packet(TickPrice(again, 4, 100.2, 1))
    assert place.events() == []
    place.session.machine.state = LoggedIn()
    (event,) = place.market.known_ticks(place.session)
    assert (event.struct().LastPrice, event.struct().BidPrice1) == (100.2, DBL_MAX)
    place.packet(TickPrice(again, 1, 100.1, 1), TickPrice(number, 1, 50.0, 1))
    assert [tick.BidPrice1 for tick in place.ticks()] == [100.1]


def test_a_link_that_breaks_while_it_is_asked(place: Place) -> None:
    place.ask("SubscribeMarketData", "AAPL", "SPY")
    place.link.is_up = False
    place.packet(LinkDown(4097, "gone"))
    assert place.events() == []
    place.link.is_up = True
    place.packet(UP)
    # Nobody was told that it is subscribed.
    assert len(place.link.calls_of("market_data")) == 2


def test_data_lost(place: Place) -> None:
    number = place.subscribe("AAPL")
    place.packet(Restored(is_data_lost=True))
    assert place.link.calls_of("cancel_market_data") == [(number,)]
    assert place.number != number


@pytest.mark.parametrize("record", [Restored(is_data_lost=False), FarmBack("usfarm")])
def test_only_silent_streams_are_asked_for_again(place: Place, record: Record) -> None:
    silent, busy = place.subscribe("AAPL"), place.subscribe("SPY")
    place.timers.advance(30)
    place.packet(record)
    place.timers.advance(5)
    place.packet(TickPrice(busy, 1, 500.0, 5))
    assert len(place.link.calls_of("market_data")) == 2
    place.timers.advance(6)
    assert place.link.calls_of("cancel_market_data") == [(silent,)]
    assert place.link.calls_of("market_data")[-1][0].con_id == 265598


def test_another_session_has_the_data(place: Place) -> None:
    number = place.subscribe("AAPL")
    competing = "No market data during competing live session"
    place.packet(Problem(number, 10197, competing))
    assert place.answers() == [("AAPL", 9, True)]
    assert place.market.is_degraded
    place.timers.advance(59)
    assert place.number == number
    place.timers.advance(2)
    again = place.number
    assert again != number
    # Still: it is told once, and tried on.
    place.packet(Problem(again, 10197, competing))
    assert place.events() == []
    place.timers.advance(61)
    place.packet(TickPrice(place.number, 1, 100.0, 5))
    assert [tick.BidPrice1 for tick in place.ticks()] == [100.0]
    assert not place.market.is_degraded
    # A client that comes meanwhile hears of it in its answer, and of its end by ticks.
    place.packet(Problem(place.number, 10197, competing))
    place.events()
    other, sink = place.backend.open("md")
    place.ask("SubscribeMarketData", "AAPL", session=other)
    assert place.answers(sink) == [("AAPL", 9, True)]
    place.timers.advance(61)
    place.packet(TickPrice(place.number, 1, 100.1, 5))
    assert len(place.ticks(sink)) == 1


@pytest.mark.parametrize(("code", "seconds"), [(100, 1), (10225, 1), (10182, 10)])
def test_streams_that_break_are_asked_for_again(place: Place, code: int, seconds: int) -> None:
    number = place.subscribe("AAPL")
    place.packet(Problem(number, code, "broken"))
    assert place.events() == []
    place.timers.advance(seconds + 0.1)
    assert place.link.calls_of("cancel_market_data") == [(number,)]
    place.packet(TickPrice(place.number, 1, 100.0, 5))
    assert [tick.BidPrice1 for tick in place.ticks()] == [100.0]


# ------------------------------------------------------------------ quotes that are asked for


def query(place: Place, session: Any, sink: FakeSink, **filters: str) -> list[Any]:
    """What a query is answered at once; statuses of what it found are not looked at."""
    place.backend.ask(session, "ReqQryDepthMarketData", structs.CThostFtdcQryDepthMarketDataField(**filters), 9)
    return [event for event in sink.take() if event.callback != "OnRtnInstrumentStatus"]


def test_a_query_takes_what_a_stream_knows(place: Place) -> None:
    trader, sink = place.backend.open("trader")
    number = place.subscribe("AAPL")
    place.packet(TickPrice(number, 1, 100.0, 5))
    sink.take()
    (event,) = query(place, trader, sink, InstrumentID="#265598")
    assert (event.callback, event.request_id, event.is_last) == ("OnRspQryDepthMarketData", 9, True)
    assert (event.field.InstrumentID, event.field.BidPrice1) == ("#265598", 100.0)
    assert place.backend.link_of("trader").calls_of("market_data") == []
    # Without InstrumentID: every stream, by the filters.
    (event,) = query(place, trader, sink)
    assert event.field.InstrumentID == "AAPL-USD-STK"
    assert [event.field for event in query(place, trader, sink, ExchangeID="CME")] == [None]
    assert [event.field for event in query(place, trader, sink, InstrumentID="AAPL", ProductClass="1")] == [None]
    found = place.market.quote(place.backend.directory.known("AAPL"))
    assert found is not None
    assert (found.bid, found.ask) == (100.0, None)
    assert place.market.best(place.backend.directory.known("AAPL")) == (100.0, None)
    assert place.market.best(
        place.backend.timers.loop.run_until_complete(place.backend.directory.resolve(place.link, "SPY"))
    ) == (None, None)


def test_a_snapshot(place: Place) -> None:
    trader, sink = place.backend.open("trader")
    link = place.backend.link_of("trader")
    assert query(place, trader, sink, InstrumentID="SPY") == []
    ((contract, generic, is_snapshot, number),) = link.calls_of("market_data")
    assert (contract.con_id, generic, is_snapshot) == (756733, "", True)
    place.packet(TickPrice(number, 1, 500.0, 5), TickPrice(number, 4, 500.5, 5), link=link)
    assert sink.take() == []
    place.packet(SnapshotEnd(number), link=link)
    (event,) = sink.take()
    assert (event.field.InstrumentID, event.field.BidPrice1, event.field.LastPrice) == ("SPY", 500.0, 500.5)
    assert link.calls_of("cancel_market_data") == []


def test_a_snapshot_without_end_or_without_data(place: Place) -> None:
    trader, sink = place.backend.open("trader")
    link = place.backend.link_of("trader")
    query(place, trader, sink, InstrumentID="SPY")
    number = link.calls_of("market_data")[-1][-1]
    place.packet(TickPrice(number, 9, 499.0, 0), link=link)
    place.timers.advance(10.5)
    assert sink.take() == []
    place.timers.advance(1)
    (event,) = sink.take()
    assert event.field.PreClosePrice == 499.0
    assert link.calls_of("cancel_market_data") == [(number,)]
    query(place, trader, sink, InstrumentID="SPY")
    place.packet(SnapshotEnd(link.calls_of("market_data")[-1][-1]), link=link)
    assert [event.field for event in sink.take()] == [None]


def test_a_snapshot_that_is_refused(place: Place) -> None:
    trader, sink = place.backend.open("trader")
    link = place.backend.link_of("trader")
    query(place, trader, sink, InstrumentID="SPY")
    refused = Refused(354, "Requested market data is not subscribed.")
    place.packet(Problem(link.calls_of("market_data")[-1][-1], refused.code, refused.text), link=link)
    (event,) = sink.take()
    assert error_of(event)[1] == str(refused)
    query(place, trader, sink, InstrumentID="SPY")
    link.is_up = False
    place.packet(LinkDown(4097, "gone"), link=link)
    (event,) = sink.take()
    assert error_of(event)[0] == 90


# ------------------------------------------------------------------ halts


def test_halts_are_instrument_statuses(place: Place) -> None:
    trader, sink = place.backend.open("trader")
    number = place.subscribe("AAPL")
    told = [event.field for event in sink.take()]
    # 11:00 in New York: within the trading hours since 04:00.
    assert [(field.InstrumentStatus, field.EnterTime) for field in told] == [("2", "04:00:00")]
    for kind, expected in ((2.0, ("1", "3")), (2.0, None), (-1.0, None), (1.0, None), (0.0, ("2", "1"))):
        place.packet(TickGeneric(number, 49, kind))
        found = [(event.field.InstrumentStatus, event.field.EnterReason) for event in sink.take()]
        assert found == ([expected] if expected else []), kind
    place.packet(TickGeneric(number, 90, 1.0))
    (event,) = sink.take()
    assert (event.field.InstrumentID, event.field.InstrumentStatus, event.field.EnterTime) == (
        *("AAPL-USD-STK", "1", "11:00:00"),
    )
    assert trader.machine.is_logged_in
