"""Order-by-order truth: an exchange's own stream through the counter's engine, trade by trade.

Two files describe a day of one instrument (CSV or CSV.gz, header required, other columns are ignored):

===========  ====================================================================================================
orders       ``BizIndex``, ``Time`` (HH:MM:SS.mmm), ``Type`` (A add, D delete), ``Side`` (B, S), ``OrderNo``,
             ``Price``, ``Volume`` (what rests after immediate fills; deleted volume)
trades       ``BizIndex``, ``Time``, ``Aggressor`` (B, S, N call auction), ``BidOrderNo``, ``AskOrderNo``,
             ``Price``, ``Volume``
===========  ====================================================================================================

An exchange that reports as an add only what rests leaves the arriving order to be put together: its size is its add
plus its own trades as aggressor, its limit the add's price or, when nothing rested, the worst price it traded at. Each
order number is one participant, so the engine runs without position and fund checks. Orders are collected until 09:25,
trade at one price there and at 15:00 (collected again from 14:57), and continuously from 09:30.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from ctp2.refdata.models import STOCK, Commission, Instrument, MarginRate
from ctp2.tts.commands import CancelOrder, ConfirmSettlement, InsertOrder, OpenAccount, SetPhase
from ctp2.tts.contract import Contract
from ctp2.tts.engine import Engine, Settings
from ctp2.tts.events import Event, InsertRefused, OrderReport, TradeDone
from ctp2.tts.profiles import profile_for
from ctp2.tts.state import State
from ctp2.tts.terms import AUCTION_MATCH, AUCTION_ORDERING, BUY, CLOSE, CONTINUOUS, DELETE, OPEN, SELL

ORDER_COLUMNS: Final = ("BizIndex", "Time", "Type", "Side", "OrderNo", "Price", "Volume")
TRADE_COLUMNS: Final = ("BizIndex", "Time", "Aggressor", "BidOrderNo", "AskOrderNo", "Price", "Volume")

TIMETABLE: Final = (
    ("09:25:00", AUCTION_MATCH),
    ("09:25:00", AUCTION_ORDERING),
    ("09:30:00", CONTINUOUS),
    ("14:57:00", AUCTION_ORDERING),
    ("15:00:00", AUCTION_MATCH),
)
"""When the phases of a Chinese stock exchange begin."""

_PARTICIPANT: Final = "stream"
_MONEY: Final = 10**18


class StreamError(ValueError):
    """A stream file that cannot be used; the text names file, line and column."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One match: the two order numbers, price in price units, volume."""

    bid_order: str
    ask_order: str
    price: int
    volume: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One row that makes the engine act: an order that arrives, or a delete."""

    index: int
    time: str
    order: str
    side: str
    price: Decimal
    volume: int
    is_delete: bool


@dataclass(slots=True)
class Report:
    """How far the engine agrees with the stream.

    ``first_difference`` is (place, ours, theirs) with None for a trade that is missing on one side; ``refused`` names
    orders that the engine did not take.
    """

    ours: int = 0
    theirs: int = 0
    identical: int = 0
    first_difference: tuple[int, Trade | None, Trade | None] | None = None
    refused: list[str] = field(default_factory=list)
    price_scale: int = 1

    @property
    def agrees(self) -> bool:
        """Every trade identical in order, price, volume and both order numbers."""
        return self.ours == self.theirs == self.identical and not self.refused


@dataclass(slots=True)
class Stream:
    """A day's stream, ready to be fed: steps in the exchange's order and the trades that came of them."""

    steps: list[_Step]
    trades: list[Trade]
    price_scale: int


def read_stream(orders: str | Path, trades: str | Path) -> Stream:
    """Read the two files.

    Raises:
        StreamError: a missing file or column, or a cell that is not what its column holds.
    """
    order_rows = list(_rows(Path(orders), ORDER_COLUMNS))
    trade_rows = list(_rows(Path(trades), TRADE_COLUMNS))
    scale = _scale(row.price for row in [*order_rows, *trade_rows])
    adds = {row.number("OrderNo"): row for row in order_rows if row.text("Type") == "A"}
    taken: dict[str, int] = {}
    worst: dict[str, Decimal] = {}
    for row in trade_rows:
        if row.aggressor:
            taken[row.aggressor] = taken.get(row.aggressor, 0) + row.volume
            worst[row.aggressor] = row.price
    seen: set[str] = set()
    steps: list[_Step] = []
    for row in sorted([*order_rows, *trade_rows], key=lambda item: item.index):
        step = _step(row, adds, taken, worst, seen)
        if step is not None:
            steps.append(step)
    found = [
        Trade(row.number("BidOrderNo"), row.number("AskOrderNo"), int(row.price * scale), row.volume)
        for row in trade_rows
    ]
    return Stream(steps, found, scale)


def verify(stream: Stream, reference: float | None = None, progress: Callable[[int], None] | None = None) -> Report:
    """Feed the stream to a fresh engine and compare its trades with the exchange's.

    ``reference`` is the previous close, which decides between auction prices that are equal in everything else.
    ``progress`` is called with the number of steps done, about a hundred times.
    """
    feed = _Feed(stream, reference)
    every = max(len(stream.steps) // 100, 1)
    for done, step in enumerate(stream.steps, 1):
        feed.take(step)
        if progress is not None and done % every == 0:
            progress(done)
    feed.finish()
    return _compare(feed.trades(), stream, feed.refused)


def _compare(ours: Sequence[Trade], stream: Stream, refused: list[str]) -> Report:
    report = Report(len(ours), len(stream.trades), refused=refused, price_scale=stream.price_scale)
    for place in range(max(len(ours), len(stream.trades))):
        mine = ours[place] if place < len(ours) else None
        theirs = stream.trades[place] if place < len(stream.trades) else None
        if mine == theirs:
            report.identical += 1
        elif report.first_difference is None:
            report.first_difference = (place, mine, theirs)
    return report


class _Feed:
    """An engine with one instrument, and the trades it makes."""

    def __init__(self, stream: Stream, reference: float | None) -> None:
        self.refused: list[str] = []
        self._sides: dict[int, dict[bool, TradeDone]] = {}
        self._timetable = list(TIMETABLE)
        self._engine = Engine(State("20000101"), Settings(checks=False))
        contract = _contract(stream.price_scale)
        contract.phase = AUCTION_ORDERING
        if reference is not None:
            contract.pre_settlement = round(reference * stream.price_scale)
        self._engine.add_contract(contract)
        self._engine.open_account(OpenAccount(1, _PARTICIPANT, {"CNY": _MONEY}))
        self._engine.confirm_settlement(ConfirmSettlement(1, _PARTICIPANT))

    def take(self, step: _Step) -> None:
        """One step, after the phases that began before it."""
        while self._timetable and self._timetable[0][0] <= step.time:
            self._enter(self._timetable.pop(0)[1])
        if step.is_delete:
            self._engine.cancel_order(_cancel(step))
            return
        events = self._engine.insert_order(_order(step))
        self._note(events)
        last = events[-1]
        if isinstance(last, InsertRefused) or (isinstance(last, OrderReport) and last.reason):
            self.refused.append(step.order)

    def finish(self) -> None:
        """The phases that the last step did not reach: the closing auction."""
        while self._timetable:
            self._enter(self._timetable.pop(0)[1])

    def trades(self) -> list[Trade]:
        """The engine's trades in their order, both sides put together."""
        found = []
        for number in sorted(self._sides):
            bid, ask = self._sides[number][True], self._sides[number][False]
            found.append(Trade(bid.order.order_ref, ask.order.order_ref, bid.price, bid.volume))
        return found

    def _enter(self, phase: str) -> None:
        self._note(self._engine.set_phase(SetPhase(1, 0, phase)))

    def _note(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, TradeDone):
                self._sides.setdefault(event.trade_id, {})[event.order.is_buy] = event


def _contract(scale: int) -> Contract:
    instrument = Instrument(
        exchange="SSE",
        code="STREAM",
        product="STREAM",
        product_class=STOCK,
        multiplier=1,
        price_tick=Decimal(1) / scale,
        max_limit_volume=10**9,
    )
    margin = MarginRate(long_by_money=Decimal(1), short_by_money=Decimal(1))
    return Contract(0, instrument, margin, Commission(), profile_for("exchange", "SSE"), is_matched=True)


def _order(step: _Step) -> InsertOrder:
    is_buy = step.side == "B"
    return InsertOrder(
        now_ns=1,
        front_id=1,
        # One session per order: the exchange's numbers need not rise as a client's OrderRef must.
        session_id=int(step.order),
        account_id=_PARTICIPANT,
        investor_id=_PARTICIPANT,
        user_id=_PARTICIPANT,
        exchange="SSE",
        instrument="STREAM",
        order_ref=step.order,
        direction=BUY if is_buy else SELL,
        comb_offset=OPEN if is_buy else CLOSE,
        price=float(step.price),
        volume=step.volume,
    )


def _cancel(step: _Step) -> CancelOrder:
    number = int(step.order)
    return CancelOrder(1, _PARTICIPANT, _PARTICIPANT, _PARTICIPANT, "SSE", "STREAM", "", 1, number, step.order, DELETE)


# ------------------------------------------------------------------ reading
class _Row:
    """A line of one of the files, with its place for messages."""

    __slots__ = ("_cells", "_place", "aggressor", "index", "price", "time", "volume")

    def __init__(self, cells: dict[str, str], place: str) -> None:
        self._cells = cells
        self._place = place
        self.index = int(self.number("BizIndex"))
        self.time = cells["Time"]
        self.price = self._price()
        self.volume = int(self.number("Volume"))
        column = {"B": "BidOrderNo", "S": "AskOrderNo"}.get(cells.get("Aggressor", ""), "")
        self.aggressor = self.number(column) if column else ""

    def text(self, column: str) -> str:
        """A cell as it is; empty when the file has no such column."""
        return self._cells.get(column) or ""

    def number(self, column: str) -> str:
        """A cell that must be a whole number."""
        text = self.text(column)
        if not (text.isascii() and text.isdigit()):
            raise StreamError(f"{self._place}: {column}: {text!r} is not a whole number")
        return text

    def _price(self) -> Decimal:
        try:
            price = Decimal(self._cells["Price"])
        except InvalidOperation:
            raise StreamError(f"{self._place}: Price: {self._cells['Price']!r} is not a number") from None
        if not price.is_finite() or price.as_tuple().exponent not in range(-6, 7):
            raise StreamError(f"{self._place}: Price: {price} has more than six decimals or is no number")
        return price


def _rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    if not path.is_file():
        raise StreamError(f"{path}: no such file")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise StreamError(f"{path}:1: missing column {', '.join(missing)}")
    for line, cells in enumerate(reader, 2):
        yield _Row(cells, f"{path}:{line}")


def _scale(prices: Iterator[Decimal]) -> int:
    """The power of ten that makes every price of the files an integer."""
    digits = 0
    for price in prices:
        exponent = price.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        digits = max(digits, -exponent)
    return int(10**digits)


def _step(
    row: _Row, adds: dict[str, _Row], taken: dict[str, int], worst: dict[str, Decimal], seen: set[str]
) -> _Step | None:
    """What a row makes happen: an order's first sign is its arrival, later ones are its consequences."""
    kind = row.text("Type")
    if kind == "D":
        return _Step(row.index, row.time, row.number("OrderNo"), row.text("Side"), row.price, row.volume, True)
    number = row.number("OrderNo") if kind == "A" else row.aggressor
    if not number or number in seen:
        return None
    seen.add(number)
    add = adds.get(number)
    side = row.text("Side") if kind == "A" else row.text("Aggressor")
    size = taken.get(number, 0) + (add.volume if add is not None else 0)
    return _Step(row.index, row.time, number, side, add.price if add is not None else worst[number], size, False)
