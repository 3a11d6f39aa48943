"""Objects of the client library ↔ records. Part of the seam: only ``client*.py`` knows the library."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from ctp2.ib.records import (
    Candidate,
    Commission,
    CompletedOrder,
    Contract,
    Details,
    Execution,
    OpenOrder,
    OrderSpec,
    PortfolioRow,
)

UNSET: Final = 1.7976931348623157e308
"""How TWS and the libraries write that a double has no value."""
UNSET_INTEGER: Final = 2**31 - 1
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def decoded(text: str) -> str:
    r"""A text of TWS with its ``\uXXXX`` escapes resolved, which the libraries leave in (spec ib 5.9)."""
    if "\\u" not in text:
        return text
    plain = _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)
    # Two halves of one letter beyond the first plane come as two escapes; a half alone becomes a question mark.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number(value: Any) -> float | None:
    """A double, None for one that is not set: as text, as the marks of TWS, or not a number."""
    if value is None or value == "":
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None  # a text where the server has no figure, such as "N/A"
    return None if found >= UNSET or math.isnan(found) or math.isinf(found) else found


def _integer(value: Any) -> int | None:
    found = number(value)
    return None if found is None or found >= UNSET_INTEGER else int(found)


def _long_name(text: str) -> str:
    """The library reads this text as Latin-1 where it was UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


# ------------------------------------------------------------------ from the library


def contract(found: Any) -> Contract:
    """A contract."""
    return Contract(
        con_id=int(found.conId or 0),
        symbol=found.symbol,
        sec_type=found.secType,
        date=found.lastTradeDateOrContractMonth,
        strike=number(found.strike) or 0.0,
        right=found.right,
        multiplier=found.multiplier,
        exchange=found.exchange,
        primary_exchange=found.primaryExchange,
        currency=found.currency,
        local_symbol=found.localSymbol,
        trading_class=found.tradingClass,
        sec_id_type=found.secIdType,
        sec_id=found.secId,
    )


def details(found: Any) -> Details:
    """A row of contract details."""
    return Details(
        contract=contract(found.contract),
        market_name=found.marketName,
        min_tick=number(found.minTick) or 0.0,
        order_types=found.orderTypes,
        valid_exchanges=found.validExchanges,
        price_magnifier=int(found.priceMagnifier or 1),
        under_con_id=int(found.underConId or 0),
        long_name=_long_name(found.longName),
        contract_month=found.contractMonth,
        industry=found.industry,
        category=found.category,
        subcategory=found.subcategory,
        time_zone_id=found.timeZoneId,
        trading_hours=found.tradingHours,
        liquid_hours=found.liquidHours,
        under_symbol=found.underSymbol,
        under_sec_type=found.underSecType,
        market_rule_ids=found.marketRuleIds,
        real_expiration_date=found.realExpirationDate,
        last_trade_time=found.lastTradeTime,
        stock_type=found.stockType,
        min_size=number(found.minSize) or 0.0,
        size_increment=number(found.sizeIncrement) or 0.0,
        suggested_size_increment=number(found.suggestedSizeIncrement) or 0.0,
        md_size_multiplier=int(found.mdSizeMultiplier or 1),
        agg_group=int(found.aggGroup or 0),
        sec_ids=tuple((pair.tag, pair.value) for pair in found.secIdList or ()),
        coupon=number(found.coupon) or 0.0,
        maturity=found.maturity,
    )


def candidate(found: Any) -> Candidate:
    """A row of matching symbols."""
    return Candidate(contract(found.contract), tuple(found.derivativeSecTypes or ()))


def spec(order_id: int, order: Any) -> OrderSpec:
    """What an order asks for."""
    return OrderSpec(
        order_id=order_id,
        action=order.action,
        quantity=number(order.totalQuantity) or 0.0,
        order_type=order.orderType,
        lmt_price=number(order.lmtPrice),
        aux_price=number(order.auxPrice),
        tif=order.tif,
        good_till_date=order.goodTillDate,
        account=order.account,
        order_ref=order.orderRef,
        outside_rth=bool(order.outsideRth),
        hidden=bool(order.hidden),
        all_or_none=bool(order.allOrNone),
        min_qty=_integer(order.minQty),
        trigger_method=int(order.triggerMethod or 0),
        what_if=bool(order.whatIf),
        open_close=order.openClose,
    )


def open_order(order_id: int, found: Any, order: Any, state: Any) -> OpenOrder:
    """An open order."""
    return OpenOrder(
        order_id=order_id,
        client_id=int(order.clientId or 0),
        perm_id=int(order.permId or 0),
        contract=contract(found),
        spec=spec(order_id, order),
        status=state.status,
        init_margin_before=number(state.initMarginBefore),
        maint_margin_before=number(state.maintMarginBefore),
        equity_with_loan_before=number(state.equityWithLoanBefore),
        init_margin_change=number(state.initMarginChange),
        maint_margin_change=number(state.maintMarginChange),
        equity_with_loan_change=number(state.equityWithLoanChange),
        init_margin_after=number(state.initMarginAfter),
        maint_margin_after=number(state.maintMarginAfter),
        equity_with_loan_after=number(state.equityWithLoanAfter),
        commission=number(state.commission),
        min_commission=number(state.minCommission),
        max_commission=number(state.maxCommission),
        commission_currency=state.commissionCurrency,
        warning_text=decoded(state.warningText),
    )


def completed_order(found: Any, order: Any, state: Any) -> CompletedOrder:
    """An order that has ended."""
    return CompletedOrder(
        perm_id=int(order.permId or 0),
        contract=contract(found),
        spec=spec(0, order),
        status=state.status,
        completed_time=state.completedTime,
        completed_status=decoded(state.completedStatus),
        filled_quantity=number(order.filledQuantity),
    )


def execution(req_id: int, found: Any, done: Any, time_ns: int) -> Execution:
    """An execution; its time is read by :mod:`ctp2.ib.times`, not by the library."""
    return Execution(
        req_id=req_id,
        contract=contract(found),
        exec_id=done.execId,
        time_ns=time_ns,
        account=done.acctNumber,
        exchange=done.exchange,
        side=done.side,
        shares=float(done.shares),
        price=float(done.price),
        perm_id=int(done.permId or 0),
        client_id=int(done.clientId or 0),
        order_id=int(done.orderId or 0),
        cum_qty=float(done.cumQty or 0.0),
        avg_price=float(done.avgPrice or 0.0),
        order_ref=done.orderRef,
        liquidation=int(done.liquidation or 0),
        last_liquidity=int(done.lastLiquidity or 0),
    )


def commission(found: Any) -> Commission:
    """A commission report."""
    return Commission(found.execId, number(found.commission), found.currency, number(found.realizedPNL))


def portfolio_row(
    found: Any, position: float, price: float, value: float, cost: float, unrealized: float, realized: float, who: str
) -> PortfolioRow:
    """A row of the portfolio."""
    return PortfolioRow(
        account=who,
        contract=contract(found),
        position=position,
        market_price=number(price),
        market_value=number(value),
        average_cost=number(cost),
        unrealized_pnl=number(unrealized),
        realized_pnl=number(realized),
    )


# ------------------------------------------------------------------ to the library


def _checked(text: str) -> str:
    """A text for the wire, whose fields end with NUL."""
    if "\0" in text:
        raise ValueError(f"{text!r}: a text for TWS cannot hold a NUL")
    return text


def library_contract(library: Any, wanted: Contract) -> Any:
    """A contract of the library."""
    return library.Contract(
        conId=wanted.con_id,
        symbol=_checked(wanted.symbol),
        secType=wanted.sec_type,
        lastTradeDateOrContractMonth=_checked(wanted.date),
        strike=wanted.strike,
        right=wanted.right,
        multiplier=_checked(wanted.multiplier),
        exchange=_checked(wanted.exchange),
        primaryExchange=_checked(wanted.primary_exchange),
        currency=_checked(wanted.currency),
        localSymbol=_checked(wanted.local_symbol),
        tradingClass=_checked(wanted.trading_class),
        secIdType=wanted.sec_id_type,
        secId=_checked(wanted.sec_id),
        includeExpired=wanted.include_expired,
    )


def library_order(library: Any, wanted: OrderSpec) -> Any:
    """An order of the library, made anew: nothing of what TWS told comes back to it (spec ib 5.2)."""
    return library.Order(
        orderId=wanted.order_id,
        action=wanted.action,
        totalQuantity=wanted.quantity,
        orderType=wanted.order_type,
        lmtPrice=UNSET if wanted.lmt_price is None else wanted.lmt_price,
        auxPrice=UNSET if wanted.aux_price is None else wanted.aux_price,
        tif=wanted.tif,
        goodTillDate=_checked(wanted.good_till_date),
        account=_checked(wanted.account),
        orderRef=_checked(wanted.order_ref),
        outsideRth=wanted.outside_rth,
        hidden=wanted.hidden,
        allOrNone=wanted.all_or_none,
        minQty=UNSET_INTEGER if wanted.min_qty is None else wanted.min_qty,
        triggerMethod=wanted.trigger_method,
        whatIf=wanted.what_if,
        transmit=True,
    )
