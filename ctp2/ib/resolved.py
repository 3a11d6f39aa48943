"""A contract as the rest of the backend uses it, and the pure rules of finding one (spec ib 4.1–4.3)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from ctp2.ib import codes_contract as codes
from ctp2.ib.hours import BadHours, Span, spans
from ctp2.ib.records import Contract, Details
from ctp2.ib.symbols import DEFAULT_EXCHANGE, SMART, NoSymbol, Symbol, number_text, write, write_con_id
from ctp2.ib.zones import NEW_YORK, UnknownZone, zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

log = logging.getLogger("ctp2.ib")

ID_LIMIT: Final = 80
"""Characters of an InstrumentID since 6.6.1; 30 before."""
INT32_MAX: Final = 2_147_483_647
_FRACTIONAL: Final = frozenset({"CRYPTO", "CASH", "CMDTY"})
"""Types whose increment of a size below 1 becomes CTP's volume 1; TWS tells one of 0.0001 for US stocks, too, where a
share stays a share (docs/decisions/0195)."""
_CRYPTO_SCALE: Final = 100_000_000
"""Where TWS is too old to tell the increment (before server version 164): IB's own for all coins."""
_DERIVATIVES: Final = frozenset({"FUT", "OPT", "FOP"})


@dataclass(frozen=True)
class Resolved:
    """A contract that IB knows. ``contract`` is complete and names the exchange that orders and quotes go to.

    ``canonical`` is its InstrumentID, however the client spells it. ``scale``: CTP's volume 1 is ``1 / scale`` of IB's
    quantity (1 but for what trades in fractions), see :meth:`volume` and :meth:`quantity`.
    """

    contract: Contract
    details: Details
    canonical: str
    scale: int = 1

    @property
    def con_id(self) -> int:
        """IB's number of the contract, the same at every exchange."""
        return self.contract.con_id

    @property
    def key(self) -> tuple[int, str]:
        """What IB subscribes to: the contract at its exchange."""
        return self.contract.con_id, self.contract.exchange

    @cached_property
    def exchange_id(self) -> str:
        """CTP's ExchangeID."""
        contract = self.contract
        return codes.exchange_of_contract(contract.sec_type, contract.exchange, contract.primary_exchange)

    @cached_property
    def product_id(self) -> str:
        """The symbol; ``SYMBOL:CLASS`` where the class of a derivative is another."""
        contract = self.contract
        if contract.sec_type in _DERIVATIVES and contract.trading_class not in ("", contract.symbol):
            return f"{contract.symbol}:{contract.trading_class}"
        return contract.symbol

    @cached_property
    def product_class(self) -> str:
        """CTP's ProductClass."""
        return codes.product_class(self.contract.sec_type, self.details.stock_type)

    @cached_property
    def multiplier(self) -> Decimal:
        """IB's multiplier, exact; 1 where it says none."""
        try:
            value = Decimal(number_text(self.contract.multiplier or "1"))
        except NoSymbol:
            log.warning("%s: multiplier %r is no number; 1 is used", self.canonical, self.contract.multiplier)
            return Decimal(1)
        return value or Decimal(1)

    @cached_property
    def unit(self) -> Decimal:
        """What one CTP volume is worth at a price of 1: the multiplier divided by the scale."""
        return self.multiplier / self.scale

    @cached_property
    def volume_multiple(self) -> int:
        """CTP's VolumeMultiple: :attr:`unit` if it is whole, else 1."""
        unit = self.unit
        return int(unit) if unit == int(unit) and 0 < unit <= INT32_MAX else 1

    @cached_property
    def money(self) -> float:
        """Price × CTP volume × this is an amount of the contract's currency: unit ÷ priceMagnifier."""
        return float(self.unit / max(1, self.details.price_magnifier))

    @cached_property
    def zone(self) -> ZoneInfo:
        """The exchange's clock."""
        try:
            return zone_of(self.details.time_zone_id)
        except UnknownZone as error:
            log.warning("%s: %s; New York's clock is used", self.canonical, error)
            return zone_of(NEW_YORK)

    @cached_property
    def trading(self) -> tuple[Span, ...]:
        """All sessions that IB tells of."""
        return self._spans(self.details.trading_hours)

    @cached_property
    def liquid(self) -> tuple[Span, ...]:
        """The sessions within regular hours; all of them where IB tells no other."""
        return self._spans(self.details.liquid_hours) or self.trading

    def _spans(self, text: str) -> tuple[Span, ...]:
        try:
            return spans(text, self.zone.key)
        except BadHours as error:
            log.warning("%s: %s; its trading hours are not used", self.canonical, error)
            return ()

    def volume(self, quantity: float) -> int:
        """IB's quantity as CTP's volume: scaled, and cut toward zero."""
        # 0.1 × 10⁸ is a little off in binary: what is within a millionth of a volume of the next one is that one.
        scaled = quantity * self.scale
        nearest = round(scaled)
        return nearest if abs(scaled - nearest) < 1e-6 * max(1.0, abs(scaled) * 1e-6) else int(scaled)

    def quantity(self, volume: int) -> float:
        """CTP's volume as IB's quantity."""
        return volume / self.scale if self.scale > 1 else float(volume)

    def id_within(self, limit: int = ID_LIMIT) -> str:
        """The canonical text, or ``#CONID`` where that is too long for the client's generation of the interface."""
        return self.canonical if len(self.canonical) <= limit else number_of(self.con_id, self.contract.exchange)


def number_of(con_id: int, exchange: str) -> str:
    """``#CONID@EXCH``; without exchange where that is SMART, which a number without means."""
    return write_con_id(con_id, "" if exchange == SMART else exchange)


# ------------------------------------------------------------------ questions
def query_of(symbol: Symbol) -> Contract:
    """What to ask IB to find what a text means."""
    if symbol.con_id:
        return Contract(con_id=symbol.con_id, exchange=symbol.exchange)
    if symbol.isin:
        return Contract(
            sec_type=symbol.sec_type,
            currency=symbol.currency,
            exchange=symbol.exchange,
            sec_id_type="ISIN",
            sec_id=symbol.isin,
        )
    if symbol.local_symbol:
        return Contract(
            sec_type=symbol.sec_type,
            currency=symbol.currency,
            exchange=symbol.exchange,
            local_symbol=symbol.local_symbol,
        )
    return Contract(
        symbol=symbol.symbol,
        sec_type=symbol.sec_type,
        date=symbol.date,
        strike=float(symbol.strike or 0),
        right=symbol.right,
        multiplier=symbol.multiplier,
        exchange=symbol.exchange,
        primary_exchange=symbol.primary,
        currency=symbol.currency,
        trading_class=symbol.trading_class,
    )


def select(symbol: Symbol, found: Iterable[Details]) -> list[Details]:
    """Those of IB's answers that a text means, one per contract and exchange.

    A root without class means the class of the same name where there is one. A contract that is told at several
    exchanges is one at SMART or its listing exchange, except where the text must name it (FUT, FOP, IND).
    """
    rows = [details for details in found if _fits(symbol, details)]
    own = [row for row in rows if row.contract.trading_class == row.contract.symbol]
    if own and symbol.sec_type in _DERIVATIVES and not symbol.trading_class and not symbol.local_symbol:
        rows = own
    by_contract: dict[int, list[Details]] = {}
    for row in rows:
        by_contract.setdefault(row.contract.con_id, []).append(row)
    chosen: list[Details] = []
    for places in by_contract.values():
        chosen += _places(symbol, places)
    return chosen


def _fits(symbol: Symbol, details: Details) -> bool:
    contract = details.contract
    if symbol.sec_type and contract.sec_type and contract.sec_type != symbol.sec_type:
        return False
    # ISLAND is NASDAQ's older name.
    if symbol.primary and codes.exchange_id(contract.primary_exchange) != codes.exchange_id(symbol.primary):
        return False
    if symbol.trading_class and contract.trading_class != symbol.trading_class:
        return False
    if symbol.multiplier and number_or_text(contract.multiplier or "1") != symbol.multiplier:
        return False
    if len(symbol.date) == 6 and details.contract_month and not symbol.local_symbol:
        return details.contract_month == symbol.date
    return len(symbol.date) != 8 or bool(symbol.local_symbol) or day_of(contract.date) in ("", symbol.date)


def number_or_text(text: str) -> str:
    """A number in its shortest form; a text that is none, as it is."""
    try:
        return number_text(text)
    except NoSymbol:
        return text


def day_of(date: str) -> str:
    """The day of ``lastTradeDateOrContractMonth``, which may carry a time and a zone (``20251219 08:30``)."""
    return date.replace("-", " ").split(" ")[0] if date else ""


def _places(symbol: Symbol, places: list[Details]) -> list[Details]:
    if len(places) == 1:
        return places
    wanted = [row for row in places if symbol.exchange and row.contract.exchange == symbol.exchange]
    if wanted:
        return wanted[:1]
    if symbol.sec_type in ("FUT", "FOP", "IND"):
        return places
    for exchange in (SMART, places[0].contract.primary_exchange):
        listed = [row for row in places if row.contract.exchange == exchange]
        if listed:
            return listed[:1]
    return places[:1]


# ------------------------------------------------------------------ canonical texts
def forms(details: Details, exchange: str) -> Iterator[Symbol]:
    """The texts that may stand for a contract at an exchange, shortest first; the first that means it alone is it."""
    contract = details.contract
    kind = contract.sec_type
    base = Symbol(kind, contract.symbol, contract.currency, exchange)
    if kind == "BOND":
        yield msgspec.structs.replace(base, symbol="", isin=_isin(details))
    elif kind == "STK":
        yield base
        if exchange == SMART and contract.primary_exchange:
            yield msgspec.structs.replace(base, primary=contract.primary_exchange)
    elif kind in _DERIVATIVES:
        yield from _dated(details, base)
    else:
        yield base


def _dated(details: Details, base: Symbol) -> Iterator[Symbol]:
    contract = details.contract
    trading_class = "" if contract.trading_class == contract.symbol else contract.trading_class
    multiplier = number_or_text(contract.multiplier or "1")
    base = msgspec.structs.replace(base, trading_class=trading_class)
    day = day_of(contract.date)
    if base.sec_type != "FUT":
        yield msgspec.structs.replace(
            base,
            date=day,
            right=codes.RIGHT_OF.get(contract.right.upper(), ""),
            strike=number_text(contract.strike),
            multiplier=multiplier,
        )
        return
    for date in dict.fromkeys((details.contract_month or day[:6], day)):
        yield msgspec.structs.replace(base, date=date)
        yield msgspec.structs.replace(base, date=date, multiplier=multiplier)


def _isin(details: Details) -> str:
    if details.contract.sec_id_type == "ISIN":
        return details.contract.sec_id
    return dict(details.sec_ids).get("ISIN", "")


def text_of(symbol: Symbol) -> str:
    """The canonical text, empty where there is none."""
    try:
        return write(symbol)
    except NoSymbol:
        return ""


def canonical_among(details: Details, exchange: str, siblings: Sequence[Details]) -> str:
    """The canonical text of a contract among all that share its root, type and exchange."""
    for symbol in forms(details, exchange):
        text = text_of(symbol)
        if text and {row.contract.con_id for row in select(symbol, siblings)} == {details.contract.con_id}:
            return text
    return number_of(details.contract.con_id, exchange)


def routed(details: Details, wanted: str = "") -> str:
    """Where orders and quotes of a contract go: ``wanted``, or SMART where it may, or its own exchange."""
    contract = details.contract
    if wanted:
        return wanted
    listed = details.valid_exchanges.split(",")
    if contract.exchange == SMART or (DEFAULT_EXCHANGE.get(contract.sec_type) == SMART and SMART in listed):
        return SMART
    default = DEFAULT_EXCHANGE.get(contract.sec_type, "")
    if default != SMART and default in listed:
        return default
    return contract.exchange or contract.primary_exchange or default


def scale_of(details: Details, override: int) -> int:
    """How many CTP volumes a quantity of 1 is; ``override`` is the option ``volume_scale``."""
    kind = details.contract.sec_type
    increment = details.size_increment
    if kind not in _FRACTIONAL or increment >= 1 or (increment <= 0 and kind != "CRYPTO"):
        return 1
    if override:
        return override
    return round(1 / increment) if increment > 0 else _CRYPTO_SCALE
