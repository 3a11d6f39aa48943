"""The market of the stand-in: a seeded walk of every contract in steps of its tick, or what a test has set.

A step is made at fixed distances of the clock (:class:`Quotes.catch_up`), each contract walks by a random source of its
own, made of seed and conId: the values of a contract are the same whatever else is listed, asked or set. An option
follows its underlying by the Black-Scholes price.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from random import Random
from typing import Any, Final

from ctp2.testing.tws.blackscholes import Option
from ctp2.testing.tws.contracts import Contracts, Listed

NS: Final = 1_000_000_000
STEP_NS: Final = 250_000_000
"""Between two steps of the walk."""
MOST_STEPS: Final = 4_000
"""A clock that jumps further makes no more: nobody has seen the values between."""
BAND: Final = 200
"""Ticks that a price goes away from where it began."""
VOLATILITY: Final = 0.25
"""A year's, of every underlying."""
_YEAR_NS: Final = 365 * 86400 * NS


@dataclass(slots=True)
class Quote:
    """What a contract shows. ``None`` is a value that there is not; sizes are of the contract's own unit.

    Attributes:
        bid, ask, last: Prices.
        volume: Of the day.
        turnover: Sum of price × size of the day's trades, for the VWAP.
        close: Of the day before.
        halted: 0 trading, 1 halted, 2 halted by volatility.
        open_interest: Of futures and options.
        time_ns: Of the last trade.
    """

    bid: float | None = None
    bid_size: float | None = None
    ask: float | None = None
    ask_size: float | None = None
    last: float | None = None
    last_size: float | None = None
    volume: float | None = None
    turnover: float = 0.0
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    mark: float | None = None
    halted: int = 0
    open_interest: float | None = None
    time_ns: int = 0

    @property
    def vwap(self) -> float | None:
        """The average price of the day by volume."""
        return round(self.turnover / self.volume, 8) if self.volume else None


NAMES: Final = frozenset(one.name for one in fields(Quote))
Listener = Callable[[Listed, frozenset[str]], None]
"""Told of a contract and of the names of what has changed."""


def in_ticks(value: float, tick: float) -> float:
    """The price at the nearest tick, without the noise of binary fractions."""
    return round(round(value / tick) * tick, 10)


class Quotes:
    """The quotes of all contracts. Not thread-safe: everything on the stand-in's loop."""

    def __init__(self, contracts: Contracts, seed: int, now_ns: int) -> None:
        self.contracts = contracts
        self.seed = seed
        self._start_ns = now_ns
        self._done = 0
        self._quotes: dict[int, Quote] = {}
        self._random: dict[int, Random] = {}
        self._still: set[int] = set()
        self._listeners: list[Listener] = []
        self._now_ns = now_ns
        for listed in contracts:
            self.of(listed)

    # ------------------------------------------------------------------ looking
    def of(self, listed: Listed) -> Quote:
        """The quote of a contract; of one that was listed later it begins now."""
        quote = self._quotes.get(listed.con_id)
        if quote is None:
            quote = self._quotes[listed.con_id] = self._opening(listed)
        return quote

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` of every change from now on."""
        self._listeners.append(listener)

    def option(self, listed: Listed) -> Option | None:
        """What an option's price follows from; None for other contracts and where the underlying is not listed."""
        under = self.contracts.by_id.get(listed.under_con_id)
        if listed.sec_type not in ("OPT", "FOP", "WAR") or under is None:
            return None
        spot = self.of(under).last
        if spot is None or not spot > 0:
            return None
        return Option(spot, listed.strike, self._years(listed), listed.right == "C", VOLATILITY)

    # ------------------------------------------------------------------ moving
    def catch_up(self, now_ns: int) -> None:
        """Make the steps that are due at ``now_ns`` (UTC ns)."""
        due = (now_ns - self._start_ns) // STEP_NS
        steps = min(due - self._done, MOST_STEPS)
        for number in range(due - steps + 1, due + 1):
            self._now_ns = self._start_ns + number * STEP_NS
            self._step()
        self._done = max(self._done, due)
        self._now_ns = max(self._now_ns, now_ns)

    def put(self, listed: Listed, **values: Any) -> None:
        """Put ``values`` (members of :class:`Quote`) in place and let the contract walk no more.

        A ``last`` counts as a trade of ``last_size`` (1 if not given) unless ``volume`` is given too.

        Raises:
            ValueError: a name that a quote has not.
        """
        unknown = set(values) - NAMES
        if unknown:
            raise ValueError(f"a quote has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(NAMES))}")
        quote = self.of(listed)
        self._still.add(listed.con_id)
        changed = {name for name, value in values.items() if getattr(quote, name) != value}
        for name, value in values.items():
            setattr(quote, name, value)
        if values.get("last") is not None and "volume" not in values:
            size = values.get("last_size") or 1
            changed |= self._traded(quote, float(values["last"]), float(size))
        self._tell(listed, changed)

    def mark_halted(self, listed: Listed, halted: int) -> None:
        """0 trading, 1 halted, 2 halted by volatility; a halted contract does not walk."""
        quote = self.of(listed)
        if quote.halted != halted:
            quote.halted = halted
            self._tell(listed, {"halted"})

    def traded(self, listed: Listed, prints: Iterable[tuple[float, float]], bid_size: float, ask_size: float) -> None:
        """Clients' orders traded: price and size of each trade, and what is left of the quoted sizes."""
        quote = self.of(listed)
        changed = {"bid_size", "ask_size"}
        quote.bid_size, quote.ask_size = bid_size, ask_size
        for price, size in prints:
            if listed.sec_type != "CASH":
                quote.last = price
                changed |= self._traded(quote, price, size)
        self._tell(listed, changed)

    def walk(self, listed: Listed) -> None:
        """Let the contract walk again, from where it is."""
        self._still.discard(listed.con_id)

    def stand(self, listed: Listed) -> None:
        """Let the contract walk no more; it keeps what it shows."""
        self.of(listed)
        self._still.add(listed.con_id)

    # ------------------------------------------------------------------ inside
    def _source(self, listed: Listed) -> Random:
        return self._random.setdefault(listed.con_id, Random(f"{self.seed}/{listed.con_id}"))

    def _opening(self, listed: Listed) -> Quote:
        random = self._source(listed)
        tick, start = listed.min_tick, in_ticks(listed.price, listed.min_tick)
        quote = Quote(close=in_ticks(start * (1 + random.uniform(-0.01, 0.01)), tick), time_ns=self._now_ns)
        if listed.sec_type in ("FUT", "OPT", "FOP"):
            quote.open_interest = float(1000 + random.randrange(100_000))
        option = self.option(listed)
        price = max(in_ticks(option.price(), tick), tick) if option else start
        self._show(listed, quote, price, random)
        if listed.sec_type != "CASH":
            quote.open = quote.high = quote.low = quote.last = price
            quote.volume = 0.0
            self._traded(quote, price, _lot(listed, random))
        return quote

    def _step(self) -> None:
        for listed in self.contracts:
            before = self.of(listed)
            if listed.con_id in self._still or before.halted:
                continue
            shown = {name: getattr(before, name) for name in NAMES}
            self._walk_once(listed, before)
            self._tell(listed, {name for name in NAMES if getattr(before, name) != shown[name]})

    def _walk_once(self, listed: Listed, quote: Quote) -> None:
        random, tick = self._source(listed), listed.min_tick
        middle = quote.last if quote.last is not None else _middle(quote, listed.price)
        option = self.option(listed)
        move = random.choice((-1, 0, 0, 1))
        if option:
            price = max(in_ticks(option.price(), tick), tick)
        else:
            away = round((middle - listed.price) / tick) + move
            is_far = abs(away) > BAND or middle + 2 * move * tick <= 0
            price = in_ticks(middle + (-move if is_far else move) * tick, tick)
        self._show(listed, quote, price, random)
        if listed.sec_type not in ("CASH", "IND") and random.random() < 0.5:
            quote.last = price
            self._traded(quote, price, _lot(listed, random))
        elif listed.sec_type == "IND":
            quote.last = price
            _stretch(quote, price)

    def _show(self, listed: Listed, quote: Quote, price: float, random: Random) -> None:
        """Bid and ask around ``price``, one tick to each side."""
        quote.mark = price
        if listed.sec_type == "IND":
            return
        tick = listed.min_tick
        quote.bid, quote.ask = in_ticks(price - tick, tick), in_ticks(price + tick, tick)
        if listed.sec_type in ("OPT", "FOP", "WAR") and quote.bid <= 0:
            quote.bid, quote.bid_size = -1.0, 0.0
        else:
            quote.bid_size = _lot(listed, random)
        quote.ask_size = _lot(listed, random)

    def _traded(self, quote: Quote, price: float, size: float) -> set[str]:
        quote.last_size = size
        quote.volume = (quote.volume or 0.0) + size
        quote.turnover += price * size
        quote.time_ns = self._now_ns
        changed = {"last", "last_size", "volume", "time_ns"}
        changed |= _stretch(quote, price)
        if quote.open is None:
            quote.open = price
            changed.add("open")
        return changed

    def _tell(self, listed: Listed, changed: Iterable[str]) -> None:
        names = frozenset(changed)
        if names:
            for listener in list(self._listeners):
                listener(listed, names)

    def _years(self, listed: Listed) -> float:
        """Until the end of the last trading day, at least a day: at the very end nothing could be computed."""
        last = dt.datetime.strptime(listed.date[:8], "%Y%m%d").replace(tzinfo=dt.UTC) + dt.timedelta(days=1)
        return max(last.timestamp() * NS - self._now_ns, 86400 * NS) / _YEAR_NS


def _stretch(quote: Quote, price: float) -> set[str]:
    """High and low with one more price; the names of what has changed."""
    before = quote.high, quote.low
    quote.high = price if quote.high is None else max(quote.high, price)
    quote.low = price if quote.low is None else min(quote.low, price)
    return {name for name, old in zip(("high", "low"), before, strict=True) if getattr(quote, name) != old}


def _middle(quote: Quote, otherwise: float) -> float:
    if quote.bid is None or quote.ask is None or math.isnan(quote.bid) or math.isnan(quote.ask):
        return otherwise
    return (quote.bid + quote.ask) / 2


def _lot(listed: Listed, random: Random) -> float:
    """A size: in whole increments, of forex in hundred thousands."""
    if listed.sec_type == "CASH":
        return 100_000.0 * (1 + random.randrange(20))
    increment = float(listed.size_increment or 1)
    lots = 100 if listed.sec_type == "STK" and increment == 1 else 1
    return increment * lots * (1 + random.randrange(9))
