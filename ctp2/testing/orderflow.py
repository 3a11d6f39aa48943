"""Seeded order flow: what a crowd does at a counter, as plain records that any counter (or judge) can carry out.

The same seed makes the same flow on every machine and Python version. The flow knows no counter: it does not see what
becomes of its orders, so it also cancels what is filled, closes what is not held, and sends what cannot be traded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

_MASK: Final = (1 << 64) - 1
_Item = TypeVar("_Item")


class Dice:
    """A generator of its own (SplitMix64), so that no library decides what a seed means."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def roll(self, sides: int) -> int:
        """A number from 0 to ``sides`` - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        value = self._state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return (value ^ (value >> 31)) % sides

    def pick(self, items: Sequence[_Item]) -> _Item:
        """One of ``items``."""
        return items[self.roll(len(items))]

    def chance(self, percent: int) -> bool:
        """True in ``percent`` of 100 cases."""
        return self.roll(100) < percent


@dataclass(frozen=True, slots=True)
class Market:
    """An instrument of the flow: its terms in decimals, and where its price starts.

    ``fees`` and ``lot_fees`` are for open, close and close-today: fractions of the turnover and amounts per lot. Margin
    is a fraction of the turnover and ``lot_margin``.
    """

    exchange: str
    code: str
    product: str
    multiplier: int
    tick: Decimal
    settled: Decimal
    low: Decimal
    high: Decimal
    long_margin: Decimal
    short_margin: Decimal
    fees: tuple[Decimal, Decimal, Decimal]
    lot_fees: tuple[Decimal, Decimal, Decimal]
    is_matched: bool
    lot_margin: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Insert:
    """``user`` sends an order; it is called ``name`` from then on.

    ``kind`` as in ``desk.ORDER_TYPES``, MVn, or one of ``ODD_KINDS``; ``hedge`` the flag that keeps positions apart,
    ``ref`` the OrderRef, mostly left to the counter.
    """

    name: str
    user: str
    direction: str
    offset: str
    volume: int
    code: str
    price: Decimal
    kind: str
    hedge: str = "1"
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """``user`` cancels the order called ``name``, identified ``by`` ref, sysid or trimmed."""

    user: str
    name: str
    by: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A quote; an absent price is None."""

    code: str
    bid: Decimal | None
    bid_volume: int
    ask: Decimal | None
    ask_volume: int
    last: Decimal


@dataclass(frozen=True, slots=True)
class Phase:
    """The instrument enters a phase: one of ``PHASES``."""

    code: str
    phase: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    tenths: int


Action = Insert | Cancel | Snapshot | Phase | Wait

ODD_KINDS: Final = {"last": {"price_type": "4"}, "GTC": {"time_condition": "5"}, "GFA": {"time_condition": "6"}}
"""Kinds that no exchange takes: what makes them so (spec ctp-semantics 3.2)."""
PHASES: Final = ("before", "auction", "match", "break", "closed", "trading")

_CHANGES_PHASE: Final = 93
_D = Decimal
_KINDS: Final = (
    *("limit",) * 16,
    *(
        *ODD_KINDS,
        "limit-whole",
        "limit-minimum",
        "FAK",
        "FOK",
        "MV2",
        "MV5",
        "market",
        "market-FOK",
        "market-GFD",
        "best",
        "best-to-limit",
        "five",
        "five-to-limit",
    ),
)
_OFFSETS: Final = (*("open",) * 6, "close", "close", "close-today", "close-today", "close-yesterday")
_PHASES: Final = ("auction", "auction", "break", "before", "closed", "trading")


def markets(seed: int, count: int = 6) -> list[Market]:
    """Instruments of all exchanges, some traded among users, some against their quotes; rates differ by the seed."""
    dice = Dice(seed ^ 0x5EED)
    made: list[Market] = []
    exchanges = ("SHFE", "CFFEX", "DCE", "CZCE", "INE", "GFEX")
    for index in range(count):
        exchange = exchanges[index % len(exchanges)]
        tick = dice.pick((_D("1"), _D("0.2"), _D("0.5"), _D("5")))
        settled = tick * (1000 + dice.roll(1000))
        fees = dice.pick(((_D("0.0001"), _D("0.0001"), _D("0.0002")), (_D(0), _D(0), _D(0)), (_D("0.00002"),) * 3))
        lot_fees = dice.pick(((_D(1), _D(2), _D(1)), (_D(0), _D(0), _D(0)), (_D("0.5"), _D("1.5"), _D("3.5"))))
        if dice.chance(15):
            made.append(_below_zero(dice, index))
            continue
        made.append(
            Market(
                exchange=exchange,
                code=f"x{index}m{1 + index % 2}",
                product=f"x{index // 2 * 2}" if dice.chance(30) else f"x{index}",
                multiplier=dice.pick((1, 5, 10, 100, 300)),
                tick=tick,
                settled=settled,
                low=settled - 60 * tick,
                high=settled + 60 * tick,
                long_margin=dice.pick((_D("0.1"), _D("0.12"), _D("0.075"))),
                short_margin=dice.pick((_D("0.1"), _D("0.13"))),
                fees=fees,
                lot_fees=lot_fees,
                is_matched=dice.chance(50),
            )
        )
    return made


def _below_zero(dice: Dice, index: int) -> Market:
    """An instrument whose price may be negative: margin and fees by the lot, as MINUS has them (spec 3.10)."""
    tick = _D("0.01")
    settled = tick * (dice.roll(80) - 60)
    return Market(
        exchange=dice.pick(("SHFE", "DCE")),
        code=f"n{index}m{1 + index % 2}",
        product=f"n{index}",
        multiplier=1000,
        tick=tick,
        settled=settled,
        low=settled - 60 * tick,
        high=settled + 60 * tick,
        long_margin=_D(0),
        short_margin=_D(0),
        fees=(_D(0), _D(0), _D(0)),
        lot_fees=(_D("0.5"), _D(1), _D("1.5")),
        is_matched=dice.chance(70),
        lot_margin=_D(100),
    )


class OrderFlow:
    """A crowd: ``users`` trade ``markets`` for ``steps`` actions."""

    def __init__(self, seed: int, traded: Sequence[Market], users: Sequence[str] = ("ann", "ben", "cat")) -> None:
        self._dice = Dice(seed)
        self._markets = traded
        self._users = users
        self._middle = {market.code: market.settled for market in traded}
        self._phase = dict.fromkeys(self._middle, "trading")
        self._names: list[str] = []
        self._owners: dict[str, str] = {}

    def actions(self, steps: int) -> Iterator[Action]:
        """The next ``steps`` actions, behind a first quote of every instrument that trades against quotes."""
        for market in self._markets:
            if not market.is_matched:
                yield self._snapshot(market)
        for _ in range(steps):
            yield self._action()

    def _action(self) -> Action:
        dice = self._dice
        market = dice.pick(self._markets)
        what = dice.roll(100)
        if self._phase[market.code] != "trading" and dice.chance(12):
            what = _CHANGES_PHASE
        if what < 55:
            return self._insert(market)
        if what < 70 and self._names:
            # Mostly young orders, sometimes any.
            name = dice.pick(self._names[-12:] if dice.chance(80) else self._names)
            user = self._owners[name] if dice.chance(90) else dice.pick(self._users)
            return Cancel(user, name, dice.pick(("ref", "sysid", "trimmed")))
        if what < 88:
            if market.is_matched:
                return self._insert(market)
            self._walk(market)
            return self._snapshot(market)
        if what <= _CHANGES_PHASE:
            now = self._phase[market.code]
            if now == "auction" and dice.chance(30):
                self._phase[market.code] = "match"
            else:
                self._phase[market.code] = "trading" if now != "trading" else dice.pick(_PHASES)
            return Phase(market.code, self._phase[market.code])
        return Wait(1 + dice.roll(15))

    def _insert(self, market: Market) -> Insert:
        dice = self._dice
        name = f"o{len(self._names) + 1}"
        user = self._owners[name] = dice.pick(self._users)
        self._names.append(name)
        away = dice.roll(9) - 4
        price = self._middle[market.code] + away * market.tick
        kind = dice.pick(_KINDS)
        if dice.chance(3) and kind in ("limit", "market-GFD"):
            price = dice.pick((market.high + market.tick, market.low - market.tick, price + market.tick / 2))
        volume = 1 + dice.roll(10)
        if dice.chance(3):
            volume = dice.pick((0, 400, 501, 100_000))
        return Insert(
            name,
            user,
            dice.pick(("buys", "sells")),
            dice.pick(_OFFSETS),
            volume,
            market.code,
            price,
            kind,
            dice.pick(("2", "3")) if market.exchange != "CZCE" and dice.chance(8) else "1",
            str(1 + dice.roll(len(self._names))) if dice.chance(5) else "",
        )

    def _walk(self, market: Market) -> None:
        moved = self._middle[market.code] + (self._dice.roll(7) - 3) * market.tick
        self._middle[market.code] = min(max(moved, market.low + 8 * market.tick), market.high - 8 * market.tick)

    def _snapshot(self, market: Market) -> Snapshot:
        dice = self._dice
        middle = self._middle[market.code]
        bid: Decimal | None = middle - dice.roll(3) * market.tick
        ask: Decimal | None = middle + (1 + dice.roll(3)) * market.tick
        if dice.chance(4):
            bid = None
        elif dice.chance(4):
            ask = None
        last = middle + (dice.roll(3) - 1) * market.tick
        return Snapshot(
            market.code,
            bid,
            0 if bid is None else dice.roll(50),
            ask,
            0 if ask is None else dice.roll(50),
            last,
        )
