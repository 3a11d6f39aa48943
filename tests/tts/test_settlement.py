"""Settlement: prices, what must not change, money of several currencies, rights, pairs; figures worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ctp2.refdata.models import Commission, Instrument, MarginRate
from ctp2.refdata.ticks import DBL_MAX, Tick
from ctp2.testing.desk import Desk, Listed
from ctp2.testing.desk_combos import add_combination, comb_action
from ctp2.testing.desk_night import give, next_day, open_day, settled_account
from ctp2.tts.commands import OpenAccount
from ctp2.tts.events import DaySettled
from ctp2.tts.money import MICRO
from ctp2.tts.rights import MoveMoney, Restrict, Rights
from ctp2.tts.settled import Settlement, pack, unpack
from ctp2.tts.settlement import settle
from ctp2.tts.settlement_prices import DayFigures, SettlementPrices, figures_of
from ctp2.tts.state import State
from ctp2.tts.terms import NO_PRICE
from tests.tts.days import check_identities
from tests.tts.option_game import OptionGame
from tests.tts.recovery import totals


# ------------------------------------------------------------------ prices
def _price(exchange: str, figures: DayFigures, last: str = "", **words: str) -> int:
    desk = Desk()
    contract = desk.instrument(exchange, "X", **{"multiplier": "10", "tick": "1", "settled": "100", **words})
    if last:
        contract.last = int(Decimal(last) * contract.price_scale)
    return SettlementPrices({(exchange, "X"): figures}).of(contract)


@pytest.mark.parametrize(
    ("exchange", "figures", "last", "price"),
    [
        ("SHFE", DayFigures(volume=3, turnover=3040.0, settlement=105, last=104), "103", 105),
        ("SHFE", DayFigures(volume=3, turnover=3040.0, last=104), "103", 101),  # 3040 / 30 = 101.33
        ("SHFE", DayFigures(volume=2, turnover=2030.0), "", 102),  # 101.5 is rounded up
        ("SHFE", DayFigures(volume=2, turnover=DBL_MAX, last=104), "103", 104),
        ("SHFE", DayFigures(last=104), "103", 104),
        ("SHFE", DayFigures(), "103", 103),
        ("SHFE", DayFigures(), "", 100),
        ("CZCE", DayFigures(volume=3, turnover=3040.0, last=102), "", 101),  # with the multiplier
        ("CZCE", DayFigures(volume=3, turnover=304.0, last=102), "", 101),  # without it
        ("DCE", DayFigures(volume=3, turnover=304.0, last=102), "", 10),  # elsewhere it says what it says
    ],
)
@pytest.mark.proves("11.2 step 1")
def test_the_settlement_price_of_a_future(exchange: str, figures: DayFigures, last: str, price: int) -> None:
    assert _price(exchange, figures, last) == price


def test_the_average_is_rounded_to_the_tick_below_zero_too() -> None:
    assert _price("SHFE", DayFigures(volume=4, turnover=4 * 10 * 101.13), tick="0.5") == 1010
    assert _price("SHFE", DayFigures(volume=1, turnover=-10 * 37.8), tick="0.5") == -380


def test_securities_and_indices_are_settled_at_the_close() -> None:
    for kind in ("stock", "fund", "bond", "index"):
        words = {"kind": kind, "multiplier": "1", "tick": "0.01", "settled": "10"}
        assert _price("SSE", DayFigures(volume=10, turnover=110.0, close=1050, last=1040), "10.3", **words) == 1050
        assert _price("SSE", DayFigures(volume=10, turnover=110.0, last=1040), "10.3", **words) == 1040


def test_nothing_is_known() -> None:
    assert _price("SHFE", DayFigures(), settled="") == NO_PRICE


def test_figures_of_a_snapshot() -> None:
    desk = Desk()
    contract = desk.instrument("SHFE", "X", tick="0.5")
    tick = Tick(0, 0, "15:00:00", 0, "", "", last=101.5, volume=7, turnover=7105.0, open_interest=12.0)
    assert figures_of(contract, tick) == DayFigures(7, 7105.0, NO_PRICE, NO_PRICE, 1015, 12.0)
    tick.settlement, tick.close = 101.0, 102.0
    assert figures_of(contract, tick)[2:4] == (1010, 1020)
    tick.settlement = tick.close = 0.0  # what cascaded fronts send
    assert figures_of(contract, tick)[2:4] == (NO_PRICE, NO_PRICE)


def test_a_lot_without_any_price_neither_gains_nor_loses() -> None:
    desk = Desk(fills="full")
    desk.instrument("SHFE", "X", settled="")
    desk.user("ann", "1000")
    desk.carry("ann", "2", 1, "X", "100")
    next_day(desk)
    settled = settled_account(desk, "ann")
    assert settled.purses[0].mtm == 0 and settled.carried[0].basis == 100
    assert not desk.night.settlement or not desk.night.settlement.prices


# ------------------------------------------------------------------ accounts
def _next(desk: Desk, settlement: Settlement) -> State:
    open_day(desk, settlement)
    desk.state.evolve(DaySettled(settlement, desk.now_ns))
    return desk.state


def test_each_currency_is_settled_by_itself() -> None:
    desk = Desk(fills="full", profile="clean")
    for exchange, code, currency in (("SSE", "S", "CNY"), ("HKEX", "H", "HKD"), ("NASD", "U", "USD")):
        instrument = Instrument(
            exchange=exchange,
            code=code,
            product="P",
            product_class="stock",
            multiplier=1,
            price_tick=Decimal("0.01"),
            currency=currency,
            long_margin_ratio=Decimal(1),
        )
        desk.add_listed(Listed(instrument, MarginRate(long_by_money=Decimal(1)), Commission(), False), "10")
    balances = {"CNY": 1000 * MICRO, "HKD": 2000 * MICRO, "USD": 3000 * MICRO}
    desk.engine.open_account(OpenAccount(desk.now_ns, "ann", balances))
    for volume, code in enumerate("SHU", 1):
        desk.carry("ann", "2", volume, code, "9")
        give(desk, code, close="11")
    next_day(desk)
    made = [
        (purse.currency, purse.balance_bf, purse.mtm, purse.balance_cf, purse.margin, purse.available)
        for purse in settled_account(desk, "ann").purses
    ]
    assert made == [
        (currency, before * MICRO, lots * MICRO, (before + lots) * MICRO, 11 * lots * MICRO, free * MICRO)
        for currency, before, lots, free in (("CNY", 1000, 1, 990), ("HKD", 2000, 2, 1980), ("USD", 3000, 3, 2970))
    ]
    assert [row.Available for row in (desk.account("ann", name) for name in balances)] == [990, 1980, 2970]
    check_identities(settled_account(desk, "ann"))


def test_money_moved_is_listed_and_begins_anew() -> None:
    """The bank's transfers one by one, what was done by hand in one line each way; 1000 + 500 - 200 + 40 - 30."""
    desk = Desk()
    desk.user("ann", "1000")
    for amount, is_bank in ((500, True), (-200, True), (25, False), (15, False), (-30, False)):
        desk.engine.move_money(MoveMoney(desk.now_ns, "ann", "CNY", amount * MICRO, is_bank))
    next_day(desk)
    settled = settled_account(desk, "ann")
    assert [(line.kind, line.amount // MICRO, line.note) for line in settled.transfers] == [
        ("银期转入", 500, "1"),
        ("银期转出", -200, "2"),
        ("入金", 40, ""),
        ("出金", -30, ""),
    ]
    assert settled.purses[0].deposit_withdrawal == 310 * MICRO
    row = desk.account("ann")
    assert (row.PreBalance, row.Deposit, row.Withdraw, row.Balance) == (1310, 0, 0, 1310)
    assert desk.state.last_transfer == 0 and not desk.state.accounts["ann"].transfers


def test_what_orders_and_cancels_cost_as_messages_is_a_withdrawal() -> None:
    """Two orders at 0.50 that the exchange took and one cancel at 0.20: 1.20; a refused order costs nothing."""
    desk = Desk(profile="clean")
    instrument = Instrument(
        exchange="SHFE", code="X", product="X", product_class="future", multiplier=10, price_tick=Decimal(1)
    )
    fees = Commission(order_by_volume=Decimal("0.5"), cancel_by_volume=Decimal("0.2"))
    desk.add_listed(Listed(instrument, MarginRate(), fees, False, "50", "150"), "100")
    desk.user("ann", "1000")
    desk.insert("ann", "buys", "open", 1, "X", 90.0, name="a")
    desk.insert("ann", "buys", "open", 1, "X", 91.0, name="b")
    desk.insert("ann", "buys", "open", 1, "X", 200.0, name="c")
    desk.cancel("ann", "a")
    next_day(desk)
    settled = settled_account(desk, "ann")
    assert [(line.kind, line.amount) for line in settled.transfers] == [("申报费", -1_200_000)]
    assert settled.purses[0].balance_cf == 998_800_000 and settled.purses[0].commission == 0


def test_rights_last() -> None:
    desk = Desk()
    desk.instrument("SHFE", "X", settled="100")
    desk.user("ann", "1000")
    desk.user("ben", "1000")
    rights = Rights(True, {"X": "close"}, {"*": 3}, ("INE",), False, False, "weak")
    desk.engine.restrict(Restrict(desk.now_ns, "ann", rights))
    next_day(desk)
    kept = desk.state.accounts["ann"].rights
    assert kept is not None and desk.state.accounts["ben"].rights is None
    names = ("is_active", "trading", "position_limits", "no_code", "conditional_orders", "bank_transfers", "password")
    assert [getattr(kept, name) for name in names] == [getattr(rights, name) for name in names]


def test_the_statement_is_to_be_confirmed_again() -> None:
    desk = Desk()
    desk.user("ann", "1000")
    assert desk.state.accounts["ann"].confirmed_ns
    state = _next(desk, settle(desk.state, "20250307", desk.now_ns))
    assert not state.accounts["ann"].confirmed_ns and state.trading_day == "20250307"


# ------------------------------------------------------------------ the record
def test_a_position_in_what_is_no_longer_listed_is_an_error() -> None:
    desk = Desk()
    desk.instrument("SHFE", "X", settled="100")
    desk.user("ann", "1000")
    desk.carry("ann", "2", 1, "X", "100")
    settlement = settle(desk.state, "20250307", desk.now_ns)
    with pytest.raises(LookupError, match="SHFE X"):
        State("20250307").evolve(DaySettled(settlement, 0))


def test_a_pair_makes_its_combination_known() -> None:
    """The new day has not met the combination yet; CZCE's spread of two months, margin of the larger leg 3100."""
    desk = Desk(fills="full", profile="clean")
    for code, settled in (("SR505", "3000"), ("SR509", "3100")):
        desk.instrument("CZCE", code, product="SR", settled=settled, limits="2000..4000")
    desk.user("ann", "100000")
    desk.carry("ann", "2", 1, "SR505", "3000")
    desk.carry("ann", "3", 1, "SR509", "3100")
    add_combination(desk, "SPD SR505&SR509")
    comb_action(desk, "ann", "combines", 1, "SPD SR505&SR509", "buy")
    settlement = unpack(pack(settle(desk.state, "20250307", desk.now_ns)))
    desk.combination_codes = []
    state = _next(desk, settlement)
    assert settlement.accounts[0].purses[0].margin == 3100 * MICRO == state.accounts["ann"].purses["CNY"].curr_margin
    (known,) = state.combos.known.values()
    assert (known.code, known.kind, [leg.code for leg in known.legs]) == ("SPD SR505&SR509", "SPD", ["SR505", "SR509"])
    assert [pair.volume for pair in state.combos.standing("ann")] == [1]


@pytest.mark.parametrize("seed", range(1, 13))
def test_days_of_options(seed: int) -> None:
    """Random orders, exercises and abandonments: nothing changes, sums hold, bytes and record make the same morning."""
    game = OptionGame(seed)
    game.play(150)
    desk: Any = game.desk
    before = totals(desk.state)
    settlement = settle(desk.state, "20250307", desk.now_ns)
    assert totals(desk.state) == before
    assert unpack(pack(settlement)) == settlement
    for account in settlement.accounts:
        check_identities(account)
    listed = list(desk.listed)
    first = totals(_next(desk, settlement))
    desk.listed = listed
    second = totals(_next(desk, unpack(pack(settlement))))
    assert first == second
    for account in settlement.accounts:
        purse = desk.state.accounts[account.account_id].purses["CNY"]
        assert purse.balance() == account.purses[0].balance_cf
        marks = sum(row.margin_mark for row in desk.state.accounts[account.account_id].rows.values())
        assert abs(purse.curr_margin - marks - account.purses[0].margin) <= 5_000
