"""The statements of a counter: what is kept, and how a client asks for it (spec 8.3, 11.1)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from ctp2.core.address import parse
from ctp2.run import run
from ctp2.tts import counter
from ctp2.tts.backend import running
from ctp2.tts.settled import AccountSettled, CarriedLot, PurseSettled
from ctp2.tts.statement import statement
from ctp2.tts.statements import ALL, Statements
from tests.tts import settlements as given_by_hand
from tests.tts.programs import FIRST, Trader, address_of, released
from tests.tts.settlements import MADE_NS, settlement
from tests.tts.statement_reader import read


def account(name: str, balance: str = "1.00") -> AccountSettled:
    purse = PurseSettled(currency="CNY", balance_cf=given_by_hand.micro(balance))
    return AccountSettled(account_id=name, purses=[purse])


# ------------------------------------------------------------------ what is kept
def test_days_months_and_the_last_one() -> None:
    kept = Statements()
    for day, balance in [("20230331", "1.00"), ("20230404", "3.00"), ("20230403", "2.00")]:
        kept.add(settlement(account("alice", balance), account("bob"), day=day))
    assert kept.accounts() == ["alice", "bob"]
    assert kept.days("alice") == ["20230331", "20230403", "20230404"]

    def balance_of(period: str) -> tuple[str, str]:
        found = kept.of("alice", period)
        assert found is not None
        (block,) = read(found.text().decode("gbk")).blocks
        return found.period, str(block.figures["Balance c/f"])

    assert balance_of("") == ("20230404", "3.00")
    assert balance_of("20230403") == ("20230403", "2.00")
    assert balance_of("202304") == ("202304", "3.00")
    assert balance_of("202303") == ("202303", "1.00")
    for unknown in ("20230405", "202305", "2023", "x", "all"):
        assert kept.of("alice", unknown) is None
    assert kept.of("carol") is None
    assert [(found.account.account_id, found.period) for found in kept.find()] == [
        ("alice", "20230404"),
        ("bob", "20230404"),
    ]
    assert [found.period for found in kept.find("alice", ALL)] == ["20230331", "20230403", "20230404"]
    assert list(kept.find("carol")) == []


def test_a_day_settled_again_replaces_the_one_before() -> None:
    kept = Statements()
    kept.add(settlement(account("alice", "1.00")))
    kept.add(msgspec.structs.replace(settlement(account("alice", "2.00")), number=2))
    found = kept.of("alice")
    assert found is not None
    assert (found.number, found.account) == (2, account("alice", "2.00"))


def test_what_is_kept_is_what_was_settled_without_what_is_carried() -> None:
    whole = given_by_hand.everything()
    whole.carried.append(
        CarriedLot(
            exchange="NASD",
            code="AAPL",
            is_long=True,
            hedge="1",
            trade_id=1,
            open_date="20230410",
            open_price=15025,
            basis=15200,
            volume=100,
            margin=0,
            exchange_margin=0,
        )
    )
    kept = Statements()
    kept.add(settlement(whole))
    found = kept.of("everything12")
    assert found is not None
    assert found.account == given_by_hand.everything()
    assert len(whole.carried) == 1


# ------------------------------------------------------------------ the query
@pytest.fixture
def address(tmp_path: Path) -> str:
    return address_of(tmp_path)


@pytest.fixture
def client(address: str) -> Iterator[Trader]:
    trader = Trader(address).login()
    with released(trader):
        yield trader


def settled(address: str, *days: tuple[str, AccountSettled]) -> None:
    """Put settlements into a running counter, as its roll does."""
    backend = running(parse(address))
    assert backend is not None
    for day, about in days:
        made = settlement(msgspec.structs.replace(about, account_id="alice"), day=day)
        backend.counter.call(partial(backend.statements.add, made))


@pytest.mark.proves("8.3 SettlementInfo")
def test_a_statement_comes_in_chunks_of_bytes(client: Trader, address: str) -> None:
    settled(address, ("20230414", given_by_hand.option()), ("20230417", given_by_hand.vector()))
    calls = client.ask("ReqQrySettlementInfo", BrokerID="9999", InvestorID="alice")
    rows = [call.field for call in calls]
    assert [call.is_last for call in calls] == [False] * (len(calls) - 1) + [True]
    assert all(call.info is None for call in calls)
    assert [row.SequenceNo for row in rows] == list(range(1, len(rows) + 1))
    assert {(row.TradingDay, row.SettlementID, row.BrokerID, row.InvestorID) for row in rows} == {
        ("20230417", 1, "9999", "alice")
    }
    assert {(row.AccountID, row.CurrencyID) for row in rows} == {("alice", "CNY")}
    assert {type(row.Content) for row in rows} == {bytes}
    assert max(len(row.Content) for row in rows) == 500
    text = b"".join(row.Content for row in rows)
    assert text == statement(msgspec.structs.replace(given_by_hand.vector(), account_id="alice"), "20230417", MADE_NS)
    (block,) = read(text.decode("gbk")).blocks
    assert str(block.figures["Balance c/f"]) == "9998858.59"


@pytest.mark.parametrize(
    ("asked", "day", "first_balance"),
    [
        ({}, "20230417", "10000000.00"),
        ({"TradingDay": "20230414"}, "20230414", "200000.00"),
        ({"TradingDay": "202304"}, "202304", "200000.00"),
        ({"TradingDay": "20230415"}, None, None),
        ({"TradingDay": "202305"}, None, None),
        ({"InvestorID": "bob"}, None, None),
        ({"AccountID": "x", "CurrencyID": "USD"}, "20230417", "10000000.00"),  # not among the filters of 8.3
    ],
)
def test_which_statement(
    client: Trader, address: str, asked: dict[str, str], day: str | None, first_balance: str | None
) -> None:
    settled(address, ("20230414", given_by_hand.option()), ("20230417", given_by_hand.vector()))
    rows = client.rows("ReqQrySettlementInfo", **asked)
    if day is None:
        assert rows == []
        return
    got = read(b"".join(row.Content for row in rows).decode("gbk"))
    assert (got.date, rows[0].TradingDay) == (day, day)
    assert str(got.blocks[0].figures["Balance b/f"]) == first_balance


def test_a_program_for_openctp_reads_it_unchanged(client: Trader, address: str, tmp_path: Path) -> None:
    settled(address, ("20230417", given_by_hand.vector()))
    script = Path(__file__).parents[1] / "data" / "scripts" / "statement_demo.py"
    out = tmp_path / "statement.txt"
    wanted = counter(address).statement("alice")
    assert run(str(script), ["tcp://127.0.0.1:1", "alice", str(out)], address) == 0
    assert out.read_bytes().decode("utf-8") == wanted


def test_a_python_program_gets_it_from_the_counter(client: Trader, address: str) -> None:
    settled(address, ("20230414", given_by_hand.option()), ("20230417", given_by_hand.vector()))
    control = counter(address)
    assert read(control.statement("alice")).date == "20230417"
    assert read(control.statement("alice", "20230414")).date == "20230414"
    with pytest.raises(LookupError, match="alice has no statement of 20230415"):
        control.statement("alice", "20230415")
    with pytest.raises(LookupError, match="bob has no statement"):
        control.statement("bob")


def test_without_a_settlement_there_is_no_statement(client: Trader) -> None:
    (answer,) = client.ask("ReqQrySettlementInfo")
    assert (answer.field, answer.info, answer.is_last) == (None, None, True)


def test_a_day_that_was_traded_and_settled(tmp_path: Path) -> None:
    """The statement's end is the next day's beginning, and its trades are those that were returned."""
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("user,password,name\nalice,secret,王小明\n", encoding="utf-8")
    address = address_of(tmp_path, f"&accounts={accounts}")
    client = Trader(address).start()
    with released(client):
        control = counter(address)
        control.step(FIRST)
        opened = client.fill("rb2105", 4310.0, 3)
        closed = client.fill("rb2105", 4290.0, 1, Direction="1", CombOffsetFlag="3")
        control.deposit("alice", "1000.00")
        control.settle()
        client.spi.wait_for("OnFrontConnected", count=2)
        client.ask("ReqUserLogin", BrokerID="9999", UserID="alice", Password="secret")
        assert client.ask("ReqQrySettlementInfoConfirm")[0].field is None, "of the day before"
        after = client.insert()
        assert client.spi.wait_for("OnErrRtnOrderInsert", after=after).error_id == 42
        got = read(b"".join(row.Content for row in client.rows("ReqQrySettlementInfo")).decode("gbk"))
        assert (got.client_id, got.client_name, got.date) == ("alice", "王小明", "20210104")
        block = next(block for block in got.blocks if block.currency == "CNY")
        (money,) = client.rows("ReqQryTradingAccount")
        assert money.PreBalance == float(block.figures["Balance c/f"])
        assert money.PreMargin == float(block.figures["Margin Occupied"])
        assert block.figures["Deposit/Withdrawal"] == 1000
        trades = block.tables["成交记录 Transaction Record"]
        assert [float(price) for price in trades.column("Price")] == [opened.Price, closed.Price]
        assert trades.column("Trans.No.") == [opened.TradeID.strip(), closed.TradeID.strip()]
        assert trades.column("O/C") == ["开", "平今"]
        assert trades.sum("Realized P/L") == block.figures["Realized P/L"]
        (detail,) = client.rows("ReqQryInvestorPositionDetail")
        lots = block.tables["持仓明细 Positions Detail"]
        assert (lots.column("Positon"), detail.Volume) == (["2"], 2)
        assert [float(price) for price in lots.column("Settlement Price")] == [detail.LastSettlementPrice]


# ------------------------------------------------------------------ the confirmation
def test_confirming_needs_no_look_at_the_statement_and_may_be_repeated(client: Trader, address: str) -> None:
    settled(address, ("20230417", given_by_hand.vector()))
    assert client.ask("ReqQrySettlementInfoConfirm")[0].field is None
    for _ in range(2):
        (answer,) = client.ask("ReqSettlementInfoConfirm", BrokerID="9999", InvestorID="alice")
        assert (answer.error_id, answer.field.ConfirmDate, answer.field.SettlementID) == (0, "20210104", 0)
    (row,) = client.rows("ReqQrySettlementInfoConfirm")
    assert (row.BrokerID, row.InvestorID, row.ConfirmDate, row.SettlementID) == ("9999", "alice", "20210104", 0)
    assert (row.AccountID, row.CurrencyID) == ("", "")
    assert client.rows("ReqQrySettlementInfoConfirm", InvestorID="bob") == []
