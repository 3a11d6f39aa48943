"""A backtest as a process of its own: two traders and a market-data client, all acting in their callbacks.

Prints a line per callback of each client, in the order in which they came, then one per event of the counter and its
last state: two runs must print the same, whatever the hash seed.
"""

from __future__ import annotations

import hashlib
import random
import sys
import threading
from functools import partial
from typing import Any

from ctp2 import mdapi, registry, tdapi
from ctp2.core.address import parse
from ctp2.ctp import structs as s
from ctp2.ctp.layout import codec, versions
from ctp2.testing import Call, MdRecorder, TraderRecorder
from ctp2.tts import counter
from ctp2.tts.statehash import state_hash

_pack = codec(versions()[-1]).pack


class Log:
    """Lines in the order in which they were made, over all clients."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[str] = []

    def call(self, who: str, call: Call) -> None:
        """A callback with all its fields as the C structs have them."""
        packed = hashlib.md5(_pack(call.field)).hexdigest() if call.field is not None else "-"
        info = hashlib.md5(_pack(call.info)).hexdigest() if call.info is not None else "-"
        self.lines.append(f"{who} {call.name} {packed} {info} {call.request_id} {call.is_last} {call.number}")


class Strategy:
    """Orders and cancels at random; one random number generator for all clients, so that any race would show."""

    def __init__(self, address: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.log = Log()
        self.traders: list[Any] = []
        self.working: list[Any] = []
        self.requests = 0
        for name in ("alice", "bob"):
            spi = TraderRecorder(partial(self.on_trader, name))
            self.traders.append(_made(tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(), spi, address))
        self.ready = [threading.Event() for _ in self.traders]
        self.market: Any = _made(mdapi.CThostFtdcMdApi.CreateFtdcMdApi(), MdRecorder(self.on_md), address)

    def run(self, address: str) -> None:
        """Start one after the other, wait for the end, settle the last day."""
        for trader, ready in zip(self.traders, self.ready, strict=True):
            trader.Init()
            assert ready.wait(20)
        backend: Any = registry.running(parse(address))
        tell = backend.counter._on_events

        def on_events(events: Any) -> None:
            self.log.events.extend(f"event {type(one).__name__} {one.account_id} {one.now_ns}" for one in events)
            tell(events)

        backend.counter._on_events = on_events
        self.market.Init()
        assert counter(address).wait(100)
        self.log.events.append(f"state {state_hash(backend.engine.state)}")
        for api in (self.market, *self.traders):
            api.Release()

    def number(self) -> int:
        """The next request id."""
        self.requests += 1
        return self.requests

    def on_md(self, call: Call) -> None:
        """Log in and subscribe at each connection; act on snapshots."""
        self.log.call("md", call)
        if call.name == "OnFrontConnected":
            self.market.ReqUserLogin(s.CThostFtdcReqUserLoginField(), self.number())
        elif call.name == "OnRspUserLogin":
            self.market.SubscribeMarketData(["IF2101"], 1)
        elif call.name == "OnRtnDepthMarketData" and call.field.BidVolume1 and call.field.AskVolume1:
            self.act(call.field)

    def act(self, tick: Any) -> None:
        """One of: an order of one of the traders, a cancel, a query, nothing."""
        what = self.random.random()
        trader = self.random.randrange(len(self.traders))
        if what < 0.4:
            self.traders[trader].ReqOrderInsert(self.order(trader, tick), self.number())
        elif what < 0.5 and self.working:
            order = self.working.pop(self.random.randrange(len(self.working)))
            self.cancel(order)
        elif what < 0.55:
            self.traders[trader].ReqQryTradingAccount(s.CThostFtdcQryTradingAccountField(), self.number())

    def order(self, trader: int, tick: Any) -> Any:
        """A limit order near the market."""
        is_buy = self.random.random() < 0.5
        price = (tick.AskPrice1 if is_buy else tick.BidPrice1) + 0.2 * self.random.randint(-8, 2)
        return s.CThostFtdcInputOrderField(
            BrokerID="9999",
            InvestorID=("alice", "bob")[trader],
            ExchangeID="CFFEX",
            InstrumentID="IF2101",
            Direction="0" if is_buy else "1",
            CombOffsetFlag=self.random.choice("0013"),
            CombHedgeFlag="1",
            OrderPriceType="2",
            LimitPrice=round(price, 1),
            VolumeTotalOriginal=self.random.randint(1, 3),
            TimeCondition="3",
            VolumeCondition="1",
            ContingentCondition="1",
            ForceCloseReason="0",
        )

    def cancel(self, order: Any) -> None:
        """By OrderSysID."""
        field = s.CThostFtdcInputOrderActionField(
            BrokerID="9999",
            InvestorID=order.InvestorID,
            ExchangeID=order.ExchangeID,
            InstrumentID=order.InstrumentID,
            OrderSysID=order.OrderSysID,
            ActionFlag="0",
        )
        self.traders[("alice", "bob").index(order.InvestorID)].ReqOrderAction(field, self.number())

    def on_trader(self, name: str, call: Call) -> None:
        """Log in and confirm at each connection; remember working orders; answer a trade with another order."""
        self.log.call(name, call)
        index = ("alice", "bob").index(name)
        api = self.traders[index]
        if call.name == "OnFrontConnected":
            self.working = [order for order in self.working if order.InvestorID != name]
            login = s.CThostFtdcReqUserLoginField(BrokerID="9999", UserID=name, Password="1")
            api.ReqUserLogin(login, self.number())
        elif call.name == "OnRspUserLogin":
            confirm = s.CThostFtdcSettlementInfoConfirmField(BrokerID="9999", InvestorID=name)
            api.ReqSettlementInfoConfirm(confirm, self.number())
        elif call.name == "OnRspSettlementInfoConfirm":
            self.ready[index].set()
        elif call.name == "OnRtnOrder" and call.field.OrderStatus == "3":
            self.working.append(call.field)
        elif call.name == "OnRtnTrade" and self.random.random() < 0.2:
            other = self.traders[1 - index]
            other.ReqQryInvestorPosition(s.CThostFtdcQryInvestorPositionField(), self.number())


def _made(api: Any, spi: Any, address: str) -> Any:
    api.RegisterSpi(spi)
    api.RegisterFront(address)
    return api


if __name__ == "__main__":
    strategy = Strategy(sys.argv[1], int(sys.argv[2]))
    strategy.run(sys.argv[1])
    print("\n".join(strategy.log.lines + strategy.log.events))
