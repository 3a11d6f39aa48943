"""Which events there are, and how each is written: the one list of the log's kinds.

Numbers are for ever: they stand in files. Behind a number stand the event's class and its constructor's arguments;
behind a colon how one is written when it is no plain value (``codec_parts.PARTS``). A new argument comes at the end,
with what it is in logs that do not have it yet in ``MISSING``.
"""

from __future__ import annotations

from typing import Any, Final

from ctp2.tts import combos, conditions, declarations, events, parked, quotes, rights
from ctp2.tts.codec_parts import PARTS, Known, Part, closed_back, closed_out, lots_back, pairs_back
from ctp2.tts.events import Event

_REPORT: Final = (
    "order:order status submit traded sys_id sequence_no exchange_ns cancel_ns active_user reason released_volume"
    " released_margin released_fee price announced now_ns"
)
_DECLARED: Final = (
    "declaration:declaration now_ns submit result sys_id sequence_no exchange_ns cancel_ns active_user reason releases"
)
_MONEY: Final = "account_id now_ns currency amount serial echo:texts trading_day zone"

KINDS: Final[dict[int, tuple[type, str]]] = {
    1: (events.OrderInserted, "order:new-order ref_number frozen_margin frozen_fee now_ns"),
    2: (events.OrderReport, _REPORT),
    3: (
        events.TradeDone,
        "order:order trade_id price volume turnover fee close_today margin exchange_margin unfrozen_margin unfrozen_fee"
        " closed sequence_no trading_day now_ns",
    ),
    4: (conditions.ConditionReport, _REPORT),
    5: (events.AccountOpened, "account_id now_ns balances"),
    6: (events.SettlementConfirmed, "account_id now_ns"),
    7: (events.InsertRefused, "account_id terms:terms error_id message ref_number"),
    8: (events.ActionRefused, "account_id command:cancel error_id order:order reason zone"),
    9: (events.RequestRefused, "account_id now_ns told:told"),
    10: (
        events.PositionCarried,
        "account:account row:row trade_id open_date open_price basis volume margin exchange_margin pre_balance now_ns",
    ),
    11: (events.DaySettled, "settlement:settlement now_ns"),
    12: (conditions.ConditionPlaced, "order:new-order number ref_number now_ns"),
    13: (conditions.ConditionFailed, "order:order error_id now_ns"),
    14: (conditions.StopPlaced, "order:order now_ns"),
    15: (conditions.StopLeft, "order:order now_ns"),
    16: (parked.ParkedPut, "parked:new-parked now_ns"),
    17: (parked.ParkedSent, "parked:parked error_id now_ns"),
    18: (parked.ParkedRemoved, "parked:parked now_ns"),
    19: (parked.ParkingRefused, "account_id error_id now_ns"),
    20: (rights.AccountRestricted, "account_id now_ns rights:rights"),
    21: (rights.MoneyMoved, _MONEY),
    22: (rights.BankToFuture, _MONEY),
    23: (rights.FutureToBank, _MONEY),
    24: (declarations.DeclarationInserted, "declaration:new-declaration lots margin cash fee"),
    25: (declarations.ExerciseReported, _DECLARED),
    26: (declarations.SelfCloseReported, _DECLARED),
    27: (
        declarations.DeclarationRefused,
        "account_id now_ns kind error_id front_id session_id ref_number declaration:declaration",
    ),
    28: (quotes.QuoteInserted, "quote:new-quote ref_number now_ns"),
    29: (
        quotes.QuoteReport,
        "quote:quote status submit sys_id sequence_no exchange_ns cancel_ns active_user reason ask_sys_id bid_sys_id"
        " now_ns",
    ),
    30: (quotes.QuoteRefused, "account_id terms:quote-terms error_id order_ref quote_ref"),
    31: (quotes.QuoteActionRefused, "account_id command:quote-cancel error_id quote:quote reason zone"),
    32: (quotes.ForQuoteAsked, "account_id terms:ask-terms contract:contract number"),
    33: (quotes.ForQuoteRefused, "account_id terms:ask-terms error_id"),
    34: (combos.CombActionInserted, "action:new-action now_ns"),
    35: (combos.CombinationChanged, "account_id action:action lots:lots pairs:pairs now_ns"),
    36: (combos.CombActionReport, "action:action status reason now_ns"),
    37: (combos.CombActionRefused, "account_id terms:comb-terms error_id"),
    38: (rights.AccountReset, "account_id now_ns balances"),
}
MISSING: Final[dict[str, Any]] = {}
"""``Class.argument`` → its value in logs that were written before it was there."""


class Entry:
    """One line of the table, made ready."""

    __slots__ = ("cls", "missing", "names", "number", "parts")

    def __init__(self, number: int, cls: type, text: str) -> None:
        pairs = [item.partition(":") for item in text.split()]
        self.number: int = number
        self.cls: type = cls
        self.names: list[str] = [name for name, _, _ in pairs]
        self.parts: list[Part] = [PARTS[part] for _, _, part in pairs]
        self.missing: list[Any] = [MISSING.get(f"{cls.__name__}.{name}") for name in self.names]

    def out(self, known: Known, event: Any) -> list[Any]:
        """The event as plain values."""
        if self.cls is events.TradeDone:
            return _trade_out(known, event)
        return [part[0](known, getattr(event, name)) for name, part in zip(self.names, self.parts, strict=True)]

    def back(self, known: Known, values: list[Any]) -> Event:
        """The event made again; values beyond those known here are left out."""
        count = len(values)
        made = [
            part[1](known, values[place] if place < count else self.missing[place])
            for place, part in enumerate(self.parts)
        ]
        if self.cls is events.TradeDone:
            made[11] = closed_back(made[0].row, made[11])
            made[0].contract.last = values[15]
        elif self.cls is events.PositionCarried:
            made[1] = known.row(made[0], made[1])
        elif self.cls is combos.CombinationChanged:
            made[2] = lots_back(known, made[0], made[2])
            made[3] = pairs_back(known, made[0], made[3])
        event: Event = self.cls(*made)
        return event


def _trade_out(known: Known, event: Any) -> list[Any]:
    """A fill also says what the instrument's last price was: lots keep it (spec 5.3), and no event says it."""
    entry = ENTRIES[events.TradeDone]
    values = [getattr(event, name) for name in entry.names]
    values[0] = event.order.order_id
    values[11] = closed_out(event.order.row, event.closed)
    values.append(event.order.contract.last)
    return values


ENTRIES: Final[dict[type, Entry]] = {cls: Entry(number, cls, text) for number, (cls, text) in KINDS.items()}
BY_NUMBER: Final[dict[int, Entry]] = {entry.number: entry for entry in ENTRIES.values()}
NAMES: Final[dict[int, str]] = {number: cls.__name__ for number, (cls, _) in KINDS.items()}
"""What a log's header says of its kinds, so that an older reader can name what it does not know."""
