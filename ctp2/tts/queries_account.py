"""Queries about the asker's own: money, positions, orders, trades, who he is (spec ctp-semantics 5, 6, 8.3)."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final

from ctp2.ctp import structs
from ctp2.tts import combo_requests, rows, translate, values
from ctp2.tts.asker import Asker, Query, Rows, matches, nothing
from ctp2.tts.cashmodel import account_as_cash, position_as_cash
from ctp2.tts.kept import trade_again
from ctp2.tts.queries_rates import traded_exchanges
from ctp2.tts.shown import sys_id_of
from ctp2.tts.statement import chunks
from ctp2.tts.terms import INVESTOR_HEDGE_FLAGS, SPECULATION

_SECURITY_EXCHANGES: Final = frozenset("SSE SZSE BSE HKEX NASD NYSE LSE".split())
"""Where an investor has one code only, and BizType is stock."""


# ------------------------------------------------------------------ money and positions
def trading_account(asker: Asker, field: Any) -> Rows:
    """``ReqQryTradingAccount``: the row of the currency asked for, an empty CurrencyID means CNY (DESIGN section 5)."""
    purse = asker.account.purses.get(field.CurrencyID or "CNY")
    if purse is not None and asker.is_own(field):
        record = rows.account_to_ctp(asker.account, purse, asker.broker_id, asker.world.trading_day)
        if asker.world.config.options.securities == "cash":
            account_as_cash(record, asker.account, purse)
        yield record


def positions(asker: Asker, field: Any) -> Rows:
    """``ReqQryInvestorPosition``: every row of the day, also those closed down to 0."""
    if asker.is_own(field):
        for row in asker.account.rows.values():
            if matches(field.InstrumentID, row.contract.code):
                record = rows.position_to_ctp(row, asker.account.account_id, asker.broker_id, asker.world.trading_day)
                if asker.world.config.options.securities == "cash":
                    position_as_cash(record, row)
                yield record
        yield from combo_requests.comb_positions(asker, field)


def position_details(asker: Asker, field: Any) -> Rows:
    """``ReqQryInvestorPositionDetail``: one row per opening trade, in order of opening."""
    if not asker.is_own(field):
        return
    found = [
        (lot.open_date, lot.trade_id, row, lot)
        for row in asker.account.rows.values()
        if matches(field.InstrumentID, row.contract.code)
        for lot in row.lots
    ]
    found.sort(key=itemgetter(0, 1))
    for _, _, row, lot in found:
        yield rows.position_detail_to_ctp(row, lot, asker.account.account_id, asker.broker_id, asker.world.trading_day)


# ------------------------------------------------------------------ orders and trades
def orders(asker: Asker, field: Any) -> Rows:
    """``ReqQryOrder``: the last state of each order of the day."""
    wanted = field.OrderSysID.strip()
    for order in asker.account.orders if asker.is_own(field) else ():
        contract = order.contract
        if (
            matches(field.InstrumentID, contract.code)
            and matches(field.ExchangeID, contract.exchange)
            and (not wanted or wanted == sys_id_of(order).strip())
            and _within(values.time_of(order.insert_ns, contract.zone), field.InsertTimeStart, field.InsertTimeEnd)
        ):
            yield translate.order_to_ctp(translate.order_now(order))


def trades(asker: Asker, field: Any) -> Rows:
    """``ReqQryTrade``: the trades of the day."""
    wanted = field.TradeID.strip()
    for kept in asker.account.trades if asker.is_own(field) else ():
        trade = trade_again(kept, asker.state.orders)
        contract = trade.order.contract
        if (
            matches(field.InstrumentID, contract.code)
            and matches(field.ExchangeID, contract.exchange)
            and (not wanted or wanted == str(trade.trade_id))
            and _within(values.time_of(trade.now_ns, contract.zone), field.TradeTimeStart, field.TradeTimeEnd)
        ):
            yield translate.trade_to_ctp(trade)


def _within(time: str, start: str, end: str) -> bool:
    return (not start or time >= start) and (not end or time <= end)


# ------------------------------------------------------------------ the investor
def investors(asker: Asker, field: Any) -> Rows:
    """``ReqQryInvestor``: the counter opens an account at its first login, so its opening day is today."""
    if asker.is_own(field):
        account, rights = asker.account, asker.account.rights
        yield structs.CThostFtdcInvestorField(
            InvestorID=account.account_id,
            BrokerID=asker.broker_id,
            InvestorName=asker.name,
            IdentifiedCardType="x",
            IdentifiedCardNo=account.account_id,
            IsActive=int(rights is None or rights.is_active),
            OpenDate=asker.world.trading_day,
            IsOrderFreq="1" if asker.world.config.options.order_rate else "0",
            IsOpenVolLimit="1" if rights is not None and rights.position_limits else "0",
        )


def trading_codes(asker: Asker, field: Any) -> Rows:
    """``ReqQryTradingCode``: one code per exchange and kind of investor (hedge flag) that may trade there."""
    if not asker.is_own(field):
        return
    rights = asker.account.rights
    no_code = rights.no_code if rights is not None else ()
    for exchange in traded_exchanges(asker):
        if not matches(field.ExchangeID, exchange) or exchange in no_code:
            continue
        is_stock = exchange in _SECURITY_EXCHANGES
        for kind in (SPECULATION,) if is_stock else INVESTOR_HEDGE_FLAGS:
            yield structs.CThostFtdcTradingCodeField(
                InvestorID=asker.account.account_id,
                BrokerID=asker.broker_id,
                ExchangeID=exchange,
                ClientID=asker.account.account_id[:10],
                IsActive=1,
                ClientIDType=kind,
                BizType="2" if is_stock else "1",
            )


def settlement_confirmations(asker: Asker, field: Any) -> Rows:
    """``ReqQrySettlementInfoConfirm``: today's confirmation, nothing before it."""
    if asker.is_own(field) and asker.account.confirmed_ns:
        yield structs.CThostFtdcSettlementInfoConfirmField(
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            ConfirmDate=values.date_of(asker.account.confirmed_ns, asker.world.zone),
            ConfirmTime=values.time_of(asker.account.confirmed_ns, asker.world.zone),
        )


def settlement_info(asker: Asker, field: Any) -> Rows:
    """``ReqQrySettlementInfo``: the statement of a day, a month or (empty) the last settled day, in chunks (11.1)."""
    found = asker.statements.of(asker.account.account_id, field.TradingDay) if asker.is_own(field) else None
    if found is None:
        return
    for number, chunk in enumerate(chunks(found.text()), 1):
        yield structs.CThostFtdcSettlementInfoField(
            TradingDay=found.period,
            SettlementID=found.number,
            BrokerID=asker.broker_id,
            InvestorID=asker.account.account_id,
            SequenceNo=number,
            Content=chunk,
            AccountID=asker.account.account_id,
            CurrencyID="CNY",
        )


ACCOUNT_QUERIES: Final[dict[str, Query]] = {
    "ReqQryTradingAccount": trading_account,
    "ReqQryInvestorPosition": positions,
    "ReqQryInvestorPositionDetail": position_details,
    "ReqQryOrder": orders,
    "ReqQryTrade": trades,
    "ReqQryInvestor": investors,
    "ReqQryTradingCode": trading_codes,
    "ReqQrySettlementInfoConfirm": settlement_confirmations,
    "ReqQrySettlementInfo": settlement_info,
    "ReqQryCFMMCTradingAccountKey": nothing,
}
