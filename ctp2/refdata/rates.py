"""Default margin rates and commissions; a ``Universe`` may override them per instrument.

Typical values, not a settlement schedule: futures from products.csv, CME margins from cme_products.csv, securities and
CME fees from security_fees.csv (ctp-semantics 14.3, editable), the TEST family from special.csv.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from ctp2.refdata.models import FUTURE, OPTION, REPO, Commission, Instrument, MarginRate
from ctp2.refdata.products import find_product, margin_of
from ctp2.refdata.table import DATA_DIR, rows

CME = "CME"
_CME_RATIO = Decimal("0.1")
_REPO_LOT = Decimal(100)
_NO_COMMISSION = Commission()


def default_margin_rate(instrument: Instrument) -> MarginRate:
    """The investor's rate: by volume for the TEST family, the broker's (else the exchange's) ratio for futures.

    Securities are paid in full: their own ratio, 1; a lot of a repo lends 100 CNY. Options margin is a formula
    (ctp-semantics 7.3), not a rate: 0.
    """
    special = _special_rates().get(instrument.key)
    if special is not None:
        return special[0]
    if instrument.product_class == OPTION:
        return MarginRate()
    if instrument.exchange == CME:
        return _cme_margin(instrument)
    if instrument.board == REPO:
        return MarginRate(long_by_volume=_REPO_LOT, short_by_volume=_REPO_LOT)
    product = find_product(instrument.exchange, instrument.product) if instrument.product_class == FUTURE else None
    ratio = margin_of(product) if product is not None else None
    return MarginRate(
        long_by_money=ratio or instrument.long_margin_ratio,
        short_by_money=ratio or instrument.short_margin_ratio,
    )


def default_commission(instrument: Instrument) -> Commission:
    """The fees of an instrument; all 0 when no file knows its product (option fees are in no source)."""
    special = _special_rates().get(instrument.key)
    if special is not None:
        return special[1]
    if instrument.product_class in (FUTURE, OPTION) and instrument.exchange != CME:
        product = find_product(instrument.exchange, instrument.product)
        return (product and product.commission) or _NO_COMMISSION
    fees = _security_fees()
    if instrument.board == REPO:
        # The price is a rate: what a lot costs follows from the money lent.
        by_volume = fees[instrument.product_class, ""].open_by_money * _REPO_LOT
        return Commission(open_by_volume=by_volume, close_by_volume=by_volume, close_today_by_volume=by_volume)
    return fees.get((instrument.product_class, instrument.exchange)) or fees.get(
        (instrument.product_class, ""), _NO_COMMISSION
    )


def is_product_of_other_kind(exchange: str, product: str) -> bool:
    """Whether an exchange has a product that products.csv does not list: boards, HK, US, CME, the TEST family."""
    from ctp2.refdata.cme import find_cme_product
    from ctp2.refdata.securities import boards_of

    if exchange == CME:
        return find_cme_product(product) is not None
    overseas = {"HKEX": ("HK", "HKFUND"), "NASD": ("US", "USFUND"), "NYSE": ("US", "USFUND"), "BATS": ("US", "USFUND")}
    if exchange in overseas:
        return product in overseas[exchange]
    return product in boards_of(exchange) or (exchange, product) in _special_rates()


def _cme_margin(instrument: Instrument) -> MarginRate:
    """Dollars per lot, a tenth of turnover where the file has no amount."""
    from ctp2.refdata.cme import find_cme_product

    product = find_cme_product(instrument.product)
    amount = product.initial_margin if product is not None else None
    if amount:
        return MarginRate(long_by_volume=amount, short_by_volume=amount)
    return MarginRate(long_by_money=_CME_RATIO, short_by_money=_CME_RATIO)


@lru_cache(maxsize=1)
def _security_fees() -> dict[tuple[str, str], Commission]:
    """Fees by (product class, exchange); exchange ``''`` is the default of the class."""
    result: dict[tuple[str, str], Commission] = {}
    required = [
        "product_class",
        "exchange",
        "commission_by_money",
        "commission_by_volume",
        "minimum",
        "stamp_duty_sell",
        "transfer",
    ]
    for row in rows(DATA_DIR / "security_fees.csv", required):
        by_money, by_volume = row.rate("commission_by_money"), row.rate("commission_by_volume")
        result[row.text("product_class"), row.text("exchange")] = Commission(
            open_by_money=by_money,
            open_by_volume=by_volume,
            close_by_money=by_money,
            close_by_volume=by_volume,
            close_today_by_money=by_money,
            close_today_by_volume=by_volume,
            minimum=row.rate("minimum"),
            stamp_duty_sell_by_money=row.rate("stamp_duty_sell"),
            transfer_by_money=row.rate("transfer"),
        )
    return result


@lru_cache(maxsize=1)
def _special_rates() -> dict[tuple[str, str], tuple[MarginRate, Commission]]:
    result: dict[tuple[str, str], tuple[MarginRate, Commission]] = {}
    for row in rows(DATA_DIR / "special.csv", ["code", "exchange", "margin_by_volume", "fee_by_volume"]):
        margin, fee = row.rate("margin_by_volume"), row.rate("fee_by_volume")
        result[row.text("exchange"), row.text("code")] = (
            MarginRate(long_by_volume=margin, short_by_volume=margin),
            Commission(open_by_volume=fee, close_by_volume=fee, close_today_by_volume=fee),
        )
    return result
