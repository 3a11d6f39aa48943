"""The private flow: numbering, scopes, days, and what is left of it after a restart of the program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ctp2.core.backend import NONE, QUICK, Event
from ctp2.ctp import structs
from ctp2.ctp.errors import rsp_info
from ctp2.ib.flows import ALL, PrivateFlow
from ctp2.ib.store import Store
from tests.ib.fakelink import FakeSink


class Desk:
    """A flow on disk, and the day it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.day = "20251124"
        self.store = Store(path)
        self.flow = PrivateFlow(self.store, lambda: self.day)

    def restart(self) -> None:
        """The program ends and begins again."""
        self.store.close()
        self.store = Store(self.path)
        self.flow = PrivateFlow(self.store, lambda: self.day)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "a.sqlite")
    yield made
    made.store.close()


def order(ref: str, status: str = "3", traded: int = 0) -> Event:
    field = structs.CThostFtdcOrderField(OrderRef=ref, OrderStatus=status, OrderSubmitStatus="3", VolumeTraded=traded)
    return Event("OnRtnOrder", field)


def trade(number: str) -> Event:
    return Event("OnRtnTrade", structs.CThostFtdcTradeField(InvestorID="DU1", TradeID=number, Price=1.25, Volume=1))


def refs(events: object) -> list[tuple[int, str]]:
    return [(event.sequence, event.struct().OrderRef) for event in events]  # type: ignore[attr-defined]


def test_each_sees_its_own_and_has_its_own_numbers(desk: Desk) -> None:
    everything, one = FakeSink(), FakeSink()
    desk.flow.append("DU1", order("1"))
    assert refs(desk.flow.follow(everything, ALL, 0)) == [(1, "1")]
    assert refs(desk.flow.follow(one, "DU2", 0)) == []
    desk.flow.append("DU2", order("2"))
    desk.flow.append("DU1", order("3"))
    assert refs(everything.take()) == [(2, "2"), (3, "3")]
    assert refs(one.take()) == [(1, "2")]
    desk.flow.leave(everything)
    desk.flow.append("DU2", order("4"))
    assert (refs(everything.take()), refs(one.take())) == ([], [(2, "4")])


def test_where_a_client_begins(desk: Desk) -> None:
    for ref in "123":
        desk.flow.append("DU1", order(ref))
    assert refs(desk.flow.follow(FakeSink(), ALL, 2)) == [(3, "3")]
    assert refs(desk.flow.follow(FakeSink(), ALL, QUICK)) == []
    quiet = FakeSink()
    assert refs(desk.flow.follow(quiet, ALL, NONE)) == []
    desk.flow.append("DU1", order("4"))
    assert quiet.take() == []


def test_a_restart_keeps_the_numbers_and_tells_nothing_twice(desk: Desk) -> None:
    refusal = Event("OnErrRtnOrderInsert", structs.CThostFtdcInputOrderField(OrderRef="9"), rsp_info(31))
    name = desk.flow.name
    for event in (order("1"), order("1", "1", 1), trade("a"), refusal):
        desk.flow.append("DU1", event)
    desk.restart()
    assert desk.flow.name == name
    # Reconciliation tells the order and its trade as if they were new, and then something that is.
    for event in (order("1"), order("1", "1", 1), trade("a"), order("1", "0", 2), trade("b")):
        desk.flow.append("DU1", event)
    told = desk.flow.follow(FakeSink(), ALL, 2)
    assert [(event.sequence, event.callback) for event in told] == [
        (3, "OnRtnTrade"),
        (4, "OnErrRtnOrderInsert"),
        (5, "OnRtnOrder"),
        (6, "OnRtnTrade"),
    ]
    assert [told[0].struct().Price, told[1].struct().OrderRef, told[2].struct().VolumeTraded] == [1.25, "9", 2]
    assert told[1].info is not None
    assert told[1].info.ErrorID == 31


def test_after_reconciliation_a_state_may_come_back_but_no_trade(desk: Desk) -> None:
    for event in (order("1"), trade("a")):
        desk.flow.append("DU1", event)
    desk.restart()
    desk.flow.settled()
    for event in (order("1"), trade("a")):
        desk.flow.append("DU1", event)
    told = desk.flow.follow(FakeSink(), ALL, 0)
    assert [event.callback for event in told] == ["OnRtnOrder", "OnRtnTrade", "OnRtnOrder"]


def test_a_tws_that_began_anew_may_give_an_id_again(desk: Desk) -> None:
    first, again = trade("a"), trade("a")
    again.struct().TradeTime = "23:59:59"
    desk.flow.append("DU1", first)
    desk.restart()
    desk.flow.append("DU1", again)
    assert len(desk.flow.follow(FakeSink(), ALL, 0)) == 2


def test_a_correction_after_a_restart_is_no_other_trade(desk: Desk) -> None:
    corrected = trade("a")
    desk.flow.append("DU1", trade("a"))
    desk.restart()
    corrected.struct().Volume += 1
    desk.flow.append("DU1", corrected)
    assert len(desk.flow.follow(FakeSink(), ALL, 0)) == 1


def test_another_day_begins_at_one(desk: Desk) -> None:
    sink = FakeSink()
    desk.flow.append("DU1", order("1"))
    desk.flow.follow(sink, ALL, 1)
    desk.day = "20251125"
    desk.flow.append("DU1", order("2"))
    assert refs(sink.take()) == [(1, "2")]
    desk.restart()
    assert refs(desk.flow.follow(FakeSink(), ALL, 0)) == [(1, "2")]


def test_a_file_that_was_lost_is_another_flow(desk: Desk, tmp_path: Path) -> None:
    assert Desk(tmp_path / "b.sqlite").flow.name != desk.flow.name
