"""The days of an environment that follows the real sessions (``tts://sim``, ``tts://vip``; spec 10.1, 10.2).

A trading day of the counter lasts from one roll to the next: in Shanghai at 17:00 of every trading day [SIM], after all
closes and the exchanges' settlement and before the first call auction of the evening. A counter that lists nothing of
China has the trading days of what it lists. Past the last day that a calendar knows nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ctp2.refdata.calendar import CalendarEnded, calendar, market_of, plus_days
from ctp2.refdata.models import Instrument
from ctp2.refdata.sessions import instant_ns
from ctp2.refdata.tradingday import natural_day_of, product_schedule, schedule_of
from ctp2.tts.feed import PhaseChange
from ctp2.tts.phases import market_phase, status_phases

ROLLS: Final = {
    "CN": ("Asia/Shanghai", 17 * 3600),
    "HK": ("Asia/Hong_Kong", 17 * 3600),
    "US": ("America/New_York", 17 * 3600),
    "CME": ("America/Chicago", 16 * 3600),
}
"""Calendar → zone and seconds after midnight of the roll: when a trading day ends and the next begins [SIM]."""
_LONGEST_REST_DAYS: Final = 14
"""No market rests longer than this between two trading days."""
_MARKET_OF: Final = {"hk": "HK", "us": "US", "cme": "CME"}
"""Listed market → its calendar; everything else is China's."""


def calendar_market(listed_markets: Sequence[str]) -> str:
    """The market whose trading days are the counter's: China's if anything of China is listed, else the first's."""
    markets = [_MARKET_OF.get(name, "CN") for name in listed_markets] or ["CN"]
    return "CN" if "CN" in markets else markets[0]


def check_calendar(where: str, listed_markets: Sequence[str], now_ns: int) -> None:
    """Raise for an instant past the days that this version knows.

    Raises:
        CalendarEnded: with ``where`` it was wanted.
    """
    try:
        trading_day_at(calendar_market(listed_markets), now_ns)
    except CalendarEnded as error:
        raise CalendarEnded(f"{where}: {error}") from None


def trading_day_at(market: str, now_ns: int) -> str:
    """The counter's trading day at an instant: from the hour of the roll on it is the next one.

    Raises:
        CalendarEnded: past the days that this version knows.
    """
    zone, roll_s = ROLLS[market]
    day, seconds = natural_day_of(zone, now_ns)
    known = calendar()
    if seconds < roll_s and known.is_trading_day(market, day):
        return day
    return known.next_trading_day(market, day)


def day_begins_ns(market: str, trading_day: str) -> int:
    """When a trading day begins: the roll of the one before."""
    return roll_ns(market, calendar().previous_trading_day(market, trading_day))


def roll_ns(market: str, trading_day: str) -> int:
    """When a trading day ends."""
    zone, roll_s = ROLLS[market]
    return instant_ns(zone, trading_day, roll_s)


def next_trading_day(market: str, trading_day: str) -> str:
    """The trading day to which the roll leads.

    Raises:
        CalendarEnded: past the days that this version knows.
    """
    return calendar().next_trading_day(market, trading_day)


def session_changes(listed: Iterable[Instrument], market: str, trading_day: str) -> list[tuple[int, PhaseChange]]:
    """(UTC ns, change) of every schedule that something listed follows, over a trading day of the counter.

    A schedule of the counter's own market goes through that trading day. One of another market goes through whatever
    falls between the two rolls: New York's day of the same evening, all of Hong Kong's days during a Chinese holiday.
    """
    followed: dict[str, tuple[Instrument, bool]] = {}
    for instrument in listed:
        if instrument.session_id:
            followed.setdefault(product_schedule(instrument), (instrument, False))
            followed.setdefault(schedule_of(instrument, trading_day), (instrument, True))
    begin_ns, end_ns = day_begins_ns(market, trading_day), roll_ns(market, trading_day)
    changes: list[tuple[int, PhaseChange]] = []
    for schedule, (instrument, is_contract) in followed.items():
        own_market = market_of(instrument.exchange)
        days = [trading_day] if own_market == market else _days_around(own_market, begin_ns, end_ns)
        found = [
            (phase.start_ns, PhaseChange(schedule, phase.status, market_phase(phase)))
            for day in days
            for phase in status_phases(instrument, day, is_contract)
        ]
        changes.extend(_between(found, begin_ns, end_ns))
    changes.sort(key=lambda item: item[0])
    return changes


def _days_around(market: str, begin_ns: int, end_ns: int) -> list[str]:
    """The trading days of a market that can be under way between two instants, and the one before them."""
    zone, _ = ROLLS[market]
    first = plus_days(natural_day_of(zone, begin_ns)[0], -_LONGEST_REST_DAYS)
    last = plus_days(natural_day_of(zone, end_ns)[0], 1)
    known = calendar()
    earliest, latest = known.horizon(market)
    return known.trading_days(market, max(first, earliest), min(last, latest))


def _between(found: list[tuple[int, PhaseChange]], begin_ns: int, end_ns: int) -> list[tuple[int, PhaseChange]]:
    """The changes of a span; the span begins in the phase that was reached by then, or in the first one."""
    reached = 0
    while reached + 1 < len(found) and found[reached + 1][0] <= begin_ns:
        reached += 1
    first = [(begin_ns, change) for _, change in found[reached : reached + 1]]
    return first + [(at_ns, change) for at_ns, change in found[reached + 1 :] if at_ns < end_ns]
