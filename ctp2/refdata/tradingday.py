"""A trading day as it is lived: when it begins and ends, what each product's status is, which dates its data carry.

``sessions`` gives the phases of a session; here the exchanges' own ways are put on top of them (ctp-semantics 9.3,
10.1, 10.2): CZCE's silent breaks, the closing auction of index options, half days, the hours before and between.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from ctp2.refdata.calendar import (
    NS_PER_SECOND,
    Calendar,
    calendar,
    market_of,
    plus_days,
    to_date,
    to_day,
    zone_info,
)
from ctp2.refdata.models import Instrument
from ctp2.refdata.sessions import Phase, instant_ns, phases, session_zone

#: CTP's instrument status.
BEFORE_TRADING: Final = "0"
NO_TRADING: Final = "1"
CONTINUOUS: Final = "2"
AUCTION_ORDERING: Final = "3"
AUCTION_MATCH: Final = "5"
CLOSED: Final = "6"

#: Exchanges with a night session.
NIGHT_EXCHANGES: Final = frozenset(("SHFE", "INE", "DCE", "CZCE", "GFEX"))
#: A time of day from here on is of the evening, whose night session belongs to the next trading day.
EVENING_S: Final = 17 * 3600
#: A time of day before this is of the night that began on the evening before.
MORNING_S: Final = 5 * 3600

_CN_DAY_BEGINS_S: Final = 20 * 3600 + 1800
_FRIDAY: Final = 4

# ------------------------------------------------------------------------------------- which trading day, which dates


class Dates(NamedTuple):
    """The two dates of a market data record."""

    trading_day: str
    action_day: str


#: Exchange → whether its night records carry the trading day as (TradingDay, ActionDay); False is the natural day.
_NIGHT_DATES: Final[dict[str, tuple[bool, bool]]] = {
    "SHFE": (True, False),
    "INE": (True, False),
    "DCE": (True, True),
    "GFEX": (True, True),
    "CZCE": (False, False),
}


def dates_shown(exchange: str, trading_day: str, natural_day: str) -> Dates:
    """TradingDay and ActionDay that the exchange's data carry on a natural day of a trading day (9.3).

    In the day session, and wherever the natural day is the trading day, all are equal. Exchanges without a rule of
    their own (HKEX, New York, CME) show the trading day and the natural day.
    """
    shows_trading, shows_action = _NIGHT_DATES.get(exchange, (True, False))
    return Dates(trading_day if shows_trading else natural_day, trading_day if shows_action else natural_day)


def action_day(exchange: str, trading_day: str, natural_day: str) -> str:
    """ActionDay that the exchange's data carry (9.3)."""
    return dates_shown(exchange, trading_day, natural_day).action_day


def night_trading_day(natural_day: str, seconds: int) -> str:
    """The trading day of a Chinese night session, from a moment in it: natural day and seconds after midnight.

    The next weekday, or the day itself after midnight if it is one. No calendar is needed: a night is held only if
    nothing but Saturdays and Sundays lies between its evening and its trading day (reference-data 4).
    """
    day = to_date(natural_day)
    if seconds >= EVENING_S:
        day += timedelta(days=1)
    while day.weekday() > _FRIDAY:
        day += timedelta(days=1)
    return to_day(day)


def trading_day_of(exchange: str, now_ns: int, known: Calendar | None = None) -> str:
    """The trading day to which an instant (UTC ns) belongs on an exchange (10.2).

    An evening from 20:30 on (China, Hong Kong) belongs to the next trading day, whether or not a night session is held;
    a day without trading to the next one. ``CalendarError`` beyond the calendar.
    """
    return (known or calendar()).trading_day_at(market_of(exchange), now_ns)


def natural_day_of(zone_name: str, now_ns: int) -> tuple[str, int]:
    """``(YYYYMMDD, seconds after midnight)`` of an instant on a zone's wall clock."""
    local = datetime.fromtimestamp(now_ns // NS_PER_SECOND, tz=UTC).astimezone(zone_info(zone_name))
    return to_day(local.date()), local.hour * 3600 + local.minute * 60 + local.second


# ------------------------------------------------------------------------------------------------------- the timeline


class StatusChange(NamedTuple):
    """A product enters a status: what ``OnRtnInstrumentStatus`` tells."""

    at_ns: int
    status: str


#: Sessions of a short day; (market, session) → session.
_HALF_SESSIONS: Final = {("HK", "HK"): "HK_HALF", ("US", "US"): "US_EARLY"}
#: Chicago closes at noon on its short days [SIM: a product's own time differs by up to 75 minutes].
_CME_EARLY_CLOSE_S: Final = 12 * 3600
#: CFFEX: options end in a call auction, futures do not (10.1).
_CLOSING_AUCTION: Final = {("CFFEX", product): (14 * 3600 + 57 * 60, 15 * 3600) for product in ("IO", "HO", "MO")}
#: Treasury futures close before noon on their last trading day (sessions.csv).
_LAST_DAY_CLOSE_S: Final = {"D0930B": 11 * 3600 + 1800}
_AFTER_HOURS: Final = "after_hours"
_PAUSES: Final = frozenset(("pause", "auction_match", "wait", "before"))
#: Exchange → status shown before its first phase, and in its pauses and auction matches where those differ (10.1).
_FIRST_STATUS: Final = {"CFFEX": BEFORE_TRADING}
_SILENT_STATUS: Final = {"CZCE": BEFORE_TRADING}


def product_schedule(instrument: Instrument) -> str:
    """Names the phases of an instrument's product: products of one schedule have the same; ``''`` always trades."""
    if not instrument.session_id:
        return ""
    own = f"/{instrument.product}" if (instrument.exchange, instrument.product) in _CLOSING_AUCTION else ""
    return f"{instrument.exchange}/{instrument.session_id}{own}"


def schedule_of(instrument: Instrument, trading_day: str) -> str:
    """Names the phases of an instrument on a day: its product's, unless it ends early on its last day."""
    schedule = product_schedule(instrument)
    return f"{schedule}/last day" if _ends_early(instrument, trading_day) else schedule


def _ends_early(instrument: Instrument, trading_day: str) -> bool:
    return instrument.expire_date == trading_day and instrument.session_id in _LAST_DAY_CLOSE_S


def session_of_day(instrument: Instrument, trading_day: str) -> str:
    """The session of an instrument on a day: the half day's on a short day; ``''`` if it always trades."""
    market = market_of(instrument.exchange)
    half = _HALF_SESSIONS.get((market, instrument.session_id))
    return half if half is not None and calendar().is_half_day(market, trading_day) else instrument.session_id


def day_start_ns(exchange: str, trading_day: str, previous_day: str | None = None) -> int:
    """The instant from which on everything belongs to a trading day; in China 20:30 of the trading day before.

    ``previous_day`` is that day where the calendar does not reach. Elsewhere it is local midnight, in Chicago the
    pre-opening of the evening before.
    """
    market = market_of(exchange)
    if market == "CN":
        before = previous_day or calendar().previous_trading_day("CN", trading_day)
        return instant_ns("Asia/Shanghai", before, _CN_DAY_BEGINS_S)
    if market == "CME":
        return instant_ns("America/Chicago", plus_days(trading_day, -1), 16 * 3600)
    return instant_ns("Asia/Hong_Kong" if market == "HK" else "America/New_York", trading_day, 0)


def day_phases(
    instrument: Instrument, trading_day: str, previous_day: str | None = None, *, is_contract: bool = True
) -> list[Phase]:
    """Every phase of an instrument's trading day without a gap, from ``day_start_ns`` to its close, as UTC instants.

    The night session is part of it where one is held. ``previous_day`` is the trading day before for a recorded day
    that the calendar does not reach (its night is then taken as held). ``is_contract`` False: of its product, which
    goes on where one contract ends early on its last day. Trading at the closing price after hours is not offered:
    such a day ends with its closing auction [SIM]. Empty for an instrument without a session, which always trades.

    ``CalendarError``: beyond the calendar.
    """
    if not instrument.session_id:
        return []
    session = session_of_day(instrument, trading_day)
    found = phases(session, trading_day, previous_day)
    found = _until_close(_shortened(found, instrument.exchange, trading_day))
    found = _with_closing_auction(found, instrument, trading_day)
    if is_contract and _ends_early(instrument, trading_day):
        found = _cut(found, instant_ns(session_zone(session), trading_day, _LAST_DAY_CLOSE_S[instrument.session_id]))
    found = _with_matches(found)
    if instrument.exchange == "CZCE":
        found = _without_second_auction(found)
    start = day_start_ns(instrument.exchange, trading_day, previous_day)
    return [_own_status(phase, instrument.exchange) for phase in _filled(found, start, instrument.exchange)]


def status_timeline(instrument: Instrument, trading_day: str, previous_day: str | None = None) -> list[StatusChange]:
    """Every change of status of an instrument's product in a trading day, in order (10.1)."""
    changes: list[StatusChange] = []
    for phase in day_phases(instrument, trading_day, previous_day):
        if not changes or changes[-1].status != phase.status:
            changes.append(StatusChange(phase.start_ns, phase.status))
    return changes


def _until_close(found: list[Phase]) -> list[Phase]:
    """Without trading at the closing price: what follows the last match is the close."""
    for place, phase in enumerate(found):
        if phase.phase.startswith(_AFTER_HOURS):
            last = found[-1]
            return [*found[:place], replace(last, start_ns=phase.start_ns)]
    return found


def _shortened(found: list[Phase], exchange: str, trading_day: str) -> list[Phase]:
    """Chicago's short days: cut at noon."""
    if market_of(exchange) != "CME" or not calendar().is_half_day("CME", trading_day):
        return found
    return _cut(found, instant_ns("America/Chicago", trading_day, _CME_EARLY_CLOSE_S))


def _cut(found: list[Phase], close_ns: int) -> list[Phase]:
    """A day that is closed from an instant on."""
    kept = [replace(phase, end_ns=min(phase.end_ns, close_ns)) for phase in found if phase.start_ns < close_ns]
    return [*kept, Phase(close_ns, max(close_ns, found[-1].end_ns), "closed", CLOSED, "N", False, "none")]


def _with_closing_auction(found: list[Phase], instrument: Instrument, trading_day: str) -> list[Phase]:
    times = _CLOSING_AUCTION.get((instrument.exchange, instrument.product))
    if times is None:
        return found
    start, end = (instant_ns(session_zone(instrument.session_id), trading_day, second) for second in times)
    result: list[Phase] = []
    for phase in found:
        if phase.start_ns < start < phase.end_ns:
            result.append(replace(phase, end_ns=start))
            result.append(Phase(start, end, "close_auction", AUCTION_ORDERING, "Y", True, "auction"))
        else:
            result.append(phase)
    return result


def _with_matches(found: list[Phase]) -> list[Phase]:
    """An auction that is ordered and matched in one phase ends with an instant of matching."""
    result: list[Phase] = []
    for phase in found:
        result.append(phase)
        if phase.matching == "auction" and phase.status == AUCTION_ORDERING:
            match = Phase(phase.end_ns, phase.end_ns, "auction_match", AUCTION_MATCH, "N", False, "auction")
            result.append(match)
    return result


def _without_second_auction(found: list[Phase]) -> list[Phase]:
    """CZCE: after a night session the day opens without a call auction (10.1)."""
    auctions = [place for place, phase in enumerate(found) if phase.phase == "auction_order"]
    if len(auctions) < 2:
        return found
    second = auctions[1]
    pause = replace(found[second - 1], end_ns=found[second + 2].start_ns)
    return [*found[: second - 1], pause, *found[second + 2 :]]


def _filled(found: list[Phase], start_ns: int, exchange: str) -> list[Phase]:
    """The phases with what lies before and between them."""
    status = _FIRST_STATUS.get(exchange, NO_TRADING)
    result: list[Phase] = []
    at = start_ns
    for phase in found:
        if phase.start_ns > at:
            name = "pause" if result else "before"
            result.append(Phase(at, phase.start_ns, name, NO_TRADING if result else status, "N", bool(result), "none"))
        result.append(phase)
        at = phase.end_ns
    return result


def _own_status(phase: Phase, exchange: str) -> Phase:
    """CZCE says "before trading" where others say "no trading" or "match"; ``matching`` tells that it matches then."""
    silent = _SILENT_STATUS.get(exchange)
    return replace(phase, status=silent) if silent is not None and phase.phase in _PAUSES else phase
