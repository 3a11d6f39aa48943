"""Positions and money through the public interface, at a stand-in TWS whose orders trade (spec ib 5.6, 5.7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from ctp2.testing.tws import Script
from tests.ib.stand import ACCOUNT, LIMIT_S, Stand, stand

OTHER = "DU1000002"
APPLE = "AAPL-USD-STK"


@pytest.fixture
def tws() -> Iterator[Stand]:
    # The master client hears of what is done in TWS itself, too.
    with stand(Script(accounts={ACCOUNT: 1_000_000.0, OTHER: 250_000.0}, master_client_id=1)) as made:
        yield made


def future(tws: Stand) -> Any:
    """The stand-in's ES contract."""
    return next(listed for listed in tws.tws.world.contracts if listed.symbol == "ES")


def text_of(listed: Any) -> str:
    return f"ES-{listed.contract_month}-USD-FUT@CME"


def quoted(tws: Stand, listed: Any, price: float) -> None:
    """The market stands at this price, as deep as anybody wants."""
    quotes = tws.tws.world.parts["quotes"].quotes
    tws.tws.call(lambda: quotes.put(listed, bid=price, ask=price, bid_size=1e6, ask_size=1e6, last=price, mark=price))


def manual(tws: Stand, listed: Any, action: str, quantity: float, **fields: Any) -> None:
    """Somebody trades in TWS itself, at the market."""
    orders = tws.tws.world.parts["orders"]
    tws.tws.call(lambda: orders.manual(listed, action, quantity, orderType="MKT", **fields))


def until(ask: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """The answer, as soon as what TWS tells by itself is in it."""
    deadline = time.monotonic() + LIMIT_S
    while not holds(found := ask()):
        assert time.monotonic() < deadline, found
    return found


def test_the_account_and_its_ledger(tws: Stand) -> None:
    client = tws.trader(f"account={ACCOUNT}").start()
    row = client.account()
    assert (row.AccountID, row.CurrencyID, row.Balance, row.Available) == (ACCOUNT, "USD", 1_000_000.0, 1_000_000.0)
    assert (row.WithdrawQuota, row.CurrMargin, row.Commission) == (1_000_000.0, 0.0, 0.0)
    assert client.rows("ReqQryTradingAccount", InvestorID=ACCOUNT, CurrencyID="EUR") == []


def test_each_user_sees_the_account_it_logs_in_with(tws: Stand) -> None:
    client = tws.trader(user=OTHER).start()
    assert client.rows("ReqQryTradingAccount")[0].Balance == 250_000.0
    assert client.rows("ReqQryTradingAccount", InvestorID=ACCOUNT)[0].Balance == 1_000_000.0
    (event,) = client.ask("ReqQryTradingAccount", InvestorID="DU7")
    assert event.error_id == 13
    assert [row.InvestorID for row in client.rows("ReqQryInvestor")] == [ACCOUNT, OTHER]


def test_a_position_that_was_made_in_tws(tws: Stand) -> None:
    """3 bought at 6,000 (cost 3 × 300,000), fee 3 × 2.25; 5 sold at 6,010: 3 close, 3 × 10 × 50 of profit, 2 open."""
    es = future(tws)
    quoted(tws, es, 6_000.0)
    client = tws.trader(f"account={ACCOUNT}").start()
    manual(tws, es, "BUY", 3, account=ACCOUNT)

    def position() -> Any:
        return client.rows("ReqQryInvestorPosition", InstrumentID=text_of(es))

    (row,) = until(position, lambda rows: bool(rows) and rows[0].Commission > 0)
    assert (row.InstrumentID, row.PosiDirection, row.Position, row.TodayPosition, row.YdPosition) == (
        *(text_of(es), "2", 3),
        *(3, 0),
    )
    assert (row.PositionCost, row.OpenAmount, row.OpenVolume) == (900_000.0, 900_000.0, 3)
    assert row.Commission == pytest.approx(6.75)
    (detail,) = client.rows("ReqQryInvestorPositionDetail")
    assert (detail.Volume, detail.OpenPrice, detail.Direction) == (3, 6_000.0, "0")

    quoted(tws, es, 6_010.0)
    manual(tws, es, "SELL", 5, account=ACCOUNT)
    (row,) = until(position, lambda rows: rows[0].PosiDirection == "3" and rows[0].Commission > 0)
    assert (row.Position, row.OpenVolume, row.PositionCost) == (2, 2, 601_000.0)
    # 5 × 2.25 of fee for the sale: two fifths of it belong to what was opened.
    assert row.Commission == pytest.approx(4.5)
    account = until(client.account, lambda found: found.CloseProfit != 0)
    assert account.CloseProfit == pytest.approx(1_500.0)
    assert account.Commission == pytest.approx(18.0)
    # 10 % of 2 × 300,500.
    assert account.CurrMargin == pytest.approx(60_100.0)


def test_marks_of_the_positions_of_every_account(tws: Stand) -> None:
    """TWS tells them of one account at a time: 100 at 150 and -50 at 210, both marked at 200."""
    control = tws.tws.control
    control.set_quote("AAPL", bid=199.0, ask=201.0, last=200.0)
    control.set_position(ACCOUNT, "AAPL", 100, 150.0)
    control.set_position(OTHER, "AAPL", -50, 210.0)
    client = tws.trader().start()
    for _ in range(2):
        for account, profit in ((ACCOUNT, 5_000.0), (OTHER, 500.0)):
            (row,) = client.rows("ReqQryInvestorPosition", InvestorID=account)
            assert (row.PositionProfit, row.SettlementPrice) == (pytest.approx(profit), 200.0)


def test_rates_and_order_sizes(tws: Stand) -> None:
    """A lot of ES at 6,000 is worth 300,000: 10 % of margin, 2.25 of fee; 1,000,000 pay for 33 of them."""
    es = future(tws)
    quoted(tws, es, 6_000.0)
    client = tws.trader(f"account={ACCOUNT}").start()
    (margin,) = client.rows("ReqQryInstrumentMarginRate", InstrumentID=text_of(es), HedgeFlag="1")
    assert margin.LongMarginRatioByVolume == pytest.approx(30_000.0)
    assert margin.ShortMarginRatioByVolume == pytest.approx(30_000.0)
    (fee,) = client.rows("ReqQryInstrumentCommissionRate", InstrumentID=text_of(es))
    assert (fee.OpenRatioByVolume, fee.CloseRatioByVolume) == (pytest.approx(2.25), pytest.approx(2.25))
    asked = {"InstrumentID": text_of(es), "Direction": "0", "OffsetFlag": "0", "HedgeFlag": "1"}
    (answer,) = client.ask("ReqQryMaxOrderVolume", **asked)
    assert (answer.error_id, answer.field.MaxVolume) == (0, 33)
    # What-if orders are none.
    assert tws.tws.call(lambda: list(tws.tws.world.parts["orders"].trading.live)) == []


def _send(message: tuple[object, ...], session: Any) -> None:
    session.send(message)


def test_messages_that_cannot_be_read_take_nothing_away(tws: Stand, caplog: pytest.LogCaptureFixture) -> None:
    """Short and empty ones, of accounts and positions; what is known stays, and so does the connection."""
    client = tws.trader(f"account={ACCOUNT}").start()
    for message in ((15, 1, ""), (7, 8, 1), (61, 3, ACCOUNT), (63,), (6, 2, "NetLiquidation", "", "USD", ACCOUNT)):
        tws.on_clients(partial(_send, message))
    assert client.account().Balance == 1_000_000.0
    assert not client.spi.of("OnFrontDisconnected")
    caplog.clear()
