"""Writing events as the log's records (``codec.py``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from struct import error as StructError  # noqa: N812  # a class
from typing import Any, Final

import msgspec

from ctp2.tts.codec import (
    CLOSED,
    CLOSED_SIZE,
    COMMON,
    CONDITION_REPORT,
    DEFINE_COMMON,
    DEFINE_CONTRACT,
    DEFINE_TEXT,
    HEAD,
    INSERTED,
    INSERTED_BODY,
    NUMBER,
    ORDER_INSERTED,
    ORDER_REPORT,
    REPORT,
    REPORT_BODY,
    SURROGATES,
    TRADE,
    TRADE_BODY,
    TRADE_DONE,
    WIDE,
)
from ctp2.tts.codec_parts import Known, place_of
from ctp2.tts.codec_table import ENTRIES
from ctp2.tts.commands import Common, ReleasedOrder
from ctp2.tts.conditions import ConditionReport
from ctp2.tts.events import Event, OrderInserted, OrderReport, TradeDone
from ctp2.tts.state import State

_MANY_COMMONS: Final = 4096
"""Terms in common that are known by number; beyond it the numbers begin anew."""
_CANNOT: Final = (StructError, TypeError, OverflowError, UnicodeEncodeError)
"""What a fixed form or MessagePack raise for a value that they cannot hold."""


class Encoder:
    """Writes events about one state; ``out`` holds what was written since it was last taken."""

    def __init__(self, state: State, told_out: Callable[[Any], Any] | None = None) -> None:
        self.state: State = state
        self.known: Known = Known(state, told_out)
        self.out: bytearray = bytearray()
        self._texts: dict[str, int] = {"": 0}
        self._commons: dict[Common, int] = {}
        self._contracts: int = 0
        self._pack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode

    def take(self) -> bytes:
        """What was written; then nothing is left."""
        taken = bytes(self.out)
        self.out.clear()
        return taken

    def add(self, happened: Sequence[Event]) -> None:
        """Write events; the state has applied them."""
        if self._contracts < len(self.state.contracts):
            self._define_contracts()
        for event in happened:
            if type(event) is OrderReport:
                self._report(ORDER_REPORT, event)
            elif type(event) is TradeDone:
                self._trade(event)
            elif type(event) is OrderInserted:
                self._inserted(event)
            elif type(event) is ConditionReport:
                self._report(CONDITION_REPORT, event)
            else:
                self._other(event)

    def note(self, kind: int, body: bytes) -> None:
        """Write a note."""
        self.out += HEAD.pack(kind, len(body))
        self.out += body

    def define_instruments(self) -> None:
        """Write the instruments that are new, in their order, though no event is about them yet."""
        if self._contracts < len(self.state.contracts):
            self._define_contracts()

    # ------------------------------------------------------------------ definitions
    def _define_contracts(self) -> None:
        contracts = self.state.contracts
        while self._contracts < len(contracts):
            contract = contracts[self._contracts]
            body = self._pack([self._contracts, contract.exchange, contract.code])
            self.note(DEFINE_CONTRACT, body)
            self.known.contracts[self._contracts] = contract
            self._contracts += 1

    def _text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            number = self._texts[text] = len(self._texts)
            self.note(DEFINE_TEXT, NUMBER.pack(number) + text.encode("utf-8", SURROGATES))
        return number

    def _common(self, common: Common) -> int:
        number = self._commons.get(common)
        if number is None:
            if len(self._commons) >= _MANY_COMMONS:
                self._commons.clear()
            number = len(self._commons)
            self.note(DEFINE_COMMON, self._pack([number, *[getattr(common, name) for name in COMMON]]))
            self._commons[common] = number
        return number

    # ------------------------------------------------------------------ events
    def _inserted(self, event: OrderInserted) -> None:
        order = event.order
        terms = order.terms
        row = order.row
        ref = terms.order_ref.encode()
        given = b"" if order.rare is None else order.rare.order_ref.encode()
        extra = order.offset.encode()
        is_released = 0
        if isinstance(terms, ReleasedOrder):
            is_released = 1
            extra += terms.origin.encode()
        try:
            account = self._text(event.account_id)
            common = self._common(terms.common)
            day = self._text(order.trading_day)
            head = INSERTED.pack(
                ORDER_INSERTED,
                INSERTED_BODY + len(ref) + len(given) + len(extra),
                order.order_id,
                account,
                row.contract.index,
                common,
                is_released,
                ord(row.side),
                ord(row.hedge),
                row.is_history,
                terms.volume,
                terms.price,
                terms.session_req_seq,
                terms.request_id,
                event.ref_number,
                order.price,
                order.freeze_price,
                order.premium,
                event.frozen_margin,
                event.frozen_fee,
                terms.now_ns,
                event.now_ns,
                day,
                len(ref),
                len(given),
                len(extra),
            )
        except _CANNOT:
            self._wide(event)
            return
        self.out += head
        self.out += ref
        if given:
            self.out += given
        self.out += extra

    def _report(self, kind: int, event: OrderReport) -> None:
        user = event.active_user
        try:
            self.out += REPORT.pack(
                kind,
                REPORT_BODY,
                event.order.order_id,
                ord(event.status),
                ord(event.submit),
                event.traded,
                event.sys_id,
                event.sequence_no,
                event.exchange_ns,
                event.cancel_ns,
                self._text(user) if user else 0,
                event.reason,
                event.released_volume,
                event.released_margin,
                event.released_fee,
                event.price,
                event.announced,
                event.now_ns,
            )
        except _CANNOT:
            self._wide(event)

    def _trade(self, event: TradeDone) -> None:
        order = event.order
        closed = event.closed
        day = self._text(event.trading_day)
        try:
            packed = TRADE.pack(
                TRADE_DONE,
                TRADE_BODY + len(closed) * CLOSED_SIZE,
                order.order_id,
                event.trade_id,
                event.price,
                event.volume,
                event.turnover,
                event.fee,
                event.close_today,
                event.margin,
                event.exchange_margin,
                event.unfrozen_margin,
                event.unfrozen_fee,
                event.sequence_no,
                day,
                event.now_ns,
                order.row.contract.last,
                len(closed),
            )
            if closed:
                row = order.row
                near = row.first_lot
                for part in closed:
                    place = place_of(row, part.lot, near)
                    near = place + 1
                    packed += CLOSED.pack(
                        place,
                        part.volume,
                        part.cost,
                        part.open_cost,
                        part.profit_by_date,
                        part.profit_by_trade,
                        part.margin,
                        part.exchange_margin,
                    )
        except _CANNOT:
            self._wide(event)
            return
        self.out += packed

    def _other(self, event: Event) -> None:
        entry = ENTRIES[type(event)]
        values = entry.out(self.known, event)
        try:
            body = self._pack(values)
        except _CANNOT:
            self._wide(event)
            return
        self.note(entry.number, body)

    def _wide(self, event: Event) -> None:
        """Something is beyond 64 bits (possible with ``checks=off``), or no text: as JSON, which holds anything."""
        entry = ENTRIES[type(event)]
        self.note(WIDE, json.dumps([entry.number, entry.out(self.known, event)]).encode())
