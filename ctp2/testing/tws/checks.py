"""Which orders are refused, with which of IB's codes (spec ib 5.9, 6.4, 6.7). Each check looks at one thing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.lists import MARKET_RULES, NO_DEFINITION

if TYPE_CHECKING:
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

READ_ONLY: Final = "Error validating request.-'bA' : cause - The API interface is currently in Read-Only mode."
OFF_TICK: Final = "The price does not conform to the minimum price variation for this contract."
BAD_DATE: Final = (
    "The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd "
    "and xx/xxxx are optional."
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order is not taken. ``is_inactive``: it is told as Inactive after the error, as after 201."""

    code: int
    text: str
    is_inactive: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """An order to be looked at."""

    world: World
    listed: Listed
    fields: Mapping[str, Any]

    @property
    def quantity(self) -> Decimal:
        """How much."""
        return Decimal(repr(self.fields["totalQuantity"] or 0))


def invalid(cause: str) -> Refusal:
    """321."""
    return Refusal(321, f"Error validating request.-'bO' : cause - {cause}")


# ---------------------------------------------------------------------- what needs no contract
_UNSUPPORTED: Final[dict[str, Callable[[Mapping[str, Any]], object]]] = {
    "a combination": lambda order: order["secType"] == "BAG",
    "conditions": lambda order: order.get("conditions"),
    "a scale order": lambda order: order["scalePriceIncrement"],
    "an algorithm": lambda order: order["algoStrategy"],
    "an advisor's group": lambda order: order["faGroup"] or order["faMethod"] or order.get("faProfile"),
    "a model": lambda order: order["modelCode"],
    "a pegged order": lambda order: order["orderType"].startswith(("PEG", "REL")),
    "a delta neutral order": lambda order: order["deltaNeutralOrderType"] not in ("", "None"),
    "a hedge order": lambda order: order["hedgeType"],
    "an attached order": lambda order: order["parentId"],
    "an OCA group": lambda order: order["ocaGroup"],
    "an order that is not transmitted": lambda order: not order["transmit"],
    "a good after time": lambda order: order["goodAfterTime"],
    "an order by amount": lambda order: order["cashQty"],
    "a minimum quantity without IOC": lambda order: order["minQty"] and order["tif"] != "IOC",
}
"""What is read to stay in step and then refused (spec ib 6.4)."""

_REFUSED_FLAGS: Final = {
    "eTradeOnly": (10268, "The 'EtradeOnly' order attribute is not supported."),
    "firmQuoteOnly": (10269, "The 'FirmQuoteOnly' order attribute is not supported."),
    "nbboPriceCap": (10270, "The 'NbboPriceCap' order attribute is not supported."),
}


def unsupported(order: Mapping[str, Any]) -> Refusal | None:
    """What the stand-in, or TWS itself, does not do."""
    for what, is_it in _UNSUPPORTED.items():
        if is_it(order):
            return Refusal(321, f"Error validating request: {what} is not supported by the stand-in")
    for name, (code, text) in _REFUSED_FLAGS.items():
        if order[name]:
            return Refusal(code, text)
    if order["action"] not in ("BUY", "SELL"):
        return invalid(f"Invalid action {order['action']!r}; BUY or SELL")
    return None


def contract_of(world: World, request: Request) -> Listed | Refusal:
    """The contract that an order means."""
    found = world.contracts.find(request.values, request.text("secIdType"), request.text("secId"))
    if len(found) == 1:
        return found[0] if request.text("exchange") else invalid("Missing order exchange")
    if not found:
        return Refusal(200, NO_DEFINITION)
    return Refusal(200, f"The contract description specified for {request.text('symbol')} is ambiguous.")


def account_of(world: World, account: str) -> str | Refusal:
    """The account of an order; one that is left out is clear when there is only one."""
    known = list(world.script.accounts)
    if account in known:
        return account
    if not account:
        return known[0] if len(known) == 1 else Refusal(435, "You must specify an account.")
    return invalid(f"Invalid account code '{account}'.")


# ---------------------------------------------------------------------- the order
def _kind(asked: Asked) -> Refusal | None:
    kind, tif = asked.fields["orderType"], asked.fields["tif"] or "DAY"
    if kind.replace(" ", "") not in asked.listed.order_types.split(","):
        return Refusal(387, "Unsupported order type for this exchange and security type.")
    if tif not in ("DAY", "GTC", "IOC", "FOK", "GTD"):
        return Refusal(113, f"The time in force {tif} is not valid; the stand-in has DAY, GTC, IOC, FOK and GTD.")
    if tif == "GTD" and expiry_of(asked.world, asked.fields["goodTillDate"]) is None:
        return Refusal(337, BAD_DATE)
    return None


def _size(asked: Asked) -> Refusal | None:
    quantity, increment = asked.quantity, Decimal(asked.listed.size_increment)
    if quantity > _LARGEST:
        return invalid(f"Invalid quantity {quantity}")
    if quantity <= 0:
        return Refusal(434, "The order size cannot be zero.")
    if quantity % min(increment, Decimal(1)):
        return Refusal(
            10243, "Fractional-sized order cannot be placed via API. Please use desktop version to place it."
        )
    if quantity < Decimal(asked.listed.min_size):
        return Refusal(
            388, f"Order size {quantity} is smaller than the minimum required size of {asked.listed.min_size}."
        )
    if quantity % increment:
        return Refusal(355, "Order size does not conform to market rule.")
    return None


_LARGEST: Final = 1_000_000_000
"""More is no quantity and no price."""
_PRICES: Final = {
    "LMT": ("lmtPrice",),
    "STP": ("auxPrice",),
    "STP LMT": ("lmtPrice", "auxPrice"),
    "MIT": ("auxPrice",),
    "LIT": ("lmtPrice", "auxPrice"),
}
"""Order type → the prices that it must have."""


def _prices(asked: Asked) -> Refusal | None:
    for name in _PRICES.get(asked.fields["orderType"], ()):
        price = asked.fields[name]
        if price is None or abs(price) > _LARGEST:
            return invalid(f"Invalid {name} of a {asked.fields['orderType']} order: {price}")
        if Decimal(repr(price)) % Decimal(repr(increment_at(asked.listed, asked.fields["exchange"], price))):
            return Refusal(110, OFF_TICK)
    return None


def increment_at(listed: Listed, exchange: str, price: float) -> float:
    """What prices are multiples of: by the market rule of the exchange, else the contract's tick."""
    rules = listed.market_rules.split(",")
    venues = listed.exchanges
    at = venues.index(exchange) if exchange in venues else 0
    rows = MARKET_RULES.get(int(rules[at] or 0), ()) if at < len(rules) else ()
    fitting = [step for low, step in rows if abs(price) >= low]
    return fitting[-1] if fitting else listed.min_tick


def _rules(asked: Asked) -> Refusal | None:
    script, quantity = asked.world.script, asked.quantity
    for rule in script.rejections:
        if rule.symbol in ("", asked.listed.symbol) and quantity >= Decimal(repr(rule.quantity)):
            return Refusal(rule.code, rule.text, rule.is_inactive)
    if script.quantity_limit is not None and quantity > Decimal(repr(script.quantity_limit)):
        limit = f"{script.quantity_limit:g}"
        return Refusal(201, f"Order rejected - reason:The order size exceeds the limit of {limit}.", True)
    return None


_CHECKS: Final = (_kind, _size, _prices, _rules)


def refusal_of(asked: Asked) -> Refusal | None:
    """The first reason against an order, margin aside."""
    for check in _CHECKS:
        found = check(asked)
        if found is not None:
            return found
    return None


def expiry_of(world: World, text: str) -> dt.datetime | None:
    """The instant of ``20251224 12:00:00 US/Eastern``; a day alone means its end, no zone TWS's own, ``-`` UTC."""
    is_utc = text[8:9] == "-"
    day, rest = text[:8], text[9:] if is_utc else text[8:]
    time, _, zone = rest.strip().partition(" ")
    name = "UTC" if is_utc else zone.strip() or world.script.zone
    try:
        local = dt.datetime.strptime(f"{day} {time or '23:59:59'}", "%Y%m%d %H:%M:%S")
        return local.replace(tzinfo=ZoneInfo(name)).astimezone(dt.UTC)
    except (KeyError, ValueError, OSError):
        return None
