"""Money from and to a bank, and by the broker's hand (spec ctp-semantics 6, 12.1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2.tts import counter
from ctp2.tts.rights import Restrict, Rights
from ctp2.tts.state import State
from tests.tts.programs import Trader, address_of

IN, OUT = "ReqFromBankToFutureByFuture", "ReqFromFutureToBankByFuture"


@pytest.fixture
def address(tmp_path: Path) -> str:
    return address_of(tmp_path, "&bank=on")


@pytest.fixture
def client(address: str) -> Iterator[Trader]:
    """Alice, logged in; the statement is not confirmed: transfers do not need it."""
    trader = Trader(address).login()
    yield trader
    trader.api.Release()


def ask(client: Trader, request: str, amount: float, **members: Any) -> Any:
    """A transfer; its return, or the refusal to the requester."""
    before = len(client.spi.calls)
    fields = {"BrokerID": "9999", "AccountID": client.user, "BankID": "1", "BankBranchID": "0000"}
    money = {"Password": "secret", "TradeAmount": amount, "RequestID": 77, "CurrencyID": "CNY"}
    client.send(request, **{**fields, **money, **members})
    names = ("OnRtnFromBankToFutureByFuture", "OnRtnFromFutureToBankByFuture", request.replace("Req", "OnRsp"))
    return client.spi.wait_for(lambda call: call.name in names, after=before)


def account(client: Trader) -> Any:
    return client.rows("ReqQryTradingAccount")[0]


@pytest.mark.proves("12.1 ReqFromBankToFutureByFuture", "6 Deposit")
def test_money_comes_from_the_bank_and_goes_back(client: Trader) -> None:
    call = ask(client, IN, 1234.56, LongCustomerName="Alice", BankAccount="6222")
    row = call.field
    assert (call.name, row.TradeCode, row.TradeAmount) == ("OnRtnFromBankToFutureByFuture", "202001", 1234.56)
    assert (row.AccountID, row.BankID, row.BankBranchID, row.RequestID) == ("alice", "1", "0000", 77)
    assert (row.LongCustomerName, row.BankAccount, row.ErrorID) == ("Alice", "6222", 0)
    assert (row.Password, row.BankPassWord) == ("", ""), "a secret is never sent on"
    # 10,000,000.00 + 1,234.56
    assert (account(client).Deposit, account(client).Balance) == (1234.56, 10001234.56)
    assert account(client).Available == 10001234.56
    call = ask(client, OUT, 234.5)
    assert (call.name, call.field.TradeCode) == ("OnRtnFromFutureToBankByFuture", "202002")
    assert (account(client).Withdraw, account(client).Balance) == (234.5, 10001000.06)
    serials = client.rows("ReqQryTransferSerial")
    assert [(row.PlateSerial, row.TradeCode, row.TradeAmount) for row in serials] == [
        (1, "202001", 1234.56),
        (2, "202002", 234.5),
    ]
    assert {(row.BankID, row.AvailabilityFlag, row.CurrencyID) for row in serials} == {("1", "1", "CNY")}
    assert client.rows("ReqQryTransferSerial", BankID="2") == []
    assert not client.spi.of("OnRspFromBankToFutureByFuture"), "success is told by the return alone"


def test_transfers_are_part_of_the_private_stream(client: Trader, address: str) -> None:
    ask(client, IN, 5.0)
    ask(client, OUT, -1.0)
    late = Trader(address, resume=0).login()
    returned = late.spi.wait_for("OnRtnFromBankToFutureByFuture")
    assert returned.field == client.spi.of("OnRtnFromBankToFutureByFuture")[0].field
    assert late.spi.wait_for("OnErrRtnFutureToBankByFuture").error_id == 2014
    late.api.Release()


REFUSED: list[tuple[str, str, float, dict[str, Any], int]] = [
    ("account missing", IN, 1.0, {"AccountID": ""}, 149),
    ("account of somebody else", IN, 1.0, {"AccountID": "bob"}, 2011),
    ("another bank", IN, 1.0, {"BankID": "9"}, 1002),
    ("another currency", IN, 1.0, {"CurrencyID": "XXX"}, 1035),
    ("wrong funds password", OUT, 1.0, {"Password": "x"}, 2001),
    ("nothing", IN, 0.0, {}, 2014),
    ("less than nothing", OUT, -5.0, {}, 2014),
    ("not a number", IN, float("nan"), {}, 2014),
    ("part of a cent", IN, 1.005, {}, 2014),
    ("more than the bank has", IN, 100_000_000.01, {}, 1021),
    ("more than money can hold", IN, 1e300, {}, 1021),
    ("above the quota of 0.8 times ten millions", OUT, 8_000_000.01, {}, 31),
]
"""In the order of the checks."""


@pytest.mark.parametrize(("name", "request_name", "amount", "members", "number"), REFUSED, ids=lambda v: str(v))
def test_refused(
    client: Trader, name: str, request_name: str, amount: float, members: dict[str, Any], number: int
) -> None:
    before = account(client)
    call = ask(client, request_name, amount, **members)
    assert (call.name, call.error_id) == (request_name.replace("Req", "OnRsp"), number)
    told = client.spi.wait_for(lambda call: call.name.startswith("OnErrRtn"))
    assert (told.error_id, told.field.RequestID) == (number, 77)
    assert account(client) == before
    assert client.rows("ReqQryTransferSerial") == []


def test_the_quota_itself_may_go(client: Trader) -> None:
    assert ask(client, OUT, 8_000_000.0).error_id == 0
    assert account(client).Available == 2_000_000.0


def test_no_transfers_now(client: Trader, address: str) -> None:
    counter(address).restrict("alice", bank_transfers=False)
    assert ask(client, IN, 1.0).error_id == 1022
    counter(address).restrict("alice")
    assert ask(client, IN, 1.0).error_id == 0


@pytest.mark.proves("12.1 ReqQueryBankAccountMoneyByFuture")
def test_the_bank_is_asked_for_its_balance(client: Trader) -> None:
    ask(client, IN, 250.25)
    client.send("ReqQueryBankAccountMoneyByFuture", AccountID="alice", BankID="1", Password="secret", RequestID=5)
    row = client.spi.wait_for("OnRtnQueryBankBalanceByFuture").field
    # 100,000,000.00 in the morning less 250.25
    assert (row.BankUseAmount, row.BankFetchAmount, row.TradeCode) == (99999749.75, 99999749.75, "204002")
    assert (row.Password, row.RequestID, row.ErrorID) == ("", 5, 0)
    before = len(client.spi.calls)
    client.send("ReqQueryBankAccountMoneyByFuture", AccountID="alice", BankID="1", Password="wrong")
    assert client.spi.wait_for("OnRspQueryBankAccountMoneyByFuture", after=before).error_id == 2001
    assert client.spi.wait_for("OnErrRtnQueryBankBalanceByFuture", after=before).error_id == 2001


@pytest.mark.proves("8.3 TransferBank")
def test_banks_and_registrations(client: Trader) -> None:
    (bank,) = client.rows("ReqQryTransferBank")
    assert (bank.BankID, bank.BankBrchID, bank.IsActive) == ("1", "0000", 1)
    assert [row.BankID for row in client.rows("ReqQryContractBank", BankID="1")] == ["1"]
    assert client.rows("ReqQryContractBank", BankID="2") == []
    registered = client.rows("ReqQryAccountregister", AccountID="alice")
    assert [(row.CurrencyID, row.OpenOrDestroy) for row in registered] == [("CNY", "1"), ("HKD", "1"), ("USD", "1")]
    assert client.rows("ReqQryAccountregister", AccountID="bob") == []


@pytest.mark.proves("12.1 ReqTradingAccountPasswordUpdate")
def test_the_funds_password_is_one_of_its_own(client: Trader) -> None:
    def change(old: str, new: str, account_id: str = "alice") -> int:
        (call,) = client.ask(
            "ReqTradingAccountPasswordUpdate", AccountID=account_id, OldPassword=old, NewPassword=new, CurrencyID="CNY"
        )
        assert call.info is not None
        return call.error_id

    assert change("secret", "other1", "") == 149
    assert change("secret", "other1", "bob") == 2011
    assert change("wrong", "other1") == 2001
    assert change("secret", "secret") == 142
    assert change("secret", "other1") == 0
    assert ask(client, IN, 1.0).error_id == 2001
    assert ask(client, IN, 1.0, Password="other1").error_id == 0
    assert ask(client, IN, 1.0, Password="", SecuPwdFlag="0").error_id == 0, "0: not checked"


def test_without_a_bank(tmp_path: Path) -> None:
    trader = Trader(address_of(tmp_path)).login()
    assert ask(trader, IN, 1.0).error_id == 2000
    assert trader.spi.wait_for("OnErrRtnBankToFutureByFuture").error_id == 2000
    assert trader.rows("ReqQryTransferBank") == []
    trader.api.Release()


# ------------------------------------------------------------------ the broker's hand
def test_deposits_and_withdrawals_of_a_program(client: Trader, address: str) -> None:
    control = counter(address)
    control.deposit("alice", "500.25")
    control.withdraw("alice", 100)
    control.deposit("bob", 1.5, "USD")
    row = account(client)
    assert (row.Deposit, row.Withdraw, row.Balance) == (500.25, 100.0, 10000400.25)
    assert client.rows("ReqQryTransferSerial") == [], "no bank had a part in it"
    assert not [call for call in client.spi.calls if "Future" in call.name], "nothing is told"
    for amount, message in (("0", "above 0"), ("-1", "above 0"), ("1.001", "two decimals"), ("x", "not an amount")):
        with pytest.raises(ValueError, match=message):
            control.deposit("alice", amount)
    with pytest.raises(ValueError, match="currency 'EUR'"):
        control.deposit("alice", 1, "EUR")
    with pytest.raises(ValueError, match="资金不足"):
        control.withdraw("alice", 9_000_000)


def test_events_alone_rebuild_rights_and_money() -> None:
    """What a log will do: the events applied to a fresh state lead to the same record and balances."""
    from ctp2.tts.commands import OpenAccount
    from ctp2.tts.engine import Engine, Settings
    from ctp2.tts.rights import MoveMoney

    engine = Engine(State("20250306"), Settings())
    events = [
        *engine.open_account(OpenAccount(1, "alice", {"CNY": 1_000_000})),
        *engine.restrict(Restrict(2, "alice", Rights(trading={"rb": "close"}))),
        *engine.move_money(MoveMoney(3, "alice", "CNY", 50_000, True, ("",) * 20)),
        *engine.move_money(MoveMoney(4, "alice", "CNY", -20_000)),
    ]
    fresh = State("20250306")
    for event in events:
        fresh.evolve(event)
    alice = fresh.accounts["alice"]
    assert alice.rights is not None
    assert alice.rights.trading == {"rb": "close"}
    purse = alice.purse("CNY")
    assert (purse.deposit, purse.withdraw, purse.balance()) == (50_000, 20_000, 1_030_000)
    assert [moved.serial for moved in alice.transfers] == [1]
    assert fresh.last_transfer == 1
