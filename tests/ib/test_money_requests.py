"""The queries of money through a session: what TWS told on one side, what a client gets on the other (spec ib 5.6)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ctp2.core.backend import Event
from ctp2.ctp import structs
from ctp2.ctp.methods import TRADER
from ctp2.ib import money_requests, records
from ctp2.ib.contracts import Directory
from ctp2.ib.offsets import Working
from ctp2.ib.positions import Ledger
from tests.ib import listed
from tests.ib.fakelink import NOON_NS, FakeBackend, FakeLink

US, OTHER = "DU1000001", "DU1000002"
SECOND = 1_000_000_000
AAPL, ES, BTC, TENCENT = (details.contract for details in (listed.AAPL, listed.ES, listed.BTC, listed.TENCENT))
MONEY = {
    "NetLiquidation": "1000000",
    "AvailableFunds": "900000",
    "TotalCashValue": "800000",
    "InitMarginReq": "50000",
}


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTP2_HOME", str(tmp_path))


class Orders:
    """The working orders of a link."""

    def __init__(self) -> None:
        self.found: list[Working] = []

    def working(self, account: str, con_id: int) -> list[Working]:
        return self.found


class Desk:
    """A client that is logged in at a TWS with these accounts."""

    def __init__(self, *accounts: str) -> None:
        self.backend = FakeBackend("ib://127.0.0.1:7497", *(accounts or (US,)))
        self.backend.orders = self.orders = Orders()
        self.backend.ledger = Ledger(self.backend)  # type: ignore[arg-type]
        self.backend.directory = Directory(self.backend)  # type: ignore[arg-type]
        self.backend.parts = [self.backend.ledger]
        self.backend.requests = dict(money_requests.REQUESTS)
        self.link: FakeLink = self.backend.links["trader"]
        self.link.answers["details"] = listed.answer
        self.session, self.sink = self.backend.open()
        self.session.broker_id = "9999"
        self._number = 0

    def told(self, *rows: records.Record) -> None:
        """The link came up, and TWS told this."""
        self.link.tell(records.LinkUp(176, 1, self.link.accounts), *rows)

    def money(self, account: str = US, currency: str = "USD", **values: str) -> None:
        rows = values or MONEY
        self.link.tell(*(records.SummaryRow(1, account, tag, value, currency) for tag, value in rows.items()))

    def fill(self, contract: records.Contract, side: str, shares: float, price: float, account: str = US) -> str:
        self._number += 1
        exec_id = f"0001f4e8.65aa0001.{self._number:02}.01"
        moment = NOON_NS + self._number * SECOND
        self.link.tell(
            records.Execution(-1, contract, exec_id, moment, account, "X", side, shares, price, 7, 0, self._number)
        )
        return exec_id

    def ask(self, name: str, **fields: Any) -> list[Event]:
        """What a client gets for a request."""
        struct = getattr(structs, TRADER[name].struct)()
        for key, value in fields.items():
            setattr(struct, key, value)
        self.backend.ask(self.session, name, struct)
        events = self.sink.take()
        assert [event.is_last for event in events] == [False] * (len(events) - 1) + [True]
        return events

    def rows(self, name: str, **fields: Any) -> list[Any]:
        """The rows of a query that succeeds."""
        events = self.ask(name, **fields)
        assert all(event.info is None or event.info.ErrorID == 0 for event in events)
        return [event.field for event in events if event.field is not None]

    def error(self, name: str, **fields: Any) -> tuple[int, str]:
        """The error of a request that is refused."""
        (event,) = self.ask(name, **fields)
        assert event.info is not None
        return event.info.ErrorID, event.info.ErrorMsg


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.backend.close()


# ------------------------------------------------------------------ positions
def test_positions(desk: Desk) -> None:
    desk.told(records.PositionRow(US, ES, 3, 299_500.0), records.PositionRow(US, AAPL, -200, 210.0))
    desk.fill(ES, "BOT", 1, 6000.0)
    desk.orders.found = [Working(False, Decimal(2), "1")]
    rows = desk.rows("ReqQryInvestorPosition")
    found = [(row.InstrumentID, row.PosiDirection, row.Position, row.YdPosition, row.TodayPosition) for row in rows]
    assert found == [("AAPL-USD-STK", "3", 200, 200, 0), ("ES-202512-USD-FUT@CME", "2", 4, 3, 1)]
    assert [(row.ExchangeID, row.ShortFrozen, row.LongFrozen) for row in rows] == [("NASD", 0, 0), ("CME", 2, 0)]
    # A sell order against a short position closes nothing.
    assert {(row.BrokerID, row.InvestorID, row.TradingDay) for row in rows} == {("9999", US, "20251124")}


def test_positions_of_one_instrument_under_the_clients_name(desk: Desk) -> None:
    desk.told(records.PositionRow(US, ES, 3, 299_500.0), records.PositionRow(US, AAPL, 1, 210.0))
    resolved = desk.backend.timers.loop.run_until_complete(desk.backend.directory.resolve(desk.link, "ESZ5@CME"))
    desk.backend.directory.names_of(desk.session).note(resolved, "ESZ5@CME")
    (row,) = desk.rows("ReqQryInvestorPosition", InstrumentID="ESZ5@CME", ExchangeID="ignored"[:8])
    assert (row.InstrumentID, row.Position) == ("ESZ5@CME", 3)
    assert [row.InstrumentID for row in desk.rows("ReqQryInvestorPosition", InstrumentID="AAPL")] == ["AAPL-USD-STK"]
    assert desk.rows("ReqQryInvestorPosition", InstrumentID="NONE-USD-STK") == []


def test_position_details_name_the_trade_that_opened_them(desk: Desk) -> None:
    desk.told(records.PositionRow(US, AAPL, -2, 10.0))
    desk.fill(AAPL, "BOT", 5, 11.0)  # 2 close, 3 open: the opening part bears an id of its own
    desk.fill(AAPL, "BOT", 1, 12.0)
    rows = desk.rows("ReqQryInvestorPositionDetail")
    assert [(row.Volume, row.OpenPrice, row.Direction) for row in rows] == [(3, 11.0, "0"), (1, 12.0, "0")]
    assert rows[0].TradeID.startswith("H") and rows[1].TradeID != rows[0].TradeID
    assert desk.rows("ReqQryInvestorPositionCombineDetail") == []


def test_a_position_in_coins(desk: Desk) -> None:
    """Increment 0.00001: CTP volume 1 is 0.00001 coin; 0.5 coins at 60,000 cost 30,000."""
    desk.told(records.PositionRow(US, BTC, 0.5, 60_000.0))
    (row,) = desk.rows("ReqQryInvestorPosition")
    assert (row.Position, row.PositionCost) == (50_000, 30_000.0)


# ------------------------------------------------------------------ money
def test_the_account(desk: Desk) -> None:
    desk.told()
    desk.money()
    (row,) = desk.rows("ReqQryTradingAccount", BizType="1")
    assert (row.AccountID, row.CurrencyID, row.Balance, row.Available) == (US, "USD", 1_000_000.0, 900_000.0)
    assert (row.WithdrawQuota, row.CurrMargin, row.BizType) == (800_000.0, 50_000.0, "1")


def test_the_row_of_another_currency(desk: Desk) -> None:
    desk.told()
    desk.money()
    desk.money(currency="HKD", CashBalance="7800", NetLiquidationByCurrency="78000", ExchangeRate="0.128")
    desk.link.tell(records.Commission(desk.fill(TENCENT, "BOT", 100, 500.0), 18.0, "HKD"))
    (row,) = desk.rows("ReqQryTradingAccount", CurrencyID="HKD")
    assert (row.CurrencyID, row.Balance, row.Available, row.Commission) == ("HKD", 78_000.0, 7_800.0, 18.0)
    (base,) = desk.rows("ReqQryTradingAccount")
    assert base.Commission == pytest.approx(2.304)  # 18 × 0.128
    assert desk.rows("ReqQryTradingAccount", CurrencyID="EUR") == []


def test_before_the_first_values_a_client_asks_again(desk: Desk) -> None:
    desk.told()
    assert desk.error("ReqQryTradingAccount") == (90, f"IB:no account values of {US} yet")


# ------------------------------------------------------------------ several accounts
def test_several_accounts() -> None:
    desk = Desk(US, OTHER)
    desk.told(records.PositionRow(US, AAPL, 1, 10.0), records.PositionRow(OTHER, AAPL, 2, 10.0))
    desk.money(US)
    desk.money(OTHER, NetLiquidation="5", AvailableFunds="4", TotalCashValue="3")
    assert [row.Position for row in desk.rows("ReqQryInvestorPosition", InvestorID=OTHER)] == [2]
    assert [row.Balance for row in desk.rows("ReqQryTradingAccount", InvestorID=OTHER)] == [5.0]
    assert [row.Balance for row in desk.rows("ReqQryTradingAccount", AccountID=US)] == [1_000_000.0]
    # Not told which of them, and one that TWS does not manage: 13.
    assert desk.error("ReqQryInvestorPosition") == (13, f"CTP:InvestorID? {US}, {OTHER}")
    for name in money_requests.REQUESTS:
        assert desk.error(name, InvestorID="DU9")[0] == 13, name
    assert [row.InvestorID for row in desk.rows("ReqQryInvestor")] == [US, OTHER]
    desk.backend.close()


def test_the_configured_account_is_meant_where_none_is_named() -> None:
    desk = Desk(US, OTHER)
    desk.session.account = OTHER
    desk.told(records.PositionRow(US, AAPL, 1, 10.0), records.PositionRow(OTHER, AAPL, 2, 10.0))
    assert [row.Position for row in desk.rows("ReqQryInvestorPosition")] == [2]
    desk.backend.close()


# ------------------------------------------------------------------ the investor
def test_the_investor_and_its_codes(desk: Desk) -> None:
    desk.told(records.PositionRow(US, ES, 1, 1.0), records.PositionRow(US, AAPL, 1, 1.0))
    desk.rows("ReqQryInvestorPosition")  # now CME and NASD are known
    (row,) = desk.rows("ReqQryInvestor")
    assert (row.InvestorID, row.InvestorName, row.IsActive, row.BrokerID) == (US, US, 1, "9999")
    codes = desk.rows("ReqQryTradingCode")
    assert [(code.ExchangeID, code.ClientID, code.BizType) for code in codes] == [("CME", US, "1"), ("NASD", US, "2")]
    assert [code.ExchangeID for code in desk.rows("ReqQryTradingCode", ExchangeID="CME")] == ["CME"]


def test_statements(desk: Desk) -> None:
    (row,) = desk.rows("ReqQrySettlementInfo")
    assert (row.InvestorID, row.Content, row.TradingDay) == (US, b"", "20251124")


# ------------------------------------------------------------------ rates
def what_if(**values: Any) -> Any:
    """A TWS that answers every what-if order with this; ``BUY`` and ``SELL`` may differ."""

    def answered(spec: records.OrderSpec, contract: records.Contract) -> records.OpenOrder:
        chosen = values.get(spec.action, values)
        return records.OpenOrder(1, 1, 0, contract, spec, "PreSubmitted", **chosen)

    return answered


def test_margin_rates(desk: Desk) -> None:
    """Long 1 ES: a lot more needs 15,000; a sold one frees as much, so the other side tells what a lot needs."""
    desk.told(records.PositionRow(US, ES, 1, 1.0))
    desk.link.answers["what_if"] = what_if(BUY={"init_margin_change": 15_000.0}, SELL={"init_margin_change": -15_000.0})
    (row,) = desk.rows("ReqQryInstrumentMarginRate", InstrumentID="ES-202512-USD-FUT@CME", HedgeFlag="1")
    assert (row.LongMarginRatioByVolume, row.ShortMarginRatioByVolume) == (15_000.0, 15_000.0)
    assert (row.LongMarginRatioByMoney, row.IsRelative, row.InvestorRange) == (0.0, 0, "3")
    specs = [spec for spec, _ in desk.link.calls_of("what_if")]
    assert [(spec.action, spec.quantity, spec.account, spec.what_if) for spec in specs] == [
        ("BUY", 1.0, US, True),
        ("SELL", 1.0, US, True),
    ]
    # Without an instrument: of what is held.
    assert [row.InstrumentID for row in desk.rows("ReqQryInstrumentMarginRate")] == ["ES-202512-USD-FUT@CME"]


def test_rates_are_of_the_smallest_order_that_the_exchange_takes(desk: Desk) -> None:
    """A board lot of 100 shares costs 18 and needs 12,500: 0.18 and 125 a share."""
    desk.link.answers["what_if"] = what_if(init_margin_change=12_500.0, commission=18.0, commission_currency="HKD")
    (margin,) = desk.rows("ReqQryInstrumentMarginRate", InstrumentID="00700")
    (fee,) = desk.rows("ReqQryInstrumentCommissionRate", InstrumentID="00700")
    assert [spec.quantity for spec, _ in desk.link.calls_of("what_if")] == [100.0] * 3
    assert (margin.LongMarginRatioByVolume, margin.ShortMarginRatioByVolume) == (125.0, 125.0)
    assert (fee.OpenRatioByVolume, fee.CloseRatioByVolume, fee.CloseTodayRatioByVolume) == (0.18, 0.18, 0.18)
    assert (fee.BizType, fee.OpenRatioByMoney) == ("2", 0.0)


@pytest.mark.parametrize(
    ("told", "fee"),
    [
        ({"commission": 2.0, "max_commission": 3.0}, 2.0),
        ({"min_commission": 1.0, "max_commission": 3.0}, 3.0),
        ({"min_commission": 1.0}, 1.0),
        ({}, 0.0),
    ],
)
def test_of_a_range_of_commissions_the_upper_end_counts(desk: Desk, told: dict[str, float], fee: float) -> None:
    desk.link.answers["what_if"] = what_if(**told)
    (row,) = desk.rows("ReqQryInstrumentCommissionRate", InstrumentID="ES-202512-USD-FUT@CME")
    assert row.OpenRatioByVolume == fee


@pytest.mark.parametrize("name", ["ReqQryInstrumentMarginRate", "ReqQryInstrumentCommissionRate"])
def test_rates_that_tws_does_not_tell(desk: Desk, name: str) -> None:
    desk.link.answers["what_if"] = records.Refused(321, "Read-Only")
    assert desk.error(name, InstrumentID="AAPL") == (91, "IB321:Read-Only")
    assert desk.rows(name, InstrumentID="NONE-USD-STK") == []


# ------------------------------------------------------------------ how much may be ordered
def asked(desk: Desk, **fields: Any) -> int:
    (event,) = desk.ask("ReqQryMaxOrderVolume", **{"InstrumentID": "ESZ5@CME", "Direction": "0", **fields})
    assert event.info is not None and event.info.ErrorID == 0
    assert event.field.ExchangeID == "CME"
    volume: int = event.field.MaxVolume
    return volume


def test_how_much_can_be_opened(desk: Desk) -> None:
    """900,000 ÷ (15,000 margin + 2.25 fee) = 59.99: 59; and 2 more against a short position of 2."""
    desk.told()
    desk.money()
    desk.link.answers["what_if"] = what_if(init_margin_change=15_000.0, commission=2.25, commission_currency="USD")
    assert asked(desk, OffsetFlag="0") == 59
    desk.link.tell(records.PositionRow(US, ES, -2, 1.0))
    desk.backend.timers.advance(25)
    assert asked(desk, OffsetFlag="0") == 61
    assert asked(desk, OffsetFlag="0", Direction="1") == 59


def test_a_premium_counts_beside_the_margin(desk: Desk) -> None:
    """An option at 12 × 100 = 1,200, and 1 of fee: 900,000 ÷ 1,201 = 749.4."""
    desk.told()
    desk.money()
    desk.link.answers["what_if"] = what_if(equity_with_loan_change=-1_200.0, commission=1.0, commission_currency="USD")
    assert asked(desk, OffsetFlag="0") == 749


def test_a_fee_in_another_currency_is_converted(desk: Desk) -> None:
    """10,000 HKD at 0.1 are 1,000: 900,000 ÷ 16,000 = 56.25."""
    desk.told()
    desk.money()
    desk.money(currency="HKD", ExchangeRate="0.1")
    desk.link.answers["what_if"] = what_if(init_margin_change=15_000.0, commission=10_000.0, commission_currency="HKD")
    assert asked(desk, OffsetFlag="0") == 56


def test_how_much_can_be_closed(desk: Desk) -> None:
    desk.told(records.PositionRow(US, ES, 5, 1.0))
    desk.orders.found = [Working(False, Decimal(2), "1")]
    assert asked(desk, OffsetFlag="1", Direction="1") == 3
    assert asked(desk, OffsetFlag="1", Direction="0") == 0
    assert desk.link.calls_of("what_if") == []


def test_what_needs_no_money_is_not_limited(desk: Desk) -> None:
    desk.told()
    desk.money()
    desk.link.answers["what_if"] = what_if()
    assert asked(desk, OffsetFlag="0") == 2**31 - 1


def test_how_much_of_nothing(desk: Desk) -> None:
    desk.told()
    assert desk.error("ReqQryMaxOrderVolume", InstrumentID="NONE-USD-STK")[0] == 91  # TWS's 200, as the fake maps it
    assert desk.error("ReqQryMaxOrderVolume", InstrumentID="ESZ5@CME", Direction="0", OffsetFlag="0")[0] == 90
