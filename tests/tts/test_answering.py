"""A long answer is told in slices: others are served between them, and it ends in one outcome whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ctp2.testing import Call
from ctp2.tts import answering
from tests.tts.programs import Trader, is_order

ADDRESS = "tts://7x24?fills=full&id=answering"


@pytest.fixture
def pair() -> Iterator[tuple[Trader, Trader]]:
    clients = Trader(ADDRESS, "alice").start(), Trader(ADDRESS, "bob").start()
    yield clients
    for client in clients:
        client.api.Release()


def is_last_row(call: Call) -> bool:
    return call.name == "OnRspQryInstrument" and call.is_last


def test_an_order_waits_for_some_rows_and_not_for_all(pair: tuple[Trader, Trader]) -> None:
    alice, bob = pair
    alice.send("ReqQryInstrument")
    alice.spi.wait_for("OnRspQryInstrument")
    sent = bob.insert("TEST", 90.0)
    bob.spi.wait_for(is_order("3"), after=sent)
    assert not alice.spi.of(is_last_row), "the whole list came first"
    alice.spi.wait_for(is_last_row, timeout=60)
    codes = [(call.field.ExchangeID, call.field.InstrumentID) for call in alice.spi.of("OnRspQryInstrument")]
    assert len(codes) == len(set(codes)) > 30_000
    assert [call.is_last for call in alice.spi.of("OnRspQryInstrument")] == [False] * (len(codes) - 1) + [True]


def test_rows_that_fail_behind_the_first_end_the_query_all_the_same(
    pair: tuple[Trader, Trader], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice, _ = pair
    monkeypatch.setattr(answering, "_SLICE", 2)
    real = answering._Slices._next_rows
    told: list[int] = []

    def fails_later(self: Any) -> Any:
        told.append(1)
        if len(told) == 3:
            raise RuntimeError("a row that cannot be made")
        return real(self)

    monkeypatch.setattr(answering._Slices, "_next_rows", fails_later)
    rows = alice.ask("ReqQryInstrument")
    assert (len(rows), rows[-1].error_id, rows[-1].is_last) == (5, 5002, True)
    assert "ReqQryInstrument failed behind its first rows" in caplog.text
    # And the query's place is free again.
    assert alice.rows("ReqQryTradingAccount", InvestorID="alice")
