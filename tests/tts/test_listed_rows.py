"""Instrument rows of what ``markets=`` lists, as CTP shows them (spec ctp-semantics 8.4, 14.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ctp2.core.address import parse as parse_address
from ctp2.ctp import structs
from ctp2.refdata.ticks import DBL_MAX
from ctp2.tts.account import Account
from ctp2.tts.config import parse
from ctp2.tts.environments import World, build
from ctp2.tts.queries import QUERIES, Asker
from tests.tts.programs import address_of
from tests.tts.test_markets import US_DAY

MARKETS = "futures,options,etf_options,securities,hk,us,cme"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = tmp_path_factory.mktemp("listed")
    return build(parse(parse_address(address_of(folder, f"&markets={MARKETS}", US_DAY))), 0)


def rows(world: World, **members: str) -> list[Any]:
    asker = Asker(world, Account("alice", {}), "9999")
    return list(QUERIES["ReqQryInstrument"](asker, structs.CThostFtdcQryInstrumentField(**members)))


def row(world: World, exchange: str, code: str) -> Any:
    (found,) = rows(world, ExchangeID=exchange, InstrumentID=code)
    return found


@pytest.mark.proves("8.4 futures", "8.4 all")
def test_a_future(world: World) -> None:
    made = row(world, "SHFE", "rb2605")
    assert (made.ProductClass, made.OptionsType, made.StrikePrice, made.UnderlyingMultiple) == (
        "1",
        "",
        DBL_MAX,
        DBL_MAX,
    )
    assert (made.UnderlyingInstrID, made.CombinationType, made.ProductID) == ("rb", "0", "rb")
    assert (made.ExchangeInstID, made.IsTrading, made.InstLifePhase, made.PositionType) == ("rb2605", 1, "1", "2")
    assert (made.PositionDateType, made.MaxMarginSideAlgorithm) == ("1", "1")
    assert (made.DeliveryYear, made.DeliveryMonth, made.MaxLimitOrderVolume) == (2026, 5, 500)
    assert made.ExpireDate.startswith("202605")
    assert made.CreateDate <= made.OpenDate < made.ExpireDate <= made.StartDelivDate <= made.EndDelivDate
    assert (made.LongMarginRatio, made.ShortMarginRatio) == (made.ShortMarginRatio, made.LongMarginRatio)
    assert made.LongMarginRatio > 0


@pytest.mark.proves("8.4 all")
@pytest.mark.parametrize(
    ("exchange", "code", "date_type", "larger_side"),
    [
        ("INE", "sc2605", "1", "1"),
        ("DCE", "m2605", "2", "0"),
        ("CFFEX", "IF2603", "2", "1"),
        ("CZCE", "SR605", "2", "0"),
    ],
)
def test_position_types(world: World, exchange: str, code: str, date_type: str, larger_side: str) -> None:
    made = row(world, exchange, code)
    assert (made.PositionDateType, made.MaxMarginSideAlgorithm) == (date_type, larger_side)


@pytest.mark.proves("8.4 options", "8.4 ProductID")
@pytest.mark.parametrize(
    ("exchange", "product", "product_class"),
    [("SHFE", "cu_o", "2"), ("DCE", "m_o", "2"), ("CZCE", "SRC", "2"), ("CZCE", "SRP", "2"), ("CFFEX", "IO", "6")],
)
def test_an_option(world: World, exchange: str, product: str, product_class: str) -> None:
    made = rows(world, ExchangeID=exchange, ProductID=product)[0]
    assert (made.ProductClass, made.UnderlyingMultiple) == (product_class, 1.0)
    assert made.OptionsType in ("1", "2")
    assert 0 < made.StrikePrice < DBL_MAX
    assert made.UnderlyingInstrID
    if product.startswith("SR"):
        assert made.OptionsType == ("1" if product == "SRC" else "2")
        assert made.UnderlyingInstrID == made.InstrumentID[:5]


@pytest.mark.proves("14.1 ProductClass", "14.1 ExchangeID", "14.1 min volume")
@pytest.mark.parametrize(
    ("exchange", "code", "product_class", "least"),
    [
        ("SSE", "600519", "E", 100),
        ("SSE", "510300", "D", 100),
        ("SSE", "113050", "B", 10),
        ("HKEX", "00700", "E", 100),
        ("NASD", "AAPL", "E", 1),
        ("NYSE", "BRK.B", "E", 1),
        ("CME", "ESH6", "1", 1),
    ],
)
def test_a_security(world: World, exchange: str, code: str, product_class: str, least: int) -> None:
    made = row(world, exchange, code)
    assert (made.ProductClass, made.MinLimitOrderVolume) == (product_class, least)
    if product_class in ("E", "D", "B"):
        assert (made.LongMarginRatio, made.VolumeMultiple) == (1.0, 1)
