"""Making events again of the log's records (``codec.py``), and having a state apply each."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    HEAD_SIZE,
    INSERTED,
    NOTES,
    NUMBER,
    ORDER_INSERTED,
    ORDER_REPORT,
    REPORT,
    SURROGATES,
    TRADE,
    TRADE_DONE,
    WIDE,
    CodecError,
)
from ctp2.tts.codec_parts import Known
from ctp2.tts.codec_table import BY_NUMBER, NAMES
from ctp2.tts.commands import Common, InsertOrder, ReleasedOrder, shared
from ctp2.tts.conditions import ConditionReport
from ctp2.tts.contract import Contract
from ctp2.tts.events import Event, LotClosed, OrderInserted, OrderReport, TradeDone
from ctp2.tts.orders import Order
from ctp2.tts.state import State


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
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.state: State = state
        self.known: Known = Known(state, None, told_back)
        self.names: dict[int, str] = NAMES if names is None else names
        self._on_note: Callable[[int, bytes], None] | None = on_note
        self._on_trade: Callable[[TradeDone], None] | None = on_trade
        """Told of fills between users, whose market data come of them."""
        self._on_event: Callable[[Event], None] | None = on_event
        """Told of all events but orders accepted, their states and fills."""
        self._texts: dict[int, str] = {0: ""}
        self._commons: dict[int, Common] = {}

    def apply(self, records: bytes) -> list[Event]:
        """Apply the records of one commit; returns their events in order."""
        happened: list[Event] = []
        state = self.state
        at, end = 0, len(records)
        while at < end:
            head: tuple[int, int] = HEAD.unpack_from(records, at)
            kind, size = head
            after = at + HEAD_SIZE + size
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
                other = self._special(kind, records[at + HEAD_SIZE : after])
                if other is not None:
                    state.evolve(other)
                    happened.append(other)
                    if self._on_event is not None:
                        self._on_event(other)
            else:
                event = self._event(kind, records[at + HEAD_SIZE : after], records, at)
                state.evolve(event)
                happened.append(event)
                if self._on_event is not None:
                    self._on_event(event)
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
            self._texts[NUMBER.unpack_from(body)[0]] = body[NUMBER.size :].decode("utf-8", SURROGATES)
        elif kind == DEFINE_CONTRACT:
            number, exchange, code = msgspec.msgpack.decode(body)[:3]
            self.known.contracts[number] = self._contract(exchange, code)
        elif kind == DEFINE_COMMON:
            values: list[Any] = msgspec.msgpack.decode(body)
            last = len(COMMON)
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
        ) = INSERTED.unpack_from(records, at)
        at += INSERTED.size
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
        terms = terms_of(
            common,
            sent_ns,
            order_ref,
            sent_price,
            volume,
            session_req_seq,
            request_id,
            extra[1:] if is_released else None,
        )
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
        ) = REPORT.unpack_from(records, at)
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
        ) = TRADE.unpack_from(records, at)
        order = self.state.orders[order_id]
        row = order.row
        row.contract.last = last
        closed = _NONE_CLOSED
        if count:
            closed = []
            at += TRADE.size
            for _ in range(count):
                part: tuple[int, int, int, int, int, int, int, int] = CLOSED.unpack_from(records, at)
                closed.append(
                    LotClosed(row.lots[part[0]], part[1], part[2], part[3], part[4], part[5], part[6], part[7])
                )
                at += CLOSED_SIZE
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


def terms_of(
    common: Common,
    now_ns: int,
    order_ref: str,
    price: float,
    volume: int,
    session_req_seq: int,
    request_id: int,
    origin: str | None,
) -> InsertOrder:
    """Terms whose common part is known; with an ``origin`` (maybe empty) of an order that the counter released."""
    if origin is not None:
        return _released(common, now_ns, order_ref, price, volume, session_req_seq, request_id, origin)
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
