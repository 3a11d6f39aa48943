"""Tables between CTP's orders and TWS's: sides, types, times in force, conditions, states (spec ib 5.1 and 5.4)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

BUY: Final = "0"
SELL: Final = "1"

ACTION_FROM_CTP: Final = {BUY: "BUY", SELL: "SELL"}
DIRECTION_OF_ACTION: Final = {"BUY": BUY, "SELL": SELL, "SSHORT": SELL, "SLONG": SELL}
DIRECTION_OF_SIDE: Final = {"BOT": BUY, "SLD": SELL}
OPPOSITE: Final = {BUY: SELL, SELL: BUY}

OPEN: Final = "0"
CLOSE: Final = "1"
OFFSETS: Final = frozenset("0123456")
CLOSING: Final = frozenset("123456")
FORCED: Final = frozenset("26")
"""Forced closes, which are the broker's."""
HEDGES: Final = frozenset("1234567")
SPECULATION: Final = "1"

# OrderPriceType
ANY_PRICE: Final = "1"
LIMIT_PRICE: Final = "2"
BEST_PRICE: Final = "3"
ASK_PRICE_1: Final = "8"
BID_PRICE_1: Final = "C"

ORDER_TYPE_FROM_CTP: Final = {
    ANY_PRICE: "MKT",
    LIMIT_PRICE: "LMT",
    BEST_PRICE: "MTL",
    ASK_PRICE_1: "LMT",
    BID_PRICE_1: "LMT",
}
"""Price types of orders without a condition; every other is error 80."""
LIMIT_TYPES: Final = frozenset(("LMT", "STP LMT", "LIT"))
"""Types whose limit is a price that can be changed."""
PRICE_TYPE_OF_ORDER: Final = {
    "LMT": LIMIT_PRICE,
    "STP LMT": LIMIT_PRICE,
    "LIT": LIMIT_PRICE,
    "MTL": BEST_PRICE,
}
"""TWS's type → OrderPriceType of orders that came without ours; any other is a market order of some kind."""

# TimeCondition and VolumeCondition
IMMEDIATE: Final = "1"
GOOD_FOR_DAY: Final = "3"
GOOD_TILL_DATE: Final = "4"
GOOD_TILL_CANCEL: Final = "5"
ANY_VOLUME: Final = "1"
MIN_VOLUME: Final = "2"
ALL_VOLUME: Final = "3"

TIF_FROM_CTP: Final = {
    (GOOD_FOR_DAY, ANY_VOLUME): "DAY",
    (IMMEDIATE, ANY_VOLUME): "IOC",
    (IMMEDIATE, ALL_VOLUME): "FOK",
    (IMMEDIATE, MIN_VOLUME): "IOC",
    (GOOD_TILL_CANCEL, ANY_VOLUME): "GTC",
    (GOOD_TILL_DATE, ANY_VOLUME): "GTD",
}
"""(TimeCondition, VolumeCondition) → tif. Other pairs of known members are error 27, unknown members 15."""
TIME_CONDITIONS: Final = frozenset("123456")
VOLUME_CONDITIONS: Final = frozenset("123")
TIME_OF_TIF: Final = {
    "DAY": (GOOD_FOR_DAY, ANY_VOLUME),
    "IOC": (IMMEDIATE, ANY_VOLUME),
    "FOK": (IMMEDIATE, ALL_VOLUME),
    "GTC": (GOOD_TILL_CANCEL, ANY_VOLUME),
    "GTD": (GOOD_TILL_DATE, ANY_VOLUME),
}

# ContingentCondition
IMMEDIATELY: Final = "1"
PARKED: Final = "4"
Kind = Literal["stop", "touched"]


class Condition(NamedTuple):
    """How a ContingentCondition of one direction is placed."""

    kind: Kind
    trigger_method: int
    """2: last price, 4: bid and ask."""


_LAST: Final = 2
_BID_ASK: Final = 4
_RISING_LAST: Final = "56"
_FALLING_LAST: Final = "78"
_RISING_QUOTE: Final = "9ADE"
_FALLING_QUOTE: Final = "BCFH"


def _conditions() -> dict[tuple[str, str], Condition]:
    """A buy above the market and a sell below it are stops; the other way round they wait to be touched."""
    found = {}
    for direction, away in ((BUY, (_RISING_LAST, _RISING_QUOTE)), (SELL, (_FALLING_LAST, _FALLING_QUOTE))):
        for codes, method in ((_RISING_LAST, _LAST), (_FALLING_LAST, _LAST)):
            for code in codes:
                found[direction, code] = Condition("stop" if codes in away else "touched", method)
        for codes, method in ((_RISING_QUOTE, _BID_ASK), (_FALLING_QUOTE, _BID_ASK)):
            for code in codes:
                found[direction, code] = Condition("stop" if codes in away else "touched", method)
        found[direction, "2"] = Condition("stop", _LAST)
        found[direction, "3"] = Condition("touched", _LAST)
    return found


CONDITION_FROM_CTP: Final = _conditions()
"""(Direction, ContingentCondition) → condition."""
CONDITIONAL_TYPE: Final = {
    ("stop", ANY_PRICE): "STP",
    ("stop", LIMIT_PRICE): "STP LMT",
    ("touched", ANY_PRICE): "MIT",
    ("touched", LIMIT_PRICE): "LIT",
}
"""(kind, OrderPriceType) → type; every other price type is error 80."""
CONDITIONAL_TYPES: Final = frozenset(CONDITIONAL_TYPE.values())
CONDITION_OF_TYPE: Final = {
    (BUY, "stop"): "6",
    (SELL, "stop"): "8",
    (BUY, "touched"): "8",
    (SELL, "touched"): "6",
}
"""(Direction, kind) → ContingentCondition of conditional orders that came without ours."""
KIND_OF_TYPE: Final[dict[str, Kind]] = {"STP": "stop", "STP LMT": "stop", "MIT": "touched", "LIT": "touched"}

NORMAL_ORDER: Final = "0"
CONDITIONAL_ORDER: Final = "4"

FLAG_PREFIX: Final = "IB:"
"""BusinessUnit that carries IB's own flags."""
FLAGS: Final = {"O": "outside_rth", "H": "hidden", "A": "all_or_none"}

# OrderStatus
FILLED: Final = "0"
PART_FILLED: Final = "1"
WORKING: Final = "3"
CANCELLED: Final = "5"
UNKNOWN: Final = "a"
NOT_TOUCHED: Final = "b"

# OrderSubmitStatus
INSERT_SUBMITTED: Final = "0"
CANCEL_SUBMITTED: Final = "1"
MODIFY_SUBMITTED: Final = "2"
ACCEPTED: Final = "3"
INSERT_REJECTED: Final = "4"
CANCEL_REJECTED: Final = "5"
MODIFY_REJECTED: Final = "6"

ALLOWED: Final = frozenset(
    (
        *(("", status) for status in "a3b105"),
        *((UNKNOWN, status) for status in "a3b105"),
        *((NOT_TOUCHED, status) for status in "b3105a"),
        *((WORKING, status) for status in "3105a"),
        *((PART_FILLED, status) for status in "105a"),
        (FILLED, FILLED),
        (CANCELLED, CANCELLED),
    )
)
"""Allowed changes of OrderStatus from what was told before ("": nothing) to what is told now. A pair outside is
broker's truth against ours: it is told, and logged."""

LIVE_STATUSES: Final = frozenset(("PreSubmitted", "Submitted"))
WAITING_STATUSES: Final = frozenset(("ApiPending", "PendingSubmit"))
CANCELLED_STATUSES: Final = frozenset(("ApiCancelled", "Cancelled"))
IGNORED_STATUSES: Final = frozenset(("", "ValidationError"))
"""Not TWS's: a library invented it."""

STATUS_TEXT: Final = {
    FILLED: "全部成交",
    PART_FILLED: "部分成交",
    WORKING: "未成交",
    CANCELLED: "已撤单",
    UNKNOWN: "报单已提交",
    NOT_TOUCHED: "尚未触发",
}
SUBMIT_TEXT: Final = {
    CANCEL_SUBMITTED: "撤单已提交",
    MODIFY_SUBMITTED: "改单已提交",
    INSERT_REJECTED: "报单被拒绝",
    CANCEL_REJECTED: "撤单被拒绝",
    MODIFY_REJECTED: "改单被拒绝",
}
LOCATING_TEXT: Final = "held: locating shares"
NOT_FOUND_TEXT: Final = "not found at broker after reconnect"
GONE_TEXT: Final = "unknown to the broker: neither open, completed nor executed"
INACTIVE_TEXT: Final = "inactive at the broker, no reason told"
TAKEN_TEXT: Final = "not listed by the broker any more"

DELETE: Final = "0"
MODIFY: Final = "3"
"""ActionFlag."""
