"""What a record of the log writes in an object's place: ids for what the state knows, values for everything else.

A part is a pair of functions: ``out`` makes a plain value of an object, ``back`` finds or makes the object again in the
state that is being rebuilt. An event is the list of its constructor's arguments, each by its part
(``codec_table.py``); what the state only learns by an event (an order, a quote …) is written whole in that event and by
its id from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ctp2.tts.combos import CombAction, CombPair, InsertCombAction, LotShift, PairShift, logged
from ctp2.tts.commands import CancelOrder, InsertOrder, ReleasedOrder
from ctp2.tts.declarations import Declaration, Declare
from ctp2.tts.events import LotClosed
from ctp2.tts.orders import Order
from ctp2.tts.parked import Parked
from ctp2.tts.position import Lot, PositionRow
from ctp2.tts.quotes import AskForQuote, CancelQuote, InsertQuote, MakerQuote
from ctp2.tts.rights import Rights
from ctp2.tts.settled import pack, unpack

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.combos import Combination
    from ctp2.tts.contract import Contract
    from ctp2.tts.state import State


class Known:
    """What the parts need of the state that events are about: the state itself, and the log's numbers for instruments.

    ``told_out`` and ``told_back`` turn the edge's own events (``RequestRefused.told``) into plain values and back.
    """

    __slots__ = ("contracts", "pairs", "state", "told_back", "told_out")

    def __init__(
        self, state: State, told_out: Callable[[Any], Any] | None = None, told_back: Callable[[Any], Any] | None = None
    ) -> None:
        self.state: State = state
        self.contracts: dict[int, Contract] = {}
        """The log's number of an instrument (its index when it was written) → the state's own."""
        self.pairs: dict[int, CombPair] = {
            pair.pair_id: pair for pairs in state.combos.pairs.values() for pair in pairs
        }
        self.told_out: Callable[[Any], Any] = _as_it_is if told_out is None else told_out
        self.told_back: Callable[[Any], Any] = _as_it_is if told_back is None else told_back

    def row(self, account: Account, key: Any) -> PositionRow:
        """A position row by instrument, side, hedge flag and whether it is yesterday's; new when there is none."""
        number, side, hedge, is_history = key
        row = account.rows.get((self.contracts[number].index, side, hedge, is_history))
        return self.new_row(account, key) if row is None else row

    def new_row(self, account: Account, key: Any) -> PositionRow:
        """A row that the account does not have (yet)."""
        number, side, hedge, is_history = key
        contract = self.contracts[number]
        row = PositionRow(contract, side, hedge, is_history)
        if self.state.rates_of is not None:
            row.rates = self.state.rates_of(account.account_id, contract)
        return row


def _as_it_is(value: Any) -> Any:
    return value


Out = Callable[[Known, Any], Any]
Back = Callable[[Known, Any], Any]
Part = tuple[Out, Back]


def _same(known: Known, value: Any) -> Any:
    return value


def _tuple(known: Known, value: Any) -> Any:
    return tuple(value)


PLAIN: Final[Part] = (_same, _same)
TEXTS: Final[Part] = (_same, _tuple)


# ------------------------------------------------------------------ commands and other records of plain values
def record(kind: type, names: str) -> Part:
    """A record whose constructor takes the attributes ``names``; every sequence in it is a tuple of texts."""
    attributes = names.split()

    def out(known: Known, value: Any) -> Any:
        return None if value is None else [getattr(value, name) for name in attributes]

    def back(known: Known, values: Any) -> Any:
        if values is None:
            return None
        return kind(*[tuple(one) if isinstance(one, list) else one for one in values[: len(attributes)]])

    return out, back


_ORDER_TERMS: Final = (
    "now_ns front_id session_id account_id investor_id user_id exchange instrument order_ref direction comb_offset"
    " price volume price_type time_condition volume_condition min_volume contingent stop_price comb_hedge"
    " force_close_reason is_auto_suspend is_swap user_force_close session_req_seq request_id echo"
)
_SENT: Final = record(InsertOrder, _ORDER_TERMS)
_RELEASED: Final = record(ReleasedOrder, f"{_ORDER_TERMS} origin")


def _terms_out(known: Known, terms: Any) -> Any:
    if terms is None:
        return None
    is_released = isinstance(terms, ReleasedOrder)
    return [is_released, (_RELEASED if is_released else _SENT)[0](known, terms)]


def _terms_back(known: Known, value: Any) -> Any:
    if value is None:
        return None
    return (_RELEASED if value[0] else _SENT)[1](known, value[1])


TERMS: Final[Part] = (_terms_out, _terms_back)
CANCEL: Final[Part] = record(
    CancelOrder,
    "now_ns account_id investor_id user_id exchange instrument order_sys_id front_id session_id order_ref action_flag"
    " action_ref request_id echo",
)
QUOTE_TERMS: Final[Part] = record(
    InsertQuote,
    "now_ns front_id session_id account_id investor_id user_id exchange instrument ask_price ask_volume bid_price"
    " bid_volume quote_ref ask_ref bid_ref ask_offset bid_offset ask_hedge bid_hedge time_condition replace_sys_id"
    " for_quote_sys_id session_req_seq request_id echo",
)
QUOTE_CANCEL: Final[Part] = record(
    CancelQuote,
    "now_ns account_id investor_id user_id exchange instrument quote_sys_id front_id session_id quote_ref action_flag"
    " action_ref request_id echo",
)
ASK_TERMS: Final[Part] = record(
    AskForQuote,
    "now_ns front_id session_id account_id investor_id user_id exchange instrument for_quote_ref echo",
)
COMB_TERMS: Final[Part] = record(
    InsertCombAction,
    "now_ns front_id session_id account_id investor_id user_id exchange instrument direction volume comb_direction"
    " hedge action_ref del_front_id del_session_id echo",
)
DECLARE_TERMS: Final[Part] = record(
    Declare,
    "kind now_ns front_id session_id account_id investor_id user_id exchange instrument ref volume hedge offset"
    " action_type posi_direction reserve_flag close_flag self_close_flag request_id echo",
)
RIGHTS: Final[Part] = record(
    Rights, "is_active trading position_limits no_code conditional_orders bank_transfers password"
)


# ------------------------------------------------------------------ what the state knows by an id
def _account_out(known: Known, account: Any) -> Any:
    return account.account_id


def _account_back(known: Known, account_id: Any) -> Any:
    return known.state.accounts[account_id]


def _contract_out(known: Known, contract: Any) -> Any:
    return contract.index


def _contract_back(known: Known, number: Any) -> Any:
    return known.contracts[number]


def row_key(row: PositionRow) -> list[Any]:
    """What tells an account's position rows apart."""
    return [row.contract.index, row.side, row.hedge, row.is_history]


def _row_out(known: Known, row: Any) -> Any:
    return None if row is None else row_key(row)


def _order_out(known: Known, order: Any) -> Any:
    return 0 if order is None else order.order_id


def _order_back(known: Known, number: Any) -> Any:
    return known.state.orders[number] if number else None


def _quote_out(known: Known, quote: Any) -> Any:
    return 0 if quote is None else quote.quote_id


def _quote_back(known: Known, number: Any) -> Any:
    return known.state.quotes.by_id[number] if number else None


def _declaration_out(known: Known, declaration: Any) -> Any:
    return 0 if declaration is None else declaration.number


def _declaration_back(known: Known, number: Any) -> Any:
    return known.state.declared.records[number - 1] if number else None


def _parked_out(known: Known, parked: Any) -> Any:
    return [parked.order is None, parked.number]


def _parked_back(known: Known, value: Any) -> Any:
    book = known.state.parked
    return (book.cancels if value[0] else book.orders)[value[1]]


def _action_out(known: Known, action: Any) -> Any:
    return 0 if action is None else action.action_id


def _action_back(known: Known, number: Any) -> Any:
    return known.state.combos.actions[number - 1] if number else None


def place_of(row: PositionRow, lot: Lot, near: int) -> int:
    """Where a lot stands in its row: looked for backwards from ``near``, then everywhere."""
    lots = row.lots
    place = near if near < len(lots) else len(lots) - 1
    while place >= 0:
        if lots[place] is lot:
            return place
        place -= 1
    for place in range(len(lots)):
        if lots[place] is lot:
            return place
    raise LookupError(f"no such lot in {row.contract.code}: trade {lot.trade_id}")


# ------------------------------------------------------------------ what the state learns by the event
def _new_order_out(known: Known, order: Any) -> Any:
    return [
        order.order_id,
        _terms_out(known, order.terms),
        order.account.account_id,
        row_key(order.row),
        order.order_ref,
        order.offset,
        order.price,
        order.freeze_price,
        order.trading_day,
        order.premium,
    ]


def _new_order_back(known: Known, values: Any) -> Any:
    number, terms, account_id, key, order_ref, offset, price, freeze_price, trading_day, premium = values[:10]
    account = known.state.accounts[account_id]
    row = known.row(account, key)
    return Order(
        number,
        _terms_back(known, terms),
        account,
        row.contract,
        row,
        order_ref,
        offset,
        row.hedge,
        price,
        freeze_price,
        trading_day,
        premium,
    )


def _new_quote_out(known: Known, quote: Any) -> Any:
    return [
        quote.quote_id,
        QUOTE_TERMS[0](known, quote.terms),
        quote.account.account_id,
        quote.contract.index,
        quote.quote_ref,
        _order_out(known, quote.ask),
        _order_out(known, quote.bid),
        quote.trading_day,
    ]


def _new_quote_back(known: Known, values: Any) -> Any:
    number, terms, account_id, contract, quote_ref, ask, bid, trading_day = values[:8]
    return MakerQuote(
        number,
        QUOTE_TERMS[1](known, terms),
        known.state.accounts[account_id],
        known.contracts[contract],
        quote_ref,
        _order_back(known, ask),
        _order_back(known, bid),
        trading_day,
    )


def _new_declaration_out(known: Known, declaration: Any) -> Any:
    return [
        declaration.number,
        DECLARE_TERMS[0](known, declaration.terms),
        declaration.account.account_id,
        declaration.contract.index,
        _row_out(known, declaration.row),
        declaration.ref,
        declaration.ref_number,
        declaration.offset,
        declaration.trading_day,
    ]


def _new_declaration_back(known: Known, values: Any) -> Any:
    number, terms, account_id, contract, key, ref, ref_number, offset, trading_day = values[:9]
    account = known.state.accounts[account_id]
    return Declaration(
        number,
        DECLARE_TERMS[1](known, terms),
        account,
        known.contracts[contract],
        None if key is None else known.row(account, key),
        ref,
        ref_number,
        offset,
        trading_day,
    )


def _new_parked_out(known: Known, parked: Any) -> Any:
    return [
        parked.account_id,
        parked.number,
        parked.contract.index,
        _terms_out(known, parked.order),
        CANCEL[0](known, parked.cancel),
    ]


def _new_parked_back(known: Known, values: Any) -> Any:
    account_id, number, contract, order, cancel = values[:5]
    return Parked(account_id, number, known.contracts[contract], _terms_back(known, order), CANCEL[1](known, cancel))


def _combination(known: Known, key: Any) -> Combination:
    return logged(known.state, key[0], key[1])


def _new_action_out(known: Known, action: Any) -> Any:
    key = [action.combination.exchange, action.combination.code]
    return [
        action.action_id,
        COMB_TERMS[0](known, action.terms),
        action.account.account_id,
        key,
        action.trading_day,
    ]


def _new_action_back(known: Known, values: Any) -> Any:
    number, terms, account_id, key, trading_day = values[:5]
    return CombAction(
        number,
        COMB_TERMS[1](known, terms),
        known.state.accounts[account_id],
        _combination(known, key),
        trading_day,
    )


# ------------------------------------------------------------------ lists of changes
def closed_out(row: PositionRow, closed: list[LotClosed]) -> list[list[int]]:
    """What a close took, each lot by its place: they stand behind one another, just before the row's first open lot."""
    parts: list[list[int]] = []
    near = row.first_lot
    for part in closed:
        place = place_of(row, part.lot, near)
        near = place + 1
        parts.append(
            [
                place,
                part.volume,
                part.cost,
                part.open_cost,
                part.profit_by_date,
                part.profit_by_trade,
                part.margin,
                part.exchange_margin,
            ]
        )
    return parts


def closed_back(row: PositionRow, parts: Any) -> list[LotClosed]:
    """The same of the row that is being rebuilt."""
    return [LotClosed(row.lots[part[0]], *part[1:8]) for part in parts]


def _lots_out(known: Known, shifts: Any) -> Any:
    return [
        [
            row_key(one.row),
            place_of(one.row, one.lot, len(one.row.lots)),
            one.lag,
            one.combined,
            one.margin,
            one.exchange_margin,
        ]
        for one in shifts
    ]


def lots_back(known: Known, account_id: str, shifts: Any) -> list[LotShift]:
    """Changes of lots in combinations."""
    account = known.state.accounts[account_id]
    made: list[LotShift] = []
    for key, place, lag, combined, margin, exchange_margin in shifts:
        row = known.row(account, key)
        made.append(LotShift(row, row.lots[place], lag, combined, margin, exchange_margin))
    return made


def _pairs_out(known: Known, shifts: Any) -> Any:
    made = []
    for one in shifts:
        pair = one.pair
        made.append(
            [
                pair.pair_id,
                pair.action_id,
                [pair.combination.exchange, pair.combination.code],
                pair.direction,
                pair.hedge,
                [row_key(row) for row in pair.rows],
                [place_of(row, lot, len(row.lots)) for row, lot in zip(pair.rows, pair.lots, strict=True)],
                pair.made_volume,
                one.volume,
                one.margin,
                one.exchange_margin,
            ]
        )
    return made


def _carried_pair(known: Known, account_id: str, number: int) -> CombPair | None:
    """A pair that came with the day's settlement."""
    pairs = known.state.combos.pairs.get(account_id, ())
    return next((pair for pair in pairs if pair.pair_id == number), None)


def pairs_back(known: Known, account_id: str, shifts: Any) -> list[PairShift]:
    """Changes of pairs; one that is new is made of what stands with it."""
    account = known.state.accounts[account_id]
    made: list[PairShift] = []
    for number, action_id, key, direction, hedge, rows, places, made_volume, volume, margin, exchange in shifts:
        pair = known.pairs.get(number) or _carried_pair(known, account_id, number)
        if pair is None:
            first, second = known.row(account, rows[0]), known.row(account, rows[1])
            pair = known.pairs[number] = CombPair(
                number,
                action_id,
                _combination(known, key),
                direction,
                hedge,
                (first, second),
                (first.lots[places[0]], second.lots[places[1]]),
                made_volume,
            )
        made.append(PairShift(pair, volume, margin, exchange))
    return made


# ------------------------------------------------------------------ the edge's own, and settlements
def _told_out(known: Known, told: Any) -> Any:
    return known.told_out(told)


def _told_back(known: Known, value: Any) -> Any:
    return known.told_back(value)


def _settlement_out(known: Known, settlement: Any) -> Any:
    return pack(settlement)


def _settlement_back(known: Known, value: Any) -> Any:
    return unpack(value)


PARTS: Final[dict[str, Part]] = {
    "": PLAIN,
    "texts": TEXTS,
    "terms": TERMS,
    "cancel": CANCEL,
    "quote-terms": QUOTE_TERMS,
    "quote-cancel": QUOTE_CANCEL,
    "ask-terms": ASK_TERMS,
    "comb-terms": COMB_TERMS,
    "rights": RIGHTS,
    "account": (_account_out, _account_back),
    "contract": (_contract_out, _contract_back),
    "row": (_row_out, _same),  # read back with its account
    "order": (_order_out, _order_back),
    "quote": (_quote_out, _quote_back),
    "declaration": (_declaration_out, _declaration_back),
    "parked": (_parked_out, _parked_back),
    "action": (_action_out, _action_back),
    "new-order": (_new_order_out, _new_order_back),
    "new-quote": (_new_quote_out, _new_quote_back),
    "new-declaration": (_new_declaration_out, _new_declaration_back),
    "new-parked": (_new_parked_out, _new_parked_back),
    "new-action": (_new_action_out, _new_action_back),
    "lots": (_lots_out, _same),  # these two as well
    "pairs": (_pairs_out, _same),
    "told": (_told_out, _told_back),
    "settlement": (_settlement_out, _settlement_back),
}
"""By the names that ``codec_table`` uses."""
