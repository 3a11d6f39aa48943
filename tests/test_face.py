"""The public face: the modules' names, and what bad input leads to, one line per case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ctp2
from ctp2 import mdapi, registry, tdapi, thostmduserapi, thosttraderapi
from ctp2.ctp import structs as s
from ctp2.testing import MdRecorder, TraderRecorder
from tests import toy

FACES = (tdapi, mdapi, thosttraderapi, thostmduserapi)


class Program:
    """A trader and an md client of the toy venue."""

    def __init__(self) -> None:
        self.td: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        self.md: Any = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
        self.td_spi = TraderRecorder()
        self.md_spi = MdRecorder()
        clients: list[tuple[Any, Any]] = [(self.td, self.td_spi), (self.md, self.md_spi)]
        for api, spi in clients:
            api.RegisterSpi(spi)
            api.RegisterFront("toy://")
            api.Init()
            spi.wait_for("OnFrontConnected")

    def login(self) -> Program:
        self.td.ReqUserLogin(s.CThostFtdcReqUserLoginField(UserID="u"), 1)
        self.md.ReqUserLogin(s.CThostFtdcReqUserLoginField(), 1)
        self.td_spi.answer(1)
        self.md_spi.answer(1)
        return self


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setitem(registry._modules, "toy", toy.load())
    made = Program()
    yield made
    made.td.Release()
    made.md.Release()
    assert registry._slots == {}


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", FACES)
def test_each_module_offers_all_names(face: Any) -> None:
    for name in ("CThostFtdcOrderField", "THOST_FTDC_D_Buy", "THOST_TERT_QUICK", "CThostFtdcDepthMarketDataField"):
        assert name in face.__all__
        assert name in dir(face)
        assert getattr(face, name) is getattr(tdapi, name)
    assert face.THOST_FTDC_D_Buy == "0"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = face.Nothing
    with pytest.raises(AttributeError, match="THOST_FTDC_Nothing"):
        _ = face.THOST_FTDC_Nothing


@pytest.mark.parametrize(
    ("face", "own"),
    [
        (tdapi, {"CThostFtdcTraderApi", "CThostFtdcTraderSpi"}),
        (mdapi, {"CThostFtdcMdApi", "CThostFtdcMdSpi"}),
        (thosttraderapi, {"CThostFtdcTraderApi", "CThostFtdcTraderSpi"}),
        (thostmduserapi, {"CThostFtdcMdApi", "CThostFtdcMdSpi"}),
    ],
)
def test_star_import_gives_exactly_the_public_names(face: Any, own: set[str]) -> None:
    namespace: dict[str, Any] = {}
    exec(f"from {face.__name__} import *", namespace)
    names = set(namespace) - {"__builtins__"}
    assert names == set(face.__all__)
    assert {name for name in names if not name.startswith("THOST_") and not name.endswith("Field")} == own


def test_what_ctp2_itself_offers() -> None:
    assert sorted(ctp2.__all__) == ["__version__", "mdapi", "tdapi"]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ctp2.nothing


def test_importing_is_light(root: Path) -> None:
    """No clock here: what must not be imported is named instead."""
    heavy = (
        "asyncio",
        "pydantic",
        "rich",
        "typer",
        "urllib.request",
        "logging.handlers",
        "dataclasses",
        "sqlite3",
        "socket",
    )
    code = f"import sys, ctp2.tdapi, ctp2.mdapi; print([m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_ctp2_tdapi_is_there_after_import_ctp2(root: Path) -> None:
    code = "import ctp2; print(ctp2.tdapi.THOST_FTDC_D_Sell, ctp2.mdapi.CThostFtdcMdApi.__name__)"
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "1 CThostFtdcMdApi"


# --- bad input that raises -------------------------------------------------------------------------------------------

ORDER = s.CThostFtdcInputOrderField
LONG = "x" * 81

RAISING: dict[str, tuple[Callable[[Program], object], type[Exception], str]] = {
    "no struct": (lambda p: p.td.ReqOrderInsert(None, 1), TypeError, "ReqOrderInsert.*InputOrderField, got None"),
    "another struct": (
        lambda p: p.td.ReqOrderInsert(s.CThostFtdcOrderField(), 1),
        TypeError,
        "ReqOrderInsert.*InputOrderField, got CThostFtdcOrderField",
    ),
    "no struct at all": (lambda p: p.td.ReqOrderInsert({"LimitPrice": 1}, 1), TypeError, "got dict"),
    "text as request id": (lambda p: p.td.ReqOrderInsert(ORDER(), "1"), TypeError, "nRequestID must be an int"),
    "float as request id": (lambda p: p.td.ReqOrderInsert(ORDER(), 1.0), TypeError, "nRequestID must be an int"),
    "too large a request id": (lambda p: p.td.ReqOrderInsert(ORDER(), 2**31), ValueError, "nRequestID .* 32 bits"),
    "misspelt member": (lambda p: setattr(ORDER(), "LimitPrize", 1.0), AttributeError, "LimitPrize"),
    "misspelt keyword": (lambda p: ORDER(LimitPrize=1.0), TypeError, "LimitPrize"),  # type: ignore[call-arg]
    "over-long text": (lambda p: p.td.ReqOrderInsert(ORDER(InstrumentID=LONG), 1), ValueError, "InstrumentID.* 80"),
    "over-long in bytes": (lambda p: p.td.ReqOrderInsert(ORDER(InvestorID="沪" * 7), 1), ValueError, "InvestorID"),
    "two characters": (lambda p: p.td.ReqOrderInsert(ORDER(Direction="00"), 1), ValueError, "Direction"),
    "number as text": (lambda p: p.td.ReqOrderInsert(ORDER(OrderRef=1), 1), TypeError, "OrderRef"),  # type: ignore[arg-type]
    "text as price": (lambda p: p.td.ReqOrderInsert(ORDER(LimitPrice="1"), 1), TypeError, "LimitPrice"),  # type: ignore[arg-type]
    "huge volume": (lambda p: p.td.ReqOrderInsert(ORDER(VolumeTotalOriginal=2**31), 1), ValueError, "VolumeTotal"),
    "unknown scheme": (lambda p: p.td.RegisterFront("nope://x"), ValueError, "unknown scheme nope"),
    "no scheme": (lambda p: p.td.RegisterFront("127.0.0.1:1"), ValueError, "has no scheme"),
    "unknown option": (lambda p: p.td.RegisterFront("toy://?x=1"), ValueError, "no option x"),
    "no address": (lambda p: p.td.RegisterFront(None), TypeError, "pszFrontAddress"),
    "bad name server": (lambda p: p.md.RegisterNameServer("nope://x"), ValueError, "unknown scheme"),
    "bad fens user": (lambda p: p.td.RegisterFensUserInfo(None), TypeError, "FensUserInfoField"),
    "a foreign Spi": (lambda p: p.td.RegisterSpi(object()), TypeError, "CThostFtdcTraderSpi"),
    "the other kind of Spi": (lambda p: p.md.RegisterSpi(TraderRecorder()), TypeError, "CThostFtdcMdSpi"),
    "unknown resume mode": (lambda p: p.td.SubscribePrivateTopic(9), ValueError, "nResumeType 9"),
    "text as resume mode": (lambda p: p.td.SubscribePublicTopic("0"), TypeError, "nResumeType"),
    "no front info": (lambda p: p.td.GetFrontInfo(None), TypeError, "FrontInfoField"),
    "no system info": (lambda p: p.td.RegisterUserSystemInfo(None), TypeError, "UserSystemInfoField"),
    "subscribing a number": (lambda p: p.md.SubscribeMarketData([1], 1), TypeError, "str or bytes, got int"),
    "subscribing no list": (lambda p: p.md.SubscribeMarketData(None, 1), TypeError, "list of str or bytes"),
    "fewer than none": (lambda p: p.md.SubscribeMarketData(["a"], -1), ValueError, "nCount is -1"),
    "text as count": (lambda p: p.md.SubscribeMarketData(["a"], "1"), TypeError, "nCount must be an int"),
    "over-long code": (lambda p: p.md.SubscribeMarketData([LONG], 1), ValueError, "80 bytes"),
    "number as flow path": (lambda p: tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(1), TypeError, "pszFlowPath"),  # type: ignore[arg-type]
    "missing flow folder": (
        lambda p: mdapi.CThostFtdcMdApi.CreateFtdcMdApi("/no/such/folder/"),
        FileNotFoundError,
        "create it first",
    ),
    "unknown argument": (lambda p: p.td.ReqOrderInsert(ORDER(), 1, 2), TypeError, "positional"),
}


@pytest.mark.parametrize("case", RAISING)
def test_bad_input_raises_and_the_object_stays_usable(program: Program, case: str) -> None:
    call, error, message = RAISING[case]
    program.login()
    with pytest.raises(error, match=message):
        call(program)
    assert program.td.ReqQryInstrument(s.CThostFtdcQryInstrumentField(), 9) == 0
    assert program.td_spi.answer(9)[0].field.InstrumentID == "TOY"
    assert program.md.SubscribeMarketData(["TOY"], 1) == 0
    program.md_spi.wait_for("OnRtnDepthMarketData")


def test_a_count_beyond_the_list_means_the_list(program: Program, caplog: pytest.LogCaptureFixture) -> None:
    """Some programs hand in their request number for nCount."""
    program.login()
    assert program.md.SubscribeMarketData(["TOY"], 7) == 0
    program.md_spi.wait_for("OnRtnDepthMarketData")
    (record,) = caplog.records
    assert record.getMessage() == "SubscribeMarketData: nCount is 7, but 1 instruments are given: these are taken"


# --- bad input that is answered --------------------------------------------------------------------------------------

ANSWERED: dict[str, tuple[bool, Callable[[Program], int], list[tuple[str, int]]]] = {
    "order before login": (False, lambda p: p.td.ReqOrderInsert(ORDER(), 7), [("OnRspOrderInsert", 6)]),
    "query before login": (
        False,
        lambda p: p.td.ReqQryInstrument(s.CThostFtdcQryInstrumentField(), 7),
        [("OnRspQryInstrument", 6)],
    ),
    "login without a name": (
        False,
        lambda p: p.td.ReqUserLogin(s.CThostFtdcReqUserLoginField(), 7),
        [("OnRspUserLogin", 3)],
    ),
    "unknown instrument": (
        True,
        lambda p: p.td.ReqOrderInsert(ORDER(InstrumentID="no"), 7),
        [("OnRspOrderInsert", 16)],
    ),
    "unsupported request": (
        True,
        lambda p: p.td.ReqQuoteInsert(s.CThostFtdcInputQuoteField(), 7),
        [("OnRspQuoteInsert", 27)],
    ),
    "unsupported query": (
        True,
        lambda p: p.td.ReqQryTradingAccount(s.CThostFtdcQryTradingAccountField(), 7),
        [("OnRspQryTradingAccount", 0)],
    ),
    "NaN passes to the counter": (
        True,
        lambda p: p.td.ReqOrderInsert(ORDER(InstrumentID="no", LimitPrice=float("nan")), 7),
        [("OnRspOrderInsert", 16)],
    ),
}


@pytest.mark.parametrize("case", ANSWERED)
def test_bad_input_is_answered(program: Program, case: str) -> None:
    logged_in, call, expected = ANSWERED[case]
    if logged_in:
        program.login()
    assert call(program) == 0
    assert [(c.name, c.error_id) for c in program.td_spi.answer(7)] == expected


def test_subscribing_before_login_is_refused(program: Program) -> None:
    assert program.md.SubscribeMarketData([b"TOY", "x"], 2) == 0
    program.md_spi.wait_for("OnRspSubMarketData", count=2)
    assert [c.error_id for c in program.md_spi.of("OnRspSubMarketData")] == [6, 6]
    assert "OnRtnDepthMarketData" not in program.md_spi.names


def test_a_second_login_and_a_call_after_release(program: Program) -> None:
    program.login()
    program.td.ReqUserLogin(s.CThostFtdcReqUserLoginField(UserID="u"), 2)
    program.td.ReqQryInstrument(s.CThostFtdcQryInstrumentField(), 3)
    program.td_spi.answer(3)
    assert program.td_spi.of(lambda call: call.request_id == 2) == []
    program.td.Release()
    assert program.td.ReqOrderInsert(ORDER(), 4) == -1


def test_flows_through_a_real_session(program: Program) -> None:
    """Another session of the same user gets the whole day, then what happens."""
    program.login()
    program.td.ReqOrderInsert(ORDER(InstrumentID="TOY", LimitPrice=3.0, VolumeTotalOriginal=1), 2)
    program.td_spi.wait_for("OnRtnTrade")
    second = Program()
    second.login()
    second.td_spi.wait_for("OnRtnTrade")
    second.td.ReqOrderInsert(ORDER(InstrumentID="TOY", LimitPrice=4.0, VolumeTotalOriginal=1), 2)
    for spi in (program.td_spi, second.td_spi):
        spi.wait_for("OnRtnTrade", count=2)
        assert [call.field.Price for call in spi.of("OnRtnTrade")] == [3.0, 4.0]
    second.td.Release()
    second.md.Release()


def test_logout_and_again(program: Program) -> None:
    program.login()
    program.td.ReqUserLogout(s.CThostFtdcUserLogoutField(UserID="u"), 5)
    program.td_spi.wait_for("OnFrontConnected", count=2)
    assert program.td_spi.names[-3:] == ["OnRspUserLogout", "OnFrontDisconnected", "OnFrontConnected"]
    sessions = [call.field.SessionID for call in program.td_spi.of("OnRspUserLogin")]
    program.td.ReqUserLogin(s.CThostFtdcReqUserLoginField(UserID="u"), 6)
    assert program.td_spi.answer(6)[0].field.SessionID not in sessions
