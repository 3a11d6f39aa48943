"""Every reason for which an order or a cancel is refused, one line each, in the precedence of spec 3.3."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from ctp2.ctp.errors import prompt
from ctp2.testing.desk import Desk
from ctp2.tts import translate
from ctp2.tts.events import ActionRefused, InsertRefused, OrderReport

DBL_MAX = 1.7976931348623157e308


def make_desk() -> Desk:
    """One instrument per exchange, one stock, one code that two exchanges have, and three people."""
    desk = Desk(profile="clean", fills="full")
    for exchange, code in (
        ("SHFE", "rb2105"),
        ("INE", "sc2105"),
        ("CFFEX", "IF2103"),
        ("CZCE", "TA105"),
        ("DCE", "m2105"),
        ("GFEX", "si2105"),
        ("SHFE", "dup"),
        ("DCE", "dup"),
    ):
        desk.instrument(exchange, code, limits="3000..4000", settled="3500")
    desk.instrument("SHFE", "old2101", limits="3000..4000", settled="3500", listed="no")
    desk.instrument(
        "SSE", "600519", kind="stock", multiplier="1", tick="0.01", margin="1", lots="100,100", t="1", settled="10"
    )
    desk.user("alice", "100000")
    desk.user("bob", "100000")
    desk.user("carol", "100000", confirms=False)
    return desk


def send(desk: Desk, changes: dict[str, Any], closed: bool = False) -> list[Any]:
    """A buy of one rb2105 by alice with ``changes``."""
    order = {"user": "alice", "direction": "0", "comb_offset": "0", "volume": 1, "instrument": "rb2105", **changes}
    if closed:
        for contract in desk.state.contracts:
            contract.phase = "1"
    user, code = order.pop("user"), order.pop("instrument")
    members: dict[str, Any] = {"price": 3500.0, **order}
    direction, offset = members.pop("direction"), members.pop("comb_offset")
    volume, price = members.pop("volume"), members.pop("price")
    return desk.insert(user, direction, offset, volume, code, price, **members)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an order, and CTP's number for it; ``rank`` is its place in the precedence."""

    rank: int
    name: str
    error: int
    changes: dict[str, Any] = field(hash=False)


FAULTS = [
    # 1 session
    Fault(1, "statement not confirmed", 42, {"user": "carol"}),
    # 2 fields: codes and volume
    Fault(2, "direction empty", 15, {"direction": ""}),
    Fault(2, "direction unknown", 15, {"direction": "2"}),
    Fault(2, "direction two letters", 15, {"direction": "01"}),
    Fault(2, "price type empty", 15, {"price_type": ""}),
    Fault(2, "price type unknown", 15, {"price_type": "H"}),
    Fault(2, "time condition empty", 15, {"time_condition": ""}),
    Fault(2, "time condition unknown", 15, {"time_condition": "7"}),
    Fault(2, "time condition GFS", 15, {"time_condition": "2"}),
    Fault(2, "time condition GTD", 15, {"time_condition": "4"}),
    Fault(2, "time condition GTC", 15, {"time_condition": "5"}),
    Fault(2, "time condition GFA", 15, {"time_condition": "6"}),
    Fault(2, "volume condition empty", 15, {"volume_condition": ""}),
    Fault(2, "volume condition unknown", 15, {"volume_condition": "4"}),
    Fault(2, "contingent condition empty", 15, {"contingent": ""}),
    Fault(2, "contingent condition unknown", 15, {"contingent": "G"}),
    Fault(2, "contingent condition of a parked order", 15, {"contingent": "4"}),
    Fault(2, "stop price missing", 15, {"contingent": "5"}),
    Fault(2, "stop price NaN", 15, {"contingent": "H", "stop_price": math.nan}),
    Fault(2, "stop price DBL_MAX", 15, {"contingent": "2", "stop_price": DBL_MAX}),
    Fault(2, "force close reason empty", 15, {"force_close_reason": ""}),
    Fault(2, "force close reason of the broker", 15, {"force_close_reason": "1"}),
    Fault(2, "offset empty", 15, {"comb_offset": ""}),
    Fault(2, "offset unknown", 15, {"comb_offset": "7"}),
    Fault(2, "offset ForceClose is the operator's", 9, {"comb_offset": "2"}),
    Fault(2, "offset ForceOff is the operator's", 9, {"comb_offset": "5"}),
    Fault(2, "offset LocalForceClose is the operator's", 9, {"comb_offset": "6"}),
    Fault(2, "hedge flag empty", 15, {"comb_hedge": ""}),
    Fault(2, "hedge flag unknown", 15, {"comb_hedge": "9"}),
    Fault(2, "hedge flag of market makers", 61, {"comb_hedge": "5"}),
    Fault(2, "volume zero", 15, {"volume": 0}),
    Fault(2, "volume negative", 15, {"volume": -1}),
    Fault(
        2, "minimum volume above the volume", 15, {"min_volume": 501, "volume_condition": "2", "time_condition": "1"}
    ),
    Fault(2, "minimum volume negative", 15, {"min_volume": -1, "volume_condition": "2", "time_condition": "1"}),
    Fault(2, "price type LastPrice", 80, {"price_type": "4"}),
    Fault(2, "price type Ask1", 80, {"price_type": "8"}),
    Fault(2, "price type Bid1+3", 80, {"price_type": "F"}),
    Fault(2, "price NaN", 95, {"price": math.nan}),
    Fault(2, "price infinite", 95, {"price": math.inf}),
    Fault(2, "price minus infinite", 95, {"price": -math.inf}),
    Fault(2, "price DBL_MAX", 95, {"price": DBL_MAX}),
    Fault(2, "price -DBL_MAX", 95, {"price": -DBL_MAX}),
    Fault(2, "price beyond what money can hold", 15, {"price": 1e15}),
    # 2 fields: investor
    Fault(3, "investor missing", 146, {"investor_id": ""}),
    Fault(3, "investor unknown", 13, {"investor_id": "nobody"}),
    Fault(3, "investor of somebody else", 9, {"investor_id": "bob"}),
    # 2 fields: exchange
    Fault(4, "exchange missing and the code not unique", 147, {"exchange": "", "instrument": "dup"}),
    Fault(4, "exchange that does not exist", 148, {"exchange": "XSHG"}),
    Fault(4, "exchange in the wrong case", 148, {"exchange": "shfe"}),
    Fault(4, "exchange of another instrument", 150, {"exchange": "DCE", "instrument": "rb2105"}),
    # 2 fields: OrderRef
    Fault(5, "OrderRef not greater than the last", 22, {"ref": "7"}),
    Fault(5, "OrderRef no number", 22, {"ref": "abc"}),
    # 3 instrument
    Fault(6, "instrument empty", 16, {"instrument": "", "exchange": "SHFE"}),
    Fault(6, "instrument unknown", 16, {"instrument": "xx9999", "exchange": "SHFE"}),
    Fault(6, "instrument unknown, exchange missing", 16, {"instrument": "xx9999", "exchange": ""}),
    Fault(6, "instrument in the wrong case", 16, {"instrument": "RB2105", "exchange": "SHFE"}),
    Fault(6, "instrument not traded", 17, {"instrument": "old2101"}),
    # 3 kinds of order that the instrument's exchange does not have (here: the TTS column), behind the instrument
    Fault(7, "stop order of the exchange", 15, {"contingent": "2", "stop_price": 3500.0}),
    Fault(7, "take-profit of the exchange", 15, {"contingent": "3", "stop_price": 3500.0}),
    Fault(7, "swap order", 65, {"is_swap": 1}),
    # 4 position
    Fault(8, "SHFE CloseToday without lots of today", 50, {"comb_offset": "3", "instrument": "rb2105"}),
    Fault(8, "SHFE Close without lots of yesterday", 51, {"comb_offset": "1", "instrument": "rb2105"}),
    Fault(8, "SHFE CloseYesterday without lots", 51, {"comb_offset": "4", "instrument": "rb2105"}),
    Fault(8, "INE CloseToday", 50, {"comb_offset": "3", "instrument": "sc2105"}),
    Fault(8, "INE Close", 51, {"comb_offset": "1", "instrument": "sc2105"}),
    Fault(8, "CFFEX Close", 30, {"comb_offset": "1", "instrument": "IF2103"}),
    Fault(8, "CFFEX CloseToday", 30, {"comb_offset": "3", "instrument": "IF2103"}),
    Fault(8, "CZCE Close", 30, {"comb_offset": "1", "instrument": "TA105"}),
    Fault(8, "DCE Close", 30, {"comb_offset": "1", "instrument": "m2105"}),
    Fault(8, "DCE CloseYesterday", 30, {"comb_offset": "4", "instrument": "m2105"}),
    Fault(8, "GFEX Close", 30, {"comb_offset": "1", "instrument": "si2105"}),
    Fault(8, "stock sold short", 37, {"direction": "1", "instrument": "600519", "volume": 100}),
    Fault(8, "stock sold that is not held", 30, {"direction": "1", "comb_offset": "1", "instrument": "600519"}),
    Fault(8, "stock bought to close", 30, {"comb_offset": "1", "instrument": "600519"}),
    # 5 money
    Fault(9, "not enough money", 31, {"volume": 34, "comb_offset": "0"}),
]
"""Spec 3.3 from top to bottom. The rank of equal steps is equal: their order among themselves is nobody's business."""

EXCHANGE_FAULT = Fault(10, "the exchange is closed", 0, {})


def refused(events: list[Any]) -> InsertRefused:
    assert [type(event) for event in events] == [InsertRefused], "one refusal and no order"
    event = events[0]
    assert isinstance(event, InsertRefused)
    return event


def after_an_order(desk: Desk) -> Desk:
    """Let every session have used OrderRef 7."""
    for user in ("alice", "bob"):
        desk.insert(user, "buys", "open", 1, "rb2105", 3000.0, ref="7")
    return desk


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_reason(fault: Fault) -> None:
    desk = after_an_order(make_desk())
    before = desk.account("alice"), desk.positions("alice"), desk.orders("alice")
    event = refused(send(desk, fault.changes))
    assert (event.error_id, event.message or prompt(event.error_id)) == (fault.error, prompt(fault.error))
    assert prompt(fault.error).startswith("CTP")
    assert (desk.account("alice"), desk.positions("alice"), desk.orders("alice")) == before, "nothing frozen or listed"
    assert type(send(desk, {})[0]) is not InsertRefused, "the next order goes through"


def compatible(first: Fault, second: Fault) -> bool:
    """Whether both faults can be in one order."""
    if first.changes.keys() & second.changes.keys():
        return False
    # An instrument of another kind does not belong to the exchange named, a stock is bought in hundreds, and so on.
    return not ("exchange" in first.changes and "instrument" in second.changes)


PAIRS = [
    pytest.param(first, second, id=f"{first.name} / {second.name}")
    for first, second in itertools.combinations(FAULTS, 2)
    if first.rank < second.rank and compatible(first, second)
]


@pytest.mark.proves("3.3 step 1", "3.3 step 2", "3.3 step 3", "3.3 step 4", "3.3 step 5")
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_earlier_reason_wins(first: Fault, second: Fault) -> None:
    desk = after_an_order(make_desk())
    assert refused(send(desk, {**second.changes, **first.changes})).error_id == first.error


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_ctp_refuses_before_the_exchange_is_asked(fault: Fault) -> None:
    desk = after_an_order(make_desk())
    assert refused(send(desk, fault.changes, closed=True)).error_id == fault.error


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.rank > 1], ids=lambda fault: fault.name)
def test_an_unconfirmed_statement_wins_over_all(fault: Fault) -> None:
    desk = after_an_order(make_desk())
    assert refused(send(desk, {**fault.changes, "user": "carol"})).error_id == 42


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_echo_is_what_was_sent(fault: Fault) -> None:
    desk = after_an_order(make_desk())
    event = refused(send(desk, {"ref": "00000000012", **fault.changes}))
    echo, terms = translate.input_order_to_ctp(event), event.terms
    assert echo.OrderRef == terms.order_ref
    assert echo.InstrumentID == terms.instrument
    assert echo.CombOffsetFlag == terms.comb_offset
    assert echo.VolumeTotalOriginal == terms.volume
    assert echo.LimitPrice == terms.price or math.isnan(terms.price)


# ------------------------------------------------------------------ what only looks like a fault
@pytest.mark.parametrize(
    "changes",
    [
        {"exchange": ""},
        {"instrument": "dup", "exchange": "SHFE"},
        {"comb_offset": "00", "comb_hedge": "11"},
        {"comb_hedge": "2"},
        {"comb_hedge": "3"},
        {"volume_condition": "3"},
        {"volume_condition": "2"},
        {"min_volume": 5},
        {"min_volume": 501, "volume_condition": "2"},  # read for IOC only (spec 3.1)
        {"price_type": "1", "price": math.nan},
        {"price_type": "1", "price": DBL_MAX},
        {"volume": 28},
    ],
    ids=str,
)
def test_no_refusal(changes: dict[str, Any]) -> None:
    events = send(make_desk(), changes)
    assert not any(isinstance(event, InsertRefused) for event in events)
    first = next(event for event in events if isinstance(event, OrderReport))
    assert (first.status, first.submit) == ("a", "0")


def test_a_volume_beyond_64_bit_money_is_error_15() -> None:
    desk = make_desk()
    for volume in (2**31 - 1, 10**15):
        for checks in ("on", "off"):
            desk = make_desk() if checks == "on" else Desk(checks="off")
            if checks == "off":
                desk.instrument("SHFE", "rb2105", settled="3500")
                desk.user("alice", "100000")
            event = refused(desk.insert("alice", "buys", "open", volume, "rb2105", 9e11))
            assert event.error_id == 15


def test_checks_off_leaves_only_the_form() -> None:
    desk = Desk(profile="clean", checks="off", fills="full")
    desk.instrument("SHFE", "rb2105", limits="3000..4000", settled="3500")
    desk.user("alice", "1")
    for offset in ("close", "close-today", "open"):
        events = desk.insert("alice", "buys", offset, 10, "rb2105", 3000.0)
        assert not any(isinstance(event, InsertRefused) for event in events), offset
    assert refused(desk.insert("alice", "buys", "open", 0, "rb2105", 3000.0)).error_id == 15
    assert refused(desk.insert("alice", "buys", "open", 1, "nothing", 3000.0)).error_id == 16


# ------------------------------------------------------------------ money and position to the last unit
def test_money_is_enough_to_the_last_micro_unit() -> None:
    for balance, error in (("3500.35", 0), ("3500.349999", 31)):
        desk = Desk(profile="clean")
        desk.instrument("SHFE", "rb2105", fees="0.00001,0,0", settled="3500")
        desk.user("alice", balance)
        events = desk.insert("alice", "buys", "open", 1, "rb2105", 3500.0)
        assert (refused(events).error_id if error else 0) == error
        assert error or desk.account("alice").Available == 0.0


def test_two_working_closes_cannot_exceed_the_lots() -> None:
    desk = make_desk()
    desk.carry("alice", "2", 3, "m2105", "3400")
    desk.insert("alice", "sells", "close", 2, "m2105", 3600.0)
    assert refused(desk.insert("alice", "sells", "close", 2, "m2105", 3600.0)).error_id == 30
    desk.insert("alice", "sells", "close", 1, "m2105", 3600.0, name="last")
    assert refused(desk.insert("alice", "sells", "close", 1, "m2105", 3600.0)).error_id == 30
    desk.cancel("alice", "last")
    assert not isinstance(desk.insert("alice", "sells", "close", 1, "m2105", 3600.0)[0], InsertRefused)


def test_a_close_is_never_refused_for_money() -> None:
    desk = Desk(profile="clean")
    desk.instrument("DCE", "m2105", lot_fees="0,500,0", settled="3500")
    desk.user("alice", "3500")
    desk.carry("alice", "2", 1, "m2105", "3500")
    desk.insert("alice", "sells", "close", 1, "m2105", 3600.0)
    assert desk.account("alice").Available == -500.0


# ------------------------------------------------------------------ OrderRef
def refs(desk: Desk) -> list[str]:
    return [row.OrderRef for row in desk.orders("alice")]


def insert(desk: Desk, ref: str, **changes: Any) -> int:
    """Error number of an order with this OrderRef."""
    events = send(desk, {"ref": ref, "price": 3000.0, **changes})
    return refused(events).error_id if isinstance(events[0], InsertRefused) else 0


def test_order_refs_rise_with_gaps_and_are_compared_as_numbers() -> None:
    desk = make_desk()
    assert [insert(desk, ref) for ref in ("1", "9", "10", "10", "9", "0011", "11")] == [0, 0, 0, 22, 22, 0, 22]
    assert refs(desk) == ["1", "9", "10", "0011"]


def test_the_first_order_ref_may_be_the_max_order_ref_of_the_login() -> None:
    assert insert(make_desk(), "1") == 0


def test_order_refs_come_back_as_they_were_sent() -> None:
    desk = make_desk()
    for ref in ("           1", "2", "3           ", "000000000004"):
        assert insert(desk, ref) == 0
    assert refs(desk) == ["           1", "2", "3           ", "000000000004"]


def test_an_empty_order_ref_is_assigned_right_aligned() -> None:
    desk = make_desk()
    assert [insert(desk, ref) for ref in ("", "41", "", "   ")] == [0, 0, 0, 0]
    assert refs(desk) == ["           1", "41", "          42", "          43"]


def test_order_refs_beyond_32_bits() -> None:
    desk = make_desk()
    numbers = [2**31 - 1, 2**31, 2**32, 2**32 + 1, 999_999_999_999]
    assert [insert(desk, str(number)) for number in numbers] == [0] * 5
    assert insert(desk, "4294967297") == 22


@pytest.mark.parametrize("ref", ["abc", "-1", "+1", "1.5", "1e3", "１２", "²", "1 2", "0x1", "0"])
def test_order_refs_that_are_no_numbers_above_zero(ref: str) -> None:
    desk = make_desk()
    assert insert(desk, ref) == 22
    assert insert(desk, "1") == 0


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if "ref" not in fault.changes and fault.rank > 1], ids=lambda fault: fault.name
)
def test_a_refused_order_uses_up_its_order_ref(fault: Fault) -> None:
    """Spec 3.1 [SIM], 16 #13."""
    desk = make_desk()
    assert insert(desk, "5", **fault.changes) == fault.error
    assert insert(desk, "5") == 22
    assert insert(desk, "6") == 0


def test_an_exchange_rejection_uses_up_its_order_ref() -> None:
    desk = make_desk()
    assert insert(desk, "5", price=9999.0) == 0
    assert insert(desk, "5") == 22


def test_a_duplicate_does_not_move_the_last_order_ref() -> None:
    desk = make_desk()
    assert [insert(desk, ref) for ref in ("10", "3", "10", "11")] == [0, 22, 22, 0]


def test_every_session_counts_for_itself() -> None:
    desk = make_desk()
    assert [insert(desk, "5", session=s) for s in (1, 2, 1, 2)] == [0, 0, 22, 22]


# ------------------------------------------------------------------ the exchange
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"price": 3500.5}, "已撤单报单被拒绝SHFE:价格非最小单位倍数"),
        ({"price": 4001.0}, "已撤单报单被拒绝SHFE:价格超出涨停板"),
        ({"price": 2999.0}, "已撤单报单被拒绝SHFE:价格跌破跌停板"),
        ({"volume": 501, "user": "rich"}, "已撤单报单被拒绝SHFE:委托数量超出限制"),
        ({"instrument": "m2105", "price": 4001.0}, "已撤单报单被拒绝DCE:价格超出涨停板"),
        ({"instrument": "IF2103", "price": 2999.0}, "已撤单报单被拒绝CFFEX:价格跌破跌停板"),
        ({"instrument": "TA105", "price": 0.0}, "已撤单报单被拒绝CZCE:出错: 限价单价格不能为0或负数"),
        ({"instrument": "600519", "price": 10.0, "volume": 150}, "已撤单报单被拒绝SSE:委托数量超出限制"),
    ],
)
def test_the_exchange_refuses_with_its_own_words(changes: dict[str, Any], text: str) -> None:
    desk = make_desk()
    desk.user("rich", "1000000000")
    user = changes.get("user", "alice")
    before = desk.account(user)
    events = send(desk, changes)
    record = desk.orders(user)[-1]
    assert [type(event).__name__ for event in events] == ["OrderInserted", "OrderReport", "OrderReport"]
    assert (record.OrderStatus, record.OrderSubmitStatus, record.OrderSysID, record.StatusMsg) == ("5", "4", "", text)
    assert desk.account(user) == before


# ------------------------------------------------------------------ cancels
CANCELS: list[tuple[str, dict[str, Any], int]] = [
    ("statement not confirmed", {"account_id": "carol", "investor_id": "carol"}, 42),
    ("modify", {"action_flag": "3"}, 27),
    ("action flag empty", {"action_flag": ""}, 23),
    ("action flag unknown", {"action_flag": "1"}, 23),
    ("investor missing", {"investor_id": ""}, 146),
    ("investor unknown", {"investor_id": "nobody"}, 13),
    ("investor of somebody else", {"investor_id": "bob"}, 9),
    ("no instrument with the OrderRef", {"instrument": ""}, 23),
    ("another instrument with the OrderRef", {"instrument": "m2105"}, 25),
    ("another OrderRef", {"order_ref": "8"}, 25),
    ("OrderRef no number", {"order_ref": "x"}, 25),
    ("OrderRef empty", {"order_ref": ""}, 25),
    ("another session", {"session_id": 99}, 25),
    ("another front", {"front_id": 9}, 25),
    ("OrderSysID unknown", {"order_sys_id": "       99999"}, 25),
    ("OrderSysID no number", {"order_sys_id": "abc"}, 25),
    ("OrderSysID of digits that are none of ours", {"order_sys_id": "１"}, 25),
    ("OrderSysID on another exchange", {"order_sys_id": "1", "exchange": "DCE"}, 25),
    ("OrderRef on another exchange", {"order_ref": "7", "exchange": "DCE"}, 25),
    ("somebody else's order", {"account_id": "bob", "investor_id": "bob"}, 25),
]


def cancellable() -> Desk:
    desk = make_desk()
    desk.insert("alice", "buys", "open", 1, "rb2105", 3000.0, ref="7", name="1")
    return desk


def cancel_refused(events: list[Any]) -> ActionRefused:
    assert [type(event) for event in events] == [ActionRefused]
    event = events[0]
    assert isinstance(event, ActionRefused)
    return event


@pytest.mark.parametrize(("changes", "error"), [case[1:] for case in CANCELS], ids=[case[0] for case in CANCELS])
def test_every_reason_of_a_cancel(changes: dict[str, Any], error: int) -> None:
    desk = cancellable()
    before = desk.account("alice"), desk.orders("alice")
    event = cancel_refused(desk.cancel(changes.get("account_id", "alice"), "1", **changes))
    assert (event.error_id, event.reason) == (error, 0)
    assert prompt(error).startswith("CTP:")
    action = translate.order_action_to_ctp(event)
    assert action.OrderRef == changes.get("order_ref", "7")
    assert (desk.account("alice"), desk.orders("alice")) == before
    assert [type(e) for e in desk.cancel("alice", "1")] == [OrderReport], "it can still be cancelled"


def test_a_finished_order_cannot_be_cancelled() -> None:
    desk = cancellable()
    desk.cancel("alice", "1")
    assert cancel_refused(desk.cancel("alice", "1")).error_id == 26
    desk.quote("rb2105", bid="3500x5", ask="3501x5", last="3500")
    desk.insert("alice", "buys", "open", 1, "rb2105", 3501.0, name="filled")
    for by in ("ref", "sysid", "trimmed"):
        assert cancel_refused(desk.cancel("alice", "filled", by)).error_id == 26
    desk.insert("alice", "buys", "open", 1, "rb2105", 9999.0, name="refused")
    assert cancel_refused(desk.cancel("alice", "refused")).error_id == 26


@pytest.mark.parametrize("phase", ["0", "1", "4", "5", "6"])
def test_the_exchange_refuses_a_cancel_outside_trading(phase: str) -> None:
    desk = cancellable()
    desk.phase("rb2105", phase)
    told = desk.told(desk.cancel("alice", "1"))
    assert told == [
        ("alice", "order 1 3/3 #1 0+1 未成交 by alice"),
        ("alice", "not cancelled 1 91 SHFE:当前状态禁止此项操作"),
    ]
    desk.phase("rb2105", "3")
    assert desk.told(desk.cancel("alice", "1"))[-1][1].startswith("order 1 5/3"), "an auction takes cancels"


def test_the_order_sys_id_wins_over_the_order_ref() -> None:
    desk = cancellable()
    desk.insert("alice", "buys", "open", 1, "rb2105", 3000.0, ref="8", name="2")
    first, second = desk.records["1"], desk.records["2"]
    desk.cancel(
        "alice", "1", order_sys_id=first.OrderSysID, front_id=1, session_id=second.SessionID, order_ref=second.OrderRef
    )
    assert [row.OrderStatus for row in desk.orders("alice")] == ["5", "3"]


@pytest.mark.parametrize("sys_id", ["           1", "1", "1           "])
def test_the_order_sys_id_alone_is_enough(sys_id: str) -> None:
    desk = cancellable()
    desk.cancel("alice", "1", order_sys_id=sys_id, instrument="", front_id=0, session_id=0, order_ref="")
    assert desk.orders("alice")[0].OrderStatus == "5"


@pytest.mark.parametrize("ref", ["7", "           7", "007"])
def test_the_order_ref_of_a_cancel_is_compared_as_a_number(ref: str) -> None:
    desk = cancellable()
    desk.cancel("alice", "1", order_ref=ref)
    assert desk.orders("alice")[0].OrderStatus == "5"


@pytest.mark.proves("4 OrderAction extra fields")
def test_the_refused_action_names_the_order() -> None:
    desk = cancellable()
    desk.phase("rb2105", "1")
    event = desk.cancel("alice", "1", action_ref=5)[-1]
    assert isinstance(event, ActionRefused)
    action, order = translate.order_action_to_ctp(event), desk.orders("alice")[0]
    assert action.OrderActionStatus == "c"
    assert (action.OrderLocalID, action.OrderSysID) == (order.OrderLocalID, order.OrderSysID)
    assert action.TraderID == order.TraderID
    assert (action.OrderActionRef, action.InstallID, len(action.ActionLocalID)) == (5, 1, 12)
    assert (action.ActionDate, action.ActionTime) == ("20250306", "09:30:00")
    assert action.StatusMsg == "SHFE:当前状态禁止此项操作"
