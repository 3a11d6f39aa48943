"""The counter's own vocabulary: one-character codes with the values of the CTP interface.

The domain files know no CTP struct, but they use CTP's letters, so that the translation of a code is the identity
(spec ctp-semantics 0.2) and a log stays readable.
"""

from __future__ import annotations

from typing import Final

# Direction and offset
BUY: Final = "0"
SELL: Final = "1"
OPEN: Final = "0"
CLOSE: Final = "1"
CLOSE_TODAY: Final = "3"
CLOSE_YESTERDAY: Final = "4"
CLOSE_OFFSETS: Final = "134"
OPERATOR_OFFSETS: Final = ("2", "5", "6")
"""ForceClose, ForceOff, LocalForceClose: only an operator may send them."""

LONG: Final = "2"
SHORT: Final = "3"

SPECULATION: Final = "1"
INVESTOR_HEDGE_FLAGS: Final = ("1", "2", "3")
MARKET_MAKER_HEDGE_FLAG: Final = "5"

# Price, time and volume conditions
ANY_PRICE: Final = "1"
LIMIT_PRICE: Final = "2"
BEST_PRICE: Final = "3"
FIVE_LEVEL_PRICE: Final = "G"
PRICE_TYPES: Final = "123456789ABCDEFG"
SUPPORTED_PRICE_TYPES: Final = "123G"

IOC: Final = "1"
GFS: Final = "2"
GFD: Final = "3"
TIME_CONDITIONS: Final = "123456"
UNSUPPORTED_TIMES: Final = "2456"
"""GFS (no exchange has it live), GTD, GTC, GFA (none has them; spec 3.2)."""

ANY_VOLUME: Final = "1"
MIN_VOLUME: Final = "2"
COMPLETE_VOLUME: Final = "3"

IMMEDIATELY: Final = "1"
TOUCH: Final = "2"
TOUCH_PROFIT: Final = "3"
PARKED: Final = "4"
CONTINGENT_CONDITIONS: Final = "123456789ABCDEFH"
NOT_FORCE_CLOSE: Final = "0"

# Order status and submit status
ALL_TRADED: Final = "0"
PART_TRADED_QUEUEING: Final = "1"
NO_TRADE_QUEUEING: Final = "3"
CANCELED: Final = "5"
UNKNOWN: Final = "a"
NOT_TOUCHED: Final = "b"
TOUCHED: Final = "c"

INSERT_SUBMITTED: Final = "0"
CANCEL_SUBMITTED: Final = "1"
ACCEPTED: Final = "3"
INSERT_REJECTED: Final = "4"
CANCEL_REJECTED: Final = "5"

DELETE: Final = "0"
MODIFY: Final = "3"

# Phases of an instrument
BEFORE_TRADING: Final = "0"
NO_TRADING: Final = "1"
CONTINUOUS: Final = "2"
AUCTION_ORDERING: Final = "3"
AUCTION_BALANCE: Final = "4"
AUCTION_MATCH: Final = "5"
CLOSED: Final = "6"

NO_PRICE: Final = -(1 << 62)
"""An absent price in price units (DBL_MAX at the CTP edge). Negative prices are legal, so 0 or -1 cannot say it."""
