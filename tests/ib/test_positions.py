"""The ledger fed by hand: what links tell of positions, executions and money, in every order (spec ib 5.6, 5.7)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ctp2.ib import records
from ctp2.ib.offsets import Working
from ctp2.ib.positions import Ledger
from tests.ib.fakelink import NOON_NS, FakeBackend, FakeLink

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
US, SECONDARY = "DU1000001", "DU1000002"
AAPL = records.Contract(con_id=265598, symbol="AAPL", sec_type="STK", currency="USD", local_symbol="AAPL")
ES = records.Contract(con_id=495512563, symbol="ES", sec_type="FUT", multiplier="50", currency="USD")


class Orders:
    """The working orders of a link."""

    def __init__(self) -> None:
        self.found: list[Working] = []

    def working(self, account: str, con_id: int) -> list[Working]:
        return self.found


class Desk:
    """A ledger and the link it hears."""

    def __init__(self, address: str = "ib://127.0.0.1:7497", *accounts: str) -> None:
        self.backend = FakeBackend(address, *accounts)
        self.backend.orders = self.orders = Orders()
        self.ledger = self.backend.ledger = Ledger(self.backend)  # type: ignore[arg-type]
        self.backend.parts = [self.ledger]
        self.link: FakeLink = self.backend.links["trader"]
        self._number = 0

    def up(self, *rows: records.PositionRow) -> Any:
        """The link comes up, with these positions; what is missing."""
        self.link.tell(records.LinkUp(176, 1, self.link.accounts))

        def positions() -> list[records.PositionRow]:
            self.link.tell(*rows)
            return list(rows)

        self.link.answers["positions"] = positions
        task = self.backend.timers.start(self.ledger.reconcile(self.link))
        return task.result()

    def execution(self, side: str, shares: float, price: float = 10.0, **more: Any) -> records.Execution:
        self._number += 1
        values: dict[str, Any] = {
            "req_id": -1,
            "contract": AAPL,
            "exec_id": f"0001f4e8.65aa0001.{self._number:02}.01",
            "time_ns": NOON_NS + self._number * SECOND,
            "account": US,
            "exchange": "ISLAND",
            "side": side,
            "shares": shares,
            "price": price,
            "perm_id": 0,
            "client_id": 0,
            "order_id": 0,
        }
        return records.Execution(**{**values, **more})

    def told(self, execution: records.Execution) -> list[tuple[str, int, str]]:
        return [(part.offset, int(part.quantity), part.suffix) for part in self.ledger.parts(execution)]

    def holding(self, contract: records.Contract = AAPL, account: str = US) -> Any:
        return self.ledger._holdings[account, contract.con_id]


def row(position: float, cost: float = 10.0, contract: records.Contract = AAPL, account: str = US) -> Any:
    return records.PositionRow(account, contract, position, cost)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.backend.close()


# ------------------------------------------------------------------ offsets of orders without our tag
def test_a_manual_order_across_zero(desk: Desk) -> None:
    """Scenario 29: long 100; a manual order sells 150: 100 close, 50 open."""
    desk.up(row(100))
    sold = desk.execution("SLD", 150)
    desk.link.tell(sold)
    assert desk.told(sold) == [("1", 100, "C"), ("0", 50, "O")]
    desk.link.tell(row(-50))
    assert desk.ledger.net(US, AAPL.con_id) == -50


def test_orders_may_ask_before_the_ledger_hears_of_it(desk: Desk) -> None:
    desk.up(row(100))
    sold = desk.execution("SLD", 30)
    assert desk.told(sold) == [("1", 30, "")]
    desk.link.tell(sold, sold)  # told again
    assert desk.ledger.net(US, AAPL.con_id) == 70


def test_an_order_of_another_client_in_parts(desk: Desk) -> None:
    desk.up()
    found = []
    for side, shares in (("BOT", 5), ("SLD", 3), ("SLD", 4), ("BOT", 2)):
        execution = desk.execution(side, shares)
        desk.link.tell(execution)
        found.append(desk.told(execution))
    assert found == [[("0", 5, "")], [("1", 3, "")], [("1", 2, "C"), ("0", 2, "O")], [("1", 2, "")]]


def test_the_executions_of_before_the_start_are_in_the_position(desk: Desk) -> None:
    desk.up(row(3))
    history = [desk.execution(side, shares, req_id=7) for side, shares in (("BOT", 2), ("SLD", 8), ("BOT", 5))]
    desk.link.tell(*history, *history)
    assert [desk.told(execution) for execution in history] == [
        [("0", 2, "")],
        [("1", 6, "C"), ("0", 2, "O")],
        [("1", 2, "C"), ("0", 3, "O")],
    ]
    assert desk.ledger.net(US, AAPL.con_id) == 3


def test_the_executions_of_an_outage(desk: Desk) -> None:
    desk.up(row(2))
    first = desk.execution("BOT", 1)
    desk.link.tell(first, row(3), records.LinkDown(4097, "reset"))
    desk.up(row(-1))
    missed = [desk.execution("SLD", 1, req_id=9), desk.execution("SLD", 3, req_id=9)]
    desk.link.tell(records.Execution(**{**as_dict(first), "req_id": 9}), *reversed(missed))
    assert [desk.told(execution) for execution in missed] == [[("1", 1, "")], [("1", 2, "C"), ("0", 1, "O")]]
    assert desk.holding().start == 2


def as_dict(execution: records.Execution) -> dict[str, Any]:
    return {name: getattr(execution, name) for name in execution.__struct_fields__}


def test_executions_of_the_day_before_are_part_of_yesterday(desk: Desk) -> None:
    """At 18:00 in New York it is the next trading day: what was bought at 11:00 is yesterday's."""
    desk.backend.timers.advance(7 * 3600)
    desk.backend.trading_day = "20251125"
    desk.up(row(5))
    old = desk.execution("BOT", 2, req_id=3)
    new = desk.execution("BOT", 1, req_id=3, time_ns=NOON_NS + 6 * HOUR + 60 * SECOND)
    desk.link.tell(old, new)
    desk.ledger.settle()
    assert desk.holding().yesterday == 4
    assert [fill.exec_id for fill in desk.holding().fills] == [new.exec_id]


def test_a_combination_counts_by_its_legs(desk: Desk) -> None:
    desk.up()
    whole = records.Contract(con_id=28812380, symbol="ES", sec_type="BAG", currency="USD")
    desk.link.tell(desk.execution("BOT", 1, contract=whole), desk.execution("BOT", 1, contract=ES))
    assert [contract.sec_type for contract, _ in desk.ledger.held(US)] == ["FUT"]


def test_a_correction(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Scenario 6, here the totals: 4, corrected to 3."""
    desk.up()
    first = desk.execution("BOT", 4)
    again = records.Execution(**{**as_dict(first), "exec_id": first.exec_id[:-1] + "2", "shares": 3.0})
    desk.link.tell(first, again, first)
    assert desk.ledger.net(US, AAPL.con_id) == 3
    assert "corrects" in caplog.text
    assert desk.told(again) == [("0", 4, "")]


# ------------------------------------------------------------------ positions
def test_what_a_list_does_not_name_is_not_held(desk: Desk) -> None:
    desk.up(row(5), row(2, 1.0, ES))
    desk.link.tell(records.LinkDown(4097, "reset"))
    desk.up(row(5))
    desk.backend.timers.advance(30)
    assert [contract.symbol for contract, _ in desk.ledger.held(US)] == ["AAPL"]


def test_an_exercise_changes_a_position_without_a_trade(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.up(row(5))
    desk.link.tell(row(105))
    desk.backend.timers.advance(25)
    assert desk.holding().start == 105
    assert "without a trade" in caplog.text


def test_nothing_is_taken_over_while_executions_may_be_on_their_way(desk: Desk) -> None:
    desk.up(row(5))
    desk.link.tell(records.LinkDown(4097, "reset"))
    desk.up(row(8))
    desk.backend.timers.advance(10)
    late = desk.execution("BOT", 3, req_id=4)
    desk.link.tell(late)
    assert desk.told(late) == [("0", 3, "")]
    assert desk.holding().start == 5


def test_only_a_trading_connection_is_heard(desk: Desk) -> None:
    desk.up()
    desk.backend.links["md"].tell(row(5))
    assert desk.ledger.held(US) == []


# ------------------------------------------------------------------ the day
def test_the_snapshot_of_the_morning_outlives_the_process(desk: Desk) -> None:
    desk.up(row(5), row(-2, 1.0, ES))
    desk.ledger.settle()
    again = Ledger(desk.backend)  # type: ignore[arg-type]
    desk.backend.parts, desk.ledger = [again], again
    # As if TWS's day had begun anew: its executions are forgotten there, and the position is another one.
    desk.up(row(7))
    desk.ledger.settle()
    assert desk.holding().yesterday == 5


def test_a_new_trading_day(desk: Desk) -> None:
    desk.up(row(5))
    desk.ledger.settle()
    desk.link.tell(desk.execution("BOT", 2), row(7))
    assert (desk.holding().yesterday, desk.holding().net) == (5, 7)
    desk.backend.timers.advance(24 * 3600)
    desk.backend.trading_day = "20251125"
    desk.backend.timers.advance(10)
    assert (desk.holding().yesterday, desk.holding().net, desk.holding().fills) == (7, 7, [])
    assert desk.ledger.commissions(US) == {}


# ------------------------------------------------------------------ commissions
def test_commissions_before_and_behind_their_executions(desk: Desk) -> None:
    desk.up()
    one, other = desk.execution("BOT", 1), desk.execution("BOT", 2, account=SECONDARY)
    desk.link.tell(
        records.Commission(one.exec_id, 1.25, "USD", None),
        one,
        other,
        records.Commission(other.exec_id, 3.0, "HKD", 7.0),
    )
    assert (desk.ledger.commissions(US), desk.ledger.commissions(SECONDARY)) == ({"USD": 1.25}, {"HKD": 3.0})
    assert desk.holding(account=SECONDARY).day().long.commission == 3.0
    desk.link.tell(records.Commission(one.exec_id, 1.0, "USD", None))  # told again: the latest counts
    assert desk.ledger.commissions(US) == {"USD": 1.0}


# ------------------------------------------------------------------ money
def test_the_summary_is_subscribed_once(desk: Desk) -> None:
    desk.up()
    desk.backend.timers.start(desk.ledger.reconcile(desk.link))
    assert len(desk.link.calls_of("summary")) == 1
    desk.link.tell(records.LinkDown(4097, "reset"))
    desk.up()
    assert len(desk.link.calls_of("summary")) == 2
    assert desk.link.calls_of("account_updates")[-1] == (US,)


def test_what_is_missing_is_named(desk: Desk) -> None:
    desk.link.answers["summary"] = records.Refused(322, "too many")
    assert list(desk.up()) == ["account summary"]
    del desk.link.answers["summary"]
    desk.backend.timers.start(desk.ledger.reconcile(desk.link))
    assert len(desk.link.calls_of("summary")) == 2


@pytest.mark.parametrize(
    ("address", "asked"), [("ib://127.0.0.1:7497", []), (f"ib://127.0.0.1:7497?account={SECONDARY}", [(SECONDARY,)])]
)
def test_account_updates_of_several_accounts(address: str, asked: list[tuple[str]]) -> None:
    desk = Desk(address, US, SECONDARY)
    desk.up()
    assert desk.link.calls_of("account_updates") == asked
    desk.backend.close()


def test_values_are_asked_for_again_when_they_are_old(desk: Desk) -> None:
    desk.up()
    desk.link.tell(records.SummaryRow(1, US, "NetLiquidation", "5", "USD"))
    asked = len(desk.link.calls_of("account_updates"))

    def refresh() -> int:
        desk.backend.timers.start(desk.ledger.refresh(desk.link, US))
        return len(desk.link.calls_of("account_updates")) - asked

    assert refresh() == 0
    desk.backend.timers.advance(4.9)
    assert refresh() == 0
    desk.backend.timers.advance(0.2)
    assert refresh() == 1
    desk.link.tell(records.AccountDownloadEnd(US))
    assert refresh() == 1


def test_two_queries_share_one_download_and_do_not_wait_for_ever(desk: Desk) -> None:
    desk.up()
    asked = len(desk.link.calls_of("account_updates"))
    desk.link.answers["account_updates"] = lambda _: desk.backend.timers.loop.create_future()
    desk.backend.timers.advance(6)
    first = desk.backend.timers.start(desk.ledger.refresh(desk.link, US))
    second = desk.backend.timers.start(desk.ledger.refresh(desk.link, US))
    assert len(desk.link.calls_of("account_updates")) == asked + 1
    desk.backend.timers.advance(2.9)
    assert not first.done()
    desk.backend.timers.advance(0.2)
    assert (first.done(), second.done()) == (True, True)
    for task in list(desk.ledger._downloads.values()):
        task.cancel()
    desk.backend.timers.settle()


# ------------------------------------------------------------------ closing
@pytest.mark.parametrize(
    ("address", "flag", "size", "error"),
    [
        ("ib://127.0.0.1:7497", "1", 80, 0),
        ("ib://127.0.0.1:7497", "1", 81, 30),
        ("ib://127.0.0.1:7497", "0", 81, 0),
        ("ib://127.0.0.1:7497?enforce_close=0", "1", 81, 0),
    ],
)
def test_enforce_close(address: str, flag: str, size: int, error: int, caplog: pytest.LogCaptureFixture) -> None:
    """Long 100, 20 of them bound by a working close."""
    desk = Desk(address)
    desk.up(row(100))
    desk.orders.found = [Working(False, Decimal(20), "1")]
    with caplog.at_level("INFO", "ctp2.ib"):
        found = desk.ledger.refusal(desk.link, US, AAPL, flag, Decimal(size), is_buy=False)
    assert found == error
    assert ("closes at IB" in caplog.text) == (flag == "0")
    assert desk.ledger.frozen(desk.link, US, AAPL.con_id) == 20
    desk.backend.close()


def test_marks_of_another_position_are_worked_out_anew(desk: Desk) -> None:
    desk.up(row(2, 299_500.0, ES))
    desk.link.tell(records.PortfolioRow(US, ES, 2, 6_000.0, 600_000.0, 299_500.0, 1_000.0, 0.0))
    assert desk.ledger.marks(US, ES, desk.holding(ES), 1) == (6_000.0, 1_000.0)
    desk.link.tell(row(3, 299_500.0, ES))
    assert desk.ledger.marks(US, ES, desk.holding(ES), 1) == (6_000.0, 1_500.0)
    assert desk.ledger.marks(US, AAPL, desk.holding(ES), 1) == (None, None)
