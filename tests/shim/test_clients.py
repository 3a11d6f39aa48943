"""A day of trading under each binding, on ``ctp2 serve``: what each callback must say follows from what was sent.

The program (tests/data/scripts/binding.py) is any user's: it knows nothing of ctp2, and our libraries lie where the
vendor's did. ``ctp2`` among the bindings is our own Python face over the same server: the scenario itself, proved
without a library.

A witness, the Python API in this process, logs in as the same user: both must be told the same, callback for callback
and member for member.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2 import tdapi
from ctp2.testing import Call
from tests.shim.bindings import Client, start
from tests.shim.child import Child, ChildMd, ChildTrader, PatientTraderRecorder, plain
from tests.shim.desk import TODAY, Desk, confirm, login
from tests.tts.programs import Trader, is_order, is_private

MATCHED = "m2105"
"""Trades between users."""
QUOTED = "rb2105"
"""Fills at its quote, 4299 to 4301."""
DBL_MAX: Final = 1.7976931348623157e308
FILLS: Final = 30
"""Orders of one lot that fill."""
MANY: Final = {"openctp-6.7.11": "futures,options"}
"""Who reads the instruments of more than one market; each row costs a binding as much as anything."""

Start = Callable[..., Child]


class Witness(Trader):
    """The Python API over the same interface version."""

    def __init__(self, desk: Desk, revision: str, user: str = "alice") -> None:
        super().__init__(f"{desk.trade}?layout={revision}", user, resume=tdapi.THOST_TERT_RESTART)
        self.revision = revision
        self.spi = PatientTraderRecorder()
        self.api.RegisterSpi(self.spi)

    def ready(self) -> Witness:
        """Logged in and confirmed."""
        assert login(self.connect()).error_id == 0
        confirm(self)
        return self


@pytest.fixture
def desk(client: Client, tmp_path: Path, stack: ExitStack) -> Desk:
    made = Desk(tmp_path, MANY.get(client.name, "futures"))
    stack.callback(made.close)
    made.start()
    return made


# --- comparing -------------------------------------------------------------------------------------------------------


def value_of(value: Any) -> Any:
    """As both sides mean it: an empty character is no text (SWIG shows its NUL)."""
    return "" if value == "\0" else value


def members(field: Any, like: Any) -> dict[str, Any]:
    """The members of ``like``, a struct as the program showed it, in ``field``."""
    return {name: value_of(getattr(field, name)) for name in vars(like)}


def shown(call: Call, like: Call) -> tuple[Any, ...]:
    """Everything that a callback says."""
    field = None if call.field is None else members(call.field, like.field)
    return call.name, field, call.error_id, call.info and call.info.ErrorMsg, call.is_last


def assert_same(theirs: list[Call], ours: list[Call]) -> None:
    """The program was told what the witness was told."""
    assert [call.name for call in theirs] == [call.name for call in ours]
    for their, our in zip(theirs, ours, strict=True):
        assert shown(their, their) == shown(our, their)


def public(client: Any) -> list[Call]:
    """What the public flow has brought."""
    return list(client.spi.of("OnRtnInstrumentStatus"))


def private(client: Any) -> list[Call]:
    """What the private flow has brought."""
    return list(client.spi.of(is_private))


def ids(calls: list[Call]) -> list[tuple[Any, ...]]:
    """What tells returns apart."""
    return [
        (call.name, *(getattr(call.field, name, "") for name in ("OrderSysID", "OrderRef", "OrderStatus", "TradeID")))
        for call in calls
    ]


def all_at_once(*clients: Any) -> None:
    """A query of each: what the flows had to say before its answer has been told."""
    for one in clients:
        one.ask("ReqQryTradingAccount", BrokerID="9999", InvestorID=one.user)


# --- the day ---------------------------------------------------------------------------------------------------------


def enters(alice: ChildTrader, client: Client, desk: Desk) -> None:
    """Connect, authenticate, log in (once with a wrong password), read the statement, confirm."""
    alice.connect()
    assert client.says(alice.api.version)
    (answer,) = alice.ask("ReqAuthenticate", BrokerID="9999", UserID="alice", AppID="client_1.0", AuthCode="0000")
    assert (answer.error_id, answer.field.UserID) == (0, "alice")
    refused = login(alice, "wrong")
    assert (refused.error_id, refused.info.ErrorMsg) == (3, "CTP:不合法的登录")
    assert alice.api.GetTradingDay() == ""
    answer = login(alice)
    assert (answer.error_id, answer.field.TradingDay, answer.field.UserID) == (0, TODAY, "alice")
    assert alice.api.GetTradingDay() == TODAY
    if client.is_since("6.7.7"):
        line = alice.api.asked("GetFrontInfo", tdapi.CThostFtdcFrontInfoField(), shows=True)
        assert plain(line["arguments"][0]).FrontAddr == desk.trade
    rows = alice.rows("ReqQrySettlementInfo", BrokerID="9999", InvestorID="alice")
    assert [row.SequenceNo for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) > 20
    assert client.statement([row.Content for row in rows]) == client.statement_text(desk.statement)
    alice.insert(QUOTED)
    unconfirmed = alice.spi.wait_for("OnRspOrderInsert")
    assert (unconfirmed.error_id, unconfirmed.info.ErrorMsg) == (42, "CTP:结算结果未确认")
    confirm(alice)


def watches(child: Child, desk: Desk) -> ChildMd:
    """Subscribe; the quote comes twice a second with two lots more each time."""
    market = ChildMd(child, desk.md)
    market.login().subscribe(QUOTED, MATCHED)
    market.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData" and call.field.InstrumentID == QUOTED, count=6)
    ticks = market.ticks(QUOTED)
    for before, tick in zip(ticks, ticks[1:], strict=False):
        assert tick.Volume == before.Volume + 2
    for tick in ticks:
        assert (tick.BidPrice1, tick.BidVolume1, tick.AskPrice1, tick.AskVolume1) == (4299.0, 10, 4301.0, 10)
        assert (tick.TradingDay, tick.ExchangeID, tick.LastPrice, tick.BidPrice2) == (TODAY, "", 4300.0, DBL_MAX)
        hours, minutes, seconds = map(int, tick.UpdateTime.split(":"))
        half_seconds = 2 * ((hours - 9) * 3600 + (minutes - 30) * 60 + seconds) + tick.UpdateMillisec // 500
        assert tick.Volume == 1000 + 2 * half_seconds
    return market


def trades(alice: ChildTrader, bob: Witness) -> Any:
    """An order rests, is filled in part and cancelled; others are refused by CTP and by the exchange; many fill."""
    resting = alice.rest(MATCHED, 3400.0, 3)
    assert (resting.VolumeTotalOriginal, resting.VolumeTraded, resting.StatusMsg) == (3, 0, "未成交")
    before = len(alice.spi.calls)
    bob.insert(MATCHED, 3400.0, 1, Direction="1")
    trade = alice.spi.wait_for("OnRtnTrade", after=before).field
    assert (trade.Price, trade.Volume, trade.Direction, trade.OffsetFlag) == (3400.0, 1, "0", "0")
    assert trade.OrderSysID == resting.OrderSysID
    part = alice.spi.wait_for(is_order("1"), after=before).field
    assert (part.VolumeTraded, part.VolumeTotal, part.StatusMsg) == (1, 2, "部分成交")
    before = alice.cancel(resting)
    gone = alice.spi.wait_for(is_order("5"), after=before).field
    assert (gone.VolumeTraded, gone.VolumeTotal, gone.StatusMsg) == (1, 2, "已撤单")
    before = alice.insert(MATCHED, 3400.0, 5, Direction="1", CombOffsetFlag="1")
    refused = alice.spi.wait_for("OnRspOrderInsert", after=before)
    assert (refused.error_id, refused.info.ErrorMsg) == (30, "CTP:平仓量超过持仓量")
    assert alice.spi.wait_for("OnErrRtnOrderInsert", after=before).error_id == 30
    before = alice.insert(QUOTED, 5000.0)
    rejected = alice.spi.wait_for(is_order("5"), after=before).field
    assert (rejected.OrderSubmitStatus, rejected.StatusMsg) == ("4", "已撤单报单被拒绝SHFE:价格超出涨停板")
    before = len(alice.spi.calls)
    for _ in range(FILLS):
        alice.insert(QUOTED, 4301.0)
    alice.spi.wait_for("OnRtnTrade", after=before, count=FILLS)
    assert {call.field.Price for call in alice.spi.of("OnRtnTrade")} == {3400.0, 4301.0}
    return alice.rest(MATCHED, 3390.0, 5)


QUERIES: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("ReqQryInstrument", {}),
    ("ReqQryOrder", {"BrokerID": "9999", "InvestorID": "alice"}),
    ("ReqQryTrade", {"BrokerID": "9999", "InvestorID": "alice"}),
    ("ReqQryInvestorPosition", {"BrokerID": "9999", "InvestorID": "alice"}),
    ("ReqQryInvestorPositionDetail", {"BrokerID": "9999", "InvestorID": "alice"}),
    ("ReqQryTradingAccount", {"BrokerID": "9999", "InvestorID": "alice"}),
    ("ReqQryInstrumentCommissionRate", {"BrokerID": "9999", "InvestorID": "alice", "InstrumentID": QUOTED}),
    ("ReqQryProduct", {}),
    ("ReqQryExchange", {}),
    ("ReqQryInvestor", {"BrokerID": "9999", "InvestorID": "alice"}),
    ("ReqQryParkedOrder", {"BrokerID": "9999", "InvestorID": "alice"}),
)


def asks(alice: ChildTrader, witness: Witness, desk: Desk) -> None:
    """Every answer, row for row, is the witness's; their numbers follow from what was traded."""
    counts = {}
    for request, wanted in QUERIES:
        theirs, ours = alice.ask(request, **wanted), witness.ask(request, **wanted)
        # What the market moves meanwhile is the business of the ticks.
        assert_same(theirs, ours)
        counts[request] = len([call for call in theirs if call.field is not None])
    assert counts["ReqQryInstrument"] == (28_013 if "options" in desk.backend else 669)
    # Rested, rejected by the exchange, filled, resting; the two that CTP refused are no orders.
    assert counts["ReqQryOrder"] == 1 + 1 + FILLS + 1
    assert counts["ReqQryTrade"] == 1 + FILLS
    # Six lots of yesterday and today's in rows of their own at SHFE, one lot of the other.
    assert counts["ReqQryInvestorPosition"] == 3
    held = {
        (row.InstrumentID, row.PositionDate): row.Position
        for row in alice.rows("ReqQryInvestorPosition", BrokerID="9999", InvestorID="alice")
    }
    assert held == {(QUOTED, "2"): 6, (QUOTED, "1"): FILLS, (MATCHED, "1"): 1}
    assert counts["ReqQryInvestorPositionDetail"] == 1 + FILLS + 1
    assert counts["ReqQryParkedOrder"] == 0


def comes_back(alice: ChildTrader, witness: Witness, market: ChildMd, desk: Desk) -> Witness:
    """The server is killed and served again; bob trades with what alice left there before she is back."""
    marks = [len(one.spi.calls) for one in (alice, market)]
    heard = len(private(alice))
    desk.stop(signal.SIGKILL)
    clients: tuple[Any, Any] = (alice, market)
    for one, mark in zip(clients, marks, strict=True):
        assert one.spi.wait_for("OnFrontDisconnected", after=mark).number == 4097
    result = alice.api.ReqQryTradingAccount(tdapi.CThostFtdcQryTradingAccountField(BrokerID="9999"), 999)
    assert result == -1
    desk.start()
    bob = Witness(desk, witness.revision, "bob")
    bob.ready()
    bob.insert(MATCHED, 3390.0, 2, Direction="1")
    bob.spi.wait_for(lambda call: call.name == "OnRtnTrade" and call.field.Price == 3390.0)
    for one, mark in zip(clients, marks, strict=True):
        one.spi.wait_for("OnFrontConnected", after=mark)
    assert len(private(alice)) == heard
    assert login(alice).error_id == 0
    trade = alice.spi.wait_for("OnRtnTrade", after=marks[0]).field
    assert (trade.Price, trade.Volume) == (3390.0, 2)
    return bob


def test_a_day(client: Client, desk: Desk, tmp_path: Path, stack: ExitStack) -> None:
    child = start(client, tmp_path, stack)
    flow = tmp_path / "flow"
    flow.mkdir()
    alice = ChildTrader(child, desk.trade, flow=f"{flow}/", resume=tdapi.THOST_TERT_RESUME)
    enters(alice, client, desk)
    market = watches(child, desk)
    witness, bob = Witness(desk, client.revision), Witness(desk, client.revision, "bob")
    for one in (witness, bob):
        stack.callback(one.api.Release)
        one.ready()
    trades(alice, bob)
    all_at_once(alice, witness)
    assert_same(private(alice), private(witness))
    assert_same(public(alice), public(witness))
    asks(alice, witness, desk)

    stack.callback(comes_back(alice, witness, market, desk).api.Release)
    late = Witness(desk, client.revision)
    stack.callback(late.api.Release)
    late.ready()
    all_at_once(alice, late)
    # Whoever hears the day from its beginning hears what alice heard in two parts: nothing lost, nothing twice.
    assert ids(private(alice)) == ids(private(late))
    assert_same(private(alice), private(late))
    market.login_again().subscribe(QUOTED)
    market.spi.wait_for(lambda call: call.name == "OnRtnDepthMarketData", after=len(market.spi.calls))
    assert len(alice.api.threads) == len(market.api.threads) == 1

    market.api.Release()
    alice.api.Release()
    assert child.end() == 0
    assert client.complaints(child.stderr) == []


BURST: Final = 200
"""Orders that are sent without waiting for anything."""


def test_killed_under_load(client: Client, desk: Desk, tmp_path: Path, stack: ExitStack) -> None:
    """The server dies while orders come in: what it has told is known, what it took is told later, each once."""
    child = start(client, tmp_path, stack)
    flow = tmp_path / "flow"
    flow.mkdir()
    alice = ChildTrader(child, desk.trade, flow=f"{flow}/", resume=tdapi.THOST_TERT_RESUME)
    assert login(alice.connect()).error_id == 0
    confirm(alice)
    mark = len(alice.spi.calls)
    for number in range(1, BURST + 1):
        alice.api.begin("ReqOrderInsert", alice.order(MATCHED, 3300.0, OrderRef=str(number)), number)
    alice.spi.wait_for(is_order("3"), after=mark, count=5)
    desk.stop(signal.SIGKILL)
    results = [alice.api.result() for _ in range(BURST)]
    assert set(results) <= {0, -1}
    desk.start()
    alice.spi.wait_for("OnFrontConnected", after=mark)
    assert login(alice).error_id == 0
    late = Witness(desk, client.revision)
    stack.callback(late.api.Release)
    late.ready()
    all_at_once(alice, late)
    assert ids(private(alice)) == ids(private(late))
    assert len(set(ids(private(alice)))) == len(private(alice))
    known = {row.OrderRef for row in alice.rows("ReqQryOrder", BrokerID="9999", InvestorID="alice")}
    assert known == {call.field.OrderRef for call in private(alice)}
    assert 5 <= len(known) <= results.count(0)
    alice.api.Release()
    assert child.end() == 0
