"""The judge of the fuzz tests: the counter once more, as naively as it can be written, from the specification alone.

Plain decimals, lists that are searched from end to end, every amount worked out anew whenever it is asked for. Nothing
is shared with ``ctp2.tts``. It follows fills, refusals, money and positions; the wording of callbacks is the business
of the scenarios.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ctp2.testing.orderflow import Action, Cancel, Insert, Market, Phase, Snapshot, Wait

D = Decimal
ZERO = D(0)
TENTH_NS = 100_000_000
RETRY_NS = 1_000_000_000
MAX_LIMIT_VOLUME = MAX_MARKET_VOLUME = 500

CENTRES = {"SHFE": True, "INE": True}
LARGER_SIDE = ("SHFE", "INE", "CFFEX")
REFUSED_KINDS = {"last": "80", "GTC": "15", "GFA": "15"}
"""Kinds of order that CTP itself refuses, with its number."""
NO_ORDERS = ("before", "break", "balance", "match", "closed")
"""Phases in which an exchange takes neither orders nor cancels."""
IOC_KINDS = ("FAK", "FOK", "market", "market-FOK", "best", "five")
LEVELS = {"best": 1, "best-to-limit": 1, "five": 5, "five-to-limit": 5}

Draw = Callable[["NaiveOrder", int], int]
"""How many of so many lots a market maker fills now: the one thing that the specification leaves to chance."""


@dataclass
class NaiveOrder:
    """An order that CTP accepted."""

    name: str
    user: str
    market: Market
    is_buy: bool
    offset: str
    kind: str
    volume: int
    limit: Decimal
    price: Decimal | None
    """What it works at; None for a market order."""
    freeze_price: Decimal
    number: int
    hedge: str = "1"
    traded: int = 0
    status: str = "3"
    retry_ns: int = 0
    at_quote: bool = False

    @property
    def left(self) -> int:
        return self.volume - self.traded

    @property
    def is_working(self) -> bool:
        return self.status in "31"

    @property
    def has_limit(self) -> bool:
        return self.kind in ("limit", "limit-minimum", "limit-whole", "FAK", "FOK") or self.kind.startswith("MV")

    @property
    def is_open(self) -> bool:
        return self.offset == "open"

    @property
    def is_ioc(self) -> bool:
        return self.kind in IOC_KINDS or self.kind.startswith("MV")

    @property
    def minimum(self) -> int:
        return int(self.kind[2:]) if self.kind.startswith("MV") else 0

    @property
    def is_whole(self) -> bool:
        return self.kind in ("FOK", "market-FOK")


@dataclass
class NaiveLot:
    """What is left of an opening trade."""

    is_today: bool
    price: Decimal
    basis: Decimal
    volume: int


@dataclass
class NaiveSide:
    """The lots of one user, instrument and side, and its count of lots charged at the close-today fee."""

    lots: list[NaiveLot] = field(default_factory=list)
    opened_today: int = 0
    charged_today: int = 0
    open_volume: int = 0
    close_volume: int = 0
    carried: int = 0

    def volume(self, is_today: bool | None = None) -> int:
        return sum(lot.volume for lot in self.lots if is_today in (None, lot.is_today))


@dataclass
class NaiveQuote:
    """The market of an instrument that trades against quotes."""

    bid: Decimal | None = None
    bid_volume: int = 0
    ask: Decimal | None = None
    ask_volume: int = 0


@dataclass
class NaiveMoney:
    """One account's sums of the day."""

    start: Decimal
    close_profit: Decimal = ZERO
    fees: list[Decimal] = field(default_factory=list)
    """Of each trade."""

    @property
    def commission(self) -> Decimal:
        return sum(self.fees, ZERO)


class NaiveCounter:
    """``act`` carries out one action; ``fills`` and ``answer`` then say what came of it."""

    def __init__(
        self, traded: Iterable[Market], balances: dict[str, Decimal], draw: Draw, truncates: bool = True
    ) -> None:
        self.truncates = truncates
        """CZCE cuts an off-tick price down; SimNow, one SHFE-type system for all exchanges, refuses it."""
        self.markets = {market.code: market for market in traded}
        self.draw = draw
        self.now_ns = 0
        self.money = {user: NaiveMoney(amount) for user, amount in balances.items()}
        self.sides: dict[tuple[str, str, bool, str], NaiveSide] = {}
        """User, instrument, whether long, hedge flag."""
        self.orders: dict[str, NaiveOrder] = {}
        self.working: list[NaiveOrder] = []
        self.last_ref = dict.fromkeys(balances, 0)
        self.quotes = {code: NaiveQuote() for code in self.markets}
        self.last: dict[str, Decimal] = {}
        self.phases = dict.fromkeys(self.markets, "trading")
        self.fills: list[tuple[str, Decimal, int]] = []
        self.answer = ""

    def carry(self, user: str, code: str, is_long: bool, volume: int, price: Decimal) -> None:
        """Lots that were opened on an earlier day, settled yesterday."""
        side = self.sides.setdefault((user, code, is_long, "1"), NaiveSide())
        side.lots.append(NaiveLot(False, price, self.markets[code].settled, volume))
        side.carried += volume

    def next_morning(self, prices: dict[str, Decimal], balances: dict[str, Decimal]) -> NaiveCounter:
        """The counter of the next day: settled prices, and all lots yesterday's."""
        traded = [replace(market, settled=prices[code]) for code, market in self.markets.items()]
        fresh = NaiveCounter(traded, balances, self.draw, self.truncates)
        for key, side in self.sides.items():
            lots = [NaiveLot(False, lot.price, prices[key[1]], lot.volume) for lot in side.lots if lot.volume]
            lots.sort(key=lambda lot: lot.is_today)
            if lots:
                fresh.sides[key] = NaiveSide(lots=lots, carried=sum(lot.volume for lot in lots))
        return fresh

    def act(self, action: Action) -> None:
        """Carry out one action."""
        self.fills, self.answer = [], ""
        self.working = [order for order in self.working if order.is_working]
        if isinstance(action, Insert):
            self.answer = self._insert(action)
        elif isinstance(action, Cancel):
            self.answer = self._cancel(action)
        elif isinstance(action, Snapshot):
            self._snapshot(action)
        elif isinstance(action, Phase):
            self._phase(action)
        elif isinstance(action, Wait):
            self._wait(action)

    # ------------------------------------------------------------------ orders
    def _insert(self, action: Insert) -> str:
        market = self.markets[action.code]
        keeps_history = market.exchange in CENTRES
        offset = action.offset
        if offset == "close-yesterday" or (offset == "close-today" and not keeps_history):
            offset = "close"
        refusal = self._bad_field(action)
        if refusal:
            self.last_ref[action.user] = max(self.last_ref[action.user], int(action.ref or 0))
            return refusal
        ref = int(action.ref) if action.ref else self.last_ref[action.user] + 1
        if ref <= self.last_ref[action.user]:
            return "22"
        self.last_ref[action.user] = ref
        limit = action.price
        on_tick = limit % market.tick == 0
        if self.truncates and market.exchange == "CZCE" and not on_tick:
            limit, on_tick = _floor(limit, market.tick), True
        order = NaiveOrder(
            action.name,
            action.user,
            market,
            action.direction == "buys",
            offset,
            action.kind,
            action.volume,
            limit,
            limit,
            limit,
            len(self.orders) + 1,
            action.hedge,
        )
        if not order.has_limit:
            order.limit, order.price, order.freeze_price = action.price, None, market.high
        refusal = self._over_close(order) or self._too_poor(order)
        if refusal:
            return refusal
        self.orders[action.name] = order
        if not self._exchange_takes(order, on_tick):
            order.status = "5"
            return "rejected"
        self.working.append(order)
        if market.is_matched:
            self._arrive_among_users(order)
        else:
            self._arrive_at_quote(order)
        return "accepted"

    def _bad_field(self, action: Insert) -> str:
        if action.volume <= 0:
            return "15"
        if action.kind in REFUSED_KINDS:
            return REFUSED_KINDS[action.kind]
        return "15" if action.kind.startswith("MV") and int(action.kind[2:]) > action.volume else ""

    def _over_close(self, order: NaiveOrder) -> str:
        if order.is_open:
            return ""
        side = self.side(order)
        keeps_history = order.market.exchange in CENTRES
        held = side.volume(order.offset == "close-today" if keeps_history else None)
        frozen = sum(
            other.left
            for other in self.working
            if other.is_working
            and not other.is_open
            and other.user == order.user
            and other.market is order.market
            and other.is_buy == order.is_buy
            and other.hedge == order.hedge
            and (not keeps_history or other.offset == order.offset)
        )
        if order.volume <= held - frozen:
            return ""
        return "30" if not keeps_history else "50" if order.offset == "close-today" else "51"

    def _too_poor(self, order: NaiveOrder) -> str:
        if not order.is_open:
            return ""
        before = self.money_of(order.user)
        self.working.append(order)
        after = self.money_of(order.user)
        self.working.pop()
        needed = after["FrozenMargin"] - before["FrozenMargin"] + self.frozen_fee(order)
        return "31" if needed > before["Available"] else ""

    def _exchange_takes(self, order: NaiveOrder, on_tick: bool) -> bool:
        market, phase = order.market, self.phases[order.market.code]
        if phase in NO_ORDERS or (phase == "auction" and order.kind not in ("limit", "limit-minimum")):
            return False
        if order.has_limit and (not on_tick or not market.low <= order.limit <= market.high):
            return False
        if order.kind == "limit-whole":
            return False
        return order.volume <= (MAX_LIMIT_VOLUME if order.has_limit else MAX_MARKET_VOLUME)

    def _cancel(self, action: Cancel) -> str:
        order = self.orders.get(action.name)
        if order is None or order.user != action.user:
            return "25"
        if not order.is_working:
            return "26"
        if self.phases[order.market.code] in NO_ORDERS:
            return "91"
        order.status = "5"
        return "cancelled"

    # ------------------------------------------------------------------ against the quote
    def _marketable_at(self, order: NaiveOrder) -> Decimal | None:
        """The quote that the order trades against now; None when there is none."""
        quote = self.quotes[order.market.code]
        if order.is_buy:
            reached = quote.ask is not None and quote.ask_volume > 0
            return quote.ask if reached and (order.price is None or order.price >= quote.ask) else None  # type: ignore[operator]
        reached = quote.bid is not None and quote.bid_volume > 0
        return quote.bid if reached and (order.price is None or order.price <= quote.bid) else None  # type: ignore[operator]

    def _arrive_at_quote(self, order: NaiveOrder) -> None:
        price = self._marketable_at(order) if self.phases[order.market.code] == "trading" else None
        filled = 0
        if price is not None:
            filled = order.volume if order.is_whole else self.draw(order, order.volume)
            if filled < order.minimum:
                filled = 0
        self._rest_price(order, price if filled else None)
        if filled:
            assert price is not None
            self._fill(order, price, filled)
        if order.is_ioc and order.is_working:
            order.status = "5"
        if filled and order.is_working:
            order.retry_ns, order.at_quote = self.now_ns + RETRY_NS, True

    def _rest_price(self, order: NaiveOrder, filled_at: Decimal | None) -> None:
        """What the rest of an order that came without a limit waits at."""
        if order.kind == "market-GFD":
            order.price = self._cut(order) if order.limit else None
        elif order.kind in LEVELS:
            order.price = filled_at

    def _cut(self, order: NaiveOrder) -> Decimal:
        """The price sent with a market order: within the limits, on a tick, no better for the others than asked."""
        market = order.market
        price = min(max(order.limit, market.low), market.high)
        down = _floor(price, market.tick)
        return down if order.is_buy or down == price else down + market.tick

    def _try_waiting(self, code: str) -> None:
        """The orders that the market reaches: best price first, then the oldest."""
        waiting = [o for o in self.working if o.is_working and o.market.code == code and not o.retry_ns]
        for is_buy in (True, False):
            for order in sorted((o for o in waiting if o.is_buy == is_buy), key=_priority):
                if self._marketable_at(order) is not None:
                    self._try_again(order, False)

    def _try_again(self, order: NaiveOrder, at_quote: bool) -> None:
        quote = self._marketable_at(order)
        assert quote is not None
        price = quote if at_quote or order.price is None else order.price
        self._fill(order, price, self.draw(order, order.left))
        order.retry_ns, order.at_quote = (self.now_ns + RETRY_NS, at_quote) if order.is_working else (0, False)

    def _snapshot(self, action: Snapshot) -> None:
        self.quotes[action.code] = NaiveQuote(action.bid, action.bid_volume, action.ask, action.ask_volume)
        self.last[action.code] = action.last
        if self.phases[action.code] in ("trading", "match"):
            self._try_waiting(action.code)

    def _wait(self, action: Wait) -> None:
        until = self.now_ns + action.tenths * TENTH_NS
        while True:
            due = [o for o in self.working if o.is_working and 0 < o.retry_ns <= until]
            if not due:
                break
            order = min(due, key=lambda o: (o.retry_ns, o.number))
            self.now_ns = max(self.now_ns, order.retry_ns)
            at_quote, order.retry_ns = order.at_quote, 0
            trades = self.phases[order.market.code] == "trading" and self._marketable_at(order) is not None
            if trades:
                self._try_again(order, at_quote)
        self.now_ns = until

    # ------------------------------------------------------------------ among users
    def _book(self, code: str, is_buy: bool) -> list[NaiveOrder]:
        """Working orders of one side, the first to trade first."""
        return sorted(
            (o for o in self.working if o.is_working and o.market.code == code and o.is_buy == is_buy),
            key=_priority,
        )

    def _arrive_among_users(self, order: NaiveOrder) -> None:
        code = order.market.code
        taken: list[tuple[NaiveOrder, int]] = []
        left = order.volume
        prices: set[Decimal] = set()
        for maker in self._book(code, not order.is_buy) if self.phases[code] == "trading" else ():
            assert maker.price is not None
            if maker is order or left == 0 or not _crosses(order, maker.price):
                break
            prices.add(maker.price)
            if order.kind in LEVELS and len(prices) > LEVELS[order.kind]:
                break
            taken.append((maker, min(left, maker.left)))
            left -= taken[-1][1]
        total = order.volume - left
        if (order.is_whole and left) or total < order.minimum:
            taken, total = [], 0
        self._rest_price(order, taken[-1][0].price if taken else None)
        trades = []
        for maker, volume in taken:
            price = self._middle(order, maker)
            self.last[code] = price
            trades.append((maker, price, volume))
        for _, price, volume in trades:
            self._fill(order, price, volume)
        if order.is_working and (order.is_ioc or order.price is None):
            order.status = "5"
        for maker, price, volume in trades:
            self._fill(maker, price, volume)

    def _middle(self, taker: NaiveOrder, maker: NaiveOrder) -> Decimal:
        """The middle one of buy price, sell price and last price; against a market order the other's price."""
        assert maker.price is not None
        last = self.last.get(taker.market.code)
        if not taker.has_limit or last is None:
            return maker.price
        return sorted((taker.limit, maker.price, last))[1]

    def _phase(self, action: Phase) -> None:
        self.phases[action.code] = action.phase
        if action.phase not in ("trading", "match"):
            return
        if self.markets[action.code].is_matched:
            self._auction(action.code)
        else:
            self._try_waiting(action.code)

    def _auction(self, code: str) -> None:
        """One price: most volume, least left over, and among equals as the stock exchanges choose."""
        buys, sells = self._book(code, True), self._book(code, False)
        found: list[tuple[int, int, int, Decimal]] = []
        for price in sorted({o.price for o in (*buys, *sells) if o.price is not None}):
            demand = sum(o.left for o in buys if o.price is not None and o.price >= price)
            supply = sum(o.left for o in sells if o.price is not None and o.price <= price)
            found.append((min(demand, supply), -abs(demand - supply), demand - supply, price))
        if not found or max(found)[0] == 0:
            return
        best = [item for item in found if item[:2] == max(item[:2] for item in found)]
        price = self._tie(code, [(item[2], item[3]) for item in best])
        left = best[0][0]
        while left:
            buy, sell = self._book(code, True)[0], self._book(code, False)[0]
            volume = min(left, buy.left, sell.left)
            self._fill(buy, price, volume)
            self._fill(sell, price, volume)
            self.last[code] = price
            left -= volume

    def _tie(self, code: str, equal: list[tuple[int, Decimal]]) -> Decimal:
        if all(surplus > 0 for surplus, _ in equal):
            return max(price for _, price in equal)
        if all(surplus < 0 for surplus, _ in equal):
            return min(price for _, price in equal)
        reference = self.reference(code)
        return min((price for _, price in equal), key=lambda price: (abs(price - reference), -price))

    # ------------------------------------------------------------------ trades
    def side(self, order: NaiveOrder) -> NaiveSide:
        """The lots that an order opens or closes."""
        is_long = order.is_buy == order.is_open
        return self.sides.setdefault((order.user, order.market.code, is_long, order.hedge), NaiveSide())

    def _fill(self, order: NaiveOrder, price: Decimal, volume: int) -> None:
        assert 1 <= volume <= order.left
        self.fills.append((order.name, price, volume))
        order.traded += volume
        order.status = "0" if order.left == 0 else "1"
        side, market, money = self.side(order), order.market, self.money[order.user]
        if order.is_open:
            money.fees.append(self._fee(market, 0, price, volume))
            side.lots.append(NaiveLot(True, price, price, volume))
            side.opened_today += volume
            side.open_volume += volume
            return
        side.close_volume += volume
        today_lots, sign, left = 0, D(-1) if order.is_buy else D(1), volume
        for lot in sorted(side.lots, key=lambda lot: lot.is_today):
            if market.exchange in CENTRES and lot.is_today != (order.offset == "close-today"):
                continue
            part = min(left, lot.volume)
            lot.volume -= part
            left -= part
            today_lots += part if lot.is_today else 0
            money.close_profit += sign * (price - lot.basis) * part * market.multiplier
        assert left == 0
        side.lots = [lot for lot in side.lots if lot.volume]
        money.fees.append(self._close_fee(order, side, price, volume, today_lots))

    def _fee(self, market: Market, pair: int, price: Decimal, volume: int) -> Decimal:
        return price * volume * market.multiplier * market.fees[pair] + volume * market.lot_fees[pair]

    def _close_fee(self, order: NaiveOrder, side: NaiveSide, price: Decimal, volume: int, today_lots: int) -> Decimal:
        market = order.market
        if market.exchange in CENTRES:
            return self._fee(market, 2 if order.offset == "close-today" else 1, price, volume)
        is_reduced = market.fees[2] < market.fees[1] or market.lot_fees[2] < market.lot_fees[1]
        if market.exchange == "CFFEX" or is_reduced:
            today_lots = min(volume, side.opened_today - side.charged_today)
        side.charged_today += today_lots
        return self._fee(market, 2, price, today_lots) + self._fee(market, 1, price, volume - today_lots)

    # ------------------------------------------------------------------ money, worked out anew each time
    def reference(self, code: str) -> Decimal:
        """What a position is marked at."""
        return self.last.get(code, self.markets[code].settled)

    def position_profit(self, user: str) -> Decimal:
        total = ZERO
        for (owner, code, is_long, _), side in self.sides.items():
            if owner == user and side.lots:
                worth = sum((self.reference(code) - lot.basis) * lot.volume for lot in side.lots)
                total += (worth if is_long else -worth) * self.markets[code].multiplier
        return total

    def _margins(self, user: str) -> dict[tuple[str, str], dict[str, Decimal]]:
        """Per product, and on CFFEX per trading code (hedge flag): margin held and frozen on each side."""
        groups: dict[tuple[str, str], dict[str, Decimal]] = {}

        def add(market: Market, hedge: str, name: str, price: Decimal, volume: int) -> None:
            product = market.product + hedge if market.exchange == "CFFEX" else market.product
            group = groups.setdefault(
                (market.exchange, product), {"long": ZERO, "short": ZERO, "long+": ZERO, "short+": ZERO}
            )
            rate = market.long_margin if name.startswith("long") else market.short_margin
            group[name] += price * volume * market.multiplier * rate + volume * market.lot_margin

        for (owner, code, is_long, hedge), side in self.sides.items():
            if owner == user:
                for lot in side.lots:
                    add(self.markets[code], hedge, "long" if is_long else "short", lot.basis, lot.volume)
        for order in self.working:
            if order.user == user and order.is_working and order.is_open:
                add(order.market, order.hedge, "long+" if order.is_buy else "short+", order.freeze_price, order.left)
        return groups

    def money_of(self, user: str) -> dict[str, Decimal]:
        """The members of the account that the specification's section 6 defines."""
        money, profit = self.money[user], self.position_profit(user)
        used = frozen = ZERO
        for (exchange, _), group in self._margins(user).items():
            if exchange in LARGER_SIDE:
                larger = max(group["long"], group["short"])
                used += larger
                frozen += max(group["long"] + group["long+"], group["short"] + group["short+"]) - larger
            else:
                used += group["long"] + group["short"]
                frozen += group["long+"] + group["short+"]
        fees = sum((self.frozen_fee(o) for o in self.working if o.user == user and o.is_working), ZERO)
        balance = money.start + money.close_profit + profit - money.commission
        return {
            "Balance": balance,
            "Available": balance - max(profit, ZERO) - used - frozen - fees,
            "Commission": money.commission,
            "CloseProfit": money.close_profit,
            "PositionProfit": profit,
            "CurrMargin": used,
            "FrozenMargin": frozen,
            "FrozenCommission": fees,
        }

    def frozen_fee(self, order: NaiveOrder) -> Decimal:
        pair = 0 if order.is_open else 2 if order.offset == "close-today" else 1
        return self._fee(order.market, pair, order.freeze_price, order.left)


def _floor(price: Decimal, tick: Decimal) -> Decimal:
    """The tick at or below the price, also below zero."""
    rest = price % tick  # of the price's sign
    return price - rest if rest >= 0 else price - rest - tick


def _priority(order: NaiveOrder) -> tuple[Decimal, int]:
    """Best price first, a market order before every price; then the oldest."""
    if order.price is None:
        return D("-Infinity"), order.number
    return (-order.price if order.is_buy else order.price), order.number


def _crosses(order: NaiveOrder, price: Decimal) -> bool:
    return not order.has_limit or (order.limit >= price if order.is_buy else order.limit <= price)
