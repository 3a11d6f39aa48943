"""TEST, BTC and MINUS in ``7x24``: users make their market, and MdApi shows it (spec ctp-semantics 3.10, 14)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2.testing.desk import Desk
from ctp2.tts import counter
from ctp2.tts.terms import NO_PRICE
from tests.tts.programs import DAY, Trader, Watcher, address_of, is_order

_numbers = itertools.count(1)


@pytest.fixture
def address(tmp_path: Path) -> str:
    path = tmp_path / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    return f"tts://7x24?id=special{next(_numbers)}&data={path}"


@pytest.fixture
def people(address: str) -> Iterator[tuple[Any, Any, Any]]:
    """Alice, Bob, and somebody who watches all three contracts."""
    alice, bob = Trader(address, "alice").start(), Trader(address, "bob").start()
    watcher = Watcher(address).login().subscribe("TEST", "BTC", "MINUS")
    yield alice, bob, watcher
    for client in (watcher, bob, alice):
        client.api.Release()


def last_tick(watcher: Watcher, code: str, wanted: Any) -> Any:
    """The first snapshot of ``code`` for which ``wanted`` holds."""
    return watcher.spi.wait_for(
        lambda call: call.name == "OnRtnDepthMarketData" and call.field.InstrumentID == code and wanted(call.field)
    ).field


def test_they_are_listed_as_contracts_of_shfe(people: Any) -> None:
    alice, _, _ = people
    rows = {row.InstrumentID: row for row in alice.rows("ReqQryInstrument", ExchangeID="SHFE") if row.VolumeMultiple}
    shown = {
        code: (rows[code].VolumeMultiple, rows[code].PriceTick, rows[code].ProductClass, rows[code].PositionDateType)
        for code in ("TEST", "BTC", "MINUS")
    }
    assert shown == {"TEST": (10, 1.0, "1", "1"), "BTC": (1, 0.01, "1", "1"), "MINUS": (1000, 0.01, "1", "1")}
    for code, reference, low, high in (
        ("TEST", 100.0, 1.0, 10000.0),
        ("BTC", 300000.0, 150000.0, 450000.0),  # half of the reference either way
        ("MINUS", -37.63, -500.0, 500.0),
    ):
        (tick,) = alice.rows("ReqQryDepthMarketData", InstrumentID=code)
        assert (tick.PreSettlementPrice, tick.LowerLimitPrice, tick.UpperLimitPrice) == (reference, low, high)
        assert tick.LastPrice == reference, "before the first trade (spec 9.3 [SIM])"
        (rate,) = alice.rows("ReqQryInstrumentMarginRate", InstrumentID=code)
        assert (rate.LongMarginRatioByMoney, rate.ShortMarginRatioByMoney) == (0.0, 0.0)
        assert rate.LongMarginRatioByVolume == rate.ShortMarginRatioByVolume > 0


def test_five_levels_of_resting_orders_are_published(people: Any) -> None:
    alice, bob, watcher = people
    for price in (-38.00, -38.01, -38.02, -38.03, -38.04, -38.05):
        bob.rest("MINUS", price, 2)
    bob.rest("MINUS", -38.00, 3)
    for price in (-37.00, -36.99):
        alice.rest("MINUS", price, 1, Direction="1")
    tick = last_tick(watcher, "MINUS", lambda tick: tick.AskVolume2)
    assert [getattr(tick, f"BidPrice{level}") for level in range(1, 6)] == [-38.0, -38.01, -38.02, -38.03, -38.04]
    assert [getattr(tick, f"BidVolume{level}") for level in range(1, 6)] == [5, 2, 2, 2, 2]
    assert [getattr(tick, f"AskPrice{level}") for level in range(1, 3)] == [-37.0, -36.99]
    assert [getattr(tick, f"AskVolume{level}") for level in range(1, 6)] == [1, 1, 0, 0, 0]
    assert tick.AskPrice3 > 1e300, "an absent level has no price"
    (asked,) = alice.rows("ReqQryDepthMarketData", InstrumentID="MINUS")
    assert (asked.BidPrice5, asked.BidVolume1, asked.ExchangeID) == (-38.04, 5, "SHFE")


def test_a_cancel_leaves_the_book(people: Any) -> None:
    alice, _, watcher = people
    order = alice.rest("BTC", 250000.01, 1)
    last_tick(watcher, "BTC", lambda tick: tick.BidVolume1 == 1)
    alice.cancel(order)
    assert last_tick(watcher, "BTC", lambda tick: tick.BidVolume1 == 0).BidPrice1 > 1e300


def test_trades_make_last_open_high_low_volume_and_turnover(people: Any) -> None:
    alice, bob, watcher = people
    for price, volume in ((-37.0, 1), (-36.0, 2), (-39.5, 1)):
        bob.rest("MINUS", price, volume, Direction="1")
        alice.fill("MINUS", price, volume)
    tick = last_tick(watcher, "MINUS", lambda tick: tick.Volume == 4)
    assert (tick.LastPrice, tick.OpenPrice, tick.HighestPrice, tick.LowestPrice) == (-39.5, -37.0, -36.0, -39.5)
    # (-37 x 1 - 36 x 2 - 39.5 x 1) x 1000 = -148500; the average includes the multiplier
    assert (tick.Turnover, tick.AveragePrice) == (-148500.0, -37125.0)
    assert alice.rows("ReqQryTrade")[0].ExchangeID == "SHFE"


def test_a_negative_price_never_gives_negative_margin(people: Any) -> None:
    alice, bob, _ = people
    bob.rest("MINUS", -400.0, 2, Direction="1")
    alice.fill("MINUS", -400.0, 2)
    (account,) = alice.rows("ReqQryTradingAccount")
    assert (account.CurrMargin, account.Commission, account.FrozenMargin) == (8000.0, 10.0, 0.0)
    (row,) = alice.rows("ReqQryInvestorPosition")
    assert (row.UseMargin, row.PositionCost) == (8000.0, -800000.0)


def test_with_oneself_both_sides_share_the_trade(people: Any) -> None:
    alice, _, _ = people
    alice.rest("BTC", 300000.0, 1, Direction="1")
    alice.fill("BTC", 300000.0, 1)
    first, second = alice.rows("ReqQryTrade")
    assert first.TradeID == second.TradeID
    assert {first.Direction, second.Direction} == {"0", "1"}


@pytest.mark.parametrize(
    ("code", "price", "text"),
    [
        ("BTC", 450000.01, "已撤单报单被拒绝SHFE:价格超出涨停板"),
        ("BTC", 149999.99, "已撤单报单被拒绝SHFE:价格跌破跌停板"),
        ("BTC", 300000.005, "已撤单报单被拒绝SHFE:价格非最小单位倍数"),
        ("MINUS", -500.01, "已撤单报单被拒绝SHFE:价格跌破跌停板"),
        ("TEST", 0.0, "已撤单报单被拒绝SHFE:限价单价格不能为0或负数"),
        ("TEST", 10001.0, "已撤单报单被拒绝SHFE:价格超出涨停板"),
    ],
)
def test_their_bands(people: Any, code: str, price: float, text: str) -> None:
    alice, _, _ = people
    before = alice.insert(code, price)
    assert alice.spi.wait_for(is_order("5"), after=before).field.StatusMsg == text


def test_any_instrument_can_be_matched_between_users(tmp_path: Path) -> None:
    """``match=``: rb2105 stands at 4299/4301 in the record, but here users make its market."""
    address = address_of(tmp_path, "&match=rb2105")
    alice, bob = Trader(address, "alice").start(), Trader(address, "bob").start()
    watcher = Watcher(address).login().subscribe("rb2105", "m2105")
    market = counter(address)
    market.step(6)
    alice.rest("rb2105", 4310.0)
    assert last_tick(watcher, "rb2105", lambda tick: tick.BidVolume1).BidPrice1 == 4310.0
    trade = bob.fill("rb2105", 4300.0, Direction="1")
    assert trade.Price == 4310.0, "no trade yet and the resting buyer's price"
    alice.spi.wait_for("OnRtnTrade")
    assert alice.fill("m2105", 3410.0).Price == 3401.0, "the others trade against their quotes"
    for client in (watcher, bob, alice):
        client.api.Release()


AUCTION = """\
TradingDay,InstrumentID,ExchangeID,LastPrice,PreSettlementPrice,PreClosePrice,UpperLimitPrice,LowerLimitPrice,Volume,\
Turnover,OpenInterest,UpdateTime,UpdateMillisec,BidPrice1,BidVolume1,AskPrice1,AskVolume1,ActionDay
20210104,IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,0,0,90767,09:20:00,0,5229.8,5,5230.2,5,20210104
20210104,IF2101,CFFEX,5230,5216.2,5227,5737.8,4694.6,0,0,90767,09:30:01,0,5229.8,5,5230.2,5,20210104
"""
"""The phases 3 (09:25), 5 (09:29) and 2 (09:30) of CFFEX lie between its two snapshots."""


def test_the_book_is_published_when_the_auction_is_over(tmp_path: Path) -> None:
    address = address_of(tmp_path, "&match=*", day=AUCTION)
    alice, bob = Trader(address, "alice").start(), Trader(address, "bob").start()
    market = counter(address)
    market.pause()
    watcher = Watcher(address).login().subscribe("IF2101")
    market.step(2)  # the first snapshot, and 09:25
    alice.rest("IF2101", 5240.0, 3, ExchangeID="CFFEX")
    bob.rest("IF2101", 5220.0, 2, ExchangeID="CFFEX", Direction="1")
    assert not alice.spi.of("OnRtnTrade")
    assert market.depth == 0
    hidden = last_tick(watcher, "IF2101", lambda tick: tick.UpdateTime >= "09:25:00")
    assert (hidden.BidVolume1, hidden.AskVolume1) == (0, 0), "what the auction collects is seen by nobody"
    (asked,) = alice.rows("ReqQryDepthMarketData", InstrumentID="IF2101")
    assert (asked.BidVolume1, asked.AskVolume1) == (0, 0)
    market.step(1)  # 09:29
    trade = alice.spi.wait_for("OnRtnTrade").field
    # Two lots trade at every price from 5220 to 5240; a buyer is left over at all of them: the highest.
    assert (trade.Price, trade.Volume) == (5240.0, 2)
    tick = last_tick(watcher, "IF2101", lambda tick: tick.Volume)
    assert (tick.Volume, tick.LastPrice, tick.BidPrice1, tick.BidVolume1, tick.AskVolume1) == (2, 5240.0, 5240.0, 1, 0)
    for client in (watcher, bob, alice):
        client.api.Release()


@pytest.mark.parametrize(
    ("exchange", "kind", "crossed", "apart"),
    [
        # Futures: nothing. Stocks: 2 of 3 lots would trade at 35.10, the price at which buyers are left over.
        ("DCE", "future", ((NO_PRICE, 0), (NO_PRICE, 0)), ((NO_PRICE, 0), (NO_PRICE, 0))),
        ("SSE", "stock", ((3510, 200), (3510, 200)), ((3490, 100), (3500, 100))),
    ],
)
def test_what_an_auction_collects_is_shown_as_the_exchange_shows_it(
    exchange: str, kind: str, crossed: tuple[tuple[int, int], ...], apart: tuple[tuple[int, int], ...]
) -> None:
    """Never a bid above an ask, in the quote that conditions and snapshots read (docs/decisions/0082)."""
    for buy, buys, sell, sells, shown in ((35.1, 300, 34.9, 200, crossed), (34.9, 100, 35.0, 100, apart)):
        desk = Desk(profile="clean", fills="full")
        contract = desk.instrument(
            exchange, "X", tick="0.01", multiplier="1", kind=kind, settled="35", limit_max="10000", matched="yes"
        )
        desk.user("ann", "1000000")
        desk.carry("ann", "2", 1000, "X", "35")
        desk.phase("X", "auction")
        desk.insert("ann", "buys", "open", buys, "X", buy)
        desk.insert("ann", "sells", "close", sells, "X", sell)
        assert ((contract.bid, contract.bid_volume), (contract.ask, contract.ask_volume)) == shown
        desk.phase("X", "before")  # CZCE waits so for the opening
        assert contract.bid == NO_PRICE or contract.bid < contract.ask or shown is crossed
        desk.phase("X", "trading")
        left = (3510, 100) if shown is crossed else (3490, 100)
        assert (contract.bid, contract.bid_volume) == left, "the auction is over: the book is seen"
