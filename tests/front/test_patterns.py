"""Frames that are packed in parts are those that the whole record gives, in every version."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.core.backend import Builder, Event, Recipe, Request
from ctp2.ctp import layout, methods, structs
from ctp2.ctp.errors import rsp_info
from ctp2.front.dialect import dialect
from ctp2.front.patterns import Frames
from ctp2.tts.translate import RECIPES
from tests.tts.programs import FIRST, address_of


class Tap:
    """A sink that keeps what is put into it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.depth = 0

    def put(self, events: Sequence[Event]) -> None:
        self.events += events

    def when_idle(self, call: Any) -> None:
        call()


class Client:
    """A session of an embedded counter, without an Api object."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.tap = Tap()
        self.session = backend.session("trader", self.tap)
        self.number = 0

    def send(self, name: str, **members: Any) -> None:
        """Returns when it is served."""
        self.number += 1
        field = getattr(structs, methods.TRADER[name].struct)(**members)
        assert self.session.handle(Request(methods.TRADER[name], field, self.number)) == 0
        self.backend.counter.call(lambda: None)

    def order(self, code: str, exchange: str, price: float, **members: Any) -> None:
        """A limit buy of one lot."""
        values: dict[str, Any] = {"OrderRef": "1", "Direction": "0", "CombOffsetFlag": "0", "CombHedgeFlag": "1"}
        values |= {"OrderPriceType": "2", "VolumeTotalOriginal": 1, "TimeCondition": "3", "VolumeCondition": "1"}
        values |= {"MinVolume": 1, "ContingentCondition": "1", "ForceCloseReason": "0", **members}
        values |= {"InvestorID": "alice", "ExchangeID": exchange, "InstrumentID": code, "LimitPrice": price}
        self.send("ReqOrderInsert", BrokerID="9999", **values)


@contextmanager
def client(folder: Path, options: str) -> Iterator[Client]:
    address = parse(address_of(folder, options))
    backend: Any = registry.acquire(address)
    try:
        backend.counter.call(lambda: [backend.counter.step() for _ in range(FIRST)])
        made = Client(backend)
        made.send("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
        made.send("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
        yield made
    finally:
        registry.release(backend)


def returns(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.build in RECIPES]


@pytest.mark.parametrize("profile", ["exchange", "simnow", "clean"])
def test_every_return_is_packed_as_its_record_is(tmp_path: Path, profile: str) -> None:
    with client(tmp_path, f"&profile={profile}&conditional=on") as trader:
        trader.order("rb2105", "SHFE", 4310.0, OrderRef="1")  # fills
        trader.order("IF2101", "CFFEX", 5230.2, OrderRef="2", RequestID=7, CurrencyID="CNY", UserForceClose=1)
        trader.order("m2105", "DCE", 3300.0, OrderRef="3")  # rests
        trader.order("TA105", "CZCE", 3805.0, OrderRef="4")
        trader.order("m2105", "DCE", 3300.0, OrderRef="5", OrderMemo="三四五")
        trader.order("m2105", "DCE", 9999.0, OrderRef="6")  # above the limit
        trader.order("rb2105", "SHFE", 4310.0, OrderRef="7", ContingentCondition="5", StopPrice=9000.0)
        trader.send(
            "ReqOrderAction", BrokerID="9999", InvestorID="alice", UserID="alice", ExchangeID="DCE",
            InstrumentID="m2105", OrderRef="3", FrontID=1, SessionID=1, ActionFlag="0",
        )  # fmt: skip
        found = returns(trader.tap.events)
        shown = [(event.callback, event.struct().OrderRef) for event in found]
        assert {ref for name, ref in shown if name == "OnRtnTrade"} >= {"1", "2"}
        assert {ref for name, ref in shown if name == "OnRtnOrder"} == {"1", "2", "3", "4", "5", "6", "7"}
        for version in layout.versions():
            here = dialect(version, "trader")
            frames = Frames(here, RECIPES)
            for event in found:
                assert frames.encode(event) == here.encode_event(event), (version, event.struct())
        # And most of them really in parts.
        frames = Frames(dialect(layout.NEWEST, "trader"), RECIPES)
        parts = [bool(frames.patched[event.build].encode(event)) for event in found]
        assert parts == [ref != "7" for _, ref in shown]


SHARED = structs.CThostFtdcOrderField(BrokerID="9999", InstrumentID="rb2105", StatusMsg="x", CurrencyID="CNY")


def build(values: tuple[Any, ...]) -> structs.CThostFtdcOrderField:
    record: structs.CThostFtdcOrderField = SHARED.__copy__()
    for name, value in zip(MEMBERS, values, strict=True):
        setattr(record, name, value)
    return record


MEMBERS = ("OrderRef", "LimitPrice", "VolumeTotal", "StatusMsg", "OrderStatus")
MADE: dict[Builder, Recipe] = {
    build: Recipe("OnRtnOrder", MEMBERS, frozenset(("OrderRef",)), lambda values: (SHARED, values))
}


@pytest.mark.parametrize(
    "values",
    [
        ("1", 4300.5, 3, "未成交", "3"),
        ("", float("nan"), -1, "", ""),
        ("0123456789012345", 1e308, 0, "全部成交报单已提交" * 9, "0"),
        ("单", 1.0, 1, "x", "0"),
        ("1", 1.0, 2**40, "x", "0"),
        ("1", 10**400, 1, "x", "0"),
    ],
    ids=["ordinary", "empty", "too long", "not ascii", "too large", "too large for a double"],
)
@pytest.mark.parametrize("version", ["6.3.15", "6.7.13"])
def test_hard_values(version: str, values: tuple[Any, ...]) -> None:
    here = dialect(version, "trader")
    event = Event("OnRtnOrder", values, topic="private", sequence=2**31 - 1, build=build)
    assert Frames(here, MADE).encode(event) == here.encode_event(event)


def test_what_the_recipe_is_not_for() -> None:
    """Another callback with the same builder, an error beside it, a builder without recipe, a struct as it is."""
    here = dialect("6.7.13", "trader")
    frames = Frames(here, MADE)
    values = ("1", 1.0, 1, "x", "0")
    for event in (
        Event("OnRspQryOrder", values, rsp_info(0), 5, is_last=False, build=build),
        Event("OnRtnOrder", values, rsp_info(3), build=build),
        Event("OnRtnOrder", values, build=lambda values: build(values)),
        Event("OnRtnOrder", SHARED),
        Event("OnFrontConnected"),
    ):
        assert frames.encode(event) == here.encode_event(event)


def test_a_code_that_does_not_fit_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Only the number of the flow passes, as without a recipe; a shared record that fits is told."""
    long = structs.CThostFtdcOrderField(InstrumentID="SPC a2605-C-4000&a2605-P-4000-2605")
    assert len(long.InstrumentID) > 30
    recipe = Recipe("OnRtnOrder", ("OrderRef",), frozenset(), lambda field: (long if field else SHARED, ("1",)))

    def make(field: bool) -> Any:
        return long if field else build(("1", 0.0, 0, "x", ""))

    here = dialect("6.3.15", "trader")
    frames = Frames(here, {make: recipe})
    with caplog.at_level(logging.WARNING, "ctp2.front"):
        left_out = frames.encode(Event("OnRtnOrder", True, topic="private", sequence=9, build=make))
    assert left_out == here.encode_event(Event("OnRtnOrder", long, topic="private", sequence=9))
    told = frames.encode(Event("OnRtnOrder", False, topic="private", sequence=10, build=make))
    assert len(told) > len(left_out)
