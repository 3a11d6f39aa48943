"""CTP's ``InputOrder`` → what is placed at TWS, checked; and back, for orders that came without ours (spec ib 5.1).

What TWS would refuse anyway is refused here only where the spec says so: its own words are better than ours.
"""

from __future__ import annotations

import math
import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from ctp2.ctp import structs
from ctp2.ib import codes_orders as codes
from ctp2.ib import errors
from ctp2.ib.order_state import Terms
from ctp2.ib.parts import Refusal
from ctp2.ib.records import OrderSpec

if TYPE_CHECKING:
    from ctp2.ib.identity import Key
    from ctp2.ib.resolved import Resolved

_NEAR: Final = Decimal("1e-6")
"""A price this near to a tick, in ticks, is meant to be on it (spec ib 5.1)."""
_UNSET: Final = 1e300
_ANY_EXCHANGE: Final = frozenset(("", "SMART"))
_COMBINATION: Final = "BAG"
_COMBINED_ID: Final = re.compile(r"[&|,\s]")
"""CTP's InstrumentIDs of combinations (``SPD a&b``); none of our own has such a character."""
_DAY: Final = re.compile(r"\d{8}")
_END_OF_DAY: Final = "23:59:59"


class Shape(NamedTuple):
    """The type of an order, and how its condition looks at the market."""

    order_type: str
    trigger_method: int = 0


class Quote(NamedTuple):
    """The best prices that are known; None: not known."""

    bid: float | None = None
    ask: float | None = None


def check_codes(field: Any) -> None:
    """What an order's own members say wrongly, whatever its instrument.

    Raises:
        Refusal: 15, 27 or 65; 9 for what a broker alone may do.
    """
    if _COMBINED_ID.search(field.InstrumentID):
        raise Refusal(errors.UNSUPPORTED_FUNCTION)
    if field.IsSwapOrder:
        raise Refusal(errors.SWAP_ORDER)
    is_known = (
        field.Direction in codes.ACTION_FROM_CTP
        and field.CombOffsetFlag[:1] in codes.OFFSETS
        and field.CombHedgeFlag[:1] in codes.HEDGES
        and field.OrderPriceType
        and field.CombOffsetFlag
        and field.CombHedgeFlag
        and field.VolumeTotalOriginal >= 1
    )
    if not is_known:
        raise Refusal(errors.BAD_FIELD)
    if field.CombOffsetFlag[0] in codes.FORCED:
        raise Refusal(errors.NO_PRIVILEGE)
    shape_of(field)
    tif_of(field)
    flags_of(field.BusinessUnit, default_outside_rth=False)


def shape_of(field: Any) -> Shape:
    """OrderPriceType and ContingentCondition → TWS's type.

    Raises:
        Refusal: 27 for parked orders, 15 for a condition that is none, 80 for a price type that TWS has not.
    """
    condition = field.ContingentCondition
    if condition == codes.PARKED:
        raise Refusal(errors.UNSUPPORTED_FUNCTION)
    if condition == codes.IMMEDIATELY:
        order_type = codes.ORDER_TYPE_FROM_CTP.get(field.OrderPriceType)
        if order_type is None:
            raise Refusal(errors.PRICE_TYPE)
        return Shape(order_type)
    found = codes.CONDITION_FROM_CTP.get((field.Direction, condition))
    if found is None:
        raise Refusal(errors.BAD_FIELD)
    conditional = codes.CONDITIONAL_TYPE.get((found.kind, field.OrderPriceType))
    if conditional is None:
        raise Refusal(errors.PRICE_TYPE)
    return Shape(conditional, found.trigger_method)


def tif_of(field: Any) -> str:
    """TimeCondition and VolumeCondition → tif; never empty, as TWS would put a preset there (10349).

    Raises:
        Refusal: 27 for what IB has not, 15 for what CTP has not, a wrong MinVolume, a GTDDate that is no day.
    """
    time, volume = field.TimeCondition, field.VolumeCondition
    if time not in codes.TIME_CONDITIONS or volume not in codes.VOLUME_CONDITIONS or not time or not volume:
        raise Refusal(errors.BAD_FIELD)
    tif = codes.TIF_FROM_CTP.get((time, volume))
    if tif is None:
        raise Refusal(errors.UNSUPPORTED_FUNCTION)
    if volume == codes.MIN_VOLUME and not 1 <= field.MinVolume <= field.VolumeTotalOriginal:
        raise Refusal(errors.BAD_FIELD)
    if tif == "GTD" and not _is_day(field.GTDDate):
        raise Refusal(errors.BAD_FIELD)
    return tif


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def flags_of(business_unit: str, *, default_outside_rth: bool) -> dict[str, bool]:
    """``IB:`` and letters in BusinessUnit → members of the order; any other text is the client's own matter.

    Raises:
        Refusal: 15 for a letter that means nothing.
    """
    if not business_unit.startswith(codes.FLAG_PREFIX):
        return {"outside_rth": default_outside_rth}
    letters = business_unit[len(codes.FLAG_PREFIX) :].strip()
    if not set(letters) <= codes.FLAGS.keys():
        raise Refusal(errors.BAD_FIELD, f"CTP:BusinessUnit {business_unit}? IB: {''.join(codes.FLAGS)}")
    return {name: letter in letters for letter, name in codes.FLAGS.items()}


def check_contract(field: Any, resolved: Resolved, order_type: str) -> None:
    """What an order's members say wrongly of its instrument.

    Raises:
        Refusal: 15 for another exchange than the instrument's, 27 for a combination, 80 where the exchange has no
            market-to-limit orders.
    """
    if resolved.contract.sec_type == _COMBINATION:
        raise Refusal(errors.UNSUPPORTED_FUNCTION)
    if field.ExchangeID not in _ANY_EXCHANGE and field.ExchangeID != resolved.exchange_id:
        raise Refusal(errors.BAD_FIELD, f"CTP:ExchangeID {field.ExchangeID}? {resolved.exchange_id}")
    if order_type == "MTL" and "MTL" not in resolved.details.order_types.split(","):
        raise Refusal(errors.PRICE_TYPE)


def asked_price(field: Any, order_type: str, quote: Quote) -> float | None:
    """The limit that the client means, before it is put on a tick; None where the type has none.

    Raises:
        Refusal: 80 for the best price of a side that is not known.
    """
    if order_type not in codes.LIMIT_TYPES:
        return None
    if field.OrderPriceType == codes.LIMIT_PRICE:
        return float(field.LimitPrice)
    price = quote.ask if field.OrderPriceType == codes.ASK_PRICE_1 else quote.bid
    if price is None:
        raise Refusal(errors.PRICE_TYPE, "CTP:no quote")
    return price


def on_tick(price: float, increment: float) -> float:
    """``price``, exactly on its tick.

    Raises:
        Refusal: 95 for a price that is no number, or between two ticks.
    """
    if not math.isfinite(price) or abs(price) >= _UNSET:
        raise Refusal(errors.BAD_PRICE)
    if increment <= 0:
        return price
    step = Decimal(repr(increment))
    ticks = Decimal(repr(price)) / step
    nearest = ticks.to_integral_value()
    if abs(ticks - nearest) >= _NEAR:
        raise Refusal(errors.BAD_PRICE, f"CTP:{price:g} is not a multiple of {increment:g}")
    return float(nearest * step)


class Wanted(NamedTuple):
    """What an order asks for, complete but for its ids."""

    shape: Shape
    price: float | None
    """On its tick; None where the type has none."""
    stop: float | None


def order_to_ib(field: Any, resolved: Resolved, wanted: Wanted, account: str, *, outside_rth: bool) -> OrderSpec:
    """The order as it is placed, but for ``order_id`` and ``order_ref``; nothing is set but what the spec allows."""
    flags = flags_of(field.BusinessUnit, default_outside_rth=outside_rth)
    tif = tif_of(field)
    zone = resolved.zone.key
    return OrderSpec(
        action=codes.ACTION_FROM_CTP[field.Direction],
        quantity=resolved.quantity(field.VolumeTotalOriginal),
        order_type=wanted.shape.order_type,
        lmt_price=wanted.price,
        aux_price=wanted.stop,
        tif=tif,
        # Without a zone TWS takes its own (337, 2174).
        good_till_date=f"{field.GTDDate} {_END_OF_DAY} {zone}" if tif == "GTD" else "",
        account=account,
        outside_rth=flags.get("outside_rth", False),
        hidden=flags.get("hidden", False),
        all_or_none=flags.get("all_or_none", False),
        min_qty=_min_qty(field, resolved),
        trigger_method=wanted.shape.trigger_method,
    )


def _min_qty(field: Any, resolved: Resolved) -> int | None:
    if field.VolumeCondition != codes.MIN_VOLUME:
        return None
    return math.ceil(resolved.quantity(field.MinVolume))


def terms_of_request(field: Any, wanted: Wanted) -> Terms:
    """The terms that the client's own record shows; a limit that we found for it is shown, too."""
    price = field.LimitPrice if wanted.price is None else wanted.price
    return Terms(field.VolumeTotalOriginal, price, field.StopPrice if wanted.stop is None else wanted.stop)


def modified(spec: OrderSpec, quantity: float, price: float) -> OrderSpec:
    """The order with other terms, made of what its type needs alone.

    Orders that came in with ``openOrder`` carry 0.0 where nothing was set, which TWS refuses (ib_insync #509, #586).
    """
    has_limit = spec.order_type in codes.LIMIT_TYPES
    has_stop = spec.order_type in codes.CONDITIONAL_TYPES
    return msgspec.structs.replace(
        spec,
        quantity=quantity,
        lmt_price=price if has_limit else None,
        aux_price=spec.aux_price if has_stop else None,
        min_qty=spec.min_qty or None,
        open_close="",
        what_if=False,
    )


# ------------------------------------------------------------------ orders without a record of ours
def request_of(spec: OrderSpec, key: Key, resolved: Resolved, terms: Terms, flags: str) -> Any:
    """An ``InputOrder`` as it would have led to an order that is at TWS. ``flags``: offset and hedge."""
    time, volume = codes.TIME_OF_TIF.get(spec.tif or "DAY", (codes.GOOD_FOR_DAY, codes.ANY_VOLUME))
    if spec.tif == "IOC" and spec.min_qty:
        volume = codes.MIN_VOLUME
    direction = codes.DIRECTION_OF_ACTION.get(spec.action, codes.BUY)
    kind = codes.KIND_OF_TYPE.get(spec.order_type)
    letters = "".join(letter for letter, name in codes.FLAGS.items() if getattr(spec, name))
    return structs.CThostFtdcInputOrderField(
        InvestorID=spec.account,
        OrderRef=key.order_ref,
        OrderPriceType=codes.PRICE_TYPE_OF_ORDER.get(spec.order_type, codes.ANY_PRICE),
        Direction=direction,
        CombOffsetFlag=flags[:1],
        CombHedgeFlag=flags[1:2],
        LimitPrice=terms.price,
        VolumeTotalOriginal=terms.volume,
        TimeCondition=time,
        GTDDate=spec.good_till_date[:8] if spec.tif == "GTD" else "",
        VolumeCondition=volume,
        MinVolume=resolved.volume(float(spec.min_qty or 0)),
        ContingentCondition=codes.CONDITION_OF_TYPE[direction, kind] if kind else codes.IMMEDIATELY,
        StopPrice=terms.stop,
        ForceCloseReason="0",
        BusinessUnit=codes.FLAG_PREFIX + letters if letters else "",
        ExchangeID=resolved.exchange_id,
        CurrencyID=resolved.contract.currency[:3],
        InstrumentID=resolved.canonical,
    )
