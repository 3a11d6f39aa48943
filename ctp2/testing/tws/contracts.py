"""What the stand-in lists: contracts with all that ``contractDetails`` tells, and how a client finds them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_TYPES: Final = "ACTIVETIM,AON,DAY,FOK,GTC,GTD,HID,IOC,LIT,LMT,MIT,MKT,MTL,STP,STPLMT,WHATIF"
"""What the stand-in can do, in the words of ``orderTypes``."""
HOUR_DAYS: Final = 6
"""Days of trading hours that contract details show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A contract of the list.

    ``exchange`` is where details show it by default (SMART, CME, …), ``hours`` and ``liquid_hours`` are TWS's text;
    empty means open always. ``price`` is where its quotes begin. Sizes below 1 make it fractional (spec ib 4.3).
    """

    con_id: int
    symbol: str
    sec_type: str
    exchange: str
    currency: str
    price: float
    min_tick: float
    date: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    primary_exchange: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    market_name: str = ""
    order_types: str = _TYPES
    valid_exchanges: str = ""
    price_magnifier: int = 1
    under_con_id: int = 0
    long_name: str = ""
    contract_month: str = ""
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    time_zone: str = "US/Eastern"
    hours: str = ""
    liquid_hours: str = ""
    last_trade_time: str = ""
    sec_ids: tuple[tuple[str, str], ...] = ()
    agg_group: int = 1
    under_symbol: str = ""
    under_sec_type: str = ""
    market_rules: str = ""
    real_expiration: str = ""
    stock_type: str = ""
    min_size: str = "1"
    size_increment: str = "1"
    suggested_size_increment: str = "1"
    md_size_multiplier: int = 1
    derivative_types: tuple[str, ...] = ()
    bond: Mapping[str, Any] = field(default_factory=dict)
    """What message 18 tells of a bond: coupon, maturity, issueDate, ratings, bondType and so on, by the names there."""

    @property
    def exchanges(self) -> tuple[str, ...]:
        """All that may be named as the exchange of an order."""
        return tuple(self.valid_exchanges.split(","))

    @property
    def multiplier_number(self) -> float:
        """What a point is worth; 1 where nothing is said."""
        return float(self.multiplier or 1)

    def hours_on(self, day: dt.date, is_liquid: bool = False) -> str:
        """The hours as contract details tell them on a day."""
        text = self.liquid_hours if is_liquid else self.hours
        if text:
            return text
        days = (day + dt.timedelta(days=count) for count in range(HOUR_DAYS))
        return ";".join(f"{one:%Y%m%d}:0000-{one + dt.timedelta(days=1):%Y%m%d}:0000" for one in days)


class Contracts:
    """The list. Contracts are found as TWS finds them: by conId, else by every field that the client filled."""

    def __init__(self, listed: Iterable[Listed]) -> None:
        self.by_id: dict[int, Listed] = {}
        for contract in listed:
            self.add(contract)

    def add(self, contract: Listed) -> None:
        """List one more, or another one under its conId."""
        self.by_id[contract.con_id] = contract

    def __iter__(self) -> Any:
        return iter(self.by_id.values())

    def find(self, asked: Mapping[str, Any], sec_id_type: str = "", sec_id: str = "") -> list[Listed]:
        """All contracts that ``asked`` (the fields of C12 by name) can mean."""
        con_id = asked.get("conId") or 0
        if con_id:
            known = self.by_id.get(con_id)
            return [known] if known is not None and _routes(known, asked.get("exchange") or "") else []
        return [one for one in self.by_id.values() if _is_meant(one, asked) and _has_sec_id(one, sec_id_type, sec_id)]

    def matching(self, pattern: str) -> list[Listed]:
        """What a search for text finds: symbols that begin with it, names that contain it."""
        text = pattern.upper()
        found = [
            one
            for one in self.by_id.values()
            if one.sec_type in ("STK", "IND", "CASH", "CRYPTO", "BOND")
            and (one.symbol.upper().startswith(text) or text in one.long_name.upper())
        ]
        return sorted(found, key=lambda one: (one.symbol.upper() != text, one.symbol, one.con_id))[:16]


def _routes(contract: Listed, exchange: str) -> bool:
    return not exchange or exchange in contract.exchanges or exchange in (contract.exchange, contract.primary_exchange)


def _is_meant(contract: Listed, asked: Mapping[str, Any]) -> bool:
    if (asked.get("secType") or contract.sec_type) != contract.sec_type:
        return False
    if not asked.get("symbol") and not asked.get("localSymbol") and not asked.get("tradingClass"):
        return contract.sec_type == "BOND" and bool(asked.get("secType"))
    pairs = (
        (asked.get("symbol"), contract.symbol),
        (asked.get("currency"), contract.currency),
        (asked.get("localSymbol"), contract.local_symbol),
        (asked.get("tradingClass"), contract.trading_class),
        (asked.get("multiplier"), contract.multiplier),
        ((asked.get("right") or "")[:1], contract.right),
        (asked.get("strike"), contract.strike),
        (asked.get("primaryExchange"), contract.primary_exchange),
    )
    if any(given and given != own for given, own in pairs):
        return False
    date = asked.get("lastTradeDate") or ""
    is_date = not date or date == contract.date or (len(date) == 6 and date == contract.contract_month)
    return is_date and _routes(contract, asked.get("exchange") or "")


def _has_sec_id(contract: Listed, sec_id_type: str, sec_id: str) -> bool:
    return not sec_id_type or (sec_id_type, sec_id) in contract.sec_ids
