"""A user's own files: what they add and replace, and one line for every way in which a line can be wrong."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.listing import universe_for
from ctp2.refdata.loader import Universe
from ctp2.refdata.models import Commission, MarginRate
from ctp2.refdata.table import DataError
from ctp2.refdata.userfiles import INSTRUMENT_COLUMNS, RATES_COLUMNS, load_instrument_file, load_rates_file

TODAY = "20261123"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "own.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------------------------ instruments


def test_an_instrument_is_added(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "exchange,code,product_class,multiplier,price_tick,currency,limit_ratio,session_id,note",
        "SHFE,GAME,future,10,0.5,CNY,0.1,N2300,a contract of mine",
        "HKEX,09999,stock,1,0.001,HKD,,HK,",
    )
    universe = Universe(TODAY)
    assert load_instrument_file(path, universe) == 2
    game, share = universe.resolve("GAME"), universe.resolve("09999", "HKEX")
    assert game is not None
    assert share is not None
    assert (game.product, game.price_scale, game.tick_units, game.limit_ratio) == ("GAME", 10, 5, Decimal("0.1"))
    assert share.currency == "HKD"


def test_an_instrument_is_changed(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "exchange,code,min_limit_volume,price_tick,open_date,lot,lot_min,lot_step,spread_table",
        "DCE,m2701,4,2,,,,,",
        "SSE,688981,,,20261120,,,,",
        "HKEX,00700,,,,200,200,200,3",
    )
    universe = Universe(TODAY)
    before = instrument_for("m2701", "DCE", TODAY)
    assert before is not None
    assert load_instrument_file(path, universe) == 3
    meal, chip, tencent = (universe.resolve(code) for code in ("m2701", "688981", "00700"))
    assert meal is not None
    assert chip is not None
    assert tencent is not None
    assert (meal.min_limit_volume, meal.price_tick, meal.tick_units) == (4, Decimal(2), 2)
    assert (meal.multiplier, meal.expire_date, meal.session_id) == (before.multiplier, before.expire_date, "N2300")
    assert (chip.open_date, chip.limit_ratio) == ("20261120", None)  # its first five days
    assert (tencent.lot, tencent.lot_step, tencent.tick_at(Decimal(500))) == (200, 200, Decimal("0.05"))


def test_a_tick_of_ones_own_replaces_the_bands(tmp_path: Path) -> None:
    universe = Universe(TODAY)
    load_instrument_file(write(tmp_path, "exchange,code,price_tick", "NASD,AAPL,0.05"), universe)
    apple = universe.resolve("AAPL")
    assert apple is not None
    assert (apple.tick_bands, apple.tick_at(Decimal("0.5")), apple.price_scale) == ((), Decimal("0.05"), 100)


def test_a_listed_instrument_is_changed_before_and_after_the_list_is_made(tmp_path: Path) -> None:
    path = write(tmp_path, "exchange,code,max_limit_volume", "SHFE,rb2701,7")
    for is_listed in (False, True):
        universe = universe_for(TODAY, ["futures"])
        if is_listed:
            assert len(universe) == 887
        load_instrument_file(path, universe)
        found = universe.get("SHFE", "rb2701")
        assert found is not None
        assert found.max_limit_volume == 7
        assert len(universe) == 887


def test_an_option_of_ones_own(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "exchange,code,product_class,multiplier,price_tick,underlying,strike,option_type,is_spot_option,expire_date",
        "SSE,10005555,option,10000,0.0001,510050,3.1,call,1,20261223",
    )
    universe = Universe(TODAY)
    load_instrument_file(path, universe)
    made = universe.resolve("10005555")
    assert made is not None
    assert (made.strike, made.option_type, made.is_spot_option) == (Decimal("3.1"), "call", True)


NEW = "exchange,code,product_class,multiplier,price_tick"
# header, line → what is wrong
BAD_INSTRUMENTS = [
    ("exchange,code,colour", "SHFE,rb2701,red", ":1: unknown column 'colour'; known: exchange, code, exchange_code"),
    ("exchange,code,lot,lot", "SHFE,rb2701,1,1", ":1: column lot is there twice"),
    ("exchange,lot", "SHFE,1", ":1: missing column code"),
    ("exchange,code,lot", "SHFE,rb2701", ":3: 2 cells, the header has 3"),
    ("exchange,code,lot", ",rb2701,1", ":3: column exchange: is empty"),
    ("exchange,code,lot", "SHFE,,1", ":3: column code: is empty"),
    ("exchange,code,lot", "SHFE,rb2612,2", ":3: column code: SHFE rb2612 is there twice"),
    ("exchange,code,lot", "LONGNAMES,rb2701,1", ":3: column exchange: 'LONGNAMES' is longer than 8 bytes"),
    ("exchange,code,lot", "SHFE,rb2701,x", ":3: column lot: 'x' is not an integer"),
    ("exchange,code,lot", "SHFE,rb2701,0", ":3: column lot: 0 is not within 1..2147483647"),
    ("exchange,code,lot", "SHFE,rb2701,9999999999", ":3: column lot: 9999999999 is not within"),
    ("exchange,code,price_tick", "SHFE,rb2701,0", ":3: column price_tick: '0' is not a positive price tick"),
    ("exchange,code,price_tick", "SHFE,rb2701,nan", ":3: column price_tick: 'nan' is not a number"),
    ("exchange,code,price_tick", "SHFE,rb2701,1e-9", ":3: column price_tick: 1E-9 has more than 8 decimals"),
    ("exchange,code,upper_limit", "SHFE,rb2701,1e12", ":3: column upper_limit: 1E+12 is not within ±1000000000"),
    (
        "exchange,code,upper_limit,lower_limit",
        "SHFE,rb2701,1,2",
        ":3: column upper_limit: 1 is not above lower_limit 2",
    ),
    ("exchange,code,is_t0", "SSE,600519,yes", ":3: column is_t0: 'yes' is not 0 or 1"),
    ("exchange,code,currency", "SSE,600519,GBP", ":3: column currency: 'GBP' is not one of CNY, HKD, USD"),
    ("exchange,code,product_class", "SSE,600519,thing", ":3: column product_class: 'thing' is not one of future"),
    ("exchange,code,open_date", "SSE,600519,20261301", ":3: column open_date: '20261301' is not a date"),
    ("exchange,code,open_date", "SSE,600519,soon", ":3: column open_date: 'soon' is not a date"),
    ("exchange,code,session_id", "SSE,600519,LATE", ":3: column session_id: unknown session 'LATE'; known: "),
    ("exchange,code,limit_ratio", "SSE,600519,1.5", ":3: column limit_ratio: 1.5 is above 1"),
    ("exchange,code,limit_ratio", "SSE,600519,-0.1", ":3: column limit_ratio: -0.1 is negative"),
    ("exchange,code,spread_table", "HKEX,00700,9", ":3: column spread_table: '9' is no spread table of 20261123"),
    ("exchange,code,delivery_month", "SHFE,rb2701,13", ":3: column delivery_month: 13 is no month"),
    ("exchange,code,max_limit_volume,min_limit_volume", "SHFE,rb2701,2,3", ":3: column max_limit_volume: 2 is below"),
    (
        "exchange,code,max_market_volume,min_market_volume",
        "SHFE,rb2701,2,3",
        ":3: column max_market_volume: 2 is below",
    ),
    (NEW, "SHFE,GAME,,10,1", ":3: column product_class: is empty, and SHFE GAME is not known otherwise"),
    (NEW, "SHFE,GAME,future,,1", ":3: column multiplier: is empty, and SHFE GAME is not known otherwise"),
    (NEW, "SHFE,GAME,future,10,", ":3: column price_tick: is empty, and SHFE GAME is not known otherwise"),
    (NEW, "SHFE,GAME,option,10,1", ":3: column strike: is empty, and an option needs it"),
]


@pytest.mark.parametrize(("header", "line", "message"), BAD_INSTRUMENTS)
def test_a_bad_instrument_changes_nothing(tmp_path: Path, header: str, line: str, message: str) -> None:
    good = {"exchange": "SHFE", "code": "rb2612", "product_class": "future", "multiplier": "11", "price_tick": "3"}
    cells = [good.get(name, "") for name in header.split(",")]
    path = write(tmp_path, header, ",".join(cells), line)
    universe = Universe(TODAY)
    with pytest.raises(DataError, match=re.escape(f"{path}{message}")):
        load_instrument_file(path, universe)
    assert len(universe) == 0


# ------------------------------------------------------------------------------------------------------------ rates


def test_rates_by_product_instrument_and_account(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "account,exchange,product,instrument,margin_long_by_money,margin_short_by_money,open_by_volume,strike_by_volume",
        ",SHFE,rb,,0.2,0.2,1,",
        ",SHFE,,rb2701,0.3,,,",
        "100001,SHFE,rb,,,0.5,2,",
        "100001,SHFE,,rb2701,0.6,,,",
        ",DCE,m_o,,,,1.5,0.5",
        ",SSE,MAIN,,,,0,",
    )
    universe = Universe(TODAY)
    far, near = universe.resolve("rb2705"), universe.resolve("rb2701")
    assert far is not None
    assert near is not None
    before = universe.margin_rate(far), universe.commission(far)
    assert load_rates_file(path, universe) == 6

    def margins(account: str) -> list[str]:
        rates = [universe.margin_rate(item, account) for item in (far, near)]
        return [str(value) for rate in rates for value in (rate.long_by_money, rate.short_by_money)]

    assert margins("") == ["0.2", "0.2", "0.3", "0.2"]
    assert margins("100001") == ["0.2", "0.5", "0.6", "0.5"]
    assert margins("999999") == margins("")
    assert universe.commission(far).open_by_volume == 1
    assert universe.commission(near, "100001").open_by_volume == 2
    assert universe.commission(far).open_by_money == before[1].open_by_money  # not given: as it was
    assert universe.margin_rate(near, "100001") is universe.margin_rate(near, "100001")
    option = universe.resolve("m2701-C-3000")
    assert option is not None
    assert (universe.commission(option).open_by_volume, universe.commission(option).strike_by_volume) == (
        Decimal("1.5"),
        Decimal("0.5"),
    )


def test_rates_over_those_an_instrument_was_added_with(tmp_path: Path) -> None:
    universe = Universe(TODAY)
    made = universe.resolve("rb2701")
    assert made is not None
    universe.add(made, MarginRate(long_by_money=Decimal("0.4")), Commission(minimum=Decimal(3)))
    load_rates_file(write(tmp_path, "exchange,instrument,open_by_volume", "SHFE,rb2701,7"), universe)
    assert universe.margin_rate(made, "1").long_by_money == Decimal("0.4")
    assert universe.commission(made).minimum == 3
    assert universe.commission(made).open_by_volume == 7


def test_rates_of_every_kind_of_product(tmp_path: Path) -> None:
    lines = ["CME,ES", "HKEX,HK", "NASD,US", "BSE,BSE", "SHFE,TEST", "CZCE,SRP", "CFFEX,IO", "SSE,510050", "DCE,l_f"]
    path = write(tmp_path, "exchange,product,open_by_volume", *(f"{line},1" for line in lines))
    assert load_rates_file(path, Universe(TODAY)) == len(lines)


RATE = "exchange,product,instrument,margin_long_by_money,open_by_money,open_by_volume"
BAD_RATES = [
    (
        "exchange,product,margin",
        "SHFE,rb,1",
        ":1: unknown column 'margin'; known: account, exchange, product, instrument",
    ),
    ("product,open_by_volume", "rb,1", ":1: missing column exchange"),
    (RATE, ",rb,,0.1,,", ":3: column exchange: is empty"),
    (RATE, "SHFE,,,0.1,,", ":3: column product: give a product or an instrument"),
    (RATE, "SHFE,rb,rb2701,0.1,,", ":3: column product: give a product or an instrument, not both"),
    (RATE, "SHFE,RB,,0.1,,", ":3: column product: SHFE RB is unknown (case matters: "),
    (RATE, "DCE,rb,,0.1,,", ":3: column product: DCE rb is unknown"),
    (RATE, "CME,ZZ,,0.1,,", ":3: column product: CME ZZ is unknown"),
    (RATE, "HKEX,US,,0.1,,", ":3: column product: HKEX US is unknown"),
    (RATE, "SHFE,,XX2701,0.1,,", ":3: column instrument: SHFE XX2701 is unknown; add it by an instrument file first"),
    (RATE, "SHFE,cu,,0.1,,", ":3: column product: cu is there twice"),
    (RATE, "SHFE,rb,,,,", ":3: column margin_long_by_money: is empty, and so is every other rate"),
    (RATE, "SHFE,rb,,x,,", ":3: column margin_long_by_money: 'x' is not a number"),
    (RATE, "SHFE,rb,,-0.1,,", ":3: column margin_long_by_money: -0.1 is negative"),
    (RATE, "SHFE,rb,,inf,,", ":3: column margin_long_by_money: 'inf' is not a number"),
    (RATE, "SHFE,rb,,12,,", ":3: column margin_long_by_money: 12 is above 10"),
    (RATE, "SHFE,rb,,,2,", ":3: column open_by_money: 2 is above 1"),
    (RATE, "SHFE,rb,,,0.123456789,", ":3: column open_by_money: 0.123456789 has more than 8 decimals"),
    (RATE, "SHFE,rb,,,,1e10", ":3: column open_by_volume: 1E+10 is above 1000000000"),
    (RATE, "SHFE,rb,,,,0.1234567", ":3: column open_by_volume: 0.1234567 has more than 6 decimals"),
]


@pytest.mark.parametrize(("header", "line", "message"), BAD_RATES)
def test_a_bad_rate_changes_nothing(tmp_path: Path, header: str, line: str, message: str) -> None:
    good = {"exchange": "SHFE", "product": "cu", "open_by_volume": "9"}
    path = write(tmp_path, header, ",".join(good.get(name, "") for name in header.split(",")), line)
    universe = Universe(TODAY)
    with pytest.raises(DataError, match=re.escape(f"{path}{message}")):
        load_rates_file(path, universe)
    copper = universe.resolve("cu2701")
    assert copper is not None
    assert universe.commission(copper) == Universe(TODAY).commission(copper)
    assert universe.commission(copper).open_by_volume != 9


@pytest.mark.parametrize("load", [load_instrument_file, load_rates_file])
def test_files_that_cannot_be_read(tmp_path: Path, load: object) -> None:
    assert callable(load)
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "none.csv", Universe(TODAY))
    path = tmp_path / "own.csv"
    path.write_bytes("exchange,code,name\nSSE,600519,贵州茅台\n".encode("gbk"))
    with pytest.raises(DataError, match="not UTF-8 text"):
        load(path, Universe(TODAY))
    second = "code" if load is load_instrument_file else "product"
    path.write_text(f"exchange,{second},note\n" + "x" * 200_000 + ",a,b\n", encoding="utf-8")
    with pytest.raises(DataError, match=":2: field larger than field limit"):
        load(path, Universe(TODAY))
    path.write_bytes(b"")
    with pytest.raises(DataError, match=":1: missing column exchange"):
        load(path, Universe(TODAY))


def test_every_column_is_documented() -> None:
    root = Path(__file__).resolve().parents[2] / "docs"
    for name in ("reference-data.md", "zh/reference-data.md"):
        text = (root / name).read_text(encoding="utf-8")
        for column in (*INSTRUMENT_COLUMNS, *RATES_COLUMNS):
            assert f"`{column}`" in text, f"{name}: {column}"
