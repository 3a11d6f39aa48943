"""Times as TWS writes them, as UTC nanoseconds (spec ib 5.5): the client libraries read two of the forms wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

from ctp2.ib.zones import UnknownZone, zone_of

NS_PER_SECOND: Final = 1_000_000_000
_FORM: Final = re.compile(r"(\d{8})([ -]+)(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?(?: +(\S.*))?")


def time_ns(text: str, login_zone: tzinfo) -> int:
    """An instant of TWS.

    ``20251124 09:30:00 US/Eastern`` names its zone; ``20251124-14:30:00`` is UTC; ``20251124  09:30:00`` is in the zone
    of TWS's login; digits alone are seconds since 1970.

    Raises:
        ValueError: none of these, or a zone that nobody knows.
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) > 8:
        return int(text) * NS_PER_SECOND
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of TWS")
    day, between, hour, minute, second, name = found.groups()
    zone: tzinfo = UTC if "-" in between else login_zone
    if name:
        try:
            zone = zone_of(name)
        except UnknownZone:
            raise ValueError(f"{text!r}: no time zone {name}") from None
    moment = datetime(int(day[:4]), int(day[4:6]), int(day[6:]), int(hour), int(minute), int(second), tzinfo=zone)
    return int(moment.timestamp()) * NS_PER_SECOND
