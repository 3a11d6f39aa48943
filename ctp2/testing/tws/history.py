"""Historical data, kept up to date if asked, five-second bars, and the chain of options (spec ib 6.3, 6.5, 6.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ctp2.testing.tws import bars, replies
from ctp2.testing.tws.kinds import zone_or_utc
from ctp2.testing.tws.limits import PACING_TEXT, Pacing
from ctp2.testing.tws.lists import NO_DEFINITION
from ctp2.testing.tws.market import NOT_SUBSCRIBED
from ctp2.testing.tws.market_script import NOTHING
from ctp2.testing.tws.quotes import NS, Quotes
from ctp2.testing.tws.ticks import size_for

if TYPE_CHECKING:
    from ctp2.testing.tws.client_session import ClientSession, Handler
    from ctp2.testing.tws.contracts import Listed
    from ctp2.testing.tws.replies import Bar
    from ctp2.testing.tws.requests import Request
    from ctp2.testing.tws.world import World

NO_DATA: Final = "Historical Market Data Service error message:HMDS query returned no data: {}"
CANCELLED: Final = "Historical Market Data Service error message:API historical data query cancelled: {}"
NO_QUERY: Final = "Historical Market Data Service query message:No historical data query found for ticker id:{}"
REALTIME_S: Final = 5


@dataclass(slots=True)
class Growing:
    """A stream of bars that grow with the trades: five seconds each, or as a request is kept up to date."""

    session: ClientSession
    req_id: int
    listed: Listed
    length_s: int
    format_date: int
    is_realtime: bool
    start_s: int = 0
    prices: tuple[float, float, float, float] | None = None
    """Open, high, low, close."""
    volume: float = 0.0
    turnover: float = 0.0
    count: int = 0

    def trade(self, price: float, size: float) -> None:
        """One more trade."""
        open_, high, low, _ = self.prices or (price, price, price, price)
        self.prices = open_, max(high, price), min(low, price), price
        self.volume += size
        self.turnover += price * size
        self.count += 1

    def bar(self, date: str) -> Bar:
        """What was traded so far; nothing traded: the last price, 0."""
        assert self.prices is not None
        average = self.turnover / self.volume if self.volume else self.prices[3]
        return date, *self.prices, size_for(self.session.version, self.volume), round(average, 8), self.count

    def begin(self, now_s: int) -> None:
        """A new bar, which opens where the last one closed."""
        self.start_s = now_s - now_s % self.length_s
        if self.prices is not None:
            self.prices = (self.prices[3],) * 4
        self.volume = self.turnover = 0.0
        self.count = 0


class History:
    """Requests 20, 25, 50, 51 and 78."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.quotes: Quotes = world.parts["quotes"].quotes
        self.quotes.listen(self._traded)
        self._growing: dict[tuple[int, int], Growing] = {}
        world.on_close.append(self._closed)
        self._plan()

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this part answers."""
        return {
            "reqHistoricalData": self.historical_data,
            "cancelHistoricalData": self.cancel_history,
            "reqRealTimeBars": self.realtime_bars,
            "cancelRealTimeBars": self.cancel_bars,
            "reqSecDefOptParams": self.option_chain,
        }

    # ------------------------------------------------------------------ requests
    def historical_data(self, session: ClientSession, request: Request) -> None:
        """All bars of a period; pacing, 162; what cannot be read, 321; an unknown contract, 200."""
        req_id = request.req_id
        listed = self._listed(session, request)
        if listed is None:
            return
        kind, size, end = request.text("whatToShow"), request.text("barSize"), request.text("endDateTime")
        contract = (listed.con_id, request.text("exchange"), kind)
        identical = (*contract, size, request.text("duration"), end, request.flag("useRTH"))
        if not self._pacing(session).takes(self._now_s(), identical, contract):
            session.error(req_id, 162, PACING_TEXT)
            return
        try:
            until = bars.ending(end, self.world.script.zone, self.world.now())
            count, length = bars.count_of(request.text("duration"), size)
        except bars.BadBars as bad:
            session.error(req_id, 321, f"Error validating request:-'bM' : cause - {bad}")
            return
        if kind not in bars.KINDS or (kind == "TRADES" and listed.sec_type == "CASH"):
            session.error(req_id, 162, NO_DATA.format(f"{listed.local_symbol}@{listed.exchange} {kind}"))
            return
        self._answer(session, request, listed, bars.before(listed, self.world.script.seed, until, count, length, kind))
        if request.flag("keepUpToDate"):
            growing = Growing(
                session, req_id, listed, int(length.total_seconds()), request.integer("formatDate"), False
            )
            growing.begin(int(self._now_s()))
            self._growing[session.number, req_id] = growing

    def cancel_history(self, session: ClientSession, request: Request) -> None:
        """The end of a request that is kept up to date; 366 if there is none."""
        if self._growing.pop((session.number, request.req_id), None) is None:
            session.error(request.req_id, 366, NO_QUERY.format(request.req_id))
        else:
            session.error(request.req_id, 162, CANCELLED.format(request.req_id))

    def realtime_bars(self, session: ClientSession, request: Request) -> None:
        """A bar every five seconds."""
        listed = self._listed(session, request)
        if listed is None:
            return
        kind = request.text("whatToShow")
        if request.integer("barSize") != REALTIME_S or kind not in bars.KINDS:
            session.error(request.req_id, 321, "Error validating request:-'bM' : cause - bars of 5 seconds alone")
            return
        growing = Growing(session, request.req_id, listed, REALTIME_S, 2, True)
        quote = self.quotes.of(listed)
        price = quote.last if quote.last is not None else quote.mark
        growing.prices = None if price is None else (price,) * 4
        growing.begin(int(self._now_s()))
        self._growing[session.number, request.req_id] = growing

    def cancel_bars(self, session: ClientSession, request: Request) -> None:
        """The end of five-second bars; 300 if there are none."""
        if self._growing.pop((session.number, request.req_id), None) is None:
            session.error(request.req_id, 300, f"Can't find EId with tickerId:{request.req_id}")

    def option_chain(self, session: ClientSession, request: Request) -> None:
        """Per exchange and trading class: the expiries and strikes that are listed; the end alone if none are."""
        exchange = request.text("futFopExchange")
        wanted = ("FOP",) if exchange else ("OPT", "WAR")
        found = [
            one
            for one in self.world.contracts
            if one.sec_type in wanted and one.under_con_id == request.integer("underConId")
        ]
        classes = sorted({(one.trading_class, one.multiplier) for one in found})
        for name, multiplier in classes:
            own = [one for one in found if (one.trading_class, one.multiplier) == (name, multiplier)]
            expiries, strikes = sorted({one.date for one in own}), sorted({one.strike for one in own})
            for venue in [exchange] if exchange else sorted(set().union(*(one.exchanges for one in own))):
                head = (request.req_id, venue, request.integer("underConId"), name, multiplier)
                session.send(replies.option_chain(*head, expiries, strikes))
        session.send(replies.option_chain_end(request.req_id))

    # ------------------------------------------------------------------ inside
    def _listed(self, session: ClientSession, request: Request) -> Listed | None:
        found: list[Listed] = self.world.contracts.find(request.values)
        if len(found) != 1:
            session.error(request.req_id, 200, NO_DEFINITION)
            return None
        if self.world.script.market.permission_for(found[0].symbol, found[0].con_id) == NOTHING:
            code = 354 if request.name == "reqRealTimeBars" else 162
            session.error(request.req_id, code, NOT_SUBSCRIBED)
            return None
        return found[0]

    def _answer(self, session: ClientSession, request: Request, listed: Listed, made: list[Bar]) -> None:
        zone = zone_or_utc(listed.time_zone)
        style = request.integer("formatDate") or 1
        told = [(bars.shown_date(one[0], style, zone), *one[1:]) for one in made]
        session.send(replies.historical_data(request.req_id, told[0][0], told[-1][0], told))

    def _pacing(self, session: ClientSession) -> Pacing:
        pacing: Pacing = session.state.setdefault("pacing", Pacing(self.world.script.market.limits))
        return pacing

    def _now_s(self) -> float:
        return self.world.clock.now_ns() / NS

    def _traded(self, listed: Listed, names: frozenset[str]) -> None:
        if "volume" not in names:
            return
        quote = self.quotes.of(listed)
        for one in list(self._growing.values()):
            if one.listed is listed and quote.last is not None:
                one.trade(quote.last, quote.last_size or 0.0)
                if not one.is_realtime:
                    date = bars.shown_date(str(one.start_s), one.format_date, zone_or_utc(listed.time_zone))
                    one.session.send(replies.bar_update(one.req_id, one.bar(date)))

    def _plan(self) -> None:
        now_ns = self.world.clock.now_ns()
        self.world.timers.at(now_ns - now_ns % NS + NS, self._second)

    def _second(self) -> None:
        now_s = int(self._now_s())
        for one in list(self._growing.values()):
            if now_s >= one.start_s + one.length_s:
                if one.is_realtime and one.prices is not None:
                    one.session.send(replies.realtime_bar(one.req_id, one.start_s, one.bar("")))
                one.begin(now_s)
        self._plan()

    def _closed(self, session: ClientSession) -> None:
        for key in [key for key in self._growing if key[0] == session.number]:
            del self._growing[key]
