"""What is kept of an event once it was told: packed numbers, no objects.

Every order leaves several events behind for the rest of the day, for sessions that ask for them again and for queries.
Packed they take 50 bytes each instead of several hundred, and the interpreter's collector sees one object for all of
them: its passes would otherwise grow with the number of orders done and stop the counter for longer and longer
(docs/decisions/0080-memory.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, Final

from ctp2.tts.events import Event, LotClosed, OrderReport, TradeDone
from ctp2.tts.numbered import Numbered

Kept = tuple[Any, ...]
"""A fill: order_id, trade_id, price, volume, sequence_no, trading_day, now_ns, fee."""

_REPORT: Final = Struct("<iBBiiiqqHHqiq")
"""order_id, status, submit, traded, sys_id, sequence_no, exchange_ns, cancel_ns, active_user, reason, price, announced,
now_ns. Codes are characters, ``active_user`` is a place in a table of texts."""
_TRADE: Final = Struct("<iBiqiiHq23x")
"""order_id, kind, trade_id, price, volume, sequence_no, trading_day (a place in a table of texts), now_ns."""
_OTHER: Final = Struct("<iB53x")
"""A place in the list of the events that are kept as they are, and the kind."""
_FILL: Final = Struct("<iiqiiHqq")
"""A trade as its account keeps it: order_id, trade_id, price, volume, sequence_no, trading_day, now_ns, fee."""
_STEP: Final = _REPORT.size
_KIND_AT: Final = 4
_IS_TRADE: Final = 1
_IS_OTHER: Final = 2
"""In the place of a report's status."""


def runs(events: Sequence[Event], private: dict[type, Any]) -> list[list[Event]]:
    """The events whose types ``private`` knows, in order, in runs of one account."""
    result: list[list[Event]] = []
    run: list[Event] = []
    account_id = ""
    for event in events:
        if type(event) not in private:
            continue
        if not run or event.account_id != account_id:
            run = []
            result.append(run)
            account_id = event.account_id
        run.append(event)
    return result


class Texts:
    """Texts by their place: an account's events hold few different ones."""

    __slots__ = ("_places", "_texts")

    def __init__(self) -> None:
        self._places: dict[str, int] = {"": 0}
        self._texts: list[str] = [""]

    def place(self, text: str) -> int:
        """The place of ``text``, made when it is new."""
        if not text:
            return 0
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self._texts)
            self._texts.append(text)
        return place

    def all(self) -> list[str]:
        """The texts in the order of their places."""
        return self._texts

    def text(self, place: int) -> str:
        """The text at ``place``."""
        return self._texts[place]


class Told:
    """What an account was told, in order: states of orders and fills packed, the few others as they are."""

    __slots__ = ("_orders", "_others", "_packed", "_texts")

    def __init__(self, orders: Numbered) -> None:
        self._orders: Numbered = orders
        self._packed: bytearray = bytearray()
        self._others: list[Event] = []
        self._texts: Texts = Texts()

    def __len__(self) -> int:
        return len(self._packed) // _STEP

    def dump(self) -> tuple[bytes, list[str], list[Event]]:
        """All of it, for a snapshot: packed, the texts by their place, and what is kept as it is."""
        return bytes(self._packed), self._texts.all(), self._others

    def restore(self, packed: bytes, texts: list[str], others: list[Event]) -> None:
        """What :meth:`dump` gave."""
        self._packed = bytearray(packed)
        self._others = others
        for text in texts:
            self._texts.place(text)

    def extend(self, events: Sequence[Event]) -> None:
        """Keep more events."""
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Keep one more event."""
        if type(event) is OrderReport:
            packed = _REPORT.pack(
                event.order.order_id,
                ord(event.status),
                ord(event.submit),
                event.traded,
                event.sys_id,
                event.sequence_no,
                event.exchange_ns,
                event.cancel_ns,
                self._texts.place(event.active_user),
                event.reason,
                event.price,
                event.announced,
                event.now_ns,
            )
        elif type(event) is TradeDone:
            packed = _TRADE.pack(
                event.order.order_id,
                _IS_TRADE,
                event.trade_id,
                event.price,
                event.volume,
                event.sequence_no,
                self._texts.place(event.trading_day),
                event.now_ns,
            )
        else:
            packed = _OTHER.pack(len(self._others), _IS_OTHER)
            self._others.append(event)
        self._packed += packed

    def again(self, place: int) -> Event:
        """The event at ``place`` as it was told; what it changed is 0."""
        at = place * _STEP
        kind = self._packed[at + _KIND_AT]
        if kind == _IS_OTHER:
            number: int = _OTHER.unpack_from(self._packed, at)[0]
            return self._others[number]
        return self._trade(at) if kind == _IS_TRADE else self._report(at)

    def _report(self, at: int) -> OrderReport:
        (
            order_id,
            status,
            submit,
            traded,
            sys_id,
            sequence_no,
            exchange_ns,
            cancel_ns,
            user,
            reason,
            price,
            announced,
            now_ns,
        ) = _REPORT.unpack_from(self._packed, at)
        return OrderReport(
            self._orders[order_id],
            chr(status),
            chr(submit),
            traded,
            sys_id,
            sequence_no,
            exchange_ns,
            cancel_ns,
            self._texts.text(user),
            reason,
            0,
            0,
            0,
            price,
            announced,
            now_ns,
        )

    def _trade(self, at: int) -> TradeDone:
        order_id, _, trade_id, price, volume, sequence_no, day, now_ns = _TRADE.unpack_from(self._packed, at)
        kept = (order_id, trade_id, price, volume, sequence_no, self._texts.text(day), now_ns, 0)
        return trade_again(kept, self._orders)


class Trades:
    """An account's fills of the day, in order; of what they did to money and position only the fee is kept.

    The rest follows from the lots (``settlement_lines.py``).
    """

    __slots__ = ("_packed", "_texts")

    def __init__(self) -> None:
        self._packed: bytearray = bytearray()
        self._texts: Texts = Texts()

    def dump(self) -> tuple[bytes, list[str]]:
        """All of it, for a snapshot: packed, and the texts by their place."""
        return bytes(self._packed), self._texts.all()

    def restore(self, packed: bytes, texts: list[str]) -> None:
        """What :meth:`dump` gave."""
        self._packed = bytearray(packed)
        for text in texts:
            self._texts.place(text)

    def add(self, event: TradeDone) -> None:
        """Keep one more fill."""
        self._packed += _FILL.pack(
            event.order.order_id,
            event.trade_id,
            event.price,
            event.volume,
            event.sequence_no,
            self._texts.place(event.trading_day),
            event.now_ns,
            event.fee,
        )

    def __len__(self) -> int:
        return len(self._packed) // _FILL.size

    def __iter__(self) -> Iterator[Kept]:
        for order_id, trade_id, price, volume, sequence_no, day, now_ns, fee in _FILL.iter_unpack(bytes(self._packed)):
            yield order_id, trade_id, price, volume, sequence_no, self._texts.text(day), now_ns, fee


def trade_again(kept: Kept, orders: Numbered) -> TradeDone:
    """The fill as it was told; its amounts are 0."""
    order_id, trade_id, price, volume, sequence_no, trading_day, now_ns, _ = kept
    order = orders[order_id]
    return TradeDone(
        order, trade_id, price, volume, 0, 0, 0, 0, 0, 0, 0, _NONE_CLOSED, sequence_no, trading_day, now_ns
    )


_NONE_CLOSED: list[LotClosed] = []
"""Shared and never changed."""
