"""Games over several days: the judge of ``naive.py`` rolls by itself, and the money is worked out from trades alone.

At the end of a day every account's money must be what its trades say: what it paid and got, what it holds at the
settlement price, and the fees, each rounded to cents. The next morning the counter, made of the settlement's record on
its way through bytes, and a second one made of the record itself, must be the judge's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from ctp2.testing.desk_night import give, next_day, open_day, settled_account
from ctp2.testing.orderflow import Dice
from ctp2.tts import translate
from ctp2.tts.events import DaySettled, TradeDone
from ctp2.tts.money import MICRO
from ctp2.tts.settled import AccountSettled, PurseSettled, Settlement
from tests.tts.recovery import Replica, fingerprint, totals
from tests.tts.referee import USERS, Referee, exact, open_desk, same

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Rounded to cents, half away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


class Days(Referee):
    """A game that goes on for days."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.seed = seed
        self.nights = 0
        self.morning: Counter[tuple[str, str]] = Counter()
        """User and instrument → lots held in the morning, short ones negative."""
        for user, code, is_long, volume, _ in self.game.carried:
            self.morning[user, code] += volume if is_long else -volume
        self.settled_before = {market.code: market.settled for market in self.game.markets}

    def play_days(self, days: int, steps: int) -> None:
        """So many actions on so many days, with a settlement after each."""
        for _ in range(days):
            self.play(steps)
            try:
                self.roll()
            except AssertionError as error:
                raise AssertionError(f"seed {self.seed}, night {self.nights}: {error}") from error

    def roll(self) -> None:
        """Settle, compare, and begin the next day."""
        self.nights += 1
        prices = self._prices()
        before = fingerprint(self.desk.state)
        expected = {user: self._worked_out(user, prices) for user in USERS}
        live, events = self.desk.state, self.events
        settlement = next_day(self.desk)
        assert fingerprint(live) == before, "settling changed the day that it settled"
        for user in USERS:
            self._check_statement(user, expected[user])
        second = _morning(self, settlement)
        same("made of the record and of its bytes", totals(second.state), totals(self.desk.state))
        self._check_identities(settlement)
        self._begin(prices, expected, Replica(second.state))
        assert events or not self.events
        self._check_money(USERS)
        self._check_positions(USERS)

    # ------------------------------------------------------------------ the judge's settlement
    def _prices(self) -> dict[str, Decimal]:
        """Half of the instruments have an exchange's price, the others are settled at their last one."""
        dice = Dice(self.seed * 31 + self.nights)
        prices = {}
        for market in self.game.markets:
            prices[market.code] = self.judge.reference(market.code)
            if dice.chance(50):
                price = prices[market.code] + (dice.roll(21) - 10) * market.tick
                prices[market.code] = min(max(price, market.low), market.high)
                give(self.desk, market.code, settlement=str(prices[market.code]))
        return prices

    def _worked_out(self, user: str, prices: dict[str, Decimal]) -> Decimal:
        """c/f from the trades alone: cash that changed hands, positions at their prices, fees in cents."""
        worth, held = Decimal(0), Counter(self.morning)
        multiplier = {market.code: market.multiplier for market in self.game.markets}
        for code, price in self.settled_before.items():
            worth -= self.morning[user, code] * price * multiplier[code]
        for event in self.events:
            if isinstance(event, TradeDone) and event.account_id == user:
                record = translate.trade_to_ctp(event)
                signed = record.Volume if record.Direction == "0" else -record.Volume
                worth -= signed * exact(record.Price) * multiplier[record.InstrumentID]
                held[user, record.InstrumentID] += signed
        for code, price in prices.items():
            worth += held[user, code] * price * multiplier[code]
        money = self.judge.money[user]
        return money.start + worth - sum((cents(fee) for fee in money.fees), Decimal(0))

    # ------------------------------------------------------------------ comparing
    def _check_statement(self, user: str, balance: Decimal) -> None:
        purse = settled_account(self.desk, user).purses[0]
        money = self.judge.money[user]
        same(f"c/f of {user}", Decimal(purse.balance_cf) / MICRO, balance)
        same(f"b/f of {user}", Decimal(purse.balance_bf) / MICRO, money.start)
        same(f"realized of {user}", Decimal(purse.close_profit) / MICRO, money.close_profit)
        account = self.desk.account(user)
        same("balance before the first tick", exact(account.Balance), balance)
        assert abs(exact(account.CurrMargin) - Decimal(purse.margin) / MICRO) < CENT
        assert abs(exact(account.Available) - Decimal(purse.available) / MICRO) < CENT
        same("yesterday's margin", exact(account.PreMargin), Decimal(purse.margin) / MICRO)

    def _check_identities(self, settlement: Settlement) -> None:
        for account in settlement.accounts:
            check_identities(account)

    # ------------------------------------------------------------------ the next day
    def _begin(self, prices: dict[str, Decimal], balances: dict[str, Decimal], replica: Replica) -> None:
        self.judge = self.judge.next_morning(prices, balances)
        self.replica = replica
        self.game = replace(
            self.game,
            seed=self.seed + 7919 * self.nights,
            markets=tuple(replace(market, settled=prices[market.code]) for market in self.game.markets),
        )
        self.events = []
        self._volumes = defaultdict(list)
        self._names, self._seen, self._told, self._sys_ids = {}, {}, Counter(), set()
        self.settled_before = prices
        self.morning = Counter()
        for (user, code, is_long, _), side in self.judge.sides.items():
            self.morning[user, code] += side.volume() if is_long else -side.volume()


def _morning(game: Days, settlement: Settlement) -> Replica:
    """A second counter that begins with the settlement's own record."""
    desk = open_desk(game.game)
    open_day(desk, settlement)
    desk.state.evolve(DaySettled(settlement, desk.now_ns))
    for user in USERS:
        desk.confirm(user)
    return Replica(desk.state)


def check_identities(account: AccountSettled) -> None:
    """The sums that a statement's reader may check (spec 11.3)."""
    for purse in account.purses:
        _check_purse(account, purse)


def _check_purse(account: AccountSettled, purse: PurseSettled) -> None:
    mine = purse.currency
    trades = [line for line in account.trades if line.currency == mine]
    closed = [line for line in account.closed if line.currency == mine]
    details = [line for line in account.details if line.currency == mine]
    lines = [line for line in account.positions if line.currency == mine]
    assert purse.commission == sum(line.fee for line in trades)
    assert purse.close_profit == sum(line.close_profit for line in closed)
    assert purse.mtm == sum(line.mtm for line in details) == sum(line.mtm for line in lines)
    assert purse.premium_received - purse.premium_paid == sum(line.premium for line in trades)
    long = sum(line.volume for line in details if line.is_long)
    assert long == sum(line.long_volume for line in lines)
    assert sum(line.volume for line in details) - long == sum(line.short_volume for line in lines)
    assert abs(purse.margin - sum(line.margin for line in lines)) <= 10_000 * len(lines)
    assert purse.long_option_value == sum(line.long_option_value for line in lines)
    assert purse.short_option_value == sum(line.short_option_value for line in lines)
    fees = purse.commission + purse.exercise_fee + purse.delivery_fee
    result = purse.close_profit + purse.mtm + purse.exercise_profit + purse.delivery_profit
    moved = purse.deposit_withdrawal + purse.premium_received - purse.premium_paid
    assert purse.balance_cf == purse.balance_bf + moved + result - fees
    assert purse.available == purse.client_equity - purse.margin - purse.delivery_margin
    for value in (purse.balance_cf, purse.commission, purse.margin, purse.mtm, purse.close_profit):
        assert value % 10_000 == 0, "cents"
