"""The night after a day of options, judged from the game's own books: exercise, assignment, money, margin.

Who exercises how much follows from what was held and declared; who of several sellers is assigned is the counter's
choice, so only its sum is judged (scenarios show the order).
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from ctp2.testing.desk_night import give, next_day, settled_account
from ctp2.testing.orderflow import Dice
from ctp2.tts.money import MICRO
from tests.tts.option_game import FUTURE_MARGIN, FUTURE_MULTIPLIER, USERS, ZERO, Option, OptionGame

D = Decimal
HALF = D("0.5")


class Night:
    """One settlement of a game."""

    def __init__(self, game: OptionGame) -> None:
        dice = Dice(game.seed ^ 0x717)
        self.game = game
        self.future = D(3500 + dice.roll(801) - 400)
        self.fund = D(4000 + dice.roll(801) - 400) / 1000
        self.royalties = {
            code: min(
                max(game.last.get(code, option.settled) + (dice.roll(9) - 4) * option.tick, option.tick), option.high
            )
            for code, option in game.options.items()
        }
        self.longs = {user: {code: self._held(user, code, True) for code in game.options} for user in USERS}
        self.shorts = {user: {code: self._held(user, code, False) for code in game.options} for user in USERS}
        self.declared: Counter[tuple[str, str]] = Counter()
        self.abandoned: Counter[tuple[str, str]] = Counter()
        for user in USERS:
            for record in game.declared_by(user):
                of = self.declared if record.ActionType == "1" else self.abandoned
                of[user, record.InstrumentID] += record.Volume

    def _held(self, user: str, code: str, is_long: bool) -> int:
        held = self.game.lots(user, code, is_long)
        return held.carried + held.today

    # ------------------------------------------------------------------ the judge
    def intrinsic(self, option: Option) -> Decimal:
        """What a lot is worth to its holder when it is exercised; below 0 it costs him."""
        price = self.fund if option.exchange == "SSE" else self.future
        worth = price - option.strike if option.kind == "call" else option.strike - price
        return worth * option.multiplier

    def exercised(self, user: str, option: Option) -> int:
        """Lots that the user exercises."""
        held, declared = self.longs[user][option.code], self.declared[user, option.code]
        if self.game.is_last_day and self.intrinsic(option) > 0:
            return held - self.abandoned[user, option.code]
        return declared

    def assigned(self, option: Option) -> int:
        """Lots of all sellers together."""
        sold = sum(self.shorts[user][option.code] for user in USERS)
        if self.game.is_last_day and self.intrinsic(option) > 0 and not option.is_matched:
            return sold
        return min(sold, sum(self.exercised(user, option) for user in USERS))

    def margin(self, option: Option) -> Decimal:
        """Of one lot still sold, at the prices of the night."""
        out = max(-self.intrinsic(option), ZERO)
        royalty = self.royalties[option.code] * option.multiplier
        if option.exchange != "SSE":
            future = self.future * FUTURE_MULTIPLIER * FUTURE_MARGIN
            return royalty + max(future - HALF * out, HALF * future)
        value, strike = self.fund * option.multiplier, option.strike * option.multiplier
        least = D("0.07") * (value if option.kind == "call" else strike)
        lot = royalty + max(D("0.12") * value - out, least)
        return lot if option.kind == "call" else min(lot, strike)

    # ------------------------------------------------------------------ the night
    def check(self) -> None:
        """Settle and compare everybody's money, positions and margin."""
        game, desk = self.game, self.game.desk
        give(desk, "u", settlement=str(self.future))
        give(desk, "510300", close=str(self.fund))
        for code, price in self.royalties.items():
            give(desk, code, settlement=str(price), close=str(price))
        exercised = {user: {c: self.exercised(user, option) for c, option in game.options.items()} for user in USERS}
        sums = {code: self.assigned(option) for code, option in game.options.items()}
        next_day(desk)
        assigned: dict[str, Counter[str]] = {user: Counter() for user in USERS}
        for user in USERS:
            for line in settled_account(desk, user).exercises:
                if line.kind == "履约":
                    assigned[user][line.code] += line.volume
        for code, total in sums.items():
            assert sum(assigned[user][code] for user in USERS) == total, f"assigned of {code}"
        for user in USERS:
            self._check_user(user, exercised[user], assigned[user])

    def _check_user(self, user: str, exercised: dict[str, int], assigned: Counter[str]) -> None:
        books, desk = self.game.books[user], self.game.desk
        balance = books.start + books.cash_in - books.commission
        margin, futures = ZERO, {True: 0, False: 0}
        positions: dict[tuple[str, bool], int] = {}
        for code, option in self.game.options.items():
            given, taken = exercised[code], assigned[code]
            balance += self.intrinsic(option) * (given - taken) - option.strike_fee * (given + taken)
            if option.exchange != "SSE":
                futures[option.kind == "call"] += given
                futures[option.kind == "put"] += taken
            if self.game.is_last_day:
                continue
            positions[code, True] = self.longs[user][code] - given
            positions[code, False] = self.shorts[user][code] - taken
            margin += positions[code, False] * self.margin(option)
        lot = self.future * FUTURE_MULTIPLIER * FUTURE_MARGIN
        is_larger = self.game.options["c"].exchange == "SHFE"
        margin += lot * (max(futures.values()) if is_larger else sum(futures.values()))
        positions.update({("u", is_long): volume for is_long, volume in futures.items()})
        purse = settled_account(desk, user).purses[0]
        assert D(purse.balance_cf) / MICRO == balance, f"c/f of {user}: {purse.balance_cf}, judged {balance}"
        assert abs(D(purse.margin) / MICRO - margin) <= D("0.005"), f"margin of {user}: {purse.margin}, judged {margin}"
        came: Counter[tuple[str, bool]] = Counter()
        for row in desk.positions(user):
            came[row.InstrumentID, row.PosiDirection == "2"] += row.Position
            assert row.StrikeFrozen == row.AbandonFrozen == row.TodayPosition == 0
        assert {key: n for key, n in came.items() if n} == {key: n for key, n in positions.items() if n}
        account = desk.account(user)
        assert D(repr(account.Balance)) == balance
        assert abs(D(repr(account.CurrMargin)) - margin) < D("0.000002")
        assert account.FrozenMargin == account.FrozenCash == account.FrozenCommission == account.CashIn == 0
