"""Options: codes both ways, chains, expiry, limits, margin; agreement with the real chains of 2020-06-16."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from ctp2.refdata.instruments import instrument_for
from ctp2.refdata.limits import daily_limits
from ctp2.refdata.models import Instrument
from ctp2.refdata.options import (
    Ladder,
    all_rules,
    chain,
    full_chain,
    make_option,
    option_code,
    option_margin,
    option_months,
    parse_option,
    rules_of,
    strikes_around,
)
from ctp2.refdata.table import DATA_DIR, DataError, rows

TODAY = "20261123"


def option(code: str, day: str = TODAY, exchange: str = "") -> Instrument:
    found = instrument_for(code, exchange, day)
    assert found is not None, code
    return found


# code, day → exchange, product, underlying, strike, type, expiry, tick, style, on a spot
CODES = [
    ("cu2701C80000", TODAY, "SHFE", "cu_o", "cu2701", "80000", "call", "20261225", "2", "american", False),
    ("au2702P800", TODAY, "SHFE", "au_o", "au2702", "800", "put", "20270125", "0.02", "american", False),
    ("sc2701C500", TODAY, "INE", "sc_o", "sc2701", "500", "call", "20261215", "0.05", "american", False),
    ("m2701-C-3000", TODAY, "DCE", "m_o", "m2701", "3000", "call", "20261216", "0.5", "american", False),
    ("SR701C6000", TODAY, "CZCE", "SRC", "SR701", "6000", "call", "20261211", "0.5", "american", False),
    ("SR701P6000", TODAY, "CZCE", "SRP", "SR701", "6000", "put", "20261211", "0.5", "american", False),
    ("lc2701-P-85000", TODAY, "GFEX", "lc_o", "lc2701", "85000", "put", "20261207", "10", "american", False),
    ("IO2612-C-4000", TODAY, "CFFEX", "IO", "000300", "4000", "call", "20261218", "0.2", "european", True),
    ("MO2701-P-7300", TODAY, "CFFEX", "MO", "000852", "7300", "put", "20270115", "0.2", "european", True),
    ("m2008-C-2400", "20200616", "DCE", "m_o", "m2008", "2400", "call", "20200707", "0.5", "american", False),
    ("SR009C5000", "20200616", "CZCE", "SRC", "SR009", "5000", "call", "20200805", "0.5", "american", False),
    ("cu2009C46000", "20200616", "SHFE", "cu_o", "cu2009", "46000", "call", "20200825", "1", "american", False),
]


@pytest.mark.parametrize(
    ("code", "day", "exchange", "product", "underlying", "strike", "kind", "expiry", "tick", "style", "is_spot"), CODES
)
def test_codes(
    code: str,
    day: str,
    exchange: str,
    product: str,
    underlying: str,
    strike: str,
    kind: str,
    expiry: str,
    tick: str,
    style: str,
    is_spot: bool,
) -> None:
    for hint in ("", exchange):
        made = option(code, day, hint)
        assert (made.exchange, made.product, made.underlying) == (exchange, product, underlying)
        assert (made.product_class, made.is_spot_option, made.exercise_style) == ("option", is_spot, style)
        assert (made.strike, made.option_type, made.expire_date) == (Decimal(strike), kind, expiry)
        assert (made.price_tick, made.code, made.exchange_code) == (Decimal(tick), code, code)
        assert made.is_trading
    terms = parse_option(code, day)
    assert terms is not None
    assert option_code(*terms) == code


NO_OPTIONS = [
    "cu2612-C-80000",  # SHFE writes no dashes
    "m2701C3000",  # DCE does
    "SR2701C6000",  # CZCE has one digit for the year
    "cu612C80000",
    "IF2612-C-4000",  # no options on it under this name
    "cu2613C80000",
    "cu2612C0",
    "cu2612C080000",
    "cu2612X80000",
    "CU2612C80000",
    "10009999",  # beyond the last product of SSE
    "30000000",
]


@pytest.mark.parametrize("code", NO_OPTIONS)
def test_no_options(code: str) -> None:
    assert instrument_for(code, "", TODAY) is None


def test_hint_of_another_exchange() -> None:
    assert instrument_for("cu2612C80000", "DCE", TODAY) is None
    assert instrument_for("90000000", "SSE", TODAY) is None


# ------------------------------------------------------------------------------------------- agreement with 2020-06-16


def snapshot_2020() -> list[dict[str, str]]:
    columns = "ExchangeID InstrumentID ProductClass ProductID VolumeMultiple PriceTick DeliveryYear DeliveryMonth"
    names = [*columns.split(), "ExpireDate", "UnderlyingInstrID", "StrikePrice", "OptionsType", "MaxLimitOrderVolume"]
    path = DATA_DIR / "cn_futures_options_20200616.csv.gz"
    return [{name: row.text(name) for name in names} for row in rows(path, names)]


def test_every_option_of_2020_is_understood() -> None:
    """All 5,196: exchange, product, multiplier, tick, underlying, strike and type; 4,428 expiries.

    The other 768 expire in June and October 2020, whose holidays the calendar (from 2024) does not know.
    """
    agree: Counter[str] = Counter()
    for line in snapshot_2020():
        if line["ProductClass"] not in ("2", "6"):
            continue
        made = option(line["InstrumentID"], "20200616", line["ExchangeID"])
        assert made.code == line["InstrumentID"]
        assert made.product == line["ProductID"].removesuffix("_o" if made.exchange == "CFFEX" else "-")
        assert (made.multiplier, made.price_tick) == (int(line["VolumeMultiple"]), Decimal(line["PriceTick"]))
        assert (made.underlying, made.strike) == (line["UnderlyingInstrID"], Decimal(line["StrikePrice"]))
        assert made.option_type == {"1": "call", "2": "put"}[line["OptionsType"]]
        assert (made.delivery_year, made.delivery_month) == (int(line["DeliveryYear"]), int(line["DeliveryMonth"]))
        assert made.is_spot_option == (line["ProductClass"] == "6")
        agree["options"] += 1
        agree["expiry"] += made.expire_date == line["ExpireDate"]
        assert made.expire_date == line["ExpireDate"] or line["ExpireDate"][:6] in ("202006", "202010")
    assert agree == {"options": 5196, "expiry": 4428}


def test_every_strike_of_2020_is_on_its_ladder() -> None:
    for line in snapshot_2020():
        if line["ProductClass"] in ("2", "6"):
            terms = parse_option(line["InstrumentID"], "20200616")
            assert terms is not None
            ladders = (terms.rules.near, terms.rules.far)
            assert any(ladder.strikes(terms.strike, terms.strike) == [terms.strike] for ladder in ladders), line


def test_every_future_of_2020_is_understood() -> None:
    """All 623 multipliers and ticks, 599 expiries; the others are in June, October and at the turn of the year."""
    agree: Counter[str] = Counter()
    for line in snapshot_2020():
        if line["ProductClass"] == "1":
            made = instrument_for(line["InstrumentID"], line["ExchangeID"], "20200616")
            assert made is not None
            assert (made.multiplier, made.price_tick) == (int(line["VolumeMultiple"]), Decimal(line["PriceTick"]))
            agree["futures"] += 1
            agree["expiry"] += made.expire_date == line["ExpireDate"]
    assert agree == {"futures": 623, "expiry": 599}


# --------------------------------------------------------------------------------------------------------- strikes


def test_ladder() -> None:
    ladder = Ladder(((Decimal(10), Decimal(2)), (Decimal(20), Decimal(5)), (None, Decimal(10))))
    assert [int(strike) for strike in ladder.strikes(Decimal(5), Decimal(45))] == [6, 8, 10, 15, 20, 30, 40]
    assert ladder.strikes(Decimal(11), Decimal(14)) == []


def test_a_chain_lies_around_the_price() -> None:
    rules = rules_of("cu", "SHFE")
    assert rules is not None
    strikes = strikes_around(rules, Decimal(80000))
    assert [int(strikes[0]), int(strikes[-1]), len(strikes)] == [
        64000,
        96000,
        25,
    ]  # ± 20 %: 1,000 apart, 2,000 above 80,000


# underlying, price → months, options, first and last code
CHAINS = [
    ("cu2701", None, 1, 50, "cu2701C64000", "cu2701P96000"),
    ("m2701", "3000", 1, 50, "m2701-C-2400", "m2701-P-3600"),
    ("SR701", None, 1, 46, "SR701C4500", "SR701P6700"),
    # three months of 27 strikes to 5,000 and 5 above, three quarterly ones of 14 and 2
    ("IO", None, 6, 288, "IO2612-C-3700", "IO2709-P-5400"),
    ("000300", None, 6, 288, "IO2612-C-3700", "IO2709-P-5400"),
    ("IO2612", "4000", 1, 66, "IO2612-C-3200", "IO2612-P-4800"),
    ("510050", None, 4, 72, "10001707", "10000968"),
    ("159915", "2", 4, 72, "", ""),
    ("rb2613", None, 0, 0, "", ""),
    ("IF2612", None, 0, 0, "", ""),
    ("600519", None, 0, 0, "", ""),
]


@pytest.mark.parametrize(("underlying", "price", "months", "count", "first", "last"), CHAINS)
def test_chains(underlying: str, price: str | None, months: int, count: int, first: str, last: str) -> None:
    made = chain(underlying, TODAY, Decimal(price) if price else None)
    assert len(made) == count
    assert len({(item.delivery_year, item.delivery_month) for item in made}) == months
    assert Counter(item.option_type for item in made) == (Counter(call=count // 2, put=count // 2) if count else {})
    if first:
        assert made[0].code == first
        assert made[-1].code == last


def test_an_expired_month_has_no_chain() -> None:
    assert chain("cu2612", "20261124") != []  # its last trading day
    assert chain("cu2612", "20261125") == []


def test_every_listed_option_means_itself() -> None:
    """Code → instrument → the same code, for each option that any exchange lists, and no code twice."""
    seen: set[tuple[str, str]] = set()
    for rules in all_rules():
        for made in full_chain(rules, TODAY):
            assert made.key not in seen
            seen.add(made.key)
            terms = parse_option(made.code, TODAY, made.exchange)
            assert terms is not None
            assert make_option(terms, TODAY) == made
    assert len(seen) == 28166


def test_every_option_product_of_the_table_has_rules() -> None:
    assert len(all_rules()) == 74
    for rules in all_rules():
        assert option_months(rules, TODAY), rules.product.product


# ---------------------------------------------------------------------------------------------------- fund options


def test_fund_options() -> None:
    """Four expiries, nine strikes, both types, for each of nine funds; a code stays from day to day."""
    for rules in all_rules():
        if not rules.is_fund:
            continue
        made = full_chain(rules, TODAY)
        assert len(made) == 4 * 9 * 2
        assert sorted({item.expire_date for item in made}) == ["20261125", "20261223", "20270324", "20270623"]
        assert all(item.multiplier == 10000 and len(item.code) == 8 and item.is_spot_option for item in made)
        assert all(item.underlying == rules.underlying and item.session_id == "SOPT" for item in made)
    first = chain("510050", TODAY)[18]
    assert (first.code, first.exchange, first.strike) == ("10001873", "SSE", Decimal("2.85"))
    assert (first.exchange_code, first.name) == ("510050C2612M02850", "上证50ETF购12月2850")
    assert option(first.code, "20261222") == option(first.code, "20261223")
    assert option(first.code, "20270301").expire_date == "20271222"  # the same number a year later


def test_a_fund_option_off_the_ladder_has_no_code() -> None:
    rules = rules_of("510050")
    assert rules is not None
    with pytest.raises(DataError, match=r"510050: no option with strike 2\.87"):
        option_code(rules, 2026, 12, "call", Decimal("2.87"))


# ------------------------------------------------------------------------------------------------ limits and margin

# code, its previous settlement, price of the underlying → upper, lower
LIMITS = [
    ("cu2701C80000", "1500", "80000", "7100", "2"),  # 7 % of 80,000 = 5,600, never below one tick
    ("m2701-C-3000", "80.5", "3055", "263.5", "0.5"),  # 6 % = 183.3, inward on the future's grid 183
    ("m2701-C-2000", "1055", "3055", "1238", "872"),
    ("IO2612-C-4000", "612.4", "4612.34", "1073.6", "151.2"),  # ±461.234, inward
    ("10001873", "0.2500", "3.1", "0.56", "0.0001"),  # min(6.2-2.85, 3.1) × 10 % = 0.31
]


@pytest.mark.parametrize(("code", "settlement", "underlying", "upper", "lower"), LIMITS)
def test_limits(code: str, settlement: str, underlying: str, upper: str, lower: str) -> None:
    limits = daily_limits(option(code), Decimal(settlement), None, Decimal(underlying))
    assert limits == (Decimal(upper), Decimal(lower))


def test_a_fund_option_far_out_of_the_money_moves_less() -> None:
    far = next(item for item in chain("510050", TODAY) if item.option_type == "call" and item.strike == Decimal("3.5"))
    # S = 2: max(2 × 0.5 %, min(2 × 2 - 3.5, 2) × 10 %) = 0.05
    assert daily_limits(far, Decimal("0.1"), None, Decimal(2)) == (Decimal("0.15"), Decimal("0.0001"))
    assert daily_limits(far, Decimal("0.1"), None, Decimal("1.7")) == (Decimal("0.1085"), Decimal("0.0001"))


def test_no_limits_without_the_underlying() -> None:
    assert daily_limits(option("m2701-C-3000"), Decimal(80)) == (None, None)
    assert daily_limits(option("m2701-C-3000"), None, None, Decimal(3000)) == (None, None)


def test_seller_margin() -> None:
    index, fund = option_margin(option("IO2612-C-4000")), option_margin(option("10001873"))
    assert index is not None
    assert fund is not None
    assert (index.adjust, index.floor) == (Decimal("0.12"), Decimal("0.5"))
    assert (fund.adjust, fund.floor) == (Decimal("0.12"), Decimal("0.07"))
    assert option_margin(option("m2701-C-3000")) is None  # half, or all but half the money lost, of the future's margin
