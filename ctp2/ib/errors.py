r"""TWS's error codes as CTP's (spec ib 5.9). Classified by code; only 201 and 321 are refined by text.

Texts may be in any language and are never matched otherwise. Other letters than ASCII come as ``\uXXXX`` escapes.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from ctp2.ctp.text import cut

Use = Literal["i", "a", "q", "c"]
"""What the code answers: an insert, an action on an order, a query or subscription, the connection."""

MESSAGE_BYTES: Final = 80
"""Room of ErrorMsg and StatusMsg, in GB18030 bytes."""

DUPLICATE_LOGIN: Final = 5
NOT_INITED: Final = 7
FRONT_NOT_ACTIVE: Final = 8
NO_PRIVILEGE: Final = 9
INVESTOR_NOT_FOUND: Final = 13
BAD_FIELD: Final = 15
INSTRUMENT_NOT_FOUND: Final = 16
INSTRUMENT_NOT_TRADING: Final = 17
DUPLICATE_ORDER_REF: Final = 22
BAD_ORDER_ACTION_FIELD: Final = 23
DUPLICATE_ORDER_ACTION: Final = 24
ORDER_NOT_FOUND: Final = 25
UNSUITABLE_ORDER_STATUS: Final = 26
UNSUPPORTED_FUNCTION: Final = 27
NO_TRADING_RIGHT: Final = 28
OVER_CLOSE_POSITION: Final = 30
INSUFFICIENT_MONEY: Final = 31
SHORT_SELL: Final = 37
OVER_REQUEST: Final = 40
OVER_REQUEST_PER_SECOND: Final = 41
SWAP_ORDER: Final = 65
SEND_ORDER_FAILED: Final = 78
SEND_ACTION_FAILED: Final = 79
PRICE_TYPE: Final = 80
NEED_RETRY: Final = 90
EXCHANGE_ERROR: Final = 91
BAD_PRICE: Final = 95


class Row(NamedTuple):
    """A row of the table: CTP's number, what its codes answer, and the codes."""

    error_id: int
    uses: str
    codes: tuple[int, ...]


TABLE: Final = (
    Row(DUPLICATE_LOGIN, "c", (326, 501)),
    Row(FRONT_NOT_ACTIVE, "c", (502, 504, 507, 509, 1100, 1300, 2110, 10182, 10328)),
    Row(NOT_INITED, "c", (503, 505, 506, 357)),
    Row(NO_PRIVILEGE, "qi", (354, 10089, 10168, 10186, 10092, 10189, 10197, 430)),
    Row(INVESTOR_NOT_FOUND, "i", (332, 435)),
    Row(
        BAD_FIELD,
        "i",
        (
            *(107, 132, 140, 144, 145, 151, 158, 159, 160, 434, 320, 321, 322, 323, 334, 336, 337, 338, 347, 350),
            *(351, 411, 355, 388, 405, 406, 407, 421, 424, 436, 437, 10006, 10149, 10314),
        ),
    ),
    Row(INSTRUMENT_NOT_FOUND, "iq", (200,)),
    Row(INSTRUMENT_NOT_TRADING, "i", (116, 154, 166, 392, 412)),
    Row(DUPLICATE_ORDER_REF, "i", (103,)),
    Row(BAD_ORDER_ACTION_FIELD, "a", (105, 134, 329, 422, 440)),
    Row(ORDER_NOT_FOUND, "a", (135, 10147)),
    Row(UNSUITABLE_ORDER_STATUS, "a", (104, 136, 161, 10148, 2102)),
    Row(
        UNSUPPORTED_FUNCTION,
        "i",
        (114, 115, 117, 131, 312, 313, 314, 315, 325, 327, 10268, 10269, 10270, 10274, 10311),
    ),
    Row(NO_TRADING_RIGHT, "i", (203, 460)),
    Row(OVER_CLOSE_POSITION, "i", (426,)),
    Row(OVER_REQUEST, "q", (101, 309, 10190, 322)),
    Row(OVER_REQUEST_PER_SECOND, "iaqc", (100,)),
    Row(SEND_ORDER_FAILED, "i", (106, 133, 439, 512)),
    Row(SEND_ACTION_FAILED, "a", (515,)),
    Row(PRICE_TYPE, "i", (111, 113, 146, 387)),
    Row(NEED_RETRY, "q", (162, 366, 420, 300, 310, 316, 10225)),
    Row(BAD_PRICE, "i", (109, 110, 141, 163, 168, 361, 403)),
    Row(EXCHANGE_ERROR, "i", (201, 383, 451)),
)
"""Every code that the table of spec 5.9 names, in its order."""

NOTICES: Final = frozenset((165, 202, 399, 404, 492, 10167, 10090, 10349))
"""Codes that are no error (and, but for 2102 and 2110, all of 2101 to 2199)."""
_FIRST_WARNING: Final = 2101
_LAST_WARNING: Final = 2199

CANCELLED: Final = 202
"""The normal end of a cancel, or of a day order."""
HELD_FOR_LOCATE: Final = 404
DUPLICATE_ID: Final = 103
CLIENT_ID_IN_USE: Final = 326
ALREADY_FINAL: Final = 10148
UNKNOWN_TO_CANCEL: Final = 10147
REJECTED: Final = 201
FINAL_CODES: Final = frozenset((201, 203, 460))
"""Order errors that end an order whatever came before; all others only one that was never acknowledged."""
LIVE_AFTER_MODIFY: Final = frozenset((105, 110, 134, 321, 329, 399))
"""Refusals of a modification that leave the order as it was (5.2)."""

UNREADABLE: Final = frozenset((100, 105, 110, 134, 320, 321, 322, 323, 329, 512))
"""Errors that, while a cancel is under way, are about the cancel."""

_REFINED_201: Final = (
    (OVER_CLOSE_POSITION, re.compile(r"exceeds\s+position", re.IGNORECASE)),
    (NO_TRADING_RIGHT, re.compile(r"permission", re.IGNORECASE)),
    (INSUFFICIENT_MONEY, re.compile(r"margin|funds|equity|buying\s+power", re.IGNORECASE)),
    (SHORT_SELL, re.compile(r"\bshort\b", re.IGNORECASE)),
    (INSUFFICIENT_MONEY, re.compile(r"cash", re.IGNORECASE)),
)
"""English patterns of 201, the particular before the general: short sales in a cash account are about short sales."""
_REFINED_321: Final = (
    (NO_PRIVILEGE, re.compile(r"read-only", re.IGNORECASE)),
    (INVESTOR_NOT_FOUND, re.compile(r"account code", re.IGNORECASE)),
)


def _by_use() -> dict[Use, dict[int, int]]:
    uses: tuple[Use, ...] = ("i", "a", "q", "c")
    return {use: {code: row.error_id for row in TABLE if use in row.uses for code in row.codes} for use in uses}


_OF_USE: Final = _by_use()
_OF_ANY: Final = {code: row.error_id for row in reversed(TABLE) for code in row.codes}


def is_notice(code: int) -> bool:
    """Whether a code tells something and is no error."""
    if code in NOTICES:
        return True
    return _FIRST_WARNING <= code <= _LAST_WARNING and code not in _OF_ANY


def is_action_code(code: int) -> bool:
    """Whether a code can only be the answer to a cancel or a modification."""
    return code in _OF_USE["a"] and code not in _OF_USE["i"]


def error_to_ctp(code: int, text: str, use: Use) -> int:
    """CTP's error number of a code that answers ``use``; 0 for notices.

    A code that the table does not know is error 91 where an order is concerned and 90 for queries, as CTP's nearest
    "the other side said no" and "try again"; on the connection it is nothing (0: log it).
    """
    if is_notice(code):
        return 0
    for refined, patterns in ((REJECTED, _REFINED_201), (321, _REFINED_321)):
        if code == refined:
            for error_id, pattern in patterns:
                if pattern.search(text):
                    return error_id
    known = _OF_USE[use].get(code) or _OF_ANY.get(code)
    if known is not None:
        return known
    return {"i": EXCHANGE_ERROR, "a": EXCHANGE_ERROR, "q": NEED_RETRY, "c": 0}[use]


_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def decode(text: str) -> str:
    r"""``text`` with its ``\uXXXX`` escapes read; pairs of surrogates become one character, half a pair ``?``."""
    if "\\u" not in text:
        return text
    units = _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\ufffd", "?")


def message(code: int, text: str) -> str:
    """ErrorMsg and StatusMsg: ``IB<code>:`` and TWS's own words, what 80 bytes of GB18030 hold of it."""
    return cut(f"IB{code}:{decode(text)}", MESSAGE_BYTES)
