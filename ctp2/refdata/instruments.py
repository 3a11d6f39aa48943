"""Instruments made from the files: any futures contract by its code and the TEST family; the door to all other kinds.

Everything is a function of the trading day, because expiry, listing, market orders and limits have dates.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ctp2.refdata.changes import changed_fields
from ctp2.refdata.contracts import contract_code, expire_date, open_date, open_day_after, parse_code
from ctp2.refdata.models import FUTURE, OPTION, SECURITY_CLASSES, Instrument, Product
from ctp2.refdata.products import find_product, require_product
from ctp2.refdata.securities import load_securities, security
from ctp2.refdata.table import DATA_DIR, DataError, Row, rows

__all__ = [
    "has_larger_side",
    "instrument_for",
    "load_futures_snapshot",
    "load_securities",
    "load_special",
    "make_future",
    "renamed",
]

#: First trading day with market orders on SHFE and INE (reference-data 2).
_SHFE_MARKET_ORDERS_SINCE = "20260706"
_SNAPSHOT_FILE = DATA_DIR / "cn_futures_20250306.csv"
_SPECIAL_FILE = DATA_DIR / "special.csv"
_HISTORY_EXCHANGES = ("SHFE", "INE")


def instrument_for(code: str, exchange_hint: str, trading_day: str) -> Instrument | None:
    """The instrument that a code means on a trading day, or None.

    Futures codes of a known product (letters are case-sensitive), six-digit mainland securities (from the file, else
    by the rules of boards.csv), the enabled specials, options, combinations, CME futures, Hong Kong (five digits) and
    US securities. ``exchange_hint`` decides between exchanges: 000001 is a stock on SZSE and an index on SSE; without
    it the first board that fits is taken.
    """
    if len(code) == 6 and code.isascii() and code.isdigit():
        return security(code, exchange_hint, trading_day)
    for special in load_special():
        if special.code == code and exchange_hint in ("", special.exchange):
            return special
    contract = parse_code(code, trading_day, exchange_hint)
    if contract is not None:
        return make_future(*contract, trading_day)
    # A replay of futures and shares needs none of what follows: its modules and files are read when asked for.
    from ctp2.refdata.codes import instrument_of_other_kind

    return instrument_of_other_kind(code, exchange_hint, trading_day)


# -------------------------------------------------------------------------------------------------------- futures


def make_future(product: Product | str, year: int, month: int, trading_day: str) -> Instrument:
    """A futures contract by the rules of its product, as seen on ``trading_day``.

    Listing and expiry days are exact where the calendar reaches and weekday counts beyond it; delivery days follow the
    usual pattern of the exchange. ``DataError`` for an unknown product or one without a rule.
    """
    product = require_product(product)
    code = contract_code(product, year, month)
    expire = expire_date(product, year, month)
    opened = max(open_date(product, year, month), product.listed_since)
    start_deliv, end_deliv = _delivery_days(product, expire)
    margin = product.exchange_margin or Decimal(0)
    made = Instrument(
        exchange=product.exchange,
        code=code,
        product=product.product,
        product_class=FUTURE,
        name=f"{product.name_cn}{year % 100:02d}{month:02d}",
        multiplier=product.multiplier,
        price_tick=product.price_tick,
        delivery_year=year,
        delivery_month=month,
        min_limit_volume=product.min_limit_volume,
        max_limit_volume=product.max_limit_volume,
        min_market_volume=product.min_market_volume,
        max_market_volume=_max_market_volume(product, product.max_market_volume, trading_day),
        create_date=opened,
        open_date=opened,
        expire_date=expire,
        start_deliv_date=start_deliv,
        end_deliv_date=end_deliv,
        is_trading=trading_day <= expire and product.is_listed_on(trading_day),
        uses_history=product.exchange in _HISTORY_EXCHANGES,
        larger_side=has_larger_side(product.exchange, product.product),
        long_margin_ratio=margin,
        short_margin_ratio=margin,
        underlying=product.product,
        session_id=product.session_id,
        limit_ratio=product.limit_ratio,
    )
    changed: dict[str, Any] = changed_fields(product.exchange, product.product, year, month, trading_day)
    return replace(made, price_scale=0, tick_units=0, **changed) if changed else made


def has_larger_side(exchange: str, product: str) -> bool:
    """Whether margin counts the larger side of a product only: SHFE, INE and CFFEX, but not ec (2025-03 data)."""
    return exchange in ("SHFE", "INE", "CFFEX") and product != "ec"


def _max_market_volume(product: Product, volume: int, trading_day: str) -> int:
    """0, which refuses market orders, on SHFE and INE before they had them."""
    if product.exchange in _HISTORY_EXCHANGES and trading_day < _SHFE_MARKET_ORDERS_SINCE:
        return 0
    return volume


def _delivery_days(product: Product, expire: str) -> tuple[str, str]:
    """First and last delivery day by the pattern of the 2025-03 instruments; ``''`` where the exchange gives none."""
    if product.exchange == "CZCE":
        return expire, ""
    if product.exchange in ("DCE", "GFEX"):
        return expire, open_day_after(expire, 3)
    if product.last_trading_day.startswith(("third Friday", "last Monday")):
        return expire, expire  # settled in cash
    last = 1 if product.product == "au" else {"CFFEX": 3, "SHFE": 2, "INE": 5}.get(product.exchange, 1)
    return open_day_after(expire), open_day_after(expire, last)


def load_futures_snapshot() -> list[Instrument]:
    """All futures of 2025-03-06 as a broker's counter listed them (789), with the documented quirks handled.

    DBL_MAX strikes and blank option types become None and ``''``; market orders are refused on SHFE and INE (the file
    says 30, the exchanges had none yet); a CZCE maximum of 0 is replaced by the product's (200 is valid). Sessions and
    limit ratios come from products.csv.
    """
    columns = [
        "InstrumentID",
        "ExchangeID",
        "ProductID",
        "DeliveryYear",
        "ExpireDate",
        "LongMarginRatio",
        "MaxMarginSideAlgorithm",
    ]
    return [_from_snapshot(row) for row in rows(_SNAPSHOT_FILE, columns)]


def _from_snapshot(row: Row) -> Instrument:
    exchange, product_id = row.text("ExchangeID"), row.text("ProductID")
    product = find_product(exchange, product_id)
    max_market = row.integer("MaxMarketOrderVolume")
    if product is not None:
        if exchange == "CZCE" and max_market == 0:
            max_market = product.max_market_volume
        max_market = _max_market_volume(product, max_market, "20250306")
    return Instrument(
        exchange=exchange,
        code=row.text("InstrumentID"),
        exchange_code=row.text("ExchangeInstID"),
        product=product_id,
        product_class=FUTURE,
        name=row.text("InstrumentName"),
        multiplier=row.integer("VolumeMultiple"),
        price_tick=row.tick("PriceTick"),
        delivery_year=row.integer("DeliveryYear"),
        delivery_month=row.integer("DeliveryMonth"),
        min_limit_volume=row.integer("MinLimitOrderVolume"),
        max_limit_volume=row.integer("MaxLimitOrderVolume"),
        min_market_volume=row.integer("MinMarketOrderVolume"),
        max_market_volume=max_market,
        create_date=row.date("CreateDate"),
        open_date=row.date("OpenDate"),
        expire_date=row.date("ExpireDate"),
        start_deliv_date=row.date("StartDelivDate"),
        end_deliv_date=row.date("EndDelivDate"),
        is_trading=row.text("IsTrading") == "1",
        uses_history=row.text("PositionDateType") == "1",
        larger_side=row.text("MaxMarginSideAlgorithm") == "1",
        long_margin_ratio=row.rate("LongMarginRatio"),
        short_margin_ratio=row.rate("ShortMarginRatio"),
        underlying=row.text("UnderlyingInstrID"),
        underlying_multiple=row.decimal("UnderlyingMultiple"),
        session_id=product.session_id if product is not None else "",
        limit_ratio=product.limit_ratio if product is not None else None,
    )


# ------------------------------------------------------------------------------------------------------- specials


@lru_cache(maxsize=2)
def load_special(include_disabled: bool = False) -> tuple[Instrument, ...]:
    """TEST and its like from special.csv: contracts of no real exchange, in which users match each other."""
    columns = ["code", "exchange", "product", "product_class", "multiplier", "price_tick", "is_matched", "enabled"]
    lines = rows(_SPECIAL_FILE, columns)
    return tuple(_from_special(row) for row in lines if include_disabled or row.text("enabled") == "1")


def _from_special(row: Row) -> Instrument:
    exchange = row.text("exchange")
    product_class = row.text("product_class")
    if product_class in SECURITY_CLASSES or product_class == OPTION:
        raise row.error("product_class", f"{product_class!r} is not possible here")
    return Instrument(
        exchange=exchange,
        code=row.text("code"),
        product=row.text("product"),
        product_class=product_class,
        name=row.text("name"),
        currency=row.text("currency") or "CNY",
        multiplier=row.integer("multiplier"),
        price_tick=row.tick("price_tick"),
        max_limit_volume=row.integer("max_limit"),
        max_market_volume=row.integer("max_market"),
        uses_history=exchange in _HISTORY_EXCHANGES,
        larger_side=has_larger_side(exchange, row.text("product")),
        underlying=row.text("product"),
        limit_ratio=row.decimal("limit_ratio"),
        reference_price=row.decimal("reference_price"),
        upper_limit=row.decimal("upper_limit"),
        lower_limit=row.decimal("lower_limit"),
        is_matched=row.text("is_matched") == "1",
    )


def renamed(instrument: Instrument, code: str, trading_day: str) -> Instrument:
    """The same kind of instrument under another code: a recorded contract replayed as a current month.

    ``DataError`` when ``code`` is no contract of the same product.
    """
    other = instrument_for(code, instrument.exchange, trading_day)
    if other is None or other.product != instrument.product:
        raise DataError(f"{code!r} is not a {instrument.product} contract of {instrument.exchange}")
    return replace(
        other, multiplier=instrument.multiplier, price_tick=instrument.price_tick, price_scale=0, tick_units=0
    )
