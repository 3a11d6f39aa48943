"""A user's own files: instruments to add or replace, margin and commission rates (docs/reference-data.md).

A file is read whole before anything changes: after one bad cell, named by file, line and column, the universe is as it
was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ctp2.refdata.calendar import CalendarError, to_date
from ctp2.refdata.loader import RateKey, Universe
from ctp2.refdata.models import PRODUCT_CLASSES, SECURITY_CLASSES, Commission, Instrument, MarginRate
from ctp2.refdata.securities import limit_ratio_of
from ctp2.refdata.sessions import session_ids
from ctp2.refdata.table import DataError, Row, header_of, rows

#: Rates have eight decimals, amounts six: what the ledger keeps exactly.
_RATE_DECIMALS = 8
_AMOUNT_DECIMALS = 6
_MAX_VOLUME = 2_147_483_647
_MAX_AMOUNT = Decimal(10) ** 9
_EXCHANGE_WIDTH = 8  # bytes that CTP's ExchangeID, InstrumentID, ProductID and CurrencyID hold
_CODE_WIDTH = 80
_PRODUCT_WIDTH = 40
_ACCOUNT_WIDTH = 12


# ------------------------------------------------------------------------------------------------------------ cells


def _text(width: int) -> Callable[[Row, str], Any]:
    def read(row: Row, column: str) -> str:
        text = row.text(column)
        if len(text.encode("gb18030", "replace")) > width:
            raise row.error(column, f"{text!r} is longer than {width} bytes")
        return text

    return read


def _choice(*known: str) -> Callable[[Row, str], Any]:
    def read(row: Row, column: str) -> str:
        text = row.text(column)
        if text not in known:
            raise row.error(column, f"{text!r} is not one of {', '.join(known)}")
        return text

    return read


def _flag(row: Row, column: str) -> bool:
    text = row.text(column)
    if text not in ("0", "1"):
        raise row.error(column, f"{text!r} is not 0 or 1")
    return text == "1"


def _integer(low: int) -> Callable[[Row, str], Any]:
    def read(row: Row, column: str) -> int:
        value = row.integer(column)
        if not low <= value <= _MAX_VOLUME:
            raise row.error(column, f"{value} is not within {low}..{_MAX_VOLUME}")
        return value

    return read


def _price(row: Row, column: str) -> Decimal:
    value = row.decimal(column)
    assert value is not None, "empty cells are left out"
    if abs(value) > _MAX_AMOUNT:
        raise row.error(column, f"{value} is not within ±{_MAX_AMOUNT}")
    return value


def _tick(row: Row, column: str) -> Decimal:
    return _limited(row, column, row.tick(column), _MAX_AMOUNT, _RATE_DECIMALS)


def _rate(maximum: int) -> Callable[[Row, str], Any]:
    """A fraction of turnover."""

    def read(row: Row, column: str) -> Decimal:
        return _limited(row, column, row.rate(column), Decimal(maximum), _RATE_DECIMALS)

    return read


def _amount(row: Row, column: str) -> Decimal:
    """Money per lot, order or trade."""
    return _limited(row, column, row.rate(column), _MAX_AMOUNT, _AMOUNT_DECIMALS)


def _limited(row: Row, column: str, value: Decimal, maximum: Decimal, decimals: int) -> Decimal:
    if value > maximum:
        raise row.error(column, f"{value} is above {maximum}")
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "the cell is a finite number"
    if -exponent > decimals:
        raise row.error(column, f"{value} has more than {decimals} decimals")
    return value


def _date(row: Row, column: str) -> str:
    day = row.date(column)
    try:
        to_date(day)
    except CalendarError:
        raise row.error(column, f"{row.text(column)!r} is not a date (YYYYMMDD)") from None
    return day


def _rows(path: Path, required: Sequence[str], known: Sequence[str]) -> Iterator[Row]:
    """The lines of a user's file; a column that means nothing is refused, because it is most likely misspelt."""
    seen: set[str] = set()
    for name in header_of(path):
        if name not in known:
            raise DataError(f"{path}:1: unknown column {name!r}; known: {', '.join(known)}")
        if name in seen:
            raise DataError(f"{path}:1: column {name} is there twice")
        seen.add(name)
    for row in rows(path, required):
        for column in required:
            if not row.text(column):
                raise row.error(column, "is empty")
        yield row


def _given(row: Row, readers: dict[str, Callable[[Row, str], Any]]) -> dict[str, Any]:
    """The cells of a line that are not empty, converted."""
    return {column: read(row, column) for column, read in readers.items() if row.text(column)}


# ------------------------------------------------------------------------------------------------------ instruments

_INSTRUMENT: dict[str, Callable[[Row, str], Any]] = {
    "exchange": _text(_EXCHANGE_WIDTH),
    "code": _text(_CODE_WIDTH),
    "exchange_code": _text(_CODE_WIDTH),
    "name": _text(80),
    "product": _text(_PRODUCT_WIDTH),
    "product_class": _choice(*PRODUCT_CLASSES),
    "currency": _choice("CNY", "HKD", "USD"),
    "multiplier": _integer(1),
    "price_tick": _tick,
    "delivery_year": _integer(1),
    "delivery_month": _integer(1),
    "min_limit_volume": _integer(1),
    "max_limit_volume": _integer(1),
    "min_market_volume": _integer(1),
    "max_market_volume": _integer(0),
    "open_date": _date,
    "expire_date": _date,
    "is_trading": _flag,
    "uses_history": _flag,
    "larger_side": _flag,
    "long_margin_ratio": _rate(10),
    "short_margin_ratio": _rate(10),
    "underlying": _text(_CODE_WIDTH),
    "strike": _price,
    "option_type": _choice("call", "put"),
    "exercise_style": _choice("american", "european"),
    "is_spot_option": _flag,
    "session_id": _text(20),
    "limit_ratio": _rate(1),
    "upper_limit": _price,
    "lower_limit": _price,
    "reference_price": _price,
    "lot": _integer(1),
    "lot_min": _integer(1),
    "lot_step": _integer(1),
    "is_t0": _flag,
    "is_matched": _flag,
    "board": _text(20),
}
#: Columns of the file, in the order of the documentation; ``spread_table`` is of Hong Kong and gives the ticks.
INSTRUMENT_COLUMNS = (*_INSTRUMENT, "spread_table", "note")


def load_instrument_file(path: str | Path, universe: Universe) -> int:
    """Add the instruments of a CSV file to a universe, or change what it knows of them; the number of lines.

    A line whose instrument is known changes the cells that it gives; of an unknown one ``product_class``,
    ``multiplier`` and ``price_tick`` are needed. ``DataError`` names file, line and column; then nothing has changed.
    """
    path = Path(path)
    made: dict[tuple[str, str], Instrument] = {}
    for row in _rows(path, ["exchange", "code"], INSTRUMENT_COLUMNS):
        instrument = _instrument(row, universe)
        if instrument.key in made:
            raise row.error("code", f"{instrument.exchange} {instrument.code} is there twice")
        made[instrument.key] = instrument
    for instrument in made.values():
        universe.add(instrument)
    return len(made)


def _instrument(row: Row, universe: Universe) -> Instrument:
    given = _given(row, _INSTRUMENT)
    known = universe.known(given["code"], given["exchange"])
    if row.text("spread_table"):
        given["tick_bands"] = _bands(row, universe.trading_day)
        given.setdefault("price_tick", min(tick for _, tick in given["tick_bands"]))
    elif "price_tick" in given:
        given["tick_bands"] = ()
    if "session_id" in given and given["session_id"] not in session_ids():
        raise row.error("session_id", f"unknown session {given['session_id']!r}; known: {', '.join(session_ids())}")
    if known is None:
        for column in ("product_class", "multiplier", "price_tick"):
            if column not in given:
                raise row.error(column, f"is empty, and {given['exchange']} {given['code']} is not known otherwise")
        if given["product_class"] in SECURITY_CLASSES:
            given = {"long_margin_ratio": Decimal(1), "short_margin_ratio": Decimal(1), **given}
        instrument = Instrument(**{"product": given["code"], **given})
    else:
        if "open_date" in given:
            given.setdefault("limit_ratio", limit_ratio_of(known, given["open_date"], universe.trading_day))
        instrument = replace(known, price_scale=0, tick_units=0, **given)
    _check(row, instrument)
    return instrument


def _bands(row: Row, trading_day: str) -> tuple[tuple[Decimal, Decimal], ...]:
    from ctp2.refdata.overseas import hk_ticks

    table = row.text("spread_table")
    try:
        return hk_ticks(table, trading_day)
    except DataError:
        raise row.error("spread_table", f"{table!r} is no spread table of {trading_day}; known: 1, 3, 4, 5") from None


def _check(row: Row, made: Instrument) -> None:
    """What must agree between the cells of one line."""
    if made.delivery_month > 12:
        raise row.error("delivery_month", f"{made.delivery_month} is no month")
    if made.min_limit_volume > made.max_limit_volume:
        raise row.error(
            "max_limit_volume", f"{made.max_limit_volume} is below min_limit_volume {made.min_limit_volume}"
        )
    if made.max_market_volume and made.min_market_volume > made.max_market_volume:
        raise row.error("max_market_volume", f"{made.max_market_volume} is below min_market_volume")
    if None not in (made.upper_limit, made.lower_limit) and made.upper_limit <= made.lower_limit:  # type: ignore[operator]
        raise row.error("upper_limit", f"{made.upper_limit} is not above lower_limit {made.lower_limit}")
    if made.product_class == "option":
        for column in ("strike", "option_type", "underlying"):
            if not getattr(made, column):
                raise row.error(column, "is empty, and an option needs it")


# ------------------------------------------------------------------------------------------------------------ rates

_MARGIN = tuple(field.name for field in fields(MarginRate))
_COMMISSION = tuple(field.name for field in fields(Commission))
_KEY: dict[str, Callable[[Row, str], Any]] = {
    "account": _text(_ACCOUNT_WIDTH),
    "exchange": _text(_EXCHANGE_WIDTH),
    "product": _text(_PRODUCT_WIDTH),
    "instrument": _text(_CODE_WIDTH),
}
_RATES: dict[str, Callable[[Row, str], Any]] = {
    f"margin_{name}": _rate(10) if name.endswith("_by_money") else _amount for name in _MARGIN
} | {name: _rate(1) if name.endswith("_by_money") else _amount for name in _COMMISSION}
#: Columns of the file, in the order of the documentation.
RATES_COLUMNS = (*_KEY, *_RATES, "note")


def load_rates_file(path: str | Path, universe: Universe) -> int:
    """Set the margin and commission rates of a CSV file in a universe; the number of lines.

    A line is for a product or an instrument, and for all accounts or one; empty cells leave a rate as it is.
    ``DataError`` names file, line and column; then nothing has changed.
    """
    path = Path(path)
    rates: dict[RateKey, dict[str, Decimal]] = {}
    for row in _rows(path, ["exchange"], RATES_COLUMNS):
        key = _rate_key(row, universe)
        if key in rates:
            raise row.error("instrument" if key.code else "product", f"{key.code or key.product} is there twice")
        given = _given(row, _RATES)
        if not given:
            raise row.error("margin_long_by_money", "is empty, and so is every other rate of this line")
        rates[key] = {name.removeprefix("margin_"): value for name, value in given.items()}
    universe.override_rates(rates)
    return len(rates)


def _rate_key(row: Row, universe: Universe) -> RateKey:
    given = _given(row, _KEY)
    exchange, product, code = (given.get(name, "") for name in ("exchange", "product", "instrument"))
    if bool(product) == bool(code):
        raise row.error("product", "give a product or an instrument" + (", not both" if code else ""))
    if code and universe.known(code, exchange) is None:
        raise row.error("instrument", f"{exchange} {code} is unknown; add it by an instrument file first")
    if product and not universe.knows_product(exchange, product):
        raise row.error("product", f"{exchange} {product} is unknown (case matters: rb, m, IF, SR; boards: MAIN, FUND)")
    return RateKey(given.get("account", ""), exchange, product, code)
