"""How a market without data moves: classes of instruments with the figures of reference-data 6, and start prices.

Figures that were measured stand as they were measured; what is extrapolated says so. The classes are used by
``synthetic`` alone, whose days are labelled synthetic everywhere.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from ctp2.refdata.contracts import current_contract
from ctp2.refdata.models import BOND, FUND, FUTURE, INDEX, OPTION, REPO, Instrument
from ctp2.refdata.products import find_product
from ctp2.refdata.table import DATA_DIR, read_text


class Style(NamedTuple):
    """One class. Pairs and triples are quantiles; sizes and volumes are lots, shares for securities."""

    name: str
    grid_s: float  # snapshots come on this grid
    interval_s: tuple[float, float, float]  # p50, p90, p99
    spread: float  # mean, in ticks
    one_tick: float  # share of snapshots with a spread of one tick
    size: tuple[float, float]  # at the best price: p50, p90
    no_trade: float  # share of snapshots without a trade
    volume: tuple[float, float]  # of a snapshot with a trade: p50, p90
    switch: float  # share of trades on the other side than the trade before
    sticky: float  # share of snapshots whose quotes stay
    move_bp: float  # standard deviation of one-minute returns of the mid price
    gap: float = 1.0  # mean distance between levels, in ticks
    levels: int = 1
    depth: tuple[float, ...] = (1.0,)  # mean size by level, relative to the first


_STOCK_DEPTH: Final = (1.0, 1.33, 1.36, 1.37, 1.45)
_FLAT_DEPTH: Final = (1.0, 0.9, 0.8, 0.8, 0.8)

#: Measured on IF, au, TF; the spread and size of what is extrapolated are those of the section's last paragraph.
INDEX_FUTURE = Style("index future", 0.5, (0.5, 0.5, 1.0), 2.9, 0.26, (2, 7), 0.22, (3, 9), 0.35, 0.35, 8.0)
LARGE_TICK = Style("large-tick future", 0.5, (0.5, 1.5, 4.0), 1.02, 0.98, (110, 193), 0.58, (6, 52), 0.33, 0.0, 2.0)
TREASURY = Style("treasury future", 0.5, (0.5, 2.5, 6.0), 1.33, 0.69, (4, 19), 0.73, (2, 5), 0.3, 0.3, 0.2)
COMMODITY = Style("large-tick commodity", 0.5, (0.5, 0.5, 1.0), 1.02, 0.98, (270, 1500), 0.58, (6, 52), 0.33, 0.0, 4.0)
SMALL_COMMODITY = Style("small-tick commodity", 0.5, (0.5, 0.5, 1.0), 2.0, 0.45, (3, 10), 0.3, (3, 9), 0.35, 0.3, 5.0)
INACTIVE = Style("inactive month", 0.5, (12.0, 30.0, 60.0), 15.0, 0.0, (2, 8), 0.8, (1, 4), 0.4, 0.5, 4.0)
OPTION_STYLE = Style("option", 0.5, (2.0, 8.0, 20.0), 0.0, 0.0, (5, 20), 0.8, (1, 5), 0.4, 0.0, 0.0)
ES = Style("CME index future", 0.5, (0.5, 1.5, 3.5), 1.07, 0.93, (25, 72), 0.74, (3, 23), 0.33, 0.0, 1.0)
GC = Style("CME metal", 0.5, (1.5, 10.0, 31.0), 1.8, 0.57, (3, 7), 0.06, (2, 7), 0.35, 0.3, 2.8)

#: Shares by price. The first four were measured in the first hour of a day, whose moves are about 1.7 times the day's
#: mean: their moves are the measured ones divided by that.
BELOW_5 = Style(
    "share below 5",
    3,
    (3, 6, 12),
    1.0,
    1.0,
    (285000, 855000),
    0.41,
    (16400, 144000),
    0.35,
    0.0,
    23.5,
    1.0,
    5,
    _STOCK_DEPTH,
)
BELOW_20 = Style(
    "share below 20", 3, (3, 4, 9), 1.2, 0.83, (5500, 22000), 0.43, (1100, 7900), 0.35, 0.1, 9.4, 1.0, 5, _STOCK_DEPTH
)
BELOW_50 = Style(
    "share below 50", 3, (3, 4, 7), 2.1, 0.55, (1700, 7000), 0.37, (600, 3700), 0.35, 0.2, 11.8, 1.3, 5, _STOCK_DEPTH
)
ABOVE_50 = Style(
    "share above 50", 3, (3, 3, 4), 9.8, 0.16, (500, 2100), 0.14, (900, 4100), 0.4, 0.2, 20.6, 3.0, 5, _STOCK_DEPTH
)
ABOVE_500 = Style(
    "share above 500", 3, (3, 3, 4), 60.0, 0.08, (200, 1300), 0.1, (350, 1300), 0.4, 0.2, 8.5, 14.0, 5, _FLAT_DEPTH
)
_SHARES: Final = ((5.0, BELOW_5), (20.0, BELOW_20), (50.0, BELOW_50), (500.0, ABOVE_50), (1e300, ABOVE_500))
QUIET_SHARE = Style(
    "quiet share", 3, (6, 18, 30), 55, 0.01, (300, 985), 0.78, (200, 1000), 0.4, 0.5, 13, 8, 5, _FLAT_DEPTH
)
CONVERTIBLE = Style(
    "convertible bond",
    3,
    (3, 3, 3),
    86,
    0,
    (60, 230),
    0.0,
    (2270, 9700),
    0.45,
    0,
    44,
    12,
    5,
    (1, 1.21, 1.34, 1.5, 1.59),
)
QUIET_BOND = Style("bond", 3, (6, 18, 30), 5, 0.2, (100, 1000), 0.8, (10, 100), 0.4, 0.5, 0.5, 2, 5, _STOCK_DEPTH)
CN_FUND = Style("fund", 3, (3, 6, 12), 1.0, 1.0, (60000, 300000), 0.41, (8000, 60000), 0.35, 0, 5, 1, 5, _STOCK_DEPTH)
US_HIGH = Style(
    "US share above 100", 1, (1, 3, 7), 4.0, 0.11, (200, 500), 0.42, (300, 1400), 0.35, 0.2, 3.7, 1.5, 5, _STOCK_DEPTH
)
US_LOW = Style("US share", 1, (1, 2, 4), 1.0, 0.98, (900, 2100), 0.59, (400, 2467), 0.35, 0, 6.4, 1, 5, _STOCK_DEPTH)
US_FUND = Style("US fund", 1, (1, 1, 1), 1.0, 1.0, (4800, 27350), 0.12, (2500, 17722), 0.4, 0, 3.6, 1, 5, _STOCK_DEPTH)

_US: Final = frozenset(("NASD", "NYSE", "BATS"))
_TREASURIES: Final = frozenset(("TS", "TF", "T", "TL"))
_INDICES: Final = frozenset(("IF", "IH", "IC", "IM"))
_SMALL_TICKS: Final = frozenset(("ni", "sn", "au", "sc", "lc", "ps", "pt", "pd", "ec"))


def style_of(instrument: Instrument, price: float, trading_day: str) -> Style:
    """The class of an instrument at a price on a day."""
    if instrument.product_class == OPTION:
        return OPTION_STYLE
    if instrument.product_class == FUTURE:
        return _future_style(instrument, trading_day)
    if instrument.exchange in _US:
        return US_FUND if instrument.product_class == FUND else US_HIGH if price > 100 else US_LOW
    if instrument.exchange == "HKEX":
        return _SHARES[2][1]
    if instrument.product_class == FUND:
        return CN_FUND
    if instrument.product_class == BOND:
        return CONVERTIBLE if instrument.board == "CONVERTIBLE" else QUIET_BOND
    if instrument.board == "BSE":
        return QUIET_SHARE
    return next(style for bound, style in _SHARES if price <= bound)


def _future_style(instrument: Instrument, trading_day: str) -> Style:
    product = instrument.product
    if instrument.exchange == "CME":
        return ES if instrument.venue == "CME" else GC
    known = find_product(instrument.exchange, product)
    if known is not None and current_contract(known, trading_day) != instrument.code:
        return INACTIVE
    if product in _INDICES:
        return INDEX_FUTURE
    if product in _TREASURIES:
        return TREASURY
    return SMALL_COMMODITY if product in _SMALL_TICKS else COMMODITY


# --------------------------------------------------------------------------------------------------- start prices

#: Class → lowest and highest price that the seed may choose; an order of magnitude, not a market price.
_SEEDED: Final = {
    "hk": (5.0, 300.0),
    "us": (20.0, 400.0),
    "fund": (0.8, 5.0),
    "convertible": (100.0, 140.0),
    "bond": (98.0, 106.0),
    "repo": (1.2, 2.5),
    "stock": (5.0, 60.0),
    "index": (3000.0, 7000.0),
    "other": (100.0, 10000.0),
}
_CME_MARGIN: Final = Decimal("0.05")
"""A CME margin is about this share of a contract's value."""


def start_price(instrument: Instrument, known: Decimal | None = None, seed: int = 0) -> Decimal:
    """Where an instrument without data starts, on its tick: the first that there is of these.

    1. ``known``: its own last settlement or close;
    2. its reference price (the TEST family, users' files);
    3. ``ref_price_approx`` of its product, moved by up to 1 % by the seed, so that months differ;
    4. the close of the day before in the list of securities (of early 2022);
    5. CME: what its initial margin is the twentieth part of;
    6. a price of its class, chosen by the seed from a range (``_SEEDED``).

    Options are priced from their underlying instead (``synthetic``).
    """
    price = known if known is not None else instrument.reference_price
    if price is None and instrument.product_class == FUTURE:
        price = _future_price(instrument, seed)
    if price is None:
        price = _listed_close(instrument.exchange, instrument.code)
    if price is None:
        low, high = _SEEDED[_kind(instrument)]
        price = Decimal(str(round(low * (high / low) ** share(seed, *instrument.key, "price"), 4)))
    return _on_tick(instrument, price)


def _future_price(instrument: Instrument, seed: int) -> Decimal | None:
    if instrument.exchange == "CME":
        from ctp2.refdata.cme import find_cme_product

        cme = find_cme_product(instrument.product)
        has_margin = cme is not None and cme.initial_margin
        return cme.initial_margin / _CME_MARGIN / instrument.multiplier if cme is not None and has_margin else None
    product = find_product(instrument.exchange, instrument.product)
    if product is None or product.reference_price is None:
        return None
    shift = Decimal(round((share(seed, *instrument.key, "price") - 0.5) * 200)) / 10000
    return product.reference_price * (1 + shift)


def _kind(instrument: Instrument) -> str:
    if instrument.exchange in _US or instrument.exchange == "HKEX":
        return "us" if instrument.exchange in _US else "hk"
    if instrument.board in ("CONVERTIBLE", REPO):
        return "convertible" if instrument.board != REPO else "repo"
    kinds = {FUND: "fund", BOND: "bond", INDEX: "index", FUTURE: "other"}
    return kinds.get(instrument.product_class, "stock")


def _on_tick(instrument: Instrument, price: Decimal) -> Decimal:
    tick = instrument.tick_at(price)
    return max((price / tick).quantize(Decimal(1), ROUND_HALF_UP) * tick, tick) if price > 0 else price


def _listed_close(exchange: str, code: str) -> Decimal | None:
    """PreClosePrice of the lists of securities: the core, else everything."""
    if exchange not in ("SSE", "SZSE", "BSE"):
        return None
    key = f"{exchange},{code}"
    cell = _closes("cn_securities_core.csv.gz").get(key)
    if cell is None:
        cell = _closes("cn_securities.csv.gz").get(key)
    return Decimal(cell) if cell else None


@lru_cache(maxsize=2)
def _closes(name: str) -> dict[str, str]:
    """``exchange,code`` → PreClosePrice."""
    lines = read_text(DATA_DIR / name).splitlines()[1:]
    cells = [line.split(",", 8) for line in lines]
    return {f"{row[0]},{row[1]}": row[7] for row in cells}


def number(seed: int, *words: str) -> int:
    """A number of 63 bits that depends on the seed and the words alone: the same on every machine."""
    return int.from_bytes(blake2b("|".join([str(seed), *words]).encode(), digest_size=8).digest(), "big") >> 1


def share(seed: int, *words: str) -> float:
    """The same as a number from 0 to 1."""
    return number(seed, *words) / (1 << 63)


# ------------------------------------------------------------------------------------------------- option volatility

_VOLATILITY: Final = {
    **dict.fromkeys(("IO", "HO", "510050", "510300", "159919"), 0.18),
    **dict.fromkeys(("MO", "510500", "588000", "588080", "159915", "159922", "159901"), 0.25),
    **dict.fromkeys(("au_o",), 0.2),
    **dict.fromkeys(("ag_o", "sc_o", "lc_o", "ps_o", "pt_o", "pd_o"), 0.35),
    **dict.fromkeys(("c_o", "cs_o", "m_o", "a_o", "b_o", "al_o", "cu_o"), 0.18),
}
_OTHER_VOLATILITY: Final = 0.25


def volatility_of(option: Instrument) -> float:
    """The one volatility per year of an option's product: an order of magnitude [SIM]."""
    return _VOLATILITY.get(option.product, _OTHER_VOLATILITY)
