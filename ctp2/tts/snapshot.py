"""A whole state as plain values, and back: the short way to the present when a day's log has become long.

What the log's events would make one after the other stands here at once: accounts with purses, rows and lots, orders
and what they belong to, the sequences, the queues of the markets, and what flows have told. Objects are written once
and referred to by ids, as in the log (``codec_parts.py``). Attributes are written by name lists, so that what a class
gets later is missing in older snapshots and keeps its default.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ctp2.tts.account import Account, MarginGroup, Purse
from ctp2.tts.codec import COMMON
from ctp2.tts.codec_parts import PARTS, Known, row_key
from ctp2.tts.codec_read import terms_of
from ctp2.tts.codec_table import BY_NUMBER, ENTRIES
from ctp2.tts.combos import CombPair, CombRow, logged
from ctp2.tts.commands import Common, ReleasedOrder, shared
from ctp2.tts.conditions import Conditions
from ctp2.tts.events import Event
from ctp2.tts.kept import Told, Trades
from ctp2.tts.numbered import Referenced
from ctp2.tts.orders import Order
from ctp2.tts.position import Lot, PositionRow
from ctp2.tts.quotes import ForQuoteAsked
from ctp2.tts.rights import MoneyMoved

if TYPE_CHECKING:
    from ctp2.tts.engine import Engine
    from ctp2.tts.state import State

FORM: Final = 1
"""Number of this form; another one is not read, and the log is."""

_PURSE: Final = (
    "pre_balance pre_margin deposit withdraw close_profit position_profit security_profit unsettled commission cash_in"
    " curr_margin exchange_margin frozen_margin frozen_commission frozen_cash"
).split()
_GROUP: Final = (
    "larger_side long short long_frozen short_frozen exchange_long exchange_short used used_exchange frozen"
).split()
_ROW: Final = (
    "first_lot yd_position position today_position frozen_close frozen_open frozen_open_amount open_volume close_volume"
    " open_amount close_amount open_cost position_cost commission close_profit_by_date close_profit_by_trade cash_in"
    " margin exchange_margin pre_margin frozen_margin frozen_commission charged_close_today frozen_cash margin_mark"
    " exchange_mark last_mark strike_frozen strike_frozen_amount abandon_frozen profit comb_position has_pairs"
).split()
_OPENED: Final = "trade_id open_date open_price volume margin exchange_margin".split()
_LOT: Final = (
    "basis is_today last_mark close_volume close_amount close_profit_by_date close_profit_by_trade combined lag"
).split()
_ORDER: Final = ("traded status submit sys_id sequence_no exchange_ns frozen_margin frozen_fee frozen_volume").split()
_TERMS: Final = "now_ns order_ref price volume session_req_seq request_id".split()
_FIXED: Final = "offset price freeze_price trading_day".split()
_RARE: Final = "active_user cancel_ns done_turnover done_volume order_ref premium reason".split()
_QUOTE: Final = "status submit sys_id sequence_no exchange_ns cancel_ns active_user reason".split()
_DECLARATION: Final = (
    "submit result sys_id sequence_no exchange_ns cancel_ns active_user reason lots margin cash fee"
).split()
_PARKED: Final = "status error_id".split()
_ACTION: Final = "status reason".split()
_PAIR: Final = "volume margin exchange_margin".split()
_COMB_ROW: Final = "position yd_position open_volume margin exchange_margin".split()
_BOOK: Final = "volume turnover open high low".split()
_SEQUENCES: Final = "last_order_id last_sys_id last_trade_id last_sequence_no last_transfer".split()


def _values(thing: Any, names: list[str]) -> list[Any]:
    return [getattr(thing, name) for name in names]


def _set(thing: Any, names: list[str], values: Iterable[Any]) -> None:
    for name, value in zip(names, values, strict=False):
        setattr(thing, name, value)


def _pairs(table: dict[Any, Any]) -> list[list[Any]]:
    """A table whose keys are tuples."""
    return [[list(key), value] for key, value in table.items()]


# ------------------------------------------------------------------ out
def dump(engine: Engine, flows: dict[str, Told], known: Known) -> dict[str, Any]:
    """The state of an engine, the queues of its markets, and what each account's flow has told."""
    state = engine.state
    known.contracts = dict(enumerate(state.contracts))
    return {
        "contracts": [[one.exchange, one.code, one.last] for one in state.contracts],
        "accounts": [_account_out(known, account) for account in state.accounts.values()],
        "orders": _orders_out(known, state),
        "forgotten": _forgotten(state),
        "refs": [
            [list(session), [ref for ref, _ in refs.items()], [order.order_id for _, order in refs.items()]]
            for session, refs in state.by_ref.items()
        ],
        "last_refs": _pairs(state.last_refs),
        "conditions": [[list(key), order.order_id] for key, order in state.conditions.items()],
        "last_conditions": state.last_conditions,
        "waiting_conditions": state.waiting_conditions,
        "watched": [[one.index, list(one.conditions.waiting)] for one in state.contracts if one.conditions is not None],
        "holders": [
            [one.index, [[_owner_of(state, row), row_key(row)] for row in one.holders]]
            for one in state.contracts
            if one.holders
        ],
        "parked": _parked_out(known, state),
        "quotes": _quotes_out(known, state),
        "combos": _combos_out(known, state),
        "declared": [
            [PARTS["new-declaration"][0](known, one), _values(one, _DECLARATION)] for one in state.declared.records
        ],
        "declared_refs": _pairs(state.declared.last_refs),
        "sequences": _values(state, _SEQUENCES),
        "markets": _markets_out(engine),
        "told": [[name, _told_out(known, told)] for name, told in flows.items()],
    }


def _owner_of(state: State, wanted: PositionRow) -> str:
    for name, account in state.accounts.items():
        if account.rows.get(wanted.key) is wanted:
            return name
    raise LookupError(f"nobody has the row {wanted.key}")


def event_out(known: Known, event: Event) -> list[Any]:
    """An event that is kept as it is."""
    entry = ENTRIES[type(event)]
    return [entry.number, entry.out(known, event)]


def event_back(known: Known, value: list[Any]) -> Event:
    """It again."""
    return BY_NUMBER[value[0]].back(known, value[1])


def _account_out(known: Known, account: Account) -> list[Any]:
    purses = [
        [name, _values(purse, _PURSE), [[list(key), _values(group, _GROUP)] for key, group in purse.groups.items()]]
        for name, purse in account.purses.items()
    ]
    rows = [
        [
            row_key(row),
            "" if row.purse is None else row.purse.currency,
            _values(row, _ROW),
            [[getattr(lot, name) for lot in row.lots] for name in (*_OPENED, *_LOT)] if row.lots else [],
        ]
        for row in account.rows.values()
    ]
    return [
        account.account_id,
        account.confirmed_ns,
        PARTS["rights"][0](known, account.rights),
        purses,
        rows,
        [event_out(known, moved) for moved in account.transfers],
        account.trades.dump(),
        len(account.orders),
    ]


def _orders_out(known: Known, state: State) -> list[Any]:
    """By columns, with the terms that many have in common and their rows by number: there may be very many orders.

    A record for each would be as many objects for the interpreter's collector to pass over when they are read.
    """
    commons: dict[Common, int] = {}
    places: dict[int, int] = {}
    rows: list[list[Any]] = []
    numbers: list[int] = []
    orders: list[Order] = []
    for number, order in state.orders.items():
        numbers.append(number)
        orders.append(order)
        commons.setdefault(order.terms.common, len(commons))
        row = order.row
        if id(row) not in places:
            places[id(row)] = len(rows)
            # A conditional order's row is its own and belongs to nobody until an order is accepted.
            rows.append([order.account.account_id, list(row.key), order.account.rows.get(row.key) is row])
    terms = [order.terms for order in orders]
    rares = [order.rare for order in orders]
    columns: list[list[Any]] = [
        numbers,
        [commons[one.common] for one in terms],
        [places[id(order.row)] for order in orders],
        *([getattr(one, name) for one in terms] for name in _TERMS),
        [one.origin if isinstance(one, ReleasedOrder) else None for one in terms],
        *([getattr(order, name) for order in orders] for name in (*_FIXED, *_ORDER)),
        *([None if rare is None else getattr(rare, name) for rare in rares] for name in _RARE),
    ]
    return [[_values(one, COMMON) for one in commons], rows, columns]


def _forgotten(state: State) -> list[int]:
    """The orders that are no account's any more: of before it began anew (``AccountReset``)."""
    if sum(len(account.orders) for account in state.accounts.values()) == len(state.orders):
        return []
    kept = {order.order_id for account in state.accounts.values() for order in account.orders}
    return [number for number, _ in state.orders.items() if number not in kept]


def _parked_out(known: Known, state: State) -> list[Any]:
    book, out = state.parked, PARTS["new-parked"][0]
    kept = [[out(known, one), _values(one, _PARKED)] for one in (*book.orders.values(), *book.cancels.values())]
    waiting = [[index, [[one.order is None, one.number] for one in queue]] for index, queue in book.waiting.items()]
    return [kept, waiting, book.waiting_of]


def _quotes_out(known: Known, state: State) -> list[Any]:
    book, out = state.quotes, PARTS["new-quote"][0]
    return [
        [[out(known, quote), _values(quote, _QUOTE)] for quote in book.by_id.values()],
        [[list(key), [[ref, quote.quote_id] for ref, quote in refs.items()]] for key, refs in book.by_ref.items()],
        [[sys_id, quote.quote_id] for sys_id, quote in book.by_sys_id.items()],
        _pairs(book.last_refs),
        [event_out(known, asked) for asked in book.asked],
        _pairs(book.asked_at),
        [book.last_id, book.last_asked],
    ]


def _combos_out(known: Known, state: State) -> list[Any]:
    book, out = state.combos, PARTS["new-action"][0]
    return [
        [[out(known, one), _values(one, _ACTION), [pair.pair_id for pair in one.made]] for one in book.actions],
        [[name, [_pair_out(pair) for pair in pairs]] for name, pairs in book.pairs.items()],
        [
            [
                name,
                [
                    [list(key), [row.combination.exchange, row.combination.code], _values(row, _COMB_ROW)]
                    for key, row in rows.items()
                ],
            ]
            for name, rows in book.rows.items()
        ],
        [book.last_action, book.last_pair],
    ]


def _pair_out(pair: CombPair) -> list[Any]:
    places = [
        next(place for place, one in enumerate(row.lots) if one is lot)
        for row, lot in zip(pair.rows, pair.lots, strict=True)
    ]
    return [
        pair.pair_id,
        pair.action_id,
        [pair.combination.exchange, pair.combination.code],
        pair.direction,
        pair.hedge,
        [row_key(row) for row in pair.rows],
        places,
        pair.made_volume,
        _values(pair, _PAIR),
    ]


def _markets_out(engine: Engine) -> list[Any]:
    """Working orders in the order of their queues, what is tried again when, and the books' figures of the day."""
    queue: list[int] = []
    for waiting in engine.quoting.waiting.values():
        for side in (waiting.buys, waiting.sells):
            for level in side.levels.values():
                queue.extend(order.order_id for order in level)
    books: list[Any] = []
    for index, book in engine.matching.books.items():
        for side in (book.buys, book.sells):
            for level in side.levels.values():
                queue.extend(order.order_id for order in level)
        if book.volume:
            books.append([index, _values(book, _BOOK)])
    retries = [[order.order_id, due_ns, at_quote] for due_ns, _, order, at_quote in engine.quoting.retries]
    placed = {*queue, *(entry[0] for entry in retries)}
    for order_id, order in engine.state.orders.items():
        if not order.is_final() and order_id not in placed:
            retries.append([order_id, -1, False])  # never again (fault injection), or a stop that is in no queue
    return [queue, retries, books]


def _told_out(known: Known, told: Told) -> list[Any]:
    packed, texts, others = told.dump()
    return [packed, texts, [event_out(known, event) for event in others]]


# ------------------------------------------------------------------ back
def load(engine: Engine, data: dict[str, Any], known: Known) -> dict[str, Told]:
    """Fill the empty state of an engine; returns what each account's flow has told."""
    state = engine.state
    for index, (exchange, code, last) in enumerate(data["contracts"]):
        contract = state.by_key.get((exchange, code))
        if contract is None:
            state.named(code)
            contract = state.by_key[(exchange, code)]
        contract.last = last
        known.contracts[index] = contract
    for values in data["accounts"]:
        _account_back(known, values)
    _orders_back(known, data)
    for key, order_id in data["conditions"]:
        state.conditions[(key[0], key[1])] = state.orders[order_id]
    state.last_conditions = data["last_conditions"]
    state.waiting_conditions = data["waiting_conditions"]
    for index, waiting in data["watched"]:
        conditions = known.contracts[index].conditions = Conditions()
        for order_id in waiting:
            conditions.add(state.orders[order_id])
    for index, holders in data["holders"]:
        known.contracts[index].holders = [known.row(state.accounts[name], key) for name, key in holders]
    _parked_back(known, data["parked"])
    _quotes_back(known, data["quotes"])
    _combos_back(known, data["combos"])
    for values, shown in data["declared"]:
        declaration = PARTS["new-declaration"][1](known, values)
        _set(declaration, _DECLARATION, shown)
        state.declared.records.append(declaration)
    for key, ref in data["declared_refs"]:
        state.declared.last_refs[(key[0], key[1], key[2])] = ref
    _set(state, _SEQUENCES, data["sequences"])
    for name, _, _, _, _, transfers, *more in data["accounts"]:
        if more[1:]:
            _keep_latest(state.accounts[name].orders, more[1])
        for moved in transfers:
            event = event_back(known, moved)
            assert isinstance(event, MoneyMoved)
            state.accounts[name].transfers.append(event)
    flows: dict[str, Told] = {}
    for name, (packed, texts, others) in data["told"]:
        flows[name] = Told(state.orders)
        flows[name].restore(packed, texts, [event_back(known, event) for event in others])
    return flows


def _keep_latest(orders: list[Order], count: int) -> None:
    """An account that was reset shows its orders since; the earlier ones are the counter's only."""
    del orders[: len(orders) - count]


def _account_back(known: Known, values: list[Any]) -> None:
    name, confirmed_ns, rights, purses, rows, _, trades = values[:7]
    account = Account(name, {})
    account.confirmed_ns = confirmed_ns
    account.rights = PARTS["rights"][1](known, rights)
    account.trades = Trades()
    account.trades.restore(*trades)
    for currency, figures, groups in purses:
        purse = account.purses[currency] = Purse(currency, 0)
        _set(purse, _PURSE, figures)
        for key, sums in groups:
            group = purse.groups[(key[0], key[1])] = MarginGroup(sums[0])
            _set(group, _GROUP, sums)
    for key, currency, figures, lots in rows:
        row = known.row(account, key)
        account.rows[row.key] = row
        _set(row, _ROW, figures)
        row.purse = account.purses[currency] if currency else None
        for trade_id, open_date, open_price, volume, margin, exchange_margin, *shown in zip(*lots, strict=True):
            lot = Lot(trade_id, open_date, open_price, volume, margin, exchange_margin)
            _set(lot, _LOT, shown)
            row.lots.append(lot)
    known.state.accounts[name] = account


def _orders_back(known: Known, data: dict[str, Any]) -> None:
    state = known.state
    common_values, row_keys, columns = data["orders"][:3]
    commons = [shared((*values[:-1], tuple(values[-1]))) for values in common_values]
    forgotten = frozenset(data.get("forgotten", ()))
    rows: list[tuple[Account, PositionRow]] = []
    for name, key, is_held in row_keys:
        account = state.accounts[name]
        rows.append((account, known.row(account, key) if is_held else known.new_row(account, key)))
    for (
        number,
        common,
        place,
        now_ns,
        ref,
        sent,
        volume,
        seq,
        request,
        origin,
        offset,
        price,
        freeze_price,
        trading_day,
        *rest,
    ) in zip(*columns, strict=True):
        account, row = rows[place]
        terms = terms_of(commons[common], now_ns, ref, sent, volume, seq, request, origin)
        order = Order(
            number, terms, account, row.contract, row, ref, offset, row.hedge, price, freeze_price, trading_day
        )
        _order_back(order, rest)
        state.orders[number] = order
        if order.sys_id > 0:
            state.by_sys_id[order.sys_id] = order
        if number not in forgotten:
            account.orders.append(order)
    for session, refs, numbers in data["refs"]:
        known_refs = state.by_ref[(session[0], session[1])] = Referenced()
        for ref, order_id in zip(refs, numbers, strict=True):
            known_refs[ref] = state.orders[order_id]
    for session, ref in data["last_refs"]:
        state.last_refs[(session[0], session[1])] = ref


def _order_back(order: Order, shown: list[Any]) -> None:
    """What the exchange made of it, and what few orders have; the former in the order of ``_ORDER``."""
    (
        order.traded,
        order.status,
        order.submit,
        order.sys_id,
        order.sequence_no,
        order.exchange_ns,
        order.frozen_margin,
        order.frozen_fee,
        order.frozen_volume,
    ) = shown[: len(_ORDER)]
    rare = shown[len(_ORDER) :]
    if rare[0] is not None:
        _set(order.rarely(), _RARE, rare)


def _parked_back(known: Known, data: list[Any]) -> None:
    book, back = known.state.parked, PARTS["new-parked"][1]
    kept, waiting, book.waiting_of = data[:3]
    for values, shown in kept:
        parked = back(known, values)
        _set(parked, _PARKED, shown)
        (book.cancels if parked.order is None else book.orders)[parked.number] = parked
    for index, queue in waiting:
        book.waiting[known.contracts[index].index] = [
            (book.cancels if is_cancel else book.orders)[number] for is_cancel, number in queue
        ]


def _quotes_back(known: Known, data: list[Any]) -> None:
    book, back = known.state.quotes, PARTS["new-quote"][1]
    kept, refs, sys_ids, last_refs, asked, asked_at, last = data[:7]
    for values, shown in kept:
        quote = back(known, values)
        _set(quote, _QUOTE, shown)
        book.by_id[quote.quote_id] = quote
        for leg in quote.legs():
            leg.rarely().quote = quote
    for key, named in refs:
        book.by_ref[(key[0], key[1])] = {ref: book.by_id[number] for ref, number in named}
    book.by_sys_id = {sys_id: book.by_id[number] for sys_id, number in sys_ids}
    book.last_refs = {(key[0], key[1]): ref for key, ref in last_refs}
    for one in asked:
        event = event_back(known, one)
        assert isinstance(event, ForQuoteAsked)
        book.asked.append(event)
    book.asked_at = {(key[0], known.contracts[key[1]].index): at_ns for key, at_ns in asked_at}
    book.last_id, book.last_asked = last[:2]


def _combos_back(known: Known, data: list[Any]) -> None:
    book, back = known.state.combos, PARTS["new-action"][1]
    actions, pairs, rows, last = data[:4]
    for name, kept in pairs:
        account = known.state.accounts[name]
        book.pairs[name] = [_pair_back(known, account, values) for values in kept]
    for values, shown, made in actions:
        action = back(known, values)
        _set(action, _ACTION, shown)
        action.made = [known.pairs[number] for number in made]
        book.actions.append(action)
    for name, kept in rows:
        book.rows[name] = {}
        for key, combination, figures in kept:
            row = CombRow(logged(known.state, combination[0], combination[1]), key[1], key[2])
            _set(row, _COMB_ROW, figures)
            book.rows[name][(key[0], key[1], key[2])] = row
    book.last_action, book.last_pair = last[:2]


def _pair_back(known: Known, account: Account, values: list[Any]) -> CombPair:
    number, action_id, key, direction, hedge, rows, places, made_volume, figures = values[:9]
    first, second = known.row(account, rows[0]), known.row(account, rows[1])
    pair = CombPair(
        number,
        action_id,
        logged(known.state, key[0], key[1]),
        direction,
        hedge,
        (first, second),
        (first.lots[places[0]], second.lots[places[1]]),
        made_volume,
    )
    _set(pair, _PAIR, figures)
    known.pairs[number] = pair
    return pair
