"""Programs at a front: the counter's behaviour over TCP is the embedded counter's (spec ctp-semantics 1, 2, 9)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.ctp import structs
from ctp2.front.limits import Limits
from ctp2.front.server import ServerThread
from ctp2.tts import counter
from tests.front.conftest import Make, Serve
from tests.front.raw import Raw
from tests.tts.programs import FIRST, Watcher, is_order, is_private

RESTART, RESUME, QUICK = tdapi.THOST_TERT_RESTART, tdapi.THOST_TERT_RESUME, tdapi.THOST_TERT_QUICK
Watch = Callable[[str], Watcher]


def cut_all(server: ServerThread) -> None:
    """The network breaks: every link of the trading front ends without a word."""
    server.call(server.server.hubs["trader"].abort)


# --- one client ------------------------------------------------------------------------------------------------------


def test_an_order_and_its_trade(server: ServerThread, counter_address: str, trader: Make) -> None:
    alice = trader(server.trade).start()
    counter(counter_address).step(FIRST)
    trade = alice.fill()
    assert (trade.InstrumentID, trade.Price, trade.Volume, trade.InvestorID) == ("rb2105", 4301.0, 1, "alice")
    resting = alice.rest()
    before = alice.cancel(resting)
    assert alice.spi.wait_for(is_order("5"), after=before).field.OrderRef == resting.OrderRef
    rows = alice.rows("ReqQryInvestorPosition", InstrumentID="rb2105")
    assert [(row.PosiDirection, row.Position) for row in rows] == [("2", 1)]
    assert len(alice.rows("ReqQryInstrument")) == 4
    assert alice.api.GetTradingDay() == "20210104"


def test_an_old_client_and_a_new_one_see_the_same(server: ServerThread, counter_address: str, trader: Make) -> None:
    old = trader(server.trade + "?layout=6.3.15").start()
    new = trader(server.trade + "?layout=6.7.13").login()
    counter(counter_address).step(FIRST)
    old.fill()
    new.spi.wait_for("OnRtnTrade")
    mine, theirs = (
        [(c.name, c.field.InstrumentID, getattr(c.field, "OrderStatus", "")) for c in client.private()]
        for client in (old, new)
    )
    assert mine == theirs
    assert old.login_field.SysVersion == ""  # 6.3.15 has no such member
    assert new.login_field.SysVersion.startswith("v")


def test_logout_and_login_on_one_link(server: ServerThread, trader: Make) -> None:
    alice = trader(server.trade).login()
    first = alice.login_field.SessionID
    before = len(alice.spi.calls)
    alice.send("ReqUserLogout", BrokerID="9999", UserID="alice")
    assert alice.spi.wait_for("OnFrontDisconnected", after=before).number == 4097
    alice.spi.wait_for("OnFrontConnected", after=before)
    (answer,) = alice.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    assert answer.field.SessionID != first
    assert server.server.hubs["trader"].connections.__len__() == 1


def test_the_wrong_front(server: ServerThread, trader: Make) -> None:
    lost = trader(server.md).connect()
    number = lost.send("ReqQryInstrument")
    assert lost.spi.answer(number)[0].error_id == 77
    assert lost.spi.answer(lost.send("ReqUserLogin", UserID="alice", Password="secret"))[0].error_id == 77


def test_no_password_is_logged(server: ServerThread, trader: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ctp2")
    alice = trader(server.trade).connect()
    alice.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="topsecret")
    alice.ask("ReqUserPasswordUpdate", UserID="alice", OldPassword="topsecret", NewPassword="evenmoreso")
    assert "topsecret" not in caplog.text and "evenmoreso" not in caplog.text
    assert "request link=1" in caplog.text
    assert "user=alice session=1 name=ReqUserPasswordUpdate" in caplog.text


# --- market data -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "?compress=on", "?layout=6.3.15&compress=on"])
def test_market_data(server: ServerThread, counter_address: str, watcher: Watch, options: str) -> None:
    watch = watcher(server.md + options).login().subscribe("rb2105", "nosuch")
    watch.spi.wait_for("OnRtnDepthMarketData")  # the latest one, at once
    counter(counter_address).step(6)
    tick = watch.spi.wait_for(lambda c: c.name == "OnRtnDepthMarketData" and c.field.LastPrice == 4303.0).field
    assert (tick.InstrumentID, tick.BidPrice1, tick.Volume) == ("rb2105", 4302.0, 1010)
    assert {tick.InstrumentID for tick in watch.ticks()} == {"rb2105"}


def test_the_end_of_a_subscription(server: ServerThread, counter_address: str, watcher: Watch) -> None:
    watch = watcher(server.md).login().subscribe("rb2105", "IF2101")
    assert watch.api.UnSubscribeMarketData(["rb2105"], 1) == 0
    watch.spi.wait_for("OnRspUnSubMarketData")
    before = len(watch.ticks("rb2105"))
    counter(counter_address).step(7)
    watch.spi.wait_for(lambda c: c.name == "OnRtnDepthMarketData" and c.field.LastPrice == 5225.0)
    assert len(watch.ticks("rb2105")) == before


# --- several clients -------------------------------------------------------------------------------------------------


def test_every_session_of_a_user_gets_all(server: ServerThread, counter_address: str, trader: Make) -> None:
    first = trader(server.trade).start()
    second = trader(server.trade).login()
    counter(counter_address).step(FIRST)
    first.fill()
    second.spi.wait_for("OnRtnTrade")
    assert [c.name for c in second.private()] == [c.name for c in first.private()]
    assert first.login_field.SessionID != second.login_field.SessionID


QUERY_ALL = ("ReqQryOrder", "ReqQryTrade", "ReqQryInvestorPosition", "ReqQryInvestorPositionDetail")


# --- a link that breaks ----------------------------------------------------------------------------------------------


def test_a_cut_link_comes_back_and_nothing_is_lost(server: ServerThread, counter_address: str, trader: Make) -> None:
    alice = trader(server.trade, resume=RESUME).start()
    counter(counter_address).step(FIRST)
    alice.fill()
    had = len(alice.private())
    mark = len(alice.spi.calls)
    cut_all(server)
    assert alice.spi.wait_for("OnFrontDisconnected", after=mark).number == 4097
    alice.spi.wait_for("OnFrontConnected", after=mark)
    other = trader(server.trade, resume=QUICK).start()
    other.rest()
    (answer,) = alice.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    assert answer.field.SessionID != alice.login_field.SessionID
    alice.spi.wait_for(is_order("3"), after=mark)
    missed = [c for c in alice.spi.calls[mark:] if is_private(c)]
    assert [c.name for c in missed] == ["OnRtnOrder"] * len(missed)
    assert {c.field.SessionID for c in missed} == {other.login_field.SessionID}
    # Everything once: what a session that starts from the beginning gets.
    all_of_it = trader(server.trade, resume=RESTART).login()
    all_of_it.spi.wait_for(is_private, count=had + len(missed))
    assert [c.name for c in all_of_it.private()] == [c.name for c in alice.private()]


def test_requests_while_the_link_is_down(serve: Serve, counter_address: str, trader: Make) -> None:
    server = serve(counter_address)
    alice = trader(server.trade).login()
    server.stop()
    assert alice.spi.wait_for("OnFrontDisconnected").number == 4097
    assert alice.api.ReqQryInstrument(structs.CThostFtdcQryInstrumentField(), 9) == -1


def test_flow_files_serve_a_later_program(
    server: ServerThread, counter_address: str, trader: Make, tmp_path: Path
) -> None:
    alice = trader(server.trade, flow=f"{tmp_path}/one-", resume=RESUME).start()
    counter(counter_address).step(FIRST)
    alice.fill()
    had = len(alice.private())
    alice.api.Release()
    other = trader(server.trade, flow=f"{tmp_path}/two-", resume=QUICK).start()
    other.rest()
    missed = len(other.private())
    later = trader(server.trade, flow=f"{tmp_path}/one-", resume=RESUME).login()
    later.spi.wait_for(is_order("3"))
    assert len(later.private()) == missed
    quick = trader(server.trade, flow=f"{tmp_path}/one-q", resume=QUICK).login()
    restart = trader(server.trade, flow=f"{tmp_path}/one-r", resume=RESTART).login()
    restart.spi.wait_for(is_private, count=had + missed)
    assert quick.private() == []


def test_another_front_takes_over(serve: Serve, counter_address: str, trader: Make) -> None:
    first, second = serve(counter_address), serve(counter_address)
    alice = trader(first.trade)
    alice.api.RegisterFront(second.trade)
    alice.login()
    mark = len(alice.spi.calls)
    first.stop()
    alice.spi.wait_for("OnFrontConnected", after=mark)
    (answer,) = alice.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    assert answer.error_id == 0
    front = structs.CThostFtdcFrontInfoField()
    alice.api.GetFrontInfo(front)
    assert front.FrontAddr == second.trade


def test_the_front_that_is_there_is_found(server: ServerThread, trader: Make) -> None:
    alice = trader("tcp://127.0.0.1:1")
    alice.api.RegisterFront(server.trade)
    alice.login()


def test_a_stop_tells_the_clients_and_closes_the_backend(serve: Serve, backend: Any) -> None:
    server = serve("fake://x")
    with Raw(server.trade) as client:
        client.start()
        session = backend.next()
        server.stop()
        assert client.ends()
    assert session.closed.wait(10)
    assert backend.closed.wait(10)


def test_a_server_of_a_server(server: ServerThread, serve: Serve, counter_address: str, trader: Make) -> None:
    """A front whose backend is another front: links break through, and come back."""
    relay = serve(server.trade, Limits(), md_port=None)
    alice = trader(relay.trade).start()
    counter(counter_address).step(FIRST)
    alice.fill()
    mark = len(alice.spi.calls)
    cut_all(server)
    alice.spi.wait_for("OnFrontDisconnected", after=mark)
    alice.spi.wait_for("OnFrontConnected", after=mark)
    assert alice.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")[0].error_id == 0
