"""The fields of OnRtnOrder and OnRtnTrade by stage and exchange (spec ctp-semantics 3.5, 3.7, 3.9)."""

from __future__ import annotations

from typing import Any

import pytest

from ctp2.ctp.structs import CThostFtdcInputOrderField
from ctp2.testing.desk import START_NS, Desk
from ctp2.tts import translate
from ctp2.tts.events import OrderReport, TradeDone

EVENING_NS = START_NS - (12 * 3600 + 1800) * 1_000_000_000
"""2025-03-05 21:00:00 Beijing time: the night session of 2025-03-06."""
NATURAL, TRADING_DAY = "20250305", "20250306"
EXCHANGES = ("SHFE", "INE", "CFFEX", "CZCE", "DCE", "GFEX")


def records(events: list[Any]) -> list[Any]:
    """The CTP records of what a step told."""
    made: list[Any] = []
    for event in events:
        if isinstance(event, OrderReport):
            made.append(translate.order_to_ctp(event))
        elif isinstance(event, TradeDone):
            made.append(translate.trade_to_ctp(event))
    return made


class Night:
    """One instrument of an exchange in its night session; a quote that fills at 3501."""

    def __init__(self, exchange: str, profile: str = "exchange") -> None:
        self.desk = Desk(profile=profile, fills="full")
        self.desk.now_ns = EVENING_NS
        self.desk.instrument(exchange, "x2105", limits="3000..4000", settled="3500")
        self.desk.user("alice", "1000000")
        self.desk.quote("x2105", bid="3499x10", ask="3501x10", last="3500")

    def rests(self, **members: Any) -> list[Any]:
        return records(self.desk.insert("alice", "buys", "open", 2, "x2105", 3490.0, **members))

    def fills(self, **members: Any) -> list[Any]:
        return records(self.desk.insert("alice", "buys", "open", 2, "x2105", 3501.0, **members))

    def reached(self) -> list[Any]:
        self.desk.now_ns += 60_000_000_000
        return records(self.desk.quote("x2105", bid="3480x10", ask="3490x10", last="3490"))


@pytest.mark.proves("3.7 ParticipantID", "3.7 FrontID", "3.8 a/0")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_first_state(exchange: str) -> None:
    first, *_ = Night(exchange).rests(ref="7", session=5)
    assert (first.OrderStatus, first.OrderSubmitStatus, first.OrderSysID, first.SequenceNo) == ("a", "0", "", 0)
    assert (first.NotifySequence, first.InstallID, first.SettlementID, first.BrokerOrderSeq) == (0, 1, 1, 1)
    assert (first.OrderLocalID, first.TraderID, first.BusinessUnit) == ("           1", "9999cac", "9999cac")
    assert (first.ActiveTraderID, first.ActiveUserID, first.ClearingPartID, first.CancelTime) == ("", "", "", "")
    assert (first.ActiveTime, first.SuspendTime, first.ZCETotalTradedVolume) == ("", "", 0)
    assert (first.OrderSource, first.OrderType) == ("0", "0")
    assert (first.InsertDate, first.InsertTime, first.TradingDay) == (NATURAL, "21:00:00", TRADING_DAY)
    assert (first.FrontID, first.SessionID, first.OrderRef, first.UserID) == (1, 5, "7", "alice")
    assert (first.ExchangeInstID, first.ParticipantID, first.ClientID) == ("x2105", "9999", "alice")
    assert first.StatusMsg == "报单已提交"


ANSWER: dict[str, tuple[str, str, str, str]] = {
    # exchange → InsertDate, OrderSource, OrderType, ActiveTraderID of an acknowledged order
    "SHFE": (NATURAL, "", "", "9999cac"),
    "INE": (NATURAL, "", "", "9999cac"),
    "CFFEX": (NATURAL, "0", "0", "9999cac"),
    "CZCE": (NATURAL, "0", "0", "9999cac"),
    "DCE": (TRADING_DAY, "0", "0", ""),
    "GFEX": (TRADING_DAY, "0", "0", ""),
}


@pytest.mark.proves("3.5 InsertDate", "3.5 TradeType", "3.7 InsertDate")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_acknowledged_order(exchange: str) -> None:
    *_, record = Night(exchange).rests()
    assert (record.OrderStatus, record.OrderSubmitStatus, record.OrderSysID) == ("3", "3", "           1")
    assert (record.InsertDate, record.OrderSource, record.OrderType, record.ActiveTraderID) == ANSWER[exchange]
    assert (record.SequenceNo, record.NotifySequence, record.InsertTime) == (1, 1, "21:00:00")
    assert record.StatusMsg == "未成交"


TRADE: dict[str, tuple[str, str, str, str]] = {
    # exchange → TradeDate, TradeType, PriceSource, TradingRole
    "SHFE": (NATURAL, "", "", ""),
    "INE": (NATURAL, "", "", ""),
    "CFFEX": (NATURAL, "0", "0", "1"),
    "CZCE": (TRADING_DAY, "0", "0", "1"),
    "DCE": (TRADING_DAY, "0", "0", "1"),
    "GFEX": (TRADING_DAY, "0", "0", "1"),
}


@pytest.mark.proves("3.9 TradeDate", "3.9 TradeType", "3.9 OrderSysID")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_trade(exchange: str) -> None:
    night = Night(exchange)
    order = night.rests()[-1]
    *_, state, trade = night.reached()
    assert (trade.TradeDate, trade.TradeType, trade.PriceSource, trade.TradingRole) == TRADE[exchange]
    assert (trade.TradeID, trade.TradeTime, trade.TradingDay) == ("           1", "21:01:00", TRADING_DAY)
    assert (trade.OrderSysID, trade.OrderLocalID, trade.OrderRef) == (
        order.OrderSysID,
        order.OrderLocalID,
        order.OrderRef,
    )
    assert (trade.Price, trade.Volume, trade.Direction, trade.OffsetFlag, trade.HedgeFlag) == (3490.0, 2, "0", "0", "1")
    assert (trade.SequenceNo, trade.SettlementID, trade.TradeSource) == (order.SequenceNo + 1, 1, "0")
    assert (trade.ParticipantID, trade.ClearingPartID, trade.BusinessUnit) == ("9999", "9999", "")
    assert (trade.BrokerOrderSeq, trade.TraderID, trade.UserID) == (1, order.TraderID, "alice")
    assert (state.OrderStatus, state.InsertTime, state.OrderSysID) == ("0", order.InsertTime, order.OrderSysID)


def test_czce_tells_the_traded_volume_before_the_fill_is_told() -> None:
    night = Night("CZCE")
    assert night.rests()[-1].ZCETotalTradedVolume == 0
    previous, state, _ = night.reached()
    assert (previous.VolumeTraded, previous.ZCETotalTradedVolume) == (0, 2)
    assert (state.VolumeTraded, state.ZCETotalTradedVolume) == (2, 2)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_simnow_shows_shfe_s_empty_codes_everywhere(exchange: str) -> None:
    night = Night(exchange, "simnow")
    order = night.rests()[-1]
    trade = night.reached()[-1]
    assert (order.InsertDate, order.OrderSource, order.OrderType) == (NATURAL, "", "")
    assert (trade.TradeDate, trade.TradeType, trade.PriceSource, trade.TradingRole) == (NATURAL, "", "", "")


@pytest.mark.parametrize("exchange", ["SHFE", "INE"])
def test_an_immediate_fill_keeps_order_source_and_type(exchange: str) -> None:
    told = Night(exchange).fills()[:-1]
    assert [(record.OrderSource, record.OrderType) for record in told] == [("0", "0")] * 3
    assert [record.NotifySequence for record in told] == [0, 0, 0], "while the submit status is still 0"


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_refused_order(exchange: str) -> None:
    night = Night(exchange)
    *_, record = records(night.desk.insert("alice", "buys", "open", 2, "x2105", 9999.0))
    assert (record.OrderSysID, record.SequenceNo, record.ActiveTraderID) == ("", 0, "")
    assert (record.OrderSource, record.OrderType, record.CancelTime) == ("0", "0", "21:00:00")


@pytest.mark.proves("3.5 CancelTime", "3.7 CancelTime")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_cancelled_order(exchange: str) -> None:
    night = Night(exchange)
    night.rests(name="1")
    night.desk.now_ns += 30_000_000_000
    again, record = records(night.desk.cancel("alice", "1"))
    assert (again.ActiveUserID, again.OrderStatus, again.OrderSubmitStatus, again.CancelTime) == ("alice", "3", "3", "")
    assert (record.CancelTime, record.ActiveUserID, record.InsertTime) == ("21:00:30", "alice", "21:00:00")
    assert (record.VolumeTraded, record.VolumeTotal, record.StatusMsg) == (0, 2, "已撤单")


CLOSES = [
    # exchange, sent, shown: SHFE and INE keep what was sent, the others get CTP's conversion (spec 3.1)
    ("SHFE", "3", "3"),
    ("INE", "3", "3"),
    ("CFFEX", "3", "1"),
    ("CFFEX", "4", "1"),
    ("CZCE", "3", "1"),
    ("DCE", "4", "1"),
    ("GFEX", "3", "1"),
    ("GFEX", "1", "1"),
]


@pytest.mark.proves("3.1 offset conversion")
@pytest.mark.parametrize(("exchange", "sent", "shown"), CLOSES)
def test_the_offset_is_converted_before_sending(exchange: str, sent: str, shown: str) -> None:
    night = Night(exchange)
    night.fills()
    told = records(night.desk.insert("alice", "sells", sent, 2, "x2105", 3499.0))
    assert {record.CombOffsetFlag for record in told[:-1]} == {shown}
    assert told[-1].OffsetFlag == shown


@pytest.mark.parametrize(("exchange", "sent"), [("CFFEX", "3"), ("DCE", "4"), ("CZCE", "3"), ("GFEX", "4")])
def test_simnow_returns_the_offset_as_sent(exchange: str, sent: str) -> None:
    """Spec 3.1: SimNow, one SHFE-type system, returns it as sent."""
    night = Night(exchange, "simnow")
    night.fills()
    told = records(night.desk.insert("alice", "sells", sent, 2, "x2105", 3499.0))
    assert {record.CombOffsetFlag for record in told[:-1]} == {sent}
    assert told[-1].OffsetFlag == sent


def test_sequence_numbers_rise_and_every_id_is_new() -> None:
    night = Night("SHFE")
    told = [record for _ in range(5) for record in night.fills()]
    orders = [record for record in told if hasattr(record, "OrderStatus") and record.OrderSysID]
    trades = [record for record in told if not hasattr(record, "OrderStatus")]
    assert len({record.OrderSysID for record in orders}) == 5
    assert [int(trade.TradeID) for trade in trades] == [1, 2, 3, 4, 5]
    numbers = [record.SequenceNo for record in orders]
    assert numbers == sorted(numbers) and numbers[0] > 0


HANDED_BACK: dict[str, Any] = {
    "BrokerID": "anything",
    "GTDDate": "20250307",
    "InvestUnitID": "unit",
    "AccountID": "money",
    "ClientID": "client",
    "MacAddress": "00:11:22:33:44:55",
    "IPAddress": "10.0.0.1",
    "OrderMemo": "memo",
    "IsAutoSuspend": 1,
    "UserForceClose": 1,
    "RequestID": 77,
}


@pytest.mark.proves(
    "3.1 GTDDate", "3.1 OrderMemo", "3.1 IsAutoSuspend", "3.1 BrokerID", "3.1 UserID", "3.7 ForceCloseReason"
)
def test_what_is_handed_back() -> None:
    """Spec 3.1: optional members as they were sent, an empty UserID as the login's; 3.7: BusinessUnit is the seat."""
    night = Night("SHFE")
    field = CThostFtdcInputOrderField(
        InvestorID="alice",
        ExchangeID="SHFE",
        InstrumentID="x2105",
        OrderPriceType="2",
        Direction="0",
        CombOffsetFlag="0",
        CombHedgeFlag="1",
        LimitPrice=3490.0,
        VolumeTotalOriginal=2,
        TimeCondition="3",
        VolumeCondition="1",
        ContingentCondition="1",
        ForceCloseReason="0",
        BusinessUnit="mine",
        **HANDED_BACK,
    )
    command = translate.order_from_ctp(field, EVENING_NS, 1, 5, "alice", "terminal")
    for record in records(night.desk.engine.insert_order(command)):
        assert {name: getattr(record, name) for name in HANDED_BACK} == HANDED_BACK
        assert (record.UserID, record.BusinessUnit, record.UserProductInfo) == ("alice", "anythingcac", "terminal")
