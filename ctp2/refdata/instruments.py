"""Instruments made from the files: any futures contract by its code, mainland securities, the TEST family.

Everything is a function of the trading day, because expiry, listing, market orders and limits have dates.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from ctp2.refdata.contracts import contract_code, expire_date, open_date, open_day_after, parse_code
from ctp2.refdata.limits import board_limit_ratio
from ctp2.refdata.models import FUND, FUTURE, INDEX, OPTION, SECURITY_CLASSES, STOCK, Instrument, Product
from ctp2.refdata.products import find_product, require_product
from ctp2.refdata.table import DATA_DIR, DataError, Row, read_text, rows

#: First trading day with market orders on SHFE and INE (reference-data 2).
_SHFE_MARKET_ORDERS_SINCE = "20260706"
#: First trading day on which SSE funds have a closing auction (reference-data 4); before, session FUND_OLD.
_FUND_CLOSING_AUCTION_SINCE = "20260706"
_SECURITIES_FILE = DATA_DIR / "cn_securities_core.csv.gz"
_SNAPSHOT_FILE = DATA_DIR / "cn_futures_20250306.csv"
_SPECIAL_FILE = DATA_DIR / "special.csv"
_HISTORY_EXCHANGES = ("SHFE", "INE")
_ONE = Decimal(1)


def instrument_for(code: str, exchange_hint: str, trading_day: str) -> Instrument | None:
    """The instrument that a code means on a trading day, or None.

    Futures codes of a known product (letters are case-sensitive), six-digit mainland securities (from the file, else
    by the rules of boards.csv), and the enabled specials. ``exchange_hint`` decides between exchanges: 000001 is a
    stock on SZSE and an index on SSE; without it the first board that fits is taken.
    """
    if len(code) == 6 and code.isascii() and code.isdigit():
        return _security(code, exchange_hint, trading_day)
    for special in load_special():
        if special.code == code and exchange_hint in ("", special.exchange):
            return special
    contract = parse_code(code, trading_day, exchange_hint)
    return make_future(*contract, trading_day) if contract is not None else None


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
    return Instrument(
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


# ----------------------------------------------------------------------------------------------------- securities


@lru_cache(maxsize=1)
def _boards() -> list[Row]:
    """The lines of boards.csv, in file order."""
    columns = (
        "exchange prefix board product_class limit_class price_tick lot lot_min lot_step max_limit max_market is_t0 "
        "session_id"
    )
    return list(rows(DATA_DIR / "boards.csv", columns.split()))


def _board_of(code: str, exchange: str) -> Row | None:
    """The board with the longest prefix that fits the code; the first of equals."""
    best: Row | None = None
    for row in _boards():
        fits = exchange in ("", row.text("exchange")) and code.startswith(row.text("prefix"))
        if fits and (best is None or len(row.text("prefix")) > len(best.text("prefix"))):
            best = row
    return best


def _security(code: str, exchange: str, trading_day: str) -> Instrument | None:
    line = _security_line(code, exchange)
    if line is not None:
        return _make_security(line[0], code, line[1], trading_day)
    board = _board_of(code, exchange)
    return None if board is None else _make_security(board.text("exchange"), code, "", trading_day)


def _security_line(code: str, exchange: str) -> tuple[str, str] | None:
    """``(exchange, name)`` of a security in the file, found in its text without parsing all of it."""
    text = _securities_text()
    for market in (exchange,) if exchange else ("SSE", "SZSE", "BSE"):
        at = text.find(f"\n{market},{code},")
        if at >= 0:
            name_at = at + len(market) + len(code) + 3
            return market, text[name_at : text.index(",", name_at)]
    return None


@lru_cache(maxsize=1)
def _securities_text() -> str:
    return read_text(_SECURITIES_FILE)


def _make_security(exchange: str, code: str, name: str, trading_day: str) -> Instrument | None:
    """A security by the rules of its board on a day; None when no board fits."""
    board = _board_of(code, exchange)
    if board is None:
        return None
    product_class = board.text("product_class")
    session_id = board.text("session_id")
    if product_class == FUND and exchange == "SSE" and trading_day < _FUND_CLOSING_AUCTION_SINCE:
        session_id = "FUND_OLD"
    lot_min = board.integer("lot_min")
    return Instrument(
        exchange=exchange,
        code=code,
        product=board.text("board"),
        product_class=product_class,
        name=name,
        multiplier=1,
        price_tick=board.tick("price_tick"),
        min_limit_volume=lot_min,
        max_limit_volume=board.integer("max_limit"),
        min_market_volume=lot_min,
        max_market_volume=board.integer("max_market"),
        is_trading=product_class != INDEX,
        long_margin_ratio=_ONE,
        short_margin_ratio=_ONE,
        session_id=session_id,
        limit_ratio=board_limit_ratio(_limit_class(board, name), trading_day),
        lot=board.integer("lot"),
        lot_min=lot_min,
        lot_step=board.integer("lot_step"),
        is_t0=board.text("is_t0") == "1",
        board=board.text("board"),
    )


def _limit_class(board: Row, name: str) -> str:
    """Main-board names under special treatment and funds on the growth boards have a ratio of their own."""
    limit_class = board.text("limit_class")
    if limit_class == "MAIN" and board.text("product_class") == STOCK and name.startswith(("ST", "*ST")):
        return "MAIN_ST"
    if limit_class == "MAIN" and board.text("product_class") == FUND and ("创业板" in name or "科创" in name):
        return "CHINEXT"
    return limit_class


def load_securities(trading_day: str) -> list[Instrument]:
    """The shipped mainland securities (1,861): CSI 300 and 500 members, funds, convertibles, some of BSE.

    Names and membership are of 2022-02 (BSE: 2026); the file may include codes delisted since.
    """
    result: list[Instrument] = []
    for row in rows(_SECURITIES_FILE, ["ExchangeID", "InstrumentID", "InstrumentName"]):
        made = _make_security(row.text("ExchangeID"), row.text("InstrumentID"), row.text("InstrumentName"), trading_day)
        if made is None:
            raise row.error("InstrumentID", f"no board in boards.csv fits {row.text('InstrumentID')}")
        result.append(made)
    return result


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
