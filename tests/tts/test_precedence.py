"""The table of refusals (ctp2/tts/precedence.py): every line is so, and of two neighbours the earlier one wins."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from ctp2.core.backend import Event, Request
from ctp2.core.session import SessionMachine
from ctp2.ctp import errors, methods, structs
from ctp2.testing.desk import Desk
from ctp2.tts import counter, precedence, rejections
from ctp2.tts.events import ActionRefused, InsertRefused
from ctp2.tts.precedence import ACTION, INSERT, NEVER, SECTIONS, Line, Section
from ctp2.tts.rights import Restrict, Rights
from tests.shared_data import shared
from tests.tts.programs import Hands, Trader, address_of, is_order
from tools import gen_capabilities

EXCHANGES = ("SHFE", "INE", "CFFEX", "CZCE", "DCE", "GFEX", "SSE")
USERS = ("alice", "bob", "carol")


# ------------------------------------------------------------------ the table itself
def test_every_error_that_the_code_names_has_a_line() -> None:
    listed = {line.error for section in SECTIONS for line in section.lines}
    missing = sorted(gen_capabilities.raised() - listed)
    assert not missing, f"add a line to ctp2/tts/precedence.py for {missing}"
    assert len(listed & gen_capabilities.raised()) >= 60


def test_every_constant_is_used() -> None:
    """A number that no check answers would stand in the documents and never come."""
    reasons = set(
        re.findall(r"error\.([A-Z_0-9]+)", (gen_capabilities.ROOT / "ctp2" / "tts" / "codes.py").read_text("utf-8"))
    )
    constants = {name: value for name, value in vars(rejections).items() if name.isupper() and isinstance(value, int)}
    unused = [name for name, value in constants.items() if name not in reasons and value in errors.ERRORS]
    assert [name for name in unused if constants[name] and constants[name] not in gen_capabilities.raised()] == []


def test_what_is_never_answered_is_not_raised() -> None:
    assert not gen_capabilities.raised() & NEVER.keys()
    assert NEVER.keys() <= errors.ERRORS.keys()


def test_every_code_of_the_specification_is_answered_or_explained() -> None:
    text = shared("spec", "ctp-semantics.md").read_text("utf-8")
    table = text.split("## 13. Error codes")[1].split("## 14.")[0]
    codes = {int(number) for number in re.findall(r"\| (\d+) \| [A-Z_]+ \|", table)}
    assert len(codes) >= 148
    listed = {line.error for section in SECTIONS for line in section.lines}
    assert sorted(codes - listed - NEVER.keys() - {0}) == []


def test_the_documents_show_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert gen_capabilities.main(["check"]) == 0, capsys.readouterr().err


# ------------------------------------------------------------------ orders and cancels, at the pure counter
@dataclass(frozen=True)
class Fault:
    """What is wrong with a request: other members of it, and restrictions of the account."""

    changes: dict[str, Any] = field(default_factory=dict)
    rights: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def and_(self, other: Fault) -> Fault | None:
        """Both in one request; None when they want different things of one member."""
        if self.changes.keys() & other.changes.keys() or self.rights.keys() & other.rights.keys():
            return None
        return Fault(
            {**self.changes, **other.changes},
            {**self.rights, **other.rights},
            {**self.settings, **other.settings},
        )


INSERT_FAULTS: dict[str, Fault] = {
    "confirm": Fault({"user": "carol"}),
    "direction": Fault({"direction": "2"}),
    "price type": Fault({"price_type": ""}),
    "time condition": Fault({"time_condition": "7"}),
    "volume condition": Fault({"volume_condition": ""}),
    "contingent": Fault({"contingent": "G"}),
    "force close reason": Fault({"force_close_reason": "1"}),
    "operator": Fault({"comb_offset": "2"}),
    "offset": Fault({"comb_offset": ""}),
    "market maker": Fault({"comb_hedge": "5"}),
    "hedge": Fault({"comb_hedge": ""}),
    "volume": Fault({"volume": 0}),
    "minimum volume": Fault({"volume": 1, "min_volume": 9, "volume_condition": "2", "time_condition": "1"}),
    "unsupported price type": Fault({"price_type": "4"}),
    "unsupported time": Fault({"time_condition": "5"}),
    "parked condition": Fault({"contingent": "4"}),
    "stop price": Fault({"contingent": "6"}),
    "price": Fault({"price": math.nan}),
    "huge price": Fault({"price": 1e15}),
    "no investor": Fault({"investor_id": ""}),
    "other investor": Fault({"investor_id": "bob"}),
    "unknown investor": Fault({"investor_id": "nobody"}),
    "no exchange": Fault({"exchange": "", "instrument": "dup"}),
    "unknown exchange": Fault({"exchange": "XSHG"}),
    "wrong exchange": Fault({"exchange": "DCE", "instrument": "rb2105"}),
    "order ref": Fault({"ref": "7"}),
    "unknown instrument": Fault({"instrument": "xx9999"}),
    "not traded": Fault({"instrument": "old2101"}),
    "frozen": Fault(rights={"is_active": False}),
    "no code": Fault(rights={"no_code": EXCHANGES}),
    "no right": Fault(rights={"trading": {"*": "none"}}),
    "close only": Fault({"comb_offset": "0"}, rights={"trading": {"*": "close"}}),
    "conditional": Fault({"contingent": "5", "stop_price": 3600.0}, {"conditional_orders": False}),
    "swap": Fault({"is_swap": 1}),
    "no such kind": Fault({"contingent": "2", "stop_price": 3600.0}),
    "no conditional": Fault({"contingent": "5", "stop_price": 3600.0}, settings={"conditional": "off"}),
    "short sell": Fault({"direction": "1", "comb_offset": "0", "instrument": "600519", "volume": 100}),
    "close today": Fault({"comb_offset": "3"}),
    "close yesterday": Fault({"comb_offset": "1"}),
    "over close": Fault({"comb_offset": "1", "instrument": "m2105"}),
    "position limit": Fault(rights={"position_limits": {"*": 0}}),
    "overflow": Fault({"volume": 2**31 - 1, "price": 9e11}),
    "money": Fault({"volume": 34}),
}
"""By the lines' keys; a buy of one rb2105 by alice is sent with these changes."""

ACTION_FAULTS: dict[str, Fault] = {
    "confirm": Fault({"account_id": "carol", "user_id": "carol"}),
    "frozen": Fault(rights={"is_active": False}),
    "modify": Fault({"action_flag": "3"}),
    "flag": Fault({"action_flag": "1"}),
    "no investor": Fault({"investor_id": ""}),
    "other investor": Fault({"investor_id": "bob"}),
    "unknown investor": Fault({"investor_id": "nobody"}),
    "no instrument": Fault({"instrument": ""}),
    "not found": Fault({"order_ref": "99"}),
    "final": Fault({"name": "done"}),
    "exchange": Fault({"phase": "1"}),
}
"""Changes of the cancel of alice's working order, identified by FrontID, SessionID and OrderRef."""

AT_THE_EDGE = {"frequency"}


def desk_with(fault: Fault) -> Desk:
    """One instrument per exchange, one stock, one code that two exchanges have; OrderRef 7 is used."""
    desk = Desk(profile="clean", fills="full", **fault.settings)
    for exchange, code in (("SHFE", "rb2105"), ("DCE", "m2105"), ("SHFE", "dup"), ("DCE", "dup")):
        desk.instrument(exchange, code, limits="3000..4000", settled="3500")
    desk.instrument("SHFE", "old2101", limits="3000..4000", settled="3500", listed="no")
    desk.instrument(
        "SSE", "600519", kind="stock", multiplier="1", tick="0.01", margin="1", lots="100,100", t="1", settled="10"
    )
    for user in USERS:
        desk.user(user, "100000", confirms=user != "carol")
    desk.insert("alice", "buys", "open", 1, "rb2105", 3000.0, ref="7", name="working")
    desk.insert("alice", "buys", "open", 1, "rb2105", 3000.0, ref="8", name="done")
    desk.cancel("alice", "done")
    if fault.rights:
        for user in USERS:
            desk.engine.restrict(Restrict(desk.now_ns, user, Rights(**fault.rights)))
    return desk


def insert_error(fault: Fault) -> int:
    """What an order with a fault is refused with."""
    order = {
        "user": "alice",
        "direction": "0",
        "comb_offset": "0",
        "volume": 1,
        "instrument": "rb2105",
        **fault.changes,
    }
    user, code = order.pop("user"), order.pop("instrument")
    members: dict[str, Any] = {"price": 3500.0, "exchange": None, **order}
    if code in ("xx9999", "dup") and members["exchange"] is None:
        members["exchange"] = "SHFE"
    direction, offset, volume = (members.pop(name) for name in ("direction", "comb_offset", "volume"))
    price = members.pop("price")
    (event,) = desk_with(fault).insert(user, direction, offset, volume, code, price, **members)
    assert isinstance(event, InsertRefused)
    return event.error_id


def action_error(fault: Fault) -> int:
    """What a cancel with a fault is refused with."""
    desk = desk_with(fault)
    members = dict(fault.changes)
    if "phase" in members:
        desk.phase("rb2105", members.pop("phase"))
    event = desk.cancel("alice", members.pop("name", "working"), **members)[-1]
    assert isinstance(event, ActionRefused)
    return event.error_id


TRIALS: tuple[tuple[Section, dict[str, Fault], Callable[[Fault], int]], ...] = (
    (INSERT, INSERT_FAULTS, insert_error),
    (ACTION, ACTION_FAULTS, action_error),
)


def own_lines(section: Section) -> list[Line]:
    """The lines that this file proves: those with a key whose error the code can answer."""
    can = gen_capabilities.raised()
    return [line for line in section.lines if line.key and line.key not in AT_THE_EDGE and line.error in can]


LINES = [
    pytest.param(faults[line.key], line.error, trial, id=f"{section.name}: {line.key}")
    for section, faults, trial in TRIALS
    for line in own_lines(section)
]


@pytest.mark.parametrize(("fault", "error", "trial"), LINES)
def test_every_line_of_orders_and_cancels(fault: Fault, error: int, trial: Callable[[Fault], int]) -> None:
    assert trial(fault) == error


def neighbours() -> Iterator[Any]:
    """Each line with the next one that can be wrong at the same time."""
    for section, faults, trial in TRIALS:
        lines = own_lines(section)
        for place, first in enumerate(lines):
            for second in lines[place + 1 :]:
                both = faults[first.key].and_(faults[second.key])
                if both is not None:
                    yield pytest.param(both, first.error, trial, id=f"{section.name}: {first.key} / {second.key}")
                    break


def all_pairs() -> Iterator[Any]:
    """Any two lines that can be wrong at the same time and have different numbers."""
    for section, faults, trial in TRIALS:
        for first, second in itertools.combinations(own_lines(section), 2):
            both = faults[first.key].and_(faults[second.key])
            if both is not None and first.error != second.error:
                yield pytest.param(both, first.error, trial, id=f"{section.name}: {first.key} / {second.key}")


@pytest.mark.parametrize(("both", "error", "trial"), list(neighbours()))
def test_of_two_neighbours_the_earlier_is_answered(both: Fault, error: int, trial: Callable[[Fault], int]) -> None:
    assert trial(both) == error


@pytest.mark.parametrize(("both", "error", "trial"), list(all_pairs()))
def test_of_any_two_the_earlier_is_answered(both: Fault, error: int, trial: Callable[[Fault], int]) -> None:
    assert trial(both) == error


def test_every_key_is_tried() -> None:
    for section, faults, _ in TRIALS:
        assert {line.key for line in section.lines if line.key} - AT_THE_EDGE == faults.keys()


# ------------------------------------------------------------------ the other requests, at a running counter
ACCOUNTS = "user,password,app_id,auth_code\nalice,Alice01,app1,code1\nbob,Bob4567,app2,code2\nweak,abc,,\n"


@pytest.fixture
def address(tmp_path: Path) -> str:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text(ACCOUNTS, encoding="utf-8")
    return address_of(tmp_path, f"&accounts={accounts}&auth=on&sessions=1&order_rate=1&bank=on&query_rate=1")


@pytest.fixture
def client(address: str) -> Iterator[Trader]:
    """Alice, connected."""
    trader = Trader(address).connect()
    yield trader
    trader.api.Release()


def authenticate(client: Trader, app_id: str = "app1", auth_code: str = "code1") -> int:
    asked = {"BrokerID": "9999", "UserID": client.user, "AppID": app_id, "AuthCode": auth_code}
    return client.ask("ReqAuthenticate", **asked)[0].error_id


def login(client: Trader, password: str = "Alice01", request: str = "ReqUserLogin", user: str = "alice") -> int:
    return client.ask(request, BrokerID="9999", UserID=user, Password=password)[0].error_id


def enter(client: Trader) -> Trader:
    assert authenticate(client) == login(client) == 0
    return client


def stop_the_clock(address: str) -> None:
    """Nothing clears any more: what comes is in one second."""
    Hands(address)


def test_login_in_its_order(client: Trader, address: str) -> None:
    """27, 64, 75, 3, 4, 131, 60: each with the next one wrong as well."""
    control = counter(address)
    assert login(client, "wrong", "ReqUserLoginWithText") == 27, "and not authenticated"
    assert [login(client, "wrong") for _ in range(12)] == [64] * 12, "and the password is wrong"
    assert authenticate(client) == 0
    assert [login(client, "wrong") for _ in range(10)] == [3] * 10
    control.restrict("bob")
    assert login(client, "wrong") == 75, "and the password is wrong"
    control.restrict("alice", active=False, password="weak")
    assert login(client, "wrong") == 3, "and the user is disabled"
    assert login(client) == 4, "and the password is weak"
    other = Trader(address).connect()
    control.restrict("alice")
    enter(other)
    for state, number in (("weak", 131), ("first", 140), ("expired", 141)):
        control.restrict("alice", password=state)  # type: ignore[arg-type]
        assert login(client) == number, "and there are too many sessions"
    control.restrict("alice")
    assert login(client) == 60
    other.api.Release()


def test_authentication_in_its_order(client: Trader) -> None:
    assert authenticate(client, "app2", "code2") == 4043
    assert authenticate(client, "app2", "code1") == 63


def test_passwords_in_their_order(client: Trader) -> None:
    enter(client)

    def change(user: str, old: str, new: str) -> int:
        asked = {"BrokerID": "9999", "UserID": user, "OldPassword": old, "NewPassword": new}
        return client.ask("ReqUserPasswordUpdate", **asked)[0].error_id

    assert change("bob", "wrong", "wrong") == 10
    assert change("alice", "wrong", "wrong") == 14, "and the new one is the same"
    assert change("alice", "Alice01", "Alice01") == 142
    assert change("alice", "Alice01", "abc") == 131


def test_the_same_weak_password_is_the_same_first(address: str) -> None:
    client = Trader(address, "weak").connect()
    assert authenticate(client) == 0
    assert login(client, "abc", user="weak") == 0
    asked = {"BrokerID": "9999", "UserID": "weak", "OldPassword": "abc", "NewPassword": "abc"}
    assert client.ask("ReqUserPasswordUpdate", **asked)[0].error_id == 142
    funds = {"AccountID": "weak", "OldPassword": "abc", "NewPassword": "abc"}
    assert client.ask("ReqTradingAccountPasswordUpdate", **funds)[0].error_id == 142
    client.api.Release()


def test_funds_passwords_in_their_order(client: Trader) -> None:
    enter(client)

    def change(account: str, old: str, new: str) -> int:
        asked = {"AccountID": account, "OldPassword": old, "NewPassword": new}
        return client.ask("ReqTradingAccountPasswordUpdate", **asked)[0].error_id

    assert change("", "wrong", "wrong") == 149
    assert change("bob", "wrong", "wrong") == 2011
    assert change("alice", "wrong", "wrong") == 2001
    assert change("alice", "Alice01", "Alice01") == 142
    assert change("alice", "Alice01", "abc") == 131


def test_confirmation(client: Trader) -> None:
    enter(client)
    for investor, number in (("bob", 9), ("nobody", 13), ("alice", 0)):
        assert client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID=investor)[0].error_id == number


TRANSFERS: list[tuple[int, dict[str, Any]]] = [
    (149, {"AccountID": ""}),
    (2011, {"AccountID": "bob"}),
    (1002, {"BankID": "9"}),
    (1035, {"CurrencyID": "XXX"}),
    (2001, {"Password": "wrong"}),
    (2014, {"TradeAmount": 0.005}),
    (1022, {"now": False}),
    (1021, {"TradeAmount": 1e300}),
    (31, {"TradeAmount": 9_000_000.0}),
]


def test_transfers_in_their_order(client: Trader, address: str) -> None:
    """Each fault alone, and with the next one that does not concern the same member."""
    enter(client)
    control = counter(address)

    def transfer(**members: Any) -> int:
        control.restrict("alice", bank_transfers=members.pop("now", True))
        before = len(client.spi.calls)
        asked = {"AccountID": "alice", "BankID": "1", "Password": "Alice01", "TradeAmount": 1.0, "CurrencyID": "CNY"}
        client.send("ReqFromFutureToBankByFuture", **{**asked, **members})
        return client.spi.wait_for("OnRspFromFutureToBankByFuture", after=before).error_id

    for place, (number, fault) in enumerate(TRANSFERS):
        assert transfer(**fault) == number
        for _, later in TRANSFERS[place + 1 :]:
            if not fault.keys() & later.keys():
                # 1e300 of currency is over every limit before anybody looks at the clock.
                wanted = 1021 if number == 1022 and later.get("TradeAmount") == 1e300 else number
                assert transfer(**fault, **later) == wanted, (fault, later)


def test_any_request_in_its_order(client: Trader, address: str) -> None:
    """6, 90, 27: each with the next one wrong as well."""
    (call,) = client.ask("ReqQryInvestUnit")
    assert call.error_id == 6, "and CTP has no such query"
    enter(client)
    stop_the_clock(address)
    numbers = [client.ask("ReqQryInvestUnit")[0].error_id for _ in range(2)]
    assert numbers == [27, 90], "the second in the same second"


def test_a_request_of_the_other_front_is_refused_before_the_login_is_looked_at() -> None:
    answers: list[Event] = []

    class Answers:
        depth = 0

        def put(self, events: Sequence[Event]) -> None:
            answers.extend(events)

        def when_idle(self, call: Callable[[], None]) -> None:
            call()

    machine = SessionMachine("md", Answers(), cast("Any", None))
    machine.connect()
    machine.handle(Request(methods.TRADER["ReqOrderInsert"], structs.CThostFtdcInputOrderField(), 1))
    assert [event.info and event.info.ErrorID for event in answers[1:]] == [77]


def test_the_frequency_stands_between_the_confirmation_and_the_fields(client: Trader, address: str) -> None:
    enter(client)
    stop_the_clock(address)

    def refusal(**members: Any) -> int:
        before = client.insert(**members)
        return client.spi.wait_for("OnRspOrderInsert", after=before).error_id

    assert [refusal() for _ in range(3)] == [42, 42, 42], "and too many in a second"
    assert client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")[0].error_id == 0
    order = client.rest()
    assert refusal(Direction="9") == 116, "and the direction is wrong"
    client.spi.wait_for(is_order("5"), after=client.cancel(order))
    before = client.cancel(order, ActionFlag="3")
    assert client.spi.wait_for("OnRspOrderAction", after=before).error_id == 116, "and the flag is wrong"


def test_without_a_bank_nothing_else_is_looked_at(tmp_path: Path) -> None:
    trader = Trader(address_of(tmp_path)).login()
    trader.send("ReqFromBankToFutureByFuture", AccountID="")
    assert trader.spi.wait_for("OnRspFromBankToFutureByFuture").error_id == 2000
    trader.api.Release()


def test_every_section_is_in_the_table_once() -> None:
    names = [section.name for section in precedence.SECTIONS]
    assert len(set(names)) == len(names)
    for section in precedence.SECTIONS:
        assert all(re.search(r"[\u4e00-\u9fff]", line.cause_zh) for line in section.lines), section.name
        assert all(line.error in errors.ERRORS for line in section.lines), section.name
