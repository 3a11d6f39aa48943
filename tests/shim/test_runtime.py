"""The native runtime against a front that is the test's: what it says, what it calls, what it returns."""

from __future__ import annotations

import ctypes

import pytest

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.front import wire
from ctp2.front.dialect import checksum
from tests.shim.conftest import Start

pytestmark = pytest.mark.foreign


def test_hello_says_what_the_program_was_built_for(program: Start) -> None:
    api, _, front = program("6.7.11", "trader", flags=(True,))
    hello = front.accept().greet().hello
    assert (hello.side, hello.revision, hello.checksum) == ("trader", "6.7.11", checksum("6.7.11", "trader"))
    assert (hello.pointer_size, hello.factory, hello.features) == (8, 4, 0)
    assert (hello.platform, hello.library[:5]) == ("linux-x86_64", "ctp2 ")
    assert hello.client_id
    assert api.api_version() == "v6.7.11_20250617 ctp2"


def test_factory_flags_of_market_data(program: Start) -> None:
    _, _, front = program("6.7.11", "md", flags=(True, False, True))
    assert front.accept().greet().hello.factory == 1 + 4


def test_requests_and_answers(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    assert spi.next().name == "OnFrontConnected"
    assert api.request("ReqAuthenticate", 7, BrokerID="9999", UserID="alice", AppID="app") == 0
    frame = link.frame()
    assert (frame.kind, frame.flags, frame.request_id, frame.aux) == (wire.REQUEST, wire.FIELD | wire.LAST, 7, 1)
    request = link.dialect.decode_request(frame)
    assert request is not None
    assert (request.method.name, request.field.UserID, request.field.AppID) == ("ReqAuthenticate", "alice", "app")
    answer = structs.CThostFtdcRspAuthenticateField(UserID="alice")
    link.call("OnRspAuthenticate", answer, rsp_info(63), 7)
    call = spi.next()
    assert (call.name, call.number, call.is_last, call.error_id) == ("OnRspAuthenticate", 7, True, 63)
    assert spi.struct(call, "CThostFtdcRspAuthenticateField").UserID == "alice"


def test_a_query_is_pending_until_its_last_row(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    assert api.request("ReqQryOrder", 1) == 0
    assert api.request("ReqQryTrade", 2) == -2
    assert api.request("ReqAuthenticate", 3) == 0
    row = structs.CThostFtdcOrderField(InstrumentID="rb2605")
    link.call("OnRspQryOrder", row, None, 1, is_last=False)
    assert not spi.next("OnRspQryOrder").is_last
    assert api.request("ReqQryTrade", 4) == -2
    results: list[int] = []
    spi.hooks["OnRspQryOrder"] = lambda call: results.append(api.request("ReqQryTrade", 5))
    link.call("OnRspQryOrder", None, None, 1)
    call = spi.next("OnRspQryOrder")
    assert (call.field, call.info, call.is_last) == (None, None, True)
    assert results == [0]  # free from inside the callback on
    link.call("OnRspError", None, rsp_info(90), 5)
    assert spi.next("OnRspError").number == 5
    assert api.request("ReqQryOrder", 6) == 0


def test_a_disconnect_frees_the_query(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    assert api.request("ReqQryOrder", 1) == 0
    link.call("OnFrontDisconnected", request_id=4097)
    assert spi.next("OnFrontDisconnected").number == 4097
    assert api.request("ReqQryOrder", 2) == -1
    link.call("OnFrontConnected")
    spi.next("OnFrontConnected")
    assert api.request("ReqQryOrder", 3) == 0
    assert [link.read(wire.REQUEST).aux for _ in range(2)] == [1, 2]  # of the first and the second connection


def test_limits_come_from_the_welcome(program: Start) -> None:
    api, spi, front = program()
    front.start(queries_in_flight=3, queries_per_second=2)
    spi.next("OnFrontConnected")
    assert [api.request("ReqQryOrder", number) for number in range(3)] == [0, 0, -3]


def test_a_worker_that_never_sleeps(program: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_BUSY_POLL", "1")
    api, spi, front = program()
    link = front.start(client_heartbeat_ms=50)
    spi.next("OnFrontConnected")
    for number in range(50):
        assert api.request("ReqQryOrder", number) == 0
        link.call("OnRspQryOrder", request_id=link.request("ReqQryOrder").request_id)
        assert spi.next("OnRspQryOrder").number == number
    assert link.read(wire.HEARTBEAT).kind == wire.HEARTBEAT
    api.call("Release")
    assert link.ends()


def test_no_limit_on_queries(program: Start) -> None:
    api, spi, front = program()
    front.start(queries_in_flight=0)
    spi.next("OnFrontConnected")
    assert [api.request("ReqQryOrder", number) for number in range(300)] == [0] * 300


def test_before_and_without_a_link(program: Start) -> None:
    api, spi, front = program()
    assert api.request("ReqQryOrder", 1) == -1
    link = front.accept().greet()
    assert api.request("ReqQryOrder", 1) == -1
    assert api.call("GetTradingDay") == b""
    link.call("OnFrontConnected")
    spi.next("OnFrontConnected")
    link.close()
    call = spi.next("OnFrontDisconnected")
    assert call.number == 4097
    assert api.request("ReqQryOrder", 1) == -1
    front.start()
    spi.next("OnFrontConnected")
    assert api.request("ReqQryOrder", 1) == 0


def test_trading_day_and_front_info(program: Start) -> None:
    api, spi, front = program()
    info = ctypes.create_string_buffer(b"\xff" * 112, 112)
    api.call("GetFrontInfo", ctypes.addressof(info))
    assert info.raw == bytes(112)
    link = front.start(queries_per_second=7, requests_per_second=9)
    spi.next("OnFrontConnected")
    api.call("GetFrontInfo", ctypes.addressof(info))
    assert (info.value.decode(), info.raw[104:]) == (front.address, bytes(8))
    days: list[bytes] = []
    spi.hooks["OnRspUserLogin"] = lambda call: days.append(api.call("GetTradingDay"))
    assert api.request("ReqUserLogin", 1, UserID="alice") == 0
    link.login("20260106")
    spi.next("OnRspUserLogin")
    assert days == [b"20260106"]
    api.call("GetFrontInfo", ctypes.addressof(info))
    assert info.raw[104:] == (7).to_bytes(4, "little") + (9).to_bytes(4, "little")
    api.call("GetFrontInfo", None)


def test_null_structs_are_structs_of_zeros(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    assert api.call("ReqOrderInsert", None, 9) == 0
    frame = link.read(wire.REQUEST)
    request = link.dialect.decode_request(frame)
    assert request is not None
    assert (request.method.name, request.request_id, request.field.InstrumentID) == ("ReqOrderInsert", 9, "")


def test_the_api_numbers_its_requests(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    for number in (1, 2):
        api.request("ReqOrderInsert", number, InstrumentID="rb2605", SessionReqSeq=77)
    api.request("ReqQryOrder", 3)
    api.request("ReqOrderAction", 4, OrderRef="1")
    names = ["ReqOrderInsert", "ReqOrderInsert", "ReqOrderAction"]
    assert [link.request(name).field.SessionReqSeq for name in names] == [1, 2, 3]
    link.call("OnFrontDisconnected", request_id=4097).call("OnFrontConnected")
    spi.next("OnFrontDisconnected")
    spi.next("OnFrontConnected")
    api.request("ReqOrderInsert", 5)
    assert link.request("ReqOrderInsert").field.SessionReqSeq == 1


def test_local_methods_are_never_sent(program: Start) -> None:
    api, spi, front = program()
    link = front.start()
    spi.next("OnFrontConnected")
    for name in ("RegisterUserSystemInfo", "SubmitUserSystemInfo", "RegisterWechatUserSystemInfo"):
        assert api.request(name) == 0
    assert api.call("SubmitWechatUserSystemInfo", None) == 0
    api.call("RegisterFensUserInfo", None)
    api.call("Init")
    assert api.request("ReqQryOrder", 1) == 0
    assert link.frame().kind == wire.REQUEST  # nothing before it


def test_lists_of_codes(program: Start) -> None:
    api, spi, front = program("6.7.11", "md")
    link = front.start()
    spi.next("OnFrontConnected")
    assert api.names("SubscribeMarketData", [b"rb2605", None, b"IF2601"]) == 0
    assert link.request("SubscribeMarketData").field == ("rb2605", "IF2601")
    assert api.names("SubscribeMarketData", [b"rb2605", b"IF2601"], 1) == 0
    assert link.request("SubscribeMarketData").field == ("rb2605",)
    assert api.names("SubscribeMarketData", [b"rb2605"], 0) == 0
    assert api.names("SubscribeMarketData", [b"rb2605"], -1) == 0
    assert api.call("SubscribeMarketData", None, 3) == 0
    many = [f"code{number:026d}".encode() for number in range(5000)]
    assert api.names("UnSubscribeMarketData", list(many)) == 0
    heard: list[str] = []
    flags: list[int] = []
    while len(heard) < len(many):
        frame = link.frame()
        request = link.dialect.decode_request(frame)
        assert request is not None
        heard += request.field
        flags.append(frame.flags)
    assert heard == [code.decode() for code in many]
    # 31 bytes each, 65,508 fit into one frame; one request, which ends once.
    assert flags == [wire.FIELD, wire.FIELD, wire.FIELD | wire.LAST]


def test_all_shapes_of_callbacks(program: Start) -> None:
    _, spi, front = program()
    link = front.start()
    link.call("OnHeartBeatWarning", request_id=61)
    link.call("OnRtnTrade", structs.CThostFtdcTradeField(TradeID="T1", Price=4000.5))
    link.call("OnErrRtnOrderInsert", structs.CThostFtdcInputOrderField(OrderRef="3"), rsp_info(22))
    link.call("OnRspQryTrade", None, None, 8)
    link.call("OnRspError", None, rsp_info(6), 9)
    assert spi.next().name == "OnFrontConnected"
    assert spi.next()[:4] == ("OnHeartBeatWarning", None, None, 61)
    trade = spi.struct(spi.next(), "CThostFtdcTradeField")
    assert (trade.TradeID, trade.Price) == ("T1", 4000.5)
    refusal = spi.next()
    assert (refusal.name, refusal.error_id) == ("OnErrRtnOrderInsert", 22)
    assert spi.struct(refusal, "CThostFtdcInputOrderField").OrderRef == "3"
    assert spi.next()[:5] == ("OnRspQryTrade", None, None, 8, True)
    error = spi.next()
    assert (error.name, error.error_id, error.number, error.is_last) == ("OnRspError", 6, 9, True)


def test_frames_that_arrive_in_pieces(program: Start) -> None:
    _, spi, front = program()
    link = front.start()
    trades = [structs.CThostFtdcTradeField(TradeID=str(number)) for number in range(3)]
    data = b"".join(link.dialect.encode_event(Event("OnRtnTrade", trade)) for trade in trades)
    for at in range(0, len(data), 7):
        link.send(data[at : at + 7])
    spi.next("OnFrontConnected")
    assert [spi.struct(spi.next(), "CThostFtdcTradeField").TradeID for _ in trades] == ["0", "1", "2"]


def test_more_than_the_buffer_holds(program: Start) -> None:
    _, spi, front = program()
    link = front.start()
    for number in range(5000):
        link.call("OnRtnOrder", structs.CThostFtdcOrderField(OrderRef=str(number)))
    spi.next("OnFrontConnected")
    refs = [spi.struct(spi.next(), "CThostFtdcOrderField").OrderRef for _ in range(5000)]
    assert refs == [str(number) for number in range(5000)]
