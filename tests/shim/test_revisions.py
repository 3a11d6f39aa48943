"""Every revision over its own library, all in one process: each speaks its own slots and layouts."""

from __future__ import annotations

from typing import Any

import pytest

from ctp2.ctp import schema, structs
from ctp2.front import wire
from ctp2.front.dialect import checksum
from ctp2.shim.revisions import REVISIONS
from tests.shim.conftest import Start

pytestmark = pytest.mark.foreign

NAMES = [revision.name for revision in REVISIONS]


@pytest.mark.parametrize("name", NAMES)
def test_a_trader_of_every_revision(program: Start, name: str) -> None:
    api, spi, front = program(name)
    link = front.start()
    assert (link.hello.revision, link.hello.checksum) == (name, checksum(name, "trader"))
    assert spi.next().name == "OnFrontConnected"
    assert api.request("ReqUserLogin", 1, BrokerID="9999", UserID="alice") == 0
    assert [wire.read_topic(link.read(wire.TOPIC))[0] for _ in range(2)] == ["private", "public"]
    link.login("20260105")
    login = spi.next()
    assert (login.name, login.number, login.error_id) == ("OnRspUserLogin", 1, 0)
    assert api.call("GetTradingDay") == b"20260105"
    assert api.request("ReqOrderInsert", 2, InstrumentID="rb2605", LimitPrice=3500.5, VolumeTotalOriginal=3) == 0
    order = link.request("ReqOrderInsert").field
    assert (order.InstrumentID, order.LimitPrice, order.VolumeTotalOriginal) == ("rb2605", 3500.5, 3)
    link.call("OnRtnOrder", structs.CThostFtdcOrderField(InstrumentID="rb2605", StatusMsg="未成交"))
    heard = spi.struct(spi.next("OnRtnOrder"), "CThostFtdcOrderField")
    assert (heard.InstrumentID, heard.StatusMsg) == ("rb2605", "未成交")
    last = [row["name"] for row in _classes(name) if row["name"].startswith("OnRspQry")][-1]
    request = "Req" + last.removeprefix("OnRsp")
    assert api.request(request, 3) == 0
    assert link.request(request).request_id == 3
    link.call(last, request_id=3)
    assert spi.next()[:5] == (last, None, None, 3, True)


@pytest.mark.parametrize("name", NAMES)
def test_a_market_data_program_of_every_revision(program: Start, name: str) -> None:
    api, spi, front = program(name, "md")
    link = front.start()
    assert (link.hello.revision, link.hello.checksum) == (name, checksum(name, "md"))
    spi.next("OnFrontConnected")
    assert api.names("SubscribeMarketData", [b"rb2605"]) == 0
    assert link.request("SubscribeMarketData").field == ("rb2605",)
    link.call("OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID="rb2605", LastPrice=1.5))
    tick: Any = spi.struct(spi.next("OnRtnDepthMarketData"), "CThostFtdcDepthMarketDataField")
    assert (tick.InstrumentID, tick.LastPrice) == ("rb2605", 1.5)


def _classes(name: str) -> list[dict[str, Any]]:
    methods: list[dict[str, Any]] = schema.load(name)["classes"]["CThostFtdcTraderSpi"]
    return methods
