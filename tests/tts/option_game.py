"""A seeded game with options only, and a judge that works every amount out anew from the specification (7.3, 12.3).

Beside the judge of the futures' games (``naive.py``): here are premium, the seller's margin, exercise and abandonment.
Nothing of ``ctp2.tts`` is used but what the counter tells: records of orders, trades and declarations.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ctp2.testing.desk import TRADING_DAY, Desk
from ctp2.testing.optiondesk import declarations, declare, withdraw
from ctp2.testing.orderflow import Dice
from ctp2.tts import translate
from ctp2.tts.declarations import DeclarationInserted, DeclarationRefused, DeclarationReported
from ctp2.tts.events import Event, InsertRefused, OrderReport, TradeDone
from tests.tts.recovery import _Rebound

D = Decimal
ZERO = D(0)
USERS = ("ann", "ben", "cat")
FUTURE_SETTLED, FUTURE_MULTIPLIER, FUTURE_MARGIN = D(3500), 10, D("0.1")


@dataclass(frozen=True)
class Option:
    """An option of the game; ``fixed`` and the cost of exercise are worked out by hand in ``options_of``."""

    exchange: str
    code: str
    kind: str
    strike: Decimal
    multiplier: int
    tick: Decimal
    settled: Decimal
    high: Decimal
    fee: Decimal
    strike_fee: Decimal
    fixed: Decimal
    cap: Decimal
    """The most that the margin of a lot can be; 0: no bound."""
    exercise: Decimal
    is_matched: bool

    @property
    def closed(self) -> Decimal:
        """Yesterday's close: calls ended above their settlement, puts below."""
        return self.settled + (3 if self.kind == "call" else -1) * self.tick

    @property
    def carried_royalty(self) -> Decimal:
        """Of lots of yesterday."""
        return max(self.closed, self.settled) if self.exchange == "SHFE" else self.settled

    def margin(self, price: Decimal) -> Decimal:
        """Of one sold lot with the royalty at ``price``."""
        lot = price * self.multiplier + self.fixed
        return min(lot, self.cap) if self.cap else lot


def options_of(seed: int) -> list[Option]:
    """A call and a put on a future of 3500 x 10, F = 3500; a call and a put on a fund of 4 x 10000, 12 % = 4800."""
    dice = Dice(seed ^ 0x0971)
    exchange = dice.pick(("SHFE", "DCE", "CZCE"))
    matched = dice.chance(50)
    fee = dice.pick((D(0), D(1), D("2.5"), D(60)))
    on_future: dict[str, Any] = {"multiplier": 10, "tick": D("0.5"), "high": D(400), "cap": ZERO}
    on_fund: dict[str, Any] = {"multiplier": 10000, "tick": D("0.0001"), "strike_fee": ZERO}
    for shared in (on_future, on_fund):
        shared.update(fee=fee, is_matched=matched)
    made = Option
    return [
        # 1000 out of the money: max(3500 - 500, 1750) = 3000. Exercised: F 3500 and the 1000.
        made(
            exchange, "c", "call", D(3600), settled=D(40), strike_fee=D(2), fixed=D(3000), exercise=D(4500), **on_future
        ),
        # 5000 out of the money: 3500 - 2500 < 1750. Exercised: 3500 and the 5000.
        made(
            exchange, "p", "put", D(3000), settled=D(5), strike_fee=D(1), fixed=D(1750), exercise=D(8500), **on_future
        ),
        # 1000 out of the money: 4800 - 1000 = 3800 > 2800. Exercised: the strike.
        made(
            "SSE",
            "f",
            "call",
            D("4.1"),
            settled=D("0.05"),
            high=D("0.5"),
            fixed=D(3800),
            cap=ZERO,
            exercise=D(41000),
            **on_fund,
        ),
        # In the money: 4800; with a royalty above 3.72 more than K = 42000, the most. Exercised: the fund is delivered.
        made(
            "SSE",
            "g",
            "put",
            D("4.2"),
            settled=D("3.7199"),
            high=D("3.8"),
            fixed=D(4800),
            cap=D(42000),
            exercise=ZERO,
            **on_fund,
        ),
    ]


@dataclass
class Held:
    """Lots of one user, option and side: of yesterday and of today."""

    carried: int = 0
    today: int = 0


@dataclass
class Books:
    """What the judge keeps of one user: sums of the day and lots."""

    start: Decimal
    cash_in: Decimal = ZERO
    commission: Decimal = ZERO
    held: dict[tuple[str, bool], Held] = field(default_factory=dict)


class OptionGame:
    """Plays and compares; an ``AssertionError`` names the seed and the action."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.is_last_day = seed % 3 == 0
        self.dice = Dice(seed)
        self.options = {option.code: option for option in options_of(seed)}
        self.fills = self.dice.pick(("full", "random"))
        self.books = {user: Books(D(self.dice.pick((30_000, 300_000)))) for user in USERS}
        self.carried: list[tuple[str, bool, int, str]] = []
        for user in USERS:
            for code in self.options:
                if self.dice.chance(60):
                    self.carried.append((user, self.dice.chance(50), 1 + self.dice.roll(4), code))
        self.desk = self.open_desk()
        for user, is_long, volume, code in self.carried:
            self.lots(user, code, is_long).carried += volume
        self.last: dict[str, Decimal] = {}
        self.events: list[Event] = []
        self.orders: dict[str, Any] = {}
        self.kinds: Counter[str] = Counter()
        self.names = self.actions = 0

    def open_desk(self) -> Desk:
        """The counter in the morning."""
        desk = Desk(profile="clean", fills=self.fills, seed=self.seed)
        exchange = self.options["c"].exchange
        desk.instrument(exchange, "u", settled=str(FUTURE_SETTLED), margin=str(FUTURE_MARGIN))
        desk.instrument("SSE", "510300", kind="fund", multiplier="1", tick="0.001", margin="1", settled="4")
        for option in self.options.values():
            on_fund = option.exchange == "SSE"
            desk.instrument(
                option.exchange,
                option.code,
                option=option.kind,
                underlying="510300" if on_fund else "u",
                spot="yes" if on_fund else "",
                strike=str(option.strike),
                multiplier=str(option.multiplier),
                tick=str(option.tick),
                settled=str(option.settled),
                closed=str(option.closed),
                limits=f"{option.tick}..{option.high}",
                lot_fees=",".join([str(option.fee)] * 3),
                strike_fee=f"0,{option.strike_fee}",
                matched="yes" if option.is_matched else "",
                product=f"{option.code}_o",
                expires=TRADING_DAY if self.is_last_day else "",
            )
        for user, books in self.books.items():
            desk.user(user, books.start)
        for user, is_long, volume, code in self.carried:
            desk.carry(user, "2" if is_long else "3", volume, code, str(self.options[code].settled))
        return desk

    def lots(self, user: str, code: str, is_long: bool) -> Held:
        """The user's lots of a side."""
        return self.books[user].held.setdefault((code, is_long), Held())

    # ------------------------------------------------------------------ playing
    def play(self, steps: int) -> None:
        """Act ``steps`` times."""
        for number in range(steps):
            what = ""
            try:
                before = {user: self.money(user) for user in USERS}
                what, events = self.act()
                self.actions += 1
                self.desk.remember(events)
                self.events.extend(events)
                self.kinds.update(type(event).__name__ for event in events)
                self.follow(events, before)
                self.compare()
            except AssertionError as error:
                raise AssertionError(f"seed {self.seed}, action {number + 1}, {what}: {error}") from error

    def act(self) -> tuple[str, list[Event]]:
        """Something that one of the crowd does."""
        dice, desk = self.dice, self.desk
        option = dice.pick(list(self.options.values()))
        user, roll = dice.pick(USERS), dice.roll(100)
        near = self.last.get(option.code, option.settled)
        price = min(max(near + (dice.roll(9) - 4) * option.tick, option.tick), option.high)
        if roll < 50:
            self.names += 1
            words = (user, dice.pick(("buys", "sells")), dice.pick(("open", "open", "close", "close-today")))
            kind, volume = dice.pick(("limit", "limit", "limit", "FAK", "FOK", "market")), 1 + dice.roll(4)
            events = desk.insert(*words, volume, option.code, float(price), kind, name=f"o{self.names}")
            return f"{words} {volume} {option.code} {price} {kind}", events
        if roll < 60 and self.names:
            name = f"o{1 + dice.roll(self.names)}"
            return f"cancel {name}", desk.cancel(user, name)
        if roll < 80:
            if option.is_matched:
                return "wait", desk.wait(0.5)
            bid, ask = max(price - option.tick, option.tick), price + option.tick
            return f"quote {option.code} {price}", desk.quote(option.code, f"{bid}x5", f"{ask}x5", str(price))
        if roll < 92:
            verb, offset = dice.pick(("exercises", "exercises", "abandons")), dice.pick(("1", "1", "3"))
            volume = 1 + dice.roll(3)
            self.names += 1
            name = f"o{self.names}"
            return f"{user} {verb} {volume} {option.code}", declare(
                desk, user, verb, volume, option.code, name, offset=offset
            )
        if self.names:
            name = f"o{1 + dice.roll(self.names)}"
            return f"withdraw {name}", withdraw(desk, user, name)
        return "wait", desk.wait(0.5)

    # ------------------------------------------------------------------ what came of it
    def follow(self, events: list[Event], before: dict[str, dict[str, Decimal]]) -> None:
        """Keep the books by what was told; and see that refusals for money and lots were due."""
        for event in events:
            if isinstance(event, OrderReport):
                record = translate.order_to_ctp(event)
                self.orders[self.desk.names[record.RequestID]] = record
                if record.OrderStatus in "05":
                    del self.orders[self.desk.names[record.RequestID]]
            elif isinstance(event, TradeDone):
                self.trade(translate.trade_to_ctp(event))
            elif isinstance(event, InsertRefused) and event.error_id == 31:
                assert self.needed(event.terms) > before[event.account_id]["Available"]
            elif isinstance(event, DeclarationRefused):
                assert event.error_id in (72, 73, 74, 87)
        for code in self.options:
            last = self.desk.contract(code).last
            if last > 0:
                self.last[code] = D(last) / self.desk.contract(code).price_scale

    def needed(self, terms: Any) -> Decimal:
        """What an opening order takes: premium or margin, and fee."""
        option = self.options[terms.instrument]
        price = option.high if terms.price_type == "1" else D(repr(terms.price))
        lot = price * option.multiplier if terms.direction == "0" else option.margin(option.settled)
        return (lot + option.fee) * int(terms.volume)

    def trade(self, trade: Any) -> None:
        """A fill in the books."""
        option, books = self.options[trade.InstrumentID], self.books[trade.InvestorID]
        is_buy, volume = trade.Direction == "0", int(trade.Volume)
        amount = D(repr(trade.Price)) * volume * option.multiplier
        books.cash_in += -amount if is_buy else amount
        books.commission += option.fee * volume
        is_open = trade.OffsetFlag == "0"
        held = self.lots(trade.InvestorID, option.code, is_buy == is_open)
        if is_open:
            held.today += volume
            return
        carried = min(held.carried, volume)
        if option.exchange == "SHFE":
            carried = 0 if trade.OffsetFlag == "3" else volume
        held.carried -= carried
        held.today -= volume - carried
        assert held.carried >= 0 and held.today >= 0, "never less than nothing is held"

    # ------------------------------------------------------------------ comparing
    def money(self, user: str) -> dict[str, Decimal]:
        """The account by the judge's books."""
        books = self.books[user]
        sums = dict.fromkeys(("CurrMargin", "FrozenMargin", "FrozenCash", "FrozenCommission"), ZERO)
        for (code, is_long), held in books.held.items():
            option = self.options[code]
            if not is_long:
                royalty = max(self.last.get(code, option.settled), option.settled)
                sums["CurrMargin"] += held.carried * option.margin(option.carried_royalty)
                sums["CurrMargin"] += held.today * option.margin(royalty)
        for record in self.orders_of(user):
            option = self.options[record.InstrumentID]
            price = option.high if record.OrderPriceType == "1" else D(repr(record.LimitPrice))
            left = int(record.VolumeTotal)
            sums["FrozenCommission"] += left * option.fee
            if record.Direction == "0":
                sums["FrozenCash"] += left * price * option.multiplier
            elif record.CombOffsetFlag == "0":
                sums["FrozenMargin"] += left * option.margin(option.settled)
        for record in self.declared_by(user):
            if record.ActionType == "1":
                option = self.options[record.InstrumentID]
                sums["FrozenCash" if option.exchange == "SSE" else "FrozenMargin"] += record.Volume * option.exercise
                sums["FrozenCommission"] += record.Volume * option.strike_fee
        balance = books.start + books.cash_in - books.commission
        return {
            **sums,
            "Balance": balance,
            "Available": balance - sum(sums.values()),
            "CashIn": books.cash_in,
            "Commission": books.commission,
            "CloseProfit": ZERO,
            "PositionProfit": ZERO,
        }

    def orders_of(self, user: str) -> list[Any]:
        """Working orders, as last told."""
        return [r for r in self.orders.values() if r.InvestorID == user and r.OrderStatus in "13a"]

    def declared_by(self, user: str) -> list[Any]:
        """Standing exercises and abandonments."""
        return [r for r in declarations(self.desk, user) if (r.ExecResult, r.OrderSubmitStatus) == ("n", "3")]

    def compare(self) -> None:
        """Money and rows of everybody, and what one wins another loses."""
        for user in USERS:
            row = self.desk.account(user)
            judged = self.money(user)
            came = {name: D(repr(getattr(row, name))) for name in judged}
            assert came == judged, f"money of {user}:\n  came   {came}\n  judged {judged}"
            self.compare_rows(user)
        if all(option.is_matched for option in self.options.values()):
            total = sum(D(repr(self.desk.account(user).Balance)) + self.books[user].commission for user in USERS)
            assert total == sum(books.start for books in self.books.values()), "premium goes from one to the other"

    def compare_rows(self, user: str) -> None:
        """Lots and what is frozen of them, per option and side."""
        came: dict[tuple[str, bool], list[Any]] = {}
        for row in self.desk.positions(user):
            is_long = row.PosiDirection == "2"
            total = came.setdefault((row.InstrumentID, is_long), [0] * 5)
            frozen = row.ShortFrozen if is_long else row.LongFrozen
            for place, value in enumerate(
                (row.Position, row.TodayPosition, frozen, row.StrikeFrozen, row.AbandonFrozen)
            ):
                total[place] += value
            assert row.Position - frozen - row.StrikeFrozen - row.AbandonFrozen >= 0, "nothing is promised twice"
            assert row.PositionProfit == 0
        judged = {key: [h.carried + h.today, h.today, 0, 0, 0] for key, h in self.books[user].held.items()}
        for record in self.orders_of(user):
            if record.CombOffsetFlag != "0":
                judged.setdefault((record.InstrumentID, record.Direction == "1"), [0] * 5)[2] += record.VolumeTotal
        for record in self.declared_by(user):
            judged[record.InstrumentID, True][3 if record.ActionType == "1" else 4] += record.Volume
        came = {key: value for key, value in came.items() if any(value)}
        judged = {key: value for key, value in judged.items() if any(value)}
        assert came == judged, f"rows of {user}:\n  came   {came}\n  judged {judged}"

    # ------------------------------------------------------------------ the log
    def check_log(self) -> None:
        """The events alone make the same accounts, rows and declarations.

        Without SettlementPrice, the last price at a row's last change: prices are not in the log.
        """
        fresh = self.recovered()
        for user in USERS:
            assert fresh.account(user) == self.desk.account(user), f"seed {self.seed}: the account of {user}"
            rows = fresh.positions(user), self.desk.positions(user)
            for row in (*rows[0], *rows[1]):
                row.SettlementPrice = 0.0
            assert rows[0] == rows[1], f"seed {self.seed}: the rows of {user}"
            assert declarations(fresh, user) == declarations(self.desk, user), f"seed {self.seed}: declared by {user}"

    def recovered(self) -> Desk:
        """A fresh counter that only has the events, and the last prices of now."""
        fresh = self.open_desk()
        orders, made = _Rebound(fresh.state), {}
        for event in self.events:
            if isinstance(event, DeclarationInserted):
                made[event.declaration.number] = self.again(fresh, event.declaration)
            if isinstance(event, DeclarationInserted | DeclarationReported):
                old, event.declaration = event.declaration, made[event.declaration.number]
                fresh.state.evolve(event)
                event.declaration = old
                continue
            with orders.lent(event) as lent:
                fresh.state.evolve(lent)
        for contract, now in zip(fresh.state.contracts, self.desk.state.contracts, strict=True):
            contract.last = now.last
            fresh.state.mark(contract)
        return fresh

    @staticmethod
    def again(fresh: Desk, old: Any) -> Any:
        """The declaration as it was when it was accepted, about the fresh state's objects."""
        state = fresh.state
        account, contract = state.accounts[old.account.account_id], state.contracts[old.contract.index]
        row = None if old.row is None else state.row_for(account, contract, False, old.offset, old.terms.hedge)
        return type(old)(
            old.number, old.terms, account, contract, row, old.ref, old.ref_number, old.offset, old.trading_day
        )
