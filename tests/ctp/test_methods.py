"""The tables of requests and callbacks, and the classes made from them, against every version's class declarations."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from ctp2.ctp import api, schema, spi, structs
from ctp2.ctp.methods import MD, MD_CALLBACKS, TRADER, TRADER_CALLBACKS, Callback, Method

SIDES = {"Trader": (TRADER, TRADER_CALLBACKS), "Md": (MD, MD_CALLBACKS)}
SHAPES = {
    "plain": (),
    "number": ("int",),
    "rsp": ("struct", "CThostFtdcRspInfoField*", "int", "bool"),
    "rtn": ("struct",),
    "errrtn": ("struct", "CThostFtdcRspInfoField*"),
    "error": ("CThostFtdcRspInfoField*", "int", "bool"),
}


def declared(side: str, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every method of a class in every version."""
    for version in schema.VERSIONS:
        for method in schema.load(version)["classes"][f"CThostFtdc{side}{what}"]:
            yield version, method


@pytest.mark.parametrize("side", SIDES)
def test_every_request_of_every_version(side: str) -> None:
    requests, callbacks = SIDES[side]
    seen = set()
    for version, entry in declared(side, "Api"):
        name = entry["name"]
        topic = name in ("SubscribePrivateTopic", "SubscribePublicTopic")
        if not name.startswith(("Req", "Subscribe", "UnSubscribe")) or topic:
            continue
        seen.add(name)
        method = requests[name]
        struct = entry["args"][0][1].removesuffix("*")
        assert method.name == name
        assert method.struct == ("" if struct == "char*[]" else struct), (version, name)
        assert callbacks[method.response].shape == "rsp"
        assert callbacks[method.response].struct == method.response_struct
    assert seen == set(requests)


@pytest.mark.parametrize("side", SIDES)
def test_every_callback_of_every_version(side: str) -> None:
    _, callbacks = SIDES[side]
    seen = set()
    for version, entry in declared(side, "Spi"):
        callback = callbacks[entry["name"]]
        seen.add(callback.name)
        expected = tuple(f"{callback.struct}*" if kind == "struct" else kind for kind in SHAPES[callback.shape])
        assert tuple(arg[1] for arg in entry["args"]) == expected, (version, callback.name)
        assert bool(callback.struct) == ("struct" in SHAPES[callback.shape])
    assert seen == set(callbacks)


def test_structs_exist() -> None:
    for requests, callbacks in SIDES.values():
        for method in requests.values():
            assert {method.struct, method.response_struct, method.err_rtn_struct} <= {"", *structs.FIELDS}
        assert {callback.struct for callback in callbacks.values()} <= {"", *structs.FIELDS}


def test_every_refusal_has_its_request() -> None:
    told = {method.err_rtn: method.err_rtn_struct for method in TRADER.values() if method.err_rtn}
    refusals = {name: callback.struct for name, callback in TRADER_CALLBACKS.items() if callback.shape == "errrtn"}
    # Repeals by the bank's operator have no request.
    manual = {name for name in refusals if "Repeal" in name}
    assert len(manual) == 2
    assert told == {name: struct for name, struct in refusals.items() if name not in manual}


def test_every_answer_has_its_request() -> None:
    for requests, callbacks in SIDES.values():
        answers = {name for name, callback in callbacks.items() if callback.shape == "rsp"}
        assert {method.response for method in requests.values()} == answers


# request → response, its struct (without CThostFtdc…Field), refusal, its struct
ODD = [
    ("ReqOrderInsert", "OnRspOrderInsert", "InputOrder", "OnErrRtnOrderInsert", "InputOrder"),
    ("ReqOrderAction", "OnRspOrderAction", "InputOrderAction", "OnErrRtnOrderAction", "OrderAction"),
    ("ReqQuoteAction", "OnRspQuoteAction", "InputQuoteAction", "OnErrRtnQuoteAction", "QuoteAction"),
    ("ReqParkedOrderInsert", "OnRspParkedOrderInsert", "ParkedOrder", "", ""),
    ("ReqQueryMaxOrderVolume", "OnRspQueryMaxOrderVolume", "QueryMaxOrderVolume", "", ""),
    ("ReqQryMaxOrderVolume", "OnRspQryMaxOrderVolume", "QryMaxOrderVolume", "", ""),
    ("ReqUserLoginWithCaptcha", "OnRspUserLogin", "RspUserLogin", "", ""),
    ("ReqUserLoginWithText", "OnRspUserLogin", "RspUserLogin", "", ""),
    ("ReqUserLoginWithOTP", "OnRspUserLogin", "RspUserLogin", "", ""),
    ("ReqGenSMSCode", "OnRspGenSMSCode", "RspGenSMSCode", "", ""),
    ("ReqQrySecAgentTradingAccount", "OnRspQrySecAgentTradingAccount", "TradingAccount", "", ""),
    ("ReqQryClassifiedInstrument", "OnRspQryClassifiedInstrument", "Instrument", "", ""),
    (
        "ReqQueryCFMMCTradingAccountToken",
        "OnRspQueryCFMMCTradingAccountToken",
        "QueryCFMMCTradingAccountToken",
        "",
        "",
    ),
    (
        "ReqFromBankToFutureByFuture",
        "OnRspFromBankToFutureByFuture",
        "ReqTransfer",
        "OnErrRtnBankToFutureByFuture",
        "ReqTransfer",
    ),
    (
        "ReqFromFutureToBankByFuture",
        "OnRspFromFutureToBankByFuture",
        "ReqTransfer",
        "OnErrRtnFutureToBankByFuture",
        "ReqTransfer",
    ),
    (
        "ReqQueryBankAccountMoneyByFuture",
        "OnRspQueryBankAccountMoneyByFuture",
        "ReqQueryAccount",
        "OnErrRtnQueryBankBalanceByFuture",
        "ReqQueryAccount",
    ),
    (
        "ReqCancelOffsetSetting",
        "OnRspCancelOffsetSetting",
        "InputOffsetSetting",
        "OnErrRtnCancelOffsetSetting",
        "CancelOffsetSetting",
    ),
    ("ReqSpdApply", "OnRspSpdApply", "InputSpdApply", "OnErrRtnSpdApply", "InputSpdApply"),
    ("ReqSpdApplyAction", "OnRspSpdApplyAction", "InputSpdApplyAction", "OnErrRtnSpdApplyAction", "SpdApplyAction"),
    ("ReqHedgeCfm", "OnRspHedgeCfm", "InputHedgeCfm", "OnErrRtnHedgeCfm", "InputHedgeCfm"),
    ("ReqHedgeCfmAction", "OnRspHedgeCfmAction", "InputHedgeCfmAction", "OnErrRtnHedgeCfmAction", "HedgeCfmAction"),
]


@pytest.mark.parametrize(("name", "response", "response_struct", "err_rtn", "err_rtn_struct"), ODD)
def test_odd_ones(name: str, response: str, response_struct: str, err_rtn: str, err_rtn_struct: str) -> None:
    method = TRADER[name]
    assert method.response == response
    assert method.response_struct == f"CThostFtdc{response_struct}Field"
    assert method.err_rtn == err_rtn
    assert method.err_rtn_struct == (f"CThostFtdc{err_rtn_struct}Field" if err_rtn else "")


def test_queries() -> None:
    assert TRADER["ReqQryOrder"].is_query
    assert MD["ReqQryMulticastInstrument"].is_query
    assert not TRADER["ReqQueryMaxOrderVolume"].is_query
    assert not TRADER["ReqOrderInsert"].is_query


@pytest.mark.parametrize("entry", [TRADER["ReqUserLogin"], MD["ReqUserLogin"], MD_CALLBACKS["OnRspUserLogin"]])
def test_copies_are_the_entry(entry: Method | Callback) -> None:
    assert pickle.loads(pickle.dumps(entry)) is entry
    assert copy.deepcopy(entry) is entry
    assert entry.name in repr(entry)


# --- the classes made from the tables ---


@pytest.mark.parametrize("side", SIDES)
def test_spi_methods(side: str) -> None:
    cls = getattr(spi, f"CThostFtdc{side}Spi")
    me = cls()
    for _, entry in declared(side, "Spi"):
        method = getattr(cls, entry["name"])
        assert list(inspect.signature(method).parameters)[1:] == [arg[0] for arg in entry["args"]]
        assert method.__doc__
        assert getattr(me, entry["name"])(*[None] * len(entry["args"])) is None


@pytest.mark.parametrize("side", SIDES)
def test_api_methods(side: str) -> None:
    requests, _ = SIDES[side]
    cls = getattr(api, f"CThostFtdc{side}Api")
    newest = {entry["name"]: entry["args"] for _, entry in declared(side, "Api") if not entry.get("static")}
    for name, args in newest.items():
        assert list(inspect.signature(getattr(cls, name)).parameters)[1:] == [arg[0] for arg in args], name
    plain = {name for name in newest if not name.startswith("Req")}
    assert cls.__abstractmethods__ == plain | {"_request"}
    calls: list[tuple[object, ...]] = []

    class Recorder(cls):  # type: ignore[misc,valid-type]
        def _request(self, *arguments: object) -> int:
            calls.append(arguments)
            return -3

    Recorder.__abstractmethods__ = frozenset()
    recorder = Recorder()
    for name in newest.keys() - plain:
        field = object()
        assert getattr(recorder, name)(field, 7) == -3
        assert calls.pop() == (requests[name], field, 7)


def test_private_topic_takes_the_newest_form() -> None:
    parameters = inspect.signature(api.CThostFtdcTraderApi.SubscribePrivateTopic).parameters
    assert parameters["nSeqNo"].default == 1
