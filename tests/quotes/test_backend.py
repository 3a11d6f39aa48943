"""An MdApi on ``sina://``, ``tencent://`` and ``quotes://``: logins, subscriptions, ticks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ctp2 import mdapi
from ctp2.ctp import structs
from ctp2.refdata.ticks import DBL_MAX
from ctp2.testing import TraderRecorder
from tests.quotes import possible, rows
from tests.quotes.rows import changed
from tests.quotes.stand import LIMIT_S, Stand, is_tick, stand

CODES = ["600000", "000001", "SSE.000001", "510300", "204001", "113050", "688981", "920118"]
WORLD = ["00700", "hf_CL"]
FUTURES = ["rb2610", "IF2612", "TA2609"]


@pytest.fixture
def standing() -> Iterator[Stand]:
    with stand() as made:
        yield made


def errors(made: Any, code: str) -> list[int]:
    return [call.error_id for call in made.spi.of("OnRspSubMarketData") if call.field.InstrumentID == code]


# ------------------------------------------------------------------ login
@pytest.mark.parametrize(("scheme", "system"), [("sina", "SINA"), ("tencent", "QQ"), ("quotes", "SINA+QQ")])
def test_a_login(standing: Stand, scheme: str, system: str) -> None:
    made = standing.client(scheme)
    (answer,) = made.spi.of("OnRspUserLogin")
    assert answer.error_id == 0
    assert (answer.field.TradingDay, answer.field.LoginTime) == ("20260928", "10:00:00")
    assert (answer.field.SystemName, answer.field.FrontID, answer.field.SessionID) == (system, 1, 1)
    assert made.api.GetTradingDay() == "20260928"


def test_the_trading_day_is_the_day_of_the_rows_not_of_the_clock() -> None:
    with stand("2026-10-03 12:00:00") as standing:  # in the holiday: rows of 30 September
        standing.host.rows["sh000001"] = changed(rows.SINA_CN, f30="2026-09-30", f31="16:00:00")
        made = standing.client("sina")
        assert made.api.GetTradingDay() == "20260930"


def test_a_trader_gets_error_77(standing: Stand) -> None:
    from ctp2 import tdapi

    spi = TraderRecorder()
    api: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    api.RegisterSpi(spi)
    api.RegisterFront(standing.host.address("sina"))
    api.Init()
    try:
        spi.wait_for("OnFrontConnected", LIMIT_S)
        api.ReqQryOrder(structs.CThostFtdcQryOrderField(), 1)
        assert spi.wait_for("OnRspError", LIMIT_S).error_id == 77
    finally:
        api.Release()


def test_what_else_a_front_answers(standing: Stand) -> None:
    made = standing.client("sina")
    made.api.ReqQryMulticastInstrument(structs.CThostFtdcQryMulticastInstrumentField(), 5)
    (answer,) = made.spi.answer(5, LIMIT_S)
    assert (answer.field, answer.info, answer.is_last) == (None, None, True)
    made.api.ReqUserLogout(structs.CThostFtdcUserLogoutField(), 6)
    assert made.wait_for(lambda call: call.request_id == 6, LIMIT_S).error_id == 77
    made.api.SubscribeForQuoteRsp(["600000"], 1)
    assert made.wait_for("OnRspSubForQuoteRsp", LIMIT_S).error_id == 0
    made.api.UnSubscribeForQuoteRsp(["600000"], 1)
    assert made.wait_for("OnRspUnSubForQuoteRsp", LIMIT_S).error_id == 0


# ------------------------------------------------------------------ ticks
@pytest.mark.parametrize(
    ("scheme", "codes"), [("sina", CODES + WORLD + FUTURES), ("tencent", CODES + WORLD), ("quotes", CODES + WORLD)]
)
def test_ticks_of_every_kind(standing: Stand, scheme: str, codes: list[str]) -> None:
    made = standing.client(scheme, *codes)
    standing.run(7)
    for code in codes:
        ticks = made.ticks(code)
        assert len(ticks) >= 2, code
        for tick in ticks:
            possible.check(tick, may_be_negative=code in FUTURES or code.startswith("hf_"))
        moments = [(tick.ActionDay, tick.UpdateTime) for tick in ticks]
        assert moments == sorted(moments)
        volumes = [tick.Volume for tick in ticks]
        assert volumes == sorted(volumes)


@pytest.mark.parametrize("scheme", ["sina", "tencent", "quotes"])
def test_ticks_of_new_york(scheme: str) -> None:
    codes = ["AAPL", "BRK.B", ".DJI"]
    with stand("2026-09-28 22:00:00") as standing:
        made = standing.client(scheme, *codes)
        standing.run(7)
        for code in codes:
            ticks = made.ticks(code)
            assert len(ticks) >= 2, code
            assert {tick.TradingDay for tick in ticks} == {"20260928"}
            assert ticks[-1].UpdateTime >= "10:00:00"
            assert ticks[-1].ExchangeID == ("NASD" if scheme == "sina" or code == ".DJI" else "NYSE")


def test_the_record_is_that_of_the_row(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    tick = standing.client("sina", "600000").ticks("600000")[0]
    assert (tick.InstrumentID, tick.ExchangeInstID, tick.ExchangeID) == ("600000", "600000", "SSE")
    assert (tick.LastPrice, tick.PreClosePrice, tick.Volume, tick.Turnover) == (10.2, 10.0, 1_000_000, 10_200_000.0)
    assert (tick.BidPrice5, tick.BidVolume5, tick.AskPrice5, tick.AskVolume5) == (10.15, 500, 10.24, 1000)
    assert (tick.TradingDay, tick.ActionDay, tick.UpdateTime) == ("20260928", "20260928", "10:15:03")
    assert tick.PreSettlementPrice == DBL_MAX


def test_a_tick_only_when_something_changed(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    made = standing.client("sina", "600000")
    standing.run(7)
    assert len(made.ticks("600000")) == 1
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:06")  # only the time
    standing.run(7)
    assert len(made.ticks("600000")) == 1
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:09", f10="300")
    standing.run(7)
    assert [tick.BidVolume1 for tick in made.ticks("600000")] == [100, 300]


@pytest.mark.parametrize(("emit", "expected"), [("changed", 1), ("time", 2), ("all", 5)])
def test_the_option_emit(standing: Stand, emit: str, expected: int) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    made = standing.client("sina", "600000", emit=emit)
    standing.run(3.5)
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:06")
    standing.run(7)
    count = len(made.ticks("600000"))
    assert count == expected if emit != "all" else count >= 4


def test_an_older_row_is_dropped_until_the_source_insists(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    made = standing.client("sina", "600000")
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:00", f3="10.100")
    standing.run(5)
    assert len(made.ticks("600000")) == 1
    standing.run(6)
    assert [tick.LastPrice for tick in made.ticks("600000")] == [10.2, 10.1]


def test_a_smaller_volume_is_older_on_the_same_day_only(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    made = standing.client("sina", "600000")
    smaller = changed(rows.SINA_CN, f31="10:15:06", f8="500000", f9="5100000.000")
    standing.host.rows["sh600000"] = smaller
    standing.run(4)
    assert len(made.ticks("600000")) == 1
    standing.host.rows["sh600000"] = changed(smaller, f30="2026-09-29")
    standing.run(4)
    assert made.ticks("600000")[-1].TradingDay == "20260929"
    assert made.ticks("600000")[-1].Volume == 500_000


def test_replies_out_of_order_never_go_back(standing: Stand) -> None:
    made = standing.client("sina", "600000", "00700")
    standing.host.faults.late_s = 30
    standing.run(30)
    for code in ("600000", "00700"):
        times = [tick.UpdateTime for tick in made.ticks(code)]
        assert len(times) > 2
        assert times == sorted(times)


def test_damaged_rows_leave_their_neighbours_alone(standing: Stand) -> None:
    made = standing.client("sina", "600000", "600001", "600002")
    for damage in ("x" * 40, "甲,1,2,3", changed(rows.SINA_CN, f3="abc"), '"', changed(rows.SINA_CN, f30="2026-13-01")):
        standing.host.rows["sh600001"] = damage
        before = len(made.ticks("600002"))
        count = len(made.ticks("600001"))
        standing.run(7)
        assert len(made.ticks("600002")) > before
        assert len(made.ticks("600001")) == count
    assert "OnFrontDisconnected" not in made.spi.names


# ------------------------------------------------------------------ subscriptions
def test_two_spellings_are_two_subscriptions_of_one_request(standing: Stand) -> None:
    made = standing.client("sina", "600000", "SSE.600000", "sh600000")
    ticks = {code: made.ticks(code)[0] for code in ("600000", "SSE.600000", "sh600000")}
    assert {tick.ExchangeInstID for tick in ticks.values()} == {"600000"}
    first = standing.requests()
    standing.run(3.5)
    assert standing.asked(first).count("sh600000") == 1


def test_every_code_is_answered_and_the_last_one_flagged(standing: Stand) -> None:
    made = standing.client("sina")
    made.subscribe("600000", "m2609-C-3000", "600000", "7")
    calls = made.spi.of("OnRspSubMarketData")
    assert [call.field.InstrumentID for call in calls] == ["600000", "m2609-C-3000", "600000", "7"]
    assert [call.error_id for call in calls] == [0, 16, 0, 16]
    assert [call.info.ErrorMsg for call in calls[:2]] == ["CTP:No Error", "CTP:找不到合约"]
    assert [call.is_last for call in calls] == [False, False, False, True]


def test_tencent_has_no_domestic_futures(standing: Stand) -> None:
    made = standing.client("tencent")
    made.subscribe("rb2610")
    assert errors(made, "rb2610") == [16]


@pytest.mark.parametrize("scheme", ["sina", "tencent", "quotes"])
def test_what_the_host_does_not_know_is_answered_twice(standing: Stand, scheme: str) -> None:
    made = standing.client(scheme, "600000")
    made.subscribe("sh999999")
    standing.run(12)
    assert errors(made, "sh999999") == [0, 16]
    first = standing.requests()
    standing.run(30)
    assert "sh999999" not in standing.asked(first)
    standing.run(60)
    assert 1 <= standing.asked(first, "sina" if scheme == "quotes" else scheme).count("sh999999") <= 2
    assert errors(made, "sh999999") == [0, 16]
    standing.host.rows["sh999999"] = rows.SINA_CN if scheme == "sina" else changed(rows.TENCENT_CN, f2="999999")
    if scheme == "sina":
        standing.run(64)
        made.wait_for(is_tick("sh999999"), LIMIT_S)  # it exists after all


def test_report_unknown_off(standing: Stand) -> None:
    made = standing.client("sina", report_unknown="0")
    made.subscribe("sh999999")
    standing.run(12)
    assert errors(made, "sh999999") == [0]


def test_unsubscribe_ends_ticks_and_requests(standing: Stand) -> None:
    made = standing.client("sina", "600000", "600001")
    made.api.UnSubscribeMarketData(["600000", "never"], 2)
    made.wait_for("OnRspUnSubMarketData", LIMIT_S, count=2)
    at = made.spi.names.index("OnRspUnSubMarketData")
    first = standing.requests()
    standing.run(7)
    assert not [call for call in made.spi.calls[at:] if is_tick("600000")(call)]
    assert "sh600000" not in standing.asked(first)
    assert "sh600001" in standing.asked(first)
    assert [call.error_id for call in made.spi.of("OnRspUnSubMarketData")] == [0, 0]


def test_a_new_subscription_begins_with_what_is_known(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    made = standing.client("sina", "600000", "600001")
    made.api.UnSubscribeMarketData(["600000"], 1)
    made.wait_for("OnRspUnSubMarketData", LIMIT_S)
    made.subscribe("600000")
    standing.run(1)
    assert len(made.ticks("600000")) == 2
    other = standing.client("sina", "600001")  # the same backend: shown from what it has
    assert other.ticks("600001")


def test_subscriptions_before_the_login_are_taken_and_ticks_come_after_it(standing: Stand) -> None:
    made = standing.make("sina")
    made.api.Init()
    made.wait_for("OnFrontConnected", LIMIT_S)
    made.subscribe("600000")
    standing.run(4)
    assert made.ticks("600000") == []
    made.login()
    standing.settle()
    assert len(made.ticks("600000")) == 1
    names = made.spi.names
    assert names.index("OnRspUserLogin") < names.index("OnRtnDepthMarketData")


def test_an_empty_list_asks_for_nothing(standing: Stand) -> None:
    made = standing.client("sina")
    assert made.api.SubscribeMarketData([], 0) == 0
    standing.run(7)
    assert set(standing.asked()) == {"sh000001"}


def test_names_of_the_users_own(standing: Stand, tmp_path: Any) -> None:
    file = tmp_path / "names.txt"
    file.write_text("MAOTAI = sh600519\n", encoding="utf-8")
    made = standing.client("sina", "MAOTAI", names=file)
    assert made.ticks("MAOTAI")[0].ExchangeInstID == "600519"


def test_a_hong_kong_index_late_and_real_time_on_both(standing: Stand) -> None:
    made = standing.client("quotes", "hkHSI", "HSI.HK")
    made.api.UnSubscribeMarketData(["hkHSI"], 1)
    made.wait_for("OnRspUnSubMarketData", LIMIT_S)
    count = len(made.ticks("HSI.HK"))
    standing.run(10)
    assert len(made.ticks("HSI.HK")) > count


# ------------------------------------------------------------------ options
def test_presettle_beijing_time_and_dce(standing: Stand) -> None:
    made = standing.client("sina", "600000", "AAPL", spot_presettle="preclose", us_time="beijing")
    tick = made.ticks("600000")[0]
    assert tick.PreSettlementPrice == tick.PreClosePrice != DBL_MAX
    apple = made.ticks("AAPL")[0]
    # The stand-in stops at 16:00 New York, 04:00 in Beijing, and it is 22:00 there now on the day before.
    assert (apple.TradingDay, apple.ActionDay, apple.UpdateTime) == ("20260927", "20260928", "04:00:00")


def test_the_action_day_of_dce_at_night() -> None:
    with stand("2026-08-28 21:30:00") as standing:  # a Friday
        natural = standing.client("sina", "m2701")
        shown = standing.client("sina", "m2701", dce_action_day="ctp")
        assert (natural.ticks()[0].TradingDay, natural.ticks()[0].ActionDay) == ("20260831", "20260828")
        assert (shown.ticks()[0].TradingDay, shown.ticks()[0].ActionDay) == ("20260831", "20260831")


def test_price_limits_from_tencent_once_a_day(standing: Stand) -> None:
    standing.host.rows["sh600000"] = rows.SINA_CN
    standing.host.rows["tencent/sh600000"] = rows.TENCENT_CN
    made = standing.client("sina", "600000", limits_from=f"tencent://127.0.0.1:{standing.host.port}")
    standing.run(4)
    made.wait_for(is_tick("600000", UpperLimitPrice=11.0, LowerLimitPrice=9.0), LIMIT_S)
    first = standing.requests()
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f31="10:15:06", f10="300")
    standing.run(7)
    assert made.ticks("600000")[-1].UpperLimitPrice == 11.0
    assert "sh600000" not in standing.asked(first, "tencent")


# ------------------------------------------------------------------ two sources
def test_quotes_keeps_the_fresher_and_fills_the_gaps(standing: Stand) -> None:
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f8="1000059", f9="10200600.000")
    standing.host.rows["tencent/sh600000"] = rows.TENCENT_CN  # at the same second, in whole lots
    made = standing.client("quotes", "600000")
    standing.run(7)
    last = made.ticks("600000")[-1]
    assert (last.Volume, last.UpperLimitPrice) in ((1_000_059, 11.0), (1_000_000, 11.0))
    # Tencent is younger now: it takes over, its volume in whole lots does not go back.
    standing.host.rows["tencent/sh600000"] = changed(rows.TENCENT_CN, f30="20260928101506", f10="9")
    standing.run(7)
    last = made.ticks("600000")[-1]
    assert (last.UpdateTime, last.BidVolume1) == ("10:15:06", 900)
    volumes = [tick.Volume for tick in made.ticks("600000")]
    assert volumes == sorted(volumes)
    # Sina is behind and says something else: not shown.
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f8="1000059", f9="10200600.000", f10="100")
    standing.run(7)
    assert made.ticks("600000")[-1].BidVolume1 == 900


def test_a_source_without_volume_does_not_take_the_others_back(standing: Stand) -> None:
    standing.host.rows["sh600000"] = changed(rows.SINA_CN, f9="0.000")  # volume, no turnover: as Sina's bonds
    standing.host.rows["tencent/sh600000"] = rows.TENCENT_CN
    made = standing.client("quotes", "600000")
    standing.run(7)
    for second in range(6, 12, 2):  # they lead in turn
        standing.host.rows["tencent/sh600000"] = changed(
            rows.TENCENT_CN, f30=f"202609281015{second:02d}", f10=f"{second}"
        )
        standing.run(4)
        late = f"10:15:{second + 1:02d}"
        standing.host.rows["sh600000"] = changed(rows.SINA_CN, f9="0.000", f31=late, f10=f"{second}50")
        standing.run(4)
    ticks = made.ticks("600000")
    assert ticks[-1].UpdateTime == "10:15:11"
    volumes = [(tick.Volume, tick.Turnover) for tick in ticks]
    assert volumes == sorted(volumes)
    assert volumes[-1] == (1_000_000, 10_200_000.0)


def test_best_prices_abroad_do_not_come_and_go_with_the_leader() -> None:
    def of_sina(seconds: int, last: str) -> str:
        return changed(rows.SINA_US, f1=last, f3=f"2026-09-28 22:15:{seconds:02d}")

    with stand("2026-09-28 22:15:10") as standing:
        standing.host.rows["tencent/usAAPL"] = changed(
            rows.TENCENT_US, f9="100.40", f10="300", f19="100.60", f20="500", f30="2026-09-28 10:15:02"
        )
        standing.host.rows["gb_aapl"] = of_sina(3, "100.5")
        made = standing.client("quotes", "AAPL")
        standing.run(4)
        standing.host.rows["gb_aapl"] = of_sina(17, "100.51")  # 15 s after Tencent's row: still of the same moment
        standing.run(4)
        assert best(made.ticks("AAPL")[-1]) == (100.51, 100.4, 300, 100.6, 500)
        standing.host.rows["gb_aapl"] = of_sina(18, "100.52")
        standing.run(4)
        assert best(made.ticks("AAPL")[-1]) == (100.52, DBL_MAX, 0, DBL_MAX, 0)


def best(tick: Any) -> tuple[float, ...]:
    return tick.LastPrice, tick.BidPrice1, tick.BidVolume1, tick.AskPrice1, tick.AskVolume1


def test_quotes_goes_on_with_the_source_that_is_left(standing: Stand) -> None:
    made = standing.client("quotes", "600000", "rb2610")
    for number in range(40):
        standing.host.rows[f"tencent/none{number}"] = ""
    standing.host.faults.body = None
    standing.run(4)
    count = len(made.ticks("600000"))
    standing.run(10)
    assert len(made.ticks("600000")) > count


# ------------------------------------------------------------------ sharing, and the end
def test_all_api_objects_share_one_poller(standing: Stand) -> None:
    made = [standing.client("sina", "600000") for _ in range(4)]
    made.append(standing.client("sina", "600000", emit="time"))  # another backend, the same host
    first = standing.requests()
    standing.run(12)
    count = standing.asked(first).count("sh600000")
    assert 3 <= count <= 5
    assert all(len(client.ticks("600000")) >= 4 for client in made)
    connections = {seen.connection for seen in standing.host.requests()}
    assert len(connections) <= 4


def test_release_inside_a_callback_and_while_a_request_is_on_its_way(standing: Stand) -> None:
    made = standing.client("sina", "600000")
    ended = threading.Event()

    def end(call: Any) -> None:
        if call.name == "OnRtnDepthMarketData" and not ended.is_set():
            ended.set()
            made.api.Release()

    made.spi._on_call = end
    standing.clock.advance(4)
    assert ended.wait(LIMIT_S)
    hanging = standing.client("sina", "600001")
    standing.host.faults.hangs = True
    before = standing.requests()
    standing.clock.advance(4)
    standing.host.wait(lambda: standing.requests() > before)
    hanging.api.Release()
    count = len(hanging.spi.calls)
    standing.host.faults.hangs = False
    assert len(hanging.spi.calls) == count


def test_no_thread_is_left_behind(standing: Stand) -> None:
    standing.client("quotes", "600000").close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ctp2-quotes"]


# ------------------------------------------------------------------ addresses
@pytest.mark.parametrize(
    "address",
    [
        *("sina://?nonsense=1", "sina://host/path", "sina://user@host", "sina://host:99999", "sina://host:x"),
        *("sina://?interval=0.5", "sina://?emit=never", "tencent://?push=1", "sina://?limits_from=sina"),
        *("tencent://?limits_from=tencent", "sina://?tencent=h:1", "quotes://?sina=a/b", "sina://?names=/none/there"),
    ],
)
def test_addresses_that_can_never_work(address: str) -> None:
    api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
    with pytest.raises((ValueError, FileNotFoundError)):
        api.RegisterFront(address)
    api.Release()


@pytest.mark.parametrize(
    "address", ["sina://", "tencent://", "quotes://", "sina://127.0.0.1:8080?tls=1", "quotes://?sina=a:1&tencent=b:2"]
)
def test_addresses_that_may(address: str) -> None:
    api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
    api.RegisterFront(address)
    api.Release()


# ------------------------------------------------------------------ the face of the package
def test_on_the_packages_own_face_tcp_means_the_quote_sources(standing: Stand) -> None:
    from ctp2.quotes import mdapi as own
    from ctp2.testing import MdRecorder

    spi = MdRecorder()
    api: Any = own.CThostFtdcMdApi.CreateFtdcMdApi()
    api.RegisterSpi(spi)
    api.RegisterFront(f"tcp://127.0.0.1:{standing.host.port}")
    api.RegisterFront(standing.host.address("quotes"))  # the same place: one front
    api.Init()
    try:
        spi.wait_for("OnFrontConnected", LIMIT_S)
        api.ReqUserLogin(own.CThostFtdcReqUserLoginField(), 1)
        assert spi.wait_for("OnRspUserLogin", LIMIT_S).field.SystemName == "SINA+QQ"
        assert len(api._fronts) == 1
    finally:
        api.Release()


def test_importing_ctp2_brings_none_of_this() -> None:
    import subprocess
    import sys

    code = "import sys, ctp2, ctp2.mdapi, ctp2.registry; print([n for n in sys.modules if n.startswith('ctp2.quotes')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
