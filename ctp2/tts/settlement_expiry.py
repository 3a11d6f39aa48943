"""What ends with the day: options that are exercised or expire, futures that are delivered, repos that fall due.

Spec ctp-semantics 11.2 steps 2 and 5, 12.3; what it leaves open is in docs/decisions/0089. A contract ends when its
last trading day is before the next one, so that no position is carried over days that nothing is known of.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ctp2.tts.declarations import ABANDON, EXERCISE, SELF_CLOSE, Declaration
from ctp2.tts.money import MICRO, RATE, round_div, share
from ctp2.tts.options import ON_FUTURE, OptionTerms
from ctp2.tts.settled import ClosedLine, DeliveryLine, ExerciseLine
from ctp2.tts.settlement_held import Held, HeldLot, Holding
from ctp2.tts.settlement_lines import cents, price_of, whose
from ctp2.tts.settlement_positions import Margins, pre_settlement, settled_or
from ctp2.tts.settlement_prices import SettlementPrices

if TYPE_CHECKING:
    from ctp2.tts.contract import Contract
    from ctp2.tts.state import State

EXERCISED: Final = "行权"
BY_ITSELF: Final = "自动行权"
ASSIGNED: Final = "履约"
ABANDONED: Final = "放弃"
EXPIRED: Final = "到期"
CLOSED_BY_SELF: Final = "自对冲"
"""Texts of ``ExerciseLine.kind``."""

CLOSES_OPTIONS: Final = "1"
CLOSES_FUTURES: Final = "3"
"""OptSelfCloseFlag: the investor's own options close each other; so do the futures that come of an assignment."""
_AUTO_CLOSE: Final = "0"
"""ExecOrderCloseFlag: so do the futures that come of an exercise."""

_REPO_DAYS: Final = {
    ("SSE", "001"): 1,
    ("SSE", "002"): 2,
    ("SSE", "003"): 3,
    ("SSE", "004"): 4,
    ("SSE", "007"): 7,
    ("SSE", "014"): 14,
    ("SSE", "028"): 28,
    ("SSE", "091"): 91,
    ("SSE", "182"): 182,
    ("SZSE", "810"): 1,
    ("SZSE", "811"): 2,
    ("SZSE", "800"): 3,
    ("SZSE", "809"): 4,
    ("SZSE", "801"): 7,
    ("SZSE", "802"): 14,
    ("SZSE", "803"): 28,
    ("SZSE", "805"): 91,
    ("SZSE", "806"): 182,
}
"""Exchange and last three digits of a repo → days that it lends for."""
_REPO_LOT: Final = 100 * MICRO
_DAYS_OF_A_YEAR: Final = 365


class Ended:
    """What ended for one account."""

    def __init__(self) -> None:
        self.exercises: list[ExerciseLine] = []
        self.delivered: list[DeliveryLine] = []
        self.closed: list[ClosedLine] = []


class Expiry:
    """Carries out the end of the day for all accounts at once: who sold an option may be assigned by who bought it."""

    def __init__(self, state: State, next_day: str, prices: SettlementPrices, all_held: list[Held]) -> None:
        self._state = state
        self._next_day = next_day
        self._prices = prices
        self._margins = Margins(prices)
        self._all_held = all_held
        self._last_trade_id = state.last_trade_id
        self.ended: dict[str, Ended] = {held.account.account_id: Ended() for held in all_held}
        self._options: dict[int, list[tuple[Held, Holding]]] = {}
        for held in all_held:
            for holding in held.in_order():
                if holding.contract.option is not None:
                    self._options.setdefault(holding.contract.index, []).append((held, holding))

    def carry_out(self) -> None:
        """Options first, then what they turned into may be delivered."""
        for index in sorted(self._options):
            contract = self._state.contracts[index]
            assert contract.option is not None
            self._end_option(contract, contract.option)
        for held in self._all_held:
            for holding in list(held.in_order()):
                if holding.contract.is_repo:
                    self._repay(held, holding)
                elif holding.contract.option is None and self._is_over(holding.contract):
                    self._deliver(held, holding)

    # ------------------------------------------------------------------ options
    def _end_option(self, contract: Contract, option: OptionTerms) -> None:
        is_over = self._is_over(contract)
        value = self._margins.underlying_value(option)
        intrinsic = value - option.strike_value if option.is_call else option.strike_value - value
        standing = [record for record in self._state.declared.records if _is_of(record, contract)]
        for held, holding in self._sides(contract):
            if holding.is_long:
                self._close_by_self(held, holding, standing)
        exercised = 0
        for held, holding in self._sides(contract):
            if holding.is_long:
                wishes = [r for r in standing if r.account is held.account and r.terms.hedge == holding.hedge]
                exercised += self._exercise(held, holding, wishes, intrinsic, is_over)
        sold = [(held, holding) for held, holding in self._sides(contract) if not holding.is_long]
        if is_over and intrinsic > 0 and not contract.is_matched:
            exercised = sum(holding.volume for _, holding in sold)  # everybody exercises what is worth something
        for held, holding, volume in _oldest(sold, exercised):
            self._assign(held, holding, volume, intrinsic, standing)
        if is_over:
            for held, holding in self._sides(contract):
                self._line(held, holding, holding.volume, EXPIRED)
                held.take(holding, holding.volume)

    def _exercise(self, held: Held, holding: Holding, wishes: list[Declaration], intrinsic: int, is_over: bool) -> int:
        """The holder's lots that are exercised: as declared; on the last day all that are worth something and are kept.

        Declared lots come first, lots abandoned are left to expire.
        """
        asked = [r for r in wishes if r.terms.kind == EXERCISE and r.terms.action_type != ABANDON]
        abandoned = sum(r.lots for r in wishes if r.terms.kind == EXERCISE and r.terms.action_type == ABANDON)
        total = 0
        for record in asked:
            volume = min(record.lots, holding.volume)
            closes = volume if record.terms.close_flag == _AUTO_CLOSE else 0
            total += self._turn(held, holding, volume, intrinsic, EXERCISED, closes)
        if not is_over:
            return total
        kept = min(abandoned, holding.volume)
        if intrinsic > 0 and all(record.terms.volume for record in asked):
            total += self._turn(held, holding, holding.volume - kept, intrinsic, BY_ITSELF, 0)
        if kept:
            self._line(held, holding, kept, ABANDONED)
            held.take(holding, kept)
        return total

    def _assign(self, held: Held, holding: Holding, volume: int, intrinsic: int, standing: list[Declaration]) -> None:
        """Who sold the option delivers or pays; a self close of his applies to the futures that he gets."""
        closes = sum(
            record.terms.volume or volume
            for record in standing
            if record.account is held.account
            and record.terms.kind == SELF_CLOSE
            and record.terms.self_close_flag == CLOSES_FUTURES
            and record.terms.hedge == holding.hedge
        )
        self._turn(held, holding, volume, -intrinsic, ASSIGNED, min(closes, volume))

    def _turn(self, held: Held, holding: Holding, volume: int, gain: int, kind: str, closes: int) -> int:
        """Options become futures at the strike, or cash; ``closes`` of the futures close opposite ones of the account.

        ``gain``: what a lot is worth to the account (micro-units), which futures show as profit from the strike on.
        """
        if not volume:
            return 0
        option = holding.rates.option
        assert option is not None
        held.take(holding, volume)
        future = option.underlying if option.kind == ON_FUTURE else None
        rates = option.rates
        fee = share(option.strike_value, rates.strike_by_money) + rates.strike_by_volume
        profit = cents(gain * volume) if future is None else 0
        self._line(held, holding, volume, kind, profit, cents(fee * volume))
        if future is not None:
            is_long = option.is_call == holding.is_long
            created = held.holding(future, is_long, holding.hedge)
            price = round_div(option.strike_value * future.price_scale, MICRO * holding.contract.instrument.multiplier)
            self._last_trade_id += 1
            created.lots.append(HeldLot(self._last_trade_id, self._state.trading_day, price, price, volume))
            self._close_futures(held, created, closes)
        return volume

    def _close_by_self(self, held: Held, holding: Holding, standing: list[Declaration]) -> None:
        """Long and short lots of one option close each other, but for those that are to be exercised."""
        short = held.find(holding.contract, False, holding.hedge)
        mine = [r for r in standing if r.account is held.account and r.terms.hedge == holding.hedge]
        for record in mine:
            if short is None or record.terms.kind != SELF_CLOSE or record.terms.self_close_flag != CLOSES_OPTIONS:
                continue
            declared = sum(r.lots for r in mine if r.terms.kind == EXERCISE)
            volume = min(holding.volume - declared, short.volume)
            if record.terms.volume:
                volume = min(volume, record.terms.volume)
            if volume > 0:
                for side in (holding, short):
                    self._line(held, side, volume, CLOSED_BY_SELF)
                    held.take(side, volume)

    def _close_futures(self, held: Held, created: Holding, volume: int) -> None:
        """The newest lots of one side and the oldest of the other close each other at the settlement price."""
        other = held.find(created.contract, not created.is_long, created.hedge)
        volume = 0 if other is None else min(volume, other.volume)
        if other is None or volume <= 0:
            return
        newest = created.lots[-1]
        newest.volume -= volume
        ended = self.ended[held.account.account_id]
        ended.closed.append(self._closed(created, newest, volume))
        ended.closed += [self._closed(other, lot, part) for lot, part in held.take(other, volume)]

    def _closed(self, holding: Holding, lot: HeldLot, volume: int) -> ClosedLine:
        contract = holding.contract
        price = settled_or(self._prices, contract, lot.basis)
        profit = (price - lot.basis) * volume * contract.notional_micro
        return ClosedLine(
            **whose(contract, holding.hedge),
            date=self._state.trading_day,
            open_date=lot.open_date,
            is_buy=not holding.is_long,
            volume=volume,
            open_price=price_of(contract, lot.open_price),
            pre_settlement=price_of(contract, pre_settlement(contract, lot.basis)),
            price=price_of(contract, price),
            close_profit=cents(profit if holding.is_long else -profit),
            premium=0,
        )

    def _line(self, held: Held, holding: Holding, volume: int, kind: str, profit: int = 0, fee: int = 0) -> None:
        if not volume:
            return
        option = holding.rates.option
        assert option is not None
        strike = holding.contract.instrument.strike
        assert strike is not None
        is_turned = kind in (EXERCISED, BY_ITSELF, ASSIGNED)
        self.ended[held.account.account_id].exercises.append(
            ExerciseLine(
                **whose(holding.contract, holding.hedge),
                date=self._state.trading_day,
                is_buy=holding.is_long,
                kind=kind,
                volume=volume,
                strike=strike,
                amount=cents(option.strike_value * volume) if is_turned else 0,
                profit=profit,
                fee=fee,
            )
        )

    # ------------------------------------------------------------------ futures and repos
    def _deliver(self, held: Held, holding: Holding) -> None:
        """Closed at the settlement price of the last day, which is the delivery price."""
        contract = holding.contract
        for lot, volume in held.take(holding, holding.volume):
            price = settled_or(self._prices, contract, lot.basis)
            profit = (price - lot.basis) * volume * contract.notional_micro
            self.ended[held.account.account_id].delivered.append(
                DeliveryLine(
                    **whose(contract, holding.hedge),
                    date=self._state.trading_day,
                    open_date=lot.open_date,
                    is_long=holding.is_long,
                    volume=volume,
                    open_price=price_of(contract, lot.open_price),
                    pre_settlement=price_of(contract, pre_settlement(contract, lot.basis)),
                    price=price_of(contract, price),
                    profit=cents(profit if holding.is_long else -profit),
                    fee=0,
                )
            )

    def _repay(self, held: Held, holding: Holding) -> None:
        """A repo that falls due before the next day: the money is free again, with the interest of its days."""
        contract = holding.contract
        days = _REPO_DAYS.get((contract.exchange, contract.code[-3:]), 1)
        for lot in list(holding.lots):
            due = datetime.strptime(lot.open_date, "%Y%m%d") + timedelta(days=days)
            if not lot.volume or f"{due:%Y%m%d}" > self._next_day:
                continue
            percent = lot.open_price * RATE // contract.price_scale
            interest = round_div(_REPO_LOT * lot.volume * percent * days, RATE * 100 * _DAYS_OF_A_YEAR)
            line = self._closed(holding, lot, lot.volume)
            line.price, line.close_profit = line.open_price, cents(interest)
            self.ended[held.account.account_id].closed.append(line)
            lot.volume = 0

    # ------------------------------------------------------------------ who
    def _sides(self, contract: Contract) -> list[tuple[Held, Holding]]:
        """Everybody's holdings of an option that are not empty, long before short."""
        return [(held, holding) for held, holding in self._options[contract.index] if holding.volume]

    def _is_over(self, contract: Contract) -> bool:
        expire = contract.instrument.expire_date
        return bool(expire) and expire < self._next_day


def _is_of(record: Declaration, contract: Contract) -> bool:
    return record.contract is contract and record.is_standing()


def _oldest(sold: list[tuple[Held, Holding]], volume: int) -> list[tuple[Held, Holding, int]]:
    """The holdings that bear ``volume`` assigned lots: the lots opened first, over all accounts."""
    lots = [
        ((lot.open_date, lot.trade_id, place), place, lot.volume)
        for place, (_, holding) in enumerate(sold)
        for lot in holding.lots
    ]
    shares = [0] * len(sold)
    for _, place, held_volume in sorted(lots):
        part = min(volume, held_volume)
        shares[place] += part
        volume -= part
    return [(held, holding, share) for (held, holding), share in zip(sold, shares, strict=True) if share]
