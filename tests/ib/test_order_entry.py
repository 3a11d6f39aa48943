"""Inserts, cancels, modifications: what is placed, what the client is told (spec ib 5.1, 5.2, 5.9)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ctp2.ib import records
from ctp2.ib.records import Refused
from tests.ib import listed
from tests.ib.orderdesk import AAPL, ACCOUNT, OrderDesk, fill, listing, problem, status


@pytest.fixture
def desk() -> Iterator[OrderDesk]:
    made = OrderDesk()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


# ------------------------------------------------------------------ what is placed
PLACED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "limit": ({}, {"order_type": "LMT", "lmt_price": 10.0, "aux_price": None, "tif": "DAY", "quantity": 100.0}),
    "sell": ({"Direction": "1"}, {"action": "SELL"}),
    "market": ({"OrderPriceType": "1", "LimitPrice": 0.0}, {"order_type": "MKT", "lmt_price": None}),
    "at the ask": ({"OrderPriceType": "8"}, {"order_type": "LMT", "lmt_price": 10.02}),
    "at the bid": ({"OrderPriceType": "C"}, {"order_type": "LMT", "lmt_price": 10.01}),
    "near the tick": ({"LimitPrice": 10.010000000001}, {"lmt_price": 10.01}),
    "negative": ({"LimitPrice": -0.5}, {"lmt_price": -0.5}),
    "IOC": ({"TimeCondition": "1"}, {"tif": "IOC", "min_qty": None}),
    "FOK": ({"TimeCondition": "1", "VolumeCondition": "3"}, {"tif": "FOK"}),
    "IOC with a minimum": (
        {"TimeCondition": "1", "VolumeCondition": "2", "MinVolume": 30},
        {"tif": "IOC", "min_qty": 30},
    ),
    "GTC": ({"TimeCondition": "5"}, {"tif": "GTC", "good_till_date": ""}),
    "GTD": (
        {"TimeCondition": "4", "GTDDate": "20251219"},
        {"tif": "GTD", "good_till_date": "20251219 23:59:59 America/New_York"},
    ),
    "flags": ({"BusinessUnit": "IB:OHA"}, {"outside_rth": True, "hidden": True, "all_or_none": True}),
    "another business unit": ({"BusinessUnit": "desk 5"}, {"outside_rth": False, "hidden": False}),
    "SMART": ({"ExchangeID": "SMART"}, {"order_type": "LMT"}),
    "NASD": ({"ExchangeID": "NASD"}, {"order_type": "LMT"}),
}


@pytest.mark.parametrize("name", PLACED)
def test_what_is_placed(desk: OrderDesk, name: str) -> None:
    desk.quotes.found = (10.01, 10.02)
    members, wanted = PLACED[name]
    desk.insert("17", **members)
    assert desk.told() == []
    spec, contract = desk.link.placed[0]
    assert {key: getattr(spec, key) for key in wanted} == wanted
    assert (contract.con_id, contract.exchange) == (265598, "SMART")
    assert (spec.account, spec.order_ref, spec.order_id) == (ACCOUNT, "Q1:1:1:17:01", 1)


CONDITIONAL = [
    # direction, ContingentCondition, OrderPriceType → type, triggerMethod (spec ib 5.1, row by row)
    *[("0", code, "1", "STP", 2) for code in "256"],
    *[("1", code, "1", "STP", 2) for code in "278"],
    *[("0", code, "2", "STP LMT", 2) for code in "256"],
    *[("1", code, "2", "STP LMT", 2) for code in "278"],
    *[("0", code, "1", "MIT", 2) for code in "378"],
    *[("1", code, "1", "MIT", 2) for code in "356"],
    *[("0", code, "2", "LIT", 2) for code in "378"],
    *[("1", code, "2", "LIT", 2) for code in "356"],
    *[("0", code, "1", "STP", 4) for code in "9ADE"],
    *[("1", code, "1", "STP", 4) for code in "BCFH"],
    *[("0", code, "2", "LIT", 4) for code in "BCFH"],
    *[("1", code, "2", "LIT", 4) for code in "9ADE"],
]


@pytest.mark.parametrize(("direction", "code", "price_type", "order_type", "method"), CONDITIONAL)
def test_conditional_orders(
    desk: OrderDesk, direction: str, code: str, price_type: str, order_type: str, method: int
) -> None:
    desk.insert(Direction=direction, ContingentCondition=code, OrderPriceType=price_type, StopPrice=9.5)
    spec = desk.spec
    assert (spec.order_type, spec.aux_price, spec.trigger_method) == (order_type, 9.5, method)
    assert spec.lmt_price == (10.0 if price_type == "2" else None)


def test_best_price_where_the_exchange_has_it(desk: OrderDesk) -> None:
    desk.link.answers["details"] = lambda query: listed.answer(
        query, (listed.stock(265598, "AAPL", order_types="LMT,MTL"),)
    )
    desk.insert(OrderPriceType="3")
    assert desk.spec.order_type == "MTL"


def test_fractions_are_scaled(desk: OrderDesk) -> None:
    """One CTP volume of BTC is its increment, 0.00001."""
    desk.insert(InstrumentID="BTC-USD-CRYPTO@PAXOS", VolumeTotalOriginal=150, LimitPrice=60000.25)
    assert (desk.spec.quantity, desk.spec.lmt_price) == (0.0015, 60000.25)
    contract = listed.BTC.contract
    desk.tell(status("Submitted", total=0.0015), fill(1, 0.0005, contract=contract, price=60000.0))
    assert desk.told() == ["order a0 0/150", "order 33 0/150", "order 13 50/150", "trade 0 50@60000"]


# ------------------------------------------------------------------ what is refused here
REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "no volume": (15, {"VolumeTotalOriginal": 0}),
    "direction": (15, {"Direction": "2"}),
    "offset": (15, {"CombOffsetFlag": "9"}),
    "no offset": (15, {"CombOffsetFlag": ""}),
    "hedge": (15, {"CombHedgeFlag": "0"}),
    "swap": (65, {"IsSwapOrder": 1}),
    "off tick": (95, {"LimitPrice": 10.005}),
    "stop off tick": (95, {"ContingentCondition": "5", "StopPrice": 9.999}),
    "price unset": (95, {"LimitPrice": 1.7976931348623157e308}),
    "five levels": (80, {"OrderPriceType": "G"}),
    "best price": (80, {"OrderPriceType": "3"}),
    "ask that is unknown": (80, {"OrderPriceType": "8"}),
    "bid that is unknown": (80, {"OrderPriceType": "C"}),
    "GFS": (27, {"TimeCondition": "2"}),
    "GFA": (27, {"TimeCondition": "6"}),
    "all of a day order": (27, {"VolumeCondition": "3"}),
    "time condition": (15, {"TimeCondition": "9"}),
    "no volume condition": (15, {"VolumeCondition": ""}),
    "minimum above the volume": (15, {"TimeCondition": "1", "VolumeCondition": "2", "MinVolume": 101}),
    "GTD without a day": (15, {"TimeCondition": "4"}),
    "GTD on no day": (15, {"TimeCondition": "4", "GTDDate": "20250231"}),
    "parked": (27, {"ContingentCondition": "4"}),
    "no condition": (15, {"ContingentCondition": "Z"}),
    "stop at the best price": (80, {"ContingentCondition": "5", "OrderPriceType": "3"}),
    "combination": (27, {"InstrumentID": "SPD a&b"}),
    "another exchange": (15, {"ExchangeID": "NYSE"}),
    "flag": (15, {"BusinessUnit": "IB:X"}),
    "reference with a colon": (15, {"OrderRef": "a:b"}),
    "account": (13, {"InvestorID": "DU9"}),
    "unknown contract": (16, {"InstrumentID": "NONE-USD-STK"}),
    "no contract": (16, {"InstrumentID": "?"}),
    "close without a position": (30, {"CombOffsetFlag": "1", "Direction": "1"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_here(desk: OrderDesk, name: str) -> None:
    error_id, members = REFUSED[name]
    desk.backend.error_of = lambda refused, request: (16, refused.text)  # type: ignore[method-assign]
    desk.insert(**members)
    assert desk.told() == [f"OnRspOrderInsert {error_id}", f"OnErrRtnOrderInsert {error_id}"]
    assert desk.link.placed == []
    assert desk.query("ReqQryOrder") == [None]
    desk.insert(OrderRef="1")  # its name is free
    assert len(desk.link.placed) == 1


def test_a_reference_is_used_once(desk: OrderDesk) -> None:
    desk.insert("5")
    desk.insert("5")
    assert desk.told() == ["OnRspOrderInsert 22", "OnErrRtnOrderInsert 22"]
    desk.insert("  6")
    desk.insert("")
    assert [spec.order_ref for spec, _ in desk.link.placed] == ["Q1:1:1:5:01", "Q1:1:1:6:01", "Q1:1:1:7:01"]
    assert desk.orders.largest_ref == 7


def test_readonly_and_cut_off() -> None:
    desk = OrderDesk("ib://127.0.0.1:7497?readonly=1")
    desk.insert()
    desk.action()
    assert [line[-2:] for line in desk.told()] == [" 9"] * 4
    desk.close()
    desk = OrderDesk()
    desk.link.is_cut_off = True
    desk.insert()
    assert desk.told() == ["OnRspOrderInsert 8", "OnErrRtnOrderInsert 8"]
    desk.close()


def test_the_link_is_down(desk: OrderDesk) -> None:
    desk.link.is_up = False
    desk.insert()
    assert desk.told() == ["OnRspOrderInsert 90", "OnErrRtnOrderInsert 90"]


def test_enforce_close(desk: OrderDesk) -> None:
    """Long 100: of two orders that close 60 each the second finds 40."""
    desk.tell(records.PositionRow(ACCOUNT, listed.AAPL.contract, 100.0, 10.0))
    sell: dict[str, Any] = {"Direction": "1", "CombOffsetFlag": "1", "VolumeTotalOriginal": 60}
    desk.insert("1", **sell)
    desk.insert("2", **sell)
    assert desk.told() == ["OnRspOrderInsert 30", "OnErrRtnOrderInsert 30"]
    desk.insert("3", **{**sell, "VolumeTotalOriginal": 40})
    assert [spec.quantity for spec, _ in desk.link.placed] == [60.0, 40.0]
    assert sum(row.remaining for row in desk.orders.working(ACCOUNT, 265598)) == Decimal(100)


def test_enforce_close_off() -> None:
    desk = OrderDesk("ib://127.0.0.1:7497?enforce_close=0&outside_rth=1")
    desk.insert(Direction="1", CombOffsetFlag="1")
    assert desk.spec.order_ref == "Q1:1:1:1:11"
    assert desk.spec.outside_rth
    desk.close()


def test_parked_and_batch_requests(desk: OrderDesk) -> None:
    from ctp2.ctp import structs

    for name in ("ReqParkedOrderInsert", "ReqParkedOrderAction", "ReqBatchOrderAction"):
        method = {"ReqParkedOrderInsert": "ParkedOrder", "ReqParkedOrderAction": "ParkedOrderAction"}
        field = getattr(structs, f"CThostFtdc{method.get(name, 'InputBatchOrderAction')}Field")()
        desk.backend.ask(desk.session, name, field)
        assert {line[-3:] for line in desk.told()} == {" 27"}


# ------------------------------------------------------------------ contracts that are asked for first
def test_a_cancel_waits_for_the_contract_of_its_order(desk: OrderDesk) -> None:
    answer = desk.hold("details")
    desk.insert()
    desk.insert()
    assert desk.told() == ["OnRspOrderInsert 22", "OnErrRtnOrderInsert 22"]
    desk.action()
    assert desk.told() == []
    answer([listed.AAPL])
    assert len(desk.link.placed) == 1
    assert desk.link.calls_of("cancel") == []  # it waits for the acknowledgement, too
    desk.tell(status("Submitted"))
    assert desk.link.calls_of("cancel") == [(1,)]
    assert desk.told() == ["order a0 0/100", "order 33 0/100", "order 31 0/100"]


def test_a_cancel_of_an_order_whose_contract_is_not_found(desk: OrderDesk) -> None:
    answer = desk.hold("details")
    desk.insert()
    desk.action()
    answer([])
    assert desk.told() == [
        "OnRspOrderInsert 16",
        "OnErrRtnOrderInsert 16",
        "OnRspOrderAction 25",
        "OnErrRtnOrderAction 25",
    ]


def test_the_link_breaks_while_the_contract_is_asked_for(desk: OrderDesk) -> None:
    answer = desk.hold("details")
    desk.insert()
    desk.session.machine.disconnect(4097)
    desk.session.machine.connect()
    desk.told()
    answer([listed.AAPL])
    assert desk.link.placed == []
    assert desk.told() == []


# ------------------------------------------------------------------ the record of an order and of a trade
def test_the_whole_record(desk: OrderDesk) -> None:
    desk.insert("9", OrderMemo="memo", RequestID=4, UserID="me")
    desk.tell(status("Submitted"), fill(1, 40, price=9.99))
    order, trade = [event.field for event in desk.events()][-2:]
    wanted = {
        "BrokerID": "9999", "InvestorID": ACCOUNT, "OrderRef": "9", "UserID": "me", "InstrumentID": AAPL,
        "ExchangeID": "NASD", "ExchangeInstID": "AAPL", "Direction": "0", "CombOffsetFlag": "0", "CombHedgeFlag": "1",
        "LimitPrice": 10.0, "VolumeTotalOriginal": 100, "VolumeTraded": 40, "VolumeTotal": 60, "OrderStatus": "1",
        "OrderSubmitStatus": "3", "OrderType": "0", "OrderSysID": "        1001", "OrderLocalID": "1", "FrontID": 1,
        "SessionID": 1, "RequestID": 4, "OrderMemo": "memo", "TradingDay": "20251124", "InsertDate": "20251124",
        "InsertTime": "11:00:00", "UpdateTime": "11:00:00", "CancelTime": "", "StatusMsg": "部分成交",
    }  # fmt: skip
    assert {name: getattr(order, name) for name in wanted} == wanted
    wanted = {
        "BrokerID": "9999", "InvestorID": ACCOUNT, "OrderRef": "9", "InstrumentID": AAPL, "ExchangeID": "NASD",
        "Direction": "0", "OffsetFlag": "0", "HedgeFlag": "1", "Price": 9.99, "Volume": 40, "TradeDate": "20251124",
        "TradeTime": "11:00:01", "TradingDay": "20251124", "TradeID": "000180376554aa010101", "TradeType": "0",
        "PriceSource": "0", "TradingRole": "1", "OrderSysID": "        1001", "OrderLocalID": "1",
    }  # fmt: skip
    assert {name: getattr(trade, name) for name in wanted} == wanted


def test_times_in_beijing() -> None:
    desk = OrderDesk("ib://127.0.0.1:7497?tz=Asia/Shanghai")
    desk.insert()
    desk.tell(fill(1, 100))
    order, trade = [event.field for event in desk.events()][-2:]
    assert (order.InsertDate, order.InsertTime, trade.TradeDate, trade.TradeTime, trade.TradingDay) == (
        *("20251125", "00:00:00", "20251125", "00:00:01", "20251124"),
    )
    desk.close()


def test_eager_ack() -> None:
    desk = OrderDesk("ib://127.0.0.1:7497?eager_ack=1")
    desk.insert()
    assert desk.told() == ["order a0 0/100"]
    desk.tell(problem(201, "Order rejected - reason: margin"))
    assert desk.told() == ["order 54 0/100"]
    desk.close()


# ------------------------------------------------------------------ actions
def test_cancel_by_each_name(desk: OrderDesk) -> None:
    ways: tuple[dict[str, Any], ...] = (
        {"OrderRef": "1"},
        {"OrderRef": " 2 "},
        {"OrderRef": "3", "FrontID": 0, "SessionID": 0},
        {"OrderRef": "", "OrderSysID": "1004"},
        {"OrderRef": "", "OrderSysID": "        1005", "ExchangeID": "NASD", "FrontID": 0, "SessionID": 0},
    )
    for number, way in enumerate(ways, 1):
        desk.insert(str(number))
        desk.tell(status("Submitted", order_id=number))
        desk.action(**way)
    assert desk.link.calls_of("cancel") == [(1,), (2,), (3,), (4,), (5,)]
    assert desk.told()[-1] == "order 31 0/100"


ACTIONS: dict[str, tuple[int, dict[str, Any]]] = {
    "unknown reference": (25, {"OrderRef": "99"}),
    "unknown session": (25, {"SessionID": 5}),
    "unknown system id": (25, {"OrderSysID": "77"}),
    "system id that is none": (25, {"OrderSysID": "x"}),
    "another exchange": (25, {"OrderSysID": "1001", "ExchangeID": "CME"}),
    "another account": (13, {"InvestorID": "DU9"}),
    "flag": (23, {"ActionFlag": "1"}),
    "modify nothing": (23, {"ActionFlag": "3"}),
    "modify to nothing": (15, {"ActionFlag": "3", "VolumeChange": -100}),
    "modify off tick": (95, {"ActionFlag": "3", "LimitPrice": 10.001}),
    "modify below what is filled": (26, {"ActionFlag": "3", "VolumeChange": -60}),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_refused_here(desk: OrderDesk, name: str) -> None:
    error_id, members = ACTIONS[name]
    desk.insert()
    desk.tell(status("Submitted"), fill(1, 40))
    desk.told()
    desk.action(**members)
    assert desk.told() == [f"OnRspOrderAction {error_id}", f"OnErrRtnOrderAction {error_id}"]
    assert desk.link.calls_of("cancel") == []
    assert len(desk.link.placed) == 1


def test_second_cancel_and_cancel_of_an_ended_order(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(status("Submitted"))
    desk.action()
    desk.told()
    desk.action()
    assert desk.told() == ["OnRspOrderAction 24", "OnErrRtnOrderAction 24"]
    desk.tell(status("Cancelled"), problem(202, "Order Canceled"))
    assert desk.told() == ["order 53 0/100"]
    desk.action()
    assert desk.told() == ["OnRspOrderAction 26", "OnErrRtnOrderAction 26"]


def test_modify_price_and_volume(desk: OrderDesk) -> None:
    desk.insert()
    desk.tell(status("Submitted"))
    desk.told()
    desk.action(flag="3", LimitPrice=10.5, VolumeChange=-20)
    assert desk.told() == ["order 32 0/100"]
    spec = desk.spec
    assert (spec.order_id, spec.lmt_price, spec.quantity, spec.order_ref) == (1, 10.5, 80.0, "Q1:1:1:1:01")
    desk.tell(listing("Submitted", spec))
    assert desk.told() == ["order 33 0/80"]
    (row,) = desk.query("ReqQryOrder")
    assert (row.LimitPrice, row.VolumeTotal) == (10.5, 80)


def test_modify_a_market_order(desk: OrderDesk) -> None:
    desk.insert(OrderPriceType="1")
    desk.tell(status("PreSubmitted"))
    desk.told()
    desk.action(flag="3", LimitPrice=10.5)
    assert desk.told() == ["OnRspOrderAction 23", "OnErrRtnOrderAction 23"]


def test_the_client_is_gone_before_its_order_is_refused(desk: OrderDesk) -> None:
    desk.insert()
    desk.session.machine.disconnect(4097)
    desk.told()
    desk.tell(problem(110, "tick"))
    assert desk.told() == []


def test_refusal_of_a_contract_question(desk: OrderDesk) -> None:
    desk.link.answers["details"] = Refused(321, "what?")
    desk.insert()
    assert desk.told() == ["OnRspOrderInsert 91", "OnErrRtnOrderInsert 91"]


# ------------------------------------------------------------------ queries
def test_queries_and_their_filters(desk: OrderDesk) -> None:
    desk.insert("1")
    desk.insert("2", InstrumentID="ES-202512-USD-FUT@CME", LimitPrice=6000.25)
    desk.tell(status("Submitted"), status("Submitted", order_id=2), fill(1, 100))

    def refs(name: str = "ReqQryOrder", **members: Any) -> list[str]:
        return [row.OrderRef for row in desk.query(name, **members) if row is not None]

    assert refs() == ["1", "2"]
    assert refs(InstrumentID=AAPL) == refs(InstrumentID="#265598") == ["1"]
    assert refs(InstrumentID="NONE-USD-STK") == []
    assert refs(ExchangeID="CME") == refs(OrderSysID="1002") == ["2"]
    assert refs(InsertTimeStart="11:00:01") == []
    assert refs(InsertTimeEnd="10:00:00") == ["2"]  # in Chicago it is an hour earlier
    assert refs("ReqQryTrade") == refs("ReqQryTrade", TradeID="000180376554aa010101") == ["1"]
    assert refs("ReqQryTrade", TradeID="x") == refs("ReqQryTrade", TradeTimeStart="11:00:02") == []


def test_another_session_sees_its_own_spelling(desk: OrderDesk) -> None:
    desk.insert(InstrumentID="AAPL")
    desk.tell(status("Submitted"))
    (row,) = desk.query("ReqQryOrder")
    assert row.InstrumentID == "AAPL"
    from ctp2.ctp import structs

    other, sink = desk.backend.open(account=ACCOUNT)
    desk.backend.ask(other, "ReqQryOrder", structs.CThostFtdcQryOrderField(), 3)
    (event,) = sink.take()
    assert event.field.InstrumentID == AAPL
