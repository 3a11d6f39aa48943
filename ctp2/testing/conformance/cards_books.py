"""Cards 130–149: money and positions before, during and after orders, to the cent."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.testing.conformance.cards_refusals import refused
from ctp2.testing.conformance.model import (
    NotSupported,
    card,
    expect,
    expect_fields,
    expect_in,
    expect_money,
    expect_true,
)
from ctp2.testing.conformance.orders import BUY, CLOSE_TODAY, OPEN, SELL
from ctp2.testing.conformance.suite import DBL_MAX, Suite

LONG: Final = "2"
SHORT: Final = "3"
TODAY: Final = "1"
_RATES: Final = ("ReqQryInstrumentMarginRate", "ReqQryInstrumentCommissionRate")
_FROZEN: Final = ("FrozenMargin", "FrozenCash", "FrozenCommission")


# ------------------------------------------------------------------ what the counter tells
def row_of(s: Suite, direction: str, *, may_lack: bool = True) -> Any:
    """The row of today's lots of one side (the only row where history has none of its own)."""
    rows = s.trader.rows("ReqQryInvestorPosition", **s.trader.who, InstrumentID=s.instrument.InstrumentID)
    found = [row for row in rows if row.PosiDirection == direction and row.PositionDate == TODAY]
    found = [row for row in found if row.HedgeFlag in ("", "1")]
    expect_true(f"rows of PosiDirection {direction}", len(found) == 1 or (may_lack and not found), rows, "one")
    return found[0] if found else None


def of(row: Any, name: str) -> Any:
    """A number of a row; 0 when there is no row yet."""
    return getattr(row, name) if row is not None else 0


def margin(s: Suite, price: float, lots: int, side: str = "Long") -> float:
    """Margin of so many lots at the investor's rate (spec 7.1)."""
    wanted = {"InstrumentID": s.instrument.InstrumentID, "HedgeFlag": "1"}
    rate = s.trader.rows("ReqQryInstrumentMarginRate", **s.trader.who, **wanted)[0]
    by_money, by_volume = getattr(rate, f"{side}MarginRatioByMoney"), getattr(rate, f"{side}MarginRatioByVolume")
    return float(lots * (price * s.instrument.VolumeMultiple * by_money + by_volume))


def fee(s: Suite, price: float, lots: int, pair: str = "Open") -> float:
    """Commission of so many lots (spec 7.5)."""
    wanted = {"InstrumentID": s.instrument.InstrumentID}
    rate = s.trader.rows("ReqQryInstrumentCommissionRate", **s.trader.who, **wanted)[0]
    by_money, by_volume = getattr(rate, f"{pair}RatioByMoney"), getattr(rate, f"{pair}RatioByVolume")
    return float(lots * (price * s.instrument.VolumeMultiple * by_money + by_volume))


def need_flat(s: Suite) -> Any:
    """The account, which must hold nothing: only then the amounts can be worked out from one order."""
    row = s.account()
    if row.CurrMargin or row.FrozenMargin or row.FrozenCommission:
        raise NotSupported("the account has positions or working orders of its own")
    return row


def algorithm(s: Suite) -> str:
    """How open profit counts in Available."""
    if not s.supports("ReqQryBrokerTradingParams"):
        return "2"
    rows = s.trader.rows("ReqQryBrokerTradingParams", **s.trader.who)
    return str(rows[0].Algorithm) if rows else "2"


# ------------------------------------------------------------------ the account's identities
def is_venues(s: Suite) -> bool:
    """Whether amounts are the venue's own."""
    return s.differs(Capabilities.OWN_MONEY)


def expect_venues_money(row: Any) -> None:
    """What holds of any account: all amounts are told, and no more may be taken out than is there."""
    for name in ("Balance", "Available", "WithdrawQuota", "CurrMargin", "Commission", "PositionProfit", "CloseProfit"):
        value = getattr(row, name)
        expect_true(name, abs(value) < DBL_MAX, value, "an amount")
    most = max(row.Available, 0.0) + 0.005
    expect_true("WithdrawQuota", 0 <= row.WithdrawQuota <= most, row.WithdrawQuota, f"0 … {most:.2f}")
    for name in _FROZEN:
        expect_money(name, getattr(row, name), 0.0)


def expect_balance(s: Suite, row: Any) -> None:
    """Spec 6, Balance."""
    if is_venues(s):
        expect_venues_money(row)
        return
    static = row.PreBalance - row.PreCredit - row.PreMortgage + row.Mortgage + row.Deposit - row.Withdraw
    wanted = static + row.CloseProfit + row.PositionProfit + row.CashIn - row.Commission
    expect_money("Balance", row.Balance, wanted)


def expect_available(s: Suite, row: Any) -> None:
    """Spec 6, Available."""
    if is_venues(s):
        expect_venues_money(row)
        return
    profit = row.PositionProfit
    if s.instrument.ProductClass in ("", "1"):
        left_out = {"1": 0.0, "2": max(profit, 0.0), "3": min(profit, 0.0)}.get(algorithm(s), profit)
    else:
        left_out = profit  # securities: all of it (spec 14.3)
    used = row.CurrMargin + row.FrozenMargin + row.FrozenCash + row.FrozenCommission + row.DeliveryMargin + row.Reserve
    expect_money("Available", row.Available, row.Balance - left_out - used + row.Credit)


@card(130, "Balance is the sum of its parts", "Balance 恒等式", "6", "market", essential=True)
def balance_identity(s: Suite) -> None:
    expect_balance(s, s.account())
    s.fill()
    s.rest()
    expect_balance(s, s.account())


@card(131, "Available is Balance less what is bound", "Available 恒等式", "6", "market", essential=True)
def available_identity(s: Suite) -> None:
    expect_available(s, s.account())
    s.fill()
    s.rest()
    expect_available(s, s.account())


@card(132, "MortgageableFund and WithdrawQuota follow Available", "MortgageableFund 与 WithdrawQuota", "6", "market")
def withdrawable(s: Suite) -> None:
    row = s.account()
    if is_venues(s):
        expect_venues_money(row)
        return
    expect_money("MortgageableFund", row.MortgageableFund, row.Available - max(row.CloseProfit, 0.0))
    quota = row.WithdrawQuota
    expect_true("WithdrawQuota", 0 <= quota <= max(row.MortgageableFund, 0.0) + 0.005, quota, "0 … MortgageableFund")


# ------------------------------------------------------------------ freezing
@card(133, "a working order freezes margin and commission", "挂单冻结保证金与手续费", "6, 7.4", "futures", needs=_RATES)
def freezes(s: Suite) -> None:
    before = need_flat(s)
    order = s.rest()
    row, price = s.account(), order.field.LimitPrice
    if is_venues(s):
        expect_venues_money(row)
        expect_money("CurrMargin", row.CurrMargin, before.CurrMargin)
        return
    expect_money("FrozenMargin", row.FrozenMargin, margin(s, price, s.lots))
    expect_money("FrozenCommission", row.FrozenCommission, fee(s, price, s.lots))
    expect_money("Balance", row.Balance, before.Balance)
    expect_money("Available", row.Available, before.Available - row.FrozenMargin - row.FrozenCommission)


@card(134, "a cancel gives everything back to the cent", "撤单释放冻结，分文不差", "6 rule 1", "market", essential=True)
def releases(s: Suite) -> None:
    before = s.account()
    order = s.rest()
    bound = s.account()
    is_bound = sum(getattr(bound, name) for name in _FROZEN) > 0
    expect_true("something is frozen", is_bound or is_venues(s), "nothing", "above 0")
    order.cancel()
    after = s.account()
    for name in (*_FROZEN, "CurrMargin", "Commission", "CashIn"):
        expect_money(name, getattr(after, name), getattr(before, name))
    if not before.CurrMargin:
        expect_money("Available", after.Available, before.Available)


@card(135, "an order rejected by the exchange binds nothing", "交易所拒单不占用资金", "3.4, 6", "market")
def rejected_binds_nothing(s: Suite) -> None:
    before = s.account()
    order = s.insert(LimitPrice=s.price(SELL, rests=True) + 10 * s.instrument.PriceTick)
    order.ends()
    order.settles()
    if order.last.VolumeTraded:
        raise NotSupported("the instrument has no price limits")
    after = s.account()
    for name in (*_FROZEN, "Commission"):
        expect_money(name, getattr(after, name), getattr(before, name))


@card(136, "a working opening order shows in its position row", "开仓挂单体现在持仓行冻结", "5.2", "futures")
def working_open_row(s: Suite) -> None:
    before = of(row_of(s, LONG), "LongFrozen")
    order = s.rest()
    if s.differs(Capabilities.NETS):
        expect("LongFrozen", of(row_of(s, LONG), "LongFrozen"), before)
        return
    row = row_of(s, LONG, may_lack=False)
    expect("LongFrozen", row.LongFrozen - before, s.lots)
    expect_true("LongFrozenAmount", row.LongFrozenAmount > 0, row.LongFrozenAmount, "above 0")
    order.cancel()
    expect("LongFrozen after the cancel", of(row_of(s, LONG), "LongFrozen"), before)


# ------------------------------------------------------------------ opening
@card(137, "an opening fill: the position row", "开仓成交后的持仓", "5.2", "market", essential=True)
def opened(s: Suite) -> None:
    before = row_of(s, LONG)
    trades = s.fill().trades()
    row = row_of(s, LONG, may_lack=False)
    cost = sum(trade.Price * trade.Volume for trade in trades) * s.instrument.VolumeMultiple
    # Where a row goes with its last lot, what is told of the day is not there to compare with.
    is_new = before is None and s.differs(Capabilities.NETS)
    for name in ("Position", "TodayPosition") if is_new else ("Position", "TodayPosition", "OpenVolume"):
        expect(f"{name} gained", getattr(row, name) - of(before, name), s.lots)
    for name in ("OpenCost", "PositionCost") if is_new else ("OpenAmount", "OpenCost", "PositionCost"):
        gained = getattr(row, name) - of(before, name)
        if is_venues(s):
            expect_true(f"{name} gained", abs(gained - cost) <= 0.01 * cost, gained, f"{cost} and perhaps fees")
        else:
            expect_money(f"{name} gained", gained, cost)
    expect("YdPosition", row.YdPosition, of(before, "YdPosition"))
    expect("LongFrozen", row.LongFrozen, of(before, "LongFrozen"))
    wanted = {"InstrumentID": s.instrument.InstrumentID, "TradingDay": s.trader.api.GetTradingDay()}
    expect_fields("position", row, **wanted, **s.trader.who, SettlementID=1)


@card(138, "an opening fill: margin and commission", "开仓成交后的保证金与手续费", "6, 7", "futures", needs=_RATES)
def opened_account(s: Suite) -> None:
    before, row_before = need_flat(s), row_of(s, LONG)
    trades = s.fill().trades()
    after, row = s.account(), row_of(s, LONG, may_lack=False)
    wanted = sum(margin(s, trade.Price, trade.Volume) for trade in trades)
    paid = sum(fee(s, trade.Price, trade.Volume) for trade in trades)
    if is_venues(s):
        s.eventually("CurrMargin", s.account, "above 0", lambda found: found.CurrMargin > 0)
        s.eventually("Commission", s.account, "more", lambda found: found.Commission > before.Commission)
        return
    expect_money("UseMargin of the row", row.UseMargin, wanted)
    expect_money("CurrMargin", after.CurrMargin, wanted)
    expect_money("FrozenMargin", after.FrozenMargin, 0.0)
    expect_money("FrozenCommission", after.FrozenCommission, 0.0)
    expect_money("Commission gained", after.Commission - before.Commission, paid)
    expect_money("Commission of the row gained", row.Commission - of(row_before, "Commission"), paid)


@card(139, "PositionProfit of a row is its value less its cost", "持仓盈亏 = 市值 − 持仓成本", "5.2", "futures")
def position_profit(s: Suite) -> None:
    s.fill()
    row = row_of(s, LONG, may_lack=False)
    value = row.SettlementPrice * s.instrument.VolumeMultiple * row.Position
    expect_money("PositionProfit", row.PositionProfit, value - row.PositionCost)


@card(
    140,
    "a detail row for the opening trade",
    "持仓明细：每笔开仓一行",
    "5.1, 5.3",
    "market",
    needs=("ReqQryInvestorPositionDetail",),
)
def detail(s: Suite) -> None:
    trade = s.fill().trades()[0]
    rows = s.trader.rows("ReqQryInvestorPositionDetail", **s.trader.who, InstrumentID=s.instrument.InstrumentID)
    mine = [row for row in rows if row.TradeID == trade.TradeID and row.Direction == BUY]
    expect("rows of the trade", len(mine), 1)
    wanted = {"Volume": trade.Volume, "OpenPrice": trade.Price, "OpenDate": trade.TradingDay, "CloseVolume": 0}
    expect_fields("detail", mine[0], **wanted, HedgeFlag="1", InstrumentID=trade.InstrumentID)


@card(
    141, "details add up to the position", "明细合计等于持仓", "5.1", "market", needs=("ReqQryInvestorPositionDetail",)
)
def details_add_up(s: Suite) -> None:
    s.fill()
    who = {**s.trader.who, "InstrumentID": s.instrument.InstrumentID}
    details = s.trader.rows("ReqQryInvestorPositionDetail", **who)
    rows = s.trader.rows("ReqQryInvestorPosition", **who)
    for direction, code in ((LONG, BUY), (SHORT, SELL)):
        lots = sum(row.Volume for row in details if row.Direction == code)
        expect(
            f"Position of PosiDirection {direction}",
            sum(r.Position for r in rows if r.PosiDirection == direction),
            lots,
        )


@card(142, "ExchangeID in a position query is ignored", "查持仓忽略交易所字段", "8.3", "market")
def exchange_ignored(s: Suite) -> None:
    s.fill()
    who = {**s.trader.who, "InstrumentID": s.instrument.InstrumentID}
    wanted = len(s.trader.rows("ReqQryInvestorPosition", **who))
    expect("rows", len(s.trader.rows("ReqQryInvestorPosition", **who, ExchangeID=s.instrument.ExchangeID)), wanted)


# ------------------------------------------------------------------ closing
@card(
    143,
    "a working close freezes lots and commission, no margin",
    "平仓挂单冻结手数与手续费",
    "5.2, 6 rule 2",
    "futures",
)
def closing_freezes(s: Suite) -> None:
    s.fill()
    before, row_before = s.account(), row_of(s, LONG, may_lack=False)
    order = s.rest(Direction=SELL, CombOffsetFlag=s.close_flag)
    after, row = s.account(), row_of(s, LONG, may_lack=False)
    expect("ShortFrozen of the long row", row.ShortFrozen - row_before.ShortFrozen, s.lots)
    expect("Position", row.Position, row_before.Position)
    expect_money("FrozenMargin", after.FrozenMargin, before.FrozenMargin)
    if s.supports(*_RATES) and not is_venues(s):
        pair = "CloseToday" if s.close_flag == CLOSE_TODAY else "Close"
        wanted = fee(s, order.field.LimitPrice, s.lots, pair)
        expect_money("FrozenCommission gained", after.FrozenCommission - before.FrozenCommission, wanted)
    order.cancel()
    expect("ShortFrozen after the cancel", row_of(s, LONG).ShortFrozen, row_before.ShortFrozen)
    expect_money("FrozenCommission after the cancel", s.account().FrozenCommission, before.FrozenCommission)


@card(144, "two working closes never exceed the lots", "两笔平仓挂单不能超过持仓", "5.4", "futures")
def no_double_close(s: Suite) -> None:
    s.fill()
    row = row_of(s, LONG, may_lack=False)
    s.rest(Direction=SELL, CombOffsetFlag=s.close_flag, VolumeTotalOriginal=row.Position - row.ShortFrozen)
    refused(s, (50,) if s.close_flag == CLOSE_TODAY else (30,), Direction=SELL, CombOffsetFlag=s.close_flag)


@card(
    145, "a closing fill: the row stays, the profit is booked", "平仓成交后：持仓行保留、盈亏入账", "5.2, 6", "futures"
)
def closed(s: Suite) -> None:
    opening = s.fill().trades()
    row_before, before = row_of(s, LONG, may_lack=False), s.account()
    closing = s.fill(SELL, s.close_flag).trades()
    if s.differs(Capabilities.NETS):
        expect("Position gained", of(row_of(s, LONG), "Position") - row_before.Position, -s.lots)
        return
    row, after = row_of(s, LONG, may_lack=False), s.account()
    for name, change in (("Position", -s.lots), ("TodayPosition", -s.lots), ("CloseVolume", s.lots)):
        expect(f"{name} gained", getattr(row, name) - getattr(row_before, name), change)
    expect("YdPosition", row.YdPosition, row_before.YdPosition)
    if row.Position:
        return  # lots of before: first in, first out
    multiple = s.instrument.VolumeMultiple
    sides = [sum(trade.Price * trade.Volume for trade in trades) * multiple for trades in (opening, closing)]
    expect_money("CloseProfit gained", after.CloseProfit - before.CloseProfit, sides[1] - sides[0])
    expect_money("CloseProfit of the row gained", row.CloseProfit - row_before.CloseProfit, sides[1] - sides[0])
    expect_money("CloseAmount of the row gained", row.CloseAmount - row_before.CloseAmount, sides[1])
    for name in ("UseMargin", "PositionCost", "OpenCost", "PositionProfit"):
        expect_money(f"{name} of the row", getattr(row, name), 0.0)


@card(
    146,
    "a close returns its margin and costs its commission",
    "平仓释放保证金并收手续费",
    "6, 7.5",
    "futures",
    needs=_RATES,
)
def closed_account(s: Suite) -> None:
    need_flat(s)
    s.fill()
    before = s.account()
    closing = s.fill(SELL, s.close_flag).trades()
    if is_venues(s):
        after = s.eventually("CurrMargin", s.account, 0.0, lambda found: found.CurrMargin == 0)
        expect_balance(s, after)
        return
    after = s.account()
    expect_money("CurrMargin", after.CurrMargin, 0.0)
    expect_money("FrozenCommission", after.FrozenCommission, 0.0)
    paid = sum(fee(s, trade.Price, trade.Volume, "CloseToday") for trade in closing)
    expect_money("Commission gained", after.Commission - before.Commission, paid)
    expect_money("PositionProfit", after.PositionProfit, 0.0)
    expect_balance(s, after)


@card(147, "a short position: row, margin, and buying it back", "空头持仓与买平", "5.2, 7.1", "futures")
def short(s: Suite) -> None:
    before = row_of(s, SHORT)
    trades = s.fill(SELL, OPEN).trades()
    row = row_of(s, SHORT, may_lack=False)
    expect("Position gained", row.Position - of(before, "Position"), s.lots)
    cost = sum(trade.Price * trade.Volume for trade in trades) * s.instrument.VolumeMultiple
    if not is_venues(s):
        expect_money("PositionCost gained", row.PositionCost - of(before, "PositionCost"), cost)
    value = row.SettlementPrice * s.instrument.VolumeMultiple * row.Position
    expect_money("PositionProfit", row.PositionProfit, row.PositionCost - value)
    order = s.rest(Direction=BUY, CombOffsetFlag=s.close_flag)
    frozen = row_of(s, SHORT).LongFrozen
    expect("LongFrozen of the short row", frozen - of(before, "LongFrozen"), s.lots)
    order.cancel()
    s.fill(BUY, s.close_flag)
    expect("Position after buying back", of(row_of(s, SHORT), "Position"), of(before, "Position"))


@card(148, "books are changed before the trade is told", "账务先于成交回报更新", "3.9", "market")
def books_before_trade(s: Suite) -> None:
    before = of(row_of(s, LONG), "Position")
    seen: list[int] = []
    trader = s.new_trader(login=True)
    trader.idle(0.02)

    def ask(call: Any) -> None:
        if call.name == "OnRtnTrade" and not seen:
            asked = trader.build("ReqQryInvestorPosition", {**trader.who, "InstrumentID": s.instrument.InstrumentID})
            seen.append(trader.call("ReqQryInvestorPosition", asked, 77021))

    trader.hook = ask
    order = s.fill(trader=trader)
    trader.wait("the answer to the query of OnRtnTrade", lambda call: call.request_id == 77021 and call.is_last)
    rows = [call.field for call in trader.calls if call.request_id == 77021 and call.field is not None]
    held = sum(row.Position for row in rows if row.PosiDirection == LONG)
    told = order.trades()[0].Volume
    expect_true("Position when OnRtnTrade comes", held >= before + told, held, f"at least {before + told}")


@card(149, "the offset flag of a close comes back as sent, or as 平仓", "平仓标志原样或转换后返回", "3.1", "futures")
def offset_flag(s: Suite) -> None:
    s.fill()
    order = s.fill(SELL, CLOSE_TODAY)
    allowed = (CLOSE_TODAY,) if s.close_flag == CLOSE_TODAY else (CLOSE_TODAY, "1")
    expect_in("CombOffsetFlag of OnRtnOrder", order.last.CombOffsetFlag, allowed)
    expect_in("OffsetFlag of OnRtnTrade", order.trades()[0].OffsetFlag, allowed)
