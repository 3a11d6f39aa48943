"""Instruments, rates and the universe."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from pathlib import Path

import pytest

from ctp2.refdata import securities
from ctp2.refdata.instruments import instrument_for, load_futures_snapshot, load_securities, load_special, renamed
from ctp2.refdata.loader import Universe, make_future
from ctp2.refdata.models import Commission, Instrument, MarginRate, price_scale_of
from ctp2.refdata.products import ProductTable, find_product, products
from ctp2.refdata.table import DataError

TODAY = "20261123"

TICKS = [
    ("0.2", 10, 2),
    ("1", 1, 1),
    ("5", 1, 5),
    ("10", 1, 10),
    ("0.005", 1000, 5),
    ("0.25", 100, 25),
    ("1E-3", 1000, 1),
]


@pytest.mark.parametrize(("tick", "scale", "units"), TICKS)
def test_price_scale(tick: str, scale: int, units: int) -> None:
    assert price_scale_of(Decimal(tick)) == (scale, units)


@pytest.mark.parametrize("tick", ["0", "-1", "NaN"])
def test_bad_tick(tick: str) -> None:
    with pytest.raises(ValueError, match="price tick must be positive"):
        price_scale_of(Decimal(tick))


# code, exchange hint, day → what the instrument says
FUTURES = [
    ("IF2101", "", "20210104", {"exchange": "CFFEX", "multiplier": 300, "price_scale": 10, "tick_units": 2}),
    ("IF2101", "CFFEX", "20210104", {"expire_date": "20210115", "session_id": "D0930", "larger_side": True}),
    ("IF2612", "", TODAY, {"name": "沪深300股指2612", "open_date": "20260420", "max_market_volume": 10}),
    ("rb2405", "", "20240102", {"uses_history": True, "max_market_volume": 0, "is_trading": True}),
    ("rb2612", "", "20260703", {"max_market_volume": 0}),  # the last day without market orders
    ("rb2612", "", "20260706", {"max_market_volume": 60}),
    ("rb2405", "", "20240516", {"is_trading": False}),  # the day after its last
    ("SR701", "", TODAY, {"delivery_year": 2027, "uses_history": False, "larger_side": False, "end_deliv_date": ""}),
    ("ec2612", "", TODAY, {"larger_side": False, "price_tick": Decimal("0.5")}),
    ("m2701", "", TODAY, {"long_margin_ratio": Decimal("0.07"), "underlying": "m", "limit_ratio": Decimal("0.06")}),
    ("TEST", "", TODAY, {"exchange": "SHFE", "multiplier": 10, "is_matched": True, "upper_limit": Decimal(10000)}),
]

SECURITIES = [
    ("600519", "", TODAY, {"exchange": "SSE", "name": "贵州茅台", "lot": 100, "lot_step": 100, "is_t0": False}),
    ("600519", "SSE", TODAY, {"limit_ratio": Decimal("0.10"), "long_margin_ratio": Decimal(1), "price_scale": 100}),
    ("688293", "", TODAY, {"board": "STAR", "lot_min": 200, "lot_step": 1, "limit_ratio": Decimal("0.20")}),
    (
        "688293",
        "",
        TODAY,
        {"name": "688293", "max_limit_volume": 100000, "max_market_volume": 50000},
    ),  # not in the file
    ("300750", "", TODAY, {"board": "CHINEXT", "limit_ratio": Decimal("0.20")}),
    ("300750", "", "20200821", {"limit_ratio": Decimal("0.10")}),
    ("920000", "", TODAY, {"exchange": "BSE", "lot_min": 100, "lot_step": 1, "limit_ratio": Decimal("0.30")}),
    ("000001", "", TODAY, {"exchange": "SZSE", "product_class": "stock"}),
    ("000001", "SSE", TODAY, {"exchange": "SSE", "product_class": "index", "is_trading": False}),
    ("510300", "", TODAY, {"product_class": "fund", "price_scale": 1000, "session_id": "STOCK"}),
    ("510300", "", "20260703", {"session_id": "FUND_OLD"}),
    ("588000", "", TODAY, {"limit_ratio": Decimal("0.20")}),
    ("159915", "", TODAY, {"limit_ratio": Decimal("0.20")}),  # a fund of ChiNext by its name
    ("511880", "", TODAY, {"is_t0": True}),
    ("127080", "SZSE", TODAY, {"board": "CONVERTIBLE", "lot": 10, "is_t0": True, "limit_ratio": Decimal("0.20")}),
    ("127080", "SSE", TODAY, {"board": "CORP", "session_id": "BOND", "limit_ratio": None}),
    ("113001", "", "20220729", {"board": "CONVERTIBLE", "limit_ratio": None}),  # before the rule
]


@pytest.mark.parametrize(("code", "exchange", "day", "expected"), FUTURES + SECURITIES)
def test_instrument_for(code: str, exchange: str, day: str, expected: dict[str, object]) -> None:
    found = instrument_for(code, exchange, day)
    assert found is not None
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("code", ["", "if2612", "XX2612", "999999", "60051", "6005190", "IF2612C4000"])
def test_unknown_codes(code: str) -> None:
    assert instrument_for(code, "", TODAY) is None


def test_special_treatment_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(securities, "_securities_text", lambda: "header\nSSE,600000,*ST样本,E,MAIN\n")
    for day, ratio in (("20260703", "0.05"), ("20260706", "0.10")):
        found = instrument_for("600000", "", day)
        assert found is not None
        assert found.limit_ratio == Decimal(ratio)


def test_futures_snapshot() -> None:
    snapshot = load_futures_snapshot()
    assert len(snapshot) == 789
    by_code = {instrument.code: instrument for instrument in snapshot}
    assert by_code["rb2505"].max_market_volume == 0  # the file says 30; SHFE had no market orders
    assert by_code["SR505"].max_market_volume == 200  # the file says 0; 200 is valid
    assert by_code["IF2504"].max_market_volume == 10
    assert by_code["IF2503"].strike is None
    assert by_code["IF2503"].option_type == ""
    assert by_code["ec2504"].price_tick == Decimal("0.1")  # the tick of that day, 0.5 since 2026-05-11
    assert all(item.uses_history == (item.exchange in ("SHFE", "INE")) for item in snapshot)


def test_every_future_of_products_can_be_made() -> None:
    made = [make_future(product, 2027, 1, TODAY) for product in products().all() if product.product_class == "future"]
    assert len(made) == 91
    assert all(item.expire_date >= "202612" and item.session_id for item in made)


def test_securities() -> None:
    loaded = load_securities(TODAY)
    assert len(loaded) == 1861
    assert len({instrument.key for instrument in loaded}) == 1861


def test_specials_are_flagged() -> None:
    everything = {item.code: item for item in load_special()}
    assert list(everything) == ["TEST", "BTC", "MINUS"]
    assert list(everything) == [item.code for item in load_special(include_disabled=True)]
    assert all(item.is_matched and item.exchange == "SHFE" and item.uses_history for item in everything.values())
    assert everything["MINUS"].lower_limit == Decimal(-500)
    assert everything["MINUS"].reference_price == Decimal("-37.63")


def test_renamed_keeps_what_was_recorded() -> None:
    recorded = instrument_for("IF2101", "CFFEX", "20210104")
    assert recorded is not None
    current = renamed(recorded, "IF2612", TODAY)
    assert (current.code, current.expire_date, current.price_scale) == ("IF2612", "20261218", 10)
    with pytest.raises(DataError, match="'IC2612' is not a IF contract of CFFEX"):
        renamed(recorded, "IC2612", TODAY)


def test_instruments_do_not_change() -> None:
    found = instrument_for("IF2612", "", TODAY)
    assert found is not None
    with pytest.raises(FrozenInstanceError):
        found.multiplier = 1  # type: ignore[misc]
    with pytest.raises(ValueError, match="unknown product class 'thing'"):
        replace(found, product_class="thing")


# code → margin by money / by volume, then open, close, close-today by money, open by volume, minimum, stamp, transfer
RATES = [
    ("IF2612", "0.15", "0", "0.000023", "0.000023", "0.00023", "0", "0", "0", "0"),
    ("rb2612", "0.16", "0", "0.0001", "0.0001", "0.0001", "0", "0", "0", "0"),
    ("SR701", "0.13", "0", "0", "0", "0", "3", "0", "0", "0"),
    ("ad2612", "0.07", "0", "0.00005", "0.00005", "0", "0", "0", "0", "0"),  # no broker's rate: the exchange's
    ("TEST", "0", "100", "0", "0", "0", "1", "0", "0", "0"),
    ("600519", "1", "0", "0.00025", "0.00025", "0.00025", "0", "5", "0.0005", "0.00001"),
    ("510300", "1", "0", "0.0001", "0.0001", "0.0001", "0", "0.1", "0", "0"),
    ("113001", "1", "0", "0.00005", "0.00005", "0.00005", "0", "0", "0", "0"),
]


@pytest.mark.parametrize(
    ("code", "money", "volume", "opened", "closed", "today", "lot", "least", "stamp", "moved"), RATES
)
def test_rates(
    code: str,
    money: str,
    volume: str,
    opened: str,
    closed: str,
    today: str,
    lot: str,
    least: str,
    stamp: str,
    moved: str,
) -> None:
    universe = Universe(TODAY)
    instrument = universe.resolve(code)
    assert instrument is not None
    margin = universe.margin_rate(instrument)
    assert (margin.long_by_money, margin.long_by_volume) == (Decimal(money), Decimal(volume))
    assert (margin.short_by_money, margin.short_by_volume) == (Decimal(money), Decimal(volume))
    fees = universe.commission(instrument)
    assert (fees.open_by_money, fees.close_by_money, fees.close_today_by_money) == tuple(
        map(Decimal, (opened, closed, today))
    )
    assert (fees.open_by_volume, fees.minimum) == (Decimal(lot), Decimal(least))
    assert (fees.stamp_duty_sell_by_money, fees.transfer_by_money) == (Decimal(stamp), Decimal(moved))


def test_universe_keeps_order_and_finds_by_code() -> None:
    universe = Universe(TODAY)
    stock = universe.resolve("000001", "SZSE")
    index = universe.resolve("000001", "SSE")
    assert stock is not None
    assert universe.resolve("000001") is stock  # the first that was added
    assert universe.find("000001") == [stock, index]
    assert universe.get("SSE", "000001") is index
    assert universe.get("SSE", "600519") is None
    assert [item.key for item in universe] == [("SZSE", "000001"), ("SSE", "000001")]
    assert len(universe) == 2
    assert universe.product("SHFE", "rb") is find_product("SHFE", "rb")
    assert universe.resolve("NOPE") is None


def test_universe_takes_rates_of_its_own() -> None:
    own = Instrument(
        exchange="XX", code="A", product="A", product_class="future", multiplier=1, price_tick=Decimal("0.01")
    )
    universe = Universe(TODAY, [own])
    assert universe.margin_rate(own) == MarginRate()
    assert universe.commission(own) == Commission()
    universe.add(own, MarginRate(long_by_money=Decimal("0.5")), Commission(minimum=Decimal(1)))
    assert universe.margin_rate(own).long_by_money == Decimal("0.5")
    assert universe.commission(own).minimum == 1


BAD_PRODUCTS = [
    ("price_tick", "0", r"products.csv:2: column price_tick: '0' is not a positive price tick"),
    ("price_tick", "nan", r"products.csv:2: column price_tick: 'nan' is not a number"),
    ("multiplier", "ten", r"products.csv:2: column multiplier: 'ten' is not an integer"),
    ("fee_open_money", "-1", r"products.csv:2: column fee_open_money: -1 is negative"),
    ("session_history_since", "yesterday", r"products.csv:2: column session_history_since: 'yesterday' is not a date"),
]


@pytest.mark.parametrize(("column", "text", "message"), BAD_PRODUCTS)
def test_bad_product_row(tmp_path: Path, column: str, text: str, message: str) -> None:
    shipped = products().path.read_text(encoding="utf-8").splitlines()
    header, first = shipped[0].split(","), shipped[1].split(",")
    first[header.index(column)] = text
    path = tmp_path / "products.csv"
    path.write_text(",".join(header) + "\n" + ",".join(first) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        ProductTable(path).all()


def test_bad_product_files(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    with pytest.raises(DataError, match="no such file"):
        ProductTable(path)
    path.write_text("exchange,product_id\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"products\.csv:1: missing column product_class"):
        ProductTable(path)
    shipped = products().path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*shipped[:2], shipped[1]]), encoding="utf-8")
    with pytest.raises(DataError, match=r"products\.csv:3: column product_id: SHFE cu is there twice"):
        ProductTable(path)
    path.write_text("\n".join([*shipped[:2], "SHFE,al"]), encoding="utf-8")
    with pytest.raises(DataError, match=r"products\.csv:3: 2 cells, the header has"):
        ProductTable(path)
