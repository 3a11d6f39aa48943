"""Life cycle, return codes and connection of Api objects over a fake backend."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest

from ctp2 import mdapi, tdapi
from ctp2.core import api as core_api
from ctp2.core.backend import Event
from ctp2.core.errors import FlowInUse, OpenFailed
from ctp2.ctp import structs as s
from ctp2.ctp.errors import rsp_info
from ctp2.testing import Call, TraderRecorder
from tests.core.conftest import Maker
from tests.core.fake import TIMEOUT, FakeBackend, FakeRegistry


def query() -> Any:
    return s.CThostFtdcQryInstrumentField()


# --- creation --------------------------------------------------------------------------------------------------------


def test_there_is_no_constructor() -> None:
    for face in (tdapi.CThostFtdcTraderApi, mdapi.CThostFtdcMdApi):
        with pytest.raises(AttributeError, match="No constructor defined"):
            face()


def test_the_forms_in_which_users_create(tmp_path: Any) -> None:
    create, create_md = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi, mdapi.CThostFtdcMdApi.CreateFtdcMdApi
    made = [
        create(),
        create(f"{tmp_path}/a"),
        create(f"{tmp_path}/b", True),
        create(pszFlowPath=f"{tmp_path}/c", bIsProductionMode=False),
        create_md(),
        create_md(f"{tmp_path}/d", False, False),
        create_md(f"{tmp_path}/e", True, True, True),
        create_md(pszFlowPath="", bIsUsingUdp=True, bIsMulticast=True, bIsProductionMode=False),
    ]
    assert {type(api).__name__ for api in made} == {"CThostFtdcTraderApi", "CThostFtdcMdApi"}
    for api in made:
        api.Release()


def test_version() -> None:
    assert tdapi.CThostFtdcTraderApi.GetApiVersion().startswith("v6.7.13_ctp2-")
    assert mdapi.CThostFtdcMdApi.GetApiVersion() == tdapi.CThostFtdcTraderApi.GetApiVersion()


def test_a_flow_folder_must_exist(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError, match="create it first"):
        tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(f"{tmp_path}/missing/")


def test_two_live_objects_cannot_share_a_flow_path(tmp_path: Any) -> None:
    create = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi
    first = create(f"{tmp_path}/td")
    with pytest.raises(FlowInUse, match="flow path of its own"):
        create(f"{tmp_path}/td")
    create(f"{tmp_path}/td2").Release()
    first.Release()
    create(f"{tmp_path}/td").Release()


def test_a_dropped_object_gives_its_flow_path_free(tmp_path: Any) -> None:
    create = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi
    create(f"{tmp_path}/td")
    gc.collect()
    create(f"{tmp_path}/td").Release()


# --- return codes ----------------------------------------------------------------------------------------------------


def test_minus_one_before_the_connection_and_after_its_end(client: Maker) -> None:
    results: list[int] = []

    def ask(call: Call) -> None:
        if call.name in ("OnFrontConnected", "OnFrontDisconnected"):
            results.append(c.api.ReqQryInstrument(query(), 1))

    c = client(on_call=ask)
    assert c.api.ReqQryInstrument(query(), 1) == -1
    session = c.connect()
    session.disconnect()
    c.spi.wait_for("OnFrontDisconnected")
    session.connect()
    c.spi.wait_for("OnFrontConnected", count=2)
    c.api.Release()
    assert c.api.ReqQryInstrument(query(), 1) == -1
    assert results == [0, -1, 0]


def test_one_query_at_a_time_until_its_last_row(client: Maker) -> None:
    inside: list[int] = []

    def ask(call: Call) -> None:
        if call.name == "OnRspQryInstrument":
            inside.append(c.api.ReqQryInstrument(query(), 2))

    c = client(on_call=ask)
    session = c.connect()
    assert c.api.ReqQryInstrument(query(), 1) == 0
    assert c.api.ReqQryTradingAccount(s.CThostFtdcQryTradingAccountField(), 5) == -2
    assert c.api.ReqOrderInsert(s.CThostFtdcInputOrderField(), 6) == 0, "only queries wait for each other"
    row = s.CThostFtdcInstrumentField()
    session.put(Event("OnRspQryInstrument", row, None, 1, is_last=False), Event("OnRspQryInstrument", row, None, 1))
    c.spi.wait_for("OnRspQryInstrument", count=2)
    assert [r.request_id for r in session.requests] == [1, 6, 2]
    session.put(Event("OnRspQryInstrument", None, None, 2))
    c.spi.wait_for("OnRspQryInstrument", count=3)
    assert inside == [-2, 0, 0]


def test_an_error_answer_frees_the_query(client: Maker) -> None:
    c = client()
    session = c.connect()
    assert c.api.ReqQryInstrument(query(), 4) == 0
    session.put(Event("OnRspError", None, rsp_info(90), 5), Event("OnRspError", None, rsp_info(90), 4))
    c.spi.wait_for("OnRspError", count=2)
    assert c.api.ReqQryInstrument(query(), 6) == 0


def test_a_disconnection_frees_the_query(client: Maker) -> None:
    c = client()
    session = c.connect()
    assert c.api.ReqQryInstrument(query(), 1) == 0
    session.disconnect()
    session.connect()
    c.spi.wait_for("OnFrontConnected", count=2)
    assert c.api.ReqQryInstrument(query(), 2) == 0
    assert [r.connection for r in session.requests] == [1, 2]


def test_a_refusing_session_frees_the_query(client: Maker) -> None:
    c = client()
    c.connect().result = -3
    assert c.api.ReqQryInstrument(query(), 1) == -3
    assert c.api.ReqQryInstrument(query(), 1) == -3


def test_the_request_is_a_copy(client: Maker) -> None:
    c = client()
    session = c.connect()
    order = s.CThostFtdcInputOrderField(OrderRef="1")
    c.api.ReqOrderInsert(order, 1)
    order.OrderRef = "2"
    assert session.requests[0].field.OrderRef == "1"
    assert "OrderRef" not in repr(session.requests[0])


# --- connecting ------------------------------------------------------------------------------------------------------


def test_a_front_that_cannot_be_opened_is_tried_again(
    client: Maker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_api, "RETRY_SECONDS", 0.001)
    backend = FakeBackend()
    c = client(one=OpenFailed("start the gateway"))
    c.api.RegisterFront("fake://one")
    c.api.Init()
    for _ in range(3):
        assert c.registry.tried.acquire(timeout=TIMEOUT)
    c.registry.backends["one"] = backend
    backend.wait_for_session()
    c.spi.wait_for("OnFrontConnected")
    (record,) = caplog.records
    assert "start the gateway" in record.getMessage()
    assert record.exc_info is None


def test_alternatives_are_tried_in_order(client: Maker) -> None:
    two = FakeBackend()
    c = client(one=OpenFailed("down"), two=two)
    c.api.RegisterFront("fake://one")
    c.api.RegisterFront("fake://two")
    c.api.Init()
    two.wait_for_session()
    assert c.registry.acquired == ["one", "two"]


def test_after_a_break_the_next_alternative_is_taken_and_nothing_late_comes(client: Maker) -> None:
    one, two = FakeBackend(), FakeBackend()
    c = client(one=one, two=two)
    c.api.RegisterFront("fake://two")
    c.api.RegisterFront("fake://one")
    c.api.Init()
    old = two.wait_for_session()
    c.spi.wait_for("OnFrontConnected")
    old.put(Event("OnFrontDisconnected", request_id=4097), Event("OnRtnOrder"), Event("OnFrontConnected"))
    one.wait_for_session()
    c.spi.wait_for("OnFrontConnected", count=2)
    assert old.closed
    assert c.registry.released == [two]
    assert c.spi.names == ["OnFrontConnected", "OnFrontDisconnected", "OnFrontConnected"]
    assert c.api.ReqQryInstrument(query(), 1) == 0
    assert one.last.requests[0].connection == 1, "counted anew for the new session"


def test_name_servers_come_first(client: Maker) -> None:
    two = FakeBackend()
    c = client(one=FakeBackend(), two=two)
    c.api.RegisterFront("fake://one")
    c.api.RegisterNameServer(b"fake://two")
    c.api.RegisterFensUserInfo(s.CThostFtdcFensUserInfoField(UserID="u"))
    c.api.Init()
    two.wait_for_session()
    assert c.registry.acquired == ["two"]


def test_init_without_a_front_never_connects(client: Maker, caplog: pytest.LogCaptureFixture) -> None:
    c = client()
    c.api.Init()
    assert not c.api._dispatcher.join(0)
    c.api.Release()
    assert c.api.Join() == 0
    assert "without RegisterFront" in caplog.text
    assert c.registry.acquired == []


def test_a_second_init_changes_nothing(client: Maker) -> None:
    c = client()
    c.connect()
    c.api.Init()
    assert len(c.backend.sessions) == 1


def test_a_front_that_can_never_work_raises_at_once(client: Maker) -> None:
    c = client()
    for text in ("fake://nowhere", "no scheme"):
        with pytest.raises(ValueError, match=r"unknown host|has no scheme"):
            c.api.RegisterFront(text)


def test_the_wrong_kind_of_front(client: Maker) -> None:
    c = client(one=FakeBackend(kinds=["md"]))
    c.api.RegisterFront("fake://one")
    c.api.Init()
    c.spi.wait_for("OnFrontConnected")
    assert c.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(), 3) == 0
    call = c.spi.wait_for("OnRspError")
    assert (call.error_id, call.request_id, call.is_last) == (77, 3, True)


def test_a_full_queue_reopens_the_session_on_the_same_backend(client: Maker) -> None:
    go_on = threading.Event()

    def hold(call: Call) -> None:
        if call.name == "OnRtnBulletin":
            assert go_on.wait(TIMEOUT)

    c = client(on_call=hold)
    c.api._dispatcher.limit = 5
    old = c.connect()
    c.login()
    old.put(Event("OnRtnBulletin"))
    old.put(*[Event("OnRtnOrder", topic="private", sequence=n) for n in range(1, 4)])
    old.put(*[Event("OnRtnOrder", topic="private", sequence=n) for n in range(4, 9)])
    go_on.set()
    c.backend.wait_for_session()
    c.spi.wait_for("OnFrontConnected", count=2)
    assert c.spi.names[2:] == ["OnRtnBulletin", *["OnRtnOrder"] * 3, "OnFrontDisconnected", "OnFrontConnected"]
    assert old.closed
    assert not c.backend.closed
    c.login(request_id=2)
    assert c.session.topics[0] == ("private", "20260105", 3), "the lost ones come again"


# --- Release and Join ------------------------------------------------------------------------------------------------


def test_release_from_another_thread_waits_for_the_running_callback(client: Maker) -> None:
    entered, go_on, order = threading.Event(), threading.Event(), []

    def hold(call: Call) -> None:
        if call.name == "OnRtnOrder":
            entered.set()
            assert go_on.wait(TIMEOUT)
            order.append("callback")

    def release() -> None:
        c.api.Release()
        order.append("released")

    c = client(on_call=hold)
    session = c.connect()
    session.put(Event("OnRtnOrder"), Event("OnRtnTrade"))
    assert entered.wait(TIMEOUT)
    releasing = threading.Thread(target=release)
    releasing.start()
    assert c.api._dispatcher.stopping.wait(TIMEOUT)
    go_on.set()
    releasing.join(TIMEOUT)
    assert order == ["callback", "released"]
    assert "OnRtnTrade" not in c.spi.names
    assert session.closed
    assert c.registry.released == [c.backend]


def test_release_waits_a_bounded_time(
    client: Maker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_api, "RELEASE_SECONDS", 0.01)
    entered, go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> None:
        entered.set()
        assert go_on.wait(TIMEOUT)

    c = client(on_call=hold)
    c.api.RegisterFront("fake://one")
    c.api.Init()
    assert entered.wait(TIMEOUT)
    c.api.Release()
    assert "has not returned" in caplog.text
    go_on.set()
    assert c.api.Join() == 0


def test_release_inside_a_callback(client: Maker) -> None:
    def end(call: Call) -> None:
        if call.name == "OnRtnOrder":
            c.api.Release()
            c.api.Release()
            results.append(c.api.ReqQryInstrument(query(), 1))
            results.append(c.api.Join())

    results: list[int] = []
    c = client(on_call=end)
    session = c.connect()
    session.put(Event("OnRtnOrder"), Event("OnRtnTrade"))
    assert c.api.Join() == 0
    assert c.spi.names == ["OnFrontConnected", "OnRtnOrder"]
    assert results == [-1, 0]
    assert session.closed


def test_everything_is_harmless_after_release(client: Maker) -> None:
    c = client()
    c.connect()
    c.login()
    for _ in range(2):
        c.api.Release()
    info = s.CThostFtdcFrontInfoField()
    c.api.GetFrontInfo(info)
    c.api.RegisterSpi(None)
    c.api.RegisterFront("fake://one")
    c.api.Init()
    assert (c.api.Join(), c.api.GetTradingDay(), info.FrontAddr) == (0, "20260105", "")
    assert c.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(), 1) == -1
    assert c.api.RegisterUserSystemInfo(s.CThostFtdcUserSystemInfoField()) == 0
    assert c.api.SubmitUserSystemInfo(s.CThostFtdcUserSystemInfoField()) == 0
    assert c.api.RegisterWechatUserSystemInfo(s.CThostFtdcWechatUserSystemInfoField()) == 0
    assert c.api.SubmitWechatUserSystemInfo(s.CThostFtdcWechatUserSystemInfoField()) == 0


def test_release_while_connecting(client: Maker) -> None:
    c = client(one=OpenFailed("down"))
    c.api.RegisterFront("fake://one")
    c.api.Init()
    assert c.registry.tried.acquire(timeout=TIMEOUT)
    c.api.Release()
    assert c.api.Join() == 0


def test_many_objects_have_their_own_threads(client: Maker) -> None:
    clients = [client() for _ in range(20)]
    for c in clients:
        c.connect()
    assert len(set.union(*(c.spi.threads for c in clients))) == 20
    core_api.stop_all()
    assert all(c.api._dispatcher.join(0) for c in clients)


def test_spi_may_be_unset_and_changed(client: Maker) -> None:
    c = client()
    session = c.connect()
    c.api.RegisterSpi(None)
    session.put(Event("OnRtnOrder"))
    second = TraderRecorder()
    c.api.RegisterSpi(second)
    session.put(Event("OnRtnTrade"))
    second.wait_for("OnRtnTrade")
    assert "OnRtnTrade" not in c.spi.names
    with pytest.raises(TypeError, match="CThostFtdcTraderSpi"):
        c.api.RegisterSpi(42)


# --- facts -----------------------------------------------------------------------------------------------------------


def test_trading_day_and_front_info(client: Maker) -> None:
    c = client()
    assert c.api.GetTradingDay() == ""
    c.connect()
    info = s.CThostFtdcFrontInfoField(QryFreq=9)
    c.api.GetFrontInfo(info)
    assert (info.FrontAddr, info.QryFreq, info.FTDPkgFreq) == ("fake://one", 0, 0)
    c.login()
    assert c.api.GetTradingDay() == "20260105"


def test_a_refused_login_changes_nothing(client: Maker) -> None:
    c = client()
    session = c.connect()
    c.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(UserID="u"), 1)
    session.put(Event("OnRspUserLogin", s.CThostFtdcRspUserLoginField(TradingDay="x"), rsp_info(3), 1))
    c.spi.wait_for("OnRspUserLogin")
    assert c.api.GetTradingDay() == ""


# --- subscriptions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instruments", "number", "codes"),
    [
        ([b"rb2405"], 1, ("rb2405",)),
        (["rb2405", "au2406"], 2, ("rb2405", "au2406")),
        (("rb2405", b"au2406"), 1, ("rb2405",)),
        ("rb2405", 1, ("rb2405",)),
        (b"rb2405", 1, ("rb2405",)),
    ],
)
def test_subscription_forms(client: Maker, instruments: Any, number: int, codes: tuple[str, ...]) -> None:
    c = client("md")
    session = c.connect()
    for name in ("SubscribeMarketData", "UnSubscribeMarketData", "SubscribeForQuoteRsp", "UnSubscribeForQuoteRsp"):
        assert getattr(c.api, name)(instruments, number) == 0
        assert (session.requests[-1].method.name, session.requests[-1].field) == (name, codes)


def test_subscribing_nothing_or_too_early(client: Maker) -> None:
    c = client("md")
    assert c.api.SubscribeMarketData(["a"], 1) == -1
    session = c.connect()
    assert c.api.SubscribeMarketData([], 0) == 0
    assert session.requests == []


def test_fronts_registered_twice_or_forced_are_one(client: Maker) -> None:
    core_api.force_front("fake://one")
    try:
        c = client()
        c.api.RegisterFront("tcp://1.2.3.4:5")
        c.api.RegisterFront("tcp://1.2.3.4:6")
    finally:
        core_api.force_front(None)
    assert [a.text for a in c.api._fronts] == ["fake://one"]
    assert isinstance(c.registry, FakeRegistry)
