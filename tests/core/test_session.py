from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ctp2.core.backend import QUICK, Event, Kind, Request
from ctp2.core.session import LoggedIn, LoginResult, SessionMachine
from ctp2.ctp import methods
from ctp2.ctp import structs as s


class Venue:
    """The port under the test's control, and the sink."""

    depth = 0

    def __init__(self, kind: Kind = "trader", query_rate: int = 0) -> None:
        self.now_ns = 0
        self.kind = kind
        self.events: list[Event] = []
        self.served: list[str] = []
        self.logouts = 0
        self.result = LoginResult(s.CThostFtdcRspUserLoginField(TradingDay="20260105"))
        self.error: Exception | None = None
        self.machine = SessionMachine(kind, self, self, query_rate, lambda: self.now_ns)
        self.machine.connect()

    def put(self, events: Sequence[Event]) -> None:
        self.events.extend(events)

    def when_idle(self, call: Callable[[], None]) -> None:
        call()

    def authenticate(self, request: Request) -> tuple[Any, int]:
        return None, 63 if request.field.AuthCode == "bad" else 0

    def login(self, machine: SessionMachine, request: Request) -> LoginResult:
        return self.result

    def logout(self, machine: SessionMachine) -> None:
        self.logouts += 1

    def request(self, machine: SessionMachine, request: Request) -> None:
        if self.error is not None:
            raise self.error
        self.served.append(request.method.name)

    def ask(self, name: str, field: Any = None, request_id: int = 1, connection: int = 0) -> list[Event]:
        """The events that one request leads to."""
        table = methods.TRADER if self.kind == "trader" else methods.MD
        method = table[name]
        before = len(self.events)
        if field is None:
            field = getattr(s, method.struct)()
        self.machine.handle(Request(method, field, request_id, connection))
        return self.events[before:]

    def logged_in(self) -> Venue:
        self.ask("ReqUserLogin")
        return self


def told(events: Sequence[Event]) -> list[tuple[str, int | None]]:
    return [(event.callback, None if event.info is None else event.info.ErrorID) for event in events]


def test_connecting() -> None:
    venue = Venue()
    assert told(venue.events) == [("OnFrontConnected", None)]
    assert venue.machine.connection == 1


# --- connected -------------------------------------------------------------------------------------------------------


def test_authentication_is_echoed() -> None:
    field = s.CThostFtdcReqAuthenticateField(BrokerID="9999", UserID="u", AppID="a", AuthCode="secret")
    (event,) = Venue().ask("ReqAuthenticate", field, 7)
    assert (event.callback, event.info and event.info.ErrorID, event.request_id) == ("OnRspAuthenticate", 0, 7)
    assert event.field == s.CThostFtdcRspAuthenticateField(BrokerID="9999", UserID="u", AppID="a")


def test_refused_authentication() -> None:
    events = Venue().ask("ReqAuthenticate", s.CThostFtdcReqAuthenticateField(AuthCode="bad"))
    assert told(events) == [("OnRspAuthenticate", 63)]


def test_login_and_its_flow_come_together() -> None:
    venue = Venue()
    venue.result = LoginResult(venue.result.field, flow=[Event("OnRtnOrder"), Event("OnRtnTrade")])
    events = venue.ask("ReqUserLogin")
    assert told(events) == [("OnRspUserLogin", 0), ("OnRtnOrder", None), ("OnRtnTrade", None)]
    assert events[0].info is not None
    assert events[0].info.ErrorMsg == "正确"
    assert venue.machine.is_logged_in


def test_a_refused_login_echoes_broker_and_user() -> None:
    venue = Venue()
    venue.result = LoginResult(error_id=3)
    (event,) = venue.ask("ReqUserLogin", s.CThostFtdcReqUserLoginField(BrokerID="9", UserID="u", Password="p"))
    assert event.field == s.CThostFtdcRspUserLoginField(BrokerID="9", UserID="u")
    assert told([event]) == [("OnRspUserLogin", 3)]
    assert not venue.machine.is_logged_in


@pytest.mark.parametrize("error_id", [131, 140, 141, 142])
def test_a_password_that_must_change_can_be_changed(error_id: int) -> None:
    venue = Venue()
    assert told(venue.ask("ReqUserPasswordUpdate")) == [("OnRspUserPasswordUpdate", 6)]
    venue.result = LoginResult(error_id=error_id)
    venue.ask("ReqUserLogin")
    assert venue.ask("ReqUserPasswordUpdate") == []
    assert venue.served == ["ReqUserPasswordUpdate"]
    assert told(venue.ask("ReqOrderInsert")) == [("OnRspOrderInsert", 6)]


@pytest.mark.parametrize(
    ("name", "has_data"),
    [("ReqOrderInsert", True), ("ReqOrderAction", True), ("ReqQryInstrument", False), ("ReqUserLogout", True)],
)
def test_before_login_everything_else_gets_error_6_through_its_own_answer(name: str, has_data: bool) -> None:
    venue = Venue()
    (event,) = venue.ask(name, request_id=5)
    assert told([event]) == [(methods.TRADER[name].response, 6)]
    assert (event.field is not None, event.request_id, event.is_last) == (has_data, 5, True)
    assert venue.served == []


def test_before_login_a_subscription_is_refused_code_by_code() -> None:
    events = Venue("md").ask("SubscribeMarketData", ("a", "b"))
    assert [(e.callback, e.field.InstrumentID, e.info and e.info.ErrorID, e.is_last) for e in events] == [
        ("OnRspSubMarketData", "a", 6, False),
        ("OnRspSubMarketData", "b", 6, True),
    ]


# --- logged in -------------------------------------------------------------------------------------------------------


def test_requests_reach_the_venue() -> None:
    venue = Venue().logged_in()
    assert venue.ask("ReqOrderInsert") == []
    assert venue.served == ["ReqOrderInsert"]


def test_a_second_login_is_ignored() -> None:
    venue = Venue().logged_in()
    assert venue.ask("ReqUserLogin") == []
    assert isinstance(venue.machine.state, LoggedIn)


def test_logout_disconnects_and_connects_again() -> None:
    venue = Venue().logged_in()
    events = venue.ask("ReqUserLogout", s.CThostFtdcUserLogoutField(BrokerID="9", UserID="u"))
    assert told(events) == [("OnRspUserLogout", 0), ("OnFrontDisconnected", None), ("OnFrontConnected", None)]
    assert events[0].field == s.CThostFtdcUserLogoutField(BrokerID="9", UserID="u")
    assert events[1].request_id == 4097
    assert (venue.logouts, venue.machine.connection, venue.machine.is_logged_in) == (1, 2, False)


def test_market_data_fronts_know_no_logout() -> None:
    venue = Venue("md").logged_in()
    assert told(venue.ask("ReqUserLogout")) == [("OnRspUserLogout", 77)]
    assert venue.machine.is_logged_in


def test_the_rate_of_queries() -> None:
    venue = Venue(query_rate=1).logged_in()
    assert venue.ask("ReqQryInstrument") == []
    assert told(venue.ask("ReqQryInstrument", request_id=2)) == [("OnRspError", 90)]
    venue.now_ns = 1_000_000_000
    assert venue.ask("ReqQryInstrument") == []


def test_a_failing_venue_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    venue = Venue().logged_in()
    venue.error = RuntimeError("bug")
    assert told(venue.ask("ReqOrderInsert")) == [("OnRspOrderInsert", 5002)]
    assert "ReqOrderInsert failed" in caplog.text


# --- the end of a link -----------------------------------------------------------------------------------------------


def test_nothing_late_after_a_disconnection() -> None:
    venue = Venue().logged_in()
    venue.machine.disconnect(8193)
    assert (venue.events[-1].callback, venue.events[-1].request_id, venue.logouts) == ("OnFrontDisconnected", 8193, 1)
    assert venue.ask("ReqQryInstrument") == []
    venue.machine.connect()
    assert venue.ask("ReqQryInstrument", connection=1) == [], "sent on the old link"
    assert told(venue.ask("ReqQryInstrument", connection=2)) == [("OnRspQryInstrument", 6)]


def test_a_cut_link_is_told_once() -> None:
    venue = Venue()
    venue.machine.disconnect()
    venue.machine.disconnect()
    assert told(venue.events) == [("OnFrontConnected", None), ("OnFrontDisconnected", None)]
    venue.machine.reconnect()
    assert told(venue.events[2:]) == [("OnFrontConnected", None)]


def test_closing_logs_out_and_says_nothing() -> None:
    venue = Venue().logged_in()
    before = len(venue.events)
    venue.machine.close()
    venue.machine.close()
    assert venue.ask("ReqQryInstrument") == []
    assert (len(venue.events), venue.logouts) == (before, 1)


def test_a_request_of_the_other_kind_of_front() -> None:
    venue = Venue("md").logged_in()
    venue.machine.handle(Request(methods.TRADER["ReqOrderInsert"], s.CThostFtdcInputOrderField(), 3))
    event = venue.events[-1]
    assert (*told([event])[0], event.request_id) == ("OnRspError", 77, 3)


@pytest.mark.parametrize(
    ("subscribed", "start"), [(("", 0), 0), (("20260105", 4), 4), (("20260104", 4), 0), (("20260104", QUICK), QUICK)]
)
def test_where_a_flow_starts(subscribed: tuple[str, int], start: int) -> None:
    machine = Venue().machine
    assert machine.start_of("private", "20260105") == QUICK
    machine.subscribe_topic("private", *subscribed)
    assert machine.start_of("private", "20260105") == start
