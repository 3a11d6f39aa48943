"""Combinations of positions (组合): what they are, the exchanges' rules as data, and how events change them.

A combination pairs lots of two legs that are held already; paired lots need less margin together. The decisions are in
``combining.py`` (spec ctp-semantics 12.5, 5.4, 7.3). A lot's margin is that of its single lots; what paired lots need
is kept on the pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ctp2.refdata.combinations import make_combination, parse_combination
from ctp2.tts.events import Event
from ctp2.tts.terms import BUY, LONG, SELL, SHORT, SPECULATION

if TYPE_CHECKING:
    from ctp2.refdata.models import Instrument
    from ctp2.tts.account import Account
    from ctp2.tts.contract import Contract
    from ctp2.tts.position import Lot, PositionRow
    from ctp2.tts.state import State

COMB: Final = "0"
UNCOMB: Final = "1"
DEL_COMB: Final = "2"
COMB_DIRECTIONS: Final = (COMB, UNCOMB, DEL_COMB)

SUBMITTED: Final = "a"
ACCEPTED: Final = "b"
REJECTED: Final = "c"
"""ActionStatus of a combination action."""

EXCHANGES: Final = ("DCE", "CZCE", "GFEX")
"""Exchanges with combination actions."""


# ------------------------------------------------------------------ rules
class CombinationKind:
    """A kind of combination: the directions it may be made in, its place when lots run short, and its margin.

    ``rank``: of the combinations that hold a lot, the one of the lowest rank is broken up first.
    ``adds_royalty``: the smaller leg's royalty is needed on top of the larger leg's margin (two sold options).
    """

    __slots__ = ("adds_royalty", "directions", "rank")

    def __init__(self, directions: str, rank: int, adds_royalty: bool = False) -> None:
        self.directions: str = directions
        self.rank: int = rank
        self.adds_royalty: bool = adds_royalty


KINDS: Final[dict[str, CombinationKind]] = {
    "SP": CombinationKind(BUY + SELL, rank=2),
    "SPD": CombinationKind(BUY + SELL, rank=2),
    "SPC": CombinationKind(BUY + SELL, rank=1),
    "IPS": CombinationKind(BUY + SELL, rank=1),
    "STD": CombinationKind(SELL, rank=4, adds_royalty=True),
    "STG": CombinationKind(SELL, rank=3, adds_royalty=True),
}
"""The kinds that ``refdata.combinations`` knows; a wrong direction is error 16 (docs/decisions/0063)."""


class Combination:
    """A combination that can be made: its kind, its two legs, and what buying one lot of it does with each."""

    __slots__ = ("code", "exchange", "kind", "leg_sides", "legs", "rule")

    def __init__(
        self, exchange: str, code: str, kind: str, legs: tuple[Contract, Contract], leg_sides: tuple[str, str]
    ) -> None:
        self.exchange: str = exchange
        self.code: str = code
        self.kind: str = kind
        self.rule: CombinationKind = KINDS[kind]
        self.legs: tuple[Contract, Contract] = legs
        self.leg_sides: tuple[str, str] = leg_sides

    def side_of(self, leg: int, direction: str) -> str:
        """LONG or SHORT: the position of a leg in a combination of this direction."""
        side = self.leg_sides[leg]
        if direction == BUY:
            return side
        return SHORT if side == LONG else LONG

    def leg_margins(self, pair_rows: tuple[PositionRow, PositionRow], bases: tuple[int, int], volume: int) -> Margins:
        """What ``volume`` pairs need, divided into the legs' shares: the larger leg's margin (spec 7.3)."""
        first, second = pair_rows
        own = (
            first.rates.margin(first.is_long, bases[0], volume),
            second.rates.margin(second.is_long, bases[1], volume),
        )
        exchange = (
            first.rates.exchange_margin(first.is_long, bases[0], volume),
            second.rates.exchange_margin(second.is_long, bases[1], volume),
        )
        royalties = (0, 0)
        if self.rule.adds_royalty:
            royalties = (_royalty(first.contract, volume), _royalty(second.contract, volume))
        return Margins(larger_leg(own, royalties), larger_leg(exchange, royalties))


def combination_of(instrument: Instrument, legs: tuple[Contract, Contract]) -> Combination:
    """The combination that an instrument of the reference data describes."""
    first, second = instrument.legs
    return Combination(
        instrument.exchange,
        instrument.code,
        instrument.combination_type,
        legs,
        (_SIDES[first.side], _SIDES[second.side]),
    )


def resolve(state: State, exchange: str, code: str) -> Combination | None:
    """Make a combination known by its code; None when there is no such one, or its legs are not listed here."""
    pair = parse_combination(code, state.trading_day, exchange)
    if pair is None:
        return None
    legs: list[Contract] = []
    for leg in (pair.first, pair.second):
        legs += [contract for contract in state.named(leg.code) if contract.exchange == leg.exchange]
    if len(legs) != 2:
        return None
    instrument = make_combination(pair, state.trading_day)
    made = state.combos.known[instrument.key] = combination_of(instrument, (legs[0], legs[1]))
    return made


def logged(state: State, exchange: str, code: str) -> Combination:
    """The combination that a log or a snapshot names: known, or made now as it was when an action first named it."""
    found = state.combos.known.get((exchange, code))
    if found is None:
        found = resolve(state, exchange, code)
    if found is None:
        raise LookupError(f"{exchange} {code}: no such combination is listed")
    return found


_SIDES: Final = {"buy": LONG, "sell": SHORT}


class Margins:
    """Two legs' shares of a margin at the investor's and at the exchange's rates (micro-units)."""

    __slots__ = ("exchange", "own")

    def __init__(self, own: tuple[int, int], exchange: tuple[int, int]) -> None:
        self.own: tuple[int, int] = own
        self.exchange: tuple[int, int] = exchange


def larger_leg(margins: tuple[int, int], royalties: tuple[int, int]) -> tuple[int, int]:
    """Shares of a pair's margin: the larger leg bears its margin, the other one its royalty (0 for futures)."""
    first, second = margins
    return (first, royalties[1]) if first >= second else (royalties[0], second)


def _royalty(contract: Contract, volume: int) -> int:
    """What an option costs at its previous settlement, as the margin of sold lots counts it."""
    return max(contract.pre_settlement, 0) * contract.notional_micro * volume


# ------------------------------------------------------------------ commands
class InsertCombAction:
    """A combination action as the client sent it (``ReqCombActionInsert``).

    ``del_front_id`` and ``del_session_id`` name, with ``action_ref``, the action that a DelComb takes back.
    """

    __slots__ = (
        "account_id",
        "action_ref",
        "comb_direction",
        "del_front_id",
        "del_session_id",
        "direction",
        "echo",
        "exchange",
        "front_id",
        "hedge",
        "instrument",
        "investor_id",
        "now_ns",
        "session_id",
        "user_id",
        "volume",
    )

    def __init__(
        self,
        now_ns: int,
        front_id: int,
        session_id: int,
        account_id: str,
        investor_id: str,
        user_id: str,
        exchange: str,
        instrument: str,
        direction: str,
        volume: int,
        comb_direction: str = COMB,
        hedge: str = SPECULATION,
        action_ref: str = "",
        del_front_id: int = 0,
        del_session_id: int = 0,
        echo: tuple[str, ...] = (),
    ) -> None:
        self.now_ns: int = now_ns
        self.front_id: int = front_id
        self.session_id: int = session_id
        self.account_id: str = account_id
        self.investor_id: str = investor_id
        self.user_id: str = user_id
        self.exchange: str = exchange
        self.instrument: str = instrument
        self.direction: str = direction
        self.volume: int = volume
        self.comb_direction: str = comb_direction
        self.hedge: str = hedge
        self.action_ref: str = action_ref
        self.del_front_id: int = del_front_id
        self.del_session_id: int = del_session_id
        self.echo: tuple[str, ...] = echo


# ------------------------------------------------------------------ state
class CombAction:
    """A combination action that CTP accepted, and where it stands."""

    __slots__ = ("account", "action_id", "combination", "made", "reason", "status", "terms", "trading_day")

    def __init__(
        self, action_id: int, terms: InsertCombAction, account: Account, combination: Combination, trading_day: str
    ) -> None:
        self.action_id: int = action_id
        self.terms: InsertCombAction = terms
        self.account: Account = account
        self.combination: Combination = combination
        self.trading_day: str = trading_day
        self.status: str = SUBMITTED
        self.reason: int = 0
        self.made: list[CombPair] = []


class CombPair:
    """Lots of two legs that stand together: ``volume`` of one lot with as many of another."""

    __slots__ = (
        "action_id",
        "combination",
        "direction",
        "exchange_margin",
        "hedge",
        "lots",
        "made_volume",
        "margin",
        "pair_id",
        "rows",
        "volume",
    )

    def __init__(
        self,
        pair_id: int,
        action_id: int,
        combination: Combination,
        direction: str,
        hedge: str,
        rows: tuple[PositionRow, PositionRow],
        lots: tuple[Lot, Lot],
        made_volume: int,
    ) -> None:
        self.pair_id: int = pair_id
        self.action_id: int = action_id
        self.combination: Combination = combination
        self.direction: str = direction
        self.hedge: str = hedge
        self.rows: tuple[PositionRow, PositionRow] = rows
        self.lots: tuple[Lot, Lot] = lots
        self.made_volume: int = made_volume
        self.volume: int = 0
        self.margin: int = 0
        self.exchange_margin: int = 0

    def margins(self, volume: int) -> Margins:
        """What ``volume`` of it need."""
        return self.combination.leg_margins(self.rows, (self.lots[0].basis, self.lots[1].basis), volume)


class CombRow:
    """The position row of a combination: it carries positions, OpenVolume and margin, nothing else (spec 12.5).

    ``yd_position`` were combined in the morning.
    """

    __slots__ = ("combination", "exchange_margin", "hedge", "margin", "open_volume", "position", "side", "yd_position")

    def __init__(self, combination: Combination, side: str, hedge: str) -> None:
        self.combination: Combination = combination
        self.side: str = side
        self.hedge: str = hedge
        self.position: int = 0
        self.yd_position: int = 0
        self.open_volume: int = 0
        self.margin: int = 0
        self.exchange_margin: int = 0


class CombBook:
    """The combinations that are known, and each account's: actions, pairs and rows."""

    __slots__ = ("actions", "known", "last_action", "last_pair", "pairs", "rows")

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Combination] = {}
        self.actions: list[CombAction] = []
        self.pairs: dict[str, list[CombPair]] = {}
        self.rows: dict[str, dict[tuple[str, str, str], CombRow]] = {}
        self.last_action: int = 0
        self.last_pair: int = 0

    def standing(self, account_id: str) -> list[CombPair]:
        """The account's pairs that still stand, oldest first."""
        return [pair for pair in self.pairs.get(account_id, ()) if pair.volume]

    def row(self, account_id: str, pair: CombPair) -> CombRow:
        """The position row of a pair's combination, made when first asked for."""
        rows = self.rows.setdefault(account_id, {})
        side = LONG if pair.direction == BUY else SHORT
        key = (pair.combination.code, side, pair.hedge)
        row = rows.get(key)
        if row is None:
            row = rows[key] = CombRow(pair.combination, side, pair.hedge)
        return row


# ------------------------------------------------------------------ events
class LotShift:
    """What a combination changes of one lot: how many of it are paired, and its single lots' margin (micro-units).

    ``lag``: how many more of the lot hold margin than count for profit (spec 5.3, Volume and TimeFirstVolume of DCE).
    """

    __slots__ = ("combined", "exchange_margin", "lag", "lot", "margin", "row")

    def __init__(self, row: PositionRow, lot: Lot, lag: int, combined: int, margin: int, exchange_margin: int) -> None:
        self.row: PositionRow = row
        self.lot: Lot = lot
        self.lag: int = lag
        self.combined: int = combined
        self.margin: int = margin
        self.exchange_margin: int = exchange_margin


class PairShift:
    """What changes of a pair: lots and margin (micro-units)."""

    __slots__ = ("exchange_margin", "margin", "pair", "volume")

    def __init__(self, pair: CombPair, volume: int, margin: int, exchange_margin: int) -> None:
        self.pair: CombPair = pair
        self.volume: int = volume
        self.margin: int = margin
        self.exchange_margin: int = exchange_margin


class CombActionInserted(Event):
    """CTP took a combination action."""

    __slots__ = ("action",)

    def __init__(self, action: CombAction, now_ns: int) -> None:
        self.account_id = action.account.account_id
        self.now_ns = now_ns
        self.action: CombAction = action


class CombinationChanged(Event):
    """Lots were paired or parted: by an action, or because a close took paired lots (``action`` None)."""

    __slots__ = ("action", "lots", "pairs")

    def __init__(
        self, account_id: str, action: CombAction | None, lots: list[LotShift], pairs: list[PairShift], now_ns: int
    ) -> None:
        self.account_id = account_id
        self.now_ns = now_ns
        self.action: CombAction | None = action
        self.lots: list[LotShift] = lots
        self.pairs: list[PairShift] = pairs

    def margin(self) -> int:
        """What it adds to the account's margin (micro-units)."""
        return sum([shift.margin for shift in self.lots]) + sum([shift.margin for shift in self.pairs])


class CombActionReport(Event):
    """One state of a combination action: an ``OnRtnCombAction``."""

    __slots__ = ("action", "reason", "status")

    def __init__(self, action: CombAction, status: str, reason: int, now_ns: int) -> None:
        self.account_id = action.account.account_id
        self.now_ns = now_ns
        self.action: CombAction = action
        self.status: str = status
        self.reason: int = reason


class CombActionRefused(Event):
    """CTP refused a combination action."""

    __slots__ = ("error_id", "terms")

    def __init__(self, account_id: str, terms: InsertCombAction, error_id: int) -> None:
        self.account_id = account_id
        self.now_ns = terms.now_ns
        self.terms: InsertCombAction = terms
        self.error_id: int = error_id


# ------------------------------------------------------------------ what events do
def on_comb_action_inserted(state: State, event: CombActionInserted) -> None:
    """The action is on record."""
    state.combos.actions.append(event.action)
    state.combos.last_action = event.action.action_id


def on_combination_changed(state: State, event: CombinationChanged) -> None:
    """Carry the shifts into lots, rows, pairs and the account's margin."""
    for shift in event.lots:
        row, lot = shift.row, shift.lot
        row.has_pairs = True
        row.comb_position += shift.combined
        row.margin += shift.margin
        row.exchange_margin += shift.exchange_margin
        lot.lag += shift.lag
        lot.combined += shift.combined
        lot.margin += shift.margin
        lot.exchange_margin += shift.exchange_margin
        _change_margin(row, shift.margin, shift.exchange_margin)
    book = state.combos
    for change in event.pairs:
        pair = change.pair
        if pair.pair_id > book.last_pair:
            book.last_pair = pair.pair_id
            book.pairs.setdefault(event.account_id, []).append(pair)
            if event.action is not None:
                event.action.made.append(pair)
        pair.volume += change.volume
        pair.margin += change.margin
        pair.exchange_margin += change.exchange_margin
        comb_row = book.row(event.account_id, pair)
        comb_row.position += change.volume
        comb_row.open_volume += max(change.volume, 0)
        comb_row.margin += change.margin
        comb_row.exchange_margin += change.exchange_margin
        _change_margin(pair.rows[0], change.margin, change.exchange_margin)


def _change_margin(row: PositionRow, margin: int, exchange_margin: int) -> None:
    purse = row.purse
    assert purse is not None
    purse.change_margin(purse.group_of(row.contract), row.is_long, margin, exchange_margin)


def on_comb_action_report(state: State, event: CombActionReport) -> None:
    """The action's visible state."""
    event.action.status = event.status
    event.action.reason = event.reason


def on_comb_action_refused(state: State, event: CombActionRefused) -> None:
    """A refused action changes nothing."""
