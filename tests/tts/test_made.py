"""``7x24``: what nobody recorded is made from its first use on, and says so."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from ctp2 import registry
from ctp2.core.address import parse
from ctp2.core.clock import ManualClock
from ctp2.refdata.ticks import DBL_MAX, Tick
from ctp2.tts import counter
from ctp2.tts.backend import running
from ctp2.tts.config import parse as parse_config
from ctp2.tts.contract import Contract
from ctp2.tts.environments import World, build, loop_world
from ctp2.tts.live_feed import LiveFeed
from ctp2.tts.terms import NO_PRICE
from tests.tts.programs import DAY, Trader, Watcher, address_of, released

_numbers = itertools.count(1)
MONDAY_NS = 1_795_420_800_000_000_000  # 2026-11-23 16:00:00 Beijing time
SECOND = 10**9
HOUR = 3600 * SECOND


def live_address(folder: Path, options: str = "") -> str:
    """A 7x24 counter whose record is IF, rb, m and TA; it stands until it is stepped."""
    path = folder / "day_20210104.csv"
    path.write_text(DAY, encoding="utf-8")
    return f"tts://7x24?id=made{next(_numbers)}&data={path}&speed=0.001&fills=full{options}"


def world_of(folder: Path, options: str = "", now_ns: int = MONDAY_NS) -> World:
    return build(parse_config(parse(live_address(folder, options))), now_ns)


def used(world: World, code: str) -> Contract:
    """The contract of a code, used."""
    (contract,) = world.engine.state.named(code)
    return contract


def feed_of(world: World) -> LiveFeed:
    assert isinstance(world.feed, LiveFeed)
    return world.feed


def play(world: World, seconds: float) -> dict[int, list[Tick]]:
    """The snapshots of made instruments in the next seconds of the feed, by contract index."""
    feed = feed_of(world)
    end = (feed.next_offset or 0) + int(seconds * SECOND)
    seen: dict[int, list[Tick]] = {}
    while (offset := feed.next_offset) is not None and offset <= end:
        tick = feed.take()
        assert isinstance(tick, Tick)
        contract = world.day_contracts[tick.instrument]
        scale = contract.price_scale
        contract.bid, contract.bid_volume = units(tick.bid1, scale), tick.bid_volume1
        contract.ask, contract.ask_volume = units(tick.ask1, scale), tick.ask_volume1
        contract.last = units(tick.last, scale)
        world.ticks[contract.index] = tick
        seen.setdefault(contract.index, []).append(tick)
    return seen


def units(price: float, scale: int) -> int:
    return NO_PRICE if price == DBL_MAX else round(price * scale)


# ------------------------------------------------------------------ idle and in use
@pytest.fixture
def live(tmp_path: Path) -> Any:
    """(address, clock) of a counter on Monday afternoon that stands."""
    address = live_address(tmp_path)
    clock = ManualClock(MONDAY_NS)
    backend = registry.acquire(parse(address), clock)
    counter(address).pause()
    yield address, clock
    registry.release(backend)


def started(address: str) -> int:
    backend = running(parse(address))
    assert backend is not None
    return feed_of(backend.world).started


def test_an_idle_instrument_costs_nothing(live: Any) -> None:
    address, _ = live
    trader = Trader(address).start()
    with released(trader):
        listed = [row.InstrumentID for row in trader.rows("ReqQryInstrument", ExchangeID="SHFE", ProductID="rb")]
        assert listed[0] == "rb2612" and len(listed) == len(set(listed)) == 12, "the recorded one first"
        trader.rows("ReqQryInstrumentMarginRate", InstrumentID="au2612", HedgeFlag="1")
        trader.rows("ReqQryOptionInstrTradeCost", InstrumentID="cu2701C80000", HedgeFlag="1")
        (quiet,) = trader.rows("ReqQryDepthMarketData", InstrumentID="au2612")
        assert (quiet.BidPrice1, quiet.Volume, quiet.UpdateTime) == (DBL_MAX, 0, "04:00:00")
        assert quiet.LowerLimitPrice < quiet.PreSettlementPrice < quiet.UpperLimitPrice
        assert started(address) == 0


def test_the_first_subscription_starts_it(live: Any) -> None:
    address, clock = live
    watcher = Watcher(address).login()
    with released(watcher):
        watcher.subscribe("au2612")
        first = watcher.spi.wait_for("OnRtnDepthMarketData").field
        assert started(address) == 1
        assert 0 < first.BidPrice1 < first.AskPrice1 and first.Volume > 0
        assert first.OpenPrice <= first.HighestPrice and first.LowestPrice <= first.LastPrice <= first.HighestPrice
        assert (first.TradingDay, first.ActionDay, first.UpdateTime) == ("20261123", "20261123", "16:00:00")
        for _ in range(40):
            clock.set_ns(clock.now_ns() + 500_000_000)
            counter(address).step()
        watcher.subscribe("none")  # everything before has been delivered
        ticks = watcher.ticks("au2612")
        assert len(ticks) > 20
        assert [tick.Volume for tick in ticks] == sorted(tick.Volume for tick in ticks)
        times = [(tick.UpdateTime, tick.UpdateMillisec) for tick in ticks]
        assert times == sorted(times) and {tick.UpdateMillisec for tick in ticks} <= {0, 500}


def test_the_first_order_starts_it_and_is_filled(live: Any) -> None:
    address, _ = live
    trader = Trader(address).start()
    with released(trader):
        (quiet,) = trader.rows("ReqQryDepthMarketData", InstrumentID="au2612")
        trade = trader.fill("au2612", quiet.UpperLimitPrice, 1, ExchangeID="SHFE")
        assert quiet.LowerLimitPrice < trade.Price < quiet.UpperLimitPrice
        assert (trade.TradeTime, trade.TradingDay) == ("16:00:00", "20261123")
        (now,) = trader.rows("ReqQryDepthMarketData", InstrumentID="au2612")
        assert now.AskPrice1 == trade.Price
        assert started(address) == 1
        # looked at first, used afterwards
        trader.rows("ReqQryInstrumentCommissionRate", InstrumentID="ni2612")
        assert started(address) == 1
        assert trader.fill("ni2612", 1e6, 1, ExchangeID="SHFE", OrderPriceType="1").Volume == 1
        assert started(address) == 2


def test_what_is_listed_can_be_traded(tmp_path: Path) -> None:
    """Instruments of every market, taken at random: limits, quotes on the tick, a last price between the limits."""
    world = world_of(tmp_path)
    by_market: dict[tuple[str, str], list[Any]] = {}
    for made in world.listed.values():
        by_market.setdefault((made.exchange, made.product_class), []).append(made)
    chosen = random.Random(3)
    for (exchange, kind), items in by_market.items():
        for instrument in chosen.sample(items, min(6, len(items))):
            contract = next(c for c in world.engine.state.named(instrument.code) if c.exchange == exchange)
            if not contract.is_tradable or contract.is_matched:
                continue
            tick = world.ticks[contract.index]
            assert contract.pre_settlement != NO_PRICE, instrument.code
            if exchange in ("SHFE", "INE", "DCE", "CZCE", "GFEX", "CFFEX", "SSE", "SZSE") and tick.instrument >= 4:
                assert tick.lower_limit < tick.upper_limit < DBL_MAX, (instrument.code, kind)
            if tick.instrument >= 4:
                check(contract, tick)


def check(contract: Contract, tick: Tick) -> None:
    """A made snapshot: prices on the tick and inside the limits, a book that is not crossed."""
    prices = [price for price in (tick.last, tick.open, tick.high, tick.low, tick.bid1, tick.ask1) if price != DBL_MAX]
    for price in prices:
        exact = price * contract.price_scale
        assert abs(exact - round(exact)) < 1e-6
        assert round(exact) % contract.instrument.tick_units_at(round(exact)) == 0, (contract.code, price)
        assert tick.upper_limit == DBL_MAX or tick.lower_limit <= price <= tick.upper_limit, (contract.code, price)
    assert tick.ask1 == DBL_MAX or tick.bid1 == DBL_MAX or tick.bid1 < tick.ask1
    assert tick.bid1 != DBL_MAX or tick.ask1 != DBL_MAX, contract.code
    assert tick.volume > 0 and tick.low <= tick.last <= tick.high


def test_a_day_of_many_goes_on_beyond_its_end(tmp_path: Path) -> None:
    """From 03:59 over the next 04:00: no roll comes here, and the market does not stop."""
    world = world_of(tmp_path, now_ns=MONDAY_NS + 12 * HOUR - 60 * SECOND)
    assert world.trading_day == "20261123"
    contracts = [used(world, code) for code in ("au2612", "IH2612", "600519", "AAPL", "ESZ6", "cu2701C80000", "00700")]
    seen = play(world, 180)
    for contract in contracts:
        ticks = [world.ticks[contract.index], *seen[contract.index]]
        assert len(ticks) > 5, contract.code
        for before, tick in itertools.pairwise(seen[contract.index]):
            check(contract, tick)
            assert tick.volume >= before.volume and tick.turnover >= before.turnover
            assert tick.high >= before.high and tick.low <= before.low and tick.open == before.open


# ------------------------------------------------------------------ one seed, one day
def test_the_same_for_whoever_starts_it_whenever(tmp_path: Path) -> None:
    early, late, other = world_of(tmp_path), world_of(tmp_path), world_of(tmp_path, "&seed=8")
    codes = ["au2612", "i2701", "600000", "AAPL", "IM2703"]
    for code in codes:
        used(early, code)
    seen = play(early, 900)
    play(late, 900)
    assert late.made is not None
    late.made.now = lambda: (900 * SECOND, 0)
    for code in codes:
        first, second = early.ticks[used(early, code).index], late.ticks[used(late, code).index]
        assert (first.time_ns, first.bid1, first.ask1, first.bid_volume1, first.last, first.volume) == (
            *(second.time_ns, second.bid1, second.ask1, second.bid_volume1, second.last, second.volume),
        )
    again = world_of(tmp_path)
    for code in codes:
        used(again, code)
    assert repr(play(again, 900)) == repr(seen)
    assert early.ticks[used(early, "au2612").index].bid1 != other.ticks[used(other, "au2612").index].bid1


# ------------------------------------------------------------------ options
def mid(world: World, code: str) -> float:
    tick = world.ticks[used(world, code).index]
    assert tick.bid1 != DBL_MAX != tick.ask1, code
    return (tick.bid1 + tick.ask1) / 2


def test_put_call_parity_with_a_made_future(tmp_path: Path) -> None:
    """Black-76 without interest: C - P = F - K, to within the two spreads (3 to 10 percent of the premiums)."""
    world = world_of(tmp_path)
    for code in ("cu2701C80000", "cu2701P80000", "cu2701"):
        used(world, code)
    for _ in range(10):
        play(world, 60)
        call, put, future = (mid(world, code) for code in ("cu2701C80000", "cu2701P80000", "cu2701"))
        assert call - put == pytest.approx(future - 80000, abs=0.05 * (call + put) + 100)


def test_an_option_follows_the_recorded_future(tmp_path: Path) -> None:
    """The index option of IF's month: IF is recorded between 5225 and 5231, so a call at 4800 is worth about 430."""
    world = world_of(tmp_path)
    used(world, "IO2612-C-4800")
    play(world, 30)
    assert mid(world, "IO2612-C-4800") == pytest.approx(5228 - 4800, abs=25)
    recorded = used(world, "IF2612")
    recorded.bid, recorded.ask = recorded.bid + 1000, recorded.ask + 1000  # 100 points
    feed = feed_of(world)
    while world.day_contracts[(tick := feed.take()).instrument].code != "IO2612-C-4800":  # type: ignore[union-attr]
        pass
    assert isinstance(tick, Tick)
    assert (tick.bid1 + tick.ask1) / 2 == pytest.approx(5328 - 4800, abs=30)


def test_an_option_brings_its_underlying_to_life(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    used(world, "m2701-P-3000")
    assert [contract.code for contract in world.day_contracts[4:]] == ["m2701", "m2701-P-3000"]


# ------------------------------------------------------------------ the next day
def test_the_next_day_starts_from_our_own_settlement(live: Any) -> None:
    address, _ = live
    trader = Trader(address).start()
    with released(trader):
        trader.fill("au2612", 1e4, 1, ExchangeID="SHFE", OrderPriceType="1")
        before = len(trader.spi.calls)
        assert counter(address).settle() == "20261124"
        trader.spi.wait_for("OnFrontConnected", after=before)
        trader.ask("ReqUserLogin", BrokerID="9999", UserID=trader.user, Password="secret")
        backend = running(parse(address))
        assert backend is not None
        settled = backend.world.settled["SHFE", "au2612"].settlement / 100
        (row,) = trader.rows("ReqQryDepthMarketData", InstrumentID="au2612")
        assert (row.PreSettlementPrice, row.TradingDay) == (settled, "20261124")
        assert row.LowerLimitPrice < settled < row.UpperLimitPrice
        assert abs(row.BidPrice1 / settled - 1) < 0.02, "it goes on near where it was"
        assert started(address) == 1, "a position that is carried over is marked to its market"
        (position,) = trader.rows("ReqQryInvestorPosition")
        assert (position.Position, position.PreSettlementPrice) == (1, settled)


def test_a_record_under_a_new_main_contract(tmp_path: Path) -> None:
    """20261218 is IF2612's last day; on the 19th the record plays under IF2701."""
    config = parse_config(parse(live_address(tmp_path)))
    day = build(config, MONDAY_NS).feed.day
    from ctp2.refdata.ticks import read_day

    recorded = read_day(config.options.data)
    assert day.instruments[0].code == "IF2612"
    friday_ns = MONDAY_NS + 25 * 24 * HOUR
    friday = loop_world(config, recorded, "20261218", friday_ns)
    saturday = loop_world(config, recorded, "20261219", friday_ns + 24 * HOUR, None, friday)
    assert friday.mapping["IF2612"] == "IF2101"
    assert saturday.mapping["IF2701"] == "IF2101"
    assert friday.source_of("IF2701", "") == saturday.source_of("IF2703", "") == "synthetic"


# ------------------------------------------------------------------ what it says of itself
def test_every_source_is_named(live: Any) -> None:
    address, _ = live
    trader = Trader(address).start()
    with released(trader):
        control = counter(address)
        assert control.mapping == {"IF2612": "IF2101", "rb2612": "rb2105", "m2612": "m2105", "TA612": "TA105"}
        sources = {code: control.source_of(code) for code in ("IF2612", "au2612", "TEST", "600519")}
        assert sources == {
            "IF2612": "recorded IF2101 20210104",
            "au2612": "synthetic",
            "TEST": "users",
            "600519": "synthetic",
        }
        with pytest.raises(LookupError, match="IF2001"):
            control.source_of("IF2001")
        names = {
            code: trader.rows("ReqQryInstrument", InstrumentID=code)[0].InstrumentName
            for code in ("IF2612", "au2612", "TEST", "600519", "IO2612-C-4600")
        }
        assert names["IF2612"].endswith("(IF2101)")
        assert names["au2612"].endswith("(合成)") and names["600519"] == "贵州茅台(合成)"
        assert names["IO2612-C-4600"] == "IO2612-C-4600(合成)"
        assert "合成" not in names["TEST"]
        assert started(address) == 0


def test_switched_off_it_waits_for_its_users(tmp_path: Path) -> None:
    world = world_of(tmp_path, "&synthetic=off")
    contract = used(world, "au2612")
    assert (contract.bid, contract.ask, contract.pre_settlement) == (NO_PRICE, NO_PRICE, NO_PRICE)
    assert world.source_of("au2612", "") == "none"
    assert feed_of(world).started == 0


def test_users_make_the_market_of_what_they_match(tmp_path: Path) -> None:
    world = world_of(tmp_path, "&match=au2612")
    assert used(world, "au2612").bid == NO_PRICE
    assert world.source_of("au2612", "") == "users"
    assert feed_of(world).started == 0


def test_only_what_is_asked_for_is_listed(tmp_path: Path) -> None:
    codes = [made.code for made in world_of(tmp_path, "&markets=none").listed.values()]
    assert codes == ["IF2612", "rb2612", "m2612", "TA612", "TEST", "BTC", "MINUS"]
    assert {made.exchange for made in world_of(tmp_path, "&markets=hk").instruments(product="HK")} == {"HKEX"}
    everything = list(world_of(tmp_path).instruments())
    assert len(everything) > 30_000 and len({made.key for made in everything}) == len(everything)
    assert [made.code for made in everything[:4]] == codes[:4], "the recorded ones first"


def test_a_replay_invents_nothing(tmp_path: Path) -> None:
    world = build(parse_config(parse(address_of(tmp_path, "&markets=futures"))), 0)
    contract = used(world, "au2102")
    assert contract.bid == contract.last == NO_PRICE
    assert world.ticks[contract.index].bid1 == DBL_MAX
    assert world.source_of("au2102", "") == "none"
    assert world.source_of("IF2101", "CFFEX") == "recorded IF2101 20210104"
    assert world.mapping["IF2101"] == "IF2101"


@pytest.mark.parametrize("now_ns", [MONDAY_NS - 5 * 365 * 24 * HOUR, MONDAY_NS + 4 * 365 * 24 * HOUR])
def test_at_any_date(tmp_path: Path, now_ns: int) -> None:
    """Long before the calendar begins and long after it ends."""
    world = world_of(tmp_path, now_ns=now_ns)
    chosen = {"SHFE": "future", "SSE": "stock", "HKEX": "stock", "NASD": "stock", "CME": "future"}
    for exchange, kind in chosen.items():
        made = next(item for item in world.listed.values() if (item.exchange, item.product_class) == (exchange, kind))
        contract = next(c for c in world.engine.state.named(made.code) if c.exchange == exchange)
        if world.ticks[contract.index].instrument >= 4:
            check(contract, world.ticks[contract.index])
