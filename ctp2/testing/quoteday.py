"""A seeded day of changing values in the words of Sina and Tencent: what the stand-in web server serves.

Every figure is a function of seed, key and time alone, so two servers of one seed agree, both sources show the same
instrument, and a test can work out what it is to see. Keys of every kind that the sources have are known; codes that
begin with 999 do not exist.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zlib import crc32

from ctp2.refdata.calendar import NS_PER_SECOND, zone_info

_STEP_S: Final = 3
_OPEN_S: Final = 9 * 3600 + 1800
_CLOSE_S: Final = 16 * 3600
_KEY: Final = re.compile(
    r"(?P<cn>(?:sh|sz|bj)[0-9]{6})|(?:rt_|r_)?hk(?P<hk>[0-9]{5}|[A-Z]+)|gb_(?P<gb>[a-z$]+)|us(?P<us>[A-Z.]+)"
    r"|nf_(?P<cffex>(?:IF|IH|IC|IM|TF|TS|TL|T)[0-9]+)|nf_(?P<nf>[A-Z]{1,2}[0-9]+)|hf_(?P<hf>[A-Z][A-Z0-9]*)"
)
_US_INDEXES: Final = ("DJI", "IXIC", "INX")
_ZONES: Final = {"hk": "Asia/Hong_Kong", "us": "America/New_York"}


class Figures(NamedTuple):
    """One instrument at one moment."""

    previous: float
    opening: float
    last: float
    high: float
    low: float
    volume: int
    """Shares, or lots of futures."""
    bids: list[tuple[float, int]]
    asks: list[tuple[float, int]]
    at: datetime
    """Wall time of the exchange."""

    @property
    def turnover(self) -> float:
        """At the price of the day before, which lies between high and low."""
        return round(self.volume * self.previous, 3)


class QuoteDay:
    """The values of one seed."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed

    def figures(self, kind: str, code: str, now_ns: int) -> Figures:
        """What an instrument shows at an instant (UTC ns)."""
        number = crc32(f"{self.seed}/{kind}/{code}".encode())
        zone = _ZONES.get(kind, "Asia/Shanghai")
        at = datetime.fromtimestamp(now_ns // NS_PER_SECOND, UTC).astimezone(zone_info(zone)).replace(tzinfo=None)
        seconds = at.hour * 3600 + at.minute * 60 + at.second
        if kind in ("cn", "hk", "us"):
            seconds = min(seconds, _CLOSE_S)
        seconds -= seconds % _STEP_S
        at = at.replace(hour=seconds // 3600, minute=seconds // 60 % 60, second=seconds % 60, microsecond=0)
        traded_s = seconds - _OPEN_S if kind in ("cn", "hk", "us") else seconds
        previous = 500 + number % 9500
        if traded_s < 0:
            return Figures(previous / 100, 0.0, 0.0, 0.0, 0.0, 0, [(0.0, 0)] * 5, [(0.0, 0)] * 5, at)
        swing = 0.008 * math.sin(traded_s / 180 + number % 360) + 0.002 * math.sin(traded_s / 37 + number % 36)
        last = round(previous * (1 + swing))
        size = 100 * (1 + (number + traded_s // _STEP_S) % 90)
        return Figures(
            previous / 100,
            round(previous * (1 + 0.004 * math.sin(number))) / 100,
            last / 100,
            math.ceil(previous * 1.011) / 100,
            math.floor(previous * 0.989) / 100,
            100 * (1 + number % 50) * (traded_s // _STEP_S + 1),
            [((last - 1 - level) / 100, size + 100 * level) for level in range(5)],
            [((last + level) / 100, size + 200 * level) for level in range(5)],
            at,
        )

    # ------------------------------------------------------------------ rows
    def sina(self, key: str, now_ns: int) -> str:
        """The text between the quotes, empty for a key that does not exist."""
        found = _known(key)
        if found is None:
            return ""
        kind, code = found
        figures = self.figures("us" if kind == "gb" else kind, code, now_ns)
        return _SINA[kind](code, figures) if kind in _SINA else ""

    def tencent(self, key: str, now_ns: int) -> str:
        """As :meth:`sina`, in Tencent's words."""
        found = _known(key)
        if found is None or found[0] not in _TENCENT:
            return ""
        kind, code = found
        return _TENCENT[kind](code, self.figures(kind, code, now_ns))


def _known(key: str) -> tuple[str, str] | None:
    match = _KEY.fullmatch(key)
    if match is None or "999" in key[:6]:
        return None
    kind = str(match.lastgroup)
    code = match[kind]
    if kind == "gb":
        code = code.upper().replace("$", ".")
    return kind, code


def _levels(levels: list[tuple[float, int]], *, size_first: bool, separator: str, unit: int = 1) -> str:
    pairs = [(f"{price:.3f}", str(size // unit)) for price, size in levels]
    return separator.join(separator.join(pair[::-1] if size_first else pair) for pair in pairs)


def _sina_cn(code: str, f: Figures) -> str:
    book = (_levels(side, size_first=True, separator=",") for side in (f.bids, f.asks))
    # The index in Shanghai counts lots and has no book.
    volume = f.volume // 100 if code.startswith("sh000") else f.volume
    return (
        f"测试{code},{f.opening:.3f},{f.previous:.3f},{f.last:.3f},{f.high:.3f},{f.low:.3f},{f.bids[0][0]:.3f},"
        f"{f.asks[0][0]:.3f},{volume},{f.turnover:.3f},{','.join(book)},{f.at:%Y-%m-%d},{f.at:%H:%M:%S},00,"
    )


def _sina_hk(code: str, f: Figures) -> str:
    return (
        f"TEST {code},测试{code},{f.opening:.3f},{f.previous:.3f},{f.high:.3f},{f.low:.3f},{f.last:.3f},0.000,0.000,"
        f"{f.bids[0][0]:.3f},{f.asks[0][0]:.3f},{f.turnover:.3f},{f.volume},0.000,0.000,99.000,1.000,"
        f"{f.at:%Y/%m/%d},{f.at:%H:%M:%S},100|0,N|Y|Y"
    )


def _sina_us(code: str, f: Figures) -> str:
    zone = zone_info("America/New_York")
    beijing = f.at.replace(tzinfo=zone).astimezone(zone_info("Asia/Shanghai"))
    summer = f.at.replace(tzinfo=zone).strftime("%Z")
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[f.at.month - 1]
    clock = f"{f.at.hour % 12 or 12:02d}:{f.at.minute:02d}{'PM' if f.at.hour >= 12 else 'AM'}"
    head = f"测试{code},{f.last:.4f},0.00,{beijing:%Y-%m-%d %H:%M:%S},0.0000,{f.opening:.4f},{f.high:.4f},{f.low:.4f}"
    middle = f"99.0000,1.0000,{f.volume},100,0,0.00,--,0.00,0.00,0.00,0.00,0,0,0.0000,0.00,0.00,"
    tail = f"{month} {f.at.day:02d} {clock} {summer},{f.previous:.4f},0,1,{f.at.year},{f.turnover:.4f}"
    return f"{head},{middle},{tail},0.0000,0.0000,0.0000,0.0000,{f.previous:.4f}"


def _sina_nf(code: str, f: Figures) -> str:
    return (
        f"测试{code},{f.at:%H%M%S},{f.opening:.3f},{f.high:.3f},{f.low:.3f},0.000,{f.bids[0][0]:.3f},"
        f"{f.asks[0][0]:.3f},{f.last:.3f},0.000,{f.previous:.3f},{f.bids[0][1]},{f.asks[0][1]},100000.000,"
        f"{f.volume},沪,测试,{f.at:%Y-%m-%d},1,,,,,,,,,{f.previous:.3f},0.000,0"
    )


def _sina_cffex(code: str, f: Figures) -> str:
    book = (_levels(side, size_first=False, separator=",") for side in (f.bids, f.asks))
    return (
        f"{f.opening:.3f},{f.high:.3f},{f.low:.3f},{f.last:.3f},{f.volume},{f.turnover:.3f},100000.000,0.000,0.000,"
        f"{f.previous * 1.1:.3f},{f.previous * 0.9:.3f},0.000,0.000,{f.previous:.3f},{f.previous:.3f},100000.000,"
        f"{','.join(book)},{f.at:%Y-%m-%d},{f.at:%H:%M:%S},500,1,,,,,,,,,{f.previous:.3f},测试{code}"
    )


def _overseas(code: str, f: Figures) -> str:
    return (
        f"{f.last:.3f},,{f.bids[0][0]:.3f},{f.asks[0][0]:.3f},{f.high:.3f},{f.low:.3f},{f.at:%H:%M:%S},"
        f"{f.previous:.3f},{f.opening:.3f},1000,{f.bids[0][1]},{f.asks[0][1]},{f.at:%Y-%m-%d},测试{code},{f.volume}"
    )


def _tencent_cn(code: str, f: Figures) -> str:
    number, is_star = code[2:], code.startswith(("sh688", "sh689"))
    market = {"sh": "1", "sz": "51", "bj": "62"}[code[:2]]
    # A lot of repo is ten.
    volume = f.volume if is_star else f.volume // (10 if code.startswith(("sh204", "sz131")) else 100)
    book = (_levels(side, size_first=False, separator="~", unit=100) for side in (f.bids, f.asks))
    return (
        f"{market}~测试{code}~{number}~{f.last:.2f}~{f.previous:.2f}~{f.opening:.2f}~{volume}~0~0~{'~'.join(book)}~~"
        f"{f.at:%Y%m%d%H%M%S}~0.00~0.00~{f.high:.2f}~{f.low:.2f}~{f.last:.2f}/{volume}/{f.turnover:.0f}~{volume}~"
        f"{f.turnover / 10_000:.0f}~0.00~0.00~~{f.high:.2f}~{f.low:.2f}~0.00~0.00~0.00~0.00~"
        f"{f.previous * 1.1:.2f}~{f.previous * 0.9:.2f}~0.00~0"
    )


def _tencent_hk(code: str, f: Figures) -> str:
    return (
        f"100~测试{code}~{code}~{f.last:.3f}~{f.previous:.3f}~{f.opening:.3f}~{f.volume}.0~0~0~{f.last:.3f}"
        f"~0~0~0~0~0~0~0~0~0~{f.last:.3f}~0~0~0~0~0~0~0~0~0~{f.volume}.0~{f.at:%Y/%m/%d %H:%M:%S}~0.000~0.00~"
        f"{f.high:.3f}~{f.low:.3f}~{f.last:.3f}~{f.volume}.0~{f.turnover:.3f}~0~0"
    )


def _tencent_us(code: str, f: Figures) -> str:
    name = f".{code.removeprefix('.')}" if code.removeprefix(".") in _US_INDEXES else f"{code}.N"
    return (
        f"200~测试{code}~{name}~{f.last:.2f}~{f.previous:.2f}~{f.opening:.2f}~{f.volume}~0~0~{f.bids[0][0]:.2f}"
        f"~{f.bids[0][1]}~0~0~0~0~0~0~0~0~{f.asks[0][0]:.2f}~{f.asks[0][1]}~0~0~0~0~0~0~0~0~~"
        f"{f.at:%Y-%m-%d %H:%M:%S}~0.00~0.00~{f.high:.2f}~{f.low:.2f}~USD~{f.volume}~{f.turnover:.0f}~0.00"
    )


_SINA: Final = {
    "cn": _sina_cn,
    "hk": _sina_hk,
    "gb": _sina_us,
    "nf": _sina_nf,
    "cffex": _sina_cffex,
    "hf": _overseas,
}
_TENCENT: Final = {"cn": _tencent_cn, "hk": _tencent_hk, "us": _tencent_us, "hf": _overseas}
