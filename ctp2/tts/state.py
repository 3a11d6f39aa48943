"""The counter's state, and the one place where events change it.

``evolve`` never decides: every amount comes from the event. What comes from market data (quotes, phases, marks, and the
position profit that follows from marks) is not part of the log; it is rebuilt from the next quotes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ctp2.tts import conditions, parked
from ctp2.tts.account import Account
from ctp2.tts.combos import (
    CombActionInserted,
    CombActionRefused,
    CombActionReport,
    CombBook,
    CombinationChanged,
    on_comb_action_inserted,
    on_comb_action_refused,
    on_comb_action_report,
    on_combination_changed,
)
from ctp2.tts.contract import Contract
from ctp2.tts.dayroll import on_account_reset, on_day_settled
from ctp2.tts.declarations import EVOLVE_DECLARATIONS, Declarations
from ctp2.tts.events import (
    AccountOpened,
    ActionRefused,
    DaySettled,
    Event,
    InsertRefused,
    LotClosed,
    OrderInserted,
    OrderReport,
    PositionCarried,
    RequestRefused,
    SettlementConfirmed,
    TradeDone,
)
from ctp2.tts.numbered import Numbered, Referenced
from ctp2.tts.options import OptionTerms, equip
from ctp2.tts.orders import Order
from ctp2.tts.parked import ParkedBook
from ctp2.tts.position import Lot, PositionRow
from ctp2.tts.quotes import (
    ForQuoteAsked,
    ForQuoteRefused,
    QuoteActionRefused,
    QuoteBook,
    QuoteInserted,
    QuoteRefused,
    QuoteReport,
    on_for_quote_asked,
    on_for_quote_refused,
    on_quote_action_refused,
    on_quote_inserted,
    on_quote_refused,
    on_quote_report,
)
from ctp2.tts.rights import (
    AccountReset,
    AccountRestricted,
    BankToFuture,
    FutureToBank,
    MoneyMoved,
    on_account_restricted,
    on_money_moved,
)
from ctp2.tts.terms import CLOSE_TODAY, LONG, NO_PRICE, OPEN, SHORT

KNOWN_EXCHANGES: Final = frozenset("SHFE INE DCE CZCE CFFEX GFEX SSE SZSE BSE HKEX CME NASD NYSE LME LSE".split())
"""Exchange codes that exist (spec 14.1); another one in a request is error 148."""


class State:
    """Accounts, orders, trades, and the sequences that number them."""

    def __init__(self, trading_day: str) -> None:
        self.trading_day: str = trading_day
        self.exchanges: set[str] = set(KNOWN_EXCHANGES)
        self.contracts: list[Contract] = []
        self.by_key: dict[tuple[str, str], Contract] = {}
        self.by_code: dict[str, list[Contract]] = {}
        self.options_on: dict[str, list[OptionTerms]] = {}
        self.accounts: dict[str, Account] = {}
        self.declared: Declarations = Declarations()
        self.orders: Numbered = Numbered()
        self.by_sys_id: Numbered = Numbered()
        self.by_ref: dict[tuple[int, int], Referenced] = {}
        self.last_refs: dict[tuple[int, int], int] = {}
        self.conditions: dict[tuple[str, int], Order] = {}
        self.last_conditions: dict[str, int] = {}
        self.waiting_conditions: dict[str, int] = {}
        self.parked: ParkedBook = ParkedBook()
        self.quotes: QuoteBook = QuoteBook()
        self.combos: CombBook = CombBook()
        self.last_order_id: int = 0
        self.last_sys_id: int = 0
        self.last_trade_id: int = 0
        self.last_sequence_no: int = 0
        self.last_transfer: int = 0
        self.opener: Callable[[str], None] | None = None
        """Makes the contracts of a code that is listed and was not used yet."""
        self.rates_of: Callable[[str, Contract], Contract] | None = None
        """The instrument with the rates of an account; None when no account has rates of its own."""
        self.zone: str = ""
        """The zone in which clients see the times of accounts, and of what is no instrument; empty: Beijing's."""

    # ------------------------------------------------------------------ instruments
    def add_contract(self, contract: Contract) -> None:
        """Make an instrument tradable."""
        self.contracts.append(contract)
        self.exchanges.add(contract.exchange)
        self.by_key[(contract.exchange, contract.code)] = contract
        self.by_code.setdefault(contract.code, []).append(contract)
        expire = contract.instrument.expire_date
        contract.is_tradable = contract.instrument.is_trading and (not expire or expire >= self.trading_day)
        equip(self, contract)

    def named(self, code: str) -> list[Contract]:
        """All contracts with this code; a listed instrument becomes one when it is first asked for."""
        if self.opener is not None:
            self.opener(code)
        return self.by_code.get(code, _NO_CONTRACTS)

    def zone_of(self, exchange: str, code: str) -> str:
        """The zone of the instrument that a request names, that of accounts when there is no such instrument."""
        for contract in self.named(code) if code else ():
            if exchange in ("", contract.exchange):
                return contract.zone
        return self.zone

    def row_for(self, account: Account, contract: Contract, is_buy: bool, offset: str, hedge: str) -> PositionRow:
        """The position row that an order works on; a new one becomes the account's when the order is accepted.

        A buy opens the long row and closes the short one. On SHFE and INE CloseToday works on today's row, Close and
        CloseYesterday on the history row (spec 5.1, 5.4).
        """
        is_open = offset == OPEN
        side = LONG if is_buy == is_open else SHORT
        is_history = contract.uses_history and not is_open and offset != CLOSE_TODAY
        key = (contract.index, side, hedge, is_history)
        row = account.rows.get(key)
        if row is None:
            row = PositionRow(contract, side, hedge, is_history)
            if self.rates_of is not None:
                row.rates = self.rates_of(account.account_id, contract)
        return row

    # ------------------------------------------------------------------ marks
    def mark(self, contract: Contract) -> None:
        """Carry the instrument's reference price into the profit of everybody who holds it."""
        price = contract.reference_price()
        if price == NO_PRICE:
            return
        for row in contract.holders:
            self._mark_row(row, price)

    def _mark_row(self, row: PositionRow, price: int) -> None:
        if row.rates.option is not None:
            self._mark_option(row, row.rates.option, price)
            return
        profit = row.profit_at(price)
        change = profit - row.profit
        if change:
            row.profit = profit
            purse = row.purse
            assert purse is not None
            if row.contract.is_security:
                purse.security_profit += change
            else:
                purse.position_profit += change

    def _mark_option(self, row: PositionRow, option: OptionTerms, price: int) -> None:
        """Options have no profit before settlement (spec 5.2); the margin of lots sold today follows the price."""
        if row.is_long:
            return
        today, carried = row.today_position, row.position - row.today_position
        mark = option.mark(price, today, carried)
        exchange_mark = option.mark(price, today, carried, True)
        if mark != row.margin_mark or exchange_mark != row.exchange_mark:
            purse = row.purse
            assert purse is not None
            group = purse.group_of(row.contract, row.hedge)
            purse.change_margin(group, False, mark - row.margin_mark, exchange_mark - row.exchange_mark)
            row.margin_mark = mark
            row.exchange_mark = exchange_mark

    # ------------------------------------------------------------------ events
    def evolve(self, event: Event) -> None:
        """Apply one event: all that recovery does."""
        _EVOLVE[type(event)](self, event)

    def on_account_opened(self, event: AccountOpened) -> None:
        """An account exists."""
        self.accounts[event.account_id] = Account(event.account_id, event.balances)

    def on_settlement_confirmed(self, event: SettlementConfirmed) -> None:
        """The account may trade."""
        self.accounts[event.account_id].confirmed_ns = event.now_ns

    def on_insert_refused(self, event: InsertRefused) -> None:
        """A refusal uses up its OrderRef."""
        if event.ref_number:
            self.last_refs[(event.terms.front_id, event.terms.session_id)] = event.ref_number

    def on_action_refused(self, event: ActionRefused) -> None:
        """A refused cancel changes nothing."""

    def on_request_refused(self, event: RequestRefused) -> None:
        """What only the edge knows and clients are told changes nothing."""

    def on_order_inserted(self, event: OrderInserted) -> None:
        """The order exists, and what it needs is frozen."""
        order = event.order
        terms = order.terms
        session = (terms.front_id, terms.session_id)
        self.last_refs[session] = event.ref_number
        refs = self.by_ref.get(session)
        if refs is None:
            refs = self.by_ref[session] = Referenced()
        refs[event.ref_number] = order
        self.orders[order.order_id] = order
        self.last_order_id = order.order_id
        order.account.orders.append(order)
        order.frozen_margin = event.frozen_margin
        order.frozen_fee = event.frozen_fee
        order.frozen_volume = order.volume
        purse = order.purse
        # Both legs of a quote may have been checked before either made the row.
        row = order.row = order.account.rows.setdefault(order.row.key, order.row)
        row.purse = purse
        purse.frozen_commission += event.frozen_fee
        row.frozen_commission += event.frozen_fee
        if order.is_open:
            purse.change_margin(order.group, row.is_long, frozen=event.frozen_margin)
            row.frozen_margin += event.frozen_margin
            row.frozen_open += order.volume
            row.frozen_open_amount += _notional(order, order.volume)
        else:
            row.frozen_close += order.volume
        if order.premium:
            self._freeze_premium(order, order.volume)

    def on_order_report(self, event: OrderReport) -> None:
        """The order's visible state; a final one gives back what is still frozen."""
        order = event.order
        order.status = event.status
        order.submit = event.submit
        order.traded = event.traded
        if order.rare is not None or event.cancel_ns or event.active_user or event.reason:
            rare = order.rarely()
            rare.cancel_ns = event.cancel_ns
            rare.active_user = event.active_user
            rare.reason = event.reason
        order.exchange_ns = event.exchange_ns
        order.price = event.price
        if event.sys_id and not order.sys_id:
            order.sys_id = event.sys_id
            order.sequence_no = event.sequence_no
            self.last_sys_id = max(self.last_sys_id, event.sys_id)
            self.last_sequence_no = max(self.last_sequence_no, event.sequence_no)
            self.by_sys_id[event.sys_id] = order
        if event.released_volume:
            self._unfreeze(order, event.released_volume, event.released_margin, event.released_fee)
            if order.is_open and event.released_margin:
                order.purse.change_margin(order.group, order.row.is_long, frozen=-event.released_margin)

    def on_trade_done(self, event: TradeDone) -> None:
        """The fill's effect on freeze, fee, margin, lots and profit."""
        order = event.order
        purse, row, contract = order.purse, order.row, order.contract
        self.last_trade_id = max(self.last_trade_id, event.trade_id)
        self.last_sequence_no = max(self.last_sequence_no, event.sequence_no)
        order.account.trades.add(event)
        self._unfreeze(order, event.volume, event.unfrozen_margin, event.unfrozen_fee)
        purse.commission += event.fee
        row.commission += event.fee
        if contract.is_security:
            rare = order.rarely()
            rare.done_volume += event.volume
            rare.done_turnover += event.turnover
            purse.pay_later(-event.margin if order.is_open else _proceeds(event))
        if order.is_open:
            purse.change_margin(order.group, row.is_long, event.margin, event.exchange_margin, -event.unfrozen_margin)
            self._open_lot(row, event)
        else:
            self._close_lots(order, row, event)
        if contract.option is not None:
            cash = -event.turnover if order.is_buy else event.turnover
            purse.cash_in += cash
            row.cash_in += cash
            row.last_mark = _latest(contract, event.price)
        price = contract.reference_price()
        self._mark_row(row, event.price if price == NO_PRICE else price)

    def on_position_carried(self, event: PositionCarried) -> None:
        """Lots of an earlier day: yesterday's in every field."""
        row, contract = event.row, event.row.contract
        purse = row.purse = event.account.purse(contract.currency)
        event.account.rows.setdefault(row.key, row)
        lot = Lot(event.trade_id, event.open_date, event.open_price, event.volume, event.margin, event.exchange_margin)
        lot.basis = event.basis
        lot.last_mark = event.basis  # nothing happened to it today (spec 5.3)
        lot.is_today = False
        place = len(row.lots)
        while place and row.lots[place - 1].is_today:
            place -= 1  # opened earlier: closed before what was opened today (spec 5.4)
        row.lots.insert(place, lot)
        row.first_lot = min(row.first_lot, place)
        if row.position == 0:
            contract.holders.append(row)
        unit = event.volume * contract.notional_micro
        row.yd_position += event.volume
        row.position += event.volume
        row.position_cost += event.basis * unit
        row.open_cost += event.open_price * unit
        row.margin += event.margin
        row.exchange_margin += event.exchange_margin
        row.pre_margin += event.margin
        purse.pre_balance += event.pre_balance
        purse.pre_margin += event.pre_balance
        purse.change_margin(purse.group_of(contract), row.is_long, event.margin, event.exchange_margin)
        price = contract.reference_price()
        if price != NO_PRICE:
            self._mark_row(row, price)

    def _unfreeze(self, order: Order, volume: int, margin: int, fee: int) -> None:
        """Give back what ``volume`` lots of a working order held (the margin group is the caller's)."""
        row = order.row
        if order.premium:
            self._freeze_premium(order, -volume)
        order.frozen_volume -= volume
        order.frozen_margin -= margin
        order.frozen_fee -= fee
        order.purse.frozen_commission -= fee
        row.frozen_commission -= fee
        if order.is_open:
            row.frozen_margin -= margin
            row.frozen_open -= volume
            row.frozen_open_amount -= _notional(order, volume)
        else:
            row.frozen_close -= volume

    def _freeze_premium(self, order: Order, volume: int) -> None:
        """Hold (or, with fewer than 0 lots, give back) the cash of an option's buy (spec 6, FrozenCash)."""
        amount = order.premium * volume
        order.purse.frozen_cash += amount
        order.row.frozen_cash += amount

    def _open_lot(self, row: PositionRow, event: TradeDone) -> None:
        lot = Lot(event.trade_id, event.trading_day, event.price, event.volume, event.margin, event.exchange_margin)
        lot.last_mark = _latest(row.contract, event.price)
        row.lots.append(lot)
        if row.position == 0:
            row.contract.holders.append(row)
        value = event.price * event.volume * row.contract.notional_micro
        row.position += event.volume
        row.today_position += event.volume
        row.open_volume += event.volume
        row.open_amount += value
        row.open_cost += value
        row.position_cost += value
        row.margin += event.margin
        row.exchange_margin += event.exchange_margin

    def _close_lots(self, order: Order, row: PositionRow, event: TradeDone) -> None:
        margin = 0
        exchange_margin = 0
        for part in event.closed:
            margin += part.margin
            exchange_margin += part.exchange_margin
            self._close_part(row, part, event.price)
        row.close_volume += event.volume
        row.close_amount += event.turnover
        row.charged_close_today += event.close_today
        row.margin -= margin
        row.exchange_margin -= exchange_margin
        order.purse.change_margin(order.group, row.is_long, -margin, -exchange_margin)
        if row.position == 0 and event.closed:
            row.contract.holders.remove(row)

    def _close_part(self, row: PositionRow, part: LotClosed, price: int) -> None:
        lot = part.lot
        lot.volume -= part.volume
        lot.margin -= part.margin
        lot.exchange_margin -= part.exchange_margin
        lot.close_volume += part.volume
        lot.close_amount += price * part.volume * row.contract.notional_micro
        lot.close_profit_by_date += part.profit_by_date
        lot.close_profit_by_trade += part.profit_by_trade
        lot.last_mark = _latest(row.contract, price)
        while row.first_lot < len(row.lots) and row.lots[row.first_lot].volume == 0:
            row.first_lot += 1
        row.position -= part.volume
        if lot.is_today:
            row.today_position -= part.volume
        row.position_cost -= part.cost
        row.open_cost -= part.open_cost
        row.close_profit_by_date += part.profit_by_date
        row.close_profit_by_trade += part.profit_by_trade
        purse = row.purse
        assert purse is not None
        if row.contract.option is None:  # of options only the premium counts in the account (spec 6)
            purse.close_profit += part.profit_by_date


def _latest(contract: Contract, traded: int) -> int:
    """The latest price when a position changes (spec 5.2, 5.3): between users the trade that changes it is that."""
    return traded if contract.is_matched or contract.last == NO_PRICE else contract.last


def _proceeds(event: TradeDone) -> int:
    """What a sale of securities brings besides its gain, which is not withdrawable anyway."""
    released = 0
    for part in event.closed:
        released += part.margin
    return released if event.closed and released < event.turnover else event.turnover


_NO_CONTRACTS: list[Contract] = []
"""Returned when there is none; never changed."""


def _notional(order: Order, volume: int) -> int:
    """Price x lots x multiplier of a working order, in micro-units (LongFrozenAmount, ShortFrozenAmount)."""
    return order.freeze_price * volume * order.contract.notional_micro


_EVOLVE: Final[dict[type, Callable[[State, Any], None]]] = {
    AccountOpened: State.on_account_opened,
    SettlementConfirmed: State.on_settlement_confirmed,
    InsertRefused: State.on_insert_refused,
    ActionRefused: State.on_action_refused,
    RequestRefused: State.on_request_refused,
    OrderInserted: State.on_order_inserted,
    OrderReport: State.on_order_report,
    TradeDone: State.on_trade_done,
    **EVOLVE_DECLARATIONS,
    AccountRestricted: on_account_restricted,
    AccountReset: on_account_reset,
    MoneyMoved: on_money_moved,
    BankToFuture: on_money_moved,
    FutureToBank: on_money_moved,
    conditions.ConditionPlaced: conditions.on_condition_placed,
    conditions.ConditionReport: conditions.on_condition_report,
    conditions.ConditionFailed: conditions.on_condition_failed,
    conditions.StopPlaced: conditions.on_stop_placed,
    conditions.StopLeft: conditions.on_stop_left,
    parked.ParkedPut: parked.on_parked_put,
    parked.ParkedSent: parked.on_parked_sent,
    parked.ParkedRemoved: parked.on_parked_removed,
    parked.ParkingRefused: parked.on_parking_refused,
    PositionCarried: State.on_position_carried,
    DaySettled: on_day_settled,
    QuoteInserted: on_quote_inserted,
    QuoteReport: on_quote_report,
    QuoteRefused: on_quote_refused,
    QuoteActionRefused: on_quote_action_refused,
    ForQuoteAsked: on_for_quote_asked,
    ForQuoteRefused: on_for_quote_refused,
    CombActionInserted: on_comb_action_inserted,
    CombinationChanged: on_combination_changed,
    CombActionReport: on_comb_action_report,
    CombActionRefused: on_comb_action_refused,
}
