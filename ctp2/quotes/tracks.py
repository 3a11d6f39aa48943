"""What is known of one instrument, and when a row of it is news (spec quotes 3, 7, 8.5).

Each source has a lane: rows of one source must not go back in time (its edge nodes lag each other). With two sources
the fresher one leads; the other takes over when a row of it is younger. The lanes fill each other's gaps: price limits
and the US exchange are Tencent's, also while Sina leads.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ctp2.quotes import codes, translate
from ctp2.quotes.numbers import INT32_MAX, Damaged
from ctp2.quotes.poller import Outcome
from ctp2.quotes.translate_world import extended
from ctp2.refdata.calendar import zone_info
from ctp2.refdata.sessions import instant_ns
from ctp2.refdata.ticks import DBL_MAX

if TYPE_CHECKING:
    from ctp2.quotes.config import Config
    from ctp2.quotes.sources import Layout
    from ctp2.quotes.symbols import Symbol
    from ctp2.quotes.translate import Field, Reading

log = logging.getLogger("ctp2.quotes")

_REPEATS: Final = 3
"""A row that goes back is believed when it has come so often."""
_DAMAGE_S: Final = 3600
_NS: Final = 1_000_000_000
_ROUNDING: Final = 100
"""Tencent's volumes are whole lots: by less than this the sources differ, and the younger turnover is good."""
_BOOK_S: Final = 15
"""Best prices that are older than so much are of another moment; Tencent is 12 s behind in New York (spec 1.4)."""
_BEST: Final = ("BidPrice1", "BidVolume1", "AskPrice1", "AskVolume1")
_SHOWN_BYTES: Final = 200
_told: Final[set[tuple[str, str, str]]] = set()
"""Source, kind of instrument and kind of remark whose first row stands in the log in full."""


class Lane:
    """One source's rows of one instrument."""

    __slots__ = ("damage_ns", "damaged", "field", "held", "held_count", "moment", "volume")

    def __init__(self) -> None:
        self.field: Field | None = None
        self.moment = 0
        self.volume = 0
        self.held = ""
        self.held_count = 0
        self.damaged = 0
        self.damage_ns = 0


class Track:
    """One instrument: its lanes, and the record that clients were shown last (``field``, without InstrumentID)."""

    __slots__ = ("field", "is_news", "lanes", "leader", "moment", "name", "remarked", "symbol", "volume")

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.lanes: dict[Layout, Lane] = {}
        self.leader = ""
        self.field: Field | None = None
        self.moment = 0
        self.volume = 0
        self.name = ""
        self.remarked: set[str] = set()
        self.is_news = False
        """Whether the last row changed what clients are to be shown."""

    # ------------------------------------------------------------------ a row
    def take(self, source: Layout, row: str, config: Config, now_ns: int) -> Outcome:
        """Read a row; ``is_news`` says whether it makes a tick."""
        self.is_news = False
        lane = self.lanes.get(source)
        if lane is None:
            lane = self.lanes[source] = Lane()
        try:
            reading = translate.tick_to_ctp(source, self.symbol, row)
            if (
                reading is not None
                and config.options.us_extended == "on"
                and (source, self.symbol.market) == ("sina", "us")
            ):
                reading = extended(reading, row)
        except Damaged as error:
            self._tell_damage(lane, source, row, error, now_ns)
            return Outcome.DAMAGED
        if reading is None:
            return Outcome.MISSING
        self.name = self.name or reading.name
        if reading.remark:
            self._remark(reading, row, source)
        if self._goes_back(lane, reading, row):
            return Outcome.HELD
        self._keep_volume(lane, reading)
        lane.field, lane.moment, lane.volume = reading.field, reading.moment, reading.volume
        self._offer(source, reading, config)
        return Outcome.READ

    def _goes_back(self, lane: Lane, reading: Reading, row: str) -> bool:
        known = lane.field
        if known is None:
            return False
        is_older = reading.moment < lane.moment or (
            not reading.keeps_volume and reading.field.TradingDay == known.TradingDay and reading.volume < lane.volume
        )
        if not is_older:
            lane.held, lane.held_count = "", 0
            return False
        lane.held_count = lane.held_count + 1 if row == lane.held else 1
        lane.held = row
        if lane.held_count < _REPEATS:
            return True
        lane.held, lane.held_count = "", 0
        self.moment = self.volume = 0  # the source insists: what was shown counts no more
        return False

    def _keep_volume(self, lane: Lane, reading: Reading) -> None:
        """A row whose volume fits in no unit shows that of the row before (spec 3.9)."""
        known = lane.field
        if reading.keeps_volume and known is not None and known.TradingDay == reading.field.TradingDay:
            reading.volume = lane.volume
            reading.field.Volume = known.Volume
            reading.field.Turnover = known.Turnover
            reading.field.AveragePrice = known.AveragePrice

    # ------------------------------------------------------------------ what is shown
    def _offer(self, source: Layout, reading: Reading, config: Config) -> None:
        """Show a row if its source leads, or takes the lead with it."""
        if self.field is not None and self.leader != source and reading.moment <= self.moment:
            self._fill_shown(reading.field)
            return
        field: Field = reading.field.__copy__()
        if len(self.lanes) > 1:
            self._fill_gaps(source, field, reading)
        self._dress(field, config)
        self.leader, self.moment, self.volume = source, reading.moment, reading.volume
        shown, self.field = self.field, field
        self.is_news = shown is None or config.options.emit == "all" or self._differs(shown, field, config)
        if not self.is_news:
            # What clients have been shown stays what they were shown, but its time moves on.
            return
        if reading.volume > INT32_MAX and f"clamped {field.TradingDay}" not in self.remarked:
            self.remarked.add(f"clamped {field.TradingDay}")
            log.warning("%s: a volume of %d is shown as %d", self.symbol.code, reading.volume, INT32_MAX)

    @staticmethod
    def _differs(shown: Field, field: Field, config: Config) -> bool:
        if shown == field:
            return False
        if config.options.emit == "time":
            return True
        time, millisec = field.UpdateTime, field.UpdateMillisec
        field.UpdateTime, field.UpdateMillisec = shown.UpdateTime, shown.UpdateMillisec
        is_same = shown == field
        field.UpdateTime, field.UpdateMillisec = time, millisec
        return not is_same

    def _fill_gaps(self, source: Layout, field: Field, reading: Reading) -> None:
        """What only the other source tells, and a volume that does not go back by rounding alone."""
        for name, lane in self.lanes.items():
            other = lane.field
            if name == source or other is None:
                continue
            if field.ExchangeID == codes.UNITED_STATES and self.symbol.market == "us":
                field.ExchangeID = other.ExchangeID
            if other.TradingDay == field.TradingDay:
                if self._lends_its_book(field, reading, lane):
                    for member in _BEST:
                        setattr(field, member, getattr(other, member))
                if field.UpperLimitPrice == DBL_MAX:
                    field.UpperLimitPrice = other.UpperLimitPrice
                if field.LowerLimitPrice == DBL_MAX:
                    field.LowerLimitPrice = other.LowerLimitPrice
        shown = self.field
        if shown is not None and shown.TradingDay == field.TradingDay:
            behind = self.volume - reading.volume
            if behind > 0:
                reading.volume, field.Volume = self.volume, shown.Volume
            if behind >= _ROUNDING:
                # One of them has no figure, as Sina for bonds: who led with one is not taken back by who has none.
                field.Turnover, field.AveragePrice = shown.Turnover, shown.AveragePrice

    def _lends_its_book(self, field: Field, reading: Reading, lane: Lane) -> bool:
        """Abroad only one of the sources has best prices: they must not come and go with who leads."""
        market = self.symbol.market
        if market not in ("hk", "us") or self.symbol.kind == "index":
            return False
        if field.BidPrice1 != DBL_MAX or field.AskPrice1 != DBL_MAX:
            return False
        return moment_ns(reading.moment, market) - moment_ns(lane.moment, market) <= _BOOK_S * _NS

    def _dress(self, field: Field, config: Config) -> None:
        """The options that change what a record says."""
        options, market = config.options, self.symbol.market
        if options.spot_presettle == "preclose" and market in ("cn", "hk", "us"):
            field.PreSettlementPrice = field.PreClosePrice
        if options.dce_action_day == "ctp" and field.ExchangeID in ("DCE", "GFEX"):
            field.ActionDay = field.TradingDay
        if market == "us" and config.shows_beijing:
            field.ActionDay, field.UpdateTime = in_beijing(field.ActionDay, field.UpdateTime)

    def take_limits(self, row: str) -> bool:
        """A row of Tencent for its price limits alone; whether it had any for the day that is shown."""
        try:
            reading = translate.tick_to_ctp("tencent", self.symbol, row)
        except Damaged as error:
            log.warning("tencent: no price limits of %s: %s", self.symbol.code, error)
            return False
        if reading is None or self.field is None or reading.field.TradingDay != self.field.TradingDay:
            return False
        lane = self.lanes.setdefault("tencent", Lane())
        lane.field = reading.field
        self.is_news = False
        self._fill_shown(reading.field)
        return True

    def _fill_shown(self, other: Field) -> None:
        """Price limits that the leading source does not have."""
        field = self.field
        if field is None or field.UpperLimitPrice != DBL_MAX or field.TradingDay != other.TradingDay:
            return
        if other.UpperLimitPrice == DBL_MAX and other.LowerLimitPrice == DBL_MAX:
            return
        changed: Field = field.__copy__()
        changed.UpperLimitPrice, changed.LowerLimitPrice = other.UpperLimitPrice, other.LowerLimitPrice
        self.field = changed
        self.is_news = True

    def row_ns(self, source: Layout) -> int:
        """The instant that the last row of a source bears."""
        lane = self.lanes.get(source)
        return moment_ns(lane.moment, self.symbol.market) if lane is not None and lane.moment else 0

    # ------------------------------------------------------------------ what is told
    def _remark(self, reading: Reading, row: str, source: Layout) -> None:
        """The first row of a kind that cannot be taken as it is, in full (spec 12)."""
        kind = reading.remark.partition(":")[0]
        if kind in self.remarked:
            return
        self.remarked.add(kind)
        if (source, self.symbol.kind, kind) in _told:
            log.info("%s: %s: %s", source, self.symbol.code, reading.remark)
        else:
            _told.add((source, self.symbol.kind, kind))
            log.warning("%s: %s: %s; its row: %s", source, self.symbol.code, reading.remark, row)

    def _tell_damage(self, lane: Lane, source: Layout, row: str, error: Damaged, now_ns: int) -> None:
        lane.damaged += 1
        if now_ns - lane.damage_ns >= _DAMAGE_S * _NS or not lane.damage_ns:
            lane.damage_ns = now_ns
            shown = row.encode("utf-8", errors="replace")[:_SHOWN_BYTES].decode("utf-8", errors="ignore")
            log.warning("%s: a row of %s is skipped: %s: %r", source, self.symbol.code, error, shown)


@lru_cache(maxsize=8192)
def moment_ns(moment: int, market: codes.Market) -> int:
    """YYYYMMDDHHMMSSmmm of a market as UTC nanoseconds."""
    rest, millisec = divmod(moment, 1000)
    day, time = divmod(rest, 1_000_000)
    seconds = time // 10_000 * 3600 + time // 100 % 100 * 60 + time % 100
    return instant_ns(codes.ZONE_OF_MARKET[market], f"{day:08d}", seconds) + millisec * 1_000_000


@lru_cache(maxsize=4096)
def in_beijing(day: str, time: str) -> tuple[str, str]:
    """New York's day and time as Beijing's."""
    from datetime import datetime

    local = datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S").replace(tzinfo=zone_info("America/New_York"))
    shown = local.astimezone(zone_info("Asia/Shanghai"))
    return shown.strftime("%Y%m%d"), shown.strftime("%H:%M:%S")
