"""Tables of the quote sources: places, exchanges, code ranges, states, products (spec quotes 2, 4 and 6)."""

from __future__ import annotations

from typing import Final, Literal

Market = Literal["cn", "hk", "us", "nf", "hf"]
"""Whose clock and sessions: mainland securities, Hong Kong, New York, domestic futures, overseas futures."""
Kind = Literal["stock", "star", "fund", "bond", "repo", "index", "future", "cffex", "overseas"]
"""What decides layout and units."""

MARKETS: Final[tuple[Market, ...]] = ("cn", "hk", "us", "nf", "hf")

EXCHANGE_OF_PLACE: Final = {"sh": "SSE", "sz": "SZSE", "bj": "BSE"}

HONG_KONG: Final = "HKEX"
OVERSEAS: Final = "OVERSEAS"
UNITED_STATES: Final = "NASD"
"""ExchangeID of a US row whose source does not name the exchange (2.4)."""
US_EXCHANGE_OF_SUFFIX: Final = {"OQ": "NASD", "N": "NYSE", "AM": "AMEX", "PS": "OTC"}
"""Tencent column 2: what stands behind the last dot of a ticker, if it is one of these."""

ZONE_OF_MARKET: Final[dict[Market, str]] = {
    "cn": "Asia/Shanghai",
    "hk": "Asia/Hong_Kong",
    "us": "America/New_York",
    "nf": "Asia/Shanghai",
    "hf": "Asia/Shanghai",
}

QUALIFIERS: Final = {
    **dict.fromkeys(("SH", "SS", "SSE"), "sh"),
    **dict.fromkeys(("SZ", "SZSE"), "sz"),
    **dict.fromkeys(("BJ", "BSE"), "bj"),
    **dict.fromkeys(("HK", "HKEX"), "hk"),
    **dict.fromkeys(("US", "NASD", "NYSE", "AMEX"), "us"),
    "HF": "hf",
    **dict.fromkeys(("CFFEX", "SHFE", "INE", "DCE", "CZCE", "GFEX"), "nf"),
}
"""Exchange of a qualified code (``SSE.600000``, ``600000.SH``) → where it is; any other segment belongs to the code."""

US_INDEXES: Final = ("DJI", "IXIC", "INX")
"""US indexes with a key of their own: ``.DJI`` is gb_dji and usDJI."""

# One line of table 2.3: first digits, place, what it is, whether the number also exists elsewhere.
_RANGES: Final[tuple[tuple[str, str, Kind, bool], ...]] = (
    ("600 601 603 605 900", "sh", "stock", False),
    ("688 689", "sh", "star", False),
    ("500 501 502 503 504 505 506 508 51 52 53 55 56 58", "sh", "fund", False),
    ("000 001 002 003", "sz", "stock", True),
    ("300 301 302 200", "sz", "stock", False),
    ("399 970 980", "sz", "index", False),
    ("15 16", "sz", "fund", False),
    ("180 184", "sz", "fund", False),
    ("43 83 87 88 92", "bj", "stock", False),
    ("899", "bj", "index", False),
    ("810 82", "bj", "bond", False),
    ("110 113 132 010 018 019 020", "sh", "bond", False),
    ("111 118", "sh", "bond", True),
    ("123 125 126 127 128", "sz", "bond", True),
    ("204", "sh", "repo", False),
    ("131", "sz", "repo", False),
    ("10", "sz", "bond", False),
    ("112 114 115 133 134 148 149", "sz", "bond", True),
    ("120 122 124 130 135 136 137 138 139 143 175 185 188", "sh", "bond", True),
)
# Readings that only a prefix or an exchange can ask for.
_EXPLICIT: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("000", "sh", "index"),
    ("12 155 163", "sh", "bond"),
    ("111 118 10 11", "sz", "bond"),
)

RANGES: Final[dict[str, tuple[str, Kind, bool]]] = {
    digits: (place, kind, is_ambiguous) for listed, place, kind, is_ambiguous in _RANGES for digits in listed.split()
}
"""First three or two digits of a bare code → place, kind, whether another reading exists."""
KIND_OF_RANGE: Final[dict[tuple[str, str], Kind]] = {
    **{(place, digits): kind for listed, place, kind in _EXPLICIT for digits in listed.split()},
    **{(place, digits): kind for listed, place, kind, _ in _RANGES for digits in listed.split()},
}
"""(place, first digits) → kind, for codes whose place is said."""
REJECTED_RANGES: Final = frozenset("730 732 780 787 880 881 882".split())
"""Subscription codes without a quote, and sector codes of other vendors."""

CFFEX_MULTIPLIERS: Final = {
    **dict.fromkeys(("IF", "IH"), 300),
    **dict.fromkeys(("IC", "IM"), 200),
    **dict.fromkeys(("T", "TF", "TL"), 10_000),
    "TS": 20_000,
}
"""Products with the layout of 4.5, and what their turnover is to be multiplied by."""

DELISTED: Final = frozenset(("-1", "-2", "-3", "D"))
"""States without a tick: no record, not listed yet, delisted (Sina 32; Tencent 40)."""
STATES: Final = {
    "": "normal",
    "00": "normal",
    "01": "halted for an hour",
    "02": "suspended",
    "03": "suspended",
    "04": "temporary halt",
    "05": "suspended for half a day",
    "07": "paused",
    "-1": "no record",
    "-2": "not listed yet",
    "-3": "delisted",
    "S": "suspended",
    "D": "delisted",
}
"""Status codes of both sources; at Sina they mean something only while bid and ask are 0 (6.1)."""

STAT_MARKETS: Final[dict[str, Market]] = {"SH": "cn", "SZ": "cn", "HK": "hk", "US": "us"}
"""Tokens of Tencent's marketStat that say whether a market is open; SH answers for the mainland (6.3)."""
