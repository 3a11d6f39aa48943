"""Recorded files with other column names than CTP's: vn.py's and WonderTrader's, turned into CTP's cell by cell.

Both programs write 0 where CTP says that a price is absent, so a price of 0 is absent here too. What a file does not
have stays absent (vn.py has no settlement price of the day before, WonderTrader's files have no limits). A cell that
cannot be turned is passed on as it is: the reader then complains about it with file, line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from ctp2.refdata.calendar import market_of, to_day, zone_info
from ctp2.refdata.tradingday import EVENING_S, MORNING_S, NIGHT_EXCHANGES, night_trading_day

Chunk = Sequence[Sequence[str]]
_ZONES: Final = {"CN": "Asia/Shanghai", "HK": "Asia/Hong_Kong", "US": "America/New_York", "CME": "America/Chicago"}
_BEIJING: Final = "+08:00"
#: Chicago's trading day begins in the afternoon.
_CHICAGO_EVENING_S: Final = 16 * 3600

#: Names of exchanges in vn.py that differ from CTP's.
_EXCHANGES: Final = {
    "SEHK": "HKEX",
    "NASDAQ": "NASD",
    "CBOT": "CME",
    "NYMEX": "CME",
    "COMEX": "CME",
    "GLOBEX": "CME",
}


class Moment(NamedTuple):
    """A wall time of the exchange."""

    day: str  # YYYYMMDD
    time: str  # HH:MM:SS
    millisec: str
    seconds: int


def to_ctp(names: Sequence[str], chunks: Iterator[Chunk]) -> tuple[list[str], Iterator[Chunk]]:
    """Header and chunks with CTP's names; unchanged when they have them, or when they are nobody's that is known."""
    known = set(names)
    if "InstrumentID" in known:
        return list(names), chunks
    if {"datetime", "last_price"} <= known and known & {"symbol", "vt_symbol"}:
        return _translated(_VNPY_NAMES, list(names), chunks, _vnpy_columns)
    plain = [_plain(name) for name in names]
    if {"code", "actiondate", "actiontime", "price"} <= set(plain):
        first_level = 0 if "bidprice0" in plain else 1
        return _translated(_wonder_names(first_level), plain, chunks, _wonder_columns)
    return list(names), chunks


def _translated(
    renamed: dict[str, str],
    names: list[str],
    chunks: Iterator[Chunk],
    made: Callable[[dict[str, Sequence[str]]], dict[str, list[str]]],
) -> tuple[list[str], Iterator[Chunk]]:
    """Columns by table, plus those that a function makes of several."""
    kept = [(name, renamed[name]) for name in names if name in renamed]
    header = [*_MADE, *(target for _, target in kept)]

    def turned() -> Iterator[Chunk]:
        for chunk in chunks:
            columns = dict(zip(names, chunk, strict=True))
            new = made(columns)
            plain = [_present(columns[name]) if _is_price(target) else columns[name] for name, target in kept]
            yield [*(new[name] for name in _MADE), *plain]

    return header, turned()


_MADE: Final = ("InstrumentID", "ExchangeID", "TradingDay", "ActionDay", "UpdateTime", "UpdateMillisec")


def _is_price(name: str) -> bool:
    return "Price" in name


def _present(cells: Sequence[str]) -> list[str]:
    return ["" if cell in ("0", "0.0") or not cell.strip("0.") else cell for cell in cells]


def trading_day_of_record(exchange: str, moment: Moment) -> str:
    """The trading day of a record that has only a natural day; needs no calendar (see ``night_trading_day``)."""
    if exchange in NIGHT_EXCHANGES and not MORNING_S <= moment.seconds < EVENING_S:
        return night_trading_day(moment.day, moment.seconds)
    if exchange == "CME" and moment.seconds >= _CHICAGO_EVENING_S:
        return night_trading_day(moment.day, EVENING_S)
    return moment.day


# --------------------------------------------------------------------------------------------------------- vn.py

_VNPY_NAMES: Final = {
    "volume": "Volume",
    "turnover": "Turnover",
    "open_interest": "OpenInterest",
    "last_price": "LastPrice",
    "limit_up": "UpperLimitPrice",
    "limit_down": "LowerLimitPrice",
    "open_price": "OpenPrice",
    "high_price": "HighestPrice",
    "low_price": "LowestPrice",
    "pre_close": "PreClosePrice",
    **{f"{side}_price_{level}": f"{side.title()}Price{level}" for side in ("bid", "ask") for level in range(1, 6)},
    **{f"{side}_volume_{level}": f"{side.title()}Volume{level}" for side in ("bid", "ask") for level in range(1, 6)},
}
_DATETIME = re.compile(
    r"(\d{4})[-/]?(\d{1,2})[-/]?(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?"
)


def _vnpy_columns(columns: dict[str, Sequence[str]]) -> dict[str, list[str]]:
    times = columns["datetime"]
    if "symbol" in columns:
        codes = list(columns["symbol"])
        exchanges = [_exchange(name) for name in columns.get("exchange", [""] * len(codes))]
    else:
        pairs = [name.rpartition(".") for name in columns["vt_symbol"]]
        codes, exchanges = [pair[0] for pair in pairs], [_exchange(pair[2]) for pair in pairs]
    moments = [_moment(text, exchange) for text, exchange in zip(times, exchanges, strict=True)]
    return _dated(codes, exchanges, moments, times)


def _dated(
    codes: list[str], exchanges: list[str], moments: list[Moment | None], times: Sequence[str]
) -> dict[str, list[str]]:
    pairs = list(zip(exchanges, moments, strict=True))
    return {
        "InstrumentID": codes,
        "ExchangeID": exchanges,
        "TradingDay": [trading_day_of_record(exchange, moment) if moment else "" for exchange, moment in pairs],
        "ActionDay": [moment.day if moment else "" for moment in moments],
        "UpdateTime": [moment.time if moment else text for moment, text in zip(moments, times, strict=True)],
        "UpdateMillisec": [moment.millisec if moment else "" for moment in moments],
    }


def _exchange(name: str) -> str:
    name = name.strip().removeprefix("Exchange.")
    return _EXCHANGES.get(name, name)


@lru_cache(maxsize=4096)
def _moment(text: str, exchange: str) -> Moment | None:
    """A date and time of vn.py: the wall time of China, unless an offset says otherwise."""
    found = _DATETIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups(default="")
    millisec = int((fraction + "000")[:3])
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0))
    except ValueError:
        return None
    market = market_of(exchange)
    if offset and (market != "CN" or offset not in (_BEIJING, "+0800")):
        sign = offset.replace("Z", "+00:00")
        moment = datetime.fromisoformat(moment.isoformat() + sign).astimezone(zone_info(_ZONES[market]))
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return Moment(to_day(moment.date()), f"{moment:%H:%M:%S}", str(millisec), seconds)


# -------------------------------------------------------------------------------------------------- WonderTrader


def _plain(name: str) -> str:
    """``total_volume`` and ``totalvolume`` are one name: its versions differ."""
    return name.strip().lower().replace("_", "")


def _wonder_names(first_level: int) -> dict[str, str]:
    names = {
        "price": "LastPrice",
        "open": "OpenPrice",
        "high": "HighestPrice",
        "low": "LowestPrice",
        "settle": "SettlementPrice",
        "settleprice": "SettlementPrice",
        "upperlimit": "UpperLimitPrice",
        "lowerlimit": "LowerLimitPrice",
        "preclose": "PreClosePrice",
        "presettle": "PreSettlementPrice",
        "preinterest": "PreOpenInterest",
        "totalvolume": "Volume",
        "totalturnover": "Turnover",
        "openinterest": "OpenInterest",
    }
    for level in range(5):
        for side in ("bid", "ask"):
            names[f"{side}price{level + first_level}"] = f"{side.title()}Price{level + 1}"
            names[f"{side}qty{level + first_level}"] = f"{side.title()}Volume{level + 1}"
    return names


def _wonder_columns(columns: dict[str, Sequence[str]]) -> dict[str, list[str]]:
    codes = [_wonder_code(text) for text in columns["code"]]
    given = columns.get("exchg", [""] * len(codes))
    exchanges = [name.strip() or code[0] for name, code in zip(given, codes, strict=True)]
    times = columns["actiontime"]
    moments = [_wonder_moment(day, time) for day, time in zip(columns["actiondate"], times, strict=True)]
    result = _dated([code[1] for code in codes], exchanges, moments, times)
    days = columns.get("tradingdate")
    if days is not None:
        result["TradingDay"] = [day.strip() or own for day, own in zip(days, result["TradingDay"], strict=True)]
    return result


@lru_cache(maxsize=1024)
def _wonder_code(text: str) -> tuple[str, str]:
    """``CFFEX.IF.2101`` or plain ``IF2101`` as (exchange, code)."""
    exchange, *others = text.strip().split(".")
    return (exchange, "".join(others)) if len(others) > 1 else ("", text.strip())


@lru_cache(maxsize=4096)
def _wonder_moment(day: str, time: str) -> Moment | None:
    """``20210104`` and ``93000500``: HHMMSSmmm as a number."""
    digits = time.strip().split(".")[0].zfill(9)
    if len(digits) != 9 or not digits.isdecimal():
        return None
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    text = f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}"
    return Moment(day.strip(), text, str(int(digits[6:])), hours * 3600 + minutes * 60 + seconds)
