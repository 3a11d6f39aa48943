"""Programs against the embedded counter: a small recorded day that stands until it is stepped, and clients of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctp2 import mdapi, tdapi
from ctp2.ctp import structs as s
from ctp2.testing import Call, MdRecorder, TraderRecorder
from ctp2.testing.clients import delivered

_numbers = itertools.count(1)

DAY = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,Volume,\
Turnover,OpenInterest,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
20210104,IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,240,376560000,90767,09:30:00,400,5229.8,5,5230.2,5,20210104
20210104,rb2105,SHFE,4300,4290,4295,4600,4000,1000,43000000,500000,09:30:00,500,4299,10,4301,10,20210104
20210104,m2105,DCE,3400,3390,3395,3600,3200,1000,34000000,500000,09:30:00,500,3399,10,3401,10,20210104
20210104,TA105,CZCE,3800,3790,3795,4100,3500,1000,19000000,500000,09:30:00,500,3798,10,3802,10,20210104
20210104,IF2101,CFFEX,5231,5216.2,5227,5737.8,4694.6,260,407940000,90767,09:30:00,900,5230.8,5,5231.2,5,20210104
20210104,rb2105,SHFE,4303,4290,4295,4600,4000,1010,43430000,500000,09:30:01,0,4302,10,4304,10,20210104
20210104,IF2101,CFFEX,5225,5216.2,5227,5737.8,4694.6,300,470680000,90767,09:30:01,400,5224.8,5,5225.2,5,20210104
20210104,m2105,DCE,3395,3390,3395,3600,3200,1010,34340000,500000,09:30:02,0,3394,10,3396,10,20210104
20210104,TA105,CZCE,3794,3790,3795,4100,3500,1010,19190000,500000,09:30:02,0,3792,10,3796,10,20210104
20210104,rb2105,SHFE,4296,4290,4295,4600,4000,1050,45150000,500000,14:59:59,0,4295,10,4297,10,20210104
20210104,IF2101,CFFEX,5226,5216.2,5227,5737.8,4694.6,310,486380000,90767,15:00:01,0,5225.8,5,5226.2,5,20210104
"""
"""Eleven snapshots; four instruments in continuous trading from the first."""
FIRST = 4
"""Steps until each instrument of ``DAY`` has a quote."""


def address_of(folder: Path, options: str = "", day: str = DAY) -> str:
    """An address of a counter of its own that plays ``day`` and in practice stands still until it is stepped."""
    path = folder / "day_20210104.csv"
    path.write_text(day, encoding="utf-8")
    return f"tts://replay?id=t{next(_numbers)}&data={path}&speed=0.001&fills=full{options}"


class Trader:
    """A TraderApi with a recorder."""

    def __init__(
        self, address: str, user: str = "alice", *, flow: str = "", resume: int | None = None, on_call: Any = None
    ) -> None:
        self.user = user
        self.spi = TraderRecorder(on_call)
        self.api: Any = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(flow)
        self.api.RegisterSpi(self.spi)
        if resume is not None:
            self.api.SubscribePrivateTopic(resume)
            self.api.SubscribePublicTopic(resume)
        self.api.RegisterFront(address)
        self._last_id = 0
        self.login_field: Any = None

    def connect(self) -> Trader:
        """Until ``OnFrontConnected``."""
        self.api.Init()
        self.spi.wait_for("OnFrontConnected")
        return self

    def login(self) -> Trader:
        """Connected and logged in."""
        (answer,) = self.connect().ask("ReqUserLogin", BrokerID="9999", UserID=self.user, Password="secret")
        assert answer.error_id == 0
        self.login_field = answer.field
        return self

    def start(self) -> Trader:
        """Logged in and confirmed."""
        self.login()
        assert self.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID=self.user)[0].error_id == 0
        return self

    def send(self, request: str, **members: Any) -> int:
        """Send a request; returns its id."""
        self._last_id += 1
        method = getattr(self.api, request)
        field = getattr(s, struct_of(request))(**members)
        assert method(field, self._last_id) == 0, request
        return self._last_id

    def ask(self, request: str, **members: Any) -> list[Call]:
        """Send a request and wait for the whole answer."""
        return self.spi.answer(self.send(request, **members))

    def rows(self, request: str, **members: Any) -> list[Any]:
        """The rows of a query."""
        return [call.field for call in self.ask(request, **members) if call.field is not None]

    def order(self, code: str = "rb2105", price: float = 4280.0, volume: int = 1, **members: Any) -> Any:
        """Fields of a limit buy."""
        exchange = {"rb2105": "SHFE", "IF2101": "CFFEX", "m2105": "DCE", "TEST": "SHFE"}.get(code, "SHFE")
        return s.CThostFtdcInputOrderField(
            **{
                "BrokerID": "9999",
                "InvestorID": self.user,
                "UserID": self.user,
                "ExchangeID": exchange,
                "InstrumentID": code,
                "Direction": "0",
                "CombOffsetFlag": "0",
                "CombHedgeFlag": "1",
                "OrderPriceType": "2",
                "LimitPrice": price,
                "VolumeTotalOriginal": volume,
                "TimeCondition": "3",
                "VolumeCondition": "1",
                "MinVolume": 1,
                "ContingentCondition": "1",
                "ForceCloseReason": "0",
                **members,
            }
        )

    def insert(self, code: str = "rb2105", price: float = 4280.0, volume: int = 1, **members: Any) -> int:
        """Send an order; returns the number of callbacks that had come before."""
        before = len(self.spi.calls)
        self._last_id += 1
        assert self.api.ReqOrderInsert(self.order(code, price, volume, **members), self._last_id) == 0
        return before

    def rest(self, code: str = "rb2105", price: float = 4280.0, volume: int = 1, **members: Any) -> Any:
        """Send an order and wait until it works; returns its record."""
        before = self.insert(code, price, volume, **members)
        return self.spi.wait_for(is_order("3"), after=before).field

    def fill(self, code: str = "rb2105", price: float = 4310.0, volume: int = 1, **members: Any) -> Any:
        """Send an order and wait for its trade; returns that record."""
        before = self.insert(code, price, volume, **members)
        return self.spi.wait_for("OnRtnTrade", after=before).field

    def cancel(self, order: Any, **members: Any) -> int:
        """Cancel by FrontID, SessionID and OrderRef; returns the number of callbacks that had come before."""
        before = len(self.spi.calls)
        self.send(
            "ReqOrderAction",
            **{
                "BrokerID": "9999",
                "InvestorID": self.user,
                "UserID": self.user,
                "ExchangeID": order.ExchangeID,
                "InstrumentID": order.InstrumentID,
                "FrontID": order.FrontID,
                "SessionID": order.SessionID,
                "OrderRef": order.OrderRef,
                "ActionFlag": "0",
                **members,
            },
        )
        return before

    def private(self) -> list[Call]:
        """What the private stream has brought."""
        return self.spi.of(is_private)


class Watcher:
    """An MdApi with a recorder."""

    def __init__(self, address: str, on_call: Any = None) -> None:
        self.spi = MdRecorder(on_call)
        self.api: Any = mdapi.CThostFtdcMdApi.CreateFtdcMdApi()
        self.api.RegisterSpi(self.spi)
        self.api.RegisterFront(address)

    def connect(self) -> Watcher:
        """Until ``OnFrontConnected``."""
        self.api.Init()
        self.spi.wait_for("OnFrontConnected")
        return self

    def login(self) -> Watcher:
        """Connected and logged in."""
        self.connect()
        assert self.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(), 1) == 0
        assert self.spi.wait_for("OnRspUserLogin").error_id == 0
        return self

    def subscribe(self, *codes: str) -> Watcher:
        """Subscribe and wait for the answers."""
        before = len(self.spi.calls)
        assert self.api.SubscribeMarketData(list(codes), len(codes)) == 0
        self.spi.wait_for("OnRspSubMarketData", after=before, count=len(codes))
        return self

    def ticks(self, code: str = "") -> list[Any]:
        """The snapshots that came, also those on their way to the callback."""
        delivered(self.api)
        return [
            call.field for call in self.spi.of("OnRtnDepthMarketData") if call.field.InstrumentID == code or not code
        ]


def struct_of(request: str) -> str:
    """The struct of a trader request."""
    from ctp2.ctp import methods

    return methods.TRADER[request].struct


def is_order(status: str) -> Any:
    """A condition: an OnRtnOrder with this status."""
    return lambda call: call.name == "OnRtnOrder" and call.field.OrderStatus == status


def is_private(call: Call) -> bool:
    """A condition: an event of the private stream."""
    return call.name.startswith(("OnRtnOrder", "OnRtnTrade", "OnRtnQuote", "OnRtnCombAction", "OnErrRtn"))


def is_phase(product: str, status: str) -> Any:
    """A condition: a product enters a phase."""
    return lambda call: (
        call.name == "OnRtnInstrumentStatus"
        and (call.field.InstrumentID, call.field.InstrumentStatus) == (product, status)
    )


class Hands:
    """A monotonic clock that a test sets: the limits per second of a counter and its sessions of now go by it."""

    def __init__(self, address: str) -> None:
        from ctp2.core.address import parse
        from ctp2.tts.backend import running

        backend = running(parse(address))
        assert backend is not None
        self.now_ns = 0
        if backend.pace is not None:
            backend.pace.monotonic_ns = self.read
        for sessions in backend.logins.values():
            for session in sessions:
                session.machine.monotonic_ns = self.read

    def read(self) -> int:
        """The time on it."""
        return self.now_ns

    def move(self, seconds: float) -> None:
        """Set it forward."""
        self.now_ns += int(seconds * 1e9)


@contextmanager
def released(*clients: Any) -> Iterator[None]:
    """Release the clients at the end, whatever happens."""
    try:
        yield
    finally:
        for client in clients:
            client.api.Release()


__all__ = [
    "DAY",
    "FIRST",
    "Hands",
    "Trader",
    "Watcher",
    "address_of",
    "is_order",
    "is_phase",
    "is_private",
    "released",
    "struct_of",
]
