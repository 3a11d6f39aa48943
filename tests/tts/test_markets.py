"""``markets=``, ``tz=`` and ``data_tz=``: what is listed and not recorded, and whose clock a struct shows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from ctp2 import tdapi
from ctp2.core.address import parse as parse_address
from ctp2.refdata.sessions import instant_ns
from ctp2.testing import Call
from ctp2.tts import counter
from ctp2.tts.config import parse
from ctp2.tts.environments import World, build
from ctp2.tts.feed import PhaseChange
from ctp2.tts.securities import takes_order_type
from tests.tts.programs import FIRST, Trader, Watcher, address_of

HEADER = (
    "TradingDay,InstrumentID,ExchangeID,LastPrice,PreClosePrice,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,"
    "AskPrice1,AskVolume1,ActionDay\n"
)
US_DAY = HEADER + (
    "20260105,AAPL,NASD,200.00,199,09:30:00,0,199.99,500,200.01,500,20260105\n"
    "20260105,AAPL,NASD,200.50,199,15:59:59,0,200.49,500,200.51,500,20260105\n"
)
NIGHT_DAY = HEADER + (
    # Monday 2026-01-12 began on Friday evening: 21:00 on the 9th, and after midnight on Saturday the 10th.
    "20260112,au2606,SHFE,900,900,21:00:00,500,899.98,5,900.02,5,20260109\n"
    "20260112,au2606,SHFE,901,900,01:00:00,0,900.98,5,901.02,5,20260110\n"
    "20260112,au2606,SHFE,902,900,09:00:00,500,901.98,5,902.02,5,20260112\n"
)
MIXED_DAY = HEADER + (
    "20260105,AAPL,NASD,200.00,199,09:30:00,0,199.99,500,200.01,500,20260105\n"
    "20260105,600519,SSE,1500,1490,09:30:00,0,1499.99,500,1500.01,500,20260105\n"
    "20260105,00700,HKEX,600,598,15:59:00,0,599.5,500,600,500,20260105\n"
)
UTC_DAY = HEADER + (
    # 14:30 UTC is 08:30 in Chicago in winter.
    "20231226,ESH4,CME,4800,4790,14:30:00,0,4799.75,5,4800,5,20231226\n"
)


def world_of(folder: Path, day: str, options: str = "") -> World:
    return build(parse(parse_address(address_of(folder, options, day))), 0)


# ------------------------------------------------------------------ listing


def test_what_is_listed_becomes_a_contract_when_it_is_used(tmp_path: Path) -> None:
    world = world_of(tmp_path, US_DAY, "&markets=futures,hk,us,cme,special")
    state = world.engine.state
    assert len(world.listed) > 4500
    assert [contract.code for contract in state.contracts] == ["AAPL"]
    assert [made.exchange for made in world.instruments(code="00700")] == ["HKEX"]
    assert [contract.code for contract in state.named("00700")] == ["00700"]
    assert [contract.code for contract in state.contracts] == ["AAPL", "00700"]
    assert state.named("no such") == []


def test_an_option_brings_its_underlying(tmp_path: Path) -> None:
    world = world_of(tmp_path, US_DAY, "&markets=futures,options")
    (option,) = world.engine.state.named("cu2603C80000")
    assert option.option is not None
    assert option.option.underlying is not None
    assert [contract.code for contract in world.engine.state.contracts] == ["AAPL", "cu2603C80000", "cu2603"]


def test_looking_makes_no_contract(tmp_path: Path) -> None:
    world = world_of(tmp_path, US_DAY, "&markets=cme")
    instrument = next(world.instruments("CME", "", "ES"))
    contract, tick = world.snapshot(instrument)
    assert (contract.code, tick.bid_volume1, contract.index) == (instrument.code, 0, -1)
    assert len(world.engine.state.contracts) == 1


def test_listed_instruments_are_queried_whole_and_by_filter(tmp_path: Path) -> None:
    trader = Trader(address_of(tmp_path, "&markets=hk,us", US_DAY)).start()
    everything = trader.rows("ReqQryInstrument")
    assert len(everything) > 3600
    assert len({(row.ExchangeID, row.InstrumentID) for row in everything}) == len(everything)
    (tencent,) = trader.rows("ReqQryInstrument", InstrumentID="00700")
    assert (tencent.ExchangeID, tencent.MinLimitOrderVolume, tencent.ProductID) == ("HKEX", 100, "HK")
    assert {row.ProductID for row in trader.rows("ReqQryProduct")} == {"HK", "HKFUND", "US", "USFUND"}
    assert trader.rows("ReqQryInstrument", InstrumentID="rb2605") == []
    trader.api.Release()


def test_users_trade_what_nobody_recorded(tmp_path: Path) -> None:
    address = address_of(tmp_path, "&markets=us&match=BRK.B", US_DAY)
    alice, bob = Trader(address, "alice").start(), Trader(address, "bob").start()
    watcher = Watcher(address).login().subscribe("BRK.B")
    quiet = watcher.spi.wait_for("OnRtnDepthMarketData").field
    assert (quiet.BidVolume1, quiet.AskVolume1, quiet.ExchangeID) == (0, 0, "NYSE")
    code = {"ExchangeID": "NYSE"}
    alice.rest("BRK.B", 480.01, 100, **code)
    order = alice.insert("BRK.B", 480.005, 100, **code)  # off the cent
    assert "价格非最小单位倍数" in alice.spi.wait_for(is_rejected, after=order).field.StatusMsg
    counter(address).carry("bob", "NYSE", "BRK.B", 150, 470.0)
    trade = bob.fill("BRK.B", 480.0, 100, **code, Direction="1", CombOffsetFlag="1")
    assert (trade.Price, trade.Volume, trade.ExchangeID) == (480.01, 100, "NYSE")
    (left,) = bob.rows("ReqQryInvestorPosition", InstrumentID="BRK.B")
    assert (left.YdPosition, left.Position, left.TodayPosition) == (150, 50, 0)
    for api in (alice.api, bob.api, watcher.api):
        api.Release()


def is_rejected(call: Call) -> bool:
    return call.name == "OnRtnOrder" and call.field.OrderSubmitStatus == "4"


def test_an_unknown_market_or_zone_is_refused_at_once(tmp_path: Path) -> None:
    for option, message in (("markets=mars", "unknown market 'mars'"), ("tz=Mars/Olympus", "no such time zone")):
        api = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi()
        with pytest.raises(ValueError, match=message):
            api.RegisterFront(address_of(tmp_path, f"&{option}"))
        api.Release()


# ------------------------------------------------------------------ phases


def test_a_replay_has_the_phases_of_each_session(tmp_path: Path) -> None:
    """Spec 10.1: US 09:30-16:00 New York. At 09:30 there it is 22:30 in Hong Kong: closed since 16:00."""
    world = world_of(tmp_path, US_DAY, "&markets=hk,us,cme")
    world.feed.skip_to_start(lambda change, _: world.phases.__setitem__(change.schedule, change))
    assert (world.status_of("NASD/US"), world.status_of("HKEX/HK")) == ("2", "6")
    assert world.status_of("CME/CME_EQ") == "2"  # since 17:00 in Chicago the evening before
    assert world.engine.state.named("00700")[0].phase == "6"
    assert world.engine.state.named("MSFT")[0].phase == "2"


def test_everything_is_open_in_7x24(tmp_path: Path) -> None:
    trader = Trader(f"tts://7x24?id=open{tmp_path.name}&markets=us,hk,futures").start()
    last = {call.field.InstrumentID: call.field for call in trader.spi.of("OnRtnInstrumentStatus")}
    assert {"HK", "US", "rb", "IF"} <= last.keys()
    assert {row.InstrumentStatus for row in last.values()} == {"2"}
    trader.api.Release()


def test_the_night_before_a_monday_was_on_friday(tmp_path: Path) -> None:
    world = world_of(tmp_path, NIGHT_DAY)
    friday_night = instant_ns("Asia/Shanghai", "20260109", 21 * 3600) + 500_000_000
    assert world.feed.base_ns + (world.feed.next_offset or 0) <= friday_night
    seen = []
    while (offset := world.feed.next_offset) is not None:
        entry = world.feed.take()
        if isinstance(entry, PhaseChange):
            world.phases[entry.schedule] = entry
        else:
            seen.append((world.feed.base_ns + offset, world.status_of("SHFE/N0230")))
    assert seen == [
        (friday_night, "2"),
        (instant_ns("Asia/Shanghai", "20260110", 3600), "2"),
        (instant_ns("Asia/Shanghai", "20260112", 9 * 3600) + 500_000_000, "2"),
    ]


def test_markets_of_several_zones_come_in_the_order_of_the_world(tmp_path: Path) -> None:
    world = world_of(tmp_path, MIXED_DAY)
    codes = []
    while world.feed.next_offset is not None:
        entry = world.feed.take()
        if not isinstance(entry, PhaseChange):
            codes.append(world.day_contracts[entry.instrument].code)
    # 09:30 Shanghai, 15:59 Hong Kong (the same clock), 09:30 New York = 22:30 Beijing
    assert codes == ["600519", "00700", "AAPL"]


# ------------------------------------------------------------------ clocks


def test_times_are_the_exchanges_and_logins_beijings(tmp_path: Path) -> None:
    """2026-01-05 09:30 in New York is 14:30 UTC and 22:30 in Beijing."""
    trader = Trader(address_of(tmp_path, "", US_DAY)).start()
    order = trader.rest("AAPL", 190.0, ExchangeID="NASD")
    assert (order.InsertDate, order.InsertTime) == ("20260105", "09:30:00")
    assert trader.login_field.LoginTime == "22:30:00"
    (confirmed,) = trader.rows("ReqQrySettlementInfoConfirm")
    assert confirmed.ConfirmTime == "22:30:00"
    statuses = {call.field.InstrumentID: call.field for call in trader.spi.of("OnRtnInstrumentStatus")}
    assert statuses["US"].EnterTime == "09:30:00"
    assert len(trader.rows("ReqQryOrder", InsertTimeStart="09:29:00", InsertTimeEnd="09:31:00")) == 1
    no_order = {"InvestorID": "alice", "InstrumentID": "AAPL", "OrderSysID": "99", "ActionFlag": "0"}
    (_,) = trader.ask("ReqOrderAction", **no_order)
    told = trader.spi.wait_for("OnErrRtnOrderAction").field
    assert (told.ActionDate, told.ActionTime) == ("20260105", "09:30:00")
    (_,) = trader.ask("ReqOrderAction", **{**no_order, "InstrumentID": "NONE"})
    told = trader.spi.wait_for("OnErrRtnOrderAction", count=2).field
    assert (told.ActionDate, told.ActionTime) == ("20260105", "22:30:00"), "of no instrument: Beijing's"
    trader.api.Release()


def test_one_zone_for_all(tmp_path: Path) -> None:
    address = address_of(tmp_path, "&tz=Asia/Shanghai", US_DAY)
    trader = Trader(address).start()
    watcher = Watcher(address).login().subscribe("AAPL")
    order = trader.rest("AAPL", 190.0, ExchangeID="NASD")
    assert (order.InsertDate, order.InsertTime) == ("20260105", "22:30:00")
    tick = watcher.spi.wait_for("OnRtnDepthMarketData").field
    assert (tick.ActionDay, tick.UpdateTime, tick.TradingDay) == ("20260105", "22:30:00", "20260105")
    trader.api.Release()
    watcher.api.Release()


def test_recorded_utc_times_are_shown_in_chicago(tmp_path: Path) -> None:
    address = address_of(tmp_path, "&data_tz=UTC", UTC_DAY)
    trader = Trader(address).start()
    watcher = Watcher(address).login().subscribe("ESH4")
    order = trader.rest("ESH4", 4700.0, ExchangeID="CME")
    assert (order.InsertDate, order.InsertTime) == ("20231226", "08:30:00")
    tick = watcher.spi.wait_for("OnRtnDepthMarketData").field
    assert (tick.ActionDay, tick.UpdateTime) == ("20231226", "08:30:00")
    trader.api.Release()
    watcher.api.Release()


NIGHT: Final = (
    # instrument, exchange, TradingDay and ActionDay on the evening of 2021-01-04 (spec 9.3)
    ("rb2105", "SHFE", "20210105", "20210104"),
    ("m2105", "DCE", "20210105", "20210105"),
    ("TA105", "CZCE", "20210104", "20210104"),
)


@pytest.mark.proves("9.3 TradingDay / ActionDay")
def test_the_dates_of_a_night_are_the_exchanges_own(tmp_path: Path) -> None:
    prices = ",".join(["4300", "4290", "4295", "4600", "4000", "1000", "43000000", "21:00:01", "0"])
    quotes = ",".join(["4299", "10", "4301", "10"])
    head = (
        "TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,"
        "Volume,Turnover,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay"
    )
    lines = [f"{day},{code},{exchange},{prices},{quotes},{on}" for code, exchange, day, on in NIGHT]
    path = tmp_path / "day_20210105.csv"
    path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    address = f"tts://replay?id=night&data={path}&speed=0.001"
    watcher = Watcher(address).login().subscribe(*(code for code, *_ in NIGHT))
    watcher.spi.wait_for("OnRtnDepthMarketData", count=len(NIGHT))
    shown = {tick.InstrumentID: (tick.TradingDay, tick.ActionDay) for tick in watcher.ticks()}
    assert shown == {code: (day, on) for code, _, day, on in NIGHT}
    watcher.api.Release()


@pytest.mark.proves("9.3 AveragePrice")
def test_the_average_price_is_the_turnover_of_a_lot_and_a_price_at_czce(tmp_path: Path) -> None:
    """Of a record without AveragePrice: rb2105 43,000,000 / 1000; TA105 19,000,000 / 1000 / 5."""
    address = address_of(tmp_path)
    watcher = Watcher(address).login()
    counter(address).step(FIRST)
    watcher.subscribe("rb2105", "TA105")
    watcher.spi.wait_for("OnRtnDepthMarketData", count=2)
    assert [tick.AveragePrice for tick in watcher.ticks()] == [43000.0, 3800.0]
    watcher.api.Release()


# ------------------------------------------------------------------ positions of earlier days, the cash account


def test_what_cannot_be_carried_is_said(tmp_path: Path) -> None:
    address = address_of(tmp_path, "", US_DAY)
    trader = Trader(address).start()
    control = counter(address)
    for arguments, error in (
        (("nobody", "NASD", "AAPL", 1, 1.0), LookupError),
        (("alice", "NYSE", "AAPL", 1, 1.0), LookupError),
        (("alice", "NASD", "AAPL", 0, 1.0), ValueError),
        (("alice", "NASD", "AAPL", 1, float("nan")), ValueError),
    ):
        with pytest.raises(error):
            control.carry(*arguments)
    control.carry("alice", "NASD", "AAPL", 10, 150.0)
    (account,) = trader.rows("ReqQryTradingAccount", CurrencyID="USD")
    # Valued at the previous close of 199, which is added to yesterday's balance: the money to spend is as before.
    assert (account.PreBalance, account.CurrMargin, account.Available) == (1001990.0, 1990.0, 1000000.0)
    (detail,) = trader.rows("ReqQryInvestorPositionDetail", InstrumentID="AAPL")
    assert (detail.OpenDate, detail.OpenPrice, detail.Volume) == ("20260104", 150.0, 10)
    trader.api.Release()


def test_a_cash_account(tmp_path: Path) -> None:
    """100 x 190 wait for a fee of at least a dollar; frozen cash instead of margin."""
    trader = Trader(address_of(tmp_path, "&securities=cash", US_DAY)).start()
    trader.rest("AAPL", 190.0, 100, ExchangeID="NASD")
    (account,) = trader.rows("ReqQryTradingAccount", CurrencyID="USD")
    assert (account.FrozenCash, account.FrozenMargin, account.FrozenCommission) == (19000.0, 0.0, 1.0)
    assert (account.Balance, account.Available) == (1000000.0, 980999.0)
    (row,) = trader.rows("ReqQryInvestorPosition", InstrumentID="AAPL")
    assert (row.FrozenCash, row.FrozenMargin) == (19000.0, 0.0)
    trader.api.Release()


def test_which_kinds_of_orders_a_security_has(tmp_path: Path) -> None:
    """Spec 14.3, row order types: the table that refuses with ``order_types=exchange``."""
    named = world_of(tmp_path, US_DAY, "&markets=hk,securities").engine.state.named
    share, bond, tencent = named("600519")[0], named("113050")[0], named("00700")[0]
    apple = named("AAPL")[0]
    market_ioc, five_gfd, limit = ("1", "1"), ("G", "3"), ("2", "3")
    kinds = (market_ioc, five_gfd, limit)
    assert [takes_order_type(share, *kind) for kind in kinds] == [True, True, True]
    assert [takes_order_type(bond, *kind) for kind in kinds] == [False, False, True]
    assert [takes_order_type(tencent, *kind) for kind in kinds] == [False, False, True]
    assert [takes_order_type(apple, *kind) for kind in kinds] == [True, False, True]
