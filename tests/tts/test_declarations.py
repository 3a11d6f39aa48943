"""Every reason for which an exercise, a self close or its cancel is refused, one line each (spec 12.3, 13)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest

from ctp2.ctp.errors import prompt
from ctp2.testing.desk import Desk
from ctp2.testing.optiondesk import declare, withdraw
from ctp2.tts.declarations import DeclarationRefused, DeclarationReported
from ctp2.tts.rights import Restrict, Rights


def make_desk() -> Desk:
    """An option per exchange, each held by alice, and what is none."""
    desk = Desk(profile="clean", fills="full")
    for exchange, code in (
        ("SHFE", "rb2505C3500"),
        ("INE", "sc2505C3500"),
        ("DCE", "m2505-C-3500"),
        ("CZCE", "SR505C3500"),
        ("GFEX", "lc2505-C-3500"),
        ("CFFEX", "IO2503-C-3500"),
        ("SSE", "10000001"),
        ("HKEX", "HKC"),
        ("SHFE", "dup"),
        ("DCE", "dup"),
    ):
        desk.instrument(exchange, code, option="call", strike="3500", underlying="none", settled="10")
    desk.instrument("SHFE", "gone", option="call", strike="3500", settled="10", expires="20250305")
    desk.instrument("SHFE", "rb2505", settled="3500")
    desk.instrument("SHFE", "late", option="call", strike="3500", settled="10")
    for user in ("alice", "bob"):
        desk.user(user, "1000000")
    desk.user("carol", "1000000", confirms=False)
    for code in ("rb2505C3500", "m2505-C-3500", "SR505C3500", "IO2503-C-3500", "HKC", "late"):
        desk.carry("alice", "2", 5, code, "10")
    desk.contract("late").phase = "6"
    return desk


@dataclass(frozen=True)
class Fault:
    """One thing wrong, and its error number; ``rank`` is its place in the precedence."""

    rank: int
    name: str
    error: int
    changes: dict[str, Any] = field(hash=False)


def of(code: str) -> dict[str, Any]:
    return {"code": code}


EXERCISE_FAULTS = [
    Fault(1, "statement not confirmed", 42, {"user": "carol"}),
    Fault(2, "action type empty", 81, {"action_type": ""}),
    Fault(2, "action type unknown", 81, {"action_type": "3"}),
    Fault(2, "volume negative", 15, {"volume": -1}),
    Fault(2, "offset open", 15, {"offset": "0"}),
    Fault(2, "offset empty", 15, {"offset": ""}),
    Fault(2, "hedge flag unknown", 15, {"hedge": "9"}),
    Fault(2, "position direction unknown", 15, {"posi_direction": "4"}),
    Fault(2, "reserve flag unknown", 15, {"reserve_flag": "2"}),
    Fault(2, "close flag unknown", 15, {"close_flag": "2"}),
    Fault(3, "investor missing", 146, {"investor_id": ""}),
    Fault(3, "investor unknown", 13, {"investor_id": "nobody"}),
    Fault(3, "investor of somebody else", 9, {"investor_id": "bob"}),
    Fault(4, "exchange missing, the code not unique", 147, {**of("dup"), "exchange": ""}),
    Fault(4, "exchange that does not exist", 148, {"exchange": "XSHG"}),
    Fault(4, "exchange of another instrument", 150, {"exchange": "CZCE"}),
    Fault(5, "reference not greater than the last", 67, {"ref": "7"}),
    Fault(5, "reference no number", 67, {"ref": "abc"}),
    Fault(6, "instrument unknown", 16, {**of("none"), "exchange": "SHFE"}),
    Fault(6, "option expired", 17, of("gone")),
    Fault(6, "no option", 69, of("rb2505")),
    Fault(7, "only speculation", 66, {**of("SR505C3500"), "hedge": "3"}),
    Fault(8, "exchange without the request", 27, of("IO2503-C-3500")),
    Fault(8, "exchange without exercise", 70, of("HKC")),
    Fault(8, "exchange without abandonment", 87, {**of("m2505-C-3500"), "action_type": "2"}),
    Fault(8, "volume 0", 15, {"volume": 0}),
    Fault(8, "CZCE closes the future", 15, {**of("SR505C3500"), "close_flag": "0"}),
    Fault(8, "not at this time", 139, of("late")),
    Fault(9, "more than the lots held", 74, {"volume": 6}),
]

SELF_CLOSE_FAULTS = [
    Fault(1, "statement not confirmed", 42, {"user": "carol"}),
    Fault(2, "flag empty", 3043, {"self_close_flag": ""}),
    Fault(2, "flag unknown", 3043, {"self_close_flag": "5"}),
    Fault(2, "flag of two letters", 3043, {"self_close_flag": "12"}),
    Fault(2, "volume negative", 3043, {"volume": -1}),
    Fault(2, "hedge flag unknown", 3043, {"hedge": "9"}),
    Fault(3, "investor missing", 146, {"investor_id": ""}),
    Fault(3, "investor unknown", 13, {"investor_id": "nobody"}),
    Fault(3, "investor of somebody else", 9, {"investor_id": "bob"}),
    Fault(4, "exchange that does not exist", 148, {"exchange": "XSHG"}),
    Fault(4, "exchange of another instrument", 150, {"exchange": "CZCE"}),
    Fault(5, "reference not greater than the last", 3042, {"ref": "7"}),
    Fault(5, "reference no number", 3042, {"ref": "abc"}),
    Fault(6, "instrument unknown", 16, {**of("none"), "exchange": "SHFE"}),
    Fault(6, "option expired", 17, of("gone")),
    Fault(6, "no option", 3041, of("rb2505")),
    Fault(7, "only speculation", 66, {**of("SR505C3500"), "hedge": "3"}),
    Fault(8, "exchange without self close", 27, of("IO2503-C-3500")),
    Fault(8, "volume 0 where it is no setting", 3043, {"volume": 0}),
    Fault(8, "set already", 3046, of("m2505-C-3500")),
]


def declared_before(desk: Desk) -> Desk:
    """Every session has used reference 7 of both kinds; the self close of DCE is set."""
    for user in ("alice", "bob"):
        declare(desk, user, "exercises", 0, "m2505-C-3500", ref="7")
        declare(desk, user, "self-closes", 1, "m2505-C-3500", ref="7")
    return desk


def send(desk: Desk, verb: str, changes: dict[str, Any]) -> list[Any]:
    members = {"user": "alice", "volume": 1, "code": "rb2505C3500", **changes}
    return declare(desk, members.pop("user"), verb, members.pop("volume"), members.pop("code"), **members)


def refusal(events: list[Any]) -> int:
    assert [type(event) for event in events] == [DeclarationRefused]
    return int(events[0].error_id)


def holdings(desk: Desk) -> Any:
    return desk.account("alice"), desk.positions("alice"), len(desk.state.declared.records)


def check(verb: str, fault: Fault) -> None:
    desk = declared_before(make_desk())
    before = holdings(desk)
    assert refusal(send(desk, verb, fault.changes)) == fault.error
    assert prompt(fault.error).startswith("CTP"), "the number has a prompt"
    assert holdings(desk) == before, "nothing is held or listed"
    assert isinstance(send(desk, verb, {})[-1], DeclarationReported), "the next one goes through"


@pytest.mark.parametrize("fault", EXERCISE_FAULTS, ids=lambda fault: fault.name)
def test_every_reason_against_an_exercise(fault: Fault) -> None:
    check("exercises", fault)


@pytest.mark.parametrize("fault", SELF_CLOSE_FAULTS, ids=lambda fault: fault.name)
def test_every_reason_against_a_self_close(fault: Fault) -> None:
    check("self-closes", fault)


def pairs(faults: list[Fault]) -> list[Any]:
    return [
        pytest.param(first, second, id=f"{first.name} / {second.name}")
        for first, second in itertools.combinations(faults, 2)
        if first.rank < second.rank
        and not first.changes.keys() & second.changes.keys()
        and not ("exchange" in first.changes and "code" in second.changes)
    ]


@pytest.mark.parametrize(("first", "second"), pairs(EXERCISE_FAULTS))
def test_the_earlier_reason_against_an_exercise_wins(first: Fault, second: Fault) -> None:
    desk = declared_before(make_desk())
    assert refusal(send(desk, "exercises", {**second.changes, **first.changes})) == first.error


@pytest.mark.parametrize(("first", "second"), pairs(SELF_CLOSE_FAULTS))
def test_the_earlier_reason_against_a_self_close_wins(first: Fault, second: Fault) -> None:
    desk = declared_before(make_desk())
    assert refusal(send(desk, "self-closes", {**second.changes, **first.changes})) == first.error


CANCEL_FAULTS = [
    (42, 42, {"user": "carol"}),
    (71, 3043, {"action_flag": ""}),
    (71, 3043, {"action_flag": "3"}),
    (146, 146, {"investor_id": ""}),
    (13, 13, {"investor_id": "nobody"}),
    (9, 9, {"investor_id": "bob"}),
    (71, 3043, {"instrument": ""}),
    (71, 3043, {"ref": " "}),
    (73, 3044, {"ref": "8"}),
    (73, 3044, {"ref": "abc"}),
    (73, 3044, {"session_id": 99}),
    (73, 3044, {"exchange": "DCE"}),
    (73, 3044, {"instrument": "late"}),
    (73, 3044, {"sys_id": "77"}),
    (73, 3044, {"user": "bob"}),
]


@pytest.mark.parametrize(("verb", "place"), [("exercises", 0), ("self-closes", 1)])
@pytest.mark.parametrize("fault", CANCEL_FAULTS, ids=lambda fault: f"{fault[0]} {fault[2]}")
def test_every_reason_against_a_cancel(verb: str, place: int, fault: tuple[int, int, dict[str, Any]]) -> None:
    desk = make_desk()
    send(desk, verb, {"ref": "7", "name": "x"})
    before = holdings(desk)
    members = dict(fault[2])
    assert refusal(withdraw(desk, members.pop("user", "alice"), "x", **members)) == fault[place]
    assert holdings(desk) == before
    told = withdraw(desk, "alice", "x")[-1]
    assert isinstance(told, DeclarationReported) and told.result == "c", "the right cancel goes through"
    assert refusal(withdraw(desk, "alice", "x")) == (72, 3045)[place], "once"


@pytest.mark.parametrize(
    ("rights", "number"),
    [
        (Rights(is_active=False), 19),
        (Rights(no_code=("SHFE",)), 20),
        (Rights(trading={"*": "none"}), 28),
        (Rights(trading={"*": "close"}), 0),
    ],
)
@pytest.mark.parametrize("verb", ["exercises", "self-closes"])
def test_what_the_account_may_not_do(verb: str, rights: Rights, number: int) -> None:
    desk = make_desk()
    desk.engine.restrict(Restrict(desk.now_ns, "alice", rights))
    events = send(desk, verb, {})
    assert (refusal(events) if number else 0) == number


def test_an_inactive_account_cancels_nothing() -> None:
    desk = make_desk()
    send(desk, "exercises", {"name": "x"})
    desk.engine.restrict(Restrict(desk.now_ns, "alice", Rights(is_active=False)))
    assert refusal(withdraw(desk, "alice", "x")) == 19


def test_a_refused_declaration_uses_its_reference_up() -> None:
    desk = make_desk()
    assert refusal(send(desk, "exercises", {"ref": "9", "volume": 6})) == 74
    assert refusal(send(desk, "exercises", {"ref": "9"})) == 67
    assert send(desk, "exercises", {"ref": ""})[0].declaration.ref == "          10"
    assert send(desk, "self-closes", {"ref": "1"})[-1].submit == "3", "the kinds count apart"
