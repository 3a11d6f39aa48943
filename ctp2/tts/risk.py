"""The checks of the counter before an order goes to the exchange, in CTP's order (spec ctp-semantics 3.3).

Each stage answers with a CTP error number, 0 when it has nothing to say; the first failure wins. A stage may complete
the draft (instrument, price in units, position row, what to freeze) for the stages behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ctp2.tts import order_types
from ctp2.tts import rejections as error
from ctp2.tts.fees import frozen_fee
from ctp2.tts.money import MAX_MONEY
from ctp2.tts.native import mypyc_attr
from ctp2.tts.orders import Order
from ctp2.tts.securities import opening_refusal
from ctp2.tts.terms import (
    ANY_VOLUME,
    BUY,
    CLOSE,
    CLOSE_TODAY,
    CLOSE_YESTERDAY,
    COMPLETE_VOLUME,
    CONTINGENT_CONDITIONS,
    GFD,
    IMMEDIATELY,
    INVESTOR_HEDGE_FLAGS,
    IOC,
    LIMIT_PRICE,
    MARKET_MAKER_HEDGE_FLAG,
    MIN_VOLUME,
    NO_PRICE,
    NOT_FORCE_CLOSE,
    OPEN,
    OPERATOR_OFFSETS,
    PARKED,
    PRICE_TYPES,
    SELL,
    SPECULATION,
    SUPPORTED_PRICE_TYPES,
    TIME_CONDITIONS,
    UNSUPPORTED_TIMES,
)

if TYPE_CHECKING:
    from ctp2.tts.account import Account
    from ctp2.tts.commands import InsertOrder
    from ctp2.tts.contract import Contract
    from ctp2.tts.position import PositionRow
    from ctp2.tts.state import State

_DOUBLE_MAX: Final = 1.7976931348623157e308
_MAX_PRICE: Final = 1e12
"""A larger price cannot be held in 64-bit money at any multiplier: error 15 (DESIGN section 5, overflow)."""
_OFF_GRID: Final = 1e-5
"""A price this far (in price units) from a whole unit is off the instrument's grid."""

_MAX_REF: Final = (1 << 63) - 1


@mypyc_attr(acyclic=True)
class Draft:
    """An order on its way through the checks."""

    __slots__ = (
        "account",
        "contract",
        "fee",
        "freeze_price",
        "hedge",
        "is_on_grid",
        "is_plain",
        "margin",
        "offset",
        "order_ref",
        "premium",
        "price",
        "ref_number",
        "row",
        "terms",
    )

    def __init__(self, terms: InsertOrder, account: Account) -> None:
        self.terms: InsertOrder = terms
        self.account: Account = account
        self.contract: Contract | None = None
        self.row: PositionRow | None = None
        self.offset: str = ""
        self.hedge: str = ""
        self.order_ref: str = ""
        self.ref_number: int = 0
        self.price: int = NO_PRICE
        self.is_on_grid: bool = True
        self.is_plain: bool = False  # a limit order or FAK that every exchange takes
        self.freeze_price: int = 0
        self.margin: int = 0
        self.fee: int = 0
        self.premium: int = 0

    def order(self, state: State) -> Order:
        """The order that the checks let through."""
        contract, row = self.contract, self.row
        assert contract is not None and row is not None
        return Order(
            state.last_order_id + 1,
            self.terms,
            self.account,
            contract,
            row,
            self.order_ref,
            self.offset,
            self.hedge,
            self.price,
            self.freeze_price,
            state.trading_day,
            self.premium,
        )


def check_session(state: State, draft: Draft) -> int:
    """Step 1: the statement must be confirmed today."""
    return 0 if draft.account.confirmed_ns else error.SETTLEMENT_INFO_NOT_CONFIRMED


def check_codes(state: State, draft: Draft) -> int:
    """Step 2a: every enum of the request, and combinations that no exchange takes."""
    terms = draft.terms
    offset = terms.comb_offset[:1]
    hedge = terms.comb_hedge[:1]
    draft.hedge = hedge
    if (
        terms.price_type == LIMIT_PRICE
        and (terms.time_condition == GFD or terms.time_condition == IOC)
        and terms.volume_condition == ANY_VOLUME
        and terms.contingent == IMMEDIATELY
        and terms.force_close_reason == NOT_FORCE_CLOSE
        and (terms.direction == BUY or terms.direction == SELL)
        and (offset == OPEN or offset == CLOSE or offset == CLOSE_TODAY)
        and hedge == "1"
        and not terms.is_swap
        and terms.volume > 0
    ):
        draft.is_plain = True
        return 0  # the order that nearly everybody sends
    return _check_rare_codes(terms, offset, hedge)


def _check_rare_codes(terms: InsertOrder, offset: str, hedge: str) -> int:
    """The rules one by one: (legal, else error number), first failure wins."""
    rules: tuple[tuple[bool, int], ...] = (
        (terms.direction in (BUY, SELL), error.BAD_FIELD),
        (_one_of(terms.price_type, PRICE_TYPES), error.BAD_FIELD),
        (_one_of(terms.time_condition, TIME_CONDITIONS), error.BAD_FIELD),
        (terms.volume_condition in (ANY_VOLUME, MIN_VOLUME, COMPLETE_VOLUME), error.BAD_FIELD),
        (_one_of(terms.contingent, CONTINGENT_CONDITIONS), error.BAD_FIELD),
        (terms.force_close_reason == NOT_FORCE_CLOSE, error.BAD_FIELD),
        (offset not in OPERATOR_OFFSETS, error.NO_PRIVILEGE),
        (offset in (OPEN, CLOSE, CLOSE_TODAY, CLOSE_YESTERDAY), error.BAD_FIELD),
        (hedge != MARKET_MAKER_HEDGE_FLAG, error.EXCHANGE_UNSUPPORTED_ARBITRAGE),
        (hedge in INVESTOR_HEDGE_FLAGS, error.BAD_FIELD),
        (terms.volume > 0, error.BAD_FIELD),
        (0 <= terms.min_volume <= terms.volume or not _reads_minimum(terms), error.BAD_FIELD),
        (terms.price_type in SUPPORTED_PRICE_TYPES, error.PRICETYPE_NOTSUPPORT_BYEXCHANGE),
        (terms.time_condition not in UNSUPPORTED_TIMES, error.BAD_FIELD),
        (terms.contingent != PARKED, error.BAD_FIELD),
        (terms.contingent == IMMEDIATELY or is_stop_price(terms.stop_price), error.BAD_FIELD),
    )
    for legal, number in rules:
        if not legal:
            return number
    return 0


def _reads_minimum(terms: InsertOrder) -> bool:
    """MinVolume counts for an IOC with a minimum only (spec 3.1)."""
    return terms.volume_condition == MIN_VOLUME and terms.time_condition == IOC


def is_stop_price(stop_price: float) -> bool:
    """Whether a StopPrice is given and a number that a price can be; 0 and DBL_MAX are missing."""
    return math.isfinite(stop_price) and 0 < abs(stop_price) < _MAX_PRICE


def _one_of(code: str, codes: str) -> bool:
    return len(code) == 1 and code in codes


def check_price_value(state: State, draft: Draft) -> int:
    """Step 2b: a limit price must be a number that a price can be."""
    price = draft.terms.price
    if draft.terms.price_type != LIMIT_PRICE:
        return 0
    if not math.isfinite(price) or price >= _DOUBLE_MAX or price <= -_DOUBLE_MAX:
        return error.BAD_PRICE_VALUE
    return 0 if -_MAX_PRICE < price < _MAX_PRICE else error.BAD_FIELD


def check_investor(state: State, draft: Draft) -> int:
    """Step 2c: InvestorID given, known, and the login's own."""
    investor = draft.terms.investor_id
    if investor == draft.account.account_id:
        return 0
    if not investor:
        return error.INVESTOR_ID_IS_MISSING
    return error.NO_PRIVILEGE if investor in state.accounts else error.INVESTOR_NOT_FOUND


def check_exchange(state: State, draft: Draft) -> int:
    """Step 2d: ExchangeID given (or the code unique), an exchange, and the instrument's own."""
    terms = draft.terms
    contract = state.by_key.get((terms.exchange, terms.instrument))
    if contract is not None:
        draft.contract = contract
        return 0
    known = state.named(terms.instrument)
    draft.contract = state.by_key.get((terms.exchange, terms.instrument))
    if draft.contract is not None:
        return 0
    if not terms.exchange:
        if len(known) > 1:
            return error.EXCHANGE_ID_IS_MISSING
        if known:
            draft.contract = known[0]
        return 0
    if terms.exchange not in state.exchanges:
        return error.EXCHANGE_ID_IS_INVALID
    return error.EXCHANGE_ID_IS_WRONG if known else 0


def check_order_ref(state: State, draft: Draft) -> int:
    """Step 2e: OrderRef is a number greater than the session's last one; an empty one is given by the counter."""
    terms = draft.terms
    last = state.last_refs.get((terms.front_id, terms.session_id), 0)
    text = terms.order_ref.strip(" ")
    if not text:
        draft.ref_number = last + 1
        draft.order_ref = str(last + 1).rjust(12)
        return 0
    if not (text.isascii() and text.isdigit()):
        return error.DUPLICATE_ORDER_REF
    number = int(text)
    if number <= last or number > _MAX_REF:
        return error.DUPLICATE_ORDER_REF
    draft.ref_number = number
    draft.order_ref = terms.order_ref
    return 0


def used_ref(state: State, terms: InsertOrder) -> int:
    """The OrderRef that a refused order uses up (spec 3.1 [SIM]); 0 when it could not use it."""
    text = terms.order_ref.strip(" ")
    if not (text.isascii() and text.isdigit()):
        return 0
    number = int(text)
    return number if state.last_refs.get((terms.front_id, terms.session_id), 0) < number <= _MAX_REF else 0


def check_instrument(state: State, draft: Draft) -> int:
    """Step 3: the instrument exists and is traded; the draft gets offset, row and prices."""
    contract = draft.contract
    if contract is None:
        return error.INSTRUMENT_NOT_FOUND
    if not contract.is_tradable:
        return error.INSTRUMENT_NOT_TRADING
    if contract.option is not None and draft.hedge != SPECULATION and contract.option.only_speculation:
        return error.OPTIONS_ONLY_SUPPORT_SPEC
    terms = draft.terms
    rights = draft.account.rights
    if rights is not None:
        number = rights.refusal(contract, terms, terms.comb_offset[:1] == OPEN)
        if number:
            return number
    if not draft.is_plain or contract.is_ioc_only:
        number = order_types.refusal(contract.order_types, terms, contract.is_ioc_only)
        if number:
            return number
    offset = terms.comb_offset[:1]
    if not contract.uses_history and (offset == CLOSE_TODAY or offset == CLOSE_YESTERDAY):
        offset = CLOSE  # converted before sending (spec 3.1)
    elif contract.uses_history and offset == CLOSE_YESTERDAY:
        offset = CLOSE_YESTERDAY
    draft.offset = offset
    draft.row = state.row_for(draft.account, contract, terms.direction == BUY, offset, draft.hedge)
    _price_in_units(draft, contract)
    return 0


def _price_in_units(draft: Draft, contract: Contract) -> None:
    """Working price and freezing price in price units (market types freeze at the upper limit, spec 7.4)."""
    terms = draft.terms
    if terms.price_type == LIMIT_PRICE:
        scaled = terms.price * contract.price_scale
        units = round(scaled)
        draft.is_on_grid = abs(scaled - units) <= _OFF_GRID and units % contract.tick_units == 0
        if contract.profile.truncates_price and not draft.is_on_grid:
            units = math.floor(scaled / contract.tick_units + _OFF_GRID) * contract.tick_units
            draft.is_on_grid = True
        draft.price = units
        draft.freeze_price = units
    else:
        draft.freeze_price = market_freeze_price(contract)


def market_freeze_price(contract: Contract) -> int:
    """What a market order freezes at: the upper limit; without one Ask1 (else the last price) plus 5 % (spec 14.3)."""
    if contract.upper_limit != NO_PRICE:
        return contract.upper_limit
    base = contract.ask if contract.ask_volume > 0 else contract.reference_price()
    return 0 if base == NO_PRICE else base + abs(base) // 20


def check_position(state: State, draft: Draft) -> int:
    """Step 4: a close needs lots that are still free; securities cannot be sold short."""
    contract, row = draft.contract, draft.row
    assert contract is not None and row is not None
    if draft.offset == OPEN:
        if contract.is_security:
            number = opening_refusal(contract, draft.terms.direction)
            if number:
                return number
        rights = draft.account.rights
        return 0 if rights is None else rights.over_limit(draft.account, contract, draft.terms)
    if draft.terms.volume <= row.closable() and not (contract.is_security and draft.terms.direction == BUY):
        return 0
    if not contract.uses_history:
        return error.OVER_CLOSE_POSITION
    return error.OVER_CLOSETODAY_POSITION if draft.offset == CLOSE_TODAY else error.OVER_CLOSEYESTERDAY_POSITION


def freeze(state: State, draft: Draft) -> int:
    """Step 5a: what the order would freeze; an amount beyond 64 bits is error 15."""
    contract, row = draft.contract, draft.row
    assert contract is not None and row is not None
    volume = draft.terms.volume
    price = draft.freeze_price
    if abs(price) * volume * contract.notional_micro > MAX_MONEY:
        return error.BAD_FIELD
    draft.fee = frozen_fee(row.rates, draft.terms.direction, draft.offset, price, volume)
    if draft.offset == OPEN:
        draft.margin = row.rates.margin(row.is_long, price, volume)
    if contract.option is not None and draft.terms.direction == BUY:
        draft.premium = price * contract.notional_micro
    return 0 if draft.margin + draft.fee <= MAX_MONEY else error.BAD_FIELD


def check_money(state: State, draft: Draft) -> int:
    """Step 5b: an opening order must be paid for; no close is refused for money (spec 3.3 [SIM])."""
    contract, row = draft.contract, draft.row
    assert contract is not None and row is not None
    if draft.offset != OPEN:
        return 0 if contract.option is None else _check_long_close(draft, contract, row)
    purse = draft.account.purse(contract.currency)
    group = purse.group_of(contract, draft.hedge)
    needed = group.frozen_with(row.is_long, draft.margin) - group.frozen + draft.fee
    needed += draft.premium * draft.terms.volume
    return error.INSUFFICIENT_MONEY if needed > purse.available() else 0


def _check_long_close(draft: Draft, contract: Contract, row: PositionRow) -> int:
    """Selling an option that earns less than its fee must not leave the account without money (spec 13, 156).

    What it earns is the limit price; of a market order the lower limit, which is the least that it may come to.
    """
    if not row.is_long:
        return 0
    price = draft.price if draft.price != NO_PRICE else max(contract.lower_limit, 0)
    result = price * draft.terms.volume * contract.notional_micro - draft.fee
    if result < 0 and draft.account.purse(contract.currency).available() + result < 0:
        return error.CLOSE_OPTION_NO_MONEY
    return 0


Stage = Callable[["State", Draft], int]

STAGES_OF_CONDITIONS: Final[tuple[Stage, ...]] = (
    check_session,
    check_codes,
    check_price_value,
    check_investor,
    check_exchange,
    check_order_ref,
    check_instrument,
)
"""What is checked of a conditional order when it comes; position and money are when it is touched (spec 3.11)."""

STAGES: Final[tuple[Stage, ...]] = (
    check_session,
    check_codes,
    check_price_value,
    check_investor,
    check_exchange,
    check_order_ref,
    check_instrument,
    check_position,
    freeze,
    check_money,
)
"""The precedence of refusals (spec 3.3)."""

STAGES_WITHOUT_CHECKS: Final[tuple[Stage, ...]] = tuple(
    stage for stage in STAGES if stage not in (check_position, check_money)
)
"""``checks=off``: a pure exchange, without position and fund checks."""
