"""``tts://sim?quotes=sina://…``: the embedded counter trades shares against web quotes."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ctp2.core.clock import put_in_place, take_away
from ctp2.ctp import structs
from ctp2.testing.clients import TraderClient
from ctp2.testing.clocks import ShiftedClock
from ctp2.testing.quotehost import QuoteHost
from tests.quotes.stand import LIMIT_S


@pytest.mark.parametrize("scheme", ["sina", "tencent", "quotes"])
def test_an_order_fills_on_the_quote_of_the_web(scheme: str) -> None:
    clock = ShiftedClock("2026-09-28 10:00:00")
    put_in_place(clock)
    try:
        with QuoteHost(7, clock) as host:
            address = f"tts://sim?id=web-{scheme}&markets=securities&quotes={quote(host.address(scheme), safe='')}"
            trader = TraderClient(address, "u1")
            try:
                trader.start()
                price = host.day.figures("cn", "sh600000", clock.now_ns()).last
                order = structs.CThostFtdcInputOrderField(
                    BrokerID="9999",
                    InvestorID="u1",
                    ExchangeID="SSE",
                    InstrumentID="600000",
                    OrderRef="1",
                    Direction="0",
                    CombOffsetFlag="0",
                    CombHedgeFlag="1",
                    LimitPrice=round(price * 1.02, 2),
                    VolumeTotalOriginal=100,
                    OrderPriceType="2",
                    TimeCondition="3",
                    VolumeCondition="1",
                    MinVolume=1,
                    ContingentCondition="1",
                    ForceCloseReason="0",
                )
                trader.api.ReqOrderInsert(order, 7)
                trade = trader.spi.wait_for("OnRtnTrade", LIMIT_S)
                assert (trade.field.InstrumentID, trade.field.ExchangeID) == ("600000", "SSE")
                assert abs(trade.field.Price - price) < 0.03 * price
            finally:
                trader.api.Release()
    finally:
        take_away(clock)
