"""Mallory says in every request that there is, over a real socket, that she is alice or that alice's things are hers.

Nothing of alice's comes back to her, nothing of alice's changes, and alice's sessions hear nothing (issue of the
server; spec ctp-semantics 2.1, 8.1). The requests are those of :mod:`ctp2.ctp.methods` and their members those of
:mod:`ctp2.ctp.structs`: what is added there is tried here without a change.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.core.address import parse
from ctp2.core.backend import Event
from ctp2.ctp import methods, structs
from ctp2.front import wire
from ctp2.front.server import ServerThread
from ctp2.testing import Call
from ctp2.tts import counter
from ctp2.tts.backend import running
from ctp2.tts.control import Control
from ctp2.tts.statehash import parts
from tests.front.conftest import Make, Serve
from tests.front.raw import Raw
from tests.tts.programs import Trader, Watcher, address_of, is_order, is_private

HEAD = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,Volume,\
Turnover,OpenInterest,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
"""
ROWS = """\
{day},rb2105,SHFE,4300,4290,4295,4600,4000,1000,43000000,500000,09:30:00,500,4299,10,4301,10,{day}
{day},m2105,DCE,3400,3390,3395,3600,3200,1000,34000000,500000,09:30:00,600,3399,10,3401,10,{day}
{day},m2109,DCE,3500,3490,3495,3700,3300,1000,35000000,500000,09:30:00,700,3499,10,3501,10,{day}
{day},m2105-C-3400,DCE,62,60,60,264,0.5,1000,620000,500000,09:30:00,800,61,10,63,10,{day}
{day},TA105,CZCE,3800,3790,3795,4100,3500,1000,19000000,500000,09:30:00,750,3798,10,3802,10,{day}
{day},m2109,DCE,3500,3490,3495,3700,3300,1010,35350000,500000,14:59:50,700,3499,10,3501,10,{day}
"""
OPEN_NS: Final = (9 * 3600 + 30 * 60) * 1_000_000_000 + 800_000_000
"""Beijing time of day of the fourth quote, with which all have one."""
DAYS = HEAD + ROWS.format(day="20210104") + ROWS.format(day="20210105")
OPTION, PAIR = "m2105-C-3400", "SP m2105&m2109"
MARK: Final = "zzalice"
"""In every member of alice's that nobody else knows: must never reach mallory's socket."""
MONEY: Final = (1234.56, 234.51)
"""What alice moved in and out: amounts that nobody else has."""
PRICES: Final = {"order": 4281.0, "stop": 4466.0, "parked": 3702.0, "quote": 3377.0}

WHO: Final = {"BrokerID": "9999", "InvestorID": "alice", "UserID": "alice", "AccountID": "alice"}
SECRETS: Final = {"MacAddress": MARK, "IPAddress": MARK, "BusinessUnit": MARK, "OrderMemo": MARK}


# --- what alice has --------------------------------------------------------------------------------------------------


@dataclass
class Victim:
    """Alice: her counter, the sessions that listen, and what her things are called."""

    address: str
    server: ServerThread
    first: Trader
    second: Trader
    things: dict[str, Any]

    def state(self) -> list[str]:
        """Her part of the fingerprint of the counter's state, line by line."""
        backend = running(parse(self.address))
        assert backend is not None
        lines: list[str] = backend.counter.call(lambda: list(parts(backend.engine.state)))
        own = [line for line in lines if _OWN.match(line)]
        assert len({line.split(",")[0] for line in own}) > 8
        return own

    def heard(self) -> list[Call]:
        """Every callback of her listening sessions."""
        return [*self.first.spi.calls, *self.second.spi.calls]

    def books(self, asker: Trader) -> dict[str, list[Any]]:
        """What she is told when she asks for everything."""
        queries = [name for name, method in methods.TRADER.items() if method.is_query]
        return {name: [(call.field, call.error_id) for call in asker.ask(name)] for name in queries}


_OWN: Final = re.compile(r"\['[a-z ]+',(?:\d+,)?\[?(?:<Account )?'alice'")
"""A line of the fingerprint that begins with her account: hers, or a record's of hers. Others are what users share."""


def has(name: str, **members: Any) -> Callable[[Call], bool]:
    """A condition: a callback with these values."""
    return lambda call: (
        call.name == name and all(getattr(call.field, member) == value for member, value in members.items())
    )


def fits(struct: str, values: dict[str, Any]) -> dict[str, Any]:
    """Those of the values that the struct has members for."""
    kinds = dict(item.split(":") for item in structs.FIELDS[struct].split())
    return {name: value for name, value in values.items() if name in kinds}


def does(alice: Trader, request: str, told: Callable[[Call], bool] | str, members: dict[str, Any]) -> Any:
    """Send a request of alice's, with all her marks; the record that tells of it."""
    before = len(alice.spi.calls)
    alice.send(request, **fits(methods.TRADER[request].struct, {**WHO, **SECRETS, **members}))
    return alice.spi.wait_for(told, after=before).field


def order_of(code: str, exchange: str, price: float, volume: int = 1, **members: Any) -> dict[str, Any]:
    """Members of a limit order to buy and open."""
    return {
        "InstrumentID": code,
        "ExchangeID": exchange,
        "LimitPrice": price,
        "VolumeTotalOriginal": volume,
        "Direction": "0",
        "CombOffsetFlag": "0",
        "CombHedgeFlag": "1",
        "OrderPriceType": "2",
        "MinVolume": 1,
        "TimeCondition": "3",
        "VolumeCondition": "1",
        "ContingentCondition": "1",
        "ForceCloseReason": "0",
        **members,
    }


def first_day(alice: Trader) -> None:
    """A position and a statement of yesterday."""
    does(alice, "ReqOrderInsert", "OnRtnTrade", order_of("rb2105", "SHFE", 4310.0, 3))


def second_day(alice: Trader) -> dict[str, Any]:
    """Something of every kind; returns what each is called, by the word that the requests about it have."""
    insert = partial(does, alice, "ReqOrderInsert")
    trade = insert("OnRtnTrade", order_of("rb2105", "SHFE", 4311.0, 2))
    insert("OnRtnTrade", order_of("m2105", "DCE", 3401.0, 3))
    insert("OnRtnTrade", order_of("m2109", "DCE", 3499.0, 3, Direction="1"))
    insert("OnRtnTrade", order_of(OPTION, "DCE", 63.0, 4))
    gone = insert(is_order("3"), order_of("rb2105", "SHFE", 4280.0))
    alice.spi.wait_for(is_order("5"), after=alice.cancel(gone))
    resting = insert(is_order("3"), order_of("rb2105", "SHFE", PRICES["order"], 2))
    insert(
        has("OnRtnOrder", OrderStatus="b"),
        order_of("rb2105", "SHFE", 4467.0, 1, ContingentCondition="5", StopPrice=PRICES["stop"]),
    )
    parked = does(alice, "ReqParkedOrderInsert", "OnRspParkedOrderInsert", order_of("TA105", "CZCE", PRICES["parked"]))
    action = {"InstrumentID": "TA105", "ExchangeID": "CZCE", "ActionFlag": "0", "OrderSysID": resting.OrderSysID}
    parked_action = does(alice, "ReqParkedOrderAction", "OnRspParkedOrderAction", action)
    assert (parked.Status, parked_action.Status) == ("1", "1")
    sides = {"AskOffsetFlag": "0", "BidOffsetFlag": "0", "AskHedgeFlag": "1", "BidHedgeFlag": "1"}
    prices = {"AskPrice": 3433.0, "BidPrice": PRICES["quote"], "AskVolume": 2, "BidVolume": 2, "QuoteRef": "71"}
    both = {"InstrumentID": "m2105", "ExchangeID": "DCE", **sides, **prices}
    quote = does(alice, "ReqQuoteInsert", has("OnRtnQuote", QuoteStatus="3"), both)
    option = {"InstrumentID": OPTION, "ExchangeID": "DCE", "HedgeFlag": "1", "Volume": 1}
    flags = {"OffsetFlag": "1", "ActionType": "1", "PosiDirection": "2", "ReservePositionFlag": "1", "CloseFlag": "0"}
    exercise = does(alice, "ReqExecOrderInsert", has("OnRtnExecOrder", OrderSubmitStatus="3"), option | flags)
    done = has("OnRtnOptionSelfClose", OrderSubmitStatus="3")
    kept = does(alice, "ReqOptionSelfCloseInsert", done, {**option, "OptSelfCloseFlag": "1"})
    pair = {"InstrumentID": PAIR, "ExchangeID": "DCE", "Direction": "0", "Volume": 1, "HedgeFlag": "1"}
    done = has("OnRtnCombAction", ActionStatus="b")
    combined = does(alice, "ReqCombActionInsert", done, {**pair, "CombDirection": "0", "CombActionRef": "81"})
    bank = {"BankID": "1", "BankBranchID": "0000", "BankAccount": MARK, "Password": "secret", "CurrencyID": "CNY"}
    for request, amount in zip(("ReqFromBankToFutureByFuture", "ReqFromFutureToBankByFuture"), MONEY, strict=True):
        told = request.replace("Req", "OnRtn")
        does(alice, request, told, {**bank, "TradeAmount": amount, "LongCustomerName": MARK})
    return {
        "": resting, "Quote": quote, "Exec": exercise, "SelfClose": kept, "Comb": combined, "Parked": parked,
        "trade": trade, "parked action": parked_action,
    }  # fmt: skip


def close_for_now(address: str, code: str) -> None:
    """An instrument is in a break: what is parked for it waits."""
    backend = running(parse(address))
    assert backend is not None
    (contract,) = backend.engine.state.named(code)
    backend.counter.call(lambda: setattr(contract, "phase", "1"))


def open_market(hand: Control) -> None:
    """Play until every instrument has its quote of the present day."""
    day = hand.progress.trading_day
    while True:
        assert hand.step() and hand.progress.trading_day == day
        time_ns = (hand.now_ns + 8 * 3600 * 1_000_000_000) % (86_400 * 1_000_000_000)
        if OPEN_NS <= time_ns < OPEN_NS + 3600 * 1_000_000_000:
            return


@pytest.fixture
def victim(serve: Serve, trader: Make, tmp_path: Path) -> Victim:
    """Alice on the second day of a server, with two sessions that listen."""
    address = address_of(tmp_path, "&bank=on", DAYS)
    server = serve(address)
    hand = counter(address)
    early = Trader(server.trade).start()
    open_market(hand)
    first_day(early)
    hand.settle()
    early.api.Release()
    first, second = trader(server.trade).start(), trader(server.trade).start()
    open_market(hand)
    close_for_now(address, "TA105")
    things = second_day(first)
    second.spi.wait_for(lambda call: call.name == "OnRtnFromFutureToBankByFuture")
    return Victim(address, server, first, second, things)


# --- what mallory says -----------------------------------------------------------------------------------------------

KINDS: Final = {"c": "1", "i": 1, "h": 1, "d": 1000.0}
"""What stands in members of no meaning here."""
VALID: Final = {
    **order_of("", "", 4280.0),
    "ActionFlag": "0",
    "CurrencyID": "CNY",
    "BankID": "1",
    "BankBranchID": "0000",
    "Password": "secret",
    "OldPassword": "secret",
    "NewPassword": "stolen",
    "HedgeFlag": "1",
    "CombDirection": "0",
    "OffsetFlag": "1",
    "AskPrice": 3433.0,
    "BidPrice": 3367.0,
    "AskVolume": 1,
    "BidVolume": 1,
    "AskOffsetFlag": "0",
    "BidOffsetFlag": "0",
    "AskHedgeFlag": "1",
    "BidHedgeFlag": "1",
    "PosiDirection": "2",
    "CloseFlag": "0",
    "ReservePositionFlag": "1",
    "StopPrice": 0.0,
    "IsSwapOrder": 0,
    "UserForceClose": 0,
    "IsAutoSuspend": 0,
    "TradingDay": "20210104",
    "SettlementID": 1,
    "InvestUnitID": "",
    "ExchangeInstID": "",
    "ReplaceSysID": "",
    "BizType": "1",
    "VolumeChange": 0,
}
OWNERS: Final = ("InvestorID", "UserID", "AccountID")
CLAIMS: Final = [
    *itertools.product(("alice", "mallory"), repeat=3),
    *(("", "", ""), ("alice", "", ""), ("", "alice", ""), ("", "", "alice")),
]
"""Who she says she is: InvestorID, UserID, AccountID."""
BY: Final = ("all", "number", "reference")
"""How a thing is named: by all that it is called, by the exchange's number alone, by its reference alone."""


def thing_of(victim: Victim, name: str) -> Any:
    """What of alice's a request is about."""
    if name == "ReqRemoveParkedOrderAction":
        return victim.things["parked action"]
    if name == "ReqQryTrade":
        return victim.things["trade"]
    for word in ("Parked", "Quote", "SelfClose", "Exec", "Comb"):
        if word in name and not name.startswith("ReqParked"):
            return victim.things[word]
    return victim.things[""]


def said(victim: Victim, name: str, claim: tuple[str, str, str], by: str) -> Any:
    """The struct of one request: alice's in whatever member can be."""
    struct = (methods.TRADER[name] if name in methods.TRADER else methods.MD[name]).struct
    thing = thing_of(victim, name)
    values: dict[str, Any] = {}
    for member, kind in (item.split(":") for item in structs.FIELDS[struct].split()):
        if member in VALID:
            values[member] = VALID[member]
        elif kind in KINDS:
            values[member] = KINDS[kind]
        if member in ("InstrumentID", "ExchangeID", "FrontID", "SessionID", *NUMBERS, *REFERENCES):
            values[member] = getattr(thing, member, values.get(member, ""))
    if name.startswith("ReqQry") and "OrderSysID" in values and not hasattr(thing, "OrderSysID"):
        values["OrderSysID"] = ""
    left = {"number": REFERENCES, "reference": NUMBERS, "all": ()}[by]
    if by != "all":
        values.update({member: "" for member in left if isinstance(values.get(member), str)})
    values.update(fits(struct, dict(zip(OWNERS, claim, strict=True))))
    return getattr(structs, struct)(**{**values, **fits(struct, {"BrokerID": "9999"})})


NUMBERS: Final = (
    *("OrderSysID", "TradeID", "ParkedOrderID", "ParkedOrderActionID", "QuoteSysID", "ExecOrderSysID"),
    *("OptionSelfCloseSysID",),
)
REFERENCES: Final = ("OrderRef", "QuoteRef", "ExecOrderRef", "OptionSelfCloseRef", "CombActionRef", "ForQuoteRef")


# --- what comes back -------------------------------------------------------------------------------------------------


class Mallory:
    """A link made of bytes, and a check of each frame that comes on it."""

    def __init__(self, victim: Victim, version: str = "6.7.13", logs_in: bool = True) -> None:
        self.victim = victim
        self.raw = Raw(victim.server.trade, version=version)
        self.raw.start()
        self.answered: set[str] = set()
        if logs_in:
            assert self.raw.login("mallory").field is not None
            self._ask("ReqSettlementInfoConfirm", structs.CThostFtdcSettlementInfoConfirmField(InvestorID="mallory"))

    @property
    def requests(self) -> list[str]:
        """What her version can ask."""
        return [name for name in methods.TRADER if name in self.raw.dialect.requests]

    def tries(self, name: str, field: Any) -> None:
        """One request, and everything that comes until a query behind it is answered."""
        for event in self._ask(name, field):
            self._check(name, field, event)

    def _ask(self, name: str, field: Any) -> list[Event]:
        number = self.raw.request(name, field)
        last = self.raw.request("ReqQryInvestor", structs.CThostFtdcQryInvestorField())
        came: list[Event] = []

        def is_end(frame: wire.Frame) -> bool:
            if frame.kind != wire.CALLBACK:
                return False
            event = self.raw.dialect.decode_event(frame)
            assert event is not None and MARK.encode() not in bytes(frame.body), (name, event)
            came.append(event)
            return event.request_id == last and event.callback in ("OnRspQryInvestor", "OnRspError")

        self.raw.read(is_end)
        self.answered.update(name for event in came[:-1] if event.request_id == number)
        return came

    def _check(self, name: str, field: Any, event: Event) -> None:
        assert event.callback not in ("OnFrontDisconnected", "OnFrontConnected"), name
        got = event.struct()
        if got is None:
            return
        values = {member: getattr(got, member) for member in got.__struct_fields__}
        sent = {member: getattr(field, member) for member in field.__struct_fields__}
        owner = next((values[member] for member in ("InvestorID", "AccountID", "UserID") if member in values), "")
        text = f"{name}{sent} was answered by {event.callback}{got}"
        if event.topic == "private" and event.callback.startswith("OnRtn"):
            assert owner == "mallory", text
        is_owned = owner == "alice"
        is_row = event.callback.startswith("OnRspQry")
        assert not (is_row and is_owned and name != "ReqQryMaxOrderVolume"), text
        for member, value in values.items():
            if is_owned and value and member not in TOLD and not (member in OWNERS and value == "mallory"):
                # Of a record in her name nothing but what mallory said herself.
                assert value == sent.get(member), (member, text)
            if isinstance(value, float) and value != sent.get(member):
                assert value not in (*MONEY, *PRICES.values()), (member, text)
            if is_row and member in NUMBERS and value:
                assert value not in self.victim_numbers(), (member, text)

    def victim_numbers(self) -> set[str]:
        """What her things are called at the exchange."""
        return {
            getattr(thing, member)
            for thing in self.victim.things.values()
            for member in ("OrderSysID", "TradeID")
            if hasattr(thing, member)
        }


TOLD: Final = frozenset(
    {"ErrorID", "ErrorMsg", "BrokerID", "AppType", "ActionDate", "ActionTime", "InstallID", "OrderActionStatus"}
)
"""Members of an echo that the counter fills: what it says of the request, not of what it is about."""


Attack = Callable[..., Mallory]


@pytest.fixture
def mallory() -> Iterator[Attack]:
    """Makes links of hers, which end with the test."""
    with ExitStack() as stack:

        def make(victim: Victim, *how: Any, **more: Any) -> Mallory:
            made = Mallory(victim, *how, **more)
            stack.enter_context(made.raw)
            return made

        yield make


FEW: Final = [("alice",) * 3, ("mallory",) * 3, ("",) * 3]


@pytest.mark.parametrize(("version", "claims"), [("6.7.13", CLAIMS), ("6.3.15", FEW)])
def test_every_request_as_somebody_else(
    victim: Victim, trader: Make, mallory: Attack, version: str, claims: list[tuple[str, str, str]]
) -> None:
    """Logged in as herself, as whom she claims to be, with every way to name alice's things."""
    asker = trader(victim.server.trade).login()
    books = victim.books(asker)
    assert sum(field is not None for rows in books.values() for field, _ in rows) > 30
    attacker = mallory(victim, version)
    state, heard = victim.state(), victim.heard()
    tried = [name for name in attacker.requests if name != "ReqUserLogout"]
    for name in tried:
        for claim, by in itertools.product(claims, BY):
            attacker.tries(name, said(victim, name, claim, by))
        assert victim.state() == state, name
    # A logout as alice is mallory's own or none; alice stays.
    attacker.raw.request("ReqUserLogout", BrokerID="9999", UserID="alice")
    attacker.raw.socket.close()
    assert victim.books(asker) == books
    assert victim.heard() == heard
    assert victim.state() == state
    assert {name for name in tried if methods.TRADER[name].is_query} <= attacker.answered
    assert trader(victim.server.trade).login().login_field.UserID == "alice"


def test_every_request_of_nobody(victim: Victim, trader: Make, mallory: Attack) -> None:
    """Not logged in at all: no request but a login with her password brings anything."""
    asker = trader(victim.server.trade).login()
    books = victim.books(asker)
    state, heard = victim.state(), victim.heard()
    nobody = mallory(victim, logs_in=False)
    for name in nobody.requests:
        if methods.TRADER[name].response != "OnRspUserLogin":
            nobody.tries(name, said(victim, name, ("alice", "alice", "alice"), "all"))
    assert victim.books(asker) == books
    assert victim.heard() == heard
    assert victim.state() == state


def test_every_request_at_the_market_data_front(victim: Victim) -> None:
    """Market data asks for no password: whoever says she is alice there gets quotes, and nothing else."""
    state, heard = victim.state(), victim.heard()
    with Raw(victim.server.md, "md") as raw:
        raw.start()
        raw.login("alice")
        for name, method in methods.MD.items():
            if method.struct:
                raw.request(name, said(victim, name, ("alice", "alice", "alice"), "all"))
            else:
                raw.request(name, ("rb2105", "alice", PAIR))
        raw.send(wire.ping(7))
        came: list[str] = []

        def is_pong(frame: wire.Frame) -> bool:
            if frame.kind == wire.CALLBACK:
                event = raw.dialect.decode_event(frame)
                assert event is not None and MARK.encode() not in bytes(frame.body)
                came.append(event.callback)
            return frame.kind == wire.PONG

        raw.read(is_pong)
    assert not [name for name in came if name not in methods.MD_CALLBACKS]
    assert victim.heard() == heard
    assert victim.state() == state


def test_what_alice_does_is_heard_by_her_sessions_only(victim: Victim, trader: Make) -> None:
    """Mallory listens to both flows from their beginning, to a third session and to the market, while alice trades."""
    watcher = Watcher(victim.server.md).login().subscribe("rb2105")
    mallory = trader(victim.server.trade, "mallory", resume=0).start()
    before = len(victim.second.spi.calls)
    does(victim.first, "ReqOrderInsert", "OnRtnTrade", order_of("rb2105", "SHFE", 4311.0))
    victim.second.spi.wait_for("OnRtnTrade", after=before)
    mallory.ask("ReqQryInvestor")
    assert mallory.spi.of(is_private) == []
    assert MARK not in repr(mallory.spi.calls) and "alice" not in repr(mallory.spi.calls)
    assert MARK not in repr(watcher.spi.calls) and "alice" not in repr(watcher.spi.calls)
    watcher.api.Release()
