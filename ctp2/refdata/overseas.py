"""Securities of HKEX and of the US exchanges: board lots, price-dependent ticks, half days.

The Hong Kong list holds codes, lots, spread tables and currencies only; a user's instrument file replaces any of it
(docs/decisions/0024). Unknown codes: none for Hong Kong, whose lot cannot be guessed; a US code is made when its
exchange is given.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from ctp2.refdata.calendar import calendar
from ctp2.refdata.models import FUND, STOCK, Instrument
from ctp2.refdata.table import DATA_DIR, Row, cells, rows

HKEX = "HKEX"
US_EXCHANGES = ("NASD", "NYSE", "BATS")

_ONE = Decimal(1)
_HK_MAX_LOTS = 3000  # board lots in one order
_US_MAX_SHARES = 1_000_000

#: (price up to and including, tick), ascending.
Bands = tuple[tuple[Decimal, Decimal], ...]

# ------------------------------------------------------------------------------------------------------ Hong Kong


@cache
def _hk_list() -> dict[str, tuple[str, ...]]:
    """Code → board lot, spread table, currency, class."""
    columns = ["code", "board_lot", "spread_table", "currency", "product_class"]
    return {code: tuple(rest) for code, *rest in cells(DATA_DIR / "hk_lots.csv.gz", columns)}


def hk_codes() -> list[str]:
    """Every code of the shipped list, ascending."""
    return list(_hk_list())


def hk_security(code: str, trading_day: str) -> Instrument | None:
    """A security of the list as seen on a day; None when it is not listed there."""
    line = _hk_list().get(code)
    if line is None:
        return None
    lot, table, currency, product_class = int(line[0]), line[1], line[2], line[3]
    bands = hk_ticks(table, trading_day)
    return Instrument(
        exchange=HKEX,
        code=code,
        product="HK" if product_class == STOCK else "HKFUND",
        product_class=product_class,
        multiplier=1,
        price_tick=bands[0][1],
        tick_bands=bands,
        currency=currency,
        min_limit_volume=lot,
        max_limit_volume=lot * _HK_MAX_LOTS,
        min_market_volume=lot,
        long_margin_ratio=_ONE,
        short_margin_ratio=_ONE,
        session_id="HK_HALF" if calendar().is_half_day("HK", trading_day) else "HK",
        lot=lot,
        lot_min=lot,
        lot_step=lot,
        board="HK",
    )


@cache
def _spread_rows() -> tuple[Row, ...]:
    columns = ["spread_table_id", "price_from_excl", "price_to_incl", "tick", "effective_from", "effective_to"]
    return tuple(rows(DATA_DIR / "hk_spread_table.csv", columns))


@cache
def _phase_dates() -> dict[str, str]:
    """What hk_spread_table.csv says in words instead of a first day → the day, ``''`` while it is not in force."""
    table = rows(DATA_DIR / "hk_spread_phases.csv", ["effective_from_text", "effective_from"])
    return {row.text("effective_from_text"): row.date("effective_from") for row in table}


@cache
def hk_ticks(spread_table: str, trading_day: str) -> Bands:
    """The ticks of a spread table (1 = Part A, 3 = B, 4 = E, 5 = D) on a day, by price.

    Of several sets that fit the day the one that began last holds.
    """
    sets: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for row in _spread_rows():
        if row.text("spread_table_id") != spread_table:
            continue
        began = _began(row)
        ended = row.date("effective_to")
        if began is not None and began <= trading_day <= (ended or "9"):
            sets.setdefault(began, []).append((_bound(row), row.tick("tick")))
    if not sets:
        raise _spread_rows()[0].error("spread_table_id", f"no table {spread_table!r} on {trading_day}")
    return tuple(sorted(sets[max(sets)]))


def _began(row: Row) -> str | None:
    """The first day of a row, ``''`` when open, None while it is only planned."""
    words = row.text("effective_from")
    if words in _phase_dates():
        return _phase_dates()[words] or None
    return "" if words.startswith("before ") else row.date("effective_from")


def _bound(row: Row) -> Decimal:
    bound = row.decimal("price_to_incl")
    if bound is None:
        raise row.error("price_to_incl", "is empty")
    return bound


# ------------------------------------------------------------------------------------------------- United States


@cache
def _us_list() -> dict[str, tuple[str, str, str]]:
    """Code → exchange, name, index."""
    columns = ["ExchangeID", "InstrumentID", "Name", "Index"]
    table = rows(DATA_DIR / "us_securities.csv", columns)
    return {row.text("InstrumentID"): (row.text("ExchangeID"), row.text("Name"), row.text("Index")) for row in table}


def us_codes() -> list[str]:
    """Every code of the shipped list, in file order."""
    return list(_us_list())


def is_us_code(code: str) -> bool:
    """Whether the shipped list has a code."""
    return code in _us_list()


def us_products() -> list[tuple[str, str]]:
    """(exchange, product) of everything in the list, each once."""
    kinds = ((exchange, "USFUND" if index == "ETF" else "US") for exchange, _, index in _us_list().values())
    return list(dict.fromkeys(kinds))


def us_exchange(code: str) -> str:
    """The exchange of a code of the list, NASD for others."""
    line = _us_list().get(code)
    return line[0] if line is not None else US_EXCHANGES[0]


def us_security(code: str, exchange: str, trading_day: str) -> Instrument | None:
    """A US stock or fund on the exchange that is asked for (all trade all of them), else on its own.

    A code that is not listed needs an exchange. Orders are in shares; ``lot`` is the ordinary round lot, that of a
    price is ``us_round_lot``.
    """
    line = _us_list().get(code)
    if exchange not in ("", *US_EXCHANGES) or (line is None and not exchange):
        return None
    listed_on, name, index = line or (exchange, code, "")
    is_fund = index == "ETF"
    return Instrument(
        exchange=exchange or listed_on,
        code=code,
        product="USFUND" if is_fund else "US",
        product_class=FUND if is_fund else STOCK,
        name=name,
        multiplier=1,
        price_tick=Decimal("0.01"),
        tick_bands=_us_ticks(),
        currency="USD",
        max_limit_volume=_US_MAX_SHARES,
        max_market_volume=_US_MAX_SHARES,
        long_margin_ratio=_ONE,
        short_margin_ratio=_ONE,
        session_id="US_EARLY" if calendar().is_half_day("US", trading_day) else "US",
        lot=us_round_lot(None, trading_day),
        board="US",
    )


@cache
def _us_rules() -> dict[str, list[tuple[str, Decimal | None, Decimal]]]:
    """'tick' and 'round_lot' → (first day, price up to and including, value) in file order."""
    result: dict[str, list[tuple[str, Decimal | None, Decimal]]] = {}
    for row in rows(DATA_DIR / "us_price_rules.csv", ["rule", "price_to_incl", "value", "effective_from"]):
        line = row.date("effective_from"), row.decimal("price_to_incl"), row.tick("value")
        result.setdefault(row.text("rule"), []).append(line)
    return result


@cache
def _us_ticks() -> Bands:
    return tuple((bound if bound is not None else Decimal("Infinity"), tick) for _, bound, tick in _us_rules()["tick"])


def us_round_lot(price: Decimal | None, trading_day: str) -> int:
    """The round lot at a price (of the evaluation month) on a day; without a price that of the lowest ones."""
    lot = 100
    lines = [line for line in _us_rules()["round_lot"] if line[0] <= trading_day]
    for since, bound, value in lines:
        is_newest = since == max(line[0] for line in lines)
        if is_newest and (bound is None or price is None or price <= bound):
            return int(value)
    return lot
