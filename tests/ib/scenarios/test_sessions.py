"""Scenarios 2, 26, 30, 31 and 34 of spec ib 7: accounts, many messages, slow clients, releases, versions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ctp2.ib import links
from ctp2.testing.tws import Script
from tests.ib.scenarios.desk import APPLE, desk, trades, wait
from tests.ib.stand import LIMIT_S

TWO = {"DU1": 1_000_000.0, "DU2": 1_000_000.0}


def test_2_two_accounts() -> None:
    with desk(Script(accounts=dict(TWO))) as tws:
        client = tws.trader(user="trader").connect().login()
        client.order(APPLE, "buy", "open", 100, InvestorID="DU2").filled(LIMIT_S)
        assert [one["account"] for one in tws.tws.control.orders()] == ["DU2"]
        (trade,) = [call.field for call in client.spi.of("OnRtnTrade")]
        assert trade.InvestorID == "DU2"
        held = client.rows("ReqQryInvestorPosition", InvestorID="DU2")
        assert [(row.InvestorID, row.Position) for row in held] == [("DU2", 100)]
        assert client.rows("ReqQryInvestorPosition", InvestorID="DU1") == []
        assert client.order(APPLE, "buy", "open", 1, 100.0, InvestorID="DU3").refused(LIMIT_S).error == 13


def test_26_a_hundred_and_twenty_requests_at_once() -> None:
    with desk() as tws:
        client = tws.trader().start()
        order = client.order(APPLE, "buy", "open", 10, 100.0).working(LIMIT_S)
        before = len(tws.tws.world.frames)
        for number in range(120):
            # Each asks what its contract is, as an order of something that nobody knows yet does.
            client.order(f"ZZZ{number:03d}-USD-STK", "buy", "open", 1, 100.0, ExchangeID="SMART")
        order.cancel().cancelled(LIMIT_S)
        client.spi.wait_for(lambda call: call.name == "OnRspOrderInsert" and call.error_id == 16, 60, count=120)
        names = [frame.fields[0] for frame in list(tws.tws.world.frames)[before:] if frame.is_from_client]
        assert names.count("9") == 120
        assert names.index("4") < 60  # the cancel went before most of the questions
        assert not any(fields[3] == "100" for fields in _told(tws, "4"))


def _told(tws: Any, name: str) -> list[tuple[str, ...]]:
    return [one.fields for one in list(tws.tws.world.frames) if not one.is_from_client and one.fields[0] == name]


def test_30_a_slow_client() -> None:
    with desk() as tws:
        client = tws.trader().start()
        go_on = threading.Event()
        spi: Any = client.spi
        spi.OnRspQryInvestor = lambda *_: go_on.wait(5.0)
        client.send("ReqQryInvestor")
        for _ in range(20):
            client.order(APPLE, "buy", "open", 1, ExchangeID="NASD")
        wait(lambda: len(tws.tws.control.executions()) == 20)
        go_on.set()
        client.spi.wait_for("OnRtnTrade", LIMIT_S, count=20)
        assert [ref for ref, _, _ in trades(client)] == [str(number) for number in range(1, 21)]
        assert client.spi.of("OnFrontDisconnected") == []


def test_31_release_anywhere() -> None:
    with desk() as tws:
        released = threading.Event()
        client = tws.trader().start()

        def release(*_: Any) -> None:
            client.api.Release()
            released.set()

        spi: Any = client.spi
        spi.OnRspQryInvestor = release
        client.send("ReqQryInvestor")
        assert released.wait(LIMIT_S)
        during = tws.trader("client_id=3").start()
        during.send("ReqQryInstrument", InstrumentID="MSFT-USD-STK")
        during.close()
        wait(lambda: "ib-loop" not in _threads())
        for number in range(50):
            other = tws.trader(f"client_id={number + 10}")
            if number % 2:
                other.connect()
            else:
                other.api.Init()
            other.close()
        wait(lambda: "ib-loop" not in _threads())


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(("version", "negotiated"), [(157, 157), (176, 176)])
def test_34_the_version_that_both_speak(version: int, negotiated: int) -> None:
    with desk(Script(version=version)) as tws:
        client = tws.trader().start()
        assert client.spi.of("OnRspUserLogin")[0].field.SysVersion == f"sv={negotiated}"
        client.order(APPLE, "buy", "open", 100).filled(LIMIT_S)


def test_34_a_version_that_is_too_old() -> None:
    with desk(Script(version=150)) as tws:
        client = tws.trader()
        client.api.Init()
        trouble = wait(lambda: next(iter(links.TROUBLES.values()), None))
        wait(lambda: trouble.failures >= 1)
        assert client.spi.of("OnFrontConnected") == []


def test_orders_of_one_instrument_keep_their_order() -> None:
    """Also when the first of them has to ask what it is, and those behind it need not."""
    with desk() as tws:
        client = tws.trader().start()
        tws.tws.control.pause()
        for number in range(1, 11):
            client.order(APPLE, "buy", "open", number, 100.0, ExchangeID="NASD")
        tws.tws.control.resume()
        client.spi.wait_for(lambda call: call.name == "OnRtnOrder" and call.field.OrderStatus == "3", LIMIT_S, count=10)
        assert [one["quantity"] for one in tws.tws.control.orders()] == [float(number) for number in range(1, 11)]
