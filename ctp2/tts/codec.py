"""Events as bytes, and back: what the log holds (DESIGN section 5, "The log").

A record is its kind (1 byte), the length of what follows (4 bytes), and the event. The three that nearly all events
are, orders accepted, their states and fills, are fixed integers; all others are MessagePack lists of their
constructor's arguments (``codec_table.py``). Objects are written as ids. Before an event stands what it refers to by
number: an instrument, a text, or the terms that a session's orders have in common.

Two rules keep logs readable (docs/decisions/0108): a record may grow at its end, and a reader skips what it does not
know there; kinds below ``NOTES`` are events, and an unknown one is refused by its name, kinds from there on are notes
that may be skipped. ``SCHEMA`` counts up when neither is enough.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

SCHEMA: Final = 1
"""Number of this form of the log."""
NOTES: Final = 128
"""Kinds from here on are no events: a reader may skip one that it does not know."""

ORDER_INSERTED: Final = 1
ORDER_REPORT: Final = 2
TRADE_DONE: Final = 3
CONDITION_REPORT: Final = 4
WIDE: Final = 120
"""An event with a number that its own form cannot hold: the kind and JSON."""
DEFINE_TEXT: Final = 121
DEFINE_CONTRACT: Final = 122
DEFINE_COMMON: Final = 123

POSITION: Final = 128
"""Note: where the market stood, and when (``WHERE``)."""
SESSION: Final = 129
"""Note: the SessionID that was given last."""
USER: Final = 130
"""Note: what is known of a user besides the account, as a MessagePack list of user, what, and value."""
RETRY: Final = 131
"""Note: a rest of a partial fill waits for its second (``resting.py``)."""
WHERE: Final = Struct("<qq")
"""Entries of the market taken this trading day, and the environment's time."""

HEAD: Final = Struct("<BI")
HEAD_SIZE: Final = HEAD.size
INSERTED: Final = Struct("<BIiIIIBBBBidiiqqqqqqqqIBBB")
"""Head; order_id, account, instrument, common, is it released, side, hedge, is_history, volume, price as sent,
session_req_seq, request_id, ref_number, price, freeze_price, premium, frozen_margin, frozen_fee, sent at, now_ns,
trading_day; lengths of the texts that follow: OrderRef as sent, as given, offset and origin."""
REPORT: Final = Struct("<BIiBBiiiqqIHiqqqiq")
"""Head; order_id, status, submit, traded, sys_id, sequence_no, exchange_ns, cancel_ns, active_user, reason,
released_volume, released_margin, released_fee, price, announced, now_ns."""
TRADE: Final = Struct("<BIiiqiqqiqqqqiIqqI")
"""Head; order_id, trade_id, price, volume, turnover, fee, close_today, margin, exchange_margin, unfrozen_margin,
unfrozen_fee, sequence_no, trading_day, now_ns, the instrument's last price; how many lots it closed."""
CLOSED: Final = Struct("<iiqqqqqq")
"""Place of the lot, volume, cost, open_cost, profit_by_date, profit_by_trade, margin, exchange_margin."""
NUMBER: Final = Struct("<I")
INSERTED_BODY: Final = INSERTED.size - HEAD_SIZE
REPORT_BODY: Final = REPORT.size - HEAD_SIZE
TRADE_BODY: Final = TRADE.size - HEAD_SIZE
CLOSED_SIZE: Final = CLOSED.size
COMMON: Final = (
    "front_id session_id account_id investor_id user_id exchange instrument direction comb_offset price_type"
    " time_condition volume_condition min_volume contingent stop_price comb_hedge force_close_reason is_auto_suspend"
    " is_swap user_force_close echo"
).split()


SURROGATES: Final = "surrogatepass"
"""What is no text stays what it is."""


class CodecError(Exception):
    """A log that this version cannot read, or that does not fit the counter which reads it."""
