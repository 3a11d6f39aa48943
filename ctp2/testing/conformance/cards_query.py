"""Cards 30–59: the queries."""

# ruff: noqa: D103 — the title of a card says what its function does.

from __future__ import annotations

from typing import Any, Final

from ctp2.core.backend import Capabilities
from ctp2.core.unsupported import NOT_IN_CTP
from ctp2.ctp import methods
from ctp2.testing.conformance.cards_connect import expect_error
from ctp2.testing.conformance.client import Trader, check_chain
from ctp2.testing.conformance.model import (
    Mismatch,
    NotSupported,
    card,
    expect,
    expect_fields,
    expect_in,
    expect_true,
)
from ctp2.testing.conformance.suite import DBL_MAX, Suite
from ctp2.testing.recorder import Call

NOTHING: Final = "no-such"
UNSUPPORTED: Final = 27
UNKNOWN_CODE: Final = 16
UNKNOWN_INVESTOR: Final = 13
EXCHANGE_NAMES: Final = {
    "SHFE": "上海期货交易所",
    "INE": "上海国际能源交易中心",
    "DCE": "大连商品交易所",
    "CZCE": "郑州商品交易所",
    "CFFEX": "中国金融期货交易所",
    "GFEX": "广州期货交易所",
    "SSE": "上海证券交易所",
    "SZSE": "深圳证券交易所",
    "BSE": "北京证券交易所",
}
_LOGIN: Final = frozenset(("OnRspAuthenticate", "OnRspUserLogin", "OnRspUserLogout"))
"""What every front answers, declared or not."""


def expect_empty(trader: Trader, name: str, **filters: Any) -> None:
    """Exactly one callback: NULL, NULL, last (spec 8.1)."""
    after = trader.mark()
    calls = trader.ask(name, **filters)
    trader.barrier()
    request_id = calls[0].request_id
    calls = [call for call in trader.calls[after:] if call.request_id == request_id]
    shown = [(call.name, call.field, call.info, call.is_last) for call in calls]
    expect(f"callbacks of {name}", shown, [(trader.response(name), None, None, True)])


def expect_refused(s: Suite, name: str, number: int, **filters: Any) -> None:
    """Exactly one callback: NULL and an error, last; for fronts that differ."""
    trader = s.entered
    after = trader.mark()
    request_id = trader.ask(name, **filters)[0].request_id
    trader.barrier()
    calls = [call for call in trader.calls[after:] if call.request_id == request_id]
    expect(f"callbacks of {name}", [(call.name, call.field) for call in calls], [(trader.response(name), None)])
    expect_error(calls[0], number, own_text=s.differs(Capabilities.OWN_TEXTS))


# ------------------------------------------------------------------ instruments and markets
@card(30, "instruments: rows, NULL RspInfo, one last flag", "查合约：逐行、RspInfo 为 NULL、末行标志", "8.1", "login")
def instruments(s: Suite) -> None:
    if s.settings.instrument or s.differs(Capabilities.ROUTES_BY_CODE):
        # A front may list what was asked for.
        expect_true("the instrument", s.instrument, s.settings.instrument or "one that is listed if asked for")
    rows = s.entered.rows("ReqQryInstrument")
    expect_true("rows", rows, rows, "at least one")
    keys = [(row.ExchangeID, row.InstrumentID) for row in rows]
    expect("instruments that come twice", len(keys) - len(set(keys)), 0)


@card(31, "instrument filters: code, exchange, product", "查合约：按代码、交易所、品种筛选", "8.3", "login")
def instrument_filters(s: Suite) -> None:
    row, trader = s.instrument, s.entered
    for name in ("InstrumentID", "ExchangeID", "ProductID"):
        value = getattr(row, name)
        if not value:
            continue
        found = trader.rows("ReqQryInstrument", **{name: value})
        expect_true(f"{name}={value}: its own row", row.InstrumentID in [r.InstrumentID for r in found], found)
        expect(f"{name}={value}: other values", sorted({getattr(r, name) for r in found} - {value}), [])


@card(
    32,
    "an unknown instrument: one callback, NULL NULL last",
    "查无此合约：仅一次回调 NULL NULL last",
    "8.1",
    "login",
    essential=True,
)
def unknown_instrument(s: Suite) -> None:
    if s.differs(Capabilities.REFUSES_UNKNOWN):
        expect_refused(s, "ReqQryInstrument", UNKNOWN_CODE, InstrumentID=NOTHING)
    else:
        expect_empty(s.entered, "ReqQryInstrument", InstrumentID=NOTHING)


@card(33, "an instrument's row is complete", "合约字段完整", "8.4", "market")
def instrument_row(s: Suite) -> None:
    row = s.instrument
    expect_true("VolumeMultiple", row.VolumeMultiple > 0, row.VolumeMultiple, "above 0")
    expect_true("PriceTick", 0 < row.PriceTick < DBL_MAX, row.PriceTick, "above 0")
    kind = "1" if s.differs(Capabilities.NETS) else "2"
    expect_fields("instrument", row, IsTrading=1, InstLifePhase="1", PositionType=kind)
    expect("PositionDateType", row.PositionDateType, "1" if row.ExchangeID in ("SHFE", "INE") else "2")
    for name in ("ExchangeID", "ExchangeInstID", "ProductID"):
        expect_true(name, getattr(row, name), getattr(row, name), "filled")
    low, high = row.MinLimitOrderVolume, row.MaxLimitOrderVolume
    expect_true("MinLimitOrderVolume, MaxLimitOrderVolume", 0 < low <= high, (low, high), "0 < min ≤ max")
    if row.ProductClass == "1":
        expect_fields("futures", row, OptionsType="")
        expect_in("StrikePrice", row.StrikePrice, (DBL_MAX, 0.0))


@card(
    34,
    "classified instruments: futures alone",
    "分类查合约：只查期货",
    "8.3",
    "login",
    needs=("ReqQryClassifiedInstrument",),
)
def classified(s: Suite) -> None:
    rows = s.entered.rows("ReqQryClassifiedInstrument", TradingType="1", ClassType="1")
    expect("ProductClass of the rows", sorted({row.ProductClass for row in rows} - {"1"}), [])
    if s.instrument.ProductClass == "1":
        expect_true("the instrument", s.instrument.InstrumentID in [r.InstrumentID for r in rows], rows, "among them")


@card(35, "products: the instrument's own", "查品种", "8.3", "login", needs=("ReqQryProduct",))
def products(s: Suite) -> None:
    row = s.instrument
    rows = s.entered.rows("ReqQryProduct", ProductID=row.ProductID)
    expect("rows", [product.ProductID for product in rows], [row.ProductID])
    wanted = {name: getattr(row, name) for name in ("ExchangeID", "VolumeMultiple", "PriceTick", "ProductClass")}
    expect_fields("product", rows[0], **wanted)


@card(36, "exchanges: CTP's names and properties", "查交易所：名称与属性", "8.3", "login", needs=("ReqQryExchange",))
def exchanges(s: Suite) -> None:
    rows = s.entered.rows("ReqQryExchange")
    expect_true("the instrument's exchange", s.instrument.ExchangeID in [r.ExchangeID for r in rows], rows, "a row")
    for row in rows:
        expect(
            f"ExchangeName of {row.ExchangeID}", row.ExchangeName, EXCHANGE_NAMES.get(row.ExchangeID, row.ExchangeName)
        )
        expect(f"ExchangeProperty of {row.ExchangeID}", row.ExchangeProperty, "1" if row.ExchangeID == "DCE" else "0")
    one = s.entered.rows("ReqQryExchange", ExchangeID=s.instrument.ExchangeID)
    expect("rows of one exchange", [row.ExchangeID for row in one], [s.instrument.ExchangeID])


@card(
    37,
    "depth by query: one row, ExchangeID filled",
    "查行情：一行，ExchangeID 有值",
    "8.3",
    "market",
    needs=("ReqQryDepthMarketData",),
)
def depth(s: Suite) -> None:
    row = s.instrument
    rows = s.entered.rows("ReqQryDepthMarketData", InstrumentID=row.InstrumentID)
    expect("rows", len(rows), 1)
    expect_fields("depth", rows[0], InstrumentID=row.InstrumentID, ExchangeID=row.ExchangeID)
    expect_true("PreSettlementPrice", 0 < rows[0].PreSettlementPrice < DBL_MAX, rows[0].PreSettlementPrice, "a price")


# ------------------------------------------------------------------ the account's
@card(38, "the trading account is one row", "查资金：一行", "6, 8.3", "login", essential=True)
def account(s: Suite) -> None:
    trader = s.entered
    rows = trader.rows("ReqQryTradingAccount", **trader.who)
    expect("rows", len(rows), 1)
    expect_fields("account", rows[0], BrokerID=trader.broker, AccountID=trader.user, SettlementID=1)
    expect("TradingDay", rows[0].TradingDay, trader.api.GetTradingDay())
    expect_in("CurrencyID", rows[0].CurrencyID, ("CNY", "HKD", "USD"))


@card(39, "an account of an unknown currency is empty", "查不存在的币种：空结果", "8.1", "login", essential=True)
def account_of_no_currency(s: Suite) -> None:
    expect_empty(s.entered, "ReqQryTradingAccount", **s.entered.who, CurrencyID="XXX")


@card(40, "a position that is not there: one callback", "无持仓：仅一次空回调", "8.1", "login", essential=True)
def no_position(s: Suite) -> None:
    expect_empty(s.entered, "ReqQryInvestorPosition", **s.entered.who, InstrumentID=NOTHING)


@card(41, "an order that is not there: one callback", "查无此单：仅一次空回调", "8.1", "login", essential=True)
def no_order(s: Suite) -> None:
    expect_empty(s.entered, "ReqQryOrder", **s.entered.who, OrderSysID=NOTHING)


@card(42, "a trade that is not there: one callback", "查无此成交：仅一次空回调", "8.1", "login", essential=True)
def no_trade(s: Suite) -> None:
    expect_empty(s.entered, "ReqQryTrade", **s.entered.who, TradeID=NOTHING)


@card(43, "empty BrokerID and InvestorID mean the login's user", "经纪公司与投资者留空即登录用户", "8.3", "login")
def own_by_default(s: Suite) -> None:
    named = s.entered.rows("ReqQryTradingAccount", **s.entered.who)
    blank = s.entered.rows("ReqQryTradingAccount")
    expect("AccountID", [row.AccountID for row in blank], [row.AccountID for row in named])


@card(44, "another investor's rows are not shown", "查他人账户：空结果", "8.1", "login")
def not_anothers(s: Suite) -> None:
    for name in ("ReqQryTradingAccount", "ReqQryInvestorPosition", "ReqQryOrder"):
        if s.differs(Capabilities.OWN_ACCOUNT):
            expect_refused(s, name, UNKNOWN_INVESTOR, BrokerID=s.entered.broker, InvestorID=NOTHING)
        else:
            expect_empty(s.entered, name, BrokerID=s.entered.broker, InvestorID=NOTHING)


def _rate_row(s: Suite, name: str, **more: Any) -> Any:
    row = s.instrument
    rows = s.entered.rows(name, **s.entered.who, InstrumentID=row.InstrumentID, **more)
    expect(f"rows of {name}", len(rows), 1)
    expect_in("InstrumentID of the rate", rows[0].InstrumentID, (row.InstrumentID, row.ProductID))
    expect_in("InvestorRange", rows[0].InvestorRange, ("1", "2", "3"))
    return rows[0]


@card(
    45,
    "margin rate: one row, absolute",
    "查保证金率：一行，绝对值",
    "7.1, 7.5",
    "login",
    needs=("ReqQryInstrumentMarginRate",),
)
def margin_rate(s: Suite) -> None:
    row = _rate_row(s, "ReqQryInstrumentMarginRate", HedgeFlag="1")
    expect_fields("margin rate", row, HedgeFlag="1", IsRelative=0, **s.entered.who)
    for side in ("Long", "Short"):
        money, volume = getattr(row, f"{side}MarginRatioByMoney"), getattr(row, f"{side}MarginRatioByVolume")
        expect_true(f"{side} margin", money > 0 or volume > 0, (money, volume), "above 0")


@card(46, "commission rate: one row", "查手续费率：一行", "7.5", "login", needs=("ReqQryInstrumentCommissionRate",))
def commission_rate(s: Suite) -> None:
    row = _rate_row(s, "ReqQryInstrumentCommissionRate")
    for name in ("Open", "Close", "CloseToday"):
        pair = getattr(row, f"{name}RatioByMoney"), getattr(row, f"{name}RatioByVolume")
        expect_true(f"{name} rates", min(pair) >= 0 and max(pair) < DBL_MAX, pair, "0 or more")


@card(
    47,
    "a rate query without an instrument: what is held",
    "费率查询合约留空：只返回持仓合约",
    "7.5",
    needs=("ReqQryInstrumentMarginRate", "ReqQryInstrumentCommissionRate"),
)
def blank_rates(s: Suite) -> None:
    positions = s.trader.rows("ReqQryInvestorPosition", **s.trader.who)
    held = {row.InstrumentID for row in positions if row.Position}
    rows = s.trader.rows("ReqQryInstrumentMarginRate", **s.trader.who, HedgeFlag="1")
    expect("instruments of the rows", len(rows), len(held))


@card(48, "exchange margin rate", "查交易所保证金率", "8.3", "login", needs=("ReqQryExchangeMarginRate",))
def exchange_rate(s: Suite) -> None:
    row = s.instrument
    rows = s.entered.rows(
        "ReqQryExchangeMarginRate", BrokerID=s.entered.broker, InstrumentID=row.InstrumentID, HedgeFlag="1"
    )
    expect("rows", len(rows), 1)
    expect_fields("rate", rows[0], InstrumentID=row.InstrumentID, HedgeFlag="1")


@card(49, "broker's trading parameters", "查经纪公司交易参数", "8.3", "login", needs=("ReqQryBrokerTradingParams",))
def trading_params(s: Suite) -> None:
    rows = s.entered.rows("ReqQryBrokerTradingParams", **s.entered.who)
    expect("rows", len(rows), 1)
    expect_in("MarginPriceType", rows[0].MarginPriceType, tuple("1234"))
    expect_in("Algorithm", rows[0].Algorithm, tuple("1234"))
    expect_in("AvailIncludeCloseProfit", rows[0].AvailIncludeCloseProfit, tuple("02"))


@card(50, "the investor", "查投资者", "8.3", "login", needs=("ReqQryInvestor",))
def investor(s: Suite) -> None:
    rows = s.entered.rows("ReqQryInvestor", **s.entered.who)
    expect("rows", len(rows), 1)
    expect_fields("investor", rows[0], **s.entered.who, IsActive=1)


@card(51, "trading codes per exchange", "查交易编码", "8.3", "login", needs=("ReqQryTradingCode",))
def trading_codes(s: Suite) -> None:
    exchange = s.instrument.ExchangeID
    rows = s.entered.rows("ReqQryTradingCode", **s.entered.who, ExchangeID=exchange)
    expect_true("rows", rows, rows, "at least one")
    expect("ExchangeID", {row.ExchangeID for row in rows}, {exchange})
    expect_true("ClientID", all(row.ClientID for row in rows), rows, "filled")


@card(
    52,
    "greatest order volume: RspInfo is not NULL",
    "查最大报单量：RspInfo 非 NULL",
    "1.10, 8.3",
    "futures",
)
def max_volume(s: Suite) -> None:
    asked = {"InstrumentID": s.instrument.InstrumentID, "Direction": "0", "OffsetFlag": "0", "HedgeFlag": "1"}
    # It had another name before 6.5.1.
    names = [name for name in ("ReqQryMaxOrderVolume", "ReqQueryMaxOrderVolume") if s.supports(name)]
    if not names:
        raise NotSupported("not declared: ReqQryMaxOrderVolume")
    calls = s.trader.ask(names[0], **s.trader.who, **asked)
    expect("callbacks", len(calls), 1)
    expect_true("pRspInfo", calls[0].info is not None, "NULL", "non-NULL")
    expect("ErrorID", calls[0].error_id, 0)
    expect_fields("answer", calls[0].field, **asked)
    maximum = calls[0].field.MaxVolume
    expect_true("MaxVolume", 0 < maximum <= s.instrument.MaxLimitOrderVolume, maximum, "1 … MaxLimitOrderVolume")


@card(
    53,
    "the statement's chunks join to GBK text",
    "结算单分段拼接后可按 GBK 解码",
    "11.1",
    needs=("ReqQrySettlementInfo",),
)
def statement(s: Suite) -> None:
    rows = s.trader.rows("ReqQrySettlementInfo", **s.trader.who)
    numbers = [row.SequenceNo for row in rows]
    expect("SequenceNo", numbers, list(range(numbers[0], numbers[0] + len(numbers))) if numbers else [])
    text = b"".join(row.Content for row in rows)
    try:
        text.decode("gbk")
    except UnicodeDecodeError as error:
        expect("the joined Content", f"no GBK text at byte {error.start}", "GBK text")


# ------------------------------------------------------------------ chains
@card(
    54,
    "a second query in flight returns −2; it clears",
    "查询未完成时返回 −2，完成后恢复",
    "1.3, 8.2",
    "login",
    essential=True,
)
def in_flight(s: Suite) -> None:
    trader = s.new_trader(login=True)
    taken: list[int] = []

    def ask_twice(call: Call) -> None:
        # The thread that would deliver the answer is here: the first query cannot have ended before the second.
        if call.name == "OnRspQryTrade" and not taken:
            taken.append(trader.call("ReqQryTradingAccount", trader.build("ReqQryTradingAccount", trader.who), 77011))
            taken.append(trader.call("ReqQryOrder", trader.build("ReqQryOrder", trader.who), 77012))

    trader.hook = ask_twice
    trader.ask("ReqQryTrade", **trader.who, TradeID=NOTHING)
    first = trader.wait("the first query completes", lambda call: call.request_id == 77011 and call.is_last)
    expect("what the two queries returned", taken, [0, -2])
    expect("answer to the first", first.name, "OnRspQryTradingAccount")
    trader.rows("ReqQryInvestorPosition", **trader.who)
    expect("answers to the refused one", [call for call in trader.calls if call.request_id == 77012], [])


@card(55, "nRequestID is echoed, also negative and used twice", "nRequestID 原样返回，可为负、可重复", "1.3", "login")
def request_ids(s: Suite) -> None:
    trader = s.new_trader(login=True)
    for request_id in (-5, 0, 2147483647, 7, 7):
        after = trader.mark()
        trader.call("ReqQryTradingAccount", trader.build("ReqQryTradingAccount", trader.who), request_id)
        call = trader.wait("OnRspQryTradingAccount", "OnRspQryTradingAccount", after)
        expect("nRequestID", call.request_id, request_id)


def _undeclared(s: Suite, *, queries: bool) -> list[methods.Method]:
    if s.declared is None:
        raise NotSupported("the backend does not tell what it serves")
    return [
        method
        for method in methods.TRADER.values()
        if method.is_query == queries and method.name not in s.declared and method.response not in _LOGIN
    ]


@card(56, "a query that is not served has the empty result", "不支持的查询：空结果", "8.1, 8.3")
def other_queries(s: Suite) -> None:
    trader = s.trader
    for method in _undeclared(s, queries=True):
        if not method.response:
            continue
        calls = trader.ask(method.name)
        if method.name in NOT_IN_CTP:
            expect(f"error of {method.name}", [call.error_id for call in calls], [UNSUPPORTED])
            continue
        check_chain(method.name, method.response, calls)
        expect(f"rows of {method.name}", [call.field for call in calls], [None])


@card(
    57,
    "a request that is not served: own OnRsp and OnErrRtn with 27",
    "不支持的请求：应答与错误回报，错误 27",
    "1.10, 13",
)
def other_requests(s: Suite) -> None:
    # A session of its own: whether such an error return is kept in the private stream is not this card's subject.
    trader = s.new_trader(login=True)
    for method in _undeclared(s, queries=False):
        after = trader.mark()
        calls = trader.ask(method.name)
        numbers = [(call.name, call.error_id) for call in calls]
        expect(f"answer to {method.name}", numbers, [(method.response or "OnRspError", UNSUPPORTED)])
        if method.err_rtn:
            call = trader.wait(f"{method.err_rtn} for {method.name}", method.err_rtn, after)
            expect(f"error of {method.err_rtn}", call.error_id, UNSUPPORTED)


@card(
    58,
    "every query of the day completes while orders come",
    "有报单回报时查询照样完整",
    "8.1, 2.2",
    "market",
)
def interleaved(s: Suite) -> None:
    order = s.insert()
    rows = s.trader.rows("ReqQryInstrument")
    order.rests()
    order.cancel()
    if s.instrument.InstrumentID not in [row.InstrumentID for row in rows]:
        raise Mismatch("the instrument", "among the rows", len(rows))
