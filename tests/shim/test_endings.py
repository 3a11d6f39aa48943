"""How programs end, and what they do that is rude, while callbacks stream in as fast as they go (native 6, 12.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.front.server import ServerThread
from tests.shim.bindings import FOREIGN, Client, start
from tests.shim.child import Child, ChildMd, ChildTrader
from tests.shim.front import Backend, Session

RUNS: Final = 10
LIBRARIES: Final = [pytest.param(one, id=one.name, marks=one.marks) for one in FOREIGN]
"""What our own Python face makes no promise for."""
TICK: Final = Event(
    "OnRtnDepthMarketData", structs.CThostFtdcDepthMarketDataField(InstrumentID="rb2605", LastPrice=1.0)
)
STATUS: Final = Event(
    "OnRtnInstrumentStatus", structs.CThostFtdcInstrumentStatusField(ExchangeID="SHFE", InstrumentStatus="2")
)


class Streamed:
    """A program with a TraderApi and an MdApi, both of which are called back without end."""

    def __init__(self, child: Child, server: ServerThread, backend: Backend) -> None:
        self.child = child
        self.trader = ChildTrader(child, server.trade)
        self.trader.connect()
        self.trading: Session = backend.next()
        self.md = ChildMd(child, server.md)
        self.md.connect()
        self.quoting: Session = backend.next()

    def flow(self) -> Streamed:
        """Let it begin, and wait until it has."""
        self.trading.stream(*[STATUS] * 20)
        self.quoting.stream(*[TICK] * 20)
        self.trader.spi.wait_for("OnRtnInstrumentStatus", count=30)
        self.md.spi.wait_for("OnRtnDepthMarketData", count=30)
        return self


@pytest.fixture
def streamed(
    client: Client, server: ServerThread, backend: Backend, tmp_path: Path
) -> Iterator[Callable[[], Streamed]]:
    with ExitStack() as stack:
        yield lambda: Streamed(start(client, tmp_path, stack), server, backend)


def ends(one: Streamed) -> None:
    """The main thread returns, and that is all."""


def releases(one: Streamed) -> None:
    """As a careful program does."""
    one.md.api.Release()
    one.trader.api.Release()


def releases_one(one: Streamed) -> None:
    """The other goes on."""
    one.md.api.Release()


def releases_in_a_callback(one: Streamed) -> None:
    one.md.api.when("OnRtnDepthMarketData", "Release")
    assert one.md.api.result() is None


@pytest.mark.parametrize("how", [ends, releases, releases_one, releases_in_a_callback])
def test_exit_code(client: Client, streamed: Callable[[], Streamed], how: Callable[[Streamed], None]) -> None:
    """Ten programs at once; those that just end are told nothing of any trouble either."""
    programs = [streamed() for _ in range(RUNS if how is ends else 2)]
    for one in programs:
        one.flow()
    for one in programs:
        how(one)
        one.child.send(do="quiet")
        one.child.send(do="end")
    assert [one.child.ended() for one in programs] == [0] * len(programs)
    assert client.complaints(programs[0].child.stderr) == []


@pytest.mark.parametrize("client", LIBRARIES, indirect=True)
def test_without_a_spi_nothing_comes(streamed: Callable[[], Streamed]) -> None:
    one = streamed().flow()
    one.md.api.RegisterSpi(None)
    heard = len(one.md.spi.calls)
    one.trader.spi.wait_for("OnRtnInstrumentStatus", after=len(one.trader.spi.calls), count=100)
    assert len(one.md.spi.calls) == heard
    one.child.send(do="quiet")
    assert one.child.end() == 0


def test_after_release_nothing_comes(streamed: Callable[[], Streamed]) -> None:
    one = streamed().flow()
    one.md.api.Release()
    heard = len(one.md.spi.calls)
    # What the program tells comes in order: nothing of the released one came behind its Release.
    one.trader.spi.wait_for("OnRtnInstrumentStatus", after=len(one.trader.spi.calls), count=100)
    assert len(one.md.spi.calls) == heard
    one.child.send(do="quiet")
    assert one.child.end() == 0


def test_a_bug_in_a_callback(client: Client, streamed: Callable[[], Streamed]) -> None:
    """The callbacks behind it come all the same."""
    one = streamed()
    one.child.send(do="raise", api=one.md.api.name, callback="OnRtnDepthMarketData")
    one.flow()
    releases(one)
    assert one.child.end() == 0


def test_requests_inside_callbacks(streamed: Callable[[], Streamed]) -> None:
    one = streamed().flow()
    field = structs.CThostFtdcInputOrderField(OrderRef="7")
    one.trader.api.when("OnRtnInstrumentStatus", "ReqOrderInsert", field, 7)
    assert one.trader.api.result() == 0
    assert one.trading.next("ReqOrderInsert").field.OrderRef == "7"
    one.child.send(do="quiet")
    assert one.child.end() == 0


@pytest.mark.parametrize("client", LIBRARIES, indirect=True)
def test_forked(streamed: Callable[[], Streamed]) -> None:
    """In the child requests are refused and the end is clean; the parent goes on (native 6.4)."""
    one = streamed().flow()
    api: Any = one.trader.api
    struct = {"struct": "CThostFtdcQryTradingAccountField", "set": {}}
    one.child.send(do="fork", api=api.name, name="ReqQryTradingAccount", arguments=[struct, 1])
    assert one.child.answer(api.name)["forked"] == 0
    before = len(one.md.spi.calls)
    one.md.spi.wait_for("OnRtnDepthMarketData", after=before, count=10)
    one.child.send(do="quiet")
    assert one.child.end() == 0
