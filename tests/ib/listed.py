"""Contracts as TWS tells them, and a TWS that answers ``reqContractDetails`` from them: data for tests of parts."""

from __future__ import annotations

import re
from typing import Any

from ctp2.ib.records import Contract, Details, Refused

US_HOURS = "20251124:0400-20251124:2000;20251125:0400-20251125:2000"
US_LIQUID = "20251124:0930-20251124:1600;20251125:0930-20251125:1600"
CME_HOURS = "20251123:1700-20251124:1600;20251124:1700-20251125:1600"
HK_HOURS = "20251124:0930-20251124:1200;20251124:1300-20251124:1600;20251125:CLOSED"


def stock(con_id: int, symbol: str, primary: str = "NASDAQ", **more: Any) -> Details:
    contract = Contract(
        con_id,
        symbol,
        "STK",
        exchange="SMART",
        primary_exchange=primary,
        currency="USD",
        local_symbol=symbol,
        trading_class="NMS",
    )
    values: dict[str, Any] = {
        "min_tick": 0.01,
        "order_types": "LMT,MKT,STP",
        "valid_exchanges": f"SMART,{primary}",
        "market_rule_ids": "26,26",
        "long_name": f"{symbol} INC",
        "time_zone_id": "US/Eastern",
        "trading_hours": US_HOURS,
        "liquid_hours": US_LIQUID,
        "stock_type": "COMMON",
        "min_size": 0.0001,
        "size_increment": 0.0001,
    }
    return Details(contract, **(values | more))


def future(
    con_id: int, symbol: str, month: str, day: str, exchange: str, multiplier: str, tick: float, **more: Any
) -> Details:
    trading_class = more.pop("trading_class", symbol)
    contract = Contract(
        con_id,
        symbol,
        "FUT",
        date=day,
        multiplier=multiplier,
        exchange=exchange,
        currency="USD",
        local_symbol=more.pop("local_symbol", ""),
        trading_class=trading_class,
    )
    values: dict[str, Any] = {
        "min_tick": tick,
        "valid_exchanges": exchange,
        "contract_month": month,
        "real_expiration_date": day,
        "time_zone_id": "US/Central",
        "trading_hours": CME_HOURS,
        "liquid_hours": CME_HOURS,
        "min_size": 1.0,
        "size_increment": 1.0,
    }
    return Details(contract, **(values | more))


def option(con_id: int, symbol: str, day: str, right: str, strike: float, **more: Any) -> Details:
    contract = Contract(
        con_id,
        symbol,
        "OPT",
        date=day,
        strike=strike,
        right=right,
        multiplier="100",
        exchange="SMART",
        currency="USD",
        local_symbol=f"{more.get('trading_class', symbol):<6}{day[2:]}{right}{round(strike * 1000):08d}",
        trading_class=more.pop("trading_class", symbol),
    )
    values: dict[str, Any] = {
        "min_tick": 0.01,
        "valid_exchanges": "SMART,AMEX,CBOE",
        "contract_month": day[:6],
        "real_expiration_date": day,
        "time_zone_id": "US/Eastern",
        "trading_hours": US_LIQUID,
        "liquid_hours": US_LIQUID,
        "under_con_id": 265598,
        "min_size": 1.0,
        "size_increment": 1.0,
    }
    return Details(contract, **(values | more))


AAPL = stock(265598, "AAPL", long_name="APPLE INC")
SPY = stock(756733, "SPY", "ARCA", stock_type="ETF")
TENCENT = Details(
    Contract(152791428, "700", "STK", exchange="SEHK", primary_exchange="SEHK", currency="HKD", local_symbol="700"),
    min_tick=0.2,
    valid_exchanges="SEHK",
    long_name="腾讯控股有限公司及其一切附属公司",
    time_zone_id="Hongkong",
    trading_hours=HK_HOURS,
    liquid_hours=HK_HOURS,
    stock_type="COMMON",
    min_size=100.0,
    size_increment=100.0,
)
ES = future(495512563, "ES", "202512", "20251219", "CME", "50", 0.25, local_symbol="ESZ5", long_name="E-mini S&P 500")
ES_NEXT = future(551601561, "ES", "202603", "20260320", "CME", "50", 0.25, local_symbol="ESH6")
CL = future(174230596, "CL", "202601", "20251219", "NYMEX", "1000", 0.01, local_symbol="CLF6")
SI = future(1, "SI", "202603", "20260327", "COMEX", "5000", 0.005, local_symbol="SIH6")
SIL = future(2, "SI", "202603", "20260327", "COMEX", "1000", 0.005, trading_class="SIL", local_symbol="SILH6")
VX_WEEK = future(3, "VIX", "202512", "20251203", "CFE", "1000", 0.05, local_symbol="VX49")
VX = future(4, "VIX", "202512", "20251217", "CFE", "1000", 0.05, local_symbol="VXZ5")
AAPL_OPTION = option(700000001, "AAPL", "20260116", "C", 200.0)
SPX = option(700000002, "SPX", "20251121", "P", 5000.0, under_con_id=416904)
SPXW = option(700000003, "SPX", "20251121", "P", 5000.0, under_con_id=416904, trading_class="SPXW")
EUR = Details(
    Contract(12087792, "EUR", "CASH", exchange="IDEALPRO", currency="USD", local_symbol="EUR.USD"),
    min_tick=0.00005,
    valid_exchanges="IDEALPRO",
    long_name="European Monetary Union Euro",
    time_zone_id="US/Eastern",
    trading_hours="20251123:1715-20251124:1700;20251124:1715-20251125:1700",
    liquid_hours="20251123:1715-20251124:1700;20251124:1715-20251125:1700",
    min_size=1.0,
    size_increment=1.0,
)
BTC = Details(
    Contract(479624278, "BTC", "CRYPTO", exchange="PAXOS", currency="USD", local_symbol="BTC.USD"),
    min_tick=0.25,
    valid_exchanges="PAXOS",
    time_zone_id="US/Eastern",
    trading_hours="20251124:0000-20251125:0000",
    liquid_hours="20251124:0000-20251125:0000",
    min_size=0.00001,
    size_increment=0.00001,
)
VODAFONE = stock(
    98951,
    "VOD",
    "LSE",
    price_magnifier=100,
    time_zone_id="GB-Eire",
    trading_hours="20251124:0800-20251124:1630",
    liquid_hours="20251124:0800-20251124:1630",
)
US_BOND = Details(
    Contract(5, "IBCID5", "BOND", exchange="SMART", currency="USD"), sec_ids=(("ISIN", "US912828C572"),), min_tick=0.01
)
LISTED = (
    *(AAPL, SPY, TENCENT, ES, ES_NEXT, CL, SI, SIL, VX_WEEK, VX, AAPL_OPTION, SPX, SPXW, EUR, BTC, VODAFONE),
    US_BOND,
)


def answer(query: Contract, listed: tuple[Details, ...] = LISTED) -> list[Details] | Refused:
    """What TWS answers: every contract that has what the question says; 200 when there is none."""
    found = [details for details in listed if _has(details, query)]
    return found or Refused(200, "No security definition has been found for the request")


def _has(details: Details, query: Contract) -> bool:
    contract = details.contract
    if query.sec_id:
        return (query.sec_id_type, query.sec_id) in details.sec_ids
    for name in ("con_id", "symbol", "sec_type", "strike", "right", "multiplier", "currency", "local_symbol"):
        wanted = getattr(query, name)
        if wanted and wanted != getattr(contract, name):
            return False
    if query.exchange and query.exchange not in (contract.exchange, *details.valid_exchanges.split(",")):
        return False
    if query.primary_exchange and query.primary_exchange != contract.primary_exchange:
        return False
    if query.trading_class and query.trading_class != contract.trading_class:
        return False
    if re.fullmatch(r"\d{6}", query.date):
        return details.contract_month == query.date
    return not query.date or contract.date == query.date
