"""``OnRtnInstrumentStatus`` at the edges of trading hours (spec ib 4.3); instants are worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ctp2.ib.contracts import Directory
from ctp2.ib.market import Market
from ctp2.ib.records import Contract, Refused
from tests.ib import listed
from tests.ib.fakelink import FakeBackend, FakeSink

HOUR = 3600.0


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


class Place:
    def __init__(self, address: str = "ib://127.0.0.1:7497") -> None:
        self.backend = FakeBackend(address)
        self.link = self.backend.link_of("trader")
        self.listed = list(listed.LISTED)
        self.link.answers["details"] = lambda query: listed.answer(query, tuple(self.listed))
        self.directory = self.backend.directory = Directory(self.backend)  # type: ignore[arg-type]
        self.market = self.backend.market = Market(self.backend)  # type: ignore[arg-type]
        self.session, self.sink = self.backend.open("trader")

    def find(self, text: str) -> Any:
        return self.backend.timers.loop.run_until_complete(self.directory.resolve(self.link, text))

    def told(self, sink: FakeSink | None = None) -> list[tuple[str, str, str]]:
        events = (sink or self.sink).take()
        assert {event.callback for event in events} <= {"OnRtnInstrumentStatus"}
        return [(event.field.InstrumentID, event.field.InstrumentStatus, event.field.EnterTime) for event in events]


def _place(address: str) -> Iterator[Place]:
    made = Place(address)
    yield made
    made.market.close()
    made.backend.close()


@pytest.fixture
def place() -> Iterator[Place]:
    yield from _place("ib://127.0.0.1:7497")


@pytest.fixture
def beijing() -> Iterator[Place]:
    yield from _place("ib://127.0.0.1:7497?tz=Asia/Shanghai")


def test_a_day_of_a_share(place: Place) -> None:
    # It is 11:00 in New York; trading is from 04:00 to 20:00, today and tomorrow.
    place.find("AAPL")
    assert place.told() == [("AAPL-USD-STK", "2", "04:00:00")]
    place.find("AAPL")
    place.backend.timers.advance(9 * HOUR - 1)
    assert place.told() == []
    place.backend.timers.advance(2)
    assert place.told() == [("AAPL-USD-STK", "6", "20:00:00")]
    place.backend.timers.advance(4 * HOUR)
    assert place.told() == [("AAPL-USD-STK", "0", "00:00:00")]
    place.backend.timers.advance(4 * HOUR)
    assert place.told() == [("AAPL-USD-STK", "2", "04:00:00")]


def test_a_pause_in_the_zone_that_is_asked_for(beijing: Place) -> None:
    # Hong Kong's break is from 12:00 to 13:00; 16:00 UTC is its midnight, behind all sessions that are known.
    open_tomorrow = msgspec.structs.replace(
        listed.TENCENT, trading_hours="20251125:0930-20251125:1200;20251125:1300-20251125:1600"
    )
    beijing.listed = [open_tomorrow]
    beijing.find("00700")
    assert beijing.told() == [("700-HKD-STK@SEHK", "0", "00:00:00")]
    expected = [(9.5, "2", "09:30:00"), (2.5, "1", "12:00:00"), (1, "2", "13:00:00"), (3, "6", "16:00:00")]
    for hours, status, time in expected:
        beijing.backend.timers.advance(hours * HOUR)
        assert beijing.told() == [("700-HKD-STK@SEHK", status, time)]


def test_the_clients_own_text_and_who_logs_in_later(place: Place) -> None:
    found = place.find("ESZ5@CME")
    place.told()
    other, sink = place.backend.open("trader")
    place.directory.names_of(other).note(found, "ESZ5@CME")
    (event,) = place.market.statuses.current(other)
    field = event.field
    # Since 17:00 on Sunday, in Chicago.
    assert (field.InstrumentID, field.ExchangeID, field.ExchangeInstID) == ("ESZ5@CME", "CME", "ESZ5")
    assert (field.InstrumentStatus, field.EnterTime, field.EnterReason, field.TradingSegmentSN) == (
        *("2", "17:00:00", "1", 1),
    )
    # 22:00 UTC: the day ends; the next begins an hour later, which is announced half an hour before.
    place.backend.timers.advance(6 * HOUR)
    assert place.told(sink) == [("ESZ5@CME", "6", "16:00:00")]
    assert place.told() == [("ES-202512-USD-FUT@CME", "6", "16:00:00")]
    place.backend.timers.advance(0.5 * HOUR)
    assert place.told() == [("ES-202512-USD-FUT@CME", "0", "16:30:00")]


def test_chains_are_not_told(place: Place) -> None:
    query = Contract(symbol="ES", sec_type="FUT", exchange="CME")
    chain = place.backend.timers.loop.run_until_complete(place.directory.chain(place.link, query))
    assert len(chain) == 2
    assert place.told() == []
    place.find("ES-202603-USD-FUT@CME")
    assert [text for text, _, _ in place.told()] == ["ES-202603-USD-FUT@CME"]


def test_hours_of_a_new_day(place: Place) -> None:
    place.find("AAPL")
    place.find("SPY")
    place.told()
    # From tomorrow on AAPL trades from 05:00, and SPY is gone.
    later = "20251124:0400-20251124:2000;20251125:0500-20251125:2000"
    place.listed = [msgspec.structs.replace(listed.AAPL, trading_hours=later)]
    place.backend.timers.advance(13 * HOUR + 1)
    place.told()
    place.backend.timers.advance(4 * HOUR)
    assert place.told() == []
    place.backend.timers.advance(1 * HOUR)
    assert place.told() == [("AAPL-USD-STK", "2", "05:00:00")]


def test_the_link_is_down_when_the_day_changes(place: Place) -> None:
    place.find("AAPL")
    place.told()
    place.link.is_up = False
    place.backend.timers.advance(7 * HOUR)
    asked = len(place.link.calls_of("details"))
    place.link.is_up = True
    place.backend.timers.advance(1 * HOUR)
    assert len(place.link.calls_of("details")) > asked


def test_no_hours_no_status(place: Place) -> None:
    bare = msgspec.structs.replace(listed.AAPL, trading_hours="", liquid_hours="")
    place.listed = [bare]
    found = place.find("AAPL")
    assert place.told() == []
    place.market.statuses.halt(found, 1)
    assert place.told() == [("AAPL-USD-STK", "1", "11:00:00")]
    place.market.statuses.halt(found, 0)
    assert place.told() == [("AAPL-USD-STK", "2", "11:00:00")]


def test_an_unknown_contract_has_no_status(place: Place) -> None:
    with pytest.raises(Refused):
        place.find("ZZZZ")
    assert place.told() == []
    assert place.market.statuses.current(place.session) == []
