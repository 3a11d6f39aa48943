"""Futures products and option classes: ``data/products.csv``, one record per line, made when it is asked for."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from ctp2.refdata.models import FUTURE, Commission, Product
from ctp2.refdata.table import DATA_DIR, DataError, Row, rows

_REQUIRED = [
    "exchange",
    "product_id",
    "product_class",
    "name_cn",
    "name_en",
    "multiplier",
    "price_tick",
    "limit_pct_typical",
    "session_id",
    "margin_exchange_pct_typical",
    "margin_broker_2025_03",
    "fee_open_money",
    "fee_open_lot",
    "fee_close_money",
    "fee_close_lot",
    "fee_closetoday_money",
    "fee_closetoday_lot",
    "contract_months",
    "contract_code",
    "last_trading_day",
    "min_limit",
    "max_limit",
    "min_market",
    "max_market",
    "market_order",
]


class ProductTable:
    """The products of one file. Lines are converted on first use, so that a replay of one contract reads one line."""

    __slots__ = ("_by_id", "_made", "_rows", "path")

    def __init__(self, path: Path = DATA_DIR / "products.csv") -> None:
        self.path = path
        self._rows: dict[tuple[str, str], Row] = {}
        self._by_id: dict[str, list[tuple[str, str]]] = {}
        self._made: dict[tuple[str, str], Product] = {}
        for row in rows(path, _REQUIRED):
            key = row.text("exchange"), row.text("product_id")
            if key in self._rows:
                raise row.error("product_id", f"{key[0]} {key[1]} is there twice")
            self._rows[key] = row
            for product_id in key[1].split(";"):  # CZCE options: call and put ids in one line
                self._by_id.setdefault(product_id, []).append(key)

    def all(self) -> list[Product]:
        """Every product in file order."""
        return [self._make(key) for key in self._rows]

    def get(self, exchange: str, product: str) -> Product | None:
        """The product of an exchange; case matters. A CZCE option is found by its call and by its put id."""
        for key in self._by_id.get(product, ()):
            if key[0] == exchange:
                return self._make(key)
        return None

    def find(self, product: str) -> list[Product]:
        """All products with this id, whatever the exchange."""
        return [self._make(key) for key in self._by_id.get(product, ())]

    def _make(self, key: tuple[str, str]) -> Product:
        product = self._made.get(key)
        if product is None:
            product = self._made[key] = _product_from_row(self._rows[key])
        return product


def _product_from_row(row: Row) -> Product:
    is_future = row.text("product_class") == FUTURE
    return Product(
        exchange=row.text("exchange"),
        product=row.text("product_id"),
        product_class=row.text("product_class"),
        name_cn=row.text("name_cn"),
        name_en=row.text("name_en"),
        multiplier=row.integer("multiplier"),
        price_tick=row.tick("price_tick"),
        limit_ratio=row.decimal("limit_pct_typical"),
        exchange_margin=row.decimal("margin_exchange_pct_typical"),
        broker_margin=row.decimal("margin_broker_2025_03"),
        commission=_commission_from_row(row) if is_future else None,
        session_id=row.text("session_id"),
        contract_months=row.text("contract_months"),
        contract_code=row.text("contract_code"),
        last_trading_day=row.text("last_trading_day"),
        min_limit_volume=row.integer("min_limit", 1),
        max_limit_volume=row.integer("max_limit"),
        min_market_volume=row.integer("min_market"),
        max_market_volume=row.integer("max_market"),
        market_order=row.text("market_order"),
        listed_since=row.date("session_history_since"),
        status=row.text("status"),
        reference_price=row.decimal("ref_price_approx"),
    )


def _commission_from_row(row: Row) -> Commission:
    return Commission(
        open_by_money=row.rate("fee_open_money"),
        open_by_volume=row.rate("fee_open_lot"),
        close_by_money=row.rate("fee_close_money"),
        close_by_volume=row.rate("fee_close_lot"),
        close_today_by_money=row.rate("fee_closetoday_money"),
        close_today_by_volume=row.rate("fee_closetoday_lot"),
    )


@lru_cache(maxsize=1)
def products() -> ProductTable:
    """The shipped products, read once."""
    return ProductTable()


def find_product(exchange: str, product: str) -> Product | None:
    """The shipped product of an exchange (any exchange when that is ``''``); None when there is none."""
    if exchange:
        return products().get(exchange, product)
    return next(iter(products().find(product)), None)


def require_product(product: Product | str, exchange: str = "") -> Product:
    """The product itself or the one of this id; ``DataError`` for an unknown id."""
    if isinstance(product, Product):
        return product
    found = find_product(exchange, product)
    if found is None:
        raise DataError(f"unknown product {product!r} (case matters: rb, m, IF, SR)")
    return found


def margin_of(product: Product) -> Decimal:
    """The investor's margin ratio: the broker's where known, else the exchange's, else 0."""
    return product.broker_margin or product.exchange_margin or Decimal(0)
