"""Every query of every revision, and the filters of those that have rows (spec ctp-semantics 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctp2.ctp import methods, schema
from ctp2.ctp import structs as s
from ctp2.testing import Call
from ctp2.tts import counter
from ctp2.tts.queries import QUERIES
from tests.tts.programs import FIRST, Trader, address_of, is_order

QUERY_NAMES = sorted(
    {
        method["name"]
        for version in schema.VERSIONS
        for name, listed in schema.load(version)["classes"].items()
        if name == "CThostFtdcTraderApi"
        for method in listed
        if method["name"].startswith(("ReqQry", "ReqQuery"))
    }
)
"""Every ReqQry… and ReqQuery… of all sixteen revisions."""

ALONE = {
    "ReqQryMaxOrderVolume": 0,
    "ReqQueryMaxOrderVolume": 0,
    "ReqQueryCFMMCTradingAccountToken": 155,
    "ReqQueryBankAccountMoneyByFuture": 2000,
    "ReqQryInvestUnit": 27,
}
"""Queries that are answered by one callback with RspInfo, and its ErrorID."""


@pytest.fixture(scope="module")
def trader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trader]:
    """Alice with a position in rb2105 and IF2101 and a working order in m2105."""
    rates = tmp_path_factory.mktemp("rates") / "rates.csv"
    rates.write_text(
        "exchange,product,instrument,open_by_volume,order_by_volume,cancel_by_volume\nSHFE,rb,,3,,\nDCE,,m2105,2,0.5,1\n",
        encoding="utf-8",
    )
    address = address_of(tmp_path_factory.mktemp("day"), f"&rates={rates}")
    client = Trader(address).start()
    counter(address).step(FIRST)
    client.fill("rb2105", 4310.0, 2)
    client.fill("IF2101", 5300.0)
    client.rest("m2105", 3390.0)
    yield client
    client.api.Release()


def shown(calls: list[Call]) -> list[tuple[Any, ...]]:
    return [(call.field is None, call.error_id if call.info else None, call.is_last) for call in calls]


def test_the_table_is_whole() -> None:
    assert len(schema.VERSIONS) == 16
    assert len(QUERY_NAMES) >= 90
    assert set(QUERY_NAMES) <= methods.TRADER.keys()
    assert QUERIES.keys() <= set(QUERY_NAMES)


@pytest.mark.proves("8.1 every query", "8.3 InvestUnit", "8.1 chain", "8.1 no rows")
@pytest.mark.parametrize("name", QUERY_NAMES)
def test_every_query_ends_in_one_last_callback(trader: Trader, name: str) -> None:
    """Rows with NULL RspInfo and one last flag, or one (NULL, NULL, last); never silence (spec 8.1)."""
    calls = trader.ask(name)
    method = methods.TRADER[name]
    assert {call.name for call in calls} == {method.response}
    if name in ALONE:
        assert [(call.error_id, call.is_last) for call in calls] == [(ALONE[name], True)]
        assert calls[0].info is not None
        return
    assert [call.is_last for call in calls] == [False] * (len(calls) - 1) + [True]
    assert all(call.info is None for call in calls)
    if len(calls) == 1 and calls[0].field is None:
        return
    assert {type(call.field).__name__ for call in calls} == {method.response_struct}


NO_ROWS = """
ReqQrySettlementInfo ReqQryNotice ReqQryTradingNotice ReqQryTransferBank ReqQryContractBank ReqQryAccountregister
ReqQryTransferSerial ReqQryCFMMCTradingAccountKey ReqQryEWarrantOffset ReqQryProductExchRate ReqQryProductGroup
ReqQryExchangeRate ReqQryCombPromotionParam ReqQryTraderOffer ReqQryInvestorInfoCommRec
""".split()
FAMILIES = ("SecAgent", "MM", "RiskSettle", "SPBM", "SPMM", "RCAMS", "RULE", "InvestorPortf", "InvestorProd")


def is_empty_by_table(name: str) -> bool:
    if name == "ReqQryInvestorProductGroupMargin":
        return False
    return name in NO_ROWS or any(name.startswith(f"ReqQry{family}") for family in FAMILIES)


@pytest.mark.proves("8.3 Notice", "8.3 EWarrantOffset", "8.3 CFMMCTradingAccountKey", "8.3 TransferBank", "8.1 no rows")
@pytest.mark.parametrize("name", [name for name in QUERY_NAMES if is_empty_by_table(name)])
def test_what_the_table_calls_empty_is_one_null_callback(trader: Trader, name: str) -> None:
    assert shown(trader.ask(name)) == [(True, None, True)]


def values(trader: Trader, name: str, member: str, **filters: Any) -> list[Any]:
    return [getattr(row, member) for row in trader.rows(name, **filters)]


CODES = ["IF2101", "rb2105", "m2105", "TA105"]
"""The order of the recorded file, in which each instrument comes first."""

FILTERS: list[tuple[str, str, dict[str, Any], list[Any]]] = [
    ("ReqQryInstrument", "InstrumentID", {}, CODES),
    ("ReqQryInstrument", "InstrumentID", {"ExchangeID": "DCE"}, ["m2105"]),
    ("ReqQryInstrument", "InstrumentID", {"InstrumentID": "rb2105"}, ["rb2105"]),
    ("ReqQryInstrument", "InstrumentID", {"InstrumentID": "rb2105", "ExchangeID": "DCE"}, []),
    ("ReqQryInstrument", "InstrumentID", {"ProductID": "IF"}, ["IF2101"]),
    ("ReqQryInstrument", "InstrumentID", {"ExchangeInstID": "TA105"}, ["TA105"]),
    ("ReqQryInstrument", "InstrumentID", {"InstrumentID": "RB2105"}, []),
    ("ReqQryClassifiedInstrument", "InstrumentID", {"TradingType": "0", "ClassType": "0"}, CODES),
    ("ReqQryClassifiedInstrument", "InstrumentID", {"TradingType": "1", "ClassType": "1"}, CODES),
    ("ReqQryClassifiedInstrument", "InstrumentID", {"TradingType": "2"}, []),
    ("ReqQryClassifiedInstrument", "InstrumentID", {"ClassType": "2"}, []),
    ("ReqQryClassifiedInstrument", "InstrumentID", {"ClassType": "9"}, []),
    ("ReqQryClassifiedInstrument", "InstrumentID", {"ClassType": "1", "ExchangeInstID": "TA105"}, ["TA105"]),
    ("ReqQryDepthMarketData", "InstrumentID", {}, CODES),
    ("ReqQryDepthMarketData", "InstrumentID", {"InstrumentID": "m2105"}, ["m2105"]),
    ("ReqQryDepthMarketData", "InstrumentID", {"InstrumentID": "m2105", "ExchangeID": "SHFE"}, ["m2105"]),
    ("ReqQryDepthMarketData", "InstrumentID", {"ProductClass": "1"}, CODES),
    ("ReqQryDepthMarketData", "InstrumentID", {"ProductClass": "2"}, []),
    ("ReqQryProduct", "ProductID", {}, ["IF", "rb", "m", "TA"]),
    ("ReqQryProduct", "ProductID", {"ProductID": "rb"}, ["rb"]),
    ("ReqQryProduct", "ProductID", {"ExchangeID": "CZCE"}, ["TA"]),
    ("ReqQryProduct", "ProductID", {"ProductClass": "3"}, []),
    ("ReqQryExchange", "ExchangeID", {"ExchangeID": "INE"}, ["INE"]),
    ("ReqQryExchange", "ExchangeID", {"ExchangeID": "XXX"}, []),
    ("ReqQryExchangeMarginRate", "InstrumentID", {"InstrumentID": "m2105"}, ["m2105"]),
    ("ReqQryExchangeMarginRate", "HedgeFlag", {"InstrumentID": "m2105", "HedgeFlag": "3"}, ["3"]),
    ("ReqQryExchangeMarginRate", "HedgeFlag", {"InstrumentID": "m2105"}, ["1"]),
    ("ReqQryExchangeMarginRate", "HedgeFlag", {"InstrumentID": "m2105", "HedgeFlag": "9"}, []),
    ("ReqQryExchangeMarginRateAdjust", "InstrumentID", {"InstrumentID": "rb2105"}, ["rb2105"]),
    ("ReqQryInstrumentMarginRate", "InstrumentID", {"InstrumentID": "TA105"}, ["TA105"]),
    ("ReqQryInstrumentMarginRate", "InstrumentID", {"InstrumentID": "TA105", "ExchangeID": "DCE"}, ["TA105"]),
    ("ReqQryInstrumentMarginRate", "InstrumentID", {}, ["rb2105", "IF2101"]),
    ("ReqQryInstrumentMarginRate", "InstrumentID", {"InstrumentID": "TA105", "HedgeFlag": "9"}, []),
    ("ReqQryInstrumentMarginRate", "InstrumentID", {"InvestorID": "bob", "InstrumentID": "TA105"}, []),
    ("ReqQryInstrumentCommissionRate", "InstrumentID", {"InstrumentID": "rb2105"}, ["rb"]),
    ("ReqQryInstrumentCommissionRate", "InstrumentID", {"InstrumentID": "m2105"}, ["m2105"]),
    ("ReqQryInstrumentCommissionRate", "InstrumentID", {}, ["rb", "IF"]),
    ("ReqQryInstrumentCommissionRate", "InvestorRange", {"InstrumentID": "rb2105"}, ["1"]),
    ("ReqQryInstrumentOrderCommRate", "OrderCommByVolume", {"InstrumentID": "m2105"}, [0.5]),
    ("ReqQryInstrumentOrderCommRate", "OrderActionCommByVolume", {"InstrumentID": "m2105"}, [1.0]),
    ("ReqQryInstrumentOrderCommRate", "InstrumentID", {"InstrumentID": "rb2105"}, []),
    ("ReqQryInvestorProductGroupMargin", "ProductGroupID", {}, ["rb", "IF"]),
    ("ReqQryInvestorProductGroupMargin", "ProductGroupID", {"ProductGroupID": "IF"}, ["IF"]),
    ("ReqQryInvestorProductGroupMargin", "ProductGroupID", {"HedgeFlag": "3"}, []),
    ("ReqQryBrokerTradingParams", "Algorithm", {}, ["2"]),
    ("ReqQryBrokerTradingParams", "Algorithm", {"InvestorID": "bob"}, []),
    ("ReqQryBrokerTradingAlgos", "HandlePositionAlgoID", {}, ["1", "1", "2", "3"]),
    ("ReqQryBrokerTradingAlgos", "ExchangeID", {"ExchangeID": "CZCE"}, ["CZCE"]),
    ("ReqQryInvestor", "InvestorName", {}, ["alice"]),
    ("ReqQryInvestor", "InvestorName", {"InvestorID": "bob"}, []),
    ("ReqQryTradingCode", "ClientIDType", {"ExchangeID": "SHFE"}, ["1", "2", "3"]),
    ("ReqQryTradingCode", "ClientID", {"ExchangeID": "SHFE", "ClientIDType": "9"}, ["alice"] * 3),
    ("ReqQryTradingCode", "ClientID", {"ExchangeID": "XXX"}, []),
    ("ReqQryInvestorPosition", "InstrumentID", {"ExchangeID": "DCE"}, ["rb2105", "IF2101"]),
    ("ReqQryInvestorPosition", "InstrumentID", {"InstrumentID": "IF2101"}, ["IF2101"]),
    ("ReqQryInvestorPositionDetail", "InstrumentID", {"InstrumentID": "rb2105"}, ["rb2105"]),
    ("ReqQryOrder", "InstrumentID", {}, ["rb2105", "IF2101", "m2105"]),
    ("ReqQryOrder", "InstrumentID", {"ExchangeID": "DCE"}, ["m2105"]),
    ("ReqQryOrder", "InstrumentID", {"InsertTimeStart": "23:00:00"}, []),
    ("ReqQryOrder", "InstrumentID", {"InsertTimeEnd": "01:00:00"}, []),
    ("ReqQryOrder", "InstrumentID", {"InvestorID": "bob"}, []),
    ("ReqQryTrade", "InstrumentID", {"InstrumentID": "IF2101"}, ["IF2101"]),
    ("ReqQryTrade", "InstrumentID", {"TradeID": "99999"}, []),
    ("ReqQryTrade", "InstrumentID", {"TradeTimeStart": "23:00:00"}, []),
    ("ReqQrySettlementInfo", "TradingDay", {"TradingDay": "20210101"}, []),
    ("ReqQrySettlementInfo", "TradingDay", {"TradingDay": "202101"}, []),
    ("ReqQrySettlementInfoConfirm", "InvestorID", {}, ["alice"]),
    ("ReqQrySettlementInfoConfirm", "InvestorID", {"InvestorID": "bob"}, []),
    ("ReqQryTradingAccount", "CurrencyID", {}, ["CNY"]),
    ("ReqQryTradingAccount", "CurrencyID", {"CurrencyID": "USD"}, ["USD"]),
    ("ReqQryTradingAccount", "CurrencyID", {"CurrencyID": "EUR"}, []),
]
"""Query, member looked at, filters, what the rows show in their order."""


@pytest.mark.proves(
    "7.5 rate queries",
    "8.1 filters",
    "8.1 row order",
    "8.3 InstrumentMarginRate",
    "8.3 ExchangeMarginRate",
    "8.3 InvestorProductGroupMargin",
    "8.3 Exchange",
    "8.3 Product",
    "8.3 Investor",
    "8.3 TradingCode",
    "8.3 SettlementInfoConfirm",
    "8.3 BrokerTradingParams",
    "8.3 ClassifiedInstrument",
    "7.5 rate queries",
    "7.5 order/cancel fee",
)
@pytest.mark.parametrize(("name", "member", "filters", "wanted"), FILTERS, ids=str)
def test_filters(trader: Trader, name: str, member: str, filters: dict[str, Any], wanted: list[Any]) -> None:
    got = values(trader, name, member, **filters)
    if name == "ReqQryInvestorPosition" and "ExchangeID" in filters:
        got = [code for code in got if code != "m2105"]  # the row of the working order
    assert got == wanted


@pytest.mark.proves("8.3 Product")
def test_a_product_has_all_its_members(trader: Trader) -> None:
    (row,) = trader.rows("ReqQryProduct", ProductID="rb")
    assert (row.ProductName, row.ExchangeID, row.ProductClass) == ("螺纹钢", "SHFE", "1")
    assert (row.VolumeMultiple, row.PriceTick, row.TradeCurrencyID) == (10, 1.0, "CNY")
    assert (row.PositionType, row.PositionDateType, row.CloseDealType) == ("2", "1", "0")
    assert (row.MortgageFundUseRange, row.UnderlyingMultiple) == ("0", 1.0)
    assert (row.ExchangeProductID, row.OpenLimitControlLevel, row.OrderFreqControlLevel) == ("rb", "0", "0")
    assert row.MaxLimitOrderVolume >= row.MinLimitOrderVolume >= 1
    assert len(row.__struct_fields__) == 21


@pytest.mark.proves("8.3 Exchange")
def test_the_ten_exchanges_have_ctps_names(trader: Trader) -> None:
    names = {row.ExchangeID: (row.ExchangeName, row.ExchangeProperty) for row in trader.rows("ReqQryExchange")}
    assert names["SHFE"] == ("上海期货交易所", "0")
    assert names["DCE"] == ("大连商品交易所", "1")
    assert names["GFEX"] == ("广州期货交易所", "0")
    assert names["BSE"] == ("北京证券交易所", "0")
    assert len(names) >= 10


@pytest.mark.proves("8.1 row order")
def test_details_come_in_the_order_of_their_opening(tmp_path: Path) -> None:
    address = address_of(tmp_path)
    client = Trader(address).start()
    counter(address).step(FIRST)
    client.fill("rb2105", 4310.0)
    client.fill("IF2101", 5300.0)
    client.fill("rb2105", 4290.0, Direction="1")
    client.fill("rb2105", 4310.0)
    counter(address).carry("alice", "DCE", "m2105", 1, 3380.0)
    shown = [(row.InstrumentID, row.Direction) for row in client.rows("ReqQryInvestorPositionDetail")]
    assert shown == [("m2105", "0"), ("rb2105", "0"), ("IF2101", "0"), ("rb2105", "1"), ("rb2105", "0")]
    client.api.Release()


@pytest.mark.proves("8.3 InvestorProductGroupMargin", "7.2 SHFE")
def test_product_group_margin_is_the_larger_side(trader: Trader) -> None:
    """Two long rb2105 and nothing short: the group uses the long side, and that is what the account pays for rb."""
    (row,) = trader.rows("ReqQryInvestorProductGroupMargin", ProductGroupID="rb")
    (position,) = trader.rows("ReqQryInvestorPosition", InstrumentID="rb2105")
    assert row.UseMargin == row.LongUseMargin == position.UseMargin > 0
    assert (row.ShortUseMargin, row.FrozenMargin) == (0.0, 0.0)
    assert (row.ExchMargin, row.Commission) == (position.ExchangeMargin, position.Commission)
    assert row.PositionProfit == position.PositionProfit


@pytest.mark.proves("8.3 MaxOrderVolume")
@pytest.mark.parametrize("name", ["ReqQryMaxOrderVolume", "ReqQueryMaxOrderVolume"])
def test_greatest_order_volume(trader: Trader, name: str) -> None:
    (account,) = trader.rows("ReqQryTradingAccount")
    (rate,) = trader.rows("ReqQryInstrumentMarginRate", InstrumentID="IF2101")
    (instrument,) = trader.rows("ReqQryInstrument", InstrumentID="IF2101")
    # One lot at the pre-settlement price 5216.2 of the day, multiplier 300, without fee (spec 8.3).
    lots = int(account.Available // (5216.2 * 300 * rate.LongMarginRatioByMoney))
    (answer,) = trader.ask(name, InstrumentID="IF2101", Direction="0", OffsetFlag="0", HedgeFlag="1")
    assert answer.field.MaxVolume == min(lots, instrument.MaxLimitOrderVolume)
    (answer,) = trader.ask(name, InstrumentID="rb2105", Direction="1", OffsetFlag="3", HedgeFlag="1")
    assert answer.field.MaxVolume == 2
    (answer,) = trader.ask(name, InstrumentID="rb2105", Direction="1", OffsetFlag="1", HedgeFlag="1")
    assert answer.field.MaxVolume == 0
    (answer,) = trader.ask(name, InstrumentID="nothing", Direction="0", OffsetFlag="0")
    assert (answer.field.MaxVolume, answer.error_id) == (0, 0)


@pytest.mark.proves("7.1 MarginPriceType")
def test_margin_is_at_the_price_that_the_parameters_say(trader: Trader) -> None:
    """MarginPriceType 4: today's two lots of rb2105 are margined at what they were opened at, whatever the last price.

    Filled at the ask 4301 (market making): 2 x 4301 x 10 x the rate.
    """
    (params,) = trader.rows("ReqQryBrokerTradingParams")
    assert params.MarginPriceType == "4"
    (rate,) = trader.rows("ReqQryInstrumentMarginRate", InstrumentID="rb2105")
    (depth,) = trader.rows("ReqQryDepthMarketData", InstrumentID="rb2105")
    (position,) = trader.rows("ReqQryInvestorPosition", InstrumentID="rb2105")
    assert depth.LastPrice == 4300.0
    assert position.UseMargin == pytest.approx(2 * 4301 * 10 * rate.LongMarginRatioByMoney, abs=1e-6)


@pytest.mark.proves("8.1 snapshot", "8.3 vnpy")
def test_what_arrives_during_a_chain_is_not_added(tmp_path: Path) -> None:
    """And the order in which vn.py asks: instruments after the confirmation, then account and positions in turn."""

    def send_another(call: Call) -> None:
        if call.name == "OnRspQryOrder" and call.request_id == 99:
            client.api.ReqOrderInsert(client.order("rb2105", 4281.0), 100)

    address = address_of(tmp_path)
    client = Trader(address, on_call=send_another).start()
    counter(address).step(FIRST)
    assert [row.InstrumentID for row in client.rows("ReqQryInstrument")] == CODES
    for price in (4280.0, 4279.0):
        client.rest("rb2105", price)
    assert client.api.ReqQryOrder(s.CThostFtdcQryOrderField(), 99) == 0
    chain = client.spi.answer(99)
    assert [(call.field.LimitPrice, call.is_last) for call in chain] == [(4280.0, False), (4279.0, True)]
    client.spi.wait_for(lambda call: is_order("3")(call) and call.field.LimitPrice == 4281.0, count=2)
    assert len(client.rows("ReqQryOrder")) == 4, "two more came while the rows were delivered"
    for _ in range(3):
        (account,) = client.rows("ReqQryTradingAccount")
        (position,) = client.rows("ReqQryInvestorPosition")
        assert (account.AccountID, position.InvestorID) == ("alice", "alice"), "empty members mean the login's user"
    client.api.Release()


@pytest.mark.proves("12.1 OnRtnTradingNotice")
def test_the_simulator_sends_no_notices(trader: Trader) -> None:
    assert not {"OnRtnTradingNotice", "OnRtnBulletin"} & set(trader.spi.names)


@pytest.mark.proves("8.3 InvestUnit")
def test_logins_that_ctp_itself_does_not_know_are_27(tmp_path: Path) -> None:
    client = Trader(address_of(tmp_path)).connect()
    for name in ("ReqUserLoginWithCaptcha", "ReqUserLoginWithText", "ReqUserLoginWithOTP"):
        (call,) = client.ask(name, BrokerID="9999", UserID="alice", Password="secret")
        assert (call.name, call.error_id) == ("OnRspUserLogin", 27)
    for name in ("ReqUserAuthMethod", "ReqGenUserCaptcha", "ReqGenUserText"):
        (call,) = client.ask(name, BrokerID="9999", UserID="alice")
        assert call.error_id == 27
    client.api.Release()
