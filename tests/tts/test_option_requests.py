"""Options over the public face: instruments, rates, costs, exercise and self close as structs and callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2.tts import counter
from tests.tts.programs import Trader, address_of, released

HEAD = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,Volume,\
Turnover,OpenInterest,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
"""
ROW = (
    "20210104,{code},{exchange},{last},{settled},{settled},{high},{low},1000,34000000,500000,09:30:00,{ms},"
    "{bid},10,{ask},10,20210104\n"
)
DAY = HEAD + "".join(
    ROW.format(code=code, exchange=exchange, last=last, settled=settled, low=low, high=high, bid=bid, ask=ask, ms=ms)
    for code, exchange, settled, low, high, last, bid, ask, ms in (
        ("m2105", "DCE", 3390, 3200, 3600, 3400, 3399, 3401, 100),
        ("m2105-C-3400", "DCE", 60, 0.5, 264, 62, 61, 63, 200),
        ("m2105-C-3400", "DCE", 60, 0.5, 264, 70, 69, 71, 300),
    )
)
OPTION = "m2105-C-3400"
"""K 3400, S 3390: out of the money 10 x 10 = 100. The rates file: margin 10 %, so F = 3390 and the fixed part of a sold
lot max(3390 - 50, 1695) = 3340; the royalty at the previous settlement 600."""

RATES = """\
exchange,product,instrument,margin_long_by_money,margin_short_by_money,open_by_volume,close_by_volume,strike_by_volume
DCE,,m2105,0.1,0.1,,,
DCE,m_o,,,,1,1.5,2
"""


@pytest.fixture
def alice(tmp_path: Path) -> Iterator[Trader]:
    rates = tmp_path / "rates.csv"
    rates.write_text(RATES, encoding="utf-8")
    address = address_of(tmp_path, f"&rates={rates}&balance=CNY:100000", DAY)
    trader = Trader(address)
    with released(trader):
        trader.start()
        counter(address).step(2)
        yield trader


def own(trader: Trader) -> dict[str, str]:
    return {"BrokerID": "9999", "InvestorID": trader.user, "InstrumentID": OPTION}


def account(trader: Trader) -> Any:
    return trader.rows("ReqQryTradingAccount", BrokerID="9999")[0]


def exercise(trader: Trader, **members: Any) -> int:
    """Send an exercise of one lot; returns the number of callbacks that had come before."""
    before = len(trader.spi.calls)
    trader.send(
        "ReqExecOrderInsert",
        **{
            **own(trader),
            "ExchangeID": "DCE",
            "Volume": 1,
            "OffsetFlag": "1",
            "HedgeFlag": "1",
            "ActionType": "1",
            "PosiDirection": "2",
            "ReservePositionFlag": "1",
            "CloseFlag": "0",
            **members,
        },
    )
    return before


@pytest.mark.proves("8.4 options")
def test_an_option_is_listed_as_one(alice: Trader) -> None:
    (row,) = alice.rows("ReqQryInstrument", InstrumentID=OPTION)
    assert (row.ProductClass, row.OptionsType, row.StrikePrice, row.UnderlyingInstrID) == ("2", "1", 3400.0, "m2105")


@pytest.mark.proves("7.3 OptionInstrTradeCost", "8.3 OptionInstrCommRate")
def test_rates_and_costs(alice: Trader) -> None:
    (rate,) = alice.rows("ReqQryOptionInstrCommRate", **own(alice))
    assert (rate.OpenRatioByVolume, rate.CloseRatioByVolume, rate.StrikeRatioByVolume) == (1.0, 1.5, 2.0)
    assert rate.InstrumentID == "m_o", "set for the product"
    (cost,) = alice.rows("ReqQryOptionInstrTradeCost", **own(alice), HedgeFlag="1", InputPrice=65.0)
    assert (cost.FixedMargin, cost.Royalty, cost.MiniMargin) == (3340.0, 650.0, 0.0)
    (cost,) = alice.rows("ReqQryOptionInstrTradeCost", **own(alice), HedgeFlag="1")
    assert cost.Royalty == 600.0, "without a price the previous settlement"
    # At 3300 F = 3300 and 1000 out of the money: 3300 - 500.
    (cost,) = alice.rows("ReqQryOptionInstrTradeCost", **own(alice), UnderlyingPrice=3300.0)
    assert cost.FixedMargin == 2800.0


def test_what_is_no_option_and_what_is_not_held_has_no_row(alice: Trader) -> None:
    for query in ("ReqQryOptionInstrCommRate", "ReqQryOptionInstrTradeCost"):
        assert alice.rows(query, BrokerID="9999", InvestorID="alice", InstrumentID="m2105") == []
        assert alice.rows(query, BrokerID="9999", InvestorID="alice") == []
        assert alice.rows(query, BrokerID="9999", InvestorID="bob", InstrumentID=OPTION) == []
    alice.fill(OPTION, 63.0, ExchangeID="DCE")
    for query in ("ReqQryOptionInstrCommRate", "ReqQryOptionInstrTradeCost"):
        assert len(alice.rows(query, BrokerID="9999")) == 1, "held"
    for query in ("ReqQryInstrumentMarginRate", "ReqQryInstrumentCommissionRate"):
        assert alice.rows(query, **own(alice)) == [], "options have no rows in the futures' queries"
        assert alice.rows(query, BrokerID="9999") == []


def test_how_many_can_be_opened_and_closed(alice: Trader) -> None:
    def most(direction: str, offset: str) -> int:
        (call,) = alice.ask(
            "ReqQryMaxOrderVolume",
            **own(alice),
            ExchangeID="DCE",
            Direction=direction,
            OffsetFlag=offset,
            HedgeFlag="1",
        )
        return int(call.field.MaxVolume)

    # 100000 by the premium of 600, by the margin of 3340 + 600.
    assert (most("0", "0"), most("1", "0"), most("1", "1")) == (166, 25, 0)
    alice.fill(OPTION, 63.0, 3, ExchangeID="DCE")
    assert most("1", "1") == 3
    exercise(alice)
    alice.spi.wait_for("OnRtnExecOrder", count=2)
    assert most("1", "1") == 2, "what is exercised cannot be closed"


@pytest.mark.proves("6 rule 3", "6 CashIn")
def test_premium_and_margin_in_the_account(alice: Trader) -> None:
    alice.fill(OPTION, 63.0, 2, ExchangeID="DCE")
    row = account(alice)
    assert (row.CashIn, row.CurrMargin, row.Commission, row.Balance) == (-1260.0, 0.0, 2.0, 98738.0)
    alice.fill(OPTION, 61.0, 1, ExchangeID="DCE", Direction="1")
    # Sold: royalty at max(last 62, settled 60): 620 + 3340.
    row = account(alice)
    assert (row.CashIn, row.CurrMargin, row.Available) == (-650.0, 3960.0, 100000 - 650 - 3 - 3960)


@pytest.mark.proves("8.3 ExecOrder", "12.3 ReqExecOrderAction", "5.2 StrikeFrozen")
def test_exercise_and_its_cancel(alice: Trader) -> None:
    alice.fill(OPTION, 63.0, 2, ExchangeID="DCE")
    before = exercise(alice, ExecOrderRef="5", RequestID=77)
    alice.spi.wait_for("OnRtnExecOrder", after=before, count=2)
    first, second = (call.field for call in alice.spi.of("OnRtnExecOrder"))
    assert (first.ExecResult, first.OrderSubmitStatus, first.ExecOrderSysID) == ("n", "0", "")
    assert (second.ExecResult, second.OrderSubmitStatus, second.ExecOrderSysID) == ("n", "3", "1".rjust(12))
    assert (second.ExecOrderRef, second.RequestID, second.Volume, second.ActionType) == ("5", 77, 1, "1")
    assert second.ExecOrderLocalID == "1".rjust(12) and second.TradingDay == "20210104"
    # Future 3390, out of the money 100, fee 2.
    (position,) = alice.rows("ReqQryInvestorPosition", **own(alice))
    assert (position.StrikeFrozen, position.StrikeFrozenAmount) == (1, 3490.0)
    row = account(alice)
    assert (row.FrozenMargin, row.FrozenCommission) == (3490.0, 2.0)
    (listed,) = alice.rows("ReqQryExecOrder", **own(alice), ExecOrderSysID="1")
    assert listed == second
    assert alice.rows("ReqQryExecOrder", BrokerID="9999", ExecOrderSysID="2") == []

    members = {**own(alice), "ExchangeID": "DCE", "ActionFlag": "0"}
    alice.send("ReqExecOrderAction", **members, ExecOrderSysID=second.ExecOrderSysID, ExecOrderActionRef=3)
    gone = alice.spi.wait_for("OnRtnExecOrder", after=before, count=3).field
    assert (gone.ExecResult, gone.OrderSubmitStatus, gone.ActiveUserID) == ("c", "3", "alice")
    assert account(alice).FrozenMargin == 0.0
    (answer,) = alice.ask("ReqExecOrderAction", **members, ExecOrderSysID=second.ExecOrderSysID, ExecOrderActionRef=4)
    assert (answer.name, answer.error_id) == ("OnRspExecOrderAction", 72)
    told = alice.spi.wait_for("OnErrRtnExecOrderAction")
    assert told.error_id == 72
    assert (told.field.ExecOrderLocalID, told.field.ActionDate) == ("1".rjust(12), "20210104")


def test_a_refused_exercise_is_told_to_every_session(alice: Trader, tmp_path: Path) -> None:
    (answer,) = alice.ask("ReqExecOrderInsert", **own(alice), ExchangeID="DCE", Volume=1, ActionType="9")
    assert (answer.name, answer.error_id, answer.field.Volume) == ("OnRspExecOrderInsert", 81, 1)
    told = alice.spi.wait_for("OnErrRtnExecOrderInsert")
    assert (told.error_id, told.field.InstrumentID) == (81, OPTION)
    assert alice.rows("ReqQryExecOrder", BrokerID="9999") == []


@pytest.mark.proves("8.3 ExecOrder", "12.3 ReqOptionSelfCloseInsert")
def test_self_close(alice: Trader) -> None:
    members = {**own(alice), "ExchangeID": "DCE", "HedgeFlag": "1", "OptSelfCloseFlag": "1"}
    alice.send("ReqOptionSelfCloseInsert", **members, Volume=1)
    told = alice.spi.wait_for("OnRtnOptionSelfClose", count=2).field
    assert (told.OptSelfCloseFlag, told.OrderSubmitStatus, told.OptionSelfCloseSysID) == ("1", "3", "1".rjust(12))
    assert alice.rows("ReqQryOptionSelfClose", BrokerID="9999") == [told]
    assert alice.rows("ReqQryExecOrder", BrokerID="9999") == []
    (answer,) = alice.ask("ReqOptionSelfCloseInsert", **members, Volume=1)
    assert answer.error_id == 3046
    (answer,) = alice.ask("ReqOptionSelfCloseAction", **own(alice), OptionSelfCloseSysID="9", ActionFlag="0")
    assert answer.error_id == 3044
    alice.send("ReqOptionSelfCloseAction", **own(alice), OptionSelfCloseSysID="1", ActionFlag="0")
    assert alice.spi.wait_for("OnRtnOptionSelfClose", count=3).field.ExecResult == "c"


def test_a_brokers_own_margin_of_options(tmp_path: Path) -> None:
    """An amount per lot on top of the formula; of an option on a fund also the part of S (docs/decisions/0051)."""
    instruments, rates = tmp_path / "i.csv", tmp_path / "r.csv"
    instruments.write_text(
        "exchange,code,product,product_class,multiplier,price_tick,reference_price,underlying,strike,option_type,"
        "is_spot_option,expire_date\n"
        "SSE,510050,,,,,3,,,,,\n"
        "SSE,call,510050,option,10000,0.0001,0.05,510050,3,call,1,20991231\n",
        encoding="utf-8",
    )
    rates.write_text(
        "exchange,instrument,margin_short_by_money,margin_short_by_volume\nSSE,call,0.15,100\n", encoding="utf-8"
    )
    trader = Trader(address_of(tmp_path, f"&instruments={instruments}&rates={rates}", DAY))
    with released(trader):
        trader.start()
        (cost,) = trader.rows("ReqQryOptionInstrTradeCost", BrokerID="9999", InstrumentID="call")
        # At the money: 3 x 10000 x 0.15 + 100; the exchange's 0.12.
        assert (cost.FixedMargin, cost.ExchFixedMargin, cost.Royalty) == (4600.0, 3600.0, 500.0)
        (row,) = trader.rows("ReqQryInstrument", InstrumentID="call")
        assert row.ProductClass == "6"


OWN_RATES = """\
account,exchange,product,instrument,margin_long_by_money,margin_short_by_money,margin_short_by_volume,strike_by_volume
,DCE,,m2105,0.1,0.1,,
,DCE,m_o,,,,,2
alice,DCE,m_o,,,,100,5
bob,DCE,,m2105,0.2,0.2,,
"""


@pytest.mark.proves("7.3 Sell open", "7.5 exercise")
@pytest.mark.parametrize(
    ("user", "fixed", "future", "fee"),
    [
        # S = 33900, out of the money 100, F = 3390: max(3390 - 50, 1695), and alice's 100 a lot on top.
        ("alice", 3440.0, 3390.0, 5.0),
        # Bob's F is 6780, at his own rate of the future: max(6780 - 50, 3390).
        ("bob", 6730.0, 6780.0, 2.0),
        ("carol", 3340.0, 3390.0, 2.0),
    ],
)
def test_options_of_an_account_with_rates_of_its_own(
    tmp_path: Path, user: str, fixed: float, future: float, fee: float
) -> None:
    """What the rate queries show is what is frozen, held, and held for an exercise (docs/decisions/0051)."""
    rates = tmp_path / "rates.csv"
    rates.write_text(OWN_RATES, encoding="utf-8")
    address = address_of(tmp_path, f"&rates={rates}&balance=CNY:100000", DAY)
    trader = Trader(address, user)
    with released(trader):
        trader.start()
        counter(address).step(2)
        (cost,) = trader.rows("ReqQryOptionInstrTradeCost", **own(trader))
        (rate,) = trader.rows("ReqQryOptionInstrCommRate", **own(trader))
        assert (cost.FixedMargin, rate.StrikeRatioByVolume) == (fixed, fee)
        (most,) = trader.ask(
            "ReqQryMaxOrderVolume", **own(trader), ExchangeID="DCE", Direction="1", OffsetFlag="0", HedgeFlag="1"
        )
        assert most.field.MaxVolume == int(100000 // (600 + fixed))
        trader.rest(OPTION, 200.0, 1, ExchangeID="DCE", Direction="1")
        assert account(trader).FrozenMargin == 600 + fixed
        trader.fill(OPTION, 61.0, 1, ExchangeID="DCE", Direction="1")
        # Sold today: the royalty is the last price, 62 x 10.
        (held,) = trader.rows("ReqQryInvestorPosition", **own(trader))
        (lot,) = trader.rows("ReqQryInvestorPositionDetail", **own(trader))
        assert (held.UseMargin, lot.Margin, account(trader).CurrMargin) == (620 + fixed,) * 3
        trader.fill(OPTION, 63.0, 1, ExchangeID="DCE")
        before = account(trader)
        exercise(trader)
        trader.spi.wait_for("OnRtnExecOrder", count=2)
        after = account(trader)
        # The future that comes of it, and the 100 that the option is out of the money.
        assert after.FrozenMargin - before.FrozenMargin == future + 100
        assert after.FrozenCommission - before.FrozenCommission == fee


def test_without_checks_anything_can_be_exercised(tmp_path: Path) -> None:
    """``checks=off`` asks for neither lots nor money: no 74."""
    trader = Trader(address_of(tmp_path, "&checks=off&balance=CNY:1", DAY))
    with released(trader):
        trader.start()
        before = exercise(trader)
        trader.spi.wait_for("OnRtnExecOrder", after=before, count=2)
        assert trader.spi.of("OnErrRtnExecOrderInsert") == []


def test_every_record_shows_the_zone_that_was_asked_for(tmp_path: Path) -> None:
    """``tz=America/New_York``: 09:30 of 2021-01-04 in Beijing is 20:30 of the evening before (docs/decisions/0066)."""
    address = address_of(tmp_path, "&tz=America/New_York&bank=on", DAY)
    trader = Trader(address)
    with released(trader):
        trader.start()
        counter(address).step(2)
        times: dict[str, tuple[str, str]] = {}
        members = {**own(trader), "ExchangeID": "DCE"}

        trader.fill(OPTION, 63.0, 1, ExchangeID="DCE")
        exercise(trader)
        told = trader.spi.wait_for("OnRtnExecOrder", count=2).field
        times["exercise"] = told.InsertTime, "20210103"
        assert len(trader.rows("ReqQryExecOrder", **own(trader), InsertTimeStart="20:29:00")) == 1
        trader.send("ReqExecOrderAction", **members, ExecOrderSysID=told.ExecOrderSysID, ActionFlag="0")
        times["its cancel"] = trader.spi.wait_for("OnRtnExecOrder", count=3).field.CancelTime, "20210103"
        for kind in ("ExecOrder", "OptionSelfClose"):
            trader.ask(f"Req{kind}Action", **members, **{f"{kind}SysID": "99"}, ActionFlag="0")
            told = trader.spi.wait_for(f"OnErrRtn{kind}Action").field
            times[f"no such {kind}"] = told.ActionTime, told.ActionDate
        trader.send("ReqOptionSelfCloseInsert", **members, Volume=1, HedgeFlag="1", OptSelfCloseFlag="1")
        times["self close"] = trader.spi.wait_for("OnRtnOptionSelfClose").field.InsertTime, "20210103"

        trader.ask("ReqOrderAction", **members, OrderSysID="99", ActionFlag="0")
        told = trader.spi.wait_for("OnErrRtnOrderAction").field
        times["no such order"] = told.ActionTime, told.ActionDate
        trader.ask("ReqQuoteAction", **members, QuoteSysID="99", ActionFlag="0")
        told = trader.spi.wait_for("OnErrRtnQuoteAction").field
        times["no such quote"] = told.ActionTime, told.ActionDate
        trader.send(
            "ReqQuoteInsert",
            **{**members, "InstrumentID": "m2105"},
            AskPrice=3500.0,
            BidPrice=3300.0,
            AskVolume=1,
            BidVolume=1,
            AskOffsetFlag="0",
            BidOffsetFlag="0",
            AskHedgeFlag="1",
            BidHedgeFlag="1",
        )
        told = trader.spi.wait_for("OnRtnQuote").field
        times["quote"] = told.InsertTime, told.InsertDate
        trader.send(
            "ReqFromBankToFutureByFuture",
            BrokerID="9999",
            AccountID="alice",
            BankID="1",
            TradeAmount=1.0,
            SecuPwdFlag="0",
            CurrencyID="CNY",
        )
        told = trader.spi.wait_for("OnRtnFromBankToFutureByFuture").field
        times["transfer"] = told.TradeTime, told.TradeDate
        assert told.TradingDay == "20210104"
        assert {name: time for name, time in times.items() if time != ("20:30:00", "20210103")} == {}
