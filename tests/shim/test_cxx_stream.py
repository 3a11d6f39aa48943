"""One order stream three times: by a C++ program, by the Python API over the same front, by the Python API in process.

Each on a fresh counter of the same recorded day, which stands until it is stepped, and in lock step (after each request
or snapshot a query is answered): so also every time and number must be the same. Callbacks are compared as lines with
their name, request number, last, and every member of the C++ program's interface version.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.front.server import Config, ServerThread
from ctp2.testing import Call
from ctp2.tts import counter
from tests.shim import cxx
from tests.shim.child import ChildTrader, PatientTraderRecorder
from tests.tts.programs import FIRST, Trader, address_of

SEEDS: Final = (1, 20260105)
REQUESTS: Final = 150
MORE: Final = 7
"""Snapshots of the day behind the first of each instrument."""
QUOTES: Final = {
    "rb2105": (4299.0, 1.0),
    "m2105": (3399.0, 1.0),
    "TA105": (3798.0, 2.0),
    "IF2101": (5229.8, 0.2),
}
"""Bid at the start, and the price tick."""

pytestmark = [pytest.mark.foreign]


class Player:
    """Sends the stream of a seed. What it does depends on the seed and on what came back, which is always the same."""

    def __init__(self, client: Any, address: str, seed: int) -> None:
        self.client = client
        self.control = counter(address)
        self.draw = random.Random(seed)
        self.refs: list[tuple[str, str, int]] = []

    def play(self) -> None:
        self.client.ask("ReqQrySettlementInfo", BrokerID="9999", InvestorID="alice")
        self.client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
        self.control.step(FIRST)
        steps = sorted(self.draw.sample(range(REQUESTS), MORE))
        for number in range(REQUESTS):
            if number in steps:
                self.control.step(1)
                self.settle()
            self.draw.choices((self.order, self.cancel, self.query), (60, 25, 15))[0]()
            self.settle()
        for request in ("ReqQryOrder", "ReqQryTrade", "ReqQryInvestorPosition", "ReqQryInvestorPositionDetail"):
            self.client.ask(request, BrokerID="9999", InvestorID="alice")

    def settle(self) -> None:
        """Whatever the last request or snapshot led to has been called back when this is answered."""
        self.client.ask("ReqQryTradingAccount", BrokerID="9999", InvestorID="alice")

    def order(self) -> None:
        """Mostly good; prices between ticks and beyond limits, no volume, nothing to close, an unknown code."""
        draw = self.draw
        code = draw.choice(sorted(QUOTES))
        bid, tick = QUOTES[code]
        price = round(bid + tick * draw.randrange(-12, 14), 1)
        if draw.random() < 0.08:
            price = draw.choice((bid + tick / 3, 0.5, 99_999.0, float(2**40)))
        members = {
            "Direction": draw.choice("01"),
            "CombOffsetFlag": draw.choices("0134", (70, 10, 15, 5))[0],
            "TimeCondition": draw.choices("31", (80, 20))[0],
            "OrderRef": str(len(self.refs) + 1),
            "GTDDate": draw.choice(("", "螺纹")),
        }
        if draw.random() < 0.04:
            members["InstrumentID"] = "zz9999"
        self.refs.append((code, members["OrderRef"], self.client.login_field.SessionID))
        self.client.insert(code, price, draw.choice((0, 1, 1, 2, 3, 7)), **members)

    def cancel(self) -> None:
        """Of any order so far, done or not, or of none."""
        code, ref, session = self.draw.choice(self.refs or [("rb2105", "1", 1)])
        if self.draw.random() < 0.05:
            ref = "777777"
        self.client.send(
            "ReqOrderAction",
            BrokerID="9999",
            InvestorID="alice",
            UserID="alice",
            InstrumentID=code,
            FrontID=self.client.login_field.FrontID,
            SessionID=session,
            OrderRef=ref,
            ActionFlag="0",
        )

    def query(self) -> None:
        requests = ("ReqQryOrder", "ReqQryTrade", "ReqQryInvestorPosition", "ReqQryInstrument")
        code = self.draw.choice(("", *sorted(QUOTES)))
        self.client.ask(self.draw.choice(requests), InstrumentID=code or "rb2105")


def text_of(struct: Any, names: list[str]) -> str:
    """A struct with the members of the C++ program."""
    return " ".join(f"{name}={getattr(struct, name)!r}" for name in names) if struct is not None else "NULL"


def line_of(call: Call, like: Call) -> str:
    """A callback; ``like`` is the C++ program's, whose members count."""
    field = text_of(call.field, list(vars(like.field)) if like.field is not None else [])
    info = text_of(call.info, ["ErrorID", "ErrorMsg"])
    return f"{call.name} {call.request_id} {call.is_last} {call.number} | {field} | {info}"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def patient(address: str) -> Trader:
    client = Trader(address)
    client.spi = PatientTraderRecorder()
    client.api.RegisterSpi(client.spi)
    return client


def played(client: Any, address: str, seed: int) -> list[Call]:
    try:
        client.login()
        Player(client, address, seed).play()
        return list(client.spi.calls)
    finally:
        client.api.Release()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_for_all(seed: int, tmp_path: Path, stack: ExitStack) -> None:
    addresses = [address_of(tmp_path, f"&seed={seed}") for _ in range(3)]
    fronts = [
        stack.enter_context(ServerThread(Config(address, trade_port=0, md_port=0))).trade for address in addresses[:2]
    ]
    child = cxx.start("plain", tmp_path, stack)
    theirs = played(ChildTrader(child, fronts[0]), addresses[0], seed)
    over_tcp = played(patient(f"{fronts[1]}?layout={cxx.REVISION}"), addresses[1], seed)
    in_process = played(patient(addresses[2]), addresses[2], seed)
    names = {call.name for call in theirs}
    assert {"OnRtnOrder", "OnRtnTrade", "OnRspOrderInsert", "OnErrRtnOrderInsert", "OnRspOrderAction"} <= names
    lines = [line_of(one, one) for one in theirs]
    for other in (over_tcp, in_process):
        assert [one.name for one in other] == [one.name for one in theirs]
        for line, one, like in zip(lines, other, theirs, strict=True):
            assert line_of(one, like) == line
    assert child.end() == 0
