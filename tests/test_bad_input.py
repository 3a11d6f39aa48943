"""Bad input at the embedded counter: one line per case, and after each line the same object still works.

What the C struct cannot hold raises a Python exception that names field and limit, before anything is sent. What it can
hold is answered by the counter: CTP's number and text. ``tests/test_face.py`` has the cases that need no counter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2 import mdapi, tdapi
from ctp2.ctp import structs as s
from ctp2.ctp.layout import codec, versions
from ctp2.tts import counter
from tests.tts.programs import FIRST, Trader, Watcher, address_of, is_order

DBL_MAX = 1.7976931348623157e308


class Program:
    """A confirmed trader and a logged-in md client of one counter; every instrument has a quote."""

    def __init__(self, folder: Path) -> None:
        self.address = address_of(folder)
        self.td = Trader(self.address).start()
        self.md = Watcher(self.address).login()
        counter(self.address).step(FIRST)

    def order(self, **members: Any) -> Any:
        """A good order with ``members`` in it."""
        return self.td.order(**members)

    def still_works(self) -> None:
        """Queries answer, a good order trades, quotes can be subscribed."""
        assert [row.InstrumentID for row in self.td.rows("ReqQryInstrument")] == ["IF2101", "rb2105", "m2105", "TA105"]
        held = sum(row.Position for row in self.td.rows("ReqQryInvestorPosition"))
        self.td.fill()
        assert sum(row.Position for row in self.td.rows("ReqQryInvestorPosition")) == held + 1
        before = len(self.md.spi.calls)
        self.md.subscribe("rb2105")
        self.md.spi.wait_for("OnRtnDepthMarketData", after=before)

    def release(self) -> None:
        """End both."""
        self.td.api.Release()
        self.md.api.Release()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    made.release()


# --- orders that CTP refuses -----------------------------------------------------------------------------------------

BAD_FIELD = (15, "CTP:报单字段有误")
REFUSED: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "unknown instrument": ({"InstrumentID": "xx9999"}, (16, "CTP:找不到合约")),
    "no instrument": ({"InstrumentID": ""}, (16, "CTP:找不到合约")),
    "instrument in capitals": ({"InstrumentID": "RB2105"}, (16, "CTP:找不到合约")),
    "zero volume": ({"VolumeTotalOriginal": 0}, BAD_FIELD),
    "negative volume": ({"VolumeTotalOriginal": -1}, BAD_FIELD),
    "smallest volume": ({"VolumeTotalOriginal": -(2**31)}, BAD_FIELD),
    "NaN price": ({"LimitPrice": math.nan}, (95, "CTP：不支持的价格")),
    "infinite price": ({"LimitPrice": math.inf}, (95, "CTP：不支持的价格")),
    "minus infinite price": ({"LimitPrice": -math.inf}, (95, "CTP：不支持的价格")),
    "absent price": ({"LimitPrice": DBL_MAX}, (95, "CTP：不支持的价格")),
    "price beyond money": ({"LimitPrice": 1e200}, BAD_FIELD),
    "no direction": ({"Direction": ""}, BAD_FIELD),
    "wrong direction": ({"Direction": "9"}, BAD_FIELD),
    "Chinese direction in one byte's place": ({"Direction": "x"}, BAD_FIELD),
    "no price type": ({"OrderPriceType": ""}, BAD_FIELD),
    "wrong price type": ({"OrderPriceType": "Z"}, BAD_FIELD),
    "price type of no exchange": ({"OrderPriceType": "4"}, (80, "CTP:交易所不支持的价格类型")),
    "no time condition": ({"TimeCondition": ""}, BAD_FIELD),
    "good till cancelled": ({"TimeCondition": "5"}, BAD_FIELD),
    "no volume condition": ({"VolumeCondition": ""}, BAD_FIELD),
    "wrong volume condition": ({"VolumeCondition": "0"}, BAD_FIELD),
    "no contingent condition": ({"ContingentCondition": ""}, BAD_FIELD),
    "conditional order without StopPrice": ({"ContingentCondition": "5"}, BAD_FIELD),
    "no force close reason": ({"ForceCloseReason": ""}, BAD_FIELD),
    "no offset": ({"CombOffsetFlag": ""}, BAD_FIELD),
    "wrong offset": ({"CombOffsetFlag": "8"}, BAD_FIELD),
    "the operator's offset": ({"CombOffsetFlag": "2"}, (9, "CTP:无此权限")),
    "no hedge flag": ({"CombHedgeFlag": ""}, BAD_FIELD),
    "market maker's hedge flag": ({"CombHedgeFlag": "5"}, (61, "CTP:该交易所不支持套利/做市商类型报单")),
    "minimum above the volume": ({"MinVolume": 9, "VolumeCondition": "2", "TimeCondition": "1"}, BAD_FIELD),
    "swap order": ({"IsSwapOrder": 1}, (65, "CTP:该合约不支持互换类型报单")),
    "no investor": ({"InvestorID": ""}, (146, "CTP:缺少InvestorID字段，请填入InvestorID")),
    "unknown investor": ({"InvestorID": "nobody"}, (13, "CTP:找不到投资者")),
    "exchange that does not exist": ({"ExchangeID": "XXXX"}, (148, "CTP:无效的ExchangeID字段，请填入正确的ExchangeID")),
    "another exchange": ({"ExchangeID": "DCE"}, (150, "CTP:交易所代码错误")),
    "OrderRef of letters": ({"OrderRef": "abc"}, (22, "CTP:报单错误：不允许重复报单")),
    "OrderRef of Chinese numerals": ({"OrderRef": "一"}, (22, "CTP:报单错误：不允许重复报单")),
    "negative OrderRef": ({"OrderRef": "-5"}, (22, "CTP:报单错误：不允许重复报单")),
    "close today without lots": ({"CombOffsetFlag": "3"}, (50, "CTP:平今仓位不足")),
    "close without lots": ({"CombOffsetFlag": "1"}, (51, "CTP:平昨仓位不足")),
    "more than the money": ({"VolumeTotalOriginal": 100_000}, (31, "CTP:资金不足")),
    "volume beyond 64-bit money": ({"VolumeTotalOriginal": 2**31 - 1}, BAD_FIELD),
}


@pytest.mark.parametrize("case", REFUSED)
def test_ctp_refuses(program: Program, case: str) -> None:
    members, (number, text) = REFUSED[case]
    before = len(program.td.spi.calls)
    assert program.td.api.ReqOrderInsert(program.order(**members), 77) == 0
    program.td.spi.wait_for("OnErrRtnOrderInsert", after=before)
    calls = program.td.spi.calls[before:]
    assert [(c.name, c.error_id, c.info.ErrorMsg) for c in calls] == [
        ("OnRspOrderInsert", number, text),
        ("OnErrRtnOrderInsert", number, text),
    ]
    assert (calls[0].request_id, calls[0].is_last) == (77, True)
    program.still_works()


REJECTED: dict[str, tuple[dict[str, Any], str]] = {
    "off the tick": ({"LimitPrice": 4280.5}, "SHFE:价格非最小单位倍数"),
    "above the limit": ({"LimitPrice": 4601.0}, "SHFE:价格超出涨停板"),
    "below the limit": ({"LimitPrice": 3999.0}, "SHFE:价格跌破跌停板"),
    "a limit order for the day and its complete volume": ({"VolumeCondition": "3"}, "SHFE:不被支持的报单类型"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_the_exchange_rejects(program: Program, case: str) -> None:
    members, text = REJECTED[case]
    before = program.td.insert(**members)
    record = program.td.spi.wait_for(is_order("5"), after=before).field
    assert (record.OrderSubmitStatus, record.StatusMsg, record.OrderSysID) == ("4", f"已撤单报单被拒绝{text}", "")
    assert [call.name for call in program.td.spi.calls[before:]] == ["OnRtnOrder", "OnRtnOrder"]
    program.still_works()


CANCELS: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "unknown order": ({"OrderRef": "999"}, (25, "CTP:撤单找不到相应报单")),
    "unknown OrderSysID": ({"OrderSysID": "      999999"}, (25, "CTP:撤单找不到相应报单")),
    "OrderSysID of letters": ({"OrderSysID": "TJBD_1"}, (25, "CTP:撤单找不到相应报单")),
    "no action flag": ({"ActionFlag": ""}, (23, "CTP:错误的报单操作字段")),
    "wrong action flag": ({"ActionFlag": "9"}, (23, "CTP:错误的报单操作字段")),
    "modify": ({"ActionFlag": "3"}, (27, "CTP:不支持的功能")),
    "no instrument": ({"InstrumentID": ""}, (23, "CTP:错误的报单操作字段")),
    "no investor": ({"InvestorID": ""}, (146, "CTP:缺少InvestorID字段，请填入InvestorID")),
    "unknown investor": ({"InvestorID": "nobody"}, (13, "CTP:找不到投资者")),
}


@pytest.mark.parametrize("case", CANCELS)
def test_a_cancel_is_refused(program: Program, case: str) -> None:
    members, (number, text) = CANCELS[case]
    order = program.td.rest()
    before = program.td.cancel(order, **members)
    program.td.spi.wait_for("OnErrRtnOrderAction", after=before)
    assert [(c.name, c.error_id, c.info.ErrorMsg) for c in program.td.spi.calls[before:]] == [
        ("OnRspOrderAction", number, text),
        ("OnErrRtnOrderAction", number, text),
    ]
    before = program.td.cancel(order)
    program.td.spi.wait_for(is_order("5"), after=before)
    program.still_works()


# --- other requests --------------------------------------------------------------------------------------------------

ANSWERED: dict[str, tuple[str, dict[str, Any], list[tuple[str, int, str]]]] = {
    "confirm for somebody unknown": (
        "ReqSettlementInfoConfirm",
        {"InvestorID": "nobody"},
        [("OnRspSettlementInfoConfirm", 13, "CTP:找不到投资者")],
    ),
    "another's password": (
        "ReqUserPasswordUpdate",
        {"UserID": "bob", "OldPassword": "secret", "NewPassword": "new"},
        [("OnRspUserPasswordUpdate", 10, "CTP:修改别人的口令")],
    ),
    "wrong old password": (
        "ReqUserPasswordUpdate",
        {"UserID": "alice", "OldPassword": "wrong", "NewPassword": "new"},
        [("OnRspUserPasswordUpdate", 14, "CTP:原口令不匹配")],
    ),
    "the same password": (
        "ReqUserPasswordUpdate",
        {"UserID": "alice", "OldPassword": "secret", "NewPassword": "secret"},
        [("OnRspUserPasswordUpdate", 142, "CTP:修改密码失败。新密码不允许与旧密码相同")],
    ),
    "a parked order": ("ReqParkedOrderInsert", {}, [("OnRspParkedOrderInsert", 15, "CTP:报单字段有误")]),
    "an exercise": ("ReqExecOrderInsert", {}, [("OnRspExecOrderInsert", 81, "CTP:错误的执行类型")]),
    "a quote of nothing": ("ReqQuoteInsert", {}, [("OnRspQuoteInsert", 15, "CTP:报单字段有误")]),
    "a spread confirmation": ("ReqSpdApply", {}, [("OnRspSpdApply", 27, "CTP:不支持的功能")]),
    "a bank transfer": (
        "ReqFromBankToFutureByFuture",
        {},
        [("OnRspFromBankToFutureByFuture", 2000, "CTP:该报盘未连接到银行")],
    ),
    "a batch cancel": (
        "ReqBatchOrderAction",
        {"InvestorID": "alice", "ExchangeID": "DCE"},
        [("OnRspBatchOrderAction", 103, "CTP:该交易所不支持批量撤单")],
    ),
}


@pytest.mark.parametrize("case", ANSWERED)
def test_a_request_is_answered_with_its_error(program: Program, case: str) -> None:
    request, members, expected = ANSWERED[case]
    calls = program.td.ask(request, **members)
    assert [(c.name, c.error_id, c.info.ErrorMsg) for c in calls] == expected
    program.still_works()


EMPTY: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown instrument": ("ReqQryInstrument", {"InstrumentID": "no"}),
    "unknown exchange": ("ReqQryInstrument", {"ExchangeID": "no"}),
    "unknown currency": ("ReqQryTradingAccount", {"CurrencyID": "XXX"}),
    "unknown investor": ("ReqQryInvestorPosition", {"InvestorID": "nobody"}),
    "a time that is none": ("ReqQryOrder", {"InsertTimeStart": "zz:zz:zz"}),
    "an OrderSysID of letters": ("ReqQryOrder", {"OrderSysID": "abc"}),
    "a query that CTP knows and this counter does not": ("ReqQryCFMMCTradingAccountKey", {}),
}


@pytest.mark.parametrize("case", EMPTY)
def test_an_unknown_filter_gives_an_empty_result(program: Program, case: str) -> None:
    request, members = EMPTY[case]
    assert [(c.field, c.info, c.is_last) for c in program.td.ask(request, **members)] == [(None, None, True)]
    program.still_works()


@pytest.mark.parametrize("user", ["", "a" * 13])
def test_a_login_that_cannot_be(program: Program, user: str) -> None:
    other = Trader(program.address, user).connect()
    try:
        (answer,) = other.ask("ReqUserLogin", UserID=user, BrokerID="9999")
        assert (answer.error_id, answer.info.ErrorMsg) == (3, "CTP:不合法的登录")
        assert (answer.field.UserID, answer.field.BrokerID, answer.field.SessionID) == (user, "9999", 0)
        (answer,) = other.ask("ReqUserLogin", UserID="carol")
        assert answer.error_id == 0, "the session stays and may try again"
    finally:
        other.api.Release()
    program.still_works()


# --- at the wrong time -----------------------------------------------------------------------------------------------


def every_kind(client: Any) -> list[int]:
    """Return codes of a query, an order, a cancel, a login."""
    return [
        client.ReqQryTradingAccount(s.CThostFtdcQryTradingAccountField(), 1),
        client.ReqOrderInsert(s.CThostFtdcInputOrderField(), 2),
        client.ReqOrderAction(s.CThostFtdcInputOrderActionField(), 3),
        client.ReqUserLogin(s.CThostFtdcReqUserLoginField(UserID="alice"), 4),
    ]


def test_before_init_and_after_release_nothing_is_sent(program: Program) -> None:
    early: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    early.RegisterFront(program.address)
    assert every_kind(early) == [-1] * 4
    early.Release()
    assert every_kind(early) == [-1] * 4
    early.Release()
    early.Init()
    assert every_kind(early) == [-1] * 4
    md: Any = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
    assert md.SubscribeMarketData(["rb2105"], 1) == -1
    md.Release()
    assert md.UnSubscribeMarketData(["rb2105"], 1) == -1
    program.still_works()
    program.release()
    assert every_kind(program.td.api) == [-1] * 4
    assert program.md.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(), 1) == -1


def test_before_login_every_request_is_refused_through_its_own_answer(program: Program) -> None:
    other = Trader(program.address, "bob").connect()
    try:
        for request, answer, has_data in (
            ("ReqQryInstrument", "OnRspQryInstrument", False),
            ("ReqQryOrder", "OnRspQryOrder", False),
            ("ReqOrderInsert", "OnRspOrderInsert", True),
            ("ReqOrderAction", "OnRspOrderAction", True),
            ("ReqSettlementInfoConfirm", "OnRspSettlementInfoConfirm", True),
            ("ReqUserPasswordUpdate", "OnRspUserPasswordUpdate", True),
            ("ReqUserLogout", "OnRspUserLogout", True),
            ("ReqParkedOrderInsert", "OnRspParkedOrderInsert", True),
        ):
            (call,) = other.ask(request)
            assert (call.name, call.error_id, call.info.ErrorMsg) == (answer, 6, "CTP:还没有登录")
            assert (call.field is not None) == has_data, request
        assert other.spi.of("OnErrRtnOrderInsert") == []
        assert other.ask("ReqUserLogin", UserID="bob")[0].error_id == 0
    finally:
        other.api.Release()
    program.still_works()


def test_before_login_quotes_are_refused(program: Program) -> None:
    other = Watcher(program.address).connect()
    try:
        assert other.api.SubscribeMarketData(["rb2105"], 1) == 0
        call = other.spi.wait_for("OnRspSubMarketData")
        assert (call.error_id, call.field.InstrumentID) == (6, "rb2105")
        other.login().subscribe("rb2105").spi.wait_for("OnRtnDepthMarketData")
    finally:
        other.api.Release()


def test_a_second_login_is_filtered_out(program: Program) -> None:
    session = program.td.login_field.SessionID
    before = len(program.td.spi.calls)
    program.td.send("ReqUserLogin", UserID="alice", BrokerID="9999")
    program.td.send("ReqUserLogin", UserID="bob", BrokerID="9999")
    program.td.rows("ReqQryExchange")
    assert "OnRspUserLogin" not in [call.name for call in program.td.spi.calls[before:]]
    assert program.td.rest().SessionID == session and program.td.rows("ReqQryOrder")[0].InvestorID == "alice"
    program.still_works()


def test_a_market_data_front_knows_no_logout(program: Program) -> None:
    assert program.md.api.ReqUserLogout(s.CThostFtdcUserLogoutField(), 9) == 0
    call = program.md.spi.wait_for("OnRspUserLogout")
    assert (call.error_id, call.info.ErrorMsg) == (77, "CTP:无此功能")
    program.still_works()


# --- what no struct can hold -----------------------------------------------------------------------------------------

Raising = tuple[Callable[[Program], object], type[Exception], str]
ORDER = s.CThostFtdcInputOrderField
FIELDS = codec(versions()[-1]).fields("CThostFtdcInputOrderField")


def insert(**members: Any) -> Callable[[Program], object]:
    return lambda p: p.td.api.ReqOrderInsert(p.order(**members), 1)


def subscribe(codes: Any, number: Any) -> Callable[[Program], object]:
    return lambda p: p.md.api.SubscribeMarketData(codes, number)


RAISING: dict[str, Raising] = {
    "no struct": (lambda p: p.td.api.ReqOrderInsert(None, 1), TypeError, "ReqOrderInsert: .*InputOrderField, got None"),
    "a query without a struct": (
        lambda p: p.td.api.ReqQryOrder(None, 1),
        TypeError,
        "ReqQryOrder: .*CThostFtdcQryOrderField, got None",
    ),
    "the struct of a query": (
        lambda p: p.td.api.ReqOrderInsert(s.CThostFtdcQryOrderField(), 1),
        TypeError,
        "ReqOrderInsert: .*InputOrderField, got CThostFtdcQryOrderField",
    ),
    "the class itself": (lambda p: p.td.api.ReqOrderInsert(ORDER, 1), TypeError, "InputOrderField, got "),
    "None as request id": (lambda p: p.td.api.ReqOrderInsert(p.order(), None), TypeError, "nRequestID must be an int"),
    "request id below 32 bits": (lambda p: p.td.api.ReqOrderInsert(p.order(), -(2**31) - 1), ValueError, "32 bits"),
    "no request id": (lambda p: p.td.api.ReqOrderInsert(p.order()), TypeError, "nRequestID"),
    "misspelt member": (lambda p: setattr(p.order(), "Limitprice", 1.0), AttributeError, "Limitprice"),
    "None as price": (insert(LimitPrice=None), TypeError, r"InputOrder.*LimitPrice: a float is needed, not NoneType"),
    "text as price": (insert(LimitPrice="4280"), TypeError, r"LimitPrice: a float is needed, not str"),
    "text as volume": (insert(VolumeTotalOriginal="1"), TypeError, r"VolumeTotalOriginal: an int is needed, not str"),
    "float as volume": (
        insert(VolumeTotalOriginal=1.0),
        TypeError,
        r"VolumeTotalOriginal: an int is needed, not float",
    ),
    "volume beyond 32 bits": (insert(VolumeTotalOriginal=2**31), ValueError, r"VolumeTotalOriginal: .*2147483647"),
    "minimum volume beyond 32 bits": (insert(MinVolume=-(2**31) - 1), ValueError, r"MinVolume: .*-2147483648"),
    "bytes as instrument": (insert(InstrumentID=b"rb2105"), TypeError, r"InstrumentID: a str is needed, not bytes"),
    "number as direction": (insert(Direction=0), TypeError, r"Direction: a str is needed, not int"),
    "number as OrderRef": (insert(OrderRef=7), TypeError, r"OrderRef: a str is needed, not int"),
    "two letters of direction": (
        insert(Direction="01"),
        ValueError,
        r"Direction: 2 bytes in GB18030, the field holds 1",
    ),
    "Chinese direction": (insert(Direction="买"), ValueError, r"Direction: 2 bytes in GB18030, the field holds 1"),
    "thirteen digits of OrderRef": (insert(OrderRef="1" * 13), ValueError, r"OrderRef: 13 bytes .* holds 12"),
    "five offsets": (insert(CombOffsetFlag="00000"), ValueError, r"CombOffsetFlag: 5 bytes .* holds 4"),
    "Chinese counts in bytes": (insert(InvestorID="上海期货交易所"), ValueError, r"InvestorID: 14 bytes .* holds 12"),
    "a NUL inside": (insert(InstrumentID="rb\x002105"), ValueError, r"InstrumentID: the text contains a NUL"),
    "half a surrogate": (
        insert(OrderMemo="\ud800"),
        ValueError,
        r"OrderMemo: character 1 cannot be encoded in GB18030",
    ),
    "over-long password": (
        lambda p: p.td.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(Password="p" * 41), 1),
        ValueError,
        r"Password: 41 bytes .* holds 40",
    ),
    "over-long user": (
        lambda p: p.td.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(UserID="u" * 16), 1),
        ValueError,
        r"UserID: 16 bytes .* holds 15",
    ),
    "unknown option of the counter": (
        lambda p: p.td.api.RegisterFront("tts://replay?fill=full"),
        ValueError,
        "unknown option fill; known: .*fills",
    ),
    "unknown environment": (lambda p: p.td.api.RegisterFront("tts://8x24"), ValueError, "no such environment; known"),
    "missing data": (
        lambda p: p.td.api.RegisterFront("tts://replay?data=/no/such.csv"),
        FileNotFoundError,
        r"data=/no/such\.csv: no such file",
    ),
    "another option of the running counter": (
        lambda p: p.td.api.RegisterFront(f"{p.address.replace('fills=full', 'fills=random')}"),
        ValueError,
        "runs in this process with fills=full, not random",
    ),
    "no codes": (subscribe(None, 1), TypeError, "list of str or bytes, got NoneType"),
    "a number for codes": (subscribe(5, 1), TypeError, "list of str or bytes, got int"),
    "a set of codes": (subscribe({"rb2105"}, 1), TypeError, "list of str or bytes, got set"),
    "a number among the codes": (subscribe(["rb2105", 1], 2), TypeError, "str or bytes, got int"),
    "None among the codes": (subscribe([None], 1), TypeError, "str or bytes, got NoneType"),
    "fewer codes than none": (subscribe(["rb2105"], -1), ValueError, "nCount is -1"),
    "None as count": (subscribe(["rb2105"], None), TypeError, "nCount must be an int"),
    "over-long code": (subscribe(["x" * 81], 1), ValueError, "longer than the 80 bytes of InstrumentID"),
    "over-long Chinese code": (subscribe(["沪" * 41], 1), ValueError, "longer than the 80 bytes of InstrumentID"),
}


@pytest.mark.parametrize("case", RAISING)
def test_an_exception_names_field_and_limit(program: Program, case: str) -> None:
    call, error, message = RAISING[case]
    before = len(program.td.spi.calls), len(program.md.spi.calls)
    with pytest.raises(error, match=message):
        call(program)
    assert program.td.rows("ReqQryOrder") == [], "nothing was sent"
    assert len(program.md.spi.calls) == before[1]
    program.still_works()


@pytest.mark.parametrize("field", [f for f in FIELDS if f.kind in ("char", "text")], ids=lambda f: f.name)
def test_every_text_of_an_order_has_its_limit(field: Any, tmp_path: Path) -> None:
    limit = field.length - 1 if field.kind == "text" else 1
    program = Program(tmp_path)
    try:
        with pytest.raises(ValueError, match=rf"{field.name}: {limit + 1} bytes in GB18030, the field holds {limit}$"):
            program.td.api.ReqOrderInsert(program.order(**{field.name: "1" * (limit + 1)}), 1)
        with pytest.raises(TypeError, match=rf"{field.name}: a str is needed, not int"):
            program.td.api.ReqOrderInsert(program.order(**{field.name: 1}), 1)
        assert program.td.api.ReqOrderInsert(program.order(**{field.name: "1" * limit}), 1) == 0
        program.still_works()
    finally:
        program.release()


@pytest.mark.parametrize("field", [f for f in FIELDS if f.kind == "int"], ids=lambda f: f.name)
def test_every_number_of_an_order_has_its_limit(program: Program, field: Any) -> None:
    for value in (2**31, -(2**31) - 1, 10**30):
        with pytest.raises(ValueError, match=rf"{field.name}: the number is out of range"):
            program.td.api.ReqOrderInsert(program.order(**{field.name: value}), 1)
    for wrong in (1.5, "1", None, [1]):
        with pytest.raises(TypeError, match=rf"{field.name}: an int is needed"):
            program.td.api.ReqOrderInsert(program.order(**{field.name: wrong}), 1)
    program.still_works()


# --- subscriptions that are odd and not wrong ------------------------------------------------------------------------

ODD: dict[str, tuple[Any, int, list[str]]] = {
    "an unknown code is answered and has no quotes": (["none", "rb2105"], 2, ["none", "rb2105"]),
    "bytes": ([b"rb2105"], 1, ["rb2105"]),
    "one code alone": ("rb2105", 1, ["rb2105"]),
    "a tuple": (("rb2105", "m2105"), 2, ["rb2105", "m2105"]),
    "the same code twice": (["rb2105", "rb2105"], 2, ["rb2105", "rb2105"]),
    "fewer than given": (["rb2105", "m2105"], 1, ["rb2105"]),
    "an empty code": ([""], 1, [""]),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_subscriptions(program: Program, case: str) -> None:
    codes, number, expected = ODD[case]
    assert program.md.api.SubscribeMarketData(codes, number) == 0
    program.md.spi.wait_for("OnRspSubMarketData", count=len(expected))
    calls = program.md.spi.of("OnRspSubMarketData")
    assert [c.field.InstrumentID for c in calls] == expected
    assert [(c.error_id, c.info.ErrorMsg) for c in calls] == [(0, "CTP:No Error")] * len(expected)
    assert [c.is_last for c in calls] == [False] * (len(expected) - 1) + [True]
    program.still_works()


def test_an_empty_subscription_does_nothing(program: Program) -> None:
    assert program.md.api.SubscribeMarketData([], 0) == 0
    assert program.md.api.UnSubscribeMarketData(["rb2105", "none"], 2) == 0
    program.md.spi.wait_for("OnRspUnSubMarketData", count=2)
    assert program.md.ticks() == []
    program.still_works()
