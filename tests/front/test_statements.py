"""A statement over TCP: the same bytes, whatever version of the interface the client has."""

from __future__ import annotations

import pytest

from ctp2.front.server import ServerThread
from ctp2.tts import counter
from tests.front.conftest import Make
from tests.tts.programs import FIRST
from tests.tts.statement_reader import read


@pytest.mark.parametrize("layout", ["6.3.15", "6.7.13"])
def test_chunks_arrive_as_they_were_cut(server: ServerThread, counter_address: str, trader: Make, layout: str) -> None:
    alice = trader(f"{server.trade}?layout={layout}").start()
    control = counter(counter_address)
    control.step(FIRST)
    trade = alice.fill()
    control.settle()
    alice.spi.wait_for("OnFrontConnected", count=2)
    alice.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
    rows = alice.rows("ReqQrySettlementInfo", BrokerID="9999", InvestorID="alice")
    assert {type(row.Content) for row in rows} == {bytes}
    assert [row.SequenceNo for row in rows] == list(range(1, len(rows) + 1))
    text = b"".join(row.Content for row in rows).decode("gbk")
    assert text == control.statement("alice", "20210104")
    trades = next(block for block in read(text).blocks if block.currency == "CNY").tables["成交记录 Transaction Record"]
    assert trades.column("Trans.No.") == [trade.TradeID.strip()]
