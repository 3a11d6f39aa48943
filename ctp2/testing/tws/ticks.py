"""Quotes as ticks: the number of each value, live and delayed, and what of a quote a subscription shows (spec 5.8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ctp2.testing.tws import replies
from ctp2.testing.tws.blackscholes import Option
from ctp2.testing.tws.contracts import Listed
from ctp2.testing.tws.quotes import NS, Quote
from ctp2.testing.tws.replies import Fields
from ctp2.testing.tws.wire import text_of

LIVE, FROZEN, DELAYED, DELAYED_FROZEN = 1, 2, 3, 4
"""Kinds of market data, as message 58 and request 59 number them."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A price, and the size that travels in the same message and once more by itself."""

    price: str
    size: str
    live: tuple[int, int]
    delayed: tuple[int, int]
    mask: int = 0


PRICED: Final = (
    Priced("bid", "bid_size", (1, 0), (66, 69), mask=1),
    Priced("ask", "ask_size", (2, 3), (67, 70), mask=1),
    Priced("last", "last_size", (4, 5), (68, 71)),
)
PRICES: Final = {"high": (6, 72), "low": (7, 73), "open": (14, 76), "close": (9, 75)}
"""Prices without a size, live and delayed."""
VOLUME: Final = (8, 74)
TIME: Final = (45, 88)
HALTED: Final = (49, 90)
MARK: Final = 37
TRADE: Final = 48
OPEN_INTEREST: Final = 86
CALL_OPEN_INTEREST, PUT_OPEN_INTEREST = 27, 28
COMPUTED: Final = {"bid": (10, 80), "ask": (11, 81), "last": (12, 82)}
MODEL: Final = (13, 83)

GENERIC: Final[dict[str, frozenset[str]]] = {
    "100": frozenset({"OPT", "FOP"}),
    "101": frozenset({"OPT", "FOP"}),
    "104": frozenset({"STK", "OPT", "IND", "FUT"}),
    "106": frozenset({"STK", "OPT", "IND", "FUT"}),
    "165": frozenset({"STK"}),
    "221": frozenset({"STK", "FUT", "OPT", "FOP", "CASH", "IND", "CFD", "CMDTY", "CRYPTO"}),
    "225": frozenset({"STK"}),
    "232": frozenset({"STK", "FUT", "OPT", "FOP", "CASH", "IND", "CFD", "CMDTY", "CRYPTO"}),
    "233": frozenset({"STK", "FUT", "OPT", "FOP", "CFD", "CRYPTO", "WAR"}),
    "236": frozenset({"STK"}),
    "258": frozenset({"STK"}),
    "293": frozenset({"STK"}),
    "294": frozenset({"STK"}),
    "295": frozenset({"STK", "FUT"}),
    "375": frozenset({"STK", "FUT", "OPT", "FOP"}),
    "411": frozenset({"STK"}),
    "456": frozenset({"STK"}),
    "588": frozenset({"FUT"}),
}
"""Generic ticks that may be asked, and of which types of contract. Only 101, 221 (232), 233 and 588 bring anything."""


def size_for(version: int, size: float | None) -> int | float:
    """A size as this connection may be told it: whole below 163, where a point ends an official client (spec 6.2)."""
    if size is None:
        return 0
    return int(size) if version < 163 else size


@dataclass(frozen=True, slots=True)
class Shown:
    """What one subscription is told of a quote."""

    req_id: int
    version: int
    listed: Listed
    kind: int
    generic: frozenset[str]

    @property
    def _delayed(self) -> int:
        return 1 if self.kind in (DELAYED, DELAYED_FROZEN) else 0

    def messages(self, quote: Quote, option: Option | None, changed: Collection[str]) -> Iterator[Fields]:
        """The messages for the values named in ``changed``, in TWS's order; nothing for a value that there is not."""
        yield from self._priced(quote, changed)
        yield from self._others(quote, changed)
        if option is not None:
            yield from self._computed(quote, option, changed)

    def _priced(self, quote: Quote, changed: Collection[str]) -> Iterator[Fields]:
        for one in PRICED:
            price, size = getattr(quote, one.price), getattr(quote, one.size)
            numbers = one.delayed if self._delayed else one.live
            if price is not None and one.price in changed:
                yield replies.tick_price(self.req_id, numbers[0], price, size_for(self.version, size), one.mask)
            if size is not None and (one.size in changed or (price is not None and one.price in changed)):
                yield replies.tick_size(self.req_id, numbers[1], size_for(self.version, size))

    def _others(self, quote: Quote, changed: Collection[str]) -> Iterator[Fields]:
        req_id, delayed = self.req_id, self._delayed
        if "volume" in changed and quote.volume is not None:
            yield replies.tick_size(req_id, VOLUME[delayed], size_for(self.version, quote.volume))
        for name, numbers in PRICES.items():
            price = getattr(quote, name)
            if name in changed and price is not None:
                yield replies.tick_price(req_id, numbers[delayed], price, 0)
        if "time_ns" in changed and quote.last is not None:
            yield replies.tick_string(req_id, TIME[delayed], str(quote.time_ns // NS))
        if "halted" in changed and self.listed.sec_type in ("STK", "FUT", "OPT", "FOP"):
            yield replies.tick_generic(req_id, HALTED[delayed], quote.halted)
        if "mark" in changed and quote.mark is not None and self.generic & {"221", "232"}:
            yield replies.tick_price(req_id, MARK, quote.mark, 0)
        if "open_interest" in changed and quote.open_interest is not None:
            yield from self._open_interest(quote.open_interest)
        if "volume" in changed and quote.volume is not None and "233" in self.generic and not delayed:
            yield replies.tick_string(req_id, TRADE, self._trade(quote))

    def _open_interest(self, interest: float) -> Iterator[Fields]:
        if self.listed.sec_type == "FUT" and "588" in self.generic:
            yield replies.tick_size(self.req_id, OPEN_INTEREST, int(interest))
        if self.listed.sec_type in ("OPT", "FOP") and "101" in self.generic:
            own = CALL_OPEN_INTEREST if self.listed.right == "C" else PUT_OPEN_INTEREST
            other = CALL_OPEN_INTEREST + PUT_OPEN_INTEREST - own
            yield replies.tick_size(self.req_id, own, int(interest))
            yield replies.tick_size(self.req_id, other, 0)

    def _trade(self, quote: Quote) -> str:
        """``price;size;epoch ms;total volume;VWAP;single-trade flag``; the price can be empty."""
        values = (quote.last, quote.last_size, quote.time_ns // 1_000_000, quote.volume, quote.vwap)
        return ";".join(text_of(value) for value in values) + ";true"

    def _computed(self, quote: Quote, option: Option, changed: Collection[str]) -> Iterator[Fields]:
        for name, numbers in COMPUTED.items():
            price = getattr(quote, name)
            if name in changed and price is not None and price > 0:
                at = option.at_price(price)
                if at is None:
                    yield replies.tick_option(self.req_id, numbers[self._delayed], price=price, underlying=option.spot)
                else:
                    yield _option_tick(self.req_id, numbers[self._delayed], at, price)
        if changed and {"mark", "bid", "ask", "last"} & set(changed):
            yield _option_tick(self.req_id, MODEL[self._delayed], option, option.price())


def _option_tick(req_id: int, number: int, option: Option, price: float) -> Fields:
    return replies.tick_option(
        req_id,
        number,
        implied=round(option.volatility, 8),
        delta=round(option.delta(), 8),
        price=round(price, 8),
        dividend=0.0,
        gamma=round(option.gamma(), 8),
        vega=round(option.vega(), 8),
        theta=round(option.theta(), 8),
        underlying=option.spot,
    )
