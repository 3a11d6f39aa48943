"""Connections to a stand-in TWS through the public Api: logins, breaks, and what TWS says of itself (spec ib 3)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.core.errors import MissingExtra
from ctp2.ib import client as client_module
from ctp2.ib import links
from ctp2.ib.backend import IbBackend
from ctp2.ib.records import FarmBack
from ctp2.testing import TraderRecorder
from ctp2.testing.clients import TraderClient
from ctp2.testing.tws import Script
from tests.ib.stand import ACCOUNT, LIMIT_S, Stand, stand


@pytest.fixture
def tws() -> Iterator[Stand]:
    with stand() as made:
        yield made


def of(client: Any, name: str) -> list[Any]:
    return list(client.spi.of(name))


# ------------------------------------------------------------------ login
def test_a_trader_logs_in(tws: Stand) -> None:
    client = tws.trader()
    client.start()
    (answer,) = of(client, "OnRspUserLogin")
    field = answer.field
    assert (field.SystemName, field.SysVersion, field.FrontID) == ("IB TWS", "sv=157", 1)
    assert (field.UserID, field.MaxOrderRef) == (ACCOUNT, "0")
    assert field.SessionID > 0
    assert client.api.GetTradingDay() == field.TradingDay


def test_a_client_of_market_data_logs_in_beside_it(tws: Stand) -> None:
    tws.trader().start()
    client = tws.md()
    client.start()
    assert tws.tws.call(lambda: sorted(one.client_id or 0 for one in tws.tws.world.sessions)) == [1, 2]


def test_two_sessions_share_a_connection_and_have_ids_of_their_own(tws: Stand) -> None:
    first, second = tws.trader().start(), tws.trader().start()
    assert len(tws.tws.world.sessions) == 1
    assert first.session_id != second.session_id


def test_a_user_id_that_is_a_number_is_the_client_id(tws: Stand) -> None:
    client = tws.trader(user="77")
    client.start()
    assert tws.tws.call(lambda: [one.client_id for one in tws.tws.world.ready_sessions() if one.client_id == 77]) == [
        77
    ]


def test_a_client_id_that_somebody_has_is_error_5(tws: Stand) -> None:
    tws.trader("client_id=9").start()
    client = tws.trader(user="9").connect()
    (answer,) = client.ask("ReqUserLogin", UserID="9")
    assert answer.error_id == 5
    assert answer.info.ErrorMsg.startswith("IB326:Unable to connect as the client id is already in use")
    # The session is where it was, and may log in under another name.
    client.user = "me"
    client.login()
    assert sorted(tws.tws.control.clients()) == [1, 9]


def test_a_connection_that_nobody_works_on_is_closed(tws: Stand) -> None:
    keeps = tws.trader().start()
    client = tws.trader(user="77").start()
    assert sorted(tws.tws.control.clients()) == [1, 77]
    client.close()
    _wait(lambda: tws.tws.control.clients() == [1])
    assert of(keeps, "OnFrontDisconnected") == []
    for _ in range(5):  # and the next one who wants it gets it
        tws.trader(user="77").start().close()


def test_the_client_id_of_market_data_cannot_trade(tws: Stand) -> None:
    client = tws.trader(user="2").connect()
    (answer,) = client.ask("ReqUserLogin", UserID="2")
    assert answer.error_id == 5


def test_the_user_picks_one_of_several_accounts() -> None:
    with stand(Script(accounts={"DU1": 1000.0, "DU2": 2000.0})) as tws:
        client = tws.trader(user="DU2").start()
        (answer,) = client.ask("ReqSettlementInfoConfirm")
        assert answer.field.InvestorID == "DU2"


def test_among_several_accounts_one_must_be_named() -> None:
    with stand(Script(accounts={"DU1": 1000.0, "DU2": 2000.0})) as tws:
        client = tws.trader(user="somebody").connect().login()
        (answer,) = client.ask("ReqQryInvestorPosition")
        assert (answer.error_id, answer.info.ErrorMsg) == (13, "CTP:InvestorID? DU1, DU2")
        (answer,) = client.ask("ReqQryInvestorPosition", InvestorID="DU3")
        assert answer.error_id == 13


def test_a_password_cannot_be_changed_here(tws: Stand) -> None:
    client = tws.trader().start()
    (answer,) = client.ask("ReqUserPasswordUpdate", BrokerID="9999", UserID=ACCOUNT)
    assert answer.error_id == 27


# ------------------------------------------------------------------ no TWS
def test_nothing_listens_then_something_does(tws: Stand) -> None:
    tws.tws.call(tws.tws.stop_listening)
    client = tws.trader()
    client.api.Init()
    trouble = _wait(lambda: next(iter(links.TROUBLES.values()), None))
    _wait(lambda: trouble.failures >= 2)
    assert trouble.error is not None
    assert "nothing listens at 127.0.0.1" in str(trouble.error)
    assert of(client, "OnFrontDisconnected") == []
    tws.tws.relisten()
    client.spi.wait_for("OnFrontConnected", LIMIT_S)
    client.login()


def test_what_answers_is_not_tws() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                done.wait(LIMIT_S)

        threading.Thread(target=serve, daemon=True).start()
        client = TraderClient(f"ib://127.0.0.1:{server.getsockname()[1]}")
        try:
            client.api.Init()
            trouble = _wait(lambda: next(iter(links.TROUBLES.values()), None))
            _wait(lambda: trouble.error is not None)
            assert trouble.error.why == "not TWS"
        finally:
            done.set()
            client.close()


def test_a_client_id_in_use_is_left_alone_for_a_while(tws: Stand) -> None:
    first = tws.trader("client_id=9").start()
    second = tws.trader("client_id=9", "eager_ack=1")  # another backend, the same client id
    second.api.Init()
    trouble = links.TROUBLES["127.0.0.1", tws.tws.port, 9]
    _wait(lambda: trouble.error is not None)
    assert trouble.error is not None
    assert (trouble.error.why, "client id 9 is in use" in str(trouble.error)) == ("in use", True)
    assert trouble.not_before - time.monotonic() > 25
    assert of(first, "OnFrontDisconnected") == []


def test_release_while_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = TraderClient(f"ib://127.0.0.1:{silent.getsockname()[1]}")
        client.api.Init()
        peer, _ = silent.accept()
        with peer:
            before = time.monotonic()
            client.close()
            assert time.monotonic() - before < 6  # the handshake would be waited for 8 s
    assert "ib-loop" not in [thread.name for thread in threading.enumerate()]


# ------------------------------------------------------------------ breaks
def test_a_break_and_the_way_back(tws: Stand) -> None:
    client = tws.trader().start()
    tws.cut()
    client.relogin(LIMIT_S)
    assert [call.number for call in of(client, "OnFrontDisconnected")] == [4097]


def test_silence_is_warned_of_and_then_cut(tws: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "TIMES", links.Times(retry=(0.1,), silence=0.3, answer=0.2, cut=0.3))
    client = tws.trader().start()

    def mute(session: Any) -> None:
        session.is_muted = True

    tws.on_clients(mute)
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    assert len(of(client, "OnHeartBeatWarning")) == 1
    assert [call.number for call in of(client, "OnFrontDisconnected")] == [8193]
    client.relogin(LIMIT_S)


def test_silence_alone_is_no_trouble(tws: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "TIMES", links.Times(retry=(0.1,), silence=0.1))
    client = tws.trader().start()
    _wait(lambda: len(tws.seen(49)) >= 3)  # reqCurrentTime, answered each time
    assert of(client, "OnHeartBeatWarning") == []
    assert of(client, "OnFrontDisconnected") == []


# ------------------------------------------------------------------ what TWS says of itself
def test_a_short_cut_off_is_not_told(tws: Stand) -> None:
    client = tws.trader().start()
    before = len(tws.seen(61))
    tws.tell(1100, "Connectivity between IB and TWS has been lost")
    tws.tell(1102, "Connectivity between IB and TWS has been restored - data maintained")
    _wait(lambda: len(tws.seen(61)) > before)  # positions are asked for again
    assert of(client, "OnFrontDisconnected") == []


@pytest.mark.parametrize("code", [1101, 1102])
def test_a_long_cut_off_is_a_break(tws: Stand, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(links, "TIMES", links.Times(cut_off=0.1))
    client = tws.trader().start()
    tws.tell(1100, "Connectivity between IB and TWS has been lost")
    client.spi.wait_for("OnFrontDisconnected", LIMIT_S)
    tws.tell(code, "Connectivity between IB and TWS has been restored")
    client.relogin(LIMIT_S)
    assert len(tws.tws.world.sessions) == 1


def test_the_port_changes(tws: Stand) -> None:
    with stand() as other:
        client = tws.trader().start()
        tws.tell(
            1300,
            "Socket port has been reset and this connection is being dropped. "
            f"Please reconnect on the new port - {other.tws.port}",
        )
        client.relogin(LIMIT_S)
        assert len(other.tws.world.sessions) == 1


def _wait(condition: Any) -> Any:
    end = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        pause.wait(0.01)
    raise AssertionError("it did not come in time")


def test_nonsense_in_the_middle_cuts_the_link(tws: Stand) -> None:
    client = tws.trader().start()
    tws.on_clients(lambda session: session._transport.write(b"\xff\xff\xff\xff" + b"x" * 20))
    assert client.spi.wait_for("OnFrontDisconnected", LIMIT_S).number == 8195
    client.relogin(LIMIT_S)


@pytest.mark.parametrize("fields", [(11, 7), (3, 1), (5, "one")])
def test_an_order_message_that_cannot_be_read_cuts_the_link(
    tws: Stand, fields: tuple[object, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """What it said is found out by reconciliation; nothing is guessed."""
    client = tws.trader().start()
    tws.tws.control.send(fields)
    assert client.spi.wait_for("OnFrontDisconnected", LIMIT_S).number == 8195
    client.relogin(LIMIT_S)
    assert any("cannot be read" in record.getMessage() for record in caplog.records)
    caplog.clear()


def test_a_farm_that_comes_back_has_quiet_streams_asked_for_again(tws: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _farms_told(monkeypatch)
    tws.md().start()
    tws.tell(2104, "Market data farm connection is OK:usfarm")  # it was never down
    tws.tell(2103, "Market data farm connection is broken:usfarm")
    tws.tell(2104, "Market data farm connection is OK:usfuture")
    tws.tell(2104, "Market data farm connection is OK:usfarm")
    tws.tell(2104, "Market data farm connection is OK:usfarm")
    tws.tell(2105, "HMDS data farm connection is broken:ushmds")
    tws.tell(2106, "HMDS data farm connection is OK:ushmds")
    _wait(lambda: len(told) >= 2)
    assert told == ["usfarm", "ushmds"]


def test_data_that_another_session_took_is_asked_for_again(tws: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "TIMES", links.Times(competing=0.05))
    told = _farms_told(monkeypatch)
    tws.md().start()
    tws.tell(10197, "No market data during competing live session")
    tws.tell(10197, "No market data during competing live session")
    _wait(lambda: told)
    assert told == ["competing session"]


def test_account_updates_that_something_ended_are_asked_for_again(tws: Stand) -> None:
    tws.trader().start()
    before = len(tws.seen(6))
    tws.tell(2100, "API client has been unsubscribed from account data.")
    _wait(lambda: len(tws.seen(6)) > before)
    tws.tell(2100, "API client has been unsubscribed from account data.")  # not again for ten seconds
    tws.tell(2104, "Market data farm connection is OK:usfarm")
    assert len(tws.seen(6)) == before + 1


def test_without_a_library_the_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LIBRARIES", ("ib_nowhere",))
    client = TraderRecorder()
    api: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    api.RegisterSpi(client)
    with pytest.raises(MissingExtra, match=r"pip install 'ctp2\[ib\]'"):
        api.RegisterFront("ib://127.0.0.1:7497")
    api.Release()


def _farms_told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The FarmBack records that parts are told."""
    told: list[str] = []
    pass_on = IbBackend.on_record

    def note(self: IbBackend, link: Any, record: Any) -> None:
        if isinstance(record, FarmBack):
            told.append(record.farm)
        pass_on(self, link, record)

    monkeypatch.setattr(IbBackend, "on_record", note)
    return told
