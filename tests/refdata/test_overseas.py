"""Hong Kong, the US and CME: codes, lots, price-dependent ticks, last trading days, fees; recorded days."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal

import pytest

from ctp2.refdata import cme
from ctp2.refdata.codes import exchange_of_plain_code
from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.loader import Universe
from ctp2.refdata.models import Instrument
from ctp2.refdata.overseas import hk_ticks, us_round_lot
from ctp2.refdata.sessions import phases, session_zone
from ctp2.refdata.ticks import read_day
from tests.shared_data import shared

TODAY = "20261123"


def instrument(code: str, exchange: str = "", day: str = TODAY) -> Instrument:
    found = instrument_for(code, exchange, day)
    assert found is not None, code
    return found


# ------------------------------------------------------------------------------------------------------ Hong Kong


def test_every_hong_kong_security() -> None:
    """All 3,153: lot, spread table, currency (RMB is CNY in CTP)."""
    table = shared("data/instruments/hk_securities_20260323.csv").read_text("utf-8").splitlines()
    count = 0
    for line in csv.DictReader(table):
        made = instrument(line["InstrumentID"])
        assert (made.exchange, made.lot_min, made.lot_step) == ("HKEX", int(line["BoardLot"]), int(line["BoardLot"]))
        assert made.currency == line["Currency"].replace("RMB", "CNY")
        assert made.tick_bands == hk_ticks(line["SpreadTable"], TODAY)
        assert made.is_t0
        assert made.limit_ratio is None
        count += 1
    assert count == 3153


# day, price → tick of Part A and the same price in the book's increments (0.001) with its grid
SPREADS = [
    (TODAY, "0.25", "0.001"),
    (TODAY, "0.255", "0.005"),
    (TODAY, "0.5", "0.005"),
    (TODAY, "9.99", "0.01"),
    (TODAY, "10.01", "0.01"),
    ("20250803", "10.02", "0.02"),  # before phase 1
    ("20250804", "10.02", "0.01"),
    (TODAY, "20.02", "0.02"),
    ("20250801", "20.05", "0.05"),
    (TODAY, "50.05", "0.05"),
    (TODAY, "500", "0.2"),
    (TODAY, "500.5", "0.5"),
    (TODAY, "9995", "5"),
    (TODAY, "12000", "5"),  # above the table: its last step
]


@pytest.mark.parametrize(("day", "price", "tick"), SPREADS)
def test_hong_kong_ticks(day: str, price: str, tick: str) -> None:
    made = instrument("00700", day=day)
    assert made.tick_at(Decimal(price)) == Decimal(tick)
    assert made.tick_units_at(int(Decimal(price) * 1000)) == int(Decimal(tick) * 1000)


def test_a_planned_spread_table_is_not_in_force() -> None:
    assert hk_ticks("1", "20991231") == hk_ticks("1", TODAY)


def test_hong_kong_details() -> None:
    tencent = instrument("00700")
    assert (tencent.lot, tencent.price_scale, tencent.tick_units, tencent.currency) == (100, 1000, 1, "HKD")
    assert (tencent.min_limit_volume, tencent.max_limit_volume, tencent.max_market_volume) == (100, 300000, 0)
    assert (tencent.session_id, instrument("00700", day="20261224").session_id) == ("HK", "HK_HALF")
    assert daily_limits(tencent, Decimal(500), Decimal(500)) == (None, None)
    assert instrument_for("99999", "", TODAY) is None
    assert instrument_for("00700", "SSE", TODAY) is None


# ------------------------------------------------------------------------------------------------------------- US


def test_every_us_security() -> None:
    table = shared("data/instruments/us_securities.csv").read_text("utf-8").splitlines()
    found: Counter[str] = Counter()
    for line in csv.DictReader(table):
        made = instrument(line["InstrumentID"])
        assert (made.exchange, made.name, made.currency) == (line["ExchangeID"], line["Name"], line["Currency"])
        assert made.price_tick == Decimal(line["PriceTick"])
        assert made.lot == int(line["RoundLot"])
        found[made.product_class] += 1
    assert found == {"stock": 540, "fund": 6}


def test_us_details() -> None:
    apple = instrument("AAPL")
    assert (apple.price_scale, apple.tick_units, apple.lot_min, apple.lot_step) == (10000, 100, 1, 1)
    assert [str(apple.tick_at(Decimal(price))) for price in ("0.5", "0.9999", "1", "270")] == [
        "0.0001",
        "0.0001",
        "0.01",
        "0.01",
    ]
    assert (apple.tick_units_at(5000), apple.tick_units_at(10000)) == (1, 100)
    assert (apple.session_id, instrument("AAPL", day="20261127").session_id) == ("US", "US_EARLY")
    assert instrument("BRK.B").exchange == "NYSE"
    assert instrument("SPY", "BATS").exchange == "BATS"  # all exchanges trade all of them
    assert instrument("ZZZZ", "NASD").product_class == "stock"  # not listed, but the exchange is given
    for code in ("ZZZZ", "NOPE", "aapl", "BRK-B", "TOOLONG"):
        assert instrument_for(code, "", TODAY) is None
    assert instrument_for("AAPL", "SHFE", TODAY) is None


# price, day → round lot
@pytest.mark.parametrize(
    ("price", "day", "lot"),
    [
        ("100", TODAY, 100),
        ("250", TODAY, 100),
        ("250.01", TODAY, 40),
        ("1000.01", TODAY, 10),
        ("10000.01", TODAY, 1),
        ("5000", "20251031", 100),
    ],
)
def test_us_round_lots(price: str, day: str, lot: int) -> None:
    assert us_round_lot(Decimal(price), day) == lot


# ------------------------------------------------------------------------------------------------------------ CME

# code, day → venue, multiplier, tick, scale, last trading day
CME = [
    ("ESZ6", TODAY, "CME", 50, "0.25", 100, "20261218"),
    ("ESH7", TODAY, "CME", 50, "0.25", 100, "20270319"),
    ("ESZ3", "20131008", "CME", 50, "0.25", 100, "20131220"),
    ("ESH4", "20231226", "CME", 50, "0.25", 100, "20240315"),
    ("GCZ3", "20131008", "COMEX", 100, "0.1", 10, "20131227"),
    ("GCZ6", TODAY, "COMEX", 100, "0.1", 10, "20261229"),
    ("CLF7", TODAY, "NYMEX", 1000, "0.01", 100, "20261221"),  # the 25th has no session: four sessions before it
    ("NGF7", TODAY, "NYMEX", 10000, "0.001", 1000, "20261229"),
    ("BZF7", TODAY, "NYMEX", 1000, "0.01", 100, "20261130"),
    ("HOF7", TODAY, "NYMEX", 42000, "0.0001", 10000, "20261231"),
    ("ZNZ6", TODAY, "CBOT", 1000, "0.015625", 1000000, "20261221"),
    ("ZTZ6", TODAY, "CBOT", 2000, "0.00390625", 100000000, "20261231"),
    ("ZCZ6", TODAY, "CBOT", 50, "0.25", 100, "20261214"),
    ("6EZ6", TODAY, "CME", 125000, "0.00005", 100000, "20261214"),
    ("6JZ6", TODAY, "CME", 12500000, "0.0000005", 10000000, "20261214"),
    ("BTCX6", TODAY, "CME", 5, "5", 1, "20261127"),
    ("HEZ6", TODAY, "CME", 400, "0.025", 1000, "20261214"),
    ("GFX6", "20261102", "CME", 500, "0.025", 1000, "20261126"),
    ("SR3Z6", TODAY, "CME", 2500, "0.0025", 10000, "20270316"),  # three months after the month in its name
]


@pytest.mark.parametrize(("code", "day", "venue", "multiplier", "tick", "scale", "expiry"), CME)
def test_cme(code: str, day: str, venue: str, multiplier: int, tick: str, scale: int, expiry: str) -> None:
    for exchange in ("", "CME", venue):
        made = instrument(code, exchange, day)
        assert (made.exchange, made.venue, made.code, made.currency) == ("CME", venue, code, "USD")
        assert (made.multiplier, made.price_tick, made.price_scale) == (multiplier, Decimal(tick), scale)
        assert made.expire_date == expiry
        assert session_zone(made.session_id) == "America/Chicago"


@pytest.mark.parametrize("code", ["ESZ", "ESZ26", "ESA6", "XXZ6", "esz6", "MYMZ6", "MBTZ6", "METZ6"])
def test_no_cme(code: str) -> None:
    assert instrument_for(code, "", TODAY) is None


def test_cme_products_and_months() -> None:
    """55 of 58: CTP's multiplier is a whole number, those of MYM, MBT and MET are not."""
    assert len(cme.cme_products()) == 55
    listed = {
        product.product: [cme.contract_code(product, *month) for month in cme.listed_months(product, TODAY)]
        for product in cme.cme_products()
    }
    assert listed["ES"] == ["ESZ6", "ESH7", "ESM7", "ESU7"]
    assert listed["GC"] == ["GCX6", "GCZ6", "GCF7", "GCG7", "GCJ7", "GCM7", "GCQ7", "GCV7"]
    assert len(listed["CL"]) == 12


# ------------------------------------------------------------------------------------------- codes, fees, recorded days

# code → exchange
PLAIN = [
    ("600000", "SSE"),
    ("510300", "SSE"),
    ("900901", "SSE"),
    ("000001", "SZSE"),
    ("159915", "SZSE"),
    ("204001", "SZSE"),
    ("301001", "SZSE"),
    ("920002", "BSE"),
    ("430047", "BSE"),
    ("830799", "BSE"),
    ("700000", ""),
    ("00700", "HKEX"),
    ("AAPL", "NASD"),
    ("BRK.B", "NYSE"),
    ("CBOE", "BATS"),
    ("ZZZZ", "NASD"),
    ("1234", ""),
    ("aapl", ""),
    ("", ""),
]


@pytest.mark.parametrize(("code", "exchange"), PLAIN)
def test_plain_codes(code: str, exchange: str) -> None:
    assert exchange_of_plain_code(code) == exchange


# code, exchange → margin by money and by volume, commission by money and by volume, least, stamp, transfer
RATES = [
    ("00700", "", "1", "0", "0.0003", "0", "3", "0", "0.001085"),
    ("02800", "", "1", "0", "0.0003", "0", "3", "0", "0.000085"),  # a fund: no stamp duty
    ("AAPL", "", "1", "0", "0", "0.005", "1", "0", "0"),
    ("SPY", "BATS", "1", "0", "0", "0.005", "1", "0", "0"),
    ("ESZ6", "", "0", "11880", "0", "2.5", "0", "0", "0"),
    ("SR3Z6", "", "0.1", "0", "0", "2.5", "0", "0", "0"),  # no margin in the file
]


@pytest.mark.parametrize(("code", "exchange", "money", "volume", "fee", "lot", "least", "stamp", "moved"), RATES)
def test_rates(
    code: str, exchange: str, money: str, volume: str, fee: str, lot: str, least: str, stamp: str, moved: str
) -> None:
    universe = Universe(TODAY)
    made = universe.resolve(code, exchange)
    assert made is not None
    margin, fees = universe.margin_rate(made), universe.commission(made)
    assert (margin.long_by_money, margin.long_by_volume) == (Decimal(money), Decimal(volume))
    assert (fees.open_by_money, fees.close_by_volume, fees.minimum) == (Decimal(fee), Decimal(lot), Decimal(least))
    assert (fees.stamp_duty_sell_by_money, fees.transfer_by_money) == (Decimal(stamp), Decimal(moved))


RECORDED = [
    ("us_IBM_20131008", "NYSE", "US"),
    ("us_AIG_20131008", "NYSE", "US"),
    ("us_BAC_20131008", "NYSE", "US"),
    ("us_SPY_20131008", "NYSE", "US"),
    ("cme_GCZ3_20131008_utc", "CME", "CME_EQ"),
    ("cme_ESZ3_20131008_1min_utc", "CME", "CME_EQ"),
    ("cme_ESH4_20231226_open_utc", "CME", "CME_EQ"),
]


@pytest.mark.parametrize(("name", "exchange", "session"), RECORDED)
def test_recorded_days_resolve(name: str, exchange: str, session: str) -> None:
    day = read_day(shared("data/ticks") / f"{name}.csv.gz")
    universe = Universe(day.trading_day)
    (recorded,) = day.instruments
    made = universe.resolve(recorded.code, recorded.exchange)
    assert made is not None
    assert universe.resolve(recorded.code, recorded.exchange) is made  # also when the file names the venue (COMEX)
    assert (made.exchange, made.session_id, made.is_trading) == (exchange, session, True)
    assert phases(session, day.trading_day)
    prices = [tick.last for tick in day if 0 < tick.last < 1e9]
    assert all((Decimal(str(price)) / made.price_tick) % 1 == 0 for price in set(prices))
