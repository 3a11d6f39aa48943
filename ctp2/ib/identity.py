"""Who an order and a trade are: CTP's identifiers and TWS's, both ways (spec ib 5.3)."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final, NamedTuple

SYS_ID_WIDTH: Final = 12
TRADE_ID_BYTES: Final = 20
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_VERSION: Final = "Q1"

OWN_FRONT: Final = 1
OTHER_FRONT: Final = 2
"""FrontID of orders without our tag."""
MANUAL_FRONT: Final = 3
"""FrontID of orders made in TWS itself."""

_REF_TEXT: Final = re.compile(r"[!-9;-~]{1,12}")
"""What can stand in a tag: ASCII without blanks and colons."""


class Tag(NamedTuple):
    """What travels in TWS's ``orderRef``: ``Q1:<FrontID>:<SessionID base 36>:<OrderRef>:<offset><hedge>``."""

    front_id: int
    session_id: int
    order_ref: str
    offset: str
    hedge: str

    def __str__(self) -> str:
        session = to_base36(self.session_id)
        return f"{_VERSION}:{self.front_id}:{session}:{self.order_ref}:{self.offset}{self.hedge}"


class Key(NamedTuple):
    """CTP's name of an order."""

    front_id: int
    session_id: int
    order_ref: str


def to_base36(number: int) -> str:
    """A non-negative number in base 36."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits


def can_be_ref(order_ref: str) -> bool:
    """Whether a client's OrderRef fits into a tag."""
    return _REF_TEXT.fullmatch(order_ref) is not None


def read_tag(text: str) -> Tag | None:
    """The tag in an ``orderRef``; None: whoever wrote it was not this adapter."""
    parts = text.split(":")
    if len(parts) != 5 or parts[0] != _VERSION or len(parts[4]) != 2 or not can_be_ref(parts[3]):
        return None
    front, session = parts[1], parts[2]
    if not (front.isascii() and front.isdigit() and session and all(digit in _DIGITS for digit in session)):
        return None
    return Tag(int(front), int(session, 36), parts[3], parts[4][0], parts[4][1])


def foreign_key(order_id: int, client_id: int, perm_id: int) -> Key:
    """CTP's name of an order without a tag; one made in TWS itself has no order id."""
    if order_id > 0:
        return Key(OTHER_FRONT, client_id, str(order_id)[-12:])
    return Key(MANUAL_FRONT, 0, str(perm_id)[-12:])


def sys_id(perm_id: int) -> str:
    """OrderSysID: decimal, right-aligned to width 12 as CTP's counters write it; empty while there is none."""
    return str(perm_id).rjust(SYS_ID_WIDTH) if perm_id else ""


def perm_id_of(order_sys_id: str) -> int:
    """The permId that an OrderSysID means, whatever its padding; 0: none."""
    digits = order_sys_id.strip()
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def trade_id(exec_id: str, part: str = "") -> str:
    """TradeID of an execution: its id without the dots where that is 20 characters, else a digest of it.

    ``part`` is ``C`` or ``O`` for the closing and the opening part of a fill that crosses zero (5.7).
    """
    plain = exec_id.replace(".", "")
    if not part and len(plain) == TRADE_ID_BYTES and plain.isascii() and plain.isprintable():
        return plain
    digest = hashlib.sha1((exec_id + part).encode(), usedforsecurity=False).digest()
    return "H" + base64.b32encode(digest).decode("ascii")[: TRADE_ID_BYTES - 1]


def split_revision(exec_id: str) -> tuple[str, int]:
    """An execution's id without its revision, and that: a correction repeats all but the digits behind the last dot."""
    base, dot, digits = exec_id.rpartition(".")
    if dot and digits.isascii() and digits.isdigit():
        return base, int(digits)
    return exec_id, 0
