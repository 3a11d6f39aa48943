"""Who may log in and what an account may do (spec ctp-semantics 1.6, 1.7, 1.12, 3.3, 8.2, 13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2 import tdapi
from ctp2.testing.desk import Desk
from ctp2.testing.desk_combos import add_combination, comb_action
from ctp2.testing.desk_quotes import ask_for_quote, insert_quote, withdraw_quote
from ctp2.tts import counter, hashed_password
from ctp2.tts.control import Control
from ctp2.tts.rights import Restrict, Rights
from ctp2.tts.users import LOGIN_FAILURES
from tests.tts.programs import FIRST, Hands, Trader, Watcher, address_of, is_order

Make = Callable[..., tuple[str, Callable[..., Trader]]]

ACCOUNTS = """\
user,password,balance,name,app_id,auth_code,funds_password
alice,Alice01,CNY:5000;USD:7,Alice Wang,app1,code1,money9
alice,,,,app2,code2,
bob,{hashed},,,app3,code3,
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """An address with options, and a maker of traders there."""
    made: list[Any] = []

    def build(options: str = "", accounts: str = "") -> tuple[str, Callable[..., Trader]]:
        if accounts:
            path = tmp_path / "accounts.csv"
            path.write_text(accounts, encoding="utf-8")
            options += f"&accounts={path}"
        address = address_of(tmp_path, options)

        def trader(user: str = "alice", **more: Any) -> Trader:
            client = Trader(address, user, **more)
            made.append(client)
            return client

        return address, trader

    yield build
    for client in made:
        client.api.Release()


def login(client: Trader, password: str, user: str = "") -> int:
    """Error number of a login."""
    (call,) = client.ask("ReqUserLogin", BrokerID="9999", UserID=user or client.user, Password=password)
    return call.error_id


def refusal(client: Trader, **members: Any) -> int:
    """Error number that an order is refused with; 0 when it comes to work."""
    before = client.insert(**{"price": 4280.0, **members})

    def is_answer(call: Any) -> bool:
        works = bool(is_order("3")(call) or is_order("0")(call))
        is_own = works and bool(call.field.SessionID == client.login_field.SessionID)
        return call.name == "OnRspOrderInsert" or is_own

    call = client.spi.wait_for(is_answer, after=before)
    if call.name == "OnRspOrderInsert":
        told = client.spi.wait_for("OnErrRtnOrderInsert", after=before)
        assert (told.error_id, told.field) == (call.error_id, call.field)
        return call.error_id
    return 0


# ------------------------------------------------------------------ passwords
def test_only_the_users_of_the_file_may_log_in(make: Make) -> None:
    address, trader = make(accounts=ACCOUNTS.format(hashed=hashed_password("Bob4567")))
    client = trader().connect()
    assert [login(client, "wrong"), login(client, "Alice01", "carol"), login(client, "")] == [3, 3, 3]
    assert login(client, "Alice01") == 0
    assert [row.Balance for row in client.rows("ReqQryTradingAccount")] == [5000.0]
    assert [row.Balance for row in client.rows("ReqQryTradingAccount", CurrencyID="USD")] == [7.0]
    assert client.rows("ReqQryTradingAccount", CurrencyID="HKD") == []
    assert [row.InvestorName for row in client.rows("ReqQryInvestor")] == ["Alice Wang"]
    assert login(trader("bob").connect(), "Bob4567") == 0
    assert counter(address).accounts == ["alice", "bob"]


def test_a_hashed_password_does_not_show_it() -> None:
    first, second = hashed_password("Bob4567"), hashed_password("Bob4567")
    assert first != second, "each has a salt of its own"
    assert "Bob" not in first


def test_too_many_wrong_passwords_lock_the_user(make: Make) -> None:
    address, trader = make(accounts=ACCOUNTS.format(hashed="Bob4567"))
    client = trader().connect()
    assert {login(client, "wrong") for _ in range(LOGIN_FAILURES)} == {3}
    assert login(client, "Alice01") == 75, "the right one comes too late"
    assert login(trader("bob").connect(), "Bob4567") == 0, "others are not locked"
    counter(address).restrict("alice")
    assert login(client, "Alice01") == 0


def test_a_right_password_forgives_the_wrong_ones(make: Make) -> None:
    _, trader = make(accounts=ACCOUNTS.format(hashed="Bob4567"))
    client = trader().connect()
    for _ in range(3):
        assert {login(client, "wrong") for _ in range(LOGIN_FAILURES - 1)} == {3}
        assert login(client, "Alice01") == 0
        client.ask("ReqUserLogout", BrokerID="9999", UserID="alice")
        client.spi.wait_for("OnFrontConnected", after=len(client.spi.calls) - 1)


@pytest.mark.proves("12.1 ReqUserPasswordUpdate")
def test_changing_passwords(make: Make) -> None:
    _, trader = make(accounts=ACCOUNTS.format(hashed="Bob4567"))
    client = trader().connect()
    assert login(client, "Alice01") == 0

    def change(old: str, new: str, user: str = "alice") -> int:
        (call,) = client.ask("ReqUserPasswordUpdate", BrokerID="9999", UserID=user, OldPassword=old, NewPassword=new)
        return call.error_id

    assert change("Alice01", "Other99", "bob") == 10
    assert change("wrong", "Other99") == 14
    assert change("Alice01", "Alice01") == 142
    # Fewer than six characters, digits alone, letters alone.
    assert [change("Alice01", weak) for weak in ("a1", "12345678", "abcdefgh")] == [131, 131, 131]
    assert change("Alice01", "Other99") == 0
    other = trader().connect()
    assert [login(other, "Alice01"), login(other, "Other99")] == [3, 0]


def test_an_open_counter_asks_for_a_password_that_was_changed(make: Make) -> None:
    _, trader = make()
    client = trader().connect()
    assert login(client, "first") == 0
    (call,) = client.ask(
        "ReqUserPasswordUpdate", BrokerID="9999", UserID="alice", OldPassword="first", NewPassword="second"
    )
    assert call.error_id == 0
    other = trader().connect()
    assert [login(other, "first"), login(other, "second")] == [3, 0]


@pytest.mark.parametrize(("state", "number"), [("weak", 131), ("first", 140), ("expired", 141)])
def test_a_password_that_must_be_changed(make: Make, state: Any, number: int) -> None:
    address, trader = make()
    before = trader("bob").start()  # opens the counter
    counter(address).restrict("alice", password=state)
    client = trader().connect()
    assert login(client, "old") == number
    (call,) = client.ask("ReqQryTradingAccount")
    assert call.error_id == 6, "only the password can be changed here"
    (call,) = client.ask("ReqUserPasswordUpdate", BrokerID="9999", UserID="alice", OldPassword="old", NewPassword="new")
    assert call.error_id == 0
    assert login(client, "new") == 0
    assert before.rows("ReqQryTradingAccount")


# ------------------------------------------------------------------ terminals
def authenticate(client: Trader, app_id: str, auth_code: str) -> int:
    (call,) = client.ask("ReqAuthenticate", BrokerID="9999", UserID=client.user, AppID=app_id, AuthCode=auth_code)
    assert (call.field.AppID, call.field.BrokerID) == (app_id, "9999")
    return call.error_id


def test_forced_authentication(make: Make) -> None:
    _, trader = make("&auth=on", ACCOUNTS.format(hashed="Bob4567"))
    client = trader().connect()
    assert login(client, "Alice01") == 64
    assert authenticate(client, "app1", "code2") == 63, "no such pair"
    assert authenticate(client, "app3", "code3") == 4043, "bob's"
    assert login(client, "Alice01") == 64
    assert authenticate(client, "app2", "code2") == 0
    assert login(client, "Alice01") == 0
    client.ask("ReqUserLogout", BrokerID="9999", UserID="alice")
    client.spi.wait_for("OnFrontConnected", count=2)
    assert login(client, "Alice01") == 64, "each connection authenticates anew"


def test_authentication_is_not_forced_unless_asked_for(make: Make) -> None:
    _, trader = make()
    client = trader().connect()
    assert authenticate(client, "", "") == 0
    assert login(client, "x") == 0


# ------------------------------------------------------------------ limits of sessions, orders, queries, subscriptions
def test_sessions_of_a_user(make: Make) -> None:
    _, trader = make("&sessions=2")
    for _ in range(2):
        trader().login()
    assert login(trader().connect(), "secret") == 60
    assert login(trader("bob").connect(), "secret") == 0


@pytest.mark.proves("3.3 step 1")
def test_order_frequency_counts_orders_and_cancels_of_the_investor_apart(make: Make) -> None:
    address, trader = make("&order_rate=2")
    first, second = trader().start(), trader().start()
    Hands(address)
    order = first.rest()
    second.rest()
    assert refusal(first) == 116, "over both sessions"
    assert refusal(trader("carol").start()) == 0, "another investor"
    # The refused order has left nothing behind; error 42 comes before the frequency.
    assert len(first.rows("ReqQryOrder")) == 2
    unconfirmed = trader("dave").login()
    assert [refusal(unconfirmed) for _ in range(3)] == [42, 42, 42]

    def cancel() -> int:
        before = first.cancel(order)
        call = first.spi.wait_for(lambda call: is_order("5")(call) or call.name == "OnErrRtnOrderAction", after=before)
        return call.error_id

    assert [cancel(), cancel(), cancel()] == [0, 26, 116], "orders do not count here"


def test_order_frequency_clears_by_itself(make: Make) -> None:
    """A client's loop "send, if refused try again" comes through: the second is a sliding one."""
    address, trader = make("&order_rate=2")
    client = trader().start()
    hands = Hands(address)
    assert refusal(client) == 0
    hands.move(0.6)
    assert [refusal(client), refusal(client)] == [0, 116]
    hands.move(0.5)
    assert [refusal(client), refusal(client)] == [0, 116], "1.1 s after the first, 0.5 s after the second"


@pytest.mark.proves("8.2 per second", "8.2 exempt", "8.2 clients")
def test_queries_too_soon_are_error_90_and_clear(make: Make) -> None:
    address, trader = make("&query_rate=1")
    client = trader().login()
    hands = Hands(address)

    def ask() -> tuple[str, int]:
        (call,) = client.ask("ReqQryTradingAccount")
        return call.name, call.error_id

    assert [ask(), ask(), ask()] == [("OnRspQryTradingAccount", 0), ("OnRspError", 90), ("OnRspError", 90)]
    hands.move(1)
    assert ask() == ("OnRspQryTradingAccount", 0)
    # What is named ReqQuery… and what is no query goes on (spec 8.2).
    (call,) = client.ask("ReqQueryMaxOrderVolume", InstrumentID="rb2105")
    assert call.error_id == 0


@pytest.mark.proves("8.2 exempt")
def test_what_is_no_query_is_never_too_soon(make: Make) -> None:
    """Spec 8.2: orders, actions and the functions named ReqQuery… do not count."""
    _, trader = make("&query_rate=1")
    client = trader().start()
    client.ask("ReqQryTradingAccount")
    (call,) = client.ask("ReqQueryCFMMCTradingAccountToken")
    assert call.error_id != 90
    order = client.rest(price=4200.0)
    client.cancel(order)
    client.spi.wait_for("OnRtnOrder", count=4)
    assert not client.spi.of("OnRspError")


@pytest.mark.proves("8.2 per second")
def test_queries_too_soon_can_be_refused_by_the_call(make: Make) -> None:
    """What an API before 6.3.13 does: −3, and the loop "call, if not 0 try again" comes through."""
    address, trader = make("&query_rate=1&query_excess=-3")
    client = trader().login()
    hands = Hands(address)
    field = tdapi.CThostFtdcQryTradingAccountField()
    client.ask("ReqQryTradingAccount")
    assert [client.api.ReqQryTradingAccount(field, 500) for _ in range(3)] == [-3, -3, -3]
    hands.move(1)
    assert client.api.ReqQryTradingAccount(field, 501) == 0
    assert client.spi.answer(501)[0].name == "OnRspQryTradingAccount"
    assert not client.spi.of("OnRspError")
    assert not [call for call in client.spi.calls if call.request_id == 500]


def test_market_data_subscriptions_are_limited(make: Make) -> None:
    address, trader = make("&md_limit=2")
    trader().login()
    watcher = Watcher(address).login()

    def subscribe(*codes: str) -> list[tuple[str, int]]:
        before = len(watcher.spi.calls)
        watcher.subscribe(*codes)
        calls = [call for call in watcher.spi.calls[before:] if call.name == "OnRspSubMarketData"]
        return [(call.field.InstrumentID, call.error_id) for call in calls]

    assert subscribe("rb2105", "m2105", "TA105") == [("rb2105", 0), ("m2105", 0), ("TA105", 6000)]
    assert subscribe("rb2105") == [("rb2105", 0)], "one that is there already"
    watcher.api.UnSubscribeMarketData(["rb2105"], 1)
    watcher.spi.wait_for("OnRspUnSubMarketData")
    assert subscribe("TA105") == [("TA105", 0)]
    watcher.api.Release()


# ------------------------------------------------------------------ rights
@pytest.fixture
def desk(make: Make) -> tuple[Control, Trader]:
    """Alice, confirmed, with two lots of rb2105 bought; quotes are there."""
    address, trader = make()
    client = trader().start()
    counter(address).step(FIRST)
    client.fill("rb2105", 4310.0, 2)
    return counter(address), client


@pytest.mark.proves("3.3 step 3")
def test_no_right_and_close_only(desk: tuple[Control, Trader]) -> None:
    control, client = desk
    control.restrict("alice", trading={"rb": "close", "m2105": "none"})
    assert refusal(client) == 29
    assert refusal(client, CombOffsetFlag="3", Direction="1", price=4500.0) == 0
    assert refusal(client, code="m2105", price=3390.0) == 28
    assert refusal(client, code="IF2101", price=5000.0) == 0
    control.restrict("alice", trading={"*": "none", "CFFEX": "close", "rb2105": "all"})
    assert refusal(client) == 0
    assert refusal(client, code="IF2101", price=5000.0) == 29
    assert refusal(client, code="TA105", price=3700.0, ExchangeID="CZCE") == 28
    control.restrict("alice")
    assert refusal(client, code="m2105", price=3390.0) == 0


@pytest.mark.proves("3.3 step 4")
def test_position_limits_count_working_orders_and_one_side(desk: tuple[Control, Trader]) -> None:
    control, client = desk
    control.restrict("alice", position_limits={"rb2105": 3})
    assert refusal(client, volume=2) == 106, "2 held, 2 more are 4"
    assert refusal(client, volume=1) == 0
    assert refusal(client, volume=1) == 106, "2 held and 1 working"
    assert refusal(client, volume=3, Direction="1", price=4500.0) == 0, "the other side"
    assert refusal(client, CombOffsetFlag="3", Direction="1", price=4500.0, volume=1) == 0, "closing is not limited"
    control.restrict("alice", position_limits={"*": 1})
    assert refusal(client, code="m2105", price=3390.0, volume=2) == 106
    assert refusal(client, code="m2105", price=3390.0, volume=1) == 0
    (row,) = client.rows("ReqQryInvestor")
    assert row.IsOpenVolLimit == "1"


def test_no_trading_code(desk: tuple[Control, Trader]) -> None:
    control, client = desk
    control.restrict("alice", no_trading_code=["DCE"])
    assert refusal(client, code="m2105", price=3390.0) == 20
    assert refusal(client) == 0
    assert client.rows("ReqQryTradingCode", ExchangeID="DCE") == []


def test_conditional_orders_need_a_right(desk: tuple[Control, Trader]) -> None:
    control, client = desk
    control.restrict("alice", conditional_orders=False)
    assert refusal(client, ContingentCondition="5", StopPrice=4400.0) == 62


def test_a_disabled_user(desk: tuple[Control, Trader], make: Make) -> None:
    control, client = desk
    order = client.rest()
    control.restrict("alice", active=False)
    assert refusal(client) == 19
    before = client.cancel(order)
    assert client.spi.wait_for("OnRspOrderAction", after=before).error_id == 19
    (row,) = client.rows("ReqQryInvestor")
    assert row.IsActive == 0
    client.ask("ReqUserLogout", BrokerID="9999", UserID="alice")
    client.spi.wait_for("OnFrontConnected", count=2)
    assert login(client, "secret") == 4
    control.restrict("alice")
    assert login(client, "secret") == 0


def test_what_restrict_cannot_take(desk: tuple[Control, Trader]) -> None:
    control, _ = desk
    with pytest.raises(ValueError, match="'some' is none of all, close, none"):
        control.restrict("alice", trading={"rb": "some"})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="-1 is below 0"):
        control.restrict("alice", position_limits={"rb": -1})
    with pytest.raises(ValueError, match="password 'old'"):
        control.restrict("alice", password="old")  # type: ignore[arg-type]
    with pytest.raises(LookupError, match="no account 'a very long name'"):
        control.restrict("a very long name")


# ------------------------------------------------------------------ the file
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,pass\nalice,x\n", r"accounts\.csv:1: unknown column 'pass'; known: user, password"),
        ("user\nalice\n", r"accounts\.csv:1: missing column password"),
        ("user,password\n,x\n", r"accounts\.csv:2: column user: '' is not 1 to 12"),
        ("user,password\nalice,\n", r"accounts\.csv:2: column password: is empty"),
        ("user,password,balance\nalice,geheim,CNY\n", r"accounts\.csv:2: column balance: 'CNY': the amount"),
        ("user,password\nalice,scrypt:zz:11\n", r"accounts\.csv:2: column password: begins with scrypt:"),
        ("user,password\n", r"accounts\.csv: has no account"),
    ],
)
def test_a_bad_file_is_refused_at_once(make: Make, text: str, message: str) -> None:
    address, _ = make(accounts=text)
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    with pytest.raises(ValueError, match=message) as caught:
        api.RegisterFront(address)
    assert "geheim" not in str(caught.value)


def test_a_missing_file_is_named(make: Make) -> None:
    address, _ = make("&accounts=nowhere.csv")
    api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
    with pytest.raises(FileNotFoundError, match=r"accounts=nowhere\.csv: no such file"):
        api.RegisterFront(address)


@pytest.mark.parametrize(
    ("rights", "made", "asked", "withdrawn"),
    [
        (Rights(is_active=False), 19, 19, 19),
        (Rights(no_code=("DCE",)), 20, 20, 0),
        (Rights(trading={"*": "none"}), 28, 28, 0),
    ],
)
def test_restrictions_hold_for_quotes_and_combinations_too(
    rights: Rights, made: int, asked: int, withdrawn: int
) -> None:
    """As for orders (spec 3.3 step 3): combinations, quote requests, a quote's withdrawal (as a cancel)."""
    desk = _quoting_desk()
    insert_quote(desk, "ann", "m2505", "1@3300", "1@3500", name="q")
    desk.engine.restrict(Restrict(desk.now_ns, "ann", rights))
    (refused,) = comb_action(desk, "ann", "combines", 1, "SP m2505&m2509", "buy")
    assert getattr(refused, "error_id", 0) == made
    (refused,) = ask_for_quote(desk, "ann", "m2505")
    assert getattr(refused, "error_id", 0) == asked
    events = withdraw_quote(desk, "ann", "q")
    assert getattr(events[-1], "error_id", 0) == withdrawn


def test_an_expired_instrument_is_neither_combined_nor_asked_for() -> None:
    """Error 17, as for orders; it is still listed as trading."""
    desk = _quoting_desk(expires="20250305")
    (refused,) = comb_action(desk, "ann", "combines", 1, "SP m2505&m2509", "buy")
    assert getattr(refused, "error_id", 0) == 17
    (refused,) = ask_for_quote(desk, "ann", "m2505")
    assert getattr(refused, "error_id", 0) == 17


def _quoting_desk(expires: str = "") -> Desk:
    desk = Desk(profile="clean", fills="full")
    desk.instrument("DCE", "m2505", limits="3000..4000", settled="3400", expires=expires)
    desk.instrument("DCE", "m2509", limits="3000..4000", settled="3400")
    add_combination(desk, "SP m2505&m2509")
    desk.user("ann", "1000000")
    return desk
