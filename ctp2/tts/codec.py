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

import json
from collections.abc import Callable, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812  # a class
from typing import Any, Final

import msgspec

from ctp2.tts.codec_parts import Known, place_of
from ctp2.tts.codec_table import BY_NUMBER, ENTRIES, NAMES
from ctp2.tts.commands import Common, InsertOrder, ReleasedOrder, shared
from ctp2.tts.conditions import ConditionReport
from ctp2.tts.contract import Contract
from ctp2.tts.events import Event, LotClosed, OrderInserted, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.state import State

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

_HEAD: Final = Struct("<BI")
_HEAD_SIZE: Final = _HEAD.size
_INSERTED: Final = Struct("<BIiIIIBBBBidiiqqqqqqqqIBBB")
"""Head; order_id, account, instrument, common, is it released, side, hedge, is_history, volume, price as sent,
session_req_seq, request_id, ref_number, price, freeze_price, premium, frozen_margin, frozen_fee, sent at, now_ns,
trading_day; lengths of the texts that follow: OrderRef as sent, as given, offset and origin."""
_REPORT: Final = Struct("<BIiBBiiiqqIHiqqqiq")
"""Head; order_id, status, submit, traded, sys_id, sequence_no, exchange_ns, cancel_ns, active_user, reason,
released_volume, released_margin, released_fee, price, announced, now_ns."""
_TRADE: Final = Struct("<BIiiqiqqiqqqqiIqqI")
"""Head; order_id, trade_id, price, volume, turnover, fee, close_today, margin, exchange_margin, unfrozen_margin,
unfrozen_fee, sequence_no, trading_day, now_ns, the instrument's last price; how many lots it closed."""
_CLOSED: Final = Struct("<iiqqqqqq")
"""Place of the lot, volume, cost, open_cost, profit_by_date, profit_by_trade, margin, exchange_margin."""
_NUMBER: Final = Struct("<I")
_INSERTED_BODY: Final = _INSERTED.size - _HEAD_SIZE
_REPORT_BODY: Final = _REPORT.size - _HEAD_SIZE
_TRADE_BODY: Final = _TRADE.size - _HEAD_SIZE
_CLOSED_SIZE: Final = _CLOSED.size
_MANY_COMMONS: Final = 4096
"""Terms in common that are known by number; beyond it the numbers begin anew."""
_COMMON: Final = (
    "front_id session_id account_id investor_id user_id exchange instrument direction comb_offset price_type"
    " time_condition volume_condition min_volume contingent stop_price comb_hedge force_close_reason is_auto_suspend"
    " is_swap user_force_close echo"
).split()


_CANNOT: Final = (StructError, TypeError, OverflowError, UnicodeEncodeError)
"""What a fixed form or MessagePack raise for a value that they cannot hold."""
_SURROGATES: Final = "surrogatepass"
"""What is no text stays what it is."""


class CodecError(Exception):
    """A log that this version cannot read, or that does not fit the counter which reads it."""


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
        self.out += _HEAD.pack(kind, len(body))
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
            self.note(DEFINE_TEXT, _NUMBER.pack(number) + text.encode("utf-8", _SURROGATES))
        return number

    def _common(self, common: Common) -> int:
        number = self._commons.get(common)
        if number is None:
            if len(self._commons) >= _MANY_COMMONS:
                self._commons.clear()
            number = len(self._commons)
            self.note(DEFINE_COMMON, self._pack([number, *[getattr(common, name) for name in _COMMON]]))
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
            head = _INSERTED.pack(
                ORDER_INSERTED,
                _INSERTED_BODY + len(ref) + len(given) + len(extra),
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
            self.out += _REPORT.pack(
                kind,
                _REPORT_BODY,
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
            packed = _TRADE.pack(
                TRADE_DONE,
                _TRADE_BODY + len(closed) * _CLOSED_SIZE,
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
                    packed += _CLOSED.pack(
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


class Decoder:
    """Makes events again and has the state apply each.

    ``names`` are the log's own names of its kinds, ``on_note`` is given every note.
    """

    def __init__(
        self,
        state: State,
        told_back: Callable[[Any], Any] | None = None,
        names: dict[int, str] | None = None,
        on_note: Callable[[int, bytes], None] | None = None,
        on_trade: Callable[[TradeDone], None] | None = None,
    ) -> None:
        self.state: State = state
        self.known: Known = Known(state, None, told_back)
        self.names: dict[int, str] = NAMES if names is None else names
        self._on_note: Callable[[int, bytes], None] | None = on_note
        self._on_trade: Callable[[TradeDone], None] | None = on_trade
        """Told of fills between users, whose market data come of them."""
        self._texts: dict[int, str] = {0: ""}
        self._commons: dict[int, Common] = {}

    def apply(self, records: bytes) -> list[Event]:
        """Apply the records of one commit; returns their events in order."""
        happened: list[Event] = []
        state = self.state
        at, end = 0, len(records)
        while at < end:
            head: tuple[int, int] = _HEAD.unpack_from(records, at)
            kind, size = head
            after = at + _HEAD_SIZE + size
            if kind == ORDER_REPORT:
                report = self._report(records, at)
                state.on_order_report(report)
                happened.append(report)
            elif kind == TRADE_DONE:
                trade = self._trade(records, at)
                state.on_trade_done(trade)
                happened.append(trade)
                if self._on_trade is not None and trade.order.row.contract.is_matched:
                    self._on_trade(trade)
            elif kind == ORDER_INSERTED:
                inserted = self._inserted(records, at)
                state.on_order_inserted(inserted)
                happened.append(inserted)
            elif kind >= WIDE:
                other = self._special(kind, records[at + _HEAD_SIZE : after])
                if other is not None:
                    state.evolve(other)
                    happened.append(other)
            else:
                event = self._event(kind, records[at + _HEAD_SIZE : after], records, at)
                state.evolve(event)
                happened.append(event)
            at = after
        return happened

    # ------------------------------------------------------------------ the rest
    def _event(self, kind: int, body: bytes, records: bytes, at: int) -> Event:
        if kind == CONDITION_REPORT:
            return self._condition(records, at)
        entry = BY_NUMBER.get(kind)
        if entry is None:
            name = self.names.get(kind, "")
            raise CodecError(
                f"it holds an event of kind {kind} ({name or 'no name'}), which this version does not know"
            )
        return entry.back(self.known, msgspec.msgpack.decode(body))

    def _special(self, kind: int, body: bytes) -> Event | None:
        if kind >= NOTES:
            if self._on_note is not None:
                self._on_note(kind, body)
        elif kind == DEFINE_TEXT:
            self._texts[_NUMBER.unpack_from(body)[0]] = body[_NUMBER.size :].decode("utf-8", _SURROGATES)
        elif kind == DEFINE_CONTRACT:
            number, exchange, code = msgspec.msgpack.decode(body)[:3]
            self.known.contracts[number] = self._contract(exchange, code)
        elif kind == DEFINE_COMMON:
            values: list[Any] = msgspec.msgpack.decode(body)
            last = len(_COMMON)
            self._commons[values[0]] = shared((*values[1:last], tuple(values[last])))
        elif kind == WIDE:
            number, values = json.loads(body)[:2]
            return BY_NUMBER[number].back(self.known, values)
        else:
            name = self.names.get(kind, "")
            raise CodecError(
                f"it holds a record of kind {kind} ({name or 'no name'}), which this version does not know"
            )
        return None

    def _contract(self, exchange: str, code: str) -> Contract:
        state = self.state
        contract = state.by_key.get((exchange, code))
        if contract is None:
            state.named(code)  # a listed instrument becomes one when it is first asked for
            contract = state.by_key.get((exchange, code))
        if contract is None:
            raise CodecError(f"it holds orders or positions in {code} of {exchange}, which this counter does not list")
        return contract

    # ------------------------------------------------------------------ the three
    def _inserted(self, records: bytes, at: int) -> OrderInserted:
        (
            _,
            _,
            order_id,
            account_number,
            contract_number,
            common_number,
            is_released,
            side,
            hedge,
            is_history,
            volume,
            sent_price,
            session_req_seq,
            request_id,
            ref_number,
            price,
            freeze_price,
            premium,
            frozen_margin,
            frozen_fee,
            sent_ns,
            now_ns,
            day,
            ref_size,
            given_size,
            extra_size,
        ) = _INSERTED.unpack_from(records, at)
        at += _INSERTED.size
        order_ref = records[at : at + ref_size].decode()
        at += ref_size
        given = records[at : at + given_size].decode() if given_size else order_ref
        at += given_size
        extra = records[at : at + extra_size].decode()
        common = self._commons[common_number]
        account = self.state.accounts[self._texts[account_number]]
        contract = self.known.contracts[contract_number]
        key = (contract.index, chr(side), chr(hedge), bool(is_history))
        row = account.rows.get(key)
        if row is None:
            row = self.known.row(account, (contract_number, key[1], key[2], key[3]))
        if is_released:
            terms: InsertOrder = _released(
                common, sent_ns, order_ref, sent_price, volume, session_req_seq, request_id, extra[1:]
            )
        else:
            terms = _sent(common, sent_ns, order_ref, sent_price, volume, session_req_seq, request_id)
        order = Order(
            order_id,
            terms,
            account,
            contract,
            row,
            given,
            extra[:1],
            key[2],
            price,
            freeze_price,
            self._texts[day],
            premium,
        )
        return OrderInserted(order, ref_number, frozen_margin, frozen_fee, now_ns)

    def _report(self, records: bytes, at: int) -> OrderReport:
        (
            _,
            _,
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
            released_volume,
            released_margin,
            released_fee,
            price,
            announced,
            now_ns,
        ) = _REPORT.unpack_from(records, at)
        return OrderReport(
            self.state.orders[order_id],
            chr(status),
            chr(submit),
            traded,
            sys_id,
            sequence_no,
            exchange_ns,
            cancel_ns,
            self._texts[user] if user else "",
            reason,
            released_volume,
            released_margin,
            released_fee,
            price,
            announced,
            now_ns,
        )

    def _condition(self, records: bytes, at: int) -> ConditionReport:
        one = self._report(records, at)
        return ConditionReport(
            one.order,
            one.status,
            one.submit,
            one.traded,
            one.sys_id,
            one.sequence_no,
            one.exchange_ns,
            one.cancel_ns,
            one.active_user,
            one.reason,
            one.released_volume,
            one.released_margin,
            one.released_fee,
            one.price,
            one.announced,
            one.now_ns,
        )

    def _trade(self, records: bytes, at: int) -> TradeDone:
        (
            _,
            _,
            order_id,
            trade_id,
            price,
            volume,
            turnover,
            fee,
            close_today,
            margin,
            exchange_margin,
            unfrozen_margin,
            unfrozen_fee,
            sequence_no,
            day,
            now_ns,
            last,
            count,
        ) = _TRADE.unpack_from(records, at)
        order = self.state.orders[order_id]
        row = order.row
        row.contract.last = last
        closed = _NONE_CLOSED
        if count:
            closed = []
            at += _TRADE.size
            for _ in range(count):
                part: tuple[int, int, int, int, int, int, int, int] = _CLOSED.unpack_from(records, at)
                closed.append(
                    LotClosed(row.lots[part[0]], part[1], part[2], part[3], part[4], part[5], part[6], part[7])
                )
                at += _CLOSED_SIZE
        return TradeDone(
            order,
            trade_id,
            price,
            volume,
            turnover,
            fee,
            close_today,
            margin,
            exchange_margin,
            unfrozen_margin,
            unfrozen_fee,
            closed,
            sequence_no,
            self._texts[day],
            now_ns,
        )


_NONE_CLOSED: Final[list[LotClosed]] = []
"""Shared and never changed."""


def _sent(
    common: Common, now_ns: int, order_ref: str, price: float, volume: int, session_req_seq: int, request_id: int
) -> InsertOrder:
    """Terms whose common part is known."""
    return InsertOrder(
        now_ns,
        0,
        0,
        "",
        "",
        "",
        "",
        "",
        order_ref,
        "",
        "",
        price,
        volume,
        session_req_seq=session_req_seq,
        request_id=request_id,
        common=common,
    )


def _released(
    common: Common,
    now_ns: int,
    order_ref: str,
    price: float,
    volume: int,
    session_req_seq: int,
    request_id: int,
    origin: str,
) -> ReleasedOrder:
    return ReleasedOrder(
        now_ns,
        common.front_id,
        common.session_id,
        common.account_id,
        common.investor_id,
        common.user_id,
        common.exchange,
        common.instrument,
        order_ref,
        common.direction,
        common.comb_offset,
        price,
        volume,
        common.price_type,
        common.time_condition,
        common.volume_condition,
        common.min_volume,
        common.contingent,
        common.stop_price,
        common.comb_hedge,
        common.force_close_reason,
        common.is_auto_suspend,
        common.is_swap,
        common.user_force_close,
        session_req_seq,
        request_id,
        common.echo,
        origin,
    )
