"""Single values between the counter's integers and CTP's text and doubles."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Final

from ctp2.refdata.calendar import zone_info
from ctp2.refdata.sessions import instant_ns
from ctp2.refdata.ticks import DBL_MAX
from ctp2.tts.money import MICRO
from ctp2.tts.terms import NO_PRICE

BEIJING: Final = "Asia/Shanghai"
"""The zone of logins and accounts, and of every exchange in mainland China."""
_SHANGHAI_SECONDS: Final = 8 * 3600
"""China has had no summer time since 1991."""
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_INT32_MAX: Final = 2**31 - 1


@lru_cache(maxsize=4096)
def _stamp(second: int) -> tuple[str, str]:
    """Beijing date ``YYYYMMDD`` and time ``HH:MM:SS`` of a UTC second."""
    days, rest = divmod(second + _SHANGHAI_SECONDS, 86400)
    day = date.fromordinal(days + _EPOCH_ORDINAL)
    return f"{day:%Y%m%d}", f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


@lru_cache(maxsize=4096)
def _stamp_in(second: int, zone: str) -> tuple[str, str]:
    """Date and time of a UTC second in another zone."""
    local = datetime.fromtimestamp(second, zone_info(zone))
    return f"{local:%Y%m%d}", f"{local:%H:%M:%S}"


def date_of(now_ns: int, zone: str = BEIJING) -> str:
    """Date of an instant in a zone; empty for 0 (never)."""
    if not now_ns:
        return ""
    second = now_ns // 1_000_000_000
    return _stamp(second)[0] if zone == BEIJING else _stamp_in(second, zone)[0]


def time_of(now_ns: int, zone: str = BEIJING) -> str:
    """Wall time of an instant in a zone; empty for 0 (never)."""
    if not now_ns:
        return ""
    second = now_ns // 1_000_000_000
    return _stamp(second)[1] if zone == BEIJING else _stamp_in(second, zone)[1]


@lru_cache(maxsize=4096)
def moved(day: str, time_of_day: str, home: str, zone: str) -> tuple[str, str]:
    """A date and a wall time of the zone ``home`` as those of ``zone``; what cannot be read stays as it is."""
    if len(day) != 8 or len(time_of_day) != 8:
        return day, time_of_day
    hours, minutes, seconds = time_of_day.split(":")
    instant = instant_ns(home, day, int(hours) * 3600 + int(minutes) * 60 + int(seconds))
    return date_of(instant, zone), time_of(instant, zone)


def number_to_ctp(number: int) -> str:
    """OrderSysID, OrderLocalID, TradeID: decimal, width 12, right aligned; empty for 0."""
    return str(number).rjust(12) if number else ""


def sys_id_to_ctp(sys_id: int) -> str:
    """OrderSysID: a conditional order's (below 0) is ``TJBD_n``, every other one a number (spec 3.7)."""
    return f"TJBD_{-sys_id}" if sys_id < 0 else number_to_ctp(sys_id)


def price_to_ctp(units: int, price_scale: int) -> float:
    """A price in units as CTP's double; absent is DBL_MAX."""
    return DBL_MAX if units == NO_PRICE else units / price_scale


def price_from_ctp(price: float, price_scale: int) -> int:
    """A double of market data in price units; DBL_MAX is absent."""
    return NO_PRICE if price == DBL_MAX else round(price * price_scale)


def money_to_ctp(micro: int) -> float:
    """Micro-units as CTP's double."""
    return micro / MICRO


def volume_to_ctp(volume: int) -> int:
    """Volumes are 64 bits inside and clamped to CTP's int32 (DESIGN section 5)."""
    return volume if volume <= _INT32_MAX else _INT32_MAX
