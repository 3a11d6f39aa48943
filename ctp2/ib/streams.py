"""The streams of one link: asked for, heard, refused, asked for again (spec ib 3.2, 5.8). On the loop's thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ctp2.core.backend import Event
from ctp2.ctp.errors import rsp_info
from ctp2.ctp.structs import CThostFtdcSpecificInstrumentField
from ctp2.ib import records
from ctp2.ib.depth import ROWS
from ctp2.ib.errors import error_to_ctp, is_notice, message
from ctp2.ib.records import LinkLost, Problem, Refused
from ctp2.ib.stream import Stream, Want
from ctp2.ib.symbols import SMART
from ctp2.ib.translate_md import DELAYED_TYPES, GENERIC_OF, HALTED, BadTick, Field

if TYPE_CHECKING:
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link
    from ctp2.ib.resolved import Resolved
    from ctp2.ib.statuses import Statuses

log = logging.getLogger("ctp2.ib")

OPEN_S: Final = 1.0
"""How long an answer waits for TWS's first sign, and the first tick for bid, ask or last."""
LOOK_S: Final = 0.1
"""How often it is looked whether a question that waits for its turn has gone out."""
SNAPSHOT_S: Final = 11.0
SILENT_S: Final = 10.0
"""After a farm is back, streams that stay silent for so long are asked for again."""
DELAYED: Final = 3
"""``reqMarketDataType``: delayed data where there is no permission for live data."""
DELAYED_SHOWN: Final = 10167
DEPTH_RESET: Final = 317
DEPTH_AGAIN: Final = 316
AGAIN_AFTER_S: Final[dict[int, float]] = {100: 1.0, 10225: 1.0, 10182: SILENT_S, 10197: 60.0}
"""Codes after which a stream is asked for again: too many messages, broken stream, connection lost, another session."""
COMPETING: Final = 10197


def _named(pair: tuple[Field, str]) -> Field:
    """A client's own copy of a tick, under its own text."""
    field = pair[0].__copy__()
    field.InstrumentID = pair[1]
    return field


class Streams:
    """Market data over one link."""

    def __init__(self, backend: IbBackend, link: Link, statuses: Statuses) -> None:
        self._backend = backend
        self._link = link
        self._timers = backend.timers
        self._statuses = statuses
        options = backend.config.options
        self._tz = ZoneInfo(options.tz) if options.tz else None
        self._with_depth = options.depth == "1"
        self._is_delayed = options.data == "delayed"
        self._streams: dict[tuple[int, str], Stream] = {}
        self._by_id: dict[int, Stream] = {}
        self._changed: dict[Stream, None] = {}

    # ------------------------------------------------------------------ streams
    def stream(self, resolved: Resolved) -> Stream:
        """The stream of an instrument, asked for if there is none."""
        found = self._streams.get(resolved.key)
        if found is None:
            found = self._new(resolved)
            self._ask(found)
            self._streams[resolved.key] = found
        return found

    def known(self, resolved: Resolved) -> Stream | None:
        """The stream of an instrument about which something is known."""
        found = self._streams.get(resolved.key)
        return found if found is not None and not found.quote.is_blank else None

    def all(self) -> list[Stream]:
        """Every stream."""
        return list(self._streams.values())

    def leave(self, want: Want) -> None:
        """A want is gone; the last one ends its stream."""
        stream, want.stream = want.stream, None
        if stream is None:
            return
        stream.wants.pop(want, None)
        if not stream.wants:
            self._end(stream)

    def field(self, stream: Stream) -> Field:
        """What is known now."""
        return stream.field(self._timers.now_ns(), self._tz)

    def first_tick(self, want: Want) -> list[Event]:
        """What a want gets behind its answer, where something is known."""
        stream = want.stream
        if (
            stream is None
            or stream.trouble
            or not (stream.quote.is_priced or (stream.is_ready and not stream.quote.is_blank))
        ):
            return []
        # The same as the others had last, with its time, where nothing has come since.
        if stream.told is None or stream in self._changed:
            stream.told = self.field(stream)
        field = stream.told
        return [Event("OnRtnDepthMarketData", (field, want.text), build=_named)]

    async def snapshot(self, resolved: Resolved) -> Stream:
        """What TWS knows of an instrument, asked for once, until it has told all (up to 11 s).

        Raises:
            Refused: TWS does not tell.
            LinkLost: there is no answer.
        """
        stream = self._new(resolved)
        stream.is_snapshot = True
        self._ask(stream)
        stream.alarm = self._timers.later(SNAPSHOT_S, lambda: self._snapshot_late(stream))
        try:
            await stream.opened
        finally:
            self._forget(stream)
        return stream

    def _snapshot_late(self, stream: Stream) -> None:
        if not stream.opened.done():
            log.info("%s: the snapshot has no end after %.0f s", stream.resolved.canonical, SNAPSHOT_S)
            self._cancel(stream)
            stream.opened.set_result(None)

    def _new(self, resolved: Resolved) -> Stream:
        return Stream(resolved, self._link.server_version, asyncio.get_running_loop().create_future())

    def _ask(self, stream: Stream) -> None:
        """Ask TWS for a stream.

        Raises:
            LinkLost: it cannot be asked.
        """
        contract = stream.resolved.contract
        generic = "" if stream.is_snapshot else GENERIC_OF.get(contract.sec_type, "")
        stream.req_id = self._link.market_data(contract, generic, stream.is_snapshot)
        self._by_id[stream.req_id] = stream
        stream.heard_at = self._timers.monotonic()
        if stream.is_snapshot:
            return
        if stream.alarm is not None:
            stream.alarm.cancel()
        self._wait(stream)
        if self._with_depth:
            self._ask_depth(stream)

    def _wait(self, stream: Stream) -> None:
        """TWS's second begins when the question goes out, which may be long after it was put."""
        if self._link.is_unsent(stream.req_id):
            stream.alarm = self._timers.later(LOOK_S, lambda: self._wait(stream))
        else:
            stream.alarm = self._timers.later(OPEN_S, lambda: self._waited(stream))

    def _ask_depth(self, stream: Stream) -> None:
        contract = stream.resolved.contract
        stream.depth_id = self._link.depth(contract, ROWS, contract.exchange == SMART)
        self._by_id[stream.depth_id] = stream

    def _waited(self, stream: Stream) -> None:
        """TWS had its time: whatever is known goes out."""
        stream.alarm = None
        stream.is_ready = True
        _open(stream)
        if not stream.quote.is_blank and not stream.quote.time_ns:
            self._changed[stream] = None
            self.packet_end(None)

    def _end(self, stream: Stream) -> None:
        self._cancel(stream)
        self._forget(stream)
        if self._streams.get(stream.resolved.key) is stream:
            del self._streams[stream.resolved.key]
        _open(stream)

    def _cancel(self, stream: Stream) -> None:
        """Have TWS send no more. What is under way still is of no known number, and not looked at."""
        if stream.req_id and self._link.is_up:
            self._link.cancel_market_data(stream.req_id)
        self._cancel_depth(stream)
        self._by_id.pop(stream.req_id, None)
        stream.req_id = 0

    def _cancel_depth(self, stream: Stream) -> None:
        if stream.depth_id and self._link.is_up:
            self._link.cancel_depth(stream.depth_id, stream.resolved.contract.exchange == SMART)
        self._by_id.pop(stream.depth_id, None)
        stream.depth_id = 0
        stream.quote.book.clear()

    def _forget(self, stream: Stream) -> None:
        if stream.alarm is not None:
            stream.alarm.cancel()
            stream.alarm = None
        self._changed.pop(stream, None)
        for number in (stream.req_id, stream.depth_id):
            self._by_id.pop(number, None)
        stream.req_id = stream.depth_id = 0

    # ------------------------------------------------------------------ again
    def link_up(self, _: Any) -> None:
        """A new connection: everything is asked for, after the kind of data."""
        self._by_id.clear()
        if self._is_delayed:
            self._link.data_type(DELAYED)
        for stream in self.all():
            stream.req_id = stream.depth_id = 0
            self._again(stream)

    def link_down(self, _: Any) -> None:
        """The connection is gone, and with it every request."""
        waiting = [stream for stream in self._by_id.values() if stream.is_snapshot]
        self._by_id.clear()
        self._changed.clear()
        for stream in (*waiting, *self.all()):
            stream.req_id = stream.depth_id = 0
            if stream.alarm is not None:
                stream.alarm.cancel()
                stream.alarm = None
            if not stream.opened.done():
                stream.opened.set_exception(LinkLost("the link is down"))
                stream.opened.exception()  # looked at: perhaps nobody waits

    def restored(self, record: records.Restored) -> None:
        """TWS has IB again: everything anew where data was lost, else what stays silent."""
        if record.is_data_lost:
            for stream in self.all():
                self._again(stream)
        else:
            self.wake_silent(record)

    def wake_silent(self, _: Any) -> None:
        """Streams that send nothing for ten seconds from now are asked for again."""
        since = self._timers.monotonic()
        self._timers.later(SILENT_S, lambda: self._again_if_silent(since))

    def _again_if_silent(self, since: float) -> None:
        for stream in self.all():
            if stream.heard_at <= since:
                log.info("%s: silent; asked for again", stream.resolved.canonical)
                self._again(stream)

    def _again(self, stream: Stream) -> None:
        """Ask for a stream again, under a new number; on a dead link the next one will."""
        known = self._backend.directory.of_con_id(*stream.resolved.key)
        if known is not None and known is not stream.resolved:
            stream.renew(known)
        try:
            self._cancel(stream)
            stream.quote.forget_book()
            self._ask(stream)
        except LinkLost as error:
            log.info("%s: %s; asked for when it is up", stream.resolved.canonical, error)

    def _again_later(self, stream: Stream, seconds: float) -> None:
        number = stream.req_id

        def due() -> None:
            if stream.req_id == number and self._streams.get(stream.resolved.key) is stream:
                self._again(stream)

        self._timers.later(seconds, due)

    # ------------------------------------------------------------------ what TWS tells
    def _heard(self, req_id: int) -> Stream | None:
        stream = self._by_id.get(req_id)
        if stream is not None:
            stream.heard_at = self._timers.monotonic()
            stream.hear(self._timers.now_ns())
        return stream

    def _took(self, stream: Stream, changed: bool) -> None:
        if changed:
            self._changed[stream] = None
            stream.trouble = None
        if not stream.opened.done() and not stream.is_snapshot:
            _open(stream)

    def _tick_price(self, tick: records.TickPrice) -> None:
        if (stream := self._heard(tick.req_id)) is not None:
            self._took(stream, stream.quote.on_price(tick))

    def _tick_size(self, tick: records.TickSize) -> None:
        if (stream := self._heard(tick.req_id)) is not None:
            self._took(stream, stream.quote.on_size(tick))

    def _tick_option(self, tick: records.TickOption) -> None:
        if (stream := self._heard(tick.req_id)) is not None:
            self._took(stream, stream.quote.on_option(tick))

    def _tick_string(self, tick: records.TickString) -> None:
        stream = self._heard(tick.req_id)
        if stream is None:
            return
        try:
            changed = stream.quote.on_string(tick)
        except BadTick as error:
            changed = False
            stream.failures += 1
            level = logging.WARNING if stream.failures == 1 else logging.DEBUG
            log.log(level, "%s: %s; left out", stream.resolved.canonical, error)
        self._took(stream, changed)

    def _tick_generic(self, tick: records.TickGeneric) -> None:
        stream = self._heard(tick.req_id)
        if stream is None:
            return
        # -1: TWS does not know.
        if tick.type in HALTED and tick.value >= 0:
            self._statuses.halt(stream.resolved, int(tick.value))
        self._took(stream, False)

    def _data_type(self, record: records.DataType) -> None:
        if (stream := self._heard(record.req_id)) is not None:
            # No sign that the stream is granted: a refusal may still follow.
            stream.quote.is_delayed = record.type in DELAYED_TYPES

    def _depth_row(self, row: records.DepthRow) -> None:
        if (stream := self._heard(row.req_id)) is not None:
            self._took(stream, stream.quote.book.apply(row))

    def _snapshot_end(self, record: records.SnapshotEnd) -> None:
        stream = self._by_id.get(record.req_id)
        if stream is not None and stream.is_snapshot:
            _open(stream)

    def packet_end(self, _: Any) -> None:
        """One tick per instrument that changed in this packet."""
        if not self._changed:
            return
        waiting, self._changed = self._changed, {}
        batches: dict[Any, list[Event]] = {}
        for stream in waiting:
            if stream.is_snapshot or not (stream.is_ready or stream.quote.is_priced):
                continue
            pair: Field | None = None
            for want in stream.wants:
                session = want.session
                if want.is_answered and session.machine.is_logged_in:
                    pair = pair or self.field(stream)
                    event = Event("OnRtnDepthMarketData", (pair, want.text), build=_named)
                    batches.setdefault(session, []).append(event)
            stream.told = pair
        for session, events in batches.items():
            session.put(events)

    # ------------------------------------------------------------------ refusals
    def problem(self, problem: Problem) -> None:
        """TWS says something about a request; that of one that is over (300 after a cancel) is not looked at."""
        stream = self._by_id.get(problem.req_id)
        if stream is None:
            return
        log.info("%s: IB%d:%s", stream.resolved.canonical, problem.code, problem.text)
        if problem.req_id == stream.depth_id:
            self._depth_problem(stream, problem)
        elif is_notice(problem.code):
            if problem.code == DELAYED_SHOWN:
                stream.quote.is_delayed = True
        elif problem.code in AGAIN_AFTER_S and not stream.is_snapshot:
            self._trouble(stream, problem)
        elif stream.is_snapshot:
            stream.opened.set_exception(Refused(problem.code, problem.text))
            self._forget(stream)
        else:
            self._refuse(stream, problem)

    def _depth_problem(self, stream: Stream, problem: Problem) -> None:
        """Without depth level 1 goes on; 317 empties the book, 316 has it told anew."""
        if problem.code == DEPTH_RESET:
            if stream.quote.book.clear():
                self._changed[stream] = None
        elif problem.code == DEPTH_AGAIN:
            self._cancel_depth(stream)
            self._changed[stream] = None
            self._ask_depth(stream)
        elif not is_notice(problem.code):
            log.warning("%s: no market depth: IB%d:%s", stream.resolved.canonical, problem.code, problem.text)
            self._by_id.pop(stream.depth_id, None)
            stream.depth_id = 0
            if stream.quote.book.clear():
                self._changed[stream] = None

    def _trouble(self, stream: Stream, problem: Problem) -> None:
        """The stream is asked for again by itself; of another session that has the data the client is told once."""
        if problem.code == COMPETING and stream.trouble is None:
            stream.trouble = Refused(problem.code, problem.text)
            log.warning("market data goes to another session of the same user: IB%d:%s", problem.code, problem.text)
            self._tell(stream, problem)
        self._again_later(stream, AGAIN_AFTER_S[problem.code])

    def _refuse(self, stream: Stream, problem: Problem) -> None:
        wants = list(stream.wants)
        self._tell(stream, problem)
        for want in wants:
            want.stream = None
        stream.wants.clear()
        stream.req_id = 0
        self._by_id.pop(problem.req_id, None)
        self._end(stream)

    def _tell(self, stream: Stream, problem: Problem) -> None:
        """The subscription's answer is an error, or, where it was answered already, there is a second one."""
        if not stream.opened.done():
            stream.opened.set_exception(Refused(problem.code, problem.text))
            stream.opened.exception()
        info = rsp_info(error_to_ctp(problem.code, problem.text, "q"), message(problem.code, problem.text))
        for want in stream.wants:
            if want.is_answered and want.session.machine.is_logged_in:
                field = CThostFtdcSpecificInstrumentField(InstrumentID=want.text)
                want.session.put([Event("OnRspSubMarketData", field, info, want.request.request_id)])

    @property
    def is_degraded(self) -> bool:
        """Whether another session has the data of a stream."""
        return any(stream.trouble for stream in self._streams.values())


def _open(stream: Stream) -> None:
    if not stream.opened.done():
        stream.opened.set_result(None)


HANDLERS: Final[dict[type, Callable[[Streams, Any], None]]] = {
    records.TickPrice: Streams._tick_price,
    records.TickSize: Streams._tick_size,
    records.TickString: Streams._tick_string,
    records.TickGeneric: Streams._tick_generic,
    records.TickOption: Streams._tick_option,
    records.DataType: Streams._data_type,
    records.DepthRow: Streams._depth_row,
    records.SnapshotEnd: Streams._snapshot_end,
    records.PacketEnd: Streams.packet_end,
    records.Problem: Streams.problem,
    records.LinkUp: Streams.link_up,
    records.LinkDown: Streams.link_down,
    records.Restored: Streams.restored,
    records.FarmBack: Streams.wake_silent,
}
"""What they do with a record."""
