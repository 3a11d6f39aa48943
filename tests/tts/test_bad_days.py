"""Everything goes wrong at once, at random: what a client may rely on all the same (DESIGN section 4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ctp2.ctp import structs as s
from ctp2.testing import Call
from ctp2.testing.orderflow import Dice
from ctp2.tts import counter
from tests.tts.programs import FIRST, Trader, address_of, is_order

STEPS = 150
BAD_DAY = ";".join(
    (
        "drop:chance=4%,reconnect=1ms",
        "drop:return=9..,chance=2%,reconnect=1ms,requests=lost",
        "half_dead:chance=1%,timeout=5ms,reconnect=1ms",
        "delay:time=0ms..3ms,chance=40%",
        "late_fills:time=2ms,chance=20%",
        "late_trades:time=2ms,chance=20%",
        "repeat:chance=10%",
        "resend:count=5,chance=50%",
        "swap:chance=50%",
        "refuse:chance=5%",
        "reject:chance=5%",
        "refuse_cancel:chance=9%",
        "query_error:chance=10%",
        "query_error:chance=5%,error=154",
        "login:chance=20%",
        "partial:chance=20%,lots=1,rest=1ms",
    )
)


class Stubborn:
    """A program that sends orders, cancels and queries whatever happens, and logs in again in its callbacks."""

    def __init__(self, address: str) -> None:
        self.client = Trader(address, on_call=self.on_call)
        self.queries: dict[int, int] = {}
        """Request id of each query that was sent → how many callbacks had come before."""
        self._number = 0
        self._order_ref = 0

    def on_call(self, call: Call) -> None:
        """Log in, confirm."""
        who: Any = {"BrokerID": "9999"}
        if call.name == "OnFrontConnected" or (call.name == "OnRspUserLogin" and call.error_id):
            self.client.api.ReqUserLogin(s.CThostFtdcReqUserLoginField(**who, UserID="alice"), 0)
        elif call.name == "OnRspUserLogin":
            confirm = s.CThostFtdcSettlementInfoConfirmField(**who, InvestorID="alice")
            self.client.api.ReqSettlementInfoConfirm(confirm, 0)

    def act(self, dice: Dice) -> None:
        """Send something; sometimes wait for what comes of it."""
        what = dice.roll(10)
        working = [call.field for call in self.client.spi.of(is_order("3"))]
        if what < 6 or not working:
            self._order_ref += 1
            order = self.client.order(price=4310.0 if what < 4 else 4280.0, volume=1 + dice.roll(3))
            order.OrderRef = str(self._order_ref)
            self.client.api.ReqOrderInsert(order, 0)
        else:
            order = dice.pick(working)
            action = s.CThostFtdcInputOrderActionField(BrokerID="9999", InvestorID="alice", ActionFlag="0")
            action.ExchangeID, action.InstrumentID = order.ExchangeID, order.InstrumentID
            action.OrderSysID = order.OrderSysID
            self.client.api.ReqOrderAction(action, 0)
        before = len(self.client.spi.calls)
        number = self.query("ReqQryTradingAccount", s.CThostFtdcQryTradingAccountField(InvestorID="alice"))
        if not number:
            self.client.spi.wait_for(lambda call: True, after=before)  # the link, or the answer before, is on its way
        elif dice.chance(60):
            self.wait(number)

    def query(self, request: str, field: Any) -> int:
        """Send a query; its number, 0 when it could not be sent."""
        self._number += 1
        before = len(self.client.spi.calls)
        if getattr(self.client.api, request)(field, self._number):
            return 0
        self.queries[self._number] = before
        return self._number

    def wait(self, number: int) -> int:
        """Wait for a query's end; returns how many callbacks had come before it was sent."""
        before = self.queries[number]
        self.client.spi.wait_for(lambda call: is_end(call, number), after=before)
        return before

    def trades(self) -> list[Any]:
        """The counter's trades."""
        spi = self.client.spi
        while True:
            before = len(spi.calls)
            number = self.query("ReqQryTrade", s.CThostFtdcQryTradeField(InvestorID="alice"))
            if not number:
                spi.wait_for(lambda call: True, after=before)
                continue
            self.wait(number)
            answers = [call for call in spi.calls[before:] if call.name == "OnRspQryTrade"]
            if answers and answers[-1].is_last and not answers[-1].error_id:
                return [call.field for call in answers if call.field is not None]

    def wait_for_trades(self, ids: set[str]) -> None:
        """Until the private flow has brought trades."""
        spi = self.client.spi
        spi.wait_for(lambda call: ids <= {told.field.TradeID for told in spi.of("OnRtnTrade")})


def is_end(call: Call, number: int) -> bool:
    """The end of a query: its last answer, or the link's."""
    answered = call.name.startswith("OnRsp") and call.request_id == number and call.is_last
    return answered or call.name == "OnFrontDisconnected"


def check_breaks(calls: list[Call]) -> None:
    """Behind a break comes the next connection, and behind that nothing of the flows before a login."""
    is_logged_in = True
    for before, call in zip(calls, calls[1:], strict=False):
        assert before.name != "OnFrontDisconnected" or call.name == "OnFrontConnected"
        if call.name == "OnFrontConnected":
            is_logged_in = False
        elif call.name == "OnRspUserLogin" and not call.error_id:
            is_logged_in = True
        assert is_logged_in or not call.name.startswith(("OnRtn", "OnErrRtn")), call.name


def check_outcomes(calls: list[Call], queries: dict[int, int]) -> None:
    """Each query has one end: a last answer with no break before it, or a break with no answer behind it."""
    for number, before in queries.items():
        answers = [at for at, call in enumerate(calls) if call.request_id == number and call.name.startswith("OnRsp")]
        broken = next((at for at in range(before, len(calls)) if calls[at].name == "OnFrontDisconnected"), len(calls))
        assert [calls[at].is_last for at in answers[:-1]] == [False] * (len(answers) - 1) or not answers
        assert all(at < broken for at in answers), f"query {number} was answered behind the break that ended it"
        assert broken < len(calls) or (answers and calls[answers[-1]].is_last), f"query {number} has no end"


def check_orders(calls: list[Call]) -> None:
    """A trade is told behind a state of its order that shows it, however late and however often (spec 3.6)."""
    shown: dict[str, int] = {}
    told: dict[str, dict[str, int]] = {}
    for call in calls:
        if call.name == "OnRtnOrder" and call.field.OrderSysID:
            shown[call.field.OrderSysID] = max(shown.get(call.field.OrderSysID, 0), call.field.VolumeTraded)
        elif call.name == "OnRtnTrade":
            trades = told.setdefault(call.field.OrderSysID, {})
            trades[call.field.TradeID] = call.field.Volume
            assert sum(trades.values()) <= shown.get(call.field.OrderSysID, 0)


@pytest.mark.parametrize("durability", ["", "normal"])
@pytest.mark.parametrize("seed", range(3))
def test_what_holds_on_a_bad_day(tmp_path: Path, seed: int, durability: str) -> None:
    stored = f"&db={tmp_path / 'counter.db'}&durability={durability}" if durability else ""
    address = address_of(tmp_path, f"&seed={seed}&faults={BAD_DAY}{stored}")
    program = Stubborn(address)
    client = program.client
    try:
        client.connect()
        client.spi.wait_for("OnRspSettlementInfoConfirm", timeout=30)
        control = counter(address)
        control.step(FIRST)
        control.set_speed(1)  # for the rests of partial fills
        dice = Dice(seed)
        for _ in range(STEPS):
            program.act(dice)
        happened = {one.fault for one in control.faults.happened}
        control.faults.clear()
        rows = program.trades()
        program.wait_for_trades({row.TradeID for row in rows})
        calls, queries = list(client.spi.calls), dict(program.queries)
        later = program.trades()  # the market goes on: what was traded meanwhile is in it
    finally:
        client.api.Release()
    assert len(client.spi.threads) == 1
    check_breaks(calls)
    check_outcomes(calls, queries)
    check_orders(calls)
    # Nothing is lost and nothing invented: the client's trades, each id once, are the counter's.
    mine = {call.field.TradeID: call.field.Volume for call in calls if call.name == "OnRtnTrade"}
    assert {row.TradeID: row.Volume for row in rows}.items() <= mine.items()
    assert mine.items() <= {row.TradeID: row.Volume for row in later}.items()
    assert len(mine) > 10
    assert {"drop", "delay", "repeat", "query_error"} <= happened
