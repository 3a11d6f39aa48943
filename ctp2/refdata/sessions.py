"""The phases of a trading day from ``data/sessions.csv``, as UTC instants.

Times are local to the session's zone. Mainland China has had no summer time since 1991, so an instant of Asia/Shanghai
is always UTC+8; New York and Chicago change, which ``zoneinfo`` knows (on Windows through the package tzdata).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from ctp2.refdata.calendar import NS_PER_SECOND, CalendarError, calendar, plus_days, to_date, zone_info
from ctp2.refdata.table import DATA_DIR, rows


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One line of sessions.csv: times in seconds after midnight; ``day_offset`` is 0, -1 or '-1+1' as in the file."""

    phase: str
    start_s: int
    end_s: int
    day_offset: str
    order_entry: str  # 'Y', 'N' or 'queued'
    cancel: bool
    matching: str  # none, continuous, auction, close_price
    status: str  # the code of CTP's instrument status: '1'..'6'


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of one trading day: ``start_ns <= now < end_ns`` in UTC ns; an instant phase has both equal."""

    start_ns: int
    end_ns: int
    phase: str
    status: str
    order_entry: str
    cancel: bool
    matching: str


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[str, list[SessionLine]]]:
    """Session id → (time zone, its lines in order)."""
    result: dict[str, tuple[str, list[SessionLine]]] = {}
    names = ["session_id", "timezone", "seq", "phase", "start", "end", "start_day_offset", "ctp_instrument_status"]
    for row in rows(DATA_DIR / "sessions.csv", names):
        _, lines = result.setdefault(row.text("session_id"), (row.text("timezone"), []))
        lines.append(
            SessionLine(
                phase=row.text("phase"),
                start_s=_seconds(row.text("start")),
                end_s=_seconds(row.text("end")),
                day_offset=row.text("start_day_offset"),
                order_entry=row.text("order_entry"),
                cancel=row.text("cancel") == "Y",
                matching=row.text("matching"),
                status=row.text("ctp_instrument_status"),
            )
        )
    return result


def _seconds(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def session_ids() -> list[str]:
    """The sessions of the file, in file order."""
    return list(_table())


def session_lines(session_id: str) -> list[SessionLine]:
    """The lines of one session; ``CalendarError`` for an unknown id."""
    return _session(session_id)[1]


def session_zone(session_id: str) -> str:
    """The name of the session's time zone."""
    return _session(session_id)[0]


#: Where an exchange's clock stands; all others are in mainland China.
_ZONES = {
    "HKEX": "Asia/Hong_Kong",
    "NASD": "America/New_York",
    "NYSE": "America/New_York",
    "BATS": "America/New_York",
    "CME": "America/Chicago",
    "LME": "Europe/London",
    "LSE": "Europe/London",
}


def zone_of(exchange: str, session_id: str = "") -> str:
    """The zone of an instrument's clock: its session's, else its exchange's."""
    return session_zone(session_id) if session_id else _ZONES.get(exchange, "Asia/Shanghai")


def _session(session_id: str) -> tuple[str, list[SessionLine]]:
    try:
        return _table()[session_id]
    except KeyError:
        raise CalendarError(f"unknown session {session_id!r}; known: {', '.join(_table())}") from None


def phases(session_id: str, trading_day: str, previous_day: str | None = None) -> list[Phase]:
    """The phases of a trading day in order.

    ``previous_day`` is the trading day before, on whose evening a Chinese night session begins; left out, the calendar
    is asked (``CalendarError`` beyond it), and a cancelled night leaves out the phases of that evening. With it the
    night is taken as held: for a recorded day that the calendar does not reach. CME sessions begin on the calendar
    day before.
    """
    zone_name, lines = _session(session_id)
    evening = _evening(zone_name, lines, trading_day, previous_day)
    used = [line for line in lines if evening or line.day_offset == "0"]
    spans = [_span(zone_name, line, trading_day, evening) for line in used]
    result: list[Phase] = []
    for index, (line, (start, end)) in enumerate(zip(used, spans, strict=True)):
        if line.phase == "pause" and index + 1 < len(spans):
            end = spans[index + 1][0]  # the pause after a Friday night lasts until Monday morning
        result.append(Phase(start, end, line.phase, line.status, line.order_entry, line.cancel, line.matching))
    return result


def _evening(zone_name: str, lines: list[SessionLine], trading_day: str, previous_day: str | None) -> str:
    """The calendar day on whose evening the trading day begins, ``''`` when it begins in the morning."""
    if all(line.day_offset == "0" for line in lines):
        return ""
    if zone_name == "America/Chicago":
        return plus_days(trading_day, -1)
    if previous_day is not None:
        return previous_day
    known = calendar()
    return known.previous_trading_day("CN", trading_day) if known.has_night(trading_day) else ""


def _span(zone_name: str, line: SessionLine, trading_day: str, evening: str) -> tuple[int, int]:
    day = {"0": trading_day, "-1": evening}.get(line.day_offset) or plus_days(evening, 1)
    # An equal start and end is an instant (auction match), an earlier end is on the following calendar day.
    end_day = plus_days(day, 1) if line.end_s < line.start_s else day
    return instant_ns(zone_name, day, line.start_s), instant_ns(zone_name, end_day, line.end_s)


def instant_ns(zone_name: str, day: str, seconds: int) -> int:
    """UTC ns of a local wall time: ``seconds`` after midnight (24:00:00 is the next midnight) of ``day``."""
    date = to_date(day)
    local = datetime(date.year, date.month, date.day) + timedelta(seconds=seconds)
    return int(local.replace(tzinfo=zone_info(zone_name)).timestamp()) * NS_PER_SECOND


def phase_at(day_phases: list[Phase], now_ns: int) -> Phase | None:
    """The phase in which an instant lies; None between or outside them."""
    for phase in day_phases:
        if phase.start_ns <= now_ns < phase.end_ns:
            return phase
    return None
