"""What the counter decides about combinations (spec ctp-semantics 12.5); what they are is in ``combos.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.refdata.models import Instrument
from ctp2.tts import rejections as error
from ctp2.tts.combos import (
    ACCEPTED,
    COMB,
    COMB_DIRECTIONS,
    DEL_COMB,
    EXCHANGES,
    KINDS,
    REJECTED,
    SUBMITTED,
    CombAction,
    CombActionInserted,
    CombActionRefused,
    CombActionReport,
    Combination,
    CombinationChanged,
    CombPair,
    InsertCombAction,
    LotShift,
    PairShift,
    combination_of,
    resolve,
)
from ctp2.tts.events import Event
from ctp2.tts.terms import BUY, CONTINUOUS, INVESTOR_HEDGE_FLAGS, SELL

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.contract import Contract
    from ctp2.tts.engine import Engine
    from ctp2.tts.position import Lot, PositionRow
    from ctp2.tts.reports import Reporter
    from ctp2.tts.state import State

DELETE_AFTER_NS: Final = 30_000_000_000
"""An action can be taken back 30 seconds after it was given (error 152)."""


class _Working:
    """Lots of one row while an action is worked out: how many of each are single, before anything is changed."""

    __slots__ = ("lots", "row", "singles")

    def __init__(self, row: PositionRow) -> None:
        self.row: PositionRow = row
        self.lots: list[Lot] = row.lots
        self.singles: list[int] = [lot.volume + lot.lag - lot.combined for lot in row.lots]

    def margins(self, index: int) -> tuple[int, int]:
        """Margin of the lot's single lots as they now are, at the investor's and the exchange's rates."""
        rates, basis, volume = self.row.rates, self.lots[index].basis, self.singles[index]
        is_long = self.row.is_long
        return rates.margin(is_long, basis, volume), rates.exchange_margin(is_long, basis, volume)

    def shift(self, index: int, singles: int, lag: int, combined: int) -> LotShift:
        """Change the lot's single lots; what that does to its margin is worked out from before and after."""
        before, exchange_before = self.margins(index)
        self.singles[index] += singles
        after, exchange_after = self.margins(index)
        return LotShift(self.row, self.lots[index], lag, combined, after - before, exchange_after - exchange_before)

    def place(self, wanted: Lot) -> int:
        """The lot's index."""
        for index, lot in enumerate(self.lots):
            if lot is wanted:
                return index
        raise AssertionError("a paired lot is one of its row")


class CombinationDesk:
    """Combination actions of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.state: State = engine.state
        self.reporter: Reporter = engine.reporter
        self.checks_money: bool = engine.settings.checks

    def add(self, instrument: Instrument, legs: tuple[Contract, Contract]) -> None:
        """Make a combination known, whether or not it is tradable as an instrument."""
        self.state.combos.known[instrument.key] = combination_of(instrument, legs)

    def resolve(self, exchange: str, code: str) -> None:
        """Make a combination known by its code, if there is such a one and both its legs are listed here."""
        if any(key[1] == code and exchange in ("", key[0]) for key in self.state.combos.known):
            return
        resolve(self.state, exchange, code)

    def insert(self, terms: InsertCombAction) -> list[Event]:
        """Check an action, carry it out, and tell it."""
        events = self.reporter.begin(terms.now_ns)
        account = self.state.accounts[terms.account_id]
        number = self._check(terms, account)
        combination = self.state.combos.known.get(self._key(terms))
        change: CombinationChanged | None = None
        if not number:
            assert combination is not None
            number_of_it = self.state.combos.last_action + 1
            action = CombAction(number_of_it, terms, account, combination, self.state.trading_day)
            number, change = self._change(action)
            money = max(account.purse(_currency(combination)).available(), 0)
            if change is not None and self.checks_money and change.margin() > money:
                number = error.COMB_ACTION_SHORT_MONEY
        if number or combination is None or change is None:
            refused = CombActionRefused(terms.account_id, terms, number)
            self.state.evolve(refused)
            events.append(refused)
            return events
        self._tell(CombActionInserted(action, terms.now_ns))
        self._tell(CombActionReport(action, SUBMITTED, 0, terms.now_ns))
        if any(leg.phase != CONTINUOUS for leg in combination.legs):
            self._tell(CombActionReport(action, REJECTED, error.PHASE, terms.now_ns))
            return events
        self._tell(change)
        self._tell(CombActionReport(action, ACCEPTED, 0, terms.now_ns))
        return events

    def _tell(self, event: Event) -> None:
        self.state.evolve(event)
        self.reporter.events.append(event)

    # -------------------------------------------------------------- checks
    def _key(self, terms: InsertCombAction) -> tuple[str, str]:
        """The combination that is meant; its exchange may be left out when its code is unique."""
        if terms.exchange:
            return terms.exchange, terms.instrument
        return next((key for key in self.state.combos.known if key[1] == terms.instrument), ("", terms.instrument))

    def _check(self, terms: InsertCombAction, account: Account) -> int:
        """Session, fields, instrument and direction; 0 when the action may be worked out."""
        if not account.confirmed_ns:
            return error.SETTLEMENT_INFO_NOT_CONFIRMED
        if (
            terms.direction not in (BUY, SELL)
            or terms.comb_direction not in COMB_DIRECTIONS
            or terms.hedge not in INVESTOR_HEDGE_FLAGS
            or terms.volume <= 0
        ):
            return error.BAD_FIELD
        if not terms.investor_id:
            return error.INVESTOR_ID_IS_MISSING
        if terms.investor_id != terms.account_id:
            return error.NO_PRIVILEGE if terms.investor_id in self.state.accounts else error.INVESTOR_NOT_FOUND
        if terms.exchange and terms.exchange not in self.state.exchanges:
            return error.EXCHANGE_ID_IS_INVALID
        return self._check_combination(terms)

    def _check_combination(self, terms: InsertCombAction) -> int:
        combination = self.state.combos.known.get(self._key(terms))
        if combination is None:
            if any(key[1] == terms.instrument for key in self.state.combos.known):
                return error.EXCHANGE_ID_IS_WRONG
            if not self.state.named(terms.instrument):
                return error.INSTRUMENT_NOT_FOUND
            return error.BAD_OPTION_INSTR
        if combination.exchange not in EXCHANGES:
            return error.UNSUPPORTED_FUNCTION
        if not all(leg.is_tradable for leg in combination.legs):
            return error.INSTRUMENT_NOT_TRADING
        rights = self.state.accounts[terms.account_id].rights
        for leg in combination.legs:
            number = 0 if rights is None else rights.refusal_in(leg, False)
            if number:
                return number
        return 0 if terms.direction in KINDS[combination.kind].directions else error.INSTRUMENT_NOT_FOUND

    # -------------------------------------------------------------- working an action out
    def _change(self, action: CombAction) -> tuple[int, CombinationChanged | None]:
        """What the action changes, or CTP's number against it."""
        terms = action.terms
        if terms.comb_direction == COMB:
            return self._combine(action)
        pairs = [
            pair
            for pair in self.state.combos.standing(terms.account_id)
            if pair.combination is action.combination
            and pair.direction == terms.direction
            and pair.hedge == terms.hedge
        ]
        if terms.comb_direction == DEL_COMB:
            made = self._taken_back(terms, action.combination)
            if made is None:
                return error.DEL_COMB_ACTION_NO_REC, None
            if terms.now_ns < made.terms.now_ns + DELETE_AFTER_NS:
                return error.DEL_COMB_ACTION_TOO_FAST, None
            return self._part(action, made.made, made.terms.volume)
        return self._part(action, pairs, terms.volume)

    def _taken_back(self, terms: InsertCombAction, combination: Combination) -> CombAction | None:
        """The action that a DelComb names; None when nothing of it stands whole any more."""
        session = (terms.del_front_id or terms.front_id, terms.del_session_id or terms.session_id)
        for action in reversed(self.state.combos.actions):
            of = action.terms
            if (
                action.account.account_id == terms.account_id
                and action.combination is combination
                and of.comb_direction == COMB
                and of.action_ref.strip() == terms.action_ref.strip()
                and (of.front_id, of.session_id) == session
            ):
                whole = action.made and all(pair.volume == pair.made_volume for pair in action.made)
                return action if whole else None
        return None

    def _combine(self, action: CombAction) -> tuple[int, CombinationChanged | None]:
        """Pair single lots, oldest first on either leg; lots that working closes hold are not free."""
        terms, combination = action.terms, action.combination
        rows = []
        for leg in (0, 1):
            contract, side = combination.legs[leg], combination.side_of(leg, terms.direction)
            row = action.account.rows.get((contract.index, side, terms.hedge, False))
            if row is None or row.closable() - row.comb_position < terms.volume:
                return error.OVER_CLOSE_POSITION, None
            rows.append(row)
        first, second = _Working(rows[0]), _Working(rows[1])
        lots: list[LotShift] = []
        pairs: list[PairShift] = []
        left, one, two = terms.volume, 0, 0
        while left:
            volume = min(left, first.singles[one], second.singles[two])
            if volume > 0:
                lots.append(first.shift(one, -volume, 0, volume))
                lots.append(second.shift(two, -volume, 0, volume))
                pair = CombPair(
                    self.state.combos.last_pair + 1 + len(pairs),
                    action.action_id,
                    combination,
                    terms.direction,
                    terms.hedge,
                    (rows[0], rows[1]),
                    (first.lots[one], second.lots[two]),
                    volume,
                )
                margins = pair.margins(volume)
                pairs.append(PairShift(pair, volume, sum(margins.own), sum(margins.exchange)))
                left -= volume
            one += first.singles[one] <= 0
            two += second.singles[two] <= 0
        return 0, CombinationChanged(terms.account_id, action, lots, pairs, terms.now_ns)

    def _part(self, action: CombAction, pairs: list[CombPair], volume: int) -> tuple[int, CombinationChanged | None]:
        """Part ``volume`` pairs, the oldest first: their lots are single again."""
        if sum([pair.volume for pair in pairs]) < volume:
            return error.OVER_CLOSE_POSITION, None
        workings: dict[int, _Working] = {}
        lots: list[LotShift] = []
        changes: list[PairShift] = []
        for pair in pairs:
            part = min(volume, pair.volume)
            if part:
                for leg in (0, 1):
                    lots.append(_single_again(workings, pair, leg, part))
                changes.append(_fewer(pair, part))
                volume -= part
        return 0, CombinationChanged(action.terms.account_id, action, lots, changes, action.terms.now_ns)


def _currency(combination: Combination) -> str:
    return combination.legs[0].currency


def _working(workings: dict[int, _Working], row: PositionRow) -> _Working:
    known = workings.get(id(row))
    if known is None:
        known = workings[id(row)] = _Working(row)
    return known


def _single_again(workings: dict[int, _Working], pair: CombPair, leg: int, volume: int) -> LotShift:
    """The leg's lots leave a pair and need their own margin."""
    working = _working(workings, pair.rows[leg])
    return working.shift(working.place(pair.lots[leg]), volume, 0, -volume)


def _fewer(pair: CombPair, volume: int) -> PairShift:
    """The pair with ``volume`` lots less."""
    margins = pair.margins(pair.volume - volume)
    return PairShift(pair, -volume, sum(margins.own) - pair.margin, sum(margins.exchange) - pair.exchange_margin)


def release_for_close(reporter: Reporter, account_id: str, row: PositionRow, taken: list[tuple[Lot, int]]) -> None:
    """Release the margin of a close on a row with combinations: single lots first, then pairs of the lowest rank.

    Profit is taken first opened, first closed (``taken``); a lot whose profit was taken while another's margin was
    released lags behind (spec 5.3, 5.4). The close itself follows and releases no margin of its own.
    """
    workings: dict[int, _Working] = {}
    working = _working(workings, row)
    lots: list[LotShift] = []
    changes: list[PairShift] = []
    left = 0
    for lot, volume in taken:
        lots.append(LotShift(row, lot, volume, 0, 0, 0))
        left += volume
    for index, singles in enumerate(list(working.singles)):
        part = min(left, singles)
        if part > 0:
            lots.append(working.shift(index, -part, -part, 0))
            left -= part
    standing = reporter.state.combos.standing(account_id)
    standing.sort(key=_break_order)
    for pair in standing:
        if row is not pair.rows[0] and row is not pair.rows[1]:
            continue
        part = min(left, pair.volume)
        if part > 0:
            leg = 0 if row is pair.rows[0] else 1
            lots.append(LotShift(row, pair.lots[leg], -part, -part, 0, 0))
            lots.append(_single_again(workings, pair, 1 - leg, part))
            changes.append(_fewer(pair, part))
            left -= part
    event = CombinationChanged(account_id, None, lots, changes, reporter.now_ns)
    reporter.state.evolve(event)
    reporter.events.append(event)


def _break_order(pair: CombPair) -> tuple[int, int]:
    """Lowest rank first, and of one rank the newest."""
    return pair.combination.rule.rank, -pair.pair_id
