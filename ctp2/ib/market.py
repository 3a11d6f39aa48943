"""Market data: subscriptions of clients, their answers, and quotes that are asked for once (spec ib 5.8)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ctp2.core.backend import Event
from ctp2.core.unsupported import convert
from ctp2.ctp.errors import rsp_info
from ctp2.ctp.structs import CThostFtdcSpecificInstrumentField
from ctp2.ib.errors import error_to_ctp, message
from ctp2.ib.parts import Asking, Handler, Refusal
from ctp2.ib.records import LinkLost, Record, Refused
from ctp2.ib.statuses import Statuses
from ctp2.ib.stream import Want
from ctp2.ib.streams import HANDLERS, Streams
from ctp2.ib.symbols import SMART

if TYPE_CHECKING:
    from ctp2.core.backend import Request
    from ctp2.ctp.structs import CThostFtdcRspInfoField
    from ctp2.ib.backend import IbBackend
    from ctp2.ib.link import Link
    from ctp2.ib.resolved import Resolved
    from ctp2.ib.translate_md import Field, Quote

log = logging.getLogger("ctp2.ib")

OK: Final = "CTP:No Error"
"""ErrorMsg of ErrorID 0 on a market data front (ctp-semantics 1.7)."""
DELAYED_OK: Final = "CTP:No Error (delayed 延迟行情)"


class Market:
    """Who gets which ticks. A client's subscriptions outlive its link, and end with :meth:`forget`."""

    def __init__(self, backend: IbBackend) -> None:
        self._backend = backend
        self.statuses = Statuses(backend)
        backend.directory.on_used = self.statuses.found
        self._of_link: dict[Link, Streams] = {}
        self._wants: dict[Asking, dict[str, Want]] = {}

    def on_record(self, link: Link, record: Record) -> None:
        """A tick, a refusal, or a change of the link."""
        streams = self._of_link.get(link) or self.streams(link)
        handler = HANDLERS.get(type(record))
        if handler is not None:
            handler(streams, record)

    def streams(self, link: Link) -> Streams:
        """The streams of a link."""
        found = self._of_link.get(link)
        if found is None:
            found = self._of_link[link] = Streams(self._backend, link, self.statuses)
        return found

    def quote(self, resolved: Resolved) -> Quote | None:
        """What is known of an instrument now from a stream of any link; None without one."""
        for streams in self._of_link.values():
            stream = streams.known(resolved)
            if stream is not None:
                return stream.quote
        return None

    def best(self, resolved: Resolved) -> tuple[float | None, float | None]:
        """The best bid and ask that are known of an instrument now."""
        quote = self.quote(resolved)
        return (quote.bid, quote.ask) if quote is not None else (None, None)

    def field(self, resolved: Resolved) -> Field | None:
        """The record of what is known of an instrument from a stream of any link; None without one."""
        for streams in self._of_link.values():
            stream = streams.known(resolved)
            if stream is not None:
                return streams.field(stream)
        return None

    def streaming(self) -> list[Resolved]:
        """Every instrument that has a stream."""
        found = {stream.resolved.key: stream.resolved for streams in self._of_link.values() for stream in streams.all()}
        return list(found.values())

    def known_ticks(self, session: Asking) -> list[Event]:
        """What a market data client gets at its login: the last tick of everything that it subscribed before."""
        wants = self._wants.get(session, {}).values()
        return [event for want in wants if want.streams is not None for event in want.streams.first_tick(want)]

    def forget(self, session: Asking) -> None:
        """The client is gone, and its subscriptions with it."""
        for want in self._wants.pop(session, {}).values():
            self._leave(want)

    def drop(self, link: Link) -> None:
        """A link is made no more use of."""
        self._of_link.pop(link, None)

    def close(self) -> None:
        """Nothing more is told."""
        self.statuses.close()

    @property
    def is_degraded(self) -> bool:
        """Whether another session of the user has the data (10197)."""
        return any(streams.is_degraded for streams in self._of_link.values())

    # ------------------------------------------------------------------ subscriptions
    def want(self, session: Asking, request: Request, text: str) -> Want:
        """Note that a client wants a text; an earlier want of the same text is replaced when this one has a stream."""
        texts = self._wants.setdefault(session, {})
        want = Want(session, request, text)
        want.replaces = texts.get(text)
        texts[text] = want
        return want

    async def open(self, want: Want) -> CThostFtdcRspInfoField | None:
        """Find and ask for what a client wants → the answer; TWS has a second to refuse. None: the link broke."""
        session = want.session
        try:
            resolved = await self._backend.directory.resolve(session.link, want.text)
            if not self._is_wanted(want):
                return rsp_info(0, OK)
            streams = self.streams(session.link)
            stream = streams.stream(resolved)
            want.streams, want.stream = streams, stream
            stream.wants[want] = None
            self._leave_replaced(want)
            if not stream.opened.done():
                await asyncio.shield(stream.opened)
            if stream.trouble is not None:
                raise stream.trouble
        except LinkLost as error:
            log.info("%s: %s", want.text, error)
            return None
        except Refusal as refusal:
            info = rsp_info(refusal.error_id, refusal.message)
        except Refused as refused:
            info = rsp_info(error_to_ctp(refused.code, refused.text, "q"), message(refused.code, refused.text))
        else:
            return rsp_info(0, DELAYED_OK if stream.quote.is_delayed else OK)
        self._leave_replaced(want)
        if want.stream is None and self._is_wanted(want):
            del self._wants[session][want.text]
        return info

    def _is_wanted(self, want: Want) -> bool:
        return self._wants.get(want.session, {}).get(want.text) is want

    def _leave_replaced(self, want: Want) -> None:
        before, want.replaces = want.replaces, None
        if before is not None:
            self._leave(before)

    def answered(self, want: Want) -> list[Event]:
        """The answer is out: ticks may follow, and what is known follows at once."""
        if want.streams is None or want.stream is None:
            return []
        want.is_answered = True
        return want.streams.first_tick(want)

    def unwant(self, session: Asking, text: str) -> None:
        """The client wants a text no longer."""
        want = self._wants.get(session, {}).pop(text, None)
        if want is not None:
            self._leave(want)

    def give_up(self, wants: Iterable[Want]) -> None:
        """Wants that were never answered."""
        for want in wants:
            if self._is_wanted(want):
                self.unwant(want.session, want.text)

    def _leave(self, want: Want) -> None:
        self._leave_replaced(want)
        if want.streams is not None:
            want.streams.leave(want)


def _answer(request: Request, text: str, info: CThostFtdcRspInfoField, is_last: bool) -> Event:
    field = convert(CThostFtdcSpecificInstrumentField(InstrumentID=text), request.method.response_struct)
    return Event(request.method.response, field, info, request.request_id, is_last=is_last)


async def subscribe(session: Asking, request: Request) -> None:
    """``SubscribeMarketData``: each text is answered by itself, in the client's order."""
    market: Market = session.backend.market
    machine, texts = session.machine, request.field
    connection = machine.connection
    wants = [market.want(session, request, text) for text in texts]
    opening = [asyncio.ensure_future(market.open(want)) for want in wants]
    try:
        for number, (want, work) in enumerate(zip(wants, opening, strict=True)):
            info = await work
            if info is None or not machine.is_connected or machine.connection != connection:
                # The client's link breaks, too: that is the outcome.
                return
            session.put([_answer(request, want.text, info, number == len(texts) - 1)])
            session.put(market.answered(want))
    finally:
        for work in opening:
            work.cancel()
        market.give_up(want for want in wants if not want.is_answered)


def unsubscribe(session: Asking, request: Request) -> None:
    """``UnSubscribeMarketData``: no tick comes behind its answers."""
    market: Market = session.backend.market
    texts = request.field
    for text in texts:
        market.unwant(session, text)
    session.put(_answer(request, text, rsp_info(0, OK), at == len(texts) - 1) for at, text in enumerate(texts))


# ------------------------------------------------------------------ quotes that are asked for


async def depth_market_data(session: Asking, request: Request) -> None:
    """``ReqQryDepthMarketData``: what a stream knows, else a snapshot; without InstrumentID all streams."""
    market: Market = session.backend.market
    field = request.field
    rows = await _one(session, market, field) if field.InstrumentID else _all(session, market, field)
    machine = session.machine
    if machine.is_connected and request.connection in (0, machine.connection):
        session.answer(request, rows)


def _fits(resolved: Resolved, field: Any) -> bool:
    return field.ExchangeID in ("", SMART, resolved.exchange_id) and field.ProductClass in ("", resolved.product_class)


async def _one(session: Asking, market: Market, field: Any) -> list[Field]:
    link = session.link
    resolved = await session.backend.directory.resolve(link, field.InstrumentID)
    if not _fits(resolved, field):
        return []
    made = market.field(resolved)
    if made is None:
        streams = market.streams(link)
        stream = await streams.snapshot(resolved)
        if stream.quote.is_blank:
            return []
        made = streams.field(stream)
    made.InstrumentID = field.InstrumentID
    return [made]


def _all(session: Asking, market: Market, field: Any) -> list[Field]:
    names = session.backend.directory.names_of(session)
    rows = []
    for resolved in market.streaming():
        made = market.field(resolved) if _fits(resolved, field) else None
        if made is not None:
            made.InstrumentID = names.text(resolved)
            rows.append(made)
    return rows


REQUESTS: Final[dict[str, Handler]] = {
    "SubscribeMarketData": subscribe,
    "UnSubscribeMarketData": unsubscribe,
    "ReqQryDepthMarketData": depth_market_data,
}
