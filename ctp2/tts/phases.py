"""When what is listed trades on a recorded day: the phases of ``refdata.tradingday`` as the counter plays them.

A product's status is what its clients are told (spec 10.1); the market's own phase says what happens to orders. They
differ where an exchange's letter does not tell: CZCE says ``0`` while it matches its auction and in its breaks.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from ctp2.refdata.calendar import CalendarEnded, CalendarError, calendar, market_of, to_date, to_day
from ctp2.refdata.models import Instrument
from ctp2.refdata.sessions import Phase, instant_ns, zone_of
from ctp2.refdata.ticks import NS_PER_DAY, Tick, TickDay
from ctp2.refdata.tradingday import NIGHT_EXCHANGES, action_day, day_phases, product_schedule, schedule_of
from ctp2.tts.feed import PhaseChange
from ctp2.tts.terms import AUCTION_MATCH, AUCTION_ORDERING, BEFORE_TRADING, CLOSED, NO_TRADING

_REGULAR_HOURS: Final = ("continuous", "pause")
_REGULAR_ONLY: Final = ("HK", "HK_HALF", "US", "US_EARLY")
"""Sessions of which the regular hours count: no auctions, nothing before the opening or after the close (spec 10.1)."""
_MARKET: Final = {"before": BEFORE_TRADING, "pause": NO_TRADING, "wait": NO_TRADING}
"""What orders meet in a phase, whatever letter the exchange shows for it."""
NIGHT_ENDS_NS: Final = 6 * 3600 * 1_000_000_000
"""A recorded time before this belongs to the night session that began the evening before."""
_FRIDAY: Final = 4


def phase_changes(
    listed: Iterable[Instrument], trading_day: str, base_ns: int, begins_ns: int
) -> list[tuple[int, PhaseChange]]:
    """(nanoseconds since ``base_ns``, change) of every schedule that something listed follows, in order.

    ``begins_ns`` is the instant of the first snapshot: a schedule whose day begins later, in another zone or because
    the recorder was early, is in its first phase by then.
    """
    followed: dict[str, tuple[Instrument, bool]] = {}
    for instrument in listed:
        if instrument.session_id:
            followed.setdefault(product_schedule(instrument), (instrument, False))
            followed.setdefault(schedule_of(instrument, trading_day), (instrument, True))
    changes: list[tuple[int, PhaseChange]] = []
    for schedule, (instrument, is_contract) in followed.items():
        for place, phase in enumerate(status_phases(instrument, trading_day, is_contract)):
            at_ns = phase.start_ns if place else min(phase.start_ns, begins_ns)
            changes.append((at_ns - base_ns, PhaseChange(schedule, phase.status, market_phase(phase))))
    changes.sort(key=lambda item: item[0])
    return changes


def market_phase(phase: Phase) -> str:
    """What orders meet: the status whose rules of spec 10.1 apply to them."""
    if phase.matching == "auction" and phase.status != AUCTION_ORDERING:
        return AUCTION_MATCH
    return _MARKET.get(phase.phase, phase.status)


def played_phases(instrument: Instrument, trading_day: str, is_contract: bool = True) -> list[Phase]:
    """The phases of an instrument's day, or of its product's (``is_contract`` False): no last day, no early end.

    A day before the calendar is the product's normal day: nothing is known of its holidays, so its night session
    counts as held, on the evening of the weekday before. Short days are known only inside the calendar too. A Chinese
    day past the calendar is not guessed; other markets' days are normal ones there too.

    Raises:
        CalendarEnded: a day of China after the last one announced.
    """
    try:
        found = day_phases(instrument, trading_day, is_contract=is_contract)
    except CalendarError as error:
        if isinstance(error, CalendarEnded) and market_of(instrument.exchange) == "CN":
            raise
        found = day_phases(instrument, trading_day, evening_of(trading_day), is_contract=is_contract)
    if instrument.session_id not in _REGULAR_ONLY:
        return found
    regular = [phase for phase in found if phase.phase in _REGULAR_HOURS]
    first, last = regular[0].start_ns, regular[-1].end_ns
    before = Phase(found[0].start_ns, first, "before", NO_TRADING, "N", False, "none")
    return [before, *regular, Phase(last, max(last, found[-1].end_ns), "closed", CLOSED, "N", False, "none")]


def status_phases(instrument: Instrument, trading_day: str, is_contract: bool) -> list[Phase]:
    """The phases that change the status or what orders meet."""
    result: list[Phase] = []
    for phase in played_phases(instrument, trading_day, is_contract):
        last = result[-1] if result else None
        if last is None or (last.status, market_phase(last)) != (phase.status, market_phase(phase)):
            result.append(phase)
    return result


def evening_of(trading_day: str) -> str:
    """The natural day on whose evening a Chinese trading day begins; beyond the calendar the weekday before."""
    try:
        return calendar().previous_trading_day("CN", trading_day)
    except CalendarError:
        day = to_date(trading_day) - timedelta(days=1)
        while day.weekday() > _FRIDAY:
            day -= timedelta(days=1)
        return to_day(day)


def row_instants(day: TickDay, instruments: Sequence[Instrument], data_tz: str = "") -> array[int]:
    """The UTC instant of each row: its wall time in ``data_tz``, else in the zone of its instrument's exchange.

    A recorded evening counts from the trading day's midnight; the night session of a Monday was on Friday evening.
    """
    offsets: list[int] = []
    gaps: list[int] = []
    gap = _gap_ns(day.trading_day)
    for instrument in instruments:
        zone = data_tz or zone_of(instrument.exchange, instrument.session_id)
        offsets.append(instant_ns(zone, day.trading_day, 0))
        gaps.append(gap if instrument.session_id and instrument.exchange in NIGHT_EXCHANGES else 0)
    result = array("q")
    for at, owner in zip(day.times, day.owners, strict=True):
        gap = gaps[owner] if at < NIGHT_ENDS_NS else 0
        result.append(offsets[owner] + at - gap)
    return result


def _gap_ns(trading_day: str) -> int:
    """How much earlier than the calendar day before the night session was held: whole days, mostly 0."""
    return ((to_date(trading_day) - to_date(evening_of(trading_day))).days - 1) * NS_PER_DAY


def night_action_day(tick: Tick, exchange: str, trading_day: str) -> str:
    """ActionDay that the exchange shows in the night (9.3), whatever the file has: some recorders write natural days.

    ``tick`` is of the night session: an evening counts before midnight (negative), the morning after it.
    """
    evening = to_date(evening_of(trading_day))
    natural = evening if tick.time_ns < 0 else evening + timedelta(days=1)
    return action_day(exchange, trading_day, to_day(natural))
