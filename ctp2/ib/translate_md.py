"""Ticks of TWS → ``CThostFtdcDepthMarketDataField`` (spec ib 5.8). Pure.

TWS tells a change at a time, each by its tick type; a :class:`Quote` holds what is known of an instrument by now. A
missing value is None here and DBL_MAX (prices) or 0 (sizes) in the record. Zero and negative prices are real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ctp2.ctp.structs import CThostFtdcDepthMarketDataField
from ctp2.ib.depth import ASK, BID, Book, Levels, is_set, known_size
from ctp2.ib.resolved import INT32_MAX, Resolved
from ctp2.ib.zones import wall
from ctp2.refdata.ticks import DBL_MAX

if TYPE_CHECKING:
    from ctp2.ib.records import TickOption, TickPrice, TickSize, TickString

Field = CThostFtdcDepthMarketDataField

GENERIC_OF: Final[dict[str, str]] = {"STK": "233", "FUT": "233,588", "OPT": "233,101", "FOP": "233,101"}
"""secType → generic ticks to ask for: trades with their time and VWAP, open interest of futures, of options. None for
other types, and none for snapshots, which TWS refuses with them (414)."""

PRICES: Final[dict[int, tuple[str, str]]] = {
    **dict.fromkeys((1, 66), ("bid", "bid_size")),
    **dict.fromkeys((2, 67), ("ask", "ask_size")),
    **dict.fromkeys((4, 68), ("last", "")),
    **dict.fromkeys((6, 72), ("high", "")),
    **dict.fromkeys((7, 73), ("low", "")),
    **dict.fromkeys((9, 75), ("close", "")),
    **dict.fromkeys((14, 76), ("open", "")),
    37: ("mark", ""),
}
"""Tick type (and that of delayed data) → what it is the price of, and the size in the same message."""
SIZES: Final[dict[int, tuple[str, str]]] = {
    **dict.fromkeys((0, 69), ("bid_size", "bid")),
    **dict.fromkeys((3, 70), ("ask_size", "ask")),
}
"""Tick type → which size, and the price without which there is none."""
VOLUME: Final = frozenset({8, 74})
OPEN_INTEREST: Final[dict[tuple[str, str], tuple[int, ...]]] = {
    ("FUT", ""): (86, 22),
    **{(kind, "C"): (27, 22) for kind in ("OPT", "FOP")},
    **{(kind, "P"): (28, 22) for kind in ("OPT", "FOP")},
}
"""(secType, right) → tick types of the open interest. TWS tells that of an option's calls and puts both."""
TRADES: Final = 48
TIMES: Final = frozenset({45, 88})
MODEL: Final = frozenset({13, 83})
HALTED: Final = frozenset({49, 90})
DELAYED_TYPES: Final = frozenset({3, 4})
"""marketDataType: delayed, delayed and frozen."""
DELAYED_MARK: Final = "DELAYED"
"""ExchangeInstID of delayed data, where live data has IB's local symbol (docs/decisions/0193)."""

_MIDPOINT: Final = frozenset({"CASH", "CMDTY"})
_LOTS_UNTIL: Final = 158
"""Up to this server version TWS tells sizes of US stocks in lots."""
_NS: Final = 1_000_000_000
_MS: Final = 1_000_000


_LATEST_NS: Final = 4_102_444_800 * _NS
"""The year 2100."""


class BadTick(ValueError):
    """The text of a tick that cannot be read."""


def _blank() -> Field:
    field = Field()
    for name in (
        *("LastPrice", "PreSettlementPrice", "PreClosePrice", "OpenPrice", "HighestPrice", "LowestPrice", "ClosePrice"),
        *("SettlementPrice", "UpperLimitPrice", "LowerLimitPrice", "PreDelta", "CurrDelta"),
        *(f"{side}Price{level}" for level in range(1, 6) for side in ("Bid", "Ask")),
        *("BandingUpperPrice", "BandingLowerPrice"),
    ):
        setattr(field, name, DBL_MAX)
    return field


BLANK: Final = _blank()
"""A record that knows nothing."""


class Quote:
    """What is known of an instrument. Sizes are in IB's units; ``server_version`` says whether those are lots."""

    __slots__ = (
        *("ask", "ask_size", "bid", "bid_size", "book", "close", "delta", "halted", "high", "is_delayed", "last"),
        *("low", "mark", "open", "open_interest", "time_ns", "volume", "vwap"),
        *("_interest_types", "_lot", "_stamp_ns", "_told_ns"),
    )

    def __init__(self, resolved: Resolved, server_version: int = _LOTS_UNTIL + 1) -> None:
        contract = resolved.contract
        self.bid: float | None = None
        self.ask: float | None = None
        self.last: float | None = None
        self.high: float | None = None
        self.low: float | None = None
        self.open: float | None = None
        self.close: float | None = None
        self.mark: float | None = None
        self.vwap: float | None = None
        self.delta: float | None = None
        self.bid_size = self.ask_size = self.volume = self.open_interest = 0.0
        self.halted: int | None = None
        self.is_delayed = False
        self.book = Book()
        self.time_ns = 0
        """Time of the last record that was made of it."""
        self._told_ns = 0
        self._stamp_ns = 0
        self._interest_types = OPEN_INTEREST.get((contract.sec_type, contract.right[:1]), (22,))
        is_in_lots = server_version <= _LOTS_UNTIL and contract.sec_type == "STK"
        self._lot = max(1, resolved.details.md_size_multiplier) if is_in_lots else 1

    # ------------------------------------------------------------------ what TWS tells; each: whether a field changed
    def on_price(self, tick: TickPrice) -> bool:
        """A price, and for bid and ask the size. NaN, or -1 without size, is none."""
        names = PRICES.get(tick.type)
        if names is None:
            return False
        name, size_name = names
        price, size = tick.price, tick.size
        is_missing = not is_set(price) or (price == -1 and not size > 0)
        changed = self._set(name, None if is_missing else price)
        if size_name:
            changed = self._set(size_name, 0.0 if is_missing else known_size(size) * self._lot) or changed
        return changed

    def on_size(self, tick: TickSize) -> bool:
        """A size, the volume or the open interest."""
        number, size = tick.type, known_size(tick.size)
        if number in self._interest_types:
            return size > 0 and self._set("open_interest", size)
        if number in VOLUME:
            return self._grow(size * self._lot)
        names = SIZES.get(number)
        if names is None:
            return False
        name, price_name = names
        return self._set(name, 0.0 if getattr(self, price_name) is None else size * self._lot)

    def on_string(self, tick: TickString) -> bool:
        """Trades (``price;size;epoch ms;total volume;VWAP;single-trade flag``) and times.

        Raises:
            BadTick: the text is none of that.
        """
        try:
            if tick.type == TRADES:
                return self._on_trades(tick.value.split(";"))
            if tick.type in TIMES and tick.value:
                self._tell_time(int(tick.value) * _NS)
        except (ValueError, IndexError) as error:
            raise BadTick(f"tick {tick.type} {tick.value[:60]!r}: {error}") from error
        return False

    def _on_trades(self, parts: list[str]) -> bool:
        time_ms, total, average = parts[2], parts[3], parts[4]
        if time_ms:
            self._tell_time(int(time_ms) * _MS)
        changed = bool(total) and self._grow(known_size(float(total)) * self._lot)
        vwap = float(average) if average else 0.0
        return (vwap != 0 and is_set(vwap) and self._set("vwap", vwap)) or changed

    def on_option(self, tick: TickOption) -> bool:
        """The model's delta; beyond 1 it is TWS's way to say that there is none."""
        if tick.type not in MODEL:
            return False
        delta = tick.delta
        return self._set("delta", delta if delta is not None and abs(delta) <= 1 else None)

    def _set(self, name: str, value: float | None) -> bool:
        if getattr(self, name) == value:
            return False
        setattr(self, name, value)
        return True

    def _grow(self, volume: float) -> bool:
        if not volume > self.volume:
            return False
        self.volume = volume
        return True

    def _tell_time(self, moment_ns: int) -> None:
        if moment_ns > _LATEST_NS:
            raise ValueError("no date is that late")
        self._told_ns = max(self._told_ns, moment_ns)
        self._stamp_ns = max(self._stamp_ns, moment_ns)

    # ------------------------------------------------------------------ between packets
    @property
    def is_priced(self) -> bool:
        """Whether bid, ask or last are known."""
        return self.bid is not None or self.ask is not None or self.last is not None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is known that a client might want to see."""
        prices = (self.close, self.open, self.high, self.low, self.mark)
        return not (self.is_priced or self.volume or self.open_interest) and all(price is None for price in prices)

    def new_session(self) -> None:
        """A new day's trading begins: what the day before had reached counts no more."""
        self.volume = 0.0
        self.vwap = self.high = self.low = self.open = None

    def forget_book(self) -> None:
        """The stream was interrupted: bid and ask will be told anew."""
        self.bid = self.ask = None
        self.bid_size = self.ask_size = 0.0
        self.book.clear()

    def clock(self, arrival_ns: int) -> int:
        """The time of the record that is made now; moves only forward (docs/decisions/0193).

        The exchange's time, where this packet told it. Otherwise arrival; for delayed data, whose arrival says
        nothing, the last time that was told.
        """
        told_ns, self._told_ns = self._told_ns, 0
        moment_ns = told_ns or (self._stamp_ns if self.is_delayed else 0) or arrival_ns
        self.time_ns = max(self.time_ns, moment_ns)
        return self.time_ns

    def price(self, sec_type: str) -> float | None:
        """LastPrice: where nothing is traded the midpoint (CASH, CMDTY), else the mark."""
        if self.last is not None:
            return self.last
        if sec_type in _MIDPOINT and self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.mark


_SIDES: Final = tuple(
    tuple((f"{side}Price{level}", f"{side}Volume{level}") for level in range(1, 6)) for side in ("Ask", "Bid")
)


def tick_to_ctp(quote: Quote, resolved: Resolved, day: str, shown_in: ZoneInfo) -> Field:
    """The record of what is known, at ``quote.time_ns``; without InstrumentID. ``day`` is its TradingDay."""
    field = BLANK.__copy__()
    epoch_s, rest = divmod(quote.time_ns, _NS)
    field.TradingDay = day
    field.ActionDay, field.UpdateTime = wall(shown_in, epoch_s)
    field.UpdateMillisec = rest // _MS
    field.ExchangeID = resolved.exchange_id
    field.ExchangeInstID = DELAYED_MARK if quote.is_delayed else resolved.contract.local_symbol
    for name, value in (
        ("LastPrice", quote.price(resolved.contract.sec_type)),
        ("HighestPrice", quote.high),
        ("LowestPrice", quote.low),
        ("OpenPrice", quote.open),
        ("PreClosePrice", quote.close),
        ("PreSettlementPrice", quote.close),
        ("CurrDelta", quote.delta),
    ):
        if value is not None:
            setattr(field, name, value)
    volume = resolved.volume(quote.volume)
    field.Volume = min(volume, INT32_MAX)
    if quote.vwap is not None and volume > 0:
        field.Turnover = quote.vwap * volume * resolved.money
        field.AveragePrice = field.Turnover / volume
    field.OpenInterest = quote.open_interest
    _fill_side(field, resolved, ASK, quote.book.levels(ASK), quote.ask, quote.ask_size)
    _fill_side(field, resolved, BID, quote.book.levels(BID), quote.bid, quote.bid_size)
    return field


def _fill_side(field: Field, resolved: Resolved, side: int, levels: Levels, price: float | None, size: float) -> None:
    """Five levels of the depth where there is one, else the best price alone."""
    shown = levels or ([] if price is None else [(price, size)])
    for (price_name, volume_name), (level_price, level_size) in zip(_SIDES[side], shown, strict=False):
        setattr(field, price_name, level_price)
        setattr(field, volume_name, min(resolved.volume(level_size), INT32_MAX))
